/* A task's time where the wall clock has a say: inputs of outside topics that fall silent. What
 * happens behind a repartition: test_task_source.c. */
#include "tests/support/task_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define TOPOLOGY(time)                                                                             \
    "name: t\nstreams:\n"                                                                          \
    "  a:\n    from: {topic: x, value: json, key: {h: string}, columns: {v: long, ts: long}}\n"    \
    "    time: {field: ts, out_of_order: 5ms, " time "}\n    steps:\n"                             \
    "      - window: {tumbling: 10ms, aggregate: count() as n}\n      - select: n\n"               \
    "    to: {topic: out, value: csv}\n"

static void tick(struct task_rig *r, int64_t ms)
{
    r->clock.fixed += ms;
    assert_int_equal(task_tick(r->task, r->clock.fixed, &r->err), 0);
}

static void init(struct task_rig *r, const char *topology)
{
    task_rig_init(r, topology, 0);
    task_rig_start(r, 0);
    assert_int_equal(task_rig_push_one(r, "x", 0, "k", "{\"v\":1,\"ts\":12}"), 0);
    assert_int_equal(task_watermark(r->task, 0), 7);
}

static void an_idle_input_follows_the_others(void **state)
{
    (void)state;
    struct task_rig r;
    char metadata[40];
    init(&r, TOPOLOGY("idle: 1s"));
    task_others(r.task, 0, (struct others){100, false});
    tick(&r, 999);
    assert_int_equal(task_watermark(r.task, 0), 7);
    assert_int_equal(task_flush(r.task, &r.err), 0);
    task_committed(r.task);
    tick(&r, 1);
    assert_true(task_idle(r.task, 0, r.clock.fixed));
    assert_int_equal(task_watermark(r.task, 0), 100);
    assert_true(task_dirty(r.task)); /* so that others hear of it */
    task_position(r.task, 0, metadata, sizeof metadata);
    assert_string_equal(metadata, "w100i");
    assert_string_equal(task_rig_out(&r), "out k 1\n");
    task_others(r.task, 0, (struct others){50, false}); /* never back */
    tick(&r, 1);
    assert_int_equal(task_watermark(r.task, 0), 100);
    assert_int_equal(task_rig_push_one(&r, "x", 0, "k", "{\"v\":1,\"ts\":50}"), 0);
    assert_int_equal(task_counts(r.task).late, 1);
    tick(&r, 1);
    task_position(r.task, 0, metadata, sizeof metadata);
    assert_string_equal(metadata, "w100");
    task_rig_done(&r);
}

static void without_others_time_stands_still(void **state)
{
    (void)state;
    struct task_rig r;
    init(&r, TOPOLOGY("idle: 1s"));
    tick(&r, 86400000);
    assert_int_equal(task_watermark(r.task, 0), 7);
    task_rig_done(&r);
}

static void or_goes_on_with_the_wall_clock(void **state)
{
    (void)state;
    struct task_rig r;
    init(&r, TOPOLOGY("idle: 1s, advance: wall_clock"));
    tick(&r, 999);
    assert_int_equal(task_watermark(r.task, 0), 7);
    tick(&r, 501);
    assert_int_equal(task_watermark(r.task, 0), 7 + 1500);
    task_others(r.task, 0, (struct others){3000, true}); /* the farthest */
    tick(&r, 1);
    assert_int_equal(task_watermark(r.task, 0), 3000);
    task_others(
        r.task, 0,
        (struct others){600, false}); /* one of them goes on: it is followed, not the clock */
    tick(&r, 10000);
    assert_int_equal(task_watermark(r.task, 0), 3000);
    task_rig_done(&r);
}

static void an_empty_input_is_not_waited_for(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r, TOPOLOGY("idle: 1s"), 0);
    task_rig_start(&r, 0);
    assert_false(task_idle(r.task, 0, r.clock.fixed));
    task_expect_nothing(r.task, 0);
    assert_true(task_idle(r.task, 0, r.clock.fixed));
    assert_true(task_dirty(r.task));
    assert_int_equal(task_rig_push_one(&r, "x", 0, "k", "{\"v\":1,\"ts\":12}"), 0);
    assert_false(task_idle(r.task, 0, r.clock.fixed));
    task_rig_done(&r);
}

/* What waits, or is still to be fetched, is no silence. */
static void an_input_with_more_is_not_idle(void **state)
{
    (void)state;
    struct task_rig r;
    init(&r, TOPOLOGY("idle: 1s"));
    task_others(r.task, 0, (struct others){100, false});
    tick(&r, 999);
    task_expect_more(r.task, 0, r.clock.fixed);
    tick(&r, 999);
    assert_false(task_idle(r.task, 0, r.clock.fixed));
    assert_int_equal(task_watermark(r.task, 0), 7);
    tick(&r, 1);
    assert_int_equal(task_watermark(r.task, 0), 100);
    task_rig_done(&r);
}

static void metadata_of_others(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int nth;
        int64_t watermark;
        bool is_idle;
    } all[] = {{"w17", 0, 17, false},         {"w-3i", 0, -3, true},      {"w1;w2i;w3", 1, 2, true},
               {"w1;w2i;w3", 2, 3, false},    {"w1", 1, TIME_MIN, false}, {"", 0, TIME_MIN, false},
               {NULL, 0, TIME_MIN, false},    {NULL, 3, TIME_MIN, false}, {";w5", 1, 5, false},
               {"d0,5:A", 0, TIME_MIN, false}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct part_time time = task_time_of(all[i].text, all[i].nth);
        assert_int_equal(time.watermark, all[i].watermark);
        assert_int_equal(time.is_idle, all[i].is_idle);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_input_follows_the_others),
        cmocka_unit_test(without_others_time_stands_still),
        cmocka_unit_test(or_goes_on_with_the_wall_clock),
        cmocka_unit_test(an_empty_input_is_not_waited_for),
        cmocka_unit_test(an_input_with_more_is_not_idle),
        cmocka_unit_test(metadata_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
