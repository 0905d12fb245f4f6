/* SPDX-License-Identifier: Apache-2.0
 *
 * See crl_fetching.h. An address waits for its timer, is being fetched, or what came is being read
 * by another thread; whoever reads holds the address, also when it is forgotten meanwhile.
 */
#include "app/crl_fetching.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/crl_refusals.h"
#include "protocol/x509/certificate.h"
#include "runtime/background.h"
#include "runtime/buffer.h"
#include "runtime/clock.h"
#include "runtime/encoding.h"
#include "runtime/file.h"
#include "runtime/list.h"
#include "runtime/log.h"
#include "runtime/memory.h"
#include "runtime/random.h"
#include "runtime/timer.h"

struct crl_fetching {
    struct crl_fetching_settings settings;
    char *directory; /* NULL: nothing is kept */
    struct list addresses;
    size_t named_count;
    struct crl_refusals *refusals;
    bool has_complained;
};

struct address {
    struct list_link link;
    struct crl_fetching *owner; /* NULL: it is forgotten */
    char *url;
    char *file; /* NULL: nothing is kept */
    uint64_t refresh_ms;
    uint64_t needed_ms; /* when it was, last */
    bool is_configured;
    bool is_reading;
    unsigned failures;
    struct fetch *fetch;
    struct timer *timer;
    char *etag; /* of the list in use; NULL: unknown */
};

static void begin_fetch(void *context);

/* ---- time
 * --------------------------------------------------------------------------------------------- */

/* Within a tenth of it, so that many gateways do not come at once. */
static uint64_t spread(uint64_t delay_ms)
{
    uint64_t random;

    random_fill(&random, sizeof random);
    return delay_ms - delay_ms / 10 + random % (delay_ms / 5 + 1);
}

static uint64_t retry_delay_ms(const struct address *address)
{
    unsigned doublings = address->failures > 10 ? 10 : address->failures - 1;
    uint64_t delay = (uint64_t)CRL_RETRY_MS << doublings;
    uint64_t most = address->refresh_ms < CRL_RETRY_MAX_MS ? address->refresh_ms : CRL_RETRY_MAX_MS;

    return delay < most ? delay : most;
}

struct earliest {
    const char *origin;
    int64_t end; /* 0: there is no list */
};

static void note_end(void *context, const struct crl_report *list)
{
    struct earliest *earliest = context;

    if (list->facts == NULL || strcmp(list->origin, earliest->origin) != 0)
        return;
    if (earliest->end == 0 || list->facts->next_update < earliest->end)
        earliest->end = list->facts->next_update;
}

/* At three quarters of what is left of the list, at the latest. */
static uint64_t refresh_delay_ms(const struct address *address)
{
    struct earliest earliest = {.origin = address->url};
    int64_t left;
    uint64_t delay = address->refresh_ms;

    crl_registry_each(address->owner->settings.registry, note_end, &earliest);
    left = earliest.end - clock_wall_seconds();
    if (earliest.end != 0 && left > 0 && (uint64_t)left * 750 < delay)
        delay = (uint64_t)left * 750;
    return delay < CRL_RETRY_MS ? CRL_RETRY_MS : delay;
}

/* ---- outcomes
 * --------------------------------------------------------------------------------------------- */

static void publish(struct address *address)
{
    crl_registry_set_address(address->owner->settings.registry, address->url, false,
                             address->is_configured);
    crl_registry_publish(address->owner->settings.registry);
}

static void succeed(struct address *address)
{
    if (address->failures > 0)
        log_event(LOG_INFO, "the revocation list of %s comes again", address->url);
    address->failures = 0;
    crl_registry_note_problem(address->owner->settings.registry, address->url, NULL);
    publish(address);
    timer_start(address->timer, spread(refresh_delay_ms(address)));
}

