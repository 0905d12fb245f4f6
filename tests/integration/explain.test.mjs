// SPDX-License-Identifier: Apache-2.0
//
// `sallyport explain`: what it says is what a gateway of the same configuration then does, for many
// clients and requests; and what it says of words, files and logs that are wrong.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { makeCrl } from "./support/crl.mjs";
import { runProgram, startGateway } from "./support/gateway.mjs";
import { makeAnswer, startResponder } from "./support/ocsp_responder.mjs";
import { makePki } from "./support/pki.mjs";

const pki = makePki(after);
const backend = await startBackend({ after });
const folder = mkdtempSync(path.join(tmpdir(), "sallyport-explain-"));
chmodSync(folder, 0o777);
after(() => rmSync(folder, { recursive: true, force: true }));
const file = (...names) => path.join(folder, ...names);

const alice = pki.client("alice", { names: "URI:spiffe://example.org/orders/web" });
const bob = pki.client("bob");
writeFileSync(file("issuing.crl"), makeCrl(pki.intermediate, { revoked: [bob], number: 1 }));
writeFileSync(file("root.crl"), makeCrl(pki.root, { number: 1 }));

const revocation = (...files) => ({ sources: ["crl"], crl: { files } });
const routes = [
    { name: "health", paths: ["/healthz"], client_certificate: { mode: "none" } },
    { name: "admin", paths: ["/admin/*"], client_certificate: { trust: "others" } },
    { name: "orders", paths: ["/orders/*"], methods: ["GET", "PUT"], policy: "order-clients" },
    { name: "seen", paths: ["/seen"], client_certificate: { mode: "unverified" } },
    { name: "perhaps", paths: ["/perhaps"], client_certificate: { mode: "optional" } },
    { name: "all", paths: ["/app/*", "/"] },
].map((route) => ({ ...route, backend: backend.url }));

const listeners = [
    listener(pki, backend, 1, "partners", undefined, {
        hosts: [HOST],
        client_certificate: { trust: "partners" },
        trusted_proxies: ["127.0.0.99"],
        identity_headers: ["client-cert", "verification"],
        routes,
    }),
    listener(pki, backend, 1, "elsewhere", undefined, {
        hosts: ["other.gateway.test"],
        client_certificate: { trust: "others" },
    }),
    listener(pki, backend, 2, "alert", undefined, {
        client_certificate: { trust: "partners", on_failure: "alert" },
    }),
    listener(pki, backend, 3, "unknown-lists", undefined, {
        client_certificate: { trust: "unlisted" },
    }),
    listener(pki, backend, 4, "anybody", undefined, { client_certificate: { mode: "none" } }),
];

const settings = {
    trust_profiles: {
        partners: {
            anchors: [{ name: "example", file: pki.root.certificate }],
            intermediates: [pki.intermediate.certificate],
            revocation: revocation(file("issuing.crl")),
        },
        others: { anchors: [pki.otherRoot.certificate] },
        unlisted: { anchors: [pki.root.certificate], revocation: revocation(file("root.crl")) },
    },
    policies: {
        "order-clients": [
            { deny: { paths: "/orders/secret/*" } },
            { allow: { san_uri: "spiffe://example.org/orders/*", methods: ["GET"] }, user: "web" },
            { allow: { subject: { CN: "good" }, source: "127.0.0.0/8" } },
        ],
    },
};
const text = configuration(listeners, settings);
writeFileSync(file("sallyport.yaml"), text);

/* ---- the two that are compared ---- */

const running = await startGateway({ after }, text, { listeners: 5 });

const ADDRESS = { partners: "127.0.0.1:0", alert: "127.0.0.2:0" };
ADDRESS["unknown-lists"] = "127.0.0.3:0";
ADDRESS.anybody = "127.0.0.4:0";

const explain = (...words) => runProgram("explain", file("sallyport.yaml"), ...words);

async function explained(one) {
    const { at = "partners", credential, target = "/app/x", host = HOST, method = "GET" } = one;
    const words = [
        ...["--json", "--address", ADDRESS[at], "--url", `https://${host}${target}`],
        ...["--method", method, "--server-name", one.serverName ?? host],
        ...(credential ? ["--cert", credential.chain] : []),
        ...(one.headers ?? []).flatMap((field) => ["--header", field]),
    ];
    const { status, stdout, stderr } = await explain(...words);
    assert.notEqual(stdout, "", stderr);
    const said = JSON.parse(stdout);
    assert.equal(status, said.reason === "none" ? 0 : 3, stderr);
    return said;
}

