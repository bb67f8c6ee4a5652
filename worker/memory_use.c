/* A lane says what it holds ten times a second, and while it restores: between, it can grow by what
 * a tenth of a second brings.
 */
#include "worker/memory_use.h"

#include "engine/buffer.h"
#include "worker/summary.h"

bool memory_use_fits(const struct memory_use *m, uint64_t bytes)
{
    return atomic_load(&m->held) + bytes <= m->limit / 2;
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
            "share of state. Set a higher `memory: {limit: …}`; %sshare the work among more "
            "processes; or keep less (smaller windows, grace and within, fewer keys)",
            m->topology, buffer_cstr(&bytes),
            m->has_disk ? " in steps that cannot leave it on disk (`klamm check` says which)" : "",
            buffer_cstr(&share),
            m->has_disk ? "" : "keep state on disk, `state: {backend: rocksdb}`; ");
    buffer_done(&bytes);
    buffer_done(&share);
    return -ERR_DATA;
}
