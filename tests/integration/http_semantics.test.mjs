// SPDX-License-Identifier: Apache-2.0
//
// What RFC 9110 and RFC 9112 ask of an intermediary, one after the other: docs/HTTP.md says what
// the gateway does, and this shows it. Attacks are in http_attacks.test.mjs.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, describe, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, HOST, parseAnswer } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { before } from "./support/deadline.mjs";
import { startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";
import { answerWith, startScriptedBackend, unusedUrl } from "./support/scripted_backend.mjs";

const pki = makePki(after);
const answers = new Map(); // from a target to what the strict backend answers; else "ok"
const strict = await startBackend({ after }, (request) => answers.get(request.target)?.(request));

/* Backends that decide about content before they have read it. */
const SCRIPTS = {
    "/wanted": (socket) => {
        socket.write("HTTP/1.1 100 Continue\r\n\r\n");
        answerWith(socket, "thank you");
    },
    "/hinted": (socket) => {
        socket.write("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: X-Own\r\n");
        socket.write("X-Own: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\n\r\n");
        answerWith(socket, "there");
    },
    "/unwanted": (socket) =>
        socket.end("HTTP/1.1 403 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"),
    "/silent": () => {},
    "/later": (socket, request) => waiting.set(request.target, socket),
    "/later-2": (socket, request) => waiting.set(request.target, socket),
};
const waiting = new Map();
const scripted = await startScriptedBackend({ after }, SCRIPTS);

const open_ = { mode: "none" };
const backends = {
    strict: { endpoints: [strict.url] },
    scripted: { endpoints: [scripted.url], timeouts: { response: "1s" } },
    answering: { endpoints: [scripted.url], expect: "answer" },
    nobody: { endpoints: [await unusedUrl()] },
};
const listeners = Object.keys(backends).map((name, i) =>
    listener(pki, strict, i + 1, name, open_, { routes: [{ name, backend: name }] }),
);
listeners.push(listener(pki, strict, 9, "azure", open_, { server_token: AZURE() }));
const gateway = await startGateway(
    { after },
    configuration(listeners, { backends, via: "edge.test", limits: { trailer_size: "1KiB" } }),
    { listeners: listeners.length },
);

function AZURE() {
    return "Microsoft-Azure-Application-Gateway/v2";
}

const open = (t, name = "strict") => connect(t, pki, gateway.endpoint(name));
const message = (line, ...lines) => [line, `Host: ${HOST}`, ...lines, "", ""].join("\r\n");
const recordOf = (target) =>
    gateway.record((record) => record.target === target, `the record of ${target}`);

let made = 0;
const newTarget = () => `/semantics-${++made}`;

/* Asks the strict backend; what came back, and what it received. */
async function ask(t, lines, { method = "GET", body = "", target = newTarget(), version } = {}) {
    const client = await open(t);
    const bytes = message(`${method} ${target} HTTP/${version ?? "1.1"}`, ...lines) + body;
    const from = strict.count;
    const answer = await client.request(bytes, method);
    return { client, target, answer, received: strict.requests.items.slice(from) };
}

/* ---- trailers (RFC 9110 section 6.5) -------------------------------------------------------- */

describe("trailers", () => {
    const chunked = (...trailers) => `3\r\nabc\r\n0\r\n${trailers.join("\r\n")}\r\n\r\n`;

    test("of a request reach the backend as trailers, and no others do", async (t) => {
        const { answer, received, target } = await ask(
            t,
            ["Transfer-Encoding: chunked", "Trailer: X-Check, Content-Length, X-ARR-ClientCert"],
            {
                method: "POST",
                body: chunked(
                    ...["X-Check: 1", "Content-Length: 5", "Transfer-Encoding: chunked"],
                    ...["Host: evil.test", "Authorization: Basic eDp5", "X-ARR-ClientCert: forged"],
                    ...["X-Forwarded-For: 192.0.2.1", "Connection: X-Check", "Content-Digest: d"],
                ),
            },
        );
        assert.equal(answer.status, 200);
        assert.equal(received.length, 1);
        assert.deepEqual(received[0].trailers, [
            ["X-Check", "1"],
            ["Content-Digest", "d"],
        ]);
        assert.deepEqual(received[0].values("Trailer"), ["X-Check"]);
        assert.deepEqual(received[0].values("Host"), [HOST]);
        assert.equal(received[0].content.toString(), "abc");
        assert.equal((await recordOf(target)).stripped_headers, 7);
    });

    test("never become headers, of this request or the next", async (t) => {
        const { client } = await ask(t, ["Transfer-Encoding: chunked"], {
            method: "POST",
            body: chunked("X-Late: 1"),
        });
        const from = strict.count;
        await client.request(message("GET /behind-trailers HTTP/1.1"));
        const [behind] = strict.requests.items.slice(from);
        assert.equal(behind.value("X-Late"), undefined);
        assert.equal(strict.requests.items[from - 1].value("X-Late"), undefined);
    });

    test("have limits in bytes and in number", async (t) => {
        const many = Array.from({ length: 33 }, (_, i) => `X-${i}: 1`);
        for (const trailers of [[`X-Long: ${"x".repeat(1100)}`], many]) {
            const { answer, received, client, target } = await ask(
                t,
                ["Transfer-Encoding: chunked"],
                { method: "POST", body: chunked(...trailers) },
            );
            assert.equal(answer.status, 431);
            assert.deepEqual(received, []);
            assert.equal((await recordOf(target)).reason, "request_trailers_too_large");
            assert.equal(await client.closed(), "");
        }
    });

    const trailing = (...trailers) => ({
        raw:
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, Set-Cookie\r\n\r\n" +
            `2\r\nok\r\n0\r\n${trailers.join("\r\n")}\r\n\r\n`,
    });

    test("of an answer reach a client that takes them", async (t) => {
        const target = newTarget();
        answers.set(target, () =>
            trailing("X-Sum: 9", "Set-Cookie: a=b", "Content-Length: 99", "Client-Cert: leaked"),
        );
        const told = await ask(t, ["TE: trailers", "Connection: TE"], { target });
        assert.equal(told.answer.body, "2\r\nok\r\n0\r\nX-Sum: 9\r\n\r\n");
        assert.deepEqual(told.answer.values("Trailer"), ["X-Sum"]);
        assert.deepEqual(told.received[0].values("TE"), ["trailers"]);
        assert.deepEqual(told.received[0].values("Connection"), ["TE"]);
    });

    test("of an answer are dropped for a client that says nothing, or is old", async (t) => {
        const target = newTarget();
        answers.set(target, () => trailing("X-Sum: 9"));
        const silent = await ask(t, [], { target });
        assert.equal(silent.answer.body, "2\r\nok\r\n0\r\n\r\n");
        assert.deepEqual(silent.answer.values("Trailer"), []);
        assert.deepEqual(silent.received[0].values("TE"), []);
        const old = await open(t);
        old.send(message(`GET ${target} HTTP/1.0`, "TE: trailers", "Connection: TE"));
        assert.match(await old.closed(), /\r\n\r\nok$/);
    });

    test("of an answer have limits too", async (t) => {
        const target = newTarget();
        answers.set(target, () => trailing(`X-Long: ${"x".repeat(1100)}`));
        const client = await open(t);
        client.send(message(`GET ${target} HTTP/1.1`, "TE: trailers"));
        const text = await client.closed();
        assert.ok(!text.endsWith("0\r\n\r\n"), "it must not look complete");
        assert.equal((await recordOf(target)).reason, "backend_response_too_large");
    });
});

/* ---- interim answers and expectations (RFC 9110 sections 10.1.1 and 15.2) ------------------- */

describe("interim answers and expectations", () => {
    const expecting = (target, ...lines) =>
        message(`POST ${target} HTTP/1.1`, "Content-Length: 4", "Expect: 100-continue", ...lines);

    test("the backend says whether content is wanted", async (t) => {
        const client = await open(t, "scripted");
        const invited = await client.send(expecting("/wanted")).message();
        assert.equal(invited.line, "HTTP/1.1 100 Continue");
        assert.deepEqual(invited.fields, []);
        assert.equal((await client.request("data")).body, "thank you");
        const [request] = scripted.requests.items.filter(({ target }) => target === "/wanted");
        assert.match(request.head, /^Expect: 100-continue\r$/m);
    });

    test("a refusal before the content is passed on, and the connection ends", async (t) => {
        const client = await open(t, "scripted");
        const answer = await client.request(expecting("/unwanted"));
        assert.equal(answer.status, 403);
        assert.deepEqual(answer.interim, []);
        assert.equal(answer.value("Connection"), "close");
        assert.equal(await client.closed(), "");
    });

    test("who waits for a backend that says nothing is told so", async (t) => {
        const client = await open(t, "scripted");
        assert.equal((await client.request(expecting("/silent"))).status, 504);
    });

    test("the gateway answers for a backend that does not know of it", async (t) => {
        const client = await open(t, "answering");
        const invited = await client.send(expecting("/plain?answered")).message();
        assert.equal(invited.status, 100);
        assert.equal((await client.request("data")).status, 200);
        const [request] = scripted.requests.items.filter((one) => /answered/.test(one.target));
        assert.doesNotMatch(request.head, /^Expect/im);
    });

    test("an expectation that nobody knows is 417", async (t) => {
        for (const value of ["200-ok", "100-continue, x", ""]) {
            const { answer, received } = await ask(t, [`Expect: ${value}`, "Content-Length: 0"]);
            assert.equal(answer.status, 417, value);
            assert.deepEqual(received, []);
        }
    });

    test("without content, or from HTTP/1.0, an expectation means nothing", async (t) => {
        const bare = await ask(t, ["Expect: 100-continue"]);
        assert.equal(bare.answer.status, 200);
        assert.equal(bare.received[0].value("Expect"), undefined);
        const old = await ask(t, ["Expect: 100-continue", "Content-Length: 1"], {
            method: "POST",
            body: "x",
            version: "1.0",
        });
        assert.equal(old.answer.status, 200);
        assert.deepEqual(old.answer.interim, []);
        assert.equal(old.received[0].value("Expect"), undefined);
    });

    test("early hints are passed on in order, without the backend's own fields", async (t) => {
        const client = await open(t, "scripted");
        const answer = await client.request(message("GET /hinted HTTP/1.1"));
        assert.equal(answer.body, "there");
        assert.deepEqual(
            answer.interim.map((one) => [one.status, one.value("Link"), one.value("X-Own")]),
            [
                [103, "</a.css>", undefined],
                [103, "</b.css>", undefined],
            ],
        );
    });

    test("a client of HTTP/1.0 sees no interim answer", async (t) => {
        const client = await open(t, "scripted");
        client.send(message("GET /hinted HTTP/1.0"));
        assert.match(await client.closed(), /^HTTP\/1\.1 200 /);
    });
});

/* ---- methods and targets --------------------------------------------------------------------- */

describe("methods and targets", () => {
    test("CONNECT and TRACE are 405, with what is allowed", async (t) => {
        for (const [method, target] of [
            ["CONNECT", `${HOST}:443`],
            ["TRACE", "/"],
        ]) {
            const { answer, received, client } = await ask(t, [], { method, target });
            assert.equal(answer.status, 405);
            assert.match(answer.value("Allow"), /^GET, HEAD, /);
            assert.doesNotMatch(answer.value("Allow"), /TRACE|CONNECT/);
            assert.deepEqual(received, []);
            assert.equal(await client.closed(), "");
        }
    });

    test("an upgrade is not offered to the backend, and the request is served", async (t) => {
        for (const upgrade of ["websocket", "h2c", "TLS/1.3", "foo, bar"]) {
            const { answer, received, client } = await ask(t, [
                ...[`Upgrade: ${upgrade}`, "Connection: Upgrade, HTTP2-Settings"],
                "HTTP2-Settings: AAMAAABkAAQAAP__",
            ]);
            assert.equal(answer.status, 200, upgrade);
            assert.equal(answer.value("Upgrade"), undefined);
            for (const name of ["Upgrade", "HTTP2-Settings", "Connection"]) {
                assert.equal(received[0].value(name), undefined, name);
            }
            assert.equal((await client.request(message("GET / HTTP/1.1"))).status, 200);
        }
    });

    test("OPTIONS * reaches the backend as it is", async (t) => {
        for (const target of ["*", `https://${HOST}`]) {
            const { answer, received } = await ask(t, [], { method: "OPTIONS", target });
            assert.equal(answer.status, 200);
            assert.equal(received[0].target, "*");
        }
    });

    test("Max-Forwards of OPTIONS is counted down, and answered here at 0", async (t) => {
        const on = await ask(t, ["Max-Forwards: 2"], { method: "OPTIONS" });
        assert.equal(on.received[0].value("Max-Forwards"), "1");
        const here = await ask(t, ["Max-Forwards: 0"], { method: "OPTIONS" });
        assert.deepEqual(here.received, []);
        assert.equal(here.answer.status, 204);
        assert.match(here.answer.value("Allow"), /OPTIONS/);
        assert.equal(here.answer.value("Content-Length"), undefined);
        assert.equal((await here.client.request(message("GET / HTTP/1.1"))).status, 200);
        const twice = ["Max-Forwards: 1", "Max-Forwards: 2"];
        assert.equal((await ask(t, twice, { method: "OPTIONS" })).answer.status, 400);
        const get = await ask(t, ["Max-Forwards: 0"]);
        assert.equal(get.received[0].value("Max-Forwards"), "0");
    });

    test("the authority of an absolute target replaces Host everywhere", async (t) => {
        const client = await open(t);
        const from = strict.count;
        const bytes = "GET http://other.test:81/a?b HTTP/1.1\r\nHost: first.test\r\n\r\n";
        assert.equal((await client.request(bytes)).status, 200);
        const [received] = strict.requests.items.slice(from);
        assert.equal(received.target, "/a?b");
        for (const name of ["Host", "X-Forwarded-Host", "X-Original-Host"]) {
            assert.deepEqual(received.values(name), ["other.test:81"], name);
        }
        assert.doesNotMatch(received.head, /first\.test/);
    });
});

/* ---- where messages end ---------------------------------------------------------------------- */

describe("where answers end", () => {
    const cases = {
        "HEAD keeps the length, and has no content": ["HEAD", "200", "Content-Length: 5", "5"],
        "HEAD of a chunked answer": ["HEAD", "200", "Transfer-Encoding: chunked", undefined],
        "204 has neither length nor content": ["GET", "204", "X-A: b", undefined],
        "204 with a length loses it": ["GET", "204", "Content-Length: 0", undefined],
        "304 keeps the length": ["GET", "304", "Content-Length: 5", "5"],
        "205 without content": ["GET", "205", "Content-Length: 0", "0"],
    };
    for (const [what, [method, status, line, length]] of Object.entries(cases)) {
        test(what, async (t) => {
            const target = newTarget();
            answers.set(target, () => ({ raw: `HTTP/1.1 ${status} X\r\n${line}\r\n\r\n` }));
            const { answer, client } = await ask(t, [], { method, target });
            assert.equal(answer.status, Number(status));
            assert.equal(answer.value("Content-Length"), length);
            assert.equal(answer.value("Transfer-Encoding"), undefined);
            assert.equal((await client.request(message("GET / HTTP/1.1"))).body, "ok\n");
        });
    }

    test("205 with content is nobody's answer", async (t) => {
        const target = newTarget();
        answers.set(target, () => ({ raw: "HTTP/1.1 205 X\r\nContent-Length: 5\r\n\r\nevil!" }));
        const { answer, client } = await ask(t, [], { target });
        assert.equal(answer.status, 502);
        assert.equal((await client.request(message("GET / HTTP/1.1"))).body, "ok\n");
    });

    test("a GET with content is passed on with it", async (t) => {
        const { received } = await ask(t, ["Content-Length: 3"], { body: "abc" });
        assert.equal(received[0].content.toString(), "abc");
    });
});

/* ---- who says what --------------------------------------------------------------------------- */

describe("Via, Proxy-Status, Date and Age", () => {
    test("Via names the gateway in both directions, behind those before it", async (t) => {
        const target = newTarget();
        answers.set(target, () => ({ fields: [["Via", "1.0 cache"]] }));
        const { answer, received } = await ask(t, ["Via: 1.0 first, 1.1 second (edge.test)"], {
            target,
        });
        assert.deepEqual(received[0].values("Via"), [
            "1.0 first, 1.1 second (edge.test)",
            "1.1 edge.test",
        ]);
        assert.deepEqual(answer.values("Via"), ["1.0 cache", "1.1 edge.test"]);
    });

    test("a request that has been here is a loop", async (t) => {
        for (const via of ["1.1 edge.test", "1.0 a, HTTP/1.1 EDGE.test (x), 1.1 b"]) {
            const { answer, received, target } = await ask(t, [`Via: ${via}`]);
            assert.equal(answer.status, 508);
            assert.match(answer.value("Proxy-Status"), /^edge\.test; error=proxy_loop_detected/);
            assert.deepEqual(received, []);
            assert.equal((await recordOf(target)).reason, "request_loop");
        }
    });

    test("a gateway that was given no name draws one, and finds its own loop", async (t) => {
        const looping = await startGateway(
            t,
            configuration([
                listener(pki, strict, 1, "one", open_),
                listener(pki, strict, 2, "two", open_),
            ]),
            { listeners: 2 },
        );
        const first = await connect(t, pki, looping.endpoint("one"));
        const via = (await first.request(message("GET / HTTP/1.1"))).value("Via");
        assert.match(via, /^1\.1 sallyport-[0-9a-f]{8}$/);
        const second = await connect(t, pki, looping.endpoint("two"));
        const looped = await second.request(message("GET / HTTP/1.1", `Via: ${via}`));
        assert.equal(looped.status, 508);
    });

    test("Proxy-Status says why the gateway answered, and is silent otherwise", async (t) => {
        const nobody = await open(t, "nobody");
        const unreachable = await nobody.request(message("GET / HTTP/1.1"));
        assert.equal(
            unreachable.value("Proxy-Status"),
            'edge.test; error=destination_unavailable; details="backend_unreachable"',
        );
        const target = newTarget();
        answers.set(target, () => ({ status: 503, fields: [["Proxy-Status", "app; x=1"]] }));
        const { answer } = await ask(t, [], { target });
        assert.deepEqual(answer.values("Proxy-Status"), ["app; x=1"]);
        const azure = await (await open(t, "azure")).request("GET /x HTTP/1.1\r\n\r\n");
        assert.equal(azure.status, 400);
        assert.equal(azure.value("Proxy-Status"), undefined);
    });

    test("Date is added where the backend sent none; Date and Age of others stay", async (t) => {
        const target = newTarget();
        const sent = [
            ["Date", "Sun, 06 Nov 1994 08:49:37 GMT"],
            ["Age", "17"],
        ];
        answers.set(target, () => ({ fields: sent }));
        const kept = (await ask(t, [], { target })).answer;
        assert.deepEqual(kept.values("Date"), [sent[0][1]]);
        assert.deepEqual(kept.values("Age"), ["17"]);
        const added = (await ask(t, [])).answer;
        assert.equal(added.values("Date").length, 1);
        assert.ok(Math.abs(Date.parse(added.value("Date")) - Date.now()) < 60_000);
        assert.equal(added.value("Age"), undefined);
    });

    test("what belongs to one hop stays there, both ways", async (t) => {
        const target = newTarget();
        const own = [
            ["Connection", "X-Own, keep-alive"],
            ["X-Own", "1"],
            ["Keep-Alive", "timeout=5"],
            ["Proxy-Connection", "keep-alive"],
            ["Upgrade", "h2c"],
            ["Proxy-Authenticate", "Basic"],
        ];
        answers.set(target, () => ({ fields: own }));
        const { answer, received } = await ask(
            t,
            [
                ...["Connection: keep-alive, x-mine", "X-Mine: 1", "Keep-Alive: timeout=9"],
                ...["Proxy-Connection: keep-alive", "Proxy-Authorization: Basic eDp5"],
                ...["TE: gzip", "X-Stays: 1"],
            ],
            { target },
        );
        for (const [name] of own) assert.equal(answer.value(name), undefined, name);
        const gone = ["Connection", "X-Mine", "Keep-Alive", "Proxy-Connection", "TE"];
        for (const name of [...gone, "Proxy-Authorization"]) {
            assert.equal(received[0].value(name), undefined, name);
        }
        assert.equal(received[0].value("X-Stays"), "1");
    });
});

/* ---- how connections end --------------------------------------------------------------------- */

describe("how connections end", () => {
    test("a client that ends its side behind a request still gets its answer", async (t) => {
        for (const [version, target] of [
            ["1.3", "/later"],
            ["1.2", "/later-2"],
        ]) {
            const client = await connect(t, pki, gateway.endpoint("scripted"), {
                version,
                more: { allowHalfOpen: true },
            });
            client.send(message(`GET ${target} HTTP/1.1`));
            client.socket.end();
            await scripted.requests.find((one) => one.target === target, "the request");
            /* The gateway has heard of the end by the time that it has served somebody else. */
            const other = await open(t, "scripted");
            assert.equal((await other.request(message("GET /other HTTP/1.1"))).status, 200);
            answerWith(waiting.get(target), "at last");
            assert.equal((await client.answer()).body, "at last", version);
            assert.equal(await client.closed(), "");
            assert.equal((await recordOf(target)).status, 200);
        }
    });

    test("all requests that came before that end are answered", async (t) => {
        const client = await connect(t, pki, gateway.endpoint("strict"), {
            more: { allowHalfOpen: true },
        });
        const targets = Array.from({ length: 20 }, newTarget);
        client.send(targets.map((target) => message(`GET ${target} HTTP/1.1`)).join(""));
        client.socket.end();
        for (const target of targets) {
            assert.equal((await client.answer())?.status, 200, target);
        }
        assert.equal(await client.closed(), "");
    });

    test("a client of HTTP/1.0 keeps its connection where it asks and can", async (t) => {
        const client = await open(t);
        for (let i = 0; i < 3; i++) {
            const answer = await client.request(
                message(`GET ${newTarget()} HTTP/1.0`, "Connection: keep-alive"),
            );
            assert.equal(answer.value("Connection"), "keep-alive");
            assert.equal(answer.body, "ok\n");
        }
        const target = newTarget();
        const raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
        answers.set(target, () => ({ raw }));
        client.send(message(`GET ${target} HTTP/1.0`, "Connection: keep-alive"));
        const last = parseAnswer(await client.closed());
        assert.equal(last.value("Transfer-Encoding"), undefined);
        assert.equal(last.value("Connection"), "close");
        assert.equal(last.body, "ok");
    });

    test("a refusal is read by a client that is still sending", async (t) => {
        const client = await open(t, "strict");
        client.send(message("POST /a/../b HTTP/1.1", "Content-Length: 900000"));
        client.send("x".repeat(900_000));
        const answer = await client.answer();
        assert.equal(answer.status, 400);
        assert.equal(answer.value("Connection"), "close");
        assert.equal(await client.closed(), "");
        assert.equal(client.error, null, "it was not reset");
    });
});

/* ---- typed by hand --------------------------------------------------------------------------- */

describe("openssl s_client", () => {
    /* Types lines as a person would; what came back once the gateway has closed. */
    async function type(lines, ...words) {
        const { address, port } = gateway.endpoint("strict");
        const child = spawn("openssl", [
            ...["s_client", "-quiet", "-connect", `${address}:${port}`, "-servername", HOST],
            ...["-CAfile", pki.root.certificate, ...words],
        ]);
        let said = "";
        child.stdout.on("data", (part) => (said += part));
        child.stderr.on("data", () => {});
        for (const line of lines) child.stdin.write(`${line}\n`);
        await before(once(child, "close"), "s_client to end", () => said);
        return parseAnswer(said);
    }

    test("a line that ends in LF alone is refused, with what to do", async () => {
        const answer = await type(["GET / HTTP/1.1", `Host: ${HOST}`, ""]);
        assert.equal(answer.status, 400);
        assert.match(answer.body, /request_line_ending_bare/);
        assert.match(answer.body, /CR LF/);
    });

    test("with -crlf it is served", async () => {
        const lines = ["GET / HTTP/1.1", `Host: ${HOST}`, "Connection: close", ""];
        assert.equal((await type(lines, "-crlf")).status, 200);
    });
});
