/* SPDX-License-Identifier: Apache-2.0
 *
 * See whoami.h: the viewer's answers, served by a small HTTP service.
 */
#include "app/whoami/whoami.h"

#include "app/http_service/http_service.h"
#include "app/whoami/whoami_answer_internal.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

enum { CONNECTIONS_MAX = 256 };

struct whoami {
    struct http_service *service;
};

static struct http_answer answer(void *context, const struct http_request *request, bool close,
                                 struct arena *scratch)
{
    (void)context;
    return whoami_answer_request(request, close, clock_wall_seconds(), scratch);
}

struct whoami *whoami_start(struct event_loop *loop, const struct socket_address *address,
                            struct error *error)
{
    static const struct http_service_settings settings = {
        .answer = answer,
        .connections_max = CONNECTIONS_MAX,
    };
    struct http_service *service = http_service_start(loop, address, &settings, error);
    struct whoami *whoami = NULL;

    if (service == NULL)
        return NULL;
    whoami = memory_allocate(sizeof *whoami);
    whoami->service = service;
    return whoami;
}

void whoami_stop(struct whoami *whoami)
{
    if (whoami == NULL)
        return;
    http_service_stop(whoami->service);
    memory_release(whoami);
}

void whoami_address(const struct whoami *whoami, struct socket_address *address)
{
    http_service_address(whoami->service, address);
}
