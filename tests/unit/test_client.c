/* Client: properties are judged one by one, and everything is there over the log in memory. */
#include "worker/client.h"
#include "worker/memory_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_every_wrong_property_is_told(void **unused)
{
    struct config_item item[] = {
        {"bootstrap.servers", {.text = "localhost:1"}},
        {"fetch.message.max.byte", {.text = "1", .at = {"t.yaml", 4, 2}}},
        {"linger.ms", {.text = "soon"}},
        {"enable.auto.commit", {.text = "true"}},
    };
    struct config_list kafka = {.item = item, .n = 4};
    struct diags d;
    (void)unused;
    diags_init(&d);
    assert_int_equal(client_check(&kafka, NULL, &d), -ERR_CONFIG);
    assert_int_equal(d.n, 3);
    assert_string_equal(d.item[0].path, "kafka.fetch.message.max.byte");
    assert_int_equal(d.item[0].at.line, 4);
    assert_non_null(strstr(d.item[0].text, "fetch.message.max.bytes"));
    assert_string_equal(d.item[1].path, "kafka.linger.ms");
    assert_string_equal(d.item[2].path, "kafka.enable.auto.commit");
    kafka.n = 1;
    assert_int_equal(client_check(&kafka, NULL, &d), 0); /* what was found before does not count */
    diags_done(&d);
}

static void test_the_users_servers_stand_last(void **unused)
{
    struct memory_broker *b = memory_broker_new(1);
    struct config_item item[] = {{"bootstrap.servers", {.text = "there:1"}}};
    struct config_list kafka = {.item = item, .n = 1};
    struct client c;
    struct err e = {0};
    (void)unused;
    assert_int_equal(client_open(&c, b, &kafka, NULL, &e), 0);
    assert_string_equal(c.property[0], "bootstrap.servers");
    assert_string_equal(c.property[2], "bootstrap.servers");
    assert_string_equal(c.property[3], "there:1");
    assert_null(c.property[4]);
    assert_int_equal(client_wait(&c, 100, &e), 0);
    client_close(&c);
    assert_null(c.log);
    client_close(&c); /* nothing is left to close */
    memory_broker_free(b);
}

static void test_handles_share_the_topics(void **unused)
{
    struct memory_broker *b = memory_broker_new(3);
    struct config_list none = {0};
    struct client c;
    struct log *other;
    struct log_config cfg = {0};
    struct err e = {0};
    int32_t n;
    (void)unused;
    assert_int_equal(client_open(&c, b, &none, NULL, &e), 0);
    assert_int_equal(client_log(&c, &other, &cfg, NULL, &e), 0);
    assert_int_equal(c.log->ops->partitions(c.log, "new", &n, 100, &e), 0);
    assert_int_equal(n, 0);
    struct record r = {.topic = "new", .partition = 0, .timestamp = -1, .value = "v", .value_n = 1};
    assert_int_equal(other->ops->produce(other, &r, 1, &e), 0);
    assert_int_equal(other->ops->commit(other, NULL, 0, &e), 0);
    assert_int_equal(c.log->ops->partitions(c.log, "new", &n, 100, &e), 0);
    assert_int_equal(n, 3);
    other->ops->close(other, true);
    client_close(&c);
    memory_broker_free(b);
}

static void test_servers_come_from_the_environment(void **unused)
{
    struct memory_broker *b = memory_broker_new(1);
    struct config_list none = {0};
    struct client c;
    struct err e = {0};
    (void)unused;
    setenv("KAFKA", "far:1", 1);
    assert_int_equal(client_open(&c, b, &none, NULL, &e), 0);
    assert_string_equal(c.property[1], "far:1");
    client_close(&c);
    setenv("KAFKA", "", 1);
    assert_int_equal(client_open(&c, b, &none, NULL, &e), 0);
    assert_string_equal(c.property[1], "localhost:9092");
    assert_int_equal(client_no_topic(&c, "x", &e), -ERR_CONFIG);
    assert_string_equal(e.text, "there is no topic \"x\"");
    client_close(&c);
    memory_broker_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_wrong_property_is_told),
        cmocka_unit_test(test_the_users_servers_stand_last),
        cmocka_unit_test(test_handles_share_the_topics),
        cmocka_unit_test(test_servers_come_from_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
