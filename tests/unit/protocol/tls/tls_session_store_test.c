/* SPDX-License-Identifier: Apache-2.0
 *
 * Resumption: when it happens, when it must not, what it brings back, and for how long.
 */
#include "support/test.h"

#include <pthread.h>

#include "support/tls_fixture.h"

static _Atomic int64_t now = 1000;

static int64_t test_seconds(void)
{
    return now;
}

static struct tls_session_store *create_store(void)
{
    return tls_session_store_create(
        &(struct tls_session_store_settings){.lifetime_seconds = 100, .seconds = test_seconds});
}

/* Connects with `session` (NULL: none) and replaces it with what the client has afterwards. */
struct visit {
    const struct tls_fixture_listener *listeners;
    size_t listener_count;
    const char *name;
    SSL_CTX *client;
    SSL_SESSION *session;
    struct tls_fixture_attachment *attachment; /* for full handshakes */
    bool is_resumed;
    int number; /* of the attachment that the connection ended up with; 0: none */
    int judged_count;
    long lifetime_hint;
};

static void make(struct visit *visit)
{
    struct tls_fixture_pair pair = {.owner = {.listeners = visit->listeners,
                                              .listener_count = visit->listener_count,
                                              .attachment = visit->attachment}};
    const struct tls_fixture_attachment *attachment = NULL;
    struct tls_facts facts;

    tls_fixture_open(&pair, visit->client, visit->name);
    if (visit->session != NULL) {
        assert_int_equal(SSL_set_session(pair.client, visit->session), 1);
        SSL_SESSION_free(visit->session);
    }
    assert_int_equal(tls_fixture_handshake(&pair), TLS_DONE);
    facts = tls_connection_facts(pair.server);
    assert_true(facts.is_finished);
    attachment = tls_connection_attachment(pair.server);
    visit->is_resumed = facts.resumed;
    assert_int_equal(SSL_session_reused(pair.client), facts.resumed);
    visit->number = attachment == NULL ? 0 : attachment->number;
    visit->judged_count = pair.owner.judged_count;
    visit->session = SSL_get1_session(pair.client);
    visit->lifetime_hint = (long)SSL_SESSION_get_ticket_lifetime_hint(visit->session);
    /* A client that closes without close_notify keeps its session; most do. */
    tls_fixture_close(&pair);
}

TEST(resumes_and_returns_the_attachment_without_judging)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct tls_session_store *store = create_store();
        struct tls_profile *profile =
            tls_fixture_profile(&(struct tls_fixture_profile){.ask = TLS_ASK}, store);
        struct tls_fixture_listener listener = {NULL, profile};
        struct tls_fixture_attachment attachment = {1, 42};
        struct visit visit = {.listeners = &listener,
                              .listener_count = 1,
                              .name = "example.com",
                              .client = tls_fixture_client(version, &tls_fixture_pki()->client),
                              .attachment = &attachment};

        make(&visit);
        assert_false(visit.is_resumed);
        assert_int_equal(visit.judged_count, 1);
        assert_int_equal(visit.number, 42);
        /* The store's reference is left. */
        assert_int_equal(attachment.references, 2);

        visit.attachment = NULL;
        for (int i = 0; i < 3; i++) {
            make(&visit);
            assert_true(visit.is_resumed);
            assert_int_equal(visit.judged_count, 0);
            assert_int_equal(visit.number, 42);
        }
        assert_true(tls_session_store_count(store).hits >= 3);

        SSL_SESSION_free(visit.session);
        SSL_CTX_free(visit.client);
        tls_profile_release(profile);
        tls_session_store_destroy(store);
        assert_int_equal(attachment.references, 1);
    }
}

