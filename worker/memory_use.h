/* Memory use: what the lanes of a topology keep in memory as state, all together, against half of
 * memory.limit; the other half is for Kafka's queues and batches. With state in RocksDB it is what
 * cannot lie there. Lanes add up in any thread.
 */
#ifndef KLAMM_WORKER_MEMORY_USE_H
#define KLAMM_WORKER_MEMORY_USE_H

#include "engine/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct memory_use {
    const char *topology;
    uint64_t limit; /* memory.limit, bytes */
    bool has_disk;  /* state is in RocksDB, as far as the steps can leave it there */
    bool in_replay; /* of files: all state is in memory, whatever the topology says of it */
    atomic_uint_fast64_t held;
};

/* One holder has `now` bytes, and had *before, which becomes `now`. -ERR_DATA: all together have
 * more than their share; the holder must end, since trying again needs as much. */
int memory_use_set(struct memory_use *m, uint64_t *before, uint64_t now, struct err *e);
/* Bytes of state that are too many for one step already while it takes a batch, before anybody can
 * say what is held; NULL, or no limit: 0. */
uint64_t memory_use_most(const struct memory_use *m);
/* Whether so many more bytes would leave all that is held within its share. */
bool memory_use_fits(const struct memory_use *m, uint64_t bytes);

#endif
