/* Lanes whose tasks are behind: slices of any size, polls and commits between them, and crashes
 * there: the committed output is that of a lane that does all at once.
 */
#include "engine/logger.h"
#include "engine/memory.h"
#include "tests/support/lane_rig.h"
#include "worker/lane_impl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define KEYS 400

static const char topology[] =
    "name: t\ncommit_interval: 20ms\nstreams:\n"
    "  a:\n    from: {topic: x, value: json, key: {h: string}, columns: {h: string, ts: long}}\n"
    "    time: {field: ts, idle: 10000d}\n    steps:\n"
    "      - window: {hopping: {size: 20ms, every: 10ms}, aggregate: count() as n}\n"
    "      - window: {tumbling: 20ms, aggregate: \"count() as n, sum(n) as s\"}\n"
    "    to: {topic: out, value: csv}\n"
    "  b:\n    from: a\n    steps:\n"
    "      - key_by: s\n"
    "      - window: {tumbling: 100ms, aggregate: count() as keys}\n"
    "    to: {topic: sums, value: csv}\n";

/* KEYS keys, two rows each, then a row in each partition that closes all of their windows. */
static void send_all(struct lane_rig *r)
{
    char key[20], value[60];
    for (int i = 0; i < 2 * KEYS; i++) {
        snprintf(key, sizeof key, "k%d", i % KEYS);
        snprintf(value, sizeof value, "{\"h\":\"%s\",\"ts\":%d}", key, i < KEYS ? 1 : 12);
        lane_rig_send(r, "x", i % 2, key, value, 0);
    }
    for (int p = 0; p < 2; p++) {
        snprintf(value, sizeof value, "{\"h\":\"z\",\"ts\":1000}");
        lane_rig_send(r, "x", p, "z", value, 0);
    }
}

static char *output(uint32_t slice, uint64_t seed)
{
    struct lane_rig r;
    struct buffer out;
    buffer_init(&out);
    lane_rig_init(&r, topology, 2);
    r.slice = slice;
    if (seed) {
        r.seed = seed;
        atomic_store(&r.faults, 12);
    }
    send_all(&r);
    assert_int_equal(lane_rig_run(&r, seed ? 2 : 1), 0);
    lane_rig_output(&r, "out", &out);
    lane_rig_output(&r, "sums", &out);
    lane_rig_done(&r);
    char *text = mem_strdup(buffer_cstr(&out));
    buffer_done(&out);
    return text;
}

static void slices_do_not_show(void **state)
{
    (void)state;
    char *expected = output(1000000, 0);
    assert_true(strlen(expected) > KEYS * 8);
    for (uint32_t slice = 1; slice < 200; slice = slice * 5 + 1) {
        char *found = output(slice, 0);
        assert_string_equal(found, expected);
        mem_free(found);
    }
    for (uint64_t seed = 1; seed <= 12; seed++) {
        char *found = output((uint32_t)(3 * seed), seed);
        assert_string_equal(found, expected);
        mem_free(found);
    }
    mem_free(expected);
}

/* A lane died when all was done and committed but this. */
static void what_was_behind_is_told_to_be_done(void **state)
{
    (void)state;
    struct lane_rig r;
    struct log *group;
    struct err e = {0};
    struct log_position p = {.topic = "x"};
    lane_rig_init(&r, topology, 1);
    lane_rig_send(&r, "x", 0, "k", "{\"h\":\"k\",\"ts\":5}", 0);
    assert_int_equal(lane_rig_run(&r, 1), 0);
    assert_int_equal(
        memory_log_open(&group, r.broker, &(struct log_config){.group = "g"}, NULL, &e), 0);
    p.offset = 1;
    p.metadata = "w5" POSITION_BEHIND;
    assert_int_equal(group->ops->commit(group, &p, 1, &e), 0);
    progress_free(r.progress);
    r.progress = progress_new();
    assert_int_equal(lane_rig_run(&r, 1), 0);
    assert_int_equal(group->ops->committed(group, &p, 1, 0, &e), 0);
    assert_int_equal(p.offset, 1);
    assert_false(position_is_behind(p.metadata));
    group->ops->close(group, true);
    lane_rig_done(&r);
}

static void metadata_says_that_more_is_to_come(void **state)
{
    (void)state;
    assert_false(position_is_behind(NULL));
    assert_false(position_is_behind(""));
    assert_false(position_is_behind("w12"));
    assert_false(position_is_behind("w12;w13i"));
    assert_true(position_is_behind("w12" POSITION_BEHIND));
    assert_true(position_is_behind("w12;w13i" POSITION_BEHIND));
    assert_int_equal(task_time_of("w12;w13i" POSITION_BEHIND, 0).watermark, 12);
    assert_int_equal(task_time_of("w12;w13i" POSITION_BEHIND, 1).watermark, 13);
    assert_true(task_time_of("w12;w13i" POSITION_BEHIND, 1).is_idle);
}

int main(void)
{
    logger_level(LOG_LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_do_not_show),
        cmocka_unit_test(what_was_behind_is_told_to_be_done),
        cmocka_unit_test(metadata_says_that_more_is_to_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
