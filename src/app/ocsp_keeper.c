/* SPDX-License-Identifier: Apache-2.0
 *
 * A question is a job: it waits until its responder and its issuer have room, is fetched, and ends
 * with an answer or a failure in the store. The store tells the workers.
 */
#include "app/ocsp_keeper.h"

#include <stdio.h>
#include <string.h>

#include "app/ocsp_archive.h"
#include "gateway/revocation/ocsp_store.h"
#include "runtime/clock.h"
#include "runtime/list.h"
#include "runtime/log.h"
#include "runtime/memory.h"
#include "runtime/random.h"
#include "runtime/timer.h"

enum {
    REFRESH_EVERY_MS = 1000,
    RESULT_STATUS = FETCH_OUTCOMES, /* answered, with another status than 200 */
    RESULT_ARCHIVED,                /* not fetched: the directory had it */
    RESULT_NOT_SENT,                /* the fetcher was full, or the question cannot be written */
    RESULT_LEFT_ALONE,              /* the responder is left alone */
    RESULT_OUTDATED,                /* older than what is known */
    RESULT_STATEMENTS,              /* from here on: enum ocsp_outcome */
    RESULTS = RESULT_STATEMENTS + OCSP_OUTCOMES
};

struct responder {
    struct list_link link; /* the one that was asked last stands first */
    char *url;
    size_t running;
    unsigned failures; /* in a row */
    unsigned openings; /* of the breaker, in a row */
    uint64_t closed_until_ms;
    bool is_probed; /* the one question after a pause is under way */
    uint64_t answers;
    char problem[OCSP_PROBLEM_BYTES]; /* "": none since it answered */
};

struct job {
    struct list_link link;
    struct ocsp_keeper *keeper;
    const struct ocsp_inquiry *inquiry;
    struct responder *responder; /* while running */
    struct fetch *fetch;
    unsigned char nonce[OCSP_NONCE_BYTES];
    bool has_nonce;
};

struct ocsp_keeper {
    struct revocation_facts *facts;
    struct ocsp_store *store;
    struct event_loop *loop;
    struct fetcher *fetcher;
    struct ocsp_archive *archive; /* NULL: nothing is kept */
    struct event_wake *wanted;
    struct timer *refresh;
    struct list responders;
    struct list waiting;
    struct list running;
    uint64_t results[RESULTS];
};

/* ---- responders ---- */

static struct responder *find_responder(struct ocsp_keeper *keeper, const char *url)
{
    for (struct list_link *link = list_first(&keeper->responders); link != NULL;
         link = list_next(&keeper->responders, link)) {
        struct responder *responder = LIST_ITEM(link, struct responder, link);

        if (strcmp(responder->url, url) == 0)
            return responder;
    }
    return NULL;
}

static void forget_responder(struct ocsp_keeper *keeper, struct responder *responder)
{
    list_remove(&keeper->responders, &responder->link);
    memory_release(responder->url);
    memory_release(responder);
}

/* One that is neither asked now nor left alone makes room. */
static void make_room(struct ocsp_keeper *keeper)
{
    struct list_link *link = list_last(&keeper->responders);

    while (link != NULL && keeper->responders.count >= OCSP_RESPONDERS_MAX) {
        struct responder *responder = LIST_ITEM(link, struct responder, link);

        link = link == list_first(&keeper->responders) ? NULL : link->previous;
        if (responder->running == 0)
            forget_responder(keeper, responder);
    }
}

static struct responder *get_responder(struct ocsp_keeper *keeper, const char *url)
{
    struct responder *responder = find_responder(keeper, url);

    if (responder != NULL) {
        list_remove(&keeper->responders, &responder->link);
    } else {
        make_room(keeper);
        responder = memory_allocate(sizeof *responder);
        responder->url = memory_copy_text(url);
    }
    list_prepend(&keeper->responders, &responder->link);
    return responder;
}

static bool is_left_alone(const struct responder *responder, uint64_t now_ms)
{
    return responder->openings > 0 && (now_ms < responder->closed_until_ms || responder->is_probed);
}

static void note_success(struct responder *responder)
{
    if (responder->failures > 0)
        log_event(LOG_INFO, "OCSP responder %s answers again", responder->url);
    responder->failures = 0;
    responder->problem[0] = '\0';
    responder->openings = 0;
    responder->is_probed = false;
}

