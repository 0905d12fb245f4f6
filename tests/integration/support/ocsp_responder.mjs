// SPDX-License-Identifier: Apache-2.0
//
// An OCSP responder that says what a test wants, right or wrong, byte by byte. Each path of it is
// a responder of its own:
//
//     const responder = await startResponder(context);
//     responder.on("/good", (question) => makeAnswer(question, issuer));
//     responder.on("/silent", (question, response) => {});
//     responder.asked("/good")                  how often it was asked

import { createHash, createPrivateKey, sign } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";

import { der, elements, extension, integer, objectIdentifier } from "./crl.mjs";
import { sequence, subjectOf } from "./crl.mjs";

const NONCE = "1.3.6.1.5.5.7.48.1.2";
const STATUSES = { good: 0, malformedRequest: 1, internalError: 2, tryLater: 3, unauthorized: 6 };

function generalizedTime(date) {
    return der(0x18, Buffer.from(date.toISOString().slice(0, 19).replace(/[-:T]/g, "") + "Z"));
}

/* The parts of an OCSPRequest that matter: the certificate's identifier as it is, and the value of
 * the nonce. */
function readQuestion(bytes, method) {
    const [body] = elements(elements(bytes)[0].content);
    const parts = elements(body.content);
    const [request] = elements(parts.find((part) => part.tag === 0x30).content);
    const [identifier] = elements(request.content);
    const extensions = parts.find((part) => part.tag === 0xa2);
    let nonce = null;
    if (extensions) {
        for (const one of elements(elements(extensions.content)[0].content)) {
            const [id, value] = elements(one.content);
            if (id.whole.equals(objectIdentifier(NONCE))) nonce = value.content;
        }
    }
    return { method, identifier: identifier.whole, nonce };
}

function statusOf(status, reason) {
    if (status === "good") return der(0x80);
    if (status === "unknown") return der(0x82);
    const why = reason === undefined ? [] : [der(0xa0, der(0x0a, [reason]))];
    return der(0xa1, generalizedTime(new Date(Date.now() - 3_600_000)), ...why);
}

/* { frame: what the responder says without an answer }: a name of STATUSES. */
export function makeRefusal(name) {
    return sequence(der(0x0a, [STATUSES[name]]));
}

/*
 * An answer to the question, signed by `issuer` (a credential). `status`: good, revoked, unknown;
 * `reason`: of a revocation; `signer`: who signs instead; `name`: who is said to sign (a
 * credential); `shows`: credentials whose certificates come along; `from` and `until`: seconds from
 * now (null: no end); `nonce`: instead of the question's (null: none); `serial`: of another
 * certificate, hexadecimal.
 */
export function makeAnswer(question, issuer, options = {}) {
    const { status = "good", reason, signer = issuer, name = signer, shows = [] } = options;
    const { from = -60, until = 3600, nonce = question.nonce, serial } = options;
    const at = (seconds) => generalizedTime(new Date(Date.now() + seconds * 1000));
    let identifier = question.identifier;
    if (serial) {
        const parts = elements(elements(identifier)[0].content).map((part) => part.whole);
        identifier = sequence(...parts.slice(0, 3), integer(serial));
    }
    const single = sequence(
        identifier,
        statusOf(status, reason),
        at(from),
        ...(until === null ? [] : [der(0xa0, at(until))]),
    );
    const data = sequence(
        der(0xa1, subjectOf(name.x509)),
        at(0),
        sequence(single),
        ...(nonce ? [der(0xa1, sequence(extension(NONCE, nonce)))] : []),
    );
    const algorithm = sequence(objectIdentifier("1.2.840.10045.4.3.2"));
    const signature = sign("sha256", data, createPrivateKey(readFileSync(signer.key)));
    const certificates = shows.map((credential) => credential.x509.raw);
    const basic = sequence(
        data,
        algorithm,
        der(0x03, [0], signature),
        ...(certificates.length > 0 ? [der(0xa0, sequence(...certificates))] : []),
    );
    const bytes = sequence(objectIdentifier("1.3.6.1.5.5.7.48.1.1"), der(0x04, basic));
    return sequence(der(0x0a, [0]), der(0xa0, bytes));
}

export function otherNonce() {
    return der(0x04, createHash("md5").update("another nonce").digest());
}

class Responder {
    #behaviours = new Map();
    #counts = new Map();
    #server;

    constructor(server, scheme) {
        this.#server = server;
        this.url = `${scheme}://127.0.0.1:${server.address().port}`;
        server.on("request", (request, response) => this.#onRequest(request, response));
    }

    on(path, behave) {
        this.#behaviours.set(path, behave);
        return `${this.url}${path}`;
    }

    asked(path) {
        return this.#counts.get(path) ?? 0;
    }

    async #onRequest(request, response) {
        const [, name, question] = /^(\/[^/]*)\/?(.*)$/.exec(request.url);
        const parts = [];
        for await (const part of request) parts.push(part);
        this.#counts.set(name, this.asked(name) + 1);
        const bytes =
            request.method === "GET"
                ? Buffer.from(decodeURIComponent(question), "base64")
                : Buffer.concat(parts);
        const behave = this.#behaviours.get(name);
        const answer = behave?.(readQuestion(bytes, request.method), response, request);
        if (Buffer.isBuffer(answer)) {
            response.setHeader("Content-Type", "application/ocsp-response");
            response.end(answer);
        }
    }

    /* From now on nobody is there. */
    async stop() {
        this.#server.closeAllConnections();
        if (!this.#server.listening) return;
        this.#server.close();
        await once(this.#server, "close");
    }
}

/* `tls`: a credential, for https. */
export async function startResponder(context, { tls } = {}) {
    const server = tls
        ? https.createServer({ cert: readFileSync(tls.chain), key: readFileSync(tls.key) })
        : http.createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const responder = new Responder(server, tls ? "https" : "http");
    context.after(() => responder.stop());
    return responder;
}
