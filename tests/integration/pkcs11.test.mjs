// SPDX-License-Identifier: Apache-2.0
//
// Keys that stay in a token, here one of SoftHSM: used by all workers at once, confined and not
// root, over reloads; what is wrong is said with its place, and a PIN is said nowhere.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, nodeGet } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { PROGRAM, SANITIZER_ENVIRONMENT, startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";

const MODULE = "/usr/lib/softhsm/libsofthsm2.so";
const PIN = "73915";
const WRONG = "86420";

const pki = makePki(after);
const backend = await startBackend({ after });
const folder = mkdtempSync(path.join(tmpdir(), "sallyport-token-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const tokens = path.join(folder, "tokens");
const pin = path.join(folder, "pin");
const wrongPin = path.join(folder, "wrong-pin");
const NAMES = ["DNS:gateway.test", "IP:127.0.0.1"];
const ec = pki.server(NAMES);
const rsa = pki.server(NAMES, "rsa");
const other = pki.server([...NAMES, "DNS:other.gateway.test"]);

/* A token as its owner makes one; the gateway becomes somebody else, who must get at it. */
function makeToken() {
    mkdirSync(tokens);
    writeFileSync(path.join(folder, "softhsm2.conf"), `directories.tokendir = ${tokens}\n`);
    process.env.SOFTHSM2_CONF = path.join(folder, "softhsm2.conf");
    const token = ["--token", "gateway", "--pin", PIN];
    const softhsm = (...words) => execFileSync("softhsm2-util", words, { stdio: "pipe" });
    const owner = ["--so-pin", "12345678"];
    softhsm("--init-token", "--free", "--label", "gateway", "--pin", PIN, ...owner);
    for (const [id, key] of [ec, rsa, other].entries()) {
        const pkcs8 = path.join(folder, `key-${id}`);
        execFileSync("openssl", ["pkcs8", "-topk8", "-nocrypt", "-in", key.key, "-out", pkcs8]);
        softhsm("--import", pkcs8, ...token, "--label", `key-${id}`, "--id", `a${id}`);
        rmSync(pkcs8);
    }
    writeFileSync(pin, `${PIN}\n`);
    writeFileSync(wrongPin, WRONG);
    execFileSync("chmod", ["-R", "a+rwX", folder]);
}

makeToken();

const object = (id) => `pkcs11:token=gateway;object=key-${id};type=private`;
const uri = (id, source = pin) => `${object(id)}?pin-source=file:${source}`;
const PKCS11 = { module: MODULE, directories: [tokens] };

function configured(certificates, more = {}) {
    const only = listener(pki, backend, 1, "main", { mode: "none" }, { tls: { certificates } });
    return configuration([only], { pkcs11: PKCS11, ...more });
}

function check(certificates, more = {}, ...words) {
    const file = path.join(folder, "sallyport.yaml");
    writeFileSync(file, configured(certificates, more));
    const run = spawnSync(PROGRAM, ["check", file, ...words], {
        env: { ...process.env, ...SANITIZER_ENVIRONMENT },
        encoding: "utf8",
    });
    for (const secret of [PIN, WRONG]) {
        assert.ok(!run.stderr.includes(secret) && !run.stdout.includes(secret), run.stderr);
    }
    return { ...run, lines: readFileSync(file, "utf8").split("\n") };
}

const get = (gateway, more) => nodeGet(pki, gateway.endpoint("main"), { more });

test("a key in a token serves many clients at once, and so do two of two types", async (t) => {
    const certificates = [
        { chain: ec.chain, key: uri(0) },
        { chain: rsa.chain, key: "pkcs11:token=gateway;id=%a1", key_password: PIN },
    ];
    const gateway = await startGateway(t, configured(certificates, { workers: 2 }));
    const said = gateway.events.items.join("\n");
    assert.ok(!said.includes(PIN));
    if (process.getuid() === 0) assert.match(said, /confined: .*user nobody/);
    for (let round = 0; round < 4; round++) {
        const rsaOnly = { sigalgs: "RSA-PSS+SHA256" };
        const kinds = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? {} : rsaOnly));
        const answers = await Promise.all(kinds.map((kind) => get(gateway, kind)));
        for (const [i, { status, certificate }] of answers.entries()) {
            assert.equal(status, 200);
            assert.equal(certificate.publicKey.asymmetricKeyType, i % 2 === 0 ? "ec" : "rsa");
        }
    }
});

