/* SPDX-License-Identifier: Apache-2.0
 *
 * Who signed an OCSP answer, and may he?
 */
#pragma once

#include <openssl/ocsp.h>

#include "protocol/x509/ocsp.h"

/* OCSP_IS_GOOD: signed by the issuer or its delegate. Else why the answer does not count. */
enum ocsp_outcome ocsp_check_signer(const OCSP_BASICRESP *answer,
                                    const struct ocsp_expectation *expected);
