// SPDX-License-Identifier: Apache-2.0
//
// A check that refuses nothing looks like one that finds nothing. Each row here breaks one rule in
// a small tree of its own, and the check must say so.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const TOOLS = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../tools");
const SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n";
const LAYERS =
    "runtime:\nprotocol/tls: runtime\ngateway/routing: runtime\napp: runtime gateway/routing\n";

/* Runs a check on a tree made of `files`, and gives its exit status and words. */
function check(tool, files) {
    const root = mkdtempSync(path.join(tmpdir(), "sallyport-check-"));
    try {
        for (const [name, text] of Object.entries({ "src/layers.txt": LAYERS, ...files })) {
            mkdirSync(path.join(root, path.dirname(name)), { recursive: true });
            writeFileSync(path.join(root, name), text);
        }
        const { status, stdout, stderr } = spawnSync(path.join(TOOLS, tool), [root], {
            encoding: "utf8",
        });
        return { status, output: stdout + stderr };
    } finally {
        rmSync(root, { recursive: true });
    }
}

function accepts(tool, title, files) {
    test(`${tool} accepts ${title}`, () => {
        const { status, output } = check(tool, files);
        assert.equal(status, 0, output);
    });
}

function refuses(tool, title, files, words) {
    test(`${tool} refuses ${title}`, () => {
        const { status, output } = check(tool, files);
        assert.notEqual(status, 0, "nothing was refused");
        assert.match(output, words);
    });
}

/* ---- layers --------------------------------------------------------------------------------- */

const HEADER = SPDX + "#pragma once\n";
const TREE = { "src/runtime/slice.h": HEADER, "src/gateway/routing/routing.h": HEADER };

accepts("check_layers", "what layers.txt allows", {
    ...TREE,
    "src/runtime/event_loop.c": "#include <uv.h>\n",
    "src/protocol/tls/tls.c": '#include <openssl/ssl.h>\n#include "runtime/slice.h"\n',
    "src/app/main.c": '#include "gateway/routing/routing.h"\n',
});
for (const [title, file, include, words] of [
    [
        "a layer that looks up",
        "src/runtime/slice.c",
        '"gateway/routing/routing.h"',
        /does not let runtime use/,
    ],
    [
        "a module that is not listed",
        "src/gateway/other/other.c",
        "<stdio.h>",
        /not in src\/layers.txt/,
    ],
    [
        "another module's internal header",
        "src/app/main.c",
        '"runtime/secret_internal.h"',
        /is internal/,
    ],
    ["libssl outside protocol/tls", "src/app/main.c", "<openssl/ssl.h>", /only src\/protocol\/tls/],
    ["libuv outside runtime", "src/app/main.c", "<uv.h>", /only src\/runtime/],
    ["an include that is no whole path", "src/runtime/slice.c", '"slice.h"', /no path below src/],
    [
        "a test that looks inside another module",
        "tests/unit/app/a_test.c",
        '"runtime/secret_internal.h"',
        /is internal/,
    ],
]) {
    refuses(
        "check_layers",
        title,
        {
            ...TREE,
            "src/runtime/secret_internal.h": HEADER,
            [file]: `#include ${include}\n`,
        },
        words,
    );
}
refuses(
    "check_layers",
    "a use that is listed below",
    { "src/layers.txt": "runtime: app\napp:\n" },
    /above it/,
);
refuses(
    "check_layers",
    "a layer above",
    { "src/layers.txt": "app:\nruntime: app\n" },
    /in a layer above/,
);

/* ---- sources -------------------------------------------------------------------------------- */

/* A source in a module that has a test, so that only its content can be wrong. */
function source(text, name = "src/runtime/thing.c") {
    return { [name]: SPDX + text, "tests/unit/runtime/thing_test.c": SPDX };
}

