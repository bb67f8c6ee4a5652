/* Aggregate count: values, nulls, order, merging. */
#include "tests/unit/aggregate_harness.h"

extern const struct aggregate_def aggregate_count;

static void rows_and_values(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_count, NULL, 10);
    struct vec out = rig_all(&g);
    assert_int_equal(out.i[0], 10);
    assert_false(g.call.nullable);
    assert_ptr_equal(g.call.type, &type_long);
    rig_done(&g);
    rig_init(&g, &aggregate_count, &type_string, 10);
    out = rig_all(&g);
    assert_int_equal(out.i[0], 10);
    rig_null(&g, 3);
    rig_null(&g, 9);
    out = rig_all(&g);
    assert_int_equal(out.i[0], 8);
    rig_any_batch_size(&g);
    rig_combines(&g, 0);
    rig_done(&g);
}

static void no_rows(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_count, &type_long, 0);
    struct vec out = rig_all(&g);
    assert_int_equal(out.i[0], 0);
    assert_false(vec_is_null(&out, 0));
    rig_done(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_and_values),
                                       cmocka_unit_test(no_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
