/* SPDX-License-Identifier: Apache-2.0
 *
 * A ring of bytes that any thread fills and one thread empties. The lock guards the positions;
 * the writing thread reads its part of the ring without it, because nobody else touches bytes
 * between `start` and `start + used`. The queue always ends at the end of a line.
 *
 * The descriptor may be shared with other programs, so its flags stay as they are, and no write
 * is begun before poll says that there is room. A pipe takes PIPE_BUF bytes then without waiting.
 */
#include "runtime/line_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/memory.h"

enum {
    FILE_CHUNK_BYTES = 65536, /* a regular file has no reader to wait for */
    GATHER_MS = 5,            /* lines that come so soon behind each other are written together */
    GATHER_BYTES = 65536,     /* unless there are as many already */
    NS_PER_MS = 1000000
};

struct line_queue {
    int fd;
    bool owns_fd;
    size_t chunk_bytes;
    pthread_t thread;
    atomic_uint_fast64_t dropped;

    pthread_mutex_t lock;   /* guards what follows */
    pthread_cond_t changed; /* for the thread */
    pthread_cond_t ended;   /* for who destroys the queue */
    char *ring;
    size_t capacity;
    size_t start;
    size_t used;
    bool stopping;
    bool finished;
    uint64_t deadline_ms; /* of a stopping queue */
    bool is_reopened;     /* what follows is to be used from the next line on */
    int next_fd;
    bool owns_next_fd;

    int wake_fd; /* readable when the thread must look up from waiting for room */

    /* The thread's own. */
    bool within_line;   /* the last byte written was not a line feed */
    bool owes_line_end; /* the rest of a line was dropped */
};

/* ---- the writing thread ---- */

/* The next bytes to write: whole lines where they fit, so that lines of several writers to one
 * pipe do not mix. */
static struct slice next_chunk(const struct line_queue *queue, size_t used)
{
    size_t until_wrap = queue->capacity - queue->start;
    struct slice chunk = slice_from(queue->ring + queue->start, used);
    const char *line_feed = NULL;

    if (queue->owes_line_end)
        return SLICE("\n");
    chunk = slice_first(slice_first(chunk, until_wrap), queue->chunk_bytes);
    line_feed = memrchr(chunk.data, '\n', chunk.size);
    return line_feed == NULL ? chunk : slice_first(chunk, (size_t)(line_feed - chunk.data) + 1);
}

static size_t chunk_bytes_for(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? FILE_CHUNK_BYTES : PIPE_BUF;
}

/* The rest of a line whose beginning is in the old file. With the lock. */
static void drop_line_rest(struct line_queue *queue)
{
    bool is_at_end = false;

    while (queue->used > 0 && !is_at_end) {
        is_at_end = queue->ring[queue->start] == '\n';
        queue->start = (queue->start + 1) % queue->capacity;
        queue->used--;
    }
    atomic_fetch_add(&queue->dropped, 1);
}

/* With the lock. */
static void take_next_descriptor(struct line_queue *queue)
{
    if (!queue->is_reopened)
        return;
    if (queue->within_line && !queue->owes_line_end)
        drop_line_rest(queue);
    if (queue->owns_fd)
        close(queue->fd);
    queue->fd = queue->next_fd;
    queue->owns_fd = queue->owns_next_fd;
    queue->chunk_bytes = chunk_bytes_for(queue->fd);
    queue->is_reopened = false;
    queue->within_line = false;
    queue->owes_line_end = false;
}

static struct timespec to_timespec(uint64_t ms)
{
    return (struct timespec){.tv_sec = (time_t)(ms / 1000),
                             .tv_nsec = (long)(ms % 1000) * NS_PER_MS};
}

static bool has_gathered(const struct line_queue *queue)
{
    return queue->used >= GATHER_BYTES || queue->used >= queue->capacity / 2;
}

/* Waking for each line costs more than the line. With the lock. */
static void gather(struct line_queue *queue)
{
    struct timespec deadline = to_timespec(clock_monotonic_ms() + GATHER_MS);
    int code = 0;

    while (code == 0 && !has_gathered(queue) && !queue->stopping && !queue->is_reopened)
        code = pthread_cond_timedwait(&queue->changed, &queue->lock, &deadline);
}

