/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of a configuration as a tree of positioned nodes: YAML 1.2 (of which JSON is a part)
 * without anchors, aliases and tags, one document, with limits on depth and number of nodes. What a
 * scalar means is not decided here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "app/config/config_memory_internal.h"
#include "app/config/problem_report_internal.h"
#include "runtime/position.h"
#include "runtime/slice.h"

enum { YAML_DEPTH_MAX = 32, YAML_NODES_MAX = 100000 };

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node {
    enum yaml_kind kind;
    bool is_plain;    /* a scalar without quotes */
    bool is_expanded; /* it is text where text is wanted, and a number where a number is */
    bool is_secret;   /* what it holds is shown nowhere */
    bool is_faulty;   /* it, or something in it, was refused: what depends on it is not checked */
    bool has_unknown; /* a mapping with a name that nobody knows: what seems to be missing may be
                         that */
    struct position position;
    struct slice text; /* of a scalar; NUL-terminated, without control characters */
    struct yaml_node *parent;
    struct yaml_node *key; /* of a value in a mapping, else NULL */
    struct yaml_node *first;
    struct yaml_node *last;
    struct yaml_node *next;
    size_t count;          /* of what is in it */
    const void *suggested; /* of a key that nobody knows: the setting that may have been meant */
};

/* NULL when nothing can be made of the text; the report then says why. Never gives other than a
 * mapping. Positions hold `file`. */
struct yaml_node *yaml_document_parse(struct slice text, const char *file,
                                      struct config_memory *memory, struct problem_report *report);

/* The value of a name in a mapping; NULL when there is none, or no mapping. */
struct yaml_node *yaml_node_find(const struct yaml_node *mapping, const char *name);
/* "a list", "a mapping", "text", "a number", ... */
const char *yaml_node_describe(const struct yaml_node *node);

/* What YAML's core schema reads an unquoted scalar as. */
enum yaml_type { YAML_TEXT, YAML_NOTHING, YAML_BOOLEAN, YAML_NUMBER };
enum yaml_type yaml_node_type(const struct yaml_node *node);
/* UTF-8, without line breaks and control characters? */
bool yaml_text_is_line(struct slice text);
/* Marks the node and everything around it. */
void yaml_node_mark_faulty(struct yaml_node *node);
