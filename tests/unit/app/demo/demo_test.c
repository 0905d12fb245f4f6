/* SPDX-License-Identifier: Apache-2.0
 *
 * The demo around a gateway that is not there: what it leaves, removes, prints and answers. That
 * the checks hold with the real gateway is what `sallyport demo --once` itself says.
 */
#include "support/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/demo/demo.h"
#include "runtime/file.h"
#include "runtime/memory.h"
#include "runtime/socket.h"

enum { FILE_BYTES_MAX = 1024 * 1024 };

/* What the gateway that is not there saw. cmocka has one thread. */
static struct {
    char directory[256];
    char *configuration;
} seen;

static char parent[64];

static char *read_whole(const char *path)
{
    char *data = NULL;
    size_t size = 0;
    struct error error = {ERROR_NONE, ""};

    if (!file_read(path, FILE_BYTES_MAX, &data, &size, &error))
        fail_msg("%s", error.text);
    return data;
}

static char *beside(const char *directory, const char *name)
{
    return memory_format("%s/%s", directory, name);
}

static bool exists(const char *directory, const char *name)
{
    char *path = beside(directory, name);
    bool found = access(path, F_OK) == 0;

    memory_release(path);
    return found;
}

static void note(const char *path)
{
    const char *slash = strrchr(path, '/');

    assert_non_null(slash);
    snprintf(seen.directory, sizeof seen.directory, "%.*s", (int)(slash - path), path);
    memory_release(seen.configuration);
    seen.configuration = read_whole(path);
}

static int run_and_return(const char *path, demo_ready *on_ready, void *context)
{
    const struct demo_endpoint endpoints[] = {{"other", "127.0.0.1:1"},
                                              {"demo", "127.0.0.1:41234"}};

    note(path);
    on_ready(context, endpoints, 2);
    return 0;
}

static int fail_to_start(const char *path, demo_ready *on_ready, void *context)
{
    (void)on_ready;
    (void)context;
    note(path);
    return 1;
}

/* Nobody listens on port 1; the checks end the run as they would end a gateway. */
static int run_until_terminated(const char *path, demo_ready *on_ready, void *context)
{
    const struct demo_endpoint endpoint = {"demo", "127.0.0.1:1"};
    sigset_t awaited;
    int number = 0;

    note(path);
    on_ready(context, &endpoint, 1);
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGTERM);
    assert_int_equal(sigwait(&awaited, &number), 0);
    return 0;
}

/* Ends while the checks still run, as after Ctrl-C. */
static int run_and_abandon(const char *path, demo_ready *on_ready, void *context)
{
    const struct demo_endpoint endpoint = {"demo", "127.0.0.1:1"};

    note(path);
    on_ready(context, &endpoint, 1);
    return 0;
}

/* Runs the demo with stdout in a file, and gives what it printed; the caller releases it. */
static int run_demo(demo_run_gateway *run_gateway, char **printed, const char *first,
                    const char *second, const char *third)
{
    char *arguments[] = {memory_copy_text("demo"), memory_copy_text(first),
                         memory_copy_text(second), memory_copy_text(third), NULL};
    char *path = beside(parent, "stdout");
    int count = first == NULL ? 1 : second == NULL ? 2 : third == NULL ? 3 : 4;
    int before = 0;
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int status = 0;

    fflush(stdout);
    before = dup(STDOUT_FILENO);
    dup2(file, STDOUT_FILENO);
    close(file);
    status = demo_main(count, arguments, run_gateway);
    fflush(stdout);
    dup2(before, STDOUT_FILENO);
    close(before);
    if (printed != NULL)
        *printed = read_whole(path);
    unlink(path);
    memory_release(path);
    for (size_t i = 0; i < 4; i++)
        memory_release(arguments[i]);
    return status;
}

static void assert_holds(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("no '%s' in:\n%s", part, text);
}

static void remove_directory(const char *path)
{
    DIR *listing = opendir(path);
    const struct dirent *entry = NULL;

    assert_non_null(listing);
    for (entry = readdir(listing); entry != NULL; entry = readdir(listing))
        unlinkat(dirfd(listing), entry->d_name, 0);
    closedir(listing);
    assert_int_equal(rmdir(path), 0);
}

/* ---- what it leaves ---- */

TEST(removes_a_temporary_directory_at_the_end)
{
    assert_int_equal(run_demo(run_and_return, NULL, "--address=127.0.0.1:0", NULL, NULL), 0);
    assert_true(strlen(seen.directory) > 0);
    assert_int_not_equal(access(seen.directory, F_OK), 0);
    assert_int_equal(run_demo(fail_to_start, NULL, "--address=127.0.0.1:0", NULL, NULL), 1);
    assert_int_not_equal(access(seen.directory, F_OK), 0);
}

