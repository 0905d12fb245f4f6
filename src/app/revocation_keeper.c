/* SPDX-License-Identifier: Apache-2.0
 *
 * See revocation_keeper.h.
 */
#include "app/revocation_keeper.h"

#include <string.h>
#include <time.h>

#include "app/crl_fetching.h"
#include "app/file_watch.h"
#include "gateway/identity/judging_context.h"
#include "protocol/x509/trust_store.h"
#include "runtime/background.h"
#include "runtime/clock.h"
#include "runtime/file.h"
#include "runtime/list.h"
#include "runtime/log.h"
#include "runtime/memory.h"
#include "runtime/timer.h"

enum { LOOK_MS = 10 * 1000 };

struct path_list {
    char **paths;
    size_t count;
};

struct revocation_keeper {
    struct revocation_facts *facts;
    struct crl_registry *lists;
    struct path_list files; /* of the generation in use */
    struct list ahead;      /* files that the next generation names, for it alone */
    event_callback *on_read_ahead;
    void *read_ahead_context;
    struct event_loop *loop;
    struct event_wake *wanted;
    struct file_watch *watch;
    struct crl_fetching *fetching; /* NULL: nothing is fetched yet */
    struct timer *look;            /* for lists that are about to end */
    struct path_list urls;         /* of the generation in use */
    uint64_t named_refresh_ms;     /* of what certificates name; 0: that is not fetched */
    event_callback *on_changed;
    void *context;
    struct timespec read_since; /* no file was read before this, or it was read again after it */
    bool has_read;
    bool is_stopped;
};

struct revocation_keeper *revocation_keeper_create(void)
{
    struct revocation_keeper *keeper = memory_allocate(sizeof *keeper);

    keeper->facts = revocation_facts_create();
    keeper->lists = crl_registry_create(keeper->facts);
    list_init(&keeper->ahead);
    return keeper;
}

static void drop_ahead(struct revocation_keeper *keeper);

static void reset_paths(struct path_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        memory_release(list->paths[i]);
    memory_release(list->paths);
    *list = (struct path_list){NULL, 0};
}

void revocation_keeper_destroy(struct revocation_keeper *keeper)
{
    if (keeper == NULL)
        return;
    drop_ahead(keeper);
    crl_registry_destroy(keeper->lists);
    revocation_facts_destroy(keeper->facts);
    reset_paths(&keeper->files);
    reset_paths(&keeper->urls);
    memory_release(keeper);
}

struct revocation_facts *revocation_keeper_facts(struct revocation_keeper *keeper)
{
    return keeper->facts;
}

const struct crl_registry *revocation_keeper_lists(const struct revocation_keeper *keeper)
{
    return keeper->lists;
}

/* ---- what a generation names
 * --------------------------------------------------------------------------------------------- */

/* Of each trust profile, and of its trial. */
static size_t profile_count(const struct generation *generation)
{
    return 2 * generation_trust_count(generation);
}

/* NULL: there is no trial. */
static const struct crl_settings *lists_of(const struct generation *generation, size_t index)
{
    const struct trust_profile_settings *settings =
        generation_trust_settings(generation, index / 2);

    if (index % 2 == 1)
        settings = settings->trial;
    return settings == NULL ? NULL : &settings->revocation.crl;
}

static const struct judging_context *context_of(const struct generation *generation, size_t index)
{
    const struct judging_context *context = generation_trust(generation, index / 2);

    return index % 2 == 1 ? judging_context_trial(context) : context;
}

struct certificate_list {
    X509 **certificates;
    size_t count;
};

static void add_store(struct certificate_list *list, const struct trust_store *store)
{
    size_t count = store == NULL ? 0 : trust_store_count(store);

    list->certificates =
        memory_resize(list->certificates, (list->count + count + 1) * sizeof(X509 *));
    for (size_t i = 0; i < count; i++)
        list->certificates[list->count++] = X509_dup(trust_store_anchor(store, i));
}

