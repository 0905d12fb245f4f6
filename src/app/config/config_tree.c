/* SPDX-License-Identifier: Apache-2.0
 *
 * Including: what a file includes is put behind what it says itself. Lists and mappings of names
 * grow; everything else is said in one file only. A file that was read is never read again, so that
 * no file includes itself.
 */
#include "app/config/config_tree_internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "app/config/config.h"
#include "app/config/expansion_internal.h"
#include "app/config/path_pattern_internal.h"
#include "runtime/file.h"
#include "runtime/memory.h"

static struct yaml_node *include_files(struct source_files *sources, struct yaml_node *root,
                                       unsigned depth);

static void refuse(const struct source_files *sources, struct yaml_node *node, const char *text)
{
    problem_report_add(sources->report, CONFIG_ERROR, node->position, "%s", text);
    yaml_node_mark_faulty(node);
}

/* --- Merging ---------------------------------------------------------------------------------- */

static void append(struct yaml_node *parent, struct yaml_node *node)
{
    node->next = NULL;
    node->parent = parent;
    if (parent->last == NULL)
        parent->first = node;
    else
        parent->last->next = node;
    parent->last = node;
    parent->count++;
    if (node->is_faulty)
        yaml_node_mark_faulty(parent);
}

static void refuse_twice(const struct source_files *sources, const struct yaml_node *first,
                         struct yaml_node *second)
{
    problem_report_add(sources->report, CONFIG_ERROR, second->key->position,
                       "'%s' is set twice; the first is %s", second->key->text.data,
                       problem_place(sources->memory, first->key->position, second->key->position));
    yaml_node_mark_faulty(second);
}

/* Of names that somebody chose to what they stand for. */
static void merge_names(const struct source_files *sources, struct yaml_node *into,
                        struct yaml_node *from)
{
    struct yaml_node *next;

    for (struct yaml_node *node = from->first; node != NULL; node = next) {
        const struct yaml_node *first = yaml_node_find(into, node->key->text.data);

        next = node->next;
        if (first == NULL)
            append(into, node);
        else
            refuse_twice(sources, first, node);
    }
    into->is_faulty = into->is_faulty || from->is_faulty;
}

static void merge_items(struct yaml_node *into, struct yaml_node *from)
{
    struct yaml_node *next;

    for (struct yaml_node *node = from->first; node != NULL; node = next) {
        next = node->next;
        append(into, node);
    }
    into->is_faulty = into->is_faulty || from->is_faulty;
}

static bool is_one_of(struct slice name, const char *const *names)
{
    for (; *names != NULL; names++)
        if (slice_equals(name, slice_from_text(*names)))
            return true;
    return false;
}

static void merge_setting(const struct source_files *sources, struct yaml_node *root,
                          struct yaml_node *node)
{
    static const char *const named[] = {"tls_profiles", "trust_profiles", "backends", "route_sets",
                                        "policies",     "rewrites",       NULL};
    static const char *const lists[] = {"listeners", NULL};
    struct yaml_node *first = yaml_node_find(root, node->key->text.data);

    if (first == NULL)
        append(root, node);
    else if (slice_equals(node->key->text, SLICE("version")))
        return;
    else if (is_one_of(node->key->text, named) && first->kind == YAML_MAPPING &&
             node->kind == YAML_MAPPING)
        merge_names(sources, first, node);
    else if (is_one_of(node->key->text, lists) && first->kind == YAML_SEQUENCE &&
             node->kind == YAML_SEQUENCE)
        merge_items(first, node);
    else
        refuse_twice(sources, first, node);
}

/* The version of an included file may be left out; what is there must be that of the first. */
static void check_version(const struct source_files *sources, const struct yaml_node *root,
                          struct yaml_node *included)
{
    const struct yaml_node *first = yaml_node_find(root, "version");
    struct yaml_node *version = yaml_node_find(included, "version");

    if (first == NULL || version == NULL || version->is_faulty || first->is_faulty)
        return;
    if (version->kind != first->kind || !slice_equals(version->text, first->text))
        refuse(sources, version,
               config_memory_format(
                   sources->memory, "'version' is another one than %s",
                   problem_place(sources->memory, first->position, version->position)));
}

