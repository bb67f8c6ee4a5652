/* kmeans: k centres; the one nearest to a row takes it and moves towards it. Formulas and options
 * are those of River 0.26's cluster.KMeans, but for the start.
 *
 *   nearest   c = the centre with the least sum over the features of |x - centre|^p; the first of equals
 *   learn     centre[c] += halflife * (x - centre[c]): the last 1 / halflife rows count. halflife 0 (which
 *             in River stands still): 1 / rows of c, the mean of all its rows (MacQueen 1967). A weight w
 *             counts as w rows
 *   start     init `normal`: each number of a centre is drawn from a normal distribution with mean mu and
 *             deviation sigma, as in River. The centres know nothing of the data, and those that no row
 *             is ever nearest to remain: hence the default
 *             init `k-means++`: the first init_size rows (at least n_clusters) are kept; then centres are
 *             seeded among them and moved by Lloyd's algorithm until they rest (ml/lloyd.c), n_init times,
 *             and the ones with the least inertia are taken. No cluster until then. The names are those of
 *             scikit-learn's KMeans and MiniBatchKMeans
 *   numbers   a centre keeps its number for good
 *
 *   state     random state, rows kept; or centres and their rows: version 1
 *   cost      n_clusters distances a row; once some 10 * n_init passes over init_size rows
 *   constant  rows, or fewer distinct ones than clusters: some centres are equal, the first of them gets
 *             all rows
 */
#include "engine/learner.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "ml/lloyd.h"

#include <math.h>
#include <string.h>

#define ROUNDS_MOST    100
#define INIT_SIZE_MOST 100000

enum init { INIT_PLUS, INIT_NORMAL };

struct options {
    int64_t n_clusters, init_size, n_init, seed;
    double halflife, mu, sigma, p;
    int init;
};

struct kmeans {
    const struct options *options;
    struct random random;
    uint32_t k, n;       /* clusters, features */
    uint32_t room, kept; /* rows before the start; 0 of 0 once it is done */
    double *centre;      /* k * n, then the rows of each centre */
    double *rows;        /* their number, by centre */
    double *first;       /* rows kept */
};

static const char *const inits[] = {"k-means++", "normal", NULL};

static const struct config_field fields[] = {
    {"n_clusters", CONFIG_LONG, offsetof(struct options, n_clusters), .def = "5", .min = 1,
     .max = 1000, .doc = "number of clusters"},
    {"halflife", CONFIG_DOUBLE, offsetof(struct options, halflife), .def = "0.5", .min = 0,
     .max = 1, .doc = "how far a centre moves towards its row; 0: it is the mean of all its rows"},
    {"init", CONFIG_ENUM, offsetof(struct options, init), .def = "k-means++", .values = inits,
     .doc = "how centres are found: among the first rows, or drawn without looking (as in River)"},
    {"init_size", CONFIG_LONG, offsetof(struct options, init_size), .def = "100", .min = 1,
     .max = INIT_SIZE_MOST, .doc = "rows before the start, of `k-means++`"},
    {"n_init", CONFIG_LONG, offsetof(struct options, n_init), .def = "10", .min = 1, .max = 1000,
     .doc = "starts of `k-means++`, of which the best one is taken"},
    {"mu", CONFIG_DOUBLE, offsetof(struct options, mu), .def = "0", .min = -1e150, .max = 1e150,
     .doc = "mean of the first centres, of `normal`"},
    {"sigma", CONFIG_DOUBLE, offsetof(struct options, sigma), .def = "1", .min = 0, .max = 1e150,
     .doc = "deviation of the first centres, of `normal`"},
    {"p", CONFIG_DOUBLE, offsetof(struct options, p), .def = "2", .min = 1, .max = 100,
     .doc = "power of the distance: 2 is Euclid's, 1 the sum of differences"},
    {"seed", CONFIG_LONG, offsetof(struct options, seed), .def = "0",
     .doc = "of the first centres"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"k", "n_clusters"},
    {"alpha", "halflife"},
    {0},
};

static void kmeans_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    buffer_printf(words, "n_clusters %lld\n", (long long)o->n_clusters);
}

static void *kmeans_open(const struct learner_setup *setup)
{
    const struct options *o = setup->options;
    struct kmeans *m = mem_zalloc(sizeof(*m));
    m->options = o;
    m->k = (uint32_t)o->n_clusters;
    m->n = setup->ncolumns;
    random_seed(&m->random, setup->seed + (uint64_t)o->seed, 1);
    size_t doubles = (size_t)m->k * m->n;
    m->centre = mem_array(doubles + m->k, sizeof(double));
    m->rows = m->centre + doubles;
    for (size_t i = 0; i < doubles; i++) {
        m->centre[i] = o->init == INIT_NORMAL ? o->mu + o->sigma * random_normal(&m->random) : 0;
    }
    memset(m->rows, 0, m->k * sizeof(double));
    if (o->init == INIT_PLUS) {
        m->room = o->init_size < o->n_clusters ? m->k : (uint32_t)o->init_size;
        m->first = mem_array((size_t)m->room * m->n, sizeof(double));
    }
    return m;
}

static void kmeans_close(void *l)
{
    struct kmeans *m = l;
    mem_free(m->first);
    mem_free(m->centre);
    mem_free(m);
}

