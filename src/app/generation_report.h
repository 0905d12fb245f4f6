/* SPDX-License-Identifier: Apache-2.0
 *
 * What was noticed while a generation was built, and does not keep it from being used.
 */
#pragma once

#include <stddef.h>

struct generation;
struct public_authorities;

/* The system's, or those of the file that SSL_CERT_FILE names; NULL where there are none. Read
 * once, because a confined process cannot. */
struct public_authorities *generation_report_load_authorities(void);

/* As warnings, one event each; how many there were. */
size_t generation_report(const struct generation *generation,
                         const struct public_authorities *authorities);
