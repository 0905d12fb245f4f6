/* SPDX-License-Identifier: Apache-2.0
 *
 * What questions and answers have in common; and who signed an answer, and may he?
 */
#pragma once

#include <openssl/ocsp.h>

#include "protocol/x509/ocsp.h"

/* OCSP_IS_GOOD: signed by the issuer or its delegate. Else why the answer does not count. */
enum ocsp_outcome ocsp_check_signer(const OCSP_BASICRESP *answer,
                                    const struct ocsp_expectation *expected);

/* What OCSP calls a certificate; NULL when the serial is none. The caller frees it. */
OCSP_CERTID *ocsp_certificate_id(X509 *issuer, struct slice serial, const EVP_MD *digest);
