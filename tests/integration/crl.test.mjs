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

test("a new list counts from the next request of an open connection on", async (context) => {
    const { gateway, file, endpoint } = await start(context, makeCrl(issuer, { number: 1 }));
    const client = await connect(context, pki, endpoint, { credential: alice });
    assert.equal((await client.request(REQUEST)).status, 200);
    put(makeCrl(issuer, { number: 2, revoked: [alice] }), file);
    await gateway.events.find(isTaken(file), "the new list");
    const answer = await client.request(REQUEST);
    assert.equal(answer.status, 400);
    assert.match(String(answer.body), /certificate_revoked/);
});
