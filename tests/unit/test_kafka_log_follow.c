/* Kafka log, follow: partitions read without being a member. Who the members are is asked on a real
 * broker (tests/kafka/test_standby.py): the mock cannot list groups.
 */
#include "tests/unit/mock_kafka.h"
#include "worker/kafka_log.h"

static size_t read_some(struct log *l, int32_t partition, int64_t *last)
{
    const struct record *r;
    struct err e = {0};
    size_t n = 0;
    assert_int_equal(l->ops->poll(l, 20, &r, &n, &e), 0);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(r[i].partition, partition);
        *last = r[i].offset;
    }
    l->ops->release(l);
    return n;
}

static void wait_for(struct log *l, int32_t partition, size_t n)
{
    int64_t deadline = clock_monotonic_ns() + MOCK_WAIT_MS * 1000000LL, last = -1;
    while (n > 0) {
        assert_true(clock_monotonic_ns() < deadline);
        n -= read_some(l, partition, &last);
    }
}

static void test_followed_from_an_offset(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    int64_t at, last = -1;
    mock_lane_open(*state, &lane, NULL, NULL);
    struct log *l = lane.log;
    for (int i = 0; i < 5; i++) {
        mock_put(&lane, "in", 1, "k", "v");
        mock_put(&lane, "in", 2, "k", "v");
    }
    assert_int_equal(l->ops->follow(l, "in", 1, 2, &e), 0);
    wait_for(l, 1, 3);
    assert_int_equal(l->ops->position(l, "in", 1, &at), 0);
    assert_int_equal(at, 5);
    assert_int_equal(l->ops->follow(l, "in", 2, 0, &e), 0); /* beside the first */
    wait_for(l, 2, 5);
    l->ops->unfollow(l, "in", 1);
    l->ops->unfollow(l, "in", 1);
    assert_int_equal(l->ops->position(l, "in", 1, &at), 0);
    assert_int_equal(at, OFFSET_NONE);
    mock_put(&lane, "in", 1, "k", "v");
    mock_put(&lane, "in", 2, "k", "v");
    wait_for(l, 2, 1);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(read_some(l, 2, &last), 0);
    }
    assert_int_equal(l->ops->follow(l, "in", 1, 5, &e), 0); /* again */
    wait_for(l, 1, 1);
    mock_lane_close(&lane); /* follows two */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOCK_TEST(test_followed_from_an_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
