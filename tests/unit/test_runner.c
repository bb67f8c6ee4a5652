/* A topology from file to output in memory: rows in, rows out, feeders that go on where they were,
 * and how a run ends.
 */
#include "tests/unit/runner_harness.h"

#include "engine/logger.h"

#include <stdlib.h>
#include <time.h>

#define A                                                                                          \
    "name: t\nstreams:\n  a:\n    from: {topic: x, value: json, columns: {h: string, v: long}}\n"

static void rows_in_and_out(void **state)
{
    (void)state;
    struct running r;
    running_init(&r);
    assert_runs(&r, A "    steps:\n      - filter: v > 1\n      - add: v * 2 as w\n    to: out\n",
                "{\"key\":\"k\",\"value\":{\"h\":\"a\",\"v\":1}}\n{\"key\":\"k\",\"value\":{\"h\":"
                "\"a\",\"v\":2}}\n"
                "{\"value\":null}\n{\"value\":{\"h\":\"b\",\"v\":3}}\n");
    assert_string_equal(memory_client_topic(&r.m, "out", "avro"),
                        "k {\"h\":\"a\",\"v\":2,\"w\":4}\n- {\"h\":\"b\",\"v\":3,\"w\":6}\n");
    running_done(&r);
}

static void a_second_run_goes_on(void **state)
{
    (void)state;
    struct running r;
    running_init(&r);
    static const char topology[] =
        A "    steps:\n      - key_by: h\n      - running: cumsum(v) as sum\n      - select: sum\n"
          "    to: {topic: out, value: json}\n";
    assert_runs(&r, topology,
                "{\"value\":{\"h\":\"a\",\"v\":1}}\n{\"value\":{\"h\":\"a\",\"v\":2}}\n");
    assert_runs(&r, topology, "{\"value\":{\"h\":\"a\",\"v\":3}}\n");
    assert_runs(&r, topology, NULL);
    assert_string_equal(memory_client_topic(&r.m, "out", "json"),
                        "a {\"sum\":1}\na {\"sum\":3}\na {\"sum\":6}\n");
    running_done(&r);
}

static void several_lanes(void **state)
{
    (void)state;
    struct running r;
    char rows[20000] = "";
    size_t n = 0;
    running_init(&r);
    create(&r, "x", 4);
    for (int i = 0; i < 200; i++) {
        n += (size_t)snprintf(rows + n, sizeof rows - n,
                              "{\"key\":\"%d\",\"value\":{\"h\":\"h%d\",\"v\":1}}\n", i, i % 3);
    }
    assert_runs(
        &r,
        "lanes: 3\n" A "    steps:\n      - key_by: h\n      - running: cumsum(v) as sum\n"
        "      - filter: sum > 64\n      - select: h, sum\n    to: {topic: out, value: json}\n",
        rows);
    const char *out = memory_client_topic(&r.m, "out", "json");
    assert_non_null(strstr(out, "h0 {\"h\":\"h0\",\"sum\":67}\n"));
    assert_non_null(strstr(out, "h1 {\"h\":\"h1\",\"sum\":67}\n"));
    assert_non_null(strstr(out, "h2 {\"h\":\"h2\",\"sum\":66}\n"));
    assert_null(strstr(out, "68"));
    running_done(&r);
}

static void bad_records_end_the_run(void **state)
{
    (void)state;
    struct running r;
    running_init(&r);
    struct err e = {0};
    struct record bad = {.topic = "x", .value = "oops", .value_n = 4};
    assert_int_equal(r.m.client.log->ops->produce(r.m.client.log, &bad, 1, &e), 0);
    assert_int_equal(running_run(&r, A "    to: out\n", NULL), -ERR_DATA);
    assert_non_null(strstr(r.err.text, "x partition 0 offset 0: "));
    running_done(&r);
}

static void wrong_topologies_and_rows(void **state)
{
    (void)state;
    struct running r;
    running_init(&r);
    assert_int_equal(running_run(&r, "name: t\n", NULL), -ERR_CONFIG);
    assert_true(r.diags.n > 0);
    assert_int_equal(running_run(&r, A "    to: out\n", "{\"value\":{\"v\":\"x\"}}\n"), -ERR_DATA);
    assert_non_null(strstr(r.err.text, "rows.jsonl: row 1: "));
    assert_int_equal(running_new(&r, A "    to: out\n", NULL), 0);
    assert_int_equal(runner_feed(r.runner, "b", "rows.jsonl", &r.err), -ERR_CONFIG);
    runner_free(r.runner);
    r.runner = NULL;
    /* before anything runs, or is even made */
    assert_int_equal(running_new(&r, A "    to: other\n", "othr"), -ERR_CONFIG);
    assert_string_equal(r.err.text,
                        "--show othr: no stream writes to that topic; did you mean \"other\"?");
    int32_t n;
    struct log *log = r.m.client.log;
    assert_int_equal(log->ops->partitions(log, "other", &n, 100, NULL), 0);
    assert_int_equal(n, 0);
    running_done(&r);
}

