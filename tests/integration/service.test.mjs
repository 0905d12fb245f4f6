// SPDX-License-Identifier: Apache-2.0
//
// Under a service manager: what it is told and when, and sockets that outlive the process.

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import path from "node:path";
import { after, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { curl, nodeGet } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { makePki } from "./support/pki.mjs";
import { compileManager, compileStuckWorker, manageService } from "./support/service_manager.mjs";

const pki = makePki(after);
const backend = await startBackend({ after });
const manager = compileManager({ after });
const WATCHDOG_MS = 200;

function listenAt(address, name = "first") {
    return listener(pki, backend, 1, name, { trust: [pki.root.certificate] }, { address });
}

function manage(context, options) {
    const service = manageService({ after: (end) => context.after(end) }, manager, options);
    service.configure(configuration([listenAt("127.0.0.1:0")]));
    return service;
}

async function isServed(endpoint) {
    const answer = await curl(pki, endpoint, { credential: pki.good });
    assert.equal(answer.status, 200, answer.failure);
}

for (const abstract of [false, true]) {
    const where = abstract ? "an abstract socket" : "a socket with a path";

    test(`the manager is told over ${where} when we serve, reload and stop`, async (t) => {
        const service = manage(t, { abstract });
        const ready = await service.start();
        assert.match(ready, /^told READY=1\|MAINPID=\d+\|STATUS=serving 1 listeners with 1 w/);
        const started = await service.said.find((line) => line.startsWith("started "), "a start");
        assert.equal(/MAINPID=(\d+)/.exec(ready)[1], started.split(" ")[1]);

        const from = service.said.items.length;
        service.signal("SIGHUP");
        const reloading = await service.told("RELOADING=1", from);
        assert.match(reloading, /\|MONOTONIC_USEC=\d+\|/);
        await service.told("READY=1", service.said.items.indexOf(reloading));

        await service.stop();
        assert.match(await service.told("STOPPING=1"), /\|EXTEND_TIMEOUT_USEC=35000000\|/);
    });
}

test("a reload that fails is ready again, and says that it has failed", async (t) => {
    const service = manage(t);
    await service.start();
    const from = service.said.items.length;
    service.configure("version: 2\n");
    service.signal("SIGHUP");
    await service.told("RELOADING=1", from);
    assert.match(await service.told("READY=1", from), /STATUS=the last reload failed; serving 1 /);
    await service.stop();
});

test("a start that fails is never ready", async (t) => {
    const service = manage(t);
    service.configure("version: 2\n");
    service.start().catch(() => {});
    assert.equal(await service.ended(), 1);
    assert.ok(!service.said.items.some((line) => line.includes("READY=1")));
});

test("SIGUSR1 opens a log again that was renamed, and no record is lost", async (t) => {
    const service = manage(t, { sockets: 1 });
    const endpoint = await service.endpoint(0);
    const folder = path.join(path.dirname(service.configurationFile), "logs");
    const log = path.join(folder, "access.log");
    mkdirSync(folder);
    chmodSync(folder, 0o777); // started as root, the gateway is somebody else when it writes
    service.configure(
        configuration([listenAt(`127.0.0.1:${endpoint.port}`)], { log: { access: { to: log } } }),
    );
    await service.start();
    await isServed(endpoint);
    renameSync(log, `${log}.1`);
    await isServed(endpoint);
    service.signal("SIGUSR1");
    await service.events.find((line) => line === "logs opened again", "the log to be opened");
    await isServed(endpoint);
    await service.stop();
    const count = (file) => readFileSync(file, "utf8").trim().split("\n").length;
    assert.equal(count(`${log}.1`) + count(log), 3);
    assert.ok(count(log) >= 1);
});

test("the watchdog hears from us again and again", async (t) => {
    const service = manage(t, { watchdogMs: WATCHDOG_MS });
    await service.start();
    for (let from = 0, heard = 0; heard < 3; heard++) {
        await service.told("WATCHDOG=1", from);
        from = service.said.items.length;
    }
    await service.stop();
});

test("nobody is told that we are alive who did not ask", async (t) => {
    const service = manage(t);
    await service.start();
    await service.stop();
    assert.ok(!service.said.items.some((line) => line.includes("WATCHDOG=1")));
});

test("a worker that is stuck stops the watchdog, until it comes back", async (t) => {
    const preload = compileStuckWorker({ after: (end) => t.after(end) });
    const service = manage(t, {
        watchdogMs: WATCHDOG_MS,
        environment: {
            LD_PRELOAD: preload,
            ASAN_OPTIONS: "verify_asan_link_order=0:detect_leaks=0",
        },
    });
    const isComplaint = (line) => line.includes("a worker does not respond");
    await service.start();
    await service.told("WATCHDOG=1");

    service.signal("SIGUSR2");
    await service.events.find(isComplaint, "the first complaint");
    const stuck = service.said.items.length;
    await service.events.find(isComplaint, "the second", service.events.items.length);
    assert.deepEqual(service.said.items.slice(stuck), []);

    service.signal("SIGUSR2");
    await service.told("WATCHDOG=1", stuck);
    await service.stop();
});

test("listeners serve on the sockets that are passed, whichever comes first", async (t) => {
    const service = manage(t, { sockets: 2 });
    const [first, second] = [await service.endpoint(0), await service.endpoint(1)];
    service.configure(
        configuration(
            [
                listenAt(`127.0.0.1:${second.port}`, "second"),
                listenAt(`127.0.0.1:${first.port}`, "first"),
            ],
            { workers: 3 },
        ),
    );
    await service.start();
    await isServed(first);
    await isServed(second);
    await service.stop();
});

test("a passed socket that no listener wants is said, and the others are bound", async (t) => {
    const service = manage(t, { sockets: 1 });
    await service.start();
    const line = await service.events.find((event) => event.includes("was passed"), "a warning");
    const { port } = await service.endpoint(0);
    assert.match(line, new RegExp(`^warning: the socket 'first' on 127.0.0.1:${port} was passed`));
    await service.stop();
});

test("an address that goes and comes back in reloads is served on its passed socket", async (t) => {
    const service = manage(t, { sockets: 1 });
    const endpoint = await service.endpoint(0);
    const passed = listenAt(`127.0.0.1:${endpoint.port}`);
    const reload = async (listeners) => {
        const from = service.said.items.length;
        service.configure(configuration(listeners));
        service.signal("SIGHUP");
        await service.told("READY=1", from);
    };
    service.configure(configuration([passed]));
    await service.start();
    await reload([listenAt("127.0.0.2:0", "other")]);
    const waiting = isServed(endpoint);
    await reload([passed, listenAt("127.0.0.2:0", "other")]);
    await waiting;
    await service.stop();
});

/* New connections, one after the other, until it is said to be enough. */
async function keepAsking(endpoint, isEnough, statuses) {
    while (!isEnough()) {
        const answer = await nodeGet(pki, endpoint, { credential: pki.good });
        statuses.push(answer.status);
    }
}

test("programs follow each other on a passed socket, and no client notices", async (t) => {
    const service = manage(t, { sockets: 1 });
    const endpoint = await service.endpoint(0);
    service.configure(configuration([listenAt(`127.0.0.1:${endpoint.port}`)], { workers: 2 }));
    await service.start();
    const statuses = [];
    let isEnough = false;
    const clients = [1, 2, 3, 4].map(() => keepAsking(endpoint, () => isEnough, statuses));
    for (let i = 0; i < 5; i++) {
        const from = service.said.items.length;
        service.signal("SIGTERM");
        assert.equal(await service.ended(from), 0);
        await service.start();
        await isServed(endpoint);
    }
    isEnough = true;
    await Promise.all(clients);
    assert.ok(statuses.length > 20, `only ${statuses.length} requests`);
    assert.deepEqual(
        statuses.filter((status) => status !== 200),
        [],
    );
    await service.stop();
});
