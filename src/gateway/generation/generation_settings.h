/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole configuration as values: what app/config makes of the text, and what a generation is
 * built from. Everything is owned by the loaded configuration and lives as long as it.
 */
#pragma once

#include <stddef.h>

#include "gateway/backend/backend_settings.h"
#include "gateway/connection/connection_limits.h"
#include "gateway/identity/client_certificate_settings.h"
#include "gateway/policy/policy_settings.h"
#include "gateway/rewrite/rewrite.h"
#include "gateway/routing/routing.h"
#include "gateway/telemetry/telemetry.h"
#include "protocol/tls/tls_profile.h"
#include "runtime/log.h"
#include "runtime/position.h"
#include "runtime/resolver.h"

struct route_settings {
    struct route_match_settings match; /* is_exemption is found by the generation */
    struct client_certificate_settings client_certificate;
    const struct identity_header_settings *identity_headers; /* NULL: the listener's */
    size_t identity_header_count;
    bool has_identity_headers;
    bool unverified;                            /* forward what was presented and not verified */
    const struct policy_settings *policy;       /* NULL: none */
    const struct policy_settings *policy_trial; /* judged beside it, never enforced; NULL: none */
    const struct backend_settings *backend;     /* never NULL */
};

struct listener_settings {
    const char *name;         /* never NULL: "listener-1" when nobody said */
    const char *address;      /* "127.0.0.1:8443", as socket_address_parse takes it */
    const char *const *hosts; /* NULL-terminated; NULL: every host */
    const struct tls_profile_settings *tls;
    struct client_certificate_settings client_certificate;
    const struct identity_header_settings *identity_headers;
    size_t identity_header_count;
    const char *server_token; /* default "sallyport" */
    /* "10.0.0.0/8": whose X-Forwarded-For is believed; NULL-terminated; NULL: nobody's */
    const char *const *trusted_proxies;
    struct route_settings *routes;
    size_t route_count;
    struct position position;
};

/* Landlock and seccomp; root is given up in any case. */
enum confinement_filters { CONFINEMENT_FILTERS_ON, CONFINEMENT_FILTERS_OFF };

struct generation_settings {
    struct listener_settings *listeners;
    size_t listener_count;
    struct connection_limits limits;
    struct telemetry_settings telemetry;
    enum log_level events_level;
    const char *events_path;             /* NULL: standard error */
    const char *admin_socket;            /* where commands are taken; NULL: nowhere */
    const char *monitoring_address;      /* where metrics are shown; NULL: nowhere */
    const char *const *monitoring_hosts; /* by which names it may be asked; NULL: none but those of
                                            the machine itself */
    const char *const *fetch_allowed;    /* "10.0.0.0/8": where lists and responders may be besides
                                            the public Internet; NULL-terminated; NULL: nowhere */
    struct resolver_settings resolver;   /* of the names of endpoints */
    const char *state_directory;         /* what is learned is kept there; NULL: nowhere */
    size_t workers;                      /* 0: one a core */
    const char *user;                    /* whom root becomes; NULL: "sallyport", else "nobody" */
    enum confinement_filters filters;
    const char *pseudonym;     /* for Via and Proxy-Status; NULL: one that is drawn at start */
    const char *pkcs11_module; /* NULL: the engine's own */
    const char *const *pkcs11_directories; /* that the module needs, absolute; NULL: none */
    /* What the configuration was read from, absolute; a directory that was searched ends with "/.".
     */
    const char *const *source_files;
    size_t source_file_count;
};
