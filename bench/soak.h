/* The soak's stream and its judge: what bench_soak_load sends, and what bench/soak.yaml must make
 * of it when nothing is lost, repeated or exchanged. Plain state; used by one thread.
 *
 *   record i   key i % SOAK_KEYS, its number n in that key 1, 2, 3, …, group of SOAK_PER_GROUP
 *              neighbouring keys, partition key % partitions, 32 records a ms of event time
 *   passed     per key n = 1, 2, 3, …
 *   counted    per group c = 1, 2, 3, …, and in it per key n = 1, 2, 3, …
 *   windowed   per group one row for each window that has records, in order, with their exact count
 *              and sum of n
 */
#ifndef KLAMM_BENCH_SOAK_H
#define KLAMM_BENCH_SOAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOAK_KEYS      4000
#define SOAK_PER_GROUP 8
#define SOAK_GROUPS    (SOAK_KEYS / SOAK_PER_GROUP)
#define SOAK_BASE      INT64_C(1700000000000) /* event time of record 0, ms; a window begins there */
#define SOAK_WINDOW    10000                  /* ms */
#define SOAK_PER_MS    32
#define SOAK_IN_WINDOW (SOAK_WINDOW * SOAK_PER_MS) /* records */

/* Records with i < end that fall into a group: how many, and the sum of their n. */
struct soak_share {
    int64_t rows, total;
};
struct soak_share soak_share(int64_t end, int group);
struct soak_share soak_window(int64_t window, int64_t end, int group); /* of one window */
int64_t soak_windows(int64_t end, int group);                          /* that have records */

enum soak_topic { SOAK_IN, SOAK_PASSED, SOAK_COUNTED, SOAK_WINDOWED, SOAK_TOPICS };
extern const char *const soak_topic[SOAK_TOPICS]; /* in, passed, counted, windowed */

/* Where something was seen last; the number there. 0, -1, -1: not yet. */
struct soak_seen {
    int64_t n, offset;
    int32_t partition;
};

struct soak_judge {
    struct soak_seen key[SOAK_TOPICS][SOAK_KEYS]; /* windowed: unused */
    struct soak_seen group[SOAK_GROUPS];          /* counts */
    struct soak_seen window[SOAK_GROUPS];         /* n: windows seen */
    struct soak_share last[SOAK_GROUPS];          /* of the last window, not judged yet */
    int64_t records[SOAK_TOPICS];                 /* without the closing ones */
    int64_t faults[SOAK_TOPICS];
    int64_t shown;
};

struct soak_record {
    enum soak_topic topic;
    int32_t partition;
    int64_t offset;
    const char *key, *value;
    size_t key_n, value_n;
};

void soak_judge_init(struct soak_judge *j);

/* Judges one record; faults are counted, the first hundred told on stderr. */
void soak_judge_record(struct soak_judge *j, const struct soak_record *r);

/* Whether as many records have come as must come of `total` sent. */
bool soak_judge_is_complete(const struct soak_judge *j, int64_t total);

/* Judges the last windows, and that every key, group and window has come to its end. */
void soak_judge_end(struct soak_judge *j, int64_t total);

int64_t soak_judge_faults(const struct soak_judge *j);

#endif
