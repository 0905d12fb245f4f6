/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings of `revocation` that take several forms, and what is checked when it is complete.
 */
#include <string.h>

#include "app/config/special_settings_internal.h"
#include "gateway/revocation/revocation_settings.h"

/* A list of files, with patterns, as of anchors. */
void settings_read_crl_files(struct settings_reader *reader, const struct setting *setting,
                             struct yaml_node *node, void *target)
{
    settings_read_anchors(reader, setting, node, target);
}

bool settings_responder_is_valid(struct slice text, struct error *error)
{
    if (ocsp_responder_is_usable(text))
        return true;
    error_set(error, ERROR_VALUE, "must be a URL that begins with http:// or https://");
    return false;
}

static void read_source(struct settings_reader *reader, const struct setting *setting,
                        struct yaml_node *node, unsigned *sources)
{
    if (slice_equals(node->text, SLICE("crl")))
        *sources |= 1U << REVOCATION_SOURCE_CRL;
    else if (slice_equals(node->text, SLICE("ocsp")))
        *sources |= 1U << REVOCATION_SOURCE_OCSP;
    else
        settings_refuse(reader, setting, node, "must be crl or ocsp, not '%.80s'", node->text.data);
}

void settings_read_revocation_sources(struct settings_reader *reader, const struct setting *setting,
                                      struct yaml_node *node, void *target)
{
    unsigned *sources = settings_field(setting, target);
    struct text_table seen;

    if (!settings_check_list(reader, setting, node))
        return;
    text_table_init(&seen);
    for (struct yaml_node *item = node->first; item != NULL; item = item->next) {
        if (settings_check_text(reader, setting, item) &&
            settings_check_unique(reader, &seen, item))
            read_source(reader, setting, item, sources);
    }
    text_table_reset(&seen);
}

void settings_read_exception(struct settings_reader *reader, const struct setting *setting,
                             struct yaml_node *node, void *target)
{
    struct revocation_exception *exception = settings_field(setting, target);

    if (node->kind == YAML_MAPPING) {
        settings_read_mapping(reader, setting->mapping, node, exception);
        exception->lenience = REVOCATION_ACCEPT_LAST_GOOD;
        if (node->first == NULL)
            settings_refuse(reader, setting, node, "must be %s", setting->expects);
        return;
    }
    if (!settings_check_text(reader, setting, node))
        return;
    if (slice_equals(node->text, SLICE("accept")))
        exception->lenience = REVOCATION_ACCEPT;
    else if (!slice_equals(node->text, SLICE("refuse")))
        settings_refuse(reader, setting, node, "must be %s, not '%.80s'", setting->expects,
                        node->text.data);
}

static bool asks_lists(const struct revocation_settings *settings)
{
    return (settings->sources & (1U << REVOCATION_SOURCE_CRL)) != 0;
}

static bool has_lists(const struct crl_settings *settings)
{
    return settings->file_count > 0 || settings->urls != NULL || settings->from_certificate;
}

void settings_finish_revocation(struct settings_reader *reader, struct yaml_node *node,
                                void *target)
{
    const struct revocation_settings *settings = target;
    struct yaml_node *lists = yaml_node_find(node, "crl");

    if (lists != NULL && lists->is_faulty)
        return;
    if (asks_lists(settings) && !has_lists(&settings->crl))
        settings_refuse_value(reader, lists == NULL ? node : lists,
                              "'sources' names crl, and 'crl' says of no list where it is");
}

/* Azure Application Gateway's verifyClientRevocation: fails closed in every case. */
static struct revocation_settings azure_revocation(void)
{
    return (struct revocation_settings){
        .sources = 1U << REVOCATION_SOURCE_OCSP,
        .require = REVOCATION_REQUIRE_ALL,
        .applies_to = REVOCATION_OF_LEAF,
        .ocsp = {.method = OCSP_METHOD_AZURE, .nonce = OCSP_NONCE_OFF, .timeout_ms = 3000},
    };
}

void settings_read_revocation(struct settings_reader *reader, const struct setting *setting,
                              struct yaml_node *node, void *target)
{
    struct revocation_settings *settings = settings_field(setting, target);

    if (node->kind == YAML_MAPPING) {
        settings_read_mapping(reader, setting->mapping, node, settings);
        return;
    }
    if (!settings_check_text(reader, setting, node))
        return;
    if (slice_equals(node->text, SLICE("azure")))
        *settings = azure_revocation();
    else
        settings_refuse(reader, setting, node, "must be %s, not '%.80s'", setting->expects,
                        node->text.data);
}
