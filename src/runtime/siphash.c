/* SPDX-License-Identifier: Apache-2.0
 *
 * SipHash-2-4: two rounds for each word of eight bytes, four at the end. The names of the
 * variables are the paper's.
 */
#include "runtime/siphash.h"

#include <endian.h>
#include <string.h>

#include "runtime/random.h"

struct state {
    uint64_t v0;
    uint64_t v1;
    uint64_t v2;
    uint64_t v3;
};

static uint64_t rotate_left(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static void do_rounds(struct state *state, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        state->v0 += state->v1;
        state->v1 = rotate_left(state->v1, 13) ^ state->v0;
        state->v0 = rotate_left(state->v0, 32);
        state->v2 += state->v3;
        state->v3 = rotate_left(state->v3, 16) ^ state->v2;
        state->v0 += state->v3;
        state->v3 = rotate_left(state->v3, 21) ^ state->v0;
        state->v2 += state->v1;
        state->v1 = rotate_left(state->v1, 17) ^ state->v2;
        state->v2 = rotate_left(state->v2, 32);
    }
}

static void add_word(struct state *state, uint64_t word)
{
    state->v3 ^= word;
    do_rounds(state, 2);
    state->v0 ^= word;
}

/* Little-endian, at most eight bytes. */
static uint64_t read_word(struct slice bytes)
{
    uint64_t word = 0;

    if (bytes.size == sizeof word) {
        memcpy(&word, bytes.data, sizeof word);
        return le64toh(word);
    }
    for (size_t i = 0; i < bytes.size; i++)
        word |= (uint64_t)(unsigned char)bytes.data[i] << (8 * i);
    return word;
}

struct siphash_key siphash_key_create(void)
{
    struct siphash_key key;

    random_fill(&key, sizeof key);
    return key;
}

uint64_t siphash(struct siphash_key key, struct slice bytes)
{
    struct state state = {
        .v0 = key.low ^ UINT64_C(0x736f6d6570736575),
        .v1 = key.high ^ UINT64_C(0x646f72616e646f6d),
        .v2 = key.low ^ UINT64_C(0x6c7967656e657261),
        .v3 = key.high ^ UINT64_C(0x7465646279746573),
    };
    struct slice rest = bytes;

    for (; rest.size >= 8; rest = slice_after(rest, 8))
        add_word(&state, read_word(slice_first(rest, 8)));
    add_word(&state, read_word(rest) | (uint64_t)bytes.size << 56);

    state.v2 ^= 0xff;
    do_rounds(&state, 4);
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}
