/* Aggregates arg_max and arg_min: values, ties, nulls, every type, merging in any order. */
#include "tests/unit/aggregate_harness.h"

extern const struct aggregate_def aggregate_arg_max, aggregate_arg_min;

/* What differs. */
struct side {
    const struct aggregate_def *def;
    int sign;
    int64_t with_nan;
    const char *edge;
    const char *wanted[3];
    const char *refusal;
};

static struct side of_arg_max = {
    .def = &aggregate_arg_max,
    .sign = 1,
    .with_nan = 0,
    .edge = "z",
    .wanted = {"", "two", "4"},
    .refusal = "arg_max wants a second argument that has an order, not array<long>"};
static struct side of_arg_min = {
    .def = &aggregate_arg_min,
    .sign = -1,
    .with_nan = 30,
    .edge = "\x01",
    .wanted = {"three", "two", "3"},
    .refusal = "arg_min wants a second argument that has an order, not array<long>"};

static void x_of_the_row(void **state)
{
    const struct side *side = *state;
    struct rig g;
    rig_init_two(&g, side->def, &type_long, &type_double, NULL, 5);
    const double by[] = {1.5, side->sign * 7, side->sign * 9, side->sign * 7, side->sign * 8};
    for (uint16_t i = 0; i < 5; i++) {
        g.x.i[i] = i * 10;
        g.y.d[i] = by[i];
        g.batch.time[i] = i;
    }
    assert_int_equal(rig_all(&g).i[0], 20);
    rig_null(&g, 2); /* x */
    vec_set_null(&g.y, &g.mem, 5, 4);
    assert_int_equal(rig_all(&g).i[0], 10); /* of two the earlier */
    g.batch.time[3] = 0;
    assert_int_equal(rig_all(&g).i[0], 30);
    rig_any_batch_size(&g);
    rig_combines(&g, 0);
    g.y.d[0] = (double)NAN;
    assert_int_equal(rig_all(&g).i[0], side->with_nan);
    rig_done(&g);
}

static void texts(void **state)
{
    const struct side *side = *state;
    static const char *const x[] = {"", "some text of more than twelve", "two", "three", ""};
    const char *const by[] = {"m", "a and longer than twelve", "a and", "", side->edge};
    const struct type *const types[][2] = {
        {&type_string, &type_string}, {&type_string, &type_long}, {&type_long, &type_string}};
    for (int t = 0; t < 3; t++) {
        struct rig g;
        rig_init_two(&g, side->def, types[t][0], types[t][1], NULL, 5);
        for (uint16_t i = 0; i < 5; i++) {
            struct vec *const v[] = {&g.x, &g.y};
            for (int k = 0; k < 2; k++) {
                const char *text = k == 0 ? x[i] : by[i];
                if (types[t][k]->kind == TYPE_STRING) {
                    v[k]->s[i] = str_ref(text, (uint32_t)strlen(text));
                } else {
                    v[k]->i[i] = k == 0 ? i : side->sign * (i % 3);
                }
            }
        }
        struct vec out = rig_all(&g);
        assert_string_equal(rig_text(&g, &out), side->wanted[t]);
        rig_any_batch_size(&g);
        rig_combines(&g, 0);
        rig_done(&g);
    }
}

static void null_of_nothing(void **state)
{
    const struct side *side = *state;
    struct rig g;
    rig_init_two(&g, side->def, &type_string, &type_long, NULL, 1);
    vec_set_null(&g.y, &g.mem, 1, 0);
    struct vec out = rig_all(&g);
    assert_true(vec_is_null(&out, 0));
    rig_combines(&g, 0);
    rig_refuses_two(side->def, &type_long, type_array(&g.mem, &type_long), NULL, side->refusal);
    rig_done(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(x_of_the_row, &of_arg_max),
        cmocka_unit_test_prestate(texts, &of_arg_max),
        cmocka_unit_test_prestate(null_of_nothing, &of_arg_max),
        cmocka_unit_test_prestate(x_of_the_row, &of_arg_min),
        cmocka_unit_test_prestate(texts, &of_arg_min),
        cmocka_unit_test_prestate(null_of_nothing, &of_arg_min),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
