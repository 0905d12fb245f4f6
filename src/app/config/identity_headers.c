/* SPDX-License-Identifier: Apache-2.0
 *
 * Which identity headers go to the backend: short names for those that others know, or any name
 * with a format.
 */
#include <string.h>

#include "app/config/special_settings_internal.h"
#include "app/config/suggestion_internal.h"
#include "gateway/rewrite/rewrite.h"
#include "protocol/http/http_name_set.h"

/* --- Names ------------------------------------------------------------------------------------ */

/* Framing, what belongs to one connection only, whom the request is for, what the client itself
 * authenticates with, and what the gateway says about the request's way. */
static const char *const other_uses[] = {
    "Connection",
    "Content-Length",
    "Content-Type",
    "Cookie",
    "Authorization",
    "Expect",
    "Forwarded",
    "Host",
    "HTTP2-Settings",
    "Keep-Alive",
    "Proxy",
    "Proxy-Authenticate",
    "Proxy-Connection",
    "Proxy-Authorization",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Proto",
};

enum { OTHER_USE_COUNT = sizeof(other_uses) / sizeof(*other_uses) };

bool settings_header_name_is_valid(struct slice text, struct error *error)
{
    if (!http_name_is_plain(text)) {
        error_set(error, ERROR_VALUE,
                  "'%.80s' is not the name of a header: letters, digits and '-' only", text.data);
        return false;
    }
    for (size_t i = 0; i < OTHER_USE_COUNT; i++) {
        if (http_name_folds_equal(text, slice_from_text(other_uses[i]))) {
            error_set(error, ERROR_VALUE, "'%.80s' has another use and cannot carry an identity",
                      text.data);
            return false;
        }
    }
    return true;
}

bool settings_identity_format_is_valid(struct slice text, struct error *error)
{
    struct suggestion suggestion;

    if (identity_format_find(text) != IDENTITY_FORMAT_NONE)
        return true;
    suggestion_begin(&suggestion, text);
    for (unsigned i = IDENTITY_FORMAT_NONE + 1; i <= IDENTITY_FORMAT_XFCC; i++)
        suggestion_consider(&suggestion,
                            slice_from_text(identity_format_name((enum identity_format)i)));
    if (slice_is_empty(suggestion.nearest))
        error_set(error, ERROR_VALUE, "there is no format '%.80s'", text.data);
    else
        error_set(error, ERROR_VALUE, "there is no format '%.80s'; did you mean '%s'?", text.data,
                  suggestion.nearest.data);
    return false;
}

bool settings_xfcc_element_is_valid(struct slice text, struct error *error)
{
    if (identity_xfcc_element_find(text) != IDENTITY_FORMAT_NONE)
        return true;
    error_set(error, ERROR_VALUE, "'%.80s' is not hash, cert, chain, subject, uri or dns",
              text.data);
    return false;
}

/* What would need quotes is no URI of a gateway. */
bool settings_xfcc_by_is_valid(struct slice text, struct error *error)
{
    bool has_colon = false;
    bool is_plain = true;

    for (size_t i = 0; i < text.size; i++) {
        has_colon = has_colon || text.data[i] == ':';
        is_plain = is_plain && text.data[i] > ' ' && text.data[i] <= '~' &&
                   strchr(",;=\"\\", text.data[i]) == NULL;
    }
    if (has_colon && is_plain)
        return true;
    error_set(error, ERROR_VALUE,
              "'%.80s' is not a URI such as spiffe://example.com/gateway, without , ; = or quotes",
              text.data);
    return false;
}

/* --- The list --------------------------------------------------------------------------------- */

static size_t read_short_name(struct settings_reader *reader, const struct setting *setting,
                              struct yaml_node *node, struct identity_header_settings *headers)
{
    struct suggestion suggestion;
    size_t count = 0;

