/* Topics that may not be read, written or take dead letters. */
#include "tests/unit/plan_harness.h"

#define COUNTED     "    steps:\n      - key_by: host\n      - " COUNT "\n"
#define DEAD(topic) "name: t\nerrors: {tolerance: all, dead_letter_topic: " topic "}\nstreams:\n"

static void read_and_written(void **state)
{
    (void)state;
    assert_refused(HEAD IN("none") "    to: x\n", "topic x is read by stream \"in\"");
}

static void a_bad_record_must_not_come_back(void **state)
{
    (void)state;
    assert_refused(DEAD("x") IN("none") "    to: out\n",
                   "streams.in: dead_letter_topic x is read by stream \"in\" of the same topology: "
                   "a bad record would come back for ever; take another topic");
    assert_refused(
        HEAD IN("none") "    to: out\n    errors: {tolerance: all, dead_letter_topic: x}\n",
        "dead_letter_topic x is read by stream \"in\"");
    struct plan_rig r;
    plan(&r, HEAD IN("none") "    to: out\n    errors: {tolerance: none, dead_letter_topic: x}\n");
    plan_rig_done(&r);
    plan(&r, DEAD("out") IN("none") "    to: out\n");
    plan_rig_done(&r);
    assert_int_equal(
        plan_rig_init(&r, DEAD("x") IN("none") "    to: out\n  b: {from: in, to: out2}\n"), -4);
    const char *first = strstr(plan_rig_problems(&r), "dead_letter_topic");
    assert_null(strstr(first + 1, "dead_letter_topic")); /* said once */
    plan_rig_done(&r);
}

static void topics_of_our_own(void **state)
{
    (void)state;
    assert_refused(HEAD IN("none") COUNTED "    to: t-in-window-changelog\n",
                   "streams.in.to: topic t-in-window-changelog is klamm's own, for the state of a "
                   "step: take another one");
    assert_refused(HEAD IN("none") COUNTED "    to: t-in-repartition\n",
                   "topic t-in-repartition is klamm's own, for a repartition");
    assert_refused(HEAD IN("none") "    to: t-sources\n", "topic t-sources is klamm's own");
    assert_refused(HEAD IN("none") "    to: _klamm_schemas\n", "_klamm_schemas is klamm's own");
    assert_refused(DEAD("t-in-repartition") IN("none") COUNTED "    to: out\n",
                   "streams.in: topic t-in-repartition is klamm's own");
    assert_refused(HEAD IN("none") COUNTED
                   "    to: out\n"
                   "  b:\n    from: {topic: t-in-window-changelog, value: bytes}\n    to: out2\n",
                   "streams.b.from: topic t-in-window-changelog is klamm's own");
    struct plan_rig r;
    plan(&r, HEAD IN("none") "    to: t-in-window-changelog\n"); /* there is no such state */
    plan_rig_done(&r);
}

/* t with a stream s-in, and t-s with a stream in. */
static void names_joined_by_dashes_can_meet(void **state)
{
    (void)state;
#define COUNTS(name, stream, connector)                                                            \
    "name: " name "\nstreams:\n  " stream ":\n    from: " connector "\n    steps: [{key_by: h}, "  \
    "{window: {tumbling: 1s, aggregate: count() as n}}]\n    to: out-" name "\n"
#define TOPIC     "{topic: x, value: json, columns: {h: string}}"
#define GENERATOR "{generator: {columns: {h: row}}}"
    static const struct {
        const char *a, *b, *topic;
    } cases[] = {
        {COUNTS("t", "s-in", TOPIC), COUNTS("t-s", "in", TOPIC), "t-s-in-repartition"},
        {COUNTS("t", "s-in", TOPIC), COUNTS("t", "s-in", TOPIC), "t-s-in-repartition"},
        {COUNTS("t", "s-in", TOPIC), COUNTS("t-s", "other", TOPIC), NULL},
        {"name: t\nstreams: {s-in: {from: " GENERATOR ", to: x}}\n",
         "name: t-s\nstreams: {in: {from: " GENERATOR ", to: y}}\n", "t-s-in-source"},
        {"name: t\nstreams: {s-in: {from: " TOPIC ", to: y}}\n",
         "name: t-s\nstreams: {in: {from: " TOPIC ", to: y}}\n", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct plan_rig a, b;
        plan(&a, cases[i].a);
        plan(&b, cases[i].b);
        const char *topic = plan_shared_topic(a.plan, b.plan);
        assert_int_equal(topic == NULL, cases[i].topic == NULL);
        if (topic) {
            assert_string_equal(topic, cases[i].topic);
            assert_non_null(plan_shared_topic(b.plan, a.plan));
        }
        plan_rig_done(&a);
        plan_rig_done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_and_written),
        cmocka_unit_test(a_bad_record_must_not_come_back),
        cmocka_unit_test(topics_of_our_own),
        cmocka_unit_test(names_joined_by_dashes_can_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
