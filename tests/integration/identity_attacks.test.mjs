// SPDX-License-Identifier: Apache-2.0
//
// Attacks on who a client is, and on when that is found out: in a second ClientHello, between the
// handshake and the answer about a revocation, in the queue for a backend, on the next route, and
// behind a reload. Rows are those of docs/SECURITY.md.

import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { makeCrl } from "./support/crl.mjs";
import { before, Journal } from "./support/deadline.mjs";
import { startGateway } from "./support/gateway.mjs";
import { makeAnswer, startResponder } from "./support/ocsp_responder.mjs";
import { readMetrics, valueOf, WATCHED } from "./support/operator.mjs";
import { makePki } from "./support/pki.mjs";
import { answerWith, startScriptedBackend } from "./support/scripted_backend.mjs";
import { sayHelloTwice } from "./support/tls_by_hand.mjs";

const pki = makePki(after);
const backend = await startBackend({ after });
const issuer = pki.intermediate;
const alice = pki.client("alice");
const bob = pki.client("bob");
const CHAIN = {
    anchors: [{ name: "example", file: pki.root.certificate }],
    intermediates: [issuer.certificate],
};

const request = (target, { method = "GET", head = "" } = {}) =>
    `${method} ${target} HTTP/1.1\r\nHost: ${HOST}\r\n${head}\r\n`;

/* A folder that the gateway can read, whoever it has become. */
function makeFolder(context) {
    const folder = mkdtempSync(path.join(tmpdir(), "sallyport-identity-"));
    chmodSync(folder, 0o755);
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    return (name) => path.join(folder, name);
}

function put(list, file) {
    writeFileSync(`${file}.next`, list, { mode: 0o644 });
    renameSync(`${file}.next`, file);
}

async function isTaken(gateway, file, from) {
    const isIt = (line) => line.includes(`the revocation lists of '${file}' are new`);
    await gateway.events.find(isIt, "the new list", from);
}

/* ---- rows 13 and 14: a second ClientHello --------------------------------------------------- */

test("a second ClientHello is not about another name", async (context) => {
    const strict = { trust: [pki.root.certificate] };
    const named = (name, client) => ({
        ...listener(pki, backend, 1, name, client),
        hosts: [`${name}.gateway.test`],
    });
    const gateway = await startGateway(
        context,
        configuration([named("open", { mode: "none" }), named("strict", strict)]),
        { listeners: 2 },
    );
    const endpoint = gateway.endpoint("open");
    const open = { host: "open.gateway.test", alpn: "http/1.1" };
    const hello = (second, first = open) =>
        sayHelloTwice(endpoint, first, { ...open, ...second });
    const ILLEGAL_PARAMETER = 47;
    const NO_APPLICATION_PROTOCOL = 120;
    assert.equal(await hello({}), null);
    assert.equal(await hello({ host: "strict.gateway.test" }), ILLEGAL_PARAMETER);
    assert.equal(await hello({ host: null }), ILLEGAL_PARAMETER);
    assert.equal(await hello({}, { ...open, host: null }), ILLEGAL_PARAMETER);
    const strictly = { ...open, host: "strict.gateway.test" };
    assert.equal(await hello({}, strictly), ILLEGAL_PARAMETER);
    /* There is one protocol, and no listener judges by it. */
    assert.equal(await hello({ alpn: "h2" }), NO_APPLICATION_PROTOCOL);
    assert.equal(await hello({}, { ...open, alpn: "h2" }), NO_APPLICATION_PROTOCOL);
    const record = await gateway.record((one) => one.detail?.includes("changed server_name"));
    assert.equal(record.type, "handshake");
});

/* ---- rows 11 and 29: revoked, and let on ---------------------------------------------------- */

/* The handshake cannot wait for the responder, whom it may not even ask: it goes on, and the
 * request waits. What comes of it must not be an acceptance, nor for whoever resumes. */
