/* SPDX-License-Identifier: Apache-2.0
 *
 * The access log as its readers see it, and the counters. Every line is read back by a strict
 * reader of flat JSON objects, whatever was put into the record.
 */
#include "support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/telemetry/telemetry.h"
#include "runtime/memory.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { LINE_BYTES_MAX = 16 * 1024, FIELDS_MAX = 48, TEXT_BYTES = 64 * 1024 };

/* ---- a reader of records ---- */

struct field {
    char name[64];
    char value[LINE_BYTES_MAX]; /* of a text: decoded */
    bool is_text;
};

struct fields {
    struct field items[FIELDS_MAX];
    size_t count;
};

static const char *expect(const char *at, const char *expected)
{
    size_t size = strlen(expected);

    if (strncmp(at, expected, size) != 0)
        print_error("expected %s at: %.80s\n", expected, at);
    assert_int_equal(strncmp(at, expected, size), 0);
    return at + size;
}

/* Escapes below U+0100 become a byte, others '?'; everything else must be printable. */
static const char *read_text(const char *at, char *to, size_t size)
{
    size_t used = 0;

    at = expect(at, "\"");
    while (*at != '"') {
        static const char letters[] = "\"\\/bfnrt";
        static const char meanings[] = "\"\\/\b\f\n\r\t";
        const char *letter = NULL;

        assert_true(used + 1 < size);
        assert_true((unsigned char)*at >= 0x20 && *at != 0x7f);
        if (*at != '\\') {
            to[used++] = *at++;
            continue;
        }
        at++;
        letter = strchr(letters, *at);
        if (*at != '\0' && letter != NULL) {
            to[used++] = meanings[letter - letters];
            at++;
        } else {
            char digits[5] = "";
            unsigned long code;

            at = expect(at, "u");
            memcpy(digits, at, 4);
            assert_int_equal(strspn(digits, "0123456789abcdefABCDEF"), 4);
            code = strtoul(digits, NULL, 16);
            to[used++] = code < 0x100 ? (char)code : '?';
            at += 4;
        }
    }
    to[used] = '\0';
    return at + 1;
}

static void read_record(const char *line, struct fields *fields)
{
    const char *at = expect(line, "{");

    fields->count = 0;
    for (;;) {
        struct field *field = &fields->items[fields->count++];

        assert_true(fields->count <= FIELDS_MAX);
        at = expect(read_text(at, field->name, sizeof(field->name)), ":");
        field->is_text = *at == '"';
        if (field->is_text) {
            at = read_text(at, field->value, sizeof(field->value));
        } else {
            size_t size = strcspn(at, ",}");

            memcpy(field->value, at, size);
            field->value[size] = '\0';
            at += size;
            if (strcmp(field->value, "true") != 0 && strcmp(field->value, "false") != 0)
                assert_int_equal(strspn(field->value, "0123456789."), size);
        }
        for (size_t i = 0; i + 1 < fields->count; i++)
            assert_string_not_equal(fields->items[i].name, field->name);
        if (*at != ',')
            break;
        at++;
    }
    assert_string_equal(at, "}");
}

/* NULL when there is no such field. */
static const char *value_of(const struct fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (strcmp(fields->items[i].name, name) == 0)
            return fields->items[i].value;
    }
    return NULL;
}

static void assert_value(const struct fields *fields, const char *name, const char *expected)
{
    const char *value = value_of(fields, name);

    if (value == NULL || strcmp(value, expected) != 0)
        print_error("%s\n", name);
    assert_non_null(value);
    assert_string_equal(value, expected);
}

/* ---- a log to read ---- */

struct log {
    char path[64];
    struct telemetry *telemetry;
    char *text; /* after log_end */
    size_t size;
};

static void log_start(struct log *log, size_t workers)
{
    struct telemetry_settings settings = {.target = ACCESS_LOG_FILE};
    struct error error = {0};
    int fd;

    snprintf(log->path, sizeof(log->path), "/tmp/sallyport-test-XXXXXX");
    fd = mkstemp(log->path);
    assert_true(fd >= 0);
    close(fd);
    settings.path = log->path;
    log->telemetry = telemetry_create(&settings, workers, &error);
    assert_non_null(log->telemetry);
}

