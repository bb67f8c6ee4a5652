/* A plan at work without a log: partitions, repartitions, the order of what comes out, restarts,
 * the end of time.
 */
#include "worker/local.h"

#include "engine/memory.h"
#include "schemas/registry_memory.h"
#include "tests/support/plan_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

struct run {
    struct plan_rig plan;
    struct clock clock;
    struct schema_store *schemas;
    struct local *local;
    struct buffer out;
    struct err err;
};

static int print(void *ctx, const struct record *r, struct err *e)
{
    struct run *x = ctx;
    (void)e;
    buffer_printf(&x->out, "%s %d %.*s\n", r->topic, r->partition, (int)r->value_n,
                  r->value ? (const char *)r->value : "null");
    return 0;
}

static void run_init(struct run *x, const char *topology, int32_t partitions, uint16_t batch)
{
    *x = (struct run){.clock = clock_virtual(0), .schemas = registry_memory_new()};
    buffer_init(&x->out);
    int status = plan_rig_init(&x->plan, topology);
    if (status < 0) {
        print_message("%s\n", plan_rig_problems(&x->plan));
    }
    assert_int_equal(status, 0);
    struct local_config cfg = {.plan = x->plan.plan,
                               .clock = &x->clock,
                               .schemas = x->schemas,
                               .partitions = partitions,
                               .batch_rows = batch,
                               .ordered = true,
                               .output = print,
                               .ctx = x};
    assert_int_equal(local_new(&x->local, &cfg, &x->err), 0);
}

static int push(struct run *x, int32_t partition, const char *key, const char *value, int64_t time)
{
    struct record r = {.topic = "x",
                       .partition = partition,
                       .offset = time,
                       .timestamp = time,
                       .key = key,
                       .key_n = strlen(key),
                       .value = value,
                       .value_n = strlen(value)};
    return local_push(x->local, &r, 1, &x->err);
}

static void run_done(struct run *x)
{
    local_free(x->local);
    x->schemas->free(x->schemas);
    buffer_done(&x->out);
    plan_rig_done(&x->plan);
}

#define FROM                                                                                       \
    "name: t\nstreams:\n  a:\n    from: {topic: x, value: json, columns: {g: string, v: long}}\n"
static const char cut[] =
    FROM "    steps:\n      - key_by: g\n      - window: {tumbling: 10ms, aggregate: sum(v) as s}\n"
         "      - select: g, window_start, s\n    to: {topic: out, value: csv}\n";

static void drive(struct run *x, bool restarts)
{
    static const struct {
        int32_t partition;
        const char *value;
        int64_t time;
    } row[] = {
        {0, "{\"g\":\"a\",\"v\":1}", 1},  {1, "{\"g\":\"a\",\"v\":2}", 2},
        {1, "{\"g\":\"b\",\"v\":3}", 15}, {0, "{\"g\":\"b\",\"v\":4}", 8},
        {0, "{\"g\":\"a\",\"v\":5}", 30}, {1, "{\"g\":\"a\",\"v\":6}", 14}, /* late */
        {1, "{\"g\":\"b\",\"v\":7}", 33},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_int_equal(push(x, row[i].partition, "k", row[i].value, row[i].time), 0);
        if (restarts) {
            assert_int_equal(local_restart(x->local, &x->err), 0);
        }
    }
    assert_int_equal(local_finish(x->local, &x->err), 0);
}

static void partitions_and_repartitions(void **state)
{
    (void)state;
    struct run x;
    run_init(&x, cut, 2, 3);
    drive(&x, false);
    struct task_counts c = local_counts(x.local);
    assert_int_equal(c.records, 7);
    assert_int_equal(c.late, 0); /* 14 is behind 15, and its window [10, 20) closes at 20 */
    const char *out = buffer_cstr(&x.out);
    static const char *const want[] = {" a,0,3\n",  " b,0,4\n",  " a,10,6\n",
                                       " b,10,3\n", " a,30,5\n", " b,30,7\n"};
    for (size_t i = 0; i < 6; i++) {
        assert_non_null(strstr(out, want[i]));
    }
    run_done(&x);
}

static void restarts_change_nothing(void **state)
{
    (void)state;
    struct run x, y;
    run_init(&x, cut, 2, 2048);
    run_init(&y, cut, 2, 1);
    drive(&x, false);
    drive(&y, true);
    assert_string_equal(buffer_cstr(&y.out), buffer_cstr(&x.out));
    run_done(&x);
    run_done(&y);
}

/* Rows that a window emits at the end of time pass through a repartition before the next closes. */
static void the_end_reaches_every_level(void **state)
{
    (void)state;
    struct run x;
    run_init(&x,
             FROM "    steps:\n      - key_by: g\n"
                  "      - window: {tumbling: 10ms, aggregate: sum(v) as s}\n"
                  "      - key_by: []\n"
                  "      - window: {tumbling: 100ms, aggregate: sum(s) as all}\n"
                  "      - select: all\n    to: {topic: out, value: csv}\n",
             2, 2048);
    drive(&x, false);
    assert_string_equal(buffer_cstr(&x.out), "out 0 28\n");
    run_done(&x);
}

/* A union of a stream with what is made of it in one sub-plan that feeds itself. */
static void the_end_waits_for_what_feeds_itself(void **state)
{
    (void)state;
    struct run x;
    run_init(&x,
             FROM "  s:\n    from: a\n    steps:\n      - key_by: g\n"
                  "      - window: {tumbling: 10ms, aggregate: sum(v) as v}\n"
                  "  u:\n    from: [a, s]\n    steps:\n      - key_by: []\n"
                  "      - window: {tumbling: 1s, aggregate: count() as n}\n      - select: n\n"
                  "    to: {topic: out, value: csv}\n",
             2, 2048);
    drive(&x, false);
    assert_string_equal(buffer_cstr(&x.out), "out 0 13\n"); /* 7 rows and 6 windows */
    run_done(&x);
}

