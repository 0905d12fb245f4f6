/* SPDX-License-Identifier: Apache-2.0
 *
 * Records as lines of text. A line always fits and is always one line, whatever the record holds:
 * each text has a part of the line, and one that needs more is cut and marked.
 */
#pragma once

#include "gateway/telemetry/telemetry.h"
#include "runtime/buffer.h"

enum { RECORD_BYTES_MAX = 18 * 1024 };

/* How records look. The buffer is empty and has RECORD_BYTES_MAX bytes. */
struct record_format {
    void (*exchange)(struct buffer *to, const struct exchange_record *record);
    void (*handshake)(struct buffer *to, const struct handshake_record *record);
};

/* Never NULL. */
const struct record_format *record_format_get(enum access_log_format format);
extern const struct record_format record_format_json;
extern const struct record_format record_format_azure;
extern const struct record_format record_format_combined;

/* ---- for the formats ---- */

/* How many bytes a text may take once it is encoded, quotes included. */
enum record_limit {
    RECORD_WORD = 32,
    RECORD_ADDRESS = 96,
    RECORD_DIGEST = 128,
    RECORD_SHORT_NAME = 256,
    RECORD_NAME = 512,
    RECORD_LONG_NAME = 1024,
    RECORD_PATH = 2048,
    RECORD_TARGET = 4096,
    RECORD_NUMBER = 32
};

/* As an encoder of runtime/encoding.h: appends everything, or nothing. */
typedef bool record_encoder(struct buffer *to, struct slice text);

void record_put(struct buffer *to, struct slice bytes);
/* The text, encoded; cut and marked when that takes more than `limit` bytes. `closing` ends what
 * the encoder writes and may be empty. */
void record_put_encoded(struct buffer *to, struct slice text, record_encoder *encoder,
                        struct slice closing, size_t limit);
/* ",\"NAME\":" and a value. */
void record_put_text(struct buffer *to, const char *name, struct slice text,
                     enum record_limit limit);
void record_put_number(struct buffer *to, const char *name, uint64_t number);
void record_put_flag(struct buffer *to, const char *name, bool flag);
void record_put_name(struct buffer *to, const char *name);
/* Seconds with as many decimals, at most six; what is less is cut off. */
void record_put_seconds(struct buffer *to, uint64_t us, unsigned decimals);
/* The host of "[2001:db8::1]:443" without brackets, and the port; 0 when there is none. */
struct slice record_split_address(struct slice address, uint64_t *port);
