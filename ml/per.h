/* Per: what a learning step has learned - a model, a detector, statistics - held as one object per
 * key, per partition or for all rows. Each is one entry of the step's state: in memory a pointer to
 * the object, in the changelog its snapshot.
 *
 *     bind     per_bind(&p->per, n, cfg->per, &objects, p);      n->bound = p
 *     open     per_open(&self->per, op, &p->per, e);              completes what was restored
 *              per_totals(&self->per, op, &totals, e);            figures over all objects
 *     push     per_rows_init(&rows, op, &self->per, &in);         rows without a key leave `in`
 *              object = per_find(&rows, row);  object = object ? object : per_make(&rows, row);
 *              … the object learns …;  per_touch(&rows);          it goes to the changelog
 *     flush    per_flush(&self->per, op);
 *     close    per_close(&self->per);
 *
 * Small objects are written whole at each commit. Of large ones (ml/held.h) only the events are,
 * when the step tells changes as events that `replay` can repeat.
 *
 * Objects per key may lie on disk: they are made when they are found, and gone when they were not
 * asked for lately. So a pointer to one is good until the push returns, and a change that is not
 * told by per_touch() is lost.
 */
#ifndef KLAMM_ML_PER_H
#define KLAMM_ML_PER_H

#include "engine/key.h"
#include "engine/snapshot.h"
#include "engine/step.h"

enum per { PER_GLOBAL, PER_KEY, PER_PARTITION };
extern const char *const per_names[]; /* in this order, for a CONFIG_ENUM */

/* What the objects of a step are; `plan` is the step's bound plan. */
struct object_def {
    void *(*make)(const void *plan, uint64_t seed);
    /* Saves, or loads into one just made. */
    int (*io)(void *object, struct snapshot *s);
    uint64_t (*size)(const void *object); /* bytes that it holds; NULL: about as its snapshot */
    void (*free)(void *object);
    /* Repeats what per_touch_event() told, to the bit. NULL: large objects are saved whole. 0 or
     * -ERR_DATA. */
    int (*replay)(const void *plan, void *object, const double *event, uint32_t n);
};

struct per_plan {
    enum per per;
    const struct object_def *def;
    const void *plan;
    uint64_t seed;
    struct state_codec codec; /* for step_def.state_codec */
};

/* Sets the node's single_partition and keyless; -ERR_CONFIG where rows have no key. */
int per_bind(struct per_plan *p, struct node *n, enum per per, const struct object_def *def,
             const void *plan);
/* Marks the key columns, where they are needed. */
void per_needs(const struct per_plan *p, const struct node *n, bool *in);

/* For step_def.lazy. */
bool per_is_lazy(const struct per_plan *p);

struct held;

/* What a step tells about all of its objects. With `per: key` it stands in the store beside them,
 * for nobody goes through all of them. */
struct per_totals {
    void *ctx;
    int (*io)(void *ctx, struct snapshot *s);
    void (*add)(void *ctx, void *object); /* one more */
};

/* Of one task. */
struct per_task {
    const struct per_plan *plan;
    struct held *touched; /* since the last commit */
    struct per_totals totals;
    struct buffer key, bytes; /* scratch */
};
int per_open(struct per_task *t, struct op *op, const struct per_plan *p, struct err *e);
/* Behind per_open(): what the totals were, or of all objects. They have to last until per_close().
 */
int per_totals(struct per_task *t, struct op *op, const struct per_totals *totals, struct err *e);
/* Before a commit. */
int per_flush(struct per_task *t, struct op *op);
void per_close(struct per_task *t);

/* The rows of one batch on their way to their objects. */
struct per_rows {
    struct op *op;
    struct per_task *task;
    struct keyed_rows keys; /* of PER_KEY */
    struct state_entry *entry;
    struct held *held; /* the last one found or made */
    int status;        /* below 0: objects that were made have no room; stop, and return it */
};
/* b loses rows without a key, which are counted. */
void per_rows_init(struct per_rows *r, struct op *op, struct per_task *t, struct batch *b);
/* Without a batch: objects are found by key only. */
void per_rows_begin(struct per_rows *r, struct op *op, struct per_task *t);
/* The object of a key, or of all where there is one only; or NULL. */
void *per_find_key(struct per_rows *r, const struct str *key);
/* The object of a row, or NULL when there is none yet. */
void *per_find(struct per_rows *r, uint16_t row);
/* Makes the one that per_find() did not find. */
void *per_make(struct per_rows *r, uint16_t row);
/* The key of the object last found or made, "" where there is one only; until the next is, or the
 * flush. */
struct str per_key(const struct per_rows *r);
/* The object last found or made has changed. */
void per_touch(struct per_rows *r);
/* Whether changes of the object last found or made are kept as events; else one touch does for
 * many. */
bool per_keeps_events(const struct per_rows *r);
/* The same, when these numbers tell all about the change. */
void per_touch_event(struct per_rows *r, const double *event, uint32_t n);
#endif
