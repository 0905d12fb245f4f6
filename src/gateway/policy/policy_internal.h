/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules as they are evaluated. What a rule asks of the certificate is judged apart from what it
 * asks of the request, because the first stays as it is for as long as the identity lives.
 */
#pragma once

#include "gateway/policy/fingerprint_file_internal.h"
#include "gateway/policy/name_pattern_internal.h"
#include "gateway/policy/policy.h"
#include "gateway/policy/time_window_internal.h"
#include "protocol/x509/certificate.h"
#include "protocol/x509/certificate_facts.h"

/* From the worst for an AND to the best: the least of several decides. */
enum policy_match { POLICY_NO, POLICY_UNDECIDABLE, POLICY_MATCH };

/* ---- memory that ends with the policy ---- */

struct policy_memory {
    void **pieces;
    size_t count;
    size_t capacity;
};

void *policy_memory_allocate(struct policy_memory *memory, size_t count, size_t size);
struct slice policy_memory_copy(struct policy_memory *memory, struct slice bytes);
void policy_memory_reset(struct policy_memory *memory);

/* ---- conditions ---- */

/* A list that is not set asks nothing. */
struct slice_list {
    struct slice *items;
    size_t count;
};

struct pattern_list {
    struct name_pattern *items;
    size_t count;
};

struct attribute_condition {
    struct slice type;
    struct slice_list values; /* one of them, with stars */
};

struct name_condition {
    bool is_whole;
    struct distinguished_name whole;
    struct attribute_condition *attributes; /* all of them */
    size_t attribute_count;
};

struct name_condition_list {
    struct name_condition *items;
    size_t count;
};

struct serial_condition {
    unsigned char issuer_key[CERTIFICATE_DIGEST_BYTES];
    struct slice_list serials; /* as a description has them */
};

struct window_list {
    struct time_window *items;
    size_t count;
};

struct condition {
    bool asks_certificate;
    bool asks_unbound; /* something of the certificate that is not bound to the key */

    bool asks_fingerprint;
    struct fingerprint_lists fingerprints;
    struct fingerprint_set *keys; /* NULL: any */

    struct serial_condition *serials;
    size_t serial_count;
    struct name_condition_list subjects;
    struct name_condition_list issuers;
    struct pattern_list names[CERTIFICATE_FACT_SID + 1]; /* by kind; IP stays empty */
    struct address_set *addresses;                       /* of the certificate; NULL: any */
    struct slice_list anchors;
    struct slice_list objects[CERTIFICATE_FACT_KINDS]; /* by kind, from EKU on */
    unsigned key_types;                                /* 1 << type; 0: any */
    unsigned key_bits_min;
    unsigned key_bits_max;
    int64_t expires_after;  /* seconds; 0: any */
    int64_t expires_within; /* seconds; 0: any */

    struct address_set *sources; /* NULL: any */
    struct slice_list methods;
    struct slice_list paths;
    struct slice_list hosts;
    struct window_list times;
};

struct read_file {
    const char *path;
    size_t count;
};

/* False and an error that begins with a position. `file` gets what was read of one. */
bool condition_compile(const struct policy_condition_settings *settings,
                       struct policy_memory *memory, size_t previous, struct read_file *file,
                       struct condition *condition, struct error *error);
void condition_reset(struct condition *condition);

/* ---- time ---- */

bool condition_asks_time(const struct condition *condition);
/* The first second, after `now`, in which the condition may come to something else for this
 * certificate, which may be NULL; INT64_MAX: none. */
int64_t condition_holds_until(const struct condition *condition,
                              const struct certificate_description *description, int64_t now);

/* ---- judging ---- */

enum client_proof { CLIENT_ANONYMOUS, CLIENT_UNVERIFIED, CLIENT_VERIFIED };

/* Who asks. What takes time is found when a condition asks for it. */
struct client_view {
    enum client_proof proof;
    const struct policy_request *request;
    const struct certificate_description *description; /* NULL: it cannot be described */
    bool has_digests;
    unsigned char sha256[FINGERPRINT_SHA256_BYTES];
    unsigned char sha1[FINGERPRINT_SHA1_BYTES];
    unsigned char key[CERTIFICATE_DIGEST_BYTES];
    bool has_tried_facts;
    bool has_facts;
    struct certificate_facts facts;
    void *scratch;
    size_t probes; /* how many places of tables of fingerprints were looked at */
};

void client_view_init(struct client_view *view, const struct policy_request *request);
void client_view_reset(struct client_view *view);

/* `generously`: for a rule that denies. */
enum policy_match condition_judge_certificate(const struct condition *condition,
                                              struct client_view *view, bool generously);
enum policy_match condition_judge_request(const struct condition *condition,
                                          const struct client_view *view, bool generously);

static inline enum policy_match policy_match_both(enum policy_match a, enum policy_match b)
{
    return a < b ? a : b;
}

static inline enum policy_match policy_match_either(enum policy_match a, enum policy_match b)
{
    return a > b ? a : b;
}
