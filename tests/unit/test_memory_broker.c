/* Topics in memory: partitions, bounds, compaction, trimming.
 */
#include "tests/unit/memory_log_harness.h"

static const char *const x[] = {"x", NULL};

static void topics_and_bounds(void **state)
{
    (void)state;
    struct memory_broker *broker = memory_broker_new(2);
    struct log *l = open_plain(broker, NULL);
    struct err e = {0};
    int32_t n;
    int64_t begin, end, next = -7;
    assert_int_equal(l->ops->partitions(l, "x", &n, 0, &e), 0);
    assert_int_equal(n, 0);
    assert_int_equal(l->ops->bounds(l, "x", 0, &begin, &end, 0, &e), -ERR_RETRY);
    err_clear(&e);
    assert_int_equal(l->ops->create_topic(l, "x", 3, -1, false, NULL, 0, &e), 0);
    assert_int_equal(l->ops->create_topic(l, "x", 5, -1, false, NULL, 0, &e), 0);
    assert_int_equal(l->ops->partitions(l, "x", &n, 0, &e), 0);
    assert_int_equal(n, 3);
    send(l, "x", 1, "k", "v");
    assert_int_equal(l->ops->bounds(l, "x", 1, &begin, &end, 0, &e), 0);
    assert_int_equal(begin, 0);
    assert_int_equal(end, 1);
    assert_int_equal(l->ops->bounds(l, "x", 3, &begin, &end, 0, &e), -ERR_RETRY);
    assert_int_equal(l->ops->bounds(l, "x", -1, &begin, &end, 0, &e), -ERR_RETRY);
    struct record r = {.topic = "x", .partition = 3, .value = "v", .value_n = 1};
    err_clear(&e);
    assert_int_equal(l->ops->produce(l, &r, 1, &e), -ERR_FATAL);
    assert_string_equal(e.text, "topic x has no partition 3");
    struct buffer b;
    buffer_init(&b);
    assert_int_equal(l->ops->read_all(l, "nowhere", 0, 4, add_text, &b, &next, &e), 0);
    assert_int_equal(next, 4);
    send(l, "made by producing", -1, NULL, "v");
    assert_int_equal(l->ops->partitions(l, "made by producing", &n, 0, &e), 0);
    assert_int_equal(n, 2);
    buffer_done(&b);
    l->ops->close(l, true);
    memory_broker_free(broker);
}

static void keys_choose_partitions_as_java_does(void **state)
{
    (void)state;
    struct memory_broker *broker = memory_broker_new(4);
    struct log *l = open_plain(broker, NULL);
    struct buffer b;
    buffer_init(&b);
    send(l, "x", -1, "kafka", "1");
    send(l, "x", -1, "kafka", "2");
    for (int i = 0; i < 8; i++) {
        send(l, "y", -1, NULL, "v");
    }
    int at = 0;
    for (int p = 0; p < 4; p++) {
        at = strlen(contents(l, "x", p, &b)) ? p : at;
        assert_true(strstr(contents(l, "y", p, &b), "1:=v") != NULL);
    }
    assert_string_equal(contents(l, "x", at, &b), "0:kafka=1 1:kafka=2 ");
    l->ops->close(l, true);
    buffer_done(&b);
    memory_broker_free(broker);
}

static void compaction_keeps_the_last_value(void **state)
{
    (void)state;
    struct memory_broker *broker = memory_broker_new(1);
    struct log *l = open_plain(broker, NULL);
    struct err e = {0};
    struct buffer b;
    char key[20], value[40];
    buffer_init(&b);
    assert_int_equal(l->ops->create_topic(l, "c", 1, -1, true, NULL, 0, &e), 0);
    for (int i = 0; i < 200000; i++) {
        snprintf(key, sizeof key, "key %d", i % 100);
        snprintf(value, sizeof value, "%d", i);
        send(l, "c", 0, key, i % 100 == 7 ? NULL : value);
    }
    int64_t begin, end;
    assert_int_equal(l->ops->bounds(l, "c", 0, &begin, &end, 0, &e), 0);
    assert_int_equal(end, 200000);
    assert_true(begin > 150000);
    const char *all = contents(l, "c", 0, &b);
    assert_true(b.n < 15000 * 24);
    for (int i = 199900; i < 200000; i++) {
        snprintf(value, sizeof value, "key %d=%d ", i % 100, i);
        assert_true(i % 100 == 7 || strstr(all, value) != NULL);
    }
    buffer_done(&b);
    l->ops->close(l, true);
    memory_broker_free(broker);
}

/* Windows come and go under ever new keys: their deletions must not pile up. */
static void compaction_forgets_old_deletions(void **state)
{
    (void)state;
    struct memory_broker *broker = memory_broker_new(1);
    struct log *l = open_plain(broker, NULL);
    struct err e = {0};
    struct buffer b;
    char key[20];
    buffer_init(&b);
    assert_int_equal(l->ops->create_topic(l, "c", 1, -1, true, NULL, 0, &e), 0);
    send(l, "c", 0, "stays", "v");
    for (int i = 0; i < 200000; i++) {
        snprintf(key, sizeof key, "%d", i);
        send(l, "c", 0, key, "v");
        send(l, "c", 0, key, NULL);
    }
    assert_non_null(strstr(contents(l, "c", 0, &b), "0:stays=v "));
    assert_true(b.n < 60000 * 20);
    buffer_done(&b);
    l->ops->close(l, true);
    memory_broker_free(broker);
}

static void trimming_waits_for_the_groups(void **state)
{
    (void)state;
    struct memory_broker *broker = memory_broker_new(1);
    struct log *p = open_plain(broker, NULL);
    struct member m;
    struct buffer got;
    struct err e = {0};
    int64_t begin, end;
    buffer_init(&got);
    for (int i = 0; i < 300000; i++) {
        send(p, "nobody", 0, NULL, "v");
    }
    assert_int_equal(p->ops->bounds(p, "nobody", 0, &begin, &end, 0, &e), 0);
    assert_true(begin == 0 && end == 300000); /* whoever reads it may still come */
    join(&m, broker, x, NULL);
    send(p, "x", 0, NULL, "first");
    poll_all(&m, &got);
    for (int i = 0; i < 100000; i++) {
        send(p, "nobody", 0, NULL, "v");
    }
    assert_int_equal(p->ops->bounds(p, "nobody", 0, &begin, &end, 0, &e), 0);
    assert_true(begin > 200000 && end == 400000);
    for (int i = 0; i < 300000; i++) {
        send(p, "x", 0, NULL, "v");
    }
    assert_int_equal(p->ops->bounds(p, "x", 0, &begin, &end, 0, &e), 0);
    assert_int_equal(begin, 0); /* nothing committed */
    struct log_position at = {.topic = "x", .partition = 0, .offset = 290000};
    assert_int_equal(m.log->ops->commit(m.log, &at, 1, &e), 0);
    for (int i = 0; i < 70000; i++) {
        send(p, "x", 0, NULL, "v");
    }
    assert_int_equal(p->ops->bounds(p, "x", 0, &begin, &end, 0, &e), 0);
    assert_true(begin > 200000 && begin <= 290000);
    leave(&m);
    p->ops->close(p, true);
    buffer_done(&got);
    memory_broker_free(broker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_and_bounds),
        cmocka_unit_test(keys_choose_partitions_as_java_does),
        cmocka_unit_test(compaction_keeps_the_last_value),
        cmocka_unit_test(compaction_forgets_old_deletions),
        cmocka_unit_test(trimming_waits_for_the_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
