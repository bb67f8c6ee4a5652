/* Step: the descriptor behind every key of `steps:`; all that operators/, windows/ and ml/ need to
 * know of the engine.
 *
 *   parse cfg (descriptor table) -> bind, once per plan: columns, programs, output schema
 *                                -> open, once per task, after its state is restored
 *   per batch:  push -> op_emit() to the steps behind, any number of times
 *   per watermark: watermark -> op_emit();   per commit: flush -> state;   close
 *
 * A node (bound step) is read-only and shared by all lanes; an op is one task's instance of it and
 * is touched by one thread only.
 */
#ifndef KLAMM_ENGINE_STEP_H
#define KLAMM_ENGINE_STEP_H

#include "engine/batch.h"
#include "engine/clock.h"
#include "engine/config.h"
#include "engine/error.h"
#include "engine/state.h"

struct history;
struct layout;
struct node;
struct op;
struct task;
struct trainer;

/* What the mailbox brings to a step from outside its task: a remote answer, a trained model.
 * Borrowed for the call. */
struct message {
    uint64_t id; /* the step's own: which question, which training */
    int status;  /* 0, or minus the err_kind with which the work outside failed */
    const void *data;
    size_t n;
};

/* What waits in the state of a step for its watermark to rise. Preset: all entries, for nothing. */
struct open_state {
    const char *what;    /* n of these: "windows" */
    const char *end;     /* what the watermark makes of one: "closes" */
    uint64_t n;          /* open now */
    int64_t start, stop; /* of the one that is next, ms; TIME_MIN: it has no bounds */
    bool has_stop;       /* `stop` belongs to it */
    int64_t closes_at;   /* least watermark that ends it; TIME_MAX: none does */
};

/* The other stream of a step with two inputs, and what must be equal for rows to meet. */
struct second_input {
    struct config_text stream;
    int non;                         /* number of `on` columns; 0: the key of each as it is */
    const struct config_text *on[2]; /* their names in the step's own input and in the other */
    bool by_key;       /* tables of updates meet: `on` may but name the key that each has */
    bool is_table;     /* `stream` is a table: its rows come from op_table_of(), not through push */
    bool is_versioned; /* ... which keeps them by event time */
};

struct step_def {
    const char *name; /* the YAML key; also the file's name */
    const char *doc;  /* one sentence */
    /* Configuration: a table when the step's value is a map; or `value`, a single field (offset 0)
     * when the value is a scalar or list (`filter: EXPR`). With both, a map goes to the table and
     * anything else to `value`. */
    const struct config_field *config;
    const struct config_field *value;
    size_t config_size;
    bool stateful;          /* has a state store and a changelog topic; needs a keyed input unless
                               keyless is set */
    bool keyless;           /* stateful, yet without a key */
    bool reshapes;          /* columns keep their names, without `as`, and mean something learned */
    bool internal;          /* the planner puts it in; no topology names it */
    uint16_t state_version; /* of the values in the store */

    /* Optional, before bind: the step reads a second stream, input 1, partitioned and keyed as its
     * own input. Rows of either are judged by the lesser watermark of both. As configured it may
     * read none: stream.text stays NULL. */
    int (*second)(const struct node *n, struct second_input *out);
    /* Optional: the key whose value, when it is {topic: …} or {stream: …}, names rows that the step
     * reads before its own: n->history, set before bind. Such a step has `needs` and `past`; other
     * values are its own to read. */
    const char *history;
    /* Once: reads n->cfg and n->in[], sets n->out[0..noutputs) and n->bound; problems go to
     * n->diags. Returns 0 or -ERR_CONFIG. */
    int (*bind)(struct node *n);
    /* Which input columns are needed for these output columns (of out[0]; of every output, ored,
     * when all outputs have the input's schema). in is preset to false. NULL: all columns are
     * needed. */
    void (*needs)(const struct node *n, const bool *out, bool *in);
    /* The same for the columns of input 1. */
    void (*second_needs)(const struct node *n, const bool *out, bool *in);
    /* How much later than its input's watermark rows may still come out, ms (windows: grace). NULL:
     * 0. */
    int64_t (*lag)(const struct node *n);
    /* Optional: how the step stores values; set on the store before it is restored. */
    const struct state_codec *(*state_codec)(const struct node *n);

