/* Aggregate collect: order, ties, every type, bounds, merging. */
#include "tests/unit/aggregate_harness.h"

extern const struct aggregate_def aggregate_collect;

static void in_event_time_order(void **state)
{
    (void)state;
    struct rig g;
    static int32_t part[] = {1, 0, 0, 0, 0, 0};
    rig_init(&g, &aggregate_collect, &type_long, 6);
    const int64_t x[] = {40, 41, -1, 0, 99, 42}, time[] = {5, 5, 1, 3, 9, 5};
    memcpy(g.x.i, x, sizeof x);
    memcpy(g.batch.time, time, sizeof time);
    rig_null(&g, 3);
    struct vec out = rig_all(&g);
    assert_string_equal(rig_text(&g, &out), "[-1, 40, 41, 42, 99]");
    rig_any_batch_size(&g);
    rig_combines(&g, 0);
    g.batch.part = part;
    out = rig_all(&g);
    assert_string_equal(rig_text(&g, &out), "[-1, 41, 42, 40, 99]");
    rig_combines(&g, 0);
    rig_done(&g);
}

static void every_type(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    const struct type *const types[] = {&type_boolean, &type_double, &type_timestamp,
                                        &type_string,  &type_bytes,  type_array(&a, &type_long)};
    const char *const wanted[] = {"[true, false]",    "[-2.5, 0.0]",
                                  "[77, 0]",          "[\"a text of more than twelve\", \"\"]",
                                  "[\"/w==\", \"\"]", "[[2], []]"};
    for (int t = 0; t < 6; t++) {
        struct rig g;
        rig_init(&g, &aggregate_collect, types[t], 2);
        switch (t) {
        case 0:
            g.x.b[0] = 1;
            break;
        case 1:
            g.x.d[0] = -2.5;
            break;
        case 2:
            g.x.i[0] = 77;
            break;
        case 3:
            g.x.s[0] = str_ref("a text of more than twelve", 26);
            break;
        case 4:
            g.x.s[0] = str_ref("\xff", 1);
            break;
        default:
            g.x.s[0] = str_ref("\x02\x01\x04", 3);
            g.x.s[1] = str_ref("\0", 1);
        }
        struct vec out = rig_all(&g);
        assert_string_equal(rig_text(&g, &out), wanted[t]);
        struct nested_value v;
        assert_true(nested_at(g.call.type, str_data(out.s), out.s[0].n, 1, &v));
        assert_false(v.is_null);
        assert_int_equal(nested_count(str_data(out.s), out.s[0].n), 2);
        rig_combines(&g, 0);
        rig_done(&g);
    }
    arena_done(&a);
}

static void at_most_so_many(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_collect, &type_long, 2000);
    void *a = rig_state(&g), *b = rig_state(&g);
    for (int i = 0; i < 5; i++) {
        rig_add(&g, a, 0, 2000);
        assert_int_equal(g.errors.n, 0);
    }
    rig_add(&g, a, 0, 3);
    assert_int_equal(g.errors.n, 3);
    assert_int_equal(g.errors.item[0].row, 0);
    assert_non_null(
        strstr(g.errors.item[0].text, "collect holds 10,000 values and 256 KiB at most"));
    assert_null(g.call.def->failed(&g.call, a));
    struct vec out = rig_result(&g, a);
    assert_int_equal(nested_count(str_data(out.s), out.s[0].n), 10000);
    rig_add(&g, b, 0, 1);
    g.call.def->combine(&g.call, b, a); /* 10,001 */
    assert_non_null(strstr(g.call.def->failed(&g.call, b), "10,000 values"));
    out = rig_result(&g, b);
    assert_true(vec_is_null(&out, 0));
    g.call.def->combine(&g.call, a, b);
    assert_non_null(g.call.def->failed(&g.call, a));
    rig_drop(&g, a);
    rig_drop(&g, b);
    rig_done(&g);
}

static void at_most_so_many_bytes(void **state)
{
    (void)state;
    struct rig g;
    enum { BIG = 100000 };
    rig_init(&g, &aggregate_collect, &type_string, 4);
    char *text = arena_zalloc(&g.mem, 3 * BIG);
    memset(text, 'x', 3 * BIG);
    for (uint16_t i = 0; i < 4; i++) {
        g.x.s[i] = str_ref(text, i == 1 ? 3 * BIG : BIG);
    }
    void *a = rig_state(&g);
    rig_add(&g, a, 0, 4);
    assert_int_equal(g.errors.n, 2);
    assert_int_equal(g.errors.item[0].row, 1);
    assert_int_equal(g.errors.item[1].row, 3);
    struct blob blob;
    memcpy(&blob, a, sizeof blob);
    assert_true(blob.cap <= 3 << 17);
    rig_drop(&g, a);
    rig_done(&g);
}

static void nothing_is_an_empty_array(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_collect, &type_string, 1);
    rig_null(&g, 0);
    struct vec out = rig_all(&g);
    assert_string_equal(rig_text(&g, &out), "[]");
    rig_combines(&g, 0);
    rig_done(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_event_time_order),       cmocka_unit_test(every_type),
        cmocka_unit_test(at_most_so_many),           cmocka_unit_test(at_most_so_many_bytes),
        cmocka_unit_test(nothing_is_an_empty_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
