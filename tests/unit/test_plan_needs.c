/* Which columns are decoded, what a repartition carries, and where rows go one at a time.
 */
#include "tests/support/plan_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define HEAD "name: t\nstreams:\n"
#define IN                                                                                         \
    "  in:\n    from: {topic: x, value: json, key: {host: string}, columns: {host: string, "       \
    "dc: string, v: long, w: double, ts: long}}\n"

static void plan(struct plan_rig *r, const char *text)
{
    int status = plan_rig_init(r, text);
    if (status < 0) {
        print_message("%s\n%s", text, plan_rig_problems(r));
    }
    assert_int_equal(status, 0);
}

/* "a b" of the columns that are needed of the first output of a source. */
static void assert_needs(const struct plan_source *s, const struct plan *p, const char *want)
{
    struct buffer b;
    buffer_init(&b);
    const struct vertex *v = p->vertex[s->vertex];
    for (uint16_t c = 0; c < s->schema->n; c++) {
        if (v->needs[c]) {
            buffer_printf(&b, "%s%s", b.n ? " " : "", s->schema->col[c].name);
        }
    }
    assert_string_equal(buffer_cstr(&b), want);
    buffer_done(&b);
}

static void only_what_is_read_is_decoded(void **state)
{
    (void)state;
    struct plan_rig r;
    plan(&r, HEAD IN "    time: {field: ts}\n    steps:\n      - filter: v > 1\n"
                     "      - select: dc\n    to: o\n");
    assert_needs(r.plan->source[0], r.plan, "host dc v ts");
    plan_rig_done(&r);
    plan(&r, HEAD IN "    steps:\n      - drop: [w, dc]\n    to: o\n");
    assert_needs(r.plan->source[0], r.plan, "host v ts");
    plan_rig_done(&r);
    plan(&r, HEAD IN "    steps:\n      - window: {tumbling: 1s, aggregate: count() as n}\n"
                     "    to: o\n");
    assert_needs(r.plan->source[0], r.plan, "host");
    plan_rig_done(&r);
    plan(&r, HEAD IN "    to: o\n");
    assert_needs(r.plan->source[0], r.plan, "host dc v w ts");
    plan_rig_done(&r);
}

static void branches_and_unions_add_up(void **state)
{
    (void)state;
    struct plan_rig r;
    plan(&r, HEAD IN "    steps:\n      - split: {a: v > 1, b: else}\n"
                     "  one: {from: in.a, steps: [{select: w}], to: o}\n"
                     "  two: {from: in.b, steps: [{select: dc}], to: p}\n");
    assert_needs(r.plan->source[0], r.plan, "host dc v w");
    plan_rig_done(&r);
    plan(&r, HEAD IN "  more: {from: {topic: y, value: json, columns: {dc: string, z: long}}}\n"
                     "  both: {from: [in, more], steps: [{select: dc}], to: o}\n");
    assert_needs(r.plan->source[0], r.plan, "dc");
    assert_needs(r.plan->source[1], r.plan, "dc");
    plan_rig_done(&r);
}

static void hidden_columns_when_read(void **state)
{
    (void)state;
    struct plan_rig r;
    plan(&r, HEAD IN "    steps:\n      - select: _offset as o, _headers['h'] as h\n    to: o\n");
    assert_needs(r.plan->source[0], r.plan, "host _offset _headers");
    plan_rig_done(&r);
}

static void a_repartition_carries_what_is_read_behind_it(void **state)
{
    (void)state;
    struct plan_rig r;
    plan(&r,
         HEAD IN "    steps:\n      - key_by: dc\n"
                 "      - window: {tumbling: 1s, aggregate: \"sum(v) as s, max(_offset) as o\"}\n"
                 "    to: o\n");
    const struct plan_sink *k = r.plan->sink[0];
    assert_true(k->repartition);
    struct buffer b;
    buffer_init(&b);
    schema_print(&b, k->write_schema);
    assert_string_equal(buffer_cstr(&b), "dc: string?, v: long?, _offset: long?");
    assert_needs(r.plan->source[0], r.plan, "dc v _offset");
    buffer_done(&b);
    assert_ptr_equal(r.plan->source[1]->read_schema, k->write_schema);
    plan_rig_done(&r);
}

static bool goes_one_at_a_time(const char *streams)
{
    struct plan_rig r;
    char text[2000];
    snprintf(text, sizeof text, HEAD IN "%s", streams);
    plan(&r, text);
    bool is_single = r.plan->source[0]->row_at_a_time;
    plan_rig_done(&r);
    return is_single;
}

static void rows_that_could_overtake_each_other(void **state)
{
    (void)state;
    assert_false(goes_one_at_a_time("    to: o\n"));
    assert_false(goes_one_at_a_time("    to: [o, p]\n"));
    assert_false(goes_one_at_a_time("    steps: [{split: {a: v > 1, b: else}}]\n"
                                    "  a: {from: in.a, to: o}\n  b: {from: in.b, to: p}\n"));
    assert_true(goes_one_at_a_time("    steps: [{split: {a: v > 1, b: else}}]\n"
                                   "  a: {from: in.a, to: o}\n  b: {from: in.b, to: o}\n"));
    assert_true(goes_one_at_a_time("    steps: [{split: {a: v > 1, b: else}}]\n"
                                   "  u: {from: [in.a, in.b], to: o}\n"));
    assert_true(goes_one_at_a_time("  a: {from: in, steps: [{filter: v > 1}]}\n"
                                   "  u: {from: [in, a], to: o}\n"));
    assert_false(goes_one_at_a_time(
        "  y: {from: {topic: y, value: json, columns: {v: long}}}\n  u: {from: [in, y], to: o}\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_read_is_decoded),
        cmocka_unit_test(branches_and_unions_add_up),
        cmocka_unit_test(hidden_columns_when_read),
        cmocka_unit_test(a_repartition_carries_what_is_read_behind_it),
        cmocka_unit_test(rows_that_could_overtake_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
