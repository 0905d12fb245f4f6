/* SPDX-License-Identifier: Apache-2.0
 *
 * Chains that were proven are kept once; what was not proven takes no room.
 */
#include "gateway/identity/presented_table.h"

#include "support/certificate_fixture.h"
#include "support/test.h"

static struct fixture root;
static struct fixture alice;
static struct fixture bob;

static int make_pki(void **state)
{
    (void)state;
    root = fixture_root("Root");
    alice = fixture_leaf("alice", &root);
    bob = fixture_leaf("bob", &root);
    return 0;
}

static int free_pki(void **state)
{
    (void)state;
    fixture_free(&bob);
    fixture_free(&alice);
    fixture_free(&root);
    return 0;
}

TEST(finds_the_chain_that_was_added_instead_of_an_equal_one)
{
    struct presented_table *table = presented_table_create(0);
    struct presented_certificate *first = presented_certificate_create(alice.certificate, NULL);
    struct presented_certificate *again = presented_certificate_create(alice.certificate, NULL);

    presented_table_add(table, first);
    presented_table_add(table, first);
    again = presented_table_find(table, again);
    assert_ptr_equal(again, first);
    presented_certificate_release(again);
    presented_certificate_release(first);
    presented_table_destroy(table);
}

TEST(finding_adds_nothing)
{
    struct presented_table *table = presented_table_create(0);
    struct presented_certificate *shown = presented_certificate_create(alice.certificate, NULL);
    struct presented_certificate *again = presented_certificate_create(alice.certificate, NULL);

    assert_ptr_equal(presented_table_find(table, shown), shown);
    assert_ptr_equal(presented_table_find(table, again), again);
    presented_certificate_release(again);
    presented_certificate_release(shown);
    presented_table_destroy(table);
}

TEST(tells_clients_and_chains_apart)
{
    struct presented_table *table = presented_table_create(0);
    STACK_OF(X509) *with_root = sk_X509_new_null();
    struct presented_certificate *first = presented_certificate_create(alice.certificate, NULL);
    struct presented_certificate *longer;
    struct presented_certificate *other = presented_certificate_create(bob.certificate, NULL);

    sk_X509_push(with_root, root.certificate);
    longer = presented_certificate_create(alice.certificate, with_root);
    presented_table_add(table, first);
    assert_ptr_equal(presented_table_find(table, longer), longer);
    assert_ptr_equal(presented_table_find(table, other), other);
    presented_certificate_release(first);
    presented_certificate_release(longer);
    presented_certificate_release(other);
    sk_X509_free(with_root);
    presented_table_destroy(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_chain_that_was_added_instead_of_an_equal_one),
        cmocka_unit_test(finding_adds_nothing),
        cmocka_unit_test(tells_clients_and_chains_apart),
    };

    return cmocka_run_group_tests(tests, make_pki, free_pki);
}
