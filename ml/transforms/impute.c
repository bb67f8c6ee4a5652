/* impute: what is missing gets a value (River's StatImputer).
 *
 *   mean            of the values seen; of a long column it makes doubles
 *   median          by P2 (ml/p2.c); makes doubles as well
 *   most_frequent   the first one on a tie; only the first k different values are counted, as in
 *                   River's stats.Mode(k)
 *   last            the value seen last
 *   constant        `value`, a value of the column's type; nothing is learned
 *
 *   in       numbers, booleans, strings (mean and median: numbers); out   the column's type, but for
 *            mean and median, in place or as `as` says
 *   missing  a null, and a double that is NaN, infinite or beyond +-1e150: replaced, not learned
 *   null     what is missing before anything was learned stays null
 *   order    a row is learned first, which says nothing about what it lacks
 *   state    per column: mean count and mean; median a quantile; most_frequent the values with their
 *            counts; last the value: version 1. Strings over 1,024 bytes are never learned
 *   cost     most_frequent: one comparison for each value known, until it is found
 */
#include "engine/memory.h"
#include "engine/nested.h"
#include "ml/algorithm.h"
#include "ml/classes.h"
#include "ml/features.h"
#include "ml/p2.h"
#include "ml/transform.h"

#include <math.h>

enum { MEAN, MEDIAN, MOST_FREQUENT, LAST, CONSTANT };
static const char *const methods[] = {"mean", "median", "most_frequent", "last", "constant", NULL};

struct impute_cfg {
    struct transform_cfg common;
    int method;
    const struct yaml *value;
    int64_t k;
};

static const struct config_field fields[] = {
    TRANSFORM_COLUMNS,
    TRANSFORM_AS,
    {"method", CONFIG_ENUM, offsetof(struct impute_cfg, method), .def = "mean", .values = methods,
     .doc = "which value"},
    {"value", CONFIG_YAML, offsetof(struct impute_cfg, value), .doc = "constant: this one"},
    {"k", CONFIG_LONG, offsetof(struct impute_cfg, k), .def = "25", .min = 1, .max = CLASSES_MAX,
     .doc = "most_frequent: how many different values are counted, the first ones"},
    TRANSFORM_PER,
    TRANSFORM_LEARN,
    {0},
};

struct plan {
    struct transform t;
    struct vec *constant; /* per column, of one row */
};

/* ---- statistics ---- */

/* Of one column; which parts are used depends on the method. Doubles are values by their bits. */
struct filler {
    double n, mean;
    struct p2 median;
    struct classes values; /* of most_frequent, up to k */
    double *count;         /* of the values */
    struct buffer last;    /* the value's bytes, when n is 1 */
};

struct imputing {
    const struct transform *t;
    struct filler *filler;
};

static const struct impute_cfg *config_of(const struct transform *t)
{
    return (const struct impute_cfg *)t->cfg;
}

/* Doubles are told apart by their bits, as longs. */
static const struct type *key_type(const struct type *type)
{
    return type->kind == TYPE_DOUBLE ? &type_long : type;
}

static struct vec as_key(const struct vec *v)
{
    struct vec key = *v;
    key.type = key_type(v->type);
    return key;
}

static void *imputing_new(const void *plan, uint64_t seed)
{
    (void)seed;
    const struct transform *t = plan;
    uint32_t k = (uint32_t)config_of(t)->k;
    bool has_counts = config_of(t)->method == MOST_FREQUENT;
    struct imputing *x = mem_alloc(sizeof(*x));
    *x = (struct imputing){t, mem_zalloc(t->n * sizeof(*x->filler))};
    for (uint32_t i = 0; i < t->n; i++) {
        struct filler *f = &x->filler[i];
        p2_init(&f->median, 0.5);
        classes_init(&f->values, key_type(t->column[i].type));
        buffer_init(&f->last);
        f->count = has_counts ? mem_zalloc(k * sizeof(*f->count)) : NULL;
    }
    return x;
}

