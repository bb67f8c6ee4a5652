/* A leaf of a tree of classes; formulas are those of River 0.26 (tree.nodes.htc_nodes,
 * tree.splitter.GaussianSplitter, tree.splitter.nominal_splitter_classif, tree.utils).
 *
 *   weights    of the classes, those inherited from the split that made the leaf among them
 *   numbers    per class seen here: n, and per column mean, sum of squares S, least and greatest value
 *   categories per class seen here: weight per value
 *   bayes      log vote of a class = log(weight / total) + sum over columns of log density, with
 *              density Gaussian of variance S / (n - 1), or the share of the value among the rows of
 *              the class; a column without variance, or without the value, says nothing
 *   thresholds n_splits points that divide the range of a column evenly; a class whose range the
 *              point divides goes left with n * Phi((t - mean) / deviation)
 *   categories one branch per value, or one value against the others, whichever has more merit
 *
 *   block      per seen class, so that a vote is a dot product over neighbouring numbers:
 *                  n, sum of log scales, mean[], scale[], S[], least[], greatest[]
 *              scale = -1 / 2 variance; its logarithm is taken once per row for all columns, of the
 *              product of the variances
 *   one class  is never split; a constant column has no candidate
 *   bound      TREE_CATEGORIES_MAX values per column
 */
#include "ml/tree_classes.h"

#include "engine/memory.h"

#include <math.h>
#include <string.h>

#define HALF_LOG_TAU 0.91893853320467274178

/* Variances below are none: their reciprocals would overflow. */
#define VARIANCE_LEAST 1e-290

enum { AT_N, AT_OFFSET, AT_MEAN };

static size_t block_size(const struct tree_view *v)
{
    return AT_MEAN + 5 * (size_t)v->numbers;
}

void tree_classes_forget(struct tree_classes *l, const struct tree_view *v)
{
    for (uint32_t c = 0; l->counts && c < v->categories; c++) {
        mem_free(l->counts[c].value);
        mem_free(l->counts[c].weight);
    }
    mem_free(l->counts);
    mem_free(l->stats);
    mem_free(l->seen_class);
    l->counts = NULL;
    l->stats = NULL;
    l->seen_class = NULL;
    l->nseen = l->seen_room = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        l->slot[i].seen = -1;
    }
}

void tree_classes_done(struct tree_classes *l, const struct tree_view *v)
{
    tree_classes_forget(l, v);
    mem_free(l->slot);
    *l = (struct tree_classes){0};
}

double tree_classes_total(const struct tree_classes *l)
{
    double total = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        total += l->slot[i].weight;
    }
    return total;
}

int32_t tree_classes_majority(const struct tree_classes *l)
{
    int32_t best = l->n > 0 ? 0 : -1;
    for (uint32_t i = 1; i < l->n; i++) {
        best = l->slot[i].weight > l->slot[best].weight ? (int32_t)i : best;
    }
    return best;
}

bool tree_classes_is_pure(const struct tree_classes *l)
{
    uint32_t with_weight = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        with_weight += l->slot[i].weight != 0;
    }
    return with_weight < 2;
}

static uint32_t find_slot(const struct tree_classes *l, uint32_t class)
{
    uint32_t i = 0;
    while (i < l->n && l->slot[i].class != class) {
        i++;
    }
    return i;
}

static void add_slot(struct tree_classes *l, uint32_t class, double weight)
{
    if (l->n == l->room) {
        l->room = l->room > 0 ? 2 * l->room : 2;
        l->slot = mem_resize(l->slot, l->room, sizeof(*l->slot));
    }
    l->slot[l->n++] = (struct class_slot){weight, class, -1};
}

void tree_classes_weigh(struct tree_classes *l, uint32_t class, double w)
{
    uint32_t i = find_slot(l, class);
    if (i == l->n) {
        add_slot(l, class, 0);
    }
    l->slot[i].weight += w;
}

/* ---- naive Bayes ------------------------------------------------------------------------------ */

