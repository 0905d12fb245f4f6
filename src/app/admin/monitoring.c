/* SPDX-License-Identifier: Apache-2.0
 *
 * See monitoring.h.
 */
#include "app/admin/monitoring.h"

#include <arpa/inet.h>

#include "app/admin/metrics_internal.h"
#include "app/http_service/http_service.h"
#include "protocol/http/http_host.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

enum { CONNECTIONS_MAX = 32 };

struct monitoring {
    struct http_service *service;
    const struct gateway_status *status;
    char **hosts;
    size_t host_count;
};

/* ---- who may ask ----------------------------------------------------------------------------- */

static bool is_address(struct slice host)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char address[sizeof(struct in6_addr)];

    if (host.size >= sizeof(text))
        return false;
    memcpy(text, host.data, host.size);
    text[host.size] = '\0';
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static bool is_known_host(const struct monitoring *monitoring, struct slice host)
{
    if (is_address(host) || slice_equals(host, SLICE("localhost")))
        return true;
    for (size_t i = 0; i < monitoring->host_count; i++) {
        if (slice_equals_ignoring_case(host, slice_from_text(monitoring->hosts[i])))
            return true;
    }
    return false;
}

/* Did a page of another site, or of any, have the request made? Whoever is no browser says nothing
 * about that. */
static bool is_from_a_page(const struct http_fields *fields)
{
    const struct http_field *site = http_fields_find(fields, SLICE("Sec-Fetch-Site"));

    if (http_fields_find(fields, SLICE("Origin")) != NULL)
        return true;
    return site != NULL && !slice_equals(site->value, SLICE("none")) &&
           !slice_equals(site->value, SLICE("same-origin"));
}

/* ---- what is answered ------------------------------------------------------------------------ */

static struct http_answer refuse(struct http_answer_head head, unsigned status, const char *text)
{
    head.status = status;
    return http_answer_text(head, text);
}

static struct http_answer answer_metrics(const struct monitoring *monitoring,
                                         struct http_answer_head head)
{
    struct text_builder text = {0};
    struct http_answer answer;

    metrics_add(&text, monitoring->status);
    head.content_type = METRICS_CONTENT_TYPE;
    answer = http_answer_make(&head, slice_from(text.text, text.size));
    text_builder_reset(&text);
    return answer;
}

static struct http_answer answer_ready(const struct monitoring *monitoring,
                                       struct http_answer_head head)
{
    char *text = memory_format("%s\n", gateway_phase_name(monitoring->status->phase));
    struct http_answer answer;

    if (monitoring->status->phase != GATEWAY_SERVING)
        head.status = 503;
    answer = http_answer_text(head, text);
    memory_release(text);
    return answer;
}

static struct http_answer answer_index(struct http_answer_head head)
{
    return http_answer_text(head, "/metrics\n/livez\n/readyz\n");
}

static struct http_answer answer(void *context, const struct http_request *request, bool close,
                                 struct arena *scratch)
{
    const struct monitoring *monitoring = context;
    struct http_answer_head head = http_answer_head_for(request, close, clock_wall_seconds());

    (void)scratch;
    if (!is_known_host(monitoring, request->host))
        return refuse(head, 421,
                      "Ask by IP address, as localhost, or by a name of 'monitoring.hosts'.\n");
    if (is_from_a_page(&request->fields))
        return refuse(head, 403, "Pages of other sites may not ask.\n");
    if (!slice_equals(request->method, SLICE("GET")) && !request->is_head) {
        head.allow = "GET, HEAD";
        return refuse(head, 405, "There is nothing to do here but to read.\n");
    }
    if (slice_equals(request->path, SLICE("/metrics")))
        return answer_metrics(monitoring, head);
    if (slice_equals(request->path, SLICE("/readyz")))
        return answer_ready(monitoring, head);
    if (slice_equals(request->path, SLICE("/livez")))
        return http_answer_text(head, "alive\n");
    if (slice_equals(request->path, SLICE("/")))
        return answer_index(head);
    return refuse(head, 404, "There are /metrics, /livez and /readyz.\n");
}

/* ---- starting and stopping ------------------------------------------------------------------- */

static void copy_hosts(struct monitoring *monitoring, const char *const *hosts)
{
    size_t count = 0;

    while (hosts != NULL && hosts[count] != NULL)
        count++;
    monitoring->hosts = memory_allocate_array(count, sizeof(char *));
    monitoring->host_count = count;
    for (size_t i = 0; i < count; i++)
        monitoring->hosts[i] = memory_copy_text(hosts[i]);
}

struct monitoring *monitoring_start(struct event_loop *loop,
                                    const struct monitoring_settings *settings,
                                    const struct gateway_status *status, struct error *error)
{
    struct monitoring *monitoring = memory_allocate(sizeof(*monitoring));
    struct http_service_settings service = {
        .answer = answer, .context = monitoring, .connections_max = CONNECTIONS_MAX};
    struct socket_address address;

    monitoring->status = status;
    copy_hosts(monitoring, settings->hosts);
    if (socket_address_parse(slice_from_text(settings->address), &address, error))
        monitoring->service = http_service_start(loop, &address, &service, error);
    if (monitoring->service == NULL) {
        error_prefix(error, "monitoring");
        monitoring_stop(monitoring);
        return NULL;
    }
    return monitoring;
}

void monitoring_stop(struct monitoring *monitoring)
{
    if (monitoring == NULL)
        return;
    http_service_stop(monitoring->service);
    for (size_t i = 0; i < monitoring->host_count; i++)
        memory_release(monitoring->hosts[i]);
    memory_release(monitoring->hosts);
    memory_release(monitoring);
}

void monitoring_address(const struct monitoring *monitoring, struct socket_address *address)
{
    http_service_address(monitoring->service, address);
}
