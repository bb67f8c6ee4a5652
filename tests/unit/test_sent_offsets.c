/* Offsets that were sent: noted, printed, read again. */
#include "worker/sent_offsets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void ranges_come_back(void **state)
{
    (void)state;
    struct sent_offsets s, none, back;
    struct buffer b;
    buffer_init(&b);
    sent_read(&none, -1, NULL);
    sent_read(&s, -1, NULL);
    for (int64_t at = 0; at < 9; at++) {
        if (at == 3 || at == 6) {
            sent_leave(&s, at);
        } else {
            sent_add(&s, at);
        }
    }
    assert_int_equal(s.base, 3);
    sent_print(&s, &none, 9, &b);
    assert_string_equal(buffer_cstr(&b), "s1-2,4-5");
    sent_read(&back, s.base, buffer_cstr(&b));
    for (int64_t at = 0; at < 12; at++) {
        assert_int_equal(sent_has(&back, at), at < 9 && at != 3 && at != 6);
    }
    buffer_done(&b);
}

/* A commit on the way keeps what an earlier run has sent behind it. */
static void a_commit_in_the_middle(void **state)
{
    (void)state;
    struct sent_offsets before, s, back;
    struct buffer b;
    buffer_init(&b);
    sent_read(&before, 10, "s2-4,8-9,20");
    s = (struct sent_offsets){.base = 10};
    sent_leave(&s, 10);
    sent_add(&s, 11);
    sent_add(&s, 12);
    sent_add(&s, 13);
    sent_print(&s, &before, 14, &b);
    sent_read(&back, s.base, buffer_cstr(&b));
    static const int64_t sent[] = {9, 11, 12, 13, 14, 18, 19, 30},
                         left[] = {10, 15, 17, 20, 29, 31};
    for (size_t i = 0; i < sizeof sent / sizeof *sent; i++) {
        assert_true(sent_has(&back, sent[i]));
    }
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        assert_false(sent_has(&back, left[i]));
    }
    buffer_done(&b);
}

static void gaps_between_records_belong_to_their_range(void **state)
{
    (void)state;
    struct sent_offsets s = {.base = 0}, none = {0};
    struct buffer b;
    buffer_init(&b);
    sent_add(&s, 0);
    sent_add(&s, 7);
    assert_int_equal(s.base, 8);
    sent_leave(&s, 9);
    sent_add(&s, 12);
    sent_add(&s, 20);
    sent_print(&s, &none, 21, &b);
    assert_int_equal(s.base, 9);
    assert_string_equal(buffer_cstr(&b), "s3-11");
    buffer_done(&b);
}

static void damaged_metadata_counts_as_nothing_sent(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "w5",
                                      "s",
                                      "sx",
                                      "s-",
                                      "s5-1",
                                      "s99999999999999999999",
                                      "s-4-2",
                                      "s3-",
                                      "s1-9223372036854775807"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sent_offsets s;
        sent_read(&s, 100, bad[i]);
        assert_int_equal(s.base, 100);
        assert_true(sent_has(&s, 99));
        assert_false(sent_has(&s, 100));
        assert_false(sent_has(&s, 1000));
    }
    struct sent_offsets s;
    sent_read(&s, 0, "s5-6,4");
    assert_true(sent_has(&s, 5));
    assert_false(sent_has(&s, 4));
}

static void there_is_an_end(void **state)
{
    (void)state;
    struct sent_offsets s = {.base = 0}, none = {0};
    int64_t at = 0;
    struct buffer b;
    buffer_init(&b);
    for (; sent_has_room(&s) && at < 10000; at += 2) {
        sent_leave(&s, INT64_C(1000000000000) + at);
        if (sent_has_room(&s)) {
            sent_add(&s, INT64_C(1000000000000) + at + 1);
        }
    }
    assert_true(at > 500 && at < 10000);
    sent_print(&s, &none, INT64_MAX, &b);
    assert_true(b.n < 4000);
    buffer_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_come_back),
        cmocka_unit_test(a_commit_in_the_middle),
        cmocka_unit_test(gaps_between_records_belong_to_their_range),
        cmocka_unit_test(damaged_metadata_counts_as_nothing_sent),
        cmocka_unit_test(there_is_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
