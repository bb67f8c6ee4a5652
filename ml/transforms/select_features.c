/* select_features: the columns that tell something are passed on, the others are 0.
 *
 *   variance             those whose variance is above `threshold` (River's VarianceThreshold; sample
 *                        variance; all pass before min_samples values)
 *   correlation          the k whose Pearson correlation with the label is greatest, in magnitude
 *                        unless use_abs is false (River's SelectKBest over stats.PearsonCorr)
 *   mutual_information   the k that share most information with the label, a class:
 *                        sum p(x, y) ln (p(x, y) / (p(x) p(y))), x being in one of n_bins bins
 *
 *   schema   is fixed when the plan is: a column that is not selected stays, and is 0 in every row.
 *            So a linear learner has nothing to add or learn for it, a tree nothing to split by;
 *            null would make the whole row one without prediction. `rejected: null` gives null
 *   in       numbers and booleans; label: an expression, a number or boolean; a class may be a
 *            string or long; out   doubles, in place or as `as` says
 *   order    a row is selected from by what the rows before it said, then learned with its label:
 *            nothing of the label leaks into its own row. Without label (variance) it is learned first
 *   ranking  made anew every `refresh` learned rows; until the first one all columns pass
 *   null     missing stays null in selected columns and is not learned; a row whose label is null
 *            is not learned
 *   bins     of mutual_information: quantiles by P2 (ml/p2.c) of the first `warm_up` values of the
 *            column, fixed from then on; values that equal an edge count apart from those between,
 *            so that a column of few values, however rare, has one bin for each. Only values behind
 *            the warm-up are counted. At most 100 classes; rows of others are not learned
 *   state    per column: variance count, mean, sum of squares; correlation the same for both and the
 *            sum of products; mutual_information edges and counts by bin and class: version 1
 *   cost     some operations a column; a ranking sorts columns, that of mutual_information goes
 *            through all counts
 */
#include "engine/memory.h"
#include "ml/algorithm.h"
#include "ml/classes.h"
#include "ml/p2.h"
#include "ml/transform.h"

#include <math.h>
#include <stdlib.h>

#define SELECT_CLASSES_MAX 100

enum { VARIANCE, CORRELATION, INFORMATION };
static const char *const methods[] = {"variance", "correlation", "mutual_information", NULL};
enum { REJECTED_ZERO, REJECTED_NULL };
static const char *const rejections[] = {"zero", "null", NULL};

struct select_cfg {
    struct transform_cfg common;
    struct config_text label;
    int method, rejected;
    double threshold;
    int64_t min_samples, k, n_bins, warm_up, refresh;
    bool use_abs;
};

static const struct config_field fields[] = {
    TRANSFORM_COLUMNS,
    TRANSFORM_AS,
    {"method", CONFIG_ENUM, offsetof(struct select_cfg, method), .def = "variance",
     .values = methods, .doc = "what a column has to have: variance, or something of the label"},
    {"label", CONFIG_EXPRESSION, offsetof(struct select_cfg, label),
     .doc = "what the learner behind is to learn; not for variance"},
    {"k", CONFIG_LONG, offsetof(struct select_cfg, k), .def = "10", .min = 1, .max = COLUMNS_MAX,
     .doc = "correlation, mutual_information: how many columns are selected"},
    {"use_abs", CONFIG_BOOLEAN, offsetof(struct select_cfg, use_abs), .def = "true",
     .doc = "correlation: negative counts as much as positive"},
    {"threshold", CONFIG_DOUBLE, offsetof(struct select_cfg, threshold), .def = "0", .min = 0,
     .max = 1e300, .doc = "variance: columns up to it are not selected"},
    {"min_samples", CONFIG_LONG, offsetof(struct select_cfg, min_samples), .def = "2", .min = 1,
     .max = 1e15, .doc = "variance: values of a column before it is judged"},
    {"n_bins", CONFIG_LONG, offsetof(struct select_cfg, n_bins), .def = "10", .min = 2, .max = 64,
     .doc = "mutual_information: bins of equally many values"},
    {"warm_up", CONFIG_LONG, offsetof(struct select_cfg, warm_up), .def = "100", .min = 2,
     .max = 1e9, .doc = "mutual_information: values that the bins are made of"},
    {"refresh", CONFIG_LONG, offsetof(struct select_cfg, refresh), .def = "100", .min = 1,
     .max = 1e9, .doc = "rows after which columns are ranked anew"},
    {"rejected", CONFIG_ENUM, offsetof(struct select_cfg, rejected), .def = "zero",
     .values = rejections, .doc = "what stands in columns that are not selected"},
    TRANSFORM_PER,
    TRANSFORM_LEARN,
    {0},
};

