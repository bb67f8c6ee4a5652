/* bin: a number as the number of its bin, 0 … n_bins - 1, edges learned on the stream
 * (scikit-learn's KBinsDiscretizer, encode: ordinal; a `one_hot` behind it makes columns of them).
 *
 *   uniform    edges cut the range seen so far into equal widths
 *   quantile   edges are the quantiles 1/n_bins, 2/n_bins, … of what was seen, by P2 (ml/p2.c)
 *
 *   bin(x) = how many of the inner edges are <= x, so the outer bins are open
 *
 *   in       numbers; out   longs, in place or as `as` says
 *   order    a row is binned by edges that include it
 *   null     missing stays null and is not learned
 *   odd      a column that is constant so far is bin 0. Equal quantiles leave the bins between them
 *            empty
 *   state    per column: uniform least, greatest, count; quantile the heights and positions of
 *            n_bins + 1 markers: version 1
 *   cost     uniform some operations; quantile one pass over the edges to learn, one to find
 */
#include "engine/memory.h"
#include "ml/p2.h"
#include "ml/transform.h"

#include <math.h>

enum { UNIFORM, QUANTILE };
static const char *const methods[] = {"uniform", "quantile", NULL};

struct bin_cfg {
    struct transform_cfg common;
    int method;
    int64_t n_bins;
};

static const struct config_field fields[] = {
    TRANSFORM_COLUMNS,
    TRANSFORM_AS,
    {"method", CONFIG_ENUM, offsetof(struct bin_cfg, method), .def = "quantile", .values = methods,
     .doc = "bins of equal width, or of equally many values"},
    {"n_bins", CONFIG_LONG, offsetof(struct bin_cfg, n_bins), .def = "5", .min = 2, .max = 256,
     .doc = "how many bins"},
    TRANSFORM_PER,
    TRANSFORM_LEARN,
    {0},
};

struct binning {
    uint32_t n, bins;
    int method;
    double *block;          /* of uniform: count, least, greatest, n of each; else of the cells */
    struct p2_cells *cells; /* of quantile */
};

static void *binning_new(const void *plan, uint64_t seed)
{
    (void)seed;
    const struct transform *t = plan;
    const struct bin_cfg *cfg = (const struct bin_cfg *)t->cfg;
    struct binning *b = mem_zalloc(sizeof(*b));
    *b = (struct binning){.n = t->n, .bins = (uint32_t)cfg->n_bins, .method = cfg->method};
    if (b->method == UNIFORM) {
        b->block = mem_zalloc(3 * (size_t)b->n * sizeof(double));
        return b;
    }
    size_t markers = 3 * ((size_t)b->bins + 1);
    b->block = mem_array(b->n * markers, sizeof(double));
    b->cells = mem_array(b->n, sizeof(*b->cells));
    for (uint32_t i = 0; i < b->n; i++) {
        p2_cells_init(&b->cells[i], b->bins, b->block + i * markers);
    }
    return b;
}

static void binning_free(void *object)
{
    struct binning *b = object;
    mem_free(b->block);
    mem_free(b->cells);
    mem_free(b);
}

static uint64_t binning_size(const void *object)
{
    const struct binning *b = object;
    uint64_t doubles = b->method == UNIFORM ? 3 : 3 * (b->bins + UINT64_C(1));
    return sizeof(*b) + b->n * (doubles * sizeof(double) + (b->cells ? sizeof(*b->cells) : 0));
}

static int binning_io(void *object, struct snapshot *s)
{
    struct binning *b = object;
    snapshot_version(s, 1);
    if (b->method == UNIFORM) {
        snapshot_array(s, b->block, 3 * (size_t)b->n);
    }
    for (uint32_t i = 0; b->cells && i < b->n; i++) {
        p2_cells_io(&b->cells[i], s);
    }
    return snapshot_status(s);
}

static void bin_learn(void *object, const struct transform_row *r)
{
    struct binning *b = object;
    for (uint32_t i = 0; i < b->n; i++) {
        double x = r->x[i];
        if (isnan(x)) {
            continue;
        }
        if (b->method == QUANTILE) {
            p2_cells_add(&b->cells[i], x);
            continue;
        }
        double *count = b->block + i, *least = count + b->n, *greatest = least + b->n;
        bool is_first = (*count)++ == 0;
        *least = is_first || x < *least ? x : *least;
        *greatest = is_first || x > *greatest ? x : *greatest;
    }
}

/* The bin that the width tells may be one off by rounding: its edges decide. */
static uint32_t uniform_bin(const struct binning *b, uint32_t i, double x)
{
    double least = b->block[b->n + i], greatest = b->block[2 * b->n + i];
    double step = (greatest - least) / b->bins;
    if (!(step > 0)) {
        return 0;
    }
    double at = (x - least) / step, last = b->bins - 1;
    uint32_t bin = at <= 0 ? 0 : (uint32_t)(at < last ? at : last);
    while (bin > 0 && !(least + bin * step <= x)) {
        bin--;
    }
    while (bin + 1 < b->bins && least + (bin + 1) * step <= x) {
        bin++;
    }
    return bin;
}

static uint32_t quantile_bin(const struct p2_cells *c, double x)
{
    bool is_constant = !(p2_cells_edge(c, 0) < p2_cells_edge(c, c->cells));
    return is_constant ? 0 : p2_cells_find(c, x);
}

static void bin_apply(const void *object, const struct transform_row *r)
{
    const struct binning *b = object;
    for (uint32_t i = 0; i < b->n; i++) {
        bool is_known = b->method == QUANTILE ? b->cells[i].n > 0 : b->block[i] > 0;
        if (is_known && !isnan(r->x[i])) {
            r->out[i] = b->method == QUANTILE ? quantile_bin(&b->cells[i], r->x[i])
                                              : uniform_bin(b, i, r->x[i]);
        }
    }
}

static void bin_layout(const void *cfg, struct buffer *words)
{
    const struct bin_cfg *c = cfg;
    buffer_printf(words, "%s %lld\n", methods[c->method], (long long)c->n_bins);
}

static const struct transform_def binner = {
    .takes = TAKE_NUMBERS,
    .what = "numbers",
    .object = {binning_new, binning_io, binning_size, binning_free, transform_replay},
    .learn = bin_learn,
    .apply = bin_apply,
    .layout = bin_layout,
};

static int bin_bind(struct node *n)
{
    const struct bin_cfg *cfg = n->cfg;
    struct transform *t = arena_zalloc(n->mem, sizeof(*t));
    int status = transform_columns(n, t, &binner, &cfg->common, NULL);
    if (status < 0) {
        return status;
    }
    transform_out_each(n, t, &type_long);
    return transform_bind(n, t);
}

const struct step_def op_bin = {
    .name = "bin",
    .doc = "numbers as numbers of bins, whose edges are learned on the stream",
    .config = fields,
    .config_size = sizeof(struct bin_cfg),
    .state_version = 1,
    .bind = bin_bind,
    TRANSFORM_LEARNS,
};
