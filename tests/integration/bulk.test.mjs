// SPDX-License-Identifier: Apache-2.0
//
// Much content costs little memory: a gibibyte in each direction, and readers that do not read.
// With the release build, because sanitizers keep what is released; without one this is skipped,
// and says so.

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import https from "node:https";
import tls from "node:tls";
import { after, describe, test } from "node:test";

import { HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { before } from "./support/deadline.mjs";
import { RELEASE_PROGRAM, startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";

const KIB = 1024;
const MIB = 1024 * KIB;
const BULK_BYTES = 1024 * MIB;
const GROWTH_KIB_MAX = 4 * KIB; // of the peak over idle
/* What docs/ARCHITECTURE.md says that a client holds at most that does not read its answer. */
const READER_KIB_MAX = 640;
const MINUTES_MS = 180_000;

const skip = existsSync(RELEASE_PROGRAM)
    ? false
    : `there is no release build at ${RELEASE_PROGRAM}: "./dev build release" makes it`;

const PIECE = Buffer.alloc(256 * KIB, "sallyport ");

/* Writes so many bytes as fast as they are taken. */
async function writeAll(stream, bytes) {
    for (let left = bytes; left > 0 && !stream.destroyed; left -= PIECE.length) {
        const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE;
        if (stream.write(piece)) continue;
        await Promise.race([once(stream, "drain"), once(stream, "close")]);
    }
    stream.end();
}

async function countAll(stream) {
    let bytes = 0;
    for await (const part of stream) bytes += part.length;
    return bytes;
}

/* GET /down/KIND/BYTES answers with content, and PUT /up/KIND with what it counted. */
async function startBulkBackend() {
    const server = createServer(async (request, response) => {
        const [, direction, kind, bytes] = request.url.split("/");
        if (direction === "up") {
            response.end(String(await countAll(request)));
            return;
        }
        if (kind === "length") response.setHeader("Content-Length", bytes);
        writeAll(response, Number(bytes));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    after(() => {
        server.closeAllConnections();
        server.close();
    });
    return { url: `http://127.0.0.1:${server.address().port}` };
}

describe("bulk", { skip }, async () => {
    if (skip) return;
    const pki = makePki(after);
    const backend = await startBulkBackend();
    const trust = [pki.root.certificate];
    const gateway = await startGateway(
        { after },
        configuration([listener(pki, backend, 1, "bulk", { trust })], {
            workers: 2,
            log: { access: "off" },
        }),
        { program: RELEASE_PROGRAM },
    );
    const { address, port } = gateway.endpoint();
    const identity = {
        ca: readFileSync(pki.root.certificate),
        cert: readFileSync(pki.good.chain),
        key: readFileSync(pki.good.key),
        servername: HOST,
    };

    async function ask(method, path, headers = {}) {
        const request = https.request({
            ...{ ...identity, host: address, port, path, method, agent: false },
            headers: { Host: HOST, ...headers },
        });
        const answered = once(request, "response").then(([response]) => response);
        return { request, answered };
    }

    async function get(path) {
        const { request, answered } = await ask("GET", path);
        request.end();
        const response = await answered;
        assert.equal(response.statusCode, 200);
        return countAll(response);
    }

    async function put(path, bytes, headers) {
        const { request, answered } = await ask("PUT", path, headers);
        await writeAll(request, bytes);
        const response = await answered;
        assert.equal(response.statusCode, 200);
        let text = "";
        for await (const part of response) text += part;
        return Number(text);
    }

    /* The peak over what the gateway held before, in KiB. */
    async function growth(work) {
        const idle = gateway.memory();
        gateway.forgetPeak();
        await work();
        return gateway.memory("VmHWM") - idle;
    }

    /* Every way once, so that what is made at first is there. */
    await get(`/down/length/${MIB}`);
    await get(`/down/chunked/${MIB}`);
    await put("/up/length", MIB, { "Content-Length": MIB });
    await put("/up/chunked", MIB, { "Transfer-Encoding": "chunked" });

    const WAYS = {
        "down, with a length": () => get(`/down/length/${BULK_BYTES}`),
        "down, in chunks": () => get(`/down/chunked/${BULK_BYTES}`),
        "up, with a length": () => put("/up/length", BULK_BYTES, { "Content-Length": BULK_BYTES }),
        "up, in chunks": () => put("/up/chunked", BULK_BYTES, { "Transfer-Encoding": "chunked" }),
    };
    for (const [way, transfer] of Object.entries(WAYS)) {
        test(`1 GiB ${way}: memory stays flat`, { timeout: MINUTES_MS }, async (t) => {
            let bytes;
            const grown = await growth(async () => {
                bytes = await transfer();
            });
            assert.equal(bytes, BULK_BYTES);
            t.diagnostic(`the peak is ${grown} KiB over idle`);
            assert.ok(grown < GROWTH_KIB_MAX, `the peak is ${grown} KiB over idle`);
        });
    }

    test("readers that do not read hold what is documented, and no more", async (t) => {
        const readers = 100;
        const sockets = [];
        const grown = await growth(async () => {
            for (let i = 0; i < readers; i++) {
                const socket = tls.connect({ ...identity, host: address, port });
                socket.on("error", () => {});
                sockets.push(socket);
                await before(once(socket, "secureConnect"), "a handshake");
                socket.write(
                    `GET /down/length/${64 * MIB} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`,
                );
                await before(once(socket, "readable"), "the answer's beginning");
                /* Nobody takes it: from here on it waits in our kernel, then in the gateway's. */
            }
            for (let i = 0; i < 10; i++) await get(`/down/length/${16 * MIB}`);
        });
        const more = await growth(async () => {
            for (let i = 0; i < 10; i++) await get(`/down/length/${16 * MIB}`);
        });
        for (const socket of sockets) socket.destroy();
        const each = Math.round(grown / readers);
        t.diagnostic(`${grown} KiB for ${readers} readers, ${each} KiB each; then ${more} KiB`);
        assert.ok(each < READER_KIB_MAX, `${each} KiB each`);
        assert.ok(more < GROWTH_KIB_MAX, `${more} KiB more while they wait`);
        assert.equal(await get(`/down/length/${MIB}`), MIB);
    });
});
