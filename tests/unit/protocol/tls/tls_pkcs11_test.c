/* SPDX-License-Identifier: Apache-2.0
 *
 * URIs of keys in tokens: which name a key, where their PIN is, and that nobody is shown one. The
 * keys themselves are in tests/integration/pkcs11.test.mjs.
 */
#include "support/test.h"

#include "protocol/tls/tls_pkcs11.h"
#include "runtime/memory.h"

TEST(what_names_a_key_is_a_uri)
{
    static const char *const uris[] = {
        "pkcs11:object=a",
        "pkcs11:id=%01%02",
        "pkcs11:token=t;object=a;type=private",
        "pkcs11:token=t;manufacturer=m;model=n;serial=s;id=%a1",
        "pkcs11:object=a?pin-source=file:/run/pin",
        "pkcs11:object=a?pin-source=file:///run/pin",
        "pkcs11:object=a?",
    };

    for (size_t i = 0; i < sizeof(uris) / sizeof(*uris); i++) {
        struct error error = {0};

        assert_true(tls_pkcs11_is_uri(uris[i]));
        if (!tls_pkcs11_uri_is_valid(slice_from_text(uris[i]), &error))
            fail_msg("%s: %s", uris[i], error.text);
    }
    assert_false(tls_pkcs11_is_uri(NULL));
    assert_false(tls_pkcs11_is_uri("server.key"));
    assert_false(tls_pkcs11_is_uri("PKCS11:object=a"));
}

TEST(what_is_wrong_with_a_uri_is_said_without_a_pin)
{
    static const struct {
        const char *uri;
        const char *expected;
    } cases[] = {
        {"pkcs11:", "this PKCS #11 URI names no key: 'object' or 'id' is needed"},
        {"pkcs11:token=t", "this PKCS #11 URI names no key: 'object' or 'id' is needed"},
        {"pkcs11:object=", "'object' has no value in this PKCS #11 URI"},
        {"pkcs11:object", "'object' has no value in this PKCS #11 URI"},
        {"pkcs11:objekt=a", "a PKCS #11 URI may have token, manufacturer, model, serial, object, "
                            "id and type, not 'objekt'"},
        {"pkcs11:object=a;type=cert", "the type of a key is 'private'"},
        {"pkcs11:object=a;pin-value=73915", "a PIN in a URI would be shown: set 'key_password', or "
                                            "write ?pin-source=file:PATH"},
        {"pkcs11:object=a?pin-value=73915", "a PIN in a URI would be shown: set 'key_password', or "
                                            "write ?pin-source=file:PATH"},
        {"pkcs11:object=a?module-path=/m.so",
         "the module is one for all keys: set 'pkcs11: { module: PATH }' at the top"},
        {"pkcs11:object=a?pin=73915",
         "behind the '?' of a PKCS #11 URI there may be pin-source, and no more"},
        {"pkcs11:object=a?pin-source=/run/pin", "pin-source must be file: and an absolute path"},
        {"pkcs11:object=a?pin-source=file:pin", "pin-source must be file: and an absolute path"},
        {"pkcs11:object=a?pin-source=file://host/pin",
         "pin-source must be file: and an absolute path"},
        {"pkcs11:object=a?pin-source=|cat", "pin-source must be file: and an absolute path"},
        {"pkcs11:object=a?pin-source=file:/a%20b", "pin-source must be a path without '%'"},
        {"pkcs11:object=a?pin-source=file:/a&pin-source=file:/b",
         "there is more than one attribute behind the '?'"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct error error = {0};

        assert_false(tls_pkcs11_uri_is_valid(slice_from_text(cases[i].uri), &error));
        assert_string_equal(error.text, cases[i].expected);
    }
}

TEST(a_pin_is_read_from_where_the_uri_says)
{
    static const struct {
        const char *uri;
        const char *file;
    } cases[] = {
        {"pkcs11:object=a", NULL},
        {"pkcs11:object=a?", NULL},
        {"pkcs11:object=a?pin-source=file:/run/pin", "/run/pin"},
        {"pkcs11:object=a?pin-source=file:///run/pin", "/run/pin"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *file = tls_pkcs11_pin_file(cases[i].uri);
        char *shown = tls_pkcs11_describe(cases[i].uri);

        assert_string_equal(shown, "pkcs11:object=a");
        if (cases[i].file == NULL)
            assert_null(file);
        else
            assert_string_equal(file, cases[i].file);
        memory_release(file);
        memory_release(shown);
    }
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(what_names_a_key_is_a_uri),
                     cmocka_unit_test(what_is_wrong_with_a_uri_is_said_without_a_pin),
                     cmocka_unit_test(a_pin_is_read_from_where_the_uri_says));
}
