/* Comparisons = <> < <= > >=, and `in`.
 *
 * Text is ordered by code points (its bytes), false before true, doubles as IEEE 754 has it: a NaN
 * equals nothing and has no order. `in` is true when a value equals, else null when it or a value
 * of the list is null, else false; a constant list is sorted once and searched.
 */
#include "engine/expression/kernel.h"
#include "engine/nested.h"

#include <stdlib.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

/* One loop for all rows, one for a selection; EXPR sees x and y, values of type T in member M. */
#define COMPARE_KERNEL(NAME, T, M, EXPR)                                                           \
    static int NAME(struct kernel_call *c)                                                         \
    {                                                                                              \
        const T *xs = c->arg[0].M, *ys = c->arg[1].M;                                              \
        uint8_t *restrict z = c->out->b;                                                           \
        if (kernel_is_dense(c)) {                                                                  \
            for (size_t row = 0; row < c->rows; row++) {                                           \
                T x = xs[row], y = ys[row];                                                        \
                z[row] = (EXPR);                                                                   \
            }                                                                                      \
            return 0;                                                                              \
        }                                                                                          \
        for (uint16_t k = 0; k < c->nsel; k++) {                                                   \
            T x = xs[c->sel[k]], y = ys[c->sel[k]];                                                \
            z[c->sel[k]] = (EXPR);                                                                 \
        }                                                                                          \
        return 0;                                                                                  \
    }