static void set_issuers(struct revocation_keeper *keeper, const struct generation *generation)
{
    struct certificate_list issuers = {.certificates = NULL};

    for (size_t i = 0; i < profile_count(generation); i++) {
        const struct judging_context *context = context_of(generation, i);

        if (context == NULL || judging_context_revocation(context)->sources == 0)
            continue;
        add_store(&issuers, judging_context_anchors(context));
        add_store(&issuers, judging_context_intermediates(context));
    }
    crl_registry_set_issuers(keeper->lists, issuers.certificates, issuers.count);
    for (size_t i = 0; i < issuers.count; i++)
        X509_free(issuers.certificates[i]);
    memory_release(issuers.certificates);
}

static bool has_path(const struct path_list *list, const char *path)
{
    size_t i = 0;

    while (i < list->count && strcmp(list->paths[i], path) != 0)
        i++;
    return i < list->count;
}

static void collect_paths(struct path_list *list, const struct generation *generation)
{
    for (size_t i = 0; i < profile_count(generation); i++) {
        const struct crl_settings *settings = lists_of(generation, i);

        for (size_t j = 0; settings != NULL && j < settings->file_count; j++) {
            if (has_path(list, settings->files[j].path))
                continue;
            list->paths = memory_resize(list->paths, (list->count + 1) * sizeof(char *));
            list->paths[list->count++] = memory_copy_text(settings->files[j].path);
        }
    }
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a == 0 || b < a ? b : a;
}

static void collect_urls(struct revocation_keeper *keeper, const struct generation *generation)
{
    reset_paths(&keeper->urls);
    keeper->named_refresh_ms = 0;
    for (size_t i = 0; i < profile_count(generation); i++) {
        const struct crl_settings *settings = lists_of(generation, i);
        const char *const *urls = settings == NULL ? NULL : settings->urls;

        if (settings != NULL && settings->from_certificate)
            keeper->named_refresh_ms = sooner(keeper->named_refresh_ms, settings->refresh_ms);
        for (; urls != NULL && *urls != NULL; urls++) {
            if (keeper->fetching != NULL)
                crl_fetching_add(keeper->fetching, slice_from_text(*urls), settings->refresh_ms,
                                 true);
            if (has_path(&keeper->urls, *urls))
                continue;
            keeper->urls.paths =
                memory_resize(keeper->urls.paths, (keeper->urls.count + 1) * sizeof(char *));
            keeper->urls.paths[keeper->urls.count++] = memory_copy_text(*urls);
        }
    }
}

/* ---- reading
 * --------------------------------------------------------------------------------------------- */

static bool read_file(const char *path, struct crl_set *set, struct error *error)
{
    char *bytes = NULL;
    size_t size = 0;
    bool is_read;

    if (!file_read(path, CRL_FILE_BYTES_MAX, &bytes, &size, error))
        return false;
    is_read = crl_set_read(set, bytes, size, error);
    memory_release(bytes);
    if (!is_read)
        error_prefix(error, "'%s' cannot be used as a revocation list", path);
    return is_read;
}

/* What is done with it on another thread, it is not touched on this one. */
struct reading {
    struct revocation_keeper *keeper;
    struct list_link link; /* of what is read ahead */
    char *path;
    struct crl_set set;
    bool is_ahead;
    bool is_done;
    bool is_read;
    struct error error;
};

/* On another thread. */
static void read_list(void *context)
{
    struct reading *reading = context;

    reading->is_read = read_file(reading->path, &reading->set, &reading->error);
}

static void free_reading(void *context)
{
    struct reading *reading = context;

    crl_set_reset(&reading->set);
    memory_release(reading->path);
    memory_release(reading);
}

static void release_snapshot(void *snapshot)
{
    revocation_snapshot_release(snapshot);
}

static void do_nothing(void *context)
{
    (void)context;
}

/* A million entries take milliseconds to give back. */
static void free_elsewhere(struct revocation_keeper *keeper, void (*work)(void *context),
                           void *what)
{
    if (keeper->loop == NULL || keeper->is_stopped)
        work(what);
    else
        background_run(keeper->loop, work, do_nothing, what);
}

