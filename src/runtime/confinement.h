/* SPDX-License-Identifier: Apache-2.0
 *
 * Confinement: what a process that somebody took over could still do. It is not root, cannot
 * become root, runs no other program, reads the directories that its configuration lives in and
 * writes those that it was given; nothing widens this again. docs/CONFINEMENT.md has the lists.
 *
 * Applied once, by the only thread, so that every thread to come inherits it: after the listening
 * sockets were opened and keys were read, before a byte is read from the network.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/error.h"

struct confinement;

/* Lists of paths end with NULL; NULL is an empty list. */
struct confinement_settings {
    const char *user;         /* whom root becomes; NULL: "sallyport", else "nobody" */
    bool without_filters;     /* neither Landlock nor seccomp; root is given up all the same */
    const char *const *files; /* read now and after a reload: their directories, and the
                                 directories that they lie in where links were followed */
    const char *const *read_directories;
    const char *const *write_directories; /* files in them may be made, changed and removed */
    const uint16_t *ports;                /* that TCP sockets may still be bound to; 0 stands for
                                             "one that the system chooses" */
    size_t port_count;
    bool limits_ports; /* false: every port */
};

/* NULL when the process must not go on. What the kernel cannot do is no error but a warning. */
struct confinement *confinement_apply(const struct confinement_settings *settings,
                                      struct error *error);
/* Forgets; what was applied stays. NULL is fine. */
void confinement_destroy(struct confinement *confinement);

/* "user nobody, Landlock 7, system calls filtered". */
const char *confinement_description(const struct confinement *confinement);
/* What the operator ought to know, a sentence each; NULL behind the last. */
const char *confinement_warning(const struct confinement *confinement, size_t index);

/* False when only a restart can make the file readable. For messages: the kernel decides. */
bool confinement_covers(const struct confinement *confinement, const char *path);
bool confinement_covers_port(const struct confinement *confinement, uint16_t port);
