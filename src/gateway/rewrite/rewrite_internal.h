/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of this module share: which names are whose, what Connection lists, and a writer
 * that remembers the first line that did not go well.
 */
#pragma once

#include "gateway/rewrite/rewrite.h"
#include "protocol/http/http_write.h"

#define REWRITE_TRACE_ID_NAME "X-AppGW-Trace-Id"
/* Of our signatures, and their tag: an lcalpha key of RFC 8941. */
#define REWRITE_SIGNATURE_LABEL "sallyport"

struct rewrite_plan {
    struct identity_header_settings *headers;
    size_t header_count;
    size_t identity_bytes_max; /* 0: no limit but the buffer's */
    bool forward_unverified;
    bool has_verification;
    const struct rewrite_signer *signer;     /* borrowed; NULL: nothing is signed */
    const struct http_name_set *owned_names; /* borrowed */
};

/* Does the name carry, or claim to carry, the identity of a client? `owned_names` may be NULL. */
bool rewrite_is_identity_name(const struct http_name_set *owned_names, struct slice name);
/* Does it say where a request came from and what it was, as only a proxy can know? */
bool rewrite_is_forwarding_name(struct slice name);
/* RFC 9110 section 7.6.1, and what is older than it. */
bool rewrite_is_hop_by_hop_name(struct slice name);
/* Does the name fold to one of these? The last has no data; each begins with a letter. */
bool rewrite_name_is_among(struct slice name, const struct slice *names);
/* Does it begin with one of these? */
bool rewrite_name_is_of_family(struct slice name, const struct slice *families);
/* May a field of that name come behind the content? */
bool rewrite_may_be_trailer(const struct http_name_set *owned_names, struct slice name);

enum {
    REWRITE_CONNECTION_OPTIONS_MAX = 16,
    ANNOUNCED_MAX = 32, /* names of one message's Trailer fields */
    VIA_BYTES_MAX = 4 + REWRITE_PSEUDONYM_BYTES_MAX
};

/* What Connection names besides "close" and "keep-alive". */
struct rewrite_connection_options {
    struct slice names[REWRITE_CONNECTION_OPTIONS_MAX];
    size_t count;
};

/* False when an option is no token, or there are more than anybody needs: each is compared with
 * each field. */
bool rewrite_collect_connection_options(const struct http_fields *fields,
                                        struct rewrite_connection_options *options);
bool rewrite_is_connection_option(const struct rewrite_connection_options *options,
                                  struct slice name);

/* After the first line that was refused or had no room, nothing more is written. */
struct rewrite_writer {
    struct buffer *to;
    size_t start; /* where the head began */
    enum http_write_outcome outcome;
};

struct rewrite_writer rewrite_writer_start(struct buffer *to);
void rewrite_write_field(struct rewrite_writer *writer, struct slice name, struct slice value);
void rewrite_write_u64(struct rewrite_writer *writer, struct slice name, uint64_t value);
/* X-Forwarded-For and its like, and X-Original-Host. */
void rewrite_write_forwarding(const struct http_request *request,
                              const struct rewrite_request_facts *facts,
                              struct rewrite_writer *writer);
/* A name that a trusted proxy may fill; what it says goes on, or is replaced, and is no fraud. */
bool rewrite_is_continued_name(struct slice name);
/* "Via: 1.1 PSEUDONYM", with the version in which the message was received. */
void rewrite_write_via(struct rewrite_writer *writer, enum http_version received,
                       struct slice pseudonym);
/* Is Max-Forwards ours to count down? Then it is written by the second alone. */
bool rewrite_counts_forwards(const struct http_request *request);
void rewrite_write_max_forwards(struct rewrite_writer *writer, const struct http_request *request);
/* What the message's Trailer fields announce, as far as it may come. */
void rewrite_write_announcement(struct rewrite_writer *writer,
                                const struct http_name_set *owned_names,
                                const struct http_fields *fields);
/* The identity headers, all of them or none. False when they are too large, and the route does not
 * say that a client is served without. */
bool rewrite_write_identity(const struct rewrite_plan *plan,
                            const struct rewrite_request_facts *facts,
                            struct rewrite_writer *writer);
/* Signs what was written since the writer's start, and the identity lines from `identity_start` to
 * the end; `host` is the value of Host. False when there is no base for it, or no signature. */
bool rewrite_sign(const struct rewrite_signer *signer, struct slice host, size_t identity_start,
                  struct rewrite_writer *writer);
bool rewrite_is_signature_name(struct slice name);
/* Has a signature our name anywhere? Behind the content, where we write none, that is enough. */
bool rewrite_claims_to_be_ours(const struct http_field *field);
/* The signatures of a request that are not ours; `stripped` counts the others. */
void rewrite_write_signatures(const struct http_fields *fields, struct arena *arena,
                              struct rewrite_writer *writer, size_t *stripped);
/* The empty line; without it, all that was written is taken back. */
enum http_write_outcome rewrite_writer_finish(struct rewrite_writer *writer);
