/* SPDX-License-Identifier: Apache-2.0
 *
 * See confinement.h. The order: what asks the user database comes first, because it may read and
 * connect to anything; directories are opened while we may still see them; system calls come last,
 * because the steps before need more of them than the gateway does.
 */
#include "runtime/confinement.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/confinement_internal.h"
#include "runtime/file.h"
#include "runtime/memory.h"

enum { WARNINGS_MAX = 8, DESCRIPTION_SIZE = 256 };

struct confinement {
    struct landlock_path *paths; /* `path` is owned; what exists is without links */
    size_t path_count;
    size_t path_capacity;
    uint16_t *ports;
    size_t port_count;
    bool limits_ports; /* and the kernel does so */
    int landlock;      /* the version in use, 0: none */
    bool filters_calls;
    bool was_root;
    struct privileges_user user;
    char description[DESCRIPTION_SIZE];
    char *warnings[WARNINGS_MAX];
    size_t warning_count;
};

/* Filters would stop what these builds are made for: ThreadSanitizer runs a thread of its own from
 * the beginning, which they would not reach; coverage writes its counts where it was compiled. */
#if defined(__SANITIZE_THREAD__) || defined(SALLYPORT_COVERAGE)
static const bool can_filter = false;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
static const bool can_filter = false;
#else
static const bool can_filter = true;
#endif
#else
static const bool can_filter = true;
#endif

/* What libraries read when they come to it: the resolver and its plug-ins, providers of OpenSSL,
 * the system's trust anchors, the number of processors. */
static const char *const system_paths[] = {
    "/etc/ssl",
    "/usr/share/ca-certificates",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/nsswitch.conf",
    "/etc/ld.so.cache",
    "/usr/lib",
    "/lib",
    "/lib64",
    "/dev/urandom",
    "/sys/devices/system/cpu",
#if CONFINEMENT_WITH_ADDRESS_SANITIZER
    "/proc", /* its reports name the place, which is read from there */
#endif
};

/* ---- warnings and words ---------------------------------------------------------------------- */

static void warn(struct confinement *confinement, char *taken_text)
{
    if (confinement->warning_count < WARNINGS_MAX)
        confinement->warnings[confinement->warning_count++] = taken_text;
    else
        memory_release(taken_text);
}

static void describe(struct confinement *confinement)
{
    char landlock[32] = "no Landlock";

    if (confinement->landlock > 0)
        snprintf(landlock, sizeof(landlock), "Landlock %d", confinement->landlock);
    snprintf(confinement->description, sizeof(confinement->description), "%s %s, %s, %s",
             confinement->was_root ? "root became user" : "user", confinement->user.name, landlock,
             confinement->filters_calls ? "system calls filtered" : "system calls not filtered");
}

/* ---- which paths ----------------------------------------------------------------------------- */

static void add_path(struct confinement *confinement, const char *path, enum landlock_use use)
{
    /* A path that does not exist is kept as it was said, for Landlock to skip. */
    char *resolved = realpath(path, NULL);

    if (confinement->path_count == confinement->path_capacity) {
        confinement->path_capacity = confinement->path_capacity * 2 + 16;
        confinement->paths = memory_resize(confinement->paths, confinement->path_capacity *
                                                                   sizeof(struct landlock_path));
    }
    confinement->paths[confinement->path_count++] = (struct landlock_path){
        .path = memory_copy_text(resolved != NULL ? resolved : path), .use = use};
    free(resolved); /* The C library's, not ours. */
}

static void add_directory_of(struct confinement *confinement, const char *file)
{
    char *directory = file_path_beside(file, "");

    add_path(confinement, directory[0] == '\0' ? "." : directory, LANDLOCK_READ);
    memory_release(directory);
}

/* Where its name is, and where its bytes are: certbot's live/ and archive/. */
static void add_file(struct confinement *confinement, const char *file)
{
    char *resolved = realpath(file, NULL);

    add_directory_of(confinement, file);
    if (resolved != NULL)
        add_directory_of(confinement, resolved);
    free(resolved); /* The C library's, not ours. */
}

/* /etc/resolv.conf is often a link into /run, to a file that is replaced as a whole: then its
 * directory is what must be readable. In /etc only the files themselves are. */
static void add_system_path(struct confinement *confinement, const char *path)
{
    char *resolved = realpath(path, NULL);

    add_path(confinement, path, LANDLOCK_READ);
    if (resolved != NULL && strncmp(resolved, "/run/", strlen("/run/")) == 0)
        add_directory_of(confinement, resolved);
    free(resolved); /* The C library's, not ours. */
}

static void collect_paths(struct confinement *confinement,
                          const struct confinement_settings *settings)
{
    for (size_t i = 0; i < sizeof(system_paths) / sizeof(system_paths[0]); i++)
        add_system_path(confinement, system_paths[i]);
    for (const char *const *file = settings->files; file != NULL && *file != NULL; file++)
        add_file(confinement, *file);
    for (const char *const *path = settings->read_directories; path != NULL && *path != NULL;
         path++)
        add_path(confinement, *path, LANDLOCK_READ);
    for (const char *const *path = settings->write_directories; path != NULL && *path != NULL;
         path++)
        add_path(confinement, *path, LANDLOCK_WRITE);
    add_path(confinement, "/dev/null", LANDLOCK_WRITE);
}

static void copy_ports(struct confinement *confinement, const struct confinement_settings *settings)
{
    confinement->ports = memory_allocate_array(settings->port_count, sizeof(*confinement->ports));
    for (size_t i = 0; i < settings->port_count; i++)
        confinement->ports[i] = settings->ports[i];
    confinement->port_count = settings->port_count;
}

