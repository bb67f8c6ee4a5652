/* Envelope: what is written is read; what is damaged is refused. */
#include "engine/clock.h"
#include "engine/envelope.h"
#include "engine/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void round_trips(void **state)
{
    (void)state;
    static const struct envelope all[] = {
        {.kind = ENVELOPE_ROW, .partition = 3, .watermark = 1700000000000, .layout = 0xfedcba98},
        {.kind = ENVELOPE_ROW, .partition = 0, .watermark = TIME_MIN, .layout = 1},
        {.kind = ENVELOPE_TIME, .partition = 99999, .watermark = -1},
        {.kind = ENVELOPE_IDLE, .partition = 1, .watermark = TIME_MAX},
        {.kind = ENVELOPE_DELETE, .partition = 2, .watermark = 5, .layout = 7},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct buffer b;
        struct envelope e;
        buffer_init(&b);
        envelope_write(&b, &all[i]);
        size_t head = b.n;
        buffer_text(&b, "row");
        assert_int_equal(envelope_read(&e, b.data, b.n), 0);
        assert_int_equal(e.kind, all[i].kind);
        assert_int_equal(e.partition, all[i].partition);
        assert_int_equal(e.watermark, all[i].watermark);
        assert_int_equal(e.layout, all[i].layout);
        assert_ptr_equal(e.value, b.data + head);
        assert_int_equal(e.n, 3);
        for (size_t n = 0; n < head; n++) {
            assert_int_equal(envelope_read(&e, b.data, n), -ERR_DATA);
        }
        buffer_done(&b);
    }
}

static void other_kinds_are_damage(void **state)
{
    (void)state;
    struct envelope e;
    assert_int_equal(envelope_read(&e, "\0\0\0\0\0\0\0", 7), -ERR_DATA);
    assert_int_equal(envelope_read(&e, "\5\0\0\0\0\0\0", 7), -ERR_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips),
        cmocka_unit_test(other_kinds_are_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
