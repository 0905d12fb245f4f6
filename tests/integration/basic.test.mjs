// SPDX-License-Identifier: Apache-2.0
//
// Who gets in: every mode, with every kind of certificate, over both versions of TLS and with
// clients that others wrote; and what is said of those who do not.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, connectPlain, curl, HOST, nodeGet, sClient } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";

const pki = makePki(after);
const backend = await startBackend({ after });
const trust = [pki.root.certificate];
const identityHeaders = {
    identity_headers: ["client-cert", "verification", "subject", "principal"],
};
const gateway = await startGateway(
    { after },
    configuration([
        listener(pki, backend, 1, "required", { trust }, identityHeaders),
        listener(pki, backend, 2, "optional", { trust, mode: "optional" }, identityHeaders),
        listener(pki, backend, 3, "unverified", { mode: "unverified" }, identityHeaders),
        listener(pki, backend, 4, "none", { mode: "none" }, identityHeaders),
        listener(pki, backend, 5, "alert", { trust, on_failure: "alert" }, identityHeaders),
        listener(pki, backend, 6, "generic", { trust, error_detail: "generic" }),
    ]),
    { listeners: 6 },
);

const VERSIONS = ["1.2", "1.3"];
const REFUSED = {
    expired: "certificate_expired",
    notYetValid: "certificate_not_yet_valid",
    stranger: "certificate_issuer_unknown",
    wrongPurpose: "certificate_purpose_wrong",
    selfSigned: "certificate_self_signed",
};

/* A path that no other test asks for, by which its record is found. */
let asked = 0;
function newPath() {
    return `/request-${++asked}`;
}

function recordOf(path) {
    return gateway.record((record) => record.target === path, `the record of ${path}`);
}

/* One GET with curl, and the record of it. */
async function get(name, options) {
    const path = newPath();
    const answer = await curl(pki, gateway.endpoint(name), { path, ...options });
    return { path, answer, record: await recordOf(path) };
}

/* What the backend was asked for that path; nothing when the request was refused. */
function forwarded(path) {
    return backend.requests.items.find((request) => request.target === path);
}

/* The record of a failed handshake after the first `from` records, with those facts. */
function failedHandshake(from, facts) {
    const expected = Object.entries({ type: "handshake", ...facts });
    return gateway.record(
        (record) => expected.every(([name, value]) => record[name] === value),
        `the record of a failed handshake with ${JSON.stringify(facts)}`,
        from,
    );
}

function assertRefused({ path, answer, record }, reason, presented) {
    assert.equal(answer.status, 400);
    assert.equal(answer.value("Connection"), "close");
    assert.equal(record.status, 400);
    assert.equal(record.reason, reason);
    assert.equal(record.fault, "client");
    assert.equal(record.principal ?? "", "");
    assert.equal(forwarded(path), undefined, "the backend was asked");
    if (presented) {
        assert.equal(record.certificate_sha256, presented.sha256);
        assert.equal(record.verification, `FAILED:${reason}`);
    } else {
        assert.equal(record.certificate_sha256 ?? "", "");
        assert.equal(record.verification, "NONE");
    }
}

function assertAccepted({ path, answer, record }, credential) {
    assert.equal(answer.status, 200, answer.failure);
    assert.equal(record.verification, "SUCCESS");
    assert.equal(record.certificate_sha256, credential.sha256);
    assert.match(
        record.certificate_subject,
        new RegExp(`CN=${credential.x509.subject.split("CN=")[1]}`),
    );
    assert.notEqual(record.principal, "");
    const request = forwarded(path) ?? assert.fail("the backend was not asked");
    assert.equal(request.value("Client-Cert"), `:${credential.derBase64}:`);
    assert.equal(request.value("X-Client-Cert-Verification"), "SUCCESS");
}

/* Nothing of a client's certificate, verified or not, may have reached the backend. */
function assertAnonymous({ path, answer, record }) {
    assert.equal(answer.status, 200, answer.failure);
    assert.notEqual(record.verification, "SUCCESS");
    assert.equal(record.principal ?? "", "");
    const request = forwarded(path);
    assert.deepEqual(request.values("Client-Cert"), []);
    assert.deepEqual(request.values("X-Client-Cert-Subject"), []);
    assert.deepEqual(request.values("X-Client-Cert-Principal"), []);
    assert.ok(["NONE", undefined].includes(request.value("X-Client-Cert-Verification")));
}

