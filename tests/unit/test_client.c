/* Clients: memory, and what is wrong with properties, registries and brokers that do not answer.
 */
#include "worker/client.h"

#include "tests/support/memory_client.h"
#include "tests/support/plan_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void memory(void **state)
{
    (void)state;
    struct memory_client m;
    struct err e = {0};
    struct log *l;
    int32_t n;
    memory_client_init(&m);
    assert_non_null(m.client.schemas);
    struct log_config cfg = {.group = NULL};
    assert_int_equal(client_log(&m.client, &l, &cfg, NULL, &e), 0);
    assert_int_equal(l->ops->partitions(l, "x", &n, 0, &e), 0);
    assert_int_equal(n, 0);
    assert_int_equal(client_wait(&m.client, 10, &e), 0);
    l->ops->close(l, true);
    memory_client_done(&m);
}

/* Opens a client on Kafka with the `kafka:` and `schema_registry:` of a topology. */
static int open_from(const char *head, struct err *e)
{
    struct plan_rig r;
    struct client c;
    struct buffer text;
    buffer_init(&text);
    buffer_printf(&text, "%sname: t\nstreams: {a: {from: {topic: x}}}\n", head);
    *e = (struct err){0};
    int status = plan_rig_read(&r, buffer_cstr(&text));
    if (status < 0) {
        print_message("%s", plan_rig_problems(&r));
    }
    assert_int_equal(status, 0);
    status = client_open(&c, NULL, &r.topology->kafka, r.topology->schema_registry, e);
    if (status == 0) {
        client_close(&c);
    }
    plan_rig_done(&r);
    buffer_done(&text);
    return status;
}

static void wrong_properties(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(open_from("kafka: {bootstrap.server: h}\n", &e), -ERR_CONFIG);
    assert_non_null(strstr(e.text, "t.yaml:1:"));
    assert_non_null(strstr(e.text, "bootstrap.servers"));
    assert_int_equal(open_from("kafka: {socket.timeout.ms: soon}\n", &e), -ERR_CONFIG);
    assert_non_null(strstr(e.text, "kafka.socket.timeout.ms"));
}

static void nobody_answers(void **state)
{
    (void)state;
    struct err e = {0};
    struct client c = {0};
    const char *property[] = {"bootstrap.servers", "127.0.0.1:1", NULL};
    c.property = property;
    struct log_config cfg = {.property = property};
    assert_int_equal(client_log(&c, &c.log, &cfg, NULL, &e), 0);
    assert_int_equal(client_wait(&c, 300, &e), -ERR_RETRY);
    assert_non_null(strstr(e.text, "no Kafka broker answers at 127.0.0.1:1 within "));
    assert_non_null(strstr(e.text, "or run with --in-memory"));
    c.log->ops->close(c.log, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory),
        cmocka_unit_test(wrong_properties),
        cmocka_unit_test(nobody_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
