/* A task's life: watermarks along the steps, unions, ticks, commits, restores.
 */
#include "tests/support/task_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS "columns: {h: string, ts: long}, key: {h: string}"
#define IN(name, topic, more)                                                                      \
    "  " name ":\n    from: {topic: " topic ", value: json, " COLUMNS                              \
    "}\n    time: {field: ts" more "}\n"
#define COUNT                                                                                      \
    "    steps:\n      - window: {tumbling: 10ms, aggregate: count() as n}\n"                      \
    "      - select: window_start, n\n    to: {topic: out, value: csv}\n"

static const char one[] = "name: t\nstreams:\n" IN("a", "x", "") COUNT;

static void push(struct task_rig *r, const char *topic, int64_t ts)
{
    char text[80];
    snprintf(text, sizeof text, "{\"h\":\"k\",\"ts\":%lld}", (long long)ts);
    int status = task_rig_push_one(r, topic, ts, "k", text);
    if (status < 0) {
        print_message("%s\n", r->err.text);
    }
    assert_int_equal(status, 0);
}

static void windows_close_by_the_watermark(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r, one, 0);
    task_rig_start(&r, 0);
    assert_int_equal(task_watermark(r.task, 0), TIME_MIN);
    push(&r, "x", 3);
    push(&r, "x", 9);
    assert_string_equal(task_rig_out(&r), "");
    push(&r, "x", 10);
    assert_int_equal(task_watermark(r.task, 0), 10);
    assert_string_equal(task_rig_out(&r), "out k 0,2\n");
    push(&r, "x", 5); /* late */
    assert_int_equal(task_counts(r.task).late, 1);
    assert_int_equal(task_counts(r.task).records, 4);
    assert_int_equal(task_finish(r.task, &r.err), 0);
    assert_string_equal(task_rig_out(&r), "out k 10,1\n");
    task_rig_done(&r);
}

static void out_of_order_holds_windows_back(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r, "name: t\nstreams:\n" IN("a", "x", ", out_of_order: 5ms") COUNT, 0);
    task_rig_start(&r, 0);
    push(&r, "x", 3);
    push(&r, "x", 14);
    assert_int_equal(task_watermark(r.task, 0), 9);
    push(&r, "x", 8);
    assert_string_equal(task_rig_out(&r), "");
    push(&r, "x", 15);
    assert_string_equal(task_rig_out(&r), "out k 0,2\n");
    task_rig_done(&r);
}

static const char two[] =
    "name: t\nstreams:\n" IN("a", "x", "") IN("b", "y", "") "  both:\n    from: [a, b]\n" COUNT;

static void a_union_goes_by_the_least_watermark(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r, two, 0);
    task_rig_start(&r, 0);
    assert_int_equal(task_inputs(r.task), 2);
    push(&r, "x", 1);
    push(&r, "x", 25);
    assert_string_equal(task_rig_out(&r), "");
    push(&r, "y", 2);
    push(&r, "x", 9); /* not late: y might still have been here */
    assert_int_equal(task_counts(r.task).late, 0);
    assert_string_equal(task_rig_out(&r), "");
    push(&r, "y", 12);
    assert_string_equal(task_rig_out(&r), "out k 0,3\n");
    push(&r, "x", 9);
    assert_int_equal(task_counts(r.task).late, 1);
    task_rig_done(&r);
}

static void a_source_of_several_topics_too(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r, "name: t\nstreams:\n" IN("a", "[x, y]", "") COUNT, 0);
    task_rig_start(&r, 0);
    push(&r, "x", 1);
    push(&r, "x", 25);
    push(&r, "y", 2);
    assert_string_equal(task_rig_out(&r), "");
    push(&r, "y", 10);
    assert_string_equal(task_rig_out(&r), "out k 0,2\n");
    assert_int_equal(task_finish(r.task, &r.err), 0);
    assert_string_equal(task_rig_out(&r), "out k 10,1\n"
                                          "out k 20,1\n");
    task_rig_done(&r);
}

