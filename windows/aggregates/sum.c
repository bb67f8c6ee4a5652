/* sum(x): exact for longs (leaving their range is a row error, and the row is not added),
 * compensated for doubles.
 *
 *   state   longs { sum, n, is_over }, doubles { s, c, n }; version 2
 *   null    skipped; the sum of no rows is null, not 0
 *   merge   adds; two sums of longs that leave the range together have no result: the result row
 *           is bad
 *   order   rows are added in input order: the same bits for any batch size
 */
#include "windows/aggregates/compensated.h"
#include "windows/aggregates/value.h"

static const char is_out_of_range[] = "sum leaves the range of a long";

struct long_sum {
    int64_t sum, n, is_over;
};

static int sum_bind(struct aggregate_call *c, struct arena *a, struct err *e)
{
    (void)a;
    if (!type_is_numeric(c->arg_type[0])) {
        return wrong_type(c, "a number", e);
    }
    bool is_long = c->arg_type[0]->kind == TYPE_LONG;
    c->type = is_long ? &type_long : &type_double;
    c->nullable = true;
    c->may_refuse = is_long;
    c->size = is_long ? sizeof(struct long_sum) : sizeof(struct compensated);
    return 0;
}

/* Beyond these the sum of a whole batch could leave the range. */
#define SUM_SAFE   (INT64_C(1) << 62)
#define VALUE_SAFE (INT64_C(1) << 50)

static bool is_within(int64_t x, int64_t limit)
{
    return x < limit && x > -limit;
}

static bool sum_takes_all(const struct aggregate_call *c, const struct aggregate_rows *r)
{
    (void)c;
    bool is_safe = true;
    for (uint16_t i = 0; i < r->n; i++) {
        const struct long_sum *s = r->state[i];
        is_safe &= is_within(s->sum, SUM_SAFE) && is_within(r->arg[0].i[r->row[i]], VALUE_SAFE);
    }
    return is_safe; /* a null may hold anything: then they are looked at one by one */
}

static const char *sum_refuses(const struct aggregate_call *c, const struct aggregate_rows *r,
                               uint16_t i)
{
    (void)c;
    const struct long_sum *s = r->state[i];
    int64_t sum;
    bool is_over = !vec_is_null(&r->arg[0], r->row[i]) &&
                   __builtin_add_overflow(s->sum, r->arg[0].i[r->row[i]], &sum);
    return is_over ? is_out_of_range : NULL;
}

static void update_longs(const struct aggregate_rows *r, struct row_errors *errors)
{
    const struct vec *x = &r->arg[0];
    for (uint16_t i = 0; i < r->n; i++) {
        uint16_t row = r->row[i];
        struct long_sum *s = r->state[i];
        int64_t sum;
        if (vec_is_null(x, row)) {
            continue;
        }
        if (__builtin_add_overflow(s->sum, x->i[row], &sum)) {
            row_failed(r, errors, row, is_out_of_range);
            continue;
        }
        s->sum = sum;
        s->n++;
    }
}

static int sum_update(const struct aggregate_call *c, const struct aggregate_rows *r,
                      struct row_errors *errors)
{
    if (c->type->kind == TYPE_LONG) {
        update_longs(r, errors);
        return 0;
    }
    const struct vec *x = &r->arg[0];
    for (uint16_t i = 0; i < r->n; i++) {
        uint16_t row = r->row[i];
        struct compensated *s = r->state[i];
        if (!vec_is_null(x, row)) {
            compensated_add(s, x->d[row]);
            s->n++;
        }
    }
    return 0;
}

static void sum_combine(const struct aggregate_call *c, void *into, const void *from)
{
    if (c->type->kind == TYPE_DOUBLE) {
        compensated_combine(into, from);
        return;
    }
    struct long_sum *a = into;
    const struct long_sum *b = from;
    a->is_over |= b->is_over;
    a->is_over |= __builtin_add_overflow(a->sum, b->sum, &a->sum);
    a->n += b->n;
}

static void sum_result(const struct aggregate_call *c, const void *state, struct vec *out,
                       uint16_t row, uint16_t rows, struct arena *mem)
{
    if (c->type->kind == TYPE_LONG) {
        const struct long_sum *s = state;
        out->i[row] = s->sum;
        if (s->n == 0 || s->is_over) {
            vec_set_null(out, mem, rows, row);
        }
        return;
    }
    const struct compensated *s = state;
    out->d[row] = compensated_sum(s);
    if (s->n == 0) {
        vec_set_null(out, mem, rows, row);
    }
}

static const char *sum_failed(const struct aggregate_call *c, const void *state)
{
    const struct long_sum *s = state;
    return c->type->kind == TYPE_LONG && s->is_over ? is_out_of_range : NULL;
}

const struct aggregate_def aggregate_sum = {
    .name = "sum",
    .doc = "sum(x): sum of the values that are not null; exact for longs.",
    .min_args = 1,
    .max_args = 1,
    .state_size = sizeof(struct compensated),
    .version = 2,
    .bind = sum_bind,
    .update = sum_update,
    .refuses = sum_refuses,
    .takes_all = sum_takes_all,
    .combine = sum_combine,
    .result = sum_result,
    .failed = sum_failed,
};
