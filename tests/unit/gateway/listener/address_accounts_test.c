/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <pthread.h>
#include <stdio.h>

#include "gateway/listener/address_accounts.h"

static const uint64_t SECOND = 1000000;

static struct ip_address address_of(const char *text)
{
    struct ip_address address;

    assert_true(ip_address_parse(slice_from_text(text), &address));
    return address;
}

static enum address_admission admit(struct address_accounts *accounts,
                                    const struct address_limits *limits, const char *text,
                                    uint64_t now_us, struct address_account **account)
{
    struct ip_address address = address_of(text);

    return address_accounts_admit(accounts, limits, &address, now_us, account);
}

TEST(an_address_has_as_many_connections_as_allowed_and_no_more)
{
    struct address_accounts *accounts = address_accounts_create(1 << 20);
    const struct address_limits limits = {.connections = 2};
    struct address_account *held[3];
    struct address_account *other;

    assert_int_equal(admit(accounts, &limits, "192.0.2.1", 0, &held[0]), ADDRESS_ADMITTED);
    assert_int_equal(admit(accounts, &limits, "::ffff:192.0.2.1", 0, &held[1]), ADDRESS_ADMITTED);
    assert_ptr_equal(held[0], held[1]);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(admit(accounts, &limits, "192.0.2.1", 0, &held[2]),
                         ADDRESS_HAS_TOO_MANY_CONNECTIONS);
        assert_null(held[2]);
    }
    assert_int_equal(admit(accounts, &limits, "192.0.2.2", 0, &other), ADDRESS_ADMITTED);
    address_account_leave(held[0]);
    assert_int_equal(admit(accounts, &limits, "192.0.2.1", 0, &held[0]), ADDRESS_ADMITTED);
    address_account_leave(held[0]);
    address_account_leave(held[1]);
    address_account_leave(other);
    address_accounts_destroy(accounts);
}

TEST(a_network_of_64_bits_is_one_address)
{
    struct address_accounts *accounts = address_accounts_create(1 << 20);
    const struct address_limits limits = {.connections = 1};
    struct address_account *first;
    struct address_account *second;

    assert_int_equal(admit(accounts, &limits, "2001:db8:1:2::1", 0, &first), ADDRESS_ADMITTED);
    assert_int_equal(admit(accounts, &limits, "2001:db8:1:2:ffff::9", 0, &second),
                     ADDRESS_HAS_TOO_MANY_CONNECTIONS);
    assert_int_equal(admit(accounts, &limits, "2001:db8:1:3::1", 0, &second), ADDRESS_ADMITTED);
    address_account_leave(first);
    address_account_leave(second);
    address_accounts_destroy(accounts);
}

static bool may_come(struct address_accounts *accounts, const struct address_limits *limits,
                     uint64_t now_us)
{
    struct address_account *account;
    enum address_admission admission = admit(accounts, limits, "192.0.2.1", now_us, &account);

    address_account_leave(account);
    return admission == ADDRESS_ADMITTED;
}

TEST(who_fails_too_often_is_refused_for_a_while)
{
    struct address_accounts *accounts = address_accounts_create(1 << 20);
    const struct address_limits limits = {.failed_handshakes = 3, .failed_handshake_ms = 60000};
    uint64_t now = 1000 * SECOND;
    struct address_account *account;

    assert_int_equal(admit(accounts, &limits, "192.0.2.1", now, &account), ADDRESS_ADMITTED);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(may_come(accounts, &limits, now));
        address_account_fail(account, &limits, now);
    }
    assert_false(may_come(accounts, &limits, now));
    assert_false(may_come(accounts, &limits, now + 20 * SECOND - 1));
    assert_true(may_come(accounts, &limits, now + 20 * SECOND));
    address_account_fail(account, &limits, now + 20 * SECOND);
    assert_false(may_come(accounts, &limits, now + 40 * SECOND - 1));
    assert_true(may_come(accounts, &limits, now + 40 * SECOND));
    address_account_leave(account);
    address_accounts_destroy(accounts);
}

TEST(failures_of_connections_that_were_open_already_do_not_lengthen_the_refusal)
{
    struct address_accounts *accounts = address_accounts_create(1 << 20);
    const struct address_limits limits = {.failed_handshakes = 3, .failed_handshake_ms = 60000};
    struct address_account *account;

    assert_int_equal(admit(accounts, &limits, "192.0.2.1", 0, &account), ADDRESS_ADMITTED);
    for (unsigned i = 0; i < 1000; i++)
        address_account_fail(account, &limits, 0);
    assert_false(may_come(accounts, &limits, 20 * SECOND - 1));
    assert_true(may_come(accounts, &limits, 20 * SECOND));
    address_account_leave(account);
    address_accounts_destroy(accounts);
}

TEST(without_limits_there_are_no_accounts)
{
    struct address_accounts *accounts = address_accounts_create(1 << 20);
    const struct address_limits limits = {.connections = 0};
    struct address_account *account;

    assert_int_equal(admit(accounts, &limits, "192.0.2.1", 0, &account), ADDRESS_ADMITTED);
    assert_null(account);
    address_account_fail(account, &limits, 0);
    address_account_leave(account);
    assert_int_equal(admit(NULL, &limits, "192.0.2.1", 0, &account), ADDRESS_ADMITTED);
    address_accounts_destroy(accounts);
}

/* A table of 64 KiB, and more addresses than fit: none is refused that has done nothing, and an
 * account that is held stays good. */
TEST(a_full_table_forgets_who_was_away_longest)
{
    struct address_accounts *accounts = address_accounts_create(64 * 1024);
    const struct address_limits limits = {.connections = 1};
    struct address_account *held;

    assert_int_equal(admit(accounts, &limits, "192.0.2.1", 0, &held), ADDRESS_ADMITTED);
    for (unsigned i = 0; i < 20000; i++) {
        struct address_account *account;
        char text[32];

        snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16, (i >> 8) & 255, i & 255);
        assert_int_equal(admit(accounts, &limits, text, 0, &account), ADDRESS_ADMITTED);
        address_account_leave(account);
    }
    address_account_leave(held);
    address_accounts_destroy(accounts);
}

enum { THREADS = 4, ROUNDS = 5000 };

static struct address_accounts *shared;

static void *come_and_go(void *context)
{
    const struct address_limits limits = {
        .connections = THREADS, .failed_handshakes = 1000000, .failed_handshake_ms = 60000};

    (void)context;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct ip_address address = {.family = IP_FAMILY_4, .bytes = {192, 0, 2, 1}};
        struct address_account *account;

        if (address_accounts_admit(shared, &limits, &address, i, &account) != ADDRESS_ADMITTED)
            return &shared;
        address_account_fail(account, &limits, i);
        address_account_leave(account);
    }
    return NULL;
}

TEST(workers_share_it)
{
    pthread_t threads[THREADS];

    shared = address_accounts_create(1 << 20);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, NULL), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *refused = NULL;

        pthread_join(threads[i], &refused);
        assert_null(refused);
    }
    address_accounts_destroy(shared);
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(an_address_has_as_many_connections_as_allowed_and_no_more),
        cmocka_unit_test(a_network_of_64_bits_is_one_address),
        cmocka_unit_test(who_fails_too_often_is_refused_for_a_while),
        cmocka_unit_test(
            failures_of_connections_that_were_open_already_do_not_lengthen_the_refusal),
        cmocka_unit_test(without_limits_there_are_no_accounts),
        cmocka_unit_test(a_full_table_forgets_who_was_away_longest),
        cmocka_unit_test(workers_share_it));
}
