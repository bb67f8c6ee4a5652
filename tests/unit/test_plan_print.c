/* The plan for people (golden text), for Graphviz, and as JSON that parses whatever names are in
 * it.
 */
#include "tests/support/plan_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <string.h>

static const char topology[] =
    "name: t\n"
    "streams:\n"
    "  in:\n"
    "    from: {topic: x, value: json, key: string, columns: {host: string, v: long, "
    "\"say \\\"hi\\\\\": long}}\n"
    "    time: {field: v, out_of_order: 90s}\n"
    "    steps:\n"
    "      - key_by: host\n"
    "      - window: {tumbling: 1s, aggregate: count() as n}\n"
    "      - split: {many: n > 5, few: else}\n"
    "  a: {from: in.many, to: out}\n"
    "  b: {from: [in.few, in.many], to: {log: {}}}\n";

static void text(void **state)
{
    (void)state;
    struct plan_rig r;
    struct buffer b;
    buffer_init(&b);
    assert_int_equal(plan_rig_init(&r, topology), 0);
    plan_print_text(&b, r.plan);
    assert_string_equal(
        buffer_cstr(&b),
        "topology t: exactly once, group klamm-t, 1 lane\n"
        "\n"
        "sub-plan 0: one task per partition of x\n"
        "    1 read     in           from x (json), key _key\n"
        "             columns:  host: string?, v: long?\n"
        "             not read: say \"hi\\\n"
        "             time:     v, out of order by at most 90s\n"
        "    2 key_by   in           <- 1  host\n"
        "    3 write    in           <- 2 to t-in-repartition (internal, by the new key), key "
        "host\n"
        "\n"
        "sub-plan 1: one task per partition of t-in-repartition (internal)\n"
        "    4 read     in           from t-in-repartition (internal), key host\n"
        "             columns:  host: string?\n"
        "             not read: v, say \"hi\\\n"
        "    5 window   in           <- 4\n"
        "             tumbling:  1s\n"
        "             aggregate: count() as n\n"
        "             state:     in memory and t-in-window-changelog\n"
        "    6 split    in           <- 5  many: n > 5, few: else\n"
        "    7 write    a            <- 6.many to out (avro), key host\n"
        "             columns:  host: string, window_start: timestamp, window_end: timestamp, n: "
        "long\n"
        "    8 union    b            <- 6.many, 6.few\n"
        "    9 write    b            <- 8 to t-b-log (emptied by the log sink), key host\n"
        "             columns:  host: string, window_start: timestamp, window_end: timestamp, n: "
        "long\n"
        "      note: rows of in reach one place on two ways, so they are handled one at a time "
        "(slower)\n"
        "\n"
        "topics\n"
        "  read         x (json)\n"
        "  written      out (avro)\n"
        "  internal     t-in-repartition, t-b-log, t-in-window-changelog\n");
    buffer_done(&b);
    plan_rig_done(&r);
}

static void json(void **state)
{
    (void)state;
    struct plan_rig r;
    struct buffer b;
    buffer_init(&b);
    assert_int_equal(plan_rig_init(&r, topology), 0);
    plan_print_json(&b, r.plan);
    json_error_t e;
    json_t *root = json_loadb(b.data, b.n, 0, &e);
    if (!root) {
        print_message("%s\n%s\n", e.text, buffer_cstr(&b));
    }
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "topology")), "t");
    const json_t *vertices = json_object_get(root, "vertices");
    assert_int_equal(json_array_size(vertices), r.plan->nvertices);
    assert_string_equal(json_string_value(json_object_get(root, "group")), "klamm-t");
    const json_t *read = json_array_get(vertices, 0), *key_by = json_array_get(vertices, 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(read, "topics"), 0)), "x");
    assert_true(json_is_false(json_object_get(read, "internal")));
    assert_string_equal(json_string_value(json_object_get(key_by, "config")), "host");
    assert_string_equal(json_string_value(json_array_get(json_object_get(key_by, "key"), 0)),
                        "host");
    assert_true(json_is_true(json_object_get(json_array_get(vertices, 2), "internal")));
    const json_t *columns = json_object_get(json_array_get(vertices, 0), "columns");
    assert_string_equal(json_string_value(json_object_get(json_array_get(columns, 2), "name")),
                        "say \"hi\\");
    const json_t *stores = json_object_get(root, "stores");
    assert_string_equal(json_string_value(json_object_get(json_array_get(stores, 0), "changelog")),
                        "t-in-window-changelog");
    json_decref(root);
    buffer_done(&b);
    plan_rig_done(&r);
}

static void dot(void **state)
{
    (void)state;
    struct plan_rig r;
    struct buffer b;
    buffer_init(&b);
    assert_int_equal(plan_rig_init(&r, topology), 0);
    plan_print_dot(&b, r.plan);
    const char *s = buffer_cstr(&b);
    assert_non_null(strstr(s, "digraph \"t\" {"));
    assert_non_null(strstr(s, "subgraph cluster_1 {"));
    assert_non_null(strstr(s, "v0 [label=\"x\\nin\", shape=cylinder];"));
    assert_non_null(strstr(s, "[label=\"split\\nin\\nmany: n > 5, few: else\", shape=box];"));
    assert_non_null(strstr(s, "v0 -> v1;"));
    assert_non_null(strstr(s, "v2 -> v3 [style=dashed];"));
    int depth = 0;
    for (const char *p = s; *p; p++) {
        depth += *p == '{' ? 1 : *p == '}' ? -1 : 0;
    }
    assert_int_equal(depth, 0);
    buffer_done(&b);
    plan_rig_done(&r);
}

static void one_way_notes(void **state)
{
    (void)state;
    struct plan_rig r;
    struct buffer b;
    buffer_init(&b);
    assert_int_equal(plan_rig_init(&r, "name: t\nguarantee: at_least_once\nlanes: 2\nstreams:\n"
                                       "  in: {from: {generator: {rate: 1, columns: {v: row}}}}\n"
                                       "  a: {from: in, steps: [{key_by: []}, {window: {tumbling: "
                                       "1s, aggregate: count() as n}}], to: [{log: {}}, o]}\n"
                                       "  c: {from: in, steps: [{filter: v > 1}]}\n"
                                       "  b: {from: [in, c], to: p}\n"),
                     0);
    plan_print_text(&b, r.plan);
    const char *s = buffer_cstr(&b);
    assert_non_null(strstr(s, "topology t: at least once, group klamm-t, 2 lanes\n"));
    assert_non_null(strstr(s, "(filled by the generator source), no key\n"));
    assert_non_null(strstr(s, "(internal, one partition), key [] (one group of all rows)\n"));
    assert_non_null(strstr(s, "one task, since its rows must meet in one place\n"));
    assert_non_null(strstr(s, "(emptied by the log sink)"));
    assert_non_null(strstr(s, "note: rows of in reach one place on two ways"));
    buffer_done(&b);
    plan_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text),
        cmocka_unit_test(json),
        cmocka_unit_test(dot),
        cmocka_unit_test(one_way_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
