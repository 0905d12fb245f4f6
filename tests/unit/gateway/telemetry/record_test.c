/* SPDX-License-Identifier: Apache-2.0
 *
 * The formats that others have defined, byte for byte, and that no record breaks a line of them.
 */
#include "support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/telemetry/telemetry.h"
#include "runtime/memory.h"

enum { LINE_BYTES_MAX = 16 * 1024, TEXT_BYTES = 64 * 1024, LOG_BYTES_MAX = 256 * 1024 };

static struct exchange_record full_exchange(void)
{
    return (struct exchange_record){
        .connection = {.id = 17,
                       .client_address = SLICE("192.0.2.7:50122"),
                       .listener = SLICE("partners"),
                       .tls_version = "TLSv1.2",
                       .tls_cipher = "ECDHE-RSA-AES256-GCM-SHA384",
                       .server_name = SLICE("api.example.com")},
        .started_wall_ms = INT64_C(1795237200123),
        .duration_us = 41999,
        .backend_us = 28001,
        .answer_us = 1500,
        .trace_id = "5f0c2d3e4b6a79881726354453627180",
        .method = SLICE("GET"),
        .host = SLICE("api.example.com"),
        .backend_host = SLICE("orders.internal"),
        .target = SLICE("/orders/7?full=1&x=?"),
        .protocol = SLICE("HTTP/1.1"),
        .user_agent = SLICE("curl/8.5.0"),
        .referer = SLICE("https://example.com/"),
        .route = SLICE("orders"),
        .backend = SLICE("orders-pool"),
        .endpoint = SLICE("10.0.0.4:8080"),
        .source_port = 21564,
        .status = 200,
        .backend_status = 200,
        .content_type = SLICE("application/json"),
        .received_bytes = 5,
        .sent_bytes = 512,
        .reason = REASON_NONE,
        .verification = SLICE("SUCCESS"),
        .certificate = {.subject = SLICE("CN=web,O=Example"),
                        .issuer = SLICE("CN=Example CA,O=Example"),
                        .serial = SLICE("4F0A"),
                        .sha256 = SLICE("9b74"),
                        .sha1 = SLICE("00112233445566778899aabbccddeeff00112233")},
        .principal = SLICE("CN=web, \"quoted\""),
    };
}

static struct handshake_record full_handshake(void)
{
    struct exchange_record exchange = full_exchange();

    return (struct handshake_record){
        .connection = exchange.connection,
        .started_wall_ms = exchange.started_wall_ms,
        .duration_us = 2000,
        .reason = REASON_CERTIFICATE_EXPIRED,
        .certificate_presented = true,
        .certificate = exchange.certificate,
    };
}

/* ---- a log to read ---- */

static char text[LOG_BYTES_MAX];
static char directory[64];
static char path[80];

static struct telemetry *start(enum access_log_format format)
{
    struct telemetry_settings settings = {
        .target = ACCESS_LOG_FILE, .format = format, .path = path};
    struct telemetry *telemetry;

    snprintf(directory, sizeof(directory), "/tmp/sallyport-test-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/access.log", directory);
    telemetry = telemetry_create(&settings, 1, NULL);
    assert_non_null(telemetry);
    return telemetry;
}

static void read_file(const char *name)
{
    FILE *file = fopen(name, "rb");
    size_t size;

    assert_non_null(file);
    size = fread(text, 1, sizeof(text) - 1, file);
    text[size] = '\0';
    fclose(file);
    unlink(name);
}

static void end(struct telemetry *telemetry)
{
    telemetry_destroy(telemetry);
    read_file(path);
    rmdir(directory);
}

static void log_exchange(enum access_log_format format, const struct exchange_record *record)
{
    struct telemetry *telemetry = start(format);

    telemetry_report_exchange(telemetry_worker(telemetry, 0), record);
    end(telemetry);
}

static void log_handshake(enum access_log_format format, const struct handshake_record *record)
{
    struct telemetry *telemetry = start(format);

    telemetry_report_handshake(telemetry_worker(telemetry, 0), record);
    end(telemetry);
}

/* ---- azure ---- */

