/* SPDX-License-Identifier: Apache-2.0
 *
 * A generation is built whole or not at all, with the place of what was wrong; and what it makes of
 * the settings: who inherits what, which routes exempt, and which listeners judge alike.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/backend/backend.h"
#include "gateway/backend/backend_registry.h"
#include "gateway/exchange/route_plan.h"
#include "gateway/generation/generation.h"
#include "gateway/identity/judging_context.h"
#include "gateway/routing/routing.h"
#include "protocol/http/http_name_set.h"
#include "protocol/tls/tls_session_store.h"
#include "support/certificate_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { LISTENERS = 3, ROUTES = 4 };

/* ---- files ---- */

static struct {
    char *chain;
    char *key;
    char *other_chain;
    char *other_key;
    char *root;
    char *other_root;
    char *empty;
} files;

static char *write_pem(struct fixture_bytes pem)
{
    char *path = fixture_file(fixture_bytes_slice(pem));

    free(pem.data);
    return path;
}

static void write_files(void)
{
    struct fixture root = fixture_root("Root");
    struct fixture other_root = fixture_root("Other");
    struct fixture server = fixture_leaf("server", &root);
    struct fixture other = fixture_leaf("other", &root);

    files.chain = write_pem(fixture_pem(&server.certificate, 1));
    files.key = write_pem(fixture_key_pem(server.key));
    files.other_chain = write_pem(fixture_pem(&other.certificate, 1));
    files.other_key = write_pem(fixture_key_pem(other.key));
    files.root = write_pem(fixture_pem(&root.certificate, 1));
    files.other_root = write_pem(fixture_pem(&other_root.certificate, 1));
    files.empty = fixture_file(SLICE(""));
    fixture_free(&server);
    fixture_free(&other);
    fixture_free(&root);
    fixture_free(&other_root);
}

static void remove_file(char *path)
{
    unlink(path);
    free(path);
}

static void remove_files(void)
{
    remove_file(files.chain);
    remove_file(files.key);
    remove_file(files.other_chain);
    remove_file(files.other_key);
    remove_file(files.root);
    remove_file(files.other_root);
    remove_file(files.empty);
}

/* ---- settings ---- */

/* All that a listener of the test needs, so that each can be changed alone. */
struct unit {
    struct tls_certificate_settings certificate;
    struct tls_profile_settings tls;
    struct trust_anchor_source anchor;
    struct trust_profile_settings trust;
    struct backend_endpoint_settings endpoint;
    struct backend_settings backend;
    struct route_settings routes[ROUTES];
    char name[16];
};

struct world {
    struct unit units[LISTENERS];
    struct listener_settings listeners[LISTENERS];
    struct generation_settings settings;
    struct generation_facts facts;
};

static struct position at(unsigned line)
{
    return (struct position){.file = "a.yaml", .line = line, .column = 3};
}

/* A listener that requires a certificate of the root, with one route for everything. */
static void make_unit(struct world *world, size_t index, const char *address)
{
    struct unit *unit = &world->units[index];
    unsigned line = 100 * (unsigned)(index + 1);

    snprintf(unit->name, sizeof(unit->name), "listener-%zu", index + 1);
    unit->certificate = (struct tls_certificate_settings){
        .chain = files.chain, .key = files.key, .position = at(line + 1)};
    unit->tls = (struct tls_profile_settings){
        .certificates = &unit->certificate, .certificate_count = 1, .position = at(line + 2)};
    unit->anchor = (struct trust_anchor_source){.path = files.root, .position = at(line + 3)};
    unit->trust = (struct trust_profile_settings){.anchors = &unit->anchor,
                                                  .anchor_count = 1,
                                                  .depth = 4,
                                                  .send_ca_names = true,
                                                  .position = at(line + 4)};
    unit->endpoint =
        (struct backend_endpoint_settings){.url = "http://127.0.0.1:80", .position = at(line + 5)};
    unit->backend = (struct backend_settings){.name = "backend",
                                              .endpoints = &unit->endpoint,
                                              .endpoint_count = 1,
                                              .position = at(line + 6)};
    unit->routes[0] = (struct route_settings){
        .match = {.name = "route-1", .position = at(line + 7)}, .backend = &unit->backend};
    world->listeners[index] = (struct listener_settings){
        .name = unit->name,
        .address = address,
        .tls = &unit->tls,
        .client_certificate = {.is_set = true,
                               .has_mode = true,
                               .mode = CLIENT_CERTIFICATE_REQUIRED,
                               .trust = &unit->trust,
                               .position = at(line + 8)},
        .server_token = "sallyport",
        .routes = unit->routes,
        .route_count = 1,
        .position = at(line),
    };
}

