/* Per-key features, updated row by row in input order.
 *
 *   lag(x, k=1)      x of the k-th row before, null rows counted; any type
 *   diff(x, k=1)     x - lag(x, k); long (overflow is a row error), double; of timestamps a
 *                    long of ms
 *   rate(x)          per second since the last row with an x: (x - x') / (t - t'); a fall is a
 *                    counter reset and counts from 0: x / (t - t'). Null for the first row and
 *                    where time stands still or goes back; a row from the past is not remembered
 *   ewma(x, alpha)   s = alpha x + (1 - alpha) s, the first x begins
 *   cumsum(x)        exact for longs (overflow is a row error), Neumaier-compensated for doubles
 *   count()          rows so far, this one included
 *   avg, stddev (n-1), min, max (x [, rows])
 *                    of the last `rows` rows, this one included, or of all; NaN is greater than
 *                    every number
 *
 *   null     a null x is skipped: the result is what it was; for lag and windows the row takes its
 *            place among the rows; diff and rate of a null x are null
 *   slots    ring     { n, next, k values of 8 bytes, k null flags }    lag, diff, windows
 *            texts    { n, next, k of { pointer, length, null } }       lag of strings and the like
 *            totals   { a, b, n }                                       the rest
 *   cost     a window costs its rows per row: it is added up anew from the oldest on, so that no
 *            rounding is left behind by what has gone
 */
#include "operators/running_call.h"

#include "engine/memory.h"
#include "engine/nested.h"

#include <math.h>
#include <string.h>

#define ROWS_MAX 10000

const char *const running_names[] = {"lag", "diff",   "rate", "ewma", "cumsum", "count",
                                     "avg", "stddev", "min",  "max",  NULL};

union number {
    int64_t i;
    double d;
};

struct ring {
    uint32_t n, next;
    union number value[]; /* then the null flags */
};

struct texts {
    uint32_t n, next;
    struct text {
        char *p;
        uint32_t n;
        uint8_t null;
    } item[];
};

struct totals {
    union number a, b;
    int64_t n;
};

static uint32_t least_arguments(enum running_kind kind)
{
    return kind == RUNNING_COUNT ? 0 : kind == RUNNING_EWMA ? 2 : 1;
}

static uint32_t most_arguments(enum running_kind kind)
{
    bool has_one = kind == RUNNING_RATE || kind == RUNNING_CUMSUM;
    return kind == RUNNING_COUNT ? 0 : has_one ? 1 : 2;
}

static const char *usage(enum running_kind kind)
{
    static const char *const words[] = {
        "lag(x, k)", "diff(x, k)",   "rate(x)",         "ewma(x, alpha)", "cumsum(x)",
        "count()",   "avg(x, rows)", "stddev(x, rows)", "min(x, rows)",   "max(x, rows)"};
    return words[kind];
}

static int read_rows(struct running_call *c, const struct expression *arg, struct err *e)
{
    struct nested_value v;
    bool is_whole = expression_type(arg)->kind == TYPE_LONG && expression_constant(arg, &v);
    if (!is_whole || v.is_null || v.i < 1 || v.i > ROWS_MAX) {
        return err_set(e, ERR_CONFIG, "%s: the second argument is a whole number from 1 to %d",
                       usage(c->kind), ROWS_MAX);
    }
    c->rows = (uint32_t)v.i;
    return 0;
}

static int read_alpha(struct running_call *c, const struct expression *arg, struct err *e)
{
    struct nested_value v = {0};
    bool is_number = type_is_numeric(expression_type(arg)) && expression_constant(arg, &v);
    double alpha = expression_type(arg)->kind == TYPE_LONG ? (double)v.i : v.d;
    if (!is_number || v.is_null || !(alpha > 0 && alpha <= 1)) {
        return err_set(e, ERR_CONFIG, "%s: alpha is a number above 0, at most 1", usage(c->kind));
    }
    c->alpha = alpha;
    return 0;
}

static bool takes(enum running_kind kind, const struct type *t)
{
    bool has_time = kind == RUNNING_DIFF || kind == RUNNING_MIN || kind == RUNNING_MAX;
    return kind == RUNNING_LAG || type_is_numeric(t) || (has_time && t->kind == TYPE_TIMESTAMP);
}

