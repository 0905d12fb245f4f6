// SPDX-License-Identifier: Apache-2.0
//
// TLS as real clients speak it: server certificates of two kinds, listeners that share an address
// and differ in everything, sessions of one offered at the other, and a ClientHello in pieces.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { Duplex } from "node:stream";
import { after, describe, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, curl, HOST, nodeGet, sClient } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";

const VERSIONS = ["1.2", "1.3"];
const pki = makePki(after);
const trust = [pki.root.certificate];

/* Says whom it was told of. */
function sayWho(request) {
    return { body: `${request.value("X-Who") ?? "nobody"}\n` };
}

const backend = await startBackend({ after }, sayWho);
const who = { identity_headers: [{ name: "X-Who", format: "subject" }] };

/* A target that no other request has, by which its record is found. */
let asked = 0;
function newTarget(path_) {
    return `${path_}?${++asked}`;
}

function get(target, host) {
    return `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
}

/* ---- two kinds of server certificates, every mode, other people's clients ------------------- */

const NAMES = ["DNS:gateway.test", ...[1, 2, 3, 4].map((last) => `IP:127.0.0.${last}`)];
const KINDS = {
    ecdsa: {
        server: pki.server(NAMES, "ec"),
        client: pki.good,
        algorithms: "ecdsa_secp256r1_sha256",
        library: "ECDSA+SHA256",
    },
    rsa: {
        server: pki.server(NAMES, "rsa"),
        client: pki.rsa,
        algorithms: "rsa_pss_rsae_sha256",
        library: "RSA-PSS+SHA256",
    },
};

/* curl takes what it may offer from OpenSSL's configuration. */
function curlLimitedTo(kind) {
    const file = path.join(pki.folder, `${kind}-only.cnf`);
    writeFileSync(
        file,
        [
            ...["openssl_conf = init", "[init]", "ssl_conf = ssl", "[ssl]"],
            ...["system_default = limited", "[limited]"],
            `SignatureAlgorithms = ${KINDS[kind].library}`,
        ].join("\n"),
    );
    return { OPENSSL_CONF: file };
}

function pinOf({ x509 }) {
    const key = x509.publicKey.export({ type: "spki", format: "der" });
    return `sha256//${createHash("sha256").update(key).digest("base64")}`;
}

describe("a client that takes one kind of server certificate gets that kind", async () => {
    const bothKinds = {
        tls: {
            certificates: [KINDS.ecdsa, KINDS.rsa].map(({ server }) => ({
                chain: server.chain,
                key: server.key,
            })),
        },
        ...who,
    };
    const modes = {
        required: { trust },
        optional: { trust, mode: "optional" },
        unverified: { mode: "unverified" },
        none: { mode: "none" },
    };
    const gateway = await startGateway(
        { after },
        configuration(
            Object.entries(modes).map(([mode, settings], i) =>
                listener(pki, backend, i + 1, mode, settings, bothKinds),
            ),
        ),
        { listeners: 4 },
    );

    for (const version of VERSIONS) {
        for (const [kind, { server, client, algorithms }] of Object.entries(KINDS)) {
            for (const mode of Object.keys(modes)) {
                test(`${kind}, TLS ${version}, mode ${mode}`, async () => {
                    const endpoint = gateway.endpoint(mode);
                    const isNamed = mode === "required" || mode === "optional";
                    const expected = isNamed
                        ? `CN=${client === pki.good ? "good" : "rsa"},O=Example\n`
                        : "nobody\n";
                    const options = { credential: client, version };

                    const byCurl = await curl(pki, endpoint, {
                        ...options,
                        environment: curlLimitedTo(kind),
                        words: ["--pinnedpubkey", pinOf(server)],
                    });
                    assert.equal(byCurl.status, 200, byCurl.failure);
                    assert.equal(byCurl.body, expected);

                    const byOpenssl = await sClient(pki, endpoint, {
                        ...options,
                        words: ["-sigalgs", algorithms],
                    });
                    assert.equal(byOpenssl.answer?.status, 200, byOpenssl.text);
                    assert.match(
                        byOpenssl.text,
                        kind === "rsa"
                            ? /Peer signature type: RSA-PSS/
                            : /Peer signature type: ECDSA/,
                    );

                    for (const host of [HOST, endpoint.address]) {
                        const byNode = await nodeGet(pki, endpoint, {
                            ...options,
                            host,
                            more: { sigalgs: algorithms },
                        });
                        assert.equal(byNode.status, 200);
                        assert.equal(byNode.body, expected);
                        assert.equal(byNode.certificate.fingerprint256, server.x509.fingerprint256);
                    }
                });
            }
        }
    }
});

