/* SPDX-License-Identifier: Apache-2.0
 *
 * See file_watch.h. What a path leads to is known by device, inode, size and times of change. The
 * directory of each path is watched, and the directory of the file that its links lead to. Where
 * watching is not possible, looking now and then is enough.
 */
#include "app/file_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/directory_watch.h"
#include "runtime/memory.h"
#include "runtime/timer.h"

enum {
    QUIET_MS = 200,     /* without an event, before looking */
    PATIENCE_MS = 2000, /* of events without a pause */
    LOOK_MS = 10000     /* without any event */
};

struct watched_file {
    char *path;
    struct stat status;
    int code; /* errno of stat; 0: `status` holds */
};

struct watched_directory {
    char *path;
    struct directory_watch *watch; /* NULL: it could not be watched */
};

struct file_watch {
    struct event_loop *loop;
    event_callback *on_changed;
    void *context;
    struct timer *settle;
    struct timer *look;
    bool changed_while_read;
    uint64_t first_event_ms; /* of those that were not looked at; 0: there is none */
    struct watched_file *files;
    size_t file_count;
    struct watched_directory *directories;
    size_t directory_count;
};

/* ---- what the paths lead to
 * --------------------------------------------------------------------------- */

static void look_at(struct watched_file *file)
{
    file->code = stat(file->path, &file->status) == 0 ? 0 : errno;
}

static bool is_same(const struct watched_file *a, const struct watched_file *b)
{
    if (a->code != 0 || b->code != 0)
        return a->code == b->code;
    return a->status.st_dev == b->status.st_dev && a->status.st_ino == b->status.st_ino &&
           a->status.st_size == b->status.st_size &&
           a->status.st_mtim.tv_sec == b->status.st_mtim.tv_sec &&
           a->status.st_mtim.tv_nsec == b->status.st_mtim.tv_nsec &&
           a->status.st_ctim.tv_sec == b->status.st_ctim.tv_sec &&
           a->status.st_ctim.tv_nsec == b->status.st_ctim.tv_nsec;
}

static bool has_changed(struct file_watch *watch)
{
    bool changed = false;

    for (size_t i = 0; i < watch->file_count; i++) {
        struct watched_file now = {.path = watch->files[i].path};

        look_at(&now);
        if (!is_same(&now, &watch->files[i])) {
            watch->files[i] = now;
            changed = true;
        }
    }
    return changed;
}

/* ---- events
 * ---------------------------------------------------------------------------------------------- */

static void on_directory(void *context)
{
    struct file_watch *watch = context;
    uint64_t now = event_loop_now_ms(watch->loop);

    if (watch->first_event_ms == 0)
        watch->first_event_ms = now;
    if (now - watch->first_event_ms < PATIENCE_MS)
        timer_start(watch->settle, QUIET_MS);
}

static void watch_directory(struct file_watch *watch, char *path)
{
    for (size_t i = 0; i < watch->directory_count; i++) {
        if (strcmp(watch->directories[i].path, path) == 0) {
            memory_release(path);
            return;
        }
    }
    watch->directories = memory_resize(watch->directories,
                                       (watch->directory_count + 1) * sizeof(*watch->directories));
    watch->directories[watch->directory_count++] = (struct watched_directory){
        path, directory_watch_create(watch->loop, path, on_directory, watch)};
}

static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return memory_copy_text(".");
    return memory_copy_slice(slice_from(path, slash == path ? 1 : (size_t)(slash - path)));
}

static void watch_directories(struct file_watch *watch)
{
    for (size_t i = 0; i < watch->file_count; i++) {
        char resolved[PATH_MAX];

        watch_directory(watch, directory_of(watch->files[i].path));
        if (realpath(watch->files[i].path, resolved) != NULL)
            watch_directory(watch, directory_of(resolved));
    }
}

static void unwatch_directories(struct file_watch *watch)
{
    for (size_t i = 0; i < watch->directory_count; i++) {
        directory_watch_destroy(watch->directories[i].watch);
        memory_release(watch->directories[i].path);
    }
    memory_release(watch->directories);
    watch->directories = NULL;
    watch->directory_count = 0;
}

/* Links may lead elsewhere now, so that other directories matter. */
static bool look_again(struct file_watch *watch)
{
    bool changed = has_changed(watch) || watch->changed_while_read;

    watch->first_event_ms = 0;
    watch->changed_while_read = false;
    timer_start(watch->look, LOOK_MS);
    if (!changed)
        return false;
    unwatch_directories(watch);
    watch_directories(watch);
    return true;
}

static void look(void *context)
{
    struct file_watch *watch = context;

    if (look_again(watch))
        watch->on_changed(watch->context);
}

/* ---- from outside
 * -------------------------------------------------------------------------------------------- */

struct file_watch *file_watch_create(struct event_loop *loop, event_callback *on_changed,
                                     void *context)
{
    struct file_watch *watch = memory_allocate(sizeof(*watch));

    watch->loop = loop;
    watch->on_changed = on_changed;
    watch->context = context;
    watch->settle = timer_create_on(loop, look, watch);
    watch->look = timer_create_on(loop, look, watch);
    return watch;
}

static void forget_files(struct file_watch *watch)
{
    for (size_t i = 0; i < watch->file_count; i++)
        memory_release(watch->files[i].path);
    memory_release(watch->files);
    watch->files = NULL;
    watch->file_count = 0;
}

void file_watch_destroy(struct file_watch *watch)
{
    if (watch == NULL)
        return;
    unwatch_directories(watch);
    forget_files(watch);
    timer_destroy(watch->settle);
    timer_destroy(watch->look);
    memory_release(watch);
}

void file_watch_acknowledge(struct file_watch *watch)
{
    (void)look_again(watch);
}

/* The kernel stamps files by the same clock. A directory changes with every file in it, also with
 * those that we make. */
static bool has_changed_since(const struct watched_file *file, const struct timespec *since)
{
    const struct timespec *changed = &file->status.st_ctim;

    if (since == NULL || file->code != 0 || !S_ISREG(file->status.st_mode))
        return false;
    return changed->tv_sec > since->tv_sec ||
           (changed->tv_sec == since->tv_sec && changed->tv_nsec > since->tv_nsec);
}

void file_watch_set(struct file_watch *watch, char *const *paths, size_t count,
                    const struct timespec *read_since)
{
    unwatch_directories(watch);
    forget_files(watch);
    watch->files = memory_allocate_array(count, sizeof(*watch->files));
    watch->file_count = count;
    watch->changed_while_read = false;
    for (size_t i = 0; i < count; i++) {
        watch->files[i].path = memory_copy_text(paths[i]);
        look_at(&watch->files[i]);
        watch->changed_while_read =
            watch->changed_while_read || has_changed_since(&watch->files[i], read_since);
    }
    watch_directories(watch);
    timer_start(watch->look, LOOK_MS);
    if (watch->changed_while_read)
        timer_start(watch->settle, QUIET_MS);
}
