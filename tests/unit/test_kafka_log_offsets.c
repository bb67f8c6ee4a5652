/* Kafka log, offsets: where partitions begin and end, whatever the brokers do meanwhile. */
#include "tests/unit/mock_kafka.h"
#include "worker/kafka_log.h"

#define LIST_OFFSETS 2 /* API key */
#define ASK_MS       2000

static void test_bounds(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    int64_t begin = -1, end = -1;
    mock_lane_open(*state, &lane, NULL, NULL);
    assert_int_equal(lane.log->ops->bounds(lane.log, "in", 1, &begin, &end, MOCK_WAIT_MS, &e), 0);
    assert_int_equal(begin, end);
    mock_put(&lane, "in", 1, "k", "1");
    mock_put(&lane, "in", 1, "k", "2");
    assert_int_equal(lane.log->ops->bounds(lane.log, "in", 1, &begin, &end, MOCK_WAIT_MS, &e), 0);
    assert_int_equal(begin, 0);
    assert_int_equal(end, 2);
    assert_true(lane.log->ops->bounds(lane.log, "in", 99, &begin, &end, 300, &e) < 0);
    mock_lane_close(&lane);
}

/* A broker that leaves while it is asked: an answer may fail to come, but it is never a wrong one. */
static void test_bounds_of_a_broker_that_leaves(void **state)
{
    struct mock *m = *state;
    struct mock_lane lane = {0};
    mock_lane_open(m, &lane, NULL, NULL);
    mock_put(&lane, "in", 1, "k", "1");
    mock_put(&lane, "in", 1, "k", "2");
    for (int leaves = 1; leaves <= 2; leaves++) {
        struct err e = {0};
        int64_t begin = 0, end = -1, written = -1;
        rd_kafka_resp_err_t gone[2] = {RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__TRANSPORT};
        rd_kafka_mock_push_request_errors_array(m->cluster, LIST_OFFSETS, (size_t)leaves, gone);
        int rc = lane.log->ops->written(lane.log, "in", 1, &written, ASK_MS, &e);
        assert_true(rc == -ERR_RETRY || (rc == 0 && written == 2));
        err_clear(&e);
        rd_kafka_mock_push_request_errors_array(m->cluster, LIST_OFFSETS, (size_t)leaves, gone);
        rc = lane.log->ops->bounds(lane.log, "in", 1, &begin, &end, ASK_MS, &e);
        assert_true(rc == -ERR_RETRY || (rc == 0 && begin == 0 && end == 2));
        rd_kafka_mock_clear_request_errors(m->cluster, LIST_OFFSETS);
    }
    mock_lane_close(&lane);
}

/* Another broker created it, and this one has not heard of it yet. */
static void test_bounds_of_a_topic_that_is_not_known_yet(void **state)
{
    struct mock *m = *state;
    struct mock_lane lane = {0};
    struct err e = {0};
    int64_t written = -1;
    mock_lane_open(m, &lane, NULL, NULL);
    mock_put(&lane, "in", 1, "k", "1");
    rd_kafka_mock_push_request_errors(m->cluster, LIST_OFFSETS, 2,
                                      RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
                                      RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(lane.log->ops->written(lane.log, "in", 1, &written, MOCK_WAIT_MS, &e), 0);
    assert_int_equal(written, 1);
    mock_lane_close(&lane);
}

static void test_bounds_without_a_leader(void **state)
{
    struct mock *m = *state;
    struct mock_lane lane = {0};
    struct err e = {0};
    int64_t begin = -1, end = -1, written = -1;
    mock_lane_open(m, &lane, NULL, NULL);
    mock_put(&lane, "in", 1, "k", "1");
    rd_kafka_mock_partition_set_leader(m->cluster, "in", 1, -1);
    assert_int_equal(lane.log->ops->bounds(lane.log, "in", 1, &begin, &end, 300, &e), -ERR_RETRY);
    err_clear(&e);
    assert_int_equal(lane.log->ops->written(lane.log, "in", 1, &written, 300, &e), -ERR_RETRY);
    err_clear(&e);
    rd_kafka_mock_partition_set_leader(m->cluster, "in", 1, 1);
    assert_int_equal(lane.log->ops->written(lane.log, "in", 1, &written, MOCK_WAIT_MS, &e), 0);
    assert_int_equal(written, 1);
    mock_lane_close(&lane);
}

/* With a producer, which may: a topic that is asked for is not created by that. */
static void test_asking_creates_nothing(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    int64_t begin = -1, end = -1, written = -1;
    int32_t n = -1;
    mock_lane_open(*state, &lane, NULL, "transactional");
    assert_int_equal(lane.log->ops->bounds(lane.log, "none", 0, &begin, &end, 300, &e), -ERR_RETRY);
    err_clear(&e);
    assert_int_equal(lane.log->ops->written(lane.log, "none", 0, &written, 300, &e), -ERR_RETRY);
    err_clear(&e);
    assert_int_equal(lane.log->ops->partitions(lane.log, "none", &n, MOCK_WAIT_MS, &e), 0);
    assert_int_equal(n, 0);
    mock_lane_close(&lane);
}

/* Of a handle that was just opened and knows no leader: metadata comes while it asks. */
static void test_first_question_of_many_handles(void **state)
{
    for (int i = 0; i < 20; i++) {
        struct mock_lane lane = {0};
        struct err e = {0};
        int64_t written = -1;
        mock_lane_open(*state, &lane, NULL, NULL);
        assert_int_equal(lane.log->ops->written(lane.log, "in", 1, &written, MOCK_WAIT_MS, &e), 0);
        assert_int_equal(written, 0);
        mock_lane_close(&lane);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOCK_TEST(test_bounds),
        MOCK_TEST(test_bounds_of_a_broker_that_leaves),
        MOCK_TEST(test_bounds_of_a_topic_that_is_not_known_yet),
        MOCK_TEST(test_bounds_without_a_leader),
        MOCK_TEST(test_asking_creates_nothing),
        MOCK_TEST(test_first_question_of_many_handles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
