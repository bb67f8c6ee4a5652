/* Transform: what the preprocessing steps share (scale, impute, clip, one_hot, feature_hash, bin,
 * pca, select_features): columns in, statistics as state, columns out, a row for each row.
 *
 *     bind     transform_columns(n, &p->t, &def, &cfg->common);   which columns, of which types
 *              transform_out(&p->t, name, type, c);               each column that it makes
 *              return transform_bind(n, &p->t);                   node.bound is &p->t
 *     push     per row: learn, then apply; where there is a label: apply, then learn
 *
 * A step knows rows only: as numbers (x, out), NaN being what is missing, or as the columns
 * themselves (from, to). Where no column needs another one, it takes runs of rows instead, column
 * after column: the same numbers, with less done per row.
 */
#ifndef KLAMM_ML_TRANSFORM_H
#define KLAMM_ML_TRANSFORM_H

#include "engine/expression/expression.h"
#include "ml/per.h"

/* The first member of every step's configuration, and its rows in the step's table. */
struct transform_cfg {
    struct config_list columns;
    const char *as;
    int per, learn;
};
extern const char *const transform_learn_names[];
#define TRANSFORM_COLUMNS                                                                          \
    {                                                                                              \
        "columns", CONFIG_NAMES, offsetof(struct transform_cfg, columns),                          \
            .required = true,                                                                      \
            .doc = "names, and `cpu_*` patterns over the columns that the step can take"           \
    }
#define TRANSFORM_AS                                                                               \
    {                                                                                              \
        "as", CONFIG_TEXT, offsetof(struct transform_cfg, as),                                     \
            .doc =                                                                                 \
                "name of the new column, `*` in it being that of the old one: `'*_x'`; without "   \
                "it the new takes the place of the old"                                            \
    }
#define TRANSFORM_PER                                                                              \
    {                                                                                              \
        "per", CONFIG_ENUM, offsetof(struct transform_cfg, per),                                   \
            .def = "global", .values = per_names,                                                  \
            .doc = "statistics of all rows, of each key or of each partition"                      \
    }
#define TRANSFORM_LEARN                                                                            \
    {                                                                                              \
        "learn", CONFIG_ENUM, offsetof(struct transform_cfg, learn),                               \
            .def = "online", .values = transform_learn_names,                                      \
            .doc = "`never`: what was learned stays as it is"                                      \
    }

/* What the descriptors of all steps that learn have in common. */
/* clang-format off */
#define TRANSFORM_LEARNS                                                                           \
    .stateful = true,                                                                              \
    .reshapes = true,                                                                              \
    .needs = transform_needs,                                                                      \
    .state_codec = transform_codec,                                                                \
    .state_layout = transform_layout,                                                              \
    .lazy = transform_lazy,                                                                        \
    .open = transform_open,                                                                        \
    .push = transform_push,                                                                        \
    .flush = transform_flush,                                                                      \
    .describe = transform_describe,                                                                \
    .close = transform_close
/* clang-format on */

/* One row on its way. */
struct transform;
struct transform_row {
    const struct transform *t;
    const double *x; /* per column: the number, boolean as 0 and 1; NaN: missing */
    double *out;     /* per new column, preset to NaN; what is NaN then is null */
    double y;        /* the label as a number, of steps with one; never NaN in learn */
    const struct vec *from, *label; /* the columns as they are, at `row` */
    struct vec *to;
    uint16_t row, rows;
    struct arena *mem;
};

/* Rows of one object on their way through a step with `run`: learned each, then transformed. */
struct transform_run {
    const struct transform *t;
    void *object;
    bool learns;
    uint16_t n;
    const uint16_t *row;    /* of the batch, ascending */
    double *x;              /* of column i: n numbers from x + i * n, as in transform_row; may be
                               overwritten */
    const struct vec *from; /* the columns as they are, at row[k] */
    struct vec *to; /* values zero and not null before; NULL: there is nothing but learning */
    uint16_t rows;
    struct arena *mem;
};
/* n numbers as new column i, a double; NaN: null. */
void transform_put(const struct transform_run *r, uint32_t i, const double *value);
/* A null in new column i. */
void transform_put_null(const struct transform_run *r, uint32_t i, uint16_t k);

