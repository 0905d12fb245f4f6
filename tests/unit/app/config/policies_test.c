/* SPDX-License-Identifier: Apache-2.0
 *
 * Policies in a configuration: what is wrong with them, word for word and place for place, and what
 * is warned of.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/config/config.h"
#include "app/config/settings_table_internal.h"
#include "gateway/policy/policy.h"

struct problem_case {
    const char *rules; /* from line 9 on, below "policies:\n  p:\n" */
    const char *expected;
};

#define HEAD                                                                                       \
    "version: 1\n"                                                                                 \
    "listeners:\n"                                                                                 \
    "  - address: \":8443\"\n"                                                                     \
    "    tls: { certificates: [{ chain: s.pem, key: s.key }] }\n"                                  \
    "    client_certificate: { mode: none }\n"                                                     \
    "    routes: [{ backend: \"http://h\", policy: p }]\n"                                         \
    "policies:\n"                                                                                  \
    "  p:\n"

#define DIGEST "ab3ce4c2f21d6a94b5d5a4f0b1e9f4f3c2d1e0ffeeddccbbaa99887766554433"

static char *list_problems(const char *text)
{
    struct config *config = config_load_text(slice_from_text(text), "sallyport.yaml", "/etc");
    const struct config_problems *problems = config_problems(config);
    char *list = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&list, &size);

    for (size_t i = 0; i < problems->count; i++)
        fprintf(stream, "%u:%u: %s: %s\n", problems->items[i].line, problems->items[i].column,
                problems->items[i].severity == CONFIG_ERROR ? "error" : "warning",
                problems->items[i].text);
    config_destroy(config);
    fclose(stream);
    return list;
}

static void check(const char *text, const char *expected)
{
    char *problems = list_problems(text);

    if (strcmp(problems, expected) != 0)
        fail_msg("expected:\n%sfound:\n%sof:\n%s", expected, problems, text);
    free(problems);
}

static void check_cases(const struct problem_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[4096];

        snprintf(text, sizeof(text), "%s%s", HEAD, cases[i].rules);
        check(text, cases[i].expected);
    }
}

#define CHECK_CASES(cases) check_cases(cases, sizeof(cases) / sizeof(*(cases)))

TEST(each_wrong_value_is_refused_where_it_stands)
{
    static const struct problem_case cases[] = {
        {"    - allow: { san_dns: a.test }\n", ""},
        {"    - allow: { san_dns: \"*\" }\n", "9:25: error: '*' would match every name\n"},
        {"    - allow: { san_dns: [a.test, \"b c\"] }\n",
         "9:34: error: 'b c' is not a DNS name such as a.example.com or *.example.com\n"},
        {"    - allow: { san_dns: [a.test, a.test] }\n",
         "9:34: error: 'a.test' is in this list twice; the first is on line 9\n"},
        {"    - allow: { san_uri: \"spiffe://*/x\" }\n",
         "9:25: error: 'spiffe://*/x' has a '*' in front of the path, where it would match what "
         "others own\n"},
        {"    - allow: { san_email: alice }\n",
         "9:27: error: 'alice' is not an e-mail address such as alice@example.com or "
         "*@example.com\n"},
        {"    - allow: { san_upn: \"*@*\" }\n", "9:25: error: '*@*' would match every host\n"},
        {"    - allow: { sid: S-1-x }\n",
         "9:21: error: 'S-1-x' is not a security identifier such as S-1-5-21-1-2-3-1104 or "
         "S-1-5-21-1-2-3-*\n"},
        {"    - allow: { fingerprint_sha256: ab }\n",
         "9:36: error: 'ab' is not a SHA-256 digest: 64 hexadecimal digits, with or without "
         "colons\n"},
        {"    - allow: { fingerprint_sha1: " DIGEST " }\n",
         "9:34: error: '" DIGEST "' is not a SHA-1 digest: 40 hexadecimal digits, with or without "
         "colons\n"},
        {"    - allow: { subject: \"C=DE,O=A,CN=x\" }\n",
         "9:25: error: this name is written from the other end: begin with CN, as in "
         "'CN=alice,O=A'\n"},
        {"    - allow: { subject: [\"CN=a\", alice] }\n",
         "9:34: error: 'alice' is not TYPE=VALUE\n"},
        {"    - allow: { subject: { ORG: A } }\n",
         "9:27: error: unknown setting 'ORG'; known here: CN, O, OU, C, ST, L, DC, UID, GN, SN, "
         "street, title, serialNumber, emailAddress, organizationIdentifier, others\n"},
        {"    - allow: { subject: {} }\n",
         "9:25: error: 'subject' is empty, and would match every name\n"},
        {"    - allow: { subject: { others: \"x=y\" } }\n",
         "9:35: error: 'x=y' is not TYPE=VALUE, such as 2.5.4.97=VATDE-123456789\n"},
        {"    - allow: { eku: client }\n",
         "9:21: error: 'client' is not an object identifier such as 1.3.6.1.5.5.7.3.2\n"},
        {"    - allow: { key_type: dsa }\n",
         "9:26: error: 'dsa' is not a type of key: rsa, ec, ed25519 or ed448\n"},
        {"    - allow: { key_bits_min: 2, key_bits_max: 1 }\n",
         "9:30: error: 'key_bits_min' is more than 'key_bits_max': no key matches\n"},
        {"    - allow: { expires_after: 2h, expires_within: 2h }\n",
         "9:31: error: 'expires_after' is not less than 'expires_within': no certificate "
         "matches\n"},
        {"    - allow: { methods: get }\n",
         "9:25: error: 'get' is not a method; methods are like GET, in upper case\n"},
        {"    - allow: { hosts: \"a b\" }\n",
         "9:23: error: 'a b' is not a host such as example.com or *.example.com\n"},
        {"    - allow: { times: noon }\n",
         "9:23: error: 'noon' is not a time: write 'mon-fri 08:00-18:00', 'sat,sun' or "
         "'22:00-06:00', in UTC\n"},
        {"    - allow: { methods: [] }\n",
         "9:25: error: 'methods' is empty; leave it out for any\n"},
        {"    - allow: { fingerprints_at_least: 7, methods: GET }\n",
         "9:39: error: 'fingerprints_at_least' has no effect without 'fingerprints_file'\n"},
        {"    - deny: { serials: [{ numbers: 0a }] }\n",
         "9:25: error: 'issuer' or 'issuer_key' is missing\n"},
        {"    - deny: { serials: [{ issuer: a.pem, issuer_key: " DIGEST ", numbers: 0a }] }\n",
         "9:54: error: 'issuer' says the key already\n"},
        {"    - deny: { serials: [{ issuer: a.pem, numbers: xyz }] }\n",
         "9:51: error: 'xyz' is not a serial number in hexadecimal\n"},
        {"    - deny: { serials: [{ issuer: a.pem, numbers: 1234 }] }\n",
         "9:51: error: 1234 is read as a number; quote it\n"},
    };

    CHECK_CASES(cases);
}

