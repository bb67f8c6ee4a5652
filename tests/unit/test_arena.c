/* Arena: alignment, marks, and pages found again. */
#include "engine/arena.h"

#include "engine/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void objects_are_apart_and_aligned(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    char *object[500];
    for (size_t i = 0; i < 500; i++) {
        object[i] = arena_alloc(&a, i * 7);
        assert_int_equal((uintptr_t)object[i] % 16, 0);
        memset(object[i], (int)(i & 0xff), i * 7);
    }
    for (size_t i = 1; i < 500; i++) {
        assert_int_equal((uint8_t)object[i][0], i & 0xff);
        assert_int_equal((uint8_t)object[i][i * 7 - 1], i & 0xff);
    }
    arena_done(&a);
    assert_int_equal(a.bytes, 0);
}

static void texts(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    assert_string_equal(arena_strdup(&a, "hello"), "hello");
    assert_string_equal(arena_strndup(&a, "hello", 2), "he");
    assert_string_equal(arena_printf(&a, "%s-%d", "x", 12), "x-12");
    const int64_t *zero = arena_zalloc(&a, 64);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(zero[i], 0);
    }
    int32_t *array = arena_array(&a, 10, sizeof *array);
    array[9] = 1;
    arena_done(&a);
}

static void marks_nest(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct arena_mark empty = arena_mark(&a);
    char *kept = arena_strdup(&a, "kept");
    struct arena_mark outer = arena_mark(&a);
    memset(arena_alloc(&a, 100000), 1, 100000);
    struct arena_mark inner = arena_mark(&a);
    memset(arena_alloc(&a, 3000000), 2, 3000000);
    arena_release(&a, inner);
    memset(arena_alloc(&a, 10), 3, 10);
    arena_release(&a, outer);
    assert_string_equal(kept, "kept");
    memset(arena_alloc(&a, 200000), 4, 200000);
    assert_string_equal(kept, "kept");
    arena_release(&a, empty);
    assert_string_equal(arena_strdup(&a, "again"), "again");
    arena_done(&a);
}

static void use_once(struct arena *a)
{
    for (size_t i = 0; i < 300; i++) {
        memset(arena_alloc(a, 1 + i * 97 % 5000), 1, 1 + i * 97 % 5000);
        if (i % 100 == 0) {
            memset(arena_alloc(a, 2000000 + i), 1, 2000000 + i);
        }
    }
    arena_reset(a);
}

static void a_warm_arena_allocates_nothing(void **state)
{
    (void)state;
#ifndef KLAMM_ARENA_MALLOC
    struct arena a;
    arena_init(&a);
    use_once(&a);
    uint64_t before = mem_count();
    size_t bytes = a.bytes;
    for (int i = 0; i < 10; i++) {
        use_once(&a);
    }
    assert_int_equal(mem_count(), before);
    assert_int_equal(a.bytes, bytes);
    arena_done(&a);
#else
    struct arena a;
    arena_init(&a);
    use_once(&a);
    assert_int_equal(a.bytes, 0);
    arena_done(&a);
#endif
}

static void a_monstrous_batch_is_given_back(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    for (int i = 0; i < 5; i++) {
        *(char *)arena_alloc(&a, (size_t)40 << 20) = 1;
    }
    arena_reset(&a);
    assert_true(a.bytes <= (size_t)64 << 20);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_apart_and_aligned),
        cmocka_unit_test(texts),
        cmocka_unit_test(marks_nest),
        cmocka_unit_test(a_warm_arena_allocates_nothing),
        cmocka_unit_test(a_monstrous_batch_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
