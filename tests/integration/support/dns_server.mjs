// SPDX-License-Identifier: Apache-2.0
//
// A name server that says what the test wants, and misbehaves as told. It listens on one port for
// UDP and TCP, on the loopback interface only. Names that it was told nothing about do not exist.

import dgram from "node:dgram";
import { once } from "node:events";
import net from "node:net";

import { Journal } from "./deadline.mjs";

const TYPES = { A: 1, CNAME: 5, AAAA: 28 };
export const RCODES = { ok: 0, format: 1, servfail: 2, nxdomain: 3, refused: 5 };

const HEADER_SIZE = 12;
const UDP_MAX = 512;

/* "a.test" as labels with their lengths. */
function encodeName(name) {
    const labels = name.split(".").filter((label) => label !== "");
    return Buffer.concat([
        ...labels.map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
        Buffer.from([0]),
    ]);
}

function readQuestion(message) {
    const labels = [];
    let at = HEADER_SIZE;
    while (message[at] !== 0) {
        labels.push(message.toString("latin1", at + 1, at + 1 + message[at]));
        at += 1 + message[at];
    }
    const type = message.readUInt16BE(at + 1);
    return {
        id: message.readUInt16BE(0),
        name: labels.join("."),
        type: Object.keys(TYPES).find((name) => TYPES[name] === type),
    };
}

function encodeAddress(type, address) {
    if (type === "A") return Buffer.from(address.split(".").map(Number));
    const [head, tail = ""] = address.split("::");
    const groups = (text) => text.split(":").filter((group) => group !== "");
    const missing = 8 - groups(head).length - groups(tail).length;
    const all = [...groups(head), ...Array(missing).fill("0"), ...groups(tail)];
    return Buffer.concat(all.map((group) => Buffer.from(group.padStart(4, "0"), "hex")));
}

/* `records`: { name, type, ttl, data }. */
export function makeReply({ id, name, type }, records, { rcode = 0, truncated = false } = {}) {
    const header = Buffer.alloc(HEADER_SIZE);
    header.writeUInt16BE(id, 0);
    header.writeUInt16BE(0x8180 | (truncated ? 0x0200 : 0) | rcode, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    const question = Buffer.concat([encodeName(name), Buffer.from([0, TYPES[type], 0, 1])]);
    const encoded = records.map((record) => {
        const data =
            record.type === "CNAME"
                ? encodeName(record.data)
                : encodeAddress(record.type, record.data);
        const fixed = Buffer.alloc(10);
        fixed.writeUInt16BE(TYPES[record.type], 0);
        fixed.writeUInt16BE(1, 2);
        fixed.writeUInt32BE(record.ttl, 4);
        fixed.writeUInt16BE(data.length, 8);
        return Buffer.concat([encodeName(record.name), fixed, data]);
    });
    return Buffer.concat([header, question, ...encoded]);
}

class DnsServer {
    #udp;
    #tcp;
    #names = new Map();
    #sockets = new Set();

    constructor() {
        this.questions = new Journal(); // { name, type, transport }
    }

    /*
     * What is said of a name: { A, AAAA, ttl } with lists of addresses, { rcode }, or a function of
     * the question and of `send(message)`, which may send anything, or nothing.
     */
    set(name, answer) {
        this.#names.set(name, answer);
    }

    asked(name) {
        return this.questions.items.filter((question) => question.name === name).length;
    }

    /* The next question about the name resolves this, not one of before. */
    nextQuestion(name) {
        const from = this.questions.items.length;
        return this.questions.find((one) => one.name === name, `a question of '${name}'`, from);
    }

    async listen() {
        for (;;) {
            this.#udp = dgram.createSocket("udp4");
            this.#udp.bind(this.port ?? 0, "127.0.0.1");
            await once(this.#udp, "listening");
            const { port } = this.#udp.address();
            this.#tcp = net.createServer((socket) => this.#serve(socket));
            this.#tcp.listen(port, "127.0.0.1");
            try {
                await once(this.#tcp, "listening");
            } catch (error) {
                /* The port is free for UDP alone: another one. */
                this.#udp.close();
                if (error.code !== "EADDRINUSE" || this.port) throw error;
                continue;
            }
            this.port = port;
            this.address = `127.0.0.1:${port}`;
            break;
        }
        this.#udp.on("message", (message, from) => {
            const send = (reply) => this.#udp?.send(reply, from.port, from.address);
            this.#answer(message, "udp", send);
        });
    }

    #serve(socket) {
        let bytes = Buffer.alloc(0);
        this.#sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => this.#sockets.delete(socket));
        socket.on("data", (part) => {
            bytes = Buffer.concat([bytes, part]);
            while (bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE(0)) {
                const size = bytes.readUInt16BE(0);
                const message = bytes.subarray(2, 2 + size);
                bytes = bytes.subarray(2 + size);
                this.#answer(message, "tcp", (reply) => {
                    const head = Buffer.alloc(2);
                    head.writeUInt16BE(reply.length, 0);
                    socket.write(Buffer.concat([head, reply]));
                });
            }
        });
    }

    #answer(message, transport, send) {
        const question = { ...readQuestion(message), transport };
        const answer = this.#names.get(question.name) ?? { rcode: RCODES.nxdomain };
        this.questions.add({ name: question.name, type: question.type, transport });
        if (typeof answer === "function") answer(question, send);
        else this.reply(question, send, answer);
    }

    /* An honest one; over UDP it is truncated when it does not fit. */
    reply(question, send, { A = [], AAAA = [], ttl = 1, rcode = 0 }) {
        const of = { A, AAAA }[question.type] ?? [];
        const records = of.map((data) => ({ name: question.name, type: question.type, ttl, data }));
        const whole = makeReply(question, records, { rcode });
        if (question.transport === "udp" && whole.length > UDP_MAX)
            send(makeReply(question, [], { truncated: true }));
        else send(whole);
    }

    /* Nobody listens any more; listen() comes back on the same port. */
    async stop() {
        if (!this.#udp) return;
        const [udp, tcp] = [this.#udp, this.#tcp];
        this.#udp = null;
        for (const socket of this.#sockets) socket.destroy();
        udp.close();
        tcp.close();
        await Promise.all([once(udp, "close"), once(tcp, "close")]);
    }
}

export async function startDnsServer(context, names = {}) {
    const server = new DnsServer();
    for (const [name, answer] of Object.entries(names)) server.set(name, answer);
    await server.listen();
    context.after(() => server.stop());
    return server;
}
