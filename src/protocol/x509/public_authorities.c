/* SPDX-License-Identifier: Apache-2.0
 *
 * See public_authorities.h. Digests of subjectPublicKeyInfo, sorted.
 */
#include "protocol/x509/public_authorities.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/x509/certificate_internal.h"
#include "protocol/x509/pem_internal.h"
#include "runtime/file.h"
#include "runtime/memory.h"

enum { DIGEST_BYTES = 32, BUNDLE_BYTES_MAX = 8 * 1024 * 1024 };

struct digest {
    unsigned char bytes[DIGEST_BYTES];
};

struct public_authorities {
    struct digest *keys;
    size_t count;
};

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, DIGEST_BYTES);
}

static bool digest_key(const X509 *certificate, struct digest *digest)
{
    unsigned char *encoded = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &encoded);
    bool is_digested =
        size > 0 && EVP_Digest(encoded, (size_t)size, digest->bytes, NULL, EVP_sha256(), NULL) == 1;

    OPENSSL_free(encoded);
    return is_digested;
}

static void add(struct public_authorities *authorities, const struct pem_block *block)
{
    struct error ignored = {.kind = ERROR_NONE};
    X509 *certificate =
        pem_is_certificate(block) ? certificate_from_pem_block(block, &ignored) : NULL;
    struct digest digest;

    if (certificate != NULL && digest_key(certificate, &digest)) {
        authorities->keys =
            memory_resize(authorities->keys, (authorities->count + 1) * sizeof(*authorities->keys));
        authorities->keys[authorities->count++] = digest;
    }
    X509_free(certificate);
}

struct public_authorities *public_authorities_load(const char *path)
{
    struct public_authorities *authorities;
    struct error ignored = {.kind = ERROR_NONE};
    struct pem_reader reader;
    struct pem_block block;
    char *data;
    size_t size;

    if (!file_read(path, BUNDLE_BYTES_MAX, &data, &size, &ignored))
        return NULL;
    authorities = memory_allocate(sizeof(*authorities));
    ERR_set_mark();
    pem_reader_init(&reader, slice_from(data, size));
    while (pem_read(&reader, &block, &ignored) == PEM_BLOCK)
        add(authorities, &block);
    ERR_pop_to_mark();
    if (authorities->count > 0)
        qsort(authorities->keys, authorities->count, sizeof(*authorities->keys), compare);
    memory_release(data);
    return authorities;
}

void public_authorities_release(struct public_authorities *authorities)
{
    if (authorities == NULL)
        return;
    memory_release(authorities->keys);
    memory_release(authorities);
}

bool public_authorities_have(const struct public_authorities *authorities, const X509 *certificate)
{
    struct digest digest;

    return authorities != NULL && authorities->count > 0 && digest_key(certificate, &digest) &&
           bsearch(&digest, authorities->keys, authorities->count, sizeof(digest), compare) != NULL;
}
