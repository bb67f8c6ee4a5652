/* From records to batches: watermarks of many partitions, and the envelope of repartitions. */
#include "engine/envelope.h"
#include "tests/support/task_rig.h"

#include "engine/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const char cut[] =
    "name: t\nerrors: {tolerance: all, dead_letter_topic: dead}\nstreams:\n"
    "  a:\n    from: {topic: x, value: json, columns: {h: string, a.b: long}}\n    steps:\n"
    "      - key_by: h\n"
    "      - window: {tumbling: 10ms, aggregate: \"count() as n, sum(a.b) as s\"}\n"
    "      - select: window_start, n, s\n    to: {topic: out, value: csv}\n";

/* Everything a task wrote to the repartition, given to the task behind it. As Kafka's client does
 * it: a timestamp that is not above 0 becomes now. */
static void forward(struct task_rig *from, struct task_rig *to, int64_t *offset)
{
    for (size_t i = 0; i < from->n; i++) {
        const struct produced *p = &from->item[i];
        struct record rec = {.topic = p->topic,
                             .offset = (*offset)++,
                             .timestamp = p->timestamp > 0 ? p->timestamp : 1800000000000,
                             .key = p->key,
                             .key_n = p->key_n,
                             .value = p->value,
                             .value_n = p->value_n};
        if (strcmp(p->topic, "t-a-repartition") == 0) {
            assert_int_equal(task_push(to->task, 0, &rec, 1, &to->err), 0);
        }
    }
    task_rig_clear(from);
}

/* Two tasks before the repartition and one behind it, over one plan's schemas. */
struct pair {
    struct task_rig up[2], down;
    struct schema_store *own[2]; /* of down and up[1], not used */
    int64_t offset;
};

static void pair_of(struct pair *x, const char *text)
{
    *x = (struct pair){.offset = 0};
    task_rig_init(&x->up[0], text, 0);
    task_rig_init(&x->up[1], text, 0);
    task_rig_init(&x->down, text, 0);
    x->own[0] = x->up[1].schemas;
    x->own[1] = x->down.schemas;
    x->up[1].schemas = x->down.schemas = x->up[0].schemas;
    for (int p = 0; p < 2; p++) {
        x->up[p].ntasks = 2;
        x->up[p].partition = p;
        task_rig_start(&x->up[p], 0);
    }
    x->down.ntasks = 2;
}

static void pair_init(struct pair *x)
{
    pair_of(x, cut);
}

static void pair_push(struct pair *x, int p, int64_t time, const char *value)
{
    assert_int_equal(task_rig_push_one(&x->up[p], "x", time, NULL, value), 0);
    forward(&x->up[p], &x->down, &x->offset);
}

static void pair_commit(struct pair *x, int p)
{
    assert_int_equal(task_flush(x->up[p].task, &x->up[p].err), 0);
    task_committed(x->up[p].task);
    forward(&x->up[p], &x->down, &x->offset);
}

static void pair_done(struct pair *x)
{
    task_rig_stop(&x->up[1]);
    task_rig_stop(&x->down);
    x->up[1].schemas = x->own[0];
    x->down.schemas = x->own[1];
    task_rig_done(&x->up[1]);
    task_rig_done(&x->down);
    task_rig_done(&x->up[0]);
}

static const char row[] = "{\"h\":\"k\",\"a\":{\"b\":2}}";

static void behind_a_repartition_the_least_partition_counts(void **state)
{
    (void)state;
    struct pair x;
    pair_init(&x);
    task_rig_start(&x.down, 1);
    pair_push(&x, 0, 1, row);
    pair_push(&x, 0, 25, row);
    pair_push(&x, 1, 2, row);
    pair_commit(&x, 0);
    assert_string_equal(task_rig_out(&x.down), "");
    pair_push(&x, 1, 3, row); /* far behind partition 0, yet not late */
    assert_int_equal(task_counts(x.down.task).late, 0);
    pair_push(&x, 1, 12, row);
    assert_string_equal(task_rig_out(&x.down), "out k 0,3,6\n");
    pair_push(&x, 0, 3, row); /* late by its own partition */
    assert_int_equal(task_counts(x.down.task).late, 1);
    pair_push(&x, 1, 30, "{\"h\":null}");
    pair_commit(&x, 1);
    assert_string_equal(task_rig_out(&x.down), "out k 10,1,2\n");
    pair_done(&x);
}

