// SPDX-License-Identifier: Apache-2.0
//
// Several endpoints behind one route: who gets how much, who waits for whom, who is left out, and
// what is sent again.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";

import { connect, curl, HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { Journal } from "./support/deadline.mjs";
import { startGateway } from "./support/gateway.mjs";
import { readMetrics, valueOf } from "./support/operator.mjs";
import { makePki } from "./support/pki.mjs";
import { answerWith, startScriptedBackend, unusedUrl } from "./support/scripted_backend.mjs";

const pki = makePki(after);
const WATCHED = { monitoring: { address: "127.0.0.1:0" } };

const request = (target, { method = "GET", head = "" } = {}) =>
    `${method} ${target} HTTP/1.1\r\nHost: ${HOST}\r\n${head}\r\n`;

async function startWith(t, app, more = {}) {
    return startGateway(
        t,
        configuration([listener(pki, { url: "app" }, 1, "all", { mode: "none" })], {
            ...WATCHED,
            backends: { app },
            ...more,
        }),
    );
}

async function startNamed(t, names, more = {}) {
    const backends = {};
    for (const name of names) {
        backends[name] = await startScriptedBackend(t, {
            "/": (socket) => answerWith(socket, name),
            ...more,
        });
    }
    return backends;
}

/* A backend whose answers wait for `release`. */
async function startHolding(t) {
    const held = new Journal();
    let released = 0;
    const hold = (socket, { target }) => held.add(() => answerWith(socket, target));
    const backend = await startScriptedBackend(t, { "/hold": hold });
    return {
        backend,
        release: () => held.items[released++](),
        /* At least one that was not released. */
        holding: () => held.find(() => true, "a request that is held", released),
    };
}

const get = (gateway, path, more = {}) => curl(pki, gateway.endpoint(), { path, ...more });

describe("requests are shared out", () => {
    test("by weight, smoothly, over connections that are kept", async (t) => {
        const { a, b } = await startNamed(t, ["a", "b"]);
        const gateway = await startWith(t, {
            endpoints: [{ url: a.url, weight: 3 }, { url: b.url }],
        });
        const client = await connect(t, pki, gateway.endpoint());
        let order = "";
        for (let i = 0; i < 40; i++) order += (await client.request(request("/"))).body;
        assert.match(order, /^(?:(aaba|abaa|baaa|aaab){10})$/, order);
        assert.equal(order.replace(/b/g, "").length, 30);
        assert.deepEqual([a.connections, b.connections], [1, 1]);
        const metrics = await readMetrics(gateway);
        const of = (name, backend, more) =>
            valueOf(metrics, name, { backend: "app", endpoint: backend.url, ...more });
        assert.equal(of("sallyport_backend_requests_total", a), 30);
        assert.equal(of("sallyport_backend_requests_total", b), 10);
        assert.equal(of("sallyport_backend_connections", a, { state: "idle" }), 1);
        assert.equal(of("sallyport_backend_connections", a, { state: "busy" }), 0);
    });

    test("to whoever has the fewest, when that is asked for", async (t) => {
        const slow = await startHolding(t);
        const { b } = await startNamed(t, ["b"], { "/hold": (socket) => answerWith(socket, "b") });
        const gateway = await startWith(t, {
            endpoints: [slow.backend.url, b.url],
            balance: "least_requests",
        });
        const waiting = [get(gateway, "/hold"), get(gateway, "/hold")];
        await slow.holding();
        for (let i = 0; i < 6; i++) assert.equal((await get(gateway, "/")).body, "b");
        slow.release();
        await Promise.all(waiting);
    });
});

describe("more requests than connections", () => {
    const limited = (backend, queue) => ({ endpoints: [backend.url], connections: 1, queue });

    test("wait in order, and each is served", async (t) => {
        const holding = await startHolding(t);
        const gateway = await startWith(t, limited(holding.backend, { size: 10 }));
        const first = get(gateway, "/hold?0");
        await holding.holding();
        const others = [];
        for (let i = 1; i <= 3; i++) {
            others.push(get(gateway, `/hold?${i}`));
            let queued = 0;
            while (queued < i) {
                const metrics = await readMetrics(gateway);
                queued = valueOf(metrics, "sallyport_backend_queued_requests", { backend: "app" });
            }
        }
        holding.release();
        assert.equal((await first).body, "/hold?0");
        for (let i = 1; i <= 3; i++) {
            await holding.holding();
            holding.release();
            assert.equal((await others[i - 1]).body, `/hold?${i}`);
        }
        assert.equal(holding.backend.connections, 1);
    });

    test("are refused when too many wait, or too long", async (t) => {
        const holding = await startHolding(t);
        const gateway = await startWith(
            t,
            limited(holding.backend, { size: 1, timeout: "300ms" }),
        );
        const first = get(gateway, "/hold?0");
        await holding.holding();
        const both = await Promise.all([get(gateway, "/waits"), get(gateway, "/waits")]);
        assert.deepEqual(both.map((answer) => answer.status), [503, 503]);
        const reasons = [];
        for (let i = 0; i < 2; i++) {
            const from = reasons.length ? gateway.records.items.indexOf(reasons[0]) + 1 : 0;
            reasons.push(
                await gateway.record((one) => one.target === "/waits", "a refusal", from),
            );
        }
        assert.deepEqual(reasons.map((one) => one.reason).sort(), [
            "backend_busy",
            "backend_queue_timeout",
        ]);
        holding.release();
        assert.equal((await first).status, 200);
        assert.equal((await get(gateway, "/")).status, 200);
    });

    test("a client that leaves the queue leaves no gap", async (t) => {
        const holding = await startHolding(t);
        const gateway = await startWith(t, limited(holding.backend, { size: 10 }));
        const first = get(gateway, "/hold?0");
        await holding.holding();
        const leaving = await connect(t, pki, gateway.endpoint());
        leaving.socket.write(request("/gone"));
        const queued = async (count) => {
            const now = async () =>
                valueOf(await readMetrics(gateway), "sallyport_backend_queued_requests");
            while ((await now()) !== count);
        };
        await queued(1);
        const last = get(gateway, "/last");
        await queued(2);
        leaving.end();
        await queued(1);
        holding.release();
        assert.equal((await first).status, 200);
        assert.equal((await last).body, "you asked for /last\n");
        assert.equal(holding.backend.count("/gone"), 0);
    });

    test("who waited gets a fresh connection when the one in use breaks", async (t) => {
        const holding = await startHolding(t);
        const gateway = await startWith(t, limited(holding.backend, { size: 10 }));
        const first = get(gateway, "/hold?0");
        await holding.holding();
        const second = get(gateway, "/second");
        const now = async () =>
            valueOf(await readMetrics(gateway), "sallyport_backend_queued_requests");
        while ((await now()) !== 1);
        holding.backend.dropConnections();
        assert.equal((await second).body, "you asked for /second\n");
        await first;
    });
});

describe("an endpoint that fails", () => {
    test("costs nobody a request while another one is there, whatever the method", async (t) => {
        const { b } = await startNamed(t, ["b"]);
        const gateway = await startWith(t, {
            endpoints: [await unusedUrl(), b.url],
            ejection: { failures: 0 },
        });
        for (const method of ["GET", "POST", "DELETE", "POST"]) {
            const answer = await get(gateway, "/", { words: ["-X", method] });
            assert.equal(answer.body, "b");
        }
    });

    test("is left out for a while, and that is said once", async (t) => {
        const { b } = await startNamed(t, ["b"]);
        const dead = await unusedUrl();
        const gateway = await startWith(t, {
            endpoints: [dead, b.url],
            ejection: { failures: 3, time: "1h", max_time: "1h" },
        });
        for (let i = 0; i < 20; i++) assert.equal((await get(gateway, "/")).body, "b");
        const metrics = await readMetrics(gateway);
        const of = (name) => valueOf(metrics, name, { endpoint: dead });
        assert.equal(of("sallyport_backend_connect_failures_total"), 3);
        assert.equal(of("sallyport_backend_ejected"), 1);
        assert.equal(of("sallyport_backend_ejections_total"), 1);
        const said = gateway.events.items.filter((line) => /is left out for/.test(line));
        assert.equal(said.length, 1, said.join("\n"));
        assert.match(said[0], /backend 'app': .* left out for 3600000 ms/);
    });

    test("comes back, and is left out for longer when it was too early", async (t) => {
        const { b } = await startNamed(t, ["b"]);
        const dead = await unusedUrl();
        const gateway = await startWith(t, {
            endpoints: [dead, b.url],
            ejection: { failures: 1, time: "100ms", max_time: "150ms" },
        });
        const eject = async (from) => {
            while (!gateway.events.items.slice(from).some((line) => /left out/.test(line)))
                assert.equal((await get(gateway, "/")).body, "b");
            return gateway.events.items.slice(from).find((line) => /left out/.test(line));
        };
        assert.match(await eject(0), /for 100 ms/);
        assert.match(await eject(gateway.events.items.length), /for 150 ms/);
        assert.match(await eject(gateway.events.items.length), /for 150 ms/);
        const late = await startScriptedBackend(
            t,
            { "/": (socket) => answerWith(socket, "late") },
            { port: Number(new URL(dead).port) },
        );
        while ((await get(gateway, "/")).body !== "late");
        await gateway.events.find((line) => /answers again/.test(line), "the word that it is back");
        assert.ok(late.connections > 0);
    });

    test("is tried all the same when all have failed", async (t) => {
        const urls = [await unusedUrl(), await unusedUrl()];
        const gateway = await startWith(t, {
            endpoints: urls,
            ejection: { failures: 1, time: "1h", max_time: "1h", max_share: 100 },
        });
        for (let i = 0; i < 3; i++) assert.equal((await get(gateway, "/")).status, 502);
        const metrics = await readMetrics(gateway);
        for (const url of urls)
            assert.equal(valueOf(metrics, "sallyport_backend_ejected", { endpoint: url }), 1);
        await startScriptedBackend(
            t,
            { "/": (socket) => answerWith(socket, "back") },
            { port: Number(new URL(urls[0]).port) },
        );
        assert.equal((await get(gateway, "/")).body, "back");
    });

    test("is never left out when it is one too many", async (t) => {
        const urls = [await unusedUrl(), await unusedUrl(), await unusedUrl(), await unusedUrl()];
        const gateway = await startWith(t, {
            endpoints: urls,
            ejection: { failures: 1, time: "1h", max_time: "1h" },
        });
        for (let i = 0; i < 10; i++) await get(gateway, "/");
        const metrics = await readMetrics(gateway);
        const ejected = urls.filter(
            (url) => valueOf(metrics, "sallyport_backend_ejected", { endpoint: url }) === 1,
        );
        assert.equal(ejected.length, 2);
    });

    test("is remembered over a reload that changes the backend", async (t) => {
        const { b } = await startNamed(t, ["b"]);
        const dead = await unusedUrl();
        const ejection = { failures: 1, time: "1h", max_time: "1h" };
        const app = { endpoints: [dead, b.url], ejection };
        const gateway = await startWith(t, app);
        for (let i = 0; i < 3; i++) await get(gateway, "/");
        const { reloaded } = await gateway.reload(
            configuration([listener(pki, { url: "app" }, 1, "all", { mode: "none" })], {
                ...WATCHED,
                backends: { app: { ...app, timeouts: { response: "7s" } } },
            }),
        );
        assert.equal(reloaded, true);
        for (let i = 0; i < 3; i++) assert.equal((await get(gateway, "/")).body, "b");
        const failures = valueOf(
            await readMetrics(gateway),
            "sallyport_backend_connect_failures_total",
            { endpoint: dead },
        );
        assert.equal(failures, 1);
    });
});

describe("what an endpoint closed upon", () => {
    const close = (socket) => socket.destroy();

    test("goes to the next one when it may be repeated", async (t) => {
        const { a } = await startNamed(t, ["a"], { "/close": close });
        const { b } = await startNamed(t, ["b"], { "/close": (s) => answerWith(s, "b") });
        const gateway = await startWith(t, { endpoints: [a.url, b.url] });
        for (let i = 0; i < 4; i++) {
            const answer = await get(gateway, "/close", { words: ["-X", i % 2 ? "PUT" : "GET"] });
            assert.equal(answer.body, "b");
        }
        assert.ok(a.count("/close") > 0, "the first one was never asked");
    });

    test("is not repeated when it may not be", async (t) => {
        const { a, b } = await startNamed(t, ["a", "b"], { "/close": close });
        const gateway = await startWith(t, { endpoints: [a.url, b.url] });
        const answer = await get(gateway, "/close", { words: ["-X", "POST"] });
        assert.equal(answer.status, 502);
        assert.equal(a.count("/close") + b.count("/close"), 1);
    });

    test("is not shown to every endpoint there is", async (t) => {
        const all = await startNamed(t, ["a", "b", "c", "d", "e", "f"], { "/close": close });
        const backends = Object.values(all);
        const gateway = await startWith(t, { endpoints: backends.map(({ url }) => url) });
        assert.equal((await get(gateway, "/close")).status, 502);
        const asked = backends.reduce((sum, backend) => sum + backend.count("/close"), 0);
        assert.equal(asked, 4);
    });
});
