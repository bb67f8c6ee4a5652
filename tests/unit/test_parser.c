/* Parser: precedence, forms, faults with their columns, limits of nesting. */
#include "engine/buffer.h"
#include "engine/expression/tree.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void print(struct buffer *b, const struct node *x)
{
    static const char *const names[] = {
        "null", "boolean", "long", "double",  "string", "column", ".",  "[]",   "call", "op",
        "and",  "or",      "not",  "between", "in",     "like",   "is", "case", "cast"};
    if (x == NULL) {
        buffer_text(b, "-");
        return;
    }
    if (x->kind == NODE_LONG || x->kind == NODE_BOOLEAN) {
        buffer_printf(b, "%" PRId64, x->i);
    } else if (x->kind == NODE_DOUBLE) {
        buffer_printf(b, "%g", x->d);
    } else if (x->kind == NODE_STRING) {
        buffer_printf(b, "'%s'", x->name);
    } else if (x->kind == NODE_COLUMN) {
        buffer_text(b, x->name);
    } else {
        bool has_name = x->kind == NODE_OPERATOR;
        buffer_printf(b, "(%s%s", x->negated ? "!" : "", has_name ? x->name : names[x->kind]);
        if (x->name != NULL && (x->kind == NODE_CALL || x->kind == NODE_CAST ||
                                x->kind == NODE_IS || x->kind == NODE_FIELD)) {
            buffer_printf(b, " %s", x->name);
        }
        for (int k = 0; k < x->n; k++) {
            buffer_text(b, " ");
            print(b, x->child[k]);
        }
        buffer_text(b, ")");
    }
}

static void check_text(const struct config_text *text, const char *expected)
{
    struct arena a;
    arena_init(&a);
    struct diags d;
    diags_init(&d);
    struct source s = {text, &d};
    struct buffer b;
    buffer_init(&b);
    const struct node *x = parser_read(&a, &s);
    if (x != NULL) {
        print(&b, x);
    } else {
        assert_int_equal(d.n, 1);
        buffer_printf(&b, "%d: %s", d.item[0].at.column, d.item[0].text);
    }
    assert_string_equal(buffer_cstr(&b), expected);
    buffer_done(&b);
    diags_done(&d);
    arena_done(&a);
}

static void check(const char *text, const char *expected)
{
    struct config_text t = {.text = text, .at = {"f.yaml", 1, 1}, .path = "p", .in_place = true};
    check_text(&t, expected);
}

static void knows_precedence(void **state)
{
    (void)state;
    check("a + b * c", "(+ a (* b c))");
    check("a * b + c", "(+ (* a b) c)");
    check("a - b - c", "(- (- a b) c)");
    check("(a - b) - -c", "(- (- a b) (neg c))");
    check("-a * b", "(* (neg a) b)");
    check("a || b + c", "(|| a (+ b c))");
    check("a || b = c", "(= (|| a b) c)");
    check("not a = b and c or d", "(or (and (not (= a b)) c) d)");
    check("a or b and c", "(or a (and b c))");
    check("a = 1 and b <> 2", "(and (= a 1) (<> b 2))");
    check("NOT a OR NOT b", "(or (not a) (not b))");
    check("a % 2 = 0", "(= (% a 2) 0)");
    check("-5", "-5");
    check("- 5 + 1", "(+ -5 1)");
    check("-9223372036854775808", "-9223372036854775808");
    check("+a", "a");
    check("a.b.c", "a.b.c");
    check("a[0].b['k']", "([] (. b ([] a 0)) 'k')");
    check("\"odd name\".x", "odd name.x");
    check("-a[0]", "(neg ([] a 0))");
}

