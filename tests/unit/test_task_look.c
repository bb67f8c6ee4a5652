/* A task seen from outside: what its steps keep and wait for, which input holds them up, and that
 * nothing leaves one that is only looked at. */
#include "tests/support/fake_disk.h"
#include "tests/support/task_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define SOURCE(name, topic)                                                                        \
    "  " name ":\n    from: {topic: " topic                                                        \
    ", value: json, key: {h: string}, columns: {h: string, "                                       \
    "v: long, ts: long}}\n    time: {field: ts}\n"

static const char topology[] = "name: t\nstreams:\n" SOURCE("a", "x") SOURCE(
    "b",
    "y") "  both:\n    from: [a, b]\n    steps:\n"
         "      - window: {tumbling: 10ms, grace: 2ms, aggregate: count() as n}\n    to: wide\n"
         "  pair:\n    from: a\n    steps:\n"
         "      - join: {with: b, within: 5ms}\n    to: pairs\n"
         "  once:\n    from: a\n    steps:\n      - dedupe: {by: v, within: 20ms}\n    to: few\n"
         "  quiet:\n    from: b\n    steps:\n      - absent: {after: 7ms}\n    to: silent\n"
         "  last:\n    from: a\n    steps:\n      - running: lag(v) as before\n    to: runs\n";

struct seen {
    int n;
    struct task_step step[16];
};

static void note(void *ctx, const struct task_step *s)
{
    struct seen *x = ctx;
    assert_true(x->n < 16);
    x->step[x->n++] = *s;
}

static struct task_step step_of(struct task *t, const char *stream)
{
    struct seen x = {0};
    task_steps(t, note, &x);
    for (int i = 0; i < x.n; i++) {
        if (strcmp(x.step[i].node->stream, stream) == 0) {
            return x.step[i];
        }
    }
    fail_msg("no step of stream %s keeps anything", stream);
    return (struct task_step){0};
}

static void push(struct task_rig *r, const char *topic, int64_t offset, int v, int ts)
{
    char text[80];
    snprintf(text, sizeof text, "{\"h\":\"k\",\"v\":%d,\"ts\":%d}", v, ts);
    assert_int_equal(task_rig_push_one(r, topic, offset, "k", text), 0);
}

static void assert_open(const struct task_step *s, const char *what, uint64_t n, int64_t closes_at)
{
    assert_string_equal(s->open.what, what);
    assert_int_equal(s->open.n, n);
    assert_int_equal(s->open.closes_at, closes_at);
    assert_true(s->entries == 0 || s->bytes > 0);
}

static void what_is_open(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r, topology, 0);
    task_rig_start(&r, 0);
    struct task_step s = step_of(r.task, "both");
    assert_open(&s, "windows", 0, TIME_MAX);
    assert_int_equal(s.watermark, TIME_MIN);
    push(&r, "x", 0, 1, 25);
    push(&r, "x", 1, 1, 26);
    push(&r, "y", 0, 1, 13);

    s = step_of(r.task, "both");
    assert_open(&s, "windows", 2, 22);
    assert_int_equal(s.open.start, 10);
    assert_int_equal(s.open.stop, 20);
    assert_false(s.open.has_stop);
    assert_int_equal(s.watermark, 13);
    s = step_of(r.task, "pair");
    assert_open(&s, "rows", 3, 13 + 5 + 1);
    s = step_of(r.task, "once");
    assert_open(&s, "rows", 1, 25 + 20 + 1);
    s = step_of(r.task, "quiet");
    assert_open(&s, "keys", 1, 13 + 7 + 1);
    s = step_of(r.task, "last");
    assert_open(&s, "keys", 1, TIME_MAX);

    push(&r, "y", 1, 1, 22); /* the first window closes, the first row of the join goes */
    s = step_of(r.task, "both");
    assert_open(&s, "windows", 1, 32);
    s = step_of(r.task, "pair");
    assert_open(&s, "rows", 3, 22 + 5 + 1);
    task_rig_done(&r);
}

/* Both inputs of the join and of the union: the one that is behind. */
static void who_holds_it_up(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r, topology, 0);
    task_rig_start(&r, 0);
    int x = task_input(r.task, "x", -1), y = task_input(r.task, "y", -1);
    push(&r, "x", 0, 1, 25);
    assert_int_equal(step_of(r.task, "both").held_by, y);
    assert_int_equal(step_of(r.task, "pair").held_by, y);
    assert_int_equal(step_of(r.task, "once").held_by, x);
    assert_int_equal(step_of(r.task, "quiet").held_by, y);
    push(&r, "y", 0, 1, 40);
    assert_int_equal(step_of(r.task, "both").held_by, x);
    assert_int_equal(step_of(r.task, "pair").held_by, x);
    assert_int_equal(step_of(r.task, "quiet").held_by, y);
    uint16_t sink = plan_rig_vertex(&r.plan, VERTEX_SINK, "both");
    assert_int_equal(task_held_by(r.task, sink), x);
    assert_int_equal(task_parts(r.task, x), 0);
    task_rig_done(&r);
}

