// SPDX-License-Identifier: Apache-2.0
//
// What only the files can tell, and is warned of where the configuration names them: certificates
// that are not valid now, keys that others can read, hosts without a certificate, and trust in a CA
// that everybody can get a certificate from. The system's bundle says which CAs those are; here
// SSL_CERT_FILE names another one.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";

import { configuration, listener } from "./support/configuration.mjs";
import { PROGRAM, SANITIZER_ENVIRONMENT, startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";

const pki = makePki(after);
const backend = { url: "http://127.0.0.1:9" };
const folder = mkdtempSync(path.join(tmpdir(), "sallyport-public-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const bundle = path.join(folder, "bundle.pem");
const config = path.join(folder, "sallyport.yaml");
const WARNING = /trusts the public CA '[^']*', of which anybody can get a certificate, and no/;

/* A renewed root has another certificate, and the same key. */
function writeBundle(...files) {
    const junk = "# a comment\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    writeFileSync(bundle, junk + files.map((file) => readFileSync(file, "utf8")).join("\n"));
}

function check(client, ...words) {
    writeFileSync(config, configuration([listener(pki, backend, 1, "main", client)]));
    return spawnSync(PROGRAM, ["check", config, ...words], {
        env: { ...process.env, ...SANITIZER_ENVIRONMENT, SSL_CERT_FILE: bundle },
        encoding: "utf8",
    });
}

/* Of a listener with this certificate: the warnings that begin with its place. */
function checkServer(server, more = {}) {
    const tls = { certificates: [{ chain: server.chain, key: server.key }] };
    const only = listener(pki, backend, 1, "main", { mode: "none" }, { tls, ...more });
    writeFileSync(config, configuration([only]));
    const lines = readFileSync(config, "utf8").split("\n");
    const line = lines.findIndex((each) => each.includes('"name": "main"'));
    const place = `warning: ${config}:${line}:${lines[line - 1].indexOf("{") + 1}: `;
    const run = (...words) =>
        spawnSync(PROGRAM, ["check", config, ...words], {
            env: { ...process.env, ...SANITIZER_ENVIRONMENT },
            encoding: "utf8",
        });
    const { status, stderr } = run();
    assert.equal(status, 0, stderr);
    const warnings = stderr.split("\n").filter((each) => each.startsWith(place));
    assert.equal(run("--strict").status, warnings.length > 0 ? 1 : 0);
    return warnings.map((each) => each.slice(place.length));
}

const DAY_MS = 24 * 60 * 60 * 1000;
const NAMES = ["subjectAltName=DNS:gateway.test,DNS:*.gateway.test"];

/* A server's certificate with a key that only its owner can read. */
function issue(name, more = {}) {
    const issued = pki.issue(name, { issuer: pki.intermediate, extensions: NAMES, ...more });
    chmodSync(issued.key, 0o600);
    return issued;
}

test("a certificate that is not valid now is warned of", () => {
    const past = issue("past", { until: new Date(Date.now() - DAY_MS / 2) });
    const future = issue("future", { from: new Date(Date.now() + DAY_MS) });
    const said = "listener 'main': the certificate in";
    assert.deepEqual(checkServer(past), [`${said} '${past.chain}' has expired`]);
    assert.deepEqual(checkServer(future), [`${said} '${future.chain}' is not valid yet`]);
    assert.deepEqual(checkServer(issue("now")), []);
});

test("a key that others can read is warned of", () => {
    const server = issue("open");
    const said = `listener 'main': the key in '${server.key}' can be read by`;
    chmodSync(server.key, 0o640);
    assert.deepEqual(checkServer(server), [`${said} everybody of its group`]);
    chmodSync(server.key, 0o644);
    assert.deepEqual(checkServer(server), [`${said} everybody`]);
});

test("a host that no certificate of its listener names is warned of", () => {
    const hosts = ["gateway.test", "*.gateway.test", "a.gateway.test", "b.test", "*.b.test"];
    const said = (host) =>
        `listener 'main': host '${host}' is in none of its certificates, so no client that ` +
        "checks them reaches it";
    assert.deepEqual(checkServer(issue("hosts"), { hosts }), [said("b.test"), said("*.b.test")]);
});

test("trust in a public CA is warned of where the profile stands", () => {
    writeBundle(pki.root.certificate);
    const { status, stderr } = check({ trust: [pki.root.certificate], mode: "optional" });
    assert.equal(status, 0, stderr);
    const line = stderr.split("\n").find((each) => WARNING.test(each));
    const lines = readFileSync(config, "utf8").split("\n");
    const at = lines.findIndex((each) => each.includes('"trust"'));
    const column = lines[at].indexOf("[") + 1;
    assert.ok(line?.includes(`${config}:${at + 1}:${column}: this trust profile trusts`), stderr);
});

test("trust in a public CA is not warned of where a policy says who is meant", () => {
    writeBundle(pki.root.certificate);
    const allow = { san_dns: ["good.clients.test"] };
    const only = (routes) =>
        listener(pki, backend, 1, "main", { trust: [pki.root.certificate] }, { routes });
    const said = (...routes) => {
        const policies = { known: [{ allow }] };
        writeFileSync(config, configuration([only(routes)], { policies }));
        const { status, stderr } = spawnSync(PROGRAM, ["check", config], {
            env: { ...process.env, ...SANITIZER_ENVIRONMENT, SSL_CERT_FILE: bundle },
            encoding: "utf8",
        });
        assert.equal(status, 0, stderr);
        return stderr;
    };
    const known = { paths: ["/known/*"], policy: "known", backend: backend.url };
    assert.doesNotMatch(said(known), WARNING);
    assert.match(said(known, { backend: backend.url }), WARNING);
});

test("a CA of one's own is not, nor where the system has no bundle", () => {
    const client = { trust: [pki.root.certificate], mode: "optional" };
    const own = () => check(client).stderr;
    writeBundle(pki.server().chain);
    assert.doesNotMatch(own(), WARNING);
    rmSync(bundle);
    assert.doesNotMatch(own(), WARNING);
    writeFileSync(bundle, "");
    assert.doesNotMatch(own(), WARNING);
});

test("a confined gateway still knows at a reload what is public", async (t) => {
    writeBundle(pki.root.certificate);
    process.env.SSL_CERT_FILE = bundle;
    t.after(() => delete process.env.SSL_CERT_FILE);
    const private_ = { trust: [pki.intermediate.certificate] };
    const text = (client) => configuration([listener(pki, backend, 1, "main", client)]);
    const own = text({ trust: { anchors: private_.trust, partial_chain: true } });
    const gateway = await startGateway(t, own);
    assert.doesNotMatch(gateway.events.items.join("\n"), WARNING);
    const { reloaded, said } = await gateway.reload(text({ trust: [pki.root.certificate] }));
    assert.ok(reloaded, said);
    assert.match(said, WARNING);
});
