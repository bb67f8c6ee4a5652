/* A Hoeffding tree of classes or of values, plain, adaptive, or over random columns: what the
 * learners hoeffding_tree, hoeffding_adaptive_tree and adaptive_random_forest are made of.
 *
 *   tree_new -> per row: tree_predict, tree_learn;   tree_io: save, load;   tree_free
 *
 * Nodes lie in pools and point at each other by index. One owner.
 */
#ifndef KLAMM_ML_TREE_H
#define KLAMM_ML_TREE_H

#include "engine/learner.h"
#include "engine/random.h"
#include "ml/adwin.h"
#include "ml/tree_classes.h"
#include "ml/tree_options.h"
#include "ml/tree_values.h"

struct tree_node {
    double threshold; /* or the category */
    int32_t left,
        right; /* children; of a leaf: left is its leaf; of TREE_VALUES: left is its ways */
    uint32_t column;
    uint16_t depth;
    uint16_t kind; /* enum tree_kind */
};

struct tree_leaf {
    struct tree_view view;
    uint32_t *sampled; /* the columns of the view where they are drawn at random, else NULL */
    double last_attempt;
    uint64_t bytes;
    int32_t next_free;
    bool is_active; /* looks for splits */
    union {
        struct tree_classes classes;
        struct tree_values values;
    };
};

struct tree_way {
    int32_t value, node;
};

struct tree_ways {
    uint32_t n;
    int32_t next_free;
    struct tree_way *way; /* ascending values */
};

/* Beside each node of an adaptive tree. */
struct tree_watch {
    struct adwin *adwin; /* NULL before the first row */
    struct moments error;
    int32_t alternate; /* a leaf that learns beside this branch; -1 */
};

/* Of an adaptive tree. */
struct tree_adaptive {
    struct adwin_config adwin;
    int64_t drift_window_threshold;
    double switch_significance;
    bool bootstrap_sampling;
};

struct tree_setup {
    const struct tree_options *options; /* outlives the tree, as do the columns */
    const struct learner_column *column;
    uint32_t ncolumns;
    enum learner_task task;
    uint32_t max_features;                /* columns a leaf draws for itself; 0: all */
    struct random *random;                /* for those, and for bootstrap_sampling; borrowed */
    const struct tree_adaptive *adaptive; /* NULL: plain */
};

struct tree {
    struct tree_setup setup;
    struct tree_view whole;
    uint32_t *columns; /* of the whole view */
    double power_of_ten;
    uint32_t classes;
    int32_t root; /* -1 before the first row */
    struct tree_node *node;
    struct tree_watch *watch; /* NULL of a plain tree */
    struct tree_leaf *leaf;
    struct tree_ways *ways;
    uint32_t nodes, nodes_room, leaves, leaves_room, nways, ways_room;
    int32_t free_node, free_leaf, free_ways;
    uint64_t bytes; /* by content, not by room, so that a loaded tree counts the same */
    double *scratch;
    size_t scratch_room;
    double *mix; /* a number per class, of an adaptive tree */
};

struct tree *tree_new(const struct tree_setup *setup);
void tree_free(struct tree *t);
/* Forgets all but the classes. */
void tree_clear(struct tree *t);
/* From now on there are so many classes. */
void tree_grow(struct tree *t, uint32_t classes);
/* Probabilities of the classes grown so far, or one value. */
void tree_predict(struct tree *t, const double *x, double *out);
/* Learns; returns what it would have predicted before: a class, -1 of nothing learned, or a value.
 * w 0: predicts only. */
double tree_learn(struct tree *t, const double *x, double y, double w);
int tree_io(struct tree *t, struct snapshot *s);
/* The generator that trees draw from. */
void tree_random_io(struct random *r, struct snapshot *s);
uint64_t tree_size(const struct tree *t);
uint32_t tree_leaf_count(const struct tree *t);

#endif
