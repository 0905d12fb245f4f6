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
import { answerWith, startScriptedBackend } from "./support/scripted_backend.mjs";

const pki = makePki(after);
const issuer = pki.intermediate;
const alice = pki.client("alice");
const bob = pki.client("bob");

/* A second is promised; the rest is for machines that are busy with other tests. */
const PROMISED_MS = 3000;
const PIECE = "16\r\nanother piece of this\n\r\n";
const get = (target) => `GET ${target} HTTP/1.1\r\nHost: gateway.test\r\n\r\n`;

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

function configure(backend, trust, { limits = {}, policy, policies } = {}) {
    const clientCertificate = { mode: "required", trust };
    const one = { endpoints: [backend.url], connections: 1, queue: { size: 10, timeout: "30s" } };
    return configuration(
        [
            listener(pki, backend, 1, "main", clientCertificate, {
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
