/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeps what is known about revocation up to date, on the control thread: reads the lists that
 * configurations name, watches them, and learns the issuers that clients' verified chains show.
 * Reading a list that has changed is work for another thread.
 */
#pragma once

#include <stdbool.h>

#include "gateway/generation/generation.h"
#include "gateway/revocation/crl_registry.h"
#include "gateway/revocation/revocation_facts.h"
#include "runtime/error.h"
#include "runtime/event_loop.h"
#include "runtime/fetch.h"

struct revocation_keeper;

struct revocation_keeper *revocation_keeper_create(void);
/* After the loop that it was started on. NULL is fine. */
void revocation_keeper_destroy(struct revocation_keeper *keeper);

struct revocation_facts *revocation_keeper_facts(struct revocation_keeper *keeper);
const struct crl_registry *revocation_keeper_lists(const struct revocation_keeper *keeper);

/* Takes the lists that the generation names and nobody has read yet, and reads those of them that
 * were not read ahead: a file that cannot be used is
 * an error that begins with the position where it is named. May block. */
bool revocation_keeper_prepare(struct revocation_keeper *keeper,
                               const struct generation *generation, struct error *error);
/* Begins to read the same on another thread. True: `on_ready` is called once all of it is read, on
 * the loop's thread, and then it is time to prepare. Only after the start. */
bool revocation_keeper_read_ahead(struct revocation_keeper *keeper,
                                  const struct generation *generation, event_callback *on_ready,
                                  void *context);
/* What was prepared is not used after all: only what the generation in use names is kept. */
void revocation_keeper_abandon(struct revocation_keeper *keeper);
/* The generation is in use: what it does not name is forgotten, and its files are watched. */
void revocation_keeper_adopt(struct revocation_keeper *keeper, const struct generation *generation);
/* `on_changed` is called when workers should look again. */
void revocation_keeper_start(struct revocation_keeper *keeper, struct event_loop *loop,
                             event_callback *on_changed, void *context);
/* From now on lists are fetched too. `directory`: where they are kept; NULL: nowhere. `fetcher` may
 * be NULL: what was kept is all there is. */
void revocation_keeper_fetch(struct revocation_keeper *keeper, struct fetcher *fetcher,
                             const char *directory);
/* Before the fetcher and the loop are destroyed. */
void revocation_keeper_stop(struct revocation_keeper *keeper);
