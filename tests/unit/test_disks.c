/* Disks of a process: lanes that take and give back at the same time, a folder in the way, and what
 * is left of tasks that have moved away.
 */
#include "worker/disks.h"

#include "engine/clock.h"
#include "engine/logger.h"
#include "engine/task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMORY (32 << 20)
#define ROUNDS 40

static char folder[64];

static int make_folder(void **unused)
{
    (void)unused;
    snprintf(folder, sizeof folder, P_tmpdir "/klamm-disks-XXXXXX");
    logger_level(LOG_LEVEL_ERROR);
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **unused)
{
    char command[100];
    (void)unused;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

struct worker {
    struct disks *disks;
    int number;
    int failures;
};

/* Takes its own disk again and again, writes, and finds what it wrote. */
static void *work(void *arg)
{
    struct worker *w = arg;
    char name[20];
    struct buffer value;
    buffer_init(&value);
    snprintf(name, sizeof name, "task-%d", w->number);
    for (int i = 0; i < ROUNDS; i++) {
        struct state_disk *d;
        struct err e = {0};
        if (disks_take(w->disks, name, 1, &d, &e) < 0) {
            w->failures++;
            continue;
        }
        buffer_clear(&value);
        int found = d->ops->get(d, 0, "round", 5, &value);
        w->failures += found != (i > 0) || (i > 0 && atoi(buffer_cstr(&value)) != i - 1);
        char text[20];
        int n = snprintf(text, sizeof text, "%d", i);
        d->ops->put(d, 0, "round", 5, text, (size_t)n);
        w->failures += d->ops->write(d, i, &e) < 0;
        disks_give_back(w->disks, d);
    }
    buffer_done(&value);
    return NULL;
}

static void lanes_side_by_side(void **unused)
{
    (void)unused;
    char path[100];
    pthread_t thread[3];
    struct worker w[3];
    snprintf(path, sizeof path, "%s/state-0", folder);
    struct disks *d = disks_new(path, MEMORY);
    for (int i = 0; i < 3; i++) {
        w[i] = (struct worker){d, i, 0};
        assert_int_equal(pthread_create(&thread[i], NULL, work, &w[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(w[i].failures, 0);
    }
    disks_free(d);
}

static void one_at_a_time(void **unused)
{
    (void)unused;
    char path[100];
    struct state_disk *a, *b;
    struct err e = {0};
    snprintf(path, sizeof path, "%s/state-0", folder);
    struct disks *d = disks_new(path, MEMORY);
    assert_int_equal(disks_take(d, "task", 0, &a, &e), 0);
    assert_int_equal(disks_take(d, "task", 0, &b, &e), -ERR_RETRY);
    assert_non_null(strstr(e.text, "in use by another lane"));
    err_clear(&e);
    disks_give_back(d, a);
    assert_int_equal(disks_take(d, "task", 0, &b, &e), 0);
    disks_give_back(d, b);
    disks_free(d);
}

static void a_place_that_cannot_be_written(void **unused)
{
    (void)unused;
    char path[100];
    struct state_disk *a;
    struct err e = {0};
    snprintf(path, sizeof path, "%s/no/such/folder", folder);
    struct disks *d = disks_new(path, MEMORY);
    assert_int_equal(disks_take(d, "task", 0, &a, &e), -ERR_RETRY);
    assert_non_null(strstr(e.text, path));
    disks_free(d);
    disks_free(NULL);
}

/* ---- files ---- */

static void taken_and_given_back(void **unused)
{
    (void)unused;
    char path[100];
    struct state_disk *a, *b;
    struct err e = {0};
    struct buffer value;
    buffer_init(&value);
    snprintf(path, sizeof path, "%s/files-0", folder);
    struct disks *d = disks_new_files(path);
    assert_int_equal(disks_take(d, "task", 0, &a, &e), 0);
    assert_int_equal(disks_take(d, "task", 0, &b, &e), -ERR_RETRY);
    assert_non_null(strstr(e.text, "in use by another lane"));
    err_clear(&e);
    assert_int_equal(disks_take(d, "other", 0, &b, &e), 0);
    a->ops->put(a, STATE_DISK_MARK, "", 0, "mark", 4);
    assert_int_equal(a->ops->write(a, 0, &e), 0);
    disks_give_back(d, a);
    disks_give_back(d, b);
    assert_int_equal(disks_take(d, "task", 0, &a, &e), 0);
    assert_int_equal(a->ops->get(a, STATE_DISK_MARK, "", 0, &value), 1);
    assert_string_equal(buffer_cstr(&value), "mark");
    disks_give_back(d, a);
    buffer_done(&value);
    disks_free(d);
}

static void names_of_any_length(void **unused)
{
    (void)unused;
    char path[100], name[2][400];
    struct state_disk *a, *b;
    struct err e = {0};
    snprintf(path, sizeof path, "%s/files-0", folder);
    struct disks *d = disks_new_files(path);
    for (int i = 0; i < 2; i++) {
        memset(name[i], 'x', sizeof name[i]);
        snprintf(name[i] + 300, 20, "-%d", i);
    }
    assert_int_equal(disks_take(d, name[0], 0, &a, &e), 0);
    assert_int_equal(disks_take(d, name[1], 0, &b, &e), 0);
    assert_non_null(a);
    assert_non_null(b);
    disks_give_back(d, a);
    disks_give_back(d, b);
    disks_free(d);
}

static void without_a_folder_there_is_no_disk(void **unused)
{
    (void)unused;
    char path[100];
    struct state_disk *a;
    struct err e = {0};
    snprintf(path, sizeof path, "%s/no/such/folder", folder);
    struct disks *d = disks_new_files(path);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(disks_take(d, "task", 0, &a, &e), 0);
        assert_null(a);
        assert_int_equal(e.kind, 0);
    }
    assert_int_equal(disks_sweep(d, INT64_MAX), 0);
    disks_free(d);
}

/* ---- what tasks leave behind ---- */

/* A mark as task_checkpoint.c writes it: of this time, and no stores. */
static void write_mark(struct state_disk *disk, int64_t time)
{
    struct buffer mark;
    struct err e = {0};
    buffer_init(&mark);
    buffer_add(&mark,
               "\x01"
               "12345678",
               9);
    buffer_varint(&mark, time);
    buffer_varint(&mark, 0);
    disk->ops->put(disk, STATE_DISK_MARK, "", 0, mark.data, mark.n);
    assert_int_equal(disk->ops->write(disk, time, &e), 0);
    buffer_done(&mark);
}

static void what_moved_away_long_ago_is_removed(struct disks *d, int64_t now)
{
    static const char *const name[] = {"open", "old", "new"};
    struct state_disk *disk[3];
    struct err e = {0};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(disks_take(d, name[i], 0, &disk[i], &e), 0);
        write_mark(disk[i], i == 2 ? now + CHECKPOINT_AGE_MOST : now);
    }
    disks_give_back(d, disk[1]);
    disks_give_back(d, disk[2]);
    assert_int_equal(disks_sweep(d, now), 0);
    assert_true(disks_sweep(d, now + CHECKPOINT_AGE_MOST + 2000) >= 1);
    write_mark(disk[0], now); /* it is still there */
    disks_give_back(d, disk[0]);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(disks_take(d, name[i], 0, &disk[i], &e), 0);
        assert_int_equal(task_mark_time(disk[i]), i == 0 ? now : 0);
        disks_give_back(d, disk[i]);
    }
    disks_free(d);
}

static void old_files_are_removed(void **unused)
{
    (void)unused;
    char path[100];
    snprintf(path, sizeof path, "%s/files-0", folder);
    what_moved_away_long_ago_is_removed(disks_new_files(path), clock_now(&clock_system));
}

static void old_column_families_are_removed(void **unused)
{
    (void)unused;
    char path[100];
    struct state_disk *disk;
    struct err e = {0};
    snprintf(path, sizeof path, "%s/state-0", folder);
    struct disks *d = disks_new(path, MEMORY);
    assert_int_equal(disks_sweep(d, 0), -1); /* not open yet */
    what_moved_away_long_ago_is_removed(d, clock_now(&clock_system));
    d = disks_new(path, MEMORY);
    assert_int_equal(disks_take(d, "new", 0, &disk, &e), 0);
    assert_true(task_mark_time(disk) > 0);
    disks_give_back(d, disk);
    disks_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(taken_and_given_back, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(names_of_any_length, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(without_a_folder_there_is_no_disk, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(old_files_are_removed, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(old_column_families_are_removed, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(lanes_side_by_side, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(one_at_a_time, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_place_that_cannot_be_written, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
