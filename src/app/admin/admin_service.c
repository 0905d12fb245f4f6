/* SPDX-License-Identifier: Apache-2.0
 *
 * See admin_service.h: the socket in the file system, and who comes through it.
 */
#include "app/admin/admin_service.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/admin/admin_connection_internal.h"
#include "runtime/memory.h"
#include "runtime/socket.h"
#include "runtime/timer.h"

enum { BACKLOG = 16, CONNECTIONS_MAX = 16, SOCKET_MODE = 0600, PAUSE_MS = 200 };

struct admin_service {
    struct admin_service_settings settings;
    char *path;
    int fd;
    dev_t device; /* of the socket in the file system */
    ino_t inode;
    struct event_watch *watch;
    struct timer *pause;
    struct list connections;
};

/* ---- the socket in the file system ------------------------------------------------------------
 */

static bool make_address(const char *path, struct sockaddr_un *address, struct error *error)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) > ADMIN_SOCKET_PATH_BYTES_MAX) {
        error_set(error, ERROR_VALUE, "the path has more than %d bytes",
                  ADMIN_SOCKET_PATH_BYTES_MAX);
        return false;
    }
    memcpy(address->sun_path, path, strlen(path));
    return true;
}

static int open_socket(struct error *error)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        error_set(error, ERROR_SYSTEM, "a socket cannot be opened: %s", strerror(errno));
    return fd;
}

/* Nobody listens there any more; whoever does may be too busy to answer (EAGAIN). */
static bool is_dead(const struct sockaddr_un *address)
{
    int fd = open_socket(NULL);
    bool refused;

    if (fd < 0)
        return false;
    refused = connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
              errno == ECONNREFUSED;
    close(fd);
    return refused;
}

/* Removes what a gateway left behind that did not end in good order, and nothing else. */
static bool make_way(const struct sockaddr_un *address, struct error *error)
{
    struct stat status;

    if (lstat(address->sun_path, &status) != 0) {
        if (errno == ENOENT)
            return true;
        error_set(error, ERROR_FILE, "it cannot be examined: %s", strerror(errno));
        return false;
    }
    if (!S_ISSOCK(status.st_mode)) {
        error_set(error, ERROR_FILE, "something else has that name, which is no socket");
        return false;
    }
    if (!is_dead(address)) {
        error_set(error, ERROR_FILE, "another process listens on it");
        return false;
    }
    if (unlink(address->sun_path) == 0 || errno == ENOENT)
        return true;
    error_set(error, ERROR_FILE, "the one that is left cannot be removed: %s", strerror(errno));
    return false;
}

/* The mode of a socket is that of its file from the moment that there is one (unix(7)). */
static bool listen_on(int fd, const struct sockaddr_un *address, struct error *error)
{
    if (fchmod(fd, SOCKET_MODE) == 0 &&
        bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
        listen(fd, BACKLOG) == 0)
        return true;
    error_set(error, ERROR_FILE, "it cannot be made: %s", strerror(errno));
    return false;
}

static bool open_in_file_system(struct admin_service *service, struct error *error)
{
    struct sockaddr_un address;
    struct stat status;

    if (!make_address(service->path, &address, error) || !make_way(&address, error))
        return false;
    service->fd = open_socket(error);
    if (service->fd < 0 || !listen_on(service->fd, &address, error))
        return false;
    if (lstat(service->path, &status) == 0) {
        service->device = status.st_dev;
        service->inode = status.st_ino;
    }
    return true;
}

static void remove_from_file_system(const struct admin_service *service)
{
    struct stat status;

    if (service->inode != 0 && lstat(service->path, &status) == 0 &&
        status.st_dev == service->device && status.st_ino == service->inode)
        (void)unlink(service->path);
}

/* ---- connections ------------------------------------------------------------------------------
 */

static void on_ended(void *owner, struct admin_connection *connection)
{
    struct admin_service *service = owner;

    list_remove(&service->connections, admin_connection_link(connection));
    admin_connection_destroy(connection);
    if (!timer_is_running(service->pause))
        event_watch_set(service->watch, EVENT_READABLE);
}

static void on_pause_end(void *context)
{
    struct admin_service *service = context;

    if (service->connections.count < CONNECTIONS_MAX)
        event_watch_set(service->watch, EVENT_READABLE);
}

/* False: nobody else is there, or none can be let in now. */
static bool accept_one(struct admin_service *service)
{
    struct admin_connection *connection;
    int fd = accept4(service->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0) {
        /* What cannot be had now would be asked for again at once, and again. */
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
            event_watch_set(service->watch, EVENT_NONE);
            timer_start(service->pause, PAUSE_MS);
        }
        return false;
    }
    connection = admin_connection_open(fd, &service->settings, on_ended, service);
    list_append(&service->connections, admin_connection_link(connection));
    return true;
}

static void on_acceptable(void *context, unsigned ready)
{
    struct admin_service *service = context;

    (void)ready;
    while (service->connections.count < CONNECTIONS_MAX) {
        if (!accept_one(service))
            return;
    }
    event_watch_set(service->watch, EVENT_NONE);
}

void admin_service_reloaded(struct admin_service *service)
{
    struct list_link *link = service == NULL ? NULL : list_first(&service->connections);

    while (link != NULL) {
        struct list_link *next = list_next(&service->connections, link);

        admin_connection_reloaded(admin_connection_of(link));
        link = next;
    }
}

/* ---- starting and stopping --------------------------------------------------------------------
 */

struct admin_service *admin_service_start(const struct admin_service_settings *settings,
                                          struct error *error)
{
    struct admin_service *service = memory_allocate(sizeof(*service));

    service->settings = *settings;
    service->path = memory_copy_text(settings->path);
    service->fd = -1;
    list_init(&service->connections);
    if (!open_in_file_system(service, error)) {
        error_prefix(error, "admin socket '%s'", settings->path);
        admin_service_stop(service);
        return NULL;
    }
    service->pause = timer_create_on(settings->loop, on_pause_end, service);
    service->watch = event_watch_create(settings->loop, service->fd, on_acceptable, service);
    event_watch_set(service->watch, EVENT_READABLE);
    return service;
}

void admin_service_stop(struct admin_service *service)
{
    if (service == NULL)
        return;
    remove_from_file_system(service);
    while (!list_is_empty(&service->connections)) {
        struct list_link *link = list_first(&service->connections);

        list_remove(&service->connections, link);
        admin_connection_destroy(admin_connection_of(link));
    }
    if (service->watch != NULL)
        event_watch_destroy(service->watch);
    timer_destroy(service->pause);
    if (service->fd >= 0)
        close(service->fd);
    memory_release(service->path);
    memory_release(service);
}