/* ---- listeners that share an address and differ in every property ---------------------------- */

const ALPHA = "alpha.test";
const BETA = "beta.test";

/* `alpha` is the first, so that it serves whoever names nobody. */
function sharedListeners() {
    const serverOf = (name, key) => {
        const { chain, key: file } = pki.server([`DNS:${name}`, `DNS:*.${name}`], key);
        return { certificates: [{ chain, key: file }] };
    };
    const alpha = {
        name: "alpha",
        address: "127.0.0.1:0",
        hosts: [ALPHA, `*.${ALPHA}`],
        tls: {
            ...serverOf(ALPHA, "rsa"),
            policy: {
                ciphers: ["ECDHE-RSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256"],
                groups: ["P-256"],
            },
        },
        client_certificate: { trust },
        ...who,
        routes: [{ name: "alpha-only", paths: ["/alpha", "/both"], backend: backend.url }],
    };
    const beta = {
        name: "beta",
        address: "127.0.0.1:0",
        hosts: [BETA],
        tls: {
            ...serverOf(BETA, "ec"),
            policy: {
                ciphers: ["ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_AES_256_GCM_SHA384"],
                /* With TLS 1.2 the curves of clients' certificates must be among them too. */
                groups: ["X25519", "P-256"],
            },
        },
        client_certificate: {
            trust: [pki.otherRoot.certificate],
            mode: "optional",
            on_failure: "alert",
        },
        ...who,
        routes: [{ name: "beta-only", paths: ["/beta", "/both"], backend: backend.url }],
    };
    const open = {
        name: "open",
        address: "127.0.0.1:0",
        hosts: ["open.test"],
        tls: serverOf("open.test", "ec"),
        client_certificate: { mode: "none" },
        ...who,
        routes: [{ name: "open-all", backend: backend.url }],
    };
    return [
        alpha,
        beta,
        /* Judges exactly as alpha does. */
        { ...alpha, name: "twin", hosts: ["twin.test"] },
        open,
        { ...open, name: "old", hosts: ["old.test"], tls: limited(open, { max_version: "1.2" }) },
        { ...open, name: "new", hosts: ["new.test"], tls: limited(open, { min_version: "1.3" }) },
    ];
}

function limited(like, policy) {
    return { ...like.tls, policy };
}

const shared = await startGateway({ after }, configuration(sharedListeners()), { listeners: 6 });
const endpoint = shared.endpoint("alpha");

/* A connection with or without SNI; `host` null: without. */
function reach(t, name, options = {}) {
    const { more = {}, ...rest } = options;
    return connect(t, pki, endpoint, {
        ...rest,
        host: name ?? HOST,
        more: name === null ? { ...more, servername: "" } : more,
    });
}

function recordOf(target) {
    return shared.record((record) => record.target === target, `the record of ${target}`);
}

const serverNames = (client) => client.socket.getPeerX509Certificate()?.subjectAltName ?? "";

