/* Classifier: scored, then learned; classes by number in the order in which they first come.
 *
 *   classes   a learner of two classes knows false and true of a boolean label from the start;
 *             every other class is added in the row that first brings it
 *   state     type of label; classes; model; evaluation: version 2
 */
#include "ml/classifier.h"

#include "engine/memory.h"

#include <math.h>

struct classifier *classifier_new(const struct model_config *config, const struct type *label,
                                  uint64_t seed)
{
    struct classifier *c = mem_zalloc(sizeof(*c));
    model_init(&c->model, config, seed);
    classes_init(&c->classes, label);
    c->evaluation.last = -1;
    if (config->def->is_binary && label->kind == TYPE_BOOLEAN) {
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
    mem_free(c);
}

uint64_t classifier_size(const struct classifier *c)
{
    return sizeof(*c) + model_size(&c->model) + classes_size(&c->classes) +
           c->evaluation.classes * sizeof(*c->evaluation.seen);
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

bool classifier_teach(struct classifier *c, const double *x, int class, int64_t time, int predicted,
                      bool learns, struct model_scratch *scratch, struct outcome *outcome)
{
    if (predicted >= 0) {
        *outcome = evaluation_score(&c->evaluation, (uint32_t) class, (uint32_t)predicted,
                                    scratch->out[class]);
    }
    evaluation_label(&c->evaluation, (uint32_t) class);
    if (learns) {
        model_learn(&c->model, x, class, time, scratch);
    }
    return predicted >= 0;
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
    if (s->loading && snapshot_status(s) == 0 &&
        ((c->model.rows > 0 && c->classes.n == 0) || c->evaluation.classes > c->classes.n ||
         (c->model.config->def->is_binary && c->classes.n > 2))) {
        s->status = -ERR_DATA;
    }
    return snapshot_status(s);
}
