/* Kafka log: opening and closing, and that it keeps nothing of what it was opened with. */
#include "tests/unit/mock_kafka.h"
#include "worker/kafka_log.h"

static void test_wrong_property_is_a_configuration_error(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    const char *unknown[] = {"fetch.message.max.byte", "1"};
    assert_int_equal(mock_lane_try(*state, &lane, NULL, NULL, unknown, NULL, &e), -ERR_CONFIG);
    assert_non_null(strstr(e.text, "fetch.message.max.byte"));
    err_clear(&e);
    const char *value[] = {"linger.ms", "soon"};
    assert_int_equal(mock_lane_try(*state, &lane, NULL, NULL, value, NULL, &e), -ERR_CONFIG);
    assert_non_null(strstr(e.text, "linger.ms"));
}

static void test_configuration_is_copied(void **state)
{
    struct mock *m = *state;
    char group[] = "group", topic[] = "in", name[] = "bootstrap.servers", servers[256];
    snprintf(servers, sizeof servers, "%s", rd_kafka_mock_cluster_bootstraps(m->cluster));
    const char *property[] = {name, servers, NULL}, *topics[] = {topic, NULL};
    struct mock_lane lane = {.begin_at = OFFSET_NONE};
    const struct log_config cfg = {.group = group, .topics = topics, .property = property};
    const struct log_events ev = {&lane, mock_assigned, mock_revoked};
    struct err e = {0};
    assert_int_equal(kafka_log_open(&lane.log, &cfg, &ev, &e), 0);
    memset(group, 'x', sizeof group - 1);
    memset(topic, 'x', sizeof topic - 1);
    memset(name, 'x', sizeof name - 1);
    mock_wait_assigned(&lane, MOCK_PARTITIONS);
    assert_string_equal(lane.at[0].topic, "in");
    mock_lane_close(&lane);
}

static void test_close_revokes(void **state)
{
    struct mock_lane lane = {0};
    mock_lane_open(*state, &lane, "in", NULL);
    mock_wait_assigned(&lane, MOCK_PARTITIONS);
    lane.log->ops->close(lane.log, true);
    assert_int_equal(lane.revoked, MOCK_PARTITIONS);
    assert_int_equal(lane.lost, 0);
}

static void test_close_at_once(void **state)
{
    struct mock_lane lane = {0};
    mock_lane_open(*state, &lane, "in", "id");
    lane.log->ops->close(lane.log, true);
    assert_int_equal(lane.assigned, lane.revoked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOCK_TEST(test_wrong_property_is_a_configuration_error),
        MOCK_TEST(test_configuration_is_copied),
        MOCK_TEST(test_close_revokes),
        MOCK_TEST(test_close_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
