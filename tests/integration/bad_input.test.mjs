// SPDX-License-Identifier: Apache-2.0
//
// What can be wrong with a configuration and with the files that it names: each is one clear line
// with its place, `check` and `run` say the same and end with 1, and nothing is started. On reload
// the generation in use goes on.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { symlinkSync, truncateSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, test } from "node:test";

import { startBackend } from "./support/backend.mjs";
import { connect, HOST } from "./support/clients.mjs";
import { before } from "./support/deadline.mjs";
import { PROGRAM, runProgram, SANITIZER_ENVIRONMENT, startGateway } from "./support/gateway.mjs";
import { makePki } from "./support/pki.mjs";

const pki = makePki(after);
const backend = await startBackend({ after });
const root = mkdtempSync(path.join(tmpdir(), "sallyport-bad-"));
after(() => rmSync(root, { recursive: true, force: true }));
chmodSync(root, 0o755);

/* Good files, from which each case makes its bad ones. */
const server = pki.server([`DNS:${HOST}`, "IP:127.0.0.1"]);
const other = pki.server([`DNS:other.test`]);

/* A directory with good files. The gateway may be somebody else when it reads them again. */
function makeDirectory(name) {
    const directory = path.join(root, name);
    mkdirSync(directory, { mode: 0o755 });
    const files = {
        "server.pem": server.chain,
        "server.key": server.key,
        "other.key": other.key,
        "ca.pem": pki.root.certificate,
        "leaf.pem": pki.good.certificate,
    };
    for (const [file, from] of Object.entries(files)) {
        cpSync(from, path.join(directory, file));
        chmodSync(path.join(directory, file), 0o644);
    }
    return directory;
}

/* A configuration, line for line: the places in the expected errors are those of its lines. */
const certificates = (one) => `version: 1
listeners:
  - address: "127.0.0.1:0"
    tls: { certificates: [${one}] }
    client_certificate: { trust: [D/ca.pem] }
    routes: [{ backend: "${backend.url}" }]
`;
const trust = (what) =>
    certificates("{ chain: D/server.pem, key: D/server.key }").replace("[D/ca.pem]", what);
const GOOD = trust("[D/ca.pem]");

const write = (directory, file, text) => writeFileSync(path.join(directory, file), text);
const cut = (directory, file, size) => truncateSync(path.join(directory, file), size);
const read = (directory, file) => readFileSync(path.join(directory, file), "latin1");

function openssl(directory, words) {
    const run = spawnSync("openssl", words.split(" "), { cwd: directory, encoding: "utf8" });
    assert.equal(run.status, 0, run.stderr);
    chmodSync(path.join(directory, words.split("-out ")[1].split(" ")[0]), 0o644);
}

const F = "D/sallyport.yaml";
const INCOMPLETE = "No such file or directory";