/* How many bytes are queued, after waiting for some; 0 when the thread is to end. */
static size_t wait_for_lines(struct line_queue *queue)
{
    size_t used = 0;

    pthread_mutex_lock(&queue->lock);
    take_next_descriptor(queue);
    do {
        if (queue->used == 0 && !queue->stopping)
            pthread_cond_wait(&queue->changed, &queue->lock);
        gather(queue);
        take_next_descriptor(queue);
    } while (queue->used == 0 && !queue->stopping);
    if (!queue->stopping || clock_monotonic_ms() < queue->deadline_ms)
        used = queue->used;
    pthread_mutex_unlock(&queue->lock);
    return used;
}

/* How long poll may wait: for ever, or until the deadline of a stopping queue. */
static int poll_limit(struct line_queue *queue, bool *stopping)
{
    uint64_t now = clock_monotonic_ms();
    int limit = -1;

    pthread_mutex_lock(&queue->lock);
    *stopping = queue->stopping;
    if (queue->stopping)
        limit = queue->deadline_ms > now ? (int)(queue->deadline_ms - now) : 0;
    pthread_mutex_unlock(&queue->lock);
    return limit;
}

static void hear_wake(const struct line_queue *queue)
{
    uint64_t count = 0;
    ssize_t got = read(queue->wake_fd, &count, sizeof count);

    (void)got; /* It does not block, and how often it was sent is of no interest. */
}

/* Waits until a write will not wait; false when the time is over or something else was said. */
static bool wait_for_room(struct line_queue *queue)
{
    bool stopping = false;
    int limit = poll_limit(queue, &stopping);
    struct pollfd polled[] = {{.fd = queue->fd, .events = POLLOUT},
                              {.fd = queue->wake_fd, .events = POLLIN}};

    if (poll(polled, stopping ? 1 : 2, limit) <= 0)
        return false;
    if (polled[1].revents != 0) {
        hear_wake(queue);
        return false;
    }
    return polled[0].revents != 0;
}

/* AddressSanitizer guards the variables of a frame until the function returns, and a cancelled
 * thread leaves its frames without returning. */
#define LEFT_BY_CANCELLING __attribute__((no_sanitize_address))

/* Another program may fill a shared pipe between poll and write. Then the write waits, and the
 * only way out is to cancel the thread, which is allowed here and nowhere else. */
LEFT_BY_CANCELLING static ssize_t write_cancellable(int fd, struct slice bytes)
{
    ssize_t written = 0;
    int code = 0;

    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    written = write(fd, bytes.data, bytes.size);
    code = errno;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    errno = code;
    return written;
}

static void advance(struct line_queue *queue, struct slice written)
{
    bool ended_line = written.data[written.size - 1] == '\n';

    queue->within_line = !ended_line;
    if (queue->owes_line_end) {
        queue->owes_line_end = false;
        return;
    }
    pthread_mutex_lock(&queue->lock);
    queue->start = (queue->start + written.size) % queue->capacity;
    queue->used -= written.size;
    pthread_mutex_unlock(&queue->lock);
}

/* A full disk or a closed pipe: what is queued is given up, and later lines have a new chance. */
static void drop_queued(struct line_queue *queue)
{
    uint64_t lines = 0;

    pthread_mutex_lock(&queue->lock);
    for (size_t i = 0; i < queue->used; i++) {
        if (queue->ring[(queue->start + i) % queue->capacity] == '\n')
            lines++;
    }
    queue->start = 0;
    queue->used = 0;
    pthread_mutex_unlock(&queue->lock);

    queue->owes_line_end = queue->within_line;
    atomic_fetch_add(&queue->dropped, lines);
}

LEFT_BY_CANCELLING static void *run(void *context)
{
    struct line_queue *queue = context;
    size_t used = 0;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    for (used = wait_for_lines(queue); used > 0; used = wait_for_lines(queue)) {
        struct slice chunk = next_chunk(queue, used);
        ssize_t written = 0;

        if (!wait_for_room(queue))
            continue; /* and look again at what there is to do */
        written = write_cancellable(queue->fd, chunk);
        if (written > 0)
            advance(queue, slice_first(chunk, (size_t)written));
        else if (written == 0 || (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK))
            drop_queued(queue);
    }
    pthread_mutex_lock(&queue->lock);
    queue->finished = true;
    pthread_cond_signal(&queue->ended);
    pthread_mutex_unlock(&queue->lock);
    return NULL;
}

/* ---- the queue ---- */

/* Signals, SIGPIPE among them, are not for this thread. */
static int start_thread(struct line_queue *queue)
{
    sigset_t all;
    sigset_t before;
    int code = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&queue->thread, NULL, run, queue);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

