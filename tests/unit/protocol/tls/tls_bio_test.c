/* SPDX-License-Identifier: Apache-2.0
 *
 * What lies between libssl and the socket: turns, budgets, room, what is put aside, and that an
 * idle connection holds nothing.
 */
#include "support/test.h"

#include "protocol/tls/tls_bio_internal.h"
#include "protocol/tls/tls_connection_internal.h"
#include "support/tls_fixture.h"

/* ---- the memory of libssl ---- */

/* Bytes in blocks that libssl has allocated for the server, while is_counting. */
static size_t counted_bytes;
static bool is_counting;

struct block {
    size_t size;
    size_t counted;
};

static void *counting_allocate(size_t size, const char *file, int line)
{
    struct block *block = malloc(sizeof *block + size);

    (void)file;
    (void)line;
    if (block == NULL)
        return NULL;
    *block = (struct block){size, is_counting ? size : 0};
    counted_bytes += block->counted;
    return block + 1;
}

static void counting_release(void *memory, const char *file, int line)
{
    struct block *block = memory;

    (void)file;
    (void)line;
    if (block == NULL)
        return;
    counted_bytes -= block[-1].counted;
    free(block - 1);
}

static void *counting_resize(void *memory, size_t size, const char *file, int line)
{
    struct block *block = memory;
    char *resized = counting_allocate(size, file, line);

    if (memory == NULL || resized == NULL)
        return resized;
    memcpy(resized, memory, block[-1].size < size ? block[-1].size : size);
    counting_release(memory, file, line);
    return resized;
}

/* ---- a pair that has shaken hands ---- */

struct stage {
    struct tls_fixture_listener listener;
    struct tls_fixture_pair pair;
    SSL_CTX *client;
};

static void prepare_stage(struct stage *stage, int version, uint8_t fragment_mode)
{
    *stage = (struct stage){.client = tls_fixture_client(version, NULL)};
    SSL_CTX_set_tlsext_max_fragment_length(stage->client, fragment_mode);
    stage->listener.profile = tls_fixture_profile(&(struct tls_fixture_profile){0}, NULL);
    stage->pair.owner.listeners = &stage->listener;
    stage->pair.owner.listener_count = 1;
    tls_fixture_open(&stage->pair, stage->client, "example.com");
}

static void open_stage_for(struct stage *stage, int version, uint8_t fragment_mode)
{
    prepare_stage(stage, version, fragment_mode);
    assert_int_equal(tls_fixture_handshake(&stage->pair), TLS_DONE);
}

static void open_stage(struct stage *stage, int version)
{
    open_stage_for(stage, version, TLSEXT_max_fragment_length_DISABLED);
}

static void close_stage(struct stage *stage)
{
    tls_fixture_close(&stage->pair);
    SSL_CTX_free(stage->client);
    tls_profile_release(stage->listener.profile);
}

/* Bytes that show their position. */
static char pattern_at(size_t position)
{
    return (char)((position * 7 + position / 251) & 0xff);
}

static void fill_pattern(char *memory, size_t from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        memory[i] = pattern_at(from + i);
}

static void assert_pattern(const char *memory, size_t from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (memory[i] != pattern_at(from + i))
            fail_msg("byte %zu is wrong", from + i);
}

static void assert_holds_nothing(const struct tls_connection *connection)
{
    assert_null(connection->bio.aside);
    assert_null(connection->bio.tail);
    assert_false(tls_connection_has_input(connection));
    assert_false(tls_connection_has_output(connection));
}

/* ---- output ---- */

TEST(collects_a_turns_records_and_sends_them_together)
{
    struct stage stage;
    char text[64];

    open_stage(&stage, TLS1_3_VERSION);
    assert_true(tls_connection_write(stage.pair.server, SLICE("one ")));
    assert_true(tls_connection_write(stage.pair.server, SLICE("two")));
    assert_true(tls_connection_write(stage.pair.server, SLICE("")));
    assert_int_equal(recv(stage.pair.client_fd, text, sizeof text, MSG_PEEK), -1);
    assert_true(tls_connection_has_output(stage.pair.server));
    assert_int_equal(tls_connection_end_turn(stage.pair.server), TLS_DONE);
    assert_int_equal(tls_fixture_client_read(&stage.pair, text, 4), 4);
    assert_int_equal(tls_fixture_client_read(&stage.pair, text + 4, 3), 3);
    assert_memory_equal(text, "one two", 7);
    assert_holds_nothing(stage.pair.server);
    close_stage(&stage);
}

