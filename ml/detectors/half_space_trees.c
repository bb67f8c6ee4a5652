/* half_space_trees: random trees that count how many rows fell into each of their cells (Tan, Ting
 * and Liu, "Fast anomaly detection for streaming data", IJCAI 2011). Formulas and defaults are
 * those of River 0.26's MinMaxScaler | anomaly.HalfSpaceTrees; the trees themselves come from other
 * random numbers.
 *
 *   tree     complete, of `height` levels of cuts; a node cuts a feature, drawn by the width of the
 *            node's range in it, at a point drawn from the middle 70 % of that range
 *   learn    a row counts in every node on its way; after window_size rows these counts become the
 *            masses r, and counting begins anew
 *   score    1 - sum over trees and over the nodes of the way, from the root, of r * 2^depth, up to the
 *            first node with r < 0.1 * window_size, divided by n_trees * window_size * (2^(height+1)-1)
 *   scaling  (x - low) / (high - low) by the limits given, else by the smallest and largest value
 *            learned so far (this row included when learning); 0 where both are the same
 *
 * Only leaves are counted: what an inner node has is the sum of its two halves. When a window ends,
 * the sum along the way to each leaf is worked out once, so a score is one look-up per tree. Nodes
 * of a tree are a heap (children of i: 2i + 1, 2i + 2); the ways through GROUP trees are walked
 * level by level, so that their memory accesses overlap. A row predicted and then learned is walked
 * once.
 *
 *   state    window_size, height, trees; rows of the window, windows; smallest, largest; counts and masses
 *            of the leaves; from version 2 on features that are upside down. The trees follow from the seed
 *   none     NaN until the first window has ended
 *   constant a feature that never changes is cut all the same, and all rows go one way. A row off such a
 *            feature is where none has been: its way ends at the root. When it changes at last, after FEW rows or more,
 *            it is scaled such that its old value stays where it was, at 0: upside down if the new one is less
 *   order    rows one by one: the same bits for any batch size
 */
#include "engine/learner.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "ml/spread.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FEW        30
#define GROUP      8
#define PADDING    0.15
#define LEAVES_MAX (1u << 23)

struct options {
    int64_t n_trees, height, window_size;
    struct config_list limits;
};

struct cut {
    double at;
    uint32_t feature;
};

struct forest {
    const struct options *options;
    uint32_t n, trees, height, leaves, cuts;
    uint32_t at; /* rows of this window */
    int64_t windows;
    double *low, *high, *scaled; /* one block */
    uint8_t *is_fixed;           /* limits given */
    uint8_t *is_turned;          /* upside down; behind is_fixed */
    struct cut *cut;             /* trees * cuts */
    uint32_t *count, *mass;      /* trees * leaves */
    double *sum;                 /* trees * leaves: of masses along the way */
    double *below;               /* scratch: leaves + 1, the first 0 */
    uint32_t *way;               /* per tree: the leaf of the row last walked */
    double *walked;              /* that row, scaled; NaN: none */
};

static const struct config_field fields[] = {
    {"n_trees", CONFIG_LONG, offsetof(struct options, n_trees), .def = "10", .min = 1, .max = 1000,
     .doc = "number of trees"},
    {"height", CONFIG_LONG, offsetof(struct options, height), .def = "8", .min = 1, .max = 20,
     .doc = "levels of cuts; a tree has 2^height leaves"},
    {"window_size", CONFIG_LONG, offsetof(struct options, window_size), .def = "250", .min = 1,
     .max = 1e9, .doc = "rows after which the counts become the masses"},
    {"limits", CONFIG_MAP, offsetof(struct options, limits),
     .doc = "range of a feature, as in 0 to 100; without: the smallest and largest value so far"},
    {0},
};

static const struct learner_alias aliases[] = {{"n_estimators", "n_trees"}, {"n_models", "n_trees"},
                                               {"max_depth", "height"},     {"depth", "height"},
                                               {"window", "window_size"},   {0}};

/* "low to high" */
static int parse_limits(const char *text, double *low, double *high)
{
    char *end;
    *low = strtod(text, &end);
    if (end == text || strncmp(end, " to ", 4) != 0) {
        return -ERR_CONFIG;
    }
    const char *from = end + 4;
    *high = strtod(from, &end);
    int is_range = end > from && *end == '\0' && *low < *high && fabs(*low) <= SPREAD_VALUE_MAX &&
                   fabs(*high) <= SPREAD_VALUE_MAX;
    return is_range ? 0 : -ERR_CONFIG;
}

