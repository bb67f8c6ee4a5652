/* The words of the options that all Hoeffding trees share: names of criteria and of what a leaf
 * predicts, River's and scikit-learn's names for other options, and what the form of a snapshot
 * depends on. The rows of the table are a macro in the header, because defaults differ.
 */
#include "ml/tree_options.h"

const char *const tree_criterion_names[] = {"info_gain", "gini", "hellinger", NULL};
const char *const tree_leaf_names[] = {"auto",     "nba",  "mc",    "nb",
                                       "adaptive", "mean", "model", NULL};

const struct learner_alias tree_aliases[] = {
    {"criterion", "split_criterion"},   {"leaf_model", "leaf_prediction"},
    {"splitter", "n_splits or digits"}, {"split_confidence", "delta"},
    {"tie_threshold", "tau"},           {"nominal_attributes", "features: strings are categories"},
    {"max_memory_size", "max_size"},    {0},
};

void tree_options_layout(const struct tree_options *o, struct buffer *words)
{
    buffer_printf(words, "leaf %d\n", (int)tree_leaf_kind(o));
}
