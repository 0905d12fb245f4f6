/* SPDX-License-Identifier: Apache-2.0
 *
 * What `sallyport explain` decides with: everything that `run` would build, and what would be known
 * about revocation when it started. Nothing listens, and nothing is written.
 */
#pragma once

#include "app/explain/explain.h"

extern const struct explain_workshop explain_workshop;
