// SPDX-License-Identifier: Apache-2.0
//
// A certificate is public; who shows one is somebody only with its key. And: whom a resumed
// connection brings back is judged as if it came for the first time.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, HOST, parseAnswer, sClient } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";
import { talkByHand } from "./support/tls_by_hand.mjs";

const VERSIONS = ["1.2", "1.3"];
const ALERT = {
    ...{ unexpectedMessage: 10, handshakeFailure: 40, badCertificate: 42 },
    ...{ unsupportedCertificate: 43, certificateExpired: 45, unknownCa: 48, decryptError: 51 },
    certificateRequired: 116,
};

const pki = makePki(after);
const backend = await startBackend({ after });
const trust = [pki.root.certificate];
const MODES = {
    required: { trust },
    optional: { trust, mode: "optional" },
    unverified: { mode: "unverified" },
    alert: { trust, on_failure: "alert" },
};
const headers = { identity_headers: ["client-cert", "verification", "principal"] };
const gateway = await startGateway(
    { after },
    configuration(
        Object.entries(MODES).map(([name, settings], i) =>
            listener(pki, backend, i + 1, name, settings, headers),
        ),
    ),
    { listeners: Object.keys(MODES).length },
);

/* A target that no other request has, by which its record is found. */
let asked = 0;
function newTarget() {
    return `/request-${++asked}`;
}

const get = (target) => `GET ${target} HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`;
const forwarded = (target) => backend.requests.items.find((one) => one.target === target);

/* ---- certificates without their keys -------------------------------------------------------- */

const victim = pki.good;
const thief = pki.client("thief");

/* What is sent as proof of possession, and the alert that ends it. */
const LIES = {
    "a signature by another key": { key: thief.key, alert: ALERT.decryptError },
    "no CertificateVerify": { key: null, alert: ALERT.unexpectedMessage },
};

for (const version of VERSIONS) {
    describe(`possession, TLS ${version}`, () => {
        const talk = (name, target, options) =>
            talkByHand(gateway.endpoint(name), {
                ...{ version, host: HOST, chain: victim.chain, request: get(target) },
                ...options,
            });

        test("the client made by hand is served when it tells the truth", async () => {
            for (const name of Object.keys(MODES)) {
                const target = newTarget();
                const result = await talk(name, target, { key: victim.key });
                assert.equal(result.alert, null, name);
                assert.equal(parseAnswer(result.answer).status, 200, name);
                const sent = forwarded(target).values("Client-Cert");
                const expected = name === "unverified" ? [] : [`:${victim.derBase64}:`];
                assert.deepEqual(sent, expected, name);
            }
        });

        for (const [lie, { key, alert }] of Object.entries(LIES)) {
            for (const name of Object.keys(MODES)) {
                test(`${lie} gains nothing: ${name}`, async () => {
                    const target = newTarget();
                    const from = gateway.records.items.length;
                    const result = await talk(name, target, { key });
                    assert.equal(result.alert, alert);
                    assert.equal(result.answer, "");
                    assert.equal(result.sessions, 0);
                    const record = await gateway.record(
                        (one) => one.type === "handshake" && one.listener === name,
                        "the record of the handshake",
                        from,
                    );
                    assert.equal(record.reason, "possession_unproven");
                    assert.equal(record.fault, "client");
                    assert.equal(record.certificate_presented, true);
                    assert.equal(record.possession_proven, false);
                    assert.equal(record.certificate_subject, "CN=good,O=Example");
                    assert.equal(record.certificate_issuer, "CN=Issuing,O=Example");
                    const serial = victim.x509.serialNumber;
                    assert.equal(record.certificate_serial, serial);
                    assert.equal(record.certificate_sha256, victim.sha256);
                    assert.equal(record.principal, undefined);
                    assert.equal(record.verification, undefined);
                    assert.equal(forwarded(target), undefined, "the backend was asked");
                });
            }
        }

        test("after a thief, the victim is served, and the thief as what it is", async () => {
            for (const [chain, key, principal] of [
                [victim.chain, victim.key, "good.clients.test"],
                [thief.chain, thief.key, "CN=thief,O=Example"],
            ]) {
                const target = newTarget();
                const result = await talk("required", target, { chain, key });
                assert.equal(parseAnswer(result.answer).status, 200);
                assert.equal(forwarded(target).value("X-Client-Cert-Principal"), principal);
            }
        });
    });
}

test("a signature that was made for a server's role is no proof", async () => {
    const target = newTarget();
    const result = await talkByHand(gateway.endpoint("required"), {
        ...{ version: "1.3", host: HOST, chain: victim.chain, key: victim.key },
        ...{ context: "server", request: get(target) },
    });
    assert.equal(result.alert, ALERT.decryptError);
    assert.equal(forwarded(target), undefined);
});

/* ---- the alert of each refusal -------------------------------------------------------------- */

const REFUSED = {
    expired: ["certificate_expired", ALERT.certificateExpired],
    stranger: ["certificate_issuer_unknown", ALERT.unknownCa],
    selfSigned: ["certificate_self_signed", ALERT.unknownCa],
    wrongPurpose: ["certificate_purpose_wrong", ALERT.unsupportedCertificate],
    notYetValid: ["certificate_not_yet_valid", ALERT.badCertificate],
};