static void log_end(struct log *log)
{
    FILE *file;

    telemetry_destroy(log->telemetry);
    file = fopen(log->path, "rb");
    assert_non_null(file);
    log->text = memory_allocate(1 << 20);
    log->size = fread(log->text, 1, (1 << 20) - 1, file);
    fclose(file);
    unlink(log->path);
}

/* The one line that was logged. */
static void log_end_with(struct log *log, struct fields *fields)
{
    log_end(log);
    assert_true(log->size > 0 && log->size <= LINE_BYTES_MAX);
    assert_int_equal(strcspn(log->text, "\n"), log->size - 1);
    log->text[log->size - 1] = '\0';
    read_record(log->text, fields);
    memory_release(log->text);
}

static void log_exchange(const struct exchange_record *record, struct fields *fields)
{
    struct log log;

    log_start(&log, 1);
    telemetry_report_exchange(telemetry_worker(log.telemetry, 0), record);
    log_end_with(&log, fields);
}

static void log_handshake(const struct handshake_record *record, struct fields *fields)
{
    struct log log;

    log_start(&log, 1);
    telemetry_report_handshake(telemetry_worker(log.telemetry, 0), record);
    log_end_with(&log, fields);
}

/* ---- records ---- */

static struct fields fields;

static struct exchange_record full_exchange(void)
{
    return (struct exchange_record){
        .connection = {.id = 17,
                       .client_address = SLICE("192.0.2.7:50122"),
                       .listener = SLICE("partners"),
                       .tls_version = "TLSv1.3",
                       .tls_cipher = "TLS_AES_128_GCM_SHA256",
                       .server_name = SLICE("api.example.com"),
                       .resumed = true},
        .started_wall_ms = INT64_C(1795237200123),
        .duration_us = 4210,
        .backend_us = 1000003,
        .trace_id = "5f0c2d3e4b6a79881726354453627180",
        .method = SLICE("GET"),
        .host = SLICE("api.example.com"),
        .target = SLICE("/orders/7?full=1"),
        .protocol = SLICE("HTTP/1.1"),
        .user_agent = SLICE("curl/8.5.0"),
        .route = SLICE("orders"),
        .backend = SLICE("orders-pool"),
        .endpoint = SLICE("10.0.0.4:8080"),
        .status = 502,
        .backend_status = 200,
        .received_bytes = 5,
        .sent_bytes = UINT64_MAX,
        .reason = REASON_BACKEND_CLOSED,
        .detail = SLICE("within the content"),
        .mode = SLICE("required"),
        .verification = SLICE("SUCCESS"),
        .certificate = {SLICE("CN=web,O=Example"), SLICE("CN=Example CA"), SLICE("4F0A"),
                        SLICE("9b74c9897bac770ffc029102a200c5de"
                              "9b74c9897bac770ffc029102a200c5de"),
                        SLICE("9b74c989")},
        .principal = SLICE("spiffe://example.org/orders/web"),
        .user = SLICE("web"),
        .policy = {.name = SLICE("order-clients"), .rule = 2, .rule_at = SLICE("a.yaml:41:7")},
        .policy_trial = {.name = SLICE("stricter"), .rule = 1, .rule_at = SLICE("a.yaml:57:7")},
        .stripped_headers = 2,
    };
}

static struct handshake_record full_handshake(void)
{
    struct exchange_record exchange = full_exchange();

    return (struct handshake_record){
        .connection = exchange.connection,
        .started_wall_ms = exchange.started_wall_ms,
        .duration_us = 999999,
        .reason = REASON_CERTIFICATE_EXPIRED,
        .detail = SLICE("certificate has expired"),
        .certificate_presented = true,
        .possession_proven = false,
        .certificate = exchange.certificate,
    };
}

