/* SPDX-License-Identifier: Apache-2.0
 *
 * From the outside in: the frame, whose status needs no signature; the signer; then what was said.
 * Nothing that is signed is believed before the signature.
 */
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <string.h>

#include "protocol/x509/certificate.h"
#include "protocol/x509/der_internal.h"
#include "protocol/x509/ocsp_internal.h"

enum {
    CRL_REASON_HOLD = 6,
    CRL_REASON_REMOVED = 8,
    GENERALIZED_TIME_SIZE = 15, /* YYYYMMDDHHMMSSZ: RFC 5280 section 4.1.2.5.2 */
};

static const char *const outcome_names[OCSP_OUTCOMES] = {
    [OCSP_ANSWER_MALFORMED] = "malformed",
    [OCSP_IS_GOOD] = "good",
    [OCSP_IS_REVOKED] = "revoked",
    [OCSP_IS_UNKNOWN] = "unknown",
    [OCSP_ANSWER_TOO_LARGE] = "too_large",
    [OCSP_SAYS_MALFORMED_REQUEST] = "says_malformed_request",
    [OCSP_SAYS_INTERNAL_ERROR] = "says_internal_error",
    [OCSP_SAYS_TRY_LATER] = "says_try_later",
    [OCSP_SAYS_SIGNATURE_REQUIRED] = "says_signature_required",
    [OCSP_SAYS_UNAUTHORIZED] = "says_unauthorized",
    [OCSP_SAYS_SOMETHING_ELSE] = "says_something_else",
    [OCSP_ANSWER_OF_UNKNOWN_TYPE] = "unknown_type",
    [OCSP_ANSWER_ABOUT_ANOTHER] = "about_another",
    [OCSP_ANSWER_EARLY] = "early",
    [OCSP_ANSWER_STALE] = "stale",
    [OCSP_ANSWER_FORGED] = "forged",
    [OCSP_ANSWER_WEAKLY_SIGNED] = "weakly_signed",
    [OCSP_SIGNER_UNKNOWN] = "signer_unknown",
    [OCSP_SIGNER_NOT_AUTHORIZED] = "signer_not_authorized",
    [OCSP_SIGNER_INVALID] = "signer_invalid",
    [OCSP_NONCE_MISSING] = "nonce_missing",
    [OCSP_NONCE_WRONG] = "nonce_wrong",
};

const char *ocsp_outcome_name(enum ocsp_outcome outcome)
{
    return outcome_names[outcome];
}

/* ---- the frame: OCSPResponse ---- */

static enum ocsp_outcome outcome_of_status(unsigned char status)
{
    switch (status) {
    case OCSP_RESPONSE_STATUS_SUCCESSFUL:
        return OCSP_IS_GOOD;
    case OCSP_RESPONSE_STATUS_MALFORMEDREQUEST:
        return OCSP_SAYS_MALFORMED_REQUEST;
    case OCSP_RESPONSE_STATUS_INTERNALERROR:
        return OCSP_SAYS_INTERNAL_ERROR;
    case OCSP_RESPONSE_STATUS_TRYLATER:
        return OCSP_SAYS_TRY_LATER;
    case OCSP_RESPONSE_STATUS_SIGREQUIRED:
        return OCSP_SAYS_SIGNATURE_REQUIRED;
    case OCSP_RESPONSE_STATUS_UNAUTHORIZED:
        return OCSP_SAYS_UNAUTHORIZED;
    default:
        return OCSP_SAYS_SOMETHING_ELSE;
    }
}

/* responseBytes [0] EXPLICIT SEQUENCE { responseType, response OCTET STRING }, the last of all. */
static enum ocsp_outcome open_bytes(struct slice rest, struct slice *basic)
{
    static const char basic_type[] = "\x2b\x06\x01\x05\x05\x07\x30\x01\x01";
    struct der_element tagged;
    struct slice bytes;
    struct slice type;

    if (!slice_starts_with(rest, SLICE("\xa0")) || !der_read_element(&rest, &tagged) ||
        !slice_is_empty(rest) || !der_read_universal(&tagged.content, DER_SEQUENCE, &bytes) ||
        !slice_is_empty(tagged.content) ||
        !der_read_universal(&bytes, DER_OBJECT_IDENTIFIER, &type))
        return OCSP_ANSWER_MALFORMED;
    if (!slice_equals(type, slice_from(basic_type, sizeof basic_type - 1)))
        return OCSP_ANSWER_OF_UNKNOWN_TYPE;
    if (!der_read_universal(&bytes, DER_OCTET_STRING, basic) || !slice_is_empty(bytes) ||
        !der_is_strict(*basic))
        return OCSP_ANSWER_MALFORMED;
    return OCSP_IS_GOOD;
}

static enum ocsp_outcome open_frame(struct slice der, struct slice *basic)
{
    struct slice frame;
    struct slice status;
    enum ocsp_outcome outcome;

