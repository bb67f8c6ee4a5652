/* Features: the columns, expressions and `cpu_*` patterns that a learner is given, as rows of
 * doubles.
 *
 *     | x[0] … x[n - 1] |                                  numbers, booleans, categories
 *     | x[0] … x[n - 1] | k | index, value | … k times     with bags: words, maps and strings behind
 *                                                          them, hashed (struct sparse_item)
 */
#ifndef KLAMM_ML_FEATURES_H
#define KLAMM_ML_FEATURES_H

#include "engine/expression/expression.h"
#include "engine/learner.h"
#include "ml/bag.h"
#include "ml/classes.h"
#include "ml/hashed.h"

#include <stdbool.h>
#include <stdint.h>

/* Features beyond this count as infinite: their squares would be. */
#define FEATURE_MOST 1e150

/* An array<string>, a map of numbers or a string, of a learner that takes sparse features. */
struct feature_bag {
    const char *name;
    const struct expression *expression;
    struct hashed_text
        begin; /* what its texts begin with: "name=" of strings and where it was named */
    bool is_named;
};

struct features {
    uint32_t n, ncategories;
    struct learner_column *column;
    const struct expression **expression;
    uint32_t nbags, nsparse; /* nsparse: how many numbers the items of the bags are hashed to */
    struct feature_bag *bag;
};

/* What they are bound to; label may be NULL. Columns that the label reads are never meant by a
 * pattern, and the label itself is refused as a feature. */
struct features_setup {
    const struct config_list *list;
    struct config_text whole; /* where the list stands, for messages */
    const struct schema *in;
    const struct expression *label;
    const struct learner_def *def;
    uint32_t nsparse;            /* for those that take them */
    const char *sparse_learners; /* for messages: who takes bags */
    struct arena *mem;
    struct diags *diags;
};
/* 0 or -ERR_CONFIG, all problems in diags. */
int features_bind(struct features *f, const struct features_setup *setup);
void features_needs(const struct features *f, bool *in);
/* Words for what gives a saved row its meaning. */
void features_layout(const struct features *f, struct buffer *words);

/* The features of a batch, by column; in the batch's arena. */
struct feature_rows {
    const double **value;    /* per feature; NULL for a category */
    const struct str **text; /* per feature; NULL for a number */
    struct vec *bag;         /* per bag */
    uint8_t *is_missing;     /* per row: some feature is null, NaN or infinite, or there are more
                                than BAG_ITEMS_MOST items */
};
/* Evaluates over b's selection; rows that fail go to errors. */
int features_eval(const struct features *f, const struct batch *b, struct feature_rows *out,
                  struct row_errors *errors);
/* One row, gathered but for its bags. category holds a dictionary per category feature, in order;
 * new ones are added when `learn` says so, else they are -1. */
enum feature_use { FEATURE_PREDICT, FEATURE_LEARN };
void features_row(const struct features *f, const struct feature_rows *rows, uint16_t row,
                  struct classes *category, enum feature_use use, double *x);
/* And its bags. */
void features_bag(const struct features *f, const struct feature_rows *rows, uint16_t row,
                  struct bag *out);

/* Doubles of a gathered row. */
static inline uint32_t features_length(const struct features *f, const double *x)
{
    return f->nbags > 0 ? f->n + 1 + 2 * (uint32_t)x[f->n] : f->n;
}
/* Whether these doubles, of a changelog, are a row. */
bool features_hold(const struct features *f, const double *x, size_t n);

#endif
