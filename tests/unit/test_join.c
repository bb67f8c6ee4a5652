/* join in a topology: its options, its columns, and what is refused. */
#include "tests/unit/plan_harness.h"

#include <stdio.h>

#define SIDES                                                                                      \
    HEAD                                                                                           \
        "  a:\n    from: {topic: a, value: json, key: {k: string}, columns: {k: string, x: long, " \
        "y: double}}\n"                                                                            \
        "  b:\n    from: {topic: b, value: json, key: {k: string}, columns: {k: string, x: long, " \
        "z: string, n: long}}\n"
#define JOIN(options)                                                                              \
    SIDES "  j:\n    from: a\n    steps:\n      - join: " options "\n    to: out\n"

/* The visible columns that come out and the names of the key. */
static void assert_columns(const char *text, const char *columns, const char *key)
{
    struct plan_rig r;
    struct buffer b;
    buffer_init(&b);
    plan(&r, text);
    const struct schema *s = r.plan->vertex[plan_rig_vertex(&r, VERTEX_STEP, "j")]->out[0];
    schema_print(&b, s);
    assert_string_equal(buffer_cstr(&b), columns);
    buffer_clear(&b);
    for (uint16_t i = 0; i < s->nkey; i++) {
        buffer_printf(&b, "%s%s", i ? "," : "", s->col[s->key[i]].name);
    }
    assert_string_equal(buffer_cstr(&b), key);
    buffer_done(&b);
    plan_rig_done(&r);
}

static void columns(void **state)
{
    (void)state;
    assert_columns(JOIN("{with: b, within: 1s}"),
                   "k: string, x: long?, y: double?, b_x: long?, z: string?, n: long?", "k");
    assert_columns(JOIN("{with: b, type: outer, within: 1s}"),
                   "k: string?, x: long?, y: double?, b_x: long?, z: string?, n: long?", "k");
    assert_columns(JOIN("{with: b, on: {x: n}, within: 1s}"),
                   "k: string?, x: long, y: double?, b_k: string?, b_x: long?, z: string?", "x");
    assert_columns(JOIN("{with: b, on: [k, x], within: 1s}"),
                   "k: string, x: long, y: double?, z: string?, n: long?", "k,x");
    assert_columns(JOIN("{with: b, on: {x: x, k: z}, within: 1s}"),
                   "k: string, x: long, y: double?, b_k: string?, n: long?", "x,k");
}

/* Columns that are never null become so on the side that may be missing. */
static void nullable(void **state)
{
    (void)state;
#define WINDOWS(type)                                                                              \
    HEAD IN("{host: string}") "  w: {from: in, steps: [" COUNT "]}\n"                              \
                              "  j:\n    from: w\n    steps:\n      - join: {with: w, type: " type \
                              ", within: 1s}\n    to: out\n"
    const char *const times = "host: string, window_start: timestamp%s, window_end: timestamp%s, "
                              "n: long%s, w_window_start: timestamp%s, w_window_end: timestamp%s, "
                              "w_n: long%s";
    const struct {
        const char *text, *left, *right;
    } c[] = {{WINDOWS("inner"), "", ""}, {WINDOWS("left"), "", "?"}, {WINDOWS("outer"), "?", "?"}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        struct buffer b;
        buffer_init(&b);
        const char *side[] = {c[i].left, c[i].left, c[i].left, c[i].right, c[i].right, c[i].right};
        const char *p = times;
        for (int k = 0; k < 6; k++) {
            const char *at = strstr(p, "%s");
            buffer_add(&b, p, (size_t)(at - p));
            buffer_text(&b, side[k]);
            p = at + 2;
        }
        struct plan_rig r;
        struct buffer found;
        buffer_init(&found);
        plan(&r, c[i].text);
        schema_print(&found, r.plan->vertex[plan_rig_vertex(&r, VERTEX_STEP, "j")]->out[0]);
        /* the key of a window is nullable as its input's was */
        const char *rest = strchr(buffer_cstr(&found), ',');
        assert_string_equal(rest, strchr(buffer_cstr(&b), ','));
        plan_rig_done(&r);
        buffer_done(&found);
        buffer_done(&b);
    }
}