const step = (said, name) => said.steps.find((each) => each.step === name) ?? {};

/* What the gateway does, and what it logs of that. */
async function done(t, gateway, one) {
    const { at = "partners", credential, target = "/app/x", host = HOST, method = "GET" } = one;
    const from = gateway.records.items.length;
    const asked = backend.count;
    const client = await connect(t, pki, gateway.endpoint(at), {
        credential,
        host: one.serverName ?? host,
        more: one.serverName === "" ? { servername: "" } : {},
    });
    const fields = [...(one.headers ?? []), `Host: ${host}`];
    client.send(`${method} ${target} HTTP/1.1\r\n${fields.join("\r\n")}\r\n\r\n`);
    const answer = await client.answer(method).catch(() => null);
    client.end();
    const record = await gateway.record(() => true, "a record", from);
    return { answer, record, received: backend.count > asked ? backend.last : null };
}

const CASES = [
    ["a partner", { credential: alice }],
    ["nobody", {}],
    ["an expired certificate", { credential: pki.expired }],
    ["one that is not valid yet", { credential: pki.notYetValid }],
    ["one for servers", { credential: pki.wrongPurpose }],
    ["a self-signed one", { credential: pki.selfSigned }],
    ["a stranger", { credential: pki.stranger }],
    ["a revoked one", { credential: bob }],
    ["an RSA key", { credential: pki.rsa }],
    ["an exempt path without certificate", { target: "/healthz" }],
    ["an exempt path with a bad one", { target: "/healthz", credential: pki.expired }],
    ["nearly the exempt path", { target: "/healthz/x" }],
    ["a route of others, and they", { target: "/admin/x", credential: pki.other }],
    ["a route of others, and a partner", { target: "/admin/x", credential: alice }],
    ["a policy that allows", { target: "/orders/1", credential: alice }],
    ["a policy, by another method", { target: "/orders/1", credential: alice, method: "PUT" }],
    ["a policy that denies", { target: "/orders/secret/1", credential: alice }],
    ["a policy, by source address", { target: "/orders/1", credential: pki.good }],
    ["a policy without a rule", { target: "/orders/1", credential: pki.rsa }],
    ["a method of no route", { target: "/orders/1", credential: alice, method: "POST" }],
    ["no route", { target: "/nowhere", credential: alice }],
    ["no route, and nobody", { target: "/nowhere" }],
    ["unverified, and a stranger", { target: "/seen", credential: pki.stranger }],
    ["optional, and nobody", { target: "/perhaps" }],
    ["optional, and a stranger", { target: "/perhaps", credential: pki.stranger }],
    ["optional, and revoked", { target: "/perhaps", credential: bob }],
    ["another host with its own rules", { host: "other.gateway.test", credential: pki.other }],
    [
        "server name one, host another",
        { serverName: HOST, host: "other.gateway.test", credential: alice },
    ],
    ["no server name", { serverName: "", credential: alice }],
    ["a host that nobody serves", { serverName: HOST, host: "x.gateway.test", credential: alice }],
    ["dots in the path", { target: "/app/../admin/x", credential: alice }],
    ["an escaped slash", { target: "/app%2fx", credential: alice }],
    ["a NUL", { target: "/app/%00", credential: alice }],
    ["a path in other letters", { target: "/ADMIN/x", credential: alice }],
    ["a spoofed header", { credential: alice, headers: ["Client_Cert: :QUJD:"] }],
    [
        "a Connection that names what is ours",
        { credential: alice, headers: ["Connection: client-cert"] },
    ],
    ["a query", { target: "/app/x?y=1&z", credential: alice }],
    [
        "OPTIONS that goes no further",
        { credential: alice, method: "OPTIONS", headers: ["Max-Forwards: 0"] },
    ],
    ["an alert for nobody", { at: "alert" }],
    ["an alert for a stranger", { at: "alert", credential: pki.stranger }],
    ["an alert for a revoked one", { at: "alert", credential: bob }],
    ["no alert for a partner", { at: "alert", credential: alice }],
    ["lists that nobody has", { at: "unknown-lists", credential: alice }],
    ["a listener that asks nobody", { at: "anybody", credential: pki.stranger }],
];

