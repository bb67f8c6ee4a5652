/* Kafka log, producer: where records go, what happens when the queue is full or a record is
 * refused. */
#include "engine/hash.h"
#include "tests/unit/mock_kafka.h"
#include "worker/kafka_log.h"

#include <stdlib.h>

static int64_t counts[MOCK_PARTITIONS];
static int64_t last_of_key[50];
static bool in_order;

static int look_at_keys(void *ctx, const struct record *r)
{
    (void)ctx;
    char text[32] = "";
    memcpy(text, r->key, r->key_n);
    int key = atoi(text + 1);
    uint32_t by_murmur = (hash_murmur2(r->key, r->key_n) & 0x7fffffff) % MOCK_PARTITIONS;
    assert_int_equal(r->partition, by_murmur);
    memset(text, 0, sizeof text);
    memcpy(text, r->value, r->value_n < 16 ? r->value_n : 16);
    int64_t number = atoll(text);
    in_order = in_order && number > last_of_key[key];
    last_of_key[key] = number;
    counts[r->partition]++;
    return 0;
}

static int64_t read_out(struct mock_lane *lane)
{
    int64_t n = 0, next;
    struct err e = {0};
    memset(counts, 0, sizeof counts);
    memset(last_of_key, 0xff, sizeof last_of_key);
    in_order = true;
    for (int32_t p = 0; p < MOCK_PARTITIONS; p++) {
        assert_int_equal(
            lane->log->ops->read_all(lane->log, "out", p, 0, look_at_keys, NULL, &next, &e), 0);
        n += counts[p];
    }
    return n;
}

/* Records with and without timestamp in one call take different ways; the order of a key holds. */
static void produce_mixed(struct mock_lane *lane, int n, const char *filler)
{
    struct err e = {0};
    char key[100][8], value[100][64];
    struct record r[100];
    for (int i = 0; i < n;) {
        int k = 0;
        for (; k < 100 && i < n; k++, i++) {
            r[k] = (struct record){
                .topic = "out",
                .partition = -1,
                .timestamp = i % 7 == 0 ? 1000 + i : -1,
                .key = key[k],
                .key_n = (size_t)snprintf(key[k], sizeof key[k], "k%d", i % 50),
                .value = value[k],
                .value_n = (size_t)snprintf(value[k], sizeof value[k], "%d %s", i, filler),
            };
        }
        assert_int_equal(lane->log->ops->produce(lane->log, r, (size_t)k, &e), 0);
    }
    assert_int_equal(lane->log->ops->commit(lane->log, NULL, 0, &e), 0);
}

static void test_keys_go_where_java_puts_them(void **state)
{
    struct mock_lane lane = {0};
    mock_lane_open(*state, &lane, NULL, NULL);
    produce_mixed(&lane, 2000, "");
    assert_int_equal(read_out(&lane), 2000);
    assert_true(in_order);
    mock_lane_close(&lane);
}

static int take_time(void *ctx, const struct record *r)
{
    *(int64_t *)ctx = r->timestamp;
    return 0;
}

/* librdkafka takes 0 for now. */
static void test_the_first_millisecond_of_1970_is_not_now(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    int64_t time = -1, next;
    mock_lane_open(*state, &lane, NULL, NULL);
    const struct record r = {.topic = "out", .partition = 0, .value = "v", .value_n = 1};
    assert_int_equal(lane.log->ops->produce(lane.log, &r, 1, &e), 0);
    assert_int_equal(lane.log->ops->commit(lane.log, NULL, 0, &e), 0);
    assert_int_equal(lane.log->ops->read_all(lane.log, "out", 0, 0, take_time, &time, &next, &e),
                     0);
    assert_int_equal(time, 1);
    mock_lane_close(&lane);
}

static void test_full_queue_waits_and_keeps_the_order(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    const char *small[] = {"queue.buffering.max.messages", "13"};
    assert_int_equal(mock_lane_try(*state, &lane, NULL, NULL, small, NULL, &e), 0);
    produce_mixed(&lane, 600, "and some more bytes");
    assert_int_equal(read_out(&lane), 600);
    assert_true(in_order);
    mock_lane_close(&lane);
}

