/* Transactions of the log in memory: what readers see of one that is open, decided and not marked
 * yet, left behind by who is fenced; offsets in it; members that the group has thrown out.
 */
#include "tests/unit/memory_log_harness.h"

static const char *const x[] = {"x", NULL};

static int64_t end_of(struct log *l, const char *topic)
{
    int64_t begin, end;
    struct err e = {0};
    assert_int_equal(l->ops->bounds(l, topic, 0, &begin, &end, 0, &e), 0);
    assert_int_equal(begin, 0);
    return end;
}

static int64_t written(struct log *l, const char *topic)
{
    int64_t end;
    struct err e = {0};
    assert_int_equal(l->ops->written(l, topic, 0, &end, 0, &e), 0);
    return end;
}

/* Readers stop before the first record that is not decided, also of what others wrote behind it. */
static void an_open_transaction_holds_readers_back(void **state)
{
    (void)state;
    struct memory_broker *broker = memory_broker_new(1);
    struct log *p = open_plain(broker, "t"), *other = open_plain(broker, NULL);
    struct err e = {0};
    struct buffer b;
    buffer_init(&b);
    send(other, "x", 0, "k", "1");
    send(p, "x", 0, "k", "2");
    send(other, "x", 0, "k", "3");
    assert_int_equal(end_of(other, "x"), 1);
    assert_int_equal(written(other, "x"), 3);
    assert_string_equal(contents(other, "x", 0, &b), "0:k=1 ");
    assert_int_equal(p->ops->abort(p, &e), 0);
    assert_int_equal(end_of(other, "x"), 4); /* with the marker */
    assert_string_equal(contents(other, "x", 0, &b), "0:k=1 2:k=3 ");
    send(p, "x", 0, "k", "4");
    assert_int_equal(p->ops->commit(p, NULL, 0, &e), 0);
    assert_string_equal(contents(other, "x", 0, &b), "0:k=1 2:k=3 4:k=4 ");
    assert_int_equal(end_of(other, "x"), 6);
    p->ops->close(p, true);
    other->ops->close(other, true);
    buffer_done(&b);
    memory_broker_free(broker);
}

static void the_next_with_the_id_fences(void **state)
{
    (void)state;
    struct memory_broker *broker = memory_broker_new(1);
    struct log *old = open_plain(broker, "t");
    struct err e = {0};
    struct buffer b;
    buffer_init(&b);
    send(old, "x", 0, "k", "lost");
    struct log *new = open_plain(broker, "t");
    assert_int_equal(end_of(new, "x"), 2); /* aborted, and marked */
    send(new, "x", 0, "k", "kept");
    struct record r = {.topic = "x", .value = "v", .value_n = 1};
    assert_int_equal(old->ops->produce(old, &r, 1, &e), -ERR_FATAL);
    assert_non_null(strstr(e.text, "fenced"));
    err_clear(&e);
    assert_int_equal(old->ops->commit(old, NULL, 0, &e), -ERR_FATAL);
    err_clear(&e);
    assert_int_equal(old->ops->abort(old, &e), -ERR_FATAL);
    old->ops->close(old, true); /* does not touch what the new one has open */
    err_clear(&e);
    assert_int_equal(new->ops->commit(new, NULL, 0, &e), 0);
    assert_string_equal(contents(new, "x", 0, &b), "2:k=kept ");
    send(new, "x", 0, "k", "too long");
    memory_log_expire(new);
    assert_int_equal(new->ops->commit(new, NULL, 0, &e), -ERR_FATAL);
    assert_string_equal(contents(new, "x", 0, &b), "2:k=kept ");
    new->ops->close(new, true);
    buffer_done(&b);
    memory_broker_free(broker);
}

