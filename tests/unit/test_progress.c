/* Progress: the last committed offset of each partition, from any thread. */
#include "worker/lane.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void test_the_last_one_counts(void **unused)
{
    struct progress *p = progress_new();
    (void)unused;
    assert_int_equal(progress_get(p, "in", 0), OFFSET_NONE);
    progress_set(p, "in", 0, 5);
    progress_set(p, "in", 0, 9);
    assert_int_equal(progress_get(p, "in", 0), 9);
    progress_set(p, "in", 0, 3); /* read again after an abort */
    assert_int_equal(progress_get(p, "in", 0), 3);
    progress_free(p);
}

static void test_partitions_and_topics_are_apart(void **unused)
{
    struct progress *p = progress_new();
    char name[32];
    (void)unused;
    for (int t = 0; t < 10; t++) { /* more than one growth; the name is copied */
        snprintf(name, sizeof name, "topic%d", t);
        for (int32_t i = 0; i < 10; i++) {
            progress_set(p, name, i, t * 100 + i);
        }
    }
    for (int t = 0; t < 10; t++) {
        snprintf(name, sizeof name, "topic%d", t);
        for (int32_t i = 0; i < 10; i++) {
            assert_int_equal(progress_get(p, name, i), t * 100 + i);
        }
    }
    assert_int_equal(progress_get(p, "topic1", 10), OFFSET_NONE);
    assert_int_equal(progress_get(p, "topic", 1), OFFSET_NONE);
    progress_free(p);
}

struct writer {
    struct progress *progress;
    int32_t partition;
};

static void *write_many(void *arg)
{
    struct writer *w = arg;
    for (int64_t i = 0; i <= 1000; i++) {
        progress_set(w->progress, "in", w->partition, i);
    }
    return NULL;
}

static void test_threads_share_it(void **unused)
{
    struct progress *p = progress_new();
    struct writer w[4];
    pthread_t thread[4];
    (void)unused;
    for (int32_t i = 0; i < 4; i++) {
        w[i] = (struct writer){p, i};
        assert_int_equal(pthread_create(&thread[i], NULL, write_many, &w[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
    }
    for (int32_t i = 0; i < 4; i++) {
        assert_int_equal(progress_get(p, "in", i), 1000);
    }
    progress_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_one_counts),
        cmocka_unit_test(test_partitions_and_topics_are_apart),
        cmocka_unit_test(test_threads_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