TEST(keeps_files_that_are_asked_for_with_keys_for_their_owner)
{
    static const char *const public_files[] = {"root.pem",    "intermediate.pem", "client-ca.pem",
                                               "server.pem",  "server-rsa.pem",   "alice.pem",
                                               "expired.pem", "stranger.pem"};
    static const char *const private_files[] = {"server.key",  "server-rsa.key", "alice.key",
                                                "expired.key", "stranger.key",   "alice.p12"};
    char *keep = beside(parent, "kept");

    assert_int_equal(run_demo(run_and_return, NULL, "--keep", keep, "--address=127.0.0.1:0"), 0);
    for (size_t i = 0; i < sizeof public_files / sizeof public_files[0]; i++)
        assert_true(exists(keep, public_files[i]));
    for (size_t i = 0; i < sizeof private_files / sizeof private_files[0]; i++) {
        char *path = beside(keep, private_files[i]);
        struct stat status;

        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
        memory_release(path);
    }
    assert_true(exists(keep, "sallyport.yaml"));
    remove_directory(keep);
    memory_release(keep);
}

TEST(never_writes_into_a_directory_with_something_in_it)
{
    assert_int_equal(mkdir("full", 0700), 0);
    assert_int_equal(mkdir("full/thing", 0700), 0);
    assert_int_equal(run_demo(run_and_return, NULL, "--keep", "full", "--address=127.0.0.1:0"), 1);
    assert_false(exists("full", "alice.key"));
    assert_int_equal(rmdir("full/thing"), 0);
    assert_int_equal(run_demo(run_and_return, NULL, "--keep", "full", "--address=127.0.0.1:0"), 0);
    assert_true(exists("full", "alice.key"));
    remove_directory("full");
}

/* ---- certificates ---- */

static STACK_OF(X509) * read_certificates(const char *directory, const char *name)
{
    STACK_OF(X509) *certificates = sk_X509_new_null();
    char *path = beside(directory, name);
    FILE *file = fopen(path, "r");
    X509 *certificate = NULL;

    assert_non_null(file);
    for (certificate = PEM_read_X509(file, NULL, NULL, NULL); certificate != NULL;
         certificate = PEM_read_X509(file, NULL, NULL, NULL))
        sk_X509_push(certificates, certificate);
    fclose(file);
    memory_release(path);
    return certificates;
}

static int verify(const char *directory, const char *name, int purpose)
{
    STACK_OF(X509) *anchors = read_certificates(directory, "client-ca.pem");
    STACK_OF(X509) *chain = read_certificates(directory, name);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    int outcome = 0;

    assert_int_equal(sk_X509_num(anchors), 1);
    X509_STORE_add_cert(store, sk_X509_value(anchors, 0));
    X509_STORE_CTX_init(context, store, sk_X509_value(chain, 0), chain);
    X509_STORE_CTX_set_purpose(context, purpose);
    X509_verify_cert(context);
    outcome = X509_STORE_CTX_get_error(context);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    sk_X509_pop_free(chain, X509_free);
    sk_X509_pop_free(anchors, X509_free);
    return outcome;
}