/* ---- statistics ---- */

/* Of one column, and of the label where the column is not missing. */
struct moments {
    double n, mean_x, mean_y, xx, yy, xy; /* sums of products of the distances from the means */
};

/* Of one column, for mutual information. */
struct table {
    struct p2_cells cells;
    double *count; /* codes rows of nclasses */
};

struct selection {
    const struct transform *t;
    const struct select_cfg *cfg;
    int64_t rows;
    struct moments *moments;
    struct table *table;
    double *block;          /* of the cells */
    struct classes classes; /* of the label */
    uint32_t room;          /* classes that the counts have room for */
    uint8_t *is_selected;
    struct score {
        double score;
        uint32_t column;
    } * score;
};

/* Between edges, and at each: see `bins`. */
static uint32_t codes_of(const struct select_cfg *cfg)
{
    return 2 * (uint32_t)cfg->n_bins - 1;
}

static void *selection_new(const void *plan, uint64_t seed)
{
    (void)seed;
    const struct transform *t = plan;
    struct selection *s = mem_zalloc(sizeof(*s));
    s->t = t;
    s->cfg = (const struct select_cfg *)t->cfg;
    s->is_selected = mem_alloc(t->n);
    memset(s->is_selected, 1, t->n);
    s->score = mem_zalloc(t->n * sizeof(*s->score));
    if (s->cfg->method != INFORMATION) {
        s->moments = mem_zalloc(t->n * sizeof(*s->moments));
        return s;
    }
    size_t markers = 3 * ((size_t)s->cfg->n_bins + 1);
    classes_init(&s->classes, expression_type(t->label));
    s->table = mem_zalloc(t->n * sizeof(*s->table));
    s->block = mem_array(t->n * markers, sizeof(double));
    for (uint32_t i = 0; i < t->n; i++) {
        p2_cells_init(&s->table[i].cells, (uint32_t)s->cfg->n_bins, s->block + i * markers);
    }
    return s;
}

static void selection_free(void *object)
{
    struct selection *s = object;
    for (uint32_t i = 0; s->table && i < s->t->n; i++) {
        mem_free(s->table[i].count);
    }
    if (s->table) {
        classes_done(&s->classes);
    }
    mem_free(s->table);
    mem_free(s->block);
    mem_free(s->moments);
    mem_free(s->is_selected);
    mem_free(s->score);
    mem_free(s);
}

static uint64_t selection_size(const void *object)
{
    const struct selection *s = object;
    uint64_t each = sizeof(*s->score) + 1;
    if (s->moments) {
        each += sizeof(*s->moments);
    } else {
        each += sizeof(*s->table) + 3 * ((uint64_t)s->cfg->n_bins + 1) * sizeof(double) +
                (uint64_t)codes_of(s->cfg) * s->room * sizeof(double);
    }
    return sizeof(*s) + s->t->n * each + (s->table ? classes_size(&s->classes) : 0);
}

/* Room for the counts of `classes` classes. */
static void make_room(struct selection *s, uint32_t classes)
{
    uint32_t codes = codes_of(s->cfg);
    if (classes <= s->room) {
        return;
    }
    uint32_t room = s->room * 2 > classes ? s->room * 2 : classes;
    for (uint32_t i = 0; i < s->t->n; i++) {
        double *count = mem_zalloc((size_t)codes * room * sizeof(double));
        for (uint32_t c = 0; s->room > 0 && c < codes; c++) {
            memcpy(count + (size_t)c * room, s->table[i].count + (size_t)c * s->room,
                   s->room * sizeof(double));
        }
        mem_free(s->table[i].count);
        s->table[i].count = count;
    }
    s->room = room;
}

static void table_io(struct selection *s, struct snapshot *snap)
{
    uint32_t codes = codes_of(s->cfg);
    if (classes_io(&s->classes, snap) < 0) {
        return;
    }
    if (s->classes.n > SELECT_CLASSES_MAX) {
        snap->status = -ERR_DATA;
        return;
    }
    make_room(s, s->classes.n);
    for (uint32_t i = 0; i < s->t->n; i++) {
        p2_cells_io(&s->table[i].cells, snap);
        for (uint32_t c = 0; c < codes && s->room > 0; c++) {
            snapshot_array(snap, s->table[i].count + (size_t)c * s->room, s->classes.n);
        }
    }
}

