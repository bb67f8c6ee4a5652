/* codec json: types, nesting, nulls, duplicates, errors, writing. */
#include "tests/support/codec_rig.h"

#include "engine/nested.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

extern const struct codec_def codec_json;

static void every_type(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, &codec_json, false,
             "{b: boolean, l: long, d: double, s: string, y: bytes, t: timestamp, "
             "a: 'array<long>', m: 'map<array<string>>'}",
             2);
    rig_reader(&r, NULL);
    assert_int_equal(rig_read(&r, 0,
                              "{\"b\":true,\"l\":-5,\"d\":3,\"s\":\"h\\u00e4 long text here\","
                              "\"y\":\"AAEC\",\"t\":\"1970-01-01T00:00:01.5Z\",\"a\":[1,null,3],"
                              "\"m\":{\"k\":[\"x\",null]},\"unknown\":[{\"deep\":1}]}"),
                     0);
    assert_int_equal(r.batch->col[0].b[0], 1);
    assert_int_equal(r.batch->col[1].i[0], -5);
    assert_true(r.batch->col[2].d[0] == 3.0);
    assert_string_equal(rig_value(&r, "s", 0), "h\xc3\xa4 long text here");
    assert_int_equal(r.batch->col[4].s[0].n, 3);
    assert_memory_equal(str_data(&r.batch->col[4].s[0]), "\0\1\2", 3);
    assert_int_equal(r.batch->col[5].i[0], 1500);
    assert_string_equal(rig_value(&r, "a", 0), "[1, null, 3]");
    assert_string_equal(rig_value(&r, "m", 0), "{\"k\": [\"x\", null]}");
    rig_writer(&r);
    assert_string_equal(rig_write(&r, 0),
                        "{\"b\":true,\"l\":-5,\"d\":3.0,\"s\":\"h\xc3\xa4 long text here\","
                        "\"y\":\"AAEC\",\"t\":1500,\"a\":[1,null,3],\"m\":{\"k\":[\"x\",null]}}");
    assert_int_equal(rig_read(&r, 1, "{}"), 0);
    assert_string_equal(rig_write(&r, 1),
                        "{\"b\":null,\"l\":null,\"d\":null,\"s\":null,\"y\":null,\"t\":null,"
                        "\"a\":null,\"m\":null}");
    rig_done(&r);
}

static void nested_objects_are_columns(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, &codec_json, false, "{a.b: long, x: long, a.c.d: string}", 3);
    rig_reader(&r, NULL);
    rig_writer(&r);
    assert_int_equal(rig_read(&r, 0, "{\"a\":{\"c\":{\"d\":\"q\"},\"b\":1},\"x\":2}"), 0);
    assert_string_equal(rig_write(&r, 0), "{\"a\":{\"b\":1,\"c\":{\"d\":\"q\"}},\"x\":2}");
    assert_int_equal(rig_read(&r, 1, "{\"a\":null,\"x\":3}"), 0);
    assert_string_equal(rig_write(&r, 1), "{\"a\":{\"b\":null,\"c\":{\"d\":null}},\"x\":3}");
    assert_int_equal(rig_read(&r, 2, "{\"a\":7}"), -ERR_DATA);
    assert_string_equal(r.err.text, "a: an object is expected");
    rig_done(&r);
}

static void names_that_cannot_be_split_stay_whole(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, &codec_json, false, "{'c.': long, .d: long, e..f: long}", 1);
    rig_reader(&r, NULL);
    rig_writer(&r);
    static const char text[] = "{\"c.\":3,\".d\":4,\"e..f\":5}";
    assert_int_equal(rig_read(&r, 0, text), 0);
    assert_string_equal(rig_write(&r, 0), text);
    rig_done(&r);
}

