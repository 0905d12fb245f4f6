// SPDX-License-Identifier: Apache-2.0
//
// Backends behind TLS: who they are is checked always, chain and name, and each way to fail has a
// reason of its own. Nothing of a request goes to a backend that is not who it should be.

import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import https from "node:https";
import { createServer } from "node:net";
import path from "node:path";
import { after, describe, test } from "node:test";

import { connect, curl, HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { startGateway, runProgram } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";
import { answerWith, startScriptedBackend } from "./support/scripted_backend.mjs";

const pki = makePki(after);
const DAY_MS = 24 * 60 * 60 * 1000;
const day = (ahead) => new Date(Date.now() + ahead * DAY_MS);
const SERVER = ["basicConstraints=critical,CA:FALSE", "extendedKeyUsage=serverAuth"];
const LOOPBACK = "subjectAltName=IP:127.0.0.1";

const issue = (name, options = {}) =>
    pki.issue(`backend-${name}`, {
        issuer: pki.root,
        subject: "/O=Example/CN=127.0.0.1",
        extensions: [...SERVER, LOOPBACK],
        ...options,
    });
const named = (name, ...names) =>
    issue(name, { extensions: [...SERVER, `subjectAltName=${names.join(",")}`] });
const keys = (credential) => ({
    key: readFileSync(credential.key),
    cert: readFileSync(credential.chain),
});

const good = issue("good");
const bigAnswer = "0123456789abcdef".repeat(64 * 1024);
const scripts = {
    "/who": (socket) =>
        answerWith(
            socket,
            JSON.stringify({
                servername: socket.servername || null,
                alpn: socket.alpnProtocol || null,
                client: socket.getPeerCertificate?.()?.subject?.CN ?? null,
                protocol: socket.getProtocol?.(),
            }),
        ),
    "/big": (socket) => answerWith(socket, bigAnswer),
    "/close": (socket) => {
        answerWith(socket, "bye");
        socket.end();
    },
    "/until-close": (socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nall of it"),
    "/until-cut": (socket) =>
        socket.write("HTTP/1.1 200 OK\r\n\r\nnot all of it", () => socket.destroy()),
};

async function secure(credential, options = {}) {
    const secure = { ...keys(credential), ...options };
    return startScriptedBackend({ after }, scripts, { secure });
}

/* Accepts connections and does with each what it is told; no TLS of its own. */
async function raw(serve) {
    const sockets = new Set();
    const server = createServer((socket) => {
        sockets.add(socket);
        socket.on("error", () => {});
        serve(socket);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    after(() => {
        for (const socket of sockets) socket.destroy();
        server.close();
    });
    return { url: `https://127.0.0.1:${server.address().port}` };
}

/* Answers with what it was sent. */
async function startEcho() {
    const server = https.createServer(keys(good), (request, response) => {
        const parts = [];
        request.on("data", (part) => parts.push(part));
        request.on("end", () => response.end(Buffer.concat(parts)));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    after(() => server.close());
    return { url: `https://127.0.0.1:${server.address().port}` };
}

/* ---- everybody, behind one gateway ---------------------------------------------------------- */

const trust = [pki.root.certificate];
const good12 = await secure(good, { maxVersion: "TLSv1.2", ALPNProtocols: ["http/1.1"] });
const good13 = await secure(good, { minVersion: "TLSv1.3", ALPNProtocols: ["http/1.1"] });
const byName = await secure(named("by-name", "DNS:app.internal", "DNS:*.wild.internal"));
const demanding = await secure(good, {
    requestCert: true,
    ca: readFileSync(pki.root.certificate),
    maxVersion: "TLSv1.2",
});
const demanding13 = await secure(good, {
    requestCert: true,
    ca: readFileSync(pki.root.certificate),
    minVersion: "TLSv1.3",
});
const partner = issue("gateway", {
    subject: "/O=Example/CN=the-gateway",
    extensions: ["basicConstraints=critical,CA:FALSE", "extendedKeyUsage=clientAuth"],
});
const ours = { chain: partner.chain, key: partner.key };

/* name: [reason, backend, its tls settings] */
const REFUSED = {
    expired: [
        "backend_certificate_expired",
        await secure(issue("expired", { from: day(-20), until: day(-10) })),
    ],
    "not-yet-valid": [
        "backend_certificate_expired",
        await secure(issue("not-yet-valid", { from: day(10), until: day(20) })),
    ],
    stranger: [
        "backend_certificate_untrusted",
        await secure(issue("stranger", { issuer: pki.strangerRoot })),
    ],
    "self-signed": [
        "backend_certificate_untrusted",
        await secure(issue("self-signed", { issuer: undefined })),
    ],
    "without-intermediate": [
        "backend_certificate_untrusted",
        await (async () => {
            const leaf = issue("lonely", { issuer: pki.intermediate });
            return secure(leaf, { cert: readFileSync(leaf.certificate) });
        })(),
    ],
    "other-name": ["backend_certificate_name", await secure(named("other", "DNS:other.internal"))],
    "name-in-subject-only": [
        "backend_certificate_name",
        await secure(issue("subject", { extensions: SERVER })),
    ],
    "address-as-name": [
        "backend_certificate_name",
        await secure(named("address-as-name", "DNS:127.0.0.1")),
    ],
    "wildcard-of-two": ["backend_certificate_name", byName, { server_name: "a.b.wild.internal" }],
    "other-server-name": ["backend_certificate_name", good12, { server_name: "app.internal" }],
    "a-client": [
        "backend_certificate_invalid",
        await secure(
            issue("a-client", {
                extensions: [
                    "basicConstraints=critical,CA:FALSE",
                    "extendedKeyUsage=clientAuth",
                    LOOPBACK,
                ],
            }),
        ),
    ],
    "old-tls": ["backend_tls_version_unsupported", good12, { policy: { min_version: "1.3" } }],
    "wants-certificate": ["backend_tls_refused", demanding],
    "wants-certificate-13": ["backend_tls_refused", demanding13],
    "no-shared-cipher": [
        "backend_tls_refused",
        good12,
        { policy: { max_version: "1.2", ciphers: ["ECDHE-RSA-AES128-GCM-SHA256"] } },
    ],
    plain: ["backend_tls_failed", await raw((socket) => socket.end("HTTP/1.1 400 Bad\r\n\r\n"))],
    "closes-at-once": ["backend_tls_failed", await raw((socket) => socket.end())],
    "resets-at-once": ["backend_tls_failed", await raw((socket) => socket.resetAndDestroy())],
    garbage: [
        "backend_tls_failed",
        await raw((socket) => socket.write(Buffer.alloc(100_000, "\x16\x03\x03\xff\xff"))),
    ],
    hangs: ["backend_connect_timeout", await raw(() => {})],
};

const ACCEPTED = {
    echo: [await startEcho(), {}],
    "tls-1.2": [good12, {}],
    "tls-1.3": [good13, {}],
    "server-name": [byName, { server_name: "app.internal" }],
    wildcard: [byName, { server_name: "one.wild.internal" }],
    "shows-ours": [demanding, { certificate: ours }],
    "shows-ours-13": [demanding13, { certificate: ours }],
};

const backends = {};
for (const [name, [, backend, settings]] of Object.entries(REFUSED)) {
    backends[name] = { endpoints: [backend.url], tls: { trust, ...settings } };
}
backends.hangs.timeouts = { connect: "300ms" };
for (const [name, [backend, settings]] of Object.entries(ACCEPTED)) {
    backends[name] = { endpoints: [backend.url], tls: { trust, ...settings } };
}
const routes = Object.keys(backends).map((name) => ({
    name,
    paths: [`/${name}/*`],
    backend: name,
}));
const gateway = await startGateway(
    { after },
    configuration([listener(pki, {}, 1, "all", { mode: "none" }, { routes })], { backends }),
);

const request = (name, target, { method = "GET", head = "" } = {}) =>
    `${method} /${name}${target} HTTP/1.1\r\nHost: ${HOST}\r\n${head}\r\n`;
const client = (t) => connect(t, pki, gateway.endpoint());
const who = async (connection, name) => {
    const answer = await connection.request(request(name, "/who"));
    assert.equal(answer.status, 200, answer.body);
    return JSON.parse(answer.body);
};

describe("a backend that is who it should be", () => {
    test("is spoken to in either version, with ALPN", async (t) => {
        const connection = await client(t);
        const older = await who(connection, "tls-1.2");
        assert.deepEqual([older.protocol, older.alpn], ["TLSv1.2", "http/1.1"]);
        const newer = await who(connection, "tls-1.3");
        assert.deepEqual([newer.protocol, newer.alpn], ["TLSv1.3", "http/1.1"]);
    });

    test("is asked for by its name, and never by an address", async (t) => {
        const connection = await client(t);
        assert.equal((await who(connection, "tls-1.3")).servername, null);
        assert.equal((await who(connection, "server-name")).servername, "app.internal");
        assert.equal((await who(connection, "wildcard")).servername, "one.wild.internal");
    });

    test("is shown our certificate when it asks", async (t) => {
        const connection = await client(t);
        assert.equal((await who(connection, "shows-ours")).client, "the-gateway");
        assert.equal((await who(connection, "shows-ours-13")).client, "the-gateway");
    });

    test("keeps its connections", async (t) => {
        const connection = await client(t);
        await who(connection, "tls-1.3");
        const before = good13.connections;
        for (let i = 0; i < 10; i++) await who(connection, "tls-1.3");
        assert.equal(good13.connections, before);
    });

    test("resumes its sessions", async (t) => {
        const connection = await client(t);
        for (const [name, backend] of [
            ["tls-1.2", good12],
            ["tls-1.3", good13],
        ]) {
            const before = backend.resumed;
            for (let i = 0; i < 3; i++) {
                const closed = backend.closed.items.length;
                assert.equal((await connection.request(request(name, "/close"))).body, "bye");
                await backend.closed.find(() => true, "the connection to close", closed);
            }
            assert.ok(backend.resumed >= before + 2, `${name}: ${backend.resumed - before}`);
        }
    });

    test("sends and gets large contents", async (t) => {
        for (const name of ["tls-1.2", "tls-1.3"]) {
            const connection = await client(t);
            const answer = await connection.request(request(name, "/big"));
            assert.equal(answer.body, bigAnswer);
        }
        const connection = await client(t);
        const content = bigAnswer.repeat(2);
        const head = `Content-Length: ${content.length}\r\n`;
        for (let i = 0; i < 2; i++) {
            const posted = await connection.request(
                `${request("echo", "/posted", { method: "POST", head })}${content}`,
            );
            assert.equal(posted.status, 200);
            assert.equal(posted.body, content);
        }
    });

    test("that ends an answer by closing is believed only with close_notify", async () => {
        const at = { ...gateway.endpoint() };
        const whole = await curl(pki, at, { path: "/tls-1.3/until-close" });
        assert.equal(whole.body, "all of it");
        const cut = await curl(pki, at, { path: "/tls-1.3/until-cut" });
        assert.equal(cut.status, 0, "curl took it for complete");
    });
});

describe("a backend that is not who it should be", () => {
    for (const [name, [reason, backend]] of Object.entries(REFUSED)) {
        test(`${name}: 502 ${reason}, and others are served`, async (t) => {
            const [connection, witness] = [await client(t), await client(t)];
            await who(witness, "tls-1.3");
            const asked = backend.requests?.items.length;
            const target = `/${name}/secret`;
            const [answer] = await Promise.all([
                connection.request(request(name, "/secret")),
                who(witness, "tls-1.3"),
            ]);
            await who(witness, "tls-1.2");
            const record = await gateway.record((one) => one.target === target, target);
            assert.equal(record.reason, reason, JSON.stringify(record));
            assert.equal(answer.status, reason === "backend_connect_timeout" ? 504 : 502);
            assert.match(answer.body, new RegExp(reason));
            assert.equal(record.fault, "backend");
            const sent = backend.requests?.items.slice(asked) ?? [];
            assert.deepEqual(sent.filter((one) => one.target === target), []);
            await who(connection, "tls-1.3");
        });
    }
});

/* ---- files ---------------------------------------------------------------------------------- */

const trusting = (backend, file, more = {}) =>
    configuration([listener(pki, { url: "app" }, 1, "all", { mode: "none" })], {
        backends: { app: { endpoints: [backend.url], tls: { trust: [file], ...more } } },
    });

test("a trust file that cannot be used refuses the reload and changes nothing", async (t) => {
    const file = path.join(pki.folder, "changing.pem");
    copyFileSync(pki.root.certificate, file);
    const own = await startGateway(t, trusting(good13, file));
    const get = (target) => curl(pki, own.endpoint(), { path: target });
    assert.equal((await get("/who")).status, 200);
    const half = readFileSync(pki.root.certificate, "latin1").slice(0, 300);
    for (const content of ["", "no certificate\n", half]) {
        writeFileSync(file, content);
        const { reloaded, said } = await own.reload(trusting(good13, file));
        assert.equal(reloaded, false);
        assert.match(said, /changing\.pem/);
        assert.equal((await get("/who")).status, 200);
    }
    /* The same settings, and a file that says something else now. */
    copyFileSync(pki.strangerRoot.certificate, file);
    assert.equal((await own.reload(trusting(good13, file))).reloaded, true);
    const refused = await get("/who-now");
    assert.equal(refused.status, 502);
    const record = await own.record((one) => one.target === "/who-now");
    assert.equal(record.reason, "backend_certificate_untrusted");
});

test("a key that is not the certificate's refuses the start", async () => {
    const file = path.join(pki.folder, "wrong-key.yaml");
    const certificate = { chain: partner.chain, key: good.key };
    writeFileSync(file, trusting(good13, pki.root.certificate, { certificate }));
    const { status, stderr } = await runProgram("check", file);
    assert.equal(status, 1);
    assert.match(stderr, /wrong-key\.yaml:\d+:\d+: .*key/);
});

test("without a trust file the system's CAs are asked, who do not know ours", async (t) => {
    const own = await startGateway(
        t,
        configuration([listener(pki, good13, 1, "all", { mode: "none" })]),
    );
    assert.equal((await curl(pki, own.endpoint(), { path: "/system" })).status, 502);
    const record = await own.record((one) => one.target === "/system");
    assert.equal(record.reason, "backend_certificate_untrusted");
});
