/* Steps with two inputs: how both come to lie in the same task under the same key. */
#include "tests/unit/plan_harness.h"

#define A(key)                                                                                     \
    "  a:\n    from: {topic: a, value: json, key: " key                                            \
    ", columns: {k: string, other: string, id: long}}\n"
#define B(key)                                                                                     \
    "  b:\n    from: {topic: b, value: json, key: " key                                            \
    ", columns: {k: string, other: string, id: long, v: long}}\n"
#define JOIN(on)                                                                                   \
    "  j:\n    from: a\n    steps:\n      - join: {with: b, " on "within: 1s}\n    to: out\n"

static void alike_needs_no_repartition(void **state)
{
    (void)state;
    const char *const shape = "0 a read a\n0 b read b\n0 j step join\n0 j write out\n";
    assert_shape(HEAD A("{k: string}") B("{k: string}") JOIN(""), shape);
    assert_shape(HEAD A("{k: string}") B("{k: string}") JOIN("on: k, "), shape);
    assert_shape(HEAD A("string") B("string") JOIN(""), shape);
    assert_shape(HEAD A("string") B("string") JOIN("on: _key, "), shape);
    assert_shape(HEAD A("{k: string}") B("{other: string}") JOIN("on: {k: other}, "), shape);
    assert_shape(HEAD A("{k: string}") B("string") JOIN(""), shape);
}

static void another_key_is_repartitioned(void **state)
{
    (void)state;
    assert_shape(HEAD A("{k: string}") B("{k: string}") JOIN("on: {k: other}, "),
                 "0 a read a\n1 b read b\n1 j write t-j-b-repartition\n"
                 "0 j read t-j-b-repartition\n0 j step join\n0 j write out\n");
    assert_shape(HEAD A("{k: string}") B("{k: string}") JOIN("on: {other: k}, "),
                 "0 a read a\n1 b read b\n0 j write t-j-repartition\n"
                 "1 j read t-j-repartition\n1 j step join\n1 j write out\n");
    assert_shape(HEAD A("{k: string}") B("{k: string}") JOIN("on: other, "),
                 "0 a read a\n1 b read b\n0 j write t-j-repartition\n2 j read t-j-repartition\n"
                 "1 j write t-j-b-repartition\n2 j read t-j-b-repartition\n"
                 "2 j step join\n2 j write out\n");
}

/* The same value under the bytes of a long and under its text lies in different partitions. */
static void another_key_format_is_repartitioned(void **state)
{
    (void)state;
    struct plan_rig r;
    plan(&r, HEAD A("{id: long}") B("string") "  c: {from: b, steps: [{key_by: id}]}\n"
                                              "  j:\n    from: a\n    steps:\n      - join: {with: "
                                              "c, within: 1s}\n    to: out\n");
    const char *shape = plan_rig_shape(&r);
    assert_non_null(strstr(shape, "write t-j-repartition\n"));
    assert_non_null(strstr(shape, "write t-j-c-repartition\n"));
    plan_rig_done(&r);
    assert_shape(HEAD A("{id: long}") B("{id: long}") JOIN(""),
                 "0 a read a\n0 b read b\n0 j step join\n0 j write out\n");
}

static void one_group_of_all_rows(void **state)
{
    (void)state;
    struct plan_rig r;
    plan(&r, HEAD A("string") B("string") "  x: {from: a, steps: [{key_by: []}]}\n"
                                          "  y: {from: b, steps: [{key_by: []}]}\n"
                                          "  j:\n    from: x\n    steps:\n      - join: {with: y, "
                                          "within: 1s}\n    to: out\n");
    const struct vertex *v = r.plan->vertex[plan_rig_vertex(&r, VERTEX_STEP, "j")];
    assert_true(r.plan->subplan[v->subplan].single);
    plan_rig_done(&r);
}

/* A stream with itself, and branches of a split: rows are handed out one at a time. */
static void with_itself(void **state)
{
    (void)state;
    struct plan_rig r;
    plan(&r, HEAD A("{k: string}") "  j:\n    from: a\n    steps:\n      - join: {with: a, within: "
                                   "1s}\n    to: out\n");
    assert_string_equal(plan_rig_shape(&r), "0 a read a\n0 j step join\n0 j write out\n");
    assert_true(r.plan->source[0]->row_at_a_time);
    plan_rig_done(&r);
    plan(&r,
         HEAD A("{k: string}") "    steps:\n      - split: {low: id < 5, high: else}\n"
                               "  j:\n    from: a.low\n    steps:\n      - join: {with: a.high, "
                               "within: 1s}\n    to: out\n");
    assert_true(r.plan->source[0]->row_at_a_time);
    plan_rig_done(&r);
    plan(&r, HEAD A("{k: string}") B("{k: string}") JOIN(""));
    assert_false(r.plan->source[0]->row_at_a_time);
    plan_rig_done(&r);
}

