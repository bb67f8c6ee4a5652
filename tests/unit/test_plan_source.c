/* Sources: keys, event times, and topics that several streams read.
 */
#include "tests/unit/plan_harness.h"

#include <stdio.h>

static void keys_and_times(void **state)
{
    (void)state;
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
}

/* They would take the place of what the record has, in a column of another type. */
static void columns_that_every_record_has(void **state)
{
    (void)state;
    static const char *const name[] = {"_topic", "_partition", "_offset",
                                       "_time",  "_headers",   "_key"};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        char text[300], problem[200];
        snprintf(text, sizeof text,
                 HEAD "  a:\n    from: {topic: x, value: json, columns: {h: string, %s: long}}\n"
                      "    to: out\n",
                 name[i]);
        snprintf(problem, sizeof problem,
                 "streams.a.from: the column `%s` has the name of what every record has: leave it "
                 "out of `columns`, or pin a `schema` without it",
                 name[i]);
        assert_refused(text, problem);
    }
    assert_refused(HEAD "  a: {from: {generator: {columns: {_time: row}}}, to: out}\n",
                   "the column `_time` has the name of what every record has");
    struct plan_rig r;
    plan(&r,
         HEAD "  a:\n    from: {topic: x, value: json, key: {_key: long}, columns: {_key: long}}\n"
              "    to: out\n");
    plan_rig_done(&r);
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

/* How long a silent partition is waited for holds behind repartitions of other streams too. */
static void idle_times_go_along(void **state)
{
    (void)state;
    struct plan_rig r;
    plan(&r,
         "name: t\nstreams:\n"
         "  a:\n    from: {topic: x, value: json, columns: {h: string}}\n    time: {idle: 5m}\n"
         "  b:\n    from: {topic: y, value: json, columns: {h: string}}\n    time: {idle: 7m}\n"
         "  c:\n    from: [a, b]\n    steps:\n      - key_by: h\n      - " COUNT "\n    to: out\n");
    assert_int_equal(r.plan->nsources, 3);
    assert_int_equal(r.plan->source[2]->time.idle, 7 * 60000);
    plan_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_and_times),
        cmocka_unit_test(columns_that_every_record_has),
        cmocka_unit_test(two_streams_of_one_topic_share_tasks),
        cmocka_unit_test(idle_times_go_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
