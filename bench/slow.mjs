#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
//
// Do slow clients slow the others down? Measures the latency of single requests at two gateways,
// in turns: at one there is nobody else, at the other many slow clients are held open: heads that
// never end, content that drips, answers that nobody reads. Limits that would end them are off, so
// that all are there at once. What else the machine does disturbs both alike.
//
//     bench/slow.mjs [CLIENTS [REQUESTS]]        10000 and 2000 a round unless said otherwise
//
// Needs a release build, and as many descriptors as clients (ulimit -n) in three processes. Prints
// one line of JSON; ends with 1 when the 99th percentile is more than twice the quiet one.

import { fork, spawn, execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import tls from "node:tls";
import { fileURLToPath } from "node:url";

const SELF = fileURLToPath(import.meta.url);
const PROGRAM =
    process.env.SALLYPORT_BIN ?? path.join(path.dirname(SELF), "../build/release/sallyport");
const HOST = "gateway.test";
const AT_ONCE = 50; // handshakes under way
const ROUNDS = 15; // an odd number
const LARGE = 8 * 1024 * 1024;

/* ---- a backend: small answers, large ones, and content that is read ------------------------- */

function beBackend() {
    const piece = Buffer.alloc(16 * 1024, "x");
    const server = http.createServer((request, response) => {
        request.resume();
        if (!request.url.startsWith("/large")) {
            request.on("end", () => response.end("ok"));
            return;
        }
        let left = LARGE;
        response.writeHead(200, { "Content-Length": LARGE });
        const more = () => {
            while (left > 0) {
                left -= piece.length;
                if (!response.write(piece)) return response.once("drain", more);
            }
            response.end();
        };
        more();
    });
    Object.assign(server, { requestTimeout: 0, headersTimeout: 0, timeout: 0 });
    server.keepAliveTimeout = 600_000;
    server.listen(0, "127.0.0.1", () => process.send(server.address().port));
}

/* ---- slow clients ---------------------------------------------------------------------------- */

const head = (line) => `${line} HTTP/1.1\r\nHost: ${HOST}\r\n`;
const KINDS = [
    // of ten: five heads, four uploads, one download
    ...Array(5).fill({ first: `${head("GET /head")}X: `, drips: true }),
    ...Array(4).fill({ first: `${head("POST /body")}Content-Length: 99999\r\n\r\n`, drips: true }),
    { first: `${head("GET /large")}\r\n`, drips: false },
];

async function beSlow(port, count) {
    const dripping = [];
    let lost = 0;
    let session;
    const open = async (number) => {
        const kind = KINDS[number % KINDS.length];
        const socket = tls.connect({
            ...{ host: "127.0.0.1", port, servername: HOST, rejectUnauthorized: false },
            ...{ localAddress: `127.0.1.${1 + (number % 8)}`, session },
        });
        socket.on("error", () => {});
        socket.once("session", (given) => (session ??= given));
        await once(socket, "secureConnect");
        socket.on("close", () => lost++);
        if (!kind.drips) socket.pause();
        socket.write(kind.first);
        if (kind.drips) dripping.push(socket);
    };
    for (let number = 0; number < count; ) {
        const batch = [];
        while (batch.length < AT_ONCE && number < count) batch.push(open(number++));
        await Promise.all(batch);
    }
    /* Each drips a byte in ten seconds, some all the time. */
    let next = 0;
    setInterval(() => {
        for (let i = 0; i < dripping.length / 100; i++) {
            dripping[next++ % dripping.length].write("x");
        }
    }, 100);
    process.send("ready");
    process.on("message", () => process.send({ lost }));
}

/* ---- measuring ------------------------------------------------------------------------------- */

function percentiles(times) {
    const sorted = times.sort((a, b) => a - b);
    const at = (share) => Number(sorted[Math.floor((sorted.length - 1) * share)].toFixed(3));
    return { p50_ms: at(0.5), p90_ms: at(0.9), p99_ms: at(0.99), max_ms: at(1) };
}

/* One request after another, on a few connections that are kept. */
async function measure(port, requests) {
    const clients = [];
    for (let i = 0; i < 4; i++) {
        const socket = tls.connect({
            ...{ host: "127.0.0.1", port, servername: HOST, rejectUnauthorized: false },
        });
        await once(socket, "secureConnect");
        clients.push(socket);
    }
    const times = [];
    for (let i = 0; i < requests; i++) {
        const socket = clients[i % clients.length];
        const from = process.hrtime.bigint();
        socket.write(`${head("GET /quick")}\r\n`);
        const [answer] = await once(socket, "data");
        if (!answer.toString("latin1").startsWith("HTTP/1.1 200")) throw new Error(String(answer));
        times.push(Number(process.hrtime.bigint() - from) / 1e6);
    }
    clients.forEach((socket) => socket.destroy());
    return percentiles(times);
}

const middle = (rounds) => rounds.sort((a, b) => a.p99_ms - b.p99_ms)[(ROUNDS - 1) / 2];

async function measureInTurns(quietPort, busyPort, requests) {
    const quiet = [];
    const busy = [];
    for (let i = 0; i < ROUNDS; i++) {
        quiet.push(await measure(quietPort, requests));
        busy.push(await measure(busyPort, requests));
    }
    return { quiet: middle(quiet), busy: middle(busy) };
}

const memory = (pid) =>
    Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))[1]);

