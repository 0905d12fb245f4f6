/* SPDX-License-Identifier: Apache-2.0
 *
 * Which system calls are left, by libseccomp. What serves the gateway is allowed. What nobody who
 * means well would try here ends the process. Everything else is answered with ENOSYS, as by an
 * older kernel, and logged by the kernel: a library that tries a new call goes on without it, and
 * an update of the C library costs nobody a connection.
 *
 * The numbers of a call that an architecture does not have are skipped.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/confinement_internal.h"

/* clang-format off */

static const char *const allowed_calls[] = {
    /* Bytes and descriptors. */
    "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev",
    "pwritev2", "lseek", "close", "close_range", "dup", "dup2", "dup3", "fcntl", "pipe", "pipe2",

    /* Files: Landlock and their modes say which. */
    "open", "openat", "openat2", "stat", "fstat", "lstat", "newfstatat", "statx", "statfs",
    "fstatfs", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents64",
    "getcwd", "fsync", "fdatasync", "ftruncate", "fallocate", "fadvise64", "flock", "rename",
    "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "chmod", "fchmod",
    "fchmodat", "umask", "inotify_init1", "inotify_add_watch", "inotify_rm_watch",

    /* Sockets: which families, see below; Landlock says which ports. */
    "socketpair", "bind", "listen", "accept", "accept4", "connect", "shutdown", "getsockname",
    "getpeername", "getsockopt", "setsockopt", "sendto", "sendmsg", "sendmmsg", "recvfrom",
    "recvmsg", "recvmmsg",

    /* Waiting. */
    "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll",
    "select", "pselect6", "eventfd2", "timerfd_create", "timerfd_settime", "timerfd_gettime",
    "nanosleep", "clock_nanosleep", "restart_syscall",

    /* Time and chance. */
    "clock_gettime", "clock_getres", "gettimeofday", "time", "times", "getrandom",

    /* Memory: libraries map their code, PCRE2 makes some. */
    "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "mincore", "mlock", "mlock2",
    "munlock", "membarrier", "mbind", "get_mempolicy",

    /* Threads; starting one, see below. */
    "futex", "futex_waitv", "set_robust_list", "get_robust_list", "rseq", "set_tid_address",
    "gettid", "sched_yield", "sched_getaffinity", "sched_setaffinity", "sched_getparam",
    "sched_getscheduler", "getcpu", "exit", "exit_group", "arch_prctl",

    /* Signals; sending one, see below. */
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "rt_sigpending",
    "rt_sigsuspend", "sigaltstack", "signalfd4",

    /* Who and where we are. */
    "getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid",
    "getgroups", "getrusage", "getrlimit", "sysinfo", "uname", "capget",
};

static const char *const deadly_calls[] = {
    /* Other programs and processes. fork is a clone to most C libraries: see below. */
    "execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev",
    "pidfd_getfd", "kcmp",

    /* The kernel and the system as a whole. */
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "bpf",
    "perf_event_open", "userfaultfd", "reboot", "swapon", "swapoff", "acct", "iopl", "ioperm",
    "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname",
    "keyctl", "add_key", "request_key",

    /* Other views of the file system. */
    "mount", "umount2", "move_mount", "open_tree", "fsopen", "fsmount", "fspick", "mount_setattr",
    "pivot_root", "chroot", "setns", "unshare", "open_by_handle_at",
};

/* Allowed when an argument has that value: a condition a row, one of a call's rows is enough. */
struct conditional_call {
    const char *name;
    unsigned argument;
    scmp_datum_t value;
};

static const struct conditional_call conditional_calls[] = {
    {"socket", 0, AF_INET},
    {"socket", 0, AF_INET6},
    {"socket", 0, AF_UNIX},    /* systemd, the admin socket */
    {"socket", 0, AF_NETLINK}, /* getaddrinfo asks which addresses the machine has */

    {"prctl", 0, PR_SET_NAME},
    {"prctl", 0, PR_GET_NAME},
    {"prctl", 0, 0x53564d41}, /* PR_SET_VMA: allocators name their memory */

    {"ioctl", 1, FIONBIO},
    {"ioctl", 1, FIONREAD},
    {"ioctl", 1, FIOCLEX},
    {"ioctl", 1, SIOCOUTQ}, /* what a client has not taken yet */
    {"ioctl", 1, TCGETS}, /* isatty */
    {"ioctl", 1, TIOCGWINSZ},
    {"ioctl", 1, SIOCGIFNAME}, /* the scope of a link-local address */
    {"ioctl", 1, SIOCGIFINDEX},
};

/* The leak check at the end of sanitized builds: a process that attaches to ours. */
#if CONFINEMENT_WITH_ADDRESS_SANITIZER
static const bool may_start_processes = true;
static const char *const sanitizer_calls[] = {"ptrace", "wait4", "prctl", "clone", "getdents"};
#else
static const bool may_start_processes = false;
static const char *const sanitizer_calls[] = {NULL};
#endif

