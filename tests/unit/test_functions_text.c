/* Patterns and words: values, nulls, refusals, types. */
#include "tests/support/expressions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void likes(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"regexp_like(s, 'b')", "true | false | false | true"},
        {"regexp_like(s, '^a.c$')", "true | false | false | false"},
        {"regexp_like(s, '^$')", "false | true | false | false"},
        {"regexp_like(u, '[0-9]')", "false | null | false | true"},
        {"regexp_like(s, '(?i)KÖLN')", "false | false | true | false"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void extracts(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"regexp_extract(s, '[[:alpha:]]+')", "abc | null | Grüße | a"},
        {"regexp_extract(s, '(\\w),(\\w)')", "null | null | null | a"},
        {"regexp_extract(s, '(\\w),(\\w)', 2)", "null | null | null | b"},
        {"regexp_extract(s, '(\\w),(\\w)', 0)", "null | null | null | a,b"},
        {"regexp_extract(s, '(x)|c')", "null | null | null | null"},
        {"regexp_extract(s, 'ü.e')", "null | null | üße | null"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void words(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"tokenize(s)", "[\"abc\"] | [] | [\"grüße\", \"aus\", \"köln\"] | [\"a\", \"b\", \"c\"]"},
        {"tokenize(u)",
         "[\"x\"] | null | [\"long\", \"text\", \"over\", \"twelve\", \"bytes\"] | [\"7\"]"},
        {"ngrams(tokenize(s), 2)", "[] | [] | [\"grüße aus\", \"aus köln\"] | [\"a b\", \"b c\"]"},
        {"ngrams(s, 3)",
         "[\"abc\"] | [] | [\"Grü\", \"rüß\", \"üße\", \"ße \", \"e a\", \" au\", \"aus\", \"us "
         "\", \"s K\", \" Kö\", \"Köl\", \"öln\"] | [\"a,b\", \",b,\", \"b,c\"]"},
        {"ngrams(s, 100)", "[] | [] | [] | []"},
        {"ngrams(tags, 1)", "[\"p\", \"q\"] | [] | [] | null"},
        {"ngrams(s, a - 1)", "error: ngrams() needs a number of at least 1, found 0 | [] | error: "
                             "ngrams() needs a number of at least 1, found -4 | []"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void types(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"regexp_like(s, 'a')", "boolean"},
        {"regexp_extract(s, 'a')", "string?"},
        {"tokenize(s)", "array<string>"},
        {"ngrams(s, 2)", "array<string>"},
        {"regexp_like(s, '(')", "1: the regular expression has a ( without )"},
        {"regexp_like(s, 'a)')", "1: the regular expression has a ) without ("},
        {"regexp_like(s, '(a)\\1')", "1: the regular expression must not refer back to groups"},
        {"regexp_like(s, u)", "1: the pattern must be a text in quotes, and the group a number"},
        {"regexp_extract(s, '(a)', 2)", "1: the pattern has 1 groups, there is no group 2"},
        {"regexp_like(s, '((a{100}){100}){100}')",
         "1: the regular expression is too large: its repetitions multiply"},
        {"ngrams(nums, 2)", "1: ngrams() takes a string or an array<string>"},
        {NULL, NULL},
    };
    fixture_check_types(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(likes),
        cmocka_unit_test(extracts),
        cmocka_unit_test(words),
        cmocka_unit_test(types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
