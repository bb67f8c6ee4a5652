/* Text: values over code points, nulls, like, types. */
#include "tests/support/expressions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void joins_and_cuts(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"s || '!'", "abc! | ! | Grüße aus Köln! | a,b,c!"},
        {"u || s", "xabc | null | long text: over twelve bytesGrüße aus Köln | 7a,b,c"},
        {"raw || raw = cast('ABAB' as bytes)", "true | false | false | false"},
        {"concat(s, '-', s)", "abc-abc | - | Grüße aus Köln-Grüße aus Köln | a,b,c-a,b,c"},
        {"trim('   x y  ')", "x y | x y | x y | x y"},
        {"trim('  ')", " |  |  | "},
        {"length(s)", "3 | 0 | 14 | 5"},
        {"length(raw)", "2 | 0 | 2 | 1"},
        {"length(u)", "1 | null | 28 | 1"},
        {"substr(s, 2)", "bc |  | rüße aus Köln | ,b,c"},
        {"substr(s, 3, 2)", "c |  | üß | b,"},
        {"substr(s, -4)", "abc |  | Köln | ,b,c"},
        {"substr(s, -4, 2)", "ab |  | Kö | ,b"},
        {"substr(s, 0, 2)", "ab |  | Gr | a,"},
        {"substr(s, 100)", " |  |  | "},
        {"substr(s, 1, -1)", " |  |  | "},
        {"substr(s, -9223372036854775808, 9223372036854775807)", "abc |  | Grüße aus Köln | a,b,c"},
        {"replace(s, 'a', 'xy')", "xybc |  | Grüße xyus Köln | xy,b,c"},
        {"replace(s, '', 'x')", "abc |  | Grüße aus Köln | a,b,c"},
        {"replace(s, ',', '')", "abc |  | Grüße aus Köln | abc"},
        {"split_part(s, ',', 1)", "abc |  | Grüße aus Köln | a"},
        {"split_part(s, ',', 2)", " |  |  | b"},
        {"split_part(s, ',', -1)", "abc |  | Grüße aus Köln | c"},
        {"split_part(s, ',', -3)", " |  |  | a"},
        {"split_part(s, ',', -4)", " |  |  | "},
        {"split_part(s, '', 1)", "abc |  | Grüße aus Köln | a,b,c"},
        {"split_part(s, ',', a - 1)",
         "error: split_part() counts parts from 1 (or from -1 at the end), not 0 |  |  | "},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void changes_case(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"upper(s)", "ABC |  | GRÜßE AUS KÖLN | A,B,C"},
        {"lower('ÀÉÎ ΑΣΩ ЖЯ ĀŽ Ÿ')",
         "àéî ασω жя āž ÿ | àéî ασω жя āž ÿ | àéî ασω жя āž ÿ | àéî ασω жя āž ÿ"},
        {"upper('àéî ασςω жяё āž ÿ µ')",
         "ÀÉÎ ΑΣΣΩ ЖЯЁ ĀŽ Ÿ Μ | ÀÉÎ ΑΣΣΩ ЖЯЁ ĀŽ Ÿ Μ | ÀÉÎ ΑΣΣΩ ЖЯЁ ĀŽ Ÿ Μ | ÀÉÎ ΑΣΣΩ ЖЯЁ ĀŽ Ÿ Μ"},
        {"lower(u)", "x | null | long text: over twelve bytes | 7"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void finds(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"starts_with(s, 'a')", "true | false | false | true"},
        {"starts_with(s, '')", "true | true | true | true"},
        {"ends_with(s, 'c')", "true | false | false | true"},
        {"contains(s, 'Köln')", "false | false | true | false"},
        {"contains(s, '')", "true | true | true | true"},
        {"contains(u, 'over')", "false | null | true | false"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void like_patterns(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"s like 'a%'", "true | false | false | true"},
        {"s not like 'a%'", "false | true | true | false"},
        {"s like '%'", "true | true | true | true"},
        {"s like ''", "false | true | false | false"},
        {"s like '_b_'", "true | false | false | false"},
        {"s like 'Gr__e%K_ln'", "false | false | true | false"},
        {"s like '%,%,%'", "false | false | false | true"},
        {"s like '%b%c'", "true | false | false | true"},
        {"u like '%over%bytes'", "false | null | true | false"},
        {"'100%' like '100\\%'", "true | true | true | true"},
        {"'1000' like '100\\%'", "false | false | false | false"},
        {"'a_b' like 'a\\_b'", "true | true | true | true"},
        {"'a\\b' like 'a\\\\b'", "true | true | true | true"},
        {"'aaab' like '%a_b'", "true | true | true | true"},
        {"'abab' like 'ab%ab%ab'", "false | false | false | false"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void types(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"s || u", "string?"},
        {"length(s)", "long"},
        {"s || a", "3: `||` takes (string, string) or (bytes, bytes), found (string, long); write "
                   "cast(x as string)"},
        {"s like 5", "3: `like` takes (string, string), found (string, long)"},
        {"substr(s)", "1: substr() takes (string, long, long?), found (string)"},
        {"substr(s, 1, 2, 3)",
         "1: substr() takes (string, long, long?), found (string, long, long, long)"},
        {"concat()", "1: concat() takes (string, …), found ()"},
        {"lower(a)", "1: lower() takes (string), found (long)"},
        {NULL, NULL},
    };
    fixture_check_types(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_and_cuts), cmocka_unit_test(changes_case), cmocka_unit_test(finds),
        cmocka_unit_test(like_patterns),  cmocka_unit_test(types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
