/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration in effect: complete, loadable, and without secrets. And the JSON Schema, which
 * must accept whatever is a configuration: the examples of all settings are held against it by a
 * small validator, as are values of every wrong type.
 */
#include "support/test.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/config/config.h"
#include "app/config/settings_table.h"
#include "app/config/yaml_document_internal.h"
#include "runtime/file.h"
#include "runtime/memory.h"

static char directory[] = "/tmp/sallyport-effective-XXXXXX";

static struct config *load(const char *text)
{
    return config_load_text(slice_from_text(text), "sallyport.yaml", directory);
}

static char *effective_of(const char *text)
{
    struct config *config = load(text);
    char *effective;

    if (config_settings(config) == NULL)
        fail_msg("%u:%u: %s in:\n%s", config_problems(config)->items[0].line,
                 config_problems(config)->items[0].column, config_problems(config)->items[0].text,
                 text);
    effective = config_format_effective(config);
    config_destroy(config);
    return effective;
}

static const char smallest[] =
    "version: 1\nlisteners:\n  - address: \":8443\"\n"
    "    tls: { certificates: [{ chain: server.pem, key: /etc/server.key }] }\n"
    "    client_certificate: { trust: [client-ca.pem] }\n"
    "    routes: [{ backend: \"http://127.0.0.1:8080\" }]\n";

/* --- In effect -------------------------------------------------------------------------------- */

static void expect_line(const char *text, const char *expected)
{
    char *line = memory_format("\n%s\n", expected);

    if (strstr(text, line) == NULL)
        fail_msg("'%s' is not in:\n%s", expected, text);
    memory_release(line);
}

TEST(what_nobody_said_is_in_effect_with_its_default)
{
    char *effective = effective_of(smallest);
    char *chain = memory_format("        - chain: \"%s/server.pem\"", directory);

    assert_memory_equal(effective, "version: 1\nlisteners:\n  - address: \":8443\"\n", 41);
    expect_line(effective, chain);
    expect_line(effective, "          key: \"/etc/server.key\"");
    expect_line(effective, "      policy:");
    expect_line(effective, "        min_version: \"1.2\"");
    expect_line(effective, "      mode: required");
    expect_line(effective, "    identity_headers:\n      - client-cert");
    expect_line(effective, "limits:");
    expect_line(effective, "  keep_alive: 75s");
    expect_line(effective, "log:");
    expect_line(effective, "  access:");
    expect_line(effective, "    to: stdout");
    expect_line(effective, "workers: auto");
    expect_line(effective, "confinement: on");
    memory_release(effective);
    memory_release(chain);
}

TEST(secrets_are_not_shown)
{
    struct error error = {0};
    char *path = memory_format("%s/secret", directory);
    char *effective;

    assert_true(file_write_private(path, SLICE("hunter2\n"), &error));
    effective = effective_of("version: 1\nlisteners:\n  - address: \":1\"\n"
                             "    server_token: ${file:secret}\n"
                             "    tls: { certificates: [{ pfx: a, password: hunter2 }, { chain: a, "
                             "key: b, key_password: \"${SALLYPORT_UNSET:-hunter2}\" }] }\n"
                             "    client_certificate: { mode: none }\n"
                             "    routes: [{ backend: \"http://127.0.0.1:8080\" }]\n");
    assert_null(strstr(effective, "hunter2"));
    expect_line(effective, "    server_token: \"***\"");
    expect_line(effective, "          password: \"***\"");
    expect_line(effective, "          key_password: \"***\"");
    memory_release(effective);
    unlink(path);
    memory_release(path);
}

TEST(what_is_in_effect_is_written_so_that_it_is_read_as_the_same)
{
    char *effective =
        effective_of("version: 1\nlisteners:\n  - address: \":1\"\n"
                     "    server_token: a$$b\n    name: \"12\"\n"
                     "    hosts: [\"true.example\", \"*.example\"]\n"
                     "    tls: { certificates: [{ chain: \"a\\\"$${b}\", key: b }] }\n"
                     "    client_certificate: { mode: none }\n"
                     "    routes: [{ backend: \"http://127.0.0.1:8080\" }]\n"
                     "workers: ${SALLYPORT_UNSET:-3}\n");
    char *chain = memory_format("        - chain: \"%s/a\\\"$${b}\"", directory);

    expect_line(effective, "    server_token: \"a$$b\"");
    expect_line(effective, "  - name: \"12\"");
    expect_line(effective, "      - \"*.example\"");
    expect_line(effective, "workers: 3");
    expect_line(effective, chain);
    memory_release(effective);
    memory_release(chain);
}

typedef void visitor(const struct settings_mapping *mapping, const struct setting *setting,
                     const char *text);

