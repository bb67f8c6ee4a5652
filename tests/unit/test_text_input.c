/* JSON in the place of a stream's own format: which stream, keys and values as bytes.
 */
#include "worker/text_input.h"

#include "tests/support/plan_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const char topology[] =
    "name: t\nstreams:\n"
    "  texts: {from: {topic: a, value: string}, to: o}\n"
    "  longs: {from: {topic: b, value: csv, key: long, columns: {v: long}}, to: p}\n"
    "  bins: {from: {topic: c, value: bytes, key: bytes}, to: q}\n"
    "  counts: {from: texts, steps: [{key_by: _value as v}, {window: {tumbling: 1s, aggregate: "
    "count() as n}}], to: r}\n";

static void streams_by_name(void **state)
{
    (void)state;
    struct plan_rig r;
    struct err e = {0};
    assert_int_equal(plan_rig_init(&r, topology), 0);
    assert_string_equal(text_input_source(r.plan, "longs", &e)->topic[0], "b");
    assert_null(text_input_source(r.plan, "long", &e));
    assert_string_equal(e.text, "no stream \"long\" reads a topic: did you mean \"longs\"?");
    err_clear(&e);
    assert_null(text_input_source(r.plan, "counts", &e)); /* reads an internal topic only */
    plan_rig_done(&r);
}

static void formats(void **state)
{
    (void)state;
    struct plan_rig r;
    struct err e = {0};
    assert_int_equal(plan_rig_init(&r, topology), 0);
    struct plan_source *s = text_input_source(r.plan, "longs", &e);
    text_input_use_json(s);
    assert_string_equal(s->value.def->name, "json");
    assert_string_equal(s->key.def->name, "long");
    s = text_input_source(r.plan, "bins", &e);
    text_input_use_json(s);
    assert_string_equal(s->value.def->name, "bytes");
    plan_rig_done(&r);
}

static int key(const struct plan_source *s, const char *text, struct record *r, struct buffer *b,
               struct err *e)
{
    *r = (struct record){.key = text, .key_n = text ? strlen(text) : 0};
    err_clear(e);
    return text_input_key(s, r, b, e);
}

static void keys(void **state)
{
    (void)state;
    struct plan_rig p;
    struct record r;
    struct buffer b;
    struct err e = {0};
    buffer_init(&b);
    assert_int_equal(plan_rig_init(&p, topology), 0);
    const struct plan_source *s = text_input_source(p.plan, "longs", &e);
    assert_int_equal(key(s, "258", &r, &b, &e), 0);
    assert_int_equal(r.key_n, 8);
    assert_memory_equal(r.key, "\0\0\0\0\0\0\1\2", 8);
    assert_int_equal(key(s, "-1", &r, &b, &e), 0);
    assert_memory_equal(r.key, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    assert_int_equal(key(s, NULL, &r, &b, &e), 0);
    assert_null(r.key);
    static const char *const wrong[] = {"", "x", "1x", "1.5", "99999999999999999999"};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(key(s, wrong[i], &r, &b, &e), -ERR_DATA);
    }
    assert_string_equal(e.text, "stream longs: the key must be a whole number, found "
                                "\"99999999999999999999\"");
    s = text_input_source(p.plan, "bins", &e);
    assert_int_equal(key(s, "AQI=", &r, &b, &e), 0);
    assert_int_equal(r.key_n, 2);
    assert_memory_equal(r.key, "\1\2", 2);
    assert_int_equal(key(s, "!", &r, &b, &e), -ERR_DATA);
    s = text_input_source(p.plan, "texts", &e);
    assert_int_equal(key(s, "", &r, &b, &e), 0);
    assert_non_null(r.key);
    assert_int_equal(r.key_n, 0);
    buffer_done(&b);
    plan_rig_done(&p);
}

static void values(void **state)
{
    (void)state;
    struct plan_rig p;
    struct buffer b;
    struct err e = {0};
    buffer_init(&b);
    assert_int_equal(plan_rig_init(&p, topology), 0);
    const struct plan_source *s = text_input_source(p.plan, "texts", &e);
    struct record r = {.value = "\"a\\nb\"", .value_n = 6};
    assert_int_equal(text_input_value(s, &r, &b, &e), 0);
    assert_int_equal(r.value_n, 3);
    assert_memory_equal(r.value, "a\nb", 3);
    r = (struct record){.value = "5", .value_n = 1};
    assert_int_equal(text_input_value(s, &r, &b, &e), -ERR_DATA);
    r = (struct record){.value = NULL};
    assert_int_equal(text_input_value(s, &r, &b, &e), 0);
    assert_null(r.value);
    s = text_input_source(p.plan, "bins", &e);
    r = (struct record){.value = "\"AQI=\"", .value_n = 6};
    assert_int_equal(text_input_value(s, &r, &b, &e), 0);
    assert_int_equal(r.value_n, 2);
    r = (struct record){.value = "\"!\"", .value_n = 3};
    assert_int_equal(text_input_value(s, &r, &b, &e), -ERR_DATA);
    s = text_input_source(p.plan, "longs", &e);
    r = (struct record){.value = "{}", .value_n = 2};
    assert_int_equal(text_input_value(s, &r, &b, &e), 0);
    assert_int_equal(r.value_n, 2);
    buffer_done(&b);
    plan_rig_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_by_name),
        cmocka_unit_test(formats),
        cmocka_unit_test(keys),
        cmocka_unit_test(values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