/* The record key as it is: hidden, and the key of the result. */
static void plain_record_keys(void **state)
{
    (void)state;
    assert_columns(
        HEAD "  a:\n    from: {topic: a, value: json, columns: {x: long}}\n"
             "  b:\n    from: {topic: b, value: json, columns: {x: long}}\n"
             "  j:\n    from: a\n    steps:\n      - join: {with: b, within: 1s}\n    to: out\n",
        "x: long?, b_x: long?", "_key");
}

static void lag_of(const char *text, int64_t expected)
{
    struct plan_rig r;
    plan(&r, text);
    const struct node *n = r.plan->vertex[plan_rig_vertex(&r, VERTEX_STEP, "j")]->node;
    assert_int_equal(n->def->lag(n), expected);
    plan_rig_done(&r);
}

static void lags(void **state)
{
    (void)state;
    lag_of(JOIN("{with: b, within: 1s, grace: 2s}"), 0);
    lag_of(JOIN("{with: b, type: left, within: 1s, grace: 2s}"), 3000);
    lag_of(JOIN("{with: b, type: left, within: {before: 5s, after: 1s}, grace: 2s}"), 3000);
    lag_of(JOIN("{with: b, type: outer, within: {before: 5s, after: 1s}, grace: 2s}"), 7000);
    lag_of(JOIN("{with: b, type: outer, within: {after: 1s}}"), 1000);
}

#define TABLES(steps)                                                                              \
    "name: t\ntables:\n"                                                                           \
    "  a: {from: {topic: a, value: json, key: {k: string}, columns: {k: string, x: long}}}\n"      \
    "  b: {from: {topic: b, value: json, key: {k: string}, columns: {k: string, x: long}}}\n"      \
    "streams:\n"                                                                                   \
    "  e: {from: {topic: e, value: json, key: {k: string}, columns: {k: string, v: long}}}\n"      \
    "  j:\n    from: a\n    steps:\n" steps "    to: out\n"

static void last_columns(const char *text, const char *columns)
{
    struct plan_rig r;
    struct buffer b;
    buffer_init(&b);
    plan(&r, text);
    schema_print(&b, r.plan->sink[0]->schema);
    assert_string_equal(buffer_cstr(&b), columns);
    buffer_done(&b);
    plan_rig_done(&r);
}

static void tables(void **state)
{
    (void)state;
    last_columns(TABLES("      - join: {with: b}\n"), "k: string, x: long?, b_x: long?");
    last_columns(TABLES("      - join: {with: b, type: outer, on: k}\n"),
                 "k: string, x: long?, b_x: long?");
    lag_of(TABLES("      - join: {with: b, type: outer}\n"), 0);
    /* by time, the changes of both are events */
    lag_of(TABLES("      - join: {with: b, type: outer, within: 2s}\n"), 2000);
    /* steps that keep the rows of a table what they are */
    last_columns(TABLES("      - filter: x > 1\n      - add: x + 1 as y\n      - rename: {z: x}\n"
                        "      - drop: [y]\n      - key_by: k\n      - select: k, z\n"
                        "      - lookup: {table: b, take: {w: x}}\n      - join: {with: b}\n"),
                 "k: string, z: long?, w: long?, x: long?");
}

static void refused_with_tables(void **state)
{
    (void)state;
    assert_refused(
        TABLES("      - join: {with: e}\n"),
        "without `within` both sides must be updates of a table: \"j\" has such, but the "
        "rows of \"e\" are events. Make a table of these, `tables: {NAME: {from: e}}`, "
        "and join that; or add the table's row to each event, `lookup: {table: …}`; or "
        "join both as events, `within: DURATION`");
    const char *const events[] = {"      - lookup: {table: b, take: {w: x}, type: inner}\n",
                                  "      - dedupe: {within: 1s}\n",
                                  "      - sample: {rate: 0.5}\n",
                                  "      - key_by: lower(k) as k\n",
                                  "      - running: count() as n\n",
                                  "      - aggregate: max(x) as x\n      - filter: x > 1\n"};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        char text[1000];
        snprintf(text, sizeof text, TABLES("%s      - join: {with: b}\n"), events[i]);
        assert_refused(text, "\"b\" has such, but the rows of \"j\" are events");
    }
    assert_refused(TABLES("      - join: {with: b, grace: 1s}\n"),
                   "`grace` is for rows that wait, `within` a time");
    assert_refused(
        TABLES("      - join: {with: b, on: {k: x}}\n"),
        "tables meet by the keys that they have, and the rows of \"b\" have another one: "
        "leave `on` out; or make a table with that key, `tables: {NAME: {from: b, key: "
        "COLUMN}}`");
    assert_refused(TABLES("      - join: {with: c}\n"), "there is no stream \"c\"");
}

