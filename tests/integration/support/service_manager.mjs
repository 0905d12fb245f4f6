// SPDX-License-Identifier: Apache-2.0
//
// A gateway under a service manager: tests/support/service_manager.c, which is compiled first. A
// test says when the gateway starts, and reads what the manager was told.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { Journal } from "./deadline.mjs";
import { PROGRAM, SANITIZER_ENVIRONMENT } from "./gateway.mjs";

const SOURCES = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../support");

/* Compiles one of the C files in tests/support; `words` are more for the compiler. */
function compile(context, name, words = []) {
    const folder = mkdtempSync(path.join(tmpdir(), "sallyport-support-"));
    context.after(() => rmSync(folder, { recursive: true }));
    chmodSync(folder, 0o755);
    const target = path.join(folder, name);
    const source = path.join(SOURCES, `${name}.c`);
    execFileSync("cc", ["-std=c17", "-O1", "-Wall", "-Werror", ...words, "-o", target, source]);
    return target;
}

export function compileManager(context) {
    return compile(context, "service_manager");
}

export function compileStuckWorker(context) {
    return compile(context, "stuck_worker", ["-shared", "-fPIC"]);
}

export function compileClockStep(context) {
    return compile(context, "step_clock", ["-shared", "-fPIC"]);
}

export function compileAllocationCounter(context) {
    return compile(context, "count_allocations", ["-shared", "-fPIC"]);
}

class Service {
    #process;

    constructor(folder, process_) {
        this.configurationFile = path.join(folder, "sallyport.yaml");
        this.said = new Journal(); // what the manager says
        this.events = new Journal(); // what the gateway says
        this.#process = process_;
        createInterface(process_.stdout).on("line", (line) => this.said.add(line));
        createInterface(process_.stderr).on("line", (line) => this.events.add(line));
        process_.on("close", () => {
            this.said.close("the service manager has ended");
            this.events.close("the service manager has ended");
        });
    }

    /* Where the manager listens, by the order of its sockets. */
    async endpoint(index = 0) {
        const isListening = () => this.#listening().length > index;
        await this.said.find(isListening, "a listening socket");
        const [address, port] = this.#listening()[index].split(" ")[1].split(":");
        return { address, port: Number(port) };
    }

    #listening() {
        return this.said.items.filter((line) => line.startsWith("listening "));
    }

    #write(line) {
        this.#process.stdin.write(`${line}\n`);
    }

    signal(name) {
        this.#write(`signal ${constants.signals[name]}`);
    }

    configure(text) {
        writeFileSync(this.configurationFile, text);
    }

    /* A message to the manager that has this in it, after the first `from` lines. */
    told(text, from = 0) {
        const matches = (line) => line.startsWith("told ") && line.includes(text);
        return this.said.find(matches, `the manager to be told ${text}`, from);
    }

    async start() {
        const from = this.said.items.length;
        this.#write("start");
        return this.told("READY=1", from);
    }

    /* The gateway's exit status. */
    async ended(from = 0) {
        const line = await this.said.find((said) => said.startsWith("ended "), "its end", from);
        return Number(line.split(" ")[1]);
    }

    async stop() {
        const from = this.said.items.length;
        this.signal("SIGTERM");
        assert.equal(await this.ended(from), 0, this.events.items.join("\n"));
    }

    end() {
        this.#process.stdin.end();
    }
}

/*
 * A manager whose gateway is not started yet: `sockets` that it passes, `watchdogMs`, `abstract`,
 * and more `environment`.
 */
export function manageService(context, manager, options = {}) {
    const { sockets = 0, watchdogMs = 0, abstract = false, environment = {} } = options;
    const folder = mkdtempSync(path.join(tmpdir(), "sallyport-service-"));
    chmodSync(folder, 0o755);
    const words = [
        ...(abstract ? ["--abstract"] : ["--notify", path.join(folder, "notify")]),
        ...["--watchdog-ms", String(watchdogMs)],
        ...Array(sockets).fill(["--listen", "0"]).flat(),
        ...["--", PROGRAM, "run", path.join(folder, "sallyport.yaml")],
    ];
    const process_ = spawn(manager, words, {
        stdio: ["pipe", "pipe", "pipe"],
        env: { ...process.env, ...SANITIZER_ENVIRONMENT, ...environment },
    });
    const service = new Service(folder, process_);
    context.after(() => {
        service.end();
        rmSync(folder, { recursive: true });
    });
    return service;
}
