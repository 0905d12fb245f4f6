// SPDX-License-Identifier: Apache-2.0
//
// Limits on what a client can make the gateway hold or wait for: each acts, with the status and the
// reason that its name promises, and is counted exactly once, under its own name.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, connectPlain, HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { startGateway } from "./support/gateway.mjs";
import { readMetrics, valueOf, WATCHED } from "./support/operator.mjs";
import { makePki } from "./support/pki.mjs";

const SMALL_RATE = 20_000; // bytes a second, so that a window of 300 ms wants 6000

const pki = makePki(after);
const backend = await startBackend({ after }, (request) => {
    if (request.target.startsWith("/large")) {
        return { body: Buffer.alloc(12 * 1024 * 1024, "x") };
    }
    return {};
});
const config = (limits, more = {}) =>
    configuration([listener(pki, backend, 1, "main", { mode: "none" })], {
        ...WATCHED,
        limits,
        ...more,
    });

async function start(t, limits) {
    const gateway = await startGateway(t, config(limits));
    const endpoint = gateway.endpoint("main");
    return {
        gateway,
        endpoint,
        reach: (more = {}) => connect(t, pki, endpoint, { more }),
        /* The limits that were reached, and how often. */
        async hits() {
            const metrics = await readMetrics(gateway);
            const samples = metrics.get("sallyport_limit_hits_total").samples;
            return Object.fromEntries(
                samples
                    .filter(({ value }) => value > 0)
                    .map(({ labels, value }) => [labels.limit, value]),
            );
        },
        reason: async (matches) =>
            (await gateway.record((one) => one.type === "exchange" && matches(one))).reason,
    };
}

const get = (path, lines = []) =>
    [`GET ${path} HTTP/1.1`, `Host: ${HOST}`, ...lines, "", ""].join("\r\n");

const post = (path, length) =>
    `POST ${path} HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: ${length}\r\n\r\n`;

/* Every `ms`, until the socket has gone. */
function repeat(t, client, ms, act) {
    const timer = setInterval(act, ms);
    client.socket.once("close", () => clearInterval(timer));
    t.after(() => clearInterval(timer));
}

describe("sizes", () => {
    test("each is refused with its own reason and counted under its own name", async (t) => {
        const { reach, hits, reason } = await start(t, {
            request_header_size: "2KiB",
            request_header_count: 20,
            request_target_size: 256,
            request_content_size: 1000,
            chunk_extension_size: 100,
            trailer_size: "1KiB",
        });
        const chunked = (path, body) =>
            `${post(path, 0).replace("Content-Length: 0", "Transfer-Encoding: chunked")}${body}`;
        const extended = `1;x=${"x".repeat(30)}\r\na\r\n`;
        const cases = [
            [get(`/${"x".repeat(300)}`), 414, "request_target_too_long"],
            [get("/size", [`X: ${"x".repeat(3000)}`]), 431, "request_header_too_large"],
            [get("/count", Array(25).fill("X: x")), 431, "request_headers_too_many"],
            [post("/content", 1001), 413, "request_content_too_large"],
            [chunked("/chunks", extended.repeat(4)), 400, "request_chunk_extensions_too_large"],
            [chunked("/end", `0\r\nX: ${"x".repeat(2000)}`), 431, "request_trailers_too_large"],
        ];
        for (const [bytes, status, expected] of cases) {
            const client = await reach();
            assert.equal((await client.request(bytes)).status, status);
            const isIt = (one) => one.status === status && one.reason === expected;
            assert.equal(await reason(isIt), expected);
        }
        assert.deepEqual(await hits(), {
            request_target_size: 1,
            request_header_size: 1,
            request_header_count: 1,
            request_content_size: 1,
            chunk_extension_size: 1,
            trailers: 1,
        });
    });

    test("a target may be as large as the head, where nobody said otherwise", async (t) => {
        const { reach } = await start(t, {});
        const client = await reach();
        assert.equal((await client.request(get(`/${"x".repeat(31_000)}`))).status, 200);
    });
});

