/* SPDX-License-Identifier: Apache-2.0
 *
 * The self-test: what a handshake does with EC keys, done once the plain way and once the legacy
 * way with the same certificates, good ones and forged ones.
 */
#pragma once

#include <stdbool.h>

struct key_self_test;

/* Made the plain way; NULL when the library cannot. */
struct key_self_test *key_self_test_create(void);
void key_self_test_destroy(struct key_self_test *test);

/* True when everything good is accepted and everything forged refused, and when decoding goes the
 * way that it is thought to go. */
bool key_self_test_passes(const struct key_self_test *test, bool is_legacy);