static int forest_check(const void *options, struct err *e)
{
    const struct options *o = options;
    if ((double)o->n_trees * (double)(1u << o->height) > LEAVES_MAX) {
        return err_set(e, ERR_CONFIG, "n_trees * 2^height is over %u: lower the height",
                       LEAVES_MAX);
    }
    for (int i = 0; i < o->limits.n; i++) {
        double low, high;
        const struct config_item *item = &o->limits.item[i];
        if (parse_limits(item->value.text, &low, &high) < 0) {
            return err_set(e, ERR_CONFIG, "limits of %s: write low to high, as in 0 to 100",
                           item->name);
        }
    }
    return 0;
}

static void forest_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    buffer_printf(words, "n_trees %lld, height %lld, window_size %lld\n", (long long)o->n_trees,
                  (long long)o->height, (long long)o->window_size);
}

/* ---- trees ----------------------------------------------------------------------------------- */

/* The feature of a cut, drawn by the widths of the ranges. */
static uint32_t draw_feature(struct random *random, const double *low, const double *high,
                             uint32_t n)
{
    double total = 0;
    for (uint32_t i = 0; i < n; i++) {
        total += high[i] - low[i];
    }
    double at = random_unit(random) * total;
    for (uint32_t i = 0; i + 1 < n; i++) {
        at -= high[i] - low[i];
        if (at < 0) {
            return i;
        }
    }
    return n - 1;
}

/* Cuts node i and those below it; the depth is at most 20. */
static void cut_node(struct forest *m, struct random *random, struct cut *cut, uint32_t i,
                     double *low, double *high)
{
    if (i >= m->cuts) {
        return;
    }
    uint32_t f = draw_feature(random, low, high, m->n);
    double a = low[f], b = high[f];
    double at = a + (b - a) * (PADDING + (1 - 2 * PADDING) * random_unit(random));
    cut[i] = (struct cut){at, f};
    high[f] = at;
    cut_node(m, random, cut, 2 * i + 1, low, high);
    high[f] = b;
    low[f] = at;
    cut_node(m, random, cut, 2 * i + 2, low, high);
    low[f] = a;
}

static void cut_trees(struct forest *m, uint64_t seed)
{
    struct random random;
    random_seed(&random, seed, 31);
    double *low = mem_array(m->n, 2 * sizeof(double)), *high = low + m->n;
    for (uint32_t i = 0; i < m->n; i++) {
        low[i] = 0;
        high[i] = 1;
    }
    for (uint32_t t = 0; t < m->trees; t++) {
        cut_node(m, &random, m->cut + (size_t)t * m->cuts, 0, low, high);
    }
    mem_free(low);
}

static void set_limits(struct forest *m, const struct learner_column *column)
{
    for (uint32_t i = 0; i < m->n; i++) {
        m->low[i] = INFINITY;
        m->high[i] = -INFINITY;
        for (int k = 0; k < m->options->limits.n; k++) {
            const struct config_item *item = &m->options->limits.item[k];
            if (column[i].name && strcmp(item->name, column[i].name) == 0) {
                m->is_fixed[i] = parse_limits(item->value.text, &m->low[i], &m->high[i]) == 0;
            }
        }
    }
}

static void *forest_open(const struct learner_setup *setup)
{
    const struct options *o = setup->options;
    struct forest *m = mem_zalloc(sizeof(*m));
    m->options = o;
    m->n = setup->ncolumns;
    m->trees = (uint32_t)o->n_trees;
    m->height = (uint32_t)o->height;
    m->leaves = 1u << m->height;
    m->cuts = m->leaves - 1;
    m->low = mem_array((size_t)m->n + 1, 4 * sizeof(double));
    m->high = m->low + m->n;
    m->scaled = m->high + m->n;
    m->walked = m->scaled + m->n;
    m->walked[0] = NAN;
    m->is_fixed = mem_zalloc(2 * (size_t)m->n + 1);
    m->is_turned = m->is_fixed + m->n;
    size_t all = (size_t)m->trees * m->leaves;
    m->cut = mem_array(all, sizeof(*m->cut));
    m->count = mem_zalloc(all * 2 * sizeof(*m->count));
    m->mass = m->count + all;
    m->sum = mem_zalloc(all * sizeof(*m->sum));
    m->below = mem_zalloc(((size_t)m->leaves + 1) * sizeof(*m->below));
    m->way = mem_zalloc(m->trees * sizeof(*m->way));
    set_limits(m, setup->column);
    if (m->n > 0) {
        cut_trees(m, setup->seed);
    }
    return m;
}

