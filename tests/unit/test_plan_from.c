/* What streams read: other streams, unions, branches; and what is no stream.
 */
#include "tests/unit/plan_harness.h"

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

/* The bytes of a long and its text lie in different partitions, so before what works per key both
 * are put by the text. */
static void union_of_different_key_formats_is_repartitioned(void **state)
{
    (void)state;
    assert_shape(HEAD
                 "  a:\n    from: {topic: x, value: json, key: {id: long}, columns: {id: long}}\n"
                 "  b:\n    from: {topic: y, value: json, columns: {id: long}}\n"
                 "    steps:\n      - key_by: id\n      - dedupe: {by: id, within: 1s}\n"
                 "  both:\n    from: [a, b]\n    steps:\n      - filter: id > 0\n      - " COUNT
                 "\n    to: out\n",
                 "0 a read x\n1 b read y\n1 b step key_by\n1 b write t-b-repartition\n"
                 "0 b read t-b-repartition\n0 b step dedupe\n0 both union union\n"
                 "0 both step filter\n0 both write t-both-repartition\n"
                 "2 both read t-both-repartition\n2 both step window\n2 both write out\n");
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
        "stream \"in\" ends in a split; its branches are in.hot");
    assert_refused(HEAD IN("none") "    steps:\n      - split: {hot: v > 5}\n"
                                   "  a: {from: in.cold, to: o}\n",
                   "stream \"in\" has no branch \"cold\"");
    assert_refused(HEAD IN("none") "  a: {from: in.cold, to: o}\n",
                   "stream \"in\" has no branches: its last step must be a split");
    assert_refused(
        HEAD IN("none") "    steps:\n      - split: {hot: v > 5}\n      - filter: v > 1\n"
                        "  a: {from: in.hot, to: o}\n",
        "7:9 streams.in.steps[2]: no step may follow a split in the same stream");
}

static void each_stream_once(void **state)
{
    (void)state;
    assert_refused(HEAD IN("none") "  a: {from: [in, in], to: x2}\n",
                   "stream \"in\" is named twice, and each of its rows would come twice");
    assert_refused(HEAD "  a: {from: {topic: [x, x], value: json, columns: {v: long}}, to: y}\n",
                   "topic x is named twice");
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

static void streams_are_known(void **state)
{
    (void)state;
    assert_refused(HEAD IN("none") "  a: {from: inn, to: o}\n",
                   "5:13 streams.a.from: there is no stream \"inn\": did you mean \"in\"?");
    assert_refused(
        HEAD IN("none") "  a: {from: kittens, to: o}\n",
        "there is no stream \"kittens\"; to read a topic write `from: {topic: kittens}`");
}

#define LATE "      - window: {tumbling: 5s, late: missed, aggregate: count() as n}\n"

static void late_rows_go_to_a_stream_of_their_own(void **state)
{
    (void)state;
    assert_refused(HEAD IN("{host: string}") "    steps:\n" LATE "    to: o\n",
                   "late: there is no stream \"missed\": add one without `from`");
    assert_refused(HEAD IN("{host: string}") "    steps:\n" LATE "    to: o\n"
                                             "  missed: {from: in, to: m}\n",
                   "late: stream \"missed\" has a `from`");
    assert_refused(HEAD IN("{host: string}") "    to: o\n  missed: {to: m}\n",
                   "a stream needs `from`, unless a window sends its late rows there");
    assert_refused(HEAD "  missed: {to: m, steps: [{filter: nope > 1}]}\n" IN(
                       "{host: string}") "    steps:\n" LATE "    to: o\n",
                   "nope");
    assert_refused(HEAD "  missed: {from: a}\n  a:\n    from: missed\n    steps:\n" LATE, "cycle");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unions),
        cmocka_unit_test(union_of_different_key_formats_is_repartitioned),
        cmocka_unit_test(union_of_different_keys_needs_key_by),
        cmocka_unit_test(streams_fan_out_and_split),
        cmocka_unit_test(each_stream_once),
        cmocka_unit_test(cycles),
        cmocka_unit_test(streams_are_known),
        cmocka_unit_test(late_rows_go_to_a_stream_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
