/* SPDX-License-Identifier: Apache-2.0
 *
 * Sets of header names that backends cannot tell apart. CGI, WSGI, PHP and others fold names:
 * "X-ARR-ClientCert", "x_arr_clientcert" and "X.ARR.ClientCert" reach an application as one. A name
 * is compared by its folded form: letters in lower case, digits, and every other character alike.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/slice.h"

struct http_name_set;

struct http_name_set *http_name_set_create(void);
/* NULL is fine. */
void http_name_set_destroy(struct http_name_set *set);
void http_name_set_add(struct http_name_set *set, struct slice name);
/* Allocates nothing; its cost does not grow with the number of names. */
bool http_name_set_has(const struct http_name_set *set, struct slice name);
size_t http_name_set_count(const struct http_name_set *set);

/* Do two names fold to the same? */
bool http_name_folds_equal(struct slice a, struct slice b);
/* Only A-Z a-z 0-9 and '-', and not empty. */
bool http_name_is_plain(struct slice name);
