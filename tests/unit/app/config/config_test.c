/* SPDX-License-Identifier: Apache-2.0
 *
 * What a loaded configuration holds: defaults, values, references, paths.
 */
#include "support/test.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/config/config.h"
#include "runtime/file.h"
#include "runtime/memory.h"

static struct config *load(const char *text)
{
    return config_load_text(slice_from_text(text), "sallyport.yaml", "/etc/sallyport");
}

/* The settings, with every problem printed when there should be none. */
static const struct generation_settings *settings_of(const struct config *config)
{
    const struct config_problems *problems = config_problems(config);

    for (size_t i = 0; i < problems->count; i++)
        if (problems->items[i].severity == CONFIG_ERROR)
            print_error("%u:%u: %s\n", problems->items[i].line, problems->items[i].column,
                        problems->items[i].text);
    assert_non_null(config_settings(config));
    return config_settings(config);
}

/* The smallest useful configuration, as the README has it. */
static const char smallest[] =
    "version: 1\n"
    "listeners:\n"
    "  - address: \":8443\"\n"
    "    tls: { certificates: [{ chain: server.pem, key: server.key }] }\n"
    "    client_certificate: { trust: [client-ca.pem] }          # mode: required is the default\n"
    "    routes: [{ backend: \"http://127.0.0.1:8080\" }]\n";

TEST(the_smallest_configuration_is_one_listener_with_one_route)
{
    struct config *config = load(smallest);
    const struct generation_settings *settings = settings_of(config);
    const struct listener_settings *listener;
    const struct route_settings *route;

    assert_int_equal(settings->listener_count, 1);
    listener = &settings->listeners[0];
    assert_string_equal(listener->name, "listener-1");
    assert_string_equal(listener->address, ":8443");
    assert_null(listener->hosts);
    assert_string_equal(listener->server_token, "sallyport");
    assert_string_equal(listener->position.file, "sallyport.yaml");
    assert_int_equal(listener->position.line, 3);
    assert_int_equal(listener->position.column, 5);
    assert_int_equal(listener->identity_header_count, 1);
    assert_string_equal(listener->identity_headers[0].name, "Client-Cert");
    assert_int_equal(listener->identity_headers[0].format, IDENTITY_FORMAT_RFC9440);

    assert_int_equal(listener->route_count, 1);
    route = &listener->routes[0];
    assert_string_equal(route->match.name, "route-1");
    assert_null(route->match.paths);
    assert_null(route->match.methods);
    assert_int_equal(route->match.position.line, 6);
    assert_int_equal(route->match.position.column, 14);
    assert_false(route->client_certificate.is_set);
    assert_false(route->client_certificate.has_mode);
    assert_null(route->client_certificate.trust);
    assert_false(route->has_identity_headers);
    assert_false(route->unverified);
    config_destroy(config);
}

TEST(a_tls_profile_defaults_to_1_2_and_1_3_with_http_1_1)
{
    struct config *config = load(smallest);
    const struct tls_profile_settings *tls = settings_of(config)->listeners[0].tls;

    assert_null(tls->name);
    assert_int_equal(tls->certificate_count, 1);
    assert_string_equal(tls->certificates[0].chain, "/etc/sallyport/server.pem");
    assert_string_equal(tls->certificates[0].key, "/etc/sallyport/server.key");
    assert_int_equal(tls->certificates[0].position.line, 4);
    assert_int_equal(tls->certificates[0].position.column, 27);
    assert_int_equal(tls->min_version, TLS_VERSION_1_2);
    assert_int_equal(tls->max_version, TLS_VERSION_1_3);
    assert_null(tls->ciphers);
    assert_null(tls->cipher_suites);
    assert_null(tls->groups);
    assert_string_equal(tls->alpn[0], "http/1.1");
    assert_null(tls->alpn[1]);
    assert_int_equal(tls->position.line, 4);
    config_destroy(config);
}

