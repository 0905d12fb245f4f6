/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading the certificate headers of a request. Every gateway has its own way to write a
 * certificate into a header; a table names the headers, and where a name allows several ways the
 * value itself shows which it is. Nothing that arrived is believed: what cannot be read, repeats
 * or contradicts is a problem that the report names.
 */
#include "app/whoami/whoami_report_internal.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>

#include "protocol/http/http_name_set.h"
#include "runtime/buffer.h"
#include "runtime/encoding.h"

enum { SECONDS_OF_A_DAY = 86400, TEXT_BYTES_MAX = 512, QUOTED_BYTES_MAX = 120 };

enum encoding { ENCODING_ANY, ENCODING_DER_BASE64, ENCODING_RFC9440, ENCODING_PEM_URL };

static const char *const encoding_names[] = {
    [ENCODING_ANY] = "unknown",
    [ENCODING_DER_BASE64] = "DER in base64",
    [ENCODING_RFC9440] = "byte sequence of RFC 9440",
    [ENCODING_PEM_URL] = "URL-escaped PEM",
};

struct certificate_header {
    const char *name;
    enum encoding encoding;
};

/* clang-format off */
static const struct certificate_header certificate_headers[] = {
    {"Client-Cert",                 ENCODING_RFC9440},
    {"X-ARR-ClientCert",            ENCODING_DER_BASE64},
    {"X-ARR-ClientCert-AGW",        ENCODING_ANY},
    {"X-Client-Cert",               ENCODING_ANY},
    {"X-Client-Certificate",        ENCODING_ANY},
    {"X-SSL-Client-Cert",           ENCODING_ANY},
    {"SSL-Client-Cert",             ENCODING_ANY},
    {"X-Amzn-Mtls-Clientcert-Leaf", ENCODING_PEM_URL},
};

static const char *const verification_headers[] = {
    "X-Client-Cert-Verification",
    "X-Client-Certificate-Verification",
    "X-Client-Verification",
    "X-Client-Verify",
    "X-SSL-Client-Verify",
    "SSL-Client-Verify",
};
/* clang-format on */

static const char chain_header[] = "Client-Cert-Chain";

/* What one call needs everywhere. Running out of memory is remembered until its end. */
struct making {
    struct whoami_report *report;
    struct arena *arena;
    bool exhausted;
};

static struct slice keep_text(struct making *making, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static struct slice keep_text(struct making *making, const char *format, ...)
{
    char text[TEXT_BYTES_MAX];
    struct slice kept;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);

    kept = arena_copy(making->arena, slice_from_text(text));
    if (kept.data == NULL)
        making->exhausted = true;
    return kept;
}

/* Room for `size` bytes; one without memory when the arena is used up. */
static struct buffer room_in_arena(struct making *making, size_t size)
{
    char *memory = arena_allocate(making->arena, size);
    struct buffer room;

    if (memory == NULL)
        making->exhausted = true;
    buffer_init(&room, memory, memory == NULL ? 0 : size);
    return room;
}

/* ---- from a header to DER ---- */

static bool decode_percent(struct buffer *to, struct slice text)
{
    while (!slice_is_empty(text)) {
        size_t plain = slice_find(text, '%');

        if (!buffer_append(to, slice_first(text, plain)))
            return false;
        text = slice_after(text, plain);
        if (slice_is_empty(text))
            break;
        if (text.size < 3 || !decode_hex(to, slice_from(text.data + 1, 2)))
            return false;
        text = slice_after(text, 3);
    }
    return true;
}

/* RFC 9440 section 2.2: ':' base64 ':', as RFC 8941 section 3.3.5 writes bytes. */
static bool strip_colons(struct slice *value)
{
    if (value->size < 2 || value->data[0] != ':' || value->data[value->size - 1] != ':')
        return false;
    *value = slice_from(value->data + 1, value->size - 2);
    return true;
}

static enum encoding recognise(enum encoding expected, struct slice value)
{
    if (expected != ENCODING_ANY)
        return expected;
    if (slice_starts_with(value, SLICE(":")))
        return ENCODING_RFC9440;
    if (slice_starts_with(value, SLICE("-----BEGIN")) || slice_find(value, '%') < value.size)
        return ENCODING_PEM_URL;
    return ENCODING_DER_BASE64;
}

/* NULL, or what is wrong with the value. Decoding never makes it longer. */
static const char *decode_value(struct making *making, enum encoding encoding, struct slice value,
                                struct slice *bytes)
{
    struct buffer decoded = room_in_arena(making, value.size + 1);

