/* SPDX-License-Identifier: Apache-2.0
 *
 * Whom an explanation is about: a certificate from a file, as a client would show it.
 */
#pragma once

#include "gateway/identity/presented_certificate.h"
#include "runtime/error.h"

struct explain_client_files {
    const char *certificate; /* PEM, DER or PFX; what follows a PEM's first is shown too */
    const char *chain;       /* PEM, shown behind it; NULL: none */
    const char *password;    /* a file with the password of a PFX; NULL: there is none */
};

/* A reference. NULL and an error that names the file. A key in the file is not looked at. */
struct presented_certificate *explain_client_load(const struct explain_client_files *files,
                                                  struct error *error);
