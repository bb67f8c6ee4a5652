/* Kernel helpers: results, nulls, failures, limits. */
#include "engine/arena.h"
#include "engine/expression/kernel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void sets_results(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct vec out = vec_new(&a, &type_string, 3);
    struct row_errors errors = {0};
    struct kernel_call c = {.rows = 3, .nsel = 2, .out = &out, .mem = &a, .errors = &errors};
    assert_false(kernel_is_dense(&c));
    char text[] = "a text of more than twelve bytes";
    kernel_put(&c, 0, text, 32);
    kernel_put_part(&c, 1, text, 20);
    text[0] = 'X';
    assert_int_equal(kernel_text(&out, 0).p[0], 'a');
    assert_ptr_equal(kernel_text(&out, 1).p, text);
    kernel_error(&c, 1, "wrong: %d", 5);
    assert_true(vec_is_null(&out, 1));
    assert_int_equal(out.s[1].n, 0);
    assert_int_equal(errors.n, 1);
    assert_int_equal(errors.item[0].row, 1);
    assert_string_equal(errors.item[0].text, "wrong: 5");
    assert_null(kernel_room(&c, 2, STRING_BYTES_MAX + 1ull));
    assert_int_equal(errors.n, 2);
    assert_non_null(kernel_room(&c, 2, 100));
    c.errors = NULL;
    kernel_error(&c, 0, "nobody hears it");
    assert_true(vec_is_null(&out, 0));
    assert_int_equal(errors.n, 2);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_results),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
