/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings that take several forms, such as a name or a profile in place; and what is checked
 * when a mapping is complete. The settings table names these functions.
 */
#pragma once

#include <stdbool.h>

#include "app/config/settings_reader_internal.h"

/* What stands in lists as a mapping; its fields, put together with what was read otherwise, make an
 * item. */
struct anchor_entry {
    const char *name;
    const char *file;
};
struct header_entry {
    const char *name;
    const char *format;
    const char *const *elements; /* of xfcc; NULL-terminated; NULL: the usual */
    const char *by;              /* of xfcc */
};
struct endpoint_entry {
    const char *url;
    size_t weight;
};

/* A mapping that was read is from now on known by its name; one in place has none. */
void settings_register_tls_profile(struct settings_reader *reader, struct yaml_node *node,
                                   void *target);
void settings_register_trust_profile(struct settings_reader *reader, struct yaml_node *node,
                                     void *target);
void settings_register_backend(struct settings_reader *reader, struct yaml_node *node,
                               void *target);

/* What a name stands for; NULL: nothing, and that was reported. `what` is the kind, in words, and
 * `hint` goes behind "there is no WHAT 'NAME'". Whatever was found is used from now on. */
void *settings_find_named(struct settings_reader *reader, const struct text_table *table,
                          struct yaml_node *node, const char *what, const char *hint);
void settings_note_use(struct settings_reader *reader, const char *what, struct slice name);
/* A warning for each definition that nothing refers to, unless something was refused: that may have
 * been what would have. */
void settings_warn_of_unused(struct settings_reader *reader, const struct yaml_node *root);

/* What Azure has no room for, when some trust profile in use keeps its rules for uploads. */
void settings_warn_of_azure_limits(struct settings_reader *reader, const struct yaml_node *node,
                                   const struct root_settings *root);

/* One list of `route_sets`. */
void settings_read_route_set(struct settings_reader *reader, const struct setting *setting,
                             struct yaml_node *node, void *target);
/* The routes of a listener: a list, or the name of a set. */
void settings_read_routes(struct settings_reader *reader, const struct setting *setting,
                          struct yaml_node *node, void *target);
/* The list that the routes of this listener stand in, in place or as a set; NULL: there is none. */
struct yaml_node *settings_routes_node(const struct settings_reader *reader,
                                       const struct yaml_node *listener);
/* Names those that have none, and refuses a name that is there twice. */
void settings_name_routes(struct settings_reader *reader, struct yaml_node *nodes,
                          struct route_settings *routes, size_t count);

/* A name, or the thing in place. */
void settings_read_tls_profile(struct settings_reader *reader, const struct setting *setting,
                               struct yaml_node *node, void *target);
void settings_read_trust_profile(struct settings_reader *reader, const struct setting *setting,
                                 struct yaml_node *node, void *target);
void settings_read_backend(struct settings_reader *reader, const struct setting *setting,
                           struct yaml_node *node, void *target);

void settings_read_anchors(struct settings_reader *reader, const struct setting *setting,
                           struct yaml_node *node, void *target);
void settings_read_intermediates(struct settings_reader *reader, const struct setting *setting,
                                 struct yaml_node *node, void *target);
void settings_read_trial(struct settings_reader *reader, const struct setting *setting,
                         struct yaml_node *node, void *target);
void settings_read_endpoints(struct settings_reader *reader, const struct setting *setting,
                             struct yaml_node *node, void *target);
void settings_read_backend_tls(struct settings_reader *reader, const struct setting *setting,
                               struct yaml_node *node, void *target);
void settings_read_backend_certificate(struct settings_reader *reader,
                                       const struct setting *setting, struct yaml_node *node,
                                       void *target);
void settings_read_backend_signature(struct settings_reader *reader, const struct setting *setting,
                                     struct yaml_node *node, void *target);
bool settings_keyid_is_valid(struct slice text, struct error *error);
/* Refuses a signature for endpoints of which some speak TLS and some do not. */
void settings_check_backend_signature(struct settings_reader *reader, struct yaml_node *node,
                                      const struct backend_settings *backend);
/* Refuses 'tls' where no endpoint speaks it. */
void settings_check_backend_tls(struct settings_reader *reader, struct yaml_node *node,
                                const struct backend_settings *backend);
void settings_read_identity_headers(struct settings_reader *reader, const struct setting *setting,
                                    struct yaml_node *node, void *target);

void settings_read_version(struct settings_reader *reader, const struct setting *setting,
                           struct yaml_node *node, void *target);
void settings_read_workers(struct settings_reader *reader, const struct setting *setting,
                           struct yaml_node *node, void *target);