/* The batch ends with the row that closes a window, so the window leaves before the next row. */
static void batches_end_where_a_window_closes(void **state)
{
    (void)state;
    static const char topology[] =
        "name: t\nstreams:\n" IN("a", "x", "") "    to: {topic: out, value: csv}\n"
                                               "  w:\n    from: a\n" COUNT;
    const char *value[] = {"{\"h\":\"k\",\"ts\":1}", "{\"h\":\"k\",\"ts\":2}",
                           "{\"h\":\"k\",\"ts\":11}", "{\"h\":\"k\",\"ts\":12}",
                           "{\"h\":\"k\",\"ts\":35}"};
    char *first = NULL;
    static const uint16_t batch[] = {1, 2, 3, 5, 2048};
    for (size_t i = 0; i < 5; i++) {
        struct task_rig r;
        task_rig_init(&r, topology, batch[i]);
        task_rig_start(&r, 0);
        assert_int_equal(task_rig_push(&r, "x", 0, NULL, value, 5), 0);
        const char *out = task_rig_out(&r);
        if (!first) {
            first = strdup(out);
        }
        assert_string_equal(out, first);
        task_rig_done(&r);
    }
    free(first);
}

static void restore(struct task_rig *r, const struct produced *item, size_t n, int64_t offset,
                    const char *metadata)
{
    task_rig_new(r, 0);
    assert_int_equal(task_rig_restore(r, 0, item, n), 0);
    task_input_restore(r->task, 0, offset, metadata);
    assert_int_equal(task_rig_open(r), 0);
}

static void state_and_watermarks_come_back(void **state)
{
    (void)state;
    struct task_rig r;
    char metadata[200];
    task_rig_init(&r, one, 0);
    task_rig_start(&r, 0);
    assert_int_equal(task_position(r.task, 0, metadata, sizeof metadata), -1);
    push(&r, "x", 3);
    push(&r, "x", 12);
    assert_string_equal(task_rig_out(&r), "out k 0,1\n");
    assert_true(task_dirty(r.task));
    assert_true(task_dirty_bytes(r.task) > 0);
    assert_int_equal(task_flush(r.task, &r.err), 0);
    assert_int_equal(task_position(r.task, 0, metadata, sizeof metadata), 13);
    assert_string_equal(metadata, "w12");
    task_committed(r.task);
    assert_false(task_dirty(r.task));
    assert_int_equal(task_dirty_bytes(r.task), 0);
    struct produced *changes = r.item;
    size_t n = r.n;
    assert_true(n > 0);
    assert_string_equal(changes[0].topic, "t-a-window-changelog");
    r.item = NULL;
    r.n = 0;
    task_rig_stop(&r);

    restore(&r, changes, n, 13, metadata);
    assert_false(task_dirty(r.task));
    assert_int_equal(task_watermark(r.task, 0), 12);
    push(&r, "x", 5); /* its window has been closed */
    assert_int_equal(task_counts(r.task).late, 1);
    push(&r, "x", 21);
    assert_string_equal(task_rig_out(&r), "out k 10,1\n");
    task_rig_stop(&r);
    r.item = changes;
    r.n = n;
    task_rig_done(&r);
}

static void a_union_is_as_late_after_a_restart(void **state)
{
    (void)state;
    struct task_rig r;
    char x[100], y[100];
    task_rig_init(&r, two, 0);
    task_rig_start(&r, 0);
    push(&r, "x", 25);
    push(&r, "y", 12);
    int64_t at_x = task_position(r.task, 0, x, sizeof x);
    int64_t at_y = task_position(r.task, 1, y, sizeof y);
    task_rig_stop(&r);
    task_rig_new(&r, 0);
    task_input_restore(r.task, 0, at_x, x);
    task_input_restore(r.task, 1, at_y, y);
    assert_int_equal(task_rig_open(&r), 0);
    push(&r, "x", 9); /* before the 12 of y, whose watermark must be known without a row of it */
    assert_int_equal(task_counts(r.task).late, 1);
    task_rig_done(&r);
}

static void damaged_metadata_is_left_alone(void **state)
{
    (void)state;
    static const char *const text[] = {"",      "x", "w", "p", "p0:5", "w99999999999999999999999",
                                       "wx;w3", NULL};
    for (int i = 0; text[i]; i++) {
        struct task_rig r;
        task_rig_init(&r, one, 0);
        task_rig_new(&r, 0);
        task_input_restore(r.task, 0, 5, text[i]);
        assert_int_equal(task_rig_open(&r), 0);
        assert_int_equal(task_position(r.task, 0, (char[50]){0}, 50), 5);
        task_rig_done(&r);
    }
}

