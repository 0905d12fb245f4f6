/* SPDX-License-Identifier: Apache-2.0
 *
 * What a rule says of a name in a certificate: "a.example.com", "*.example.com",
 * "spiffe://example.org/ns/" + "**", "*@example.com". A '*' stands for characters of one segment:
 * of a label of a host, of a segment of a path, of what is in front of an '@'. Two of them stand
 * for any number of whole segments: in front of a host, or at the end of a path. A pattern belongs
 * to one type of name, and names in it have the one form of their type, so that nothing is matched
 * across types, and nothing behind a NUL.
 */
#pragma once

#include <stdbool.h>

#include "protocol/x509/certificate_facts.h"
#include "runtime/arena.h"
#include "runtime/error.h"
#include "runtime/slice.h"

enum { NAME_PATTERN_BYTES_MAX = 2048 };

struct name_pattern {
    enum certificate_fact_kind kind;
    struct slice text; /* in the form of the facts */
};

/* The text is copied to the arena. False and an error when it can never match, or would match
 * everything. */
bool name_pattern_parse(enum certificate_fact_kind kind, struct slice text, struct arena *arena,
                        struct name_pattern *pattern, struct error *error);

/* `name` has the form of the facts. To the letter, as a rule that allows wants it, or generously,
 * as one that denies: in any case of letters, and with a '*' in a name standing for anything. */
bool name_pattern_matches(const struct name_pattern *pattern, struct slice name, bool generously);

/* Free text, in which a '*' stands for any number of any characters: values of attributes. */
bool name_pattern_matches_text(struct slice pattern, struct slice text, bool generously);
