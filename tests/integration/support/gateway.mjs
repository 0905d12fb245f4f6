// SPDX-License-Identifier: Apache-2.0
//
// The gateway under test, as a process. Ports are 0 in its configuration and read from its ready
// lines; at the end it is told to stop, and must do so with status 0 and without a word from a
// sanitizer.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { before, Journal } from "./deadline.mjs";

const REPOSITORY = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
export const PROGRAM =
    process.env.SALLYPORT_BIN ?? path.join(REPOSITORY, "build/develop/sallyport");

/* What users run, for tests of how much memory it takes; sanitizers need more. */
export const RELEASE_PROGRAM =
    process.env.SALLYPORT_RELEASE_BIN ?? path.join(REPOSITORY, "build/release/sallyport");

const SANITIZER_WORDS = /(Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer|runtime error:/;
const READY = /\bready (\S+) https:\/\/(\S+):(\d+)/;

/* What sanitized builds are told: stop at the first finding, and look for leaks at the end. */
export const SANITIZER_ENVIRONMENT = {
    ASAN_OPTIONS: "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
    UBSAN_OPTIONS: "halt_on_error=1:print_stacktrace=1",
};

class Gateway {
    #folder;
    #process;
    #exited;

    constructor(folder, process) {
        this.#folder = folder;
        this.#process = process;
        this.#exited = once(process, "exit").then(([code, signal]) => code ?? signal);
        this.endpoints = new Map(); // from a listener's name to { address, port }
        this.events = new Journal(); // lines on stderr
        this.records = new Journal(); // lines on stdout: the access log
        createInterface(process.stderr).on("line", (line) => this.#onEvent(line));
        createInterface(process.stdout).on("line", (line) => this.records.add(JSON.parse(line)));
        process.on("close", (code, signal) => {
            for (const journal of [this.events, this.records]) {
                journal.close(`the gateway has ended with ${code ?? signal}`);
            }
        });
    }

    #onEvent(line) {
        const ready = READY.exec(line);
        if (ready) {
            this.endpoints.set(ready[1], { address: ready[2], port: Number(ready[3]) });
        }
        this.events.add(line);
    }

    /* Resolves when every listener has said that it is ready; fails when the process ends. */
    async waitUntilReady(listeners) {
        const isReady = () => this.endpoints.size >= listeners;
        await this.events.find(isReady, "the gateway to be ready");
    }

    /* Where the only listener accepts connections, or the one with that name. */
    endpoint(listener) {
        const name = listener ?? [...this.endpoints.keys()][0];
        assert.ok(this.endpoints.has(name), `there is no listener '${name}'`);
        return this.endpoints.get(name);
    }

    get pid() {
        return this.#process.pid;
    }

    get configurationFile() {
        return path.join(this.#folder, "sallyport.yaml");
    }

    /* Where its configuration is, and what it writes with a relative path. */
    get folder() {
        return this.#folder;
    }

    get pid() {
        return this.#process.pid;
    }

    get readyFile() {
        return JSON.parse(readFileSync(path.join(this.#folder, "ready.json"), "utf8"));
    }

    /* The first access-log record that matches, among those after the first `from`. */
    record(matches, what = "an access-log record", from = 0) {
        return this.records.find(matches, what, from);
    }

    signal(name) {
        this.#process.kill(name);
    }

    /*
     * Writes another configuration and has it loaded. What came of it: `reloaded`, and the events
     * that said why or why not. The gateway watches its files, so that a reload of its own may be
     * under way: what is then heard first need not be about this configuration, the next one is.
     */
    async reload(configuration) {
        const from = this.events.items.length;
        const file = path.join(this.#folder, "sallyport.yaml");
        writeFileSync(`${file}.next`, configuration);
        renameSync(`${file}.next`, file);
        const once = await this.#hangUp();
        const reloaded = once && (await this.#hangUp());
        return { reloaded, said: this.events.items.slice(from).join("\n") };
    }

    async #hangUp() {
        const isOver = (line) => /\breloaded \/|nothing was reloaded/.test(line);
        const from = this.events.items.length;
        this.signal("SIGHUP");
        const last = await this.events.find(isOver, "the end of a reload", from);
        return !/nothing was reloaded/.test(last);
    }

    /* A number of /proc/PID/status in KiB: VmRSS is what it holds, VmHWM the most that it held. */
    memory(name = "VmRSS") {
        const text = readFileSync(`/proc/${this.#process.pid}/status`, "latin1");
        return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)[1]);
    }

    /* From now on VmHWM is the peak since now. */
    forgetPeak() {
        writeFileSync(`/proc/${this.#process.pid}/clear_refs`, "5");
    }

    /* Its exit status, when it ends. */
    exited() {
        return before(this.#exited, "the gateway to end", () => this.events.items.join("\n"));
    }

    async stop() {
        if (this.#process.exitCode === null && this.#process.signalCode === null) {
            this.signal("SIGTERM");
        }
        try {
            const status = await this.exited();
            const events = this.events.items.join("\n");
            assert.doesNotMatch(events, SANITIZER_WORDS);
            assert.equal(status, 0, `the gateway ended with ${status}:\n${events}`);
        } finally {
            this.discard();
        }
    }

    /* Ends it by force, and removes its files. */
    discard() {
        this.#process.kill("SIGKILL");
        rmSync(this.#folder, { recursive: true, force: true });
    }
}

/*
 * Starts a gateway on a configuration text, and stops it at the end of the test, or of the file:
 * `context` is a test's, or node:test itself. `listeners`: how many will say that they are ready;
 * `under`: a command that runs the program, such as valgrind with its options.
 */
export async function startGateway(
    context,
    configuration,
    { listeners = 1, program = PROGRAM, under = [], environment = {} } = {},
) {
    const folder = mkdtempSync(path.join(tmpdir(), "sallyport-gateway-"));
    chmodSync(folder, 0o777); // started as root, the gateway is somebody else when it writes
    const file = path.join(folder, "sallyport.yaml");
    writeFileSync(file, configuration);
    /* A gateway that was root is nobody when it says that it is ready, and when it reloads. */
    if (process.getuid() === 0) chmodSync(folder, 0o777);
    const [command, ...words] = [...under, program];
    const process_ = spawn(
        command,
        [...words, "run", file, "--ready-file", path.join(folder, "ready.json")],
        {
            stdio: ["ignore", "pipe", "pipe"],
            env: { ...process.env, ...SANITIZER_ENVIRONMENT, ...environment },
        },
    );
    const gateway = new Gateway(folder, process_);
    try {
        await gateway.waitUntilReady(listeners);
    } catch (error) {
        gateway.discard();
        throw error;
    }
    context.after(() => gateway.stop());
    return gateway;
}

/* Runs the program to its end: `sallyport check FILE` and the like. */
export async function runProgram(...words) {
    const run = spawn(PROGRAM, words, {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, ...SANITIZER_ENVIRONMENT },
    });
    let stdout = "";
    let stderr = "";
    run.stdout.on("data", (part) => (stdout += part));
    run.stderr.on("data", (part) => (stderr += part));
    const [code, signal] = await before(once(run, "close"), `sallyport ${words.join(" ")}`);
    assert.doesNotMatch(stderr, SANITIZER_WORDS);
    return { status: code ?? signal, stdout, stderr };
}
