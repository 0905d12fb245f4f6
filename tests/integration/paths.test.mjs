// SPDX-License-Identifier: Apache-2.0
//
// One canonical path: what routing sees, what is demanded for it, and what the backend is asked is
// the same; and what could be read in two ways is refused.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";

const pki = makePki(after);
const backend = await startBackend({ after });
const trust = [pki.root.certificate];
const route = (name, paths, more = {}) => ({ name, paths, backend: backend.url, ...more });
const gateway = await startGateway(
    { after },
    configuration([
        /* An exemption below a demand: /healthz for everybody, the rest for clients. */
        listener(
            pki,
            backend,
            1,
            "exempting",
            { trust },
            {
                routes: [
                    route("health", ["/healthz"], { client_certificate: { mode: "none" } }),
                    route("admin", ["/admin/*"], {
                        client_certificate: { trust: [pki.otherRoot.certificate] },
                    }),
                    route("all", ["/*"]),
                ],
            },
        ),
        /* A demand above an exemption: /admin for clients, the rest for everybody. */
        listener(
            pki,
            backend,
            2,
            "demanding",
            { trust, mode: "optional" },
            {
                routes: [
                    route("admin", ["/admin", "/admin/*"], {
                        client_certificate: { mode: "required" },
                    }),
                    route("reading", ["/records/*"], { methods: ["GET", "HEAD"] }),
                    route("public", ["/public/*", "/"]),
                ],
            },
        ),
    ]),
    { listeners: 2 },
);

/* Sends a request for a target as it is written; the answer, the record, what the backend got. */
async function ask(t, name, target, { credential, method = "GET", host = HOST, lines = [] } = {}) {
    const from = gateway.records.items.length;
    const count = backend.count;
    const client = await connect(t, pki, gateway.endpoint(name), { credential });
    const head = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, ...lines, "", ""];
    const answer = await client.request(head.join("\r\n"), method);
    client.end();
    const record = await gateway.record(({ type }) => type === "exchange", target, from);
    assert.deepEqual(backend.malformed, []);
    return { answer, record, asked: backend.requests.items.slice(count) };
}

function assertServed({ answer, record, asked }, route_, target) {
    assert.equal(answer.status, 200, `${record.target}: ${answer.body}`);
    assert.equal(record.route, route_, record.target);
    assert.deepEqual(
        asked.map((request) => request.target),
        [target],
    );
}

function assertRefused({ answer, record, asked }, status, reason) {
    assert.equal(answer?.status, status, `${record.target}: ${answer?.body}`);
    assert.equal(record.reason, reason, record.target);
    assert.equal(record.status, status);
    assert.deepEqual(asked, [], "the backend was asked");
}

/* ---- what is ambiguous ---------------------------------------------------------------------- */

const AMBIGUOUS = [
    ...["/%2e%2e/admin/x", "/%2E./admin/x", "/a/%2e%2e/admin/x", "/a/../admin/x", "/./admin/x"],
    ...["/healthz/../admin/x", "/healthz/..;/admin/x", "/healthz/.;x/admin/x", "/..;a=b/admin/x"],
    ...["/admin%2fx", "/admin%2Fx", "/%2fadmin/x", "/healthz%2f..%2fadmin", "/admin\\x"],
    ...["/admin%5cx", "/admin%5Cx", "/\\admin\\x", "/admin%00", "/healthz%00.html", "/healthz%"],
    ...["/healthz%2", "/healthz%zz", "/%252e%252e/admin/x", "/admin%252fx", "/..", "/.", "/a/.."],
    ...["/a/.", "/public/%2e%2e", "/public/..", "/%2e", "/public/x/%2e%2e/%2e%2e/admin/x"],
];
const MALFORMED = ["/x#y", "/x y", "/x\ty", "/x\u00e4", "/x\u007f", "x", "//", "?x", ""];

for (const name of ["exempting", "demanding"]) {
    describe(`on the ${name} listener`, () => {
        test("what can be read in two ways is refused, whoever asks", async (t) => {
            for (const target of AMBIGUOUS) {
                for (const credential of [undefined, pki.good]) {
                    const result = await ask(t, name, target, { credential });
                    assert.equal(result.answer?.status, 400, target);
                    assert.deepEqual(result.asked, [], target);
                    assert.match(
                        result.record.reason,
                        /^request_(path_ambiguous|target_malformed)$/,
                        target,
                    );
                }
            }
        });

        test("what is no target is refused", async (t) => {
            for (const target of MALFORMED.filter((text) => text !== "//")) {
                const result = await ask(t, name, target, { credential: pki.good });
                assert.equal(result.answer?.status, 400, JSON.stringify(target));
                assert.deepEqual(result.asked, [], target);
            }
        });
    });
}

/* ---- exemptions match exactly --------------------------------------------------------------- */