/* Each partition, and the offsets, are decided by their own marker. */
static void markers_come_one_by_one(void **state)
{
    (void)state;
    struct memory_broker *broker = memory_broker_new(1);
    struct member m;
    struct log *reader = open_plain(broker, NULL);
    struct err e = {0};
    struct buffer b;
    buffer_init(&b);
    memory_broker_delay_markers(broker);
    join(&m, broker, x, "m");
    send(reader, "x", 0, "k", "1");
    poll_all(&m, &b);
    send(m.log, "y", 0, "k", "a");
    send(m.log, "z", 0, "k", "b");
    struct log_position p = {.topic = "x", .offset = 1, .metadata = "w"}, q = {.topic = "x"};
    assert_int_equal(m.log->ops->commit(m.log, &p, 1, &e), 0);
    assert_string_equal(contents(reader, "y", 0, &b), "");
    assert_int_equal(m.log->ops->committed(m.log, &q, 1, 0, &e), -ERR_RETRY);
    err_clear(&e);
    assert_true(memory_broker_write_marker(broker, 1));
    assert_string_equal(contents(reader, "y", 0, &b), "");
    assert_string_equal(contents(reader, "z", 0, &b), "0:k=b ");
    assert_true(memory_broker_write_marker(broker, 1)); /* of y and the offsets: these */
    assert_int_equal(m.log->ops->committed(m.log, &q, 1, 0, &e), 0);
    assert_int_equal(q.offset, 1);
    assert_string_equal(q.metadata, "w");
    assert_true(memory_broker_write_marker(broker, 7));
    assert_string_equal(contents(reader, "y", 0, &b), "0:k=a ");
    assert_false(memory_broker_write_marker(broker, 0));
    leave(&m);
    reader->ops->close(reader, true);
    buffer_done(&b);
    memory_broker_free(broker);
}

/* Nobody is given a partition before it is clear where to begin. */
static void undecided_offsets_keep_a_partition(void **state)
{
    (void)state;
    struct memory_broker *broker = memory_broker_new(1);
    struct member a, b;
    struct err e = {0};
    struct buffer got;
    buffer_init(&got);
    join(&a, broker, x, "a");
    send(a.log, "x", 0, "k", "1");
    assert_int_equal(a.log->ops->commit(a.log, NULL, 0, &e), 0);
    poll_all(&a, &got);
    struct log_position p = {.topic = "x", .offset = 1};
    assert_int_equal(memory_log_send_offsets(a.log, &p, 1, &e), 0);
    memory_log_evict(a.log);
    join(&b, broker, x, "b");
    poll_all(&b, &got);
    assert_string_equal(buffer_cstr(&b.events), "");
    memory_log_expire(a.log);
    assert_string_equal(poll_all(&b, &got), "x/0 0:k=1 ");
    leave(&a);
    leave(&b);
    buffer_done(&got);
    memory_broker_free(broker);
}

static void who_was_thrown_out_may_not_commit(void **state)
{
    (void)state;
    struct memory_broker *broker = memory_broker_new(1);
    struct member a;
    struct err e = {0};
    struct buffer got;
    buffer_init(&got);
    join(&a, broker, x, "a");
    send(a.log, "x", 0, "k", "1");
    assert_int_equal(a.log->ops->commit(a.log, NULL, 0, &e), 0);
    poll_all(&a, &got);
    memory_log_evict(a.log);
    struct log_position p = {.topic = "x", .offset = 1};
    assert_int_equal(a.log->ops->commit(a.log, &p, 1, &e), -ERR_ABORT);
    assert_int_equal(a.log->ops->abort(a.log, &e), 0);
    buffer_clear(&a.events);
    assert_string_equal(poll_all(&a, &got), "x/0 0:k=1 "); /* it joins again */
    assert_string_equal(buffer_cstr(&a.events), "-x/0! +x/0@-1 ");
    err_clear(&e);
    assert_int_equal(a.log->ops->commit(a.log, &p, 1, &e), 0);
    leave(&a);
    buffer_done(&got);
    memory_broker_free(broker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_transaction_holds_readers_back),
        cmocka_unit_test(the_next_with_the_id_fences),
        cmocka_unit_test(markers_come_one_by_one),
        cmocka_unit_test(undecided_offsets_keep_a_partition),
        cmocka_unit_test(who_was_thrown_out_may_not_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