static struct reading *find_ahead(const struct revocation_keeper *keeper, const char *path)
{
    for (struct list_link *link = list_first(&keeper->ahead); link != NULL;
         link = list_next(&keeper->ahead, link)) {
        struct reading *reading = LIST_ITEM(link, struct reading, link);

        if (strcmp(reading->path, path) == 0)
            return reading;
    }
    return NULL;
}

/* What is still being read is freed by who reads it. */
static void drop_ahead(struct revocation_keeper *keeper)
{
    while (!list_is_empty(&keeper->ahead)) {
        struct reading *reading = LIST_ITEM(list_first(&keeper->ahead), struct reading, link);

        list_remove(&keeper->ahead, &reading->link);
        reading->is_ahead = false;
        if (reading->is_done)
            free_elsewhere(keeper, free_reading, reading);
    }
}

static bool is_reading_ahead(const struct revocation_keeper *keeper)
{
    struct list_link *link = list_first(&keeper->ahead);

    while (link != NULL && LIST_ITEM(link, struct reading, link)->is_done)
        link = list_next(&keeper->ahead, link);
    return link != NULL;
}

static void on_read_ahead(void *context)
{
    struct reading *reading = context;
    struct revocation_keeper *keeper = reading->keeper;

    reading->is_done = true;
    if (!reading->is_ahead)
        free_elsewhere(keeper, free_reading, reading);
    else if (!keeper->is_stopped && !is_reading_ahead(keeper))
        keeper->on_read_ahead(keeper->read_ahead_context);
}

static void read_ahead(struct revocation_keeper *keeper, const char *path)
{
    struct reading *reading;

    if (crl_registry_has(keeper->lists, path) || find_ahead(keeper, path) != NULL)
        return;
    reading = memory_allocate(sizeof *reading);
    reading->keeper = keeper;
    reading->path = memory_copy_text(path);
    reading->is_ahead = true;
    list_append(&keeper->ahead, &reading->link);
    background_run(keeper->loop, read_list, on_read_ahead, reading);
}

bool revocation_keeper_read_ahead(struct revocation_keeper *keeper,
                                  const struct generation *generation, event_callback *on_ready,
                                  void *context)
{
    keeper->on_read_ahead = on_ready;
    keeper->read_ahead_context = context;
    for (size_t i = 0; i < profile_count(generation); i++) {
        const struct crl_settings *settings = lists_of(generation, i);

        for (size_t j = 0; settings != NULL && j < settings->file_count; j++)
            read_ahead(keeper, settings->files[j].path);
    }
    return is_reading_ahead(keeper);
}

static enum crl_offer offer(struct revocation_keeper *keeper, const char *path,
                            const struct crl_set *set, struct error *error)
{
    enum crl_offer outcome =
        crl_registry_offer(keeper->lists, path, set, clock_wall_seconds(), error);

    if (outcome == CRL_OFFER_REFUSED)
        error_prefix(error, "'%s' cannot be used as a revocation list", path);
    return outcome;
}

static bool read_and_offer(struct revocation_keeper *keeper, const char *path, struct error *error)
{
    const struct reading *ahead = find_ahead(keeper, path);
    struct crl_set set = {.count = 0};
    bool is_taken;

    if (ahead != NULL && ahead->is_done) {
        *error = ahead->error;
        return ahead->is_read && offer(keeper, path, &ahead->set, error) != CRL_OFFER_REFUSED;
    }
    is_taken =
        read_file(path, &set, error) && offer(keeper, path, &set, error) != CRL_OFFER_REFUSED;
    crl_set_reset(&set);
    return is_taken;
}

/* All files are about to be read. The clock is that of files' times. */
static void note_reading(struct revocation_keeper *keeper)
{
    clock_gettime(CLOCK_REALTIME_COARSE, &keeper->read_since);
    keeper->has_read = true;
}

static bool prepare_lists(struct revocation_keeper *keeper, const struct crl_settings *settings,
                          struct error *error)
{
    for (size_t i = 0; i < settings->file_count; i++) {
        const struct trust_anchor_source *file = &settings->files[i];

        /* What is in use is watched, and goes on being used whatever the file holds now. */
        if (crl_registry_has(keeper->lists, file->path) ||
            read_and_offer(keeper, file->path, error))
            continue;
        if (file->position.file != NULL)
            error_prefix(error, "%s:%u:%u", file->position.file, file->position.line,
                         file->position.column);
        return false;
    }
    return true;
}

