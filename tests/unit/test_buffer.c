/* Buffer: growth, printing, varints at their limits. */
#include "engine/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void grows_and_prints(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    assert_string_equal(buffer_cstr(&b), "");
    for (int i = 0; i < 1000; i++) {
        buffer_printf(&b, "%d,", i);
    }
    assert_int_equal(b.n, 10 * 2 + 90 * 3 + 900 * 4);
    assert_memory_equal(b.data + b.n - 8, "998,999,", 8);
    buffer_clear(&b);
    char big[500];
    memset(big, 'z', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    buffer_printf(&b, "<%s>", big);
    assert_int_equal(b.n, 501);
    buffer_clear(&b);
    buffer_text(&b, "ab");
    buffer_byte(&b, 'c');
    buffer_add(&b, "de", 2);
    buffer_add(&b, NULL, 0);
    assert_string_equal(buffer_cstr(&b), "abcde");
    assert_int_equal(b.n, 5);
    buffer_done(&b);
}

static void varints_come_back(void **state)
{
    (void)state;
    const int64_t v[] = {0,   -1,   1,    -2,        63,        64,        -64,
                         -65, 8191, 8192, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    struct buffer b;
    buffer_init(&b);
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        buffer_clear(&b);
        buffer_varint(&b, v[i]);
        const uint8_t *p = (const uint8_t *)b.data;
        int64_t back = 99;
        assert_ptr_equal(varint_read(p, p + b.n, &back), p + b.n);
        assert_int_equal(back, v[i]);
        assert_null(varint_read(p, p + b.n - 1, &back)); /* truncated */
    }
    buffer_done(&b);
}

static void avro_examples(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    buffer_varint(&b, -64);
    buffer_varint(&b, 64);
    assert_int_equal(b.n, 3);
    assert_memory_equal(b.data, "\x7f\x80\x01", 3);
    buffer_done(&b);
}

static void overlong_varints_are_refused(void **state)
{
    (void)state;
    int64_t v;
    uint8_t p[12];
    memset(p, 0x80, sizeof p);
    p[11] = 0;
    assert_null(varint_read(p, p + 12, &v));
    p[9] = 2; /* beyond 64 bits */
    assert_null(varint_read(p, p + 12, &v));
    p[9] = 1;
    assert_ptr_equal(varint_read(p, p + 12, &v), p + 10);
    assert_null(varint_read(p, p, &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_prints),
        cmocka_unit_test(varints_come_back),
        cmocka_unit_test(avro_examples),
        cmocka_unit_test(overlong_varints_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