static void merge(const struct source_files *sources, struct yaml_node *root,
                  struct yaml_node *included)
{
    struct yaml_node *next;

    check_version(sources, root, included);
    for (struct yaml_node *node = included->first; node != NULL; node = next) {
        next = node->next;
        if (node->key->is_faulty)
            continue;
        merge_setting(sources, root, node);
    }
    root->is_faulty = root->is_faulty || included->is_faulty;
}

/* --- Reading ---------------------------------------------------------------------------------- */

/* Takes a setting out of a mapping; NULL when it has none. */
static struct yaml_node *take(struct yaml_node *mapping, const char *name)
{
    struct yaml_node *before = NULL;

    for (struct yaml_node *node = mapping->first; node != NULL; before = node, node = node->next) {
        if (!slice_equals(node->key->text, slice_from_text(name)))
            continue;
        if (before == NULL)
            mapping->first = node->next;
        else
            before->next = node->next;
        if (mapping->last == node)
            mapping->last = before;
        mapping->count--;
        return node;
    }
    return NULL;
}

/* A file includes files, as deep as INCLUDE_DEPTH_MAX says. NOLINTBEGIN(misc-no-recursion) */
static struct yaml_node *read_text(struct source_files *sources, struct slice text,
                                   const char *name, unsigned depth)
{
    struct yaml_node *root = yaml_document_parse(text, name, sources->memory, sources->report);

    if (root == NULL)
        return NULL;
    expansion_apply(root, sources);
    return include_files(sources, root, depth);
}

/* "." for a name without one. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return memory_copy_text(".");
    return memory_copy_slice(slice_from(path, slash == path ? 1 : (size_t)(slash - path)));
}

/* `shown` is what people call the file. `asked` is NULL for the first file, else the value that
 * asked for it. */
static struct yaml_node *read_file(struct source_files *sources, const char *path,
                                   const char *shown, struct yaml_node *asked, unsigned depth)
{
    struct position from = asked == NULL ? (struct position){0} : asked->position;
    char *directory = directory_of(path);
    struct error error = {0};
    struct yaml_node *root = NULL;
    char real_path[PATH_MAX];
    bool is_real = realpath(path, real_path) != NULL;
    const struct source_file *before = is_real ? source_files_find_path(sources, real_path) : NULL;
    char *data = NULL;
    size_t size = 0;

    source_files_note(sources, path, false);
    if (before != NULL && asked != NULL) {
        refuse(sources, asked,
               before->included.file == NULL
                   ? config_memory_format(sources->memory,
                                          "'%s' is read already: it is the configuration itself",
                                          shown)
                   : config_memory_format(sources->memory,
                                          "'%s' is included twice; the first is %s", shown,
                                          problem_place(sources->memory, before->included, from)));
    } else if (file_read(path, CONFIG_FILE_BYTES_MAX, &data, &size, &error)) {
        const char *name =
            source_files_add(sources, shown, directory, is_real ? real_path : NULL, from);

        root = read_text(sources, slice_from(data, size), name, depth);
    } else if (asked != NULL) {
        refuse(sources, asked, error.text);
    } else {
        from.file = source_files_add(sources, shown, directory, NULL, from);
        problem_report_add(sources->report, CONFIG_ERROR, from, "%s", error.text);
    }
    if (data != NULL)
        memory_wipe_and_release(data, size);
    memory_release(directory);
    return root;
}

/* --- Including -------------------------------------------------------------------------------- */

/* The included file's name for people: beside the name of the file that includes it. */
static char *name_beside(const struct yaml_node *asked, const char *path)
{
    const char *last = strrchr(path, '/');
    const char *text = asked->text.data;
    const char *text_slash = strrchr(text, '/');
    char *written = memory_format("%.*s%s", text_slash == NULL ? 0 : (int)(text_slash - text) + 1,
                                  text, last == NULL ? path : last + 1);
    char *name = file_path_beside(asked->position.file, written);

    memory_release(written);
    return name;
}

static void include_one(struct source_files *sources, struct yaml_node *root,
                        struct yaml_node *asked, const char *path, unsigned depth)
{
    struct yaml_node *included;
    char *name;

