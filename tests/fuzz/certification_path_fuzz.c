/* SPDX-License-Identifier: Apache-2.0 */
/* module: gateway/identity */
/*
 * From the presented chain to an identity: DER certificates one behind the other, of which the
 * second half may be ours. Whoever is judged by an anchor made in this process is refused, with a
 * reason and an error that is not success, since nobody has its key; judged by what came in itself,
 * the outcome is one and the same twice, and who is accepted is somebody with a printable name.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "gateway/identity/principal.h"
#include "protocol/x509/certificate.h"
#include "protocol/x509/certification_path.h"
#include "protocol/x509/issuer_names.h"
#include "protocol/x509/trust_store_internal.h"
#include "runtime/buffer.h"
#include "runtime/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CERTIFICATES_MAX = 24, MEMORY_BYTES = 256 * 1024, NOW = 1800000000 };

static void demand(bool condition)
{
    if (!condition)
        abort();
}

/* An anchor whose key is forgotten. */
static struct trust_store *make_stranger(void)
{
    X509 *certificate = X509_new();
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509_EXTENSION *extension =
        X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
    struct error error = {.kind = ERROR_NONE};
    struct trust_store *store = NULL;
    unsigned char *der = NULL;
    int size = 0;

    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)"Root", -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    ASN1_TIME_set(X509_getm_notBefore(certificate), NOW - 1000);
    ASN1_TIME_set(X509_getm_notAfter(certificate), NOW + 1000);
    X509_set_pubkey(certificate, key);
    X509_add_ext(certificate, extension, -1);
    demand(X509_sign(certificate, key, EVP_sha256()) > 0);
    size = i2d_X509(certificate, &der);
    store = trust_store_parse(slice_from(der, (size_t)size), &error);
    demand(store != NULL);
    OPENSSL_free(der);
    X509_EXTENSION_free(extension);
    EVP_PKEY_free(key);
    X509_free(certificate);
    return store;
}

/* Those of the certificates that may be anchors. NULL: none. */
static struct trust_store *make_store(X509 *const *certificates, size_t count)
{
    struct error error = {.kind = ERROR_NONE};
    struct trust_store *store = NULL;

    for (size_t i = 0; store == NULL && i < count; i++) {
        unsigned char *der = NULL;
        int size = i2d_X509(certificates[i], &der);

        if (size > 0)
            store = trust_store_parse(slice_from(der, (size_t)size), &error);
        OPENSSL_free(der);
    }
    return store;
}

static enum reason verify(const struct certification_path_settings *settings, X509 *leaf,
                          STACK_OF(X509) * untrusted)
{
    struct certification_path path = certification_path_verify(settings, leaf, untrusted, NOW);

    demand(ERR_peek_error() == 0);
    demand(path.reason != REASON_UNDECIDED);
    demand((path.reason == REASON_NONE) == (path.library_error == X509_V_OK));
    demand((path.reason == REASON_NONE) == (path.certificates != NULL));
    if (path.reason == REASON_NONE) {
        demand(X509_cmp(sk_X509_value(path.certificates, 0), leaf) == 0);
        demand(path.valid_from <= NOW && NOW < path.valid_until);
    }
    sk_X509_pop_free(path.certificates, X509_free);
    return path.reason;
}

/* A name for each way to call a client; distinguished names among them. */
static void name_client(const X509 *leaf)
{
    char *memory = memory_allocate(MEMORY_BYTES);
    struct certificate_description description = {0};
    struct arena arena;

    arena_init(&arena, memory, MEMORY_BYTES);
    if (certificate_describe(leaf, &arena, &description)) {
        for (unsigned i = 0; i < PRINCIPAL_SOURCE_COUNT; i++) {
            struct principal_order order = {{(unsigned char)i}};
            struct slice name = principal_choose(&order, &description);

            demand(name.size > 0);
            for (size_t j = 0; j < name.size; j++)
                demand(name.data[j] >= 0x20 && name.data[j] <= 0x7e);
        }
    }
    memory_release(memory);
}

static void judge(X509 *const *certificates, size_t count, uint8_t options)
{
    static struct trust_store *stranger;
    STACK_OF(X509) *untrusted = sk_X509_new_null();
    struct trust_store *own = make_store(certificates, count);
    struct certification_path_settings settings = {
        .depth = options % 11,
        .partial_chain = (options & 16) != 0,
        .demands = {.purpose = (options & 32) != 0 ? PATH_PURPOSE_ANY : PATH_PURPOSE_CLIENT,
                    .rsa_bits_min = (options & 64) != 0 ? 3072 : 0},
    };

    if (stranger == NULL)
        stranger = make_stranger();
    for (size_t i = 1; i < count; i++)
        sk_X509_push(untrusted, certificates[i]);
    settings.anchors = stranger;
    settings.intermediates = (options & 128) != 0 ? own : NULL;
    demand(verify(&settings, certificates[0], untrusted) != REASON_NONE);
    if (own != NULL) {
        STACK_OF(X509_NAME) *names = trust_store_issuer_names(own);

        settings.anchors = own;
        settings.demands.issuer_names = (options & 128) != 0 ? names : NULL;
        demand(verify(&settings, certificates[0], untrusted) ==
               verify(&settings, certificates[0], untrusted));
        sk_X509_NAME_pop_free(names, X509_NAME_free);
    }
    demand(issuer_names_lowest_ca(certificates, count) != NULL);
    name_client(certificates[0]);
    trust_store_destroy(own);
    sk_X509_free(untrusted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    X509 *certificates[CERTIFICATES_MAX];
    const unsigned char *rest = data;
    uint8_t options = size == 0 ? 0 : data[size - 1];
    size_t count = 0;

    while (count < CERTIFICATES_MAX) {
        certificates[count] = d2i_X509(NULL, &rest, (long)(size - (size_t)(rest - data)));
        if (certificates[count] == NULL)
            break;
        count++;
    }
    ERR_clear_error();
    if (count > 0)
        judge(certificates, count, options);
    for (size_t i = 0; i < count; i++)
        X509_free(certificates[i]);
    return 0;
}