/* What entries on disk take in memory is their store's own affair. */
static void what_cannot_go_to_disk(void **state)
{
    (void)state;
    struct task_rig r;
    struct fake_disk f;
    const int64_t next[2] = {0};
    task_rig_init(
        &r,
        "name: t\nstreams:\n" SOURCE(
            "a", "x") "  s:\n    from: a\n    steps:\n      - aggregate: count() as n\n    to: o\n"
                      "  w:\n    from: a\n    steps:\n"
                      "      - window: {session: 10ms, aggregate: count() as n}\n    to: p\n",
        0);
    task_rig_start(&r, 0);
    push(&r, "x", 0, 1, 25);
    assert_int_equal(task_kept_bytes(r.task), task_state_bytes(r.task));
    uint64_t aggregate = step_of(r.task, "s").bytes, all = task_state_bytes(r.task);
    task_rig_stop(&r);
    fake_disk_init(&f, 1 << 20);
    task_rig_new(&r, 0);
    assert_int_equal(task_take_disk(r.task, &f.disk, 1), CHECKPOINT_NONE);
    assert_int_equal(task_attach(r.task), 0);
    assert_int_equal(task_restored(r.task, next, &r.err), 0);
    assert_int_equal(task_rig_open(&r), 0);
    push(&r, "x", 0, 1, 25);
    assert_int_equal(task_state_bytes(r.task), all);
    assert_int_equal(task_kept_bytes(r.task), all - aggregate);
    task_rig_done(&r);
    fake_disk_done(&f);
}

static const char windows[] = "name: t\nstreams:\n" SOURCE(
    "a", "x") "  hop:\n    from: a\n    steps:\n"
              "      - window: {hopping: {size: 20ms, every: 10ms}, aggregate: count() as n}\n    "
              "to: o1\n"
              "  slide:\n    from: a\n    steps:\n"
              "      - window: {sliding: 10ms, grace: 1ms, aggregate: count() as n}\n    to: o2\n"
              "  meet:\n    from: a\n    steps:\n"
              "      - window: {session: 10ms, aggregate: count() as n}\n    to: o3\n"
              "  some:\n    from: a\n    steps:\n"
              "      - window: {count: 3, aggregate: count() as n}\n    to: o4\n"
              "  filled:\n    from: a\n    steps:\n"
              "      - window: {tumbling: 10ms, fill: zero, aggregate: count() as n}\n    to: o5\n";

static const char ranked[] =
    "name: t\nstreams:\n"
    "  a:\n    from: {topic: x, value: json, key: {h: string}, columns: {h: string, v: long, ts: "
    "long, window_start: timestamp, window_end: timestamp}}\n    time: {field: ts}\n"
    "  best:\n    from: a\n    steps:\n      - top: {n: 2, by: v}\n    to: o\n";

static void assert_bounds(const struct task_step *s, int64_t start, int64_t stop, bool has_stop,
                          int64_t closes_at)
{
    assert_int_equal(s->open.start, start);
    assert_int_equal(s->open.stop, stop);
    assert_int_equal(s->open.has_stop, has_stop);
    assert_int_equal(s->open.closes_at, closes_at);
}

/* The watermark that is named closes; one ms less does not: by what comes out. */
static void every_kind_of_window(void **state)
{
    static const struct {
        const char *stream, *what, *topic;
        int64_t start, stop, closes_at;
        bool has_stop;
    } kind[] = {
        {"hop", "pieces of windows", "o1 ", 20, 40, 40, false},
        {"slide", "pieces of windows", "o2 ", 23, 33, 35, true},
        {"meet", "sessions", "o3 ", 33, 33, 44, true},
        {"filled", "windows", "o5 ", 30, 40, 40, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++) {
        struct task_rig r;
        task_rig_init(&r, windows, 0);
        task_rig_start(&r, 0);
        push(&r, "x", 0, 1, 5);
        push(&r, "x", 1, 1, 33);
        struct task_step s = step_of(r.task, kind[i].stream);
        assert_open(&s, kind[i].what, 1, kind[i].closes_at);
        assert_bounds(&s, kind[i].start, kind[i].stop, kind[i].has_stop, kind[i].closes_at);
        task_rig_out(&r);
        push(&r, "x", 2, 1, (int)kind[i].closes_at - 1);
        assert_null(strstr(task_rig_out(&r), kind[i].topic));
        task_rig_done(&r);

        task_rig_init(&r, windows, 0);
        task_rig_start(&r, 0);
        push(&r, "x", 0, 1, 5);
        push(&r, "x", 1, 1, 33);
        task_rig_out(&r);
        push(&r, "x", 2, 1, (int)kind[i].closes_at);
        assert_non_null(strstr(task_rig_out(&r), kind[i].topic));
        task_rig_done(&r);
    }
}

static void counts_and_ranks(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r, windows, 0);
    task_rig_start(&r, 0);
    push(&r, "x", 0, 1, 5);
    push(&r, "x", 1, 1, 12);
    struct task_step s = step_of(r.task, "some");
    assert_open(&s, "pieces of windows", 1, TIME_MAX);
    task_rig_done(&r);

    task_rig_init(&r, ranked, 0);
    task_rig_start(&r, 0);
    const char *row = "{\"h\":\"k\",\"v\":1,\"ts\":9,\"window_start\":0,\"window_end\":10}";
    assert_int_equal(task_rig_push_one(&r, "x", 0, "k", row), 0);
    s = step_of(r.task, "best");
    assert_open(&s, "groups", 1, 10);
    assert_bounds(&s, 0, 10, false, 10);
    task_rig_done(&r);
}

