/* clustream: many small summaries of rows that follow the stream, and now and then a few clusters
 * made of them (Aggarwal, Han, Wang and Yu, "A framework for clustering evolving data streams",
 * VLDB 2003). Summaries, options and defaults are those of River 0.26's cluster.CluStream.
 *
 *   summary   weight n, mean and sum of squares per feature, mean and sum of squares of the time (rows)
 *             radius = micro_cluster_r_factor * mean over the features of the sample deviations; of a
 *             single row: the distance to the nearest other summary
 *   learn     a row within the radius of its nearest summary joins it. Another one begins a summary of
 *             its own, in place of the first one whose time stamp is older than time_window rows, or,
 *             when all are fresh, after the nearest two are merged (Chan, Golub and LeVeque 1982). The
 *             first max_micro_clusters rows each begin one
 *   stamp     mean time; of n >= 2 max_micro_clusters the quantile 1 - max_micro_clusters / 2n of its
 *             rows' times, taken as normal: as the paper has it, the mean time of its last
 *             max_micro_clusters rows. (River and MOA take the quantile max_micro_clusters / 2n, of its
 *             first rows)
 *   clusters  every time_gap rows the summaries, weighted, are clustered by Lloyd's algorithm (ml/lloyd.c),
 *             twice: from the clusters before, and from centres seeded anew. River learns the bare
 *             summaries once, in any order, by its KMeans; its halflife, mu and sigma are no options here
 *   predict   the cluster that is nearest to the summary nearest to the row
 *   numbers   clusters that go on from those before keep their numbers. Those seeded anew are taken when
 *             their inertia is less than 0.9 of the other's, and then get the numbers of the nearest
 *             ones before (lloyd_match)
 *
 *   state     random state, time, summaries, clusters: version 1
 *   cost      2 max_micro_clusters distances a row (which of the others is nearest is kept for each
 *             summary), twice that for a merge; each time_gap rows some 20 passes over the summaries
 *   constant  rows are merged one by one: a cluster takes them all. Rows of weight 0 are left out
 */
#include "engine/learner.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "ml/lloyd.h"

#include <math.h>
#include <string.h>

#define ROUNDS_MOST 20
#define NOT_KNOWN   UINT32_MAX
#define GAIN        0.9 /* of the inertia, to begin anew */

struct options {
    int64_t n_macro_clusters, max_micro_clusters, time_window, time_gap, seed;
    double micro_cluster_r_factor;
};

/* What a summary has besides its numbers per feature. */
struct summary {
    double weight, time, time_squares; /* mean and sum of squared distances from it */
};

struct clustream {
    const struct options *options;
    struct random random;
    uint32_t k, most, n, used; /* clusters, summaries at most, features, summaries */
    bool has_clusters;
    int64_t time;
    double *mean, *squares;      /* by summary; one block with the next two */
    double *centre, *on, *fresh; /* by cluster; scratch: those that go on, those seeded anew */
    struct summary *summary;
    double *weight, *scratch;
    /* The nearest other summary, the first of equals, and its squared distance; NOT_KNOWN where it
     * is to be looked for. Follows from the means, so it is not saved. */
    uint32_t *near;
    double *apart;
};

static const struct config_field fields[] = {
    {"n_macro_clusters", CONFIG_LONG, offsetof(struct options, n_macro_clusters), .def = "5",
     .min = 1, .max = 1000, .doc = "number of clusters"},
    {"max_micro_clusters", CONFIG_LONG, offsetof(struct options, max_micro_clusters), .def = "100",
     .min = 2, .max = 10000, .doc = "number of summaries"},
    {"micro_cluster_r_factor", CONFIG_DOUBLE, offsetof(struct options, micro_cluster_r_factor),
     .def = "2", .min = 0, .max = 1e6, .doc = "radius of a summary in deviations of its rows"},
    {"time_window", CONFIG_LONG, offsetof(struct options, time_window), .def = "1000", .min = 1,
     .max = 1e12, .doc = "rows after which a summary is too old to stay"},
    {"time_gap", CONFIG_LONG, offsetof(struct options, time_gap), .def = "100", .min = 1,
     .max = 1e9, .doc = "rows between two clusterings of the summaries"},
    {"seed", CONFIG_LONG, offsetof(struct options, seed), .def = "0",
     .doc = "of the clusters' start"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"n_clusters", "n_macro_clusters"},
    {"k", "n_macro_clusters"},
    {"horizon", "time_window"},
    {0},
};

