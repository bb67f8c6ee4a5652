/* The log in memory: isolation, groups, compaction, trimming: as Kafka has them.
 */
#include "worker/memory_log.h"

#include "engine/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* A handle with what its events said. */
struct member {
    struct log *log;
    struct buffer events;
    int64_t begin_at; /* set in assigned, when not OFFSET_NONE */
    int commit_on_revoke;
    struct err err;
};

static void on_assigned(void *ctx, struct log_position *p, size_t n)
{
    struct member *m = ctx;
    for (size_t i = 0; i < n; i++) {
        buffer_printf(&m->events, "+%s/%d@%lld%s%s ", p[i].topic, p[i].partition,
                      (long long)p[i].offset, p[i].metadata ? "=" : "",
                      p[i].metadata ? p[i].metadata : "");
        if (m->begin_at != OFFSET_NONE) {
            p[i].offset = m->begin_at;
        }
    }
}

static void on_revoked(void *ctx, const struct log_position *p, size_t n, bool lost)
{
    struct member *m = ctx;
    for (size_t i = 0; i < n; i++) {
        buffer_printf(&m->events, "-%s/%d%s ", p[i].topic, p[i].partition, lost ? "!" : "");
    }
    if (m->commit_on_revoke) {
        struct log_position at = {
            .topic = p[0].topic, .partition = p[0].partition, .offset = 1, .metadata = "m"};
        assert_int_equal(m->log->ops->commit(m->log, &at, 1, &m->err), 0);
    }
}

static void join(struct member *m, struct memory_broker *b, const char *const *topics,
                 const char *transactional)
{
    *m = (struct member){.begin_at = OFFSET_NONE};
    buffer_init(&m->events);
    struct log_config cfg = {.group = "g", .transactional = transactional, .topics = topics};
    struct log_events ev = {m, on_assigned, on_revoked};
    assert_int_equal(memory_log_open(&m->log, b, &cfg, &ev, &m->err), 0);
}

static void leave(struct member *m)
{
    m->log->ops->close(m->log, true);
    buffer_done(&m->events);
}

static struct log *open_plain(struct memory_broker *b, const char *transactional)
{
    struct log *l;
    struct log_config cfg = {.transactional = transactional};
    struct err e = {0};
    assert_int_equal(memory_log_open(&l, b, &cfg, NULL, &e), 0);
    return l;
}

static void send(struct log *l, const char *topic, int32_t partition, const char *key,
                 const char *value)
{
    struct err e = {0};
    struct record r = {.topic = topic,
                       .partition = partition,
                       .timestamp = 5,
                       .key = key,
                       .key_n = key ? strlen(key) : 0,
                       .value = value,
                       .value_n = value ? strlen(value) : 0};
    assert_int_equal(l->ops->produce(l, &r, 1, &e), 0);
}

static int add_text(void *ctx, const struct record *r)
{
    buffer_printf(ctx, "%lld:%.*s=%.*s ", (long long)r->offset, (int)r->key_n,
                  r->key ? (const char *)r->key : "", (int)(r->value ? r->value_n : 4),
                  r->value ? (const char *)r->value : "null");
    return 0;
}

/* All of a partition, as "OFFSET:KEY=VALUE ". */
static const char *contents(struct log *l, const char *topic, int32_t partition, struct buffer *b)
{
    int64_t next;
    struct err e = {0};
    buffer_clear(b);
    assert_int_equal(l->ops->read_all(l, topic, partition, 0, add_text, b, &next, &e), 0);
    return buffer_cstr(b);
}

/* Polls until nothing is left (a poll may have nothing yet). */
static const char *poll_all(struct member *m, struct buffer *b)
{
    const struct record *r;
    size_t n;
    buffer_clear(b);
    for (int quiet = 0; quiet < 5;) {
        assert_int_equal(m->log->ops->poll(m->log, 0, &r, &n, &m->err), 0);
        quiet = n ? 0 : quiet + 1;
        for (size_t i = 0; i < n; i++) {
            buffer_printf(b, "%s/%d ", r[i].topic, r[i].partition);
            add_text(b, &r[i]);
        }
        m->log->ops->release(m->log);
    }
    return buffer_cstr(b);
}

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
    assert_string_equal(contents(reader, "x", 0, &b), "0:k=1 1:=null ");
    send(p, "x", 0, "k", "lost with its handle");
    p->ops->close(p, true);
    assert_string_equal(contents(reader, "x", 0, &b), "0:k=1 1:=null ");
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
    assert_int_equal(m.log->ops->seek(m.log, "x", 0, 4, &m.err), 0);
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
    assert_true(begin > 100000 && end == 300000);
    join(&m, broker, x, NULL);
    send(p, "x", 0, NULL, "first");
    poll_all(&m, &got);
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
        cmocka_unit_test(transactions_appear_at_once),
        cmocka_unit_test(plain_handles_write_at_once),
        cmocka_unit_test(topics_and_bounds),
        cmocka_unit_test(keys_choose_partitions_as_java_does),
        cmocka_unit_test(headers_and_bytes_are_kept),
        cmocka_unit_test(two_members_share_and_hand_over),
        cmocka_unit_test(only_the_owner_commits),
        cmocka_unit_test(seeking_and_pausing),
        cmocka_unit_test(from_latest),
        cmocka_unit_test(more_partitions_than_one_call_deals_with),
        cmocka_unit_test(compaction_keeps_the_last_value),
        cmocka_unit_test(compaction_forgets_old_deletions),
        cmocka_unit_test(trimming_waits_for_the_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
