/* Identity bytes: equal exactly when the values are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/arena.h"
#include "engine/identity.h"

#include <math.h>
#include <string.h>

static bool same(const struct vec *v, uint16_t i, uint16_t k)
{
    struct buffer a, b;
    buffer_init(&a);
    buffer_init(&b);
    identity_add(&a, v, i);
    identity_add(&b, v, k);
    bool is_same = a.n == b.n && memcmp(a.data, b.data, a.n) == 0;
    buffer_done(&a);
    buffer_done(&b);
    return is_same;
}

static void test_doubles(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct vec v = vec_new(&a, &type_double, 6);
    const double values[] = {0.0, -0.0, (double)NAN, -(double)NAN, 1.5, 0.0};
    memcpy(v.d, values, sizeof values);
    vec_set_null(&v, &a, 6, 5);
    assert_true(same(&v, 0, 1));
    assert_true(same(&v, 2, 3));
    assert_false(same(&v, 0, 4));
    assert_false(same(&v, 0, 5));
    assert_true(same(&v, 5, 5));
    arena_done(&a);
}

static void test_texts_and_others(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct vec s = vec_new(&a, &type_string, 4);
    s.s[0] = str_copy(&a, "a long text over twelve bytes", 29);
    s.s[1] = str_copy(&a, "a long text over twelve bytes", 29);
    s.s[2] = str_copy(&a, "a long text over twelve byte", 28);
    assert_true(same(&s, 0, 1));
    assert_false(same(&s, 0, 2));
    vec_set_null(&s, &a, 4, 2);
    assert_false(same(&s, 2, 3)); /* null and the empty text */
    struct vec b = vec_new(&a, &type_boolean, 2), l = vec_new(&a, &type_long, 2);
    b.b[1] = 1;
    l.i[1] = INT64_MIN;
    assert_false(same(&b, 0, 1));
    assert_false(same(&l, 0, 1));
    arena_done(&a);
}

static void test_bytes_for_ever(void **state)
{
    (void)state;
    struct arena a;
    struct buffer out;
    arena_init(&a);
    buffer_init(&out);
    struct vec s = vec_new(&a, &type_string, 1), l = vec_new(&a, &type_long, 1);
    s.s[0] = str_copy(&a, "ab", 2);
    l.i[0] = 5;
    identity_add(&out, &s, 0);
    identity_add(&out, &l, 0);
    vec_set_null(&l, &a, 1, 0);
    identity_add(&out, &l, 0);
    assert_int_equal(out.n, 7);
    assert_memory_equal(out.data,
                        "\x01\x04"
                        "ab\x01\x0a\x00",
                        7);
    buffer_done(&out);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_texts_and_others),
        cmocka_unit_test(test_bytes_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
