/* SPDX-License-Identifier: Apache-2.0
 *
 * See resolver.h. c-ares says which sockets it waits for and until when; our loop waits. It checks
 * that an answer comes from whom it asked, with the number and the question that it sent; following
 * aliases, and leaving out records of other names, is its too.
 */
#include "runtime/resolver.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "runtime/event_loop.h"
#include "runtime/list.h"
#include "runtime/memory.h"
#include "runtime/timer.h"

/* More do not fit into a message of DNS, which has at most 64 KiB: a record takes 16 bytes. */
enum { RECORDS_MAX = 4096 };

/* How soon the hosts file is looked at again. */
enum { HOSTS_TTL_MS = 60 * 1000 };

enum { SERVER_PORT = 53, MS_PER_SECOND = 1000, US_PER_MS = 1000, IPV4_BYTES = 4 };

/* c-ares makes its numbers of it, and would make do without. */
static const char random_source[] = "/dev/urandom";

struct resolver {
    struct event_loop *loop;
    ares_channel channel;
    struct timer *timer;
    struct list sockets;
    uint64_t ttl_min_ms;
    uint64_t ttl_max_ms;
    bool is_ending;
};

/* One of c-ares's that we wait for. */
struct resolver_socket {
    struct resolver *resolver;
    int fd;
    struct event_watch *watch;
    struct list_link link;
};

struct resolver_question {
    struct resolver *resolver;
    resolver_callback *callback;
    void *context;
    unsigned open; /* families that are not answered yet */
    struct resolver_answer answer;
};

/* ---- outcomes ---- */

static const struct {
    const char *name;
    const char *words;
} outcomes[RESOLVER_OUTCOMES] = {
    [RESOLVER_FAILED] = {"failed",
                         "no name server can be reached, or they fail or refuse to answer"},
    [RESOLVER_FOUND] = {"found", "it has an address"},
    [RESOLVER_NO_NAME] = {"no_name", "there is no such name"},
    [RESOLVER_NO_ADDRESS] = {"no_address", "the name has no address"},
    [RESOLVER_TIMED_OUT] = {"timed_out", "no name server answered in time"},
    [RESOLVER_MALFORMED] = {"malformed", "the answer of the name server is malformed"},
};

bool resolver_is_failure(enum resolver_outcome outcome)
{
    return outcome != RESOLVER_FOUND && outcome != RESOLVER_NO_NAME &&
           outcome != RESOLVER_NO_ADDRESS;
}

const char *resolver_outcome_name(enum resolver_outcome outcome)
{
    return outcomes[outcome].name;
}

const char *resolver_outcome_explain(enum resolver_outcome outcome)
{
    return outcomes[outcome].words;
}

static enum resolver_outcome outcome_of(int status)
{
    switch (status) {
    case ARES_SUCCESS:
        return RESOLVER_FOUND;
    case ARES_ENOTFOUND:
    case ARES_EBADNAME:
        return RESOLVER_NO_NAME;
    case ARES_ENODATA:
        return RESOLVER_NO_ADDRESS;
    case ARES_ETIMEOUT:
        return RESOLVER_TIMED_OUT;
    case ARES_EBADRESP:
    case ARES_EFORMERR:
        return RESOLVER_MALFORMED;
    default:
        return RESOLVER_FAILED;
    }
}

/* ---- sockets and time ---- */

static void set_timer(struct resolver *resolver)
{
    struct timeval until;

    if (ares_timeout(resolver->channel, NULL, &until) == NULL)
        timer_stop(resolver->timer);
    else
        timer_start(resolver->timer, (uint64_t)until.tv_sec * MS_PER_SECOND +
                                         (uint64_t)until.tv_usec / US_PER_MS + 1);
}

static void process(struct resolver *resolver, int readable, int writable)
{
    ares_process_fd(resolver->channel, readable, writable);
    set_timer(resolver);
}

