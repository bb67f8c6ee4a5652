/* Soak, the stream: what of the first records falls into a group and a window, by arithmetic.
 *
 * Keys go round: record i has key i % K and number i / K + 1. Of the first `end` records there are
 * R = end / K whole rounds, in which each group has m = SOAK_PER_GROUP records of number 1 … R, and
 * a last one in which it has what is before end % K, of number R + 1.
 */
#include "bench/soak.h"

const char *const soak_topic[SOAK_TOPICS] = {"in", "passed", "counted", "windowed"};

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

struct soak_share soak_share(int64_t end, int group)
{
    int64_t rounds = end / SOAK_KEYS;
    int64_t rest = end % SOAK_KEYS - (int64_t)group * SOAK_PER_GROUP;
    rest = rest < 0 ? 0 : at_most(rest, SOAK_PER_GROUP);
    return (struct soak_share){
        .rows = SOAK_PER_GROUP * rounds + rest,
        .total = SOAK_PER_GROUP * (rounds * (rounds + 1) / 2) + rest * (rounds + 1),
    };
}

struct soak_share soak_window(int64_t window, int64_t end, int group)
{
    struct soak_share a = soak_share(at_most(window * SOAK_IN_WINDOW, end), group);
    struct soak_share b = soak_share(at_most((window + 1) * SOAK_IN_WINDOW, end), group);
    return (struct soak_share){.rows = b.rows - a.rows, .total = b.total - a.total};
}

int64_t soak_windows(int64_t end, int group)
{
    int64_t n = (end + SOAK_IN_WINDOW - 1) / SOAK_IN_WINDOW;
    return n > 0 && soak_window(n - 1, end, group).rows == 0 ? n - 1 : n;
}
