/* SPDX-License-Identifier: Apache-2.0
 *
 * Signatures that come with a request (RFC 9421). They are for the backend and pass, all but those
 * that have our label or our tag: those are ours to make. What has our name in it and cannot be
 * taken apart does not pass, because somebody else might take it apart.
 */
#include "gateway/rewrite/rewrite_internal.h"

#include <string.h>

enum { OWN_LABELS_MAX = 16 };

struct own_labels {
    struct slice labels[OWN_LABELS_MAX];
    size_t count;
};

bool rewrite_is_signature_name(struct slice name)
{
    static const struct slice names[] = {
        SLICE_STATIC("Signature"), SLICE_STATIC("Signature-Input"), {NULL, 0}};

    return rewrite_name_is_among(name, names);
}

/* ---- dictionaries: RFC 8941 section 4.2 ------------------------------------------------------ */

static bool take(struct slice *rest, char byte)
{
    if (slice_is_empty(*rest) || rest->data[0] != byte)
        return false;
    *rest = slice_after(*rest, 1);
    return true;
}

static void skip(struct slice *rest, const char *bytes)
{
    while (!slice_is_empty(*rest) && rest->data[0] != '\0' && strchr(bytes, rest->data[0]) != NULL)
        *rest = slice_after(*rest, 1);
}

static bool take_key(struct slice *rest, struct slice *key)
{
    size_t size = 0;

    while (size < rest->size) {
        char byte = rest->data[size];
        bool may_begin = (byte >= 'a' && byte <= 'z') || byte == '*';

        if (!may_begin &&
            (size == 0 || (!ascii_is_digit(byte) && byte != '_' && byte != '-' && byte != '.')))
            break;
        size++;
    }
    *key = slice_first(*rest, size);
    *rest = slice_after(*rest, size);
    return size > 0;
}

/* What is between the quotes, with its escapes. */
static bool take_string(struct slice *rest, struct slice *text)
{
    size_t end = 1;

    while (end < rest->size && rest->data[end] != '"')
        end += rest->data[end] == '\\' ? 2 : 1;
    if (end >= rest->size)
        return false;
    *text = slice_from(rest->data + 1, end - 1);
    *rest = slice_after(*rest, end + 1);
    return true;
}

static bool take_octets(struct slice *rest)
{
    size_t end = slice_find(slice_after(*rest, 1), ':') + 1;

    if (end >= rest->size)
        return false;
    *rest = slice_after(*rest, end + 1);
    return true;
}

/* A token, a number or a boolean. */
static bool take_word(struct slice *rest)
{
    size_t size = 0;

    while (size < rest->size &&
           (ascii_is_alphanumeric(rest->data[size]) ||
            (rest->data[size] != '\0' && strchr("!#$%&'*+-.^_`|~:/?", rest->data[size]) != NULL)))
        size++;
    *rest = slice_after(*rest, size);
    return size > 0;
}

static bool take_item(struct slice *rest, struct slice *text)
{
    *text = SLICE("");
    if (slice_is_empty(*rest))
        return false;
    if (rest->data[0] == '"')
        return take_string(rest, text);
    return rest->data[0] == ':' ? take_octets(rest) : take_word(rest);
}

static bool take_parameters(struct slice *rest, struct slice *tag)
{
    while (take(rest, ';')) {
        struct slice key;
        struct slice text = SLICE("");

        skip(rest, " ");
        if (!take_key(rest, &key) || (take(rest, '=') && !take_item(rest, &text)))
            return false;
        if (tag != NULL && slice_equals(key, SLICE("tag")))
            *tag = text;
    }
    return true;
}

static bool take_inner_list(struct slice *rest)
{
    struct slice text;

    for (skip(rest, " "); !take(rest, ')'); skip(rest, " ")) {
        if (!take_item(rest, &text) || !take_parameters(rest, NULL))
            return false;
    }
    return true;
}

struct member {
    struct slice whole;
    struct slice label;
    struct slice tag;
};

