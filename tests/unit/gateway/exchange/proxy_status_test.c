/* SPDX-License-Identifier: Apache-2.0
 *
 * Every reason says something that RFC 9209 knows, and no more about a certificate than the status.
 */
#include "support/test.h"

#include "gateway/exchange/proxy_status.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char memory[512];

static struct slice write_status(enum reason reason, bool with_details)
{
    struct buffer to;

    buffer_init(&to, memory, sizeof(memory));
    assert_true(proxy_status_write(&to, SLICE("edge"), reason, with_details));
    return buffer_readable(&to);
}

static void assert_status(enum reason reason, bool with_details, const char *expected)
{
    struct slice status = write_status(reason, with_details);

    if (!slice_equals(status, slice_from_text(expected)))
        print_error("%.*s", SLICE_FORMAT(status));
    assert_true(slice_equals(status, slice_from_text(expected)));
}

TEST(a_backend_failure_is_named)
{
    assert_status(REASON_BACKEND_CONNECT_TIMEOUT, true,
                  "Proxy-Status: edge; error=connection_timeout; "
                  "details=\"backend_connect_timeout\"\r\n");
    assert_status(REASON_BACKEND_RESPONSE_TIMEOUT, false,
                  "Proxy-Status: edge; error=http_response_timeout\r\n");
}

TEST(every_reason_has_an_error_of_the_registry)
{
    /* RFC 9209 section 2.3. */
    static const char *const registry[] = {"dns_timeout",
                                           "dns_error",
                                           "destination_not_found",
                                           "destination_unavailable",
                                           "destination_ip_prohibited",
                                           "destination_ip_unroutable",
                                           "connection_refused",
                                           "connection_terminated",
                                           "connection_timeout",
                                           "connection_read_timeout",
                                           "connection_write_timeout",
                                           "connection_limit_reached",
                                           "tls_protocol_error",
                                           "tls_certificate_error",
                                           "tls_alert_received",
                                           "http_request_error",
                                           "http_request_denied",
                                           "http_response_incomplete",
                                           "http_response_header_section_size",
                                           "http_response_header_size",
                                           "http_response_body_size",
                                           "http_response_trailer_section_size",
                                           "http_response_trailer_size",
                                           "http_response_transfer_coding",
                                           "http_response_content_coding",
                                           "http_response_timeout",
                                           "http_upgrade_failed",
                                           "http_protocol_error",
                                           "proxy_internal_response",
                                           "proxy_internal_error",
                                           "proxy_configuration_error",
                                           "proxy_loop_detected"};

    for (unsigned i = 0; i < REASON_COUNT; i++) {
        const char *error = proxy_status_error((enum reason)i);
        size_t found = 0;

        for (size_t j = 0; j < COUNT(registry); j++)
            found += strcmp(error, registry[j]) == 0;
        assert_int_equal(found, 1);
        (void)write_status((enum reason)i, true);
    }
}

TEST(what_is_wrong_with_a_certificate_is_not_told_by_the_error)
{
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        if (reason_is_certificate((enum reason)i))
            assert_status((enum reason)i, false,
                          "Proxy-Status: edge; error=http_request_denied\r\n");
    }
}

TEST(nothing_is_written_without_room)
{
    struct buffer to;

    buffer_init(&to, memory, 20);
    assert_false(proxy_status_write(&to, SLICE("edge"), REASON_DRAINING, true));
    assert_int_equal(to.written, 0);
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(a_backend_failure_is_named),
                     cmocka_unit_test(every_reason_has_an_error_of_the_registry),
                     cmocka_unit_test(what_is_wrong_with_a_certificate_is_not_told_by_the_error),
                     cmocka_unit_test(nothing_is_written_without_room));
}
