/* SPDX-License-Identifier: Apache-2.0
 *
 * Policies as the configuration says them. Lists are NULL-terminated; a NULL list is a condition
 * that nobody made. docs/POLICY.md says what each condition means.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/position.h"

enum {
    POLICY_RULES_MAX = 1000,
    POLICY_ATTRIBUTES = 15 /* of names, that rules may ask for by a name of their own */
};

/* A whole name, or some of its attributes: all of them, each with one of its values. */
struct policy_name_settings {
    const char *whole; /* "CN=alice,O=Example"; NULL: by attributes */
    const char *const *attributes[POLICY_ATTRIBUTES]; /* in the order of policy_attribute_names */
    const char *const *others;                        /* "1.2.3.4=value" */
    struct position position;
};

/* Certificates that one key has signed, by serial number. */
struct policy_serial_settings {
    const char *issuer;     /* a file with the issuer's certificate; or */
    const char *issuer_key; /* the SHA-256 of its subjectPublicKeyInfo */
    const char *const *serials;
    struct position position;
};

struct policy_fingerprint_file_settings {
    const char *path;            /* NULL: none */
    uint64_t at_least;           /* how many it holds; at least one */
    const char *digest;          /* SHA-256 of the file; NULL: any */
    uint32_t shrink_percent_max; /* by how much a reload may make it smaller; 0: 50 */
};

struct policy_condition_settings {
    bool is_set;
    bool everybody; /* no condition at all, and meant so */
    const char *const *fingerprints_sha256;
    const char *const *fingerprints_sha1;
    const char *const *keys_sha256;
    struct policy_fingerprint_file_settings fingerprints_file;
    const struct policy_serial_settings *serials;
    size_t serial_count;
    const struct policy_name_settings *subjects;
    size_t subject_count;
    const struct policy_name_settings *issuers;
    size_t issuer_count;
    const char *const *san_dns;
    const char *const *san_uri;
    const char *const *san_email;
    const char *const *san_ip;
    const char *const *san_upn;
    const char *const *sid;
    const char *const *anchors;
    const char *const *ekus;
    const char *const *policies;
    const char *const *templates;
    const char *const *qc_statements;
    const char *const *key_types;
    uint32_t key_bits_min; /* 0: any */
    uint32_t key_bits_max;
    uint64_t expires_after_ms;  /* what is left is longer; 0: any */
    uint64_t expires_within_ms; /* what is left is shorter; 0: any */
    const char *const *sources;
    const char *const *methods;
    const char *const *paths;
    const char *const *hosts;
    const char *const *times;
    struct position position;
};

/* Exactly one of the two. */
struct policy_rule_settings {
    struct policy_condition_settings allow;
    struct policy_condition_settings deny;
    const char *user; /* with `allow`: who the client is from then on; NULL: nobody says */
    struct position position;
};

struct policy_settings {
    const char *name;
    const struct policy_rule_settings *rules;
    size_t rule_count;
    struct position position;
};
