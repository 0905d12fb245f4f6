/* SPDX-License-Identifier: Apache-2.0
 *
 * The BIO under a TLS connection. Reading: the socket is read once into the turn's memory, and
 * libssl is served from there, record by record. A short read means that the socket is empty; the
 * poll, which is level-triggered, says when it no longer is. A FIN or a broken socket looks like
 * "nothing now" to libssl, so that it neither fails nor sends an alert: the connection, which
 * sees is_ended and broken, knows better what each of them means.
 */
#include "protocol/tls/tls_bio_internal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "runtime/memory.h"
#include "runtime/socket.h"

enum {
    RECORD_HEADER_BYTES = 5,
    /* RFC 5246 section 6.2.3; TLS 1.3 allows less. */
    RECORD_BODY_BYTES_MAX = TLS_FRAGMENT_BYTES + 2048
};

struct tls_turn {
    BIO_METHOD *method;
    struct tls_bio *user; /* NULL between turns */
    size_t input_read;
    size_t input_written;
    size_t output_written;
    char *input;
    char *output;
};

/* ---- the turn ---- */

static void enter_turn(struct tls_bio *bio)
{
    struct tls_turn *turn = bio->turn;

    assert(turn->user == NULL || turn->user == bio);
    if (turn->user == bio)
        return;
    turn->user = bio;
    turn->input_read = turn->input_written = 0;
    turn->output_written = 0;
    bio->budget = TLS_INPUT_BYTES;
    bio->is_drained = false;
}

static bool is_in_turn(const struct tls_bio *bio)
{
    return bio->turn->user == bio;
}

/* ---- input ---- */

static struct slice aside_of(const struct tls_bio *bio)
{
    if (bio->aside == NULL)
        return slice_from(NULL, 0);
    return slice_from(bio->aside + bio->aside_read, bio->aside_size - bio->aside_read);
}

static struct slice received_of(const struct tls_bio *bio)
{
    const struct tls_turn *turn = bio->turn;

    if (!is_in_turn(bio))
        return slice_from(NULL, 0);
    return slice_from(turn->input + turn->input_read, turn->input_written - turn->input_read);
}

/* The older first. Both have bytes only while tls_bio_peek gathers them. */
static struct slice input_of(const struct tls_bio *bio)
{
    return bio->aside != NULL ? aside_of(bio) : received_of(bio);
}

static void drop_aside(struct tls_bio *bio)
{
    memory_release(bio->aside);
    bio->aside = NULL;
    bio->aside_read = bio->aside_size = 0;
}

static void consume_input(struct tls_bio *bio, size_t count)
{
    if (bio->aside == NULL) {
        bio->turn->input_read += count;
        return;
    }
    bio->aside_read += count;
    if (bio->aside_read == bio->aside_size)
        drop_aside(bio);
}

bool tls_bio_may_receive(const struct tls_bio *bio)
{
    return !bio->is_ended && !bio->is_stopped && bio->broken == 0 &&
           (!is_in_turn(bio) || (!bio->is_drained && bio->budget > 0));
}

/* Receives behind what is in the turn's memory. */
static void receive(struct tls_bio *bio)
{
    struct tls_turn *turn = bio->turn;
    struct socket_result result = {0};
    size_t room = 0;

    if (!tls_bio_may_receive(bio))
        return;
    if (turn->input_read == turn->input_written)
        turn->input_read = turn->input_written = 0;
    room = TLS_INPUT_BYTES - turn->input_written;
    if (room > bio->budget)
        room = bio->budget;
    if (room == 0)
        return;

    result = socket_read(bio->fd, turn->input + turn->input_written, room);
    switch (result.outcome) {
    case SOCKET_DONE:
        turn->input_written += result.count;
        bio->budget -= result.count;
        bio->received += result.count;
        bio->is_drained = result.count < room;
        break;
    case SOCKET_AGAIN:
        bio->is_drained = true;
        break;
    case SOCKET_CLOSED:
        bio->is_ended = true;
        break;
    case SOCKET_FAILED:
        bio->broken = result.code;
        break;
    }
}

struct slice tls_bio_peek(struct tls_bio *bio, bool more)
{
    struct tls_turn *turn = bio->turn;
    struct slice aside = aside_of(bio);

    enter_turn(bio);
    if (!more)
        return input_of(bio);

