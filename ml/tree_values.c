/* A leaf of a tree of values; formulas are those of River 0.26 (tree.nodes.htr_nodes,
 * tree.splitter.TEBSTSplitter, tree.splitter.nominal_splitter_reg).
 *
 *   mean      of the target, the rows that the split sent here among them
 *   model     intercept + w.x over the numbers, by gradient descent on (y - prediction)^2 with rate
 *             0.01 for both; a child begins with its parent's. One whose weights overflow begins anew
 *   adaptive  e <- decay * e + error^2 for both; the model predicts unless the mean's e is less
 *   numbers   tree_order: thresholds are values seen, rounded to `digits` decimals
 *   categories one branch per value where there are three or more, or one value against the others
 *
 *   constant column   one value, no candidate
 *   bound     TREE_ORDER_MAX values per number, TREE_CATEGORIES_MAX per category
 */
#include "ml/tree_values.h"

#include "engine/memory.h"

#include <math.h>
#include <string.h>

#define MODEL_RATE   0.01
#define GRADIENT_MAX 1e12

void tree_values_forget(struct tree_values *l, const struct tree_view *v)
{
    for (uint32_t i = 0; l->order && i < v->numbers + v->categories; i++) {
        tree_order_done(&l->order[i]);
    }
    mem_free(l->order);
    l->order = NULL;
}

void tree_values_done(struct tree_values *l, const struct tree_view *v)
{
    tree_values_forget(l, v);
    mem_free(l->model);
    *l = (struct tree_values){0};
}

static double model_predict(const double *model, const struct tree_view *whole, const double *x)
{
    double sum = 0;
    for (uint32_t i = 0; i < whole->numbers; i++) {
        sum += model[1 + i] * x[whole->column[i]];
    }
    return sum + model[0];
}

static void model_learn(double *model, const struct tree_view *whole, const double *x, double y,
                        double w)
{
    double gradient = 2 * (model_predict(model, whole, x) - y) * w;
    gradient = fmax(fmin(gradient, GRADIENT_MAX), -GRADIENT_MAX);
    bool is_finite = isfinite(model[0] -= MODEL_RATE * gradient);
    for (uint32_t i = 0; i < whole->numbers; i++) {
        model[1 + i] -= MODEL_RATE * (gradient * x[whole->column[i]]);
        is_finite &= isfinite(model[1 + i]) != 0;
    }
    if (!is_finite) {
        memset(model, 0, (1 + (size_t)whole->numbers) * sizeof(*model));
    }
}

double tree_values_predict(const struct tree_values *l, const struct tree_view *whole,
                           const double *x, const struct tree_options *o)
{
    enum tree_leaf_kind kind = tree_leaf_kind(o);
    bool is_mean = kind == TREE_LEAF_CONSTANT ||
                   (kind == TREE_LEAF_ADAPTIVE && !(l->mean_error >= l->model_error));
    if (is_mean || !l->model) {
        return l->all.mean;
    }
    double y = model_predict(l->model, whole, x);
    return isfinite(y) ? y : l->all.mean;
}

void tree_values_learn(struct tree_values *l, const struct tree_view *whole, const double *x,
                       double y, double w, const struct tree_options *o)
{
    enum tree_leaf_kind kind = tree_leaf_kind(o);
    if (kind != TREE_LEAF_CONSTANT && !l->model) {
        l->model = mem_zalloc((1 + (size_t)whole->numbers) * sizeof(*l->model));
    }
    if (kind == TREE_LEAF_ADAPTIVE) {
        double mean = y - l->all.mean, model = y - model_predict(l->model, whole, x);
        l->mean_error = o->model_selector_decay * l->mean_error + mean * mean;
        l->model_error = o->model_selector_decay * l->model_error + model * model;
        if (!isfinite(l->model_error)) {
            l->model_error = l->mean_error;
        }
    }
    moments_add(&l->all, y, w);
    if (l->model) {
        model_learn(l->model, whole, x, y, w);
    }
}

bool tree_values_observe(struct tree_values *l, const struct tree_view *v, const double *x,
                         double y, double w, double power_of_ten)
{
    bool has_grown = false;
    if (!l->order) {
        l->order = mem_zalloc((v->numbers + v->categories) * sizeof(*l->order));
        has_grown = true;
    }
    for (uint32_t i = 0; i < v->numbers; i++) {
        double value = tree_order_round(x[v->column[i]], power_of_ten);
        has_grown |= tree_order_add(&l->order[i], value, y, w, TREE_ORDER_MAX);
    }
    for (uint32_t i = v->numbers; i < v->numbers + v->categories; i++) {
        double value = x[v->column[i]];
        struct tree_order *q = &l->order[i];
        uint32_t at = tree_order_find(q, value);
        bool is_known = at < q->n && q->value[at] == value;
        if (value >= 0 && (is_known || q->n < TREE_CATEGORIES_MAX)) {
            has_grown |= tree_order_add(q, value, y, w, TREE_CATEGORIES_MAX);
        }
    }
    return has_grown;
}