test("row 29: a handshake that goes on without an answer accepts nobody", async (context) => {
    const responder = await startResponder(context);
    const asked = new Journal();
    const url = responder.on("/held", (question, response) => {
        asked.add(() => response.end(makeAnswer(question, issuer, { status: "revoked" })));
    });
    const silent = responder.on("/silent", () => undefined);
    const trust = (where, number) => ({
        ...listener(pki, backend, number, `asks-${number}`, {
            trust: {
                ...CHAIN,
                revocation: { sources: ["ocsp"], ocsp: { responder: where, timeout: "1s" } },
            },
            on_failure: "alert",
        }),
    });
    const gateway = await startGateway(
        context,
        configuration([trust(url, 1), trust(silent, 2)], { fetch: { allow: ["127.0.0.0/8"] } }),
        { listeners: 2 },
    );
    const count = backend.count;
    for (const [version, credential] of [
        ["1.3", alice],
        ["1.2", bob],
    ]) {
        const options = { credential, version };
        const endpoint = gateway.endpoint("asks-2");
        const client = await connect(context, pki, endpoint, options);
        const refused = await client.request(request("/unanswered"));
        assert.equal(refused.status, 400, version);
        assert.match(refused.body, /ocsp_unavailable|revocation_timeout/);
    }
    const first = await connect(context, pki, gateway.endpoint("asks-1"), { credential: alice });
    const session = await first.sessions.find(() => true, "a session");
    const resumed = await connect(context, pki, gateway.endpoint("asks-1"), {
        credential: alice,
        more: { session },
    });
    assert.ok(resumed.socket.isSessionReused());
    first.send(request("/first"));
    resumed.send(request("/resumed"));
    (await asked.find(() => true, "the question"))();
    for (const client of [first, resumed]) {
        const refused = await client.answer();
        assert.equal(refused.status, 400);
        assert.match(refused.body, /certificate_revoked/);
    }
    assert.equal(backend.count, count, "a request has reached the backend");
    /* Now it is known, and said where it is found out. */
    const late = await connect(context, pki, gateway.endpoint("asks-1"), { credential: alice });
    late.send(request("/late"));
    assert.equal(await late.closed(), "");
    assert.match(late.error?.code ?? "", /CERTIFICATE_REVOKED/);
});

test("row 11: whoever is revoked in the queue for a backend does not reach it", async (context) => {
    const held = new Journal();
    const scripted = await startScriptedBackend(context, {
        "/hold": (socket) => held.add(() => answerWith(socket, "held")),
        "/queued": (socket) => answerWith(socket, "served"),
    });
    const file = makeFolder(context)("issuing.crl");
    put(makeCrl(issuer, { number: 1 }), file);
    const trust = { ...CHAIN, revocation: { sources: ["crl"], crl: { files: [file] } } };
    const gateway = await startGateway(
        context,
        configuration([listener(pki, { url: "app" }, 1, "queue", { trust })], {
            ...WATCHED,
            backends: { app: { endpoints: [scripted.url], connections: 1, queue: { size: 9 } } },
        }),
    );
    const reach = (credential) => connect(context, pki, gateway.endpoint(), { credential });
    const [holder, revoked, other] = [await reach(bob), await reach(alice), await reach(bob)];
    holder.send(request("/hold"));
    const release = await held.find(() => true, "the request that is held");
    revoked.send(request("/queued"));
    other.send(request("/queued"));
    const queued = async () =>
        valueOf(await readMetrics(gateway), "sallyport_backend_queued_requests", {
            backend: "app",
        });
    await before(
        (async () => {
            while ((await queued()) < 2);
        })(),
        "two in the queue",
    );
    const from = gateway.events.items.length;
    put(makeCrl(issuer, { number: 2, revoked: [alice] }), file);
    await isTaken(gateway, file, from);
    release();
    assert.equal((await holder.answer()).status, 200);
    const refused = await revoked.answer();
    assert.equal(refused.status, 400);
    assert.match(refused.body, /certificate_revoked/);
    assert.equal((await other.answer()).body, "served");
    assert.equal(scripted.count("/queued"), 1);
});

/* ---- rows 6 and 8: what one route knows, and another asks ----------------------------------- */

test("row 8: what one route puts up with is not remembered for another", async (context) => {
    const responder = await startResponder(context);
    const url = responder.on("/unknown", (question) =>
        makeAnswer(question, issuer, { status: "unknown" }),
    );
    const file = makeFolder(context)("issuing.crl");
    put(makeCrl(issuer, { number: 1, revoked: [bob] }), file);
    const profile = (revocation) => ({ ...CHAIN, ...(revocation && { revocation }) });
    const ocsp = { responder: url, timeout: "1s" };
    const profiles = {
        unchecked: profile(),
        listed: profile({ sources: ["crl"], crl: { files: [file] } }),
        both: profile({ sources: ["crl", "ocsp"], require: "all", crl: { files: [file] }, ocsp }),
        asked: profile({ sources: ["ocsp"], ocsp }),
    };
    const routes = Object.keys(profiles).map((name) => ({
        ...{ name, paths: [`/${name}`], backend: backend.url },
        client_certificate: { trust: name },
    }));
    const gateway = await startGateway(
        context,
        configuration([listener(pki, backend, 1, "routes", { trust: "unchecked" }, { routes })], {
            trust_profiles: profiles,
            fetch: { allow: ["127.0.0.0/8"] },
        }),
    );
    const expected = {
        alice: { unchecked: 200, listed: 200, both: 400, asked: 400 },
        bob: { unchecked: 200, listed: 400, both: 400, asked: 400 },
    };
    for (const [who, credential] of Object.entries({ alice, bob })) {
        for (let round = 0; round < 3; round++) {
            for (const [name, status] of Object.entries(expected[who])) {
                /* A refusal ends the connection; what is remembered does not live there. */
                const client = await connect(context, pki, gateway.endpoint(), { credential });
                const answer = await client.request(request(`/${name}`));
                client.end();
                assert.equal(answer.status, status, `${who} ${name} ${round}`);
            }
        }
    }
});

