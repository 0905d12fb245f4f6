// SPDX-License-Identifier: Apache-2.0
//
// Who the client is behind a trusted proxy: the right-most address of X-Forwarded-For that is not
// trusted, and nothing that a client wrote. From everybody else the header is replaced.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";

const PROXY = "127.0.0.50";
const STRANGER = "127.0.0.60";

const pki = makePki(after);
const backend = await startBackend({ after });
const gateway = await startGateway(
    { after },
    configuration([
        listener(
            pki,
            backend,
            1,
            "behind",
            { mode: "none" },
            { trusted_proxies: [PROXY, "10.0.0.0/8", "2001:db8:aaaa::/48"] },
        ),
        listener(pki, backend, 2, "direct", { mode: "none" }, { trusted_proxies: ["10.0.0.0/8"] }),
    ]),
    { listeners: 2 },
);

/* One request from that address; what came of it, and the record of it. */
async function ask(name, from, lines, { path = "/" } = {}) {
    const more = { localAddress: from };
    const client = await connect({ after() {} }, pki, gateway.endpoint(name), { more });
    const before = { asked: backend.count, records: gateway.records.items.length };
    const head = [`GET ${path} HTTP/1.1`, `Host: ${HOST}`, "Connection: close", ...lines, "", ""];
    const answer = await client.request(head.join("\r\n"));
    client.end();
    const record = await gateway.record((one) => one.type === "exchange", "it", before.records);
    assert.deepEqual(backend.malformed, []);
    return { answer, record, asked: backend.requests.items.slice(before.asked)[0] };
}

const list = (value) => [`X-Forwarded-For: ${value}`];

test("a trusted proxy's list is continued with what can be believed of it", async () => {
    const rows = [
        [list("192.0.2.1"), "192.0.2.1", "192.0.2.1"],
        [list("192.0.2.1:4711"), "192.0.2.1", "192.0.2.1:4711"],
        [list("192.0.2.1, 10.0.0.1"), "192.0.2.1, 10.0.0.1", "192.0.2.1"],
        [list("[2001:db8::1]:4711"), "2001:db8::1", "[2001:db8::1]:4711"],
        [list("[2001:db8::1]"), "2001:db8::1", "2001:db8::1"],
        [list("::ffff:192.0.2.1"), "192.0.2.1", "192.0.2.1"],
        [list("192.0.2.1, ::ffff:10.0.0.1"), "192.0.2.1, 10.0.0.1", "192.0.2.1"],
        [list("192.0.2.1, 2001:db8:aaaa::1"), "192.0.2.1, 2001:db8:aaaa::1", "192.0.2.1"],
        [[...list("192.0.2.1"), ...list("10.0.0.1")], "192.0.2.1, 10.0.0.1", "192.0.2.1"],
        [[...list("192.0.2.1,"), ...list(""), ...list(",,")], "192.0.2.1", "192.0.2.1"],
        [["x-forwarded-FOR: 192.0.2.1"], "192.0.2.1", "192.0.2.1"],
    ];
    for (const [lines, forwarded, client] of rows) {
        const { answer, asked, record } = await ask("behind", PROXY, lines);
        assert.equal(answer.status, 200, lines.join());
        assert.deepEqual(asked.values("X-Forwarded-For"), [`${forwarded}, ${PROXY}`]);
        assert.equal(record.client_address, client);
        assert.match(record.peer_address, /^127\.0\.0\.50:\d+$/);
        assert.equal(record.stripped_headers, 0);
    }
});

test("what a client writes in front of its address is neither believed nor passed on", async () => {
    const forged = [
        "6.6.6.6",
        "10.0.0.1",
        PROXY,
        "10.0.0.1, 6.6.6.6, 10.0.0.2",
        "unknown",
        "<script>",
        "fe80::1%eth0",
        '"6.6.6.6, 7.7.7.7"',
        Array(3000).fill("10.0.0.1").join(","),
        ",".repeat(10000),
        Array(10000).fill("x").join(","),
    ];
    for (const value of forged) {
        const { answer, asked, record } = await ask("behind", PROXY, list(`${value}, 192.0.2.1`));
        assert.equal(answer.status, 200, value.slice(0, 80));
        assert.deepEqual(asked.values("X-Forwarded-For"), [`192.0.2.1, ${PROXY}`]);
        assert.equal(record.client_address, "192.0.2.1");
    }
});