static int clustream_check(const void *options, struct err *e)
{
    const struct options *o = options;
    if (o->n_macro_clusters > o->max_micro_clusters) {
        return err_set(e, ERR_CONFIG, "n_macro_clusters is at most max_micro_clusters");
    }
    return 0;
}

static void clustream_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    buffer_printf(words, "n_macro_clusters %lld, max_micro_clusters %lld\n",
                  (long long)o->n_macro_clusters, (long long)o->max_micro_clusters);
}

static void forget_nearest(struct clustream *m)
{
    for (uint32_t i = 0; i < m->most; i++) {
        m->near[i] = NOT_KNOWN;
    }
}

static void *clustream_open(const struct learner_setup *setup)
{
    const struct options *o = setup->options;
    struct clustream *m = mem_zalloc(sizeof(*m));
    m->options = o;
    m->k = (uint32_t)o->n_macro_clusters;
    m->most = (uint32_t)o->max_micro_clusters;
    m->n = setup->ncolumns;
    m->time = -1;
    random_seed(&m->random, setup->seed + (uint64_t)o->seed, 1);
    size_t summaries = (size_t)m->most * m->n, clusters = (size_t)m->k * m->n;
    m->mean = mem_array(2 * summaries + 3 * clusters, sizeof(double));
    m->squares = m->mean + summaries;
    m->centre = m->squares + summaries;
    m->on = m->centre + clusters;
    m->fresh = m->on + clusters;
    m->summary = mem_array(m->most, sizeof(*m->summary));
    m->weight = mem_array(m->most, sizeof(double));
    m->scratch = mem_array(lloyd_scratch(m->most, m->n, m->k), sizeof(double));
    m->near = mem_array(m->most, sizeof(*m->near));
    m->apart = mem_array(m->most, sizeof(*m->apart));
    forget_nearest(m);
    return m;
}

static void clustream_close(void *l)
{
    struct clustream *m = l;
    mem_free(m->mean);
    mem_free(m->summary);
    mem_free(m->weight);
    mem_free(m->scratch);
    mem_free(m->near);
    mem_free(m->apart);
    mem_free(m);
}

static double *mean_of(const struct clustream *m, uint32_t i)
{
    return m->mean + (size_t)i * m->n;
}

/* ---- summaries ---- */

static void begin(struct clustream *m, uint32_t i, const double *x, double w, int64_t time)
{
    memcpy(mean_of(m, i), x, m->n * sizeof(double));
    memset(m->squares + (size_t)i * m->n, 0, m->n * sizeof(double));
    m->summary[i] = (struct summary){.weight = w, .time = (double)time};
}

static void join(struct clustream *m, uint32_t i, const double *x, double w)
{
    struct summary *s = &m->summary[i];
    double *mean = mean_of(m, i), *squares = m->squares + (size_t)i * m->n;
    s->weight += w;
    double part = w / s->weight, apart = (double)m->time - s->time;
    s->time += part * apart;
    s->time_squares += w * apart * ((double)m->time - s->time);
    for (uint32_t j = 0; j < m->n; j++) {
        double before = x[j] - mean[j];
        mean[j] += part * before;
        squares[j] += w * before * (x[j] - mean[j]);
    }
}

/* Summary i takes what j has. */
static void merge(struct clustream *m, uint32_t i, uint32_t j)
{
    struct summary *a = &m->summary[i], *b = &m->summary[j];
    double *mean = mean_of(m, i), *other = mean_of(m, j);
    double *squares = m->squares + (size_t)i * m->n, *others = m->squares + (size_t)j * m->n;
    double sum = a->weight + b->weight, both = a->weight * b->weight / sum;
    for (uint32_t f = 0; f < m->n; f++) {
        double apart = mean[f] - other[f];
        squares[f] += others[f] + apart * apart * both;
        mean[f] = (a->weight * mean[f] + b->weight * other[f]) / sum;
    }
    double apart = a->time - b->time;
    a->time_squares += b->time_squares + apart * apart * both;
    a->time = (a->weight * a->time + b->weight * b->time) / sum;
    a->weight = sum;
}

