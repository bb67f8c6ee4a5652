/* Evaluator: selections, branches, errors, shared columns, empty batches. */
#include "tests/support/expressions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void takes_branches(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"case when a > 1 then 'big' when a < 0 then 'neg' else 'one' end",
         "one | big | neg | big"},
        {"case when a > 1 then 'big' when a < 0 then 'neg' end", "null | big | neg | big"},
        {"case a when 1 then 'one' when 2 then 'two' else s end",
         "one | two | Grüße aus Köln | a,b,c"},
        {"case when b is null then 0 when b = 0 then -1 else 10 / b end", "1 | 0 | -1 | -10"},
        {"case when f then 1 / 0 else 2 end",
         "error: division by zero: 1 / 0 | 2 | 2 | error: division by zero: 1 / 0"},
        {"case when 10 / b > 0 then 1 else 2 end", "1 | 2 | error: division by zero: 10 / 0 | 2"},
        {"case b when 10 then 1 / (b - 10) when 0 then 5 end",
         "error: division by zero: 1 / 0 | null | 5 | null"},
        {"case case when f then 1 else 2 end when 1 then 'x' else 'y' end", "x | y | y | x"},
        {"coalesce(case when f then b end, a)", "10 | 2 | -3 | -1"},
        {"case when a > 100 then coalesce(u, s) || 'x' else '' end", " |  |  | 7x"},
        {"case when false then 1 / 0 when true then 2 end", "2 | 2 | 2 | 2"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void works_on_selections(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    const uint16_t sel[] = {0, 2};
    assert_string_equal(fixture_eval_rows(&f, "a + 1", sel, 2), "2 | -2");
    assert_string_equal(fixture_eval_rows(&f, "b / b", sel, 2),
                        "1 | error: division by zero: 0 / 0");
    assert_string_equal(fixture_eval_rows(&f, "coalesce(u, s) || '!'", sel, 2),
                        "x! | long text: over twelve bytes!");
    assert_string_equal(fixture_eval_rows(&f, "case when a = 1 then s else u end", sel, 2),
                        "abc | long text: over twelve bytes");
    assert_string_equal(fixture_eval_rows(&f, "a", sel, 0), "");
    assert_string_equal(fixture_eval_rows(&f, "1 / (a - a)", sel, 0), "");
    fixture_done(&f);
}

static const struct expression *compile(struct fixture *f, const char *text)
{
    struct diags d;
    diags_init(&d);
    const struct expression *x;
    struct config_text t = fixture_text(text);
    assert_int_equal(expression_compile(&x, &f->plan, &t, f->schema, &d), 0);
    diags_done(&d);
    return x;
}

static void shares_columns(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct vec v;
    struct row_errors errors = {0};
    expression_eval(compile(&f, "s"), f.batch, &v, &errors);
    assert_ptr_equal(v.s, f.batch->col[4].s);
    expression_eval(compile(&f, "coalesce(s, u)"), f.batch, &v, &errors);
    assert_ptr_equal(v.s, f.batch->col[4].s);
    fixture_done(&f);
}

static void orders_errors_by_row(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct vec v;
    struct row_errors errors = {0};
    /* Rows 0 and 3 fail in the second branch, row 2 in the first: rows come in order, once each. */
    const char *text = "case when a < 0 then 1 / (a + 3) else a / (a % 1) end + 1 / (b * 0)";
    expression_eval(compile(&f, text), f.batch, &v, &errors);
    assert_int_equal(errors.n, 4);
    for (uint16_t k = 0; k < errors.n; k++) {
        assert_int_equal(errors.item[k].row, k);
        assert_true(vec_is_null(&v, k));
        assert_int_equal(v.i[k], 0);
    }
    assert_string_equal(errors.item[2].text, "division by zero: 1 / 0");
    assert_string_equal(errors.item[3].text, "division by zero: 9223372036854775807 / 0");
    fixture_done(&f);
}

static void null_rows_hold_zeroes(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static const char *const texts[] = {
        "b + 1",        "u || 'a long enough text'",   "y * 2", "f and f",
        "nullif(a, 2)", "case when a <> 2 then s end", "m['z']"};
    for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
        struct vec v;
        struct row_errors errors = {0};
        expression_eval(compile(&f, texts[k]), f.batch, &v, &errors);
        assert_true(vec_is_null(&v, 1));
        static const char zeroes[16];
        size_t width = vec_width(v.type);
        assert_memory_equal((const char *)v.data + width, zeroes, width);
    }
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_branches),        cmocka_unit_test(works_on_selections),
        cmocka_unit_test(shares_columns),        cmocka_unit_test(orders_errors_by_row),
        cmocka_unit_test(null_rows_hold_zeroes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
