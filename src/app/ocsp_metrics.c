/* SPDX-License-Identifier: Apache-2.0
 *
 * See ocsp_metrics.h.
 */
#include "app/ocsp_metrics.h"

#include <inttypes.h>

static void add_head(struct text_builder *to, const char *name, const char *type, const char *help)
{
    text_builder_add_format(to, "# HELP sallyport_ocsp_%s %s\n# TYPE sallyport_ocsp_%s %s\n", name,
                            help, name, type);
}

static void add_labelled(struct text_builder *to, const char *name, const char *result,
                         uint64_t value)
{
    text_builder_add_format(to, "sallyport_ocsp_%s{result=\"%s\"} %" PRIu64 "\n", name, result,
                            value);
}

static void add_single(struct text_builder *to, const char *name, const char *type,
                       const char *help, uint64_t value)
{
    add_head(to, name, type, help);
    text_builder_add_format(to, "sallyport_ocsp_%s %" PRIu64 "\n", name, value);
}

void ocsp_metrics_add(struct text_builder *to, const struct ocsp_keeper *keeper,
                      struct ocsp_store *store)
{
    struct ocsp_store_counts counts = ocsp_store_count(store);
    uint64_t count = 0;

    add_head(to, "questions_total", "counter", "Questions to responders, by what came of them.");
    for (size_t i = 0; i < ocsp_keeper_result_count(); i++) {
        const char *name = ocsp_keeper_result(keeper, i, &count);

        if (name != NULL)
            add_labelled(to, "questions_total", name, count);
    }
    add_head(to, "lookups_total", "counter",
             "How often an answer was wanted: hit, it was there; asked; joined, it was being asked "
             "for; refused, too many were waiting.");
    add_labelled(to, "lookups_total", "hit", counts.hits);
    add_labelled(to, "lookups_total", "asked", counts.misses);
    add_labelled(to, "lookups_total", "joined", counts.joined);
    add_labelled(to, "lookups_total", "refused", counts.refused);
    add_single(to, "entries", "gauge", "Certificates of which answers are kept.", counts.entries);
    add_single(to, "evicted_total", "counter", "Answers that made room for others.",
               counts.evicted);
    add_single(to, "questions_running", "gauge", "Questions that are under way.",
               ocsp_keeper_running(keeper));
    add_single(to, "questions_waiting", "gauge", "Questions that wait for their turn.",
               ocsp_keeper_waiting(keeper));
    add_single(to, "responders_left_alone", "gauge",
               "Responders that failed again and again and are asked less.",
               ocsp_keeper_broken(keeper));
}
