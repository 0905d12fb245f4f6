/* SPDX-License-Identifier: Apache-2.0
 *
 * A store is filled file by file, then sealed: duplicates are dropped, the digest is computed, and
 * libcrypto's own store is built. Anchors are kept in the order of their digests, so that nothing
 * depends on how they were spread over files. An anchor that has expired is kept: its clients are
 * refused one by one, with a reason that says so, which a refusal to start would not.
 */
#include "protocol/x509/trust_store.h"

#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "protocol/x509/azure_upload_internal.h"
#include "protocol/x509/certificate.h"
#include "protocol/x509/certificate_internal.h"
#include "protocol/x509/issuer_names.h"
#include "protocol/x509/path_search_internal.h"
#include "protocol/x509/trust_store_internal.h"
#include "runtime/file.h"
#include "runtime/memory.h"

enum { DIGEST_BYTES = SHA256_DIGEST_LENGTH, SUBJECT_BYTES_MAX = 256 };

struct anchor {
    unsigned char digest[DIGEST_BYTES];
    X509 *certificate;
    size_t order;             /* in which they were read */
    char *name;               /* NULL: it has none */
    struct position position; /* of the source; its file is the source's */
    char *position_file;
};

/* The anchors of one source in its order, also those that another source has too. */
struct anchor_file {
    X509 **certificates;
    size_t count;
};

struct trust_store {
    struct anchor *anchors;
    size_t count;
    size_t capacity;
    struct anchor_file *files;
    size_t file_count;
    const struct trust_anchor_source *source; /* what is read; NULL: no file */
    X509_STORE *library;
    unsigned char digest[DIGEST_BYTES];
};

static struct trust_store *trust_store_create(void)
{
    return memory_allocate(sizeof(struct trust_store));
}

static void release_anchor(const struct anchor *anchor)
{
    X509_free(anchor->certificate);
    memory_release(anchor->name);
    memory_release(anchor->position_file);
}

static void release_file(const struct anchor_file *file)
{
    for (size_t i = 0; i < file->count; i++)
        X509_free(file->certificates[i]);
    memory_release(file->certificates);
}

void trust_store_destroy(struct trust_store *store)
{
    if (store == NULL)
        return;
    for (size_t i = 0; i < store->count; i++)
        release_anchor(&store->anchors[i]);
    for (size_t i = 0; i < store->file_count; i++)
        release_file(&store->files[i]);
    X509_STORE_free(store->library);
    memory_release(store->files);
    memory_release(store->anchors);
    memory_release(store);
}

/* RFC 5280 sections 4.2.1.9 and 4.2.1.3. libcrypto has kinder answers than 1, for version 1
 * certificates among others; a certificate that does not say that it is a CA is none. */
static bool check_is_ca(X509 *certificate, struct error *error)
{
    bool good = true;

    ERR_set_mark();
    if ((X509_get_extension_flags(certificate) & EXFLAG_INVALID) != 0) {
        error_set(error, ERROR_CERTIFICATE, "it has an extension that cannot be read");
        good = false;
    } else if (X509_check_ca(certificate) != 1) {
        error_set(error, ERROR_CERTIFICATE,
                  "it is not a CA: basicConstraints CA:TRUE and, if there is a key usage, "
                  "keyCertSign are needed");
        good = false;
    }
    ERR_pop_to_mark();
    return good;
}

static bool check_anchor(X509 *certificate, struct error *error)
{
    enum reason reason = certificate_check_limits(certificate);

    if (reason != REASON_NONE) {
        error_set(error, ERROR_CERTIFICATE, "%s", reason_get(reason)->cause);
        return false;
    }
    return check_is_ca(certificate, error);
}

static bool digest_of(const X509 *certificate, unsigned char digest[DIGEST_BYTES])
{
    unsigned size = 0;

    return X509_digest(certificate, EVP_sha256(), digest, &size) == 1 && size == DIGEST_BYTES;
}