static int selection_io(void *object, struct snapshot *snap)
{
    struct selection *s = object;
    snapshot_version(snap, 1);
    snapshot_count(snap, &s->rows);
    for (uint32_t i = 0; i < s->t->n; i++) {
        int64_t is_selected = s->is_selected[i];
        snapshot_long(snap, &is_selected);
        s->is_selected[i] = is_selected != 0;
        if (s->moments) {
            snapshot_array(snap, &s->moments[i].n, sizeof(s->moments[i]) / sizeof(double));
        }
    }
    if (s->table) {
        table_io(s, snap);
    }
    return snapshot_status(snap);
}

/* ---- learning ---- */

static void learn_moments(struct selection *s, const struct transform_row *r)
{
    double y = s->cfg->method == CORRELATION ? r->y : 0;
    for (uint32_t i = 0; i < s->t->n; i++) {
        struct moments *m = &s->moments[i];
        double x = r->x[i];
        if (isnan(x)) {
            continue;
        }
        m->n++;
        double dx = x - m->mean_x, dy = y - m->mean_y;
        m->mean_x += dx / m->n;
        m->mean_y += dy / m->n;
        m->xx += dx * (x - m->mean_x);
        m->yy += dy * (y - m->mean_y);
        m->xy += dx * (y - m->mean_y);
    }
}

/* Twice the edges below x, and one if it is at an edge. */
static uint32_t code_of(const struct p2_cells *c, double x)
{
    uint32_t upto = p2_cells_find(c, x), below = upto;
    while (below > 0 && p2_cells_edge(c, below) >= x) {
        below--;
    }
    return below < upto ? 2 * below + 1 : 2 * below;
}

static void learn_table(struct selection *s, const struct transform_row *r)
{
    int y = classes_find(&s->classes, r->label, r->row);
    if (y < 0 && s->classes.n < SELECT_CLASSES_MAX) {
        y = classes_add(&s->classes, r->label, r->row);
        make_room(s, s->classes.n);
    }
    for (uint32_t i = 0; y >= 0 && i < s->t->n; i++) {
        struct table *t = &s->table[i];
        if (isnan(r->x[i])) {
            continue;
        }
        if (t->cells.n < s->cfg->warm_up) {
            p2_cells_add(&t->cells, r->x[i]);
        } else {
            t->count[(size_t)code_of(&t->cells, r->x[i]) * s->room + (uint32_t)y]++;
        }
    }
}

/* ---- ranking ---- */

static double correlation_of(const struct moments *m, bool use_abs)
{
    double spread = sqrt(m->xx) * sqrt(m->yy);
    double r = spread > 0 ? m->xy / spread : 0;
    return use_abs ? fabs(r) : r;
}

static double information_of(const struct selection *s, const struct table *t)
{
    uint32_t codes = codes_of(s->cfg), classes = s->classes.n;
    double by_class[SELECT_CLASSES_MAX] = {0}, all = 0, sum = 0;
    for (uint32_t c = 0; classes > 0 && c < codes; c++) {
        for (uint32_t y = 0; y < classes; y++) {
            double n = t->count[(size_t)c * s->room + y];
            by_class[y] += n;
            all += n;
        }
    }
    for (uint32_t c = 0; classes > 0 && c < codes; c++) {
        const double *count = t->count + (size_t)c * s->room;
        double by_code = 0;
        for (uint32_t y = 0; y < classes; y++) {
            by_code += count[y];
        }
        for (uint32_t y = 0; y < classes; y++) {
            sum += count[y] > 0 ? count[y] * log(count[y] / by_code * (all / by_class[y])) : 0;
        }
    }
    return all > 0 ? sum / all : 0;
}

/* The better first; of equals the one that comes first. */
static int compare(const void *a, const void *b)
{
    const struct score *x = a, *y = b;
    if (x->score != y->score) {
        return x->score > y->score ? -1 : 1;
    }
    return (x->column > y->column) - (x->column < y->column);
}

static void rank(struct selection *s)
{
    uint32_t n = s->t->n;
    for (uint32_t i = 0; i < n; i++) {
        double score = s->table ? information_of(s, &s->table[i])
                                : correlation_of(&s->moments[i], s->cfg->use_abs);
        s->score[i] = (struct score){isnan(score) ? 0 : score, i};
    }
    qsort(s->score, n, sizeof(*s->score), compare);
    for (uint32_t i = 0; i < n; i++) {
        s->is_selected[s->score[i].column] = i < s->cfg->k;
    }
}

