// SPDX-License-Identifier: Apache-2.0
//
// Endpoints are killed and started again at random, under load. Every request has one answer and
// one record, and what may be repeated fails only while no endpoint is up. Eight seconds, or
// SALLYPORT_CHAOS_SECONDS; the seed is printed, and SALLYPORT_CHAOS_SEED plays it again.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, test } from "node:test";

import { connect, HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { before } from "./support/deadline.mjs";
import { startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";

const pki = makePki(after);
const SECONDS = Number(process.env.SALLYPORT_CHAOS_SECONDS ?? 8);
const SEED = Number(process.env.SALLYPORT_CHAOS_SEED ?? Date.now() % 1e9);
const CLIENTS = 8;
const ENDPOINTS = 3;

/* mulberry32: small, and the same everywhere. */
function randomFrom(seed) {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let mixed = Math.imul(state ^ (state >>> 15), state | 1);
        mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
}

/* A server that dies with all its connections, and comes back on its port. */
class Endpoint {
    #sockets = new Set();
    #server = null;
    served = 0;
    port = 0;

    get isUp() {
        return this.#server !== null;
    }

    async start() {
        const server = createServer((request, response) => {
            this.served++;
            request.resume();
            request.on("end", () => setImmediate(() => response.end(request.url)));
        });
        let isDead = false;
        server.once("killed", () => (isDead = true));
        server.keepAliveTimeout = 60_000;
        server.on("connection", (socket) => {
            this.#sockets.add(socket);
            socket.on("error", () => {});
            socket.on("close", () => this.#sockets.delete(socket));
            if (isDead) socket.resetAndDestroy(); /* it was in the queue of the system */
        });
        server.listen(this.port, "127.0.0.1");
        await once(server, "listening");
        this.port = server.address().port;
        this.#server = server;
    }

    async kill() {
        const server = this.#server;
        this.#server = null;
        server.emit("killed");
        server.close();
        for (const socket of this.#sockets) socket.resetAndDestroy();
        await once(server, "close");
    }
}

test(`endpoints come and go for ${SECONDS} s (seed ${SEED})`, async (t) => {
    const random = randomFrom(SEED);
    const endpoints = Array.from({ length: ENDPOINTS }, () => new Endpoint());
    for (const endpoint of endpoints) await endpoint.start();
    t.after(async () => {
        for (const endpoint of endpoints) if (endpoint.isUp) await endpoint.kill();
    });
    const gateway = await startGateway(
        t,
        configuration([listener(pki, { url: "app" }, 1, "all", { mode: "none" })], {
            workers: 2,
            backends: {
                app: {
                    endpoints: endpoints.map(({ port }) => `http://127.0.0.1:${port}`),
                    ejection: { failures: 3, time: "100ms", max_time: "500ms" },
                },
            },
        }),
    );

    let isOver = false;
    let downSince = 0; /* 0: some endpoint is up; else since when none is */
    const outages = []; /* [from, until] */
    const answers = new Map(); /* target -> status */
    const problems = [];
    let kills = 0;

    const wasDown = (from, until) =>
        (downSince !== 0 && downSince <= until) ||
        outages.some(([first, last]) => first <= until && last >= from);

    async function play() {
        while (!isOver) {
            const endpoint = endpoints[Math.floor(random() * ENDPOINTS)];
            const others = endpoints.filter((one) => one !== endpoint && one.isUp).length;
            if (!endpoint.isUp) {
                await endpoint.start();
                if (downSince !== 0) outages.push([downSince, performance.now()]);
                downSince = 0;
            } else if (others > 0 || random() < 0.2) {
                kills++;
                if (others === 0) downSince = performance.now();
                await endpoint.kill();
            }
            await new Promise((resolve) => setTimeout(resolve, 20 + random() * 150));
        }
    }

    async function ask(number) {
        let client = await connect(t, pki, gateway.endpoint());
        for (let i = 0; !isOver; i++) {
            const isPost = i % 4 === 3;
            const target = `/load/${number}/${i}`;
            const head = `${isPost ? "POST" : "GET"} ${target} HTTP/1.1\r\nHost: ${HOST}\r\n`;
            const content = isPost ? "Content-Length: 4\r\n\r\ndata" : "\r\n";
            const from = performance.now();
            const answer = await client.request(head + content);
            const until = performance.now();
            answers.set(target, answer?.status ?? 0);
            if (answer?.status === 200) {
                if (answer.body !== target) problems.push(`${target} got ${answer.body}`);
            } else if (!isPost && !wasDown(from, until)) {
                problems.push(`${target}: ${answer?.status} ${answer?.body}`);
            }
            if (answer === null || answer.value("Connection") === "close") {
                client.end();
                client = await connect(t, pki, gateway.endpoint());
            }
        }
        client.end();
    }

    const players = [play(), ...Array.from({ length: CLIENTS }, (_, number) => ask(number))];
    await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
    isOver = true;
    await Promise.all(players);

    const isLoad = (record) => record.target?.startsWith("/load/");
    const last = () => gateway.records.items.length >= answers.size;
    const allWritten = async () => {
        while (!last()) await new Promise((resolve) => setImmediate(resolve));
    };
    await before(allWritten(), "a record for each answer");
    const records = gateway.records.items.filter(isLoad);
    assert.equal(records.length, answers.size);
    for (const record of records) {
        assert.equal(record.status, answers.get(record.target), JSON.stringify(record));
        assert.equal(record.reason === "none", record.status === 200);
    }
    const served = endpoints.reduce((sum, endpoint) => sum + endpoint.served, 0);
    const good = [...answers.values()].filter((status) => status === 200).length;
    const summary = `${good} of ${answers.size} requests served, ${kills} kills`;
    t.diagnostic(`${summary}, ${outages.length} times all`);
    assert.ok(served >= good);
    assert.ok(kills >= SECONDS && good > 100, `${kills} kills, ${good} served`);
    assert.deepEqual(problems.slice(0, 10), []);
});