static void note_failure(struct responder *responder, const char *problem, uint64_t now_ms)
{
    unsigned seconds;

    responder->failures++;
    (void)snprintf(responder->problem, sizeof responder->problem, "%s", problem);
    if (responder->failures == 1)
        log_event(LOG_WARNING, "OCSP responder %s: %s", responder->url, problem);
    if (responder->failures < OCSP_BREAKER_FAILURES && !responder->is_probed)
        return;
    responder->is_probed = false;
    seconds = (unsigned)OCSP_BREAKER_SECONDS
              << (responder->openings < 3 ? responder->openings : 3U);
    if (seconds > OCSP_BREAKER_SECONDS_MAX)
        seconds = OCSP_BREAKER_SECONDS_MAX;
    responder->openings++;
    responder->closed_until_ms = now_ms + seconds * (uint64_t)1000;
    log_event(LOG_WARNING,
              "OCSP responder %s is left alone for %u s after %u failures, the last: %s",
              responder->url, seconds, responder->failures, problem);
}

/* ---- how a job ends ---- */

static void tell_workers(struct ocsp_keeper *keeper, bool changes)
{
    if (changes)
        revocation_facts_touch(keeper->facts);
}

static void end_job(struct job *job)
{
    ocsp_inquiry_release(job->inquiry);
    memory_release(job);
}

static void fail(struct job *job, const char *problem)
{
    bool changes = false;

    ocsp_store_put_failure(job->keeper->store, job->inquiry, problem, clock_wall_seconds(),
                           &changes);
    tell_workers(job->keeper, changes);
}

static struct ocsp_expectation expectation_of(const struct job *job, int64_t now)
{
    return (struct ocsp_expectation){
        .issuer = job->inquiry->issuer,
        .serial = slice_from(job->inquiry->serial, job->inquiry->serial_size),
        .nonce = slice_from(job->nonce, job->has_nonce ? sizeof job->nonce : 0),
        .nonce_is_needed = job->inquiry->nonce == OCSP_NONCE_REQUIRED,
        .now = now,
        .skew_seconds = OCSP_SKEW_SECONDS,
        .endless_seconds = OCSP_ENDLESS_SECONDS,
    };
}

/* True: the store has it now. */
static bool put_answer(struct job *job, const struct ocsp_answer *answer, int64_t now)
{
    struct ocsp_keeper *keeper = job->keeper;
    bool changes = false;
    bool is_taken = ocsp_store_put_answer(keeper->store, job->inquiry, answer, now, &changes);

    tell_workers(keeper, changes);
    return is_taken;
}

/* Does it say something of the responder, or only of this certificate? */
static bool is_fault_of_responder(enum ocsp_outcome outcome)
{
    return outcome == OCSP_SAYS_TRY_LATER || outcome == OCSP_SAYS_INTERNAL_ERROR ||
           outcome == OCSP_ANSWER_MALFORMED || outcome == OCSP_ANSWER_TOO_LARGE;
}

static void take_content(struct job *job, struct slice content)
{
    struct ocsp_keeper *keeper = job->keeper;
    int64_t now = clock_wall_seconds();
    struct ocsp_expectation expected = expectation_of(job, now);
    struct ocsp_answer answer = ocsp_check_answer(content, &expected);
    char problem[OCSP_PROBLEM_BYTES];

    if (answer.outcome == OCSP_ANSWER_TOO_LARGE)
        keeper->results[FETCH_TOO_LARGE]++;
    else
        keeper->results[RESULT_STATEMENTS + answer.outcome]++;
    if (ocsp_outcome_is_statement(answer.outcome)) {
        note_success(job->responder);
        job->responder->answers++;
        if (put_answer(job, &answer, now)) {
            ocsp_archive_write(keeper->archive, job->inquiry->key, content);
            return;
        }
        keeper->results[RESULT_OUTDATED]++;
        fail(job, "the answer is older than the one before");
        return;
    }
    (void)snprintf(problem, sizeof problem, "the answer does not count: %s",
                   ocsp_outcome_name(answer.outcome));
    if (is_fault_of_responder(answer.outcome)) {
        note_failure(job->responder, problem, event_loop_now_ms(keeper->loop));
    } else {
        log_event(LOG_WARNING, "OCSP responder %s: %s", job->responder->url, problem);
        note_success(job->responder);
        (void)snprintf(job->responder->problem, sizeof job->responder->problem, "%s", problem);
    }
    fail(job, problem);
}

