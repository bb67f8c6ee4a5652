/* Heap: comes out sorted, ties in the order they went in. */
#include "engine/heap.h"

#include "engine/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void sorted_and_stable(void **state)
{
    (void)state;
    struct heap h;
    heap_init(&h);
    assert_null(heap_peek(&h));
    struct heap_entry out;
    assert_false(heap_pop(&h, &out));
    struct random r;
    random_seed(&r, 1, 1);
    static char item[5000];
    for (int i = 0; i < 5000; i++) {
        heap_push(&h, (int64_t)random_below(&r, 300) - 150, &item[i]);
    }
    struct heap_entry last = {INT64_MIN, 0, NULL};
    for (int i = 0; i < 5000; i++) {
        int64_t peeked = heap_peek(&h)->time;
        assert_true(heap_pop(&h, &out));
        assert_int_equal(peeked, out.time);
        assert_true(out.time > last.time ||
                    (out.time == last.time && (char *)out.item > (char *)last.item));
        last = out;
    }
    assert_false(heap_pop(&h, &out));
    heap_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sorted_and_stable)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
