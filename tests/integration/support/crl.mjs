// SPDX-License-Identifier: Apache-2.0
//
// Revocation lists, written octet by octet: right ones, and wrong in every way that an issuer or
// somebody in between could make them. The signature is node's.

import { createPrivateKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";

/* ---- DER ---- */

function header(tag, size) {
    if (size < 0x80) return Buffer.from([tag, size]);
    const octets = [];
    for (let rest = size; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
    return Buffer.from([tag, 0x80 | octets.length, ...octets]);
}

export function der(tag, ...contents) {
    const content = Buffer.concat(contents.map((one) => Buffer.from(one)));
    return Buffer.concat([header(tag, content.length), content]);
}

export const sequence = (...contents) => der(0x30, ...contents);

/* Hexadecimal, as node prints serial numbers; not negative. */
export function integer(hex) {
    const octets = Buffer.from(hex.length % 2 ? `0${hex}` : hex, "hex");
    return der(0x02, octets[0] & 0x80 ? Buffer.concat([Buffer.from([0]), octets]) : octets);
}

export function objectIdentifier(text) {
    const [first, second, ...rest] = text.split(".").map(Number);
    const octets = [first * 40 + second];
    for (const arc of rest) {
        const digits = [arc & 0x7f];
        for (let left = arc >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
        octets.push(...digits);
    }
    return der(0x06, octets);
}

function utcTime(date) {
    return der(0x17, Buffer.from(date.toISOString().slice(2, 19).replace(/[-:T]/g, "") + "Z"));
}

export function extension(id, value, isCritical = false) {
    const flag = isCritical ? [der(0x01, [0xff])] : [];
    return sequence(objectIdentifier(id), ...flag, der(0x04, value));
}

/* What lies side by side in some octets: { whole, content } each. */
export function elements(octets) {
    const found = [];
    for (let at = 0; at < octets.length; ) {
        let size = octets[at + 1];
        let start = at + 2;
        if (size & 0x80) {
            const count = size & 0x7f;
            size = octets.readUIntBE(start, count);
            start += count;
        }
        const end = start + size;
        found.push({
            tag: octets[at],
            whole: octets.subarray(at, end),
            content: octets.subarray(start, end),
        });
        at = end;
    }
    return found;
}

/* ---- what is in a list ---- */

/* The subject of a certificate as its octets: what lies in its TBSCertificate behind the serial,
 * the algorithm, the issuer and the validity. */
export function subjectOf(certificate) {
    const [body] = elements(elements(certificate.raw)[0].content);
    return elements(body.content)[5].whole;
}

/* `only`: "user", "ca" or "attribute"; `names`: URLs; `isIndirect`; `reasons`: the octets of a BIT
 * STRING. */
export function scopeOf({ names = [], only, isIndirect, reasons } = {}) {
    const fields = [];
    if (names.length > 0)
        fields.push(der(0xa0, der(0xa0, ...names.map((url) => der(0x86, Buffer.from(url))))));
    if (only === "user") fields.push(der(0x81, [0xff]));
    if (only === "ca") fields.push(der(0x82, [0xff]));
    if (reasons) fields.push(der(0x83, reasons));
    if (isIndirect) fields.push(der(0x84, [0xff]));
    if (only === "attribute") fields.push(der(0x85, [0xff]));
    return extension("2.5.29.28", sequence(...fields), true);
}

function entryOf({ serial, date = new Date(Date.now() - 3_600_000), reason, extensions = [] }) {
    const all = [...extensions];
    if (reason !== undefined) all.unshift(extension("2.5.29.21", der(0x0a, [reason])));
    return sequence(integer(serial), utcTime(date), ...(all.length > 0 ? [sequence(...all)] : []));
}

const MINUTE_MS = 60_000;

/*
 * A list of `issuer` (a credential), signed with its key, or with that of `signer`. `revoked`:
 * credentials, serials, or entries { serial, reason, date, extensions }; `number` (none without);
 * `base`: of a delta list; `scope`: see scopeOf; `extensions`: further ones; `age` and `life`:
 * minutes since it was made, and from then to its end (null: it does not say).
 */
export function makeCrl(issuer, options = {}) {
    const { signer = issuer, revoked = [], number, base, scope, extensions = [] } = options;
    const { age = 1, life = 60, rawEntries } = options;
    const made = new Date(Date.now() - age * MINUTE_MS);
    const algorithm = sequence(objectIdentifier("1.2.840.10045.4.3.2"));
    const entries = revoked.map((one) => {
        if (typeof one === "string") return entryOf({ serial: one });
        return entryOf(one.serial ? one : { serial: one.x509.serialNumber });
    });
    const all = [...extensions];
    if (scope) all.push(scopeOf(scope));
    if (number !== undefined) all.push(extension("2.5.29.20", integer(number.toString(16))));
    if (base !== undefined) all.push(extension("2.5.29.27", integer(base.toString(16)), true));
    const listed = rawEntries ? [rawEntries] : entries;
    const body = sequence(
        integer("01"),
        algorithm,
        subjectOf(issuer.x509),
        utcTime(made),
        ...(life === null ? [] : [utcTime(new Date(made.getTime() + life * MINUTE_MS))]),
        ...(listed.length > 0 ? [sequence(...listed)] : []),
        ...(all.length > 0 ? [der(0xa0, sequence(...all))] : []),
    );
    const signature = sign("sha256", body, createPrivateKey(readFileSync(signer.key)));
    return sequence(body, algorithm, der(0x03, [0], signature));
}

export function toPem(list) {
    const lines = list.toString("base64").match(/.{1,64}/g);
    return ["-----BEGIN X509 CRL-----", ...lines, "-----END X509 CRL-----", ""].join("\n");
}

