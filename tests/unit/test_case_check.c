/* Case checks: topics and columns that the topology of a test case does not have. */
#include "tests/support/plan_rig.h"
#include "worker/case_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char topology[] =
    "name: t\nerrors: {tolerance: all, dead_letter_topic: bad}\nstreams:\n"
    "  rows:\n    from: {topic: in, value: json, columns: {load.mean: double, host: string, tags: "
    "map<long>}}\n    to: [{topic: out, value: json}, {topic: copy, value: json}]\n";

static void topics(void **unused)
{
    (void)unused;
    struct plan_rig r;
    assert_int_equal(plan_rig_init(&r, topology), 0);
    struct err e = {0};
    assert_int_equal(case_check_topic(r.plan, "out", &e), 0);
    assert_int_equal(case_check_topic(r.plan, "copy", &e), 0);
    assert_int_equal(case_check_topic(r.plan, "bad", &e), 0);
    assert_int_equal(case_check_topic(r.plan, "otu", &e), -ERR_CONFIG);
    assert_string_equal(
        e.text, "the topology writes no topic \"otu\": did you mean \"out\"? (out, copy, bad)");
    err_clear(&e);
    assert_int_equal(case_check_topic(r.plan, "in", &e), -ERR_CONFIG);
    assert_string_equal(e.text, "the topology writes no topic \"in\"; it writes out, copy, bad");
    plan_rig_done(&r);
}

static int check_value(const struct plan *p, const char *text, struct place *at, struct err *e)
{
    struct arena a;
    struct diags d;
    struct yaml *y;
    arena_init(&a);
    diags_init(&d);
    assert_int_equal(yaml_parse(&y, &a, "x.yaml", text, strlen(text), &d), 0);
    int r = case_check_value(p->source[0], y, at, e);
    diags_done(&d);
    arena_done(&a);
    return r;
}

static void values(void **unused)
{
    (void)unused;
    struct plan_rig r;
    assert_int_equal(plan_rig_init(&r, topology), 0);
    struct err e = {0};
    struct place at = {0};
    assert_int_equal(check_value(r.plan, "{host: a, load: {mean: 1}, tags: {any: 1}}", &at, &e), 0);
    assert_int_equal(check_value(r.plan, "{load.mean: 1}", &at, &e), 0);
    assert_int_equal(check_value(r.plan, "oops", &at, &e), 0);
    assert_int_equal(case_check_value(r.plan->source[0], NULL, &at, &e), 0);
    assert_int_equal(check_value(r.plan, "{host: a, load: {maen: 1}}", &at, &e), -ERR_CONFIG);
    assert_string_equal(e.text, "there is no column \"load.maen\": did you mean \"load.mean\"? "
                                "(load.mean, host, tags)");
    assert_int_equal(at.column, 18);
    plan_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics),
        cmocka_unit_test(values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
