/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificate viewer: an HTTP backend that shows what a gateway says about its client. For
 * browsers a page with the received certificate, decoded and checked; for others JSON. It trusts
 * nobody: it shows what arrived, and says what it could not read.
 */
#pragma once

#include <stdbool.h>

#include "runtime/error.h"
#include "runtime/event_loop.h"
#include "runtime/socket.h"

#define WHOAMI_DEFAULT_ADDRESS "127.0.0.1:8090"

struct whoami;

/* Listens at once; serves on the loop. NULL and an error when the address cannot be had. */
struct whoami *whoami_start(struct event_loop *loop, const struct socket_address *address,
                            struct error *error);
/* Ends every connection. On the loop's thread, or when the loop does not run. NULL is fine. */
void whoami_stop(struct whoami *whoami);
/* With port 0, the port that the system chose. */
void whoami_address(const struct whoami *whoami, struct socket_address *address);

/* `sallyport whoami [--address ADDRESS]`: returns the exit status. `argv[0]` is the command's name;
 * options follow. */
int whoami_main(int argc, char **argv);
