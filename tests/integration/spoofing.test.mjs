// SPDX-License-Identifier: Apache-2.0
//
// Identity that cannot be spoofed: whatever a client writes in a header, a trailer or Connection,
// the backend hears of a client's certificate from the gateway alone.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";

const FORGED = "forged-by-the-client";

/* What gateways and frameworks carry a client's identity in. */
const IDENTITY_NAMES = [
    ...["Client-Cert", "Client-Cert-Chain", "X-ARR-ClientCert", "X-ARR-SSL", "X-Client-Cert"],
    ...["X-Client-Cert-Verification", "X-Client-Cert-Subject", "X-Client-Cert-Issuer"],
    ...["X-Client-Cert-Serial", "X-Client-Cert-Sha256", "X-Client-Cert-Sha1"],
    ...["X-Client-Cert-Principal", "X-Client-Certificate", "X-Client-Verify", "X-Client-DN"],
    ...["X-ClientCert", "X-SSL-Cert", "X-SSL-Client-Cert", "X-SSL-Client-Verify"],
    ...["X-SSL-Client-DN", "X-SSL-Client-S-DN", "X-SSL-Client-Serial", "X-SSL-Client-SHA1"],
    ...["SSL-Client-Cert", "SSL-Client-Subject-DN", "SSL-Client-Issuer-DN", "SSL-Client-Verify"],
    ...["X-Forwarded-Client-Cert", "X-Forwarded-Tls-Client-Cert"],
    ...["X-Forwarded-Tls-Client-Cert-Info", "X-Amzn-Mtls-Clientcert"],
    ...["X-Amzn-Mtls-Clientcert-Leaf", "X-Amzn-Mtls-Clientcert-Subject", "Cf-Client-Cert-Sha256"],
    ...["X-MS-CLIENT-PRINCIPAL", "X-MS-CLIENT-PRINCIPAL-NAME", "Remote-User", "X-Remote-User"],
];

/* Where a request came from and for whom it is: replaced or removed, never passed on. */
const FORWARDING_NAMES = [
    ...["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Host"],
    ...["X-Forwarded-Prefix", "X-Forwarded-User", "Forwarded", "X-Original-URL"],
    ...["X-Original-Host", "X-Rewrite-URL", "Client-IP", "X-Real-IP", "True-Client-IP", "Proxy"],
];

const pki = makePki(after);
const backend = await startBackend({ after });
const trust = [pki.root.certificate];
const gateway = await startGateway(
    { after },
    configuration([
        listener(pki, backend, 1, "required", { trust }),
        listener(pki, backend, 2, "optional", { trust, mode: "optional" }),
        listener(pki, backend, 3, "unverified", { mode: "unverified" }),
        listener(pki, backend, 4, "none", { mode: "none" }, { identity_headers: [] }),
        listener(
            pki,
            backend,
            5,
            "named",
            { trust },
            {
                identity_headers: [
                    "client-cert",
                    "verification",
                    { name: "X-Partner-Name", format: "subject" },
                ],
            },
        ),
        listener(
            pki,
            backend,
            6,
            "passing",
            { mode: "unverified" },
            {
                identity_headers: ["client-cert", "verification"],
                routes: [{ backend: backend.url, unverified: true }],
            },
        ),
    ]),
    { listeners: 6 },
);

const MODES = {
    required: pki.good,
    optional: undefined,
    unverified: pki.stranger,
    none: undefined,
};

/* A connection is used again until the gateway closes it: this is about heads, not handshakes. */
const open = new Map();
after(() => open.forEach((client) => client.end()));

async function connected(name, credential, version) {
    const key = `${name} ${credential?.name} ${version}`;
    if (!open.has(key)) {
        const endpoint = gateway.endpoint(name);
        open.set(key, await connect({ after() {} }, pki, endpoint, { credential, version }));
    }
    return { client: open.get(key), forget: () => open.delete(key) };
}

