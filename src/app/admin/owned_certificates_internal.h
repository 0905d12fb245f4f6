/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificates that a generation has of its own: those that its listeners show, and the trust
 * anchors that it judges clients by. Never a client's.
 */
#pragma once

#include "protocol/x509/certificate.h"
#include "runtime/slice.h"

struct generation;

enum owned_certificate_use { OWNED_BY_LISTENER, OWNED_BY_TRUST_PROFILE };

struct owned_certificate {
    enum owned_certificate_use use;
    const char *owner; /* the name of the listener, or of the trust profile; FILE:LINE:COLUMN of a
                          profile in place */
    struct certificate_description description;
    int64_t last_used; /* of an anchor: when it last vouched for a client; 0: never */
};

typedef void owned_certificate_visitor(void *context, const struct owned_certificate *certificate);

/* Those of listeners first, each in the order of the configuration. What is given lives for the
 * call. One that cannot be described is left out. */
void owned_certificates_visit(const struct generation *generation, owned_certificate_visitor *visit,
                              void *context);
