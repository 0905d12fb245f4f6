// SPDX-License-Identifier: Apache-2.0
//
// The signature of requests (RFC 9421), checked by the checkers that docs/FORWARDING.md offers,
// in Node and in Python, and attacked: each attack is a request that a backend could be sent by
// somebody who has seen what the gateway wrote, and must be refused by both for the reason given.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { SignatureChecker, SignatureError } from "../../examples/check_signature.mjs";
import { startBackend } from "./support/backend.mjs";
import { connect, HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { PROGRAM, startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";

const PYTHON_CHECKER = fileURLToPath(new URL("../../examples/check_signature.py", import.meta.url));
const EXPIRES = 20;

const pki = makePki(after);
const backend = await startBackend({ after });
const trust = [pki.root.certificate];

function file(name, content) {
    const where = path.join(pki.folder, name);
    writeFileSync(where, content, { mode: 0o644 });
    return where;
}

function openssl(...words) {
    const run = spawnSync("openssl", words, { cwd: pki.folder, encoding: "utf8" });
    assert.equal(run.status, 0, run.stderr);
    return run.stdout;
}

const secret = randomBytes(32);
const secretFile = file("secret", `${secret.toString("base64")}\n`);
const otherSecret = file("other", `${randomBytes(32).toString("base64")}\n`);
const privateKey = openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout");
const privateFile = file("signing.key", privateKey);
openssl("ec", "-in", privateFile, "-pubout", "-out", "signing.pub");
const publicFile = path.join(pki.folder, "signing.pub");
openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "another.key");
openssl("ec", "-in", "another.key", "-pubout", "-out", "another.pub");

const ALGORITHMS = {
    "ecdsa-p256-sha256": {
        keyid: "gateway-ec",
        file: privateFile,
        checkedBy: publicFile,
        key: readFileSync(publicFile),
        otherFile: path.join(pki.folder, "another.pub"),
    },
    "hmac-sha256": {
        keyid: "gateway-hmac",
        file: secretFile,
        checkedBy: secretFile,
        key: secret,
        otherFile: otherSecret,
    },
};

const HEADERS = ["client-cert", "subject"];
const names = { "ecdsa-p256-sha256": "ecdsa", "hmac-sha256": "hmac" };

function signing(algorithm) {
    const { keyid, file: key } = ALGORITHMS[algorithm];
    return { algorithm, key, keyid, expires: `${EXPIRES}s` };
}

const gateway = await startGateway(
    { after },
    configuration(
        Object.keys(ALGORITHMS).flatMap((algorithm, i) => [
            listener(
                pki,
                backend,
                2 * i + 1,
                names[algorithm],
                { trust, mode: "optional" },
                { identity_headers: HEADERS, routes: [{ backend: names[algorithm] }] },
            ),
            listener(
                pki,
                backend,
                2 * i + 2,
                `${names[algorithm]}-none`,
                { mode: "none" },
                { identity_headers: HEADERS, routes: [{ backend: names[algorithm] }] },
            ),
        ]),
        {
            backends: Object.fromEntries(
                Object.keys(ALGORITHMS).map((algorithm) => [
                    names[algorithm],
                    { endpoints: [backend.url], signature: signing(algorithm) },
                ]),
            ),
        },
    ),
    { listeners: 4 },
);

/* What the backend is asked when a client asks this. */
async function asked(name, { credential, line = "GET /a?b=c HTTP/1.1", lines = [] } = {}) {
    const connection = await connect({ after() {} }, pki, gateway.endpoint(name), { credential });
    const count = backend.count;
    const answer = await connection.request([line, `Host: ${HOST}`, ...lines, "", ""].join("\r\n"));
    connection.end();
    assert.equal(answer.status, 200);
    const [first, ...rest] = backend.requests.items.slice(count)[0].head.split("\r\n");
    const [method, target] = first.split(" ");
    const headers = rest
        .filter((text) => text !== "")
        .map((text) => [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 2)]);
    return { method, target, headers };
}

const value = (request, name) =>
    request.headers.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
const without = (request, name) => ({
    ...request,
    headers: request.headers.filter(([key]) => key.toLowerCase() !== name.toLowerCase()),
});
const adding = (request, ...header) => ({ ...request, headers: [...request.headers, header] });
const replacing = (request, name, make) => ({
    ...request,
    headers: request.headers.map(([key, old]) =>
        key.toLowerCase() === name.toLowerCase() ? [key, make(old)] : [key, old],
    ),
});
const later = (request, seconds) => ({ ...request, now: Date.now() / 1000 + seconds });

/* ---- both checkers, by the same interface: requests in, what they say of each out ---- */

