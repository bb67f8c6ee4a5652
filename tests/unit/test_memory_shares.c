/* Memory shares: they add up to the limit, with what the process itself takes. */
#include "worker/memory_shares.h"

#include "engine/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MB     (1ULL << 20)
#define GB     (1ULL << 30)
#define LOWEST (1ULL << 12)

/* What changes take that wait for a commit: encoded, and in RocksDB's batch, each in a buffer that
 * has doubled. */
#define COMMIT 4

static void shares_leave_room_for_the_process(void **state)
{
    (void)state;
    for (uint64_t limit = LOWEST; limit <= 64 * GB; limit += limit / 3) {
        for (int64_t lanes = 1; lanes <= 64; lanes *= 4) {
            struct memory_shares s = memory_shares(limit, lanes);
            uint64_t n = (uint64_t)lanes, process = limit - s.state - s.queues * n;
            assert_int_equal(s.state, limit / 2);
            assert_true(s.queues > 0 && s.dirty > 0);
            assert_true(s.queues * n <= limit - s.state);
            assert_true(process >= (limit < 160 * MB ? limit / 4 : 40 * MB));
            assert_true(process < (limit < 160 * MB ? limit / 4 : 40 * MB) + n + 2);
        }
    }
}

static void commits_fit_into_a_quarter_of_the_state(void **state)
{
    (void)state;
    for (uint64_t limit = LOWEST; limit <= 64 * GB; limit *= 2) {
        for (int64_t lanes = 1; lanes <= 64; lanes *= 2) {
            struct memory_shares s = memory_shares(limit, lanes);
            assert_true(s.dirty * COMMIT * (uint64_t)lanes <= s.state / 4);
            assert_true(s.dirty <= 16 * MB);
        }
    }
}

static void known_limits(void **state)
{
    (void)state;
    struct memory_shares s = memory_shares(64 * MB, 1);
    assert_int_equal(s.state, 32 * MB);
    assert_int_equal(s.queues, 16 * MB);
    assert_int_equal(s.dirty, 2 * MB);
    s = memory_shares(GB, 4);
    assert_int_equal(s.state, 512 * MB);
    assert_int_equal(s.queues, (512 - 40) / 4 * MB);
    assert_int_equal(s.dirty, 8 * MB);
}

static void without_a_limit_the_defaults_hold(void **state)
{
    (void)state;
    for (int64_t lanes = 1; lanes <= 8; lanes *= 2) {
        struct memory_shares s = memory_shares(0, lanes);
        assert_int_equal(s.state, MEMORY_LIMIT / 2);
        assert_int_equal(s.queues, 0);
        assert_int_equal(s.dirty, 16 * MB);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_leave_room_for_the_process),
        cmocka_unit_test(commits_fit_into_a_quarter_of_the_state),
        cmocka_unit_test(known_limits),
        cmocka_unit_test(without_a_limit_the_defaults_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
