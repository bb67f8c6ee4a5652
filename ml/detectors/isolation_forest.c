/* isolation_forest: rows that random cuts isolate soon are odd (Liu, Ting and Zhou, "Isolation
 * forest", ICDM 2008). Learned from a window of rows at once; names, defaults and scores are those
 * of scikit-learn's IsolationForest (whose score_samples is the negative of this score).
 *
 *   tree     over max_samples rows drawn without repetition (bootstrap: with), up to depth
 *            ceil(log2(max_samples)); each node cuts a random feature of those that vary, at a uniform point
 *            between its smallest and largest value
 *   length   of a row's way: depth of its leaf + c(rows of the leaf)
 *            c(n) = 2 (ln(n - 1) + 0.5772156649) - 2 (n - 1) / n; c(2) = 1, c(1) = 0
 *   score    2^-(mean length / c(max_samples)), in (0, 1); 0.5 and less is usual
 *
 *   constant where all features are constant the tree is one leaf, and rows like those score 0.5. A cut between
 *            a feature's only value and another leaves a row alone that has the other. Such cuts are no nodes:
 *            with f features off their only values, and v that vary, each node of a way of length L is one
 *            with probability q = f / (v + f), which makes the way (1 - (1 - q)^L) / q long
 *   state    trees as lists of nodes; from version 2 on the only values, NaN where there are several
 *   none     NaN before the first window
 *   cost     a way through each tree
 */
#include "engine/learner.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "ml/spread.h"

#include <math.h>
#include <string.h>

#define NODES_MAX 20000000

struct options {
    int64_t n_estimators, max_samples;
    double max_features;
    bool bootstrap;
};

struct node {       /* left child is the next node */
    double at;      /* left: below this; of a leaf its length */
    uint32_t right; /* 0: a leaf */
    uint32_t feature;
};

struct forest {
    const struct options *options;
    uint32_t n;
    struct random random;
    uint32_t samples; /* per tree, at the last fit; 0: none yet */
    uint32_t *start;  /* of each tree among the nodes, and the end */
    struct node *node;
    double *only; /* value of each feature at the last fit, NaN: several */
    uint32_t nvary;
};

static const struct config_field fields[] = {
    {"n_estimators", CONFIG_LONG, offsetof(struct options, n_estimators), .def = "100", .min = 1,
     .max = 10000, .doc = "number of trees"},
    {"max_samples", CONFIG_LONG, offsetof(struct options, max_samples), .def = "256", .min = 2,
     .max = 1000000, .doc = "rows that a tree is grown on"},
    {"max_features", CONFIG_DOUBLE, offsetof(struct options, max_features), .def = "1", .min = 1e-6,
     .max = 1, .doc = "part of the features that a tree sees, at least one"},
    {"bootstrap", CONFIG_BOOLEAN, offsetof(struct options, bootstrap), .def = "false",
     .doc = "rows of a tree are drawn with repetition"},
    {0},
};

static const struct learner_alias aliases[] = {{"n_trees", "n_estimators"},
                                               {"n_models", "n_estimators"},
                                               {"sample_size", "max_samples"},
                                               {"subsample_size", "max_samples"},
                                               {0}};

static int forest_check(const void *options, struct err *e)
{
    const struct options *o = options;
    if (o->n_estimators * o->max_samples * 2 > NODES_MAX) {
        return err_set(e, ERR_CONFIG, "n_estimators * max_samples is over %d: lower one",
                       NODES_MAX / 2);
    }
    return 0;
}

static void *forest_open(const struct learner_setup *setup)
{
    const struct options *o = setup->options;
    struct forest *m = mem_zalloc(sizeof(*m));
    m->options = o;
    m->n = setup->ncolumns;
    m->start = mem_zalloc(((size_t)o->n_estimators + 1) * sizeof(*m->start));
    m->only = mem_array((size_t)m->n + 1, sizeof(*m->only));
    random_seed(&m->random, setup->seed, 41);
    return m;
}

static void forest_close(void *l)
{
    struct forest *m = l;
    mem_free(m->start);
    mem_free(m->node);
    mem_free(m->only);
    mem_free(m);
}

/* Mean length of an unsuccessful search among n. */
static double usual_length(double n)
{
    if (n <= 2) {
        return n == 2 ? 1 : 0;
    }
    return 2 * (log(n - 1) + 0.5772156649015329) - 2 * (n - 1) / n;
}

/* ---- growing --------------------------------------------------------------------------------- */

struct growth {
    struct forest *m;
    const double *x;
    uint32_t *row;     /* the tree's rows */
    uint32_t *feature; /* the tree's features, in any order */
    uint32_t nfeatures, nodes, depth_max;
};