#define COMPARE_KERNELS(SUFFIX, T, M)                                                              \
    COMPARE_KERNEL(eq_##SUFFIX, T, M, x == y)                                                      \
    COMPARE_KERNEL(ne_##SUFFIX, T, M, x != y)                                                      \
    COMPARE_KERNEL(lt_##SUFFIX, T, M, x < y)                                                       \
    COMPARE_KERNEL(le_##SUFFIX, T, M, x <= y)                                                      \
    COMPARE_KERNEL(gt_##SUFFIX, T, M, x > y)                                                       \
    COMPARE_KERNEL(ge_##SUFFIX, T, M, x >= y)

COMPARE_KERNELS(boolean, uint8_t, b)
COMPARE_KERNELS(long, int64_t, i)
COMPARE_KERNELS(double, double, d)
COMPARE_KERNEL(eq_text, struct str, s, str_equal(&x, &y))
COMPARE_KERNEL(ne_text, struct str, s, !str_equal(&x, &y))
COMPARE_KERNEL(lt_text, struct str, s, str_compare(&x, &y) < 0)
COMPARE_KERNEL(le_text, struct str, s, str_compare(&x, &y) <= 0)
COMPARE_KERNEL(gt_text, struct str, s, str_compare(&x, &y) > 0)
COMPARE_KERNEL(ge_text, struct str, s, str_compare(&x, &y) >= 0)

/* ---- in ---- */

struct set {
    enum type_kind kind;
    int n;
    bool has_null;
    int64_t *i;    /* boolean, long, timestamp */
    double *d;     /* without NaN */
    struct str *s; /* text */
};

static int by_long(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int by_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int by_text(const void *a, const void *b)
{
    return str_compare(a, b);
}

static void set_add(struct set *s, const struct nested_value *v)
{
    if (v->is_null) {
        s->has_null = true;
    } else if (s->s != NULL) {
        s->s[s->n++] = str_ref(v->s.p, v->s.n);
    } else if (s->i != NULL) {
        s->i[s->n++] = v->i;
    } else if (v->d == v->d) {
        s->d[s->n++] = v->d;
    }
}

static int prepare_in(const void **state, struct arena *a, int nargs,
                      const struct expression *const *arg, struct err *e)
{
    const struct type *t = expression_type(arg[0]);
    if (t->kind >= TYPE_ARRAY) {
        return err_set(e, ERR_CONFIG, "`in` cannot compare arrays, maps or records");
    }
    struct set *s = arena_zalloc(a, sizeof *s);
    s->kind = t->kind;
    size_t n = (size_t)nargs;
    if (type_is_str(t)) {
        s->s = arena_array(a, n, sizeof *s->s);
    } else if (t->kind == TYPE_DOUBLE) {
        s->d = arena_array(a, n, sizeof *s->d);
    } else {
        s->i = arena_array(a, n, sizeof *s->i);
    }
    for (int k = 1; k < nargs; k++) {
        struct nested_value v;
        if (!expression_constant(arg[k], &v)) {
            return 0;
        }
        set_add(s, &v);
    }
    if (s->s != NULL) {
        qsort(s->s, (size_t)s->n, sizeof *s->s, by_text);
    } else if (s->d != NULL) {
        qsort(s->d, (size_t)s->n, sizeof *s->d, by_double);
    } else {
        qsort(s->i, (size_t)s->n, sizeof *s->i, by_long);
    }
    *state = s;
    return 0;
}

static bool set_has(const struct set *s, const struct vec *v, uint16_t row)
{
    size_t n = (size_t)s->n;
    if (s->s != NULL && n <= 8) {
        bool found = false;
        for (size_t k = 0; k < n && !found; k++) {
            found = str_equal(&v->s[row], &s->s[k]);
        }
        return found;
    }
    if (s->s != NULL) {
        return bsearch(&v->s[row], s->s, n, sizeof *s->s, by_text) != NULL;
    }
    if (s->d != NULL) {
        return v->d[row] == v->d[row] &&
               bsearch(&v->d[row], s->d, n, sizeof *s->d, by_double) != NULL;
    }
    int64_t i = s->kind == TYPE_BOOLEAN ? v->b[row] : v->i[row];
    return bsearch(&i, s->i, n, sizeof *s->i, by_long) != NULL;
}

static bool equals(const struct vec *x, const struct vec *y, uint16_t row)
{
    if (x->type->kind == TYPE_DOUBLE) {
        return x->d[row] == y->d[row];
    }
    return vec_same(x, row, y, row);
}

/* -1: null. */
static int is_in_list(const struct kernel_call *c, uint16_t row)
{
    int found = 0;
    for (int k = 1; k < c->nargs; k++) {
        if (vec_is_null(&c->arg[k], row)) {
            found = -1;
        } else if (equals(&c->arg[0], &c->arg[k], row)) {
            return 1;
        }
    }
    return found;
}

static int in_list(struct kernel_call *c)
{
    const struct set *s = c->state;
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        int found = -1;
        if (!vec_is_null(&c->arg[0], row)) {
            found = s == NULL                     ? is_in_list(c, row)
                    : set_has(s, &c->arg[0], row) ? 1
                    : s->has_null                 ? -1
                                                  : 0;
        }
        if (found < 0) {
            kernel_set_null(c, row);
        } else {
            c->out->b[row] = (uint8_t)found;
        }
    }
    return 0;
}

#define COMPARISON(SYMBOL, ARGS, KERNEL)                                                           \
    {                                                                                              \
        SYMBOL, ARGS, 'b', NULL_IF_ANY, KERNEL, .doc = "comparison", .is_harmless = true           \
    }
#define COMPARISONS(SYMBOL, NAME)                                                                  \
    COMPARISON(SYMBOL, "bb", NAME##_boolean), COMPARISON(SYMBOL, "ll", NAME##_long),               \
        COMPARISON(SYMBOL, "dd", NAME##_double), COMPARISON(SYMBOL, "tt", NAME##_long),            \
        COMPARISON(SYMBOL, "ss", NAME##_text), COMPARISON(SYMBOL, "yy", NAME##_text)

static const struct function_def functions[] = {
    COMPARISONS("=", eq),
    COMPARISONS("<>", ne),
    COMPARISONS("<", lt),
    COMPARISONS("<=", le),
    COMPARISONS(">", gt),
    COMPARISONS(">=", ge),
    {"_ in", "**+", 'b', NULL_OWN, in_list, prepare_in, .doc = "equals one of the values",
     .is_harmless = true},
    {0},
};

const struct function_table functions_compare = {
    .family = "comparison",
    .functions = functions,
};
