/* AUC on line (Hanley and McNeil 1982), from a histogram of scores: rows that share a bin count
 * half, as equal scores do. The bins are even in asinh(4 log(score / (1 - score))), so that scores
 * which crowd at 0, at 1 or at a half are told apart.
 *
 *   state   counts of both classes by bin: version 1
 */
#include "ml/auc.h"

#include <math.h>

#define WIDEST 5.1 /* of a score of 1 - 1e-9 */

static int bin_of(double score)
{
    double p = score > 0 ? score < 1 ? score : 1 : 0;
    double at = fmin(fmax(asinh(4 * (log(p) - log1p(-p))), -WIDEST), WIDEST);
    int bin = (int)((at + WIDEST) / (2 * WIDEST) * AUC_BINS);
    return bin < AUC_BINS ? bin : AUC_BINS - 1;
}

void auc_add(struct auc *a, double score, bool is_true)
{
    a->count[is_true][bin_of(score)]++;
}

void auc_merge(struct auc *a, const struct auc *from)
{
    for (int c = 0; c < 2; c++) {
        for (int i = 0; i < AUC_BINS; i++) {
            a->count[c][i] += from->count[c][i];
        }
    }
}

double auc_value(const struct auc *a)
{
    double below = 0, pairs = 0, trues = 0;
    for (int i = 0; i < AUC_BINS; i++) {
        double f = (double)a->count[0][i], t = (double)a->count[1][i];
        pairs += t * (below + f / 2);
        below += f;
        trues += t;
    }
    return below > 0 && trues > 0 ? pairs / (below * trues) : 0.5;
}

int auc_io(struct auc *a, struct snapshot *s)
{
    snapshot_version(s, 1);
    for (int c = 0; c < 2; c++) {
        for (int i = 0; i < AUC_BINS; i++) {
            snapshot_count(s, &a->count[c][i]);
        }
    }
    return snapshot_status(s);
}
