/* Blocks of waiting rows: how they grow, are saved, and refused when damaged. */
#include "engine/hash.h"
#include "engine/memory.h"
#include "operators/join_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static struct join_key key_of(const char *text)
{
    uint32_t n = (uint32_t)strlen(text);
    return (struct join_key){text, n, hash_bytes(text, n, 0)};
}

/* A row of n bytes, all of them `fill`. */
static struct waiting *add(struct join_blocks *b, int side, const char *key, uint32_t n, char fill,
                           struct state_entry **closed)
{
    struct join_key k = key_of(key);
    struct waiting *w = join_blocks_add(b, side, &k, n, false, closed);
    memset(w->bytes + w->key_n, fill, n);
    return w;
}

static void rows_stand_one_behind_the_other(void **state)
{
    (void)state;
    struct join_blocks b;
    struct state_entry *closed;
    struct state *s = state_memory_new(&join_codec);
    join_blocks_init(&b, s);
    struct waiting *first = add(&b, LEFT, "a", 0, 0, &closed);
    assert_null(closed);
    struct waiting *other = add(&b, RIGHT, "key", 5, 'r', &closed);
    struct waiting *second = add(&b, LEFT, "", 3, 'l', &closed);
    assert_null(closed);
    assert_ptr_equal(first->block, second->block);
    assert_ptr_not_equal(first->block, other->block);
    assert_int_equal(first->number, 0);
    assert_int_equal(other->number, 1);
    assert_int_equal(second->number, 2);
    assert_int_equal((uintptr_t)second % 8, 0);
    struct join_block *left = block_of(first->block);
    assert_ptr_equal(block_first(left), first);
    assert_ptr_equal(block_next(left, first), second);
    assert_null(block_next(left, second));
    size_t n;
    assert_memory_equal(waiting_row(second, &n), "lll", 3);
    assert_int_equal(n, 3);
    assert_memory_equal(waiting_row(other, &n), "rrrrr", 5);
    assert_memory_equal(other->bytes, "key", 3);
    state_free(s);
}

/* Room grows with what comes; what is larger gets a block of its own; so does what stands alone. */
static void room_for_rows(void **state)
{
    (void)state;
    struct join_blocks b;
    struct state_entry *closed;
    struct state *s = state_memory_new(&join_codec);
    join_blocks_init(&b, s);
    uint32_t least = b.cap[LEFT], most = least;
    for (int i = 0; i < 1000; i++) {
        struct waiting *w = add(&b, LEFT, "a", 20, 'x', &closed);
        if (closed) {
            assert_ptr_not_equal(closed, w->block);
            assert_true(block_of(closed)->used <= block_of(closed)->cap);
            most = block_of(w->block)->cap > most ? block_of(w->block)->cap : most;
        }
    }
    assert_true(most > least && most <= 4096);
    assert_int_equal(b.cap[RIGHT], least);
    struct waiting *big = add(&b, LEFT, "a", 100000, 'y', &closed);
    assert_non_null(closed);
    assert_ptr_equal(block_first(block_of(big->block)), big);
    add(&b, LEFT, "a", 1, 'z', &closed);
    assert_ptr_equal(closed, big->block);
    struct join_key k = key_of("alone");
    struct waiting *alone = join_blocks_add(&b, RIGHT, &k, 0, true, &closed);
    assert_int_equal(block_of(alone->block)->cap, block_of(alone->block)->used);
    assert_ptr_equal(join_blocks_close(&b, RIGHT), alone->block);
    assert_null(join_blocks_close(&b, RIGHT));
    state_free(s);
}

static int keep(void *ctx, const void *key, uint32_t key_n, const void *value, size_t value_n)
{
    return state_restore(ctx, key, key_n, value, value_n);
}

struct restored {
    struct join_blocks blocks;
    struct state_entry *last;
};

static int finish(void *ctx, struct state_entry *e)
{
    struct restored *r = ctx;
    r->last = e;
    return join_blocks_restored(&r->blocks, e);
}

static void saved_and_restored(void **state)
{
    (void)state;
    struct restored r;
    struct join_blocks b;
    struct state_entry *closed;
    struct state *s = state_memory_new(&join_codec), *to = state_memory_new(&join_codec);
    join_blocks_init(&b, s);
    b.next = UINT64_C(1) << 40;
    add(&b, RIGHT, "one", 2, 'x', &closed)->time = -7;
    b.next += 5; /* rows of the other side */
    struct waiting *w = add(&b, RIGHT, "", 0, 0, &closed);
    w->time = INT64_MAX;
    w->has_met = true;
    assert_int_equal(state_changes(s, keep, to), 0);
    join_blocks_init(&r.blocks, to);
    assert_int_equal(state_each(to, finish, &r), 0);
    assert_int_equal(state_count(to), 1);
    struct waiting *one = block_first(block_of(r.last)), *two = block_next(block_of(r.last), one);
    assert_int_equal(one->number, UINT64_C(1) << 40);
    assert_int_equal(two->number, (UINT64_C(1) << 40) + 6);
    assert_int_equal(r.blocks.next, two->number + 1);
    assert_int_equal(one->time, -7);
    assert_int_equal(two->time, INT64_MAX);
    assert_int_equal(one->side, RIGHT);
    assert_int_equal(one->hash, (uint32_t)key_of("one").hash);
    assert_false(one->has_met);
    assert_true(two->has_met);
    size_t n;
    assert_memory_equal(waiting_row(one, &n), "xx", 2);
    assert_int_equal(n, 2);
    assert_int_equal(two->key_n + two->row_n, 0);
    assert_ptr_equal(two->block, r.last);
    assert_null(block_next(block_of(r.last), two));
    state_free(s);
    state_free(to);
}

static void damage_is_refused(void **state)
{
    (void)state;
    struct state *s = state_memory_new(&join_codec);
    const uint8_t good[] = {1, 1, 0, 2, 2, 'a', 4, 'r', 's'};
    assert_int_equal(state_restore(s, "12345678", 8, good, sizeof good), 0);
    for (size_t n = 0; n < sizeof good; n++) {
        assert_int_equal(state_restore(s, "12345678", 8, good, n), -ERR_DATA);
    }
    const struct {
        size_t at;
        uint8_t byte;
    } damage[] = {{0, 2}, {1, 2}, {4, 0x7f}, {4, 0x7e}, {6, 3}, {6, 6}, {6, 2}};
    for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
        uint8_t bad[sizeof good];
        memcpy(bad, good, sizeof good);
        bad[damage[i].at] = damage[i].byte;
        assert_int_equal(state_restore(s, "12345678", 8, bad, sizeof bad), -ERR_DATA);
    }
    state_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_stand_one_behind_the_other),
        cmocka_unit_test(room_for_rows),
        cmocka_unit_test(saved_and_restored),
        cmocka_unit_test(damage_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
