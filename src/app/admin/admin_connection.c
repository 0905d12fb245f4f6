/* SPDX-License-Identifier: Apache-2.0
 *
 * The states of a connection, one row each. What a command does that ends the gateway is done when
 * the answer has been written, so that there is one.
 */
#include "app/admin/admin_connection_internal.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "app/admin/status_report_internal.h"
#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/memory.h"
#include "runtime/socket.h"
#include "runtime/timer.h"

enum { COMMAND_BYTES_MAX = 64, REST_BYTES_MAX = 4096 };

/* A reload reads files and asks for names; who waits longer has gone. */
enum { READING_MS = 5 * 1000, WAITING_MS = 10 * 60 * 1000, ANSWERING_MS = 5 * 1000 };

enum state {
    STATE_READING, /* the command */
    STATE_WAITING, /* for the end of a reload */
    STATE_ANSWERING,
    STATE_CLOSED,
    STATES
};

enum step { STEP_AGAIN, STEP_WAIT, STEP_FINISHED };

struct admin_connection {
    struct list_link link; /* the owner's */
    const struct admin_service_settings *settings;
    admin_connection_ended *ended;
    void *owner;
    int fd;
    struct event_watch *watch;
    struct timer *timer;
    uid_t user; /* of the process at the other end */
    bool is_obeyed;
    enum state state;
    bool is_advancing; /* what it has asked for may come to an end meanwhile */
    enum report_form form;
    char command[COMMAND_BYTES_MAX];
    size_t command_size;
    uint64_t awaited_reload; /* answered when so many have ended */
    struct text_builder answer;
    size_t answered;
    void (*act)(void *context); /* behind the answer; NULL: nothing */
};

static enum step read_command(struct admin_connection *connection);
static enum step await_reload(struct admin_connection *connection);
static enum step write_answer(struct admin_connection *connection);
static enum step finish(struct admin_connection *connection);

#define TO(state) (1u << (state))

/* clang-format off */
static const struct {
    enum step (*advance)(struct admin_connection *connection);
    unsigned wait_ms;
    unsigned leads_to;
} states[STATES] = {
    /*                    does          waits at most
                          may lead to */
    [STATE_READING]   = {read_command, READING_MS,
                         TO(STATE_WAITING) | TO(STATE_ANSWERING) | TO(STATE_CLOSED)},
    [STATE_WAITING]   = {await_reload, WAITING_MS,
                         TO(STATE_ANSWERING) | TO(STATE_CLOSED)},
    [STATE_ANSWERING] = {write_answer, ANSWERING_MS,
                         TO(STATE_CLOSED)},
    [STATE_CLOSED]    = {finish, 0, 0},
};
/* clang-format on */

static enum step enter(struct admin_connection *connection, enum state state)
{
    assert((states[connection->state].leads_to & TO(state)) != 0);
    connection->state = state;
    timer_start(connection->timer, states[state].wait_ms);
    return STEP_AGAIN;
}

static enum step wait_for(struct admin_connection *connection, enum event_interest interest)
{
    event_watch_set(connection->watch, (unsigned)interest);
    return STEP_WAIT;
}

/* ---- answers --------------------------------------------------------------------------------- */

static void begin_answer(struct admin_connection *connection, const char *word)
{
    text_builder_reset(&connection->answer);
    text_builder_add_format(&connection->answer, "%s\n", word);
}

/* A sentence, or what a report is too long for. */
static enum step answer(struct admin_connection *connection, const char *word, const char *text)
{
    begin_answer(connection, word);
    if (connection->form == REPORT_JSON) {
        text_builder_add_format(&connection->answer, "{\"result\":\"%s\",\"text\":", word);
        report_add_json(&connection->answer, slice_from_text(text));
        text_builder_add_format(&connection->answer, "}\n");
    } else {
        text_builder_add_format(&connection->answer, "%s\n", text);
    }
    return enter(connection, STATE_ANSWERING);
}

static enum step answer_reload(struct admin_connection *connection)
{
    const struct gateway_status *status = connection->settings->status;
    char *text;
    enum step step;

    if (!status->reload.succeeded)
        return answer(connection, "error",
                      status->reload.problems == NULL ? "" : status->reload.problems);
    text = memory_format("reloaded %s: generation %llu is in use", status->configuration,
                         (unsigned long long)status->generation_number);
    step = answer(connection, "ok", text);
    memory_release(text);
    return step;
}

