/* SPDX-License-Identifier: Apache-2.0
 *
 * Message heads on their way through: what is removed, what is replaced, what only we may say.
 *
 * The outgoing request head is written anew; nothing is passed on that this module did not choose
 * to pass. Removed, whatever the listener: hop-by-hop fields (after `Connection` was checked),
 * every field whose folded name is an identity header of the generation or of the fixed list,
 * X-Forwarded-*, Forwarded, X-Original-*, X-Rewrite-URL, X-Real-IP and their like, Proxy, Expect,
 * TE, Trailer, traceparent, and a tracestate that belongs to no trace. Then ours are added: Host,
 * framing, Via, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Port, X-Forwarded-Host,
 * X-Original-Host, X-AppGW-Trace-Id, traceparent, the identity headers of the route, and Expect, TE
 * and Trailer where they may be said; where the backend has it so, a signature over what is asked
 * for and the identity headers. Of signatures that came, those of our label or tag are removed. Of
 * a trusted proxy, X-Forwarded-Proto, -Port and -Host are passed on where they are well-formed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/identity/authentication.h"
#include "gateway/identity/identity.h"
#include "protocol/http/http_message.h"
#include "protocol/http/http_name_set.h"
#include "protocol/http/http_trace.h"
#include "protocol/reason/reason.h"
#include "protocol/signature/signing_key.h"
#include "runtime/arena.h"
#include "runtime/buffer.h"
#include "runtime/error.h"
#include "runtime/slice.h"

struct identity_header_settings {
    const char *name; /* as written to the backend */
    enum identity_format format;
    unsigned elements; /* of XFCC: 1 << IDENTITY_FORMAT_XFCC_...; 0: hash, subject, URIs, DNS */
    const char *by;    /* of XFCC: what the gateway is called; NULL: nothing is said */
};

/* Where the verification goes when a plan has no other name for it. */
#define IDENTITY_VERIFICATION_NAME "X-Client-Cert-Verification"

/* "traefik", "alb", ... are several headers at once. */
enum { IDENTITY_PRESET_MAX = 8 };

struct rewrite_settings {
    const struct identity_header_settings *identity_headers;
    size_t identity_header_count;
    bool forward_unverified; /* the route says `unverified: true` */
    /* What the lines of all identity headers of a request may have together; 0: what there is room
     * for. */
    size_t identity_bytes_max;
    const struct rewrite_signer *signer; /* borrowed by the plan; NULL: nothing is signed */
};

struct rewrite_signer_settings {
    enum signing_algorithm algorithm;
    const char *key_file;
    const char *keyid;
    int64_t lifetime_seconds;
    bool is_tls; /* the backend is met with https, whose default port is no part of @authority */
};

/* Reads the key. NULL and an error when it cannot be used. */
struct rewrite_signer *rewrite_signer_create(const struct rewrite_signer_settings *settings,
                                             struct error *error);
/* NULL is fine. */
void rewrite_signer_destroy(struct rewrite_signer *signer);

/* "client-cert", "client-cert-chain", "x-arr-clientcert", "alb", ... the short names of
 * `identity_headers`: how many headers it stands for, written to `found`; 0 when there is no such
 * name. */
size_t identity_header_find(struct slice short_name,
                            struct identity_header_settings found[IDENTITY_PRESET_MAX]);
/* The short name at `index`, for listing them, those of several headers too; NULL behind the last.
 */
const char *identity_header_short_name(size_t index);
/* "hash", "cert", "chain", "subject", "uri", "dns": a format that is a part of XFCC; NONE. */
enum identity_format identity_xfcc_element_find(struct slice name);
/* "pem_url", "der_base64", ... of `{ name, format }`; IDENTITY_FORMAT_NONE when there is none. */
enum identity_format identity_format_find(struct slice name);
/* "none" for IDENTITY_FORMAT_NONE, and for parts of XFCC, which nobody can ask for. */
const char *identity_format_name(enum identity_format format);

/* The names that only we may say: the fixed list, to which the generation adds every name that any
 * route fills. Families of names ("X-Amzn-Mtls-...") are known to this module besides. */
struct http_name_set *rewrite_owned_names_create(void);