static void imputing_free(void *object)
{
    struct imputing *x = object;
    for (uint32_t i = 0; i < x->t->n; i++) {
        classes_done(&x->filler[i].values);
        mem_free(x->filler[i].count);
        buffer_done(&x->filler[i].last);
    }
    mem_free(x->filler);
    mem_free(x);
}

static uint64_t imputing_size(const void *object)
{
    const struct imputing *x = object;
    uint64_t bytes = sizeof(*x);
    for (uint32_t i = 0; i < x->t->n; i++) {
        const struct filler *f = &x->filler[i];
        uint64_t counts = f->count ? (uint64_t)config_of(x->t)->k * sizeof(*f->count) : 0;
        bytes += sizeof(*f) + classes_size(&f->values) + counts + f->last.cap;
    }
    return bytes;
}

static void values_io(struct filler *f, uint32_t most, struct snapshot *s)
{
    if (classes_io(&f->values, s) == 0 && f->values.n > most) {
        s->status = -ERR_DATA;
    }
    if (snapshot_status(s) == 0) {
        snapshot_array(s, f->count, f->values.n);
    }
}

static void last_io(struct filler *f, const struct type *type, struct snapshot *s)
{
    char *p = f->last.data;
    uint32_t n = (uint32_t)f->last.n;
    snapshot_double(s, &f->n);
    if (!s->loading) {
        snapshot_bytes(s, &p, &n, CLASS_NAME_MAX);
        return;
    }
    p = NULL;
    snapshot_bytes(s, &p, &n, CLASS_NAME_MAX);
    if (type->kind != TYPE_STRING && f->n > 0 && n != vec_width(type)) {
        s->status = -ERR_DATA;
    }
    buffer_clear(&f->last);
    buffer_add(&f->last, p ? p : "", n);
    mem_free(p);
}

static int imputing_io(void *object, struct snapshot *s)
{
    struct imputing *x = object;
    const struct impute_cfg *cfg = config_of(x->t);
    snapshot_version(s, 1);
    for (uint32_t i = 0; i < x->t->n && snapshot_status(s) == 0; i++) {
        struct filler *f = &x->filler[i];
        if (cfg->method == MEAN) {
            snapshot_double(s, &f->n);
            snapshot_double(s, &f->mean);
        } else if (cfg->method == MEDIAN) {
            p2_io(&f->median, s);
        } else if (cfg->method == LAST) {
            last_io(f, x->t->column[i].type, s);
        } else {
            values_io(f, (uint32_t)cfg->k, s);
        }
    }
    return snapshot_status(s);
}

/* ---- learning ---- */

/* The number of the value, which is counted; negative: it is not. */
static int learn_frequency(struct filler *f, const struct vec *key, uint16_t row, uint32_t most)
{
    int at = classes_find(&f->values, key, row);
    if (at < 0 && f->values.n < most) {
        at = classes_add(&f->values, key, row);
    }
    if (at >= 0) {
        f->count[at]++;
    }
    return at;
}

/* The bytes of a value: text, or what its place in a vec has. */
static void learn_last(struct filler *f, const struct vec *v, uint16_t row)
{
    const char *p = (const char *)v->data + row * vec_width(v->type);
    size_t n = vec_width(v->type);
    if (v->type->kind == TYPE_STRING) {
        p = str_data(&v->s[row]);
        n = v->s[row].n;
    }
    if (n <= CLASS_NAME_MAX) {
        buffer_clear(&f->last);
        buffer_add(&f->last, p, n);
        f->n = 1;
    }
}

static void put_last(const struct filler *f, const struct transform_run *r, uint32_t i, uint16_t k)
{
    struct vec *to = &r->to[i];
    if (!(f->n > 0)) {
        transform_put_null(r, i, k);
    } else if (to->type->kind == TYPE_STRING) {
        to->s[r->row[k]] = str_copy(r->mem, f->last.data, (uint32_t)f->last.n);
    } else {
        size_t width = vec_width(to->type);
        memcpy((char *)to->data + r->row[k] * width, f->last.data, width);
    }
}

/* ---- one column ---- */

