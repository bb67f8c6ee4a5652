/* Unicode: decoding of any bytes, case. */
#include "engine/expression/unicode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void decodes(void **state)
{
    (void)state;
    const char text[] = "aü€😀";
    const char *end = text + sizeof text - 1;
    assert_int_equal(utf8_count(text, sizeof text - 1), 4);
    assert_int_equal(utf8_read(text + 1, end), 0xFC);
    assert_int_equal(utf8_read(text + 3, end), 0x20AC);
    assert_int_equal(utf8_read(text + 6, end), 0x1F600);
    assert_ptr_equal(utf8_skip(text, end, 2), text + 3);
    assert_ptr_equal(utf8_skip(text, end, 99), end);
    assert_ptr_equal(utf8_skip(text, end, -1), text);
}

static void keeps_stray_bytes(void **state)
{
    (void)state;
    const char *const damaged[] = {"\xff", "\xc0\x80",         "\xed\xa0\x80",    "\xe2\x82",
                                   "\x80", "\xf5\x80\x80\x80", "\xf0\x80\x80\x80"};
    for (size_t k = 0; k < sizeof damaged / sizeof damaged[0]; k++) {
        const char *p = damaged[k];
        const char *end = p;
        while (*end != 0) {
            end++;
        }
        char out[4];
        assert_int_equal(utf8_size(p, end), 1);
        assert_int_equal(utf8_write(out, utf8_read(p, end)), 1);
        assert_int_equal(out[0], *p);
    }
}

static void maps_case_both_ways(void **state)
{
    (void)state;
    static const uint32_t pairs[][2] = {
        {'A', 'a'},     {0xC4, 0xE4},   {0x100, 0x101}, {0x178, 0xFF},    {0x179, 0x17A},
        {0x391, 0x3B1}, {0x386, 0x3AC}, {0x38E, 0x3CD}, {0x401, 0x451},   {0x410, 0x430},
        {0x460, 0x461}, {0x4C1, 0x4C2}, {0x531, 0x561}, {0x1E00, 0x1E01}, {0xFF21, 0xFF41}};
    for (size_t k = 0; k < sizeof pairs / sizeof pairs[0]; k++) {
        assert_int_equal(unicode_lower(pairs[k][0]), pairs[k][1]);
        assert_int_equal(unicode_upper(pairs[k][1]), pairs[k][0]);
        assert_int_equal(unicode_lower(pairs[k][1]), pairs[k][1]);
        assert_int_equal(unicode_upper(pairs[k][0]), pairs[k][0]);
    }
    static const uint32_t alone[] = {'1', 0xD7, 0xF7, 0xDF, 0x138, 0x4E2D, 0x1F600};
    for (size_t k = 0; k < sizeof alone / sizeof alone[0]; k++) {
        assert_int_equal(unicode_lower(alone[k]), alone[k]);
        assert_int_equal(unicode_upper(alone[k]), alone[k]);
    }
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    for (uint32_t code = 1; code < 0x110000; code += 7) {
        char out[4];
        uint32_t n = utf8_write(out, code);
        if (code < 0xD800 || code > 0xDFFF) {
            assert_int_equal(utf8_size(out, out + n), n);
            assert_int_equal(utf8_read(out, out + n), code);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes),
        cmocka_unit_test(keeps_stray_bytes),
        cmocka_unit_test(maps_case_both_ways),
        cmocka_unit_test(writes_what_it_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
