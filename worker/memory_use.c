/* A lane says what it holds ten times a second, and while it restores: between, it can grow by what
 * a tenth of a second brings, or one batch: a step stops in the midst of it when that is AT_ONCE as
 * much as all memory.
 */
#include "worker/memory_use.h"

#include "engine/buffer.h"
#include "worker/summary.h"

#define AT_ONCE 4 /* limits: rows of a batch may be all of new keys, and some of them go to disk */

bool memory_use_fits(const struct memory_use *m, uint64_t bytes)
{
    return atomic_load(&m->held) + bytes <= m->limit / 2;
}

uint64_t memory_use_most(const struct memory_use *m)
{
    return m ? m->limit * AT_ONCE : 0;
}

static const char *where(const struct memory_use *m)
{
    return m->in_replay  ? " (a replay keeps all of it there)"
           : m->has_disk ? " in steps that cannot leave it on disk (`klamm check` says which)"
                         : "";
}

static const char *remedy(const struct memory_use *m)
{
    return m->in_replay  ? ""
           : m->has_disk ? "share the work among more processes; "
                         : "keep state on disk, `state: {backend: rocksdb}`; share the work among "
                           "more processes; ";
}

int memory_use_set(struct memory_use *m, uint64_t *before, uint64_t now, struct err *e)
{
    uint64_t all = atomic_fetch_add(&m->held, now - *before) + (now - *before);
    *before = now;
    if (all <= m->limit / 2) {
        return 0;
    }
    struct buffer bytes, share;
    buffer_init(&bytes);
    buffer_init(&share);
    state_bytes_print(all, &bytes);
    state_bytes_print(m->limit / 2, &share);
    err_set(e, ERR_DATA,
            "topology %s: its state takes %s of memory%s, and half of memory.limit, %s, is the "
            "share of state. Set a higher `memory: {limit: …}`; %sor keep less (smaller windows, "
            "grace and within, fewer keys)",
            m->topology, buffer_cstr(&bytes), where(m), buffer_cstr(&share), remedy(m));
    buffer_done(&bytes);
    buffer_done(&share);
    return -ERR_DATA;
}