describe("explains what the gateway then does:", () => {
    for (const [name, one] of CASES) {
        test(name, async (t) => {
            const { answer, record, received } = await done(t, running, one);
            const said = await explained(one);

            assert.equal(said.reason, record.reason, JSON.stringify(said, null, 1));
            assert.equal(said.status, record.reason === "none" ? null : (record.status ?? null));
            assert.equal(said.possession, one.credential ? "assumed" : "none");
            if (record.type === "handshake") {
                assert.equal(answer, null);
                return;
            }
            if (record.detail) assert.equal(step(said, "outcome").detail, record.detail);
            const route = step(said, "route");
            assert.equal(route.at ? route.name : undefined, record.route);
            assert.equal(step(said, "authentication").principal, record.principal);
            assert.equal(step(said, "authentication").anchor, record.trust_anchor);
            assert.equal(step(said, "policy").rule, record.rule);
            assert.equal(
                step(said, "policy").at?.replace(/^.*?:/, ""),
                record.rule_at?.replace(/^.*?:/, ""),
            );
            assert.equal(said.steps.some((each) => each.step === "backend"), received !== null);
            if (!received) return;
            assert.equal(step(said, "backend").headers_removed, record.stripped_headers);
            const headers = step(said, "backend").identity_headers ?? [];
            const passed = received.fields.map(([field, value]) => `${field}: ${value}`);
            for (const header of headers) assert.ok(passed.includes(header), header);
            for (const header of passed.filter((each) => /^client-cert|^x-client-/i.test(each))) {
                assert.ok(headers.includes(header), header);
            }
        });
    }
});

/* ---- one explanation, looked at closely ---- */

test("names the rule, the route, the path and the anchor, for people too", async () => {
    const said = await explained({ target: "/orders/1", credential: alice });
    const route = step(said, "route");
    const lines = text.split("\n");

    assert.match(route.at, /sallyport\.yaml:\d+:\d+$/);
    const line = Number(/:(\d+):\d+$/.exec(route.at)[1]);
    assert.match(lines.slice(line - 1, line + 2).join(), /"orders"/);
    assert.deepEqual(step(said, "authentication").path, [
        "CN=alice,O=Example",
        "CN=Issuing,O=Example",
        "CN=Root,O=Example",
    ]);
    assert.equal(step(said, "authentication").anchor, "example");
    assert.equal(step(said, "authentication").trust, "partners");
    assert.equal(step(said, "revocation").answer, "good");
    assert.equal(step(said, "revocation").source, "crl");
    assert.equal(step(said, "policy").rule, 2);
    assert.equal(step(said, "policy").user, "web");

    const words = ["--url", `https://${HOST}/orders/1`, "--address", "127.0.0.1:0"];
    const { stdout } = await explain(...words, "--cert", alice.chain);
    assert.match(stdout, /possession\s+assumed/);
    assert.match(stdout, /outcome\n\s+decision\s+allowed/);
});

test("takes PFX, DER, and a chain of its own", async () => {
    const make = (name, password) => {
        const words = ["pkcs12", "-export", "-in", alice.chain, "-inkey", alice.key];
        execFileSync("openssl", [...words, "-out", file(name), "-passout", `pass:${password}`]);
        return file(name);
    };
    const url = ["--url", `https://${HOST}/app/`, "--address", "127.0.0.1:0", "--json"];
    writeFileSync(file("password"), "secret words\n");
    writeFileSync(file("alice.der"), alice.x509.raw);
    const pfx = make("alice.pfx", "secret words");

    for (const words of [
        ["--cert", pfx, "--password-file", file("password")],
        ["--cert", make("open.pfx", "")],
        ["--cert", file("alice.der"), "--chain", pki.intermediate.certificate],
        ["--cert", alice.certificate, "--expect", "allow"],
    ]) {
        const { status, stdout, stderr } = await explain(...url, ...words);
        assert.equal(status, 0, stderr + stdout);
        assert.equal(step(JSON.parse(stdout), "client").sha256, alice.sha256);
    }
    const wrong = await explain(...url, "--cert", pfx);
    assert.equal(wrong.status, 1);
    assert.match(wrong.stderr, /the password of '.*alice\.pfx' is another \(--password-file\)/);
});

