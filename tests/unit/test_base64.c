/* Base64: the vectors of RFC 4648, all lengths, and texts that are none. */
#include "schemas/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void vectors(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct buffer b;
        buffer_init(&b);
        base64_encode(&b, pairs[i][0], strlen(pairs[i][0]));
        assert_string_equal(buffer_cstr(&b), pairs[i][1]);
        buffer_clear(&b);
        assert_true(base64_decode(&b, pairs[i][1], strlen(pairs[i][1])));
        assert_string_equal(buffer_cstr(&b), pairs[i][0]);
        buffer_done(&b);
    }
}

static void every_byte(void **state)
{
    (void)state;
    uint8_t bytes[256];
    for (int i = 0; i < 256; i++) {
        bytes[i] = (uint8_t)(255 - i);
    }
    struct buffer text, back;
    buffer_init(&text);
    buffer_init(&back);
    for (size_t n = 0; n <= 256; n++) {
        buffer_clear(&text);
        buffer_clear(&back);
        base64_encode(&text, bytes, n);
        assert_int_equal(text.n, (n + 2) / 3 * 4);
        assert_true(base64_decode(&back, text.data ? text.data : "", text.n));
        assert_int_equal(back.n, n);
        assert_memory_equal(back.data ? back.data : "", bytes, n);
    }
    buffer_done(&text);
    buffer_done(&back);
}

static void reads_leniently_but_not_wrongly(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    assert_true(base64_decode(&b, "_-8", 3));
    assert_int_equal(b.n, 2);
    assert_memory_equal(b.data, "\xff\xef", 2);
    static const char *const bad[] = {
        "A", "A===", "AA=", "A*AA", "AB==", "AAB=", "AA==AA", "=", "===="};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(base64_decode(&b, bad[i], strlen(bad[i])));
    }
    buffer_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(vectors), cmocka_unit_test(every_byte),
                                       cmocka_unit_test(reads_leniently_but_not_wrongly)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
