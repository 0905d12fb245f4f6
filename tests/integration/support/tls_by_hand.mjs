// SPDX-License-Identifier: Apache-2.0
//
// A TLS client made by hand, because no library lets one lie: it shows any certificate, and proves
// to hold its key, or does not. One group (P-256), one suite for each version, nothing else.

import { createCipheriv, createDecipheriv, createECDH, createHash, createHmac } from "node:crypto";
import { randomBytes, sign, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import net from "node:net";

import { before } from "./deadline.mjs";

const RECORD = { CHANGE_CIPHER_SPEC: 20, ALERT: 21, HANDSHAKE: 22, APPLICATION: 23 };
const MESSAGE = {
    ...{ CLIENT_HELLO: 1, SERVER_HELLO: 2, CERTIFICATE: 11, SERVER_KEY_EXCHANGE: 12 },
    ...{ SERVER_HELLO_DONE: 14, CERTIFICATE_VERIFY: 15, CLIENT_KEY_EXCHANGE: 16, FINISHED: 20 },
};
const ECDSA_P256_SHA256 = 0x0403;
const P256 = 0x0017;
const TAG_BYTES = 16;

const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();
const hmac = (key, ...parts) => createHmac("sha256", key).update(Buffer.concat(parts)).digest();

function number(value, bytes) {
    const made = Buffer.alloc(bytes);
    made.writeUIntBE(value, 0, bytes);
    return made;
}

/* The parts with their length before them, in so many bytes. */
function vector(bytes, ...parts) {
    const content = Buffer.concat(parts);
    return Buffer.concat([number(content.length, bytes), content]);
}

const message = (type, ...parts) => Buffer.concat([number(type, 1), vector(3, ...parts)]);
const extension = (type, ...parts) => Buffer.concat([number(type, 2), vector(2, ...parts)]);

export class AlertReceived extends Error {
    constructor(description) {
        super(`alert ${description}`);
        this.description = description;
    }
}

/* Records out and in; encrypted once there are keys. */
class Records {
    #socket;
    #bytes = Buffer.alloc(0);
    #isClosed = false;
    #wake = () => {};

    constructor(socket) {
        this.#socket = socket;
        this.seal = null; // (type, content) => the record's type and fragment
        this.open = null; // (type, fragment) => { type, content }
        socket.on("data", (part) => {
            this.#bytes = Buffer.concat([this.#bytes, part]);
            this.#wake();
        });
        socket.on("error", () => {});
        socket.on("close", () => {
            this.#isClosed = true;
            this.#wake();
        });
    }

    send(type, content) {
        const sealed = this.seal ? this.seal(type, content) : { type, fragment: content };
        const head = Buffer.concat([number(sealed.type, 1), number(0x0303, 2)]);
        this.#socket.write(Buffer.concat([head, vector(2, sealed.fragment)]));
    }

    /* Null when the connection has ended. */
    async receive() {
        const take = async () => {
            for (;;) {
                const has = this.#bytes.length;
                if (has >= 5 && has >= 5 + this.#bytes.readUInt16BE(3)) break;
                if (this.#isClosed) return null;
                await new Promise((resolve) => (this.#wake = resolve));
            }
            const size = this.#bytes.readUInt16BE(3);
            const type = this.#bytes[0];
            const fragment = this.#bytes.subarray(5, 5 + size);
            this.#bytes = this.#bytes.subarray(5 + size);
            return { type, fragment };
        };
        const got = await before(take(), "a TLS record");
        if (got === null) return null;
        const isClear = this.open === null || got.type === RECORD.CHANGE_CIPHER_SPEC;
        return isClear
            ? { type: got.type, content: got.fragment }
            : this.open(got.type, got.fragment);
    }
}

/* Handshake messages, and all of them as they were: the transcript. */
class Messages {
    #records;
    #pending = Buffer.alloc(0);

    constructor(records) {
        this.#records = records;
        this.transcript = Buffer.alloc(0);
    }

    send(bytes) {
        this.transcript = Buffer.concat([this.transcript, bytes]);
        this.#records.send(RECORD.HANDSHAKE, bytes);
    }

    async receive() {
        const isWhole = () =>
            this.#pending.length >= 4 &&
            this.#pending.length >= 4 + this.#pending.readUIntBE(1, 3);
        while (!isWhole()) {
            const got = await this.#records.receive();
            if (got === null) throw new AlertReceived("none: the connection has ended");
            if (got.type === RECORD.ALERT) throw new AlertReceived(got.content[1]);
            if (got.type === RECORD.HANDSHAKE) {
                this.#pending = Buffer.concat([this.#pending, got.content]);
            }
        }
        const size = 4 + this.#pending.readUIntBE(1, 3);
        const bytes = this.#pending.subarray(0, size);
        this.#pending = this.#pending.subarray(size);
        this.transcript = Buffer.concat([this.transcript, bytes]);
        return { type: bytes[0], body: bytes.subarray(4) };
    }

    /* The first of that type; others before it are skipped. */
    async receiveUntil(type) {
        for (;;) {
            const got = await this.receive();
            if (got.type === type) return got.body;
        }
    }
}

/* `host` null: no server_name. */
function clientHello(host, random, suite, sessionId, ...more) {
    const name = Buffer.concat([number(0, 1), vector(2, Buffer.from(host ?? "", "latin1"))]);
    return message(
        MESSAGE.CLIENT_HELLO,
        ...[number(0x0303, 2), random, vector(1, sessionId), vector(2, number(suite, 2))],
        vector(1, Buffer.from([0])),
        vector(
            2,
            ...(host === null ? [] : [extension(0, vector(2, name))]),
            extension(10, vector(2, number(P256, 2))),
            extension(13, vector(2, number(ECDSA_P256_SHA256, 2), number(0x0804, 2))),
            ...more,
        ),
    );
}

function certificatesOf(file) {
    return readFileSync(file, "latin1")
        .match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g)
        .map((pem) => new X509Certificate(pem).raw);
}

/* The CertificateVerify for these bytes; nothing when there is none to be sent. */
function certificateVerify(key, bytes) {
    if (key === null) return null;
    const signature = sign("sha256", bytes, readFileSync(key));
    return message(
        MESSAGE.CERTIFICATE_VERIFY,
        number(ECDSA_P256_SHA256, 2),
        vector(2, signature),
    );
}

/* ---- TLS 1.2: RFC 5246, RFC 5288 ------------------------------------------------------------ */

function prf(secret, label, seed, size) {
    const whole = Buffer.concat([Buffer.from(label, "latin1"), seed]);
    let a = whole;
    let made = Buffer.alloc(0);
    while (made.length < size) {
        a = hmac(secret, a);
        made = Buffer.concat([made, hmac(secret, a, whole)]);
    }
    return made.subarray(0, size);
}

/* Explicit nonces; the sequence number is one. */
function protect12(records, keys) {
    let sent = 0n;
    let received = 0n;
    const sequence = (value) => {
        const bytes = Buffer.alloc(8);
        bytes.writeBigUInt64BE(value);
        return bytes;
    };
    const additional = (count, type, size) =>
        Buffer.concat([sequence(count), number(type, 1), number(0x0303, 2), number(size, 2)]);
    return {
        sealFromNowOn() {
            records.seal = (type, content) => {
                const explicit = sequence(sent);
                const nonce = Buffer.concat([keys.clientIv, explicit]);
                const cipher = createCipheriv("aes-128-gcm", keys.client, nonce);
                cipher.setAAD(additional(sent++, type, content.length));
                const sealed = Buffer.concat([cipher.update(content), cipher.final()]);
                return { type, fragment: Buffer.concat([explicit, sealed, cipher.getAuthTag()]) };
            };
        },
        openFromNowOn() {
            records.open = (type, fragment) => {
                const size = fragment.length - 8 - TAG_BYTES;
                const nonce = Buffer.concat([keys.serverIv, fragment.subarray(0, 8)]);
                const decipher = createDecipheriv("aes-128-gcm", keys.server, nonce);
                decipher.setAAD(additional(received++, type, size));
                decipher.setAuthTag(fragment.subarray(8 + size));
                const content = decipher.update(fragment.subarray(8, 8 + size));
                return { type, content: Buffer.concat([content, decipher.final()]) };
            };
        },
    };
}

async function connect12(records, { host, certificates, key }) {
    const messages = new Messages(records);
    const random = randomBytes(32);
    const exchange = createECDH("prime256v1");
    messages.send(
        clientHello(
            ...[host, random, 0xc02b, Buffer.alloc(0)],
            ...[extension(11, vector(1, Buffer.from([0]))), extension(0xff01, vector(1))],
        ),
    );
    const serverRandom = (await messages.receiveUntil(MESSAGE.SERVER_HELLO)).subarray(2, 34);
    const theirs = await messages.receiveUntil(MESSAGE.SERVER_KEY_EXCHANGE);
    await messages.receiveUntil(MESSAGE.SERVER_HELLO_DONE);

    const list = certificates.map((certificate) => vector(3, certificate));
    messages.send(message(MESSAGE.CERTIFICATE, vector(3, ...list)));
    messages.send(message(MESSAGE.CLIENT_KEY_EXCHANGE, vector(1, exchange.generateKeys())));
    const premaster = exchange.computeSecret(theirs.subarray(4, 4 + theirs[3]));
    const master = prf(premaster, "master secret", Buffer.concat([random, serverRandom]), 48);
    const block = prf(master, "key expansion", Buffer.concat([serverRandom, random]), 40);
    const protection = protect12(records, {
        client: block.subarray(0, 16),
        server: block.subarray(16, 32),
        clientIv: block.subarray(32, 36),
        serverIv: block.subarray(36, 40),
    });
    const proof = certificateVerify(key, messages.transcript);
    if (proof !== null) messages.send(proof);
    records.send(RECORD.CHANGE_CIPHER_SPEC, Buffer.from([1]));
    protection.sealFromNowOn();
    const seed = sha256(messages.transcript);
    messages.send(message(MESSAGE.FINISHED, prf(master, "client finished", seed, 12)));

    const next = await records.receive();
    if (next === null) throw new AlertReceived("none: the connection has ended");
    if (next.type === RECORD.ALERT) throw new AlertReceived(next.content[1]);
    /* There are no tickets: the first answer is ChangeCipherSpec. */
    protection.openFromNowOn();
    await messages.receiveUntil(MESSAGE.FINISHED);
}

/* ---- TLS 1.3: RFC 8446 ---------------------------------------------------------------------- */

function expandLabel(secret, label, context, size) {
    const info = Buffer.concat([
        number(size, 2),
        vector(1, Buffer.from(`tls13 ${label}`, "latin1")),
        vector(1, context),
    ]);
    return hmac(secret, info, Buffer.from([1])).subarray(0, size);
}

const deriveSecret = (secret, label, transcript) =>
    expandLabel(secret, label, sha256(transcript), 32);

function trafficKeys(secret) {
    const none = Buffer.alloc(0);
    const iv = expandLabel(secret, "iv", none, 12);
    const key = expandLabel(secret, "key", none, 16);
    let count = 0n;
    return {
        key,
        nextNonce() {
            const nonce = Buffer.from(iv);
            nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ count++, 4);
            return nonce;
        },
    };
}

function sealWith(secret) {
    const keys = trafficKeys(secret);
    return (type, content) => {
        const cipher = createCipheriv("aes-128-gcm", keys.key, keys.nextNonce());
        const size = content.length + 1 + TAG_BYTES;
        cipher.setAAD(Buffer.concat([number(0x170303, 3), number(size, 2)]));
        const sealed = Buffer.concat([
            ...[cipher.update(content), cipher.update(number(type, 1)), cipher.final()],
            cipher.getAuthTag(),
        ]);
        return { type: RECORD.APPLICATION, fragment: sealed };
    };
}

function openWith(secret) {
    const keys = trafficKeys(secret);
    return (type, fragment) => {
        const size = fragment.length - TAG_BYTES;
        const decipher = createDecipheriv("aes-128-gcm", keys.key, keys.nextNonce());
        decipher.setAAD(Buffer.concat([number(0x170303, 3), number(fragment.length, 2)]));
        decipher.setAuthTag(fragment.subarray(size));
        const clear = decipher.update(fragment.subarray(0, size));
        const inner = Buffer.concat([clear, decipher.final()]);
        const end = inner.findLastIndex((byte) => byte !== 0);
        return { type: inner[end], content: inner.subarray(0, end) };
    };
}

/* The server's share out of its ServerHello. */
function keyShareOf(body) {
    let at = 2 + 32;
    at += 1 + body[at] + 2 + 1 + 2;
    while (at < body.length) {
        const type = body.readUInt16BE(at);
        const size = body.readUInt16BE(at + 2);
        if (type === 51) return body.subarray(at + 8, at + 4 + size);
        at += 4 + size;
    }
    throw new Error("a ServerHello without a key share");
}

async function connect13(records, { host, certificates, key, context = "client" }) {
    const messages = new Messages(records);
    const exchange = createECDH("prime256v1");
    const share = Buffer.concat([number(P256, 2), vector(2, exchange.generateKeys())]);
    messages.send(
        clientHello(
            ...[host, randomBytes(32), 0x1301, randomBytes(32)],
            ...[extension(43, vector(1, number(0x0304, 2))), extension(51, vector(2, share))],
        ),
    );
    const theirs = keyShareOf(await messages.receiveUntil(MESSAGE.SERVER_HELLO));
    const zeros = Buffer.alloc(32);
    const nothing = Buffer.alloc(0);
    const early = hmac(zeros, zeros);
    const secret = hmac(
        deriveSecret(early, "derived", nothing),
        exchange.computeSecret(theirs),
    );
    const clientSecret = deriveSecret(secret, "c hs traffic", messages.transcript);
    records.open = openWith(deriveSecret(secret, "s hs traffic", messages.transcript));
    await messages.receiveUntil(MESSAGE.FINISHED);
    const master = hmac(deriveSecret(secret, "derived", nothing), zeros);
    const application = deriveSecret(master, "c ap traffic", messages.transcript);
    records.open = openWith(deriveSecret(master, "s ap traffic", messages.transcript));

    records.seal = sealWith(clientSecret);
    const list = certificates.map((one) => Buffer.concat([vector(3, one), vector(2)]));
    messages.send(message(MESSAGE.CERTIFICATE, vector(1), vector(3, ...list)));
    const proof = certificateVerify(
        key,
        Buffer.concat([
            Buffer.alloc(64, 0x20),
            Buffer.from(`TLS 1.3, ${context} CertificateVerify\0`, "latin1"),
            sha256(messages.transcript),
        ]),
    );
    if (proof !== null) messages.send(proof);
    const finished = expandLabel(clientSecret, "finished", nothing, 32);
    messages.send(message(MESSAGE.FINISHED, hmac(finished, sha256(messages.transcript))));
    records.seal = sealWith(application);
}

/* ---- both ----------------------------------------------------------------------------------- */

/*
 * Connects, shows the certificates in `chain`, signs with `key` (null: sends no CertificateVerify),
 * and sends `request` behind its Finished. What came of it: the alert's number or null, what was
 * answered, and how many sessions there were to resume.
 */
export async function talkByHand({ address, port }, options) {
    const { version, host, chain, key, context, request } = options;
    const socket = net.connect({ host: address, port });
    await before(once(socket, "connect"), "a TCP connection");
    const records = new Records(socket);
    const result = { alert: null, answer: "", sessions: 0 };
    const connect = version === "1.2" ? connect12 : connect13;
    try {
        await connect(records, { host, certificates: certificatesOf(chain), key, context });
        records.send(RECORD.APPLICATION, Buffer.from(request, "latin1"));
        for (;;) {
            const got = await records.receive();
            if (got === null) break;
            if (got.type === RECORD.ALERT && got.content[1] !== 0) {
                throw new AlertReceived(got.content[1]);
            }
            if (got.type === RECORD.HANDSHAKE) result.sessions++;
            if (got.type === RECORD.APPLICATION) result.answer += got.content.toString("latin1");
        }
    } catch (error) {
        if (!(error instanceof AlertReceived)) throw error;
        result.alert = error.description;
    } finally {
        socket.destroy();
    }
    return result;
}

/* ---- two ClientHellos ----------------------------------------------------------------------- */

/* RFC 8446 section 4.1.3: the random of a HelloRetryRequest. */
const RETRY = sha256(Buffer.from("HelloRetryRequest"));

/*
 * A TLS 1.3 client that offers no key share, so that it is asked for another ClientHello, and says
 * something else in that one: `first` and `second` are { host (null: none), alpn (null: none) }.
 * The number of the alert that came of it, or null when the handshake went on.
 */
export async function sayHelloTwice({ address, port }, first, second) {
    const socket = net.connect({ host: address, port });
    await before(once(socket, "connect"), "a TCP connection");
    const messages = new Messages(new Records(socket));
    const [random, sessionId] = [randomBytes(32), randomBytes(32)];
    const say = ({ host, alpn }, ...shares) => {
        const protocols = alpn === null ? [] : [vector(1, Buffer.from(alpn, "latin1"))];
        messages.send(
            clientHello(
                ...[host, random, 0x1301, sessionId],
                ...[extension(43, vector(1, number(0x0304, 2)))],
                ...(alpn === null ? [] : [extension(16, vector(2, ...protocols))]),
                extension(51, vector(2, ...shares)),
            ),
        );
        return messages.receiveUntil(MESSAGE.SERVER_HELLO);
    };
    try {
        const asked = await say(first);
        if (!asked.subarray(2, 34).equals(RETRY)) throw new Error("there was no second chance");
        const exchange = createECDH("prime256v1");
        await say(second, Buffer.concat([number(P256, 2), vector(2, exchange.generateKeys())]));
        return null;
    } catch (error) {
        if (!(error instanceof AlertReceived)) throw error;
        return error.description;
    } finally {
        socket.destroy();
    }
}