TEST(an_exchange_as_application_gateway_writes_it)
{
    struct exchange_record record = full_exchange();

    log_exchange(ACCESS_LOG_AZURE, &record);
    assert_string_equal(
        text, "{\"timeStamp\":\"2026-11-21T05:00:00+00:00\",\"resourceId\":\"\","
              "\"listenerName\":\"partners\",\"ruleName\":\"orders\","
              "\"backendPoolName\":\"orders-pool\",\"backendSettingName\":\"orders-pool\","
              "\"operationName\":\"ApplicationGatewayAccess\","
              "\"category\":\"ApplicationGatewayAccessLog\",\"properties\":{"
              "\"instanceId\":\"sallyport\",\"clientIP\":\"192.0.2.7\",\"clientPort\":50122,"
              "\"httpMethod\":\"GET\",\"originalRequestUriWithArgs\":\"/orders/7?full=1&x=?\","
              "\"requestUri\":\"/orders/7\",\"requestQuery\":\"full=1&x=?\","
              "\"userAgent\":\"curl/8.5.0\",\"httpStatus\":200,\"httpVersion\":\"HTTP/1.1\","
              "\"receivedBytes\":5,\"sentBytes\":512,\"clientResponseTime\":0.001,"
              "\"timeTaken\":0.041,\"WAFEvaluationTime\":\"0.000\",\"WAFMode\":\"\","
              "\"transactionId\":\"5f0c2d3e4b6a79881726354453627180\",\"sslEnabled\":\"on\","
              "\"sslCipher\":\"ECDHE-RSA-AES256-GCM-SHA384\",\"sslProtocol\":\"TLSv1.2\","
              "\"sslClientVerify\":\"SUCCESS\","
              "\"sslClientCertificateFingerprint\":\"00112233445566778899aabbccddeeff00112233\","
              "\"sslClientCertificateIssuerName\":\"CN=Example CA,O=Example\","
              "\"serverRouted\":\"10.0.0.4:8080\",\"serverStatus\":\"200\","
              "\"serverResponseLatency\":\"0.028\",\"upstreamSourcePort\":\"21564\","
              "\"originalHost\":\"api.example.com\",\"host\":\"orders.internal\","
              "\"error_info\":\"ERRORINFO_NO_ERROR\",\"contentType\":\"application/json\"}}\n");
}

TEST(azures_fields_are_there_when_nothing_is_known)
{
    struct exchange_record record = {.status = 400, .reason = REASON_REQUEST_HOST_MISSING};

    log_exchange(ACCESS_LOG_AZURE, &record);
    assert_string_equal(
        text,
        "{\"timeStamp\":\"1970-01-01T00:00:00+00:00\",\"resourceId\":\"\","
        "\"listenerName\":\"\",\"ruleName\":\"\",\"backendPoolName\":\"\","
        "\"backendSettingName\":\"\",\"operationName\":\"ApplicationGatewayAccess\","
        "\"category\":\"ApplicationGatewayAccessLog\",\"properties\":{"
        "\"instanceId\":\"sallyport\",\"clientIP\":\"\",\"clientPort\":0,"
        "\"httpMethod\":\"\",\"originalRequestUriWithArgs\":\"\",\"requestUri\":\"\","
        "\"requestQuery\":\"\",\"userAgent\":\"\",\"httpStatus\":400,\"httpVersion\":\"\","
        "\"receivedBytes\":0,\"sentBytes\":0,\"clientResponseTime\":0.000,"
        "\"timeTaken\":0.000,\"WAFEvaluationTime\":\"0.000\",\"WAFMode\":\"\","
        "\"transactionId\":\"\",\"sslEnabled\":\"on\",\"sslCipher\":\"\",\"sslProtocol\":\"\","
        "\"sslClientVerify\":\"NONE\",\"sslClientCertificateFingerprint\":\"\","
        "\"sslClientCertificateIssuerName\":\"\",\"serverRouted\":\"\",\"serverStatus\":\"\","
        "\"serverResponseLatency\":\"0.000\",\"upstreamSourcePort\":\"\","
        "\"originalHost\":\"\",\"host\":\"\",\"error_info\":\"ERRORINFO_HTTP_NO_HOST_HEADER\","
        "\"contentType\":\"\"}}\n");
}

static void assert_error_info(enum reason reason, const char *expected)
{
    struct exchange_record record = full_exchange();
    char *field = memory_format("\"error_info\":\"%s\"", expected);

    record.reason = reason;
    log_exchange(ACCESS_LOG_AZURE, &record);
    if (strstr(text, field) == NULL)
        fail_msg("expected %s of %s in %s", field, reason_name(reason), text);
    memory_release(field);
}

