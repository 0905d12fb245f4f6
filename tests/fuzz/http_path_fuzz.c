/* SPDX-License-Identifier: Apache-2.0 */
/* module: protocol/http */
/*
 * Any bytes as a path. What comes out is canonical, has no dot segments, and stays the same path
 * however often a backend decodes it.
 */
#include <assert.h>
#include <string.h>

#include "protocol/http/http_path.h"
#include "runtime/memory.h"

enum { PATH_SIZE_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char first_memory[3 * PATH_SIZE_MAX];
static char second_memory[3 * PATH_SIZE_MAX];

static size_t count_of(struct slice text, char byte)
{
    size_t count = 0;

    for (size_t i = 0; i < text.size; i++)
        count += text.data[i] == byte ? 1 : 0;
    return count;
}

static int digit_of(char byte)
{
    static const char digits[] = "0123456789ABCDEF0123456789abcdef";
    const char *found = byte == '\0' ? NULL : strchr(digits, byte);

    return found == NULL ? -1 : (int)((found - digits) % 16);
}

/* Decodes in place what is an escape, and keeps what is none, as lenient backends do. */
static size_t decode_once(char *text, size_t size)
{
    size_t written = 0;

    for (size_t i = 0; i < size; i++) {
        bool is_escape = text[i] == '%' && i + 2 < size && digit_of(text[i + 1]) >= 0 &&
                         digit_of(text[i + 2]) >= 0;

        if (is_escape) {
            text[written++] = (char)(digit_of(text[i + 1]) * 16 + digit_of(text[i + 2]));
            i += 2;
        } else {
            text[written++] = text[i];
        }
    }
    return written;
}

static void check_segments(struct slice path)
{
    assert(path.size > 0 && path.data[0] == '/');
    for (size_t i = 0; i < path.size;) {
        struct slice segment = slice_after(path, i + 1);
        struct slice name;

        segment = slice_first(segment, slice_find(segment, '/'));
        name = slice_first(segment, slice_find(segment, ';'));
        assert(!slice_equals(name, SLICE(".")) && !slice_equals(name, SLICE("..")));
        /* Only the last one may be empty: a slash at the end. */
        assert(!slice_is_empty(segment) || i + 1 == path.size);
        i += 1 + segment.size;
    }
}

static void check_alphabet(struct slice path)
{
    static const char plain[] = "/-._~!$&'()*+,;=:@%";

    for (size_t i = 0; i < path.size; i++) {
        assert(ascii_is_alphanumeric(path.data[i]) || strchr(plain, path.data[i]) != NULL);
        if (path.data[i] != '%')
            continue;
        assert(i + 2 < path.size && digit_of(path.data[i + 1]) >= 0);
        assert(ascii_lower(path.data[i + 1]) == path.data[i + 1] || path.data[i + 1] < 'a');
        assert(ascii_lower(path.data[i + 2]) == path.data[i + 2] || path.data[i + 2] < 'a');
    }
}

static void check_decoding(struct slice path)
{
    char *text = memory_allocate(path.size);
    size_t size = path.size;
    size_t before;

    memcpy(text, path.data, path.size);
    do {
        struct slice decoded;

        before = size;
        size = decode_once(text, size);
        decoded = slice_from(text, size);
        assert(count_of(decoded, '/') == count_of(path, '/'));
        assert(count_of(decoded, '.') == count_of(path, '.'));
        assert(count_of(decoded, '\\') == 0 && count_of(decoded, '\0') == 0);
        check_segments(decoded);
    } while (size < before);
    memory_release(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice raw = slice_from(data, size);
    struct slice canonical;
    struct slice again;
    struct arena arena;
    enum reason reason;

    if (size > PATH_SIZE_MAX)
        return 0;
    arena_init(&arena, first_memory, sizeof(first_memory));
    reason = http_path_canonicalise(raw, &arena, &canonical);
    assert(reason == REASON_NONE || reason == REASON_REQUEST_PATH_AMBIGUOUS ||
           reason == REASON_REQUEST_TARGET_MALFORMED);
    if (reason != REASON_NONE)
        return 0;
    check_segments(canonical);
    check_alphabet(canonical);
    check_decoding(canonical);

    arena_init(&arena, second_memory, sizeof(second_memory));
    assert(http_path_canonicalise(canonical, &arena, &again) == REASON_NONE);
    assert(again.data == canonical.data && again.size == canonical.size);
    return 0;
}
