/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "runtime/buffer.h"

enum { CAPACITY = 16 };

struct fixture {
    char memory[CAPACITY];
    struct buffer buffer;
};

static void start_with(struct fixture *fixture, struct slice content)
{
    buffer_init(&fixture->buffer, fixture->memory, CAPACITY);
    assert_true(buffer_append(&fixture->buffer, content));
}

static void assert_readable(const struct buffer *buffer, struct slice expected)
{
    struct slice readable = buffer_readable(buffer);

    assert_int_equal(readable.size, expected.size);
    assert_true(slice_equals(readable, expected));
}

TEST(what_is_appended_can_be_read_in_order)
{
    struct fixture fixture;

    start_with(&fixture, SLICE("ab"));
    assert_true(buffer_append_byte(&fixture.buffer, 'c'));
    assert_true(buffer_append_u64(&fixture.buffer, 0));
    assert_true(buffer_append_format(&fixture.buffer, "%s-%d", "x", 7));
    assert_readable(&fixture.buffer, SLICE("abc0x-7"));
    assert_int_equal(buffer_room(&fixture.buffer), CAPACITY - 7);
}

TEST(what_does_not_fit_changes_nothing)
{
    struct fixture fixture;

    start_with(&fixture, SLICE("0123456789ab"));
    assert_false(buffer_append(&fixture.buffer, SLICE("12345")));
    assert_false(buffer_append_format(&fixture.buffer, "%s", "12345"));
    assert_false(buffer_append_u64(&fixture.buffer, 12345));
    assert_readable(&fixture.buffer, SLICE("0123456789ab"));
    assert_true(buffer_append(&fixture.buffer, SLICE("cdef")));
    assert_false(buffer_append_byte(&fixture.buffer, 'x'));
    assert_false(buffer_append_format(&fixture.buffer, "x"));
    assert_true(buffer_append(&fixture.buffer, SLICE("")));
    assert_true(buffer_append_format(&fixture.buffer, "%s", ""));
    assert_readable(&fixture.buffer, SLICE("0123456789abcdef"));
}

/* printf's NUL has no room there, and needs none. */
TEST(a_formatted_text_may_fill_the_last_byte)
{
    struct fixture fixture;

    start_with(&fixture, SLICE("0123456789ab"));
    assert_true(buffer_append_format(&fixture.buffer, "%d", 1234));
    assert_readable(&fixture.buffer, SLICE("0123456789ab1234"));
    assert_int_equal(buffer_room(&fixture.buffer), 0);
}

TEST(numbers_are_written_in_decimal)
{
    char memory[64];
    struct buffer buffer;

    buffer_init(&buffer, memory, sizeof memory);
    assert_true(buffer_append_u64(&buffer, UINT64_MAX));
    assert_true(buffer_append_byte(&buffer, ' '));
    assert_true(buffer_append_u64(&buffer, 10));
    assert_readable(&buffer, SLICE("18446744073709551615 10"));
}

TEST(compacting_makes_room_of_what_was_consumed)
{
    struct fixture fixture;

    start_with(&fixture, SLICE("0123456789abcdef"));
    buffer_consume(&fixture.buffer, 10);
    assert_int_equal(buffer_room(&fixture.buffer), 0);
    buffer_compact(&fixture.buffer);
    assert_int_equal(buffer_room(&fixture.buffer), 10);
    assert_readable(&fixture.buffer, SLICE("abcdef"));
    assert_ptr_equal(buffer_tail(&fixture.buffer), fixture.memory + 6);
}

TEST(a_buffer_without_memory_is_empty_and_full)
{
    struct buffer buffer;

    buffer_init(&buffer, NULL, 0);
    assert_int_equal(buffer_room(&buffer), 0);
    assert_readable(&buffer, SLICE(""));
    assert_true(buffer_append(&buffer, SLICE("")));
    assert_false(buffer_append_byte(&buffer, 'x'));
    buffer_compact(&buffer);
    buffer_reset(&buffer);
    assert_readable(&buffer, SLICE(""));
}

/* The model keeps everything that was ever written, and how much of it was read. */
struct model {
    char bytes[200000];
    size_t read;
    size_t written;
    size_t consumed_since_compact;
};

static void step(struct buffer *buffer, struct model *model, uint32_t *seed)
{
    size_t count = random_below(seed, CAPACITY + 4);
    size_t left = model->written - model->read;
    size_t room = CAPACITY - left - model->consumed_since_compact;

    switch (random_below(seed, 4)) {
    case 0:
        for (size_t i = 0; i < count; i++)
            model->bytes[model->written + i] = (char)random_below(seed, 256);
        if (buffer_append(buffer, slice_from(model->bytes + model->written, count)))
            model->written += count;
        else
            assert_true(count > room);
        break;
    case 1:
        count = count < room ? count : room;
        memset(buffer_tail(buffer), 'w', count);
        memset(model->bytes + model->written, 'w', count);
        buffer_wrote(buffer, count);
        model->written += count;
        break;
    case 2:
        count = count < left ? count : left;
        buffer_consume(buffer, count);
        model->read += count;
        model->consumed_since_compact += count;
        break;
    default:
        buffer_compact(buffer);
        model->consumed_since_compact = 0;
        break;
    }
}

TEST(a_random_walk_never_leaves_the_plain_model)
{
    static struct model model;
    struct fixture fixture;
    uint32_t seed = 7;

    start_with(&fixture, SLICE(""));
    for (unsigned i = 0; i < 20000; i++) {
        step(&fixture.buffer, &model, &seed);
        assert_readable(&fixture.buffer,
                        slice_from(model.bytes + model.read, model.written - model.read));
        assert_int_equal(buffer_room(&fixture.buffer),
                         CAPACITY - (model.written - model.read) - model.consumed_since_compact);
        assert_true(fixture.buffer.read <= fixture.buffer.written);
        assert_true(fixture.buffer.written <= fixture.buffer.capacity);
    }
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(what_is_appended_can_be_read_in_order),
                     cmocka_unit_test(what_does_not_fit_changes_nothing),
                     cmocka_unit_test(a_formatted_text_may_fill_the_last_byte),
                     cmocka_unit_test(numbers_are_written_in_decimal),
                     cmocka_unit_test(compacting_makes_room_of_what_was_consumed),
                     cmocka_unit_test(a_buffer_without_memory_is_empty_and_full),
                     cmocka_unit_test(a_random_walk_never_leaves_the_plain_model));
}