    if (der.size > OCSP_ANSWER_BYTES_MAX)
        return OCSP_ANSWER_TOO_LARGE;
    if (!der_is_strict(der) || !der_read_universal(&der, DER_SEQUENCE, &frame) ||
        !der_read_universal(&frame, DER_ENUMERATED, &status) || status.size != 1)
        return OCSP_ANSWER_MALFORMED;
    outcome = outcome_of_status((unsigned char)status.data[0]);
    if (outcome == OCSP_IS_GOOD)
        return open_bytes(frame, basic);
    return slice_is_empty(frame) ? outcome : OCSP_ANSWER_MALFORMED;
}

/* ---- what was said of one certificate: SingleResponse ---- */

static bool read_time(const ASN1_GENERALIZEDTIME *time, int64_t *seconds)
{
    return time != NULL && ASN1_STRING_length(time) == GENERALIZED_TIME_SIZE &&
           certificate_time(time, seconds);
}

static bool is_about(const OCSP_SINGLERESP *single, const struct ocsp_expectation *expected)
{
    OCSP_CERTID *said = (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(single);
    ASN1_OBJECT *algorithm = NULL;
    OCSP_CERTID *own = NULL;
    const EVP_MD *digest = NULL;
    bool is_same = false;

    if (OCSP_id_get0_info(NULL, &algorithm, NULL, NULL, said) != 1)
        return false;
    switch (OBJ_obj2nid(algorithm)) {
    case NID_sha1:
        digest = EVP_sha1();
        break;
    case NID_sha256:
        digest = EVP_sha256();
        break;
    case NID_sha384:
        digest = EVP_sha384();
        break;
    case NID_sha512:
        digest = EVP_sha512();
        break;
    default:
        return false;
    }
    own = ocsp_certificate_id(expected->issuer, expected->serial, digest);
    is_same = own != NULL && OCSP_id_cmp(own, said) == 0;
    OCSP_CERTID_free(own);
    return is_same;
}

static bool is_permanent(const struct ocsp_answer *said)
{
    return said->outcome == OCSP_IS_REVOKED && said->revocation_reason != CRL_REASON_HOLD &&
           said->revocation_reason != CRL_REASON_REMOVED;
}

static enum ocsp_outcome check_times(const struct ocsp_answer *said,
                                     const struct ocsp_expectation *expected)
{
    int64_t skew = expected->skew_seconds;
    int64_t end = said->next_update;

    if (end == 0)
        end = said->this_update + expected->endless_seconds;
    else if (end < said->this_update)
        return OCSP_ANSWER_MALFORMED;
    if (said->this_update > expected->now + skew)
        return OCSP_ANSWER_EARLY;
    return end < expected->now - skew ? OCSP_ANSWER_STALE : said->outcome;
}

static struct ocsp_answer read_single(OCSP_SINGLERESP *single)
{
    ASN1_GENERALIZEDTIME *revoked = NULL;
    ASN1_GENERALIZEDTIME *begin = NULL;
    ASN1_GENERALIZEDTIME *end = NULL;
    struct ocsp_answer said = {.outcome = OCSP_ANSWER_MALFORMED};
    int reason = OCSP_REVOKED_STATUS_NOSTATUS;
    int status = OCSP_single_get0_status(single, &reason, &revoked, &begin, &end);

    if (!read_time(begin, &said.this_update) || (end != NULL && !read_time(end, &said.next_update)))
        return said;
    if (status == V_OCSP_CERTSTATUS_GOOD)
        said.outcome = OCSP_IS_GOOD;
    if (status == V_OCSP_CERTSTATUS_UNKNOWN)
        said.outcome = OCSP_IS_UNKNOWN;
    if (status == V_OCSP_CERTSTATUS_REVOKED && read_time(revoked, &said.revoked_at)) {
        said.outcome = OCSP_IS_REVOKED;
        said.revocation_reason = reason < 0 ? 0 : (unsigned)reason;
    }
    return said;
}

/* Worse first; among problems the order does not matter. */
static unsigned badness(enum ocsp_outcome outcome)
{
    if (outcome == OCSP_IS_REVOKED)
        return 3;
    if (outcome == OCSP_IS_UNKNOWN)
        return 1;
    return outcome == OCSP_IS_GOOD ? 0 : 2;
}

static bool has_unknown_demand(OCSP_SINGLERESP *single)
{
    return OCSP_SINGLERESP_get_ext_by_critical(single, 1, -1) >= 0;
}

/* Of good statements, the one that ends first. */
static bool is_worse(const struct ocsp_answer *a, const struct ocsp_answer *b)
{
    if (badness(a->outcome) != badness(b->outcome))
        return badness(a->outcome) > badness(b->outcome);
    return a->next_update < b->next_update;
}

static struct ocsp_answer read_singles(OCSP_BASICRESP *basic,
                                       const struct ocsp_expectation *expected)
{
    struct ocsp_answer worst = {.outcome = OCSP_ANSWER_ABOUT_ANOTHER};
    int count = OCSP_resp_count(basic);

    if (count > OCSP_SINGLES_MAX)
        return (struct ocsp_answer){.outcome = OCSP_ANSWER_TOO_LARGE};
    for (int i = 0; i < count; i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
        struct ocsp_answer said;

        if (!is_about(single, expected))
            continue;
        said = read_single(single);
        if (has_unknown_demand(single))
            said.outcome = OCSP_ANSWER_OF_UNKNOWN_TYPE;
        if (ocsp_outcome_is_statement(said.outcome) && !is_permanent(&said))
            said.outcome = check_times(&said, expected);
        if (worst.outcome == OCSP_ANSWER_ABOUT_ANOTHER || is_worse(&said, &worst))
            worst = said;
    }
    return worst;
}

/* ---- the answer as a whole: BasicOCSPResponse ---- */

static bool is_made_in_future(const OCSP_BASICRESP *basic, const struct ocsp_expectation *expected)
{
    int64_t made = 0;

    return !read_time(OCSP_resp_get0_produced_at(basic), &made) ||
           made > expected->now + expected->skew_seconds;
}

/* The value of the extension is an OCTET STRING, as we have sent it (RFC 8954). */
static enum ocsp_outcome check_nonce(OCSP_BASICRESP *basic, const struct ocsp_expectation *expected,
                                     bool *has_nonce)
{
    int index = OCSP_BASICRESP_get_ext_by_NID(basic, NID_id_pkix_OCSP_Nonce, -1);
    const ASN1_OCTET_STRING *value = NULL;
    struct slice bytes;
    struct slice nonce;

    if (slice_is_empty(expected->nonce))
        return OCSP_IS_GOOD;
    if (index < 0)
        return expected->nonce_is_needed ? OCSP_NONCE_MISSING : OCSP_IS_GOOD;
    value = X509_EXTENSION_get_data(OCSP_BASICRESP_get_ext(basic, index));
    bytes = slice_from(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    *has_nonce = der_read_universal(&bytes, DER_OCTET_STRING, &nonce) && slice_is_empty(bytes) &&
                 slice_equals(nonce, expected->nonce);
    return *has_nonce ? OCSP_IS_GOOD : OCSP_NONCE_WRONG;
}

static bool has_unknown_extension(OCSP_BASICRESP *basic)
{
    for (int i = OCSP_BASICRESP_get_ext_by_critical(basic, 1, -1); i >= 0;
         i = OCSP_BASICRESP_get_ext_by_critical(basic, 1, i)) {
        ASN1_OBJECT *object = X509_EXTENSION_get_object(OCSP_BASICRESP_get_ext(basic, i));

        if (OBJ_obj2nid(object) != NID_id_pkix_OCSP_Nonce)
            return true;
    }
    return false;
}

static struct ocsp_answer check_basic(OCSP_BASICRESP *basic,
                                      const struct ocsp_expectation *expected)
{
    struct ocsp_answer answer = {.outcome = ocsp_check_signer(basic, expected)};
    enum ocsp_outcome nonce;

    if (answer.outcome != OCSP_IS_GOOD)
        return answer;
    answer = read_singles(basic, expected);
    if (!ocsp_outcome_is_statement(answer.outcome) || is_permanent(&answer))
        return answer;
    nonce = check_nonce(basic, expected, &answer.has_nonce);
    if (nonce != OCSP_IS_GOOD)
        answer.outcome = nonce;
    else if (has_unknown_extension(basic))
        answer.outcome = OCSP_ANSWER_OF_UNKNOWN_TYPE;
    else if (is_made_in_future(basic, expected))
        answer.outcome = OCSP_ANSWER_EARLY;
    return answer;
}

struct ocsp_answer ocsp_check_answer(struct slice answer, const struct ocsp_expectation *expected)
{
    struct ocsp_answer checked = {.outcome = OCSP_ANSWER_MALFORMED};
    OCSP_BASICRESP *basic = NULL;
    struct slice der = {NULL, 0};
    const unsigned char *at;

    checked.outcome = open_frame(answer, &der);
    if (checked.outcome != OCSP_IS_GOOD)
        return checked;
    ERR_set_mark();
    at = (const unsigned char *)der.data;
    basic = d2i_OCSP_BASICRESP(NULL, &at, (long)der.size);
    if (basic == NULL || at != (const unsigned char *)der.data + der.size)
        checked.outcome = OCSP_ANSWER_MALFORMED;
    else
        checked = check_basic(basic, expected);
    OCSP_BASICRESP_free(basic);
    ERR_pop_to_mark();
    return checked;
}