TEST(a_rule_says_one_thing)
{
    static const struct problem_case cases[] = {
        {"    - allow: {}\n",
         "9:14: error: a rule without conditions would match everybody; if that is meant, write "
         "'everybody: true'\n"},
        {"    - deny: {}\n",
         "9:13: error: a rule without conditions would match everybody; if that is meant, write "
         "'everybody: true'\n"},
        {"    - allow: { everybody: true }\n", ""},
        {"    - allow: { everybody: false }\n",
         "9:27: error: 'everybody' must be true, or left out\n"},
        {"    - allow: { everybody: true, methods: GET }\n",
         "9:27: error: 'everybody' stands alone: a rule with conditions is not for everybody\n"},
        {"    - { user: x }\n", "9:7: error: a rule needs 'allow' or 'deny'\n"},
        {"    - { allow: { methods: GET }, deny: { methods: GET } }\n",
         "9:40: error: a rule has 'allow' or 'deny', not both\n"},
        {"    - { deny: { methods: GET }, user: x }\n",
         "9:39: error: 'user' has no effect with 'deny'\n"},
        {"    - { allow: { methods: GET }, user: \"a b\" }\n",
         "9:40: error: 'a b' is not a user: printable ASCII without blanks, at most 256 "
         "characters\n"},
        {"    []\n", "9:5: error: 'p' is empty\n"},
    };

    CHECK_CASES(cases);
}

TEST(what_is_likely_a_mistake_is_warned_of)
{
    static const struct problem_case cases[] = {
        {"    - deny: { fingerprint_sha256: " DIGEST " }\n"
         "    - allow: { everybody: true }\n",
         "9:15: warning: who is denied by fingerprint can encode the certificate's signature anew "
         "and gets another one: deny by 'serials' or 'key_sha256'\n"},
        {"    - deny: { key_sha256: " DIGEST " }\n"
         "    - allow: { everybody: true }\n",
         ""},
        {"    - allow: { everybody: true }\n"
         "    - deny: { methods: GET }\n",
         "10:7: warning: this rule is never reached: the one on line 9 matches "
         "everybody\n"},
    };

    CHECK_CASES(cases);
}

TEST(a_route_names_a_policy_that_there_is)
{
    check("version: 1\n"
          "listeners:\n"
          "  - address: \":8443\"\n"
          "    tls: { certificates: [{ chain: s.pem, key: s.key }] }\n"
          "    client_certificate: { mode: none }\n"
          "    routes: [{ backend: \"http://h\", policy: order, policy_trial: order }]\n"
          "policies:\n"
          "  orders: [{ allow: { methods: GET } }]\n",
          "6:45: error: there is no policy 'order'; did you mean 'orders'?\n"
          "6:66: error: there is no policy 'order'; did you mean 'orders'?\n");
}

/* The table of settings and the policy's own list of names go by the same order. */
TEST(the_attributes_of_names_are_in_the_same_order)
{
    for (size_t i = 0; policy_attribute_name(i) != NULL; i++) {
        assert_string_equal(policy_name_mapping.settings[i].name, policy_attribute_name(i));
        assert_int_equal(policy_name_mapping.settings[i].offset,
                         offsetof(struct policy_name_settings, attributes) +
                             i * sizeof(const char *const *));
    }
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(each_wrong_value_is_refused_where_it_stands),
                     cmocka_unit_test(a_rule_says_one_thing),
                     cmocka_unit_test(what_is_likely_a_mistake_is_warned_of),
                     cmocka_unit_test(a_route_names_a_policy_that_there_is),
                     cmocka_unit_test(the_attributes_of_names_are_in_the_same_order));
}
