/* Rows as bytes: every type there and back, nulls, columns left out, damage. */
#include "engine/row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/error.h"
#include "engine/nested.h"

struct rig {
    struct arena mem;
    struct schema *schema;
    struct batch *b;
    struct row_layout layout;
    struct buffer bytes;
};

static const char long_text[] = "a text of more than twelve bytes";

static void setup(struct rig *r)
{
    arena_init(&r->mem);
    buffer_init(&r->bytes);
    struct schema *s = r->schema = schema_new(&r->mem, 9);
    schema_add(s, "b", &type_boolean, true, false);
    schema_add(s, "l", &type_long, true, false);
    schema_add(s, "d", &type_double, true, false);
    schema_add(s, "t", &type_timestamp, true, false);
    schema_add(s, "s", &type_string, true, false);
    schema_add(s, "y", &type_bytes, true, false);
    schema_add(s, "a", type_array(&r->mem, &type_long), true, false);
    schema_add(s, "m", type_map(&r->mem, &type_string), true, false);
    schema_add(s, "unused", &type_string, false, false);
    struct batch *b = r->b = batch_new(&r->mem, s, 2, NULL);
    r->layout = row_layout_new(&r->mem, s);
    for (uint16_t c = 0; c < 8; c++) {
        row_layout_add(&r->layout, c);
        vec_set_null(&b->col[c], &r->mem, 2, 1);
    }
    b->col[8].data = NULL; /* not read */
    b->col[0].b[0] = 1;
    b->col[1].i[0] = INT64_MIN;
    b->col[2].d[0] = -0.5;
    b->col[3].i[0] = 1700000000000;
    b->col[4].s[0] = str_copy(&r->mem, long_text, sizeof long_text - 1);
    b->col[5].s[0] = str_copy(&r->mem, "\0\1", 2);
    struct nested_value x = {.i = 7}, text = {.s = {"v", 1}};
    buffer_varint(&r->bytes, 1);
    nested_put(&r->bytes, &type_long, &x);
    b->col[6].s[0] = str_copy(&r->mem, r->bytes.data, (uint32_t)r->bytes.n);
    buffer_clear(&r->bytes);
    buffer_varint(&r->bytes, 1);
    buffer_varint(&r->bytes, 1);
    buffer_byte(&r->bytes, 'k');
    nested_put(&r->bytes, &type_string, &text);
    b->col[7].s[0] = str_copy(&r->mem, r->bytes.data, (uint32_t)r->bytes.n);
    buffer_clear(&r->bytes);
}

static void teardown(struct rig *r)
{
    buffer_done(&r->bytes);
    arena_done(&r->mem);
}

static void there_and_back(void **state)
{
    (void)state;
    struct rig r;
    setup(&r);
    for (uint16_t row = 0; row < 2; row++) {
        struct batch *to = batch_new(&r.mem, r.schema, 3, NULL);
        buffer_clear(&r.bytes);
        row_save(&r.bytes, &r.layout, r.b, row);
        assert_int_equal(row_load(&r.layout, r.bytes.data, r.bytes.n, to->col, NULL, 2, 3, &r.mem),
                         0);
        for (uint16_t c = 0; c < 8; c++) {
            assert_int_equal(vec_is_null(&to->col[c], 2), row == 1);
            assert_true(vec_same(&r.b->col[c], row, &to->col[c], 2));
        }
    }
    teardown(&r);
}

static void into_other_columns(void **state)
{
    (void)state;
    struct rig r;
    setup(&r);
    struct row_layout two = row_layout_new(&r.mem, r.schema);
    row_layout_add(&two, 1);
    row_layout_add(&two, 4);
    const uint16_t to[] = {1, 0};
    struct vec col[] = {vec_new(&r.mem, &type_string, 1), vec_new(&r.mem, &type_long, 1)};
    row_save(&r.bytes, &two, r.b, 0);
    assert_int_equal(row_load(&two, r.bytes.data, r.bytes.n, col, to, 0, 1, &r.mem), 0);
    assert_true(vec_same(&col[0], 0, &r.b->col[4], 0));
    assert_true(vec_same(&col[1], 0, &r.b->col[1], 0));
    assert_true(str_data(&col[0].s[0]) < r.bytes.data ||
                str_data(&col[0].s[0]) >= r.bytes.data + r.bytes.n);
    teardown(&r);
}

static void damage(void **state)
{
    (void)state;
    struct rig r;
    setup(&r);
    struct batch *to = batch_new(&r.mem, r.schema, 1, NULL);
    row_save(&r.bytes, &r.layout, r.b, 0);
    for (size_t n = 0; n < r.bytes.n; n++) {
        assert_int_equal(row_load(&r.layout, r.bytes.data, n, to->col, NULL, 0, 1, &r.mem),
                         -ERR_DATA);
    }
    buffer_byte(&r.bytes, 0);
    assert_int_equal(row_load(&r.layout, r.bytes.data, r.bytes.n, to->col, NULL, 0, 1, &r.mem),
                     -ERR_DATA);
    r.bytes.data[0] = 2;
    assert_int_equal(row_load(&r.layout, r.bytes.data, r.bytes.n - 1, to->col, NULL, 0, 1, &r.mem),
                     -ERR_DATA);
    teardown(&r);
}

static void words_tell_layouts_apart(void **state)
{
    (void)state;
    struct rig r;
    setup(&r);
    row_layout_words(&r.layout, &r.bytes);
    assert_string_equal(buffer_cstr(&r.bytes),
                        "column b boolean\ncolumn l long\ncolumn d double\ncolumn t timestamp\n"
                        "column s string\ncolumn y bytes\ncolumn a array<long>\n"
                        "column m map<string>\n");
    teardown(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(into_other_columns),
        cmocka_unit_test(damage),
        cmocka_unit_test(words_tell_layouts_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
