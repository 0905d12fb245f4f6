/* SPDX-License-Identifier: Apache-2.0
 *
 * Values with a word of their own: `workers: auto`, `access: off`, `host: preserve`; lists that
 * become what OpenSSL calls a list; and what texts must look like.
 */
#include "app/config/special_settings_internal.h"
#include "app/config/tls_policy_names_internal.h"
#include "protocol/http/http_host.h"
#include "protocol/http/http_message.h"
#include "runtime/address_set.h"
#include "runtime/memory.h"
#include "runtime/socket.h"
#include "runtime/text_builder.h"

enum { CONFIG_VERSION = 1, WORKERS_MAX = 1024, TOKEN_BYTES_MAX = 64, NAME_BYTES_MAX = 64 };

/* --- Texts ------------------------------------------------------------------------------------ */

bool settings_address_is_valid(struct slice text, struct error *error)
{
    struct socket_address address;

    return socket_address_parse(text, &address, error);
}

bool settings_range_is_valid(struct slice text, struct error *error)
{
    struct ip_range range;

    return ip_range_parse(text, &range, error);
}

/* Methods are case-sensitive (RFC 9110 section 9.1): "get" would never match. */
bool settings_method_is_valid(struct slice text, struct error *error)
{
    bool is_upper = true;

    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] >= 'a' && text.data[i] <= 'z')
            is_upper = false;
    if (!http_is_token(text) || !is_upper) {
        error_set(error, ERROR_VALUE,
                  "'%.80s' is not a method; methods are like GET, in upper case", text.data);
        return false;
    }
    return true;
}

/* RFC 9110 section 10.2.4: a product, with or without its version. */
bool settings_token_is_valid(struct slice text, struct error *error)
{
    size_t slash = slice_find(text, '/');
    bool has_version = slash < text.size;

    if (text.size <= TOKEN_BYTES_MAX && http_is_token(slice_first(text, slash)) &&
        (!has_version || http_is_token(slice_after(text, slash + 1))))
        return true;
    error_set(error, ERROR_VALUE,
              "'%.80s' is not PRODUCT or PRODUCT/VERSION, at most %d characters", text.data,
              TOKEN_BYTES_MAX);
    return false;
}

bool settings_monitoring_host_is_valid(struct slice text, struct error *error)
{
    char memory[HTTP_HOST_BYTES_MAX];
    struct slice host;
    uint16_t port;

    if (slice_find(text, ':') == text.size && http_host_parse(text, memory, &host, &port))
        return true;
    error_set(error, ERROR_VALUE, "'%.80s' is not a host name", text.data);
    return false;
}

bool settings_name_is_valid(struct slice text, struct error *error)
{
    bool is_valid = text.size > 0 && text.size <= NAME_BYTES_MAX;

    for (size_t i = 0; i < text.size; i++)
        if (!ascii_is_alphanumeric(text.data[i]) && strchr("-_.", text.data[i]) == NULL)
            is_valid = false;
    if (!is_valid)
        error_set(error, ERROR_VALUE,
                  "'%.80s' is not a name: letters, digits, '-', '_' and '.', at most %d", text.data,
                  NAME_BYTES_MAX);
    return is_valid;
}

/* RFC 9110 section 7.6.3 and RFC 9209 section 2. */
bool settings_pseudonym_is_valid(struct slice text, struct error *error)
{
    if (!settings_name_is_valid(text, error))
        return false;
    if (ascii_lower(text.data[0]) >= 'a' && ascii_lower(text.data[0]) <= 'z')
        return true;
    error_set(error, ERROR_VALUE, "'%.80s' does not begin with a letter", text.data);
    return false;
}

/* --- The root --------------------------------------------------------------------------------- */

void settings_read_version(struct settings_reader *reader, const struct setting *setting,
                           struct yaml_node *node, void *target)
{
    uint64_t version;

    (void)target;
    if (!node->is_plain || !slice_parse_u64(node->text, &version))
        settings_refuse(reader, setting, node, "must be the number %d", CONFIG_VERSION);
    else if (version != CONFIG_VERSION)
        settings_refuse(reader, setting, node, "is %.20s; this program knows version %d only",
                        node->text.data, CONFIG_VERSION);
}

