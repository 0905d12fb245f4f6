/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenSSL's engine for tokens, where a configuration has a key in one: set up when the process
 * starts, because neither threads nor a confined process can have it loaded.
 */
#pragma once

#include <stdbool.h>

#include "gateway/generation/generation_settings.h"
#include "runtime/error.h"

struct tls_pkcs11;

/* Nothing is done when no key is in a token, or the engine is there. `may_start`: the process is
 * still starting. False, and an error that begins with the position of the first such key. */
bool pkcs11_setup(struct tls_pkcs11 **pkcs11, const struct generation_settings *settings,
                  bool may_start, struct error *error);
