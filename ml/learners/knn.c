/* knn: the nearest of the last rows decide. As River 0.26's neighbors.KNNClassifier and KNNRegressor
 * with the engine LazySearch: exact, in a window of rows.
 *
 *   distance  (sum |x_i - row_i|^p)^(1/p), over features in their order
 *   nearest   the n_neighbors rows with the least distance; the older one on a tie. If the first of
 *             them has distance 0, it alone decides
 *   classes   votes of 1 / distance (weighted) or 1, divided by their sum or through softmax; classes
 *             that are not in the window any more have 0 votes
 *   values    mean, median, or mean weighted by 1 / distance; 0 before the first row
 *
 *   layout    by column, so that vector instructions take several rows; room for rows grows
 *             by doubling up to the window
 *   state     number of classes and rows; y, then features, of the rows from the oldest on: version 1
 *   weights   a row of weight 0 is not kept; others count as 1
 *   odd input constant columns add nothing; rows so far away that the distance overflows have no vote
 *             where votes are weighted: if no vote is left, the prediction is not finite, and the host
 *             gives null
 *   bound     window_size * (features + 1) doubles
 *   cost      window * features to predict, features to learn
 */
#include "engine/config.h"
#include "engine/learner.h"
#include "engine/memory.h"
#include "ml/distance.h"

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

struct neighbor {
    double distance, y;
};

struct knn {
    const struct options *options;
    enum learner_task task;
    uint32_t n, classes;
    uint32_t rows, room; /* in the window; there is room for */
    uint32_t oldest;     /* slot that the next row takes once the window is full */
    double *x;           /* x[column * room + slot]; then y[slot], distance[slot] */
    double *y, *distance;
    struct neighbor *near; /* scratch: the nearest, in order */
    double *value;         /* scratch: theirs, for the median */
};

static const char *const aggregations[] = {"mean", "median", "weighted_mean", NULL};

static const struct config_field fields[] = {
    {"n_neighbors", CONFIG_LONG, offsetof(struct options, n_neighbors), .def = "5", .min = 1,
     .max = 1000, .doc = "how many rows decide"},
    {"window_size", CONFIG_LONG, offsetof(struct options, window_size), .def = "1000", .min = 1,
     .max = 100000, .doc = "how many of the last rows are kept"},
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
    struct knn *m = mem_zalloc(sizeof(*m));
    m->options = setup->options;
    m->task = setup->task;
    m->n = setup->ncolumns;
    size_t k = (size_t)m->options->n_neighbors;
    m->near = mem_array(k, sizeof(*m->near));
    m->value = mem_array(k, sizeof(*m->value));
    return m;
}

static void knn_close(void *l)
{
    struct knn *m = l;
    mem_free(m->x);
    mem_free(m->near);
    mem_free(m->value);
    mem_free(m);
}

static void knn_grow(void *l, uint32_t classes)
{
    struct knn *m = l;
    m->classes = classes > m->classes ? classes : m->classes;
}

/* ---- the window ---- */

/* Moves to more room. A window that grows was never full, so that its oldest row is in slot 0. */
static void move_to(struct knn *m, uint32_t room)
{
    room = (room + DISTANCE_BLOCK - 1) / DISTANCE_BLOCK * DISTANCE_BLOCK;
    size_t columns = (size_t)m->n + 2;
    double *x = mem_array(columns, room * sizeof(double));
    for (size_t c = 0; c < columns; c++) {
        double *to = x + c * room;
        if (m->rows > 0) {
            memcpy(to, m->x + c * m->room, m->rows * sizeof(double));
        }
        memset(to + m->rows, 0, (room - m->rows) * sizeof(double));
    }
    mem_free(m->x);
    m->x = x;
    m->y = x + (size_t)m->n * room;
    m->distance = m->y + room;
    m->room = room;
}

static void keep_row(struct knn *m, const double *x, double y)
{
    uint32_t most = (uint32_t)m->options->window_size, slot = m->rows;
    if (m->rows == most) {
        slot = m->oldest;
        m->oldest = m->oldest + 1 == most ? 0 : m->oldest + 1;
    } else {
        if (m->rows == m->room) {
            uint32_t room = m->room > 0 ? 2 * m->room : DISTANCE_BLOCK;
            move_to(m, room < most ? room : most);
        }
        m->rows++;
    }
    for (uint32_t c = 0; c < m->n; c++) {
        m->x[(size_t)c * m->room + slot] = x[c];
    }
    m->y[slot] = y;
}

