// SPDX-License-Identifier: Apache-2.0
//
// Clients that others wrote (curl, openssl, Node), and one that sends bytes made by hand.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import https from "node:https";
import net from "node:net";
import tls from "node:tls";

import { before, Journal } from "./deadline.mjs";

export const HOST = "gateway.test"; // in the server's certificate; clients are told its address

/* Runs a command; `input` is sent to it at once, and its end with it. */
async function run(command, words, input = "", environment = {}) {
    const child = spawn(command, words, {
        stdio: ["pipe", "pipe", "pipe"],
        env: { ...process.env, ...environment },
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("latin1").on("data", (part) => (stdout += part));
    child.stderr.setEncoding("latin1").on("data", (part) => (stderr += part));
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    const explain = () => `${stdout}\n${stderr}`;
    const [status] = await before(once(child, "close"), `${command} ${words.join(" ")}`, explain);
    return { status, stdout, stderr };
}

/* An answer's head and body out of the text of one. */
export function parseAnswer(text) {
    const end = text.indexOf("\r\n\r\n");
    const [line, ...rest] = text.slice(0, end).split("\r\n");
    const fields = rest.map((field) => {
        const colon = field.indexOf(":");
        return [field.slice(0, colon), field.slice(colon + 1).trim()];
    });
    const values = (name) =>
        fields
            .filter(([own]) => own.toLowerCase() === name.toLowerCase())
            .map(([, value]) => value);
    return {
        status: Number(line.split(" ")[1]),
        line,
        fields,
        values,
        value: (name) => values(name)[0],
        body: text.slice(end + 4),
    };
}

function curlTls(pki, credential, version) {
    return [
        ...["--cacert", pki.root.certificate],
        ...(credential ? ["--cert", credential.chain, "--key", credential.key] : []),
        ...(version ? [`--tlsv${version}`, "--tls-max", version] : []),
    ];
}

/*
 * curl: `credential` (none: no certificate), `version` ("1.2" or "1.3"), `host`, `path`, `headers`
 * more `words` and `environment`. The answer, or { status: 0, failure } when there was none.
 */
export async function curl(pki, { address, port }, options = {}) {
    const { credential, version, host = HOST, path = "/", headers = [], words = [] } = options;
    const all = [
        ...["--silent", "--show-error", "--include", "--http1.1", "--path-as-is", "--noproxy", "*"],
        ...["--resolve", `${host}:${port}:${address}`, ...curlTls(pki, credential, version)],
        ...headers.flatMap((header) => ["--header", header]),
        ...[...words, `https://${host}:${port}${path}`],
    ];
    const { status, stdout, stderr } = await run("curl", all, "", options.environment);
    if (status !== 0) return { status: 0, exit: status, failure: stderr };
    return parseAnswer(stdout.replace(/^HTTP\/1\.1 100 [^]*?\r\n\r\n/, ""));
}

/* `openssl s_client`, which sends one request; all that it says, with the alerts it received. */
export async function sClient(pki, { address, port }, options = {}) {
    const { credential, version, host = HOST, path = "/", words = [] } = options;
    const protocol = options.protocol ?? "HTTP/1.1";
    const request = `GET ${path} ${protocol}\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
    const { status, stdout, stderr } = await run(
        "openssl",
        [
            ...["s_client", "-connect", `${address}:${port}`, "-servername", host, "-ign_eof"],
            ...["-CAfile", pki.root.certificate, "-verify_return_error"],
            ...(credential ? ["-cert", credential.certificate, "-key", credential.key] : []),
            ...(credential ? ["-cert_chain", credential.chain] : []),
            ...(version ? [version === "1.2" ? "-tls1_2" : "-tls1_3"] : []),
            ...words,
        ],
        request,
    );
    const at = stdout.search(/^HTTP\/1\.[01] /m);
    return {
        exit: status,
        text: stdout + stderr,
        answer: at < 0 ? null : parseAnswer(stdout.slice(at)),
        alert: /alert [a-z ]+/.exec(stderr)?.[0] ?? null,
    };
}

function nodeTls(pki, credential, version) {
    return {
        ca: readFileSync(pki.root.certificate),
        ...(credential
            ? { cert: readFileSync(credential.chain), key: readFileSync(credential.key) }
            : {}),
        ...(version ? { minVersion: `TLSv${version}`, maxVersion: `TLSv${version}` } : {}),
    };
}

/* Node's https: `host` is a name, or an address, which goes without SNI. */
export async function nodeGet(pki, { address, port }, options = {}) {
    const { credential, version, host = HOST, path = "/", headers = {}, more = {} } = options;
    const request = https.get({
        ...{ host: address, port, path, agent: false },
        ...{ servername: net.isIP(host) ? "" : host, headers: { Host: host, ...headers } },
        ...nodeTls(pki, credential, version),
        ...more,
    });
    const [response] = await before(once(request, "response"), "the answer");
    const certificate = response.socket.getPeerX509Certificate();
    let body = "";
    response.setEncoding("latin1").on("data", (part) => (body += part));
    await before(once(response, "end"), "the answer's end");
    return { status: response.statusCode, fields: response.headers, body, certificate };
}

/* Where the answer's content ends in `text`, or -1 while it has not all come. */
function answerLength(text, method) {
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) return -1;
    const { status, value } = parseAnswer(text);
    if (method === "HEAD" || status === 204 || status === 304 || status < 200) return end + 4;
    if (/chunked/i.test(value("Transfer-Encoding") ?? "")) {
        const last = /\r\n0\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(text.slice(end));
        return last ? end + last.index + last[0].length : -1;
    }
    const length = value("Content-Length");
    return length !== undefined && text.length >= end + 4 + Number(length)
        ? end + 4 + Number(length)
        : -1;
}

/* A TLS connection on which a test sends what it likes. */
class RawClient {
    #text = "";
    #wake = () => {};
    #closed = false;

    constructor(socket) {
        this.socket = socket;
        this.error = null;
        this.sessions = new Journal(); // what the server gave to resume with
        socket.on("session", (session) => this.sessions.add(session));
        socket.setEncoding("latin1").on("data", (part) => {
            this.#text += part;
            this.#wake();
        });
        socket.on("error", (error) => (this.error = error));
        socket.on("close", () => {
            this.#closed = true;
            this.#wake();
        });
    }

    send(bytes) {
        this.socket.write(Buffer.from(bytes, "latin1"));
        return this;
    }

    /* The next answer that counts, with the interim ones before it; null when the connection ends
     * without one. */
    async answer(method = "GET") {
        const interim = [];
        for (;;) {
            const answer = await this.message(method);
            if (answer === null) return null;
            if (!(answer.status < 200)) return { ...answer, interim };
            interim.push(answer);
        }
    }

    /* The next answer, which may be an interim one. */
    async message(method = "GET") {
        const wait = async () => {
            for (;;) {
                const length = answerLength(this.#text, method);
                if (length >= 0) {
                    const text = this.#text.slice(0, length);
                    this.#text = this.#text.slice(length);
                    return parseAnswer(text);
                }
                if (this.#closed) return this.#text === "" ? null : parseAnswer(this.#text);
                await new Promise((resolve) => (this.#wake = resolve));
            }
        };
        return before(wait(), "an answer", () => `so far: ${JSON.stringify(this.#text)}`);
    }

    async request(bytes, method) {
        return this.send(bytes).answer(method);
    }

    /* Resolves when the other side has closed, with what it said since the last answer. */
    async closed() {
        const wait = async () => {
            while (!this.#closed) await new Promise((resolve) => (this.#wake = resolve));
            return this.#text;
        };
        return before(wait(), "the connection to be closed");
    }

    end() {
        this.socket.destroy();
    }
}

/*
 * Connects and finishes the handshake on the client's side. With TLS 1.3 that says nothing about
 * what the server thinks of the client's certificate. `context` is the test's: it ends with it.
 */
export async function connect(context, pki, { address, port }, options = {}) {
    const { credential, version, host = HOST, more = {} } = options;
    const socket = tls.connect({
        ...{ host: address, port, servername: host, ALPNProtocols: ["http/1.1"] },
        ...{ checkServerIdentity: () => undefined },
        ...nodeTls(pki, credential, version),
        ...more,
    });
    const client = new RawClient(socket);
    context.after(() => client.end());
    const ended = new Promise((resolve) => {
        for (const event of ["secureConnect", "close"]) socket.once(event, resolve);
    });
    await before(ended, "the client's side of the handshake");
    return client;
}

/* Plain TCP to the TLS port. */
export async function connectPlain(context, { address, port }, more = {}) {
    const socket = net.connect({ host: address, port, ...more });
    const client = new RawClient(socket);
    context.after(() => client.end());
    await before(once(socket, "connect"), "a TCP connection");
    return client;
}
