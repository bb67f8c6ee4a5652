/* Classes: the labels that a model has learned, numbered in the order of their first appearance. */
#ifndef KLAMM_ML_CLASSES_H
#define KLAMM_ML_CLASSES_H

#include "engine/snapshot.h"
#include "engine/type.h"
#include "engine/vector.h"

#include <stdint.h>

struct classes {
    const struct type *type; /* of the label: boolean, long or string */
    uint32_t n, cap;
    struct class_label {
        int64_t number;  /* of a boolean or long label */
        struct str text; /* of a string label; its name in maps for every type */
    } * label;
};

/* The longest string that may name a class. */
#define CLASS_NAME_MAX 1024

void classes_init(struct classes *c, const struct type *type);
void classes_done(struct classes *c);
/* Bytes that it owns. */
uint64_t classes_size(const struct classes *c);
/* Class number of the label in this row (not null), or -1. */
int classes_find(const struct classes *c, const struct vec *label, uint16_t row);
/* Adds it: its number, or -ERR_DATA when it is too long or one too many. */
int classes_add(struct classes *c, const struct vec *label, uint16_t row);
/* Adds false and true of a boolean label: a learner of two classes knows them beforehand. */
void classes_add_booleans(struct classes *c);
/* Writes class `number` as the value of this row; v has the label's type. */
void classes_put(const struct classes *c, int number, struct vec *v, uint16_t row,
                 struct arena *mem);
int classes_io(struct classes *c, struct snapshot *s);

#endif
