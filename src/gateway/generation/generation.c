/* SPDX-License-Identifier: Apache-2.0
 *
 * See generation.h. Building goes bottom up: judging contexts, then each listener with its plans,
 * routes and TLS profile, then the groups of listeners that share an address.
 */
#include "gateway/generation/generation.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <string.h>

#include "gateway/backend/backend.h"
#include "gateway/backend/backend_registry.h"
#include "gateway/exchange/route_plan.h"
#include "gateway/identity/judging_context.h"
#include "gateway/policy/policy.h"
#include "gateway/rewrite/rewrite.h"
#include "gateway/routing/routing.h"
#include "protocol/http/http_name_set.h"
#include "protocol/tls/tls_profile.h"
#include "protocol/x509/trust_store.h"
#include "runtime/address_set.h"
#include "runtime/memory.h"

enum { IDENTITY_TABLE_BYTES = 64 * 1024 * 1024 };

/* A context, or a pool, and the settings that it was made from: equal settings are built once. */
struct built_context {
    const struct trust_profile_settings *settings;
    struct judging_context *context;
};

struct built_policy {
    const struct policy_settings *settings;
    struct policy *policy;
    struct telemetry_rules *counters;
};

struct built_signer {
    const struct backend_signature_settings *settings;
    struct rewrite_signer *signer;
};

struct built_listener {
    struct listener listener;
    struct socket_address address;
    struct address_set *trusted_proxies;
    struct routing_table *routes;
    struct route_plan *plans;
    struct rewrite_plan **rewrites;
    size_t route_count;
    struct judging_context **contexts; /* borrowed, each once */
    bool is_grouped;
};

struct generation {
    atomic_size_t references;
    const struct generation_settings *settings;
    struct generation_facts facts;
    void (*release_owner)(void *owner);
    void *owner;
    struct http_name_set *owned_names;
    struct identity_table *identities;
    struct address_set *unlimited_addresses;
    struct built_context *contexts;
    size_t context_count;
    struct built_policy *policies;
    size_t policy_count;
    struct built_signer *signers;
    size_t signer_count;
    struct backend_pool **pools;
    size_t pool_count;
    struct built_listener *listeners;
    size_t listener_count;
    struct listener_group **groups;
    size_t group_count;
};

/* ---- what several listeners and routes share
 * ------------------------------------------------------ */

static bool find_context(struct generation *generation,
                         const struct trust_profile_settings *settings,
                         struct judging_context **context, struct error *error)
{
    struct judging_context *built;

    *context = NULL;
    if (settings == NULL)
        return true;
    for (size_t i = 0; i < generation->context_count; i++) {
        if (generation->contexts[i].settings == settings) {
            *context = generation->contexts[i].context;
            return true;
        }
    }
    built = judging_context_create(settings, error);
    if (built == NULL)
        return false;
    if (generation->facts.anchors != NULL)
        judging_context_track(built, generation->facts.anchors,
                              settings->name == NULL ? "" : settings->name);
    generation->contexts = memory_resize(generation->contexts, (generation->context_count + 1) *
                                                                   sizeof(*generation->contexts));
    generation->contexts[generation->context_count++] = (struct built_context){settings, built};
    *context = built;
    return true;
}

static struct backend_pool *find_pool(struct generation *generation,
                                      const struct backend_settings *settings, struct error *error)
{
    struct backend_pool *built;

    built = backend_registry_acquire(generation->facts.backends, settings, error);
    if (built == NULL)
        return NULL;
    generation->pools = memory_resize(generation->pools,
                                      (generation->pool_count + 1) * sizeof(struct backend_pool *));
    generation->pools[generation->pool_count++] = built;
    return built;
}

/* NULL in `*signer` when nothing is signed. */
static bool find_signer(struct generation *generation, const struct backend_settings *backend,
                        struct rewrite_signer **signer, struct error *error)
{
    const struct backend_signature_settings *settings = backend->signature;
    struct rewrite_signer_settings wanted;

