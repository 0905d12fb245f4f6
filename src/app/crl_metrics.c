/* SPDX-License-Identifier: Apache-2.0
 *
 * See crl_metrics.h. Origins are paths and addresses, which a certificate may have named: they are
 * escaped, and of the longest only the beginning is shown.
 */
#include "app/crl_metrics.h"

#include <inttypes.h>

#include "runtime/buffer.h"
#include "runtime/encoding.h"

enum { ORIGIN_BYTES_MAX = 512 };

struct column {
    const char *name;
    const char *help;
    bool needs_list;
    int64_t (*value)(const struct crl_report *list);
};

static int64_t entries_of(const struct crl_report *list)
{
    return (int64_t)list->facts->entry_count;
}

static int64_t bytes_of(const struct crl_report *list)
{
    return (int64_t)list->facts->bytes;
}

static int64_t this_update_of(const struct crl_report *list)
{
    return list->facts->this_update;
}

static int64_t next_update_of(const struct crl_report *list)
{
    return list->facts->next_update;
}

static int64_t is_bound(const struct crl_report *list)
{
    return list->is_bound;
}

static int64_t is_failing(const struct crl_report *list)
{
    return list->problem != NULL;
}

static const struct column COLUMNS[] = {
    {"entries", "Certificates that the list names.", true, entries_of},
    {"bytes", "What the list takes of memory.", true, bytes_of},
    {"this_update_seconds", "When the list was made, since 1970.", true, this_update_of},
    {"next_update_seconds", "When the list ends, since 1970.", true, next_update_of},
    {"verified", "1: the key of its issuer has signed it. 0: no client has shown its issuer yet.",
     true, is_bound},
    {"failing", "1: the last attempt to get a list there failed.", false, is_failing},
};

struct writer {
    struct text_builder *to;
    const struct column *column;
    const char *last;
    size_t index; /* of the list at its origin */
};

static void add_line(void *context, const struct crl_report *list)
{
    struct writer *writer = context;
    char memory[8 * ORIGIN_BYTES_MAX];
    struct buffer origin;

    writer->index = writer->last == list->origin ? writer->index + 1 : 0;
    writer->last = list->origin;
    if (list->facts == NULL && writer->column->needs_list)
        return;
    if (!writer->column->needs_list && writer->index > 0)
        return;
    buffer_init(&origin, memory, sizeof memory);
    (void)encode_json(&origin, slice_first(slice_from_text(list->origin), ORIGIN_BYTES_MAX));
    text_builder_add_format(writer->to, "sallyport_crl_%s{origin=%.*s", writer->column->name,
                            SLICE_FORMAT(buffer_readable(&origin)));
    if (writer->column->needs_list)
        text_builder_add_format(writer->to, ",index=\"%zu\"", writer->index);
    text_builder_add_format(writer->to, "} %" PRId64 "\n", writer->column->value(list));
}

void crl_metrics_add(struct text_builder *to, const struct crl_registry *lists)
{
    for (size_t i = 0; i < sizeof COLUMNS / sizeof COLUMNS[0]; i++) {
        struct writer writer = {.to = to, .column = &COLUMNS[i]};

        text_builder_add_format(to, "# HELP sallyport_crl_%s %s\n# TYPE sallyport_crl_%s gauge\n",
                                COLUMNS[i].name, COLUMNS[i].help, COLUMNS[i].name);
        crl_registry_each(lists, add_line, &writer);
    }
}

static void add_counter(struct text_builder *to, const char *name, const char *help, uint64_t value)
{
    text_builder_add_format(to,
                            "# HELP sallyport_revocation_%s %s\n"
                            "# TYPE sallyport_revocation_%s counter\n"
                            "sallyport_revocation_%s %" PRIu64 "\n",
                            name, help, name, name, value);
}

void revocation_metrics_add(struct text_builder *to, const struct revocation_facts *facts)
{
    struct revocation_doubts doubts = revocation_facts_doubts(facts);

    add_counter(to, "lenient_total",
                "Judgements that accepted a client of whom no source could tell.", doubts.lenient);
    add_counter(to, "disputed_total",
                "Judgements in which one source said revoked, and another good.", doubts.disputed);
}
