/* SPDX-License-Identifier: Apache-2.0
 *
 * The report as a page: one self-contained document without scripts, in the colours that the
 * reader's system prefers. Everything that was received goes through encode_html and stands
 * between tags, or in no place at all.
 */
#include "app/whoami/whoami_render_internal.h"
#include "runtime/encoding.h"

/* clang-format off */
static const char style[] =
    ":root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--text:#1b2028;--soft:#5c6675;"
    "--line:#e2e6ec;--good:#0f7b3f;--good-back:#e2f5e9;--bad:#b3261e;--bad-back:#fde8e6;"
    "--note:#7a5a00;--note-back:#fdf3d7}"
    "@media(prefers-color-scheme:dark){:root{--page:#12151a;--card:#1b2027;--text:#e7eaf0;"
    "--soft:#98a2b3;--line:#2c333d;--good:#6bd69a;--good-back:#12321f;--bad:#ff9d94;"
    "--bad-back:#3d1a18;--note:#f0c65a;--note-back:#352b10}}"
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,sans-serif}"
    "main{max-width:60rem;margin:0 auto;padding:2.5rem 1.25rem 3rem}"
    "header p{margin:0;color:var(--soft)}"
    "h1{margin:.1rem 0 .7rem;font-size:2.1rem;line-height:1.2;overflow-wrap:anywhere}"
    "h2{margin:0 0 .6rem;font-size:1rem}"
    "section{background:var(--card);border:1px solid var(--line);border-radius:.75rem;"
    "padding:1.1rem 1.3rem;margin-top:1.1rem}"
    ".pill{display:inline-block;padding:.15rem .75rem;border-radius:1rem;font-size:.9rem;"
    "font-weight:600}"
    ".good{color:var(--good);background:var(--good-back)}"
    ".bad{color:var(--bad);background:var(--bad-back)}"
    ".note{color:var(--note);background:var(--note-back)}"
    "table{width:100%;border-collapse:collapse}"
    "tr+tr>*{border-top:1px solid var(--line)}"
    "th,td{padding:.45rem 0;text-align:left;vertical-align:top}"
    "th{width:11.5rem;padding-right:1rem;font-weight:500;color:var(--soft);overflow-wrap:anywhere}"
    "td{overflow-wrap:anywhere}"
    "code{font:.86rem/1.5 ui-monospace,monospace}"
    ".mark{width:6.5rem}"
    ".ours th{color:var(--good);font-weight:600}"
    "footer{margin-top:1.4rem;color:var(--soft);font-size:.9rem}"
    "@media(max-width:36rem){th,td{display:block;width:auto}th{padding-bottom:0}"
    "tr+tr>td{border-top:0}td{padding-top:.1rem}}";
/* clang-format on */

struct slice whoami_page_style(void)
{
    return slice_from_text(style);
}

static void write_escaped(struct whoami_writer *writer, struct slice text)
{
    writer->fits = writer->fits && encode_html(writer->to, text);
}

static void open_section(struct whoami_writer *writer, const char *title)
{
    whoami_write_text(writer, "<section>\n<h2>");
    whoami_write_text(writer, title);
    whoami_write_text(writer, "</h2>\n<table>\n");
}

static void close_section(struct whoami_writer *writer)
{
    whoami_write_text(writer, "</table>\n</section>\n");
}

static void open_row(struct whoami_writer *writer, const char *name)
{
    whoami_write_text(writer, "<tr><th scope=\"row\">");
    whoami_write_text(writer, name);
    whoami_write_text(writer, "</th><td>");
}

static void close_row(struct whoami_writer *writer)
{
    whoami_write_text(writer, "</td></tr>\n");
}

static void write_row(struct whoami_writer *writer, const char *name, struct slice value)
{
    open_row(writer, name);
    whoami_write_text(writer, "<code>");
    write_escaped(writer, value);
    whoami_write_text(writer, "</code>");
    close_row(writer);
}

/* ---- the head: who, and how sure ---- */

static void write_pill(struct whoami_writer *writer, const char *kind, const char *text)
{
    whoami_write_text(writer, "<span class=\"pill ");
    whoami_write_text(writer, kind);
    whoami_write_text(writer, "\">");
    whoami_write_text(writer, text);
    whoami_write_text(writer, "</span>\n");
}

static void write_summary(struct whoami_writer *writer, const struct whoami_report *report)
{
    if (whoami_report_problems(report) > 0)
        write_pill(writer, "bad", "do not believe this: see the checks");
    else if (!report->has_certificate)
        write_pill(writer, "note", "no client certificate");
    else if (report->verification == NULL)
        write_pill(writer, "note", "the gateway does not say whether it verified this");
    else
        write_pill(writer, "good", "verified by the gateway");
}

static struct slice client_name(const struct whoami_report *report)
{
    if (!report->has_certificate)
        return SLICE("Nobody in particular");
    if (!slice_is_empty(report->certificate.common_name))
        return report->certificate.common_name;
    if (report->certificate.name_count > 0)
        return report->certificate.names[0].text;
    return report->certificate.subject;
}

static void write_header(struct whoami_writer *writer, const struct whoami_report *report)
{
    whoami_write_text(writer, "<header>\n<p>The gateway says that you are</p>\n<h1>");
    write_escaped(writer, client_name(report));
    whoami_write_text(writer, "</h1>\n");
    write_summary(writer, report);
    whoami_write_text(writer, "</header>\n");
}

/* ---- the sections ---- */