TEST(makes_certificates_that_are_what_they_are_called)
{
    char *keep = beside(parent, "pki");
    STACK_OF(X509) *server = NULL;

    assert_int_equal(run_demo(run_and_return, NULL, "--keep", keep, "--address=127.0.0.7:0"), 0);
    assert_int_equal(verify(keep, "alice.pem", X509_PURPOSE_SSL_CLIENT), X509_V_OK);
    assert_int_equal(verify(keep, "server.pem", X509_PURPOSE_SSL_SERVER), X509_V_OK);
    assert_int_equal(verify(keep, "server-rsa.pem", X509_PURPOSE_SSL_SERVER), X509_V_OK);
    assert_int_equal(verify(keep, "expired.pem", X509_PURPOSE_SSL_CLIENT),
                     X509_V_ERR_CERT_HAS_EXPIRED);
    assert_int_equal(verify(keep, "stranger.pem", X509_PURPOSE_SSL_CLIENT),
                     X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    server = read_certificates(keep, "server.pem");
    assert_int_equal(X509_check_host(sk_X509_value(server, 0), "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(sk_X509_value(server, 0), "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(sk_X509_value(server, 0), "127.0.0.7", 0), 1);
    sk_X509_pop_free(server, X509_free);
    remove_directory(keep);
    memory_release(keep);
}

/* ---- what it says ---- */

TEST(prints_lines_for_the_port_that_the_gateway_has)
{
    char *printed = NULL;

    assert_int_equal(run_demo(run_and_return, &printed, "--address=127.0.0.1:0", NULL, NULL), 0);
    assert_holds(printed, "curl -sSi --cacert root.pem --cert alice.pem --key alice.key "
                          "https://localhost:41234/\n");
    assert_holds(printed, "openssl s_client");
    assert_holds(printed, "-connect localhost:41234 ");
    assert_holds(printed, "https.get('https://127.0.0.1:41234/'");
    assert_holds(printed, "alice.p12 (password: alice)");
    assert_holds(printed, seen.directory);
    assert_null(strstr(printed, "{url}"));
    assert_null(strstr(printed, "{connect}"));
    memory_release(printed);
}

TEST(writes_a_configuration_that_demands_a_certificate_and_names_its_exceptions)
{
    assert_int_equal(run_demo(run_and_return, NULL, "--address", "127.0.0.9:0", NULL), 0);
    assert_holds(seen.configuration, "address: \"127.0.0.9:0\"");
    assert_holds(seen.configuration, "mode: required");
    assert_holds(seen.configuration,
                 "paths: [/healthz]\n        client_certificate: { mode: none }");
    assert_holds(seen.configuration, "trust: [client-ca.pem]");
    assert_holds(seen.configuration, "endpoints: [\"http://127.0.0.1:");
}

TEST(refuses_command_lines_that_make_no_sense)
{
    assert_int_equal(run_demo(run_and_return, NULL, "--nonsense", NULL, NULL), 2);
    assert_int_equal(run_demo(run_and_return, NULL, "word", NULL, NULL), 2);
    assert_int_equal(run_demo(run_and_return, NULL, "--address", "nowhere", NULL), 2);
    assert_int_equal(run_demo(run_and_return, NULL, "--help", NULL, NULL), 0);
}

/* The gateway's sockets would share the port, and connections be dealt out to both. */
TEST(does_not_share_its_port_with_another_that_listens_there)
{
    struct socket_address address;
    struct error error = {ERROR_NONE, ""};
    char text[SOCKET_ADDRESS_TEXT_SIZE];
    int fd = -1;

    assert_true(socket_address_parse(SLICE("127.0.0.1:0"), &address, &error));
    fd = socket_listen(&address, 1, true, &error);
    assert_true(fd >= 0);
    assert_true(socket_local_address(fd, &address));
    socket_address_format(&address, text);
    seen.directory[0] = '\0';
    assert_int_equal(run_demo(run_and_return, NULL, "--address", text, NULL), 1);
    assert_string_equal(seen.directory, "");
    socket_close(fd);
    assert_int_equal(run_demo(run_and_return, NULL, "--address", text, NULL), 0);
}

/* ---- --once ---- */

TEST(once_fails_when_nothing_answers)
{
    char *printed = NULL;

    assert_int_equal(run_demo(run_until_terminated, &printed, "--once", NULL, NULL), 3);
    assert_holds(printed, "FAIL  1  alice is let in");
    assert_holds(printed, "         | curl: ");
    assert_holds(printed, "0 passed, 1");
    assert_holds(seen.configuration, "address: \"127.0.0.1:0\"");
    assert_int_not_equal(access(seen.directory, F_OK), 0);
    memory_release(printed);
}

TEST(once_ends_at_once_when_it_is_interrupted)
{
    sigset_t pending;

    assert_int_equal(run_demo(run_and_abandon, NULL, "--once", NULL, NULL), 3);
    sigpending(&pending);
    if (sigismember(&pending, SIGTERM)) {
        int number = 0;

        sigemptyset(&pending);
        sigaddset(&pending, SIGTERM);
        sigwait(&pending, &number);
    }
}

TEST(once_needs_its_programs_before_anything_is_made)
{
    char *path = memory_copy_text(getenv("PATH"));

    seen.directory[0] = '\0';
    setenv("PATH", parent, 1);
    assert_int_equal(run_demo(run_and_return, NULL, "--once", NULL, NULL), 1);
    setenv("PATH", path, 1);
    assert_string_equal(seen.directory, "");
    memory_release(path);
}

int main(void)
{
    const char *temporary = getenv("TMPDIR");
    sigset_t terminate;
    int failed = 0;

    /* The process sends itself SIGTERM, and a test waits for it. */
    sigemptyset(&terminate);
    sigaddset(&terminate, SIGTERM);
    sigprocmask(SIG_BLOCK, &terminate, NULL);
    snprintf(parent, sizeof parent, "%.40s/demo-test-XXXXXX",
             temporary == NULL ? "/tmp" : temporary);
    if (mkdtemp(parent) == NULL || chdir(parent) != 0)
        return 1;
    failed =
        RUN_TESTS(cmocka_unit_test(removes_a_temporary_directory_at_the_end),
                  cmocka_unit_test(keeps_files_that_are_asked_for_with_keys_for_their_owner),
                  cmocka_unit_test(never_writes_into_a_directory_with_something_in_it),
                  cmocka_unit_test(makes_certificates_that_are_what_they_are_called),
                  cmocka_unit_test(prints_lines_for_the_port_that_the_gateway_has),
                  cmocka_unit_test(
                      writes_a_configuration_that_demands_a_certificate_and_names_its_exceptions),
                  cmocka_unit_test(refuses_command_lines_that_make_no_sense),
                  cmocka_unit_test(does_not_share_its_port_with_another_that_listens_there),
                  cmocka_unit_test(once_fails_when_nothing_answers),
                  cmocka_unit_test(once_ends_at_once_when_it_is_interrupted),
                  cmocka_unit_test(once_needs_its_programs_before_anything_is_made));
    memory_release(seen.configuration);
    rmdir(parent);
    return failed;
}
