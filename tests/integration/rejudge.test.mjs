// SPDX-License-Identifier: Apache-2.0
//
// Judging again: what was once let through is ended when what let it through ends. Each kind of
// change meets clients in every situation, and others beside them to whom it must not matter.

import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, test } from "node:test";

import { connect, nodeGet } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { makeCrl } from "./support/crl.mjs";
import { startGateway } from "./support/gateway.mjs";
import { readMetrics, valueOf, WATCHED } from "./support/operator.mjs";
import { makePki } from "./support/pki.mjs";
import { compileClockStep } from "./support/service_manager.mjs";
import { answerWith, startScriptedBackend } from "./support/scripted_backend.mjs";

const pki = makePki(after);
const issuer = pki.intermediate;
const alice = pki.client("alice");
const bob = pki.client("bob");

/* A second is promised; the rest is for machines that are busy with other tests. */
const PROMISED_MS = 3000;
const PIECE = "16\r\nanother piece of this\n\r\n";
const get = (target, more = "") =>
    `GET ${target} HTTP/1.1\r\nHost: gateway.test\r\n${more}\r\n`;
const LAST = get("/", "Connection: close\r\n");

function makeFolder(context) {
    const folder = mkdtempSync(path.join(tmpdir(), "sallyport-rejudge-"));
    chmodSync(folder, 0o755);
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    return (...names) => path.join(folder, ...names);
}

function put(bytes, file) {
    writeFileSync(`${file}.next`, bytes, { mode: 0o644 });
    renameSync(`${file}.next`, file);
}

/* Downloads that never end, requests that are never answered, and one that is, when it is told. */
async function startBackend(context) {
    const held = [];
    const backend = await startScriptedBackend(context, {
        "/download": (socket) => {
            socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            const timer = setInterval(() => socket.write(PIECE), 50);
            socket.on("close", () => clearInterval(timer));
        },
        "/slow": () => {},
        "/upload": () => {},
        "/hold": (socket) => held.push(() => answerWith(socket, "held\n")),
        "/drop": (socket) => held.push(() => socket.destroy()),
    });
    backend.release = () => held.shift()();
    return backend;
}

function configure(backend, trust, { limits = {}, headers = [], policy, policies } = {}) {
    const clientCertificate = { mode: "required", trust };
    const one = { endpoints: [backend.url], connections: 1, queue: { size: 10, timeout: "30s" } };
    return configuration(
        [
            listener(pki, backend, 1, "main", clientCertificate, {
                identity_headers: headers,
                routes: [
                    { name: "queue", paths: ["/hold", "/queue"], backend: "one", policy },
                    { name: "all", backend: backend.url, policy },
                ],
            }),
        ],
        { ...WATCHED, backends: { one }, limits, ...(policies ? { policies } : {}) },
    );
}

/* ---- situations ---- */

const open = (context, gateway, credential, more = {}) =>
    connect(context, pki, gateway.endpoint("main"), { credential, more });

async function mySession(context, gateway, credential, more = {}) {
    const client = await open(context, gateway, credential, more);
    assert.equal((await client.request(LAST)).status, 200);
    return client.sessions.find(() => true, "a session");
}

async function received(backend, target, count) {
    while (backend.count(target) < count) {
        await backend.requests.find(() => true, target, backend.requests.items.length);
    }
}

/* A client in the middle of each. What must be there before the change is there. */
const SITUATIONS = {
    async download(context, gateway, backend, who) {
        const client = await open(context, gateway, who);
        const flowing = new Promise((resolve) => {
            client.socket.on("data", (part) => part.includes("another piece") && resolve());
        });
        client.send(get("/download"));
        await flowing;
        return { client, isBegun: true };
    },
    async upload(context, gateway, backend, who) {
        const before = backend.count("/upload");
        const client = await open(context, gateway, who);
        client.send(
            "POST /upload HTTP/1.1\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n",
        );
        const timer = setInterval(() => client.send(PIECE), 50);
        client.socket.on("close", () => clearInterval(timer));
        await received(backend, "/upload", before + 1);
        return { client };
    },
    async slow(context, gateway, backend, who) {
        const before = backend.count("/slow");
        const client = await open(context, gateway, who);
        client.send(get("/slow"));
        await received(backend, "/slow", before + 1);
        return { client };
    },
    async queue(context, gateway, backend, who) {
        const queued = async () =>
            valueOf(await readMetrics(gateway), "sallyport_backend_queued_requests", {
                backend: "one",
            });
        const before = await queued();
        const client = await open(context, gateway, who);
        client.send(get("/queue"));
        while ((await queued()) === before) continue;
        return { client };
    },
    async idle(context, gateway, backend, who) {
        const client = await open(context, gateway, who);
        assert.equal((await client.request(get("/"))).status, 200);
        return { client };
    },
};

