/* SPDX-License-Identifier: Apache-2.0
 *
 * See ocsp_archive.h.
 */
#include "app/ocsp_archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/x509/ocsp.h"
#include "runtime/buffer.h"
#include "runtime/clock.h"
#include "runtime/encoding.h"
#include "runtime/file.h"
#include "runtime/log.h"
#include "runtime/memory.h"

struct ocsp_archive {
    char *directory;
    size_t files;
    bool has_complained;
};

static void complain(struct ocsp_archive *archive, const char *problem)
{
    if (!archive->has_complained)
        log_event(LOG_WARNING, "OCSP answers are not kept: %s", problem);
    archive->has_complained = true;
}

static bool is_too_old(const struct stat *status)
{
    return clock_wall_seconds() - (int64_t)status->st_mtime >
           (int64_t)OCSP_ARCHIVE_DAYS_MAX * 86400;
}

static void remove_old(struct ocsp_archive *archive)
{
    DIR *directory = opendir(archive->directory);

    if (directory == NULL)
        return;
    for (const struct dirent *entry = readdir(directory); entry != NULL;
         entry = readdir(directory)) {
        struct stat status;

        if (fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(status.st_mode))
            continue;
        if (!is_too_old(&status) || unlinkat(dirfd(directory), entry->d_name, 0) != 0)
            archive->files++;
    }
    closedir(directory);
}

struct ocsp_archive *ocsp_archive_open(const char *state_directory)
{
    struct ocsp_archive *archive;

    if (state_directory == NULL)
        return NULL;
    archive = memory_allocate(sizeof *archive);
    archive->directory = memory_format("%s/ocsp", state_directory);
    if (mkdir(archive->directory, 0700) != 0 && errno != EEXIST)
        log_event(LOG_WARNING, "'%s' cannot be made: %s", archive->directory, strerror(errno));
    remove_old(archive);
    return archive;
}

void ocsp_archive_close(struct ocsp_archive *archive)
{
    if (archive == NULL)
        return;
    memory_release(archive->directory);
    memory_release(archive);
}

static char *path_of(const struct ocsp_archive *archive, const unsigned char key[OCSP_KEY_BYTES])
{
    char hex[2 * OCSP_KEY_BYTES + 1] = {0};
    struct buffer buffer;

    buffer_init(&buffer, hex, sizeof hex - 1);
    (void)encode_hex(&buffer, slice_from(key, OCSP_KEY_BYTES));
    return memory_format("%s/%s", archive->directory, hex);
}

void ocsp_archive_write(struct ocsp_archive *archive, const unsigned char key[OCSP_KEY_BYTES],
                        struct slice answer)
{
    struct error error = {.kind = ERROR_NONE};
    bool is_new;
    char *path;

    if (archive == NULL)
        return;
    path = path_of(archive, key);
    is_new = access(path, F_OK) != 0;
    if (is_new && archive->files >= OCSP_ARCHIVE_FILES_MAX)
        complain(archive, "there are too many");
    else if (!file_replace_private(path, answer, &error))
        complain(archive, error.text);
    else
        archive->files += is_new;
    memory_release(path);
}

bool ocsp_archive_read(const struct ocsp_archive *archive, const unsigned char key[OCSP_KEY_BYTES],
                       struct slice *answer)
{
    char *path = NULL;
    char *bytes = NULL;
    size_t size = 0;
    bool is_read;

    if (archive == NULL)
        return false;
    path = path_of(archive, key);
    is_read = file_read(path, OCSP_ANSWER_BYTES_MAX, &bytes, &size, NULL);
    memory_release(path);
    if (is_read)
        *answer = slice_from(bytes, size);
    return is_read;
}
