/* Joins inside a real task: streams joined with themselves, keys of other formats, repartitions of
 * several partitions, restarts, any batch size.
 */
#include "tests/support/task_rig.h"
#include "tests/support/task_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/memory.h"
#include "engine/random.h"

#include <stdio.h>
#include <string.h>

#define ROWS 300

#define HEAD                                                                                       \
    "name: t\nstreams:\n  in:\n    from: {topic: in, value: json, key: {host: string}, columns: "  \
    "{host: string, v: long, ts: long}}\n    time: {field: ts, out_of_order: 30ms}\n"

/* Runs `topology` over random rows {host, v, ts} of one topic; the caller frees r. */
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
                         .topic = "in",
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

static void with_itself(void **state)
{
    (void)state;
    assert_always_the_same(HEAD "  j:\n    from: in\n    steps:\n"
                                "      - join: {with: in, type: outer, within: 20ms, grace: 10ms}\n"
                                "    to: {topic: out, value: json}\n",
                           20000);
}

static void branches_of_one_stream(void **state)
{
    (void)state;
    assert_always_the_same(
        HEAD "    steps: [{split: {low: v < 40, high: else}}]\n"
             "  j:\n    from: in.low\n    steps:\n"
             "      - join: {with: in.high, type: left, within: {before: 50ms, after: 5ms}}\n"
             "      - filter: v is not null\n"
             "    to: {topic: out, value: json}\n",
        3000);
}

/* Results of joins in windows, windows joined, and a join of joins. */
static void nests(void **state)
{
    (void)state;
    assert_always_the_same(
        HEAD "  w:\n    from: in\n    steps:\n"
             "      - window: {tumbling: 100ms, grace: 20ms, aggregate: count() as n}\n"
             "  j:\n    from: w\n    steps:\n"
             "      - join: {with: in, type: outer, within: 30ms}\n"
             "      - join: {with: w, type: left, within: 100ms}\n"
             "      - window: {tumbling: 200ms, aggregate: \"count() as n, sum(v) as v\"}\n"
             "    to: {topic: out, value: json}\n",
        1000);
}

/* Both tables change with rows of one batch; what the filter of one keeps out is deleted. */
static void tables(void **state)
{
    (void)state;
    static const char *const types[] = {"inner", "left", "outer"};
    for (int i = 0; i < 3; i++) {
        char text[1000];
        snprintf(text, sizeof text,
                 HEAD "  a: {from: in, steps: [{filter: v < 60}]}\n"
                      "  b: {from: in, steps: [{filter: v > 30}, {rename: {w: v}}]}\n"
                      "  n: {from: in, steps: [{filter: v > 90}, {aggregate: count() as n}]}\n"
                      "  j:\n    from: ta\n    steps:\n"
                      "      - filter: v > 15\n"
                      "      - join: {with: tb, type: %s}\n"
                      "      - join: {with: n, type: %s}\n"
                      "    to: {topic: out, value: json}\n"
                      "tables:\n  ta: {from: a}\n  tb: {from: b}\n",
                 types[i], types[i]);
        assert_always_the_same(text, 5000);
    }
}

/* A self-join, counted by hand: each pair in both orders, and each row with itself. */
static void each_row_meets_itself(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r,
                  HEAD "  j:\n    from: in\n    steps:\n      - join: {with: in, within: 5ms}\n"
                       "    to: {topic: out, value: json}\n",
                  0);
    task_rig_start(&r, 0);
    const char *key[] = {"a", "a", "b"};
    const char *value[] = {"{\"host\":\"a\",\"v\":1,\"ts\":10}",
                           "{\"host\":\"a\",\"v\":2,\"ts\":15}",
                           "{\"host\":\"b\",\"v\":3,\"ts\":12}"};
    assert_int_equal(task_rig_push(&r, "in", 0, key, value, 3), 0);
    assert_string_equal(task_rig_out(&r),
                        "out a {\"host\":\"a\",\"v\":1,\"ts\":10,\"in_v\":1,\"in_ts\":10}\n"
                        "out a {\"host\":\"a\",\"v\":2,\"ts\":15,\"in_v\":1,\"in_ts\":10}\n"
                        "out a {\"host\":\"a\",\"v\":1,\"ts\":10,\"in_v\":2,\"in_ts\":15}\n"
                        "out a {\"host\":\"a\",\"v\":2,\"ts\":15,\"in_v\":2,\"in_ts\":15}\n"
                        "out b {\"host\":\"b\",\"v\":3,\"ts\":12,\"in_v\":3,\"in_ts\":12}\n");
    task_rig_done(&r);
}

/* Runs until nothing is read any more: what one sub-plan sends to a repartition, the other gets. */
static void settle(struct task_rig *r, uint16_t from, const char *topic, const char *key,
                   const char *value, int64_t offset, struct produced **list, size_t *n)
{
    task_rig_start(r, from);
    const char *keys[] = {key}, *values[] = {value};
    assert_int_equal(task_rig_push(r, topic, offset, keys, values, 1), 0);
    *list = r->item;
    *n = r->n;
    r->item = NULL;
    r->n = 0;
    task_rig_stop(r);
}

