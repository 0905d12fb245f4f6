/* SPDX-License-Identifier: Apache-2.0
 *
 * The demo's certificates: a CA with an intermediate, the server's certificates, and clients to
 * try: alice, one whose certificate has expired, and a stranger from a CA that only looks the
 * same.
 */
#pragma once

#include <stdbool.h>

#include "app/demo/demo_directory_internal.h"
#include "runtime/error.h"

#define DEMO_PASSWORD "alice" /* of alice.p12 */

/* `server_address` is one more IP address that the server's certificates name; NULL: none. Attacks
 * need more clients, and the key that revokes them. */
bool demo_pki_write(const struct demo_directory *directory, const char *server_address,
                    bool is_for_attacks, struct error *error);