TEST(reasons_have_azures_names_where_it_has_one)
{
    assert_error_info(REASON_NONE, "ERRORINFO_NO_ERROR");
    assert_error_info(REASON_CERTIFICATE_MISSING, "ERRORINFO_HTTPS_NO_CERT");
    assert_error_info(REASON_CERTIFICATE_EXPIRED, "ERRORINFO_INVALID_REQUEST");
    assert_error_info(REASON_HANDSHAKE_NOT_TLS, "ERRORINFO_HTTP_TO_HTTPS_PORT");
    assert_error_info(REASON_REQUEST_METHOD_UNSUPPORTED, "ERRORINFO_INVALID_METHOD");
    assert_error_info(REASON_REQUEST_VERSION_UNSUPPORTED, "ERRORINFO_INVALID_VERSION");
    assert_error_info(REASON_REQUEST_HOST_MALFORMED, "ERRORINFO_INVALID_HOST");
    assert_error_info(REASON_REQUEST_FRAMING_AMBIGUOUS, "ERRORINFO_INVALID_CONTENT_LENGTH");
    assert_error_info(REASON_REQUEST_PATH_AMBIGUOUS, "ERRORINFO_REQUEST_URI_INVALID");
    assert_error_info(REASON_REQUEST_ABANDONED, "ERRORINFO_CLIENT_CLOSED_REQUEST");
    assert_error_info(REASON_BACKEND_UNREACHABLE, "ERRORINFO_UPSTREAM_NO_LIVE");
    assert_error_info(REASON_BACKEND_CLOSED, "ERRORINFO_UPSTREAM_CLOSED_CONNECTION");
    assert_error_info(REASON_BACKEND_RESPONSE_TIMEOUT, "ERRORINFO_UPSTREAM_TIMED_OUT");
}

TEST(a_failed_handshake_is_a_record_without_a_request_for_azure_too)
{
    struct handshake_record record = full_handshake();

    log_handshake(ACCESS_LOG_AZURE, &record);
    assert_non_null(strstr(text, "\"httpStatus\":0,"));
    assert_non_null(strstr(text, "\"sslClientVerify\":\"FAILED:certificate_expired\""));
    assert_non_null(strstr(text, "\"originalHost\":\"api.example.com\""));
    assert_non_null(strstr(text, "\"httpMethod\":\"\""));
    record.certificate_presented = false;
    log_handshake(ACCESS_LOG_AZURE, &record);
    assert_non_null(strstr(text, "\"sslClientVerify\":\"NONE\""));
}

/* ---- combined ---- */

TEST(an_exchange_as_every_log_reader_knows_it)
{
    struct exchange_record record = full_exchange();

    log_exchange(ACCESS_LOG_COMBINED, &record);
    assert_string_equal(text, "192.0.2.7 - CN=web,\\x20\\x22quoted\\x22 "
                              "[21/Nov/2026:05:00:00 +0000] "
                              "\"GET /orders/7?full=1&x=? HTTP/1.1\" 200 512 "
                              "\"https://example.com/\" \"curl/8.5.0\"\n");
}

TEST(what_is_not_known_is_a_dash)
{
    struct exchange_record record = {.status = 400, .reason = REASON_REQUEST_LINE_MALFORMED};

    log_exchange(ACCESS_LOG_COMBINED, &record);
    assert_string_equal(text, "- - - [01/Jan/1970:00:00:00 +0000] \"-\" 400 0 \"-\" \"-\"\n");
}

TEST(an_address_stands_without_brackets_and_port)
{
    struct exchange_record record = full_exchange();

    record.connection.client_address = SLICE("[2001:db8::1]:443");
    log_exchange(ACCESS_LOG_COMBINED, &record);
    assert_int_equal(strncmp(text, "2001:db8::1 - ", 14), 0);
    log_exchange(ACCESS_LOG_AZURE, &record);
    assert_non_null(strstr(text, "\"clientIP\":\"2001:db8::1\",\"clientPort\":443,"));
}

