/* Big-endian words: the bytes themselves, there and back, and the order they sort in. */
#include "engine/big_endian.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const int64_t ascending[] = {INT64_MIN, INT64_MIN + 1,    -256,          -1,       0, 1, 255,
                                    256,       INT64_C(1) << 32, INT64_MAX - 1, INT64_MAX};

#define N (sizeof ascending / sizeof ascending[0])

static void most_significant_first(void **state)
{
    (void)state;
    const uint8_t expected[WORD_BYTES + 1] = {0x81, 2, 3, 4, 5, 6, 7, 0xf8, 0xaa};
    uint8_t bytes[WORD_BYTES + 1] = {[WORD_BYTES] = 0xaa}; /* stays as it is */
    big_endian_put(bytes, UINT64_C(0x81020304050607f8));
    assert_memory_equal(bytes, expected, sizeof expected);
    assert_true(big_endian_get(expected) == UINT64_C(0x81020304050607f8));
}

static void any_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < N; i++) {
        for (size_t at = 0; at < WORD_BYTES; at++) {
            char bytes[2 * WORD_BYTES];
            big_endian_put(bytes + at, (uint64_t)ascending[i]);
            assert_true((int64_t)big_endian_get(bytes + at) == ascending[i]);
        }
    }
}

static void behind_what_is_there(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    buffer_byte(&b, 'k');
    for (size_t i = 0; i < N; i++) {
        big_endian_add(&b, (uint64_t)ascending[i]);
    }
    assert_int_equal(b.n, 1 + N * WORD_BYTES);
    assert_int_equal(b.data[0], 'k');
    for (size_t i = 0; i < N; i++) {
        assert_true((int64_t)big_endian_get(b.data + 1 + i * WORD_BYTES) == ascending[i]);
    }
    buffer_done(&b);
}

static void bytes_sort_like_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i + 1 < N; i++) {
        uint8_t a[WORD_BYTES], b[WORD_BYTES];
        uint64_t x = (uint64_t)ascending[i], y = (uint64_t)ascending[i + 1];
        big_endian_put(a, x);
        big_endian_put(b, y);
        assert_true((memcmp(a, b, sizeof a) < 0) == (x < y));
        big_endian_put(a, big_endian_signed(x));
        big_endian_put(b, big_endian_signed(y));
        assert_true(memcmp(a, b, sizeof a) < 0);
        assert_true(big_endian_signed(big_endian_get(a)) == x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(most_significant_first),
        cmocka_unit_test(any_place),
        cmocka_unit_test(behind_what_is_there),
        cmocka_unit_test(bytes_sort_like_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
