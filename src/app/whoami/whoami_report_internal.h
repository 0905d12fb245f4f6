/* SPDX-License-Identifier: Apache-2.0
 *
 * What a request says about its client: the certificate headers that came, the certificate that
 * they carry, and what an application would check before it believes them. Making a report reads
 * the request alone and changes nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/http/http_message.h"
#include "protocol/x509/certificate.h"
#include "runtime/arena.h"
#include "runtime/slice.h"

enum { WHOAMI_COPIES_MAX = 16, WHOAMI_CHECKS_MAX = 10 };

/* One header that carries the client's certificate, and what became of it. */
struct whoami_copy {
    struct slice name;    /* as received */
    const char *encoding; /* in words */
    struct slice problem; /* empty: it could be read */
    struct slice der;     /* empty when it could not */
};

/* Zero is the worst. */
enum whoami_result { WHOAMI_PROBLEM, WHOAMI_NOTE, WHOAMI_GOOD };

struct whoami_check {
    enum whoami_result result;
    const char *name;
    struct slice text; /* one sentence without a full stop; may quote what was received */
};

struct whoami_report {
    const struct http_request *request;
    int64_t now; /* seconds since 1970 */
    struct whoami_copy copies[WHOAMI_COPIES_MAX];
    size_t copy_count;
    bool has_certificate; /* `certificate` is that of the first copy that can be read */
    struct certificate_description certificate;
    struct certificate_description issuers[CERTIFICATE_CHAIN_COUNT_MAX]; /* of Client-Cert-Chain */
    size_t issuer_count;
    const struct http_field *verification; /* NULL: the gateway does not say */
    struct whoami_check checks[WHOAMI_CHECKS_MAX];
    size_t check_count;
};

/* The report's slices live as long as the request and the arena. False when the arena is used up.
 */
bool whoami_report_make(const struct http_request *request, int64_t now, struct arena *arena,
                        struct whoami_report *report);
/* How many checks found a problem. */
size_t whoami_report_problems(const struct whoami_report *report);
/* Does the header say something about the client that only a gateway may say? */
bool whoami_report_is_identity_header(struct slice name);
/* Whole days from `from` to `to`; negative when `to` lies before. */
int64_t whoami_days_between(int64_t from, int64_t to);