describe("requests on a connection", () => {
    test("behind as many as it may carry it is closed, and says so", async (t) => {
        const { reach, hits } = await start(t, { connection_requests: 3 });
        const client = await reach();
        for (const expected of [undefined, undefined, "close"]) {
            const answer = await client.request(get("/"));
            assert.equal(answer.status, 200);
            assert.equal(answer.value("Connection"), expected);
        }
        assert.equal(await client.closed(), "");
        assert.deepEqual(await hits(), { connection_requests: 1 });
    });

    test("more at once than may be are not served", async (t) => {
        const { reach, hits } = await start(t, { pipelined_requests: 4 });
        const client = await reach();
        const count = backend.count;
        client.send(get("/").repeat(10));
        for (const expected of [undefined, undefined, undefined, "close"]) {
            const answer = await client.answer();
            assert.equal(answer.status, 200);
            assert.equal(answer.value("Connection"), expected);
        }
        assert.equal(await client.closed(), "");
        assert.equal(backend.count - count, 4);
        assert.deepEqual(await hits(), { pipelined_requests: 1 });
    });

    test("who waits for answers may send as many as he likes", async (t) => {
        const { reach, hits } = await start(t, { pipelined_requests: 4 });
        const client = await reach();
        for (let i = 0; i < 8; i++) {
            client.send(get("/").repeat(4));
            for (let j = 0; j < 4; j++) assert.equal((await client.answer()).status, 200);
        }
        assert.deepEqual(await hits(), {});
    });
});