    *signer = NULL;
    if (settings == NULL)
        return true;
    for (size_t i = 0; i < generation->signer_count && *signer == NULL; i++) {
        if (generation->signers[i].settings == settings)
            *signer = generation->signers[i].signer;
    }
    if (*signer != NULL)
        return true;
    wanted = (struct rewrite_signer_settings){
        .algorithm = settings->algorithm,
        .key_file = settings->key,
        .keyid = settings->keyid,
        .lifetime_seconds = (int64_t)(settings->expires_ms / 1000),
        .is_tls = slice_starts_with(slice_from_text(backend->endpoints[0].url), SLICE("https://")),
    };
    *signer = rewrite_signer_create(&wanted, error);
    if (*signer == NULL) {
        error_prefix(error, "%s:%u:%u", settings->position.file, settings->position.line,
                     settings->position.column);
        return false;
    }
    generation->signers = memory_resize(generation->signers, (generation->signer_count + 1) *
                                                                 sizeof(*generation->signers));
    generation->signers[generation->signer_count++] = (struct built_signer){settings, *signer};
    return true;
}

/* ---- policies
 * --------------------------------------------------------------------------------------- */

static size_t count_in_effect(const void *context, const char *path)
{
    const struct generation *previous = context;

    return previous == NULL ? 0 : generation_fingerprints(previous, path);
}

static bool find_policy(struct generation *generation, const struct policy_settings *settings,
                        struct route_policy *found, struct error *error)
{
    struct built_policy built = {.settings = settings};

    *found = (struct route_policy){NULL, NULL};
    if (settings == NULL)
        return true;
    for (size_t i = 0; i < generation->policy_count; i++) {
        if (generation->policies[i].settings == settings) {
            *found = (struct route_policy){generation->policies[i].policy,
                                           generation->policies[i].counters};
            return true;
        }
    }
    built.policy = policy_create(settings, count_in_effect, generation->facts.previous, error);
    if (built.policy == NULL)
        return false;
    if (generation->facts.telemetry != NULL)
        built.counters = telemetry_rules_acquire(generation->facts.telemetry, settings->name,
                                                 settings->rule_count);
    generation->policies = memory_resize(generation->policies, (generation->policy_count + 1) *
                                                                   sizeof(*generation->policies));
    generation->policies[generation->policy_count++] = built;
    *found = (struct route_policy){built.policy, built.counters};
    return true;
}

size_t generation_fingerprints(const struct generation *generation, const char *path)
{
    size_t count = 0;

    for (size_t i = 0; i < generation->policy_count && count == 0; i++)
        count = policy_file_count(generation->policies[i].policy, path);
    return count;
}

/* ---- demands
 * ---------------------------------------------------------------------------------------- */

static bool judges(enum client_certificate_mode mode)
{
    return mode == CLIENT_CERTIFICATE_REQUIRED || mode == CLIENT_CERTIFICATE_OPTIONAL;
}

/* What a route says, and where it says nothing, what its listener says. */
static bool find_demand(struct generation *generation,
                        const struct client_certificate_settings *listener,
                        const struct client_certificate_settings *route,
                        struct authentication_demand *demand, struct error *error)
{
    const struct trust_profile_settings *trust =
        route->trust == NULL ? listener->trust : route->trust;

    demand->mode = route->has_mode ? route->mode : listener->mode;
    demand->context = NULL;
    return !judges(demand->mode) || find_context(generation, trust, &demand->context, error);
}

/* The modes are declared from the strictest to the laxest. */
static bool is_exemption(const struct authentication_demand *listener,
                         const struct authentication_demand *route)
{
    return route->mode > listener->mode;
}

static bool is_before_demand(const struct built_listener *built, size_t index)
{
    for (size_t i = index + 1; i < built->route_count; i++) {
        if (is_exemption(&built->plans[i].demand, &built->plans[index].demand))
            return true;
    }
    return false;
}

/* ---- routes
 * ------------------------------------------------------------------------------------------ */

static void own_names(struct generation *generation, const struct identity_header_settings *headers,
                      size_t count)
{
    for (size_t i = 0; i < count; i++)
        http_name_set_add(generation->owned_names, slice_from_text(headers[i].name));
}

/* Every name that any route fills is removed on every listener: all are known before the first plan
 * is used. */
static void own_all_names(struct generation *generation)
{
    const struct generation_settings *settings = generation->settings;

    for (size_t i = 0; i < settings->listener_count; i++) {
        const struct listener_settings *listener = &settings->listeners[i];

        own_names(generation, listener->identity_headers, listener->identity_header_count);
        for (size_t j = 0; j < listener->route_count; j++)
            own_names(generation, listener->routes[j].identity_headers,
                      listener->routes[j].identity_header_count);
    }
}

