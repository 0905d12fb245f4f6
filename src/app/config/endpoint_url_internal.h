/* SPDX-License-Identifier: Apache-2.0
 *
 * The URL of a backend's endpoint: scheme, host, port, and nothing behind them.
 */
#pragma once

#include <stdbool.h>

#include "runtime/error.h"
#include "runtime/slice.h"

enum { ENDPOINT_URL_SIZE = 288 };

/* "http://host:port" or "https://host:port", with the port written out. */
bool endpoint_url_parse(struct slice text, char url[ENDPOINT_URL_SIZE], struct error *error);
