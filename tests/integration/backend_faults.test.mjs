// SPDX-License-Identifier: Apache-2.0
//
// A backend that does everything wrong, over TCP and over TLS, while others are served by the same
// gateway: each fault has its status and reason, costs nobody else anything, and leaves no
// connection behind that would give the next client somebody else's answer.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe, test } from "node:test";

import { connect, curl, HOST } from "./support/clients.mjs";
import { configuration, listener } from "./support/configuration.mjs";
import { startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";
import { answerWith, startScriptedBackend } from "./support/scripted_backend.mjs";

const pki = makePki(after);
const ok = (rest) => `HTTP/1.1 200 OK\r\n${rest}`;
const POISON = "this is the answer of somebody else";
const poison = ok(`Content-Length: ${POISON.length}\r\n\r\n${POISON}`);
const whole = ok("Content-Length: 2\r\n\r\nok");

const say = (...parts) => (socket) => socket.write(parts.join(""), "latin1");
/* A reset where TCP can; TLS ends without close_notify. */
const breakOff = (socket) => (socket.encrypted ? socket.destroy() : socket.resetAndDestroy());
const sayAndBreak = (text) => (socket) => socket.write(text, "latin1", () => breakOff(socket));

/* Byte after byte, each in a turn of its own. */
function drip(text) {
    return (socket) => {
        let at = 0;
        const next = () => {
            if (at === text.length || socket.destroyed) return;
            socket.write(text[at++], "latin1", () => setImmediate(next));
        };
        next();
    };
}

/* name: [status (0: broken off), reason, script] */
const FAULTS = {
    "breaks before the answer": [502, "backend_closed", breakOff],
    "ends before the answer": [502, "backend_closed", (socket) => socket.end()],
    "breaks within the head": [502, "backend_closed", sayAndBreak("HTTP/1.1 200 OK\r\nCont")],
    "breaks behind the head": [0, "backend_closed", sayAndBreak(ok("Content-Length: 9\r\n\r\n"))],
    "ends behind the head": [
        0,
        "backend_closed",
        (socket) => socket.end(ok("Content-Length: 9\r\n\r\n")),
    ],
    "breaks within the content": [
        0,
        "backend_closed",
        sayAndBreak(ok("Content-Length: 9\r\n\r\nhalf")),
    ],
    "breaks within a chunk": [
        0,
        "backend_closed",
        sayAndBreak(ok("Transfer-Encoding: chunked\r\n\r\n9\r\nhalf")),
    ],
    "breaks before the last chunk": [
        0,
        "backend_closed",
        sayAndBreak(ok("Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")),
    ],
    "is silent": [504, "backend_response_timeout", () => {}],
    "is silent within the head": [504, "backend_response_timeout", say("HTTP/1.1 200 OK\r\nA: ")],
    "is silent within the content": [
        0,
        "backend_response_timeout",
        say(ok("Content-Length: 9\r\n\r\nhalf")),
    ],
    "is silent behind an interim answer": [
        504,
        "backend_response_timeout",
        say("HTTP/1.1 103 Early Hints\r\n\r\n"),
    ],
    "says garbage": [502, "backend_response_malformed", say("\x00\xff\x16\x03".repeat(5000))],
    "has a header of 100 kB": [
        502,
        "backend_response_too_large",
        say(ok(`X-Filler: ${"x".repeat(100_000)}\r\n\r\n`)),
    ],
    "never ends its interim answers": [
        502,
        "backend_response_malformed",
        say("HTTP/1.1 100 Continue\r\n\r\n".repeat(2000)),
    ],
    "has a length that is none": [
        502,
        "backend_response_malformed",
        say(ok("Content-Length: 2x\r\n\r\nok")),
    ],
    "answers twice": [200, "none", say(whole, poison)],
    "answers twice in chunks": [
        200,
        "none",
        say(ok("Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), poison),
    ],
    "says more than its length": [200, "none", say(ok("Content-Length: 2\r\n\r\nok"), POISON)],
    "answers again when it was not asked": [
        200,
        "none",
        (socket) => {
            socket.write(whole);
            setTimeout(() => socket.write(poison), 30);
        },
    ],
    "answers and ends": [200, "none", (socket) => socket.end(whole)],
    "answers and breaks": [200, "none", sayAndBreak(ok("Content-Length: 2\r\n\r\nok"))],
    "drips": [200, "none", drip(whole)],
    "drips chunks": [
        200,
        "none",
        drip(ok("Transfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\n\r\n")),
    ],
};

const slug = (name) => `/${name.replace(/[^a-z0-9]+/gi, "-")}`;
const scripts = {
    ...Object.fromEntries(
        Object.entries(FAULTS).map(([name, [, , script]]) => [slug(name), script]),
    ),
    "/fine": (socket, { target }) => answerWith(socket, target),
};

const server = pki.issue("faulty", {
    issuer: pki.root,
    extensions: ["basicConstraints=critical,CA:FALSE", "subjectAltName=IP:127.0.0.1"],
});
const secure = { key: readFileSync(server.key), cert: readFileSync(server.certificate) };
const plainBackend = await startScriptedBackend({ after }, scripts);
const tlsBackend = await startScriptedBackend({ after }, scripts, { secure });
/* Only who is silent is not waited for long: a machine under load takes its time. */
const silent = Object.keys(FAULTS)
    .filter((name) => FAULTS[name][1] === "backend_response_timeout")
    .map(slug);
const routes = (name) => [
    { name: "silent", paths: silent, backend: `${name}-impatient` },
    { name: "all", backend: name },
];
const tcp = { endpoints: [plainBackend.url], ejection: { failures: 0 } };
const tls = { ...tcp, endpoints: [tlsBackend.url], tls: { trust: [pki.root.certificate] } };
const timeouts = { response: "300ms" };
const gateway = await startGateway(
    { after },
    configuration(
        [
            listener(pki, {}, 1, "tcp", { mode: "none" }, { routes: routes("tcp") }),
            listener(pki, {}, 2, "tls", { mode: "none" }, { routes: routes("tls") }),
        ],
        {
            backends: {
                ...{ tcp, "tcp-impatient": { ...tcp, timeouts } },
                ...{ tls, "tls-impatient": { ...tls, timeouts } },
            },
        },
    ),
    { listeners: 2 },
);

const request = (target) => `GET ${target} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
let number = 0;

/* Each answer names what was asked, so that an answer meant for another is seen. */
async function assertServed(client, times) {
    for (let i = 0; i < times; i++) {
        const target = `/fine?${++number}`;
        const answer = await client.request(request(target));
        assert.equal(answer?.status, 200);
        assert.equal(answer.body, target);
    }
}

for (const [name, backend] of [
    ["tcp", plainBackend],
    ["tls", tlsBackend],
]) {
    describe(`a backend over ${name}`, () => {
        for (const [fault, [status, reason]] of Object.entries(FAULTS)) {
            test(`that ${fault}: ${status || "broken off"}, ${reason}`, async (t) => {
                const witnesses = [];
                for (let i = 0; i < 2; i++)
                    witnesses.push(await connect(t, pki, gateway.endpoint(name)));
                await assertServed(witnesses[0], 2);
                const target = `${slug(fault)}?${++number}`;
                const [answer] = await Promise.all([
                    curl(pki, gateway.endpoint(name), { path: target }),
                    ...witnesses.map((witness) => assertServed(witness, 5)),
                ]);
                /* Behind an interim answer, which the client is told of, comes the final one. */
                const final = /^HTTP\/1\.1 (\d+)/.exec(answer.body ?? "");
                const got = final ? Number(final[1]) : answer.status;
                assert.equal(got, status, JSON.stringify(answer));
                if (status === 200) assert.equal(answer.body, "ok");
                const record = await gateway.record((one) => one.target === target, target);
                assert.equal(record.reason, reason, JSON.stringify(record));
                if (reason !== "none") assert.equal(record.fault, "backend");
                /* Whatever is left in a connection would come now. */
                for (const witness of witnesses) await assertServed(witness, 5);
            });
        }

        test("that breaks while it is sent content is not sent it again", async (t) => {
            const breaking = await startScriptedBackend(
                t,
                { "/upload": (socket) => breakOff(socket) },
                name === "tls" ? { secure } : {},
            );
            const own = await startGateway(
                t,
                configuration([listener(pki, { url: "own" }, 1, "own", { mode: "none" })], {
                    backends: {
                        own: {
                            endpoints: [breaking.url, backend.url],
                            ...(name === "tls" ? { tls: { trust: [pki.root.certificate] } } : {}),
                        },
                    },
                }),
            );
            const size = 4_000_000;
            const statuses = [];
            for (let i = 0; i < 2; i++) {
                const client = await connect(t, pki, own.endpoint());
                client.socket.on("error", () => {});
                const head = `PUT /upload HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: ${size}\r\n`;
                const answer = await client.request(`${head}\r\n${"x".repeat(size)}`);
                statuses.push(answer?.status);
            }
            assert.ok(statuses.includes(502), statuses.join());
            assert.equal(breaking.count("/upload"), 1);
        });
    });
}