    /* Optional, of stateful steps: words that change whenever saved keys or values come to mean
     * something else (sizes, types, expressions; never what only decides what comes out). State
     * that was saved under other words is refused. The engine itself adds name, state_version and
     * key columns. */
    void (*state_layout)(const struct node *n, struct buffer *words);
    /* Optional, of steps whose values are parts side by side, each with a meaning of its own (the
     * states of aggregates): fills in head, tail, parts and `initial` of l (engine/layout.h). Parts
     * may then come, go and change places over existing state, and their words are left out of
     * state_layout. */
    void (*state_parts)(const struct node *n, struct layout *l, struct arena *a);

    /* Optional, of stateful steps: open does not walk the store, and no pointer to an entry or its
     * value is kept over a commit, so that entries may lie on disk. NULL: they may not. */
    bool (*lazy)(const struct node *n);

    int (*open)(struct op *op, struct err *e);
    int (*push)(struct op *op, int input, struct batch *b);
    /* Rows of n->history, when open has set op->wants_history, before anything else; their columns
     * are those of in[0], null where the history has none of that name. `from` knows where they
     * stand: op_bad_row(from, …) is for them. Nothing may be emitted. b NULL: that was all;
     * positive then: it is to be called so again, for it has only done a part of what takes long.
     */
    int (*past)(struct op *op, struct op *from, struct batch *b);
    /* The input's watermark rose: fire, expire. The engine then passes watermark - lag on. A step
     * that may have much to do asks op_spent() now and then, and returns a positive number when
     * that is true and something may be left: it is called again with the same time, before any
     * other row, and perhaps after a commit or restart. */
    int (*watermark)(struct op *op, int64_t time);
    /* Wall clock went on: idle time-outs, `emit: {every}`, trainings that are done. */
    int (*tick)(struct op *op, int64_t now);
    /* Least watermark that makes it emit, TIME_MAX when none: the source ends the batch with the
     * row that reaches it. */
    int64_t (*next_time)(struct op *op);
    /* Optional, for people: what is open. */
    void (*describe)(struct op *op, struct open_state *out);
    /* Optional: bytes held for the entries outside of the store: indexes, timers. */
    uint64_t (*index_bytes)(const struct op *op);
    /* From the mailbox, between batches: remote answers, trained models. */
    int (*deliver)(struct op *op, const struct message *m);
    /* Oldest input offset not finished with, INT64_MAX when none: a commit leaves it and all above
     * to be read again. So what such a step emits leaves in the order of offsets, nothing stateful
     * stands before it in its sub-plan, and while it keeps rows back it sets op->pass. */
    int64_t (*hold)(struct op *op);
    /* Before a commit: cached values go into state. */
    int (*flush)(struct op *op);
    void (*close)(struct op *op); /* also after a failed open */
};

/* What rows of one key are to each other. */
enum rows_kind {
    ROWS_EVENTS,  /* each stands for itself */
    ROWS_UPDATES, /* the last one counts; none is ever deleted (`aggregate`) */
    ROWS_TABLE,   /* the last one counts; ROW_DELETE says that there is none any more */
};

#define STEP_INPUTS_MAX   2
#define STEP_OUTPUTS_MAX  16
#define METRICS_EVERY_MAX (STEP_OUTPUTS_MAX - 1)

