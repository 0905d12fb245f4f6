/* SPDX-License-Identifier: Apache-2.0
 *
 * Landlock (landlock(7)), by its system calls: the C library has no functions for it. Rights that
 * the kernel does not know yet are left out, so that newer ones are used where they exist.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/confinement_internal.h"

/* Of newer versions than the headers that we may be built with. */
static const uint64_t right_refer = UINT64_C(1) << 13;    /* version 2 */
static const uint64_t right_truncate = UINT64_C(1) << 14; /* version 3 */
static const uint64_t right_ioctl = UINT64_C(1) << 15;    /* version 5 */
static const uint64_t right_bind = UINT64_C(1) << 0;      /* version 4 */
enum { RULE_PATH = 1, RULE_PORT = 2 };

struct ruleset_attributes {
    uint64_t handled_files;
    uint64_t handled_ports; /* from version 4 on */
};

struct port_attributes {
    uint64_t allowed;
    uint64_t port;
};

int landlock_version(void)
{
    long version =
        syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);

    return version > 0 ? (int)version : 0;
}

bool landlock_version_has_ports(int version)
{
    return version >= 4;
}

/* Everything that a version can forbid; all of it is, unless a rule allows it. */
static uint64_t file_rights(int version)
{
    uint64_t rights = right_refer - 1;

    if (version >= 2)
        rights |= right_refer;
    if (version >= 3)
        rights |= right_truncate;
    if (version >= 5)
        rights |= right_ioctl;
    return rights;
}

static uint64_t rights_for(enum landlock_use use)
{
    uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    uint64_t writing = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                       LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                       LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                       right_refer | right_truncate;

    return use == LANDLOCK_WRITE ? reading | writing : reading;
}

/* The kernel refuses rules that give a file what only directories have. */
static uint64_t rights_of_files(void)
{
    return LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | right_truncate;
}

static bool allow_path(int rules, int version, const struct landlock_path *path,
                       struct error *error)
{
    struct landlock_path_beneath_attr rule = {
        .allowed_access = rights_for(path->use) & file_rights(version),
        .parent_fd = open(path->path, O_PATH | O_CLOEXEC),
    };
    struct stat status;
    bool is_allowed;

    if (rule.parent_fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
        return true;
    if (rule.parent_fd >= 0 && fstat(rule.parent_fd, &status) == 0 && !S_ISDIR(status.st_mode))
        rule.allowed_access &= rights_of_files();
    is_allowed =
        rule.parent_fd >= 0 && syscall(SYS_landlock_add_rule, rules, RULE_PATH, &rule, 0U) == 0;
    if (!is_allowed)
        error_set(error, ERROR_SYSTEM, "'%s' cannot be allowed by Landlock: %s", path->path,
                  strerror(errno));
    if (rule.parent_fd >= 0)
        close(rule.parent_fd);
    return is_allowed;
}

static bool allow_port(int rules, uint16_t port, struct error *error)
{
    struct port_attributes rule = {.allowed = right_bind, .port = port};

    if (syscall(SYS_landlock_add_rule, rules, RULE_PORT, &rule, 0U) == 0)
        return true;
    error_set(error, ERROR_SYSTEM, "port %u cannot be allowed by Landlock: %s", (unsigned)port,
              strerror(errno));
    return false;
}

static bool limits_ports(int version, const struct landlock_rules *rules)
{
    return rules->limits_ports && landlock_version_has_ports(version);
}

static bool add_rules(int fd, int version, const struct landlock_rules *rules, struct error *error)
{
    for (size_t i = 0; i < rules->path_count; i++) {
        if (!allow_path(fd, version, &rules->paths[i], error))
            return false;
    }
    for (size_t i = 0; limits_ports(version, rules) && i < rules->port_count; i++) {
        if (!allow_port(fd, rules->ports[i], error))
            return false;
    }
    return true;
}

bool landlock_restrict(int version, const struct landlock_rules *rules, struct error *error)
{
    struct ruleset_attributes attributes = {
        .handled_files = file_rights(version),
        .handled_ports = limits_ports(version, rules) ? right_bind : 0,
    };
    /* An older kernel refuses a structure that is larger than its own. */
    size_t size =
        landlock_version_has_ports(version) ? sizeof(attributes) : sizeof(attributes.handled_files);
    int fd = (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0U);
    bool is_restricted = false;

    if (fd < 0) {
        error_set(error, ERROR_SYSTEM, "Landlock has refused the rules: %s", strerror(errno));
        return false;
    }
    if (!add_rules(fd, version, rules, error))
        goto cleanup;
    is_restricted = syscall(SYS_landlock_restrict_self, fd, 0U) == 0;
    if (!is_restricted)
        error_set(error, ERROR_SYSTEM, "Landlock cannot be applied: %s", strerror(errno));

cleanup:
    close(fd);
    return is_restricted;
}
