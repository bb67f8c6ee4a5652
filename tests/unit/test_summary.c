/* Lines of a summary: sums of state, rows left out. */
#include "worker/summary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_line(struct state_sum sum, const char *expected)
{
    struct buffer b;
    buffer_init(&b);
    state_sum_print(&sum, &b);
    assert_string_equal(buffer_cstr(&b), expected);
    buffer_done(&b);
}

static void lines(void **state)
{
    (void)state;
    assert_line((struct state_sum){0, 0}, "");
    assert_line((struct state_sum){0, 4096}, "");
    assert_line((struct state_sum){1, 999}, "state: 1 entry, 999 B\n");
    assert_line((struct state_sum){2, 1000}, "state: 2 entries, 1.0 KB\n");
    assert_line((struct state_sum){2, 99900}, "state: 2 entries, 99.9 KB\n");
    assert_line((struct state_sum){2, 99960}, "state: 2 entries, 100 KB\n");
    assert_line((struct state_sum){2, 999600}, "state: 2 entries, 1.0 MB\n");
    assert_line((struct state_sum){2, 12345678901234}, "state: 2 entries, 12.3 TB\n");
    assert_line((struct state_sum){2, UINT64_MAX}, "state: 2 entries, 18446744 TB\n");
}

static void assert_metric(const char *yaml, int32_t partition, const char *expected)
{
    struct arena a;
    struct diags d;
    struct buffer b;
    struct yaml *y;
    const struct step_def def = {.name = "classify"};
    struct node n = {.stream = "load", .def = &def};
    arena_init(&a);
    diags_init(&d);
    buffer_init(&b);
    assert_int_equal(yaml_parse(&y, &a, "t", yaml, strlen(yaml), &d), 0);
    n.yaml = y;
    summary_metric(partition, &n, "accuracy", 0.5, &b);
    assert_string_equal(buffer_cstr(&b), expected);
    buffer_done(&b);
    diags_done(&d);
    arena_done(&a);
}

static void steps_are_told_apart(void **state)
{
    (void)state;
    assert_metric("{as: busy, label: x}", -1, "  load classify busy: accuracy 0.5\n");
    assert_metric("{label: x}", -1, "  load classify: accuracy 0.5\n");
    assert_metric("a - b", -1, "  load classify: accuracy 0.5\n");
    assert_metric("{as: busy}", 3, "  load classify busy, partition 3: accuracy 0.5\n");
}

static void empty_stores_do_not_count(void **state)
{
    (void)state;
    struct state_sum sum = {0};
    struct task_step s = {.entries = 0, .bytes = 5000};
    state_sum_add(&sum, &s);
    assert_int_equal(sum.bytes, 0);
    s.entries = 3;
    state_sum_add(&sum, &s);
    state_sum_add(&sum, &s);
    assert_int_equal(sum.entries, 6);
    assert_int_equal(sum.bytes, 10000);
}

static void rows_left_out(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    summary_left_out(0, 0, &b);
    assert_string_equal(buffer_cstr(&b), "");
    summary_left_out(2, 1, &b);
    assert_string_equal(buffer_cstr(&b), ", 2 without key, 1 null value");
    buffer_clear(&b);
    summary_left_out(0, 3, &b);
    assert_string_equal(buffer_cstr(&b), ", 3 null values");
    buffer_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(steps_are_told_apart),
        cmocka_unit_test(rows_left_out),
        cmocka_unit_test(empty_stores_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
