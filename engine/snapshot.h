/* Snapshot: one function per learner both saves and loads, so that the two cannot diverge.
 *
 *     int model_io(struct model *m, struct snapshot *s)
 *     {
 *         snapshot_version(s, 1);
 *         snapshot_long(s, &m->n);
 *         snapshot_doubles(s, &m->weights, &m->nweights, WEIGHTS_MAX);
 *         return snapshot_status(s);
 *     }
 *
 * Loading checks every length against what is left; a damaged snapshot is -ERR_DATA, never a crash.
 */
#ifndef KLAMM_ENGINE_SNAPSHOT_H
#define KLAMM_ENGINE_SNAPSHOT_H

#include "engine/buffer.h"
#include "engine/error.h"

#include <stdbool.h>

struct snapshot {
    bool loading;
    struct buffer *out;     /* saving */
    const uint8_t *p, *end; /* loading */
    uint16_t version;       /* found while loading, written while saving */
    int status;             /* 0 or -ERR_DATA */
};

struct snapshot snapshot_saver(struct buffer *out);
struct snapshot snapshot_loader(const void *p, size_t n);
/* First of all: the current version when saving; what was found, at most current, when loading. */
void snapshot_version(struct snapshot *s, uint16_t current);
void snapshot_long(struct snapshot *s, int64_t *v);
/* A number of rows or the like: negative or over 2^62 (which could overflow) is damage. */
void snapshot_count(struct snapshot *s, int64_t *v);
void snapshot_u32(struct snapshot *s, uint32_t *v);
void snapshot_double(struct snapshot *s, double *v);
/* n doubles in place. */
void snapshot_array(struct snapshot *s, double *v, size_t n);
/* A heap array (mem_free) with its length; loading refuses more than `most`. */
void snapshot_doubles(struct snapshot *s, double **v, uint32_t *n, uint32_t most);
void snapshot_bytes(struct snapshot *s, char **p, uint32_t *n, uint32_t most);
int snapshot_status(const struct snapshot *s);

#endif
