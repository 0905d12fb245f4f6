/* SPDX-License-Identifier: Apache-2.0
 *
 * See issuer_choice_internal.h.
 */
#include "protocol/x509/issuer_choice_internal.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

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

static bool has_signed(X509 *issuer, X509 *certificate)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    bool has = false;

    ERR_set_mark();
    has = key != NULL && X509_verify(certificate, key) == 1;
    ERR_pop_to_mark();
    return has;
}

/* Called for each candidate, and for whether a certificate has issued itself. Who is taken here is
 * verified again by libcrypto, so that running out of checks accepts nobody. */
static int check_issued(X509_STORE_CTX *context, X509 *certificate, X509 *issuer)
{
    struct issuer_choice *choice = X509_STORE_CTX_get_app_data(context);

    if (!may_have_issued(issuer, certificate))
        return 0;
    if (choice == NULL || choice->checks_left == 0)
        return 1;
    choice->checks_left--;
    return has_signed(issuer, certificate) ? 1 : 0;
}

void issuer_choice_install(X509_STORE *store)
{
    X509_STORE_set_check_issued(store, check_issued);
}

void issuer_choice_begin(struct issuer_choice *choice, X509_STORE_CTX *context)
{
    choice->checks_left = ISSUER_CHOICE_CHECKS_MAX;
    X509_STORE_CTX_set_app_data(context, choice);
}

static int count_named(STACK_OF(X509) * certificates, const X509_NAME *name)
{
    int count = 0;

    for (int i = 0; i < sk_X509_num(certificates); i++)
        if (X509_NAME_cmp(X509_get_subject_name(sk_X509_value(certificates, i)), name) == 0)
            count++;
    return count;
}

static bool is_name_of_several(X509_STORE_CTX *context, STACK_OF(X509) * untrusted,
                               const X509_NAME *name)
{
    STACK_OF(X509) *trusted = X509_STORE_CTX_get1_certs(context, name);
    int count = count_named(untrusted, name);

    if (trusted != NULL)
        count += sk_X509_num(trusted);
    sk_X509_pop_free(trusted, X509_free);
    return count > 1;
}

bool issuer_choice_is_there(X509_STORE_CTX *context, const X509 *leaf, STACK_OF(X509) * untrusted)
{
    if (is_name_of_several(context, untrusted, X509_get_issuer_name(leaf)))
        return true;
    for (int i = 0; i < sk_X509_num(untrusted); i++)
        if (is_name_of_several(context, untrusted,
                               X509_get_issuer_name(sk_X509_value(untrusted, i))))
            return true;
    return false;
}