static void note_source(const struct trust_store *store, struct anchor *anchor)
{
    if (store->source == NULL)
        return;
    anchor->name = memory_copy_text(store->source->name);
    anchor->position = store->source->position;
    anchor->position_file = memory_copy_text(store->source->position.file);
    anchor->position.file = anchor->position_file;
}

static void begin_file(struct trust_store *store)
{
    store->files = memory_resize(store->files, (store->file_count + 1) * sizeof *store->files);
    store->files[store->file_count++] = (struct anchor_file){NULL, 0};
}

static void add_to_file(const struct trust_store *store, X509 *certificate)
{
    struct anchor_file *file;

    if (store->file_count == 0)
        return;
    file = &store->files[store->file_count - 1];
    file->certificates = memory_resize(file->certificates, (file->count + 1) * sizeof(X509 *));
    X509_up_ref(certificate);
    file->certificates[file->count++] = certificate;
}

/* Takes the certificate, also when it is refused. */
static bool take_anchor(struct trust_store *store, X509 *certificate, struct error *error)
{
    struct anchor *anchor = NULL;

    if (!check_anchor(certificate, error)) {
        X509_free(certificate);
        return false;
    }
    if (store->count == store->capacity) {
        store->capacity = store->capacity == 0 ? 8 : store->capacity * 2;
        store->anchors = memory_resize(store->anchors, store->capacity * sizeof *store->anchors);
    }
    anchor = &store->anchors[store->count];
    *anchor = (struct anchor){.certificate = certificate, .order = store->count};
    if (!digest_of(certificate, anchor->digest)) {
        error_set(error, ERROR_CERTIFICATE, "its digest cannot be computed");
        X509_free(certificate);
        return false;
    }
    note_source(store, anchor);
    add_to_file(store, certificate);
    store->count++;
    return true;
}

/* Azure says nothing of leaves as long as there is a CA too. */
static bool is_passed_over(const struct trust_store *store, X509 *certificate)
{
    return store->source != NULL && store->source->rules == TRUST_UPLOAD_RULES_AZURE &&
           (X509_get_extension_flags(certificate) & EXFLAG_CA) == 0;
}

static bool add_block(struct trust_store *store, const struct pem_block *block, struct error *error)
{
    X509 *certificate = NULL;

    if (pem_is_private_key(block)) {
        error_set(error, ERROR_CERTIFICATE,
                  "line %u begins a private key: a trust file holds certificates only",
                  block->line);
        return false;
    }
    if (!pem_is_certificate(block)) {
        error_set(error, ERROR_CERTIFICATE,
                  "line %u begins a block '%.*s': a trust file holds certificates only",
                  block->line, SLICE_FORMAT(block->label));
        return false;
    }
    certificate = certificate_from_pem_block(block, error);
    if (certificate == NULL)
        return false;
    if (is_passed_over(store, certificate)) {
        X509_free(certificate);
        return true;
    }
    if (!take_anchor(store, certificate, error)) {
        error_prefix(error, "the certificate that begins in line %u", block->line);
        return false;
    }
    return true;
}

static bool add_pem(struct trust_store *store, struct slice text, struct error *error)
{
    struct pem_reader reader;
    struct pem_block block;
    size_t blocks = 0;

    /* Windows tools like to write a byte order mark. */
    if (slice_starts_with(text, SLICE("\xEF\xBB\xBF")))
        text = slice_after(text, 3);
    pem_reader_init(&reader, text);
    for (;;) {
        switch (pem_read(&reader, &block, error)) {
        case PEM_BLOCK:
            if (!add_block(store, &block, error))
                return false;
            blocks++;
            break;
        case PEM_END:
            if (blocks == 0)
                error_set(error, ERROR_CERTIFICATE,
                          "there is no certificate in it, neither as PEM nor as DER");
            return blocks > 0;
        case PEM_BROKEN:
        default:
            return false;
        }
    }
}

static bool add_bytes(struct trust_store *store, struct slice bytes, struct error *error)
{
    X509 *certificate = NULL;

    if (!certificate_looks_like_der(bytes))
        return add_pem(store, bytes, error);
    certificate = certificate_from_der(bytes, error);
    return certificate != NULL && take_anchor(store, certificate, error);
}

