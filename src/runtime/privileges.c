/* SPDX-License-Identifier: Apache-2.0
 *
 * Giving up root. The order matters: capabilities leave the bounding set while we still may take
 * them out, groups change while we are root, and the user changes last.
 */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/confinement_internal.h"

static const char *const default_users[] = {"sallyport", "nobody"};

bool privileges_are_root(void)
{
    return getuid() == 0 || geteuid() == 0;
}

static const struct passwd *find_entry(const char *name)
{
    if (name != NULL)
        return getpwnam(name);
    for (size_t i = 0; i < sizeof(default_users) / sizeof(default_users[0]); i++) {
        const struct passwd *entry = getpwnam(default_users[i]);

        if (entry != NULL)
            return entry;
    }
    return NULL;
}

bool privileges_find_user(const char *name, struct privileges_user *user, struct error *error)
{
    const struct passwd *entry = find_entry(name);
    struct privileges_user found = {.group_count = PRIVILEGES_GROUPS_MAX};

    if (entry == NULL) {
        error_set(error, ERROR_SYSTEM,
                  name != NULL ? "there is no user '%s' to become"
                               : "there is no user 'sallyport' nor 'nobody' to become%s",
                  name != NULL ? name : "");
        return false;
    }
    if (entry->pw_uid == 0) {
        error_set(error, ERROR_VALUE, "user '%s' is root, which the gateway does not stay",
                  entry->pw_name);
        return false;
    }
    if (strlen(entry->pw_name) >= sizeof(found.name)) {
        error_set(error, ERROR_LIMIT, "the name of user '%s' is too long", entry->pw_name);
        return false;
    }
    memcpy(found.name, entry->pw_name, strlen(entry->pw_name));
    found.uid = entry->pw_uid;
    found.gid = entry->pw_gid;
    if (getgrouplist(found.name, found.gid, found.groups, &found.group_count) < 0) {
        error_set(error, ERROR_LIMIT, "user '%s' is in more than %d groups", found.name,
                  PRIVILEGES_GROUPS_MAX);
        return false;
    }
    *user = found;
    return true;
}

bool privileges_stop_gaining(struct error *error)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        return true;
    error_set(error, ERROR_SYSTEM, "no_new_privs cannot be set: %s", strerror(errno));
    return false;
}

/* In a container the right to do so may be missing; then no_new_privs alone keeps them unused. */
static void shrink_bounding_set(void)
{
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0;
         capability++)
        (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

/* Leaving uid 0 clears what is permitted and in effect, but not what is inheritable. */
static bool drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 &&
           syscall(SYS_capset, &header, none) == 0;
}

static bool change_user(const struct privileges_user *user)
{
    return setgroups((size_t)user->group_count, user->groups) == 0 &&
           setresgid(user->gid, user->gid, user->gid) == 0 &&
           setresuid(user->uid, user->uid, user->uid) == 0;
}

static bool is_only(const struct privileges_user *user)
{
    uid_t real_user, effective_user, saved_user;
    gid_t real_group, effective_group, saved_group;

    return getresuid(&real_user, &effective_user, &saved_user) == 0 &&
           getresgid(&real_group, &effective_group, &saved_group) == 0 && real_user == user->uid &&
           effective_user == user->uid && saved_user == user->uid && real_group == user->gid &&
           effective_group == user->gid && saved_group == user->gid;
}

static bool can_return(const struct privileges_user *user)
{
    return setresuid(0, 0, 0) == 0 || seteuid(0) == 0 ||
           (user->gid != 0 && (setresgid(0, 0, 0) == 0 || setgroups(0, NULL) == 0));
}

bool privileges_become(const struct privileges_user *user, struct error *error)
{
    shrink_bounding_set();
    if (!change_user(user) || !drop_capabilities()) {
        error_set(error, ERROR_SYSTEM, "root cannot be given up for user '%s': %s", user->name,
                  strerror(errno));
        return false;
    }
    if (!is_only(user) || can_return(user)) {
        error_set(error, ERROR_SYSTEM, "root was given up for user '%s', but can be regained",
                  user->name);
        return false;
    }
    return true;
}

bool privileges_hide_memory(struct error *error)
{
    /* The leak check attaches to the process as a debugger does. */
    unsigned long dumpable = CONFINEMENT_WITH_ADDRESS_SANITIZER ? 1 : 0;

    if (prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0) == 0)
        return true;
    error_set(error, ERROR_SYSTEM, "core dumps cannot be forbidden: %s", strerror(errno));
    return false;
}
