/* Schemas in their topic: what one client registers, another reads, also when it came later. */
#include "worker/client.h"
#include "worker/memory_log.h"
#include "worker/schema_topic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define A              "{\"name\":\"a\",\"type\":\"long\"}"
static const char first[] = RECORD(A);
static const char second[] = RECORD(A ",{\"name\":\"b\",\"type\":\"string\",\"default\":\"\"}");
static const char wrong[] = RECORD("{\"name\":\"a\",\"type\":\"string\"}");

struct two {
    struct memory_broker *broker;
    struct client a, b;
    struct err e;
};

static void two_open(struct two *t)
{
    struct config_list none = {0};
    *t = (struct two){.broker = memory_broker_new(4)};
    assert_int_equal(client_open(&t->a, t->broker, &none, NULL, &t->e), 0);
    assert_int_equal(client_open(&t->b, t->broker, &none, NULL, &t->e), 0);
}

static void two_close(struct two *t)
{
    client_close(&t->a);
    client_close(&t->b);
    memory_broker_free(t->broker);
}

static void test_others_see_what_was_put(void **unused)
{
    struct two t;
    uint32_t id = 0, again = 0, seen = 0;
    const char *json;
    (void)unused;
    two_open(&t);
    struct schema_store *a = t.a.schemas, *b = t.b.schemas;
    assert_int_equal(b->latest(b, "in-value", &json, &seen, &t.e), 0);
    assert_int_equal(a->put(a, "in-value", first, &id, &t.e), 0);
    assert_int_equal(b->latest(b, "in-value", &json, &seen, &t.e), 1);
    assert_int_equal(seen, id);
    assert_non_null(strstr(json, "\"a\""));
    assert_int_equal(b->put(b, "in-value", first, &again, &t.e), 0);
    assert_int_equal(again, id);
    assert_int_equal(b->put(b, "in-value", second, &again, &t.e), 0);
    assert_int_not_equal(again, id);
    assert_int_equal(a->by_id(a, again, &json, &t.e), 0);
    assert_non_null(strstr(json, "\"b\""));
    assert_int_equal(a->by_id(a, id, &json, &t.e), 0); /* the old one stays */
    two_close(&t);
}

static void test_a_change_that_cannot_read_the_old_is_refused(void **unused)
{
    struct two t;
    uint32_t id = 0, seen = 0;
    const char *json;
    (void)unused;
    two_open(&t);
    struct schema_store *a = t.a.schemas, *b = t.b.schemas;
    assert_int_equal(a->put(a, "in-value", first, &id, &t.e), 0);
    assert_int_equal(b->put(b, "in-value", wrong, &seen, &t.e), -ERR_CONFIG);
    assert_true(t.e.text[0] != 0);
    err_clear(&t.e);
    assert_int_equal(b->latest(b, "in-value", &json, &seen, &t.e), 1);
    assert_int_equal(seen, id);
    assert_int_equal(b->put(b, "other-value", wrong, &seen, &t.e), 0); /* another subject */
    assert_int_not_equal(seen, id);
    assert_int_equal(a->by_id(a, 4711, &json, &t.e), -ERR_DATA);
    two_close(&t);
}

static void test_the_topic_is_one_partition_and_outlives_its_clients(void **unused)
{
    struct two t;
    struct config_list none = {0};
    struct client late;
    uint32_t id = 0, seen = 0;
    const char *json;
    int32_t n;
    (void)unused;
    two_open(&t);
    assert_int_equal(t.a.schemas->put(t.a.schemas, "in-value", first, &id, &t.e), 0);
    client_close(&t.a);
    assert_int_equal(client_open(&late, t.broker, &none, NULL, &t.e), 0);
    assert_int_equal(late.log->ops->partitions(late.log, "_klamm_schemas", &n, 100, &t.e), 0);
    assert_int_equal(n, 1);
    assert_int_equal(late.schemas->latest(late.schemas, "in-value", &json, &seen, &t.e), 1);
    assert_int_equal(seen, id);
    client_close(&late);
    two_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_others_see_what_was_put),
        cmocka_unit_test(test_a_change_that_cannot_read_the_old_is_refused),
        cmocka_unit_test(test_the_topic_is_one_partition_and_outlives_its_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
