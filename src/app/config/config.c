/* SPDX-License-Identifier: Apache-2.0
 *
 * Loading: bytes, tree, settings, problems, in this order.
 */
#include "app/config/config.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/config/config_memory_internal.h"
#include "app/config/problem_report_internal.h"
#include "app/config/settings_reader_internal.h"
#include "app/config/settings_table.h"
#include "app/config/yaml_document_internal.h"
#include "runtime/file.h"
#include "runtime/memory.h"

struct config {
    struct config_memory memory;
    struct problem_report report;
    struct root_settings root;
};

static struct config *create_config(const char *name)
{
    struct config *config = memory_allocate(sizeof(*config));

    problem_report_init(&config->report, &config->memory,
                        config_memory_copy(&config->memory, slice_from_text(name)));
    return config;
}

/* Without a slash at the end, unless it is the root. */
static const char *make_absolute(struct config_memory *memory, const char *directory)
{
    char here[PATH_MAX];
    struct slice text = slice_from_text(directory);

    while (text.size > 1 && slice_ends_with(text, SLICE("/")))
        text.size--;
    if (slice_starts_with(text, SLICE("/")) || getcwd(here, sizeof(here)) == NULL)
        return config_memory_copy(memory, text);
    if (slice_is_empty(text) || slice_equals(text, SLICE(".")))
        return config_memory_copy(memory, slice_from_text(here));
    return config_memory_format(memory, "%s/%.*s", strcmp(here, "/") == 0 ? "" : here,
                                SLICE_FORMAT(text));
}

static void init_reader(struct settings_reader *reader, struct config *config,
                        const char *directory)
{
    *reader = (struct settings_reader){
        .memory = &config->memory,
        .report = &config->report,
        .directory = make_absolute(&config->memory, directory),
    };
    text_table_init(&reader->tls_profiles);
    text_table_init(&reader->trust_profiles);
    text_table_init(&reader->backends);
    text_table_init(&reader->backend_urls);
    text_table_init(&reader->warned_profiles);
}

static void reset_reader(struct settings_reader *reader)
{
    text_table_reset(&reader->tls_profiles);
    text_table_reset(&reader->trust_profiles);
    text_table_reset(&reader->backends);
    text_table_reset(&reader->backend_urls);
    text_table_reset(&reader->warned_profiles);
}

static void read_config(struct config *config, struct slice text, const char *directory)
{
    struct yaml_node *root = yaml_document_parse(text, &config->memory, &config->report);

    if (root != NULL) {
        struct settings_reader reader;

        init_reader(&reader, config, directory);
        settings_read_mapping(&reader, settings_mapping_get(0), root, &config->root);
        reset_reader(&reader);
    }
    problem_report_finish(&config->report);
}

struct config *config_load_text(struct slice text, const char *name, const char *directory)
{
    struct config *config = create_config(name);

    read_config(config, text, directory);
    return config;
}

/* "." for a name without one. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return memory_copy_text(".");
    return memory_copy_slice(slice_from(path, slash == path ? 1 : (size_t)(slash - path)));
}

struct config *config_load_file(const char *path)
{
    struct config *config = create_config(path);
    struct error error = {0};
    char *directory = directory_of(path);
    char *data = NULL;
    size_t size = 0;

    if (file_read(path, CONFIG_FILE_BYTES_MAX, &data, &size, &error)) {
        read_config(config, slice_from(data, size), directory);
    } else {
        problem_report_add(&config->report, CONFIG_ERROR, (struct position){0}, "%s", error.text);
        problem_report_finish(&config->report);
    }
    memory_release(data);
    memory_release(directory);
    return config;
}

void config_destroy(struct config *config)
{
    if (config == NULL)
        return;
    config_memory_release(&config->memory);
    memory_release(config);
}

const struct generation_settings *config_settings(const struct config *config)
{
    return config->report.problems.errors > 0 ? NULL : &config->root.generation;
}

const struct config_problems *config_problems(const struct config *config)
{
    return &config->report.problems;
}
