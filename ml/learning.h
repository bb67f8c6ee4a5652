/* Learning: what classify, regress, cluster and detect have in common. Each row is turned into
 * features, predicted by what was learned from the rows before it, given its output columns, then
 * learned.
 *
 *     bind    learning_bind(), then the step's own, then learning_output()
 *     push    learning_push(): for each row `predict` of the kind, then `learn`
 *
 * The objects of per.h begin with a struct model, the step's plan with a struct learning, its
 * op->self with a struct learning_task.
 */
#ifndef KLAMM_ML_LEARNING_H
#define KLAMM_ML_LEARNING_H

#include "engine/expression/expression.h"
#include "engine/step.h"
#include "ml/beside.h"
#include "ml/features.h"
#include "ml/learn_mode.h"
#include "ml/model.h"
#include "ml/model_training.h"
#include "ml/per.h"
#include "ml/waiting.h"

#include <stddef.h>

/* The keys that all four have. Their tables begin with LEARNING_FIELDS(their struct, member). */
struct learning_cfg {
    const char *algorithm, *as;
    struct config_list features;
    const struct yaml *options, *learn, *train_from;
    struct config_list evaluate;
    int scale, per;
    int64_t n_features; /* 0: the step has no such key */
};

extern const char *const learning_scales[];

/* clang-format off */
#define LEARNING_FIELDS(type, member, default_per)                                                 \
    {"algorithm", CONFIG_TEXT, offsetof(type, member.algorithm), .required = true,                 \
     .doc = "the learner"},                                                                        \
    {"features", CONFIG_EXPRESSIONS, offsetof(type, member.features), .required = true,            \
     .doc = "columns, expressions and `cpu_*` patterns over numeric columns; map keys name them"}, \
    {"as", CONFIG_TEXT, offsetof(type, member.as), .required = true,                               \
     .doc = "name of the prediction's column"},                                                    \
    {"options", CONFIG_YAML, offsetof(type, member.options),                                       \
     .doc = "of the learner, named as River names them"},                                          \
    {"scale", CONFIG_ENUM, offsetof(type, member.scale), .def = "none", .values = learning_scales, \
     .doc = "`standard`: features are centred and divided by their deviation, as learned so far"}, \
    {"per", CONFIG_ENUM, offsetof(type, member.per), .def = default_per, .values = per_names,      \
     .doc = "one model for all rows, for each key or for each partition"},                         \
    {"train_from", CONFIG_YAML, offsetof(type, member.train_from),                                 \
     .doc = "`{file: PATH}`, `{topic: NAME, value, columns, …}` as in `from`, or `{stream: NAME}`: " \
            "rows that a new model learns before its first one"},                                  \
    {"evaluate", CONFIG_NAMES, offsetof(type, member.evaluate),                                    \
     .doc = "metrics to keep beside the preset ones, which cost nothing"},                         \
    {"learn", CONFIG_YAML, offsetof(type, member.learn),                                           \
     .doc = "`online`: each row, `never`: the model stays as it is, or `{batch: {window, every, "  \
            "min_rows}}`: anew from a window, of rows or a duration"}
/* Of those whose learners may take sparse features. */
#define SPARSE_FIELD(type, member)                                                                 \
    {"n_features", CONFIG_LONG, offsetof(type, member.n_features), .def = "1048576", .min = 1,     \
     .max = 16777216,                                                                              \
     .doc = "how many numbers words, maps and strings among the features are hashed to, by "       \
            "learners that take them"}
/* clang-format on */

struct learning_pass;
struct late_plan;
struct training;

#define TOLD_MOST 3                 /* numbers by which a prediction is scored */
#define KEPT_MOST (CLASSES_MAX + 1) /* numbers that tell a prediction while its label is awaited */

/* All that a row does to a model. */
struct learning_event {
    const double *x;
    const double *told; /* the prediction, as the kind's learn() left it in pass->told */
    double target;      /* class number or value */
    int64_t time;
    bool learns; /* else it is only scored */
};

