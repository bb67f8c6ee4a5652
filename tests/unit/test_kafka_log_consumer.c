/* Kafka log, consumer: records as they were written, once each, in offset order. */
#include "tests/unit/mock_kafka.h"
#include "worker/kafka_log.h"

static const struct header sent[] = {{"a", "1", 1}, {"b", "", 0}, {"c", NULL, 0}};

static void put_with_headers(struct mock_lane *lane)
{
    struct err e = {0};
    const struct record r[] = {
        {"in", 0, -1, 1234, "key", 3, "value", 5, sent, 3, NULL, NULL},
        {"in", 0, -1, 1235, NULL, 0, "v2", 2, NULL, 0, NULL, NULL},
        {"in", 0, -1, 1236, "", 0, NULL, 0, NULL, 0, NULL, NULL},
    };
    assert_int_equal(lane->log->ops->produce(lane->log, r, 3, &e), 0);
    assert_int_equal(lane->log->ops->commit(lane->log, NULL, 0, &e), 0);
}

/* Polls until n records were seen; look() sees each while it lives. */
static void take(struct mock_lane *lane, size_t n,
                 void (*look)(struct log *l, const struct record *r, size_t i))
{
    int64_t deadline = clock_monotonic_ns() + MOCK_WAIT_MS * 1000000LL;
    for (size_t seen = 0; seen < n;) {
        const struct record *r;
        size_t got;
        struct err e = {0};
        assert_true(clock_monotonic_ns() < deadline);
        assert_int_equal(lane->log->ops->poll(lane->log, 50, &r, &got, &e), 0);
        for (size_t i = 0; i < got; i++) {
            look(lane->log, &r[i], seen++);
        }
        lane->log->ops->release(lane->log);
    }
}

static void look_at_all(struct log *l, const struct record *r, size_t i)
{
    (void)l;
    assert_string_equal(r->topic, "in");
    assert_int_equal(r->partition, 0);
    assert_int_equal(r->offset, (int64_t)i);
    assert_int_equal(r->timestamp, 1234 + (int64_t)i);
    if (i == 0) {
        assert_memory_equal(r->key, "key", 3);
        assert_memory_equal(r->value, "value", 5);
        assert_int_equal(r->nheaders, 3);
        assert_string_equal(r->headers[0].name, "a");
        assert_memory_equal(r->headers[0].value, "1", 1);
        assert_int_equal(r->headers[1].n, 0);
        assert_non_null(r->headers[1].value);
        assert_null(r->headers[2].value);
    } else if (i == 1) {
        assert_null(r->key);
        assert_int_equal(r->nheaders, 0);
    } else {
        assert_non_null(r->key);
        assert_int_equal(r->key_n, 0);
        assert_null(r->value);
    }
}

static void test_records_come_as_written(void **state)
{
    struct mock_lane lane = {0};
    mock_lane_open(*state, &lane, "in", NULL);
    put_with_headers(&lane);
    take(&lane, 3, look_at_all);
    mock_lane_close(&lane);
}

static void look_without_headers(struct log *l, const struct record *r, size_t i)
{
    const struct header *h;
    size_t n;
    assert_int_equal(r->nheaders, 0);
    assert_int_equal(l->ops->headers(l, r, &h, &n), 0);
    assert_int_equal(n, i == 0 ? 3 : 0);
    if (i == 0) {
        assert_string_equal(h[2].name, "c");
    }
}

static void test_headers_on_demand(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    const char *none[] = {NULL};
    assert_int_equal(mock_lane_try(*state, &lane, "in", NULL, NULL, none, &e), 0);
    put_with_headers(&lane);
    take(&lane, 3, look_without_headers);
    mock_lane_close(&lane);
}

static int64_t next_of[MOCK_PARTITIONS];

static void look_at_order(struct log *l, const struct record *r, size_t i)
{
    (void)l;
    (void)i;
    assert_int_equal(r->offset, next_of[r->partition]);
    next_of[r->partition]++;
}

static void test_many_records_in_offset_order(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    struct record r[500];
    char key[500][8];
    memset(next_of, 0, sizeof next_of);
    mock_lane_open(*state, &lane, "in", NULL);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 500; i++) {
            int n = snprintf(key[i], sizeof key[i], "k%d", i);
            r[i] =
                (struct record){"in", -1, -1, -1, key[i], (size_t)n, "v", 1, NULL, 0, NULL, NULL};
        }
        assert_int_equal(lane.log->ops->produce(lane.log, r, 500, &e), 0);
    }
    assert_int_equal(lane.log->ops->commit(lane.log, NULL, 0, &e), 0);
    take(&lane, 5000, look_at_order);
    assert_int_equal(next_of[0] + next_of[1] + next_of[2] + next_of[3], 5000);
    mock_lane_close(&lane);
}

static void test_poll_of_nothing_comes_back(void **state)
{
    struct mock_lane lane = {0};
    mock_lane_open(*state, &lane, NULL, NULL);
    assert_int_equal(mock_poll(&lane), 0);
    mock_lane_close(&lane);
}

static void test_missing_topic_is_reported(void **state)
{
    struct mock *m = *state;
    struct mock_lane lane = {0};
    struct err e = {0};
    const char *soon[] = {"topic.metadata.propagation.max.ms", "0"};
    rd_kafka_mock_topic_set_error(m->cluster, "none", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(mock_lane_try(m, &lane, "none", NULL, soon, NULL, &e), 0);
    int64_t deadline = clock_monotonic_ns() + MOCK_WAIT_MS * 1000000LL;
    const struct record *r;
    size_t n;
    int rc = 0;
    while (rc == 0 && clock_monotonic_ns() < deadline) {
        rc = lane.log->ops->poll(lane.log, 50, &r, &n, &e);
        lane.log->ops->release(lane.log);
    }
    assert_int_equal(rc, -ERR_CONFIG);
    assert_non_null(strstr(e.text, "none"));
    mock_lane_close(&lane);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOCK_TEST(test_records_come_as_written),      MOCK_TEST(test_headers_on_demand),
        MOCK_TEST(test_many_records_in_offset_order), MOCK_TEST(test_poll_of_nothing_comes_back),
        MOCK_TEST(test_missing_topic_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