TEST(an_exchange_is_one_line_with_everything_about_it)
{
    struct exchange_record record = full_exchange();
    static const struct {
        const char *name;
        const char *value;
    } expected[] = {
        {"type", "exchange"},
        {"time", "2026-11-21T05:00:00.123Z"},
        {"duration", "0.004210"},
        {"connection_id", "17"},
        {"client_address", "192.0.2.7:50122"},
        {"listener", "partners"},
        {"tls_version", "TLSv1.3"},
        {"tls_cipher", "TLS_AES_128_GCM_SHA256"},
        {"server_name", "api.example.com"},
        {"resumed", "true"},
        {"trace_id", "5f0c2d3e4b6a79881726354453627180"},
        {"method", "GET"},
        {"host", "api.example.com"},
        {"target", "/orders/7?full=1"},
        {"protocol", "HTTP/1.1"},
        {"user_agent", "curl/8.5.0"},
        {"route", "orders"},
        {"stripped_headers", "2"},
        {"received_bytes", "5"},
        {"status", "502"},
        {"sent_bytes", "18446744073709551615"},
        {"backend", "orders-pool"},
        {"endpoint", "10.0.0.4:8080"},
        {"backend_status", "200"},
        {"backend_duration", "1.000003"},
        {"reason", "backend_closed"},
        {"fault", "backend"},
        {"detail", "within the content"},
        {"mode", "required"},
        {"verification", "SUCCESS"},
        {"principal", "spiffe://example.org/orders/web"},
        {"user", "web"},
        {"policy", "order-clients"},
        {"rule", "2"},
        {"rule_at", "a.yaml:41:7"},
        {"trial_rule_at", "a.yaml:57:7"},
        {"certificate_subject", "CN=web,O=Example"},
        {"certificate_issuer", "CN=Example CA"},
        {"certificate_serial", "4F0A"},
        {"certificate_sha256", "9b74c9897bac770ffc029102a200c5de9b74c9897bac770ffc029102a200c5de"},
    };

    log_exchange(&record, &fields);
    assert_int_equal(fields.count, COUNT(expected));
    for (size_t i = 0; i < COUNT(expected); i++) {
        assert_string_equal(fields.items[i].name, expected[i].name);
        assert_string_equal(fields.items[i].value, expected[i].value);
    }
}

TEST(a_failed_handshake_says_what_was_shown_and_that_nobody_proved_it)
{
    struct handshake_record record = full_handshake();

    log_handshake(&record, &fields);
    assert_value(&fields, "type", "handshake");
    assert_value(&fields, "duration", "0.999999");
    assert_value(&fields, "reason", "certificate_expired");
    assert_value(&fields, "fault", "client");
    assert_value(&fields, "detail", "certificate has expired");
    assert_value(&fields, "certificate_presented", "true");
    assert_value(&fields, "possession_proven", "false");
    assert_value(&fields, "certificate_subject", "CN=web,O=Example");
    assert_value(&fields, "server_name", "api.example.com");
    assert_null(value_of(&fields, "principal"));
    assert_null(value_of(&fields, "status"));
}

TEST(what_is_not_known_is_left_out)
{
    struct exchange_record exchange = {.reason = REASON_NONE};
    struct handshake_record handshake = {.reason = REASON_HANDSHAKE_ABANDONED};

    log_exchange(&exchange, &fields);
    for (size_t i = 0; i < fields.count; i++)
        assert_true(fields.items[i].value[0] != '\0');
    assert_value(&fields, "reason", "none");
    assert_value(&fields, "time", "1970-01-01T00:00:00.000Z");
    assert_value(&fields, "duration", "0.000000");
    assert_null(value_of(&fields, "fault"));
    assert_null(value_of(&fields, "method"));
    assert_null(value_of(&fields, "tls_version"));
    log_handshake(&handshake, &fields);
    assert_value(&fields, "certificate_presented", "false");
    assert_null(value_of(&fields, "certificate_subject"));
}

/* ---- what clients write (CVE-2024-47252, CVE-2024-45808) ---- */