/* A feature that varies among the rows, drawn evenly of those; its range. 0: none varies. */
static int draw_feature(struct growth *g, uint32_t from, uint32_t to, uint32_t *feature,
                        double *low, double *high)
{
    for (uint32_t left = g->nfeatures; left > 0; left--) {
        uint32_t at = random_below(&g->m->random, left), f = g->feature[at];
        *low = INFINITY;
        *high = -INFINITY;
        for (uint32_t i = from; i < to; i++) {
            double v = spread_bounded(g->x[(size_t)g->row[i] * g->m->n + f]);
            *low = fmin(*low, v);
            *high = fmax(*high, v);
        }
        g->feature[at] = g->feature[left - 1];
        g->feature[left - 1] = f;
        if (*low < *high) {
            *feature = f;
            return 1;
        }
    }
    return 0;
}

/* Moves rows below the cut to the front; where the others begin. */
static uint32_t divide(struct growth *g, uint32_t from, uint32_t to, uint32_t feature, double cut)
{
    uint32_t mid = from;
    for (uint32_t i = from; i < to; i++) {
        uint32_t row = g->row[i];
        if (spread_bounded(g->x[(size_t)row * g->m->n + feature]) < cut) {
            g->row[i] = g->row[mid];
            g->row[mid++] = row;
        }
    }
    return mid;
}

/* The node of the rows from..to-1, then those below it; the depth is at most 20. */
static void grow_node(struct growth *g, uint32_t from, uint32_t to, uint32_t depth)
{
    struct node *node = &g->m->node[g->nodes++];
    uint32_t feature;
    double low, high;
    *node = (struct node){depth + usual_length(to - from), 0, 0};
    if (to - from < 2 || depth >= g->depth_max ||
        !draw_feature(g, from, to, &feature, &low, &high)) {
        return;
    }
    double cut = low + (high - low) * random_unit(&g->m->random);
    cut = cut > low ? cut : high; /* each side has a row */
    uint32_t mid = divide(g, from, to, feature, cut);
    node->at = cut;
    node->feature = feature;
    grow_node(g, from, mid, depth + 1);
    node->right = g->nodes;
    grow_node(g, mid, to, depth + 1);
}

static void draw_rows(struct growth *g, uint32_t *all, uint32_t rows, uint32_t samples)
{
    for (uint32_t i = 0; i < samples; i++) {
        uint32_t at = g->m->options->bootstrap ? random_below(&g->m->random, rows)
                                               : i + random_below(&g->m->random, rows - i);
        uint32_t row = all[at];
        if (!g->m->options->bootstrap) {
            all[at] = all[i];
            all[i] = row;
        }
        g->row[i] = row;
    }
}

static void draw_features(struct growth *g)
{
    for (uint32_t i = 0; i < g->nfeatures; i++) {
        uint32_t at = i + random_below(&g->m->random, g->m->n - i), f = g->feature[at];
        g->feature[at] = g->feature[i];
        g->feature[i] = f;
    }
}

static void count_varying(struct forest *m)
{
    m->nvary = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        m->nvary += isnan(m->only[i]) ? 1 : 0;
    }
}

static void find_only_values(struct forest *m, const double *x, uint32_t rows)
{
    for (uint32_t i = 0; i < m->n; i++) {
        m->only[i] = spread_bounded(x[i]);
        for (uint32_t r = 1; r < rows; r++) {
            if (spread_bounded(x[(size_t)r * m->n + i]) != m->only[i]) {
                m->only[i] = NAN;
                break;
            }
        }
    }
    count_varying(m);
}

static void forest_fit(void *l, const double *x, uint32_t rows, const double *y, const double *w,
                       const struct cancel *c)
{
    (void)y;
    (void)w;
    struct forest *m = l;
    if (rows == 0 || m->n == 0) {
        return;
    }
    uint32_t most = (uint32_t)m->options->max_samples, trees = (uint32_t)m->options->n_estimators;
    uint32_t *all = mem_array(rows, sizeof(*all));
    double features = floor(m->options->max_features * m->n);
    m->samples = rows < most ? rows : most;
    find_only_values(m, x, rows);
    m->node = mem_resize(m->node, (size_t)trees * (2 * (size_t)m->samples - 1), sizeof(*m->node));
    struct growth g = {
        .m = m,
        .x = x,
        .row = mem_array(m->samples, sizeof(*g.row)),
        .feature = mem_array(m->n, sizeof(*g.feature)),
        .nfeatures = features >= 1 ? (uint32_t)features : 1,
        .depth_max = (uint32_t)ceil(log2(fmax(m->samples, 2))),
    };
    for (uint32_t i = 0; i < rows; i++) {
        all[i] = i;
    }
    for (uint32_t i = 0; i < m->n; i++) {
        g.feature[i] = i;
    }
    for (uint32_t t = 0; t < trees && !cancel_is_set(c); t++) {
        m->start[t] = g.nodes;
        draw_rows(&g, all, rows, m->samples);
        draw_features(&g);
        grow_node(&g, 0, m->samples, 0);
    }
    m->start[trees] = g.nodes;
    m->node = mem_resize(m->node, g.nodes, sizeof(*m->node));
    mem_free(all);
    mem_free(g.row);
    mem_free(g.feature);
}

/* ---- scores ---------------------------------------------------------------------------------- */

