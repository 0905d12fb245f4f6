/* SPDX-License-Identifier: Apache-2.0
 *
 * A thin dress over uv_queue_work.
 */
#include "runtime/background.h"

#include <assert.h>
#include <stddef.h>
#include <uv.h>

#include "runtime/event_loop_internal.h"
#include "runtime/memory.h"

struct job {
    uv_work_t uv;
    struct event_loop *loop;
    void (*work)(void *context);
    void (*done)(void *context);
    void *context;
};

static void on_work(uv_work_t *uv)
{
    struct job *job = uv->data;

    job->work(job->context);
}

static void on_done(uv_work_t *uv, int status)
{
    struct job *job = uv->data;

    (void)status; /* nothing cancels it */
    event_loop_note_work(job->loop, -1);
    job->done(job->context);
    memory_release(job);
}

void background_run(struct event_loop *loop, void (*work)(void *context),
                    void (*done)(void *context), void *context)
{
    struct job *job = memory_allocate(sizeof *job);
    int status;

    job->loop = loop;
    job->work = work;
    job->done = done;
    job->context = context;
    job->uv.data = job;
    status = uv_queue_work(event_loop_uv(loop), &job->uv, on_work, on_done);
    assert(status == 0);
    event_loop_note_work(loop, 1);
}