/* ---- commands -------------------------------------------------------------------------------- */

static enum step reload(struct admin_connection *connection)
{
    const struct admin_service_settings *settings = connection->settings;

    if (settings->status->phase != GATEWAY_SERVING)
        return answer(connection, "error", "the gateway is about to end: nothing is reloaded");
    /* What is under way may have read the files before they were as they are now. */
    connection->awaited_reload = settings->status->reload.begun + 1;
    (void)enter(connection, STATE_WAITING);
    settings->operations->reload(settings->context);
    return STEP_AGAIN;
}

static enum step drain(struct admin_connection *connection)
{
    const struct gateway_status *status = connection->settings->status;
    size_t open = atomic_load_explicit(status->open_connections, memory_order_relaxed);
    char *text;
    enum step step;

    if (status->phase == GATEWAY_DRAINING)
        return answer(connection, "ok", "the gateway is draining already");
    text = memory_format("draining: %zu connections are open", open);
    step = answer(connection, "ok", text);
    memory_release(text);
    connection->act = connection->settings->operations->drain;
    return step;
}

static enum step stop(struct admin_connection *connection)
{
    connection->act = connection->settings->operations->stop;
    return answer(connection, "ok", "stopping now");
}

static enum step report_status(struct admin_connection *connection)
{
    begin_answer(connection, "ok");
    status_report_add(&connection->answer, connection->settings->status, connection->form);
    return enter(connection, STATE_ANSWERING);
}

static enum step report_certificates(struct admin_connection *connection)
{
    begin_answer(connection, "ok");
    certificate_report_add(&connection->answer, connection->settings->status, clock_wall_seconds(),
                           connection->form);
    return enter(connection, STATE_ANSWERING);
}

static enum step check_health(struct admin_connection *connection)
{
    enum gateway_phase phase = connection->settings->status->phase;

    return answer(connection, phase == GATEWAY_SERVING ? "ok" : "no", gateway_phase_name(phase));
}

static const struct {
    const char *name;
    bool is_logged; /* it changes something */
    enum step (*obey)(struct admin_connection *connection);
} commands[] = {
    {"reload", true, reload},
    {"drain", true, drain},
    {"stop", true, stop},
    {"status", false, report_status},
    {"certs", false, report_certificates},
    {"healthcheck", false, check_health},
};

static enum step obey(struct admin_connection *connection, struct slice line)
{
    struct slice name = slice_first(line, slice_find(line, ' '));
    struct slice form = slice_after(line, name.size);

    if (!connection->is_obeyed)
        return answer(connection, "error", "only root and the gateway's own user are obeyed");
    if (slice_equals(form, SLICE(" json")))
        connection->form = REPORT_JSON;
    else if (form.size > 0)
        return answer(connection, "error", "behind a command there may be 'json', and no more");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (!slice_equals(name, slice_from_text(commands[i].name)))
            continue;
        if (commands[i].is_logged)
            log_event(LOG_INFO, "user %ld says %s", (long)connection->user, commands[i].name);
        return commands[i].obey(connection);
    }
    return answer(connection, "error", "there is no such command");
}

/* ---- the states ------------------------------------------------------------------------------ */

static enum step read_command(struct admin_connection *connection)
{
    struct slice read = slice_from(connection->command, connection->command_size);
    size_t end = slice_find(read, '\n');
    struct socket_result got;

    if (end < read.size)
        return obey(connection, slice_first(read, end));
    if (read.size == COMMAND_BYTES_MAX)
        return answer(connection, "error", "a command is one short line");
    got =
        socket_read(connection->fd, connection->command + read.size, COMMAND_BYTES_MAX - read.size);
    switch (got.outcome) {
    case SOCKET_DONE:
        connection->command_size += got.count;
        return STEP_AGAIN;
    case SOCKET_AGAIN:
        return wait_for(connection, EVENT_READABLE);
    case SOCKET_FAILED:
    case SOCKET_CLOSED:
        break;
    }
    return enter(connection, STATE_CLOSED);
}

/* Who goes away meanwhile is found out when the answer is written. */
static enum step await_reload(struct admin_connection *connection)
{
    const struct gateway_reload *last = &connection->settings->status->reload;

