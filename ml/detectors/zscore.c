/* zscore: how many deviations a row is from the mean, at its worst feature.
 *
 *   a      = max(1 / rows, fading_factor)
 *   mean' = mean + a (x - mean);   var' = (1 - a) (var + a (x - mean)^2)
 *   score  = largest |x - mean| / sqrt(var) over the features
 *
 * With fading_factor 0 these are mean and population variance of all rows (Welford 1962; River's
 * GaussianScorer ranks by the same z), otherwise they are exponentially weighted.
 *
 *   constant a deviation counts as at least 1e-12 of the mean, a score as at most 1e12: the first other
 *            value after a constant scores 1e12 and not infinity
 *   state    rows, means, variances: version 1
 *   cost     one division and one root a feature
 *   order    rows one by one: the same bits for any batch size
 */
#include "engine/learner.h"
#include "engine/memory.h"
#include "ml/spread.h"

#include <math.h>
#include <string.h>

struct options {
    double fading_factor;
    int64_t grace_period;
};

struct zscore {
    const struct options *options;
    uint32_t n;
    int64_t rows;
    double *mean, *var; /* one block */
};

static const struct config_field fields[] = {
    {"fading_factor", CONFIG_DOUBLE, offsetof(struct options, fading_factor), .def = "0", .min = 0,
     .max = 1, .doc = "weight of the newest row; 0: all rows weigh the same"},
    {"grace_period", CONFIG_LONG, offsetof(struct options, grace_period), .def = "100", .min = 1,
     .max = 1e9, .doc = "rows to learn before the first score"},
    {0},
};

static const struct learner_alias aliases[] = {{"alpha", "fading_factor"},
                                               {"halflife", "fading_factor"},
                                               {"warm_up", "grace_period"},
                                               {"min_periods", "grace_period"},
                                               {0}};

static void *zscore_open(const struct learner_setup *setup)
{
    struct zscore *m = mem_zalloc(sizeof(*m));
    m->options = setup->options;
    m->n = setup->ncolumns;
    m->mean = mem_zalloc(2 * sizeof(double) * (m->n > 0 ? m->n : 1));
    m->var = m->mean + m->n;
    return m;
}

static void zscore_close(void *l)
{
    struct zscore *m = l;
    mem_free(m->mean);
    mem_free(m);
}

static double score_row(const struct zscore *m, const double *x)
{
    double score = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        score = fmax(score, spread_score(x[i], m->mean[i], sqrt(m->var[i])));
    }
    return score;
}

static void zscore_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    const struct zscore *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        double score = m->rows < m->options->grace_period ? (double)NAN : score_row(m, x);
        out[(size_t)r * stride] = score;
        x += m->n;
    }
}

static void zscore_learn(void *l, const double *x, uint32_t rows, const double *y, const double *w)
{
    (void)y;
    (void)w;
    struct zscore *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        m->rows++;
        double a = fmax(1 / (double)m->rows, m->options->fading_factor);
        for (uint32_t i = 0; i < m->n; i++) {
            double d = spread_bounded(x[i]) - m->mean[i];
            m->mean[i] += a * d;
            m->var[i] = (1 - a) * (m->var[i] + a * d * d);
        }
        x += m->n;
    }
}

static int zscore_io(void *l, struct snapshot *s)
{
    struct zscore *m = l;
    snapshot_version(s, 1);
    snapshot_count(s, &m->rows);
    snapshot_array(s, m->mean, m->n);
    snapshot_array(s, m->var, m->n);
    return snapshot_status(s);
}

const struct learner_def learner_zscore = {
    .name = "zscore",
    .doc = "deviations from the mean, at the worst feature",
    .tasks = LEARN_SCORES,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .open = zscore_open,
    .predict = zscore_predict,
    .learn = zscore_learn,
    .io = zscore_io,
    .close = zscore_close,
};