void settings_read_workers(struct settings_reader *reader, const struct setting *setting,
                           struct yaml_node *node, void *target)
{
    uint64_t count;
    size_t workers;

    if (slice_equals(node->text, SLICE("auto"))) {
        count = 0;
    } else if (!node->is_plain || !slice_parse_u64(node->text, &count)) {
        settings_refuse(reader, setting, node, "must be %s, not '%.80s'", setting->expects,
                        node->text.data);
        return;
    } else if (count == 0 || count > WORKERS_MAX) {
        settings_refuse(reader, setting, node, "is %.80s; it must be between 1 and %d",
                        node->text.data, WORKERS_MAX);
        return;
    }
    workers = (size_t)count;
    memcpy(settings_field(setting, target), &workers, sizeof(workers));
}

/* --- TLS policies ----------------------------------------------------------------------------- */

static bool is_list_name(struct slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!ascii_is_alphanumeric(text.data[i]) && strchr("-_", text.data[i]) == NULL)
            return false;
    return text.size > 0;
}

/* OpenSSL's lists have an operator for each special character; names have none. */
static bool check_list_name(struct settings_reader *reader, const struct setting *setting,
                            struct yaml_node *node, const char *what)
{
    if (!settings_check_text(reader, setting, node))
        return false;
    if (is_list_name(node->text))
        return true;
    settings_refuse_value(reader, node, "'%.80s' is not the name of a %s", node->text.data, what);
    return false;
}

static void append_name(struct text_builder *list, struct slice name)
{
    if (list->size > 0)
        text_builder_add(list, SLICE(":"));
    text_builder_add(list, name);
}

/* NULL when the list is empty; the list is empty afterwards. */
static const char *keep_list(struct settings_reader *reader, struct text_builder *list)
{
    const char *kept = NULL;

    if (list->size > 0)
        kept = config_memory_copy(reader->memory, slice_from(list->text, list->size));
    text_builder_reset(list);
    return kept;
}

void settings_read_policy(struct settings_reader *reader, const struct setting *setting,
                          struct yaml_node *node, void *target)
{
    struct tls_profile_settings *profile = settings_field(setting, target);
    const struct tls_policy_name *policy;

    if (node->kind == YAML_MAPPING) {
        settings_read_mapping(reader, setting->mapping, node, profile);
        return;
    }
    if (!settings_check_text(reader, setting, node))
        return;
    policy = tls_policy_name_find(node->text);
    if (policy == NULL) {
        settings_refuse_value(reader, node, "there is no policy '%.80s'; it may be a mapping, %s",
                              node->text.data, tls_policy_names());
        return;
    }
    if (policy->raised != NULL)
        settings_warn(reader, node->position, "of '%s', %s left out", policy->name, policy->raised);
    settings_apply_defaults(reader, setting->mapping, profile);
    profile->min_version = TLS_VERSION_1_2;
    profile->max_version = policy->max_version;
    profile->ciphers = policy->ciphers;
    profile->cipher_suites = policy->cipher_suites;
}

/* The IANA's name of a suite of TLS 1.2 says what it comes with. */
static bool is_iana_name(struct slice name)
{
    return slice_starts_with(name, SLICE("TLS_")) && strstr(name.data, "_WITH_") != NULL;
}

/* OpenSSL's name of it; NULL: it was refused. */
static const char *find_cipher(struct settings_reader *reader, struct yaml_node *node)
{
    const char *name = is_iana_name(node->text) ? tls_policy_cipher(node->text) : node->text.data;

    if (name == NULL)
        settings_refuse_value(reader, node, "'%.80s' is not a suite that is spoken here",
                              node->text.data);
    return name;
}

/* The suites of TLS 1.3 have names of their own kind, and OpenSSL a list of its own for them. */
void settings_read_ciphers(struct settings_reader *reader, const struct setting *setting,
                           struct yaml_node *node, void *target)
{
    struct tls_profile_settings *profile = target;
    struct text_builder ciphers = {0};
    struct text_builder suites = {0};
    struct text_table seen;

