/* SPDX-License-Identifier: Apache-2.0
 *
 * See restart_needed.h.
 */
#include "app/restart_needed.h"

#include <string.h>

#include "runtime/log.h"
#include "runtime/memory.h"

static bool is_same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Lists that end with NULL, or are NULL. */
static bool are_same_texts(char *const *a, const char *const *b)
{
    size_t i = 0;

    if (a == NULL || b == NULL)
        return a == NULL && b == NULL;
    while (a[i] != NULL && is_same_text(a[i], b[i]))
        i++;
    return is_same_text(a[i], b[i]);
}

static char **copy_texts(const char *const *texts)
{
    size_t count = 0;
    char **copy = NULL;

    if (texts == NULL)
        return NULL;
    while (texts[count] != NULL)
        count++;
    copy = memory_allocate_array(count + 1, sizeof(char *));
    for (size_t i = 0; i < count; i++)
        copy[i] = memory_copy_text(texts[i]);
    return copy;
}

static void release_texts(char **texts)
{
    for (char **text = texts; text != NULL && *text != NULL; text++)
        memory_release(*text);
    memory_release(texts);
}

void fixed_settings_keep(struct fixed_settings *fixed, const struct generation_settings *settings)
{
    *fixed = (struct fixed_settings){
        .workers = settings->workers,
        .user = memory_copy_text(settings->user),
        .filters = settings->filters,
        .state_directory = memory_copy_text(settings->state_directory),
        .admin_socket = memory_copy_text(settings->admin_socket),
        .monitoring_address = memory_copy_text(settings->monitoring_address),
        .monitoring_hosts = copy_texts(settings->monitoring_hosts),
        .pkcs11_module = memory_copy_text(settings->pkcs11_module),
        .pkcs11_directories = copy_texts(settings->pkcs11_directories),
    };
}

void fixed_settings_release(struct fixed_settings *fixed)
{
    release_texts(fixed->monitoring_hosts);
    release_texts(fixed->pkcs11_directories);
    memory_release(fixed->pkcs11_module);
    memory_release(fixed->user);
    memory_release(fixed->admin_socket);
    memory_release(fixed->state_directory);
    memory_release(fixed->monitoring_address);
    *fixed = (struct fixed_settings){0};
}

static void warn(const char *setting)
{
    log_event(LOG_WARNING, "'%s' has changed: restart needed", setting);
}

void fixed_settings_warn(const struct fixed_settings *fixed, const struct generation_settings *next)
{
    if (fixed->workers != next->workers)
        warn("workers");
    if (!is_same_text(fixed->user, next->user))
        warn("user");
    if (fixed->filters != next->filters)
        warn("confinement");
    if (!is_same_text(fixed->admin_socket, next->admin_socket))
        warn("admin");
    if (!is_same_text(fixed->state_directory, next->state_directory))
        warn("state_dir");
    if (!is_same_text(fixed->monitoring_address, next->monitoring_address) ||
        !are_same_texts(fixed->monitoring_hosts, next->monitoring_hosts))
        warn("monitoring");
    if (!is_same_text(fixed->pkcs11_module, next->pkcs11_module) ||
        !are_same_texts(fixed->pkcs11_directories, next->pkcs11_directories))
        warn("pkcs11");
}