static void write_checks(struct whoami_writer *writer, const struct whoami_report *report)
{
    static const struct {
        const char *kind;
        const char *word;
    } marks[] = {
        [WHOAMI_PROBLEM] = {"bad", "problem"},
        [WHOAMI_NOTE] = {"note", "note"},
        [WHOAMI_GOOD] = {"good", "ok"},
    };

    open_section(writer, "Checks");
    for (size_t i = 0; i < report->check_count; i++) {
        const struct whoami_check *check = &report->checks[i];

        whoami_write_text(writer, "<tr><td class=\"mark\">");
        write_pill(writer, marks[check->result].kind, marks[check->result].word);
        whoami_write_text(writer, "</td><th scope=\"row\">");
        whoami_write_text(writer, check->name);
        whoami_write_text(writer, "</th><td>");
        write_escaped(writer, check->text);
        close_row(writer);
    }
    close_section(writer);
}

static void write_validity(struct whoami_writer *writer,
                           const struct certificate_description *certificate, int64_t now)
{
    int64_t days = whoami_days_between(now, certificate->not_after);

    open_row(writer, "Valid");
    whoami_write_text(writer, "<code>");
    whoami_write_date(writer, certificate->not_before);
    whoami_write_text(writer, "</code> to <code>");
    whoami_write_date(writer, certificate->not_after);
    whoami_write_text(writer, "</code>, ");
    whoami_write_number(writer, days < 0 ? (uint64_t)-days : (uint64_t)days);
    whoami_write_text(writer, now > certificate->not_after ? " days past its end" : " days left");
    close_row(writer);
}

static void write_names(struct whoami_writer *writer,
                        const struct certificate_description *certificate)
{
    open_row(writer, "Alternative names");
    for (size_t i = 0; i < certificate->name_count; i++) {
        whoami_write_text(writer, i == 0 ? "" : "<br>");
        whoami_write_text(writer, whoami_name_kind(certificate->names[i].kind));
        whoami_write_text(writer, " <code>");
        write_escaped(writer, certificate->names[i].text);
        whoami_write_text(writer, "</code>");
    }
    if (certificate->name_count == 0)
        whoami_write_text(writer, "none");
    close_row(writer);
}

static void write_copies(struct whoami_writer *writer, const struct whoami_report *report)
{
    open_row(writer, "Received in");
    for (size_t i = 0; i < report->copy_count; i++) {
        whoami_write_text(writer, i == 0 ? "<code>" : "<br><code>");
        write_escaped(writer, report->copies[i].name);
        whoami_write_text(writer, "</code> (");
        whoami_write_text(writer, report->copies[i].encoding);
        whoami_write_text(writer, ")");
    }
    close_row(writer);
}

static void write_certificate(struct whoami_writer *writer, const struct whoami_report *report)
{
    const struct certificate_description *certificate = &report->certificate;

    open_section(writer, "Client certificate");
    write_row(writer, "Subject", certificate->subject);
    write_row(writer, "Issuer", certificate->issuer);
    write_row(writer, "Serial number", certificate->serial);
    write_validity(writer, certificate, report->now);
    write_names(writer, certificate);
    write_row(writer, "Key", certificate->key);
    write_row(writer, "Signature", certificate->signature);
    write_row(writer, "SHA-256", certificate->sha256);
    write_row(writer, "SHA-1", certificate->sha1);
    write_copies(writer, report);
    close_section(writer);
}

static void write_issuers(struct whoami_writer *writer, const struct whoami_report *report)
{
    open_section(writer, "Issuers, from the client's certificate upwards");
    for (size_t i = 0; i < report->issuer_count; i++) {
        open_row(writer, "Issuer");
        whoami_write_text(writer, "<code>");
        write_escaped(writer, report->issuers[i].subject);
        whoami_write_text(writer, "</code>, until <code>");
        whoami_write_date(writer, report->issuers[i].not_after);
        whoami_write_text(writer, "</code>");
        close_row(writer);
    }
    close_section(writer);
}

static void write_request(struct whoami_writer *writer, const struct http_request *request)
{
    open_section(writer, "Request");
    write_row(writer, "Method", request->method);
    write_row(writer, "Path", request->path);
    if (request->has_query)
        write_row(writer, "Query", request->query);
    close_section(writer);
}

static void write_fields(struct whoami_writer *writer, const struct http_fields *fields)
{
    open_section(writer, "Headers, as they arrived");
    for (size_t i = 0; i < fields->count; i++) {
        const struct http_field *field = &fields->items[i];

        whoami_write_text(writer, whoami_report_is_identity_header(field->name)
                                      ? "<tr class=\"ours\"><th scope=\"row\">"
                                      : "<tr><th scope=\"row\">");
        write_escaped(writer, field->name);
        whoami_write_text(writer, "</th><td><code>");
        write_escaped(writer, field->value);
        whoami_write_text(writer, "</code>");
        close_row(writer);
    }
    close_section(writer);
}

bool whoami_render_page(const struct whoami_report *report, struct buffer *to)
{
    struct whoami_writer writer = {.to = to, .fits = true};

    whoami_write_text(&writer,
                      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                      "<title>whoami</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>");
    whoami_write(&writer, whoami_page_style());
    whoami_write_text(&writer, "</style>\n</head>\n<body>\n<main>\n");
    write_header(&writer, report);
    write_checks(&writer, report);
    if (report->has_certificate)
        write_certificate(&writer, report);
    if (report->issuer_count > 0)
        write_issuers(&writer, report);
    write_request(&writer, report->request);
    write_fields(&writer, &report->request->fields);
    whoami_write_text(&writer, "<footer>Seen by the application at <code>");
    whoami_write_date(&writer, report->now);
    whoami_write_text(&writer, "</code>. Ask with <code>Accept: application/json</code> for the "
                               "same as JSON.</footer>\n</main>\n</body>\n</html>\n");
    return writer.fits;
}
