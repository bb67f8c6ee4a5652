/* AUC: area under the curve of true against false alarms, of scores in 0..1 for two classes. */
#ifndef KLAMM_ML_AUC_H
#define KLAMM_ML_AUC_H

#include "engine/snapshot.h"

#include <stdbool.h>
#include <stdint.h>

#define AUC_BINS 400

struct auc {
    int64_t count[2][AUC_BINS]; /* rows by score, of the false and of the true ones */
};

void auc_add(struct auc *a, double score, bool is_true);
void auc_merge(struct auc *a, const struct auc *from);
/* P(score of a true row > of a false one), ties half; 0.5 while one of the classes is missing. */
double auc_value(const struct auc *a);
int auc_io(struct auc *a, struct snapshot *s);

#endif
