/* SPDX-License-Identifier: Apache-2.0
 *
 * The predefined TLS policies of Azure Application Gateway, and the IANA's names of the suites in
 * them.
 */
#pragma once

#include "protocol/tls/tls_profile.h"
#include "runtime/slice.h"

struct tls_policy_name {
    const char *name;
    enum tls_version max_version; /* the lowest is 1.2 */
    const char *ciphers;          /* of TLS 1.2, in order of preference, by OpenSSL's names */
    const char *cipher_suites;    /* of TLS 1.3; NULL: it is not spoken */
    const char *raised; /* what Azure has of it and we do not, with its verb; NULL: nothing */
};

/* NULL: there is none of that name. */
const struct tls_policy_name *tls_policy_name_find(struct slice name);
/* "AppGwSslPolicy20150501, ... or ...". */
const char *tls_policy_names(void);
/* OpenSSL's name of "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"; NULL: it is none that is spoken. */
const char *tls_policy_cipher(struct slice iana_name);
