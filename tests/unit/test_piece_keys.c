/* Piece keys: each once, in the order of their text, in slices. */
#include "windows/piece_keys.h"

#include "engine/random.h"
#include "engine/task_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void sorted_and_each_once(void **state)
{
    (void)state;
    struct random r;
    struct task t = {.left = 0};
    struct arena plan, mem;
    arena_init(&plan);
    arena_init(&mem);
    struct op op = {.task = &t, .mem = &mem};
    struct schema *s = schema_new(&plan, 1);
    s->key[s->nkey++] = schema_add(s, "key", &type_string, false, false);
    random_seed(&r, 1, 1);
    struct piece_keys k = {0};
    static bool has[9000];
    uint32_t n = 0;
    for (int round = 0; round < 2; round++) { /* it begins anew when it is done */
        memset(has, 0, sizeof has);
        n = 0;
        for (int i = 0; i < 9000; i++) {
            char text[20];
            uint32_t number = random_below(&r, 9000);
            piece_keys_add(&k, text, (uint32_t)snprintf(text, sizeof text, "%u", number));
            n += !has[number];
            has[number] = true;
        }
        assert_int_equal(k.n, n);
        assert_true(piece_keys_bytes(&k) > 24 * (uint64_t)n);
        int status = 1, slices = 0;
        for (; status > 0; slices++) {
            t.left = 1;
            status = piece_keys_sort(&k, s, &op);
        }
        assert_int_equal(status, 0);
        assert_true(slices > 2);
        for (uint32_t i = 0; i < n; i++) {
            const struct piece_key *a = k.key[i], *b = k.key[i > 0 ? i - 1 : 0];
            assert_true(i == 0 || bytes_compare(b->bytes, b->n, a->bytes, a->n) < 0);
            char text[20] = "";
            memcpy(text, a->bytes, a->n);
            uint32_t number = 9000;
            assert_int_equal(sscanf(text, "%u", &number), 1);
            assert_true(number < 9000 && has[number]);
        }
        piece_keys_done(&k);
        assert_int_equal(piece_keys_bytes(&k), 0);
    }
    arena_done(&mem);
    arena_done(&plan);
}

static void none_and_given_up(void **state)
{
    (void)state;
    struct task t = {.left = 1000000};
    struct op op = {.task = &t};
    struct piece_keys k = {0};
    assert_int_equal(piece_keys_sort(&k, NULL, &op), 0);
    piece_keys_done(&k);
    piece_keys_add(&k, "", 0);
    piece_keys_add(&k, "", 0);
    assert_int_equal(k.n, 1);
    piece_keys_done(&k);
    assert_int_equal(k.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorted_and_each_once),
        cmocka_unit_test(none_and_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
