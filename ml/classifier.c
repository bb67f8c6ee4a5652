/* Classifier: scored, then learned; classes by number in the order in which they first come.
 *
 *   classes   a learner of two classes knows false and true of a boolean label from the start;
 *             every other class is added in the row that first brings it
 *   state     type of label; classes; model; evaluation; whether there are a confusion matrix and a
 *             curve, and these: version 2
 */
#include "ml/classifier.h"

#include "engine/memory.h"

#include <math.h>

struct classifier *classifier_new(const struct classifier_config *config, uint64_t seed)
{
    struct classifier *c = mem_zalloc(sizeof(*c));
    c->config = config;
    model_init(&c->model, &config->model, seed);
    classes_init(&c->classes, config->label);
    c->evaluation.last = -1;
    c->auc = config->has_auc ? mem_zalloc(sizeof(*c->auc)) : NULL;
    if (config->model.def->is_binary && config->label->kind == TYPE_BOOLEAN) {
        classes_add_booleans(&c->classes);
    }
    return c;
}

void classifier_free(struct classifier *c)
{
    if (!c) {
        return;
    }
    model_done(&c->model);
    classes_done(&c->classes);
    evaluation_done(&c->evaluation);
    confusion_done(&c->confusion);
    mem_free(c->auc);
    mem_free(c);
}

uint64_t classifier_size(const struct classifier *c)
{
    return sizeof(*c) + model_size(&c->model) + classes_size(&c->classes) +
           c->evaluation.classes * sizeof(*c->evaluation.seen) + confusion_size(&c->confusion) +
           (c->auc ? sizeof(*c->auc) : 0);
}

int classifier_predict(struct classifier *c, const double *x, struct model_scratch *scratch)
{
    if (!model_predict(&c->model, x, scratch)) {
        return -1;
    }
    double *p = scratch->out;
    if (c->classes.n == 1) {
        p[0] = 1; /* a binary learner gave the rest to a class without a name yet */
    }
    int best = 0;
    for (uint32_t i = 0; i < c->classes.n; i++) {
        if (!isfinite(p[i])) {
            return -1;
        }
        best = p[i] > p[best] ? (int)i : best;
    }
    return best;
}

double classifier_p_true(const struct classifier *c, const struct model_scratch *scratch)
{
    double p = 0;
    for (uint32_t i = 0; i < c->classes.n; i++) {
        p = c->classes.label[i].number ? scratch->out[i] : p;
    }
    return p;
}

int classifier_class(struct classifier *c, const struct vec *label, uint16_t row, enum knows knows,
                     const char **problem)
{
    int class = classes_find(&c->classes, label, row);
    if (class >= 0 || knows == KNOWN_ONLY) {
        return class;
    }
    if (c->model.config->def->is_binary && c->classes.n == 2) {
        *problem = "a third class: this algorithm tells two apart, softmax_regression any number";
        return -ERR_DATA;
    }
    class = classes_add(&c->classes, label, row);
    if (class < 0) {
        *problem = c->classes.n >= CLASSES_MAX ? "more than 1000 classes: is this column a label?"
                                               : "a label of more than 1024 bytes";
        return class;
    }
    model_grow(&c->model, c->classes.n);
    return class;
}

bool classifier_teach(struct classifier *c, const double *x, int class, int64_t time,
                      const struct class_prediction *predicted, bool learns,
                      struct model_scratch *scratch, struct outcome *outcome)
{
    bool is_scored = predicted->class >= 0;
    if (is_scored) {
        *outcome = evaluation_score(&c->evaluation, (uint32_t) class, (uint32_t)predicted->class,
                                    predicted->p);
        if (c->config->has_confusion) {
            confusion_add(&c->confusion, (uint32_t) class, (uint32_t)predicted->class, 1);
        }
        if (c->auc) {
            auc_add(c->auc, predicted->p_true, c->classes.label[class].number != 0);
        }
    }
    evaluation_label(&c->evaluation, (uint32_t) class);
    if (learns) {
        model_learn(&c->model, x, class, time, scratch);
    }
    return is_scored;
}

/* What is there is read, though it may not be wanted any more; what is not there begins anew. */
static void extras_io(struct classifier *c, struct snapshot *s)
{
    uint32_t has_confusion = c->config->has_confusion, has_auc = c->auc != NULL;
    snapshot_u32(s, &has_confusion);
    snapshot_u32(s, &has_auc);
    if (has_confusion && snapshot_status(s) == 0) {
        confusion_io(&c->confusion, s);
    }
    if (s->loading && !c->config->has_confusion) {
        confusion_done(&c->confusion);
    }
    struct auc unwanted = {0};
    if (has_auc && snapshot_status(s) == 0) {
        auc_io(c->auc ? c->auc : &unwanted, s);
    }
}

int classifier_io(struct classifier *c, struct snapshot *s)
{
    uint32_t kind = (uint32_t)c->classes.type->kind, own = kind;
    snapshot_version(s, 2);
    snapshot_u32(s, &kind);
    if (kind != own) {
        s->status = -ERR_DATA;
    }
    if (snapshot_status(s) < 0) {
        return snapshot_status(s);
    }
    if (s->loading) {
        classes_done(&c->classes); /* of a boolean label there are two already */
    }
    if (classes_io(&c->classes, s) < 0 || model_io(&c->model, c->classes.n, s) < 0) {
        return snapshot_status(s);
    }
    evaluation_io(&c->evaluation, s);
    extras_io(c, s);
    if (s->loading && snapshot_status(s) == 0 &&
        ((c->model.rows > 0 && c->classes.n == 0) || c->evaluation.classes > c->classes.n ||
         (c->model.config->def->is_binary && c->classes.n > 2))) {
        s->status = -ERR_DATA;
    }
    return snapshot_status(s);
}