/* Sends one request with these header lines; the answer, and what the backend was asked. */
async function send(name, lines, options = {}) {
    const { method = "GET", path = "/", body = "" } = options;
    const { credential = MODES[name], version } = options;
    const { client, forget } = await connected(name, credential, version);
    const count = backend.count;
    const head = [`${method} ${path} HTTP/1.1`, `Host: ${HOST}`, ...lines, "", ""].join("\r\n");
    const answer = await client.request(head + body);
    if (answer?.value("Connection") === "close") forget();
    assert.deepEqual(backend.malformed, []);
    return { answer, asked: backend.requests.items.slice(count) };
}

/* Was the request passed on without a trace of what the client claimed? */
function assertStripped({ answer, asked }, what) {
    assert.equal(answer.status, 200, what);
    assert.equal(asked.length, 1, what);
    assert.ok(!asked[0].head.includes(FORGED), `${what} reached the backend:\n${asked[0].head}`);
    assert.deepEqual(asked[0].trailers, [], what);
}

function assertRefused({ answer, asked }, what) {
    assert.equal(answer?.status, 400, what);
    assert.deepEqual(asked, [], `${what} reached the backend`);
}

for (const name of Object.keys(MODES)) {
    describe(`on a listener with mode ${name}`, () => {
        test("no identity header of the client reaches the backend", async () => {
            for (const header of [...IDENTITY_NAMES, ...FORWARDING_NAMES]) {
                for (const written of [header, header.toLowerCase(), header.toUpperCase()]) {
                    const lines = [`${written}: ${FORGED}`, `${written}: ${FORGED}`];
                    const result = await send(name, lines);
                    assertStripped(result, written);
                }
            }
        });

        test("not all of them at once either", async () => {
            const lines = IDENTITY_NAMES.map((header) => `${header}: ${FORGED}`);
            assertStripped(await send(name, lines), "all of them");
        });

        test("a name that a backend may read as another is refused", async () => {
            for (const header of IDENTITY_NAMES) {
                for (const separator of ["_", ".", "!", "~"]) {
                    const written = header.replaceAll("-", separator);
                    if (written === header) continue;
                    assertRefused(await send(name, [`${written}: ${FORGED}`]), written);
                }
            }
        });

        test("no trailer says who the client is", async () => {
            for (const header of [...IDENTITY_NAMES, ...FORWARDING_NAMES, "X_ARR_ClientCert"]) {
                const result = await send(
                    name,
                    ["Transfer-Encoding: chunked", `Trailer: ${header}`],
                    { method: "POST", body: `3\r\nabc\r\n0\r\n${header}: ${FORGED}\r\n\r\n` },
                );
                assertStripped(result, `the trailer ${header}`);
                assert.equal(result.asked[0].content.toString(), "abc");
            }
        });

        test("Connection removes no header that matters", async () => {
            const others = ["Host", "Authorization", "Content-Length", "Transfer-Encoding", "Via"];
            for (const header of [...IDENTITY_NAMES, ...FORWARDING_NAMES, ...others]) {
                for (const value of [header, `close, ${header.toLowerCase()}`, `x ,\t${header}`]) {
                    const lines = ["Authorization: Basic eDp5", `Connection: ${value}`];
                    assertRefused(await send(name, lines), `Connection: ${value}`);
                }
            }
        });

        test("Connection removes what is the client's to remove", async () => {
            const lines = [`X-Hop: ${FORGED}`, "X-Stay: here", "Connection: x-hop"];
            const result = await send(name, lines);
            assertStripped(result, "X-Hop");
            assert.deepEqual(result.asked[0].values("X-Stay"), ["here"]);
        });

        test("a header hidden in another is refused", async () => {
            for (const line of [
                `X-A: b\r\n Client-Cert: ${FORGED}`,
                `X-A: b\r\n\tClient-Cert: ${FORGED}`,
                `X-A: b\nClient-Cert: ${FORGED}`,
                `X-A: b\rClient-Cert: ${FORGED}`,
                `X-A: b\0Client-Cert: ${FORGED}`,
                `Client-Cert : ${FORGED}`,
                `Client-Cert\t: ${FORGED}`,
                ` Client-Cert: ${FORGED}`,
                `: ${FORGED}`,
                "Client-Cert",
            ]) {
                assertRefused(await send(name, [line]), JSON.stringify(line));
            }
        });

        test("where the request came from is said by the gateway", async () => {
            const { asked } = await send(name, [
                `X-Forwarded-For: ${FORGED}`,
                "X-Forwarded-Proto: http",
                "X-Forwarded-Host: elsewhere.test",
                `Forwarded: for=${FORGED}`,
            ]);
            assert.equal(asked[0].values("X-Forwarded-For").length, 1);
            assert.match(asked[0].value("X-Forwarded-For"), /^127\.0\.0\.\d+$/);
            assert.deepEqual(asked[0].values("X-Forwarded-Proto"), ["https"]);
            assert.deepEqual(asked[0].values("X-Forwarded-Host"), [HOST]);
            assert.deepEqual(asked[0].values("Forwarded"), []);
        });
    });
}

