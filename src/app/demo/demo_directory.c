/* SPDX-License-Identifier: Apache-2.0
 *
 * Making and removing the demo's directory. It holds files only: what is removed is found by
 * listing it, and nothing outside can be reached.
 */
#include "app/demo/demo_directory_internal.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/file.h"
#include "runtime/memory.h"

static bool make_temporary(char **path, struct error *error)
{
    const char *parent = getenv("TMPDIR");
    char *template = memory_format("%s/sallyport-demo-XXXXXX",
                                   parent == NULL || parent[0] != '/' ? "/tmp" : parent);

    if (mkdtemp(template) == NULL) {
        error_set(error, ERROR_FILE, "a temporary directory '%s' cannot be made: %s", template,
                  strerror(errno));
        memory_release(template);
        return false;
    }
    *path = template;
    return true;
}

static bool is_entry_of_its_own(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static bool is_empty(const char *path, struct error *error)
{
    DIR *listing = opendir(path);
    const struct dirent *entry = NULL;
    bool empty = true;

    if (listing == NULL) {
        error_set(error, ERROR_FILE, "'%s' cannot be listed: %s", path, strerror(errno));
        return false;
    }
    for (entry = readdir(listing); entry != NULL && empty; entry = readdir(listing))
        empty = !is_entry_of_its_own(entry);
    closedir(listing);
    if (!empty)
        error_set(error, ERROR_FILE, "directory '%s' is not empty", path);
    return empty;
}

static bool prepare_kept(const char *keep, char **path, struct error *error)
{
    char resolved[PATH_MAX];
    struct stat status;

    if (lstat(keep, &status) == 0) {
        if (!is_empty(keep, error))
            return false;
    } else if (!file_make_private_directory(keep, error)) {
        return false;
    }
    if (realpath(keep, resolved) == NULL) {
        error_set(error, ERROR_FILE, "'%s' cannot be found: %s", keep, strerror(errno));
        return false;
    }
    *path = memory_copy_text(resolved);
    return true;
}

bool demo_directory_open(const char *keep, struct demo_directory *directory, struct error *error)
{
    char *path = NULL;
    bool opened = keep == NULL ? make_temporary(&path, error) : prepare_kept(keep, &path, error);

    if (opened)
        *directory = (struct demo_directory){.path = path, .temporary = keep == NULL};
    return opened;
}

static void remove_files(const char *path)
{
    DIR *listing = opendir(path);
    const struct dirent *entry = NULL;

    if (listing == NULL)
        return;
    for (entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
        if (is_entry_of_its_own(entry))
            unlinkat(dirfd(listing), entry->d_name, 0);
    }
    closedir(listing);
}

void demo_directory_close(struct demo_directory *directory)
{
    if (directory->path != NULL && directory->temporary) {
        remove_files(directory->path);
        rmdir(directory->path);
    }
    memory_release(directory->path);
    *directory = (struct demo_directory){NULL, false};
}

char *demo_directory_path(const struct demo_directory *directory, const char *name)
{
    return memory_format("%s/%s", directory->path, name);
}
