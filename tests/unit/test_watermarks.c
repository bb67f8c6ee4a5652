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

/* With idle partitions where `idle` says so (NULL: nowhere). */
static void print(char *text, size_t size, const int64_t *w, int n, bool (*idle)(int i))
{
    struct part_time *part = mem_array((size_t)n + 1, sizeof *part);
    for (int i = 0; i < n; i++) {
        part[i] = (struct part_time){w[i], idle && idle(i)};
    }
    watermarks_print(text, size, part, n);
    mem_free(part);
}

/* idle: what is expected, where a partition has a watermark at all (NULL: not looked at). */
static void read(const char *text, int64_t *w, int n, bool (*idle)(int i))
{
    struct part_time *part = mem_array((size_t)n + 1, sizeof *part);
    for (int i = 0; i < n; i++) {
        part[i] = (struct part_time){w[i], false};
    }
    watermarks_read(text, part, n);
    for (int i = 0; i < n; i++) {
        w[i] = part[i].watermark;
        assert_true(!idle || w[i] == TIME_MIN || part[i].is_idle == idle(i));
    }
    mem_free(part);
}

static bool some(int i)
{
    return i % 7 == 2 || i % 7 == 3;
}

/* Printed into exactly `size` bytes and read back; returns the greatest loss of a partition. */
static uint64_t round_trip(const int64_t *w, int n, size_t size, size_t *used)
{
    char *text = mem_alloc(size);
    int64_t *back = mem_array((size_t)n + 1, sizeof *back);
    uint64_t loss = 0;
    fill(back, n, TIME_MIN);
    bool (*idle)(int) = n < 100 ? some : NULL;
    print(text, size, w, n, idle);
    *used = strlen(text);
    assert_true(*used < size);
    read(text, back, n, idle);
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
    print(text, sizeof text, (int64_t[]){25, 2}, 2, NULL);
    assert_string_equal(text, "d0,2:uBtB");
    print(text, sizeof text, (int64_t[]){7, 7, 7, TIME_MIN, TIME_MIN, 8}, 6, NULL);
    assert_string_equal(text, "d0,7:A*C~*BC");
    print(text, sizeof text, (int64_t[]){TIME_MIN, -3, TIME_MIN}, 3, NULL);
    assert_string_equal(text, "d0,-3:~A~");
    print(text, sizeof text, (int64_t[]){TIME_MIN, TIME_MIN}, 2, NULL);
    assert_string_equal(text, "");
    print(text, sizeof text, NULL, 0, NULL);
    assert_string_equal(text, "");
    print(text, sizeof text, (int64_t[]){7, 7, 7, 7, 7}, 5, some);
    assert_string_equal(text, "d0,7:A*B!A*B!A");
    print(text, sizeof text, (int64_t[]){TIME_MIN, TIME_MIN, TIME_MIN}, 3, some);
    struct part_time part[3] = {{TIME_MIN, true}, {TIME_MIN, true}, {3, false}};
    watermarks_read(text, part, 3);
    assert_false(part[0].is_idle);
    assert_false(part[1].is_idle);
    assert_true(part[2].is_idle);
    assert_int_equal(part[2].watermark, 3);
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
                                       "d0,5:!!!!!!!!!!A",
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
        read(text[i], w, 2, NULL);
        mem_free(w);
    }
    int64_t w[2] = {1, 2};
    read("d0,5:A;C", w, 2, NULL); /* another input's text stands behind */
    assert_int_equal(w[0], 5);
    assert_int_equal(w[1], 2);
    struct random r;
    random_seed(&r, 5, 1);
    for (int round = 0; round < 20000; round++) {
        char noise[30] = "d0,1700000000000:";
        for (size_t k = random_below(&r, 4) ? 17 : 0; k < sizeof noise - 1; k++) {
            noise[k] = (char)(random_below(&r, 90) + 33);
        }
        read(noise, w, 2, NULL);
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
        cmocka_unit_test(damage_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
