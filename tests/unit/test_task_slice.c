/* Watermarks in slices: what comes out is the same for slices of any size, also with a crash and a
 * restart after each of them; records that come meanwhile wait.
 */
#include "engine/random.h"
#include "tests/support/task_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define ROWS 240
#define KEYS 9

#define SOURCE                                                                                     \
    "name: t\nstreams:\n  a:\n"                                                                    \
    "    from: {topic: x, value: json, key: {h: string}, columns: {h: string, v: long}}\n"         \
    "    time: {out_of_order: 0ms}\n    steps:\n"

/* Each behind the other, or side by side. */
static const char *const topologies[] = {
    SOURCE "      - window: {tumbling: 10ms, aggregate: \"count() as n, sum(v) as s\"}\n"
           "      - window: {tumbling: 40ms, aggregate: \"count() as n, sum(s) as s\"}\n"
           "    to: {topic: out, value: csv}\n",
    SOURCE "      - window: {hopping: {size: 25ms, every: 10ms}, aggregate: \"sum(v) as s\"}\n"
           "    to: {topic: out, value: csv}\n",
    SOURCE "      - window: {hopping: {size: 20ms, every: 10ms}, fill: previous, aggregate: "
           "\"sum(v) as s\"}\n"
           "    to: {topic: out, value: csv}\n",
    SOURCE "      - window: {sliding: 15ms, aggregate: \"sum(v) as s\"}\n"
           "    to: {topic: out, value: csv}\n",
    SOURCE "      - window: {session: 7ms, aggregate: \"sum(v) as s\"}\n"
           "    to: {topic: out, value: csv}\n",
    SOURCE "      - window: {tumbling: 10ms, fill: zero, aggregate: \"count() as n\"}\n"
           "    to: {topic: out, value: csv}\n",
    SOURCE "      - window: {tumbling: 10ms, aggregate: \"count() as n\"}\n"
           "      - top: {n: 2, by: n}\n"
           "    to: {topic: out, value: csv}\n",
    SOURCE "      - dedupe: {by: [v], within: 20ms}\n"
           "      - absent: {after: 12ms, every: 9ms, forget: 50ms}\n"
           "    to: {topic: out, value: csv}\n",
    SOURCE "      - window: {tumbling: 10ms, aggregate: \"sum(v) as s\"}\n"
           "  b:\n    from: a\n    steps:\n"
           "      - window: {tumbling: 30ms, aggregate: \"max(s) as s\"}\n"
           "  c:\n    from: [a, b]\n    steps:\n"
           "      - window: {tumbling: 60ms, aggregate: \"count() as n, sum(s) as s\"}\n"
           "    to: {topic: out, value: csv}\n",
};

struct input_row {
    char key[8], value[40];
    int64_t time;
};

/* Times with jumps, so that much closes at once. */
static void make_rows(struct input_row *row)
{
    struct random rnd;
    int64_t time = 0;
    random_seed(&rnd, 7, 1);
    for (int i = 0; i < ROWS; i++) {
        int key = (int)random_below(&rnd, KEYS);
        time += random_below(&rnd, 20) == 0 ? 40 + random_below(&rnd, 60) : random_below(&rnd, 2);
        row[i].time = time;
        snprintf(row[i].key, sizeof row[i].key, "k%d", key);
        snprintf(row[i].value, sizeof row[i].value, "{\"h\":\"k%d\",\"v\":%d}", key,
                 (int)random_below(&rnd, 100));
    }
}

static void push(struct task_rig *r, const struct input_row *row, int64_t from, int64_t to)
{
    struct record rec[ROWS];
    for (int64_t i = from; i < to; i++) {
        rec[i - from] = (struct record){.topic = "x",
                                        .offset = i,
                                        .timestamp = row[i].time,
                                        .key = row[i].key,
                                        .key_n = strlen(row[i].key),
                                        .value = row[i].value,
                                        .value_n = strlen(row[i].value)};
    }
    assert_int_equal(task_push(r->task, 0, rec, (size_t)(to - from), &r->err), 0);
}

/* A commit, a crash, and a restart; returns the offset to go on from. */
static int64_t restart(struct task_rig *r)
{
    char metadata[4096];
    assert_int_equal(task_flush(r->task, &r->err), 0);
    int64_t at = task_position(r->task, 0, metadata, sizeof metadata);
    task_rig_stop(r);
    task_rig_new(r, 0);
    const struct subplan *s = &r->plan.plan->subplan[0];
    for (int k = 0; k < s->nstores; k++) {
        for (size_t i = 0; i < r->n; i++) {
            const struct produced *p = &r->item[i];
            const struct record rec = {
                .key = p->key, .key_n = p->key_n, .value = p->value, .value_n = p->value_n};
            if (strcmp(p->topic, s->store[k].changelog) == 0) {
                assert_int_equal(task_restore(r->task, k, &rec, &r->err), 0);
            }
        }
    }
    task_input_restore(r->task, 0, at, metadata);
    assert_int_equal(task_rig_open(r), 0);
    return at;
}