static void last_duplicate_wins(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, &codec_json, false, "{a.b: long, a.c: long, x: long, s: string}", 4);
    rig_reader(&r, NULL);
    rig_writer(&r);
    assert_int_equal(rig_read(&r, 0, "{\"x\":1,\"x\":2,\"s\":\"p\",\"s\":null}"), 0);
    assert_string_equal(rig_write(&r, 0), "{\"a\":{\"b\":null,\"c\":null},\"x\":2,\"s\":null}");
    assert_int_equal(rig_read(&r, 1, "{\"a\":{\"b\":1},\"a\":{\"c\":2},\"x\":null,\"x\":5}"), 0);
    assert_string_equal(rig_write(&r, 1), "{\"a\":{\"b\":null,\"c\":2},\"x\":5,\"s\":null}");
    assert_int_equal(rig_read(&r, 2, "{\"a\":{\"b\":1},\"a\":null}"), 0);
    assert_string_equal(rig_write(&r, 2), "{\"a\":{\"b\":null,\"c\":null},\"x\":null,\"s\":null}");
    rig_done(&r);
}

static void a_row_may_be_filled_again(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, &codec_json, false, "{x: long, s: string}", 1);
    rig_reader(&r, NULL);
    rig_writer(&r);
    assert_int_equal(rig_read(&r, 0, "{\"x\":1,\"s\":5}"), -ERR_DATA);
    assert_string_equal(r.err.text, "s: string is expected, not a number");
    assert_int_equal(rig_read(&r, 0, "{\"s\":\"v\"}"), 0);
    assert_string_equal(rig_write(&r, 0), "{\"x\":null,\"s\":\"v\"}");
    assert_int_equal(r.batch->col[0].i[0], 0);
    assert_int_equal(rig_read(&r, 0, "{\"x\":9}"), 0);
    assert_string_equal(rig_write(&r, 0), "{\"x\":9,\"s\":null}");
    rig_done(&r);
}

static void doubles_that_are_not_finite(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, &codec_json, false, "{d: double, a: 'array<double>'}", 1);
    rig_reader(&r, NULL);
    rig_writer(&r);
    static const char text[] = "{\"d\":\"NaN\",\"a\":[\"Infinity\",\"-Infinity\",-0.0,1e+300,0.1]}";
    assert_int_equal(rig_read(&r, 0, text), 0);
    assert_true(isnan(r.batch->col[0].d[0]));
    assert_string_equal(rig_write(&r, 0), text);
    assert_int_equal(rig_read(&r, 0, "{\"d\":\"nan\"}"), -ERR_DATA);
    rig_done(&r);
}

static void wrong_values(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"l\":1.5}",
        "{\"l\":\"1\"}",
        "{\"l\":9223372036854775808}",
        "{\"l\":true}",
        "{\"t\":\"yesterday\"}",
        "{\"t\":true}",
        "{\"t\":1.5}",
        "{\"t\":\"2026-02-30\"}",
        "{\"y\":\"*\"}",
        "{\"y\":\"A\"}",
        "{\"b\":0}",
        "{\"a\":{}}",
        "{\"a\":[\"x\"]}",
        "{\"m\":[]}",
        "[]",
        "null",
        "",
        "{",
        "{\"l\":1}x",
        "{\"l\":1,}",
        "{\"unknown\":}",
        "{\"unknown\":[1,]}",
    };
    struct rig r;
    rig_init(&r, &codec_json, false,
             "{l: long, t: timestamp, y: bytes, b: boolean, a: 'array<long>', m: 'map<long>'}", 1);
    rig_reader(&r, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(rig_read(&r, 0, bad[i]), -ERR_DATA);
        assert_true(r.err.text[0] != '\0');
    }
    assert_int_equal(rig_read(&r, 0, "{\"l\":1e3}"), 0);
    assert_int_equal(r.batch->col[0].i[0], 1000);
    rig_done(&r);
}

static void only_needed_columns_are_read(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, &codec_json, false, "{a: long, b: long}", 1);
    const bool needs[] = {false, true};
    r.batch = batch_new(&r.mem, r.schema, 1, needs);
    rig_reader(&r, needs);
    assert_int_equal(rig_read(&r, 0, "{\"a\":\"not even a long\",\"b\":2}"), 0);
    assert_null(r.batch->col[0].data);
    assert_int_equal(r.batch->col[1].i[0], 2);
    rig_done(&r);
}

