/* SPDX-License-Identifier: Apache-2.0
 *
 * See path_search_internal.h.
 */
#include "protocol/x509/path_search_internal.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "protocol/x509/certification_path.h"

/* The leaf, as many as the depth allows, and one more that is then refused for it. */
enum { WAY_LENGTH_MAX = CERTIFICATION_PATH_DEPTH_MAX + 2 };

void path_search_init(struct path_search *search)
{
    search->steps_left = PATH_SEARCH_STEPS_MAX;
    search->signatures_left = PATH_SEARCH_SIGNATURES_MAX;
    search->ways_left = PATH_SEARCH_WAYS_MAX;
}

/* ---- who has issued whom ---- */

/* By names and key identifiers. That it may not sign certificates is found later, with a reason
 * that says so. */
static bool may_have_issued(X509 *issuer, X509 *certificate)
{
    switch (X509_check_issued(issuer, certificate)) {
    case X509_V_OK:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
    case X509_V_ERR_KEYUSAGE_NO_DIGITAL_SIGNATURE:
        return true;
    default:
        return false;
    }
}

/* False when that was found out too often already. */
static bool has_signed(struct path_search *search, X509 *issuer, X509 *certificate)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);

    if (key == NULL || search->signatures_left == 0)
        return false;
    search->signatures_left--;
    return X509_verify(certificate, key) == 1;
}

/* Called for each anchor of the right name, and for whether a certificate has issued itself. Who is
 * taken here is verified again by libcrypto. */
static int check_issued(X509_STORE_CTX *context, X509 *certificate, X509 *issuer)
{
    struct path_search *search = X509_STORE_CTX_get_app_data(context);

    if (!may_have_issued(issuer, certificate))
        return 0;
    return search == NULL || has_signed(search, issuer, certificate) ? 1 : 0;
}

void path_search_install(X509_STORE *store)
{
    X509_STORE_set_check_issued(store, check_issued);
}

void path_search_join(struct path_search *search, X509_STORE_CTX *context)
{
    X509_STORE_CTX_set_app_data(context, search);
}

/* ---- is there a choice? ---- */

/* A context for look-ups alone. The caller frees it. */
static X509_STORE_CTX *open_store(X509_STORE *store)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();

    if (context == NULL || X509_STORE_CTX_init(context, store, NULL, NULL) == 1)
        return context;
    X509_STORE_CTX_free(context);
    return NULL;
}

static int count_anchors(X509_STORE_CTX *context, const X509_NAME *name)
{
    STACK_OF(X509) *anchors = X509_STORE_CTX_get1_certs(context, name);
    int count = anchors == NULL ? 0 : sk_X509_num(anchors);

    sk_X509_pop_free(anchors, X509_free);
    return count;
}

static bool is_name_of_several(X509_STORE_CTX *context, STACK_OF(X509) * untrusted,
                               const X509_NAME *name)
{
    int count = count_anchors(context, name);

    for (int i = 0; i < sk_X509_num(untrusted); i++)
        if (X509_NAME_cmp(X509_get_subject_name(sk_X509_value(untrusted, i)), name) == 0)
            count++;
    return count > 1;
}

/* The client's own come first in the list. */
bool path_search_has_choice(X509_STORE *store, const X509 *leaf, STACK_OF(X509) * untrusted)
{
    X509_STORE_CTX *context = open_store(store);
    int count = sk_X509_num(untrusted);
    bool has = false;

    if (context == NULL)
        return false;
    has = is_name_of_several(context, untrusted, X509_get_issuer_name(leaf));
    for (int i = 0; !has && i < count && i < PATH_SEARCH_NAMES_MAX; i++)
        has = is_name_of_several(context, untrusted,
                                 X509_get_issuer_name(sk_X509_value(untrusted, i)));
    X509_STORE_CTX_free(context);
    return has;
}

/* ---- the ways ---- */

struct walk {
    struct path_search *search;
    X509_STORE_CTX *store;
    STACK_OF(X509) * untrusted;
    X509 *way[WAY_LENGTH_MAX];
    int next[WAY_LENGTH_MAX]; /* the index of the candidate that is looked at next */
    int length;
};

static bool is_on_way(const struct walk *walk, const X509 *certificate)
{
    for (int i = 0; i < walk->length; i++)
        if (X509_cmp(walk->way[i], certificate) == 0)
            return true;
    return false;
}

static bool is_repeated(const struct walk *walk, int index)
{
    const X509 *certificate = sk_X509_value(walk->untrusted, index);

    for (int i = 0; i < index; i++)
        if (X509_cmp(sk_X509_value(walk->untrusted, i), certificate) == 0)
            return true;
    return false;
}

static bool is_candidate(const struct walk *walk, int index)
{
    X509 *certificate = sk_X509_value(walk->untrusted, index);

    return may_have_issued(certificate, walk->way[walk->length - 1]) &&
           !is_on_way(walk, certificate) && !is_repeated(walk, index);
}

static bool is_only_candidate(const struct walk *walk, int index)
{
    for (int i = 0; i < sk_X509_num(walk->untrusted); i++)
        if (i != index && is_candidate(walk, i))
            return false;
    return true;
}

/* One certificate further up. False: there is none that has not been tried. */
static bool step_up(struct walk *walk)
{
    int *next = &walk->next[walk->length - 1];

    if (walk->length == WAY_LENGTH_MAX)
        return false;
    while (*next < sk_X509_num(walk->untrusted)) {
        int index = (*next)++;
        X509 *candidate = sk_X509_value(walk->untrusted, index);

        if (!is_candidate(walk, index) ||
            (!is_only_candidate(walk, index) &&
             !has_signed(walk->search, candidate, walk->way[walk->length - 1])))
            continue;
        walk->way[walk->length] = candidate;
        walk->next[walk->length] = 0;
        walk->length++;
        return true;
    }
    return false;
}

static bool validate_way(const struct walk *walk, path_search_validator *validate, void *owner)
{
    STACK_OF(X509) *way = sk_X509_new_null();
    bool is_good = false;

    for (int i = 1; way != NULL && i < walk->length; i++)
        sk_X509_push(way, walk->way[i]);
    is_good = way != NULL && validate(owner, way);
    sk_X509_free(way);
    return is_good;
}

static bool try_here(const struct walk *walk, path_search_validator *validate, void *owner)
{
    const X509 *top = walk->way[walk->length - 1];

    if (walk->search->ways_left == 0 || count_anchors(walk->store, X509_get_issuer_name(top)) == 0)
        return false;
    walk->search->ways_left--;
    return validate_way(walk, validate, owner);
}

static bool walk_all(struct walk *walk, path_search_validator *validate, void *owner)
{
    if (try_here(walk, validate, owner))
        return true;
    while (walk->length > 0 && walk->search->ways_left > 0) {
        if (!step_up(walk)) {
            walk->length--;
            continue;
        }
        if (walk->search->steps_left == 0)
            return false;
        walk->search->steps_left--;
        if (try_here(walk, validate, owner))
            return true;
    }
    return false;
}

bool path_search_find(struct path_search *search, X509_STORE *store, X509 *leaf,
                      STACK_OF(X509) * untrusted, path_search_validator *validate, void *owner)
{
    struct walk walk = {
        .search = search,
        .store = open_store(store),
        .untrusted = untrusted,
        .way = {leaf},
        .length = 1,
    };
    bool found = walk.store != NULL && walk_all(&walk, validate, owner);

    X509_STORE_CTX_free(walk.store);
    return found;
}
