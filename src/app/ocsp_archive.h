/* SPDX-License-Identifier: Apache-2.0
 *
 * OCSP answers in a directory, one a file named by the question, so that a restart needs no
 * responder. What is read from here is checked like what comes from the network. Without a
 * directory (NULL) nothing is kept and nothing found.
 */
#pragma once

#include <stdbool.h>

#include "gateway/revocation/ocsp_store.h"
#include "runtime/slice.h"

struct ocsp_archive;

enum { OCSP_ARCHIVE_FILES_MAX = 2 * OCSP_ENTRIES_MAX, OCSP_ARCHIVE_DAYS_MAX = 400 };

/* `ocsp` below `state_directory` (NULL: none) is made where it is missing; what nobody renewed for
 * OCSP_ARCHIVE_DAYS_MAX is removed. */
struct ocsp_archive *ocsp_archive_open(const char *state_directory);
void ocsp_archive_close(struct ocsp_archive *archive);
/* Replaces what was there. A problem is logged once, and costs nothing else. */
void ocsp_archive_write(struct ocsp_archive *archive, const unsigned char key[OCSP_KEY_BYTES],
                        struct slice answer);
/* The caller releases the bytes. False when there is none. */
bool ocsp_archive_read(const struct ocsp_archive *archive, const unsigned char key[OCSP_KEY_BYTES],
                       struct slice *answer);
