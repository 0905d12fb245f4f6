/* SPDX-License-Identifier: Apache-2.0
 *
 * The three parts of a confinement, each of which knows nothing of the others.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/error.h"

/* What the sanitizers need to do their work at the end: a process that looks at ours. */
#if defined(__SANITIZE_ADDRESS__)
#define CONFINEMENT_WITH_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CONFINEMENT_WITH_ADDRESS_SANITIZER 1
#endif
#endif
#ifndef CONFINEMENT_WITH_ADDRESS_SANITIZER
#define CONFINEMENT_WITH_ADDRESS_SANITIZER 0
#endif

/* ---- privileges.c: whom the process becomes -------------------------------------------------- */

enum { PRIVILEGES_GROUPS_MAX = 256, PRIVILEGES_NAME_SIZE = 64 };

struct privileges_user {
    char name[PRIVILEGES_NAME_SIZE];
    uid_t uid;
    gid_t gid;
    gid_t groups[PRIVILEGES_GROUPS_MAX];
    int group_count;
};

bool privileges_are_root(void);
/* Asks the system's user database, which may read files and open sockets. */
bool privileges_find_user(const char *name, struct privileges_user *user, struct error *error);
/* No program that is run later gains anything by its mode or its capabilities. */
bool privileges_stop_gaining(struct error *error);
/* Gives up root and every capability, for good; proves it. */
bool privileges_become(const struct privileges_user *user, struct error *error);
/* Neither core dumps nor debuggers of the same user. */
bool privileges_hide_memory(struct error *error);

/* ---- landlock.c: which files and ports ------------------------------------------------------- */

enum landlock_use { LANDLOCK_READ, LANDLOCK_WRITE };

struct landlock_path {
    char *path; /* a directory with all below it, or a file; what does not exist is skipped */
    enum landlock_use use;
};

struct landlock_rules {
    const struct landlock_path *paths;
    size_t path_count;
    const uint16_t *ports;
    size_t port_count;
    bool limits_ports;
};

/* The version that the kernel has; 0: none, or it is not in use. */
int landlock_version(void);
/* Whether that version knows ports. */
bool landlock_version_has_ports(int version);
/* Restricts the calling thread and all that it starts. */
bool landlock_restrict(int version, const struct landlock_rules *rules, struct error *error);

/* ---- system_calls.c: what may be asked of the kernel ----------------------------------------- */

bool system_calls_can_be_restricted(void);
/* The calling thread, and all that it starts. */
bool system_calls_restrict(struct error *error);
