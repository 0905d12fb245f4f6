/* SPDX-License-Identifier: Apache-2.0
 *
 * Who makes room when certificates name more addresses than are fetched from. Nothing is reached:
 * the addresses are loopback ones, which are refused.
 */
#include "support/test.h"

#include "app/crl_fetching.h"
#include "gateway/revocation/revocation_facts.h"

enum { REFRESH_MS = 60 * 60 * 1000 };

#define A "http://127.0.0.1/a"
#define B "http://127.0.0.1/b"
#define C "http://127.0.0.1/c"

struct scene {
    struct event_loop *loop;
    struct fetcher *fetcher;
    struct revocation_facts *facts;
    struct crl_registry *registry;
    struct crl_fetching *fetching;
    uint64_t now_ms;
};

static uint64_t now_of(void *context)
{
    const struct scene *scene = context;

    return scene->now_ms;
}

static void set_up(struct scene *scene)
{
    const struct fetcher_settings settings = {.running_max = 4, .waiting_max = 16};
    struct error error = {.kind = ERROR_NONE};

    scene->now_ms = 1000;
    scene->loop = event_loop_create();
    scene->fetcher = fetcher_create(scene->loop, &settings, &error);
    assert_true(scene->fetcher != NULL);
    scene->facts = revocation_facts_create();
    scene->registry = crl_registry_create(scene->facts);
    scene->fetching = crl_fetching_create(&(struct crl_fetching_settings){
        .loop = scene->loop,
        .fetcher = scene->fetcher,
        .registry = scene->registry,
        .named_max = 2,
        .now_ms = now_of,
        .context = scene,
    });
}

static void tear_down(struct scene *scene)
{
    crl_fetching_destroy(scene->fetching);
    fetcher_destroy(scene->fetcher);
    event_loop_destroy(scene->loop);
    crl_registry_destroy(scene->registry);
    revocation_facts_destroy(scene->facts);
}

static void name(struct scene *scene, const char *url)
{
    crl_fetching_add(scene->fetching, slice_from_text(url), REFRESH_MS, false);
    crl_registry_publish(scene->registry);
}

/* As a worker does that has a certificate with this address. */
static enum revocation_knowledge need(struct scene *scene, const char *url)
{
    struct revocation_snapshot *snapshot = revocation_facts_acquire(scene->facts);
    enum revocation_knowledge knowledge =
        revocation_snapshot_address(snapshot, slice_from_text(url));

    revocation_snapshot_release(snapshot);
    return knowledge;
}

TEST(what_finds_no_room_is_answered_at_once_and_may_ask_again_later)
{
    struct scene scene;

    set_up(&scene);
    name(&scene, A);
    name(&scene, B);
    name(&scene, C);
    assert_int_equal(need(&scene, A), REVOCATION_AWAITED);
    assert_int_equal(need(&scene, B), REVOCATION_AWAITED);
    assert_int_equal(need(&scene, C), REVOCATION_KNOWN);
    scene.now_ms += CRL_LISTLESS_IDLE_MS;
    crl_fetching_look(scene.fetching);
    assert_int_equal(need(&scene, C), REVOCATION_NEVER_HEARD);
    tear_down(&scene);
}

TEST(what_was_needed_least_recently_makes_room)
{
    struct scene scene;

    set_up(&scene);
    name(&scene, A);
    name(&scene, B);
    scene.now_ms += CRL_LISTLESS_IDLE_MS - 1;
    (void)need(&scene, A);
    crl_fetching_look(scene.fetching);
    scene.now_ms++;
    name(&scene, C);
    assert_int_equal(need(&scene, A), REVOCATION_AWAITED);
    assert_int_equal(need(&scene, B), REVOCATION_NEVER_HEARD);
    assert_int_equal(need(&scene, C), REVOCATION_AWAITED);
    tear_down(&scene);
}

TEST(a_use_counts_that_nobody_has_looked_at_yet)
{
    struct scene scene;

    set_up(&scene);
    name(&scene, A);
    name(&scene, B);
    scene.now_ms += CRL_LISTLESS_IDLE_MS;
    (void)need(&scene, A);
    (void)need(&scene, B);
    (void)crl_registry_set_address(scene.registry, "http://127.0.0.1/other", true, false);
    crl_registry_publish(scene.registry); /* another snapshot, the same uses */
    name(&scene, C);
    assert_int_equal(need(&scene, A), REVOCATION_AWAITED);
    assert_int_equal(need(&scene, B), REVOCATION_AWAITED);
    assert_int_equal(need(&scene, C), REVOCATION_KNOWN);
    tear_down(&scene);
}

TEST(a_configured_address_needs_no_room_and_makes_none)
{
    struct scene scene;

    set_up(&scene);
    crl_fetching_add(scene.fetching, slice_from_text(A), REFRESH_MS, true);
    name(&scene, B);
    name(&scene, C);
    assert_int_equal(need(&scene, C), REVOCATION_AWAITED);
    scene.now_ms += CRL_IDLE_MS;
    crl_fetching_look(scene.fetching);
    scene.now_ms += CRL_IDLE_MS;
    name(&scene, "http://127.0.0.1/d");
    assert_int_equal(need(&scene, A), REVOCATION_AWAITED);
    assert_int_equal(need(&scene, B), REVOCATION_NEVER_HEARD);
    tear_down(&scene);
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(what_finds_no_room_is_answered_at_once_and_may_ask_again_later),
        cmocka_unit_test(what_was_needed_least_recently_makes_room),
        cmocka_unit_test(a_use_counts_that_nobody_has_looked_at_yet),
        cmocka_unit_test(a_configured_address_needs_no_room_and_makes_none));
}