/* ---- rows 7 and 12: what a policy said before ----------------------------------------------- */

test("row 7: nothing of a policy is left when another one takes its place", async (context) => {
    const allow = (CN, user) => ({ allow: { subject: { CN } }, ...(user && { user }) });
    const deny = (CN) => ({ deny: { subject: { CN } } });
    const configured = (rules) =>
        configuration(
            [
                listener(
                    ...[pki, backend, 1, "policed", { trust: CHAIN }],
                    {
                        routes: [
                            {
                                ...{ name: "all", backend: backend.url, policy: "p" },
                                identity_headers: ["user"],
                            },
                        ],
                    },
                ),
            ],
            { policies: { p: rules } },
        );
    /* Each has its rules at other places than the one before it. */
    const steps = [
        { rules: [deny("bob"), allow("alice", "root")], alice: "root", bob: 403 },
        { rules: [allow("bob", "root"), allow("alice")], alice: undefined, bob: "root" },
        { rules: [deny("alice"), allow("bob")], alice: 403, bob: undefined },
        { rules: [allow("nobody"), allow("bob"), allow("alice", "a")], alice: "a", bob: undefined },
        { rules: [allow("nobody", "root")], alice: 403, bob: 403 },
    ];
    const gateway = await startGateway(context, configured(steps[0].rules));
    const reach = (credential) => connect(context, pki, gateway.endpoint(), { credential });
    const clients = { alice: await reach(alice), bob: await reach(bob) };
    for (const [number, step] of steps.entries()) {
        if (number > 0) await gateway.reload(configured(step.rules));
        for (const name of ["alice", "bob"]) {
            const from = backend.count;
            const head = "X-Client-Cert-User: root\r\n";
            const answer = await clients[name].request(request(`/${number}`, { head }));
            const what = `step ${number}, ${name}`;
            assert.equal(answer.status, step[name] === 403 ? 403 : 200, what);
            if (answer.status !== 200) continue;
            const got = backend.requests.items[from].values("X-Client-Cert-User");
            assert.deepEqual(got, step[name] === undefined ? [] : [step[name]], what);
        }
    }
});

/* ---- row 35: a rule that is read in one way only --------------------------------------------- */

/* There are backends that take "delete" for DELETE. */
test("row 35: a method that is denied or demanded has one spelling", async (context) => {
    const rules = [{ deny: { methods: ["DELETE"] } }, { allow: { everybody: true } }];
    const routes = [
        { name: "policed", paths: ["/policed"], backend: backend.url, policy: "p" },
        {
            ...{ name: "demand", methods: ["DELETE"], backend: backend.url },
            client_certificate: { mode: "required", trust: CHAIN },
        },
        { name: "rest", backend: backend.url },
    ];
    const client = { trust: CHAIN, mode: "optional" };
    const gateway = await startGateway(
        context,
        configuration([listener(pki, backend, 1, "methods", client, { routes })], {
            policies: { p: rules },
        }),
    );
    const ask = async (method, target, credential) => {
        const reached = await connect(context, pki, gateway.endpoint(), { credential });
        return (await reached.request(request(target, { method }))).status;
    };
    const count = backend.count;
    assert.equal(await ask("DELETE", "/policed", alice), 403);
    assert.equal(await ask("DELETE", "/other"), 400);
    for (const method of ["delete", "Delete", "DELETe"]) {
        assert.equal(await ask(method, "/policed", alice), 501, method);
        assert.equal(await ask(method, "/other"), 501, method);
    }
    assert.equal(backend.count, count);
    assert.equal(await ask("DELETE", "/other", alice), 200);
});