static const struct type *result_type(const struct running_call *c)
{
    switch (c->kind) {
    case RUNNING_LAG:
    case RUNNING_CUMSUM:
    case RUNNING_MIN:
    case RUNNING_MAX:
        return c->of;
    case RUNNING_DIFF:
        return c->of->kind == TYPE_DOUBLE ? &type_double : &type_long;
    case RUNNING_COUNT:
        return &type_long;
    case RUNNING_RATE:
    case RUNNING_EWMA:
    case RUNNING_AVG:
    case RUNNING_STDDEV:
        break;
    }
    return &type_double;
}

static uint32_t slot_size(const struct running_call *c)
{
    size_t size = sizeof(struct totals);
    if (running_call_owns(c)) {
        size = sizeof(struct texts) + c->rows * sizeof(struct text);
    } else if (c->rows > 0) {
        size = sizeof(struct ring) + c->rows * (sizeof(union number) + 1);
    }
    return (uint32_t)((size + 7) / 8 * 8);
}

static bool has_default_k(enum running_kind kind)
{
    return kind == RUNNING_LAG || kind == RUNNING_DIFF;
}

int running_call_bind(struct running_call *c, const struct expression_call *call, struct err *e)
{
    *c = (struct running_call){0};
    while (strcmp(running_names[c->kind], call->name) != 0) {
        c->kind++;
    }
    uint32_t nargs = (uint32_t)call->nargs;
    if (nargs < least_arguments(c->kind) || nargs > most_arguments(c->kind)) {
        return err_set(e, ERR_CONFIG, "expected %s", usage(c->kind));
    }
    c->rows = has_default_k(c->kind) ? 1 : 0;
    if (nargs > 0) {
        c->x = call->arg[0];
        c->of = expression_type(c->x);
        if (!takes(c->kind, c->of)) {
            return err_set(e, ERR_CONFIG, "%s works on numbers", usage(c->kind));
        }
    }
    if (nargs == 2) {
        int rc = c->kind == RUNNING_EWMA ? read_alpha(c, call->arg[1], e)
                                         : read_rows(c, call->arg[1], e);
        if (rc < 0) {
            return rc;
        }
    }
    c->type = result_type(c);
    c->nullable = c->kind != RUNNING_COUNT;
    c->size = slot_size(c);
    return 1;
}

bool running_call_owns(const struct running_call *c)
{
    return c->kind == RUNNING_LAG && type_is_str(c->of);
}

static uint8_t *null_flags(const struct running_call *c, struct ring *r)
{
    return (uint8_t *)&r->value[c->rows];
}

static union number number_of(const struct vec *x, uint16_t row)
{
    union number v = {.i = 0};
    if (x->type->kind == TYPE_BOOLEAN) {
        v.i = x->b[row];
    } else if (x->type->kind == TYPE_DOUBLE) {
        v.d = x->d[row];
    } else {
        v.i = x->i[row];
    }
    return v;
}

static double double_of(const struct vec *x, uint16_t row)
{
    return x->type->kind == TYPE_DOUBLE ? x->d[row] : (double)x->i[row];
}

static void set_number(struct vec *out, uint16_t row, union number v)
{
    if (out->type->kind == TYPE_BOOLEAN) {
        out->b[row] = v.i != 0;
    } else if (out->type->kind == TYPE_DOUBLE) {
        out->d[row] = v.d;
    } else {
        out->i[row] = v.i;
    }
}

/* Puts x at the place of the oldest; where that was is the next oldest. */
static void ring_push(const struct running_call *c, struct ring *r, const struct vec *x,
                      uint16_t row)
{
    bool is_null = vec_is_null(x, row);
    r->value[r->next] = is_null ? (union number){.i = 0} : number_of(x, row);
    null_flags(c, r)[r->next] = is_null;
    r->next = (r->next + 1) % c->rows;
    r->n += r->n < c->rows;
}

