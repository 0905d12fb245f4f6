/* SPDX-License-Identifier: Apache-2.0 */
/* module: protocol/x509 */
/*
 * A trust file of any bytes: it loads as at least one CA, or there is an error; and what loaded
 * loads again to the same digest from what it holds.
 */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/x509/certificate.h"
#include "protocol/x509/trust_store.h"
#include "protocol/x509/trust_store_internal.h"
#include "runtime/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
    if (!condition)
        abort();
}

static bool write_anchor(struct buffer *to, const X509 *anchor)
{
    static char memory[TRUST_FILE_BYTES_MAX];
    struct arena arena;
    struct slice der;

    arena_init(&arena, memory, sizeof memory);
    return certificate_der(anchor, &arena, &der) && certificate_write_pem(to, der);
}

static void demand_same_again(const struct trust_store *store, size_t size)
{
    size_t capacity = 2 * size + 4096;
    char *memory = memory_allocate(capacity);
    struct trust_store *again = NULL;
    struct error error;
    struct buffer pem;

    buffer_init(&pem, memory, capacity);
    for (size_t i = 0; i < trust_store_count(store); i++) {
        demand(certificate_check_limits(trust_store_anchor(store, i)) == REASON_NONE);
        demand(write_anchor(&pem, trust_store_anchor(store, i)));
    }
    again = trust_store_parse(buffer_readable(&pem), &error);
    demand(again != NULL);
    demand(slice_equals(trust_store_digest(store), trust_store_digest(again)));
    trust_store_destroy(again);
    memory_release(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {.kind = ERROR_NONE};
    struct trust_store *store = trust_store_parse(slice_from(data, size), &error);

    if (store == NULL) {
        demand(error.kind != ERROR_NONE && error.text[0] != '\0');
    } else {
        demand(trust_store_count(store) > 0);
        demand_same_again(store, size);
    }
    trust_store_destroy(store);
    demand(ERR_peek_error() == 0);
    return 0;
}