function checkInNode(algorithm, requests, { otherKey = false } = {}) {
    const { keyid, key, otherFile } = ALGORITHMS[algorithm];
    const other = readFileSync(otherFile);
    const otherSecretOctets = Buffer.from(other.toString(), "base64");
    const wrong = algorithm === "hmac-sha256" ? otherSecretOctets : other;
    const checker = new SignatureChecker({
        keys: { [keyid]: { algorithm, key: otherKey ? wrong : key } },
    });
    return requests.map((request) => {
        try {
            const { verification, identity } = checker.check(request, request.now);
            return { verification, identity: Object.fromEntries(identity) };
        } catch (error) {
            if (!(error instanceof SignatureError)) throw error;
            return { refused: error.message };
        }
    });
}

function checkInPython(algorithm, requests, { otherKey = false } = {}) {
    const { keyid, checkedBy, otherFile } = ALGORITHMS[algorithm];
    const run = spawnSync(
        "python3",
        [PYTHON_CHECKER, keyid, algorithm, otherKey ? otherFile : checkedBy],
        { input: requests.map((request) => `${JSON.stringify(request)}\n`).join("") },
    );
    assert.equal(run.status, 0, run.stderr.toString());
    return run.stdout
        .toString()
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
}

const CHECKERS = { node: checkInNode, python: checkInPython };

/* ---- what an attacker makes of a signed request ---- */

