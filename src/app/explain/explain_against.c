/* SPDX-License-Identifier: Apache-2.0
 *
 * See explain_against_internal.h. Memory is bounded whatever the log says: one line, the last
 * certificates, and a number of differences that are told apart.
 */
#include "app/explain/explain_against_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/explain/explain_report_internal.h"
#include "app/explain/explain_treatment_internal.h"
#include "runtime/memory.h"

enum {
    SHA256_DIGITS = 64,
    KEY_BYTES_MAX = 1024,
    BUCKETS = 16384,
    ENDS_ALIKE = 0,
    ENDS_DIFFERENT = 3
};

/* Where the log itself was cut, it does not say what was asked. */
static const struct slice truncation_mark = SLICE_STATIC("\xe2\x80\xa6");

struct difference {
    char *key;
    char *client;
    char *before;
    char *after;
    char *example;
    uint64_t count;
    struct difference *next;
};

struct kept_certificate {
    char sha256[SHA256_DIGITS + 1];
    struct presented_certificate *presented; /* NULL: there is no such file */
};

struct counts {
    uint64_t requests;
    uint64_t alike;
    uint64_t different;
    uint64_t unjudged;   /* the certificate is needed and not at hand */
    uint64_t rerouted;   /* of them, those that another route serves */
    uint64_t handshakes; /* that failed, and made no request */
    uint64_t malformed;
    uint64_t incomplete;  /* the log does not say what was asked */
    uint64_t untold;      /* differences beyond those that are told apart */
    uint64_t wrong_files; /* certificates with another fingerprint than their name */
};

struct comparison {
    const struct explain_options *options;
    const struct explain_workshop *workshop;
    struct explain_bench *before;
    struct explain_bench *after;
    struct counts counts;
    struct difference **buckets;
    struct difference **order;
    size_t difference_count;
    struct kept_certificate *certificates;
};

/* ---- what differs ---- */

static size_t bucket_of(const char *key)
{
    uint64_t hash = 14695981039346656037U; /* FNV-1a; a log that collides costs time, not memory */

    for (; *key != '\0'; key++)
        hash = (hash ^ (unsigned char)*key) * 1099511628211U;
    return hash % BUCKETS;
}

static struct difference *find_difference(struct comparison *comparison, const char *key)
{
    struct difference *difference = comparison->buckets[bucket_of(key)];

    while (difference != NULL && strcmp(difference->key, key) != 0)
        difference = difference->next;
    return difference;
}

static char *describe(const struct explain_treatment *treatment)
{
    if (!treatment->is_placed)
        return memory_copy_text("nobody listens");
    if (treatment->reason != REASON_NONE)
        return memory_format("refused: %s", reason_name(treatment->reason));
    if (treatment->backend[0] == '\0')
        return memory_copy_text("allowed");
    return memory_format("allowed to '%s' by route '%s'", treatment->backend, treatment->route);
}

static char *describe_client(const struct explain_log_line *line)
{
    struct slice sha256 = explain_log_get(line, "certificate_sha256");
    struct slice subject = explain_log_get(line, "certificate_subject");

    if (slice_is_empty(sha256))
        return memory_copy_text("anonymous");
    return memory_format("%.*s (%.*s)", SLICE_FORMAT(slice_first(subject, KEY_BYTES_MAX / 2)),
                         SLICE_FORMAT(slice_first(sha256, SHA256_DIGITS)));
}

static char *describe_request(const struct explain_log_line *line)
{
    return memory_format("%.*s https://%.*s%.*s from %.*s",
                         SLICE_FORMAT(slice_first(explain_log_get(line, "method"), 32)),
                         SLICE_FORMAT(slice_first(explain_log_get(line, "host"), 256)),
                         SLICE_FORMAT(slice_first(explain_log_get(line, "target"), 512)),
                         SLICE_FORMAT(slice_first(explain_log_get(line, "client_address"), 64)));
}

static void add_difference(struct comparison *comparison, const struct explain_log_line *line,
                           const struct explain_treatment *before,
                           const struct explain_treatment *after)
{
    char *client = describe_client(line);
    char *was = describe(before);
    char *becomes = describe(after);
    char *key = memory_format("%s\n%s\n%s", client, was, becomes);
    struct difference *difference = find_difference(comparison, key);
    size_t bucket = bucket_of(key);

    if (difference != NULL) {
        difference->count++;
    } else if (comparison->difference_count == EXPLAIN_DIFFERENCES_MAX) {
        comparison->counts.untold++;
    } else {
        difference = memory_allocate(sizeof *difference);
        *difference = (struct difference){
            .key = key,
            .client = client,
            .before = was,
            .after = becomes,
            .example = describe_request(line),
            .count = 1,
            .next = comparison->buckets[bucket],
        };
        comparison->buckets[bucket] = difference;
        comparison->order[comparison->difference_count++] = difference;
        return;
    }
    memory_release(client);
    memory_release(was);
    memory_release(becomes);
    memory_release(key);
}