/* The text, what happens to the files, and the errors. D stands for the directory. */
const CASES = {
    "an empty configuration": ["", `${F}:0:0: '${F}' is empty`],
    "a configuration of comments": ["# x\n", `${F}:1:1: the configuration is empty`],
    "half a configuration": [
        GOOD.slice(0, GOOD.indexOf("key:")),
        `${F}:5:1: this is not YAML: `,
    ],
    "a duplicate key": [
        `${GOOD}workers: 1\nworkers: 2\n`,
        `${F}:8:1: 'workers' is set twice; the first is on line 7`,
    ],
    "an alias bomb": [
        `${GOOD}a: &a [x, x]\n`,
        `${F}:7:7: anchors and aliases are not supported: write it out`,
        `${F}:7:1: unknown setting 'a'; known here: `,
    ],
    "a wrong type": [
        `${GOOD}workers: [2]\n`,
        `${F}:7:10: 'workers' must be auto or a number, not a list`,
    ],
    "text where a number is": [
        `${GOOD}limits: { connections: many }\n`,
        `${F}:7:24: 'connections' must be a whole number, not 'many'`,
    ],
    "an unknown name": [
        `${GOOD}worker: 2\n`,
        `${F}:7:1: unknown setting 'worker'; did you mean 'workers'?`,
    ],
    "binary": ["version: 1\n\0\n", `${F}:2:1: a control character (0x00) is not allowed here`],
    "what is not UTF-8": [
        Buffer.from("version: 1\n# \xff\n", "latin1"),
        `${F}:2:3: this is not UTF-8`,
    ],
    "no listeners": ["version: 1\nlisteners: []\n", `${F}:2:12: 'listeners' is empty`],
    "no anchors": [trust("[]"), `${F}:5:34: 'trust' is empty`],
    "no paths": [
        GOOD.replace("routes: [{", "routes: [{ paths: [],"),
        `${F}:6:23: 'paths' is empty; leave it out for every path`,
    ],
    "an environment variable that is not set": [
        `${GOOD}workers: \${SALLYPORT_UNSET}\n`,
        `${F}:7:10: the environment variable 'SALLYPORT_UNSET' is not set`,
    ],
    "a secret that is missing": [
        `${GOOD}workers: \${file:none}\n`,
        `${F}:7:10: 'D/none' cannot be opened: ${INCOMPLETE}`,
    ],
    "an included file that is missing": [
        `${GOOD}include: [none.yaml]\n`,
        `${F}:7:11: 'D/none.yaml' cannot be opened: ${INCOMPLETE}`,
    ],
    "an included file that is broken": [
        `${GOOD}include: [more.yaml]\n`,
        (d) => write(d, "more.yaml", "limits: {\n"),
        "D/more.yaml:2:1: this is not YAML: ",
    ],
    "a mode that trusts nobody": [
        trust("[D/ca.pem], mode: none"),
        `${F}:5:34: 'trust' has no effect with mode none`,
    ],
    "a chain that is missing": [
        certificates("{ chain: D/none, key: D/server.key }"),
        `${F}:4:27: certificate file: 'D/none' cannot be opened: ${INCOMPLETE}`,
    ],
    "a key that is missing": [
        certificates("{ chain: D/server.pem, key: D/none }"),
        `${F}:4:27: key file: 'D/none' cannot be opened: ${INCOMPLETE}`,
    ],
    "an empty chain": [
        GOOD,
        (d) => write(d, "server.pem", ""),
        `${F}:4:27: certificate file: 'D/server.pem' is empty`,
    ],
    "a chain that is a directory": [
        certificates("{ chain: D, key: D/server.key }"),
        `${F}:4:27: certificate file: 'D' is not a regular file`,
    ],
    "a link that leads nowhere": [
        certificates("{ chain: D/link, key: D/server.key }"),
        (d) => symlinkSync("nowhere", path.join(d, "link")),
        `${F}:4:27: certificate file: 'D/link' cannot be opened: ${INCOMPLETE}`,
    ],
    "a chain that is half written": [
        GOOD,
        (d) => cut(d, "server.pem", 100),
        `${F}:4:27: the PEM in 'D/server.pem' is malformed`,
    ],
    "a chain whose last certificate is cut off": [
        GOOD,
        (d) => cut(d, "server.pem", read(d, "server.pem").length - 60),
        `${F}:4:27: the PEM in 'D/server.pem' is malformed`,
    ],
    "a key that is half written": [
        GOOD,
        (d) => cut(d, "server.key", 60),
        `${F}:4:27: the PEM in 'D/server.key' is malformed`,
    ],
    "a key of another certificate": [
        certificates("{ chain: D/server.pem, key: D/other.key }"),
        `${F}:4:27: the private key in 'D/other.key' does not match the certificate in ` +
            "'D/server.pem'",
    ],
    "an encrypted key without its password": [
        GOOD,
        (d) => openssl(d, "pkey -in other.key -aes256 -passout pass:x -out server.key"),
        `${F}:4:27: the private key in 'D/server.key' is encrypted: 'key_password' is needed`,
    ],
    "a PFX with another password": [
        certificates("{ pfx: D/a.pfx, password: wrong }"),
        (d) =>
            openssl(
                d,
                "pkcs12 -export -legacy -in server.pem -inkey server.key -out a.pfx " +
                    "-passout pass:right",
            ),
        `${F}:4:27: this 'password' is not that of the PFX 'D/a.pfx'`,
    ],
    "a directory without certificates": [
        certificates("{ directory: D/empty }"),
        (d) => mkdirSync(path.join(d, "empty")),
        `${F}:4:27: directory 'D/empty' holds none of tls.crt and tls.key, fullchain.pem and ` +
            "privkey.pem, svid.pem and svid_key.pem",
    ],
    "a certificate in two forms": [
        certificates("{ directory: D, key: D/server.key }"),
        null,
        /^D\/sallyport\.yaml:4:\d+: 'key' cannot be set beside 'directory'$/,
    ],
    "an anchor that is missing": [
        trust("[D/none.pem]"),
        `${F}:5:35: trust file: 'D/none.pem' cannot be opened: ${INCOMPLETE}`,
    ],
    "an empty anchor": [
        GOOD,
        (d) => write(d, "ca.pem", ""),
        `${F}:5:35: trust file: 'D/ca.pem' is empty`,
    ],
    "an anchor that is no CA": [
        trust("[D/leaf.pem]"),
        null,
        /^D\/sallyport\.yaml:5:35: trust file 'D\/leaf\.pem': .*it is not a CA/,
    ],
    "an anchor that is a key": [
        trust("[D/server.key]"),
        null,
        /^D\/sallyport\.yaml:5:35: trust file 'D\/server\.key': .*private key/,
    ],
    "an anchor that is half written": [
        GOOD,
        (d) => cut(d, "ca.pem", 200),
        /^D\/sallyport\.yaml:5:35: trust file 'D\/ca\.pem': /,
    ],
    "a pattern of anchors without a file": [
        trust('["D/none*.pem"]'),
        `${F}:5:35: 'D/none*.pem' stands for no file`,
    ],
    "two roots where Azure takes one": [
        trust("{ anchors: [D/two.pem], upload_rules: azure }"),
        (d) => write(d, "two.pem", read(d, "ca.pem") + read(d, "ca.pem")),
        `${F}:5:46: trust file 'D/two.pem': ` +
            "ApplicationGatewayOnlyOneRootCAAllowedInTrustedClientCertificate: there is more " +
            "than one self-signed CA in it",
    ],
};

