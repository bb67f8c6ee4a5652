/* Memory use: holders add up, those that let go are gone, the share is half of the limit. */
#include "worker/memory_use.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void holders_add_up(void **state)
{
    (void)state;
    struct memory_use m = {.topology = "t", .limit = 2000};
    struct err e = {0};
    uint64_t a = 0, b = 0;
    assert_int_equal(memory_use_set(&m, &a, 600, &e), 0);
    assert_int_equal(memory_use_set(&m, &b, 400, &e), 0);
    assert_int_equal(memory_use_set(&m, &b, 401, &e), -ERR_DATA);
    assert_non_null(strstr(e.text, "topology t: its state takes 1.0 KB of memory"));
    assert_non_null(strstr(e.text, "backend: rocksdb"));
    assert_int_equal(memory_use_set(&m, &a, 0, &e), 0);
    assert_int_equal(memory_use_set(&m, &b, 1000, &e), 0);
    assert_int_equal(memory_use_set(&m, &a, 1, &e), -ERR_DATA);
    assert_int_equal(atomic_load(&m.held), 1001);
}

static void a_step_has_a_bound_of_its_own(void **state)
{
    (void)state;
    struct memory_use m = {.topology = "t", .limit = 2000};
    assert_int_equal(memory_use_most(&m), 8000);
    m.limit = 0;
    assert_int_equal(memory_use_most(&m), 0);
    assert_int_equal(memory_use_most(NULL), 0);
}

static void what_cannot_lie_on_disk_has_another_remedy(void **state)
{
    (void)state;
    struct memory_use m = {.topology = "t", .limit = 2000, .has_disk = true};
    struct err e = {0};
    uint64_t a = 0;
    assert_int_equal(memory_use_set(&m, &a, 1001, &e), -ERR_DATA);
    assert_non_null(strstr(e.text, "cannot leave it on disk"));
    assert_null(strstr(e.text, "rocksdb"));
}

static void a_replay_has_no_disk_and_no_other_processes(void **state)
{
    (void)state;
    struct memory_use m = {.topology = "t", .limit = 2000, .in_replay = true};
    struct err e = {0};
    uint64_t a = 0;
    assert_int_equal(memory_use_set(&m, &a, 1000, &e), 0);
    assert_int_equal(memory_use_set(&m, &a, 1001, &e), -ERR_DATA);
    assert_non_null(strstr(e.text, "(a replay keeps all of it there)"));
    assert_non_null(strstr(e.text, "Set a higher `memory: {limit"));
    assert_null(strstr(e.text, "rocksdb"));
    assert_null(strstr(e.text, "processes"));
}

static void what_is_left_for_others(void **state)
{
    (void)state;
    struct memory_use m = {.topology = "t", .limit = 2000};
    struct err e = {0};
    uint64_t a = 0;
    assert_int_equal(memory_use_set(&m, &a, 600, &e), 0);
    assert_true(memory_use_fits(&m, 400));
    assert_false(memory_use_fits(&m, 401));
    assert_int_equal(atomic_load(&m.held), 600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holders_add_up),
        cmocka_unit_test(a_step_has_a_bound_of_its_own),
        cmocka_unit_test(what_cannot_lie_on_disk_has_another_remedy),
        cmocka_unit_test(a_replay_has_no_disk_and_no_other_processes),
        cmocka_unit_test(what_is_left_for_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
