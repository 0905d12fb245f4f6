/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <string.h>

#include "gateway/revocation/ocsp_store.h"
#include "support/certificate_fixture.h"

enum { HOUR = 3600, HOLD = 6 };

#define NOW FIXTURE_NOW

struct world {
    struct ocsp_store *store;
    struct fixture root;
    unsigned char issuer_id[CRL_ISSUER_ID_BYTES];
    struct ocsp_rules rules;
    unsigned wanted;
};

static void on_wanted(void *context)
{
    struct world *world = context;

    world->wanted++;
}

static void world_open(struct world *world)
{
    *world = (struct world){.store = ocsp_store_create(), .root = fixture_root("Root")};
    assert_true(crl_issuer_id(world->root.certificate, world->issuer_id));
    world->rules = (struct ocsp_rules){.responder = "http://responder/", .timeout_ms = 1000};
    ocsp_store_set_listener(world->store, on_wanted, world);
}

static void world_close(struct world *world)
{
    ocsp_store_destroy(world->store);
    fixture_free(&world->root);
}

static struct ocsp_fact ask_about(struct world *world, struct slice serial, bool may_want,
                                  int64_t now)
{
    return ocsp_store_ask(world->store,
                          &(struct ocsp_question){.rules = &world->rules,
                                                  .certificate = world->root.certificate,
                                                  .issuer = world->root.certificate,
                                                  .issuer_id = world->issuer_id,
                                                  .serial = serial},
                          may_want, now);
}

static struct ocsp_fact ask(struct world *world, int64_t now)
{
    return ask_about(world, SLICE("\1"), true, now);
}

static struct ocsp_answer good(int64_t from, int64_t until)
{
    return (struct ocsp_answer){.outcome = OCSP_IS_GOOD, .this_update = from, .next_update = until};
}

static struct ocsp_answer revoked(int64_t from, unsigned reason)
{
    return (struct ocsp_answer){.outcome = OCSP_IS_REVOKED,
                                .this_update = from,
                                .next_update = from + HOUR,
                                .revocation_reason = reason};
}

/* What is wanted next is answered so. */
static bool answer(struct world *world, struct ocsp_answer said, int64_t now, bool *changes)
{
    const struct ocsp_inquiry *inquiry = ocsp_store_take_wanted(world->store);
    bool is_taken;

    assert_non_null(inquiry);
    is_taken = ocsp_store_put_answer(world->store, inquiry, &said, now, changes);
    ocsp_inquiry_release(inquiry);
    return is_taken;
}

/* The same certificate, whatever is known of it, is answered so. */
static bool put(struct world *world, const struct ocsp_inquiry *inquiry, struct ocsp_answer said,
                int64_t now)
{
    bool changes;

    return ocsp_store_put_answer(world->store, inquiry, &said, now, &changes);
}

TEST(asks_once_for_however_many_want_to_know)
{
    struct world world;
    bool changes;

    world_open(&world);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(ask(&world, NOW).knowledge, OCSP_AWAITED);
    assert_int_equal(world.wanted, 1);
    assert_true(answer(&world, good(NOW, NOW + HOUR), NOW, &changes));
    assert_true(changes);
    assert_null(ocsp_store_take_wanted(world.store));
    assert_int_equal(ask(&world, NOW + 1).knowledge, OCSP_ANSWERED);
    assert_int_equal(ocsp_store_count(world.store).hits, 1);
    assert_int_equal(ocsp_store_count(world.store).joined, 4);
    world_close(&world);
}

/* DESIGN: nothing is fetched for a chain whose possession is not proven. */
TEST(asks_nothing_for_who_may_not_want)
{
    struct world world;

    world_open(&world);
    assert_int_equal(ask_about(&world, SLICE("\1"), false, NOW).knowledge, OCSP_NOTHING_KNOWN);
    assert_int_equal(world.wanted, 0);
    assert_null(ocsp_store_take_wanted(world.store));
    assert_int_equal(ocsp_store_count(world.store).entries, 0);
    world_close(&world);
}

TEST(keeps_serials_and_rules_apart)
{
    struct world world;
    bool changes;

    world_open(&world);
    (void)ask(&world, NOW);
    assert_true(answer(&world, good(NOW, NOW + HOUR), NOW, &changes));
    assert_int_equal(ask_about(&world, SLICE("\2"), true, NOW).knowledge, OCSP_AWAITED);
    world.rules.nonce = OCSP_NONCE_OFF;
    assert_int_equal(ask(&world, NOW).knowledge, OCSP_AWAITED);
    world.rules.nonce = OCSP_NONCE_REQUIRED;
    world.issuer_id[0] ^= 1;
    assert_int_equal(ask(&world, NOW).knowledge, OCSP_AWAITED);
    world.issuer_id[0] ^= 1;
    assert_int_equal(ask(&world, NOW).knowledge, OCSP_ANSWERED);
    world_close(&world);
}