static void fail(struct address *address, const char *problem)
{
    address->failures++;
    if (address->failures == 1)
        log_event(LOG_WARNING, "no revocation list from %s: %s", address->url, problem);
    crl_registry_note_problem(address->owner->settings.registry, address->url, problem);
    publish(address);
    timer_start(address->timer, spread(retry_delay_ms(address)));
}

/* ---- reading, on another thread
 * --------------------------------------------------------------------------------------------- */

struct reading {
    struct address *address;
    char *bytes; /* as they came; NULL: from the file */
    size_t size;
    char *etag;
    struct crl_set set;
    bool is_read;
    struct error error;
};

static void forget(struct address *address)
{
    memory_release(address->url);
    memory_release(address->file);
    memory_release(address->etag);
    memory_release(address);
}

static void free_reading(void *context)
{
    struct reading *reading = context;

    crl_set_reset(&reading->set);
    memory_release(reading->bytes);
    memory_release(reading->etag);
    memory_release(reading);
}

static void do_nothing(void *context)
{
    (void)context;
}

/* A large list takes milliseconds to give back: not on this thread. */
static void end_reading(struct reading *reading)
{
    const struct crl_fetching *owner = reading->address->owner;

    background_run(owner->settings.loop, free_reading, do_nothing, reading);
}

/* Reading uses the bytes up, and what came may have to be kept. */
static void read_content(void *context)
{
    struct reading *reading = context;
    char *copy = memory_allocate(reading->size + 1);

    memcpy(copy, reading->bytes, reading->size);
    reading->is_read = crl_set_read(&reading->set, copy, reading->size, &reading->error);
    memory_release(copy);
}

static void read_state(void *context)
{
    struct reading *reading = context;
    char *bytes = NULL;
    size_t size = 0;

    if (!file_read(reading->address->file, CRL_FETCH_BYTES_MAX, &bytes, &size, &reading->error))
        return;
    reading->is_read = crl_set_read(&reading->set, bytes, size, &reading->error);
    memory_release(bytes);
}

static void write_state(void *context)
{
    struct reading *reading = context;

    reading->is_read = file_replace_private(
        reading->address->file, slice_from(reading->bytes, reading->size), &reading->error);
}

static void start_reading(struct reading *reading, void (*work)(void *), void (*done)(void *))
{
    reading->address->is_reading = true;
    background_run(reading->address->owner->settings.loop, work, done, reading);
}

/* False: the address was forgotten meanwhile. */
static bool is_still_wanted(struct reading *reading)
{
    struct address *address = reading->address;

    address->is_reading = false;
    if (address->owner != NULL)
        return true;
    forget(address);
    free_reading(reading);
    return false;
}

static void on_state_written(void *context)
{
    struct reading *reading = context;
    struct address *address = reading->address;

    if (!is_still_wanted(reading))
        return;
    if (!reading->is_read && !address->owner->has_complained) {
        address->owner->has_complained = true;
        log_event(LOG_WARNING, "revocation lists are not kept: %s", reading->error.text);
    }
    succeed(address);
    end_reading(reading);
}

static enum crl_offer offer(struct reading *reading)
{
    struct address *address = reading->address;
    struct crl_registry *registry = address->owner->settings.registry;

    if (!reading->is_read)
        return CRL_OFFER_REFUSED;
    /* Whoever answers in the issuer's place could give us the list of another one, or about others.
     */
    if (!crl_registry_may_replace(registry, address->url, &reading->set, clock_wall_seconds())) {
        error_set(
            &reading->error, ERROR_CERTIFICATE,
            "it is not of the issuer that the list in use is of, or about other certificates");
        return CRL_OFFER_REFUSED;
    }
    return crl_registry_offer(registry, address->url, &reading->set, clock_wall_seconds(),
                              &reading->error);
}

