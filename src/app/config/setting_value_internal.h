/* SPDX-License-Identifier: Apache-2.0
 *
 * Values with units: text to number and back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/slice.h"

/* "500ms", "30s", "5m", "2h", in milliseconds. */
bool setting_parse_duration(struct slice text, uint64_t *milliseconds);
/* "512", "512B", "32KiB", "1MiB", "2GiB", "1TiB", in bytes. */
bool setting_parse_size(struct slice text, uint64_t *bytes);

enum { SETTING_VALUE_TEXT_SIZE = 32 };

/* With the largest unit that divides it. */
void setting_format_duration(uint64_t milliseconds, char text[SETTING_VALUE_TEXT_SIZE]);
void setting_format_size(uint64_t bytes, char text[SETTING_VALUE_TEXT_SIZE]);