static void note_fetch_failure(struct job *job, const char *problem)
{
    note_failure(job->responder, problem, event_loop_now_ms(job->keeper->loop));
    fail(job, problem);
}

static void start_waiting(struct ocsp_keeper *keeper);

static void on_fetched(void *context, const struct fetch_result *result)
{
    struct job *job = context;
    struct ocsp_keeper *keeper = job->keeper;
    char problem[OCSP_PROBLEM_BYTES];

    list_remove(&keeper->running, &job->link);
    job->responder->running--;
    if (result->outcome != FETCH_ANSWERED) {
        keeper->results[result->outcome]++;
        (void)snprintf(problem, sizeof problem, "%s: %s", fetch_outcome_name(result->outcome),
                       result->problem);
        note_fetch_failure(job, problem);
    } else if (result->status != 200) {
        keeper->results[RESULT_STATUS]++;
        (void)snprintf(problem, sizeof problem, "it answered with status %u", result->status);
        note_fetch_failure(job, problem);
    } else {
        take_content(job, result->content);
    }
    end_job(job);
    start_waiting(keeper);
}

/* ---- how a job begins ---- */

static bool write_question(struct job *job, struct buffer *question)
{
    const struct ocsp_inquiry *inquiry = job->inquiry;

    job->has_nonce = inquiry->nonce != OCSP_NONCE_OFF;
    if (job->has_nonce)
        random_fill(job->nonce, sizeof job->nonce);
    return ocsp_write_request(question, inquiry->issuer,
                              slice_from(inquiry->serial, inquiry->serial_size), inquiry->hash,
                              slice_from(job->nonce, job->has_nonce ? sizeof job->nonce : 0));
}

static bool must_get(const struct job *job)
{
    return job->inquiry->method == OCSP_METHOD_GET || job->inquiry->method == OCSP_METHOD_AZURE;
}

/* A question with a nonce is asked once, so that no cache could help: it is posted, unless GET is
 * demanded. */
static bool uses_get(const struct job *job)
{
    return must_get(job) || (job->inquiry->method == OCSP_METHOD_AUTO && !job->has_nonce);
}

static bool send_question(struct job *job)
{
    const struct ocsp_inquiry *inquiry = job->inquiry;
    char question_memory[OCSP_REQUEST_BYTES_MAX];
    char url_memory[OCSP_URL_BYTES_MAX + OCSP_GET_BYTES_MAX + 2];
    struct buffer question;
    struct buffer url;
    struct fetch_request request = {
        .url = inquiry->responder,
        .accept = "application/ocsp-response",
        .limits = {.time_ms = inquiry->timeout_ms,
                   .connect_time_ms = inquiry->timeout_ms,
                   .bytes_max = OCSP_ANSWER_BYTES_MAX,
                   .redirects_max = OCSP_REDIRECTS_MAX,
                   .bytes_per_second_min = OCSP_SLOW_BYTES_PER_SECOND,
                   .slow_seconds = 5},
    };

    if (job->keeper->fetcher == NULL)
        return false;
    buffer_init(&question, question_memory, sizeof question_memory);
    buffer_init(&url, url_memory, sizeof url_memory);
    if (!write_question(job, &question))
        return false;
    if (uses_get(job) && ocsp_write_get_url(&url, inquiry->responder, buffer_readable(&question))) {
        request.url = url_memory;
    } else if (must_get(job)) {
        return false;
    } else {
        request.content = buffer_readable(&question);
        request.content_type = "application/ocsp-request";
    }
    job->fetch = fetch_start(job->keeper->fetcher, &request, on_fetched, job);
    return job->fetch != NULL;
}

static size_t running_of_issuer(const struct ocsp_keeper *keeper, const unsigned char *id)
{
    size_t count = 0;

    for (struct list_link *link = list_first(&keeper->running); link != NULL;
         link = list_next(&keeper->running, link)) {
        const struct job *job = LIST_ITEM(link, struct job, link);

        count += memcmp(job->inquiry->issuer_id, id, CRL_ISSUER_ID_BYTES) == 0;
    }
    return count;
}