static void open_world(struct world *world)
{
    static const struct tls_session_store_settings sessions = {.bytes_max = 0};

    *world = (struct world){.units = {{.name = ""}}};
    for (size_t i = 0; i < LISTENERS; i++)
        make_unit(world, i, i == 0 ? "127.0.0.1:8443" : "127.0.0.1:9443");
    world->settings =
        (struct generation_settings){.listeners = world->listeners, .listener_count = 1};
    world->facts = (struct generation_facts){.sessions = tls_session_store_create(&sessions),
                                             .backends = backend_registry_create(1)};
}

/* The registry asserts that every pool was given back. */
static void close_world(struct world *world)
{
    backend_registry_destroy(world->facts.backends);
    tls_session_store_destroy(world->facts.sessions);
}

static struct generation *build(struct world *world)
{
    struct error error = {0};
    struct generation *generation = generation_create(&world->settings, &world->facts, &error);

    if (generation == NULL)
        print_error("%s\n", error.text);
    assert_non_null(generation);
    return generation;
}

static const struct listener *listener_at(const struct generation *generation, size_t group_index,
                                          size_t index)
{
    return listener_group_get(generation_group(generation, group_index), index);
}

/* The plan of the route that serves the path; NULL: none does. */
static const struct route_plan *plan_for(const struct listener *listener, const char *path)
{
    const struct http_request request = {.method = SLICE("GET"), .path = slice_from_text(path)};
    const struct route *route = routing_match(listener->routes, &request);

    return route == NULL ? NULL : route->plan;
}

/* ---- whole ---- */

TEST(listeners_of_one_address_are_a_group)
{
    static const char *const hosts[] = {"api.example", NULL};
    struct socket_address address;
    struct generation *generation;
    struct world world;
    size_t pools = 0;

    open_world(&world);
    world.settings.listener_count = 3;
    world.listeners[2].hosts = hosts;
    generation = build(&world);
    assert_ptr_equal(generation_get_settings(generation), &world.settings);
    assert_int_equal(generation_group_count(generation), 2);
    assert_int_equal(listener_group_count(generation_group(generation, 0)), 1);
    assert_int_equal(listener_group_count(generation_group(generation, 1)), 2);
    assert_string_equal(listener_at(generation, 1, 1)->name, "listener-3");
    assert_string_equal(listener_at(generation, 1, 1)->server_token, "sallyport");
    assert_ptr_equal(listener_group_find(generation_group(generation, 1), SLICE("api.example")),
                     listener_at(generation, 1, 1));
    assert_true(socket_address_parse(SLICE("127.0.0.1:9443"), &address, NULL));
    assert_ptr_equal(generation_find_group(generation, &address), generation_group(generation, 1));
    assert_true(socket_address_parse(SLICE("127.0.0.1:1"), &address, NULL));
    assert_null(generation_find_group(generation, &address));
    assert_non_null(generation_pools(generation, &pools));
    assert_int_equal(pools, 3);
    assert_non_null(generation_identities(generation));
    generation_release(generation);
    close_world(&world);
}

static unsigned released;

static void count_release(void *owner)
{
    assert_ptr_equal(owner, &released);
    released++;
}

TEST(the_owner_goes_with_the_last_reference)
{
    struct generation *generation;
    struct world world;

    open_world(&world);
    released = 0;
    generation = build(&world);
    generation_set_owner(generation, count_release, &released);
    assert_ptr_equal(generation_acquire(generation), generation);
    generation_release(generation);
    assert_int_equal(released, 0);
    generation_release(generation);
    assert_int_equal(released, 1);
    generation_release(NULL);
    close_world(&world);
}