    if (!settings_check_text(reader, setting, node))
        return 0;
    count = identity_header_find(node->text, headers);
    if (count > 0)
        return count;
    suggestion_begin(&suggestion, node->text);
    for (size_t i = 0; identity_header_short_name(i) != NULL; i++)
        suggestion_consider(&suggestion, slice_from_text(identity_header_short_name(i)));
    if (slice_is_empty(suggestion.nearest))
        settings_refuse_value(reader, node,
                              "there is no identity header '%.80s'; for a name of your own write "
                              "{ name: NAME, format: FORMAT }",
                              node->text.data);
    else
        settings_refuse_value(reader, node,
                              "there is no identity header '%.80s'; did you mean '%s'?",
                              node->text.data, suggestion.nearest.data);
    return 0;
}

static unsigned element_mask(const struct header_entry *entry)
{
    unsigned mask = 0;

    for (size_t i = 0; entry->elements != NULL && entry->elements[i] != NULL; i++)
        mask |= 1U << identity_xfcc_element_find(slice_from_text(entry->elements[i]));
    return mask;
}

/* What does nothing would be taken for something. The name of the verification says how far all the
 * others may be believed, so that it can mean nothing else. */
static bool check_entry(struct settings_reader *reader, struct yaml_node *node,
                        const struct header_entry *entry, enum identity_format format)
{
    if (format != IDENTITY_FORMAT_XFCC && (entry->elements != NULL || entry->by != NULL)) {
        const char *name = entry->elements != NULL ? "elements" : "by";

        settings_refuse_value(reader, yaml_node_find(node, name),
                              "'%s' belongs to the format xfcc alone", name);
        return false;
    }
    if (format != IDENTITY_FORMAT_VERIFICATION &&
        http_name_folds_equal(slice_from_text(entry->name), SLICE(IDENTITY_VERIFICATION_NAME))) {
        settings_refuse_value(reader, yaml_node_find(node, "format"),
                              "'%s' carries the format verification and no other", entry->name);
        return false;
    }
    return true;
}

static size_t read_headers(struct settings_reader *reader, const struct setting *setting,
                           struct yaml_node *node, struct identity_header_settings *headers)
{
    struct header_entry entry = {0};
    enum identity_format format;

    if (node->kind != YAML_MAPPING)
        return read_short_name(reader, setting, node, headers);
    settings_read_mapping(reader, setting->mapping, node, &entry);
    if (entry.name == NULL || entry.format == NULL)
        return 0;
    format = identity_format_find(slice_from_text(entry.format));
    if (!check_entry(reader, node, &entry, format))
        return 0;
    headers[0] = (struct identity_header_settings){
        .name = entry.name,
        .format = format,
        .elements = element_mask(&entry),
        .by = entry.by == NULL ? NULL : config_memory_format(reader->memory, "By=%s", entry.by),
    };
    return 1;
}

/* Backends may not tell two names apart that fold to the same. */
static bool check_unique(struct settings_reader *reader, struct yaml_node *node,
                         struct http_name_set *names, const char *name)
{
    if (http_name_set_has(names, slice_from_text(name))) {
        settings_refuse_value(reader, node, "the header '%.80s' is in this list twice", name);
        return false;
    }
    http_name_set_add(names, slice_from_text(name));
    return true;
}

/* An empty list is a choice: nothing is forwarded. */
void settings_read_identity_headers(struct settings_reader *reader, const struct setting *setting,
                                    struct yaml_node *node, void *target)
{
    struct identity_header_settings *headers = config_memory_allocate_array(
        reader->memory, node->count * IDENTITY_PRESET_MAX + 1, sizeof(*headers));
    struct http_name_set *names = http_name_set_create();
    size_t count = 0;

    for (struct yaml_node *item = node->first; item != NULL; item = item->next) {
        struct identity_header_settings found[IDENTITY_PRESET_MAX];
        size_t found_count = read_headers(reader, setting, item, found);

        for (size_t i = 0; i < found_count; i++) {
            if (check_unique(reader, item, names, found[i].name))
                headers[count++] = found[i];
        }
    }
    http_name_set_destroy(names);
    settings_store_pointer(setting, target, headers);
    settings_store_count(setting, target, count);
}
