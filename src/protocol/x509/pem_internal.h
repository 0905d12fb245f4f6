/* SPDX-License-Identifier: Apache-2.0
 *
 * PEM (RFC 7468), read strictly: text may stand before and between blocks, as tools write it
 * there, but a marker that is cut off, out of place or of the wrong label is an error, and so is
 * anything but base64 between markers. What libcrypto's reader would skip is never skipped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/error.h"
#include "runtime/slice.h"

struct pem_reader {
    struct slice rest;
    unsigned line; /* of the first byte of `rest`, from 1 */
};

struct pem_block {
    struct slice label; /* "CERTIFICATE" */
    struct slice body;  /* the base64 text */
    unsigned line;      /* of the BEGIN marker, from 1 */
};

enum pem_outcome { PEM_BROKEN, PEM_BLOCK, PEM_END };

void pem_reader_init(struct pem_reader *reader, struct slice text);
/* The error is set when the outcome is PEM_BROKEN, and names the line. */
enum pem_outcome pem_read(struct pem_reader *reader, struct pem_block *block, struct error *error);
/* The caller releases `data` with memory_release. */
bool pem_decode(const struct pem_block *block, char **data, size_t *size, struct error *error);
bool pem_is_certificate(const struct pem_block *block);
bool pem_is_private_key(const struct pem_block *block);
