/* SPDX-License-Identifier: Apache-2.0
 *
 * What is defined once and used by name, or written in place: TLS profiles, trust profiles,
 * backends. The definitions are read before whatever refers to them.
 */
#include <assert.h>

#include "app/config/endpoint_url_internal.h"
#include "app/config/path_pattern_internal.h"
#include "app/config/special_settings_internal.h"

/* --- Names ------------------------------------------------------------------------------------ */

static void register_name(struct text_table *table, const char *name, void *target)
{
    /* A name was checked for duplicates when the document was parsed. */
    if (name != NULL)
        text_table_add(table, slice_from_text(name), target);
}

void settings_register_tls_profile(struct settings_reader *reader, struct yaml_node *node,
                                   void *target)
{
    const struct tls_profile_settings *profile = target;

    (void)node;
    register_name(&reader->tls_profiles, profile->name, target);
}

void settings_register_trust_profile(struct settings_reader *reader, struct yaml_node *node,
                                     void *target)
{
    const struct trust_profile_settings *profile = target;

    (void)node;
    for (size_t i = 0; i < profile->anchor_count; i++)
        profile->anchors[i].rules = profile->upload_rules;
    register_name(&reader->trust_profiles, profile->name, target);
}

/* Services of Azure's that know themselves by this name alone. */
static bool is_azure_host(struct slice host)
{
    static const char *const endings[] = {".azurewebsites.net", ".azurecontainerapps.io",
                                          ".azure-api.net",     ".azurestaticapps.net",
                                          ".azurefd.net",       NULL};

    for (const char *const *ending = endings; *ending != NULL; ending++)
        if (slice_ends_with(host, slice_from_text(*ending)))
            return true;
    return false;
}

/* The client's Host would be preserved. */
static void warn_of_azure_hosts(struct settings_reader *reader,
                                const struct backend_settings *backend)
{
    for (size_t i = 0; backend->host == NULL && i < backend->endpoint_count; i++) {
        const struct backend_endpoint_settings *endpoint = &backend->endpoints[i];
        struct slice host = slice_from_text(endpoint->url == NULL ? "" : endpoint->url);

        host = slice_after(host, slice_find(host, '/') + 2);
        host = slice_first(host, slice_find(host, ':'));
        if (is_azure_host(host))
            settings_warn(reader, endpoint->position,
                          "'%.*s' answers to its own name only, and the client's is preserved: "
                          "set 'host' to that name",
                          SLICE_FORMAT(host));
    }
}

void settings_register_backend(struct settings_reader *reader, struct yaml_node *node, void *target)
{
    const struct backend_settings *backend = target;

    settings_check_backend_tls(reader, node, backend);
    settings_check_backend_signature(reader, node, backend);
    warn_of_azure_hosts(reader, backend);
    register_name(&reader->backends, backend->name, target);
}

void *settings_find_named(struct settings_reader *reader, const struct text_table *table,
                          struct yaml_node *node, const char *what, const char *hint)
{
    void *found = text_table_find(table, node->text);
    struct slice nearest;

    if (found != NULL) {
        settings_note_use(reader, what, node->text);
        return found;
    }
    nearest =
        problem_report_is_full(reader->report) ? SLICE("") : text_table_suggest(table, node->text);
    if (slice_is_empty(nearest))
        settings_refuse_value(reader, node, "there is no %s '%.80s'%s", what, node->text.data,
                              hint);
    else
        settings_refuse_value(reader, node, "there is no %s '%.80s'; did you mean '%s'?", what,
                              node->text.data, nearest.data);
    return NULL;
}

/* --- TLS profiles ----------------------------------------------------------------------------- */

void settings_read_tls_profile(struct settings_reader *reader, const struct setting *setting,
                               struct yaml_node *node, void *target)
{
    void *profile;

    if (node->kind == YAML_MAPPING) {
        profile = config_memory_allocate(reader->memory, setting->mapping->size);
        settings_read_mapping(reader, setting->mapping, node, profile);
    } else if (settings_check_text(reader, setting, node)) {
        profile = settings_find_named(reader, &reader->tls_profiles, node, "TLS profile", "");
    } else {
        return;
    }
    settings_store_pointer(setting, target, profile);
}