struct how {
    uint32_t slice; /* 0: the task does not pause */
    int chunk;      /* records at once, the next also while it is behind */
    bool crashes;   /* between slices; they grow, as what they only sort is done again */
};

static const char *run(struct task_rig *r, const char *topology, struct how how, int *slices)
{
    struct input_row row[ROWS];
    make_rows(row);
    task_rig_init(r, topology, 0);
    r->pauses = how.slice > 0;
    r->slice = how.slice;
    task_rig_start(r, 0);
    *slices = 0;
    for (int64_t at = 0; at < ROWS || task_is_behind(r->task);) {
        if (at < ROWS) {
            int64_t to = at + how.chunk < ROWS ? at + how.chunk : ROWS;
            push(r, row, at, to);
            at = to;
        }
        for (int k = 0; task_is_behind(r->task) && (at == ROWS || k < 3); k++) {
            ++*slices;
            if (how.crashes) {
                r->slice = how.slice + (uint32_t)*slices % 25;
                at = restart(r);
            }
            if (task_is_behind(r->task)) {
                assert_int_equal(task_go_on(r->task, &r->err), 0);
            }
        }
    }
    assert_int_equal(task_finish(r->task, &r->err), 0);
    while (task_is_behind(r->task)) {
        assert_int_equal(task_go_on(r->task, &r->err), 0);
    }
    task_rig_stop(r);
    return task_rig_out(r);
}

static void slices_do_not_show(void **state)
{
    (void)state;
    static const struct how hows[] = {{1, ROWS, false},  {2, 7, false},   {5, 1, false},
                                      {1000, 30, false}, {1, ROWS, true}, {3, 10, true}};
    for (size_t i = 0; i < sizeof topologies / sizeof *topologies; i++) {
        struct task_rig want;
        int slices;
        const char *expected = run(&want, topologies[i], (struct how){0, ROWS, false}, &slices);
        assert_int_equal(slices, 0);
        assert_true(strlen(expected) > 100);
        for (size_t k = 0; k < sizeof hows / sizeof *hows; k++) {
            struct task_rig got;
            const char *out = run(&got, topologies[i], hows[k], &slices);
            if (strcmp(out, expected) != 0) {
                print_message("%sslices of %u, %d records at once%s\n", topologies[i],
                              hows[k].slice, hows[k].chunk, hows[k].crashes ? ", crashes" : "");
            }
            assert_string_equal(out, expected);
            assert_true(slices > 0 || hows[k].slice == 1000);
            task_rig_done(&got);
        }
        task_rig_done(&want);
    }
}

/* A behind task tells the offset of what it has read, not of what waits. */
static void records_wait(void **state)
{
    (void)state;
    struct input_row row[ROWS];
    struct task_rig r;
    char metadata[100];
    make_rows(row);
    task_rig_init(&r, topologies[0], 0);
    r.pauses = true;
    r.slice = 1;
    task_rig_start(&r, 0);
    push(&r, row, 0, 1);
    push(&r, row, 1, ROWS);
    assert_true(task_is_behind(r.task));
    int64_t at = task_position(r.task, 0, metadata, sizeof metadata);
    assert_in_range(at, 2, ROWS - 1);
    task_caught_up(r.task, 0, ROWS + 5);
    assert_int_equal(task_tick(r.task, 2000000, &r.err), 0);
    assert_int_equal(task_position(r.task, 0, metadata, sizeof metadata), at);
    while (task_is_behind(r.task)) {
        assert_int_equal(task_go_on(r.task, &r.err), 0);
    }
    assert_int_equal(task_position(r.task, 0, metadata, sizeof metadata), ROWS);
    task_rig_done(&r);
}

/* Their offset is one: they do not pause. */
static void two_inputs_of_one_topic_do_not_pause(void **state)
{
    (void)state;
    struct input_row row[ROWS];
    struct task_rig r;
    make_rows(row);
    task_rig_init(&r,
                  SOURCE "      - window: {tumbling: 10ms, aggregate: count() as n}\n"
                         "  b:\n    from: {topic: x, value: json, key: {h: string}, columns: {h: "
                         "string, v: long}}\n    steps:\n"
                         "      - window: {tumbling: 10ms, aggregate: count() as n}\n"
                         "  c:\n    from: [a, b]\n    to: {topic: out, value: csv}\n",
                  0);
    r.pauses = true;
    r.slice = 1;
    task_rig_start(&r, 0);
    push(&r, row, 0, 1);
    push(&r, row, 1, ROWS);
    assert_int_equal(task_inputs(r.task), 2);
    assert_false(task_is_behind(r.task));
    task_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_do_not_show),
        cmocka_unit_test(records_wait),
        cmocka_unit_test(two_inputs_of_one_topic_do_not_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