/* ---- applying -------------------------------------------------------------------------------- */

/* Without /proc nobody can say; the filters then bind this thread and those that it starts. */
static bool is_only_thread(struct error *error)
{
    DIR *threads = opendir("/proc/self/task");
    size_t count = 0;

    if (threads == NULL)
        return true;
    for (const struct dirent *entry = readdir(threads); entry != NULL; entry = readdir(threads))
        count += entry->d_name[0] != '.';
    closedir(threads);
    if (count > 1)
        error_set(error, ERROR_SYSTEM,
                  "confinement comes too late: there are %zu threads, which it would not reach",
                  count);
    return count <= 1;
}

static bool restrict_files(struct confinement *confinement,
                           const struct confinement_settings *settings, struct error *error)
{
    int version = landlock_version();
    struct landlock_rules rules = {
        .paths = confinement->paths,
        .path_count = confinement->path_count,
        .ports = confinement->ports,
        .port_count = confinement->port_count,
        .limits_ports = settings->limits_ports,
    };

    if (version == 0) {
        warn(confinement, memory_copy_text("this kernel has no Landlock: only the modes of files "
                                           "say what the gateway can read and write"));
        return true;
    }
    if (!landlock_restrict(version, &rules, error))
        return false;
    confinement->landlock = version;
    confinement->limits_ports = settings->limits_ports && landlock_version_has_ports(version);
    return true;
}

static bool restrict_calls(struct confinement *confinement, struct error *error)
{
    if (!system_calls_can_be_restricted()) {
        warn(confinement, memory_copy_text("this kernel has no seccomp filters: system calls are "
                                           "not filtered"));
        return true;
    }
    confinement->filters_calls = system_calls_restrict(error);
    return confinement->filters_calls;
}

static bool find_user(struct confinement *confinement, const struct confinement_settings *settings,
                      struct error *error)
{
    confinement->was_root = privileges_are_root();
    if (confinement->was_root)
        return privileges_find_user(settings->user, &confinement->user, error);
    confinement->user = (struct privileges_user){.uid = getuid(), .gid = getgid()};
    snprintf(confinement->user.name, sizeof(confinement->user.name), "%u", (unsigned)getuid());
    return true;
}

/* The first is enough to say what is to be done about all. */
static void warn_of_unreadable_files(struct confinement *confinement,
                                     const struct confinement_settings *settings)
{
    for (const char *const *file = settings->files; file != NULL && *file != NULL; file++) {
        if (access(*file, R_OK) != 0) {
            warn(confinement,
                 memory_format("user %s may not read '%s', so that a reload will be refused: "
                               "allow it to the user's group",
                               confinement->user.name, *file));
            return;
        }
    }
}

static bool apply(struct confinement *confinement, const struct confinement_settings *settings,
                  struct error *error)
{
    bool has_filters = can_filter && !settings->without_filters;

    if (!find_user(confinement, settings, error) || !privileges_stop_gaining(error))
        return false;
    if (has_filters && (!is_only_thread(error) || !restrict_files(confinement, settings, error)))
        return false;
    if (confinement->was_root && !privileges_become(&confinement->user, error))
        return false;
    if (!privileges_hide_memory(error))
        return false;
    warn_of_unreadable_files(confinement, settings);
    return !has_filters || restrict_calls(confinement, error);
}

struct confinement *confinement_apply(const struct confinement_settings *settings,
                                      struct error *error)
{
    struct confinement *confinement = memory_allocate(sizeof(*confinement));

    collect_paths(confinement, settings);
    copy_ports(confinement, settings);
    if (!apply(confinement, settings, error)) {
        confinement_destroy(confinement);
        return NULL;
    }
    describe(confinement);
    return confinement;
}

void confinement_destroy(struct confinement *confinement)
{
    if (confinement == NULL)
        return;
    for (size_t i = 0; i < confinement->path_count; i++)
        memory_release(confinement->paths[i].path);
    for (size_t i = 0; i < confinement->warning_count; i++)
        memory_release(confinement->warnings[i]);
    memory_release(confinement->paths);
    memory_release(confinement->ports);
    memory_release(confinement);
}

/* ---- what became of it ----------------------------------------------------------------------- */

const char *confinement_description(const struct confinement *confinement)
{
    return confinement->description;
}

const char *confinement_warning(const struct confinement *confinement, size_t index)
{
    return index < confinement->warning_count ? confinement->warnings[index] : NULL;
}

static bool is_beneath(const char *path, const char *directory)
{
    size_t length = strlen(directory);

    if (strcmp(directory, "/") == 0)
        return true;
    return strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

bool confinement_covers(const struct confinement *confinement, const char *path)
{
    char *resolved = NULL;
    bool covers = false;

    if (confinement->landlock == 0)
        return true;
    /* What does not exist is missing rather than out of reach. */
    resolved = realpath(path, NULL);
    if (resolved == NULL)
        return true;
    for (size_t i = 0; !covers && i < confinement->path_count; i++)
        covers = is_beneath(resolved, confinement->paths[i].path);
    free(resolved); /* The C library's, not ours. */
    return covers;
}

bool confinement_covers_port(const struct confinement *confinement, uint16_t port)
{
    bool covers = !confinement->limits_ports;

    for (size_t i = 0; !covers && i < confinement->port_count; i++)
        covers = confinement->ports[i] == port;
    return covers;
}
