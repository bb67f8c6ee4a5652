/* State disk: where the stores of one task may lie beside memory. state_rocksdb.c keeps them in
 * RocksDB, state_file.c in a file, tests/support/fake_disk.c in memory.
 *
 *   get, each, seek    read what is written, never the batch
 *   put … put, write   a batch, which is written whole or not at all; the next begins empty
 *   a log              (a file) has no order: its stores are in memory whole, and are read at the
 *                      start, once; from time to time it wants them again, to get rid of garbage
 *
 * Used by one thread. The lane writes a batch after the transaction with the same changes has
 * committed, so what is on disk was committed, and together. Reading may fail deep inside of a
 * step, where nobody can act: `failed` stays set then, and whoever sees it throws away what was
 * computed since. A disk that has failed is empty when it is opened again.
 */
#ifndef KLAMM_ENGINE_STATE_DISK_H
#define KLAMM_ENGINE_STATE_DISK_H

#include "engine/buffer.h"
#include "engine/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state_disk;

/* Each key with its value; both live until it returns. Not zero: enough. */
typedef int (*state_disk_each)(void *ctx, const void *key, size_t key_n, const void *value,
                               size_t value_n);

/* Store number under which the task keeps its mark, with an empty key. */
#define STATE_DISK_MARK 0xffff

/* What a log that is written anew has got of the stores so far. */
struct state_rewrite {
    struct state_walk {
        uint64_t slots, start, at; /* of the table; zero: from the beginning */
    } walk;
    uint16_t store; /* which of them it is at */
    bool is_whole;  /* with this batch it has all of them, and the mark */
    uint64_t bytes; /* that the next slice should have */
};

struct state_disk_ops {
    /* A log: `each` tells of all changes of a store, in their order (value NULL: deleted), and only
     * for the empty prefix; `get` only knows the mark, as of when it was opened; no `seek`. */
    bool is_log;
    /* 1 with the value, 0: there is none, -ERR_DATA: failed. Keys are those of a store, a number
     * that the task gives. */
    int (*get)(struct state_disk *d, uint16_t store, const void *key, size_t n,
               struct buffer *value);
    /* Keys of a store, in the order of their bytes, from `from` on, as long as they begin with its
     * first prefix_n bytes. What `each` returned when it was enough, else 0 or -ERR_DATA. */
    int (*each)(struct state_disk *d, uint16_t store, const void *from, size_t n, size_t prefix_n,
                state_disk_each each, void *ctx);
    /* The first key of a store that is not before these bytes: 1, or 0: there is none. */
    int (*seek)(struct state_disk *d, uint16_t store, const void *from, size_t n,
                struct buffer *key);
    /* Copied; value NULL: deleted. */
    void (*put)(struct state_disk *d, uint16_t store, const void *key, size_t n, const void *value,
                size_t value_n);
    /* Of a log, before a batch is written: NULL, or it is being written anew and takes, with
     * again(), some of what has not changed, as of this batch. Whoever gives it moves on what is
     * returned. */
    struct state_rewrite *(*rewrite)(struct state_disk *d);
    void (*again)(struct state_disk *d, uint16_t store, const void *key, size_t n,
                  const void *value, size_t value_n);
    /* now: wall clock; from time to time what was written is made to outlast kill -9. -ERR_RETRY. */
    int (*write)(struct state_disk *d, int64_t now, struct err *e);
    /* Nothing is on disk then, nor in the batch. */
    int (*clear)(struct state_disk *d, struct err *e);
    /* Bytes that one store may keep in memory for now. */
    uint64_t (*share)(const struct state_disk *d);
    /* What is in the batch is lost. */
    void (*close)(struct state_disk *d);
};

/* The first member of every implementation. */
struct state_disk {
    const struct state_disk_ops *ops;
    int failed; /* 0, or -ERR_DATA */
    char why[200];
};

/* Remembers the first failure. Returns -ERR_DATA. */
__attribute__((format(printf, 2, 3))) int state_disk_fail(struct state_disk *d, const char *fmt,
                                                          ...);

#endif