const ATTACKS = {
    "another method": ["wrong signature", (r) => ({ ...r, method: "DELETE" })],
    "another path": ["wrong signature", (r) => ({ ...r, target: "/admin?b=c" })],
    "another query": ["wrong signature", (r) => ({ ...r, target: "/a?b=d" })],
    "another host": ["wrong signature", (r) => replacing(r, "Host", () => "other.test")],
    "a second Host": ["no Host, or several", (r) => adding(r, "Host", "other.test")],
    "after it has expired": ["expired", (r) => later(r, EXPIRES + 2)],
    "before it was made": ["not yet valid", (r) => later(r, -10)],
    "another subject": [
        "wrong signature",
        (r) => replacing(r, "X-Client-Cert-Subject", () => "CN=root"),
    ],
    "another verification": [
        "wrong signature",
        (r) => replacing(r, "X-Client-Cert-Verification", () => "NONE"),
    ],
    "an identity header less": [
        "x-client-cert-subject is missing",
        (r) => without(r, "X-Client-Cert-Subject"),
    ],
    "the verification less": [
        "x-client-cert-verification is missing",
        (r) => without(r, "X-Client-Cert-Verification"),
    ],
    "an identity header more": [
        "x-ssl-client-s-dn is not covered",
        (r) => adding(r, "X-SSL-Client-S-DN", "CN=root"),
    ],
    "a covered one twice": [
        "x-client-cert-subject comes twice",
        (r) => adding(r, "X-Client-Cert-Subject", "CN=root"),
    ],
    "an alias of a covered one": [
        "x_client_cert_subject is not covered",
        (r) => adding(r, "X_Client_Cert_Subject", "CN=root"),
    ],
    "the signature of another request": [
        "wrong signature",
        (r, other) => replacing(r, "Signature", () => value(other, "Signature")),
    ],
    "all of the signature of another request": [
        "wrong signature",
        (r, other) =>
            replacing(
                replacing(r, "Signature", () => value(other, "Signature")),
                "Signature-Input",
                () => value(other, "Signature-Input"),
            ),
    ],
    "no signature": ["no signature", (r) => without(without(r, "Signature"), "Signature-Input")],
    "an input alone": ["several signatures", (r) => without(r, "Signature")],
    "a longer life": [
        "wrong signature",
        (r) => replacing(r, "Signature-Input", (v) => v.replace(/(?<=expires=\d{9})\d/, "9")),
    ],
    "a life without end": [
        "lives too long",
        (r) =>
            replacing(r, "Signature-Input", (v) =>
                v.replace(/expires=\d+/, "expires=9999999999"),
            ),
    ],
    "another nonce": [
        "wrong signature",
        (r) => replacing(r, "Signature-Input", (v) => v.replace(/nonce="[^"]*"/, 'nonce="x"')),
    ],
    "no nonce": [
        "wrong signature",
        (r) => replacing(r, "Signature-Input", (v) => v.replace(/;nonce="[^"]*"/, "")),
    ],
    "another key's name": [
        "unknown key",
        (r) => replacing(r, "Signature-Input", (v) => v.replace(/keyid="[^"]*"/, 'keyid="x"')),
    ],
    "the other algorithm": [
        "wrong algorithm",
        (r) =>
            replacing(r, "Signature-Input", (v) =>
                v.includes("hmac-sha256")
                    ? v.replace("hmac-sha256", "ecdsa-p256-sha256")
                    : v.replace("ecdsa-p256-sha256", "hmac-sha256"),
            ),
    ],
    "no algorithm": [
        "wrong algorithm",
        (r) => replacing(r, "Signature-Input", (v) => v.replace(/;alg="[^"]*"/, "")),
    ],
    "another tag": [
        "wrong tag",
        (r) => replacing(r, "Signature-Input", (v) => v.replace('tag="sallyport"', 'tag="x"')),
    ],
    "fewer components": [
        "@method is not covered",
        (r) => replacing(r, "Signature-Input", (v) => v.replace('"@method" ', "")),
    ],
    "a subject that is not covered any more": [
        "x-client-cert-subject is not covered",
        (r) => replacing(r, "Signature-Input", (v) => v.replace(' "x-client-cert-subject"', "")),
    ],
    "a component twice": [
        "component twice",
        (r) =>
            replacing(r, "Signature-Input", (v) =>
                v.replace('"@method"', '"@method" "@method"'),
            ),
    ],
    "the label twice in one line": [
        "several signatures",
        (r) => replacing(r, "Signature-Input", (v) => `${v}, ${v}`),
    ],
    "the label twice in two lines": [
        "several signatures",
        (r) => adding(r, "Signature-Input", value(r, "Signature-Input")),
    ],
    "a second signature of the label": [
        "several signatures",
        (r) => adding(r, "Signature", value(r, "Signature")),
    ],
    "our tag under another label": [
        "several signatures",
        (r) => adding(r, "Signature-Input", 'x=();created=1;tag="sallyport"'),
    ],
    "an empty signature": ["malformed", (r) => replacing(r, "Signature", () => "sallyport=::")],
    "half a signature": [
        "wrong signature",
        (r) => replacing(r, "Signature", () => `sallyport=:${"AAAA".repeat(8)}:`),
    ],
    "a signature of zeros": [
        "wrong signature",
        (r) =>
            replacing(r, "Signature", (v) => {
                const size = Buffer.from(v.slice("sallyport=:".length, -1), "base64").length;
                return `sallyport=:${Buffer.alloc(size).toString("base64")}:`;
            }),
    ],
    "an input that is no dictionary": [
        "malformed",
        (r) => replacing(r, "Signature-Input", (v) => `${v} x`),
    ],
};

for (const algorithm of Object.keys(ALGORITHMS)) {
    describe(algorithm, () => {
        let request;
        let other;
        before(async () => {
            request = await asked(names[algorithm], { credential: pki.good });
            other = await asked(names[algorithm], { credential: pki.good, line: "GET / HTTP/1.1" });
        });

        for (const [language, check] of Object.entries(CHECKERS)) {
            test(`what the gateway signs, ${language} believes, once`, async () => {
                const anonymous = await asked(names[algorithm]);
                const silent = await asked(`${names[algorithm]}-none`);
                const results = check(algorithm, [request, request, other, anonymous, silent]);
                assert.equal(results[0].verification, "SUCCESS");
                assert.deepEqual(Object.keys(results[0].identity).sort(), [
                    "client-cert",
                    "x-client-cert-subject",
                    "x-client-cert-verification",
                ]);
                assert.equal(results[0].identity["client-cert"], `:${pki.good.derBase64}:`);
                assert.deepEqual(results[1], { refused: "replayed" });
                assert.equal(results[2].verification, "SUCCESS");
                for (const result of results.slice(3))
                    assert.deepEqual(result, {
                        verification: "NONE",
                        identity: { "x-client-cert-verification": "NONE" },
                    });
            });

            test(`no attack deceives ${language}`, () => {
                const attacks = Object.entries(ATTACKS);
                const changed = attacks.map(([, [, change]]) => change(request, other));
                const results = check(algorithm, changed);
                attacks.forEach(([what, [reason]], i) =>
                    assert.deepEqual(results[i], { refused: reason }, what),
                );
                /* None of them used up the nonce, and the request itself is still good. */
                const last = check(algorithm, [...changed, request]).at(-1);
                assert.equal(last.verification, "SUCCESS");
            });

            test(`with another key nothing is good to ${language}`, () => {
                assert.deepEqual(check(algorithm, [request], { otherKey: true }), [
                    { refused: "wrong signature" },
                ]);
            });
        }

        test("signatures of our name are removed, others of the client are kept", async () => {
            const lines = [
                'Signature-Input: a=("@method");created=1;keyid="k", sallyport=();created=1',
                "Signature: a=:AAAA:, sallyport=:AAAA:",
                'Signature-Input: b=("date" "x";sf);tag="SallyPort", ' +
                    'c=();tag="other, sallyport=()"',
                "Signature: b=:BBBB:,c=:CCCC:",
                "Signature-Input: sallyport",
            ];
            const signed = await asked(names[algorithm], { credential: pki.good, lines });
            const all = (name) =>
                signed.headers.filter(([key]) => key === name).map(([, text]) => text);
            assert.deepEqual(all("Signature").slice(0, -1), ["a=:AAAA:", "c=:CCCC:"]);
            assert.deepEqual(all("Signature-Input").slice(0, -1), [
                'a=("@method");created=1;keyid="k"',
                'c=();tag="other, sallyport=()"',
            ]);
            for (const check of Object.values(CHECKERS))
                assert.equal(check(algorithm, [signed])[0].verification, "SUCCESS");
        });

        test("what cannot be taken apart and has our name in it does not pass", async () => {
            const texts = ["sallyport=(", 'x="sallyport', "sallyport=:A, b", "a b;sallyport"];
            for (const text of texts) {
                const lines = [`Signature-Input: ${text}`, `Signature: ${text}`];
                const signed = await asked(names[algorithm], { credential: pki.good, lines });
                assert.equal(signed.headers.filter(([key]) => /^signature/i.test(key)).length, 2);
            }
        });

        test("none of our name comes behind the content either", async () => {
            const connection = await connect({ after() {} }, pki, gateway.endpoint("hmac"), {});
            const count = backend.count;
            await connection.request(
                [
                    ...["POST / HTTP/1.1", `Host: ${HOST}`, "Transfer-Encoding: chunked", ""],
                    ...["0", "Signature: sallyport=:AAAA:", "Signature-Input: a=();tag=SALLYPORT"],
                    ...["Signature: a=:AAAA:", "", ""],
                ].join("\r\n"),
            );
            connection.end();
            const { trailers } = backend.requests.items.slice(count)[0];
            assert.deepEqual(trailers.flat().join("|").match(/sallyport/gi), null);
            assert.match(trailers.flat().join("|"), /a=:AAAA:/);
        });

        test("signatures of others pass as they came", async () => {
            const lines = [
                'Signature: keyId="k",algorithm="hs2019",signature="AAAA="',
                'Signature-Input: sig1=("@method");created=1;keyid="k"',
            ];
            const signed = await asked(names[algorithm], { credential: pki.good, lines });
            for (const line of lines) {
                const [name, text] = line.split(/: (.*)/);
                assert.ok(signed.headers.some(([key, v]) => key === name && v === text), line);
            }
        });
    });
}

/* A public key is no secret: whoever has it must not be able to make what it verifies. */
test("a public key used as a secret signs nothing", async () => {
    const request = await asked("ecdsa", { credential: pki.good });
    const { keyid, key } = ALGORITHMS["ecdsa-p256-sha256"];
    const checker = new SignatureChecker({
        keys: { [keyid]: { algorithm: "ecdsa-p256-sha256", key } },
    });
    const forged = replacing(request, "Signature-Input", (v) =>
        v.replace("ecdsa-p256-sha256", "hmac-sha256"),
    );
    assert.throws(() => checker.check(forged), /wrong algorithm/);
});

test("each request has a nonce of its own, and a signature in time", async () => {
    const requests = [];
    for (let i = 0; i < 8; i++) requests.push(await asked("hmac", { credential: pki.good }));
    const nonces = requests.map((r) => /nonce="([^"]+)"/.exec(value(r, "Signature-Input"))[1]);
    assert.equal(new Set(nonces).size, nonces.length);
    for (const request of requests) {
        const [, created, expires] = /created=(\d+);expires=(\d+)/.exec(
            value(request, "Signature-Input"),
        );
        assert.equal(expires - created, EXPIRES);
        assert.ok(Math.abs(Date.now() / 1000 - created) < 30);
    }
});

describe("a key that cannot be used is refused at start", () => {
    const cases = {
        "a short secret": ["hmac-sha256", "c2hvcnQ=\n", /has 5 octets; 32 are the fewest/],
        "a secret that is no base64": ["hmac-sha256", "no base64!\n", /not one line of base64/],
        "a key on another curve": [
            "ecdsa-p256-sha256",
            openssl("ecparam", "-name", "secp384r1", "-genkey", "-noout"),
            /is not an EC key on P-256/,
        ],
        "a public key": ["ecdsa-p256-sha256", readFileSync(publicFile), /no private key/],
        "a secret as a key": ["ecdsa-p256-sha256", readFileSync(secretFile), /no private key/],
    };
    for (const [what, [algorithm, content, message]] of Object.entries(cases)) {
        test(what, () => {
            const key = file(`${what.replaceAll(" ", "-")}.key`, content);
            const text = configuration([listener(pki, backend, 1, "x", { mode: "none" }, {
                routes: [{ backend: "b" }],
            })], {
                backends: {
                    b: { endpoints: [backend.url], signature: { algorithm, key, keyid: "k" } },
                },
            });
            const run = spawnSync(
                PROGRAM,
                ["check", file("checked.yaml", text)],
                { encoding: "utf8" },
            );
            assert.notEqual(run.status, 0);
            assert.match(run.stderr, message);
            assert.match(run.stderr, /checked\.yaml:\d+:\d+: /);
        });
    }
});
