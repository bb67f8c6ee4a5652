/* Ranking: order, limits, bytes. */
#include "windows/ranking.h"

#include "engine/arena.h"
#include "engine/error.h"
#include "engine/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static bool add(struct ranking *r, uint32_t limit, int64_t value, const char *tie)
{
    struct arena a;
    arena_init(&a);
    struct vec v = vec_new(&a, &type_long, 1);
    struct buffer text, row;
    buffer_init(&text);
    buffer_init(&row);
    buffer_text(&text, tie);
    buffer_printf(&row, "%lld%s", (long long)value, tie);
    v.i[0] = value;
    if (value < 0) {
        vec_set_null(&v, &a, 1, 0);
    }
    bool has_changed = ranking_add(r, limit, &v, 0, &text, &row);
    buffer_done(&text);
    buffer_done(&row);
    arena_done(&a);
    return has_changed;
}

static void expect(const struct ranking *r, const char *expected)
{
    struct buffer b;
    buffer_init(&b);
    for (uint32_t i = 0; i < r->n; i++) {
        size_t n;
        const void *row = ranking_row(r, i, &n);
        buffer_add(&b, row, n);
        buffer_byte(&b, ' ');
    }
    assert_string_equal(buffer_cstr(&b), expected);
    buffer_done(&b);
}

static void best_first(void **state)
{
    (void)state;
    struct ranking r = {0};
    assert_true(add(&r, 3, 5, "b"));
    assert_true(add(&r, 3, -1, "n"));
    assert_true(add(&r, 3, 5, "a"));
    assert_true(add(&r, 3, 0, "z"));
    expect(&r, "5a 5b 0z ");
    assert_false(add(&r, 3, -1, "a"));
    assert_false(add(&r, 3, 0, "zz"));
    assert_true(add(&r, 3, 9, ""));
    expect(&r, "9 5a 5b ");
    ranking_done(&r);
    assert_int_equal(r.n, 0);
}

static void bytes_and_back(void **state)
{
    (void)state;
    struct ranking r = {0}, again = {0};
    struct buffer saved, twice;
    buffer_init(&saved);
    buffer_init(&twice);
    for (int i = 0; i < 20; i++) {
        add(&r, 8, i * 7 % 5, i % 2 ? "x" : "a longer text");
    }
    ranking_save(&r, &saved);
    assert_int_equal(ranking_load(&again, &type_long, saved.data, saved.n), 0);
    ranking_save(&again, &twice);
    assert_int_equal(saved.n, twice.n);
    assert_memory_equal(saved.data, twice.data, saved.n);
    ranking_done(&again);
    ranking_done(&r);
    buffer_done(&saved);
    buffer_done(&twice);
}

/* Cut and changed bytes are refused or read as something else, never out of bounds. */
static void damage(void **state)
{
    (void)state;
    struct ranking r = {0};
    struct buffer saved;
    buffer_init(&saved);
    add(&r, 8, 1000, "abc");
    add(&r, 8, 7, "def");
    ranking_save(&r, &saved);
    for (size_t n = 1; n < saved.n; n++) {
        char *copy = mem_alloc(n);
        memcpy(copy, saved.data, n);
        struct ranking x = {0};
        int status = ranking_load(&x, &type_long, copy, n);
        assert_true(status == -ERR_DATA || x.n == 1);
        ranking_done(&x);
        mem_free(copy);
    }
    for (size_t i = 0; i < saved.n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            struct ranking x = {0};
            saved.data[i] ^= (char)(1 << bit);
            int status = ranking_load(&x, &type_long, saved.data, saved.n);
            assert_true(status == 0 || status == -ERR_DATA);
            ranking_done(&x);
            saved.data[i] ^= (char)(1 << bit);
        }
    }
    ranking_done(&r);
    buffer_done(&saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(best_first),
        cmocka_unit_test(bytes_and_back),
        cmocka_unit_test(damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