TEST(a_client_certificate_is_required_unless_something_else_is_said)
{
    struct config *config = load(smallest);
    const struct client_certificate_settings *settings =
        &settings_of(config)->listeners[0].client_certificate;

    assert_true(settings->is_set);
    assert_false(settings->has_mode);
    assert_int_equal(settings->mode, CLIENT_CERTIFICATE_REQUIRED);
    assert_int_equal(settings->on_failure, CLIENT_CERTIFICATE_ON_FAILURE_HTTP);
    assert_int_equal(settings->error_detail, CLIENT_CERTIFICATE_DETAIL_REASON);
    assert_null(settings->trust->name);
    assert_int_equal(settings->trust->anchor_count, 1);
    assert_string_equal(settings->trust->anchors[0].path, "/etc/sallyport/client-ca.pem");
    assert_int_equal(settings->trust->anchors[0].position.line, 5);
    assert_int_equal(settings->trust->anchors[0].position.column, 35);
    assert_int_equal(settings->trust->depth, 4);
    assert_false(settings->trust->partial_chain);
    assert_true(settings->trust->send_ca_names);
    config_destroy(config);
}

TEST(a_backend_in_place_has_the_defaults_of_a_backend)
{
    struct config *config = load(smallest);
    const struct backend_settings *backend = settings_of(config)->listeners[0].routes[0].backend;

    assert_string_equal(backend->name, "http://127.0.0.1:8080");
    assert_int_equal(backend->endpoint_count, 1);
    assert_string_equal(backend->endpoints[0].url, "http://127.0.0.1:8080");
    assert_int_equal(backend->endpoints[0].position.line, 6);
    assert_null(backend->host);
    assert_int_equal(backend->connect_timeout_ms, 5000);
    assert_int_equal(backend->response_timeout_ms, 30000);
    assert_int_equal(backend->connections_max, 1024);
    assert_int_equal(backend->idle_max, 64);
    assert_int_equal(backend->idle_ms, 60000);
    config_destroy(config);
}

TEST(limits_logs_and_workers_have_defaults)
{
    struct config *config = load(smallest);
    const struct generation_settings *settings = settings_of(config);
    const struct connection_limits *limits = &settings->limits;

    assert_int_equal(limits->connections, 100000);
    assert_int_equal(limits->handshake_ms, 10000);
    assert_int_equal(limits->request_ms, 60000);
    assert_int_equal(limits->keep_alive_ms, 75000);
    assert_int_equal(limits->request_idle_ms, 30000);
    assert_int_equal(limits->response_idle_ms, 30000);
    assert_int_equal(limits->connection_requests, 0);
    assert_int_equal(limits->pipelined_requests, 100);
    assert_int_equal(limits->chunk_extension_bytes, 4096);
    assert_int_equal(limits->request_rate, 240);
    assert_int_equal(limits->response_rate, 240);
    assert_int_equal(limits->rate_window_ms, 10000);
    assert_int_equal(limits->rate_grace_ms, 5000);
    assert_int_equal(limits->drain_ms, 30000);
    assert_int_equal(limits->request_header_bytes, 32768);
    assert_int_equal(limits->request_header_count, 100);
    assert_int_equal(limits->request_target_bytes, 32768);
    assert_int_equal(limits->request_content_bytes, UINT64_C(4) << 30);
    assert_int_equal(limits->response_header_bytes, 32768);
    assert_int_equal(limits->response_header_count, 200);
    assert_int_equal(settings->telemetry.target, ACCESS_LOG_STDOUT);
    assert_null(settings->telemetry.path);
    assert_int_equal(settings->telemetry.queue_bytes_max, 4 * 1024 * 1024);
    assert_int_equal(settings->events_level, LOG_INFO);
    assert_int_equal(settings->workers, 0);
    config_destroy(config);
}

