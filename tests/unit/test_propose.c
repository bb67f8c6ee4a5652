/* Proposals of columns: types of values, merged over records, as a line for the topology. */
#include "worker/propose.h"

#include "engine/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_proposed(bool is_csv, const char *const *values, const char *want)
{
    struct proposal *p = proposal_new();
    struct buffer out;
    buffer_init(&out);
    for (; *values != NULL; values++) {
        if (is_csv) {
            proposal_add_csv(p, *values, strlen(*values));
        } else {
            proposal_add_json(p, *values, strlen(*values));
        }
    }
    proposal_print(p, &out);
    assert_string_equal(buffer_cstr(&out), want);
    buffer_done(&out);
    proposal_free(p);
}

static void of_json(void **state)
{
    (void)state;
    assert_proposed(false,
                    (const char *const[]){"{\"host\": \"a\", \"value\": 1, \"ts\": 1700000000000}",
                                          "{\"host\": \"b\", \"value\": 1.5, \"ok\": true}", NULL},
                    "columns: {host: string, value: double, ts: long, ok: boolean}");
    assert_proposed(
        false,
        (const char *const[]){"{\"a\": {\"b\": 1, \"c\": null}, \"t\": [1, 2.5], \"m\": 1}",
                              "{\"a\": {\"b\": 2}, \"m\": \"x\", \"at\": \"2026-01-31T12:00:00Z\", "
                              "\"r\": [{\"x\": 1, \"y\": \"z\"}], \"odd name\": [], \"7\": {}}",
                              NULL},
        "columns: {a.b: long, a.c: string, t: array<double>, m: string, at: timestamp, "
        "r: \"array<record<x: long, y: string>>\", \"odd name\": array<string>, "
        "\"7\": map<string>}");
    assert_proposed(false, (const char *const[]){"no json", "[1]", "5", "", NULL}, "");
}

static void of_csv(void **state)
{
    (void)state;
    assert_proposed(true, (const char *const[]){"a,1,,true\n", "\"b,\",1.5,7,false", NULL},
                    "columns: {column1: string, column2: double, column3: long, column4: boolean}");
}

static void bounds_its_length(void **state)
{
    (void)state;
    struct buffer value;
    buffer_init(&value);
    for (int i = 0; i < 1000; i++) {
        buffer_printf(&value, "%s\"a_rather_long_name_of_a_column_%d\": 1", i ? ", " : "{", i);
    }
    buffer_byte(&value, '}');
    struct proposal *p = proposal_new();
    struct buffer out;
    buffer_init(&out);
    proposal_add_json(p, value.data, value.n);
    proposal_print(p, &out);
    assert_in_range(out.n, 1000, 1600);
    assert_non_null(strstr(buffer_cstr(&out), ", …}"));
    buffer_clear(&value);
    buffer_text(&value, "{\"a\": ");
    for (int i = 0; i < 1000; i++) {
        buffer_byte(&value, '[');
    }
    for (int i = 0; i < 1000; i++) {
        buffer_byte(&value, ']');
    }
    buffer_byte(&value, '}');
    proposal_free(p);
    p = proposal_new();
    buffer_clear(&out);
    proposal_add_json(p, value.data, value.n);
    proposal_print(p, &out);
    assert_string_equal(buffer_cstr(&out), "columns: {a: "
                                           "array<array<array<array<array<array<array<string>>>>>>>"
                                           "}");
    buffer_done(&value);
    buffer_done(&out);
    proposal_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_json),
        cmocka_unit_test(of_csv),
        cmocka_unit_test(bounds_its_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
