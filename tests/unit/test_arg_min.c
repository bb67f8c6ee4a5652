/* Aggregate arg_min: values, ties, nulls, every type, merging in any order. */
#include "tests/unit/aggregate_harness.h"

extern const struct aggregate_def aggregate_arg_min;

static void x_of_the_row(void **state)
{
    (void)state;
    struct rig g;
    rig_init_two(&g, &aggregate_arg_min, &type_long, &type_double, NULL, 5);
    const double by[] = {1.5, -7, -9, -7, -8};
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
    assert_int_equal(rig_all(&g).i[0], 30);
    rig_done(&g);
}

static void texts(void **state)
{
    (void)state;
    static const char *const x[] = {"", "some text of more than twelve", "two", "three", ""};
    static const char *const by[] = {"m", "a and longer than twelve", "a and", "", "\x01"};
    const struct type *const types[][2] = {
        {&type_string, &type_string}, {&type_string, &type_long}, {&type_long, &type_string}};
    for (int t = 0; t < 3; t++) {
        struct rig g;
        rig_init_two(&g, &aggregate_arg_min, types[t][0], types[t][1], NULL, 5);
        for (uint16_t i = 0; i < 5; i++) {
            struct vec *const v[] = {&g.x, &g.y};
            for (int k = 0; k < 2; k++) {
                const char *text = k == 0 ? x[i] : by[i];
                if (types[t][k]->kind == TYPE_STRING) {
                    v[k]->s[i] = str_ref(text, (uint32_t)strlen(text));
                } else {
                    v[k]->i[i] = k == 0 ? i : -(i % 3);
                }
            }
        }
        struct vec out = rig_all(&g);
        const char *const wanted[] = {"three", "two", "3"};
        assert_string_equal(rig_text(&g, &out), wanted[t]);
        rig_any_batch_size(&g);
        rig_combines(&g, 0);
        rig_done(&g);
    }
}

static void null_of_nothing(void **state)
{
    (void)state;
    struct rig g;
    rig_init_two(&g, &aggregate_arg_min, &type_string, &type_long, NULL, 1);
    vec_set_null(&g.y, &g.mem, 1, 0);
    struct vec out = rig_all(&g);
    assert_true(vec_is_null(&out, 0));
    rig_combines(&g, 0);
    rig_refuses_two(&aggregate_arg_min, &type_long, type_array(&g.mem, &type_long), NULL,
                    "arg_min wants a second argument that has an order, not array<long>");
    rig_done(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(x_of_the_row), cmocka_unit_test(texts),
                                       cmocka_unit_test(null_of_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
