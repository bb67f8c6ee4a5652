/* random_cut_forest: how much a row would disturb trees over samples of the stream (Guha, Mishra,
 * Roy and Schrijvers, ICML 2016; ml/cut_tree.h).
 *
 *   point   the last shingle_size rows, joined: patterns in time become points in space
 *   score   mean over the trees of the expected collusive displacement of the point
 *   sample  each tree holds sample_size points: the first ones, then each new one with probability
 *           sample_size * time_decay in the place of a random one. An old point is thus in the sample
 *           with a probability that falls as exp(-time_decay * age) (Aggarwal 2006)
 *
 *   scale   features are compared by their extents, so they should be scaled, as the step's model does
 *   state   rows, random numbers, the last rows, trees: version 1; about (8 * features * shingle_size
 *           + 14) bytes * n_trees * sample_size
 *   none    NaN until shingle_size rows are there and the trees hold grace_period points
 *   cost    a predicted row goes down all trees, a learned one changes one tree in ten (with defaults)
 *   order   rows one by one: the same bits for any batch size
 */
#include "engine/learner.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "ml/cut_tree.h"
#include "ml/spread.h"

#include <math.h>
#include <string.h>

#define POINTS_MAX 4000000

struct options {
    int64_t n_trees, sample_size, shingle_size, grace_period;
    double time_decay;
};

struct forest {
    const struct options *options;
    uint32_t n, trees, room, shingle;
    double admission; /* probability that a tree takes a point, once it is full */
    int64_t rows;
    struct random random;
    double *point; /* the last `shingle` rows, oldest first */
    double *next;  /* scratch: the same with the row to predict */
    struct cut_tree *tree;
};

static const struct config_field fields[] = {
    {"n_trees", CONFIG_LONG, offsetof(struct options, n_trees), .def = "40", .min = 1, .max = 1000,
     .doc = "number of trees"},
    {"sample_size", CONFIG_LONG, offsetof(struct options, sample_size), .def = "256", .min = 2,
     .max = 65536, .doc = "points that a tree holds"},
    {"shingle_size", CONFIG_LONG, offsetof(struct options, shingle_size), .def = "1", .min = 1,
     .max = 1000, .doc = "rows that are joined into a point"},
    {"time_decay", CONFIG_DOUBLE, offsetof(struct options, time_decay), .min = 0, .max = 1,
     .doc = "rate at which points leave the samples; without: 0.1 / sample_size"},
    {"grace_period", CONFIG_LONG, offsetof(struct options, grace_period), .def = "64", .min = 1,
     .max = 1e9, .doc = "rows to learn before the first score"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"num_trees", "n_trees"},         {"number_of_trees", "n_trees"},
    {"n_estimators", "n_trees"},      {"tree_size", "sample_size"},
    {"max_samples", "sample_size"},   {"lambda", "time_decay"},
    {"output_after", "grace_period"}, {0}};

static int forest_check(const void *options, struct err *e)
{
    const struct options *o = options;
    if (o->n_trees * o->sample_size * o->shingle_size > POINTS_MAX) {
        return err_set(e, ERR_CONFIG, "n_trees * sample_size * shingle_size is over %d: lower one",
                       POINTS_MAX);
    }
    return 0;
}

static void forest_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    buffer_printf(words, "n_trees %lld, sample_size %lld, shingle_size %lld\n",
                  (long long)o->n_trees, (long long)o->sample_size, (long long)o->shingle_size);
}

static void *forest_open(const struct learner_setup *setup)
{
    const struct options *o = setup->options;
    struct forest *m = mem_zalloc(sizeof(*m));
    m->options = o;
    m->n = setup->ncolumns;
    m->trees = (uint32_t)o->n_trees;
    m->room = (uint32_t)o->sample_size;
    m->shingle = (uint32_t)o->shingle_size;
    m->admission = isnan(o->time_decay) ? 0.1 : o->time_decay * (double)m->room;
    random_seed(&m->random, setup->seed, 37);
    size_t doubles = (size_t)m->n * m->shingle;
    m->point = mem_zalloc((2 * doubles + 1) * sizeof(double));
    m->next = m->point + doubles;
    m->tree = mem_array(m->trees, sizeof(*m->tree));
    for (uint32_t t = 0; t < m->trees; t++) {
        cut_tree_init(&m->tree[t], (uint32_t)doubles, m->room);
    }
    return m;
}