static void columns_that_may_not_be_null(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, &codec_json, false, "{a: long}", 1);
    r.schema->col[0].nullable = false;
    rig_reader(&r, NULL);
    assert_int_equal(rig_read(&r, 0, "{}"), -ERR_DATA);
    assert_int_equal(rig_read(&r, 0, "{\"a\":null}"), -ERR_DATA);
    assert_int_equal(rig_read(&r, 0, "{\"a\":1}"), 0);
    rig_done(&r);
}

static void keys_write_key_columns_only(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, &codec_json, true, "{host: string, rack: long, other: long}", 1);
    r.schema->nkey = 2;
    r.schema->key[0] = 1;
    r.schema->key[1] = 0;
    rig_reader(&r, NULL);
    rig_writer(&r);
    assert_int_equal(rig_read(&r, 0, "{\"host\":\"h\",\"rack\":3,\"other\":1}"), 0);
    assert_string_equal(rig_write(&r, 0), "{\"rack\":3,\"host\":\"h\"}");
    rig_done(&r);
}

/* Fields of records inside arrays come in any order, several times, or not at all. */
static void records_in_arrays(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, &codec_json, false, "{a: 'array<record<x: long, y: array<string>, z: bytes>>'}",
             1);
    rig_reader(&r, NULL);
    rig_writer(&r);
    assert_int_equal(rig_read(&r, 0,
                              "{\"a\":[{\"y\":[\"p\",\"q\"],\"x\":1},null,{\"x\":2,\"x\":3,"
                              "\"no\":{},\"z\":\"AAEC\"},{}]}"),
                     0);
    assert_string_equal(rig_write(&r, 0), "{\"a\":[{\"x\":1,\"y\":[\"p\",\"q\"],\"z\":null},null,"
                                          "{\"x\":3,\"y\":null,\"z\":\"AAEC\"},"
                                          "{\"x\":null,\"y\":null,\"z\":null}]}");
    assert_int_equal(rig_read(&r, 0, "{\"a\":[{\"y\":[1]}]}"), -ERR_DATA);
    assert_string_equal(r.err.text, "a: y: string is expected, not a number");
    rig_done(&r);
}

static void many_columns(void **state)
{
    (void)state;
    struct buffer columns, text;
    buffer_init(&columns);
    buffer_init(&text);
    for (int i = 0; i < 300; i++) {
        buffer_printf(&columns, "%sg%d.c%d: long", i ? ", " : "{", i % 20, i);
    }
    buffer_text(&columns, "}");
    struct rig r;
    rig_init(&r, &codec_json, false, buffer_cstr(&columns), 1);
    rig_reader(&r, NULL);
    for (int g = 19; g >= 0; g--) {
        buffer_printf(&text, "%s\"g%d\":{", g == 19 ? "{" : ",", g);
        for (int i = 280 + g; i >= 0; i -= 20) {
            buffer_printf(&text, "\"c%d\":%d%s", i, i * 2, i >= 20 ? "," : "}");
        }
    }
    buffer_text(&text, "}");
    assert_int_equal(rig_read(&r, 0, buffer_cstr(&text)), 0);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(r.batch->col[i].i[0], i * 2);
        assert_false(vec_is_null(&r.batch->col[i], 0));
    }
    rig_done(&r);
    buffer_done(&columns);
    buffer_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type),
        cmocka_unit_test(nested_objects_are_columns),
        cmocka_unit_test(names_that_cannot_be_split_stay_whole),
        cmocka_unit_test(last_duplicate_wins),
        cmocka_unit_test(a_row_may_be_filled_again),
        cmocka_unit_test(doubles_that_are_not_finite),
        cmocka_unit_test(wrong_values),
        cmocka_unit_test(only_needed_columns_are_read),
        cmocka_unit_test(columns_that_may_not_be_null),
        cmocka_unit_test(keys_write_key_columns_only),
        cmocka_unit_test(records_in_arrays),
        cmocka_unit_test(many_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