/* What one of the four does with a row. */
struct learning_kind {
    enum learner_task task;
    const char *const *metrics; /* that `evaluate` may name, NULL-terminated; NULL: none */
    const struct object_def *objects;
    /* Predicts pass->x by this model and writes the output columns but the last, which is its
     * version; false: it has nothing to say, all are null. */
    bool (*predict)(struct learning_pass *p, void *object, uint16_t row);
    /* Rows of a history teach what scores and errors mean, too; both NULL: the kind has no use for
     * that. foresee() predicts pass->x and writes nothing: what it returns is `predicted` of
     * learn(), with pass->is_past, which counts in no metric. hindsight(): of a learner of batches,
     * what one that was fitted without this row said of it. */
    bool (*foresee)(struct learning_pass *p, void *object);
    hindsight_fn hindsight;
    /* Scores and, if `learns`, learns pass->x; predicted: what predict() said. Sets pass->target
     * and pass->told, and pass->is_new when it is a class not known before. 0; 1: the row changes
     * nothing, as one of a class that is not known and not learned; or -ERR_DATA with *problem: it
     * is bad. */
    int (*learn)(struct learning_pass *p, void *object, uint16_t row, bool predicted, bool learns,
                 const char **problem);
    /* Rows that all models of the task were measured by, as `rows` of report() says: metric rows
     * are told by their count. */
    int64_t (*measured)(const struct op *op);
    /* With late labels: what predict() said as numbers, their count; and that said again, into
     * row 0 of pass->out too. NULL for both: the kind has no labels. */
    uint32_t (*keep)(const struct learning_pass *p, const void *object, double *out);
    bool (*recall)(struct learning_pass *p, const void *object, const double *kept, uint32_t n);
    /* The same once more, after a restart, from the numbers alone. */
    void (*repeat)(void *object, const struct learning_event *event, struct model_scratch *scratch);
    void (*report)(struct op *op); /* metrics, after a batch */
};

struct learning {
    const struct learning_cfg *cfg;
    const struct learning_kind *kind;
    enum learn_mode mode;
    struct features features;
    struct model_config model;
    struct per_plan per;
    uint16_t first, n;               /* of the output columns that it adds */
    const struct expression *label;  /* of the row itself; NULL: there is none, or it comes late */
    const struct late_plan *late;    /* labels come from another stream */
    const struct training *training; /* rows that every new model learns first; NULL: none */
    uint32_t metrics; /* one bit for each of kind->metrics that is wanted; none: the preset */
};

struct learning_task {
    struct per_task per;
    struct model_scratch scratch;
    double *x;     /* of the row at hand, in the middle of `event` */
    double *event; /* learns, time, target, told, x */
    uint32_t room; /* doubles of x */
    struct bag bag;
    double *kept; /* KEPT_MOST; with late labels, as is the next */
    struct waiting waiting;
    struct buffer bytes;
    struct beside beside; /* trainings of models that learn from batches */
    struct held
        *unstudied; /* when a history has ended: models that are still to be trained by it */
    bool is_past_read;
};

struct learning_pass {
    struct op *op;
    const struct learning *plan;
    struct learning_task *task;
    struct batch in;
    struct feature_rows features;
    struct per_rows rows;
    struct vec *out; /* the step's columns */
    struct vec label;
    struct keyed_rows keys; /* of the `on` columns, with late labels */
    uint8_t *is_keyed;      /* then, per row: they are not null */
    uint64_t categories;    /* that the model knew before the row */
    double target, told[TOLD_MOST];
    bool is_new;
    bool is_past; /* the row is one of a history */
};

/* Algorithm, features, options, learn and per; p->cfg, p->kind and the label are set. Returns 0 or
 * -ERR_CONFIG. */
int learning_bind(struct node *n, struct learning *p);
/* The output schema: the input's columns, `n` more (all nullable) and <as>_model_version. */
int learning_output(struct node *n, struct learning *p, const char *const *name,
                    const struct type *const *type, uint16_t count);
void learning_needs(const struct node *n, const bool *out, bool *in);
const struct state_codec *learning_codec(const struct node *n);
void learning_layout(const struct node *n, struct buffer *words);
bool learning_lazy(const struct node *n);
/* size: of op->self, which begins with a struct learning_task. */
int learning_open(struct op *op, size_t size, struct err *e);
int learning_push(struct op *op, int input, struct batch *b);
int learning_watermark(struct op *op, int64_t time);
int64_t learning_next_time(struct op *op);
int learning_tick(struct op *op, int64_t now);
int learning_flush(struct op *op);
void learning_close(struct op *op);
void learning_describe(struct op *op, struct open_state *out);
uint64_t learning_index_bytes(const struct op *op);

/* For object_def.replay; `plan` begins with a struct learning. */
int learning_replay(const void *plan, void *object, const double *event, uint32_t n);
/* Gathers a row into task->x. m: of which it is, for its categories. */
void learning_gather(struct learning_pass *p, const struct feature_rows *rows, uint16_t row,
                     struct model *m, enum feature_use use);
/* Room for so many doubles of x. */
void learning_reserve(struct learning_task *t, size_t n);
/* All categories that a model knows. */
uint64_t learning_categories(const struct learning *p, const struct model *m);
/* Scores and learns task->x by this model, and tells state; *problem is set when the label is bad.
 */
int learning_teach(struct learning_pass *p, struct model *m, uint16_t row, bool predicted,
                   const char **problem);
/* Sets a column of a row to null. */
void learning_null(struct learning_pass *p, uint16_t column, uint16_t row);

#endif
