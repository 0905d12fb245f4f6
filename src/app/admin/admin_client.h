/* SPDX-License-Identifier: Apache-2.0
 *
 * The other side of the admin socket: gives one command and waits for the answer. For a program
 * that does nothing else meanwhile.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/error.h"

enum admin_result {
    ADMIN_UNREACHABLE, /* nobody answered */
    ADMIN_OK,
    ADMIN_NO, /* a check said no */
    ADMIN_ERROR
};

struct admin_answer {
    enum admin_result result;
    char *text; /* NUL-terminated; the caller releases it; NULL when UNREACHABLE */
};

/* `command` is a line without its end. `wait_ms`: how long the answer may take. An error says why
 * nobody was reached. */
struct admin_answer admin_client_ask(const char *path, const char *command, uint64_t wait_ms,
                                     struct error *error);
