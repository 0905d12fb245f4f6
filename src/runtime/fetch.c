/* SPDX-License-Identifier: Apache-2.0
 *
 * Fetches by libcurl's multi interface: curl says which sockets to watch and when to be woken, the
 * event loop calls curl_multi_socket_action, and what ended is collected afterwards. No function
 * of ours is called by curl that calls a user of this module, so that a callback may start and
 * cancel fetches.
 */
#include "runtime/fetch.h"

#include <assert.h>
#include <curl/curl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/event_loop.h"
#include "runtime/list.h"
#include "runtime/memory.h"
#include "runtime/timer.h"

enum {
    HEADER_BYTES_MAX = 64 * 1024, /* of all answers of a fetch, redirects and trailers too */
    CONTENT_FIRST = 4096,         /* bytes that the memory for an answer begins with */
    PROBLEM_SIZE = CURL_ERROR_SIZE + 64,
    TEXT_SIZE = 256 /* of a content type or etag; longer ones count as missing */
};

struct fetcher {
    struct event_loop *loop;
    struct timer *timer;
    struct event_wake *place_free; /* after a cancelled fetch */
    CURLM *multi;
    struct fetcher_settings settings;
    struct fetch_address_settings addresses;
    struct list running;
    struct list waiting;
};

struct fetch {
    struct list_link link;
    struct fetcher *fetcher;
    CURL *easy; /* NULL while waiting: then `request` says what is to be done */
    struct curl_slist *fields;
    fetch_callback *callback;
    void *context;

    char *url;
    char *sent; /* content; NULL: GET */
    size_t sent_size;
    char *anchors;
    size_t anchors_size;
    struct fetch_limits limits;
    uint64_t started_ms;

    char *content;
    size_t content_size;
    size_t content_capacity;
    size_t header_bytes;
    bool is_too_large;
    bool has_connected;
    char refused[PROBLEM_SIZE]; /* the address that was refused, and why */
    char problem[PROBLEM_SIZE];
    char content_type[TEXT_SIZE];
    char etag[TEXT_SIZE];
};

static const char *const outcome_names[FETCH_OUTCOMES] = {
    [FETCH_FAILED] = "failed",
    [FETCH_ANSWERED] = "answered",
    [FETCH_BAD_URL] = "bad_url",
    [FETCH_ADDRESS_REFUSED] = "address_refused",
    [FETCH_NAME_UNKNOWN] = "name_unknown",
    [FETCH_UNREACHABLE] = "unreachable",
    [FETCH_TLS_FAILED] = "tls_failed",
    [FETCH_TIMED_OUT] = "timed_out",
    [FETCH_TOO_LARGE] = "too_large",
    [FETCH_TOO_MANY_REDIRECTS] = "too_many_redirects",
    [FETCH_BROKEN] = "broken",
};

const char *fetch_outcome_name(enum fetch_outcome outcome)
{
    return outcome_names[outcome];
}

/* ---- what curl asks of us for one fetch ---- */

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct fetch *fetch = context;
    struct socket_address address = {.size = (socklen_t)to->addrlen};
    char text[SOCKET_ADDRESS_TEXT_SIZE];
    const char *refusal;
    int fd;

    if (purpose != CURLSOCKTYPE_IPCXN || to->addrlen > sizeof(address.storage))
        return CURL_SOCKET_BAD;
    memcpy(&address.storage, &to->addr, to->addrlen);
    refusal = fetch_address_refusal(&fetch->fetcher->addresses, &address);
    if (refusal != NULL) {
        socket_address_format(&address, text);
        snprintf(fetch->refused, sizeof(fetch->refused), "%s is %s, which is not allowed", text,
                 refusal);
        return CURL_SOCKET_BAD;
    }
    fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
    fetch->has_connected |= fd >= 0;
    return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

static size_t capacity_for(const struct fetch *fetch, size_t size)
{
    size_t capacity = fetch->content_capacity == 0 ? CONTENT_FIRST : fetch->content_capacity;

    while (capacity < size)
        capacity *= 2;
    return capacity < fetch->limits.bytes_max ? capacity : fetch->limits.bytes_max;
}

static size_t on_content(char *data, size_t one, size_t size, void *context)
{
    struct fetch *fetch = context;

    (void)one;
    if (size > fetch->limits.bytes_max - fetch->content_size) {
        fetch->is_too_large = true;
        return 0;
    }
    if (fetch->content_size + size > fetch->content_capacity) {
        fetch->content_capacity = capacity_for(fetch, fetch->content_size + size);
        fetch->content = memory_resize(fetch->content, fetch->content_capacity);
    }
    memcpy(fetch->content + fetch->content_size, data, size);
    fetch->content_size += size;
    return size;
}

