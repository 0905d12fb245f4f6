/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that are read once and whole, so that the bytes that were checked are the bytes in use.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/error.h"
#include "runtime/slice.h"

/* The whole file, with a NUL behind the last byte that is not counted; the caller releases `data`
 * with memory_release (or wipes it). Only regular files, not empty, at most `bytes_max`. */
bool file_read(const char *path, size_t bytes_max, char **data, size_t *size, struct error *error);
/* Creates a new file of mode 0600, following no link at its end; refuses one that exists. */
bool file_write_private(const char *path, struct slice bytes, struct error *error);
/* The same for a file that may be there already, whose readers see the old or the new content and
 * nothing between. Uses PATH.next. */
bool file_replace_private(const char *path, struct slice bytes, struct error *error);
/* A descriptor of a log: made with `mode` where there is none, lines go to its end. A link is
 * followed: /dev/stdout is one. A FIFO that nobody reads is opened all the same. -1 on error. */
int file_open_log(const char *path, unsigned mode, struct error *error);
/* Mode 0700; one that exists is refused. */
bool file_make_private_directory(const char *path, struct error *error);
/* `relative` seen from the directory of `base`; an absolute path as it is. The caller releases it.
 */
char *file_path_beside(const char *base, const char *relative);
