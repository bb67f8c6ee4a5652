/* Planning: where streams are cut, and what of all streams is refused.
 */
#include "tests/unit/plan_harness.h"

static void key_by_of_the_key_stays(void **state)
{
    (void)state;
    assert_shape(HEAD IN("{host: string}") "    steps:\n      - key_by: host\n      - " COUNT "\n"
                                           "    to: out\n",
                 "0 in read x\n0 in step key_by\n0 in step window\n0 in write out\n");
    /* under another name it is still the same key */
    assert_shape(HEAD IN("{host: string}") "    steps:\n      - rename: {h: host}\n"
                                           "      - key_by: h\n      - " COUNT "\n    to: out\n",
                 "0 in read x\n0 in step rename\n0 in step key_by\n0 in step window\n"
                 "0 in write out\n");
}

static void key_by_something_else_cuts(void **state)
{
    (void)state;
    const char *const cut = "0 in read x\n0 in step key_by\n0 in write t-in-repartition\n"
                            "1 in read t-in-repartition\n1 in step window\n1 in write out\n";
    assert_shape(HEAD IN("{host: string}") "    steps:\n      - key_by: dc\n      - " COUNT
                                           "\n    to: out\n",
                 cut);
    assert_shape(HEAD IN("string") "    steps:\n      - key_by: host\n      - " COUNT
                                   "\n    to: out\n",
                 cut);
    assert_shape(HEAD IN("{host: string}") "    steps:\n      - key_by: [host, dc]\n      - " COUNT
                                           "\n    to: out\n",
                 cut);
    assert_shape(
        HEAD IN("none") "    steps:\n      - key_by: host\n      - " COUNT "\n    to: out\n", cut);
    /* the same name, yet other values */
    assert_shape(HEAD IN("{host: string}") "    steps:\n      - key_by: upper(host) as host\n"
                                           "      - " COUNT "\n    to: out\n",
                 cut);
    assert_shape(HEAD IN("{host: string}") "    steps:\n      - add: dc as host\n      - key_by: "
                                           "host\n      - " COUNT "\n    to: out\n",
                 "0 in read x\n0 in step add\n0 in step key_by\n0 in write t-in-repartition\n"
                 "1 in read t-in-repartition\n1 in step window\n1 in write out\n");
}

static void only_what_is_stateful_cuts(void **state)
{
    (void)state;
    assert_shape(HEAD IN("string") "    steps:\n      - key_by: host\n      - filter: v > 0\n"
                                   "    to: out\n",
                 "0 in read x\n0 in step key_by\n0 in step filter\n0 in write out\n");
    assert_shape(HEAD IN("string") "    steps:\n      - key_by: host\n      - filter: v > 0\n"
                                   "      - " COUNT "\n    to: out\n",
                 "0 in read x\n0 in step key_by\n0 in step filter\n0 in write t-in-repartition\n"
                 "1 in read t-in-repartition\n1 in step window\n1 in write out\n");
}

static void one_group_of_all_rows_is_one_task(void **state)
{
    (void)state;
    struct plan_rig r;
    plan(&r, HEAD IN("string") "    steps:\n      - key_by: []\n      - " COUNT "\n"
                               "      - window: {tumbling: 2s, aggregate: sum(n) as n}\n"
                               "    to: out\n");
    assert_string_equal(plan_rig_shape(&r),
                        "0 in read x\n0 in step key_by\n0 in write t-in-repartition\n"
                        "1 in read t-in-repartition\n1 in step window\n1 in step window\n"
                        "1 in write out\n");
    assert_true(r.plan->subplan[1].single);
    assert_true(r.plan->sink[0]->single);
    plan_rig_done(&r);
}

static void a_global_learner_is_one_task(void **state)
{
    (void)state;
    struct plan_rig r;
    plan(&r, HEAD IN("{host: string}") "    steps:\n"
                                       "      - classify: {algorithm: gaussian_nb, features: [v], "
                                       "label: dc, as: c}\n"
                                       "      - key_by: dc\n"
                                       "      - " COUNT "\n"
                                       "    to: out\n");
    assert_string_equal(plan_rig_shape(&r),
                        "0 in read x\n0 in write t-in-repartition\n1 in read t-in-repartition\n"
                        "1 in step classify\n1 in step key_by\n1 in step window\n1 in write out\n");
    assert_true(r.plan->subplan[1].single);
    plan_rig_done(&r);
}

