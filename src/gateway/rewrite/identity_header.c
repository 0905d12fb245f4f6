/* SPDX-License-Identifier: Apache-2.0
 *
 * The names by which a configuration asks for identity headers: short names for what others have
 * made usual, and the formats for everything else.
 */
#include "gateway/rewrite/rewrite_internal.h"

#include <string.h>

#define HEADER(a_short_name, a_name, a_format)                                                     \
    {                                                                                              \
        (a_short_name),                                                                            \
        {                                                                                          \
            .name = (a_name), .format = IDENTITY_FORMAT_##a_format                                 \
        }                                                                                          \
    }

/* Several of one short name stand next to each other. */
static const struct {
    const char *short_name;
    struct identity_header_settings header;
} headers[] = {
    /* clang-format off */
    HEADER("client-cert",           "Client-Cert", RFC9440),
    HEADER("client-cert-chain",     "Client-Cert-Chain", RFC9440_CHAIN),
    HEADER("x-arr-clientcert",      "X-ARR-ClientCert", DER_BASE64),
    HEADER("verification",          IDENTITY_VERIFICATION_NAME, VERIFICATION),
    HEADER("subject",               "X-Client-Cert-Subject", SUBJECT),
    HEADER("issuer",                "X-Client-Cert-Issuer", ISSUER),
    HEADER("serial",                "X-Client-Cert-Serial", SERIAL),
    HEADER("sha256",                "X-Client-Cert-Sha256", SHA256),
    HEADER("sha1",                  "X-Client-Cert-Sha1", SHA1),
    HEADER("principal",             "X-Client-Cert-Principal", PRINCIPAL),
    HEADER("user",                  "X-Client-Cert-User", USER),
    /* The names of ingress-nginx, with its encodings. */
    HEADER("ssl-client-cert",       "ssl-client-cert", PEM_URL),
    HEADER("ssl-client-subject-dn", "ssl-client-subject-dn", SUBJECT),
    HEADER("ssl-client-issuer-dn",  "ssl-client-issuer-dn", ISSUER),
    HEADER("ssl-client-verify",     "ssl-client-verify", VERIFICATION),
    /* Envoy. */
    HEADER("xfcc",                  "X-Forwarded-Client-Cert", XFCC),
    /* Traefik: pem and info of its middleware PassTLSClientCert. */
    HEADER("traefik",               "X-Forwarded-Tls-Client-Cert", DER_BASE64_CHAIN),
    HEADER("traefik",               "X-Forwarded-Tls-Client-Cert-Info", TRAEFIK_INFO),
    /* AWS: what an ALB that verifies writes, and what one that passes through does. */
    HEADER("alb",                   "X-Amzn-Mtls-Clientcert-Serial-Number", SERIAL),
    HEADER("alb",                   "X-Amzn-Mtls-Clientcert-Issuer", ISSUER),
    HEADER("alb",                   "X-Amzn-Mtls-Clientcert-Subject", SUBJECT),
    HEADER("alb",                   "X-Amzn-Mtls-Clientcert-Validity", VALIDITY_ALB),
    HEADER("alb",                   "X-Amzn-Mtls-Clientcert-Leaf", PEM_ALB),
    HEADER("alb-chain",             "X-Amzn-Mtls-Clientcert", PEM_ALB_CHAIN),
    /* nginx has variables and no names; these are the usual ones. */
    HEADER("nginx",                 "X-SSL-Client-Verify", VERIFICATION),
    HEADER("nginx",                 "X-SSL-Client-Cert", PEM_URL),
    HEADER("nginx",                 "X-SSL-Client-S-DN", SUBJECT),
    HEADER("nginx",                 "X-SSL-Client-I-DN", ISSUER),
    HEADER("nginx",                 "X-SSL-Client-Serial", SERIAL),
    HEADER("nginx",                 "X-SSL-Client-Fingerprint", SHA1),
    HEADER("nginx",                 "X-SSL-Client-V-Start", NOT_BEFORE),
    HEADER("nginx",                 "X-SSL-Client-V-End", NOT_AFTER),
    /* clang-format on */
};

enum { HEADERS_COUNT = sizeof(headers) / sizeof(headers[0]) };