/* The left's record keys are longs, the right's text: both meet behind repartitions. */
static void keys_of_other_formats_meet(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(
        &r,
        "name: t\nstreams:\n"
        "  a:\n    from: {topic: a, value: json, key: {id: long}, columns: {id: long, x: long}}\n"
        "  b:\n    from: {topic: b, value: json, columns: {id: long, y: long}}\n"
        "    steps: [{key_by: id}]\n"
        "  j:\n    from: a\n    steps:\n      - join: {with: b, within: 5ms}\n"
        "    to: {topic: out, value: json}\n",
        0);
    uint16_t join = r.plan.plan->vertex[plan_rig_vertex(&r.plan, VERTEX_STEP, "j")]->subplan;
    uint16_t a = r.plan.plan->vertex[plan_rig_vertex(&r.plan, VERTEX_SOURCE, "a")]->subplan;
    uint16_t b = r.plan.plan->vertex[plan_rig_vertex(&r.plan, VERTEX_SOURCE, "b")]->subplan;
    struct produced *list[2];
    size_t n[2];
    settle(&r, a, "a", NULL, "{\"id\":7,\"x\":1}", 3, &list[0], &n[0]);
    settle(&r, b, "b", "k", "{\"id\":7,\"y\":2}", 4, &list[1], &n[1]);
    task_rig_start(&r, join);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(n[i], 1);
        const struct produced *p = list[i];
        assert_string_equal(p->key, "7"); /* the same text, so the same partition */
        struct record rec = {.topic = p->topic,
                             .timestamp = p->timestamp,
                             .key = p->key,
                             .key_n = p->key_n,
                             .value = p->value,
                             .value_n = p->value_n};
        assert_int_equal(task_push(r.task, task_input(r.task, p->topic, -1), &rec, 1, &r.err), 0);
    }
    assert_string_equal(task_rig_out(&r), "out 7 {\"id\":7,\"x\":1,\"y\":2}\n");
    for (int i = 0; i < 2; i++) {
        r.item = list[i];
        r.n = n[i];
        task_rig_clear(&r);
    }
    task_rig_done(&r);
}

static void push_late_partners(struct task_rig *r)
{
    assert_int_equal(task_rig_push_one(r, "b", 200, "d", "{\"id\":\"d\",\"y\":1}"), 0);
    assert_int_equal(task_rig_push_one(r, "b", 1000, "x", "{\"id\":\"x\"}"), 0);
}

/* Rows of two source partitions through a repartition, one of which lags: batches of any size give
 * the same, and nothing comes out alone before the slower one has passed. */
static void behind_a_repartition(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r,
                  "name: t\nstreams:\n"
                  "  a:\n    from: {topic: a, value: json, columns: {id: string, x: long}}\n"
                  "    steps: [{key_by: id}]\n"
                  "  b:\n    from: {topic: b, value: json, key: {id: string}, columns: {id: "
                  "string, y: long}}\n"
                  "  j:\n    from: a\n    steps:\n"
                  "      - join: {with: b, type: left, within: 10ms, grace: 5ms}\n"
                  "    to: {topic: out, value: json}\n",
                  0);
    r.ntasks = 2;
    uint16_t join = r.plan.plan->vertex[plan_rig_vertex(&r.plan, VERTEX_STEP, "j")]->subplan;
    uint16_t up = r.plan.plan->vertex[plan_rig_vertex(&r.plan, VERTEX_SOURCE, "a")]->subplan;
    struct produced *part[2], *list[200];
    size_t n[2], total = 0, expected = 0, expired = 0;
    int64_t times[200], newest[2] = {0, 0};
    for (int p = 0; p < 2; p++) { /* partition 1 is 60 behind */
        r.partition = p;
        task_rig_start(&r, up);
        for (int i = 0; i < 100; i++) {
            char value[60];
            snprintf(value, sizeof value, "{\"id\":\"%c\",\"x\":%d}", 'a' + i % 5, p * 1000 + i);
            int64_t time = i * 4 + (p == 0 ? 100 : 40) - i * 7 % 10;
            times[p * 100 + i] = time;
            newest[p] = time > newest[p] ? time : newest[p];
            expected += i % 5 == 2 && time >= 120 && time <= 140;
            expected += i % 5 == 3 && time >= 190 && time <= 210;
            assert_int_equal(task_rig_push_one(&r, "a", time, NULL, value), 0);
        }
        part[p] = r.item;
        n[p] = r.n;
        r.item = NULL;
        r.n = 0;
        task_rig_stop(&r);
    }
    for (int i = 0; i < 200; i++) {
        expired += times[i] + 15 < newest[1]; /* the watermark at the end */
    }
    for (size_t i = 0; i < 100; i++) {
        list[total++] = &part[0][i];
        list[total++] = &part[1][i];
    }
    char *first[2] = {NULL, NULL};
    static const uint16_t sizes[] = {1, 1, 3, 3, 7, 7, 2048, 2048};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        r.partition = 0;
        r.batch_rows = sizes[s];
        task_rig_start(&r, join);
        struct record rec[200];
        assert_int_equal(task_rig_push_one(&r, "b", 130, "c", "{\"id\":\"c\",\"y\":1}"), 0);
        if (s % 2) {
            push_late_partners(&r);
        }
        for (size_t i = 0; i < total; i++) {
            rec[i] = (struct record){.topic = list[i]->topic,
                                     .offset = (int64_t)i,
                                     .timestamp = list[i]->timestamp,
                                     .key = list[i]->key,
                                     .key_n = list[i]->key_n,
                                     .value = list[i]->value,
                                     .value_n = list[i]->value_n};
        }
        int input = task_input(r.task, rec[0].topic, -1);
        assert_int_equal(task_push(r.task, input, rec, total, &r.err), 0);
        if (s % 2 == 0) { /* until now the watermark stood at 130, and all have waited */
            push_late_partners(&r);
        }
        assert_int_equal(task_finish(r.task, &r.err), 0);
        const char *out = task_rig_out(&r);
        first[s % 2] = first[s % 2] ? first[s % 2] : mem_strdup(out);
        assert_true(strlen(out) > 4000);
        assert_string_equal(out, first[s % 2]);
        size_t met = 0, alone = 0;
        for (const char *line = out; (line = strstr(line, "\"y\":")) != NULL; line += 4) {
            met += line[4] == '1';
            alone += line[4] == 'n';
        }
        assert_int_equal(met, expected);
        assert_int_equal(alone, expired - expected);
        task_rig_stop(&r);
    }
    mem_free(first[0]);
    mem_free(first[1]);
    for (int p = 0; p < 2; p++) {
        r.item = part[p];
        r.n = n[p];
        task_rig_clear(&r);
    }
    task_rig_done(&r);
}