static void select_learn(void *object, const struct transform_row *r)
{
    struct selection *s = object;
    if (s->table) {
        learn_table(s, r);
    } else {
        learn_moments(s, r);
    }
    s->rows++;
    if (s->cfg->method != VARIANCE) {
        if (s->rows % s->cfg->refresh == 0) {
            rank(s);
        }
        return;
    }
    for (uint32_t i = 0; i < s->t->n; i++) {
        const struct moments *m = &s->moments[i];
        double variance = m->n > 1 ? m->xx / (m->n - 1) : 0;
        s->is_selected[i] = m->n < (double)s->cfg->min_samples || variance > s->cfg->threshold;
    }
}

static void select_apply(const void *object, const struct transform_row *r)
{
    const struct selection *s = object;
    double rejected = s->cfg->rejected == REJECTED_ZERO ? 0 : (double)NAN;
    for (uint32_t i = 0; i < s->t->n; i++) {
        r->out[i] = s->is_selected[i] ? r->x[i] : rejected;
    }
}

static void select_report(struct op *op, const void *object)
{
    const struct selection *s = object;
    double n = 0;
    for (uint32_t i = 0; i < s->t->n; i++) {
        n += s->is_selected[i];
    }
    op_metric(op, "selected", n);
}

static void select_layout(const void *cfg, struct buffer *words)
{
    const struct select_cfg *c = cfg;
    buffer_printf(words, "%s\n", methods[c->method]);
    if (c->method == INFORMATION) {
        buffer_printf(words, "%lld\n", (long long)c->n_bins);
    }
}

static const struct transform_def selector = {
    .takes = TAKE_NUMBERS | TAKE_BOOLEANS,
    .what = "numbers",
    .object = {selection_new, selection_io, selection_size, selection_free, transform_replay},
    .learn = select_learn,
    .apply = select_apply,
    .report = select_report,
    .layout = select_layout,
};

/* ---- binding ---- */

static const struct method_option only[] = {
    {"k", 1U << CORRELATION | 1U << INFORMATION},
    {"use_abs", 1U << CORRELATION},
    {"threshold", 1U << VARIANCE},
    {"min_samples", 1U << VARIANCE},
    {"n_bins", 1U << INFORMATION},
    {"warm_up", 1U << INFORMATION},
    {0},
};

static int bind_label(struct node *n, const struct select_cfg *cfg, const struct expression **label)
{
    if ((cfg->method == VARIANCE) != (cfg->label.text == NULL)) {
        return algorithm_problem(n, cfg->label.text ? "label" : "method",
                                 cfg->label.text ? "variance needs no label"
                                                 : "%s needs `label`, an expression",
                                 methods[cfg->method]);
    }
    if (transform_check_options(n, only, methods, cfg->method) < 0) {
        return -ERR_CONFIG;
    }
    if (!cfg->label.text) {
        return 0;
    }
    if (expression_compile(label, n->mem, &cfg->label, n->in[0], n->diags) < 0) {
        *label = NULL;
        return -ERR_CONFIG;
    }
    enum type_kind kind = expression_type(*label)->kind;
    bool is_number = kind == TYPE_LONG || kind == TYPE_BOOLEAN || kind == TYPE_DOUBLE;
    if (cfg->method == CORRELATION && !is_number) {
        return algorithm_problem(n, "label", "correlation is with a number or a boolean");
    }
    if (cfg->method == INFORMATION && kind != TYPE_STRING && (!is_number || kind == TYPE_DOUBLE)) {
        return algorithm_problem(n, "label",
                                 "mutual_information is with a class: a string, long or boolean");
    }
    return 0;
}

static int select_bind(struct node *n)
{
    const struct select_cfg *cfg = n->cfg;
    struct transform *t = arena_zalloc(n->mem, sizeof(*t));
    const struct expression *label = NULL;
    int status = bind_label(n, cfg, &label);
    if (transform_columns(n, t, &selector, &cfg->common, label) < 0 || status < 0) {
        return -ERR_CONFIG;
    }
    t->tells_events = cfg->method != INFORMATION; /* the label may be a text */
    transform_out_each(n, t, &type_double);
    return transform_bind(n, t);
}

const struct step_def op_select_features = {
    .name = "select_features",
    .doc = "passes on the columns that tell something, by variance or by what they say of a label",
    .config = fields,
    .config_size = sizeof(struct select_cfg),
    .state_version = 1,
    .bind = select_bind,
    TRANSFORM_LEARNS,
};