/* Everything that has a value of its own, in another order than the table's. */
static const char large[] =
    "workers: 3\n"
    "log: { access: { to: logs/access.log, queue_size: 1MiB }, events: { level: debug } }\n"
    "limits: { keep_alive: 2m, request_header_size: 64KiB, connections: 7, drain_time: 0s,\n"
    "          request_content_size: 3GiB, request_target_size: 512 }\n"
    "listeners:\n"
    "  - name: partners\n"
    "    address: \"0.0.0.0:8443\"\n"
    "    hosts: [api.example.com, \"*.partner.example.com\"]\n"
    "    tls: public\n"
    "    server_token: front\n"
    "    client_certificate:\n"
    "      trust: partners\n"
    "      mode: optional\n"
    "      ask: handshake\n"
    "      error_detail: generic\n"
    "    identity_headers: []\n"
    "    routes:\n"
    "      - name: health\n"
    "        paths: [/healthz]\n"
    "        client_certificate: { mode: none }\n"
    "        backend: app\n"
    "      - paths: [\"/admin/*\", /admin]\n"
    "        methods: [GET, POST]\n"
    "        client_certificate: { mode: required, trust: [admins.pem, /etc/ca.pem] }\n"
    "        identity_headers: [x-arr-clientcert, { name: X-Pem, format: pem_url }]\n"
    "        backend: app\n"
    "      - client_certificate: { mode: unverified }\n"
    "        unverified: true\n"
    "        identity_headers: []\n"
    "        backend: HTTP://Example.com/\n"
    "      - paths: [/again]\n"
    "        backend: http://example.com:80\n"
    "backends:\n"
    "  app:\n"
    "    endpoints: [\"http://10.0.0.4\", { url: \"http://[::1]:8080\" }]\n"
    "    host: app.internal\n"
    "    timeouts: { connect: 500ms, response: 2h }\n"
    "    connections: 5\n"
    "    idle_connections: 0\n"
    "    idle_time: 1m\n"
    "trust_profiles:\n"
    "  partners:\n"
    "    anchors: [{ name: contoso, file: ./partners/contoso.pem }, \"fabrikam.der\"]\n"
    "    partial_chain: true\n"
    "    depth: 0\n"
    "    send_ca_names: false\n"
    "tls_profiles:\n"
    "  public:\n"
    "    certificates: [{ chain: a.pem, key: a.key }, { chain: b.pem, key: b.key }]\n"
    "    policy:\n"
    "      min_version: \"1.2\"\n"
    "      max_version: \"1.2\"\n"
    "      ciphers: [TLS_AES_128_GCM_SHA256, ECDHE-RSA-AES128-GCM-SHA256,\n"
    "                TLS_AES_256_GCM_SHA384, ECDHE-RSA-AES256-GCM-SHA384]\n"
    "      groups: [X25519, P-256]\n"
    "    alpn: [http/1.1]\n"
    "version: 1\n";

TEST(definitions_are_found_by_name_wherever_they_stand)
{
    struct config *config = load(large);
    const struct listener_settings *listener = &settings_of(config)->listeners[0];

    assert_string_equal(listener->name, "partners");
    assert_string_equal(listener->hosts[0], "api.example.com");
    assert_string_equal(listener->hosts[1], "*.partner.example.com");
    assert_null(listener->hosts[2]);
    assert_string_equal(listener->server_token, "front");
    assert_int_equal(listener->identity_header_count, 0);
    assert_string_equal(listener->tls->name, "public");
    assert_string_equal(listener->client_certificate.trust->name, "partners");
    assert_int_equal(listener->client_certificate.mode, CLIENT_CERTIFICATE_OPTIONAL);
    assert_true(listener->client_certificate.has_mode);
    assert_int_equal(listener->client_certificate.error_detail, CLIENT_CERTIFICATE_DETAIL_GENERIC);
    assert_string_equal(listener->routes[0].backend->name, "app");
    assert_ptr_equal(listener->routes[0].backend, listener->routes[1].backend);
    config_destroy(config);
}

