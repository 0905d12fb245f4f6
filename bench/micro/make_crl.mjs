// SPDX-License-Identifier: Apache-2.0
//
// make_crl.mjs ENTRIES FOLDER: a revocation list with that many random serials of 16 octets, a
// third of them with a reason, as list.der and list.pem; its issuer is ca.pem with ca.key.

import { spawnSync } from "node:child_process";
import { randomBytes, X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { makeCrl, toPem } from "../../tests/integration/support/crl.mjs";

const [count, folder] = [Number(process.argv[2]), process.argv[3]];
const issuer = {
    certificate: path.join(folder, "ca.pem"),
    key: path.join(folder, "ca.key"),
    get x509() {
        return new X509Certificate(readFileSync(this.certificate));
    },
};
const made = spawnSync("openssl", [
    ...["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ...["-subj", "/CN=Bench", "-keyout", issuer.key, "-out", issuer.certificate],
    ...["-addext", "keyUsage=critical,keyCertSign,cRLSign"],
]);
if (made.status !== 0) throw new Error(String(made.stderr));

const plain = Buffer.from("30210210" + "00".repeat(16) + "170d3236313132303030303030305a", "hex");
const reason = Buffer.from("300c300a0603551d1504030a0101", "hex");
const parts = [];
for (let i = 0; i < count; i++) {
    const entry = i % 3 === 0 ? Buffer.concat([plain, reason]) : Buffer.from(plain);
    entry[1] = entry.length - 2;
    randomBytes(16).copy(entry, 4);
    entry[4] = (entry[4] & 0x3f) | 0x40;
    parts.push(entry);
}
const list = makeCrl(issuer, { number: 1, rawEntries: Buffer.concat(parts), life: 1e6 });
writeFileSync(path.join(folder, "list.der"), list);
writeFileSync(path.join(folder, "list.pem"), toPem(list));
