/* SPDX-License-Identifier: Apache-2.0
 *
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a fast hash whose collisions nobody can choose who
 * does not know the key. For hash tables; not a signature.
 */
#pragma once

#include <stdint.h>

#include "runtime/slice.h"

struct siphash_key {
    uint64_t low;
    uint64_t high;
};

/* A key that nobody knows. */
struct siphash_key siphash_key_create(void);
uint64_t siphash(struct siphash_key key, struct slice bytes);
