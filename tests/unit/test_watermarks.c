/* Watermarks as text: what is read back is what was written, or less where there is no room. */
#include "engine/watermarks.h"

#include "engine/clock.h"
#include "engine/memory.h"
#include "engine/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METADATA 4096
#define NOW      1700000000000

static void fill(int64_t *w, int n, int64_t v)
{
    for (int i = 0; i < n; i++) {
        w[i] = v;
    }
}

/* Printed into exactly `size` bytes and read back; returns the greatest loss of a partition. */
static uint64_t round_trip(const int64_t *w, int n, size_t size, size_t *used)
{
    char *text = mem_alloc(size);
    int64_t *back = mem_array((size_t)n + 1, sizeof *back);
    uint64_t loss = 0;
    fill(back, n, TIME_MIN);
    watermarks_print(text, size, w, n);
    *used = strlen(text);
    assert_true(*used < size);
    watermarks_read(text, back, n);
    for (int i = 0; i < n; i++) {
        uint64_t lost = (uint64_t)w[i] - (uint64_t)back[i];
        assert_true(back[i] <= w[i]);
        loss = lost > loss ? lost : loss;
    }
    mem_free(back);
    mem_free(text);
    return loss;
}

static void forms(void **state)
{
    (void)state;
    char text[100];
    watermarks_print(text, sizeof text, (int64_t[]){25, 2}, 2);
    assert_string_equal(text, "d0,2:uBtB");
    watermarks_print(text, sizeof text, (int64_t[]){7, 7, 7, TIME_MIN, TIME_MIN, 8}, 6);
    assert_string_equal(text, "d0,7:A*C~*BC");
    watermarks_print(text, sizeof text, (int64_t[]){TIME_MIN, -3, TIME_MIN}, 3);
    assert_string_equal(text, "d0,-3:~A~");
    watermarks_print(text, sizeof text, (int64_t[]){TIME_MIN, TIME_MIN}, 2);
    assert_string_equal(text, "");
    watermarks_print(text, sizeof text, NULL, 0);
    assert_string_equal(text, "");
}

static void extremes(void **state)
{
    (void)state;
    static const int64_t w[] = {TIME_MAX, TIME_MIN + 1, 0, TIME_MIN, TIME_MAX, TIME_MAX, -1, 1};
    size_t used;
    assert_int_equal(round_trip(w, 8, METADATA, &used), 0);
    for (size_t size = 1; size < 100; size++) {
        round_trip(w, 8, size, &used);
    }
}

/* The usual case: busy partitions within some minutes, a few far behind or without rows. */
static void a_thousand_fit(void **state)
{
    (void)state;
    enum { N = 1000 };
    int64_t w[N];
    struct random r;
    size_t used;
    random_seed(&r, 1, 1);
    for (int i = 0; i < N; i++) {
        w[i] = NOW - (int64_t)random_below(&r, 500000);
    }
    w[17] -= 86400000;
    w[500] = TIME_MIN;
    assert_int_equal(round_trip(w, N, METADATA, &used), 0);
    fill(w, N, NOW);
    assert_int_equal(round_trip(w, N, METADATA, &used), 0);
    assert_true(used < 30);
}

static void more_are_rounded_down(void **state)
{
    (void)state;
    enum { N = 3000 };
    int64_t w[N];
    struct random r;
    size_t used;
    random_seed(&r, 2, 1);
    for (int i = 0; i < N; i++) {
        w[i] = NOW - (int64_t)random_below(&r, 3600000);
    }
    uint64_t loss = round_trip(w, N, METADATA, &used);
    assert_true(loss > 0);
    assert_true(loss < 3600000 / 16); /* a letter says one of 32 differences */
    for (int i = 0; i < N; i++) {
        w[i] = i % 2 ? TIME_MIN : NOW - i;
    }
    assert_true(round_trip(w, N, METADATA, &used) <= N);
}

static void property_never_above(void **state)
{
    (void)state;
    uint64_t seed = 77;
    print_message("seed %llu\n", (unsigned long long)seed);
    struct random r;
    random_seed(&r, seed, 1);
    for (int round = 0; round < 3000; round++) {
        int n = (int)random_below(&r, 60) + 1;
        uint32_t spread = 1U << random_below(&r, 32);
        int64_t w[60], like = NOW;
        size_t used;
        for (int i = 0; i < n; i++) {
            uint64_t what = random_below(&r, 4);
            like = what == 0 ? like : NOW - (int64_t)random_below(&r, spread);
            w[i] = what == 3 ? TIME_MIN : like;
        }
        assert_int_equal(round_trip(w, n, METADATA, &used), 0);
        round_trip(w, n, random_below(&r, 200) + 1, &used);
    }
}

static void the_old_form_is_read(void **state)
{
    (void)state;
    int64_t w[3] = {TIME_MIN, TIME_MIN, 5};
    watermarks_read("p0:17,p1:-4", w, 3);
    assert_int_equal(w[0], 17);
    assert_int_equal(w[1], -4);
    assert_int_equal(w[2], 5);
    watermarks_read("p0:18;p1:99", w, 3);
    assert_int_equal(w[0], 18);
    assert_int_equal(w[1], -4);
}

/* Other texts change what they can be read as, and nothing behind the partitions. */
static void damage_is_harmless(void **state)
{
    (void)state;
    static const char *const text[] = {"",
                                       "d",
                                       "d0",
                                       "d0,",
                                       "d0,5",
                                       "d0,5:",
                                       "d64,5:A",
                                       "d-1,5:A",
                                       "d99999999999999999999,5:A",
                                       "d0,99999999999999999999999:C",
                                       "d0,5:*",
                                       "d0,5:*////////////////////////",
                                       "d0,5:A*//////////////D",
                                       "d0,5:!",
                                       "d0,5:gggggggggggggggggggggggg",
                                       "d63,9223372036854775807:////////////PA",
                                       "d0,5:AAAAAAAAAAAAAAAAAAAAAAAAA",
                                       "w5",
                                       "p",
                                       "p0",
                                       "p99999999999999999999:1"};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        int64_t *w = mem_array(2, sizeof *w);
        fill(w, 2, TIME_MIN);
        watermarks_read(text[i], w, 2);
        mem_free(w);
    }
    int64_t w[2] = {1, 2};
    watermarks_read("d0,5:A;C", w, 2); /* another input's text stands behind */
    assert_int_equal(w[0], 5);
    assert_int_equal(w[1], 2);
    struct random r;
    random_seed(&r, 5, 1);
    for (int round = 0; round < 20000; round++) {
        char noise[30] = "d0,1700000000000:";
        for (size_t k = random_below(&r, 4) ? 17 : 0; k < sizeof noise - 1; k++) {
            noise[k] = (char)(random_below(&r, 90) + 33);
        }
        watermarks_read(noise, w, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(extremes),
        cmocka_unit_test(a_thousand_fit),
        cmocka_unit_test(more_are_rounded_down),
        cmocka_unit_test(property_never_above),
        cmocka_unit_test(the_old_form_is_read),
        cmocka_unit_test(damage_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