static bool take_member(struct slice *rest, struct member *member)
{
    struct slice from = *rest;
    struct slice text;

    member->tag = SLICE("");
    if (!take_key(rest, &member->label))
        return false;
    if (take(rest, '=') && !(take(rest, '(') ? take_inner_list(rest) : take_item(rest, &text)))
        return false;
    if (!take_parameters(rest, &member->tag))
        return false;
    member->whole = slice_first(from, from.size - rest->size);
    return true;
}

/* The next member of a dictionary; `*is_malformed` when there is none because of that. */
static bool next_member(struct slice *rest, struct member *member, bool *is_malformed)
{
    skip(rest, " \t");
    if (slice_is_empty(*rest))
        return false;
    *is_malformed = !take_member(rest, member);
    if (*is_malformed)
        return false;
    skip(rest, " \t");
    if (slice_is_empty(*rest))
        return true;
    *is_malformed = !take(rest, ',');
    skip(rest, " \t");
    *is_malformed = *is_malformed || slice_is_empty(*rest);
    return !*is_malformed;
}

/* ---- whose ----------------------------------------------------------------------------------- */

static bool names_us(struct slice value)
{
    const struct slice us = SLICE(REWRITE_SIGNATURE_LABEL);

    for (size_t i = 0; i + us.size <= value.size; i++) {
        if (slice_equals_ignoring_case(slice_from(value.data + i, us.size), us))
            return true;
    }
    return false;
}

static bool is_own_label(const struct own_labels *own, struct slice label)
{
    for (size_t i = 0; i < own->count; i++) {
        if (slice_equals(own->labels[i], label))
            return true;
    }
    return slice_equals(label, SLICE(REWRITE_SIGNATURE_LABEL));
}

/* False when there are more than anybody sends by accident. */
static bool collect_own_labels(const struct http_fields *fields, struct own_labels *own)
{
    own->count = 0;
    for (size_t i = 0; i < fields->count; i++) {
        struct slice rest = fields->items[i].value;
        struct member member;
        bool is_malformed = false;

        if (!http_name_folds_equal(fields->items[i].name, SLICE("Signature-Input")))
            continue;
        while (next_member(&rest, &member, &is_malformed)) {
            if (!slice_equals_ignoring_case(member.tag, SLICE(REWRITE_SIGNATURE_LABEL)))
                continue;
            if (own->count == OWN_LABELS_MAX)
                return false;
            own->labels[own->count++] = member.label;
        }
    }
    return true;
}

/* The members that are not ours, in the arena; false when the value cannot be taken apart. */
static bool keep_others(struct slice value, const struct own_labels *own, struct arena *arena,
                        struct slice *kept, size_t *removed)
{
    struct member member;
    struct buffer to;
    bool is_malformed = false;
    char *memory = arena_allocate(arena, 2 * value.size + 1);

    if (memory == NULL)
        return false;
    buffer_init(&to, memory, 2 * value.size + 1);
    while (next_member(&value, &member, &is_malformed)) {
        if (is_own_label(own, member.label)) {
            (*removed)++;
        } else if ((to.written > 0 && !buffer_append(&to, SLICE(", "))) ||
                   !buffer_append(&to, member.whole)) {
            return false;
        }
    }
    *kept = buffer_readable(&to);
    return !is_malformed;
}

bool rewrite_claims_to_be_ours(const struct http_field *field)
{
    return rewrite_is_signature_name(field->name) && names_us(field->value);
}

static bool concern_us(const struct http_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (rewrite_claims_to_be_ours(&fields->items[i]))
            return true;
    }
    return false;
}

void rewrite_write_signatures(const struct http_fields *fields, struct arena *arena,
                              struct rewrite_writer *writer, size_t *stripped)
{
    struct own_labels own = {.count = 0};
    bool is_mixed = concern_us(fields);
    bool is_known = !is_mixed || collect_own_labels(fields, &own);

    for (size_t i = 0; i < fields->count; i++) {
        struct slice value = fields->items[i].value;
        size_t removed = 0;

        if (!rewrite_is_signature_name(fields->items[i].name))
            continue;
        if (is_mixed && (!is_known || !keep_others(value, &own, arena, &value, &removed))) {
            (*stripped)++;
            continue;
        }
        *stripped += removed;
        if (removed == 0 || !slice_is_empty(value))
            rewrite_write_field(writer, fields->items[i].name, value);
    }
}