static const char *update_lag(const struct running_call *c, struct ring *r, const struct vec *x,
                              uint16_t row, struct vec *out, bool *is_null)
{
    *is_null = r->n < c->rows || null_flags(c, r)[r->next] != 0;
    union number before = r->value[r->next];
    if (c->kind == RUNNING_DIFF) {
        *is_null = *is_null || vec_is_null(x, row);
        union number v = number_of(x, row);
        if (x->type->kind == TYPE_DOUBLE) {
            before.d = v.d - before.d;
        } else if (!*is_null && __builtin_sub_overflow(v.i, before.i, &before.i)) {
            return "diff: the difference does not fit a long";
        }
    }
    if (!*is_null) {
        set_number(out, row, before);
    }
    ring_push(c, r, x, row);
    return NULL;
}

static void update_text_lag(const struct running_call *c, struct texts *t, const struct vec *x,
                            uint16_t row, struct vec *out, struct arena *a, bool *is_null)
{
    struct text *oldest = &t->item[t->next];
    *is_null = t->n < c->rows || oldest->null;
    if (!*is_null) {
        out->s[row] = str_copy(a, oldest->n > 0 ? oldest->p : "", oldest->n);
    }
    bool was_null = vec_is_null(x, row);
    uint32_t n = was_null ? 0 : x->s[row].n;
    char *p = n > 0 ? mem_strndup(str_data(&x->s[row]), n) : NULL;
    mem_free(oldest->p);
    *oldest = (struct text){p, n, was_null};
    t->next = (t->next + 1) % c->rows;
    t->n += t->n < c->rows;
}

/* Neumaier's sum: a is the sum, b what rounding lost. */
static void add_compensated(struct totals *t, double x)
{
    double sum = t->a.d + x;
    double lost = fabs(t->a.d) >= fabs(x) ? (t->a.d - sum) + x : (x - sum) + t->a.d;
    t->b.d += lost;
    t->a.d = sum;
}

/* Once the sum has left the finite numbers it stays there, and what was lost means nothing. */
static double compensated(const struct totals *t)
{
    return isfinite(t->a.d) ? t->a.d + t->b.d : t->a.d;
}

static bool is_less(const struct type *t, union number x, union number y)
{
    if (t->kind != TYPE_DOUBLE) {
        return x.i < y.i;
    }
    return x.d < y.d || (isnan(y.d) && !isnan(x.d));
}

/* Welford's step: a the mean, b the sum of squares about it. */
static void add_to_moments(struct totals *t, double x)
{
    double delta = x - t->a.d;
    t->a.d += delta / (double)(t->n + 1);
    t->b.d += delta * (x - t->a.d);
}

/* Takes one value into the totals of avg, stddev, min or max. */
static void add_value(const struct running_call *c, struct totals *t, union number v)
{
    double x = c->of->kind == TYPE_DOUBLE ? v.d : (double)v.i;
    if (c->kind == RUNNING_AVG) {
        add_compensated(t, x);
    } else if (c->kind == RUNNING_STDDEV) {
        add_to_moments(t, x);
    } else if (t->n == 0 ||
               (c->kind == RUNNING_MIN ? is_less(c->of, v, t->a) : is_less(c->of, t->a, v))) {
        t->a = v;
    }
    t->n++;
}

static void finish(const struct running_call *c, const struct totals *t, struct vec *out,
                   uint16_t row, bool *is_null)
{
    *is_null = t->n < (c->kind == RUNNING_STDDEV ? 2 : 1);
    if (*is_null) {
        return;
    }
    if (c->kind == RUNNING_AVG) {
        out->d[row] = compensated(t) / (double)t->n;
    } else if (c->kind == RUNNING_STDDEV) {
        out->d[row] = sqrt(t->b.d / (double)(t->n - 1));
    } else {
        set_number(out, row, t->a);
    }
}

/* Takes a stretch of a ring in; the average, by far the most used, without a choice per value. */
static void add_stretch(const struct running_call *c, struct totals *t, const union number *v,
                        const uint8_t *null, uint32_t n)
{
    bool is_double = c->of->kind == TYPE_DOUBLE;
    for (uint32_t k = 0; k < n; k++) {
        if (null[k]) {
            continue;
        }
        if (c->kind == RUNNING_AVG) {
            add_compensated(t, is_double ? v[k].d : (double)v[k].i);
            t->n++;
        } else {
            add_value(c, t, v[k]);
        }
    }
}

