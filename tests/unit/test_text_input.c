/* Text input: which source a stream is, and keys from text to the bytes of their format. */
#include "tests/support/plan_rig.h"
#include "worker/text_input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char topology[] =
    "name: t\nstreams:\n"
    "  words:\n    from: {topic: w, value: csv, columns: {a: string}}\n"
    "  longs:\n    from: {topic: l, key: long, value: json, columns: {a: string}}\n"
    "  raws:\n    from: {topic: r, key: bytes, value: json, columns: {a: string}}\n"
    "  keyed:\n    from: words\n    steps:\n      - key_by: a\n      - window: {tumbling: 1s, "
    "aggregate: count() as n}\n    to: out\n"
    "  also:\n    from: longs\n    to: also\n  more:\n    from: raws\n    steps:\n      - cluster: "
    "{algorithm: "
    "kmeans, features: [length(a)], as: c, train_from: {topic: past, value: json, columns: {a: "
    "string}}}\n"
    "    to: more\n  two:\n    from: {topic: [t1, t2], value: json, columns: {a: string}}\n    "
    "steps:\n"
    "      - cluster: {algorithm: kmeans, features: [length(a)], as: c, train_from: {topic: t2, "
    "value: json, "
    "columns: {a: string}}}\n    to: last\n";

static struct plan_rig rig;

static int open_rig(void **unused)
{
    (void)unused;
    if (plan_rig_init(&rig, topology) < 0) {
        print_message("%s", plan_rig_problems(&rig));
        return -1;
    }
    return 0;
}

static int close_rig(void **unused)
{
    (void)unused;
    plan_rig_done(&rig);
    return 0;
}

static void test_streams_that_read_topics(void **unused)
{
    struct err e = {0};
    (void)unused;
    const struct plan_source *s = text_input_source(rig.plan, "longs", &e);
    assert_non_null(s);
    assert_string_equal(s->topic[0], "l");
    assert_null(text_input_source(rig.plan, "word", &e));
    assert_int_equal(e.kind, ERR_CONFIG);
    assert_string_equal(e.text, "no stream \"word\" reads a topic: did you mean \"words\"? "
                                "(streams: words, longs, raws, two)");
    err_clear(&e);
    assert_null(text_input_source(rig.plan, "keyed", &e)); /* it reads a stream, or a repartition */
    assert_int_equal(e.kind, ERR_CONFIG);
}

/* A topic that a step learns first: that of a stream, too, where one reads it. */
static void test_topics_to_train_from(void **unused)
{
    struct err e = {0};
    (void)unused;
    const struct plan_source *past = text_input_any(rig.plan, "past", &e);
    const struct plan_source *two = text_input_any(rig.plan, "t2", &e);
    assert_non_null(past);
    assert_non_null(two);
    assert_string_equal(text_input_topic(past, "past"), "past");
    assert_false(text_input_is_read(rig.plan, "past"));
    assert_ptr_equal(two, text_input_source(rig.plan, "two", &e));
    assert_string_equal(text_input_topic(two, "t2"), "t2");
    assert_string_equal(text_input_topic(two, "two"), "t1");
    assert_null(text_input_any(rig.plan, "t1", &e)); /* no step learns it, so it is no name */
}

static void test_values_become_json(void **unused)
{
    (void)unused;
    struct plan_source *s = text_input_source(rig.plan, "words", NULL);
    assert_string_equal(s->value.def->name, "csv");
    text_input_use_json(s);
    assert_string_equal(s->value.def->name, "json");
    assert_string_equal(s->key.def->name, "string");
}

/* The key's bytes, or the error's kind. */
static int convert(const char *stream, const char *text, struct buffer *bytes, struct err *e)
{
    struct record r = {.key = text, .key_n = text ? strlen(text) : 0};
    struct plan_source *s = text_input_source(rig.plan, stream, NULL);
    err_clear(e);
    int result = text_input_key(s->key.def, &r, bytes, e);
    if (result == 0 && text) {
        assert_ptr_equal(r.key, bytes->data);
        assert_int_equal(r.key_n, bytes->n);
    }
    return result;
}