/* The text, how its files are changed, what must be said. */
function caseOf(name, index) {
    const [text, ...rest] = CASES[name];
    const change = typeof rest[0] === "function" || rest[0] === null ? rest.shift() : null;
    return { directory: `case-${index}`, text, change, expected: rest };
}

/* The text with its paths in a directory. Bytes that are no text have none. */
function inDirectory(text, directory) {
    if (typeof text !== "string") return text;
    return text.replaceAll("D/", `${directory}/`).replace(/: D([ ,])/g, `: ${directory}$1`);
}

/* Makes the files of a case; gives the path of its configuration. */
function prepare({ directory: name, text, change }) {
    const directory = makeDirectory(name);
    const file = path.join(directory, "sallyport.yaml");
    writeFileSync(file, inDirectory(text, directory));
    change?.(directory);
    return { directory, file };
}

/* The errors among the events, with D for the directory. */
function errorsOf(events, directory) {
    return events
        .split("\n")
        .filter((line) => /\berror: /.test(line))
        .map((line) => line.replace(/^.*?\berror: /, "").replaceAll(directory, "D"));
}

function assertErrors(found, expected) {
    const fits = (line, wanted) =>
        wanted instanceof RegExp ? wanted.test(line) : line.startsWith(wanted);
    for (const wanted of expected) {
        assert.ok(
            found.some((line) => fits(line, wanted)),
            `${wanted} is not among:\n${found.join("\n")}`,
        );
    }
    assert.equal(found.length, expected.length, found.join("\n"));
}

describe("check and run say the same and start nothing", { concurrency: 2 }, () => {
    Object.keys(CASES).forEach((name, index) => {
        test(name, async () => {
            const one = caseOf(name, index);
            const { directory, file } = prepare(one);
            const checked = await runProgram("check", file);
            const run = await runProgram("run", file);
            assert.equal(checked.status, 1, checked.stderr);
            assert.equal(run.status, 1, run.stderr);
            const found = errorsOf(checked.stderr, directory);
            assertErrors(found, one.expected);
            const said = errorsOf(run.stderr, directory);
            assert.deepEqual(
                said.filter((line) => line !== `${F} cannot be used`),
                found,
            );
            assert.equal(checked.stdout, "");
            assert.doesNotMatch(run.stderr, /\bready /);
        });
    });
});

