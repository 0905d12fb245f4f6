// SPDX-License-Identifier: Apache-2.0
//
// Commands to a gateway that runs: each through the program itself, what is answered to whom, and
// what is not done.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, lstatSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { after, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, curl, HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { makeCrl } from "./support/crl.mjs";
import { before } from "./support/deadline.mjs";
import { PROGRAM, runProgram, startGateway } from "./support/gateway.mjs";
import { ask, look, socketOf, tell, WATCHED } from "./support/operator.mjs";
import { makePki } from "./support/pki.mjs";

const pki = makePki(after);
const backend = await startBackend({ after });
const trust = [pki.root.certificate];

function listenerOf(name, more = {}) {
    return listener(pki, backend, 1, name, { trust, mode: "optional" }, more);
}

function start(context, more = {}, listeners = [listenerOf("main")]) {
    const text = configuration(listeners, { ...WATCHED, ...more });
    return startGateway(context, text, { listeners: listeners.length });
}

/* As an editor does: the whole file at once. */
function configure(gateway, text) {
    const file = path.join(gateway.folder, "sallyport.yaml");
    writeFileSync(`${file}.next`, text);
    renameSync(`${file}.next`, file);
}

/* What is said to a client that sends bytes of its own, up to the end. */
async function sayBytes(gateway, bytes, { end = false } = {}) {
    const socket = net.connect(socketOf(gateway));
    let text = "";
    socket.setEncoding("latin1").on("data", (part) => (text += part));
    socket.on("error", () => {});
    socket.write(bytes);
    if (end) socket.end();
    await before(once(socket, "close"), "the end of a connection to the admin socket");
    return text;
}

/* ---- status and certs ----------------------------------------------------------------------- */

