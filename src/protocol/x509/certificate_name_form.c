/* SPDX-License-Identifier: Apache-2.0
 *
 * See certificate_name_form_internal.h.
 */
#include "protocol/x509/certificate_name_form_internal.h"

#include "protocol/x509/distinguished_name.h"

enum { DNS_LABEL_BYTES_MAX = 63, DNS_NAME_BYTES_MAX = 253, NAME_BYTES_MAX = 2048 };

static char *copy(struct slice text, struct arena *arena)
{
    char *memory = text.size > NAME_BYTES_MAX ? NULL : arena_allocate(arena, text.size + 1);

    if (memory != NULL)
        memcpy(memory, text.data, text.size);
    return memory;
}

static void fold(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        text[i] = ascii_lower(text[i]);
}

/* ---- DNS ------------------------------------------------------------------------------------- */

static bool is_label(struct slice label)
{
    if (slice_is_empty(label) || label.size > DNS_LABEL_BYTES_MAX)
        return false;
    for (size_t i = 0; i < label.size; i++)
        if (!ascii_is_alphanumeric(label.data[i]) && label.data[i] != '-' && label.data[i] != '_' &&
            label.data[i] != '*')
            return false;
    return true;
}

static bool is_host(struct slice text)
{
    if (slice_is_empty(text) || text.size > DNS_NAME_BYTES_MAX)
        return false;
    for (;;) {
        size_t dot = slice_find(text, '.');

        if (!is_label(slice_first(text, dot)))
            return false;
        if (dot == text.size)
            return true;
        text = slice_after(text, dot + 1);
    }
}

bool name_form_dns(struct slice text, struct arena *arena, struct slice *form)
{
    char *memory;

    if (slice_ends_with(text, SLICE(".")))
        text = slice_first(text, text.size - 1);
    if (!is_host(text))
        return false;
    memory = copy(text, arena);
    if (memory == NULL)
        return false;
    fold(memory, text.size);
    *form = slice_from(memory, text.size);
    return true;
}

/* ---- URI ------------------------------------------------------------------------------------- */

/* RFC 3986 section 2: what may stand in a URI, without '%'. */
static bool is_uri_character(char byte)
{
    return ascii_is_alphanumeric(byte) ||
           (byte != '\0' && strchr("-._~:/?#[]@!$&'()*+,;=", byte) != NULL);
}

static int hex_value(char digit)
{
    char lower = ascii_lower(digit);

    if (ascii_is_digit(digit))
        return digit - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* May it stay escaped? Not what needs no escape, and not what some reader would take for structure.
 */
static bool may_be_escaped(int byte)
{
    return byte > 0x20 && byte != 0x7f && !ascii_is_alphanumeric((char)byte) &&
           strchr("-._~/\\", byte) == NULL;
}

static bool escapes_are_plain(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        int high;
        int low;

        if (text[i] != '%') {
            if (!is_uri_character(text[i]))
                return false;
            continue;
        }
        high = i + 2 < size ? hex_value(text[i + 1]) : -1;
        low = i + 2 < size ? hex_value(text[i + 2]) : -1;
        if (high < 0 || low < 0 || !may_be_escaped(high << 4 | low))
            return false;
        i += 2;
    }
    return true;
}

/* RFC 3986 section 3.1. */
static size_t find_scheme_end(struct slice text)
{
    size_t colon = slice_find(text, ':');

    for (size_t i = 0; i < colon; i++) {
        bool is_letter = ascii_is_alphanumeric(text.data[i]) && !ascii_is_digit(text.data[i]);

        if (!is_letter && (i == 0 || !(ascii_is_digit(text.data[i]) || text.data[i] == '+' ||
                                       text.data[i] == '-' || text.data[i] == '.')))
            return text.size;
    }
    return colon == 0 ? text.size : colon;
}

/* A host name or IPv4 address, with or without a port. An IPv6 address and a user are left to those
 * who need them. */
static bool is_authority(struct slice text)
{
    size_t colon = slice_find(text, ':');
    struct slice port = slice_after(text, colon + 1);

    for (size_t i = 0; i < port.size; i++)
        if (!ascii_is_digit(port.data[i]))
            return false;
    return is_host(slice_first(text, colon)) && (colon == text.size || !slice_is_empty(port));
}

