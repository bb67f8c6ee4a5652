/* detect: how unusual each row is, by what was learned from the rows before it; then it is learned.
 *
 *   in      features
 *   out     the input's columns and
 *           <as>                 true: unusual, by `threshold`
 *           <as>_score           how probable it is that a usual row is at least as unusual: the
 *                                smaller, the odder; the same on every series (ml/calibration.h)
 *           <as>_raw             with `raw: true`: the learner's own score, the greater the odder
 *           <as>_model_version   1, and one more with each model that replaces it
 *           all but the last are null for the first `warm_up` rows of a model
 *   threshold
 *           false_alarms: p      <as>_score <= p: about p of the usual rows
 *           quantile: q          the learner's own score is over the q-quantile of those so far
 *           value: x             the learner's own score is at least x (zscore: deviations)
 *   null, order, state: ml/learning.c
 */
#include "ml/algorithm.h"
#include "ml/detector.h"
#include "ml/learning.h"
#include "ml/threshold.h"
#include "ml/train_from.h"

#include <math.h>

struct detect_cfg {
    struct learning_cfg common;
    const struct yaml *threshold;
    int64_t warm_up;
    bool raw;
};

static const struct config_field fields[] = {
    LEARNING_FIELDS(struct detect_cfg, common, "key"),
    {"threshold", CONFIG_YAML, offsetof(struct detect_cfg, threshold),
     .doc = "`{false_alarms: p}` (preset: 0.001): `<as>_score` is at most p; `{quantile: q}`, "
            "`{value: x}`: the learner's own score, that of `raw`, is over its q-quantile, or at "
            "least x"},
    {"raw", CONFIG_BOOLEAN, offsetof(struct detect_cfg, raw), .def = "false",
     .doc = "adds `<as>_raw`, the learner's own score, which `{value: x}` is compared with"},
    {"warm_up", CONFIG_LONG, offsetof(struct detect_cfg, warm_up), .def = "100", .min = 0,
     .max = 1e9, .doc = "rows of a model that are learned before any is judged"},
    {0},
};

/* ---- plan ---- */

struct plan {
    struct learning learning; /* the first member */
    struct detector_config detector;
};

static const struct learning_kind kind;

static int detect_bind(struct node *n)
{
    const struct detect_cfg *cfg = n->cfg;
    struct plan *p = arena_zalloc(n->mem, sizeof(*p));
    p->learning.cfg = &cfg->common;
    p->learning.kind = &kind;
    p->detector.warm_up = cfg->warm_up;
    int status = threshold_parse(n, cfg->threshold, &p->detector);
    if (learning_bind(n, &p->learning) < 0 || status < 0) {
        return -ERR_CONFIG;
    }
    p->learning.model.options =
        detector_options(p->learning.model.def, p->learning.model.options, n->yaml,
                         cfg->common.options, cfg->warm_up, n->mem);
    p->detector.model = p->learning.model;
    const char *as = cfg->common.as;
    const char *name[] = {as, arena_printf(n->mem, "%s_score", as),
                          arena_printf(n->mem, "%s_raw", as)};
    static const struct type *const type[] = {&type_boolean, &type_double, &type_double};
    return learning_output(n, &p->learning, name, type, cfg->raw ? 3 : 2);
}

/* ---- models ---- */

static void *make_detector(const void *plan, uint64_t seed)
{
    const struct plan *p = plan;
    return detector_new(&p->detector, seed);
}

static int io_detector(void *object, struct snapshot *s)
{
    return detector_io(object, s);
}

static uint64_t size_detector(const void *object)
{
    return detector_size(object);
}

static void free_detector(void *object)
{
    detector_free(object);
}

static const struct object_def objects = {
    .make = make_detector,
    .io = io_detector,
    .size = size_detector,
    .free = free_detector,
    .replay = learning_replay,
};

/* ---- task ---- */

struct task_detect {
    struct learning_task task;  /* the first member */
    struct detection detection; /* of the row at hand */
    bool is_scored;             /* the row at hand has one, though it may be warming up */
    int64_t rows, detections;
};

static void add_counts(void *ctx, void *object)
{
    struct task_detect *t = ctx;
    const struct detector *d = object;
    t->rows += d->judged;
    t->detections += d->found;
}

