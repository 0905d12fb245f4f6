// SPDX-License-Identifier: Apache-2.0
//
// What the gateway counts, as Prometheus reads it, and that the text keeps to Prometheus' rules.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { startBackend } from "./support/backend.mjs";
import { connect, curl, HOST, sClient } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { startGateway } from "./support/gateway.mjs";
import { look, parseMetrics, readMetrics, tell, valueOf, WATCHED } from "./support/operator.mjs";
import { makePki } from "./support/pki.mjs";

const OPERATIONS = path.resolve(
    path.dirname(fileURLToPath(import.meta.url)),
    "../../docs/OPERATIONS.md",
);

const pki = makePki(after);
const backend = await startBackend({ after }, (request) =>
    request.target === "/teapot" ? { status: 418 } : {},
);
const trust = [pki.root.certificate];

function start(context, routes, more = {}) {
    const main = listener(pki, backend, 1, "main", { trust }, routes ? { routes } : {});
    const alert = listener(pki, backend, 2, "alert", { trust, on_failure: "alert" });
    const text = configuration([main, alert], { ...WATCHED, ...more });
    return startGateway(context, text, { listeners: 2 });
}

/* ---- the format ----------------------------------------------------------------------------- */

/* What `promtool check metrics` complains about. */
function lint(metrics) {
    const complaints = [];
    const complain = (name, what) => complaints.push(`${name}: ${what}`);
    for (const [name, { help, type, samples }] of metrics) {
        if (!help || !type) complain(name, "no HELP or TYPE");
        if (!/^sallyport_[a-z][a-z0-9_]*$/.test(name)) complain(name, "not in snake case, or ours");
        if ((type === "counter") !== name.endsWith("_total")) {
            complain(name, "_total is for counters, and they have it");
        }
        if (/_(count|sum|bucket)$/.test(name)) complain(name, "a suffix of histograms");
        if (/_(counter|gauge|histogram|summary|metric)(_|$)/.test(name)) complain(name, "a type");
        if (/_(ms|us|milliseconds|minutes|hours|days|kb|kilobytes|percent)(_|$)/.test(name)) {
            complain(name, "no base unit");
        }
        if (/(duration|latency|time)(_total)?$/.test(name)) complain(name, "no unit");
        for (const { labels, value } of samples) {
            for (const label of Object.keys(labels)) {
                if (!/^[a-z][a-z0-9_]*$/.test(label)) complain(name, `the label ${label}`);
                if (label === "le" && type !== "histogram") complain(name, "le without histogram");
                if (name.includes(label) && label.length > 8) complain(name, `repeats ${label}`);
            }
            if (type === "counter" && !(value >= 0)) complain(name, `counts ${value}`);
        }
    }
    return complaints;
}

function assertHistogram(samples, name) {
    const series = new Map();
    for (const sample of samples) {
        const { le, ...rest } = sample.labels;
        const key = JSON.stringify(rest);
        if (!series.has(key)) series.set(key, { buckets: [], sum: null, count: null });
        const one = series.get(key);
        const bound = le === "+Inf" ? Infinity : Number(le);
        if (sample.name === `${name}_bucket`) one.buckets.push([bound, sample.value]);
        else one[sample.name.slice(name.length + 1)] = sample.value;
    }
    for (const { buckets, sum, count } of series.values()) {
        assert.equal(buckets.at(-1)[0], Infinity);
        assert.equal(buckets.at(-1)[1], count);
        assert.ok(sum >= 0);
        for (let i = 1; i < buckets.length; i++) {
            assert.ok(buckets[i][0] > buckets[i - 1][0], "bounds rise");
            assert.ok(buckets[i][1] >= buckets[i - 1][1], "counts rise");
        }
    }
}

