/* SPDX-License-Identifier: Apache-2.0
 *
 * See service_notify.h. A datagram is lines of NAME=VALUE; the names are systemd's, documented and
 * promised to stay in sd_notify(3).
 */
#include "app/service_notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/memory.h"
#include "runtime/slice.h"

enum { WAIT_SECONDS = 2 };

struct service_notify {
    int fd;
    uint64_t alive_within_ms;
};

/* ---- who is told
 * ------------------------------------------------------------------------------------------ */

static bool make_address(const char *name, struct sockaddr_un *address, socklen_t *size)
{
    size_t length = strlen(name);

    if ((name[0] != '/' && name[0] != '@') || length < 2 || length >= sizeof(address->sun_path))
        return false;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, name, length);
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (name[0] == '@')
        address->sun_path[0] = '\0'; /* an abstract name has no byte behind its last */
    else
        *size += 1;
    return true;
}

/* -1 with errno. The manager reads quickly; when it does not, two seconds are enough. */
static int connect_to(const char *name)
{
    static const struct timeval limit = {.tv_sec = WAIT_SECONDS};
    struct sockaddr_un address;
    socklen_t size;
    int code;
    int fd;

    if (!make_address(name, &address, &size)) {
        errno = EINVAL;
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
        connect(fd, (const struct sockaddr *)&address, size) == 0)
        return fd;
    code = errno;
    close(fd);
    errno = code;
    return -1;
}

static uint64_t number_of(const char *variable)
{
    const char *text = getenv(variable);
    uint64_t value = 0;

    return text != NULL && slice_parse_u64(slice_from_text(text), &value) ? value : 0;
}

/* WATCHDOG_PID keeps a child that inherited the environment from answering for its parent. */
static uint64_t read_alive_within_ms(void)
{
    uint64_t process = number_of("WATCHDOG_PID");

    if (getenv("WATCHDOG_PID") != NULL && process != (uint64_t)getpid())
        return 0;
    return number_of("WATCHDOG_USEC") / 1000;
}

struct service_notify *service_notify_open(void)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct service_notify *notify;
    int fd;

    if (name == NULL || name[0] == '\0')
        return NULL;
    fd = connect_to(name);
    if (fd < 0) {
        log_event(LOG_WARNING, "the service manager cannot be told anything at '%s': %s", name,
                  strerror(errno));
        return NULL;
    }
    notify = memory_allocate(sizeof(*notify));
    notify->fd = fd;
    notify->alive_within_ms = read_alive_within_ms();
    return notify;
}

void service_notify_close(struct service_notify *notify)
{
    if (notify == NULL)
        return;
    close(notify->fd);
    memory_release(notify);
}

uint64_t service_notify_alive_within_ms(const struct service_notify *notify)
{
    return notify == NULL ? 0 : notify->alive_within_ms;
}

/* ---- what is told
 * ----------------------------------------------------------------------------------------- */

static void send_message(struct service_notify *notify, const char *message)
{
    if (send(notify->fd, message, strlen(message), MSG_NOSIGNAL) < 0)
        log_event(LOG_DEBUG, "the service manager was not told: %s", strerror(errno));
}

/* Takes `state`, whole lines. A line break in the status would begin an assignment of its own. */
static void tell(struct service_notify *notify, char *state, const char *status)
{
    char *message = memory_format("%sSTATUS=%s", state, status);

    for (char *byte = message + strlen(state); *byte != '\0'; byte++) {
        if (*byte == '\n')
            *byte = ' ';
    }
    send_message(notify, message);
    memory_release(message);
    memory_release(state);
}

void service_notify_ready(struct service_notify *notify, const char *status)
{
    if (notify != NULL)
        tell(notify, memory_format("READY=1\nMAINPID=%ld\n", (long)getpid()), status);
}

/* The time says which of its requests this answers, to a manager that knows Type=notify-reload. */
void service_notify_reloading(struct service_notify *notify, const char *status)
{
    if (notify != NULL)
        tell(notify,
             memory_format("RELOADING=1\nMONOTONIC_USEC=%llu\n",
                           (unsigned long long)clock_monotonic_us()),
             status);
}

void service_notify_stopping(struct service_notify *notify, uint64_t within_ms, const char *status)
{
    if (notify != NULL)
        tell(notify,
             memory_format("STOPPING=1\nEXTEND_TIMEOUT_USEC=%llu\n",
                           (unsigned long long)within_ms * 1000),
             status);
}

void service_notify_alive(struct service_notify *notify)
{
    if (notify != NULL)
        send_message(notify, "WATCHDOG=1");
}
