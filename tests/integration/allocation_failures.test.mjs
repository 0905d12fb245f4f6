// SPDX-License-Identifier: Apache-2.0
//
// Every allocation fails in turn, ours and libcrypto's: first the first of a request, then the
// second, until one comes through without having met a failure. Each ends in an outcome: nobody is
// let in who would not be, nothing of another kind is answered, nothing hangs, and who comes next
// is served as ever, which also shows that no wrong answer was remembered. At the end the gateway
// stops with status 0, and a sanitizer would have seen what was not given back.
//
// Only builds with sanitizers can fail on demand (src/runtime/allocation_faults.h). Some of the
// allocations are tried here; `./dev test allocation-failures` tries all of them.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, test } from "node:test";

import { DEADLINE_MS } from "./support/deadline.mjs";
import { asked, pki, SCENARIOS, settings, startEveryKind } from "./support/every_kind.mjs";
import { PROGRAM, SANITIZER_ENVIRONMENT } from "./support/gateway.mjs";

const EVERY = process.env.SALLYPORT_EVERY_ALLOCATION === "1";
/* About so many of a scenario's allocations fail in the short run: the first ones, which are our
 * own mostly, and then one of each few. */
const FIRST = 24;
const MORE = 40;

/* ---- the numbers that are shared with the gateway ---- */

class Faults {
    #fd;

    constructor(isMainChosen = false) {
        const folder = mkdtempSync(path.join(tmpdir(), "sallyport-faults-"));
        chmodSync(folder, 0o755);
        this.path = path.join(folder, "numbers");
        const numbers = Buffer.alloc(32);
        numbers.writeBigUInt64LE(isMainChosen ? 1n : 0n, 24);
        writeFileSync(this.path, numbers);
        this.#fd = openSync(this.path, "r+");
        after(() => {
            closeSync(this.#fd);
            rmSync(folder, { recursive: true });
        });
    }

    #read(index) {
        const number = Buffer.alloc(8);
        readSync(this.#fd, number, 0, 8, 8 * index);
        return Number(number.readBigUInt64LE());
    }

    /* The allocation with that number, counted from now, is to fail; 0: none. */
    arm(number) {
        const text = Buffer.alloc(8);
        text.writeBigUInt64LE(BigInt(number));
        writeSync(this.#fd, text, 0, 8, 0);
    }

    get counted() {
        return this.#read(1);
    }

    get failed() {
        return this.#read(2);
    }

    get environment() {
        return { SALLYPORT_ALLOCATION_FAULTS: this.path };
    }
}

/* Which allocations of `count` fail: all, or some. */
function choose(count) {
    const chosen = [];
    const stride = EVERY ? 1 : Math.max(1, Math.ceil((count - FIRST) / MORE));
    for (let number = 1; number <= count; number += number < FIRST ? 1 : stride) {
        chosen.push(number);
    }
    return chosen;
}

/* ---- what is tried ---- */

const faults = new Faults();
await startEveryKind({ environment: faults.environment });
const canFail = await probe();

/* Whether this build counts allocations at all. */
async function probe() {
    await Object.values(SCENARIOS)[0].attempt();
    return faults.counted > 0;
}

/* `sallyport check` to its end. */
function check(file, numbers) {
    const environment = { ...process.env, ...SANITIZER_ENVIRONMENT, ...numbers.environment };
    const options = { env: environment, encoding: "utf8", timeout: DEADLINE_MS };
    const run = spawnSync(PROGRAM, ["check", file], options);
    return { status: run.status ?? run.signal, stderr: run.stderr };
}

/* True: a failure was met. */
async function tryOne(scenario, number) {
    const prepared = await scenario.prepare?.();
    const askedBefore = asked;
    const failedBefore = faults.failed;

    faults.arm(number);
    const came = await scenario.attempt(prepared);
    faults.arm(0);
    const where = `allocation ${number}: ${JSON.stringify(came).slice(0, 300)}`;
    assert.ok(!came.hangs, `${where}: the client waits for ever`);
    if (scenario.isRefused) assert.equal(asked, askedBefore, `${where}: a backend was asked`);
    if (scenario.isRefused) assert.notEqual(came.status, 200, where);
    const isOurs = came.failure !== undefined || (came.status >= 400 && came.status <= 599);
    assert.ok(scenario.isRight(came) || isOurs, where);
    const hasFailed = faults.failed > failedBefore;
    if (!hasFailed) assert.ok(scenario.isRight(came), `without a failure: ${where}`);

    const next = await scenario.attempt(await scenario.prepare?.());
    assert.ok(scenario.isRight(next), `after ${where}: ${JSON.stringify(next).slice(0, 300)}`);
    return hasFailed;
}

/* How many allocations there are in an attempt that meets no failure. */
async function countAllocations(scenario) {
    const prepared = await scenario.prepare?.();
    const from = faults.counted;
    await scenario.attempt(prepared);
    return faults.counted - from;
}

describe("an allocation that fails", { skip: canFail ? false : "this build cannot fail" }, () => {
    for (const [name, scenario] of Object.entries(SCENARIOS)) {
        test(`in ${name}, is an outcome`, async () => {
            const count = await countAllocations(scenario);
            let failed = 0;

            assert.ok(count > 0, "nothing was allocated");
            for (const number of choose(count)) {
                if (await tryOne(scenario, number)) failed++;
            }
            assert.ok(failed > 10, `only ${failed} of ${count} allocations failed`);
        });
    }

    test("at the start, is a line on standard error", async () => {
        const file = path.join(pki.folder, "faults.yaml");
        writeFileSync(file, settings);
        const counting = new Faults(true);
        const sound = check(file, counting);
        assert.equal(sound.status, 0, sound.stderr);
        const count = counting.counted;
        assert.ok(count > 1000, `only ${count} allocations`);
        const stride = EVERY ? 1 : Math.ceil(count / 12);
        for (let number = 1; number <= count; number += stride) {
            const failing = new Faults(true);
            failing.arm(number);
            const run = check(file, failing);
            const where = `allocation ${number} of ${count}: ${run.status}\n${run.stderr}`;
            assert.ok([0, 1, 2].includes(run.status), where);
            if (run.status !== 0) assert.match(run.stderr, /error|:\d+:\d+/, where);
        }
    });
});
