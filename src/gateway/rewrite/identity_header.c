/* SPDX-License-Identifier: Apache-2.0
 *
 * The names by which a configuration asks for identity headers: short names for what others have
 * made usual, and the formats for everything else.
 */
#include "gateway/rewrite/rewrite_internal.h"

static const struct {
    const char *short_name;
    struct identity_header_settings header;
} headers[] = {
    /* clang-format off */
    {"client-cert",           {"Client-Cert", IDENTITY_FORMAT_RFC9440}},
    {"client-cert-chain",     {"Client-Cert-Chain", IDENTITY_FORMAT_RFC9440_CHAIN}},
    {"x-arr-clientcert",      {"X-ARR-ClientCert", IDENTITY_FORMAT_DER_BASE64}},
    {"verification",          {REWRITE_VERIFICATION_NAME, IDENTITY_FORMAT_VERIFICATION}},
    {"subject",               {"X-Client-Cert-Subject", IDENTITY_FORMAT_SUBJECT}},
    {"issuer",                {"X-Client-Cert-Issuer", IDENTITY_FORMAT_ISSUER}},
    {"serial",                {"X-Client-Cert-Serial", IDENTITY_FORMAT_SERIAL}},
    {"sha256",                {"X-Client-Cert-Sha256", IDENTITY_FORMAT_SHA256}},
    {"sha1",                  {"X-Client-Cert-Sha1", IDENTITY_FORMAT_SHA1}},
    {"principal",             {"X-Client-Cert-Principal", IDENTITY_FORMAT_PRINCIPAL}},
    {"user",                  {"X-Client-Cert-User", IDENTITY_FORMAT_USER}},
    /* The names of ingress-nginx, with its encodings. */
    {"ssl-client-cert",       {"ssl-client-cert", IDENTITY_FORMAT_PEM_URL}},
    {"ssl-client-subject-dn", {"ssl-client-subject-dn", IDENTITY_FORMAT_SUBJECT}},
    {"ssl-client-issuer-dn",  {"ssl-client-issuer-dn", IDENTITY_FORMAT_ISSUER}},
    {"ssl-client-verify",     {"ssl-client-verify", IDENTITY_FORMAT_VERIFICATION}},
    /* clang-format on */
};

enum { HEADERS_COUNT = sizeof(headers) / sizeof(headers[0]) };

static const char *const format_names[IDENTITY_FORMAT_COUNT] = {
    [IDENTITY_FORMAT_NONE] = "none",           [IDENTITY_FORMAT_DER_BASE64] = "der_base64",
    [IDENTITY_FORMAT_RFC9440] = "rfc9440",     [IDENTITY_FORMAT_RFC9440_CHAIN] = "rfc9440_chain",
    [IDENTITY_FORMAT_PEM_URL] = "pem_url",     [IDENTITY_FORMAT_SUBJECT] = "subject",
    [IDENTITY_FORMAT_ISSUER] = "issuer",       [IDENTITY_FORMAT_SERIAL] = "serial",
    [IDENTITY_FORMAT_SHA256] = "sha256",       [IDENTITY_FORMAT_SHA1] = "sha1",
    [IDENTITY_FORMAT_PRINCIPAL] = "principal", [IDENTITY_FORMAT_VERIFICATION] = "verification",
    [IDENTITY_FORMAT_USER] = "user",
};

bool identity_header_find(struct slice short_name, struct identity_header_settings *header)
{
    for (size_t i = 0; i < HEADERS_COUNT; i++) {
        if (slice_equals(short_name, slice_from_text(headers[i].short_name))) {
            *header = headers[i].header;
            return true;
        }
    }
    return false;
}

const char *identity_header_short_name(size_t index)
{
    return index < HEADERS_COUNT ? headers[index].short_name : NULL;
}

/* "none" is no format that anybody can ask for. */
enum identity_format identity_format_find(struct slice name)
{
    for (unsigned i = IDENTITY_FORMAT_NONE + 1; i < IDENTITY_FORMAT_COUNT; i++) {
        if (slice_equals(name, slice_from_text(format_names[i])))
            return (enum identity_format)i;
    }
    return IDENTITY_FORMAT_NONE;
}

const char *identity_format_name(enum identity_format format)
{
    return (unsigned)format < IDENTITY_FORMAT_COUNT ? format_names[format]
                                                    : format_names[IDENTITY_FORMAT_NONE];
}
