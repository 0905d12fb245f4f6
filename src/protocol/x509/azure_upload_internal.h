/* SPDX-License-Identifier: Apache-2.0
 *
 * What Azure Application Gateway refuses of a file of trusted client CA certificates, under the
 * names that it gives to its refusals.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/error.h"
#include "runtime/slice.h"

enum { AZURE_UPLOAD_BYTES_MAX = 25 * 1024, AZURE_UPLOADS_MAX = 100 };

/* The error begins with Azure's name of the refusal, where it has one. The bytes may be empty. */
bool azure_upload_check(struct slice bytes, struct error *error);