test("a configuration that is missing, or unreadable, is one line", async () => {
    const directory = makeDirectory("nothing");
    const file = path.join(directory, "none.yaml");
    for (const word of ["check", "run"]) {
        const result = await runProgram(word, file);
        assert.equal(result.status, 1);
        assert.ok(
            result.stderr.includes(`${file}:0:0: '${file}' cannot be opened: ${INCOMPLETE}`),
            result.stderr,
        );
    }
    writeFileSync(file, GOOD.replaceAll("D/", `${directory}/`), { mode: 0o000 });
    if (process.getuid() !== 0) {
        const result = await runProgram("check", file);
        assert.equal(result.status, 1);
        assert.ok(result.stderr.includes("Permission denied"), result.stderr);
    }
});

test("a directory without a configuration is one line, and one with parts is whole", async () => {
    const directory = makeDirectory("parts");
    const nothing = await runProgram("check", directory);
    assert.equal(nothing.status, 1);
    assert.ok(nothing.stderr.includes("there is no file in"), nothing.stderr);
    write(directory, "a.yaml", GOOD.replaceAll("D/", ""));
    write(directory, "b.yaml", "workers: 1\n");
    const good = await runProgram("check", directory);
    assert.equal(good.status, 0, good.stderr);
    write(directory, "c.yaml", "workers: 2\n");
    const twice = await runProgram("check", directory);
    assert.equal(twice.status, 1);
    assert.ok(
        twice.stderr.includes(
            `c.yaml:1:1: 'workers' is set twice; the first is at ${directory}/b.yaml:1`,
        ),
        twice.stderr,
    );
});

test("a port that is in use is one line, and nothing is started", async () => {
    const directory = makeDirectory("port");
    const taken = net.createServer();
    taken.listen(0, "127.0.0.1");
    await new Promise((resolve) => taken.once("listening", resolve));
    const file = path.join(directory, "sallyport.yaml");
    const text = GOOD.replaceAll("D/", `${directory}/`);
    writeFileSync(file, text.replace("127.0.0.1:0", `127.0.0.1:${taken.address().port}`));
    const result = await runProgram("run", file);
    taken.close();
    assert.equal(result.status, 1);
    const errors = errorsOf(result.stderr, directory);
    assert.equal(errors.length, 1, result.stderr);
    assert.match(errors[0], /listener 'listener-1'.*(in use|already)/);
    assert.doesNotMatch(result.stderr, /\bready /);
});

test("words that make no sense are a question of usage", async () => {
    for (const words of [
        ["check", "--none"],
        ["check", "a.yaml", "b.yaml"],
        ["check", "--stdin", "a.yaml"],
        ["run", "a.yaml", "b.yaml"],
        ["none"],
    ]) {
        const result = await runProgram(...words);
        assert.equal(result.status, 2, words.join(" "));
        assert.equal(result.stdout, "");
    }
});

test("what is checked may come from the standard input, and strictly", () => {
    const directory = makeDirectory("stdin");
    const check = (input, ...words) =>
        spawnSync(PROGRAM, ["check", "--stdin", ...words], {
            ...{ cwd: directory, input, encoding: "utf8" },
            env: { ...process.env, ...SANITIZER_ENVIRONMENT },
        });
    const good = check(GOOD.replaceAll("D/", ""));
    assert.equal(good.status, 0, good.stderr);
    assert.equal(good.stdout, "stdin: ok\n");
    assert.match(good.stderr, /stdin:5:34: revocation is not checked/);
    assert.match(good.stderr, /the key in '.*server\.key' can be read by everybody/);
    const bad = check("version: 2\n");
    assert.equal(bad.status, 1);
    assert.match(bad.stderr, /stdin:1:10: 'version' is 2; this program knows version 1 only/);
    const strict = check(GOOD.replaceAll("D/", ""), "--strict");
    assert.equal(strict.status, 1);
    assert.equal(strict.stdout, "");
    const effective = check(GOOD.replaceAll("D/", ""), "--effective");
    assert.equal(effective.status, 0);
    assert.equal(check(effective.stdout).status, 0);
});