    if (slice_is_empty(value))
        return "it is empty";
    if (encoding == ENCODING_PEM_URL) {
        if (!decode_percent(&decoded, value))
            return "it has a bad escape";
    } else {
        if (encoding == ENCODING_RFC9440 && !strip_colons(&value))
            return "it is not a byte sequence between colons (RFC 9440)";
        if (!decode_base64(&decoded, value))
            return "it is not base64";
    }
    *bytes = buffer_readable(&decoded);
    return NULL;
}

/* NULL with a problem. The caller frees the certificate. */
static X509 *read_certificate(struct making *making, enum encoding encoding, struct slice value,
                              struct slice *problem)
{
    struct slice bytes = {NULL, 0};
    const char *defect = decode_value(making, encoding, value, &bytes);
    struct error error = {ERROR_NONE, ""};
    X509 *certificate = NULL;

    if (defect == NULL)
        certificate = certificate_parse(bytes, &error);
    if (certificate == NULL)
        *problem = keep_text(making, "%s", defect != NULL ? defect : error.text);
    ERR_clear_error();
    return certificate;
}

static const struct certificate_header *find_certificate_header(struct slice name)
{
    size_t count = sizeof certificate_headers / sizeof certificate_headers[0];

    for (size_t i = 0; i < count; i++) {
        if (http_name_folds_equal(name, slice_from_text(certificate_headers[i].name)))
            return &certificate_headers[i];
    }
    return NULL;
}

static bool is_verification_header(struct slice name)
{
    size_t count = sizeof verification_headers / sizeof verification_headers[0];

    for (size_t i = 0; i < count; i++) {
        if (http_name_folds_equal(name, slice_from_text(verification_headers[i])))
            return true;
    }
    return false;
}

bool whoami_report_is_identity_header(struct slice name)
{
    return find_certificate_header(name) != NULL || is_verification_header(name) ||
           http_name_folds_equal(name, slice_from_text(chain_header));
}

/* ---- collecting ---- */

static X509 *add_copy(struct making *making, const struct certificate_header *header,
                      const struct http_field *field)
{
    struct whoami_report *report = making->report;
    struct whoami_copy *copy = &report->copies[report->copy_count];
    enum encoding encoding = recognise(header->encoding, field->value);
    X509 *certificate = NULL;

    *copy = (struct whoami_copy){.name = field->name, .encoding = encoding_names[encoding]};
    report->copy_count++;
    certificate = read_certificate(making, encoding, field->value, &copy->problem);
    if (certificate == NULL)
        return NULL;
    if (certificate_der(certificate, making->arena, &copy->der)) {
        /* It may be borrowed from the certificate, which does not live as long as the report. */
        copy->der = arena_copy(making->arena, copy->der);
    }
    if (copy->der.data == NULL)
        making->exhausted = true;
    return certificate;
}

/* Returns the certificate of the first copy that can be read, or NULL. */
static X509 *collect_copies(struct making *making)
{
    const struct http_fields *fields = &making->report->request->fields;
    X509 *first = NULL;

    for (size_t i = 0; i < fields->count; i++) {
        const struct certificate_header *header = find_certificate_header(fields->items[i].name);
        X509 *certificate = NULL;

        if (header == NULL || making->report->copy_count == WHOAMI_COPIES_MAX)
            continue;
        certificate = add_copy(making, header, &fields->items[i]);
        if (first == NULL)
            first = certificate;
        else
            X509_free(certificate);
    }
    return first;
}

static void find_verification(struct whoami_report *report)
{
    const struct http_fields *fields = &report->request->fields;

    for (size_t i = 0; i < fields->count; i++) {
        if (is_verification_header(fields->items[i].name)) {
            report->verification = &fields->items[i];
            return;
        }
    }
}

/* ---- checks ---- */

static void add_check(struct making *making, const char *name, enum whoami_result result,
                      struct slice text)
{
    struct whoami_report *report = making->report;

    assert(report->check_count < WHOAMI_CHECKS_MAX);
    report->checks[report->check_count++] =
        (struct whoami_check){.result = result, .name = name, .text = text};
}

