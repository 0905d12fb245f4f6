/* SPDX-License-Identifier: Apache-2.0
 *
 * Why an operation could not be done: a kind, and one English sentence without a full stop.
 * The function that finds the error sets it, callers may prefix what they know, and only `app`
 * and `telemetry` print it. Every function here accepts NULL and then does nothing.
 */
#pragma once

#include <stddef.h>

enum error_kind {
    ERROR_NONE,
    ERROR_FILE,        /* a file is missing, unreadable, empty, too large, of the wrong type */
    ERROR_SYNTAX,      /* text that does not follow its grammar */
    ERROR_VALUE,       /* well-formed, but not a value that is allowed here */
    ERROR_CERTIFICATE, /* a certificate, key or list that cannot be used */
    ERROR_SYSTEM,      /* the operating system said no */
    ERROR_LIMIT,       /* more than a limit allows */
    ERROR_CREDENTIAL,  /* a secret was refused: trying again may lock what it opens */
    ERROR_USAGE        /* a command line that makes no sense */
};

struct error {
    enum error_kind kind;
    char text[1024];
};

void error_reset(struct error *error);
void error_set(struct error *error, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "PREFIX: what was there". */
void error_prefix(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
