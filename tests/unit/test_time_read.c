/* A view from outside over the log in memory, beside what lanes have done: watermarks, offsets,
 * lag, what is open and who holds it; and that looking makes, writes and joins nothing. */
#include "tests/support/lane_rig.h"
#include "worker/time_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static const char topology[] =
    "name: t\nkafka: {group.id: g}\nstreams:\n"
    "  a:\n    from: {topic: x, value: json, key: {h: string}, columns: {h: string, v: long, ts: "
    "long}}\n"
    "    time: {field: ts, out_of_order: 5ms, idle: 10000d}\n"
    "  b:\n    from: {topic: x, value: json, columns: {v: long, ts: long}}\n"
    "    time: {field: ts, out_of_order: 1ms, idle: 10000d}\n    to: {topic: plain, value: json}\n"
    "  direct:\n    from: a\n    steps:\n"
    "      - window: {tumbling: 10ms, aggregate: count() as n}\n    to: {topic: out, value: json}\n"
    "  cut:\n    from: a\n    steps:\n"
    "      - key_by: v % 3 as g\n"
    "      - window: {tumbling: 20ms, grace: 3ms, aggregate: count() as n}\n"
    "    to: {topic: by_g, value: json}\n";

static void send(struct lane_rig *r, int32_t partition, int v, int ts)
{
    char value[100];
    snprintf(value, sizeof value, "{\"h\":\"k\",\"v\":%d,\"ts\":%d}", v, ts);
    lane_rig_send(r, "x", partition, "k", value, 1000 + ts);
}

/* Partitions 0 and 2 get to 99, 1 only to 30. */
static void send_rows(struct lane_rig *r)
{
    for (int i = 0; i < 100; i++) {
        send(r, 0, i, i);
        send(r, 2, i, i);
        if (i <= 30) {
            send(r, 1, i, i);
        }
    }
}

static struct client client_of(const struct lane_rig *r)
{
    return (struct client){.memory = r->broker, .log = r->log, .schemas = r->schemas};
}

static int look(struct lane_rig *r, struct time_view *v, struct err *e)
{
    struct client c = client_of(r);
    time_view_init(v, r->plan.plan, 0);
    return time_read(v, &c, NULL, e);
}

static const struct view_input *input_of(const struct time_view *v, const char *topic,
                                         int32_t partition, int nth)
{
    for (int i = 0; i < v->ntasks; i++) {
        for (int k = 0; k < v->task[i]->ninputs; k++) {
            const struct view_input *in = &v->task[i]->input[k];
            if (v->task[i]->partition == partition && strcmp(in->topic, topic) == 0 && nth-- == 0) {
                return in;
            }
        }
    }
    fail_msg("no partition %d of %s", partition, topic);
    return NULL;
}

/* Windows of a stream that are open, over all tasks; checks who holds those of `task` (-1: all). */
static uint64_t open_of(const struct time_view *v, const char *stream, int32_t task, int32_t holder,
                        int64_t watermark)
{
    uint64_t n = 0;
    for (int i = 0; i < v->ntasks; i++) {
        for (int k = 0; k < v->task[i]->nsteps; k++) {
            const struct task_step *s = &v->task[i]->step[k];
            bool is_it = task < 0 || v->task[i]->partition == task;
            if (strcmp(s->node->stream, stream) != 0 || !is_it) {
                continue;
            }
            n += s->open.n;
            struct holder h = time_view_holder(v, v->task[i], s);
            assert_string_equal(h.topic, "x");
            assert_int_equal(h.partition, holder);
            assert_int_equal(h.watermark, watermark);
            assert_int_equal(h.heard, watermark);
        }
    }
    return n;
}

static void where_time_is(void **state)
{
    (void)state;
    struct lane_rig r;
    struct time_view v;
    struct err e = {0};
    lane_rig_init(&r, topology, 3);
    send_rows(&r);
    assert_int_equal(lane_rig_run(&r, 2), 0);
    send(&r, 1, 7, 31); /* nobody reads this */
    send(&r, 1, 7, 32);

    assert_int_equal(look(&r, &v, &e), 0);
    assert_int_equal(v.ntasks, 6);
    for (int32_t p = 0; p < 3; p++) {
        const struct view_input *in = input_of(&v, "x", p, 0), *second = input_of(&v, "x", p, 1);
        int last = p == 1 ? 30 : 99;
        assert_int_equal(in->watermark, last - 5);
        assert_int_equal(second->watermark, last - 1); /* of stream b: the second in the metadata */
        assert_int_equal(in->offset, last + 1);
        assert_int_equal(in->lag, p == 1 ? 2 : 0);
        assert_int_equal(in->last_at, p == 1 ? 1032 : 1099);
        assert_false(in->is_idle);
        assert_int_equal(in->nparts, 0);
        in = input_of(&v, "t-cut-repartition", p, 0);
        assert_int_equal(in->nparts, 3);
        assert_int_equal(in->part[0].watermark, 94);
        assert_int_equal(in->part[1].watermark, 25);
        assert_int_equal(in->part[2].watermark, 94);
        assert_int_equal(in->watermark, 25);
        assert_int_equal(in->lag, 0);
    }
    assert_int_equal(open_of(&v, "direct", 0, 0, 94), 1);
    assert_int_equal(open_of(&v, "direct", 1, 1, 25), 2);
    assert_int_equal(open_of(&v, "direct", 2, 2, 94), 1);
    /* [20, 40) and all that follow, of three keys; the first is closed */
    assert_int_equal(open_of(&v, "cut", -1, 1, 25), 3 * 4);
    time_view_done(&v);
    lane_rig_done(&r);
}

