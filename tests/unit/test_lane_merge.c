/* Rows of several topics by event time: a table's and a stream's while both come in; backlogs of
 * joins, unions and lists of topics, which come out as `replay` has them.
 */
#include "engine/memory.h"
#include "tests/support/lane_rig.h"
#include "worker/local.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const char text[] =
    "name: t\n"
    "tables: {h: {from: {topic: h, value: json, columns: {v: long, ts: long}}, merge_wait: %s, "
    "time: {field: ts}}}\n"
    "streams:\n  s:\n    from: {topic: s, value: json, columns: {i: long}}\n"
    "    steps: [lookup: {table: h, take: v}, select: \"i, v\"]\n"
    "    to: {topic: out, value: csv}\n";

static void start(struct lane_rig *r, const char *merge_wait)
{
    char topology[1000];
    snprintf(topology, sizeof topology, text, merge_wait);
    lane_rig_init(r, topology, 1);
    lane_rig_start(r, 0);
    lane_rig_send(r, "h", 0, "k", "{\"v\":0,\"ts\":10}", 999);
    lane_rig_send(r, "s", 0, "k", "{\"i\":0}", 10);
    assert_int_equal(lane_rig_settle(r), 0); /* the table is read up to here; from now on: merged */
}

static void send_table(struct lane_rig *r, int time)
{
    char value[60];
    snprintf(value, sizeof value, "{\"v\":%d,\"ts\":%d}", time, time);
    lane_rig_send(r, "h", 0, "k", value, 5000 - time); /* its timestamp does not count */
}

static void send_stream(struct lane_rig *r, int time)
{
    char value[60];
    snprintf(value, sizeof value, "{\"i\":%d}", time);
    lane_rig_send(r, "s", 0, "k", value, time);
}

static void assert_out(struct lane_rig *r, const char *want)
{
    struct buffer out;
    buffer_init(&out);
    lane_rig_output(r, "out", &out);
    assert_string_equal(buffer_cstr(&out), want);
    buffer_done(&out);
}

static void by_event_time(void **state)
{
    (void)state;
    struct lane_rig r;
    start(&r, "10000d");
    for (int t = 15; t <= 55; t += 10) {
        send_stream(&r, t);
        send_stream(&r, t + 5); /* at the time of a change: the table first */
    }
    for (int t = 20; t <= 70; t += 10) {
        send_table(&r, t);
    }
    send_stream(&r, 71);
    send_table(&r, 71);
    assert_int_equal(lane_rig_settle(&r), 0);
    assert_int_equal(lane_rig_stop(&r, 0), 0);
    assert_out(&r, "0 k 0,0\n0 k 15,0\n0 k 20,20\n0 k 25,20\n0 k 30,30\n0 k 35,30\n0 k 40,40\n"
                   "0 k 45,40\n0 k 50,50\n0 k 55,50\n0 k 60,60\n0 k 71,71\n");
    lane_rig_done(&r);
}

static void rows_wait_no_longer_than_allowed(void **state)
{
    (void)state;
    struct lane_rig r;
    start(&r, "1s");
    send_stream(&r, 20);
    assert_int_equal(lane_rig_settle(&r), 0); /* the table says nothing more */
    assert_out(&r, "0 k 0,0\n0 k 20,0\n");
    assert_int_equal(lane_rig_stop(&r, 0), 0);
    lane_rig_done(&r);
}

static void nothing_waits_by_default(void **state)
{
    (void)state;
    struct lane_rig r;
    start(&r, "0s");
    send_stream(&r, 20);
    assert_int_equal(lane_rig_settle(&r), 0);
    send_table(&r, 15);
    send_stream(&r, 30);
    assert_int_equal(lane_rig_settle(&r), 0);
    assert_int_equal(lane_rig_stop(&r, 0), 0);
    struct buffer out;
    buffer_init(&out);
    lane_rig_output(&r, "out", &out);
    assert_non_null(strstr(buffer_cstr(&out), "0 k 20,0\n0 k 30,"));
    buffer_done(&out);
    lane_rig_done(&r);
}