TEST(keeps_tls_1_3_sessions_small)
{
    struct tls_session_store *store = create_store();
    struct tls_profile *profile =
        tls_fixture_profile(&(struct tls_fixture_profile){.ask = TLS_ASK}, store);
    struct tls_fixture_listener listener = {NULL, profile};
    struct visit visit = {.listeners = &listener,
                          .listener_count = 1,
                          .client = tls_fixture_client(TLS1_3_VERSION, &tls_fixture_pki()->client)};

    make(&visit);
    assert_int_equal(tls_session_store_count(store).entries, 1);
    assert_true(tls_session_store_count(store).bytes < 700);
    SSL_SESSION_free(visit.session);
    SSL_CTX_free(visit.client);
    tls_profile_release(profile);
    tls_session_store_destroy(store);
}

/* Row 90 of the list of attacks (CVE-2024-2511): clients that come again and again, and never
 * resume. */
TEST(is_full_at_its_limit_however_many_sessions_there_were)
{
    enum { VISITORS = 400, BYTES_MAX = 128 * 1024 };

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct tls_session_store *store =
            tls_session_store_create(&(struct tls_session_store_settings){
                .bytes_max = BYTES_MAX, .lifetime_seconds = 100, .seconds = test_seconds});
        struct tls_profile *profile =
            tls_fixture_profile(&(struct tls_fixture_profile){.ask = TLS_ASK}, store);
        struct tls_fixture_listener listener = {NULL, profile};
        struct tls_fixture_attachment attachment = {1, 42};
        struct visit visit = {.listeners = &listener,
                              .listener_count = 1,
                              .client = tls_fixture_client(version, &tls_fixture_pki()->client),
                              .attachment = &attachment};

        for (int i = 0; i < VISITORS; i++) {
            make(&visit);
            SSL_SESSION_free(visit.session);
            visit.session = NULL;
        }
        assert_in_range(tls_session_store_count(store).entries, 1, VISITORS - 1);
        assert_true(tls_session_store_count(store).bytes <= BYTES_MAX);
        /* Nor does libssl keep any in a place of its own. */
        assert_int_equal(attachment.references, 1 + tls_session_store_count(store).entries);
        SSL_CTX_free(visit.client);
        tls_profile_release(profile);
        tls_session_store_destroy(store);
        assert_int_equal(attachment.references, 1);
    }
}

/* A client of TLS 1.3 may use a ticket several times, from several connections. */
TEST(resumes_from_one_ticket_more_than_once)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct tls_session_store *store = create_store();
        struct tls_profile *profile =
            tls_fixture_profile(&(struct tls_fixture_profile){.ask = TLS_ASK}, store);
        struct tls_fixture_listener listener = {NULL, profile};
        struct visit visit = {.listeners = &listener,
                              .listener_count = 1,
                              .client = tls_fixture_client(version, &tls_fixture_pki()->client)};
        SSL_SESSION *first = NULL;

        make(&visit);
        first = visit.session;
        for (int i = 0; i < 3; i++) {
            SSL_SESSION_up_ref(first);
            visit.session = SSL_SESSION_dup(first);
            make(&visit);
            assert_true(visit.is_resumed);
            SSL_SESSION_free(visit.session);
            SSL_SESSION_free(first);
        }
        SSL_SESSION_free(first);
        SSL_CTX_free(visit.client);
        tls_profile_release(profile);
        tls_session_store_destroy(store);
    }
}

/* Everything that tells two contexts apart, each in turn; the certificate is the same. */
TEST(gives_a_session_of_another_context_a_full_handshake)
{
    static const char *const h2[] = {"h2", "http/1.1", NULL};
    static const struct tls_fixture_profile others[] = {
        {.ask = TLS_ASK, .context = 2},
        {.ask = TLS_ASK_OR_ALERT, .context = 1},
        {.ask = TLS_ASK, .refuse_by_alert = true, .context = 1},
        {.ask = TLS_ASK, .alpn = h2, .context = 1},
        {.ask = TLS_ASK, .groups = "P-256", .context = 1},
    };

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
            struct tls_session_store *store = create_store();
            const struct tls_fixture_listener lax = {
                NULL, tls_fixture_profile(
                          &(struct tls_fixture_profile){.ask = TLS_ASK, .context = 1}, store)};
            const struct tls_fixture_listener strict = {NULL,
                                                        tls_fixture_profile(&others[i], store)};
            struct visit visit = {.listeners = &lax,
                                  .listener_count = 1,
                                  .name = "example.com",
                                  .client =
                                      tls_fixture_client(version, &tls_fixture_pki()->client)};

            make(&visit);
            visit.listeners = &strict;
            make(&visit);
            assert_false(visit.is_resumed);
            assert_int_equal(visit.judged_count, 1);
            make(&visit);
            assert_true(visit.is_resumed);
            SSL_SESSION_free(visit.session);
            SSL_CTX_free(visit.client);
            tls_profile_release(lax.profile);
            tls_profile_release(strict.profile);
            tls_session_store_destroy(store);
        }
}

