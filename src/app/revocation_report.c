/* SPDX-License-Identifier: Apache-2.0
 *
 * See revocation_report.h. Names and addresses come from certificates and lists: they are escaped.
 */
#include "app/revocation_report.h"

#include <inttypes.h>

#include "app/admin/report_text.h"
#include "gateway/revocation/ocsp_store.h"
#include "protocol/x509/certificate.h"
#include "runtime/arena.h"
#include "runtime/encoding.h"
#include "runtime/memory.h"

enum { NAME_BYTES_MAX = 16 * 1024, NUMBER_BYTES_MAX = 64 };

struct writer {
    struct text_builder *to;
    bool is_json;
    bool has_begun;
};

/* ---- pieces ---------------------------------------------------------------------------------- */

static void add_issuer(struct writer *writer, struct slice der)
{
    char *memory = memory_allocate(NAME_BYTES_MAX);
    struct slice text = SLICE("unreadable");
    struct arena arena;

    arena_init(&arena, memory, NAME_BYTES_MAX);
    (void)certificate_describe_name(der, &arena, &text);
    if (writer->is_json)
        report_add_json(writer->to, text);
    else
        report_add_printable(writer->to, text);
    memory_release(memory);
}

/* Hexadecimal, as issuers count beyond all integers. */
static void add_number(struct writer *writer, struct slice number)
{
    char memory[2 * NUMBER_BYTES_MAX];
    struct buffer digits;

    buffer_init(&digits, memory, sizeof memory);
    (void)encode_hex(&digits, slice_first(number, NUMBER_BYTES_MAX));
    text_builder_add_format(writer->to, "%s%.*s", slice_is_empty(number) ? "0" : "",
                            SLICE_FORMAT(buffer_readable(&digits)));
}

static void add_json_text(struct writer *writer, const char *name, const char *text)
{
    text_builder_add_format(writer->to, "\"%s\":", name);
    if (text == NULL)
        text_builder_add_format(writer->to, "null");
    else
        report_add_json(writer->to, slice_from_text(text));
}

static void add_json_time(struct writer *writer, const char *name, int64_t seconds)
{
    text_builder_add_format(writer->to, ",\"%s\":\"", name);
    report_add_time(writer->to, seconds);
    text_builder_add_format(writer->to, "\"");
}

static void add_problem(struct writer *writer, const char *problem)
{
    if (problem == NULL)
        return;
    text_builder_add_format(writer->to, "  the last attempt failed: ");
    report_add_printable(writer->to, slice_from_text(problem));
    text_builder_add_format(writer->to, "\n");
}

/* ---- lists ----------------------------------------------------------------------------------- */

static void add_json_facts(struct writer *writer, const struct crl_report *list)
{
    const struct crl_facts *facts = list->facts;

    text_builder_add_format(writer->to, ",\"issuer\":");
    add_issuer(writer, facts->issuer);
    text_builder_add_format(writer->to, ",\"number\":");
    if (facts->has_number) {
        text_builder_add_format(writer->to, "\"");
        add_number(writer, facts->number);
        text_builder_add_format(writer->to, "\"");
    } else {
        text_builder_add_format(writer->to, "null");
    }
    add_json_time(writer, "this_update", facts->this_update);
    add_json_time(writer, "next_update", facts->next_update);
    text_builder_add_format(writer->to,
                            ",\"entries\":%zu,\"bytes\":%zu,\"delta\":%s,\"verified\":%s",
                            facts->entry_count, facts->bytes, facts->is_delta ? "true" : "false",
                            list->is_bound ? "true" : "false");
}

static void add_json_list(struct writer *writer, const struct crl_report *list)
{
    text_builder_add_format(writer->to, writer->has_begun ? ",{" : "{");
    add_json_text(writer, "source", list->origin);
    if (list->facts != NULL)
        add_json_facts(writer, list);
    text_builder_add_format(writer->to, ",");
    add_json_text(writer, "problem", list->problem);
    text_builder_add_format(writer->to, "}");
}

