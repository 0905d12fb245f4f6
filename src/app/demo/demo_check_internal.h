/* SPDX-License-Identifier: Apache-2.0
 *
 * What there is to try: command lines, and what each of them must show.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/slice.h"

/* What the command lines are about. */
struct demo_scene {
    const char *directory; /* where the files are */
    const char *host;      /* for URLs: "localhost", or an address */
    const char *address; /* the same as an address, for programs that look names up their own way */
    unsigned port;
};

enum { DEMO_MARKS_MAX = 5 };

struct demo_check {
    const char *title;
    const char *shows;   /* in a few words */
    const char *program; /* that it needs; the check is skipped without it when optional */
    bool optional;
    const char *line; /* with {url}, {address_url}, {connect} and {host} */
    const char *must_show[DEMO_MARKS_MAX];
    const char *must_not_show;
};

/* Checks that belong together, and how they are told. */
struct demo_check_list {
    const struct demo_check *checks;
    size_t count;
    const char *good;  /* "ok" */
    bool shows_lines;  /* what was run is printed */
    const char *tells; /* lines of the output that begin so are printed; NULL: none */
};

extern const struct demo_check_list demo_checks;

/* The command line as it is pasted; the caller releases it. */
char *demo_check_line(const struct demo_check *check, const struct demo_scene *scene);
/* NULL, or a sentence that says what the output lacks; the caller releases it. */
char *demo_check_judge(const struct demo_check *check, struct slice output);
