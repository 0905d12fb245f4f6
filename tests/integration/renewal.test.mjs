// SPDX-License-Identifier: Apache-2.0
//
// Certificates that others renew while the gateway serves: nobody sends it a signal. Each way of
// the field is made as its tool makes it, under a steady load that must not notice. A gateway that
// was started as root is confined and somebody else meanwhile, as in production.

import assert from "node:assert/strict";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, nodeGet } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";

const pki = makePki(after);
const backend = await startBackend({ after });
const NAMES = ["DNS:gateway.test", "IP:127.0.0.1"];
const before = pki.server(NAMES);
const renewed = pki.server([...NAMES, "DNS:renewed.gateway.test"]);
const REQUEST = "GET /steady HTTP/1.1\r\nHost: gateway.test\r\n\r\n";

/* A folder that the gateway can read, whoever it has become. */
function makeFolder(context) {
    const folder = mkdtempSync(path.join(tmpdir(), "sallyport-renewal-"));
    chmodSync(folder, 0o755);
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    return (...names) => path.join(folder, ...names);
}

function put(credential, chain, key) {
    for (const [from, to] of [
        [credential.chain, chain],
        [credential.key, key],
    ]) {
        copyFileSync(from, to);
        chmodSync(to, 0o644);
    }
}

function start(context, chain, key) {
    const tls = { certificates: [{ chain, key }] };
    const only = listener(pki, backend, 1, "all", { trust: [pki.root.certificate] }, { tls });
    return startGateway({ after: (end) => context.after(end) }, configuration([only]));
}

/* One connection that stays and asks again, and new ones beside it, until `work` is done. */
async function underLoad(context, gateway, work) {
    const endpoint = gateway.endpoint("all");
    const client = await connect(context, pki, endpoint, { credential: pki.good });
    let isDone = false;
    const onOne = async () => {
        let answers = 0;
        while (!isDone) {
            const answer = await client.request(REQUEST);
            assert.equal(answer?.status, 200, "the connection that stays was lost");
            answers++;
        }
        return answers;
    };
    const onNew = async () => {
        while (!isDone) {
            const { status } = await nodeGet(pki, endpoint, { credential: pki.good });
            assert.equal(status, 200);
        }
    };
    const load = Promise.all([onOne(), onNew()]);
    try {
        await work();
    } finally {
        isDone = true;
    }
    const [answers] = await load;
    assert.ok(answers > 0);
}

async function shows(gateway) {
    const { certificate } = await nodeGet(pki, gateway.endpoint("all"), { credential: pki.good });
    return certificate.fingerprint256;
}

async function assertRenewed(context, gateway, renew) {
    assert.equal(await shows(gateway), before.x509.fingerprint256);
    await underLoad(context, gateway, async () => {
        renew();
        await gateway.events.find((line) => line.includes("reloaded "), "the reload");
        assert.equal(await shows(gateway), renewed.x509.fingerprint256);
    });
    const complaints = gateway.events.items.filter((line) => line.startsWith("error"));
    assert.deepEqual(complaints, []);
}

test("certbot turns the links in live to new files in archive", async (t) => {
    const at = makeFolder(t);
    const turn = (name, target) => {
        symlinkSync(target, at("live", `${name}.new`));
        renameSync(at("live", `${name}.new`), at("live", `${name}.pem`));
    };
    for (const name of ["archive", "live"]) mkdirSync(at(name));
    put(before, at("archive", "chain1.pem"), at("archive", "key1.pem"));
    turn("chain", "../archive/chain1.pem");
    turn("key", "../archive/key1.pem");
    const gateway = await start(t, at("live", "chain.pem"), at("live", "key.pem"));

    await assertRenewed(t, gateway, () => {
        put(renewed, at("archive", "chain2.pem"), at("archive", "key2.pem"));
        turn("key", "../archive/key2.pem");
        turn("chain", "../archive/chain2.pem");
    });
});

test("Kubernetes swaps ..data and removes what it led to", async (t) => {
    const at = makeFolder(t);
    const fill = (version, credential) => {
        mkdirSync(at(version));
        put(credential, at(version, "tls.crt"), at(version, "tls.key"));
    };
    fill("..2026_1", before);
    symlinkSync("..2026_1", at("..data"));
    for (const name of ["tls.crt", "tls.key"]) symlinkSync(`..data/${name}`, at(name));
    const gateway = await start(t, at("tls.crt"), at("tls.key"));

    await assertRenewed(t, gateway, () => {
        fill("..2026_2", renewed);
        symlinkSync("..2026_2", at("..data_tmp"));
        renameSync(at("..data_tmp"), at("..data"));
        rmSync(at("..2026_1"), { recursive: true });
    });
});

test("a SPIFFE helper writes over the old files, one after the other", async (t) => {
    const at = makeFolder(t);
    put(before, at("svid.pem"), at("svid_key.pem"));
    const gateway = await start(t, at("svid.pem"), at("svid_key.pem"));

    await assertRenewed(t, gateway, () => {
        writeFileSync(at("svid.pem"), readFileSync(renewed.chain));
        writeFileSync(at("svid_key.pem"), readFileSync(renewed.key));
    });
});

/* Half of a renewal is not a renewal: the old pair goes on until the other half is there. */
test("a certificate whose key comes late is tried again", async (t) => {
    const at = makeFolder(t);
    put(before, at("server.pem"), at("server.key"));
    const gateway = await start(t, at("server.pem"), at("server.key"));

    await underLoad(t, gateway, async () => {
        writeFileSync(at("server.pem"), readFileSync(renewed.chain));
        await gateway.events.find((line) => /^error: nothing was reloaded/.test(line), "the error");
        assert.equal(await shows(gateway), before.x509.fingerprint256);
        writeFileSync(at("server.key"), readFileSync(renewed.key));
        await gateway.events.find((line) => line.includes("reloaded "), "the reload");
        assert.equal(await shows(gateway), renewed.x509.fingerprint256);
    });
    const why = gateway.events.items.find((line) => line.startsWith("error"));
    assert.match(why, /sallyport\.yaml:\d+:\d+: .*server\.key.*match|match.*server\.key/);
});

test("a certificate that disappears leaves the one in use", async (t) => {
    const at = makeFolder(t);
    put(before, at("server.pem"), at("server.key"));
    const gateway = await start(t, at("server.pem"), at("server.key"));

    await underLoad(t, gateway, async () => {
        unlinkSync(at("server.pem"));
        await gateway.events.find((line) => /^error: nothing was reloaded/.test(line), "the error");
        assert.equal(await shows(gateway), before.x509.fingerprint256);
    });
});