/* Whatever is behind it in the configuration was good. */
struct mistake {
    const char *what;
    void (*make)(struct world *world);
    const char *position;
};

static void break_address(struct world *world)
{
    world->listeners[1].address = "nonsense";
}

static void break_chain(struct world *world)
{
    world->units[1].certificate.chain = "/nonexistent/chain.pem";
}

static void break_key(struct world *world)
{
    world->units[1].certificate.key = files.other_key;
}

static void break_anchor(struct world *world)
{
    world->units[1].anchor.path = "/nonexistent/root.pem";
}

static void empty_anchor(struct world *world)
{
    world->units[1].anchor.path = files.empty;
}

static void break_route_anchor(struct world *world)
{
    world->units[2].anchor.path = files.empty;
    world->units[1].routes[0].client_certificate.trust = &world->units[2].trust;
}

static void break_endpoint(struct world *world)
{
    world->units[1].endpoint.url = "ftp://127.0.0.1";
}

static void break_path(struct world *world)
{
    static const char *const paths[] = {"no-slash", NULL};

    world->units[1].routes[0].match.paths = paths;
}

static void repeat_host(struct world *world)
{
    world->listeners[1].address = world->listeners[0].address;
}

static const struct mistake mistakes[] = {
    {"address", break_address, "a.yaml:200:3: "},
    {"missing chain", break_chain, "a.yaml:201:3: "},
    {"key of another", break_key, "a.yaml:201:3: "},
    {"missing anchor", break_anchor, "a.yaml:203:3: "},
    {"empty anchor", empty_anchor, "a.yaml:203:3: "},
    {"anchor of a route", break_route_anchor, "a.yaml:303:3: "},
    {"endpoint", break_endpoint, "a.yaml:205:3: "},
    {"path", break_path, "a.yaml:207:3: "},
    {"host twice", repeat_host, "a.yaml:100:3: "},
};

/* Nothing is left behind: the sanitizer looks for memory, the registry for pools. */
TEST(a_mistake_anywhere_builds_nothing_and_says_where)
{
    for (size_t i = 0; i < COUNT(mistakes); i++) {
        struct error error = {0};
        struct generation *generation;
        struct world world;

        open_world(&world);
        world.settings.listener_count = 2;
        mistakes[i].make(&world);
        generation = generation_create(&world.settings, &world.facts, &error);
        assert_null(generation);
        if (strncmp(error.text, mistakes[i].position, strlen(mistakes[i].position)) != 0)
            print_error("%s: %s\n", mistakes[i].what, error.text);
        assert_memory_equal(error.text, mistakes[i].position, strlen(mistakes[i].position));
        close_world(&world);
    }
}

/* ---- inheritance and exemptions ---- */

static const char *const open_paths[] = {"/open", NULL};
static const char *const admin_paths[] = {"/admin", NULL};
static const char *const optional_paths[] = {"/optional", NULL};

TEST(a_route_inherits_what_it_does_not_say)
{
    const struct listener *listener;
    struct generation *generation;
    struct world world;
    struct route_settings *routes;

    open_world(&world);
    routes = world.units[0].routes;
    for (size_t i = 1; i < ROUTES; i++)
        routes[i] = routes[0];
    routes[0].match.paths = open_paths;
    routes[0].client_certificate =
        (struct client_certificate_settings){.has_mode = true, .mode = CLIENT_CERTIFICATE_NONE};
    routes[1].match.paths = admin_paths;
    world.units[1].anchor.path = files.other_root;
    routes[1].client_certificate.trust = &world.units[1].trust;
    routes[2].match.paths = optional_paths;
    routes[2].client_certificate =
        (struct client_certificate_settings){.has_mode = true, .mode = CLIENT_CERTIFICATE_OPTIONAL};
    world.listeners[0].route_count = ROUTES;
    generation = build(&world);
    listener = listener_at(generation, 0, 0);

    assert_int_equal(plan_for(listener, "/open")->demand.mode, CLIENT_CERTIFICATE_NONE);
    assert_null(plan_for(listener, "/open")->demand.context);
    assert_int_equal(plan_for(listener, "/admin")->demand.mode, CLIENT_CERTIFICATE_REQUIRED);
    assert_non_null(plan_for(listener, "/admin")->demand.context);
    assert_ptr_not_equal(plan_for(listener, "/admin")->demand.context, listener->demand.context);
    assert_int_equal(plan_for(listener, "/optional")->demand.mode, CLIENT_CERTIFICATE_OPTIONAL);
    assert_ptr_equal(plan_for(listener, "/optional")->demand.context, listener->demand.context);
    assert_int_equal(plan_for(listener, "/rest")->demand.mode, CLIENT_CERTIFICATE_REQUIRED);
    assert_ptr_equal(plan_for(listener, "/rest")->demand.context, listener->demand.context);
    generation_release(generation);
    close_world(&world);
}

