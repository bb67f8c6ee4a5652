/* Files into topics: what arrives is of the topic's format, with keys, and errors name the row. */
#include "engine/registry.h"
#include "tests/support/plan_rig.h"
#include "worker/client.h"
#include "worker/feed_file.h"
#include "worker/memory_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char topology[] =
    "name: t\nstreams:\n  a:\n    from: {topic: x, key: {g: string}, value: csv, "
    "columns: {g: string, v: long}}\n    to: out\n";

struct feeding {
    char path[64];
    struct memory_broker *broker;
    struct client client;
    struct plan_rig plan;
    struct feed_target target;
    struct buffer seen;
    struct err e;
    uint64_t n;
};

static void feeding_init(struct feeding *f)
{
    struct config_list none = {0};
    *f = (struct feeding){.broker = memory_broker_new(2)};
    snprintf(f->path, sizeof f->path, P_tmpdir "/klamm-feed-XXXXXX");
    int fd = mkstemp(f->path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(client_open(&f->client, f->broker, &none, NULL, &f->e), 0);
    assert_int_equal(plan_rig_init(&f->plan, topology), 0);
    const struct plan_source *s = f->plan.plan->source[0];
    f->target = (struct feed_target){.topic = "x",
                                     .value = &s->value,
                                     .key = &s->key,
                                     .schema = s->schema,
                                     .schemas = f->client.schemas};
    buffer_init(&f->seen);
}

static void feeding_done(struct feeding *f)
{
    buffer_done(&f->seen);
    plan_rig_done(&f->plan);
    client_close(&f->client);
    memory_broker_free(f->broker);
    unlink(f->path);
}

static int feed(struct feeding *f, enum rows_format format, const char *text)
{
    FILE *file = fopen(f->path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    err_clear(&f->e);
    return feed_file(f->client.log, &f->target, f->path, format, &f->n, NULL, &f->e);
}

static int see(void *ctx, const struct record *r)
{
    struct feeding *f = ctx;
    buffer_printf(&f->seen, "%d/", r->partition);
    if (r->timestamp >= 0 && r->timestamp < 1000) { /* else the log's own */
        buffer_printf(&f->seen, "%lld/", (long long)r->timestamp);
    }
    buffer_add(&f->seen, r->key ? r->key : "null", r->key ? r->key_n : 4);
    buffer_text(&f->seen, "=");
    buffer_add(&f->seen, r->value ? r->value : "null", r->value ? r->value_n : 4);
    buffer_text(&f->seen, ";");
    return 0;
}

/* What the topic holds, partition by partition. */
static const char *topic(struct feeding *f)
{
    buffer_clear(&f->seen);
    for (int32_t p = 0; p < 2; p++) {
        int64_t next;
        assert_int_equal(
            f->client.log->ops->read_all(f->client.log, "x", p, 0, see, f, &next, &f->e), 0);
    }
    return buffer_cstr(&f->seen);
}

static void test_record_lines(void **unused)
{
    struct feeding f;
    (void)unused;
    feeding_init(&f);
    assert_int_equal(feed(&f, ROWS_RECORD_LINES,
                          "{\"partition\":1,\"key\":\"k\",\"timestamp\":5,\"value\":{\"g\":\"a,b\","
                          "\"v\":1}}\n{\"partition\":1,\"key\":\"k\",\"timestamp\":6,"
                          "\"value\":null}\n{\"partition\":0,\"timestamp\":7,"
                          "\"value\":{\"v\":3,\"g\":\"c\"}}\n"),
                     0);
    assert_int_equal(f.n, 3);
    assert_string_equal(topic(&f), "0/7/c=c,3;1/5/k=\"a,b\",1;1/6/k=null;");
    feeding_done(&f);
}

static void test_rows_get_their_key_from_the_key_columns(void **unused)
{
    struct feeding f;
    (void)unused;
    feeding_init(&f);
    assert_int_equal(feed(&f, ROWS_CSV, "v,g\n1,a\n2,a\n"), 0);
    assert_int_equal(f.n, 2);
    const char *seen = topic(&f);
    char expected[64]; /* one key, one partition */
    snprintf(expected, sizeof expected, "%c/a=a,1;%c/a=a,2;", seen[0], seen[0]);
    assert_string_equal(seen, expected);
    feeding_done(&f);
}

static void test_without_key_format_there_is_no_key(void **unused)
{
    struct feeding f;
    (void)unused;
    feeding_init(&f);
    f.target.key = NULL;
    assert_int_equal(feed(&f, ROWS_JSON, "{\"g\":\"a\",\"v\":1}\n{\"g\":null,\"v\":null}\n"), 0);
    assert_non_null(strstr(topic(&f), "null=a,1;"));
    assert_non_null(strstr(topic(&f), "null=,;"));
    feeding_done(&f);
}

static void test_errors_name_the_row(void **unused)
{
    struct feeding f;
    char begin[80];
    (void)unused;
    feeding_init(&f);
    assert_int_equal(feed(&f, ROWS_JSON, "{\"v\":1}\n{\"v\":\"x\"}\n{\"v\":3}\n"), -ERR_DATA);
    snprintf(begin, sizeof begin, "%s: row 2: ", f.path);
    assert_memory_equal(f.e.text, begin, strlen(begin));
    assert_int_equal(f.n, 1);
    assert_int_equal(feed(&f, ROWS_CSV, "g,v\na,1\na,x\n"), -ERR_DATA);
    assert_non_null(strstr(f.e.text, ":3: \"x\" is no whole number"));
    assert_int_equal(feed(&f, ROWS_RECORD_LINES, "{\"partition\":2,\"value\":{}}\n"), -ERR_FATAL);
    assert_non_null(strstr(f.e.text, "row 1: topic x has no partition 2"));
    unlink(f.path);
    assert_int_equal(feed_file(f.client.log, &f.target, f.path, ROWS_JSON, &f.n, NULL, NULL),
                     -ERR_CONFIG);
    feeding_done(&f);
}

static void test_headers_must_have_the_columns(void **unused)
{
    struct feeding f;
    (void)unused;
    feeding_init(&f);
    assert_int_equal(feed(&f, ROWS_CSV, "v\n1\n"), -ERR_DATA);
    assert_non_null(strstr(f.e.text, "lacks the column \"g\""));
    feeding_done(&f);
}

static void test_bad_rows_may_go_in_as_they_are(void **unused)
{
    struct feeding f;
    (void)unused;
    feeding_init(&f);
    f.target.bad_too = true;
    f.target.key = NULL;
    assert_int_equal(feed(&f, ROWS_CSV, "g,v\na,1\nb,x\nc\nd,2\n"), 0);
    assert_int_equal(f.n, 4);
    assert_non_null(strstr(topic(&f), "null=a,1;"));
    assert_non_null(strstr(topic(&f), "null=b,x;"));
    assert_non_null(strstr(topic(&f), "null=c;"));
    assert_non_null(strstr(topic(&f), "null=d,2;"));
    feeding_done(&f);
}

static void test_json_and_lines_as_they_are(void **unused)
{
    struct feeding f;
    (void)unused;
    feeding_init(&f);
    f.target.schema = NULL;
    f.target.values = FEED_JSON;
    f.target.key_name = "a.b";
    assert_int_equal(feed(&f, ROWS_JSON, "{\"a\": {\"b\":\"k\"}}\n{\"a\":1}\n"), 0);
    assert_non_null(strstr(topic(&f), "/k={\"a\": {\"b\":\"k\"}};"));
    assert_non_null(strstr(topic(&f), "/null={\"a\":1};"));
    assert_int_equal(feed(&f, ROWS_JSON, "{\"a\":\n"), -ERR_DATA);
    assert_non_null(strstr(f.e.text, "row 1: the value is no JSON"));
    f.target.values = FEED_LINES;
    f.target.key_name = NULL;
    assert_int_equal(feed(&f, ROWS_JSON, "{\"a\":\nany, text\n"), 0);
    assert_non_null(strstr(topic(&f), "null={\"a\":;"));
    assert_non_null(strstr(topic(&f), "null=any, text;"));
    feeding_done(&f);
}

static void test_columns_and_key_out_of_the_header(void **unused)
{
    struct feeding f;
    (void)unused;
    feeding_init(&f);
    f.target.schema = NULL;
    f.target.key_name = "name";
    assert_int_equal(feed(&f, ROWS_CSV, "n,name\n1,\"a,b\"\n,x\n"), 0);
    assert_non_null(strstr(topic(&f), "/a,b=1,\"a,b\";"));
    assert_non_null(strstr(topic(&f), "/x=,x;"));
    f.target.key_name = "nome";
    assert_int_equal(feed(&f, ROWS_CSV, "n,name\n1,a\n"), -ERR_CONFIG);
    assert_non_null(strstr(f.e.text, "--key nome: there is no such column; there are n: string"));
    feeding_done(&f);
}

static void test_partitions_that_are_not_there(void **unused)
{
    struct feeding f;
    (void)unused;
    feeding_init(&f);
    f.target.partitions = 2;
    assert_int_equal(feed(&f, ROWS_RECORD_LINES, "{\"partition\":2,\"value\":{}}\n"), -ERR_DATA);
    assert_non_null(strstr(f.e.text, "row 1: partition 2: topic x has 2 partitions, 0 to 1"));
    feeding_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_lines),
        cmocka_unit_test(test_rows_get_their_key_from_the_key_columns),
        cmocka_unit_test(test_without_key_format_there_is_no_key),
        cmocka_unit_test(test_errors_name_the_row),
        cmocka_unit_test(test_headers_must_have_the_columns),
        cmocka_unit_test(test_bad_rows_may_go_in_as_they_are),
        cmocka_unit_test(test_json_and_lines_as_they_are),
        cmocka_unit_test(test_columns_and_key_out_of_the_header),
        cmocka_unit_test(test_partitions_that_are_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
