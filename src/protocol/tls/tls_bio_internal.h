/* SPDX-License-Identifier: Apache-2.0
 *
 * What lies between libssl and a socket. A worker has one tls_turn, which holds the memory that a
 * visit to a connection needs: what was received and not read yet, and what was written and not
 * sent yet. When the visit ends, the output is sent with one call; only what the socket did not
 * take, and input that nobody read, is copied to the connection. An idle connection holds nothing.
 *
 * Only one connection uses the turn at a time. That is asserted: it depends on us, not on the wire.
 */
#pragma once

#include <openssl/bio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/tls/tls_connection.h"
#include "runtime/slice.h"

enum {
    /* What a turn reads from one socket at most, and what can be put aside of it. */
    TLS_INPUT_BYTES = 64 * 1024,
    /* Plain text that a turn takes at most. */
    TLS_OUTPUT_PLAIN_BYTES = 256 * 1024,
    TLS_FRAGMENT_BYTES = 16 * 1024, /* RFC 8446 section 5.1 */
    /* Header, nonce, padding and authentication of a record in any suite of TLS 1.2 and 1.3. */
    TLS_RECORD_OVERHEAD = 128,
    /* Kept free for alerts, KeyUpdate and close_notify. */
    TLS_OUTPUT_RESERVE = 1024,
    TLS_OUTPUT_BYTES = TLS_OUTPUT_PLAIN_BYTES +
                       (TLS_OUTPUT_PLAIN_BYTES / TLS_FRAGMENT_BYTES + 1) * TLS_RECORD_OVERHEAD +
                       TLS_OUTPUT_RESERVE
};

struct tls_bio {
    struct tls_turn *turn;
    int fd;
    char *aside; /* input of an earlier turn; NULL when there is none */
    size_t aside_read;
    size_t aside_size;
    char *tail; /* output of an earlier turn that waits for the socket; NULL when there is none */
    size_t tail_sent;
    size_t tail_size;
    uint64_t sent;     /* bytes that the socket took */
    uint64_t received; /* bytes that it gave */
    size_t budget;     /* how much this turn may still receive */
    bool is_drained;   /* the socket had nothing more in this turn */
    bool is_ended;     /* the peer has sent FIN */
    bool is_stopped;   /* nothing is to be read any more, whatever waits */
    int broken;        /* the errno that ended the socket, or 0 */
};

void tls_bio_init(struct tls_bio *bio, struct tls_turn *turn, int fd);
/* Releases what it holds and leaves the turn, without sending anything. */
void tls_bio_reset(struct tls_bio *bio);
/* For SSL_set_bio, in both directions; the caller owns it. */
BIO *tls_bio_open(struct tls_bio *bio);

/* Input that is here and has not been read. With `more`, reads from the socket first. */
struct slice tls_bio_peek(struct tls_bio *bio, bool more);
/* A whole record is here, or one so wrong that its header suffices to refuse it. Meaningful where
 * libssl has read up to the end of a record. */
bool tls_bio_has_record(const struct tls_bio *bio);
/* Anything is here that was not read. */
bool tls_bio_has_input(const struct tls_bio *bio);
/* The socket may have more for this turn. */
bool tls_bio_may_receive(const struct tls_bio *bio);

/* How many bytes of records can still be collected. */
size_t tls_bio_output_room(const struct tls_bio *bio);
bool tls_bio_has_tail(const struct tls_bio *bio);
bool tls_bio_has_output(const struct tls_bio *bio);
/* Collects bytes as they are; false when there is no room. */
bool tls_bio_write(struct tls_bio *bio, struct slice bytes);

/* Sends, puts aside, and leaves the turn. */
enum tls_outcome tls_bio_end_turn(struct tls_bio *bio);
