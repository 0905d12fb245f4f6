/* SPDX-License-Identifier: Apache-2.0
 *
 * Every setting of the table, whatever settings there are: its example loads, and each wrong value
 * is one error at the value's place. A setting that is added is tested by being in the table.
 */
#include "support/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/config/config.h"
#include "app/config/settings_table.h"
#include "runtime/memory.h"

typedef void visitor(const struct settings_mapping *mapping, const struct setting *setting);

static void for_each_setting(visitor *visit)
{
    for (size_t i = 0; i < settings_mapping_count(); i++) {
        const struct settings_mapping *mapping = settings_mapping_get(i);

        for (size_t j = 0; j < mapping->setting_count; j++)
            visit(mapping, &mapping->settings[j]);
    }
}

static void for_each_supported(visitor *visit, const struct settings_mapping *mapping,
                               const struct setting *setting)
{
    if (setting->refusal == NULL)
        visit(mapping, setting);
}

/* Where the files of the examples would be; those that are looked at while loading are there. */
static char directory[] = "/tmp/sallyport-settings-XXXXXX";

static bool make_directories(void)
{
    char *included = NULL;
    bool made;

    if (mkdtemp(directory) == NULL)
        return false;
    included = memory_format("%s/conf.d", directory);
    made = mkdir(included, 0700) == 0;
    memory_release(included);
    return made;
}

static void remove_directories(void)
{
    char *included = memory_format("%s/conf.d", directory);

    rmdir(included);
    rmdir(directory);
    memory_release(included);
}

static struct config *load(const char *text)
{
    return config_load_text(slice_from_text(text), "sallyport.yaml", directory);
}

static const struct config_problem *first_error(const struct config *config)
{
    const struct config_problems *problems = config_problems(config);

    for (size_t i = 0; i < problems->count; i++)
        if (problems->items[i].severity == CONFIG_ERROR)
            return &problems->items[i];
    return NULL;
}

/* What went wrong is of little use without the configuration that it went wrong with. */
static void fail_with(const struct settings_mapping *mapping, const char *text,
                      const struct config *config, const char *expected)
{
    const struct config_problems *problems = config_problems(config);

    for (size_t i = 0; i < problems->count; i++)
        print_error("%u:%u: %s\n", problems->items[i].line, problems->items[i].column,
                    problems->items[i].text);
    fail_msg("expected of %s: %s\n%s", mapping->title, expected, text);
}

/* --- Examples --------------------------------------------------------------------------------- */

static void load_example(const struct settings_mapping *mapping, const struct setting *setting)
{
    struct config *config;
    unsigned line;
    unsigned column;
    char *text;

    assert_non_null(setting->example);
    assert_non_null(setting->meaning);
    text = settings_mapping_format(mapping, setting->example, &line, &column);
    config = load(text);
    if (config_settings(config) == NULL)
        fail_with(mapping, text, config, "no error");
    config_destroy(config);
    memory_release(text);
}

static void load_supported_example(const struct settings_mapping *mapping,
                                   const struct setting *setting)
{
    for_each_supported(load_example, mapping, setting);
}

TEST(every_example_is_a_part_of_a_configuration_that_loads)
{
    for_each_setting(load_supported_example);
}

/* An example that leaves its setting out would prove nothing. */
static void check_example_sets_it(const struct settings_mapping *mapping,
                                  const struct setting *setting)
{
    char *name = memory_format("%s:", setting->name);

    (void)mapping;
    if (setting->refusal == NULL)
        assert_non_null(strstr(setting->example, name));
    memory_release(name);
}

TEST(every_example_is_of_its_setting)
{
    for_each_setting(check_example_sets_it);
}

/* --- Wrong values ----------------------------------------------------------------------------- */

/* Loads the mapping's frame with "NAME: VALUE" in it. There must be one error, at the value, or at
 * the name when there is no value. */
static void expect_refusal(const struct settings_mapping *mapping, const char *name,
                           const char *value, const char *expected)
{
    char *lines = memory_format("%s:%s%s\n", name, value[0] == '\0' ? "" : " ", value);
    unsigned line = 0;
    unsigned column = 0;
    char *text = settings_mapping_format(mapping, lines, &line, &column);
    struct config *config = load(text);
    const struct config_problem *error = first_error(config);

    if (value[0] != '\0')
        column += (unsigned)strlen(name) + 2;
    if (error == NULL || config_problems(config)->errors != 1 || error->line != line ||
        error->column != column || strcmp(error->text, expected) != 0)
        fail_with(mapping, text, config, expected);
    assert_null(config_settings(config));
    config_destroy(config);
    memory_release(text);
    memory_release(lines);
}