/* The value of the field `name`, when the line is one. */
static void note_field(struct slice line, struct slice name, char value[TEXT_SIZE])
{
    size_t colon = slice_find(line, ':');
    struct slice found;

    if (colon == line.size || !slice_equals_ignoring_case(slice_first(line, colon), name))
        return;
    found = slice_after(line, colon + 1);
    while (found.size > 0 && (unsigned char)found.data[found.size - 1] <= ' ')
        found.size--;
    found = slice_trim(found);
    value[0] = '\0';
    if (found.size < TEXT_SIZE && memchr(found.data, '\0', found.size) == NULL)
        snprintf(value, TEXT_SIZE, "%.*s", SLICE_FORMAT(found));
}

static size_t on_header(char *data, size_t one, size_t size, void *context)
{
    struct fetch *fetch = context;
    struct slice line = slice_from(data, size);

    (void)one;
    fetch->header_bytes += size;
    if (fetch->header_bytes > HEADER_BYTES_MAX) {
        fetch->is_too_large = true;
        return 0;
    }
    if (slice_starts_with(line, SLICE("HTTP/"))) { /* of the next answer: all anew */
        fetch->content_type[0] = '\0';
        fetch->etag[0] = '\0';
    }
    note_field(line, SLICE("content-type"), fetch->content_type);
    note_field(line, SLICE("etag"), fetch->etag);
    return size;
}

/* ---- a fetch ---- */

static void add_field(struct fetch *fetch, const char *name, const char *value)
{
    char *line = memory_format("%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(fetch->fields, line);

    if (longer != NULL)
        fetch->fields = longer;
    memory_release(line);
}

static struct fetch *create(struct fetcher *fetcher, const struct fetch_request *request)
{
    struct fetch *fetch = memory_allocate(sizeof(*fetch));

    fetch->fetcher = fetcher;
    fetch->url = memory_copy_text(request->url);
    if (request->content.data != NULL) {
        fetch->sent = memory_copy_slice(request->content);
        fetch->sent_size = request->content.size;
    }
    if (request->anchors.size > 0) {
        fetch->anchors = memory_copy_slice(request->anchors);
        fetch->anchors_size = request->anchors.size;
    }
    fetch->limits = request->limits;
    add_field(fetch, "User-Agent", "sallyport");
    add_field(fetch, "Accept", request->accept == NULL ? "*/*" : request->accept);
    if (request->content_type != NULL && fetch->sent != NULL)
        add_field(fetch, "Content-Type", request->content_type);
    if (request->known_etag != NULL)
        add_field(fetch, "If-None-Match", request->known_etag);
    fetch->fields = curl_slist_append(fetch->fields, "Expect:");
    return fetch;
}

static void destroy(struct fetch *fetch)
{
    if (fetch->easy != NULL) {
        curl_multi_remove_handle(fetch->fetcher->multi, fetch->easy);
        curl_easy_cleanup(fetch->easy);
    }
    curl_slist_free_all(fetch->fields);
    memory_release(fetch->url);
    memory_release(fetch->sent);
    memory_release(fetch->anchors);
    memory_release(fetch->content);
    memory_release(fetch);
}

#define IS_SET(option, value) (curl_easy_setopt(easy, (option), (value)) == CURLE_OK)

static bool set_content(CURL *easy, const struct fetch *fetch)
{
    return fetch->sent == NULL ||
           (IS_SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)fetch->sent_size) &&
            IS_SET(CURLOPT_POSTFIELDS, fetch->sent));
}

static bool set_protocol(CURL *easy, const struct fetch *fetch)
{
    struct slice scheme = slice_first(slice_from_text(fetch->url), strlen("https:"));
    bool is_https = slice_equals_ignoring_case(scheme, SLICE("https:"));

    return IS_SET(CURLOPT_URL, fetch->url) && IS_SET(CURLOPT_PROTOCOLS_STR, "http,https") &&
           IS_SET(CURLOPT_REDIR_PROTOCOLS_STR, is_https ? "https" : "http,https") &&
           IS_SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) && IS_SET(CURLOPT_PROXY, "") &&
           IS_SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
           IS_SET(CURLOPT_HTTPHEADER, fetch->fields) &&
           IS_SET(CURLOPT_FOLLOWLOCATION, fetch->limits.redirects_max > 0 ? 1L : 0L) &&
           IS_SET(CURLOPT_MAXREDIRS, (long)fetch->limits.redirects_max) &&
           IS_SET(CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL) &&
           IS_SET(CURLOPT_FORBID_REUSE, 1L) && IS_SET(CURLOPT_FRESH_CONNECT, 1L) &&
           set_content(easy, fetch);
}