/* Where SNI chooses among profiles of one address, the connection begins with the wrong one. */
TEST(resumes_under_its_own_name_only)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct tls_session_store *store = create_store();
        const struct tls_fixture_listener listeners[] = {
            {"a.example", tls_fixture_profile(
                              &(struct tls_fixture_profile){.ask = TLS_ASK, .context = 1}, store)},
            {"b.example",
             tls_fixture_profile(
                 &(struct tls_fixture_profile){.ask = TLS_ASK_OR_ALERT, .context = 2}, store)},
            {NULL,
             tls_fixture_profile(
                 &(struct tls_fixture_profile){.ask = TLS_ASK_OR_ALERT, .context = 2}, store)},
        };
        struct visit visit = {.listeners = listeners,
                              .listener_count = 3,
                              .name = "a.example",
                              .client = tls_fixture_client(version, &tls_fixture_pki()->client)};

        make(&visit);
        visit.name = "b.example";
        make(&visit);
        assert_false(visit.is_resumed);
        make(&visit);
        assert_true(visit.is_resumed);
        /* The same context, and yet another name. */
        visit.name = "c.example";
        make(&visit);
        assert_false(visit.is_resumed);
        visit.name = NULL;
        make(&visit);
        assert_false(visit.is_resumed);
        make(&visit);
        assert_true(visit.is_resumed);

        SSL_SESSION_free(visit.session);
        SSL_CTX_free(visit.client);
        for (size_t i = 0; i < 3; i++)
            tls_profile_release(listeners[i].profile);
        tls_session_store_destroy(store);
    }
}

TEST(ends_a_session_when_its_life_is_over_however_often_it_was_renewed)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct tls_session_store *store = create_store();
        struct tls_profile *profile =
            tls_fixture_profile(&(struct tls_fixture_profile){.ask = TLS_ASK}, store);
        struct tls_fixture_listener listener = {NULL, profile};
        struct tls_fixture_attachment attachment = {1, 7};
        struct visit visit = {.listeners = &listener,
                              .listener_count = 1,
                              .client = tls_fixture_client(version, &tls_fixture_pki()->client),
                              .attachment = &attachment};
        int64_t begin = now;

        make(&visit);
        assert_int_equal(visit.lifetime_hint, version == TLS1_3_VERSION ? 100 : 0);
        for (int i = 1; i < 10; i++) {
            now = begin + 10 * i;
            make(&visit);
            assert_true(visit.is_resumed);
            assert_int_equal(visit.lifetime_hint, version == TLS1_3_VERSION ? 100 - 10 * i : 0);
        }
        now = begin + 99;
        make(&visit);
        assert_true(visit.is_resumed);
        now = begin + 100;
        make(&visit);
        assert_false(visit.is_resumed);
        assert_int_equal(visit.judged_count, 1);

        SSL_SESSION_free(visit.session);
        SSL_CTX_free(visit.client);
        tls_profile_release(profile);
        tls_session_store_destroy(store);
        assert_int_equal(attachment.references, 1);
    }
}

