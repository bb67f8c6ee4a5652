/* Planning: where streams are cut, how sub-plans are numbered, levelled and joined, and what is
 * refused.
 */
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

static void plan(struct plan_rig *r, const char *text)
{
    int status = plan_rig_init(r, text);
    if (status < 0) {
        print_message("%s\n%s", text, plan_rig_problems(r));
    }
    assert_int_equal(status, 0);
}

static void assert_shape(const char *text, const char *shape)
{
    struct plan_rig r;
    plan(&r, text);
    assert_string_equal(plan_rig_shape(&r), shape);
    plan_rig_done(&r);
}

static void assert_refused(const char *text, const char *problem)
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

static void unions(void **state)
{
    (void)state;
    struct plan_rig r;
    plan(&r, HEAD IN("{host: string}") "  other:\n    from: {topic: y, value: json, key: {host: "
                                       "string}, columns: {host: string, "
                                       "w: double}}\n"
                                       "  both:\n    from: [in, other]\n    steps:\n      - " COUNT
                                       "\n    to: out\n");
    assert_string_equal(plan_rig_shape(&r),
                        "0 in read x\n0 other read y\n0 both union union\n0 both step window\n"
                        "0 both write out\n");
    const struct vertex *v = r.plan->vertex[plan_rig_vertex(&r, VERTEX_UNION, "both")];
    struct buffer b;
    buffer_init(&b);
    schema_print(&b, v->out[0]);
    assert_string_equal(buffer_cstr(&b), "host: string?, dc: string?, v: long?, w: double?");
    buffer_done(&b);
    assert_true(v->out[0]->keyed);
    assert_int_equal(v->merge->ninputs, 2);
    int w = schema_find(v->out[0], "w");
    assert_int_equal(v->merge->column[0][w], -1);
    plan_rig_done(&r);
}