static const char *const format_names[IDENTITY_FORMAT_COUNT] = {
    [IDENTITY_FORMAT_NONE] = "none",
    [IDENTITY_FORMAT_DER_BASE64] = "der_base64",
    [IDENTITY_FORMAT_RFC9440] = "rfc9440",
    [IDENTITY_FORMAT_RFC9440_CHAIN] = "rfc9440_chain",
    [IDENTITY_FORMAT_PEM_URL] = "pem_url",
    [IDENTITY_FORMAT_SUBJECT] = "subject",
    [IDENTITY_FORMAT_ISSUER] = "issuer",
    [IDENTITY_FORMAT_SERIAL] = "serial",
    [IDENTITY_FORMAT_SHA256] = "sha256",
    [IDENTITY_FORMAT_SHA1] = "sha1",
    [IDENTITY_FORMAT_PRINCIPAL] = "principal",
    [IDENTITY_FORMAT_VERIFICATION] = "verification",
    [IDENTITY_FORMAT_USER] = "user",
    [IDENTITY_FORMAT_PEM_URL_CHAIN] = "pem_url_chain",
    [IDENTITY_FORMAT_PEM_ALB] = "pem_alb",
    [IDENTITY_FORMAT_PEM_ALB_CHAIN] = "pem_alb_chain",
    [IDENTITY_FORMAT_VALIDITY_ALB] = "validity_alb",
    [IDENTITY_FORMAT_DER_BASE64_CHAIN] = "der_base64_chain",
    [IDENTITY_FORMAT_TRAEFIK_INFO] = "traefik_info",
    [IDENTITY_FORMAT_NOT_BEFORE] = "not_before",
    [IDENTITY_FORMAT_NOT_AFTER] = "not_after",
    [IDENTITY_FORMAT_XFCC] = "xfcc",
};

static const struct {
    struct slice name;
    enum identity_format format;
} xfcc_elements[] = {
    {SLICE_STATIC("hash"), IDENTITY_FORMAT_XFCC_HASH},
    {SLICE_STATIC("cert"), IDENTITY_FORMAT_XFCC_CERT},
    {SLICE_STATIC("chain"), IDENTITY_FORMAT_XFCC_CHAIN},
    {SLICE_STATIC("subject"), IDENTITY_FORMAT_XFCC_SUBJECT},
    {SLICE_STATIC("uri"), IDENTITY_FORMAT_XFCC_URI},
    {SLICE_STATIC("dns"), IDENTITY_FORMAT_XFCC_DNS},
};

size_t identity_header_find(struct slice short_name,
                            struct identity_header_settings found[IDENTITY_PRESET_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < HEADERS_COUNT && count < IDENTITY_PRESET_MAX; i++) {
        if (slice_equals(short_name, slice_from_text(headers[i].short_name)))
            found[count++] = headers[i].header;
    }
    return count;
}

static bool is_another_of_the_last(size_t i)
{
    return i > 0 && strcmp(headers[i].short_name, headers[i - 1].short_name) == 0;
}

const char *identity_header_short_name(size_t index)
{
    for (size_t i = 0; i < HEADERS_COUNT; i++) {
        if (!is_another_of_the_last(i) && index-- == 0)
            return headers[i].short_name;
    }
    return NULL;
}

enum identity_format identity_xfcc_element_find(struct slice name)
{
    for (size_t i = 0; i < sizeof(xfcc_elements) / sizeof(xfcc_elements[0]); i++) {
        if (slice_equals(name, xfcc_elements[i].name))
            return xfcc_elements[i].format;
    }
    return IDENTITY_FORMAT_NONE;
}

static bool has_name(enum identity_format format)
{
    return (unsigned)format < IDENTITY_FORMAT_COUNT && format_names[format] != NULL;
}

/* "none" is no format that anybody can ask for. */
enum identity_format identity_format_find(struct slice name)
{
    for (unsigned i = IDENTITY_FORMAT_NONE + 1; i < IDENTITY_FORMAT_COUNT; i++) {
        if (has_name((enum identity_format)i) &&
            slice_equals(name, slice_from_text(format_names[i])))
            return (enum identity_format)i;
    }
    return IDENTITY_FORMAT_NONE;
}

const char *identity_format_name(enum identity_format format)
{
    return format_names[has_name(format) ? format : IDENTITY_FORMAT_NONE];
}
