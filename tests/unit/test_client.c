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

/* Problems of the `kafka:` and `schema_registry:` of a topology. */
static const char *check(struct plan_rig *r, const char *head)
{
    struct buffer text;
    buffer_init(&text);
    buffer_printf(&text, "%sname: t\nstreams: {a: {from: {topic: x}}}\n", head);
    assert_int_equal(plan_rig_read(r, buffer_cstr(&text)), 0);
    int status = client_check(&r->topology->kafka, r->topology->schema_registry, &r->diags);
    assert_int_equal(status, r->diags.n ? -ERR_CONFIG : 0);
    buffer_done(&text);
    return plan_rig_problems(r);
}

static void wrong_properties(void **state)
{
    (void)state;
    static const struct {
        const char *head, *problem;
    } wrong[] = {
        {"kafka: {bootstrap.server: h}\n", "1:27 kafka.bootstrap.server: "},
        {"kafka: {bootstrap.server: h}\n", "did you mean bootstrap.servers?"},
        {"kafka: {socket.timeout.ms: soon}\n", "1:28 kafka.socket.timeout.ms: "},
        {"schema_registry: {ulr: x}\n",
         "1:19 schema_registry: unknown key `ulr`: did you mean `url`?"},
        {"schema_registry: {ulr: x}\n", "key `url` is missing"},
        {"schema_registry: http://h\n", "1:18 schema_registry: "},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct plan_rig r;
        const char *found = check(&r, wrong[i].head);
        if (!strstr(found, wrong[i].problem)) {
            assert_string_equal(found, wrong[i].problem);
        }
        plan_rig_done(&r);
    }
    struct plan_rig r;
    assert_string_equal(check(&r, "kafka: {bootstrap.servers: h, linger.ms: 5}\n"
                                  "schema_registry: {url: \"http://h\", timeout: 3s}\n"),
                        "");
    plan_rig_done(&r);
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
