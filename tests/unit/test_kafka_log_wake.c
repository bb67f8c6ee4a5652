/* Kafka log, wake: that it happens, and changes nothing. What it is good for is time, which
 * bench/rolling measures.
 */
#include "tests/unit/mock_kafka.h"
#include "worker/kafka_log.h"

static bool sleeps(const struct mock_lane *lane)
{
    return ((const struct kafka_log *)lane->log)->sleep != KAFKA_AWAKE;
}

static void has(const struct mock_lane *lane, const char *name, const char *expected)
{
    char value[100] = "";
    size_t n = sizeof value;
    const rd_kafka_t *rk = ((const struct kafka_log *)lane->log)->consumer;
    rd_kafka_conf_get(rd_kafka_conf((rd_kafka_t *)(uintptr_t)rk), name, value, &n);
    assert_string_equal(value, expected);
}

static void resume(struct mock_lane *lane)
{
    assert_int_equal(lane->log->ops->pause(lane->log, "in", 1), 0);
    assert_false(sleeps(lane));
    assert_int_equal(lane->log->ops->resume(lane->log, "in", 1), 0);
    assert_true(sleeps(lane));
    mock_poll(lane);
    assert_false(sleeps(lane));
}

static void test_after_a_resume_and_an_assignment(void **state)
{
    struct mock_lane lane = {0};
    mock_lane_open(*state, &lane, "in", NULL);
    assert_false(sleeps(&lane));
    mock_wait_assigned(&lane, MOCK_PARTITIONS);
    assert_true(sleeps(&lane));
    mock_poll(&lane);
    resume(&lane);
    has(&lane, "sasl.username", "");
    mock_put(&lane, "in", 1, "k", "v");
    mock_wait_seen(&lane, 1);
    mock_lane_close(&lane);
}

static void test_credentials_stay_what_they_are(void **state)
{
    static const char *const user[] = {"sasl.username", "it's me"}, *const pass[] = {
                                                                        "sasl.password", "\"1 2 3"};
    for (int i = 0; i < 2; i++) {
        struct mock_lane lane = {0};
        struct err e = {0};
        assert_int_equal(mock_lane_try(*state, &lane, "in", NULL, i ? pass : user, NULL, &e), 0);
        mock_wait_assigned(&lane, MOCK_PARTITIONS);
        mock_poll(&lane);
        resume(&lane);
        has(&lane, "sasl.username", i ? "" : user[1]);
        has(&lane, "sasl.password", i ? pass[1] : "");
        mock_lane_close(&lane);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOCK_TEST(test_after_a_resume_and_an_assignment),
        MOCK_TEST(test_credentials_stay_what_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
