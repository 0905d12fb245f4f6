/* SPDX-License-Identifier: Apache-2.0
 *
 * Routes in order, each with its patterns as the configuration wrote them. A pattern is canonical
 * as a path is, so that an exemption can be compared byte for byte. The generous comparison walks
 * over segments instead: what a backend may drop or decode before it looks at a path must not lead
 * around the route that makes the demand.
 */
#include "gateway/routing/routing.h"

#include <assert.h>

#include "protocol/http/http_path.h"
#include "runtime/arena.h"
#include "runtime/memory.h"

/* Zero matches nothing but itself. */
enum pattern_kind {
    PATTERN_EXACT,
    PATTERN_SEGMENTS, /* "/a/" + "*": everything below a segment */
    PATTERN_TEXT,     /* "/a" + "*": everything that begins with the text */
    PATTERN_ALL       /* "*" */
};

struct pattern {
    enum pattern_kind kind;
    struct slice text; /* without the star; with SEGMENTS it ends in '/' */
};

struct matching_route {
    struct route route;
    struct pattern *patterns; /* none: every path */
    size_t pattern_count;
    struct slice *methods; /* none: every method */
    size_t method_count;
    bool is_exact; /* what is not to the letter is left to routes that demand more */
};

struct routing_table {
    struct matching_route *routes;
    size_t count;
};

/* ---- patterns ------------------------------------------------------------------------------ */

static struct pattern pattern_from(struct slice written)
{
    struct slice text = slice_first(written, slice_find(written, '*'));

    if (text.size == written.size)
        return (struct pattern){PATTERN_EXACT, text};
    if (slice_is_empty(text))
        return (struct pattern){PATTERN_ALL, text};
    return (struct pattern){slice_ends_with(text, SLICE("/")) ? PATTERN_SEGMENTS : PATTERN_TEXT,
                            text};
}

static bool refuse_characters(struct slice pattern, struct error *error)
{
    static const struct {
        char character;
        const char *because;
    } refused[] = {
        {'?', "only the path is matched, never the query"},
        {'#', "a fragment never reaches a server"},
        {';', "path parameters are not matched"},
    };

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (slice_find(pattern, refused[i].character) < pattern.size) {
            error_set(error, ERROR_SYNTAX, "path pattern '%.*s' has a '%c': %s",
                      SLICE_FORMAT(pattern), refused[i].character, refused[i].because);
            return false;
        }
    }
    return true;
}

/* A pattern in another form than the one that requests are brought into would match nothing. */
static bool check_canonical(struct slice pattern, struct slice text, struct error *error)
{
    char memory[3 * ROUTE_PATTERN_BYTES_MAX + sizeof(max_align_t)];
    struct slice canonical;
    struct arena arena;

    arena_init(&arena, memory, sizeof(memory));
    if (http_path_canonicalise(text, &arena, &canonical) != REASON_NONE) {
        error_set(
            error, ERROR_SYNTAX,
            "path pattern '%.*s' can never match: requests with dot segments, bad escapes, an "
            "encoded '/', '\\' or '.', or characters outside of ASCII are refused",
            SLICE_FORMAT(pattern));
        return false;
    }
    if (!slice_equals(canonical, text)) {
        error_set(
            error, ERROR_SYNTAX,
            "path pattern '%.*s' is not in the form that paths are compared in; write '%.*s%s'",
            SLICE_FORMAT(pattern), SLICE_FORMAT(canonical), text.size < pattern.size ? "*" : "");
        return false;
    }
    return true;
}

bool route_pattern_is_valid(struct slice pattern, struct error *error)
{
    size_t star = slice_find(pattern, '*');

    if (pattern.size > ROUTE_PATTERN_BYTES_MAX) {
        error_set(error, ERROR_LIMIT, "a path pattern has more than %d bytes",
                  (int)ROUTE_PATTERN_BYTES_MAX);
        return false;
    }
    if (slice_find(pattern, '\0') < pattern.size) {
        error_set(error, ERROR_SYNTAX, "a path pattern has a NUL byte");
        return false;
    }
    if (slice_equals(pattern, SLICE("*")))
        return true;
    if (!slice_starts_with(pattern, SLICE("/"))) {
        error_set(error, ERROR_SYNTAX, "path pattern '%.*s' does not begin with '/'",
                  SLICE_FORMAT(pattern));
        return false;
    }
    if (star + 1 < pattern.size) {
        error_set(error, ERROR_SYNTAX,
                  "path pattern '%.*s' has a '*' that is not its last character",
                  SLICE_FORMAT(pattern));
        return false;
    }
    return refuse_characters(pattern, error) &&
           check_canonical(pattern, slice_first(pattern, star), error);
}

/* ---- generous matching ----------------------------------------------------------------------- */

/* Canonical escapes have upper-case digits and are never cut off. */
static char decode_digit(char digit)
{
    return (char)(ascii_is_digit(digit) ? digit - '0' : digit - 'A' + 10);
}

