/* Disks of a process: the database of its slot, from which lanes take the disk of each task. Opened
 * when the first is taken. Thread-safe.
 */
#ifndef KLAMM_WORKER_DISKS_H
#define KLAMM_WORKER_DISKS_H

#include "engine/state_disk.h"

struct disks;

/* path: the database's folder, whose parent exists. memory: bytes for all of it. */
struct disks *disks_new(const char *path, uint64_t memory);
/* As lane_config.open_disk and close_disk. */
int disks_take(struct disks *d, const char *name, uint16_t nlazy, struct state_disk **out,
               struct err *e);
void disks_give_back(struct disks *d, struct state_disk *disk);
/* All must have been given back. Writes out what is in memory. */
void disks_free(struct disks *d);

#endif
