/* Memory shares.
 *
 *   limit  ├──────── state, 1/2 ────────┼──── queues of the lanes ────┼─ the process ─┤
 *
 *   state     in memory it is this and no more (memory_use.c); with RocksDB the database divides it
 *             (engine/state_rocksdb.c). A quarter of it is for what a commit has at once: dirty
 *             changes, encoded, then once more in RocksDB's batch, each in a buffer that doubles
 *   queues    librdkafka's, of both directions (kafka_log_settings.c)
 *   process   program and libraries, threads, tables of librdkafka and RocksDB: measured 35 to 40 MB
 *             with a topology that has nothing to do, whatever the limit. Of a small limit only a
 *             quarter is set aside for it, and the rest stands on top: with nothing but itself
 *             klamm would be of no use
 *
 * Without a limit the defaults hold: queues as librdkafka is set up to be, and what MEMORY_LIMIT
 * gives to RocksDB.
 */
#include "worker/memory_shares.h"

#include "engine/topology.h"

#define PROCESS     (40ULL << 20)
#define DIRTY_PARTS 32 /* of the limit */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

struct memory_shares memory_shares(uint64_t limit, int64_t lanes)
{
    uint64_t n = lanes > 0 ? (uint64_t)lanes : 1;
    if (limit == 0) {
        return (struct memory_shares){.state = MEMORY_LIMIT / 2, .dirty = DIRTY_MOST};
    }
    uint64_t queues = limit - limit / 2 - least(PROCESS, limit / 4);
    return (struct memory_shares){.state = limit / 2,
                                  .queues = queues / n > 0 ? queues / n : 1,
                                  .dirty = least(limit / DIRTY_PARTS / n, DIRTY_MOST)};
}