/* More than may wait at once: the stream is paused meanwhile. Another lane comes and goes, which
 * takes away what waits; it is read again. */
static void many_wait(void **state)
{
    (void)state;
    struct lane_rig r;
    struct buffer out;
    enum { MANY = 25000 };
    buffer_init(&out);
    start(&r, "10000d");
    for (int i = 0; i < MANY; i++) {
        send_stream(&r, 20 + i);
    }
    lane_rig_start(&r, 1);
    send_table(&r, 30);
    assert_int_equal(lane_rig_stop(&r, 1), 0);
    send_table(&r, 19 + MANY);
    assert_int_equal(lane_rig_settle(&r), 0);
    assert_int_equal(lane_rig_stop(&r, 0), 0);
    lane_rig_output(&r, "out", &out);
    int lines = 0;
    for (const char *p = buffer_cstr(&out); *p; p = strchr(p, '\n') + 1) {
        int i = -1;
        assert_int_equal(sscanf(p, "0 k %d,", &i), 1);
        assert_int_equal(i, lines == 0 ? 0 : 19 + lines);
        lines++;
    }
    assert_int_equal(lines, MANY + 1);
    buffer_done(&out);
    lane_rig_done(&r);
}

/* ---- backlogs ---- */

#define SOURCE(topic)                                                                              \
    "{from: {topic: " topic ", value: json, key: {k: string}, columns: {k: string, i: long, ts: "  \
    "long}}, time: {field: ts, out_of_order: 7ms, idle: 10000d}}\n"

static const char joined[] = "name: t\nstreams:\n  a: " SOURCE("x") "  b: " SOURCE(
    "y") "  j:\n    from: a\n    steps:\n"
         "      - join: {with: b, within: 20ms}\n      - select: i, b_i\n"
         "    to: {topic: out, value: csv}\n";
static const char outer[] = "name: t\nstreams:\n  a: " SOURCE("x") "  b: " SOURCE(
    "y") "  j:\n    from: a\n    steps:\n"
         "      - join: {with: b, within: 20ms, type: outer, grace: 5ms}\n      - select: i, b_i\n"
         "    to: {topic: out, value: csv}\n";
static const char united[] =
    "name: t\nstreams:\n  a: " SOURCE("x") "  b: " SOURCE("y") "  c: " SOURCE(
        "z") "  u:\n    from: [a, b, c]\n    steps:\n"
             "      - window: {sliding: 15ms, grace: 3ms, aggregate: \"count() as n, sum(i) as "
             "s\"}\n"
             "      - select: window_start, n, s\n    to: {topic: out, value: csv}\n";
static const char listed[] =
    "name: t\nstreams:\n"
    "  u:\n    from: {topic: [x, y, z], value: json, key: {k: string}, columns: {k: string, i: "
    "long, ts: long}}\n    time: {field: ts, out_of_order: 7ms, idle: 10000d}\n    steps:\n"
    "      - running: count() as n, lag(i) as before\n      - select: i, n, before\n"
    "    to: {topic: out, value: csv}\n";
struct line {
    const char *topic;
    char key[4], value[80];
    int64_t time;
};

struct backlog {
    struct line *line[3]; /* of each topic, in order */
    int n[3];
};

/* Times ascend but for some that are behind, in the one case so far that they are late. */
static void make_backlog(struct backlog *b, uint64_t seed)
{
    static const char *const topics[] = {"x", "y", "z"};
    struct random random;
    random_seed(&random, seed, 1);
    for (int t = 0; t < 3; t++) {
        int step = 1 + (int)random_below(&random, 12);
        b->n[t] = 1600 / step;
        b->line[t] = mem_array((size_t)b->n[t], sizeof *b->line[t]);
        for (int i = 0; i < b->n[t]; i++) {
            struct line *x = &b->line[t][i];
            int back = random_below(&random, 10) == 0 ? (int)random_below(&random, 40) : 0;
            x->topic = topics[t];
            x->time = 100 + i * step + (int)random_below(&random, 3) - back;
            snprintf(x->key, sizeof x->key, "k%d", (int)random_below(&random, 2));
            snprintf(x->value, sizeof x->value, "{\"k\":\"%s\",\"i\":%d,\"ts\":%d}", x->key, i,
                     (int)x->time);
        }
    }
}