/* The first character of a canonical text, decoded and in lower case, and where the next one is. */
static char take_folded(struct slice *text)
{
    char byte = text->data[0];

    if (byte == '%' && text->size >= 3) {
        byte = (char)(decode_digit(text->data[1]) << 4 | decode_digit(text->data[2]));
        *text = slice_after(*text, 3);
    } else {
        *text = slice_after(*text, 1);
    }
    return ascii_lower(byte);
}

/* Where the parameters of a segment begin, at its size when there are none. Some backends look for
 * them only after they have decoded "%3B". */
static size_t find_parameters(struct slice segment)
{
    for (size_t i = 0; i < segment.size; i++) {
        if (segment.data[i] == ';' || slice_starts_with(slice_after(segment, i), SLICE("%3B")))
            return i;
    }
    return segment.size;
}

/* The next segment that is not empty once its parameters are gone; false at the end. */
static bool next_segment(struct slice *rest, struct slice *segment)
{
    while (!slice_is_empty(*rest)) {
        struct slice whole = slice_first(*rest, slice_find(*rest, '/'));

        *rest = slice_after(*rest, whole.size + 1);
        *segment = slice_first(whole, find_parameters(whole));
        if (!slice_is_empty(*segment))
            return true;
    }
    return false;
}

static bool segment_begins_with(struct slice segment, struct slice wanted, bool and_ends)
{
    while (!slice_is_empty(wanted)) {
        if (slice_is_empty(segment) || take_folded(&segment) != take_folded(&wanted))
            return false;
    }
    return !and_ends || slice_is_empty(segment);
}

/* What Windows makes of a file's name: blanks and dots at its end are dropped, and "::$DATA" and
 * ":$I30:$INDEX_ALLOCATION" name the file or folder itself. */
static struct slice as_windows_reads(struct slice segment)
{
    struct slice rest = segment;
    struct slice kept = slice_first(segment, 0);
    struct slice before_colon = kept;
    bool behind_colon = false;

    while (!slice_is_empty(rest)) {
        char character = take_folded(&rest);

        if (behind_colon && (character == ':' || character == '$'))
            return before_colon;
        behind_colon = character == ':';
        if (behind_colon)
            before_colon = kept;
        if (character != '.' && character != ' ')
            kept = slice_first(segment, segment.size - rest.size);
    }
    return kept;
}

/* A segment that some backend takes out of a path before it looks where that leads: ASP.NET does so
 * with "(S(...))", in which it looks for the cookies of a client that keeps none. */
static bool may_vanish(struct slice segment)
{
    struct slice rest = segment;
    char last = '\0';

    if (slice_is_empty(as_windows_reads(segment)))
        return true;
    if (take_folded(&rest) != '(')
        return false;
    while (!slice_is_empty(rest))
        last = take_folded(&rest);
    return last == ')';
}

static bool segment_matches(struct slice segment, struct slice wanted, bool and_ends)
{
    return segment_begins_with(segment, wanted, and_ends) ||
           segment_begins_with(as_windows_reads(segment), wanted, and_ends);
}

/* "*" and "/" + "*" name no segment, and so match everything, "OPTIONS *" too. */
static bool matches_generously(struct pattern pattern, struct slice path)
{
    struct slice wanted;
    struct slice segment;
    bool is_matched;

    while (next_segment(&pattern.text, &wanted)) {
        bool is_last_text = pattern.kind == PATTERN_TEXT && slice_is_empty(pattern.text);

        do {
            if (!next_segment(&path, &segment))
                return false;
            is_matched = segment_matches(segment, wanted, !is_last_text);
        } while (!is_matched && may_vanish(segment));
        if (!is_matched)
            return false;
    }
    while (pattern.kind == PATTERN_EXACT && next_segment(&path, &segment)) {
        if (!may_vanish(segment))
            return false;
    }
    return true;
}

/* ---- exact matching ------------------------------------------------------------------------ */

static bool matches_exactly(struct pattern pattern, struct slice path)
{
    if (find_parameters(path) < path.size)
        return false;
    switch (pattern.kind) {
    case PATTERN_ALL:
        return true;
    case PATTERN_SEGMENTS:
        return slice_starts_with(path, pattern.text);
    case PATTERN_EXACT:
        return slice_equals(path, pattern.text);
    case PATTERN_TEXT:
        return slice_starts_with(path, pattern.text);
    }
    return false;
}

bool route_pattern_matches(struct slice pattern, struct slice path, bool generously)
{
    return generously ? matches_generously(pattern_from(pattern), path)
                      : matches_exactly(pattern_from(pattern), path);
}

/* ---- routes ---------------------------------------------------------------------------------- */

static bool path_matches(const struct matching_route *route, struct slice path)
{
    if (route->patterns == NULL)
        return !route->is_exact || find_parameters(path) == path.size;
    for (size_t i = 0; i < route->pattern_count; i++) {
        if (route->is_exact ? matches_exactly(route->patterns[i], path)
                            : matches_generously(route->patterns[i], path))
            return true;
    }
    return false;
}