static void on_content_read(void *context)
{
    struct reading *reading = context;
    struct address *address = reading->address;
    enum crl_offer outcome;

    if (!is_still_wanted(reading))
        return;
    outcome = offer(reading);
    if (outcome == CRL_OFFER_REFUSED) {
        fail(address, reading->error.text);
        end_reading(reading);
        return;
    }
    memory_release(address->etag);
    address->etag = reading->etag;
    reading->etag = NULL;
    if (outcome == CRL_OFFER_TAKEN)
        log_event(LOG_INFO, "the revocation lists of %s are new", address->url);
    if (outcome == CRL_OFFER_TAKEN && address->file != NULL) {
        crl_registry_publish(address->owner->settings.registry);
        start_reading(reading, write_state, on_state_written);
        return;
    }
    succeed(address);
    end_reading(reading);
}

/* What was kept is used until something newer comes, which is asked for at once. */
static void on_state_read(void *context)
{
    struct reading *reading = context;
    struct address *address = reading->address;

    if (!is_still_wanted(reading))
        return;
    if (offer(reading) == CRL_OFFER_TAKEN) {
        log_event(LOG_INFO, "the revocation lists of %s were kept in '%s'", address->url,
                  address->file);
        publish(address);
    } else if (reading->error.kind != ERROR_FILE) {
        log_event(LOG_WARNING, "what was kept of %s is not used: %s", address->url,
                  reading->error.text);
    }
    end_reading(reading);
    begin_fetch(address);
}

/* ---- fetching
 * --------------------------------------------------------------------------------------------- */

static void on_fetched(void *context, const struct fetch_result *result)
{
    enum { STATUS_OK = 200, STATUS_NOT_MODIFIED = 304 };
    struct address *address = context;
    struct reading *reading;

    address->fetch = NULL;
    if (result->outcome == FETCH_ANSWERED && result->status == STATUS_NOT_MODIFIED &&
        address->etag != NULL) {
        succeed(address);
        return;
    }
    if (result->outcome != FETCH_ANSWERED || result->status != STATUS_OK) {
        char *problem = result->outcome == FETCH_ANSWERED
                            ? memory_format("the server answered %u", result->status)
                            : memory_copy_text(result->problem);

        fail(address, problem);
        memory_release(problem);
        return;
    }
    reading = memory_allocate(sizeof *reading);
    reading->address = address;
    reading->size = result->content.size;
    reading->bytes = memory_allocate(result->content.size + 1);
    if (result->content.size > 0)
        memcpy(reading->bytes, result->content.data, result->content.size);
    if (result->etag[0] != '\0')
        reading->etag = memory_copy_text(result->etag);
    start_reading(reading, read_content, on_content_read);
}

static void begin_fetch(void *context)
{
    struct address *address = context;
    const struct fetch_request request = {
        .url = address->url,
        .accept = "application/pkix-crl, */*;q=0.1",
        .known_etag = address->etag,
        .limits = {.time_ms = CRL_FETCH_TIME_MS,
                   .connect_time_ms = CRL_FETCH_CONNECT_TIME_MS,
                   .bytes_max = CRL_FETCH_BYTES_MAX,
                   .redirects_max = CRL_FETCH_REDIRECTS_MAX,
                   .bytes_per_second_min = CRL_FETCH_SLOW_BYTES_PER_SECOND,
                   .slow_seconds = CRL_FETCH_SLOW_SECONDS},
    };

    if (address->fetch != NULL || address->is_reading)
        return;
    if (address->owner->settings.fetcher == NULL) {
        crl_registry_note_problem(address->owner->settings.registry, address->url,
                                  "nothing is fetched here");
        publish(address);
        return;
    }
    address->fetch = fetch_start(address->owner->settings.fetcher, &request, on_fetched, address);
    if (address->fetch == NULL)
        fail(address, "as many fetches wait as may");
}

/* ---- addresses
 * --------------------------------------------------------------------------------------------- */

static struct address *find(const struct crl_fetching *fetching, const char *url)
{
    struct list_link *link = list_first(&fetching->addresses);

    while (link != NULL && strcmp(LIST_ITEM(link, struct address, link)->url, url) != 0)
        link = list_next(&fetching->addresses, link);
    return link == NULL ? NULL : LIST_ITEM(link, struct address, link);
}