/* Whatever the pieces, what room promises fits. */
TEST(takes_as_much_as_it_has_room_for)
{
    static const size_t pieces[] = {1, 100, 16383, 16384, 16385, 100000, SIZE_MAX};
    static char memory[TLS_OUTPUT_PLAIN_BYTES];

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
        for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
            struct stage stage;
            size_t room = 0;
            size_t written = 0;

            open_stage(&stage, version);
            assert_int_equal(tls_connection_room(stage.pair.server), TLS_OUTPUT_PLAIN_BYTES);
            for (room = tls_connection_room(stage.pair.server); room > 0;
                 room = tls_connection_room(stage.pair.server)) {
                size_t size = pieces[i] < room ? pieces[i] : room;

                assert_true(tls_connection_write(stage.pair.server, slice_from(memory, size)));
                written += size;
            }
            assert_true(pieces[i] < 1000 || written > TLS_OUTPUT_PLAIN_BYTES / 2);
            /* And the end still fits. */
            room = tls_bio_output_room(&stage.pair.server->bio);
            assert_true(room >= TLS_OUTPUT_RESERVE);
            tls_connection_close_write(stage.pair.server);
            assert_true(tls_bio_output_room(&stage.pair.server->bio) < room);
            close_stage(&stage);
        }
}

/* RFC 6066 section 4: more records for the same bytes. */
TEST(counts_the_records_that_a_client_wants_small)
{
    static char memory[TLS_OUTPUT_PLAIN_BYTES];

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct stage stage;
        size_t room = 0;

        open_stage_for(&stage, version, TLSEXT_max_fragment_length_512);
        room = tls_connection_room(stage.pair.server);
        assert_true(room > 200000 && room < TLS_OUTPUT_PLAIN_BYTES);
        assert_true(tls_connection_write(stage.pair.server, slice_from(memory, room)));
        assert_true(tls_bio_output_room(&stage.pair.server->bio) >= TLS_OUTPUT_RESERVE);
        close_stage(&stage);
    }
}

TEST(waits_for_a_client_that_does_not_read_and_loses_nothing)
{
    static char memory[TLS_OUTPUT_PLAIN_BYTES];
    struct stage stage;
    size_t written = 0;
    size_t received = 0;
    enum tls_outcome outcome = TLS_DONE;
    size_t room = 0;
    int count = 0;

    open_stage(&stage, TLS1_3_VERSION);
    while (outcome == TLS_DONE) {
        room = tls_connection_room(stage.pair.server);
        assert_true(room > 0);
        fill_pattern(memory, written, room);
        assert_true(tls_connection_write(stage.pair.server, slice_from(memory, room)));
        written += room;
        outcome = tls_connection_end_turn(stage.pair.server);
    }
    assert_int_equal(outcome, TLS_WANTS_WRITE);
    assert_int_equal(tls_connection_room(stage.pair.server), 0);
    assert_true(tls_connection_has_output(stage.pair.server));
    assert_true(stage.pair.server->bio.tail_size <= TLS_OUTPUT_BYTES);
    assert_int_equal(tls_connection_end_turn(stage.pair.server), TLS_WANTS_WRITE);

    while (received < written) {
        count = tls_fixture_client_read(&stage.pair, memory, 5000);
        if (count > 0) {
            assert_pattern(memory, received, (size_t)count);
            received += (size_t)count;
        }
        tls_connection_end_turn(stage.pair.server);
    }
    assert_int_equal(tls_connection_end_turn(stage.pair.server), TLS_DONE);
    assert_holds_nothing(stage.pair.server);
    assert_int_equal(tls_connection_room(stage.pair.server), TLS_OUTPUT_PLAIN_BYTES);
    close_stage(&stage);
}

/* What libssl itself has to say while a tail waits is put behind it, up to a limit. */
TEST(bounds_what_a_client_makes_it_answer_without_reading)
{
    static char memory[TLS_OUTPUT_PLAIN_BYTES];
    struct stage stage;
    enum tls_outcome outcome = TLS_DONE;
    size_t count = 0;

    open_stage(&stage, TLS1_2_VERSION);
    while (tls_connection_room(stage.pair.server) > 0) {
        assert_true(tls_connection_write(
            stage.pair.server, slice_from(memory, tls_connection_room(stage.pair.server))));
        tls_connection_end_turn(stage.pair.server);
    }
    /* Each try to renegotiate is answered by an alert; the second ends it. */
    for (int i = 0; i < 3 && outcome != TLS_FAILED; i++) {
        SSL_renegotiate(stage.pair.client);
        SSL_do_handshake(stage.pair.client);
        tls_fixture_flush(&stage.pair);
        outcome = tls_connection_read(stage.pair.server, memory, 100, &count);
        assert_int_not_equal(outcome, TLS_DONE);
        tls_connection_end_turn(stage.pair.server);
        assert_true(stage.pair.server->bio.tail_size <= TLS_OUTPUT_BYTES);
    }
    close_stage(&stage);
}