    if (sources->count >= INCLUDED_FILES_MAX) {
        refuse(sources, asked,
               config_memory_format(sources->memory, "more than %d files are included",
                                    INCLUDED_FILES_MAX));
        return;
    }
    name = name_beside(asked, path);
    included = read_file(sources, path, name, asked, depth + 1);
    if (included == NULL)
        yaml_node_mark_faulty(root);
    else
        merge(sources, root, included);
    memory_release(name);
}

static void include_pattern(struct source_files *sources, struct yaml_node *root,
                            struct yaml_node *asked, unsigned depth)
{
    const char *path = source_files_make_path(sources, asked->position.file, asked->text);
    struct path_matches matches = {0};
    struct error error = {0};

    if (depth >= INCLUDE_DEPTH_MAX) {
        refuse(sources, asked,
               config_memory_format(sources->memory, "files are included deeper than %d levels",
                                    INCLUDE_DEPTH_MAX));
        return;
    }
    if (!path_is_pattern(asked->text)) {
        include_one(sources, root, asked, path, depth);
        return;
    }
    if (path_match_pattern(path, &matches, &error)) {
        source_files_note(sources, matches.directory, true);
        for (size_t i = 0; i < matches.count; i++)
            include_one(sources, root, asked, matches.paths[i], depth);
    } else {
        refuse(sources, asked, error.text);
    }
    path_matches_reset(&matches);
}

/* The first file's list stays in the tree, for the settings table to check. */
static struct yaml_node *include_files(struct source_files *sources, struct yaml_node *root,
                                       unsigned depth)
{
    bool is_first = sources->count == 1;
    struct yaml_node *include = is_first ? yaml_node_find(root, "include") : take(root, "include");
    struct yaml_node *next;

    if (include == NULL)
        return root;
    if (include->kind != YAML_SEQUENCE) {
        if (!is_first)
            refuse(sources, include, "'include' must be a list of files");
        return root;
    }
    for (struct yaml_node *item = include->first; item != NULL; item = next) {
        next = item->next;
        if (item->kind == YAML_SCALAR && !item->is_faulty && item->text.size > 0)
            include_pattern(sources, root, item, depth);
        else if (!is_first && !item->is_faulty)
            refuse(sources, item, "each of 'include' must be a file or a pattern of files");
    }
    return root;
}
/* NOLINTEND(misc-no-recursion) */

/* --- From outside ----------------------------------------------------------------------------- */

struct yaml_node *config_tree_from_text(struct source_files *sources, struct slice text,
                                        const char *name, const char *directory)
{
    const char *shown = source_files_add(sources, name, directory, NULL, (struct position){0});

    return read_text(sources, text, shown, 0);
}

struct yaml_node *config_tree_from_file(struct source_files *sources, const char *path)
{
    return read_file(sources, path, path, NULL, 0);
}

static struct yaml_node *read_directory(struct source_files *sources,
                                        const struct path_matches *matches)
{
    struct yaml_node *root = NULL;

    for (size_t i = 0; i < matches->count; i++) {
        struct yaml_node *read = read_file(sources, matches->paths[i], matches->paths[i], NULL, 0);

        if (root == NULL)
            root = read;
        else if (read != NULL)
            merge(sources, root, read);
    }
    return root;
}

struct yaml_node *config_tree_from_directory(struct source_files *sources, const char *directory)
{
    static const char *const endings[] = {".yaml", NULL};
    struct path_matches matches;
    struct error error = {0};
    struct yaml_node *root = NULL;

    if (path_match_directory(directory, endings, &matches, &error)) {
        source_files_note(sources, matches.directory, true);
        if (matches.count == 0)
            error_set(&error, ERROR_FILE, "there is no file in '%s' that ends with .yaml",
                      directory);
        root = read_directory(sources, &matches);
    }
    if (error.kind != ERROR_NONE) {
        (void)source_files_add(sources, directory, directory, NULL, (struct position){0});
        problem_report_add(sources->report, CONFIG_ERROR, (struct position){0}, "%s", error.text);
    }
    path_matches_reset(&matches);
    return root;
}