test("what was removed is counted in the record", async () => {
    const lines = ["Client-Cert: :AA==:", "X-ARR-ClientCert: AA==", "client-cert: :AA==:"];
    await send("required", lines, { path: "/counted" });
    const record = await gateway.record(({ target }) => target === "/counted", "its record");
    assert.equal(record.stripped_headers, 3);
});

test("a forged certificate beside a true one leaves the true one", async () => {
    for (const version of ["1.2", "1.3"]) {
        const lines = ["Client-Cert: :AA==:", `X-Partner-Name: ${FORGED}`];
        const options = { credential: pki.good, version };
        const { asked } = await send("named", lines, options);
        assert.deepEqual(asked[0].values("Client-Cert"), [`:${pki.good.derBase64}:`]);
        assert.deepEqual(asked[0].values("X-Partner-Name"), ["CN=good,O=Example"]);
        assert.deepEqual(asked[0].values("X-Client-Cert-Verification"), ["SUCCESS"]);
    }
});

test("a name that one route fills is removed on every listener", async () => {
    for (const name of Object.keys(MODES)) {
        for (const written of ["X-Partner-Name", "x-partner-NAME"]) {
            assertStripped(await send(name, [`${written}: ${FORGED}`]), `${written} on ${name}`);
        }
        assertRefused(await send(name, [`X_Partner_Name: ${FORGED}`]), `folded, on ${name}`);
    }
});

test("what nobody verified is forwarded only where a route says so, and marked", async () => {
    const credential = pki.stranger;
    const passing = await send("passing", [`Client-Cert: ${FORGED}`], { credential });
    assert.deepEqual(passing.asked[0].values("Client-Cert"), [`:${credential.derBase64}:`]);
    assert.deepEqual(passing.asked[0].values("X-Client-Cert-Verification"), ["PASSTHROUGH"]);
    const silent = await send("unverified", [], { credential });
    assert.deepEqual(silent.asked[0].values("Client-Cert"), []);
    const nobody = await send("passing", [`Client-Cert: ${FORGED}`], {});
    assert.deepEqual(nobody.asked[0].values("Client-Cert"), []);
    assert.deepEqual(nobody.asked[0].values("X-Client-Cert-Verification"), ["NONE"]);
});

test("identity does not leak from one client to the next over a shared connection", async () => {
    const before = backend.connections;
    const clients = [pki.good, pki.rsa, pki.good, pki.rsa];
    for (const credential of clients) {
        const { asked } = await send("required", [], { credential });
        assert.deepEqual(asked[0].values("Client-Cert"), [`:${credential.derBase64}:`]);
    }
    const { asked } = await send("optional", []);
    assert.deepEqual(asked[0].values("Client-Cert"), []);
    assert.ok(backend.connections - before <= clients.length, "connections are shared");
});
