/* SPDX-License-Identifier: Apache-2.0
 *
 * The methods of RFC 9110 section 9.3 and PATCH (RFC 5789), and the first word of an HTTP/2
 * connection preface (RFC 9113 section 3.4).
 */
#include "protocol/tls/tls_plain_http_internal.h"

#include <stddef.h>

enum tls_plain_http tls_plain_http_detect(struct slice first_bytes)
{
    static const char *const methods[] = {"GET ",     "HEAD ",    "POST ",  "PUT ",   "DELETE ",
                                          "CONNECT ", "OPTIONS ", "TRACE ", "PATCH ", "PRI "};
    enum tls_plain_http found = TLS_PLAIN_HTTP_NO;

    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        struct slice method = slice_from_text(methods[i]);

        if (slice_starts_with(first_bytes, method))
            return TLS_PLAIN_HTTP_YES;
        if (slice_starts_with(method, first_bytes))
            found = TLS_PLAIN_HTTP_PERHAPS;
    }
    return found;
}
