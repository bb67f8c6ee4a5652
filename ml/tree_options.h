/* What hoeffding_tree, hoeffding_adaptive_tree and adaptive_random_forest have in common: the
 * options of one tree, first in the options of each, and their rows of the table. Plain data.
 */
#ifndef KLAMM_ML_TREE_OPTIONS_H
#define KLAMM_ML_TREE_OPTIONS_H

#include "engine/config.h"
#include "engine/learner.h"

#include <stdbool.h>
#include <stdint.h>

enum tree_criterion { TREE_INFO_GAIN, TREE_GINI, TREE_HELLINGER };

/* What a leaf predicts; words for classes and for values that mean the same are one number. */
enum tree_leaf_kind { TREE_LEAF_ADAPTIVE, TREE_LEAF_CONSTANT, TREE_LEAF_MODEL };

/* Most that may be configured, hence of what is kept on stacks. */
#define TREE_SPLITS_MAX 1000
#define TREE_DEPTH_MAX  900

struct tree_options {
    int64_t grace_period, max_depth, n_splits, digits, min_samples_split;
    double delta, tau, nb_threshold, model_selector_decay, max_size;
    double min_branch_fraction, max_share_to_split;
    int split_criterion, leaf_prediction;
    bool binary_split, merit_preprune;
};

extern const char *const tree_criterion_names[];
extern const char *const tree_leaf_names[];
extern const struct learner_alias tree_aliases[];

static inline enum tree_leaf_kind tree_leaf_kind(const struct tree_options *o)
{
    return o->leaf_prediction == 0 ? TREE_LEAF_ADAPTIVE
                                   : (enum tree_leaf_kind)((o->leaf_prediction - 1) % 3);
}

/* Words on which the form of a snapshot depends. */
void tree_options_layout(const struct tree_options *o, struct buffer *words);

#define TREE_FIELD(NAME) offsetof(struct tree_options, NAME)
/* Rows of the table of options; the struct begins with a struct tree_options. */
#define TREE_FIELDS(GRACE_PERIOD, DELTA)                                                           \
    {"grace_period",                                                                               \
     CONFIG_LONG,                                                                                  \
     TREE_FIELD(grace_period),                                                                     \
     .def = GRACE_PERIOD,                                                                          \
     .min = 1,                                                                                     \
     .max = 1e9,                                                                                   \
     .doc = "weight of rows that a leaf sees between attempts to split it"},                       \
        {"max_depth",                                                                              \
         CONFIG_LONG,                                                                              \
         TREE_FIELD(max_depth),                                                                    \
         .def = "900",                                                                             \
         .min = 1,                                                                                 \
         .max = 900,                                                                               \
         .doc = "leaves this deep are split no more"},                                             \
        {"delta",                                                                                  \
         CONFIG_DOUBLE,                                                                            \
         TREE_FIELD(delta),                                                                        \
         .def = DELTA,                                                                             \
         .min = 1e-300,                                                                            \
         .max = 1,                                                                                 \
         .doc = "probability of choosing another split than infinite data would"},                 \
        {"tau",                                                                                    \
         CONFIG_DOUBLE,                                                                            \
         TREE_FIELD(tau),                                                                          \
         .def = "0.05",                                                                            \
         .min = 0,                                                                                 \
         .max = 1,                                                                                 \
         .doc = "below this Hoeffding bound the best split is taken, however close the second"},   \
        {"leaf_prediction",                                                                        \
         CONFIG_ENUM,                                                                              \
         TREE_FIELD(leaf_prediction),                                                              \
         .def = "auto",                                                                            \
         .values = tree_leaf_names,                                                                \
         .doc =                                                                                    \
             "classes: mc (majority), nb (naive Bayes), nba (whichever was right more often); "    \
             "values: mean, model (linear), adaptive (whichever erred less of late); auto: nba "   \
             "or adaptive, and a word of the other task stands for its counterpart"},              \
        {"nb_threshold",                                                                           \
         CONFIG_DOUBLE,                                                                            \
         TREE_FIELD(nb_threshold),                                                                 \
         .def = "0",                                                                               \
         .min = 0,                                                                                 \
         .max = 1e15,                                                                              \
         .doc = "weight of rows from which on nb is used"},                                        \
        {"model_selector_decay",                                                                   \
         CONFIG_DOUBLE,                                                                            \
         TREE_FIELD(model_selector_decay),                                                         \
         .def = "0.95",                                                                            \
         .min = 0,                                                                                 \
         .max = 1,                                                                                 \
         .doc = "what a squared error still counts one row later (adaptive)"},                     \
        {"split_criterion",                                                                        \
         CONFIG_ENUM,                                                                              \
         TREE_FIELD(split_criterion),                                                              \
         .def = "info_gain",                                                                       \
         .values = tree_criterion_names,                                                           \
         .doc = "merit of a split of classes; hellinger is for two; values: variance reduction"},  \
        {"n_splits",                                                                               \
         CONFIG_LONG,                                                                              \
         TREE_FIELD(n_splits),                                                                     \
         .def = "10",                                                                              \
         .min = 1,                                                                                 \
         .max = TREE_SPLITS_MAX,                                                                   \
         .doc = "thresholds tried per number (classes)"},                                          \
        {"digits",                                                                                 \
         CONFIG_LONG,                                                                              \
         TREE_FIELD(digits),                                                                       \
         .def = "1",                                                                               \
         .min = 0,                                                                                 \
         .max = 15,                                                                                \
         .doc = "decimals to which numbers are rounded as thresholds (values)"},                   \
        {"min_samples_split",                                                                      \
         CONFIG_LONG,                                                                              \
         TREE_FIELD(min_samples_split),                                                            \
         .def = "5",                                                                               \
         .min = 1,                                                                                 \
         .max = 1e9,                                                                               \
         .doc = "least weight of rows in a branch (values)"},                                      \
        {"min_branch_fraction",                                                                    \
         CONFIG_DOUBLE,                                                                            \
         TREE_FIELD(min_branch_fraction),                                                          \
         .def = "0.01",                                                                            \
         .min = 0,                                                                                 \
         .max = 0.5,                                                                               \
         .doc = "least share of the rows that two branches must have (classes)"},                  \
        {"max_share_to_split",                                                                     \
         CONFIG_DOUBLE,                                                                            \
         TREE_FIELD(max_share_to_split),                                                           \
         .def = "0.99",                                                                            \
         .min = 0,                                                                                 \
         .max = 1,                                                                                 \
         .doc = "a leaf with more of its rows in one class is not split"},                         \
        {"binary_split", CONFIG_BOOLEAN, TREE_FIELD(binary_split), .def = "false",                 \
         .doc = "categories too are split in two: one value, and all others"},                     \
        {"merit_preprune", CONFIG_BOOLEAN, TREE_FIELD(merit_preprune), .def = "true",              \
         .doc = "not to split is one of the candidates"},                                          \
    {                                                                                              \
        "max_size", CONFIG_DOUBLE, TREE_FIELD(max_size),                                           \
            .def = "100", .min = 0.001, .max = 1e6,                                                \
            .doc =                                                                                 \
                "MB a tree may hold; beyond, the leaves of least promise stop looking for splits"  \
    }

#endif
