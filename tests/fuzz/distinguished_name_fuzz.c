/* SPDX-License-Identifier: Apache-2.0 */
/* module: protocol/x509 */
/*
 * A line of text, and behind it a name in DER. What is parsed equals itself and is found again;
 * what is canonical stays as it is; and what cannot be decoded equals nothing.
 */
#include <assert.h>
#include <openssl/x509.h>
#include <string.h>

#include "protocol/x509/distinguished_name.h"

enum { MEMORY_BYTES = 256 * 1024, DER_BYTES_MAX = 16 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_canonical(struct slice text)
{
    static char memory[MEMORY_BYTES];
    struct arena arena;
    struct slice once;
    struct slice twice;

    arena_init(&arena, memory, sizeof(memory));
    if (!distinguished_name_canonicalise(text, &arena, &once))
        return;
    assert(once.size <= text.size);
    assert(slice_find(once, '\0') == once.size);
    assert(distinguished_name_canonicalise(once, &arena, &twice));
    assert(slice_equals(once, twice));
}

static void check_name(const struct distinguished_name *name)
{
    bool is_decodable = true;

    for (size_t i = 0; i < name->count; i++) {
        assert(i == 0 || name->attributes[i].rdn >= name->attributes[i - 1].rdn);
        is_decodable = is_decodable && name->attributes[i].is_decodable;
    }
    assert(name->count == 0 || is_decodable == name->is_decodable);
    assert(distinguished_name_equals(name, name) == name->is_decodable);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char memory[MEMORY_BYTES];
    struct slice input = slice_from(data, size);
    struct slice text = slice_first(input, slice_find(input, '\n'));
    struct slice der = slice_after(input, text.size + 1);
    const unsigned char *end = (const unsigned char *)der.data;
    struct distinguished_name parsed;
    struct distinguished_name read;
    struct error error = {.kind = ERROR_NONE};
    struct arena arena;
    X509_NAME *name = NULL;
    bool is_parsed;

    check_canonical(text);
    arena_init(&arena, memory, sizeof(memory));
    is_parsed = distinguished_name_parse(text, &arena, &parsed, &error);
    assert(is_parsed == (error.kind == ERROR_NONE));
    if (is_parsed) {
        assert(parsed.is_decodable && parsed.count > 0);
        check_name(&parsed);
    }
    if (der.size > 0 && der.size <= DER_BYTES_MAX)
        name = d2i_X509_NAME(NULL, &end, (long)der.size);
    if (name == NULL)
        return 0;
    if (distinguished_name_read(name, &arena, &read)) {
        check_name(&read);
        if (is_parsed)
            assert(distinguished_name_equals(&read, &parsed) ==
                   distinguished_name_equals(&parsed, &read));
    }
    X509_NAME_free(name);
    return 0;
}