static int note_output(void *ctx, const struct record *r, struct err *e)
{
    (void)e;
    buffer_printf(ctx, "%.*s %.*s\n", (int)r->key_n, (const char *)r->key, (int)r->value_n,
                  (const char *)r->value);
    return 0;
}

/* As replay takes its files: the least head is next. */
static void replay(const char *topology, const struct backlog *b, int ntopics, struct buffer *out)
{
    struct plan_rig plan;
    struct local *l;
    struct err e = {0};
    assert_int_equal(plan_rig_init(&plan, topology), 0);
    struct local_config cfg = {.plan = plan.plan,
                               .clock = &clock_system,
                               .partitions = 1,
                               .batch_rows = BATCH_ROWS,
                               .ordered = true,
                               .output = note_output,
                               .ctx = out};
    assert_int_equal(local_new(&l, &cfg, &e), 0);
    for (int at[3] = {0}, best = 0; best >= 0;) {
        best = -1;
        for (int t = 0; t < ntopics; t++) {
            bool is_there = at[t] < b->n[t];
            if (is_there && (best < 0 || b->line[t][at[t]].time < b->line[best][at[best]].time)) {
                best = t;
            }
        }
        if (best >= 0) {
            const struct line *x = &b->line[best][at[best]++];
            struct record r = {.topic = x->topic,
                               .key = x->key,
                               .key_n = strlen(x->key),
                               .value = x->value,
                               .value_n = strlen(x->value)};
            assert_int_equal(local_push(l, &r, 1, &e), 0);
        }
    }
    local_free(l);
    plan_rig_done(&plan);
}

static int note_record(void *ctx, const struct record *r)
{
    return note_output(ctx, r, NULL);
}

static void backlog_as_replayed(const char *topology, int ntopics, uint64_t seed, uint16_t batch)
{
    struct backlog b;
    struct lane_rig r;
    struct buffer want, out;
    struct err e = {0};
    int64_t next;
    buffer_init(&want);
    buffer_init(&out);
    make_backlog(&b, seed);
    replay(topology, &b, ntopics, &want);
    lane_rig_init(&r, topology, 1);
    r.batch_rows = batch;
    for (int t = ntopics; t-- > 0;) {
        for (int i = 0; i < b.n[t]; i++) {
            const struct line *x = &b.line[t][i];
            lane_rig_send(&r, x->topic, 0, x->key, x->value, 0);
        }
    }
    assert_int_equal(lane_rig_run(&r, 1), 0);
    assert_int_equal(r.log->ops->read_all(r.log, "out", 0, 0, note_record, &out, &next, &e), 0);
    assert_string_equal(buffer_cstr(&out), buffer_cstr(&want));
    assert_true(want.n > 1000);
    lane_rig_done(&r);
    for (int t = 0; t < 3; t++) {
        mem_free(b.line[t]);
    }
    buffer_done(&want);
    buffer_done(&out);
}

static void backlogs_as_replayed(void **state)
{
    (void)state;
    static const uint16_t batch[] = {1, 3, BATCH_ROWS};
    for (uint64_t seed = 1; seed <= 6; seed++) {
        backlog_as_replayed(joined, 2, seed, batch[seed % 3]);
        backlog_as_replayed(outer, 2, seed, batch[seed % 3]);
        backlog_as_replayed(united, 3, seed, batch[seed % 3]);
        backlog_as_replayed(listed, 3, seed, batch[seed % 3]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_event_time),
        cmocka_unit_test(rows_wait_no_longer_than_allowed),
        cmocka_unit_test(nothing_waits_by_default),
        cmocka_unit_test(many_wait),
        cmocka_unit_test(backlogs_as_replayed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
