/* SPDX-License-Identifier: Apache-2.0
 *
 * What the texts of a trust profile must look like, and the profile within a profile: its trial.
 */
#include <openssl/err.h>
#include <openssl/objects.h>

#include "app/config/special_settings_internal.h"
#include "gateway/identity/judging_context.h"

enum { OID_BYTES_MAX = 256 };

static bool has_digits_and_dots_only(struct slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((text.data[i] < '0' || text.data[i] > '9') && text.data[i] != '.')
            return false;
    return true;
}

bool settings_oid_is_valid(struct slice text, struct error *error)
{
    ASN1_OBJECT *object = NULL;

    ERR_set_mark();
    if (text.size <= OID_BYTES_MAX && has_digits_and_dots_only(text))
        object = OBJ_txt2obj(text.data, 1);
    ERR_pop_to_mark();
    if (object == NULL) {
        error_set(error, ERROR_VALUE,
                  "'%.80s' is not an object identifier such as 1.3.6.1.5.5.7.3.2", text.data);
        return false;
    }
    ASN1_OBJECT_free(object);
    return true;
}

bool settings_key_type_is_valid(struct slice text, struct error *error)
{
    if (path_key_type_parse(text) != 0)
        return true;
    error_set(error, ERROR_VALUE, "'%.80s' is not RSA, P-256, P-384, P-521, Ed25519 or Ed448",
              text.data);
    return false;
}

bool settings_principal_is_valid(struct slice text, struct error *error)
{
    if (principal_source_parse(text) != PRINCIPAL_NONE)
        return true;
    error_set(
        error, ERROR_VALUE,
        "'%.80s' is not san_uri, san_dns, san_upn, san_email, san_ip, subject, common_name or "
        "sha256",
        text.data);
    return false;
}

void settings_read_trial(struct settings_reader *reader, const struct setting *setting,
                         struct yaml_node *node, void *target)
{
    struct yaml_node *inner = node->kind == YAML_MAPPING ? yaml_node_find(node, "trial") : NULL;

    if (inner != NULL)
        settings_refuse_value(reader, inner, "a trial cannot have a 'trial'");
    else
        settings_read_trust_profile(reader, setting, node, target);
}
