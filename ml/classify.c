/* classify: each row is predicted by what was learned from the rows before it, then learned.
 *
 *   in      features, label (null: predict only)
 *   out     the input's columns and
 *           <as>                 the most probable class, of the label's type
 *           <as>_proba           map<double> by class; boolean label: P(true)
 *           <as>_model_version   1, and one more with each model that replaces it
 *           all null before the model was trained for the first time
 *   bad     a third class for an algorithm of two, more than 1000 classes: row error
 *   null, order, state: ml/learning.c
 *   global  needs all rows in one task: bind asks the plan for a one-partition repartition
 */
#include "engine/nested.h"
#include "ml/algorithm.h"
#include "ml/classifier.h"
#include "ml/late_labels.h"
#include "ml/train_from.h"

#include <string.h>

struct classify_cfg {
    struct learning_cfg common;
    struct label_cfg label;
};

static const struct config_field fields[] = {
    LEARNING_FIELDS(struct classify_cfg, common, "global"),
    SPARSE_FIELD(struct classify_cfg, common),
    LABEL_FIELDS(struct classify_cfg, label,
                 "the class to learn: a string, long or boolean; null rows are only predicted"),
    {0},
};

/* ---- plan ---- */

struct plan {
    struct learning learning; /* the first member */
    const struct type *type;  /* of the label */
    struct classifier_config classifier;
};

enum metric { ACCURACY, LOG_LOSS, BALANCED_ACCURACY, F1, KAPPA, AUC };
static const char *const metrics[] = {"accuracy", "log_loss", "balanced_accuracy", "f1", "kappa",
                                      "auc",      NULL};

static bool is_wanted(const struct learning *p, enum metric m)
{
    return p->metrics & (1U << m);
}

static int bind_label(struct node *n, struct plan *p)
{
    const struct classify_cfg *cfg = n->cfg;
    if (late_labels_bind(n, &cfg->label, &p->learning, &p->type) < 0) {
        return -ERR_CONFIG;
    }
    if (p->type->kind == TYPE_DOUBLE) {
        return algorithm_problem(n, "label",
                                 "a double has no classes: `label > 0.5` or "
                                 "cast(… as long) makes classes");
    }
    if (p->type->kind != TYPE_BOOLEAN && p->type->kind != TYPE_LONG &&
        p->type->kind != TYPE_STRING) {
        return algorithm_problem(n, "label", "a label is a string, a long or a boolean");
    }
    return 0;
}

static const struct learning_kind kind;

static int classify_bind(struct node *n)
{
    const struct classify_cfg *cfg = n->cfg;
    struct plan *p = arena_zalloc(n->mem, sizeof(*p));
    p->learning.cfg = &cfg->common;
    p->learning.kind = &kind;
    int status = bind_label(n, p);
    if (learning_bind(n, &p->learning) < 0 || status < 0) {
        return -ERR_CONFIG;
    }
    if (is_wanted(&p->learning, AUC) && p->type->kind != TYPE_BOOLEAN) {
        return algorithm_problem(n, "evaluate", "auc is of a boolean label, such as `label = 'x'`");
    }
    p->classifier = (struct classifier_config){
        .model = p->learning.model,
        .label = p->type,
        .has_confusion = is_wanted(&p->learning, BALANCED_ACCURACY) ||
                         is_wanted(&p->learning, F1) || is_wanted(&p->learning, KAPPA),
        .has_auc = is_wanted(&p->learning, AUC),
    };
    const char *as = cfg->common.as;
    const char *name[] = {as, arena_printf(n->mem, "%s_proba", as)};
    const struct type *proba =
        p->type->kind == TYPE_BOOLEAN ? &type_double : type_map(n->mem, &type_double);
    const struct type *type[] = {p->type, proba};
    return learning_output(n, &p->learning, name, type, 2);
}

/* ---- models ---- */