static size_t find_any(struct slice text, const char *characters)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] != '\0' && strchr(characters, text.data[i]) != NULL)
            return i;
    return text.size;
}

/* Without "." and ".." and with nothing empty but what is behind the last '/'. */
static bool is_plain_path(struct slice path)
{
    while (!slice_is_empty(path)) {
        struct slice segment;

        path = slice_after(path, 1);
        segment = slice_first(path, slice_find(path, '/'));
        path = slice_after(path, segment.size);
        if (slice_equals(segment, SLICE(".")) || slice_equals(segment, SLICE("..")) ||
            (slice_is_empty(segment) && !slice_is_empty(path)))
            return false;
    }
    return true;
}

bool name_form_uri(struct slice text, struct arena *arena, struct slice *form)
{
    size_t scheme = find_scheme_end(text);
    struct slice rest = slice_after(text, scheme + 1);
    size_t folded = scheme;
    char *memory;

    if (scheme == text.size || slice_is_empty(rest) || !escapes_are_plain(text.data, text.size))
        return false;
    if (slice_starts_with(rest, SLICE("//"))) {
        struct slice authority = slice_after(rest, 2);
        struct slice path;

        authority = slice_first(authority, find_any(authority, "/?#"));
        path = slice_after(rest, 2 + authority.size);
        path = slice_first(path, find_any(path, "?#"));
        if (!is_authority(authority) || !is_plain_path(path))
            return false;
        folded += 3 + authority.size;
    }
    memory = copy(text, arena);
    if (memory == NULL)
        return false;
    fold(memory, folded);
    for (size_t i = folded; i < text.size; i++) {
        /* RFC 3986 section 6.2.2.1: the digits of escapes are alike in both cases. */
        if (memory[i] == '%') {
            for (size_t j = i + 1; j <= i + 2; j++)
                if (memory[j] >= 'a' && memory[j] <= 'f')
                    memory[j] = (char)(memory[j] - 'a' + 'A');
        }
    }
    *form = slice_from(memory, text.size);
    return true;
}

/* ---- NAME@HOST ------------------------------------------------------------------------------- */

/* RFC 5321 section 4.1.2, Dot-string: what needs no quotes. */
static bool is_local_part(struct slice text)
{
    if (slice_is_empty(text))
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (!ascii_is_alphanumeric(text.data[i]) &&
            (text.data[i] == '\0' || strchr("!#$%&'*+-/=?^_`{|}~.", text.data[i]) == NULL))
            return false;
    return true;
}

bool name_form_email(struct slice text, struct arena *arena, struct slice *form)
{
    size_t at = slice_find(text, '@');
    char *memory;

    if (!is_local_part(slice_first(text, at)) || !is_host(slice_after(text, at + 1)))
        return false;
    memory = copy(text, arena);
    if (memory == NULL)
        return false;
    fold(memory + at, text.size - at);
    *form = slice_from(memory, text.size);
    return true;
}

bool name_form_upn(struct slice text, struct arena *arena, struct slice *form)
{
    struct slice canonical;
    size_t at;

    /* Blanks have no place in it, so that nothing may have been folded but letters. */
    if (!distinguished_name_canonicalise(text, arena, &canonical) || canonical.size != text.size ||
        slice_find(canonical, ' ') < canonical.size)
        return false;
    at = slice_find(canonical, '@');
    if (at == 0 || at + 1 >= canonical.size ||
        slice_find(slice_after(canonical, at + 1), '@') < canonical.size - at - 1)
        return false;
    *form = canonical;
    return true;
}

/* ---- security identifiers -------------------------------------------------------------------- */

bool name_form_sid(struct slice text, struct arena *arena, struct slice *form)
{
    struct slice rest = slice_after(text, 4);

    if (!slice_starts_with(text, SLICE("S-1-")) || text.size > NAME_BYTES_MAX)
        return false;
    for (;;) {
        size_t hyphen = slice_find(rest, '-');

        for (size_t i = 0; i < hyphen; i++)
            if (!ascii_is_digit(rest.data[i]))
                return false;
        if (hyphen == 0)
            return false;
        if (hyphen == rest.size)
            break;
        rest = slice_after(rest, hyphen + 1);
    }
    *form = arena_copy(arena, text);
    return form->data != NULL;
}