static void update_window(const struct running_call *c, void *slot, const struct vec *x,
                          uint16_t row, struct vec *out, bool *is_null)
{
    struct totals window = {.n = 0}, *t = &window;
    if (c->rows == 0) {
        t = slot;
        if (!vec_is_null(x, row)) {
            add_value(c, t, number_of(x, row));
        }
    } else {
        struct ring *r = slot;
        ring_push(c, r, x, row);
        uint32_t oldest = r->n < c->rows ? 0 : r->next;
        const uint8_t *null = null_flags(c, r);
        add_stretch(c, t, r->value + oldest, null + oldest, r->n - oldest);
        add_stretch(c, t, r->value, null, oldest);
    }
    finish(c, t, out, row, is_null);
}

/* a the last value, b its time. */
static void update_rate(struct totals *t, const struct vec *x, uint16_t row, int64_t time,
                        struct vec *out, bool *is_null)
{
    *is_null = true;
    if (vec_is_null(x, row) || (t->n > 0 && time < t->b.i)) {
        return;
    }
    union number v = number_of(x, row);
    if (t->n > 0 && time > t->b.i) {
        bool is_long = x->type->kind == TYPE_LONG;
        bool is_reset = is_long ? v.i < t->a.i : v.d < t->a.d;
        double rise = is_long ? (double)((uint64_t)v.i - (uint64_t)t->a.i) : v.d - t->a.d;
        double seconds = (double)((uint64_t)time - (uint64_t)t->b.i) / 1000;
        out->d[row] = (is_reset ? double_of(x, row) : rise) / seconds;
        *is_null = false;
    }
    *t = (struct totals){.a = v, .b = {.i = time}, .n = 1};
}

static void update_ewma(const struct running_call *c, struct totals *t, const struct vec *x,
                        uint16_t row, struct vec *out, bool *is_null)
{
    if (!vec_is_null(x, row)) {
        double v = double_of(x, row);
        t->a.d = t->n == 0 ? v : c->alpha * v + (1 - c->alpha) * t->a.d;
        t->n = 1;
    }
    *is_null = t->n == 0;
    out->d[row] = t->a.d;
}

static const char *update_cumsum(struct totals *t, const struct vec *x, uint16_t row,
                                 struct vec *out, bool *is_null)
{
    bool is_long = x->type->kind == TYPE_LONG;
    *is_null = true;
    if (!vec_is_null(x, row)) {
        int64_t sum = 0;
        if (is_long && __builtin_add_overflow(t->a.i, x->i[row], &sum)) {
            return "cumsum: the sum does not fit a long";
        }
        if (is_long) {
            t->a.i = sum;
        } else {
            add_compensated(t, x->d[row]);
        }
        t->n = 1;
    }
    *is_null = t->n == 0;
    if (is_long) {
        out->i[row] = t->a.i;
    } else {
        out->d[row] = compensated(t);
    }
    return NULL;
}

const char *running_call_update(const struct running_call *c, void *slot, const struct vec *x,
                                uint16_t row, int64_t time, struct vec *out, struct arena *a,
                                uint16_t rows)
{
    const char *failure = NULL;
    bool is_null = false;
    switch (c->kind) {
    case RUNNING_LAG:
    case RUNNING_DIFF:
        if (running_call_owns(c)) {
            update_text_lag(c, slot, x, row, out, a, &is_null);
        } else {
            failure = update_lag(c, slot, x, row, out, &is_null);
        }
        break;
    case RUNNING_RATE:
        update_rate(slot, x, row, time, out, &is_null);
        break;
    case RUNNING_EWMA:
        update_ewma(c, slot, x, row, out, &is_null);
        break;
    case RUNNING_CUMSUM:
        failure = update_cumsum(slot, x, row, out, &is_null);
        break;
    case RUNNING_COUNT:
        out->i[row] = ++((struct totals *)slot)->n;
        break;
    case RUNNING_AVG:
    case RUNNING_STDDEV:
    case RUNNING_MIN:
    case RUNNING_MAX:
        update_window(c, slot, x, row, out, &is_null);
        break;
    }
    if (is_null || failure != NULL) {
        vec_set_null(out, a, rows, row);
    }
    return failure;
}

