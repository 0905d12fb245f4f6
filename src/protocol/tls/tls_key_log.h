/* SPDX-License-Identifier: Apache-2.0
 *
 * A key log: the secrets of connections, in the form that Wireshark reads (NSS key log). Whoever
 * has the file can read everything that was said on them, so nothing but a command line opens one,
 * and nobody else can read it or has put it there.
 */
#pragma once

#include "runtime/error.h"
#include "runtime/slice.h"

struct tls_key_log;

/* A new file of mode 0600; or one that is there, ours, of that mode, and no link. NULL on error. */
struct tls_key_log *tls_key_log_open(const char *path, struct error *error);
/* No connection may write to it any more. NULL is fine. */
void tls_key_log_close(struct tls_key_log *log);
/* From any thread. A line that cannot be written is lost. */
void tls_key_log_write(const struct tls_key_log *log, struct slice line);
