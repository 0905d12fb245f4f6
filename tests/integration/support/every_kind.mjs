// SPDX-License-Identifier: Apache-2.0
//
// A gateway, and one attempt of each kind on it: friends and strangers, new and resumed, small and
// large, over TLS to the backend or not. For tests that look at the gateway meanwhile, and want
// all of its code on the request path to run.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import tls from "node:tls";
import { after } from "node:test";

import { HOST } from "./clients.mjs";
import { configuration, listener } from "./configuration.mjs";
import { before } from "./deadline.mjs";
import { startGateway } from "./gateway.mjs";
import { makePki } from "./pki.mjs";

const HANG_MS = 10_000;
const KIB = 1024;
const CONTENT = Buffer.alloc(700 * KIB, "sallyport ");

export const pki = makePki(after);
const trust = [pki.root.certificate];

/* ---- clients ---- */

/* Chains that differ in what comes behind the leaf: the gateway has seen none of them before. */
const strange = [1, 2, 3, 4, 5].map((number) =>
    readFileSync(pki.issue(`spare-${number}`).certificate),
);
let chains = 0;

function freshChain(credential) {
    const left = [readFileSync(pki.intermediate.certificate), ...strange];
    const chain = [readFileSync(credential.certificate)];
    const all = left.length;
    let number = chains++;
    for (let i = 0; i < all; i++) {
        chain.push(...left.splice(number % left.length, 1));
        number = Math.floor(number / (left.length + 1));
    }
    return Buffer.concat(chain);
}

const client = pki.good;
const clientKey = readFileSync(client.key);
const stranger = pki.stranger;
const roots = readFileSync(pki.root.certificate);

/*
 * One connection, one request; resolves to what came: { status, body, sessions } or { failure }.
 * An answer that is cut off is a failure; one that does not come makes the test fail.
 */
function ask({ address, port }, { cert, key, session, version, request }) {
    const run = new Promise((resolve) => {
        const sessions = [];
        let text = "";
        let failure = null;
        const socket = tls.connect({
            ...{ host: address, port, servername: HOST, ca: roots, cert, key, session },
            ...(version ? { maxVersion: version } : {}),
        });
        socket.setEncoding("latin1");
        socket.on("secureConnect", () => socket.write(request));
        socket.on("session", (one) => sessions.push(one));
        socket.on("data", (part) => (text += part));
        socket.on("error", (error) => (failure = error.code ?? error.message));
        socket.on("close", () => resolve(outcomeOf(text, failure, sessions, socket)));
    });
    return before(Promise.race([run, hang()]), "an outcome");
}

function hang() {
    return new Promise((resolve) => {
        setTimeout(() => resolve({ hangs: true }), HANG_MS).unref();
    });
}

function outcomeOf(text, failure, sessions, socket) {
    const end = text.indexOf("\r\n\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1] ?? 0);
    const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(text)?.[1] ?? -1);
    const body = text.slice(end + 4);
    if (status === 0 || (length >= 0 && body.length !== length)) {
        return { failure: failure ?? "the connection was closed" };
    }
    return { status, body, sessions, isResumed: socket.isSessionReused() };
}

const get = (target) => `GET ${target} HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`;
const put =
    `PUT /count HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n` +
    `Content-Length: ${CONTENT.length}\r\n\r\n${CONTENT}`;
const chunked =
    `PUT /count HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n` +
    `Trailer: x\r\n\r\n${CONTENT.length.toString(16)}\r\n${CONTENT}\r\n0\r\nx: y\r\n\r\n`;

/* ---- backends ---- */

/* How many requests for what only friends may have have reached a backend. */
export let asked = 0;

async function serve(request, response) {
    let bytes = 0;
    for await (const part of request) bytes += part.length;
    if (request.url === "/secret") asked++;
    if (request.url.endsWith("/close")) response.setHeader("Connection", "close");
    const body = { "/large": CONTENT, "/count": String(bytes) }[request.url] ?? "hello";
    response.setHeader("Content-Length", Buffer.byteLength(body));
    response.end(body);
}

async function startBackend(scheme, server) {
    server.on("request", (request, response) => serve(request, response).catch(() => {}));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    after(() => {
        server.closeAllConnections();
        server.close();
    });
    return `${scheme}://127.0.0.1:${server.address().port}`;
}

