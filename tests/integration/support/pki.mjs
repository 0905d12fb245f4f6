// SPDX-License-Identifier: Apache-2.0
//
// A PKI that lives as long as a test file: made with the openssl command, so that the certificates
// are not the gateway's own idea of what a certificate is. Each kind is made when first asked for.
//
//     trust root ── intermediate ── server certificates and clients
//     stranger root ── the stranger        (sent by nobody that we trust)

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { appendFileSync, chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const DAY_MS = 24 * 60 * 60 * 1000;
const CA_EXTENSIONS = [
    "basicConstraints=critical,CA:TRUE",
    "keyUsage=critical,keyCertSign,cRLSign",
];
const LEAF_EXTENSIONS = [
    "basicConstraints=critical,CA:FALSE",
    "keyUsage=critical,digitalSignature",
];
const KEY_OPTIONS = {
    ec: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    rsa: ["-newkey", "rsa:2048"],
};

function openssl(folder, ...words) {
    const run = spawnSync("openssl", words, { cwd: folder, encoding: "utf8" });
    assert.equal(run.status, 0, `openssl ${words.join(" ")}: ${run.stderr}`);
    return run.stdout;
}

/* The time as X.509 writes it: 20260102030405Z. */
function x509Time(time) {
    return time.toISOString().replace(/[-:T]|\.\d+/g, "");
}

/* A certificate with its key, as paths for clients and as text for assertions. */
export class Credential {
    constructor(folder, name) {
        this.name = name;
        this.certificate = path.join(folder, `${name}.crt`);
        this.key = path.join(folder, `${name}.key`);
        this.chain = path.join(folder, `${name}.chain.crt`); // leaf first, then the intermediates
    }

    get x509() {
        return new X509Certificate(readFileSync(this.certificate));
    }

    get pem() {
        return readFileSync(this.certificate, "latin1");
    }

    get derBase64() {
        return this.x509.raw.toString("base64");
    }

    /* Lower-case hexadecimal, as the access log has it. */
    get sha256() {
        return this.x509.fingerprint256.replace(/:/g, "").toLowerCase();
    }
}

export class Pki {
    #made = new Map();

    constructor() {
        this.folder = mkdtempSync(path.join(tmpdir(), "sallyport-pki-"));
        chmodSync(this.folder, 0o755);
    }

    remove() {
        rmSync(this.folder, { recursive: true, force: true });
    }

    #once(name, make) {
        if (!this.#made.has(name)) this.#made.set(name, make());
        return this.#made.get(name);
    }

    /*
     * Issues a certificate: `issuer` (a credential; none: self-signed), `subject`, `key` (ec or
     * rsa), `extensions` (of openssl's configuration), `from` and `until` (dates).
     */
    issue(name, { issuer, subject, key = "ec", extensions = [], from, until } = {}) {
        const credential = new Credential(this.folder, name);
        const start = from ?? new Date(Date.now() - DAY_MS);
        const end = until ?? new Date(Date.now() + 30 * DAY_MS);
        writeFileSync(
            path.join(this.folder, `${name}.cnf`),
            [
                ...["[req]", "distinguished_name = name", "prompt = no", "[name]", "CN = unused"],
                ...["[ca]", "default_ca = here", "[here]", `database = ${name}.index`],
                ...["new_certs_dir = .", "rand_serial = yes", "default_md = sha256"],
                ...["policy = any", "unique_subject = no", "[any]", "commonName = optional"],
                ...["organizationName = optional", "[extensions]", ...extensions, ""],
            ].join("\n"),
        );
        writeFileSync(path.join(this.folder, `${name}.index`), "");
        openssl(
            ...[this.folder, "req", "-new", "-nodes", "-config", `${name}.cnf`, "-utf8"],
            ...["-subj", subject ?? `/O=Example/CN=${name}`, ...KEY_OPTIONS[key]],
            ...["-keyout", `${name}.key`, "-out", `${name}.csr`],
        );
        openssl(
            ...[this.folder, "ca", "-batch", "-notext", "-preserveDN", "-utf8"],
            ...["-config", `${name}.cnf`, "-extensions", "extensions"],
            ...["-in", `${name}.csr`, "-out", `${name}.crt`],
            ...["-startdate", x509Time(start), "-enddate", x509Time(end)],
            ...(issuer
                ? ["-cert", issuer.certificate, "-keyfile", issuer.key]
                : ["-selfsign", "-keyfile", `${name}.key`]),
        );
        /* A gateway that was root is nobody when it reloads, and must still read its key. */
        if (process.getuid() === 0) chmodSync(credential.key, 0o644);
        writeFileSync(credential.chain, credential.pem);
        if (issuer?.isIntermediate) appendFileSync(credential.chain, issuer.pem);
        return credential;
    }

    /* Another certificate for the name and key of one that was issued: as a credential too. */
    certify(name, subject, issuer, extensions) {
        const credential = new Credential(this.folder, name);
        const file = path.join(this.folder, `${name}.ext`);
        writeFileSync(file, `${extensions.join("\n")}\n`);
        openssl(
            ...[this.folder, "x509", "-req", "-in", subject.certificate.replace(/crt$/, "csr")],
            ...["-CA", issuer.certificate, "-CAkey", issuer.key, "-days", "30", "-extfile", file],
            ...["-set_serial", `0x${createHash("sha256").update(name).digest("hex").slice(0, 30)}`],
            ...["-out", credential.certificate],
        );
        credential.key = subject.key;
        return credential;
    }

    /* A root, made by one command, where many are needed. */
    quickRoot(name) {
        const credential = new Credential(this.folder, name);
        openssl(
            ...[this.folder, "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt"],
            ...["ec_paramgen_curve:P-256", "-subj", `/O=Example/CN=${name}`, "-days", "30"],
            ...["-keyout", credential.key, "-out", credential.certificate],
        );
        return credential;
    }

    /* ---- authorities ---- */

    get root() {
        return this.#once("root", () =>
            this.issue("root", { subject: "/O=Example/CN=Root", extensions: CA_EXTENSIONS }),
        );
    }

    get strangerRoot() {
        return this.#once("stranger-root", () =>
            this.issue("stranger-root", { subject: "/O=Other/CN=Root", extensions: CA_EXTENSIONS }),
        );
    }

    get intermediate() {
        return this.#once("intermediate", () => {
            const made = this.issue("intermediate", {
                issuer: this.root,
                subject: "/O=Example/CN=Issuing",
                extensions: CA_EXTENSIONS,
            });
            made.isIntermediate = true;
            return made;
        });
    }

    /* A second authority, for routes and listeners that trust somebody else. */
    get otherRoot() {
        return this.#once("other-root", () =>
            this.issue("other-root", { subject: "/O=Else/CN=Root", extensions: CA_EXTENSIONS }),
        );
    }

    /* ---- servers ---- */

    server(names = ["DNS:gateway.test", "DNS:localhost", "IP:127.0.0.1"], key = "ec") {
        const name = `server-${key}-${names.join("-").replace(/[^a-z0-9]+/gi, "-")}`;
        return this.#once(name, () =>
            this.issue(name, {
                issuer: this.intermediate,
                subject: "/O=Example/CN=server",
                key,
                extensions: [
                    ...LEAF_EXTENSIONS,
                    "extendedKeyUsage=serverAuth",
                    `subjectAltName=${names.join(",")}`,
                ],
            }),
        );
    }

    /* ---- clients ---- */

    client(name, options = {}) {
        return this.#once(`client-${name}`, () =>
            this.issue(`client-${name}`, {
                issuer: this.intermediate,
                subject: `/O=Example/CN=${name}`,
                extensions: [
                    ...LEAF_EXTENSIONS,
                    `extendedKeyUsage=${options.purpose ?? "clientAuth"}`,
                    ...(options.names ? [`subjectAltName=${options.names}`] : []),
                ],
                ...options,
            }),
        );
    }

    get good() {
        return this.client("good", { names: "DNS:good.clients.test" });
    }

    get rsa() {
        return this.client("rsa", { key: "rsa" });
    }

    get expired() {
        const day = (back) => new Date(Date.now() - back * DAY_MS);
        return this.client("expired", { from: day(20), until: day(10) });
    }

    get notYetValid() {
        const day = (ahead) => new Date(Date.now() + ahead * DAY_MS);
        return this.client("not-yet-valid", { from: day(10), until: day(20) });
    }

    /* A certificate for servers, shown by a client. */
    get wrongPurpose() {
        return this.client("wrong-purpose", { purpose: "serverAuth" });
    }

    get selfSigned() {
        return this.client("self-signed", { issuer: undefined });
    }

    get stranger() {
        return this.client("stranger", { issuer: this.strangerRoot });
    }

    /* Of an authority that some routes trust and others do not. */
    get other() {
        return this.client("other", { issuer: this.otherRoot });
    }

    /*
     * The certificate of `good` with a key file that names good's public key and holds another
     * private one: libraries take it for a pair, and every signature made with it is wrong.
     */
    get impostor() {
        return this.#once("impostor", () => {
            const good = this.good;
            const impostor = new Credential(this.folder, "impostor");
            const pkcs8 = (credential) =>
                Buffer.from(
                    readFileSync(credential.key, "latin1").replace(/-----.*?-----/g, ""),
                    "base64",
                );
            const forged = pkcs8(good);
            const scalarAt = (der) => der.indexOf(Buffer.from([0x04, 0x20])) + 2;
            const own = pkcs8(this.client("impostor-key"));
            own.copy(forged, scalarAt(forged), scalarAt(own), scalarAt(own) + 32);
            const lines = forged
                .toString("base64")
                .match(/.{1,64}/g)
                .join("\n");
            writeFileSync(
                impostor.key,
                `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`,
            );
            writeFileSync(impostor.certificate, good.pem);
            writeFileSync(impostor.chain, readFileSync(good.chain));
            return impostor;
        });
    }
}

/* For a test file: `after` is node:test's, and removes it all. */
export function makePki(after) {
    const pki = new Pki();
    after(() => pki.remove());
    return pki;
}
