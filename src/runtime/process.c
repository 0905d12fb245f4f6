/* SPDX-License-Identifier: Apache-2.0
 *
 * See process.h. OPENSSL_CONF and its kind stay: who may set them may set LD_PRELOAD as well, so
 * removing them guards nothing, and an installation that has its FIPS provider or its token from
 * there would silently go without.
 */
#include "runtime/process.h"

#include <stdlib.h>
#include <sys/resource.h>

/* A key log gives every connection away; a proxy would see, and answer, what we fetch to judge
 * certificates by. Both can be said in a configuration or on a command line, where one sees them.
 */
static const char *const unwanted_variables[] = {
    "SSLKEYLOGFILE", "http_proxy",  "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
    "ftp_proxy",     "FTP_PROXY",   "all_proxy",  "ALL_PROXY",   "no_proxy",
    "NO_PROXY",      "socks_proxy", "SOCKS_PROXY"};

static void clean_environment(void)
{
    for (size_t i = 0; i < sizeof(unwanted_variables) / sizeof(unwanted_variables[0]); i++)
        unsetenv(unwanted_variables[i]);
}

/* These limits are kindnesses: where the system refuses, the program is no worse than before. */
static void set_limits(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_CORE, &limit) == 0) {
        limit.rlim_cur = 0;
        (void)setrlimit(RLIMIT_CORE, &limit);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

void process_prepare(void)
{
    clean_environment();
    set_limits();
}
