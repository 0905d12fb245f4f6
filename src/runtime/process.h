/* SPDX-License-Identifier: Apache-2.0
 *
 * What a process of ours must be rid of before it does anything: settings that came by way of the
 * environment and nobody wrote into a configuration, and core dumps with keys in them.
 */
#pragma once

/* Called first in main, while there is one thread. Whoever needs a debugger's core dump raises the
 * soft limit again; keys are then on disk. */
void process_prepare(void);