static void find_nearest(struct clustream *m, uint32_t i)
{
    m->near[i] = NOT_KNOWN;
    for (uint32_t j = 0; j < m->used; j++) {
        double d = lloyd_distance2(mean_of(m, i), mean_of(m, j), m->n);
        if (j != i && (m->near[i] == NOT_KNOWN || d < m->apart[i])) {
            m->near[i] = j;
            m->apart[i] = d;
        }
    }
}

/* The mean of summary c is another one. */
static void has_moved(struct clustream *m, uint32_t c)
{
    uint32_t near = NOT_KNOWN;
    double least = INFINITY;
    for (uint32_t i = 0; i < m->used; i++) {
        double d = lloyd_distance2(mean_of(m, i), mean_of(m, c), m->n);
        if (i == c) {
            continue;
        }
        if (near == NOT_KNOWN || d < least) {
            near = i;
            least = d;
        }
        if (m->near[i] == c && d > m->apart[i]) {
            m->near[i] = NOT_KNOWN;
        } else if (m->near[i] != NOT_KNOWN &&
                   (d < m->apart[i] || (d == m->apart[i] && c < m->near[i]))) {
            m->near[i] = c;
            m->apart[i] = d;
        }
    }
    m->near[c] = near;
    m->apart[c] = least;
}

/* Squared. */
static double radius(struct clustream *m, uint32_t i)
{
    double weight = m->summary[i].weight, sum = 0;
    if (weight <= 1) {
        if (m->near[i] == NOT_KNOWN) {
            find_nearest(m, i);
        }
        return m->apart[i];
    }
    const double *squares = m->squares + (size_t)i * m->n;
    for (uint32_t f = 0; f < m->n; f++) {
        sum += sqrt(squares[f] / (weight - 1));
    }
    double r = m->options->micro_cluster_r_factor * sum / m->n;
    return r * r;
}

/* Of the standard normal distribution, by Winitzki's formula for the inverse error function, which
 * is 0.002 off at most. */
static double normal_quantile(double p)
{
    double x = 2 * p - 1, a = 0.147, l = log(1 - x * x), b = 2 / (M_PI * a) + l / 2;
    return copysign(sqrt(2 * (sqrt(b * b - l / a) - b)), x);
}

static double stamp(const struct clustream *m, uint32_t i)
{
    const struct summary *s = &m->summary[i];
    if (s->weight < 2.0 * m->most) {
        return s->time;
    }
    double deviation = sqrt(s->time_squares / (s->weight - 1));
    return s->time + deviation * normal_quantile(1 - m->most / (2 * s->weight));
}

/* The one of the nearest two that comes first; the other one is the nearest to it. */
static uint32_t nearest_two(struct clustream *m)
{
    uint32_t first = 0;
    for (uint32_t i = 0; i < m->used; i++) {
        if (m->near[i] == NOT_KNOWN) {
            find_nearest(m, i);
        }
        first = m->apart[i] < m->apart[first] ? i : first;
    }
    return first;
}

/* A row that fits nowhere begins a summary of its own. */
static void make_room(struct clustream *m, const double *x, double w)
{
    double oldest = (double)(m->time - m->options->time_window);
    uint32_t old = 0;
    while (old < m->used && !(stamp(m, old) < oldest)) {
        old++;
    }
    if (old == m->used) {
        old = nearest_two(m);
        uint32_t other = m->near[old];
        merge(m, other, old);
        has_moved(m, other);
    }
    begin(m, old, x, w, m->time);
    has_moved(m, old);
}

/* ---- clusters ---- */

static void cluster(struct clustream *m)
{
    const struct lloyd_points points = {.x = m->mean, .w = m->weight, .n = m->used, .dims = m->n};
    size_t bytes = (size_t)m->k * m->n * sizeof(double);
    for (uint32_t i = 0; i < m->used; i++) {
        m->weight[i] = m->summary[i].weight;
    }
    lloyd_seed(&points, m->k, &m->random, m->fresh, m->scratch);
    double fresh = lloyd_run(&points, m->k, m->fresh, ROUNDS_MOST, NULL, m->scratch);
    if (!m->has_clusters) {
        memcpy(m->centre, m->fresh, bytes);
        m->has_clusters = true;
        return;
    }
    memcpy(m->on, m->centre, bytes);
    double on = lloyd_run(&points, m->k, m->on, ROUNDS_MOST, NULL, m->scratch);
    bool is_fresh = fresh < GAIN * on;
    if (is_fresh) {
        lloyd_match(m->centre, m->fresh, m->k, m->n, m->scratch);
    }
    memcpy(m->centre, is_fresh ? m->fresh : m->on, bytes);
}