static void knn_learn(void *l, const double *x, uint32_t rows, const double *y, const double *w)
{
    struct knn *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        if (!w || w[r] > 0) {
            keep_row(m, x + (size_t)r * m->n, y[r]);
        }
    }
}

/* ---- the nearest ---- */

/* Sums of powers: distances but for their root. */
static void add_differences(const struct knn *m, const double *x)
{
    memset(m->distance, 0, m->rows * sizeof(double));
    for (uint32_t c = 0; c < m->n; c++) {
        const double *column = m->x + (size_t)c * m->room;
        for (uint32_t i = 0; i < m->rows; i++) {
            m->distance[i] += fabs(column[i] - x[c]);
        }
    }
}

static void add_powers(const struct knn *m, const double *x)
{
    memset(m->distance, 0, m->rows * sizeof(double));
    for (uint32_t c = 0; c < m->n; c++) {
        const double *column = m->x + (size_t)c * m->room;
        for (uint32_t i = 0; i < m->rows; i++) {
            m->distance[i] += pow(fabs(column[i] - x[c]), m->options->p);
        }
    }
}

static bool is_power(const struct knn *m, double p)
{
    return fabs(m->options->p - p) <= 0;
}

static void work_out_distances(const struct knn *m, const double *x)
{
    if (is_power(m, 2)) {
        uint32_t blocks = (m->rows + DISTANCE_BLOCK - 1) / DISTANCE_BLOCK;
        distance_squares(m->x, m->room, blocks * DISTANCE_BLOCK, x, m->n, m->distance);
    } else if (is_power(m, 1)) {
        add_differences(m, x);
    } else {
        add_powers(m, x);
    }
}

/* Puts a row among the nearest, in front of those as far away; returns how many there are. */
static uint32_t insert(const struct knn *m, uint32_t found, double distance, double y)
{
    struct neighbor *near = m->near;
    uint32_t i = found < m->options->n_neighbors ? found++ : found - 1;
    for (; i > 0 && near[i - 1].distance >= distance; i--) {
        near[i] = near[i - 1];
    }
    near[i] = (struct neighbor){distance, y};
    return found;
}

static bool are_beyond(const double *distance, double worst)
{
    return (distance[0] > worst) & (distance[1] > worst) & (distance[2] > worst) &
           (distance[3] > worst);
}

/* Puts the rows of slots from .. to-1, all older than those found so far, among the nearest. From the
 * youngest to the oldest: in most streams the young ones are near, and few others are a match then. */
static uint32_t gather(const struct knn *m, uint32_t from, uint32_t to, uint32_t found)
{
    uint32_t k = (uint32_t)m->options->n_neighbors;
    double worst = found < k ? HUGE_VAL : m->near[k - 1].distance;
    for (uint32_t slot = to; slot > from;) {
        if (slot >= from + 4 && are_beyond(m->distance + slot - 4, worst)) {
            slot -= 4;
            continue;
        }
        if (m->distance[--slot] > worst) {
            continue;
        }
        found = insert(m, found, m->distance[slot], m->y[slot]);
        worst = found < k ? HUGE_VAL : m->near[k - 1].distance;
    }
    return found;
}

static double root_of(const struct knn *m, double sum)
{
    return is_power(m, 2) ? sqrt(sum) : is_power(m, 1) ? sum : pow(sum, 1 / m->options->p);
}

/* Fills m->near; returns how many there are. */
static uint32_t find_nearest(const struct knn *m, const double *x)
{
    work_out_distances(m, x);
    uint32_t found = gather(m, 0, m->oldest, 0);
    found = gather(m, m->oldest, m->rows, found);
    for (uint32_t i = 0; i < found; i++) {
        m->near[i].distance = root_of(m, m->near[i].distance);
    }
    return found;
}

/* ---- predictions ---- */

static void softmax(double *p, uint32_t n)
{
    double most = 0, total = 0;
    for (uint32_t c = 0; c < n; c++) {
        most = fmax(most, p[c]);
    }
    for (uint32_t c = 0; c < n; c++) {
        p[c] = exp(p[c] - most);
        total += p[c];
    }
    for (uint32_t c = 0; c < n; c++) {
        p[c] /= total;
    }
}