    if (!settings_check_list(reader, setting, node))
        return;
    text_table_init(&seen);
    for (struct yaml_node *item = node->first; item != NULL; item = item->next) {
        const char *name;

        if (!check_list_name(reader, setting, item, "cipher") ||
            !settings_check_unique(reader, &seen, item))
            continue;
        name = find_cipher(reader, item);
        if (name != NULL)
            append_name(strncmp(name, "TLS_", 4) == 0 ? &suites : &ciphers, slice_from_text(name));
    }
    text_table_reset(&seen);
    profile->ciphers = keep_list(reader, &ciphers);
    profile->cipher_suites = keep_list(reader, &suites);
}

void settings_read_groups(struct settings_reader *reader, const struct setting *setting,
                          struct yaml_node *node, void *target)
{
    struct tls_profile_settings *profile = target;
    struct text_builder groups = {0};
    struct text_table seen;

    if (!settings_check_list(reader, setting, node))
        return;
    text_table_init(&seen);
    for (struct yaml_node *item = node->first; item != NULL; item = item->next)
        if (check_list_name(reader, setting, item, "group") &&
            settings_check_unique(reader, &seen, item))
            append_name(&groups, item->text);
    text_table_reset(&seen);
    profile->groups = keep_list(reader, &groups);
}

/* --- Backends --------------------------------------------------------------------------------- */

void settings_read_host(struct settings_reader *reader, const struct setting *setting,
                        struct yaml_node *node, void *target)
{
    char memory[HTTP_HOST_BYTES_MAX];
    struct slice host;
    uint16_t port;

    if (!settings_check_text(reader, setting, node))
        return;
    if (slice_equals(node->text, SLICE("preserve")))
        return;
    if (slice_equals(node->text, SLICE("from_endpoint")))
        settings_refuse_value(reader, node, "'%s: from_endpoint' is not supported yet",
                              setting->name);
    else if (!http_host_parse(node->text, memory, &host, &port))
        settings_refuse(reader, setting, node, "must be %s, not '%.80s'", setting->expects,
                        node->text.data);
    else
        settings_store_pointer(setting, target, node->text.data);
}

/* --- Logs ------------------------------------------------------------------------------------- */

void settings_read_access_log(struct settings_reader *reader, const struct setting *setting,
                              struct yaml_node *node, void *target)
{
    struct telemetry_settings *telemetry = settings_field(setting, target);

    if (node->kind == YAML_MAPPING) {
        settings_read_mapping(reader, setting->mapping, node, telemetry);
        return;
    }
    if (!settings_check_text(reader, setting, node))
        return;
    if (!slice_equals(node->text, SLICE("off"))) {
        settings_refuse(reader, setting, node, "must be %s, not '%.80s'", setting->expects,
                        node->text.data);
        return;
    }
    settings_apply_defaults(reader, setting->mapping, telemetry);
    telemetry->target = ACCESS_LOG_OFF;
}

void settings_read_access_log_target(struct settings_reader *reader, const struct setting *setting,
                                     struct yaml_node *node, void *target)
{
    struct telemetry_settings *telemetry = target;

    if (!settings_check_text(reader, setting, node))
        return;
    if (slice_equals(node->text, SLICE("stdout"))) {
        telemetry->target = ACCESS_LOG_STDOUT;
    } else if (slice_equals(node->text, SLICE("stderr"))) {
        telemetry->target = ACCESS_LOG_STDERR;
    } else if (slice_find(node->text, '/') < node->text.size) {
        telemetry->target = ACCESS_LOG_FILE;
        telemetry->path = settings_make_path(reader, node);
    } else {
        /* Without the '/', a misspelt "stdout" would become a file. */
        settings_refuse(reader, setting, node, "must be %s, not '%.80s'", setting->expects,
                        node->text.data);
    }
}

void settings_read_events_target(struct settings_reader *reader, const struct setting *setting,
                                 struct yaml_node *node, void *target)
{
    struct generation_settings *settings = target;

    if (!settings_check_text(reader, setting, node))
        return;
    if (slice_find(node->text, '/') < node->text.size)
        settings->events_path = settings_make_path(reader, node);
    else if (!slice_equals(node->text, SLICE("stderr")))
        settings_refuse(reader, setting, node, "must be %s, not '%.80s'", setting->expects,
                        node->text.data);
}