/* Counters are known by name, and go on where those of the last generation are. */
static struct telemetry_series *find_series(const struct generation *generation,
                                            const char *listener, const char *route)
{
    if (generation->facts.telemetry == NULL)
        return NULL;
    return telemetry_series_acquire(generation->facts.telemetry, listener, route);
}

static struct rewrite_plan *build_rewrite(struct generation *generation,
                                          const struct listener_settings *listener,
                                          const struct route_settings *route,
                                          const struct rewrite_signer *signer)
{
    struct rewrite_settings settings = {
        .signer = signer,
        .identity_headers = listener->identity_headers,
        .identity_header_count = listener->identity_header_count,
        .forward_unverified = route->unverified,
        .identity_bytes_max = route->backend->identity_bytes_max,
    };

    if (route->has_identity_headers) {
        settings.identity_headers = route->identity_headers;
        settings.identity_header_count = route->identity_header_count;
    }
    return rewrite_plan_create(&settings, generation->owned_names);
}

static bool build_route(struct generation *generation, const struct listener_settings *listener,
                        const struct route_settings *route, struct built_listener *built,
                        size_t index, struct error *error)
{
    struct route_plan *plan = &built->plans[index];
    struct rewrite_signer *signer = NULL;

    if (!find_demand(generation, &listener->client_certificate, &route->client_certificate,
                     &plan->demand, error))
        return false;
    if (!find_policy(generation, route->policy, &plan->policy, error) ||
        !find_policy(generation, route->policy_trial, &plan->trial, error))
        return false;
    plan->pool = find_pool(generation, route->backend, error);
    if (plan->pool == NULL)
        return false;
    if (!find_signer(generation, route->backend, &signer, error))
        return false;
    built->rewrites[index] = build_rewrite(generation, listener, route, signer);
    plan->rewrite = built->rewrites[index];
    plan->host = route->backend->host;
    plan->series = find_series(generation, listener->name, route->match.name);
    return true;
}

static bool build_routes(struct generation *generation, const struct listener_settings *listener,
                         struct built_listener *built, struct error *error)
{
    struct route_match_settings *matches =
        memory_allocate_array(listener->route_count, sizeof(*matches));
    const struct route_plan **plans = memory_allocate_array(listener->route_count, sizeof(*plans));
    bool is_built = false;

    built->route_count = listener->route_count;
    built->plans = memory_allocate_array(listener->route_count, sizeof(*built->plans));
    built->rewrites = memory_allocate_array(listener->route_count, sizeof(struct rewrite_plan *));
    for (size_t i = 0; i < listener->route_count; i++) {
        if (!build_route(generation, listener, &listener->routes[i], built, i, error))
            goto cleanup;
        matches[i] = listener->routes[i].match;
        matches[i].is_exemption = is_exemption(&built->listener.demand, &built->plans[i].demand);
        plans[i] = &built->plans[i];
    }
    for (size_t i = 0; i < listener->route_count; i++)
        matches[i].is_before_demand = is_before_demand(built, i);
    built->routes = routing_table_create(matches, plans, listener->route_count, error);
    built->listener.routes = built->routes;
    is_built = built->routes != NULL;

cleanup:
    memory_release(matches);
    memory_release(plans);
    return is_built;
}

/* ---- TLS
 * -----------------------------------------------------------------------------------------------
 */

/* Adds the names of a context's anchors. False: this context wants none to be sent, so none are. */
static bool add_ca_names(const struct judging_context *context, STACK_OF(X509_NAME) * names)
{
    const struct trust_store *anchors;

    if (context == NULL)
        return true;
    if (!judging_context_sends_ca_names(context))
        return false;
    anchors = judging_context_anchors(context);
    for (size_t i = 0; i < trust_store_count(anchors); i++) {
        X509_NAME *name = X509_NAME_dup(X509_get_subject_name(trust_store_anchor(anchors, i)));

        if (name == NULL || sk_X509_NAME_find(names, name) >= 0 ||
            sk_X509_NAME_push(names, name) == 0)
            X509_NAME_free(name);
    }
    return true;
}

static int compare_names(const X509_NAME *const *a, const X509_NAME *const *b)
{
    return X509_NAME_cmp(*a, *b);
}

/* The union of what the listener and its routes accept, or NULL when any of them keeps its names to
 * itself. */
