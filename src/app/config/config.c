/* SPDX-License-Identifier: Apache-2.0
 *
 * Loading: bytes, tree, settings, problems, in this order.
 */
#include "app/config/config.h"

#include <assert.h>

#include "app/config/config_memory_internal.h"
#include "app/config/config_tree_internal.h"
#include "app/config/effective_internal.h"
#include "app/config/path_pattern_internal.h"
#include "app/config/problem_report_internal.h"
#include "app/config/settings_reader_internal.h"
#include "app/config/settings_table.h"
#include "app/config/source_files_internal.h"
#include "app/config/yaml_document_internal.h"
#include "runtime/memory.h"

struct config {
    struct config_memory memory;
    struct problem_report report;
    struct source_files sources;
    struct yaml_node *tree; /* NULL: nothing could be read */
    struct root_settings root;
};

static struct config *create_config(const char *name)
{
    struct config *config = memory_allocate(sizeof(*config));

    source_files_init(&config->sources, &config->memory, &config->report);
    problem_report_init(&config->report, &config->memory,
                        config_memory_copy(&config->memory, slice_from_text(name)));
    return config;
}

static void init_reader(struct settings_reader *reader, struct config *config)
{
    *reader = (struct settings_reader){
        .memory = &config->memory,
        .report = &config->report,
        .sources = &config->sources,
    };
    text_table_init(&reader->tls_profiles);
    text_table_init(&reader->trust_profiles);
    text_table_init(&reader->policies);
    text_table_init(&reader->backends);
    text_table_init(&reader->backend_urls);
    text_table_init(&reader->route_sets);
    text_table_init(&reader->used);
    text_table_init(&reader->warned_profiles);
}

static void reset_reader(struct settings_reader *reader)
{
    text_table_reset(&reader->tls_profiles);
    text_table_reset(&reader->trust_profiles);
    text_table_reset(&reader->policies);
    text_table_reset(&reader->backends);
    text_table_reset(&reader->backend_urls);
    text_table_reset(&reader->route_sets);
    text_table_reset(&reader->used);
    text_table_reset(&reader->warned_profiles);
}

/* What is watched, and what a confined process must still be able to read. */
static void keep_sources(struct config *config)
{
    const struct source_files *sources = &config->sources;
    const char **paths =
        config_memory_allocate_array(&config->memory, sources->read_count + 1, sizeof(*paths));

    for (size_t i = 0; i < sources->read_count; i++)
        paths[i] = sources->read[i];
    config->root.generation.source_files = paths;
    config->root.generation.source_file_count = sources->read_count;
}

static void read_config(struct config *config, struct yaml_node *root)
{
    config->tree = root;
    if (root != NULL) {
        struct settings_reader reader;

        init_reader(&reader, config);
        settings_read_mapping(&reader, settings_mapping_get(0), root, &config->root);
        reset_reader(&reader);
    }
    keep_sources(config);
    problem_report_finish(&config->report);
}

struct config *config_load_text(struct slice text, const char *name, const char *directory)
{
    struct config *config = create_config(name);

    read_config(config, config_tree_from_text(&config->sources, text, name, directory));
    return config;
}

struct config *config_load_file(const char *path)
{
    struct config *config = create_config(path);

    read_config(config, path_is_directory(path) ? config_tree_from_directory(&config->sources, path)
                                                : config_tree_from_file(&config->sources, path));
    return config;
}

void config_destroy(struct config *config)
{
    if (config == NULL)
        return;
    source_files_reset(&config->sources);
    config_memory_release(&config->memory);
    memory_release(config);
}

char *config_format_effective(const struct config *config)
{
    assert(config->report.problems.errors == 0);
    return effective_format(config->tree, &config->sources);
}

const struct generation_settings *config_settings(const struct config *config)
{
    return config->report.problems.errors > 0 ? NULL : &config->root.generation;
}

const char *config_admin_socket(const struct config *config)
{
    return config->root.generation.admin_socket;
}

const char *const *config_source_files(const struct config *config, size_t *count)
{
    *count = config->root.generation.source_file_count;
    return config->root.generation.source_files;
}

const struct config_problems *config_problems(const struct config *config)
{
    return &config->report.problems;
}
