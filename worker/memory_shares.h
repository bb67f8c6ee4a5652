/* Memory shares: what the parts of a process may take of memory.limit. In any thread. */
#ifndef KLAMM_WORKER_MEMORY_SHARES_H
#define KLAMM_WORKER_MEMORY_SHARES_H

#include <stdint.h>

#define DIRTY_MOST (16ULL << 20) /* bytes of changes that wait for a commit, of a lane */

struct memory_shares { /* bytes */
    uint64_t state;    /* of all lanes: in memory, or RocksDB with its caches and the lazy stores */
    uint64_t queues;   /* of one lane: Kafka's; 0: the recommended defaults */
    uint64_t dirty;    /* of one lane: changes of state after which it commits early */
};

/* limit 0: none is set; state is then what RocksDB takes. */
struct memory_shares memory_shares(uint64_t limit, int64_t lanes);

#endif
