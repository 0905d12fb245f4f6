/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer is a head and a page, or a head and a JSON object. The content is made first, in a
 * buffer of its own, because the head says how long it is. The page's lines end in CR LF and are
 * those of nginx, which Azure Application Gateway is built of.
 */
#include "gateway/exchange/answer.h"

#include "gateway/exchange/proxy_status.h"
#include "protocol/http/http_write.h"
#include "runtime/clock.h"
#include "runtime/encoding.h"

enum {
    CONTENT_BYTES_MAX = 4096,
    STATUS_MIN = 400,
    STATUS_MAX = 599,
    STATUS_REQUEST_TIMEOUT = 408,
    STATUS_INTERNAL = 500,
    STATUS_UNAVAILABLE = 503,
    Q_MAX = 1000 /* quality values in thousandths */
};

/* ---- words --------------------------------------------------------------------------------- */

static unsigned status_of(enum reason reason)
{
    unsigned status = reason_status(reason);

    return status < STATUS_MIN || status > STATUS_MAX ? STATUS_INTERNAL : status;
}

/* nginx's phrases where they are not those of RFC 9110. */
static const char *azure_phrase(unsigned status)
{
    switch (status) {
    case 408:
        return "Request Time-out";
    case 413:
        return "Request Entity Too Large";
    case 414:
        return "Request-URI Too Large";
    case 503:
        return "Service Temporarily Unavailable";
    case 504:
        return "Gateway Time-out";
    default:
        return http_reason_phrase(status);
    }
}

static bool is_azure(const struct answer_facts *facts)
{
    return slice_equals(slice_from_text(facts->server_token), SLICE(ANSWER_AZURE_TOKEN));
}

static const char *phrase_of(const struct answer_facts *facts)
{
    unsigned status = status_of(facts->reason);

    return is_azure(facts) ? azure_phrase(status) : http_reason_phrase(status);
}

/* What the page says besides its status; NULL: nothing. */
static const char *detail_of(enum reason reason)
{
    if (reason == REASON_CERTIFICATE_MISSING)
        return "No required SSL certificate was sent";
    if (reason == REASON_HANDSHAKE_NOT_TLS)
        return "The plain HTTP request was sent to HTTPS port";
    if (reason_is_certificate(reason))
        return "The SSL certificate error";
    return NULL;
}

/* ---- the page ------------------------------------------------------------------------------ */

static bool put(struct buffer *to, const char *text)
{
    return buffer_append(to, slice_from_text(text));
}

static bool put_html(struct buffer *to, const char *text)
{
    return encode_html(to, slice_from_text(text));
}

static bool put_line(struct buffer *to, const char *label, const char *text)
{
    return put(to, "<center>") && put(to, label) && put_html(to, text) && put(to, "</center>\r\n");
}

static bool put_title(struct buffer *to, const struct answer_facts *facts)
{
    const char *detail = detail_of(facts->reason);

    return put(to, "<html>\r\n<head><title>") && buffer_append_u64(to, status_of(facts->reason)) &&
           put(to, " ") && put_html(to, detail != NULL ? detail : phrase_of(facts)) &&
           put(to, "</title></head>\r\n");
}

static bool put_heading(struct buffer *to, const struct answer_facts *facts)
{
    const char *detail = detail_of(facts->reason);

    return put(to, "<body>\r\n<center><h1>") && buffer_append_u64(to, status_of(facts->reason)) &&
           put(to, " ") && put_html(to, phrase_of(facts)) && put(to, "</h1></center>\r\n") &&
           (detail == NULL || put_line(to, "", detail));
}

static bool put_explanation(struct buffer *to, const struct answer_facts *facts)
{
    const struct reason_facts *reason = reason_get(facts->reason);

    return put(to, "<center>") && put_html(to, reason->name) && put(to, ": ") &&
           put_html(to, reason->cause) && put(to, "</center>\r\n") &&
           (facts->trace_id == NULL || put_line(to, "Trace id: ", facts->trace_id));
}

