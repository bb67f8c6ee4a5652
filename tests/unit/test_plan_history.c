/* What a step reads before its first row, planned: the plan of its own, and what is refused. */
#include "engine/history.h"
#include "tests/unit/plan_harness.h"

#include <stdio.h>

#define LIVE                                                                                       \
    "  live:\n    from: {topic: now, value: json, key: {host: string}, columns: {host: string, "   \
    "a: double, y: double, z: double}}\n    steps:\n      - regress: {algorithm: "                 \
    "linear_regression, features: [a], label: y, as: p, train_from: "
#define OUT     "}\n    to: {topic: out, value: json}\n"
#define COLUMNS "value: json, columns: {host: string, a: double, y: double, more: string}}"
#define OLD     "  old:\n    from: {topic: then, " COLUMNS "\n"

static const char *shape_of(const struct plan_rig *r, struct plan_rig *own)
{
    assert_int_equal(r->plan->nhistories, 1);
    *own = (struct plan_rig){.plan = r->plan->history[0]->plan};
    buffer_init(&own->out);
    return plan_rig_shape(own);
}

static void check_own(const char *text, const char *name, const char *shape)
{
    struct plan_rig r, own;
    plan(&r, text);
    assert_string_equal(shape_of(&r, &own), shape);
    assert_string_equal(r.plan->history[0]->name, name);
    assert_int_equal(own.plan->nsubplans, 1);
    assert_int_equal(own.plan->nsinks, 0);
    buffer_done(&own.out);
    plan_rig_done(&r);
}

static void has_a_plan_of_its_own(void **state)
{
    (void)state;
    check_own(HEAD LIVE "{topic: then, " COLUMNS OUT, "topic then",
              "0 live read then\n0 live step history\n");
    check_own(HEAD LIVE "{topic: [then, before], " COLUMNS OUT, "topic then",
              "0 live read then\n0 live step history\n");
    check_own(HEAD LIVE "{stream: old}" OUT OLD, "stream old",
              "0 old read then\n0 old step history\n");
    /* Of the streams that it reads, what they write and who else reads them are not there. */
    check_own(HEAD LIVE "{stream: best}" OUT OLD "    to: {topic: copy, value: json}\n"
                        "  best:\n    from: old\n    steps:\n      - filter: a > 0\n"
                        "      - key_by: host\n"
                        "  counts:\n    from: old\n    steps:\n      - key_by: host\n"
                        "      - " COUNT "\n    to: {topic: n, value: json}\n",
              "stream best",
              "0 old read then\n0 best step filter\n0 best step key_by\n0 best step history\n");
    check_own(HEAD LIVE "{stream: both}" OUT OLD "  older:\n    from: {topic: ago, " COLUMNS "\n"
                        "  both:\n    from: [older, old]\n",
              "stream both",
              "0 older read ago\n0 old read then\n0 both union union\n0 both step history\n");
    check_own(HEAD LIVE "{stream: parts.high}" OUT OLD "  parts:\n    from: old\n    steps:\n"
                        "      - split: {high: a > 0, low: else}\n",
              "stream parts.high", "0 old read then\n0 parts step split\n0 parts step history\n");
}

/* Its own input, which is then read twice. */
static void may_be_its_own_input(void **state)
{
    (void)state;
    check_own(HEAD OLD
              "  live:\n    from: old\n    steps:\n      - cluster: {algorithm: kmeans, features: "
              "[a], as: c, train_from: {stream: old}}\n    to: {topic: out, value: json}\n",
              "stream old", "0 old read then\n0 old step history\n");
}

static void reads_what_the_step_needs(void **state)
{
    (void)state;
    struct plan_rig r;
    plan(&r, HEAD LIVE "{topic: then, " COLUMNS OUT);
    const struct history *h = r.plan->history[0];
    const struct vertex *v = h->plan->vertex[0];
    static const char *const name[] = {"host", "a", "y", "more"};
    static const bool needed[] = {false, true, true, false};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(v->needs[schema_find(h->schema, name[i])], needed[i]);
    }
    const struct schema *in = h->reader->in[0];
    assert_int_equal(h->column[schema_find(in, "z")], -1);
    assert_int_equal(h->column[schema_find(in, "y")], schema_find(h->schema, "y"));
    plan_rig_done(&r);
}

static void refuses_what_keeps_state(void **state)
{
    (void)state;
    static const char *const step[][2] = {
        {"dedupe: {by: a, within: 1s}", "dedupe"},
        {"running: lag(a) as b", "running"},
        {"scale: {columns: [a]}", "scale"},
        {"join: {with: live, within: 1s}", "join"},
    };
    for (size_t i = 0; i < sizeof step / sizeof *step; i++) {
        char text[2000], problem[200];
        snprintf(text, sizeof text,
                 HEAD LIVE "{stream: way}" OUT OLD
                           "  way:\n    from: old\n    steps:\n      - key_by: host\n      - %s\n",
                 step[i][0]);
        snprintf(problem, sizeof problem,
                 "train_from: the step `%s` (streams.way.steps[2]) is in the way", step[i][1]);
        assert_refused(text, problem);
    }
}

static void refuses_what_is_no_topic(void **state)
{
    (void)state;
    assert_refused(HEAD LIVE "{stream: live}" OUT, "the step `regress` (streams.live.steps[1])");
    assert_refused(HEAD LIVE "{stream: late}" OUT OLD
                             "  counts:\n    from: old\n    steps:\n      - key_by: host\n"
                             "      - window: {tumbling: 1s, aggregate: count() as n, late: late}\n"
                             "    to: {topic: n, value: json}\n"
                             "  late:\n    to: {topic: late, value: json}\n",
                   "has late rows of a window");
    assert_refused(HEAD LIVE "{stream: m}" OUT "  m:\n    from: {metrics: live}\n"
                             "    to: {topic: m, value: json}\n",
                   "has metrics");
    assert_refused(
        "name: t\ntables:\n  hosts: {from: {topic: h, value: json, columns: {a: double}}}\n"
        "streams:\n" LIVE "{stream: hosts}" OUT,
        "is a table: name its topic");
    assert_refused(HEAD LIVE "{stream: [old]}" OUT OLD, "expected {stream: NAME}");
}

static void says_a_problem_once(void **state)
{
    (void)state;
    struct plan_rig r;
    assert_int_equal(plan_rig_init(&r, HEAD LIVE "{stream: old}" OUT OLD
                                                 "    steps:\n      - filter: nothing > 0\n"),
                     -ERR_CONFIG);
    assert_int_equal(r.diags.n, 1);
    assert_non_null(strstr(plan_rig_problems(&r), "streams.old.steps[1].filter"));
    plan_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_a_plan_of_its_own),     cmocka_unit_test(may_be_its_own_input),
        cmocka_unit_test(reads_what_the_step_needs), cmocka_unit_test(refuses_what_keeps_state),
        cmocka_unit_test(refuses_what_is_no_topic),  cmocka_unit_test(says_a_problem_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