static bool are_equal(const struct anchor *left, const struct anchor *right)
{
    return memcmp(left->digest, right->digest, DIGEST_BYTES) == 0;
}

/* Of equal anchors the one that was read first is the first. */
static int compare_anchors(const void *a, const void *b)
{
    const struct anchor *left = a;
    const struct anchor *right = b;
    int order = memcmp(left->digest, right->digest, DIGEST_BYTES);

    return order != 0 ? order : (left->order > right->order) - (left->order < right->order);
}

static void sort_without_duplicates(struct trust_store *store)
{
    size_t kept = 0;

    qsort(store->anchors, store->count, sizeof *store->anchors, compare_anchors);
    for (size_t i = 0; i < store->count; i++) {
        if (kept > 0 && are_equal(&store->anchors[kept - 1], &store->anchors[i]))
            release_anchor(&store->anchors[i]);
        else
            store->anchors[kept++] = store->anchors[i];
    }
    store->count = kept;
}

static void digest_anchors(struct trust_store *store)
{
    unsigned char *digests = memory_allocate_array(store->count, DIGEST_BYTES);

    for (size_t i = 0; i < store->count; i++)
        memcpy(digests + i * DIGEST_BYTES, store->anchors[i].digest, DIGEST_BYTES);
    SHA256(digests, store->count * DIGEST_BYTES, store->digest);
    memory_release(digests);
}

static bool build_library(struct trust_store *store, struct error *error)
{
    store->library = X509_STORE_new();
    if (store->library != NULL)
        path_search_install(store->library);
    for (size_t i = 0; i < store->count; i++) {
        if (store->library == NULL ||
            X509_STORE_add_cert(store->library, store->anchors[i].certificate) != 1) {
            error_set(error, ERROR_CERTIFICATE, "the library's trust store cannot be built");
            ERR_clear_error();
            return false;
        }
    }
    return true;
}

/* Nothing is added afterwards. */
static bool seal(struct trust_store *store, struct error *error)
{
    sort_without_duplicates(store);
    digest_anchors(store);
    return build_library(store, error);
}

struct trust_store *trust_store_parse(struct slice bytes, struct error *error)
{
    struct trust_store *parsing = trust_store_create();

    if (!add_bytes(parsing, bytes, error) || !seal(parsing, error)) {
        trust_store_destroy(parsing);
        return NULL;
    }
    return parsing;
}

static void prefix_position(const struct position *position, struct error *error)
{
    if (position->file != NULL)
        error_prefix(error, "%s:%u:%u", position->file, position->line, position->column);
}

static bool is_empty_file(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 0;
}

static bool add_source(struct trust_store *store, const struct trust_anchor_source *source,
                       struct error *error)
{
    bool has_azure_rules = source->rules == TRUST_UPLOAD_RULES_AZURE;
    char *data = NULL;
    size_t size = 0;
    bool added = false;

    if (!file_read(source->path, TRUST_FILE_BYTES_MAX, &data, &size, error)) {
        if (has_azure_rules && is_empty_file(source->path))
            (void)azure_upload_check(SLICE(""), error);
        error_prefix(error, "trust file");
        prefix_position(&source->position, error);
        return false;
    }
    store->source = source;
    begin_file(store);
    added = (!has_azure_rules || azure_upload_check(slice_from(data, size), error)) &&
            add_bytes(store, slice_from(data, size), error);
    store->source = NULL;
    if (!added) {
        error_prefix(error, "trust file '%s'", source->path);
        prefix_position(&source->position, error);
    }
    /* Wiped, because the wrong file may hold a key. */
    memory_wipe_and_release(data, size);
    return added;
}

struct trust_store *trust_store_load(const struct trust_anchor_source *sources, size_t count,
                                     struct error *error)
{
    struct trust_store *loaded = NULL;
    struct trust_store *loading = trust_store_create();