static size_t varint_bytes(uint64_t n)
{
    size_t bytes = 1;
    for (n = n << 1 >> 7; n > 0; n >>= 7) { /* zig-zag doubles it */
        bytes++;
    }
    return bytes;
}

void running_call_save(const struct running_call *c, const void *slot, struct buffer *out)
{
    const struct texts *t = slot;
    (void)c;
    size_t bytes = varint_bytes(t->n) + varint_bytes(t->next);
    for (uint32_t i = 0; i < t->n; i++) {
        bytes += 1 + varint_bytes(t->item[i].n) + t->item[i].n;
    }
    buffer_varint(out, (int64_t)bytes);
    buffer_varint(out, t->n);
    buffer_varint(out, t->next);
    for (uint32_t i = 0; i < t->n; i++) {
        buffer_byte(out, t->item[i].null);
        buffer_varint(out, t->item[i].n);
        buffer_add(out, t->item[i].n > 0 ? t->item[i].p : "", t->item[i].n);
    }
}

static const uint8_t *load_texts(const struct running_call *c, struct texts *t, const uint8_t *p,
                                 const uint8_t *end)
{
    int64_t bytes = 0, n = 0, next = 0;
    p = varint_read(p, end, &bytes);
    if (p == NULL || bytes < 0 || bytes > end - p) {
        return NULL;
    }
    end = p + bytes;
    p = varint_read(p, end, &n);
    p = p != NULL ? varint_read(p, end, &next) : NULL;
    if (p == NULL || n < 0 || n > c->rows || next < 0 || next >= c->rows) {
        return NULL;
    }
    t->next = (uint32_t)next;
    for (int64_t i = 0; i < n; i++) {
        int64_t length = 0;
        if (p == end) {
            return NULL;
        }
        bool is_null = *p++ != 0;
        p = varint_read(p, end, &length);
        if (p == NULL || length < 0 || length > end - p || length > UINT32_MAX) {
            return NULL;
        }
        char *copy = length > 0 ? mem_strndup((const char *)p, (size_t)length) : NULL;
        t->item[t->n++] = (struct text){copy, (uint32_t)length, is_null};
        p += length;
    }
    return p == end ? p : NULL;
}

const uint8_t *running_call_load(const struct running_call *c, void *slot, const uint8_t *p,
                                 const uint8_t *end)
{
    if (running_call_owns(c)) {
        return load_texts(c, slot, p, end);
    }
    if (end - p < (ptrdiff_t)c->size) {
        return NULL;
    }
    memcpy(slot, p, c->size);
    const struct ring *r = slot;
    if (c->rows > 0 && (r->n > c->rows || r->next >= c->rows)) {
        return NULL;
    }
    return p + c->size;
}

uint64_t running_call_size(const struct running_call *c, const void *slot)
{
    const struct texts *t = slot;
    uint64_t bytes = 0;
    for (uint32_t i = 0; running_call_owns(c) && i < t->n; i++) {
        bytes += t->item[i].n > 0 ? t->item[i].n + 1 : 0;
    }
    return bytes;
}

void running_call_drop(const struct running_call *c, void *slot)
{
    struct texts *t = slot;
    for (uint32_t i = 0; running_call_owns(c) && i < t->n; i++) {
        mem_free(t->item[i].p);
        t->item[i].p = NULL;
    }
}

void running_call_layout(const struct running_call *c, struct buffer *b)
{
    buffer_text(b, running_names[c->kind]);
    if (c->x != NULL) {
        buffer_byte(b, ' ');
        expression_layout(b, c->x);
    }
    if (c->rows > 0) {
        buffer_printf(b, " %u", c->rows);
    }
    if (c->kind == RUNNING_EWMA) {
        buffer_printf(b, " %.17g", c->alpha);
    }
}