static bool are_alike(const struct explain_treatment *before, const struct explain_treatment *after)
{
    if (before->is_placed != after->is_placed || before->reason != after->reason)
        return false;
    return !before->is_placed || (strcmp(before->backend, after->backend) == 0 &&
                                  strcmp(before->identity, after->identity) == 0);
}

/* ---- certificates ---- */

static bool is_digest(struct slice sha256)
{
    for (size_t i = 0; i < sha256.size; i++) {
        if (!ascii_is_digit(sha256.data[i]) && (sha256.data[i] < 'a' || sha256.data[i] > 'f'))
            return false;
    }
    return sha256.size == SHA256_DIGITS;
}

static struct presented_certificate *load_certificate(struct comparison *comparison,
                                                      struct slice sha256)
{
    char *path =
        memory_format("%s/%.*s.pem", comparison->options->certificates, SLICE_FORMAT(sha256));
    const struct explain_client_files files = {.certificate = path};
    struct error error = {.kind = ERROR_NONE};
    struct presented_certificate *presented = explain_client_load(&files, &error);
    const struct certificate_description *description =
        presented == NULL ? NULL : presented_certificate_describe(presented);

    memory_release(path);
    if (presented == NULL || (description != NULL && slice_equals(description->sha256, sha256)))
        return presented;
    comparison->counts.wrong_files++;
    presented_certificate_release(presented);
    return NULL;
}

/* Borrowed, until the next one is looked for. NULL: it is not at hand. */
static struct presented_certificate *find_certificate(struct comparison *comparison,
                                                      struct slice sha256)
{
    struct kept_certificate *kept = NULL;
    char name[SHA256_DIGITS + 1];

    if (comparison->options->certificates == NULL || !is_digest(sha256))
        return NULL;
    memcpy(name, sha256.data, SHA256_DIGITS);
    name[SHA256_DIGITS] = '\0';
    kept = &comparison->certificates[bucket_of(name) % EXPLAIN_CERTIFICATES_MAX];
    if (strcmp(kept->sha256, name) != 0) {
        presented_certificate_release(kept->presented);
        kept->presented = load_certificate(comparison, sha256);
        memcpy(kept->sha256, name, sizeof name);
    }
    return kept->presented;
}

/* ---- a line ---- */

static bool is_cut(struct slice text)
{
    return slice_ends_with(text, truncation_mark);
}

static bool is_broken(struct slice text)
{
    return slice_find(text, '\r') < text.size || slice_find(text, '\n') < text.size ||
           slice_find(text, '\0') < text.size;
}

/* "192.0.2.1:5000", "[2001:db8::1]:5000", or without a port. */
static bool read_address(struct slice text, struct ip_address *address)
{
    struct socket_address socket;

    if (ip_address_parse(text, address))
        return true;
    if (!socket_address_parse(text, &socket, NULL))
        return false;
    *address = ip_address_of(&socket);
    return address->family != IP_FAMILY_NONE;
}

/* The request as the client sent it, as far as the log knows. */
static bool read_request(const struct explain_log_line *line, struct explain_logged *logged)
{
    struct slice method = explain_log_get(line, "method");
    struct slice target = explain_log_get(line, "target");
    struct slice host = explain_log_get(line, "host");
    struct slice client = explain_log_get(line, "client_address");
    struct slice peer = explain_log_get(line, "peer_address");
    struct text_builder head = {.text = NULL};

    if (slice_is_empty(method) || slice_is_empty(target) || is_cut(target) || is_cut(host) ||
        is_cut(method) || is_broken(method) || is_broken(target) || is_broken(host) ||
        is_broken(client) || !read_address(slice_is_empty(peer) ? client : peer, &logged->source))
        return false;
    text_builder_add_format(&head, "%.*s %.*s HTTP/1.1\r\nHost: %.*s\r\n", SLICE_FORMAT(method),
                            SLICE_FORMAT(target), SLICE_FORMAT(host));
    if (!slice_is_empty(peer))
        text_builder_add_format(&head, "X-Forwarded-For: %.*s\r\n", SLICE_FORMAT(client));
    text_builder_add(&head, SLICE("\r\n"));
    logged->head = text_builder_take(&head);
    logged->listener = explain_log_get(line, "listener");
    logged->server_name = explain_log_get(line, "server_name");
    return true;
}