static void test_keys(void **unused)
{
    struct buffer b;
    struct err e = {0};
    (void)unused;
    buffer_init(&b);
    assert_int_equal(convert("words", "Köln", &b, &e), 0);
    assert_int_equal(b.n, strlen("Köln"));
    assert_memory_equal(b.data, "Köln", b.n);
    assert_int_equal(convert("words", "", &b, &e), 0); /* empty is not null */
    assert_int_equal(b.n, 0);
    assert_int_equal(convert("words", NULL, &b, &e), 0);

    assert_int_equal(convert("longs", "258", &b, &e), 0);
    assert_int_equal(b.n, 8);
    assert_memory_equal(b.data, "\0\0\0\0\0\0\1\2", 8);
    assert_int_equal(convert("longs", "-2", &b, &e), 0);
    assert_memory_equal(b.data, "\xff\xff\xff\xff\xff\xff\xff\xfe", 8);
    assert_int_equal(convert("longs", "-9223372036854775808", &b, &e), 0);
    assert_memory_equal(b.data, "\x80\0\0\0\0\0\0\0", 8);

    assert_int_equal(convert("raws", "AAH/", &b, &e), 0);
    assert_int_equal(b.n, 3);
    assert_memory_equal(b.data, "\0\1\xff", 3);
    buffer_done(&b);
}

static void test_texts_that_are_no_key(void **unused)
{
    static const char *const bad[] = {"", "x", "1.5", "9223372036854775808", "1 "};
    struct buffer b;
    struct err e = {0};
    (void)unused;
    buffer_init(&b);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(convert("longs", bad[i], &b, &e), -ERR_DATA);
        assert_non_null(strstr(e.text, "the key must be a whole number"));
    }
    assert_int_equal(convert("raws", "*", &b, &e), -ERR_DATA);
    assert_non_null(strstr(e.text, "base64"));
    buffer_done(&b);
}

static void test_values_that_are_one_string(void **unused)
{
    struct buffer b;
    struct err e = {0};
    static const char text[] = "\"K\\u00f6ln\"", bytes[] = "\"AAH/\"", wrong[] = "{}";
    struct codec_def string = {.name = "string"}, raw = {.name = "bytes"}, json = {.name = "json"};
    (void)unused;
    buffer_init(&b);
    struct record r = {.value = text, .value_n = strlen(text)};
    assert_int_equal(text_input_value(&json, &r, &b, &e), 0); /* stays */
    assert_ptr_equal(r.value, text);
    assert_int_equal(text_input_value(&string, &r, &b, &e), 0);
    assert_int_equal(r.value_n, 5);
    assert_memory_equal(r.value, "Köln", 5);
    r = (struct record){.value = bytes, .value_n = strlen(bytes)};
    assert_int_equal(text_input_value(&raw, &r, &b, &e), 0);
    assert_int_equal(r.value_n, 3);
    assert_memory_equal(r.value, "\0\1\xff", 3);
    r = (struct record){.value = wrong, .value_n = 2};
    assert_int_equal(text_input_value(&string, &r, &b, &e), -ERR_DATA);
    assert_string_equal(e.text, "a value of format string is a JSON string, found {}");
    r = (struct record){.value = text, .value_n = strlen(text)};
    assert_int_equal(text_input_value(&raw, &r, &b, NULL), -ERR_DATA);
    r = (struct record){.value = NULL};
    assert_int_equal(text_input_value(&string, &r, &b, &e), 0);
    assert_null(r.value);
    buffer_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_streams_that_read_topics, open_rig, close_rig),
        cmocka_unit_test(test_values_that_are_one_string),
        cmocka_unit_test_setup_teardown(test_topics_to_train_from, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(test_values_become_json, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(test_keys, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(test_texts_that_are_no_key, open_rig, close_rig),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
