/* SPDX-License-Identifier: Apache-2.0
 *
 * The head is looked at twice and no more: once by memchr for its line ends, as it arrives, and
 * once by a table of bytes when it is whole. The second walk needs no bounds: a CR ends every loop,
 * and the head ends in one.
 */
#include "protocol/http/http_head_internal.h"

#include "protocol/http/http_characters_internal.h"
#include "protocol/http/http_name_set.h"

/* Nothing else is a line end, although RFC 9112 section 2.2 would let a recipient take a bare LF:
 * a peer that does and one that does not disagree about where the head ends. */
enum http_head_end http_head_find_end(struct slice window, size_t start, size_t head_bytes_max,
                                      struct http_read_progress *progress, struct slice *head)
{
    size_t i = progress->scanned > start ? progress->scanned : start;

    while (i < window.size) {
        i += slice_find(slice_after(window, i), '\n');
        if (i == window.size)
            break;
        if (i == start || window.data[i - 1] != '\r')
            return HTTP_HEAD_END_REFUSED;
        progress->lines++;
        i++;
        if (i - start == 2 || window.data[i - 3] == '\n') {
            *head = slice_after(slice_first(window, i), start);
            return HTTP_HEAD_END_FOUND;
        }
    }
    progress->scanned = i;
    return window.size >= head_bytes_max ? HTTP_HEAD_END_BEYOND_LIMIT : HTTP_HEAD_END_UNKNOWN;
}

enum http_head_known http_head_known_find(struct slice name)
{
    static const struct slice names[HTTP_HEAD_KNOWN_COUNT] = {
        [HTTP_HEAD_AUTHORIZATION] = SLICE_STATIC("authorization"),
        [HTTP_HEAD_CONNECTION] = SLICE_STATIC("connection"),
        [HTTP_HEAD_CONTENT_LENGTH] = SLICE_STATIC("content-length"),
        [HTTP_HEAD_CONTENT_TYPE] = SLICE_STATIC("content-type"),
        [HTTP_HEAD_EXPECT] = SLICE_STATIC("expect"),
        [HTTP_HEAD_HOST] = SLICE_STATIC("host"),
        [HTTP_HEAD_TRANSFER_ENCODING] = SLICE_STATIC("transfer-encoding"),
    };
    /* No two of them have the same size, so that one comparison decides. */
    static const enum http_head_known by_size[] = {
        [4] = HTTP_HEAD_HOST,
        [6] = HTTP_HEAD_EXPECT,
        [10] = HTTP_HEAD_CONNECTION,
        [12] = HTTP_HEAD_CONTENT_TYPE,
        [13] = HTTP_HEAD_AUTHORIZATION,
        [14] = HTTP_HEAD_CONTENT_LENGTH,
        [17] = HTTP_HEAD_TRANSFER_ENCODING,
    };
    enum http_head_known known = HTTP_HEAD_UNKNOWN;

    if (name.size < sizeof(by_size) / sizeof(by_size[0]))
        known = by_size[name.size];
    if (known == HTTP_HEAD_UNKNOWN || !slice_equals_ignoring_case(name, names[known]))
        return HTTP_HEAD_UNKNOWN;
    return known;
}

static const char *name_problem(const char *name, const char *end)
{
    if (end == name)
        return *end == ' ' || *end == '\t' ? "folded line" : "field without a name";
    if (*end == ' ' || *end == '\t')
        return "blank in or after a field name";
    return *end == '\r' ? "field line without a colon" : "bad character in a field name";
}

/* RFC 9112 section 5: field-line = field-name ":" OWS field-value OWS, then CR LF. No folding
 * (section 5.2), no blank before the colon (section 5.1). */