/* Everything that the generation does not name is forgotten. */
static void retain_origins(struct revocation_keeper *keeper)
{
    size_t fetched = 0;
    const char **urls = NULL;
    const char **origins;

    if (keeper->fetching != NULL) {
        crl_fetching_retain(keeper->fetching, (const char *const *)keeper->urls.paths,
                            keeper->urls.count, keeper->named_refresh_ms != 0);
        urls = crl_fetching_addresses(keeper->fetching, &fetched);
    }
    origins = memory_allocate_array(keeper->files.count + fetched + 1, sizeof(const char *));
    for (size_t i = 0; i < keeper->files.count; i++)
        origins[i] = keeper->files.paths[i];
    for (size_t i = 0; i < fetched; i++)
        origins[keeper->files.count + i] = urls[i];
    crl_registry_retain(keeper->lists, origins, keeper->files.count + fetched);
    memory_release(origins);
    memory_release(urls);
}

void revocation_keeper_abandon(struct revocation_keeper *keeper)
{
    drop_ahead(keeper);
    retain_origins(keeper);
}

bool revocation_keeper_prepare(struct revocation_keeper *keeper,
                               const struct generation *generation, struct error *error)
{
    bool is_prepared = true;

    /* Later only what is new is read: what was read before may have changed meanwhile, and the
     * watch that would have told may be replaced before it did. */
    if (!keeper->has_read)
        note_reading(keeper);
    set_issuers(keeper, generation);
    for (size_t i = 0; is_prepared && i < profile_count(generation); i++) {
        const struct crl_settings *settings = lists_of(generation, i);

        is_prepared = settings == NULL || prepare_lists(keeper, settings, error);
    }
    drop_ahead(keeper);
    if (!is_prepared)
        revocation_keeper_abandon(keeper);
    return is_prepared;
}

void revocation_keeper_adopt(struct revocation_keeper *keeper, const struct generation *generation)
{
    reset_paths(&keeper->files);
    collect_paths(&keeper->files, generation);
    collect_urls(keeper, generation);
    retain_origins(keeper);
    crl_registry_publish(keeper->lists);
    if (keeper->watch != NULL)
        file_watch_set(keeper->watch, keeper->files.paths, keeper->files.count,
                       &keeper->read_since);
}

/* ---- files that change
 * --------------------------------------------------------------------------------------------- */

static void take_list(struct revocation_keeper *keeper, struct reading *reading)
{
    enum crl_offer outcome = CRL_OFFER_REFUSED;

    if (reading->is_read)
        outcome = offer(keeper, reading->path, &reading->set, &reading->error);
    if (outcome == CRL_OFFER_REFUSED) {
        crl_registry_note_problem(keeper->lists, reading->path, reading->error.text);
        log_event(LOG_ERROR, "%s; what was read before is used on", reading->error.text);
    } else if (outcome == CRL_OFFER_TAKEN) {
        log_event(LOG_INFO, "the revocation lists of '%s' are new", reading->path);
        crl_registry_publish(keeper->lists);
    }
}

static void on_list_read(void *context)
{
    struct reading *reading = context;
    struct revocation_keeper *keeper = reading->keeper;

    /* It may have been removed from the configuration meanwhile. */
    if (!keeper->is_stopped && has_path(&keeper->files, reading->path))
        take_list(keeper, reading);
    free_elsewhere(keeper, free_reading, reading);
}

static void on_files_changed(void *context)
{
    struct revocation_keeper *keeper = context;

    note_reading(keeper);
    for (size_t i = 0; i < keeper->files.count; i++) {
        struct reading *reading = memory_allocate(sizeof *reading);

        reading->keeper = keeper;
        reading->path = memory_copy_text(keeper->files.paths[i]);
        background_run(keeper->loop, read_list, on_list_read, reading);
    }
}

/* ---- what workers want
 * --------------------------------------------------------------------------------------------- */

