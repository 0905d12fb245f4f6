// SPDX-License-Identifier: Apache-2.0
//
// Does anybody read a request differently? Requests made by hand, and mutations of them, go
// through the gateway to Node's parser and to nginx's, and to both directly. What a backend
// understood must be what the gateway's log says it sent; and wherever the gateway and another
// parser both accept what a client sent, they accept the same. Refusing is always allowed.
//
// SALLYPORT_DIFFERENTIAL_CASES is the number of mutations, SALLYPORT_DIFFERENTIAL_SEED their seed.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import net from "node:net";
import { after, test } from "node:test";
import tls from "node:tls";

import { HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { before } from "./support/deadline.mjs";
import { startGateway } from "./support/gateway.mjs";
import { corpus, mutate, randomNumbers, VALID } from "./support/http_corpus.mjs";
import { startNginxParser, startNodeParser } from "./support/other_parsers.mjs";
import { makePki } from "./support/pki.mjs";

const MUTATIONS = Number(process.env.SALLYPORT_DIFFERENTIAL_CASES ?? 400);
const SEED = Number(process.env.SALLYPORT_DIFFERENTIAL_SEED ?? 20261121);
const AT_ONCE = 8;

const pki = makePki(after);
const ca = readFileSync(pki.root.certificate);
const parsers = [await startNodeParser({ after }), await startNginxParser({ after })];
const gateway = await startGateway(
    { after },
    configuration(
        parsers.map(({ name, port }, i) =>
            listener(pki, { url: `http://127.0.0.1:${port}` }, i + 1, name, { mode: "none" }),
        ),
    ),
    { listeners: parsers.length },
);

/* What comes behind each case: lost, or seen once and last, but never part of something else. */
const SENTINEL = `GET /sentinel HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;

/* ---- sending --------------------------------------------------------------------------------- */

/* Each case comes from a loopback address of its own, by which it is found again. */
const addressOf = (i) => `127.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;

/* Sends all of it, ends its side, and lets the other say what it likes. */
async function sendAll(socket, connected, bytes) {
    socket.on("error", () => {});
    socket.resume();
    const closed = once(socket, "close");
    await before(Promise.race([once(socket, connected), closed]), "a connection");
    socket.end(Buffer.from(bytes + SENTINEL, "latin1"));
    await before(closed, "the end of a connection", () => JSON.stringify(bytes));
}

const sessions = new Map();

function sendThrough(parser, bytes, localAddress = "127.0.0.1") {
    const { address, port } = gateway.endpoint(parser.name);
    const socket = tls.connect({
        ...{ host: address, port, localAddress, ca, servername: HOST, ALPNProtocols: ["http/1.1"] },
        ...{ allowHalfOpen: true, session: sessions.get(parser.name) },
    });
    socket.once("session", (session) => sessions.set(parser.name, session));
    return sendAll(socket, "secureConnect", bytes);
}

function sendDirectly(parser, bytes, localAddress) {
    const { port } = parser;
    const socket = net.connect({ host: "127.0.0.1", port, localAddress, allowHalfOpen: true });
    return sendAll(socket, "connect", bytes);
}

/* Each case, a few at a time. */
async function sendCases(cases, send) {
    let next = 0;
    const work = async () => {
        while (next < cases.length) {
            const i = next++;
            await send(cases[i], addressOf(i));
        }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* The path as the gateway promises to pass it on (docs/HTTP.md), worked out anew. */
function canonicalTarget({ method, target }) {
    const absolute = /^https?:\/\/[^/?]*(.*)$/i.exec(target);
    let rest = absolute ? absolute[1] : target;
    if (rest === "") return method === "OPTIONS" ? "*" : "/";
    if (rest.startsWith("?")) rest = `/${rest}`;
    const [, path, query] = /^([^?]*)(\?.*)?$/s.exec(rest);
    const merged = path
        .replace(/%([0-9a-f]{2})/gi, (escape, digits) => {
            const byte = String.fromCharCode(parseInt(digits, 16));
            return /[A-Za-z0-9._~-]/.test(byte) ? byte : escape.toUpperCase();
        })
        .replace(/["<>[\]^`{|}]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`)
        .replace(/\/{2,}/g, "/");
    return merged + (query ?? "");
}

/* RFC 9112 section 3.2.4 has "OPTIONS http://host" go on as "OPTIONS *"; nginx makes it "/". */
const knownToDiffer = (one, other) =>
    one.method === "OPTIONS" && canonicalTarget(one) === "*" && other.target === "/";

const same = (one, other) =>
    one.method === other.method &&
    (canonicalTarget(one) === canonicalTarget(other) || knownToDiffer(one, other)) &&
    one.length === other.length;

/* From the address of a client to its exchanges, in order. */
function byPeer(items, peerOf) {
    const peers = new Map();
    for (const item of items) {
        const peer = peerOf(item);
        if (!peers.has(peer)) peers.set(peer, []);
        peers.get(peer).push(item);
    }
    return peers;
}

const fromRecord = ({ method, target, host, received_bytes, trace_id, status, reason }) => ({
    ...{ method, target, host, length: received_bytes, trace: trace_id, status, reason },
});

/* Waits for the records of one connection more: those before it are there then. */
async function allRecords(name) {
    const last = `/last-of-${name}`;
    await sendThrough({ name }, `GET ${last} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    const { connection_id } = await gateway.record(({ target }) => target === last, "the last");
    const isLast = (one) => one.connection_id === connection_id && one.target === "/sentinel";
    await gateway.record(isLast, "the very last record");
    return gateway.records.items.filter((record) => record.listener === name);
}

/* ---- the tests ------------------------------------------------------------------------------- */

const byHand = corpus();
const random = randomNumbers(SEED);
/* Half of them are of requests that nothing is wrong with. */
const mutations = Array.from({ length: MUTATIONS }, (_, i) => {
    const from = i % 2 === 0 ? VALID : byHand;
    return mutate(from[random(from.length)], random);
});
const cases = [...byHand, ...mutations];

test("the corpus is as large as it says", (t) => {
    t.diagnostic(`${byHand.length} by hand, ${MUTATIONS} mutations, seed ${SEED}`);
    assert.ok(byHand.length >= 600);
    const walk = () => mutate(byHand[0], randomNumbers(SEED));
    assert.equal(walk(), walk(), "the same for the same seed");
});

for (const parser of parsers) {
    test(`${parser.name} understands what the gateway says it sent, and no more`, async (t) => {
        await sendCases(cases, (bytes, from) => sendThrough(parser, bytes, from));
        const records = await allRecords(parser.name);
        const byTrace = new Map(records.map((record) => [record.trace_id, fromRecord(record)]));
        const seen = new Set();
        const through = parser.seen.splice(0);

        for (const request of through) {
            const sent = byTrace.get(request.trace);
            const what = JSON.stringify({ request, sent });
            assert.ok(sent, `nobody sent ${what}`);
            assert.ok(!seen.has(request.trace), `twice: ${what}`);
            seen.add(request.trace);
            assert.ok(same(request, sent), `read differently: ${what}`);
            assert.equal(request.target, canonicalTarget(sent), what);
            assert.equal(request.host, sent.host, what);
        }
        /* What the backend answered, it has seen, or refused. */
        for (const sent of byTrace.values()) {
            if (sent.reason === "none" && sent.status === 200) assert.ok(seen.has(sent.trace));
            /* What the gateway writes itself, nobody calls malformed. */
            const isUsual = /^(GET|HEAD|POST|PUT)$/.test(sent.method) && sent.target[0] === "/";
            const isCalledMalformed = sent.reason === "none" && sent.status === 400;
            assert.ok(!isUsual || !isCalledMalformed, JSON.stringify(sent));
        }
        t.diagnostic(`${records.length} records, ${through.length} requests at ${parser.name}`);
        assert.ok(through.length > byHand.length / 2, "most requests are fine");

        await compareDirectly(
            t,
            parser,
            byPeer(records, (record) => record.client_address.split(":")[0]),
        );
    });
}

/* The same bytes to the other parser itself: where both accept, they accept the same. */
async function compareDirectly(t, parser, exchanges) {
    await sendCases(cases, (bytes, from) => sendDirectly(parser, bytes, from));
    const understood = byPeer(parser.seen.splice(0), ({ peer }) => peer);
    let refusedHere = 0;

    for (const [i, bytes] of cases.entries()) {
        const ours = (exchanges.get(addressOf(i)) ?? []).map(fromRecord);
        const theirs = understood.get(addressOf(i)) ?? [];
        const accepted = ours.slice(0, ours.findIndex(isRefusal) >>> 0).slice(0, ours.length);
        const what = JSON.stringify({ bytes, ours, theirs });

        for (const [k, request] of accepted.entries()) {
            /* The other has refused, or answers no more on this connection. */
            if (k >= theirs.length) break;
            assert.ok(same(request, theirs[k]), `read differently: ${what}`);
        }
        if (accepted.length < theirs.length) refusedHere++;
    }
    t.diagnostic(`${refusedHere} of ${cases.length} are refused here and not by ${parser.name}`);
}

/* A backend that was asked and refused has no say in what the gateway accepted. */
function isRefusal({ reason }) {
    return reason !== "none";
}
