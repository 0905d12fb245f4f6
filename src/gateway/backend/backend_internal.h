/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of this module share.
 */
#pragma once

#include "gateway/backend/backend.h"
#include "protocol/tls/tls_client.h"
#include "runtime/socket.h"

enum { BACKEND_ADDRESSES_MAX = 256 };

struct backend_endpoint {
    char *host; /* without brackets */
    uint16_t port;
    bool is_tls;
};

struct backend_pool {
    struct backend_settings *settings;
    size_t index;
    struct tls_client_profile *profile; /* NULL: every endpoint is plain */
    struct backend_endpoint *endpoints; /* as many as the settings have */
    struct socket_address addresses[BACKEND_ADDRESSES_MAX];
    size_t endpoint_of[BACKEND_ADDRESSES_MAX]; /* each address's */
    size_t address_count;
};
