/* SPDX-License-Identifier: Apache-2.0
 *
 * A set of digests of one size, looked up by hash: a look-up costs the same for ten and for a
 * hundred thousand. The hash is keyed, so that nobody can make certificates that collide in it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/slice.h"

struct fingerprint_set;

enum { FINGERPRINT_BYTES_MAX = 32, FINGERPRINT_SHA1_BYTES = 20, FINGERPRINT_SHA256_BYTES = 32 };

struct fingerprint_set *fingerprint_set_create(size_t bytes_each);
/* NULL is fine. */
void fingerprint_set_destroy(struct fingerprint_set *set);

/* While the set is built, by one thread. False: it is in there already. */
bool fingerprint_set_add(struct fingerprint_set *set, const unsigned char *digest);
size_t fingerprint_set_count(const struct fingerprint_set *set);

/* NULL holds nothing. `probes` counts the places that were looked at; NULL: nobody wants to know.
 */
bool fingerprint_set_has(const struct fingerprint_set *set, const unsigned char *digest,
                         size_t *probes);
