/* SPDX-License-Identifier: Apache-2.0
 *
 * What an explanation is about: a URL, made into the bytes that a client would send, and the
 * address that it would connect to.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/generation/generation.h"
#include "gateway/listener/listener.h"
#include "protocol/http/http_host.h"
#include "runtime/error.h"
#include "runtime/slice.h"

enum { EXPLAIN_HEADERS_MAX = 100 };

struct explain_request_settings {
    struct slice url;
    struct slice method;      /* empty: GET */
    struct slice server_name; /* no data: the URL's host; empty: the client names none */
    const char *const *headers;
    size_t header_count;
};

struct explain_request {
    char *head; /* the bytes of the request, with its empty line */
    char server_name_memory[HTTP_HOST_BYTES_MAX];
    struct slice server_name; /* folded; empty: none is sent */
    uint16_t port;
};

/* Once it is zero or made, explain_request_reset. What only the gateway can refuse (a path, a
 * field) is not checked here. False and an error when it is no https URL. */
bool explain_request_make(const struct explain_request_settings *settings,
                          struct explain_request *request, struct error *error);
void explain_request_reset(struct explain_request *request);

/* By the URL's port, or, when all listeners share one address, that. `is_other_port`: the address
 * has another port than the URL. NULL and an error with the addresses that there are. */
const struct listener_group *explain_request_find_group(const struct explain_request *request,
                                                        const struct generation *generation,
                                                        bool *is_other_port, struct error *error);
