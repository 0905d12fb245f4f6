/* SPDX-License-Identifier: Apache-2.0
 *
 * How long a revocation list takes to load, what it holds, and how long a look-up takes:
 *
 *     crl_load FILE      prints one line
 *
 * The list is one of ours to read in every way, so that bench/crl.sh can put it beside others.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "protocol/x509/crl.h"
#include "runtime/file.h"
#include "runtime/memory.h"

enum { LOOKUPS = 1000 * 1000, BYTES_MAX = 512 * 1024 * 1024 };

/* Of this process alone, whoever else uses the machine. */
static double cpu_ms(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000.0 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000.0;
}

static long peak_kib(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* Serials as those of the bench's list are made: half are in it, half are not. */
static double lookup_ns(const struct crl *list)
{
    double begin = cpu_ms();
    size_t found = 0;
    uint64_t state = 88172645463325252U;

    for (size_t i = 0; i < LOOKUPS; i++) {
        unsigned char serial[16];

        for (size_t j = 0; j < sizeof serial; j += sizeof state) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            memcpy(serial + j, &state, sizeof state);
        }
        serial[0] = (unsigned char)((serial[0] & 0x3fU) | 0x40U);
        found += crl_find(list, slice_from(serial, sizeof serial)).listing != CRL_NOT_LISTED;
    }
    return (cpu_ms() - begin) * 1e6 / LOOKUPS + (double)(found > LOOKUPS);
}

int main(int argc, char **argv)
{
    struct error error = {.kind = ERROR_NONE};
    struct crl_set set = {.count = 0};
    char *bytes = NULL;
    size_t size = 0;
    double begin = cpu_ms();
    double loaded;

    if (argc != 2 || !file_read(argv[1], BYTES_MAX, &bytes, &size, &error) ||
        !crl_set_read(&set, bytes, size, &error)) {
        fprintf(stderr, "crl_load: %s\n", argc == 2 ? error.text : "a file is needed");
        return 1;
    }
    memory_release(bytes);
    loaded = cpu_ms();
    printf(
        "entries %zu, loaded in %.1f ms of CPU, index %.1f MiB, peak %.1f MiB, look-up %.0f ns\n",
        crl_get_facts(set.lists[0])->entry_count, loaded - begin,
        (double)crl_get_facts(set.lists[0])->bytes / 1048576.0, (double)peak_kib() / 1024.0,
        lookup_ns(set.lists[0]));
    crl_set_reset(&set);
    return 0;
}