/* A connection in each situation; somebody else holds the one connection of the queue's backend. */
async function openAll(context, gateway, backend, who) {
    const opened = {};
    if (backend.count("/hold") === 0) {
        (await open(context, gateway, bob)).send(get("/hold"));
        await received(backend, "/hold", 1);
    }
    for (const [name, begin] of Object.entries(SITUATIONS)) {
        opened[name] = await begin(context, gateway, backend, who);
    }
    return opened;
}

async function assertUnharmed(gateway, backend, others) {
    for (const name of ["download", "upload"]) {
        const { socket } = others[name].client;
        assert.ok(!socket.destroyed && socket.readable, `the other's ${name} goes on`);
    }
    const flowing = new Promise((resolve) => others.download.client.socket.on("data", resolve));
    await flowing;
    backend.release();
    assert.equal((await others.queue.client.answer()).status, 200);
    assert.equal((await others.idle.client.request(get("/"))).status, 200);
}

const TARGETS = { download: "/download", upload: "/upload", slow: "/slow", queue: "/queue" };

/* Who has had no answer gets one that says why; what was begun must not look complete. */
async function assertEnds(name, { client, isBegun }, reason, status) {
    if (name === "idle") {
        assert.equal(await client.closed(), "");
    } else if (isBegun) {
        assert.doesNotMatch(await client.closed(), /\r\n0\r\n\r\n$/);
    } else {
        const answer = await client.answer();
        assert.equal(answer.status, status, name);
        assert.match(answer.body, new RegExp(reason), name);
    }
}

async function assertRecorded(gateway, name, reason) {
    const record = await gateway.record(
        (one) =>
            /CN=alice/.test(one.certificate_subject) &&
            (name === "idle"
                ? one.type === "connection"
                : one.target === TARGETS[name] && one.reason !== "none"),
    );
    assert.equal(record.reason, reason, name);
    assert.match(record.detail, /^judged again/, name);
    if (name !== "idle") assert.match(record.principal, /alice/, name);
}

/* All of alice's has ended in time, with the reason in answers, log and metrics. */
async function assertEnded(gateway, opened, changedAt, reason, { idle = true, status = 400 } = {}) {
    for (const [name, situation] of Object.entries(opened)) {
        if (name === "idle" && !idle) continue;
        await assertEnds(name, situation, reason, status);
        const late = Date.now() - changedAt;
        assert.ok(late < PROMISED_MS, `${name} ended after ${late} ms`);
    }
    for (const name of Object.keys(opened)) {
        if (name !== "idle" || idle) await assertRecorded(gateway, name, reason);
    }
    const metrics = await readMetrics(gateway);
    const count = (labels) => valueOf(metrics, "sallyport_rejudged_total", labels);
    assert.equal(count({ result: "ended", reason }), 4);
    assert.equal(count({ result: "closed", reason }), idle ? 1 : 0);
}

/* ---- changes ---- */

