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

static void learn_frequency(struct filler *f, const struct vec *v, uint16_t row, uint32_t k)
{
    struct vec key = as_key(v);
    int at = classes_find(&f->values, &key, row);
    if (at < 0 && f->values.n < k) {
        at = classes_add(&f->values, &key, row);
    }
    if (at >= 0) {
        f->count[at]++;
    }
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

static void impute_learn(void *object, const struct transform_row *r)
{
    struct imputing *x = object;
    const struct impute_cfg *cfg = config_of(x->t);
    for (uint32_t i = 0; i < x->t->n; i++) {
        struct filler *f = &x->filler[i];
        if (isnan(r->x[i])) {
            continue;
        }
        if (cfg->method == MEAN) {
            f->mean += (r->x[i] - f->mean) / ++f->n;
        } else if (cfg->method == MEDIAN) {
            p2_add(&f->median, 0.5, r->x[i]);
        } else if (cfg->method == LAST) {
            learn_last(f, &r->from[i], r->row);
        } else {
            learn_frequency(f, &r->from[i], r->row, (uint32_t)cfg->k);
        }
    }
}

/* ---- filling ---- */

static void put_frequent(const struct filler *f, struct vec *to, const struct transform_row *r)
{
    uint32_t best = 0;
    for (uint32_t k = 1; k < f->values.n; k++) {
        best = f->count[k] > f->count[best] ? k : best;
    }
    if (f->values.n == 0) {
        vec_set_null(to, r->mem, r->rows, r->row);
    } else {
        struct vec key = as_key(to);
        classes_put(&f->values, (int)best, &key, r->row, r->mem);
    }
}

static void put_last(const struct filler *f, struct vec *to, const struct transform_row *r)
{
    if (!(f->n > 0)) {
        vec_set_null(to, r->mem, r->rows, r->row);
    } else if (to->type->kind == TYPE_STRING) {
        to->s[r->row] = str_copy(r->mem, f->last.data, (uint32_t)f->last.n);
    } else {
        size_t width = vec_width(to->type);
        memcpy((char *)to->data + r->row * width, f->last.data, width);
    }
}

/* A number of mean or median: x where it is not missing. */
static void put_number(const struct filler *f, int method, double x, struct vec *to,
                       const struct transform_row *r)
{
    if (isnan(x) && method == MEAN) {
        x = f->n > 0 ? f->mean : x;
    } else if (isnan(x)) {
        x = p2_get(&f->median, 0.5);
    }
    if (isnan(x)) {
        vec_set_null(to, r->mem, r->rows, r->row);
    } else {
        to->d[r->row] = x;
    }
}

static void impute_apply(const void *object, const struct transform_row *r)
{
    const struct plan *p = (const struct plan *)r->t;
    const struct imputing *x = object;
    int method = config_of(r->t)->method;
    for (uint32_t i = 0; i < r->t->n; i++) {
        struct vec *to = &r->to[i];
        if (method == MEAN || method == MEDIAN) {
            put_number(&x->filler[i], method, r->x[i], to, r);
        } else if (!isnan(r->x[i])) {
            vec_copy_row(to, r->row, r->rows, &r->from[i], r->row, r->mem);
        } else if (method == CONSTANT) {
            vec_copy_row(to, r->row, r->rows, &p->constant[i], 0, r->mem);
        } else if (method == LAST) {
            put_last(&x->filler[i], to, r);
        } else {
            put_frequent(&x->filler[i], to, r);
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
    .learn = impute_learn,
    .apply = impute_apply,
    .writes_columns = true,
    .layout = impute_layout,
};

static const struct transform_def number_imputer = {
    .takes = TAKE_NUMBERS,
    .what = "numbers",
    .object = {imputing_new, imputing_io, imputing_size, imputing_free, NULL},
    .learn = impute_learn,
    .apply = impute_apply,
    .writes_columns = true,
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
    if (status < 0 || (cfg->value && bind_constant(n, p, cfg->value) < 0)) {
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
    .stateful = true,
    .state_version = 1,
    .bind = impute_bind,
    .needs = transform_needs,
    .state_codec = transform_codec,
    .state_layout = transform_layout,
    .lazy = transform_lazy,
    .open = transform_open,
    .push = transform_push,
    .flush = transform_flush,
    .describe = transform_describe,
    .close = transform_close,
};