static void *make_classifier(const void *plan, uint64_t seed)
{
    const struct plan *p = plan;
    return classifier_new(&p->classifier, seed);
}

static int io_classifier(void *object, struct snapshot *s)
{
    return classifier_io(object, s);
}

static uint64_t size_classifier(const void *object)
{
    return classifier_size(object);
}

static void free_classifier(void *object)
{
    classifier_free(object);
}

static const struct object_def objects = {
    .make = make_classifier,
    .io = io_classifier,
    .size = size_classifier,
    .free = free_classifier,
    .replay = learning_replay,
};

/* ---- task ---- */

struct task_classify {
    struct learning_task task; /* the first member */
    struct scores scores;      /* of all models here, as are the next three */
    struct classes classes;    /* numbered as they came to any of them; of booleans: false, true */
    struct confusion confusion;
    struct auc auc;
    int predicted; /* of the row at hand */
};

static uint32_t class_here(struct task_classify *t, const struct vec *label, uint16_t row)
{
    int class = classes_find(&t->classes, label, row);
    class = class < 0 ? classes_add(&t->classes, label, row) : class;
    return class < 0 ? CONFUSION_CLASSES_MAX : (uint32_t) class;
}

static void add_confusion(struct task_classify *t, const struct classifier *c)
{
    struct arena mem;
    arena_init(&mem);
    uint32_t here[CONFUSION_CLASSES_MAX];
    const struct confusion *from = &c->confusion;
    for (uint32_t i = 0; i < from->n; i++) {
        struct vec label = vec_new(&mem, c->classes.type, 1);
        classes_put(&c->classes, (int)i, &label, 0, &mem);
        here[i] = class_here(t, &label, 0);
    }
    for (uint32_t i = 0; i < from->n * from->n; i++) {
        uint32_t label = i / from->n, predicted = i % from->n;
        confusion_add(&t->confusion, here[label], here[predicted],
                      from->count[(size_t)label * from->room + predicted]);
    }
    arena_done(&mem);
}

/* Takes a restored model's evaluation into the step's. */
static void add_scores(void *ctx, void *object)
{
    struct task_classify *t = ctx;
    const struct classifier *c = object;
    scores_merge(&t->scores, &c->evaluation.scores);
    if (c->confusion.n > 0 && c->confusion.n <= c->classes.n) {
        add_confusion(t, c);
    }
    if (c->auc) {
        auc_merge(&t->auc, c->auc);
    }
}

/* As with a classifier's own: what is there is read, though it may not be wanted any more. */
static int io_totals(void *ctx, struct snapshot *s)
{
    struct task_classify *t = ctx;
    const struct plan *p = t->task.per.plan->plan;
    uint32_t has_auc = is_wanted(&p->learning, AUC);
    struct auc unwanted = {0};
    snapshot_version(s, 1);
    scores_io(&t->scores, s);
    if (s->loading) {
        classes_done(&t->classes); /* of a boolean label there are two already */
    }
    snapshot_u32(s, &has_auc);
    if (classes_io(&t->classes, s) == 0 && confusion_io(&t->confusion, s) == 0 && has_auc) {
        auc_io(is_wanted(&p->learning, AUC) ? &t->auc : &unwanted, s);
    }
    if (s->loading && !p->classifier.has_confusion) {
        confusion_done(&t->confusion);
    }
    return snapshot_status(s);
}

static int classify_open(struct op *op, struct err *e)
{
    const struct plan *p = op->node->bound;
    int status = learning_open(op, sizeof(struct task_classify), e);
    struct task_classify *t = op->self;
    classes_init(&t->classes, p->type);
    if (p->type->kind == TYPE_BOOLEAN) {
        classes_add_booleans(&t->classes);
    }
    struct per_totals totals = {t, io_totals, add_scores};
    return status < 0 ? status : per_totals(&t->task.per, op, &totals, e);
}

static void classify_close(struct op *op)
{
    struct task_classify *t = op->self;
    if (t) {
        classes_done(&t->classes);
        confusion_done(&t->confusion);
    }
    learning_close(op);
}

