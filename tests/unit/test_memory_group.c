/* Groups of the log in memory: partitions dealt out, handed over, committed by their owner only.
 */
#include "tests/unit/memory_log_harness.h"

static const char *const x[] = {"x", NULL};

static void two_members_share_and_hand_over(void **state)
{
    (void)state;
    struct memory_broker *broker = memory_broker_new(2);
    struct log *p = open_plain(broker, NULL);
    struct member a, b;
    struct buffer got;
    buffer_init(&got);
    send(p, "x", 0, "k", "1");
    send(p, "x", 1, "k", "2");
    join(&a, broker, x, "a");
    a.commit_on_revoke = 1;
    assert_string_equal(poll_all(&a, &got), "x/0 0:k=1 x/1 0:k=2 ");
    assert_string_equal(buffer_cstr(&a.events), "+x/0@-1 +x/1@-1 ");
    join(&b, broker, x, "b");
    send(p, "x", 1, "k", "3");
    assert_string_equal(poll_all(&b, &got), ""); /* a has not let go yet */
    assert_string_equal(buffer_cstr(&b.events), "");
    assert_string_equal(poll_all(&a, &got), "");
    assert_non_null(strstr(buffer_cstr(&a.events), "-x/1 "));
    assert_string_equal(poll_all(&b, &got), "x/1 1:k=3 ");
    assert_string_equal(buffer_cstr(&b.events), "+x/1@1=m ");
    b.commit_on_revoke = 0;
    leave(&b);
    buffer_clear(&a.events);
    send(p, "x", 0, "k", "4");
    assert_non_null(strstr(poll_all(&a, &got), "x/1 1:k=3 ")); /* b committed nothing */
    assert_string_equal(buffer_cstr(&a.events), "+x/1@1=m ");
    a.commit_on_revoke = 0;
    leave(&a);
    p->ops->close(p, true);
    buffer_done(&got);
    memory_broker_free(broker);
}

static void only_the_owner_commits(void **state)
{
    (void)state;
    struct memory_broker *broker = memory_broker_new(2);
    struct member a, b;
    struct buffer got;
    buffer_init(&got);
    join(&a, broker, x, "a");
    send(a.log, "x", 0, NULL, "seed");
    assert_int_equal(a.log->ops->commit(a.log, NULL, 0, &a.err), 0);
    poll_all(&a, &got);
    join(&b, broker, x, "b");
    poll_all(&a, &got);
    poll_all(&b, &got);
    send(a.log, "y", 0, NULL, "zombie");
    struct log_position p = {.topic = "x", .partition = 1, .offset = 9};
    assert_int_equal(a.log->ops->commit(a.log, &p, 1, &a.err), -ERR_FATAL);
    assert_non_null(strstr(a.err.text, "x partition 1 is owned by another member now"));
    assert_string_equal(contents(a.log, "y", 0, &got), "");
    p.partition = 0;
    p.offset = 1;
    p.metadata = "w5";
    err_clear(&a.err);
    assert_int_equal(a.log->ops->commit(a.log, &p, 1, &a.err), 0);
    struct log_position ask[2] = {{.topic = "x", .partition = 0}, {.topic = "x", .partition = 1}};
    assert_int_equal(b.log->ops->committed(b.log, ask, 2, 0, &b.err), 0);
    assert_int_equal(ask[0].offset, 1);
    assert_string_equal(ask[0].metadata, "w5");
    assert_int_equal(ask[1].offset, OFFSET_NONE);
    leave(&a);
    leave(&b);
    buffer_done(&got);
    memory_broker_free(broker);
}

/* A task with two inputs must not begin with one of them. */
static void an_offset_on_its_way_holds_back_the_other_topics(void **state)
{
    (void)state;
    static const char *const both[] = {"x", "y", NULL};
    struct memory_broker *broker = memory_broker_new(1);
    struct log *p = open_plain(broker, NULL);
    struct member a, b;
    struct buffer got;
    buffer_init(&got);
    send(p, "x", 0, "k", "1");
    send(p, "y", 0, "k", "2");
    memory_broker_delay_markers(broker);
    join(&a, broker, both, "a");
    assert_string_equal(poll_all(&a, &got), "x/0 0:k=1 y/0 0:k=2 ");
    struct log_position at = {.topic = "x", .partition = 0, .offset = 1};
    assert_int_equal(a.log->ops->commit(a.log, &at, 1, &a.err), 0);
    leave(&a);
    join(&b, broker, both, "b");
    assert_string_equal(poll_all(&b, &got), "");
    assert_string_equal(buffer_cstr(&b.events), "");
    while (memory_broker_write_marker(broker, 0)) {
    }
    assert_string_equal(poll_all(&b, &got), "y/0 0:k=2 ");
    assert_string_equal(buffer_cstr(&b.events), "+x/0@1 +y/0@-1 ");
    leave(&b);
    p->ops->close(p, true);
    buffer_done(&got);
    memory_broker_free(broker);
}