static void check_readable(struct making *making)
{
    const struct whoami_report *report = making->report;
    const struct whoami_copy *bad = NULL;

    for (size_t i = 0; i < report->copy_count && bad == NULL; i++) {
        if (!slice_is_empty(report->copies[i].problem))
            bad = &report->copies[i];
    }
    if (report->copy_count == 0)
        add_check(making, "certificate", WHOAMI_NOTE,
                  SLICE("no header carries a client certificate"));
    else if (bad != NULL)
        add_check(making, "certificate", WHOAMI_PROBLEM,
                  keep_text(making, "%.*s cannot be read: %.*s", SLICE_FORMAT(bad->name),
                            SLICE_FORMAT(bad->problem)));
    else
        add_check(making, "certificate", WHOAMI_GOOD,
                  keep_text(making, "read from %zu header%s", report->copy_count,
                            report->copy_count == 1 ? "" : "s"));
}

/* A gateway that sets a header removes the client's own; two of a name mean that it did not. */
static const struct whoami_copy *find_repeated(const struct whoami_report *report)
{
    for (size_t i = 0; i < report->copy_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (http_name_folds_equal(report->copies[i].name, report->copies[j].name))
                return &report->copies[i];
        }
    }
    return NULL;
}

static bool copies_differ(const struct whoami_report *report)
{
    const struct whoami_copy *first = NULL;

    for (size_t i = 0; i < report->copy_count; i++) {
        const struct whoami_copy *copy = &report->copies[i];

        if (slice_is_empty(copy->der))
            continue;
        if (first == NULL)
            first = copy;
        else if (!slice_equals(first->der, copy->der))
            return true;
    }
    return false;
}

static void check_agreement(struct making *making)
{
    const struct whoami_report *report = making->report;
    const struct whoami_copy *repeated = find_repeated(report);

    if (copies_differ(report))
        add_check(making, "agreement", WHOAMI_PROBLEM,
                  SLICE("the headers carry different certificates: somebody other than the gateway "
                        "wrote one of them"));
    else if (repeated != NULL)
        add_check(making, "agreement", WHOAMI_PROBLEM,
                  keep_text(making,
                            "%.*s came more than once: the gateway did not remove the client's",
                            SLICE_FORMAT(slice_first(repeated->name, QUOTED_BYTES_MAX))));
    else if (report->copy_count > 1)
        add_check(making, "agreement", WHOAMI_GOOD,
                  SLICE("all headers carry the same certificate"));
}

static void check_verification(struct making *making)
{
    const struct whoami_report *report = making->report;
    struct slice value = {NULL, 0};
    bool says_success = false;

    if (report->verification == NULL) {
        if (report->copy_count > 0)
            add_check(making, "verification", WHOAMI_NOTE,
                      SLICE("no header says whether the gateway verified the certificate"));
        return;
    }
    value = slice_first(report->verification->value, QUOTED_BYTES_MAX);
    says_success = slice_equals(value, SLICE("SUCCESS"));
    if (says_success && report->has_certificate)
        add_check(making, "verification", WHOAMI_GOOD,
                  SLICE("the gateway verified the certificate (SUCCESS)"));
    else if (says_success)
        add_check(making, "verification", WHOAMI_PROBLEM,
                  SLICE("the gateway says SUCCESS, but no certificate can be read"));
    else if (slice_equals(value, SLICE("NONE")) && !report->has_certificate)
        add_check(making, "verification", WHOAMI_NOTE,
                  SLICE("the gateway says that the client showed no certificate (NONE)"));
    else
        add_check(making, "verification", WHOAMI_PROBLEM,
                  keep_text(making, "the gateway did not verify the certificate (%.*s)",
                            SLICE_FORMAT(value)));
}

int64_t whoami_days_between(int64_t from, int64_t to)
{
    int64_t seconds = 0;

    /* Dates reach from year 0 to 9999, so that their difference always fits. */
    if (__builtin_sub_overflow(to, from, &seconds))
        return 0;
    return seconds / SECONDS_OF_A_DAY;
}

static void check_validity(struct making *making)
{
    const struct certificate_description *certificate = &making->report->certificate;
    int64_t now = making->report->now;

    if (now < certificate->not_before)
        add_check(making, "validity", WHOAMI_PROBLEM,
                  keep_text(making, "the certificate is not valid yet: it begins in %lld days",
                            (long long)whoami_days_between(now, certificate->not_before)));
    else if (now > certificate->not_after)
        add_check(making, "validity", WHOAMI_PROBLEM,
                  keep_text(making, "the certificate expired %lld days ago",
                            (long long)whoami_days_between(certificate->not_after, now)));
    else
        add_check(making, "validity", WHOAMI_GOOD,
                  keep_text(making, "the certificate is valid now, for %lld more days",
                            (long long)whoami_days_between(now, certificate->not_after)));
}

