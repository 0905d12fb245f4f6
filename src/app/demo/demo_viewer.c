/* SPDX-License-Identifier: Apache-2.0
 *
 * The viewer is made before its thread runs and ended after it, so that only the wake-up crosses
 * from one thread to another. Signals are the gateway's business.
 */
#include "app/demo/demo_viewer_internal.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "app/whoami/whoami.h"
#include "runtime/event_loop.h"
#include "runtime/memory.h"

struct demo_viewer {
    struct event_loop *loop;
    struct event_wake *wake;
    struct whoami *whoami;
    pthread_t thread;
    char address[SOCKET_ADDRESS_TEXT_SIZE];
};

static void *run_loop(void *context)
{
    event_loop_run(context);
    return NULL;
}

static void stop_loop(void *context)
{
    event_loop_stop(context);
}

static bool start_thread(struct demo_viewer *viewer, struct error *error)
{
    sigset_t all;
    sigset_t before;
    int code = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&viewer->thread, NULL, run_loop, viewer->loop);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0)
        error_set(error, ERROR_SYSTEM, "the viewer's thread cannot be started: %s", strerror(code));
    return code == 0;
}

static void release(struct demo_viewer *viewer)
{
    whoami_stop(viewer->whoami);
    event_wake_destroy(viewer->wake);
    event_loop_destroy(viewer->loop);
    memory_release(viewer);
}

struct demo_viewer *demo_viewer_start(struct error *error)
{
    struct demo_viewer *viewer = memory_allocate(sizeof *viewer);
    struct socket_address address;

    viewer->loop = event_loop_create();
    viewer->wake = event_wake_create(viewer->loop, stop_loop, viewer->loop);
    if (!socket_address_parse(SLICE("127.0.0.1:0"), &address, error))
        goto failed;
    viewer->whoami = whoami_start(viewer->loop, &address, error);
    if (viewer->whoami == NULL)
        goto failed;
    whoami_address(viewer->whoami, &address);
    socket_address_format(&address, viewer->address);
    if (!start_thread(viewer, error))
        goto failed;
    return viewer;

failed:
    release(viewer);
    return NULL;
}

const char *demo_viewer_address(const struct demo_viewer *viewer)
{
    return viewer->address;
}

void demo_viewer_stop(struct demo_viewer *viewer)
{
    if (viewer == NULL)
        return;
    event_wake_send(viewer->wake);
    pthread_join(viewer->thread, NULL);
    release(viewer);
}
