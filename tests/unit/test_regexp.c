/* Regular expressions: what is refused. */
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

static void refuses(void **state)
{
    (void)state;
    check("(", "", 0, "the regular expression has a ( without )");
    check("a)", "", 0, "the regular expression has a ) without (");
    check("[a", "", 0, "the regular expression has a [ without ]");
    check("*a", "", 0, "the regular expression has a repetition without something to repeat");
    check("a**", "", 0, "the regular expression repeats a repetition: put brackets around it");
    check("(a)\\1", "", 0, "the regular expression must not refer back to groups");
    check("\\q", "", 0, "the regular expression has an unknown \\ sequence");
    check("a\\", "", 0, "the regular expression ends with a backslash");
    check("[z-a]", "", 0, "the regular expression has a range in brackets that runs backwards");
    check("[[:foo:]]", "", 0, "the regular expression has an unknown class in [: :]");
    check("a{2,1}", "", 0,
          "the regular expression has a repetition {n,m} that is too large, or whose n is above m");
    check("a{1001}", "", 0,
          "the regular expression has a repetition {n,m} that is too large, or whose n is above m");
    check("((a{100}){100}){10}", "", 0,
          "the regular expression is too large: its repetitions multiply");
    check("(?=a)", "", 0, "the regular expression has a (? that is not (?: and not (?i) in front");
    char deep[300];
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = 0;
    check(deep, "", 0, "the regular expression is nested too deep");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
