/* Handles on the log in memory: isolation, headers, positions.
 */
#include "tests/unit/memory_log_harness.h"

static const char *const x[] = {"x", NULL};

static void transactions_appear_at_once(void **state)
{
    (void)state;
    struct memory_broker *broker = memory_broker_new(1);
    struct log *p = open_plain(broker, "t"), *reader = open_plain(broker, NULL);
    struct buffer b;
    struct err e = {0};
    buffer_init(&b);
    send(p, "x", 0, "k", "1");
    send(p, "y", 0, "k", "2");
    assert_string_equal(contents(reader, "x", 0, &b), "");
    assert_int_equal(p->ops->commit(p, NULL, 0, &e), 0);
    assert_string_equal(contents(reader, "x", 0, &b), "0:k=1 ");
    assert_string_equal(contents(reader, "y", 0, &b), "0:k=2 ");
    send(p, "x", 0, "k", "3");
    assert_int_equal(p->ops->abort(p, &e), 0);
    assert_int_equal(p->ops->commit(p, NULL, 0, &e), 0);
    send(p, "x", 0, NULL, NULL);
    assert_int_equal(p->ops->commit(p, NULL, 0, &e), 0);
    assert_string_equal(contents(reader, "x", 0, &b), "0:k=1 4:=null ");
    send(p, "x", 0, "k", "lost with its handle");
    p->ops->close(p, true);
    assert_string_equal(contents(reader, "x", 0, &b), "0:k=1 4:=null ");
    reader->ops->close(reader, true);
    buffer_done(&b);
    memory_broker_free(broker);
}

static void plain_handles_write_at_once(void **state)
{
    (void)state;
    struct memory_broker *broker = memory_broker_new(1);
    struct log *p = open_plain(broker, NULL);
    struct buffer b;
    buffer_init(&b);
    send(p, "x", 0, "k", "1");
    assert_string_equal(contents(p, "x", 0, &b), "0:k=1 ");
    p->ops->close(p, true);
    buffer_done(&b);
    memory_broker_free(broker);
}

static void headers_and_bytes_are_kept(void **state)
{
    (void)state;
    struct memory_broker *broker = memory_broker_new(1);
    struct member m;
    join(&m, broker, x, NULL);
    struct header h[] = {{"name", "v\0w", 3}, {"null", NULL, 0}, {"", "", 0}};
    struct record r = {.topic = "x",
                       .timestamp = 77,
                       .key = "",
                       .key_n = 0,
                       .value = "a\0b",
                       .value_n = 3,
                       .headers = h,
                       .nheaders = 3};
    assert_int_equal(m.log->ops->produce(m.log, &r, 1, &m.err), 0);
    const struct record *got;
    size_t n = 0;
    for (int i = 0; n == 0 && i < 5; i++) {
        assert_int_equal(m.log->ops->poll(m.log, 0, &got, &n, &m.err), 0);
    }
    assert_int_equal(n, 1);
    assert_int_equal(got->timestamp, 77);
    assert_non_null(got->key);
    assert_int_equal(got->key_n, 0);
    assert_memory_equal(got->value, "a\0b", 3);
    assert_int_equal(got->nheaders, 3);
    assert_string_equal(got->headers[0].name, "name");
    assert_memory_equal(got->headers[0].value, "v\0w", 3);
    assert_null(got->headers[1].value);
    assert_non_null(got->headers[2].value);
    m.log->ops->release(m.log);
    leave(&m);
    memory_broker_free(broker);
}

static void seeking_and_pausing(void **state)
{
    (void)state;
    struct memory_broker *broker = memory_broker_new(1);
    struct member m;
    struct buffer got;
    int64_t at;
    buffer_init(&got);
    join(&m, broker, x, NULL);
    for (int i = 0; i < 5; i++) {
        send(m.log, "x", 0, NULL, "v");
    }
    m.begin_at = 3;
    assert_string_equal(poll_all(&m, &got), "x/0 3:=v x/0 4:=v ");
    assert_int_equal(m.log->ops->position(m.log, "x", 0, &at), 0);
    assert_int_equal(at, 5);
    assert_int_equal(m.log->ops->has_more(m.log, "x", 0), 0);
    assert_int_equal(m.log->ops->has_more(m.log, "y", 0), 0);
    assert_int_equal(m.log->ops->seek(m.log, "x", 0, 4, &m.err), 0);
    assert_int_equal(m.log->ops->has_more(m.log, "x", 0), 1);
    assert_int_equal(m.log->ops->pause(m.log, "x", 0), 0);
    assert_string_equal(poll_all(&m, &got), "");
    assert_int_equal(m.log->ops->resume(m.log, "x", 0), 0);
    assert_string_equal(poll_all(&m, &got), "x/0 4:=v ");
    assert_int_equal(m.log->ops->seek(m.log, "y", 0, 4, &m.err), -ERR_FATAL);
    assert_int_equal(m.log->ops->pause(m.log, "x", 1), -ERR_FATAL);
    assert_int_equal(m.log->ops->position(m.log, "x", 1, &at), -ERR_FATAL);
    leave(&m);
    buffer_done(&got);
    memory_broker_free(broker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transactions_appear_at_once),
        cmocka_unit_test(plain_handles_write_at_once),
        cmocka_unit_test(headers_and_bytes_are_kept),
        cmocka_unit_test(seeking_and_pausing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