static void test_full_bytes_wait_too(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    const char *small[] = {"queue.buffering.max.kbytes", "1"};
    assert_int_equal(mock_lane_try(*state, &lane, NULL, NULL, small, NULL, &e), 0);
    produce_mixed(&lane, 600, "and some more bytes");
    assert_int_equal(read_out(&lane), 600);
    assert_true(in_order);
    mock_lane_close(&lane);
}

static void test_record_too_large_is_bad_data(void **state)
{
    static char large[2000];
    struct mock_lane lane = {0};
    struct err e = {0};
    const char *small[] = {"message.max.bytes", "1000"};
    assert_int_equal(mock_lane_try(*state, &lane, NULL, NULL, small, NULL, &e), 0);
    for (int64_t timestamp = -1; timestamp < 1; timestamp++) {
        const struct record r[] = {
            {"out", 0, -1, timestamp, NULL, 0, large, sizeof large, NULL, 0, NULL, NULL},
            {"out", 0, -1, timestamp, "k1", 2, "1", 1, NULL, 0, NULL, NULL},
        };
        err_clear(&e);
        assert_int_equal(lane.log->ops->produce(lane.log, r, 2, &e), -ERR_DATA);
        assert_non_null(strstr(e.text, "message.max.bytes"));
    }
    mock_put(&lane, "out", -1, "k1", "2"); /* the log goes on, and counts nothing twice */
    mock_lane_close(&lane);
}

static void test_a_missing_topic_may_come(void **state)
{
    struct mock *m = *state;
    struct mock_lane lane = {0};
    struct err e = {0};
    rd_kafka_mock_topic_set_error(m->cluster, "none", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    mock_lane_open(m, &lane, NULL, NULL);
    const struct record r = {"none", -1, -1, -1, "k", 1, "v", 1, NULL, 0, NULL, NULL};
    assert_int_equal(lane.log->ops->produce(lane.log, &r, 1, &e), -ERR_RETRY);
    assert_non_null(strstr(e.text, "none"));
    assert_non_null(strstr(e.text, "deleted"));
    mock_lane_close(&lane);
}

static void test_failed_delivery_fails_the_commit(void **state)
{
    struct mock *m = *state;
    struct mock_lane lane = {0};
    struct err e = {0};
    const struct record r = {"out", 0, -1, -1, "k", 1, "v", 1, NULL, 0, NULL, NULL};
    mock_lane_open(m, &lane, NULL, NULL);
    mock_put(&lane, "out", 0, "k", "v");
    rd_kafka_mock_push_request_errors(m->cluster, 0 /* Produce */, 1,
                                      RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS);
    assert_int_equal(lane.log->ops->produce(lane.log, &r, 1, &e), 0);
    assert_int_equal(lane.log->ops->commit(lane.log, NULL, 0, &e), -ERR_ABORT);
    assert_non_null(strstr(e.text, "not delivered"));
    err_clear(&e);
    assert_int_equal(lane.log->ops->abort(lane.log, &e), 0);
    mock_put(&lane, "out", 0, "k", "v");
    mock_lane_close(&lane);
}

/* It would be refused after an abort, too. */
static void test_a_record_that_the_broker_refuses_is_bad_data(void **state)
{
    struct mock *m = *state;
    struct mock_lane lane = {0};
    struct err e = {0};
    const struct record r = {"out", 0, -1, -1, "k", 1, "v", 1, NULL, 0, NULL, NULL};
    mock_lane_open(m, &lane, NULL, NULL);
    rd_kafka_mock_push_request_errors(m->cluster, 0 /* Produce */, 1,
                                      RD_KAFKA_RESP_ERR_INVALID_RECORD);
    assert_int_equal(lane.log->ops->produce(lane.log, &r, 1, &e), 0);
    assert_int_equal(lane.log->ops->commit(lane.log, NULL, 0, &e), -ERR_DATA);
    assert_non_null(strstr(e.text, "message.timestamp.after.max.ms"));
    mock_lane_close(&lane);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOCK_TEST(test_keys_go_where_java_puts_them),
        MOCK_TEST(test_the_first_millisecond_of_1970_is_not_now),
        MOCK_TEST(test_full_queue_waits_and_keeps_the_order),
        MOCK_TEST(test_full_bytes_wait_too),
        MOCK_TEST(test_record_too_large_is_bad_data),
        MOCK_TEST(test_a_missing_topic_may_come),
        MOCK_TEST(test_failed_delivery_fails_the_commit),
        MOCK_TEST(test_a_record_that_the_broker_refuses_is_bad_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
