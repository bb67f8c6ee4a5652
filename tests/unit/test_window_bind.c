/* Binding of a window: columns of the result, shared calls, and what users are told. */
#include "tests/unit/window_harness.h"

#include "windows/window_internal.h"

static void result_columns(void **state)
{
    (void)state;
    struct harness h;
    assert_int_equal(harness_bind(&h,
                                  "tumbling: 10s\n"
                                  "aggregate:\n"
                                  "  n: count()\n"
                                  "  share: sum(v) * 100.0 / count()\n"
                                  "  width: window_end - window_start\n"
                                  "  again: sum(v)\n",
                                  NULL),
                     0);
    struct buffer b;
    buffer_init(&b);
    schema_print(&b, h.node.out[0]);
    assert_string_equal(buffer_cstr(&b), "host: string, window_start: timestamp, window_end: "
                                         "timestamp, n: long, share: double?, width: long, "
                                         "again: long?");
    assert_true(h.node.out[0]->keyed);
    assert_int_equal(h.node.out[0]->nkey, 1);
    assert_int_equal(h.node.out[0]->key[0], 0);
    const struct window_plan *p = h.node.bound;
    assert_int_equal(p->window.ncalls, 2); /* count() and sum(v), each once */
    buffer_done(&b);
    harness_done(&h);
}

static void equal_calls_share_a_state(void **state)
{
    (void)state;
    struct harness h;
    assert_int_equal(harness_bind(&h,
                                  "tumbling: 10s\n"
                                  "aggregate:\n"
                                  "  a: quantile(d, 0.5)\n"
                                  "  b: quantile(d, 0.9)\n"
                                  "  c: quantile(d, 0.50) - quantile(v, 0.5)\n"
                                  "  e: quantile(d, 1)\n"
                                  "  f: quantile(d, 1.0)\n"
                                  "  g: quantile(d + 0, 0.5)\n"
                                  "  h: top_k(s, 3)[0]\n"
                                  "having: quantile(d, 0.9) > 1 and top_k(s, 3)[1] is null\n",
                                  NULL),
                     0);
    const struct window_plan *p = h.node.bound;
    assert_int_equal(p->window.ncalls, 7);
    harness_done(&h);
}

static void several_key_columns(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct schema *s = schema_new(&a, 3);
    schema_add(s, "x", &type_double, true, false);
    s->key[0] = schema_add(s, "_key", &type_long, true, true);
    s->key[1] = schema_add(s, "rack", &type_string, true, false);
    s->nkey = 2;
    s->keyed = true;
    struct harness h;
    assert_int_equal(harness_bind(&h, "{tumbling: 1m, aggregate: max(x) as top}", s), 0);
    const struct schema *out = h.node.out[0];
    assert_int_equal(out->nkey, 2);
    assert_string_equal(out->col[0].name, "_key");
    assert_true(out->col[0].hidden);
    assert_false(out->col[0].nullable);
    assert_string_equal(out->col[1].name, "rack");
    assert_int_equal(out->key[1], 1);
    harness_done(&h);
    arena_done(&a);
}

/* Binding fails, and one of the problems says this. */
static void assert_refused(const char *text, const char *message)
{
    struct harness h;
    assert_int_equal(harness_bind(&h, text, NULL), -ERR_CONFIG);
    bool found = false;
    for (int i = 0; i < h.diags.n; i++) {
        found = found || strstr(h.diags.item[i].text, message) != NULL;
    }
    if (!found) {
        print_message("wanted: %s\n", message);
        harness_print_diags(&h);
    }
    assert_true(found);
    harness_done(&h);
}

static void problems_are_named(void **state)
{
    (void)state;
    assert_refused("{aggregate: count() as n}", "a window needs one of tumbling, hopping");
    assert_refused("{tumbling: 5s, session: 5s, aggregate: count() as n}",
                   "either tumbling or session, not both");
    assert_refused("{tumbling: 0s, aggregate: count() as n}", "");
    assert_refused("{tumbling: soon, aggregate: count() as n}", "");
    assert_refused("{hopping: 5s, aggregate: count() as n}",
                   "hopping takes a map: {size: …, every: …}");
    assert_refused("{tumbling: 5s}", "aggregate");
    assert_refused("{tumbling: 5s, aggregate: coutn() as n}", "count");
    assert_refused("{tumbling: 5s, aggregate: sum() as n}", "sum takes 1 argument, not 0");
    assert_refused("{tumbling: 5s, aggregate: \"count(v, d) as n\"}",
                   "count takes 0 to 1 arguments, not 2");
    assert_refused("{tumbling: 5s, aggregate: sum(s) as n}", "sum wants a number, not string");
    assert_refused("{tumbling: 5s, aggregate: \"v as n\"}", "v");
    assert_refused("{tumbling: 5s, aggregate: sum(nope) as n}", "nope");
    assert_refused("{tumbling: 5s, aggregate: \"count() as n, sum(v) as n\"}", "n");
    assert_refused("{tumbling: 5s, aggregate: \"count() as host\"}", "two columns named \"host\"");
    assert_refused("{tumbling: 5s, aggregate: sum(count()) as n}", "count");
    assert_refused("{tumbling: 5s, aggregate: count() as n, having: n + 1}",
                   "having must be true or false");
}

static void what_is_not_there_is_refused(void **state)
{
    (void)state;
    assert_refused("{count: 5, aggregate: count() as n, emit: {every: 5s}}",
                   "count windows have no emit: {every: …}: without `emit` they emit `final`");
    assert_refused("{count: 5, aggregate: count() as n, emit: updates}",
                   "`emit: final` is all it can do");
    assert_refused("{tumbling: 5s, aggregate: count() as n, emit: {evry: 5s}}", "every");
    assert_refused("{tumbling: 5s, aggregate: count() as n, emit: {every: 0s}}", "at least 1ms");
    assert_refused("{tumbling: 5s, aggregate: count() as n, emit: fnal}", "expected final");
    assert_refused("{tumbling: 5s, aggregate: count() as n, fill: nil}", "zero");
    assert_refused("{session: 5s, aggregate: count() as n, fill: zero}",
                   "fill is for tumbling and hopping windows");
    assert_refused("{tumbling: 5s, aggregate: count() as n, fill: zero, emit: updates}",
                   "fill needs `emit: final`");
}

static void names_that_windows_need(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct schema *s = schema_new(&a, 1);
    s->key[s->nkey++] = schema_add(s, "window_end", &type_timestamp, true, false);
    s->keyed = true;
    struct harness h;
    assert_int_equal(harness_bind(&h, "{tumbling: 1m, aggregate: count() as n}", s), -ERR_CONFIG);
    assert_non_null(strstr(h.diags.item[0].text, "window_end"));
    harness_done(&h);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(result_columns),          cmocka_unit_test(several_key_columns),
        cmocka_unit_test(problems_are_named),      cmocka_unit_test(what_is_not_there_is_refused),
        cmocka_unit_test(names_that_windows_need), cmocka_unit_test(equal_calls_share_a_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