static void forest_close(void *l)
{
    struct forest *m = l;
    mem_free(m->low);
    mem_free(m->is_fixed);
    mem_free(m->cut);
    mem_free(m->count);
    mem_free(m->sum);
    mem_free(m->below);
    mem_free(m->way);
    mem_free(m);
}

/* ---- walking --------------------------------------------------------------------------------- */

static void scale(struct forest *m, const double *x)
{
    for (uint32_t i = 0; i < m->n; i++) {
        double range = m->high[i] - m->low[i];
        double v = spread_bounded(x[i]), from = m->is_turned[i] ? m->high[i] - v : v - m->low[i];
        double scaled = from / (range > 0 ? range : 1);
        m->scaled[i] = range > 0 ? scaled : 0;
    }
}

/* Which leaf of each tree the scaled row falls into. */
static void walk(struct forest *m)
{
    const double *x = m->scaled;
    if (memcmp(x, m->walked, m->n * sizeof(double)) == 0) {
        return;
    }
    memcpy(m->walked, x, m->n * sizeof(double));
    uint32_t t = 0;
    for (; t + GROUP <= m->trees; t += GROUP) {
        const struct cut *cut = m->cut + (size_t)t * m->cuts;
        uint32_t at[GROUP] = {0};
        for (uint32_t depth = 0; depth < m->height; depth++) {
            for (uint32_t k = 0; k < GROUP; k++) {
                const struct cut *c = cut + (size_t)k * m->cuts + at[k];
                at[k] = 2 * at[k] + 2 - (x[c->feature] < c->at);
            }
        }
        for (uint32_t k = 0; k < GROUP; k++) {
            m->way[t + k] = at[k] - m->cuts;
        }
    }
    for (; t < m->trees; t++) {
        const struct cut *cut = m->cut + (size_t)t * m->cuts;
        uint32_t at = 0;
        for (uint32_t depth = 0; depth < m->height; depth++) {
            at = 2 * at + 2 - (x[cut[at].feature] < cut[at].at);
        }
        m->way[t] = at - m->cuts;
    }
}

/* A row off a feature that never changed. */
static bool is_off(const struct forest *m, const double *x)
{
    for (uint32_t i = 0; i < m->n; i++) {
        if (m->low[i] == m->high[i] && spread_bounded(x[i]) != m->low[i]) {
            return true;
        }
    }
    return false;
}

static void forest_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    struct forest *m = l;
    double most = (double)m->trees * (double)m->options->window_size * (2.0 * m->leaves - 1);
    for (uint32_t r = 0; r < rows; r++) {
        if (m->windows == 0) {
            out[(size_t)r * stride] = NAN;
            continue;
        }
        double sum = 0;
        if (is_off(m, x + (size_t)r * m->n)) {
            out[(size_t)r * stride] = 1 - (double)m->trees * (double)m->options->window_size / most;
            continue;
        }
        scale(m, x + (size_t)r * m->n);
        walk(m);
        for (uint32_t t = 0; t < m->trees; t++) {
            sum += m->sum[(size_t)t * m->leaves + m->way[t]];
        }
        out[(size_t)r * stride] = 1 - sum / most;
    }
}

/* ---- learning -------------------------------------------------------------------------------- */

/* The sums along the way to the leaves from..to-1 below a node; `above` is what the way to it has,
 * and below[i] the mass of the leaves before i. */
static void sum_node(struct forest *m, double *sum, uint32_t from, uint32_t to, double above,
                     double factor)
{
    double mass = m->below[to] - m->below[from];
    above += mass * factor;
    if (mass < 0.1 * (double)m->options->window_size || to - from == 1) {
        for (uint32_t i = from; i < to; i++) {
            sum[i] = above;
        }
        return;
    }
    uint32_t mid = from + (to - from) / 2;
    sum_node(m, sum, from, mid, above, factor * 2);
    sum_node(m, sum, mid, to, above, factor * 2);
}

static void sum_ways(struct forest *m)
{
    for (uint32_t t = 0; t < m->trees; t++) {
        const uint32_t *mass = m->mass + (size_t)t * m->leaves;
        for (uint32_t i = 0; i < m->leaves; i++) {
            m->below[i + 1] = m->below[i] + mass[i];
        }
        sum_node(m, m->sum + (size_t)t * m->leaves, 0, m->leaves, 0, 1);
    }
}

