/* feature_hash: any number of features as n_features columns, by the hashing trick (ml/hashed.c). Bit
 * for bit scikit-learn's FeatureHasher. River's (with the same 32-bit seed) has hash mod n_features for a negative hash, and
 * so the same features in another order.
 *
 *     h = murmur3_32(text, seed) as a signed number
 *     <as>_(|h| mod n_features)  +=  value, negated where h < 0 (alternate_sign)
 *
 *   number, boolean   text is the column's name, value the number
 *   string            text is "name=string", value 1
 *   array<string>     each item is a text, value 1: words of tokenize() and ngrams()
 *   map               each key is a text with its value
 *
 *   out      doubles <as>_0 … <as>_(n_features - 1), behind all columns: `h_*` is a pattern for them
 *   norm     l2 divides each row by its length, so that long texts weigh no more than short ones
 *   null     a null, NaN or infinite feature, or one beyond +-1e150, adds nothing; a row whose columns
 *            are all null has null features
 *   state    none: no key and no repartition are needed
 *   cost     one hash for each text; a batch has n_features columns. A million are for linear learners,
 *            which take words and maps themselves
 */
#include "engine/memory.h"
#include "ml/algorithm.h"
#include "ml/hashed.h"
#include "ml/transform.h"

#include <math.h>

enum { NORM_NONE, NORM_L2 };
static const char *const norms[] = {"none", "l2", NULL};

struct feature_hash_cfg {
    struct transform_cfg common;
    int64_t n_features, seed;
    bool alternate_sign;
    int norm;
};

static const struct config_field fields[] = {
    TRANSFORM_COLUMNS,
    {"as", CONFIG_TEXT, offsetof(struct transform_cfg, as), .required = true,
     .doc = "the new columns are <as>_0, <as>_1, …"},
    {"n_features", CONFIG_LONG, offsetof(struct feature_hash_cfg, n_features), .required = true,
     .min = 1, .max = COLUMNS_MAX, .doc = "how many columns"},
    {"alternate_sign", CONFIG_BOOLEAN, offsetof(struct feature_hash_cfg, alternate_sign),
     .def = "true", .doc = "half of the texts count negative, so that collisions cancel out"},
    {"norm", CONFIG_ENUM, offsetof(struct feature_hash_cfg, norm), .def = "none", .values = norms,
     .doc = "`l2`: rows of length 1"},
    {"seed", CONFIG_LONG, offsetof(struct feature_hash_cfg, seed), .def = "0", .min = 0,
     .max = 4294967295.0, .doc = "of the hash"},
    {0},
};

/* ---- rows ---- */

struct plan {
    struct transform t;
    struct name {
        struct hashed_text begin; /* behind "name=" */
        uint32_t hash;            /* of "name" */
    } * name;                     /* per column */
};

static const struct feature_hash_cfg *config_of(const struct transform *t)
{
    return (const struct feature_hash_cfg *)t->cfg;
}

static void add(const struct transform_row *r, uint32_t h, double value)
{
    const struct feature_hash_cfg *cfg = config_of(r->t);
    bool is_negative;
    struct vec *v = &r->to[hashed_index(h, (uint32_t)cfg->n_features, &is_negative)];
    v->d[r->row] += is_negative && cfg->alternate_sign ? -value : value;
}

static void add_column(const struct transform_row *r, uint32_t i)
{
    const struct plan *p = (const struct plan *)r->t;
    const struct vec *v = &r->from[i];
    bool is_text = v->type->kind == TYPE_STRING;
    if (!is_text && v->type->kind != TYPE_ARRAY && v->type->kind != TYPE_MAP) {
        add(r, p->name[i].hash, r->x[i]);
        return;
    }
    struct hashed_text begin =
        is_text ? p->name[i].begin : hashed_begin((uint32_t)config_of(r->t)->seed);
    struct hashed_items items = hashed_open(v, r->row, begin);
    uint32_t hash;
    double value;
    while (hashed_next(&items, &hash, &value)) {
        add(r, hash, value);
    }
}

static void normalize(const struct transform_row *r)
{
    double most = 0, sum = 0;
    for (uint32_t k = 0; k < r->t->nout; k++) {
        most = fmax(most, fabs(r->to[k].d[r->row]));
    }
    for (uint32_t k = 0; most > 0 && k < r->t->nout; k++) {
        double x = r->to[k].d[r->row] / most;
        sum += x * x;
    }
    for (uint32_t k = 0; most > 0 && k < r->t->nout; k++) {
        r->to[k].d[r->row] = r->to[k].d[r->row] / most / sqrt(sum);
    }
}

static void feature_hash_apply(const void *object, const struct transform_row *r)
{
    (void)object;
    bool is_null = true;
    for (uint32_t i = 0; i < r->t->n; i++) {
        if (!isnan(r->x[i])) {
            add_column(r, i);
            is_null = false;
        }
    }
    for (uint32_t k = 0; is_null && k < r->t->nout; k++) {
        vec_set_null(&r->to[k], r->mem, r->rows, r->row);
    }
    if (!is_null && config_of(r->t)->norm == NORM_L2) {
        normalize(r);
    }
}

static const struct transform_def hasher = {
    .takes = TAKE_NUMBERS | TAKE_BOOLEANS | TAKE_STRINGS | TAKE_TOKENS,
    .what = "numbers, booleans, strings, array<string> and maps of numbers",
    .apply = feature_hash_apply,
    .writes_columns = true,
};

static void hash_names(struct node *n, struct plan *p, uint32_t seed)
{
    p->name = arena_array(n->mem, p->t.n, sizeof(*p->name));
    for (uint32_t i = 0; i < p->t.n; i++) {
        struct hashed_text x = hashed_begin(seed);
        hashed_add(&x, p->t.column[i].name, strlen(p->t.column[i].name));
        p->name[i].hash = hashed_end(&x);
        hashed_add(&x, "=", 1);
        p->name[i].begin = x;
    }
}

static int feature_hash_bind(struct node *n)
{
    const struct feature_hash_cfg *cfg = n->cfg;
    struct plan *p = arena_zalloc(n->mem, sizeof(*p));
    struct transform *t = &p->t;
    int status = transform_columns(n, t, &hasher, &cfg->common, NULL);
    if (status < 0) {
        return status;
    }
    hash_names(n, p, (uint32_t)cfg->seed);
    for (int64_t k = 0; k < cfg->n_features; k++) {
        transform_out(n, t, arena_printf(n->mem, "%s_%lld", cfg->common.as, (long long)k),
                      &type_double, -1);
    }
    return transform_bind(n, t);
}

const struct step_def op_feature_hash = {
    .name = "feature_hash",
    .doc = "any number of features as a fixed number of columns, by the hashing trick",
    .config = fields,
    .config_size = sizeof(struct feature_hash_cfg),
    .bind = feature_hash_bind,
    .needs = transform_needs,
    .open = transform_open,
    .push = transform_push,
    .close = transform_close,
};
