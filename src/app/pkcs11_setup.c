/* SPDX-License-Identifier: Apache-2.0
 *
 * See pkcs11_setup.h.
 */
#include "app/pkcs11_setup.h"

#include "protocol/tls/tls_pkcs11.h"

/* The first of a listener whose key is in a token; NULL: none is. */
static const struct tls_certificate_settings *find_in(const struct tls_profile_settings *profile)
{
    for (size_t i = 0; i < profile->certificate_count; i++) {
        if (tls_pkcs11_is_uri(profile->certificates[i].key))
            return &profile->certificates[i];
    }
    return NULL;
}

static const struct tls_certificate_settings *find(const struct generation_settings *settings)
{
    const struct tls_certificate_settings *found = NULL;

    for (size_t i = 0; found == NULL && i < settings->listener_count; i++)
        found = find_in(settings->listeners[i].tls);
    return found;
}

bool pkcs11_setup(struct tls_pkcs11 **pkcs11, const struct generation_settings *settings,
                  bool may_start, struct error *error)
{
    const struct tls_certificate_settings *first = find(settings);

    if (first == NULL || *pkcs11 != NULL)
        return true;
    if (may_start)
        *pkcs11 = tls_pkcs11_start(settings->pkcs11_module, error);
    else
        error_set(error, ERROR_VALUE,
                  "no key was in a token when the gateway was started: restart needed");
    if (*pkcs11 == NULL)
        error_prefix(error, "%s:%u:%u", first->position.file, first->position.line,
                     first->position.column);
    return *pkcs11 != NULL;
}