async function startGateway(folder, backend) {
    const names = ["-keyout", "key.pem", "-out", "cert.pem", "-subj", `/CN=${HOST}`];
    execFileSync(
        "openssl",
        [..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes".split(" "), ...names],
        { cwd: folder, stdio: "ignore" },
    );
    chmodSync(path.join(folder, "key.pem"), 0o644);
    const file = path.join(folder, "sallyport.yaml");
    const day = "24h";
    const configuration = {
        version: 1,
        listeners: [
            {
                address: "127.0.0.1:0",
                tls: { certificates: [{ chain: "cert.pem", key: "key.pem" }] },
                client_certificate: { mode: "none" },
                routes: [{ backend: "app" }],
            },
        ],
        backends: {
            app: {
                endpoints: [`http://127.0.0.1:${backend}`],
                connections: 65535,
                timeouts: { response: day },
            },
        },
        limits: {
            ...{ request_time: "1h", request_idle_time: day, response_idle_time: day },
            ...{ request_rate: 0, response_rate: 0, keep_alive: day },
        },
        log: { access: "off" },
    };
    writeFileSync(file, JSON.stringify(configuration));
    const gateway = spawn(PROGRAM, ["run", file], { stdio: ["ignore", "ignore", "pipe"] });
    const said = [];
    for await (const line of createInterface(gateway.stderr)) {
        said.push(line);
        const ready = /ready \S+ https:\/\/.*:(\d+)/.exec(line);
        if (ready) {
            gateway.stderr.resume();
            return { gateway, port: Number(ready[1]) };
        }
    }
    throw new Error(said.join("\n"));
}

async function run(count, requests) {
    const folder = mkdtempSync(path.join(tmpdir(), "sallyport-slow-"));
    const children = [];
    chmodSync(folder, 0o755);
    try {
        const backend = fork(SELF, ["backend"]);
        children.push(backend);
        const [backendPort] = await once(backend, "message");
        const { gateway: idle, port: quietPort } = await startGateway(folder, backendPort);
        children.push(idle);
        const { gateway, port } = await startGateway(folder, backendPort);
        children.push(gateway);
        for (const each of [quietPort, port]) await measure(each, requests); // they warm up
        const before = memory(gateway.pid);
        const slow = fork(SELF, ["slow", String(port), String(count)]);
        children.push(slow);
        await once(slow, "message");
        const { quiet, busy } = await measureInTurns(quietPort, port, requests);
        slow.send("how many are left?");
        const [{ lost }] = await once(slow, "message");
        const memory_kib_a_client = Math.round((memory(gateway.pid) - before) / count);
        const ratio = Number((busy.p99_ms / quiet.p99_ms).toFixed(2));
        const clients = count;
        console.log(JSON.stringify({ clients, lost, quiet, busy, ratio, memory_kib_a_client }));
        return lost === 0 && ratio <= 2;
    } finally {
        children.forEach((child) => child.kill("SIGKILL"));
        rmSync(folder, { recursive: true, force: true });
    }
}

const [role = "10000", first, second] = process.argv.slice(2);
if (role === "backend") beBackend();
else if (role === "slow") await beSlow(Number(first), Number(second));
else process.exit((await run(Number(role), Number(first ?? 2000))) ? 0 : 1);