static void chains(void **state)
{
    (void)state;
    assert_shape(
        HEAD A("{k: string}")
            B("{k: string}") "  j:\n    from: a\n    steps:\n      - join: {with: b, within: 1s}\n"
                             "      - select: k, other, v\n"
                             "      - join: {with: b, on: other, within: 1s}\n    to: out\n",
        "0 a read a\n0 b read b\n0 j step join\n0 j step select\n0 j write t-j-repartition\n"
        "1 j read t-j-repartition\n0 j write t-j-b-repartition\n"
        "1 j read t-j-b-repartition\n1 j step join\n1 j write out\n");
}

static void refused(void **state)
{
    (void)state;
    assert_refused(HEAD A("none") B("{k: string}") JOIN(""),
                   "10:22 streams.j.steps[1].join: the rows of \"j\" and \"b\" have no key in "
                   "common: name the columns that must be equal, `on: COLUMN`");
    assert_refused(HEAD A("{k: string}") "  j:\n    from: a\n    steps:\n      - join: {with: j, "
                                         "within: 1s}\n    to: out\n",
                   "stream \"j\" reads itself: streams form a cycle");
    assert_refused(HEAD A("{k: string}")
                       B("{k: string}") "    steps:\n      - split: {low: v < 1}\n" JOIN(""),
                   "stream \"b\" ends in a split; its branches are b.low");
    assert_refused(HEAD A("{k: string}") B("{k: string}") JOIN("on: q, "),
                   "stream \"j\" has no column \"q\"");
    assert_refused(HEAD A("{k: string}") B("{id: long}") JOIN(""),
                   "rows meet by equal keys, but \"k\" of \"j\" and \"id\" of \"b\" are string and "
                   "long: cast one of them with `add`");
}

#define TABLES                                                                                     \
    "name: t\ntables:\n"                                                                           \
    "  a: {from: {topic: a, value: json, key: {k: string}, columns: {k: string, v: long}}}\n"

/* Two tables of one topic would get its batches one after the other; streams of one table do not.
 */
static void tables_of_one_topic(void **state)
{
    (void)state;
    assert_refused(TABLES
                   "  b: {from: {topic: a, value: json, key: {k: string}, columns: {k: string, "
                   "w: long}}}\n"
                   "streams:\n  j:\n    from: a\n    steps:\n      - join: {with: b}\n"
                   "    to: out\n",
                   "streams.j.steps[1].join: \"a\" and \"b\" both read topic a, so their updates "
                   "have no order among each other: let one table read it, and streams that table");
    struct plan_rig r;
    plan(&r,
         TABLES "streams:\n  x: {from: a, steps: [{filter: v > 1}]}\n  j:\n    from: a\n    steps:"
                "\n      - join: {with: x, type: left}\n    to: out\n");
    assert_string_equal(plan_rig_shape(&r), "0 a read a\n0 a step table\n0 x step filter\n"
                                            "0 j step join\n0 j write out\n");
    assert_true(r.plan->source[0]->row_at_a_time);
    plan_rig_done(&r);
}

/* An aggregate by another key, which moves before it is a table. */
static void tables_are_repartitioned(void **state)
{
    (void)state;
    assert_shape(TABLES "streams:\n"
                        "  e: {from: {topic: e, value: json, key: string, columns: {k: string}}}\n"
                        "  n: {from: e, steps: [{key_by: k}, {aggregate: count() as n}]}\n"
                        "  j:\n    from: a\n    steps:\n      - join: {with: n}\n    to: out\n",
                 "0 e read e\n0 n step key_by\n0 n write t-n-repartition\n"
                 "1 n read t-n-repartition\n1 n step aggregate\n1 a read a\n1 a step table\n"
                 "1 j step join\n1 j write out\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alike_needs_no_repartition),
        cmocka_unit_test(another_key_is_repartitioned),
        cmocka_unit_test(another_key_format_is_repartitioned),
        cmocka_unit_test(one_group_of_all_rows),
        cmocka_unit_test(with_itself),
        cmocka_unit_test(chains),
        cmocka_unit_test(tables_of_one_topic),
        cmocka_unit_test(tables_are_repartitioned),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