/* Those that are missing get the mean so far, which the others move. */
static void run_mean(const struct transform_run *r, struct filler *f, double *x)
{
    double n = f->n, mean = f->mean;
    for (uint16_t k = 0; k < r->n; k++) {
        if (!isnan(x[k])) {
            mean += r->learns ? (x[k] - mean) / ++n : 0;
        } else if (n > 0) {
            x[k] = mean;
        }
    }
    f->n = n;
    f->mean = mean;
}

static void run_median(const struct transform_run *r, struct filler *f, double *x)
{
    for (uint16_t k = 0; k < r->n; k++) {
        if (isnan(x[k])) {
            x[k] = p2_get(&f->median, 0.5);
        } else if (r->learns) {
            p2_add(&f->median, 0.5, x[k]);
        }
    }
}

/* The first one of those counted most often. */
static uint32_t most_frequent(const struct filler *f)
{
    uint32_t best = 0;
    for (uint32_t k = 1; k < f->values.n; k++) {
        best = f->count[k] > f->count[best] ? k : best;
    }
    return best;
}

static void run_frequent(const struct transform_run *r, struct filler *f, uint32_t i)
{
    const uint32_t most = (uint32_t)config_of(r->t)->k;
    const struct vec from = as_key(&r->from[i]);
    const double *x = r->x + (size_t)i * r->n;
    struct vec to = as_key(&r->to[i]);
    uint32_t best = most_frequent(f);
    for (uint16_t k = 0; k < r->n; k++) {
        uint16_t row = r->row[k];
        if (isnan(x[k]) && f->values.n == 0) {
            transform_put_null(r, i, k);
        } else if (isnan(x[k])) {
            classes_put(&f->values, (int)best, &to, row, r->mem);
        } else if (r->learns) {
            int at = learn_frequency(f, &from, row, most);
            bool is_best = at >= 0 && (f->count[at] > f->count[best] ||
                                       (f->count[at] >= f->count[best] && (uint32_t)at < best));
            best = is_best ? (uint32_t)at : best;
        }
    }
}

static void run_last(const struct transform_run *r, struct filler *f, uint32_t i)
{
    const double *x = r->x + (size_t)i * r->n;
    for (uint16_t k = 0; k < r->n; k++) {
        if (isnan(x[k])) {
            put_last(f, r, i, k);
        } else if (r->learns) {
            learn_last(f, &r->from[i], r->row[k]);
        }
    }
}

static void run_constant(const struct transform_run *r, uint32_t i)
{
    const struct plan *p = (const struct plan *)r->t;
    const double *x = r->x + (size_t)i * r->n;
    for (uint16_t k = 0; k < r->n; k++) {
        if (isnan(x[k])) {
            vec_copy_row(&r->to[i], r->row[k], r->rows, &p->constant[i], 0, r->mem);
        }
    }
}

/* What is not missing stays. */
static void copy_values(const struct transform_run *r, uint32_t i)
{
    const struct vec *from = &r->from[i];
    struct vec *to = &r->to[i];
    const double *x = r->x + (size_t)i * r->n;
    for (uint16_t k = 0; k < r->n; k++) {
        uint16_t row = r->row[k];
        if (isnan(x[k])) {
            continue;
        }
        if (to->type->kind == TYPE_STRING) {
            to->s[row] = from->s[row];
        } else if (to->type->kind == TYPE_BOOLEAN) {
            to->b[row] = from->b[row];
        } else {
            to->i[row] = from->i[row];
        }
    }
}

static void impute_run(const struct transform_run *r)
{
    struct imputing *object = r->object;
    int method = config_of(r->t)->method;
    for (uint32_t i = 0; i < r->t->n; i++) {
        struct filler *f = object ? &object->filler[i] : NULL;
        double *x = r->x + (size_t)i * r->n;
        if (method == MEAN || method == MEDIAN) {
            (method == MEAN ? run_mean : run_median)(r, f, x);
            transform_put(r, i, x);
            continue;
        }
        copy_values(r, i);
        if (method == MOST_FREQUENT) {
            run_frequent(r, f, i);
        } else if (method == LAST) {
            run_last(r, f, i);
        } else {
            run_constant(r, i);
        }
    }
}