static void count(struct comparison *comparison, const struct explain_log_line *line,
                  const struct explain_treatment *before, const struct explain_treatment *after,
                  bool lacks_certificate)
{
    struct counts *counts = &comparison->counts;

    counts->requests++;
    if (lacks_certificate && (before->needs_certificate || after->needs_certificate)) {
        counts->unjudged++;
        counts->rerouted +=
            before->is_placed && after->is_placed && strcmp(before->route, after->route) != 0;
    } else if (are_alike(before, after)) {
        counts->alike++;
    } else {
        counts->different++;
        add_difference(comparison, line, before, after);
    }
}

static void compare(struct comparison *comparison, const struct explain_log_line *line)
{
    struct slice sha256 = explain_log_get(line, "certificate_sha256");
    struct explain_logged logged = {.time = comparison->options->time};
    const struct listener_group *group = NULL;
    struct explain_treatment before;
    struct explain_treatment after;

    if (!read_request(line, &logged)) {
        comparison->counts.incomplete++;
        return;
    }
    group = explain_find_logged_group(comparison->before->generation, logged.listener);
    if (group == NULL) {
        comparison->counts.incomplete++;
        memory_release(logged.head);
        return;
    }
    if (!slice_is_empty(sha256))
        logged.presented = find_certificate(comparison, sha256);
    before = explain_treat(comparison->workshop, comparison->before, &logged, NULL);
    after = explain_treat(comparison->workshop, comparison->after, &logged,
                          listener_group_address(group));
    count(comparison, line, &before, &after, !slice_is_empty(sha256) && logged.presented == NULL);
    explain_treatment_reset(&before);
    explain_treatment_reset(&after);
    memory_release(logged.head);
}

static void read_line(struct comparison *comparison, char *text, size_t size)
{
    static const struct slice handshake = SLICE_STATIC("handshake");
    static const struct slice exchange = SLICE_STATIC("exchange");
    struct explain_log_line line;
    struct slice type = SLICE("");

    if (explain_log_parse(text, size, &line))
        type = explain_log_get(&line, "type");
    if (slice_equals(type, exchange))
        compare(comparison, &line);
    else if (slice_equals(type, handshake))
        comparison->counts.handshakes++;
    else
        comparison->counts.malformed++;
}

/* A line that is longer than one may be is malformed, as a whole. */
static bool read_log(struct comparison *comparison, FILE *log)
{
    char *text = memory_allocate(EXPLAIN_LOG_LINE_BYTES_MAX + 1);
    bool is_rest = false;

    while (fgets(text, EXPLAIN_LOG_LINE_BYTES_MAX + 1, log) != NULL) {
        size_t size = strlen(text);
        bool is_whole = (size > 0 && text[size - 1] == '\n') || feof(log) != 0;

        if (is_rest || !is_whole)
            comparison->counts.malformed += !is_rest;
        else if (size > 1)
            read_line(comparison, text, size);
        is_rest = !is_whole;
    }
    memory_release(text);
    return ferror(log) == 0;
}

/* ---- what is printed ---- */

static int compare_counts(const void *a, const void *b)
{
    const struct difference *const *first = a;
    const struct difference *const *second = b;

    if ((*first)->count != (*second)->count)
        return (*first)->count < (*second)->count ? 1 : -1;
    return strcmp((*first)->key, (*second)->key);
}

static void add_line(struct text_builder *text, const char *label, const char *value)
{
    text_builder_add_format(text, "  %-8s ", label);
    explain_add_printable(text, slice_from_text(value));
    text_builder_add(text, SLICE("\n"));
}

static char *format_text(const struct comparison *comparison)
{
    const struct counts *counts = &comparison->counts;
    struct text_builder text = {.text = NULL};

    for (size_t i = 0; i < comparison->difference_count; i++) {
        const struct difference *difference = comparison->order[i];

        explain_add_printable(&text, slice_from_text(difference->client));
        text_builder_add_format(&text, ": %" PRIu64 " of the requests\n", difference->count);
        add_line(&text, "before", difference->before);
        add_line(&text, "after", difference->after);
        add_line(&text, "such as", difference->example);
        text_builder_add(&text, SLICE("\n"));
    }
    text_builder_add_format(
        &text, "%" PRIu64 " requests: %" PRIu64 " treated alike, %" PRIu64 " differently\n",
        counts->requests, counts->alike, counts->different);
    if (counts->unjudged > 0)
        text_builder_add_format(&text,
                                "%" PRIu64 " cannot be judged without the client's certificate "
                                "(--certs DIR); another route serves %" PRIu64 " of them\n",
                                counts->unjudged, counts->rerouted);
    if (counts->untold > 0)
        text_builder_add_format(&text, "%" PRIu64 " of the different ones are not listed\n",
                                counts->untold);
    if (counts->handshakes > 0)
        text_builder_add_format(&text, "%" PRIu64 " handshakes had failed, and were not judged\n",
                                counts->handshakes);
    if (counts->incomplete > 0)
        text_builder_add_format(&text,
                                "%" PRIu64 " lines do not say all that was asked, or name a "
                                "listener that is not in the first configuration\n",
                                counts->incomplete);
    if (counts->malformed > 0)
        text_builder_add_format(&text, "%" PRIu64 " lines are malformed\n", counts->malformed);
    if (counts->wrong_files > 0)
        text_builder_add_format(&text,
                                "%" PRIu64 " times a file of --certs held another certificate "
                                "than its name says\n",
                                counts->wrong_files);
    return text_builder_take(&text);
}

