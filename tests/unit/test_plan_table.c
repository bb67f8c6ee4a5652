/* Tables in plans: where they lie, what moves, and what does not fit together.
 */
#include "tests/unit/plan_harness.h"

#include "engine/table.h"
#include "schemas/registry_memory.h"

#include <stdio.h>

#define TABLES "name: t\ntables:\n"
#define HOSTS(more)                                                                                \
    "  hosts: {from: {topic: h, value: json, key: {host: string}, columns: {host: string, rack: "  \
    "string, n: long}}" more "}\n"
#define STREAM(steps) "streams:\n" IN("{host: string}") "    steps:\n" steps "    to: out\n"

static void a_table_lies_with_its_stream(void **state)
{
    (void)state;
    assert_shape(TABLES HOSTS("") STREAM("      - lookup: {table: hosts, take: rack}\n"),
                 "0 in read x\n0 hosts read h\n0 hosts step table\n0 in step lookup\n"
                 "0 in write out\n");
    assert_shape(TABLES HOSTS("") STREAM("      - lookup: {table: hosts, on: dc, take: rack}\n"),
                 "0 in read x\n1 hosts read h\n1 hosts step table\n0 in write t-in-repartition\n"
                 "1 in read t-in-repartition\n1 in step lookup\n1 in write out\n");
}

static void a_global_table_lies_apart(void **state)
{
    (void)state;
    struct plan_rig r;
    plan(&r, TABLES HOSTS(", global: true")
                 STREAM("      - lookup: {table: hosts, on: dc, take: rack}\n"));
    assert_string_equal(plan_rig_shape(&r), "0 in read x\n1 hosts read h\n1 hosts step table\n"
                                            "0 in step lookup\n0 in write out\n");
    assert_false(r.plan->subplan[0].is_global);
    assert_true(r.plan->subplan[1].is_global);
    assert_int_equal(r.plan->subplan[1].nstores, 0);
    const struct vertex *v = r.plan->vertex[3];
    assert_int_equal(v->node->table, 2);
    assert_int_equal(v->node->on[0], schema_find(v->node->in[0], "dc"));
    assert_int_equal(v->out[0]->key[0], schema_find(v->out[0], "host"));
    plan_rig_done(&r);
    plan(&r, TABLES HOSTS(", global: true, key: rack")
                 STREAM("      - lookup: {table: hosts, on: dc, take: n}\n"));
    const struct table_cfg *cfg = r.plan->vertex[2]->node->cfg;
    assert_string_equal(r.plan->vertex[2]->out[0]->col[cfg->by].name, "rack");
    plan_rig_done(&r);
}

/* Streams read the changes behind the step `table`, which others look up. */
static void the_changes_of_a_table(void **state)
{
    (void)state;
    assert_shape(TABLES HOSTS("") "streams:\n  s: {from: hosts, to: out}\n",
                 "0 hosts read h\n0 hosts step table\n0 s write out\n");
    struct plan_rig r;
    plan(&r,
         TABLES HOSTS("") STREAM(
             "      - lookup: {table: hosts, take: rack}\n") "  s: {from: hosts, steps: [{filter: "
                                                             "n > 1}], to: changes}\n");
    assert_string_equal(plan_rig_shape(&r),
                        "0 in read x\n0 hosts read h\n0 hosts step table\n0 in step lookup\n"
                        "0 in write out\n0 s step filter\n0 s write changes\n");
    assert_false(r.plan->source[1]->row_at_a_time);
    plan_rig_done(&r);
    plan(&r,
         TABLES HOSTS("") "streams:\n  s: {from: hosts, steps: [{lookup: {table: hosts, on: host,"
                          " take: {r: rack}}}], to: changes}\n");
    assert_true(r.plan->source[0]->row_at_a_time); /* it would see what is to come */
    plan_rig_done(&r);
}

