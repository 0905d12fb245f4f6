/* SPDX-License-Identifier: Apache-2.0
 *
 * See crl_refusals.h. A refusal whose time is over stays in the list, and only its back-off counts.
 */
#include "app/crl_refusals.h"

#include <string.h>

#include "runtime/list.h"
#include "runtime/memory.h"

enum { DOUBLINGS_MAX = 7 };

struct refusal {
    struct list_link link;
    char *url;
    uint64_t until_ms;
    unsigned times;
    bool is_over; /* the registry knows nothing of it */
};

struct crl_refusals {
    struct crl_registry *registry;
    struct list list; /* the one that was refused last stands last */
};

struct crl_refusals *crl_refusals_create(struct crl_registry *registry)
{
    struct crl_refusals *refusals = memory_allocate(sizeof *refusals);

    refusals->registry = registry;
    list_init(&refusals->list);
    return refusals;
}

static void forget(struct crl_refusals *refusals, struct refusal *refusal)
{
    list_remove(&refusals->list, &refusal->link);
    memory_release(refusal->url);
    memory_release(refusal);
}

static void let_ask_again(struct crl_refusals *refusals, struct refusal *refusal)
{
    if (!refusal->is_over)
        crl_registry_forget_address(refusals->registry, refusal->url);
    refusal->is_over = true;
}

static struct refusal *first_of(const struct crl_refusals *refusals)
{
    struct list_link *link = list_first(&refusals->list);

    return link == NULL ? NULL : LIST_ITEM(link, struct refusal, link);
}

void crl_refusals_clear(struct crl_refusals *refusals)
{
    struct refusal *refusal = first_of(refusals);

    for (; refusal != NULL; refusal = first_of(refusals)) {
        let_ask_again(refusals, refusal);
        forget(refusals, refusal);
    }
}

void crl_refusals_destroy(struct crl_refusals *refusals)
{
    if (refusals == NULL)
        return;
    crl_refusals_clear(refusals);
    memory_release(refusals);
}

static struct refusal *find(const struct crl_refusals *refusals, const char *url)
{
    struct list_link *link = list_first(&refusals->list);

    while (link != NULL && strcmp(LIST_ITEM(link, struct refusal, link)->url, url) != 0)
        link = list_next(&refusals->list, link);
    return link == NULL ? NULL : LIST_ITEM(link, struct refusal, link);
}

static struct refusal *add(struct crl_refusals *refusals, const char *url)
{
    struct refusal *refusal;

    if (refusals->list.count >= CRL_REFUSALS_MAX) {
        refusal = first_of(refusals);
        let_ask_again(refusals, refusal);
        forget(refusals, refusal);
    }
    refusal = memory_allocate(sizeof *refusal);
    refusal->url = memory_copy_text(url);
    refusal->is_over = true;
    list_append(&refusals->list, &refusal->link);
    return refusal;
}

static uint64_t pause_ms(unsigned times)
{
    uint64_t pause = (uint64_t)CRL_REFUSED_MS << (times < DOUBLINGS_MAX ? times : DOUBLINGS_MAX);

    return pause < CRL_REFUSED_MAX_MS ? pause : CRL_REFUSED_MAX_MS;
}

bool crl_refusals_add(struct crl_refusals *refusals, const char *url, uint64_t now_ms)
{
    struct refusal *refusal = find(refusals, url);
    bool is_new = refusal == NULL;

    if (is_new)
        refusal = add(refusals, url);
    if (!refusal->is_over)
        return false;
    list_remove(&refusals->list, &refusal->link);
    list_append(&refusals->list, &refusal->link);
    refusal->is_over = false;
    refusal->until_ms = now_ms + pause_ms(refusal->times++);
    (void)crl_registry_set_address(refusals->registry, url, false, false);
    return is_new;
}

void crl_refusals_remove(struct crl_refusals *refusals, const char *url)
{
    struct refusal *refusal = find(refusals, url);

    if (refusal != NULL)
        forget(refusals, refusal);
}

void crl_refusals_expire(struct crl_refusals *refusals, uint64_t now_ms)
{
    for (struct list_link *link = list_first(&refusals->list); link != NULL;
         link = list_next(&refusals->list, link)) {
        struct refusal *refusal = LIST_ITEM(link, struct refusal, link);

        if (refusal->until_ms <= now_ms)
            let_ask_again(refusals, refusal);
    }
}

size_t crl_refusals_count(const struct crl_refusals *refusals)
{
    return refusals->list.count;
}
