// SPDX-License-Identifier: Apache-2.0
//
// A request on a kept-alive connection asks nothing of the heap, but what OpenSSL cannot do
// without: a buffer to read a record and one to write it, given back when the connection idles, and
// two or four small parts of its bookkeeping. What the workers of the program that users run ask
// for is counted, call by call: one of ours would be one more than OpenSSL's.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync, chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { RELEASE_PROGRAM, startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";
import { compileAllocationCounter } from "./support/service_manager.mjs";

const REQUESTS = 1000;
const OPENSSL_ASKS = { "TLSv1.2": 4, "TLSv1.3": 6 }; // for a request

const pki = makePki(after);
const skip = existsSync(RELEASE_PROGRAM)
    ? false
    : `there is no release build at ${RELEASE_PROGRAM}: "./dev build release" makes it`;

async function startCounted(t) {
    const folder = mkdtempSync(path.join(tmpdir(), "sallyport-allocations-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = path.join(folder, "count");
    writeFileSync(file, Buffer.alloc(8));
    chmodSync(folder, 0o755);
    chmodSync(file, 0o666);
    const backend = await startBackend(t);
    const gateway = await startGateway(
        t,
        configuration(
            [
                listener(
                    pki,
                    backend,
                    1,
                    "main",
                    { trust: [pki.root.certificate] },
                    { identity_headers: ["client-cert", "verification", "subject"] },
                ),
            ],
            { log: { access: "off" } },
        ),
        {
            program: RELEASE_PROGRAM,
            environment: { LD_PRELOAD: compileAllocationCounter(t), ALLOCATIONS_FILE: file },
        },
    );
    const count = () => Number(readFileSync(file).readBigUInt64LE(0));
    return { gateway, count };
}

for (const version of ["TLSv1.2", "TLSv1.3"]) {
    test(`${REQUESTS} requests with ${version} ask nothing of the heap`, { skip }, async (t) => {
        const { gateway, count } = await startCounted(t);
        const more = { minVersion: version, maxVersion: version };
        const credential = pki.good;
        const client = await connect(t, pki, gateway.endpoint(), { credential, more });
        const get = `GET /a?b HTTP/1.1\r\nHost: ${HOST}\r\nX-Some: thing\r\n\r\n`;
        const post = get.replace("GET", "POST").replace("X-S", "Content-Length: 3\r\nX-S") + "abc";
        const ask = async (times) => {
            for (let i = 0; i < times; i++) {
                assert.equal((await client.request(i % 2 === 0 ? get : post)).status, 200);
            }
        };
        assert.ok(count() > 0, "a handshake's wishes are counted");
        await ask(20); // the connection to the backend, and what a worker keeps from then on
        const before = count();
        await ask(REQUESTS);
        const asked = (count() - before) / REQUESTS;
        t.diagnostic(`${asked} a request`);
        assert.ok(asked <= OPENSSL_ASKS[version], `${asked} a request`);
    });
}
