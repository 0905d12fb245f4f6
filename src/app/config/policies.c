/* SPDX-License-Identifier: Apache-2.0
 *
 * Policies: lists of rules with a name, and what is checked when a rule is complete.
 */
#include "app/config/special_settings_internal.h"
#include "gateway/policy/policy.h"

/* --- Values ----------------------------------------------------------------------------------- */

static bool check_item(struct settings_reader *reader, const struct setting *setting,
                       struct text_table *seen, struct yaml_node *node)
{
    struct error error = {0};

    if (!settings_check_text(reader, setting, node))
        return false;
    if (setting->is_valid != NULL && !setting->is_valid(node->text, &error)) {
        settings_refuse_value(reader, node, "%s", error.text);
        return false;
    }
    return settings_check_unique(reader, seen, node);
}

void settings_read_text_list(struct settings_reader *reader, const struct setting *setting,
                             struct yaml_node *node, void *target)
{
    struct yaml_node *item = node;
    struct text_table seen;
    const char **texts;
    size_t count = 0;

    if (node->kind == YAML_SEQUENCE) {
        if (!settings_check_list(reader, setting, node))
            return;
        item = node->first;
    }
    texts = config_memory_allocate_array(reader->memory, node->count + 2, sizeof(*texts));
    text_table_init(&seen);
    for (; item != NULL; item = node->kind == YAML_SEQUENCE ? item->next : NULL)
        if (check_item(reader, setting, &seen, item))
            texts[count++] = item->text.data;
    text_table_reset(&seen);
    settings_store_pointer(setting, target, texts);
}

static void read_whole_name(struct settings_reader *reader, const struct setting *setting,
                            struct yaml_node *node, struct policy_name_settings *name)
{
    struct error error = {0};

    name->position = node->position;
    if (!settings_check_text(reader, setting, node))
        return;
    if (policy_name_is_valid(node->text, &error))
        name->whole = node->text.data;
    else
        settings_refuse_value(reader, node, "%s", error.text);
}

void settings_read_policy_names(struct settings_reader *reader, const struct setting *setting,
                                struct yaml_node *node, void *target)
{
    size_t count = node->kind == YAML_SEQUENCE ? node->count : 1;
    struct policy_name_settings *names;
    struct yaml_node *item = node->first;

    if (node->kind == YAML_SEQUENCE && !settings_check_list(reader, setting, node))
        return;
    names = config_memory_allocate_array(reader->memory, count, sizeof(*names));
    if (node->kind == YAML_MAPPING && node->count == 0)
        settings_refuse(reader, setting, node, "is empty, and would match every name");
    else if (node->kind == YAML_MAPPING)
        settings_read_mapping(reader, setting->mapping, node, names);
    else if (node->kind == YAML_SCALAR)
        read_whole_name(reader, setting, node, names);
    for (size_t i = 0; node->kind == YAML_SEQUENCE && i < count; i++, item = item->next)
        read_whole_name(reader, setting, item, &names[i]);
    settings_store_pointer(setting, target, names);
    settings_store_count(setting, target, count);
}

/* --- Rules ------------------------------------------------------------------------------------ */

void settings_finish_policy_serial(struct settings_reader *reader, struct yaml_node *node,
                                   void *target)
{
    const struct policy_serial_settings *serial = target;

    (void)serial;
    if (node->is_faulty)
        return;
    if (yaml_node_find(node, "issuer") == NULL && yaml_node_find(node, "issuer_key") == NULL)
        settings_refuse_value(reader, node, "'issuer' or 'issuer_key' is missing");
    else if (yaml_node_find(node, "issuer") != NULL && yaml_node_find(node, "issuer_key") != NULL)
        settings_refuse_value(reader, yaml_node_find(node, "issuer_key"),
                              "'issuer' says the key already");
}

/* What belongs to the file needs one. */
static void check_file_options(struct settings_reader *reader, struct yaml_node *node)
{
    static const char *const options[] = {"fingerprints_at_least", "fingerprints_digest",
                                          "fingerprints_shrink", NULL};

    for (const char *const *option = options; *option != NULL; option++) {
        struct yaml_node *value = yaml_node_find(node, *option);

        if (value != NULL && yaml_node_find(node, "fingerprints_file") == NULL)
            settings_refuse_value(reader, value, "'%s' has no effect without 'fingerprints_file'",
                                  *option);
    }
}

