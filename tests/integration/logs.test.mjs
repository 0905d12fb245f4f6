// SPDX-License-Identifier: Apache-2.0
//
// Where logs go and how they look; and that no log, whatever becomes of it, keeps a client waiting.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
    chmodSync,
    closeSync,
    constants,
    existsSync,
    mkdirSync,
    openSync,
    readFileSync,
    readSync,
    renameSync,
    rmSync,
    statSync,
    truncateSync,
    watch,
    writeFileSync,
} from "node:fs";
import path from "node:path";
import { after, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { curl, HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { before } from "./support/deadline.mjs";
import { runProgram, startGateway } from "./support/gateway.mjs";
import { ask, readMetrics, tell, valueOf, WATCHED } from "./support/operator.mjs";
import { makePki } from "./support/pki.mjs";

const pki = makePki(after);
const backend = await startBackend({ after }, () => ({
    fields: [["Content-Type", "application/json"]],
    body: "{}",
}));
const trust = [pki.root.certificate];
const main = listener(pki, backend, 1, "main", { trust, mode: "optional" });

function start(context, log, more = {}) {
    return startGateway(context, configuration([main], { ...WATCHED, log, ...more }));
}

/* The text of a file once it holds what is looked for: a thread of its own writes it. */
async function textOf(file, pattern) {
    const read = () => (existsSync(file) ? readFileSync(file, "utf8") : "");
    let watcher;
    const written = new Promise((resolve) => {
        const check = () => pattern.test(read()) && resolve();
        watcher = watch(path.dirname(file), check);
        check();
    });
    try {
        await before(written, `${pattern} in ${file}`, read);
    } finally {
        watcher.close();
    }
    return read();
}

async function get(gateway, target, options = {}) {
    const answer = await curl(pki, gateway.endpoint(), { path: target, ...options });
    assert.notEqual(answer.status, 0, answer.failure);
    return answer;
}

/* A folder for logs that a gateway that was root may write to. */
function logFolder(name) {
    const folder = path.join(pki.folder, name);
    mkdirSync(folder);
    chmodSync(folder, 0o777);
    return folder;
}

/* As an editor does: the whole file at once. */
function configure(gateway, log) {
    const file = path.join(gateway.folder, "sallyport.yaml");
    writeFileSync(`${file}.next`, configuration([main], { ...WATCHED, log }));
    renameSync(`${file}.next`, file);
}

/* ---- azure ---------------------------------------------------------------------------------- */

const AZURE_TYPES = {
    timeStamp: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/,
    resourceId: /^$/,
    listenerName: /^main$/,
    ruleName: /^(all)?$/,
    backendPoolName: /./,
    backendSettingName: /./,
    operationName: /^ApplicationGatewayAccess$/,
    category: /^ApplicationGatewayAccessLog$/,
    properties: "object",
};

const AZURE_PROPERTIES = {
    instanceId: /./,
    clientIP: /^127\.0\.0\.1$/,
    clientPort: "number",
    httpMethod: /^GET$/,
    originalRequestUriWithArgs: /^\/orders\/7\?full=1$/,
    requestUri: /^\/orders\/7$/,
    requestQuery: /^full=1$/,
    userAgent: /^me\/1$/,
    httpStatus: "number",
    httpVersion: /^HTTP\/1\.1$/,
    receivedBytes: "number",
    sentBytes: "number",
    clientResponseTime: "number",
    timeTaken: "number",
    WAFEvaluationTime: /^0\.000$/,
    WAFMode: /^$/,
    transactionId: /^[0-9a-f]{32}$/,
    sslEnabled: /^on$/,
    sslCipher: /^TLS_/,
    sslProtocol: /^TLSv1\.3$/,
    sslClientVerify: /^SUCCESS$/,
    sslClientCertificateFingerprint: /^[0-9a-f]{40}$/,
    sslClientCertificateIssuerName: /^CN=Issuing,O=Example$/,
    serverRouted: /^127\.0\.0\.1:\d+$/,
    serverStatus: /^200$/,
    serverResponseLatency: /^\d+\.\d{3}$/,
    upstreamSourcePort: /^\d+$/,
    originalHost: new RegExp(`^${HOST}:\\d+$`),
    host: new RegExp(`^${HOST}:\\d+$`),
    error_info: /^ERRORINFO_NO_ERROR$/,
    contentType: /^application\/json$/,
};

function assertTypes(record, types) {
    assert.deepEqual(Object.keys(record), Object.keys(types));
    for (const [name, type] of Object.entries(types)) {
        if (typeof type === "string") assert.equal(typeof record[name], type, name);
        else assert.match(record[name], type, name);
    }
}

test("azure: a record has Azure's fields, names and types, and no others", async (t) => {
    const gateway = await start(t, { access: { format: "azure" } });
    const from = Date.now();
    await get(gateway, "/orders/7?full=1", {
        credential: pki.good,
        version: "1.3",
        headers: ["User-Agent: me/1"],
    });
    const record = await gateway.record(() => true);
    assertTypes(record, AZURE_TYPES);
    assertTypes(record.properties, AZURE_PROPERTIES);
    const { properties } = record;
    assert.ok(Date.parse(record.timeStamp) >= Math.floor(from / 1000) * 1000);
    assert.equal(properties.httpStatus, 200);
    assert.equal(properties.sentBytes, 2);
    assert.equal(properties.receivedBytes, 0);
    assert.ok(properties.timeTaken >= properties.clientResponseTime);
    assert.equal(
        properties.sslClientCertificateFingerprint,
        pki.good.x509.fingerprint.replaceAll(":", "").toLowerCase(),
    );
    assert.ok(properties.serverRouted.endsWith(`:${backend.port}`));
    assert.equal(backend.last.value("X-AppGW-Trace-Id"), properties.transactionId);
});

test("azure: refusals have Azure's words", async (t) => {
    const gateway = await start(t, { access: { format: "azure" } });
    await get(gateway, "/expired", { credential: pki.expired });
    const expired = await gateway.record(
        ({ properties }) => properties.originalRequestUriWithArgs === "/expired",
    );
    assert.equal(expired.properties.httpStatus, 400);
    assert.equal(expired.properties.sslClientVerify, "FAILED:certificate_expired");
    assert.equal(expired.properties.error_info, "ERRORINFO_INVALID_REQUEST");
    assert.equal(expired.properties.serverStatus, "");
    assert.equal(expired.properties.serverRouted, "");

    const required = listener(pki, backend, 1, "main", { trust });
    const strict = await startGateway(
        t,
        configuration([required], { log: { access: { format: "azure" } } }),
    );
    await curl(pki, strict.endpoint(), { path: "/missing" });
    const missing = await strict.record(() => true);
    assert.equal(missing.properties.sslClientVerify, "NONE");
    assert.equal(missing.properties.error_info, "ERRORINFO_HTTPS_NO_CERT");
});

/* ---- combined ------------------------------------------------------------------------------- */

const TIME = String.raw`\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000`;
const COMBINED = new RegExp(
    String.raw`^(\S+) - (\S+) \[(${TIME})\] "([^"]*)" (\d{3}) (\d+) "([^"]*)" "([^"]*)"$`,
);

test("combined: a line is read by whoever reads such lines", async (t) => {
    const file = path.join(logFolder("combined"), "access.log");
    const gateway = await start(t, { access: { to: file, format: "combined" } });
    await get(gateway, "/orders?x=1", {
        credential: pki.good,
        headers: ['User-Agent: a "quoted" agent', "Referer: https://example.com/"],
    });
    const text = await textOf(file, /orders/);
    const match = COMBINED.exec(text.trimEnd());
    assert.ok(match, text);
    const [, address, principal, , request, status, bytes, referer, agent] = match;
    assert.equal(address, "127.0.0.1");
    assert.equal(principal, "good.clients.test");
    assert.equal(request, "GET /orders?x=1 HTTP/1.1");
    assert.equal(status, "200");
    assert.equal(bytes, "2");
    assert.equal(referer, "https://example.com/");
    assert.equal(agent, "a \\x22quoted\\x22 agent");
});

/* ---- changing and rotating ------------------------------------------------------------------ */

test("a reload changes format, place and level without a restart", async (t) => {
    const folder = logFolder("changing");
    const file = path.join(folder, "access.log");
    const events = path.join(folder, "events.log");
    const gateway = await start(t, { access: { to: file, format: "combined" } });
    await get(gateway, "/one");
    await textOf(file, /"GET \/one HTTP/);

    const reload = async (log) => {
        const { reloaded, said } = await gateway.reload(configuration([main], { ...WATCHED, log }));
        assert.ok(reloaded, said);
    };
    await reload({ access: { to: file } });
    await get(gateway, "/two");
    const both = await textOf(file, /"target":"\/two"/);
    assert.match(both, /"GET \/one HTTP/);

    await reload({ access: {} });
    await get(gateway, "/three");
    await gateway.record((record) => record.target === "/three");
    assert.doesNotMatch(readFileSync(file, "utf8"), /three/);

    await reload({ access: "off" });
    await get(gateway, "/four");
    await reload({ access: { to: file } });
    await get(gateway, "/five");
    const text = await textOf(file, /"target":"\/five"/);
    assert.doesNotMatch(text, /four/);

    gateway.signal("SIGUSR1");
    await gateway.events.find((line) => line === "logs opened again", "the logs");
    configure(gateway, { events: { to: events } });
    assert.equal((await tell(gateway, "reload")).status, 0);
    const said = await textOf(events, /reloaded /);
    for (const line of said.trimEnd().split("\n")) {
        assert.match(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S/);
    }
});

test("events go to a file from the start on", async (t) => {
    const folder = logFolder("events");
    const file = path.join(folder, "events.log");
    const text = configuration([main], { ...WATCHED, log: { events: { to: file } } });
    const starting = startGateway(t, text, { listeners: 0 });
    const said = await textOf(file, /ready main https:/);
    await starting;
    assert.match(said, /^\S+Z warning: .*revocation is not checked|ready main/m);
    assert.equal(statSync(file).mode & 0o7777, 0o640);
});

test("a start that fails is told on standard error, not in the file", async (t) => {
    const folder = logFolder("failing");
    const file = path.join(folder, "sallyport.yaml");
    const text = configuration([main], {
        log: { events: { to: path.join(folder, "events.log") } },
        admin: { socket: path.join(folder, "nowhere", "admin.sock") },
    });
    writeFileSync(file, text);
    const { status, stderr } = await runProgram("run", file);
    assert.equal(status, 1);
    assert.match(stderr, /error: admin socket '\S+': it cannot be made: /);
});

test("logrotate: after renaming and SIGUSR1 no record is lost or cut", async (t) => {
    const folder = logFolder("rotating");
    const file = path.join(folder, "access.log");
    const events = path.join(folder, "events.log");
    const gateway = await start(t, { access: { to: file } });
    const count = 60;
    for (let i = 0; i < count; i++) {
        await get(gateway, `/request-${i}`);
        if (i % 20 !== 10) continue;
        renameSync(file, `${file}.${i}`);
        gateway.signal("SIGUSR1");
        await textOf(file, /^/);
    }
    await textOf(file, new RegExp(`request-${count - 1}"`));
    const files = [file, ...[10, 30, 50].map((i) => `${file}.${i}`)];
    const records = files
        .flatMap((name) => readFileSync(name, "utf8").trimEnd().split("\n"))
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line).target);
    const expected = Array.from({ length: count }, (_, i) => `/request-${i}`);
    assert.deepEqual(records.sort(), expected.sort());
    assert.ok(!existsSync(events));
});

test("logrotate: copytruncate leaves no hole", async (t) => {
    const file = path.join(logFolder("truncating"), "access.log");
    const gateway = await start(t, { access: { to: file } });
    await get(gateway, "/before");
    await textOf(file, /before/);
    truncateSync(file, 0);
    await get(gateway, "/behind");
    const text = await textOf(file, /behind/);
    assert.doesNotMatch(text, /\0|before/);
    assert.equal(JSON.parse(text).target, "/behind");
});

/* ---- logs that cannot be written ------------------------------------------------------------ */

/* Serves while `log` is what it is, and as fast as ever. */
async function assertServed(gateway, count = 40) {
    for (let i = 0; i < count; i++) {
        const answer = await get(gateway, `/still-${i}`);
        assert.equal(answer.status, 200);
    }
}

test("a full disk costs records, which are counted, and nothing else", async (t) => {
    const gateway = await start(t, { access: { to: "/dev/full" } });
    await assertServed(gateway);
    const metrics = await readMetrics(gateway);
    assert.ok(valueOf(metrics, "sallyport_log_records_dropped_total") > 0);
    assert.ok(valueOf(metrics, "sallyport_limit_hits_total", { limit: "queue_size" }) > 0);
    assert.ok((await ask(gateway, "status")).answer.totals.log_records_dropped > 0);
    assert.equal((await tell(gateway, "reload")).status, 0);
});

test("a FIFO that nobody reads fills a queue, and then costs records", async (t) => {
    const fifo = path.join(logFolder("fifo"), "access.fifo");
    execFileSync("mkfifo", ["-m", "666", fifo]);
    const gateway = await start(t, { access: { to: fifo, queue_size: "64KiB" } });
    const agent = `User-Agent: ${"x".repeat(1000)}`;
    for (let i = 0; i < 120; i++) await get(gateway, `/${i}`, { headers: [agent] });
    const metrics = await readMetrics(gateway);
    assert.ok(valueOf(metrics, "sallyport_log_records_dropped_total") > 0);
    await assertServed(gateway, 5);

    /* Who reads at last gets whole lines. */
    const fd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const memory = Buffer.alloc(60_000);
    const text = memory.toString("utf8", 0, readSync(fd, memory));
    closeSync(fd);
    assert.equal(JSON.parse(text.slice(0, text.indexOf("\n"))).target, "/0");
    assert.equal((await tell(gateway, "reload")).status, 0);
});

test("events for a FIFO that nobody reads keep nobody waiting", async (t) => {
    const folder = logFolder("events-fifo");
    const fifo = path.join(folder, "events.fifo");
    const elsewhere = path.join(folder, "access.log");
    const gateway = await start(t, { access: { to: elsewhere } }); /* it may write there */
    execFileSync("mkfifo", ["-m", "666", fifo]);
    configure(gateway, { access: {}, events: { to: fifo } });
    assert.equal((await tell(gateway, "reload")).status, 0);
    for (let i = 0; i < 5; i++) assert.equal((await tell(gateway, "reload")).status, 0);
    await assertServed(gateway, 5);
    assert.equal((await ask(gateway, "status")).answer.state, "serving");
});

test("when the directory of the logs is gone, the open file goes on", async (t) => {
    const folder = logFolder("removed");
    const file = path.join(folder, "access.log");
    const gateway = await start(t, { access: { to: file } });
    await get(gateway, "/one");
    await textOf(file, /one/);
    rmSync(folder, { recursive: true });
    await assertServed(gateway, 5);
    gateway.signal("SIGUSR1");
    await gateway.events.find(
        (line) => /error: access log: '\S+' cannot be opened: No such file/.test(line),
        "the log",
    );
    await assertServed(gateway, 5);

    /* A reload that needs no other log goes on with the one that is open. */
    assert.equal((await tell(gateway, "reload")).status, 0);
    configure(gateway, { access: { to: path.join(folder, "other.log") } });
    const { status, stderr } = await tell(gateway, "reload");
    assert.equal(status, 1);
    assert.match(stderr, /access log: '\S+other\.log' cannot be opened: /);
    await assertServed(gateway, 5);
    assert.equal(valueOf(await readMetrics(gateway), "sallyport_log_records_dropped_total"), 0);
});
