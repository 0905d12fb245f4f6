// SPDX-License-Identifier: Apache-2.0
//
// Policies through the real gateway: who may do what, what the log and the metrics say of it, files
// of fingerprints that change, and certificates that were made to be misread.

import assert from "node:assert/strict";
import { X509Certificate, createHash } from "node:crypto";
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, curl, HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { startGateway } from "./support/gateway.mjs";
import { readMetrics, valueOf, WATCHED } from "./support/operator.mjs";
import { makePki } from "./support/pki.mjs";

const pki = makePki(after);
const backend = await startBackend({ after });

const folder = mkdtempSync(path.join(tmpdir(), "sallyport-policy-"));
chmodSync(folder, 0o777);
after(() => rmSync(folder, { recursive: true, force: true }));

const leaf = (purpose, ...more) => [
    "basicConstraints=critical,CA:FALSE",
    "keyUsage=critical,digitalSignature",
    `extendedKeyUsage=${purpose}`,
    ...more,
];
const withNames = (name, names, subject) =>
    pki.client(name, {
        subject: subject ?? `/O=Example/CN=${name}`,
        extensions: leaf("clientAuth", `subjectAltName=${names}`),
    });

const alice = withNames("alice", "URI:spiffe://example.org/orders/web,email:alice@example.org");
const bob = withNames("bob", "URI:spiffe://example.org/orders/web/deep,DNS:alice.example.org");
const carol = withNames("carol", "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:carol@corp.test");
const tester = withNames("tester", "DNS:t.example.org", "/O=Test/CN=tester");

/* dNSName with a NUL in it: "ops.example.org\0.evil". */
const nul = pki.client("nul", {
    extensions: leaf(
        "clientAuth",
        "subjectAltName=DER:30:1b:82:19:6f:70:73:2e:65:78:61:6d:70:6c:65:2e:6f:72:67:00:2e:65:76:" +
            "69:6c:2e:74:65:73",
    ),
});

const serialOf = (credential) => credential.x509.serialNumber;
const keyOf = (credential) =>
    createHash("sha256")
        .update(credential.x509.publicKey.export({ type: "spki", format: "der" }))
        .digest("hex");

const list = path.join(folder, "partners.txt");
/* As somebody writes it who does not want it to be read half-written. */
function writeList(lines) {
    writeFileSync(`${list}.new`, lines.map((line) => `${line}\n`).join(""));
    renameSync(`${list}.new`, list);
}
const filler = (count) =>
    Array.from({ length: count }, (_, i) => createHash("sha256").update(`${i}`).digest("hex"));
writeList([...filler(9), `${alice.sha256} # alice`]);

const policies = {
    "order-clients": [
        { deny: { subject: { O: "Test" } } },
        {
            allow: { san_uri: "spiffe://example.org/orders/*", methods: ["GET"] },
            user: "EXAMPLE\\web",
        },
        { allow: { san_upn: "*@corp.test", source: "127.0.0.0/8", paths: "/orders/*" } },
    ],
    hosts: [{ allow: { san_dns: "*.example.org" } }],
    "not-hosts": [
        { deny: { san_dns: "ops.example.org" } },
        { allow: { everybody: true } },
    ],
    listed: [{ allow: { fingerprints_file: list } }],
    revoked: [
        { deny: { serials: [{ issuer: pki.intermediate.certificate, numbers: serialOf(alice) }] } },
        { allow: { everybody: true } },
    ],
    keys: [{ allow: { key_sha256: [keyOf(alice)] } }, { allow: { subject: { CN: "bob" } } }],
    stricter: [{ allow: { subject: { CN: "alice" } } }],
    anchored: [{ allow: { anchor: "example" } }],
};

const trust = [pki.root.certificate];
const serve = (number, name, policy, more = {}, client = { trust }) =>
    listener(pki, backend, number, name, client, {
        routes: [{ name: "all", backend: backend.url, policy, ...more }],
    });