static void outputs_interleave_as_rows_do(void **state)
{
    (void)state;
    static const uint16_t batch[] = {1, 3, 2048};
    for (int i = 0; i < 3; i++) {
        struct run x;
        run_init(&x, FROM "    to: [{topic: p, value: csv}, {topic: q, value: csv}]\n", 1,
                 batch[i]);
        struct record r[2] = {{.topic = "x", .value = "{\"v\":1}", .value_n = 7},
                              {.topic = "x", .value = "{\"v\":2}", .value_n = 7, .offset = 1}};
        assert_int_equal(local_push(x.local, r, 2, &x.err), 0);
        assert_string_equal(buffer_cstr(&x.out), "p 0 ,1\nq 0 ,1\np 0 ,2\nq 0 ,2\n");
        run_done(&x);
    }
}

static void unknown_topics(void **state)
{
    (void)state;
    struct run x;
    run_init(&x, cut, 1, 1);
    struct record r = {.topic = "nowhere", .value = "{}", .value_n = 2};
    assert_int_equal(local_push(x.local, &r, 1, &x.err), -ERR_CONFIG);
    assert_string_equal(x.err.text, "no stream reads the topic nowhere");
    run_done(&x);
}

static void a_bad_record_stops_and_frees(void **state)
{
    (void)state;
    struct run x;
    run_init(&x, cut, 1, 1);
    assert_int_equal(push(&x, 0, "k", "oops", 1), -ERR_DATA);
    assert_non_null(strstr(x.err.text, "x partition 0 offset 1: "));
    run_done(&x);
}

static void the_wall_clock_ticks(void **state)
{
    (void)state;
    struct run x;
    run_init(&x,
             "name: t\nstreams:\n  a:\n    from: {topic: x, value: json, columns: {g: string}}\n"
             "    time: {idle: 1s, advance: wall_clock}\n    steps:\n      - key_by: g\n"
             "      - window: {tumbling: 10ms, aggregate: count() as n}\n      - select: n\n"
             "    to: {topic: out, value: csv}\n",
             2, 1);
    assert_int_equal(push(&x, 0, "k", "{\"g\":\"a\"}", 1), 0);
    assert_int_equal(push(&x, 1, "k", "{\"g\":\"a\"}", 2), 0);
    x.clock.fixed = 2000;
    assert_int_equal(local_tick(x.local, 2000, &x.err), 0);
    assert_string_equal(strchr(buffer_cstr(&x.out), ' ') + 2, " 2\n");
    run_done(&x);
}

static int refuse(struct run *x, const char *line, int64_t offset)
{
    struct record r = {
        .topic = "x", .offset = offset, .timestamp = 0, .value = line, .value_n = strlen(line)};
    return local_refuse(x->local, &r, "f.csv:2: no row", &x->err);
}

static void what_is_no_row_is_set_aside(void **state)
{
    (void)state;
    struct run x;
    run_init(&x,
             FROM "    errors: {tolerance: all, dead_letter_topic: bad}\n    to: {topic: out, "
                  "value: json}\n",
             1, 16);
    assert_int_equal(push(&x, 0, "k", "{\"g\":\"a\",\"v\":1}", 0), 0);
    assert_int_equal(refuse(&x, "x,y", 1), 0);
    assert_int_equal(push(&x, 0, "k", "{\"g\":\"b\",\"v\":2}", 2), 0);
    assert_string_equal(buffer_cstr(&x.out),
                        "out 0 {\"g\":\"a\",\"v\":1}\nbad 0 x,y\nout 0 {\"g\":\"b\",\"v\":2}\n");
    struct task_counts c = local_counts(x.local);
    assert_int_equal(c.records, 3);
    assert_int_equal(c.bad, 1);
    run_done(&x);
    run_init(&x, FROM "    to: out\n", 1, 16);
    assert_int_equal(refuse(&x, "x,y", 7), -ERR_DATA);
    assert_non_null(strstr(x.err.text, "x partition 0 offset 7: f.csv:2: no row"));
    run_done(&x);
}

static void internal_records_do_not_count(void **state)
{
    (void)state;
    struct run x;
    run_init(&x, FROM "    steps:\n      - key_by: g\n      - running: count() as n\n    to: out\n",
             2, 16);
    assert_int_equal(push(&x, 0, "k", "{\"g\":\"a\",\"v\":1}", 0), 0);
    assert_int_equal(push(&x, 1, "k", "{\"g\":\"b\",\"v\":1}", 0), 0);
    assert_int_equal(local_counts(x.local).records, 2);
    assert_int_equal(local_counts(x.local).rows_out, 2);
    run_done(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partitions_and_repartitions),
        cmocka_unit_test(restarts_change_nothing),
        cmocka_unit_test(the_end_reaches_every_level),
        cmocka_unit_test(the_end_waits_for_what_feeds_itself),
        cmocka_unit_test(outputs_interleave_as_rows_do),
        cmocka_unit_test(unknown_topics),
        cmocka_unit_test(a_bad_record_stops_and_frees),
        cmocka_unit_test(the_wall_clock_ticks),
        cmocka_unit_test(what_is_no_row_is_set_aside),
        cmocka_unit_test(internal_records_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