TEST(nothing_that_a_client_writes_breaks_a_line_or_a_terminal)
{
    static const struct slice hostile[] = {
        SLICE_STATIC("\"}\n{\"type\":\"exchange\",\"status\":200}"),
        SLICE_STATIC("a\r\nb\tc\bd\fe"),
        SLICE_STATIC("\x1b[31mred\x1b[0m \x9b"
                     "31m"),
        SLICE_STATIC("nul\0after"),
        SLICE_STATIC("\\\"\\u0022\\"),
        SLICE_STATIC("\xff\xfe\xc3\x28\xe2\x80\xae right to left"),
        SLICE_STATIC("</script><script>alert(1)</script>"),
        SLICE_STATIC("\x7f\x01\x1f"),
    };

    for (size_t i = 0; i < COUNT(hostile); i++) {
        struct slice text = hostile[i];
        struct exchange_record exchange = full_exchange();
        struct handshake_record handshake = full_handshake();

        exchange.connection.server_name = exchange.method = exchange.host = exchange.target = text;
        exchange.user_agent = exchange.detail = exchange.principal = text;
        exchange.user = exchange.policy.name = exchange.policy.rule_at = text;
        exchange.policy_trial.rule_at = text;
        exchange.certificate = (struct record_certificate){text, text, text, text, text};
        log_exchange(&exchange, &fields);
        assert_int_equal(fields.count, 40);
        assert_value(&fields, "status", "502");
        handshake.connection.server_name = handshake.detail = text;
        handshake.certificate = (struct record_certificate){text, text, text, text, text};
        log_handshake(&handshake, &fields);
        assert_value(&fields, "possession_proven", "false");
    }
}

static bool ends_with_mark(const char *value)
{
    size_t size = strlen(value);

    return size >= 3 && memcmp(value + size - 3, "\xe2\x80\xa6", 3) == 0;
}

TEST(a_text_that_is_too_long_is_cut_and_marked_and_the_record_survives)
{
    static const struct slice units[] = {SLICE_STATIC("a"),        SLICE_STATIC("\x01"),
                                         SLICE_STATIC("\""),       SLICE_STATIC("\xff"),
                                         SLICE_STATIC("\xc3\xbc"), SLICE_STATIC("\xf0\x9f\x94\x91"),
                                         SLICE_STATIC("\x80"),     SLICE_STATIC("a\xe2\x80\xa8")};
    static char text[TEXT_BYTES];

    for (size_t i = 0; i < COUNT(units); i++) {
        struct exchange_record record = full_exchange();
        struct slice all = slice_from(text, sizeof(text));

        for (size_t j = 0; j < sizeof(text); j++)
            text[j] = units[i].data[j % units[i].size];
        record.connection.client_address = record.connection.listener = all;
        record.connection.server_name = record.method = record.host = record.target = all;
        record.protocol = record.user_agent = record.route = record.backend = all;
        record.endpoint = record.detail = record.mode = record.verification = all;
        record.principal = record.user = record.policy.name = record.policy.rule_at = all;
        record.policy_trial.rule_at = all;
        record.certificate = (struct record_certificate){all, all, all, all, all};
        record.started_wall_ms = INT64_MAX;
        record.duration_us = record.backend_us = record.received_bytes = UINT64_MAX;
        record.connection.id = UINT64_MAX;
        record.stripped_headers = SIZE_MAX;
        record.status = record.backend_status = 4294967295U;
        log_exchange(&record, &fields);
        assert_int_equal(fields.count, 40);
        assert_true(ends_with_mark(value_of(&fields, "target")));
        assert_true(ends_with_mark(value_of(&fields, "method")));
        assert_true(ends_with_mark(value_of(&fields, "certificate_serial")));
        assert_true(strlen(value_of(&fields, "target")) > 500);
        assert_value(&fields, "status", "4294967295");
        assert_value(&fields, "reason", "backend_closed");
    }
}

TEST(a_character_is_not_cut_in_two)
{
    static char text[TEXT_BYTES];
    struct exchange_record record = full_exchange();

    for (size_t shift = 0; shift < 4; shift++) {
        const char *target = NULL;

        for (size_t i = 0; i < sizeof(text); i++)
            text[i] = i < shift ? 'a' : "\xf0\x9f\x94\x91"[(i - shift) % 4];
        record.target = slice_from(text, sizeof(text));
        log_exchange(&record, &fields);
        target = value_of(&fields, "target");
        assert_true(ends_with_mark(target));
        assert_int_equal((strlen(target) - 3 - shift) % 4, 0);
        assert_null(strchr(target, '?')); /* nothing was unreadable */
    }
}