test("reloads take other keys of the token, and keep what is open", async (t) => {
    const gateway = await startGateway(t, configured([{ chain: ec.chain, key: uri(0) }]));
    const client = await connect(t, pki, gateway.endpoint("main"));
    const ask = "GET / HTTP/1.1\r\nHost: gateway.test\r\n\r\n";
    assert.equal((await client.request(ask)).status, 200);
    for (const [id, { chain }] of [[2, other], [0, ec], [2, other]]) {
        assert.ok((await gateway.reload(configured([{ chain, key: uri(id) }]))).reloaded);
        assert.equal((await get(gateway)).status, 200);
        assert.equal((await client.request(ask)).status, 200);
    }
    const failed = await gateway.reload(configured([{ chain: ec.chain, key: uri(2) }]));
    assert.ok(!failed.reloaded);
    assert.match(failed.said, /the private key in 'pkcs11:[^?']*' does not match the certificate/);
    const { certificate } = await get(gateway);
    assert.match(certificate.subjectAltName, /other\.gateway\.test/);
    client.end();
});

test("what needs a restart is said", async (t) => {
    const file = [{ chain: ec.chain, key: ec.key }];
    const gateway = await startGateway(t, configured(file));
    const late = await gateway.reload(configured([{ chain: ec.chain, key: uri(0) }]));
    assert.ok(!late.reloaded);
    assert.match(late.said, /no key was in a token when the gateway was started: restart needed/);
    const moved = await gateway.reload(configured(file, { pkcs11: { module: MODULE } }));
    assert.ok(moved.reloaded);
    assert.match(moved.said, /warning: 'pkcs11' has changed: restart needed/);
    assert.equal((await get(gateway)).status, 200);
});

test("a PIN outside of what a confined gateway may read needs a restart", async (t) => {
    const gateway = await startGateway(t, configured([{ chain: ec.chain, key: uri(0) }]));
    if (!gateway.events.items.some((line) => /Landlock \d/.test(line))) {
        t.skip("no Landlock in this kernel or build");
        return;
    }
    const outside = mkdtempSync(path.join(tmpdir(), "sallyport-outside-"));
    t.after(() => rmSync(outside, { recursive: true, force: true }));
    const moved = path.join(outside, "pin");
    writeFileSync(moved, PIN);
    chmodSync(outside, 0o755);
    const { reloaded, said } = await gateway.reload(
        configured([{ chain: ec.chain, key: uri(0, moved) }]),
    );
    assert.ok(!reloaded);
    assert.ok(said.includes(`'${moved}' lies outside`), said);
});

test("what cannot be used is said with its place and cause, and no PIN", () => {
    const cases = [
        [{ key: uri(9) }, `there is no such token, or no such key in it: '${object(9)}'`],
        [
            { key: uri(0).replace("gateway", "elsewhere") },
            "there is no such token, or no such key in it",
        ],
        [{ key: uri(0, wrongPin) }, `the token of '${object(0)}' refuses the PIN: PIN incorrect`],
        [{ key: object(0), key_password: WRONG }, "refuses the PIN: PIN incorrect"],
        [{ key: object(0) }, "the token wants a PIN: set 'key_password', or write ?pin-source"],
        [{ key: uri(0, "/nowhere/pin") }, "pin-source: '/nowhere/pin' cannot be opened"],
        [{ key: uri(2) }, "does not match the certificate in"],
    ];
    for (const [key, expected] of cases) {
        const { status, stderr, lines } = check([{ chain: ec.chain, ...key }]);
        const line = lines.findIndex((each) => each.includes('"certificates"')) + 2;
        const column = lines[line - 1].indexOf("{") + 1;
        assert.equal(status, 1);
        assert.ok(stderr.includes(`sallyport.yaml:${line}:${column}: `), stderr);
        assert.ok(stderr.includes(expected), stderr);
    }
    const certificates = [{ chain: ec.chain, key: uri(0) }];
    const noModule = check(certificates, { pkcs11: { module: "/nowhere/module.so" } });
    assert.equal(noModule.status, 1);
    assert.match(noModule.stderr, /:\d+: the PKCS #11 module '\/nowhere\/module\.so' cannot/);

    process.env.OPENSSL_ENGINES = folder;
    const noEngine = check(certificates);
    delete process.env.OPENSSL_ENGINES;
    assert.equal(noEngine.status, 1);
    assert.match(noEngine.stderr, /:\d+:\d+: OpenSSL's engine 'pkcs11' cannot be loaded/);

    const good = check([{ chain: ec.chain, key: object(0), key_password: PIN }], {}, "--effective");
    assert.equal(good.status, 0, good.stderr);
    assert.ok(good.stdout.includes(`key: "${object(0)}"`), good.stdout);
    assert.ok(good.stdout.includes('key_password: "***"'));
});
