/* Committed offsets by topic and partition, written and read by several threads.
 */
#include "worker/lane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>

static void offsets_by_topic_and_partition(void **state)
{
    (void)state;
    struct progress *p = progress_new();
    assert_int_equal(progress_get(p, "x", 0), -1);
    progress_set(p, "x", 0, 5);
    progress_set(p, "x", 1, 6);
    progress_set(p, "y", 0, 7);
    progress_set(p, "x", 0, 8);
    assert_int_equal(progress_get(p, "x", 0), 8);
    assert_int_equal(progress_get(p, "x", 1), 6);
    assert_int_equal(progress_get(p, "y", 0), 7);
    assert_int_equal(progress_get(p, "y", 1), -1);
    progress_free(p);
}

static void *write_some(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        char topic[20];
        snprintf(topic, sizeof topic, "t%d", i % 50);
        progress_set(arg, topic, i % 3, i);
    }
    return NULL;
}

static void threads(void **state)
{
    (void)state;
    struct progress *p = progress_new();
    pthread_t t[3];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&t[i], NULL, write_some, p), 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(t[i], NULL);
    }
    assert_int_equal(progress_get(p, "t49", 1999 % 3), 1999);
    progress_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_by_topic_and_partition),
        cmocka_unit_test(threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
