/* Regular expressions: what matches, groups, time that stays linear. */
#include "engine/expression/regexp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* "from-to" of the group, "no", "out" (group took no part), or the message. */
static void match(const char *pattern, const char *text, int group, char *out, size_t size)
{
    struct arena a;
    arena_init(&a);
    const struct regexp *re;
    struct err e = {0};
    if (regexp_compile(&re, &a, pattern, (uint32_t)strlen(pattern), &e) < 0) {
        snprintf(out, size, "%.150s", e.text);
    } else {
        struct regexp_run *run = regexp_run_new(&a, re);
        int64_t from, to;
        bool found = regexp_match(run, text, (uint32_t)strlen(text), group, &from, &to);
        assert_int_equal(found, regexp_match(run, text, (uint32_t)strlen(text), 0, NULL, NULL));
        if (!found) {
            snprintf(out, size, "no");
        } else if (from < 0) {
            snprintf(out, size, "out");
        } else {
            snprintf(out, size, "%lld-%lld", (long long)from, (long long)to);
        }
    }
    arena_done(&a);
}

static void check(const char *pattern, const char *text, int group, const char *expected)
{
    char actual[200];
    match(pattern, text, group, actual, sizeof actual);
    assert_string_equal(actual, expected);
}

static void matches(void **state)
{
    (void)state;
    check("abc", "xabcx", 0, "1-4");
    check("", "abc", 0, "0-0");
    check("^$", "", 0, "0-0");
    check("^b", "ab", 0, "no");
    check("^a|b", "xb", 0, "1-2");
    check("(^a|b)", "xb", 0, "1-2");
    check("(?:^a)?b", "xb", 0, "1-2");
    check("^*b", "xb", 0, "1-2");
    check("b$", "ab", 0, "1-2");
    check("a.c", "a\nc", 0, "no");
    check("a.c", "aüc", 0, "0-4");
    check("[a-c]+", "xxbcay", 0, "2-5");
    check("[^a-c]+", "abxyc", 0, "2-4");
    check("[]a]+", "x]a]", 0, "1-4");
    check("[a\\-z]+", "m-z", 0, "1-3");
    check("[ä-ü]+", "xöüx", 0, "1-5");
    check("\\d+\\.\\d*", "v12.5", 0, "1-5");
    check("\\D\\W\\S", "1a b", 0, "1-4");
    check("[[:digit:][:space:]]+", "a1 2b", 0, "1-4");
    check("\\bfoo\\b", "a foo!", 0, "2-5");
    check("\\bfoo\\b", "afoo", 0, "no");
    check("o\\B", "o oo", 0, "2-3");
    check("(?i)KÖ", "xkö", 0, "1-4");
    check("a{2}", "aaa", 0, "0-2");
    check("a{2,}", "aaa", 0, "0-3");
    check("^a{0,2}$", "aaa", 0, "no");
    check("^a{1,3}$", "aaa", 0, "0-3");
    check("x{,2}", "x{,2}", 0, "0-5");
    check("a|ab", "ab", 0, "0-1");
    check("(a|ab)c", "abc", 0, "0-3");
    check("a|b|cd", "xcd", 0, "1-3");
    check("(|a)b", "ab", 0, "0-2");
    check("a*?b", "aab", 0, "0-3");
    check("a+?", "aaa", 0, "0-1");
    check("(a*)*", "aab", 0, "0-2");
    check("(a|b)*c|d", "ababd", 0, "4-5");
    check("^(ab|c){2,3}$", "abcab", 0, "0-5");
    check("^(x?){3}y$", "xxy", 0, "0-3");
}

static void finds_groups(void **state)
{
    (void)state;
    check("(\\w+)@(\\w+)", "me@host", 2, "3-7");
    check("(a)|(b)", "b", 1, "out");
    check("(?:a)(b)", "ab", 1, "1-2");
    check("(a(b)?)+", "aba", 2, "1-2");
    check("^(.*?),(.*)$", "a,b,c", 1, "0-1");
}

static void is_linear(void **state)
{
    (void)state;
    char text[5001];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    check("^(a+)+$", text, 0, "0-5000");
    check("(a*)*b", text, 0, "no");
    check("(a|aa)+$", text, 0, "0-5000");
    check("(x+x+)+y", text, 0, "no");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches),
        cmocka_unit_test(finds_groups),
        cmocka_unit_test(is_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