static void add_text_facts(struct writer *writer, const struct crl_report *list)
{
    const struct crl_facts *facts = list->facts;

    text_builder_add_format(writer->to, "  %s of ", facts->is_delta ? "delta list" : "list");
    add_issuer(writer, facts->issuer);
    if (facts->has_number) {
        text_builder_add_format(writer->to, ", number ");
        add_number(writer, facts->number);
    }
    text_builder_add_format(writer->to, "\n  from ");
    report_add_time(writer->to, facts->this_update);
    text_builder_add_format(writer->to, " until ");
    report_add_time(writer->to, facts->next_update);
    text_builder_add_format(writer->to, ", %zu entries%s\n", facts->entry_count,
                            list->is_bound ? "" : "; no client has shown its issuer yet");
}

static void add_text_list(struct writer *writer, const struct crl_report *list)
{
    text_builder_add_format(writer->to, "%-14s", writer->has_begun ? "" : "revocation");
    report_add_printable(writer->to, slice_from_text(list->origin));
    text_builder_add_format(writer->to, "\n");
    if (list->facts != NULL)
        add_text_facts(writer, list);
    add_problem(writer, list->problem);
}

static void add_list(void *context, const struct crl_report *list)
{
    struct writer *writer = context;

    if (writer->is_json)
        add_json_list(writer, list);
    else
        add_text_list(writer, list);
    writer->has_begun = true;
}

/* ---- responders ------------------------------------------------------------------------------ */

static const char *state_of(const struct ocsp_responder_report *responder)
{
    if (responder->left_alone_ms > 0)
        return "left_alone";
    return responder->failures > 0 ? "failing" : "answering";
}

static void add_json_responder(struct writer *writer, const struct ocsp_responder_report *responder)
{
    text_builder_add_format(writer->to, writer->has_begun ? ",{" : "{");
    add_json_text(writer, "url", responder->url);
    text_builder_add_format(
        writer->to, ",\"state\":\"%s\",\"answers\":%" PRIu64 ",\"failures\":%u,\"running\":%zu,",
        state_of(responder), responder->answers, responder->failures, responder->running);
    add_json_text(writer, "problem", responder->problem);
    text_builder_add_format(writer->to, "}");
}

static void add_text_responder(struct writer *writer, const struct ocsp_responder_report *responder)
{
    text_builder_add_format(writer->to, "%-14s", writer->has_begun ? "" : "responders");
    report_add_printable(writer->to, slice_from_text(responder->url));
    text_builder_add_format(writer->to, "\n  %" PRIu64 " answers", responder->answers);
    if (responder->failures > 0)
        text_builder_add_format(writer->to, ", then %u failures", responder->failures);
    if (responder->left_alone_ms > 0)
        text_builder_add_format(writer->to, "; left alone for %" PRIu64 " s",
                                responder->left_alone_ms / 1000 + 1);
    text_builder_add_format(writer->to, "\n");
    add_problem(writer, responder->problem);
}

static void add_responder(void *context, const struct ocsp_responder_report *responder)
{
    struct writer *writer = context;

    if (writer->is_json)
        add_json_responder(writer, responder);
    else
        add_text_responder(writer, responder);
    writer->has_begun = true;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void add_text_answers(struct text_builder *to, uint64_t count)
{
    if (count > 0)
        text_builder_add_format(to, "%-14s%" PRIu64 " certificates of which answers are kept\n",
                                "ocsp", count);
}

void revocation_report_add(struct text_builder *to, const struct revocation_report *report,
                           bool is_json)
{
    struct ocsp_store_counts kept = ocsp_store_count(revocation_facts_responders(report->facts));
    struct writer lists = {.to = to, .is_json = is_json};
    struct writer responders = {.to = to, .is_json = is_json};

    if (is_json)
        text_builder_add_format(to, ",\"revocation_lists\":[");
    crl_registry_each(report->lists, add_list, &lists);
    if (is_json)
        text_builder_add_format(to, "],\"ocsp\":{\"answers_kept\":%" PRIu64 ",\"responders\":[",
                                kept.entries);
    else
        add_text_answers(to, kept.entries);
    if (report->responders != NULL)
        ocsp_keeper_each(report->responders, add_responder, &responders);
    if (is_json)
        text_builder_add_format(to, "]}");
}
