/* Aggregate rate: counters that begin anew, rows out of order, more rows than are kept, merging. */
#include "tests/unit/aggregate_harness.h"

extern const struct aggregate_def aggregate_rate;

static void per_second_of_event_time(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_rate, &type_long, 5);
    const int64_t x[] = {100, 110, 130, 5, 15}, time[] = {1000, 2000, 3000, 5000, 9000};
    memcpy(g.x.i, x, sizeof x);
    memcpy(g.batch.time, time, sizeof time);
    assert_true(rig_all(&g).d[0] == (30 + 5 + 10) / 8.0);
    rig_any_batch_size(&g);
    rig_combines(&g, 0);
    g.x.i[1] = 5; /* the same rows in another order */
    g.x.i[3] = 110;
    g.batch.time[1] = 5000;
    g.batch.time[3] = 2000;
    assert_true(rig_all(&g).d[0] == (30 + 5 + 10) / 8.0);
    rig_done(&g);
}

static void great_longs_are_exact(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_rate, &type_long, 3);
    for (uint16_t i = 0; i < 3; i++) {
        g.x.i[i] = INT64_MAX - 10 + i * 3;
        g.batch.time[i] = i * 1000;
    }
    assert_true(rig_all(&g).d[0] == 3);
    g.x.i[0] = INT64_MIN;
    assert_true(rig_all(&g).d[0] == 0x1p64 / 2);
    rig_done(&g);
}

/* Rows of counters that begin anew now and then; `wanted` adds up. */
static double fill(struct rig *g, uint64_t seed)
{
    struct random r;
    double rises = 0, before = 0;
    random_seed(&r, seed, 1);
    for (uint16_t i = 0; i < g->rows; i++) {
        double x =
            random_below(&r, 20) == 0 ? random_below(&r, 100) : before + random_below(&r, 1000);
        rises += i == 0 ? 0 : x < before ? x : x - before;
        before = x;
        g->x.d[i] = x;
        g->batch.time[i] = INT64_C(1700000000000) + i * 250;
    }
    return rises / (g->rows - 1) * 4;
}

static void splits_of_many(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_rate, &type_double, 2048);
    double wanted = fill(&g, 1);
    for (uint16_t i = 0; i <= 2048; i = (uint16_t)(i + 64)) {
        for (int way = 0; way < 2; way++) {
            uint16_t j = (uint16_t)((i + 2048) / 2);
            void *a = rig_state(&g), *b = rig_state(&g), *c = rig_state(&g);
            rig_add(&g, a, 0, i);
            rig_add(&g, b, i, j);
            rig_add(&g, c, j, 2048);
            g.call.def->combine(&g.call, way ? a : b, way ? b : c);
            g.call.def->combine(&g.call, a, way ? c : b);
            struct blob blob;
            memcpy(&blob, a, sizeof blob);
            assert_true(blob.n <= 2 * 512 * 24);
            assert_true(rig_result(&g, a).d[0] == wanted); /* whole numbers: exact */
            rig_drop(&g, a);
            rig_drop(&g, b);
            rig_drop(&g, c);
        }
    }
    rig_done(&g);
}

/* Within 512 places of its own a row finds its place, also behind what was folded. */
static void out_of_order(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_rate, &type_double, 2000);
    double wanted = fill(&g, 2);
    for (uint16_t from = 0; from < 2000; from = (uint16_t)(from + 500)) {
        for (uint16_t i = from, k = (uint16_t)(from + 499); i < k; i++, k--) {
            double x = g.x.d[i];
            int64_t time = g.batch.time[i];
            g.x.d[i] = g.x.d[k];
            g.batch.time[i] = g.batch.time[k];
            g.x.d[k] = x;
            g.batch.time[k] = time;
        }
    }
    assert_true(rig_all(&g).d[0] == wanted);
    rig_any_batch_size(&g);
    rig_done(&g);
}

/* What comes after 1024 later ones is left out. */
static void from_before_the_horizon(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_rate, &type_double, 1100);
    for (uint16_t i = 0; i < 1100; i++) {
        g.x.d[i] = i < 1099 ? i : 7;
        g.batch.time[i] = i < 1099 ? 1000 + i * 1000 : 0;
    }
    assert_true(rig_all(&g).d[0] == 1);
    rig_done(&g);
}

static void without_a_rate(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_rate, &type_double, 3);
    g.x.d[1] = 5;
    struct vec out = rig_all(&g);
    assert_true(vec_is_null(&out, 0)); /* one event time */
    g.batch.time[1] = 2000;
    assert_true(rig_all(&g).d[0] == 2.5);
    rig_null(&g, 0);
    rig_null(&g, 2);
    out = rig_all(&g);
    assert_true(vec_is_null(&out, 0));
    rig_combines(&g, 0);
    rig_done(&g);
    rig_refuses(&aggregate_rate, &type_timestamp, "rate wants a number, not timestamp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(per_second_of_event_time), cmocka_unit_test(great_longs_are_exact),
        cmocka_unit_test(splits_of_many),           cmocka_unit_test(out_of_order),
        cmocka_unit_test(from_before_the_horizon),  cmocka_unit_test(without_a_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