static char *file_of(const struct crl_fetching *fetching, const char *url)
{
    unsigned char digest[32];
    char hex[2 * sizeof digest + 1] = {0};
    struct buffer buffer;

    if (fetching->directory == NULL)
        return NULL;
    certificate_sha256(slice_from_text(url), digest);
    buffer_init(&buffer, hex, sizeof hex - 1);
    (void)encode_hex(&buffer, slice_from(digest, sizeof digest));
    return memory_format("%s/%s", fetching->directory, hex);
}

static bool is_fetched(const char *url)
{
    struct slice text = slice_from_text(url);

    return slice_starts_with(text, SLICE("http://")) || slice_starts_with(text, SLICE("https://"));
}

static uint64_t now_ms(const struct crl_fetching *fetching)
{
    const struct crl_fetching_settings *settings = &fetching->settings;

    return settings->now_ms == NULL ? event_loop_now_ms(settings->loop)
                                    : settings->now_ms(settings->context);
}

static void start_address(struct crl_fetching *fetching, char *url, uint64_t refresh_ms,
                          bool is_configured)
{
    struct address *address = memory_allocate(sizeof *address);
    struct reading *reading;

    address->owner = fetching;
    address->url = url;
    address->file = file_of(fetching, url);
    address->refresh_ms = refresh_ms;
    address->is_configured = is_configured;
    address->needed_ms = now_ms(fetching);
    address->timer = timer_create_on(fetching->settings.loop, begin_fetch, address);
    list_append(&fetching->addresses, &address->link);
    fetching->named_count += is_configured ? 0 : 1;
    crl_registry_set_address(fetching->settings.registry, url, true, is_configured);
    if (address->file == NULL) {
        begin_fetch(address);
        return;
    }
    reading = memory_allocate(sizeof *reading);
    reading->address = address;
    start_reading(reading, read_state, on_state_read);
}

/* ---- room
 * --------------------------------------------------------------------------------------------- */

static void note_needed(struct crl_fetching *fetching)
{
    for (struct list_link *link = list_first(&fetching->addresses); link != NULL;
         link = list_next(&fetching->addresses, link)) {
        struct address *address = LIST_ITEM(link, struct address, link);

        if (!address->is_configured &&
            crl_registry_take_use(fetching->settings.registry, address->url))
            address->needed_ms = now_ms(fetching);
    }
}

static bool has_list(const struct address *address)
{
    return crl_registry_has(address->owner->settings.registry, address->url);
}

static bool may_go(const struct address *address)
{
    uint64_t idle_ms = has_list(address) ? CRL_IDLE_MS : CRL_LISTLESS_IDLE_MS;

    return !address->is_configured && !address->is_reading &&
           now_ms(address->owner) - address->needed_ms >= idle_ms;
}

/* What has no list first, then what was needed least recently. */
static bool goes_before(const struct address *a, const struct address *b)
{
    if (has_list(a) != has_list(b))
        return has_list(b);
    return a->needed_ms < b->needed_ms;
}

static void remove_address(struct address *address);

static bool has_room(struct crl_fetching *fetching)
{
    size_t most =
        fetching->settings.named_max == 0 ? CRL_ADDRESSES_MAX : fetching->settings.named_max;
    struct address *chosen = NULL;

    if (fetching->named_count < most)
        return true;
    note_needed(fetching);
    for (struct list_link *link = list_first(&fetching->addresses); link != NULL;
         link = list_next(&fetching->addresses, link)) {
        struct address *address = LIST_ITEM(link, struct address, link);

        if (may_go(address) && (chosen == NULL || goes_before(address, chosen)))
            chosen = address;
    }
    if (chosen == NULL)
        return false;
    crl_registry_forget(fetching->settings.registry, chosen->url);
    if (chosen->file != NULL)
        (void)unlink(chosen->file); /* what is not there cannot stay there */
    remove_address(chosen);
    return true;
}