static bool write_page(struct buffer *to, const struct answer_facts *facts)
{
    bool explains = !facts->generic && !is_azure(facts);

    return put_title(to, facts) && put_heading(to, facts) &&
           (!explains || put_explanation(to, facts)) && put(to, "<hr>") &&
           put_line(to, "", facts->server_token) && put(to, "</body>\r\n</html>\r\n");
}

/* ---- problem details (RFC 9457) ------------------------------------------------------------ */

static bool put_json(struct buffer *to, const char *name, const char *text)
{
    return put(to, ",\"") && put(to, name) && put(to, "\":") &&
           encode_json(to, slice_from_text(text));
}

/* RFC 9457 section 4.2.1: "about:blank" says no more than the status does. */
static bool put_type(struct buffer *to, const struct answer_facts *facts, bool explains)
{
    if (!explains)
        return put(to, "{\"type\":\"about:blank\"") && put_json(to, "title", phrase_of(facts));
    return put(to, "{\"type\":\"urn:sallyport:reason:") && put(to, reason_name(facts->reason)) &&
           put(to, "\"") &&
           put_json(to, "title",
                    detail_of(facts->reason) != NULL ? detail_of(facts->reason) : phrase_of(facts));
}

static bool write_problem(struct buffer *to, const struct answer_facts *facts)
{
    bool explains = !facts->generic || !reason_is_certificate(facts->reason);
    const struct reason_facts *reason = reason_get(facts->reason);

    return put_type(to, facts, explains) && put(to, ",\"status\":") &&
           buffer_append_u64(to, status_of(facts->reason)) &&
           (!explains ||
            (put_json(to, "detail", reason->cause) && put_json(to, "reason", reason->name))) &&
           (facts->trace_id == NULL || put_json(to, "trace_id", facts->trace_id)) && put(to, "}\n");
}

/* ---- what the client wants (RFC 9110 section 12.5.1) --------------------------------------- */

/* RFC 9110 section 12.4.2, in thousandths; -1 when it is malformed. */
static int parse_q(struct slice text)
{
    int value = 0;
    int worth = Q_MAX / 10;

    if (text.size == 0 || text.size > 5 || (text.data[0] != '0' && text.data[0] != '1'))
        return -1;
    if (text.size > 1 && text.data[1] != '.')
        return -1;
    value = (text.data[0] - '0') * Q_MAX;
    for (size_t i = 2; i < text.size; i++) {
        if (!ascii_is_digit(text.data[i]))
            return -1;
        value += (text.data[i] - '0') * worth;
        worth /= 10;
    }
    return value > Q_MAX ? -1 : value;
}

/* The weight of a media range; one that is malformed asks for nothing. */
static int weight_of(struct slice parameters)
{
    while (!slice_is_empty(parameters)) {
        size_t end = slice_find(parameters, ';');
        struct slice parameter = slice_trim(slice_first(parameters, end));

        if (parameter.size >= 2 && ascii_lower(parameter.data[0]) == 'q' &&
            parameter.data[1] == '=') {
            int weight = parse_q(slice_after(parameter, 2));

            return weight < 0 ? 0 : weight;
        }
        parameters = slice_after(parameters, end + 1);
    }
    return Q_MAX;
}

/* -1: not mentioned. */
struct preferences {
    int json;
    int html;
    int any_text; /* text/ and a star */
    int any;
};

static void note_range(struct preferences *preferences, struct slice range)
{
    size_t end = slice_find(range, ';');
    struct slice type = slice_trim(slice_first(range, end));
    int weight = weight_of(slice_after(range, end + 1));
    int *noted = NULL;

    if (slice_equals_ignoring_case(type, SLICE("application/json")) ||
        slice_equals_ignoring_case(type, SLICE("application/problem+json")))
        noted = &preferences->json;
    else if (slice_equals_ignoring_case(type, SLICE("text/html")))
        noted = &preferences->html;
    else if (slice_equals(type, SLICE("text/*")))
        noted = &preferences->any_text;
    else if (slice_equals(type, SLICE("*/*")))
        noted = &preferences->any;
    if (noted != NULL && weight > *noted)
        *noted = weight;
}

