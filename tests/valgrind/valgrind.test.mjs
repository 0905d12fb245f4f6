// SPDX-License-Identifier: Apache-2.0
//
// Under valgrind's memcheck, which sees what the sanitizers do not: reading what was never
// written, also in the libraries. The gateway starts, serves and refuses, reloads, is told
// nonsense, drains and ends; nothing is lost, and nothing is said.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { SCENARIOS, settings, startEveryKind } from "../integration/support/every_kind.mjs";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), "sallyport-valgrind-"));
const log = path.join(folder, "log");
after(() => rmSync(folder, { recursive: true }));

const VALGRIND = [
    ...["valgrind", "--tool=memcheck", "--leak-check=full", "--show-leak-kinds=definite,indirect"],
    ...["--errors-for-leak-kinds=definite,indirect", "--error-exitcode=99", "--num-callers=30"],
    ...["--fair-sched=yes", `--suppressions=${HERE}/suppressions`, `--log-file=${log}`],
];

/* The filters would end valgrind, which calls what the gateway does not. */
const unconfined = (more = {}) =>
    JSON.stringify({ ...JSON.parse(settings), confinement: "off", ...more });

async function tryAll(when) {
    for (const [name, scenario] of Object.entries(SCENARIOS)) {
        const came = await scenario.attempt(await scenario.prepare?.());
        const said = JSON.stringify(came).slice(0, 300);
        assert.ok(scenario.isRight(came), `${when}, ${name}: ${said}`);
    }
}

/* Bytes that are no TLS, or not all of it, from a client that then goes. */
async function abandon({ address, port }, bytes) {
    const socket = net.connect({ host: address, port });
    socket.on("error", () => {});
    socket.end(bytes);
    socket.resume();
    await once(socket, "close");
}

test("valgrind finds nothing lost and nothing wrong", async () => {
    const gateway = await startEveryKind({
        settings: unconfined(),
        under: VALGRIND,
    });

    await tryAll("at first");
    await abandon(gateway.endpoint("alert"), "GET / HTTP/1.1\r\n\r\n");
    await abandon(gateway.endpoint("alert"), Buffer.from("16030100ff01", "hex"));
    assert.ok((await gateway.reload(unconfined({ limits: { connections: 500 } }))).reloaded);
    assert.ok(!(await gateway.reload(unconfined({ nonsense: 1 }))).reloaded);
    assert.ok((await gateway.reload(unconfined())).reloaded);
    await tryAll("after reloading");
    gateway.signal("SIGTERM");
    const status = await gateway.exited();

    const said = readFileSync(log, "utf8");
    assert.equal(status, 0, said);
    assert.match(said, /ERROR SUMMARY: 0 errors/);
    if (!/no leaks are possible/.test(said)) {
        assert.match(said, /definitely lost: 0 bytes/);
        assert.match(said, /indirectly lost: 0 bytes/);
    }
});