/* A whole configuration with the example of each setting. */
static void for_each_example(visitor *visit)
{
    for (size_t i = 0; i < settings_mapping_count(); i++) {
        const struct settings_mapping *mapping = settings_mapping_get(i);

        for (size_t j = 0; j < mapping->setting_count; j++) {
            unsigned line;
            unsigned column;
            char *text;

            if (mapping->settings[j].refusal != NULL)
                continue;
            text = settings_mapping_format(mapping, mapping->settings[j].example, &line, &column);
            visit(mapping, &mapping->settings[j], text);
            memory_release(text);
        }
    }
}

static void read_again(const struct settings_mapping *mapping, const struct setting *setting,
                       const char *text)
{
    char *once = effective_of(text);
    char *twice = effective_of(once);

    (void)mapping;
    (void)setting;
    assert_string_equal(once, twice);
    memory_release(once);
    memory_release(twice);
}

TEST(what_is_in_effect_is_a_configuration_that_is_in_effect_as_it_is)
{
    for_each_example(read_again);
}

/* --- The schema ------------------------------------------------------------------------------- */

static struct yaml_node *schema;

static const struct yaml_node *definition_of(const struct yaml_node *reference)
{
    const char *name = strrchr(reference->text.data, '/') + 1;
    const struct yaml_node *found = yaml_node_find(yaml_node_find(schema, "definitions"), name);

    assert_non_null(found);
    return found;
}

static bool is_of_type(const struct yaml_node *type, const struct yaml_node *value)
{
    const char *name = "object";

    if (type->kind == YAML_SEQUENCE) {
        for (const struct yaml_node *one = type->first; one != NULL; one = one->next)
            if (is_of_type(one, value))
                return true;
        return false;
    }
    if (value->kind == YAML_SEQUENCE)
        name = "array";
    else if (value->kind == YAML_SCALAR)
        name = yaml_node_type(value) == YAML_NUMBER
                   ? "number"
                   : (yaml_node_type(value) == YAML_BOOLEAN ? "boolean" : "string");
    return strcmp(type->text.data, name) == 0 ||
           (strcmp(type->text.data, "integer") == 0 && strcmp(name, "number") == 0 &&
            slice_find(value->text, '.') == value->text.size);
}

static bool matches(const struct yaml_node *pattern, const struct yaml_node *value)
{
    regex_t expression;
    bool found;

    assert_int_equal(regcomp(&expression, pattern->text.data, REG_EXTENDED | REG_NOSUB), 0);
    found = regexec(&expression, value->text.data, 0, NULL, 0) == 0;
    regfree(&expression);
    return found;
}

static bool is_valid(const struct yaml_node *rules, const struct yaml_node *value);

static size_t count_valid(const struct yaml_node *all, const struct yaml_node *value)
{
    size_t count = 0;

    for (const struct yaml_node *rules = all->first; rules != NULL; rules = rules->next)
        count += is_valid(rules, value);
    return count;
}

static bool are_properties_valid(const struct yaml_node *rules, const struct yaml_node *value)
{
    const struct yaml_node *properties = yaml_node_find(rules, "properties");
    const struct yaml_node *additional = yaml_node_find(rules, "additionalProperties");
    const struct yaml_node *required = yaml_node_find(rules, "required");

    for (const struct yaml_node *one = value->first; one != NULL; one = one->next) {
        const struct yaml_node *own =
            properties == NULL ? NULL : yaml_node_find(properties, one->key->text.data);

        if (own == NULL && (additional->kind == YAML_SCALAR || !is_valid(additional, one)))
            return false;
        if (own != NULL && !is_valid(own, one))
            return false;
    }
    for (const struct yaml_node *name = required == NULL ? NULL : required->first; name != NULL;
         name = name->next)
        if (yaml_node_find(value, name->text.data) == NULL)
            return false;
    return true;
}

static uint64_t number_of(const struct yaml_node *node)
{
    uint64_t number = 0;

    assert_true(slice_parse_u64(node->text, &number));
    return number;
}

/* Of draft 7 what the schema uses. */
static bool is_valid(const struct yaml_node *rules, const struct yaml_node *value)
{
    for (const struct yaml_node *rule = rules->first; rule != NULL; rule = rule->next) {
        const char *name = rule->key->text.data;
        bool holds = true;

        if (strcmp(name, "$ref") == 0)
            holds = is_valid(definition_of(rule), value);
        else if (strcmp(name, "type") == 0)
            holds = is_of_type(rule, value);
        else if (strcmp(name, "anyOf") == 0)
            holds = count_valid(rule, value) > 0;
        else if (strcmp(name, "allOf") == 0)
            holds = count_valid(rule, value) == rule->count;
        else if (strcmp(name, "pattern") == 0)
            holds = matches(rule, value);
        else if (strcmp(name, "minimum") == 0)
            holds = number_of(value) >= number_of(rule);
        else if (strcmp(name, "maximum") == 0)
            holds = number_of(value) <= number_of(rule);
        else if (strcmp(name, "minLength") == 0)
            holds = value->text.size >= number_of(rule);
        else if (strcmp(name, "minItems") == 0)
            holds = value->count >= number_of(rule);
        else if (strcmp(name, "items") == 0)
            for (const struct yaml_node *item = value->first; item != NULL; item = item->next)
                holds = holds && is_valid(rule, item);
        else if (strcmp(name, "enum") == 0) {
            holds = false;
            for (const struct yaml_node *one = rule->first; one != NULL; one = one->next)
                holds = holds || slice_equals(one->text, value->text);
        } else if (strcmp(name, "properties") == 0) {
            holds = are_properties_valid(rules, value);
        } else if (strcmp(name, "additionalProperties") == 0) {
            holds =
                yaml_node_find(rules, "properties") != NULL || are_properties_valid(rules, value);
        } else if (strcmp(name, "title") != 0 && strcmp(name, "description") != 0 &&
                   strcmp(name, "default") != 0 && strcmp(name, "required") != 0 &&
                   strcmp(name, "$schema") != 0 && strcmp(name, "definitions") != 0) {
            fail_msg("the schema says '%s'", name);
        }
        if (!holds)
            return false;
    }
    return true;
}