/* libssl answers each KeyUpdate before it reads on. While its answers have no room, input that is
 * here is none: asking again would spin. */
TEST(reads_on_when_there_is_room_for_the_answers)
{
    static char memory[TLS_OUTPUT_PLAIN_BYTES];
    struct stage stage;
    enum tls_outcome outcome = TLS_WANTS_WRITE;
    size_t count = 0;
    int blocked = 0;

    open_stage(&stage, TLS1_3_VERSION);
    /* Enough was read to earn that many new keys. */
    stage.pair.server->bytes_read = 1024ULL * 1024 * 1024;
    for (int i = 0; i < 500; i++) {
        assert_int_equal(SSL_key_update(stage.pair.client, SSL_KEY_UPDATE_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(stage.pair.client), 1);
    }
    tls_fixture_client_write(&stage.pair, "after");
    while (tls_connection_room(stage.pair.server) > 0)
        assert_true(tls_connection_write(
            stage.pair.server, slice_from(memory, tls_connection_room(stage.pair.server))));

    while (outcome == TLS_WANTS_WRITE) {
        outcome = tls_connection_read(stage.pair.server, memory, sizeof memory, &count);
        if (outcome != TLS_WANTS_WRITE)
            break;
        blocked++;
        assert_false(tls_connection_has_input(stage.pair.server));
        while (tls_connection_end_turn(stage.pair.server) == TLS_WANTS_WRITE) {
            assert_false(tls_connection_has_input(stage.pair.server));
            while (tls_fixture_client_read(&stage.pair, memory, sizeof memory) > 0) {
            }
        }
        assert_true(tls_connection_has_input(stage.pair.server));
    }
    assert_true(blocked > 0);
    assert_int_equal(outcome, TLS_DONE);
    assert_int_equal(count, 5);
    close_stage(&stage);
}

TEST(reports_a_broken_socket)
{
    struct stage stage;

    open_stage(&stage, TLS1_3_VERSION);
    tls_fixture_hang_up(&stage.pair);
    assert_true(tls_connection_write(stage.pair.server, SLICE("anybody?")));
    assert_int_equal(tls_connection_end_turn(stage.pair.server), TLS_FAILED);
    assert_int_equal(tls_connection_failure(stage.pair.server).reason, REASON_REQUEST_ABANDONED);
    assert_int_equal(tls_connection_room(stage.pair.server), 0);
    assert_false(tls_connection_write(stage.pair.server, SLICE("no")));
    assert_int_equal(tls_connection_end_turn(stage.pair.server), TLS_FAILED);
    assert_false(tls_connection_has_output(stage.pair.server));
    close_stage(&stage);
}

/* ---- input ---- */

/* Sends records of `record` bytes, `total` in all, as far as the socket takes them. */
static size_t send_records(struct stage *stage, size_t record, size_t total)
{
    char memory[16384];
    size_t sent = 0;

    for (; sent < total; sent += record) {
        fill_pattern(memory, sent, record);
        assert_int_equal(SSL_write(stage->pair.client, memory, (int)record), record);
    }
    tls_fixture_flush(&stage->pair);
    return sent;
}

TEST(reads_byte_by_byte_as_well_as_at_once)
{
    static const size_t sizes[] = {1, 7, 1000, 16384, 40000, 100000};
    static char memory[100000];

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct stage stage;
        size_t total = 0;
        size_t received = 0;

        open_stage(&stage, TLS1_3_VERSION);
        total = send_records(&stage, 16000, 64000);
        while (received < total) {
            size_t count = 0;

            assert_int_equal(tls_connection_read(stage.pair.server, memory, sizes[i], &count),
                             TLS_DONE);
            assert_true(count > 0 && count <= sizes[i]);
            assert_pattern(memory, received, count);
            received += count;
            /* A turn for each read: what is left is put aside and comes back. */
            if (received % 3 == 0)
                assert_int_equal(tls_connection_end_turn(stage.pair.server), TLS_DONE);
            if (received < total)
                assert_true(tls_connection_has_input(stage.pair.server));
        }
        assert_int_equal(tls_connection_end_turn(stage.pair.server), TLS_DONE);
        assert_holds_nothing(stage.pair.server);
        close_stage(&stage);
    }
}

