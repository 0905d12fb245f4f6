// SPDX-License-Identifier: Apache-2.0
//
// Attacks on the walk as a whole: requests and answers that two sides may cut differently, clients
// that take their time, paths that a backend may take for another, and connections that several
// clients share one after another.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { after, describe, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { before } from "./support/deadline.mjs";
import { startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";

const pki = makePki(after);
const trust = [pki.root.certificate];
const backend = await startBackend({ after }, (request) => answers.get(request.target)?.(request));
const answers = new Map(); // from a target to what the backend answers; else "ok"
const gateway = await startGateway(
    { after },
    configuration(
        [
            listener(pki, backend, 1, "all", { trust }),
            listener(
                pki,
                backend,
                2,
                "mixed",
                { trust, mode: "optional" },
                {
                    routes: [
                        {
                            name: "admin",
                            paths: ["/admin/*"],
                            client_certificate: { mode: "required" },
                            backend: backend.url,
                        },
                        { name: "public", backend: backend.url },
                    ],
                },
            ),
            listener(
                pki,
                backend,
                3,
                "ordered",
                { trust, mode: "optional" },
                {
                    routes: [
                        { name: "open", paths: ["/open", "/img/*"], backend: backend.url },
                        {
                            name: "rest",
                            client_certificate: { mode: "required" },
                            backend: backend.url,
                        },
                    ],
                },
            ),
        ],
        { limits: { keep_alive: "3s", response_rate: "0B" } },
    ),
    { listeners: 3 },
);

let made = 0;
const newTarget = () => `/attack-${++made}`;
const open = (t, options = {}) =>
    connect(t, pki, gateway.endpoint(options.listener ?? "all"), {
        credential: pki.good,
        ...options,
    });
const get = (target, ...lines) =>
    [`GET ${target} HTTP/1.1`, `Host: ${HOST}`, ...lines, "", ""].join("\r\n");

/* ---- one request is one request -------------------------------------------------------------- */

/* Each of them hides GET /hidden behind a content whose end can be found in two places. */
const HIDDEN = `GET /hidden HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
const SMUGGLED = {
    "both framings": ["Content-Length: 5", "Transfer-Encoding: chunked"],
    "both framings, turned around": ["Transfer-Encoding: chunked", "Content-Length: 5"],
    "two lengths": ["Content-Length: 0", `Content-Length: ${HIDDEN.length}`],
    "one length twice": ["Content-Length: 0", "Content-Length: 0"],
    "a list of lengths": ["Content-Length: 0, 0"],
    "a signed length": ["Content-Length: +0"],
    "a negative length": ["Content-Length: -1"],
    "a hexadecimal length": ["Content-Length: 0x0"],
    "an empty length": ["Content-Length: "],
    "a length beyond 64 bits": ["Content-Length: 18446744073709551616"],
    "a length beyond 63 bits": ["Content-Length: 9223372036854775808"],
    "a length with a blank inside": ["Content-Length: 0 0"],
    "a length with a blank before the colon": ["Content-Length : 0"],
    "a folded length": ["Content-Length:\r\n 0"],
    "a length with a point": ["Content-Length: 0.0"],
    "a coding twice": ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    "a coding twice in one list": ["Transfer-Encoding: chunked, chunked"],
    "chunked before another": ["Transfer-Encoding: chunked, identity"],
    "another before chunked": ["Transfer-Encoding: identity, chunked"],
    "a coding unknown": ["Transfer-Encoding: xchunked"],
    "identity": ["Transfer-Encoding: identity"],
    "an empty coding": ["Transfer-Encoding: "],
    "a coding with a parameter": ["Transfer-Encoding: chunked;x=1"],
    "a coding with a vertical tab": ["Transfer-Encoding: \x0bchunked"],
    "a coding in quotes": ['Transfer-Encoding: "chunked"'],
    "a coding with a blank before the colon": ["Transfer-Encoding : chunked"],
    "a coding behind a bare CR": ["X-A: b\rTransfer-Encoding: chunked"],
    "a coding behind a bare LF": ["X-A: b\nTransfer-Encoding: chunked"],
    "a coding behind a NUL": ["X-A: b\0Transfer-Encoding: chunked"],
    "a coding with an underscore": ["Transfer_Encoding: chunked"],
    "a folded coding": ["Transfer-Encoding:\r\n chunked"],
    "a name without a colon": ["Content-Length"],
    "an upgrade to HTTP/2 with a length twice": ["Upgrade: h2c", "Content-Length: 0, 0"],
};
const MALFORMED_CHUNKS = {
    "a size with a sign": "+0\r\n\r\n",
    "a size with a prefix": "0x0\r\n\r\n",
    "a size behind a blank": " 0\r\n\r\n",
    "a size before a blank": "0 \r\n\r\n",
    "no size": "\r\n\r\n",
    "a line that ends in LF": "0\n\n",
    "a size line that ends in LF": "1\nx\r\n0\r\n\r\n",
    "a chunk that ends in LF": "1\r\nx\n0\r\n\r\n",
    "a chunk without its end": "1\r\nx0\r\n\r\n",
    "a chunk longer than its size": "1\r\nxy\r\n0\r\n\r\n",
    "a size beyond 64 bits": "10000000000000000\r\n\r\n",
    "a size beyond 63 bits": "8000000000000000\r\n\r\n",
    "a bare CR in an extension": "1;a\rb\r\nx\r\n0\r\n\r\n",
    "a bare LF in an extension": "1;a\nb\r\nx\r\n0\r\n\r\n",
    "a trailer without a colon": "0\r\nabc\r\n\r\n",
    "a folded trailer": "0\r\nA: b\r\n c\r\n\r\n",
    "a trailer that ends in LF": "0\r\nA: b\n\r\n",
    "a size with too many zeros": "00000000000000000\r\n\r\n",
};

async function assertNothingHidden(t, bytes, what) {
    const from = backend.count;
    const client = await open(t);
    const answer = await client.request(bytes);
    assert.ok(answer === null || answer.status >= 400, `${what}: ${answer?.line}`);
    assert.equal(await client.closed(), "", what);
    const asked = backend.requests.items.slice(from).map((request) => request.target);
    assert.ok(!asked.includes("/hidden"), what);
}

describe("what can be cut in two ways is refused, and ends the connection", () => {
    for (const [what, lines] of Object.entries(SMUGGLED)) {
        test(what, async (t) => {
            const head = [`POST /outer HTTP/1.1`, `Host: ${HOST}`, ...lines, "", ""].join("\r\n");
            await assertNothingHidden(t, `${head}0\r\n\r\n${HIDDEN}`, what);
        });
    }
    for (const [what, chunks] of Object.entries(MALFORMED_CHUNKS)) {
        test(`chunks: ${what}`, async (t) => {
            const lines = [`POST /outer HTTP/1.1`, `Host: ${HOST}`, "Transfer-Encoding: chunked"];
            await assertNothingHidden(t, [...lines, "", chunks + HIDDEN].join("\r\n"), what);
        });
    }
    test("HTTP/1.0 with chunks", async (t) => {
        const lines = ["POST /outer HTTP/1.0", `Host: ${HOST}`, "Transfer-Encoding: chunked"];
        await assertNothingHidden(t, [...lines, "", `0\r\n\r\n${HIDDEN}`].join("\r\n"), "1.0");
    });
});

/* ---- an answer is one client's --------------------------------------------------------------- */

const EVIL = "HTTP/1.1 200 Evil\r\nContent-Length: 4\r\nX-Evil: yes\r\n\r\nevil";
const ok = (lines = "", body = "fine") =>
    `HTTP/1.1 200 OK\r\n${lines}Content-Length: ${body.length}\r\n\r\n${body}`;

/* What a backend says to one request, and what the client hears of it: a status, or nothing. */
const POISON = {
    "two answers at once": [ok() + EVIL, 200],
    "a content longer than its length": [`${ok("", "")}${EVIL}`, 200],
    "an answer behind chunks": [
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n${EVIL}`,
        200,
    ],
    "204 with a content": [`HTTP/1.1 204 No\r\nContent-Length: ${EVIL.length}\r\n\r\n${EVIL}`, 204],
    "204 with chunks": [
        `HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n${EVIL}`,
        204,
    ],
    "304 with a content": [
        `HTTP/1.1 304 Same\r\nContent-Length: ${EVIL.length}\r\n\r\n${EVIL}`,
        304,
    ],
    "an answer to HEAD with a content": [`${ok("", EVIL).replace("fine", EVIL)}`, 200, "HEAD"],
    "an interim answer with a length": [
        `HTTP/1.1 103 Early\r\nContent-Length: ${EVIL.length}\r\n\r\n${EVIL}${ok()}`,
        502,
    ],
    "an interim answer with chunks": [
        `HTTP/1.1 103 Early\r\nTransfer-Encoding: chunked\r\n\r\n${EVIL}${ok()}`,
        502,
    ],
    "101 that nobody asked for": [
        `HTTP/1.1 101 Switching\r\nUpgrade: evil\r\nConnection: upgrade\r\n\r\n${EVIL}`,
        502,
    ],
    "endless interim answers": ["HTTP/1.1 102 Wait\r\n\r\n".repeat(99) + ok(), 502],
    "both framings": [
        `HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n${EVIL}`,
        502,
    ],
    "two lengths": [
        `HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 4\r\n\r\n${EVIL}`,
        502,
    ],
    "a length with a sign": [`HTTP/1.1 200 OK\r\nContent-Length: +0\r\n\r\n${EVIL}`, 502],
    "a coding unknown": [`HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n${EVIL}`, 502],
    "a line that ends in LF": [`HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n${EVIL}`, 502],
    "a folded field": [`HTTP/1.1 200 OK\r\nX-A: b\r\n Content-Length: 0\r\n\r\n${EVIL}`, 502],
    "a bare CR in a field": [`HTTP/1.1 200 OK\r\nX-A: b\rX-C: d\r\n\r\n${EVIL}`, 502],
    "a version of its own": [`HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n${EVIL}`, 502],
    "no HTTP": [`evil\r\n\r\n${EVIL}`, 502],
    "a status of two digits": [`HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n${EVIL}`, 502],
};

