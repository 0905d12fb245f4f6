/* SPDX-License-Identifier: Apache-2.0
 *
 * Does a client keep up? Its bytes are counted over windows of time in which the gateway waited for
 * it and for nobody else: time in which a slow backend, or a full buffer of ours, held it back is
 * not its own. The first window is longer by a time of grace. A client that moves a byte now and
 * then, to escape the limits on doing nothing, is found out at the end of a window.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct pace_limits {
    uint64_t rate; /* bytes a second at least; 0: no limit */
    uint64_t window_ms;
    uint64_t grace_ms;
};

/* Zero is one that has not begun. */
struct pace {
    uint64_t window_ms; /* of the present window; 0: there is none */
    uint64_t waited_ms; /* in it, up to mark_ms */
    uint64_t mark_ms;
    uint64_t bytes_before; /* of the window */
    bool is_waiting;
    bool had_grace;
};

/* How many bytes the client has moved so far; called once at each end of a window, and never runs
 * backwards. */
typedef uint64_t pace_count(void *context);

/* From now on the gateway waits for the client, or no longer does. */
void pace_note(struct pace *pace, const struct pace_limits *limits, uint64_t now_ms, bool waits,
               pace_count *count, void *context);
/* When the window ends if the client is waited for until then; 0: it does not end by itself. */
uint64_t pace_deadline_ms(const struct pace *pace);
/* Has a window ended in which there was too little? Begins the next one when it was enough. */
bool pace_is_too_slow(struct pace *pace, const struct pace_limits *limits, uint64_t now_ms,
                      pace_count *count, void *context);
