/* Merit of a split, from the weight of every class in every branch, or the moments of every branch.
 *
 *   info_gain   H(leaf) - sum over branches of n_b / n * H(b),   H = -sum p log2 p
 *   gini        1 - sum over branches of n_b / n * (1 - sum p^2)
 *   hellinger   of the shares of class 0 and class 1 that go to the first two branches (Cieslak and
 *               Chawla 2008): sqrt(sum over branches of (sqrt(n_b0 / n_0) - sqrt(n_b1 / n_1))^2);
 *               0 where the leaf has only one of them (River: also where a branch has, which bars
 *               the best splits of all)
 *   variance    var(leaf) - sum over branches of n_b / n * var(b), variances unbiased; 0 where a
 *               branch has fewer than min_samples_split
 *
 * A split of classes counts only where two branches have more than min_branch_fraction of the
 * weight.
 *
 *   bound       sqrt(range^2 ln(1 / delta) / 2n) (Hoeffding 1963; Domingos and Hulten 2000)
 */
#include "ml/tree_merit.h"

#include <math.h>

double tree_entropy(const double *weight, uint32_t n)
{
    double entropy = 0, sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (weight[i] > 0) {
            entropy -= weight[i] * log2(weight[i]);
            sum += weight[i];
        }
    }
    return sum > 0 ? (entropy + sum * log2(sum)) / sum : 0;
}

static double row_sum(const struct tree_branches *b, uint32_t branch)
{
    const double *weight = b->weight + (size_t)branch * b->stride;
    double sum = 0;
    for (uint32_t c = 0; c < b->classes; c++) {
        sum += weight[c];
    }
    return sum;
}

static double impurity(const double *weight, uint32_t n, double sum)
{
    double gini = 1;
    for (uint32_t c = 0; c < n && sum != 0; c++) {
        double share = weight[c] / sum;
        gini -= share * share;
    }
    return gini;
}

static double squared_step(double a, double of_a, double b, double of_b)
{
    double d = sqrt(a / of_a) - sqrt(b / of_b);
    return d * d;
}

static double hellinger(const struct tree_branches *b)
{
    const double *zero = NULL, *one = NULL;
    for (uint32_t c = 0; c < b->classes; c++) {
        zero = b->class[c] == 0 ? b->weight + c : zero;
        one = b->class[c] == 1 ? b->weight + c : one;
    }
    if (!zero || !one || b->branches < 2) {
        return 0;
    }
    double all_zero = zero[0] + zero[b->stride], all_one = one[0] + one[b->stride];
    if (!(all_zero > 0) || !(all_one > 0)) {
        return 0;
    }
    return sqrt(squared_step(zero[0], all_zero, one[0], all_one) +
                squared_step(zero[b->stride], all_zero, one[b->stride], all_one));
}

double tree_merit_classes(const struct tree_options *o, double pre_entropy,
                          const struct tree_branches *b)
{
    double total = 0, mixed = 0;
    uint32_t filled = 0;
    for (uint32_t i = 0; i < b->branches; i++) {
        total += row_sum(b, i);
    }
    for (uint32_t i = 0; i < b->branches && total > 0; i++) {
        filled += row_sum(b, i) / total > o->min_branch_fraction;
    }
    if (filled < 2) {
        return -HUGE_VAL;
    }
    if (o->split_criterion == TREE_HELLINGER) {
        return hellinger(b);
    }
    for (uint32_t i = 0; i < b->branches; i++) {
        const double *weight = b->weight + (size_t)i * b->stride;
        double sum = row_sum(b, i);
        mixed += o->split_criterion == TREE_GINI ? sum / total * impurity(weight, b->classes, sum)
                                                 : sum * tree_entropy(weight, b->classes);
    }
    return o->split_criterion == TREE_GINI ? 1 - mixed : pre_entropy - mixed / total;
}

double tree_merit_range(const struct tree_options *o, uint32_t classes)
{
    return o->split_criterion == TREE_GINI ? 1 : log2(classes > 2 ? classes : 2);
}

double tree_merit_values(const struct tree_options *o, const struct moments *all,
                         const struct moments *branch, uint32_t branches)
{
    double merit = moments_variance(all);
    for (uint32_t i = 0; i < branches; i++) {
        if (!(branch[i].n >= (double)o->min_samples_split)) {
            return 0;
        }
        merit -= branch[i].n / all->n * moments_variance(&branch[i]);
    }
    return merit;
}

double tree_hoeffding_bound(double range, double delta, double n)
{
    return sqrt(range * range * log(1 / delta) / (2 * n));
}