static int io_counts(void *ctx, struct snapshot *s)
{
    struct task_detect *t = ctx;
    snapshot_version(s, 1);
    snapshot_count(s, &t->rows);
    snapshot_count(s, &t->detections);
    return snapshot_status(s);
}

static int detect_open(struct op *op, struct err *e)
{
    int status = learning_open(op, sizeof(struct task_detect), e);
    struct task_detect *t = op->self;
    struct per_totals totals = {t, io_counts, add_counts};
    return status < 0 ? status : per_totals(&t->task.per, op, &totals, e);
}

static bool predict(struct learning_pass *p, void *object, uint16_t row)
{
    const struct detect_cfg *cfg = p->op->node->cfg;
    struct task_detect *t = p->op->self;
    struct detection *found = &t->detection;
    t->is_scored = detector_judge(object, p->task->x, &p->task->scratch, found);
    if (!t->is_scored || !found->is_judged) {
        return false;
    }
    p->out[0].b[row] = found->is_found;
    p->out[1].d[row] = found->tail;
    if (cfg->raw) {
        p->out[2].d[row] = found->raw;
    }
    return true;
}

/* A row of a history is scored, and not judged. */
static bool foresee(struct learning_pass *p, void *object)
{
    struct task_detect *t = p->op->self;
    t->is_scored = detector_judge(object, p->task->x, &p->task->scratch, &t->detection);
    t->detection.is_judged = t->detection.is_found = false;
    return t->is_scored;
}

static void hindsight(void *object, const double *prediction, double y)
{
    (void)y;
    detector_hindsight(object, prediction[0]);
}

static int learn(struct learning_pass *p, void *object, uint16_t row, bool predicted, bool learns,
                 const char **problem)
{
    (void)predicted;
    (void)problem;
    struct task_detect *t = p->op->self;
    t->rows += t->is_scored && t->detection.is_judged;
    t->detections += t->is_scored && t->detection.is_found;
    if (learns) {
        detector_learn(object, p->task->x, p->in.time[row], t->is_scored ? &t->detection : NULL,
                       &p->task->scratch);
    } else if (t->is_scored) {
        detector_count(object, &t->detection);
    }
    p->told[0] = t->is_scored ? t->detection.raw : (double)NAN;
    p->told[1] = t->is_scored && t->detection.is_judged;
    p->told[2] = t->is_scored && t->detection.is_found;
    t->is_scored = false;
    return 0;
}

static int64_t measured(const struct op *op)
{
    const struct task_detect *t = op->self;
    return t->rows;
}

static void repeat(void *object, const struct learning_event *event, struct model_scratch *scratch)
{
    struct detection told = {
        .raw = event->told[0], .is_judged = event->told[1] != 0, .is_found = event->told[2] != 0};
    if (event->learns) {
        detector_learn(object, event->x, event->time, isnan(told.raw) ? NULL : &told, scratch);
    } else {
        detector_count(object, &told);
    }
}

static void report(struct op *op)
{
    const struct task_detect *t = op->self;
    op_metric(op, "rows", (double)t->rows);
    op_metric(op, "detections", (double)t->detections);
}

static const struct learning_kind kind = {
    .task = LEARN_SCORES,
    .objects = &objects,
    .predict = predict,
    .foresee = foresee,
    .hindsight = hindsight,
    .learn = learn,
    .measured = measured,
    .repeat = repeat,
    .report = report,
};

const struct step_def op_detect = {
    .name = "detect",
    .doc = "tells how unusual each row is, then learns it",
    .config = fields,
    .config_size = sizeof(struct detect_cfg),
    .stateful = true,
    .state_version = 1,
    .history = "train_from",
    .bind = detect_bind,
    .needs = learning_needs,
    .state_codec = learning_codec,
    .state_layout = learning_layout,
    .lazy = learning_lazy,
    .open = detect_open,
    .push = learning_push,
    .tick = learning_tick,
    .past = train_from_past,
    .flush = learning_flush,
    .describe = learning_describe,
    .index_bytes = learning_index_bytes,
    .close = learning_close,
};
