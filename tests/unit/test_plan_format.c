/* Formats of keys and values: which there are, names of records and subjects.
 */
#include "tests/unit/plan_harness.h"

static void formats_are_known(void **state)
{
    (void)state;
    assert_refused(HEAD "  a: {from: {topic: x, value: jsn}, to: o}\n",
                   "\"jsn\" is no format for a value: did you mean \"json\"?");
    assert_refused(HEAD IN("strin") "    to: o\n", "\"strin\" is no format for a key");
    assert_refused(HEAD "  a: {from: {topic: x, value: json, schema: nowhere.avsc}, to: o}\n",
                   "cannot read the schema file ./nowhere.avsc");
}

static void windows_in_keys(void **state)
{
    (void)state;
    struct plan_rig r;
    assert_refused(HEAD IN("string") "    to: {topic: o, key: windowed}\n",
                   "there is no window_start here");
    assert_refused(HEAD IN("windowed") "    to: o\n", "\"windowed\" is no format for a key");
    plan(&r, HEAD IN("{host: string}") "    steps:\n      - " COUNT
                                       "\n    to: [{topic: a, key: windowed}, b]\n");
    const struct schema *s = r.plan->sink[0]->schema;
    assert_int_equal(s->nkey, 3);
    assert_string_equal(s->col[s->key[0]].name, "host");
    assert_string_equal(s->col[s->key[1]].name, "window_start");
    assert_string_equal(s->col[s->key[2]].name, "window_end");
    assert_string_equal(r.plan->sink[0]->key.def->name, "string");
    assert_int_equal(r.plan->sink[1]->schema->nkey, 1);
    plan_rig_done(&r);
}

static void names_of_records(void **state)
{
    (void)state;
    struct plan_rig r;
    plan(&r, "name: my-topology\nstreams:\n  host-load_5m:\n    from: {topic: x, value: json, "
             "columns: {v: "
             "long}}\n    to: [{topic: out}, {topic: more, subject: mine}]\n");
    const struct codec_spec *s = &r.plan->sink[0]->value;
    assert_string_equal(s->record_name, "HostLoad5m");
    assert_string_equal(s->namespace_, "klamm.my-topology");
    assert_string_equal(s->subject, "out-value");
    assert_string_equal(r.plan->sink[0]->key.subject, "out-key");
    assert_string_equal(r.plan->sink[1]->value.subject, "mine");
    plan_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_are_known),
        cmocka_unit_test(windows_in_keys),
        cmocka_unit_test(names_of_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
