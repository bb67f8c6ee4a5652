/* Windows, and the steps that group by key and time, inside a real task: windows of windows,
 * restarts, any batch size.
 */
#include "tests/support/task_run.h"

#include "engine/memory.h"
#include "engine/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 400

/* Runs `topology` over random rows {host, v, ts}; the caller frees r. */
static void run(struct task_result *r, const char *topology, uint16_t batch, size_t restart)
{
    static char *value[ROWS];
    static const char *key[ROWS];
    static const char *const hosts[] = {"a", "b", "a host of a longer name"};
    struct random rnd;
    random_seed(&rnd, 3, 3);
    for (int i = 0; i < ROWS; i++) {
        key[i] = hosts[random_below(&rnd, 3)];
        value[i] = mem_printf("{\"host\": \"%s\", \"v\": %u, \"ts\": %u}", key[i],
                              random_below(&rnd, 100), (unsigned)i * 10 + random_below(&rnd, 120));
    }
    struct task_run t = {.topology = topology,
                         .topic = "samples",
                         .value = (const char *const *)value,
                         .key = key,
                         .n = ROWS,
                         .batch_rows = batch,
                         .restart_every = restart};
    *r = (struct task_result){0};
    task_run(&t, r);
    if (r->status < 0) {
        print_message("%s\n%s\n", r->err.text, task_result_problems(r));
    }
    assert_int_equal(r->status, 0);
    for (int i = 0; i < ROWS; i++) {
        mem_free(value[i]);
    }
}

static void assert_always_the_same(const char *topology, size_t least_bytes)
{
    struct task_result whole;
    run(&whole, topology, 0, 0);
    assert_true(whole.out.n > least_bytes);
    static const struct {
        uint16_t batch;
        size_t restart;
    } way[] = {{1, 0}, {3, 0}, {0, 50}, {3, 7}, {1, 1}};
    for (size_t i = 0; i < sizeof way / sizeof way[0]; i++) {
        struct task_result r;
        run(&r, topology, way[i].batch, way[i].restart);
        assert_string_equal(buffer_cstr(&r.out), buffer_cstr(&whole.out));
        task_result_done(&r);
    }
    task_result_done(&whole);
}

#define SOURCE                                                                                     \
    "name: t\n"                                                                                    \
    "streams:\n"                                                                                   \
    "  load:\n"                                                                                    \
    "    from: {topic: samples, value: json, key: {host: string}, "                                \
    "columns: {host: string, v: long, ts: long}}\n"                                                \
    "    time: {field: ts, out_of_order: 50ms}\n"                                                  \
    "    steps:\n"

static void one_window(void **state)
{
    (void)state;
    assert_always_the_same(SOURCE
                           "      - window: {tumbling: 100ms, grace: 20ms, aggregate: \"count() as "
                           "n, sum(v) as sum, stddev(v) as dev, last(v) as last\"}\n"
                           "    to: {topic: out, value: json}\n",
                           3000);
}

static void windows_of_windows(void **state)
{
    (void)state;
    assert_always_the_same(
        SOURCE "      - window: {tumbling: 100ms, grace: 20ms, aggregate: count() as n}\n"
               "      - window: {tumbling: 300ms, aggregate: \"count() as windows, "
               "sum(n) as rows\"}\n"
               "    to: {topic: out, value: json}\n",
        1000);
}

/* What the first step counted arrives in full at a second one over all time. */
static void nested_windows_lose_nothing(void **state)
{
    (void)state;
    struct task_result r;
    run(&r,
        SOURCE "      - window: {tumbling: 100ms, grace: 1s, aggregate: count() as n}\n"
               "      - window: {tumbling: 10d, aggregate: sum(n) as n}\n"
               "    to: {topic: out, value: json}\n",
        0, 0);
    long rows = 0;
    for (const char *at = buffer_cstr(&r.out); (at = strstr(at, "\"n\":")) != NULL; at++) {
        rows += strtol(at + 4, NULL, 10);
    }
    assert_int_equal(rows, ROWS);
    task_result_done(&r);
}

static void a_table_of_updates(void **state)
{
    (void)state;
    assert_always_the_same(SOURCE
                           "      - aggregate: count() as n, avg(v) as mean, collect(v)[2] as "
                           "third, sum(v) * 10 / count() as share\n"
                           "      - running: diff(n) as d\n"
                           "    to: {topic: out, value: json}\n",
                           10000);
}

static void keys_that_are_silent(void **state)
{
    (void)state;
    assert_always_the_same(SOURCE "      - absent: {after: 30ms, every: 20ms, forget: 1s}\n"
                                  "      - window: {tumbling: 50ms, aggregate: \"count() as n, "
                                  "max(last_seen) as seen\"}\n"
                                  "    to: {topic: out, value: json}\n",
                           3000);
}

static void empty_windows(void **state)
{
    (void)state;
    static const char *const fill[] = {"zero", "previous", "null"};
    for (int i = 0; i < 3; i++) {
        char topology[1000];
        snprintf(topology, sizeof topology,
                 SOURCE "      - window: {hopping: {size: 20ms, every: 10ms}, fill: %s, aggregate: "
                        "\"count() as n, collect(v)[0] as first, last(host) as last\"}\n"
                        "    to: {topic: out, value: json}\n",
                 fill[i]);
        assert_always_the_same(topology, 20000);
    }
}

static void results_that_no_longer_pass(void **state)
{
    (void)state;
    static const char *const kind[] = {"tumbling: 100ms", "hopping: {size: 90ms, every: 40ms}",
                                       "sliding: 60ms", "session: 30ms"};
    for (int i = 0; i < 4; i++) {
        char topology[1000];
        snprintf(topology, sizeof topology,
                 SOURCE "      - window: {%s, emit: updates, having: n %% 3 > 0, aggregate: "
                        "\"count() as n, sum(v) as s\"}\n"
                        "    to: {topic: out, value: json}\n",
                 kind[i]);
        assert_always_the_same(topology, 3000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_of_updates),
        cmocka_unit_test(keys_that_are_silent),
        cmocka_unit_test(empty_windows),
        cmocka_unit_test(results_that_no_longer_pass),
        cmocka_unit_test(one_window),
        cmocka_unit_test(windows_of_windows),
        cmocka_unit_test(nested_windows_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
