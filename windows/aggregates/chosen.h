/* What arg_max and arg_min share: x of the row whose `by` is furthest in `way` (-1: least, 1:
 * greatest).
 *
 *   state   { x, by, stamp }, behind a blob when x or by is text: there the length stands instead
 *           of a value, and the blob holds the bytes of x, then those of by; version 1
 *   null    a row with a null x or by is skipped; null when there is no other
 *   order   of by as in max and min: NaN above all, -0.0 below 0.0, text by bytes
 *   ties    the earliest row by stamp.h: event time, source partition, input order
 *   merge   the further of both; any split and order of rows gives the same
 */
#ifndef KLAMM_WINDOWS_AGGREGATES_CHOSEN_H
#define KLAMM_WINDOWS_AGGREGATES_CHOSEN_H

#include "windows/aggregates/stamp.h"
#include "windows/aggregates/value.h"

struct chosen {
    int64_t x, by;
    struct stamp stamp;
};

/* A row that may become the chosen one; texts where the types are text. */
struct candidate {
    struct chosen fixed;
    const char *x, *by;
};

static inline int chosen_bind(struct aggregate_call *c, struct arena *a, struct err *e)
{
    (void)a;
    if (c->arg_type[1]->kind > TYPE_BYTES) {
        return wrong_argument(c, 1, "a second argument that has an order", e);
    }
    c->type = c->arg_type[0];
    c->nullable = true;
    c->has_blob = type_is_str(c->arg_type[0]) || type_is_str(c->arg_type[1]);
    c->size = sizeof(struct chosen) + (c->has_blob ? (uint32_t)sizeof(struct blob) : 0);
    return 0;
}

static inline struct candidate chosen_of(const struct aggregate_call *c, const void *state)
{
    struct candidate k = {{0}, NULL, NULL};
    struct blob blob = {0};
    if (c->has_blob) {
        memcpy(&blob, state, sizeof blob);
    }
    memcpy(&k.fixed, (const char *)state + (c->has_blob ? sizeof blob : 0), sizeof k.fixed);
    k.x = blob.p;
    k.by = blob.p && type_is_str(c->arg_type[0]) ? blob.p + k.fixed.x : blob.p;
    return k;
}

static inline struct candidate candidate_of(const struct aggregate_rows *r, uint16_t row)
{
    struct candidate k = {{.stamp = stamp_of(r->batch, row)}, NULL, NULL};
    int64_t *const value[] = {&k.fixed.x, &k.fixed.by};
    const char **const text[] = {&k.x, &k.by};
    for (int i = 0; i < 2; i++) {
        const struct vec *v = &r->arg[i];
        if (type_is_str(v->type)) {
            *value[i] = v->s[row].n;
            *text[i] = str_data(&v->s[row]);
        } else {
            *value[i] = fixed_bits(v, row);
        }
    }
    return k;
}

static inline void chosen_offer(const struct aggregate_call *c, void *state,
                                const struct candidate *k, int way)
{
    struct candidate old = chosen_of(c, state);
    const struct type *by = c->arg_type[1];
    if (old.fixed.stamp.has) {
        int order = type_is_str(by) ? bytes_compare(k->by, (uint32_t)k->fixed.by, old.by,
                                                    (uint32_t)old.fixed.by)
                                    : compare_fixed(by, k->fixed.by, old.fixed.by);
        if (order != 0 ? order != way : stamp_order(&k->fixed.stamp, &old.fixed.stamp) >= 0) {
            return;
        }
    }
    if (c->has_blob) {
        struct blob *blob = state;
        blob->n = 0;
        if (type_is_str(c->arg_type[0])) {
            blob_append(blob, k->x, (uint32_t)k->fixed.x);
        }
        if (type_is_str(by)) {
            blob_append(blob, k->by, (uint32_t)k->fixed.by);
        }
    }
    memcpy((char *)state + (c->has_blob ? sizeof(struct blob) : 0), &k->fixed, sizeof k->fixed);
}

static inline int chosen_update(const struct aggregate_call *c, const struct aggregate_rows *r,
                                int way)
{
    for (uint16_t i = 0; i < r->n; i++) {
        uint16_t row = r->row[i];
        if (!vec_is_null(&r->arg[0], row) && !vec_is_null(&r->arg[1], row)) {
            struct candidate k = candidate_of(r, row);
            chosen_offer(c, r->state[i], &k, way);
        }
    }
    return 0;
}

static inline void chosen_combine(const struct aggregate_call *c, void *into, const void *from,
                                  int way)
{
    struct candidate k = chosen_of(c, from);
    if (k.fixed.stamp.has) {
        chosen_offer(c, into, &k, way);
    }
}

static inline void chosen_result(const struct aggregate_call *c, const void *state, struct vec *out,
                                 uint16_t row, uint16_t rows, struct arena *mem)
{
    struct candidate k = chosen_of(c, state);
    if (!k.fixed.stamp.has) {
        vec_set_null(out, mem, rows, row);
    } else if (type_is_str(c->type)) {
        out->s[row] = str_copy(mem, k.x, (uint32_t)k.fixed.x);
    } else {
        fixed_result(out, row, k.fixed.x);
    }
}

static inline bool chosen_is_sound(const struct aggregate_call *c, const void *state)
{
    struct chosen s;
    struct blob blob;
    memcpy(&blob, state, sizeof blob);
    memcpy(&s, (const char *)state + sizeof blob, sizeof s);
    bool has_x = type_is_str(c->arg_type[0]), has_by = type_is_str(c->arg_type[1]);
    int64_t x = has_x ? s.x : 0, by = has_by ? s.by : 0;
    return x >= 0 && by >= 0 && x <= blob.n && by <= blob.n && x + by == blob.n;
}

#endif
