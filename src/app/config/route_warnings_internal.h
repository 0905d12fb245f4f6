/* SPDX-License-Identifier: Apache-2.0
 *
 * Routes seen together: which can never serve, and past which a request gets around a demand. They
 * only warn.
 */
#pragma once

#include "app/config/settings_reader_internal.h"

/* What a route comes to, with what it inherits. */
struct route_demand {
    enum client_certificate_mode mode;
    const struct trust_profile_settings *trust;
};

struct route_demand route_demand_of(const struct listener_settings *listener,
                                    const struct route_settings *route);
/* Required or optional: certificates are judged. */
bool route_mode_needs_trust(enum client_certificate_mode mode);

/* `nodes` is the list that the listener's routes stand in; what was refused is not looked at. */
void settings_warn_of_routes(struct settings_reader *reader, const struct yaml_node *nodes,
                             const struct listener_settings *listener);