static struct yaml_node *parse(const char *text, struct config_memory *memory)
{
    struct problem_report report;

    problem_report_init(&report, memory, "test");
    return yaml_document_parse(slice_from_text(text), "test", memory, &report);
}

static bool does_schema_accept(const char *text)
{
    struct config_memory memory = {0};
    struct yaml_node *value = parse(text, &memory);
    bool accepts;

    assert_non_null(value);
    accepts = is_valid(schema, value);
    config_memory_release(&memory);
    return accepts;
}

static void hold_against_schema(const struct settings_mapping *mapping,
                                const struct setting *setting, const char *text)
{
    if (!does_schema_accept(text))
        fail_msg("%s.%s: the schema refuses:\n%s", mapping->title, setting->name, text);
}

TEST(the_schema_accepts_every_example)
{
    for_each_example(hold_against_schema);
    assert_true(does_schema_accept(smallest));
}

static void expect_refused(const struct settings_mapping *mapping, const char *name,
                           const char *value)
{
    char *lines = memory_format("%s: %s\n", name, value);
    unsigned line;
    unsigned column;
    char *text = settings_mapping_format(mapping, lines, &line, &column);

    if (does_schema_accept(text))
        fail_msg("%s: the schema accepts:\n%s", mapping->title, text);
    memory_release(text);
    memory_release(lines);
}

static void try_wrong_values(const struct settings_mapping *mapping, const struct setting *setting,
                             const char *text)
{
    bool is_scalar = setting->type <= SETTING_CHOICE && setting->type != SETTING_TEXTS;

    (void)text;
    expect_refused(mapping, "no_such_setting", "1");
    if (is_scalar || setting->type == SETTING_MAPPING || setting->type == SETTING_NAMED ||
        setting->type == SETTING_NAMED_LISTS)
        expect_refused(mapping, setting->name, "[]");
    if (is_scalar || setting->type == SETTING_TEXTS || setting->type == SETTING_ITEMS)
        expect_refused(mapping, setting->name, "{}");
    if (!is_scalar && (setting->forms & SETTING_FORM_SCALAR) == 0)
        expect_refused(mapping, setting->name, "word");
    if (setting->type == SETTING_TEXTS || setting->type == SETTING_ITEMS)
        expect_refused(mapping, setting->name, "[]");
    if (setting->type == SETTING_TEXT || setting->type == SETTING_PATH)
        expect_refused(mapping, setting->name, "12");
    if (setting->type == SETTING_BOOLEAN || setting->type == SETTING_CHOICE ||
        setting->type == SETTING_COUNT || setting->type == SETTING_DURATION ||
        setting->type == SETTING_SIZE)
        expect_refused(mapping, setting->name, "elsewhere");
}

TEST(the_schema_refuses_wrong_types_and_unknown_names)
{
    for_each_example(try_wrong_values);
    assert_false(does_schema_accept("version: 1\n"));
}

int main(void)
{
    struct config_memory memory = {0};
    char *text = config_format_schema();
    char *folder;
    int failed = 1;

    schema = parse(text, &memory);
    if (mkdtemp(directory) != NULL && schema != NULL) {
        folder = memory_format("%s/conf.d", directory);
        mkdir(folder, 0700);
        failed = RUN_TESTS(
            cmocka_unit_test(what_nobody_said_is_in_effect_with_its_default),
            cmocka_unit_test(secrets_are_not_shown),
            cmocka_unit_test(what_is_in_effect_is_written_so_that_it_is_read_as_the_same),
            cmocka_unit_test(what_is_in_effect_is_a_configuration_that_is_in_effect_as_it_is),
            cmocka_unit_test(the_schema_accepts_every_example),
            cmocka_unit_test(the_schema_refuses_wrong_types_and_unknown_names));
        rmdir(folder);
        rmdir(directory);
        memory_release(folder);
    }
    config_memory_release(&memory);
    memory_release(text);
    return failed;
}