static void check_purpose(struct making *making, X509 *certificate)
{
    enum reason limit = certificate_check_limits(certificate);

    if (limit != REASON_NONE)
        add_check(
            making, "form", WHOAMI_PROBLEM,
            keep_text(making, "the certificate is outside the limits: %s", reason_name(limit)));
    if (X509_check_purpose(certificate, X509_PURPOSE_SSL_CLIENT, 0) == 1)
        add_check(making, "purpose", WHOAMI_GOOD, SLICE("the certificate may be used by clients"));
    else
        add_check(making, "purpose", WHOAMI_PROBLEM,
                  SLICE("the certificate may not be used by clients: its key usages say so"));
}

/* ---- issuers ---- */

static bool has_signed(X509 *issuer, X509 *certificate)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);

    /* The limits come first: a signature under an enormous key would take its time. */
    return key != NULL && certificate_check_limits(issuer) == REASON_NONE &&
           X509_check_issued(issuer, certificate) == X509_V_OK &&
           X509_verify(certificate, key) == 1;
}

/* Takes over the next certificate of the list; NULL with a problem, or at the end without one. */
static X509 *next_issuer(struct making *making, struct slice *rest, struct slice *problem)
{
    struct slice element = {NULL, 0};

    if (!http_list_next(rest, &element))
        return NULL;
    return read_certificate(making, ENCODING_RFC9440, element, problem);
}

/* Walks from the client's certificate upwards. Returns what is wrong with the chain, or nothing. */
static struct slice read_issuers(struct making *making, X509 *leaf, struct slice list)
{
    struct whoami_report *report = making->report;
    struct slice problem = {NULL, 0};
    X509 *below = leaf;
    X509 *issuer = NULL;

    X509_up_ref(leaf);
    while (report->issuer_count < CERTIFICATE_CHAIN_COUNT_MAX) {
        issuer = next_issuer(making, &list, &problem);
        if (issuer == NULL)
            break;
        if (!certificate_describe(issuer, making->arena, &report->issuers[report->issuer_count])) {
            problem = SLICE("a certificate in it cannot be described");
            break;
        }
        report->issuer_count++;
        if (slice_is_empty(problem) && !has_signed(issuer, below))
            problem = SLICE("a certificate is not signed by the one above it");
        X509_free(below);
        below = issuer;
        issuer = NULL;
    }
    X509_free(issuer);
    X509_free(below);
    ERR_clear_error();
    return problem;
}

static void check_issuers(struct making *making, X509 *leaf)
{
    const struct whoami_report *report = making->report;
    const struct http_field *field =
        http_fields_find(&report->request->fields, slice_from_text(chain_header));
    struct slice problem = {NULL, 0};

    if (field == NULL)
        return;
    problem = read_issuers(making, leaf, field->value);
    if (!slice_is_empty(problem))
        add_check(
            making, "issuers", WHOAMI_PROBLEM,
            keep_text(making, "%s cannot be followed: %.*s", chain_header, SLICE_FORMAT(problem)));
    else if (report->issuer_count > 0)
        add_check(making, "issuers", WHOAMI_GOOD,
                  keep_text(making,
                            "every certificate is signed by the one above it (%zu issuer%s)",
                            report->issuer_count, report->issuer_count == 1 ? "" : "s"));
}

/* ---- the report ---- */

bool whoami_report_make(const struct http_request *request, int64_t now, struct arena *arena,
                        struct whoami_report *report)
{
    struct making making = {.report = report, .arena = arena};
    X509 *certificate = NULL;

    *report = (struct whoami_report){.request = request, .now = now};
    certificate = collect_copies(&making);
    find_verification(report);
    report->has_certificate =
        certificate != NULL && certificate_describe(certificate, arena, &report->certificate);

    check_readable(&making);
    check_agreement(&making);
    check_verification(&making);
    if (report->has_certificate) {
        check_validity(&making);
        check_purpose(&making, certificate);
        check_issuers(&making, certificate);
    } else if (certificate != NULL) {
        add_check(&making, "certificate", WHOAMI_PROBLEM,
                  SLICE("the certificate cannot be described"));
    }
    X509_free(certificate);
    ERR_clear_error();
    return !making.exhausted;
}

size_t whoami_report_problems(const struct whoami_report *report)
{
    size_t count = 0;

    for (size_t i = 0; i < report->check_count; i++)
        count += report->checks[i].result == WHOAMI_PROBLEM;
    return count;
}
