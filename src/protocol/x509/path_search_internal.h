/* SPDX-License-Identifier: Apache-2.0
 *
 * Another way up. libcrypto takes the first issuer of the right name and never goes back, so that
 * it misses a path where a CA is certified by two others (of which one is an anchor), or has
 * renewed its key under its name and left out key identifiers. Here the ways from a leaf to an
 * anchor are found one by one, and each is given to libcrypto by itself, to be validated. What the
 * search may cost has limits, whatever the client shows.
 */
#pragma once

#include <openssl/x509_vfy.h>
#include <stdbool.h>

enum {
    PATH_SEARCH_NAMES_MAX = 64,     /* issuers of which it is asked whether there are several */
    PATH_SEARCH_STEPS_MAX = 64,     /* certificates that are stepped on */
    PATH_SEARCH_SIGNATURES_MAX = 8, /* verified to tell issuers of one name apart */
    PATH_SEARCH_WAYS_MAX = 4        /* given to libcrypto */
};

/* For one validation. */
struct path_search {
    unsigned steps_left;
    unsigned signatures_left;
    unsigned ways_left;
};

void path_search_init(struct path_search *search);

/* Once for each store, before it is used: of anchors of one name, a validation that belongs to a
 * search takes the one that has in fact signed. All other validations are as libcrypto's. */
void path_search_install(X509_STORE *store);
/* The validation belongs to the search, which is borrowed until it ends. */
void path_search_join(struct path_search *search, X509_STORE_CTX *context);

/* Do the store and the untrusted hold several certificates of the name of any issuer that the leaf
 * or an untrusted certificate names? Without, there is no other way. */
bool path_search_has_choice(X509_STORE *store, const X509 *leaf, STACK_OF(X509) * untrusted);

/* Validates a way: the certificates between the leaf and an anchor. True: it is good. */
typedef bool path_search_validator(void *owner, STACK_OF(X509) * way);

/* Gives ways to `validate` until one is good, or the search has cost enough. */
bool path_search_find(struct path_search *search, X509_STORE *store, X509 *leaf,
                      STACK_OF(X509) * untrusted, path_search_validator *validate, void *owner);
