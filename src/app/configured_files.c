/* SPDX-License-Identifier: Apache-2.0
 *
 * See configured_files.h.
 */
#include "app/configured_files.h"

#include <string.h>

#include "protocol/tls/tls_pkcs11.h"
#include "runtime/memory.h"

void configured_files_add(struct configured_files *files, const char *path)
{
    for (size_t i = 0; i < files->count; i++) {
        if (strcmp(files->paths[i], path) == 0)
            return;
    }
    files->paths = memory_resize(files->paths, (files->count + 1) * sizeof(char *));
    files->paths[files->count++] = memory_copy_text(path);
}

static void add_sources(struct configured_files *files, const struct trust_anchor_source *sources,
                        size_t count)
{
    for (size_t i = 0; i < count; i++)
        configured_files_add(files, sources[i].path);
}

static void add_trust(struct configured_files *files, const struct trust_profile_settings *trust)
{
    if (trust == NULL)
        return;
    add_sources(files, trust->anchors, trust->anchor_count);
    add_sources(files, trust->intermediates, trust->intermediate_count);
    add_sources(files, trust->issuers, trust->issuer_count);
}

static void add_anchors(struct configured_files *files,
                        const struct client_certificate_settings *client_certificate)
{
    const struct trust_profile_settings *trust = client_certificate->trust;

    add_trust(files, trust);
    add_trust(files, trust == NULL ? NULL : trust->trial);
}

/* A key in a token is no file, but its PIN may be in one. */
static void add_key(struct configured_files *files, const char *key)
{
    char *pin_file = tls_pkcs11_is_uri(key) ? tls_pkcs11_pin_file(key) : NULL;

    if (!tls_pkcs11_is_uri(key))
        configured_files_add(files, key);
    else if (pin_file != NULL)
        configured_files_add(files, pin_file);
    memory_release(pin_file);
}

static void add_condition(struct configured_files *files,
                          const struct policy_condition_settings *condition)
{
    if (condition->fingerprints_file.path != NULL)
        configured_files_add(files, condition->fingerprints_file.path);
    for (size_t i = 0; i < condition->serial_count; i++)
        if (condition->serials[i].issuer != NULL)
            configured_files_add(files, condition->serials[i].issuer);
}

static void add_policy(struct configured_files *files, const struct policy_settings *policy)
{
    for (size_t i = 0; policy != NULL && i < policy->rule_count; i++) {
        add_condition(files, &policy->rules[i].allow);
        add_condition(files, &policy->rules[i].deny);
    }
}

static void add_certificate(struct configured_files *files,
                            const struct tls_certificate_settings *certificate)
{
    if (certificate->pfx != NULL) {
        configured_files_add(files, certificate->pfx);
    } else if (certificate->directory != NULL) {
        /* Also those that are not there: they may come. */
        for (size_t i = 0; tls_certificate_directory_file(i) != NULL; i++) {
            char *path =
                memory_format("%s/%s", certificate->directory, tls_certificate_directory_file(i));

            configured_files_add(files, path);
            memory_release(path);
        }
    } else {
        configured_files_add(files, certificate->chain);
        add_key(files, certificate->key);
    }
}

static bool has_tls(const struct backend_settings *backend)
{
    for (size_t i = 0; i < backend->endpoint_count; i++) {
        if (slice_starts_with(slice_from_text(backend->endpoints[i].url), SLICE("https://")))
            return true;
    }
    return false;
}

static void add_backend(struct configured_files *files, const struct backend_settings *backend)
{
    const struct tls_client_settings *tls = backend->tls;

    if (!has_tls(backend))
        return;
    if ((tls == NULL || tls->trust_count == 0) && tls_client_system_trust() != NULL)
        configured_files_add(files, tls_client_system_trust());
    for (size_t i = 0; tls != NULL && i < tls->trust_count; i++)
        configured_files_add(files, tls->trust[i].path);
    for (size_t i = 0; tls != NULL && i < tls->tls.certificate_count; i++)
        add_certificate(files, &tls->tls.certificates[i]);
}

static void add_listener(struct configured_files *files, const struct listener_settings *listener)
{
    for (size_t i = 0; i < listener->tls->certificate_count; i++)
        add_certificate(files, &listener->tls->certificates[i]);
    add_anchors(files, &listener->client_certificate);
    for (size_t i = 0; i < listener->route_count; i++) {
        add_anchors(files, &listener->routes[i].client_certificate);
        add_backend(files, listener->routes[i].backend);
        add_policy(files, listener->routes[i].policy);
        add_policy(files, listener->routes[i].policy_trial);
    }
}

void configured_files_collect(struct configured_files *files, const char *configuration,
                              const struct generation_settings *settings)
{
    *files = (struct configured_files){NULL, 0};
    if (settings->source_file_count == 0)
        configured_files_add(files, configuration);
    for (size_t i = 0; i < settings->source_file_count; i++)
        configured_files_add(files, settings->source_files[i]);
    for (size_t i = 0; i < settings->listener_count; i++)
        add_listener(files, &settings->listeners[i]);
}

static void add_lists(struct configured_files *files,
                      const struct client_certificate_settings *client_certificate)
{
    for (const struct trust_profile_settings *trust = client_certificate->trust; trust != NULL;
         trust = trust->trial) {
        for (size_t i = 0; i < trust->revocation.crl.file_count; i++)
            configured_files_add(files, trust->revocation.crl.files[i].path);
    }
}

void configured_files_add_lists(struct configured_files *files,
                                const struct generation_settings *settings)
{
    for (size_t i = 0; i < settings->listener_count; i++) {
        const struct listener_settings *listener = &settings->listeners[i];

        add_lists(files, &listener->client_certificate);
        for (size_t j = 0; j < listener->route_count; j++)
            add_lists(files, &listener->routes[j].client_certificate);
    }
}

bool configured_files_is_directory(const char *path)
{
    return slice_ends_with(slice_from_text(path), SLICE("/."));
}

void configured_files_reset(struct configured_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        memory_release(files->paths[i]);
    memory_release(files->paths);
    *files = (struct configured_files){NULL, 0};
}