static void caught_up_moves_the_position(void **state)
{
    (void)state;
    struct task_rig r;
    char metadata[50];
    task_rig_init(&r, one, 0);
    task_rig_start(&r, 0);
    push(&r, "x", 3);
    assert_int_equal(task_flush(r.task, &r.err), 0);
    task_committed(r.task);
    task_caught_up(r.task, 0, 4);
    assert_false(task_dirty(r.task));
    task_caught_up(r.task, 0, 6);
    assert_true(task_dirty(r.task));
    assert_int_equal(task_position(r.task, 0, metadata, sizeof metadata), 6);
    task_rig_done(&r);
}

static void the_wall_clock_moves_a_silent_stream(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r, "name: t\nstreams:\n" IN("a", "x", ", idle: 1s, advance: wall_clock") COUNT,
                  0);
    task_rig_start(&r, 0);
    push(&r, "x", 3);
    assert_int_equal(task_flush(r.task, &r.err), 0);
    task_committed(r.task);
    r.clock.fixed += 999;
    assert_int_equal(task_tick(r.task, r.clock.fixed, &r.err), 0);
    assert_int_equal(task_watermark(r.task, 0), 3);
    assert_false(task_dirty(r.task));
    r.clock.fixed += 5;
    assert_int_equal(task_tick(r.task, r.clock.fixed, &r.err), 0);
    assert_int_equal(task_watermark(r.task, 0), 3 + 1004);
    assert_true(task_dirty(r.task)); /* so that repartitions hear of it, and a restart knows */
    assert_string_equal(strchr(task_rig_out(&r), ' '), " k 0,1\n");
    task_rig_done(&r);
}

static void now_is_the_task_s_clock(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(
        &r,
        "name: t\nstreams:\n" IN(
            "a", "x", "") "    steps:\n      - window: {tumbling: 10ms, aggregate: count() as n}\n"
                          "      - select: now() as t\n    to: {topic: out, value: csv}\n",
        0);
    task_rig_start(&r, 0);
    push(&r, "x", 3);
    r.clock.fixed = 1234;
    push(&r, "x", 10);
    assert_string_equal(task_rig_out(&r), "out k 1234\n");
    task_rig_done(&r);
}

static void a_refusing_log_stops_the_task(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r, one, 0);
    task_rig_start(&r, 0);
    push(&r, "x", 3);
    r.refuse = -ERR_ABORT;
    assert_int_equal(task_rig_push_one(&r, "x", 4, "k", "{\"h\":\"k\",\"ts\":44}"), -ERR_ABORT);
    assert_string_equal(r.err.text, "refused");
    err_clear(&r.err);
    assert_int_equal(task_flush(r.task, &r.err), -ERR_ABORT);
    assert_string_equal(r.err.text, "refused");
    task_rig_done(&r);
}

static void two_streams_of_one_topic_have_two_inputs(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r,
                  "name: t\nstreams:\n" IN("a", "x", "")
                      COUNT IN("b", "x", ", out_of_order: 5ms") "    to: {topic: p, value: csv}\n",
                  0);
    task_rig_start(&r, 0);
    int first = task_input(r.task, "x", -1), second = task_input(r.task, "x", first);
    assert_int_equal(first, 0);
    assert_int_equal(second, 1);
    assert_int_equal(task_input(r.task, "x", second), -1);
    assert_int_equal(task_input(r.task, "y", -1), -1);
    assert_string_equal(task_input_topic(r.task, 1), "x");
    push(&r, "x", 20);
    char metadata[50];
    task_position(r.task, 1, metadata, sizeof metadata);
    assert_string_equal(metadata, "w15");
    task_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_close_by_the_watermark),
        cmocka_unit_test(out_of_order_holds_windows_back),
        cmocka_unit_test(a_union_goes_by_the_least_watermark),
        cmocka_unit_test(a_source_of_several_topics_too),
        cmocka_unit_test(batches_end_where_a_window_closes),
        cmocka_unit_test(state_and_watermarks_come_back),
        cmocka_unit_test(a_union_is_as_late_after_a_restart),
        cmocka_unit_test(damaged_metadata_is_left_alone),
        cmocka_unit_test(caught_up_moves_the_position),
        cmocka_unit_test(the_wall_clock_moves_a_silent_stream),
        cmocka_unit_test(now_is_the_task_s_clock),
        cmocka_unit_test(a_refusing_log_stops_the_task),
        cmocka_unit_test(two_streams_of_one_topic_have_two_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
