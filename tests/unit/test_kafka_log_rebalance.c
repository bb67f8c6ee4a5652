/* Kafka log, rebalance: what a lane is told about its partitions, and single partitions of it. */
#include "tests/unit/mock_kafka.h"
#include "worker/kafka_log.h"

/* The mock cluster waits for a member that left as long as its session. */
static const char *const session[] = {"session.timeout.ms", "3000"};

static void test_assigned_with_what_was_committed(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    const struct log_position at = {"in", 2, 3, "watermark 17"};
    assert_int_equal(mock_lane_try(*state, &lane, "in", NULL, session, NULL, &e), 0);
    mock_wait_assigned(&lane, MOCK_PARTITIONS);
    assert_int_equal(lane.at[2].offset, OFFSET_NONE);
    for (int i = 0; i < 5; i++) {
        mock_put(&lane, "in", 2, "k", "v");
    }
    assert_int_equal(lane.log->ops->commit(lane.log, &at, 1, &e), 0);
    lane.log->ops->close(lane.log, true);

    struct mock_lane next = {0};
    mock_lane_open(*state, &next, "in", NULL);
    mock_wait_assigned(&next, MOCK_PARTITIONS);
    assert_int_equal(next.at[2].offset, 3);
    assert_string_equal(next.metadata[2], "watermark 17");
    assert_int_equal(next.at[1].offset, OFFSET_NONE);
    assert_string_equal(next.metadata[1], "");
    mock_wait_seen(&next, 2); /* records 3 and 4 */
    mock_lane_close(&next);
}

static void test_lane_may_begin_elsewhere(void **state)
{
    struct mock_lane lane = {0};
    mock_lane_open(*state, &lane, NULL, NULL);
    for (int i = 0; i < 5; i++) {
        mock_put(&lane, "in", 0, "k", "v");
        mock_put(&lane, "in", 1, "k", "v");
        mock_put(&lane, "in", 2, "k", "v");
        mock_put(&lane, "in", 3, "k", "v");
    }
    mock_lane_close(&lane);
    struct mock_lane next = {0};
    mock_lane_open(*state, &next, "in", NULL);
    next.begin_at = 4;
    mock_wait_assigned(&next, MOCK_PARTITIONS);
    mock_wait_seen(&next, 4);
    mock_see_no_more(&next);
    for (int p = 0; p < MOCK_PARTITIONS; p++) {
        assert_int_equal(next.log->ops->has_more(next.log, "in", p), 0);
    }
    int64_t offset;
    assert_int_equal(next.log->ops->position(next.log, "in", 0, &offset), 0);
    assert_int_equal(offset, 5);
    mock_lane_close(&next);
}

/* Returns false when the mock refused a's last commit. */
static bool second_member_takes_its_share(struct mock *m)
{
    struct mock_lane a = {.commits = true}, b = {0};
    struct err e = {0};
    assert_int_equal(mock_lane_try(m, &a, "in", NULL, session, NULL, &e), 0);
    mock_wait_assigned(&a, MOCK_PARTITIONS);
    assert_int_equal(mock_lane_try(m, &b, "in", NULL, session, NULL, &e), 0);
    int64_t deadline = clock_monotonic_ns() + MOCK_WAIT_MS * 1000000LL;
    while (b.assigned < 2) {
        assert_true(clock_monotonic_ns() < deadline);
        mock_poll(&a);
        mock_poll(&b);
    }
    assert_int_equal(a.revoked, 2); /* only what moves: cooperative */
    assert_int_equal(a.lost, 0);
    for (int p = 0; p < MOCK_PARTITIONS; p++) {
        if (b.at[p].topic != NULL && !a.refused) { /* a committed it while it was taken away */
            assert_int_equal(b.at[p].offset, 7);
            assert_string_equal(b.metadata[p], "left");
        }
    }
    a.commits = false;
    mock_lane_close(&a);
    mock_lane_close(&b);
    return !a.refused;
}

static void test_second_member_takes_its_share(void **state)
{
    int tries = 0;
    while (!second_member_takes_its_share(*state)) {
        if (++tries == 5) {
            skip();
        }
    }
}

static void test_pause_resume_seek(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    const struct log_ops *ops;
    mock_lane_open(*state, &lane, "in", NULL);
    ops = lane.log->ops;
    mock_wait_assigned(&lane, MOCK_PARTITIONS);
    mock_put(&lane, "in", 0, "k", "1");
    mock_wait_seen(&lane, 1);
    assert_int_equal(ops->pause(lane.log, "in", 0), 0);
    for (int i = 0; i < 3; i++) {
        mock_put(&lane, "in", 0, "k", "2");
    }
    mock_see_no_more(&lane);
    assert_int_equal(ops->resume(lane.log, "in", 0), 0);
    mock_wait_seen(&lane, 4);
    assert_int_equal(ops->seek(lane.log, "in", 0, 1, &e), 0);
    int64_t offset;
    assert_int_equal(ops->position(lane.log, "in", 0, &offset), 0);
    assert_int_equal(offset, 1);
    mock_wait_seen(&lane, 7);
    mock_see_no_more(&lane);
    assert_int_equal(ops->seek(lane.log, "in", 0, OFFSET_NONE, &e), 0); /* the beginning */
    mock_wait_seen(&lane, 11);
    mock_lane_close(&lane);
}

static void test_partitions_of_others(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    int64_t offset;
    mock_lane_open(*state, &lane, "in", NULL);
    mock_wait_assigned(&lane, MOCK_PARTITIONS);
    assert_true(lane.log->ops->pause(lane.log, "out", 0) < 0);
    assert_true(lane.log->ops->seek(lane.log, "out", 77, 0, &e) < 0);
    assert_int_equal(lane.log->ops->position(lane.log, "out", 0, &offset), 0);
    assert_int_equal(offset, OFFSET_NONE);
    mock_lane_close(&lane);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOCK_TEST(test_assigned_with_what_was_committed),
        MOCK_TEST(test_lane_may_begin_elsewhere),
        MOCK_TEST(test_second_member_takes_its_share),
        MOCK_TEST(test_pause_resume_seek),
        MOCK_TEST(test_partitions_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
