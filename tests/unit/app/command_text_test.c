/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

#include "app/command_text.h"
#include "app/manual_page.h"

static const struct command_option sail_options[] = {{"--keel", "DIR", "the directory of the keel"},
                                                     {"--log", "FILE", "write a log"},
                                                     {"--wind", "north|south", "whence it blows"},
                                                     {"--speed", "KNOTS", "how fast"},
                                                     {"--now", NULL, "at once"},
                                                     {.name = NULL}};
static const struct command commands[] = {{"sail", NULL, "[FILE]", "go to sea", sail_options},
                                          {"sink", NULL, "", "go down", NULL}};
static const struct command_table table = {commands, 2};

/* What is printed since the last begin(). */
static char printed[16384];

static FILE *begin(void)
{
    memset(printed, 0, sizeof(printed));
    return fmemopen(printed, sizeof(printed), "w");
}

static void assert_printed(const char *text)
{
    if (strstr(printed, text) == NULL)
        fail_msg("'%s' is not in:\n%s", text, printed);
}

TEST(an_option_is_found_by_its_whole_name)
{
    assert_ptr_equal(command_find_option(&commands[0], "--log"), &sail_options[1]);
    assert_ptr_equal(command_find_option(&commands[0], "--log=here"), &sail_options[1]);
    assert_null(command_find_option(&commands[0], "--lo"));
    assert_null(command_find_option(&commands[0], "--logs"));
    assert_null(command_find_option(&commands[0], "--"));
    assert_null(command_find_option(&commands[1], "--log"));
}

TEST(help_shows_every_command_with_its_options)
{
    FILE *to = begin();

    command_print_help(&table, to);
    fclose(to);
    assert_printed("  sallyport sail [FILE] [--keel DIR] [--log FILE] [--wind north|south] "
                   "[--speed KNOTS] [--now]\n      go to sea\n");
    assert_printed("  sallyport sink\n      go down\n");
}

TEST(usage_explains_the_options_of_one)
{
    FILE *to = begin();

    command_print_usage(&commands[0], to);
    fclose(to);
    assert_printed("usage: sallyport sail [FILE] ");
    assert_printed("\n\ngo to sea\n\n  --keel DIR\n      the directory of the keel\n");
    assert_printed("\n  --now\n      at once\n");
}

TEST(the_manual_has_a_section_for_each_command)
{
    FILE *to = begin();

    command_print_manual(&table, to);
    fclose(to);
    assert_printed(
        "\n### `sallyport sail [FILE]`\n\nGo to sea.\n\n- `--keel DIR`: the directory of "
        "the keel.\n");
    assert_printed("\n### `sallyport sink`\n\nGo down.\n\n## Signals\n");
}

TEST(each_shell_completes_values_by_their_kind)
{
    FILE *to = begin();

    assert_true(command_print_completion(&table, "bash", to));
    fclose(to);
    assert_printed("    sail:--keel) _sallyport_reply -d ;;\n");
    assert_printed("    sail:--log) _sallyport_reply -f ;;\n");
    assert_printed("    sail:--wind) _sallyport_reply -W 'north south' ;;\n");
    assert_printed("    sail:--speed) _sallyport_reply -W '' ;;\n");
    assert_printed("    sail:*) _sallyport_reply -f -W '--keel --log --wind --speed --now --help'");
    assert_printed("    sink:*) _sallyport_reply -W '--help' ;;\n");

    to = begin();
    assert_true(command_print_completion(&table, "zsh", to));
    fclose(to);
    assert_printed("        'sail:go to sea'\n");
    assert_printed("'--keel[the directory of the keel]:directory:_files -/'");
    assert_printed("'--wind[whence it blows]:word:(north south)'");
    assert_printed("'--now[at once]' \\\n            '::file:_files' ;;");

    to = begin();
    assert_true(command_print_completion(&table, "fish", to));
    fclose(to);
    assert_printed("-n '__fish_seen_subcommand_from sail' -l log -d 'write a log' -r -F\n");
    assert_printed(" -l wind -d 'whence it blows' -x -a 'north south'\n");
    assert_printed(" -l now -d 'at once'\n");
}

TEST(an_unknown_shell_has_no_completions)
{
    FILE *to = begin();

    assert_false(command_print_completion(&table, "cmd.exe", to));
    fclose(to);
}

static void print_page(const char *markdown)
{
    FILE *to = begin();

    manual_print(&(struct manual_page){"ship", "5", NULL}, markdown, to);
    fclose(to);
}

TEST(markdown_becomes_the_requests_of_a_manual_page)
{
    print_page("# Ship\n\n## Parts\n\nA *long* text\nwith `--code` and **weight**.\n\nMore.\n\n"
               "- one\n- two\n");
    assert_printed(".TH ship 5 ");
    assert_printed("\n.SH Parts\nA \\fIlong\\fR text\nwith \\fB\\-\\-code\\fR and "
                   "\\fBweight\\fR.\n.PP\nMore.\n.IP \\(bu 2\none\n.IP \\(bu 2\ntwo\n");
}

TEST(what_would_be_a_request_is_text)
{
    print_page("## Parts\n\n.so /etc/passwd\n'quoted'\n\n```\n.PP\na\\b *c*\n```\n");
    assert_printed("\n.SH Parts\n\\&.so /etc/passwd\n\\&'quoted'\n");
    assert_printed("\n.EX\n\\&.PP\na\\eb *c*\n.EE\n");
}

TEST(a_star_in_code_is_a_star)
{
    print_page("Say `/admin/*` or `*` and go.\n");
    assert_printed("Say \\fB/admin/*\\fR or \\fB*\\fR and go.\n");
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(an_option_is_found_by_its_whole_name),
                     cmocka_unit_test(help_shows_every_command_with_its_options),
                     cmocka_unit_test(usage_explains_the_options_of_one),
                     cmocka_unit_test(the_manual_has_a_section_for_each_command),
                     cmocka_unit_test(each_shell_completes_values_by_their_kind),
                     cmocka_unit_test(an_unknown_shell_has_no_completions),
                     cmocka_unit_test(markdown_becomes_the_requests_of_a_manual_page),
                     cmocka_unit_test(what_would_be_a_request_is_text),
                     cmocka_unit_test(a_star_in_code_is_a_star));
}