for (const version of VERSIONS) {
    describe(`on one address, TLS ${version}`, () => {
        test("each has its own certificate, suites, groups, trust, mode and routes", async (t) => {
            const suites =
                version === "1.2"
                    ? ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"]
                    : ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"];
            const alpha = await reach(t, ALPHA, { version, credential: pki.good });
            assert.match(serverNames(alpha), /DNS:alpha\.test/);
            assert.equal(alpha.socket.getCipher().name, suites[0]);
            assert.equal(alpha.socket.getEphemeralKeyInfo().name, "prime256v1");
            const served = await alpha.request(get("/both", ALPHA));
            assert.equal(served.body, "CN=good,O=Example\n");
            assert.equal((await alpha.request(get("/beta", ALPHA))).status, 404);

            const beta = await reach(t, BETA, { version, credential: pki.other });
            assert.match(serverNames(beta), /DNS:beta\.test/);
            assert.equal(beta.socket.getCipher().name, suites[1]);
            assert.equal(beta.socket.getEphemeralKeyInfo().name, "X25519");
            assert.equal((await beta.request(get("/beta", BETA))).body, "CN=other,O=Example\n");

            /* Good for one is bad for the other, and each says so in its own way. */
            const strange = await reach(t, ALPHA, { version, credential: pki.other });
            assert.equal((await strange.request(get("/alpha", ALPHA))).status, 400);
            const alerted = await reach(t, BETA, { version, credential: pki.good });
            alerted.send(get("/beta", BETA));
            assert.equal(await alerted.closed(), "");
            assert.match(alerted.error?.code ?? "", /UNKNOWN_CA/);

            const missing = await reach(t, ALPHA, { version });
            assert.equal((await missing.request(get("/alpha", ALPHA))).status, 400);
            const anonymous = await reach(t, BETA, { version });
            assert.equal((await anonymous.request(get("/beta", BETA))).body, "nobody\n");
        });

        test("a group that only the other has ends the handshake", async (t) => {
            const more = { ecdhCurve: "X25519" };
            const alpha = await reach(t, ALPHA, { version, more });
            assert.match(alpha.error?.code ?? "none", /HANDSHAKE_FAILURE/);
            /* With TLS 1.2 the list is also for the curve of the server's certificate. */
            if (version === "1.2") return;
            const beta = await reach(t, BETA, { version, more });
            assert.equal(beta.error, null);
        });

        test("a version that only the other speaks ends the handshake", async (t) => {
            for (const [name, speaks] of [
                ["old.test", "1.2"],
                ["new.test", "1.3"],
            ]) {
                const client = await reach(t, name, { version });
                if (speaks === version) {
                    assert.equal((await client.request(get("/", name))).status, 200);
                } else {
                    assert.match(client.error?.code ?? "none", /PROTOCOL_VERSION/, name);
                }
            }
        });

        test("names are found in any case, with a trailing dot, and by wildcard", async (t) => {
            for (const name of [
                ...["ALPHA.test", "aLpHa.TeSt", "alpha.test.", "child.alpha.test"],
                ...["Child.Alpha.Test.", "deeper.child.alpha.test"],
            ]) {
                const client = await reach(t, name, { version, credential: pki.good });
                assert.match(serverNames(client), /DNS:alpha\.test/, name);
                assert.equal((await client.request(get("/alpha", name))).status, 200, name);
                assert.equal((await client.request(get("/alpha", ALPHA))).status, 200, name);
                assert.equal((await client.request(get("/beta", BETA))).status, 421, name);
            }
            for (const name of ["BETA.test", "beta.TEST."]) {
                const client = await reach(t, name, { version, credential: pki.other });
                assert.match(serverNames(client), /DNS:beta\.test/, name);
                assert.equal((await client.request(get("/beta", name))).status, 200, name);
            }
        });

        test("without SNI, and with one that nobody serves, the first answers", async (t) => {
            for (const name of [null, "unknown.test", "child.beta.test", "alpha.test.evil"]) {
                const about = `SNI ${name}`;
                const ask = async (host) => {
                    const client = await reach(t, name, { version, credential: pki.good });
                    assert.match(serverNames(client), /DNS:alpha\.test/, about);
                    return (await client.request(get("/both", host))).status;
                };
                assert.equal(await ask(ALPHA), 200, about);
                assert.equal(await ask("twin.test"), 200, about);
                assert.equal(await ask(BETA), 421, about);
                assert.equal(await ask("open.test"), 421, about);
                assert.equal(await ask("unknown.test"), 404, about);
                assert.equal(await ask("127.0.0.1"), 404, about);
            }
        });

        test("a Host of another listener is served only where both judge alike", async (t) => {
            const expected = {
                [ALPHA]: { [BETA]: 421, "twin.test": 200, "open.test": 421, "a.alpha.test": 200 },
                [BETA]: { [ALPHA]: 421, "twin.test": 421, "open.test": 421, "BETA.test.": 200 },
                "open.test": { [ALPHA]: 421, [BETA]: 421, "twin.test": 421, "OPEN.test": 200 },
            };
            const credentials = { [ALPHA]: pki.good, [BETA]: pki.other };
            for (const [name, hosts] of Object.entries(expected)) {
                for (const [host, status] of Object.entries(hosts)) {
                    const credential = credentials[name];
                    const client = await reach(t, name, { version, credential });
                    /* The first request is proper; the second changes its Host. */
                    assert.equal((await client.request(get("/both", name))).status, 200, name);
                    const target = newTarget("/both");
                    const { count } = backend;
                    const answer = await client.request(get(target, host));
                    assert.equal(answer.status, status, `${name} then ${host}`);
                    const record = await recordOf(target);
                    assert.equal(record.status, status);
                    if (status === 421) {
                        assert.equal(record.reason, "request_misdirected");
                        assert.equal(record.principal, undefined);
                        assert.equal(backend.count, count, "the backend was asked");
                    }
                }
            }
        });
    });
}

