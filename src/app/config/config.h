/* SPDX-License-Identifier: Apache-2.0
 *
 * Configuration text -> validated settings. One table (settings_table.c) names every setting, with
 * its type, default, limits and meaning; it parses, checks and documents. Problems are reported all
 * at once, each with file, line and column, in order of appearance.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "gateway/generation/generation_settings.h"
#include "runtime/error.h"
#include "runtime/slice.h"

struct config;

enum config_severity { CONFIG_ERROR, CONFIG_WARNING };

struct config_problem {
    enum config_severity severity;
    const char *file;
    unsigned line; /* 0, as the column: the file as a whole */
    unsigned column;
    const char *text; /* one sentence without a full stop */
};

struct config_problems {
    struct config_problem *items;
    size_t count;  /* at most 101; the last then says how many more there are */
    size_t errors; /* all of them */
};

enum { CONFIG_FILE_BYTES_MAX = 1024 * 1024 };

/* A file, or a directory, whose *.yaml are one configuration. Never NULL. `config_settings` gives
 * NULL when there were errors. Only the text, and what it includes and expands, is checked here;
 * other files that it names are read when the generation is built. */
struct config *config_load_file(const char *path);
/* `name` stands for the file in problems; paths are relative to `directory`. */
struct config *config_load_text(struct slice text, const char *name, const char *directory);
void config_destroy(struct config *config);

const struct generation_settings *config_settings(const struct config *config);
/* Where a gateway of this configuration takes commands, as far as that could be read: whoever broke
 * the file may still want to talk to the gateway that runs. NULL: nowhere. */
const char *config_admin_socket(const struct config *config);
/* What it was read from, also when there were errors: see generation_settings. Borrowed. */
const char *const *config_source_files(const struct config *config, size_t *count);
const struct config_problems *config_problems(const struct config *config);

/* All that is in effect, as a configuration again, in which secrets are ***. There were no errors.
 * The caller releases it. */
char *config_format_effective(const struct config *config);
/* The JSON Schema of configurations, from the table; the caller releases it. */
char *config_format_schema(void);
/* docs/CONFIGURATION.md, from the table, into the heap; the caller releases it. */
char *config_format_documentation(void);
