/* SPDX-License-Identifier: Apache-2.0
 *
 * Where in a configuration something was said, so that whatever goes wrong with it later can
 * name the place.
 */
#pragma once

struct position {
    const char *file; /* borrowed from the loaded configuration; NULL: nowhere */
    unsigned line;    /* from 1 */
    unsigned column;  /* from 1 */
};
