/* Kafka log, wake: who resumes partitions asks their brokers something, once. */
#include "tests/unit/mock_kafka.h"
#include "worker/kafka_log.h"

#include <stdlib.h>

#define LIST_OFFSETS 2 /* API key */

/* Questions since the last call. */
static int asked(struct mock *m)
{
    size_t n;
    int found = 0;
    rd_kafka_mock_request_t **request = rd_kafka_mock_get_requests(m->cluster, &n);
    for (size_t i = 0; i < n; i++) {
        found += rd_kafka_mock_request_api_key(request[i]) == LIST_OFFSETS;
    }
    rd_kafka_mock_request_destroy_array(request, n);
    rd_kafka_mock_clear_requests(m->cluster);
    return found;
}

static void wait_asked(struct mock *m, struct mock_lane *lane)
{
    int64_t deadline = clock_monotonic_ns() + MOCK_WAIT_MS * 1000000LL;
    while (asked(m) == 0) {
        assert_true(clock_monotonic_ns() < deadline);
        mock_poll(lane);
    }
}

static void sees_nothing_asked(struct mock *m, struct mock_lane *lane)
{
    mock_see_no_more(lane); /* what is under way arrives */
    asked(m);
    mock_see_no_more(lane);
    assert_int_equal(asked(m), 0);
}

static void test_after_a_resume(void **state)
{
    struct mock_lane lane = {0};
    mock_lane_open(*state, &lane, "in", NULL);
    const struct log_ops *ops = lane.log->ops;
    mock_wait_assigned(&lane, MOCK_PARTITIONS);
    rd_kafka_mock_start_request_tracking(((struct mock *)*state)->cluster);
    sees_nothing_asked(*state, &lane);
    for (int p = 0; p < MOCK_PARTITIONS; p++) {
        assert_int_equal(ops->pause(lane.log, "in", p), 0);
    }
    sees_nothing_asked(*state, &lane);
    for (int p = 0; p < MOCK_PARTITIONS; p++) {
        assert_int_equal(ops->resume(lane.log, "in", p), 0);
    }
    wait_asked(*state, &lane);
    sees_nothing_asked(*state, &lane);
    mock_lane_close(&lane);
}

/* The group paused them while it changed. Offsets are given: none has to be asked for. */
static void test_after_an_assignment(void **state)
{
    struct mock_lane lane = {0};
    rd_kafka_mock_start_request_tracking(((struct mock *)*state)->cluster);
    mock_lane_open(*state, &lane, "in", NULL);
    lane.begin_at = 0;
    mock_wait_assigned(&lane, MOCK_PARTITIONS);
    wait_asked(*state, &lane);
    sees_nothing_asked(*state, &lane);
    mock_lane_close(&lane);
}

/* Resumed, and closed before the next poll; or closed before the answer. */
static void test_nobody_waits_for_the_answer(void **state)
{
    for (int polls = 0; polls < 2; polls++) {
        struct mock_lane lane = {0};
        mock_lane_open(*state, &lane, "in", NULL);
        mock_wait_assigned(&lane, MOCK_PARTITIONS);
        assert_int_equal(lane.log->ops->pause(lane.log, "in", 1), 0);
        assert_int_equal(lane.log->ops->resume(lane.log, "in", 1), 0);
        for (int i = 0; i < polls; i++) {
            mock_poll(&lane);
        }
        mock_lane_close(&lane);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOCK_TEST(test_after_a_resume),
        MOCK_TEST(test_after_an_assignment),
        MOCK_TEST(test_nobody_waits_for_the_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
