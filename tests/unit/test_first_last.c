/* Aggregates first and last: values, nulls, order, merging. */
#include "tests/unit/aggregate_harness.h"

extern const struct aggregate_def aggregate_first, aggregate_last;

/* What differs. */
struct side {
    const struct aggregate_def *def;
    int64_t by_time;
    const char *tied;
    int64_t by_partition;
    const char *text;
};

static struct side of_first = {
    .def = &aggregate_first, .by_time = 20, .tied = "one", .by_partition = 1, .text = "b"};
static struct side of_last = {.def = &aggregate_last,
                              .by_time = 50,
                              .tied = "three, which is longer",
                              .by_partition = 20,
                              .text = "a text of more than twelve"};

static void by_event_time(void **state)
{
    const struct side *side = *state;
    struct rig g;
    rig_init(&g, side->def, &type_long, 6);
    const int64_t time[] = {7, 3, 9, 1, 8, 10}, x[] = {10, 20, 50, 0, 40, 0};
    memcpy(g.batch.time, time, sizeof time);
    memcpy(g.x.i, x, sizeof x);
    rig_null(&g, 3);
    rig_null(&g, 5);
    struct vec out = rig_all(&g);
    assert_int_equal(out.i[0], side->by_time);
    rig_any_batch_size(&g);
    rig_combines(&g, 0);
    rig_done(&g);
}

static void ties_in_input_order(void **state)
{
    const struct side *side = *state;
    struct rig g;
    rig_init(&g, side->def, &type_string, 3);
    const char *const x[] = {"one", "two", "three, which is longer"};
    for (uint16_t i = 0; i < 3; i++) {
        g.x.s[i] = str_ref(x[i], (uint32_t)strlen(x[i]));
    }
    struct vec out = rig_all(&g);
    assert_string_equal(rig_text(&g, &out), side->tied);
    rig_any_batch_size(&g);
    rig_combines(&g, 0);
    rig_done(&g);
}

/* Behind a repartition: rows of several partitions in any order, of each in its own. */
static void ties_by_source_partition(void **state)
{
    const struct side *side = *state;
    static int32_t parts[3][5] = {{1, 0, 1, 0, 2}, {2, 0, 1, 1, 0}, {1, 2, 1, 0, 0}};
    static const int64_t values[3][5] = {
        {10, 1, 11, 2, 20}, {20, 1, 10, 11, 2}, {10, 20, 11, 1, 2}};
    for (int k = 0; k < 3; k++) {
        struct rig g;
        rig_init(&g, side->def, &type_long, 5);
        memcpy(g.x.i, values[k], sizeof values[k]);
        g.batch.part = parts[k];
        assert_int_equal(rig_all(&g).i[0], side->by_partition);
        rig_any_batch_size(&g);
        rig_combines(&g, 0);
        rig_done(&g);
    }
}

static void every_type(void **state)
{
    const struct side *side = *state;
    struct rig g;
    rig_init(&g, side->def, &type_boolean, 2);
    g.x.b[0] = g.x.b[1] = 1;
    struct vec out = rig_all(&g);
    assert_string_equal(rig_text(&g, &out), "true");
    rig_done(&g);
    rig_init(&g, side->def, &type_double, 1);
    g.x.d[0] = -0.5;
    out = rig_all(&g);
    assert_true(out.d[0] == -0.5);
    rig_done(&g);
    struct arena a;
    arena_init(&a);
    rig_init(&g, side->def, type_array(&a, &type_long), 2);
    g.x.s[0] = str_ref("\x02\x01\x04", 3); /* [2] */
    rig_null(&g, 1);
    out = rig_all(&g);
    assert_string_equal(rig_text(&g, &out), "[2]");
    rig_done(&g);
    arena_done(&a);
}

static void long_texts(void **state)
{
    const struct side *side = *state;
    struct rig g;
    rig_init(&g, side->def, &type_string, 3);
    g.x.s[0] = str_ref("b", 1);
    g.x.s[1] = str_ref("a text that is not it, though it is long", 40);
    g.x.s[2] = str_ref("a text of more than twelve", 26);
    for (uint16_t i = 0; i < 3; i++) {
        g.batch.time[i] = i;
    }
    struct vec out = rig_all(&g);
    assert_string_equal(rig_text(&g, &out), side->text);
    rig_combines(&g, 0);
    rig_done(&g);
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
        rig_done(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(by_event_time, &of_first),
        cmocka_unit_test_prestate(ties_in_input_order, &of_first),
        cmocka_unit_test_prestate(every_type, &of_first),
        cmocka_unit_test_prestate(long_texts, &of_first),
        cmocka_unit_test_prestate(null_of_nothing, &of_first),
        cmocka_unit_test_prestate(ties_by_source_partition, &of_first),
        cmocka_unit_test_prestate(by_event_time, &of_last),
        cmocka_unit_test_prestate(ties_in_input_order, &of_last),
        cmocka_unit_test_prestate(every_type, &of_last),
        cmocka_unit_test_prestate(long_texts, &of_last),
        cmocka_unit_test_prestate(null_of_nothing, &of_last),
        cmocka_unit_test_prestate(ties_by_source_partition, &of_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
