/* SPDX-License-Identifier: Apache-2.0
 *
 * The listening socket and the connections that came from it. Beyond a number of connections who
 * idles makes room; when nobody does, and when the system has no descriptor left, accepting pauses,
 * and who waits is served when somebody else has gone.
 */
#include "app/http_service/http_service.h"

#include "app/http_service/http_service_connection_internal.h"
#include "runtime/memory.h"

enum {
    BACKLOG = 128,
    ACCEPTS_MAX = 32, /* in one turn */
    ACCEPT_PAUSE_MS = 200,
    SCRATCH_BYTES = 512 * 1024
};

struct http_service {
    struct http_service_settings settings;
    struct event_loop *loop;
    int fd;
    struct socket_address address;
    struct event_watch *watch;
    struct timer *pause;
    struct list connections;
    char *scratch_memory;
    struct arena scratch;
};

static void on_ended(void *owner, struct http_service_connection *connection)
{
    struct http_service *service = owner;

    list_remove(&service->connections, &connection->link);
    http_service_connection_destroy(connection);
    if (!timer_is_running(service->pause))
        event_watch_set(service->watch, EVENT_READABLE);
}

static void on_pause_end(void *context)
{
    struct http_service *service = context;

    event_watch_set(service->watch, EVENT_READABLE);
}

/* What cannot be had now would be asked for again at once, and again. */
static void pause_accepting(struct http_service *service)
{
    event_watch_set(service->watch, EVENT_NONE);
    timer_start(service->pause, ACCEPT_PAUSE_MS);
}

static bool is_full(const struct http_service *service)
{
    return service->connections.count >= service->settings.connections_max;
}

/* The one that has been there longest; NULL when everybody is in the middle of something. */
static struct http_service_connection *find_idle(const struct http_service *service)
{
    for (struct list_link *link = list_first(&service->connections); link != NULL;
         link = list_next(&service->connections, link)) {
        struct http_service_connection *connection =
            LIST_ITEM(link, struct http_service_connection, link);

        if (http_service_connection_is_idle(connection))
            return connection;
    }
    return NULL;
}

static void on_acceptable(void *context, unsigned ready)
{
    struct http_service *service = context;

    (void)ready;
    for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
        enum socket_outcome outcome = SOCKET_FAILED;
        struct socket_address peer;
        struct http_service_connection_owner owner = {&service->settings, &service->scratch,
                                                      on_ended, service};
        struct http_service_connection *connection = NULL;
        int code = 0;
        int fd = -1;

        if (is_full(service) && find_idle(service) == NULL) {
            pause_accepting(service);
            return;
        }
        fd = socket_accept(service->fd, &peer, &outcome, &code);
        if (fd < 0) {
            if (outcome == SOCKET_FAILED)
                pause_accepting(service);
            return;
        }
        if (is_full(service))
            on_ended(service, find_idle(service));
        connection = http_service_connection_open(service->loop, fd, &owner);
        list_append(&service->connections, &connection->link);
    }
}

struct http_service *http_service_start(struct event_loop *loop,
                                        const struct socket_address *address,
                                        const struct http_service_settings *settings,
                                        struct error *error)
{
    struct http_service *service = NULL;
    int fd = socket_listen(address, BACKLOG, false, error);

    if (fd < 0)
        return NULL;
    service = memory_allocate(sizeof *service);
    service->settings = *settings;
    service->loop = loop;
    service->fd = fd;
    if (!socket_local_address(fd, &service->address))
        service->address = *address;
    list_init(&service->connections);
    service->scratch_memory = memory_allocate(SCRATCH_BYTES);
    arena_init(&service->scratch, service->scratch_memory, SCRATCH_BYTES);
    service->pause = timer_create_on(loop, on_pause_end, service);
    service->watch = event_watch_create(loop, fd, on_acceptable, service);
    event_watch_set(service->watch, EVENT_READABLE);
    return service;
}

void http_service_stop(struct http_service *service)
{
    struct list_link *link = NULL;

    if (service == NULL)
        return;
    for (link = list_first(&service->connections); link != NULL;
         link = list_first(&service->connections)) {
        list_remove(&service->connections, link);
        http_service_connection_destroy(LIST_ITEM(link, struct http_service_connection, link));
    }
    event_watch_destroy(service->watch);
    timer_destroy(service->pause);
    socket_close(service->fd);
    memory_release(service->scratch_memory);
    memory_release(service);
}

void http_service_address(const struct http_service *service, struct socket_address *address)
{
    *address = service->address;
}
