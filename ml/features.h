/* Features: the columns, expressions and `cpu_*` patterns that a learner is given, as rows of
 * doubles. */
#ifndef KLAMM_ML_FEATURES_H
#define KLAMM_ML_FEATURES_H

#include "engine/expression/expression.h"
#include "engine/learner.h"
#include "ml/classes.h"

#include <stdbool.h>
#include <stdint.h>

/* Features beyond this count as infinite: their squares would be. */
#define FEATURE_MOST 1e150

struct features {
    uint32_t n, ncategories;
    struct learner_column *column;
    const struct expression **expression;
};

/* What they are bound to; label may be NULL. Columns that the label reads are never meant by a
 * pattern, and the label itself is refused as a feature. */
struct features_setup {
    const struct config_list *list;
    struct config_text whole; /* where the list stands, for messages */
    const struct schema *in;
    const struct expression *label;
    const struct learner_def *def;
    struct arena *mem;
    struct diags *diags;
};
/* 0 or -ERR_CONFIG, all problems in diags. */
int features_bind(struct features *f, const struct features_setup *setup);
void features_needs(const struct features *f, bool *in);

/* The features of a batch, by column; in the batch's arena. */
struct feature_rows {
    const double **value;    /* per feature; NULL for a category */
    const struct str **text; /* per feature; NULL for a number */
    uint8_t *is_missing;     /* per row: some feature is null, NaN or infinite */
};
/* Evaluates over b's selection; rows that fail go to errors. */
int features_eval(const struct features *f, const struct batch *b, struct feature_rows *out,
                  struct row_errors *errors);
/* One row, gathered. category holds a dictionary per category feature, in order; new ones are added
 * when `learn` says so, else they are -1. */
enum feature_use { FEATURE_PREDICT, FEATURE_LEARN };
void features_row(const struct features *f, const struct feature_rows *rows, uint16_t row,
                  struct classes *category, enum feature_use use, double *x);

#endif