TEST(keeps_no_session_of_a_handshake_that_did_not_finish)
{
    struct tls_session_store *store = create_store();
    struct tls_profile *profile =
        tls_fixture_profile(&(struct tls_fixture_profile){.ask = TLS_ASK_OR_ALERT}, store);
    struct tls_fixture_listener listener = {NULL, profile};

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_CTX *client = tls_fixture_client(version, NULL);
        struct tls_fixture_pair pair = {.owner = {.listeners = &listener, .listener_count = 1}};

        tls_fixture_open(&pair, client, NULL);
        assert_int_equal(tls_fixture_handshake(&pair), TLS_FAILED);
        tls_fixture_close(&pair);
        SSL_CTX_free(client);
    }
    assert_int_equal(tls_session_store_count(store).entries, 0);
    tls_profile_release(profile);
    tls_session_store_destroy(store);
}

TEST(forgets_the_session_of_a_connection_that_failed)
{
    struct tls_session_store *store = create_store();
    struct tls_profile *profile = tls_fixture_profile(&(struct tls_fixture_profile){0}, store);
    struct tls_fixture_listener listener = {NULL, profile};

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_CTX *client = tls_fixture_client(version, NULL);
        struct tls_fixture_pair pair = {.owner = {.listeners = &listener, .listener_count = 1}};
        char text[8];
        size_t count = 0;

        tls_fixture_open(&pair, client, NULL);
        assert_int_equal(tls_fixture_handshake(&pair), TLS_DONE);
        assert_int_equal(tls_session_store_count(store).entries, 1);
        tls_fixture_send(&pair, "\x17\x03\x03\x00\x20 0123456789012345678901234567890", 37);
        assert_int_equal(tls_connection_read(pair.server, text, sizeof text, &count), TLS_FAILED);
        assert_int_equal(tls_session_store_count(store).entries, 0);
        tls_fixture_close(&pair);
        SSL_CTX_free(client);
    }
    tls_profile_release(profile);
    tls_session_store_destroy(store);
}

TEST(works_without_a_store)
{
    struct tls_profile *profile = tls_fixture_profile(&(struct tls_fixture_profile){0}, NULL);
    struct tls_fixture_listener listener = {NULL, profile};

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct visit visit = {.listeners = &listener,
                              .listener_count = 1,
                              .client = tls_fixture_client(version, NULL)};

        make(&visit);
        make(&visit);
        assert_false(visit.is_resumed);
        SSL_SESSION_free(visit.session);
        SSL_CTX_free(visit.client);
    }
    tls_profile_release(profile);
}

/* Such a client offers extended master secret, which a slim session knows nothing of. */
TEST(resumes_with_tls_1_3_for_a_client_that_could_do_1_2)
{
    struct tls_session_store *store = create_store();
    struct tls_profile *profile = tls_fixture_profile(&(struct tls_fixture_profile){0}, store);
    struct tls_fixture_listener listener = {NULL, profile};
    struct visit visit = {.listeners = &listener,
                          .listener_count = 1,
                          .client = tls_fixture_client(TLS1_3_VERSION, NULL)};

    assert_int_equal(SSL_CTX_set_min_proto_version(visit.client, TLS1_2_VERSION), 1);
    make(&visit);
    make(&visit);
    assert_true(visit.is_resumed);
    SSL_SESSION_free(visit.session);
    SSL_CTX_free(visit.client);
    tls_profile_release(profile);
    tls_session_store_destroy(store);
}

/* A client that says hello twice (RFC 8446 section 4.1.4) offers its ticket twice. */
TEST(resumes_when_the_client_has_to_say_hello_again)
{
    struct tls_session_store *store = create_store();
    struct tls_profile *profile = tls_fixture_profile(
        &(struct tls_fixture_profile){.ask = TLS_ASK, .groups = "P-384"}, store);
    struct tls_fixture_listener listener = {NULL, profile};
    struct tls_fixture_attachment attachment = {1, 5};
    struct visit visit = {.listeners = &listener,
                          .listener_count = 1,
                          .client = tls_fixture_client(TLS1_3_VERSION, &tls_fixture_pki()->client),
                          .attachment = &attachment};

    tls_fixture_set_groups(visit.client, "X25519:P-384");
    make(&visit);
    make(&visit);
    assert_true(visit.is_resumed);
    assert_int_equal(visit.number, 5);
    SSL_SESSION_free(visit.session);
    SSL_CTX_free(visit.client);
    tls_profile_release(profile);
    tls_session_store_destroy(store);
    assert_int_equal(attachment.references, 1);
}

