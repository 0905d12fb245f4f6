/* SPDX-License-Identifier: Apache-2.0
 *
 * See tls_pkcs11.h. OpenSSL 3.0 calls engines deprecated, and has nothing else for tokens: the
 * provider that is to take their place is no part of Debian 12. Which engine is in use is known to
 * libcrypto alone, so that nothing is kept here.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "protocol/tls/tls_pkcs11_internal.h"

#include <openssl/engine.h>
#include <openssl/err.h>
#include <string.h>
#include <unistd.h>

#include "runtime/file.h"
#include "runtime/memory.h"

enum { PIN_BYTES_MAX = 1024 };

static const char engine_name[] = "pkcs11";
static const char scheme[] = "pkcs11:";

struct tls_pkcs11 {
    ENGINE *engine;
};

/* ---- URIs ------------------------------------------------------------------------------------ */

bool tls_pkcs11_is_uri(const char *text)
{
    return text != NULL && strncmp(text, scheme, sizeof(scheme) - 1) == 0;
}

/* The part that says which key is meant. */
static struct slice object_of(struct slice uri)
{
    return slice_first(uri, slice_find(uri, '?'));
}

/* "NAME=VALUE", and what is behind the separator. */
static struct slice take_attribute(struct slice *rest, char separator, struct slice *value)
{
    struct slice attribute = slice_first(*rest, slice_find(*rest, separator));
    struct slice name = slice_first(attribute, slice_find(attribute, '='));

    *rest = slice_after(*rest, attribute.size + 1);
    *value = slice_after(attribute, name.size + 1);
    return name;
}

static bool is_one_of(struct slice name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (slice_equals(name, slice_from_text(*names)))
            return true;
    }
    return false;
}

static bool check_object(struct slice rest, struct error *error)
{
    static const char *const known[] = {"token",  "manufacturer", "model", "serial",
                                        "object", "id",           "type",  NULL};
    bool is_named = false;

    while (!slice_is_empty(rest)) {
        struct slice value;
        struct slice name = take_attribute(&rest, ';', &value);

        if (slice_equals(name, SLICE("pin-value"))) {
            error_set(error, ERROR_VALUE,
                      "a PIN in a URI would be shown: set 'key_password', or write "
                      "?pin-source=file:PATH");
            return false;
        }
        if (!is_one_of(name, known)) {
            error_set(error, ERROR_VALUE,
                      "a PKCS #11 URI may have token, manufacturer, model, serial, object, id and "
                      "type, not '%.*s'",
                      (int)(name.size < 40 ? name.size : 40), name.data);
            return false;
        }
        if (slice_is_empty(value)) {
            error_set(error, ERROR_VALUE, "'%.*s' has no value in this PKCS #11 URI",
                      SLICE_FORMAT(name));
            return false;
        }
        if (slice_equals(name, SLICE("type")) && !slice_equals(value, SLICE("private"))) {
            error_set(error, ERROR_VALUE, "the type of a key is 'private'");
            return false;
        }
        is_named =
            is_named || slice_equals(name, SLICE("object")) || slice_equals(name, SLICE("id"));
    }
    if (!is_named)
        error_set(error, ERROR_VALUE, "this PKCS #11 URI names no key: 'object' or 'id' is needed");
    return is_named;
}

/* "file:/path" or "file:///path" (RFC 8089). */
static struct slice path_of(struct slice source)
{
    struct slice path = SLICE("");

    if (slice_starts_with(source, SLICE("file:")))
        path = slice_after(source, strlen("file:"));
    if (slice_starts_with(path, SLICE("///")))
        path = slice_after(path, 2);
    return path;
}

static bool check_query(struct slice rest, struct error *error)
{
    while (!slice_is_empty(rest)) {
        struct slice value;
        struct slice name = take_attribute(&rest, '&', &value);
        struct slice path = path_of(value);

        if (slice_equals(name, SLICE("pin-value"))) {
            error_set(error, ERROR_VALUE,
                      "a PIN in a URI would be shown: set 'key_password', or write "
                      "?pin-source=file:PATH");
            return false;
        }
        if (slice_equals(name, SLICE("module-path")) || slice_equals(name, SLICE("module-name"))) {
            error_set(error, ERROR_VALUE,
                      "the module is one for all keys: set 'pkcs11: { module: PATH }' at the top");
            return false;
        }
        if (!slice_equals(name, SLICE("pin-source"))) {
            error_set(error, ERROR_VALUE,
                      "behind the '?' of a PKCS #11 URI there may be pin-source, and no more");
            return false;
        }
        if (!slice_starts_with(path, SLICE("/")) || slice_starts_with(path, SLICE("//"))) {
            error_set(error, ERROR_VALUE, "pin-source must be file: and an absolute path");
            return false;
        }
        if (slice_find(path, '%') < path.size) {
            error_set(error, ERROR_VALUE, "pin-source must be a path without '%%'");
            return false;
        }
        if (!slice_is_empty(rest)) {
            error_set(error, ERROR_VALUE, "there is more than one attribute behind the '?'");
            return false;
        }
    }
    return true;
}

bool tls_pkcs11_uri_is_valid(struct slice uri, struct error *error)
{
    struct slice object = object_of(uri);

    return check_object(slice_after(object, sizeof(scheme) - 1), error) &&
           check_query(slice_after(uri, object.size + 1), error);
}

char *tls_pkcs11_describe(const char *uri)
{
    return memory_copy_slice(object_of(slice_from_text(uri)));
}