/* --- Trust profiles --------------------------------------------------------------------------- */

/* A list of sources that grows. */
struct anchor_list {
    struct settings_reader *reader;
    struct trust_anchor_source *sources;
    size_t count;
    size_t capacity;
};

/* What was there before stays where it is: all of it ends together. */
static void add_source(struct anchor_list *list, const char *path, const char *name,
                       struct position position)
{
    if (list->count == list->capacity) {
        struct trust_anchor_source *more;

        list->capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        more = config_memory_allocate_array(list->reader->memory, list->capacity, sizeof(*more));
        for (size_t i = 0; i < list->count; i++)
            more[i] = list->sources[i];
        list->sources = more;
    }
    list->sources[list->count++] =
        (struct trust_anchor_source){.path = path, .name = name, .position = position};
}

static void add_matches(struct anchor_list *list, struct yaml_node *file, const char *name,
                        const struct path_matches *matches)
{
    source_files_note(list->reader->sources, matches->directory, true);
    for (size_t i = 0; i < matches->count; i++)
        add_source(list,
                   config_memory_copy(list->reader->memory, slice_from_text(matches->paths[i])),
                   name, file->position);
    if (matches->count == 0)
        settings_refuse_value(list->reader, file, "'%.80s' stands for no file", file->text.data);
}

/* A file, a pattern, or a directory. */
static void add_file(struct anchor_list *list, struct yaml_node *file, const char *name)
{
    static const char *const endings[] = {".pem", ".crt", ".cer", ".der", NULL};
    const char *path = settings_make_path(list->reader, file);
    bool is_pattern = path_is_pattern(file->text);
    bool is_directory = slice_ends_with(file->text, SLICE("/")) || path_is_directory(path);
    struct path_matches matches = {0};
    struct error error = {0};

    if (!is_pattern && !is_directory)
        add_source(list, path, name, file->position);
    else if (is_pattern ? path_match_pattern(path, &matches, &error)
                        : path_match_directory(path, endings, &matches, &error))
        add_matches(list, file, name, &matches);
    else
        settings_refuse_value(list->reader, file, "%s", error.text);
    path_matches_reset(&matches);
}

/* A file, or { name, file }. */
static void read_anchor(struct anchor_list *list, const struct setting *setting,
                        struct yaml_node *node, struct text_table *names)
{
    struct anchor_entry entry = {0};
    struct yaml_node *file = node;

    if (node->kind == YAML_MAPPING && setting->mapping != NULL) {
        settings_read_mapping(list->reader, setting->mapping, node, &entry);
        file = yaml_node_find(node, "file");
        if (entry.name != NULL)
            settings_check_unique(list->reader, names, yaml_node_find(node, "name"));
    }
    if (file != NULL && !file->is_faulty && settings_check_text(list->reader, setting, file))
        add_file(list, file, entry.name);
}

void settings_read_anchors(struct settings_reader *reader, const struct setting *setting,
                           struct yaml_node *node, void *target)
{
    struct anchor_list list = {.reader = reader};
    struct text_table names;

    if (!settings_check_list(reader, setting, node))
        return;
    text_table_init(&names);
    for (struct yaml_node *item = node->first; item != NULL; item = item->next)
        read_anchor(&list, setting, item, &names);
    text_table_reset(&names);
    settings_store_pointer(setting, target, list.sources);
    settings_store_count(setting, target, list.count);
}

void settings_read_intermediates(struct settings_reader *reader, const struct setting *setting,
                                 struct yaml_node *node, void *target)
{
    settings_read_anchors(reader, setting, node, target);
}

/* The files in place, as in `trust: [ca.pem]`: the anchors of a profile that has the defaults. */
static void read_anchors_in_place(struct settings_reader *reader, const struct setting *setting,
                                  struct yaml_node *node, struct trust_profile_settings *profile)
{
    const struct settings_mapping *mapping = setting->mapping;
    struct setting anchors = {0};

    for (size_t i = 0; i < mapping->setting_count; i++)
        if (mapping->settings[i].read == settings_read_anchors)
            anchors = mapping->settings[i];
    assert(anchors.read != NULL);
    anchors.name = setting->name;

    settings_apply_defaults(reader, mapping, profile);
    settings_read_anchors(reader, &anchors, node, profile);
    profile->position = node->position;
}

