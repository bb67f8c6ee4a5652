/* Nested values: written, read, printed, and damaged in every byte. */
#include "engine/nested.h"

#include "engine/arena.h"
#include "engine/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct nested_value long_of(int64_t i)
{
    return (struct nested_value){.i = i};
}

static struct nested_value text_of(const char *s)
{
    struct nested_value v = {0};
    v.s.p = s;
    v.s.n = (uint32_t)strlen(s);
    return v;
}

/* {"a": [1, null, -3], "b": [], "a": [9]} as map<array<long>>. */
static void build_map(struct buffer *out)
{
    struct nested_value null = {.is_null = true};
    struct nested_value one = long_of(1), minus = long_of(-3), nine = long_of(9);
    buffer_varint(out, 3);
    buffer_varint(out, 1);
    buffer_text(out, "a");
    buffer_byte(out, 1);
    buffer_varint(out, 3);
    nested_put(out, &type_long, &one);
    nested_put(out, &type_long, &null);
    nested_put(out, &type_long, &minus);
    buffer_varint(out, 1);
    buffer_text(out, "b");
    buffer_byte(out, 1);
    buffer_varint(out, 0);
    buffer_varint(out, 1);
    buffer_text(out, "a");
    buffer_byte(out, 1);
    buffer_varint(out, 1);
    nested_put(out, &type_long, &nine);
}

static void maps_and_arrays(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    const struct type *t = type_parse(&a, "map<array<long>>");
    struct buffer b;
    buffer_init(&b);
    build_map(&b);
    uint32_t n = (uint32_t)b.n;
    assert_int_equal(nested_count(b.data, n), 3);
    struct nested_value v, item;
    assert_true(nested_at(t, b.data, n, 0, &v));
    assert_int_equal(nested_count(v.s.p, v.s.n), 3);
    assert_true(nested_at(t->of, v.s.p, v.s.n, 2, &item));
    assert_int_equal(item.i, -3);
    assert_true(nested_at(t->of, v.s.p, v.s.n, 1, &item));
    assert_true(item.is_null);
    assert_false(nested_at(t->of, v.s.p, v.s.n, 3, &item));
    assert_false(nested_at(t->of, v.s.p, v.s.n, -1, &item));
    assert_true(nested_entry(t, b.data, n, "a", 1, &v)); /* the last of equal keys */
    assert_true(nested_at(t->of, v.s.p, v.s.n, 0, &item));
    assert_int_equal(item.i, 9);
    assert_false(nested_entry(t, b.data, n, "c", 1, &v));
    struct buffer text;
    buffer_init(&text);
    struct nested_value whole = {0};
    whole.s.p = b.data;
    whole.s.n = n;
    nested_print(&text, t, &whole);
    assert_string_equal(buffer_cstr(&text), "{\"a\": [1, null, -3], \"b\": [], \"a\": [9]}");
    buffer_done(&text);
    buffer_done(&b);
    arena_done(&a);
}

static void records(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    const struct type *t =
        type_parse(&a, "record<s: string, d: double, f: boolean, y: bytes, t: timestamp>");
    struct buffer b;
    buffer_init(&b);
    struct nested_value s = text_of("q\"\n"), y = text_of("\x01\x02"), d = {.d = 0.5};
    struct nested_value yes = long_of(1), null = {.is_null = true};
    nested_put(&b, &type_string, &s);
    nested_put(&b, &type_double, &d);
    nested_put(&b, &type_boolean, &yes);
    nested_put(&b, &type_bytes, &y);
    nested_put(&b, &type_timestamp, &null);
    struct nested_value v;
    assert_true(nested_field(t, b.data, (uint32_t)b.n, 0, &v));
    assert_memory_equal(v.s.p, "q\"\n", 3);
    assert_true(nested_field(t, b.data, (uint32_t)b.n, 1, &v));
    assert_true(v.d == 0.5);
    assert_true(nested_field(t, b.data, (uint32_t)b.n, 4, &v));
    assert_true(v.is_null);
    assert_false(nested_field(t, b.data, (uint32_t)b.n, 5, &v));
    struct nested_value whole = {0};
    whole.s.p = b.data;
    whole.s.n = (uint32_t)b.n;
    struct buffer text;
    buffer_init(&text);
    nested_print(&text, t, &whole);
    assert_string_equal(buffer_cstr(&text), "{\"s\": \"q\\\"\\u000a\", \"d\": 0.5, \"f\": true, "
                                            "\"y\": \"AQI=\", \"t\": null}");
    buffer_done(&text);
    buffer_done(&b);
    arena_done(&a);
}

/* Every byte of the map replaced by every value, in memory of exactly its size: only asan and the
 * end of the loops can object. */
static void damage_is_the_end_of_data(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    const struct type *t = type_parse(&a, "map<array<long>>");
    struct buffer b, text;
    buffer_init(&b);
    buffer_init(&text);
    build_map(&b);
    for (size_t n = 0; n <= b.n; n++) {
        char *p = mem_alloc(n);
        for (size_t i = 0; i < n || i == 0; i++) {
            for (int byte = 0; byte < 256; byte++) {
                memcpy(p, b.data, n);
                if (n > 0) {
                    p[i] = (char)byte;
                }
                struct nested_value v;
                nested_entry(t, p, (uint32_t)n, "a", 1, &v);
                v = (struct nested_value){0};
                v.s.p = p;
                v.s.n = (uint32_t)n;
                buffer_clear(&text);
                nested_print(&text, t, &v);
                assert_true(nested_count(p, (uint32_t)n) <= (int64_t)n);
                assert_true(text.n < 1000);
            }
        }
        mem_free(p);
    }
    buffer_done(&text);
    buffer_done(&b);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_and_arrays),
        cmocka_unit_test(records),
        cmocka_unit_test(damage_is_the_end_of_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