void settings_finish_policy_condition(struct settings_reader *reader, struct yaml_node *node,
                                      void *target)
{
    struct policy_condition_settings *condition = target;
    struct yaml_node *everybody = yaml_node_find(node, "everybody");

    condition->is_set = true;
    if (node->is_faulty)
        return;
    if (everybody != NULL && !condition->everybody)
        settings_refuse_value(reader, everybody, "'everybody' must be true, or left out");
    else if (everybody != NULL && node->count > 1)
        settings_refuse_value(reader, everybody,
                              "'everybody' stands alone: a rule with conditions is not for "
                              "everybody");
    else if (node->count == 0)
        settings_refuse_value(reader, node,
                              "a rule without conditions would match everybody; if that is meant, "
                              "write 'everybody: true'");
    check_file_options(reader, node);
    if (condition->key_bits_max != 0 && condition->key_bits_min > condition->key_bits_max)
        settings_refuse_value(reader, yaml_node_find(node, "key_bits_min"),
                              "'key_bits_min' is more than 'key_bits_max': no key matches");
    if (condition->expires_within_ms != 0 &&
        condition->expires_after_ms >= condition->expires_within_ms)
        settings_refuse_value(reader, yaml_node_find(node, "expires_after"),
                              "'expires_after' is not less than 'expires_within': no certificate "
                              "matches");
}

/* Whoever holds an ECDSA certificate makes another one of it that verifies as well: (r, s) and
 * (r, n - s) are signatures of the same. */
static void warn_of_fingerprints(struct settings_reader *reader, const struct yaml_node *deny)
{
    static const char *const names[] = {"fingerprint_sha256", "fingerprint_sha1",
                                        "fingerprints_file", NULL};

    for (const char *const *name = names; *name != NULL; name++) {
        const struct yaml_node *value = yaml_node_find(deny, *name);

        if (value != NULL)
            settings_warn(reader, value->key->position,
                          "who is denied by fingerprint can encode the certificate's signature "
                          "anew and gets another one: deny by 'serials' or 'key_sha256'");
    }
}

void settings_finish_policy_rule(struct settings_reader *reader, struct yaml_node *node,
                                 void *target)
{
    const struct yaml_node *allow = yaml_node_find(node, "allow");
    struct yaml_node *deny = yaml_node_find(node, "deny");
    struct yaml_node *user = yaml_node_find(node, "user");

    (void)target;
    if (node->is_faulty)
        return;
    if (allow == NULL && deny == NULL)
        settings_refuse_value(reader, node, "a rule needs 'allow' or 'deny'");
    else if (allow != NULL && deny != NULL)
        settings_refuse_value(reader, deny, "a rule has 'allow' or 'deny', not both");
    else if (deny != NULL && user != NULL)
        settings_refuse_value(reader, user, "'user' has no effect with 'deny'");
    if (deny != NULL)
        warn_of_fingerprints(reader, deny);
}

/* --- Policies --------------------------------------------------------------------------------- */

static void warn_of_unreachable(struct settings_reader *reader,
                                const struct policy_settings *policy)
{
    for (size_t i = 0; i + 1 < policy->rule_count; i++) {
        const struct policy_rule_settings *rule = &policy->rules[i];

        if (!rule->allow.everybody && !rule->deny.everybody)
            continue;
        settings_warn(reader, policy->rules[i + 1].position,
                      "this rule is never reached: the one %s matches everybody",
                      problem_place(reader->memory, rule->position, policy->rules[i + 1].position));
        return;
    }
}

void settings_read_policy_rules(struct settings_reader *reader, const struct setting *setting,
                                struct yaml_node *node, void *target)
{
    struct policy_settings *policy = config_memory_allocate(reader->memory, sizeof(*policy));
    struct setting list = *setting;

    (void)target;
    list.name = node->key->text.data;
    list.type = SETTING_ITEMS;
    list.otherwise = NULL;
    list.offset = offsetof(struct policy_settings, rules);
    list.size = sizeof(policy->rules);
    list.count_offset = offsetof(struct policy_settings, rule_count);
    policy->name = node->key->text.data;
    policy->position = node->position;
    settings_read_items(reader, &list, node, policy);
    if (policy->rule_count > POLICY_RULES_MAX)
        settings_refuse(reader, &list, node, "has %zu rules; it may have %d", policy->rule_count,
                        (int)POLICY_RULES_MAX);
    if (!node->is_faulty)
        warn_of_unreachable(reader, policy);
    text_table_add(&reader->policies, node->key->text, policy);
}

void settings_read_route_policy(struct settings_reader *reader, const struct setting *setting,
                                struct yaml_node *node, void *target)
{
    const struct policy_settings *policy;

    if (!settings_check_text(reader, setting, node))
        return;
    policy = settings_find_named(reader, &reader->policies, node, "policy", "");
    settings_store_pointer(setting, target, policy);
}
