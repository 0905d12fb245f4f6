/* SPDX-License-Identifier: Apache-2.0
 *
 * Renewals as the tools of the field make them, in a directory of the test's own.
 */
#include "support/test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app/file_watch.h"
#include "runtime/event_loop.h"
#include "runtime/timer.h"

enum { GIVE_UP_MS = 15000, LOOKED_MS = 1000 };

struct scene {
    char folder[64];
    struct event_loop *loop;
    struct file_watch *watch;
    struct timer *limit;
    unsigned changes;
    bool timed_out;
};

static struct scene scene;

static void on_changed(void *context)
{
    (void)context;
    scene.changes++;
    event_loop_stop(scene.loop);
}

static void on_limit(void *context)
{
    (void)context;
    scene.timed_out = true;
    event_loop_stop(scene.loop);
}

static const char *in_folder(const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s", scene.folder, name);
    return path;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void link_to(const char *target, const char *name)
{
    assert_int_equal(symlink(target, in_folder(name)), 0);
}

static void make_folder(const char *name)
{
    assert_int_equal(mkdir(in_folder(name), 0700), 0);
}

static void replace(const char *from, const char *to)
{
    char old[256];

    snprintf(old, sizeof(old), "%s", in_folder(from));
    assert_int_equal(rename(old, in_folder(to)), 0);
}

static int set_up(void **state)
{
    (void)state;
    memset(&scene, 0, sizeof(scene));
    snprintf(scene.folder, sizeof(scene.folder), "/tmp/sallyport-watch-XXXXXX");
    assert_non_null(mkdtemp(scene.folder));
    scene.loop = event_loop_create();
    scene.watch = file_watch_create(scene.loop, on_changed, NULL);
    scene.limit = timer_create_on(scene.loop, on_limit, NULL);
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static int tear_down(void **state)
{
    (void)state;
    file_watch_destroy(scene.watch);
    timer_destroy(scene.limit);
    event_loop_destroy(scene.loop);
    return nftw(scene.folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void watch_one(const char *name)
{
    char *paths[] = {strdup(in_folder(name))};

    file_watch_set(scene.watch, paths, 1, NULL);
    free(paths[0]);
}

static void wait_for_change(void)
{
    timer_start(scene.limit, GIVE_UP_MS);
    event_loop_run(scene.loop);
    timer_stop(scene.limit);
    assert_false(scene.timed_out);
}

/* Until the clock that files are stamped by has gone on. */
static struct timespec pass_a_tick(void)
{
    struct timespec begin;
    struct timespec now;

    clock_gettime(CLOCK_REALTIME_COARSE, &begin);
    do {
        clock_gettime(CLOCK_REALTIME_COARSE, &now);
    } while (now.tv_sec == begin.tv_sec && now.tv_nsec == begin.tv_nsec);
    return now;
}

/* Whoever reads a file and then watches it would else never hear of what came between. */
TEST(hears_of_a_file_that_changed_between_reading_and_watching)
{
    char *paths[] = {strdup(in_folder("server.pem"))};
    struct timespec read_since;

    put("server.pem", "old");
    read_since = pass_a_tick();
    (void)pass_a_tick();
    put("server.pem", "newer");
    file_watch_set(scene.watch, paths, 1, &read_since);
    wait_for_change();
    free(paths[0]);
}

TEST(hears_of_a_file_that_is_written_anew)
{
    put("server.pem", "old");
    watch_one("server.pem");
    put("server.pem", "newer");
    wait_for_change();
    assert_int_equal(scene.changes, 1);
}

TEST(hears_of_a_file_that_is_replaced_by_renaming)
{
    put("server.pem", "old");
    watch_one("server.pem");
    put("server.pem.new", "new");
    replace("server.pem.new", "server.pem");
    wait_for_change();
}

/* live/server.pem -> ../archive/server1.pem, then -> ../archive/server2.pem */
TEST(hears_of_a_link_that_certbot_turns)
{
    make_folder("live");
    make_folder("archive");
    put("archive/server1.pem", "old");
    link_to("../archive/server1.pem", "live/server.pem");
    watch_one("live/server.pem");
    put("archive/server2.pem", "new");
    assert_int_equal(unlink(in_folder("live/server.pem")), 0);
    link_to("../archive/server2.pem", "live/server.pem");
    wait_for_change();
}

/* tls.crt -> ..data/tls.crt, ..data -> ..1, then ..data is renamed over from a link to ..2 */
TEST(hears_of_data_that_kubernetes_swaps)
{
    make_folder("..1");
    make_folder("..2");
    put("..1/tls.crt", "old");
    put("..2/tls.crt", "new");
    link_to("..1", "..data");
    link_to("..data/tls.crt", "tls.crt");
    watch_one("tls.crt");
    link_to("..2", "..data_tmp");
    replace("..data_tmp", "..data");
    wait_for_change();
}

TEST(hears_of_a_file_that_appears)
{
    watch_one("late.pem");
    put("late.pem", "there");
    wait_for_change();
}

TEST(says_nothing_when_another_file_of_the_directory_changes)
{
    put("server.pem", "same");
    watch_one("server.pem");
    put("other.txt", "noise");
    timer_start(scene.limit, LOOKED_MS);
    event_loop_run(scene.loop);
    assert_int_equal(scene.changes, 0);
}

TEST(says_nothing_of_what_was_acknowledged)
{
    put("server.pem", "old");
    watch_one("server.pem");
    put("server.pem", "newer");
    file_watch_acknowledge(scene.watch);
    timer_start(scene.limit, LOOKED_MS);
    event_loop_run(scene.loop);
    assert_int_equal(scene.changes, 0);
}

TEST(says_once_that_several_files_changed_together)
{
    char *paths[] = {NULL, NULL};

    put("server.pem", "old");
    put("server.key", "old");
    paths[0] = strdup(in_folder("server.pem"));
    paths[1] = strdup(in_folder("server.key"));
    file_watch_set(scene.watch, paths, 2, NULL);
    free(paths[0]);
    free(paths[1]);
    put("server.key", "newer");
    put("server.pem", "newer");
    wait_for_change();
    timer_start(scene.limit, LOOKED_MS);
    event_loop_run(scene.loop);
    assert_int_equal(scene.changes, 1);
}

#define WATCH_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    return RUN_TESTS(WATCH_TEST(hears_of_a_file_that_is_written_anew),
                     WATCH_TEST(hears_of_a_file_that_changed_between_reading_and_watching),
                     WATCH_TEST(hears_of_a_file_that_is_replaced_by_renaming),
                     WATCH_TEST(hears_of_a_link_that_certbot_turns),
                     WATCH_TEST(hears_of_data_that_kubernetes_swaps),
                     WATCH_TEST(hears_of_a_file_that_appears),
                     WATCH_TEST(says_nothing_when_another_file_of_the_directory_changes),
                     WATCH_TEST(says_nothing_of_what_was_acknowledged),
                     WATCH_TEST(says_once_that_several_files_changed_together));
}