/* The topic upstream has gained one since this task began. */
static void a_partition_that_comes_later_counts(void **state)
{
    (void)state;
    struct pair x;
    pair_init(&x);
    x.down.ntasks = 1;
    task_rig_start(&x.down, 1);
    pair_push(&x, 0, 1, row);
    pair_push(&x, 1, 2, row);
    pair_push(&x, 0, 25, row);
    pair_commit(&x, 0);
    assert_string_equal(task_rig_out(&x.down), "");
    pair_push(&x, 1, 12, row);
    assert_string_equal(task_rig_out(&x.down), "out k 0,2,4\n");
    assert_int_equal(task_counts(x.down.task).bad, 0);
    char metadata[100];
    task_position(x.down.task, 0, metadata, sizeof metadata);
    assert_string_equal(metadata, "d0,12:aZ");
    pair_done(&x);
}

static void event_times_before_1970_go_through(void **state)
{
    (void)state;
    static const char text[] =
        "name: t\nstreams:\n"
        "  a:\n    from: {topic: x, value: json, columns: {h: string, ts: long}}\n"
        "    time: {field: ts, out_of_order: 5ms}\n    steps:\n      - key_by: h\n"
        "      - window: {tumbling: 10ms, aggregate: \"count() as n\"}\n"
        "    to: {topic: out, value: csv}\n";
    struct pair x;
    pair_of(&x, text);
    x.down.ntasks = 1;
    task_rig_start(&x.down, 1);
    pair_push(&x, 0, 7, "{\"h\":\"k\",\"ts\":-3}");
    pair_push(&x, 0, 7, "{\"h\":\"k\",\"ts\":0}");
    pair_push(&x, 0, 7, "{\"h\":\"k\",\"ts\":-4}");
    pair_push(&x, 0, 7, "{\"h\":\"k\",\"ts\":1}");
    pair_push(&x, 0, 7, "{\"h\":\"k\",\"ts\":40}");
    pair_commit(&x, 0);
    assert_string_equal(task_rig_out(&x.down), "out k k,0,10,2\n");
    pair_done(&x);
}

/* However the rows of two partitions meet, equal event times go by partition and offset. */
static void ties_go_by_source_partition(void **state)
{
    (void)state;
    static const char text[] =
        "name: t\nstreams:\n"
        "  a:\n    from: {topic: x, value: json, columns: {h: string, b: array<long>}}\n"
        "    steps:\n      - key_by: h\n      - flatten: b\n"
        "      - window: {tumbling: 10ms, aggregate: \"collect(b) as c, first(b) as f, last(b) as "
        "l, arg_max(b, 1) as m\"}\n"
        "    to: {topic: out, value: json}\n";
    static const char *const rows[] = {"{\"h\":\"k\",\"b\":[3,4]}", "{\"h\":\"k\",\"b\":[1,2]}",
                                       "{\"h\":\"k\",\"b\":[5]}"};
    static const int orders[3][3] = {{0, 1, 2}, {1, 0, 2}, {0, 2, 1}};
    for (int o = 0; o < 3; o++) {
        struct pair x;
        pair_of(&x, text);
        task_rig_start(&x.down, 1);
        for (int i = 0; i < 3; i++) {
            int at = orders[o][i];
            pair_push(&x, at == 1 ? 0 : 1, 5, rows[at]);
        }
        pair_push(&x, 0, 30, rows[0]);
        pair_push(&x, 1, 30, rows[0]);
        assert_string_equal(task_rig_out(&x.down),
                            "out k {\"h\":\"k\",\"window_start\":0,\"window_end\":10,"
                            "\"c\":[1,2,3,4,5],\"f\":1,\"l\":5,\"m\":1}\n");
        pair_done(&x);
    }
}