const text = configuration(
    [
        serve(1, "orders", "order-clients", {
            identity_headers: ["user", { name: "X-Who", format: "principal" }],
        }),
        serve(2, "hosts", "hosts"),
        serve(3, "not-hosts", "not-hosts"),
        serve(4, "listed", "listed"),
        serve(5, "revoked", "revoked"),
        serve(6, "keys", "keys", {}, { mode: "unverified" }),
        serve(7, "trial", "order-clients", { policy_trial: "stricter" }),
        serve(8, "anchored", "anchored", {}, { trust: "named" }),
        serve(9, "optional", "order-clients", {}, { trust, mode: "optional" }),
    ],
    {
        policies,
        trust_profiles: { named: { anchors: [{ name: "example", file: pki.root.certificate }] } },
        ...WATCHED,
    },
);
const gateway = await startGateway({ after }, text, { listeners: 9 });

/* One request, and the record of it. */
async function ask(name, credential, options = {}) {
    const from = gateway.records.items.length;
    const answer = await curl(pki, gateway.endpoint(name), { credential, ...options });
    const record = await gateway.record((one) => one.type === "exchange", "it", from);
    return { answer, record };
}

async function expect(name, credential, reason, options) {
    const { answer, record } = await ask(name, credential, options);
    assert.equal(record.reason, reason ?? "none", `${name}: ${JSON.stringify(record)}`);
    assert.equal(answer.status, reason ? 403 : 200, `${name}: ${answer.failure}`);
    return record;
}

test("the first rule that matches decides, and the log says which and where", async () => {
    const allowed = await expect("orders", alice, null);
    assert.equal(allowed.policy, "order-clients");
    assert.equal(allowed.rule, 2);
    assert.match(allowed.rule_at, /\.yaml:\d+:\d+$/);
    assert.equal(allowed.user, "EXAMPLE\\web");

    const denied = await expect("orders", tester, "policy_denied");
    assert.equal(denied.rule, 1);
    assert.equal(denied.user, undefined);
    assert.equal(denied.principal, "t.example.org");

    const unmatched = await expect("orders", alice, "policy_no_match", {
        words: ["--data", "x"],
    });
    assert.equal(unmatched.rule, 0);
    assert.equal(unmatched.rule_at, undefined);
    assert.equal(unmatched.user, undefined);
});

test("the backend is told of the user, and of nobody that a client names", async () => {
    const before = backend.count;
    await expect("orders", alice, null, { headers: ["X-Client-Cert-User: root"] });
    await expect("orders", carol, null, {
        path: "/orders/1",
        headers: ["X-Client-Cert-User: root"],
    });
    const [first, second] = backend.requests.items.slice(before);
    assert.deepEqual(first.values("X-Client-Cert-User"), ["EXAMPLE\\web"]);
    assert.deepEqual(second.values("X-Client-Cert-User"), []);
    assert.deepEqual(second.values("X-Who"), ["carol@corp.test"]);
});

test("names are matched in their type and in their segment", async () => {
    await expect("orders", bob, "policy_no_match");
    await expect("hosts", bob, null);
    await expect("hosts", alice, "policy_no_match");
    await expect("orders", carol, "policy_no_match", { path: "/orders" });
    await expect("orders", carol, "policy_no_match", { path: "/other" });
    await expect("anchored", alice, null);
});

test("a name with a NUL allows nobody and denies its owner", async () => {
    await expect("hosts", nul, "policy_undecidable");
    await expect("not-hosts", nul, "policy_undecidable");
    await expect("not-hosts", bob, null);
});

test("who is anonymous meets no condition on a certificate", async () => {
    await expect("optional", undefined, "policy_no_match");
    await expect("optional", alice, null);
});

test("what nobody verified is matched by its key alone", async () => {
    await expect("keys", alice, null);
    await expect("keys", bob, "policy_no_match");
});

test("a decision is made for each request of a connection", async () => {
    const from = gateway.records.items.length;
    const client = await connect({ after() {} }, pki, gateway.endpoint("orders"), {
        credential: alice,
    });
    const get = (method) =>
        `${method} /x HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 0\r\n\r\n`;
    assert.equal((await client.request(get("GET"))).status, 200);
    assert.equal((await client.request(get("POST"))).status, 403);
    client.end();
    const record = await gateway.record((one) => one.method === "POST", "the second", from);
    assert.equal(record.reason, "policy_no_match");
});

test("a policy on trial refuses nobody, and says whom it would have", async () => {
    const welcome = await expect("trial", alice, null);
    assert.equal(welcome.trial_reason, "none");
    const other = await expect("trial", carol, null, { path: "/orders/7" });
    assert.equal(other.trial_reason, "policy_no_match");
    assert.equal(other.reason, "none");
});

