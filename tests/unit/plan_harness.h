/* For tests of planning: a topology planned, its shape, its refusal. */
#ifndef KLAMM_TESTS_PLAN_HARNESS_H
#define KLAMM_TESTS_PLAN_HARNESS_H

#include "tests/support/plan_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define HEAD "name: t\nstreams:\n"
#define IN(key)                                                                                    \
    "  in:\n    from: {topic: x, value: json, key: " key ", columns: {host: string, dc: string, "  \
    "v: long}}\n"
#define COUNT "window: {tumbling: 1s, aggregate: count() as n}"

static inline void plan(struct plan_rig *r, const char *text)
{
    int status = plan_rig_init(r, text);
    if (status < 0) {
        print_message("%s\n%s", text, plan_rig_problems(r));
    }
    assert_int_equal(status, 0);
}

static inline void assert_shape(const char *text, const char *shape)
{
    struct plan_rig r;
    plan(&r, text);
    assert_string_equal(plan_rig_shape(&r), shape);
    plan_rig_done(&r);
}

static inline void assert_refused(const char *text, const char *problem)
{
    struct plan_rig r;
    assert_int_equal(plan_rig_init(&r, text), -4);
    const char *found = plan_rig_problems(&r);
    if (!strstr(found, problem)) {
        print_message("%s\nexpected: %s\n", text, problem);
        assert_string_equal(found, problem);
    }
    plan_rig_done(&r);
}

#endif
