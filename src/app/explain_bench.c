/* SPDX-License-Identifier: Apache-2.0
 *
 * See explain_bench.h.
 */
#include "app/explain_bench.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "app/command_line.h"
#include "app/config/config.h"
#include "app/config_report.h"
#include "app/ocsp_keeper.h"
#include "app/outgoing.h"
#include "app/pkcs11_setup.h"
#include "app/revocation_keeper.h"
#include "gateway/backend/backend_registry.h"
#include "gateway/telemetry/telemetry.h"
#include "protocol/tls/tls_pkcs11.h"
#include "protocol/tls/tls_session_store.h"
#include "runtime/event_loop.h"
#include "runtime/log.h"
#include "runtime/memory.h"
#include "runtime/timer.h"

struct full_bench {
    struct explain_bench bench; /* the first member: what is handed out */
    struct config *config;
    struct generation_facts facts;
    struct generation *generation;
    struct verdict_store *verdicts;
    struct telemetry *telemetry;
    struct tls_pkcs11 *pkcs11;
    struct event_loop *loop;
    struct timer *limit;
    struct revocation_keeper *revocation;
    struct outgoing *outgoing; /* NULL: nobody is asked */
    struct ocsp_keeper *responders;
    bool has_news; /* since the last wait */
    bool is_over;  /* the time for waiting */
};

static struct full_bench *full_bench_of(struct explain_bench *bench)
{
    return (struct full_bench *)(void *)bench;
}

static void on_news(void *context)
{
    struct full_bench *full = context;

    full->has_news = true;
    event_loop_stop(full->loop);
}

static void on_limit(void *context)
{
    struct full_bench *full = context;

    full->is_over = true;
    event_loop_stop(full->loop);
}

static bool wait_for_news(struct explain_bench *bench, uint64_t time_ms)
{
    struct full_bench *full = full_bench_of(bench);
    bool has_news;

    full->is_over = false;
    timer_start(full->limit, time_ms);
    /* A loop that was stopped while it did not run ends its next run at once. */
    while (!full->has_news && !full->is_over)
        event_loop_run(full->loop);
    timer_stop(full->limit);
    has_news = full->has_news;
    full->has_news = false;
    return has_news;
}

/* The directory of state, when the gateway has kept something of this kind there; else NULL.
 * Neither keeper finds one to make, which would be somebody else's. */
static const char *find_kept(const char *state_directory, const char *kind)
{
    char *path = NULL;
    bool is_there;

    if (state_directory == NULL)
        return NULL;
    path = memory_format("%s/%s", state_directory, kind);
    is_there = access(path, R_OK | X_OK) == 0;
    if (!is_there && errno != ENOENT)
        log_event(LOG_WARNING, "'%s' cannot be read, and what is kept there counts for nothing: %s",
                  path, strerror(errno));
    memory_release(path);
    return is_there ? state_directory : NULL;
}

/* What was fetched for the gateway is read from where it keeps it, and only that: what is fetched
 * here is not written there, as it would be somebody else's file. */
static bool start_fetching(struct full_bench *full, bool is_online, struct error *error)
{
    const struct generation_settings *settings = generation_get_settings(full->generation);
    const struct gateway_status nowhere = {.address_count = 0};
    const char *directory = is_online ? NULL : settings->state_directory;
    struct fetcher *fetcher = NULL;

    if (is_online) {
        full->outgoing = outgoing_create(full->loop, error);
        if (full->outgoing == NULL)
            return false;
        outgoing_adopt(full->outgoing, full->generation, &nowhere);
        fetcher = outgoing_fetcher(full->outgoing);
    }
    revocation_keeper_fetch(full->revocation, fetcher, find_kept(directory, "crl"));
    revocation_keeper_adopt(full->revocation, full->generation);
    full->responders = ocsp_keeper_create(revocation_keeper_facts(full->revocation), full->loop,
                                          fetcher, find_kept(directory, "ocsp"));
    return true;
}

static bool build(struct full_bench *full, bool is_online, struct error *error)
{
    const struct generation_settings *settings = config_settings(full->config);
    const struct telemetry_settings silence = {.target = ACCESS_LOG_OFF};

    full->telemetry = telemetry_create(&silence, 1, error);
    if (full->telemetry == NULL || !pkcs11_setup(&full->pkcs11, settings, true, error))
        return false;
    full->generation = generation_create(settings, &full->facts, error);
    if (full->generation == NULL ||
        !revocation_keeper_prepare(full->revocation, full->generation, error))
        return false;
    revocation_keeper_start(full->revocation, full->loop, on_news, full);
    if (!start_fetching(full, is_online, error))
        return false;
    full->bench = (struct explain_bench){
        .generation = full->generation,
        .stores = {.verdicts = full->verdicts,
                   .identities = generation_identities(full->generation),
                   .revocation = revocation_keeper_facts(full->revocation)},
        .telemetry = telemetry_worker(full->telemetry, 0),
    };
    return true;
}

static void close_bench(struct explain_bench *bench)
{
    struct full_bench *full = full_bench_of(bench);

    revocation_keeper_stop(full->revocation);
    ocsp_keeper_destroy(full->responders);
    outgoing_destroy(full->outgoing);
    timer_destroy(full->limit);
    event_loop_destroy(full->loop);
    generation_release(full->generation);
    telemetry_destroy(full->telemetry);
    verdict_store_destroy(full->verdicts);
    revocation_keeper_destroy(full->revocation);
    backend_registry_destroy(full->facts.backends);
    tls_session_store_destroy(full->facts.sessions);
    tls_pkcs11_stop(full->pkcs11);
    config_destroy(full->config);
    memory_release(full);
}

static struct explain_bench *open_bench(const char *configuration, bool is_online)
{
    const struct tls_session_store_settings session_settings = {.bytes_max = 0};
    const struct verdict_store_settings verdict_settings = {.accepted_bytes_max = 0};
    struct full_bench *full = memory_allocate(sizeof *full);
    struct error error = {.kind = ERROR_NONE};

    full->config = config_load_file(configuration);
    full->facts = (struct generation_facts){
        .sessions = tls_session_store_create(&session_settings),
        .backends = backend_registry_create(1),
    };
    full->verdicts = verdict_store_create(&verdict_settings);
    full->loop = event_loop_create();
    full->limit = timer_create_on(full->loop, on_limit, full);
    full->revocation = revocation_keeper_create();
    if (config_settings(full->config) == NULL) {
        config_report(full->config);
    } else if (build(full, is_online, &error)) {
        return &full->bench;
    } else {
        log_event(LOG_ERROR, "%s", error.text);
    }
    close_bench(&full->bench);
    return NULL;
}

const struct explain_workshop explain_workshop = {
    .open = open_bench,
    .close = close_bench,
    .wait = wait_for_news,
    .default_configuration = command_line_default_configuration,
};