static void end_window(struct forest *m)
{
    size_t bytes = (size_t)m->trees * m->leaves * sizeof(*m->count);
    memcpy(m->mass, m->count, bytes);
    memset(m->count, 0, bytes);
    m->at = 0;
    m->windows++;
    sum_ways(m);
}

static void forest_learn(void *l, const double *x, uint32_t rows, const double *y, const double *w)
{
    (void)y;
    (void)w;
    struct forest *m = l;
    for (uint32_t r = 0; r < rows; r++, x += m->n) {
        for (uint32_t i = 0; i < m->n; i++) {
            double v = spread_bounded(x[i]);
            if (v < m->low[i] && m->low[i] == m->high[i]) {
                m->is_turned[i] = m->windows > 0 || m->at >= FEW;
            }
            m->low[i] = m->is_fixed[i] || m->low[i] < v ? m->low[i] : v;
            m->high[i] = m->is_fixed[i] || m->high[i] > v ? m->high[i] : v;
        }
        scale(m, x);
        walk(m);
        for (uint32_t t = 0; t < m->trees; t++) {
            m->count[(size_t)t * m->leaves + m->way[t]]++;
        }
        if (++m->at == (uint32_t)m->options->window_size) {
            end_window(m);
        }
    }
}

/* ---- snapshot -------------------------------------------------------------------------------- */

/* The leaves' counts of every tree add up to `rows`. */
static void counts_io(struct forest *m, uint32_t *count, uint32_t rows, struct snapshot *s)
{
    for (uint32_t t = 0; t < m->trees; t++) {
        uint64_t sum = 0;
        for (uint32_t i = 0; i < m->leaves && s->status == 0; i++) {
            snapshot_u32(s, &count[(size_t)t * m->leaves + i]);
            sum += count[(size_t)t * m->leaves + i];
        }
        if (s->status == 0 && sum != rows) {
            s->status = -ERR_DATA;
        }
    }
}

static int limits_are_valid(const struct forest *m)
{
    for (uint32_t i = 0; i < m->n; i++) {
        int is_range = m->low[i] <= m->high[i] && m->high[i] <= SPREAD_VALUE_MAX &&
                       m->low[i] >= -SPREAD_VALUE_MAX;
        int is_none = isinf(m->low[i]) && m->low[i] > 0 && isinf(m->high[i]) && m->high[i] < 0;
        if (!is_range && !is_none) {
            return 0;
        }
    }
    return 1;
}

static void turned_io(struct forest *m, struct snapshot *s)
{
    for (uint32_t i = 0; i < m->n && s->version >= 2; i++) {
        uint32_t is_turned = m->is_turned[i];
        snapshot_u32(s, &is_turned);
        m->is_turned[i] = is_turned == 1;
        if (is_turned > 1) {
            s->status = -ERR_DATA;
        }
    }
}

static int forest_io(void *l, struct snapshot *s)
{
    struct forest *m = l;
    uint32_t window = (uint32_t)m->options->window_size, shape[3] = {m->trees, m->height, window};
    snapshot_version(s, 2);
    for (int i = 0; i < 3; i++) {
        snapshot_u32(s, &shape[i]);
    }
    snapshot_u32(s, &m->at);
    snapshot_count(s, &m->windows);
    snapshot_array(s, m->low, m->n);
    snapshot_array(s, m->high, m->n);
    if (shape[0] != m->trees || shape[1] != m->height || shape[2] != window || m->at >= window ||
        (s->loading && !limits_are_valid(m))) {
        s->status = -ERR_DATA;
        return s->status;
    }
    turned_io(m, s);
    counts_io(m, m->count, m->at, s);
    counts_io(m, m->mass, m->windows > 0 ? window : 0, s);
    if (s->loading && s->status == 0) {
        m->walked[0] = NAN;
        sum_ways(m);
    }
    return snapshot_status(s);
}

static uint64_t forest_size(const void *l)
{
    const struct forest *m = l;
    uint64_t each = sizeof(struct cut) + 2 * sizeof(uint32_t) + sizeof(double);
    return sizeof(*m) + (uint64_t)m->trees * m->leaves * each + m->n * 4 * sizeof(double);
}

const struct learner_def learner_half_space_trees = {
    .name = "half_space_trees",
    .doc = "random trees that count the rows in each of their cells",
    .tasks = LEARN_SCORES,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 2,
    .layout = forest_layout,
    .check = forest_check,
    .open = forest_open,
    .predict = forest_predict,
    .learn = forest_learn,
    .io = forest_io,
    .size = forest_size,
    .close = forest_close,
};