    /* What came later goes behind what came earlier, so that both are one piece. */
    if (bio->aside != NULL && turn->input_written == 0) {
        memcpy(turn->input, aside.data, aside.size);
        turn->input_written = aside.size;
        drop_aside(bio);
    }
    if (bio->aside == NULL)
        receive(bio);
    return input_of(bio);
}

bool tls_bio_has_record(const struct tls_bio *bio)
{
    struct slice input = input_of(bio);
    size_t body = 0;

    if (bio->is_stopped || input.size < RECORD_HEADER_BYTES)
        return false;
    body = (size_t)(unsigned char)input.data[3] << 8 | (unsigned char)input.data[4];
    return body > RECORD_BODY_BYTES_MAX || input.size - RECORD_HEADER_BYTES >= body;
}

bool tls_bio_has_input(const struct tls_bio *bio)
{
    return input_of(bio).size > 0;
}

static void put_input_aside(struct tls_bio *bio)
{
    struct slice left = received_of(bio);

    if (left.size == 0)
        return;
    /* The socket is read only when nothing is aside. */
    assert(bio->aside == NULL && left.size <= TLS_INPUT_BYTES);
    bio->aside = memory_try_allocate(left.size);
    if (bio->aside == NULL) {
        bio->broken = ENOMEM;
        return;
    }
    memcpy(bio->aside, left.data, left.size);
    bio->aside_read = 0;
    bio->aside_size = left.size;
}

/* ---- output ---- */

static struct slice tail_of(const struct tls_bio *bio)
{
    if (bio->tail == NULL)
        return slice_from(NULL, 0);
    return slice_from(bio->tail + bio->tail_sent, bio->tail_size - bio->tail_sent);
}

static struct slice collected_of(const struct tls_bio *bio)
{
    if (!is_in_turn(bio))
        return slice_from(NULL, 0);
    return slice_from(bio->turn->output, bio->turn->output_written);
}

static void drop_tail(struct tls_bio *bio)
{
    memory_release(bio->tail);
    bio->tail = NULL;
    bio->tail_sent = bio->tail_size = 0;
}

size_t tls_bio_output_room(const struct tls_bio *bio)
{
    return TLS_OUTPUT_BYTES - tail_of(bio).size - collected_of(bio).size;
}

bool tls_bio_has_tail(const struct tls_bio *bio)
{
    return bio->tail != NULL;
}

bool tls_bio_has_output(const struct tls_bio *bio)
{
    return bio->tail != NULL || collected_of(bio).size > 0;
}

bool tls_bio_write(struct tls_bio *bio, struct slice bytes)
{
    struct tls_turn *turn = bio->turn;

    enter_turn(bio);
    if (bytes.size > tls_bio_output_room(bio))
        return false;
    if (bytes.size > 0)
        memcpy(turn->output + turn->output_written, bytes.data, bytes.size);
    turn->output_written += bytes.size;
    return true;
}

/* What the socket did not take. Less than everything means that it is full. */
static struct slice send_bytes(struct tls_bio *bio, struct slice bytes)
{
    struct socket_result result = {0};

    if (bytes.size == 0)
        return bytes;
    result = socket_write(bio->fd, bytes);
    if (result.outcome == SOCKET_DONE) {
        bio->sent += result.count;
        return slice_after(bytes, result.count);
    }
    if (result.outcome == SOCKET_AGAIN)
        return bytes;
    bio->broken = result.outcome == SOCKET_FAILED ? result.code : -1;
    return slice_after(bytes, bytes.size);
}

/* The tail becomes what is left of it and then `collected`: at most TLS_OUTPUT_BYTES, because
 * tls_bio_write has counted both. */
static void keep_tail(struct tls_bio *bio, struct slice tail, struct slice collected)
{
    size_t size = tail.size + collected.size;
    char *kept = NULL;

    assert(size <= TLS_OUTPUT_BYTES);
    if (size > 0 && collected.size == 0 && bio->tail != NULL) {
        bio->tail_sent = bio->tail_size - tail.size;
        return;
    }
    if (size > 0) {
        kept = memory_try_allocate(size);
        if (kept == NULL) {
            bio->broken = ENOMEM;
            drop_tail(bio);
            return;
        }
        if (tail.size > 0)
            memcpy(kept, tail.data, tail.size);
        if (collected.size > 0)
            memcpy(kept + tail.size, collected.data, collected.size);
    }
    drop_tail(bio);
    bio->tail = kept;
    bio->tail_size = size;
}