static void partitions_restore_their_watermarks(void **state)
{
    (void)state;
    struct pair x;
    char metadata[100];
    pair_init(&x);
    task_rig_start(&x.down, 1);
    pair_push(&x, 0, 25, row);
    pair_push(&x, 1, 2, row);
    int64_t at = task_position(x.down.task, 0, metadata, sizeof metadata);
    assert_string_equal(metadata, "d0,2:uBtB");
    task_rig_stop(&x.down);
    task_rig_new(&x.down, 1);
    task_input_restore(x.down.task, 0, at, metadata);
    assert_int_equal(task_rig_open(&x.down), 0);
    assert_int_equal(task_watermark(x.down.task, 0), 2);
    task_input_restore(x.down.task, 0, at, "rubbish");
    assert_int_equal(task_watermark(x.down.task, 0), 2);
    pair_done(&x);
}

static void tick(struct task_rig *r, int64_t ms)
{
    r->clock.fixed += ms;
    assert_int_equal(task_tick(r->task, r->clock.fixed, &r->err), 0);
}

static void an_idle_partition_follows(void **state)
{
    (void)state;
    struct pair x;
    char metadata[100];
    pair_init(&x);
    task_rig_start(&x.down, 1);
    pair_push(&x, 0, 1, row);
    pair_push(&x, 0, 15, row);
    tick(&x.down, 90000); /* silent, but its task has not said that it is idle: it may be behind */
    assert_string_equal(task_rig_out(&x.down), "");
    tick(&x.up[1], 29999);
    assert_false(task_idle(x.up[1].task, 0, x.up[1].clock.fixed));
    assert_false(task_dirty(x.up[1].task));
    tick(&x.up[1], 1);
    assert_true(task_idle(x.up[1].task, 0, x.up[1].clock.fixed));
    assert_true(task_dirty(x.up[1].task));
    pair_commit(&x, 1);
    tick(&x.up[1], 1);
    assert_false(task_dirty(x.up[1].task)); /* said once */
    int64_t at = task_position(x.down.task, 0, metadata, sizeof metadata);
    assert_string_equal(metadata, "d0,15:A!A");
    tick(&x.down, 0);
    assert_string_equal(task_rig_out(&x.down), "out k 0,1,2\n");
    pair_push(&x, 1, 12, row); /* no longer idle: in time, since its own time is not yet 20 */
    assert_int_equal(task_counts(x.down.task).late, 0);
    pair_push(&x, 0, 35, row);
    tick(&x.down, 90000);
    assert_int_equal(task_watermark(x.down.task, 0), 15);
    task_rig_stop(&x.down); /* a restart knows who was idle */
    task_rig_new(&x.down, 1);
    task_input_restore(x.down.task, 0, at, metadata);
    assert_int_equal(task_rig_open(&x.down), 0);
    tick(&x.down, 0);
    assert_int_equal(task_watermark(x.down.task, 0), 15);
    pair_done(&x);
}

static void all_idle_partitions_stand_still(void **state)
{
    (void)state;
    struct pair x;
    pair_init(&x);
    task_rig_start(&x.down, 1);
    pair_push(&x, 0, 15, row);
    pair_push(&x, 1, 5, row);
    for (int p = 0; p < 2; p++) {
        tick(&x.up[p], 30000);
        pair_commit(&x, p);
    }
    tick(&x.down, 30000);
    assert_true(task_idle(x.down.task, 0, x.down.clock.fixed));
    assert_int_equal(task_watermark(x.down.task, 0), 5);
    task_others(x.up[1].task, 0, (struct others){9, false}); /* of a third partition */
    tick(&x.up[1], 0);
    pair_commit(&x, 1);
    tick(&x.down, 0);
    assert_int_equal(task_watermark(x.down.task, 0), 9);
    pair_done(&x);
}

