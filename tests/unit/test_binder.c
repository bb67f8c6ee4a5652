/* Binder: columns, types, unknown names, hosted calls, folding. */
#include "engine/nested.h"
#include "tests/support/expressions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void finds_columns(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"a.b", "long"},
        {"\"odd name\"", "long"},
        {"_key", "string"},
        {"A", "1: there is no column 'A'; did you mean 'a'? (columns: a, b, x, y, s, u, t, f, raw, "
              "tags, nums, m, recs, a.b, odd name)"},
        {"nothing_like_it",
         "1: there is no column 'nothing_like_it' (columns: a, b, x, y, s, u, t, "
         "f, raw, tags, nums, m, recs, a.b, odd name)"},
        {"recz",
         "1: there is no column 'recz'; did you mean 'recs'? (columns: a, b, x, y, s, u, t, "
         "f, raw, tags, nums, m, recs, a.b, odd name)"},
        {NULL, NULL},
    };
    fixture_check_types(cases);
}

static void reports_all_problems(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"absolut(1) + lenght(s)",
         "1: there is no function 'absolut' ;; 14: there is no function 'lenght'; did you mean "
         "'length'?"},
        {"a + (s - 1)",
         "8: `-` takes (long, long) or (double, double) or (timestamp, timestamp) or (timestamp, "
         "long), found (string, long); text becomes a number by cast(x as double)"},
        {"null", "1: the type of this null is not known: write cast(null as TYPE)"},
        {"case when f then null end",
         "1: the type of this null is not known: write cast(null as TYPE)"},
        {NULL, NULL},
    };
    fixture_check_types(cases);
}

/* ---- hosted calls ---- */

struct host {
    int calls;
    char log[200];
};

static int bind_call(void *ctx, const struct expression_call *call, const struct type **type,
                     bool *nullable, struct err *e)
{
    struct host *h = ctx;
    if (strcmp(call->name, "sum") != 0 && strcmp(call->name, "count") != 0) {
        return 0;
    }
    if (strcmp(call->name, "sum") == 0 && call->nargs != 1) {
        return err_set(e, ERR_CONFIG, "sum() takes one argument, found %d", call->nargs);
    }
    strncat(h->log, call->name, sizeof h->log - strlen(h->log) - 1);
    *type = call->nargs == 1 ? expression_type(call->arg[0]) : &type_long;
    *nullable = call->nargs == 1;
    h->calls++;
    return 1;
}

static const char *const names[] = {"sum", "count", NULL};

static void hosts_calls(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct host h = {0};
    struct expression_host host = {&h, bind_call, names};
    struct schema *outer = schema_new(&f.plan, 1);
    schema_add(outer, "k", &type_string, false, false);
    struct diags d;
    diags_init(&d);
    const struct expression *x;
    struct config_text t = fixture_text("sum(x + a) * 100.0 / count() + length(k)");
    assert_int_equal(expression_compile_hosted(&x, &f.plan, &t, outer, f.schema, &host, &d), 0);
    assert_int_equal(h.calls, 2);
    assert_string_equal(h.log, "sumcount");
    assert_int_equal(expression_type(x)->kind, TYPE_DOUBLE);
    assert_true(expression_nullable(x));
    bool needs[3] = {false};
    expression_needs(x, needs);
    assert_true(needs[0] && needs[1] && needs[2]);

    /* One row of k, sum, count. */
    struct vec col[3] = {vec_new(&f.mem, &type_string, 1), vec_new(&f.mem, &type_double, 1),
                         vec_new(&f.mem, &type_long, 1)};
    col[0].s[0] = str_copy(&f.mem, "abc", 3);
    col[1].d[0] = 5;
    col[2].i[0] = 4;
    struct batch b = {.rows = 1, .nsel = 1, .col = col, .mem = &f.mem};
    struct vec v;
    struct row_errors errors = {0};
    expression_eval(x, &b, &v, &errors);
    assert_int_equal(errors.n, 0);
    assert_true(v.d[0] == 128.0);
    diags_done(&d);
    fixture_done(&f);
}

static void check_hosted(const char *text, const char *expected)
{
    struct fixture f;
    fixture_init(&f);
    struct host h = {0};
    struct expression_host host = {&h, bind_call, names};
    struct schema *outer = schema_new(&f.plan, 1);
    schema_add(outer, "k", &type_string, false, false);
    struct diags d;
    diags_init(&d);
    const struct expression *x;
    struct config_text t = fixture_text(text);
    assert_int_equal(expression_compile_hosted(&x, &f.plan, &t, outer, f.schema, &host, &d),
                     -ERR_CONFIG);
    assert_string_equal(d.item[0].text, expected);
    diags_done(&d);
    fixture_done(&f);
}

static void refuses_wrong_hosted_calls(void **state)
{
    (void)state;
    check_hosted("sum(a, b)", "sum() takes one argument, found 2");
    check_hosted("sum(sum(a))",
                 "there is no function 'sum' here (aggregates belong into `aggregate`, "
                 "`running` or `having`, and not into each other)");
    check_hosted("a + 1",
                 "the column 'a' can only be used inside a call such as sum(a) here; outside "
                 "of calls there are: k");
    check_hosted("conut()", "there is no function 'conut'; did you mean 'count'?");
    check_hosted("sum(null)", "the type of this null is not known: write cast(null as TYPE)");
}

static void folds_constants(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct diags d;
    diags_init(&d);
    const struct expression *x;
    struct nested_value v;
    struct config_text t = fixture_text("upper('a' || 'b') || case when 1 < 2 then '!' end");
    assert_int_equal(expression_compile(&x, &f.plan, &t, f.schema, &d), 0);
    assert_true(expression_constant(x, &v));
    assert_int_equal(v.s.n, 3);
    assert_memory_equal(v.s.p, "AB!", 3);
    t = fixture_text("1 / 0");
    assert_int_equal(expression_compile(&x, &f.plan, &t, f.schema, &d), 0);
    assert_false(expression_constant(x, &v));
    t = fixture_text("now()");
    assert_int_equal(expression_compile(&x, &f.plan, &t, f.schema, &d), 0);
    assert_false(expression_constant(x, &v));
    diags_done(&d);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_columns),   cmocka_unit_test(reports_all_problems),
        cmocka_unit_test(hosts_calls),     cmocka_unit_test(refuses_wrong_hosted_calls),
        cmocka_unit_test(folds_constants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