/* "'NAME' WHAT" at the value. */
static void expect_complaint(const struct settings_mapping *mapping, const struct setting *setting,
                             const char *value, const char *what)
{
    char *expected = memory_format("'%s' %s", setting->name, what);

    expect_refusal(mapping, setting->name, value, expected);
    memory_release(expected);
}

static void expect_wrong_type(const struct settings_mapping *mapping, const struct setting *setting,
                              const char *value, const char *described)
{
    char *type = setting_format_type(setting);
    char *what = memory_format("must be %s, not %s", type, described);

    expect_complaint(mapping, setting, value, what);
    memory_release(what);
    memory_release(type);
}

static bool is_scalar_type(enum setting_type type)
{
    return type != SETTING_TEXTS && type != SETTING_MAPPING && type != SETTING_ITEMS &&
           type != SETTING_NAMED && type != SETTING_NAMED_LISTS && type != SETTING_SPECIAL;
}

static bool takes(const struct setting *setting, unsigned form)
{
    switch (form) {
    case SETTING_FORM_SCALAR:
        return is_scalar_type(setting->type) || (setting->forms & form) != 0;
    case SETTING_FORM_LIST:
        return setting->type == SETTING_TEXTS || setting->type == SETTING_ITEMS ||
               (setting->forms & form) != 0;
    default:
        return setting->type == SETTING_MAPPING || setting->type == SETTING_NAMED ||
               setting->type == SETTING_NAMED_LISTS || (setting->forms & form) != 0;
    }
}

static void try_wrong_forms(const struct settings_mapping *mapping, const struct setting *setting)
{
    if (setting->refusal != NULL)
        return;
    expect_complaint(mapping, setting, "", "has no value");
    expect_complaint(mapping, setting, "~", "has no value");
    expect_complaint(mapping, setting, "null", "has no value");
    if (!takes(setting, SETTING_FORM_SCALAR))
        expect_wrong_type(mapping, setting, "word", "'word'");
    if (!takes(setting, SETTING_FORM_LIST))
        expect_wrong_type(mapping, setting, "[]", "a list");
    if (!takes(setting, SETTING_FORM_MAPPING))
        expect_wrong_type(mapping, setting, "{}", "a mapping");
}

TEST(a_value_of_the_wrong_form_is_refused_where_it_stands)
{
    for_each_setting(try_wrong_forms);
}

static void try_wrong_scalars(const struct settings_mapping *mapping, const struct setting *setting)
{
    if (setting->refusal != NULL || !takes(setting, SETTING_FORM_SCALAR))
        return;
    expect_complaint(mapping, setting, "\"\"", "is empty");
    expect_refusal(mapping, setting->name, "\"${SALLYPORT_UNSET}\"",
                   "the environment variable 'SALLYPORT_UNSET' is not set");
    expect_complaint(mapping, setting, "\"${SALLYPORT_UNSET:-}\"", "is empty");
    expect_refusal(mapping, setting->name, "${a b}",
                   "'${a b}' is not an expansion; write ${NAME}, ${NAME:-default} or "
                   "${file:PATH}, and $$ for a dollar sign");
    expect_refusal(mapping, setting->name, "\"a\\nb\"",
                   "a line break or control character is not allowed in a value");
}

TEST(a_scalar_is_neither_empty_nor_misexpanded_nor_several_lines)
{
    for_each_setting(try_wrong_scalars);
}

static void try_unquoted_text(const struct settings_mapping *mapping, const struct setting *setting)
{
    bool is_text = setting->type == SETTING_TEXT || setting->type == SETTING_PATH ||
                   setting->type == SETTING_CHOICE;

    if (setting->refusal != NULL || !is_text)
        return;
    if (setting->is_secret) {
        expect_refusal(mapping, setting->name, "1.2", "this is read as a number; quote it");
        return;
    }
    expect_refusal(mapping, setting->name, "1.2", "1.2 is read as a number; quote it");
    expect_refusal(mapping, setting->name, "0x1F", "0x1F is read as a number; quote it");
    expect_refusal(mapping, setting->name, "-.inf", "-.inf is read as a number; quote it");
    expect_refusal(mapping, setting->name, "1e3", "1e3 is read as a number; quote it");
    expect_refusal(mapping, setting->name, "True", "True is read as true or false; quote it");
}

TEST(text_that_yaml_reads_as_something_else_must_be_quoted)
{
    for_each_setting(try_unquoted_text);
}