static bool has_room(const struct job *job, const struct responder *responder)
{
    return responder->running < OCSP_PER_RESPONDER_MAX &&
           running_of_issuer(job->keeper, job->inquiry->issuer_id) < OCSP_PER_ISSUER_MAX;
}

/* False when the job has to wait on. Otherwise it runs, or has ended. */
static bool start_job(struct job *job)
{
    struct ocsp_keeper *keeper = job->keeper;
    struct responder *responder = get_responder(keeper, job->inquiry->responder);

    if (is_left_alone(responder, event_loop_now_ms(keeper->loop))) {
        list_remove(&keeper->waiting, &job->link);
        keeper->results[RESULT_LEFT_ALONE]++;
        fail(job, "the responder failed again and again, and is left alone for a while");
        end_job(job);
        return true;
    }
    if (!has_room(job, responder))
        return false;
    list_remove(&keeper->waiting, &job->link);
    job->responder = responder;
    if (!send_question(job)) {
        keeper->results[RESULT_NOT_SENT]++;
        fail(job, keeper->fetcher == NULL ? "no responder is asked here"
                                          : "the question could not be sent");
        end_job(job);
        return true;
    }
    responder->is_probed = responder->openings > 0;
    responder->running++;
    list_append(&keeper->running, &job->link);
    return true;
}

static void start_waiting(struct ocsp_keeper *keeper)
{
    struct list_link *link = list_first(&keeper->waiting);

    while (link != NULL) {
        struct list_link *next = list_next(&keeper->waiting, link);

        (void)start_job(LIST_ITEM(link, struct job, link));
        link = next;
    }
}

/* What was kept is believed as far as it holds now; of what has ended, when it was good. */
static bool read_archive(struct job *job)
{
    struct ocsp_keeper *keeper = job->keeper;
    int64_t now = clock_wall_seconds();
    struct ocsp_expectation expected = expectation_of(job, now);
    struct ocsp_answer answer;
    struct slice kept;

    if (!ocsp_archive_read(keeper->archive, job->inquiry->key, &kept))
        return false;
    answer = ocsp_check_answer(kept, &expected);
    if (answer.outcome == OCSP_ANSWER_STALE) {
        expected.now = answer.this_update;
        answer = ocsp_check_answer(kept, &expected);
    }
    memory_release((void *)(uintptr_t)kept.data);
    if (!ocsp_outcome_is_statement(answer.outcome) || !put_answer(job, &answer, now))
        return false;
    keeper->results[RESULT_ARCHIVED]++;
    return ocsp_store_holds(keeper->store, job->inquiry, now);
}

static void add_job(struct ocsp_keeper *keeper, const struct ocsp_inquiry *inquiry, bool is_refresh)
{
    struct job *job = memory_allocate(sizeof *job);

    job->keeper = keeper;
    job->inquiry = inquiry;
    if (!is_refresh && read_archive(job)) {
        end_job(job);
        return;
    }
    list_append(&keeper->waiting, &job->link);
}

static void on_wanted(void *context)
{
    struct ocsp_keeper *keeper = context;
    const struct ocsp_inquiry *inquiry;

    while (keeper->waiting.count < OCSP_QUEUED_MAX) {
        inquiry = ocsp_store_take_wanted(keeper->store);
        if (inquiry == NULL)
            break;
        add_job(keeper, inquiry, false);
    }
    if (!timer_is_running(keeper->refresh))
        timer_start(keeper->refresh, REFRESH_EVERY_MS);
    start_waiting(keeper);
}

static void on_refresh(void *context)
{
    struct ocsp_keeper *keeper = context;
    const struct ocsp_inquiry *inquiry;

    timer_start(keeper->refresh, REFRESH_EVERY_MS);
    while (keeper->waiting.count < OCSP_QUEUED_MAX) {
        inquiry = ocsp_store_take_due(keeper->store, clock_wall_seconds());
        if (inquiry == NULL)
            break;
        add_job(keeper, inquiry, true);
    }
    on_wanted(keeper); /* what found no place */
}

/* On a worker's thread. */
static void send_wanted(void *context)
{
    struct ocsp_keeper *keeper = context;

    event_wake_send(keeper->wanted);
}

/* ---- the keeper ---- */

struct ocsp_keeper *ocsp_keeper_create(struct revocation_facts *facts, struct event_loop *loop,
                                       struct fetcher *fetcher, const char *directory)
{
    struct ocsp_keeper *keeper = memory_allocate(sizeof *keeper);