enum transform_takes {
    TAKE_NUMBERS = 1, /* long, double */
    TAKE_BOOLEANS = 2,
    TAKE_STRINGS = 4,
    TAKE_TOKENS = 8, /* array<string>, map<long>, map<double> */
};

struct transform_def {
    unsigned takes;
    const char *what;    /* "numbers": what it takes, for messages */
    bool keeps_infinite; /* x may be infinite or beyond +-1e150, which otherwise count as missing */
    struct object_def object; /* make is given the struct transform; NULL: learns nothing ever */
    /* Instead of learn and apply, without a label. */
    void (*run)(const struct transform_run *r);
    void (*learn)(void *object, const struct transform_row *r);
    /* Writes r->out, or, with `writes_columns`, r->to (values zero and not null before). object is
     * NULL where the transform learns nothing. */
    void (*apply)(const void *object, const struct transform_row *r);
    bool writes_columns;
    /* Optional: metrics of a step with one object. */
    void (*report)(struct op *op, const void *object);
    /* Words for what the statistics mean, besides the columns. */
    void (*layout)(const void *cfg, struct buffer *words);
};

struct transform_column {
    const char *name;
    const struct type *type;
    int from;    /* of a new one: index of the column whose place it takes, -1: at the end */
    uint16_t in; /* of one taken: number in the input; of a new one: in the output */
};

/* First member of every step's plan. */
struct transform {
    const struct transform_def *def;
    const struct transform_cfg *cfg;
    bool learns;       /* preset; bind may say that, as configured, nothing is learned */
    bool tells_events; /* preset by object.replay; bind may say that x and y are not all */
    uint32_t n, nout, cap;
    struct transform_column *column, *out;
    const struct expression *label;
    struct per_plan per;
    int *carried; /* per column of the output: that of the input, or -1 */
};

/* Reads `columns`: those named and those that patterns mean. Columns that the label reads are no
 * features. 0 or -ERR_CONFIG. */
int transform_columns(struct node *n, struct transform *t, const struct transform_def *def,
                      const struct transform_cfg *cfg, const struct expression *label);
/* `as` applied to a column's name; the name itself without `as`. In n->mem. */
const char *transform_name(struct node *n, const struct transform *t, uint32_t column);
/* A new column, behind those made before; `from`: it takes the place of that column (of n), which
 * is the case of several one after the other, or -1. */
void transform_out(struct node *n, struct transform *t, const char *name, const struct type *type,
                   int from);
/* A new column for each one taken, as `as` says. */
void transform_out_each(struct node *n, struct transform *t, const struct type *type);
/* Output schema, repartitioning, state. */
int transform_bind(struct node *n, struct transform *t);
/* Options that only some methods have a use for; ends with {0}. */
struct method_option {
    const char *name;
    unsigned methods; /* a bit for each */
};
/* -ERR_CONFIG when one is given beside a method that has none. names: of the methods. */
int transform_check_options(struct node *n, const struct method_option *list,
                            const char *const *names, int method);

/* Members of the step's descriptor. */
void transform_needs(const struct node *n, const bool *out, bool *in);
const struct state_codec *transform_codec(const struct node *n);
void transform_layout(const struct node *n, struct buffer *words);
int transform_open(struct op *op, struct err *e);
int transform_flush(struct op *op);
int transform_push(struct op *op, int input, struct batch *b);
bool transform_lazy(const struct node *n);
void transform_describe(struct op *op, struct open_state *out);
void transform_close(struct op *op);

/* For object.replay, where learn() needs nothing but x and y. */
int transform_replay(const void *plan, void *object, const double *event, uint32_t n);

#endif
