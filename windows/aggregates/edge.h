/* What first and last share: one kept value with its stamp.
 *
 *   state   { value, stamp } of fixed types, { blob, stamp } of all others; version 2
 *   null    skipped; null when there is no value
 *   order   stamp.h: by event time, ties by source partition, then in input order: of equal stamps
 *           the first row is first, the last last
 *   merge   by stamp as well; on a tie `into` came first
 */
#ifndef KLAMM_WINDOWS_AGGREGATES_EDGE_H
#define KLAMM_WINDOWS_AGGREGATES_EDGE_H

#include "windows/aggregates/stamp.h"
#include "windows/aggregates/value.h"

enum edge { EDGE_FIRST, EDGE_LAST };

struct fixed_edge {
    int64_t value;
    struct stamp stamp;
};

struct text_edge {
    struct blob value;
    struct stamp stamp;
};

static inline int edge_bind(struct aggregate_call *c, struct arena *a, struct err *e)
{
    (void)a;
    (void)e;
    c->type = c->arg_type[0];
    c->nullable = true;
    c->has_blob = type_is_str(c->type);
    c->size = c->has_blob ? sizeof(struct text_edge) : sizeof(struct fixed_edge);
    return 0;
}

/* Whether a value of this stamp replaces the one kept; if so, the stamp is kept already. */
static inline bool edge_replaces(struct stamp *s, struct stamp stamp, enum edge edge)
{
    int order = s->has ? stamp_order(&stamp, s) : 0;
    if (s->has && (edge == EDGE_FIRST ? order >= 0 : order < 0)) {
        return false;
    }
    *s = stamp;
    return true;
}

static inline int edge_update(const struct aggregate_call *c, const struct aggregate_rows *r,
                              enum edge edge)
{
    const struct vec *v = &r->arg[0];
    for (uint16_t i = 0; i < r->n; i++) {
        uint16_t row = r->row[i];
        struct stamp stamp = stamp_of(r->batch, row);
        if (vec_is_null(v, row)) {
            continue;
        }
        if (c->has_blob) {
            struct text_edge *s = r->state[i];
            if (edge_replaces(&s->stamp, stamp, edge)) {
                blob_set(&s->value, str_data(&v->s[row]), v->s[row].n);
            }
        } else {
            struct fixed_edge *s = r->state[i];
            if (edge_replaces(&s->stamp, stamp, edge)) {
                s->value = fixed_bits(v, row);
            }
        }
    }
    return 0;
}

static inline void edge_combine(const struct aggregate_call *c, void *into, const void *from,
                                enum edge edge)
{
    if (c->has_blob) {
        struct text_edge *a = into;
        const struct text_edge *b = from;
        if (b->stamp.has && edge_replaces(&a->stamp, b->stamp, edge)) {
            blob_set(&a->value, b->value.p, b->value.n);
        }
        return;
    }
    struct fixed_edge *a = into;
    const struct fixed_edge *b = from;
    if (b->stamp.has && edge_replaces(&a->stamp, b->stamp, edge)) {
        a->value = b->value;
    }
}

static inline void edge_result(const struct aggregate_call *c, const void *state, struct vec *out,
                               uint16_t row, uint16_t rows, struct arena *mem)
{
    const struct text_edge *text = state;
    const struct fixed_edge *fixed = state;
    if (c->has_blob ? !text->stamp.has : !fixed->stamp.has) {
        vec_set_null(out, mem, rows, row);
    } else if (c->has_blob) {
        out->s[row] = str_copy(mem, text->value.p, text->value.n);
    } else {
        fixed_result(out, row, fixed->value);
    }
}

#endif