    keeper->facts = facts;
    keeper->store = revocation_facts_responders(facts);
    keeper->loop = loop;
    keeper->fetcher = fetcher;
    keeper->archive = ocsp_archive_open(directory);
    keeper->wanted = event_wake_create(loop, on_wanted, keeper);
    keeper->refresh = timer_create_on(loop, on_refresh, keeper);
    list_init(&keeper->responders);
    list_init(&keeper->waiting);
    list_init(&keeper->running);
    ocsp_store_set_listener(keeper->store, send_wanted, keeper);
    return keeper;
}

static void drop_jobs(struct list *jobs)
{
    while (!list_is_empty(jobs)) {
        struct job *job = LIST_ITEM(list_first(jobs), struct job, link);

        list_remove(jobs, &job->link);
        fetch_cancel(job->fetch);
        end_job(job);
    }
}

void ocsp_keeper_destroy(struct ocsp_keeper *keeper)
{
    if (keeper == NULL)
        return;
    ocsp_store_set_listener(keeper->store, NULL, NULL);
    drop_jobs(&keeper->running);
    drop_jobs(&keeper->waiting);
    while (!list_is_empty(&keeper->responders))
        forget_responder(keeper,
                         LIST_ITEM(list_first(&keeper->responders), struct responder, link));
    timer_destroy(keeper->refresh);
    event_wake_destroy(keeper->wanted);
    ocsp_archive_close(keeper->archive);
    memory_release(keeper);
}

/* ---- for metrics ---- */

static const char *result_name(size_t index)
{
    static const char *const own[] = {
        [RESULT_STATUS - FETCH_OUTCOMES] = "bad_status",
        [RESULT_ARCHIVED - FETCH_OUTCOMES] = "archived",
        [RESULT_NOT_SENT - FETCH_OUTCOMES] = "not_sent",
        [RESULT_LEFT_ALONE - FETCH_OUTCOMES] = "left_alone",
        [RESULT_OUTDATED - FETCH_OUTCOMES] = "outdated",
    };

    if (index < FETCH_OUTCOMES)
        return fetch_outcome_name((enum fetch_outcome)index);
    if (index < RESULT_STATEMENTS)
        return own[index - FETCH_OUTCOMES];
    return ocsp_outcome_name((enum ocsp_outcome)(index - RESULT_STATEMENTS));
}

size_t ocsp_keeper_result_count(void)
{
    return RESULTS;
}

const char *ocsp_keeper_result(const struct ocsp_keeper *keeper, size_t index, uint64_t *count)
{
    if (index == FETCH_ANSWERED || index == RESULT_STATEMENTS + OCSP_ANSWER_TOO_LARGE)
        return NULL;
    *count = keeper->results[index];
    return result_name(index);
}

void ocsp_keeper_each(const struct ocsp_keeper *keeper,
                      void (*report)(void *context, const struct ocsp_responder_report *responder),
                      void *context)
{
    uint64_t now_ms = event_loop_now_ms(keeper->loop);

    for (struct list_link *link = list_first(&keeper->responders); link != NULL;
         link = list_next(&keeper->responders, link)) {
        const struct responder *responder = LIST_ITEM(link, struct responder, link);
        bool is_closed = responder->openings > 0 && responder->closed_until_ms > now_ms;

        report(context, &(struct ocsp_responder_report){
                            .url = responder->url,
                            .answers = responder->answers,
                            .failures = responder->failures,
                            .running = responder->running,
                            .left_alone_ms = is_closed ? responder->closed_until_ms - now_ms : 0,
                            .problem = responder->problem[0] == '\0' ? NULL : responder->problem,
                        });
    }
}

size_t ocsp_keeper_broken(const struct ocsp_keeper *keeper)
{
    size_t count = 0;

    for (struct list_link *link = list_first(&keeper->responders); link != NULL;
         link = list_next(&keeper->responders, link)) {
        const struct responder *responder = LIST_ITEM(link, struct responder, link);

        count += responder->openings > 0;
    }
    return count;
}

size_t ocsp_keeper_running(const struct ocsp_keeper *keeper)
{
    return keeper->running.count;
}

size_t ocsp_keeper_waiting(const struct ocsp_keeper *keeper)
{
    return keeper->waiting.count;
}
