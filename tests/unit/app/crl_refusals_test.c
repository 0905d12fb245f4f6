/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <stdio.h>

#include "app/crl_refusals.h"
#include "gateway/revocation/revocation_facts.h"

struct scene {
    struct revocation_facts *facts;
    struct crl_registry *registry;
    struct crl_refusals *refusals;
};

static void set_up(struct scene *scene)
{
    scene->facts = revocation_facts_create();
    scene->registry = crl_registry_create(scene->facts);
    scene->refusals = crl_refusals_create(scene->registry);
}

static void tear_down(struct scene *scene)
{
    crl_refusals_destroy(scene->refusals);
    crl_registry_destroy(scene->registry);
    revocation_facts_destroy(scene->facts);
}

/* As a worker sees it: does it get an answer at once? */
static bool is_refused(struct scene *scene, const char *url)
{
    struct revocation_snapshot *snapshot;
    enum revocation_knowledge knowledge;

    crl_registry_publish(scene->registry);
    snapshot = revocation_facts_acquire(scene->facts);
    knowledge = revocation_snapshot_address(snapshot, slice_from_text(url));
    revocation_snapshot_release(snapshot);
    assert_true(knowledge != REVOCATION_AWAITED);
    return knowledge == REVOCATION_KNOWN;
}

TEST(a_refusal_is_known_until_its_time_is_over)
{
    struct scene scene;

    set_up(&scene);
    assert_true(crl_refusals_add(scene.refusals, "http://a/", 1000));
    assert_true(is_refused(&scene, "http://a/"));
    crl_refusals_expire(scene.refusals, 1000 + CRL_REFUSED_MS - 1);
    assert_true(is_refused(&scene, "http://a/"));
    crl_refusals_expire(scene.refusals, 1000 + CRL_REFUSED_MS);
    assert_false(is_refused(&scene, "http://a/"));
    tear_down(&scene);
}

TEST(each_refusal_holds_twice_as_long_up_to_a_limit)
{
    uint64_t now = 5;
    uint64_t pause = CRL_REFUSED_MS;
    struct scene scene;

    set_up(&scene);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(crl_refusals_add(scene.refusals, "http://a/", now), i == 0);
        assert_false(crl_refusals_add(scene.refusals, "http://a/", now + 1)); /* changes nothing */
        crl_refusals_expire(scene.refusals, now + pause - 1);
        assert_true(is_refused(&scene, "http://a/"));
        now += pause;
        crl_refusals_expire(scene.refusals, now);
        assert_false(is_refused(&scene, "http://a/"));
        pause = 2 * pause < CRL_REFUSED_MAX_MS ? 2 * pause : CRL_REFUSED_MAX_MS;
    }
    tear_down(&scene);
}

TEST(refusals_have_a_limit_and_the_first_makes_room)
{
    char url[32];
    struct scene scene;

    set_up(&scene);
    for (int i = 0; i <= CRL_REFUSALS_MAX; i++) {
        (void)snprintf(url, sizeof url, "http://h/%d", i);
        assert_true(crl_refusals_add(scene.refusals, url, 1));
    }
    assert_int_equal(crl_refusals_count(scene.refusals), CRL_REFUSALS_MAX);
    assert_false(is_refused(&scene, "http://h/0"));
    assert_true(is_refused(&scene, "http://h/1"));
    assert_true(is_refused(&scene, url));
    tear_down(&scene);
}

TEST(what_is_fetched_after_all_is_not_refused_by_an_old_refusal)
{
    struct scene scene;

    set_up(&scene);
    assert_true(crl_refusals_add(scene.refusals, "http://a/", 1));
    crl_refusals_remove(scene.refusals, "http://a/");
    crl_refusals_expire(scene.refusals, UINT64_MAX);
    assert_true(is_refused(&scene, "http://a/")); /* it is the caller's now */
    assert_int_equal(crl_refusals_count(scene.refusals), 0);
    tear_down(&scene);
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(a_refusal_is_known_until_its_time_is_over),
                     cmocka_unit_test(each_refusal_holds_twice_as_long_up_to_a_limit),
                     cmocka_unit_test(refusals_have_a_limit_and_the_first_makes_room),
                     cmocka_unit_test(what_is_fetched_after_all_is_not_refused_by_an_old_refusal));
}