static STACK_OF(X509_NAME) * collect_ca_names(const struct built_listener *built)
{
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new(compare_names);
    bool sends = add_ca_names(built->listener.demand.context, names);

    for (size_t i = 0; sends && i < built->route_count; i++)
        sends = add_ca_names(built->plans[i].demand.context, names);
    if (sends && sk_X509_NAME_num(names) > 0)
        return names;
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return NULL;
}

static bool anybody_asks(const struct built_listener *built)
{
    if (built->listener.demand.mode != CLIENT_CERTIFICATE_NONE)
        return true;
    for (size_t i = 0; i < built->route_count; i++) {
        if (built->plans[i].demand.mode != CLIENT_CERTIFICATE_NONE)
            return true;
    }
    return false;
}

static void digest_text(EVP_MD_CTX *digest, const char *text)
{
    EVP_DigestUpdate(digest, text, strlen(text) + 1);
}

static void digest_slice(EVP_MD_CTX *digest, struct slice bytes)
{
    uint64_t size = bytes.size;

    EVP_DigestUpdate(digest, &size, sizeof(size));
    EVP_DigestUpdate(digest, bytes.data, bytes.size);
}

/* What a connection to this listener is judged under. */
static void digest_listener(struct built_listener *built, struct slice tls_digest,
                            const struct tls_client_certificate *asks)
{
    const struct authentication_demand *demand = &built->listener.demand;
    unsigned char values[] = {(unsigned char)demand->mode, (unsigned char)asks->ask,
                              (unsigned char)asks->refuse_by_alert,
                              (unsigned char)(asks->ca_names != NULL)};
    EVP_MD_CTX *digest = EVP_MD_CTX_new();

    EVP_DigestInit_ex(digest, EVP_sha256(), NULL);
    digest_text(digest, "sallyport listener 1");
    digest_slice(digest, tls_digest);
    digest_slice(digest, slice_from(values, sizeof(values)));
    if (demand->context != NULL)
        digest_slice(digest, judging_context_digest(demand->context));
    EVP_DigestFinal_ex(digest, built->listener.digest, NULL);
    EVP_MD_CTX_free(digest);
}

/* Names the listener too: a session of one is never resumed at another, even when they judge alike.
 * Settings of the TLS profile other than its name are the profile's own to tell apart. */
static void make_session_context(const struct listener_settings *settings,
                                 const struct built_listener *built,
                                 const struct tls_client_certificate *asks,
                                 unsigned char context[TLS_SESSION_CONTEXT_BYTES])
{
    const struct authentication_demand *demand = &built->listener.demand;
    unsigned char values[] = {(unsigned char)demand->mode, (unsigned char)asks->ask,
                              (unsigned char)asks->refuse_by_alert};
    EVP_MD_CTX *digest = EVP_MD_CTX_new();

    EVP_DigestInit_ex(digest, EVP_sha256(), NULL);
    digest_text(digest, "sallyport session 1");
    digest_text(digest, settings->name);
    digest_text(digest, settings->address);
    digest_text(digest, settings->tls->name == NULL ? "" : settings->tls->name);
    digest_slice(digest, slice_from(values, sizeof(values)));
    if (demand->context != NULL)
        digest_slice(digest, judging_context_digest(demand->context));
    EVP_DigestFinal_ex(digest, context, NULL);
    EVP_MD_CTX_free(digest);
}

static bool build_profile(struct generation *generation, const struct listener_settings *settings,
                          struct built_listener *built, struct error *error)
{
    unsigned char session_context[TLS_SESSION_CONTEXT_BYTES];
    STACK_OF(X509_NAME) *ca_names = NULL;
    struct tls_client_certificate asks = {.ask = TLS_ASK_NOBODY};

    if (anybody_asks(built)) {
        bool by_alert = built->listener.on_failure == CLIENT_CERTIFICATE_ON_FAILURE_ALERT &&
                        judges(built->listener.demand.mode);

        ca_names = collect_ca_names(built);
        asks.ca_names = ca_names;
        asks.refuse_by_alert = by_alert;
        asks.ask = by_alert && built->listener.demand.mode == CLIENT_CERTIFICATE_REQUIRED
                       ? TLS_ASK_OR_ALERT
                       : TLS_ASK;
    }
    make_session_context(settings, built, &asks, session_context);
    built->listener.profile = tls_profile_create(settings->tls, &asks, session_context,
                                                 generation->facts.sessions, error);
    if (built->listener.profile != NULL && generation->facts.key_log != NULL)
        tls_profile_log_keys(built->listener.profile, generation->facts.key_log);
    if (built->listener.profile != NULL)
        digest_listener(built, tls_profile_settings_digest(built->listener.profile), &asks);
    sk_X509_NAME_pop_free(ca_names, X509_NAME_free);
    return built->listener.profile != NULL;
}