static enum tls_outcome send_output(struct tls_bio *bio)
{
    struct slice tail = tail_of(bio);
    struct slice collected = collected_of(bio);

    if (bio->broken == 0) {
        tail = send_bytes(bio, tail);
        if (tail.size == 0 && bio->broken == 0)
            collected = send_bytes(bio, collected);
    }
    if (bio->broken != 0) {
        drop_tail(bio);
        return TLS_FAILED;
    }
    keep_tail(bio, tail, collected);
    if (bio->broken != 0)
        return TLS_FAILED;
    return bio->tail == NULL ? TLS_DONE : TLS_WANTS_WRITE;
}

enum tls_outcome tls_bio_end_turn(struct tls_bio *bio)
{
    enum tls_outcome outcome = send_output(bio);

    if (is_in_turn(bio)) {
        put_input_aside(bio);
        bio->turn->user = NULL;
    }
    return bio->broken == ENOMEM ? TLS_FAILED : outcome;
}

/* ---- the methods that libssl calls ---- */

static int read_for_library(BIO *library, char *memory, int size)
{
    struct tls_bio *bio = BIO_get_data(library);
    struct slice input;
    size_t count = 0;

    BIO_clear_retry_flags(library);
    enter_turn(bio);
    input = input_of(bio);
    if (input.size == 0) {
        receive(bio);
        input = input_of(bio);
    }
    if (input.size == 0 || size <= 0 || bio->is_stopped) {
        BIO_set_retry_read(library);
        return -1;
    }
    count = slice_first(input, (size_t)size).size;
    memcpy(memory, input.data, count);
    consume_input(bio, count);
    return (int)count;
}

static int write_for_library(BIO *library, const char *memory, int size)
{
    struct tls_bio *bio = BIO_get_data(library);

    BIO_clear_retry_flags(library);
    if (size <= 0)
        return 0;
    if (!tls_bio_write(bio, slice_from(memory, (size_t)size))) {
        BIO_set_retry_write(library);
        return -1;
    }
    return size;
}

static long control_for_library(BIO *library, int command, long number, void *pointer)
{
    (void)library;
    (void)number;
    (void)pointer;
    /* The end of a turn flushes; everything else (EOF, kernel TLS, pushing) is "no". */
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static int create_for_library(BIO *library)
{
    BIO_set_init(library, 1);
    return 1;
}

struct tls_turn *tls_turn_try_create(void)
{
    struct tls_turn *turn = memory_try_allocate(sizeof *turn);

    if (turn == NULL)
        return NULL;
    turn->input = memory_try_allocate_bulk(TLS_INPUT_BYTES);
    turn->output = memory_try_allocate_bulk(TLS_OUTPUT_BYTES);
    turn->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "turn");
    if (turn->input == NULL || turn->output == NULL || turn->method == NULL) {
        tls_turn_destroy(turn);
        return NULL;
    }
    BIO_meth_set_read(turn->method, read_for_library);
    BIO_meth_set_write(turn->method, write_for_library);
    BIO_meth_set_ctrl(turn->method, control_for_library);
    BIO_meth_set_create(turn->method, create_for_library);
    return turn;
}

struct tls_turn *tls_turn_create(void)
{
    return memory_require(tls_turn_try_create());
}

void tls_turn_destroy(struct tls_turn *turn)
{
    if (turn == NULL)
        return;
    assert(turn->user == NULL);
    BIO_meth_free(turn->method);
    memory_release_bulk(turn->input);
    memory_release_bulk(turn->output);
    memory_release(turn);
}

void tls_bio_init(struct tls_bio *bio, struct tls_turn *turn, int fd)
{
    *bio = (struct tls_bio){.turn = turn, .fd = fd};
}

void tls_bio_reset(struct tls_bio *bio)
{
    if (is_in_turn(bio))
        bio->turn->user = NULL;
    drop_aside(bio);
    drop_tail(bio);
}

BIO *tls_bio_open(struct tls_bio *bio)
{
    BIO *library = BIO_new(bio->turn->method);

    if (library != NULL)
        BIO_set_data(library, bio);
    return library;
}
