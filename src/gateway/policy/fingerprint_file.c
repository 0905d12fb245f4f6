/* SPDX-License-Identifier: Apache-2.0
 *
 * See fingerprint_file_internal.h.
 */
#include "gateway/policy/fingerprint_file_internal.h"

#include <inttypes.h>

#include "protocol/x509/certificate.h"
#include "runtime/buffer.h"
#include "runtime/encoding.h"
#include "runtime/file.h"
#include "runtime/memory.h"

enum { DIGITS_MAX = 2 * FINGERPRINT_BYTES_MAX, PERCENT = 100, SHRINK_PERCENT_DEFAULT = 50 };

/* Colons stand between octets or nowhere. */
static size_t copy_digits(struct slice text, char digits[DIGITS_MAX])
{
    bool has_colons = text.size > 2 && text.data[2] == ':';
    size_t count = 0;

    for (size_t i = 0; i < text.size; i++) {
        if (has_colons && i % 3 == 2) {
            if (text.data[i] != ':' || i + 1 == text.size)
                return 0;
            continue;
        }
        if (count == DIGITS_MAX)
            return 0;
        digits[count++] = text.data[i];
    }
    return count;
}

static bool is_zero(const unsigned char *digest, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (digest[i] != 0)
            return false;
    return true;
}

size_t fingerprint_parse(struct slice text, unsigned char digest[FINGERPRINT_BYTES_MAX])
{
    char digits[DIGITS_MAX];
    char octets[FINGERPRINT_BYTES_MAX];
    size_t count = copy_digits(text, digits);
    struct buffer decoded;

    buffer_init(&decoded, octets, sizeof(octets));
    if ((count != 2 * FINGERPRINT_SHA256_BYTES && count != 2 * FINGERPRINT_SHA1_BYTES) ||
        !decode_hex(&decoded, slice_from(digits, count)))
        return 0;
    memcpy(digest, octets, count / 2);
    return is_zero(digest, count / 2) ? 0 : count / 2;
}

bool fingerprint_lists_add(struct fingerprint_lists *lists, const unsigned char *digest,
                           size_t size)
{
    struct fingerprint_set **set = size == FINGERPRINT_SHA1_BYTES ? &lists->sha1 : &lists->sha256;

    if (*set == NULL)
        *set = fingerprint_set_create(size);
    return fingerprint_set_add(*set, digest);
}

size_t fingerprint_lists_count(const struct fingerprint_lists *lists)
{
    return fingerprint_set_count(lists->sha256) + fingerprint_set_count(lists->sha1);
}

void fingerprint_lists_reset(struct fingerprint_lists *lists)
{
    fingerprint_set_destroy(lists->sha256);
    fingerprint_set_destroy(lists->sha1);
    *lists = (struct fingerprint_lists){NULL, NULL};
}

static bool read_line(struct slice line, struct fingerprint_lists *lists, size_t *count)
{
    unsigned char digest[FINGERPRINT_BYTES_MAX];
    struct slice text = slice_trim(slice_first(line, slice_find(line, '#')));
    size_t size;

    if (slice_ends_with(text, SLICE("\r")))
        text = slice_trim(slice_first(text, text.size - 1));
    if (slice_is_empty(text))
        return true;
    size = fingerprint_parse(text, digest);
    if (size == 0)
        return false;
    if (fingerprint_lists_add(lists, digest, size))
        ++*count;
    return true;
}

static bool read_lines(struct slice text, struct fingerprint_lists *lists, size_t *count,
                       struct error *error)
{
    unsigned number = 0;

    while (!slice_is_empty(text)) {
        struct slice line = slice_first(text, slice_find(text, '\n'));

        number++;
        if (line.size == text.size) {
            error_set(error, ERROR_SYNTAX,
                      "line %u is not complete: no line break ends it, as if the file were half "
                      "written",
                      number);
            return false;
        }
        if (!read_line(line, lists, count)) {
            error_set(error, ERROR_SYNTAX,
                      "line %u is not a fingerprint: SHA-256 has 64 hexadecimal digits, SHA-1 has "
                      "40",
                      number);
            return false;
        }
        text = slice_after(text, line.size + 1);
    }
    return true;
}

static bool check_digest(const char *expected, struct slice text, struct error *error)
{
    unsigned char wanted[FINGERPRINT_BYTES_MAX];
    unsigned char actual[FINGERPRINT_SHA256_BYTES];

    if (expected == NULL)
        return true;
    certificate_sha256(text, actual);
    if (fingerprint_parse(slice_from_text(expected), wanted) == sizeof(actual) &&
        memcmp(wanted, actual, sizeof(actual)) == 0)
        return true;
    error_set(error, ERROR_FILE,
              "the file's SHA-256 is not the one that 'fingerprints_digest' says");
    return false;
}

/* A list that shrinks suddenly was cut off, or written by a query that failed. */
static bool check_count(const struct policy_fingerprint_file_settings *settings, size_t previous,
                        size_t count, struct error *error)
{
    uint32_t shrink =
        settings->shrink_percent_max == 0 ? SHRINK_PERCENT_DEFAULT : settings->shrink_percent_max;

    if (count == 0) {
        error_set(error, ERROR_FILE, "the file holds no fingerprint");
        return false;
    }
    if (count < settings->at_least) {
        error_set(error, ERROR_FILE,
                  "the file holds %zu fingerprints, fewer than the %" PRIu64
                  " that 'fingerprints_at_least' says",
                  count, settings->at_least);
        return false;
    }
    if (count < previous && (uint64_t)(previous - count) * PERCENT > (uint64_t)previous * shrink) {
        error_set(error, ERROR_FILE,
                  "the file has shrunk from %zu fingerprints to %zu, by more than the %u percent "
                  "that 'fingerprints_shrink' allows",
                  previous, count, shrink);
        return false;
    }
    return true;
}

bool fingerprint_file_load(const struct policy_fingerprint_file_settings *settings, size_t previous,
                           struct fingerprint_lists *lists, size_t *count, struct error *error)
{
    struct slice text;
    char *data = NULL;
    size_t size = 0;
    size_t counting = 0;
    bool is_loaded;

    if (!file_read(settings->path, FINGERPRINT_FILE_BYTES_MAX, &data, &size, error))
        return false;
    text = slice_from(data, size);
    is_loaded = check_digest(settings->digest, text, error) &&
                read_lines(text, lists, &counting, error) &&
                check_count(settings, previous, counting, error);
    memory_release(data);
    if (is_loaded)
        *count = counting;
    else
        error_prefix(error, "'%s'", settings->path);
    return is_loaded;
}
