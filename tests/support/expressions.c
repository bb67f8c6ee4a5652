/* Expressions in tests: running and comparing; see expressions.h. */
#include "tests/support/expressions.h"

#include "engine/nested.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const char *take(struct fixture *f, struct buffer *b)
{
    const char *text = arena_strndup(&f->plan, b->n > 0 ? b->data : "", b->n);
    buffer_done(b);
    return text;
}

static const struct expression *compile(struct fixture *f, const char *text, struct buffer *b)
{
    struct diags d;
    diags_init(&d);
    const struct expression *x = NULL;
    struct config_text t = fixture_text(text);
    if (expression_compile(&x, &f->plan, &t, f->schema, &d) < 0) {
        assert_true(d.n > 0);
        for (int k = 0; k < d.n; k++) {
            buffer_printf(b, "%s%d: %s", k > 0 ? " ;; " : "", d.item[k].at.column - 4,
                          d.item[k].text);
        }
        x = NULL;
    } else {
        assert_int_equal(d.n, 0);
    }
    diags_done(&d);
    return x;
}

const char *fixture_eval_rows(struct fixture *f, const char *text, const uint16_t *sel,
                              uint16_t nsel)
{
    struct buffer b;
    buffer_init(&b);
    const struct expression *x = compile(f, text, &b);
    if (x != NULL) {
        struct batch part = batch_select(f->batch, sel, nsel);
        struct row_errors errors = {0};
        struct vec v;
        assert_int_equal(expression_eval(x, &part, &v, &errors), 0);
        uint16_t error = 0;
        for (uint16_t k = 0; k < nsel; k++) {
            uint16_t row = batch_row(&part, k);
            buffer_text(&b, k > 0 ? " | " : "");
            if (error < errors.n && errors.item[error].row == row) {
                buffer_printf(&b, "error: %s", errors.item[error++].text);
                assert_true(vec_is_null(&v, row));
            } else {
                vec_print(&b, &v, row);
                assert_true(expression_nullable(x) || !vec_is_null(&v, row));
            }
        }
        assert_int_equal(error, errors.n);
    }
    return take(f, &b);
}

const char *fixture_eval(struct fixture *f, const char *text)
{
    return fixture_eval_rows(f, text, NULL, f->batch->rows);
}

const char *fixture_type(struct fixture *f, const char *text)
{
    struct buffer b;
    buffer_init(&b);
    const struct expression *x = compile(f, text, &b);
    if (x != NULL) {
        type_print(&b, expression_type(x));
        buffer_text(&b, expression_nullable(x) ? "?" : "");
    }
    return take(f, &b);
}

static void check(const struct eval_case *cases,
                  const char *(*result)(struct fixture *f, const char *text))
{
    struct fixture f;
    fixture_init(&f);
    int failed = 0;
    for (; cases->text != NULL; cases++) {
        const char *actual = result(&f, cases->text);
        if (strcmp(actual, cases->expected) != 0) {
            print_message("%s\n  expected: %s\n  actual:   %s\n", cases->text, cases->expected,
                          actual);
            failed++;
        }
    }
    fixture_done(&f);
    assert_int_equal(failed, 0);
}

void fixture_check(const struct eval_case *cases)
{
    check(cases, fixture_eval);
}

void fixture_check_types(const struct eval_case *cases)
{
    check(cases, fixture_type);
}
