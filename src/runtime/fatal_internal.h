/* SPDX-License-Identifier: Apache-2.0
 *
 * The end of the process where it cannot go on: no memory, no randomness, no event loop.
 */
#pragma once

/* Writes one line to standard error and aborts. Allocates nothing. */
_Noreturn void fatal_end_process(const char *text);
/* The same for what is nobody's mistake: exits with status 1, without a core. */
_Noreturn void fatal_give_up(const char *text);
