// SPDX-License-Identifier: Apache-2.0
//
// What an operator relies on without thinking of it: a repaired file is tried again, the ready file
// stays true, what cannot change without a restart is said, and a terminal that hangs stops nobody.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, closeSync, constants, existsSync, mkdtempSync, openSync } from "node:fs";
import { readFileSync, readSync, renameSync, rmSync, watch } from "node:fs";
import { writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { curl } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { before } from "./support/deadline.mjs";
import { PROGRAM, runProgram, SANITIZER_ENVIRONMENT, startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";

const pki = makePki(after);
const backend = await startBackend({ after });
const trust = [pki.root.certificate];

const one = (number, name, more = {}) =>
    listener(pki, backend, number, name, { trust, mode: "optional" }, more);

/* As an editor does: the whole file at once. */
function replace(file, text) {
    writeFileSync(`${file}.next`, text);
    chmodSync(`${file}.next`, 0o644);
    renameSync(`${file}.next`, file);
}

test("a file that only the failed configuration names is tried again once repaired", async (t) => {
    const gateway = await startGateway(t, configuration([one(1, "main")]));
    const added = path.join(gateway.folder, "added.pem");
    writeFileSync(added, "-----BEGIN CERTIFICATE-----\n");
    chmodSync(added, 0o644);
    const text = configuration([
        listener(pki, backend, 1, "main", { trust: [...trust, added], mode: "optional" }),
    ]);
    const { reloaded, said } = await gateway.reload(text);
    assert.ok(!reloaded);
    assert.match(said, /added\.pem/);

    const from = gateway.events.items.length;
    replace(added, readFileSync(pki.root.certificate, "utf8"));
    const isReload = (line) => /\breloaded \//.test(line);
    await gateway.events.find(isReload, "a reload that nobody asked for", from);
});

test("the ready file follows the listeners over reloads", async (t) => {
    const gateway = await startGateway(t, configuration([one(1, "main")]));
    const names = () => gateway.readyFile.listeners.map(({ name }) => name);
    const addressOf = (name) => {
        const found = gateway.readyFile.listeners.find((each) => each.name === name);
        const [, address, port] = /^(.*):(\d+)$/.exec(found.address);
        return { address, port: Number(port) };
    };
    assert.deepEqual(names(), ["main"]);
    const first = addressOf("main");

    const added = await gateway.reload(configuration([one(1, "main"), one(2, "more")]));
    assert.ok(added.reloaded, added.said);
    assert.deepEqual(names(), ["main", "more"]);
    assert.equal(gateway.readyFile.pid, gateway.pid);
    assert.deepEqual(addressOf("main"), first);
    const answer = await curl(pki, addressOf("more"), { credential: pki.good });
    assert.equal(answer.status, 200, answer.failure);

    assert.ok((await gateway.reload(configuration([one(2, "more")]))).reloaded);
    assert.deepEqual(names(), ["more"]);
});

test("a ready file that cannot be written any more costs a warning, not the reload", async (t) => {
    const gateway = await startGateway(t, configuration([one(1, "main")]));
    const file = path.join(gateway.folder, "ready.json");
    rmSync(file);
    execFileSync("mkdir", [file]);
    const { reloaded, said } = await gateway.reload(configuration([one(1, "renamed")]));
    assert.ok(reloaded);
    assert.match(said, /warning: the ready file is not up to date: .*ready\.json/);
});

test("what needs a restart is said at each reload until it is as before", async (t) => {
    const before = { user: "nobody", confinement: "on", workers: 1 };
    const gateway = await startGateway(t, configuration([one(1, "main")], before));
    const changes = [
        [{ user: "daemon" }, ["user"]],
        [{ confinement: "off" }, ["confinement"]],
        [{ workers: 2 }, ["workers"]],
        [{ user: "daemon", confinement: "off", workers: 3 }, ["user", "confinement", "workers"]],
        [{ user: "daemon", limits: { keep_alive: "9s" } }, ["user"]],
        [{}, []],
    ];
    for (const [more, expected] of changes) {
        const text = configuration([one(1, "main")], { ...before, ...more });
        const { reloaded, said } = await gateway.reload(text);
        assert.ok(reloaded, said);
        const found = [...said.matchAll(/warning: '(\w+)' has changed: restart needed/g)];
        assert.deepEqual([...new Set(found.map(([, name]) => name))].sort(), [...expected].sort());
    }
});

test("a log outside of where a confined gateway may write needs a restart", async (t) => {
    const gateway = await startGateway(t, configuration([one(1, "main")]));
    if (!gateway.events.items.some((line) => /Landlock \d/.test(line))) {
        t.skip("no Landlock in this kernel or build");
        return;
    }
    const outside = mkdtempSync(path.join(tmpdir(), "sallyport-outside-"));
    t.after(() => rmSync(outside, { recursive: true, force: true }));
    chmodSync(outside, 0o777);
    for (const log of ["access", "events"]) {
        const elsewhere = { log: { [log]: { to: path.join(outside, "log") } } };
        const result = await gateway.reload(configuration([one(1, "main")], elsewhere));
        assert.ok(!result.reloaded);
        assert.match(result.said, /'\/\S*outside-\S*' lies outside of .*: restart needed/);
        assert.ok(!existsSync(path.join(outside, "log")));
    }
});

/* ---- standard error ------------------------------------------------------------------------- */

/* Resolves when the file is there. */
async function appearance(file) {
    const watcher = watch(path.dirname(file));
    try {
        while (!existsSync(file)) await before(once(watcher, "change"), file);
    } finally {
        watcher.close();
    }
}

/* A pipe for standard error that the test reads only when it wants to. */
function makePipe(folder) {
    const file = path.join(folder, "stderr");
    execFileSync("mkfifo", ["-m", "666", file]);
    const theirs = openSync(file, constants.O_RDWR);
    const ours = openSync(file, constants.O_RDWR | constants.O_NONBLOCK);
    const fill = () => {
        for (const size of [4096, 1]) {
            try {
                for (;;) writeSync(ours, "x".repeat(size));
            } catch (error) {
                assert.equal(error.code, "EAGAIN");
            }
        }
    };
    const read = () => {
        const memory = Buffer.alloc(1 << 20);
        try {
            return memory.toString("latin1", 0, readSync(ours, memory));
        } catch (error) {
            assert.equal(error.code, "EAGAIN");
            return "";
        }
    };
    return { theirs, fill, read, close: () => [theirs, ours].forEach((fd) => closeSync(fd)) };
}

function startWithPipe(t, text) {
    const folder = mkdtempSync(path.join(tmpdir(), "sallyport-stderr-"));
    chmodSync(folder, 0o777);
    const pipe = makePipe(folder);
    const file = path.join(folder, "sallyport.yaml");
    replace(file, text);
    const ready = path.join(folder, "ready.json");
    const gateway = spawn(PROGRAM, ["run", file, "--ready-file", ready], {
        stdio: ["ignore", "ignore", pipe.theirs],
        env: { ...process.env, ...SANITIZER_ENVIRONMENT },
    });
    const exited = once(gateway, "exit");
    t.after(() => {
        gateway.kill("SIGKILL");
        pipe.close();
        rmSync(folder, { recursive: true, force: true });
    });
    return { gateway, exited, file, folder, pipe, ready };
}

test("a standard error that nobody reads stops neither commands nor the end", async (t) => {
    const admin = { socket: "admin.sock" };
    const good = configuration([one(1, "main")], { admin });
    const { gateway, exited, file, folder, pipe, ready } = startWithPipe(t, good);
    const tell = (...words) => runProgram(...words, "--socket", path.join(folder, "admin.sock"));
    await appearance(ready);
    pipe.fill();

    /* Each of them says more than a pipe and a queue have room for, after a while. */
    const name = (i) => `${"no_such_setting_".repeat(20)}${i}`;
    const bad = Object.fromEntries(Array.from({ length: 90 }, (_, i) => [name(i), i]));
    for (let i = 0; i < 12; i++) {
        replace(file, configuration([one(1, "main")], { admin, ...bad }));
        assert.equal((await tell("reload")).status, 1);
        replace(file, good);
        assert.equal((await tell("reload")).status, 0);
    }
    const status = JSON.parse((await tell("status", "--json")).stdout);
    assert.equal(status.state, "serving");
    assert.ok(status.totals.log_events_dropped > 0, JSON.stringify(status.totals));

    /* Who reads at last gets whole lines, the oldest first. */
    pipe.read();
    gateway.kill("SIGTERM");
    const [code] = await before(exited, "the gateway to end");
    assert.equal(code, 0);
    assert.match(pipe.read(), /^error: [^\n]*unknown setting 'no_such_setting_/m);
});

test("what keeps a gateway from starting is on standard error when it ends", async (t) => {
    const taken = configuration([one(1, "main")], { admin: { socket: "nowhere/admin.sock" } });
    const { exited, pipe } = startWithPipe(t, taken);
    const [code] = await before(exited, "the gateway to end");
    assert.equal(code, 1);
    assert.match(pipe.read(), /error: .*admin\.sock/);
});