static double distance(const double *a, const double *b, uint32_t n, double p)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        double apart = fabs(a[i] - b[i]);
        sum += p == 1 ? apart : pow(apart, p);
    }
    return sum;
}

static uint32_t nearest(const struct kmeans *m, const double *x)
{
    if (m->options->p == 2) {
        return lloyd_nearest(m->centre, m->k, m->n, x, NULL);
    }
    uint32_t best = 0;
    double least = INFINITY;
    for (uint32_t c = 0; c < m->k; c++) {
        double d = distance(m->centre + (size_t)c * m->n, x, m->n, m->options->p);
        if (d < least) {
            least = d;
            best = c;
        }
    }
    return best;
}

static void kmeans_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    const struct kmeans *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        out[(size_t)r * stride] = m->room > 0 ? -1 : (double)nearest(m, x + (size_t)r * m->n);
    }
}

/* The rows kept become centres. */
static void start(struct kmeans *m)
{
    const struct lloyd_points points = {.x = m->first, .n = m->kept, .dims = m->n};
    size_t centres = (size_t)m->k * m->n, bytes = (centres + m->k) * sizeof(double);
    double least = INFINITY, *trial = mem_array(centres + m->k, sizeof(double));
    double *scratch = mem_array(lloyd_scratch(m->kept, m->n, m->k), sizeof(double));
    for (int64_t i = 0; i < m->options->n_init; i++) {
        lloyd_seed(&points, m->k, &m->random, trial, scratch);
        double inertia = lloyd_run(&points, m->k, trial, ROUNDS_MOST, trial + centres, scratch);
        if (i == 0 || inertia < least) {
            least = inertia;
            memcpy(m->centre, trial, bytes); /* the rows of each lie behind the centres */
        }
    }
    mem_free(trial);
    mem_free(scratch);
    mem_free(m->first);
    m->first = NULL;
    m->room = m->kept = 0;
}

static void learn_row(struct kmeans *m, const double *x, double w)
{
    if (!(w > 0)) {
        return;
    }
    if (m->room > 0) {
        memcpy(m->first + (size_t)m->kept * m->n, x, m->n * sizeof(double));
        if (++m->kept == m->room) {
            start(m);
        }
        return;
    }
    uint32_t c = nearest(m, x);
    double *centre = m->centre + (size_t)c * m->n, rate = m->options->halflife;
    m->rows[c] += w;
    if (rate == 0) {
        rate = w / m->rows[c];
    } else if (w != 1) {
        rate = 1 - pow(1 - rate, w);
    }
    for (uint32_t i = 0; i < m->n; i++) {
        centre[i] += rate * (x[i] - centre[i]);
    }
}

static void kmeans_learn(void *l, const double *x, uint32_t rows, const double *y, const double *w)
{
    struct kmeans *m = l;
    (void)y;
    for (uint32_t r = 0; r < rows; r++) {
        learn_row(m, x + (size_t)r * m->n, w ? w[r] : 1);
    }
}

/* Rows that are kept; `room` says whether it has started. */
static void io_first(struct kmeans *m, struct snapshot *s)
{
    uint32_t room = m->room, kept = m->kept;
    snapshot_u32(s, &room);
    snapshot_u32(s, &kept);
    uint64_t bytes = (uint64_t)kept * m->n * sizeof(double);
    if (kept > room || (room > 0 && kept == room) || room > INIT_SIZE_MOST ||
        snapshot_status(s) < 0 || (s->loading && bytes > (uint64_t)(s->end - s->p))) {
        s->status = -ERR_DATA;
        return;
    }
    if (s->loading) {
        mem_free(m->first);
        m->first = room > 0 ? mem_array((size_t)room * m->n, sizeof(double)) : NULL;
        m->room = room;
        m->kept = kept;
    }
    if (kept > 0) {
        snapshot_array(s, m->first, (size_t)kept * m->n);
    }
}

static int kmeans_io(void *l, struct snapshot *s)
{
    struct kmeans *m = l;
    int64_t state = (int64_t)m->random.state, inc = (int64_t)m->random.inc;
    snapshot_version(s, 1);
    snapshot_long(s, &state);
    snapshot_long(s, &inc);
    m->random = (struct random){.state = (uint64_t)state, .inc = (uint64_t)inc | 1};
    io_first(m, s);
    if (snapshot_status(s) < 0) {
        return s->status;
    }
    if (m->room == 0) {
        snapshot_array(s, m->centre, (size_t)m->k * m->n);
        snapshot_array(s, m->rows, m->k);
    }
    return snapshot_status(s);
}

static uint64_t kmeans_size(const void *l)
{
    const struct kmeans *m = l;
    return sizeof(*m) + ((uint64_t)m->k * (m->n + 1U) + (uint64_t)m->room * m->n) * sizeof(double);
}

const struct learner_def learner_kmeans = {
    .name = "kmeans",
    .doc = "k centres, of which the nearest one moves towards each row",
    .tasks = LEARN_CLUSTERS,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .layout = kmeans_layout,
    .open = kmeans_open,
    .predict = kmeans_predict,
    .learn = kmeans_learn,
    .io = kmeans_io,
    .size = kmeans_size,
    .close = kmeans_close,
};
