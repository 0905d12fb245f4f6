// SPDX-License-Identifier: Apache-2.0
//
// Revocation lists that are fetched: from configured addresses and from those that certificates
// name, by servers that do everything wrong, and with no server at all after a restart.

import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, nodeGet } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { makeCrl, toPem } from "./support/crl.mjs";
import { before } from "./support/deadline.mjs";
import { startGateway } from "./support/gateway.mjs";
import { readMetrics, valueOf, WATCHED } from "./support/operator.mjs";
import { makePki } from "./support/pki.mjs";

const pki = makePki(after);
const backend = await startBackend({ after });
const REQUEST = "GET /fetched HTTP/1.1\r\nHost: gateway.test\r\n\r\n";
const issuer = pki.intermediate;
const alice = pki.client("alice");
const bob = pki.client("bob");

/* A server of lists; each path answers as `serve` was told. */
async function startLists(context) {
    const answers = new Map();
    const asked = [];
    const sockets = new Set();
    const server = http.createServer((request, response) => {
        asked.push(request.url);
        const answer = answers.get(request.url);
        if (answer) answer(request, response);
        else response.writeHead(404).end();
    });
    server.on("connection", (socket) => {
        sockets.add(socket);
        socket.on("close", () => sockets.delete(socket));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const stop = () => {
        server.close();
        for (const socket of sockets) socket.destroy();
    };
    context.after(stop);
    const url = (name) => `http://127.0.0.1:${server.address().port}${name}`;
    const serve = (name, answer) => {
        const isBytes = typeof answer !== "function";
        answers.set(name, isBytes ? (request, response) => response.end(answer) : answer);
        return url(name);
    };
    return { url, serve, stop, times: (name) => asked.filter((one) => one === name).length };
}

function withLists(crl, more = {}, revocation = {}) {
    const trust = {
        anchors: [pki.root.certificate],
        revocation: { sources: ["crl"], crl, ...revocation },
    };
    return configuration([listener(pki, backend, 1, "lists", { trust })], {
        fetch: { allow: ["127.0.0.0/8"] },
        limits: { revocation_time: "20s" },
        ...more,
    });
}

async function start(context, crl, more, revocation) {
    const gateway = await startGateway(context, withLists(crl, more, revocation));
    return { gateway, endpoint: gateway.endpoint("lists") };
}

async function ask(endpoint, credential) {
    const { status, body } = await nodeGet(pki, endpoint, { credential });
    return { status, body: String(body) };
}

const isNew = (line) => /the revocation lists of http.* are new/.test(line);

test("a configured list is fetched, and again; what is new counts at once", async (context) => {
    const lists = await startLists(context);
    const url = lists.serve("/issuing.crl", makeCrl(issuer, { number: 1 }));
    const { gateway, endpoint } = await start(context, { urls: [url], refresh: "1s" });
    const client = await connect(context, pki, endpoint, { credential: alice });
    assert.equal((await client.request(REQUEST)).status, 200);
    await gateway.events.find(isNew, "the first list");
    const from = gateway.events.items.length;
    lists.serve("/issuing.crl", toPem(makeCrl(issuer, { number: 2, revoked: [alice] })));
    await gateway.events.find(isNew, "the next list", from);
    assert.equal((await client.request(REQUEST)).status, 400);
    assert.equal((await ask(endpoint, bob)).status, 200);
});

test("a list that a certificate names is waited for by its first request", async (context) => {
    const lists = await startLists(context);
    let release;
    const isReleased = new Promise((resolve) => (release = resolve));
    const list = makeCrl(issuer, { number: 1, revoked: [bob] });
    const url = lists.serve("/named.crl", async (request, response) => {
        await isReleased;
        response.end(list);
    });
    const named = pki.client("named", {
        extensions: [
            "basicConstraints=critical,CA:FALSE",
            "extendedKeyUsage=clientAuth",
            `crlDistributionPoints=URI:ldap://127.0.0.1/cn,URI:${url}`,
        ],
    });
    const { gateway, endpoint } = await start(context, { from_certificate: true });
    const client = await connect(context, pki, endpoint, { credential: named });
    const answer = client.request(REQUEST);
    await gateway.events.find((line) => /ldap.*neither http nor https/.test(line), "the ldap URL");
    release();
    assert.equal((await answer).status, 200);
    assert.equal(lists.times("/named.crl"), 1);
    assert.equal((await ask(endpoint, bob)).status, 400);
});

test("nothing is fetched for a chain that is not verified", async (context) => {
    const lists = await startLists(context);
    const stranger = pki.client("stranger-with-list", {
        issuer: pki.strangerRoot,
        extensions: [
            "basicConstraints=critical,CA:FALSE",
            "extendedKeyUsage=clientAuth",
            `crlDistributionPoints=URI:${lists.url("/stranger.crl")}`,
        ],
    });
    const { gateway, endpoint } = await start(context, { from_certificate: true });
    assert.equal((await ask(endpoint, stranger)).status, 400);
    await gateway.record((one) => one.reason === "certificate_issuer_unknown");
    assert.equal(lists.times("/stranger.crl"), 0);
});

test("whatever a server answers, the last good list is used", async (context) => {
    const lists = await startLists(context);
    const good = makeCrl(issuer, { number: 5, revoked: [bob] });
    const url = lists.serve("/list.crl", good);
    const { gateway, endpoint } = await start(context, { urls: [url], refresh: "1s" }, WATCHED);
    assert.equal((await ask(endpoint, alice)).status, 200);
    const cases = [
        ["500", (request, response) => response.writeHead(500).end("no")],
        ["garbage", Buffer.from("garbage")],
        ["half a list", good.subarray(0, 100)],
        ["an older list", makeCrl(issuer, { number: 4 })],
        ["another's list", makeCrl(pki.root, { number: 9 })],
        ["a forged list", makeCrl(issuer, { number: 9, signer: bob })],
        ["a redirect elsewhere", (request, response) =>
            response.writeHead(302, { location: "ftp://127.0.0.1/list.crl" }).end()],
        ["a circle", (request, response) => response.writeHead(302, { location: url }).end()],
        ["a broken answer", (request, response) => {
            response.writeHead(200, { "content-length": "5000" });
            response.write("half");
            response.socket.destroy();
        }],
        ["too much", (request, response) =>
            response.writeHead(200, { "content-length": "999999999999" }).end("x")],
    ];
    for (const [what, answer] of cases) {
        const count = lists.times("/list.crl");
        lists.serve("/list.crl", answer);
        const from = gateway.events.items.length;
        await gateway.events.find((line) => /no revocation list from/.test(line), what, from);
        assert.ok(lists.times("/list.crl") > count, what);
        assert.equal((await ask(endpoint, alice)).status, 200, what);
        assert.equal((await ask(endpoint, bob)).status, 400, what);
        const metrics = await readMetrics(gateway);
        assert.equal(valueOf(metrics, "sallyport_crl_failing", { origin: url }), 1, what);
        lists.serve("/list.crl", good);
        await gateway.events.find((line) => /comes again/.test(line), `the end of ${what}`, from);
    }
});

test("without a server a restart goes on with what was kept", async (context) => {
    const lists = await startLists(context);
    const url = lists.serve("/kept.crl", makeCrl(issuer, { number: 1, revoked: [bob] }));
    const folder = mkdtempSync(path.join(tmpdir(), "sallyport-state-"));
    chmodSync(folder, 0o777);
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const crl = { urls: [url] };
    const first = await start(context, crl, { state_dir: folder });
    assert.equal((await ask(first.endpoint, alice)).status, 200);
    await first.gateway.stop();
    lists.stop();
    const second = await start(context, crl, { state_dir: folder });
    assert.equal((await ask(second.endpoint, alice)).status, 200);
    assert.match((await ask(second.endpoint, bob)).body, /certificate_revoked/);
    await second.gateway.events.find((line) => /no revocation list from/.test(line), "the failure");
});

test("an address inside is refused unless it is allowed, and says so", async (context) => {
    const lists = await startLists(context);
    const url = lists.serve("/inside.crl", makeCrl(issuer, { number: 1 }));
    const { gateway, endpoint } = await start(context, { urls: [url] }, { fetch: {} });
    await gateway.events.find((line) => /no revocation list from .*127\.0\.0\.1/.test(line), "it");
    assert.equal(lists.times("/inside.crl"), 0);
    assert.match((await ask(endpoint, alice)).body, /crl_missing/);
});

test("a server that is silent delays nobody but those who need it", async (context) => {
    const lists = await startLists(context);
    const url = lists.serve("/silent.crl", () => {});
    const { endpoint, gateway } = await start(
        context,
        { urls: [url], from_certificate: true },
        { limits: { revocation_time: "1s" } },
    );
    const named = pki.client("silent", {
        extensions: [
            "basicConstraints=critical,CA:FALSE",
            "extendedKeyUsage=clientAuth",
            `crlDistributionPoints=URI:${url}`,
        ],
    });
    const refused = await before(ask(endpoint, named), "the answer");
    assert.equal(refused.status, 400);
    assert.match(refused.body, /revocation_timeout/);
    await gateway.record((one) => one.reason === "revocation_timeout");
});