for (const version of VERSIONS) {
    describe(`with TLS ${version}`, () => {
        for (const mode of ["required", "optional"]) {
            for (const kind of ["good", "rsa"]) {
                test(`${mode}: a ${kind} certificate is accepted and forwarded`, async () => {
                    const credential = pki[kind];
                    assertAccepted(await get(mode, { credential, version }), credential);
                });
            }
            for (const [kind, reason] of Object.entries(REFUSED)) {
                test(`${mode}: a certificate is refused when it is ${kind}`, async () => {
                    const credential = pki[kind];
                    assertRefused(await get(mode, { credential, version }), reason, credential);
                });
            }
        }

        test("required: no certificate is refused", async () => {
            assertRefused(await get("required", { version }), "certificate_missing");
        });

        test("required: refusing says nothing to the backend, even when asked twice", async (t) => {
            const client = await connect(t, pki, gateway.endpoint("required"), { version });
            const path = newPath();
            const request = `GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
            const answer = await client.request(request + request);
            assert.equal(answer.status, 400);
            assert.equal(await client.closed(), "");
            assert.equal(forwarded(path), undefined);
        });

        test("optional: no certificate is anonymous", async () => {
            const result = await get("optional", { version });
            assert.equal(result.record.verification, "NONE");
            assertAnonymous(result);
        });

        test("unverified: everybody is served and nobody has a name", async () => {
            const result = await get("unverified", { version });
            assert.equal(result.record.verification, "NONE");
            assertAnonymous(result);
            for (const kind of ["good", ...Object.keys(REFUSED)]) {
                const options = { credential: pki[kind], version };
                const result = await get("unverified", options);
                assert.equal(result.record.certificate_sha256, options.credential.sha256);
                assert.equal(result.record.verification, "PASSTHROUGH");
                assertAnonymous(result);
            }
        });

        test("none: nobody is asked for a certificate", async () => {
            const asked = await sClient(pki, gateway.endpoint("none"), { version });
            assert.equal(asked.answer?.status, 200, asked.text);
            assert.match(asked.text, /No client certificate CA names sent/);
            const result = await get("none", { credential: pki.good, version });
            assert.equal(result.record.verification, "NONE");
            assertAnonymous(result);
            assert.equal(result.record.certificate_sha256 ?? "", "");
        });

        test("a certificate without its intermediate is refused", async () => {
            const { certificate, key, sha256 } = pki.good;
            const credential = { chain: certificate, key, sha256 };
            const result = await get("required", { credential, version });
            assertRefused(result, "certificate_issuer_unknown", credential);
        });

        test("the names of the trusted authorities are sent", async () => {
            const { text } = await sClient(pki, gateway.endpoint("required"), { version });
            assert.match(text, /Acceptable client certificate CA names\s+O = Example, CN = Root/);
        });

        test("openssl and Node's https are served, by name and by address", async () => {
            const credential = pki.good;
            const endpoint = gateway.endpoint("required");
            const openssl = await sClient(pki, endpoint, { credential, version });
            assert.equal(openssl.answer?.status, 200, openssl.text);
            const byName = await nodeGet(pki, endpoint, { credential, version });
            assert.equal(byName.status, 200);
            const byAddress = await nodeGet(pki, endpoint, {
                credential,
                version,
                host: "127.0.0.1",
            });
            assert.equal(byAddress.status, 200);
            const refused = await nodeGet(pki, endpoint, { credential: pki.stranger, version });
            assert.equal(refused.status, 400);
        });

        test("a client that does not hold the key has no identity", async (t) => {
            const from = gateway.records.items.length;
            const client = await connect(t, pki, gateway.endpoint("required"), {
                credential: pki.impostor,
                version,
            });
            const path = newPath();
            client.send(`GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
            assert.equal(await client.closed(), "");
            assert.match(client.error?.code ?? "", /DECRYPT_ERROR|ALERT|ECONNRESET/);
            const record = await failedHandshake(from, {
                listener: "required",
                certificate_sha256: pki.good.sha256,
            });
            assert.equal(record.reason, "possession_unproven");
            assert.equal(record.certificate_presented, true);
            assert.equal(record.possession_proven, false);
            assert.equal(record.principal, undefined);
            assert.equal(forwarded(path), undefined);
        });

        test("not to hold the key of a certificate helps in no mode", async (t) => {
            for (const name of ["optional", "unverified", "alert"]) {
                const client = await connect(t, pki, gateway.endpoint(name), {
                    credential: pki.impostor,
                    version,
                });
                const path = newPath();
                client.send(`GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
                assert.equal(await client.closed(), "", name);
                assert.equal(forwarded(path), undefined, name);
            }
        });

        test("alert: a bad certificate ends the handshake with the alert of its kind", async () => {
            const alerts = {
                expired: /certificate expired/,
                notYetValid: /bad certificate|certificate expired/,
                stranger: /unknown ca/,
                wrongPurpose: /unsupported certificate|bad certificate/,
                selfSigned: /unknown ca/,
            };
            for (const [kind, alert] of Object.entries(alerts)) {
                const from = gateway.records.items.length;
                const credential = pki[kind];
                const result = await sClient(pki, gateway.endpoint("alert"), {
                    credential,
                    version,
                });
                assert.equal(result.answer, null, kind);
                assert.match(result.alert ?? result.text, alert, kind);
                const record = await failedHandshake(from, {
                    listener: "alert",
                    certificate_sha256: credential.sha256,
                });
                assert.equal(record.reason, REFUSED[kind]);
                assert.equal(record.certificate_presented, true);
            }
        });

        test("alert: no certificate ends the handshake", async () => {
            const from = gateway.records.items.length;
            const { answer, alert, text } = await sClient(pki, gateway.endpoint("alert"), {
                version,
            });
            assert.equal(answer, null);
            assert.match(alert ?? text, /certificate required|handshake failure/);
            const facts = { listener: "alert", certificate_presented: false };
            const record = await failedHandshake(from, facts);
            assert.equal(record.reason, "certificate_missing");
        });

        test("alert: a good certificate is served", async () => {
            assertAccepted(await get("alert", { credential: pki.good, version }), pki.good);
        });
    });
}

/* ---- what a refusal looks like -------------------------------------------------------------- */

test("the page names the reason and the trace id of the record", async () => {
    const { answer, record } = await get("required", {});
    assert.equal(answer.value("Content-Type"), "text/html");
    assert.match(answer.body, /<title>400 No required SSL certificate was sent<\/title>/);
    assert.match(answer.body, /certificate_missing/);
    assert.ok(answer.body.includes(record.trace_id), "the trace id");
    assert.match(record.trace_id, /^[0-9a-f]{32}$/);
});

test("who asks for JSON gets problem details", async () => {
    for (const [credential, reason] of [
        [undefined, "certificate_missing"],
        [pki.expired, "certificate_expired"],
    ]) {
        const headers = ["Accept: application/json"];
        const { answer, record } = await get("required", { credential, headers });
        assert.equal(answer.status, 400);
        assert.equal(answer.value("Content-Type"), "application/problem+json");
        const problem = JSON.parse(answer.body);
        assert.equal(problem.status, 400);
        assert.equal(problem.reason, reason);
        assert.equal(problem.trace_id, record.trace_id);
        assert.equal(problem.type, `urn:sallyport:reason:${reason}`);
    }
});

test("error_detail: generic names no reason, on the page and in JSON", async () => {
    for (const headers of [[], ["Accept: application/json"]]) {
        const options = { credential: pki.expired, headers };
        const { answer, record } = await get("generic", options);
        assert.equal(answer.status, 400);
        assert.doesNotMatch(answer.body, /expired/i);
        assert.equal(record.reason, "certificate_expired");
    }
});

test("with Azure's token the pages are byte for byte Azure's", async (t) => {
    const token = { server_token: "Microsoft-Azure-Application-Gateway/v2" };
    const azure = await startGateway(
        t,
        configuration([listener(pki, backend, 1, "azure", { trust }, token)]),
    );
    const page = (detail) =>
        [
            "<html>",
            `<head><title>400 ${detail}</title></head>`,
            "<body>",
            "<center><h1>400 Bad Request</h1></center>",
            `<center>${detail}</center>`,
            "<hr><center>Microsoft-Azure-Application-Gateway/v2</center>",
            "</body>",
            "</html>",
            "",
        ].join("\r\n");
    const missing = await curl(pki, azure.endpoint(), { headers: ["Accept: application/json"] });
    assert.equal(missing.line, "HTTP/1.1 400 Bad Request");
    assert.equal(missing.value("Server"), "Microsoft-Azure-Application-Gateway/v2");
    assert.equal(missing.body, page("No required SSL certificate was sent"));
    for (const kind of Object.keys(REFUSED)) {
        const answer = await curl(pki, azure.endpoint(), { credential: pki[kind] });
        assert.equal(answer.body, page("The SSL certificate error"), kind);
    }
});

test("HEAD is refused without a body", async (t) => {
    const client = await connect(t, pki, gateway.endpoint("required"));
    const answer = await client.request(`HEAD / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, "HEAD");
    assert.equal(answer.status, 400);
    assert.ok(Number(answer.value("Content-Length")) > 0);
    assert.equal(await client.closed(), "");
});

test("plain HTTP to the TLS port is told so, and recorded", async (t) => {
    const from = gateway.records.items.length;
    const client = await connectPlain(t, gateway.endpoint("required"));
    const answer = await client.request(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    assert.equal(answer?.status, 400);
    assert.match(answer.body, /The plain HTTP request was sent to HTTPS port/);
    const record = await failedHandshake(from, { listener: "required" });
    assert.equal(record.reason, "handshake_not_tls");
    assert.equal(record.certificate_presented, false);
});

test("a client that trusts another server's issuer is recorded", async () => {
    const from = gateway.records.items.length;
    const words = ["--cacert", pki.strangerRoot.certificate];
    const answer = await curl(pki, gateway.endpoint("required"), { words });
    assert.equal(answer.status, 0);
    const record = await failedHandshake(from, { listener: "required" });
    assert.equal(record.reason, "handshake_refused_by_client");
});

test("versions below 1.2 are refused and recorded", async () => {
    const from = gateway.records.items.length;
    const words = ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"];
    const { answer } = await sClient(pki, gateway.endpoint("required"), { words });
    assert.equal(answer, null);
    const record = await failedHandshake(from, { listener: "required" });
    assert.equal(record.reason, "handshake_version_unsupported");
});

test("a connection that is closed before its handshake is recorded", async (t) => {
    const from = gateway.records.items.length;
    const client = await connectPlain(t, gateway.endpoint("required"));
    client.end();
    const record = await failedHandshake(from, { listener: "required" });
    assert.equal(record.reason, "handshake_abandoned");
});

/* ---- what a record says --------------------------------------------------------------------- */

test("a record says who asked what of whom, and what came of it", async () => {
    const { answer, path, record } = await get("required", {
        ...{ credential: pki.good, version: "1.3" },
        headers: ["User-Agent: me/1"],
    });
    assert.equal(answer.status, 200);
    assert.equal(record.type, "exchange");
    assert.equal(record.listener, "required");
    assert.equal(record.route, "all");
    assert.equal(record.tls_version, "TLSv1.3");
    assert.match(record.tls_cipher, /^TLS_/);
    assert.equal(record.server_name, HOST);
    assert.equal(record.method, "GET");
    assert.equal(record.target, path);
    assert.equal(record.protocol, "HTTP/1.1");
    assert.equal(record.user_agent, "me/1");
    assert.equal(record.status, 200);
    assert.equal(record.backend_status, 200);
    assert.equal(record.mode, "required");
    assert.equal(record.principal, "good.clients.test");
    assert.equal(record.certificate_subject, "CN=good,O=Example");
    assert.equal(record.certificate_issuer, "CN=Issuing,O=Example");
    assert.equal(record.sent_bytes, 3);
    assert.match(record.client_address, /^127\.0\.0\.\d+:\d+$/);
    assert.match(record.endpoint, new RegExp(`:${backend.port}$`));
    assert.match(record.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/);
    assert.ok(record.duration > 0);
});

test("the ready file says the same as the ready lines", () => {
    const text = JSON.stringify(gateway.readyFile);
    for (const [name, { address, port }] of gateway.endpoints) {
        assert.ok(text.includes(name) && text.includes(`${address}:${port}`), text);
    }
});
