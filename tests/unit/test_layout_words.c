/* Words of layouts for people: trees become expressions, anything else stays what it is. */
#include "engine/layout_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void expect_part(const char *words, uint16_t version, const char *shown)
{
    struct buffer b;
    buffer_init(&b);
    layout_words_part(&b, &(struct layout_part){.words = words,
                                                .words_n = (uint32_t)strlen(words),
                                                .version = version});
    assert_string_equal(buffer_cstr(&b), shown);
    buffer_done(&b);
}

static void parts_are_shown_as_calls(void **state)
{
    (void)state;
    expect_part("count 1", 1, "count()");
    expect_part("count", 0, "count()");
    expect_part("sum 2 (op + (column v) (op * (long 2) (column w))):long", 2, "sum(v + (2 * w))");
    expect_part("ewma 1 (column d):double (double 0.25):double", 1, "ewma(d, 0.25)");
    expect_part("lag (column h):string 2", 0, "lag(h, 2)");
    expect_part("max 1 (call upper (field b (column a))):string", 1, "max(upper(a.b))");
    expect_part("max 1 (case (and (column a) (!is (column b))) (string 3:a)b)):string", 1,
                "max(case((a and not is(b)), 'a)b'))");
    expect_part("sum 1 (boolean 1):boolean", 1, "sum(true)");
}

static void what_is_no_tree_stays(void **state)
{
    (void)state;
    expect_part("", 0, "()");
    expect_part("sum 2 (column v", 2, "sum((column, v)");
    expect_part("sum 2 (string 9:ab)", 2, "sum((string, 9:ab))");
    expect_part("sum 2 (", 2, "sum(()");
    expect_part("x \n\x01", 0, "x(..)");
    char deep[400];
    memset(deep, '(', sizeof deep);
    deep[sizeof deep - 1] = '\0';
    struct buffer b;
    buffer_init(&b);
    layout_words_part(&b, &(struct layout_part){.words = deep, .words_n = sizeof deep - 1});
    assert_true(b.n < 2 * LAYOUT_WORDS_MOST);
    buffer_done(&b);
}

static void expect_differ(const char *from, const char *to, const char *shown)
{
    struct buffer b;
    buffer_init(&b);
    struct layout was = {.words = from, .words_n = strlen(from)};
    struct layout is = {.words = to, .words_n = strlen(to)};
    layout_words_differ(&b, &was, &is);
    assert_string_equal(buffer_cstr(&b), shown);
    buffer_done(&b);
}

static void lines_that_differ_are_shown(void **state)
{
    (void)state;
    expect_differ("window\ntumbling=1\n", "window\ntumbling=1\n", "");
    expect_differ("window\ntumbling=1\n", "window\ntumbling=2\n", "tumbling=1 is now tumbling=2");
    expect_differ("a\nkey h string\n", "a\nkey g long\n", "key h string is now key g long");
    expect_differ("a\nb\n", "a\n", "b is gone");
    expect_differ("a\n", "a\n(column v):long\n", "new is v");
    expect_differ("a\nb\n", "b\na\n", "the same in another order");
    expect_differ("(column v):long\n", "(column v):double\n",
                  "v of type long is now v of type double");
    expect_differ("(column v):long\n", "(column w):double\n", "v is now w");
#define COLUMNS "plain: first, second, third, fourth, fifth, sixth, seventh, eighth, ninth, tenth, "
#define MORE    COLUMNS COLUMNS
    expect_differ(MORE "last", MORE "new, last", "…last is now …new, last");
    expect_differ(MORE "last", MORE "late", "…last is now …late");
    expect_differ(COLUMNS "last", "none", COLUMNS "last is now none");
    expect_differ("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "",
                  "1 is gone; 2 is gone; 3 is gone; 4 is gone; 5 is gone; 6 is gone; 7 is gone; 8 "
                  "is gone; …");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_shown_as_calls),
        cmocka_unit_test(what_is_no_tree_stays),
        cmocka_unit_test(lines_that_differ_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
