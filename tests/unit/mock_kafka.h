/* A mock cluster inside the test's process, and a lane on it. Good for the client's side: what is
 * sent, what comes back, which errors mean what. It shows aborted records to read_committed readers
 * and knows no CreateTopics; those are for tests/kafka.
 */
#ifndef KLAMM_TESTS_MOCK_KAFKA_H
#define KLAMM_TESTS_MOCK_KAFKA_H

#include "engine/clock.h"
#include "worker/kafka_log.h"
#include "worker/kafka_log_impl.h"

#include <librdkafka/rdkafka_mock.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MOCK_PARTITIONS 4
#define MOCK_WAIT_MS    60000

struct mock {
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *cluster;
};

/* What a lane was told, and what it answers. */
struct mock_lane {
    struct log *log;
    size_t assigned, revoked, lost, seen; /* seen: records */
    struct log_position at[MOCK_PARTITIONS];
    char metadata[MOCK_PARTITIONS][32];
    int64_t begin_at; /* given back from assigned(); OFFSET_NONE: as committed */
    bool commits;     /* commits from revoked() */
    int refused;      /* of these commits */
};

static inline void mock_open(struct mock *m)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "3", NULL, 0);
    rd_kafka_conf_set(conf, "enable.metrics.push", "false", NULL, 0);
    m->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    assert_non_null(m->host);
    m->cluster = rd_kafka_mock_cluster_new(m->host, 1);
    assert_non_null(m->cluster);
    rd_kafka_mock_group_initial_rebalance_delay_ms(m->cluster, 0);
    rd_kafka_mock_topic_create(m->cluster, "in", MOCK_PARTITIONS, 1);
    rd_kafka_mock_topic_create(m->cluster, "out", MOCK_PARTITIONS, 1);
}

static inline void mock_close(struct mock *m)
{
    rd_kafka_mock_cluster_destroy(m->cluster);
    rd_kafka_destroy(m->host);
}

static inline void mock_assigned(void *ctx, struct log_position *p, size_t n)
{
    struct mock_lane *lane = ctx;
    for (size_t i = 0; i < n; i++) {
        lane->at[p[i].partition] = p[i];
        snprintf(lane->metadata[p[i].partition], sizeof lane->metadata[0], "%s",
                 p[i].metadata != NULL ? p[i].metadata : "");
        if (lane->begin_at != OFFSET_NONE) {
            p[i].offset = lane->begin_at;
        }
    }
    lane->assigned += n;
}

static inline void mock_revoked(void *ctx, const struct log_position *p, size_t n, bool lost)
{
    struct mock_lane *lane = ctx;
    lane->revoked += n;
    lane->lost += lost ? n : 0;
    if (lane->commits) {
        struct err e = {0};
        struct log_position at[MOCK_PARTITIONS];
        for (size_t i = 0; i < n; i++) {
            at[i] = (struct log_position){p[i].topic, p[i].partition, 7, "left"};
        }
        /* The mock, other than Kafka, refuses commits while a member joins. */
        int rc = lane->log->ops->commit(lane->log, at, n, &e);
        assert_true(rc == 0 || rc == -ERR_ABORT);
        lane->refused += rc < 0;
    }
}

/* topic NULL: no subscription. property: two more, or NULL. */
static inline int mock_lane_try(struct mock *m, struct mock_lane *lane, const char *topic,
                                const char *transactional, const char *const *property,
                                const char *const *with_headers, struct err *e)
{
    const char *all[8] = {"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(m->cluster),
                          property != NULL ? property[0] : NULL,
                          property != NULL ? property[1] : NULL, NULL};
    const char *topics[] = {topic, NULL};
    const struct log_config cfg = {
        .group = "group",
        .transactional = transactional,
        .topics = topic != NULL ? topics : NULL,
        .with_headers = with_headers,
        .property = all,
    };
    const struct log_events ev = {lane, mock_assigned, mock_revoked};
    lane->begin_at = OFFSET_NONE;
    return kafka_log_open(&lane->log, &cfg, &ev, e);
}

static inline void mock_lane_open(struct mock *m, struct mock_lane *lane, const char *topic,
                                  const char *transactional)
{
    struct err e = {0};
    int rc = mock_lane_try(m, lane, topic, transactional, NULL, NULL, &e);
    if (rc != 0) {
        fail_msg("open: %s", e.text);
    }
}

static inline void mock_lane_close(struct mock_lane *lane)
{
    lane->log->ops->close(lane->log, false);
    lane->log = NULL;
}

/* Polls once, without looking at the records. */
static inline size_t mock_poll(struct mock_lane *lane)
{
    const struct record *r;
    size_t n;
    struct err e = {0};
    if (lane->log->ops->poll(lane->log, 20, &r, &n, &e) < 0) {
        fail_msg("poll: %s", e.text);
    }
    lane->log->ops->release(lane->log);
    lane->seen += n;
    return n;
}

static inline void mock_wait_assigned(struct mock_lane *lane, size_t n)
{
    int64_t deadline = clock_monotonic_ns() + MOCK_WAIT_MS * 1000000LL;
    while (lane->assigned < n) {
        assert_true(clock_monotonic_ns() < deadline);
        mock_poll(lane);
    }
}

/* Polls until n records were seen in all. */
static inline void mock_wait_seen(struct mock_lane *lane, size_t n)
{
    int64_t deadline = clock_monotonic_ns() + MOCK_WAIT_MS * 1000000LL;
    while (lane->seen < n) {
        assert_true(clock_monotonic_ns() < deadline);
        mock_poll(lane);
    }
    assert_int_equal(lane->seen, n);
}

/* Polls for a while and sees nothing more. */
static inline void mock_see_no_more(struct mock_lane *lane)
{
    size_t n = lane->seen;
    for (int i = 0; i < 15; i++) {
        mock_poll(lane);
    }
    assert_int_equal(lane->seen, n);
}

/* Writes and flushes one record. */
static inline void mock_put(struct mock_lane *lane, const char *topic, int32_t partition,
                            const char *key, const char *value)
{
    struct err e = {0};
    const struct record r = {.topic = topic,
                             .partition = partition,
                             .timestamp = -1,
                             .key = key,
                             .key_n = key != NULL ? strlen(key) : 0,
                             .value = value,
                             .value_n = value != NULL ? strlen(value) : 0};
    assert_int_equal(lane->log->ops->produce(lane->log, &r, 1, &e), 0);
    assert_int_equal(lane->log->ops->commit(lane->log, NULL, 0, &e), 0);
}

/* A fresh cluster for each test, in *state. */
static inline int mock_setup(void **state)
{
    static struct mock m;
    mock_open(&m);
    *state = &m;
    return 0;
}

static inline int mock_teardown(void **state)
{
    mock_close(*state);
    return 0;
}

#define MOCK_TEST(name) cmocka_unit_test_setup_teardown(name, mock_setup, mock_teardown)

#endif