static void try_wrong_booleans(const struct settings_mapping *mapping,
                               const struct setting *setting)
{
    if (setting->refusal != NULL || setting->type != SETTING_BOOLEAN)
        return;
    expect_complaint(mapping, setting, "yes", "must be true or false, not 'yes'");
    expect_complaint(mapping, setting, "1", "must be true or false, not '1'");
    expect_complaint(mapping, setting, "True", "must be true or false, not 'True'");
    expect_complaint(mapping, setting, "\"true\"", "must be true or false without quotes");
}

TEST(a_boolean_is_true_or_false_and_nothing_else)
{
    for_each_setting(try_wrong_booleans);
}

static void try_wrong_choices(const struct settings_mapping *mapping, const struct setting *setting)
{
    if (setting->refusal != NULL || setting->type != SETTING_CHOICE)
        return;
    expect_wrong_type(mapping, setting, "elsewhere", "'elsewhere'");
    for (const struct setting_choice *choice = setting->choices; choice->name != NULL; choice++) {
        char *expected =
            memory_format("'%s: %s' is not supported yet", setting->name, choice->name);

        if (choice->is_refused)
            expect_refusal(mapping, setting->name, choice->name, expected);
        memory_release(expected);
    }
}

TEST(a_choice_is_one_of_its_words)
{
    for_each_setting(try_wrong_choices);
}

/* --- Numbers ---------------------------------------------------------------------------------- */

static const char *unit_of(const struct setting *setting)
{
    if (setting->type == SETTING_DURATION)
        return "ms";
    return setting->type == SETTING_SIZE ? "B" : "";
}

static void expect_out_of_range(const struct settings_mapping *mapping,
                                const struct setting *setting, const char *value)
{
    char *quoted = memory_format("'%s' is %s; it must be between ", setting->name, value);
    char *lines = memory_format("%s: %s\n", setting->name, value);
    unsigned line = 0;
    unsigned column = 0;
    char *text = settings_mapping_format(mapping, lines, &line, &column);
    struct config *config = load(text);
    const struct config_problem *error = first_error(config);

    if (error == NULL || config_problems(config)->errors != 1 || error->line != line ||
        error->column != column + strlen(setting->name) + 2 ||
        strncmp(error->text, quoted, strlen(quoted)) != 0)
        fail_with(mapping, text, config, quoted);
    config_destroy(config);
    memory_release(text);
    memory_release(lines);
    memory_release(quoted);
}

static void try_range(const struct settings_mapping *mapping, const struct setting *setting)
{
    bool is_number = setting->type == SETTING_DURATION || setting->type == SETTING_SIZE ||
                     setting->type == SETTING_COUNT;
    char *above;

    if (setting->refusal != NULL || !is_number)
        return;
    assert_true(setting->min < setting->max);
    above = memory_format("%" PRIu64 "%s", setting->max + 1, unit_of(setting));
    expect_out_of_range(mapping, setting, above);
    memory_release(above);
    if (setting->min > 0) {
        char *below = memory_format("%" PRIu64 "%s", setting->min - 1, unit_of(setting));

        expect_out_of_range(mapping, setting, below);
        memory_release(below);
    }
}

TEST(a_number_out_of_its_range_is_refused_with_the_range)
{
    for_each_setting(try_range);
}

static void try_wrong_numbers(const struct settings_mapping *mapping, const struct setting *setting)
{
    if (setting->refusal != NULL)
        return;
    if (setting->type == SETTING_DURATION) {
        expect_complaint(mapping, setting, "30", "has no unit: write 30s, or ms, m or h");
        expect_wrong_type(mapping, setting, "30 s", "'30 s'");
        expect_wrong_type(mapping, setting, "1.5s", "'1.5s'");
        expect_wrong_type(mapping, setting, "-1s", "'-1s'");
        expect_wrong_type(mapping, setting, "1d", "'1d'");
        expect_wrong_type(mapping, setting, "1m30s", "'1m30s'");
        expect_wrong_type(mapping, setting, "9999999999999999h", "'9999999999999999h'");
    } else if (setting->type == SETTING_SIZE) {
        expect_wrong_type(mapping, setting, "1KB", "'1KB'");
        expect_wrong_type(mapping, setting, "1k", "'1k'");
        expect_wrong_type(mapping, setting, "1 KiB", "'1 KiB'");
        expect_wrong_type(mapping, setting, "-1", "'-1'");
        expect_wrong_type(mapping, setting, "99999999TiB", "'99999999TiB'");
        expect_out_of_range(mapping, setting, "99999999999999999999");
    } else if (setting->type == SETTING_COUNT) {
        expect_wrong_type(mapping, setting, "many", "'many'");
        expect_wrong_type(mapping, setting, "-1", "'-1'");
        expect_wrong_type(mapping, setting, "1.0", "'1.0'");
        expect_complaint(mapping, setting, "\"2\"", "must be a number without quotes");
        expect_out_of_range(mapping, setting, "99999999999999999999");
    }
}

