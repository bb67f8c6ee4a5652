/* Allocation: counted per thread, overflow refused. */
#include "engine/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void counts_allocations(void **state)
{
    (void)state;
    uint64_t before = mem_count();
    char *a = mem_strdup("abc");
    char *b = mem_strndup("abcdef", 2);
    char *c = mem_printf("%d-%s", 5, "x");
    void *d = mem_zalloc(100);
    assert_int_equal(mem_count() - before, 4);
    assert_string_equal(a, "abc");
    assert_string_equal(b, "ab");
    assert_string_equal(c, "5-x");
    for (int i = 0; i < 100; i++) {
        assert_int_equal(((char *)d)[i], 0);
    }
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(d);
    mem_free(NULL);
    assert_int_equal(mem_count() - before, 4);
}

static void sizes_are_checked(void **state)
{
    (void)state;
    assert_null(mem_try_resize(NULL, SIZE_MAX / 2, 3));
#ifndef KLAMM_ARENA_MALLOC /* asan ends the process instead */
    assert_null(mem_try_alloc((size_t)1 << 46));
#endif
    void *p = mem_try_alloc(0);
    assert_non_null(p);
    p = mem_resize(p, 1000, 8);
    memset(p, 1, 8000);
    mem_free(p);
    void *q = mem_array(10, 8);
    memset(q, 1, 80);
    mem_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_allocations),
        cmocka_unit_test(sizes_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
