/* JSON values of a type: nested ones, limits, storing in a row. Scalars are in test_json. */
#include "schemas/json_print.h"
#include "schemas/json_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct arena a;
    struct json_values values;
    struct buffer out;
    struct err e;
};

static int begin(void **state)
{
    static struct fixture f;
    memset(&f, 0, sizeof f);
    arena_init(&f.a);
    json_values_init(&f.values);
    buffer_init(&f.out);
    *state = &f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    json_values_done(&f->values);
    buffer_done(&f->out);
    arena_done(&f->a);
    return 0;
}

static int read(struct fixture *f, const char *type, const char *json, struct nested_value *v)
{
    const struct type *t = type_parse(&f->a, type);
    assert_non_null(t);
    err_clear(&f->e);
    json_begin(&f->values.pull, json, strlen(json));
    int rc = json_value_read(&f->values, t, v, &f->e);
    if (rc >= 0) {
        assert_true(json_finish(&f->values.pull));
        buffer_clear(&f->out);
        json_print_value(&f->out, t, v);
    }
    return rc;
}

static void nested(void **state)
{
    struct fixture *f = *state;
    struct nested_value v;
    static const char *const same[][2] = {
        {"array<long>", "[]"},
        {"array<array<boolean>>", "[[true],null,[],[false,null]]"},
        {"map<map<bytes>>", "{\"a\":{\"b\":\"AAEC\",\"\":null},\"c\":null}"},
        {"map<long>", "{\"k\":1,\"k\":2}"},
        {"array<record<a: long, b: array<record<c: string>>>>",
         "[{\"a\":1,\"b\":[{\"c\":\"x\"},null]},null,{\"a\":null,\"b\":null}]"},
        {"array<timestamp>", "[0,-1,9223372036854775807]"},
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        assert_int_equal(read(f, same[i][0], same[i][1], &v), 1);
        assert_string_equal(buffer_cstr(&f->out), same[i][1]);
    }
    assert_int_equal(read(f, "array<long>", "null", &v), 0);
    assert_true(v.is_null);
}

static void fields_in_any_order(void **state)
{
    struct fixture *f = *state;
    struct nested_value v;
    assert_int_equal(read(f, "array<record<a: long, b: string, c: array<long>>>",
                          "[{\"c\":[1,2],\"no\":[{}],\"b\":\"x\",\"a\":1,\"b\":\"y\",\"c\":null}]",
                          &v),
                     1);
    assert_string_equal(buffer_cstr(&f->out), "[{\"a\":1,\"b\":\"y\",\"c\":null}]");
}

static void mismatches(void **state)
{
    struct fixture *f = *state;
    struct nested_value v;
    static const char *const bad[][2] = {
        {"array<long>", "{}"},       {"map<long>", "[]"},
        {"array<long>", "[1.5]"},    {"array<long>", "[1"},
        {"map<long>", "{\"a\":}"},   {"array<record<a: long>>", "[[]]"},
        {"array<bytes>", "[\"*\"]"}, {"long", ""},
        {"array<long>", "[[]]"},     {"array<record<a: long>>", "[{\"a\":1,}]"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(read(f, bad[i][0], bad[i][1], &v), -ERR_DATA);
        assert_true(f->e.text[0] != '\0');
    }
    (void)read(f, "array<record<a: long>>", "[{\"a\":true}]", &v);
    assert_string_equal(f->e.text, "a: long is expected, not a boolean");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nested, begin, end),
        cmocka_unit_test_setup_teardown(fields_in_any_order, begin, end),
        cmocka_unit_test_setup_teardown(mismatches, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