/* RFC 9110 section 9.1: methods are case-sensitive. */
static bool lists_method(const struct matching_route *route, struct slice method)
{
    for (size_t i = 0; i < route->method_count; i++) {
        if (slice_equals(route->methods[i], method))
            return true;
    }
    return false;
}

/* Backends serve HEAD with what serves GET (RFC 9110 section 9.3.2), so that what is demanded for
 * GET is demanded for HEAD. */
static bool method_matches(const struct matching_route *route, struct slice method)
{
    if (route->methods == NULL || lists_method(route, method))
        return true;
    return !route->is_exact && slice_equals(method, SLICE("HEAD")) &&
           lists_method(route, SLICE("GET"));
}

const struct route *routing_match(const struct routing_table *table,
                                  const struct http_request *request)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct matching_route *route = &table->routes[i];

        if (method_matches(route, request->method) && path_matches(route, request->path))
            return &route->route;
    }
    return NULL;
}

/* ---- making the table ------------------------------------------------------------------------ */

static size_t count_texts(const char *const *texts)
{
    size_t count = 0;

    while (texts[count] != NULL)
        count++;
    return count;
}

static bool add_patterns(struct matching_route *route, const struct route_match_settings *settings,
                         struct error *error)
{
    size_t count = settings->paths == NULL ? 0 : count_texts(settings->paths);

    if (settings->paths == NULL)
        return true;
    if (count == 0) {
        error_set(error, ERROR_VALUE, "an empty list of paths matches nothing");
        return false;
    }
    route->patterns = memory_allocate_array(count, sizeof(*route->patterns));
    for (; route->pattern_count < count; route->pattern_count++) {
        struct slice written = slice_from_text(settings->paths[route->pattern_count]);
        struct pattern *pattern = &route->patterns[route->pattern_count];

        if (!route_pattern_is_valid(written, error))
            return false;
        if (settings->is_exemption && pattern_from(written).kind == PATTERN_TEXT) {
            error_set(error, ERROR_VALUE,
                      "path pattern '%.*s' ends in the middle of a segment; a route that demands "
                      "less than its listener must say which segments it means, as in '/name' or "
                      "'/name/*'",
                      SLICE_FORMAT(written));
            return false;
        }
        written = slice_from(memory_copy_slice(written), written.size);
        *pattern = pattern_from(written);
    }
    return true;
}

static bool add_methods(struct matching_route *route, const struct route_match_settings *settings,
                        struct error *error)
{
    size_t count = settings->methods == NULL ? 0 : count_texts(settings->methods);

    if (settings->methods == NULL)
        return true;
    if (count == 0) {
        error_set(error, ERROR_VALUE, "an empty list of methods matches nothing");
        return false;
    }
    route->methods = memory_allocate_array(count, sizeof(*route->methods));
    for (; route->method_count < count; route->method_count++) {
        struct slice method = slice_from_text(settings->methods[route->method_count]);

        if (!http_is_token(method)) {
            error_set(error, ERROR_SYNTAX, "'%.*s' is not the name of a method",
                      SLICE_FORMAT(method));
            return false;
        }
        route->methods[route->method_count] = slice_from(memory_copy_slice(method), method.size);
    }
    return true;
}

static bool add_route(struct matching_route *route, const struct route_match_settings *settings,
                      const struct route_plan *plan, struct error *error)
{
    assert(settings->name != NULL);
    route->route = (struct route){memory_copy_text(settings->name), plan};
    route->is_exact = settings->is_exemption || settings->is_before_demand;
    if (add_patterns(route, settings, error) && add_methods(route, settings, error))
        return true;
    error_prefix(error, "route '%s'", settings->name);
    if (settings->position.file != NULL)
        error_prefix(error, "%s:%u:%u", settings->position.file, settings->position.line,
                     settings->position.column);
    return false;
}

struct routing_table *routing_table_create(const struct route_match_settings *settings,
                                           const struct route_plan *const *plans, size_t count,
                                           struct error *error)
{
    struct routing_table *created = NULL;
    struct routing_table *creating = memory_allocate(sizeof(*creating));

    creating->routes = memory_allocate_array(count, sizeof(*creating->routes));
    for (size_t i = 0; i < count; i++) {
        creating->count++;
        if (!add_route(&creating->routes[i], &settings[i], plans[i], error))
            goto cleanup;
    }

    created = creating;
    creating = NULL;

cleanup:
    routing_table_destroy(creating);
    return created;
}

/* Texts are copies of ours, which a slice can only show as constant. */
static void release_text(const char *text)
{
    union {
        const char *constant;
        char *ours;
    } data = {.constant = text};

    memory_release(data.ours);
}

void routing_table_destroy(struct routing_table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->count; i++) {
        struct matching_route *route = &table->routes[i];

        for (size_t j = 0; j < route->pattern_count; j++)
            release_text(route->patterns[j].text.data);
        for (size_t j = 0; j < route->method_count; j++)
            release_text(route->methods[j].data);
        memory_release(route->patterns);
        memory_release(route->methods);
        release_text(route->route.name);
    }
    memory_release(table->routes);
    memory_release(table);
}