static struct tree_split best_category(const struct tree_order *q, const struct moments *all,
                                       uint32_t place, const struct tree_options *o)
{
    struct tree_split best = {.merit = -HUGE_VAL, .kind = TREE_VALUES, .place = place};
    if (!o->binary_split && q->n > 2) {
        best.merit = tree_merit_values(o, all, q->at, q->n);
    }
    for (uint32_t i = 0; i < q->n; i++) {
        struct moments branch[2] = {q->at[i], moments_minus(*all, &q->at[i])};
        double merit = tree_merit_values(o, all, branch, 2);
        if (merit > best.merit) {
            best.merit = merit;
            best.kind = TREE_VALUE;
            best.threshold = q->value[i];
        }
    }
    return best;
}

struct tree_split tree_values_best(const struct tree_values *l, const struct tree_view *v,
                                   uint32_t place, const struct tree_options *o)
{
    const struct tree_order *q = &l->order[place];
    if (place >= v->numbers) {
        return best_category(q, &l->all, place, o);
    }
    struct tree_split best = {.kind = TREE_NUMBER, .place = place};
    int32_t at = tree_order_best(q, o, &l->all, &best.merit);
    best.threshold = at >= 0 ? q->value[at] : 0;
    return best;
}

/* What a child takes over from its parent. */
static void inherit(const struct tree_values *l, const struct tree_view *whole,
                    struct tree_values *child)
{
    child->mean_error = l->mean_error;
    child->model_error = l->model_error;
    if (l->model) {
        size_t size = (1 + (size_t)whole->numbers) * sizeof(*l->model);
        child->model = mem_alloc(size);
        memcpy(child->model, l->model, size);
    }
}

void tree_values_divide(const struct tree_values *l, const struct tree_view *v,
                        const struct tree_split *split, const struct tree_view *whole,
                        struct tree_values *child)
{
    (void)v;
    const struct tree_order *q = &l->order[split->place];
    uint32_t children = split->kind == TREE_VALUES ? q->n : 2;
    for (uint32_t i = 0; i < children; i++) {
        inherit(l, whole, &child[i]);
        if (split->kind == TREE_VALUES) {
            child[i].all = q->at[i];
        }
    }
    if (split->kind == TREE_VALUES) {
        return;
    }
    uint32_t at = tree_order_find(q, split->threshold);
    child[0].all = split->kind == TREE_NUMBER ? tree_order_left(q, at) : q->at[at];
    child[1].all = moments_minus(l->all, &child[0].all);
}

void tree_values_prune(struct tree_values *l, const struct tree_view *v,
                       const struct tree_options *o, double best, double least)
{
    for (uint32_t i = 0; l->order && i < v->numbers; i++) {
        tree_order_prune(&l->order[i], o, &l->all, best, least);
    }
}

int tree_values_io(struct tree_values *l, const struct tree_view *v, const struct tree_view *whole,
                   const struct tree_options *o, struct snapshot *s)
{
    uint32_t has_order = l->order != NULL, has_model = l->model != NULL;
    snapshot_double(s, &l->all.n);
    snapshot_double(s, &l->all.mean);
    snapshot_double(s, &l->all.s);
    snapshot_double(s, &l->mean_error);
    snapshot_double(s, &l->model_error);
    snapshot_u32(s, &has_model);
    snapshot_u32(s, &has_order);
    if (has_model > (tree_leaf_kind(o) != TREE_LEAF_CONSTANT) || has_order > 1) {
        s->status = -ERR_DATA;
    }
    if (s->loading && s->status == 0 && has_model) {
        l->model = mem_zalloc((1 + (size_t)whole->numbers) * sizeof(*l->model));
    }
    if (s->loading && s->status == 0 && has_order) {
        l->order = mem_zalloc((v->numbers + v->categories) * sizeof(*l->order));
    }
    if (l->model) {
        snapshot_array(s, l->model, 1 + (size_t)whole->numbers);
    }
    for (uint32_t i = 0; l->order && s->status == 0 && i < v->numbers + v->categories; i++) {
        tree_order_io(&l->order[i], s);
    }
    return snapshot_status(s);
}

uint64_t tree_values_size(const struct tree_values *l, const struct tree_view *v,
                          const struct tree_view *whole)
{
    uint64_t size = l->model ? (1 + (uint64_t)whole->numbers) * sizeof(*l->model) : 0;
    for (uint32_t i = 0; l->order && i < v->numbers + v->categories; i++) {
        size += sizeof(*l->order) + tree_order_size(&l->order[i]);
    }
    return size;
}