static void predict_classes(const struct knn *m, const double *x, double *out)
{
    uint32_t found = find_nearest(m, x);
    memset(out, 0, m->classes * sizeof(double));
    if (found == 0 || m->near[0].distance <= 0) {
        for (uint32_t c = 0; c < m->classes; c++) {
            double even = 1 / (double)m->classes;
            out[c] = found == 0 ? even : c == (uint32_t)m->near[0].y ? 1 : 0;
        }
        return;
    }
    double total = 0;
    for (uint32_t i = 0; i < found; i++) {
        out[(uint32_t)m->near[i].y] += m->options->weighted ? 1 / m->near[i].distance : 1;
    }
    if (m->options->softmax) {
        softmax(out, m->classes);
        return;
    }
    for (uint32_t c = 0; c < m->classes; c++) {
        total += out[c];
    }
    for (uint32_t c = 0; c < m->classes; c++) {
        out[c] /= total;
    }
}

static int compare_values(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(struct knn *m, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        m->value[i] = m->near[i].y;
    }
    qsort(m->value, n, sizeof(double), compare_values);
    return n % 2 == 1 ? m->value[n / 2] : (m->value[n / 2 - 1] + m->value[n / 2]) / 2;
}

static double predict_value(struct knn *m, const double *x)
{
    uint32_t found = find_nearest(m, x);
    if (found == 0 || m->near[0].distance <= 0) {
        return found == 0 ? 0 : m->near[0].y;
    }
    if (m->options->aggregation_method == MEDIAN) {
        return median(m, found);
    }
    double sum = 0, total = 0;
    for (uint32_t i = 0; i < found; i++) {
        double w = m->options->aggregation_method == MEAN ? 1 : 1 / m->near[i].distance;
        sum += w * m->near[i].y;
        total += w;
    }
    return sum / total;
}

static void knn_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    struct knn *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        const double *row = x + (size_t)r * m->n;
        double *to = out + (size_t)r * stride;
        if (m->task == LEARN_VALUES) {
            to[0] = predict_value(m, row);
        } else {
            predict_classes(m, row, to);
        }
    }
}

/* ---- snapshot ---- */

static bool is_class(const struct knn *m, double y)
{
    return y >= 0 && y < m->classes && floor(y) >= y;
}

static int load_rows(struct knn *m, struct snapshot *s, uint32_t rows)
{
    size_t left = (size_t)(s->end - s->p), doubles = ((size_t)m->n + 1) * rows;
    if (snapshot_status(s) < 0 || rows > m->options->window_size || m->classes > CLASSES_MAX ||
        doubles > left / sizeof(double)) {
        m->classes = 0;
        s->status = -ERR_DATA;
        return s->status;
    }
    m->rows = m->oldest = 0;
    uint32_t most = (uint32_t)m->options->window_size, room = DISTANCE_BLOCK;
    while (room < rows) {
        room *= 2;
    }
    move_to(m, room < most ? room : most);
    double *row = mem_array(m->n + (size_t)1, sizeof(double));
    for (uint32_t i = 0; i < rows; i++) {
        snapshot_array(s, row, m->n + (size_t)1);
        if (m->task == LEARN_CLASSES && !is_class(m, row[0])) {
            s->status = -ERR_DATA;
            break;
        }
        keep_row(m, row + 1, row[0]);
    }
    mem_free(row);
    return snapshot_status(s);
}

static int knn_io(void *l, struct snapshot *s)
{
    struct knn *m = l;
    uint32_t rows = m->rows;
    snapshot_version(s, 1);
    snapshot_u32(s, &m->classes);
    snapshot_u32(s, &rows);
    if (s->loading) {
        return load_rows(m, s, rows);
    }
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t slot = m->oldest + i < rows ? m->oldest + i : m->oldest + i - rows;
        snapshot_double(s, &m->y[slot]);
        for (uint32_t c = 0; c < m->n; c++) {
            snapshot_double(s, &m->x[(size_t)c * m->room + slot]);
        }
    }
    return snapshot_status(s);
}

static uint64_t knn_size(const void *l)
{
    const struct knn *m = l;
    uint64_t k = (uint64_t)m->options->n_neighbors;
    return sizeof(*m) + ((uint64_t)m->n + 2) * m->room * sizeof(double) +
           k * (sizeof(*m->near) + sizeof(*m->value));
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
