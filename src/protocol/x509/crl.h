/* SPDX-License-Identifier: Apache-2.0
 *
 * A certificate revocation list (RFC 5280 section 5), read once into a compact index: what it says
 * of itself, and for each entry the serial, the date and the reason, some 26 bytes in all. Entries
 * are never made into libcrypto's objects, which take a third of a kilobyte each. Immutable and
 * reference-counted.
 *
 * A list is refused whole, by name, for anything in it that cannot be understood (an unknown
 * critical extension, an indirect list): half of a list is no list. Whose it is, is another
 * question: `crl_is_signed_by` answers it by the issuer's key.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/error.h"
#include "runtime/slice.h"

struct crl;

enum {
    CRL_SERIAL_BYTES_MAX = 64, /* RFC 5280 demands that 20 are understood */
    CRL_NAME_COUNT_MAX = 32,   /* of a distribution point */
    CRL_DIGEST_BYTES = 32,
    /* What an issuer's clock may be ahead of ours. */
    CRL_SKEW_SECONDS = 300
};

/* The reasons that a list is about, as ReasonFlags (RFC 5280 section 4.2.1.13) without bit 0. */
enum { CRL_REASONS_ALL = 0x1fe };

/* Of which certificates the list speaks: the issuing distribution point, section 5.2.5. */
struct crl_scope {
    bool only_user;
    bool only_ca;
    unsigned reasons; /* a set of 1 << bit; CRL_REASONS_ALL, or some of them */
    /* GeneralNames in DER, one of which the certificate must name; none: any certificate. */
    struct slice names[CRL_NAME_COUNT_MAX];
    size_t name_count;
};

struct crl_facts {
    struct slice issuer;     /* Name, DER */
    struct slice issuer_key; /* the authority key identifier; empty: the list has none */
    struct slice number;     /* the CRL number, big endian without leading zeros */
    struct slice base;       /* of a delta list: the number of the list that it changes */
    bool has_number;
    bool is_delta;
    struct slice distribution_point; /* the extension as it is: equal scopes have equal bytes */
    struct crl_scope scope;
    int64_t this_update; /* seconds since 1970 */
    int64_t next_update;
    size_t entry_count;
    size_t bytes;                           /* that the index takes */
    unsigned char digest[CRL_DIGEST_BYTES]; /* SHA-256 of what is signed */
};

enum { CRL_SET_MAX = 64 };

/* The lists of one file. */
struct crl_set {
    struct crl *lists[CRL_SET_MAX];
    size_t count;
};

/* One list in DER, or any number in PEM; all of them, or none, and then an error that says what is
 * wrong. The bytes are the caller's and are used up: what is made of them is made in place. */
bool crl_set_read(struct crl_set *set, char *bytes, size_t size, struct error *error);
void crl_set_reset(struct crl_set *set);
struct crl *crl_acquire(struct crl *list);
/* NULL is fine. */
void crl_release(struct crl *list);

const struct crl_facts *crl_get_facts(const struct crl *list);

enum crl_listing { CRL_NOT_LISTED, CRL_REVOKED, CRL_REMOVED /* delta lists: is no more */ };

struct crl_entry {
    enum crl_listing listing;
    int64_t revoked_at;
    unsigned reason; /* CRLReason, section 5.3.1; 0: unspecified */
};

/* `serial` is the content of the DER INTEGER. The same serial twice: revoked wins. */
struct crl_entry crl_find(const struct crl *list, struct slice serial);
/* "keyCompromise"; never NULL. */
const char *crl_reason_name(unsigned reason);

enum crl_binding {
    CRL_OF_ANOTHER,   /* another name, or another key by the key identifiers */
    CRL_FORGED,       /* says that it is this issuer's, and the signature is not */
    CRL_UNAUTHORIZED, /* the issuer's key usage does not allow it to sign lists */
    CRL_AUTHENTIC
};

/* Has this certificate's key signed the list? Costs a verification of the signature. */
enum crl_binding crl_is_signed_by(const struct crl *list, X509 *issuer);

/* -1, 0, 1: is the first list older, as new, newer? By CRL number, then by thisUpdate; meant for
 * lists of one issuer and scope. */
int crl_compare_age(const struct crl *a, const struct crl *b);
/* Does the delta list change this complete list? Same issuer, scope, and numbers that fit
 * (section 5.2.4). */
bool crl_applies_to(const struct crl *delta, const struct crl *complete);
