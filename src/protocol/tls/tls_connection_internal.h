/* SPDX-License-Identifier: Apache-2.0
 *
 * A connection's insides, for the callbacks of libssl.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocol/tls/tls_bio_internal.h"
#include "protocol/tls/tls_connection.h"

enum tls_stage {
    TLS_STAGE_FIRST_BYTES, /* is it TLS at all? */
    TLS_STAGE_HANDSHAKING,
    TLS_STAGE_OPEN,
    TLS_STAGE_FAILED
};

/* How far the proof has come that the client holds the key of the chain that it showed. */
enum tls_proof {
    TLS_PROOF_NOT_NEEDED, /* nothing has been shown */
    TLS_PROOF_AWAITED,
    TLS_PROOF_RECEIVED /* CertificateVerify is here; whether it holds, libssl says next */
};

struct tls_connection {
    SSL *ssl;
    struct tls_bio bio;
    enum tls_stage stage;
    struct tls_profile *profile; /* the first, and from the ClientHello on the chosen one */
    const struct tls_owner_operations *operations;
    void *owner;

    char *server_name; /* NULL when none came */
    size_t server_name_size;
    bool is_profile_chosen;
    enum tls_proof proof;

    void *attachment; /* a reference */

    size_t fragment_bytes;   /* what a record may hold, RFC 6066 section 4 */
    uint64_t bytes_read;     /* plain text */
    unsigned key_updates;    /* that the client has sent */
    unsigned renegotiations; /* that the client has tried */
    bool is_plain_http;
    bool is_finished; /* the handshake; still true when the connection fails later */
    bool is_truncated;
    bool is_write_closed;
    bool is_reading_blocked;   /* libssl must answer before it reads on, and the output was full */
    enum tls_outcome withheld; /* what the last read met after its last byte; TLS_DONE: nothing */

    struct tls_failure failure; /* REASON_UNDECIDED: nothing has failed */
};

/* Something is refused, for a reason of ours that goes before the library's words. Nothing is read
 * from now on; the call into libssl that runs will end in failure. */
void tls_connection_refuse(struct tls_connection *connection, enum reason reason,
                           const char *detail);
