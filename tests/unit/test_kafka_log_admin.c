/* Kafka log, questions to the cluster. create_topic is for tests/kafka: the mock cluster has none.
 */
#include "tests/unit/mock_kafka.h"
#include "worker/client.h"
#include "worker/kafka_log.h"

static void test_partitions(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    int32_t n = -1;
    mock_lane_open(*state, &lane, NULL, NULL);
    assert_int_equal(lane.log->ops->partitions(lane.log, "in", &n, MOCK_WAIT_MS, &e), 0);
    assert_int_equal(n, MOCK_PARTITIONS);
    assert_int_equal(lane.log->ops->partitions(lane.log, "none", &n, MOCK_WAIT_MS, &e), 0);
    assert_int_equal(n, 0);
    mock_lane_close(&lane);
}

static void test_committed_outlives_nothing_but_the_next_call(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    mock_lane_open(*state, &lane, "in", NULL);
    mock_wait_assigned(&lane, MOCK_PARTITIONS);
    for (int i = 0; i < 5; i++) { /* shorter and shorter: no byte of an older one shows */
        char metadata[16];
        snprintf(metadata, sizeof metadata, "%.*s", 6 - i, "123456");
        struct log_position at = {"in", 0, i, metadata}, p = {"in", 0, 0, NULL};
        assert_int_equal(lane.log->ops->commit(lane.log, &at, 1, &e), 0);
        assert_int_equal(lane.log->ops->committed(lane.log, &p, 1, MOCK_WAIT_MS, &e), 0);
        assert_int_equal(p.offset, i);
        assert_string_equal(p.metadata, metadata);
    }
    mock_lane_close(&lane);
}

struct seen {
    int n, of_in;
};

static void see_topic(void *ctx, const char *topic)
{
    struct seen *s = ctx;
    s->n++;
    s->of_in += strcmp(topic, "in") == 0;
}

static void test_topics(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    struct seen s = {0};
    mock_lane_open(*state, &lane, NULL, NULL);
    assert_int_equal(lane.log->ops->topics(lane.log, see_topic, &s, MOCK_WAIT_MS, &e), 0);
    assert_true(s.n >= 2);
    assert_int_equal(s.of_in, 1);
    struct client c = {.log = lane.log};
    assert_int_equal(client_no_topic(&c, "inn", &e), -ERR_CONFIG);
    assert_string_equal(e.text, "there is no topic \"inn\": did you mean \"in\"?");
    err_clear(&e);
    client_no_topic(&c, "something else", &e);
    assert_memory_equal(e.text, "there is no topic \"something else\"; there are ", 46);
    assert_non_null(strstr(e.text, "out"));
    mock_lane_close(&lane);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOCK_TEST(test_partitions),
        MOCK_TEST(test_committed_outlives_nothing_but_the_next_call),
        MOCK_TEST(test_topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