TEST(a_number_has_a_unit_where_it_needs_one)
{
    for_each_setting(try_wrong_numbers);
}

/* --- Lists ------------------------------------------------------------------------------------ */

static void try_empty_list(const struct settings_mapping *mapping, const struct setting *setting)
{
    char *lines = memory_format("%s: []\n", setting->name);
    bool may_be_empty = strcmp(setting->name, "identity_headers") == 0;

    if (setting->refusal == NULL && takes(setting, SETTING_FORM_LIST) && !may_be_empty) {
        unsigned line = 0;
        unsigned column = 0;
        char *text = settings_mapping_format(mapping, lines, &line, &column);
        struct config *config = load(text);
        const struct config_problem *error = first_error(config);
        char *expected = memory_format("'%s' is empty", setting->name);

        if (error == NULL || config_problems(config)->errors != 1 || error->line != line ||
            strncmp(error->text, expected, strlen(expected)) != 0)
            fail_with(mapping, text, config, expected);
        config_destroy(config);
        memory_release(expected);
        memory_release(text);
    }
    memory_release(lines);
}

TEST(an_empty_list_means_neither_nobody_nor_everybody)
{
    for_each_setting(try_empty_list);
}

static void try_wrong_items(const struct settings_mapping *mapping, const struct setting *setting)
{
    const char *wanted = setting->mapping == NULL ? "text" : "text or a mapping";
    char *lines = memory_format("%s: [[]]\n", setting->name);

    if (setting->type == SETTING_ITEMS || strcmp(setting->name, "routes") == 0)
        wanted = "a mapping";
    if (setting->refusal == NULL && takes(setting, SETTING_FORM_LIST)) {
        /* In place, the list of a profile's files stands for the profile. */
        const char *wanted_here =
            strcmp(setting->name, "trust") == 0 ? "text or a mapping" : wanted;
        char *expected =
            memory_format("each of '%s' must be %s, not a list", setting->name, wanted_here);
        unsigned line = 0;
        unsigned column = 0;
        char *text = settings_mapping_format(mapping, lines, &line, &column);
        struct config *config = load(text);
        const struct config_problem *error = first_error(config);

        if (error == NULL || config_problems(config)->errors != 1 || error->line != line ||
            error->column != column + strlen(setting->name) + 3 ||
            strcmp(error->text, expected) != 0)
            fail_with(mapping, text, config, expected);
        config_destroy(config);
        memory_release(expected);
        memory_release(text);
    }
    memory_release(lines);
}

TEST(a_list_within_a_list_is_refused)
{
    for_each_setting(try_wrong_items);
}

/* --- Names ------------------------------------------------------------------------------------ */

static void try_unknown_name(const struct settings_mapping *mapping, const struct setting *setting)
{
    char *name = memory_format("%s_of_nobody", setting->name);
    char *lines = memory_format("%s: 1\n", name);
    char *expected = memory_format("unknown setting '%s'; ", name);
    unsigned line = 0;
    unsigned column = 0;
    char *text = settings_mapping_format(mapping, lines, &line, &column);
    struct config *config = load(text);
    const struct config_problem *error = first_error(config);

    if (error == NULL || config_problems(config)->errors != 1 || error->line != line ||
        error->column != column || strncmp(error->text, expected, strlen(expected)) != 0)
        fail_with(mapping, text, config, expected);
    config_destroy(config);
    memory_release(text);
    memory_release(expected);
    memory_release(lines);
    memory_release(name);
}

TEST(an_unknown_name_is_refused_where_it_stands)
{
    for_each_setting(try_unknown_name);
}

/* One letter doubled at the end is near to the name, and to no other. */
static void try_misspelt_name(const struct settings_mapping *mapping, const struct setting *setting)
{
    size_t size = strlen(setting->name);
    char *lines = memory_format("%s%c: 1\n", setting->name, setting->name[size - 1]);
    char *expected = memory_format("unknown setting '%s%c'; did you mean '%s'?", setting->name,
                                   setting->name[size - 1], setting->name);
    unsigned line = 0;
    unsigned column = 0;
    char *text = settings_mapping_format(mapping, lines, &line, &column);
    struct config *config = load(text);
    const struct config_problem *error = first_error(config);

    if (error == NULL || config_problems(config)->errors != 1 || error->line != line ||
        error->column != column || strcmp(error->text, expected) != 0)
        fail_with(mapping, text, config, expected);
    config_destroy(config);
    memory_release(text);
    memory_release(expected);
    memory_release(lines);
}

