/* Expression: filters, needs, columns, constants, printing. */
#include "engine/nested.h"
#include "tests/support/expressions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

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

static void check_filter(struct fixture *f, const char *text, const uint16_t *rows, uint16_t nrows,
                         const uint16_t *expected, uint16_t nexpected)
{
    uint16_t sel[4], n = 99;
    struct row_errors errors = {0};
    struct batch b = batch_select(f->batch, rows, nrows);
    expression_filter(compile(f, text), &b, sel, &n, &errors);
    assert_int_equal(n, nexpected);
    assert_memory_equal(sel, expected, nexpected * sizeof *sel);
}

static void filters(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    check_filter(&f, "a > 1", NULL, 4, (const uint16_t[]){1, 3}, 2);
    check_filter(&f, "b >= 0", NULL, 4, (const uint16_t[]){0, 2}, 2);
    check_filter(&f, "b >= 0", (const uint16_t[]){1, 2, 3}, 3, (const uint16_t[]){2}, 1);
    check_filter(&f, "true", (const uint16_t[]){1, 3}, 2, (const uint16_t[]){1, 3}, 2);
    check_filter(&f, "f", NULL, 4, (const uint16_t[]){0, 3}, 2);
    check_filter(&f, "cast(null as boolean)", NULL, 4, NULL, 0);
    fixture_done(&f);
}

static void filter_reports_errors(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    uint16_t sel[4], n;
    struct row_errors errors = {0};
    expression_filter(compile(&f, "10 / b > 0"), f.batch, sel, &n, &errors);
    assert_int_equal(n, 1);
    assert_int_equal(sel[0], 0);
    assert_int_equal(errors.n, 1);
    assert_int_equal(errors.item[0].row, 2);
    fixture_done(&f);
}

static void tells_about_itself(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    bool needs[16] = {false};
    expression_needs(compile(&f, "case when f then a + 1 else length(s) end"), needs);
    for (int c = 0; c < 16; c++) {
        assert_int_equal(needs[c], c == 0 || c == 4 || c == 7);
    }
    assert_int_equal(expression_column(compile(&f, "(s)")), 4);
    assert_int_equal(expression_column(compile(&f, "s || ''")), -1);
    struct nested_value v;
    assert_true(expression_constant(compile(&f, "2 * 5m"), &v));
    assert_int_equal(v.i, 600000);
    assert_false(expression_constant(compile(&f, "a"), &v));
    fixture_done(&f);
}

static void prints(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct buffer b;
    buffer_init(&b);
    expression_print(&b, compile(&f, "x * 0.5 > 1 and 10 / a = 5"));
    assert_string_equal(buffer_cstr(&b), "* r1 c2 0.5\n"
                                         "> r2 r1 1.0\n"
                                         "enter\n"
                                         "keep-not-false r2 else 7\n"
                                         "/ r1 10 c0\n"
                                         "= r3 r1 5\n"
                                         "leave\n"
                                         "_ and _ r4 r2 r3\n"
                                         "result r4\n");
    buffer_clear(&b);
    expression_print(&b, compile(&f, "coalesce(u, 'none')"));
    assert_string_equal(buffer_cstr(&b), "new r0\nenter\nmove r0 c5\nkeep-null r0 else 6\n"
                                         "move r0 'none'\nleave\nresult r0\n");
    buffer_done(&b);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters),
        cmocka_unit_test(filter_reports_errors),
        cmocka_unit_test(tells_about_itself),
        cmocka_unit_test(prints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
