// SPDX-License-Identifier: Apache-2.0
//
// Checks that a request, with what it says of its client, was written by the gateway: an HTTP
// Message Signature (RFC 9421) with the tag "sallyport". Needs nothing but Node.
//
//     const checker = new SignatureChecker({
//         keys: { gateway: { algorithm: "ecdsa-p256-sha256", key: readFileSync("signing.pub") } },
//     });
//     http.createServer((request, response) => {
//         const { verification, identity } = checker.check({
//             method: request.method,
//             target: request.url,
//             headers: pairs(request.rawHeaders),
//         });                                         // throws SignatureError
//
// Only what is in `identity` may be believed. `keys`: by keyid; `key` is a PEM public key, or for
// hmac-sha256 the octets of the secret. `scheme` is the one by which the gateway comes: http or
// https.

import { createHmac, createPublicKey, timingSafeEqual, verify } from "node:crypto";

const LABEL = "sallyport";
const DERIVED = ["@method", "@authority", "@request-target"];
const VERIFICATION = "x-client-cert-verification";
const LIFETIME_MAX = 60;

/* Names under which a backend may look for an identity; add those of your configuration. */
const IDENTITY_FAMILIES = [
    ...["client-cert", "x-client-cert", "x-arr-", "ssl-client-", "x-ssl-client-"],
    ...["x-forwarded-client-cert", "x-forwarded-tls-client-cert", "x-amzn-mtls-"],
];

export class SignatureError extends Error {}

function demand(condition, reason) {
    if (!condition) throw new SignatureError(reason);
}

/* [name, value, name, value] as Node has it. */
export function pairs(rawHeaders) {
    return rawHeaders.flatMap((item, i) => (i % 2 ? [] : [[item, rawHeaders[i + 1]]]));
}

/* A backend may take one for the other. */
function fold(name) {
    return name.toLowerCase().replace(/[^a-z0-9]/g, "-");
}

/* ---- structured fields (RFC 8941): as much as these two need ---- */

const KEY = "[a-z*][a-z0-9_\\-.*]*";
const STRING = '"(?:[ !#-\\[\\]-~]|\\\\["\\\\])*"';
const ITEM = `(?:${STRING}|:[A-Za-z0-9+/=]*:|[A-Za-z0-9!#$%&'*+\\-.^_\`|~:/?]+)`;
const PARAMETERS = `(?:; *${KEY}(?:=${ITEM})?)*`;
const INNER = `\\( *(?:${ITEM}${PARAMETERS}(?: +${ITEM}${PARAMETERS})*)? *\\)`;
const MEMBER = new RegExp(`^(${KEY})(?:=(${INNER}|${ITEM}))?(${PARAMETERS})$`);
const SPLIT = new RegExp(`${KEY}(?:=(?:${INNER}|${ITEM}))?${PARAMETERS}`, "y");

function parseDictionary(text) {
    const members = [];
    let at = 0;
    while (at < text.length) {
        SPLIT.lastIndex = at;
        const found = SPLIT.exec(text);
        demand(found, "malformed");
        const [, label, value, parameters] = MEMBER.exec(found[0]);
        members.push({ label, value: value ?? "", parameters, text: found[0] });
        at = SPLIT.lastIndex;
        const comma = /^[ \t]*(,[ \t]*(?=.)|$)/.exec(text.slice(at));
        demand(comma, "malformed");
        at += comma[0].length;
    }
    return members;
}

function unquote(text) {
    return text.slice(1, -1).replace(/\\(.)/g, "$1");
}

function parseParameters(text) {
    const parameters = new Map();
    for (const [, key, value] of text.matchAll(new RegExp(`; *(${KEY})=?(${ITEM})?`, "g"))) {
        demand(!parameters.has(key), "malformed");
        parameters.set(key, value?.startsWith('"') ? unquote(value) : (value ?? ""));
    }
    return parameters;
}

/* Names in quotes, without parameters of their own. */
function parseComponents(text) {
    demand(/^\((?:"[!-~]+"(?: "[!-~]+")*)?\)$/.test(text), "malformed");
    return [...text.matchAll(/"([^"]+)"/g)].map((match) => match[1]);
}

function parseTime(text) {
    demand(/^\d{1,12}$/.test(text ?? ""), "malformed");
    return Number(text);
}

/* ---- the checker ---- */

export class SignatureChecker {
    #keys;
    #scheme;
    #families;
    #verification;
    #skew;
    #nonces = new Map(); // nonce → when it may be forgotten
    #nonceMax;

