// SPDX-License-Identifier: Apache-2.0
//
// OCSP: what responders say of clients, against openssl's responder and against one of ours that
// misbehaves in every way. Rows 92, 95, 102 and 104 of the list of known attacks are in here.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, nodeGet } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { makeCrl } from "./support/crl.mjs";
import { before, DEADLINE_MS, Journal } from "./support/deadline.mjs";
import { startGateway } from "./support/gateway.mjs";
import { readMetrics, valueOf } from "./support/operator.mjs";
import { makeAnswer, makeRefusal, otherNonce, startResponder } from "./support/ocsp_responder.mjs";
import { makePki } from "./support/pki.mjs";

const pki = makePki(after);
const backend = await startBackend({ after });
const issuer = pki.intermediate;
const REQUEST = "GET /ocsp HTTP/1.1\r\nHost: gateway.test\r\n\r\n";
const LEAF = [
    "basicConstraints=critical,CA:FALSE",
    "keyUsage=critical,digitalSignature",
    "extendedKeyUsage=clientAuth",
];

/* A client whose certificate names a responder. */
function clientAsking(name, url) {
    return pki.issue(name, {
        issuer,
        extensions: [...LEAF, ...(url ? [`authorityInfoAccess=OCSP;URI:${url}`] : [])],
    });
}

function withOcsp(ocsp = {}, revocation = {}, more = {}, number = 1) {
    const trust = {
        anchors: [pki.root.certificate],
        intermediates: [issuer.certificate],
        revocation: { sources: ["ocsp"], ocsp: { timeout: "1s", ...ocsp }, ...revocation },
    };
    return configuration([listener(pki, backend, number, "ocsp", { trust })], {
        fetch: { allow: ["127.0.0.0/8"] },
        ...more,
    });
}

async function start(context, ...settings) {
    const gateway = await startGateway(context, withOcsp(...settings));
    return { gateway, endpoint: gateway.endpoint("ocsp") };
}

async function ask(endpoint, credential) {
    const { status, body } = await nodeGet(pki, endpoint, { credential });
    return { status, body: String(body) };
}

/* ---- answers that count ---- */

test("a good client passes, and its responder is asked once for many", async (context) => {
    const responder = await startResponder(context);
    const held = [];
    const url = responder.on("/good", (question, response) => {
        held.push(() => response.end(makeAnswer(question, issuer)));
    });
    const { gateway, endpoint } = await start(context, {}, {}, {
        monitoring: { address: "127.0.0.1:0" },
    });
    const client = clientAsking("good-many", url);
    const answers = Array.from({ length: 8 }, () => ask(endpoint, client));
    await before(
        (async () => {
            while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
        })(),
        "the question",
    );
    held[0]();
    for (const answer of await Promise.all(answers)) assert.equal(answer.status, 200);
    assert.equal((await ask(endpoint, client)).status, 200);
    assert.equal(responder.asked("/good"), 1);
    const metrics = await readMetrics(gateway);
    assert.equal(valueOf(metrics, "sallyport_ocsp_questions_total", { result: "good" }), 1);
    assert.equal(valueOf(metrics, "sallyport_ocsp_lookups_total", { result: "asked" }), 1);
    assert.equal(valueOf(metrics, "sallyport_ocsp_entries"), 1);
    assert.equal(valueOf(metrics, "sallyport_ocsp_responders_left_alone"), 0);
});

test("a revoked client stays refused, whatever the responder says later", async (context) => {
    const responder = await startResponder(context);
    let status = "revoked";
    const url = responder.on("/changing", (question) =>
        makeAnswer(question, issuer, { status, reason: 1, until: 1 - 300 }),
    );
    const { gateway, endpoint } = await start(context);
    const client = clientAsking("revoked", url);
    const refused = await ask(endpoint, client);
    assert.equal(refused.status, 400);
    assert.match(refused.body, /certificate_revoked/);
    const record = await gateway.record((one) => one.reason === "certificate_revoked");
    assert.match(record.detail, /^the responder says: revoked .*, keyCompromise$/);
    status = "good";
    assert.equal((await ask(endpoint, client)).status, 400);
    assert.equal((await ask(endpoint, client)).status, 400);
});