void crl_fetching_look(struct crl_fetching *fetching)
{
    note_needed(fetching);
    crl_refusals_expire(fetching->refusals, now_ms(fetching));
    crl_registry_publish(fetching->settings.registry);
}

static void refuse(struct crl_fetching *fetching, const char *url)
{
    char printable[256];
    struct buffer words;

    if (!crl_refusals_add(fetching->refusals, url, now_ms(fetching)))
        return;
    buffer_init(&words, printable, sizeof printable - 1);
    (void)encode_printable(&words, slice_first(slice_from_text(url), sizeof printable / 4));
    log_event(LOG_WARNING, "no revocation list is fetched from %.*s: %s",
              SLICE_FORMAT(buffer_readable(&words)),
              is_fetched(url) ? "certificates name too many addresses"
                              : "it is neither http nor https");
}

void crl_fetching_add(struct crl_fetching *fetching, struct slice url, uint64_t refresh_ms,
                      bool is_configured)
{
    char *text = memory_copy_slice(url);
    struct address *known = find(fetching, text);

    if (known != NULL) {
        fetching->named_count -= is_configured && !known->is_configured;
        known->is_configured = known->is_configured || is_configured;
        known->refresh_ms = refresh_ms < known->refresh_ms ? refresh_ms : known->refresh_ms;
    } else if (is_fetched(text) && (is_configured || has_room(fetching))) {
        crl_refusals_remove(fetching->refusals, text);
        start_address(fetching, text, refresh_ms, is_configured);
        return;
    } else {
        refuse(fetching, text);
    }
    memory_release(text);
}

static void remove_address(struct address *address)
{
    struct crl_fetching *fetching = address->owner;

    list_remove(&fetching->addresses, &address->link);
    fetching->named_count -= !address->is_configured;
    fetch_cancel(address->fetch);
    timer_destroy(address->timer);
    crl_registry_forget_address(fetching->settings.registry, address->url);
    address->owner = NULL;
    if (!address->is_reading)
        forget(address);
}

void crl_fetching_retain(struct crl_fetching *fetching, const char *const *urls, size_t count,
                         bool keeps_named)
{
    struct list_link *link = list_first(&fetching->addresses);

    while (link != NULL) {
        struct address *address = LIST_ITEM(link, struct address, link);
        size_t at = 0;

        link = list_next(&fetching->addresses, link);
        while (at < count && strcmp(urls[at], address->url) != 0)
            at++;
        if (at == count && (address->is_configured || !keeps_named))
            remove_address(address);
    }
    if (!keeps_named)
        crl_refusals_clear(fetching->refusals);
}

const char **crl_fetching_addresses(const struct crl_fetching *fetching, size_t *count)
{
    const char **urls = memory_allocate_array(fetching->addresses.count + 1, sizeof(const char *));

    *count = 0;
    for (struct list_link *link = list_first(&fetching->addresses); link != NULL;
         link = list_next(&fetching->addresses, link))
        urls[(*count)++] = LIST_ITEM(link, struct address, link)->url;
    return urls;
}

struct crl_fetching *crl_fetching_create(const struct crl_fetching_settings *settings)
{
    struct crl_fetching *fetching = memory_allocate(sizeof *fetching);

    fetching->settings = *settings;
    fetching->refusals = crl_refusals_create(settings->registry);
    list_init(&fetching->addresses);
    if (settings->directory == NULL)
        return fetching;
    fetching->directory = memory_format("%s/crl", settings->directory);
    if (mkdir(fetching->directory, 0700) != 0 && errno != EEXIST)
        log_event(LOG_WARNING, "'%s' cannot be made: %s", fetching->directory, strerror(errno));
    return fetching;
}

void crl_fetching_destroy(struct crl_fetching *fetching)
{
    if (fetching == NULL)
        return;
    crl_fetching_retain(fetching, NULL, 0, false);
    crl_refusals_destroy(fetching->refusals);
    memory_release(fetching->directory);
    memory_release(fetching);
}
