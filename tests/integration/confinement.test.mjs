// SPDX-License-Identifier: Apache-2.0
//
// A running gateway is confined: what the kernel says of the process, and that it serves, reloads
// and ends as any other. What confinement refuses is tested where it is made, in
// tests/unit/runtime/confinement_test.c.

import assert from "node:assert/strict";
import { chmodSync, readdirSync, readFileSync, renameSync, symlinkSync } from "node:fs";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { curl } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";

const isRoot = process.getuid() === 0;
const onlyForRoot = { skip: isRoot ? false : "only root has something to give up" };
const pki = makePki(after);
const backend = await startBackend({ after });
const clientCertificate = { trust: [pki.root.certificate] };

function listenAt(address) {
    return configuration([{ ...listener(pki, backend, 1, "all", clientCertificate), address }]);
}

function start(context, text = listenAt("127.0.0.1:0")) {
    return startGateway({ after: (end) => context.after(end) }, text);
}

/* What /proc says of the process and of each of its threads. */
function statusOf({ pid }) {
    return readdirSync(`/proc/${pid}/task`).map((thread) =>
        Object.fromEntries(
            readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8")
                .split("\n")
                .map((line) => line.split(/:\s*/, 2)),
        ),
    );
}

async function assertServes(gateway) {
    const answer = await curl(pki, gateway.endpoint("all"), { credential: pki.good });
    assert.equal(answer.status, 200, answer.failure);
}

/* Builds in which the filters are off say so. */
function isFiltered(gateway) {
    return gateway.events.items.some((line) => line.includes("system calls filtered"));
}

test("every thread is filtered and can gain nothing", async (t) => {
    const gateway = await start(t);
    const threads = statusOf(gateway);
    await assertServes(gateway);
    assert.ok(threads.length >= 2);
    for (const thread of threads) {
        assert.equal(thread.NoNewPrivs, "1");
        if (isFiltered(gateway)) assert.equal(thread.Seccomp, "2");
    }
});

test("root is given up, with every capability", onlyForRoot, async (t) => {
    const gateway = await start(t);
    await assertServes(gateway);
    for (const thread of statusOf(gateway)) {
        assert.doesNotMatch(thread.Uid, /\b0\b/);
        assert.doesNotMatch(thread.Gid, /\b0\b/);
        for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
            assert.match(thread[set], /^0+$/, set);
        }
    }
});

test("a port below 1024 is opened before root is given up", onlyForRoot, async (t) => {
    const gateway = await start(t, listenAt("127.0.0.1:943"));
    assert.equal(gateway.endpoint("all").port, 943);
    await assertServes(gateway);
});

/* As certbot does it: a link, to a new file in the directory that the old one is in. */
test("a renewed certificate is read again, where links lead", async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), "sallyport-renewal-"));
    const server = pki.server(["DNS:gateway.test", "DNS:*.gateway.test", "IP:127.0.0.1"]);
    const place = (...names) => path.join(folder, ...names);
    const renew = (number) => {
        for (const [name, from] of [
            ["chain", server.chain],
            ["key", server.key],
        ]) {
            copyFileSync(from, place("archive", `${name}${number}.pem`));
            chmodSync(place("archive", `${name}${number}.pem`), 0o644);
            symlinkSync(`../archive/${name}${number}.pem`, place("live", "next"));
            renameSync(place("live", "next"), place("live", `${name}.pem`));
        }
    };
    t.after(() => rmSync(folder, { recursive: true }));
    chmodSync(folder, 0o755);
    chmodSync(pki.folder, 0o755);
    for (const name of ["archive", "live"]) mkdirSync(place(name));
    renew(1);
    const certificates = [{ chain: place("live", "chain.pem"), key: place("live", "key.pem") }];
    const one = listener(pki, backend, 1, "all", clientCertificate, { tls: { certificates } });
    const gateway = await start(t, configuration([one]));

    renew(2);
    gateway.signal("SIGHUP");
    await gateway.events.find((line) => line.includes("reloaded "), "the reload");
    await assertServes(gateway);
});

test("a file in another directory needs a restart, and the event log says so", async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), "sallyport-elsewhere-"));
    const moved = path.join(folder, "root.pem");
    t.after(() => rmSync(folder, { recursive: true }));
    chmodSync(folder, 0o755);
    chmodSync(pki.folder, 0o755);
    writeFileSync(moved, pki.root.pem);
    const server = pki.server(["DNS:gateway.test", "DNS:*.gateway.test", "IP:127.0.0.1"]);
    chmodSync(server.key, 0o644);
    const gateway = await start(t);
    if (!gateway.events.items.some((line) => /Landlock \d/.test(line))) {
        t.skip("no Landlock in this kernel or build");
        return;
    }

    writeFileSync(
        gateway.configurationFile,
        configuration([listener(pki, backend, 1, "all", { trust: [moved] })]),
    );
    gateway.signal("SIGHUP");
    await gateway.events.find((line) => line.includes("restart needed"), "the reason");
    await gateway.events.find((line) => line.includes("nothing was reloaded"), "the refusal");
    await assertServes(gateway);
});