test("status says what runs, where it listens, and what it has done", async (t) => {
    const gateway = await start(t);
    const { address, port } = gateway.endpoint();
    await curl(pki, gateway.endpoint(), { credential: pki.good });
    const { status, answer } = await ask(gateway, "status");
    assert.equal(status, 0);
    assert.match(answer.version, /^\d+\.\d+\.\d+/);
    assert.equal(answer.pid, gateway.pid);
    assert.equal(answer.state, "serving");
    assert.match(answer.started, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.ok(Number.isInteger(answer.uptime_seconds));
    assert.equal(answer.configuration, path.join(gateway.folder, "sallyport.yaml"));
    assert.equal(answer.generation, 1);
    assert.equal(answer.last_reload, null);
    assert.equal(answer.workers, 1);
    assert.ok(Number.isInteger(answer.open_connections));
    assert.deepEqual(answer.listeners, [{ name: "main", address: `${address}:${port}` }]);
    assert.equal(answer.totals.requests, 1);
    assert.equal(answer.totals.handshakes, 1);
    assert.equal(answer.totals.handshakes_failed, 0);
    assert.equal(answer.totals.log_records_dropped, 0);

    const text = (await tell(gateway, "status")).stdout;
    assert.match(text, /^state +serving, version /m);
    assert.match(text, new RegExp(`^listeners +main https://${address}:${port}$`, "m"));
    assert.match(text, /^requests +1$/m);
});

test("status says which revocation lists there are, and what went wrong", async (t) => {
    const file = path.join(pki.folder, "status.crl");
    const list = makeCrl(pki.intermediate, { number: 0x1a2b, revoked: [pki.good] });
    writeFileSync(file, list, { mode: 0o644 });
    const url = "http://127.0.0.1:1/none.crl";
    const asks = {
        trust: {
            anchors: trust,
            intermediates: [pki.intermediate.certificate],
            revocation: { sources: ["crl"], crl: { files: [file], urls: [url] } },
        },
    };
    const main = listener(pki, backend, 1, "main", asks);
    const gateway = await start(t, {}, [main]);
    await gateway.events.find((line) => /no revocation list from/.test(line), "the failure");
    const { answer } = await ask(gateway, "status");
    const [first, second] = answer.revocation_lists;
    assert.equal(answer.revocation_lists.length, 2);
    assert.equal(first.source, file);
    assert.match(first.issuer, /^CN=Issuing,O=/);
    assert.equal(first.number, "1a2b");
    assert.ok(Date.parse(first.this_update) < Date.parse(first.next_update));
    assert.deepEqual(
        [first.entries, first.delta, first.verified, first.problem],
        [1, false, true, null],
    );
    assert.equal(second.source, url);
    assert.equal(second.number, undefined);
    assert.match(second.problem, /127\.0\.0\.1/);
    assert.deepEqual(answer.ocsp, { answers_kept: 0, responders: [] });

    writeFileSync(`${file}.next`, "no list", { mode: 0o644 });
    renameSync(`${file}.next`, file);
    await gateway.events.find((line) => /what was read before/.test(line), "the refusal");
    const { stdout } = await tell(gateway, "status");
    const head = `^revocation +${file}\n  list of CN=Issuing,.*, number 1a2b$`;
    assert.match(stdout, new RegExp(head, "m"));
    assert.match(stdout, /^  from .* until .*Z, 1 entries\n  the last attempt failed: .*PEM/m);
});

test("certs says whose certificates there are, and until when", async (t) => {
    const profiles = { trust_profiles: { partners: { anchors: trust } } };
    const gateway = await start(t, profiles, [
        listener(pki, backend, 1, "main", { trust: "partners" }),
    ]);
    const { answer } = await ask(gateway, "certs");
    const [server, anchor] = answer.certificates;
    assert.equal(answer.certificates.length, 2);
    assert.equal(server.use, "listener");
    assert.equal(server.name, "main");
    assert.deepEqual(server.names, [HOST, `*.${HOST}`, "127.0.0.1"]);
    assert.equal(anchor.use, "trust");
    assert.equal(anchor.name, "partners");
    assert.equal(anchor.subject, "CN=Root,O=Example");
    assert.equal(anchor.sha256, pki.root.sha256);
    assert.equal(Date.parse(anchor.not_after), Date.parse(pki.root.x509.validTo));

    const text = (await tell(gateway, "certs")).stdout;
    assert.match(text, /^listener main: /m);
    assert.match(text, new RegExp(`^  names ${HOST}, `, "m"));
    assert.match(text, /^trust partners: CN=Root,O=Example$/m);
    assert.match(text, /^ {2}until \S+Z, \d+ days$/m);
});

/* ---- reload --------------------------------------------------------------------------------- */

test("reload answers when the next generation is in use", async (t) => {
    const gateway = await start(t);
    const more = listener(pki, backend, 2, "second", { trust, mode: "optional" });
    configure(gateway, configuration([listenerOf("main"), more], WATCHED));
    const { status, stdout } = await tell(gateway, "reload");
    assert.equal(status, 0);
    assert.match(stdout, /^reloaded \S+\/sallyport\.yaml: generation \d+ is in use\n$/);
    const { answer } = await ask(gateway, "status");
    assert.deepEqual(
        answer.listeners.map(({ name }) => name),
        ["main", "second"],
    );
    assert.equal(answer.last_reload.succeeded, true);
    assert.equal(answer.last_reload.problems, undefined);
    const [first, second] = answer.listeners.map(({ address }) => address);
    assert.equal(first, `127.0.0.1:${gateway.endpoint("main").port}`);
    assert.match(second, /^127\.0\.0\.2:[1-9]\d*$/);
    const [host, port] = second.split(":");
    const served = await curl(pki, { address: host, port: Number(port) }, {});
    assert.equal(served.status, 200, served.failure);
});

test("a broken configuration is not loaded, and reload says where it is broken", async (t) => {
    const gateway = await start(t);
    const file = path.join(gateway.folder, "sallyport.yaml");
    writeFileSync(`${file}.next`, "version: 1\nlisteners: []\nworkers: none\nwrokers: 2\n");
    renameSync(`${file}.next`, file);
    const { status, stdout, stderr } = await tell(gateway, "reload");
    assert.equal(status, 1);
    assert.equal(stdout, "");
    assert.ok(stderr.includes(`${file}:2:12: 'listeners' is empty`), stderr);
    assert.ok(stderr.includes(`${file}:3:10: 'workers' must be auto or a number, not 'none'`));
    assert.ok(stderr.includes(`${file}:4:1: unknown setting 'wrokers'; did you mean 'workers'?`));

    const { answer } = await ask(gateway, "status");
    assert.equal(answer.generation, 1);
    assert.equal(answer.last_reload.succeeded, false);
    assert.ok(answer.last_reload.problems.includes(`${file}:3:10: `));
    const served = await curl(pki, gateway.endpoint(), { credential: pki.good });
    assert.equal(served.status, 200, served.failure);

    /* The socket is found by the file all the same, as far as it can be read. */
    const broken = configuration([listenerOf("main")], { ...WATCHED, workers: "none" });
    configure(gateway, broken);
    const byFile = await runProgram("status", "--config", file, "--json");
    assert.equal(JSON.parse(byFile.stdout).pid, gateway.pid);

    configure(gateway, configuration([listenerOf("main")], WATCHED));
    assert.equal((await tell(gateway, "reload")).status, 0);
    assert.equal((await ask(gateway, "status")).answer.last_reload.succeeded, true);
});

test("a file that cannot be used is named by reload, with its place", async (t) => {
    const gateway = await start(t);
    const bad = path.join(gateway.folder, "bad.pem");
    writeFileSync(bad, "-----BEGIN CERTIFICATE-----\n");
    configure(
        gateway,
        configuration(
            [listener(pki, backend, 1, "main", { trust: [bad], mode: "optional" })],
            WATCHED,
        ),
    );
    const { status, stderr } = await tell(gateway, "reload");
    assert.equal(status, 1);
    assert.match(stderr, /sallyport\.yaml:\d+:\d+: .*bad\.pem/);
    assert.equal((await ask(gateway, "status")).answer.generation, 1);
});

test("reloads that are asked for together are all answered", async (t) => {
    const gateway = await start(t);
    const answers = await Promise.all(Array.from({ length: 8 }, () => tell(gateway, "reload")));
    for (const { status, stderr } of answers) assert.equal(status, 0, stderr);
    assert.ok((await ask(gateway, "status")).answer.generation > 1);
});

test("what needs a restart is said at the reload", async (t) => {
    const gateway = await start(t);
    const changed = {
        admin: { socket: "other.sock" },
        monitoring: { address: "127.0.0.1:0", hosts: ["gateway.internal"] },
    };
    configure(gateway, configuration([listenerOf("main")], changed));
    assert.equal((await tell(gateway, "reload")).status, 0);
    const said = gateway.events.items.join("\n");
    assert.match(said, /warning: 'admin' has changed: restart needed/);
    assert.match(said, /warning: 'monitoring' has changed: restart needed/);
    assert.ok(!existsSync(path.join(gateway.folder, "other.sock")));
});

/* ---- drain, stop, healthcheck --------------------------------------------------------------- */

test("drain makes the gateway unready before the last connection ends", async (t) => {
    const held = [];
    const slow = await startBackend(t, () => new Promise((resolve) => held.push(resolve)));
    const gateway = await start(t, {}, [
        listener(pki, slow, 1, "main", { trust, mode: "optional" }),
    ]);
    assert.equal((await tell(gateway, "healthcheck")).status, 0);
    assert.equal((await look(gateway, "/readyz")).status, 200);

    const client = await connect(t, pki, gateway.endpoint());
    client.send(`GET /slow HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    await slow.requests.find((request) => request.target === "/slow", "the slow request");
    const { status, stdout } = await tell(gateway, "drain");
    assert.equal(status, 0);
    assert.match(stdout, /^draining: 1 connections are open$/m);

    const ready = await look(gateway, "/readyz");
    assert.equal(ready.status, 503);
    assert.equal(ready.text, "draining\n");
    assert.equal((await look(gateway, "/livez")).status, 200);
    const health = await tell(gateway, "healthcheck");
    assert.equal(health.status, 3);
    assert.equal(health.stdout, "draining\n");
    assert.equal((await ask(gateway, "status")).answer.state, "draining");
    const late = await tell(gateway, "reload");
    assert.equal(late.status, 1);
    assert.match(late.stderr, /about to end/);

    for (const answer of held) answer({});
    assert.equal((await client.answer()).status, 200);
    assert.equal(await gateway.exited(), 0);
    assert.ok(!existsSync(socketOf(gateway)), "the socket is still there");
});

test("stop ends the gateway at once", async (t) => {
    const never = await startBackend(t, () => new Promise(() => {}));
    const gateway = await start(t, {}, [
        listener(pki, never, 1, "main", { trust, mode: "optional" }),
    ]);
    const client = await connect(t, pki, gateway.endpoint());
    client.send(`GET /never HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    await never.requests.find((request) => request.target === "/never", "the request");
    const { status, stdout } = await tell(gateway, "stop");
    assert.equal(status, 0);
    assert.equal(stdout, "stopping now\n");
    assert.equal(await gateway.exited(), 0);
});

test("a gateway that is not there is not healthy", async (t) => {
    const gateway = await start(t);
    assert.equal((await tell(gateway, "stop")).status, 0);
    await gateway.exited();
    const health = await tell(gateway, "healthcheck");
    assert.equal(health.status, 3);
    assert.match(health.stderr, /admin\.sock': No such file or directory/);
    const status = await tell(gateway, "status");
    assert.equal(status.status, 1);
});

/* ---- whom it obeys -------------------------------------------------------------------------- */

test("the socket is for its user alone, and another user is not obeyed", async (t) => {
    const gateway = await start(t);
    assert.equal(lstatSync(socketOf(gateway)).mode & 0o7777, 0o600);
    if (process.getuid() !== 0) {
        t.skip("only root can be somebody else");
        return;
    }
    const stranger = (command) =>
        new Promise((resolve) => {
            const script = `
                const socket = require("node:net").connect(process.argv[1]);
                let text = "";
                socket.on("data", (part) => (text += part)).on("close", () => console.log(text));
                socket.on("error", (error) => console.log(error.code));
                socket.write(process.argv[2] + "\\n");`;
            const child = spawn(process.execPath, ["-e", script, socketOf(gateway), command], {
                uid: 54321,
                gid: 54321,
                cwd: "/",
            });
            let said = "";
            child.stdout.on("data", (part) => (said += part));
            child.on("close", () => resolve(said));
        });
    assert.match(await before(stranger("stop"), "the stranger"), /EACCES/);
    chmodSync(socketOf(gateway), 0o666);
    const answer = await before(stranger("stop"), "the stranger");
    assert.match(answer, /^error\nonly root and the gateway's own user are obeyed/);
    await gateway.events.find(
        (line) => /command of user 54321 was refused/.test(line),
        "the warning",
    );
    assert.equal((await ask(gateway, "status")).answer.state, "serving");
});

test("who says something else is refused, and nobody else is disturbed", async (t) => {
    const gateway = await start(t);
    const idle = net.connect(socketOf(gateway)).on("error", () => {});
    t.after(() => idle.destroy());
    for (const [bytes, answer] of [
        ["dance\n", "error\nthere is no such command\n"],
        ["\n", "error\nthere is no such command\n"],
        ["stop please\n", "error\nbehind a command there may be 'json', and no more\n"],
        ["GET / HTTP/1.1\r\n\r\n", "error\nbehind a command there may be 'json', and no more\n"],
        ["x".repeat(100_000), "error\na command is one short line\n"],
        ["healthcheck\nstop\n", "ok\nserving\n"],
    ]) {
        assert.equal(await sayBytes(gateway, bytes), answer, bytes.slice(0, 40));
    }
    assert.equal(await sayBytes(gateway, "stop", { end: true }), "");
    assert.equal((await ask(gateway, "status")).answer.state, "serving");
    idle.write("healthcheck\n");
    const [heard] = await before(once(idle, "data"), "an answer to who was idle");
    assert.equal(heard.toString(), "ok\nserving\n");
});

test("what changes something is in the event log, with who said it", async (t) => {
    const gateway = await start(t);
    await tell(gateway, "status");
    await tell(gateway, "reload");
    const said = gateway.events.items.filter((line) => / says /.test(line));
    assert.deepEqual(said, [`user ${process.getuid()} says reload`]);
});

/* ---- the command line ----------------------------------------------------------------------- */

test("words that nobody understands are usage errors", async () => {
    for (const words of [
        ["status", "--jsn"],
        ["status", "--socket"],
        ["status", "extra"],
        ["reload", "--socket", "a.sock", "--config", "b.yaml"],
    ]) {
        const { status, stderr } = await runProgram(...words);
        assert.equal(status, 2, words.join(" "));
        assert.match(stderr, /^sallyport (status|reload): /);
    }
});

test("a configuration without an admin socket says how to get one", async (t) => {
    const gateway = await start(t, { admin: undefined });
    const file = path.join(gateway.folder, "sallyport.yaml");
    const { status, stderr } = await runProgram("status", "--config", file);
    assert.equal(status, 1);
    assert.match(stderr, /it needs 'admin: \{ socket: PATH \}', or say --socket PATH/);
});

test("a second gateway does not take the socket of the first", async (t) => {
    const gateway = await start(t);
    const file = path.join(gateway.folder, "sallyport.yaml");
    const second = await runProgram("run", file);
    assert.equal(second.status, 1);
    assert.match(second.stderr, /error: admin socket '\S+': another process listens on it/);
    assert.equal((await ask(gateway, "status")).answer.pid, gateway.pid);
});

test("the socket of a gateway that was killed is replaced", async (t) => {
    const gateway = await start(t);
    const text = readFileSync(path.join(gateway.folder, "sallyport.yaml"), "utf8");
    const socket = path.join(gateway.folder, "left.sock");
    const file = path.join(gateway.folder, "left.yaml");
    writeFileSync(file, text.replace("admin.sock", "left.sock"));
    const first = spawn(PROGRAM, ["run", file], { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    const isReady = new Promise((resolve) =>
        first.stderr.on("data", (part) => {
            said += part;
            if (said.includes("ready main")) resolve();
        }),
    );
    await before(isReady, "a gateway to be killed");
    first.kill("SIGKILL");
    await once(first, "close");
    assert.ok(existsSync(socket), "the socket is gone");
    const next = await startGateway(t, text.replace('"admin.sock"', JSON.stringify(socket)), {
        listeners: 1,
    });
    const answer = await runProgram("status", "--socket", socket, "--json");
    assert.equal(JSON.parse(answer.stdout).pid, next.pid);
});
