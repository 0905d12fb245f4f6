/* SPDX-License-Identifier: Apache-2.0
 *
 * The files that a configuration is read from: each has a name for people, by which positions know
 * it, and a directory, from which its paths are seen. And everything else that was looked at while
 * reading, so that it can be watched.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "app/config/config_memory_internal.h"
#include "app/config/problem_report_internal.h"
#include "runtime/position.h"
#include "runtime/slice.h"

struct source_file {
    const char *name;         /* positions hold this very pointer */
    const char *directory;    /* absolute, without a slash at its end unless it is the root */
    const char *real_path;    /* NULL: it is no file */
    struct position included; /* what asked for it; its file is NULL for the first one */
};

struct source_files {
    struct config_memory *memory;
    struct problem_report *report;
    struct source_file *files;
    size_t count;
    const char **read; /* absolute; of a directory that was searched, "DIRECTORY/." */
    size_t read_count;
};

void source_files_init(struct source_files *sources, struct config_memory *memory,
                       struct problem_report *report);
void source_files_reset(struct source_files *sources);

/* Gives the name that positions are to hold. `directory` may be relative. */
const char *source_files_add(struct source_files *sources, const char *name, const char *directory,
                             const char *real_path, struct position included);
/* The first with this name, by its pointer; NULL: there is none. */
const struct source_file *source_files_find(const struct source_files *sources, const char *name);
const struct source_file *source_files_find_path(const struct source_files *sources,
                                                 const char *real_path);
/* `text` seen from the directory of the file that it stands in. Absolute. */
const char *source_files_make_path(const struct source_files *sources, const char *name,
                                   struct slice text);
/* A file, or with `is_directory` a directory, matters to what the configuration is. */
void source_files_note(struct source_files *sources, const char *path, bool is_directory);
