/* A disk in memory, for tests: what is written outlives the handle, as files do. Its handle may be
 * taken again after it was closed; one at a time.
 */
#ifndef KLAMM_TESTS_FAKE_DISK_H
#define KLAMM_TESTS_FAKE_DISK_H

#include "engine/state.h"
#include "engine/state_disk.h"

#include <stdbool.h>

struct fake_entry {
    uint16_t store;
    size_t key_n, value_n;
    char *key, *value; /* value NULL: a deletion in the batch */
};

struct fake_disk {
    struct state_disk disk; /* first */
    uint64_t share;         /* what share() answers */
    struct fake_entry *entry, *pending, *kept;
    size_t n, cap, npending, cap_pending, nkept;
    uint32_t keeps_every; /* so many writes outlast fake_disk_lose(); 0: it keeps nothing */
    uint64_t gets, writes;
    int reads_left; /* this many succeed, the next fails; -1: all succeed */
    /* Asked at each call, and once more when a batch was written; false: the process is dead, and
     * nothing that it does reaches the disk. NULL: it lives. */
    bool (*lives)(void *ctx, const char *call);
    void *ctx;
};

void fake_disk_init(struct fake_disk *f, uint64_t share);
void fake_disk_done(struct fake_disk *f);
/* What a task does at a commit: the changes of a store, then the batch. */
void fake_disk_commit(struct fake_disk *f, struct state *s, uint16_t store);
/* Back to what was kept last: kill -9, with the latest writes in memory. */
void fake_disk_lose(struct fake_disk *f);
/* The process that has it is dead: the handle may be taken by another. */
void fake_disk_kill(struct fake_disk *f);
bool fake_disk_has(const struct fake_disk *f, uint16_t store, const char *key);

#endif
