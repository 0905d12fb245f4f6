/* SPDX-License-Identifier: Apache-2.0
 *
 * Each setting by which clients are judged, flipped in turn, as the table has it: whatever was
 * decided before must not count any more. A setting that is added is tested by being in the table
 * (peers.md row 7, CVE-2022-21654; row 36: no setting is without effect).
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/config/config.h"
#include "app/config/settings_table.h"
#include "gateway/backend/backend_registry.h"
#include "gateway/generation/generation.h"
#include "gateway/identity/presented_certificate.h"
#include "gateway/identity/verdict.h"
#include "protocol/tls/tls_session_store.h"
#include "runtime/memory.h"
#include "runtime/text_builder.h"
#include "support/certificate_fixture.h"

static char directory[] = "/tmp/sallyport-judging-XXXXXX";

/* The files that the examples of the table name, and what they hold. */
enum content { ROOT, OTHER, BOTH, CHAIN, KEY };
static const struct {
    const char *name;
    enum content content;
} FILES[] = {
    {"anchors.pem", ROOT},     {"internal-ca.pem", OTHER}, {"contoso.pem", BOTH},
    {"issuing-ca.pem", OTHER}, {"new-root.pem", OTHER},    {"partners.pem", OTHER},
    {"client-ca.pem", BOTH},   {"server.pem", CHAIN},      {"server.key", KEY},
    {"admins.pem", OTHER},
};

static struct fixture root;
static struct fixture other;
static struct fixture alice;

static void write_file(const char *name, struct fixture_bytes bytes)
{
    char *path = memory_format("%s/%s", directory, name);
    FILE *file = fopen(path, "w");

    fixture_demand(file != NULL && fwrite(bytes.data, 1, bytes.size, file) == bytes.size, path);
    fclose(file);
    free(bytes.data);
    memory_release(path);
}

static void make_files(void)
{
    root = fixture_root("Root");
    other = fixture_root("Other");
    alice = fixture_leaf("alice", &root);
    fixture_demand(mkdtemp(directory) != NULL, directory);
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        X509 *certificates[] = {root.certificate, other.certificate};

        if (FILES[i].content == KEY)
            write_file(FILES[i].name, fixture_key_pem(alice.key));
        else if (FILES[i].content == CHAIN)
            write_file(FILES[i].name, fixture_pem(&alice.certificate, 1));
        else if (FILES[i].content == BOTH)
            write_file(FILES[i].name, fixture_pem(certificates, 2));
        else
            write_file(FILES[i].name, fixture_pem(&certificates[FILES[i].content], 1));
    }
}

static void remove_files(void)
{
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        char *path = memory_format("%s/%s", directory, FILES[i].name);

        unlink(path);
        memory_release(path);
    }
    rmdir(directory);
    fixture_free(&alice);
    fixture_free(&other);
    fixture_free(&root);
}

/* What one configuration comes to. */
struct built {
    struct config *config;
    struct tls_session_store *sessions;
    struct backend_registry *backends;
    struct generation *generation;
    const struct listener *listener;
};

static void build(struct built *built, const char *text)
{
    static const struct tls_session_store_settings sessions = {.bytes_max = 0};
    struct error error = {.kind = ERROR_NONE};
    struct generation_facts facts = {0};

    built->config = config_load_text(slice_from_text(text), "a.yaml", directory);
    if (config_settings(built->config) == NULL)
        fail_msg("%s\n%s", config_problems(built->config)->items[0].text, text);
    built->sessions = facts.sessions = tls_session_store_create(&sessions);
    built->backends = facts.backends = backend_registry_create(1);
    built->generation = generation_create(config_settings(built->config), &facts, &error);
    if (built->generation == NULL)
        fail_msg("%s\n%s", error.text, text);
    built->listener = listener_group_get(generation_group(built->generation, 0), 0);
}

static void unbuild(struct built *built)
{
    generation_release(built->generation);
    backend_registry_destroy(built->backends);
    tls_session_store_destroy(built->sessions);
    config_destroy(built->config);
}

/* The lines of an example, further in; and a line of the frame only when the example does not set
 * the same. */
static char *make_text(const char *frame, const char *base_name, const char *base,
                       unsigned indentation, const char *name, const char *example)
{
    struct text_builder text = {0};

    text_builder_add_format(&text, "%s%s", frame, strcmp(name, base_name) == 0 ? "" : base);
    for (const char *from = example; *from != '\0'; from++) {
        if (from == example || from[-1] == '\n')
            text_builder_add_format(&text, "%*s", (int)indentation, "");
        text_builder_add(&text, slice_from(from, 1));
    }
    return text_builder_take(&text);
}

static const char TRUST_FRAME[] =
    "version: 1\n"
    "listeners:\n"
    "  - address: \"127.0.0.1:0\"\n"
    "    tls: { certificates: [{ chain: server.pem, key: server.key }] }\n"
    "    client_certificate: { trust: partners }\n"
    "    routes: [{ backend: \"http://127.0.0.1:8080\" }]\n"
    "trust_profiles:\n"
    "  partners:\n";

