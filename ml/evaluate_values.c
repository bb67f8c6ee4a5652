/* Prequential scores of values: test, then train.
 *
 *   MAE, RMSE   mean of |p - y|; root of the mean of (p - y)^2
 *   R2          1 - sum of (p - y)^2 / sum of (y - mean y)^2, over the scored rows; 0 while y is
 *               constant
 *   sMAPE       mean of 200 |p - y| / (|p| + |y|), in per cent of 0 .. 200; 0 where both are 0
 *   coverage    share of the rows with an interval whose target was inside, bounds included
 *   rolling     MAE by blocks of 100 rows, the last nine complete ones and the one being filled
 *
 *   rows        those with a prediction and a target, behind the first target of a model, so that
 *               all three rules are scored on the same rows
 *   state       the sums, the blocks, what the rules know: version 1
 */
#include "ml/evaluate_values.h"

#include <math.h>

static double mean_of(double sum, int64_t n)
{
    return n > 0 ? sum / (double)n : 0;
}

void value_scores_add(struct value_scores *s, const struct value_outcome *o)
{
    int64_t at = s->rows / VALUE_BLOCK_ROWS % VALUE_BLOCKS;
    for (int i = 0; i < VALUE_RULES; i++) {
        double e = fabs(o->error[i]);
        s->absolute[i] += e;
        s->square[i] += e * e;
        s->block[i][at] = s->rows % VALUE_BLOCK_ROWS == 0 ? e : s->block[i][at] + e;
    }
    s->rows++;
    double d = o->y - s->mean;
    s->mean += d / (double)s->rows;
    s->m2 += d * (o->y - s->mean);
    s->smape += o->smape;
    s->intervals += o->has_interval;
    s->covered += o->is_covered;
}

void value_scores_merge(struct value_scores *s, const struct value_scores *from)
{
    if (s->rows == 0) {
        *s = *from;
        return;
    }
    double n = (double)s->rows, m = (double)from->rows, d = from->mean - s->mean;
    s->rows += from->rows;
    if (s->rows > 0) {
        s->mean += d * m / (n + m);
        s->m2 += from->m2 + d * d * n * m / (n + m);
    }
    s->smape += from->smape;
    s->intervals += from->intervals;
    s->covered += from->covered;
    for (int i = 0; i < VALUE_RULES; i++) {
        s->absolute[i] += from->absolute[i];
        s->square[i] += from->square[i];
    }
}

double value_scores_mae(const struct value_scores *s, enum value_rule rule)
{
    return mean_of(s->absolute[rule], s->rows);
}

double value_scores_rmse(const struct value_scores *s, enum value_rule rule)
{
    return sqrt(mean_of(s->square[rule], s->rows));
}

double value_scores_r2(const struct value_scores *s)
{
    return s->m2 > 0 ? 1 - s->square[VALUE_LEARNER] / s->m2 : 0;
}

double value_scores_smape(const struct value_scores *s)
{
    return mean_of(s->smape, s->rows);
}

double value_scores_coverage(const struct value_scores *s)
{
    return mean_of((double)s->covered, s->intervals);
}

double value_scores_rolling(const struct value_scores *s, enum value_rule rule)
{
    const int64_t all = (int64_t)VALUE_BLOCKS * VALUE_BLOCK_ROWS;
    int64_t filled = s->rows % VALUE_BLOCK_ROWS;
    int64_t rows = s->rows < all ? s->rows : all - (filled ? VALUE_BLOCK_ROWS - filled : 0);
    double sum = 0;
    for (int i = 0; i < VALUE_BLOCKS; i++) {
        sum += s->block[rule][i];
    }
    return mean_of(sum, rows);
}

struct value_outcome value_evaluation_score(struct value_evaluation *e, double y, double predicted,
                                            double lower, double upper)
{
    double size = fabs(predicted) + fabs(y);
    struct value_outcome o = {
        .y = y,
        .error = {predicted - y, e->mean - y, e->last - y},
        .smape = size > 0 ? 200 * fabs(predicted - y) / size : 0,
        .has_interval = !isnan(lower),
        .is_covered = y >= lower && y <= upper,
    };
    value_scores_add(&e->scores, &o);
    return o;
}

void value_evaluation_target(struct value_evaluation *e, double y)
{
    e->n++;
    e->mean += (y - e->mean) / (double)e->n;
    e->last = y;
}

int value_scores_io(struct value_scores *t, struct snapshot *s)
{
    snapshot_count(s, &t->rows);
    snapshot_count(s, &t->intervals);
    snapshot_count(s, &t->covered);
    snapshot_double(s, &t->mean);
    snapshot_double(s, &t->m2);
    snapshot_array(s, t->absolute, VALUE_RULES);
    snapshot_array(s, t->square, VALUE_RULES);
    snapshot_double(s, &t->smape);
    for (int i = 0; i < VALUE_RULES; i++) {
        snapshot_array(s, t->block[i], VALUE_BLOCKS);
    }
    return snapshot_status(s);
}

int value_evaluation_io(struct value_evaluation *e, struct snapshot *s)
{
    snapshot_version(s, 1);
    value_scores_io(&e->scores, s);
    snapshot_count(s, &e->n);
    snapshot_double(s, &e->mean);
    snapshot_double(s, &e->last);
    return snapshot_status(s);
}
