/* The codecs string, bytes, long and none: one column, or the text of several. */
#include "tests/support/codec_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

extern const struct codec_def codec_string, codec_bytes, codec_long, codec_none;

static void set_key(struct rig *r, uint16_t n, uint16_t first, uint16_t second)
{
    r->schema->nkey = n;
    r->schema->key[0] = first;
    r->schema->key[1] = second;
    r->schema->keyed = true;
}

static void hidden_columns(void **state)
{
    (void)state;
    static const struct {
        const struct codec_def *def;
        bool is_key;
        const char *name;
        const struct type *type;
    } each[] = {
        {&codec_string, true, "_key", &type_string}, {&codec_string, false, "_value", &type_string},
        {&codec_bytes, true, "_key", &type_bytes},   {&codec_bytes, false, "_value", &type_bytes},
        {&codec_long, true, "_key", &type_long},
    };
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        struct rig r;
        rig_init(&r, each[i].def, each[i].is_key, NULL, 1);
        assert_int_equal(r.schema->n, 1);
        assert_string_equal(r.schema->col[0].name, each[i].name);
        assert_true(r.schema->col[0].hidden);
        assert_true(type_equal(r.schema->col[0].type, each[i].type));
        rig_done(&r);
    }
}

static void a_named_key(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, &codec_string, true, "{host: string}", 1);
    assert_string_equal(r.schema->col[0].name, "host");
    assert_false(r.schema->col[0].hidden);
    set_key(&r, 1, 0, 0);
    rig_reader(&r, NULL);
    rig_writer(&r);
    assert_int_equal(rig_read(&r, 0, "a host with a long name"), 0);
    assert_string_equal(rig_write(&r, 0), "a host with a long name");
    r.schema->n = 0;
    r.spec.def = &codec_long;
    assert_int_equal(codec_long.infer(&r.spec, &r.plan, r.schema, &r.diags), -ERR_CONFIG);
    rig_done(&r);
}

static void strings_are_utf8(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, &codec_string, false, NULL, 2);
    rig_reader(&r, NULL);
    rig_writer(&r);
    assert_int_equal(rig_read(&r, 0, "\xff"), -ERR_DATA);
    assert_int_equal(rig_read(&r, 0, ""), 0);
    assert_string_equal(rig_write(&r, 0), "");
    vec_set_null(&r.batch->col[0], &r.mem, 2, 1);
    assert_null(rig_write(&r, 1)); /* a tombstone */
    assert_int_equal(r.err.kind, ERR_NONE);
    rig_done(&r);
}

static void bytes_are_kept(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, &codec_bytes, true, NULL, 1);
    set_key(&r, 1, 0, 0);
    rig_reader(&r, NULL);
    rig_writer(&r);
    assert_int_equal(rig_read_bytes(&r, 0, "\0\xff\1 and more than twelve", 23), 0);
    assert_non_null(rig_write(&r, 0));
    assert_int_equal(r.out.n, 23);
    assert_memory_equal(r.out.data, "\0\xff\1 and more than twelve", 23);
    rig_done(&r);
}

static void longs_are_big_endian(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, &codec_long, true, NULL, 1);
    set_key(&r, 1, 0, 0);
    rig_reader(&r, NULL);
    rig_writer(&r);
    assert_int_equal(rig_read_bytes(&r, 0, "\0\0\0\0\0\0\1\2", 8), 0);
    assert_int_equal(r.batch->col[0].i[0], 258);
    assert_int_equal(rig_read_bytes(&r, 0, "\xff\xff\xff\xff\xff\xff\xff\xfe", 8), 0);
    assert_int_equal(r.batch->col[0].i[0], -2);
    assert_non_null(rig_write(&r, 0));
    assert_memory_equal(r.out.data, "\xff\xff\xff\xff\xff\xff\xff\xfe", 8);
    assert_int_equal(rig_read_bytes(&r, 0, "\0\0\0\1", 4), -ERR_DATA);
    rig_done(&r);
}

/* A schema of columns made by hand: name, type, hidden. */
static void add(struct rig *r, const char *name, const struct type *t, bool hidden)
{
    schema_add(r->schema, name, t, true, hidden);
}

static void several_key_columns_are_joined(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, &codec_string, true, NULL, 1);
    add(&r, "host", &type_string, false);
    add(&r, "port", &type_long, false);
    set_key(&r, 2, 1, 2);
    r.batch = batch_new(&r.mem, r.schema, 1, NULL);
    r.batch->col[1].s[0] = str_ref("h", 1);
    r.batch->col[2].i[0] = 80;
    rig_writer(&r);
    assert_string_equal(rig_write(&r, 0), "h|80");
    struct codec_writer *w = NULL;
    r.spec.def = &codec_long;
    assert_int_equal(codec_long.writer_open(&w, &r.spec, r.schema, NULL, &r.err), -ERR_CONFIG);
    r.spec.def = &codec_string;
    rig_done(&r);
}

static void the_value_is_one_column(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, &codec_string, false, NULL, 1); /* 0: _value */
    add(&r, "host", &type_string, false);        /* 1, the key */
    add(&r, "n", &type_long, false);             /* 2 */
    set_key(&r, 1, 1, 0);
    r.batch = batch_new(&r.mem, r.schema, 1, NULL);
    r.batch->col[0].s[0] = str_ref("v", 1);
    r.batch->col[1].s[0] = str_ref("h", 1);
    r.batch->col[2].i[0] = 5;
    rig_writer(&r);
    assert_string_equal(rig_write(&r, 0), "5");
    codec_string.writer_close(r.writer);
    r.schema->col[2].hidden = true;
    rig_writer(&r);
    assert_string_equal(rig_write(&r, 0), "h");
    codec_string.writer_close(r.writer);
    r.schema->col[1].hidden = true;
    rig_writer(&r);
    assert_string_equal(rig_write(&r, 0), "v");
    add(&r, "x", &type_long, false);
    add(&r, "y", &type_long, false);
    struct codec_writer *w = NULL;
    assert_int_equal(codec_string.writer_open(&w, &r.spec, r.schema, NULL, &r.err), -ERR_CONFIG);
    assert_non_null(strstr(r.err.text, "there are 2"));
    rig_done(&r);
}

static void none_is_null(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, &codec_none, true, NULL, 1);
    assert_int_equal(r.schema->n, 0);
    rig_reader(&r, NULL);
    rig_writer(&r);
    assert_int_equal(rig_read(&r, 0, "anything"), 0);
    assert_null(rig_write(&r, 0));
    assert_int_equal(r.err.kind, ERR_NONE);
    rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hidden_columns),          cmocka_unit_test(a_named_key),
        cmocka_unit_test(strings_are_utf8),        cmocka_unit_test(bytes_are_kept),
        cmocka_unit_test(longs_are_big_endian),    cmocka_unit_test(several_key_columns_are_joined),
        cmocka_unit_test(the_value_is_one_column), cmocka_unit_test(none_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
