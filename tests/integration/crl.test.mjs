// SPDX-License-Identifier: Apache-2.0
//
// Revocation lists in files: what they do to clients that are connected already, and which lists
// are not believed. Rows 94 and 101 of the list of known attacks are in here.

import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, nodeGet } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { extension, makeCrl, toPem } from "./support/crl.mjs";
import { runProgram, startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";

const pki = makePki(after);
const backend = await startBackend({ after });
const REQUEST = "GET /list HTTP/1.1\r\nHost: gateway.test\r\n\r\n";
const issuer = pki.intermediate;
const alice = pki.client("alice");
const bob = pki.client("bob");

/* A folder that the gateway can read, whoever it has become. */
function makeFolder(context) {
    const folder = mkdtempSync(path.join(tmpdir(), "sallyport-crl-"));
    chmodSync(folder, 0o755);
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    return (...names) => path.join(folder, ...names);
}

/* As a tool does that knows its trade: the list is there at once, and whole. */
function put(list, file) {
    writeFileSync(`${file}.next`, list, { mode: 0o644 });
    renameSync(`${file}.next`, file);
}

/* One listener that demands certificates, and asks these files. */
function withLists(files, revocation = {}, clientCertificate = {}) {
    const trust = {
        anchors: [pki.root.certificate],
        intermediates: [issuer.certificate],
        revocation: { sources: ["crl"], crl: { files }, ...revocation },
    };
    return configuration([
        listener(pki, backend, 1, "lists", { trust, ...clientCertificate }),
    ]);
}

async function start(context, list, revocation, clientCertificate) {
    const file = makeFolder(context)("issuing.crl");
    put(list, file);
    const gateway = await startGateway(context, withLists([file], revocation, clientCertificate));
    return { gateway, file, endpoint: gateway.endpoint("lists") };
}

async function ask(endpoint, credential) {
    const { status, body } = await nodeGet(pki, endpoint, { credential });
    return { status, body: String(body) };
}

const isTaken = (file) => (line) => line.includes(`the revocation lists of '${file}' are new`);
const isRefused = (line) => /cannot be used as a revocation list/.test(line);

test("a client that a list names is refused, and the others are not", async (context) => {
    const { gateway, endpoint } = await start(
        context,
        toPem(makeCrl(issuer, { revoked: [{ serial: bob.x509.serialNumber, reason: 1 }] })),
    );
    assert.equal((await ask(endpoint, alice)).status, 200);
    const refused = await ask(endpoint, bob);
    assert.equal(refused.status, 400);
    assert.match(refused.body, /certificate_revoked/);
    const record = await gateway.record((one) => one.reason === "certificate_revoked");
    assert.match(record.detail, /^revoked \d{4}-\d\d-\d\dT.*Z, keyCompromise$/);
});

test("a new list counts at once: an idle connection ends", async (context) => {
    const { file, endpoint } = await start(context, makeCrl(issuer, { number: 1 }));
    const client = await connect(context, pki, endpoint, { credential: alice });
    assert.equal((await client.request(REQUEST)).status, 200);
    put(makeCrl(issuer, { number: 2, revoked: [alice] }), file);
    await client.closed();
    const answer = await ask(endpoint, alice);
    assert.equal(answer.status, 400);
    assert.match(answer.body, /certificate_revoked/);
});

test("a resumed session is judged by the list of now", async (context) => {
    const { gateway, file, endpoint } = await start(context, makeCrl(issuer, { number: 1 }));
    let number = 1;
    const renew = async (revoked) => {
        const from = gateway.events.items.length;
        put(makeCrl(issuer, { number: ++number, revoked }), file);
        await gateway.events.find(isTaken(file), "the new list", from);
    };
    for (const version of ["1.2", "1.3"]) {
        const open = (session) =>
            connect(context, pki, endpoint, { credential: alice, version, more: { session } });
        const first = await open();
        assert.equal((await first.request(REQUEST)).status, 200);
        const session = await first.sessions.find(() => true, "a session");
        await renew([bob]);
        const late = await open(session);
        assert.ok(late.socket.isSessionReused(), "a list of others must not end resumption");
        assert.equal((await late.request(REQUEST)).status, 200);
        const next =
            version === "1.2" ? session : await late.sessions.find(() => true, "a next session");
        await renew([alice]);
        const last = await open(next);
        assert.ok(!last.socket.isSessionReused(), "who is revoked resumes nothing");
        assert.equal((await last.request(REQUEST)).status, 400);
        await renew([]);
    }
});

test("a list that is broken, forged, older or cut off replaces nothing", async (context) => {
    const good = makeCrl(issuer, { number: 5, revoked: [bob] });
    const { gateway, file, endpoint } = await start(context, good);
    const twin = pki.issue("twin", {
        issuer: pki.root,
        subject: "/O=Example/CN=Issuing",
        extensions: ["basicConstraints=critical,CA:TRUE", "keyUsage=keyCertSign,cRLSign"],
    });
    const unknown = extension("1.2.3.4", Buffer.from([5, 0]), true);
    const cases = [
        ["half of it", good.subarray(0, good.length / 2), /not valid DER/],
        ["half of it in PEM", toPem(good).slice(0, -40), /truncated|damaged|base64/],
        ["nothing that is a list", "no list", /neither DER nor PEM/],
        ["an older one", makeCrl(issuer, { number: 4 }), /older than the list in use/],
        ["a forged one", makeCrl(issuer, { number: 6, signer: twin }), /does not verify/],
        ["one without an end", makeCrl(issuer, { number: 6, life: null }), /when it ends/],
        ["one of tomorrow", makeCrl(issuer, { number: 6, age: -60 }), /begins in the future/],
        ["an indirect one", makeCrl(issuer, { number: 6, scope: { isIndirect: true } }), /indir/],
        ["one not understood", makeCrl(issuer, { number: 6, extensions: [unknown] }), /critical/],
    ];
    for (const [what, list, why] of cases) {
        const from = gateway.events.items.length;
        put(list, file);
        const line = await gateway.events.find(isRefused, `the refusal of ${what}`, from);
        assert.match(line, why, what);
        assert.match(line, /what was read before is used on/);
        assert.equal((await ask(endpoint, alice)).status, 200, what);
        assert.equal((await ask(endpoint, bob)).status, 400, what);
    }
    put(makeCrl(issuer, { number: 6 }), file);
    await gateway.events.find(isTaken(file), "the list that is newer and good");
    assert.equal((await ask(endpoint, bob)).status, 200);
});

test("a list that a reload names is read before the reload ends, or ends it", async (context) => {
    const folder = makeFolder(context);
    const files = ["first.crl", "second.crl", "broken.crl"];
    const [first, second, broken] = files.map((one) => folder(one));
    put(makeCrl(issuer, { number: 1 }), first);
    put(makeCrl(issuer, { number: 2, revoked: [bob] }), second);
    put("no list", broken);
    const gateway = await startGateway(context, withLists([first]));
    const endpoint = gateway.endpoint("lists");
    assert.equal((await ask(endpoint, bob)).status, 200);
    const failed = await gateway.reload(withLists([first, second, broken]));
    assert.equal(failed.reloaded, false);
    assert.match(failed.said, /yaml:\d+:\d+: '.*broken\.crl' cannot be used as a revoc/);
    assert.equal((await ask(endpoint, bob)).status, 200, "what a failed reload named");
    const { reloaded, said } = await gateway.reload(withLists([first, second]));
    assert.equal(reloaded, true, said);
    assert.equal((await ask(endpoint, bob)).status, 400);
    assert.equal((await ask(endpoint, alice)).status, 200);
});

test("a list that cannot be used ends the start", async (context) => {
    const folder = makeFolder(context);
    const cases = [
        [makeCrl(issuer, { number: 1, base: 1, scope: { only: "attribute" } }), /attribute/],
        [makeCrl(issuer, { number: 1, signer: bob }), /does not verify/],
        ["", /is empty/],
    ];
    for (const [list, why] of cases) {
        put(list, folder("bad.crl"));
        put(withLists([folder("bad.crl")]), folder("sallyport.yaml"));
        const { status, stderr } = await runProgram("check", folder("sallyport.yaml"));
        assert.equal(status, 1);
        assert.match(stderr, why);
        assert.match(stderr, /sallyport\.yaml:\d+:\d+: /);
    }
});

/* Row 101: everybody is refused, and everybody is told whose fault it is. */
test("an expired list says that it is the list", async (context) => {
    const list = makeCrl(issuer, { number: 1, age: 120, life: 60, revoked: [bob] });
    const { gateway, endpoint } = await start(context, list);
    const refused = await ask(endpoint, alice);
    assert.equal(refused.status, 400);
    assert.match(refused.body, /crl_expired/);
    const record = await gateway.record((one) => one.reason === "crl_expired");
    assert.equal(record.fault, "gateway");
    assert.match(record.detail, /^the list ended \d{4}-/);
    assert.match((await ask(endpoint, bob)).body, /certificate_revoked/);
});

test("what the configuration puts up with is put up with, and no more", async (context) => {
    const list = makeCrl(issuer, { number: 1, age: 120, life: 60, revoked: [bob] });
    const { endpoint } = await start(context, list, {
        when_crl_expired: { accept_last_good: "2h" },
    });
    assert.equal((await ask(endpoint, alice)).status, 200);
    assert.equal((await ask(endpoint, bob)).status, 400);
    const short = await start(context, list, { when_crl_expired: { accept_last_good: "1h" } });
    assert.equal((await ask(short.endpoint, alice)).status, 400);
});

test("a delta list beside its base takes effect at once", async (context) => {
    const folder = makeFolder(context);
    const [base, delta] = [folder("base.crl"), folder("delta.crl")];
    const held = { serial: bob.x509.serialNumber, reason: 6 };
    put(makeCrl(issuer, { number: 5, revoked: [held] }), base);
    put(makeCrl(issuer, { number: 5, base: 5 }), delta);
    const gateway = await startGateway(context, withLists([base, delta]));
    const endpoint = gateway.endpoint("lists");
    assert.equal((await ask(endpoint, bob)).status, 400);
    assert.equal((await ask(endpoint, alice)).status, 200);
    const revoked = [{ serial: bob.x509.serialNumber, reason: 8 }, alice];
    put(makeCrl(issuer, { number: 6, base: 5, revoked }), delta);
    await gateway.events.find(isTaken(delta), "the delta list");
    assert.equal((await ask(endpoint, bob)).status, 200);
    assert.equal((await ask(endpoint, alice)).status, 400);
});

test("a list speaks of those in its scope alone", async (context) => {
    const partial = makeCrl(issuer, { number: 1, scope: { names: ["http://crl.test/1"] } });
    const named = pki.client("named", {
        extensions: [
            "basicConstraints=critical,CA:FALSE",
            "extendedKeyUsage=clientAuth",
            "crlDistributionPoints=URI:http://crl.test/1",
        ],
    });
    const { endpoint } = await start(context, partial);
    assert.equal((await ask(endpoint, named)).status, 200);
    const refused = await ask(endpoint, alice);
    assert.equal(refused.status, 400);
    assert.match(refused.body, /crl_missing/);
});

test("on_failure: alert ends the handshake of a client that a list names", async (context) => {
    const { gateway, endpoint } = await start(
        context,
        makeCrl(issuer, { revoked: [bob] }),
        {},
        { on_failure: "alert" },
    );
    assert.equal((await ask(endpoint, alice)).status, 200);
    const client = await connect(context, pki, endpoint, { credential: bob });
    client.send(REQUEST);
    assert.equal(await client.closed(), "");
    assert.match(client.error?.code ?? "", /CERTIFICATE_REVOKED/);
    const isHandshake = (one) => one.type === "handshake" && one.reason === "certificate_revoked";
    await gateway.record(isHandshake);
});