static void add_json(struct text_builder *text, const char *name, const char *value)
{
    text_builder_add_format(text, "\"%s\":", name);
    explain_add_json_text(text, slice_from_text(value));
    text_builder_add(text, SLICE(","));
}

static char *format_json(const struct comparison *comparison)
{
    const struct counts *counts = &comparison->counts;
    struct text_builder text = {.text = NULL};

    text_builder_add_format(&text,
                            "{\"requests\":%" PRIu64 ",\"alike\":%" PRIu64 ",\"different\":%" PRIu64
                            ",\"unjudged\":%" PRIu64 ",\"rerouted\":%" PRIu64
                            ",\"unlisted\":%" PRIu64 ",\"failed_handshakes\":%" PRIu64
                            ",\"incomplete\":%" PRIu64 ",\"malformed\":%" PRIu64
                            ",\"wrong_files\":%" PRIu64 ",\"differences\":[",
                            counts->requests, counts->alike, counts->different, counts->unjudged,
                            counts->rerouted, counts->untold, counts->handshakes,
                            counts->incomplete, counts->malformed, counts->wrong_files);
    for (size_t i = 0; i < comparison->difference_count; i++) {
        const struct difference *difference = comparison->order[i];

        text_builder_add_format(&text, "%s\n  {", i == 0 ? "" : ",");
        add_json(&text, "client", difference->client);
        add_json(&text, "before", difference->before);
        add_json(&text, "after", difference->after);
        add_json(&text, "example", difference->example);
        text_builder_add_format(&text, "\"count\":%" PRIu64 "}", difference->count);
    }
    text_builder_add(&text, SLICE("]}\n"));
    return text_builder_take(&text);
}

static void print(struct comparison *comparison)
{
    char *text = NULL;

    qsort(comparison->order, comparison->difference_count, sizeof(struct difference *),
          compare_counts);
    text = comparison->options->is_json ? format_json(comparison) : format_text(comparison);
    (void)fputs(text, stdout);
    memory_release(text);
}

/* ---- the comparison ---- */

static void release(struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->difference_count; i++) {
        struct difference *difference = comparison->order[i];

        memory_release(difference->key);
        memory_release(difference->client);
        memory_release(difference->before);
        memory_release(difference->after);
        memory_release(difference->example);
        memory_release(difference);
    }
    for (size_t i = 0; i < EXPLAIN_CERTIFICATES_MAX; i++)
        presented_certificate_release(comparison->certificates[i].presented);
    memory_release(comparison->certificates);
    memory_release(comparison->order);
    memory_release(comparison->buckets);
}

static bool run(struct comparison *comparison, struct error *error)
{
    FILE *log = fopen(comparison->options->log, "re");
    bool is_read = log != NULL && read_log(comparison, log);

    if (!is_read)
        error_set(error, ERROR_FILE, "the log '%s' cannot be read: %s", comparison->options->log,
                  strerror(errno));
    if (log != NULL)
        (void)fclose(log);
    return is_read;
}

int explain_against(const struct explain_options *options, const char *configuration,
                    const struct explain_workshop *workshop, struct error *error)
{
    struct comparison comparison = {.options = options, .workshop = workshop};
    const struct counts *counts = &comparison.counts;

    comparison.before = workshop->open(configuration, options->is_online);
    if (comparison.before != NULL)
        comparison.after = workshop->open(options->against, options->is_online);
    comparison.buckets = memory_allocate_array(BUCKETS, sizeof(struct difference *));
    comparison.order = memory_allocate_array(EXPLAIN_DIFFERENCES_MAX, sizeof(struct difference *));
    comparison.certificates =
        memory_allocate_array(EXPLAIN_CERTIFICATES_MAX, sizeof *comparison.certificates);
    if (comparison.after == NULL)
        error_set(error, ERROR_VALUE, "the configurations cannot be compared");
    else if (run(&comparison, error))
        print(&comparison);
    release(&comparison);
    if (comparison.after != NULL)
        workshop->close(comparison.after);
    if (comparison.before != NULL)
        workshop->close(comparison.before);
    return counts->different == 0 && counts->unjudged == 0 && counts->incomplete == 0 &&
                   counts->malformed == 0
               ? ENDS_ALIKE
               : ENDS_DIFFERENT;
}