/* A bound step in the plan. */
struct node {
    const struct step_def *def;
    const void *cfg;
    const struct yaml *yaml; /* its value */
    struct place at;
    const char *path;              /* key path, `streams.load.steps[2].window` */
    const char *stream;            /* that it belongs to */
    const char *second;            /* that input 1 comes from, or NULL */
    const struct history *history; /* rows that it reads first (engine/history.h), or NULL */
    const char *reshaped;          /* path of the last step before it that reshapes, or NULL */
    int table;                     /* vertex of the table that it looks up, or -1 */
    const uint16_t *on; /* then: columns of in[0] that the key columns of in[1] must equal */
    int number;         /* of the step in its stream, from 1 */
    uint64_t seed;      /* of the topology, mixed with stream and number */
    uint16_t ninputs, noutputs;
    const struct schema *in[STEP_INPUTS_MAX];
    const struct schema *out[STEP_OUTPUTS_MAX];
    const char *output_name[STEP_OUTPUTS_MAX]; /* of split's branches; NULL otherwise */
    bool single_partition; /* set by bind: all rows must meet in one task (global learners) */
    bool keyless;          /* set by bind: as configured it needs no key (one model a partition) */
    bool stateless;        /* set by bind: as configured it keeps nothing, so it gets no store */
    const int64_t
        *metrics_every; /* streams read the step's metrics, after so many rows: each number once */
    uint16_t nmetrics;  /* how many numbers; output 1 + i is that of the i-th */
    bool rekeys;        /* set by bind: the key is another one than the input's */
    bool adds_time[STEP_OUTPUTS_MAX]; /* set by the planner: `_time`, the last column of an output
                                         whose rows the step makes itself, is op_emit's to fill */
    enum rows_kind in_rows[STEP_INPUTS_MAX];
    enum rows_kind out_rows; /* set by bind, of out[0]; a step that does not say so tells events */
    bool in_revised;         /* results of a window come in, and again when they have changed */
    bool out_revised;    /* the same of out[0]: as of what comes in, unless bind says otherwise */
    void *bound;         /* the step's own, in mem */
    struct arena *mem;   /* the plan's; during bind only */
    struct diags *diags; /* during bind only */
};

/* Adds a problem at a place of the node's configuration; returns -ERR_CONFIG. */
__attribute__((format(printf, 3, 4))) int node_error(struct node *n, struct place at,
                                                     const char *fmt, ...);

enum step_counter {
    COUNT_LATE,     /* rows that no window took */
    COUNT_NULL_KEY, /* rows dropped since a key column is null */
    COUNT_BAD,      /* rows with an error */
    COUNT_SKIPPED,  /* other rows left out: duplicates, null features, tombstones */
    COUNT_LABELS,   /* rows learned */
    STEP_COUNTERS,
};

/* One task's instance. */
struct op {
    const struct node *node;
    struct task *task;
    void *self;          /* the step's own, made by open, freed by close */
    struct state *state; /* of stateful steps */
    struct arena
        *mem; /* the task's batch arena: valid until the outermost push or watermark ends */
    int64_t watermark;  /* of its input, TIME_MIN before the first */
    bool rewinds;       /* set by open of tables: their topic is to be read from its beginning */
    bool wants_history; /* set by open: nothing was learned yet, past() is to get it */
    int64_t pass;       /* most that may be passed on of it: `seen` of the oldest row that the step
                          keeps back, TIME_MAX when none */
    struct trainer *trainer; /* for work that takes long (engine/trainer.h); NULL: at once */
    bool wants_commit;       /* set by tick: flush has something to do, though no row came */
    uint64_t counter[STEP_COUNTERS];
};

/* In watermark(): that much has been done (a row emitted or an entry deleted: 1); true when it is
 * enough for now. What comes out must not depend on it. */
bool op_spent(struct op *op, uint32_t work);
/* Between two rows of which each may make the step keep much more: 0, or -ERR_DATA, to be returned
 * at once, when it keeps more than there can be room for. */
int op_room(const struct op *op);
/* Hands rows to the steps behind `output`; returns what they return. b is borrowed for the call. */
int op_emit(struct op *op, int output, struct batch *b);
/* Reports a row that cannot be processed: with `errors: {tolerance: all}` it goes to the dead
 * letters and 0 is returned (the caller leaves the row out); else -ERR_DATA, to be returned at
 * once. */
int op_bad_row(struct op *op, const struct batch *b, uint16_t row, const char *text);
/* The same for all of errors: *b's selection loses these rows (allocated from b->mem). */
struct row_errors;
int op_bad_rows(struct op *op, struct batch *b, const struct row_errors *errors);
/* Reports trouble with what is no row of any input, at a place outside (a file and its line): the
 * same, but nothing goes to the dead letters; it is counted, and the first is logged. */
int op_bad_elsewhere(struct op *op, const char *place, const char *text);
/* The table that a step with node->table looks up: the op of the step `table`, in this task or, of
 * a global table, in the one that the lane keeps. Valid until the step returns. */
struct op *op_table_of(struct op *op);
/* Wall clock of the task (virtual in tests). */
int64_t op_now(const struct op *op);
/* The task's partition. */
int32_t op_partition(const struct op *op);
/* Names a metric of this op (gauge), e.g. "accuracy"; kept until the op closes. NaN: nothing to say
 * yet. */
void op_metric(struct op *op, const char *name, double value);

#endif
