/* feature_hash: any number of features as n_features columns, by the hashing trick (ml/hashed.c).
 * Bit for bit scikit-learn's FeatureHasher. River's (with the same 32-bit seed) has hash mod
 * n_features for a negative hash, and so the same features in another order.
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
#include <string.h>

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

/* Where a text counts, and with which sign. */
struct bucket {
    uint32_t column;
    double sign;
};

static struct bucket bucket_of(const struct feature_hash_cfg *cfg, uint32_t h)
{
    static const double sign[] = {1, -1};
    bool is_negative;
    uint32_t column = hashed_index(h, (uint32_t)cfg->n_features, &is_negative);
    return (struct bucket){column, sign[is_negative & cfg->alternate_sign]};
}

/* x, or 0, without a branch: what is missing comes at random. */
static double if_so(bool is_so, double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    bits &= 0 - (uint64_t)is_so;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

/* The items of an array or map. */
static void add_items(const struct transform_run *r, uint32_t i, uint16_t row)
{
    const struct feature_hash_cfg *cfg = config_of(r->t);
    struct hashed_items items = hashed_open(&r->from[i], row, hashed_begin((uint32_t)cfg->seed));
    uint32_t hash;
    double value;
    while (hashed_next(&items, &hash, &value)) {
        struct bucket at = bucket_of(cfg, hash);
        r->to[at.column].d[row] += at.sign * value;
    }
}

/* The strings of column i. Which are missing and which are long comes at random: the long ones, for
 * which a hash takes a loop, go last, and there is a string for what is missing, which adds 0. */
static void add_strings(const struct transform_run *r, uint32_t i, uint8_t *has)
{
    static const struct str nothing;
    const struct feature_hash_cfg *cfg = config_of(r->t);
    const struct hashed_text *begin = &((const struct plan *)r->t)->name[i].begin;
    const double *x = r->x + (size_t)i * r->n;
    uint32_t *hash = arena_array(r->mem, r->n, sizeof(*hash));
    uint16_t *is_long = arena_array(r->mem, r->n, sizeof(*is_long)), n = 0;
    for (uint16_t k = 0; k < r->n; k++) {
        const struct str *s = x[k] == x[k] ? &r->from[i].s[r->row[k]] : &nothing;
        const bool is_short = s->n <= STR_INLINE;
        hash[k] = hashed_string(begin, is_short ? s : &nothing);
        is_long[n] = k;
        n = (uint16_t)(n + !is_short);
    }
    for (uint16_t k = 0; k < n; k++) {
        hash[is_long[k]] = hashed_string(begin, &r->from[i].s[r->row[is_long[k]]]);
    }
    for (uint16_t k = 0; k < r->n; k++) {
        const bool is_there = x[k] == x[k];
        const struct bucket at = bucket_of(cfg, hash[k]);
        r->to[at.column].d[r->row[k]] += if_so(is_there, at.sign);
        has[k] |= is_there;
    }
}

/* Column i of all rows; has[k]: row k has a feature. Numbers have one place for all rows. */
static void add_column(const struct transform_run *r, uint32_t i, uint8_t *has)
{
    const enum type_kind kind = r->from[i].type->kind;
    const double *x = r->x + (size_t)i * r->n;
    struct bucket p = bucket_of(config_of(r->t), ((const struct plan *)r->t)->name[i].hash);
    double *to = r->to[p.column].d;
    if (kind == TYPE_STRING) {
        add_strings(r, i, has);
        return;
    }
    if (kind != TYPE_ARRAY && kind != TYPE_MAP) {
        for (uint16_t k = 0; k < r->n; k++) {
            const bool is_there = x[k] == x[k];
            has[k] |= is_there;
            to[r->row[k]] += if_so(is_there, p.sign * x[k]);
        }
        return;
    }
    for (uint16_t k = 0; k < r->n; k++) {
        if (isnan(x[k])) {
            continue;
        }
        has[k] = 1;
        add_items(r, i, r->row[k]);
    }
}

static void normalize(const struct transform_run *r, uint16_t row)
{
    double most = 0, sum = 0;
    for (uint32_t k = 0; k < r->t->nout; k++) {
        most = fmax(most, fabs(r->to[k].d[row]));
    }
    for (uint32_t k = 0; most > 0 && k < r->t->nout; k++) {
        double x = r->to[k].d[row] / most;
        sum += x * x;
    }
    for (uint32_t k = 0; most > 0 && k < r->t->nout; k++) {
        r->to[k].d[row] = r->to[k].d[row] / most / sqrt(sum);
    }
}

static void feature_hash_run(const struct transform_run *r)
{
    uint8_t *has = arena_zalloc(r->mem, r->n);
    for (uint32_t i = 0; i < r->t->n; i++) {
        add_column(r, i, has);
    }
    const bool is_unit = config_of(r->t)->norm == NORM_L2;
    for (uint16_t k = 0; k < r->n; k++) {
        if (is_unit && has[k]) {
            normalize(r, r->row[k]);
        }
        for (uint32_t j = 0; !has[k] && j < r->t->nout; j++) {
            transform_put_null(r, j, k);
        }
    }
}

static const struct transform_def hasher = {
    .takes = TAKE_NUMBERS | TAKE_BOOLEANS | TAKE_STRINGS | TAKE_TOKENS,
    .what = "numbers, booleans, strings, array<string> and maps of numbers",
    .run = feature_hash_run,
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
    .lazy = transform_lazy,
    .open = transform_open,
    .push = transform_push,
    .close = transform_close,
};
