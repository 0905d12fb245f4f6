/* SPDX-License-Identifier: Apache-2.0
 *
 * The principal: the one name by which a verified client is called in logs, limits and hashes. A
 * trust profile says where in the certificate it comes from.
 */
#pragma once

#include "protocol/x509/certificate.h"
#include "runtime/slice.h"

/* Zero ends a list of them. */
enum principal_source {
    PRINCIPAL_NONE,
    PRINCIPAL_SAN_URI,
    PRINCIPAL_SAN_DNS,
    PRINCIPAL_SAN_UPN,
    PRINCIPAL_SAN_EMAIL,
    PRINCIPAL_SAN_IP,
    PRINCIPAL_SUBJECT,
    PRINCIPAL_COMMON_NAME,
    PRINCIPAL_SHA256,
    PRINCIPAL_SOURCE_COUNT
};

/* The first that a client has. All zero: URI, DNS, UPN, subject. */
struct principal_order {
    unsigned char sources[PRINCIPAL_SOURCE_COUNT];
};

/* "san_uri", ... PRINCIPAL_NONE: there is no such source. */
enum principal_source principal_source_parse(struct slice name);

/* In the description. Who has nothing of the order is called by the subject, and who has no
 * subject by the fingerprint: nobody is without a name. */
struct slice principal_choose(const struct principal_order *order,
                              const struct certificate_description *description);