/* ---- sessions of one listener offered at the other ------------------------------------------ */

const OFFERS = [
    { name: ALPHA, serves: ALPHA, credential: "good" },
    { name: BETA, serves: BETA, credential: "other" },
    { name: "twin.test", serves: "twin.test", credential: "good" },
    { name: null, serves: ALPHA, credential: "good" },
    { name: "unknown.test", serves: ALPHA, credential: "good" },
    { name: "child.alpha.test", serves: ALPHA, credential: "good" },
    { name: "open.test", serves: "open.test", credential: null },
];

const label = ({ name }) => name ?? "(no SNI)";

test("a session is resumed by who gave it, for the name it was given for", async (t) => {
    const table = [];
    for (const version of VERSIONS) {
        for (const given of OFFERS) {
            const credential = given.credential === null ? undefined : pki[given.credential];
            const first = await reach(t, given.name, { version, credential });
            const answer = await first.request(get("/both", given.serves));
            assert.equal(answer.status, 200, label(given));
            const session = await first.sessions.find(() => true, "a session");
            const row = { session: `${version} ${label(given)}` };
            for (const offered of OFFERS) {
                /* No certificate this time: whoever is served as somebody was resumed. */
                const target = newTarget("/both");
                const client = await reach(t, offered.name, { version, more: { session } });
                const resumed = client.socket.isSessionReused();
                const second = await client.request(get(target, offered.serves));
                const about = `session of ${row.session} at ${label(offered)}`;
                assert.equal(resumed, offered === given, about);
                const record = await recordOf(target);
                assert.equal(record.resumed, resumed, about);
                if (resumed) {
                    assert.equal(second.status, 200, about);
                    assert.equal(second.body, answer.body, about);
                } else if (offered.serves === ALPHA || offered.serves === "twin.test") {
                    assert.equal(second.status, 400, about);
                    assert.equal(record.reason, "certificate_missing", about);
                } else {
                    assert.equal(second.status, 200, about);
                    assert.equal(second.body, "nobody\n", about);
                }
                row[label(offered)] = `${resumed ? "resumed" : "full"} ${second.status}`;
                client.end();
            }
            /* The same name in another case is the same name. */
            if (given.name !== null) {
                const again = await reach(t, given.name.toUpperCase(), {
                    version,
                    more: { session: await freshSession(t, given, version) },
                });
                assert.equal(again.socket.isSessionReused(), true, label(given));
            }
            table.push(row);
        }
    }
    diagnoseTable(t, table);
});