static void a_table_of_a_stream(void **state)
{
    (void)state;
    assert_shape(
        TABLES
        "  last: {from: in}\n"
        "streams:\n" IN(
            "{host: string}") "  s:\n    from: {topic: y, value: json, key: {h: string}, columns: "
                              "{h: "
                              "string}}\n    steps:\n      - lookup: {table: last, take: v}\n"
                              "    to: out\n",
        "0 in read x\n0 s read y\n0 last step table\n0 s step lookup\n0 s write out\n");
    assert_shape(
        TABLES
        "  last: {from: in, key: dc}\n"
        "streams:\n" IN(
            "{host: string}") "  s:\n    from: {topic: y, value: json, key: {h: string}, columns: "
                              "{h: string}}\n"
                              "    steps:\n      - lookup: {table: last, take: v}\n    to: out\n",
        "0 in read x\n1 s read y\n0 last write t-last-repartition\n"
        "1 last read t-last-repartition\n1 last step table\n1 s step lookup\n1 s write out\n");
    struct plan_rig r;
    plan(&r, TABLES "  last: {from: in, global: true}\n"
                    "streams:\n" IN("{host: string}") "    to: out\n");
    assert_true(r.plan->sink[0]->is_compact || r.plan->sink[1]->is_compact);
    assert_true(r.plan->subplan[1].is_global);
    plan_rig_done(&r);
}

/* A stream's own row is in the table when it looks it up: whole batches must not overtake. */
static void rows_go_one_at_a_time_where_they_meet_their_table(void **state)
{
    (void)state;
    struct plan_rig r;
    plan(&r, TABLES "  last: {from: in}\n"
                    "streams:\n" IN("{host: string}") "  s:\n    from: in\n    steps:\n      - "
                                                      "lookup: {table: last, take: {w: v}}\n"
                                                      "    to: out\n");
    assert_true(r.plan->source[0]->row_at_a_time);
    plan_rig_done(&r);
    plan(&r, TABLES HOSTS("") STREAM("      - lookup: {table: hosts, take: rack}\n"));
    assert_false(r.plan->source[0]->row_at_a_time);
    assert_false(r.plan->source[1]->row_at_a_time);
    plan_rig_done(&r);
}

static void what_a_table_needs(void **state)
{
    (void)state;
    struct plan_rig r;
    plan(&r, TABLES HOSTS("") STREAM("      - lookup: {table: hosts, take: rack}\n"
                                     "      - select: rack\n"));
    const struct vertex *source = r.plan->vertex[1];
    for (uint16_t c = 0; c < source->out[0]->n; c++) {
        assert_int_equal(source->needs[c], !source->out[0]->col[c].hidden);
    }
    assert_false(r.plan->vertex[0]->needs[schema_find(r.plan->vertex[0]->out[0], "v")]);
    assert_true(r.plan->source[1]->reads_key); /* of a deletion there is nothing else */
    plan_rig_done(&r);
}

static void versions_are_kept_where_asked_for(void **state)
{
    (void)state;
    static const char *const asks[] = {"", ", versioned: true"};
    for (int i = 0; i < 2; i++) {
        struct plan_rig r;
        char text[1000];
        snprintf(text, sizeof text, "%s%s}\n    to: out\n",
                 TABLES HOSTS(", history: 5s") "streams:\n" IN(
                     "{host: string}") "    steps:\n      - lookup: {table: hosts, "
                                       "take: rack",
                 asks[i]);
        plan(&r, text);
        const struct table_cfg *cfg = r.plan->vertex[2]->node->cfg;
        assert_int_equal(cfg->is_versioned, i);
        assert_int_equal(cfg->history, 5000);
        plan_rig_done(&r);
    }
}

