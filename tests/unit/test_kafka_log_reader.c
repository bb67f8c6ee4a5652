/* Kafka log, reader: a partition from an offset to its end. Behind transactions: tests/kafka. */
#include "tests/unit/mock_kafka.h"
#include "worker/kafka_log.h"

struct reading {
    size_t n, stop_at, rest_every;
    int64_t first, last;
};

static int look(void *ctx, const struct record *r)
{
    struct reading *at = ctx;
    at->first = at->n++ == 0 ? r->offset : at->first;
    at->last = r->offset;
    assert_string_equal(r->topic, "out");
    return at->n == at->stop_at ? -ERR_DATA : at->rest_every && at->n % at->rest_every == 0;
}

static void write(struct mock_lane *lane, size_t n)
{
    struct err e = {0};
    const struct record r = {"out", 1, -1, -1, "k", 1, "v", 1, NULL, 0, NULL, NULL};
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

/* Slices: none twice, none left out, whatever else is read in between. */
static void test_goes_on_in_slices(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    mock_lane_open(*state, &lane, NULL, NULL);
    write(&lane, 3000);
    for (int others = 0; others < 3; others++) {
        struct reading at = {.rest_every = 700}, beside = {0};
        int64_t next = 0, ignored;
        int slices = 0, r = 1;
        while (r == 1) {
            r = lane.log->ops->read_all(lane.log, "out", 1, next, look, &at, &next, &e);
            assert_int_equal(at.last + 1, r == 1 ? next : 3000);
            slices++;
            if (others == 1) {
                assert_int_equal(
                    lane.log->ops->read_on(lane.log, "out", 1, 2990, look, &beside, &ignored, &e),
                    0);
            } else if (others == 2) {
                assert_int_equal(
                    lane.log->ops->read_all(lane.log, "out", 1, 2990, look, &beside, &ignored, &e),
                    0);
            }
        }
        assert_int_equal(r, 0);
        assert_int_equal(next, 3000);
        assert_int_equal(at.n, 3000);
        assert_int_equal(at.first, 0);
        assert_int_equal(slices, 5);
        assert_int_equal(beside.n, others ? 50 : 0);
    }
    mock_lane_close(&lane);
}

/* Enough at the very last record is the end. */
static void test_a_slice_ends_with_the_partition(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    int64_t next = -1;
    struct reading at = {.rest_every = 50};
    mock_lane_open(*state, &lane, NULL, NULL);
    write(&lane, 50);
    assert_int_equal(lane.log->ops->read_all(lane.log, "out", 1, 0, look, &at, &next, &e), 0);
    assert_int_equal(next, 50);
    mock_lane_close(&lane);
}

/* A caller that stops for good leaves nothing that a later one could stumble over. */
static void test_a_failure_lets_go(void **state)
{
    struct mock_lane lane = {0};
    struct err e = {0};
    int64_t next = -1;
    struct reading at = {.rest_every = 20, .stop_at = 30}, again = {0};
    mock_lane_open(*state, &lane, NULL, NULL);
    write(&lane, 100);
    assert_int_equal(lane.log->ops->read_all(lane.log, "out", 1, 0, look, &at, &next, &e), 1);
    assert_int_equal(next, 20);
    assert_int_equal(lane.log->ops->read_all(lane.log, "out", 1, next, look, &at, &next, &e),
                     -ERR_DATA);
    assert_int_equal(lane.log->ops->read_all(lane.log, "out", 1, 20, look, &again, &next, &e), 0);
    assert_int_equal(again.n, 80);
    assert_int_equal(again.first, 20);
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
        MOCK_TEST(test_goes_on_in_slices),
        MOCK_TEST(test_a_slice_ends_with_the_partition),
        MOCK_TEST(test_a_failure_lets_go),
        MOCK_TEST(test_partition_that_was_created_anew),
        MOCK_TEST(test_missing_topic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