TEST(a_misspelt_name_is_answered_with_the_name)
{
    for_each_setting(try_misspelt_name);
}

static void try_refused_name(const struct settings_mapping *mapping, const struct setting *setting)
{
    char *lines = memory_format("%s: { anything: [1, \"${X:-x}\"] }\n", setting->name);

    if (setting->refusal != NULL) {
        char *expected = memory_format("'%s' %s", setting->name, setting->refusal);
        unsigned line = 0;
        unsigned column = 0;
        char *text = settings_mapping_format(mapping, lines, &line, &column);
        struct config *config = load(text);
        const struct config_problem *error = first_error(config);

        if (error == NULL || config_problems(config)->errors != 1 || error->line != line ||
            error->column != column || strcmp(error->text, expected) != 0)
            fail_with(mapping, text, config, expected);
        config_destroy(config);
        memory_release(expected);
        memory_release(text);
    }
    memory_release(lines);
}

TEST(what_is_not_supported_yet_is_refused_by_name)
{
    for_each_setting(try_refused_name);
}

/* --- Documentation ---------------------------------------------------------------------------- */

static char *documentation;

static void find_in_documentation(const struct settings_mapping *mapping,
                                  const struct setting *setting)
{
    char *heading = memory_format("\n## %s\n", mapping->title);
    const char *section = strstr(documentation, heading);
    const char *found;
    char *name = setting->refusal == NULL ? memory_format("\n### `%s`\n", setting->name)
                                          : memory_format("`%s`", setting->name);

    assert_non_null(section);
    found = strstr(section, name);
    if (found == NULL && setting->refusal == NULL)
        fail_msg("'%s' is not documented", setting->name);
    if (setting->refusal == NULL) {
        assert_non_null(strstr(found, setting->meaning));
        assert_non_null(strstr(found, setting->example));
    }
    memory_release(name);
    memory_release(heading);
}

TEST(every_setting_is_documented_with_its_meaning_and_example)
{
    documentation = config_format_documentation();
    for_each_setting(find_in_documentation);
    memory_release(documentation);
}

TEST(the_documentation_says_type_range_and_default)
{
    char *text = config_format_documentation();

    assert_non_null(
        strstr(text, "### `keep_alive`\n\n*a duration such as 30s, between 1ms and 24h.* Default: "
                     "`75s`.\n"));
    assert_non_null(strstr(text, "### `request_header_size`\n\n*a size such as 64KiB, between 1KiB "
                                 "and 64KiB.* Default: `32KiB`.\n"));
    assert_non_null(strstr(
        text, "### `mode`\n\n*required, optional, unverified or none.* Default: `required`."));
    assert_non_null(strstr(text, "### `address`\n\n*text.* Required.\n"));
    assert_non_null(strstr(text, "### `paths`\n\n*a list of text.* When left out: every path.\n"));
    assert_non_null(strstr(text, "Not supported yet: `protocol`, "));
    memory_release(text);
}

int main(void)
{
    int failed = 1;

    if (make_directories())
        failed =
            RUN_TESTS(cmocka_unit_test(every_example_is_a_part_of_a_configuration_that_loads),
                      cmocka_unit_test(every_example_is_of_its_setting),
                      cmocka_unit_test(a_value_of_the_wrong_form_is_refused_where_it_stands),
                      cmocka_unit_test(a_scalar_is_neither_empty_nor_misexpanded_nor_several_lines),
                      cmocka_unit_test(text_that_yaml_reads_as_something_else_must_be_quoted),
                      cmocka_unit_test(a_boolean_is_true_or_false_and_nothing_else),
                      cmocka_unit_test(a_choice_is_one_of_its_words),
                      cmocka_unit_test(a_number_out_of_its_range_is_refused_with_the_range),
                      cmocka_unit_test(a_number_has_a_unit_where_it_needs_one),
                      cmocka_unit_test(an_empty_list_means_neither_nobody_nor_everybody),
                      cmocka_unit_test(a_list_within_a_list_is_refused),
                      cmocka_unit_test(an_unknown_name_is_refused_where_it_stands),
                      cmocka_unit_test(a_misspelt_name_is_answered_with_the_name),
                      cmocka_unit_test(what_is_not_supported_yet_is_refused_by_name),
                      cmocka_unit_test(every_setting_is_documented_with_its_meaning_and_example),
                      cmocka_unit_test(the_documentation_says_type_range_and_default));
    remove_directories();
    return failed;
}
