/* SPDX-License-Identifier: Apache-2.0
 *
 * The report as JSON, laid out for reading in a terminal. Everything that was received goes
 * through encode_json; what stands between is ours.
 */
#include "app/whoami/whoami_render_internal.h"
#include "runtime/encoding.h"

static void write_string(struct whoami_writer *writer, struct slice text)
{
    writer->fits = writer->fits && encode_json(writer->to, text);
}

static void write_member(struct whoami_writer *writer, const char *before, struct slice value)
{
    whoami_write_text(writer, before);
    write_string(writer, value);
}

static void write_date_member(struct whoami_writer *writer, const char *before, int64_t seconds)
{
    whoami_write_text(writer, before);
    whoami_write_text(writer, "\"");
    whoami_write_date(writer, seconds);
    whoami_write_text(writer, "\"");
}

static void write_names(struct whoami_writer *writer,
                        const struct certificate_description *certificate)
{
    whoami_write_text(writer, "[");
    for (size_t i = 0; i < certificate->name_count; i++) {
        const struct certificate_name *name = &certificate->names[i];

        whoami_write_text(writer, i == 0 ? "{\"type\": \"" : ", {\"type\": \"");
        whoami_write_text(writer, whoami_name_kind(name->kind));
        write_member(writer, "\", \"value\": ", name->text);
        whoami_write_text(writer, "}");
    }
    whoami_write_text(writer, "]");
}

static void write_days_left(struct whoami_writer *writer, int64_t days)
{
    whoami_write_text(writer, ",\n    \"days_left\": ");
    if (days < 0)
        whoami_write_text(writer, "-");
    whoami_write_number(writer, days < 0 ? (uint64_t)-days : (uint64_t)days);
}

static void write_certificate(struct whoami_writer *writer, const struct whoami_report *report)
{
    const struct certificate_description *certificate = &report->certificate;

    whoami_write_text(writer, "  \"certificate\": ");
    if (!report->has_certificate) {
        whoami_write_text(writer, "null,\n");
        return;
    }
    write_member(writer, "{\n    \"subject\": ", certificate->subject);
    write_member(writer, ",\n    \"issuer\": ", certificate->issuer);
    write_member(writer, ",\n    \"serial\": ", certificate->serial);
    write_date_member(writer, ",\n    \"not_before\": ", certificate->not_before);
    write_date_member(writer, ",\n    \"not_after\": ", certificate->not_after);
    write_days_left(writer, whoami_days_between(report->now, certificate->not_after));
    whoami_write_text(writer, ",\n    \"names\": ");
    write_names(writer, certificate);
    write_member(writer, ",\n    \"key\": ", certificate->key);
    write_member(writer, ",\n    \"signature\": ", certificate->signature);
    write_member(writer, ",\n    \"sha256\": ", certificate->sha256);
    write_member(writer, ",\n    \"sha1\": ", certificate->sha1);
    whoami_write_text(writer, "\n  },\n");
}

/* Opens a list of objects, one a line; the separator of an item depends on whether it is first. */
static void separate(struct whoami_writer *writer, size_t index)
{
    whoami_write_text(writer, index == 0 ? "\n    " : ",\n    ");
}

static void close_list(struct whoami_writer *writer, size_t count, const char *end)
{
    whoami_write_text(writer, count == 0 ? "]" : "\n  ]");
    whoami_write_text(writer, end);
}

static void write_issuers(struct whoami_writer *writer, const struct whoami_report *report)
{
    whoami_write_text(writer, "  \"issuers\": [");
    for (size_t i = 0; i < report->issuer_count; i++) {
        const struct certificate_description *issuer = &report->issuers[i];

        separate(writer, i);
        write_member(writer, "{\"subject\": ", issuer->subject);
        write_date_member(writer, ", \"not_after\": ", issuer->not_after);
        write_member(writer, ", \"sha256\": ", issuer->sha256);
        whoami_write_text(writer, "}");
    }
    close_list(writer, report->issuer_count, ",\n");
}

static const char *result_name(enum whoami_result result)
{
    switch (result) {
    case WHOAMI_PROBLEM:
        return "problem";
    case WHOAMI_NOTE:
        return "note";
    case WHOAMI_GOOD:
        return "ok";
    }
    return "problem";
}

static void write_checks(struct whoami_writer *writer, const struct whoami_report *report)
{
    whoami_write_text(writer, "  \"checks\": [");
    for (size_t i = 0; i < report->check_count; i++) {
        const struct whoami_check *check = &report->checks[i];

        separate(writer, i);
        whoami_write_text(writer, "{\"check\": \"");
        whoami_write_text(writer, check->name);
        whoami_write_text(writer, "\", \"result\": \"");
        whoami_write_text(writer, result_name(check->result));
        write_member(writer, "\", \"text\": ", check->text);
        whoami_write_text(writer, "}");
    }
    close_list(writer, report->check_count, ",\n");
}

static void write_copies(struct whoami_writer *writer, const struct whoami_report *report)
{
    whoami_write_text(writer, "  \"received_in\": [");
    for (size_t i = 0; i < report->copy_count; i++) {
        const struct whoami_copy *copy = &report->copies[i];

        separate(writer, i);
        write_member(writer, "{\"header\": ", copy->name);
        whoami_write_text(writer, ", \"encoding\": \"");
        whoami_write_text(writer, copy->encoding);
        whoami_write_text(writer, "\", \"problem\": ");
        if (slice_is_empty(copy->problem))
            whoami_write_text(writer, "null");
        else
            write_string(writer, copy->problem);
        whoami_write_text(writer, "}");
    }
    close_list(writer, report->copy_count, ",\n");
}

static void write_request(struct whoami_writer *writer, const struct http_request *request)
{
    write_member(writer, "  \"method\": ", request->method);
    write_member(writer, ",\n  \"path\": ", request->path);
    if (request->has_query)
        write_member(writer, ",\n  \"query\": ", request->query);
    whoami_write_text(writer, ",\n  \"headers\": [");
    for (size_t i = 0; i < request->fields.count; i++) {
        separate(writer, i);
        write_member(writer, "{\"name\": ", request->fields.items[i].name);
        write_member(writer, ", \"value\": ", request->fields.items[i].value);
        whoami_write_text(writer, "}");
    }
    close_list(writer, request->fields.count, "\n");
}

bool whoami_render_json(const struct whoami_report *report, struct buffer *to)
{
    struct whoami_writer writer = {.to = to, .fits = true};

    whoami_write_text(&writer, "{\n");
    write_certificate(&writer, report);
    whoami_write_text(&writer, "  \"verification\": ");
    if (report->verification == NULL)
        whoami_write_text(&writer, "null");
    else
        write_string(&writer, report->verification->value);
    whoami_write_text(&writer, ",\n");
    write_issuers(&writer, report);
    write_checks(&writer, report);
    write_copies(&writer, report);
    write_request(&writer, report->request);
    whoami_write_text(&writer, "}\n");
    return writer.fits;
}
