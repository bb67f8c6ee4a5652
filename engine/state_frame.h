/* Frames: how entries of stores lie in the file of a task (state_file.c). A frame is damaged or
 * whole, its checksum tells. Local to a machine: numbers are in its byte order.
 *
 *   frame     "kfrm" | flags 4 | n 8 | base 8 | XXH3 of the payload 8, of the head 8 | payload, n
 *   payload   section ...
 *   section   its bytes << 16 | store, 8 | entry ...
 *   entry     key n 4 | value n 4, all ones: deleted | key | value
 */
#ifndef KLAMM_ENGINE_STATE_FRAME_H
#define KLAMM_ENGINE_STATE_FRAME_H

#include "engine/buffer.h"
#include "engine/state_disk.h"

#include <stdbool.h>

enum {
    FRAME_END = 1,  /* a batch ends here: those before it without the flag belong to it */
    FRAME_WHOLE = 2 /* up to here the file has all entries, not only some of them */
};

/* One that is being filled. */
struct frame {
    struct buffer bytes;
    size_t section; /* where the last section begins, 0: there is none yet */
};

void frame_init(struct frame *f);
void frame_done(struct frame *f);
void frame_clear(struct frame *f);
/* value NULL: deleted. */
void frame_put(struct frame *f, uint16_t store, const void *key, size_t n, const void *value,
               size_t value_n);
/* The bytes are ready to be written then. base: kept for the reader. seed: of the file. */
void frame_seal(struct frame *f, uint32_t flags, uint64_t base, uint64_t seed);

/* Reads the frames of a file one by one. */
struct frame_reader {
    int fd;
    uint64_t at, end; /* where the next begins; bytes of the file */
    uint64_t seed;
    uint32_t flags; /* of the frame that was read last */
    uint64_t base;
    struct buffer bytes;
};

/* 1: read, and `at` is behind it; 0: there is no whole frame. */
int frame_read(struct frame_reader *r);
/* Entries of a store in the frame that was read last. What `each` returned when it was enough, 0,
 * or -ERR_DATA: it cannot be taken apart. */
int frame_each(const struct frame_reader *r, uint16_t store, state_disk_each each, void *ctx);

#endif
