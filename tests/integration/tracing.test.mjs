// SPDX-License-Identifier: Apache-2.0
//
// W3C Trace Context on its way through: which trace a request belongs to, for the backend, the
// log, and who reads a refusal; and the key log, which shows what was said.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
    chmodSync,
    existsSync,
    mkdirSync,
    readFileSync,
    statSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import path from "node:path";
import { after, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, curl, HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { before } from "./support/deadline.mjs";
import { PROGRAM, runProgram, startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

const pki = makePki(after);
const backend = await startBackend({ after });
const trust = [pki.root.certificate];
const main = listener(pki, backend, 1, "main", { trust });
const gateway = await startGateway({ after }, configuration([main]));

let asked = 0;

/* One request with these headers: what the backend got, and the record. */
async function get(headers, options = {}) {
    const target = `/request-${++asked}`;
    const answer = await curl(pki, gateway.endpoint(), {
        ...{ credential: pki.good, path: target, headers },
        ...options,
    });
    const record = await gateway.record((one) => one.target === target);
    return { answer, record, request: backend.requests.items.find((one) => one.target === target) };
}

function assertOneTrace({ request, record }) {
    const [parent, ...more] = request.values("traceparent");
    assert.equal(more.length, 0);
    const match = /^00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])$/.exec(parent);
    assert.ok(match, parent);
    assert.equal(match[1], record.trace_id);
    assert.equal(request.value("X-AppGW-Trace-Id"), record.trace_id);
    assert.doesNotMatch(match[1], /^0+$/);
    assert.doesNotMatch(match[2], /^0+$/);
    return { trace: match[1], span: match[2], flags: match[3] };
}

test("a trace of the client is carried on, by a span of the gateway's own", async () => {
    for (const flags of ["00", "01"]) {
        const result = await get([
            `traceparent: 00-${TRACE}-${SPAN}-${flags}`,
            "tracestate: vendor=a,other=b",
        ]);
        const { trace, span, flags: passed } = assertOneTrace(result);
        assert.equal(trace, TRACE);
        assert.notEqual(span, SPAN);
        assert.equal(passed, flags);
        assert.deepEqual(result.request.values("tracestate"), ["vendor=a,other=b"]);
    }
});

test("without a trace, one begins with each request", async () => {
    const traces = new Set();
    for (let i = 0; i < 5; i++) {
        const { trace, flags } = assertOneTrace(await get([]));
        assert.equal(flags, "01");
        traces.add(trace);
    }
    assert.equal(traces.size, 5);
});