const forBackend = pki.issue("backend-good", {
    issuer: pki.root,
    subject: "/O=Example/CN=127.0.0.1",
    extensions: [
        ...["basicConstraints=critical,CA:FALSE", "extendedKeyUsage=serverAuth"],
        "subjectAltName=IP:127.0.0.1",
    ],
});
const url = await startBackend("http", createHttpServer());
const secureUrl = await startBackend(
    "https",
    createHttpsServer({ key: readFileSync(forBackend.key), cert: readFileSync(forBackend.chain) }),
);

/* ---- the gateway ---- */

const headers = { identity_headers: ["client-cert", "verification", "subject", "principal"] };
export const settings = configuration(
    [
        listener(pki, { url }, 1, "alert", { trust, on_failure: "alert" }, {
            ...headers,
            routes: [
                { name: "plain", backend: url },
                { name: "secure", paths: ["/secure/*"], backend: "secure" },
            ],
        }),
        listener(pki, { url }, 2, "answer", { trust }, headers),
        listener(pki, { url }, 3, "unverified", { mode: "unverified" }, headers),
    ],
    { backends: { secure: { endpoints: [secureUrl], tls: { trust } } } },
);

let gateway = null;

/* `more`: what startGateway takes, and other settings. */
export async function startEveryKind(more = {}) {
    gateway = await startGateway({ after }, more.settings ?? settings, { listeners: 3, ...more });
    return gateway;
}

function friend(name, request, more = {}) {
    const cert = freshChain(client);
    return ask(gateway.endpoint(name), { cert, key: clientKey, request, ...more });
}

function foe(name, request) {
    const credential = { cert: readFileSync(stranger.chain), key: readFileSync(stranger.key) };
    return ask(gateway.endpoint(name), { ...credential, request });
}

const nobody = (name, request) => ask(gateway.endpoint(name), { request });

/* ---- what is tried ---- */

const isServed = (body) => (came) => came.status === 200 && came.body === body;
const isRefused = (came) => came.failure !== undefined || came.status === 400;
const COUNT = String(CONTENT.length);
const LARGE = CONTENT.toString("latin1");

/*
 * `attempt` is what meets the failure, after `prepare` without one. It ends as it does without a
 * failure (`isRight`), or in a refusal of ours, or without an answer; where `isRefused`, it never
 * ends in an answer of a backend.
 */
export const SCENARIOS = {
    "a chain that is new, with TLS 1.3": {
        attempt: () => friend("alert", get("/hello")),
        isRight: isServed("hello"),
    },
    "a chain that is new, with TLS 1.2": {
        attempt: () => friend("alert", get("/hello"), { version: "TLSv1.2" }),
        isRight: isServed("hello"),
    },
    "a chain that is new, where refusals are answered": {
        attempt: () => friend("answer", get("/hello")),
        isRight: isServed("hello"),
    },
    "a chain that nobody judges": {
        attempt: () => friend("unverified", get("/hello")),
        isRight: isServed("hello"),
    },
    "a resumed session": {
        prepare: async () => (await friend("alert", get("/hello"))).sessions.at(-1),
        attempt: (session) => friend("alert", get("/hello"), { session }),
        isRight: isServed("hello"),
    },
    "a resumed session of TLS 1.2": {
        prepare: async () =>
            (await friend("alert", get("/hello"), { version: "TLSv1.2" })).sessions.at(-1),
        attempt: (session) => friend("alert", get("/hello"), { session, version: "TLSv1.2" }),
        isRight: isServed("hello"),
    },
    "a stranger, who gets an alert": {
        attempt: () => foe("alert", get("/secret")),
        isRight: isRefused,
        isRefused: true,
    },
    "a stranger, who gets an answer": {
        attempt: () => foe("answer", get("/secret")),
        isRight: isRefused,
        isRefused: true,
    },
    "a client without a certificate": {
        attempt: () => nobody("answer", get("/secret")),
        isRight: isRefused,
        isRefused: true,
    },
    "a request that is malformed": {
        attempt: () => friend("alert", "GET /secret HTTP/1.1\r\nHost : x\r\n\r\n"),
        isRight: (came) => came.status === 400,
        isRefused: true,
    },
    "much content of a known length": {
        attempt: () => friend("alert", put),
        isRight: isServed(COUNT),
    },
    "much content in chunks": {
        attempt: () => friend("alert", chunked),
        isRight: isServed(COUNT),
    },
    "a large answer": {
        attempt: () => friend("alert", get("/large")),
        isRight: isServed(LARGE),
    },
    "a connection to a backend, over TLS": {
        prepare: () => friend("alert", get("/secure/hello")),
        attempt: () => friend("alert", get("/secure/close")),
        isRight: isServed("hello"),
    },
};
