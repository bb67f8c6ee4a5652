/* Aggregates min and max: values, nulls, order, merging. */
#include "tests/unit/aggregate_harness.h"

extern const struct aggregate_def aggregate_min, aggregate_max;

/* What differs. */
struct side {
    const struct aggregate_def *def;
    int64_t number;
    const char *text;
    const char *boolean;
    double odd;
    const char *zero;
    const char *refusal;
};

static struct side of_min = {.def = &aggregate_min,
                             .number = -7,
                             .text = "apple",
                             .boolean = "false",
                             .odd = 1,
                             .zero = "-0.0",
                             .refusal = "min wants a value that has an order, not array<long>"};
static struct side of_max = {.def = &aggregate_max,
                             .number = 9,
                             .text = "zebra, a long one",
                             .boolean = "true",
                             .odd = (double)NAN,
                             .zero = "0.0",
                             .refusal = "max wants a value that has an order, not array<long>"};

static void longs_and_timestamps(void **state)
{
    const struct side *side = *state;
    const struct type *const types[] = {&type_long, &type_timestamp};
    for (int t = 0; t < 2; t++) {
        struct rig g;
        rig_init(&g, side->def, types[t], 5);
        const int64_t x[] = {3, -7, 9, 0, 9};
        memcpy(g.x.i, x, sizeof x);
        rig_null(&g, 3);
        struct vec out = rig_all(&g);
        assert_int_equal(out.i[0], side->number);
        assert_ptr_equal(g.call.type, types[t]);
        rig_any_batch_size(&g);
        rig_combines(&g, 0);
        rig_done(&g);
    }
}

static void texts(void **state)
{
    const struct side *side = *state;
    struct rig g;
    rig_init(&g, side->def, &type_string, 5);
    const char *const x[] = {"pear", "zebra", "apple", "zebra, a long one", "apple pie, sweet"};
    for (uint16_t i = 0; i < 5; i++) {
        g.x.s[i] = str_ref(x[i], (uint32_t)strlen(x[i]));
    }
    struct vec out = rig_all(&g);
    assert_string_equal(rig_text(&g, &out), side->text);
    rig_any_batch_size(&g);
    rig_combines(&g, 0);
    rig_done(&g);
}

static void empty_text_is_a_value(void **state)
{
    const struct side *side = *state;
    struct rig g;
    rig_init(&g, side->def, &type_string, 2);
    rig_null(&g, 1);
    struct vec out = rig_all(&g);
    assert_false(vec_is_null(&out, 0));
    assert_int_equal(out.s[0].n, 0);
    rig_combines(&g, 0);
    rig_done(&g);
}

static void booleans(void **state)
{
    const struct side *side = *state;
    struct rig g;
    rig_init(&g, side->def, &type_boolean, 3);
    g.x.b[1] = 1;
    struct vec out = rig_all(&g);
    assert_string_equal(rig_text(&g, &out), side->boolean);
    rig_done(&g);
}

/* Every order of the same doubles gives the same. */
static void doubles_in_any_order(void **state)
{
    const struct side *side = *state;
    static const uint16_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                          {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    const double odd[] = {1, (double)NAN, 2}, zero[] = {0.0, -0.0, 0.0};
    for (int o = 0; o < 6; o++) {
        struct rig g;
        rig_init(&g, side->def, &type_double, 3);
        for (int i = 0; i < 3; i++) {
            g.x.d[i] = odd[orders[o][i]];
        }
        struct vec out = rig_all(&g);
        struct vec expected = vec_new(&g.mem, &type_double, 1);
        expected.d[0] = side->odd;
        assert_true(vec_same(&out, 0, &expected, 0));
        rig_combines(&g, 0);
        for (int i = 0; i < 3; i++) {
            g.x.d[i] = zero[orders[o][i]];
        }
        out = rig_all(&g);
        assert_string_equal(rig_text(&g, &out), side->zero);
        rig_done(&g);
    }
}

static void null_of_nothing(void **state)
{
    const struct side *side = *state;
    const struct type *const types[] = {&type_long, &type_string};
    for (int t = 0; t < 2; t++) {
        struct rig g;
        rig_init(&g, side->def, types[t], 1);
        rig_null(&g, 0);
        struct vec out = rig_all(&g);
        assert_true(vec_is_null(&out, 0));
        rig_combines(&g, 0);
        rig_done(&g);
    }
    struct arena a;
    arena_init(&a);
    rig_refuses(side->def, type_array(&a, &type_long), side->refusal);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(longs_and_timestamps, &of_min),
        cmocka_unit_test_prestate(texts, &of_min),
        cmocka_unit_test_prestate(empty_text_is_a_value, &of_min),
        cmocka_unit_test_prestate(booleans, &of_min),
        cmocka_unit_test_prestate(doubles_in_any_order, &of_min),
        cmocka_unit_test_prestate(null_of_nothing, &of_min),
        cmocka_unit_test_prestate(longs_and_timestamps, &of_max),
        cmocka_unit_test_prestate(texts, &of_max),
        cmocka_unit_test_prestate(empty_text_is_a_value, &of_max),
        cmocka_unit_test_prestate(booleans, &of_max),
        cmocka_unit_test_prestate(doubles_in_any_order, &of_max),
        cmocka_unit_test_prestate(null_of_nothing, &of_max),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