    constructor({ keys, scheme = "http", names = [], verification = VERIFICATION, ...more }) {
        this.#keys = new Map(Object.entries(keys));
        this.#scheme = scheme;
        this.#families = [...IDENTITY_FAMILIES, ...names.map(fold)];
        this.#verification = verification;
        this.#skew = more.skew ?? 2;
        this.#nonceMax = more.nonceMax ?? 1_000_000;
    }

    /* { verification, identity: Map of lower-case names }; throws SignatureError. */
    check({ method, target, headers }, now = Date.now() / 1000) {
        const member = this.#find(headers);
        const parameters = parseParameters(member.parameters);
        const key = this.#keys.get(parameters.get("keyid"));
        demand(key, "unknown key");
        demand(parameters.get("alg") === key.algorithm, "wrong algorithm");
        this.#checkTimes(parameters, now);

        const names = parseComponents(member.value);
        demand(new Set(names).size === names.length, "component twice");
        for (const name of [...DERIVED, this.#verification])
            demand(names.includes(name), `${name} is not covered`);
        const fields = this.#fields(headers, names);
        const values = new Map([
            ["@method", method],
            ["@authority", this.#authority(headers)],
            ["@request-target", target],
            ...fields,
        ]);
        const lines = names.map((name) => {
            demand(values.has(name), `${name} is missing`);
            return `"${name}": ${values.get(name)}\n`;
        });
        const base = `${lines.join("")}"@signature-params": ${member.value}${member.parameters}`;
        demand(verifies(key, Buffer.from(base, "latin1"), member.signature), "wrong signature");
        this.#remember(parameters, now);
        return { verification: fields.get(this.#verification), identity: fields };
    }

    /* The one member with our tag, and its signature. */
    #find(headers) {
        const dictionary = (name) =>
            parseDictionary(
                headers
                    .filter(([key]) => key.toLowerCase() === name)
                    .map(([, value]) => value)
                    .join(", "),
            );
        const ours = dictionary("signature-input").filter(
            ({ label, parameters }) =>
                label === LABEL || parseParameters(parameters).get("tag") === LABEL,
        );
        demand(ours.length > 0, "no signature");
        demand(ours.length === 1, "several signatures");
        const [input] = ours;
        demand(parseParameters(input.parameters).get("tag") === LABEL, "wrong tag");
        const signatures = dictionary("signature").filter(({ label }) => label === input.label);
        demand(signatures.length === 1, "several signatures");
        const [, octets] = /^:([A-Za-z0-9+/]+=*):$/.exec(signatures[0].value) ?? [];
        demand(octets, "malformed");
        return { ...input, signature: Buffer.from(octets, "base64") };
    }

    #checkTimes(parameters, now) {
        const created = parseTime(parameters.get("created"));
        const expires = parseTime(parameters.get("expires"));
        demand(expires > created && expires - created <= LIFETIME_MAX, "lives too long");
        demand(created <= now + this.#skew, "not yet valid");
        demand(now < expires, "expired");
    }

    /* What is covered, each once; what is not covered must not look like an identity. */
    #fields(headers, names) {
        const fields = new Map();
        for (const [name, value] of headers) {
            const key = name.toLowerCase();
            const looksLikeOne =
                this.#families.some((family) => fold(name).startsWith(family)) ||
                names.some((covered) => fold(covered) === fold(name));
            if (!looksLikeOne) continue;
            demand(names.includes(key), `${key} is not covered`);
            demand(!fields.has(key), `${key} comes twice`);
            fields.set(key, value.trim());
        }
        return fields;
    }

    #authority(headers) {
        const hosts = headers.filter(([name]) => name.toLowerCase() === "host");
        demand(hosts.length === 1, "no Host, or several");
        const port = this.#scheme === "https" ? /:(443)?$/ : /:(80)?$/;
        return hosts[0][1].trim().toLowerCase().replace(port, "");
    }

    /* A request is made once. The window needs no more than the lifetime of a signature. */
    #remember(parameters, now) {
        const nonce = parameters.get("nonce");
        demand(nonce, "no nonce");
        demand(!this.#nonces.has(nonce), "replayed");
        for (const [old, until] of this.#nonces) {
            if (until > now) break;
            this.#nonces.delete(old);
        }
        demand(this.#nonces.size < this.#nonceMax, "too many requests to remember");
        this.#nonces.set(nonce, Number(parameters.get("expires")));
    }
}

function verifies({ algorithm, key }, base, signature) {
    if (algorithm === "hmac-sha256") {
        const expected = createHmac("sha256", key).update(base).digest();
        return signature.length === expected.length && timingSafeEqual(signature, expected);
    }
    if (algorithm !== "ecdsa-p256-sha256") return false;
    const publicKey = createPublicKey(key);
    return verify("sha256", base, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature);
}