static void learn_row(struct clustream *m, const double *x, double w)
{
    if (!(w > 0)) {
        return;
    }
    m->time++;
    if (m->used < m->most) {
        begin(m, m->used++, x, w, (int64_t)m->most - 1);
    } else {
        double apart;
        uint32_t i = lloyd_nearest(m->mean, m->used, m->n, x, &apart);
        if (apart < radius(m, i)) {
            join(m, i, x, w);
            has_moved(m, i);
        } else {
            make_room(m, x, w);
        }
    }
    int64_t gap = m->options->time_gap;
    if (m->time % gap == gap - 1 && m->used >= m->k) {
        cluster(m);
    }
}

static void clustream_learn(void *l, const double *x, uint32_t rows, const double *y,
                            const double *w)
{
    struct clustream *m = l;
    (void)y;
    for (uint32_t r = 0; r < rows; r++) {
        learn_row(m, x + (size_t)r * m->n, w ? w[r] : 1);
    }
}

static void clustream_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    const struct clustream *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        double number = -1;
        if (m->has_clusters) {
            uint32_t i = lloyd_nearest(m->mean, m->used, m->n, x + (size_t)r * m->n, NULL);
            number = lloyd_nearest(m->centre, m->k, m->n, mean_of(m, i), NULL);
        }
        out[(size_t)r * stride] = number;
    }
}

/* ---- snapshot ---- */

static int clustream_io(void *l, struct snapshot *s)
{
    struct clustream *m = l;
    int64_t state = (int64_t)m->random.state, inc = (int64_t)m->random.inc, rows = m->time + 1;
    uint32_t used = m->used, has_clusters = m->has_clusters ? 1 : 0;
    snapshot_version(s, 1);
    snapshot_long(s, &state);
    snapshot_long(s, &inc);
    snapshot_count(s, &rows);
    snapshot_u32(s, &used);
    snapshot_u32(s, &has_clusters);
    if (snapshot_status(s) < 0 || used > m->most || has_clusters > 1 ||
        (has_clusters == 1 && used < m->k)) {
        s->status = -ERR_DATA;
        return s->status;
    }
    m->random = (struct random){.state = (uint64_t)state, .inc = (uint64_t)inc | 1};
    m->time = rows - 1;
    m->used = used;
    m->has_clusters = has_clusters == 1;
    if (s->loading) {
        forget_nearest(m);
    }
    snapshot_array(s, m->mean, (size_t)used * m->n);
    snapshot_array(s, m->squares, (size_t)used * m->n);
    for (uint32_t i = 0; i < used; i++) {
        snapshot_double(s, &m->summary[i].weight);
        snapshot_double(s, &m->summary[i].time);
        snapshot_double(s, &m->summary[i].time_squares);
    }
    if (m->has_clusters) {
        snapshot_array(s, m->centre, (size_t)m->k * m->n);
    }
    return snapshot_status(s);
}

static uint64_t clustream_size(const void *l)
{
    const struct clustream *m = l;
    uint64_t doubles = (2 * (uint64_t)m->most + 3 * (uint64_t)m->k) * m->n + m->most +
                       lloyd_scratch(m->most, m->n, m->k);
    return sizeof(*m) + doubles * sizeof(double) + m->most * sizeof(struct summary);
}

const struct learner_def learner_clustream = {
    .name = "clustream",
    .doc = "summaries of rows that follow the stream, clustered now and then",
    .tasks = LEARN_CLUSTERS,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .layout = clustream_layout,
    .check = clustream_check,
    .open = clustream_open,
    .predict = clustream_predict,
    .learn = clustream_learn,
    .io = clustream_io,
    .size = clustream_size,
    .close = clustream_close,
};