/* ---- listeners and groups
 * ---------------------------------------------------------------------------- */

static void prefix_position(const struct position *position, struct error *error)
{
    if (position->file != NULL)
        error_prefix(error, "%s:%u:%u", position->file, position->line, position->column);
}

static void add_context(struct built_listener *built, struct judging_context *context)
{
    size_t i = 0;

    if (context == NULL)
        return;
    while (i < built->listener.context_count && built->contexts[i] != context)
        i++;
    built->contexts[i] = context;
    if (i == built->listener.context_count)
        built->listener.context_count++;
}

static void collect_contexts(struct built_listener *built)
{
    built->contexts = memory_allocate_array(built->route_count + 1, sizeof(*built->contexts));
    add_context(built, built->listener.demand.context);
    for (size_t i = 0; i < built->route_count; i++)
        add_context(built, built->plans[i].demand.context);
    built->listener.contexts = built->contexts;
}

static bool build_listener(struct generation *generation, const struct listener_settings *settings,
                           struct built_listener *built, struct error *error)
{
    static const struct client_certificate_settings nothing = {.is_set = false};

    built->listener.name = settings->name;
    built->listener.hosts = settings->hosts;
    built->listener.server_token = settings->server_token;
    built->listener.on_failure = settings->client_certificate.on_failure;
    built->listener.error_detail = settings->client_certificate.error_detail;
    built->listener.series = find_series(generation, settings->name, "");
    if (!socket_address_parse(slice_from_text(settings->address), &built->address, error)) {
        prefix_position(&settings->position, error);
        return false;
    }
    built->trusted_proxies = address_set_parse(settings->trusted_proxies, error);
    if (built->trusted_proxies == NULL) {
        prefix_position(&settings->position, error);
        return false;
    }
    built->listener.trusted_proxies = built->trusted_proxies;
    if (!find_demand(generation, &settings->client_certificate, &nothing, &built->listener.demand,
                     error) ||
        !build_routes(generation, settings, built, error))
        return false;
    collect_contexts(built);
    return build_profile(generation, settings, built, error);
}

static bool build_group(struct generation *generation, size_t first, struct error *error)
{
    const struct socket_address *address = &generation->listeners[first].address;
    const struct listener **members =
        memory_allocate_array(generation->listener_count, sizeof(*members));
    struct listener_group *group;
    size_t count = 0;

    for (size_t i = first; i < generation->listener_count; i++) {
        struct built_listener *built = &generation->listeners[i];

        if (built->is_grouped || !socket_address_equals(&built->address, address))
            continue;
        built->is_grouped = true;
        members[count++] = &built->listener;
    }
    group = listener_group_create(address, members, count, error);
    if (group == NULL)
        prefix_position(&generation->settings->listeners[first].position, error);
    else
        generation->groups[generation->group_count++] = group;
    memory_release(members);
    return group != NULL;
}

static bool build_listeners(struct generation *generation, struct error *error)
{
    const struct generation_settings *settings = generation->settings;

    generation->listeners =
        memory_allocate_array(settings->listener_count, sizeof(*generation->listeners));
    generation->listener_count = settings->listener_count;
    generation->groups =
        memory_allocate_array(settings->listener_count, sizeof(struct listener_group *));
    for (size_t i = 0; i < settings->listener_count; i++) {
        if (!build_listener(generation, &settings->listeners[i], &generation->listeners[i], error))
            return false;
    }
    for (size_t i = 0; i < settings->listener_count; i++) {
        if (!generation->listeners[i].is_grouped && !build_group(generation, i, error))
            return false;
    }
    return true;
}

static unsigned forwarded_formats(const struct generation *generation)
{
    unsigned formats = 0;

    for (size_t i = 0; i < generation->listener_count; i++) {
        for (size_t j = 0; j < generation->listeners[i].route_count; j++)
            formats |= rewrite_plan_formats(generation->listeners[i].rewrites[j]);
    }
    return formats;
}