/* Row 102 of the list of attacks: an answer that never ends. */
TEST(holds_answers_until_their_end_and_no_longer_than_a_day)
{
    static const struct {
        int64_t until;
        int64_t held;
    } cases[] = {
        {HOUR, HOUR + OCSP_SKEW_SECONDS},
        {(int64_t)366 * 86400, OCSP_KEPT_SECONDS_MAX},
        {0, OCSP_ENDLESS_SECONDS + OCSP_SKEW_SECONDS},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world world;
        bool changes;

        world_open(&world);
        (void)ask(&world, NOW);
        assert_true(answer(&world, good(NOW, cases[i].until == 0 ? 0 : NOW + cases[i].until), NOW,
                           &changes));
        assert_int_equal(ask(&world, NOW + cases[i].held - 1).knowledge, OCSP_ANSWERED);
        assert_int_equal(ask(&world, NOW + cases[i].held).knowledge, OCSP_AWAITED);
        assert_int_equal(ask(&world, NOW + cases[i].held).last_good, NOW + cases[i].held);
        world_close(&world);
    }
}

TEST(a_revocation_stays)
{
    struct world world;
    const struct ocsp_inquiry *inquiry;

    world_open(&world);
    (void)ask(&world, NOW);
    inquiry = ocsp_store_take_wanted(world.store);
    assert_true(put(&world, inquiry, good(NOW, NOW + HOUR), NOW));
    assert_true(put(&world, inquiry, revoked(NOW - HOUR, 1), NOW));
    assert_false(put(&world, inquiry, good(NOW + 1, NOW + HOUR), NOW + 1));
    assert_false(put(&world, inquiry, revoked(NOW + 1, HOLD), NOW + 1));
    assert_int_equal(ask(&world, NOW + 1000 * HOUR).answer.outcome, OCSP_IS_REVOKED);
    assert_int_equal(ask(&world, NOW + 1000 * HOUR).knowledge, OCSP_ANSWERED);
    ocsp_inquiry_release(inquiry);
    world_close(&world);
}

TEST(a_hold_ends_with_a_newer_answer_only)
{
    struct world world;
    const struct ocsp_inquiry *inquiry;

    world_open(&world);
    (void)ask(&world, NOW);
    inquiry = ocsp_store_take_wanted(world.store);
    assert_true(put(&world, inquiry, revoked(NOW, HOLD), NOW));
    assert_false(put(&world, inquiry, good(NOW - 1, NOW + HOUR), NOW));
    assert_int_equal(ask(&world, NOW).answer.outcome, OCSP_IS_REVOKED);
    assert_true(put(&world, inquiry, good(NOW + 1, NOW + HOUR), NOW + 1));
    assert_int_equal(ask(&world, NOW + 1).answer.outcome, OCSP_IS_GOOD);
    ocsp_inquiry_release(inquiry);
    world_close(&world);
}

TEST(older_answers_do_not_replace_newer_ones)
{
    struct world world;
    const struct ocsp_inquiry *inquiry;

    world_open(&world);
    (void)ask(&world, NOW);
    inquiry = ocsp_store_take_wanted(world.store);
    assert_true(put(&world, inquiry, good(NOW, NOW + HOUR), NOW));
    assert_false(put(&world, inquiry, good(NOW - 1, NOW + 2 * HOUR), NOW));
    assert_int_equal(ask(&world, NOW).answer.next_update, NOW + HOUR);
    ocsp_inquiry_release(inquiry);
    world_close(&world);
}

TEST(asks_again_before_the_end_what_was_used)
{
    struct world world;
    const struct ocsp_inquiry *inquiry;
    bool changes;

    world_open(&world);
    (void)ask(&world, NOW);
    assert_true(answer(&world, good(NOW, NOW + 10 * HOUR), NOW, &changes));
    assert_null(ocsp_store_take_due(world.store, NOW + 9 * HOUR + HOUR / 2));
    assert_int_equal(ask(&world, NOW).knowledge, OCSP_ANSWERED);
    while (ocsp_store_take_due(world.store, NOW + HOUR) != NULL)
        fail_msg("it is asked too early");
    inquiry = NULL;
    for (unsigned i = 0; i < 16 && inquiry == NULL; i++)
        inquiry = ocsp_store_take_due(world.store, NOW + 9 * HOUR + HOUR / 2);
    assert_non_null(inquiry);
    for (unsigned i = 0; i < 16; i++)
        assert_null(ocsp_store_take_due(world.store, NOW + 9 * HOUR + HOUR / 2));
    /* Meanwhile the old answer holds, and the new one changes nothing for anybody. */
    assert_int_equal(ask(&world, NOW + 9 * HOUR).knowledge, OCSP_ANSWERED);
    assert_true(ocsp_store_put_answer(world.store, inquiry,
                                      &(struct ocsp_answer){.outcome = OCSP_IS_GOOD,
                                                            .this_update = NOW + 9 * HOUR,
                                                            .next_update = NOW + 20 * HOUR},
                                      NOW + 9 * HOUR, &changes));
    assert_false(changes);
    ocsp_inquiry_release(inquiry);
    world_close(&world);
}