struct rewrite_plan;
/* Copies the settings; borrows the names, which are complete before the first request. */
struct rewrite_plan *rewrite_plan_create(const struct rewrite_settings *settings,
                                         const struct http_name_set *owned_names);
/* NULL is fine. */
void rewrite_plan_destroy(struct rewrite_plan *plan);
/* 1 << enum identity_format, of what the plan forwards. */
unsigned rewrite_plan_formats(const struct rewrite_plan *plan);

/* May the client's Connection field name what it names? REASON_NONE or
 * REASON_REQUEST_CONNECTION_MALFORMED. */
enum reason rewrite_check_connection(const struct http_name_set *owned_names,
                                     const struct http_request *request);

enum { REWRITE_PSEUDONYM_BYTES_MAX = 64 };

/* How far may the request still go? REASON_NONE, REASON_REQUEST_LOOP when its Via says that it was
 * here before, or REASON_REQUEST_HEADER_MALFORMED. `ends_here`: an OPTIONS that may not be
 * forwarded, so that the gateway answers it (RFC 9110 section 7.6.2). */
enum reason rewrite_check_hops(const struct http_request *request, struct slice pseudonym,
                               bool *ends_here);
/* Did the client say that it takes trailers, in a version that has some? */
bool rewrite_accepts_trailers(const struct http_request *request);

struct rewrite_request_facts {
    struct slice forwarded_for; /* the client, and the trusted proxies behind it */
    bool trusts_peer; /* a proxy that may say how its client came: X-Forwarded-Proto and its like */
    uint16_t listener_port;
    const char *trace_id;
    /* NULL: the backend is not told. What the client says of a trace passes in no other way. */
    const struct http_trace *trace;
    struct slice pseudonym; /* for Via */
    bool expects_continue;  /* the backend is asked for "100 Continue" */
    struct slice host;      /* the Host to send: what the client asked for, or the backend's */
    const struct authentication *authentication; /* satisfied; anything else is REASON_INTERNAL */
    struct slice user; /* who the policy says the client is; empty: it does not say */
    enum client_certificate_mode mode; /* of the route */
    /* NULL: nothing was shown, or the mode forwards nothing. */
    struct presented_certificate *presented;
    struct arena *arena;
};

/* Writes the whole outgoing head, or nothing. REASON_NONE, or IDENTITY_HEADER_TOO_LARGE,
 * REQUEST_HEADER_TOO_LARGE when the buffer is full, or REQUEST_HEADER_MALFORMED and its like.
 * `stripped` counts the client's fields that were removed because only we may say them. */
enum reason rewrite_request_head(const struct rewrite_plan *plan,
                                 const struct http_request *request,
                                 const struct rewrite_request_facts *facts, struct buffer *to,
                                 size_t *stripped);

struct rewrite_response_facts {
    enum http_version client_version;
    struct slice pseudonym;    /* for Via */
    bool accepts_trailers;     /* the client does */
    bool close;                /* say Connection: close */
    enum http_framing framing; /* how the content goes to the client; never CHUNKED to HTTP/1.0 */
    const char *trace_id;      /* NULL: the client is not told */
    int64_t now;               /* seconds since 1970, for Date when the backend sent none */
    /* Of the generation, for Vary; NULL: the fixed list. */
    const struct http_name_set *owned_names;
};

/* Writes the response head for the client, or nothing: hop-by-hop fields removed, framing ours, and
 * a `Vary` that names an identity header turned into "Vary: *" (RFC 9440 section 2.4). REASON_NONE,
 * BACKEND_RESPONSE_TOO_LARGE when the buffer is full, or BACKEND_RESPONSE_MALFORMED. */
enum reason rewrite_response_head(const struct http_response *response,
                                  const struct rewrite_response_facts *facts, struct buffer *to);

/* The lines of a trailer section, without its end: of `trailers`, those that may stand there and
 * that the head's Connection fields do not take away; `stripped` counts the others. False, and
 * nothing, when the buffer has no room or the head names too much. */
bool rewrite_trailers(const struct http_name_set *owned_names, const struct http_fields *head,
                      const struct http_fields *trailers, struct buffer *to, size_t *stripped);