test("init asks five questions, and check accepts what comes of it", async () => {
    const directory = makeDirectory("init");
    const init = (answers, ...words) =>
        spawnSync(PROGRAM, ["init", ...words], {
            ...{ cwd: directory, input: answers.join("\n"), encoding: "utf8" },
            env: { ...process.env, ...SANITIZER_ENVIRONMENT },
        });
    const unfinished = init(["127.0.0.1:0", "server.pem"]);
    assert.equal(unfinished.status, 1);
    assert.match(unfinished.stderr, /there is no answer/);
    const answers = ["here", "127.0.0.1:0", "", "server.key", "ca.pem", "ftp://x", backend.url];
    const good = init([...answers, ""]);
    assert.equal(good.status, 0, good.stderr);
    assert.match(good.stderr, /'ftp:\/\/x' is not an endpoint|there is no backend/);
    assert.equal(good.stdout.match(/\?/g).length, 7);
    const file = path.join(directory, "sallyport.yaml");
    const checked = await runProgram("check", file);
    assert.equal(checked.status, 0, checked.stderr);
    const text = readFileSync(file, "utf8");
    const again = init(["", "", "", "", "", ""]);
    assert.equal(again.status, 1);
    assert.match(again.stderr, /'sallyport.yaml' is there already, and stays as it is/);
    assert.equal(readFileSync(file, "utf8"), text);
    assert.equal(init(["", "", "", "", "", ""], "other.yaml").status, 0);
    assert.equal(init([], "a", "b").status, 2);
});

/* ---- on reload ------------------------------------------------------------------------------ */

test("whatever is wrong on reload, the generation in use goes on", async (t) => {
    const good = makeDirectory("reload");
    const gateway = await startGateway(t, inDirectory(GOOD, good));
    /* What is beneath the directory of the keys may be read; beside the configuration is nothing.
     */
    const isBeside = (name) => /include|\$\{file/.test(`${CASES[name][0]}`);
    const names = Object.keys(CASES).filter((name) => !isBeside(name));
    for (const [index, name] of names.entries()) {
        const { text, change, expected } = caseOf(name, index);
        const directory = path.join(good, `case-${index}`);
        mkdirSync(directory, { mode: 0o755 });
        for (const file of ["server.pem", "server.key", "other.key", "ca.pem", "leaf.pem"]) {
            cpSync(path.join(good, file), path.join(directory, file));
        }
        change?.(directory);
        const { reloaded, said } = await gateway.reload(inDirectory(text, directory));
        assert.equal(reloaded, false, `${name}: ${said}`);
        const seen = said.replaceAll(gateway.configurationFile, `${directory}/sallyport.yaml`);
        const errors = errorsOf(seen, directory).filter(
            (line) => !/cannot be used$|^nothing was reloaded/.test(line),
        );
        assertErrors(errors, expected);
        const client = await connect(t, pki, gateway.endpoint(), { credential: pki.good });
        const answer = await client.request(`GET /${index} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
        assert.equal(answer.status, 200, name);
        client.end();
    }
    const { reloaded, said } = await gateway.reload(inDirectory(GOOD, good));
    assert.equal(reloaded, true, said);
});

test("files that come into directories are noticed", async (t) => {
    const directory = makeDirectory("noticed");
    const anchors = path.join(directory, "anchors");
    const parts = path.join(directory, "parts");
    mkdirSync(anchors, { mode: 0o755 });
    mkdirSync(parts, { mode: 0o755 });
    cpSync(pki.root.certificate, path.join(anchors, "a.pem"));
    const text = trust(`["${anchors}/*.pem"]`).replaceAll("D/", `${directory}/`);
    const gateway = await startGateway(t, `${text}include: ["${parts}/*.yaml"]\n`);
    const next = async (change) => {
        const from = gateway.events.items.length;
        change();
        const isOver = (line) => /\breloaded |nothing was reloaded/.test(line);
        return before(
            gateway.events.find(isOver, "a reload", from),
            "a reload",
            () => gateway.events.items.join("\n"),
        );
    };
    const status = async (credential) => {
        const client = await connect(t, pki, gateway.endpoint(), { credential });
        const answer = await client.request(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
        client.end();
        return answer.status;
    };
    assert.equal(await status(pki.other), 400);
    assert.match(
        await next(() => cpSync(pki.otherRoot.certificate, path.join(anchors, "b.pem"))),
        /^reloaded /,
    );
    assert.equal(await status(pki.other), 200);
    assert.match(await next(() => rmSync(path.join(anchors, "b.pem"))), /^reloaded /);
    assert.equal(await status(pki.other), 400);
    const part = path.join(parts, "a.yaml");
    assert.match(await next(() => writeFileSync(part, "log: { access: of }\n")), /nothing was/);
    /* No entry of the directory changes: the file itself must be known. */
    assert.match(await next(() => writeFileSync(part, "log: { access: off }\n")), /^reloaded /);
});
