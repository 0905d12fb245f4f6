/* SPDX-License-Identifier: Apache-2.0
 *
 * The ENGINE, and the conditions for it. ENGINEs are deprecated, and gone in OpenSSL 4: this is the
 * one file that uses them, only on the two versions that need it, and does without where there are
 * none.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "protocol/x509/key_decoding.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/opensslconf.h>
#include <openssl/provider.h>
#include <string.h>
#ifndef OPENSSL_NO_ENGINE
#include <openssl/engine.h>
#endif

#include "protocol/x509/key_decoding_internal.h"
#include "runtime/memory.h"

struct key_decoding {
    void *engine; /* NULL: the plain way */
    const char *explanation;
};

#ifndef OPENSSL_NO_ENGINE

/* Called by libcrypto, from all threads. Without `method` it asks which kinds there are. */
static int offer_methods(ENGINE *engine, EVP_PKEY_METHOD **method, const int **kinds, int kind)
{
    static const int offered[] = {EVP_PKEY_EC};
    /* ENGINEs give methods that one may write to. Nobody does, and what is libcrypto's own it does
     * not release with the ENGINE. */
    union {
        const EVP_PKEY_METHOD *constant;
        EVP_PKEY_METHOD *given;
    } methods = {NULL};

    (void)engine;
    if (method == NULL) {
        *kinds = offered;
        return 1;
    }
    if (kind == EVP_PKEY_EC)
        methods.constant = EVP_PKEY_meth_find(EVP_PKEY_EC);
    *method = methods.given;
    return methods.given != NULL;
}

static bool has_engine(void)
{
    ENGINE *found = ENGINE_get_pkey_meth_engine(EVP_PKEY_EC);

    ENGINE_finish(found);
    return found != NULL;
}

/* Not among the ENGINEs that a configuration could name: only in the table by which libcrypto finds
 * methods. */
static void *register_engine(void)
{
    ENGINE *engine = ENGINE_new();

    if (engine != NULL && ENGINE_set_id(engine, "sallyport") == 1 &&
        ENGINE_set_name(engine, "EC public keys without OSSL_DECODER") == 1 &&
        ENGINE_set_pkey_meths(engine, offer_methods) == 1 &&
        ENGINE_set_default_pkey_meths(engine) == 1)
        return engine;
    ENGINE_free(engine);
    return NULL;
}

static void unregister_engine(void *engine)
{
    if (engine == NULL)
        return;
    ENGINE_unregister_pkey_meths(engine);
    ENGINE_free(engine);
}

#else

static bool has_engine(void)
{
    return false;
}

static void *register_engine(void)
{
    return NULL;
}

static void unregister_engine(void *engine)
{
    (void)engine;
}

#endif

static bool version_gains(void)
{
    return OPENSSL_version_major() == 3 && OPENSSL_version_minor() <= 1;
}

static int note_provider(OSSL_PROVIDER *provider, void *only_own)
{
    static const char *const own[] = {"default", "base", "legacy", "null"};
    const char *name = OSSL_PROVIDER_get0_name(provider);
    bool is_own = false;

    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        is_own = is_own || strcmp(name, own[i]) == 0;
    if (!is_own)
        *(bool *)only_own = false;
    return 1;
}

/* The legacy way is libcrypto's own code: it knows neither a FIPS module nor keys in a token. */
static bool has_only_own_providers(void)
{
    bool only_own = true;

    return OSSL_PROVIDER_do_all(NULL, note_provider, &only_own) == 1 && only_own &&
           EVP_default_properties_is_fips_enabled(NULL) == 0;
}

/* Afterwards the ENGINE is registered, or all is as before. */
static void try_legacy(struct key_decoding *decoding)
{
    struct key_self_test *test = key_self_test_create();

    decoding->explanation = "EC keys are decoded by OSSL_DECODER: a self-test has failed";
    if (test != NULL && key_self_test_passes(test, false)) {
        decoding->engine = register_engine();
        if (decoding->engine != NULL && key_self_test_passes(test, true)) {
            decoding->explanation = "EC keys are decoded by libcrypto's legacy methods";
        } else {
            unregister_engine(decoding->engine);
            decoding->engine = NULL;
        }
    }
    key_self_test_destroy(test);
}

struct key_decoding *key_decoding_start(enum key_decoding_wish wish)
{
    struct key_decoding *decoding = memory_allocate(sizeof *decoding);

    ERR_set_mark();
    if (wish == KEY_DECODING_PLAIN)
        decoding->explanation = "EC keys are decoded by OSSL_DECODER, as it was wished";
    else if (wish == KEY_DECODING_BY_VERSION && !version_gains())
        decoding->explanation = "EC keys are decoded by OSSL_DECODER, which is fast here";
    else if (has_engine() || !has_only_own_providers())
        decoding->explanation =
            "EC keys are decoded by OSSL_DECODER: another implementation is configured";
    else
        try_legacy(decoding);
    ERR_pop_to_mark();
    return decoding;
}

void key_decoding_stop(struct key_decoding *decoding)
{
    if (decoding == NULL)
        return;
    unregister_engine(decoding->engine);
    memory_release(decoding);
}

bool key_decoding_is_legacy(const struct key_decoding *decoding)
{
    return decoding->engine != NULL;
}

const char *key_decoding_explain(const struct key_decoding *decoding)
{
    return decoding->explanation;
}