test("what is revoked meanwhile is refused on an open connection", async (context) => {
    const responder = await startResponder(context);
    let status = "good";
    const url = responder.on("/soon", (question) =>
        makeAnswer(question, issuer, { status, from: -3600, until: 3 - 300 }),
    );
    const { gateway, endpoint } = await start(context);
    const client = await connect(context, pki, endpoint, { credential: clientAsking("soon", url) });
    assert.equal((await client.request(REQUEST)).status, 200);
    status = "revoked";
    let answer;
    do answer = await client.request(REQUEST);
    while (answer?.status === 200);
    /* Null: it idled at that moment, and was closed. */
    if (answer !== null) assert.equal(answer.status, 400);
    await gateway.record((one) => one.reason === "certificate_revoked");
});

test("what is revoked meanwhile ends in the middle of an upload", async (context) => {
    const responder = await startResponder(context);
    let status = "good";
    const url = responder.on("/upload", (question) =>
        makeAnswer(question, issuer, { status, from: -3600, until: 3 - 300 }),
    );
    const { gateway, endpoint } = await start(context);
    const credential = clientAsking("uploading", url);
    const client = await connect(context, pki, endpoint, { credential });
    client.send("POST / HTTP/1.1\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("5\r\nhello\r\n");
    await before(
        (async () => {
            while (responder.asked("/upload") === 0) await new Promise((r) => setImmediate(r));
        })(),
        "the question",
    );
    status = "revoked";
    const timer = setInterval(() => client.send("5\r\nagain\r\n"), 100);
    context.after(() => clearInterval(timer));
    const answer = await client.answer();
    clearInterval(timer);
    assert.equal(answer.status, 400);
    const record = await gateway.record((one) => one.reason === "certificate_revoked");
    assert.match(record.detail, /^judged again: the responder says: revoked/);
});

test("delegates, chunks, GET, SHA-256, no end and no nonce are understood", async (context) => {
    const responder = await startResponder(context);
    const delegate = pki.issue("delegate", {
        issuer,
        extensions: [LEAF[0], LEAF[1], "extendedKeyUsage=OCSPSigning", "noCheck=ignored"],
    });
    const { gateway, endpoint } = await start(context);
    const cases = {
        delegate: (question) =>
            makeAnswer(question, issuer, { signer: delegate, shows: [delegate] }),
        endless: (question) => makeAnswer(question, issuer, { until: null }),
        nonceless: (question) => makeAnswer(question, issuer, { nonce: null }),
        chunked: (question, response) => {
            const answer = makeAnswer(question, issuer);
            for (let at = 0; at < answer.length; at += 7)
                response.write(answer.subarray(at, at + 7));
            response.end();
        },
        redirected: (question, response) => {
            response.writeHead(307, { Location: `${responder.url}/delegate` }).end();
        },
    };
    for (const [name, behave] of Object.entries(cases)) {
        const url = responder.on(`/${name}`, behave);
        const { status } = await ask(endpoint, clientAsking(`understood-${name}`, url));
        assert.equal(status, 200, `${name}: ${gateway.events.items.at(-1)}`);
    }
    const methods = [];
    const url = responder.on("/get", (question) => {
        methods.push(question.method, question.nonce);
        return makeAnswer(question, issuer);
    });
    const get = await start(context, { responder: url, nonce: "off", hash: "sha256" });
    assert.equal((await ask(get.endpoint, clientAsking("get"))).status, 200);
    assert.deepEqual(methods, ["GET", null]);
});

/* Names are looked up by threads of libcurl, in a process that is confined. */
test("a responder is found by its name", async (context) => {
    const responder = await startResponder(context);
    const url = responder.on("/named", (question) => makeAnswer(question, issuer));
    const { gateway, endpoint } = await start(context, {
        responder: url.replace("127.0.0.1", "localhost"),
    });
    assert.equal((await ask(endpoint, clientAsking("named"))).status, 200);
    const lost = await start(context, { responder: "http://no-such-host.invalid/" });
    assert.equal((await ask(lost.endpoint, clientAsking("lost"))).status, 400);
    await lost.gateway.record((one) => /name_unknown|timed_out/.test(one.detail ?? ""));
    assert.equal((await ask(gateway.endpoint("ocsp"), clientAsking("named-2"))).status, 200);
});

test("revoked of one source wins over good of another, and the log tells", async (context) => {
    const responder = await startResponder(context);
    const url = responder.on("/both", (question) => makeAnswer(question, issuer));
    const alice = clientAsking("both-alice", url);
    const bob = clientAsking("both-bob", url);
    const file = path.join(pki.folder, "both.crl");
    writeFileSync(file, makeCrl(issuer, { number: 1, revoked: [bob] }));
    for (const require of ["first_answer", "all"]) {
        const { gateway, endpoint } = await start(context, {}, {
            sources: ["ocsp", "crl"],
            crl: { files: [file] },
            require,
        });
        assert.equal((await ask(endpoint, alice)).status, 200);
        /* The list refuses at once; the responder's answer comes when it comes. */
        const isDisputed = (one) => /another source says/.test(one.detail ?? "");
        const deadline = Date.now() + DEADLINE_MS;
        do {
            assert.equal((await ask(endpoint, bob)).status, 400);
        } while (!gateway.records.items.some(isDisputed) && Date.now() < deadline);
        await gateway.record(isDisputed);
    }
});

/* ---- answers that do not ---- */

const DELEGATES = {
    plain: () => pki.issue("no-delegate", { issuer, extensions: LEAF }),
    expired: () =>
        pki.issue("expired-delegate", {
            issuer,
            extensions: [LEAF[0], LEAF[1], "extendedKeyUsage=OCSPSigning"],
            from: new Date(Date.now() - 20 * 86_400_000),
            until: new Date(Date.now() - 10 * 86_400_000),
        }),
    foreign: () =>
        pki.issue("foreign-delegate", {
            issuer: pki.strangerRoot,
            extensions: [LEAF[0], LEAF[1], "extendedKeyUsage=OCSPSigning"],
        }),
};

function signedBy(make) {
    const signer = make();
    return (question) => makeAnswer(question, issuer, { signer, shows: [signer] });
}

/* name: [what the responder does, what the log says, the reason (ocsp_unavailable)]. */
const HOSTILE = {
    "wrong-signer": [signedBy(() => pki.strangerRoot), /signer_unknown/],
    "wrong-key": [
        (question) => makeAnswer(question, issuer, { signer: pki.strangerRoot, name: issuer }),
        /forged/,
    ],
    "delegate-without-purpose": [signedBy(DELEGATES.plain), /signer_not_authorized/],
    "delegate-expired": [signedBy(DELEGATES.expired), /signer_invalid/],
    "delegate-of-another": [signedBy(DELEGATES.foreign), /signer_unknown/],
    "wrong-certificate": [
        (question) => makeAnswer(question, issuer, { serial: "0badc0de" }),
        /about_another/,
    ],
    stale: [(question) => makeAnswer(question, issuer, { from: -7200, until: -3600 }), /stale/],
    future: [(question) => makeAnswer(question, issuer, { from: 3600, until: 7200 }), /early/],
    unknown: [
        (question) => makeAnswer(question, issuer, { status: "unknown" }),
        /^/,
        "ocsp_unknown",
    ],
    "try-later": [() => makeRefusal("tryLater"), /says_try_later/],
    unauthorized: [() => makeRefusal("unauthorized"), /says_unauthorized/],
    garbage: [() => Buffer.from("<html>It works!</html>"), /malformed/],
    truncated: [(question) => makeAnswer(question, issuer).subarray(0, -9), /malformed/],
    trailing: [
        (question) => Buffer.concat([makeAnswer(question, issuer), Buffer.from([0])]),
        /malformed/,
    ],
    nonce: [(question) => makeAnswer(question, issuer, { nonce: otherNonce() }), /nonce_wrong/],
    huge: [() => Buffer.alloc(16 * 1024 * 1024), /too_large/],
    "huge-and-chunked": [
        (question, response) => {
            for (let i = 0; i < 256; i++) response.write(Buffer.alloc(65_536));
        },
        /too_large/,
    ],
    "status-500": [(question, response) => void response.writeHead(500).end(), /status 500/],
    "redirect-loop": [
        (question, response, request) =>
            void response.writeHead(302, { Location: request.url }).end(),
        /too_many_redirects/,
    ],
    "redirect-inside": [
        (question, response) =>
            void response.writeHead(302, { Location: "http://169.254.169.254/latest/" }).end(),
        /address_refused: 169\.254\.169\.254:80 is a link-local address/,
    ],
    "redirect-to-file": [
        (question, response) =>
            void response.writeHead(302, { Location: "file:///etc/hosts" }).end(),
        /bad_url/,
    ],
    silent: [() => undefined, /timed_out/],
    slow: [
        (question, response, request) => {
            const answer = makeAnswer(question, issuer);
            let at = 0;
            const timer = setInterval(() => response.write(answer.subarray(at++, at)), 1000);
            request.socket.on("close", () => clearInterval(timer));
            response.write(answer.subarray(at++, at));
        },
        /timed_out/,
    ],
    "closes-mid-way": [
        (question, response, request) => {
            const answer = makeAnswer(question, issuer);
            response.writeHead(200, { "Content-Length": answer.length });
            response.write(answer.subarray(0, 40), () => request.socket.destroy());
        },
        /broken/,
    ],
};

test("no hostile responder makes a client pass, or wait for long", async (context) => {
    const responder = await startResponder(context);
    const untrusted = await startResponder(context, { tls: pki.server(["IP:127.0.0.1"]) });
    const { gateway, endpoint } = await start(context);
    const refuse = async (name, client, reason, detail) => {
        const started = performance.now();
        const answer = await ask(endpoint, client);
        const took = performance.now() - started;
        assert.equal(answer.status, 400, name);
        assert.match(answer.body, new RegExp(reason), name);
        assert.ok(took < 4000, `${name} took ${took} ms`);
        const isItsRecord = (one) => one.certificate_subject?.includes(`CN=${client.name}`);
        const record = await gateway.record(isItsRecord);
        assert.equal(record.reason, reason, name);
        assert.match(record.detail ?? "", detail, name);
    };
    await Promise.all(
        Object.entries(HOSTILE).map(([name, [behave, detail, reason = "ocsp_unavailable"]]) =>
            refuse(name, clientAsking(name, responder.on(`/${name}`, behave)), reason, detail),
        ),
    );
    const tls = clientAsking("untrusted-tls", untrusted.on("/tls", () => undefined));
    await refuse("untrusted TLS", tls, "ocsp_unavailable", /tls_failed/);
    const nowhere = clientAsking("nowhere");
    await refuse("no responder", nowhere, "ocsp_responder_missing", /^/);
    const inside = clientAsking("inside", "http://10.255.255.1/ocsp");
    await refuse("an address inside", inside, "ocsp_unavailable", /address_refused/);
    const metadata = clientAsking("metadata", "http://[::ffff:169.254.169.254]/");
    await refuse("a mapped address", metadata, "ocsp_unavailable", /address_refused/);
});

/* ---- nobody else is concerned ---- */

test("a responder that hangs delays nobody but who needs it", async (context) => {
    const responder = await startResponder(context);
    const good = clientAsking(
        "fast",
        responder.on("/fast", (question) => makeAnswer(question, issuer)),
    );
    const stuck = clientAsking("stuck", responder.on("/stuck", () => undefined));
    const { endpoint } = await start(context, { timeout: "3s" });
    const client = await connect(context, pki, endpoint, { credential: good });
    const measure = async () => {
        const times = [];
        for (let i = 0; i < 200; i++) {
            const started = performance.now();
            assert.equal((await client.request(REQUEST)).status, 200);
            times.push(performance.now() - started);
        }
        return times.sort((a, b) => a - b)[197];
    };
    await measure();
    const alone = await measure();
    let isOver = false;
    const waiting = Array.from({ length: 20 }, () =>
        ask(endpoint, stuck).then((answer) => {
            isOver = true;
            return answer;
        }),
    );
    await before(
        (async () => {
            while (responder.asked("/stuck") === 0) await new Promise((ok) => setImmediate(ok));
        })(),
        "the question",
    );
    const beside = await measure();
    assert.equal(isOver, false, "the others were measured too late");
    assert.ok(beside < 10 * alone + 50, `p99 ${alone} ms alone, ${beside} ms beside`);
    for (const answer of await Promise.all(waiting)) assert.equal(answer.status, 400);
    assert.equal(responder.asked("/stuck"), 1);
});

test("a client that leaves while its responder is asked is forgotten", async (context) => {
    const responder = await startResponder(context);
    const url = responder.on("/left", () => undefined);
    const { gateway, endpoint } = await start(context);
    const client = await connect(context, pki, endpoint, { credential: clientAsking("left", url) });
    client.send(REQUEST);
    await before(
        (async () => {
            while (responder.asked("/left") === 0) await new Promise((ok) => setImmediate(ok));
        })(),
        "the question",
    );
    client.socket.destroy();
    await gateway.record((one) => one.certificate_subject?.includes("CN=left"));
});

test("nothing is asked about a chain whose key nobody has proven", async (context) => {
    const responder = await startResponder(context);
    const url = responder.on("/unproven", (question) => makeAnswer(question, issuer));
    const { gateway, endpoint } = await start(context, { responder: url });
    await assert.rejects(nodeGet(pki, endpoint, { credential: pki.impostor }));
    await assert.rejects(nodeGet(pki, endpoint, { credential: pki.impostor, version: "1.2" }));
    await gateway.record((one) => one.reason === "possession_unproven");
    assert.equal((await ask(endpoint, pki.stranger)).status, 400);
    assert.equal(responder.asked("/unproven"), 0);
    assert.equal((await ask(endpoint, pki.good)).status, 200);
    assert.equal(responder.asked("/unproven"), 1);
});

/* ---- when nobody answers ---- */

test("a responder that fails again and again is left alone for a while", async (context) => {
    const responder = await startResponder(context);
    const url = responder.on("/broken", (question, response) => void response.writeHead(500).end());
    const { gateway, endpoint } = await start(context, { responder: url });
    for (let i = 0; i < 8; i++)
        assert.equal((await ask(endpoint, clientAsking(`broken-${i}`))).status, 400);
    assert.equal(responder.asked("/broken"), 5);
    await gateway.events.find((line) => /is left alone for 10 s/.test(line), "the warning");
    await gateway.record((one) => /left alone/.test(one.detail ?? ""));
});

test("what was good is accepted for as long as the rule says, and no longer", async (context) => {
    const responder = await startResponder(context);
    const url = responder.on("/gone", (question) =>
        makeAnswer(question, issuer, { from: -3600, until: 2 - 300 }),
    );
    const client = clientAsking("last-good", url);
    const { gateway, endpoint } = await start(context, {}, {
        when_unavailable: { accept_last_good: "3s" },
    });
    assert.equal((await ask(endpoint, client)).status, 200);
    await responder.stop();
    const started = performance.now();
    let answer;
    do answer = await ask(endpoint, client);
    while (answer.status === 200);
    assert.equal(answer.status, 400);
    const took = performance.now() - started;
    assert.ok(took > 3000 && took < 12_000, `${took} ms`);
    await gateway.record((one) => one.reason === "ocsp_unavailable");
    const never = clientAsking("never-good", url);
    assert.equal((await ask(endpoint, never)).status, 400);
});

test("a lenient rule accepts whom nobody knows, never whom somebody revoked", async (context) => {
    const responder = await startResponder(context);
    const urls = {
        500: responder.on("/500", (question, response) => void response.writeHead(500).end()),
        unknown: responder.on("/unknown", (question) =>
            makeAnswer(question, issuer, { status: "unknown" }),
        ),
        revoked: responder.on("/revoked", (question) =>
            makeAnswer(question, issuer, { status: "revoked" }),
        ),
    };
    const { gateway, endpoint } = await start(
        context,
        {},
        { when_unavailable: "accept" },
        { monitoring: { address: "127.0.0.1:0" } },
    );
    const lenient = async () =>
        valueOf(await readMetrics(gateway), "sallyport_revocation_lenient_total");
    assert.equal(await lenient(), 0);
    assert.equal((await ask(endpoint, clientAsking("lenient-500", urls[500]))).status, 200);
    const accepted = await lenient();
    assert.ok(accepted > 0);
    assert.equal((await ask(endpoint, clientAsking("lenient-unknown", urls.unknown))).status, 400);
    assert.equal((await ask(endpoint, clientAsking("lenient-revoked", urls.revoked))).status, 400);
    assert.equal(await lenient(), accepted, "whom somebody named");
});

test("a restart needs no responder, and forgets no revocation", async (context) => {
    const responder = await startResponder(context);
    const folder = mkdtempSync(path.join(tmpdir(), "sallyport-state-"));
    chmodSync(folder, 0o777);
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const good = clientAsking(
        "kept-good",
        responder.on("/kept-good", (question) => makeAnswer(question, issuer)),
    );
    const bad = clientAsking(
        "kept-bad",
        responder.on("/kept-bad", (question) =>
            makeAnswer(question, issuer, { status: "revoked" }),
        ),
    );
    const first = await start(context, {}, {}, { state_dir: folder });
    assert.equal((await ask(first.endpoint, good)).status, 200);
    assert.equal((await ask(first.endpoint, bad)).status, 400);
    await responder.stop();
    const second = await start(context, {}, {}, { state_dir: folder });
    assert.equal((await ask(second.endpoint, good)).status, 200);
    const refused = await ask(second.endpoint, bad);
    assert.equal(refused.status, 400);
    assert.match(refused.body, /certificate_revoked/);
});

test("azure's way: the first responder, by GET and http, and nothing but good", async (context) => {
    const responder = await startResponder(context);
    const methods = [];
    const urls = {
        good: responder.on("/azure-good", (question) => {
            methods.push(question.method, question.nonce);
            return makeAnswer(question, issuer);
        }),
        revoked: responder.on("/azure-revoked", (question) =>
            makeAnswer(question, issuer, { status: "revoked" }),
        ),
        unknown: responder.on("/azure-unknown", (question) =>
            makeAnswer(question, issuer, { status: "unknown" }),
        ),
    };
    const trust = {
        anchors: [pki.root.certificate],
        intermediates: [issuer.certificate],
        revocation: "azure",
    };
    const gateway = await startGateway(
        context,
        configuration([listener(pki, backend, 1, "ocsp", { trust })], {
            fetch: { allow: ["127.0.0.1"] },
        }),
    );
    const endpoint = gateway.endpoint("ocsp");
    assert.equal((await ask(endpoint, clientAsking("azure-good", urls.good))).status, 200);
    assert.deepEqual(methods, ["GET", null]);
    assert.equal((await ask(endpoint, clientAsking("azure-revoked", urls.revoked))).status, 400);
    assert.equal((await ask(endpoint, clientAsking("azure-unknown", urls.unknown))).status, 400);
    assert.equal((await ask(endpoint, clientAsking("azure-none"))).status, 400);
    const tls = clientAsking("azure-tls", "https://127.0.0.1:1/,OCSP;URI:" + urls.good);
    assert.match((await ask(endpoint, tls)).body, /ocsp_responder_missing/);
});

/* ---- somebody else's responder ---- */

/* openssl's, on a port that it chooses; `index` is a database of openssl ca. */
async function startOpenssl(context, index) {
    const responder = spawn(
        "openssl",
        [
            ...["ocsp", "-port", "0", "-index", index, "-nmin", "10"],
            ...["-CA", issuer.certificate, "-rsigner", issuer.certificate, "-rkey", issuer.key],
        ],
        { stdio: ["ignore", "pipe", "pipe"] },
    );
    context.after(() => responder.kill());
    const lines = new Journal();
    for (const stream of [responder.stdout, responder.stderr])
        createInterface(stream).on("line", (line) => lines.add(line));
    const line = await lines.find((one) => /^ACCEPT /.test(one), "the responder's port");
    return `http://127.0.0.1:${/:(\d+) /.exec(`${line} `)[1]}/`;
}

test("openssl's responder is understood", async (context) => {
    const good = clientAsking("openssl-good");
    const bad = clientAsking("openssl-bad");
    const entry = (client) => readFileSync(path.join(pki.folder, `${client.name}.index`), "utf8");
    const index = path.join(pki.folder, "responder.index");
    const revoked = entry(bad).replace(/^V\t(\w+)\t\t/, "R\t$1\t250101000000Z,keyCompromise\t");
    writeFileSync(index, entry(good) + revoked);
    writeFileSync(`${index}.attr`, "unique_subject = no\n");
    const url = await startOpenssl(context, index);
    const { gateway, endpoint } = await start(context, { responder: url, nonce: "required" });
    assert.equal((await ask(endpoint, good)).status, 200);
    assert.equal((await ask(endpoint, bad)).status, 400);
    const record = await gateway.record((one) => one.reason === "certificate_revoked");
    assert.match(record.detail, /revoked 2025-01-01T00:00:00.000Z, keyCompromise/);
    assert.equal((await ask(endpoint, clientAsking("openssl-unknown"))).status, 400);
    await gateway.record((one) => one.reason === "ocsp_unknown");
});
