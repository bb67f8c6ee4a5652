/* Kafka log, reader: a partition from an offset to its end. Behind transactions: tests/kafka. */
#include "tests/unit/mock_kafka.h"
#include "worker/kafka_log.h"

struct reading {
    size_t n, stop_at;
    int64_t first, last;
};

static int look(void *ctx, const struct record *r)
{
    struct reading *at = ctx;
    at->first = at->n++ == 0 ? r->offset : at->first;
    at->last = r->offset;
    assert_string_equal(r->topic, "out");
    return at->n == at->stop_at ? -ERR_DATA : 0;
}

static void write(struct mock_lane *lane, size_t n)
{
    struct err e = {0};
    const struct record r = {"out", 1, -1, -1, "k", 1, "v", 1, NULL, 0};
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(lane->log->ops->produce(lane->log, &r, 1, &e), 0);
    }
    assert_int_equal(lane->log->ops->commit(lane->log, NULL, 0, &e), 0);
}

static void test_reads_from_an_offset_to_the_end(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    int64_t next = -1;
    mock_lane_open(*state, &lane, NULL, NULL);
    struct reading none = {0};
    assert_int_equal(lane.log->ops->read_all(lane.log, "out", 1, 0, look, &none, &next, &e), 0);
    assert_int_equal(next, 0);
    assert_int_equal(none.n, 0);
    write(&lane, 3000);
    for (int64_t from = 0; from <= 3000; from += 1000) { /* the same handle, again and again */
        struct reading at = {0};
        assert_int_equal(lane.log->ops->read_all(lane.log, "out", 1, from, look, &at, &next, &e),
                         0);
        assert_int_equal(at.n, 3000 - from);
        assert_int_equal(next, 3000);
        if (at.n > 0) {
            assert_int_equal(at.first, from);
            assert_int_equal(at.last, 2999);
        }
    }
    mock_lane_close(&lane);
}

static void test_stops_when_told(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    int64_t next = -1;
    struct reading at = {.stop_at = 7}, rest = {0};
    mock_lane_open(*state, &lane, NULL, NULL);
    write(&lane, 50);
    assert_int_equal(lane.log->ops->read_all(lane.log, "out", 1, 0, look, &at, &next, &e),
                     -ERR_DATA);
    assert_int_equal(at.n, 7);
    assert_int_equal(lane.log->ops->read_all(lane.log, "out", 1, 0, look, &rest, &next, &e), 0);
    assert_int_equal(rest.n, 50);
    mock_lane_close(&lane);
}

static void test_partition_that_was_created_anew(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    int64_t next = -1;
    struct reading at = {0};
    mock_lane_open(*state, &lane, NULL, NULL);
    write(&lane, 5);
    assert_int_equal(lane.log->ops->read_all(lane.log, "out", 1, 6, look, &at, &next, &e),
                     -ERR_DATA);
    assert_int_equal(at.n, 0);
    mock_lane_close(&lane);
}

static void test_missing_topic(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    int64_t next = -1;
    struct reading at = {0};
    mock_lane_open(*state, &lane, NULL, NULL);
    assert_true(lane.log->ops->read_all(lane.log, "none", 0, 0, look, &at, &next, &e) < 0);
    mock_lane_close(&lane);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOCK_TEST(test_reads_from_an_offset_to_the_end),
        MOCK_TEST(test_stops_when_told),
        MOCK_TEST(test_partition_that_was_created_anew),
        MOCK_TEST(test_missing_topic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
