/* Rows into records: keys, deletions, rows that cannot be written, and the records of repartitions.
 */
#include "tests/support/task_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define FROM                                                                                       \
    "name: t\nstreams:\n  a:\n    from: {topic: x, value: json, key: {h: string}, columns: {h: "   \
    "string, g: long, v: double}}\n"

static void push(struct task_rig *r, int64_t offset, const char *key, const char *value)
{
    int status = task_rig_push_one(r, "x", offset, key, value);
    if (status < 0) {
        print_message("%s\n", r->err.text);
    }
    assert_int_equal(status, 0);
}

static void keys(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(
        &r, FROM "    to: [{topic: out, value: csv}, {topic: bare, value: csv, key: none}]\n", 0);
    task_rig_start(&r, 0);
    push(&r, 0, "k", "{\"h\":\"k\",\"g\":5}");
    push(&r, 1, NULL, "{\"g\":6}");
    assert_string_equal(task_rig_out(&r), "out k k,5,\nbare - k,5,\nout - ,6,\nbare - ,6,\n");
    assert_int_equal(task_counts(r.task).rows_out, 4);
    task_rig_done(&r);
    task_rig_init(&r, FROM "    steps:\n      - key_by: [h, g]\n    to: {topic: out, value: csv}\n",
                  0);
    task_rig_start(&r, 0);
    push(&r, 0, "k", "{\"h\":\"k\",\"g\":5}");
    push(&r, 1, "k", "{\"h\":\"k\"}");
    assert_string_equal(task_rig_out(&r), "out k|5 k,5,\nout - k,,\n");
    assert_int_equal(task_rig_find(&r, "out") == NULL, 1);
    task_rig_done(&r);
}

static void partitions(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r,
                  FROM "    steps:\n      - key_by: []\n      - window: {tumbling: 1s, aggregate: "
                       "count() as n}\n    to: {topic: out, value: csv}\n",
                  0);
    task_rig_start(&r, 0);
    push(&r, 0, "k", "{\"h\":\"k\",\"g\":5}");
    assert_int_equal(task_rig_find(&r, "t-a-repartition")->partition, 0);
    task_rig_done(&r);
    task_rig_init(&r,
                  FROM "    steps:\n      - key_by: g\n      - window: {tumbling: 1s, aggregate: "
                       "count() as n}\n    to: {topic: out, value: csv}\n",
                  0);
    task_rig_start(&r, 0);
    push(&r, 0, "k", "{\"h\":\"k\",\"g\":5}");
    const struct produced *p = task_rig_find(&r, "t-a-repartition");
    assert_int_equal(p->partition, -1);
    assert_string_equal(p->key, "5");
    assert_int_equal(p->value[0], 3);
    task_rig_done(&r);
}

/* One watermark record per target partition and commit, when it has risen. */
static void watermarks_go_to_every_partition(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r,
                  FROM "    steps:\n      - key_by: g\n      - window: {tumbling: 1s, aggregate: "
                       "count() as n}\n    to: {topic: out, value: csv}\n",
                  0);
    r.ntasks = 3;
    task_rig_start(&r, 0);
    push(&r, 7, "k", "{\"h\":\"k\",\"g\":5}");
    task_rig_clear(&r);
    assert_int_equal(task_flush(r.task, &r.err), 0);
    assert_int_equal(r.n, 3);
    for (int p = 0; p < 3; p++) {
        assert_int_equal(r.item[p].partition, p);
        assert_null(r.item[p].key);
        assert_int_equal(r.item[p].value_n, 3);
        assert_memory_equal(r.item[p].value, "\2\0\x0e", 3); /* zigzag of 7 */
    }
    task_committed(r.task);
    task_rig_clear(&r);
    assert_int_equal(task_flush(r.task, &r.err), 0);
    assert_int_equal(r.n, 0);
    push(&r, 7, "k", "{\"h\":\"k\",\"g\":5}");
    task_rig_clear(&r);
    assert_int_equal(task_forward(r.task, &r.err), 0);
    assert_int_equal(r.n, 0);
    task_rig_done(&r);
}

static void rows_that_cannot_be_written(void **state)
{
    (void)state;
    struct task_rig r;
    static const char text[] =
        "name: t\nerrors: {tolerance: all, dead_letter_topic: dead}\nstreams:\n  a:\n"
        "    from: {topic: x, value: json, columns: {v: bytes}}\n    to: {topic: out, value: "
        "string}\n";
    task_rig_init(&r, text, 0);
    task_rig_start(&r, 0);
    push(&r, 0, NULL, "{\"v\":\"aGk=\"}");
    push(&r, 1, NULL, "{\"v\":\"/w==\"}");
    const struct produced *p = task_rig_find(&r, "dead");
    if (p) {
        assert_non_null(strstr(p->headers, "__connect.errors.stage=TASK_PUT,"));
        assert_string_equal(p->value, "{\"v\":\"/w==\"}");
    }
    assert_non_null(task_rig_find(&r, "out"));
    task_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),
        cmocka_unit_test(partitions),
        cmocka_unit_test(watermarks_go_to_every_partition),
        cmocka_unit_test(rows_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