/* Where a certificate says that its list is. */
static void fetch_named(struct revocation_keeper *keeper, X509 *certificate)
{
    struct crl_subject subject;

    if (keeper->fetching == NULL || keeper->named_refresh_ms == 0 ||
        !crl_subject_read(certificate, &subject))
        return;
    for (size_t i = 0; i < subject.name_count; i++) {
        struct slice url = crl_name_uri(subject.names[i]);

        if (!slice_is_empty(url))
            crl_fetching_add(keeper->fetching, url, keeper->named_refresh_ms, false);
    }
}

static void on_wanted(void *context)
{
    struct revocation_keeper *keeper = context;
    struct revocation_want want;

    while (revocation_facts_take_want(keeper->facts, &want)) {
        (void)crl_registry_learn_issuer(keeper->lists, want.issuer);
        if (want.crl_from_certificate)
            fetch_named(keeper, want.certificate);
        X509_free(want.certificate);
        X509_free(want.issuer);
    }
    crl_registry_publish(keeper->lists);
}

/* On a worker's thread. */
static void send_wanted(void *context)
{
    struct revocation_keeper *keeper = context;

    event_wake_send(keeper->wanted);
}

/* What a worker reads at this moment is found again by the next look. */
static void free_unused(struct revocation_keeper *keeper)
{
    struct revocation_snapshot *unused = revocation_facts_take_unused(keeper->facts);

    for (; unused != NULL; unused = revocation_facts_take_unused(keeper->facts))
        free_elsewhere(keeper, release_snapshot, unused);
}

static void tell_changed(void *context)
{
    struct revocation_keeper *keeper = context;

    keeper->on_changed(keeper->context);
    free_unused(keeper);
}

/* ---- lists that are about to end
 * --------------------------------------------------------------------------------------------- */

static void warn_of_end(void *context, const struct crl_report *list)
{
    char date[CLOCK_RFC3339_SIZE];
    bool has_ended = clock_wall_seconds() >= list->facts->next_update;

    (void)context;
    clock_format_rfc3339(list->facts->next_update * 1000, date);
    log_event(has_ended ? LOG_ERROR : LOG_WARNING,
              "the revocation list of '%s' %s at %s, and there is no newer one%s%s", list->origin,
              has_ended ? "ended" : "ends", date, list->problem == NULL ? "" : ": ",
              list->problem == NULL ? "" : list->problem);
}

static void look_at_ends(void *context)
{
    struct revocation_keeper *keeper = context;

    crl_registry_each_due(keeper->lists, clock_wall_seconds(), warn_of_end, keeper);
    free_unused(keeper);
    if (keeper->fetching != NULL)
        crl_fetching_look(keeper->fetching);
    timer_start(keeper->look, LOOK_MS);
}

void revocation_keeper_start(struct revocation_keeper *keeper, struct event_loop *loop,
                             event_callback *on_changed, void *context)
{
    keeper->loop = loop;
    keeper->on_changed = on_changed;
    keeper->context = context;
    keeper->wanted = event_wake_create(loop, on_wanted, keeper);
    keeper->watch = file_watch_create(loop, on_files_changed, keeper);
    file_watch_set(keeper->watch, keeper->files.paths, keeper->files.count, &keeper->read_since);
    keeper->look = timer_create_on(loop, look_at_ends, keeper);
    timer_start(keeper->look, 0);
    revocation_facts_set_listener(keeper->facts, tell_changed, send_wanted, keeper);
}

void revocation_keeper_fetch(struct revocation_keeper *keeper, struct fetcher *fetcher,
                             const char *directory)
{
    keeper->fetching =
        crl_fetching_create(&(struct crl_fetching_settings){.loop = keeper->loop,
                                                            .fetcher = fetcher,
                                                            .registry = keeper->lists,
                                                            .directory = directory});
}

void revocation_keeper_stop(struct revocation_keeper *keeper)
{
    if (keeper->loop == NULL)
        return;
    keeper->is_stopped = true;
    revocation_facts_set_listener(keeper->facts, NULL, NULL, NULL);
    crl_fetching_destroy(keeper->fetching);
    timer_destroy(keeper->look);
    file_watch_destroy(keeper->watch);
    event_wake_destroy(keeper->wanted);
}