static const char *read_field(const char **at, struct http_field *field, bool *name_is_plain)
{
    const char *name = *at;
    const char *end = name;
    const char *value;
    unsigned common = HTTP_CHARACTER_PLAIN_NAME;

    for (; http_character_is(*end, HTTP_CHARACTER_TOKEN); end++)
        common &= http_characters[(unsigned char)*end];
    if (end == name || *end != ':')
        return name_problem(name, end);
    field->name = slice_from(name, (size_t)(end - name));
    *name_is_plain = common != 0;

    value = end + 1;
    for (end = value; http_character_is(*end, HTTP_CHARACTER_VALUE); end++)
        ;
    if (end[0] != '\r' || end[1] != '\n')
        return "control character in a field value";
    field->value = slice_trim(slice_from(value, (size_t)(end - value)));
    *at = end + 2;
    return NULL;
}

const char *http_head_read_fields(struct slice lines, struct http_field *items,
                                  struct http_head *head)
{
    const char *at = lines.data;
    const char *end = lines.data + lines.size - 2; /* where the empty line begins */
    struct http_head reading = {.fields = {items, 0}, .names_are_plain = true};

    while (at < end) {
        struct http_field *field = &items[reading.fields.count];
        bool name_is_plain;
        const char *problem = read_field(&at, field, &name_is_plain);
        enum http_head_known known;

        if (problem != NULL)
            return problem;
        known = http_head_known_find(field->name);
        if (reading.counts[known] == 0)
            reading.first[known] = field;
        reading.counts[known]++;
        reading.names_are_plain = reading.names_are_plain && name_is_plain;
        reading.fields.count++;
    }
    *head = reading;
    return NULL;
}

/* RFC 9110 section 8.6 allows "42, 42" to be read as 42; RFC 9112 section 6.3 allows to refuse it,
 * and that leaves no doubt. */
enum http_head_length http_head_content_length(const struct http_head *head, uint64_t *length)
{
    enum { DIGITS_MAX = 19 }; /* of INT64_MAX; leading zeros count, so that nobody cuts them off */
    const struct http_field *field = head->first[HTTP_HEAD_CONTENT_LENGTH];
    uint64_t value;

    if (field == NULL)
        return HTTP_HEAD_LENGTH_MISSING;
    if (head->counts[HTTP_HEAD_CONTENT_LENGTH] > 1 || field->value.size > DIGITS_MAX)
        return HTTP_HEAD_LENGTH_MALFORMED;
    if (!slice_parse_u64(field->value, &value) || value > INT64_MAX)
        return HTTP_HEAD_LENGTH_MALFORMED;
    *length = value;
    return HTTP_HEAD_LENGTH_VALID;
}

/* RFC 9112 section 6.1. "chunked" alone is what everybody understands in the same way; a list that
 * has it elsewhere than once at its end, and what is no list of tokens, is an attempt to be read
 * differently by two recipients. */
enum http_head_coding http_head_transfer_coding(const struct http_head *head)
{
    const struct http_field *field = head->first[HTTP_HEAD_TRANSFER_ENCODING];
    struct slice rest;
    bool is_last = false;

    if (field == NULL)
        return HTTP_HEAD_CODING_MISSING;
    if (head->counts[HTTP_HEAD_TRANSFER_ENCODING] > 1)
        return HTTP_HEAD_CODING_MALFORMED;
    if (slice_equals_ignoring_case(field->value, SLICE("chunked")))
        return HTTP_HEAD_CODING_CHUNKED;
    for (rest = field->value; !is_last;) {
        size_t comma = slice_find(rest, ',');
        struct slice coding = slice_trim(slice_first(rest, comma));

        is_last = comma == rest.size;
        rest = slice_after(rest, comma + 1);
        if (!http_is_token(coding))
            return HTTP_HEAD_CODING_MALFORMED;
        if (!is_last && slice_equals_ignoring_case(coding, SLICE("chunked")))
            return HTTP_HEAD_CODING_MALFORMED;
    }
    return HTTP_HEAD_CODING_OTHER;
}

enum { CONNECTION_OPTIONS_MAX = 32 };

