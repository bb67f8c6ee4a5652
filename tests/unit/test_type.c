/* Types: what is printed is parsed again, nonsense is refused. */
#include "engine/type.h"

#include "engine/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void print_and_parse(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct buffer b;
    buffer_init(&b);
    const char *const texts[] = {"boolean",
                                 "long",
                                 "double",
                                 "timestamp",
                                 "string",
                                 "bytes",
                                 "array<string>",
                                 "map<array<double>>",
                                 "array<record<a: long, b: map<string>>>",
                                 "record<c: boolean>"};
    const struct type *types[10];
    for (size_t i = 0; i < 10; i++) {
        types[i] = type_parse(&a, texts[i]);
        assert_non_null(types[i]);
        buffer_clear(&b);
        type_print(&b, types[i]);
        assert_string_equal(buffer_cstr(&b), texts[i]);
        assert_true(type_equal(types[i], type_parse(&a, texts[i])));
        for (size_t j = 0; j < i; j++) {
            assert_false(type_equal(types[i], types[j]));
        }
    }
    assert_ptr_equal(type_parse(&a, " int "), &type_long);
    assert_ptr_equal(type_parse(&a, "float"), &type_double);
    assert_true(
        type_equal(type_parse(&a, "array< map<int> >"), type_array(&a, type_map(&a, &type_long))));
    buffer_done(&b);
    arena_done(&a);
}

static void nonsense(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    const char *const bad[] = {"",           "strin",        "array",          "array<>",
                               "array<long", "long>",        "map<long,long>", "record<>",
                               "record<a>",  "record<a: b>", "long long",      "record<a: long,>"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_null(type_parse(&a, bad[i]));
    }
    struct buffer deep;
    buffer_init(&deep);
    for (int i = 0; i < 100; i++) {
        buffer_text(&deep, "array<");
    }
    assert_null(type_parse(&a, buffer_cstr(&deep)));
    buffer_done(&deep);
    arena_done(&a);
}

static void kinds(void **state)
{
    (void)state;
    assert_true(type_is_numeric(&type_long) && type_is_numeric(&type_double));
    assert_false(type_is_numeric(&type_timestamp));
    assert_true(type_is_str(&type_string) && type_is_str(&type_bytes));
    assert_false(type_is_str(&type_timestamp));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(print_and_parse),
        cmocka_unit_test(nonsense),
        cmocka_unit_test(kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
