// SPDX-License-Identifier: Apache-2.0
//
// Backends that fail in every way, and clients that do: each failure has its status and reason,
// costs nobody else anything, and is never taken for a complete answer.

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { after, describe, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, connectPlain, curl, HOST, sClient } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { before } from "./support/deadline.mjs";
import { startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";
import { answerWith, startScriptedBackend, unusedUrl } from "./support/scripted_backend.mjs";

const pki = makePki(after);
const open = { mode: "none" };
const say = (text) => (socket) => socket.write(text, "latin1");
const ok = (rest) => `HTTP/1.1 200 OK\r\n${rest}`;

/* ---- backends that fail --------------------------------------------------------------------- */

const MANY_INTERIM = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(1000);

/* Before the answer's head is complete the gateway answers itself. */
const BEFORE_THE_ANSWER = {
    "closes at once": ["backend_closed", (socket) => socket.end()],
    "resets at once": ["backend_closed", (socket) => socket.resetAndDestroy()],
    "closes within the head": [
        "backend_closed",
        (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Le"),
    ],
    "says something else": ["backend_response_malformed", say("220 mail.example ready\r\n\r\n")],
    "speaks HTTP/0.9": ["backend_response_malformed", say("<html>hello</html>\r\n\r\n")],
    "speaks HTTP/2": ["backend_response_malformed", say("HTTP/2 200 OK\r\n\r\n")],
    "has a status of two digits": ["backend_response_malformed", say("HTTP/1.1 20 OK\r\n\r\n")],
    "has a status of 600": ["backend_response_malformed", say("HTTP/1.1 600 No\r\n\r\n")],
    "ends lines with LF": ["backend_response_malformed", say("HTTP/1.1 200 OK\nA: b\n\n\r\n\r\n")],
    "has a space before a colon": [
        "backend_response_malformed",
        say(ok("Content-Length : 2\r\n\r\nok")),
    ],
    "folds a line": [
        "backend_response_malformed",
        say(ok("A: b\r\n c\r\nContent-Length: 0\r\n\r\n")),
    ],
    "frames twice": [
        "backend_response_malformed",
        say(ok("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
    ],
    "has two lengths": [
        "backend_response_malformed",
        say(ok("Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc")),
    ],
    "has a length with a sign": [
        "backend_response_malformed",
        say(ok("Content-Length: +2\r\n\r\nab")),
    ],
    "has an unknown coding": [
        "backend_response_malformed",
        say(ok("Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")),
    ],
    "switches protocols unasked": [
        "backend_response_malformed",
        say("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
    ],
    "never stops its interim answers": ["backend_response_malformed", say(MANY_INTERIM)],
    "has a head that is too large": [
        "backend_response_too_large",
        say(ok(`${`X-Filler: ${"x".repeat(1000)}\r\n`.repeat(40)}\r\n`)),
    ],
    "has too many headers": [
        "backend_headers_too_many",
        say(ok(`${"X-Filler: x\r\n".repeat(201)}\r\n`)),
    ],
};

/* After that the client must see that the answer is not complete. */
const WITHIN_THE_ANSWER = {
    "closes before the length is reached": (socket) =>
        socket.end(ok("Content-Length: 100\r\n\r\nhalf")),
    "resets within the content": (socket) =>
        socket.write(ok("Content-Length: 100\r\n\r\nhalf"), () => socket.resetAndDestroy()),
    "closes within a chunk": (socket) =>
        socket.end(ok("Transfer-Encoding: chunked\r\n\r\n10\r\nhalf")),
    "closes before the last chunk": (socket) =>
        socket.end(ok("Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")),
    "has a chunk's size that is none": say(
        ok("Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nxyz\r\n"),
    ),
    "has a chunk's size that overflows": say(
        ok("Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nffffffffffffffff1\r\n"),
    ),
    "has no end behind a chunk": say(
        ok("Transfer-Encoding: chunked\r\n\r\n4\r\nhalfX\r\n0\r\n\r\n"),
    ),
    "ends a chunk with LF": say(ok("Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\n0\r\n\r\n")),
};

const slug = (name) => `/${name.replace(/[^a-z0-9]+/gi, "-")}`;

const failing = await startScriptedBackend(
    { after },
    Object.fromEntries([
        ...Object.entries(BEFORE_THE_ANSWER).map(([name, [, script]]) => [slug(name), script]),
        ...Object.entries(WITHIN_THE_ANSWER).map(([name, script]) => [slug(name), script]),
        ["/hangs", () => {}],
        ["/hangs-within", say(ok("Content-Length: 100\r\n\r\nhalf"))],
        ["/close-delimited", (socket) => socket.end(ok("\r\nall of it"))],
        ["/close-delimited-cut", (socket) => {
            socket.write(ok("\r\nnot all of it"), () => socket.resetAndDestroy());
        }],
        ["/204", say("HTTP/1.1 204 No Content\r\n\r\n")],
        ["/304", say("HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\nETag: x\r\n\r\n")],
        ["/head", (socket, { method }) => {
            socket.write(ok(`Content-Length: 5\r\n\r\n${method === "HEAD" ? "" : "hello"}`));
        }],
        ["/head-chunked", (socket) => socket.write(ok("Transfer-Encoding: chunked\r\n\r\n"))],
        ["/more-than-length", say(ok("Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n"))],
        ["/some-interim", say(`HTTP/1.1 103 Early\r\n\r\n${ok("Content-Length: 2\r\n\r\nok")}`)],
        ["/post", (socket) => {
            socket.write("HTTP/1.1 100 Continue\r\n\r\n");
            answerWith(socket, "you asked for /post\n");
        }],
        ["/early", (socket) => {
            socket.write("HTTP/1.1 413 Too Much\r\nContent-Length: 8\r\n\r\ntoo much");
        }],
        ["/closes-when-used-again", closeWhenUsedAgain],
    ]),
);

/* Answers the first request of a connection, and closes without a word at the second. */
function closeWhenUsedAgain(socket) {
    if (socket.isUsed) {
        socket.destroy();
        return;
    }
    socket.isUsed = true;
    answerWith(socket, "first of its connection\n");
}


const gateway = await startGateway(
    { after },
    configuration(
        [
            listener(pki, failing, 1, "failing", open),
            listener(pki, { url: "impatient" }, 2, "impatient", open),
            listener(pki, { url: await unusedUrl() }, 3, "nobody", open),
        ],
        {
            backends: {
                impatient: { endpoints: [failing.url], timeouts: { response: "300ms" } },
            },
        },
    ),
    { listeners: 3 },
);

const request = (target, { method = "GET", head = "", version = "1.1" } = {}) =>
    `${method} ${target} HTTP/${version}\r\nHost: ${HOST}\r\n${head}\r\n`;

function recordOf(target) {
    return gateway.record((record) => record.target === target, `the record of ${target}`);
}

/* The connection that a failure came over, and any other, serve on. */
async function assertServes(client) {
    const answer = await client.request(request("/fine"));
    assert.equal(answer?.status, 200);
    assert.equal(answer.body, "you asked for /fine\n");
}

describe("a backend that fails before its answer has begun", () => {
    for (const [name, [reason]] of Object.entries(BEFORE_THE_ANSWER)) {
        test(`${name}: 502, and the connection goes on`, async (t) => {
            const client = await connect(t, pki, gateway.endpoint("failing"));
            await assertServes(client);
            const answer = await client.request(request(slug(name)));
            assert.equal(answer.status, 502);
            assert.match(answer.body, new RegExp(reason));
            const record = await recordOf(slug(name));
            assert.equal(record.status, 502);
            assert.equal(record.reason, reason);
            assert.equal(record.fault, "backend");
            await assertServes(client);
        });
    }

    test("refuses connections: 502 backend_unreachable", async (t) => {
        const client = await connect(t, pki, gateway.endpoint("nobody"));
        for (const target of ["/nobody-1", "/nobody-2"]) {
            const answer = await client.request(request(target));
            assert.equal(answer.status, 502);
            assert.equal((await recordOf(target)).reason, "backend_unreachable");
        }
    });

    test("never answers: 504", async (t) => {
        const client = await connect(t, pki, gateway.endpoint("impatient"));
        const answer = await client.request(request("/hangs"));
        assert.equal(answer.status, 504);
        assert.equal((await recordOf("/hangs")).reason, "backend_response_timeout");
        await assertServes(client);
    });
});

describe("a backend that fails within its answer", () => {
    for (const name of [...Object.keys(WITHIN_THE_ANSWER), "hangs-within"]) {
        test(`${name}: the client sees that it is not complete`, async (t) => {
            const target = slug(name);
            const which = name === "hangs-within" ? "impatient" : "failing";
            const witness = await connect(t, pki, gateway.endpoint(which));
            await assertServes(witness);
            const answer = await curl(pki, gateway.endpoint(which), { path: target });
            assert.equal(answer.status, 0, "curl took it for complete");
            assert.ok([18, 56].includes(answer.exit), `curl ended with ${answer.exit}`);
            const { text } = await sClient(pki, gateway.endpoint(which), { path: target });
            assert.match(text, /half/);
            assert.match(text, /unexpected eof while reading/);
            const record = await recordOf(target);
            assert.notEqual(record.reason, "none");
            assert.equal(record.fault, "backend");
            await assertServes(witness);
        });
    }

    test("content that ends with the connection ends properly, or is seen to be cut", async () => {
        const endpoint = gateway.endpoint("failing");
        const whole = await curl(pki, endpoint, { path: "/close-delimited" });
        assert.equal(whole.status, 200);
        assert.equal(whole.body, "all of it");
        const cut = await curl(pki, endpoint, { path: "/close-delimited-cut" });
        assert.equal(cut.status, 0, "curl took it for complete");
        /* HTTP/1.0 has no chunks: the end of TLS is all there is to tell them apart. */
        const words = ["--http1.0"];
        const old = await curl(pki, endpoint, { path: "/close-delimited", words });
        assert.equal(old.body, "all of it", JSON.stringify(old));
        const ends = /unexpected eof while reading/;
        const protocol = "HTTP/1.0";
        const proper = await sClient(pki, endpoint, { path: "/close-delimited", protocol });
        assert.equal(proper.answer.body.includes("all of it"), true);
        assert.doesNotMatch(proper.text, ends);
        const oldCut = await sClient(pki, endpoint, { path: "/close-delimited-cut", protocol });
        assert.match(oldCut.text, ends);
    });
});

/* ---- answers without content ---------------------------------------------------------------- */

test("204, 304 and HEAD have no content, and the connection stays in step", async (t) => {
    const client = await connect(t, pki, gateway.endpoint("failing"));
    const ask = async (target, method) => {
        const answer = await client.request(request(target, { method }), method);
        await assertServes(client);
        return answer;
    };
    assert.equal((await ask("/204")).status, 204);
    const notModified = await ask("/304");
    assert.equal(notModified.status, 304);
    assert.equal(notModified.value("ETag"), "x");
    const head = await ask("/head", "HEAD");
    assert.equal(head.status, 200);
    assert.equal(head.value("Content-Length"), "5");
    assert.equal((await ask("/head")).body, "hello");
    assert.equal((await ask("/head-chunked", "HEAD")).status, 200);
});

test("what a backend says beyond its answer reaches nobody", async (t) => {
    const clients = [];
    for (let i = 0; i < 2; i++) clients.push(await connect(t, pki, gateway.endpoint("failing")));
    for (const client of clients) {
        const answer = await client.request(request("/more-than-length"));
        assert.equal(answer.body, "ok");
        for (const one of clients) await assertServes(one);
    }
});

test("interim answers are passed on", async (t) => {
    const client = await connect(t, pki, gateway.endpoint("failing"));
    const answer = await client.request(request("/some-interim"));
    assert.equal(answer.status, 200);
    assert.equal(answer.body, "ok");
    assert.deepEqual(answer.interim.map(({ status }) => status), [103]);
});

/* ---- connections that are kept -------------------------------------------------------------- */

describe("a backend's connection that was closed while it waited", () => {
    test("a GET is sent again, once, on a fresh one", async (t) => {
        const target = "/closes-when-used-again";
        const client = await connect(t, pki, gateway.endpoint("failing"));
        for (let i = 1; i <= 3; i++) {
            const answer = await client.request(request(target));
            assert.equal(answer.status, 200);
            assert.equal(answer.body, "first of its connection\n");
        }
    });

    test("a POST is not sent again", async (t) => {
        const own = await startScriptedBackend(t, { "/post": closeWhenUsedAgain });
        const gateway = await startGateway(
            t,
            configuration([listener(pki, own, 1, "post", open)]),
        );
        const client = await connect(t, pki, gateway.endpoint());
        const post = `${request("/post", { method: "POST", head: "Content-Length: 4\r\n" })}data`;
        assert.equal((await client.request(post)).status, 200);
        const answer = await client.request(post);
        assert.equal(answer.status, 502);
        assert.equal(own.count("/post"), 2, "it was sent again");
        client.end();
    });

    test("one that is known to be closed is not used", async (t) => {
        const own = await startScriptedBackend(t, {
            "/close": (socket) => {
                answerWith(socket, "bye");
                socket.end();
            },
        });
        const gateway = await startGateway(
            t,
            configuration([listener(pki, own, 1, "close", open)]),
        );
        const client = await connect(t, pki, gateway.endpoint());
        for (let i = 1; i <= 3; i++) {
            assert.equal((await client.request(request("/close"))).status, 200);
            await own.closed.find((number) => number === i, "the connection to be closed");
        }
        const post = `${request("/close", { method: "POST", head: "Content-Length: 4\r\n" })}data`;
        assert.equal((await client.request(post)).status, 200);
        assert.equal(own.count("/close"), 4);
        client.end();
    });
});

test("both sides keep their connections", async (t) => {
    const own = await startBackend(t);
    const gateway = await startGateway(t, configuration([listener(pki, own, 1, "keep", open)]));
    for (let i = 0; i < 5; i++) {
        const client = await connect(t, pki, gateway.endpoint());
        for (let j = 0; j < 20; j++) {
            assert.equal((await client.request(request("/"))).status, 200);
        }
        client.end();
    }
    assert.equal(own.count, 100);
    assert.equal(own.connections, 1, "connections to the backend");
    await gateway.records.find(() => gateway.records.items.length === 100, "every record");
    const ids = new Set(gateway.records.items.map((record) => record.connection_id));
    assert.equal(ids.size, 5, "connections of clients");
});

test("pipelined requests are answered in order", async (t) => {
    const client = await connect(t, pki, gateway.endpoint("failing"));
    const targets = Array.from({ length: 100 }, (_, i) => `/pipelined-${i}`);
    client.send(targets.map((target) => request(target)).join(""));
    for (const target of targets) {
        assert.equal((await client.answer()).body, `you asked for ${target}\n`);
    }
    /* With content, and a refusal, among them. */
    const post = (target) =>
        `${request(target, { method: "POST", head: "Content-Length: 3\r\n" })}abc`;
    client.send([post("/p-1"), request("/closes-at-once"), post("/p-2"), request("/p-3")].join(""));
    assert.equal((await client.answer()).body, "you asked for /p-1\n");
    assert.equal((await client.answer()).status, 502);
    assert.equal((await client.answer()).body, "you asked for /p-2\n");
    assert.equal((await client.answer()).body, "you asked for /p-3\n");
});

/* ---- what clients do ------------------------------------------------------------------------ */

test("an HTTP/1.0 client is answered and the connection closed", async (t) => {
    const client = await connect(t, pki, gateway.endpoint("failing"));
    const answer = await client.request(request("/fine", { version: "1.0" }));
    assert.equal(answer.status, 200);
    assert.equal(answer.body, "you asked for /fine\n");
    assert.equal(await client.closed(), "");
});

test("Connection: close is honoured", async (t) => {
    const client = await connect(t, pki, gateway.endpoint("failing"));
    const answer = await client.request(request("/fine", { head: "Connection: close\r\n" }));
    assert.equal(answer.status, 200);
    assert.equal(answer.value("Connection"), "close");
    assert.equal(await client.closed(), "");
});

test("a client that waits for 100 is invited, but not to a refusal", async (t) => {
    const head = "Content-Length: 4\r\nExpect: 100-continue\r\n";
    const client = await connect(t, pki, gateway.endpoint("failing"));
    const invited = await client.send(request("/post", { method: "POST", head })).message();
    assert.equal(invited.status, 100);
    assert.equal((await client.request("data")).body, "you asked for /post\n");

    const refused = await connect(t, pki, gateway.endpoint("nobody"));
    const answer = await refused.request(request("/post-nobody", { method: "POST", head }));
    assert.equal(answer.status, 502);
});

test("an early answer to an upload can be read, and closes", async (t) => {
    const size = 600_000;
    const head = `Content-Length: ${size}\r\n`;
    const client = await connect(t, pki, gateway.endpoint("failing"));
    client.send(request("/early", { method: "POST", head }));
    client.send("x".repeat(size));
    const answer = await client.answer();
    assert.equal(answer.status, 413);
    assert.equal(answer.body, "too much");
    /* Either all of the upload had been passed on by then, or the connection cannot go on. */
    if (answer.value("Connection") === "close") assert.equal(await client.closed(), "");

    const never = await connect(t, pki, gateway.endpoint("failing"));
    const early = await never.request(
        request("/early", { method: "POST", head: "Content-Length: 1000000\r\n" }),
    );
    assert.equal(early.status, 413);
    assert.equal(early.value("Connection"), "close");
    assert.equal(await never.closed(), "");
});

test("a client that goes away frees the backend's connection", async (t) => {
    const { connections } = failing;
    const client = await connect(t, pki, gateway.endpoint("failing"));
    client.send(request("/hangs?abandoned"));
    const { connection } = await failing.requests.find(
        ({ target }) => target === "/hangs?abandoned",
        "the request",
    );
    client.end();
    await failing.closed.find((number) => number === connection, "its connection to be closed");
    const record = await recordOf("/hangs?abandoned");
    assert.equal(record.status, 499);
    assert.equal(record.reason, "request_abandoned");
    assert.ok(failing.connections >= connections);
});

/* ---- limits --------------------------------------------------------------------------------- */

describe("limits on what clients send", async () => {
    const small = await startGateway(
        { after },
        configuration([listener(pki, failing, 1, "small", open)], {
            limits: {
                ...{ request_header_size: "2KiB", request_header_count: 20 },
                ...{ request_target_size: "256B", request_content_size: "1KiB" },
                ...{ request_time: "300ms", request_idle_time: "300ms", keep_alive: "300ms" },
                handshake_time: "300ms",
            },
        }),
    );
    const { endpoints } = small;
    const reach = (t) => connect(t, pki, endpoints.get("small"));
    const reasonOf = async (matches) =>
        (await small.record(matches, "the record of a refusal")).reason;

    const refused = {
        "a target that is too long": [
            414,
            "request_target_too_long",
            request(`/${"x".repeat(300)}`),
        ],
        "a head that is too large": [
            431,
            "request_header_too_large",
            request("/large", { head: `X-Filler: ${"x".repeat(3000)}\r\n` }),
        ],
        "too many headers": [
            431,
            "request_headers_too_many",
            request("/many", { head: "X-Filler: x\r\n".repeat(25) }),
        ],
        "content that says that it is too large": [
            413,
            "request_content_too_large",
            request("/much", { method: "POST", head: "Content-Length: 1025\r\n" }),
        ],
        "content that turns out to be too large": [
            413,
            "request_content_too_large",
            `${request("/more", { method: "POST", head: "Transfer-Encoding: chunked\r\n" })}` +
                `401\r\n${"x".repeat(1025)}\r\n0\r\n\r\n`,
        ],
    };
    for (const [name, [status, reason, text]] of Object.entries(refused)) {
        test(`${name}: ${status}`, async (t) => {
            const from = small.records.items.length;
            const client = await reach(t);
            const answer = await client.request(text);
            assert.equal(answer.status, status);
            assert.equal(answer.value("Connection"), "close");
            assert.equal(await client.closed(), "");
            const record = await small.record((one) => one.status === status, name, from);
            assert.equal(record.reason, reason);
        });
    }

    test("a head that does not end: 408", async (t) => {
        const client = await reach(t);
        const answer = await client.request(`GET /slow HTTP/1.1\r\nHost: ${HOST}\r\n`);
        assert.equal(answer.status, 408);
        assert.equal(await client.closed(), "");
        assert.equal(await reasonOf(({ status }) => status === 408), "request_timeout");
    });

    test("content that does not come: 408", async (t) => {
        const client = await reach(t);
        const head = "Content-Length: 10\r\n";
        const post = request("/hangs?slow-content", { method: "POST", head });
        const answer = await client.request(post);
        assert.equal(answer.status, 408);
        const isIt = ({ target }) => target === "/hangs?slow-content";
        assert.equal(await reasonOf(isIt), "request_content_timeout");
    });

    test("an idle connection is closed without a word", async (t) => {
        const client = await reach(t);
        assert.equal((await client.request(request("/fine"))).status, 200);
        assert.equal(await client.closed(), "");
        const silent = await reach(t);
        assert.equal(await silent.closed(), "");
    });

    test("a handshake that does not begin is ended", async (t) => {
        const client = await connectPlain(t, endpoints.get("small"));
        assert.equal(await client.closed(), "");
        const isIt = ({ reason }) => reason === "handshake_timeout";
        assert.equal(await reasonOf(isIt), "handshake_timeout");
    });

    test("what is just within the limits is served", async (t) => {
        const client = await reach(t);
        const target = `/${"x".repeat(250)}`;
        assert.equal((await client.request(request(target))).status, 200);
        const head = "Content-Length: 1024\r\n";
        const post = request("/fits", { method: "POST", head }) + "x".repeat(1024);
        assert.equal((await client.request(post)).status, 200);
    });
});

/* ---- stopping ------------------------------------------------------------------------------- */

/* A backend that sends half of its answer, and the rest when told. */
async function startHalfAnswer(t) {
    let rest = () => {};
    const started = new Promise((resolve) => {
        rest = resolve;
    });
    let finish;
    const own = await startScriptedBackend(t, {
        "/half": (socket) => {
            socket.write(ok("Content-Length: 8\r\n\r\nhalf"));
            finish = () => socket.write("more");
            rest();
        },
    });
    const gateway = await startGateway(t, configuration([listener(pki, own, 1, "half", open)]));
    const client = await connect(t, pki, gateway.endpoint());
    const idle = await connect(t, pki, gateway.endpoint());
    assert.equal((await idle.request(request("/fine"))).status, 200);
    client.send(request("/half"));
    await before(started, "the answer's first half");
    return { gateway, client, idle, finish: () => finish() };
}

test("SIGTERM: what runs is finished, nothing new is begun, and the end is clean", async (t) => {
    const { gateway, client, idle, finish } = await startHalfAnswer(t);
    gateway.signal("SIGTERM");
    await gateway.events.find((line) => /draining/.test(line), "draining");
    assert.equal(await idle.closed(), "");
    const late = net.connect({ host: gateway.endpoint().address, port: gateway.endpoint().port });
    const [error] = await before(once(late, "error"), "a refused connection");
    assert.equal(error.code, "ECONNREFUSED");
    finish();
    const answer = await client.answer();
    assert.equal(answer.status, 200);
    assert.equal(answer.body, "halfmore");
    assert.equal(await client.closed(), "");
    assert.equal(client.error, null);
    assert.equal(await gateway.exited(), 0);
});

test("a second SIGTERM ends at once", async (t) => {
    const { gateway, client } = await startHalfAnswer(t);
    gateway.signal("SIGTERM");
    await gateway.events.find((line) => /draining/.test(line), "draining");
    gateway.signal("SIGTERM");
    assert.equal(await gateway.exited(), 0);
    await client.closed();
});

test("drain_time ends what does not end by itself", async (t) => {
    const own = await startScriptedBackend(t, { "/hangs": () => {} });
    const gateway = await startGateway(
        t,
        configuration([listener(pki, own, 1, "hangs", open)], { limits: { drain_time: "200ms" } }),
    );
    const client = await connect(t, pki, gateway.endpoint());
    client.send(request("/hangs"));
    await own.requests.find(() => true, "the request");
    gateway.signal("SIGTERM");
    assert.equal(await gateway.exited(), 0);
    const isIt = ({ target }) => target === "/hangs";
    assert.equal((await gateway.record(isIt)).status, 499);
    await client.closed();
});
