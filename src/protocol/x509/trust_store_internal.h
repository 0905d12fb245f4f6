/* SPDX-License-Identifier: Apache-2.0
 *
 * The parsing half of the trust store, for bytes that come from no file.
 */
#pragma once

#include "protocol/x509/trust_store.h"

/* The anchors of one file's bytes. NULL and an error that names neither file nor position. */
struct trust_store *trust_store_parse(struct slice bytes, struct error *error);