async function freshSession(t, { name, serves, credential }, version) {
    const options = { version, credential: credential === null ? undefined : pki[credential] };
    const client = await reach(t, name, options);
    await client.request(get("/both", serves));
    return client.sessions.find(() => true, "a session");
}

function diagnoseTable(t, rows) {
    const columns = Object.keys(rows[0]);
    const width = (column) =>
        Math.max(column.length, ...rows.map((row) => String(row[column]).length));
    const line = (row) => columns.map((column) => row[column].padEnd(width(column))).join("  ");
    t.diagnostic(line(Object.fromEntries(columns.map((column) => [column, column]))));
    for (const row of rows) t.diagnostic(line(row));
}

test("a resumed connection with another Host is judged as a new one is", async (t) => {
    for (const version of VERSIONS) {
        const session = await freshSession(t, OFFERS[0], version);
        const client = await reach(t, ALPHA, { version, more: { session } });
        assert.equal(client.socket.isSessionReused(), true);
        assert.equal((await client.request(get("/both", BETA))).status, 421);
        /* 421 may close; what follows must not be served for beta either way. */
        client.end();
        const other = await reach(t, ALPHA, {
            version,
            more: { session: await freshSession(t, OFFERS[0], version) },
        });
        assert.equal((await other.request(get("/both", "twin.test"))).body, "CN=good,O=Example\n");
        assert.equal((await other.request(get("/both", "open.test"))).status, 421);
    }
});

test("who refuses by alert gives no session to whom it refused", async (t) => {
    for (const version of VERSIONS) {
        const client = await reach(t, BETA, { version, credential: pki.good });
        await client.closed();
        assert.deepEqual(client.sessions.items, []);
    }
});

test("who is refused by HTTP is refused again when resumed", async (t) => {
    for (const version of VERSIONS) {
        for (const kind of ["expired", "stranger", "selfSigned", "wrongPurpose"]) {
            const first = await reach(t, ALPHA, { version, credential: pki[kind] });
            assert.equal((await first.request(get("/both", ALPHA))).status, 400);
            const session = first.sessions.items[0];
            if (session === undefined) continue;
            const again = await reach(t, ALPHA, { version, more: { session } });
            const answer = await again.request(get("/both", ALPHA));
            assert.equal(answer.status, 400, `${kind} ${again.socket.isSessionReused()}`);
        }
    }
});

/* ---- a second ClientHello ------------------------------------------------------------------- */

/* A client offers a share of its first group only; alpha knows the second alone, and asks again. */
test("who is asked for another ClientHello is judged and resumed as anybody is", async (t) => {
    const more = { ecdhCurve: "X25519:P-256" };
    const words = ["-groups", "X25519:P-256", "-msg", "-cert_chain", pki.good.chain];
    const { text, answer } = await sClient(pki, endpoint, {
        ...{ credential: pki.good, version: "1.3", host: ALPHA, path: "/both", words },
    });
    assert.equal(text.match(/>>>.*ClientHello/g).length, 2, "there was no HelloRetryRequest");
    assert.ok(answer.body.startsWith("CN=good,O=Example\n"));
    for (const [name, host] of [
        [ALPHA, ALPHA],
        ["twin.test", "twin.test"],
        [null, ALPHA],
    ]) {
        const options = { version: "1.3", more };
        const client = await reach(t, name, { ...options, credential: pki.good });
        assert.equal(client.socket.getEphemeralKeyInfo().name, "prime256v1");
        assert.equal((await client.request(get("/both", host))).body, "CN=good,O=Example\n");
        assert.equal((await client.request(get("/both", BETA))).status, 421);
        const session = await client.sessions.find(() => true, "a session");
        const again = await reach(t, name, { ...options, more: { ...more, session } });
        assert.equal(again.socket.isSessionReused(), true);
        assert.equal((await again.request(get("/both", host))).body, "CN=good,O=Example\n");
        const stranger = await reach(t, name, { ...options, credential: pki.stranger });
        assert.equal((await stranger.request(get("/both", host))).status, 400);
        /* The session of one is not resumed at the other, with two ClientHellos neither. */
        const elsewhere = await reach(t, name === "twin.test" ? ALPHA : "twin.test", {
            ...options,
            more: { ...more, session },
        });
        assert.equal(elsewhere.socket.isSessionReused(), false);
    }
});