test("a list that names nobody where the client should be is refused", async () => {
    const malformed = [
        "unknown",
        "_hidden",
        "192.0.2.1, unknown",
        "192.0.2.1, fe80::1%eth0",
        "192.0.2.1 10.0.0.1",
        "192.0.2.1;10.0.0.1",
        "[192.0.2.1]",
        "192.0.2.1:99999",
        "192.0.2.01",
        "for=192.0.2.1",
        '"192.0.2.1"',
        Array(1000).fill("10.0.0.1").join(","),
    ];
    for (const value of malformed) {
        const { answer, asked, record } = await ask("behind", PROXY, list(value));
        assert.equal(answer.status, 400, value.slice(0, 80));
        assert.equal(record.reason, "forwarded_for_malformed");
        assert.match(record.client_address, /^127\.0\.0\.50:\d+$/);
        assert.equal(asked, undefined);
    }
});

test("a folded list is refused, and a name that only looks alike counts for nothing", async () => {
    const folded = await ask("behind", PROXY, ["X-Forwarded-For: 192.0.2.1,", " 6.6.6.6"]);
    assert.equal(folded.answer.status, 400);
    assert.equal(folded.record.reason, "request_header_malformed");
    const alike = await ask("behind", PROXY, ["X_Forwarded_For: 6.6.6.6"]);
    assert.equal(alike.answer.status, 400);
    for (const name of ["Forwarded", "X-Forwarded", "X-Real-IP", "X-Client-IP", "True-Client-IP"]) {
        const other = await ask("behind", PROXY, [`${name}: 6.6.6.6`]);
        assert.equal(other.answer.status, 200);
        assert.ok(!other.asked.head.includes("6.6.6.6"), name);
        assert.match(other.record.client_address, /^127\.0\.0\.50:\d+$/);
    }
});

test("a trusted proxy that says nothing is the client itself", async () => {
    const { asked, record } = await ask("behind", PROXY, []);
    assert.deepEqual(asked.values("X-Forwarded-For"), [PROXY]);
    assert.match(record.client_address, /^127\.0\.0\.50:\d+$/);
    assert.equal(record.peer_address, undefined);
});

test("from everybody else the list is replaced, whatever it says", async () => {
    const rows = [
        ["behind", STRANGER],
        ["direct", PROXY],
        ["direct", STRANGER],
    ];
    for (const [name, from] of rows) {
        for (const value of ["6.6.6.6", "unknown", `6.6.6.6, ${PROXY}`, "10.0.0.1"]) {
            const { answer, asked, record } = await ask(name, from, list(value));
            assert.equal(answer.status, 200);
            assert.deepEqual(asked.values("X-Forwarded-For"), [from]);
            assert.ok(record.client_address.startsWith(`${from}:`));
            assert.equal(record.peer_address, undefined);
            assert.equal(record.stripped_headers, 1);
        }
    }
});

test("scheme, port and host of a trusted proxy go on when they are well-formed", async () => {
    const port = String(gateway.endpoint("behind").port);
    const good = ["X-Forwarded-Proto: HTTP", "X-Forwarded-Port: 80", "X-Forwarded-Host: a.test:80"];
    const passed = await ask("behind", PROXY, good);
    assert.deepEqual(passed.asked.values("X-Forwarded-Proto"), ["http"]);
    assert.deepEqual(passed.asked.values("X-Forwarded-Port"), ["80"]);
    assert.deepEqual(passed.asked.values("X-Forwarded-Host"), ["a.test:80"]);
    assert.deepEqual(passed.asked.values("X-Original-Host"), [HOST]);

    const bad = [
        good.map((line) => line.replace(": ", ": x,")),
        [...good, ...good],
        ["X-Forwarded-Proto: ftp", "X-Forwarded-Port: 0", "X-Forwarded-Host: a b"],
        ["X-Forwarded-Proto:", "X-Forwarded-Port: 65536", "X-Forwarded-Host: <a>"],
        [],
    ];
    const replaced = [...bad.map((lines) => [PROXY, lines]), [STRANGER, good], [STRANGER, bad[0]]];
    for (const [from, lines] of replaced) {
        const { answer, asked } = await ask("behind", from, lines);
        assert.equal(answer.status, 200);
        assert.deepEqual(asked.values("X-Forwarded-Proto"), ["https"], lines.join());
        assert.deepEqual(asked.values("X-Forwarded-Port"), [port]);
        assert.deepEqual(asked.values("X-Forwarded-Host"), [HOST]);
    }
});
