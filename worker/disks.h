/* Disks of a process, from which lanes take that of each task: column families of a database
 * (`backend: rocksdb`), or files in a folder (`memory`). What tasks leave behind that have moved
 * away is removed in the end. Thread-safe.
 */
#ifndef KLAMM_WORKER_DISKS_H
#define KLAMM_WORKER_DISKS_H

#include "engine/state_disk.h"

#include <stdint.h>

#define CHECKPOINT_AGE_MOST (12 * 3600000LL) /* half of delete.retention.ms, a day by default */

struct disks;

/* path: the database's folder, whose parent exists. memory: bytes for all of it. Opened when the
 * first is taken. */
struct disks *disks_new(const char *path, uint64_t memory);
/* path: the folder of files, whose parent exists. Without one that can be written, taking gives
 * NULL, after a warning. */
struct disks *disks_new_files(const char *path);
/* As lane_config.open_disk and close_disk. */
int disks_take(struct disks *d, const char *name, uint16_t nlazy, struct state_disk **out,
               struct err *e);
void disks_give_back(struct disks *d, struct state_disk *disk);
/* From time to time: what no task has used for CHECKPOINT_AGE_MOST, and could not be used any more,
 * is removed. Returns how many there were, -1: the database is not open yet. */
int disks_sweep(struct disks *d, int64_t now);
/* All must have been given back. Writes out what is in memory. */
void disks_free(struct disks *d);

#endif