static bool set_tls(CURL *easy, struct fetch *fetch)
{
    struct curl_blob blob = {
        .data = fetch->anchors, .len = fetch->anchors_size, .flags = CURL_BLOB_NOCOPY};

    return IS_SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
           (fetch->anchors == NULL ||
            (IS_SET(CURLOPT_CAPATH, NULL) && IS_SET(CURLOPT_CAINFO_BLOB, &blob)));
}

/* Without QUICK_EXIT, ending a fetch waits for the thread that still looks up its name. */
static bool set_limits(CURL *easy, const struct fetch *fetch)
{
    const struct fetch_limits *limits = &fetch->limits;

    return IS_SET(CURLOPT_NOSIGNAL, 1L) && IS_SET(CURLOPT_QUICK_EXIT, 1L) &&
           IS_SET(CURLOPT_TIMEOUT_MS, (long)limits->time_ms) &&
           IS_SET(CURLOPT_CONNECTTIMEOUT_MS, (long)limits->connect_time_ms) &&
           IS_SET(CURLOPT_LOW_SPEED_LIMIT, (long)limits->bytes_per_second_min) &&
           IS_SET(CURLOPT_LOW_SPEED_TIME, (long)limits->slow_seconds) &&
           IS_SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)limits->bytes_max);
}

static bool set_callbacks(CURL *easy, struct fetch *fetch)
{
    return IS_SET(CURLOPT_PRIVATE, fetch) && IS_SET(CURLOPT_ERRORBUFFER, fetch->problem) &&
           IS_SET(CURLOPT_OPENSOCKETFUNCTION, open_socket) &&
           IS_SET(CURLOPT_OPENSOCKETDATA, fetch) && IS_SET(CURLOPT_WRITEFUNCTION, on_content) &&
           IS_SET(CURLOPT_WRITEDATA, fetch) && IS_SET(CURLOPT_HEADERFUNCTION, on_header) &&
           IS_SET(CURLOPT_HEADERDATA, fetch);
}

#undef IS_SET

/* Nothing was let out unless every option was taken. */
static bool begin(struct fetch *fetch)
{
    CURL *easy = curl_easy_init();

    if (easy == NULL)
        return false;
    fetch->started_ms = clock_monotonic_ms();
    if (!set_protocol(easy, fetch) || !set_tls(easy, fetch) || !set_limits(easy, fetch) ||
        !set_callbacks(easy, fetch) ||
        curl_multi_add_handle(fetch->fetcher->multi, easy) != CURLM_OK) {
        curl_easy_cleanup(easy);
        return false;
    }
    fetch->easy = easy;
    list_append(&fetch->fetcher->running, &fetch->link);
    return true;
}

/* ---- how it ended ---- */

/* HTTP/0.9, that is an answer without a head, is told by the same code as "gopher:". */
static enum fetch_outcome outcome_of_protocol(const struct fetch *fetch)
{
    return fetch->has_connected && fetch->header_bytes == 0 ? FETCH_BROKEN : FETCH_BAD_URL;
}

static enum fetch_outcome outcome_of(const struct fetch *fetch, CURLcode code)
{
    static const struct {
        CURLcode code;
        enum fetch_outcome outcome;
    } outcomes[] = {
        {CURLE_OK, FETCH_ANSWERED},
        {CURLE_URL_MALFORMAT, FETCH_BAD_URL},
        {CURLE_LOGIN_DENIED, FETCH_BAD_URL},
        {CURLE_COULDNT_RESOLVE_HOST, FETCH_NAME_UNKNOWN},
        {CURLE_COULDNT_CONNECT, FETCH_UNREACHABLE},
        {CURLE_OPERATION_TIMEDOUT, FETCH_TIMED_OUT},
        {CURLE_FILESIZE_EXCEEDED, FETCH_TOO_LARGE},
        {CURLE_TOO_MANY_REDIRECTS, FETCH_TOO_MANY_REDIRECTS},
        {CURLE_PARTIAL_FILE, FETCH_BROKEN},
        {CURLE_GOT_NOTHING, FETCH_BROKEN},
        {CURLE_RECV_ERROR, FETCH_BROKEN},
        {CURLE_SEND_ERROR, FETCH_BROKEN},
        {CURLE_WEIRD_SERVER_REPLY, FETCH_BROKEN},
        {CURLE_SSL_CONNECT_ERROR, FETCH_TLS_FAILED},
        {CURLE_PEER_FAILED_VERIFICATION, FETCH_TLS_FAILED},
        {CURLE_SSL_CACERT_BADFILE, FETCH_TLS_FAILED},
        {CURLE_SSL_CIPHER, FETCH_TLS_FAILED},
        {CURLE_SSL_CERTPROBLEM, FETCH_TLS_FAILED},
        {CURLE_SSL_INVALIDCERTSTATUS, FETCH_TLS_FAILED},
    };

