/* Aggregates var and stddev: values, nulls, order, merging. */
#include "tests/unit/aggregate_harness.h"

extern const struct aggregate_def aggregate_var, aggregate_stddev;

/* What differs. */
struct side {
    const struct aggregate_def *def;
    bool is_root;
    double far;
    const char *refusal;
};

static struct side of_var = {.def = &aggregate_var,
                             .is_root = false,
                             .far = 2.5,
                             .refusal = "var wants a number, not string"};
static struct side of_stddev = {.def = &aggregate_stddev,
                                .is_root = true,
                                .far = 1.5811388300841898,
                                .refusal = "stddev wants a number, not string"};

static void two_passes_agree(void **state)
{
    const struct side *side = *state;
    struct rig g;
    rig_init(&g, side->def, &type_double, 40);
    rig_fill(&g, 4);
    double n = 0, sum = 0, m2 = 0;
    for (uint16_t i = 0; i < 40; i++) {
        n += !vec_is_null(&g.x, i);
        sum += g.x.d[i];
    }
    for (uint16_t i = 0; i < 40; i++) {
        double d = g.x.d[i] - sum / n;
        m2 += vec_is_null(&g.x, i) ? 0 : d * d;
    }
    struct vec out = rig_all(&g);
    double expected = side->is_root ? sqrt(m2 / (n - 1)) : m2 / (n - 1);
    assert_true(fabs(out.d[0] - expected) < 1e-12 * expected);
    rig_any_batch_size(&g);
    rig_combines(&g, 1e-12);
    rig_done(&g);
}

static void same_bits_in_any_order(void **state)
{
    const struct side *side = *state;
    struct rig g, h;
    rig_init(&g, side->def, &type_double, 40);
    rig_init(&h, side->def, &type_double, 40);
    for (uint16_t i = 0; i < 40; i++) {
        g.x.d[i] = 1e6 + sin(i * 1.7) / 3;
    }
    struct vec first = rig_all(&g);
    for (uint16_t step = 1; step < 40; step += 2) { /* odd and no multiple of 5: a permutation */
        for (uint16_t i = 0; step % 5 && i < 40; i++) {
            h.x.d[i] = g.x.d[(uint16_t)(i * step + 3 * step) % 40];
        }
        if (step % 5) {
            struct vec out = rig_all(&h);
            assert_memory_equal(&out.d[0], &first.d[0], sizeof(double));
        }
    }
    rig_done(&g);
    rig_done(&h);
}

static void equal_values_give_zero(void **state)
{
    const struct side *side = *state;
    struct rig g;
    rig_init(&g, side->def, &type_double, 7);
    for (uint16_t i = 0; i < 7; i++) {
        g.x.d[i] = 0.1;
    }
    assert_true(rig_all(&g).d[0] == 0);
    rig_done(&g);
}

static void stable_far_from_zero(void **state)
{
    const struct side *side = *state;
    struct rig g;
    rig_init(&g, side->def, &type_long, 5);
    for (uint16_t i = 0; i < 5; i++) {
        g.x.i[i] = INT64_C(1000000000000) + i;
    }
    struct vec out = rig_all(&g);
    assert_true(fabs(out.d[0] - side->far) < 1e-9);
    rig_done(&g);
}

static void null_below_two(void **state)
{
    const struct side *side = *state;
    struct rig g;
    rig_init(&g, side->def, &type_double, 2);
    g.x.d[0] = 7;
    rig_null(&g, 1);
    struct vec out = rig_all(&g);
    assert_true(vec_is_null(&out, 0));
    rig_done(&g);
    rig_init(&g, side->def, &type_double, 2);
    g.x.d[0] = g.x.d[1] = 7;
    out = rig_all(&g);
    assert_true(out.d[0] == 0);
    rig_done(&g);
    rig_refuses(side->def, &type_string, side->refusal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(two_passes_agree, &of_var),
        cmocka_unit_test_prestate(same_bits_in_any_order, &of_var),
        cmocka_unit_test_prestate(equal_values_give_zero, &of_var),
        cmocka_unit_test_prestate(stable_far_from_zero, &of_var),
        cmocka_unit_test_prestate(null_below_two, &of_var),
        cmocka_unit_test_prestate(two_passes_agree, &of_stddev),
        cmocka_unit_test_prestate(same_bits_in_any_order, &of_stddev),
        cmocka_unit_test_prestate(equal_values_give_zero, &of_stddev),
        cmocka_unit_test_prestate(stable_far_from_zero, &of_stddev),
        cmocka_unit_test_prestate(null_below_two, &of_stddev),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
