/* SPDX-License-Identifier: Apache-2.0
 *
 * See generation_report.h.
 */
#include "app/generation_report.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/generation/generation.h"
#include "gateway/identity/judging_context.h"
#include "protocol/tls/tls_profile.h"
#include "protocol/x509/public_authorities.h"
#include "runtime/log.h"
#include "runtime/memory.h"

enum { NAME_BYTES = 256 };

/* Where the distributions keep what browsers and tools trust. */
static const char *const bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt", /* Debian and its family, Alpine, Arch */
    "/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora and its family */
    "/etc/ssl/ca-bundle.pem",             /* SUSE */
};

struct public_authorities *generation_report_load_authorities(void)
{
    const char *named = getenv(X509_get_default_cert_file_env());
    struct public_authorities *authorities = NULL;

    if (named != NULL)
        return public_authorities_load(named);
    for (size_t i = 0; authorities == NULL && i < sizeof(bundles) / sizeof(*bundles); i++)
        authorities = public_authorities_load(bundles[i]);
    return authorities;
}

/* Is there a route on which being known to this profile is all that is asked for? */
static bool is_enough_somewhere(const struct generation_settings *settings,
                                const struct trust_profile_settings *trust)
{
    for (size_t i = 0; i < settings->listener_count; i++) {
        const struct listener_settings *listener = &settings->listeners[i];

        for (size_t j = 0; j < listener->route_count; j++) {
            const struct route_settings *route = &listener->routes[j];
            const struct client_certificate_settings *own = &route->client_certificate;

            if (route->policy == NULL &&
                (own->trust == NULL ? listener->client_certificate.trust : own->trust) == trust)
                return true;
        }
    }
    return false;
}

/* Everybody can get a certificate of a public CA, so having one says nothing about who it is. */
static size_t warn_of_public_trust(const struct trust_profile_settings *settings,
                                   const struct trust_store *anchors,
                                   const struct public_authorities *authorities, bool has_policy)
{
    for (size_t i = 0; !has_policy && i < trust_store_count(anchors); i++) {
        const X509 *anchor = trust_store_anchor(anchors, i);
        char name[NAME_BYTES] = "";

        if (!public_authorities_have(authorities, anchor))
            continue;
        X509_NAME_oneline(X509_get_subject_name(anchor), name, sizeof(name));
        log_event(LOG_WARNING,
                  "%s:%u:%u: %s trusts the public CA '%s', of which anybody can get a certificate, "
                  "and no policy says who is meant",
                  settings->position.file == NULL ? "" : settings->position.file,
                  settings->position.line, settings->position.column,
                  settings->name == NULL ? "this trust profile" : settings->name, name);
        return 1;
    }
    return 0;
}

static size_t report_trust(const struct generation *generation,
                           const struct public_authorities *authorities)
{
    const struct generation_settings *settings = generation_get_settings(generation);
    size_t count = 0;

    for (size_t i = 0; i < generation_trust_count(generation); i++) {
        const struct trust_profile_settings *trust = generation_trust_settings(generation, i);

        count +=
            warn_of_public_trust(trust, judging_context_anchors(generation_trust(generation, i)),
                                 authorities, !is_enough_somewhere(settings, trust));
    }
    return count;
}

/* Would a client that connects by this name take one of the certificates? */
static bool is_certified(const struct tls_profile *profile, const char *host)
{
    /* Whatever stands for the star: a certificate says so with a star too. */
    char *name = strncmp(host, "*.", 2) == 0 ? memory_format("any-label%s", host + 1)
                                             : memory_copy_text(host);
    size_t size = strlen(name);
    bool is_named = false;

    if (size > 0 && name[size - 1] == '.')
        size--;
    for (size_t i = 0; !is_named && i < tls_profile_certificate_count(profile); i++) {
        X509 *certificate = X509_dup(tls_profile_certificate(profile, i));

        is_named = certificate != NULL && (X509_check_host(certificate, name, size, 0, NULL) == 1 ||
                                           X509_check_ip_asc(certificate, name, 0) == 1);
        X509_free(certificate);
    }
    memory_release(name);
    return is_named;
}

/* Where the listener stands; its name is given once. */
static struct position place_of(const struct generation *generation, const char *name)
{
    const struct generation_settings *settings = generation_get_settings(generation);
    size_t i = 0;

    while (i + 1 < settings->listener_count && strcmp(settings->listeners[i].name, name) != 0)
        i++;
    return settings->listeners[i].position;
}

static void warn_of_listener(const struct generation *generation, const char *name,
                             const char *warning)
{
    struct position place = place_of(generation, name);

    log_event(LOG_WARNING, "%s:%u:%u: listener '%s': %s", place.file == NULL ? "" : place.file,
              place.line, place.column, name, warning);
}

static size_t report_hosts(const struct generation *generation, const struct listener *listener)
{
    size_t count = 0;

    for (const char *const *host = listener->hosts; host != NULL && *host != NULL; host++) {
        char *warning = NULL;

        if (is_certified(listener->profile, *host))
            continue;
        warning = memory_format("host '%s' is in none of its certificates, so no client that "
                                "checks them reaches it",
                                *host);
        warn_of_listener(generation, listener->name, warning);
        memory_release(warning);
        count++;
    }
    return count;
}

size_t generation_report(const struct generation *generation,
                         const struct public_authorities *authorities)
{
    size_t count = report_trust(generation, authorities);

    for (size_t i = 0; i < generation_group_count(generation); i++) {
        const struct listener_group *group = generation_group(generation, i);

        for (size_t j = 0; j < listener_group_count(group); j++) {
            const struct listener *listener = listener_group_get(group, j);
            const char *warning = tls_profile_warning(listener->profile);

            count += report_hosts(generation, listener);
            if (warning == NULL)
                continue;
            warn_of_listener(generation, listener->name, warning);
            count++;
        }
    }
    return count;
}
