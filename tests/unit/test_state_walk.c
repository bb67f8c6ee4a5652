/* A walk in steps, between which the store changes at random: together with the changes, it has
 * told of every entry.
 */
#include "engine/hash.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "engine/state.h"
#include "engine/state_disk.h"
#include "tests/support/seeds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define KEYS 3000

struct rig {
    struct state *s;
    int64_t value[KEYS], told[KEYS]; /* 0: there is none */
    struct random rnd;
};

static int64_t number_of(const void *key, uint32_t n)
{
    char text[16] = "";
    memcpy(text, key, n);
    return strtol(text + 1, NULL, 10);
}

static void tell(void *ctx, const void *key, uint32_t key_n, const void *value, size_t value_n)
{
    struct rig *r = ctx;
    assert_int_equal(value_n, 8);
    memcpy(&r->told[number_of(key, key_n)], value, 8);
}

static int tell_change(void *ctx, const void *key, uint32_t key_n, const void *value,
                       size_t value_n)
{
    struct rig *r = ctx;
    if (value) {
        tell(ctx, key, key_n, value, value_n);
    } else {
        r->told[number_of(key, key_n)] = 0;
    }
    return 0;
}

static void change(struct rig *r, int n, uint32_t keys, uint32_t deletions)
{
    for (int i = 0; i < n; i++) {
        char key[16];
        uint32_t k = random_below(&r->rnd, keys);
        uint32_t key_n = (uint32_t)snprintf(key, sizeof key, "k%u", k);
        bool is_new;
        struct state_entry *e =
            state_insert(r->s, hash_bytes(key, key_n, 0), key, key_n, 8, &is_new);
        r->value[k] = 1 + (int64_t)random_below(&r->rnd, 1000000);
        memcpy(state_value(e), &r->value[k], 8);
        state_touch(r->s, e);
        if (random_below(&r->rnd, 100) < deletions) {
            state_delete(r->s, e);
            r->value[k] = 0;
        }
    }
}

static void commit(struct rig *r)
{
    state_changes(r->s, tell_change, r);
}

static void everything_is_told(uint64_t seed)
{
    struct rig *r = mem_zalloc(sizeof *r);
    struct state_walk w = {0};
    random_seed(&r->rnd, seed, 0);
    r->s = state_memory_new(NULL);
    uint32_t keys = 1 + random_below(&r->rnd, KEYS), deletions = random_below(&r->rnd, 100);
    change(r, 2 * (int)random_below(&r->rnd, KEYS), keys, deletions);
    state_changes(r->s, tell_change, r);
    state_committed(r->s);
    memset(r->told, 0, sizeof r->told); /* from here on */
    bool is_through = false;
    for (int steps = 0; !is_through; steps++) {
        assert_true(steps < 100000);
        change(r, (int)random_below(&r->rnd, 50), keys, deletions);
        commit(r);
        is_through = state_walk(r->s, &w, random_below(&r->rnd, 3000), tell, r);
        state_committed(r->s);
    }
    if (memcmp(r->told, r->value, sizeof r->told) != 0) {
        fail_msg("seed %llu: an entry was not told", (unsigned long long)seed);
    }
    state_free(r->s);
    mem_free(r);
}

static void with_changes_everything_is_told(void **state)
{
    (void)state;
    struct seeds s = seeds_from_env(200);
    for (uint64_t seed = s.first; seed < s.end; seed++) {
        everything_is_told(seed);
    }
}

static void save_twice(void *ctx, const void *value, uint32_t n, struct buffer *out)
{
    (void)ctx;
    buffer_add(out, value, n);
    buffer_add(out, value, n);
}

static void count_bytes(void *ctx, const void *key, uint32_t key_n, const void *value,
                        size_t value_n)
{
    (void)key;
    (void)value;
    *(size_t *)ctx += key_n + value_n;
}

static void values_are_told_as_saved(void **state)
{
    (void)state;
    const struct state_codec codec = {.save = save_twice};
    struct state *s = state_memory_new(&codec);
    struct state_walk w = {0};
    bool is_new;
    size_t n = 0;
    state_insert(s, hash_bytes("key", 3, 0), "key", 3, 8, &is_new);
    while (!state_walk(s, &w, 0, count_bytes, &n)) {
    }
    assert_int_equal(n, 3 + 16);
    state_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_changes_everything_is_told),
        cmocka_unit_test(values_are_told_as_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
