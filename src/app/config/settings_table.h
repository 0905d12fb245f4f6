/* SPDX-License-Identifier: Apache-2.0
 *
 * The one table of all settings. Each mapping of the configuration has its settings as data: name,
 * type, default, limits, meaning, example, and the field of the struct that it fills. Reading,
 * checking, the words of errors and the documentation all come from here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/error.h"
#include "runtime/slice.h"

struct settings_reader;
struct yaml_node;

enum setting_type {
    SETTING_TEXT,
    SETTING_TEXTS,    /* a list */
    SETTING_PATH,     /* seen from the directory of the configuration */
    SETTING_DURATION, /* milliseconds */
    SETTING_SIZE,     /* bytes */
    SETTING_COUNT,
    SETTING_BOOLEAN,
    SETTING_CHOICE,
    SETTING_MAPPING,
    SETTING_ITEMS,       /* a list of mappings */
    SETTING_NAMED,       /* a mapping of names that somebody chose to mappings */
    SETTING_NAMED_LISTS, /* the same, to lists of mappings; `read` takes each list */
    SETTING_SPECIAL      /* takes several forms; `read` knows them */
};

/* What a SPECIAL setting may be in YAML. */
enum setting_form { SETTING_FORM_SCALAR = 1, SETTING_FORM_LIST = 2, SETTING_FORM_MAPPING = 4 };

struct setting_choice {
    const char *name; /* NULL: behind the last */
    uint32_t value;
    bool is_refused; /* known, and not supported yet */
};

struct setting {
    const char *name;
    enum setting_type type;
    bool is_required;
    bool is_secret;   /* shown nowhere */
    bool is_path;     /* of TEXT and SPECIAL: what it names, and is in a list or has a '/' */
    bool is_of_files; /* says what the files are, and nothing more */
    bool is_embedded; /* what its mapping fills is in the struct that it is in itself */
    const char *default_text; /* read as if somebody had written it; NULL: the field stays zero */
    const char *otherwise;    /* what zero then means, in words */
    uint64_t min;             /* of DURATION, SIZE, COUNT */
    uint64_t max;
    const struct setting_choice *choices;
    const struct settings_mapping *mapping;                   /* of what is in it */
    bool (*is_valid)(struct slice text, struct error *error); /* of TEXT, and of each of TEXTS */
    unsigned forms;
    void (*read)(struct settings_reader *reader, const struct setting *setting,
                 struct yaml_node *node, void *target);
    size_t offset;
    size_t size;         /* 0: there is nothing to fill */
    size_t count_offset; /* of ITEMS, NAMED and lists */
    const char *refusal; /* known by name, and refused: "is not supported yet" */
    const char *expects; /* of SPECIAL, in words that fit behind "must be" */
    const char *meaning;
    const char *example;
};

struct settings_mapping {
    const char *title; /* where it is in the configuration */
    const char *meaning;
    const char *frame; /* a configuration in which '@' stands for settings of this mapping */
    const struct setting *settings;
    size_t setting_count;
    size_t size; /* of the struct that it fills */
    bool has_position;
    size_t position_offset;
    size_t name_offset; /* for NAMED */
    /* Checks what concerns several settings, after all were read. */
    void (*finish)(struct settings_reader *reader, struct yaml_node *node, void *target);
};

/* All of them, the root first. */
size_t settings_mapping_count(void);
const struct settings_mapping *settings_mapping_get(size_t index);

/* "text", "a duration such as 30s", "required, optional, unverified or none": fits behind "must
 * be". The caller releases it. */
char *setting_format_type(const struct setting *setting);
/* A whole configuration: the mapping's frame with `lines` in it, without the frame's own lines for
 * what they set. Gives where the first of the lines went. The caller releases it. */
char *settings_mapping_format(const struct settings_mapping *mapping, const char *lines,
                              unsigned *line, unsigned *column);