/* State that was saved, restored into a task that is only looked at, and opened far in the future:
 * all windows close there, and nothing comes out. */
static void only_looked_at(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r, topology, 0);
    task_rig_start(&r, 0);
    push(&r, "x", 0, 1, 25);
    push(&r, "y", 0, 1, 13);
    assert_int_equal(task_flush(r.task, &r.err), 0);
    const struct task_env env = {.ctx = &r, .clock = &r.clock, .schemas = r.schemas};
    for (int turn = 0; turn < 2; turn++) {
        struct task *t;
        assert_int_equal(task_new(&t, r.plan.plan, 0, 0, &env, &r.err), 0);
        for (uint16_t i = 0; i < r.plan.plan->subplan[0].nstores; i++) {
            for (size_t k = 0; k < r.n; k++) {
                const struct produced *p = &r.item[k];
                struct record rec = {.topic = p->topic,
                                     .key = p->key,
                                     .key_n = p->key_n,
                                     .value = p->value,
                                     .value_n = p->value_n};
                if (strcmp(p->topic, r.plan.plan->subplan[0].store[i].changelog) == 0) {
                    assert_int_equal(task_restore(t, i, &rec, &r.err), 0);
                }
            }
        }
        task_topic_restore(t, "x", 1, turn == 0 ? "w25" : "w1000");
        task_topic_restore(t, "y", 1, turn == 0 ? "w13" : "w1000");
        size_t n = r.n;
        assert_int_equal(task_open(t, &r.err), 0);
        struct task_step s = step_of(t, "both");
        assert_open(&s, "windows", turn == 0 ? 2 : 0, turn == 0 ? 22 : TIME_MAX);
        assert_int_equal(s.held_by, task_input(t, turn == 0 ? "y" : "x", -1));
        assert_int_equal(r.n, n);
        task_free(t);
    }
    task_rig_done(&r);
}

/* As it stands when a restore has failed. */
static void before_it_is_open(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r, topology, 0);
    task_rig_new(&r, 0);
    struct task_step s = step_of(r.task, "both");
    assert_open(&s, "entries", 0, TIME_MAX);
    struct seen x = {0};
    task_steps(r.task, note, &x);
    assert_int_equal(x.n, 5);
    task_rig_done(&r);
}

static void parts_of_a_repartition(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(
        &r,
        "name: t\nstreams:\n" SOURCE(
            "a", "x") "  cut:\n    from: a\n    steps:\n      - key_by: v\n"
                      "      - window: {tumbling: 10ms, aggregate: count() as n}\n    to: o\n",
        0);
    r.ntasks = 3;
    task_rig_new(&r, 1);
    int in = 0;
    assert_int_equal(task_parts(r.task, in), 3);
    char metadata[100];
    const struct part_time part[] = {{70, false}, {40, true}, {50, false}};
    watermarks_print(metadata, sizeof metadata, part, 3);
    task_topic_restore(r.task, task_input_topic(r.task, in), 9, metadata);
    assert_int_equal(task_rig_open(&r), 0);
    assert_int_equal(task_part(r.task, in, 0).watermark, 70);
    assert_int_equal(task_part(r.task, in, 1).watermark, 50); /* idle: follows the others */
    assert_true(task_part(r.task, in, 1).is_idle);
    assert_int_equal(task_watermark(r.task, in), 50);
    task_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_open),         cmocka_unit_test(who_holds_it_up),
        cmocka_unit_test(every_kind_of_window), cmocka_unit_test(counts_and_ranks),
        cmocka_unit_test(only_looked_at),       cmocka_unit_test(parts_of_a_repartition),
        cmocka_unit_test(before_it_is_open),    cmocka_unit_test(what_cannot_go_to_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
