/* SPDX-License-Identifier: Apache-2.0
 *
 * The viewer's listening socket and the connections that came from it. Everything runs on the
 * loop's thread. Beyond a number of connections, and when the system has no descriptor left,
 * accepting pauses; who waits is served when somebody else has gone.
 */
#include "app/whoami/whoami.h"

#include "app/whoami/whoami_connection_internal.h"
#include "runtime/memory.h"

enum {
    BACKLOG = 128,
    CONNECTIONS_MAX = 256,
    ACCEPTS_MAX = 32, /* in one turn */
    ACCEPT_PAUSE_MS = 200,
    SCRATCH_BYTES = 512 * 1024
};

struct whoami {
    struct event_loop *loop;
    int fd;
    struct socket_address address;
    struct event_watch *watch;
    struct timer *pause;
    struct list connections;
    char *scratch_memory;
    struct arena scratch;
};

static void on_ended(void *owner, struct whoami_connection *connection)
{
    struct whoami *whoami = owner;

    list_remove(&whoami->connections, &connection->link);
    whoami_connection_destroy(connection);
    if (!timer_is_running(whoami->pause))
        event_watch_set(whoami->watch, EVENT_READABLE);
}

static void on_pause_end(void *context)
{
    struct whoami *whoami = context;

    if (whoami->connections.count < CONNECTIONS_MAX)
        event_watch_set(whoami->watch, EVENT_READABLE);
}

/* A descriptor that cannot be had now would be asked for again at once, and again. */
static void pause_accepting(struct whoami *whoami)
{
    event_watch_set(whoami->watch, EVENT_NONE);
    timer_start(whoami->pause, ACCEPT_PAUSE_MS);
}

static void on_acceptable(void *context, unsigned ready)
{
    struct whoami *whoami = context;

    (void)ready;
    for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
        enum socket_outcome outcome = SOCKET_FAILED;
        struct socket_address peer;
        struct whoami_connection *connection = NULL;
        int code = 0;
        int fd = -1;

        if (whoami->connections.count >= CONNECTIONS_MAX) {
            event_watch_set(whoami->watch, EVENT_NONE);
            return;
        }
        fd = socket_accept(whoami->fd, &peer, &outcome, &code);
        if (fd < 0) {
            if (outcome == SOCKET_FAILED)
                pause_accepting(whoami);
            return;
        }
        connection = whoami_connection_open(whoami->loop, fd, &whoami->scratch, on_ended, whoami);
        list_append(&whoami->connections, &connection->link);
    }
}

struct whoami *whoami_start(struct event_loop *loop, const struct socket_address *address,
                            struct error *error)
{
    struct whoami *whoami = NULL;
    int fd = socket_listen(address, BACKLOG, false, error);

    if (fd < 0)
        return NULL;
    whoami = memory_allocate(sizeof *whoami);
    whoami->loop = loop;
    whoami->fd = fd;
    if (!socket_local_address(fd, &whoami->address))
        whoami->address = *address;
    list_init(&whoami->connections);
    whoami->scratch_memory = memory_allocate(SCRATCH_BYTES);
    arena_init(&whoami->scratch, whoami->scratch_memory, SCRATCH_BYTES);
    whoami->pause = timer_create_on(loop, on_pause_end, whoami);
    whoami->watch = event_watch_create(loop, fd, on_acceptable, whoami);
    event_watch_set(whoami->watch, EVENT_READABLE);
    return whoami;
}

void whoami_stop(struct whoami *whoami)
{
    struct list_link *link = NULL;

    if (whoami == NULL)
        return;
    for (link = list_first(&whoami->connections); link != NULL;
         link = list_first(&whoami->connections)) {
        list_remove(&whoami->connections, link);
        whoami_connection_destroy(LIST_ITEM(link, struct whoami_connection, link));
    }
    event_watch_destroy(whoami->watch);
    timer_destroy(whoami->pause);
    socket_close(whoami->fd);
    memory_release(whoami->scratch_memory);
    memory_release(whoami);
}

void whoami_address(const struct whoami *whoami, struct socket_address *address)
{
    *address = whoami->address;
}