/* Position of a category among those counted, or where it would be. */
static uint32_t find_value(const struct category_counts *k, int32_t value)
{
    uint32_t low = 0, high = k->n;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (k->value[middle] < value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static double log_share(const struct category_counts *k, int32_t value, uint32_t seen)
{
    uint32_t at = find_value(k, value);
    double sum = 0;
    if (at == k->n || k->value[at] != value || !(k->weight[at * k->room + seen] > 0)) {
        return 0;
    }
    for (uint32_t i = 0; i < k->n; i++) {
        sum += k->weight[i * k->room + seen];
    }
    return log(k->weight[at * k->room + seen] / sum);
}

static double log_density(const double *block, const struct tree_view *v, const double *x)
{
    const double *mean = block + AT_MEAN, *scale = mean + v->numbers;
    double sum = 0;
    for (uint32_t i = 0; i < v->numbers; i++) {
        double d = x[v->column[i]] - mean[i];
        sum += d * scale[i] * d; /* in this order: 0 where the scale is, however large d */
    }
    return sum + block[AT_OFFSET];
}

int32_t tree_classes_bayes(const struct tree_classes *l, const struct tree_view *v, const double *x,
                           double *votes)
{
    double total = tree_classes_total(l);
    int32_t best = -1;
    for (uint32_t i = 0; i < l->n; i++) {
        const struct class_slot *slot = &l->slot[i];
        votes[i] = -HUGE_VAL;
        if (!(slot->weight > 0)) {
            continue;
        }
        votes[i] = log(slot->weight / total);
        if (slot->seen >= 0) {
            uint32_t seen = (uint32_t)slot->seen;
            votes[i] += log_density(l->stats + seen * block_size(v), v, x);
            for (uint32_t c = 0; c < v->categories; c++) {
                double value = x[v->column[v->numbers + c]];
                votes[i] += log_share(&l->counts[c], tree_category(value), seen);
            }
        }
        best = best < 0 || votes[i] > votes[best] ? (int32_t)i : best;
    }
    return best;
}

/* ---- statistics ------------------------------------------------------------------------------- */

/* Scales and their sum of logarithms, after the sums of squares changed. */
static void set_scales(double *block, uint32_t numbers)
{
    double *scale = block + AT_MEAN + numbers, *s = scale + numbers;
    double n = block[AT_N], product = 1, offset = 0;
    int exponents = 0;
    uint32_t counted = 0;
    for (uint32_t i = 0; i < numbers; i++) {
        double variance = n > 1 ? s[i] / (n - 1) : 0;
        bool counts = variance > VARIANCE_LEAST && variance < 1 / VARIANCE_LEAST;
        scale[i] = counts ? -0.5 / variance : 0;
        product *= counts ? variance : 1;
        counted += counts;
        if (!(product > 1e-10 && product < 1e10)) {
            int exponent;
            product = frexp(product, &exponent);
            exponents += exponent;
        }
    }
    if (counted > 0) {
        offset = -HALF_LOG_TAU * counted - 0.5 * (log(product) + exponents * M_LN2);
    }
    block[AT_OFFSET] = offset;
}

static void make_counts_room(struct category_counts *k, uint32_t values, uint32_t classes)
{
    if (values <= k->values_room && classes <= k->room) {
        return;
    }
    uint32_t values_room = values <= k->values_room ? k->values_room : 2 * values;
    uint32_t room = classes <= k->room ? k->room : classes + classes / 2;
    double *weight = mem_zalloc((size_t)values_room * room * sizeof(*weight));
    for (uint32_t i = 0; i < k->n; i++) {
        memcpy(weight + (size_t)i * room, k->weight + (size_t)i * k->room,
               (k->room < room ? k->room : room) * sizeof(*weight));
    }
    mem_free(k->weight);
    k->value = mem_resize(k->value, values_room, sizeof(*k->value));
    k->weight = weight;
    k->values_room = values_room;
    k->room = room;
}

/* True when the value was not among those counted. */
static bool count_value(struct category_counts *k, int32_t value, uint32_t seen, double w)
{
    uint32_t at = find_value(k, value);
    bool is_new = at == k->n || k->value[at] != value;
    if (is_new && (k->n >= TREE_CATEGORIES_MAX || value < 0)) {
        return false;
    }
    make_counts_room(k, k->n + is_new, seen + 1);
    double *row = k->weight + (size_t)at * k->room;
    if (is_new) {
        size_t behind = k->n - at;
        memmove(k->value + at + 1, k->value + at, behind * sizeof(*k->value));
        memmove(row + k->room, row, behind * k->room * sizeof(*row));
        memset(row, 0, k->room * sizeof(*row));
        k->value[at] = value;
        k->n++;
    }
    row[seen] += w;
    return is_new;
}

static void add_seen(struct tree_classes *l, const struct tree_view *v, uint32_t class)
{
    size_t size = block_size(v);
    if (l->nseen == l->seen_room) {
        l->seen_room = l->seen_room > 0 ? 2 * l->seen_room : 2;
        l->stats = mem_resize(l->stats, l->seen_room * size, sizeof(double));
        l->seen_class = mem_resize(l->seen_class, l->seen_room, sizeof(*l->seen_class));
    }
    if (!l->counts && v->categories > 0) {
        l->counts = mem_zalloc(v->categories * sizeof(*l->counts));
    }
    double *block = l->stats + l->nseen * size;
    memset(block, 0, size * sizeof(*block));
    for (uint32_t i = 0; i < v->numbers; i++) {
        block[AT_MEAN + 3 * v->numbers + i] = HUGE_VAL;
        block[AT_MEAN + 4 * v->numbers + i] = -HUGE_VAL;
    }
    l->seen_class[l->nseen++] = class;
}

bool tree_classes_observe(struct tree_classes *l, const struct tree_view *v, const double *x,
                          uint32_t class, double w)
{
    struct class_slot *slot = &l->slot[find_slot(l, class)];
    bool has_grown = slot->seen < 0;
    if (has_grown) {
        slot->seen = (int32_t)l->nseen;
        add_seen(l, v, class);
    }
    uint32_t n = v->numbers;
    double *block = l->stats + (size_t)slot->seen * block_size(v);
    double *mean = block + AT_MEAN, *s = mean + 2 * n, *least = s + n, *greatest = least + n;
    block[AT_N] += w;
    double share = w / block[AT_N];
    for (uint32_t i = 0; i < n; i++) {
        double value = x[v->column[i]], d = value - mean[i];
        mean[i] += share * d;
        s[i] += w * d * (value - mean[i]);
        least[i] = value < least[i] ? value : least[i];
        greatest[i] = value > greatest[i] ? value : greatest[i];
    }
    set_scales(block, n);
    for (uint32_t c = 0; c < v->categories; c++) {
        double value = x[v->column[n + c]];
        has_grown |= count_value(&l->counts[c], tree_category(value), (uint32_t)slot->seen, w);
    }
    return has_grown;
}

/* ---- splits ----------------------------------------------------------------------------------- */

/* Weight that a class sends left of the threshold; *is_left and *is_right: whether it goes there. */
static double left_weight(const double *block, uint32_t numbers, uint32_t i, double threshold,
                          bool *is_left, bool *is_right)
{
    const double *mean = block + AT_MEAN, *s = mean + 2 * (size_t)numbers;
    double n = block[AT_N];
    *is_left = !(threshold < s[numbers + i]);
    *is_right = threshold < s[2 * (size_t)numbers + i];
    if (!*is_left || !*is_right) {
        return *is_left ? n : 0;
    }
    double deviation = sqrt(n > 1 ? s[i] / (n - 1) : 0);
    if (!(deviation > 0)) {
        return 0;
    }
    return n * (0.5 * (1 + erf((threshold - mean[i]) / deviation / M_SQRT2)));
}

static void divide_numbers(const struct tree_classes *l, const struct tree_view *v, uint32_t place,
                           double threshold, double *scratch)
{
    bool is_left, is_right;
    for (uint32_t i = 0; i < l->nseen; i++) {
        const double *block = l->stats + i * block_size(v);
        scratch[i] = left_weight(block, v->numbers, place, threshold, &is_left, &is_right);
        scratch[l->nseen + i] = is_right ? block[AT_N] - scratch[i] : 0;
    }
}

static void divide_category(const struct tree_classes *l, const struct category_counts *k,
                            uint32_t at, double *scratch)
{
    for (uint32_t i = 0; i < l->nseen; i++) {
        scratch[i] = scratch[l->nseen + i] = 0;
        for (uint32_t j = 0; j < k->n && i < k->room; j++) {
            scratch[j == at ? i : l->nseen + i] += k->weight[(size_t)j * k->room + i];
        }
    }
}

static struct tree_split best_threshold(const struct tree_classes *l, const struct tree_view *v,
                                        uint32_t place, const struct tree_options *o,
                                        double entropy, double *scratch)
{
    struct tree_split best = {.merit = -HUGE_VAL, .kind = TREE_NUMBER, .place = place};
    const struct tree_branches b = {scratch, 2, l->nseen, l->nseen, l->seen_class};
    double least = HUGE_VAL, greatest = -HUGE_VAL;
    for (uint32_t i = 0; i < l->nseen; i++) {
        const double *s = l->stats + i * block_size(v) + AT_MEAN + 2 * (size_t)v->numbers;
        least = fmin(least, s[v->numbers + place]);
        greatest = fmax(greatest, s[2 * (size_t)v->numbers + place]);
    }
    double width = (greatest - least) / ((double)o->n_splits + 1);
    for (int64_t i = 0; i < o->n_splits; i++) {
        double threshold = least + width * (double)(i + 1);
        if (!(least < threshold && threshold < greatest)) {
            continue;
        }
        divide_numbers(l, v, place, threshold, scratch);
        double merit = tree_merit_classes(o, entropy, &b);
        if (merit > best.merit) {
            best.merit = merit;
            best.threshold = threshold;
        }
    }
    return best;
}

static struct tree_split best_category(const struct tree_classes *l, const struct tree_view *v,
                                       uint32_t place, const struct tree_options *o, double entropy,
                                       double *scratch)
{
    const struct category_counts *k = &l->counts[place - v->numbers];
    struct tree_split best = {.merit = -HUGE_VAL, .kind = TREE_VALUES, .place = place};
    const struct tree_branches b = {scratch, 2, l->nseen, l->nseen, l->seen_class};
    if (!o->binary_split && k->n > 0) {
        uint32_t columns = k->room < l->nseen ? k->room : l->nseen;
        const struct tree_branches all = {k->weight, k->n, columns, k->room, l->seen_class};
        best.merit = tree_merit_classes(o, entropy, &all);
    }
    for (uint32_t i = 0; i < k->n; i++) {
        divide_category(l, k, i, scratch);
        double merit = tree_merit_classes(o, entropy, &b);
        if (merit > best.merit) {
            best.merit = merit;
            best.kind = TREE_VALUE;
            best.threshold = k->value[i];
        }
    }
    return best;
}

struct tree_split tree_classes_best(const struct tree_classes *l, const struct tree_view *v,
                                    uint32_t place, const struct tree_options *o, double *scratch)
{
    for (uint32_t i = 0; i < l->n; i++) {
        scratch[i] = l->slot[i].weight;
    }
    double entropy = tree_entropy(scratch, l->n);
    return place < v->numbers ? best_threshold(l, v, place, o, entropy, scratch)
                              : best_category(l, v, place, o, entropy, scratch);
}

static void divide_values(const struct tree_classes *l, const struct category_counts *k,
                          struct tree_classes *child)
{
    for (uint32_t j = 0; j < k->n; j++) {
        for (uint32_t i = 0; i < l->nseen && i < k->room; i++) {
            double weight = k->weight[(size_t)j * k->room + i];
            if (weight > 0) {
                add_slot(&child[j], l->seen_class[i], weight);
            }
        }
    }
}

void tree_classes_divide(const struct tree_classes *l, const struct tree_view *v,
                         const struct tree_split *split, struct tree_classes *child,
                         double *scratch)
{
    if (split->kind == TREE_VALUES) {
        divide_values(l, &l->counts[split->place - v->numbers], child);
        return;
    }
    if (split->kind == TREE_VALUE) {
        const struct category_counts *k = &l->counts[split->place - v->numbers];
        divide_category(l, k, find_value(k, tree_category(split->threshold)), scratch);
    } else {
        divide_numbers(l, v, split->place, split->threshold, scratch);
    }
    for (uint32_t i = 0; i < l->nseen; i++) {
        for (int side = 0; side < 2; side++) {
            double weight = scratch[side * (int)l->nseen + (int)i];
            if (weight > 0) {
                add_slot(&child[side], l->seen_class[i], weight);
            }
        }
    }
}

/* ---- snapshot --------------------------------------------------------------------------------- */

static int counts_io(struct category_counts *k, uint32_t classes, struct snapshot *s)
{
    uint32_t n = k->n;
    snapshot_u32(s, &n);
    if (s->loading) {
        if (n > TREE_CATEGORIES_MAX || n > (size_t)(s->end - s->p)) {
            s->status = -ERR_DATA;
            return s->status;
        }
        if (n > 0) {
            make_counts_room(k, n, classes);
        }
        k->n = n;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t value = (uint32_t)k->value[i];
        snapshot_u32(s, &value);
        k->value[i] = (int32_t)(value & INT32_MAX);
        for (uint32_t c = 0; c < classes; c++) {
            double weight = c < k->room ? k->weight[(size_t)i * k->room + c] : 0;
            snapshot_double(s, &weight);
            if (s->loading) {
                k->weight[(size_t)i * k->room + c] = weight;
            }
        }
    }
    return snapshot_status(s);
}

static void blocks_io(struct tree_classes *l, const struct tree_view *v, struct snapshot *s)
{
    for (uint32_t i = 0; i < l->nseen; i++) {
        double *block = l->stats + i * block_size(v), *mean = block + AT_MEAN;
        snapshot_double(s, &block[AT_N]);
        snapshot_array(s, mean, v->numbers);
        snapshot_array(s, mean + 2 * (size_t)v->numbers, 3 * (size_t)v->numbers);
        if (s->loading) {
            set_scales(block, v->numbers);
        }
    }
    for (uint32_t c = 0; c < v->categories && l->nseen > 0 && s->status == 0; c++) {
        counts_io(&l->counts[c], l->nseen, s);
    }
}

int tree_classes_io(struct tree_classes *l, const struct tree_view *v, uint32_t classes,
                    struct snapshot *s)
{
    uint32_t n = l->n, nseen = 0;
    snapshot_u32(s, &n);
    if (s->loading && (n > classes || n > (size_t)(s->end - s->p) / 8)) {
        s->status = -ERR_DATA;
        return s->status;
    }
    for (uint32_t i = 0; i < n && s->status == 0; i++) {
        struct class_slot slot = s->loading ? (struct class_slot){0} : l->slot[i];
        snapshot_u32(s, &slot.class);
        snapshot_double(s, &slot.weight);
        if (slot.class >= classes) {
            s->status = -ERR_DATA;
        } else if (s->loading) {
            add_slot(l, slot.class, slot.weight);
        }
    }
    snapshot_double(s, &l->mc_right);
    snapshot_double(s, &l->nb_right);
    nseen = l->nseen;
    snapshot_u32(s, &nseen);
    if (s->loading && (nseen > l->n || nseen > (size_t)(s->end - s->p) / 8)) {
        s->status = -ERR_DATA;
    }
    for (uint32_t i = 0; i < nseen && s->status == 0; i++) {
        uint32_t class = s->loading ? 0 : l->seen_class[i];
        snapshot_u32(s, &class);
        uint32_t at = find_slot(l, class);
        if (at == l->n) {
            s->status = -ERR_DATA;
        } else if (s->loading) {
            l->slot[at].seen = (int32_t)i;
            add_seen(l, v, class);
        }
    }
    if (s->status == 0) {
        blocks_io(l, v, s);
    }
    return snapshot_status(s);
}

uint64_t tree_classes_size(const struct tree_classes *l, const struct tree_view *v)
{
    uint64_t size = l->n * sizeof(*l->slot) + l->nseen * (block_size(v) * sizeof(double) + 4);
    for (uint32_t c = 0; l->counts && c < v->categories; c++) {
        size += sizeof(*l->counts) + l->counts[c].n * (4 + l->nseen * sizeof(double));
    }
    return size;
}
