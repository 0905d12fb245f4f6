// SPDX-License-Identifier: Apache-2.0
//
// A backend that misbehaves as told: each target has a script, which gets the socket and does with
// it what it likes. For backends that behave, see backend.mjs.

import { once } from "node:events";
import { createServer } from "node:net";
import tls from "node:tls";

import { Journal } from "./deadline.mjs";

class ScriptedBackend {
    #server;
    #sockets = new Set();

    constructor(scripts, secure) {
        /* From a target's path, or the last segment of it, to (socket, request) => … */
        this.scripts = scripts;
        this.requests = new Journal(); // { method, target, connection, head }
        this.closed = new Journal(); // numbers of connections that the gateway, or we, closed
        this.connections = 0;
        this.resumed = 0;
        this.tlsErrors = new Journal();
        this.scheme = secure ? "https" : "http";
        const options = { noDelay: true, allowHalfOpen: false };
        const serve = (socket) => this.#serve(socket);
        if (!secure) this.#server = createServer(options, serve);
        else this.#server = tls.createServer({ ...options, ...secure }, serve);
        this.#server.on("tlsClientError", (error) => this.tlsErrors.add(error.code));
    }

    async listen(port = 0, address = "127.0.0.1") {
        this.#server.listen(port, address);
        await once(this.#server, "listening");
        this.port = this.#server.address().port;
        this.url = `${this.scheme}://127.0.0.1:${this.port}`;
    }

    get open() {
        return this.#sockets.size;
    }

    #serve(socket) {
        const connection = ++this.connections;
        if (socket.isSessionReused?.()) this.resumed++;
        let text = "";
        let content = 0; // bytes of the last request's content that are still to come
        this.#sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => {
            this.#sockets.delete(socket);
            this.closed.add(connection);
        });
        socket.on("data", (part) => {
            const skipped = Math.min(content, part.length);
            content -= skipped;
            text += part.toString("latin1", skipped);
            for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
                const head = text.slice(0, end + 4);
                const [method, target] = head.split(" ");
                const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
                text = text.slice(end + 4);
                content = length - Math.min(length, text.length);
                text = text.slice(length - content);
                const request = { method, target, connection, head };
                this.requests.add(request);
                this.#run(socket, request);
            }
        });
    }

    #run(socket, request) {
        const path = request.target.split("?")[0];
        const script = this.scripts[path] ?? this.scripts[path.slice(path.lastIndexOf("/"))];
        if (script) script(socket, request);
        else answerWith(socket, `you asked for ${request.target}\n`);
    }

    count(target) {
        return this.requests.items.filter((request) => request.target === target).length;
    }

    dropConnections() {
        for (const socket of this.#sockets) socket.destroy();
    }

    async stop() {
        this.dropConnections();
        this.#server.close();
        await once(this.#server, "close");
    }
}

export function answerWith(socket, body) {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`, "latin1");
}

/* `secure`: options of tls.createServer, for a backend with https; `address` and `port`: where. */
export async function startScriptedBackend(context, scripts, { secure, port, address } = {}) {
    const backend = new ScriptedBackend(scripts, secure);
    await backend.listen(port, address);
    context.after(() => backend.stop());
    return backend;
}

/* An address on which nobody listens: its port was free a moment ago. */
export async function unusedUrl() {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address();
    server.close();
    await once(server, "close");
    return `http://127.0.0.1:${port}`;
}