static void from_latest(void **state)
{
    (void)state;
    struct memory_broker *broker = memory_broker_new(1);
    struct log *p = open_plain(broker, NULL);
    struct member m = {.begin_at = OFFSET_NONE};
    struct buffer got;
    buffer_init(&got);
    buffer_init(&m.events);
    send(p, "x", 0, NULL, "old");
    struct log_config cfg = {.group = "g", .topics = x, .from_latest = true};
    struct log_events ev = {&m, on_assigned, on_revoked};
    assert_int_equal(memory_log_open(&m.log, broker, &cfg, &ev, &m.err), 0);
    assert_string_equal(poll_all(&m, &got), "");
    send(p, "x", 0, NULL, "new");
    assert_string_equal(poll_all(&m, &got), "x/0 1:=new ");
    leave(&m);
    p->ops->close(p, true);
    buffer_done(&got);
    memory_broker_free(broker);
}

static void more_partitions_than_one_call_deals_with(void **state)
{
    (void)state;
    struct memory_broker *broker = memory_broker_new(600);
    struct log *p = open_plain(broker, NULL);
    struct member a, b;
    struct buffer got;
    buffer_init(&got);
    for (int i = 0; i < 600; i++) {
        send(p, "x", i, NULL, "v");
    }
    join(&a, broker, x, NULL);
    poll_all(&a, &got);
    int n = 0;
    for (const char *s = buffer_cstr(&got); (s = strstr(s, "0:=v")); s++) {
        n++;
    }
    assert_int_equal(n, 600);
    join(&b, broker, x, NULL);
    poll_all(&a, &got);
    poll_all(&b, &got);
    n = 0;
    for (const char *s = buffer_cstr(&got); (s = strstr(s, "0:=v")); s++) {
        n++;
    }
    assert_int_equal(n, 300);
    leave(&a);
    leave(&b);
    p->ops->close(p, true);
    buffer_done(&got);
    memory_broker_free(broker);
}

/* As in Kafka, whoever asks may set the offsets of a group that has no members, and only then. */
static void a_group_without_members_takes_offsets(void **state)
{
    (void)state;
    struct memory_broker *broker = memory_broker_new(2);
    struct log_config cfg = {.group = "g", .transactional = "alone"};
    struct log *log;
    struct err e = {0};
    struct member a;
    struct buffer got;
    buffer_init(&got);
    assert_int_equal(memory_log_open(&log, broker, &cfg, NULL, &e), 0);
    send(log, "x", 1, NULL, "1");
    assert_int_equal(log->ops->commit(log, NULL, 0, &e), 0);
    struct log_position p = {.topic = "x", .partition = 1, .offset = 5, .metadata = "m"};
    assert_int_equal(log->ops->commit(log, &p, 1, &e), 0);
    struct log_position q = {.topic = "x", .partition = 1};
    assert_int_equal(log->ops->committed(log, &q, 1, 100, &e), 0);
    assert_int_equal(q.offset, 5);
    assert_string_equal(q.metadata, "m");
    join(&a, broker, x, "a");
    poll_all(&a, &got);
    assert_int_equal(log->ops->commit(log, &p, 1, &e), -ERR_FATAL);
    leave(&a);
    log->ops->close(log, true);
    buffer_done(&got);
    memory_broker_free(broker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_without_members_takes_offsets),
        cmocka_unit_test(two_members_share_and_hand_over),
        cmocka_unit_test(only_the_owner_commits),
        cmocka_unit_test(an_offset_on_its_way_holds_back_the_other_topics),
        cmocka_unit_test(from_latest),
        cmocka_unit_test(more_partitions_than_one_call_deals_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
