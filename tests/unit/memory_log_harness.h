/* For tests of the log in memory: members of a group with what their events said, and contents of
 * partitions as text. */
#ifndef KLAMM_TESTS_MEMORY_LOG_HARNESS_H
#define KLAMM_TESTS_MEMORY_LOG_HARNESS_H

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

static inline void on_assigned(void *ctx, struct log_position *p, size_t n)
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

static inline void on_revoked(void *ctx, const struct log_position *p, size_t n, bool lost)
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

static inline void join(struct member *m, struct memory_broker *b, const char *const *topics,
                        const char *transactional)
{
    *m = (struct member){.begin_at = OFFSET_NONE};
    buffer_init(&m->events);
    struct log_config cfg = {.group = "g", .transactional = transactional, .topics = topics};
    struct log_events ev = {m, on_assigned, on_revoked};
    assert_int_equal(memory_log_open(&m->log, b, &cfg, &ev, &m->err), 0);
}

static inline void leave(struct member *m)
{
    m->log->ops->close(m->log, true);
    buffer_done(&m->events);
}

static inline struct log *open_plain(struct memory_broker *b, const char *transactional)
{
    struct log *l;
    struct log_config cfg = {.transactional = transactional};
    struct err e = {0};
    assert_int_equal(memory_log_open(&l, b, &cfg, NULL, &e), 0);
    return l;
}

static inline void send(struct log *l, const char *topic, int32_t partition, const char *key,
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

static inline int add_text(void *ctx, const struct record *r)
{
    buffer_printf(ctx, "%lld:%.*s=%.*s ", (long long)r->offset, (int)r->key_n,
                  r->key ? (const char *)r->key : "", (int)(r->value ? r->value_n : 4),
                  r->value ? (const char *)r->value : "null");
    return 0;
}

/* All of a partition, as "OFFSET:KEY=VALUE ". */
static inline const char *contents(struct log *l, const char *topic, int32_t partition,
                                   struct buffer *b)
{
    int64_t next;
    struct err e = {0};
    buffer_clear(b);
    assert_int_equal(l->ops->read_on(l, topic, partition, 0, add_text, b, &next, &e), 0);
    return buffer_cstr(b);
}

/* Polls until nothing is left (a poll may have nothing yet). */
static inline const char *poll_all(struct member *m, struct buffer *b)
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

#endif
