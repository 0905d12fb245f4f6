/* SPDX-License-Identifier: Apache-2.0
 *
 * See path_pattern_internal.h.
 */
#include "app/config/path_pattern_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/memory.h"

bool path_is_pattern(struct slice text)
{
    return slice_find(text, '*') < text.size || slice_find(text, '?') < text.size ||
           slice_find(text, '[') < text.size;
}

bool path_is_directory(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

void path_matches_reset(struct path_matches *matches)
{
    for (size_t i = 0; i < matches->count; i++)
        memory_release(matches->paths[i]);
    memory_release(matches->paths);
    memory_release(matches->directory);
    *matches = (struct path_matches){0};
}

static bool has_ending(const char *name, const char *const *endings)
{
    for (; *endings != NULL; endings++)
        if (slice_ends_with(slice_from_text(name), slice_from_text(*endings)))
            return true;
    return false;
}

/* What was deleted meanwhile, or a link that leads nowhere, is kept: reading it says what is wrong.
 */
static void add_match(struct path_matches *matches, const char *name)
{
    const char *slash = strcmp(matches->directory, "/") == 0 ? "" : "/";
    char *path = memory_format("%s%s%s", matches->directory, slash, name);

    if (path_is_directory(path)) {
        memory_release(path);
        return;
    }
    matches->paths = memory_resize(matches->paths, (matches->count + 1) * sizeof(char *));
    matches->paths[matches->count++] = path;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* `pattern` or `endings` is NULL. */
static bool search(struct path_matches *matches, const char *pattern, const char *const *endings,
                   struct error *error)
{
    DIR *directory = opendir(matches->directory);
    bool is_complete = true;

    if (directory == NULL) {
        error_set(error, ERROR_FILE, "directory '%s' cannot be opened: %s", matches->directory,
                  strerror(errno));
        return false;
    }
    for (const struct dirent *entry = readdir(directory); is_complete && entry != NULL;
         entry = readdir(directory)) {
        if (entry->d_name[0] == '.' ||
            (pattern != NULL && fnmatch(pattern, entry->d_name, FNM_PERIOD) != 0) ||
            (endings != NULL && !has_ending(entry->d_name, endings)))
            continue;
        is_complete = matches->count < PATH_MATCHES_MAX;
        if (is_complete)
            add_match(matches, entry->d_name);
        else
            error_set(error, ERROR_LIMIT, "there are more than %d such files in '%s'",
                      PATH_MATCHES_MAX, matches->directory);
    }
    closedir(directory);
    if (matches->count > 1)
        qsort(matches->paths, matches->count, sizeof(char *), compare_paths);
    return is_complete;
}

bool path_match_pattern(const char *path, struct path_matches *matches, struct error *error)
{
    const char *slash = strrchr(path, '/');
    struct slice directory = slice_from(path, slash == NULL ? 0 : (size_t)(slash - path));
    const char *pattern = slash == NULL ? path : slash + 1;

    *matches = (struct path_matches){0};
    if (path_is_pattern(directory)) {
        error_set(error, ERROR_VALUE, "only the last part of a path may hold '*', '?' or '['");
        return false;
    }
    if (slash == NULL)
        directory = SLICE(".");
    else if (slice_is_empty(directory))
        directory = SLICE("/");
    matches->directory = memory_copy_slice(directory);
    return search(matches, pattern, NULL, error);
}

bool path_match_directory(const char *directory, const char *const *endings,
                          struct path_matches *matches, struct error *error)
{
    struct slice text = slice_from_text(directory);

    while (text.size > 1 && slice_ends_with(text, SLICE("/")))
        text.size--;
    *matches = (struct path_matches){.directory = memory_copy_slice(text)};
    return search(matches, NULL, endings, error);
}