TEST(a_text_that_just_fits_is_whole)
{
    static char text[4096];
    struct exchange_record record = full_exchange();

    memset(text, 'a', sizeof(text));
    record.target = slice_from(text, 4094); /* and two quotes */
    log_exchange(&record, &fields);
    assert_int_equal(strlen(value_of(&fields, "target")), 4094);
    assert_false(ends_with_mark(value_of(&fields, "target")));
    record.target.size++;
    log_exchange(&record, &fields);
    assert_true(ends_with_mark(value_of(&fields, "target")));
    assert_true(strlen(value_of(&fields, "target")) > 3500);
}

/* ---- documentation ---- */

static bool is_documented(const char *page, const char *name)
{
    char row[80];

    snprintf(row, sizeof(row), "\n| `%s` | ", name);
    return strstr(page, row) != NULL;
}

TEST(every_field_is_documented)
{
    struct exchange_record exchange = full_exchange();
    struct handshake_record handshake = full_handshake();
    const char *tests = getenv("SALLYPORT_TEST_FILES");
    char *path = NULL;
    char *page = NULL;
    FILE *file = NULL;

    if (tests == NULL)
        skip();
    path = memory_format("%s/../docs/ACCESS-LOG.md", tests);
    file = fopen(path, "rb");
    assert_non_null(file);
    page = memory_allocate(1 << 16);
    assert_true(fread(page, 1, (1 << 16) - 1, file) > 0);
    fclose(file);
    log_exchange(&exchange, &fields);
    for (size_t i = 0; i < fields.count; i++)
        assert_true(is_documented(page, fields.items[i].name));
    log_handshake(&handshake, &fields);
    for (size_t i = 0; i < fields.count; i++)
        assert_true(is_documented(page, fields.items[i].name));
    memory_release(page);
    memory_release(path);
}

/* ---- counters ---- */

TEST(counters_of_all_workers_are_summed)
{
    struct telemetry_settings settings = {.target = ACCESS_LOG_OFF};
    struct error error = {0};
    struct telemetry *telemetry = telemetry_create(&settings, 3, &error);
    struct exchange_record exchange = full_exchange();
    struct handshake_record handshake = full_handshake();
    const struct record_connection fresh = {.tls_version = "TLSv1.2"};
    const struct record_connection resumed = {.tls_version = "TLSv1.3", .resumed = true};
    struct telemetry_totals totals;

    assert_non_null(telemetry);
    for (size_t i = 0; i < 3; i++) {
        struct telemetry_worker *worker = telemetry_worker(telemetry, i);

        for (size_t j = 0; j <= i; j++)
            telemetry_report_exchange(worker, &exchange);
        telemetry_report_handshake(worker, &handshake);
        telemetry_count_handshake(worker, &fresh);
        telemetry_count_handshake(worker, &resumed);
        telemetry_count_connection_refused(worker);
        telemetry_count_limit(worker, TELEMETRY_LIMIT_KEEP_ALIVE);
    }
    exchange.reason = REASON_NONE;
    exchange.verdict = REASON_NONE;
    exchange.stripped_headers = 0;
    telemetry_report_exchange(telemetry_worker(telemetry, 0), &exchange);
    telemetry_total(telemetry, &totals);
    assert_int_equal(totals.exchanges, 7);
    assert_int_equal(totals.headers_stripped, 12);
    assert_int_equal(totals.handshakes, 6);
    assert_int_equal(totals.handshakes_resumed, 3);
    assert_int_equal(totals.handshakes_failed, 3);
    assert_int_equal(totals.handshakes_by[TELEMETRY_TLS_1_2][false][TELEMETRY_OK], 3);
    assert_int_equal(totals.handshakes_by[TELEMETRY_TLS_1_3][true][TELEMETRY_OK], 3);
    assert_int_equal(totals.handshakes_by[TELEMETRY_TLS_1_3][true][TELEMETRY_FAILED], 3);
    assert_int_equal(totals.handshakes_by[TELEMETRY_TLS_NONE][false][TELEMETRY_FAILED], 0);
    assert_int_equal(totals.connections_refused, 3);
    assert_int_equal(totals.limits[TELEMETRY_LIMIT_KEEP_ALIVE], 3);
    assert_int_equal(totals.records_dropped, 0);
    assert_int_equal(totals.by_reason[REASON_BACKEND_CLOSED], 6);
    assert_int_equal(totals.by_reason[REASON_CERTIFICATE_EXPIRED], 3);
    assert_int_equal(totals.by_reason[REASON_NONE], 1);
    assert_int_equal(totals.by_reason[REASON_INTERNAL], 0);
    assert_int_equal(totals.verdicts[REASON_NONE], 1);
    assert_int_equal(totals.verdicts[REASON_CERTIFICATE_EXPIRED], 3);
    assert_int_equal(totals.verdicts[REASON_UNDECIDED], 0);
    telemetry_destroy(telemetry);
    telemetry_destroy(NULL);
}