test("knows of other times and other addresses", async () => {
    const url = ["--url", `https://${HOST}/app/`, "--address", "127.0.0.1:0"];
    const day = (ahead) => new Date(Date.now() + ahead * 86400e3).toISOString().slice(0, 19) + "Z";
    const at = async (...words) => {
        const { stdout } = await explain(...url, "--json", ...words);
        return JSON.parse(stdout);
    };

    const short = pki.client("short", { until: new Date(Date.now() + 2 * 86400e3) });
    const later = pki.notYetValid.chain;
    assert.equal((await at("--cert", short.chain)).reason, "none");
    assert.equal((await at("--cert", short.chain, "--time", day(5))).reason, "certificate_expired");
    assert.equal((await at("--cert", later)).reason, "certificate_not_yet_valid");
    assert.equal((await at("--cert", later, "--time", day(15))).reason, "crl_expired");
    const orders = ["--url", `https://${HOST}/orders/1`, "--address", "127.0.0.1:0", "--json"];
    for (const [source, forwarded, reason] of [
        ["127.0.0.7", null, "none"],
        ["192.0.2.7", null, "policy_no_match"],
        ["127.0.0.99", "192.0.2.7", "policy_no_match"],
        ["127.0.0.98", "192.0.2.7", "none"],
        ["127.0.0.99", "x", "forwarded_for_malformed"],
    ]) {
        const header = forwarded ? ["--header", `X-Forwarded-For: ${forwarded}`] : [];
        const words = ["--cert", pki.good.chain, "--source-address", source, ...header];
        const { stdout } = await explain(...orders, ...words);
        assert.equal(JSON.parse(stdout).reason, reason, words.join(" "));
    }
});

test("expects, for who checks it in each build", async () => {
    const url = ["--url", `https://${HOST}/app/`, "--address", "127.0.0.1:0"];
    assert.equal((await explain(...url, "--expect", "certificate_missing")).status, 0);
    const other = await explain(...url, "--expect", "allow");
    assert.equal(other.status, 3);
    assert.match(other.stderr, /expected was 'allow', and it is 'certificate_missing'/);
    const cert = ["--cert", bob.chain];
    assert.equal((await explain(...url, ...cert, "--expect", "certificate_revoked")).status, 0);
});

describe("says what is wrong with", () => {
    const url = ["--url", `https://${HOST}/app/`, "--address", "127.0.0.1:0"];
    const otherPort = ["--url", "https://gateway.test:444/"];
    for (const [name, words, status, said] of [
        ["no URL", [], 2, /which request\? --url/],
        ["a URL of http", ["--url", "http://gateway.test/"], 2, /has to begin with https:/],
        ["a URL without host", ["--url", "https:///x"], 2, /no host that can be used/],
        ["a line break", ["--url", "https://gateway.test/x\r\nX: y"], 2, /a line break/],
        ["a header that is none", [...url, "--header", "no field"], 2, /'Name: value'/],
        ["a source with a port", [...url, "--source-address", "::1:5:x"], 2, /an IP address/],
        ["a time", [...url, "--time", "yesterday"], 2, /2026-11-21/],
        ["a reason that is none", [...url, "--expect", "bad_luck"], 2, /'bad_luck' is none/],
        ["two configurations", ["two.yaml", ...url], 2, /more than one configuration/],
        ["a chain of nobody", [...url, "--chain", alice.chain], 2, /need --cert/],
        ["an unknown option", [...url, "--colour"], 2, /unknown option/],
        ["a certificate that is not there", [...url, "--cert", "/nowhere"], 1, /\/nowhere/],
        ["no certificate", [...url, "--cert", file("sallyport.yaml")], 1, /neither PEM/],
        ["a key instead", [...url, "--cert", alice.key], 1, /no certificate in/],
        ["an address of nobody", [...url, "--address", "127.0.0.9:1"], 1, /no listener has/],
        ["a port of nobody", otherPort, 1, /nobody listens at port 444/],
        ["a log and nothing to compare", [...url, "--log", "x"], 2, /need --against/],
        ["a comparison without log", ["--against", "x"], 2, /--log FILE/],
    ]) {
        test(name, async () => {
            const found = await explain(...words);
            assert.match(found.stderr, said);
            assert.equal(found.status, status);
        });
    }

    test("a configuration", async () => {
        writeFileSync(file("broken.yaml"), "version: 1\nlisteners: [{ adress: x }]\n");
        const found = await runProgram("explain", file("broken.yaml"), ...url);
        assert.equal(found.status, 1);
        assert.match(found.stderr, /broken\.yaml:2:\d+: /);
    });
});

