/* SPDX-License-Identifier: Apache-2.0
 *
 * See directory_watch.h. Directories are watched, not files: a renewal replaces files and links,
 * and a watch on the old file would hear nothing of the new one.
 */
#include "runtime/directory_watch.h"

#include "runtime/event_loop_internal.h"
#include "runtime/memory.h"

struct directory_watch {
    uv_fs_event_t uv;
    event_callback *callback;
    void *context;
};

static void on_event(uv_fs_event_t *event, const char *name, int events, int status)
{
    struct directory_watch *watch = event->data;

    (void)name;
    (void)events;
    (void)status;
    watch->callback(watch->context);
}

static void release(uv_handle_t *handle)
{
    memory_release(handle->data);
}

struct directory_watch *directory_watch_create(struct event_loop *loop, const char *path,
                                               event_callback *callback, void *context)
{
    struct directory_watch *watch = memory_allocate(sizeof(*watch));

    watch->callback = callback;
    watch->context = context;
    if (uv_fs_event_init(event_loop_uv(loop), &watch->uv) != 0) {
        memory_release(watch);
        return NULL;
    }
    watch->uv.data = watch;
    if (uv_fs_event_start(&watch->uv, on_event, path, 0) == 0)
        return watch;
    directory_watch_destroy(watch);
    return NULL;
}

void directory_watch_destroy(struct directory_watch *watch)
{
    if (watch != NULL)
        uv_close((uv_handle_t *)&watch->uv, release);
}