TEST(failures_are_not_repeated_at_once_and_wait_longer_each_time)
{
    static const int64_t pauses[] = {1, 2, 4, 8, 16, 32, 60, 60};
    struct world world;
    int64_t now = NOW;

    world_open(&world);
    for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
        const struct ocsp_inquiry *inquiry;
        bool changes;

        assert_int_equal(ask(&world, now).knowledge, OCSP_AWAITED);
        inquiry = ocsp_store_take_wanted(world.store);
        assert_non_null(inquiry);
        ocsp_store_put_failure(world.store, inquiry, "no luck", now, &changes);
        assert_true(changes);
        ocsp_inquiry_release(inquiry);
        assert_int_equal(ask(&world, now + pauses[i] - 1).knowledge, OCSP_FAILED);
        assert_string_equal(ask(&world, now + pauses[i] - 1).problem, "no luck");
        now += pauses[i];
    }
    world_close(&world);
}

TEST(a_failure_does_not_take_away_what_holds)
{
    struct world world;
    const struct ocsp_inquiry *inquiry;
    bool changes;

    world_open(&world);
    (void)ask(&world, NOW);
    inquiry = ocsp_store_take_wanted(world.store);
    assert_true(put(&world, inquiry, good(NOW, NOW + HOUR), NOW));
    ocsp_store_put_failure(world.store, inquiry, "no luck", NOW, &changes);
    assert_false(changes);
    assert_int_equal(ask(&world, NOW + 1).knowledge, OCSP_ANSWERED);
    ocsp_inquiry_release(inquiry);
    world_close(&world);
}

TEST(says_that_nobody_can_be_asked)
{
    struct world world;

    world_open(&world);
    world.rules.responder[0] = '\0';
    assert_int_equal(ask(&world, NOW).knowledge, OCSP_FAILED);
    assert_true(ask(&world, NOW).has_no_responder);
    assert_int_equal(world.wanted, 0);
    world_close(&world);
}

static struct slice serial_number(uint32_t number, unsigned char bytes[5])
{
    bytes[0] = 1;
    memcpy(bytes + 1, &number, sizeof number);
    return slice_from(bytes, 5);
}

TEST(bounds_what_waits_to_be_asked)
{
    struct world world;
    unsigned char bytes[5];

    world_open(&world);
    for (uint32_t i = 0; i < OCSP_QUEUED_MAX; i++)
        assert_int_equal(ask_about(&world, serial_number(i, bytes), true, NOW).knowledge,
                         OCSP_AWAITED);
    assert_int_equal(ask_about(&world, serial_number(OCSP_QUEUED_MAX, bytes), true, NOW).knowledge,
                     OCSP_FAILED);
    assert_int_equal(ocsp_store_count(world.store).refused, 1);
    world_close(&world);
}

TEST(bounds_what_it_keeps_and_forgets_revocations_last)
{
    struct world world;
    unsigned char bytes[5];
    bool changes;

    world_open(&world);
    (void)ask_about(&world, serial_number(0, bytes), true, NOW);
    assert_true(answer(&world, revoked(NOW, 1), NOW, &changes));
    for (uint32_t i = 1; i < OCSP_ENTRIES_MAX + 100; i++) {
        (void)ask_about(&world, serial_number(i, bytes), true, NOW);
        assert_true(answer(&world, good(NOW, NOW + HOUR), NOW, &changes));
    }
    assert_int_equal(ocsp_store_count(world.store).entries, OCSP_ENTRIES_MAX);
    assert_int_equal(ocsp_store_count(world.store).evicted, 100);
    assert_int_equal(ask_about(&world, serial_number(0, bytes), true, NOW).answer.outcome,
                     OCSP_IS_REVOKED);
    world_close(&world);
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(asks_once_for_however_many_want_to_know),
                     cmocka_unit_test(asks_nothing_for_who_may_not_want),
                     cmocka_unit_test(keeps_serials_and_rules_apart),
                     cmocka_unit_test(holds_answers_until_their_end_and_no_longer_than_a_day),
                     cmocka_unit_test(a_revocation_stays),
                     cmocka_unit_test(a_hold_ends_with_a_newer_answer_only),
                     cmocka_unit_test(older_answers_do_not_replace_newer_ones),
                     cmocka_unit_test(asks_again_before_the_end_what_was_used),
                     cmocka_unit_test(failures_are_not_repeated_at_once_and_wait_longer_each_time),
                     cmocka_unit_test(a_failure_does_not_take_away_what_holds),
                     cmocka_unit_test(says_that_nobody_can_be_asked),
                     cmocka_unit_test(bounds_what_waits_to_be_asked),
                     cmocka_unit_test(bounds_what_it_keeps_and_forgets_revocations_last));
}
