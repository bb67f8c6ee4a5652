/* --until-end: all that was there, through every level of repartitions, and then an end.
 */
#include "tests/unit/runner_harness.h"

#include "engine/logger.h"
#include "worker/trainer_thread.h"

#define A                                                                                          \
    "name: t\nstreams:\n  a:\n    from: {topic: x, value: json, columns: {g: string, v: long, "    \
    "ts: "                                                                                         \
    "long}}\n    time: {field: ts}\n"

/* 90 rows in 3 partitions of time, and one of each to close the windows. */
static const char *rows(void)
{
    static char text[20000];
    size_t n = 0;
    for (int i = 0; i < 90; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n,
                              "{\"key\":\"%d\",\"value\":{\"g\":\"g%d\",\"v\":%d,\"ts\":%d}}\n", i,
                              i % 7, i, i);
    }
    for (int i = 0; i < 60; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n,
                              "{\"key\":\"%d\",\"value\":{\"g\":\"end\",\"v\":0,\"ts\":%d}}\n", i,
                              100000 + i / 30 * 100000);
    }
    return text;
}

static void through_three_levels(void **state)
{
    (void)state;
    struct running r;
    running_init(&r);
    create(&r, "x", 3);
    assert_runs(&r,
                A
                "    steps:\n      - key_by: g\n"
                "      - window: {tumbling: 10ms, aggregate: \"count() as n, sum(v) as s\"}\n"
                "      - key_by: n\n"
                "      - window: {tumbling: 100ms, aggregate: \"sum(n) as m, sum(s) as s\"}\n"
                "      - key_by: []\n"
                "      - window: {tumbling: 1s, aggregate: \"sum(m) as n, sum(s) as s\"}\n"
                "      - filter: n > 40\n      - select: n, s\n    to: {topic: out, value: json}\n",
                rows());
    /* rows 0 to 89; the rows that end everything stay in open windows or below the filter */
    assert_string_equal(memory_client_topic(&r.m, "out", "json"), "- {\"n\":90,\"s\":4005}\n");
    running_done(&r);
}

static void a_sub_plan_that_feeds_itself(void **state)
{
    (void)state;
    struct running r;
    running_init(&r);
    create(&r, "x", 2);
    assert_runs(&r,
                A "  s:\n    from: a\n    steps:\n      - key_by: g\n"
                  "      - running: count() as v\n      - select: g, v\n"
                  "  u:\n    from: [s, a]\n    steps:\n      - select: g, v\n"
                  "    to: {topic: out, value: json}\n",
                rows());
    const char *out = memory_client_topic(&r.m, "out", "json");
    int n = 0;
    for (; (out = strchr(out, '\n')); out++) {
        n++;
    }
    assert_int_equal(n, 300); /* every row, and what was counted at it */
    running_done(&r);
}

static void nothing_to_read(void **state)
{
    (void)state;
    struct running r;
    running_init(&r);
    assert_runs(&r, A "    steps:\n      - key_by: g\n      - running: count() as n\n    to: out\n",
                NULL);
    assert_string_equal(memory_client_topic(&r.m, "out", "json"), "");
    running_done(&r);
}

static void sources_with_an_end_are_waited_for(void **state)
{
    (void)state;
    struct running r;
    running_init(&r);
    assert_runs(&r,
                "name: t\nstreams:\n"
                "  g: {from: {generator: {rate: 1000, rows: 30, columns: {v: row}}}}\n"
                "  c:\n    from: g\n    steps:\n      - key_by: v % 2 as odd\n"
                "      - running: count() as n\n      - filter: n = 15\n      - select: odd, n\n"
                "    to: {topic: out, value: json}\n",
                NULL);
    const char *out = memory_client_topic(&r.m, "out", "json");
    assert_non_null(strstr(out, "{\"odd\":0,\"n\":15}"));
    assert_non_null(strstr(out, "{\"odd\":1,\"n\":15}"));
    running_done(&r);
}

/* What the last row made due is not given up with the run: who comes next goes on from it. */
static void trainings_are_waited_for(void **state)
{
    (void)state;
    static const char topology[] =
        A "    steps:\n"
          "      - regress: {algorithm: random_forest, options: {n_models: 4000}, features: [v], "
          "label: v * 2, as: p, per: partition, learn: {batch: {window: 500, every: 500, min_rows: "
          "100}}}\n"
          "      - select: p_model_version as version\n    to: {topic: out, value: json}\n";
    struct running r;
    struct trainer_thread *thread;
    running_init(&r);
    assert_int_equal(trainer_thread_start(&thread, &r.err), 0);
    r.trainer = trainer_thread_trainer(thread);
    create(&r, "x", 1);
    assert_runs(&r, topology, rows());
    assert_int_equal(r.trainer->under_way(r.trainer), 0);
    assert_runs(&r, topology, "{\"key\":\"1\",\"value\":{\"g\":\"a\",\"v\":7,\"ts\":1}}\n");
    const char *out = memory_client_topic(&r.m, "out", "json");
    assert_string_equal(strrchr(out, '{'), "{\"version\":1}\n");
    trainer_thread_stop(thread);
    running_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(through_three_levels),
        cmocka_unit_test(a_sub_plan_that_feeds_itself),
        cmocka_unit_test(nothing_to_read),
        cmocka_unit_test(trainings_are_waited_for),
        cmocka_unit_test(sources_with_an_end_are_waited_for),
    };
    logger_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
