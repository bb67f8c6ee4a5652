/* Aggregate min: values, nulls, order, merging. */
#include "tests/unit/aggregate_harness.h"

extern const struct aggregate_def aggregate_min;

static void longs_and_timestamps(void **state)
{
    (void)state;
    const struct type *const types[] = {&type_long, &type_timestamp};
    for (int t = 0; t < 2; t++) {
        struct rig g;
        rig_init(&g, &aggregate_min, types[t], 5);
        const int64_t x[] = {3, -7, 9, 0, 9};
        memcpy(g.x.i, x, sizeof x);
        rig_null(&g, 3);
        struct vec out = rig_all(&g);
        assert_int_equal(out.i[0], -7);
        assert_ptr_equal(g.call.type, types[t]);
        rig_any_batch_size(&g);
        rig_combines(&g, 0);
        rig_done(&g);
    }
}

static void texts(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_min, &type_string, 5);
    const char *const x[] = {"pear", "zebra", "apple", "zebra, a long one", "apple pie, sweet"};
    for (uint16_t i = 0; i < 5; i++) {
        g.x.s[i] = str_ref(x[i], (uint32_t)strlen(x[i]));
    }
    struct vec out = rig_all(&g);
    assert_string_equal(rig_text(&g, &out), "apple");
    rig_any_batch_size(&g);
    rig_combines(&g, 0);
    rig_done(&g);
}

static void empty_text_is_a_value(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_min, &type_string, 2);
    rig_null(&g, 1);
    struct vec out = rig_all(&g);
    assert_false(vec_is_null(&out, 0));
    assert_int_equal(out.s[0].n, 0);
    rig_combines(&g, 0);
    rig_done(&g);
}

static void booleans(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_min, &type_boolean, 3);
    g.x.b[1] = 1;
    struct vec out = rig_all(&g);
    assert_string_equal(rig_text(&g, &out), "false");
    rig_done(&g);
}

/* Every order of the same doubles gives the same. */
static void doubles_in_any_order(void **state)
{
    (void)state;
    static const uint16_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                          {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    const double odd[] = {1, (double)NAN, 2}, zero[] = {0.0, -0.0, 0.0};
    for (int o = 0; o < 6; o++) {
        struct rig g;
        rig_init(&g, &aggregate_min, &type_double, 3);
        for (int i = 0; i < 3; i++) {
            g.x.d[i] = odd[orders[o][i]];
        }
        struct vec out = rig_all(&g);
        struct vec expected = vec_new(&g.mem, &type_double, 1);
        expected.d[0] = (double)1.0;
        assert_true(vec_same(&out, 0, &expected, 0));
        rig_combines(&g, 0);
        for (int i = 0; i < 3; i++) {
            g.x.d[i] = zero[orders[o][i]];
        }
        out = rig_all(&g);
        assert_string_equal(rig_text(&g, &out), "-0.0");
        rig_done(&g);
    }
}

static void null_of_nothing(void **state)
{
    (void)state;
    const struct type *const types[] = {&type_long, &type_string};
    for (int t = 0; t < 2; t++) {
        struct rig g;
        rig_init(&g, &aggregate_min, types[t], 1);
        rig_null(&g, 0);
        struct vec out = rig_all(&g);
        assert_true(vec_is_null(&out, 0));
        rig_combines(&g, 0);
        rig_done(&g);
    }
    struct arena a;
    arena_init(&a);
    rig_refuses(&aggregate_min, type_array(&a, &type_long),
                "min wants a value that has an order, not array<long>");
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(longs_and_timestamps),  cmocka_unit_test(texts),
        cmocka_unit_test(empty_text_is_a_value), cmocka_unit_test(booleans),
        cmocka_unit_test(doubles_in_any_order),  cmocka_unit_test(null_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
