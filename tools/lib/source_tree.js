// SPDX-License-Identifier: Apache-2.0
//
// What the checks share: finding files, reading C without its comments and strings, and saying
// what is wrong in the form FILE:LINE: TEXT that editors understand.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

/* Files below a folder, as paths relative to root with forward slashes, in order. */
function findFiles(root, folder, matches) {
    const found = [];
    const walk = (relative) => {
        const absolute = path.join(root, relative);
        if (!fs.existsSync(absolute)) return;
        for (const entry of fs.readdirSync(absolute, { withFileTypes: true })) {
            const name = path.posix.join(relative, entry.name);
            if (entry.isDirectory() && entry.name !== "node_modules") walk(name);
            else if (entry.isFile() && matches(name)) found.push(name);
        }
    };
    walk(folder);
    return found.sort();
}

function readText(root, name) {
    return fs.readFileSync(path.join(root, name), "utf8");
}

/*
 * A C source with the contents of comments, strings and character constants replaced by blanks.
 * Offsets and lines stay as they are, so that a plain search finds code only. `lineComments` holds
 * the offsets of comments that begin with two slashes.
 */
function blankC(text) {
    const out = [...text];
    const lineComments = [];
    const blank = (from, to) => {
        for (let i = from; i < to; i++) if (out[i] !== "\n") out[i] = " ";
    };
    let i = 0;
    while (i < out.length) {
        const two = out[i] + (out[i + 1] ?? "");
        if (two === "/*") {
            let end = i + 2;
            while (end < out.length && !(out[end] === "*" && out[end + 1] === "/")) end++;
            blank(i, Math.min(end + 2, out.length));
            i = end + 2;
        } else if (two === "//") {
            lineComments.push(i);
            let end = i;
            while (end < out.length && out[end] !== "\n") end++;
            blank(i, end);
            i = end;
        } else if (out[i] === '"' || (out[i] === "'" && !/[0-9A-Fa-f]/.test(out[i - 1] ?? ""))) {
            const quote = out[i];
            let end = i + 1;
            while (end < out.length && out[end] !== quote && out[end] !== "\n") {
                end += out[end] === "\\" ? 2 : 1;
            }
            blank(i + 1, end);
            i = end + 1;
        } else {
            i++;
        }
    }
    return { code: out.join(""), lineComments };
}

function lineAt(text, offset) {
    let line = 1;
    for (let i = 0; i < offset; i++) if (text[i] === "\n") line++;
    return line;
}

/* What stands between the bracket at `open` and the one that closes it; null when none does. */
function between(code, open) {
    let depth = 0;
    for (let i = open; i < code.length; i++) {
        if ("([{".includes(code[i])) depth++;
        else if (")]}".includes(code[i]) && --depth === 0) return code.slice(open + 1, i);
    }
    return null;
}

/* Collects complaints and ends the program: 0 without any, 1 with. */
class Report {
    constructor(check) {
        this.check = check;
        this.complaints = [];
    }

    add(file, line, text) {
        this.complaints.push({ file, line, text });
    }

    finish() {
        for (const { file, line, text } of this.complaints) {
            console.log(line ? `${file}:${line}: ${text}` : `${file}: ${text}`);
        }
        if (this.complaints.length > 0) {
            console.log(`${this.check}: ${this.complaints.length} to mend`);
        }
        process.exitCode = this.complaints.length > 0 ? 1 : 0;
    }
}

/* The folder to look at: the working copy that this file is in, or the first argument. */
function rootFolder() {
    return path.resolve(process.argv[2] ?? path.join(__dirname, "..", ".."));
}

module.exports = { findFiles, readText, blankC, lineAt, between, Report, rootFolder };
