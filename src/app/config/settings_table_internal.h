/* SPDX-License-Identifier: Apache-2.0
 *
 * For the files that the table of settings is in: the words in which it is written, and the
 * mappings of one file that another refers to.
 */
#pragma once

#include "app/config/settings_table.h"

#define SIZE_OF(type, member) sizeof(((type *)NULL)->member)
#define FIELD(type, member)   .offset = offsetof(type, member), .size = SIZE_OF(type, member)
#define POINTER(type, member) .offset = offsetof(type, member), .size = sizeof(void *)
#define LIST_FIELD(type, member, counter)                                                          \
    POINTER(type, member), .count_offset = offsetof(type, counter)
#define NOT_YET(text)                                                                              \
    {                                                                                              \
        .name = (text), .refusal = "is not supported yet"                                          \
    }
#define OF_LISTENER(text)                                                                          \
    {                                                                                              \
        .name = (text), .refusal = "is a setting of the listener's client_certificate alone"       \
    }
#define SETTINGS(table) .settings = (table), .setting_count = sizeof(table) / sizeof(*(table))
#define POSITION(type)  .has_position = true, .position_offset = offsetof(type, position)

#define KIB     UINT64_C(1024)
#define MIB     (1024 * KIB)
#define GIB     (1024 * MIB)
#define TIB     (1024 * GIB)
#define SECONDS UINT64_C(1000)
#define HOURS   (3600 * SECONDS)

/* The frames of the examples are made of these. */
#define FRAME_TLS    "tls: { certificates: [{ chain: server.pem, key: server.key }] }\n"
#define FRAME_TRUST  "client_certificate: { trust: [client-ca.pem] }\n"
#define FRAME_ROUTES "routes: [{ backend: \"http://127.0.0.1:8080\" }]\n"
#define FRAME_LISTENERS                                                                            \
    "listeners:\n"                                                                                 \
    "  -\n"                                                                                        \
    "    address: \":8443\"\n"                                                                     \
    "    " FRAME_TLS "    " FRAME_TRUST "    " FRAME_ROUTES
#define FRAME_DEFINITIONS                                                                          \
    "tls_profiles: { public: { certificates: [{ chain: server.pem, key: server.key }] } }\n"       \
    "trust_profiles: { partners: { anchors: [partners.pem] }, admins: { anchors: [admins.pem] } "  \
    "}\n"                                                                                          \
    "policies: { order-clients: [{ allow: { everybody: true } }] }\n"                              \
    "backends: { app: { endpoints: [\"http://127.0.0.1:8080\"] } }\n"

extern const struct settings_mapping policy_rule_mapping;
extern const struct settings_mapping policy_condition_mapping;
extern const struct settings_mapping policy_name_mapping;
extern const struct settings_mapping policy_serial_mapping;
