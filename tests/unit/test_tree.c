/* Trees as text: spaces do not show, everything else does. */
#include "engine/buffer.h"
#include "engine/expression/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void print(struct buffer *b, const char *text)
{
    struct arena a;
    struct diags d;
    struct config_text whole = {.text = text};
    struct source s = {&whole, &d};
    arena_init(&a);
    diags_init(&d);
    buffer_clear(b);
    tree_print(b, parser_read(&a, &s));
    assert_int_equal(d.n, 0);
    diags_done(&d);
    arena_done(&a);
}

static void forms(void **state)
{
    (void)state;
    static const char *const form[][2] = {
        {" a.b*2", "(op * (column a.b) (long 2))"},
        {"A  is not null", "(!is null (column A))"},
        {"x not in (1, 2.5)", "(!in (column x) (long 1) (double 2.5))"},
        {"case when t then 'it''s' end", "(case () (column t) (string 4:it's) ())"},
        {"try_cast(v as long)", "(!cast long (column v))"},
        {"LOWER(m['k'])", "(call lower (index (column m) (string 1:k)))"},
        {"-x", "(op neg (column x))"},
        {"true and null", "(and (boolean 1) (null))"},
    };
    struct buffer b;
    buffer_init(&b);
    for (size_t i = 0; i < sizeof form / sizeof *form; i++) {
        print(&b, form[i][0]);
        assert_string_equal(buffer_cstr(&b), form[i][1]);
    }
    buffer_done(&b);
}

static void equal_when_the_same(void **state)
{
    (void)state;
    static const char *const pair[][2] = {{"a+b*c", "(a + (b * c))"}, {"f( x )", "f(x)"}};
    static const char *const other[][2] = {{"a - b - c", "a - (b - c)"},
                                           {"'1'", "1"},
                                           {"1", "1.0"},
                                           {"x", "'x'"},
                                           {"f(x)", "f(x, x)"}};
    struct buffer x, y;
    buffer_init(&x);
    buffer_init(&y);
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        print(&x, pair[i][0]);
        print(&y, pair[i][1]);
        assert_string_equal(buffer_cstr(&x), buffer_cstr(&y));
    }
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        print(&x, other[i][0]);
        print(&y, other[i][1]);
        assert_string_not_equal(buffer_cstr(&x), buffer_cstr(&y));
    }
    buffer_done(&x);
    buffer_done(&y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(equal_when_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