TEST(a_failed_handshake_has_no_request_and_no_status)
{
    struct handshake_record record = full_handshake();

    log_handshake(ACCESS_LOG_COMBINED, &record);
    assert_string_equal(text,
                        "192.0.2.7 - - [21/Nov/2026:05:00:00 +0000] \"-\" 000 0 \"-\" \"-\"\n");
}

/* ---- whatever clients write ---- */

static const enum access_log_format formats[] = {ACCESS_LOG_JSON, ACCESS_LOG_AZURE,
                                                 ACCESS_LOG_COMBINED};

static void fill(struct exchange_record *record, struct slice bytes)
{
    struct slice *const texts[] = {
        &record->connection.client_address,
        &record->connection.listener,
        &record->connection.server_name,
        &record->method,
        &record->host,
        &record->backend_host,
        &record->target,
        &record->protocol,
        &record->user_agent,
        &record->referer,
        &record->route,
        &record->backend,
        &record->endpoint,
        &record->content_type,
        &record->detail,
        &record->mode,
        &record->verification,
        &record->certificate.subject,
        &record->certificate.issuer,
        &record->certificate.serial,
        &record->certificate.sha256,
        &record->certificate.sha1,
        &record->principal,
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        *texts[i] = bytes;
}

TEST(no_record_is_more_than_a_line_or_commands_a_terminal)
{
    char *bytes = memory_allocate(TEXT_BYTES);

    for (unsigned byte = 0; byte <= UINT8_MAX; byte++) {
        struct exchange_record record = full_exchange();

        memset(bytes, (int)byte, TEXT_BYTES);
        fill(&record, slice_from(bytes, TEXT_BYTES));
        record.sent_bytes = UINT64_MAX;
        record.duration_us = UINT64_MAX;
        for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
            size_t size;

            log_exchange(formats[i], &record);
            size = strlen(text);
            assert_true(size > 0 && size <= LINE_BYTES_MAX);
            assert_ptr_equal(strchr(text, '\n'), text + size - 1);
            for (size_t j = 0; j + 1 < size; j++)
                assert_true((unsigned char)text[j] >= 0x20 && text[j] != 0x7f);
        }
    }
    memory_release(bytes);
}

TEST(a_quote_of_the_client_does_not_end_a_column)
{
    struct exchange_record record = full_exchange();

    record.user_agent = SLICE("a\" 200 0 \"b\\\x1b[2J");
    record.target = SLICE("/a b\"c");
    record.principal = SLICE("");
    log_exchange(ACCESS_LOG_COMBINED, &record);
    assert_string_equal(text, "192.0.2.7 - - [21/Nov/2026:05:00:00 +0000] "
                              "\"GET /a\\x20b\\x22c HTTP/1.1\" 200 512 \"https://example.com/\" "
                              "\"a\\x22 200 0 \\x22b\\x5C\\x1B[2J\"\n");
}

/* ---- another log ---- */

static void report(struct telemetry *telemetry, const char *target)
{
    struct exchange_record record = full_exchange();

    record.target = slice_from_text(target);
    telemetry_report_exchange(telemetry_worker(telemetry, 0), &record);
}

TEST(a_log_takes_another_form_or_place_and_loses_nothing)
{
    struct telemetry *telemetry = start(ACCESS_LOG_COMBINED);
    char other[80];
    struct telemetry_settings settings = {.target = ACCESS_LOG_FILE, .path = path};
    struct telemetry_totals totals;

    report(telemetry, "/one");
    assert_true(telemetry_change_log(telemetry, &settings, NULL)); /* the same file, as JSON */
    telemetry_retire_log(telemetry);
    report(telemetry, "/two");

    snprintf(other, sizeof(other), "%s/other.log", directory);
    settings.path = other;
    assert_true(telemetry_change_log(telemetry, &settings, NULL));
    report(telemetry, "/three");
    telemetry_retire_log(telemetry);
    telemetry_retire_log(telemetry);
    settings.target = ACCESS_LOG_OFF;
    assert_true(telemetry_change_log(telemetry, &settings, NULL));
    report(telemetry, "/four");
    telemetry_total(telemetry, &totals);
    assert_int_equal(totals.exchanges, 4);
    assert_int_equal(totals.records_dropped, 0);

    telemetry_destroy(telemetry);
    read_file(other);
    assert_non_null(strstr(text, "\"target\":\"/three\""));
    assert_null(strstr(text, "/two"));
    assert_null(strstr(text, "/four"));
    read_file(path);
    assert_int_equal(strncmp(text, "192.0.2.7 - ", 12), 0);
    assert_non_null(strstr(text, "GET /one "));
    assert_non_null(strstr(text, "\n{\"type\":\"exchange\""));
    assert_non_null(strstr(text, "\"target\":\"/two\""));
    rmdir(directory);
}

