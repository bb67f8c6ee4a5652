/* The step `history`: the rows of its own plan, with the columns that are needed, go to who reads
 * them. */
#include "engine/history.h"
#include "schemas/registry_memory.h"
#include "tests/support/plan_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "engine/task.h"

static const char topology[] =
    "name: t\nstreams:\n"
    "  s:\n    from: {topic: now, value: json, columns: {a: double, y: double}}\n    steps:\n"
    "      - regress: {algorithm: linear_regression, features: [a], label: y, as: p, train_from: "
    "{stream: old}}\n"
    "    to: {topic: out, value: json}\n"
    "  old:\n    from: {topic: then, value: json, columns: {a: double, y: double, more: string}}\n"
    "    steps:\n      - filter: a > 1\n";

struct taken {
    struct buffer text;
    const struct history *h;
    int status; /* of take */
};

static int take(void *ctx, struct op *from, struct batch *b)
{
    struct taken *x = ctx;
    assert_string_equal(from->node->path, "streams.s.steps[1].regress.train_from");
    int more = schema_find(b->schema, "more");
    assert_true(b->schema == x->h->schema && more >= 0);
    assert_null(b->col[more].data);
    for (uint16_t k = 0; k < b->nsel; k++) {
        buffer_printf(&x->text, "%g ", b->col[schema_find(b->schema, "a")].d[batch_row(b, k)]);
    }
    return x->status;
}

static int produce(void *ctx, const struct record *r, size_t n, struct err *e)
{
    (void)ctx;
    (void)r;
    (void)n;
    (void)e;
    return 0;
}

static int32_t one(void *ctx, uint16_t subplan)
{
    (void)ctx;
    return subplan == 0;
}

static void hands_rows_over(void **state)
{
    (void)state;
    struct plan_rig r;
    struct taken x = {.status = 0};
    struct task *t;
    struct err e = {0};
    struct clock clock = clock_virtual(0);
    assert_int_equal(plan_rig_init(&r, topology), 0);
    x.h = r.plan->history[0];
    buffer_init(&x.text);
    struct schema_store *schemas = registry_memory_new();
    struct task_env env = {.ctx = &x,
                           .clock = &clock,
                           .schemas = schemas,
                           .batch_rows = 2,
                           .produce = produce,
                           .tasks = one,
                           .take = take};
    assert_int_equal(task_new(&t, x.h->plan, 0, 0, &env, &e), 0);
    assert_int_equal(task_open(t, &e), 0);
    struct record record[5];
    char value[5][60];
    for (int i = 0; i < 5; i++) {
        snprintf(value[i], sizeof value[i], "{\"a\": %d, \"y\": 1, \"more\": \"m\"}", i);
        record[i] = (struct record){
            .topic = "then", .offset = i, .value = value[i], .value_n = strlen(value[i])};
    }
    assert_int_equal(task_push(t, 0, record, 5, &e), 0);
    assert_string_equal(buffer_cstr(&x.text), "2 3 4 ");
    x.status = -ERR_RETRY;
    assert_int_equal(task_push(t, 0, record + 4, 1, &e), -ERR_RETRY);
    task_free(t);
    schemas->free(schemas);
    buffer_done(&x.text);
    plan_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_rows_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
