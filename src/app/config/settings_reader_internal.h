/* SPDX-License-Identifier: Apache-2.0
 *
 * Walks a tree of nodes along the settings table and fills the structs of the settings. Everything
 * wrong is reported and reading goes on, so that all problems are found at once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "app/config/config_memory_internal.h"
#include "app/config/problem_report_internal.h"
#include "app/config/settings_table.h"
#include "app/config/source_files_internal.h"
#include "app/config/text_table_internal.h"
#include "app/config/yaml_document_internal.h"
#include "gateway/generation/generation_settings.h"

/* The root of the configuration: what a generation needs, and what its parts refer to by name. */
struct root_settings {
    struct generation_settings generation;
    const char *const *included; /* and read already */
    struct trust_profile_settings *trust_profiles;
    size_t trust_profile_count;
    struct tls_profile_settings *tls_profiles;
    size_t tls_profile_count;
    struct backend_settings *backends;
    size_t backend_count;
};

struct settings_reader {
    struct config_memory *memory;
    struct problem_report *report;
    struct source_files *sources;
    struct text_table tls_profiles;
    struct text_table trust_profiles;
    struct text_table policies;
    struct text_table backends;
    struct text_table backend_urls; /* in place; those of the same URL are one */
    struct text_table route_sets;
    struct text_table used; /* "WHAT NAME" of each definition that something refers to */
    struct text_table warned_profiles;
};

void settings_read_mapping(struct settings_reader *reader, const struct settings_mapping *mapping,
                           struct yaml_node *node, void *target);
/* What the mapping holds when nothing in it was set. */
void settings_apply_defaults(struct settings_reader *reader, const struct settings_mapping *mapping,
                             void *target);

/* Reports "'NAME' ..." or, for what is in a list, "each of 'NAME' ...", with the position of the
 * node. */
void settings_refuse(struct settings_reader *reader, const struct setting *setting,
                     struct yaml_node *node, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same without the name. */
void settings_refuse_value(struct settings_reader *reader, struct yaml_node *node,
                           const char *format, ...) __attribute__((format(printf, 3, 4)));
void settings_warn(struct settings_reader *reader, struct position position, const char *format,
                   ...) __attribute__((format(printf, 3, 4)));

/* Text that is not empty, and quoted where it must be. False: it was refused. */
bool settings_check_text(struct settings_reader *reader, const struct setting *setting,
                         struct yaml_node *node);
/* The same, and a name: letters, digits, '-', '_' and '.'. */
bool settings_check_name(struct settings_reader *reader, struct yaml_node *node);
/* Checks that a node is a list with something in it. */
bool settings_check_list(struct settings_reader *reader, const struct setting *setting,
                         struct yaml_node *node);
/* Refuses the second of two equal texts in a list. `seen` holds nodes. */
bool settings_check_unique(struct settings_reader *reader, struct text_table *seen,
                           struct yaml_node *node);
/* A list of mappings into an array and its count. */
void settings_read_items(struct settings_reader *reader, const struct setting *setting,
                         struct yaml_node *node, void *target);
/* The path that the node holds, seen from the directory of its file. Absolute. */
const char *settings_make_path(struct settings_reader *reader, const struct yaml_node *node);

void *settings_field(const struct setting *setting, void *target);
void settings_store_pointer(const struct setting *setting, void *target, const void *pointer);
void settings_store_count(const struct setting *setting, void *target, size_t count);
