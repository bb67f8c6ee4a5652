/* What window.c, its parts (window_bind.c, window_state.c, window_output.c) and aggregate.c share.
 * Not for others. */
#ifndef KLAMM_WINDOWS_WINDOW_INTERNAL_H
#define KLAMM_WINDOWS_WINDOW_INTERNAL_H

#include "engine/window.h"

#define WINDOW_KINDS 5

struct window_cfg {
    const struct yaml *kind[WINDOW_KINDS]; /* in the order of window_kinds */
    struct config_list aggregate;
    int64_t grace;
    const struct yaml *emit;
    const char *late;
    struct config_text having;
    int fill;
};

extern const char *const window_kinds[WINDOW_KINDS + 1];

/* An expression over columns of the result and over aggregate calls: those are the columns behind.
 */
struct window_item {
    const struct expression *x;
    const struct schema *schema;
    int ncalls;
    int *call; /* numbers in window.call */
};

/* node->bound. */
struct window_plan {
    struct window window;
    bool is_unbounded;          /* results have no window_start and window_end */
    const struct schema *outer; /* key columns, window_start, window_end */
    const struct schema *out;   /* the same and one column per item */
    int nitems;
    struct window_item *item;
    bool has_having;
    struct window_item having; /* over `out` */
    bool is_map;               /* the kind was configured by its table, not by a single value */
    uint32_t saved_size;       /* fixed bytes of a saved value */
    struct state_codec codec;
};

/* window.c: of the step, for steps that are windows underneath */
void window_needs(const struct node *n, const bool *out, bool *in);
const struct state_codec *window_codec(const struct node *n);
int window_open(struct op *op, struct err *e);
int window_push(struct op *op, int input, struct batch *b);
void window_close(struct op *op);
void window_describe(struct op *op, struct open_state *out);
uint64_t window_index_bytes(const struct op *op);

/* window_bind.c: aggregates, result columns, having. Problems go to n->diags. */
int window_bind_output(struct window_plan *p, struct node *n, const struct window_cfg *cfg);

/* Room for what stands downstream, behind the aggregates. */
void window_bind_notes(struct window *w);
/* window_state.c: fills in the codec, once calls and value_size are known. */
void window_bind_state(struct window_plan *p);
/* What gives saved bytes their meaning: the kind with its options; the aggregates. */
void window_state_layout(const struct node *n, struct buffer *words);
void window_state_parts(const struct node *n, struct layout *l, struct arena *a);

/* window_output.c */
struct window_output *window_output_new(const struct window_plan *p);
void window_output_free(struct window_output *out);

/* Gathers failed rows of several evaluations: ascending, the first text of each row. */
void window_merge_errors(struct row_errors *into, const struct row_errors *more, struct arena *mem);

#endif
