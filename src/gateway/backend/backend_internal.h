/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of this module share.
 */
#pragma once

#include "gateway/backend/backend.h"
#include "runtime/socket.h"

enum { BACKEND_ADDRESSES_MAX = 256 };

struct backend_pool {
    struct backend_settings *settings;
    size_t index;
    struct socket_address addresses[BACKEND_ADDRESSES_MAX];
    size_t address_count;
};