static void on_timer(void *context)
{
    process(context, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

/* The socket may be gone afterwards. */
static void on_socket(void *context, unsigned ready)
{
    const struct resolver_socket *socket = context;

    process(socket->resolver, (ready & EVENT_READABLE) != 0 ? socket->fd : ARES_SOCKET_BAD,
            (ready & EVENT_WRITABLE) != 0 ? socket->fd : ARES_SOCKET_BAD);
}

static struct resolver_socket *find_socket(const struct resolver *resolver, int fd)
{
    for (struct list_link *link = list_first(&resolver->sockets); link != NULL;
         link = list_next(&resolver->sockets, link)) {
        struct resolver_socket *socket = LIST_ITEM(link, struct resolver_socket, link);

        if (socket->fd == fd)
            return socket;
    }
    return NULL;
}

static struct resolver_socket *add_socket(struct resolver *resolver, int fd)
{
    struct resolver_socket *socket = memory_allocate(sizeof(*socket));

    socket->resolver = resolver;
    socket->fd = fd;
    socket->watch = event_watch_create(resolver->loop, fd, on_socket, socket);
    list_append(&resolver->sockets, &socket->link);
    return socket;
}

static void remove_socket(struct resolver *resolver, struct resolver_socket *socket)
{
    event_watch_destroy(socket->watch);
    list_remove(&resolver->sockets, &socket->link);
    memory_release(socket);
}

/* Neither: c-ares is about to close it. */
static void on_socket_state(void *context, int fd, int is_readable, int is_writable)
{
    struct resolver *resolver = context;
    struct resolver_socket *socket = find_socket(resolver, fd);
    unsigned interest = (is_readable ? (unsigned)EVENT_READABLE : 0U) |
                        (is_writable ? (unsigned)EVENT_WRITABLE : 0U);

    if (interest == EVENT_NONE) {
        if (socket != NULL)
            remove_socket(resolver, socket);
        return;
    }
    if (socket == NULL)
        socket = add_socket(resolver, fd);
    event_watch_set(socket->watch, interest);
}

/* ---- addresses ---- */

static int compare(const void *one, const void *other)
{
    const struct ip_address *a = one;
    const struct ip_address *b = other;

    return a->family != b->family ? (a->family < b->family ? -1 : 1)
                                  : memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* Nobody can be reached at an address of zeros: it is how some servers say no. */
static bool is_unspecified(const struct ip_address *address)
{
    static const unsigned char zeros[IP_ADDRESS_BYTES];

    return memcmp(address->bytes, zeros, sizeof(zeros)) == 0;
}

static void finish_part(struct resolver_part *part)
{
    size_t kept = 0;

    if (part->count > 1)
        qsort(part->addresses, part->count, sizeof(*part->addresses), compare);
    for (size_t i = 0; i < part->count; i++) {
        const struct ip_address *address = &part->addresses[i];

        if (is_unspecified(address) ||
            (kept > 0 && ip_address_equals(address, &part->addresses[kept - 1])))
            continue;
        part->addresses[kept++] = *address;
    }
    part->count = kept;
    part->outcome = kept > 0 ? RESOLVER_FOUND : RESOLVER_NO_ADDRESS;
}

static void add_address(struct resolver_part *part, int family, const void *bytes)
{
    struct ip_address *address = &part->addresses[part->count++];

    address->family = family == AF_INET ? IP_FAMILY_4 : IP_FAMILY_6;
    memcpy(address->bytes, bytes, family == AF_INET ? IPV4_BYTES : IP_ADDRESS_BYTES);
}

/* Seconds of DNS; what is negative there is zero (RFC 2181 section 8). */
static uint64_t bound_ttl(const struct resolver *resolver, int seconds)
{
    uint64_t ttl_ms = seconds < 0 ? 0 : (uint64_t)seconds * MS_PER_SECOND;

    if (ttl_ms < resolver->ttl_min_ms)
        ttl_ms = resolver->ttl_min_ms;
    return ttl_ms > resolver->ttl_max_ms ? resolver->ttl_max_ms : ttl_ms;
}

static int parse_ipv4(struct resolver *resolver, struct resolver_part *part,
                      const unsigned char *message, int size)
{
    struct ares_addrttl *records = memory_allocate_array(RECORDS_MAX, sizeof(*records));
    int count = RECORDS_MAX;
    int ttl = INT32_MAX;
    int status = ares_parse_a_reply(message, size, NULL, records, &count);

    if (status == ARES_SUCCESS) {
        part->addresses = memory_allocate_array((size_t)count + 1, sizeof(*part->addresses));
        for (int i = 0; i < count; i++) {
            add_address(part, AF_INET, &records[i].ipaddr);
            ttl = records[i].ttl < ttl ? records[i].ttl : ttl;
        }
        part->ttl_ms = bound_ttl(resolver, ttl);
    }
    memory_release(records);
    return status;
}

static int parse_ipv6(struct resolver *resolver, struct resolver_part *part,
                      const unsigned char *message, int size)
{
    struct ares_addr6ttl *records = memory_allocate_array(RECORDS_MAX, sizeof(*records));
    int count = RECORDS_MAX;
    int ttl = INT32_MAX;
    int status = ares_parse_aaaa_reply(message, size, NULL, records, &count);

    if (status == ARES_SUCCESS) {
        part->addresses = memory_allocate_array((size_t)count + 1, sizeof(*part->addresses));
        for (int i = 0; i < count; i++) {
            add_address(part, AF_INET6, &records[i].ip6addr);
            ttl = records[i].ttl < ttl ? records[i].ttl : ttl;
        }
        part->ttl_ms = bound_ttl(resolver, ttl);
    }
    memory_release(records);
    return status;
}

/* ---- questions ---- */

static void end_part(struct resolver_question *question)
{
    if (--question->open > 0)
        return;
    if (!question->resolver->is_ending)
        question->callback(question->context, &question->answer);
    for (size_t i = 0; i < RESOLVER_FAMILIES; i++)
        memory_release(question->answer.parts[i].addresses);
    memory_release(question);
}

static void on_ipv4(void *context, int status, int timeouts, unsigned char *message, int size)
{
    struct resolver_question *question = context;
    struct resolver_part *part = &question->answer.parts[RESOLVER_IPV4];

    (void)timeouts;
    if (status == ARES_SUCCESS)
        status = parse_ipv4(question->resolver, part, message, size);
    part->outcome = outcome_of(status);
    if (status == ARES_SUCCESS)
        finish_part(part);
    end_part(question);
}

static void on_ipv6(void *context, int status, int timeouts, unsigned char *message, int size)
{
    struct resolver_question *question = context;
    struct resolver_part *part = &question->answer.parts[RESOLVER_IPV6];

    (void)timeouts;
    if (status == ARES_SUCCESS)
        status = parse_ipv6(question->resolver, part, message, size);
    part->outcome = outcome_of(status);
    if (status == ARES_SUCCESS)
        finish_part(part);
    end_part(question);
}

/* True: the hosts file has an address of this family. */
static bool look_into_hosts(struct resolver_question *question, const char *host, int family,
                            struct resolver_part *part)
{
    struct hostent *found = NULL;
    size_t count = 0;

    part->outcome = RESOLVER_NO_ADDRESS;
    if (ares_gethostbyname_file(question->resolver->channel, host, family, &found) !=
            ARES_SUCCESS ||
        found == NULL)
        return false;
    while (found->h_addrtype == family && found->h_addr_list[count] != NULL)
        count++;
    part->addresses = memory_allocate_array(count + 1, sizeof(*part->addresses));
    for (size_t i = 0; i < count; i++)
        add_address(part, family, found->h_addr_list[i]);
    part->ttl_ms = bound_ttl(question->resolver, HOSTS_TTL_MS / MS_PER_SECOND);
    ares_free_hostent(found);
    finish_part(part);
    return part->outcome == RESOLVER_FOUND;
}

/* RFC 6761 section 6.3: no server is to be asked. */
static bool is_localhost(const char *host)
{
    struct slice name = slice_from_text(host);

    return slice_equals_ignoring_case(name, SLICE("localhost")) ||
           slice_ends_with(name, SLICE(".localhost"));
}

static void set_loopback(struct resolver_question *question)
{
    struct in_addr ipv4 = {htonl(INADDR_LOOPBACK)};
    const void *bytes[] = {[RESOLVER_IPV4] = &ipv4, [RESOLVER_IPV6] = &in6addr_loopback};

    for (size_t i = 0; i < RESOLVER_FAMILIES; i++) {
        struct resolver_part *part = &question->answer.parts[i];

        memory_release(part->addresses);
        *part = (struct resolver_part){.addresses = memory_allocate(sizeof(*part->addresses))};
        add_address(part, i == RESOLVER_IPV4 ? AF_INET : AF_INET6, bytes[i]);
        part->ttl_ms = question->resolver->ttl_max_ms;
        finish_part(part);
    }
}

/* A name that the hosts file knows is not asked for, in either family. */
static bool answer_here(struct resolver_question *question, const char *host)
{
    struct resolver_part *parts = question->answer.parts;
    bool has_ipv4 = look_into_hosts(question, host, AF_INET, &parts[RESOLVER_IPV4]);
    bool has_ipv6 = look_into_hosts(question, host, AF_INET6, &parts[RESOLVER_IPV6]);

    if (has_ipv4 || has_ipv6)
        return true;
    if (!is_localhost(host))
        return false;
    set_loopback(question);
    return true;
}

void resolver_ask(struct resolver *resolver, const char *host, resolver_callback *callback,
                  void *context)
{
    struct resolver_question *question = memory_allocate(sizeof(*question));

    question->resolver = resolver;
    question->callback = callback;
    question->context = context;
    if (answer_here(question, host)) {
        question->open = 1;
        end_part(question);
        return;
    }
    question->open = RESOLVER_FAMILIES;
    /* Each may be over at once, and the question with the second. */
    ares_search(resolver->channel, host, C_IN, T_A, on_ipv4, question);
    ares_search(resolver->channel, host, C_IN, T_AAAA, on_ipv6, question);
    set_timer(resolver);
}

/* ---- names and servers ---- */

static bool is_number(struct slice text)
{
    uint64_t number;

    return slice_parse_u64(text, &number);
}

bool resolver_name_is_valid(struct slice name, struct error *error)
{
    struct slice rest = name;
    struct slice label = {NULL, 0};

    if (name.size > RESOLVER_NAME_BYTES_MAX) {
        error_set(error, ERROR_VALUE, "a name has at most %d characters", RESOLVER_NAME_BYTES_MAX);
        return false;
    }
    do {
        label = slice_first(rest, slice_find(rest, '.'));
        rest = slice_after(rest, label.size < rest.size ? label.size + 1 : label.size);
        if (label.size == 0 || label.size > RESOLVER_LABEL_BYTES_MAX) {
            error_set(error, ERROR_VALUE, "between the dots of a name are 1 to %d characters",
                      RESOLVER_LABEL_BYTES_MAX);
            return false;
        }
        for (size_t i = 0; i < label.size; i++) {
            if (!ascii_is_alphanumeric(label.data[i]) && label.data[i] != '-' &&
                label.data[i] != '_') {
                error_set(error, ERROR_VALUE, "a name has letters, digits, '-', '_' and dots only");
                return false;
            }
        }
    } while (rest.size > 0);
    if (is_number(label)) {
        error_set(error, ERROR_VALUE,
                  "it ends with a number, as no name does, and is no address either");
        return false;
    }
    return true;
}

bool resolver_server_parse(struct slice text, struct socket_address *address, struct error *error)
{
    struct ip_address bare;
    char full[IP_ADDRESS_TEXT_SIZE + sizeof("[]:65535")];
    char host[IP_ADDRESS_TEXT_SIZE];

    if (ip_address_parse(text, &bare)) {
        ip_address_format(&bare, host);
        text = slice_from(full, (size_t)snprintf(full, sizeof(full),
                                                 bare.family == IP_FAMILY_6 ? "[%s]:%d" : "%s:%d",
                                                 host, SERVER_PORT));
    }
    if (slice_starts_with(text, SLICE(":")) || !socket_address_parse(text, address, NULL) ||
        socket_address_port(address) == 0) {
        error_set(error, ERROR_VALUE,
                  "'%.*s' is not the address of a name server: it must be like 192.0.2.53, "
                  "192.0.2.53:5353, 2001:db8::53 or [2001:db8::53]:5353",
                  SLICE_FORMAT(slice_first(text, IP_ADDRESS_TEXT_SIZE)));
        return false;
    }
    return true;
}

/* ---- the resolver ---- */

static bool set_servers(struct resolver *resolver, const char *const *servers, struct error *error)
{
    struct ares_addr_port_node nodes[RESOLVER_SERVERS_MAX];
    size_t count = 0;
    int status;

    memset(nodes, 0, sizeof(nodes));
    for (; servers != NULL && servers[count] != NULL; count++) {
        struct ares_addr_port_node *node = &nodes[count];
        struct socket_address address;
        struct ip_address ip;

        if (count == RESOLVER_SERVERS_MAX) {
            error_set(error, ERROR_LIMIT, "more than %d name servers", RESOLVER_SERVERS_MAX);
            return false;
        }
        if (!resolver_server_parse(slice_from_text(servers[count]), &address, error))
            return false;
        ip = ip_address_of(&address);
        node->family = ip.family == IP_FAMILY_4 ? AF_INET : AF_INET6;
        memcpy(&node->addr, ip.bytes, ip.family == IP_FAMILY_4 ? IPV4_BYTES : IP_ADDRESS_BYTES);
        node->udp_port = node->tcp_port = socket_address_port(&address);
        if (count > 0)
            nodes[count - 1].next = node;
    }
    if (count == 0)
        return true;
    status = ares_set_servers_ports(resolver->channel, nodes);
    if (status != ARES_SUCCESS)
        error_set(error, ERROR_SYSTEM, "name servers cannot be used: %s", ares_strerror(status));
    return status == ARES_SUCCESS;
}

static bool open_channel(struct resolver *resolver, const struct resolver_settings *settings,
                         struct error *error)
{
    struct ares_options options = {
        .flags = ARES_FLAG_NOALIASES | (settings->searches ? 0 : ARES_FLAG_NOSEARCH),
        .timeout = (int)settings->timeout_ms,
        .tries = (int)settings->attempts,
        .sock_state_cb = on_socket_state,
        .sock_state_cb_data = resolver,
    };
    int status;

    if (access(random_source, R_OK) != 0) {
        error_set(error, ERROR_SYSTEM,
                  "'%s' cannot be read, so that questions to name servers "
                  "could be foreseen",
                  random_source);
        return false;
    }
    status = ares_library_init(ARES_LIB_INIT_ALL);
    if (status != ARES_SUCCESS) {
        error_set(error, ERROR_SYSTEM, "c-ares cannot be used: %s", ares_strerror(status));
        return false;
    }
    status = ares_init_options(&resolver->channel, &options,
                               ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                                   ARES_OPT_SOCK_STATE_CB);
    if (status == ARES_SUCCESS)
        return true;
    error_set(error, ERROR_SYSTEM, "name servers cannot be used: %s", ares_strerror(status));
    resolver->channel = NULL;
    ares_library_cleanup();
    return false;
}

struct resolver *resolver_create(struct event_loop *loop, const struct resolver_settings *settings,
                                 struct error *error)
{
    struct resolver *resolver = memory_allocate(sizeof(*resolver));

    resolver->loop = loop;
    resolver->ttl_min_ms = settings->ttl_min_ms;
    resolver->ttl_max_ms = settings->ttl_max_ms;
    resolver->timer = timer_create_on(loop, on_timer, resolver);
    list_init(&resolver->sockets);
    if (open_channel(resolver, settings, error) && set_servers(resolver, settings->servers, error))
        return resolver;
    resolver_destroy(resolver);
    return NULL;
}

void resolver_destroy(struct resolver *resolver)
{
    if (resolver == NULL)
        return;
    resolver->is_ending = true;
    if (resolver->channel != NULL) {
        ares_destroy(resolver->channel);
        ares_library_cleanup();
    }
    timer_destroy(resolver->timer);
    memory_release(resolver);
}
