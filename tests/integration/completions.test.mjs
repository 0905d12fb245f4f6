// SPDX-License-Identifier: Apache-2.0
//
// Completions in the shells that they are for: each reads what the program prints, and is asked
// what it would make of a line that somebody has begun. (bash is in command_line.test.mjs.)

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";

import { runProgram } from "./support/gateway.mjs";

const folder = mkdtempSync(path.join(tmpdir(), "sallyport-completions-"));
after(() => rmSync(folder, { recursive: true, force: true }));

async function write(shell, name) {
    const file = path.join(folder, name);
    const { status, stdout } = await runProgram("help", "--completion", shell);
    assert.equal(status, 0);
    writeFileSync(file, stdout);
    return file;
}

function run(shell, ...words) {
    const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder };
    return execFileSync(shell, words, { env, cwd: folder, encoding: "utf8", timeout: 30_000 });
}

/* A line as far as it is typed, and what it becomes when only one thing is possible. */
const LINES = [
    ["sallyport che", "sallyport check "],
    ["sallyport run --rea", "sallyport run --ready-file "],
    ["sallyport help --completion f", "sallyport help --completion fish "],
];

test("fish reads its completions, and completes commands, options and values", async () => {
    const file = await write("fish", "sallyport.fish");
    assert.equal(run("fish", "--no-execute", file), "");
    for (const [line, whole] of LINES) {
        const said = run("fish", "--no-config", "-c", `source ${file}; complete -C '${line}'`);
        const offered = said.split("\n").filter((each) => each !== "");
        assert.deepEqual(
            offered.map((each) => each.split("\t")[0]),
            [whole.trim().split(" ").at(-1)],
        );
    }
});

/* A terminal with a zsh in it, whose Tab key writes what became of the line into a file. */
const ASK_ZSH = `
zmodload zsh/zpty
zpty -b shell zsh -f -i
zpty -w shell "fpath=($PWD \\$fpath); autoload -Uz compinit; compinit -D -u"
zpty -w shell 'ask() { zle complete-word; print -r -- "$BUFFER" >answer; BUFFER="print d""one" }'
zpty -w shell "zle -N ask; bindkey '^I' ask"
zpty -n -w shell "$1"$'\\t\\n'
zpty -r -m shell said '*done*'
zpty -d shell
`;

test("zsh reads its completions, and completes commands, options and values", async () => {
    const file = await write("zsh", "_sallyport");
    assert.equal(run("zsh", "-f", "-n", file), "");
    const script = path.join(folder, "ask.zsh");
    writeFileSync(script, ASK_ZSH);
    for (const [line, whole] of LINES) {
        run("zsh", "-f", script, line);
        assert.equal(readFileSync(path.join(folder, "answer"), "utf8"), `${whole}\n`);
    }
});
