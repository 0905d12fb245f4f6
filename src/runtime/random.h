/* SPDX-License-Identifier: Apache-2.0
 *
 * Unpredictable bytes from the kernel. Failure ends the process: nothing may go on without them.
 */
#pragma once

#include <stddef.h>

void random_fill(void *memory, size_t size);