void settings_read_policy(struct settings_reader *reader, const struct setting *setting,
                          struct yaml_node *node, void *target);
void settings_read_ciphers(struct settings_reader *reader, const struct setting *setting,
                           struct yaml_node *node, void *target);
void settings_read_groups(struct settings_reader *reader, const struct setting *setting,
                          struct yaml_node *node, void *target);
void settings_read_host(struct settings_reader *reader, const struct setting *setting,
                        struct yaml_node *node, void *target);
void settings_read_access_log(struct settings_reader *reader, const struct setting *setting,
                              struct yaml_node *node, void *target);
void settings_read_access_log_target(struct settings_reader *reader, const struct setting *setting,
                                     struct yaml_node *node, void *target);
void settings_read_events_target(struct settings_reader *reader, const struct setting *setting,
                                 struct yaml_node *node, void *target);

void settings_read_crl_files(struct settings_reader *reader, const struct setting *setting,
                             struct yaml_node *node, void *target);
void settings_read_revocation_sources(struct settings_reader *reader, const struct setting *setting,
                                      struct yaml_node *node, void *target);
void settings_read_exception(struct settings_reader *reader, const struct setting *setting,
                             struct yaml_node *node, void *target);
bool settings_responder_is_valid(struct slice text, struct error *error);
void settings_read_revocation(struct settings_reader *reader, const struct setting *setting,
                              struct yaml_node *node, void *target);
void settings_finish_revocation(struct settings_reader *reader, struct yaml_node *node,
                                void *target);

bool settings_address_is_valid(struct slice text, struct error *error);
bool settings_range_is_valid(struct slice text, struct error *error);
bool settings_name_server_is_valid(struct slice text, struct error *error);
bool settings_method_is_valid(struct slice text, struct error *error);
bool settings_token_is_valid(struct slice text, struct error *error);
/* A name, without a port. */
bool settings_monitoring_host_is_valid(struct slice text, struct error *error);
bool settings_name_is_valid(struct slice text, struct error *error);
/* An object identifier, in numbers. */
bool settings_oid_is_valid(struct slice text, struct error *error);
bool settings_key_type_is_valid(struct slice text, struct error *error);
bool settings_principal_is_valid(struct slice text, struct error *error);
/* A name that is a token for a structured field too: it begins with a letter. */
bool settings_pseudonym_is_valid(struct slice text, struct error *error);
/* A name for an identity header: one that no other part of a message has a use for. */
bool settings_header_name_is_valid(struct slice text, struct error *error);
bool settings_identity_format_is_valid(struct slice text, struct error *error);
bool settings_xfcc_element_is_valid(struct slice text, struct error *error);
/* A name for the By of X-Forwarded-Client-Cert: a URI. */
bool settings_xfcc_by_is_valid(struct slice text, struct error *error);

void settings_finish_certificate(struct settings_reader *reader, struct yaml_node *node,
                                 void *target);
void settings_finish_client_certificate(struct settings_reader *reader, struct yaml_node *node,
                                        void *target);
void settings_finish_ejection(struct settings_reader *reader, struct yaml_node *node, void *target);
void settings_finish_resolver(struct settings_reader *reader, struct yaml_node *node, void *target);
void settings_finish_policy(struct settings_reader *reader, struct yaml_node *node, void *target);
void settings_finish_admin(struct settings_reader *reader, struct yaml_node *node, void *target);
void settings_finish_limits(struct settings_reader *reader, struct yaml_node *node, void *target);
void settings_finish_route(struct settings_reader *reader, struct yaml_node *node, void *target);
void settings_finish_listener(struct settings_reader *reader, struct yaml_node *node, void *target);
void settings_finish_root(struct settings_reader *reader, struct yaml_node *node, void *target);

/* One text, or a list of them, for fields that hold a NULL-terminated list. */
void settings_read_text_list(struct settings_reader *reader, const struct setting *setting,
                             struct yaml_node *node, void *target);
void settings_read_policy_names(struct settings_reader *reader, const struct setting *setting,
                                struct yaml_node *node, void *target);
void settings_read_policy_rules(struct settings_reader *reader, const struct setting *setting,
                                struct yaml_node *node, void *target);
void settings_read_route_policy(struct settings_reader *reader, const struct setting *setting,
                                struct yaml_node *node, void *target);
void settings_finish_policy_serial(struct settings_reader *reader, struct yaml_node *node,
                                   void *target);
void settings_finish_policy_condition(struct settings_reader *reader, struct yaml_node *node,
                                      void *target);
void settings_finish_policy_rule(struct settings_reader *reader, struct yaml_node *node,
                                 void *target);
