/* Kafka log, commits: the calls' order and what refusals mean. That nothing shows before the commit
 * is for tests/kafka: the mock cluster has no isolation.
 */
#include "tests/unit/mock_kafka.h"
#include "worker/kafka_log.h"

#define PRODUCE           0
#define TXN_OFFSET_COMMIT 28
#define END_TXN           26

static int produce_and_commit(struct mock_lane *lane, struct err *e)
{
    const struct record r = {"out", 0, -1, -1, "k", 1, "v", 1, NULL, 0, NULL, NULL};
    const struct log_position at[] = {{"in", 0, 5, "a"}, {"in", 1, 6, NULL}, {"in", 2, -1, NULL}};
    int rc = lane->log->ops->begin(lane->log, e);
    rc = rc < 0 ? rc : lane->log->ops->produce(lane->log, &r, 1, e);
    return rc < 0 ? rc : lane->log->ops->commit(lane->log, at, 3, e);
}

static void test_offsets_and_metadata_are_kept(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    mock_lane_open(*state, &lane, "in", NULL); /* the mock forgets offsets of transactions */
    mock_wait_assigned(&lane, MOCK_PARTITIONS);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(produce_and_commit(&lane, &e), 0);
    }
    struct log_position p[] = {
        {"in", 0, 0, NULL}, {"in", 1, 0, NULL}, {"in", 2, 0, NULL}, {"in", 3, 0, NULL}};
    assert_int_equal(lane.log->ops->committed(lane.log, p, 4, MOCK_WAIT_MS, &e), 0);
    assert_int_equal(p[0].offset, 5);
    assert_string_equal(p[0].metadata, "a");
    assert_int_equal(p[1].offset, 6);
    assert_null(p[1].metadata);
    assert_int_equal(p[2].offset, OFFSET_NONE); /* nothing read: nothing committed */
    assert_int_equal(p[3].offset, OFFSET_NONE);
    mock_lane_close(&lane);
}

static void test_commit_asks_again_when_it_may(void **state)
{
    struct mock *m = *state;
    struct mock_lane lane = {0};
    struct err e = {0};
    mock_lane_open(m, &lane, "in", "id");
    mock_wait_assigned(&lane, MOCK_PARTITIONS);
    rd_kafka_mock_push_request_errors(m->cluster, END_TXN, 2,
                                      RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS,
                                      RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
    if (produce_and_commit(&lane, &e) < 0) {
        fail_msg("%s", e.text);
    }
    mock_lane_close(&lane);
}

static void test_old_generation_aborts(void **state)
{
    struct mock *m = *state;
    struct mock_lane lane = {0};
    struct err e = {0};
    mock_lane_open(m, &lane, "in", "id");
    mock_wait_assigned(&lane, MOCK_PARTITIONS);
    rd_kafka_mock_push_request_errors(m->cluster, TXN_OFFSET_COMMIT, 1,
                                      RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION);
    assert_int_equal(produce_and_commit(&lane, &e), -ERR_ABORT);
    err_clear(&e);
    assert_int_equal(lane.log->ops->abort(lane.log, &e), 0);
    if (produce_and_commit(&lane, &e) < 0) {
        fail_msg("%s", e.text);
    }
    mock_lane_close(&lane);
}

/* The record that failed leaves a gap in the sequence, so the next transaction may abort too. */
static void test_failed_delivery_aborts(void **state)
{
    struct mock *m = *state;
    struct mock_lane lane = {0};
    struct err e = {0};
    mock_lane_open(m, &lane, "in", "id");
    mock_wait_assigned(&lane, MOCK_PARTITIONS);
    rd_kafka_mock_push_request_errors(m->cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_POLICY_VIOLATION);
    assert_int_equal(produce_and_commit(&lane, &e), -ERR_ABORT);
    assert_non_null(strstr(e.text, "out"));
    int rc = -ERR_ABORT;
    for (int i = 0; i < 3 && rc == -ERR_ABORT; i++) {
        err_clear(&e);
        assert_int_equal(lane.log->ops->abort(lane.log, &e), 0);
        rc = produce_and_commit(&lane, &e);
    }
    assert_int_equal(rc, 0);
    mock_lane_close(&lane);
}

static void test_fenced_producer_is_fatal(void **state)
{
    struct mock *m = *state;
    struct mock_lane lane = {0};
    struct err e = {0};
    mock_lane_open(m, &lane, "in", "id");
    mock_wait_assigned(&lane, MOCK_PARTITIONS);
    rd_kafka_mock_push_request_errors(m->cluster, END_TXN, 1,
                                      RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH);
    assert_int_equal(produce_and_commit(&lane, &e), -ERR_FATAL);
    assert_non_null(strstr(e.text, "fenced"));
    err_clear(&e);
    const struct record *r;
    size_t n;
    int rc = 0;
    int64_t deadline = clock_monotonic_ns() + MOCK_WAIT_MS * 1000000LL;
    while (rc == 0 && clock_monotonic_ns() < deadline) {
        rc = lane.log->ops->poll(lane.log, 20, &r, &n, &e);
        lane.log->ops->release(lane.log);
    }
    assert_int_equal(rc, -ERR_FATAL);
    mock_lane_close(&lane);
}

static void test_empty_transactions(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    mock_lane_open(*state, &lane, NULL, "id");
    assert_int_equal(lane.log->ops->abort(lane.log, &e), 0); /* none is open */
    assert_int_equal(lane.log->ops->begin(lane.log, &e), 0);
    assert_int_equal(lane.log->ops->begin(lane.log, &e), 0); /* one is open already */
    assert_int_equal(lane.log->ops->abort(lane.log, &e), 0);
    assert_int_equal(lane.log->ops->commit(lane.log, NULL, 0, &e), 0);
    mock_lane_close(&lane);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOCK_TEST(test_offsets_and_metadata_are_kept),
        MOCK_TEST(test_commit_asks_again_when_it_may),
        MOCK_TEST(test_old_generation_aborts),
        MOCK_TEST(test_failed_delivery_aborts),
        MOCK_TEST(test_fenced_producer_is_fatal),
        MOCK_TEST(test_empty_transactions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
