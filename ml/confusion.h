/* Confusion: how often each class was predicted for each class, and what follows from that. */
#ifndef KLAMM_ML_CONFUSION_H
#define KLAMM_ML_CONFUSION_H

#include "engine/snapshot.h"

#include <stdint.h>

#define CONFUSION_CLASSES_MAX 100 /* rows of later classes are not counted */

struct confusion {
    uint32_t n, room;
    int64_t *count; /* [label * room + predicted] */
    int64_t rows;
};

void confusion_done(struct confusion *c); /* of a zeroed one, too */
void confusion_add(struct confusion *c, uint32_t label, uint32_t predicted, int64_t count);
/* Mean of the classes' recalls, classes that never came left out. */
double confusion_balanced_accuracy(const struct confusion *c);
/* Cohen's kappa. */
double confusion_kappa(const struct confusion *c);
/* F1 of one class; and the mean over the classes that came or were predicted. */
double confusion_f1(const struct confusion *c, uint32_t class);
double confusion_macro_f1(const struct confusion *c);
uint64_t confusion_size(const struct confusion *c);
int confusion_io(struct confusion *c, struct snapshot *s);

#endif
