/* SPDX-License-Identifier: Apache-2.0
 *
 * Is it plain HTTP that arrives where TLS is expected? Then the client deserves an answer that it
 * can read. This looks at the method alone; nothing is parsed.
 */
#pragma once

#include "runtime/slice.h"

enum tls_plain_http { TLS_PLAIN_HTTP_NO, TLS_PLAIN_HTTP_PERHAPS, TLS_PLAIN_HTTP_YES };

/* PERHAPS: more bytes are needed. */
enum tls_plain_http tls_plain_http_detect(struct slice first_bytes);
