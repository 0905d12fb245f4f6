// SPDX-License-Identifier: Apache-2.0
//
// `sallyport demo --attack`: it attacks itself, says how that went, and ends; and it does not say
// that something held which nobody saw to hold.

import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";

import { runProgram } from "./support/gateway.mjs";

const folder = mkdtempSync(path.join(tmpdir(), "sallyport-attack-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("withstands every attack, and says what was measured", async () => {
    const { status, stdout, stderr } = await runProgram("demo", "--attack");
    assert.equal(status, 0, stdout + stderr);
    assert.equal(stdout.match(/^PASS /gm).length, 7, stdout);
    assert.match(stdout, /told: the download ended \d+ ms after the list was there/);
    assert.match(stdout, /told: 20 of 20 requests of bob were served/);
    assert.match(stdout, /told: certificate_expired, trace id [0-9a-f]{32}/);
    assert.match(stdout, /\n7 passed, 0 failed\n/);
});

test("fails when an attack cannot be judged", async (t) => {
    /* With a sed that finds nothing, nobody knows what the answer's reason was. */
    writeFileSync(path.join(folder, "sed"), "#!/bin/sh\n", { mode: 0o755 });
    chmodSync(folder, 0o755);
    const before = process.env.PATH;
    t.after(() => (process.env.PATH = before));
    process.env.PATH = `${folder}:${before}`;
    const { status, stdout } = await runProgram("demo", "--attack");
    assert.equal(status, 3, stdout);
    assert.match(stdout, /^FAIL {2}7 /m);
    assert.match(stdout, /\n6 passed, 1 failed\n/);
});