static const struct wrong {
    const char *text, *problem;
} wrong[] = {
    {TABLES HOSTS("") STREAM("      - lookup: {table: hots}\n"),
     "streams.in.steps[1].lookup.table: there is no table \"hots\": did you mean \"hosts\"?"},
    {TABLES HOSTS("") STREAM("      - lookup: {table: in}\n"),
     "\"in\" is a stream: make a table of it, `tables: {NAME: {from: in}}`"},
    {TABLES HOSTS("") STREAM("      - lookup: {table: hosts, on: v}\n"),
     "\"v\" is a long, the table's key string: cast it with `add`"},
    {TABLES HOSTS("") STREAM("      - lookup: {table: hosts, on: hots}\n"),
     "stream \"in\" has no column \"hots\": did you mean \"host\"?"},
    {TABLES HOSTS("") STREAM("      - lookup: {table: hosts, on: [host, dc]}\n"),
     "table \"hosts\" has 1 key columns, `on` names 2"},
    {TABLES HOSTS("") STREAM("      - lookup: {table: hosts, take: rak}\n"),
     "table \"hosts\" has no column \"rak\": did you mean \"rack\"?"},
    {TABLES HOSTS("") STREAM("      - lookup: {table: hosts, take: {v: n}}\n"),
     "there is a column \"v\" already: take the table's under another name, "
     "`take: {hosts_v: n}`"},
    {TABLES HOSTS("") STREAM("      - lookup: {table: hosts, take: {a: n, b: n}}\n"),
     "column \"n\" of the table is taken twice"},
    {TABLES HOSTS("") STREAM("      - table: {}\n"), "there is no step \"table\""},
    {TABLES HOSTS(", key: rack") STREAM("      - lookup: {table: hosts, on: dc}\n"),
     "a table by another column must be `global: true`"},
    {TABLES HOSTS(", key: rac") STREAM("      - lookup: {table: hosts}\n"),
     "has no column \"rac\": did you mean \"rack\"?"},
    {TABLES "  h: {from: {topic: h, value: json, key: none, columns: {a: string}}}\n" STREAM(
         "      - lookup: {table: h}\n"),
     "a table is found by the key of its records, but these have none"},
    {TABLES "  h: {from: in}\nstreams:\n" IN("none") "    to: out\n",
     "the rows of the stream have no key: name the column by which the table is found"},
    {TABLES "  h: {from: {topic: x, value: json, columns: {a: string}}}\n" STREAM(
         "      - lookup: {table: h}\n"),
     "topic x is read by the stream \"in\" too: let the table read that, `from: in`"},
    {TABLES "  h: {from: {topic: h, value: json, key: long, columns: {a: string}}}\n" STREAM(
         "      - lookup: {table: h, on: v}\n"),
     "its record keys are of format long: make the table `global: true`"},
    {TABLES
     "  h: {from: s}\nstreams:\n" IN("{host: string}") "  s:\n    from: in\n    steps:\n      - "
                                                       "lookup: {table: h}\n    to: out\n",
     "stream \"s\" reads itself: streams form a cycle"},
    {TABLES HOSTS(", global: true") "streams:\n  s: {from: hosts, to: out}\n",
     "table \"hosts\" is `global`: every lane reads all of it, so each change would come many "
     "times"},
    {TABLES HOSTS("") STREAM(
         "      - lookup: {table: hosts, take: rack, versioned: true}\n") "  s: {from: hosts, to: "
                                                                          "changes}\n",
     "table \"hosts\" keeps `versioned` rows for a lookup, but its changes are read in the order "
     "of "
     "arrival"},
    {TABLES "  a: {from: b}\nstreams:\n  b: {from: a, to: out}\n", "reads itself"},
    {TABLES HOSTS("") "streams:\n" IN("none") "    steps:\n      - lookup: {table: hosts}\n",
     "name the column to look up by, `on: COLUMN`"},
};

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_refused(wrong[i].text, wrong[i].problem);
    }
}

/* Columns that both the key's record and the value's have: found by the key, read from it. */
static void keys_that_are_records(void **state)
{
    (void)state;
    struct plan_rig r;
    struct err e = {0};
    uint32_t id;
    struct schema_store *schemas = registry_memory_new();
    const char *key = "{\"type\":\"record\",\"name\":\"K\",\"fields\":[{\"name\":\"dc\",\"type\":"
                      "\"string\"},{\"name\":\"n\",\"type\":\"int\"}]}";
    assert_int_equal(schemas->put(schemas, "h-key", key, &id, &e), 0);
    assert_int_equal(
        plan_rig_read(&r,
                      TABLES "  h: {from: {topic: h, value: json, key: avro, columns: {n: long, "
                             "rack: string, dc: string}}, global: true}\n" STREAM(
                                 "      - lookup: {table: h, on: [dc, v], take: rack}\n")),
        0);
    assert_int_equal(plan_new(&r.plan, r.topology, schemas, &r.diags), 0);
    const struct plan_source *s = r.plan->source[1];
    assert_true(s->reads_key);
    assert_int_equal(s->schema->nkey, 2);
    assert_string_equal(s->schema->col[s->schema->key[0]].name, "dc");
    assert_string_equal(s->schema->col[s->schema->key[1]].name, "n");
    plan_rig_done(&r);
    schemas->free(schemas);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_lies_with_its_stream),
        cmocka_unit_test(a_global_table_lies_apart),
        cmocka_unit_test(the_changes_of_a_table),
        cmocka_unit_test(a_table_of_a_stream),
        cmocka_unit_test(rows_go_one_at_a_time_where_they_meet_their_table),
        cmocka_unit_test(what_a_table_needs),
        cmocka_unit_test(versions_are_kept_where_asked_for),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(keys_that_are_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
