// SPDX-License-Identifier: Apache-2.0
//
// Trust profiles: several on one listener, each judged by its own; what each demands; which anchor
// vouched for whom; and trials, which nobody obeys. The rows are those of the list of attacks that
// docs/SECURITY.md names.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, describe, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, curl, HOST, sClient } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { startGateway } from "./support/gateway.mjs";
import { ask, readMetrics, valueOf, WATCHED } from "./support/operator.mjs";
import { makePki } from "./support/pki.mjs";

const VERSIONS = ["1.2", "1.3"];
const CA = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];
const CLIENT = ["basicConstraints=critical,CA:FALSE", "extendedKeyUsage=clientAuth"];

const pki = makePki(after);
const backend = await startBackend({ after });

/* ---- an authority below an authority, however often ---- */

function authority(name, issuer, subject = `/O=Example/CN=${name}`) {
    return pki.issue(name, { issuer, subject, extensions: CA });
}

/* Shows, behind its own certificate, those that are listed. */
function client(name, issuer, shown = [], more = {}) {
    const made = pki.issue(name, {
        issuer,
        subject: `/O=Example/CN=${name}`,
        extensions: CLIENT,
        ...more,
    });
    writeFileSync(made.chain, [made, ...shown].map((each) => each.pem).join(""));
    return made;
}

function fileOf(name, ...credentials) {
    const file = path.join(pki.folder, name);
    writeFileSync(file, credentials.map((each) => each.pem).join(""));
    return file;
}

/* One name and key, certified by both roots: a path leads to either. */
const rootA = authority("root-a");
const rootB = authority("root-b");
const shared = authority("shared", rootA);
const sharedByB = crossSign(shared, rootB, "shared-by-b");

function crossSign(subject, issuer, name) {
    return pki.certify(name, subject, issuer, CA);
}

const both = client("both", shared, [shared, sharedByB]);
const ofA = client("of-a", rootA);
const ofB = client("of-b", rootB);

async function start(t, listeners, more = {}) {
    return startGateway(t, configuration(listeners, { ...WATCHED, ...more }), {
        listeners: listeners.length,
    });
}

let asked = 0;
/* One GET with curl: its status, and the record of it. */
async function get(gateway, name, credential, where = "/", options = {}) {
    const target = `${where}?${++asked}`;
    const answer = await curl(pki, gateway.endpoint(name), {
        credential,
        path: target,
        ...options,
    });
    const isIt = (each) => each.target === target;
    const record = await gateway.record(isIt, `the record of ${target}`);
    return { status: answer.status, record };
}

async function assertRefused(gateway, name, credential, reason, where) {
    const { status, record } = await get(gateway, name, credential, where);
    assert.equal(record.reason, reason);
    assert.equal(status, 400);
    assert.equal(record.principal, undefined);
    assert.equal(record.trust_anchor, undefined);
}

async function assertServed(gateway, name, credential, where) {
    const { status, record } = await get(gateway, name, credential, where);
    assert.equal(record.reason, "none", record.detail);
    assert.equal(status, 200);
    return record;
}

/* ---- several trust profiles on one listener ---- */

const PROFILES = {
    trust_profiles: {
        a: { anchors: [{ name: "anchor-a", file: rootA.certificate }] },
        b: { anchors: [rootB.certificate] },
    },
};

function routesOfBoth() {
    return {
        routes: [
            { name: "a", paths: ["/a"], client_certificate: { trust: "a" }, backend: backend.url },
            { name: "b", paths: ["/b"], client_certificate: { trust: "b" }, backend: backend.url },
        ],
    };
}