/* ---- a ClientHello in pieces ---------------------------------------------------------------- */

/* Sends the first message, which is the ClientHello, as the pieces that `cut` makes of it. */
class CuttingSocket extends Duplex {
    #socket;
    #cut;

    constructor(socket, cut) {
        super();
        this.#socket = socket;
        this.#cut = cut;
        socket.setNoDelay(true);
        socket.on("data", (part) => this.push(part));
        socket.on("end", () => this.push(null));
        socket.on("error", (error) => this.destroy(error));
    }

    _read() {}

    async _write(bytes, encoding, done) {
        const pieces = this.#cut === null ? [bytes] : this.#cut(bytes);
        this.#cut = null;
        for (const piece of pieces) {
            this.#socket.write(piece);
            await new Promise(setImmediate);
        }
        done();
    }

    _final(done) {
        this.#socket.end();
        done();
    }

    _destroy(error, done) {
        this.#socket.destroy();
        done(error);
    }
}

/* The handshake message of a record again, in records that end where `ends` says. */
function asRecords(record, ends) {
    const message = record.subarray(5);
    const records = [];
    let begin = 0;
    for (const end of [...ends, message.length]) {
        const head = Buffer.from(record.subarray(0, 5));
        head.writeUInt16BE(end - begin, 3);
        records.push(head, message.subarray(begin, end));
        begin = end;
    }
    return Buffer.concat(records);
}

async function askInPieces(t, version, cut) {
    const socket = net.connect({ host: endpoint.address, port: endpoint.port });
    await once(socket, "connect");
    const client = await reach(t, "open.test", {
        version,
        more: { socket: new CuttingSocket(socket, cut) },
    });
    const answer = await client.request(get("/both", "open.test"));
    client.end();
    socket.destroy();
    return answer?.status;
}

/* Runs `visit` on each number below `count`, some at a time. */
async function forEachBelow(count, visit) {
    let next = 0;
    const walk = async () => {
        while (next < count) await visit(next++);
    };
    await Promise.all([walk(), walk(), walk(), walk()]);
}

for (const version of VERSIONS) {
    test(`a ClientHello in pieces is one: TLS ${version}`, async (t) => {
        let size = 0;
        const measure = (bytes) => {
            size = bytes.length;
            return [bytes];
        };
        assert.equal(await askInPieces(t, version, measure), 200);
        await forEachBelow(size - 1, async (i) => {
            const cut = (bytes) => [bytes.subarray(0, i + 1), bytes.subarray(i + 1)];
            assert.equal(await askInPieces(t, version, cut), 200, `segments cut at ${i + 1}`);
        });
        await forEachBelow(size - 6, async (i) => {
            const cut = (bytes) => [asRecords(bytes, [i + 1])];
            assert.equal(await askInPieces(t, version, cut), 200, `records cut at ${i + 1}`);
        });
        const bytewise = (bytes) => Array.from(bytes, (byte) => Buffer.from([byte]));
        assert.equal(await askInPieces(t, version, bytewise), 200, "a byte a segment");
        const tiny = (bytes) => [
            asRecords(
                bytes,
                Array.from({ length: bytes.length - 6 }, (_, i) => i + 1),
            ),
        ];
        assert.equal(await askInPieces(t, version, tiny), 200, "a byte a record");
        t.diagnostic(`${size} bytes, cut at each place, as segments and as records`);
    });
}
