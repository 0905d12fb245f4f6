/* SPDX-License-Identifier: Apache-2.0
 *
 * See issuer_names.h.
 */
#include "protocol/x509/issuer_names.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdbool.h>

#include "protocol/x509/certification_path.h"
#include "runtime/memory.h"

/* No path is longer: leaf and anchor are not counted in the depth. */
enum { CHAIN_LENGTH_MAX = CERTIFICATION_PATH_DEPTH_MAX + 1 };

/* One more than the longest chain above it. True: that is more than was known. */
static bool extend(X509 *const *certificates, size_t count, size_t *lengths, size_t child)
{
    bool has_grown = false;

    for (size_t i = 0; i < count; i++) {
        if (i != child && lengths[i] >= lengths[child] && lengths[i] < CHAIN_LENGTH_MAX &&
            X509_check_issued(certificates[i], certificates[child]) == X509_V_OK) {
            lengths[child] = lengths[i] + 1;
            has_grown = true;
        }
    }
    return has_grown;
}

/* Each round knows all chains that are one longer, so that CAs that issue each other in a circle
 * end it too. */
static void measure_chains(X509 *const *certificates, size_t count, size_t *lengths)
{
    bool has_grown = true;

    for (size_t i = 0; i < count; i++)
        lengths[i] = 1;
    for (size_t round = 0; has_grown && round < CHAIN_LENGTH_MAX; round++) {
        has_grown = false;
        for (size_t i = 0; i < count; i++)
            if (X509_self_signed(certificates[i], 0) != 1 &&
                extend(certificates, count, lengths, i))
                has_grown = true;
    }
}

X509 *issuer_names_lowest_ca(X509 *const *certificates, size_t count)
{
    size_t *lengths = NULL;
    size_t lowest = 0;

    if (count == 0)
        return NULL;
    lengths = memory_allocate_array(count, sizeof *lengths);
    ERR_set_mark();
    measure_chains(certificates, count, lengths);
    ERR_pop_to_mark();
    for (size_t i = 1; i < count; i++)
        if (lengths[i] > lengths[lowest])
            lowest = i;
    memory_release(lengths);
    return certificates[lowest];
}