for (const version of VERSIONS) {
    for (const [kind, [reason, alert]] of Object.entries(REFUSED)) {
        test(`${kind}, TLS ${version}: alert ${alert}, or 400, and ${reason} in both`, async () => {
            const credential = pki[kind];
            const target = newTarget();
            const from = gateway.records.items.length;
            const options = { version, host: HOST, ...credential, request: get(target) };

            const byAlert = await talkByHand(gateway.endpoint("alert"), options);
            assert.equal(byAlert.alert, alert);
            assert.equal(byAlert.answer, "");
            const handshake = await gateway.record(
                ({ type, listener: name }) => type === "handshake" && name === "alert",
                "the record of the handshake",
                from,
            );
            assert.equal(handshake.reason, reason);
            assert.equal(handshake.possession_proven, false);
            assert.equal(handshake.certificate_sha256, credential.sha256);

            const byHttp = await talkByHand(gateway.endpoint("required"), options);
            assert.equal(byHttp.alert, null);
            const answer = parseAnswer(byHttp.answer);
            assert.equal(answer.status, 400);
            assert.match(answer.body, /<title>400 The SSL certificate error<\/title>/);
            const exchange = await gateway.record((one) => one.target === target);
            assert.equal(exchange.reason, reason);
            assert.equal(exchange.verification, `FAILED:${reason}`);
            assert.equal(forwarded(target), undefined, "the backend was asked");
        });
    }

    test(`no certificate, TLS ${version}: the alert of that version`, async () => {
        const from = gateway.records.items.length;
        const { text, answer } = await sClient(pki, gateway.endpoint("alert"), { version });
        const alert = version === "1.2" ? ALERT.handshakeFailure : ALERT.certificateRequired;
        assert.equal(answer, null);
        assert.match(text, new RegExp(`SSL alert number ${alert}\\b`));
        const record = await gateway.record(
            ({ type, listener: name }) => type === "handshake" && name === "alert",
            "the record of the handshake",
            from,
        );
        assert.equal(record.reason, "certificate_missing");
    });
}

/* ---- resumed connections are judged again --------------------------------------------------- */

/*
 * Changes whom a listener and a route trust between two connections. The listener's own trust is
 * named in its sessions, so that its change ends resumption; a route's is not, so that the resumed
 * connection must be judged.
 */
function judging(anchors, onFailure) {
    const route = (name, more = {}) => ({
        ...{ name, paths: [`/${name}/*`], backend: backend.url },
        ...more,
    });
    return configuration([
        listener(
            pki,
            backend,
            5,
            "judging",
            { trust: anchors, on_failure: onFailure },
            { routes: [route("plain")] },
        ),
        listener(
            pki,
            backend,
            6,
            "by-route",
            { trust, mode: "optional" },
            {
                routes: [
                    route("strict", { client_certificate: { mode: "required", trust: anchors } }),
                ],
            },
        ),
    ]);
}

for (const version of VERSIONS) {
    for (const onFailure of ["http", "alert"]) {
        test(`trust taken away is felt when resumed: TLS ${version}, ${onFailure}`, async (t) => {
            const other = [pki.otherRoot.certificate];
            const changing = await startGateway(t, judging(trust, onFailure), { listeners: 2 });
            const ask = async (name, target, options) => {
                const client = await connect(t, pki, changing.endpoint(name), {
                    version,
                    ...options,
                });
                client.send(`GET ${target} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
                const answer = await client.answer();
                const resumed = client.socket.isSessionReused();
                return { client, answer, resumed };
            };
            const sessions = {};
            for (const [name, target] of Object.entries({
                judging: "/plain/1",
                "by-route": "/strict/1",
            })) {
                const first = await ask(name, target, { credential: victim });
                assert.equal(first.answer.status, 200, name);
                const session = await first.client.sessions.find(() => true, "a session");
                const again = await ask(name, `${target}-again`, { more: { session } });
                assert.equal(again.resumed, true, name);
                assert.equal(again.answer.status, 200, name);
                /* A TLS 1.3 client is to use a ticket once. */
                sessions[name] = again.client.sessions.items.at(-1) ?? session;
                first.client.end();
                again.client.end();
            }
            const { count } = backend;

            assert.equal((await changing.reload(judging(other, onFailure))).reloaded, true);
            const atRoute = await ask("by-route", "/strict/2", {
                more: { session: sessions["by-route"] },
            });
            assert.equal(atRoute.resumed, true);
            assert.equal(atRoute.answer.status, 400);
            const record = await changing.record((one) => one.target === "/strict/2");
            assert.equal(record.resumed, true);
            assert.equal(record.reason, "certificate_issuer_unknown");
            assert.equal(record.certificate_sha256, victim.sha256);
            atRoute.client.end();

            const atListener = await ask("judging", "/plain/2", {
                more: { session: sessions.judging },
            });
            assert.notEqual(atListener.answer?.status, 200);
            if (!atListener.resumed && onFailure === "alert") assert.equal(atListener.answer, null);
            else assert.equal(atListener.answer.status, 400);
            atListener.client.end();
            assert.equal(backend.count, count, "the backend was asked");

            /* And given back. */
            assert.equal((await changing.reload(judging(trust, onFailure))).reloaded, true);
            const back = await ask("by-route", "/strict/3", {
                more: { session: sessions["by-route"] },
            });
            assert.equal(back.answer.status, 200);
            assert.equal(back.resumed, true);
            back.client.end();
        });
    }
}