test("what is no traceparent begins a trace, and what belongs to none does not pass", async () => {
    for (const value of [
        `00-${TRACE}-${SPAN}`,
        `00-${TRACE}-${SPAN}-01-more`,
        `ff-${TRACE}-${SPAN}-01`,
        `00-${TRACE.toUpperCase()}-${SPAN}-01`,
        `00-${"0".repeat(32)}-${SPAN}-01`,
        `00-${TRACE}-${"0".repeat(16)}-01`,
        `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
        "x",
    ]) {
        const result = await get([`traceparent: ${value}`, "tracestate: vendor=a"]);
        assert.notEqual(assertOneTrace(result).trace, TRACE, value);
        assert.deepEqual(result.request.values("tracestate"), [], value);
    }
    const twice = await get([
        `traceparent: 00-${TRACE}-${SPAN}-01`,
        `Traceparent: 00-${TRACE}-${SPAN}-01`,
    ]);
    assert.notEqual(assertOneTrace(twice).trace, TRACE);
    const orphan = await get(["tracestate: vendor=a"]);
    assertOneTrace(orphan);
    assert.deepEqual(orphan.request.values("tracestate"), []);
});

test("nobody but the gateway says X-AppGW-Trace-Id", async () => {
    const result = await get([`X-AppGW-Trace-Id: ${"1".repeat(32)}`]);
    assertOneTrace(result);
    assert.notEqual(result.record.trace_id, "1".repeat(32));
    assert.equal(result.request.values("X-AppGW-Trace-Id").length, 1);
});

test("a refusal has the trace of the client too", async () => {
    const { answer, record, request } = await get([`traceparent: 00-${TRACE}-${SPAN}-01`], {
        credential: undefined,
    });
    assert.equal(answer.status, 400);
    assert.equal(request, undefined);
    assert.equal(record.trace_id, TRACE);
    assert.ok(answer.body.includes(TRACE));
});

/* ---- the key log ---------------------------------------------------------------------------- */

/* A gateway that was told to write keys; what it says on standard error as far as its start. */
async function runWith(context, words, environment = {}) {
    const folder = path.join(pki.folder, `keys-${++asked}`);
    mkdirSync(folder);
    chmodSync(folder, 0o777);
    const file = path.join(folder, "sallyport.yaml");
    writeFileSync(file, configuration([main]));
    const child = spawn(PROGRAM, ["run", file, ...words(folder)], {
        stdio: ["ignore", "ignore", "pipe"],
        env: { ...process.env, ...environment },
    });
    let said = "";
    const ended = once(child, "close");
    const started = new Promise((resolve) => {
        child.stderr.setEncoding("utf8").on("data", (part) => {
            said += part;
            if (/ready main/.test(said)) resolve();
        });
        child.on("close", resolve);
    });
    context.after(async () => {
        child.kill("SIGTERM");
        await before(ended, "the end of the gateway");
    });
    await before(started, "the start of the gateway", () => said);
    const [, address, port] = /ready main https:\/\/(\S+):(\d+)/.exec(said) ?? [];
    return { folder, said, endpoint: { address, port: Number(port) } };
}

test("--keylog writes what Wireshark needs, and says what that means", async (t) => {
    const { folder, said, endpoint } = await runWith(t, (own) => [
        "--keylog",
        path.join(own, "keys.log"),
    ]);
    const file = path.join(folder, "keys.log");
    assert.match(said, /warning: the secrets of all connections are written to '\S+keys\.log'/);
    assert.equal(statSync(file).mode & 0o7777, 0o600);
    for (const version of ["1.2", "1.3"]) {
        const client = await connect(t, pki, endpoint, { credential: pki.good, version });
        const answer = await client.request(
            `GET /${version} HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`,
        );
        assert.equal(answer.status, 200);
    }
    const text = readFileSync(file, "latin1");
    assert.match(text, /^CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}$/m);
    assert.match(text, /^CLIENT_TRAFFIC_SECRET_0 [0-9a-f]{64} [0-9a-f]+$/m);
    assert.match(text, /^SERVER_HANDSHAKE_TRAFFIC_SECRET [0-9a-f]{64} [0-9a-f]+$/m);
    for (const line of text.trimEnd().split("\n")) {
        assert.match(line, /^[A-Z_0-9]+ [0-9a-f]{64} [0-9a-f]+$/);
    }
});

test("a key log that others could read, or that is a link, is not written", async () => {
    const folder = path.join(pki.folder, "keys-refused");
    mkdirSync(folder);
    const file = path.join(folder, "sallyport.yaml");
    writeFileSync(file, configuration([main]));
    const readable = path.join(folder, "readable.log");
    writeFileSync(readable, "", { mode: 0o644 });
    const link = path.join(folder, "link.log");
    symlinkSync(path.join(folder, "target.log"), link);
    for (const [keys, why] of [
        [readable, /can be read by others/],
        [link, /Too many levels of symbolic links/],
        [folder, /Is a directory/],
        [path.join(folder, "nowhere", "keys"), /No such file or directory/],
    ]) {
        const { status, stderr } = await runProgram("run", file, `--keylog=${keys}`);
        assert.equal(status, 1, keys);
        assert.match(stderr, why);
    }
    assert.ok(!existsSync(path.join(folder, "target.log")));
});

test("no variable of the environment turns the key log on", async (t) => {
    const keys = path.join(pki.folder, "environment.log");
    const { endpoint } = await runWith(t, () => [], { SSLKEYLOGFILE: keys });
    const answer = await curl(pki, endpoint, { credential: pki.good });
    assert.equal(answer.status, 200, answer.failure);
    assert.ok(!existsSync(keys));
});
