/* SPDX-License-Identifier: Apache-2.0
 *
 * `sallyport demo --attack`: what a sceptic would try first, with PASS or FAIL for each, and beside
 * it what nginx does, where it is installed. The attacks are shell functions, in a file of the
 * demo's directory, so that everybody can read what was done.
 */
#pragma once

#include <stdint.h>

#include "app/demo/demo_check_internal.h"
#include "app/demo/demo_directory_internal.h"
#include "runtime/error.h"

struct demo_attack_facts {
    const char *address; /* where the gateway listens */
    const char *viewer;
    const char *mirror;
    uint16_t monitoring_port;
    uint16_t responder_port;
    uint16_t nginx_port;
};

/* Ports that are free now. */
bool demo_attack_choose_ports(struct demo_attack_facts *facts, struct error *error);
/* The attacks' file, and the first revocation list, which openssl makes. */
bool demo_attack_prepare(const struct demo_directory *directory,
                         const struct demo_attack_facts *facts, struct error *error);
/* The caller releases it. */
char *demo_attack_format_configuration(const struct demo_attack_facts *facts);
extern const struct demo_check_list demo_attacks;
