/* Schemas in a compacted topic: ids, latest, what another process registered, and hostile records.
 */
#include "worker/schema_topic.h"

#include "tests/support/memory_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const char one[] =
    "{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"v\",\"type\":\"long\"}]}";
static const char two[] =
    "{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"v\",\"type\":\"long\"},"
    "{\"name\":\"w\",\"type\":[\"null\",\"long\"],\"default\":null}]}";

static void two_processes(void **state)
{
    (void)state;
    struct memory_client m;
    struct schema_store *a, *b;
    struct err e = {0};
    uint32_t first, again, other;
    const char *json;
    memory_client_init(&m);
    assert_int_equal(schema_topic_open(&a, &m.client, &e), 0);
    assert_int_equal(schema_topic_open(&b, &m.client, &e), 0);
    assert_int_equal(a->latest(a, "x-value", &json, NULL, &e), 0);
    assert_int_equal(a->put(a, "x-value", one, &first, &e), 0);
    assert_int_equal(a->put(a, "x-value", one, &again, &e), 0);
    assert_int_equal(again, first);
    assert_int_equal(b->put(b, "y-value", two, &other, &e), 0);
    assert_int_not_equal(other, first);
    assert_int_equal(b->by_id(b, first, &json, &e), 0);
    assert_non_null(strstr(json, "\"v\""));
    assert_int_equal(b->latest(b, "x-value", &json, &again, &e), 1);
    assert_int_equal(again, first);
    assert_int_equal(a->by_id(a, other, &json, &e), 0);
    assert_int_equal(a->by_id(a, 12345, &json, &e), -ERR_DATA);
    a->free(a);
    b->free(b);
    memory_client_done(&m);
}

static void other_records_in_the_topic(void **state)
{
    (void)state;
    struct memory_client m;
    struct schema_store *a;
    struct err e = {0};
    uint32_t id;
    memory_client_init(&m);
    static const struct record odd[] = {
        {.topic = "_klamm_schemas", .key = "x", .key_n = 1, .value = "y", .value_n = 1},
        {.topic = "_klamm_schemas", .value = "{}", .value_n = 2},
        {.topic = "_klamm_schemas", .key = "{}", .key_n = 2},
        {.topic = "_klamm_schemas", .key = "", .key_n = 0, .value = "", .value_n = 0},
    };
    assert_int_equal(m.client.log->ops->produce(m.client.log, odd, 4, &e), 0);
    assert_int_equal(schema_topic_open(&a, &m.client, &e), 0);
    assert_int_equal(a->put(a, "x-value", one, &id, &e), 0);
    a->free(a);
    memory_client_done(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_processes),
        cmocka_unit_test(other_records_in_the_topic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