test("the text keeps to the rules of Prometheus", async (t) => {
    const gateway = await start(t);
    await curl(pki, gateway.endpoint("main"), { credential: pki.good });
    const { status, headers, text } = await look(gateway, "/metrics");
    assert.equal(status, 200);
    assert.equal(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    const metrics = parseMetrics(text);
    assert.deepEqual(lint(metrics), []);
    const duration = metrics.get("sallyport_request_duration_seconds");
    assert.equal(duration.type, "histogram");
    assertHistogram(duration.samples, "sallyport_request_duration_seconds");
    const head = await look(gateway, "/metrics", { method: "HEAD" });
    assert.equal(head.status, 200);
    assert.equal(head.text, "");
});

test("every metric is documented, and every documented one is there", async (t) => {
    const gateway = await start(t);
    await curl(pki, gateway.endpoint("main"), { credential: pki.good });
    const metrics = await readMetrics(gateway);
    const documented = [...readFileSync(OPERATIONS, "utf8").matchAll(/^\| `(sallyport_\w+)/gm)];
    assert.deepEqual(documented.map(([, name]) => name).sort(), [...metrics.keys()].sort());
});

test("no label says who a client is, and what clients choose makes no line", async (t) => {
    const gateway = await start(t);
    const before = (await look(gateway, "/metrics")).text.split("\n").length;
    for (let i = 0; i < 20; i++) {
        await curl(pki, gateway.endpoint("main"), {
            credential: pki.good,
            path: `/path-${i}?query=${i}`,
            headers: [`User-Agent: agent-${i}`, `X-Name-${i}: value`],
        });
    }
    const { text } = await look(gateway, "/metrics");
    const more = text.split("\n").length - before;
    assert.ok(more < 40, `${more} lines more`);
    /* Where backends are, and that answers can be good, is no secret of a client's; nor is what the
     * lines mean. */
    const others = text.replace(/^(#|sallyport_(backend_|ocsp_questions)).*$/gm, "");
    assert.doesNotMatch(others, /good|clients\.test|agent-|path-|127\.0\.0/);
});

/* ---- what is counted ------------------------------------------------------------------------ */

test("requests are counted by listener, route and status, with their bytes and time", async (t) => {
    const gateway = await start(t, [
        { name: "tea", paths: ["/teapot"], backend: backend.url },
        { name: "all", paths: ["/all/*"], backend: backend.url },
    ]);
    const credential = pki.good;
    const endpoint = gateway.endpoint("main");
    await curl(pki, endpoint, { credential, path: "/teapot" });
    await curl(pki, endpoint, { credential, path: "/all/1" });
    await curl(pki, endpoint, { credential, path: "/all/2", words: ["--data", "12345"] });
    await curl(pki, endpoint, { credential, path: "/nowhere" });
    await curl(pki, endpoint, { path: "/all/3" });
    const metrics = await readMetrics(gateway);
    const count = (route, code) =>
        valueOf(metrics, "sallyport_requests_total", { listener: "main", route, code });
    assert.equal(count("tea", "4xx"), 1); /* 418 is registered as unused only */
    assert.equal(count("all", "200"), 2);
    assert.equal(count("all", "400"), 1);
    assert.equal(count("", "404"), 1);
    const all = { listener: "main", route: "all" };
    assert.equal(valueOf(metrics, "sallyport_request_duration_seconds_count", all), 3);
    assert.equal(valueOf(metrics, "sallyport_request_content_bytes_total", all), 5);
    assert.ok(valueOf(metrics, "sallyport_response_content_bytes_total", all) > 6);
});

test("handshakes are counted by version, resumption and result", async (t) => {
    const gateway = await start(t);
    const count = async (labels) =>
        valueOf(await readMetrics(gateway), "sallyport_handshakes_total", labels);
    for (const version of ["1.2", "1.3"]) {
        await curl(pki, gateway.endpoint("main"), { credential: pki.good, version });
        const labels = { version: `TLSv${version}`, resumed: "false", result: "ok" };
        assert.equal(await count(labels), 1, version);
    }
    const words = ["-reconnect", "-tls1_2"];
    await sClient(pki, gateway.endpoint("main"), { credential: pki.good, words });
    assert.ok((await count({ version: "TLSv1.2", resumed: "true", result: "ok" })) > 0);

    await curl(pki, gateway.endpoint("alert"), { credential: pki.expired, version: "1.3" });
    await gateway.record((record) => record.type === "handshake", "a failed handshake");
    assert.equal(await count({ version: "TLSv1.3", resumed: "false", result: "failed" }), 1);
});

test("verdicts and refusals are counted by reason", async (t) => {
    const gateway = await start(t);
    const endpoint = gateway.endpoint("main");
    await curl(pki, endpoint, { credential: pki.good });
    await curl(pki, endpoint, { credential: pki.expired });
    await curl(pki, endpoint, { credential: pki.expired });
    await curl(pki, endpoint, {});
    const alerted = gateway.endpoint("alert");
    await curl(pki, alerted, { credential: pki.stranger, version: "1.3" });
    await gateway.record((record) => record.type === "handshake", "a failed handshake");
    const metrics = await readMetrics(gateway);
    const verdicts = (reason) => valueOf(metrics, "sallyport_verdicts_total", { reason });
    const refusals = (reason) => valueOf(metrics, "sallyport_refusals_total", { reason });
    assert.equal(verdicts("none"), 1);
    assert.equal(verdicts("certificate_expired"), 2);
    assert.equal(verdicts("certificate_missing"), 1);
    assert.equal(verdicts("certificate_issuer_unknown"), 1);
    assert.equal(refusals("certificate_expired"), 2);
    assert.equal(refusals("certificate_missing"), 1);
    assert.equal(refusals("certificate_issuer_unknown"), 1);
    assert.equal(refusals("none"), 0);
    assert.equal(refusals("backend_unreachable"), 0);
});

test("headers that were stripped and limits that were reached are counted", async (t) => {
    const gateway = await start(t, undefined, {
        limits: { request_content_size: 10, request_header_size: "4KiB", request_target_size: 256 },
    });
    const endpoint = gateway.endpoint("main");
    const credential = pki.good;
    await curl(pki, endpoint, { credential, headers: ["Client-Cert: :AAAA:", "X-Real-IP: a"] });
    await curl(pki, endpoint, { credential, words: ["--data", "12345678901"] });
    await curl(pki, endpoint, { credential, headers: [`X: ${"x".repeat(5000)}`] });
    await curl(pki, endpoint, { credential, path: `/${"x".repeat(300)}` });
    const metrics = await readMetrics(gateway);
    const hits = (limit) => valueOf(metrics, "sallyport_limit_hits_total", { limit });
    assert.equal(valueOf(metrics, "sallyport_headers_stripped_total"), 2);
    assert.equal(hits("request_content_size"), 1);
    assert.equal(hits("request_header_size"), 1);
    assert.equal(hits("request_target_size"), 1);
    assert.equal(hits("connections"), 0);
});

test("connections that idle too long, and those that are too many, are counted", async (t) => {
    const gateway = await start(t, undefined, { limits: { keep_alive: "100ms", connections: 1 } });
    const endpoint = gateway.endpoint("main");
    const client = await connect(t, pki, endpoint, { credential: pki.good });
    assert.equal(valueOf(await readMetrics(gateway), "sallyport_connections_open"), 1);
    const refused = await curl(pki, endpoint, { credential: pki.good });
    assert.equal(refused.status, 0);
    await client.closed();
    const metrics = await readMetrics(gateway);
    assert.equal(valueOf(metrics, "sallyport_connections_refused_total"), 1);
    assert.equal(valueOf(metrics, "sallyport_limit_hits_total", { limit: "connections" }), 1);
    assert.equal(valueOf(metrics, "sallyport_limit_hits_total", { limit: "keep_alive" }), 1);
});

/* ---- certificates, reloads ------------------------------------------------------------------ */

test("certificates have their end, and their names survive every character", async (t) => {
    const gateway = await start(t);
    const metrics = await readMetrics(gateway);
    const [server] = metrics
        .get("sallyport_certificate_not_after_seconds")
        .samples.filter(({ labels }) => labels.listener === "main");
    const used = pki.server([`DNS:${HOST}`, `DNS:*.${HOST}`, "IP:127.0.0.1"]);
    const end = execFileSync("openssl", ["x509", "-enddate", "-noout", "-in", used.certificate]);
    assert.equal(server.value, Date.parse(String(end).replace(/^notAfter=/, "").trim()) / 1000);
    const anchors = metrics.get("sallyport_trust_anchor_not_after_seconds").samples;
    assert.ok(anchors.length > 0);
    for (const { labels, value } of anchors) {
        assert.equal(labels.subject, "CN=Root,O=Example");
        assert.equal(labels.sha256, pki.root.sha256);
        assert.match(labels.trust, /sallyport\.yaml:\d+:\d+$/);
        assert.equal(value, Date.parse(pki.root.x509.validTo) / 1000);
    }
});

test("a reload is seen, its failure too, and counters go on", async (t) => {
    const gateway = await start(t);
    const credential = pki.good;
    await curl(pki, gateway.endpoint("main"), { credential });
    const started = await readMetrics(gateway);
    assert.equal(valueOf(started, "sallyport_last_reload_success"), 1);
    assert.equal(
        valueOf(started, "sallyport_last_reload_timestamp_seconds"),
        valueOf(started, "sallyport_start_time_seconds"),
    );
    assert.equal(valueOf(started, "sallyport_generation"), 1);

    assert.equal((await tell(gateway, "reload")).status, 0);
    await curl(pki, gateway.endpoint("main"), { credential });
    const reloaded = await readMetrics(gateway);
    assert.equal(valueOf(reloaded, "sallyport_last_reload_success"), 1);
    assert.equal(valueOf(reloaded, "sallyport_generation"), 2);
    const labels = { listener: "main", route: "all", code: "200" };
    assert.equal(valueOf(reloaded, "sallyport_requests_total", labels), 2);

    const { reloaded: again } = await gateway.reload("version: 2\n");
    assert.equal(again, false);
    const failed = await readMetrics(gateway);
    assert.equal(valueOf(failed, "sallyport_last_reload_success"), 0);
    assert.equal(valueOf(failed, "sallyport_generation"), 2);
    assert.equal(valueOf(failed, "sallyport_ready"), 1);
});

test("what was built of what is told", async (t) => {
    const gateway = await start(t);
    const { samples } = (await readMetrics(gateway)).get("sallyport_build_info");
    assert.equal(samples.length, 1);
    assert.equal(samples[0].value, 1);
    assert.match(samples[0].labels.version, /^\d+\.\d+\.\d+/);
    assert.match(samples[0].labels.openssl, /^3\./);
});

/* ---- who may look --------------------------------------------------------------------------- */

test("pages and names of strangers learn nothing", async (t) => {
    const gateway = await start(t, undefined, {
        monitoring: { ...WATCHED.monitoring, hosts: ["gateway.internal"] },
    });
    const status = async (headers, options = {}) =>
        (await look(gateway, "/metrics", { headers, ...options })).status;
    assert.equal(await status({ Host: "gateway.internal" }), 200);
    assert.equal(await status({ Host: "rebound.example" }), 421);
    assert.equal(await status({ Origin: "https://rebound.example" }), 403);
    assert.equal(await status({ "Sec-Fetch-Site": "cross-site" }), 403);
    assert.equal(await status({}, { method: "POST" }), 405);
});

test("many who look at once are all answered", async (t) => {
    const gateway = await start(t);
    const answers = await Promise.all(
        Array.from({ length: 100 }, () => look(gateway, "/metrics")),
    );
    assert.ok(answers.every(({ status }) => status === 200));
});