    if (count == 0) {
        error_set(error, ERROR_VALUE, "there are no trust anchors");
        goto cleanup;
    }
    if (count > AZURE_UPLOADS_MAX && sources[0].rules == TRUST_UPLOAD_RULES_AZURE) {
        error_set(error, ERROR_LIMIT, "there are more than the %d files that Azure takes",
                  AZURE_UPLOADS_MAX);
        prefix_position(&sources[0].position, error);
        goto cleanup;
    }
    for (size_t i = 0; i < count; i++)
        if (!add_source(loading, &sources[i], error))
            goto cleanup;
    if (!seal(loading, error)) {
        prefix_position(&sources[0].position, error);
        goto cleanup;
    }

    loaded = loading;
    loading = NULL;

cleanup:
    trust_store_destroy(loading);
    return loaded;
}

struct slice trust_store_digest(const struct trust_store *store)
{
    return slice_from(store->digest, DIGEST_BYTES);
}

size_t trust_store_count(const struct trust_store *store)
{
    return store->count;
}

X509_STORE *trust_store_library(const struct trust_store *store)
{
    return store->library;
}

const X509 *trust_store_anchor(const struct trust_store *store, size_t index)
{
    return index < store->count ? store->anchors[index].certificate : NULL;
}

const char *trust_store_anchor_name(const struct trust_store *store, size_t index)
{
    return index < store->count ? store->anchors[index].name : NULL;
}

X509 *trust_store_certificate(const struct trust_store *store, size_t index)
{
    return index < store->count ? store->anchors[index].certificate : NULL;
}

struct slice trust_store_anchor_digest(const struct trust_store *store, size_t index)
{
    return index < store->count ? slice_from(store->anchors[index].digest, DIGEST_BYTES)
                                : SLICE("");
}

size_t trust_store_find(const struct trust_store *store, struct slice digest)
{
    size_t low = 0;
    size_t high = store->count;

    if (digest.size != DIGEST_BYTES)
        return SIZE_MAX;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(store->anchors[middle].digest, digest.data, DIGEST_BYTES);

        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

/* By names and key identifiers, as validation looks for it. */
static bool has_issuer(const struct trust_store *store, X509 *certificate)
{
    for (size_t i = 0; i < store->count; i++)
        if (X509_check_issued(store->anchors[i].certificate, certificate) == X509_V_OK)
            return true;
    return false;
}

static void refuse_rootless(const struct anchor *anchor, struct error *error)
{
    char subject[SUBJECT_BYTES_MAX];
    char issuer[SUBJECT_BYTES_MAX];

    X509_NAME_oneline(X509_get_subject_name(anchor->certificate), subject, sizeof subject);
    X509_NAME_oneline(X509_get_issuer_name(anchor->certificate), issuer, sizeof issuer);
    error_set(error, ERROR_CERTIFICATE,
              "the anchor '%s' is not self-signed, and its issuer '%s' is not among the anchors: "
              "add the issuer, or set 'partial_chain: true' to trust the anchor itself",
              subject, issuer);
    prefix_position(&anchor->position, error);
}

bool trust_store_check_roots(const struct trust_store *store, struct error *error)
{
    bool good = true;

    ERR_set_mark();
    for (size_t i = 0; good && i < store->count; i++) {
        X509 *certificate = store->anchors[i].certificate;

        good = X509_self_signed(certificate, 0) == 1 || has_issuer(store, certificate);
        if (!good)
            refuse_rootless(&store->anchors[i], error);
    }
    ERR_pop_to_mark();
    return good;
}

STACK_OF(X509_NAME) * trust_store_issuer_names(const struct trust_store *store)
{
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();

    for (size_t i = 0; i < store->file_count; i++) {
        const struct anchor_file *file = &store->files[i];
        X509 *lowest = issuer_names_lowest_ca(file->certificates, file->count);
        X509_NAME *name = lowest == NULL ? NULL : X509_NAME_dup(X509_get_subject_name(lowest));

        if (name != NULL && sk_X509_NAME_push(names, name) == 0)
            X509_NAME_free(name);
    }
    return names;
}