/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool is_for_sanitizers(const char *name)
{
    for (size_t i = 0; i < COUNT(sanitizer_calls); i++) {
        if (sanitizer_calls[i] != NULL && strcmp(sanitizer_calls[i], name) == 0)
            return true;
    }
    return false;
}

/* Rules without a condition when `conditions` is 0. */
static bool add_rule(scmp_filter_ctx filter, uint32_t action, const char *name, unsigned conditions,
                     const struct scmp_arg_cmp *condition, struct error *error)
{
    int number = seccomp_syscall_resolve_name(name);
    int status =
        number < 0 ? 0 : seccomp_rule_add_array(filter, action, number, conditions, condition);

    if (status != 0)
        error_set(error, ERROR_SYSTEM, "no rule can be made for the system call %s: %s", name,
                  strerror(-status));
    return status == 0;
}

static bool add_table(scmp_filter_ctx filter, uint32_t action, const char *const *names,
                      size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i] == NULL || (action != SCMP_ACT_ALLOW && is_for_sanitizers(names[i])))
            continue;
        if (!add_rule(filter, action, names[i], 0, NULL, error))
            return false;
    }
    return true;
}

/* The library's own macro leaves a field out, of which clang warns. */
static struct scmp_arg_cmp argument_is(unsigned argument, scmp_datum_t value)
{
    return (struct scmp_arg_cmp){
        .arg = argument, .op = SCMP_CMP_EQ, .datum_a = value, .datum_b = 0};
}

static bool add_conditional_calls(scmp_filter_ctx filter, struct error *error)
{
    for (size_t i = 0; i < COUNT(conditional_calls); i++) {
        const struct conditional_call *call = &conditional_calls[i];
        struct scmp_arg_cmp condition = argument_is(call->argument, call->value);

        if (!is_for_sanitizers(call->name) &&
            !add_rule(filter, SCMP_ACT_ALLOW, call->name, 1, &condition, error))
            return false;
    }
    return true;
}

/* clone3 hides its flags behind a pointer. It is in no table, so it is answered with ENOSYS, and
 * the C library turns to clone, whose flags can be seen. */
static bool add_threads_without_processes(scmp_filter_ctx filter, struct error *error)
{
    struct scmp_arg_cmp is_thread = SCMP_CMP(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD);
    struct scmp_arg_cmp is_process = SCMP_CMP(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0);

    return may_start_processes ||
           (add_rule(filter, SCMP_ACT_ALLOW, "clone", 1, &is_thread, error) &&
            add_rule(filter, SCMP_ACT_KILL_PROCESS, "clone", 1, &is_process, error));
}

/* abort() and pthread_kill() signal threads of ours; limits may be looked at. */
static bool add_calls_on_ourselves(scmp_filter_ctx filter, struct error *error)
{
    struct scmp_arg_cmp is_ours = argument_is(0, (scmp_datum_t)getpid());
    struct scmp_arg_cmp is_reading[] = {argument_is(0, 0), argument_is(2, 0)};

    return add_rule(filter, SCMP_ACT_ALLOW, "tgkill", 1, &is_ours, error) &&
           add_rule(filter, SCMP_ACT_ALLOW, "prlimit64", 2, is_reading, error);
}

/* What an old kernel or library lacks of these is no loss of protection. */
static void set_attributes(scmp_filter_ctx filter)
{
    (void)seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    /* Before Linux 5.16 a filter turned a costly mitigation on that is meant for those who run
     * code of strangers. */
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
}

bool system_calls_can_be_restricted(void)
{
    uint32_t action = SECCOMP_RET_KILL_PROCESS;

    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0U, &action) == 0;
}

bool system_calls_restrict(struct error *error)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    bool is_restricted = false;
    int status;

    if (filter == NULL) {
        error_set(error, ERROR_SYSTEM, "libseccomp cannot make a filter");
        return false;
    }
    set_attributes(filter);
    if (!add_table(filter, SCMP_ACT_ALLOW, allowed_calls, COUNT(allowed_calls), error) ||
        !add_table(filter, SCMP_ACT_KILL_PROCESS, deadly_calls, COUNT(deadly_calls), error) ||
        !add_table(filter, SCMP_ACT_ALLOW, sanitizer_calls, COUNT(sanitizer_calls), error) ||
        !add_conditional_calls(filter, error) || !add_threads_without_processes(filter, error) ||
        !add_calls_on_ourselves(filter, error))
        goto cleanup;

    status = seccomp_load(filter);
    is_restricted = status == 0;
    if (!is_restricted)
        error_set(error, ERROR_SYSTEM, "the filter of system calls cannot be applied: %s",
                  strerror(-status));

cleanup:
    seccomp_release(filter);
    return is_restricted;
}