accepts(
    "check_sources",
    "constants, types, functions and prototypes at file scope",
    source(`
#define LONG_MACRO(a) \\
    do { } while (a)
struct thing;
enum kind { KIND_A, KIND_B = 2 };
static const char *const names[] = {"a", "//b", [2] = "system("};
static const struct { int a; const char *b; } table[] = {{1, "x"}};
static bool (*const steps[])(struct thing *) = {first};
static int add(int a, int b);
void on_end(int a, void (*release)(void *owner), void *owner);
_Static_assert(sizeof(int) == 4, "int");
static int add(int a, int b)
{
    static const int zero = 0;
    for (int i = 0; i < b; i++) a += '"';
    if (a == b && a <= 2 && a != 3) return zero;
    assert(a >= b);
    return a;
}
`),
);
accepts("check_sources", "mutable data in app", {
    "src/app/main.c": SPDX + "static int stopping;\n",
    "tests/unit/app/main_test.c": SPDX,
});
accepts("check_sources", "a justified exception", {
    ...source("static int index_of_ssl;\n"),
    "tools/exceptions.txt":
        "mutable src/runtime/thing.c index_of_ssl because OpenSSL counts once\n",
});
refuses(
    "check_sources",
    "an exception that nothing needs",
    {
        ...source(""),
        "tools/exceptions.txt": "mutable src/runtime/thing.c x because of nothing\n",
    },
    /nothing needs the exception/,
);
for (const [title, text, words] of [
    ["comments of the other kind", "int a(void); // why\n", /comments are/],
    ["long lines", `/* ${"x".repeat(100)} */\n`, /106 columns/],
    ["banned functions", "void f(void) { strcpy(a, b); }\n", /strcpy\(\) is banned/],
    [
        "an assignment in a condition",
        "void f(void) { if ((a = b()) != 0) { } }\n",
        /assignment in a cond/,
    ],
    [
        "an assignment in a loop's condition",
        "void f(void) { while (a += 2) { } }\n",
        /assignment in a/,
    ],
    ["an assertion with an effect", "void f(void) { assert(i++ < 3); }\n", /assertion changes/],
    ["a build without assertions", "#define NDEBUG\n", /no NDEBUG/],
    ["SSL_set_session", "void f(void) { SSL_set_session(s, NULL); }\n", /SSL_set_session/],
    ["mutable data", "static int counter;\n", /'counter' is mutable/],
    ["a mutable pointer", 'static const char *name = "x";\n', /'name' is mutable/],
    ["a mutable table", "static struct row rows[] = {{1}};\n", /'rows' is mutable/],
    [
        "mutable data of a type without a name",
        "static struct { int a; } state;\n",
        /'state' is mutable/,
    ],
    ["mutable data of a thread", "static _Thread_local int depth = 0;\n", /'depth' is mutable/],
]) {
    refuses("check_sources", title, source(text), words);
}
refuses(
    "check_sources",
    "a file without a licence",
    {
        ...source(""),
        "src/runtime/thing.c": "int a(void);\n",
    },
    /SPDX/,
);
refuses(
    "check_sources",
    "a header without a guard",
    source("int a(void);\n", "src/runtime/a.h"),
    /pragma/,
);
refuses(
    "check_sources",
    "a module without tests",
    { "src/runtime/thing.c": SPDX },
    /no unit tests/,
);
refuses(
    "check_sources",
    "a unit test that waits",
    {
        ...source(""),
        "tests/unit/runtime/thing_test.c": SPDX + "void f(void) { usleep(5); }\n",
    },
    /by the clock/,
);
refuses(
    "check_sources",
    "an integration test that waits",
    {
        "tests/integration/a.test.mjs":
            "// SPDX-License-Identifier: Apache-2.0\nsetTimeout(go, " + "500);\n",
    },
    /by the clock/,
);
refuses(
    "check_sources",
    "a build that defines it away",
    {
        "CMakeLists.txt": 'set(CMAKE_C_FLAGS_RELEASE "-O3 -DNDEBUG")\n',
    },
    /NDEBUG is never defined/,
);

/* ---- headers -------------------------------------------------------------------------------- */

accepts("check_headers", "a header that includes what it uses", {
    "src/runtime/a.h": HEADER + "#include <stddef.h>\nsize_t a(void);\n",
});
refuses(
    "check_headers",
    "a header that leans on others",
    {
        "src/runtime/a.h": HEADER + "size_t a(void);\n",
    },
    /src\/runtime\/a\.h: does not compile alone/,
);

/* ---- diagrams ------------------------------------------------------------------------------- */

const TABLE = `
    /*              name        does   waits       may lead to */
    [STATE_OPEN] = {"opening",  open,  LIMIT_ONE,  TO(STATE_SERVE) |
                                                   TO(STATE_CLOSE)},
    [STATE_SERVE] = {"serving", serve, LIMIT_TWO,  TO(STATE_CLOSE)},
    [STATE_CLOSE] = {"closing", close, LIMIT_NONE, 0},
`;

function diagram(lines) {
    return {
        "src/gateway/exchange/exchange.c": TABLE,
        "docs/ARCHITECTURE.md": `# A\n\n\`\`\`sh\n./dev\n\`\`\`\n\n\`\`\`text\n${lines}\n\`\`\`\n`,
    };
}

accepts(
    "check_diagrams",
    "a diagram like the table",
    diagram("opening -> serving, closing\nserving -> closing\nclosing"),
);
refuses(
    "check_diagrams",
    "a missing transition",
    diagram("opening -> serving\nserving -> closing\nclosing"),
    /lacks 'opening -> closing'/,
);
refuses(
    "check_diagrams",
    "a transition that the code has not",
    diagram("opening -> serving, closing\nserving -> opening, closing\nclosing"),
    /no 'serving -> opening'/,
);
refuses(
    "check_diagrams",
    "a missing state",
    diagram("opening -> serving, closing\nserving -> closing"),
    /lacks the state 'closing'/,
);
refuses("check_diagrams", "no diagram at all", diagram("once upon a time"), /no diagram for/);
