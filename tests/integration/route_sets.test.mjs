// SPDX-License-Identifier: Apache-2.0
//
// One list of routes that several listeners serve: each judges by what it asks of clients itself,
// and a reload changes the list for all of them.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { curl } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";

const pki = makePki(after);
const backend = await startBackend({ after });
const trust = [pki.root.certificate];

const APP = [
    { name: "health", paths: ["/healthz"], client_certificate: { mode: "none" }, backend: "app" },
    { name: "all", backend: "app" },
];

function configured(routes, more = {}) {
    const shared = { routes: "app" };
    return configuration(
        [
            listener(pki, backend, 1, "strict", { trust }, shared),
            listener(pki, backend, 2, "lax", { trust, mode: "optional" }, shared),
        ],
        { route_sets: { app: routes }, backends: { app: { endpoints: [backend.url] } }, ...more },
    );
}

test("each listener serves the shared routes by its own demand", async (t) => {
    const gateway = await startGateway(t, configured(APP), { listeners: 2 });
    const ask = (name, path, credential) =>
        curl(pki, gateway.endpoint(name), { path, credential });
    const all = [
        ["strict", "/", undefined, 400],
        ["strict", "/", pki.good, 200],
        ["strict", "/healthz", undefined, 200],
        ["lax", "/", undefined, 200],
        ["lax", "/", pki.stranger, 400],
        ["lax", "/healthz", undefined, 200],
    ];
    for (const [name, path, credential, status] of all) {
        const answer = await ask(name, path, credential);
        assert.equal(answer.status, status, `${name} ${path}: ${answer.failure}`);
    }
    const isHealth = (one) => one.listener === "lax" && one.target === "/healthz";
    assert.equal((await gateway.record(isHealth)).route, "health");

    assert.ok((await gateway.reload(configured([{ ...APP[1], paths: ["/new/*"] }]))).reloaded);
    for (const name of ["strict", "lax"]) {
        assert.equal((await ask(name, "/new/", pki.good)).status, 200);
        assert.equal((await ask(name, "/healthz", pki.good)).status, 404);
    }
});

test("a set that is not there, or empty, is refused where it stands", async (t) => {
    const gateway = await startGateway(t, configured(APP), { listeners: 2 });
    const lineOf = (text, what) => text.split("\n").findIndex((line) => line.includes(what)) + 1;
    const cases = [
        [configured(APP, { route_sets: { ap: APP } }), '"routes": "app"', "did you mean 'ap'?"],
        [configured([]), '"app": []', "'app' is empty"],
    ];
    for (const [text, place, said] of cases) {
        const result = await gateway.reload(text);
        assert.ok(!result.reloaded);
        const where = `sallyport.yaml:${lineOf(text, place)}:`;
        assert.ok(result.said.includes(where) && result.said.includes(said), result.said);
    }
    const answer = await curl(pki, gateway.endpoint("strict"), { credential: pki.good });
    assert.equal(answer.status, 200, answer.failure);
});