describe("what a client does is ended, wherever it is, and what others do is not,", () => {
    test("when a list names it", async (context) => {
        const list = makeFolder(context)("issuing.crl");
        put(makeCrl(issuer, { number: 1 }), list);
        const backend = await startBackend(context);
        const revocation = { sources: ["crl"], crl: { files: [list] } };
        const trust = { anchors: [pki.root.certificate], intermediates: [issuer.certificate] };
        const gateway = await startGateway(context, configure(backend, { ...trust, revocation }));
        const mine = await openAll(context, gateway, backend, alice);
        const others = await openAll(context, gateway, backend, bob);
        put(makeCrl(issuer, { number: 2, revoked: [alice] }), list);
        await gateway.events.find((line) => line.includes("are new"), "the new list");
        await assertEnded(gateway, mine, Date.now(), "certificate_revoked");
        await assertUnharmed(gateway, backend, others);
    });

    test("when a reload trusts its authority no longer", async (context) => {
        const carol = pki.client("alice-of-others", {
            issuer: pki.otherRoot,
            subject: "/O=Else/CN=alice",
        });
        const backend = await startBackend(context);
        const trust = (...anchors) => ({ anchors: anchors.map((one) => one.certificate) });
        const gateway = await startGateway(
            context,
            configure(backend, trust(pki.root, pki.otherRoot)),
        );
        const mine = await openAll(context, gateway, backend, carol);
        const others = await openAll(context, gateway, backend, bob);
        const { reloaded, said } = await gateway.reload(configure(backend, trust(pki.root)));
        assert.ok(reloaded, said);
        const reason = "certificate_issuer_unknown";
        await assertEnded(gateway, mine, Date.now(), reason);
        await assertUnharmed(gateway, backend, others);
    });

    test("when a policy's file names it", async (context) => {
        const denied = makeFolder(context)("denied.txt");
        const mallory = pki.client("mallory").sha256;
        put(`${mallory}\n`, denied);
        const backend = await startBackend(context);
        const policies = {
            doors: [
                { deny: { fingerprints_file: denied } },
                { allow: { subject: { O: "Example" } } },
            ],
        };
        const trust = { anchors: [pki.root.certificate] };
        const gateway = await startGateway(
            context,
            configure(backend, trust, { policy: "doors", policies }),
        );
        const mine = await openAll(context, gateway, backend, alice);
        const others = await openAll(context, gateway, backend, bob);
        put(`${mallory}\n${alice.sha256}\n`, denied);
        await gateway.events.find((line) => /\breloaded \//.test(line), "the reload");
        /* A policy is about requests: who has none is told at the next. */
        const after = { idle: false, status: 403 };
        await assertEnded(gateway, mine, Date.now(), "policy_denied", after);
        const next = await mine.idle.client.request(get("/"));
        assert.equal(next.status, 403);
        await assertUnharmed(gateway, backend, others);
    });

    test("when its certificate expires", async (context) => {
        const until = new Date(Math.ceil(Date.now() / 1000) * 1000 + 6000);
        const brief = pki.client("brief", { subject: "/O=Example/CN=alice", until });
        const backend = await startBackend(context);
        const trust = { anchors: [pki.root.certificate] };
        const gateway = await startGateway(context, configure(backend, trust));
        const mine = await openAll(context, gateway, backend, brief);
        const others = await openAll(context, gateway, backend, bob);
        assert.ok(Date.now() < until.getTime(), "the machine was too slow for this test");
        const late = until.getTime() + 1000; /* notAfter is the last second in which it is valid */
        await assertEnded(gateway, mine, late, "certificate_expired");
        await assertUnharmed(gateway, backend, others);
    });
});

/* ---- after each wait ---- */

/* Rounds are put off, so that nothing but the look after the wait can refuse. */
describe("after a wait a request is judged once more,", () => {
    async function startLate(context) {
        const list = makeFolder(context)("issuing.crl");
        put(makeCrl(issuer, { number: 1 }), list);
        const backend = await startBackend(context);
        const revocation = { sources: ["crl"], crl: { files: [list] } };
        const trust = { anchors: [pki.root.certificate], intermediates: [issuer.certificate] };
        const gateway = await startGateway(
            context,
            configure(backend, { ...trust, revocation }, { limits: { rejudge_interval: "60s" } }),
        );
        let number = 1;
        const renew = async (...revoked) => {
            const from = gateway.events.items.length;
            put(makeCrl(issuer, { number: ++number, revoked }), list);
            await gateway.events.find((line) => line.includes("are new"), "the list", from);
        };
        await renew(); // the round that follows this one is a minute away
        return { backend, gateway, renew };
    }

    test("in the queue of a backend", async (context) => {
        const { backend, gateway, renew } = await startLate(context);
        const holder = await open(context, gateway, bob);
        holder.send(get("/hold"));
        await received(backend, "/hold", 1);
        const { client } = await SITUATIONS.queue(context, gateway, backend, alice);
        const other = await SITUATIONS.queue(context, gateway, backend, bob);
        await renew(alice);
        backend.release();
        assert.equal((await client.answer()).status, 400);
        assert.equal((await other.client.answer()).status, 200);
        assert.equal(backend.count("/queue"), 1, "the refused one never went out");
    });

    test("before it is sent a second time", async (context) => {
        const { backend, gateway, renew } = await startLate(context);
        const client = await open(context, gateway, alice);
        assert.equal((await client.request(get("/"))).status, 200); // only what was kept alive
        client.send(get("/drop"));
        await received(backend, "/drop", 1);
        await renew(alice);
        backend.release();
        const answer = await client.answer();
        assert.equal(answer.status, 400);
        assert.match(answer.body, /certificate_revoked/);
        assert.equal(backend.count("/drop"), 1);
    });

    test("and between two requests of a connection", async (context) => {
        const { gateway, renew } = await startLate(context);
        const client = await open(context, gateway, alice);
        assert.equal((await client.request(get("/"))).status, 200);
        await renew(alice);
        const answer = await client.request(get("/"));
        assert.equal(answer.status, 400);
        assert.match(answer.body, /certificate_revoked/);
    });

    test("by the configuration of now, not the one that it came under", async (context) => {
        const backend = await startBackend(context);
        const carol = pki.client("carol-of-others", { issuer: pki.otherRoot });
        const trust = (...anchors) => ({ anchors: anchors.map((one) => one.certificate) });
        const limits = { rejudge_interval: "60s" };
        const both = trust(pki.root, pki.otherRoot);
        const gateway = await startGateway(context, configure(backend, both, { limits }));
        const more = configure(backend, { ...both, depth: 3 }, { limits });
        assert.ok((await gateway.reload(more)).reloaded);
        const holder = await open(context, gateway, bob);
        holder.send(get("/hold"));
        await received(backend, "/hold", 1);
        const { client } = await SITUATIONS.queue(context, gateway, backend, carol);
        const less = configure(backend, trust(pki.root), { limits });
        assert.ok((await gateway.reload(less)).reloaded);
        backend.release();
        const answer = await client.answer();
        assert.equal(answer.status, 400);
        assert.match(answer.body, /certificate_issuer_unknown/);
        assert.equal(backend.count("/queue"), 0);
    });
});

/* ---- resumption: the rules of peers.md, by their letters ---- */

for (const version of ["TLSv1.2", "TLSv1.3"]) {
    describe(`a session that is resumed, ${version}:`, () => {
        const only = { minVersion: version, maxVersion: version };
        const trust = { anchors: [pki.root.certificate], intermediates: [issuer.certificate] };

        async function resume(context, gateway, credential, session) {
            const client = await open(context, gateway, credential, { ...only, session });
            const answer = await client.request(get("/"));
            return { answer, resumed: client.socket.isSessionReused() };
        }

        test("rules a and e: it belongs to what it was judged by", async (context) => {
            const backend = await startBackend(context);
            const gateway = await startGateway(context, configure(backend, trust));
            const session = await mySession(context, gateway, alice, only);
            assert.ok((await gateway.reload(configure(backend, { ...trust, depth: 3 }))).reloaded);
            const { answer, resumed } = await resume(context, gateway, alice, session);
            assert.deepEqual([answer.status, resumed], [200, false]);
        });

        test("rule b: the rules are those of now", async (context) => {
            const backend = await startBackend(context);
            const rules = (...all) => ({
                policy: "doors",
                policies: { doors: [...all, { allow: { subject: { O: "Example" } } }] },
            });
            const gateway = await startGateway(context, configure(backend, trust, rules()));
            const session = await mySession(context, gateway, alice, only);
            const deny = { deny: { subject: { CN: "alice" } } };
            const changed = configure(backend, trust, rules(deny));
            assert.ok((await gateway.reload(changed)).reloaded);
            const { answer, resumed } = await resume(context, gateway, alice, session);
            assert.deepEqual([answer.status, resumed], [403, true]);
        });

        test("rules b and d: who is revoked resumes nothing, others do", async (context) => {
            const list = makeFolder(context)("issuing.crl");
            put(makeCrl(issuer, { number: 1 }), list);
            const backend = await startBackend(context);
            const revocation = { sources: ["crl"], crl: { files: [list] } };
            const configured = configure(backend, { ...trust, revocation });
            const gateway = await startGateway(context, configured);
            const mine = await mySession(context, gateway, alice, only);
            const others = await mySession(context, gateway, bob, only);
            put(makeCrl(issuer, { number: 2, revoked: [alice] }), list);
            await gateway.events.find((line) => line.includes("are new"), "the new list");
            const refused = await resume(context, gateway, alice, mine);
            assert.deepEqual([refused.answer.status, refused.resumed], [400, false]);
            const record = await gateway.record((one) => one.reason === "certificate_revoked");
            assert.equal(record.resumed, false);
            const kept = await resume(context, gateway, bob, others);
            assert.deepEqual([kept.answer.status, kept.resumed], [200, true]);
            /* Also when the list takes it back: what was forgotten is gone. */
            const from = gateway.events.items.length;
            put(makeCrl(issuer, { number: 3 }), list);
            await gateway.events.find((line) => line.includes("are new"), "the next list", from);
            const later = await resume(context, gateway, alice, mine);
            assert.deepEqual([later.answer.status, later.resumed], [200, false]);
        });

        test("rule f: the backend is told the same", async (context) => {
            const backend = await startBackend(context);
            const told = ["client-cert", "client-cert-chain", "verification", "principal"];
            const configured = configure(backend, trust, { headers: told });
            const gateway = await startGateway(context, configured);
            const session = await mySession(context, gateway, alice, only);
            assert.ok((await resume(context, gateway, alice, session)).resumed);
            const [full, resumed] = backend.requests.items.map(({ head }) =>
                head.split("\r\n").filter((line) => /^(Client|X-Client|X-Principal)/i.test(line)),
            );
            assert.ok(full.length >= 3, full.join("\n"));
            assert.deepEqual(full, resumed);
        });
    });
}

test("a list that is renewed just before a reload is not lost", async (context) => {
    const list = makeFolder(context)("issuing.crl");
    put(makeCrl(issuer, { number: 1 }), list);
    const backend = await startBackend(context);
    const revocation = { sources: ["crl"], crl: { files: [list] } };
    const trust = { anchors: [pki.root.certificate], intermediates: [issuer.certificate] };
    const gateway = await startGateway(context, configure(backend, { ...trust, revocation }));
    put(makeCrl(issuer, { number: 2, revoked: [alice] }), list);
    const next = configure(backend, { ...trust, revocation, depth: 3 });
    assert.ok((await gateway.reload(next)).reloaded);
    await gateway.events.find((line) => line.includes("are new"), "the new list");
    const { status } = await nodeGet(pki, gateway.endpoint("main"), { credential: alice });
    assert.equal(status, 400);
});

test("a clock that is set forward ends what has expired, and back lets it in", async (context) => {
    const hour = pki.client("hour", {
        subject: "/O=Example/CN=alice",
        until: new Date(Date.now() + 3_600_000),
    });
    const backend = await startBackend(context);
    const gateway = await startGateway(
        context,
        configure(backend, { anchors: [pki.root.certificate] }),
        {
            environment: {
                LD_PRELOAD: compileClockStep(context),
                ASAN_OPTIONS: "verify_asan_link_order=0:detect_leaks=0",
            },
        },
    );
    const status = async (session) => {
        const client = await open(context, gateway, hour, { session });
        const answer = await client.request(LAST);
        return [answer.status, client.socket.isSessionReused()];
    };
    const session = await mySession(context, gateway, hour);
    assert.deepEqual(await status(session), [200, true]);
    const mine = await openAll(context, gateway, backend, hour);
    const others = await openAll(context, gateway, backend, bob);
    gateway.signal("SIGUSR2");
    await gateway.events.find((line) => line.includes("the clock was set"), "the clock");
    await assertEnded(gateway, mine, Date.now(), "certificate_expired");
    await assertUnharmed(gateway, backend, others);
    /* Rule b: the dates of the chain are looked at when a session is offered. */
    assert.deepEqual(await status(session), [400, false]);
    gateway.signal("SIGUSR2");
    await gateway.events.find(
        (line) => line.includes("the clock was set"),
        "the clock",
        gateway.events.items.length,
    );
    assert.deepEqual(await status(session), [200, false], "what was forgotten stays forgotten");
});
