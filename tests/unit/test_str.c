/* Strings: inline and long, order, UTF-8 by the table of the Unicode standard. */
#include "engine/str.h"

#include "engine/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct str of(const char *s)
{
    return str_ref(s, (uint32_t)strlen(s));
}

static void inline_and_long(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    char text[] = "abcdefghijklmnop";
    for (uint32_t n = 0; n <= 16; n++) {
        struct str x = str_ref(text, n);
        struct str y = str_copy(&a, text, n);
        assert_int_equal(x.n, n);
        assert_memory_equal(str_data(&x), text, n);
        assert_true(str_equal(&x, &y));
        assert_true(n <= STR_INLINE || str_data(&y) != text);
        struct str z = str_copy(&a, "abcdefghijklmnoX", n);
        assert_int_equal(str_equal(&x, &z), n < 16);
    }
    arena_done(&a);
}

static void order(void **state)
{
    (void)state;
    const char *const ascending[] = {"",
                                     "a",
                                     "aa",
                                     "abcdefghijkl",
                                     "abcdefghijklm",
                                     "abcdefghijklmn",
                                     "abcdefghijkln",
                                     "b",
                                     "\xc3\xa4",
                                     "\xf0\x9f\x98\x80"};
    for (size_t i = 0; i < sizeof ascending / sizeof ascending[0]; i++) {
        for (size_t j = 0; j < sizeof ascending / sizeof ascending[0]; j++) {
            struct str x = of(ascending[i]);
            struct str y = of(ascending[j]);
            int c = str_compare(&x, &y);
            assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
        }
    }
}

static void utf8(void **state)
{
    (void)state;
    const char *const good[] = {"",
                                "plain ascii text of some length",
                                "\xc2\x80",
                                "\xdf\xbf",
                                "\xe0\xa0\x80",
                                "\xed\x9f\xbf",
                                "\xee\x80\x80",
                                "\xf0\x90\x80\x80",
                                "\xf4\x8f\xbf\xbf",
                                "1234567\xc3\xa4 straddles"};
    const char *const bad[] = {"\x80",
                               "\xc0\x80",
                               "\xc1\xbf",
                               "\xc2",
                               "\xe0\x9f\xbf",
                               "\xed\xa0\x80",
                               "\xe1\x80",
                               "\xe1\x80\x41",
                               "\xf0\x8f\xbf\xbf",
                               "\xf4\x90\x80\x80",
                               "\xf5\x80\x80\x80",
                               "\xff",
                               "12345678\xf0\x90\x80"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(utf8_valid(good[i], strlen(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(utf8_valid(bad[i], strlen(bad[i])));
    }
    assert_true(utf8_valid("a\0b", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inline_and_long),
        cmocka_unit_test(order),
        cmocka_unit_test(utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