describe("cross-signed anchors on two routes of one listener", () => {
    test("each route judges by its own anchors, and says which one it was", async (t) => {
        const gateway = await start(
            t,
            [listener(pki, backend, 1, "main", { trust: "a" }, routesOfBoth())],
            PROFILES,
        );
        assert.equal((await assertServed(gateway, "main", both, "/a")).trust_anchor, "anchor-a");
        const throughB = await assertServed(gateway, "main", both, "/b");
        assert.equal(throughB.trust_anchor, "CN=root-b,O=Example");
        await assertServed(gateway, "main", ofA, "/a");
        await assertRefused(gateway, "main", ofA, "certificate_issuer_unknown", "/b");
        await assertServed(gateway, "main", ofB, "/b");
        await assertRefused(gateway, "main", ofB, "certificate_issuer_unknown", "/a");
    });

    test("rows 1-3, 8: no verdict counts on another route, nor when resumed", async (t) => {
        const gateway = await start(
            t,
            [listener(pki, backend, 1, "main", { trust: "a" }, routesOfBoth())],
            PROFILES,
        );
        const request = (where) => `GET ${where} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
        for (const version of VERSIONS) {
            const first = await connect(t, pki, gateway.endpoint("main"), {
                credential: ofA,
                version,
            });
            for (const [where, status] of [
                ["/a", 200],
                ["/b", 400],
            ])
                assert.equal((await first.request(request(where))).status, status, where);
            const session = await first.sessions.find(() => true, "a session");
            for (const [where, status] of [
                ["/b", 400],
                ["/a", 200],
            ]) {
                const again = await connect(t, pki, gateway.endpoint("main"), {
                    version,
                    more: { session },
                });
                assert.equal(again.socket.isSessionReused(), true);
                assert.equal((await again.request(request(where))).status, status, where);
                again.end();
            }
        }
    });

    test("clients are told the names of all, or of nobody", async (t) => {
        const quiet = { ...PROFILES.trust_profiles.b, send_ca_names: false };
        const namesOf = async (profiles) => {
            const gateway = await start(
                t,
                [listener(pki, backend, 1, "main", { trust: "a" }, routesOfBoth())],
                { trust_profiles: profiles },
            );
            const { text } = await sClient(pki, gateway.endpoint("main"), { credential: ofA });
            const told = /Acceptable client certificate CA names\n([^]*?)\nRequested/.exec(text);
            return told?.[1].split("\n").filter((line) => line.includes("=")) ?? [];
        };
        const told = await namesOf(PROFILES.trust_profiles);
        assert.deepEqual(told, ["O = Example, CN = root-a", "O = Example, CN = root-b"]);
        assert.deepEqual(await namesOf({ ...PROFILES.trust_profiles, b: quiet }), []);
    });

    test("when an anchor was last used is in status and in a metric, over reloads", async (t) => {
        const text = configuration(
            [listener(pki, backend, 1, "main", { trust: "a" }, routesOfBoth())],
            { ...WATCHED, ...PROFILES },
        );
        const gateway = await startGateway(t, text);
        const lastUse = async (trust) =>
            valueOf(await readMetrics(gateway), "sallyport_trust_anchor_last_used_seconds", {
                trust,
            });
        const before = Math.floor(Date.now() / 1000);
        await assertServed(gateway, "main", ofA, "/a");
        await assertRefused(gateway, "main", ofA, "certificate_issuer_unknown", "/b");
        const used = await lastUse("a");
        assert.ok(used >= before && used <= Date.now() / 1000);
        assert.equal(await lastUse("b"), 0);
        const { answer } = await ask(gateway, "certs");
        const anchors = answer.certificates.filter(({ use }) => use === "trust");
        const lastUsedOf = (name) => anchors.find((each) => each.name === name).last_used;
        assert.equal(Date.parse(lastUsedOf("a")) / 1000, used);
        assert.equal(lastUsedOf("b"), null);
        const { reloaded, said } = await gateway.reload(text.replace('"anchor-a"', '"renamed"'));
        assert.ok(reloaded, said);
        assert.equal(await lastUse("a"), used);
        assert.equal((await assertServed(gateway, "main", ofA, "/a")).trust_anchor, "renamed");
    });
});

/* ---- what a profile demands ---- */

describe("what a trust profile demands", async () => {
    const low = authority("low", shared);
    const sibling = authority("sibling", rootA);
    const impostor = authority("shared-impostor", rootA, "/O=Example/CN=shared");
    const clients = {
        root: ofA,
        shared: client("of-shared", shared, [shared]),
        low: client("of-low", low, [low, shared]),
        sibling: client("of-sibling", sibling, [sibling]),
        impostor: client("of-impostor", impostor, [impostor]),
    };
    const others = authority("others", rootA);
    const othersLow = authority("others-low", others);
    clients.othersLow = client("of-others-low", othersLow, [othersLow, others]);
    const demands = (profile) => ({ trust: { anchors: [rootA.certificate], ...profile } });
    const names = (file) => ({ anchors: [file], verify_issuer_dn: true });
    /* The five cases of Azure's table, and who is let in by each. */
    const cases = {
        dn1: [names(fileOf("dn1.pem", rootA)), ["root"]],
        dn2: [names(fileOf("dn2.pem", rootA, shared)), ["shared", "impostor"]],
        dn3: [names(fileOf("dn3.pem", low, shared, rootA)), ["low"]],
        dn4: [names(fileOf("dn4.pem", rootA, shared, low, others, othersLow)), ["low"]],
        dn5: [names(fileOf("dn5.pem", rootA, sibling, others, othersLow)), ["othersLow"]],
        dnOff: [{}, Object.keys(clients)],
        issuers: [{ issuers: [shared.certificate] }, ["shared"]],
        issuersTwo: [{ issuers: [fileOf("two.pem", shared, sibling)] }, ["shared", "sibling"]],
        partial: [{ anchors: [shared.certificate], partial_chain: true }, ["shared", "low"]],
        depth: [{ depth: 0 }, ["root"]],
        depthOne: [{ depth: 1 }, ["root", "shared", "sibling", "impostor"]],
        policies: [{ required_policies: ["1.3.6.1.4.1.55555.1"] }, []],
        usages: [{ required_usages: ["1.3.6.1.4.1.311.20.2.2"] }, []],
        keyTypes: [{ key_types: ["RSA", "Ed25519"] }, []],
        hash: [{ signature_hash_min: "sha384" }, []],
    };
    const REASONS = {
        dn1: "issuer_not_allowed",
        issuers: "issuer_not_allowed",
        issuersTwo: "issuer_not_allowed",
        partial: "certificate_issuer_unknown",
        depth: "certificate_path_too_long",
        depthOne: "certificate_path_too_long",
        policies: "certificate_policy_missing",
        usages: "certificate_purpose_wrong",
        keyTypes: "certificate_key_unacceptable",
        hash: "certificate_signature_weak",
    };
    const gateway = await startGateway(
        { after },
        configuration(
            Object.entries(cases).map(([name, [profile]], index) =>
                listener(pki, backend, index + 1, name, demands(profile)),
            ),
            WATCHED,
        ),
        { listeners: Object.keys(cases).length },
    );

    for (const [name, [, accepted]] of Object.entries(cases)) {
        test(name, async () => {
            const reason = REASONS[name.startsWith("dn") ? "dn1" : name];
            for (const [who, credential] of Object.entries(clients)) {
                if (accepted.includes(who)) await assertServed(gateway, name, credential);
                else await assertRefused(gateway, name, credential, reason);
            }
        });
    }
});

test("an anchor that is no root needs its root, or to be trusted itself", async (t) => {
    const at = (trust) => configuration([listener(pki, backend, 1, "main", { trust })], WATCHED);
    const gateway = await startGateway(t, at([rootA.certificate]));
    const { reloaded, said } = await gateway.reload(at([shared.certificate]));
    assert.equal(reloaded, false);
    assert.match(said, /sallyport\.yaml:\d+:\d+: the anchor '.*CN=shared' is not self-signed/);
    assert.match(said, /issuer '.*CN=root-a' is not among the anchors: add the issuer, or set/);
    await assertServed(gateway, "main", ofA);
    const good = await gateway.reload(at([shared.certificate, rootA.certificate]));
    assert.ok(good.reloaded, good.said);
});

test("clients are called by what the profile says", async (t) => {
    const named = client("named", rootA, [], {
        extensions: [...CLIENT, "subjectAltName=DNS:n.example,URI:spiffe://x/n,email:n@x.example"],
    });
    const call = (number, name, principal) =>
        listener(pki, backend, number, name, {
            trust: { anchors: [rootA.certificate], ...(principal ? { principal } : {}) },
        });
    const gateway = await start(t, [
        call(1, "usual"),
        call(2, "host", ["san_dns", "san_uri"]),
        call(3, "mail", ["san_upn", "san_email"]),
        call(4, "subject", ["subject"]),
        call(5, "common", ["common_name"]),
        call(6, "nothing", ["san_ip"]),
    ]);
    for (const [name, expected] of [
        ["usual", "spiffe://x/n"],
        ["host", "n.example"],
        ["mail", "n@x.example"],
        ["subject", "CN=named,O=Example"],
        ["common", "named"],
        ["nothing", "CN=named,O=Example"],
    ])
        assert.equal((await assertServed(gateway, name, named)).principal, expected);
});

/* ---- trials ---- */

test("a trial is judged, logged and counted, and enforced by nobody", async (t) => {
    const trust = { anchors: [rootA.certificate], trial: { anchors: [rootB.certificate] } };
    const gateway = await start(t, [
        listener(pki, backend, 1, "main", { trust }),
        listener(pki, backend, 2, "optional", { trust, mode: "optional" }),
        listener(pki, backend, 3, "alert", { trust, on_failure: "alert" }),
    ]);
    const accepted = await assertServed(gateway, "main", ofA);
    assert.equal(accepted.trial_reason, "certificate_issuer_unknown");
    assert.equal(accepted.trust_anchor, "CN=root-a,O=Example");
    const welcome = await assertServed(gateway, "main", both);
    assert.equal(welcome.trial_reason, "none");
    assert.equal(welcome.trust_anchor, "CN=root-a,O=Example");
    /* Whom the trial alone would accept is nobody all the same. */
    const { status, record } = await get(gateway, "main", ofB);
    assert.equal(status, 400);
    assert.equal(record.reason, "certificate_issuer_unknown");
    assert.equal(record.trial_reason, "none");
    assert.equal(record.verification, "FAILED:certificate_issuer_unknown");
    assert.equal(record.principal, undefined);
    const nobody = await get(gateway, "optional", undefined);
    assert.equal(nobody.status, 200);
    assert.equal(nobody.record.trial_reason, undefined);
    await curl(pki, gateway.endpoint("alert"), { credential: ofB });
    const isFailure = (each) => each.type === "handshake" && each.listener === "alert";
    const alerted = await gateway.record(isFailure, "the failed handshake");
    assert.equal(alerted.reason, "certificate_issuer_unknown");
    assert.equal(alerted.trial_reason, "none");
    const metrics = await readMetrics(gateway);
    const trials = (reason) => valueOf(metrics, "sallyport_trial_verdicts_total", { reason });
    const verdicts = (reason) => valueOf(metrics, "sallyport_verdicts_total", { reason });
    assert.equal(trials("none"), 3);
    assert.equal(trials("certificate_issuer_unknown"), 1);
    assert.equal(verdicts("none"), 2);
    assert.equal(verdicts("certificate_issuer_unknown"), 2);
});

/* ---- what was decided before a change ---- */

test("row 7: a setting that decides ends sessions, one that does not keeps them", async (t) => {
    const at = (profile) =>
        configuration(
            [
                listener(pki, backend, 1, "main", {
                    trust: { anchors: [rootA.certificate], ...profile },
                }),
            ],
            WATCHED,
        );
    const gateway = await startGateway(t, at({}));
    const flips = [
        [{ trial: { anchors: [rootB.certificate] } }, true],
        [{ depth: 3 }, false],
        [{ depth: 3, partial_chain: true }, false],
        [{ issuers: [rootA.certificate] }, false],
        [{ verify_issuer_dn: true }, false],
        [{ extended_key_usage: "client_auth_required" }, false],
        [{ required_usages: ["1.3.6.1.5.5.7.3.2"] }, false],
        [{ key_types: ["P-256"] }, false],
        [{ rsa_bits_min: 3072 }, false],
        [{ principal: ["subject"] }, false],
        [{ anchors: [rootA.certificate, rootB.certificate] }, false],
        [{ intermediates: [shared.certificate] }, false],
    ];
    for (const [profile, isKept] of flips) {
        for (const version of VERSIONS) {
            const request = `GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
            const options = { credential: ofA, version };
            const first = await connect(t, pki, gateway.endpoint("main"), options);
            assert.equal((await first.request(request)).status, 200);
            const session = await first.sessions.find(() => true, "a session");
            first.end();
            const { reloaded, said } = await gateway.reload(at(profile));
            assert.ok(reloaded, said);
            const again = await connect(t, pki, gateway.endpoint("main"), {
                ...options,
                more: { session },
            });
            const about = `${version} ${JSON.stringify(profile)}`;
            assert.equal(again.socket.isSessionReused(), isKept, about);
            assert.equal((await again.request(request)).status, 200, about);
            again.end();
            const back = await gateway.reload(at({}));
            assert.ok(back.reloaded, back.said);
        }
    }
});