    if (code != CURLE_OK && fetch->is_too_large)
        return FETCH_TOO_LARGE;
    if (code == CURLE_COULDNT_CONNECT && fetch->refused[0] != '\0')
        return FETCH_ADDRESS_REFUSED;
    if (code == CURLE_UNSUPPORTED_PROTOCOL)
        return outcome_of_protocol(fetch);
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        if (outcomes[i].code == code)
            return outcomes[i].outcome;
    }
    return FETCH_FAILED;
}

static const char *problem_of(const struct fetch *fetch, enum fetch_outcome outcome, CURLcode code)
{
    if (outcome == FETCH_ANSWERED)
        return "";
    if (outcome == FETCH_TOO_LARGE)
        return "the answer is larger than the limit";
    if (outcome == FETCH_ADDRESS_REFUSED)
        return fetch->refused;
    return fetch->problem[0] != '\0' ? fetch->problem : curl_easy_strerror(code);
}

static void deliver(struct fetch *fetch, CURLcode code)
{
    enum fetch_outcome outcome = outcome_of(fetch, code);
    const char *url = NULL;
    long status = 0;
    struct fetch_result result = {
        .outcome = outcome,
        .content_type = fetch->content_type,
        .etag = fetch->etag,
        .problem = problem_of(fetch, outcome, code),
        .duration_ms = clock_monotonic_ms() - fetch->started_ms,
    };

    curl_easy_getinfo(fetch->easy, CURLINFO_EFFECTIVE_URL, &url);
    curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    result.url = url == NULL ? fetch->url : url;
    if (outcome == FETCH_ANSWERED) {
        result.status = (unsigned)status;
        result.content = slice_from(fetch->content, fetch->content_size);
    }
    fetch->callback(fetch->context, &result);
}

static void deliver_without_curl(struct fetch *fetch)
{
    fetch->callback(fetch->context,
                    &(struct fetch_result){.outcome = FETCH_FAILED,
                                           .content_type = "",
                                           .etag = "",
                                           .url = fetch->url,
                                           .problem = "libcurl did not take the fetch"});
}

static void start_waiting(struct fetcher *fetcher)
{
    while (!list_is_empty(&fetcher->waiting) &&
           fetcher->running.count < fetcher->settings.running_max) {
        struct fetch *fetch = LIST_ITEM(list_first(&fetcher->waiting), struct fetch, link);

        list_remove(&fetcher->waiting, &fetch->link);
        if (!begin(fetch)) {
            deliver_without_curl(fetch);
            destroy(fetch);
        }
    }
}

static void on_place_free(void *context)
{
    start_waiting(context);
}

static void collect_ended(struct fetcher *fetcher)
{
    int left = 0;

    for (CURLMsg *message = curl_multi_info_read(fetcher->multi, &left); message != NULL;
         message = curl_multi_info_read(fetcher->multi, &left)) {
        struct fetch *fetch = NULL;
        CURLcode code = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &fetch);
        list_remove(&fetcher->running, &fetch->link);
        deliver(fetch, code);
        destroy(fetch);
    }
    start_waiting(fetcher);
}

/* ---- curl on the event loop ---- */

struct watched_socket {
    struct fetcher *fetcher;
    struct event_watch *watch;
    int fd;
};

