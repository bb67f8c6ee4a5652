/* Lexer: tokens, escapes, numbers, durations, faults and their places. */
#include "engine/expression/lexer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* "name:a symbol:+ long:600000" or "POSITION: message". */
static void read(const char *text, char *out, size_t size)
{
    struct arena a;
    arena_init(&a);
    struct token *t;
    int n, pos;
    struct err e = {0};
    static const char *const kinds[] = {"end",    "name",   "quoted", "long",
                                        "double", "string", "symbol"};
    if (lexer_read(&t, &n, &a, text, &pos, &e) < 0) {
        snprintf(out, size, "%d: %.200s", pos, e.text);
    } else {
        size_t at = 0;
        out[0] = 0;
        for (int k = 0; k < n && at < size; k++) {
            at +=
                (size_t)snprintf(out + at, size - at, "%s%s:", k > 0 ? " " : "", kinds[t[k].kind]);
            if (t[k].kind == TOKEN_LONG) {
                at += (size_t)snprintf(out + at, size - at, "%lld", (long long)t[k].i);
            } else if (t[k].kind == TOKEN_DOUBLE) {
                at += (size_t)snprintf(out + at, size - at, "%g", t[k].d);
            } else {
                at += (size_t)snprintf(out + at, size - at, "%s", t[k].text);
            }
        }
        assert_int_equal(t[n].kind, TOKEN_END);
    }
    arena_done(&a);
}

static void check(const char *text, const char *expected)
{
    char actual[1024];
    read(text, actual, sizeof actual);
    assert_string_equal(actual, expected);
}

static void reads_tokens(void **state)
{
    (void)state;
    check("", "");
    check(" \t\n", "");
    check("a+b_1", "name:a symbol:+ name:b_1");
    check("a!=b<>c<=d>=e",
          "name:a symbol:<> name:b symbol:<> name:c symbol:<= name:d symbol:>= name:e");
    check("a||b", "name:a symbol:|| name:b");
    check("größe", "name:größe");
    check("\"a \"\"b\"\"\"", "quoted:a \"b\"");
    check("'it''s'", "string:it's");
    check("''", "string:");
    check("x[0].y", "name:x symbol:[ long:0 symbol:] symbol:. name:y");
}

static void reads_numbers(void **state)
{
    (void)state;
    check("1 1.5 .5 1. 1e3 1.5e-3",
          "long:1 double:1.5 double:0.5 double:1 double:1000 double:0.0015");
    check("10m 250ms 2d 0s 1h", "long:600000 long:250 long:172800000 long:0 long:3600000");
    check("9223372036854775807", "long:9223372036854775807");
    check("1-1", "long:1 symbol:- long:1");
}

static void refuses(void **state)
{
    (void)state;
    check("a ; b", "2: the character ';' means nothing here");
    check("!a", "0: the character '!' means nothing here; write `not` or `<>`");
    check("a & b", "2: the character '&' means nothing here; write `and`");
    check("a + 'x", "4: the text that begins here does not end: a ' is missing");
    check("\"x", "0: the name that begins here does not end: a \" is missing");
    check("\"\"", "0: a name in double quotes must not be empty");
    check("1x", "1: '1x' is neither a number nor a duration (such as 250ms 5s 10m 1h 2d)");
    check("1.5s", "3: '1.5s' is neither a number nor a duration (such as 250ms 5s 10m 1h 2d)");
    check("99999999999999999999",
          "0: the number does not fit a long (64 bits); write 99999999999999999999.0 for a double");
    check("1e999", "0: the number is too large for a double");
    check("\xff", "0: the expression is not valid UTF-8");
}

static void refuses_long_text(void **state)
{
    (void)state;
    static char text[EXPRESSION_BYTES_MAX + 2];
    memset(text, '1', sizeof text - 1);
    check(text, "0: the expression is longer than 65536 bytes");
}

static void words_in_any_case(void **state)
{
    (void)state;
    struct token t = {.kind = TOKEN_NAME, .text = "AnD"};
    assert_true(token_is(&t, "and"));
    t.kind = TOKEN_STRING;
    assert_false(token_is(&t, "and"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_tokens),      cmocka_unit_test(reads_numbers),
        cmocka_unit_test(refuses),           cmocka_unit_test(refuses_long_text),
        cmocka_unit_test(words_in_any_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
