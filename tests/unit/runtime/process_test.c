/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/process.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"

/* In a child, because limits and environment are the process's. */
static int status_of(bool (*holds)(void))
{
    pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0) {
        process_prepare();
        _exit(holds() ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static bool unwanted_variables_are_gone(void)
{
    return getenv("SSLKEYLOGFILE") == NULL && getenv("http_proxy") == NULL &&
           getenv("HTTPS_PROXY") == NULL && getenv("ALL_PROXY") == NULL &&
           getenv("no_proxy") == NULL;
}

TEST(key_logs_and_proxies_do_not_come_from_the_environment)
{
    setenv("SSLKEYLOGFILE", "/tmp/keys", 1);
    setenv("http_proxy", "http://192.0.2.1:3128", 1);
    setenv("HTTPS_PROXY", "http://192.0.2.1:3128", 1);
    setenv("ALL_PROXY", "http://192.0.2.1:3128", 1);
    setenv("no_proxy", "*", 1);
    assert_int_equal(status_of(unwanted_variables_are_gone), 0);
}

static bool others_are_left(void)
{
    return getenv("OPENSSL_CONF") != NULL && getenv("BACKEND_PROXY") != NULL;
}

/* A FIPS provider is configured so; configurations may name variables as they like. */
TEST(other_variables_stay)
{
    setenv("OPENSSL_CONF", "/etc/ssl/openssl.cnf", 1);
    setenv("BACKEND_PROXY", "http://192.0.2.1", 1);
    assert_int_equal(status_of(others_are_left), 0);
}

static bool leaves_no_core(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0;
}

TEST(a_crash_leaves_no_core)
{
    assert_int_equal(status_of(leaves_no_core), 0);
}

static bool has_all_descriptors(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == limit.rlim_max;
}

TEST(as_many_descriptors_as_the_system_grants)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max / 2;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(status_of(has_all_descriptors), 0);
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(key_logs_and_proxies_do_not_come_from_the_environment),
                     cmocka_unit_test(other_variables_stay),
                     cmocka_unit_test(a_crash_leaves_no_core),
                     cmocka_unit_test(as_many_descriptors_as_the_system_grants));
}