static void knows_forms(void **state)
{
    (void)state;
    check("a between 1 and 2 and b", "(and (between a 1 2) b)");
    check("a not between b + 1 and c", "(!between a (+ b 1) c)");
    check("a in (1, 2)", "(in a 1 2)");
    check("a not in (1)", "(!in a 1)");
    check("a like 'x%'", "(like a 'x%')");
    check("a not like b || 'x'", "(!like a (|| b 'x'))");
    check("a is null", "(is null a)");
    check("a is not true", "(!is true a)");
    check("a = b is null", "(is null (= a b))");
    check("case when a then 1 end", "(case - a 1 -)");
    check("case a when 1 then 2 when 3 then 4 else 5 end", "(case a 1 2 3 4 5)");
    check("cast(a as array<string>)", "(cast array<string> a)");
    check("TRY_CAST(a AS Long)", "(!cast long a)");
    check("Abs(a)", "(call abs a)");
    check("now()", "(call now)");
    check("count(*)", "(call count)");
    check("extract(hour from t)", "(call extract 'hour' t)");
    check("extract('hour', t)", "(call extract 'hour' t)");
    check("true and null", "(and 1 (null))");
}

static void says_where(void **state)
{
    (void)state;
    check("a +", "4: expected a value, found the end of the expression");
    check("a + * b", "5: expected a value, found `*`");
    check("a b", "3: expected an operator or the end of the expression, found `b`");
    check("(a", "3: expected `)` to close the bracket, found the end of the expression");
    check("a)", "2: the bracket `)` was never opened");
    check("a, b", "2: expected one expression, found a comma behind it");
    check("a as b", "3: `as` names a column only where a list of expressions is expected");
    check("f(a",
          "4: expected `)` after the arguments of the call, found the end of the expression");
    check("a = b = c", "7: comparisons cannot be chained: join them with `and`, or use brackets");
    check("a < b between c and d",
          "7: comparisons cannot be chained: join them with `and`, or use brackets");
    check("a is 5", "6: expected null, true or false after `is`, found `5`");
    check("a in 5", "6: expected `(` after `in`, found `5`");
    check("end = 1",
          "1: expected a value, found the keyword `end`; a column of that name is written "
          "\"end\" in double quotes");
    check("case a end", "8: expected `when` in `case`, found `end`");
    check("case when a then b",
          "19: expected `end` to close `case`, found the end of the expression");
    check("9223372036854775808", "1: the number does not fit a long (64 bits)");
    check("ü + $", "5: the character '$' means nothing here");
    check("", "1: an expression is expected, the text is empty");
    check("cast(a)", "7: expected `as` before the type of the cast, found `)`");
    check("a[1", "4: expected `]` after the index, found the end of the expression");
}

static void says_where_without_place(void **state)
{
    (void)state;
    struct config_text t = {.text = "a +", .at = {"f.yaml", 7, 9}, .path = "p"};
    check_text(&t, "9: expected a value, found the end of the expression (character 4 of the "
                   "expression)");
    struct config_text missing = {.at = {"f.yaml", 7, 9}, .path = "p"};
    check_text(&missing, "9: an expression is expected (character 1 of the expression)");
}

static void explains_commas_of_flow_maps(void **state)
{
    (void)state;
    struct config_text t = {
        .text = "coalesce(a", .at = {"f.yaml", 1, 1}, .in_place = true, .flow = true};
    check_text(&t,
               "11: the brackets of the expression do not match: inside {…} or […] a comma ends "
               "the value, so put the whole expression in double quotes");
    t.text = "a +";
    check_text(&t, "4: expected a value, found the end of the expression");
}

static void limits_nesting(void **state)
{
    (void)state;
    static char text[20000];
    memset(text, '(', 5000);
    check(text, "201: the expression is nested more than 200 deep");
    for (int k = 0; k < 5000; k++) {
        memcpy(text + 4 * k % 16000, "not ", 4);
    }
    check(text, "801: the expression is nested more than 200 deep");
    memset(text, 0, sizeof text);
    for (int k = 0; k < 9999; k++) {
        memcpy(text + 2 * k, k % 2 ? "+ " : "1 ", 2);
    }
    check(text, "3999: the expression has more than 1000 operators in a chain");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_precedence),
        cmocka_unit_test(knows_forms),
        cmocka_unit_test(says_where),
        cmocka_unit_test(says_where_without_place),
        cmocka_unit_test(explains_commas_of_flow_maps),
        cmocka_unit_test(limits_nesting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
