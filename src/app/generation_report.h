/* SPDX-License-Identifier: Apache-2.0
 *
 * What was noticed while a generation was built, and does not keep it from being used.
 */
#pragma once

#include <stddef.h>

struct generation;

/* As warnings, one event each; how many there were. */
size_t generation_report(const struct generation *generation);
