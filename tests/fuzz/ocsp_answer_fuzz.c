/* SPDX-License-Identifier: Apache-2.0 */
/* module: protocol/x509 */
/*
 * An OCSP answer of any bytes: it is judged as it is. Then the issuer
 * signs whatever it says, so that the checks behind the signature see any bytes too. The first two
 * bytes choose the time and whether a nonce was sent; the corpus holds answers about the
 * certificate that is made here.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "protocol/x509/ocsp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
    if (!condition)
        abort();
}

/* The same in each run, so that the corpus stays about it. */
static EVP_PKEY *make_key(void)
{
    static const unsigned char bytes[32] = {1};

    return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, bytes, sizeof bytes);
}

static X509 *make_certificate(const char *name, long serial, EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);

    demand(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                                      -1, 0) == 1 &&
           X509_set_issuer_name(certificate, subject) == 1 &&
           X509_set_pubkey(certificate, key) == 1 &&
           ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial) == 1 &&
           X509_sign(certificate, key, NULL) > 0);
    return certificate;
}

static void check_signed(struct slice der, const struct ocsp_expectation *expected, EVP_PKEY *key)
{
    const unsigned char *at = (const unsigned char *)der.data;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)der.size);
    OCSP_BASICRESP *basic = response == NULL ? NULL : OCSP_response_get1_basic(response);
    OCSP_RESPONSE *again = NULL;
    unsigned char *bytes = NULL;
    int size = 0;

    if (basic != NULL &&
        OCSP_basic_sign(basic, expected->issuer, key, NULL, NULL, OCSP_NOCERTS | OCSP_NOTIME) == 1)
        again = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    if (again != NULL)
        size = i2d_OCSP_RESPONSE(again, &bytes);
    ERR_clear_error();
    if (size > 0) {
        struct ocsp_answer answer = ocsp_check_answer(slice_from(bytes, (size_t)size), expected);

        demand(answer.outcome < OCSP_OUTCOMES);
        demand(ERR_peek_error() == 0);
    }
    OPENSSL_free(bytes);
    OCSP_RESPONSE_free(again);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ocsp_expectation expected;
    static EVP_PKEY *key;
    struct ocsp_answer answer;

    if (key == NULL) {
        key = make_key();
        expected.issuer = make_certificate("Root", 1, key);
        expected.serial = SLICE("\2");
        expected.skew_seconds = 300;
        expected.endless_seconds = 3600;
    }
    if (size < 2)
        return 0;
    expected.now = 1700000000 + (int64_t)data[0] * 86400 * 30;
    expected.nonce = slice_first(SLICE("0123456789abcdef"), (data[1] & 1) != 0 ? 16 : 0);
    expected.nonce_is_needed = (data[1] & 2) != 0;
    answer = ocsp_check_answer(slice_from(data + 2, size - 2), &expected);
    demand(answer.outcome < OCSP_OUTCOMES);
    demand(ERR_peek_error() == 0);
    check_signed(slice_from(data + 2, size - 2), &expected, key);
    return 0;
}
