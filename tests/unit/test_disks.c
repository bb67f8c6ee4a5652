/* Disks of a process: lanes that take and give back at the same time, and a folder in the way. */
#include "worker/disks.h"

#include "engine/logger.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lanes_side_by_side, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(one_at_a_time, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_place_that_cannot_be_written, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
