/* Vector: nulls, copies, equality, and doubles whose text reads back the same. */
#include "engine/vector.h"

#include "engine/arena.h"
#include "engine/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

static void doubles_read_back(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    static const struct {
        double d;
        const char *text;
    } known[] = {{10, "10.0"},
                 {0.1, "0.1"},
                 {-0.0, "-0.0"},
                 {1e300, "1e+300"},
                 {1.0 / 3, "0.3333333333333333"},
                 {(double)NAN, "NaN"},
                 {(double)INFINITY, "Infinity"},
                 {-(double)INFINITY, "-Infinity"},
                 {123456789, "123456789.0"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        buffer_clear(&b);
        print_double(&b, known[i].d);
        assert_string_equal(buffer_cstr(&b), known[i].text);
    }
    struct random r;
    random_seed(&r, 1, 1);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = (uint64_t)random_u32(&r) << 32 | random_u32(&r);
        double d;
        memcpy(&d, &bits, sizeof d);
        if (!isfinite(d)) {
            continue;
        }
        buffer_clear(&b);
        print_double(&b, d);
        assert_true(strtod(buffer_cstr(&b), NULL) == d);
    }
    buffer_done(&b);
}

static void nulls_and_copies(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    const struct type *const types[] = {&type_boolean, &type_long,  &type_double,
                                        &type_string,  &type_bytes, &type_timestamp};
    for (size_t k = 0; k < 6; k++) {
        struct vec v = vec_new(&a, types[k], 4);
        assert_null(v.null);
        assert_false(vec_is_null(&v, 3));
        vec_set_null(&v, &a, 4, 3);
        assert_true(vec_is_null(&v, 3));
        assert_false(vec_is_null(&v, 2));
        if (type_is_str(types[k])) {
            v.s[1] = str_ref("a string of more than twelve bytes", 34);
        } else if (types[k]->kind == TYPE_BOOLEAN) {
            v.b[1] = 1;
        } else if (types[k]->kind == TYPE_DOUBLE) {
            v.d[1] = 7.5;
        } else {
            v.i[1] = 7;
        }
        struct vec w = vec_new(&a, types[k], 2);
        vec_copy_row(&w, 0, 2, &v, 1, &a);
        assert_true(vec_same(&v, 1, &w, 0));
        assert_false(vec_same(&v, 0, &w, 0));
        vec_copy_row(&w, 0, 2, &v, 3, &a);
        assert_true(vec_is_null(&w, 0));
        assert_true(vec_same(&v, 3, &w, 0));
        assert_false(vec_same(&v, 0, &w, 0));
        assert_true(vec_same(&v, 0, &w, 1));
        vec_copy_row(&w, 0, 2, &v, 1, &a);
        assert_false(vec_is_null(&w, 0));
        assert_true(vec_same(&v, 1, &w, 0));
        struct buffer b;
        buffer_init(&b);
        vec_print(&b, &v, 3);
        assert_string_equal(buffer_cstr(&b), "null");
        buffer_done(&b);
    }
    assert_int_equal(vec_width(&type_boolean), 1);
    assert_int_equal(vec_width(&type_timestamp), 8);
    assert_int_equal(vec_width(&type_bytes), 16);
    arena_done(&a);
}

static void printing(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct buffer b;
    buffer_init(&b);
    struct vec v = vec_new(&a, &type_boolean, 1);
    vec_print(&b, &v, 0);
    v = vec_new(&a, &type_timestamp, 1);
    v.i[0] = -1500;
    buffer_byte(&b, ' ');
    vec_print(&b, &v, 0);
    v = vec_new(&a, &type_string, 1);
    v.s[0] = str_ref("a \"text\"", 8);
    buffer_byte(&b, ' ');
    vec_print(&b, &v, 0);
    v = vec_new(&a, &type_bytes, 1);
    v.s[0] = str_ref("\xff\x00", 2);
    buffer_byte(&b, ' ');
    vec_print(&b, &v, 0);
    assert_string_equal(buffer_cstr(&b), "false -1500 a \"text\" /wA=");
    buffer_done(&b);
    arena_done(&a);
}

static void nan_is_the_same_as_nan(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct vec v = vec_new(&a, &type_double, 3);
    v.d[0] = v.d[1] = (double)NAN;
    assert_true(vec_same(&v, 0, &v, 1));
    assert_false(vec_same(&v, 0, &v, 2));
    arena_done(&a);
}

static void values(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    static const struct type *const types[] = {&type_boolean, &type_long, &type_double,
                                               &type_timestamp, &type_string};
    for (size_t i = 0; i < 5; i++) {
        struct vec col = vec_new(&a, types[i], 2);
        struct nested_value v = {0}, back;
        if (types[i]->kind == TYPE_STRING) {
            v.s.p = "longer than twelve bytes";
            v.s.n = 24;
        } else if (types[i]->kind == TYPE_DOUBLE) {
            v.d = 0.5;
        } else {
            v.i = 1;
        }
        vec_set_value(&col, &a, 1, &v);
        back = vec_value(&col, 1);
        assert_false(back.is_null);
        if (types[i]->kind == TYPE_STRING) {
            assert_int_equal(back.s.n, 24);
            assert_memory_equal(back.s.p, v.s.p, 24);
            assert_ptr_not_equal(back.s.p, v.s.p);
        } else {
            assert_int_equal(back.i, v.i);
        }
        vec_clear_row(&col, &a, 2, 1);
        assert_true(vec_value(&col, 1).is_null);
        static const char zero[16];
        assert_memory_equal((char *)col.data + vec_width(types[i]), zero, vec_width(types[i]));
        vec_set_value(&col, &a, 1, &v);
        assert_false(vec_is_null(&col, 1));
        assert_false(vec_is_null(&col, 0));
    }
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_read_back),
        cmocka_unit_test(nulls_and_copies),
        cmocka_unit_test(values),
        cmocka_unit_test(printing),
        cmocka_unit_test(nan_is_the_same_as_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
