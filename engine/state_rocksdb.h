/* State on disk, in RocksDB: one database per process slot, a column family for each task. The
 * database is shared by the lanes: opening it and its tasks, and closing them, is the business of
 * one thread at a time; what is done with an open disk, of the thread that owns its task.
 */
#ifndef KLAMM_ENGINE_STATE_ROCKSDB_H
#define KLAMM_ENGINE_STATE_ROCKSDB_H

#include "engine/state_disk.h"

struct state_db;

/* Opens or makes the database in this folder, whose parent exists. memory: bytes for all of it, the
 * tables of lazy stores above included. What is damaged is removed, with a warning: whoever uses it
 * has the changelogs. -ERR_RETRY: no space, no right, no file descriptor. */
int state_db_open(struct state_db **out, const char *path, uint64_t memory, struct err *e);
/* Tasks must be closed. Writes out what is still in memory. */
void state_db_close(struct state_db *db);
/* The disk of a task. nlazy: its lazy stores, which share the memory with those of other tasks.
 * -ERR_RETRY: another lane has it open, or the database has failed and waits for its tasks to
 * close.
 */
int state_db_task(struct state_db *db, const char *name, uint16_t nlazy, struct state_disk **out,
                  struct err *e);
/* Removes what a task that is not open has. -ERR_RETRY: it is open, or cannot be written. */
int state_db_remove(struct state_db *db, const char *name, struct err *e);
/* Calls each for the tasks that have something on disk and are not open; each may remove the one it
 * is given. */
void state_db_names(const struct state_db *db, void (*each)(void *ctx, const char *name),
                    void *ctx);

#endif
