/* Record lines: every member, order, headers, errors. */
#include "schemas/record_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int parse(struct record_line *l, const char *text, struct err *e)
{
    err_clear(e);
    return record_line_parse(l, text, strlen(text), e);
}

static void print(struct buffer *out, const struct record_line *l)
{
    struct record r = {.topic = l->topic,
                       .partition = l->partition,
                       .offset = l->offset,
                       .timestamp = l->timestamp,
                       .headers = l->headers,
                       .nheaders = l->nheaders};
    buffer_clear(out);
    record_line_print(out, &r, l->key, l->value);
}

static void round_trip(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{\"topic\":\"t\",\"partition\":3,\"offset\":12,\"key\":\"k\",\"timestamp\":1500,"
        "\"headers\":{\"h\":\"v\",\"n\":null},\"value\":{\"a\":[1,2]}}",
        "{\"key\":null,\"value\":null}",
        "{\"topic\":\"\xc3\xa4\\n\",\"partition\":0,\"offset\":0,\"key\":{\"a\":1},\"timestamp\":0,"
        "\"value\":17}",
        "{\"key\":5,\"headers\":[{\"a\":\"1\"},{\"a\":\"2\"}],\"value\":\"x\"}",
        "{\"key\":null,\"headers\":{\"b\":{\"base64\":\"/w==\"}},\"value\":1}",
    };
    struct record_line l;
    struct buffer out;
    struct err e = {0};
    record_line_init(&l);
    buffer_init(&out);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_int_equal(parse(&l, lines[i], &e), 0);
        print(&out, &l);
        assert_string_equal(buffer_cstr(&out), lines[i]);
    }
    buffer_done(&out);
    record_line_done(&l);
}

static void members(void **state)
{
    (void)state;
    struct record_line l;
    struct err e = {0};
    record_line_init(&l);
    assert_int_equal(
        parse(&l,
              " { \"value\" : { \"x\" : 1 } , \"headers\":{\"b\":{\"base64\":\"AAE=\"}},"
              "\"timestamp\":7,\"key\":\"\\u00e4\",\"offset\":5,\"partition\":2,"
              "\"topic\":\"in\" }\n",
              &e),
        0);
    assert_string_equal(l.topic, "in");
    assert_int_equal(l.partition, 2);
    assert_int_equal(l.offset, 5);
    assert_int_equal(l.timestamp, 7);
    assert_true(l.has_key);
    assert_int_equal(l.value.n, 11);
    assert_memory_equal(l.value.p, "{ \"x\" : 1 }", 11);
    assert_int_equal(l.nheaders, 1);
    assert_int_equal(l.headers[0].n, 2);
    assert_memory_equal(l.headers[0].value, "\0\1", 2);
    struct buffer text;
    buffer_init(&text);
    assert_true(record_line_text(&text, l.key));
    assert_string_equal(buffer_cstr(&text), "\xc3\xa4");
    assert_false(record_line_text(&text, l.value));
    buffer_done(&text);
    assert_int_equal(parse(&l, "{\"value\":1}", &e), 0);
    assert_null(l.topic);
    assert_int_equal(l.partition, -1);
    assert_int_equal(l.offset, -1);
    assert_int_equal(l.timestamp, -1);
    assert_false(l.has_key);
    assert_null(l.key.p);
    assert_int_equal(l.nheaders, 0);
    assert_int_equal(parse(&l, "{\"value\":1,\"value\":null,\"key\":1,\"key\":null}", &e), 0);
    assert_null(l.value.p);
    assert_true(l.has_key);
    assert_null(l.key.p);
    record_line_done(&l);
}

static void refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "1",
        "{}",
        "{\"key\":1}",
        "{\"value\":}",
        "{\"value\":1",
        "{\"value\":1}}",
        "{\"value\":1,\"partition\":-2}",
        "{\"value\":1,\"partition\":2147483648}",
        "{\"value\":1,\"offset\":1.5}",
        "{\"value\":1,\"timestamp\":\"now\"}",
        "{\"value\":1,\"topic\":5}",
        "{\"value\":1,\"topic\":\"a\\u0000b\"}",
        "{\"value\":1,\"headers\":5}",
        "{\"value\":1,\"headers\":{\"a\":5}}",
        "{\"value\":1,\"headers\":[5]}",
        "{\"value\":1,\"headers\":{\"a\":{\"base64\":\"*\"}}}",
        "{\"value\":1,\"headers\":{\"a\":{\"hex\":\"00\"}}}",
        "{\"value\":nul}",
        "{\"value\":1,\"timestmap\":5}",
        "{\"value\":\"\xff\"}",
    };
    struct record_line l;
    struct err e = {0};
    record_line_init(&l);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (parse(&l, bad[i], &e) != -ERR_DATA) {
            fail_msg("taken for a record line: %s", bad[i]);
        }
        assert_true(e.text[0] != '\0');
    }
    assert_int_equal(parse(&l, "{\"value\":1,\"timestmap\":5}", &e), -ERR_DATA);
    assert_non_null(strstr(e.text, "did you mean 'timestamp'"));
    record_line_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(round_trip), cmocka_unit_test(members),
                                       cmocka_unit_test(refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