test("asks responders only when told to, and else believes what the gateway keeps", async (t) => {
    const responder = await startResponder(t);
    let asked = 0;
    const url = responder.on("/good", (question) => {
        asked++;
        return makeAnswer(question, pki.intermediate);
    });
    const client = pki.issue("asking", {
        issuer: pki.intermediate,
        extensions: ["extendedKeyUsage=clientAuth", `authorityInfoAccess=OCSP;URI:${url}`],
    });
    const state = file("state");
    mkdirSync(state, { recursive: true });
    chmodSync(state, 0o777);
    const trust = {
        anchors: [pki.root.certificate],
        intermediates: [pki.intermediate.certificate],
        revocation: { sources: ["ocsp"], ocsp: { timeout: "2s" } },
    };
    const asking = configuration([listener(pki, backend, 5, "asking", { trust })], {
        fetch: { allow: ["127.0.0.0/8"] },
        state_dir: state,
    });
    writeFileSync(file("asking.yaml"), asking);
    const look = async (...words) => {
        const all = ["--url", `https://${HOST}/`, "--cert", client.chain, "--json", ...words];
        const { stdout } = await runProgram("explain", file("asking.yaml"), ...all);
        return JSON.parse(stdout);
    };

    const offline = await look();
    assert.equal(offline.reason, "ocsp_unavailable");
    assert.equal(asked, 0);
    assert.deepEqual(readdirSync(state), [], "nothing is written where the gateway writes");
    const online = await look("--online");
    assert.equal(online.reason, "none");
    assert.equal(step(online, "revocation").source, "ocsp");
    assert.equal(asked, 1);
    assert.deepEqual(readdirSync(state), []);

    const gateway = await startGateway(t, asking);
    const { record } = await done(t, gateway, { at: "asking", credential: client, target: "/" });
    assert.equal(record.reason, "none");
    const before = asked;
    assert.equal((await look()).reason, "none");
    assert.equal(asked, before);
});

/* ---- two configurations and a log ---- */

test("lists who would be treated differently, and says what it cannot judge", async (t) => {
    const gateway = await startGateway(t, text, { listeners: 5 });
    const ask = (one) => done(t, gateway, one);
    await ask({ credential: alice });
    await ask({ credential: alice });
    await ask({ credential: alice, target: "/orders/1" });
    await ask({ credential: pki.good, target: "/orders/1" });
    await ask({ target: "/healthz" });
    await ask({ target: "/perhaps" });
    await ask({ credential: pki.rsa, target: "/healthz" });
    await ask({ credential: pki.rsa });
    await ask({ at: "alert", credential: pki.stranger });
    const log = gateway.records.items.map((record) => JSON.stringify(record));
    log.push("{broken", '{"type":"exchange"}', '{"type":"exchange","a":{}}', "x".repeat(70_000));
    writeFileSync(file("access.log"), `${log.join("\n")}\n`);

    /* In the new one: orders are for others, and what was optional is demanded. */
    const changed = structuredClone(listeners);
    changed[0].routes[4].client_certificate = { mode: "required" };
    const policies = { "order-clients": [{ allow: { subject: { CN: "good" } } }] };
    writeFileSync(file("new.yaml"), configuration(changed, { ...settings, policies }));
    mkdirSync(file("certs"), { recursive: true });
    for (const known of [alice, pki.good]) {
        copyFileSync(known.chain, file("certs", `${known.sha256}.pem`));
    }
    const words = ["--against", file("new.yaml"), "--log", file("access.log")];
    const known = await explain(...words, "--certs", file("certs"), "--json");
    assert.equal(known.status, 3, known.stderr);
    const { differences, ...counts } = JSON.parse(known.stdout);
    assert.deepEqual(counts, {
        requests: 8,
        alike: 5,
        different: 2,
        unjudged: 1,
        rerouted: 0,
        unlisted: 0,
        failed_handshakes: 1,
        incomplete: 1,
        malformed: 3,
        wrong_files: 0,
    });
    assert.deepEqual(
        differences.map(({ client, after: becomes, count }) => [client, becomes, count]).sort(),
        [
            [`CN=alice,O=Example (${alice.sha256})`, "refused: policy_no_match", 1],
            ["anonymous", "refused: certificate_missing", 1],
        ].sort(),
    );

    const unknown = await explain(...words);
    assert.equal(unknown.status, 3);
    assert.match(unknown.stdout, /5 cannot be judged without the client's certificate/);
    assert.match(unknown.stdout, /3 lines are malformed/);

    /* The same configuration differs in nothing. */
    writeFileSync(file("judged.log"), `${log.slice(0, 7).join("\n")}\n`);
    const same = await explain(
        ...["--against", file("sallyport.yaml"), "--log", file("judged.log")],
        ...["--certs", file("certs")],
    );
    assert.equal(same.stdout, "7 requests: 7 treated alike, 0 differently\n");
    assert.equal(same.status, 0);

    /* A file that says it is alice's, and is not, is not believed. */
    copyFileSync(bob.chain, file("certs", `${alice.sha256}.pem`));
    const lying = await explain(...words, "--certs", file("certs"));
    assert.match(lying.stdout, /held another certificate than its name says/);
});
