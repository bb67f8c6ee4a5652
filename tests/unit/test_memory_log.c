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

static void who_is_no_member_may_follow_partitions(void **state)
{
    (void)state;
    struct memory_broker *broker = memory_broker_new(2);
    struct log *p = open_plain(broker, NULL), *l = open_plain(broker, NULL);
    const struct record *r;
    struct err e = {0};
    size_t n = 0;
    int64_t at;
    assert_int_equal(l->ops->follow(l, "x", 0, 0, &e), -ERR_RETRY); /* there is no such topic */
    send(p, "x", 0, "k", "1");
    send(p, "x", 0, "k", "2");
    send(p, "x", 1, "k", "3");
    assert_int_equal(l->ops->follow(l, "x", 2, 0, &e), -ERR_RETRY);
    assert_int_equal(l->ops->follow(l, "x", 0, 1, &e), 0);
    for (int i = 0; n == 0 && i < 5; i++) {
        assert_int_equal(l->ops->poll(l, 0, &r, &n, &e), 0);
    }
    assert_int_equal(n, 1);
    assert_memory_equal(r->value, "2", 1);
    l->ops->release(l);
    assert_int_equal(l->ops->position(l, "x", 0, &at), 0);
    assert_int_equal(at, 2);
    l->ops->unfollow(l, "x", 0);
    l->ops->unfollow(l, "x", 0);
    send(p, "x", 0, "k", "4");
    for (int i = 0; i < 5; i++) {
        assert_int_equal(l->ops->poll(l, 0, &r, &n, &e), 0);
        assert_int_equal(n, 0);
        l->ops->release(l);
    }
    p->ops->close(p, false);
    l->ops->close(l, false);
    memory_broker_free(broker);
}

/* Reads from the beginning to the end, over as many calls as it takes. */
struct reading {
    struct log *log;
    int64_t seen, stop_every; /* 0: never */
};

static int count_record(void *ctx, const struct record *rec)
{
    struct reading *in = ctx;
    assert_int_equal(rec->offset, in->seen);
    in->seen++;
    if (in->seen == 1500) { /* what comes while it reads is not there yet for it */
        send(in->log, "t", 0, "k", "late");
    }
    return in->stop_every > 0 && in->seen % in->stop_every == 0;
}

static int64_t read_in_calls(struct log *l, int64_t stop_every, int64_t *calls)
{
    struct reading in = {l, 0, stop_every};
    struct err e = {0};
    int64_t next = 0;
    int status = 1;
    for (*calls = 0; status == 1; ++*calls) {
        status = l->ops->read_on(l, "t", 0, next, count_record, &in, &next, &e);
        assert_int_equal(next, in.seen);
    }
    assert_int_equal(status, 0);
    return in.seen;
}

/* Readers get copies in pieces, which do not show. */
static void pieces_of_a_reader_do_not_show(void **state)
{
    (void)state;
    struct memory_broker *b = memory_broker_new(1);
    struct log *l = open_plain(b, NULL);
    int64_t calls;
    for (int i = 0; i < 2500; i++) {
        send(l, "t", 0, "k", "v");
    }
    assert_int_equal(read_in_calls(l, 0, &calls), 2500);
    assert_int_equal(calls, 1);
    assert_int_equal(read_in_calls(l, 1, &calls), 2502);
    assert_int_equal(calls, 2502);
    assert_int_equal(read_in_calls(l, 500, &calls), 2503);
    assert_int_equal(calls, 6);
    l->ops->close(l, true);
    memory_broker_free(b);
}

static void add_member(void *ctx, const struct log_member *m)
{
    assert_null(m->instance);
    for (size_t i = 0; i < m->n; i++) {
        buffer_printf(ctx, "%s/%d ", m->owned[i].topic, m->owned[i].partition);
    }
    buffer_printf(ctx, "; ");
}

static void members_are_told_with_what_they_own(void **state)
{
    (void)state;
    struct memory_broker *broker = memory_broker_new(2);
    struct member a, b;
    struct buffer text;
    const struct record *r;
    size_t n;
    buffer_init(&text);
    struct log *p = open_plain(broker, NULL);
    send(p, "x", 0, "k", "1");
    join(&a, broker, x, NULL);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(a.log->ops->poll(a.log, 0, &r, &n, &a.err), 0);
        a.log->ops->release(a.log);
    }
    join(&b, broker, x, NULL);
    assert_int_equal(b.log->ops->members(b.log, add_member, &text, 0, &b.err), 0);
    assert_string_equal(buffer_cstr(&text), "x/0 x/1 ; ; ");
    buffer_clear(&text);
    assert_int_equal(p->ops->members(p, add_member, &text, 0, &b.err), 0); /* of no group */
    assert_string_equal(buffer_cstr(&text), "");
    leave(&a);
    leave(&b);
    p->ops->close(p, false);
    buffer_done(&text);
    memory_broker_free(broker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transactions_appear_at_once),
        cmocka_unit_test(plain_handles_write_at_once),
        cmocka_unit_test(headers_and_bytes_are_kept),
        cmocka_unit_test(seeking_and_pausing),
        cmocka_unit_test(who_is_no_member_may_follow_partitions),
        cmocka_unit_test(pieces_of_a_reader_do_not_show),
        cmocka_unit_test(members_are_told_with_what_they_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
