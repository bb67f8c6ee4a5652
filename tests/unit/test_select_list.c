/* Select lists: cutting, names, places, faults. */
#include "tests/support/expressions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* "a=[a]@5 c=[b * 2]@8" or the problems. */
static void read(const struct config_list *list, char *out, size_t size)
{
    struct arena a;
    arena_init(&a);
    struct diags d;
    diags_init(&d);
    struct named_expression *item;
    int n;
    size_t at = 0;
    out[0] = 0;
    if (expression_list(&item, &n, &a, list, &d) == 0) {
        for (int k = 0; k < n; k++) {
            at += (size_t)snprintf(out + at, size - at, "%s%s=[%s]@%d", k > 0 ? " " : "",
                                   item[k].name, item[k].text.text, item[k].at.column);
        }
    } else {
        for (int k = 0; k < d.n; k++) {
            at += (size_t)snprintf(out + at, size - at, "%s%d: %s", k > 0 ? " ;; " : "",
                                   d.item[k].at.column, d.item[k].text);
        }
    }
    diags_done(&d);
    arena_done(&a);
}

static void check(const char *text, const char *expected)
{
    char actual[1024];
    struct config_item item = {NULL, fixture_text(text)};
    struct config_list list = {1, &item};
    read(&list, actual, sizeof actual);
    assert_string_equal(actual, expected);
}

static void cuts_lists(void **state)
{
    (void)state;
    check("a", "a=[a]@5");
    check("a, b * 2 as c", "a=[a]@5 c=[b * 2]@8");
    check("a.b, \"odd name\"", "a.b=[a.b]@5 odd name=[\"odd name\"]@10");
    check("coalesce(a, b) as c, x[f(1, 2)] as y", "c=[coalesce(a, b)]@5 y=[x[f(1, 2)]]@26");
    check("'a, b' as s", "s=['a, b']@5");
    check("cast(a as long) as n", "n=[cast(a as long)]@5");
    check("ü as x, b AS \"two words\"", "x=[ü]@5 two words=[b]@13");
}

static void finds_faults(void **state)
{
    (void)state;
    check("a + 1", "5: this expression needs a name: write `… as NAME`");
    check("a, , b", "8: expected an expression: there is a comma too many");
    check("a,", "7: expected an expression: there is a comma too many");
    check("a as", "9: expected a name after `as`");
    check("a as 5", "10: expected a name after `as`");
    check("as b", "5: expected an expression before `as`");
    check("*", "5: `*` is not a list of columns: name them, or use `add` to keep all");
    check("f(a, b as c", "15: the brackets of the list do not match");
    check("a, b as a", "8: two expressions are named 'a'");
    check("'x", "5: the text that begins here does not end: a ' is missing");
    check("", "5: a list of expressions is expected, the text is empty");
    check("a + 1, b * 2",
          "5: this expression needs a name: write `… as NAME` ;; 12: this expression "
          "needs a name: write `… as NAME`");
}

static void takes_maps_and_lists(void **state)
{
    (void)state;
    char actual[256];
    struct config_item items[] = {{"n", fixture_text("a + 1")}, {NULL, fixture_text("b, x as y")}};
    struct config_list list = {2, items};
    read(&list, actual, sizeof actual);
    assert_string_equal(actual, "n=[a + 1]@5 b=[b]@5 y=[x]@8");
    list.n = 0;
    read(&list, actual, sizeof actual);
    assert_string_equal(actual, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_lists),
        cmocka_unit_test(finds_faults),
        cmocka_unit_test(takes_maps_and_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