describe("what a backend says too much is no other client's answer", () => {
    for (const [what, [raw, status, method = "GET"]] of Object.entries(POISON)) {
        test(what, async (t) => {
            const target = newTarget();
            answers.set(target, () => ({ raw }));
            const client = await open(t);
            const request = get(target).replace("GET", method);
            const answer = await client.request(request, method);
            assert.equal(answer?.status, status);
            assert.notEqual(answer.body, "evil");
            for (let i = 0; i < 3; i++) {
                const victim = await open(t, { credential: pki.rsa });
                const own = newTarget();
                answers.set(own, () => ({ body: own }));
                const heard = await victim.request(get(own));
                assert.equal(heard.body, own);
                assert.equal(heard.value("X-Evil"), undefined);
                victim.end();
            }
            const next = newTarget();
            answers.set(next, () => ({ body: next }));
            const again = await client.request(get(next));
            assert.ok(again === null || again.body === next, `${again?.line} ${again?.body}`);
        });
    }
});

/* A backend that answers twice, the second time when its connection waits in the pool. */
test("what comes while a backend's connection waits is nobody's answer", async (t) => {
    const sockets = [];
    const server = createServer({ noDelay: true }, (socket) => {
        sockets.push(socket);
        socket.on("error", () => {});
        socket.on("data", () => socket.write(ok("", `answer ${sockets.indexOf(socket)}`)));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => (server.close(), sockets.forEach((socket) => socket.destroy())));
    const twice = { url: `http://127.0.0.1:${server.address().port}` };
    const front = await startGateway(t, configuration([listener(pki, twice, 1, "all", { trust })]));
    const client = await connect(t, pki, front.endpoint(), { credential: pki.good });
    for (let i = 0; i < 5; i++) {
        const answer = await client.request(get("/"));
        assert.equal(answer.body, `answer ${i}`);
        await before(new Promise((done) => sockets[i].write(EVIL, done)), "the second answer");
    }
});

test("an answer before the request is complete ends both connections", async (t) => {
    const early = "HTTP/1.1 413 Early\r\nContent-Length: 5\r\n\r\nearly";
    const seen = [];
    const server = createServer({ noDelay: true }, (socket) => {
        seen.push("");
        const index = seen.length - 1;
        socket.on("error", () => {});
        socket.on("data", (part) => {
            seen[index] += part.toString("latin1");
            socket.write(early);
        });
        t.after(() => socket.destroy());
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const hasty = { url: `http://127.0.0.1:${server.address().port}` };
    const front = await startGateway(t, configuration([listener(pki, hasty, 1, "all", { trust })]));
    for (const framing of ["Content-Length: 1000", "Transfer-Encoding: chunked"]) {
        const client = await connect(t, pki, front.endpoint(), { credential: pki.good });
        const answer = await client.request(
            [`POST / HTTP/1.1`, `Host: ${HOST}`, framing, "", ""].join("\r\n"),
        );
        assert.equal(answer.status, 413);
        assert.equal(answer.value("Connection"), "close");
        client.send(HIDDEN);
        assert.equal(await client.closed(), "");
        const other = await connect(t, pki, front.endpoint(), { credential: pki.rsa });
        assert.equal((await other.request(get("/other"))).status, 413);
        other.end();
    }
    assert.ok(!seen.some((text) => /POST [^]*GET /.test(text)), "a connection was used again");
    assert.ok(!seen.join("").includes("GET /hidden"));
});

/* ---- slow clients ---------------------------------------------------------------------------- */

/* The kernel takes some megabytes of an answer; what it does not take waits in the gateway. Of
 * these sizes some leave a rest there when nothing is left to be asked of the backend. */
test("a client that is slow to read the last answer gets all of it", async (t) => {
    const sizes = Array.from({ length: 14 }, (_, i) => 3_900_000 + i * 20_000);
    const idle = await open(t);
    assert.equal((await idle.request(get("/"))).status, 200);
    const clients = [];
    for (const size of sizes) {
        const target = newTarget();
        answers.set(target, () => ({ body: "x".repeat(size) }));
        const client = await open(t);
        client.socket.pause();
        client.send(get(target, "Connection: close"));
        clients.push(client);
    }
    await idle.closed(); // by keep_alive, which is longer than a closing connection lingers
    for (const [i, client] of clients.entries()) {
        client.socket.resume();
        const answer = await client.answer();
        assert.equal(answer.body.length, sizes[i]);
    }
});

/* ---- paths and methods that lead around a demand --------------------------------------------- */

test("no path that a backend may take for a protected one is exempt", async (t) => {
    for (const target of [
        ...["/admin", "/ADMIN/x", "/admin;a=b/x", "/%61dmin/x", "//admin/x", "/;a/admin/x"],
        ...["/admin./x", "/admin%20/x", "/admin%20./x", "/.../admin/x", "/%20/admin/x"],
        ...["/admin::$INDEX_ALLOCATION/x", "/admin:$i30:$INDEX_ALLOCATION/x"],
        ...["/(S(x))/admin/x", "/(A(x)F(y))/admin/x", "/%28S(x)%29/admin/x", "/admin/(S(x))/y"],
    ]) {
        for (const method of ["GET", "HEAD", "OPTIONS", "PROPFIND"]) {
            const client = await open(t, { listener: "mixed", credential: undefined });
            const answer = await client.request(get(target).replace("GET", method), method);
            assert.equal(answer?.status, 400, `${method} ${target}`);
            client.end();
        }
    }
    assert.ok(!backend.requests.items.some(({ target }) => /admin/i.test(target)));
});

test("a route before a demand takes no path but its own", async (t) => {
    const ask = async (target) => {
        const client = await open(t, { listener: "ordered", credential: undefined });
        const answer = await client.request(get(target));
        client.end();
        return answer?.status;
    };
    for (const target of ["/open", "//open", "/%6fpen", "/img/x"]) {
        assert.equal(await ask(target), 200, target);
    }
    for (const target of [
        ...["/OPEN", "/open/", "/open;x", "/open.", "/open%20", "/IMG/x", "/img", "/img/x;y"],
        ...["/;/img/x", "/(S(x))/img/x"],
    ]) {
        assert.equal(await ask(target), 400, target);
    }
});