static void release(struct line_queue *queue)
{
    if (queue->owns_fd)
        close(queue->fd);
    if (queue->is_reopened && queue->owns_next_fd)
        close(queue->next_fd);
    if (queue->wake_fd >= 0)
        close(queue->wake_fd);
    pthread_cond_destroy(&queue->changed);
    pthread_cond_destroy(&queue->ended);
    pthread_mutex_destroy(&queue->lock);
    memory_release(queue->ring);
    memory_release(queue);
}

/* Deadlines on the monotonic clock: who sets the date must not prolong the end. */
static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

struct line_queue *line_queue_create(int fd, bool owns_fd, size_t bytes_max, struct error *error)
{
    struct line_queue *queue = memory_allocate(sizeof *queue);
    int code = 0;

    queue->fd = fd;
    queue->owns_fd = owns_fd;
    queue->chunk_bytes = chunk_bytes_for(fd);
    queue->capacity = bytes_max > 0 ? bytes_max : 1;
    queue->ring = memory_allocate(queue->capacity);
    pthread_mutex_init(&queue->lock, NULL);
    init_condition(&queue->changed);
    init_condition(&queue->ended);

    queue->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    code = queue->wake_fd < 0 ? errno : start_thread(queue);
    if (code != 0) {
        error_set(error, ERROR_SYSTEM, "a thread for writing lines cannot be started: %s",
                  strerror(code));
        release(queue);
        return NULL;
    }
    return queue;
}

static void send_wake(const struct line_queue *queue)
{
    uint64_t one = 1;
    ssize_t told = write(queue->wake_fd, &one, sizeof one);

    (void)told; /* An eventfd takes many. */
}

static void tell_to_stop(struct line_queue *queue, unsigned wait_ms)
{
    pthread_mutex_lock(&queue->lock);
    queue->stopping = true;
    queue->deadline_ms = clock_monotonic_ms() + wait_ms;
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
    send_wake(queue);
}

static bool wait_for_end(struct line_queue *queue)
{
    struct timespec deadline = to_timespec(queue->deadline_ms);
    bool finished = false;
    int code = 0;

    pthread_mutex_lock(&queue->lock);
    while (!queue->finished && code == 0)
        code = pthread_cond_timedwait(&queue->ended, &queue->lock, &deadline);
    finished = queue->finished;
    pthread_mutex_unlock(&queue->lock);
    return finished;
}

void line_queue_destroy(struct line_queue *queue, unsigned wait_ms)
{
    if (queue == NULL)
        return;
    tell_to_stop(queue, wait_ms);
    if (!wait_for_end(queue))
        pthread_cancel(queue->thread);
    pthread_join(queue->thread, NULL);
    release(queue);
}

void line_queue_reopen(struct line_queue *queue, int fd, bool owns_fd)
{
    pthread_mutex_lock(&queue->lock);
    if (queue->is_reopened && queue->owns_next_fd)
        close(queue->next_fd);
    queue->is_reopened = true;
    queue->next_fd = fd;
    queue->owns_next_fd = owns_fd;
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
    send_wake(queue);
}

static void copy_in(struct line_queue *queue, struct slice line)
{
    size_t end = (queue->start + queue->used) % queue->capacity;
    struct slice before_wrap = slice_first(line, queue->capacity - end);
    struct slice after_wrap = slice_after(line, before_wrap.size);

    memcpy(queue->ring + end, before_wrap.data, before_wrap.size);
    if (after_wrap.size > 0)
        memcpy(queue->ring, after_wrap.data, after_wrap.size);
    queue->used += line.size;
}

/* True when the thread waits for just this: the first line, or the one that makes enough. */
static bool put(struct line_queue *queue, struct slice line)
{
    bool was_empty = queue->used == 0;
    bool had_gathered = has_gathered(queue);

    copy_in(queue, line);
    return was_empty || (!had_gathered && has_gathered(queue));
}

bool line_queue_put(struct line_queue *queue, struct slice line)
{
    bool fits = false;

    if (line.size == 0)
        return true;
    pthread_mutex_lock(&queue->lock);
    fits = !queue->stopping && line.size <= queue->capacity - queue->used;
    if (fits && put(queue, line))
        pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->lock);

    if (!fits)
        atomic_fetch_add(&queue->dropped, 1);
    return fits;
}

uint64_t line_queue_dropped(const struct line_queue *queue)
{
    return atomic_load(&queue->dropped);
}