TEST(a_reason_that_does_not_exist_is_counted_as_a_defect)
{
    struct telemetry_settings settings = {.target = ACCESS_LOG_OFF};
    struct error error = {0};
    struct telemetry *telemetry = telemetry_create(&settings, 1, &error);
    struct exchange_record exchange = full_exchange();
    struct telemetry_totals totals;

    exchange.reason = REASON_COUNT;
    telemetry_report_exchange(telemetry_worker(telemetry, 0), &exchange);
    telemetry_total(telemetry, &totals);
    assert_int_equal(totals.by_reason[REASON_INTERNAL], 1);
    telemetry_destroy(telemetry);
}

TEST(counters_lie_on_cache_lines_of_their_own)
{
    struct telemetry_settings settings = {.target = ACCESS_LOG_OFF};
    struct error error = {0};
    struct telemetry *telemetry = telemetry_create(&settings, 4, &error);

    for (size_t i = 0; i < 4; i++)
        assert_int_equal((uintptr_t)telemetry_worker(telemetry, i) % 64, 0);
    telemetry_destroy(telemetry);
}

static void *report_many(void *argument)
{
    struct exchange_record record = full_exchange();

    for (size_t i = 0; i < 100; i++)
        telemetry_report_exchange(argument, &record);
    return NULL;
}

TEST(lines_of_several_workers_do_not_mix_and_none_is_lost)
{
    pthread_t threads[4];
    struct telemetry_totals totals;
    struct log log;
    size_t lines = 0;
    char *at = NULL;

    log_start(&log, COUNT(threads));
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, report_many, telemetry_worker(log.telemetry, i)), 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    telemetry_total(log.telemetry, &totals);
    assert_int_equal(totals.exchanges, 400);
    assert_int_equal(totals.records_dropped, 0);
    log_end(&log);
    for (at = log.text; at < log.text + log.size; lines++) {
        size_t size = strcspn(at, "\n");

        at[size] = '\0';
        read_record(at, &fields);
        at += size + 1;
    }
    assert_int_equal(lines, 400);
    memory_release(log.text);
}

TEST(a_log_that_cannot_be_opened_is_an_error_that_names_it)
{
    struct telemetry_settings settings = {.target = ACCESS_LOG_FILE, .path = "/nowhere/access.log"};
    struct error error = {0};

    assert_null(telemetry_create(&settings, 1, &error));
    assert_int_equal(error.kind, ERROR_FILE);
    assert_non_null(strstr(error.text, "access log: '/nowhere/access.log' cannot be opened: "));
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(an_exchange_is_one_line_with_everything_about_it),
        cmocka_unit_test(a_failed_handshake_says_what_was_shown_and_that_nobody_proved_it),
        cmocka_unit_test(what_is_not_known_is_left_out),
        cmocka_unit_test(nothing_that_a_client_writes_breaks_a_line_or_a_terminal),
        cmocka_unit_test(a_text_that_is_too_long_is_cut_and_marked_and_the_record_survives),
        cmocka_unit_test(a_character_is_not_cut_in_two),
        cmocka_unit_test(a_text_that_just_fits_is_whole),
        cmocka_unit_test(every_field_is_documented),
        cmocka_unit_test(counters_of_all_workers_are_summed),
        cmocka_unit_test(a_reason_that_does_not_exist_is_counted_as_a_defect),
        cmocka_unit_test(counters_lie_on_cache_lines_of_their_own),
        cmocka_unit_test(lines_of_several_workers_do_not_mix_and_none_is_lost),
        cmocka_unit_test(a_log_that_cannot_be_opened_is_an_error_that_names_it));
}
