/* SPDX-License-Identifier: Apache-2.0 */
/* module: protocol/x509 */
/*
 * A file of revocation lists of any bytes: it is refused, or each list in it says the same of
 * itself whenever it is asked, and whoever libcrypto finds in it is found here.
 */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/x509/crl.h"
#include "protocol/x509/crl_subject.h"
#include "runtime/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
    if (!condition)
        abort();
}

static void demand_facts(const struct crl *list)
{
    const struct crl_facts *facts = crl_get_facts(list);

    demand(facts->next_update > facts->this_update);
    demand(!facts->is_delta || facts->has_number);
    demand(!(facts->scope.only_user && facts->scope.only_ca));
    demand((facts->scope.reasons & ~(unsigned)CRL_REASONS_ALL) == 0);
    demand(crl_compare_age(list, list) == 0);
    demand(!crl_applies_to(list, list));
}

static void demand_entry(const struct crl *list, const X509_REVOKED *entry)
{
    unsigned char der[CRL_SERIAL_BYTES_MAX + 16];
    unsigned char *at = der;
    const ASN1_INTEGER *serial = X509_REVOKED_get0_serialNumber(entry);
    int size = i2d_ASN1_INTEGER(serial, NULL);

    if (size < 3 || (size_t)size > sizeof der)
        return;
    size = i2d_ASN1_INTEGER(serial, &at);
    demand(crl_find(list, slice_from(der + 2, (size_t)size - 2)).listing != CRL_NOT_LISTED);
}

/* Another reader of the same list. */
static void compare_with_library(const struct crl *list, const uint8_t *data, size_t size)
{
    const unsigned char *at = data;
    X509_CRL *other = d2i_X509_CRL(NULL, &at, (long)size);
    STACK_OF(X509_REVOKED) *entries = other == NULL ? NULL : X509_CRL_get_REVOKED(other);

    if (other != NULL)
        demand((size_t)(entries == NULL ? 0 : sk_X509_REVOKED_num(entries)) ==
               crl_get_facts(list)->entry_count);
    for (int i = 0; i < sk_X509_REVOKED_num(entries); i++)
        demand_entry(list, sk_X509_REVOKED_value(entries, i));
    X509_CRL_free(other);
    ERR_clear_error();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {.kind = ERROR_NONE};
    struct crl_set set = {.count = 0};
    char *bytes = memory_allocate(size + 1);

    memcpy(bytes, data, size);
    if (!crl_set_read(&set, bytes, size, &error)) {
        demand(set.count == 0 && error.kind != ERROR_NONE);
        memory_release(bytes);
        return 0;
    }
    demand(set.count > 0);
    for (size_t i = 0; i < set.count; i++)
        demand_facts(set.lists[i]);
    if (size > 0 && data[0] == 0x30)
        compare_with_library(set.lists[0], data, size);
    crl_set_reset(&set);
    memory_release(bytes);
    return 0;
}
