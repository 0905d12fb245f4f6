/* SPDX-License-Identifier: Apache-2.0
 *
 * The chains of clients that have proven possession, each once: a client that comes again, and each
 * of its sessions, refers to the chain that is here already, instead of keeping a copy. Finding
 * adds nothing, so that what nobody has proven takes no room. Shared by all workers, bounded in
 * bytes.
 */
#pragma once

#include <stddef.h>

#include "gateway/identity/presented_certificate.h"

struct presented_table;

/* 0 takes the default, 32 MiB. */
struct presented_table *presented_table_create(size_t bytes_max);
/* NULL is fine. */
void presented_table_destroy(struct presented_table *table);

/* Takes the reference, and gives one to the same chain: the one in the table, else this. */
struct presented_certificate *presented_table_find(struct presented_table *table,
                                                   struct presented_certificate *presented);
/* Possession is proven: the chain may be kept. Does nothing when it is there. */
void presented_table_add(struct presented_table *table, struct presented_certificate *presented);