static void on_ready(void *context, unsigned ready)
{
    struct watched_socket *socket = context;
    struct fetcher *fetcher = socket->fetcher; /* the socket may be gone afterwards */
    int flags = ((ready & EVENT_READABLE) != 0 ? CURL_CSELECT_IN : 0) |
                ((ready & EVENT_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0);
    int running = 0;

    curl_multi_socket_action(fetcher->multi, socket->fd, flags, &running);
    collect_ended(fetcher);
}

static void stop_watching(struct fetcher *fetcher, struct watched_socket *socket)
{
    if (socket == NULL)
        return;
    curl_multi_assign(fetcher->multi, socket->fd, NULL);
    event_watch_destroy(socket->watch);
    memory_release(socket);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
    struct fetcher *fetcher = context;
    struct watched_socket *socket = known;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        stop_watching(fetcher, socket);
        return 0;
    }
    if (socket == NULL) {
        socket = memory_allocate(sizeof(*socket));
        *socket = (struct watched_socket){.fetcher = fetcher, .fd = fd};
        socket->watch = event_watch_create(fetcher->loop, fd, on_ready, socket);
        curl_multi_assign(fetcher->multi, fd, socket);
    }
    event_watch_set(socket->watch,
                    ((what & CURL_POLL_IN) != 0 ? (unsigned)EVENT_READABLE : 0U) |
                        ((what & CURL_POLL_OUT) != 0 ? (unsigned)EVENT_WRITABLE : 0U));
    return 0;
}

static void on_timer(void *context)
{
    struct fetcher *fetcher = context;
    int running = 0;

    curl_multi_socket_action(fetcher->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect_ended(fetcher);
}

static int set_timer(CURLM *multi, long delay_ms, void *context)
{
    struct fetcher *fetcher = context;

    (void)multi;
    if (delay_ms < 0)
        timer_stop(fetcher->timer);
    else
        timer_start(fetcher->timer, (uint64_t)delay_ms);
    return 0;
}

/* ---- the fetcher ---- */

struct fetcher *fetcher_create(struct event_loop *loop, const struct fetcher_settings *settings,
                               struct error *error)
{
    struct fetcher *fetcher;
    CURLM *multi;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        error_set(error, ERROR_SYSTEM, "libcurl cannot be initialized");
        return NULL;
    }
    multi = curl_multi_init();
    if (multi == NULL) {
        curl_global_cleanup();
        error_set(error, ERROR_SYSTEM, "libcurl cannot make a set of transfers");
        return NULL;
    }
    fetcher = memory_allocate(sizeof(*fetcher));
    fetcher->loop = loop;
    fetcher->settings = *settings;
    fetcher->multi = multi;
    fetcher->timer = timer_create_on(loop, on_timer, fetcher);
    fetcher->place_free = event_wake_create(loop, on_place_free, fetcher);
    list_init(&fetcher->running);
    list_init(&fetcher->waiting);
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, fetcher);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, fetcher);
    return fetcher;
}

void fetcher_destroy(struct fetcher *fetcher)
{
    if (fetcher == NULL)
        return;
    while (!list_is_empty(&fetcher->running))
        fetch_cancel(LIST_ITEM(list_first(&fetcher->running), struct fetch, link));
    while (!list_is_empty(&fetcher->waiting))
        fetch_cancel(LIST_ITEM(list_first(&fetcher->waiting), struct fetch, link));
    curl_multi_cleanup(fetcher->multi);
    timer_destroy(fetcher->timer);
    event_wake_destroy(fetcher->place_free);
    memory_release(fetcher);
    curl_global_cleanup();
}

void fetcher_set_addresses(struct fetcher *fetcher, const struct fetch_address_settings *addresses)
{
    fetcher->addresses = *addresses;
}

/* Never calls the callback: curl begins with the next turn of the loop. */
struct fetch *fetch_start(struct fetcher *fetcher, const struct fetch_request *request,
                          fetch_callback *callback, void *context)
{
    bool has_place = fetcher->running.count < fetcher->settings.running_max;
    struct fetch *fetch;

    if (!has_place && fetcher->waiting.count >= fetcher->settings.waiting_max)
        return NULL;
    fetch = create(fetcher, request);
    fetch->callback = callback;
    fetch->context = context;
    if (!has_place) {
        list_append(&fetcher->waiting, &fetch->link);
        return fetch;
    }
    if (!begin(fetch)) {
        destroy(fetch);
        return NULL;
    }
    return fetch;
}

/* Who waits is begun later: the caller may be in the middle of cancelling many. */
void fetch_cancel(struct fetch *fetch)
{
    struct fetcher *fetcher;

    if (fetch == NULL)
        return;
    fetcher = fetch->fetcher;
    list_remove(fetch->easy != NULL ? &fetcher->running : &fetcher->waiting, &fetch->link);
    destroy(fetch);
    event_wake_send(fetcher->place_free);
}

size_t fetcher_running(const struct fetcher *fetcher)
{
    return fetcher->running.count;
}

size_t fetcher_waiting(const struct fetcher *fetcher)
{
    return fetcher->waiting.count;
}
