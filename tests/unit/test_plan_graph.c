/* Sub-plans: joined, numbered and levelled; their stores and internal topics.
 */
#include "tests/unit/plan_harness.h"

static void each_new_key_cuts_again(void **state)
{
    (void)state;
    struct plan_rig r;
    plan(&r, HEAD IN("none") "    steps:\n"
                             "      - key_by: [host, dc]\n"
                             "      - " COUNT "\n"
                             "      - key_by: dc\n"
                             "      - window: {tumbling: 2s, aggregate: sum(n) as n}\n"
                             "    to: out\n");
    assert_string_equal(plan_rig_shape(&r),
                        "0 in read x\n0 in step key_by\n0 in write t-in-repartition\n"
                        "1 in read t-in-repartition\n1 in step window\n1 in step key_by\n"
                        "1 in write t-in-4-repartition\n2 in read t-in-4-repartition\n"
                        "2 in step window\n2 in write out\n");
    for (uint16_t i = 0; i < 3; i++) {
        assert_int_equal(r.plan->subplan[i].level, i);
        assert_false(r.plan->subplan[i].single);
    }
    assert_string_equal(r.plan->subplan[1].store[0].changelog, "t-in-window-changelog");
    assert_string_equal(r.plan->subplan[2].store[0].changelog, "t-in-window2-changelog");
    plan_rig_done(&r);
}

static void union_behind_a_repartition_is_levelled(void **state)
{
    (void)state;
    struct plan_rig r;
    /* what `late` reads is planned before `early` raises the level of the sub-plan they share */
    plan(&r,
         HEAD IN("string") "    steps:\n      - key_by: host\n      - " COUNT "\n"
                           "  late:\n    from: in\n    steps:\n      - key_by: n\n"
                           "      - window: {tumbling: 2s, aggregate: count() as m}\n    to: out\n"
                           "  early:\n    from: {topic: y, value: json, key: {host: string}, "
                           "columns: {host: string, n: long}}\n"
                           "  all:\n    from: [early, in]\n    to: out2\n");
    const struct plan *p = r.plan;
    for (uint16_t i = 0; i < p->nsources; i++) {
        const struct plan_source *s = p->source[i];
        if (s->repartition >= 0) {
            uint16_t up = p->vertex[p->sink[s->repartition]->vertex]->subplan;
            uint16_t down = p->vertex[s->vertex]->subplan;
            assert_true(p->subplan[down].level > p->subplan[up].level);
        }
    }
    assert_int_equal(p->nsubplans, 3);
    plan_rig_done(&r);
}

static void a_union_of_a_stream_and_its_counts(void **state)
{
    (void)state;
    struct plan_rig r;
    plan(&r,
         HEAD IN(
             "string") "  counts:\n    from: in\n    steps:\n      - key_by: host\n      - " COUNT
                       "\n"
                       "  all:\n    from: [in, counts]\n    to: out\n");
    assert_int_equal(r.plan->nsubplans, 1);
    assert_int_equal(r.plan->subplan[0].level, 0);
    plan_rig_done(&r);
}

/* What is made of the stream by another key, then by its own again, comes back to where it is. */
static void what_comes_back_over_another_subplan(void **state)
{
    (void)state;
    struct plan_rig r;
    plan(&r, HEAD IN("{host: string}") "  counts:\n    from: in\n    steps:\n      - key_by: dc\n"
                                       "      - " COUNT "\n"
                                       "      - add: \"cast(n as string) as host\"\n"
                                       "      - select: dc, host\n      - key_by: host\n"
                                       "  met:\n    from: in\n    steps:\n"
                                       "      - join: {with: counts, on: host, within: 1s}\n"
                                       "      - key_by: v\n      - " COUNT "\n    to: out\n");
    const struct plan *p = r.plan;
    assert_int_equal(p->nsubplans, 3);
    for (uint16_t i = 0; i < p->nsubplans; i++) {
        assert_int_equal(p->subplan[i].level, i == 2);
    }
    plan_rig_done(&r);
}

static void internal_topics_do_not_collide(void **state)
{
    (void)state;
    const char *text = HEAD
        "  a:\n    from: {topic: x, value: json, columns: {h: string, g: string}}\n    steps:\n"
        "      - key_by: h\n      - window: {tumbling: 1s, aggregate: last(g) as g}\n"
        "      - key_by: g\n      - " COUNT "\n    to: one\n"
        "  a-4:\n    from: {topic: y, value: json, columns: {h: string}}\n    steps:\n"
        "      - key_by: h\n      - " COUNT "\n    to: two\n";
    assert_refused(text, "the internal topic t-a-4-repartition would be that of stream \"a\" too");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_new_key_cuts_again),
        cmocka_unit_test(union_behind_a_repartition_is_levelled),
        cmocka_unit_test(a_union_of_a_stream_and_its_counts),
        cmocka_unit_test(what_comes_back_over_another_subplan),
        cmocka_unit_test(internal_topics_do_not_collide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
