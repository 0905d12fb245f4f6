// SPDX-License-Identifier: Apache-2.0
//
// A backend that trusts nobody: it reads HTTP/1.1 byte by byte and records exactly what arrived.
// Anything that is not to the letter is recorded as malformed and ends the connection, so that a
// test sees what a lenient server would forgive.

import { createServer } from "node:net";
import { once } from "node:events";

import { Journal } from "./deadline.mjs";

const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?(.*?)[ \t]*$/;
const REQUEST_LINE = /^([A-Z]+) (\/\S*|\*) HTTP\/1\.1$/;

class Malformed extends Error {}

function parseFields(lines) {
    return lines.map((line) => {
        const match = FIELD.exec(line);
        if (!match || /[\x00-\x08\x0a-\x1f\x7f]/.test(match[2])) {
            throw new Malformed(`a field: ${JSON.stringify(line)}`);
        }
        return [match[1], match[2]];
    });
}

/* One request as it arrived; `head` is the very text, in latin1. */
export class ReceivedRequest {
    constructor(head, connection) {
        const [line, ...rest] = head.slice(0, -4).split("\r\n");
        const match = REQUEST_LINE.exec(line);
        if (!match || head.replace(/\r\n/g, "").match(/[\r\n]/)) {
            throw new Malformed(`the head: ${JSON.stringify(head)}`);
        }
        [, this.method, this.target] = match;
        this.head = head;
        this.connection = connection; // a number: which connection it came on
        this.fields = parseFields(rest);
        this.content = Buffer.alloc(0);
        this.trailers = [];
    }

    /* All values of a field, however its name is written. */
    values(name) {
        const wanted = name.toLowerCase();
        return this.fields
            .filter(([own]) => own.toLowerCase() === wanted)
            .map(([, value]) => value);
    }

    value(name) {
        return this.values(name)[0];
    }
}

/* Bytes as they come, and promises of what one wants next. */
class Input {
    #bytes = Buffer.alloc(0);
    #ended = false;
    #wake = () => {};

    constructor(socket) {
        socket.on("data", (part) => {
            this.#bytes = Buffer.concat([this.#bytes, part]);
            this.#wake();
        });
        for (const event of ["end", "close"]) {
            socket.on(event, () => {
                this.#ended = true;
                this.#wake();
            });
        }
    }

    async #more() {
        if (this.#ended) return false;
        await new Promise((resolve) => (this.#wake = resolve));
        return true;
    }

    /* Up to and with the mark; null when the connection ends cleanly before any byte. */
    async until(mark) {
        let at = this.#bytes.indexOf(mark);
        while (at < 0) {
            if (!(await this.#more()) && this.#bytes.indexOf(mark) < 0) {
                if (this.#bytes.length === 0) return null;
                throw new Malformed(
                    `the end within ${JSON.stringify(this.#bytes.toString("latin1"))}`,
                );
            }
            at = this.#bytes.indexOf(mark);
        }
        return this.#take(at + mark.length);
    }

    async exactly(count) {
        while (this.#bytes.length < count) {
            if (!(await this.#more()) && this.#bytes.length < count) throw new Malformed("the end");
        }
        return this.#take(count);
    }

    #take(count) {
        const taken = this.#bytes.subarray(0, count);
        this.#bytes = this.#bytes.subarray(count);
        return taken;
    }
}

async function readChunked(input, request) {
    const parts = [];
    for (;;) {
        const line = (await input.until("\r\n"))?.toString("latin1");
        if (!/^[0-9A-Fa-f]+\r\n$/.test(line ?? "")) throw new Malformed(`a chunk: ${line}`);
        const size = parseInt(line, 16);
        if (size === 0) break;
        parts.push(await input.exactly(size));
        if ((await input.exactly(2)).toString() !== "\r\n") throw new Malformed("a chunk's end");
    }
    request.content = Buffer.concat(parts);
    for (;;) {
        const line = (await input.until("\r\n"))?.toString("latin1");
        if (line === "\r\n") return;
        request.trailers.push(...parseFields([(line ?? "").slice(0, -2)]));
    }
}

async function readContent(input, request) {
    const lengths = request.values("Content-Length");
    const codings = request.values("Transfer-Encoding");
    if (lengths.length + codings.length > 1) throw new Malformed("two framings");
    if (codings.length === 1) {
        if (codings[0] !== "chunked") throw new Malformed(`the coding ${codings[0]}`);
        await readChunked(input, request);
    } else if (lengths.length === 1) {
        if (!/^\d+$/.test(lengths[0])) throw new Malformed(`the length ${lengths[0]}`);
        request.content = await input.exactly(Number(lengths[0]));
    }
}

/*
 * An answer is { status, fields: [[name, value]], body } with the length added, or { raw: text }
 * that is sent as it is; `close` ends the connection behind it.
 */
function formatAnswer({ status = 200, fields = [], body = "ok\n", raw }, request) {
    if (raw !== undefined) return Buffer.from(raw, "latin1");
    const bytes = Buffer.from(body);
    const lines = [
        `HTTP/1.1 ${status} Said`,
        ...fields.map(([name, value]) => `${name}: ${value}`),
    ];
    lines.push(`Content-Length: ${bytes.length}`);
    const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
    return request.method === "HEAD" ? head : Buffer.concat([head, bytes]);
}

class Backend {
    #server;
    #sockets = new Set();

    constructor(answer) {
        this.answer = answer; // (request) => an answer; may be replaced by a test
        this.requests = new Journal();
        this.malformed = [];
        this.connections = 0;
        this.#server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
    }

    async listen() {
        this.#server.listen(0, "127.0.0.1");
        await once(this.#server, "listening");
        this.port = this.#server.address().port;
        this.url = `http://127.0.0.1:${this.port}`;
    }

    async #serve(socket) {
        const number = ++this.connections;
        const input = new Input(socket);
        this.#sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => this.#sockets.delete(socket));
        try {
            for (;;) {
                const head = await input.until("\r\n\r\n");
                if (head === null) break;
                const request = new ReceivedRequest(head.toString("latin1"), number);
                await readContent(input, request);
                this.requests.add(request);
                const answer = (await this.answer(request)) ?? {};
                socket.write(formatAnswer(answer, request));
                if (answer.close) break;
            }
            socket.end();
        } catch (error) {
            if (!(error instanceof Malformed)) throw error;
            this.malformed.push(error.message);
            socket.destroy();
        }
    }

    /* How many requests have come. */
    get count() {
        return this.requests.items.length;
    }

    get last() {
        return this.requests.items.at(-1);
    }

    async stop() {
        for (const socket of this.#sockets) socket.destroy();
        this.#server.close();
        await once(this.#server, "close");
    }
}

/* `context` is a test's, or node:test itself: the backend ends with it. */
export async function startBackend(context, answer = () => ({})) {
    const backend = new Backend(answer);
    await backend.listen();
    context.after(() => backend.stop());
    return backend;
}
