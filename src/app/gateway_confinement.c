/* SPDX-License-Identifier: Apache-2.0
 *
 * See gateway_confinement.h. Ports are not limited: a reload may add a listener.
 */
#include "app/gateway_confinement.h"

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "app/configured_files.h"
#include "gateway/identity/judging_context.h"
#include "protocol/tls/tls_profile.h"
#include "protocol/x509/trust_store.h"
#include "runtime/file.h"
#include "runtime/log.h"
#include "runtime/memory.h"

/* Ends with NULL; the texts are borrowed. */
struct path_list {
    const char **paths;
    size_t count;
    size_t capacity;
};

static void add(struct path_list *list, const char *path)
{
    if (list->count + 2 > list->capacity) {
        list->capacity = list->capacity * 2 + 16;
        list->paths = memory_resize(list->paths, list->capacity * sizeof(*list->paths));
    }
    list->paths[list->count++] = path;
    list->paths[list->count] = NULL;
}

/* A log may be a device, or a descriptor as /dev/stdout is; nobody makes files beside those. */
static bool is_device(const char *path)
{
    return strncmp(path, "/dev/", strlen("/dev/")) == 0 ||
           strncmp(path, "/proc/", strlen("/proc/")) == 0;
}

/* Where the file is made, or the device itself. NULL: nothing needs to be allowed, as for what
 * leads to a pipe. */
static char *place_of(const char *file)
{
    char *directory = NULL;
    struct stat status;

    if (file == NULL)
        return NULL;
    if (is_device(file))
        return stat(file, &status) == 0 && S_ISCHR(status.st_mode) ? memory_copy_text(file) : NULL;
    directory = file_path_beside(file, "");
    if (directory[0] != '\0')
        return directory;
    memory_release(directory);
    return memory_copy_text(".");
}

static void report(const struct confinement *confinement)
{
    log_event(LOG_INFO, "confined: %s", confinement_description(confinement));
    for (size_t i = 0; confinement_warning(confinement, i) != NULL; i++)
        log_event(LOG_WARNING, "%s", confinement_warning(confinement, i));
}

struct confinement *gateway_confine(const char *configuration, const char *ready_file,
                                    const struct generation_settings *settings, struct error *error)
{
    struct configured_files configured;
    struct path_list files = {.paths = NULL};
    struct path_list directories = {.paths = NULL};
    struct path_list written = {.paths = NULL};
    char *log_directory =
        place_of(settings->telemetry.target == ACCESS_LOG_FILE ? settings->telemetry.path : NULL);
    char *events_directory = place_of(settings->events_path);
    char *admin_directory = place_of(settings->admin_socket);
    char *ready_directory = place_of(ready_file);
    struct confinement *confinement;

    configured_files_collect(&configured, configuration, settings);
    configured_files_add_lists(&configured, settings);
    for (size_t i = 0; i < configured.count; i++)
        add(configured_files_is_directory(configured.paths[i]) ? &directories : &files,
            configured.paths[i]);
    if (log_directory != NULL)
        add(&written, log_directory);
    if (events_directory != NULL)
        add(&written, events_directory);
    if (admin_directory != NULL)
        add(&written, admin_directory);
    if (settings->state_directory != NULL)
        add(&written, settings->state_directory);
    if (ready_directory != NULL)
        add(&written, ready_directory);
    for (const char *const *path = settings->pkcs11_directories; path != NULL && *path != NULL;
         path++)
        add(&written, *path);
    confinement = confinement_apply(
        &(struct confinement_settings){
            .user = settings->user,
            .without_filters = settings->filters == CONFINEMENT_FILTERS_OFF,
            .files = files.paths,
            .read_directories = directories.paths,
            .write_directories = written.paths,
        },
        error);
    if (confinement != NULL)
        report(confinement);
    configured_files_reset(&configured);
    memory_release(files.paths);
    memory_release(directories.paths);
    memory_release(written.paths);
    memory_release(log_directory);
    memory_release(events_directory);
    memory_release(admin_directory);
    memory_release(ready_directory);
    return confinement;
}

static void explain_place(const struct confinement *confinement, const char *path)
{
    if (!confinement_covers(confinement, path))
        log_event(LOG_WARNING,
                  "'%s' lies outside of the directories that the gateway was started with: "
                  "restart needed",
                  path);
}

void gateway_confinement_explain_logs(const struct confinement *confinement,
                                      const struct generation_settings *settings)
{
    const char *const logs[] = {
        settings->telemetry.target == ACCESS_LOG_FILE ? settings->telemetry.path : NULL,
        settings->events_path,
    };

    for (size_t i = 0; confinement != NULL && i < sizeof(logs) / sizeof(*logs); i++) {
        char *place = place_of(logs[i]);

        if (place != NULL)
            explain_place(confinement, place);
        memory_release(place);
    }
}

void gateway_confinement_explain(const struct confinement *confinement, const char *configuration,
                                 const struct generation_settings *settings)
{
    struct configured_files files;

    if (confinement == NULL)
        return;
    configured_files_collect(&files, configuration, settings);
    configured_files_add_lists(&files, settings);
    for (size_t i = 0; i < files.count; i++)
        explain_place(confinement, files.paths[i]);
    configured_files_reset(&files);
}
