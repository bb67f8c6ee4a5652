/* Aggregate histogram: bins, what is left out, counts that add up, merging. */
#include "tests/unit/aggregate_harness.h"

#include <float.h>
#include <stdlib.h>

extern const struct aggregate_def aggregate_histogram;

static void a_bin_for_each_of_few_values(void **state)
{
    (void)state;
    struct rig g;
    rig_init_two(&g, &aggregate_histogram, &type_double, NULL, "5", 7);
    const double x[] = {2.5, 0.0, -0.0, 2.5, -1, 2.5, 0};
    memcpy(g.x.d, x, sizeof x);
    rig_null(&g, 6);
    struct vec out = rig_all(&g);
    assert_string_equal(rig_text(&g, &out), "{\"-1.0\": 1, \"0.0\": 2, \"2.5\": 3}");
    rig_any_batch_size(&g);
    rig_combines(&g, 0);
    rig_done(&g);
}

/* The example of the paper: 23, 19, 10, 16, 36, 2, 9, 32, 30, 45 in five bins. */
static void nearest_ones_become_one(void **state)
{
    (void)state;
    struct rig g;
    rig_init_two(&g, &aggregate_histogram, &type_long, NULL, "5", 10);
    const int64_t x[] = {23, 19, 10, 16, 36, 2, 9, 32, 30, 45};
    memcpy(g.x.i, x, sizeof x);
    struct vec out = rig_all(&g);
    assert_string_equal(rig_text(&g, &out), "{\"2.0\": 1, \"9.5\": 2, \"19.333333333333332\": 3, "
                                            "\"32.666666666666664\": 3, \"45.0\": 1}");
    rig_any_batch_size(&g);
    rig_combines(&g, 0);
    rig_done(&g);
}

static int64_t total(const struct rig *g, const struct vec *out, int64_t *bins)
{
    struct nested_cursor c = nested_open(g->call.type, str_data(out->s), out->s[0].n);
    struct nested_value v;
    const char *key;
    uint32_t n;
    int64_t sum = 0;
    double before = -(double)INFINITY;
    for (*bins = 0; nested_next(&c, &key, &n, &v); ++*bins) {
        char text[40] = {0};
        memcpy(text, key, n);
        assert_true(strtod(text, NULL) > before); /* ascending */
        before = strtod(text, NULL);
        sum += v.i;
    }
    return sum;
}

static void counts_add_up(void **state)
{
    (void)state;
    const char *const sizes[] = {"1", "10", "256"};
    for (int k = 0; k < 3; k++) {
        struct rig g;
        int64_t bins;
        rig_init_two(&g, &aggregate_histogram, &type_double, NULL, sizes[k], 2000);
        rig_fill(&g, 3);
        int64_t wanted = 0;
        for (uint16_t i = 0; i < 2000; i++) {
            g.x.d[i] *= i % 10 ? 1 : 1e300;
            wanted += !vec_is_null(&g.x, i);
        }
        struct vec out = rig_all(&g);
        assert_int_equal(total(&g, &out, &bins), wanted);
        assert_int_equal(bins, atoi(sizes[k]));
        rig_any_batch_size(&g);
        void *a = rig_state(&g), *b = rig_state(&g);
        rig_add(&g, a, 0, 700);
        rig_add(&g, b, 700, 2000);
        g.call.def->combine(&g.call, a, b);
        struct blob blob;
        memcpy(&blob, a, sizeof blob);
        assert_true(blob.n <= 1024 * 16);
        out = rig_result(&g, a);
        assert_int_equal(total(&g, &out, &bins), wanted);
        rig_drop(&g, a);
        rig_drop(&g, b);
        rig_done(&g);
    }
}

static void ends_of_doubles(void **state)
{
    (void)state;
    struct rig g;
    rig_init_two(&g, &aggregate_histogram, &type_double, NULL, "1", 5);
    const double x[] = {DBL_MAX, -DBL_MAX, (double)INFINITY, -(double)INFINITY, (double)NAN};
    memcpy(g.x.d, x, sizeof x);
    struct vec out = rig_all(&g);
    assert_string_equal(rig_text(&g, &out), "{\"0.0\": 2}");
    rig_done(&g);
}

static void nothing_and_wrong_arguments(void **state)
{
    (void)state;
    struct rig g;
    rig_init_two(&g, &aggregate_histogram, &type_long, NULL, "3", 1);
    rig_null(&g, 0);
    struct vec out = rig_all(&g);
    assert_string_equal(rig_text(&g, &out), "{}");
    rig_done(&g);
    const char *const wrong[] = {"0", "257", "2.5", "y"};
    for (int i = 0; i < 4; i++) {
        rig_refuses_two(&aggregate_histogram, &type_double, NULL, wrong[i],
                        "histogram(x, n): n is a whole number from 1 to 256");
    }
    rig_refuses_two(&aggregate_histogram, &type_string, NULL, "5",
                    "histogram wants a number, not string");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bin_for_each_of_few_values),
        cmocka_unit_test(nearest_ones_become_one),
        cmocka_unit_test(counts_add_up),
        cmocka_unit_test(ends_of_doubles),
        cmocka_unit_test(nothing_and_wrong_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
