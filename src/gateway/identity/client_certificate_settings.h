/* SPDX-License-Identifier: Apache-2.0
 *
 * The `client_certificate` setting of a listener or a route, as the configuration says it.
 */
#pragma once

#include <stdbool.h>

#include "gateway/identity/authentication.h"
#include "gateway/identity/judging_context.h"
#include "runtime/position.h"

enum client_certificate_on_failure {
    CLIENT_CERTIFICATE_ON_FAILURE_HTTP, /* finish the handshake, answer 400 with the reason */
    CLIENT_CERTIFICATE_ON_FAILURE_ALERT
};

enum client_certificate_error_detail {
    CLIENT_CERTIFICATE_DETAIL_REASON, /* the answer names the reason */
    CLIENT_CERTIFICATE_DETAIL_GENERIC /* the answer says no more than nginx's page does */
};

struct client_certificate_settings {
    bool is_set; /* the configuration has such a setting here; false on a route: all is inherited */
    bool has_mode;
    enum client_certificate_mode mode;
    const struct trust_profile_settings *trust; /* NULL: on a route inherited, on a listener none */
    enum client_certificate_on_failure on_failure;     /* listeners only */
    enum client_certificate_error_detail error_detail; /* listeners only */
    struct position position;
};