static void damaged_envelopes_are_bad_records(void **state)
{
    (void)state;
    struct pair x;
    pair_init(&x);
    task_rig_start(&x.down, 1);
    static const struct {
        const char *bytes;
        size_t n;
    } bad[] = {{"", 0},       {"\1", 1},          {"\4\0\0", 3},   {"\1\x80\x80", 3},
               {"\1\4\0", 3}, {"\1\1\0", 3},      {"\2\0\x80", 3}, {"\0\0\0\0\0", 5},
               {"\1\0\0", 3}, {"\1\0\0\0\0\0", 6}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct record rec = {.topic = "t-a-repartition",
                             .offset = (int64_t)i,
                             .timestamp = 5,
                             .value = bad[i].bytes,
                             .value_n = bad[i].n};
        assert_int_equal(task_push(x.down.task, 0, &rec, 1, &x.down.err), 0);
        assert_int_equal(task_counts(x.down.task).bad, i + 1);
    }
    assert_int_equal(task_watermark(x.down.task, 0), TIME_MIN);
    pair_done(&x);
}

/* Rows have their own time, records without a row their watermark, damaged ones the record's. */
static void times_of_internal_records(void **state)
{
    (void)state;
    struct pair x;
    pair_init(&x);
    task_rig_start(&x.down, 1);
    static const struct {
        struct envelope envelope;
        int64_t time;
    } cases[] = {{{.kind = ENVELOPE_ROW, .watermark = 70, .time = 60}, 60},
                 {{.kind = ENVELOPE_DELETE, .watermark = 70, .time = -5}, -5},
                 {{.kind = ENVELOPE_TIME, .watermark = 70}, 70},
                 {{.kind = ENVELOPE_IDLE, .watermark = 80}, 80}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer b;
        buffer_init(&b);
        envelope_write(&b, &cases[i].envelope);
        struct record rec = {
            .topic = "t-a-repartition", .timestamp = 5, .value = b.data, .value_n = b.n};
        assert_int_equal(task_record_time(x.down.task, 0, &rec), cases[i].time);
        rec.value_n = 1;
        assert_int_equal(task_record_time(x.down.task, 0, &rec), 5);
        buffer_done(&b);
    }
    pair_done(&x);
}

/* A row that the topology wrote before it was changed, and good rows cut short. */
static void rows_of_other_columns_are_refused(void **state)
{
    (void)state;
    struct pair x;
    pair_init(&x);
    task_rig_start(&x.down, 1);
    struct record rec = {.topic = "t-a-repartition", .value = "\1\0\0abcd\2k\2", .value_n = 10};
    assert_int_equal(task_push(x.down.task, 0, &rec, 1, &x.down.err), -ERR_CONFIG);
    static const char *const words[] = {
        "topology t,",   "stream a:",   "topic t-a-repartition partition 0 offset 0 holds a row",
        "other columns", "--until-end", "docs/operations.md"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!strstr(x.down.err.text, words[i])) {
            fail_msg("no %s in %s", words[i], x.down.err.text);
        }
    }
    pair_done(&x);
    pair_init(&x);
    task_rig_start(&x.down, 1);
    assert_int_equal(task_rig_push_one(&x.up[0], "x", 1, NULL, row), 0);
    const struct produced *p = task_rig_find(&x.up[0], "t-a-repartition");
    for (size_t n = 7; n < p->value_n; n++) {
        struct record part = {.topic = p->topic, .value = p->value, .value_n = n, .timestamp = 1};
        assert_int_equal(task_push(x.down.task, 0, &part, 1, &x.down.err), 0);
        assert_int_equal(task_counts(x.down.task).bad, n - 6);
    }
    pair_done(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behind_a_repartition_the_least_partition_counts),
        cmocka_unit_test(a_partition_that_comes_later_counts),
        cmocka_unit_test(event_times_before_1970_go_through),
        cmocka_unit_test(ties_go_by_source_partition),
        cmocka_unit_test(partitions_restore_their_watermarks),
        cmocka_unit_test(an_idle_partition_follows),
        cmocka_unit_test(all_idle_partitions_stand_still),
        cmocka_unit_test(damaged_envelopes_are_bad_records),
        cmocka_unit_test(times_of_internal_records),
        cmocka_unit_test(rows_of_other_columns_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
