/* SPDX-License-Identifier: Apache-2.0
 *
 * The issuer name that Azure Application Gateway takes from an uploaded file of CAs, for its
 * `verifyClientCertIssuerDN`: the subject of the lowest CA of the longest chain, and of the first
 * such chain when several are equally long.
 */
#pragma once

#include <openssl/x509.h>
#include <stddef.h>

/* Of the CAs of one file, in the order of the file. The certificate is borrowed; NULL when there is
 * none. */
X509 *issuer_names_lowest_ca(X509 *const *certificates, size_t count);
