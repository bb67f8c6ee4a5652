/* knn: the nearest of the last rows decide. As River 0.26's neighbors.KNNClassifier and
 * KNNRegressor with the engine LazySearch: exact, in a window of rows (ml/nearest.c).
 *
 *   distance  (sum |x_i - row_i|^p)^(1/p), over features in their order
 *   nearest   the n_neighbors rows with the least distance; the older one on a tie. If the first of
 *             them has distance 0, it alone decides
 *   classes   votes of 1 / distance (weighted) or 1, divided by their sum or through softmax; classes
 *             that are not in the window any more have 0 votes
 *   values    mean, median, or mean weighted by 1 / distance; 0 before the first row
 *
 *   state     number of classes; rows: version 1
 *   weights   a row of weight 0 is not kept; others count as 1
 *   odd input constant columns add nothing; rows so far away that the distance overflows have no vote
 *             where votes are weighted: if no vote is left, the prediction is not finite, and the host
 *             gives null
 *   bound     window_size * (features + 3) doubles
 *   cost      window * features to predict, features to learn
 */
#include "engine/config.h"
#include "engine/learner.h"
#include "engine/memory.h"
#include "ml/linalg.h"
#include "ml/nearest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum aggregation { MEAN, MEDIAN, WEIGHTED_MEAN };

struct options {
    int64_t n_neighbors, window_size;
    double p;
    bool weighted, softmax;
    int aggregation_method;
};

struct knn {
    const struct options *options;
    enum learner_task task;
    uint32_t classes;
    struct nearest nearest;
};

static const char *const aggregations[] = {"mean", "median", "weighted_mean", NULL};

static const struct config_field fields[] = {
    {"n_neighbors", CONFIG_LONG, offsetof(struct options, n_neighbors), .def = "5", .min = 1,
     .max = NEAREST_MAX, .doc = "how many rows decide"},
    {"window_size", CONFIG_LONG, offsetof(struct options, window_size), .def = "1000", .min = 1,
     .max = NEAREST_WINDOW_MAX, .doc = "how many of the last rows are kept"},
    {"p", CONFIG_DOUBLE, offsetof(struct options, p), .def = "2", .min = 1, .max = 100,
     .doc = "power of the distance: 1 adds differences up, 2 is the usual one"},
    {"weighted", CONFIG_BOOLEAN, offsetof(struct options, weighted), .def = "true",
     .doc = "of classes: whether near rows have more votes"},
    {"softmax", CONFIG_BOOLEAN, offsetof(struct options, softmax), .def = "false",
     .doc = "of classes: probabilities by softmax of the votes, not in proportion to them"},
    {"aggregation_method", CONFIG_ENUM, offsetof(struct options, aggregation_method), .def = "mean",
     .values = aggregations, .doc = "of values: how those of the nearest rows make one"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"k", "n_neighbors"},
    {"max_window_size", "window_size"},
    {"weights", "weighted or aggregation_method"},
    {"metric", "p"},
    {0},
};

static void *knn_open(const struct learner_setup *setup)
{
    const struct options *o = setup->options;
    struct knn *m = mem_zalloc(sizeof(*m));
    m->options = o;
    m->task = setup->task;
    nearest_init(&m->nearest, setup->ncolumns, (uint32_t)o->window_size, (uint32_t)o->n_neighbors,
                 o->p);
    return m;
}

static void knn_close(void *l)
{
    struct knn *m = l;
    nearest_done(&m->nearest);
    mem_free(m);
}

static void knn_grow(void *l, uint32_t classes)
{
    struct knn *m = l;
    m->classes = classes > m->classes ? classes : m->classes;
}

static void knn_learn(void *l, const double *x, uint32_t rows, const double *y, const double *w)
{
    struct knn *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        if (!w || w[r] > 0) {
            nearest_add(&m->nearest, x + (size_t)r * m->nearest.n, y[r]);
        }
    }
}

static void predict_classes(struct knn *m, const double *x, double *out)
{
    const struct neighbor *near = m->nearest.near;
    uint32_t found = nearest_find(&m->nearest, x);
    if (found == 0) {
        for (uint32_t c = 0; c < m->classes; c++) {
            out[c] = 1 / (double)m->classes;
        }
        return;
    }
    memset(out, 0, m->classes * sizeof(double));
    if (near[0].distance <= 0) {
        out[(uint32_t)near[0].y] = 1;
        return;
    }
    for (uint32_t i = 0; i < found; i++) {
        out[(uint32_t)near[i].y] += m->options->weighted ? 1 / near[i].distance : 1;
    }
    if (m->options->softmax) {
        linalg_softmax(out, m->classes);
        return;
    }
    double total = 0;
    for (uint32_t c = 0; c < m->classes; c++) {
        total += out[c];
    }
    for (uint32_t c = 0; c < m->classes; c++) {
        out[c] /= total;
    }
}

static int compare_values(const void *a, const void *b)
{
    const struct neighbor *x = a, *y = b;
    return (x->y > y->y) - (x->y < y->y);
}

static double median(struct neighbor *near, uint32_t n)
{
    qsort(near, n, sizeof(*near), compare_values);
    return n % 2 == 1 ? near[n / 2].y : (near[n / 2 - 1].y + near[n / 2].y) / 2;
}

static double predict_value(struct knn *m, const double *x)
{
    struct neighbor *near = m->nearest.near;
    uint32_t found = nearest_find(&m->nearest, x);
    if (found == 0 || near[0].distance <= 0) {
        return found == 0 ? 0 : near[0].y;
    }
    if (m->options->aggregation_method == MEDIAN) {
        return median(near, found);
    }
    double sum = 0, total = 0;
    for (uint32_t i = 0; i < found; i++) {
        double w = m->options->aggregation_method == MEAN ? 1 : 1 / near[i].distance;
        sum += w * near[i].y;
        total += w;
    }
    return sum / total;
}

static void knn_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    struct knn *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        const double *row = x + (size_t)r * m->nearest.n;
        double *to = out + (size_t)r * stride;
        if (m->task == LEARN_VALUES) {
            to[0] = predict_value(m, row);
        } else {
            predict_classes(m, row, to);
        }
    }
}

/* Whether all rows of a snapshot are of classes that there are. */
static bool are_classes(const struct knn *m)
{
    for (uint32_t i = 0; i < m->nearest.rows; i++) {
        double y = m->nearest.y[i];
        if (!(y >= 0 && y < m->classes && floor(y) >= y)) {
            return false;
        }
    }
    return true;
}

static int knn_io(void *l, struct snapshot *s)
{
    struct knn *m = l;
    uint32_t classes = m->classes;
    snapshot_version(s, 1);
    snapshot_u32(s, &classes);
    nearest_io(&m->nearest, s);
    if (!s->loading || snapshot_status(s) < 0) {
        return snapshot_status(s);
    }
    knn_grow(m, classes < CLASSES_MAX ? classes : CLASSES_MAX);
    if (classes > CLASSES_MAX || (m->task == LEARN_CLASSES && !are_classes(m))) {
        s->status = -ERR_DATA;
    }
    return s->status;
}

static uint64_t knn_size(const void *l)
{
    const struct knn *m = l;
    return sizeof(*m) + nearest_size(&m->nearest);
}

const struct learner_def learner_knn = {
    .name = "knn",
    .doc = "the nearest of the last rows decide",
    .tasks = LEARN_CLASSES | LEARN_VALUES,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .open = knn_open,
    .grow = knn_grow,
    .predict = knn_predict,
    .learn = knn_learn,
    .io = knn_io,
    .size = knn_size,
    .close = knn_close,
};