/* A generator makes row after row: a second run begins behind the last committed one. */
static void feeders_go_on_where_they_were(void **state)
{
    (void)state;
    struct running r;
    char topology[300];
    running_init(&r);
    for (int rows = 40; rows <= 120; rows += 40) {
        snprintf(
            topology, sizeof topology,
            "name: t\nstreams:\n  g:\n    from: {generator: {rate: 100000, rows: %d, columns: {v: "
            "row}}}\n    to: {topic: out, value: json}\n",
            rows);
        assert_runs(&r, topology, NULL);
    }
    const char *out = memory_client_topic(&r.m, "out", "json");
    for (int i = 0; i < 120; i++) {
        char *end;
        const char *v = strstr(out, "\"v\":");
        assert_non_null(v);
        assert_int_equal(strtol(v + 4, &end, 10), i);
        out = end;
    }
    assert_null(strstr(out, "\"v\":"));
    running_done(&r);
}

static void sinks_are_emptied(void **state)
{
    (void)state;
    struct running r;
    char topology[400];
    running_init(&r);
    snprintf(topology, sizeof topology, A "    to: {file: {path: %s/out.jsonl}}\n", r.m.dir);
    assert_runs(&r, topology,
                "{\"key\":\"k\",\"value\":{\"h\":\"a\",\"v\":1}}\n{\"value\":{\"v\":2}}\n");
    const char *out = memory_client_read(&r.m, "out.jsonl");
    assert_non_null(strstr(out, "\"value\":{\"h\":\"a\",\"v\":1}}\n"));
    assert_non_null(strstr(out, "\"value\":{\"h\":null,\"v\":2}}\n"));
    running_done(&r);
}

/* State that another topology saved, and state that cannot be read, end the run: no other try would
 * find them better. */
static void state_that_does_not_fit_ends_the_run(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        size_t n;
        int result;
        const char *words;
    } entry[] = {
        {"\3\0abcd12345678", 14, -ERR_CONFIG, "was saved by other settings of the step"},
        {"\xff\xff....", 6, -ERR_CONFIG, "was written by another version of klamm"},
        {"\3\0!", 3, -ERR_DATA, "damaged entry"},
    };
    for (size_t i = 0; i < sizeof entry / sizeof *entry; i++) {
        struct running r;
        struct err e = {0};
        running_init(&r);
        struct record bad = {.topic = "t-a-running-changelog",
                             .key = "k",
                             .key_n = 1,
                             .value = entry[i].value,
                             .value_n = entry[i].n};
        assert_int_equal(r.m.client.log->ops->produce(r.m.client.log, &bad, 1, &e), 0);
        assert_int_equal(
            running_run(&r,
                        "name: t\nstreams:\n  a:\n    from: {topic: x, value: json, key: {h: "
                        "string}, columns: {h: string, v: long}}\n    steps:\n"
                        "      - running: cumsum(v) as sum\n    to: out\n",
                        "{\"key\":\"k\",\"value\":{\"h\":\"k\",\"v\":1}}\n"),
            entry[i].result);
        assert_non_null(strstr(r.err.text, entry[i].words));
        assert_string_equal(memory_client_topic(&r.m, "out", "json"), "");
        running_done(&r);
    }
}

static void what_has_no_end_is_refused(void **state)
{
    (void)state;
    struct running r;
    running_init(&r);
    assert_int_equal(running_new(&r,
                                 "name: t\nstreams:\n  a:\n    from: {generator: {columns: {v: "
                                 "row}}}\n    to: out\n  b:\n    from: {file: {path: x.jsonl, "
                                 "follow: true, columns: {v: long}}}\n    to: out\n",
                                 NULL),
                     -ERR_CONFIG);
    assert_int_equal(r.diags.n, 2);
    assert_non_null(strstr(r.diags.item[0].text, "this generator has no end: give it one, `rows:"));
    assert_string_equal(r.diags.item[0].path, "streams.a.from");
    assert_non_null(strstr(r.diags.item[1].text, "this file has no end"));
    running_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_in_and_out),
        cmocka_unit_test(a_second_run_goes_on),
        cmocka_unit_test(several_lanes),
        cmocka_unit_test(bad_records_end_the_run),
        cmocka_unit_test(wrong_topologies_and_rows),
        cmocka_unit_test(feeders_go_on_where_they_were),
        cmocka_unit_test(sinks_are_emptied),
        cmocka_unit_test(state_that_does_not_fit_ends_the_run),
        cmocka_unit_test(what_has_no_end_is_refused),
    };
    logger_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
