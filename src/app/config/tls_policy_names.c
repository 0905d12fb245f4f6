/* SPDX-License-Identifier: Apache-2.0
 *
 * See tls_policy_names_internal.h. The order is Azure's. Left out are TLS 1.0 and 1.1, which are
 * not spoken here, 3DES, which OpenSSL has no more, and the suites with DHE, which Azure lists and
 * never negotiates.
 */
#include "app/config/tls_policy_names_internal.h"

#include <stddef.h>

#define ECDHE_RSA_GCM   "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256"
#define ECDHE_RSA_SHA2  "ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA256"
#define ECDHE_RSA_SHA   "ECDHE-RSA-AES256-SHA:ECDHE-RSA-AES128-SHA"
#define RSA_GCM         "AES256-GCM-SHA384:AES128-GCM-SHA256"
#define RSA_SHA2        "AES256-SHA256:AES128-SHA256"
#define RSA_SHA         "AES256-SHA:AES128-SHA"
#define ECDHE_ECDSA_GCM "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"
#define ECDHE_ECDSA_SHA2                                                                           \
    "ECDHE-ECDSA-AES256-SHA384:"                                                                   \
    "ECDHE-ECDSA-AES128-SHA256"
#define ECDHE_ECDSA_SHA "ECDHE-ECDSA-AES256-SHA:ECDHE-ECDSA-AES128-SHA"
#define TLS_1_3         "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"

/* Of ECDSA, 128 bits come first in these. */
#define CIPHERS_2017                                                                               \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"                                 \
    "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:"                                               \
    "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384:" ECDHE_RSA_GCM ":" ECDHE_RSA_SHA         \
    ":" RSA_GCM ":" RSA_SHA2 ":" RSA_SHA

static const struct tls_policy_name policies[] = {
    {"AppGwSslPolicy20150501", TLS_VERSION_1_2,
     ECDHE_RSA_GCM ":" ECDHE_RSA_SHA2 ":" ECDHE_RSA_SHA ":" RSA_GCM ":" RSA_SHA2 ":" RSA_SHA
                   ":" ECDHE_ECDSA_GCM ":" ECDHE_ECDSA_SHA2 ":" ECDHE_ECDSA_SHA,
     NULL, "TLS 1.0, TLS 1.1 and the suites with DHE or 3DES are"},
    {"AppGwSslPolicy20170401", TLS_VERSION_1_2, CIPHERS_2017, NULL, "TLS 1.1 is"},
    {"AppGwSslPolicy20170401S", TLS_VERSION_1_2, CIPHERS_2017, NULL, NULL},
    {"AppGwSslPolicy20220101", TLS_VERSION_1_3,
     ECDHE_RSA_GCM ":" ECDHE_RSA_SHA2 ":" ECDHE_ECDSA_GCM ":" ECDHE_ECDSA_SHA2, TLS_1_3, NULL},
    {"AppGwSslPolicy20220101S", TLS_VERSION_1_3, ECDHE_RSA_GCM ":" ECDHE_ECDSA_GCM, TLS_1_3, NULL},
};

enum { POLICIES = sizeof(policies) / sizeof(*policies) };

const struct tls_policy_name *tls_policy_name_find(struct slice name)
{
    for (size_t i = 0; i < POLICIES; i++)
        if (slice_equals(name, slice_from_text(policies[i].name)))
            return &policies[i];
    return NULL;
}

const char *tls_policy_names(void)
{
    return "AppGwSslPolicy20150501, AppGwSslPolicy20170401, AppGwSslPolicy20170401S, "
           "AppGwSslPolicy20220101 or AppGwSslPolicy20220101S";
}

static const struct {
    const char *iana;
    const char *openssl;
} ciphers[] = {
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", "ECDHE-ECDSA-AES256-SHA384"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", "ECDHE-RSA-AES256-SHA384"},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256"},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"},
    {"TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384"},
    {"TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"},
    {"TLS_RSA_WITH_AES_256_CBC_SHA256", "AES256-SHA256"},
    {"TLS_RSA_WITH_AES_128_CBC_SHA256", "AES128-SHA256"},
    {"TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA"},
    {"TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"},
};

const char *tls_policy_cipher(struct slice iana_name)
{
    for (size_t i = 0; i < sizeof(ciphers) / sizeof(*ciphers); i++)
        if (slice_equals(iana_name, slice_from_text(ciphers[i].iana)))
            return ciphers[i].openssl;
    return NULL;
}