test("an exemption serves its own path, and its other spellings, to everybody", async (t) => {
    for (const target of [
        "/healthz",
        "/%68ealthz",
        "/health%7A",
        "//healthz",
        "/healthz?x=/../y",
    ]) {
        const query = target.includes("?") ? target.slice(target.indexOf("?")) : "";
        assertServed(await ask(t, "exempting", target), "health", `/healthz${query}`);
    }
});

test("an exemption serves nothing else without a certificate", async (t) => {
    for (const target of [
        ...["/", "/healthz/", "/healthz/x", "/healthz;x=1", "/healthz.html", "/healthzz"],
        ...["/HEALTHZ", "/healthz%20", "/healthz%3Fx", "/healthz%23", "/x/healthz", "/health"],
    ]) {
        assertRefused(await ask(t, "exempting", target), 400, "certificate_missing");
        const known = await ask(t, "exempting", target, { credential: pki.good });
        assert.equal(known.record.route, "all", target);
        assert.equal(known.answer.status, 200, target);
    }
});

/* ---- demands match generously --------------------------------------------------------------- */

const ADMIN = {
    "/admin/x": "/admin/x",
    "//admin/x": "/admin/x",
    "///admin//x": "/admin/x",
    "/%61dmin/x": "/admin/x",
    "/%61%64%6D%69%6e/x": "/admin/x",
    "/admin/": "/admin/",
    "/admin/x?y": "/admin/x?y",
    "/admin/%2d": "/admin/-",
    "/admin/%e4": "/admin/%E4",
};

test("no spelling of a path leads around its route's demand", async (t) => {
    for (const [target, canonical] of Object.entries(ADMIN)) {
        assertRefused(await ask(t, "demanding", target), 400, "certificate_missing");
        const known = await ask(t, "demanding", target, { credential: pki.good });
        assertServed(known, "admin", canonical);
    }
});

test("a route's own anchors judge, and the listener's do not help", async (t) => {
    for (const [target, canonical] of Object.entries(ADMIN)) {
        const good = await ask(t, "exempting", target, { credential: pki.good });
        assertRefused(good, 400, "certificate_issuer_unknown");
        const other = await ask(t, "exempting", target, { credential: pki.other });
        assertServed(other, "admin", canonical);
    }
    const elsewhere = await ask(t, "exempting", "/x", { credential: pki.other });
    assertRefused(elsewhere, 400, "certificate_issuer_unknown");
});

test("one connection is judged for each route anew", async (t) => {
    const endpoint = gateway.endpoint("exempting");
    const client = await connect(t, pki, endpoint, { credential: pki.good });
    const get = (path) => client.request(`GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    assert.equal((await get("/healthz")).status, 200);
    assert.equal((await get("/x")).status, 200);
    assert.equal((await get("/healthz")).status, 200);
    const from = gateway.records.items.length;
    assert.equal((await get("/admin/x")).status, 400);
    assert.equal(await client.closed(), "");
    await gateway.record(({ target }) => target === "/admin/x", "the last record", from);
});

/* ---- the rest of the walk ------------------------------------------------------------------- */

test("the first route that matches path and method serves; none is 404", async (t) => {
    assertServed(await ask(t, "demanding", "/"), "public", "/");
    assertServed(await ask(t, "demanding", "/public/a%20b"), "public", "/public/a%20b");
    assertServed(await ask(t, "demanding", "/records/1"), "reading", "/records/1");
    const headers = { lines: ["Content-Length: 0"] };
    for (const [target, options] of [
        ["/nowhere", {}],
        ["/publi", {}],
        ["/records/1", { method: "POST", ...headers }],
        ["/records/1", { method: "DELETE" }],
    ]) {
        assertRefused(await ask(t, "demanding", target, options), 404, "route_not_found");
    }
});

/* RFC 9112 section 3.2.2. */
test("an absolute target is its path, and its host counts instead of Host", async (t) => {
    const absolute = `https://${HOST}/%61dmin/x`;
    assertRefused(await ask(t, "demanding", absolute), 400, "certificate_missing");
    const known = await ask(t, "demanding", absolute, { credential: pki.good });
    assertServed(known, "admin", "/admin/x");
    const other = await ask(t, "demanding", "https://elsewhere.test/", {});
    assertServed(other, "public", "/");
    assert.equal(other.record.host, "elsewhere.test");
    assert.deepEqual(other.asked[0].values("Host"), ["elsewhere.test"]);
    assert.deepEqual(other.asked[0].values("X-Forwarded-Host"), ["elsewhere.test"]);
});

test("methods that a gateway must not pass on are refused", async (t) => {
    for (const [method, target] of [
        ["CONNECT", `${HOST}:443`],
        ["TRACE", "/"],
    ]) {
        const result = await ask(t, "demanding", target, { method, credential: pki.good });
        assertRefused(result, 405, "request_method_refused");
    }
});

test("the query reaches the backend as it was", async (t) => {
    const target = "/public/x?a=%2e%2e%2f&b=../..&c=%zz&&d=//";
    assertServed(await ask(t, "demanding", target), "public", target);
});