/* Two topics: the watermark is the least of both; a restart between loses and repeats nothing. */
static void restart_between(void **state)
{
    (void)state;
    struct task_rig r;
    struct produced *log = NULL;
    size_t nlog = 0;
    task_rig_init(
        &r,
        "name: t\nstreams:\n"
        "  a:\n    from: {topic: a, value: json, key: {id: string}, columns: {id: string, x: "
        "long}}\n"
        "  b:\n    from: {topic: b, value: json, key: {id: string}, columns: {id: string, y: "
        "long}}\n"
        "  j:\n    from: a\n    steps:\n      - join: {with: b, type: outer, within: 10ms}\n"
        "    to: {topic: out, value: json}\n",
        0);
    task_rig_start(&r, 0);
    assert_int_equal(task_rig_push_one(&r, "a", 100, "k", "{\"id\":\"k\",\"x\":1}"), 0);
    assert_int_equal(task_rig_push_one(&r, "a", 100, "l", "{\"id\":\"l\",\"x\":2}"), 0);
    assert_int_equal(task_rig_push_one(&r, "a", 500, "m", "{\"id\":\"m\",\"x\":3}"), 0);
    assert_int_equal(task_rig_push_one(&r, "b", 110, "k", "{\"id\":\"k\",\"y\":4}"), 0);
    assert_string_equal(task_rig_out(&r), "out k {\"id\":\"k\",\"x\":1,\"y\":4}\n");
    assert_int_equal(task_flush(r.task, &r.err), 0);
    char text[2][100];
    int64_t offset[2];
    const char *topic[] = {"a", "b"};
    for (int i = 0; i < 2; i++) {
        offset[i] = task_position(r.task, task_input(r.task, topic[i], -1), text[i], 100);
    }
    log = r.item;
    nlog = r.n;
    r.item = NULL;
    r.n = 0;
    task_rig_stop(&r);

    task_rig_new(&r, 0);
    assert_int_equal(task_rig_restore(&r, 0, log, nlog), 0);
    for (int i = 0; i < 2; i++) {
        task_input_restore(r.task, task_input(r.task, topic[i], -1), offset[i], text[i]);
    }
    assert_int_equal(task_rig_open(&r), 0);
    assert_int_equal(task_rig_push_one(&r, "b", 109, "k", "{\"id\":\"k\",\"y\":5}"), 0);
    assert_int_equal(task_rig_push_one(&r, "b", 510, "m", "{\"id\":\"m\",\"y\":6}"), 0);
    assert_string_equal(task_rig_out(&r), "out k {\"id\":\"k\",\"x\":1,\"y\":5}\n"
                                          "out l {\"id\":\"l\",\"x\":2,\"y\":null}\n"
                                          "out m {\"id\":\"m\",\"x\":3,\"y\":6}\n");
    task_rig_stop(&r);
    r.item = log;
    r.n = nlog;
    task_rig_clear(&r);
    task_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_itself),
        cmocka_unit_test(branches_of_one_stream),
        cmocka_unit_test(nests),
        cmocka_unit_test(tables),
        cmocka_unit_test(each_row_meets_itself),
        cmocka_unit_test(keys_of_other_formats_meet),
        cmocka_unit_test(behind_a_repartition),
        cmocka_unit_test(restart_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