TEST(a_route_has_what_it_sets_and_leaves_the_rest_to_its_listener)
{
    struct config *config = load(large);
    const struct route_settings *routes = settings_of(config)->listeners[0].routes;

    assert_string_equal(routes[0].match.name, "health");
    assert_string_equal(routes[0].match.paths[0], "/healthz");
    assert_null(routes[0].match.paths[1]);
    assert_true(routes[0].client_certificate.is_set);
    assert_true(routes[0].client_certificate.has_mode);
    assert_int_equal(routes[0].client_certificate.mode, CLIENT_CERTIFICATE_NONE);
    assert_false(routes[0].has_identity_headers);

    assert_string_equal(routes[1].match.name, "route-2");
    assert_string_equal(routes[1].match.methods[1], "POST");
    assert_null(routes[1].match.methods[2]);
    assert_int_equal(routes[1].client_certificate.trust->anchor_count, 2);
    assert_string_equal(routes[1].client_certificate.trust->anchors[1].path, "/etc/ca.pem");
    assert_true(routes[1].has_identity_headers);
    assert_int_equal(routes[1].identity_header_count, 2);
    assert_string_equal(routes[1].identity_headers[0].name, "X-ARR-ClientCert");
    assert_string_equal(routes[1].identity_headers[1].name, "X-Pem");
    assert_int_equal(routes[1].identity_headers[1].format, IDENTITY_FORMAT_PEM_URL);

    assert_true(routes[2].unverified);
    assert_true(routes[2].has_identity_headers);
    assert_int_equal(routes[2].identity_header_count, 0);
    assert_false(routes[3].client_certificate.is_set);
    config_destroy(config);
}

TEST(routes_to_the_same_url_share_a_backend)
{
    struct config *config = load(large);
    const struct route_settings *routes = settings_of(config)->listeners[0].routes;

    assert_string_equal(routes[2].backend->endpoints[0].url, "http://example.com:80");
    assert_ptr_equal(routes[2].backend, routes[3].backend);
    config_destroy(config);
}

TEST(a_backend_has_its_endpoints_with_the_port_written_out)
{
    struct config *config = load(large);
    const struct backend_settings *backend = settings_of(config)->listeners[0].routes[0].backend;

    assert_int_equal(backend->endpoint_count, 2);
    assert_string_equal(backend->endpoints[0].url, "http://10.0.0.4:80");
    assert_string_equal(backend->endpoints[1].url, "http://[::1]:8080");
    assert_int_equal(backend->endpoints[1].position.line, 35);
    assert_string_equal(backend->host, "app.internal");
    assert_int_equal(backend->connect_timeout_ms, 500);
    assert_int_equal(backend->response_timeout_ms, 7200000);
    assert_int_equal(backend->connections_max, 5);
    assert_int_equal(backend->idle_max, 0);
    assert_int_equal(backend->idle_ms, 60000);
    config_destroy(config);
}

TEST(a_trust_profile_has_its_files_beside_the_configuration)
{
    struct config *config = load(large);
    const struct trust_profile_settings *trust =
        settings_of(config)->listeners[0].client_certificate.trust;

    assert_int_equal(trust->anchor_count, 2);
    assert_string_equal(trust->anchors[0].path, "/etc/sallyport/partners/contoso.pem");
    assert_string_equal(trust->anchors[1].path, "/etc/sallyport/fabrikam.der");
    assert_true(trust->partial_chain);
    assert_int_equal(trust->depth, 0);
    assert_false(trust->send_ca_names);
    config_destroy(config);
}

/* Every suite is one that libssl would use: what it does not know it passes over in silence. */
static void expect_policy(const char *name, enum tls_version max_version, const char *first,
                          const char *last, const char *suites)
{
    char *text = memory_format("version: 1\nlisteners:\n  - address: \":1\"\n"
                               "    tls: { certificates: [{ chain: c, key: k }], policy: %s }\n"
                               "    client_certificate: { mode: none }\n"
                               "    routes: [{ backend: \"http://127.0.0.1:1\" }]\n",
                               name);
    struct config *config = load(text);
    const struct tls_profile_settings *tls = settings_of(config)->listeners[0].tls;
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    size_t wanted = 1;

    assert_int_equal(tls->min_version, TLS_VERSION_1_2);
    assert_int_equal(tls->max_version, max_version);
    assert_memory_equal(tls->ciphers, first, strlen(first));
    assert_string_equal(tls->ciphers + strlen(tls->ciphers) - strlen(last), last);
    if (suites == NULL)
        assert_null(tls->cipher_suites);
    else
        assert_string_equal(tls->cipher_suites, suites);
    for (const char *byte = tls->ciphers; *byte != '\0'; byte++)
        wanted += *byte == ':';
    SSL_CTX_set_security_level(context, 2);
    assert_int_equal(SSL_CTX_set_ciphersuites(context, ""), 1);
    assert_int_equal(SSL_CTX_set_cipher_list(context, tls->ciphers), 1);
    assert_int_equal(sk_SSL_CIPHER_num(SSL_CTX_get_ciphers(context)), wanted);
    SSL_CTX_free(context);
    config_destroy(config);
    memory_release(text);
}