/* Share of the cuts that leave the row alone since it is off a feature's only value. */
static double share_off(const struct forest *m, const double *x)
{
    uint32_t off = 0;
    for (uint32_t i = 0; i < m->n && m->nvary < m->n; i++) {
        off += !isnan(m->only[i]) && spread_bounded(x[i]) != m->only[i];
    }
    return off > 0 ? (double)off / (m->nvary + off) : 0;
}

static void forest_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    const struct forest *m = l;
    uint32_t trees = (uint32_t)m->options->n_estimators;
    double usual = fmax(usual_length(m->samples), 1);
    for (uint32_t r = 0; r < rows; r++, x += m->n) {
        double length = 0, off = m->samples > 0 ? share_off(m, x) : 0;
        for (uint32_t t = 0; m->samples > 0 && t < trees; t++) {
            uint32_t at = m->start[t];
            while (m->node[at].right != 0) {
                const struct node *v = &m->node[at];
                at = spread_bounded(x[v->feature]) < v->at ? at + 1 : v->right;
            }
            double way = m->node[at].at;
            /* Divided one by one, equal rows score 0.5 to the bit, whatever the window. */
            length += (off > 0 ? (1 - pow(1 - off, way)) / off : way) / usual;
        }
        out[(size_t)r * stride] = m->samples > 0 ? exp2(-length / trees) : (double)NAN;
    }
}

/* ---- snapshot -------------------------------------------------------------------------------- */

/* Children follow their node and stay within the tree, so that every way ends. */
static int is_valid(const struct node *node, uint32_t at, uint32_t end, uint32_t features)
{
    if (!(fabs(node->at) <= SPREAD_VALUE_MAX)) {
        return 0;
    }
    return node->right == 0 ||
           (node->right > at + 1 && node->right < end && node->feature < features);
}

static int tree_io(struct forest *m, uint32_t t, uint32_t most, struct snapshot *s)
{
    uint32_t nodes = m->start[t + 1] - m->start[t];
    snapshot_u32(s, &nodes);
    if (s->status < 0 || nodes == 0 || nodes > most ||
        (s->loading && nodes > (uint64_t)(s->end - s->p) / 9)) {
        return 0;
    }
    if (s->loading) {
        m->start[t + 1] = m->start[t] + nodes;
        m->node = mem_resize(m->node, m->start[t + 1], sizeof(*m->node));
    }
    for (uint32_t at = m->start[t]; at < m->start[t + 1]; at++) {
        struct node *node = &m->node[at];
        uint32_t right = s->loading || node->right == 0 ? 0 : node->right - at;
        snapshot_u32(s, &right);
        snapshot_double(s, &node->at);
        if (s->loading) {
            node->right = right == 0 ? 0 : at + right;
            node->feature = 0;
        }
        if (right != 0) {
            snapshot_u32(s, &node->feature);
        }
        if (s->status < 0 ||
            (s->loading && (right > nodes || !is_valid(node, at, m->start[t + 1], m->n)))) {
            return 0;
        }
    }
    return 1;
}

static void only_io(struct forest *m, struct snapshot *s)
{
    if (s->version >= 2) {
        snapshot_array(s, m->only, m->n);
    }
    for (uint32_t i = 0; i < m->n && s->loading; i++) {
        m->only[i] =
            s->version >= 2 && fabs(m->only[i]) <= SPREAD_VALUE_MAX ? m->only[i] : (double)NAN;
    }
    count_varying(m);
}

static int forest_io(void *l, struct snapshot *s)
{
    struct forest *m = l;
    uint32_t trees = (uint32_t)m->options->n_estimators, shape = trees;
    uint32_t most = 2 * (uint32_t)m->options->max_samples - 1;
    int64_t state = (int64_t)m->random.state; /* inc follows from the stream */
    snapshot_version(s, 2);
    snapshot_u32(s, &shape);
    snapshot_long(s, &state);
    snapshot_u32(s, &m->samples);
    if (s->loading) {
        m->random.state = (uint64_t)state;
    }
    int is_good = shape == trees && m->samples <= (uint32_t)m->options->max_samples;
    for (uint32_t t = 0; is_good && m->samples > 0 && t < trees; t++) {
        is_good = tree_io(m, t, most, s);
    }
    if (is_good && m->samples > 0) {
        only_io(m, s);
    }
    if (!is_good && s->status == 0) {
        s->status = -ERR_DATA;
    }
    if (s->status < 0) {
        m->samples = 0;
    }
    return snapshot_status(s);
}

static uint64_t forest_size(const void *l)
{
    const struct forest *m = l;
    uint64_t trees = (uint64_t)m->options->n_estimators;
    return sizeof(*m) + (trees + 1) * sizeof(*m->start) + m->start[trees] * sizeof(*m->node) +
           m->n * sizeof(*m->only);
}

const struct learner_def learner_isolation_forest = {
    .name = "isolation_forest",
    .doc = "how soon random cuts isolate a row; grown on a window of rows",
    .tasks = LEARN_SCORES,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 2,
    .check = forest_check,
    .open = forest_open,
    .predict = forest_predict,
    .fit = forest_fit,
    .io = forest_io,
    .size = forest_size,
    .close = forest_close,
};
