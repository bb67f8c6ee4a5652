/* Declared columns: types, errors, columns of an Avro schema instead. */
#include "schemas/columns.h"
#include "tests/support/codec_rig.h"

#include "engine/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

extern const struct codec_def codec_json, codec_csv;

static int infer(struct rig *r, const char *columns)
{
    struct yaml *y = NULL;
    assert_int_equal(yaml_parse(&y, &r->plan, "f", columns, strlen(columns), &r->diags), 0);
    r->spec.columns = y;
    return columns_infer(&r->spec, &r->plan, r->schema, &r->diags);
}

static void types(void **state)
{
    (void)state;
    struct rig r;
    struct buffer text;
    buffer_init(&text);
    rig_init(&r, &codec_csv, false,
             "{i: int, f: float, a.b: 'array<string>', m: 'map<long>', t: timestamp}", 1);
    schema_print(&text, r.schema);
    assert_string_equal(buffer_cstr(&text), "i: long?, f: double?, a.b: array<string>?, "
                                            "m: map<long>?, t: timestamp?");
    buffer_done(&text);
    rig_done(&r);
}

static void every_problem_is_told(void **state)
{
    (void)state;
    struct rig r;
    char text[256];
    rig_init(&r, &codec_json, false, "{z: long}", 1);
    assert_int_equal(infer(&r, "{a: strng, b: long, c: [1], d: 'array<x>', z: string}"),
                     -ERR_CONFIG);
    assert_int_equal(r.diags.n, 4);
    diags_format(&r.diags, 0, text, sizeof text);
    assert_non_null(strstr(text, "f:1:5: from.columns.a: \"strng\" is no type"));
    assert_non_null(strstr(text, "did you mean \"string\"?"));
    assert_non_null(strstr(r.diags.item[3].text, "different types"));
    assert_int_equal(infer(&r, "[a, b]"), -ERR_CONFIG);
    r.spec.columns = NULL;
    assert_int_equal(columns_infer(&r.spec, &r.plan, r.schema, &r.diags), -ERR_CONFIG);
    assert_non_null(strstr(r.diags.item[5].text, "add `columns: {name: type}` or `schema`"));
    rig_done(&r);
}

static void an_avro_schema_instead(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, &codec_json, false, "{other: long}", 1);
    r.spec.columns = NULL;
    r.spec.schema_json = "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
                         "{\"name\":\"a\",\"type\":\"int\"},"
                         "{\"name\":\"b\",\"type\":[\"null\",\"string\"]}]}";
    assert_int_equal(columns_infer(&r.spec, &r.plan, r.schema, &r.diags), 0);
    assert_int_equal(r.schema->n, 3);
    assert_false(r.schema->col[1].nullable);
    assert_true(r.schema->col[2].nullable);
    uint16_t column[3];
    assert_int_equal(columns_to_read(&r.spec, r.schema, NULL, column), 2);
    assert_int_equal(column[0], 1); /* `other` belongs to someone else */
    const bool needs[] = {true, false, true};
    assert_int_equal(columns_to_read(&r.spec, r.schema, needs, column), 1);
    assert_int_equal(column[0], 2);
    rig_done(&r);
}

/* In JSON a.b is a member of a; a column of CSV may be called so. */
static void a_member_and_its_object(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, &codec_json, false, "{z: long}", 1);
    assert_int_equal(infer(&r, "{a.b: long, ab: long, a: long}"), -ERR_CONFIG);
    assert_int_equal(r.diags.n, 1);
    assert_non_null(strstr(r.diags.item[0].text, "a.b is a member of the object a"));
    rig_done(&r);
    rig_init(&r, &codec_csv, false, "{z: long}", 1);
    assert_int_equal(infer(&r, "{a.b: long, a: long}"), 0);
    rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types), cmocka_unit_test(every_problem_is_told),
        cmocka_unit_test(a_member_and_its_object), cmocka_unit_test(an_avro_schema_instead)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
