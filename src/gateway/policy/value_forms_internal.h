/* SPDX-License-Identifier: Apache-2.0
 *
 * The texts of a rule that are no names, each brought into the form in which it is compared.
 */
#pragma once

#include <stdbool.h>

#include "protocol/x509/certificate_facts.h"
#include "runtime/arena.h"
#include "runtime/error.h"
#include "runtime/slice.h"

/* "0A:1b" or "-0A": upper-case hexadecimal in whole octets, as descriptions have it. */
bool value_parse_serial(struct slice text, struct arena *arena, struct slice *value,
                        struct error *error);
/* The value of an attribute, with stars. */
bool value_parse_attribute(struct slice text, struct arena *arena, struct slice *value,
                           struct error *error);
/* "1.3.6.1.5.5.7.3.2" or a name such as clientAuth: the octets. */
bool value_parse_object(struct slice text, struct arena *arena, struct slice *value,
                        struct error *error);
/* The same, and compliance, sscd, esign, eseal, web. */
bool value_parse_qc_statement(struct slice text, struct arena *arena, struct slice *value,
                              struct error *error);
/* "example.com" or "*.example.com", in lower case. */
bool value_parse_host(struct slice text, struct arena *arena, struct slice *value,
                      struct error *error);
/* CERTIFICATE_KEY_OTHER: there is no such type. */
enum certificate_key_type value_find_key_type(struct slice text);
