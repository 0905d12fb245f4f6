// SPDX-License-Identifier: Apache-2.0
//
// What the documents say is true: configurations load, commands exist, links lead somewhere, the
// demo proves itself, and the README's lines do what they say, exactly as they are printed.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { runProgram } from "../integration/support/gateway.mjs";
import { makeCrl } from "../integration/support/crl.mjs";
import { makePki } from "../integration/support/pki.mjs";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    ...readdirSync(path.join(ROOT, "docs"), { recursive: true })
        .filter((name) => name.endsWith(".md"))
        .map((name) => path.join("docs", name)),
].filter((name) => existsSync(path.join(ROOT, name)));

const pki = makePki(after);

function read(document) {
    return readFileSync(path.join(ROOT, document), "utf8");
}

/* The fenced blocks of a document: language, text, and the line they begin at. */
function blocks(document) {
    const found = [];
    let open = null;
    read(document)
        .split("\n")
        .forEach((line, index) => {
            const fence = /^\s*```\s*(\w*)/.exec(line);
            if (fence && open) {
                found.push(open);
                open = null;
            } else if (fence) {
                open = { language: fence[1], line: index + 1, text: "" };
            } else if (open) {
                open.text += `${line}\n`;
            }
        });
    return found;
}

/* A file of a thousand fingerprints. */
function fingerprints() {
    const file = path.join(pki.folder, "fingerprints.txt");
    const line = (_, i) => `${(i + 1).toString(16).padStart(64, "0")}\n`;
    writeFileSync(file, Array.from({ length: 1000 }, line).join(""));
    return file;
}

/* A revocation list of the root. */
function list() {
    const file = path.join(pki.folder, "root.crl");
    writeFileSync(file, makeCrl(pki.root, { number: 1 }));
    return file;
}

/* Makes the files that a configuration names: server certificates, their keys, anchors, lists. */
function makeFiles(folder, text) {
    const server = pki.server();
    const make = (name, from) => {
        const file = path.resolve(folder, name);
        assert.ok(file.startsWith(folder), `'${name}' is outside the example's folder`);
        mkdirSync(path.dirname(file), { recursive: true });
        if (!existsSync(file)) copyFileSync(from, file);
    };
    for (const [, name] of text.matchAll(/\bchain:\s*["']?([\w./-]+)/g)) make(name, server.chain);
    for (const [, name] of text.matchAll(/\bkey:\s*["']?([\w./-]+)/g)) make(name, server.key);
    for (const [name] of text.matchAll(/[\w./-]+\.(pem|crt)\b/g)) make(name, pki.root.certificate);
    for (const [name] of text.matchAll(/[\w./-]+\.crl\b/g)) make(name, list());
    for (const [, name] of text.matchAll(/\bfingerprints_file:\s*["']?([\w./-]+)/g))
        make(name, fingerprints());
}

test("there is a README", () => assert.ok(DOCUMENTS.includes("README.md")));

for (const document of DOCUMENTS) {
    for (const { language, line, text } of blocks(document)) {
        if (!/^ya?ml$/.test(language) || !/^version: 1\n(.*\n)*listeners:/m.test(text)) continue;
        test(`the configuration in ${document}, line ${line}, is one`, async () => {
            const folder = mkdtempSync(path.join(tmpdir(), "sallyport-readme-"));
            try {
                writeFileSync(path.join(folder, "sallyport.yaml"), text);
                makeFiles(folder, text);
                const run = await runProgram("check", path.join(folder, "sallyport.yaml"));
                assert.equal(run.status, 0, run.stdout + run.stderr);
            } finally {
                rmSync(folder, { recursive: true });
            }
        });
    }

    test(`the links in ${document} lead somewhere`, () => {
        for (const [, target] of read(document).matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
            if (/^[a-z]+:/.test(target)) continue;
            const file = path.join(ROOT, path.dirname(document), target);
            assert.ok(existsSync(file), `${target} does not exist`);
        }
    });
}

test("docs/CONFIGURATION.md is what the program says of its settings", async () => {
    const { stdout } = await runProgram("check", "--docs");
    assert.ok(read("docs/CONFIGURATION.md") === stdout, "run: sallyport check --docs");
});

/* Commands in blocks for the shell, without prompts and comments. */
function commandLines(document) {
    return blocks(document)
        .filter(({ language }) => /^(sh|bash|console|)$/.test(language))
        .flatMap(({ text }) => text.split("\n"))
        .map((line) => line.replace(/^\$ /, "").trim());
}

/* The words that a usage text lists at the beginnings of its lines. */
function listedCommands(usage) {
    return new Set([...usage.matchAll(/^ {2,}(?:sallyport )?([a-z]+)/gm)].map(([, word]) => word));
}

test("every command of ./dev that a document shows exists", () => {
    const known = listedCommands(
        spawnSync(path.join(ROOT, "dev"), ["help"], { encoding: "utf8" }).stdout,
    );
    for (const document of DOCUMENTS) {
        for (const line of commandLines(document)) {
            const word = /^\.\/dev ([a-z]+)/.exec(line)?.[1];
            if (word) assert.ok(known.has(word), `${document}: ${line}`);
        }
    }
});

test("every command of sallyport that a document shows exists", async () => {
    const { stdout, stderr } = await runProgram("help");
    const known = listedCommands(stdout + stderr);
    assert.ok(known.has("run"), stdout + stderr);
    for (const document of DOCUMENTS) {
        for (const line of commandLines(document)) {
            const word = /^(?:\S*\/)?sallyport ([a-z]+)/.exec(line)?.[1];
            if (word) assert.ok(known.has(word), `${document}: ${line}`);
        }
    }
});

test("the demo proves itself and ends", async () => {
    const run = await runProgram("demo", "--once");
    assert.equal(run.status, 0, run.stdout + run.stderr);
});

/* ---- the README's lines, as printed --------------------------------------------------------- */

const README_MS = 300_000; // its first line may have to build the program

/* A network of its own, where its fixed ports are free; nothing where that is not allowed. */
function ownNetwork() {
    const words = ["--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"];
    for (const user of [[], ["--user", "--map-current-user", "--keep-caps"]]) {
        const tried = spawnSync("unshare", [...user, ...words, "true"]);
        if (tried.status === 0) return ["unshare", ...user, ...words];
    }
    return [];
}

/* The blocks as one script: each line is announced before its output. */
function readmeScript() {
    return [
        "set -euo pipefail",
        ...blocks("README.md")
            .filter(({ language }) => language === "sh")
            .map(({ line, text }) => `printf '\\n== README.md:${line}\\n'\n${text}`),
        "wait",
    ].join("\n");
}

test("the README's lines work, exactly as they are printed", { timeout: README_MS }, async (t) => {
    const playground = path.join(ROOT, "playground");
    if (existsSync(playground)) {
        t.skip("there is a playground, which is somebody's: remove it, and this runs");
        return;
    }
    t.after(() => rmSync(playground, { recursive: true, force: true }));
    const [command, ...words] = [...ownNetwork(), "bash", "-c", readmeScript()];
    const child = spawn(command, words, {
        ...{ cwd: ROOT, stdio: ["pipe", "pipe", "pipe"], detached: true },
        env: { ...process.env, MAKEFLAGS: "" },
    });
    const endGroup = () => {
        try {
            process.kill(-child.pid, "SIGKILL");
        } catch {
            /* All of them have ended. */
        }
    };
    t.after(endGroup);
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (part) => (said += part));
    }
    const [status] = await once(child, "close");
    const parts = said.split("== README.md:").slice(1);
    assert.equal(parts.length, 5, said);
    assert.match(parts[0], /\b0 failed/);
    assert.match(parts[2], /alice/);
    assert.match(parts[3], /"reason":\s*"certificate_missing"/);
    assert.doesNotMatch(said, /FAILED/);
    /* `wait` says how the demo ended when it was told to: 0, or by the signal. */
    assert.ok([0, 143].includes(status), `it ended with ${status}:\n${said}`);
});
