// SPDX-License-Identifier: Apache-2.0
//
// The notations of other gateways, read by readers of this file's own and compared with the
// certificate as Node and openssl see it; then names that try to be more than one value.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { PROGRAM, startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";

const BY = "spiffe://example.com/gateway";
const ALL_ELEMENTS = ["hash", "cert", "chain", "subject", "uri", "dns"];

const pki = makePki(after);
const backend = await startBackend({ after });
const trust = [pki.root.certificate];

const LEAF = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature"];

/* subjectAltName by hand: openssl's configuration gives commas a meaning of their own. */
function sanDer(names) {
    const items = names.map(([tag, text]) => {
        const bytes = Buffer.from(text, "latin1");
        assert.ok(bytes.length < 128);
        return Buffer.concat([Buffer.from([tag, bytes.length]), bytes]);
    });
    const body = Buffer.concat(items);
    assert.ok(body.length < 128);
    return Buffer.concat([Buffer.from([0x30, body.length]), body]).toString("hex");
}

const DNS = 0x82;
const URI = 0x86;

function client(name, subject, names) {
    const extensions = [...LEAF];
    if (names) extensions.push(`subjectAltName=DER:${sanDer(names)}`);
    return pki.issue(name, { issuer: pki.intermediate, subject, extensions });
}

const hostile = {
    plain: client("plain", "/O=Example/CN=plain", [
        [DNS, "a.example.com"],
        [DNS, "b.example.com"],
        [URI, "spiffe://example.com/plain"],
    ]),
    comma: client("comma", "/O=Example, Inc./CN=x,Hash=00", [
        [URI, "https://a/,admin.example.com"],
    ]),
    quote: client("quote", '/O=Example/CN=x\\";Hash=00\\"', [[URI, 'https://a/";Hash=00;URI="b']]),
    backslash: client("backslash", "/O=Example/CN=ends with \\\\\\\\", [
        [URI, "https://a/\\"],
        [DNS, "a\\"],
        [DNS, 'a";Hash=00'],
        [DNS, "real.example.com"],
    ]),
    unicode: client("unicode", "/O=Ünïcode GmbH/CN=Ж 漢字", [[DNS, "xn--nxasmq6b.example"]]),
    lines: client("lines", "/O=a\r\nX-Admin: yes/CN=lines", [
        [URI, "https://a/\r\nX-Admin: yes"],
        [DNS, "a\0.example.com"],
        [DNS, "kept.example.com"],
    ]),
    encoded: client("encoded", "/O=%22%3BSubject%3D/CN=a\\+b c", [[URI, "https://a/?b=c;d&e=%2C"]]),
};

const gateway = await startGateway(
    { after },
    configuration(
        [
            listener(
                pki,
                backend,
                1,
                "formats",
                { trust },
                {
                    identity_headers: [
                        "client-cert",
                        "xfcc",
                        {
                            name: "X-Whole-Xfcc",
                            format: "xfcc",
                            elements: [...ALL_ELEMENTS].reverse(),
                            by: BY,
                        },
                        "traefik",
                        "alb",
                        "alb-chain",
                        "nginx",
                        { name: "X-Pem-Chain", format: "pem_url_chain" },
                    ],
                    routes: [{ backend: "roomy" }],
                },
            ),
            listener(
                pki,
                backend,
                2,
                "tight",
                { trust },
                { routes: [{ backend: "tight" }], identity_headers: ["client-cert", "subject"] },
            ),
            listener(
                pki,
                backend,
                3,
                "tight-optional",
                { trust, mode: "optional" },
                { routes: [{ backend: "tight" }], identity_headers: ["client-cert", "nginx"] },
            ),
        ],
        {
            backends: {
                roomy: { endpoints: [backend.url], identity_header_size: "64KiB" },
                tight: { endpoints: [backend.url], identity_header_size: "256B" },
            },
        },
    ),
    { listeners: 3 },
);

async function ask(name, credential, lines = []) {
    const connection = await connect({ after() {} }, pki, gateway.endpoint(name), { credential });
    const count = backend.count;
    const answer = await connection.request(
        ["GET / HTTP/1.1", `Host: ${HOST}`, ...lines, "", ""].join("\r\n"),
    );
    connection.end();
    return { answer, asked: backend.requests.items.slice(count) };
}

