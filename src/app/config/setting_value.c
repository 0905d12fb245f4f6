/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole number and a unit right behind it. There are no fractions and no sums.
 */
#include "app/config/setting_value_internal.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/* Both from small to large. */
static const struct unit durations[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
static const struct unit sizes[] = {{"B", 1},
                                    {"KiB", UINT64_C(1) << 10},
                                    {"MiB", UINT64_C(1) << 20},
                                    {"GiB", UINT64_C(1) << 30},
                                    {"TiB", UINT64_C(1) << 40}};
enum {
    DURATION_COUNT = sizeof(durations) / sizeof(*durations),
    SIZE_COUNT = sizeof(sizes) / sizeof(*sizes)
};

static bool parse_with_unit(struct slice text, const struct unit *units, size_t count,
                            uint64_t *value)
{
    size_t digits = 0;
    uint64_t number;

    while (digits < text.size && ascii_is_digit(text.data[digits]))
        digits++;
    if (!slice_parse_u64(slice_first(text, digits), &number))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!slice_equals(slice_after(text, digits), slice_from_text(units[i].name)))
            continue;
        if (number > UINT64_MAX / units[i].factor)
            return false;
        *value = number * units[i].factor;
        return true;
    }
    return false;
}

bool setting_parse_duration(struct slice text, uint64_t *milliseconds)
{
    return parse_with_unit(text, durations, DURATION_COUNT, milliseconds);
}

bool setting_parse_size(struct slice text, uint64_t *bytes)
{
    return slice_parse_u64(text, bytes) || parse_with_unit(text, sizes, SIZE_COUNT, bytes);
}

static void format_with_unit(uint64_t value, const struct unit *units, size_t count,
                             char text[SETTING_VALUE_TEXT_SIZE])
{
    const struct unit *unit = &units[0];

    for (size_t i = 0; i < count; i++)
        if (value > 0 && value % units[i].factor == 0)
            unit = &units[i];
    snprintf(text, SETTING_VALUE_TEXT_SIZE, "%" PRIu64 "%s", value / unit->factor, unit->name);
}

void setting_format_duration(uint64_t milliseconds, char text[SETTING_VALUE_TEXT_SIZE])
{
    format_with_unit(milliseconds, durations, DURATION_COUNT, text);
}

void setting_format_size(uint64_t bytes, char text[SETTING_VALUE_TEXT_SIZE])
{
    format_with_unit(bytes, sizes, SIZE_COUNT, text);
}
