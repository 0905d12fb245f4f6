/* SPDX-License-Identifier: Apache-2.0
 *
 * The distance is that of Damerau and Levenshtein, restricted to swaps of neighbours, computed with
 * three rows.
 */
#include "app/config/suggestion_internal.h"

#include <stdbool.h>

enum {
    NAME_BYTES_MAX = 64, /* longer ones get no suggestion */
    LETTERS_FOR_AN_EDIT = 3,
    EDITS_MAX = 3
};

static char fold(char byte)
{
    return byte == '-' ? '_' : ascii_lower(byte);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance_between(struct slice a, struct slice b)
{
    size_t rows[3][NAME_BYTES_MAX + 1];

    for (size_t j = 0; j <= b.size; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.size; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *two_above = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            bool is_same = fold(a.data[i - 1]) == fold(b.data[j - 1]);

            row[j] = smaller(smaller(row[j - 1], above[j]) + 1, above[j - 1] + (is_same ? 0 : 1));
            if (i > 1 && j > 1 && fold(a.data[i - 1]) == fold(b.data[j - 2]) &&
                fold(a.data[i - 2]) == fold(b.data[j - 1]))
                row[j] = smaller(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a.size % 3][b.size];
}

static bool sorts_before(struct slice a, struct slice b)
{
    int order = memcmp(a.data, b.data, smaller(a.size, b.size));

    return order == 0 ? a.size < b.size : order < 0;
}

void suggestion_begin(struct suggestion *suggestion, struct slice written)
{
    size_t edits = smaller(written.size / LETTERS_FOR_AN_EDIT, EDITS_MAX);

    *suggestion = (struct suggestion){.written = written, .distance = (edits == 0 ? 1 : edits) + 1};
}

void suggestion_consider(struct suggestion *suggestion, struct slice known)
{
    struct slice written = suggestion->written;
    size_t distance;

    if (written.size > NAME_BYTES_MAX || known.size > NAME_BYTES_MAX || known.size == 0)
        return;
    /* Names whose lengths differ by more than the distance cannot be nearer. */
    if (written.size > known.size + suggestion->distance ||
        known.size > written.size + suggestion->distance)
        return;
    distance = distance_between(written, known);
    /* What has no letter in its place is another word, however short. */
    if (distance >= written.size || distance > suggestion->distance)
        return;
    if (distance == suggestion->distance &&
        (slice_is_empty(suggestion->nearest) || !sorts_before(known, suggestion->nearest)))
        return;
    suggestion->nearest = known;
    suggestion->distance = distance;
}