static void note_connection_option(struct slice option, struct http_head_connection *options)
{
    if (slice_equals_ignoring_case(option, SLICE("close")))
        options->close = true;
    else if (slice_equals_ignoring_case(option, SLICE("keep-alive")))
        options->keep_alive = true;
    else if (!http_is_token(option))
        options->malformed = true;
    else if (http_read_connection_protects(option))
        options->protected = true;
}

struct http_head_connection http_head_connection_options(const struct http_head *head)
{
    struct http_head_connection options = {false, false, false, false};
    size_t left = head->counts[HTTP_HEAD_CONNECTION];
    size_t count = 0;
    const struct http_field *field = head->first[HTTP_HEAD_CONNECTION];

    for (; left > 0; field++) {
        struct slice rest = field->value;
        struct slice option;

        if (http_head_known_find(field->name) != HTTP_HEAD_CONNECTION)
            continue;
        while (count < CONNECTION_OPTIONS_MAX && http_list_next(&rest, &option)) {
            note_connection_option(option, &options);
            count++;
        }
        left--;
    }
    options.malformed = options.malformed || count == CONNECTION_OPTIONS_MAX;
    return options;
}

bool http_head_keeps_alive(const struct http_head_connection *options, enum http_version version)
{
    if (options->close)
        return false;
    return version == HTTP_VERSION_1_1 || options->keep_alive;
}

/* Names that end in '*' stand for all that begin so. Compared folded, as backends would. */
static const char *const protected_names[] = {
    /* Framing, and what every recipient of the message has to see (RFC 9110 section 7.6.1). */
    "Host", "Content-Length", "Transfer-Encoding", "Content-Encoding", "Content-Range",
    "Content-Type", "Expect", "Cache-Control", "Connection",
    /* Credentials. */
    "Authorization", "Cookie",
    /* Where the request came from, and what it was before. */
    "Forwarded", "X-Forwarded-*", "X-Original-*", "X-Rewrite-URL", "X-Real-IP", "Client-IP",
    "X-Client-IP", "True-Client-IP", "X-Cluster-Client-IP", "CF-Connecting-IP", "Via", "Proxy",
    "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override",
    /* Who the client is. */
    "Client-Cert*", "X-Client-Cert*", "X-ARR-*", "X-AppGW-*", "SSL-*", "X-SSL-*", "X-TLS-*",
    "X-MS-*", "Remote-User", "X-Remote-User", "X-Auth-*", "X-User*", "X-Identity*"};

bool http_read_connection_protects(struct slice name)
{
    for (size_t i = 0; i < sizeof(protected_names) / sizeof(protected_names[0]); i++) {
        struct slice pattern = slice_from_text(protected_names[i]);

        if (slice_ends_with(pattern, SLICE("*"))) {
            pattern.size--;
            if (http_name_folds_equal(slice_first(name, pattern.size), pattern))
                return true;
        } else if (http_name_folds_equal(name, pattern)) {
            return true;
        }
    }
    return false;
}

bool http_head_parse_version(struct slice text, enum http_version *version)
{
    if (text.size != 8 || !slice_starts_with(text, SLICE("HTTP/")) ||
        !ascii_is_digit(text.data[5]) || text.data[6] != '.' || !ascii_is_digit(text.data[7]))
        return false;
    *version = HTTP_VERSION_NONE;
    if (text.data[5] == '1' && text.data[7] == '1')
        *version = HTTP_VERSION_1_1;
    else if (text.data[5] == '1' && text.data[7] == '0')
        *version = HTTP_VERSION_1_0;
    return true;
}

struct http_read http_read_refused(enum reason reason, const char *detail)
{
    return (struct http_read){.outcome = HTTP_READ_REFUSED, .reason = reason, .detail = detail};
}

struct http_read http_read_incomplete(void)
{
    return (struct http_read){.outcome = HTTP_READ_INCOMPLETE, .reason = REASON_NONE};
}

struct http_read http_read_complete(size_t consumed)
{
    return (struct http_read){
        .outcome = HTTP_READ_COMPLETE, .reason = REASON_NONE, .consumed = consumed};
}