describe("slow clients", () => {
    test("a handshake that stalls ends, with and without a byte now and then", async (t) => {
        const { endpoint, hits } = await start(t, { handshake_time: "300ms" });
        const silent = await connectPlain(t, endpoint);
        const dripping = await connectPlain(t, endpoint);
        /* A record of 512 bytes that never comes to its end. */
        dripping.send("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
        repeat(t, dripping, 50, () => dripping.send("x"));
        await Promise.all([silent.closed(), dripping.closed()]);
        assert.deepEqual(await hits(), { handshake_time: 2 });
    });

    test("a head that comes byte by byte ends in 408", async (t) => {
        const { reach, hits } = await start(t, { request_time: "400ms" });
        const client = await reach();
        client.send("GET / HTTP/1.1\r\nX: ");
        repeat(t, client, 50, () => client.send("x"));
        assert.equal((await client.answer()).status, 408);
        assert.equal(await client.closed(), "");
        assert.deepEqual(await hits(), { request_time: 1 });
    });

    test("content that does not come ends in 408", async (t) => {
        const { reach, hits, reason } = await start(t, { request_idle_time: "300ms" });
        const client = await reach();
        assert.equal((await client.request(post("/idle", 10))).status, 408);
        assert.equal(await reason((one) => one.target === "/idle"), "request_content_timeout");
        assert.deepEqual(await hits(), { request_idle_time: 1 });
    });

    test("content that drips ends in 408, though it never stops", async (t) => {
        const { reach, hits, reason } = await start(t, {
            request_rate: SMALL_RATE,
            rate_window: "300ms",
            rate_grace: "100ms",
        });
        const client = await reach();
        client.send(post("/drip", 100_000));
        repeat(t, client, 20, () => client.send("x"));
        assert.equal((await client.answer()).status, 408);
        assert.equal(await reason((one) => one.target === "/drip"), "request_too_slow");
        assert.deepEqual(await hits(), { request_rate: 1 });
    });

    test("content that keeps the rate goes through", async (t) => {
        const { reach, hits } = await start(t, {
            request_rate: 1000,
            rate_window: "600ms",
            rate_grace: "0s",
        });
        const client = await reach();
        client.send(post("/steady", 40_000));
        /* One part a window would do. */
        for (let i = 0; i < 40; i++) {
            await new Promise((resolve) => setTimeout(resolve, 50));
            client.send("x".repeat(1000));
        }
        assert.equal((await client.answer()).status, 200);
        assert.deepEqual(await hits(), {});
    });

    /* The kernels on both sides hold some megabytes, so that the answer is larger than they. */
    test("an answer that is not taken ends", async (t) => {
        const { reach, hits, reason } = await start(t, {
            response_idle_time: "300ms",
            response_rate: 0,
        });
        const client = await reach();
        client.socket.pause();
        client.send(get("/large-idle"));
        assert.equal(await reason((one) => one.target === "/large-idle"), "client_too_slow");
        assert.deepEqual(await hits(), { response_idle_time: 1 });
    });

    test("an answer that is taken a little now and then ends", async (t) => {
        const { reach, hits, reason } = await start(t, {
            response_rate: "100MiB",
            rate_window: "500ms",
            rate_grace: "100ms",
        });
        const client = await reach();
        client.socket.pause();
        client.send(get("/large-slow"));
        repeat(t, client, 20, () => client.socket.read(1));
        assert.equal(await reason((one) => one.target === "/large-slow"), "client_rate_too_low");
        assert.deepEqual(await hits(), { response_rate: 1 });
    });
});

/* The small version of `./dev bench slow`: what becomes of them, not how long others take. */
test("five hundred slow clients are found out, and nobody else notices", async (t) => {
    const { reach, hits } = await start(t, {
        request_time: "3s",
        request_rate: SMALL_RATE,
        response_rate: "100MiB",
        rate_window: "1s",
        rate_grace: "1s",
    });
    const kinds = [
        ...Array(10).fill(["GET / HTTP/1.1\r\nX: ", "x"]),
        ...Array(9).fill([post("/drip", 1_000_000), "x"]),
        [get("/large"), ""],
    ];
    const slow = [];
    for (let i = 0; i < 500; i += 50) {
        slow.push(...(await Promise.all(Array.from({ length: 50 }, () => reach()))));
    }
    const ended = slow.map((client, i) => {
        const [first, drip] = kinds[i % kinds.length];
        if (drip === "") client.socket.pause();
        else repeat(t, client, 500, () => client.send(drip));
        client.send(first);
        return drip === "" ? null : client.closed();
    });
    const other = await reach();
    let isOver = false;
    const all = Promise.all(ended).then(() => (isOver = true));
    while (!isOver) {
        assert.equal((await other.request(get("/quick"))).status, 200);
        await new Promise((resolve) => setImmediate(resolve));
    }
    await all;
    const expected = { request_time: 250, request_rate: 225, response_rate: 25 };
    let found = await hits();
    while (found.response_rate !== 25) {
        assert.equal((await other.request(get("/quick"))).status, 200);
        found = await hits();
    }
    assert.deepEqual(found, expected);
});

/* The backend reads nothing for longer than any window: no client is to blame for that. */
describe("slow backends", () => {
    test("a client whose content the backend does not take is not too slow", async (t) => {
        const { createServer } = await import("node:net");
        const held = [];
        const server = createServer((socket) => {
            socket.pause();
            socket.on("error", () => {});
            held.push(socket);
        });
        await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
        t.after(() => {
            held.forEach((socket) => socket.destroy());
            server.close();
        });
        const gateway = await startGateway(
            t,
            configuration(
                [
                    listener(
                        pki,
                        { url: `http://127.0.0.1:${server.address().port}` },
                        1,
                        "main",
                        { mode: "none" },
                    ),
                ],
                {
                    ...WATCHED,
                    limits: { request_rate: "64KiB", rate_window: "200ms", rate_grace: "600ms" },
                },
            ),
        );
        const client = await connect(t, pki, gateway.endpoint("main"));
        const length = 16 * 1024 * 1024;
        client.send(post("/stuck", length));
        client.socket.write(Buffer.alloc(length, "x"));
        /* Time enough for three that drip to be found out, one after another. */
        for (let i = 0; i < 3; i++) {
            const dripping = await connect(t, pki, gateway.endpoint("main"));
            dripping.send(post("/drip", 100_000));
            assert.equal((await dripping.answer()).status, 408);
        }
        const stuck = gateway.records.items.find((one) => one.target === "/stuck");
        assert.equal(stuck, undefined);
        held.forEach((socket) => socket.destroy());
        const record = await gateway.record((one) => one.target === "/stuck");
        assert.equal(record.reason, "backend_closed");
    });
});

describe("limits by address", () => {
    const from = (localAddress) => ({ localAddress });
    const tells = (line) => /connections from \S+ are refused: it/.test(line);
    const said = async (gateway) => {
        await gateway.events.find(tells, "word of a refusal");
        return gateway.events.items.filter(tells);
    };

    test("an address has so many connections, and others have theirs", async (t) => {
        const { gateway, reach, hits } = await start(t, { address_connections: 2 });
        const held = [await reach(from("127.0.0.70")), await reach(from("127.0.0.70"))];
        for (let i = 0; i < 3; i++) {
            const refused = await reach(from("127.0.0.70"));
            assert.equal(await refused.closed(), "");
        }
        const other = await reach(from("127.0.0.71"));
        assert.equal((await other.request(get("/"))).status, 200);
        for (const client of held) assert.equal((await client.request(get("/"))).status, 200);
        assert.deepEqual(await hits(), { address_connections: 3 });
        assert.equal((await said(gateway)).length, 1, "it is said once, not for each");
        assert.match((await said(gateway))[0], /connections from 127\.0\.0\.70 are refused/);

        held[0].end();
        const isFree = (metrics) => valueOf(metrics, "sallyport_connections_open") === 2;
        while (!isFree(await readMetrics(gateway)));
        const again = await reach(from("127.0.0.70"));
        assert.equal((await again.request(get("/"))).status, 200);
    });

    test("an address whose handshakes fail is refused for a while, before any TLS", async (t) => {
        const { gateway, endpoint, reach, hits } = await start(t, {
            address_failed_handshakes: 3,
            address_failure_time: "1h",
        });
        for (let i = 0; i < 3; i++) {
            const failing = await connectPlain(t, endpoint, from("127.0.0.72"));
            failing.send("GET / HTTP/1.1\r\n\r\n");
            await failing.closed();
        }
        for (let i = 0; i < 2; i++) {
            /* The reset may be here before it is known that the connection was made. */
            const refused = await connectPlain(t, endpoint, from("127.0.0.72")).then(
                (client) => client.closed(),
                (error) => error.code,
            );
            assert.match(refused, /^(ECONNRESET)?$/, "no answer, and no alert");
        }
        assert.deepEqual(await hits(), { address_failed_handshakes: 2 });
        assert.equal((await said(gateway)).length, 1);
        const other = await reach(from("127.0.0.73"));
        assert.equal((await other.request(get("/"))).status, 200);
    });

    test("to look whether the port is open is no failure", async (t) => {
        const { endpoint, reach, hits } = await start(t, {
            address_failed_handshakes: 3,
            address_failure_time: "1h",
        });
        for (let i = 0; i < 10; i++) {
            const looking = await connectPlain(t, endpoint, from("127.0.0.74"));
            looking.socket.end();
            await looking.closed();
        }
        const client = await reach(from("127.0.0.74"));
        assert.equal((await client.request(get("/"))).status, 200);
        assert.deepEqual(await hits(), {});
    });

    test("trusted proxies and those that are named have no such limits", async (t) => {
        const more = { trusted_proxies: ["127.0.0.75"] };
        const gateway = await startGateway(
            t,
            configuration([listener(pki, backend, 1, "main", { mode: "none" }, more)], {
                ...WATCHED,
                limits: { address_connections: 1, unlimited_addresses: ["127.0.0.76/31"] },
            }),
        );
        for (const address of ["127.0.0.75", "127.0.0.76", "127.0.0.77"]) {
            for (let i = 0; i < 3; i++) {
                const options = { more: from(address) };
                const client = await connect(t, pki, gateway.endpoint("main"), options);
                assert.equal((await client.request(get("/"))).status, 200);
            }
        }
    });
});

test("docs/LIMITS.md names every limit that is counted, and no other", async (t) => {
    const page = readFileSync(new URL("../../docs/LIMITS.md", import.meta.url), "utf8");
    const named = [...page.matchAll(/^\| `([a-z_]+)`/gm)].map(([, name]) => name);
    const { gateway } = await start(t, {});
    const { samples } = (await readMetrics(gateway)).get("sallyport_limit_hits_total");
    const counted = samples.map(({ labels }) => labels.limit);
    assert.deepEqual(named.sort(), counted.sort());
});
