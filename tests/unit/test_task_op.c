/* What the engine gives to steps at work: metrics, counters, the task's clock and partition.
 */
#include "tests/support/task_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static int probe_push(struct op *op, int input, struct batch *b)
{
    static const char *const many[] = {
        "m00", "m01", "m02", "m03", "m04", "m05", "m06", "m07", "m08", "m09", "m10", "m11",
        "m12", "m13", "m14", "m15", "m16", "m17", "m18", "m19", "m20", "m21", "m22", "m23",
        "m24", "m25", "m26", "m27", "m28", "m29", "m30", "m31", "m32", "m33"};
    assert_int_equal(input, 0);
    op_metric(op, "now", (double)op_now(op));
    op_metric(op, "partition", op_partition(op));
    op_metric(op, "now", (double)op_now(op) + 1);
    for (size_t i = 0; i < sizeof many / sizeof *many; i++) {
        op_metric(op, many[i], 1); /* more than there is room for: the rest is left out */
    }
    uint16_t row = batch_row(b, 0);
    int r = op_bad_row(op, b, row, "of its own accord");
    return r < 0 ? r : op_emit(op, 0, b);
}

static const struct step_def probe = {.name = "probe", .push = probe_push};

static void print(void *ctx, const struct node *n, const char *name, double value)
{
    if (name[0] != 'm') {
        buffer_printf(ctx, "%s.%s=%.0f ", n->stream, name, value);
    }
}

static void run(struct task_rig *r, const char *errors, int want)
{
    char text[500];
    snprintf(text, sizeof text,
             "name: t\n%sstreams:\n  a:\n    from: {topic: x, value: json, columns: {v: long}}\n"
             "    steps:\n      - filter: v > 0\n    to: {topic: out, value: csv}\n",
             errors);
    task_rig_init(r, text, 0);
    r->plan.plan->vertex[1]->node->def = &probe;
    plan_find_needs(r->plan.plan);
    r->partition = 5;
    task_rig_start(r, 0);
    assert_int_equal(task_rig_push_one(r, "x", 3, NULL, "{\"v\":7}"), want);
}

static void steps_see_their_task(void **state)
{
    (void)state;
    struct task_rig r;
    struct buffer b;
    buffer_init(&b);
    run(&r, "errors: {tolerance: all, dead_letter_topic: dead}\n", 0);
    task_metrics(r.task, print, &b);
    assert_string_equal(buffer_cstr(&b), "a.now=1000001 a.partition=5 ");
    const struct produced *p = task_rig_find(&r, "dead");
    assert_string_equal(p->value, "{\"v\":7}");
    assert_non_null(strstr(p->headers, "streams.a.steps[1].filter: of its own accord"));
    assert_non_null(task_rig_find(&r, "out"));
    assert_int_equal(task_counts(r.task).bad, 1);
    buffer_done(&b);
    task_rig_done(&r);
}

static void or_stop_it(void **state)
{
    (void)state;
    struct task_rig r;
    run(&r, "", -ERR_DATA);
    assert_non_null(strstr(r.err.text, "x partition 5 offset 3: streams.a.steps[1].filter: of its "
                                       "own accord"));
    assert_null(task_rig_find(&r, "out"));
    task_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_see_their_task),
        cmocka_unit_test(or_stop_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
