/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of fingerprints: a line each, 64 or 40 hexadecimal digits with or without colons, a comment
 * behind '#'. A file is taken whole or not at all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "gateway/policy/fingerprint_set_internal.h"
#include "gateway/policy/policy_settings.h"
#include "runtime/error.h"

enum { FINGERPRINT_FILE_BYTES_MAX = 256 * 1024 * 1024 };

struct fingerprint_lists {
    struct fingerprint_set *sha256; /* NULL: none */
    struct fingerprint_set *sha1;
};

/* SHA-256 or SHA-1 as people write it: hexadecimal, with or without colons. Gives how many octets
 * it has, 0 when it is neither. */
size_t fingerprint_parse(struct slice text, unsigned char digest[FINGERPRINT_BYTES_MAX]);
/* Adds; false when it is in there already. */
bool fingerprint_lists_add(struct fingerprint_lists *lists, const unsigned char *digest,
                           size_t size);
size_t fingerprint_lists_count(const struct fingerprint_lists *lists);
void fingerprint_lists_reset(struct fingerprint_lists *lists);

/* Adds what the file holds; `count` is how many that are. False and an error, which begins with the
 * line for what is in it, when the file is missing, empty, cut off, malformed, or not what was
 * expected. `previous` is how many the configuration in effect has read from it, 0 when it has not.
 */
bool fingerprint_file_load(const struct policy_fingerprint_file_settings *settings, size_t previous,
                           struct fingerprint_lists *lists, size_t *count, struct error *error);
