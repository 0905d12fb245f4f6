/* SPDX-License-Identifier: Apache-2.0
 *
 * What time it is. Durations are measured on the monotonic clock, dates on the wall clock.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint64_t clock_monotonic_ms(void);
uint64_t clock_monotonic_us(void);
/* Since 1970-01-01 UTC. */
int64_t clock_wall_seconds(void);
int64_t clock_wall_ms(void);

enum { CLOCK_RFC3339_SIZE = 25, CLOCK_HTTP_DATE_SIZE = 30 };

/* "2026-11-21T05:00:00.123Z", NUL-terminated. */
void clock_format_rfc3339(int64_t wall_ms, char text[CLOCK_RFC3339_SIZE]);
/* RFC 9110 section 5.6.7, "Sat, 21 Nov 2026 05:00:00 GMT", NUL-terminated. */
void clock_format_http_date(int64_t wall_seconds, char text[CLOCK_HTTP_DATE_SIZE]);