static void forest_close(void *l)
{
    struct forest *m = l;
    for (uint32_t t = 0; t < m->trees; t++) {
        cut_tree_done(&m->tree[t]);
    }
    mem_free(m->tree);
    mem_free(m->point);
    mem_free(m);
}

/* The point that x completes. */
static void shift(const struct forest *m, const double *x, double *out)
{
    uint32_t kept = (m->shingle - 1) * m->n;
    memmove(out, m->point + m->n, kept * sizeof(double));
    for (uint32_t i = 0; i < m->n; i++) {
        out[kept + i] = spread_bounded(x[i]);
    }
}

static void forest_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    const struct forest *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        double sum = 0;
        if (m->rows < m->options->grace_period || m->rows + 1 < m->shingle) {
            out[(size_t)r * stride] = NAN;
            continue;
        }
        shift(m, x + (size_t)r * m->n, m->next);
        for (uint32_t t = 0; t < m->trees; t++) {
            sum += cut_tree_score(&m->tree[t], m->next);
        }
        out[(size_t)r * stride] = sum / m->trees;
    }
}

static void forest_learn(void *l, const double *x, uint32_t rows, const double *y, const double *w)
{
    (void)y;
    (void)w;
    struct forest *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        shift(m, x + (size_t)r * m->n, m->point);
        m->rows++;
        for (uint32_t t = 0; m->rows >= m->shingle && t < m->trees; t++) {
            struct cut_tree *tree = &m->tree[t];
            uint32_t slot = tree->used;
            if (slot == m->room) {
                if (random_unit(&m->random) >= m->admission) {
                    continue;
                }
                slot = random_below(&m->random, m->room);
                cut_tree_remove(tree, slot);
            }
            cut_tree_insert(tree, slot, m->point, &m->random);
        }
    }
}

static int forest_io(void *l, struct snapshot *s)
{
    struct forest *m = l;
    uint32_t shape[3] = {m->trees, m->room, m->shingle};
    int64_t state = (int64_t)m->random.state; /* inc follows from the stream */
    snapshot_version(s, 1);
    for (int i = 0; i < 3; i++) {
        snapshot_u32(s, &shape[i]);
    }
    if (shape[0] != m->trees || shape[1] != m->room || shape[2] != m->shingle) {
        s->status = -ERR_DATA;
        return s->status;
    }
    snapshot_count(s, &m->rows);
    snapshot_long(s, &state);
    snapshot_array(s, m->point, (size_t)m->n * m->shingle);
    for (size_t i = 0; s->loading && i < (size_t)m->n * m->shingle; i++) {
        m->point[i] = isnan(m->point[i]) ? 0 : spread_bounded(m->point[i]);
    }
    if (s->loading) {
        m->random.state = (uint64_t)state;
    }
    for (uint32_t t = 0; t < m->trees && snapshot_status(s) == 0; t++) {
        if (cut_tree_io(&m->tree[t], s) == 0 && s->loading && !cut_tree_is_dense(&m->tree[t])) {
            s->status = -ERR_DATA;
        }
    }
    return snapshot_status(s);
}

static uint64_t forest_size(const void *l)
{
    const struct forest *m = l;
    uint64_t size = sizeof(*m);
    for (uint32_t t = 0; t < m->trees; t++) {
        size += cut_tree_size(&m->tree[t]);
    }
    return size;
}

const struct learner_def learner_random_cut_forest = {
    .name = "random_cut_forest",
    .doc = "how much a row disturbs random trees over samples of the stream",
    .tasks = LEARN_SCORES,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .layout = forest_layout,
    .check = forest_check,
    .open = forest_open,
    .predict = forest_predict,
    .learn = forest_learn,
    .io = forest_io,
    .size = forest_size,
    .close = forest_close,
};
