// SPDX-License-Identifier: Apache-2.0
//
// The command line: what is refused, and the texts that are made from its table.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { runProgram } from "./support/gateway.mjs";

async function textOf(...words) {
    const { status, stdout } = await runProgram(...words);
    assert.equal(status, 0);
    return stdout;
}

test("what a command does not know is refused, with status 2", async () => {
    const wrong = [
        [["nonsense"], "unknown command 'nonsense'"],
        [["run", "--nonsense"], "unknown option '--nonsense'"],
        [["run", "a.yaml", "--ready-file"], "a value is missing behind '--ready-file'"],
        [["check", "a.yaml", "b.yaml"], "more than one configuration: 'b.yaml'"],
        [["version", "--docs"], "unknown option '--docs'"],
        [["help", "--manual", "nothing"], "there is no manual page 'nothing'"],
        [["help", "--completion", "cmd"], "there are no completions for the shell 'cmd'"],
    ];
    for (const [words, sentence] of wrong) {
        const { status, stderr, stdout } = await runProgram(...words);
        assert.equal(status, 2, words.join(" "));
        assert.ok(stderr.includes(sentence), stderr);
        assert.equal(stdout, "");
    }
});

test("help has every command, and each command has help", async () => {
    const help = await textOf("help");
    const commands = [...help.matchAll(/^ {2}sallyport (\S+)/gm)].map((match) => match[1]);
    assert.ok(commands.includes("run") && commands.includes("check"));
    for (const command of commands) {
        assert.match(await textOf(command, "--help"), new RegExp(`^usage: sallyport ${command}`));
    }
});

test("the manual pages name each command and each setting", async () => {
    const program = await textOf("help", "--manual", "sallyport");
    const settings = await textOf("help", "--manual", "sallyport.yaml");
    assert.match(program, /^\.TH sallyport 1 /);
    assert.match(program, /^\.SS \\fBsallyport run \[FILE\]\\fR$/m);
    assert.match(settings, /^\.TH sallyport\.yaml 5 /);
    assert.match(settings, /^\.SS \\fBdrain_time\\fR$/m);
    for (const page of [program, settings]) assert.doesNotMatch(page, /```|\*\*\w[^*]*\w\*\*/);
});

/* What bash would offer for these words, of which the last is being written. */
async function complete(...words) {
    const script = await textOf("help", "--completion", "bash");
    const list = words.map((word) => `'${word}'`).join(" ");
    const ask = `COMP_WORDS=(${list}) COMP_CWORD=${words.length - 1}; _sallyport`;
    const show = 'printf "%s\\n" "${COMPREPLY[@]}"';
    return execFileSync("bash", ["-c", `${script}\n${ask}\n${show}`], { encoding: "utf8" })
        .split("\n")
        .filter((line) => line !== "");
}

test("bash completes commands, options and values", async () => {
    assert.deepEqual(await complete("sallyport", "che"), ["check"]);
    assert.deepEqual(await complete("sallyport", "run", "--re"), ["--ready-file"]);
    assert.deepEqual(await complete("sallyport", "help", "--completion", "f"), ["fish"]);
    assert.deepEqual(await complete("sallyport", "run", "/etc/os-rel"), ["/etc/os-release"]);
});

/* The table's texts stand in single quotes there, and between brackets and colons for zsh. */
test("no text of the table breaks out of its quotes in a completion", async () => {
    for (const shell of ["zsh", "fish"]) {
        for (const line of (await textOf("help", "--completion", shell)).split("\n")) {
            assert.equal(line.split("'").length % 2, 1, line);
            const option = /'--[^']*\[([^']*)\](:\w+:[^:]*)?'/.exec(line);
            if (shell === "zsh" && option) assert.doesNotMatch(option[1], /[[\]:\\$`]/);
        }
    }
});