struct generation *generation_create(const struct generation_settings *settings,
                                     const struct generation_facts *facts, struct error *error)
{
    struct generation *generation = memory_allocate(sizeof(*generation));

    atomic_init(&generation->references, 1);
    generation->settings = settings;
    generation->facts = *facts;
    generation->owned_names = rewrite_owned_names_create();
    own_all_names(generation);
    generation->unlimited_addresses =
        address_set_parse(settings->limits.unlimited_addresses, error);
    if (generation->unlimited_addresses == NULL || !build_listeners(generation, error)) {
        generation_release(generation);
        return NULL;
    }
    generation->facts.previous = NULL;
    generation->identities =
        identity_table_create(IDENTITY_TABLE_BYTES, forwarded_formats(generation));
    return generation;
}

struct generation *generation_acquire(struct generation *generation)
{
    atomic_fetch_add_explicit(&generation->references, 1, memory_order_relaxed);
    return generation;
}

static void destroy_listener(struct built_listener *built)
{
    routing_table_destroy(built->routes);
    address_set_destroy(built->trusted_proxies);
    telemetry_series_release(built->listener.series);
    for (size_t i = 0; i < built->route_count; i++) {
        telemetry_series_release(built->plans[i].series);
        rewrite_plan_destroy(built->rewrites[i]);
    }
    memory_release(built->rewrites);
    memory_release(built->contexts);
    memory_release(built->plans);
    tls_profile_release(built->listener.profile);
}

void generation_release(struct generation *generation)
{
    if (generation == NULL ||
        atomic_fetch_sub_explicit(&generation->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < generation->group_count; i++)
        listener_group_destroy(generation->groups[i]);
    for (size_t i = 0; i < generation->listener_count; i++)
        destroy_listener(&generation->listeners[i]);
    for (size_t i = 0; i < generation->context_count; i++)
        judging_context_release(generation->contexts[i].context);
    for (size_t i = 0; i < generation->policy_count; i++) {
        policy_destroy(generation->policies[i].policy);
        telemetry_rules_release(generation->policies[i].counters);
    }
    for (size_t i = 0; i < generation->pool_count; i++)
        backend_registry_release(generation->facts.backends, generation->pools[i]);
    if (generation->identities != NULL)
        identity_table_destroy(generation->identities);
    http_name_set_destroy(generation->owned_names);
    address_set_destroy(generation->unlimited_addresses);
    memory_release(generation->groups);
    memory_release(generation->listeners);
    memory_release(generation->contexts);
    memory_release(generation->policies);
    for (size_t i = 0; i < generation->signer_count; i++)
        rewrite_signer_destroy(generation->signers[i].signer);
    memory_release(generation->signers);
    memory_release(generation->pools);
    if (generation->release_owner != NULL)
        generation->release_owner(generation->owner);
    memory_release(generation);
}

void generation_set_owner(struct generation *generation, void (*release)(void *owner), void *owner)
{
    generation->release_owner = release;
    generation->owner = owner;
}

const struct generation_settings *generation_get_settings(const struct generation *generation)
{
    return generation->settings;
}

size_t generation_group_count(const struct generation *generation)
{
    return generation->group_count;
}

const struct listener_group *generation_group(const struct generation *generation, size_t index)
{
    return generation->groups[index];
}

const struct listener_group *generation_find_group(const struct generation *generation,
                                                   const struct socket_address *address)
{
    for (size_t i = 0; i < generation->group_count; i++) {
        if (socket_address_equals(listener_group_address(generation->groups[i]), address))
            return generation->groups[i];
    }
    return NULL;
}

struct backend_pool *const *generation_pools(const struct generation *generation, size_t *count)
{
    *count = generation->pool_count;
    return generation->pools;
}

size_t generation_trust_count(const struct generation *generation)
{
    return generation->context_count;
}

const struct trust_profile_settings *generation_trust_settings(const struct generation *generation,
                                                               size_t index)
{
    return generation->contexts[index].settings;
}

const struct judging_context *generation_trust(const struct generation *generation, size_t index)
{
    return generation->contexts[index].context;
}

const struct http_name_set *generation_owned_names(const struct generation *generation)
{
    return generation->owned_names;
}

const struct address_set *generation_unlimited_addresses(const struct generation *generation)
{
    return generation->unlimited_addresses;
}

struct identity_table *generation_identities(const struct generation *generation)
{
    return generation->identities;
}