static void steps_and_sinks(void **state)
{
    (void)state;
    assert_refused(HEAD IN("none") "    steps:\n      - filtr: v > 1\n    to: o\n",
                   "there is no step \"filtr\": did you mean \"filter\"?");
    assert_refused(HEAD IN("none"), "no stream writes anywhere: give one a `to`");
    assert_refused(HEAD IN("none") "    steps:\n      - " COUNT "\n    to: o\n",
                   "window works per key");
}

static void all_problems_of_all_streams(void **state)
{
    (void)state;
    struct plan_rig r;
    assert_int_equal(
        plan_rig_init(&r,
                      HEAD IN("none") "    steps:\n      - filter: nope > 1\n      - dedup: {}\n"
                                      "  b:\n    from: {topic: y, value: json, columns: {v: lng}}\n"
                                      "  c:\n    from: nowhere\n"),
        -4);
    const char *found = plan_rig_problems(&r);
    assert_non_null(strstr(found, "nope"));
    assert_non_null(strstr(found, "\"dedup\": did you mean \"dedupe\"?"));
    assert_non_null(strstr(found, "streams.b.from.columns.v: \"lng\" is no type"));
    assert_non_null(strstr(found, "\"nowhere\""));
    plan_rig_done(&r);
}

/* What a broken step hides is not reported; all else behind it is. */
static void problems_behind_a_broken_step(void **state)
{
    (void)state;
    struct plan_rig r;
    assert_int_equal(
        plan_rig_init(&r, HEAD IN("none") "    steps:\n"
                                          "      - add: nope + 1 as sum\n"
                                          "      - filter: sum > 3 and lost\n"
                                          "      - filter: lenght(host) > 3\n"
                                          "      - filter: v\n"
                                          "      - drop: lost\n"
                                          "      - splt: {a: v > 1}\n"
                                          "    to: {topic: o, value: jsn}\n"
                                          "  b:\n    from: in\n    steps:\n"
                                          "      - filter: host\n"
                                          "  c:\n    from: in.a\n    steps:\n"
                                          "      - window: {tumbling: 0s, aggregate: sum(x) as s}\n"
                                          "    to: p\n"),
        -4);
    const char *found = plan_rig_problems(&r);
    assert_non_null(strstr(found, "no column 'nope'"));
    assert_non_null(strstr(found, "steps[3].filter: there is no function 'lenght'"));
    assert_non_null(strstr(found, "steps[4].filter: filter needs a condition, this is a long"));
    assert_non_null(strstr(found, "there is no step \"splt\": did you mean \"split\"?"));
    assert_non_null(strstr(found, "to.value: \"jsn\" is no format for a value"));
    assert_non_null(strstr(found, "streams.b.steps[1].filter: filter needs a condition"));
    assert_non_null(strstr(found, "tumbling: expected at least 1ms"));
    assert_null(strstr(found, "lost"));
    assert_null(strstr(found, "branch"));
    assert_null(strstr(found, "per key"));
    plan_rig_done(&r);
}

static void seeds_differ_by_step_and_topology(void **state)
{
    (void)state;
    struct plan_rig r, other;
    plan(&r,
         HEAD IN("none") "    steps:\n      - filter: v > 1\n      - filter: v > 1\n    to: o\n");
    plan(&other, "seed: 2\n" HEAD IN("none") "    steps:\n      - filter: v > 1\n    to: o\n");
    uint64_t first = r.plan->vertex[1]->node->seed;
    assert_true(first != r.plan->vertex[2]->node->seed);
    assert_true(first != other.plan->vertex[1]->node->seed);
    assert_int_equal(r.plan->vertex[2]->node->number, 2);
    assert_string_equal(r.plan->vertex[2]->node->path, "streams.in.steps[2].filter");
    plan_rig_done(&r);
    plan_rig_done(&other);
}

static void too_many_steps(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    buffer_text(&b, HEAD IN("none") "    steps:\n");
    for (int i = 0; i < 1500; i++) {
        buffer_text(&b, "      - filter: v > 1\n");
    }
    buffer_text(&b, "    to: o\n");
    assert_refused(buffer_cstr(&b), "more than 4096 steps");
    buffer_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_by_of_the_key_stays),
        cmocka_unit_test(key_by_something_else_cuts),
        cmocka_unit_test(only_what_is_stateful_cuts),
        cmocka_unit_test(one_group_of_all_rows_is_one_task),
        cmocka_unit_test(a_global_learner_is_one_task),
        cmocka_unit_test(steps_and_sinks),
        cmocka_unit_test(all_problems_of_all_streams),
        cmocka_unit_test(problems_behind_a_broken_step),
        cmocka_unit_test(seeds_differ_by_step_and_topology),
        cmocka_unit_test(too_many_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
