/* What min and max share: one kept value, replaced by any that is further in `way` (-1: less, 1:
 * greater).
 *
 *   state   { value, has } of fixed types, { blob, has } of text; version 1
 *   null    skipped; the extremum of no rows is null
 *   order   that of the type: numbers by size with NaN above all and -0.0 below 0.0 (so that the
 *           result does not depend on the order of rows), text by bytes, false before true
 *   merge   the further of both
 */
#ifndef KLAMM_WINDOWS_AGGREGATES_EXTREMUM_H
#define KLAMM_WINDOWS_AGGREGATES_EXTREMUM_H

#include "windows/aggregates/value.h"

struct fixed_extremum {
    int64_t value, has;
};

struct text_extremum {
    struct blob value;
    int64_t has;
};

static inline int extremum_bind(struct aggregate_call *c, struct arena *a, struct err *e)
{
    (void)a;
    enum type_kind kind = c->arg_type[0]->kind;
    if (kind > TYPE_BYTES) {
        return wrong_type(c, "a value that has an order", e);
    }
    c->type = c->arg_type[0];
    c->nullable = true;
    c->has_blob = type_is_str(c->type);
    c->size = c->has_blob ? sizeof(struct text_extremum) : sizeof(struct fixed_extremum);
    return 0;
}

static inline void extremum_fixed(const struct type *t, struct fixed_extremum *s, int64_t value,
                                  int way)
{
    if (!s->has || compare_fixed(t, value, s->value) * way > 0) {
        s->value = value;
        s->has = 1;
    }
}

static inline void extremum_text(struct text_extremum *s, const char *p, uint32_t n, int way)
{
    if (s->has && bytes_compare(p, n, s->value.p, s->value.n) != way) {
        return;
    }
    blob_set(&s->value, p, n);
    s->has = 1;
}

static inline int extremum_update(const struct aggregate_call *c, const struct aggregate_rows *r,
                                  int way)
{
    const struct vec *v = &r->arg[0];
    for (uint16_t i = 0; i < r->n; i++) {
        uint16_t row = r->row[i];
        if (vec_is_null(v, row)) {
            continue;
        }
        if (c->has_blob) {
            extremum_text(r->state[i], str_data(&v->s[row]), v->s[row].n, way);
        } else {
            extremum_fixed(c->type, r->state[i], fixed_bits(v, row), way);
        }
    }
    return 0;
}

static inline void extremum_combine(const struct aggregate_call *c, void *into, const void *from,
                                    int way)
{
    if (c->has_blob) {
        const struct text_extremum *s = from;
        if (s->has) {
            extremum_text(into, s->value.p, s->value.n, way);
        }
        return;
    }
    const struct fixed_extremum *s = from;
    if (s->has) {
        extremum_fixed(c->type, into, s->value, way);
    }
}

static inline void extremum_result(const struct aggregate_call *c, const void *state,
                                   struct vec *out, uint16_t row, uint16_t rows, struct arena *mem)
{
    const struct text_extremum *text = state;
    const struct fixed_extremum *fixed = state;
    if (c->has_blob ? !text->has : !fixed->has) {
        vec_set_null(out, mem, rows, row);
    } else if (c->has_blob) {
        out->s[row] = str_copy(mem, text->value.p, text->value.n);
    } else {
        fixed_result(out, row, fixed->value);
    }
}

#endif
