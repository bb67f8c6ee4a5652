/* A view as text and as JSON: whole, of one that is made by hand from tasks at work. */
#include "engine/clock.h"
#include "engine/memory.h"
#include "tests/support/task_rig.h"
#include "worker/log.h"
#include "worker/time_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include <stdio.h>
#include <string.h>

#define HOUR INT64_C(3600000)

static const char topology[] =
    "name: t\nstreams:\n"
    "  a:\n    from: {topic: x, value: json, columns: {v: long, ts: long}}\n"
    "    time: {field: ts}\n"
    "  cut:\n    from: a\n    steps:\n      - key_by: v\n"
    "      - window: {tumbling: 10s, grace: 2s, aggregate: count() as n}\n"
    "    to: {topic: o, value: json}\n";

struct fixture {
    struct task_rig r;
    struct time_view v;
    struct buffer out;
};

static void push(struct fixture *f, int v, int64_t ts)
{
    char text[80];
    snprintf(text, sizeof text, "{\"v\":%d,\"ts\":%lld}", v, (long long)ts);
    assert_int_equal(task_rig_push_one(&f->r, "x", 0, NULL, text), 0);
}

/* Three partitions of x; the task behind them has two windows, and partition 1 stands at 4 s. */
static void init(struct fixture *f)
{
    static const int64_t last[] = {30000, 4000, 30000};
    task_rig_init(&f->r, topology, 0);
    f->r.ntasks = 3;
    f->r.clock.fixed = 10 * HOUR;
    buffer_init(&f->out);
    time_view_init(&f->v, f->r.plan.plan, 10 * HOUR + 300000);
    for (int p = 2; p >= 0; p--) { /* any order */
        f->r.partition = p;
        task_rig_start(&f->r, 0);
        push(f, p, last[p]);
        struct view_task *x = time_view_add(&f->v, f->r.task);
        x->input[0].offset = p == 2 ? OFFSET_NONE : 17 + p;
        x->input[0].lag = p;
        x->input[0].is_idle = p == 1;
        x->input[0].last_at = p == 2 ? INT64_MIN : 10 * HOUR + p * 1000;
        task_rig_stop(&f->r);
    }
    f->r.partition = 0;
    task_rig_new(&f->r, 1);
    const struct part_time part[] = {{30000, false}, {4000, false}, {30000, false}};
    char metadata[100];
    watermarks_print(metadata, sizeof metadata, part, 3);
    task_topic_restore(f->r.task, "t-cut-repartition", 5, metadata);
    assert_int_equal(task_rig_open(&f->r), 0);
}

static void done(struct fixture *f)
{
    time_view_done(&f->v);
    buffer_done(&f->out);
    task_rig_done(&f->r);
}

/* The task behind the repartition gets what another one has written into it. */
static void fill(struct fixture *f)
{
    struct task *behind = f->r.task;
    task_rig_clear(&f->r);
    task_rig_start(&f->r, 0);
    push(f, 1, 8000);
    push(f, 2, 9000);
    task_rig_stop(&f->r);
    f->r.task = behind;
    for (size_t i = 0; i < f->r.n; i++) {
        const struct produced *p = &f->r.item[i];
        struct record rec = {.topic = p->topic,
                             .offset = 5 + (int64_t)i,
                             .timestamp = 0,
                             .key = p->key,
                             .key_n = p->key_n,
                             .value = p->value,
                             .value_n = p->value_n};
        assert_int_equal(task_push(behind, 0, &rec, 1, &f->r.err), 0);
    }
    struct view_task *x = time_view_add(&f->v, behind);
    x->input[0].offset = 7;
    x->input[0].lag = 0;
    x->input[0].last_at = INT64_MIN;
    x->step[0].bytes = 1234;
}