static void impute_layout(const void *cfg, struct buffer *words)
{
    const struct impute_cfg *c = cfg;
    buffer_printf(words, "%s\n", methods[c->method]);
    if (c->method == MOST_FREQUENT) {
        buffer_printf(words, "%lld\n", (long long)c->k);
    }
}

static const struct transform_def imputer = {
    .takes = TAKE_NUMBERS | TAKE_BOOLEANS | TAKE_STRINGS,
    .what = "numbers, booleans and strings",
    .object = {imputing_new, imputing_io, imputing_size, imputing_free, NULL},
    .run = impute_run,
    .layout = impute_layout,
};

static const struct transform_def number_imputer = {
    .takes = TAKE_NUMBERS,
    .what = "numbers",
    .object = {imputing_new, imputing_io, imputing_size, imputing_free, NULL},
    .run = impute_run,
    .layout = impute_layout,
};

/* ---- binding ---- */

static int bind_constant(struct node *n, struct plan *p, const struct yaml *y)
{
    p->constant = arena_array(n->mem, p->t.n + 1U, sizeof(*p->constant));
    for (uint32_t i = 0; i < p->t.n; i++) {
        const struct type *type = p->t.column[i].type;
        struct vec *v = &p->constant[i];
        *v = vec_new(n->mem, type, 1);
        if (type->kind == TYPE_STRING && y->kind == YAML_STRING) {
            v->s[0] = str_copy(n->mem, y->text, (uint32_t)y->text_n);
        } else if (type->kind == TYPE_BOOLEAN && y->kind == YAML_BOOLEAN) {
            v->b[0] = y->boolean;
        } else if (type->kind == TYPE_LONG && y->kind == YAML_LONG) {
            v->i[0] = y->number;
        } else if (type->kind == TYPE_DOUBLE && (y->kind == YAML_LONG || y->kind == YAML_DOUBLE)) {
            v->d[0] = y->real;
        } else {
            struct buffer kind;
            buffer_init(&kind);
            type_print(&kind, type);
            int status = algorithm_problem(n, "value", "'%s' is of type %s, the value is not",
                                           p->t.column[i].name, buffer_cstr(&kind));
            buffer_done(&kind);
            return status;
        }
    }
    return 0;
}

static const struct method_option only[] = {{"k", 1U << MOST_FREQUENT}, {0}};

/* What would be missing again in the next step fills nothing. */
static int check_finite(struct node *n, const struct yaml *value)
{
    bool is_number = value && (value->kind == YAML_LONG || value->kind == YAML_DOUBLE);
    return !is_number || fabs(value->real) <= FEATURE_MOST
               ? 0
               : algorithm_problem(n, "value", "expected a finite number, at most 1e150");
}

static int impute_bind(struct node *n)
{
    const struct impute_cfg *cfg = n->cfg;
    struct plan *p = arena_zalloc(n->mem, sizeof(*p));
    bool is_number = cfg->method == MEAN || cfg->method == MEDIAN;
    int status =
        transform_columns(n, &p->t, is_number ? &number_imputer : &imputer, &cfg->common, NULL);
    if ((cfg->method == CONSTANT) != (cfg->value != NULL)) {
        return algorithm_problem(n, cfg->value ? "value" : "method",
                                 "`value` and `method: constant` belong together");
    }
    if (status < 0 || transform_check_options(n, only, methods, cfg->method) < 0 ||
        check_finite(n, cfg->value) < 0 || (cfg->value && bind_constant(n, p, cfg->value) < 0)) {
        return -ERR_CONFIG;
    }
    p->t.learns = cfg->method != CONSTANT;
    transform_out_each(n, &p->t, is_number ? &type_double : NULL);
    return transform_bind(n, &p->t);
}

const struct step_def op_impute = {
    .name = "impute",
    .doc = "gives what is missing a value: mean, median, the most frequent, the last, a constant",
    .config = fields,
    .config_size = sizeof(struct impute_cfg),
    .state_version = 1,
    .bind = impute_bind,
    TRANSFORM_LEARNS,
};
