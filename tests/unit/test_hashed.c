/* Hashed features: murmur3's published values, texts in pieces, each kind of value. */
#include "ml/hashed.h"

#include "engine/buffer.h"
#include "engine/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint32_t hash(uint32_t seed, const char *text)
{
    struct hashed_text t = hashed_begin(seed);
    hashed_add(&t, text, strlen(text));
    return hashed_end(&t);
}

static void known_values_of_murmur3(void **state)
{
    (void)state;
    assert_int_equal(hash(0, ""), 0);
    assert_int_equal(hash(1, ""), 0x514e28b7);
    assert_int_equal(hash(0, "test"), 0xba6bd213);
    assert_int_equal(hash(0, "Hello, world!"), 0xc0363e43);
    assert_int_equal(hash(0x9747b28c, "The quick brown fox jumps over the lazy dog"), 0x2fa826cd);
}

static void pieces_make_the_same_text(void **state)
{
    (void)state;
    const char *text = "sentiments of many guests";
    for (size_t i = 0; i <= strlen(text); i++) {
        for (size_t k = i; k <= strlen(text); k++) {
            struct hashed_text t = hashed_begin(7);
            hashed_add(&t, text, i);
            hashed_add(&t, text + i, k - i);
            hashed_add(&t, text + k, strlen(text) - k);
            assert_int_equal(hashed_end(&t), hash(7, text));
        }
    }
}

/* Short ones go another way than long ones: with nothing to three bytes pending before them. */
static void strings_of_all_lengths(void **state)
{
    (void)state;
    const char *text = "kind=a name of \x80\xff many bytes", *name = "kind=";
    for (size_t n = 0; n <= strlen(name); n++) {
        struct hashed_text begin = hashed_begin(3);
        hashed_add(&begin, name, n);
        for (size_t k = 0; n + k <= strlen(text); k++) {
            struct hashed_text whole = begin;
            struct str s = str_ref(text + n, (uint32_t)k);
            hashed_add(&whole, text + n, k);
            assert_int_equal(hashed_string(&begin, &s), hashed_end(&whole));
        }
    }
}

static void numbers_are_below_n(void **state)
{
    (void)state;
    bool is_negative;
    assert_int_equal(hashed_index(0x80000000U, 16777216, &is_negative), 0);
    assert_true(is_negative);
    assert_int_equal(hashed_index(0xffffffffU, 1000, &is_negative), 1);
    assert_true(is_negative);
    assert_int_equal(hashed_index(1001, 1000, &is_negative), 1);
    assert_false(is_negative);
    assert_int_equal(hashed_index(12345, 1, &is_negative), 0);
}

static struct str nested(struct buffer *b, const struct type *of, const char *const *key,
                         const struct nested_value *value, int n)
{
    buffer_varint(b, n);
    for (int i = 0; i < n; i++) {
        if (key) {
            buffer_varint(b, (int64_t)strlen(key[i]));
            buffer_text(b, key[i]);
        }
        nested_put(b, of, &value[i]);
    }
    return str_ref(b->data, (uint32_t)b->n);
}

static void items_of_an_array(void **state)
{
    (void)state;
    struct type words = {.kind = TYPE_ARRAY, .of = &type_string};
    struct nested_value value[] = {{.s = {"a", 1}}, {.is_null = true}, {.s = {"", 0}}};
    struct buffer b;
    uint32_t h;
    double x;
    buffer_init(&b);
    struct str s = nested(&b, &type_string, NULL, value, 3);
    struct vec v = {.type = &words, .s = &s};
    assert_int_equal(hashed_count(&v, 0), 3);
    struct hashed_items items = hashed_open(&v, 0, hashed_begin(0));
    assert_true(hashed_next(&items, &h, &x) && h == hash(0, "a") && x == 1);
    assert_true(hashed_next(&items, &h, &x) && h == 0 && x == 1);
    assert_false(hashed_next(&items, &h, &x));
    buffer_done(&b);
}

static void entries_of_a_map(void **state)
{
    (void)state;
    struct type map = {.kind = TYPE_MAP, .of = &type_double};
    const char *const key[] = {"one", "two", "three", "four"};
    struct nested_value value[] = {
        {.d = (double)NAN}, {.d = -1.5}, {.is_null = true}, {.d = 2e150}};
    struct buffer b;
    uint32_t h;
    double x;
    buffer_init(&b);
    struct str s = nested(&b, &type_double, key, value, 4);
    struct vec v = {.type = &map, .s = &s};
    struct hashed_text begin = hashed_begin(0);
    hashed_add(&begin, "m=", 2);
    struct hashed_items items = hashed_open(&v, 0, begin);
    assert_true(hashed_next(&items, &h, &x) && h == hash(0, "m=two") && x == -1.5);
    assert_false(hashed_next(&items, &h, &x));
    buffer_done(&b);
}

static void a_string_is_one_item(void **state)
{
    (void)state;
    uint32_t h;
    double x;
    struct str s = str_ref("west", 4);
    struct vec v = {.type = &type_string, .s = &s};
    assert_int_equal(hashed_count(&v, 0), 1);
    struct hashed_items items = hashed_open(&v, 0, hashed_begin(0));
    assert_true(hashed_next(&items, &h, &x) && h == hash(0, "west") && x == 1);
    assert_false(hashed_next(&items, &h, &x));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values_of_murmur3), cmocka_unit_test(pieces_make_the_same_text),
        cmocka_unit_test(strings_of_all_lengths),  cmocka_unit_test(numbers_are_below_n),
        cmocka_unit_test(items_of_an_array),       cmocka_unit_test(entries_of_a_map),
        cmocka_unit_test(a_string_is_one_item),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