char *tls_pkcs11_pin_file(const char *uri)
{
    struct slice whole = slice_from_text(uri);
    struct slice rest = slice_after(whole, object_of(whole).size + 1);
    struct slice value;

    if (slice_is_empty(rest))
        return NULL;
    (void)take_attribute(&rest, '&', &value);
    return memory_copy_slice(path_of(value));
}

/* ---- the engine ------------------------------------------------------------------------------ */

static const char *reason_of(unsigned long code)
{
    const char *reason = ERR_reason_error_string(code);

    return reason == NULL ? "no reason is known" : reason;
}

struct tls_pkcs11 *tls_pkcs11_start(const char *module, struct error *error)
{
    struct tls_pkcs11 *pkcs11;
    ENGINE *engine;

    if (module != NULL && access(module, R_OK) != 0) {
        error_set(error, ERROR_FILE, "the PKCS #11 module '%s' cannot be read", module);
        return NULL;
    }
    ERR_clear_error();
    OPENSSL_init_crypto(OPENSSL_INIT_ENGINE_DYNAMIC, NULL);
    engine = ENGINE_by_id(engine_name);
    if (engine == NULL) {
        error_set(error, ERROR_SYSTEM,
                  "OpenSSL's engine 'pkcs11' cannot be loaded; on Debian it is the package "
                  "libengine-pkcs11-openssl");
        ERR_clear_error();
        return NULL;
    }
    /* Else it writes to standard error, and a PIN that is missing it would ask for there. */
    if (ENGINE_ctrl_cmd_string(engine, "QUIET", NULL, 0) != 1 ||
        (module != NULL && ENGINE_ctrl_cmd_string(engine, "MODULE_PATH", module, 0) != 1) ||
        ENGINE_init(engine) != 1) {
        error_set(error, ERROR_SYSTEM, "OpenSSL's engine 'pkcs11' cannot be used: %s",
                  reason_of(ERR_peek_error()));
        ERR_clear_error();
        ENGINE_free(engine);
        return NULL;
    }
    pkcs11 = memory_allocate(sizeof(*pkcs11));
    pkcs11->engine = engine;
    return pkcs11;
}

void tls_pkcs11_stop(struct tls_pkcs11 *pkcs11)
{
    if (pkcs11 == NULL)
        return;
    ENGINE_finish(pkcs11->engine);
    ENGINE_free(pkcs11->engine);
    memory_release(pkcs11);
}

/* Of those that are loaded: asking by name would load it now. The caller frees it. */
static ENGINE *find_engine(void)
{
    ENGINE *engine = ENGINE_get_first();

    while (engine != NULL && strcmp(ENGINE_get_id(engine), engine_name) != 0)
        engine = ENGINE_get_next(engine);
    return engine;
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* Without the line break that editors put at its end. The caller wipes and releases it. */
static char *read_pin(const char *uri, struct error *error)
{
    char *path = tls_pkcs11_pin_file(uri);
    char *pin = NULL;
    size_t size = 0;

    if (path == NULL) {
        error_set(error, ERROR_VALUE,
                  "the token wants a PIN: set 'key_password', or write ?pin-source=file:PATH");
    } else if (!file_read(path, PIN_BYTES_MAX, &pin, &size, error)) {
        error_prefix(error, "pin-source");
    } else {
        while (size > 0 && (pin[size - 1] == '\n' || pin[size - 1] == '\r'))
            pin[--size] = '\0';
    }
    memory_release(path);
    return pin;
}

/* The numbers are the module's: CKR_PIN_INCORRECT, _INVALID, _LEN_RANGE, _EXPIRED, _LOCKED. */
static bool is_about_the_pin(unsigned long code)
{
    const char *library = ERR_lib_error_string(code);
    int reason = ERR_GET_REASON(code);

    return library != NULL && strcmp(library, "PKCS#11 module") == 0 && reason >= 0xA0 &&
           reason <= 0xA4;
}

static void explain(struct slice object, struct error *error)
{
    unsigned long code = ERR_peek_error();

    if (is_about_the_pin(code))
        error_set(error, ERROR_CREDENTIAL, "the token of '%.*s' refuses the PIN: %s",
                  SLICE_FORMAT(object), reason_of(code));
    else if (strcmp(reason_of(code), "object not found") == 0)
        error_set(error, ERROR_CERTIFICATE, "there is no such token, or no such key in it: '%.*s'",
                  SLICE_FORMAT(object));
    else
        error_set(error, ERROR_CERTIFICATE, "the key '%.*s' cannot be used: %s",
                  SLICE_FORMAT(object), reason_of(code));
    ERR_clear_error();
}

static EVP_PKEY *load(ENGINE *engine, struct slice object, const char *pin, struct error *error)
{
    char *name = memory_copy_slice(object);
    EVP_PKEY *key = NULL;

    ERR_clear_error();
    if (ENGINE_ctrl_cmd_string(engine, "PIN", pin, 0) == 1)
        key = ENGINE_load_private_key(engine, name, NULL, NULL);
    if (key == NULL)
        explain(object, error);
    memory_release(name);
    return key;
}

EVP_PKEY *tls_pkcs11_load_key(const char *uri, const char *pin, struct error *error)
{
    ENGINE *engine = find_engine();
    char *read = NULL;
    EVP_PKEY *key = NULL;

    if (engine == NULL) {
        error_set(error, ERROR_SYSTEM, "OpenSSL's engine 'pkcs11' is not in use");
        return NULL;
    }
    if (pin == NULL)
        pin = read = read_pin(uri, error);
    if (pin != NULL)
        key = load(engine, object_of(slice_from_text(uri)), pin, error);
    if (read != NULL)
        memory_wipe_and_release(read, strlen(read));
    ENGINE_free(engine);
    return key;
}