static const char LISTENER_FRAME[] =
    "version: 1\n"
    "trust_profiles: { partners: { anchors: [partners.pem] } }\n"
    "listeners:\n"
    "  - address: \"127.0.0.1:0\"\n"
    "    tls: { certificates: [{ chain: server.pem, key: server.key }] }\n"
    "    routes: [{ backend: \"http://127.0.0.1:8080\" }]\n"
    "    client_certificate:\n";

static const struct settings_mapping *find_mapping(const char *title)
{
    for (size_t i = 0; i < settings_mapping_count(); i++)
        if (strcmp(settings_mapping_get(i)->title, title) == 0)
            return settings_mapping_get(i);
    fail_msg("no mapping '%s'", title);
    return NULL;
}

static bool is_in(const char *const *names, const char *name)
{
    for (; *names != NULL; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

/* Whether what was decided under one counts under the other. */
static bool is_verdict_shared(const struct built *a, const struct built *b)
{
    const struct verdict_store_settings settings = {.accepted_bytes_max = 0};
    struct verdict_store *store = verdict_store_create(&settings);
    struct presented_certificate *presented = presented_certificate_create(alice.certificate, NULL);
    struct verdict *first =
        verdict_store_judge(store, a->listener->demand.context, presented, FIXTURE_NOW);
    struct verdict *second =
        verdict_store_judge(store, b->listener->demand.context, presented, FIXTURE_NOW);
    bool is_shared = first == second;

    verdict_release(first);
    verdict_release(second);
    presented_certificate_release(presented);
    verdict_store_destroy(store);
    return is_shared;
}

static bool are_listeners_alike(const struct built *a, const struct built *b)
{
    return memcmp(a->listener->digest, b->listener->digest, sizeof a->listener->digest) == 0;
}

/* Those of the examples that are no more than the default would test nothing: the base has
 * another value there. */
TEST(every_setting_of_a_trust_profile_ends_what_was_decided_without_it)
{
    /* Who is asked for what, how an upload must look, and what nobody obeys. Together with the same
     * anchors none of it changes a decision. */
    static const char *const DECIDES_NOTHING[] = {"upload_rules", "send_ca_names", "trial", NULL};
    const struct settings_mapping *mapping = find_mapping("trust_profiles.NAME");
    struct built base;
    size_t flipped = 0;
    char *text = make_text(TRUST_FRAME, "anchors", "    anchors: [anchors.pem]\n", 4, "", "");

    build(&base, text);
    memory_release(text);
    for (size_t i = 0; i < mapping->setting_count; i++) {
        const struct setting *setting = &mapping->settings[i];
        bool decides = !is_in(DECIDES_NOTHING, setting->name);
        struct built changed;

        if (setting->refusal != NULL)
            continue;
        text = make_text(TRUST_FRAME, "anchors", "    anchors: [anchors.pem]\n", 4, setting->name,
                         setting->example);
        build(&changed, text);
        memory_release(text);
        if (is_verdict_shared(&base, &changed) == decides)
            fail_msg("'%s': verdicts %s shared", setting->name, decides ? "are" : "are not");
        if (decides && are_listeners_alike(&base, &changed))
            fail_msg("'%s': a session could be resumed", setting->name);
        unbuild(&changed);
        flipped++;
    }
    assert_true(flipped >= 15);
    unbuild(&base);
}

TEST(every_setting_of_client_certificate_ends_sessions_made_without_it)
{
    /* The words of an answer; and there is one way to ask so far. */
    static const char *const DECIDES_NOTHING[] = {"error_detail", "ask", NULL};
    const struct settings_mapping *mapping = find_mapping("listeners[].client_certificate");
    struct built base;
    char *text = make_text(LISTENER_FRAME, "trust", "      trust: [anchors.pem]\n", 6, "", "");

    build(&base, text);
    memory_release(text);
    for (size_t i = 0; i < mapping->setting_count; i++) {
        const struct setting *setting = &mapping->settings[i];
        bool decides = !is_in(DECIDES_NOTHING, setting->name);
        struct built changed;

        if (setting->refusal != NULL)
            continue;
        text = make_text(LISTENER_FRAME, "trust", "      trust: [anchors.pem]\n", 6, setting->name,
                         setting->example);
        build(&changed, text);
        memory_release(text);
        if (are_listeners_alike(&base, &changed) == decides)
            fail_msg("'%s': listeners %s alike", setting->name, decides ? "are" : "are not");
        unbuild(&changed);
    }
    unbuild(&base);
}

int main(void)
{
    int failed = 0;

    make_files();
    failed = RUN_TESTS(
        cmocka_unit_test(every_setting_of_a_trust_profile_ends_what_was_decided_without_it),
        cmocka_unit_test(every_setting_of_client_certificate_ends_sessions_made_without_it));
    remove_files();
    return failed;
}