/* Half a record is no input: asking again and again would spin. A whole one is: waiting for the
 * socket would hang. */
TEST(knows_half_a_record_from_a_whole_one)
{
    struct stage stage;
    char text[16];
    char *bytes = NULL;
    size_t count = 0;
    long size = 0;

    open_stage(&stage, TLS1_3_VERSION);
    assert_int_equal(SSL_write(stage.pair.client, "first", 5), 5);
    assert_int_equal(SSL_write(stage.pair.client, "second", 6), 6);
    size = BIO_get_mem_data(SSL_get_wbio(stage.pair.client), &bytes);

    tls_fixture_send(&stage.pair, bytes, (size_t)size - 1);
    assert_int_equal(tls_connection_read(stage.pair.server, text, 5, &count), TLS_DONE);
    assert_int_equal(count, 5);
    assert_false(tls_connection_has_input(stage.pair.server));
    assert_int_equal(tls_connection_end_turn(stage.pair.server), TLS_DONE);
    assert_false(tls_connection_has_input(stage.pair.server));
    assert_int_equal(tls_connection_read(stage.pair.server, text, sizeof text, &count),
                     TLS_WANTS_READ);
    assert_int_equal(tls_connection_end_turn(stage.pair.server), TLS_DONE);
    assert_false(tls_connection_has_input(stage.pair.server));

    tls_fixture_send(&stage.pair, bytes + size - 1, 1);
    assert_int_equal(tls_connection_read(stage.pair.server, text, 3, &count), TLS_DONE);
    assert_true(tls_connection_has_input(stage.pair.server));
    assert_int_equal(tls_connection_read(stage.pair.server, text + 3, 3, &count), TLS_DONE);
    assert_memory_equal(text, "second", 6);
    assert_false(tls_connection_has_input(stage.pair.server));
    (void)BIO_reset(SSL_get_wbio(stage.pair.client));
    close_stage(&stage);
}

TEST(reads_no_more_in_a_turn_than_its_budget)
{
    static char memory[1024 * 1024];
    struct stage stage;
    size_t total = 0;
    size_t received = 0;
    int turns = 0;

    open_stage(&stage, TLS1_3_VERSION);
    total = send_records(&stage, 10000, 150000);
    while (received < total) {
        size_t count = 0;

        assert_int_equal(tls_connection_read(stage.pair.server, memory, sizeof memory, &count),
                         TLS_DONE);
        /* With what was left of a record of the turn before. */
        assert_true(count <= TLS_INPUT_BYTES + TLS_FRAGMENT_BYTES);
        assert_pattern(memory, received, count);
        received += count;
        /* The rest is the socket's to announce. */
        assert_false(tls_connection_has_input(stage.pair.server));
        assert_int_equal(tls_connection_end_turn(stage.pair.server), TLS_DONE);
        turns++;
    }
    assert_true(turns >= 3);
    close_stage(&stage);
}

TEST(finds_the_first_request_that_came_with_the_handshake)
{
    struct stage stage;
    char text[16];
    size_t count = 0;

    stage = (struct stage){.client = tls_fixture_client(TLS1_3_VERSION, NULL)};
    stage.listener.profile = tls_fixture_profile(&(struct tls_fixture_profile){0}, NULL);
    stage.pair.owner.listeners = &stage.listener;
    stage.pair.owner.listener_count = 1;
    tls_fixture_open(&stage.pair, stage.client, NULL);
    tls_fixture_client_step(&stage.pair);
    tls_fixture_server_step(&stage.pair);
    tls_fixture_fetch(&stage.pair);
    assert_int_equal(SSL_do_handshake(stage.pair.client), 1);
    assert_int_equal(SSL_write(stage.pair.client, "GET", 3), 3);
    tls_fixture_flush(&stage.pair);

    assert_int_equal(tls_connection_handshake(stage.pair.server), TLS_DONE);
    assert_true(tls_connection_has_input(stage.pair.server));
    assert_int_equal(tls_connection_end_turn(stage.pair.server), TLS_DONE);
    assert_true(tls_connection_has_input(stage.pair.server));
    assert_int_equal(tls_connection_read(stage.pair.server, text, sizeof text, &count), TLS_DONE);
    assert_int_equal(count, 3);
    close_stage(&stage);
}

/* ---- turns ---- */