static void report(struct op *op)
{
    const struct task_classify *t = op->self;
    const struct learning *p = op->node->bound;
    const struct scores *s = &t->scores;
    if (s->rows == 0) {
        return;
    }
    op_metric(op, "rows", (double)s->rows);
    op_metric(op, "accuracy", scores_accuracy(s, SCORE_LEARNER));
    op_metric(op, "accuracy_baseline", scores_accuracy(s, SCORE_MAJORITY));
    op_metric(op, "accuracy_no_change", scores_accuracy(s, SCORE_NO_CHANGE));
    op_metric(op, "accuracy_rolling", scores_rolling(s, SCORE_LEARNER));
    op_metric(op, "accuracy_baseline_rolling", scores_rolling(s, SCORE_MAJORITY));
    op_metric(op, "accuracy_no_change_rolling", scores_rolling(s, SCORE_NO_CHANGE));
    op_metric(op, "log_loss", scores_log_loss(s));
    if (is_wanted(p, BALANCED_ACCURACY)) {
        op_metric(op, "balanced_accuracy", confusion_balanced_accuracy(&t->confusion));
    }
    if (is_wanted(p, F1)) {
        bool is_boolean = t->classes.type->kind == TYPE_BOOLEAN;
        op_metric(op, "f1",
                  is_boolean ? confusion_f1(&t->confusion, 1) : confusion_macro_f1(&t->confusion));
    }
    if (is_wanted(p, KAPPA)) {
        op_metric(op, "kappa", confusion_kappa(&t->confusion));
    }
    if (is_wanted(p, AUC)) {
        op_metric(op, "auc", auc_value(&t->auc));
    }
}

static void put_proba(struct learning_pass *p, const struct classifier *c, uint16_t row)
{
    const struct classes *classes = &c->classes;
    if (classes->type->kind == TYPE_BOOLEAN) {
        p->out[1].d[row] = classifier_p_true(c, &p->task->scratch);
        return;
    }
    struct buffer *map = &p->task->bytes;
    buffer_clear(map);
    buffer_varint(map, classes->n);
    for (uint32_t i = 0; i < classes->n; i++) {
        const struct str *name = &classes->label[i].text;
        struct nested_value value = {.d = p->task->scratch.out[i]};
        buffer_varint(map, name->n);
        buffer_add(map, str_data(name), name->n);
        nested_put(map, &type_double, &value);
    }
    p->out[1].s[row] = str_copy(p->in.mem, map->data, (uint32_t)map->n);
}

static bool predict(struct learning_pass *p, void *object, uint16_t row)
{
    struct classifier *c = object;
    struct task_classify *t = p->op->self;
    t->predicted = classifier_predict(c, p->task->x, &p->task->scratch);
    if (t->predicted < 0) {
        return false;
    }
    classes_put(&c->classes, t->predicted, &p->out[0], row, p->in.mem);
    put_proba(p, c, row);
    return true;
}

/* What the step evaluates of a scored row beside accuracy. */
static void watch(struct learning_pass *p, struct task_classify *t, const struct classifier *c,
                  uint16_t row)
{
    if (c->config->has_confusion) {
        uint32_t label = class_here(t, &p->label, row);
        confusion_add(&t->confusion, label, class_here(t, &p->out[0], row), 1);
    }
    if (c->auc) {
        auc_add(&t->auc, p->out[1].d[row], p->label.b[row] != 0);
    }
}