/* ---- somebody else's chain ---- */

test("row 40: a victim's chain in every arrangement, with another key, is nobody", async (t) => {
    const gateway = await start(t, [
        listener(pki, backend, 1, "main", { trust: [pki.root.certificate] }),
        listener(pki, backend, 2, "optional", {
            trust: [pki.root.certificate],
            mode: "optional",
        }),
        listener(pki, backend, 3, "unverified", { mode: "unverified" }),
    ]);
    const victim = pki.impostor;
    const leaf = victim.pem;
    const extras = [pki.intermediate.pem, pki.root.pem, ofA.pem];
    const arrangements = [
        [leaf, extras[0]],
        [leaf, extras[1], extras[0]],
        [leaf, extras[0], extras[0], extras[0]],
        [leaf, leaf, extras[0]],
        [leaf, extras[2], extras[0], extras[1]],
    ];
    /* The victim has been here, so that its verdict, chain and identity are known. */
    for (const version of VERSIONS) {
        const known = await curl(pki, gateway.endpoint("main"), { credential: pki.good, version });
        assert.equal(known.status, 200);
    }
    const seen = backend.requests.items.length;
    for (const [index, arrangement] of arrangements.entries()) {
        const stolen = Object.create(victim, {
            chain: { value: path.join(pki.folder, `stolen-${index}.crt`) },
        });
        writeFileSync(stolen.chain, arrangement.join(""));
        for (const version of VERSIONS) {
            for (const name of ["main", "optional", "unverified"]) {
                const about = `${index} ${version} ${name}`;
                const answer = await curl(pki, gateway.endpoint(name), {
                    credential: stolen,
                    version,
                });
                assert.equal(answer.status, 0, about);
            }
        }
    }
    assert.equal(backend.requests.items.length, seen);
});

/* ---- many ---- */

test("200 trust profiles on one gateway, each with clients of its own", async (t) => {
    const COUNT = 200;
    const roots = [];
    for (let i = 0; i < COUNT; i++) roots.push(pki.quickRoot(`many-${i}`));
    const profiles = Object.fromEntries(
        roots.map((root, i) => [`p${i}`, { anchors: [root.certificate], send_ca_names: false }]),
    );
    const routes = roots.map((_, i) => ({
        name: `r${i}`,
        paths: [`/${i}`],
        client_certificate: { trust: `p${i}` },
        backend: backend.url,
    }));
    const gateway = await start(
        t,
        [listener(pki, backend, 1, "main", { trust: "p0" }, { routes })],
        { trust_profiles: profiles },
    );
    for (const i of [0, 1, 99, 199]) {
        const own = client(`of-many-${i}`, roots[i]);
        const record = await assertServed(gateway, "main", own, `/${i}`);
        assert.equal(record.trust_anchor, `CN=many-${i},O=Example`);
        for (const j of [(i + 1) % COUNT, (i + COUNT - 1) % COUNT])
            await assertRefused(gateway, "main", own, "certificate_issuer_unknown", `/${j}`);
    }
});
