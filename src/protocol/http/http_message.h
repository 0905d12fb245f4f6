/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP messages as values: what a head says once it has been read, and never again as text.
 * A received message is immutable. Slices point into the memory that was read, or into the arena
 * given to the reader; they live as long as both.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/slice.h"

enum http_version { HTTP_VERSION_NONE, HTTP_VERSION_1_0, HTTP_VERSION_1_1 };

/* How the end of a message's content is known (RFC 9112 section 6). */
enum http_framing {
    HTTP_FRAMING_NONE,   /* there is no content */
    HTTP_FRAMING_LENGTH, /* content_length bytes */
    HTTP_FRAMING_CHUNKED,
    HTTP_FRAMING_UNTIL_CLOSE /* responses only */
};

struct http_field {
    struct slice name;  /* as received */
    struct slice value; /* without blanks at its ends */
};

struct http_fields {
    struct http_field *items;
    size_t count;
};

struct http_request {
    struct slice method;
    struct slice target; /* as received, for the log */
    enum http_version version;
    struct slice authority; /* host and port as received: of an absolute target, else of Host */
    struct slice host;      /* lower case, without port and trailing dot; may be an IP literal */
    struct slice path;      /* canonical, see http_path.h; "*" for OPTIONS * */
    struct slice query;     /* without '?' */
    bool has_query;
    struct http_fields fields; /* all, in order; Host, framing and Connection included */
    enum http_framing framing;
    uint64_t content_length; /* with HTTP_FRAMING_LENGTH, where it is never 0: that is NONE */
    bool has_content_length; /* the client said "Content-Length: 0" or more */
    bool keep_alive;         /* what the client wants */
    bool expects_continue;
    bool is_head;
};

struct http_response {
    enum http_version version;
    unsigned status;
    struct slice reason_phrase;
    struct http_fields fields;
    enum http_framing framing;
    uint64_t content_length;
    bool has_content_length; /* also where there is no content: HEAD, 304 */
    bool keep_alive;
};

/* The first field of that name (ASCII case ignored), or NULL. */
const struct http_field *http_fields_find(const struct http_fields *fields, struct slice name);
size_t http_fields_count(const struct http_fields *fields, struct slice name);

/* RFC 9110 section 9.2.2. Methods are case-sensitive. */
bool http_method_is_idempotent(struct slice method);
/* RFC 9110 section 5.6.2: tchar. */
bool http_is_token(struct slice text);
/* "Not Found"; "Unknown" where the status has no registered phrase. */
const char *http_reason_phrase(unsigned status);
/* Does a comma-separated list (of one field value) hold this token, ASCII case ignored? */
bool http_list_has_token(struct slice list, struct slice token);
/* Takes the next element of a comma-separated list, trimmed; false at the end. Empty elements are
 * skipped, as RFC 9110 section 5.6.1.2 asks. Quotes have no meaning here. */
bool http_list_next(struct slice *rest, struct slice *element);
