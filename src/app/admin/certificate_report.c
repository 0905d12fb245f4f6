/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificates of a gateway: whose they are, and until when they are good.
 */
#include "app/admin/owned_certificates_internal.h"
#include "app/admin/status_report_internal.h"

enum { SECONDS_PER_DAY = 24 * 60 * 60 };

struct report {
    struct text_builder *to;
    int64_t now;
    enum report_form form;
    bool has_begun;
};

/* ---- JSON ------------------------------------------------------------------------------------ */

static void add_member(struct text_builder *to, const char *name, struct slice text)
{
    text_builder_add_format(to, ",\"%s\":", name);
    report_add_json(to, text);
}

static void add_json_names(struct text_builder *to,
                           const struct certificate_description *description)
{
    text_builder_add_format(to, ",\"names\":[");
    for (size_t i = 0; i < description->name_count; i++) {
        if (i > 0)
            text_builder_add_format(to, ",");
        report_add_json(to, description->names[i].text);
    }
    text_builder_add_format(to, "]");
}

/* null: never. */
static void add_json_last_use(struct text_builder *to, int64_t last_used)
{
    text_builder_add_format(to, ",\"last_used\":");
    if (last_used == 0) {
        text_builder_add_format(to, "null");
        return;
    }
    text_builder_add_format(to, "\"");
    report_add_time(to, last_used);
    text_builder_add_format(to, "\"");
}

static void add_json(struct report *report, const struct owned_certificate *certificate)
{
    const struct certificate_description *description = &certificate->description;
    struct text_builder *to = report->to;
    bool is_anchor = certificate->use == OWNED_BY_TRUST_PROFILE;

    text_builder_add_format(to, "%s{\"use\":\"%s\"", report->has_begun ? "," : "",
                            is_anchor ? "trust" : "listener");
    add_member(to, "name", slice_from_text(certificate->owner));
    add_member(to, "subject", description->subject);
    add_member(to, "issuer", description->issuer);
    add_member(to, "serial", description->serial);
    add_member(to, "sha256", description->sha256);
    add_member(to, "key", description->key);
    if (!is_anchor)
        add_json_names(to, description);
    text_builder_add_format(to, ",\"not_before\":\"");
    report_add_time(to, description->not_before);
    text_builder_add_format(to, "\",\"not_after\":\"");
    report_add_time(to, description->not_after);
    text_builder_add_format(to, "\"");
    if (is_anchor)
        add_json_last_use(to, certificate->last_used);
    text_builder_add_format(to, "}");
}

/* ---- text ------------------------------------------------------------------------------------ */

static void add_text_validity(struct text_builder *to, int64_t not_after, int64_t now)
{
    int64_t days = (not_after - now) / SECONDS_PER_DAY;

    text_builder_add_format(to, "  until ");
    report_add_time(to, not_after);
    if (not_after < now)
        text_builder_add_format(to, ", which is over\n");
    else
        text_builder_add_format(to, ", %lld days\n", (long long)days);
}

static void add_text_last_use(struct text_builder *to, int64_t last_used)
{
    text_builder_add_format(to, "  last used ");
    if (last_used == 0)
        text_builder_add_format(to, "never since the start");
    else
        report_add_time(to, last_used);
    text_builder_add_format(to, "\n");
}

static void add_text(struct report *report, const struct owned_certificate *certificate)
{
    const struct certificate_description *description = &certificate->description;
    struct text_builder *to = report->to;
    bool is_anchor = certificate->use == OWNED_BY_TRUST_PROFILE;

    text_builder_add_format(to, "%s %s: %.*s\n", is_anchor ? "trust" : "listener",
                            certificate->owner, SLICE_FORMAT(description->subject));
    for (size_t i = 0; !is_anchor && i < description->name_count; i++)
        text_builder_add_format(to, "%s%.*s%s", i == 0 ? "  names " : ", ",
                                SLICE_FORMAT(description->names[i].text),
                                i + 1 == description->name_count ? "\n" : "");
    add_text_validity(to, description->not_after, report->now);
    if (is_anchor)
        add_text_last_use(to, certificate->last_used);
    text_builder_add_format(to, "  %.*s, SHA-256 %.*s\n", SLICE_FORMAT(description->key),
                            SLICE_FORMAT(description->sha256));
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void visit(void *context, const struct owned_certificate *certificate)
{
    struct report *report = context;

    if (report->form == REPORT_JSON)
        add_json(report, certificate);
    else
        add_text(report, certificate);
    report->has_begun = true;
}

void certificate_report_add(struct text_builder *to, const struct gateway_status *status,
                            int64_t now, enum report_form form)
{
    struct report report = {.to = to, .now = now, .form = form};

    if (form == REPORT_JSON)
        text_builder_add_format(to, "{\"certificates\":[");
    owned_certificates_visit(status->generation, visit, &report);
    if (form == REPORT_JSON)
        text_builder_add_format(to, "]}\n");
}