static void refused(void **state)
{
    (void)state;
    assert_refused(JOIN("{with: b}"),
                   "10:9 streams.j.steps[1].join: a join of two streams needs `within: DURATION`, "
                   "how far apart the event times of partners may be, as rows cannot wait for "
                   "ever; to look up the latest row of a key, whatever its time, use `lookup` "
                   "with a table");
    assert_refused(JOIN("{within: 1s}"), "key `with` is missing");
    assert_refused(JOIN("{with: bb, within: 1s}"),
                   "10:22 streams.j.steps[1].join.with: there is no stream \"bb\": did you mean "
                   "\"b\"?");
    assert_refused(JOIN("{with: b, within: 1s, typ: left}"), "did you mean `type`?");
    assert_refused(
        JOIN("{with: b, within: 1s, type: right}"),
        "10:43 streams.j.steps[1].join.type: expected inner, left or outer, found \"right\"");
    assert_refused(JOIN("{with: b, within: ten}"), "streams.j.steps[1].join.within: expected");
    assert_refused(JOIN("{with: b, within: {befor: 1s}}"), "did you mean `before`?");
    assert_refused(JOIN("{with: b, within: 200000d}"), "streams.j.steps[1].join.within");
    assert_refused(JOIN("{with: b, within: 1s, grace: 200000d}"), "streams.j.steps[1].join.grace");
    assert_refused(JOIN("{with: b, on: kk, within: 1s}"),
                   "10:29 streams.j.steps[1].join.on: stream \"j\" has no column \"kk\": did you "
                   "mean \"k\"?");
    assert_refused(JOIN("{with: b, on: {k: zz}, within: 1s}"),
                   "stream \"b\" has no column \"zz\": did you mean \"z\"?");
    assert_refused(JOIN("{with: b, on: [], within: 1s}"),
                   "10:29 streams.j.steps[1].join.on: expected what must be equal: a column, a "
                   "list of columns, or a map {left: right} where the names differ");
    assert_refused(JOIN("{with: b, on: [[k]], within: 1s}"), "expected what must be equal");
    assert_refused(JOIN("{with: b, on: {k: [z]}, within: 1s}"), "expected what must be equal");
    assert_refused(JOIN("{with: b, on: [k, k], within: 1s}"), "column \"k\" is named twice");
    assert_refused(JOIN("{with: b, on: {k: z, x: z}, within: 1s}"), "column \"z\" is named twice");
    assert_refused(JOIN("{with: b, on: {k: x}, within: 1s}"),
                   "rows meet by equal keys, but \"k\" of \"j\" and \"x\" of \"b\" are string and "
                   "long: cast one of them with `add`");
    assert_refused(SIDES "  j:\n    from: a\n    steps:\n      - add: x as b_x\n"
                         "      - join: {with: b, within: 1s}\n    to: out\n",
                   "both streams have a column \"x\", but the right one's cannot come out as "
                   "\"b_x\", which is there too: put a `rename` before the join");
}

/* Behind a step that could not be planned, only what is wrong itself is said. */
static void no_echoes(void **state)
{
    (void)state;
    struct plan_rig r;
    assert_int_equal(plan_rig_init(&r,
                                   SIDES "  j:\n    from: a\n    steps:\n      - add: q + 1 as w\n"
                                         "      - join: {with: b, within: 1s}\n"
                                         "      - filter: w > 1 and b_x > 1\n    to: out\n"),
                     -4);
    assert_int_equal(r.diags.n, 1);
    plan_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns),
        cmocka_unit_test(nullable),
        cmocka_unit_test(plain_record_keys),
        cmocka_unit_test(lags),
        cmocka_unit_test(tables),
        cmocka_unit_test(refused_with_tables),
        cmocka_unit_test(refused),
        cmocka_unit_test(no_echoes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
