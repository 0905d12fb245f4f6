/* SPDX-License-Identifier: Apache-2.0
 *
 * The program. What must happen before anything else happens here, the rest is command_line.c's.
 */
#include <openssl/crypto.h>
#include <signal.h>

#include "app/command_line.h"
#include "runtime/allocation_faults.h"
#include "runtime/memory.h"
#include "runtime/process.h"

int main(int argc, char **argv)
{
    process_prepare();
    allocation_faults_start();
    /* Before libcrypto allocates anything, or it refuses (CRYPTO_set_mem_functions(3)). */
    CRYPTO_set_mem_functions(memory_library_allocate, memory_library_resize,
                             memory_library_release);
    signal(SIGPIPE, SIG_IGN);
    return command_line_run(argc, argv);
}
