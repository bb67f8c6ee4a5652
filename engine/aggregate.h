/* Aggregate: count, sum, … one file each under windows/aggregates/.
 *
 * State is a fixed part of plain bytes, plus at most one growable blob for what has no fixed size
 * (a longest string, a sketch). Panes are combined, never subtracted. Rows are added in input
 * order: the same bits for any batch size.
 */
#ifndef KLAMM_ENGINE_AGGREGATE_H
#define KLAMM_ENGINE_AGGREGATE_H

#include "engine/expression/expression.h"
#include "engine/vector.h"

#define AGGREGATE_ARGS_MAX 3

/* Growable bytes of a state; zeroed when new, freed by the store. */
struct blob {
    char *p; /* mem_alloc'ed */
    uint32_t n, cap;
};

/* A call bound to its arguments; in the plan's arena. */
struct aggregate_call {
    const struct aggregate_def *def;
    int nargs;
    const struct expression *arg[AGGREGATE_ARGS_MAX];
    const struct type *arg_type[AGGREGATE_ARGS_MAX];
    const struct type *type; /* of the result */
    bool nullable;
    void *bound;   /* constants and the like, set by bind */
    uint32_t size; /* of the state: preset to def->state_size, bind may change it (multiple of 8) */
    bool has_blob; /* likewise, preset to def->has_blob: the state begins with a struct blob */
    bool may_refuse; /* likewise, preset to whether def has refuses: update may fail a row */
    uint32_t at;     /* where its state stands in the pane's bytes */
};

struct aggregate_rows {
    const struct batch *batch;
    const struct vec *arg; /* one per argument */
    uint16_t n;            /* rows to add */
    const uint16_t *row;   /* their numbers, ascending */
    void *const *state;    /* state of each (n pointers, repeating when rows share a pane) */
};

struct aggregate_def {
    const char *name, *doc;
    int min_args, max_args;
    uint32_t state_size; /* multiple of 8 */
    bool has_blob;       /* the state begins with a struct blob */
    uint16_t version;
    /* Checks argument types, sets type, nullable (and bound, size): 0 or -ERR_CONFIG. */
    int (*bind)(struct aggregate_call *c, struct arena *a, struct err *e);
    void (*init)(const struct aggregate_call *c, void *state); /* NULL: zero bytes */
    /* Adds rows; a failed row (overflow) goes to errors. */
    int (*update)(const struct aggregate_call *c, const struct aggregate_rows *r,
                  struct row_errors *errors);
    /* Of aggregates that fail rows (a row that one refuses must not count in the others either):
     * why update would fail r's i-th row as its state is now, a constant, or NULL. */
    const char *(*refuses)(const struct aggregate_call *c, const struct aggregate_rows *r,
                           uint16_t i);
    /* Whether it surely takes all of them, in a glance. */
    bool (*takes_all)(const struct aggregate_call *c, const struct aggregate_rows *r);
    /* into += from, `from` being later or equal in order of event time. */
    void (*combine)(const struct aggregate_call *c, void *into, const void *from);
    /* Writes row `row` of out (null flags through vec_set_null); mem for long strings. */
    void (*result)(const struct aggregate_call *c, const void *state, struct vec *out, uint16_t row,
                   uint16_t rows, struct arena *mem);
    /* Why there is no result though there were values (more than it holds met in combine), a
     * constant; NULL when all is well. The result is null then, the result row bad. NULL: never. */
    const char *(*failed)(const struct aggregate_call *c, const void *state);
    /* Whether a state that was restored is one: its blob as long as the numbers beside it say.
     * NULL: any bytes are. */
    bool (*is_sound)(const struct aggregate_call *c, const void *state);
};

#endif