/* (r, s) becomes (r, n - s), which anybody can do: the same, with another fingerprint. */
function encodeAnew(credential) {
    const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const der = Buffer.from(credential.x509.raw);
    const read = (at) => ({ size: der[at + 1], body: at + 2, end: at + 2 + der[at + 1] });
    /* The signature is a BIT STRING at the end; in front of it is its algorithm's sequence. */
    let at = der.length - 1;
    for (; ; at--) {
        if (der[at] !== 0x03 || at + 2 + der[at + 1] !== der.length || der[at + 2] !== 0) continue;
        if (der[at + 3] === 0x30 && der[at + 4] === der.length - at - 5) break;
    }
    const r = read(at + 5);
    const s = read(r.end);
    const flipped = n - BigInt(`0x${der.subarray(s.body, s.end).toString("hex")}`);
    let octets = Buffer.from(flipped.toString(16).padStart(64, "0"), "hex");
    while (octets.length > 1 && octets[0] === 0) octets = octets.subarray(1);
    if (octets[0] >= 0x80) octets = Buffer.concat([Buffer.from([0]), octets]);
    const wrap = (tag, ...parts) => {
        const body = Buffer.concat(parts);
        const size =
            body.length < 0x80
                ? [body.length]
                : body.length < 0x100
                  ? [0x81, body.length]
                  : [0x82, body.length >> 8, body.length & 0xff];
        return Buffer.concat([Buffer.from([tag, ...size]), body]);
    };
    const signature = wrap(
        0x03,
        Buffer.from([0]),
        wrap(0x30, der.subarray(at + 5, r.end), wrap(0x02, octets)),
    );
    const head = der[1] === 0x82 ? 4 : 3;
    return wrap(0x30, der.subarray(head, at), signature);
}

test("a signature that was encoded anew does not lead around a denied serial number", async () => {
    const anew = new X509Certificate(encodeAnew(alice));
    assert.ok(anew.verify(pki.intermediate.x509.publicKey));
    assert.notEqual(anew.fingerprint256, alice.x509.fingerprint256);
    const chain = path.join(pki.folder, "anew.chain.crt");
    writeFileSync(chain, anew.toString() + pki.intermediate.pem);
    const evading = { chain, key: alice.key };

    await expect("revoked", bob, null);
    await expect("revoked", alice, "policy_denied");
    await expect("revoked", evading, "policy_denied");
    /* By fingerprint it is somebody else. */
    await expect("listed", alice, null);
    await expect("listed", evading, "policy_no_match");
    await expect("keys", evading, null);
});

const isReload = (line) => line.includes("reload") || line.includes("not reloaded");

test("a file of fingerprints takes effect when it changes, and not when it is broken", async () => {
    await expect("listed", bob, "policy_no_match");

    const change = async (lines, what) => {
        const from = gateway.events.items.length;
        writeList(lines);
        return gateway.events.find(what, "what became of the file", from);
    };
    const kept = (line) => line.includes("partners.txt");

    assert.match(await change([], kept), /empty|holds no fingerprint/);
    assert.match(await change([alice.sha256, "half"], kept), /line 2 is not a fingerprint/);
    assert.match(await change([alice.sha256], kept), /shrunk from 10 fingerprints to 1/);
    await expect("listed", alice, null);

    await change([...filler(9), alice.sha256, bob.sha256], isReload);
    await expect("listed", bob, null);
    await change([...filler(9), bob.sha256], isReload);
    await expect("listed", alice, "policy_no_match");
    await expect("listed", bob, null);
});

test("each rule is counted", async () => {
    const metrics = await readMetrics(gateway);
    const count = (policy, rule, decision) =>
        valueOf(metrics, "sallyport_policy_decisions_total", { policy, rule, decision });
    assert.ok(count("order-clients", "1", "denied") >= 1);
    assert.ok(count("order-clients", "2", "allowed") >= 3);
    assert.ok(count("order-clients", "none", "denied") >= 2);
    assert.equal(count("order-clients", "1", "allowed"), 0);
    assert.ok(count("stricter", "none", "denied") >= 1);
    assert.ok(count("hosts", "1", "denied") >= 1, "an undecidable rule denies");
});
