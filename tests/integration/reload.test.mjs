// SPDX-License-Identifier: Apache-2.0
//
// Reloading under load: a new configuration takes effect at the next request and costs nobody
// anything; a broken one says where it is broken, and the old one goes on.
//
// SALLYPORT_TEST_RELOADS says how many reloads there are (40 when it does not).

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { after, describe, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { before } from "./support/deadline.mjs";
import { RELEASE_PROGRAM, startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";

const RELOADS = Number(process.env.SALLYPORT_TEST_RELOADS ?? 40);

const pki = makePki(after);
const first = await startBackend({ after }, () => ({ body: "first\n" }));
const second = await startBackend({ after }, () => ({ body: "second\n" }));
const SERVERS = [1, 2].map((number) =>
    pki.server([`DNS:server-${number}.test`, `DNS:${HOST}`, "IP:127.0.0.1"]),
);

const get = (target) => `GET ${target} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;

/* What a configuration of these tests may differ in. */
const START = {
    server: 0, // which certificate it shows
    trusted: ["root"], // whom it trusts
    extra: null, // a path with a route of its own
    backend: first,
    second: false, // a second address
};

function configured({ server, trusted, extra, backend, second: hasSecond }) {
    const { chain, key } = SERVERS[server];
    const more = {
        tls: { certificates: [{ chain, key }] },
        routes: [
            ...(extra === null
                ? []
                : [{ name: "extra", paths: [extra], backend: second.url }]),
            { name: "all", paths: ["/all", "/all/*"], backend: backend.url },
        ],
    };
    const client = { trust: trusted.map((name) => pki[name].certificate) };
    return configuration(
        [
            listener(pki, backend, 1, "main", client, more),
            ...(hasSecond ? [listener(pki, backend, 2, "second", client, more)] : []),
        ],
        /* Idle connections are left alone: what is shown here is the next request. */
        { workers: 2, limits: { rejudge_interval: "1m" } },
    );
}

const reach = (t, gateway, name, credential) =>
    connect(t, pki, gateway.endpoint(name), { credential });

/* ---- one change at a time ------------------------------------------------------------------- */

test("a changed trust is felt at the next request of an open connection", async (t) => {
    const gateway = await startGateway(t, configured(START));
    const open = await reach(t, gateway, "main", pki.good);
    assert.equal((await open.request(get("/all"))).status, 200);
    const other = await reach(t, gateway, "main", pki.good);
    assert.equal((await other.request(get("/all"))).status, 200);

    await gateway.reload(configured({ ...START, trusted: ["otherRoot"] }));
    const answer = await open.request(get("/all/refused"));
    assert.equal(answer.status, 400);
    assert.equal(await open.closed(), "");
    const record = await gateway.record(({ target }) => target === "/all/refused");
    assert.equal(record.reason, "certificate_issuer_unknown");
    const stranger = await reach(t, gateway, "main", pki.other);
    assert.equal((await stranger.request(get("/all"))).status, 200);

    await gateway.reload(configured({ ...START, trusted: ["root", "otherRoot"] }));
    assert.equal((await other.request(get("/all"))).status, 200);
    assert.equal((await stranger.request(get("/all"))).status, 200);
    for (const client of [open, other, stranger]) client.end();
});

test("changed routes and backends are felt at the next request", async (t) => {
    const gateway = await startGateway(t, configured(START));
    const client = await reach(t, gateway, "main", pki.good);
    assert.equal((await client.request(get("/all"))).body, "first\n");
    assert.equal((await client.request(get("/extra"))).status, 404);
    await gateway.reload(configured({ ...START, extra: "/extra", backend: second }));
    assert.equal((await client.request(get("/all"))).body, "second\n");
    assert.equal((await client.request(get("/extra"))).body, "second\n");
    await gateway.reload(configured(START));
    assert.equal((await client.request(get("/extra"))).status, 404);
    assert.equal((await client.request(get("/all"))).body, "first\n");
    client.end();
});

test("an added listener is announced and serves; a removed one answers 421", async (t) => {
    const gateway = await startGateway(t, configured(START));
    for (let round = 0; round < 2; round++) {
        gateway.endpoints.delete("second");
        await gateway.reload(configured({ ...START, second: true }));
        const there = gateway.endpoint("second");
        const client = await reach(t, gateway, "second", pki.good);
        assert.equal((await client.request(get("/all"))).status, 200);
        const resting = await reach(t, gateway, "second", pki.good);

        await gateway.reload(configured(START));
        const target = `/all/${round}`;
        const answer = await client.request(get(target));
        assert.equal(answer.status, 421);
        assert.equal(answer.value("Connection"), "close");
        assert.equal(await client.closed(), "");
        const record = await gateway.record((one) => one.target === target);
        assert.equal(record.reason, "request_misdirected");
        assert.equal((await resting.request(get("/all"))).status, 421);
        const late = net.connect({ host: there.address, port: there.port });
        const [error] = await before(once(late, "error"), "a refused connection");
        assert.equal(error.code, "ECONNREFUSED");
    }
});

test("what runs goes on with the configuration that it began under", async (t) => {
    let finish;
    const held = new Promise((resolve) => (finish = resolve));
    const slow = await startBackend(t, async () => {
        await held;
        return { body: "slow\n" };
    });
    const gateway = await startGateway(t, configured({ ...START, backend: slow }));
    const client = await reach(t, gateway, "main", pki.good);
    client.send(get("/all"));
    await slow.requests.find(() => true, "the request");
    await gateway.reload(configured({ ...START, trusted: ["otherRoot"] }));
    finish();
    const answer = await client.answer();
    assert.equal(answer.status, 200);
    assert.equal(answer.body, "slow\n");
    assert.equal((await client.request(get("/all"))).status, 400);
    client.end();
});

/* ---- broken configurations ------------------------------------------------------------------ */

const missing = () => path.join(pki.folder, "there-is-no-such-file.pem");

function broken(change) {
    const made = JSON.parse(configured(START));
    change(made.listeners[0], made);
    return JSON.stringify(made, null, 2);
}

async function takenAddress(t) {
    const server = net.createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    return `127.0.0.1:${server.address().port}`;
}

/* From what is broken to the configuration, and to what is said of it. */
const BROKEN = {
    "a syntax error": [async () => `${configured(START)}\n  ]: {`, /./],
    "an unknown setting": [
        async () => broken((one) => (one.hostess = ["a.test"])),
        /'hostess'.*'hosts'/,
    ],
    "a trust file that is missing": [
        async () => broken((one) => (one.client_certificate.trust = [missing()])),
        /there-is-no-such-file\.pem.*No such file/,
    ],
    "a trust file that is empty": [
        async () => {
            const empty = path.join(pki.folder, "empty.pem");
            writeFileSync(empty, "");
            return broken((one) => (one.client_certificate.trust = [empty]));
        },
        /empty\.pem/,
    ],
    "no trust at all": [
        async () => broken((one) => (one.client_certificate.trust = [])),
        /'trust'|trust/,
    ],
    "a key that belongs to another certificate": [
        async () => broken((one) => (one.tls.certificates[0].key = SERVERS[1].key)),
        /key/,
    ],
    "an address that is in use": [
        async (t) => {
            const address = await takenAddress(t);
            return broken((one, { listeners }) =>
                listeners.push({ ...one, name: "taken", address }),
            );
        },
        /listener 'taken'.*[Aa]ddress already in use/,
    ],
};

describe("a broken configuration", { concurrency: true }, () => {
    for (const [name, [make, says]] of Object.entries(BROKEN)) {
        test(`${name}: is said, with its place, and the old one goes on`, async (t) => {
            const gateway = await startGateway(t, configured(START));
            const open = await reach(t, gateway, "main", pki.good);
            assert.equal((await open.request(get("/all"))).status, 200);
            const { reloaded, said } = await gateway.reload(await make(t));
            assert.equal(reloaded, false, said);
            assert.match(said, says);
            assert.match(said, /sallyport\.yaml:\d+:\d+: /, said);
            assert.equal((await open.request(get("/all"))).status, 200);
            const fresh = await reach(t, gateway, "main", pki.good);
            assert.equal((await fresh.request(get("/all"))).status, 200);
            const stranger = await reach(t, gateway, "main", pki.other);
            assert.equal((await stranger.request(get("/all"))).status, 400);
            for (const client of [open, fresh, stranger]) client.end();
        });
    }
});

/* ---- under load ----------------------------------------------------------------------------- */

/* Clients that never stop, until told; `failures` is what went wrong for them. */
function startLoad(t, gateway, { newcomers = 2 } = {}) {
    const load = { failures: [], requests: 0, connections: 0, isOver: false };
    const ask = async (client, about) => {
        const answer = await client.request(get("/all"));
        load.requests++;
        if (answer?.status === 200 && /^(first|second)\n$/.test(answer.body)) return true;
        load.failures.push(`${about}: ${answer?.line ?? client.error ?? "no answer"}`);
        return false;
    };
    const stay = async (number) => {
        const client = await reach(t, gateway, "main", pki.good);
        load.connections++;
        while (!load.isOver && (await ask(client, `connection ${number}`))) continue;
        client.end();
    };
    const comeAndGo = async () => {
        while (!load.isOver) {
            const client = await reach(t, gateway, "main", pki.good);
            load.connections++;
            await ask(client, "a new connection");
            client.end();
        }
    };
    const coming = Array.from({ length: newcomers }, comeAndGo);
    const everybody = Promise.all([...[1, 2, 3, 4].map(stay), ...coming]);
    load.end = async () => {
        load.isOver = true;
        await before(everybody, "the clients to end");
    };
    t.after(load.end);
    return load;
}

/* The changes, one after the other; each says how to see that it is effective. */
const CHANGES = [
    {
        name: "certificate",
        apply: (now) => ({ ...now, server: 1 - now.server }),
        async verify(t, gateway, { server }) {
            const client = await reach(t, gateway, "main", pki.good);
            const shown = client.socket.getPeerX509Certificate().fingerprint256;
            client.end();
            assert.equal(shown, SERVERS[server].x509.fingerprint256);
        },
    },
    {
        name: "trust",
        apply: (now) => ({
            ...now,
            trusted: now.trusted.length > 1 ? ["root"] : ["root", "otherRoot"],
        }),
        async verify(t, gateway, { trusted }) {
            const client = await reach(t, gateway, "main", pki.other);
            const { status } = await client.request(get("/all"));
            client.end();
            assert.equal(status, trusted.length > 1 ? 200 : 400);
        },
    },
    {
        name: "route",
        apply: (now) => ({ ...now, extra: now.extra === null ? "/extra" : null }),
        async verify(t, gateway, { extra }) {
            const client = await reach(t, gateway, "main", pki.good);
            const { status } = await client.request(get("/extra"));
            client.end();
            assert.equal(status, extra === null ? 404 : 200);
        },
    },
    {
        name: "listener",
        apply: (now) => ({ ...now, second: !now.second }),
        async verify(t, gateway, { second: isThere }) {
            const { address, port } = gateway.endpoint("second");
            const socket = net.connect({ host: address, port });
            const tried = new Promise((resolve) => {
                socket.on("connect", () => resolve(true));
                socket.on("error", () => resolve(false));
            });
            const got = await before(tried, "an answer to SYN");
            socket.destroy();
            assert.equal(got, isThere);
        },
    },
    {
        name: "backend",
        apply: (now) => ({ ...now, backend: now.backend === first ? second : first }),
        async verify(t, gateway, { backend }) {
            const client = await reach(t, gateway, "main", pki.good);
            const { body } = await client.request(get("/all"));
            client.end();
            assert.equal(body, backend === first ? "first\n" : "second\n");
        },
    },
];

async function reloadUnderLoad(t, gateway, load, state, count, { verifies = true } = {}) {
    for (let i = 0; i < count; i++) {
        const change = CHANGES[i % CHANGES.length];
        state = change.apply(state);
        const { reloaded, said } = await gateway.reload(configured(state));
        assert.equal(reloaded, true, said);
        if (verifies) await change.verify(t, gateway, state);
        assert.deepEqual(load.failures, [], `after reload ${i + 1}: ${change.name}`);
    }
    return state;
}

test(`${RELOADS} reloads under load fail no request and lose no connection`, async (t) => {
    const gateway = await startGateway(t, configured(START));
    const load = startLoad(t, gateway);
    await reloadUnderLoad(t, gateway, load, START, RELOADS);
    await load.end();
    assert.deepEqual(load.failures, []);
    t.diagnostic(`${load.requests} requests on ${load.connections} connections`);
});

test("reloads in a row, without waiting, end with the last one", async (t) => {
    const gateway = await startGateway(t, configured(START));
    const load = startLoad(t, gateway);
    for (let i = 0; i < 20; i++) gateway.signal("SIGHUP");
    await gateway.reload(configured({ ...START, backend: second }));
    const client = await reach(t, gateway, "main", pki.good);
    /* A reload that was under way may have been the one that was heard of. */
    let body;
    while (body !== "second\n") body = (await client.request(get("/all"))).body;
    client.end();
    await load.end();
    assert.deepEqual(load.failures, []);
});

test("memory stays flat over reloads", async (t) => {
    if (!existsSync(RELEASE_PROGRAM)) {
        t.skip(`there is no release build at ${RELEASE_PROGRAM}: ./dev build release makes it`);
        return;
    }
    const gateway = await startGateway(t, configured(START), { program: RELEASE_PROGRAM });
    /* Nobody new comes: whoever does leaves a session to resume, which is memory well spent. */
    const load = startLoad(t, gateway, { newcomers: 0 });
    const quietly = { verifies: false };
    const state = await reloadUnderLoad(t, gateway, load, START, 10, quietly);
    const before_ = gateway.memory();
    await reloadUnderLoad(t, gateway, load, state, RELOADS, quietly);
    const grown = gateway.memory() - before_;
    await load.end();
    t.diagnostic(`${before_} KiB after ten reloads, ${grown} KiB more after ${RELOADS} others`);
    assert.ok(grown < 512, `${grown} KiB more than after ten reloads`);
});