static uint64_t records_of(struct lane_rig *r, const char *topic)
{
    uint64_t n = 0;
    for (int32_t p = 0; p < 3; p++) {
        int64_t begin, end;
        struct err e = {0};
        if (r->log->ops->bounds(r->log, topic, p, &begin, &end, 0, &e) == 0) {
            n += (uint64_t)end;
        }
    }
    return n;
}

static uint64_t all_records(struct lane_rig *r)
{
    static const char *const topic[] = {"x",
                                        "out",
                                        "by_g",
                                        "t-cut-repartition",
                                        "t-cut-window-changelog",
                                        "t-direct-window-changelog"};
    uint64_t n = 0;
    for (int i = 0; i < 6; i++) {
        n = n * 1000003 + records_of(r, topic[i]);
    }
    return n;
}

/* While lanes run: they go on as if nobody looked. */
static void beside_lanes(void **state)
{
    (void)state;
    struct lane_rig r;
    struct err e = {0};
    lane_rig_init(&r, topology, 3);
    send_rows(&r);
    lane_rig_start(&r, 0);
    lane_rig_start(&r, 1);
    for (int i = 0; i < 5; i++) {
        struct time_view v;
        int result = look(&r, &v, &e);
        assert_true(result == 0 || result == -ERR_DATA); /* before the first commit */
        time_view_done(&v);
    }
    assert_int_equal(lane_rig_settle(&r), 0);
    uint64_t records = all_records(&r);
    for (int i = 0; i < 5; i++) {
        struct time_view v;
        err_clear(&e);
        assert_int_equal(look(&r, &v, &e), 0);
        assert_int_equal(open_of(&v, "cut", -1, 1, 25), 3 * 4);
        time_view_done(&v);
    }
    assert_int_equal(all_records(&r), records);
    assert_int_equal(lane_rig_stop(&r, 0), 0);
    assert_int_equal(lane_rig_stop(&r, 1), 0);
    lane_rig_done(&r);
}

static void no_answer(void **state)
{
    (void)state;
    struct lane_rig r;
    struct time_view v;
    struct err e = {0};
    lane_rig_init(&r, topology, 3);
    assert_int_equal(look(&r, &v, &e), -ERR_DATA);
    assert_non_null(strstr(e.text, "group g has committed no offsets"));
    time_view_done(&v);

    struct memory_broker *empty = memory_broker_new(1);
    struct log_config cfg = {.group = NULL};
    struct client c = client_of(&r);
    int32_t n = -1;
    c.memory = empty;
    assert_int_equal(memory_log_open(&c.log, empty, &cfg, NULL, &e), 0);
    err_clear(&e);
    time_view_init(&v, r.plan.plan, 0);
    assert_int_equal(time_read(&v, &c, NULL, &e), -ERR_CONFIG);
    assert_non_null(strstr(e.text, "there is no topic \"x\""));
    assert_non_null(strstr(e.text, "streams.a.from"));
    assert_int_equal(c.log->ops->partitions(c.log, "x", &n, 0, &e), 0);
    assert_int_equal(n, 0);
    c.log->ops->close(c.log, true);
    memory_broker_free(empty);
    time_view_done(&v);
    lane_rig_done(&r);
}

struct told {
    int calls;
    uint64_t changes;
};

static void tell(void *ctx, const struct time_read_progress *p)
{
    struct told *t = ctx;
    assert_string_equal(p->topic, p->changes ? "t-direct-window-changelog" : "x");
    assert_int_equal(p->partition, 0);
    assert_int_equal(p->partitions, 1);
    assert_true(t->calls == 0 ? p->changes == 0 : p->changes > t->changes);
    t->calls++;
    t->changes = p->changes;
}

static void long_restores_are_told(void **state)
{
    (void)state;
    struct lane_rig r;
    struct time_view v;
    struct err e = {0};
    struct told told = {0};
    const struct time_read_options o = {tell, &told};
    lane_rig_init(&r,
                  "name: t\nkafka: {group.id: g}\nstreams:\n"
                  "  direct:\n    from: {topic: x, value: json, key: {h: string}, columns: {h: "
                  "string, ts: long}}\n    time: {field: ts}\n    steps:\n"
                  "      - window: {tumbling: 10ms, aggregate: count() as n}\n"
                  "    to: {topic: out, value: json}\n",
                  1);
    for (int i = 0; i < 2500; i++) {
        char key[20], value[60];
        snprintf(key, sizeof key, "k%d", i);
        snprintf(value, sizeof value, "{\"h\":\"%s\",\"ts\":1}", key);
        lane_rig_send(&r, "x", 0, key, value, 0);
    }
    assert_int_equal(lane_rig_run(&r, 1), 0);
    struct client c = client_of(&r);
    time_view_init(&v, r.plan.plan, 0);
    assert_int_equal(time_read(&v, &c, &o, &e), 0);
    assert_true(told.calls >= 3);
    assert_int_equal(v.task[0]->step[0].open.n, 2500);
    assert_int_equal(v.task[0]->step[0].entries, 2500);
    assert_true(v.task[0]->step[0].bytes > 2500 * 40);
    assert_int_equal(v.task[0]->step[0].dirty_bytes, 0);
    time_view_done(&v);
    lane_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_time_is),
        cmocka_unit_test(beside_lanes),
        cmocka_unit_test(no_answer),
        cmocka_unit_test(long_restores_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
