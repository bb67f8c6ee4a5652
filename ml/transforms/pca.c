/* pca: the n_components directions in which numbers vary most (principal component analysis),
 * learned on the stream.
 *
 *     mean and scatter by Welford's recurrence     M += (n - 1) / n (x - mean)(x - mean)'
 *     every `refresh` rows                         M = V L V', by LAPACK (dsyevd)
 *     <as>_k = v_k . (x - mean of then)            whiten: divided by sqrt(L_k / (n - 1))
 *
 *   exact    the components are those of all rows learned so far, as scikit-learn's PCA; its
 *            IncrementalPCA forgets what its n_components could not hold
 *   sign     the entry of a component that is greatest in magnitude is positive, the first one on a
 *            tie (scikit-learn's svd_flip)
 *   in       numbers and booleans; out   doubles <as>_1 … <as>_n_components behind all columns,
 *            the greatest variance first
 *   null     a row with anything missing is not learned and its components are null, as are those of
 *            the rows before the first refresh
 *   odd      constant columns have no part in any component; where less than n_components directions
 *            vary, the rest is 0 but for rounding. While M is beyond a double's range, components stay
 *   order    a row that ends a round is projected on what was learned with it
 *   metrics  explained_variance_ratio of all n_components, explained_variance_ratio_1 … _5
 *   state    rows, mean, upper half of M, components with mean and variances: d (d + 1) / 2 +
 *            (n_components + 2) d numbers for d columns: version 1
 *   cost     d * d / 2 multiplications to learn, d * n_components to project; a refresh 10 d^3 or so
 */
#include "engine/memory.h"
#include "ml/algorithm.h"
#include "ml/blas.h"
#include "ml/transform.h"

#include <float.h>
#include <math.h>

#define FEATURES_MAX 512

struct pca_cfg {
    struct transform_cfg common;
    int64_t n_components, refresh;
    bool whiten;
};

static const struct config_field fields[] = {
    TRANSFORM_COLUMNS,
    {"as", CONFIG_TEXT, offsetof(struct transform_cfg, as), .required = true,
     .doc = "the new columns are <as>_1, <as>_2, …"},
    {"n_components", CONFIG_LONG, offsetof(struct pca_cfg, n_components), .def = "2", .min = 1,
     .max = FEATURES_MAX, .doc = "how many, at most as many as there are columns"},
    {"whiten", CONFIG_BOOLEAN, offsetof(struct pca_cfg, whiten), .def = "false",
     .doc = "components are divided by their deviation"},
    {"refresh", CONFIG_LONG, offsetof(struct pca_cfg, refresh), .def = "100", .min = 2, .max = 1e9,
     .doc = "rows after which components are computed anew; before the first time they are null"},
    TRANSFORM_PER,
    TRANSFORM_LEARN,
    {0},
};

struct analysis {
    const struct pca_cfg *cfg;
    uint32_t d, k;
    int64_t rows;
    double *mean, *delta;                  /* of d each */
    double *scatter;                       /* d rows; from the diagonal on */
    double *component, *center, *variance; /* k rows of d; d; k */
    double total; /* variance of all columns then; 0 before the first refresh */
};

static void *analysis_new(const void *plan, uint64_t seed)
{
    (void)seed;
    const struct transform *t = plan;
    struct analysis *a = mem_zalloc(sizeof(*a));
    a->cfg = (const struct pca_cfg *)t->cfg;
    a->d = t->n;
    a->k = (uint32_t)a->cfg->n_components;
    size_t d = a->d, k = a->k;
    a->mean = mem_zalloc((d * d + (3 + k) * d + k) * sizeof(double));
    a->delta = a->mean + d;
    a->scatter = a->delta + d;
    a->component = a->scatter + d * d;
    a->center = a->component + k * d;
    a->variance = a->center + d;
    return a;
}

static void analysis_free(void *object)
{
    struct analysis *a = object;
    mem_free(a->mean);
    mem_free(a);
}

static uint64_t analysis_size(const void *object)
{
    const struct analysis *a = object;
    uint64_t d = a->d, k = a->k;
    return sizeof(*a) + (d * d + (3 + k) * d + k) * sizeof(double);
}

static int analysis_io(void *object, struct snapshot *s)
{
    struct analysis *a = object;
    snapshot_version(s, 1);
    snapshot_count(s, &a->rows);
    snapshot_array(s, a->mean, a->d);
    for (uint32_t i = 0; i < a->d; i++) {
        snapshot_array(s, a->scatter + (size_t)i * a->d + i, a->d - i);
    }
    snapshot_double(s, &a->total);
    snapshot_array(s, a->component, (size_t)a->k * a->d);
    snapshot_array(s, a->center, a->d);
    snapshot_array(s, a->variance, a->k);
    return snapshot_status(s);
}

/* ---- learning ---- */

static bool is_whole(const double *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (isnan(x[i])) {
            return false;
        }
    }
    return true;
}

