/* Order of results by key text. */
#include "windows/key_order.h"

#include "engine/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const void *text_of(const void *ctx, const void *item, uint32_t *n)
{
    assert_string_equal(ctx, "ctx");
    *n = (uint32_t)strlen(item);
    return item;
}

static void strings_go_by_their_bytes(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct schema *s = schema_new(&a, 1);
    s->key[s->nkey++] = schema_add(s, "k", &type_string, false, false);
    char list[][24] = {"b", "a long one, longer", "", "a long one, long", "\xc3\xa4", "B"};
    void *item[6];
    for (int i = 0; i < 6; i++) {
        item[i] = list[i];
    }
    key_order(item, 6, text_of, "ctx", s, &a);
    const char *expected[] = {"", "B", "a long one, long", "a long one, longer", "b", "\xc3\xa4"};
    for (int i = 0; i < 6; i++) {
        assert_string_equal(item[i], expected[i]);
    }
    key_order(item, 0, text_of, "ctx", s, &a);
    arena_done(&a);
}

struct long_key {
    uint32_t n;
    char bytes[20];
};

static const void *long_of(const void *ctx, const void *item, uint32_t *n)
{
    (void)ctx;
    const struct long_key *k = item;
    *n = k->n;
    return k->bytes;
}

static void numbers_go_by_their_text(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct schema *s = schema_new(&a, 1);
    s->key[s->nkey++] = schema_add(s, "k", &type_long, false, false);
    s->keyed = true;
    const int64_t number[] = {9, 10, -1, 100};
    struct batch *b = batch_new(&a, s, 4, NULL);
    b->nsel = 4;
    memcpy(b->col[0].i, number, sizeof number);
    struct keyed_rows rows = key_rows(b);
    struct long_key key[4];
    void *item[4];
    for (int i = 0; i < 4; i++) {
        key[i].n = rows.key[i].n;
        memcpy(key[i].bytes, str_data(&rows.key[i]), key[i].n);
        item[i] = &key[i];
    }
    key_order(item, 4, long_of, NULL, s, &a);
    const int expected[] = {2, 1, 3, 0}; /* -1, 10, 100, 9 */
    for (int i = 0; i < 4; i++) {
        assert_ptr_equal(item[i], &key[expected[i]]);
    }
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_go_by_their_bytes),
        cmocka_unit_test(numbers_go_by_their_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
