/* AUC on line (Hanley and McNeil 1982), from a histogram of scores: exact up to the order of scores
 * that share a bin, which counts half. The bins are even in the score, but ten times finer in the first
 * and last 2 per cent, where sure predictions crowd.
 *
 *   state   counts of both classes by bin: version 1
 */
#include "ml/auc.h"

#define EDGE 0.02

static int bin_of(double score)
{
    const int edge = AUC_BINS / 4;
    double p = score < 0 ? 0 : score > 1 ? 1 : score;
    if (p < EDGE) {
        return (int)(p / EDGE * edge);
    }
    if (p >= 1 - EDGE) {
        int at = AUC_BINS - edge + (int)((p - (1 - EDGE)) / EDGE * edge);
        return at < AUC_BINS ? at : AUC_BINS - 1;
    }
    return edge + (int)((p - EDGE) / (1 - 2 * EDGE) * (AUC_BINS - 2 * edge));
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
