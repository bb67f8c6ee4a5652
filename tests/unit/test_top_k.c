/* Aggregate top_k: counts, ties, every type, more values than counters, merging. */
#include "tests/unit/aggregate_harness.h"

extern const struct aggregate_def aggregate_top_k;

static void most_frequent_first(void **state)
{
    (void)state;
    struct rig g;
    rig_init_two(&g, &aggregate_top_k, &type_string, NULL, "3", 9);
    const char *const x[] = {"pear", "", "fig, sun-dried, of Smyrna", "apple", "fig",
                             "",     "", "fig, sun-dried, of Smyrna", "pear"};
    for (uint16_t i = 0; i < 9; i++) {
        g.x.s[i] = str_ref(x[i], (uint32_t)strlen(x[i]));
    }
    struct vec out = rig_all(&g);
    assert_string_equal(rig_text(&g, &out), "[\"\", \"fig, sun-dried, of Smyrna\", \"pear\"]");
    rig_any_batch_size(&g);
    rig_combines(&g, 0);
    rig_done(&g);
}

static void other_types(void **state)
{
    (void)state;
    struct rig g;
    rig_init_two(&g, &aggregate_top_k, &type_double, NULL, "5", 7);
    const double x[] = {(double)NAN, 0.0, 2.5, -0.0, -(double)NAN, -7, -0.0};
    memcpy(g.x.d, x, sizeof x);
    struct vec out = rig_all(&g);
    assert_string_equal(rig_text(&g, &out), "[0.0, NaN, -7.0, 2.5]");
    rig_combines(&g, 0);
    rig_done(&g);
    rig_init_two(&g, &aggregate_top_k, &type_long, NULL, "2", 5);
    const int64_t y[] = {-1, 5, INT64_MIN, 5, 4};
    memcpy(g.x.i, y, sizeof y);
    rig_null(&g, 0);
    out = rig_all(&g);
    assert_string_equal(rig_text(&g, &out), "[5, -9223372036854775808]");
    rig_combines(&g, 0);
    rig_done(&g);
    rig_init_two(&g, &aggregate_top_k, &type_boolean, NULL, "9", 3);
    g.x.b[0] = g.x.b[2] = 1;
    out = rig_all(&g);
    assert_string_equal(rig_text(&g, &out), "[true, false]");
    rig_done(&g);
}

/* Ten values in half of the rows, thousands in the other: 20 times as many as counters. */
static void frequent_ones_among_many(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rig g;
        struct random r;
        random_seed(&r, seed, 1);
        rig_init_two(&g, &aggregate_top_k, &type_long, NULL, "10", 2048);
        for (uint16_t i = 0; i < 2048; i++) {
            g.x.i[i] = i % 2 ? (int64_t)random_below(&r, 10) : 100 + random_below(&r, 2000);
        }
        void *all = rig_state(&g), *a = rig_state(&g), *b = rig_state(&g);
        rig_add(&g, all, 0, 2048);
        rig_add(&g, a, 0, 900);
        rig_add(&g, b, 900, 2048);
        g.call.def->combine(&g.call, a, b);
        void *const states[] = {all, a};
        for (int k = 0; k < 2; k++) {
            struct vec out = rig_result(&g, states[k]);
            struct nested_cursor c = nested_open(g.call.type, str_data(out.s), out.s[0].n);
            struct nested_value v;
            int n = 0;
            for (; nested_next(&c, NULL, NULL, &v); n++) {
                assert_true(v.i < 10);
            }
            assert_int_equal(n, 10);
            struct blob blob;
            memcpy(&blob, states[k], sizeof blob);
            assert_int_equal(blob.n, 100 * 32);
        }
        rig_any_batch_size(&g);
        rig_drop(&g, all);
        rig_drop(&g, a);
        rig_drop(&g, b);
        rig_done(&g);
    }
}

static void long_values_are_bad_rows(void **state)
{
    (void)state;
    struct rig g;
    rig_init_two(&g, &aggregate_top_k, &type_string, NULL, "1", 3);
    char *text = arena_zalloc(&g.mem, 2000);
    memset(text, 'x', 2000);
    g.x.s[0] = str_ref(text, 256);
    g.x.s[1] = str_ref(text, 257);
    g.x.s[2] = str_ref(text, 2000);
    void *a = rig_state(&g);
    rig_add(&g, a, 0, 3);
    assert_int_equal(g.errors.n, 2);
    assert_int_equal(g.errors.item[0].row, 1);
    assert_string_equal(g.errors.item[0].text,
                        "top_k takes values of at most 256 bytes: shorten them with substr");
    rig_drop(&g, a);
    rig_done(&g);
}

static void nothing_and_wrong_arguments(void **state)
{
    (void)state;
    struct rig g;
    rig_init_two(&g, &aggregate_top_k, &type_bytes, NULL, "3", 1);
    rig_null(&g, 0);
    struct vec out = rig_all(&g);
    assert_string_equal(rig_text(&g, &out), "[]");
    rig_combines(&g, 0);
    rig_refuses_two(&aggregate_top_k, type_array(&g.mem, &type_long), NULL, "5",
                    "top_k wants a number, timestamp, boolean, string or bytes, not array<long>");
    rig_done(&g);
    const char *const wrong[] = {"0", "101", "2.5", "y"};
    for (int i = 0; i < 4; i++) {
        rig_refuses_two(&aggregate_top_k, &type_long, NULL, wrong[i],
                        "top_k(x, k): k is a whole number from 1 to 100");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(most_frequent_first),         cmocka_unit_test(other_types),
        cmocka_unit_test(frequent_ones_among_many),    cmocka_unit_test(long_values_are_bad_rows),
        cmocka_unit_test(nothing_and_wrong_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
