/* SPDX-License-Identifier: Apache-2.0
 *
 * The one form of each kind of subject alternative name. What has no such form, because two readers
 * could split or decode it differently, is refused. A '*' is a character like any other here.
 */
#pragma once

#include <stdbool.h>

#include "runtime/arena.h"
#include "runtime/slice.h"

/* Labels of letters, digits, '-', '_' and '*', in lower case, without a dot at the end. */
bool name_form_dns(struct slice text, struct arena *arena, struct slice *form);
/* Scheme and host in lower case; no dot segments, empty segments, user, needless escapes. */
bool name_form_uri(struct slice text, struct arena *arena, struct slice *form);
/* One '@', with something that needs no quotes in front and a host name behind it. */
bool name_form_email(struct slice text, struct arena *arena, struct slice *form);
/* The same in UTF-8, in lower case. */
bool name_form_upn(struct slice text, struct arena *arena, struct slice *form);
/* "S-1-" and numbers. */
bool name_form_sid(struct slice text, struct arena *arena, struct slice *form);