/* A listener that says nothing of trust accepts nobody where a certificate is required. */
TEST(a_demand_without_trust_has_no_rules)
{
    const struct listener *listener;
    struct generation *generation;
    struct world world;

    open_world(&world);
    world.listeners[0].client_certificate.trust = NULL;
    generation = build(&world);
    listener = listener_at(generation, 0, 0);
    assert_int_equal(listener->demand.mode, CLIENT_CERTIFICATE_REQUIRED);
    assert_null(listener->demand.context);
    assert_null(plan_for(listener, "/")->demand.context);
    generation_release(generation);
    close_world(&world);
}

/* An exemption matches exactly, a demand generously: see routing.h. */
static bool exempts(enum client_certificate_mode listener_mode,
                    enum client_certificate_mode route_mode)
{
    struct generation *generation;
    struct world world;
    bool is_generous;

    open_world(&world);
    world.listeners[0].client_certificate.mode = listener_mode;
    world.units[0].routes[0].match.paths = open_paths;
    world.units[0].routes[0].client_certificate =
        (struct client_certificate_settings){.has_mode = true, .mode = route_mode};
    generation = build(&world);
    assert_non_null(plan_for(listener_at(generation, 0, 0), "/open"));
    is_generous = plan_for(listener_at(generation, 0, 0), "/OPEN;x/") != NULL;
    generation_release(generation);
    close_world(&world);
    return !is_generous;
}

TEST(a_route_that_demands_less_than_its_listener_is_an_exemption)
{
    static const enum client_certificate_mode modes[] = {
        CLIENT_CERTIFICATE_REQUIRED, CLIENT_CERTIFICATE_OPTIONAL, CLIENT_CERTIFICATE_UNVERIFIED,
        CLIENT_CERTIFICATE_NONE};

    for (size_t i = 0; i < COUNT(modes); i++) {
        for (size_t j = 0; j < COUNT(modes); j++)
            assert_int_equal(exempts(modes[i], modes[j]), j > i);
    }
}

TEST(every_name_that_a_route_fills_is_ours_everywhere)
{
    static const struct identity_header_settings route_headers[] = {
        {.name = "X-Route-Cert", .format = IDENTITY_FORMAT_PEM_URL}};
    static const struct identity_header_settings listener_headers[] = {
        {.name = "X-Listener-Cert", .format = IDENTITY_FORMAT_SUBJECT}};
    const struct http_name_set *names;
    struct generation *generation;
    struct world world;

    open_world(&world);
    world.settings.listener_count = 2;
    world.units[1].routes[0].identity_headers = route_headers;
    world.units[1].routes[0].identity_header_count = 1;
    world.units[1].routes[0].has_identity_headers = true;
    world.listeners[0].identity_headers = listener_headers;
    world.listeners[0].identity_header_count = 1;
    generation = build(&world);
    names = generation_owned_names(generation);
    assert_true(http_name_set_has(names, SLICE("x_route_cert")));
    assert_true(http_name_set_has(names, SLICE("X-LISTENER-CERT")));
    assert_true(http_name_set_has(names, SLICE("Client-Cert")));
    assert_int_equal(rewrite_plan_formats(plan_for(listener_at(generation, 0, 0), "/")->rewrite),
                     1U << IDENTITY_FORMAT_SUBJECT);
    assert_int_equal(rewrite_plan_formats(plan_for(listener_at(generation, 1, 0), "/")->rewrite),
                     1U << IDENTITY_FORMAT_PEM_URL);
    generation_release(generation);
    close_world(&world);
}