void settings_read_trust_profile(struct settings_reader *reader, const struct setting *setting,
                                 struct yaml_node *node, void *target)
{
    struct trust_profile_settings *profile;

    if (node->kind == YAML_SCALAR) {
        if (!settings_check_text(reader, setting, node))
            return;
        profile = settings_find_named(reader, &reader->trust_profiles, node, "trust profile",
                                      "; for a file write it in a list: [FILE]");
    } else {
        profile = config_memory_allocate(reader->memory, sizeof(*profile));
        if (node->kind == YAML_MAPPING)
            settings_read_mapping(reader, setting->mapping, node, profile);
        else
            read_anchors_in_place(reader, setting, node, profile);
    }
    settings_store_pointer(setting, target, profile);
}

/* --- Backends --------------------------------------------------------------------------------- */

/* False: it was refused. */
static bool read_endpoint_url(struct settings_reader *reader, const struct setting *setting,
                              struct yaml_node *node, struct backend_endpoint_settings *endpoint)
{
    char url[ENDPOINT_URL_SIZE];
    struct error error = {0};

    if (!settings_check_text(reader, setting, node))
        return false;
    if (!endpoint_url_parse(node->text, url, &error)) {
        settings_refuse_value(reader, node, "%s", error.text);
        return false;
    }
    endpoint->url = config_memory_copy(reader->memory, slice_from_text(url));
    endpoint->position = node->position;
    return true;
}

/* A URL, or { url }. */
static void read_endpoint(struct settings_reader *reader, const struct setting *setting,
                          struct yaml_node *node, struct backend_endpoint_settings *endpoint)
{
    struct endpoint_entry entry = {0};
    struct yaml_node *url = node;

    if (node->kind == YAML_MAPPING) {
        settings_read_mapping(reader, setting->mapping, node, &entry);
        url = yaml_node_find(node, "url");
        endpoint->weight = entry.weight;
    }
    if (url != NULL && !url->is_faulty)
        read_endpoint_url(reader, setting, url, endpoint);
}

void settings_read_endpoints(struct settings_reader *reader, const struct setting *setting,
                             struct yaml_node *node, void *target)
{
    struct backend_endpoint_settings *endpoints;
    size_t count = 0;

    if (!settings_check_list(reader, setting, node))
        return;
    endpoints = config_memory_allocate_array(reader->memory, node->count, sizeof(*endpoints));
    for (struct yaml_node *item = node->first; item != NULL; item = item->next)
        read_endpoint(reader, setting, item, &endpoints[count++]);
    settings_store_pointer(setting, target, endpoints);
    settings_store_count(setting, target, count);
}

/* Routes that name the same URL share one backend, and so its connections. */
static struct backend_settings *read_backend_in_place(struct settings_reader *reader,
                                                      const struct setting *setting,
                                                      struct yaml_node *node)
{
    struct backend_endpoint_settings endpoint = {0};
    struct backend_settings *backend;

    if (!read_endpoint_url(reader, setting, node, &endpoint))
        return NULL;
    backend = text_table_find(&reader->backend_urls, slice_from_text(endpoint.url));
    if (backend != NULL)
        return backend;

    backend = config_memory_allocate(reader->memory, sizeof(*backend));
    settings_apply_defaults(reader, setting->mapping, backend);
    backend->name = endpoint.url;
    backend->endpoints = config_memory_allocate(reader->memory, sizeof(endpoint));
    backend->endpoints[0] = endpoint;
    backend->endpoint_count = 1;
    backend->position = node->position;
    warn_of_azure_hosts(reader, backend);
    text_table_add(&reader->backend_urls, slice_from_text(backend->name), backend);
    return backend;
}

void settings_read_backend(struct settings_reader *reader, const struct setting *setting,
                           struct yaml_node *node, void *target)
{
    const struct backend_settings *backend;

    if (!settings_check_text(reader, setting, node))
        return;
    if (strstr(node->text.data, "://") != NULL)
        backend = read_backend_in_place(reader, setting, node);
    else
        backend = settings_find_named(reader, &reader->backends, node, "backend",
                                      "; for a URL begin with http:// or https://");
    settings_store_pointer(setting, target, backend);
}