TEST(predefined_policies_are_what_azure_says_that_they_are)
{
    static const char suites[] = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256";

    expect_policy("AppGwSslPolicy20150501", TLS_VERSION_1_2,
                  "ECDHE-RSA-AES256-GCM-SHA384:", ":ECDHE-ECDSA-AES128-SHA", NULL);
    expect_policy("AppGwSslPolicy20170401", TLS_VERSION_1_2,
                  "ECDHE-ECDSA-AES128-GCM-SHA256:", ":AES128-SHA", NULL);
    expect_policy("AppGwSslPolicy20170401S", TLS_VERSION_1_2,
                  "ECDHE-ECDSA-AES128-GCM-SHA256:", ":AES128-SHA", NULL);
    expect_policy("AppGwSslPolicy20220101", TLS_VERSION_1_3,
                  "ECDHE-RSA-AES256-GCM-SHA384:", ":ECDHE-ECDSA-AES128-SHA256", suites);
    expect_policy("AppGwSslPolicy20220101S", TLS_VERSION_1_3,
                  "ECDHE-RSA-AES256-GCM-SHA384:", ":ECDHE-ECDSA-AES128-GCM-SHA256", suites);
}

TEST(ciphers_are_split_into_those_of_tls_1_2_and_1_3)
{
    struct config *config = load(large);
    const struct tls_profile_settings *tls = settings_of(config)->listeners[0].tls;

    assert_int_equal(tls->certificate_count, 2);
    assert_string_equal(tls->ciphers, "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384");
    assert_string_equal(tls->cipher_suites, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384");
    assert_string_equal(tls->groups, "X25519:P-256");
    assert_int_equal(tls->max_version, TLS_VERSION_1_2);
    config_destroy(config);
}

TEST(limits_logs_and_workers_are_read_with_their_units)
{
    struct config *config = load(large);
    const struct generation_settings *settings = settings_of(config);

    assert_int_equal(settings->limits.keep_alive_ms, 120000);
    assert_int_equal(settings->limits.request_header_bytes, 65536);
    assert_int_equal(settings->limits.connections, 7);
    assert_int_equal(settings->limits.drain_ms, 0);
    assert_true(settings->limits.request_content_bytes == UINT64_C(3) << 30);
    assert_int_equal(settings->limits.request_target_bytes, 512);
    assert_int_equal(settings->limits.request_ms, 60000);
    assert_int_equal(settings->telemetry.target, ACCESS_LOG_FILE);
    assert_string_equal(settings->telemetry.path, "/etc/sallyport/logs/access.log");
    assert_int_equal(settings->telemetry.queue_bytes_max, 1024 * 1024);
    assert_int_equal(settings->events_level, LOG_DEBUG);
    assert_int_equal(settings->workers, 3);
    config_destroy(config);
}

TEST(the_access_log_can_be_off)
{
    char *text = memory_format("%slog: { access: off }\n", smallest);
    struct config *config = load(text);

    assert_int_equal(settings_of(config)->telemetry.target, ACCESS_LOG_OFF);
    config_destroy(config);
    memory_release(text);
}

TEST(json_and_a_byte_order_mark_are_fine)
{
    struct config *config =
        load("\xEF\xBB\xBF{\"version\": 1, \"listeners\": [{\"address\": \"127.0.0.1:0\",\n"
             "\t\"tls\": {\"certificates\": [{\"chain\": \"s.pem\", \"key\": \"s.key\"}]},\n"
             "\t\"client_certificate\": {\"mode\": \"none\"},\n"
             "\t\"routes\": [{\"backend\": \"http://[::1]\"}]}]}\n");

    assert_string_equal(settings_of(config)->listeners[0].address, "127.0.0.1:0");
    config_destroy(config);
}

static void assert_chain(const char *directory, const char *expected)
{
    struct config *config =
        config_load_text(slice_from_text(smallest), "sallyport.yaml", directory);

    assert_string_equal(settings_of(config)->listeners[0].tls->certificates[0].chain, expected);
    config_destroy(config);
}

TEST(paths_are_absolute_whatever_the_directory_is)
{
    char here[4096];
    char *beside = NULL;
    char *below = NULL;

    assert_non_null(getcwd(here, sizeof(here)));
    beside = memory_format("%s/server.pem", here);
    below = memory_format("%s/conf/server.pem", here);
    assert_chain("/", "/server.pem");
    assert_chain("/etc/", "/etc/server.pem");
    assert_chain(".", beside);
    assert_chain("", beside);
    assert_chain("conf", below);
    memory_release(beside);
    memory_release(below);
}

TEST(a_file_is_loaded_from_its_directory)
{
    char directory[] = "/tmp/sallyport-config-XXXXXX";
    struct error error = {0};
    struct config *config;
    char *path;
    char *chain;

    assert_non_null(mkdtemp(directory));
    path = memory_format("%s/sallyport.yaml", directory);
    chain = memory_format("%s/server.pem", directory);
    assert_true(file_write_private(path, slice_from_text(smallest), &error));

    config = config_load_file(path);
    assert_string_equal(settings_of(config)->listeners[0].tls->certificates[0].chain, chain);
    assert_string_equal(settings_of(config)->listeners[0].position.file, path);
    config_destroy(config);

    unlink(path);
    rmdir(directory);
    memory_release(path);
    memory_release(chain);
}

TEST(a_file_that_cannot_be_read_is_one_problem_without_a_line)
{
    struct config *config = config_load_file("/nonexistent/sallyport.yaml");
    const struct config_problems *problems = config_problems(config);

    assert_null(config_settings(config));
    assert_int_equal(problems->count, 1);
    assert_int_equal(problems->errors, 1);
    assert_string_equal(problems->items[0].file, "/nonexistent/sallyport.yaml");
    assert_int_equal(problems->items[0].line, 0);
    assert_string_equal(problems->items[0].text, "'/nonexistent/sallyport.yaml' cannot be opened: "
                                                 "No such file or directory");
    config_destroy(config);
}

TEST(nothing_is_loaded_from_nothing)
{
    config_destroy(NULL);
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(the_smallest_configuration_is_one_listener_with_one_route),
        cmocka_unit_test(a_tls_profile_defaults_to_1_2_and_1_3_with_http_1_1),
        cmocka_unit_test(a_client_certificate_is_required_unless_something_else_is_said),
        cmocka_unit_test(a_backend_in_place_has_the_defaults_of_a_backend),
        cmocka_unit_test(limits_logs_and_workers_have_defaults),
        cmocka_unit_test(definitions_are_found_by_name_wherever_they_stand),
        cmocka_unit_test(a_route_has_what_it_sets_and_leaves_the_rest_to_its_listener),
        cmocka_unit_test(routes_to_the_same_url_share_a_backend),
        cmocka_unit_test(a_backend_has_its_endpoints_with_the_port_written_out),
        cmocka_unit_test(a_trust_profile_has_its_files_beside_the_configuration),
        cmocka_unit_test(predefined_policies_are_what_azure_says_that_they_are),
        cmocka_unit_test(ciphers_are_split_into_those_of_tls_1_2_and_1_3),
        cmocka_unit_test(limits_logs_and_workers_are_read_with_their_units),
        cmocka_unit_test(the_access_log_can_be_off),
        cmocka_unit_test(json_and_a_byte_order_mark_are_fine),
        cmocka_unit_test(paths_are_absolute_whatever_the_directory_is),
        cmocka_unit_test(a_file_is_loaded_from_its_directory),
        cmocka_unit_test(a_file_that_cannot_be_read_is_one_problem_without_a_line),
        cmocka_unit_test(nothing_is_loaded_from_nothing));
}