static int learn(struct learning_pass *p, void *object, uint16_t row, bool predicted, bool learns,
                 const char **problem)
{
    struct task_classify *t = p->op->self;
    struct classifier *c = object;
    struct model_scratch *scratch = &p->task->scratch;
    struct outcome outcome;
    uint32_t known = c->classes.n;
    int class = classifier_class(c, &p->label, row, learns ? MAKE_CLASS : KNOWN_ONLY, problem);
    if (class < 0) {
        return learns ? class : 1;
    }
    p->target = class;
    p->is_new = c->classes.n > known;
    if (p->is_new) {
        scratch->out[class] = 0;
    }
    struct class_prediction told = {
        .class = predicted ? t->predicted : -1,
        .p = predicted ? scratch->out[class] : 0,
        .p_true = predicted && c->auc ? classifier_p_true(c, scratch) : 0,
    };
    p->told[0] = told.class;
    p->told[1] = told.p;
    p->told[2] = told.p_true;
    if (classifier_teach(c, p->task->x, class, p->in.time[row], &told, learns, scratch, &outcome)) {
        scores_add(&t->scores, &outcome);
        watch(p, t, c, row);
    }
    return 0;
}

static int64_t measured(const struct op *op)
{
    const struct task_classify *t = op->self;
    return t->scores.rows;
}

/* The class, then the probabilities of all that were known. */
static uint32_t keep(const struct learning_pass *p, const void *object, double *out)
{
    const struct classifier *c = object;
    const struct task_classify *t = p->op->self;
    out[0] = t->predicted;
    memcpy(out + 1, p->task->scratch.out, c->classes.n * sizeof(double));
    return c->classes.n + 1;
}

static bool recall(struct learning_pass *p, const void *object, const double *kept, uint32_t n)
{
    const struct classifier *c = object;
    struct task_classify *t = p->op->self;
    double *proba = p->task->scratch.out;
    if (n < 2 || n - 1 > c->classes.n || !(kept[0] >= 0 && kept[0] < n - 1)) {
        return false;
    }
    t->predicted = (int)kept[0];
    memcpy(proba, kept + 1, (n - 1) * sizeof(double));
    for (uint32_t i = n - 1; i < c->classes.n; i++) {
        proba[i] = 0; /* was not known then */
    }
    classes_put(&c->classes, t->predicted, &p->out[0], 0, p->in.mem);
    if (c->auc) {
        p->out[1].d[0] = classifier_p_true(c, &p->task->scratch);
    }
    return true;
}

static void repeat(void *object, const struct learning_event *event, struct model_scratch *scratch)
{
    struct classifier *c = object;
    struct outcome outcome;
    struct class_prediction told = {-1, event->told[1], event->told[2]};
    if (!(event->target < c->classes.n)) {
        return; /* damaged */
    }
    if (event->told[0] >= 0 && event->told[0] < c->classes.n) {
        told.class = (int)event->told[0];
    }
    classifier_teach(c, event->x, (int)event->target, event->time, &told, event->learns, scratch,
                     &outcome);
}

static const struct learning_kind kind = {
    .task = LEARN_CLASSES,
    .metrics = metrics,
    .objects = &objects,
    .predict = predict,
    .learn = learn,
    .measured = measured,
    .keep = keep,
    .recall = recall,
    .repeat = repeat,
    .report = report,
};

static int classify_second(const struct node *n, struct second_input *out)
{
    const struct classify_cfg *cfg = n->cfg;
    return late_labels_second(n, &cfg->label, out);
}

const struct step_def op_classify = {
    .name = "classify",
    .doc = "predicts the class of each row, then learns it",
    .config = fields,
    .config_size = sizeof(struct classify_cfg),
    .stateful = true,
    .state_version = 2,
    .second = classify_second,
    .history = "train_from",
    .bind = classify_bind,
    .needs = learning_needs,
    .second_needs = late_labels_second_needs,
    .state_codec = learning_codec,
    .state_layout = learning_layout,
    .lazy = learning_lazy,
    .open = classify_open,
    .push = learning_push,
    .past = train_from_past,
    .watermark = learning_watermark,
    .next_time = learning_next_time,
    .tick = learning_tick,
    .flush = learning_flush,
    .describe = learning_describe,
    .index_bytes = learning_index_bytes,
    .close = classify_close,
};