/* ---- several workers ---- */

enum { THREADS = 4, VISITS = 40 };

struct worker {
    pthread_t thread;
    const struct tls_fixture_listener *listener;
    SSL_SESSION *session; /* that all workers begin with; a copy of its own */
    struct tls_fixture_attachment *attachment;
    int version;
    int resumed;
    int wrong;
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct visit visit = {.listeners = worker->listener,
                          .listener_count = 1,
                          .name = "example.com",
                          .client = tls_fixture_client(worker->version, &tls_fixture_pki()->client),
                          .attachment = worker->attachment};

    for (int i = 0; i < VISITS; i++) {
        /* Now the ticket that all have, now the worker's own newest, now a full handshake. */
        if (i % 4 != 1) {
            SSL_SESSION_free(visit.session);
            visit.session = i % 4 == 3 ? NULL : SSL_SESSION_dup(worker->session);
        }
        make(&visit);
        worker->resumed += visit.is_resumed;
        worker->wrong += visit.number != 99;
    }
    SSL_SESSION_free(visit.session);
    SSL_CTX_free(visit.client);
    return NULL;
}

TEST(serves_several_threads_from_one_store)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct tls_session_store *store = create_store();
        struct tls_profile *profile =
            tls_fixture_profile(&(struct tls_fixture_profile){.ask = TLS_ASK}, store);
        struct tls_fixture_listener listener = {NULL, profile};
        struct tls_fixture_attachment attachment = {1, 99};
        struct worker workers[THREADS];
        struct visit visit = {.listeners = &listener,
                              .listener_count = 1,
                              .name = "example.com",
                              .client = tls_fixture_client(version, &tls_fixture_pki()->client),
                              .attachment = &attachment};

        make(&visit);
        for (size_t i = 0; i < THREADS; i++) {
            workers[i] = (struct worker){.listener = &listener,
                                         .session = SSL_SESSION_dup(visit.session),
                                         .attachment = &attachment,
                                         .version = version};
            assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
        }
        for (size_t i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
            assert_int_equal(workers[i].resumed, VISITS - VISITS / 4);
            assert_int_equal(workers[i].wrong, 0);
            SSL_SESSION_free(workers[i].session);
        }
        SSL_SESSION_free(visit.session);
        SSL_CTX_free(visit.client);
        tls_profile_release(profile);
        tls_session_store_destroy(store);
        assert_int_equal(attachment.references, 1);
    }
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(resumes_and_returns_the_attachment_without_judging),
        cmocka_unit_test(keeps_tls_1_3_sessions_small),
        cmocka_unit_test(is_full_at_its_limit_however_many_sessions_there_were),
        cmocka_unit_test(resumes_from_one_ticket_more_than_once),
        cmocka_unit_test(gives_a_session_of_another_context_a_full_handshake),
        cmocka_unit_test(resumes_under_its_own_name_only),
        cmocka_unit_test(ends_a_session_when_its_life_is_over_however_often_it_was_renewed),
        cmocka_unit_test(keeps_no_session_of_a_handshake_that_did_not_finish),
        cmocka_unit_test(forgets_the_session_of_a_connection_that_failed),
        cmocka_unit_test(works_without_a_store),
        cmocka_unit_test(resumes_with_tls_1_3_for_a_client_that_could_do_1_2),
        cmocka_unit_test(resumes_when_the_client_has_to_say_hello_again),
        cmocka_unit_test(serves_several_threads_from_one_store));
}
