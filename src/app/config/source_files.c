/* SPDX-License-Identifier: Apache-2.0
 *
 * See source_files_internal.h. The lists are short: a configuration has few files.
 */
#include "app/config/source_files_internal.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "runtime/memory.h"

void source_files_init(struct source_files *sources, struct config_memory *memory,
                       struct problem_report *report)
{
    *sources = (struct source_files){.memory = memory, .report = report};
}

void source_files_reset(struct source_files *sources)
{
    memory_release(sources->files);
    memory_release(sources->read);
    *sources = (struct source_files){0};
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

const char *source_files_add(struct source_files *sources, const char *name, const char *directory,
                             const char *real_path, struct position included)
{
    struct source_file file = {
        .name = config_memory_copy(sources->memory, slice_from_text(name)),
        .directory = make_absolute(sources->memory, directory),
        .included = included,
    };

    if (real_path != NULL)
        file.real_path = config_memory_copy(sources->memory, slice_from_text(real_path));
    sources->files = memory_resize(sources->files, (sources->count + 1) * sizeof(*sources->files));
    sources->files[sources->count++] = file;
    problem_report_add_file(sources->report, file.name);
    return file.name;
}

const struct source_file *source_files_find(const struct source_files *sources, const char *name)
{
    for (size_t i = 0; i < sources->count; i++)
        if (sources->files[i].name == name)
            return &sources->files[i];
    return NULL;
}

const struct source_file *source_files_find_path(const struct source_files *sources,
                                                 const char *real_path)
{
    for (size_t i = 0; i < sources->count; i++)
        if (sources->files[i].real_path != NULL &&
            strcmp(sources->files[i].real_path, real_path) == 0)
            return &sources->files[i];
    return NULL;
}

const char *source_files_make_path(const struct source_files *sources, const char *name,
                                   struct slice text)
{
    const struct source_file *file = source_files_find(sources, name);
    const char *directory = file == NULL ? sources->files[0].directory : file->directory;
    struct slice here = SLICE("./");

    /* The URI of a key in a token is no path, wherever it stands. */
    if (slice_starts_with(text, SLICE("/")) || slice_starts_with(text, SLICE("pkcs11:")))
        return config_memory_copy(sources->memory, text);
    while (slice_starts_with(text, here))
        text = slice_after(text, here.size);
    return config_memory_format(sources->memory, "%s%s%.*s", directory,
                                strcmp(directory, "/") == 0 ? "" : "/", SLICE_FORMAT(text));
}

void source_files_note(struct source_files *sources, const char *path, bool is_directory)
{
    const char *noted = config_memory_format(
        sources->memory, "%s%s", path,
        !is_directory ? "" : (slice_ends_with(slice_from_text(path), SLICE("/")) ? "." : "/."));

    for (size_t i = 0; i < sources->read_count; i++)
        if (strcmp(sources->read[i], noted) == 0)
            return;
    sources->read =
        memory_resize(sources->read, (sources->read_count + 1) * sizeof(*sources->read));
    sources->read[sources->read_count++] = noted;
}