TEST(a_route_has_its_backends_host)
{
    struct generation *generation;
    struct world world;

    open_world(&world);
    world.units[0].backend.host = "internal.example";
    generation = build(&world);
    assert_string_equal(plan_for(listener_at(generation, 0, 0), "/")->host, "internal.example");
    assert_string_equal(
        backend_pool_settings(plan_for(listener_at(generation, 0, 0), "/")->pool)->name, "backend");
    generation_release(generation);
    close_world(&world);
}

/* ---- who judges alike ---- */

/* Changes the second listener, which is else as the first. */
struct variant {
    const char *what;
    void (*make)(struct world *world);
    bool is_alike;
};

static void change_nothing(struct world *world)
{
    (void)world;
}

static void change_what_decides_nothing(struct world *world)
{
    static const char *const hosts[] = {"other.example", NULL};

    world->listeners[1].client_certificate.error_detail = CLIENT_CERTIFICATE_DETAIL_GENERIC;
    world->listeners[1].server_token = "other";
    world->listeners[1].hosts = hosts;
    world->units[1].trust.name = "named";
    world->units[1].backend.host = "other";
}

static void make_optional(struct world *world)
{
    world->listeners[1].client_certificate.mode = CLIENT_CERTIFICATE_OPTIONAL;
}

static void make_unverified(struct world *world)
{
    world->listeners[1].client_certificate.mode = CLIENT_CERTIFICATE_UNVERIFIED;
}

static void make_none(struct world *world)
{
    world->listeners[1].client_certificate.mode = CLIENT_CERTIFICATE_NONE;
}

static void change_anchor(struct world *world)
{
    world->units[1].anchor.path = files.other_root;
}

static void change_depth(struct world *world)
{
    world->units[1].trust.depth = 3;
}

static void change_partial_chain(struct world *world)
{
    world->units[1].trust.partial_chain = true;
}

static void change_ca_names(struct world *world)
{
    world->units[1].trust.send_ca_names = false;
}

static void take_trust_away(struct world *world)
{
    world->listeners[1].client_certificate.trust = NULL;
}

static void change_on_failure(struct world *world)
{
    world->listeners[1].client_certificate.on_failure = CLIENT_CERTIFICATE_ON_FAILURE_ALERT;
}

static void change_min_version(struct world *world)
{
    world->units[1].tls.min_version = TLS_VERSION_1_3;
}

static void change_max_version(struct world *world)
{
    world->units[1].tls.max_version = TLS_VERSION_1_2;
}

static void change_ciphers(struct world *world)
{
    world->units[1].tls.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384";
}

static void change_cipher_suites(struct world *world)
{
    world->units[1].tls.cipher_suites = "TLS_AES_256_GCM_SHA384";
}

static void change_groups(struct world *world)
{
    world->units[1].tls.groups = "P-384";
}

static void change_certificate(struct world *world)
{
    world->units[1].certificate.chain = files.other_chain;
    world->units[1].certificate.key = files.other_key;
}

static const struct variant variants[] = {
    {"nothing", change_nothing, true},
    {"what decides nothing", change_what_decides_nothing, true},
    {"mode: optional", make_optional, false},
    {"mode: unverified", make_unverified, false},
    {"mode: none", make_none, false},
    {"anchor", change_anchor, false},
    {"depth", change_depth, false},
    {"partial_chain", change_partial_chain, false},
    {"send_ca_names", change_ca_names, false},
    {"no trust", take_trust_away, false},
    {"on_failure", change_on_failure, false},
    {"min_version", change_min_version, false},
    {"max_version", change_max_version, false},
    {"ciphers", change_ciphers, false},
    {"cipher_suites", change_cipher_suites, false},
    {"groups", change_groups, false},
    {"certificate", change_certificate, false},
};