static void as_text(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    fill(&f);
    time_view_text(&f.v, &f.out);
    assert_string_equal(
        buffer_cstr(&f.out),
        "topology t: group klamm-t, at 1970-01-01T10:05:00.000Z\n"
        "                                   committed       lag  watermark                        "
        "       last record\n"
        "x (stream a)\n"
        "  partition 0                             17         0  30000 1970-01-01T00:00:30.000Z   "
        "       5 m ago\n"
        "  partition 1                             18         1  4000 1970-01-01T00:00:04.000Z    "
        "       idle, 4 m ago\n"
        "  partition 2                        nothing         2  30000 1970-01-01T00:00:30.000Z\n"
        "t-cut-repartition (internal, before cut)\n"
        "  partition 0                              7         0  4000 1970-01-01T00:00:04.000Z\n"
        "    from source partition 0                             30000 1970-01-01T00:00:30.000Z\n"
        "    from source partition 1                             4000 1970-01-01T00:00:04.000Z\n"
        "    from source partition 2                             30000 1970-01-01T00:00:30.000Z\n"
        "\n"
        "window of stream cut (step 2), partition 0: 2 windows open (1.2 KB), the oldest "
        "[1970-01-01T00:00:00.000Z, 1970-01-01T00:00:10.000Z) closes at watermark "
        "1970-01-01T00:00:12.000Z; partition 1 of x stands at 1970-01-01T00:00:04.000Z (idle 4 m)\n"
        "state: 2 entries, 1.2 KB\n");
    done(&f);
}

static void as_json(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    fill(&f);
    f.v.task[1]->input[0].watermark = 11000; /* it went on, and the task behind has not heard */
    time_view_json(&f.v, &f.out);
    json_error_t error;
    json_t *root = json_loads(buffer_cstr(&f.out), 0, &error);
    assert_non_null(root);
    json_t *step = json_array_get(json_object_get(root, "steps"), 0);
    json_t *input = json_array_get(json_object_get(root, "inputs"), 2);
    const char *topic = NULL, *what = NULL, *by = NULL;
    long long at = 0, open = 0, start = 0, end = 0, closes = 0, stands = 0, known = 0,
              partition = 0;
    assert_int_equal(json_array_size(json_object_get(root, "inputs")), 4);
    assert_int_equal(json_array_size(json_object_get(root, "steps")), 1);
    assert_int_equal(json_unpack_ex(root, &error, 0, "{sI}", "at", &at), 0);
    assert_int_equal(json_unpack_ex(step, &error, 0, "{ss, sI, sI, sI, sI, s{ss, sI, sI, sI}}",
                                    "what", &what, "open", &open, "start", &start, "end", &end,
                                    "closes_at", &closes, "held_by", "topic", &by, "partition",
                                    &partition, "watermark", &stands, "known", &known),
                     0);
    assert_int_equal(at, 10 * HOUR + 300000);
    assert_string_equal(what, "windows");
    assert_int_equal(open, 2);
    assert_int_equal(start, 0);
    assert_int_equal(end, 10000);
    assert_int_equal(closes, 12000);
    assert_string_equal(by, "x");
    assert_int_equal(partition, 1);
    assert_int_equal(stands, 11000);
    assert_int_equal(known, 4000);
    assert_int_equal(json_unpack_ex(input, &error, 0, "{ss, sI}", "topic", &topic, "lag", &at), 0);
    assert_string_equal(topic, "x");
    assert_true(json_is_null(json_object_get(input, "offset")));
    assert_true(json_is_null(json_object_get(input, "last_record")));
    assert_int_equal(json_array_size(json_object_get(
                         json_array_get(json_object_get(root, "inputs"), 3), "sources")),
                     3);
    json_decref(root);

    buffer_clear(&f.out);
    time_view_text(&f.v, &f.out);
    assert_non_null(strstr(buffer_cstr(&f.out),
                           "partition 1 of x stands at 1970-01-01T00:00:11.000Z, of which is known "
                           "here: 1970-01-01T00:00:04.000Z (idle 4 m)"));
    done(&f);
}

static void without_anything(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    f.v.task[1]->input[0].watermark = TIME_MIN;
    f.v.task[2]->input[0].is_missing = true;
    time_view_text(&f.v, &f.out);
    assert_null(strstr(buffer_cstr(&f.out), "partition 2"));
    assert_non_null(strstr(buffer_cstr(&f.out), "none yet"));
    assert_non_null(strstr(buffer_cstr(&f.out), "\nno step keeps anything\n"));
    assert_null(strstr(buffer_cstr(&f.out), "state:"));
    buffer_clear(&f.out);
    time_view_done(&f.v);
    time_view_init(&f.v, f.r.plan.plan, 5);
    time_view_json(&f.v, &f.out);
    assert_string_equal(buffer_cstr(&f.out), "{\"topology\":\"t\",\"group\":\"klamm-t\",\"at\":5,"
                                             "\"inputs\":[],\"steps\":[]}\n");
    done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_text),
        cmocka_unit_test(as_json),
        cmocka_unit_test(without_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
