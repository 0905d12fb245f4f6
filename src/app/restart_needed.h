/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings that hold from the start of the process to its end: a reload that would change one says
 * so, as long as it differs from what is in force, and changes the rest.
 */
#pragma once

#include "gateway/generation/generation_settings.h"

struct fixed_settings {
    size_t workers;
    char *user;
    enum confinement_filters filters;
    char *admin_socket;
    char *state_directory;
    char *monitoring_address;
    char **monitoring_hosts; /* ends with NULL; NULL: none */
    char *pkcs11_module;
    char **pkcs11_directories;
};

/* Keeps copies. */
void fixed_settings_keep(struct fixed_settings *fixed, const struct generation_settings *settings);
void fixed_settings_release(struct fixed_settings *fixed);
/* A warning for each setting that is another now. */
void fixed_settings_warn(const struct fixed_settings *fixed,
                         const struct generation_settings *next);