/* A component: the eigenvector with its sign. */
static void put_component(struct analysis *a, uint32_t k, const double *v)
{
    uint32_t most = 0;
    for (uint32_t i = 1; i < a->d; i++) {
        most = fabs(v[i]) > fabs(v[most]) ? i : most;
    }
    double sign = v[most] < 0 ? -1 : 1;
    for (uint32_t i = 0; i < a->d; i++) {
        a->component[(size_t)k * a->d + i] = sign * v[i];
    }
}

static void refresh(struct analysis *a)
{
    uint32_t d = a->d;
    double trace = 0;
    for (uint32_t i = 0; i < d; i++) {
        trace += a->scatter[(size_t)i * d + i];
    }
    if (!(trace <= DBL_MAX)) {
        return;
    }
    double *v = mem_array((size_t)d * d + d, sizeof(double)), *value = v + (size_t)d * d;
    memcpy(v, a->scatter, (size_t)d * d * sizeof(double));
    /* Upper half by rows is the lower half by columns; vectors come out one behind the other. */
    if (blas_dsyevd('V', 'L', (int)d, v, (int)d, value) == 0) {
        double n = (double)(a->rows - 1);
        for (uint32_t k = 0; k < a->k; k++) {
            uint32_t at = d - 1 - k;
            put_component(a, k, v + (size_t)at * d);
            a->variance[k] = value[at] > 0 ? value[at] / n : 0;
        }
        memcpy(a->center, a->mean, d * sizeof(double));
        a->total = trace / n;
    }
    mem_free(v);
}

static void pca_learn(void *object, const struct transform_row *r)
{
    struct analysis *a = object;
    uint32_t d = a->d;
    if (!is_whole(r->x, d)) {
        return;
    }
    double n = (double)++a->rows, part = (n - 1) / n;
    for (uint32_t i = 0; i < d; i++) {
        a->delta[i] = r->x[i] - a->mean[i];
        a->mean[i] += a->delta[i] / n;
    }
    for (uint32_t i = 0; i < d; i++) {
        double *row = a->scatter + (size_t)i * d, by = a->delta[i] * part;
        for (uint32_t j = i; j < d; j++) {
            row[j] += by * a->delta[j];
        }
    }
    if (a->rows % a->cfg->refresh == 0) {
        refresh(a);
    }
}

/* ---- projecting ---- */

static void pca_apply(const void *object, const struct transform_row *r)
{
    const struct analysis *a = object;
    if (!(a->total > 0) || !is_whole(r->x, a->d)) {
        return;
    }
    for (uint32_t k = 0; k < a->k; k++) {
        const double *v = a->component + (size_t)k * a->d;
        double sum = 0;
        for (uint32_t i = 0; i < a->d; i++) {
            sum += v[i] * (r->x[i] - a->center[i]);
        }
        double deviation = sqrt(a->variance[k]);
        r->out[k] = !a->cfg->whiten ? sum : deviation > 0 ? sum / deviation : 0;
    }
}

static void pca_report(struct op *op, const void *object)
{
    static const char *const name[] = {"explained_variance_ratio_1", "explained_variance_ratio_2",
                                       "explained_variance_ratio_3", "explained_variance_ratio_4",
                                       "explained_variance_ratio_5"};
    const struct analysis *a = object;
    double all = 0;
    if (!(a->total > 0)) {
        return;
    }
    for (uint32_t k = 0; k < a->k; k++) {
        double ratio = a->variance[k] / a->total;
        all += ratio;
        if (k < sizeof(name) / sizeof(name[0])) {
            op_metric(op, name[k], ratio);
        }
    }
    op_metric(op, "explained_variance_ratio", all);
}

static void pca_layout(const void *cfg, struct buffer *words)
{
    const struct pca_cfg *c = cfg;
    buffer_printf(words, "%lld\n", (long long)c->n_components);
}

static const struct transform_def analyser = {
    .takes = TAKE_NUMBERS | TAKE_BOOLEANS,
    .what = "numbers",
    .object = {analysis_new, analysis_io, analysis_size, analysis_free, transform_replay},
    .learn = pca_learn,
    .apply = pca_apply,
    .report = pca_report,
    .layout = pca_layout,
};

static int pca_bind(struct node *n)
{
    const struct pca_cfg *cfg = n->cfg;
    struct transform *t = arena_zalloc(n->mem, sizeof(*t));
    int status = transform_columns(n, t, &analyser, &cfg->common, NULL);
    if (status == 0 && t->n > FEATURES_MAX) {
        return algorithm_problem(n, "columns", "%u columns, more than %d", (unsigned)t->n,
                                 FEATURES_MAX);
    }
    if (status == 0 && cfg->n_components > t->n) {
        return algorithm_problem(n, "n_components", "more components than the %u columns",
                                 (unsigned)t->n);
    }
    if (status < 0) {
        return status;
    }
    for (int64_t k = 1; k <= cfg->n_components; k++) {
        transform_out(n, t, arena_printf(n->mem, "%s_%lld", cfg->common.as, (long long)k),
                      &type_double, -1);
    }
    return transform_bind(n, t);
}

const struct step_def op_pca = {
    .name = "pca",
    .doc = "principal components of numbers, learned on the stream",
    .config = fields,
    .config_size = sizeof(struct pca_cfg),
    .state_version = 1,
    .bind = pca_bind,
    TRANSFORM_LEARNS,
};