TEST(listeners_judge_alike_only_when_nothing_that_decides_differs)
{
    for (size_t i = 0; i < COUNT(variants); i++) {
        struct generation *generation;
        struct world world;
        bool is_alike;

        open_world(&world);
        world.settings.listener_count = 2;
        variants[i].make(&world);
        generation = build(&world);
        is_alike = memcmp(listener_at(generation, 0, 0)->digest,
                          listener_at(generation, 1, 0)->digest, LISTENER_DIGEST_BYTES) == 0;
        if (is_alike != variants[i].is_alike)
            print_error("%s\n", variants[i].what);
        assert_int_equal(is_alike, variants[i].is_alike);
        generation_release(generation);
        close_world(&world);
    }
}

/* All pairs: no two of them may meet. */
TEST(no_two_ways_to_judge_have_the_same_digest)
{
    unsigned char digests[COUNT(variants)][LISTENER_DIGEST_BYTES];

    for (size_t i = 0; i < COUNT(variants); i++) {
        struct generation *generation;
        struct world world;

        open_world(&world);
        world.settings.listener_count = 2;
        variants[i].make(&world);
        generation = build(&world);
        memcpy(digests[i], listener_at(generation, 1, 0)->digest, LISTENER_DIGEST_BYTES);
        generation_release(generation);
        close_world(&world);
        for (size_t j = 2; j < i; j++)
            assert_memory_not_equal(digests[i], digests[j], LISTENER_DIGEST_BYTES);
    }
}

/* A reload without a change leads nowhere else. */
TEST(the_same_settings_give_the_same_digest_in_every_generation)
{
    struct generation *generations[2];
    struct world world;

    open_world(&world);
    for (size_t i = 0; i < 2; i++)
        generations[i] = build(&world);
    assert_memory_equal(listener_at(generations[0], 0, 0)->digest,
                        listener_at(generations[1], 0, 0)->digest, LISTENER_DIGEST_BYTES);
    for (size_t i = 0; i < 2; i++)
        generation_release(generations[i]);
    close_world(&world);
}

/* ---- what generations share ---- */

TEST(a_backend_that_did_not_change_keeps_its_pool)
{
    struct backend_pool *const *pools;
    const struct backend_pool *before;
    struct generation *generations[3];
    struct world world;
    struct world same;
    size_t count;

    open_world(&world);
    generations[0] = build(&world);
    before = generation_pools(generations[0], &count)[0];

    /* The same words at another place of another configuration. */
    open_world(&same);
    same.units[0].backend.position = at(999);
    same.units[0].endpoint.position = at(998);
    close_world(&same);
    same.facts = world.facts;
    generations[1] = build(&same);
    assert_ptr_equal(generation_pools(generations[1], &count)[0], before);
    assert_string_equal(backend_pool_settings(before)->name, "backend");

    same.units[0].backend.idle_ms = 1;
    generations[2] = build(&same);
    pools = generation_pools(generations[2], &count);
    assert_ptr_not_equal(pools[0], before);
    assert_int_not_equal(backend_pool_place(pools[0]), backend_pool_place(before));
    for (size_t i = 0; i < 3; i++)
        generation_release(generations[i]);
    close_world(&world);
}

int main(void)
{
    int failed;

    write_files();
    failed =
        RUN_TESTS(cmocka_unit_test(listeners_of_one_address_are_a_group),
                  cmocka_unit_test(the_owner_goes_with_the_last_reference),
                  cmocka_unit_test(a_mistake_anywhere_builds_nothing_and_says_where),
                  cmocka_unit_test(a_route_inherits_what_it_does_not_say),
                  cmocka_unit_test(a_demand_without_trust_has_no_rules),
                  cmocka_unit_test(a_route_that_demands_less_than_its_listener_is_an_exemption),
                  cmocka_unit_test(every_name_that_a_route_fills_is_ours_everywhere),
                  cmocka_unit_test(a_route_has_its_backends_host),
                  cmocka_unit_test(listeners_judge_alike_only_when_nothing_that_decides_differs),
                  cmocka_unit_test(no_two_ways_to_judge_have_the_same_digest),
                  cmocka_unit_test(the_same_settings_give_the_same_digest_in_every_generation),
                  cmocka_unit_test(a_backend_that_did_not_change_keeps_its_pool));
    remove_files();
    return failed;
}
