// SPDX-License-Identifier: Apache-2.0
//
// Chaos: clients and a backend that cut, delay, break off and reset wherever they like, while the
// configuration is loaded again and again. The gateway neither crashes nor hangs, forgets nobody,
// and mixes up nothing. CHAOS_SEED repeats a run, CHAOS_CLIENTS makes it longer.

import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync } from "node:fs";
import net, { createServer } from "node:net";
import tls from "node:tls";
import { after, test } from "node:test";

import { connect, HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";

const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1e9);
const CLIENTS = Number(process.env.CHAOS_CLIENTS ?? 150);
const AT_ONCE = 24;

/* mulberry32: the same numbers for the same seed. */
let state = seed;
function random() {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const below = (limit) => Math.floor(random() * limit);
const pick = (list) => list[below(list.length)];
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function pieces(text, send) {
    let rest = text;
    while (rest.length > 0) {
        const size = pick([1, 2, 7, 100, 5000, 60000, rest.length]);
        if (!send(rest.slice(0, size))) return;
        rest = rest.slice(size);
        if (below(3) === 0) await turn();
    }
}

/* ---- the backend ----------------------------------------------------------------------------- */

const chunk = (text) => `${text.length.toString(16)}\r\n${text}\r\n`;

async function answerWildly(socket, id) {
    const write = (text) => !socket.destroyed && (socket.write(Buffer.from(text, "latin1")), true);
    const body = `[${id}]`.repeat(pick([1, 10, 1000, 30000]));
    const half = Math.floor(body.length / 2);
    const head = (field) => `HTTP/1.1 200 OK\r\nX-Id: ${id}\r\n${field}\r\n\r\n`;
    const length = head(`Content-Length: ${body.length}`);
    const short = head("Content-Length: 0");
    const chunks = head("Transfer-Encoding: chunked") + chunk(body.slice(0, half));
    switch (below(16)) {
        case 0:
            return socket.destroy();
        case 1:
            return socket.resetAndDestroy();
        case 2:
            await pieces(length + body.slice(0, half), write);
            return pick([() => socket.destroy(), () => socket.resetAndDestroy(), () => {}])();
        case 3:
            await pieces(`${chunks}5\r\nab`, write);
            return socket.end();
        case 4:
            return pieces("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", write);
        case 5:
            await pieces(`HTTP/1.1 200 OK\r\nX-Id: ${id}\r\n\r\n${body}`, write);
            return socket.end();
        case 6:
            return; // never
        case 7:
            /* In one segment: what comes when the next request has left is nobody's to tell. */
            return write(`${short}${short.replace(id, "evil")}`);
        case 8:
            await pieces(`HTTP/1.1 103 Early\r\nLink: a\r\n\r\n`.repeat(below(20)), write);
            return pieces(length + body, write);
        case 9:
        case 10:
            return pieces(`${chunks}${chunk(body.slice(half))}0\r\n\r\n`, write);
        case 11:
            await pieces(length + body, write);
            return socket.end();
        default:
            return pieces(length + body, write);
    }
}

async function startChaosBackend(context) {
    const sockets = new Set();
    const server = createServer({ noDelay: true, allowHalfOpen: below(2) === 0 }, (socket) => {
        let text = "";
        sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => sockets.delete(socket));
        socket.on("data", (part) => {
            text = (text + part.toString("latin1")).slice(-70000);
            const found = /GET \/(\S+) |POST \/(\S+) |HEAD \/(\S+) /.exec(text);
            if (!found || !text.includes("\r\n\r\n")) return;
            text = "";
            if (below(10) === 0) socket.pause();
            if (below(10) === 0) socket.resume();
            void answerWildly(socket, found[1] ?? found[2] ?? found[3]);
        });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    context.after(() => {
        sockets.forEach((socket) => socket.destroy());
        server.close();
    });
    return { url: `http://127.0.0.1:${server.address().port}` };
}

/* ---- the clients ----------------------------------------------------------------------------- */

let ids = 0;
const leaks = [];

function makeRequest() {
    const id = `id-${++ids}`;
    const content = "c".repeat(pick([1, 100, 20000, 200000]));
    const length = `Content-Length: ${content.length}`;
    const request = (line, fields = [], behind = "") =>
        [`${line.replace("/", `/${id}`)}`, `Host: ${HOST}`, ...fields, "", behind].join("\r\n");
    switch (below(8)) {
        case 0:
            return [id, request("POST / HTTP/1.1", [length], content)];
        case 1: {
            const chunks = `${chunk(content)}0\r\n\r\n`;
            return [id, request("POST / HTTP/1.1", ["Transfer-Encoding: chunked"], chunks)];
        }
        case 2:
            return [id, request("POST / HTTP/1.1", ["Expect: 100-continue", length], content)];
        case 3:
            return [id, request("GET / HTTP/1.0")];
        case 4:
            return [id, request("GET / HTTP/1.1", ["Connection: close"])];
        case 5:
            return [id, request("GET / HTTP/1.1", ["Bad Name: x"])];
        default:
            return [id, request("GET / HTTP/1.1")];
    }
}

async function behave(context, pki, endpoint) {
    const credential = pick([pki.good, pki.rsa, undefined, pki.stranger]);
    const own = new Set();
    let heard = "";
    const raw = net.connect({ host: endpoint.address, port: endpoint.port });
    const version = pick(["1.2", "1.3"]);
    const more = { socket: raw };
    const client = await connect(context, pki, endpoint, { credential, version, more });
    const socket = client.socket;
    socket.on("data", (part) => {
        heard = (heard + part).slice(-2000);
        const found = [...heard.matchAll(/\[(id-\d+)\]/g)].map(([, id]) => id);
        leaks.push(...found.filter((id) => !own.has(id)));
        if (/X-Id: evil/.test(heard)) leaks.push("evil");
    });
    const write = (text) => {
        if (!socket.destroyed) socket.write(Buffer.from(text, "latin1"));
        return !socket.destroyed;
    };
    for (let i = 1 + below(4); i > 0 && !socket.destroyed; i--) {
        const [id, text] = makeRequest();
        own.add(id);
        const cut = below(6) === 0 ? below(text.length) : text.length;
        if (below(5) === 0) socket.pause();
        await pieces(text.slice(0, cut), write);
        for (let j = below(30); j > 0; j--) await turn();
        socket.resume();
        if (cut < text.length) break;
    }
    switch (below(5)) {
        case 0:
            return socket.destroy();
        case 1:
            raw.resetAndDestroy();
            return socket.destroy();
        case 2:
            socket.end();
            return client.closed();
        case 3:
            for (let j = below(200); j > 0; j--) await turn();
            return socket.destroy();
        default:
            return client.closed();
    }
}

/* What a client's first flight looks like, for those who spoil it. */
async function captureHello() {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address();
    const client = tls.connect({ port, host: "127.0.0.1", servername: HOST });
    client.on("error", () => {});
    const [socket] = await once(server, "connection");
    const [hello] = await once(socket, "data");
    socket.destroy();
    server.close();
    return hello;
}

async function spoil({ address, port }, hello) {
    const bytes = Buffer.from(hello);
    for (let i = below(4); i > 0; i--) bytes[below(bytes.length)] = below(256);
    const socket = net.connect({ host: address, port });
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.on("error", () => {}).resume();
    const end = below(2) === 0 ? below(bytes.length) : bytes.length;
    await pieces(bytes.toString("latin1").slice(0, end), (text) => {
        if (!socket.destroyed) socket.write(Buffer.from(text, "latin1"));
        return !socket.destroyed;
    });
    if (below(3) === 0) socket.write(bytes.subarray(0, below(bytes.length)));
    if (below(4) === 0) socket.write("GET / HTTP/1.1\r\n\r\n");
    for (let j = below(30); j > 0; j--) await turn();
    switch (below(4)) {
        case 0:
            socket.destroy();
            break;
        case 1:
            socket.resetAndDestroy();
            break;
        case 2:
            socket.end();
            break;
        default: // the gateway's time limit ends it
    }
    await closed;
}

test(`nothing breaks under chaos (CHAOS_SEED=${seed})`, { timeout: 240_000 }, async (t) => {
    const pki = makePki(after);
    const trust = [pki.root.certificate];
    const backend = await startChaosBackend(t);
    const text = configuration([listener(pki, backend, 1, "all", { trust, mode: "optional" })], {
        workers: 3,
        limits: {
            ...{ handshake_time: "2s", request_time: "2s", keep_alive: "1s" },
            ...{ request_idle_time: "1s", response_idle_time: "2s" },
        },
        backends: { chaos: { endpoints: [backend.url], timeouts: { response: "1s" } } },
    }).replace(`"backend": "${backend.url}"`, `"backend": "chaos"`);
    const { folder, root } = pki;
    const server = pki.server(["DNS:gateway.test", "DNS:*.gateway.test", "IP:127.0.0.1"]);
    chmodSync(folder, 0o755);
    for (const file of [root.certificate, server.chain, server.key]) chmodSync(file, 0o644);
    const gateway = await startGateway(t, text);
    const endpoint = gateway.endpoint();
    const hello = await captureHello();
    let left = CLIENTS;
    let busy = AT_ONCE;
    const work = async () => {
        while (left-- > 0) {
            if (below(4) === 0) await spoil(endpoint, hello);
            else await behave(t, pki, endpoint);
        }
        busy--;
    };
    const reload = async () => {
        while (busy > 0) {
            gateway.signal("SIGHUP");
            for (let i = 50 + below(500); i > 0 && busy > 0; i--) await turn();
        }
    };
    await Promise.all([...Array.from({ length: AT_ONCE }, work), reload()]);
    assert.deepEqual(leaks, []);
    await gateway.stop(); // fails when a sanitizer has said anything
    const stopped = gateway.events.items.find((line) => /stopped after/.test(line));
    const [requests, , , failed] = stopped.match(/\d+(?= )/g).map(Number);
    const count = (type) => gateway.records.items.filter((record) => record.type === type).length;
    const dropped = gateway.events.items.find((line) => /records were dropped/.test(line));
    if (!dropped) {
        assert.equal(count("exchange"), requests);
        assert.equal(count("handshake"), failed);
    }
});