static void union_of_different_keys_needs_key_by(void **state)
{
    (void)state;
    const char *text =
        HEAD IN("{host: string}") "  other:\n    from: {topic: y, value: json, key: {dc: string}, "
                                  "columns: {host: string, dc: "
                                  "string}}\n"
                                  "  both:\n    from: [in, other]\n    steps:\n      - " COUNT
                                  "\n    to: out\n";
    assert_refused(text,
                   "window works per key, but the rows have none here: put `- key_by: COLUMN`");
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

static void streams_fan_out_and_split(void **state)
{
    (void)state;
    assert_shape(HEAD IN("{host: string}") "    steps:\n      - split: {hot: v > 5, rest: else}\n"
                                           "  a:\n    from: in.hot\n    to: [one, two]\n"
                                           "  b:\n    from: [in.hot, in.rest]\n    to: three\n",
                 "0 in read x\n0 in step split\n0 a write one\n0 a write two\n0 b union union\n"
                 "0 b write three\n");
    assert_refused(HEAD IN("none") "    steps:\n      - split: {hot: v > 5}\n    to: out\n",
                   "a stream that ends in a split has no output of its own");
    assert_refused(
        HEAD IN("none") "    steps:\n      - split: {hot: v > 5}\n  a: {from: in, to: o}\n",
        "stream \"in\" ends in a split: name one of its branches, `in.BRANCH`");
    assert_refused(HEAD IN("none") "    steps:\n      - split: {hot: v > 5}\n"
                                   "  a: {from: in.cold, to: o}\n",
                   "stream \"in\" has no branch \"cold\"");
    assert_refused(HEAD IN("none") "  a: {from: in.cold, to: o}\n",
                   "stream \"in\" has no branch \"cold\"");
    assert_refused(
        HEAD IN("none") "    steps:\n      - split: {hot: v > 5}\n      - filter: v > 1\n"
                        "  a: {from: in.hot, to: o}\n",
        "7:9 streams.in.steps[2]: no step may follow a split in the same stream");
}

static void cycles(void **state)
{
    (void)state;
    assert_refused("name: t\nstreams:\n  a: {from: b, to: x}\n  b: {from: a}\n",
                   "reads itself: streams form a cycle");
    assert_refused("name: t\nstreams:\n  a: {from: [a, a], to: x}\n", "stream \"a\" reads itself");
    /* through topics, whichever is planned first */
    const char *const through = "topic y is read by stream \"";
    assert_refused(HEAD IN("none") "    to: y\n  b: {from: {topic: y, value: json, columns: {v: "
                                   "long}}, to: z}\n",
                   through);
    assert_refused(HEAD "  b: {from: {topic: y, value: json, columns: {v: long}}, to: z}\n" IN(
                       "none") "    to: y\n",
                   through);
    assert_refused(HEAD IN("none") "    to: x\n", "topic x is read by stream \"in\"");
}

static void names(void **state)
{
    (void)state;
    assert_refused(HEAD IN("none") "  a: {from: inn, to: o}\n",
                   "5:13 streams.a.from: there is no stream \"inn\": did you mean \"in\"?");
    assert_refused(
        HEAD IN("none") "  a: {from: kittens, to: o}\n",
        "there is no stream \"kittens\"; to read a topic write `from: {topic: kittens}`");
    assert_refused(HEAD IN("none") "    steps:\n      - filtr: v > 1\n    to: o\n",
                   "there is no step \"filtr\": did you mean \"filter\"?");
    assert_refused(HEAD "  a: {from: {topic: x, value: jsn}, to: o}\n",
                   "\"jsn\" is no format for a value: did you mean \"json\"?");
    assert_refused(HEAD IN("strin") "    to: o\n", "\"strin\" is no format for a key");
    assert_refused(HEAD IN("{host: boolean}") "    to: o\n", "expected the type of the key column");
    assert_refused(HEAD IN("{host: avro}") "    to: o\n", "expected the type of the key column");
    assert_refused(HEAD IN("{host: long}") "    to: o\n",
                   "the value's column host has another type than the key's");
    assert_refused(HEAD IN("{host: string, dc: string}") "    to: o\n",
                   "expected one of the key formats, or {column: type}");
    assert_refused(HEAD IN("none") "    time: {field: w}\n    to: o\n",
                   "streams.in.time.field: there is no column \"w\"");
    assert_refused(HEAD IN("none") "    time: {field: host}\n    to: o\n",
                   "event time must be a timestamp or a long of ms");
    assert_refused(HEAD IN("none") "  a: {from: in, time: {out_of_order: 1s}, to: o}\n",
                   "`time` belongs to the stream that reads the topic");
    assert_refused(HEAD IN("none"), "no stream writes anywhere: give one a `to`");
    assert_refused(HEAD "  a: {from: {topic: x, value: json, schema: nowhere.avsc}, to: o}\n",
                   "cannot read the schema file ./nowhere.avsc");
    assert_refused(HEAD IN("none") "    steps:\n      - " COUNT "\n    to: o\n",
                   "window works per key");
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

static void two_streams_of_one_topic_share_tasks(void **state)
{
    (void)state;
    struct plan_rig r;
    plan(&r,
         HEAD IN("none") "    to: one\n"
                         "  b: {from: {topic: [y, x], value: json, columns: {v: long}}, to: two}\n"
                         "  c: {from: {topic: z, value: json, columns: {v: long}}, to: three}\n");
    assert_int_equal(r.plan->nsubplans, 2);
    assert_int_equal(r.plan->subplan[0].nsources, 2);
    plan_rig_done(&r);
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
        cmocka_unit_test(each_new_key_cuts_again),
        cmocka_unit_test(one_group_of_all_rows_is_one_task),
        cmocka_unit_test(a_global_learner_is_one_task),
        cmocka_unit_test(unions),
        cmocka_unit_test(union_of_different_keys_needs_key_by),
        cmocka_unit_test(union_behind_a_repartition_is_levelled),
        cmocka_unit_test(a_union_of_a_stream_and_its_counts),
        cmocka_unit_test(streams_fan_out_and_split),
        cmocka_unit_test(cycles),
        cmocka_unit_test(names),
        cmocka_unit_test(internal_topics_do_not_collide),
        cmocka_unit_test(two_streams_of_one_topic_share_tasks),
        cmocka_unit_test(all_problems_of_all_streams),
        cmocka_unit_test(problems_behind_a_broken_step),
        cmocka_unit_test(seeds_differ_by_step_and_topology),
        cmocka_unit_test(too_many_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
