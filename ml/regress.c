/* regress: the value of each row is predicted by what was learned from the rows before it, then
 * learned.
 *
 *   in      features, label: a number (null: predict only)
 *   out     the input's columns and
 *           <as>                      the value
 *           <as>_lower, <as>_upper    an interval around it that covers `coverage` of the labels
 *           <as>_model_version        1, and one more with each model that replaces it
 *           all null before the model was trained for the first time; the interval as long as too
 *           few errors are known
 *   bad     a label that is not finite, or beyond +-1e150: row error
 *   null, order, state: ml/learning.c
 */
#include "ml/algorithm.h"
#include "ml/late_labels.h"
#include "ml/regressor.h"
#include "ml/train_from.h"

#include <math.h>

struct regress_cfg {
    struct learning_cfg common;
    struct label_cfg label;
    double coverage;
};

static const struct config_field fields[] = {
    LEARNING_FIELDS(struct regress_cfg, common, "global"),
    SPARSE_FIELD(struct regress_cfg, common),
    LABEL_FIELDS(struct regress_cfg, label,
                 "the value to learn: a long or double; null rows are only predicted"),
    {"coverage", CONFIG_DOUBLE, offsetof(struct regress_cfg, coverage), .def = "0.9", .min = 0.01,
     .max = 0.999, .doc = "share of the labels that the interval is to hold"},
    {0},
};

/* ---- plan ---- */

struct plan {
    struct learning learning; /* the first member */
    double coverage;
};

static int bind_label(struct node *n, struct plan *p)
{
    const struct regress_cfg *cfg = n->cfg;
    const struct type *type;
    if (late_labels_bind(n, &cfg->label, &p->learning, &type) < 0) {
        return -ERR_CONFIG;
    }
    if (!type_is_numeric(type)) {
        return algorithm_problem(n, "label",
                                 "a value is a long or a double; classes are for `classify`");
    }
    return 0;
}

/* All cost nothing, so all are kept whichever are named. */
static const char *const metrics[] = {"mae", "rmse", "r2", "smape", "coverage", NULL};

static const struct learning_kind kind;

static int regress_bind(struct node *n)
{
    const struct regress_cfg *cfg = n->cfg;
    struct plan *p = arena_zalloc(n->mem, sizeof(*p));
    p->learning.cfg = &cfg->common;
    p->learning.kind = &kind;
    p->coverage = cfg->coverage;
    int status = bind_label(n, p);
    if (learning_bind(n, &p->learning) < 0 || status < 0) {
        return -ERR_CONFIG;
    }
    const char *as = cfg->common.as;
    const char *name[] = {as, arena_printf(n->mem, "%s_lower", as),
                          arena_printf(n->mem, "%s_upper", as)};
    static const struct type *const type[] = {&type_double, &type_double, &type_double};
    return learning_output(n, &p->learning, name, type, 3);
}

/* ---- models ---- */

static void *make_regressor(const void *plan, uint64_t seed)
{
    const struct plan *p = plan;
    return regressor_new(&p->learning.model, p->coverage, seed);
}

static int io_regressor(void *object, struct snapshot *s)
{
    return regressor_io(object, s);
}

static uint64_t size_regressor(const void *object)
{
    return regressor_size(object);
}

static void free_regressor(void *object)
{
    regressor_free(object);
}

static const struct object_def objects = {
    .make = make_regressor,
    .io = io_regressor,
    .size = size_regressor,
    .free = free_regressor,
    .replay = learning_replay,
};

/* ---- task ---- */

struct task_regress {
    struct learning_task task;             /* the first member */
    struct value_scores scores;            /* of all models here */
    struct regressor_prediction predicted; /* of the row at hand */
};

static void add_scores(void *ctx, void *object)
{
    const struct regressor *r = object;
    value_scores_merge(ctx, &r->evaluation.scores);
}

static int io_scores(void *ctx, struct snapshot *s)
{
    snapshot_version(s, 1);
    return value_scores_io(ctx, s);
}

static int regress_open(struct op *op, struct err *e)
{
    int status = learning_open(op, sizeof(struct task_regress), e);
    struct task_regress *t = op->self;
    struct per_totals totals = {&t->scores, io_scores, add_scores};
    return status < 0 ? status : per_totals(&t->task.per, op, &totals, e);
}

static void report(struct op *op)
{
    const struct task_regress *t = op->self;
    const struct value_scores *s = &t->scores;
    if (s->rows == 0) {
        return;
    }
    op_metric(op, "rows", (double)s->rows);
    op_metric(op, "mae", value_scores_mae(s, VALUE_LEARNER));
    op_metric(op, "mae_baseline", value_scores_mae(s, VALUE_MEAN));
    op_metric(op, "mae_no_change", value_scores_mae(s, VALUE_NO_CHANGE));
    op_metric(op, "mae_rolling", value_scores_rolling(s, VALUE_LEARNER));
    op_metric(op, "mae_no_change_rolling", value_scores_rolling(s, VALUE_NO_CHANGE));
    op_metric(op, "rmse", value_scores_rmse(s, VALUE_LEARNER));
    op_metric(op, "r2", value_scores_r2(s));
    op_metric(op, "smape", value_scores_smape(s));
    op_metric(op, "coverage", value_scores_coverage(s));
}