TEST(lets_connections_take_turns)
{
    static char memory[4096];
    struct stage stages[2];
    struct tls_turn *turn = NULL;
    struct tls_connection *mine = NULL;
    size_t received[2] = {0, 0};
    size_t total = 0;

    open_stage(&stages[0], TLS1_3_VERSION);
    open_stage(&stages[1], TLS1_2_VERSION);
    /* The second from now on shares the turn of the first. */
    turn = stages[1].pair.turn;
    mine = stages[1].pair.server;
    mine->bio.turn = stages[0].pair.turn;
    total = send_records(&stages[0], 8000, 40000);
    send_records(&stages[1], 8000, 40000);
    while (received[0] < total || received[1] < total)
        for (size_t i = 0; i < 2; i++) {
            size_t count = 0;

            if (received[i] == total)
                continue;
            assert_int_equal(
                tls_connection_read(stages[i].pair.server, memory, sizeof memory, &count),
                TLS_DONE);
            assert_pattern(memory, received[i], count);
            received[i] += count;
            assert_int_equal(tls_connection_end_turn(stages[i].pair.server), TLS_DONE);
        }
    mine->bio.turn = turn;
    close_stage(&stages[1]);
    close_stage(&stages[0]);
}

/* A connection that is destroyed in the middle of its turn leaves it to the next. */
TEST(leaves_the_turn_when_it_is_destroyed)
{
    struct stage stage;

    open_stage(&stage, TLS1_3_VERSION);
    assert_true(tls_connection_write(stage.pair.server, SLICE("never sent")));
    close_stage(&stage);
}

static enum tls_outcome serve(struct stage *stage, char *memory, size_t size)
{
    enum tls_outcome outcome = TLS_DONE;
    size_t count = 0;

    is_counting = true;
    if (tls_connection_room(stage->pair.server) >= size)
        assert_true(tls_connection_write(stage->pair.server, slice_from(memory, size)));
    while (outcome == TLS_DONE)
        outcome = tls_connection_read(stage->pair.server, memory, 5000, &count);
    assert_int_equal(outcome, TLS_WANTS_READ);
    outcome = tls_connection_end_turn(stage->pair.server);
    is_counting = false;
    return outcome;
}

TEST(holds_no_buffer_while_idle)
{
    static char memory[TLS_OUTPUT_PLAIN_BYTES];

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct stage stage;
        size_t after_handshake = 0;

        counted_bytes = 0;
        prepare_stage(&stage, version, TLSEXT_max_fragment_length_DISABLED);
        while (stage.pair.outcome != TLS_DONE) {
            tls_fixture_client_step(&stage.pair);
            is_counting = true;
            tls_fixture_server_step(&stage.pair);
            is_counting = false;
        }
        tls_fixture_client_step(&stage.pair);
        assert_holds_nothing(stage.pair.server);
        after_handshake = counted_bytes;
        for (int i = 0; i < 3; i++) {
            send_records(&stage, 16000, 48000);
            while (serve(&stage, memory, 100000) == TLS_WANTS_WRITE)
                while (tls_fixture_client_read(&stage.pair, memory, sizeof memory) > 0) {
                }
            while (tls_fixture_client_read(&stage.pair, memory, sizeof memory) > 0) {
            }
            assert_holds_nothing(stage.pair.server);
        }
        /* One buffer of libssl would be 16 KiB more. */
        assert_true(after_handshake < 16 * 1024);
        assert_true(counted_bytes < after_handshake + 1024);
        close_stage(&stage);
    }
}

int main(void)
{
    assert_int_equal(CRYPTO_set_mem_functions(counting_allocate, counting_resize, counting_release),
                     1);
    return RUN_TESTS(cmocka_unit_test(collects_a_turns_records_and_sends_them_together),
                     cmocka_unit_test(takes_as_much_as_it_has_room_for),
                     cmocka_unit_test(counts_the_records_that_a_client_wants_small),
                     cmocka_unit_test(waits_for_a_client_that_does_not_read_and_loses_nothing),
                     cmocka_unit_test(bounds_what_a_client_makes_it_answer_without_reading),
                     cmocka_unit_test(reads_on_when_there_is_room_for_the_answers),
                     cmocka_unit_test(reports_a_broken_socket),
                     cmocka_unit_test(reads_byte_by_byte_as_well_as_at_once),
                     cmocka_unit_test(knows_half_a_record_from_a_whole_one),
                     cmocka_unit_test(reads_no_more_in_a_turn_than_its_budget),
                     cmocka_unit_test(finds_the_first_request_that_came_with_the_handshake),
                     cmocka_unit_test(lets_connections_take_turns),
                     cmocka_unit_test(leaves_the_turn_when_it_is_destroyed),
                     cmocka_unit_test(holds_no_buffer_while_idle));
}