    if (last->is_under_way || last->begun < connection->awaited_reload)
        return wait_for(connection, EVENT_NONE);
    return answer_reload(connection);
}

/* Closing with unread bytes would take the answer from who has not read it yet. */
static void discard_rest(const struct admin_connection *connection)
{
    char memory[REST_BYTES_MAX];

    (void)socket_read(connection->fd, memory, sizeof(memory));
}

static enum step end_answer(struct admin_connection *connection)
{
    void (*act)(void *context) = connection->act;

    connection->act = NULL;
    discard_rest(connection);
    socket_shutdown_write(connection->fd);
    if (act != NULL)
        act(connection->settings->context);
    return enter(connection, STATE_CLOSED);
}

static enum step write_answer(struct admin_connection *connection)
{
    struct slice unsent = slice_after(slice_from(connection->answer.text, connection->answer.size),
                                      connection->answered);
    struct socket_result sent;

    if (slice_is_empty(unsent))
        return end_answer(connection);
    sent = socket_write(connection->fd, unsent);
    switch (sent.outcome) {
    case SOCKET_DONE:
        connection->answered += sent.count;
        return STEP_AGAIN;
    case SOCKET_AGAIN:
        return wait_for(connection, EVENT_WRITABLE);
    case SOCKET_FAILED:
    case SOCKET_CLOSED:
        break;
    }
    /* Whoever gave the command did not wait for the answer, and meant it all the same. */
    return end_answer(connection);
}

static enum step finish(struct admin_connection *connection)
{
    (void)connection;
    return STEP_FINISHED;
}

/* ---- events ---------------------------------------------------------------------------------- */

/* The connection may be gone when this returns. */
static void advance(struct admin_connection *connection)
{
    enum step step = STEP_AGAIN;

    connection->is_advancing = true;
    while (step == STEP_AGAIN)
        step = states[connection->state].advance(connection);
    connection->is_advancing = false;
    if (step == STEP_FINISHED)
        connection->ended(connection->owner, connection);
}

static void on_ready(void *context, unsigned ready)
{
    (void)ready;
    advance(context);
}

static void on_timeout(void *context)
{
    struct admin_connection *connection = context;

    (void)enter(connection, STATE_CLOSED);
    advance(connection);
}

void admin_connection_reloaded(struct admin_connection *connection)
{
    if (connection->state == STATE_WAITING && !connection->is_advancing)
        advance(connection);
}

/* ---- making and ending ----------------------------------------------------------------------- */

bool admin_connection_obeys(uid_t user, uid_t ours)
{
    return user == 0 || user == ours;
}

/* The mode of the socket keeps others out; this holds when somebody has changed it. */
static bool is_obeyed(int fd, uid_t *user)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t size = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
        admin_connection_obeys(peer.uid, geteuid())) {
        *user = peer.uid;
        return true;
    }
    log_event(LOG_WARNING, "a command of user %ld was refused", (long)peer.uid);
    return false;
}

struct admin_connection *admin_connection_open(int fd,
                                               const struct admin_service_settings *settings,
                                               admin_connection_ended *ended, void *owner)
{
    struct admin_connection *connection = memory_allocate(sizeof(*connection));

    connection->settings = settings;
    connection->ended = ended;
    connection->owner = owner;
    connection->fd = fd;
    connection->watch = event_watch_create(settings->loop, fd, on_ready, connection);
    connection->timer = timer_create_on(settings->loop, on_timeout, connection);
    connection->state = STATE_READING;
    timer_start(connection->timer, states[STATE_READING].wait_ms);
    connection->is_obeyed = is_obeyed(fd, &connection->user);
    (void)wait_for(connection, EVENT_READABLE);
    return connection;
}

void admin_connection_destroy(struct admin_connection *connection)
{
    event_watch_destroy(connection->watch);
    timer_destroy(connection->timer);
    socket_close(connection->fd);
    text_builder_reset(&connection->answer);
    memory_release(connection);
}

struct list_link *admin_connection_link(struct admin_connection *connection)
{
    return &connection->link;
}

struct admin_connection *admin_connection_of(struct list_link *link)
{
    return LIST_ITEM(link, struct admin_connection, link);
}
