/* Window state as bytes: save and load of every aggregate, damage refused; what the layout says. */
#include "engine/layout.h"
#include "tests/unit/window_harness.h"

#define EVERY                                                                                      \
    "{tumbling: 10ms, aggregate: \"count() as n, sum(v) as sum, avg(d) as avg, min(s) as least, "  \
    "max(s) as most, var(d) as var, stddev(v) as dev, first(s) as first, last(d) as last\"}"

struct saved {
    struct buffer key, value;
    int n;
};

static int keep(void *ctx, const void *key, uint32_t key_n, const void *value, size_t value_n)
{
    struct saved *s = ctx;
    buffer_clear(&s->key);
    buffer_clear(&s->value);
    buffer_add(&s->key, key, key_n);
    buffer_add(&s->value, value, value_n);
    s->n++;
    return 0;
}

static void save_one(struct harness *h, const char *text, struct saved *s)
{
    harness_init(h, text);
    struct row r[] = {{"host", 21, 4, 1.5, "a text of some length", 21},
                      {"host", 22, 7, 2.5, "", 22},
                      {"host", 23, NONE, -2.5, NULL, 23}};
    assert_int_equal(harness_push(h, r, 3), 0);
    *s = (struct saved){0};
    assert_int_equal(state_changes(h->op.state, keep, s), 0);
    assert_int_equal(s->n, 1);
}

static void saved_done(struct saved *s)
{
    buffer_done(&s->key);
    buffer_done(&s->value);
}

static void key_is_start_and_key(void **state)
{
    (void)state;
    struct harness h;
    struct saved s;
    save_one(&h, EVERY, &s);
    assert_int_equal(s.key.n, 12);
    assert_memory_equal(s.key.data, "\0\0\0\0\0\0\0\x14host", 12);
    saved_done(&s);
    harness_done(&h);
}

static void load_gives_the_same_results(void **state)
{
    (void)state;
    struct harness h;
    struct saved s;
    save_one(&h, EVERY, &s);
    struct harness other;
    harness_bind(&other, EVERY, NULL);
    other.op.state = state_memory_new(op_window.state_codec(&other.node));
    for (int i = 0; i < 2; i++) { /* absolute: twice is harmless */
        assert_int_equal(
            state_restore(other.op.state, s.key.data, (uint32_t)s.key.n, s.value.data, s.value.n),
            0);
    }
    harness_open(&other);
    harness_advance(&h, 30);
    harness_advance(&other, 30);
    assert_string_equal(harness_out(&h), harness_out(&other));
    assert_true(h.out.n > 100);
    saved_done(&s);
    harness_done(&h);
    harness_done(&other);
}

static void the_layout_has_what_gives_meaning(void **state)
{
    (void)state;
    struct harness h;
    struct buffer words;
    buffer_init(&words);
    harness_bind(&h,
                 "{tumbling: 10ms, grace: 5ms, having: n > 1, aggregate: \"count() as n, "
                 "sum(v+1) * 2 as s, ewma(d, 0.25) as e\"}",
                 NULL);
    struct arena a;
    arena_init(&a);
    layout_write(layout_of(&h.node, "t", &a), &words);
    const char *text = buffer_cstr(&words);
    assert_non_null(strstr(text, "tumbling\ntumbling=10\ncount 1\n"
                                 "sum 2 (op + (column v) (long 1)):long\n"
                                 "ewma 1 (column d):double (double 0.25):double\n"));
    arena_done(&a);
    buffer_done(&words);
    harness_done(&h);
}

static void damage_is_refused(void **state)
{
    (void)state;
    struct harness h;
    struct saved s;
    save_one(&h, EVERY, &s);
    struct state *copy = state_memory_new(op_window.state_codec(&h.node));
    for (size_t n = 0; n < s.value.n; n++) {
        char *exact = mem_alloc(n);
        memcpy(exact, s.value.data, n);
        assert_int_equal(state_restore(copy, "key", 3, exact, n), -ERR_DATA);
        mem_free(exact);
    }
    for (size_t i = 0; i < s.value.n; i++) {
        for (int byte = 0; byte < 256; byte += 5) {
            char *p = mem_alloc(s.value.n);
            memcpy(p, s.value.data, s.value.n);
            p[i] = (char)byte;
            int status = state_restore(copy, "key", 3, p, s.value.n);
            assert_true(status == 0 || status == -ERR_DATA);
            mem_free(p);
        }
    }
    state_free(copy);
    saved_done(&s);
    harness_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_is_start_and_key),
        cmocka_unit_test(load_gives_the_same_results),
        cmocka_unit_test(the_layout_has_what_gives_meaning),
        cmocka_unit_test(damage_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
