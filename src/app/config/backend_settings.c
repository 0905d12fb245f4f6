/* SPDX-License-Identifier: Apache-2.0
 *
 * What the settings of backends say together: how endpoints are met that speak TLS, and when one
 * that fails is left out.
 */
#include "app/config/special_settings_internal.h"
#include "runtime/resolver.h"

void settings_read_backend_tls(struct settings_reader *reader, const struct setting *setting,
                               struct yaml_node *node, void *target)
{
    struct tls_client_settings *tls = config_memory_allocate(reader->memory, sizeof(*tls));

    settings_read_mapping(reader, setting->mapping, node, tls);
    settings_store_pointer(setting, target, tls);
}

void settings_read_backend_certificate(struct settings_reader *reader,
                                       const struct setting *setting, struct yaml_node *node,
                                       void *target)
{
    void *certificate = config_memory_allocate(reader->memory, setting->mapping->size);

    settings_read_mapping(reader, setting->mapping, node, certificate);
    settings_store_pointer(setting, target, certificate);
    settings_store_count(setting, target, 1);
}

/* What is written and does nothing would be taken for protection. */
void settings_check_backend_tls(struct settings_reader *reader, struct yaml_node *node,
                                const struct backend_settings *backend)
{
    struct yaml_node *tls = yaml_node_find(node, "tls");

    if (tls == NULL || node->is_faulty)
        return;
    for (size_t i = 0; i < backend->endpoint_count; i++) {
        const char *url = backend->endpoints[i].url;

        if (url == NULL || slice_starts_with(slice_from_text(url), SLICE("https://")))
            return;
    }
    settings_refuse_value(reader, tls->key,
                          "'tls' has no effect: no endpoint begins with https://");
}

void settings_read_backend_signature(struct settings_reader *reader, const struct setting *setting,
                                     struct yaml_node *node, void *target)
{
    struct backend_signature_settings *signature =
        config_memory_allocate(reader->memory, sizeof(*signature));

    settings_read_mapping(reader, setting->mapping, node, signature);
    settings_store_pointer(setting, target, signature);
}

bool settings_keyid_is_valid(struct slice text, struct error *error)
{
    bool is_valid = !slice_is_empty(text) && text.size <= 100;

    for (size_t i = 0; i < text.size; i++)
        is_valid = is_valid && text.data[i] > ' ' && text.data[i] <= '~' && text.data[i] != '"' &&
                   text.data[i] != '\\';
    if (!is_valid)
        error_set(error, ERROR_VALUE,
                  "'%.80s' is not the name of a key: 1 to 100 printable characters without blanks, "
                  "quotes and backslashes",
                  text.data);
    return is_valid;
}

/* What is signed names no scheme, but leaves out the port that a scheme has by default. */
void settings_check_backend_signature(struct settings_reader *reader, struct yaml_node *node,
                                      const struct backend_settings *backend)
{
    struct yaml_node *signature = yaml_node_find(node, "signature");
    size_t tls_count = 0;

    if (signature == NULL || node->is_faulty)
        return;
    for (size_t i = 0; i < backend->endpoint_count; i++) {
        const char *url = backend->endpoints[i].url;

        if (url == NULL)
            return;
        tls_count += slice_starts_with(slice_from_text(url), SLICE("https://")) ? 1 : 0;
    }
    if (tls_count > 0 && tls_count < backend->endpoint_count)
        settings_refuse_value(reader, signature->key,
                              "'signature' needs endpoints that all begin with https://, or none");
}

void settings_finish_ejection(struct settings_reader *reader, struct yaml_node *node, void *target)
{
    const struct backend_settings *backend = target;
    struct yaml_node *time = yaml_node_find(node, "max_time");

    if (time == NULL)
        time = yaml_node_find(node, "time");
    if (node->is_faulty || time == NULL ||
        backend->ejection.time_max_ms >= backend->ejection.time_ms)
        return;
    settings_refuse_value(reader, time, "'max_time' is lower than 'time'");
}

bool settings_name_server_is_valid(struct slice text, struct error *error)
{
    struct socket_address address;

    return resolver_server_parse(text, &address, error);
}

void settings_finish_resolver(struct settings_reader *reader, struct yaml_node *node, void *target)
{
    const struct resolver_settings *resolver = target;
    struct yaml_node *time = yaml_node_find(node, "max_ttl");
    size_t servers = 0;

    while (resolver->servers != NULL && resolver->servers[servers] != NULL)
        servers++;
    if (node->is_faulty)
        return;
    if (servers > RESOLVER_SERVERS_MAX)
        settings_refuse_value(reader, yaml_node_find(node, "servers"),
                              "'servers' has %zu name servers; the limit is %d", servers,
                              RESOLVER_SERVERS_MAX);
    if (time == NULL)
        time = yaml_node_find(node, "min_ttl");
    if (time != NULL && resolver->ttl_max_ms < resolver->ttl_min_ms)
        settings_refuse_value(reader, time, "'max_ttl' is lower than 'min_ttl'");
}
