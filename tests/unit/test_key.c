/* Keys: bytes and back, nulls left out, text, equal keys with equal bytes. */
#include "engine/key.h"

#include "engine/error.h"
#include "engine/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

static struct schema *keyed_by(struct arena *a, uint16_t n, const struct type *const *types)
{
    static const char *const name[] = {"a", "b", "c", "d", "e", "f"};
    struct schema *s = schema_new(a, 8);
    s->keyed = true;
    for (uint16_t c = 0; c < n; c++) {
        s->key[s->nkey++] = schema_add(s, name[c], types[c], true, false);
    }
    return s;
}

static const char *text_of(const struct schema *s, const struct str *key, struct buffer *out)
{
    buffer_clear(out);
    key_text(s, str_data(key), key->n, out);
    return buffer_cstr(out);
}

static void one_string(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    const struct type *const types[] = {&type_string};
    struct schema *s = keyed_by(&a, 1, types);
    struct batch *b = batch_new(&a, s, 3, NULL);
    b->nsel = 3;
    b->col[0].s[0] = str_ref("host-1", 6);
    vec_set_null(&b->col[0], &a, 3, 1);
    b->col[0].s[2] = str_ref("a much longer host name", 23);
    struct keyed_rows k = key_rows(b);
    assert_int_equal(k.nsel, 2);
    assert_int_equal(k.nulls, 1);
    assert_int_equal(k.sel[0], 0);
    assert_int_equal(k.sel[1], 2);
    assert_int_equal(k.key[0].n, 6);
    assert_true(k.hash[0] == hash_bytes("host-1", 6, 0));
    assert_true(k.hash[2] == hash_bytes("a much longer host name", 23, 0));
    struct buffer text;
    buffer_init(&text);
    assert_string_equal(text_of(s, &k.key[2], &text), "a much longer host name");
    struct vec col = vec_new(&a, &type_string, 1);
    assert_int_equal(key_restore(s, str_data(&k.key[2]), k.key[2].n, &col, 0, 1, &a), 0);
    assert_true(vec_same(&col, 0, &b->col[0], 2));
    buffer_done(&text);
    arena_done(&a);
}

static void several_columns(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    const struct type *const types[] = {&type_string, &type_long,    &type_double,
                                        &type_bytes,  &type_boolean, &type_timestamp};
    struct schema *s = keyed_by(&a, 6, types);
    struct batch *b = batch_new(&a, s, 4, NULL);
    b->nsel = 4;
    for (uint16_t i = 0; i < 4; i++) {
        b->col[0].s[i] = str_ref("some name of a host", i * 5);
        b->col[1].i[i] = i % 2 ? INT64_MIN : INT64_MAX;
        b->col[2].d[i] = i * 0.5;
        b->col[3].s[i] = str_ref("\x00\xff|", i % 4);
        b->col[4].b[i] = i == 2;
        b->col[5].i[i] = -1 - i;
    }
    struct keyed_rows k = key_rows(b);
    assert_int_equal(k.nsel, 4);
    struct vec col[6];
    for (uint16_t c = 0; c < 6; c++) {
        col[c] = vec_new(&a, types[c], 4);
    }
    for (uint16_t i = 0; i < 4; i++) {
        assert_int_equal(key_restore(s, str_data(&k.key[i]), k.key[i].n, col, i, 4, &a), 0);
        for (uint16_t c = 0; c < 6; c++) {
            assert_true(vec_same(&col[c], i, &b->col[c], i));
        }
        for (uint32_t n = 0; n < k.key[i].n; n++) {
            assert_int_equal(key_restore(s, str_data(&k.key[i]), n, col, i, 4, &a), -ERR_DATA);
        }
    }
    struct buffer text;
    buffer_init(&text);
    assert_string_equal(text_of(s, &k.key[2], &text),
                        "some name |9223372036854775807|1.0|AP8=|true|-3");
    buffer_done(&text);
    arena_done(&a);
}

static void equal_doubles_are_equal_keys(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    const struct type *const types[] = {&type_double};
    struct schema *s = keyed_by(&a, 1, types);
    struct batch *b = batch_new(&a, s, 4, NULL);
    b->nsel = 4;
    b->col[0].d[0] = -0.0;
    b->col[0].d[1] = 0.0;
    b->col[0].d[2] = (double)NAN;
    b->col[0].d[3] = -(double)NAN;
    struct keyed_rows k = key_rows(b);
    assert_true(str_equal(&k.key[0], &k.key[1]));
    assert_true(str_equal(&k.key[2], &k.key[3]));
    assert_false(str_equal(&k.key[0], &k.key[2]));
    arena_done(&a);
}

static void no_key_columns(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct schema *s = schema_new(&a, 1);
    schema_add(s, "x", &type_long, false, false);
    s->keyed = true;
    struct batch *b = batch_new(&a, s, 4, NULL);
    static const uint16_t sel[] = {1, 3};
    b->nsel = 2;
    b->sel = sel;
    struct keyed_rows k = key_rows(b);
    assert_int_equal(k.nsel, 2);
    assert_int_equal(k.key[3].n, 0);
    assert_true(k.hash[1] == k.hash[3]);
    assert_int_equal(key_restore(s, "", 0, b->col, 0, 4, &a), 0);
    assert_int_equal(key_restore(s, "x", 1, b->col, 0, 4, &a), -ERR_DATA);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_string),
        cmocka_unit_test(several_columns),
        cmocka_unit_test(equal_doubles_are_equal_keys),
        cmocka_unit_test(no_key_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