/* What the backend was told; each header once. */
async function told(name, credential, lines) {
    const { answer, asked } = await ask(name, credential, lines);
    assert.equal(answer.status, 200);
    assert.equal(asked.length, 1);
    const headers = new Map();
    for (const line of asked[0].head.split("\r\n").slice(1)) {
        if (line === "") continue;
        const [, key, value] = /^([^:]+): (.*)$/.exec(line);
        assert.ok(!headers.has(key.toLowerCase()), `${key} comes twice`);
        assert.match(value, /^[\x20-\x7e]*$/, key);
        headers.set(key.toLowerCase(), value);
    }
    assert.ok(!headers.has("x-admin"));
    return headers;
}

/* ---- readers ---- */

/* The grammar of Envoy's documentation. `escapes`: which bytes a backslash has a meaning before;
 * readers differ in this, and what is written must mean the same to all of them. */
function parseXfcc(text, escapes) {
    const elements = [[]];
    let at = 0;
    while (at < text.length) {
        const equals = text.indexOf("=", at);
        assert.ok(equals > 0, text);
        const key = text.slice(at, equals);
        assert.match(key, /^(By|Hash|Cert|Chain|Subject|URI|DNS)$/);
        let value = "";
        at = equals + 1;
        if (text[at] === '"') {
            for (at++; text[at] !== '"'; at++) {
                assert.ok(at < text.length, `no end of quotes in ${text}`);
                if (text[at] === "\\" && escapes.includes(text[at + 1])) at++;
                value += text[at];
            }
            at++;
        } else {
            while (at < text.length && !",;".includes(text[at])) value += text[at++];
            assert.ok(!/["= ]/.test(value) || key === "Hash", value);
        }
        elements.at(-1).push([key, value]);
        if (at === text.length) break;
        assert.ok(",;".includes(text[at]), `${text[at]} behind a value in ${text}`);
        if (text[at] === ",") elements.push([]);
        at++;
    }
    return elements;
}

/* RFC 4514 back to pairs of octets. */
function parseDn(text) {
    const rdns = [];
    let at = 0;
    while (at < text.length) {
        const equals = text.indexOf("=", at);
        const key = text.slice(at, equals);
        const bytes = [];
        for (at = equals + 1; at < text.length && text[at] !== "," && text[at] !== "+"; at++) {
            if (text[at] !== "\\") {
                bytes.push(text.charCodeAt(at));
            } else if (/^[0-9A-Fa-f]{2}$/.test(text.slice(at + 1, at + 3))) {
                bytes.push(parseInt(text.slice(at + 1, at + 3), 16));
                at += 2;
            } else {
                bytes.push(text.charCodeAt(++at));
            }
        }
        rdns.push([key, Buffer.from(bytes).toString("utf8")]);
        at++;
    }
    return rdns;
}

/* What went into the certificate, as subject of openssl's command wrote it. */
const SUBJECTS = {
    plain: { O: "Example", CN: "plain" },
    comma: { O: "Example, Inc.", CN: "x,Hash=00" },
    quote: { O: "Example", CN: 'x";Hash=00"' },
    backslash: { O: "Example", CN: "ends with \\\\" },
    unicode: { O: "Ünïcode GmbH", CN: "Ж 漢字" },
    lines: { O: "a\r\nX-Admin: yes", CN: "lines" },
    encoded: { O: "%22%3BSubject%3D", CN: "a+b c" },
};

function assertDn(text, name) {
    assert.deepEqual(Object.fromEntries(parseDn(text)), SUBJECTS[name], text);
    assert.equal(parseDn(text).length, 2);
}

function pemOf(credential) {
    return `${credential.x509.toString().trim()}\n`;
}

/* ---- tests ---- */

const toldOf = new Map();
for (const [name, credential] of Object.entries(hostile))
    toldOf.set(name, await told("formats", credential));

for (const [name, credential] of Object.entries(hostile)) {
    const headers = toldOf.get(name);
    describe(`a client called ${name}`, () => {
        const get = (key) => headers.get(key.toLowerCase());
        const { x509 } = credential;
        const chain = pemOf(credential) + pemOf(pki.intermediate);

        for (const escapes of ['"', '"\\']) {
            test(`Envoy's header, where ${escapes} may be escaped`, () => {
                const elements = parseXfcc(get("X-Whole-Xfcc"), escapes);
                assert.equal(elements.length, 1);
                const values = (key) => elements[0].filter(([k]) => k === key).map(([, v]) => v);
                assert.deepEqual(values("By"), [BY]);
                assert.deepEqual(values("Hash"), [credential.sha256]);
                assert.equal(decodeURIComponent(values("Cert")[0]), pemOf(credential));
                assert.equal(decodeURIComponent(values("Chain")[0]), chain);
                assertDn(values("Subject")[0], name);
                const order = elements[0].map(([key]) => key).filter((k, i, l) => l[i - 1] !== k);
                assert.deepEqual(
                    order,
                    ["By", "Hash", "Cert", "Chain", "Subject", "URI", "DNS"].filter(
                        (key) => values(key).length > 0,
                    ),
                );
                const usual = parseXfcc(get("X-Forwarded-Client-Cert"), escapes);
                assert.deepEqual(
                    usual[0],
                    elements[0].filter(([key]) => /^(Hash|Subject|URI|DNS)$/.test(key)),
                );
            });
        }

        test("Traefik's headers", () => {
            const ders = get("X-Forwarded-Tls-Client-Cert").split(",");
            assert.deepEqual(
                ders.map((der) => new X509Certificate(Buffer.from(der, "base64")).fingerprint256),
                [x509.fingerprint256, pki.intermediate.x509.fingerprint256],
            );
            const info = get("X-Forwarded-Tls-Client-Cert-Info");
            assert.match(info, /^[A-Za-z0-9\-_.~+%]*$/);
            const text = decodeURIComponent(info.replaceAll("+", " "));
            const parts = new RegExp(
                '^Subject="([^"]*)";Issuer="([^"]*)";SerialNumber="(\\d+)";' +
                    'NB="(\\d+)";NA="(\\d+)";SAN="([^"]*)"$',
            ).exec(text);
            assert.ok(parts, text);
            assertDn(parts[1], name);
            assert.equal(BigInt(parts[3]), BigInt(`0x${x509.serialNumber}`));
            assert.equal(Number(parts[4]) * 1000, Date.parse(x509.validFrom));
            assert.equal(Number(parts[5]) * 1000, Date.parse(x509.validTo));
            assert.ok(!parts[6].split(",").includes("admin.example.com"));
        });

        test("the load balancer's headers", () => {
            const prefix = "X-Amzn-Mtls-Clientcert";
            assert.equal(get(`${prefix}-Serial-Number`), x509.serialNumber);
            assertDn(get(`${prefix}-Subject`), name);
            const leaf = get(`${prefix}-Leaf`);
            assert.match(leaf, /^[A-Za-z0-9\-_.~+=/%]*$/);
            assert.ok(!/%(2B|3D|2F)/i.test(leaf));
            assert.equal(decodeURIComponent(leaf), pemOf(credential));
            assert.equal(decodeURIComponent(get(prefix)), chain);
            const [, from, until] = /^NotBefore=(\S+Z);NotAfter=(\S+Z)$/.exec(
                get(`${prefix}-Validity`),
            );
            assert.equal(Date.parse(from), Date.parse(x509.validFrom));
            assert.equal(Date.parse(until), Date.parse(x509.validTo));
        });

        test("nginx's variables", () => {
            assert.equal(get("X-SSL-Client-Verify"), "SUCCESS");
            assert.equal(decodeURIComponent(get("X-SSL-Client-Cert")), pemOf(credential));
            assertDn(get("X-SSL-Client-S-DN"), name);
            assert.equal(get("X-SSL-Client-Serial"), x509.serialNumber);
            const sha1 = createHash("sha1").update(x509.raw).digest("hex");
            assert.equal(get("X-SSL-Client-Fingerprint"), sha1);
            assert.equal(get("X-SSL-Client-V-Start"), x509.validFrom);
            assert.equal(get("X-SSL-Client-V-End"), x509.validTo);
            assert.equal(decodeURIComponent(get("X-Pem-Chain")), chain);
        });
    });
}

test("names that are names are all there, and no other", async () => {
    const names = async (name) =>
        parseXfcc((await told("formats", hostile[name])).get("x-forwarded-client-cert"), '"')[0]
            .filter(([key]) => key === "URI" || key === "DNS")
            .map((pair) => pair.join("="));
    assert.deepEqual(await names("plain"), [
        "URI=spiffe://example.com/plain",
        "DNS=a.example.com",
        "DNS=b.example.com",
    ]);
    assert.deepEqual(await names("comma"), ["URI=https://a/,admin.example.com"]);
    assert.deepEqual(await names("quote"), ["URI=https://a/%22;Hash=00;URI=%22b"]);
    assert.deepEqual(await names("backslash"), ["URI=https://a/%5C", "DNS=real.example.com"]);
    assert.deepEqual(await names("lines"), ["DNS=kept.example.com"]);
    assert.deepEqual(await names("encoded"), ["URI=https://a/?b=c;d&e=%2C"]);
});

describe("identity headers that are too large", () => {
    test("are a refusal where a certificate is required", async () => {
        const { answer, asked } = await ask("tight", hostile.plain);
        assert.equal(answer.status, 431);
        assert.equal(asked.length, 0);
        assert.match(answer.body.toString(), /identity_header_too_large/);
    });

    test("are left out, all of them, and said to be, where it is optional", async () => {
        const headers = await told("tight-optional", hostile.plain);
        const verdict = "FAILED:identity_header_too_large";
        assert.equal(headers.get("x-ssl-client-verify"), verdict);
        const others = [...headers.keys()].filter((key) => /cert|ssl/.test(key));
        assert.deepEqual(others, ["x-ssl-client-verify"]);
    });

    test("concern nobody who shows no certificate", async () => {
        const headers = await told("tight-optional");
        assert.equal(headers.get("x-ssl-client-verify"), "NONE");
    });
});

test("no name of a preset passes from a client", async () => {
    const names = [
        ...["X-Whole-Xfcc", "X-Pem-Chain", "X-SSL-Client-V-Start", "X-SSL-Client-V-End"],
        ...["X-Forwarded-Client-Cert", "X-Forwarded-Tls-Client-Cert-Info"],
        ...["X-Amzn-Mtls-Clientcert-Validity", "X-Amzn-Mtls-Clientcert"],
    ];
    for (const name of names) {
        const headers = await told("tight-optional", undefined, [`${name}: forged`]);
        assert.ok(![...headers.values()].includes("forged"), name);
        assert.ok(!headers.has(name.toLowerCase()), name);
    }
});

test("what docs/FORWARDING.md shows can be used as it stands", () => {
    const text = readFileSync(new URL("../../docs/FORWARDING.md", import.meta.url), "utf8");
    const pages = [...text.matchAll(/^```yaml\n(version: 1\n[^]*?)^```$/gm)].map((m) => m[1]);
    const server = pki.server(["DNS:gateway.test", "DNS:*.gateway.test", "IP:127.0.0.1"]);
    const folder = mkdtempSync(path.join(tmpdir(), "sallyport-forwarding-"));
    try {
        copyFileSync(server.chain, path.join(folder, "server.pem"));
        copyFileSync(server.key, path.join(folder, "server.key"));
        copyFileSync(pki.root.certificate, path.join(folder, "client-ca.pem"));
        assert.ok(pages.length > 1);
        const key = spawnSync("openssl", ["ecparam", "-name", "prime256v1", "-genkey", "-noout"]);
        writeFileSync(path.join(folder, "signing.key"), key.stdout);
        for (const page of pages) {
            const file = path.join(folder, "sallyport.yaml");
            writeFileSync(file, page);
            const run = spawnSync(PROGRAM, ["check", file], { encoding: "utf8" });
            assert.equal(run.status, 0, `${run.stderr}\n${page}`);
        }
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
});
