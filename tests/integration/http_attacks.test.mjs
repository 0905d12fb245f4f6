// SPDX-License-Identifier: Apache-2.0
//
// What broke other gateways, tried against this one: a test for each row, by the numbers of
// docs/SECURITY.md ("Attacks that others had to mend"). Each is judged at a backend that forgives
// nothing, records what arrived, and reads header names as CGI does.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { after, test } from "node:test";
import tls from "node:tls";

import { startBackend } from "./support/backend.mjs";
import { connect, HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { before } from "./support/deadline.mjs";
import { startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";
import { startScriptedBackend } from "./support/scripted_backend.mjs";

const FORGED = "forged-by-the-client";
const HIDDEN = `GET /hidden HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;

/* What a backend may take for the client's identity, or for where a request came from. */
const IDENTITY_NAMES = [
    ...["X-ARR-ClientCert", "Client-Cert", "SSL-Client-Verify", "Remote-User", "X-Client-Cert"],
    ...["X-Forwarded-Client-Cert", "X-Forwarded-Proto", "X-Forwarded-For", "X-Partner-Name"],
];

const pki = makePki(after);
const trust = [pki.root.certificate];
const answers = new Map(); // from a target to what the backend answers; else "ok"
const backend = await startBackend({ after }, (request) => answers.get(request.target)?.(request));
const plainSpeaker = await startPlainSpeaker();
const early = await startScriptedBackend(
    { after },
    {
        "/early": (socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly"),
        "/upgraded": (socket) =>
            socket.write(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n" +
                    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
            ),
        "/refused": (socket) => socket.write("HTTP/1.1 426 No\r\nContent-Length: 2\r\n\r\nno"),
    },
);
const identity_headers = [
    ...["x-arr-clientcert", "client-cert", "verification"],
    { name: "X-Partner-Name", format: "subject" },
];
const optional = { trust, mode: "optional" };
const gateway = await startGateway(
    { after },
    configuration(
        [
            listener(pki, backend, 1, "optional", optional, { identity_headers }),
            listener(pki, early, 2, "early", { mode: "none" }),
            listener(
                pki,
                backend,
                3,
                "tls",
                { mode: "none" },
                { routes: [{ name: "tls", backend: "tls" }] },
            ),
        ],
        { backends: { tls: { endpoints: [plainSpeaker], tls: { trust } } } },
    ),
    { listeners: 3 },
);

/* Speaks before TLS does, as who sits between gateway and backend would. */
async function startPlainSpeaker() {
    const server = createServer((socket) => {
        socket.on("error", () => {});
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    after(() => server.close());
    return `https://127.0.0.1:${server.address().port}`;
}

const open = (t, options = {}) =>
    connect(t, pki, gateway.endpoint(options.listener ?? "optional"), options);

let made = 0;
const newTarget = () => `/row-${++made}`;
const head = (line, ...lines) => [line, `Host: ${HOST}`, ...lines, "", ""].join("\r\n");

/* As CGI, WSGI and PHP name what they hand to an application. */
const folded = (name) => `HTTP_${name.toUpperCase().replace(/[^A-Z0-9]/g, "_")}`;

/* What an application behind such a server would read; each name must come in one spelling. */
function applicationSees(request) {
    const spellings = new Map();
    const values = new Map();
    for (const [name, value] of request.fields) {
        const own = spellings.get(folded(name)) ?? name;
        assert.equal(own.toLowerCase(), name.toLowerCase(), `two spellings of ${name}`);
        spellings.set(folded(name), name);
        values.set(folded(name), [...(values.get(folded(name)) ?? []), value].join(", "));
    }
    return values;
}

/*
 * Sends the bytes of one connection and lets the gateway say all it has to say. What reached the
 * backend is one request for each of `expected`, and nothing of what was hidden or forged.
 */
async function attack(t, bytes, { expected = [], credential, what = "" } = {}) {
    const from = backend.count;
    const client = await open(t, { credential });
    client.send(bytes);
    const said = [];
    for (let answer = await client.answer(); answer; answer = await client.answer()) {
        said.push(answer.status);
        if (answer.value("Connection") === "close" || said.length > expected.length) break;
        if (said.length === expected.length && bytes.length > 0) break;
    }
    client.end();
    const asked = backend.requests.items.slice(from);
    assert.deepEqual(backend.malformed, [], what);
    assert.deepEqual(asked.map(({ target }) => target), expected, what);
    for (const request of asked) {
        assert.ok(!request.head.includes(FORGED), `${what}:\n${request.head}`);
        applicationSees(request);
    }
    return { said, asked };
}

/* A refusal: nothing reaches the backend, and the connection is not used again. */
async function refused(t, bytes, statuses, what) {
    const { said } = await attack(t, bytes + HIDDEN, { what });
    assert.equal(said.length, 1, what);
    assert.ok(statuses.includes(said[0]), `${what}: ${said[0]}`);
}

function spellingsOf(name) {
    const mixed = [...name].map((c, i) => (i % 2 ? c.toLowerCase() : c.toUpperCase())).join("");
    return {
        plain: [name, name.toLowerCase(), name.toUpperCase(), mixed],
        strange: [
            ...["_", ".", "~", "!", "'", "*"].map((mark) => name.replaceAll("-", mark)),
            ...[name.replace("-", "_"), name.replace(/-(?=[^-]*$)/, "."), `${name} `, `${name}\t`],
        ].filter((spelling) => spelling !== name),
    };
}

/* ---- headers, Host, and who is trusted ------------------------------------------------------- */

for (const [row, names] of [
    [41, IDENTITY_NAMES.filter((name) => name.startsWith("X-Forwarded"))],
    [42, IDENTITY_NAMES],
    [43, ["Remote-User", "X-ARR-ClientCert"]],
]) {
    test(`row ${row}: no alias of an owned header passes`, async (t) => {
        for (const name of names) {
            const { plain, strange } = spellingsOf(name);
            for (const spelling of plain) {
                const target = newTarget();
                const bytes = head(`GET ${target} HTTP/1.1`, `${spelling}: ${FORGED}`);
                await attack(t, bytes, { expected: [target], what: spelling });
            }
            for (const spelling of strange) {
                const bytes = head(`GET ${newTarget()} HTTP/1.1`, `${spelling}: ${FORGED}`);
                await refused(t, bytes, [400], JSON.stringify(spelling));
            }
        }
    });
}

test("row 44: without a certificate the identity header is absent", async (t) => {
    for (const name of ["X-ARR-ClientCert", "Client-Cert", "X-Partner-Name"]) {
        const target = newTarget();
        const bytes = head(`GET ${target} HTTP/1.1`, `${name}: ${FORGED}`);
        const { asked } = await attack(t, bytes, { expected: [target] });
        assert.equal(applicationSees(asked[0]).get(folded(name)), undefined);
        assert.equal(asked[0].value("X-Client-Cert-Verification"), "NONE");
    }
});

test("row 45: identity does not stay with a backend's connection", async (t) => {
    const connections = new Set();
    for (let i = 0; i < 6; i++) {
        const target = newTarget();
        const credential = i % 2 === 0 ? pki.good : undefined;
        const bytes = head(`GET ${target} HTTP/1.1`);
        const { asked } = await attack(t, bytes, { expected: [target], credential });
        connections.add(asked[0].connection);
        assert.equal(asked[0].value("X-Partner-Name") !== undefined, i % 2 === 0);
        assert.equal(asked[0].value("Client-Cert") !== undefined, i % 2 === 0);
    }
    assert.equal(connections.size, 1, "both clients shared a connection");
});

for (const [row, forms] of [
    [46, [(name) => [`Connection: ${name}`], (name) => [`Connection: close, ${name}`]]],
    [
        47,
        [
            (name) => [`cOnNeCtIoN: ${name.toLowerCase()}`],
            (name) => ["Connection: keep-alive", `CONNECTION: ${name}`],
            (name) => [`Connection: x,,\t${name.toUpperCase()} ,`],
            (name) => [`Connection: ${name.replaceAll("-", "_")}`],
        ],
    ],
]) {
    test(`row ${row}: Connection takes none of our headers away`, async (t) => {
        for (const name of [...IDENTITY_NAMES, "Host", "Authorization", "Via", "Content-Length"]) {
            for (const form of forms) {
                const lines = form(name);
                const bytes = head(`GET ${newTarget()} HTTP/1.1`, ...lines);
                await refused(t, bytes, [400], lines.join());
            }
        }
    });
}

test("row 49: a backend that folds names is given none twice", async (t) => {
    for (const name of ["X-Trusted", "Content-Type", "X-ARR-ClientCert"]) {
        const twin = name.replaceAll("-", "_");
        const bytes = head(`GET ${newTarget()} HTTP/1.1`, `${name}: a`, `${twin}: ${FORGED}`);
        await refused(t, bytes, [400], twin);
    }
});

test("row 50: nobody is a trusted proxy by default", async (t) => {
    const target = newTarget();
    const bytes = head(
        `GET ${target} HTTP/1.1`,
        ...[`X-Forwarded-For: ${FORGED}`, `X-Real-IP: ${FORGED}`, `Forwarded: for=${FORGED}`],
        ...[`X-Envoy-External-Address: ${FORGED}`, `X-Forwarded-Host: ${FORGED}`],
    );
    const { asked } = await attack(t, bytes, { expected: [target] });
    assert.deepEqual(asked[0].values("X-Forwarded-For"), ["127.0.0.1"]);
    assert.deepEqual(asked[0].values("X-Forwarded-Proto"), ["https"]);
});

test("row 51: what clients write is escaped in the log", async (t) => {
    const target = newTarget();
    const agent = '\xff"}\\ <script>\t{"status":200}';
    const bytes = head(`GET ${target}?a=%0a%1b[2J HTTP/1.1`, `User-Agent: ${agent}`);
    const full = `${target}?a=%0a%1b[2J`;
    await refused(t, bytes.replaceAll("%0a", "\n"), [400], "a raw line end");
    await refused(t, bytes.replaceAll("%1b", "\x1b"), [400], "a raw escape");
    await attack(t, bytes, { expected: [full] });
    /* The journal parses each line as JSON, so that a broken one would have failed by now. */
    const record = await gateway.record((one) => one.target === full, "the record");
    assert.ok(!/[\x00-\x1f\x7f]/.test(record.user_agent.replace("\t", "")));
    assert.ok(record.user_agent.includes('"}\\ <script>'));
    const long = `/${"x".repeat(4096)}`;
    await attack(t, head(`GET ${long} HTTP/1.1`), { expected: [long] });
});

test("row 54: TLS is never upgraded inside of HTTP", async (t) => {
    const target = newTarget();
    const lines = ["Upgrade: TLS/1.2, HTTP/1.1", "Connection: Upgrade"];
    const bytes = head(`OPTIONS ${target} HTTP/1.1`, ...lines);
    const { said, asked } = await attack(t, bytes, { expected: [target] });
    assert.deepEqual(said, [200]);
    assert.equal(asked[0].value("Upgrade"), undefined);
});

test("row 55: what a backend says before TLS is no answer", async (t) => {
    const client = await open(t, { listener: "tls" });
    const answer = await client.request(head(`GET ${newTarget()} HTTP/1.1`));
    assert.equal(answer.status, 502);
    assert.doesNotMatch(answer.body, /evil/);
});

test("row 56: any server name can be logged", async (t) => {
    const { address, port } = gateway.endpoint("optional");
    const label = "x".repeat(63);
    for (const servername of [undefined, `${label}.${label}.${label}.${"y".repeat(62)}`, "a..b"]) {
        const socket = tls.connect({
            ...{ host: address, port, rejectUnauthorized: false },
            ...(servername ? { servername } : { servername: "" }),
        });
        t.after(() => socket.destroy());
        const over = Promise.race([once(socket, "secureConnect"), once(socket, "close")]);
        await before(over.catch(() => {}), "the handshake's end");
    }
    const target = newTarget();
    await attack(t, head(`GET ${target} HTTP/1.1`), { expected: [target] });
});

/* ---- where a request ends -------------------------------------------------------------------- */

test("row 57: no length of a name changes what it says", async (t) => {
    for (const size of [254, 255, 256, 257, 258, 259, 260, 264, 270, 511, 512, 4096]) {
        const name = `Content-Length${"a".repeat(size - 14)}`;
        const target = newTarget();
        const lines = [`${name}: 9`, "Content-Length: 0"];
        const { asked } = await attack(t, head(`POST ${target} HTTP/1.1`, ...lines), {
            expected: [target],
        });
        assert.deepEqual(asked[0].values("Content-Length"), ["0"]);
        assert.equal(asked[0].value(name), "9");
    }
    for (const size of [65534, 65535, 65536, 65549]) {
        const name = `Content-Length${"a".repeat(size - 14)}`;
        await refused(t, head(`POST ${newTarget()} HTTP/1.1`, `${name}: 9`), [431], `${size}`);
    }
});

test("row 58: a field without a name is refused", async (t) => {
    for (const line of [": x", ":", " : x", "\t: x", ":: x"]) {
        const bytes = head(`GET ${newTarget()} HTTP/1.1`, line, "Content-Length: 3");
        await refused(t, bytes, [400], line);
    }
});

test("row 59: Content-Length is a number, once", async (t) => {
    const values = ["", " ", "+1", "-1", "0x1", "1,1", "1, 2", "1 2", "1;", "1.0", "1e1", "\x0b1"];
    for (const value of [...values, "\xb9", "9".repeat(20), "0".repeat(20), "1\u00a0"]) {
        const bytes = head(`POST ${newTarget()} HTTP/1.1`, `Content-Length: ${value}`);
        await refused(t, bytes, [400], JSON.stringify(value));
    }
    for (const lines of [
        ["Content-Length: 1", "Content-Length: 1"],
        ["Content-Length: 0", "content-length: 5"],
        ["Content-Length: 0", "Transfer-Encoding: chunked"],
    ]) {
        await refused(t, head(`POST ${newTarget()} HTTP/1.1`, ...lines), [400], lines.join());
    }
});

test("row 60: a fragment is no part of a request target", async (t) => {
    for (const target of ["/a#b", "/#", "#", "/a?b#c", `https://${HOST}/#x`, "/a%23b#"]) {
        await refused(t, head(`GET ${target} HTTP/1.1`), [400], target);
    }
    await attack(t, head("GET /a%23b HTTP/1.1"), { expected: ["/a%23b"] });
});

test("row 61: Transfer-Encoding is chunked, or nothing", async (t) => {
    const values = ["\x0bchunked", "chunked\x0b", "chunked;x", "chunked;x=1", "chunked, chunked"];
    values.push("identity", "gzip, chunked", "chunked, gzip", '"chunked"', ",chunked", "chunked,");
    values.push("", "c\thunked", "chunked\0", "x chunked", "\xe3hunked");
    for (const value of values) {
        const bytes = head(`POST ${newTarget()} HTTP/1.1`, `Transfer-Encoding: ${value}`);
        await refused(t, `${bytes}0\r\n\r\n`, [400, 501], JSON.stringify(value));
    }
    for (const lines of [
        ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
        ["Transfer-Encoding:\r\n chunked"],
        ["Transfer-Encoding : chunked"],
        ["Transfer_Encoding: chunked"],
    ]) {
        const bytes = head(`POST ${newTarget()} HTTP/1.1`, ...lines);
        await refused(t, `${bytes}0\r\n\r\n`, [400, 501], lines.join());
    }
    const target = newTarget();
    const tabbed = head(`POST ${target} HTTP/1.1`, "Transfer-Encoding:\t CHUNKED \t");
    const { asked } = await attack(t, `${tabbed}0\r\n\r\n`, { expected: [target] });
    assert.deepEqual(asked[0].values("Transfer-Encoding"), ["chunked"]);
});

test("row 62: an encoded line end stays encoded", async (t) => {
    const escaped = "%0d%0aX-ARR-ClientCert:%20forged%0d%0a";
    for (const target of [`${newTarget()}/${escaped}`, `${newTarget()}?${escaped}`]) {
        const { asked } = await attack(t, head(`GET ${target} HTTP/1.1`), {
            expected: [target.replace(/%0[ad]/g, (escape) =>
                target.includes("?") ? escape : escape.toUpperCase(),
            )],
        });
        assert.equal(asked[0].value("X-ARR-ClientCert"), undefined);
    }
});

test("row 63: bytes behind an upgrade are the next request", async (t) => {
    const upgrade = (target) => head(`GET ${target} HTTP/1.1`, "Upgrade: x", "Connection: upgrade");
    const client = await open(t, { listener: "early" });
    client.send(`${upgrade("/refused")}\x01\x02 not HTTP`);
    assert.equal((await client.answer()).status, 426);
    assert.equal((await client.answer()).status, 400);
    assert.equal(await client.closed(), "");

    const other = await open(t, { listener: "early" });
    other.send(`${upgrade("/upgraded")}${HIDDEN}`);
    assert.equal((await other.answer()).status, 502);
    const victim = await open(t, { listener: "early" });
    const fine = await victim.request(head("GET /fine HTTP/1.1"));
    assert.equal(fine.body, "you asked for /fine\n");
    for (const { head: text } of early.requests.items) assert.doesNotMatch(text, /upgrade: x/i);

    const tunnel = await open(t);
    const refusal = await tunnel.request(`CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n${HIDDEN}`);
    assert.equal(refusal.status, 405);
    assert.equal(await tunnel.closed(), "");
});

test("row 64: a connection with an early answer serves nobody else", async (t) => {
    const from = early.requests.items.length;
    const client = await open(t, { listener: "early" });
    client.send(head("POST /early HTTP/1.1", `Content-Length: ${HIDDEN.length}`));
    const answer = await client.answer();
    assert.equal(answer.body, "early");
    assert.equal(answer.value("Connection"), "close");
    const used = early.requests.items.find(({ target }) => target === "/early").connection;
    client.socket.write(HIDDEN, "latin1");
    const victim = await open(t, { listener: "early" });
    for (let i = 0; i < 3; i++) {
        const target = newTarget();
        assert.equal(
            (await victim.request(head(`GET ${target} HTTP/1.1`))).body,
            `you asked for ${target}\n`,
        );
        const request = early.requests.items.find((one) => one.target === target);
        assert.notEqual(request.connection, used);
    }
    const targets = early.requests.items.slice(from).map(({ target }) => target);
    assert.ok(!targets.includes("/hidden"));
});

test("row 66: heads at their limits pass whole or not at all, both ways", async (t) => {
    const target = newTarget();
    const fill = (count, size) =>
        Array.from({ length: count }, (_, i) => `X-${1000 + i}: ${"v".repeat(size)}`);
    const bytes = head(`GET ${target} HTTP/1.1`, ...fill(99, 300));
    assert.ok(bytes.length > 30_000 && bytes.length < 32_768);
    const { asked } = await attack(t, bytes, { expected: [target] });
    assert.equal(asked[0].fields.filter(([name]) => /^X-\d+$/.test(name)).length, 99);
    await refused(t, head(`GET ${newTarget()} HTTP/1.1`, ...fill(100, 1)), [431], "one too many");
    await refused(t, head(`GET ${newTarget()} HTTP/1.1`, ...fill(99, 330)), [431], "too large");

    for (const [count, size, status] of [
        [200, 140, 200],
        [201, 1, 502],
        [199, 170, 502],
    ]) {
        const own = newTarget();
        const lines = fill(count - 1, size);
        answers.set(own, () => ({
            raw: `HTTP/1.1 200 OK\r\n${lines.join("\r\n")}\r\nContent-Length: 0\r\n\r\n`,
        }));
        const client = await open(t);
        const answer = await client.request(head(`GET ${own} HTTP/1.1`));
        assert.equal(answer.status, status, `${count} of ${size}`);
        const passed = answer.fields.filter(([name]) => /^X-\d+$/.test(name)).length;
        assert.equal(passed, status === 200 ? count - 1 : 0);
        client.end();
    }
});

test("row 67: a chunk's lines end in CR LF", async (t) => {
    const ends = ["\n", "\r", "\r\r\n", "\n\r\n", "\r\n\r", " \r\n", "\t\r\n", ";\n"];
    for (const end of ends) {
        for (const body of [
            `1${end}x\r\n0\r\n\r\n`,
            `1\r\nx${end}0\r\n\r\n`,
            `1\r\nx\r\n0${end}\r\n`,
            `1\r\nx\r\n0\r\nA: b${end}\r\n`,
        ]) {
            if (body.endsWith("A: b\r\n\r\r\n") || /A: b[ \t]\r\n\r\n$/.test(body)) continue;
            const target = newTarget();
            const bytes = head(`POST ${target} HTTP/1.1`, "Transfer-Encoding: chunked") + body;
            await refused(t, bytes, [400], JSON.stringify(body));
        }
    }
});

test("row 68: no byte of a target is read in two ways", async (t) => {
    const odd = [" ", "\t", "\0", "\x01", "\x7f", "\x80", "\xff", "\\", "\r", "\n"];
    for (const byte of odd) {
        for (const target of [`/a${byte}b`, `/a${byte}`, `/a?b${byte}c`, `${byte}/a`]) {
            if (byte === "\\" && target.includes("?")) continue; /* it has no meaning there */
            await refused(t, head(`GET ${target} HTTP/1.1`), [400], JSON.stringify(target));
        }
    }
});