TEST(a_log_that_cannot_be_changed_stays_what_it_is)
{
    struct telemetry *telemetry = start(ACCESS_LOG_COMBINED);
    struct telemetry_settings settings = {.target = ACCESS_LOG_FILE, .path = "/nowhere/access.log"};
    struct error error = {0};

    assert_false(telemetry_change_log(telemetry, &settings, &error));
    assert_string_equal(
        error.text,
        "access log: '/nowhere/access.log' cannot be opened: No such file or directory");
    report(telemetry, "/one");
    end(telemetry);
    assert_non_null(strstr(text, "GET /one "));
}

TEST(a_log_that_was_renamed_is_made_anew)
{
    struct telemetry *telemetry = start(ACCESS_LOG_COMBINED);
    char renamed[80];

    snprintf(renamed, sizeof(renamed), "%s/access.log.1", directory);
    assert_int_equal(rename(path, renamed), 0);
    assert_true(telemetry_reopen_log(telemetry, NULL));
    report(telemetry, "/two");
    end(telemetry);
    assert_non_null(strstr(text, "GET /two "));
    read_file(renamed);
    assert_string_equal(text, "");
    rmdir(directory);
}

TEST(a_log_whose_directory_is_gone_goes_on)
{
    struct telemetry *telemetry = start(ACCESS_LOG_COMBINED);
    int fd = open(path, O_RDONLY);
    struct error error = {0};

    assert_true(fd >= 0);
    unlink(path);
    rmdir(directory);
    assert_false(telemetry_reopen_log(telemetry, &error));
    assert_non_null(strstr(error.text, "access.log' cannot be opened: No such file or directory"));
    report(telemetry, "/one");
    telemetry_destroy(telemetry);
    assert_true(read(fd, text, sizeof(text)) > 0); /* the file lives as long as it is open */
    close(fd);
}

TEST(a_full_disk_is_counted)
{
    struct telemetry_settings settings = {.target = ACCESS_LOG_FILE, .path = "/dev/full"};
    struct telemetry *telemetry = telemetry_create(&settings, 1, NULL);
    struct telemetry_totals totals = {0};

    assert_non_null(telemetry);
    report(telemetry, "/one");
    while (totals.records_dropped == 0)
        telemetry_total(telemetry, &totals);
    settings.target = ACCESS_LOG_OFF;
    assert_true(telemetry_change_log(telemetry, &settings, NULL));
    telemetry_total(telemetry, &totals);
    assert_int_equal(totals.records_dropped, 1);
    telemetry_retire_log(telemetry);
    telemetry_total(telemetry, &totals);
    assert_int_equal(totals.records_dropped, 1);
    telemetry_destroy(telemetry);
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(an_exchange_as_application_gateway_writes_it),
        cmocka_unit_test(azures_fields_are_there_when_nothing_is_known),
        cmocka_unit_test(reasons_have_azures_names_where_it_has_one),
        cmocka_unit_test(a_failed_handshake_is_a_record_without_a_request_for_azure_too),
        cmocka_unit_test(an_exchange_as_every_log_reader_knows_it),
        cmocka_unit_test(what_is_not_known_is_a_dash),
        cmocka_unit_test(an_address_stands_without_brackets_and_port),
        cmocka_unit_test(a_failed_handshake_has_no_request_and_no_status),
        cmocka_unit_test(no_record_is_more_than_a_line_or_commands_a_terminal),
        cmocka_unit_test(a_quote_of_the_client_does_not_end_a_column),
        cmocka_unit_test(a_log_takes_another_form_or_place_and_loses_nothing),
        cmocka_unit_test(a_log_that_cannot_be_changed_stays_what_it_is),
        cmocka_unit_test(a_log_that_was_renamed_is_made_anew),
        cmocka_unit_test(a_log_whose_directory_is_gone_goes_on),
        cmocka_unit_test(a_full_disk_is_counted));
}
