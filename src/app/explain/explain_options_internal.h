/* SPDX-License-Identifier: Apache-2.0
 *
 * The words behind `sallyport explain`, as values.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/explain/explain_client_internal.h"
#include "app/explain/explain_request_internal.h"
#include "protocol/reason/reason.h"
#include "runtime/address_set.h"
#include "runtime/error.h"

struct explain_options {
    const char *configuration; /* NULL: the default */
    struct explain_request_settings request;
    struct explain_client_files files;
    const char *address; /* of the listener; NULL: by the URL's port */
    struct ip_address source;
    int64_t time; /* 0: now */
    bool is_json;
    bool is_online;
    bool has_expectation;
    enum reason expected; /* REASON_NONE: allow */
    const char *against;  /* NULL: one request is explained */
    const char *log;
    const char *certificates;
    const char *headers[EXPLAIN_HEADERS_MAX];
};

/* The words were checked against the command's row. False, and an error, when they make no sense.
 */
bool explain_options_read(int argc, char **argv, struct explain_options *options,
                          struct error *error);