static bool predict(struct learning_pass *p, void *object, uint16_t row)
{
    struct task_regress *t = p->op->self;
    if (!regressor_predict(object, p->task->x, &p->task->scratch, &t->predicted)) {
        return false;
    }
    p->out[0].d[row] = t->predicted.value;
    if (isnan(t->predicted.lower)) {
        learning_null(p, 1, row);
        learning_null(p, 2, row);
    } else {
        p->out[1].d[row] = t->predicted.lower;
        p->out[2].d[row] = t->predicted.upper;
    }
    return true;
}

static bool foresee(struct learning_pass *p, void *object)
{
    struct task_regress *t = p->op->self;
    return regressor_predict(object, p->task->x, &p->task->scratch, &t->predicted);
}

static void hindsight(void *object, const double *prediction, double y)
{
    regressor_hindsight(object, prediction[0], y);
}

static int learn(struct learning_pass *p, void *object, uint16_t row, bool predicted, bool learns,
                 const char **problem)
{
    struct task_regress *t = p->op->self;
    bool is_double = p->label.type->kind == TYPE_DOUBLE;
    double y = is_double ? p->label.d[row] : (double)p->label.i[row];
    struct value_outcome outcome;
    if (!(fabs(y) <= FEATURE_MOST)) {
        *problem = "a label that is not finite, or beyond +-1e150";
        return -ERR_DATA;
    }
    p->target = y;
    p->told[0] = predicted ? t->predicted.value : (double)NAN;
    p->told[1] = t->predicted.lower;
    p->told[2] = t->predicted.upper;
    if (regressor_teach(object, p->task->x, y, p->in.time[row], predicted ? &t->predicted : NULL,
                        p->is_past ? TEACH_PAST
                        : learns   ? TEACH_LEARN
                                   : TEACH_SCORE,
                        &p->task->scratch, &outcome)) {
        value_scores_add(&t->scores, &outcome);
    }
    return 0;
}

static int64_t measured(const struct op *op)
{
    const struct task_regress *t = op->self;
    return t->scores.rows;
}

static uint32_t keep(const struct learning_pass *p, const void *object, double *out)
{
    (void)object;
    const struct task_regress *t = p->op->self;
    out[0] = t->predicted.value;
    out[1] = t->predicted.lower;
    out[2] = t->predicted.upper;
    return 3;
}

static bool recall(struct learning_pass *p, const void *object, const double *kept, uint32_t n)
{
    (void)object;
    struct task_regress *t = p->op->self;
    if (n != 3 || !isfinite(kept[0])) {
        return false;
    }
    t->predicted = (struct regressor_prediction){kept[0], kept[1], kept[2]};
    return true;
}

static void repeat(void *object, const struct learning_event *event, struct model_scratch *scratch)
{
    struct value_outcome outcome;
    struct regressor_prediction told = {event->told[0], event->told[1], event->told[2]};
    regressor_teach(object, event->x, event->target, event->time, isnan(told.value) ? NULL : &told,
                    event->learns ? TEACH_LEARN : TEACH_SCORE, scratch, &outcome);
}

static const struct learning_kind kind = {
    .task = LEARN_VALUES,
    .metrics = metrics,
    .objects = &objects,
    .predict = predict,
    .foresee = foresee,
    .hindsight = hindsight,
    .learn = learn,
    .measured = measured,
    .keep = keep,
    .recall = recall,
    .repeat = repeat,
    .report = report,
};

static int regress_second(const struct node *n, struct second_input *out)
{
    const struct regress_cfg *cfg = n->cfg;
    return late_labels_second(n, &cfg->label, out);
}

const struct step_def op_regress = {
    .name = "regress",
    .doc = "predicts the value of each row, then learns it",
    .config = fields,
    .config_size = sizeof(struct regress_cfg),
    .stateful = true,
    .state_version = 1,
    .second = regress_second,
    .history = "train_from",
    .bind = regress_bind,
    .needs = learning_needs,
    .second_needs = late_labels_second_needs,
    .state_codec = learning_codec,
    .state_layout = learning_layout,
    .lazy = learning_lazy,
    .open = regress_open,
    .push = learning_push,
    .past = train_from_past,
    .watermark = learning_watermark,
    .next_time = learning_next_time,
    .tick = learning_tick,
    .flush = learning_flush,
    .describe = learning_describe,
    .index_bytes = learning_index_bytes,
    .close = learning_close,
};