/* JSON for who names it and prefers it to a page. Naming it and allowing everything else as well,
 * as many libraries do, is a preference; a browser, or curl, names it not. */
static bool wants_json(const struct http_request *request)
{
    struct preferences preferences = {-1, -1, -1, -1};

    if (request == NULL)
        return false;
    for (size_t i = 0; i < request->fields.count; i++) {
        struct slice rest = request->fields.items[i].value;
        struct slice range;

        if (!slice_equals_ignoring_case(request->fields.items[i].name, SLICE("Accept")))
            continue;
        while (http_list_next(&rest, &range))
            note_range(&preferences, range);
    }
    if (preferences.json <= 0)
        return false;
    if (preferences.html >= 0)
        return preferences.json > preferences.html;
    return preferences.json >= (preferences.any_text >= 0 ? preferences.any_text : preferences.any);
}

/* ---- the head ------------------------------------------------------------------------------ */

static bool put_field(struct buffer *to, struct slice name, const char *value)
{
    return http_write_field(to, name, slice_from_text(value)) == HTTP_WRITE_DONE;
}

/* RFC 9110 section 15.5.9: 408 implies that the connection is closed. */
static bool put_connection(struct buffer *to, const struct answer_facts *facts)
{
    if (facts->close || status_of(facts->reason) == STATUS_REQUEST_TIMEOUT)
        return put_field(to, SLICE("Connection"), "close");
    if (facts->request != NULL && facts->request->version == HTTP_VERSION_1_0)
        return put_field(to, SLICE("Connection"), "keep-alive");
    return true;
}

/* RFC 9110 sections 10.2.1 and 10.2.3. */
static bool put_advice(struct buffer *to, const struct answer_facts *facts)
{
    if (status_of(facts->reason) == STATUS_UNAVAILABLE)
        return put_field(to, SLICE("Retry-After"), "1");
    if (facts->reason == REASON_REQUEST_METHOD_UNSUPPORTED ||
        facts->reason == REASON_REQUEST_METHOD_REFUSED)
        return put_field(to, SLICE("Allow"), ANSWER_ALLOWED_METHODS);
    return true;
}

/* Azure's answers have no such field, and are copied to the byte. */
static bool put_proxy_status(struct buffer *to, const struct answer_facts *facts)
{
    return slice_is_empty(facts->pseudonym) || is_azure(facts) ||
           proxy_status_write(to, facts->pseudonym, facts->reason, !facts->generic);
}

static bool write_head(struct buffer *to, const struct answer_facts *facts, const char *type,
                       size_t content_bytes)
{
    char date[CLOCK_HTTP_DATE_SIZE];

    clock_format_http_date(facts->now, date);
    return http_write_status_line(to, status_of(facts->reason),
                                  slice_from_text(phrase_of(facts))) == HTTP_WRITE_DONE &&
           put_field(to, SLICE("Server"), facts->server_token) &&
           put_field(to, SLICE("Date"), date) && put_field(to, SLICE("Content-Type"), type) &&
           http_write_field_u64(to, SLICE("Content-Length"), content_bytes) == HTTP_WRITE_DONE &&
           put_field(to, SLICE("Cache-Control"), "no-store") && put_advice(to, facts) &&
           put_proxy_status(to, facts) && put_connection(to, facts) &&
           http_write_head_end(to) == HTTP_WRITE_DONE;
}

bool answer_write(struct buffer *to, const struct answer_facts *facts, uint64_t *content_bytes)
{
    bool is_json = !is_azure(facts) && wants_json(facts->request);
    bool has_content = facts->request == NULL || !facts->request->is_head;
    size_t start = to->written;
    char memory[CONTENT_BYTES_MAX];
    struct buffer content;

    buffer_init(&content, memory, sizeof(memory));
    if (!(is_json ? write_problem(&content, facts) : write_page(&content, facts)))
        return false;
    if (!write_head(to, facts, is_json ? "application/problem+json" : "text/html",
                    content.written) ||
        (has_content && !buffer_append(to, buffer_readable(&content)))) {
        to->written = start;
        return false;
    }
    *content_bytes = has_content ? content.written : 0;
    return true;
}
