/* What aggregates share: blobs, failed rows, and results into columns. Any thread; owns nothing. */
#ifndef KLAMM_WINDOWS_AGGREGATES_VALUE_H
#define KLAMM_WINDOWS_AGGREGATES_VALUE_H

#include "engine/aggregate.h"
#include "engine/arena.h"
#include "engine/memory.h"

#include <string.h>

static inline void blob_set(struct blob *b, const void *p, uint32_t n)
{
    if (n > b->cap) {
        b->cap = n < 16 ? 16 : n;
        b->p = mem_resize(b->p, b->cap, 1);
    }
    if (n > 0) {
        memmove(b->p, p, n);
    }
    b->n = n;
}

/* Adds a failed row; `text` is a constant. Rows come ascending. */
static inline void row_failed(const struct aggregate_rows *r, struct row_errors *errors,
                              uint16_t row, const char *text)
{
    if (errors->item == NULL) {
        errors->item = arena_array(r->batch->mem, r->n, sizeof *errors->item);
    }
    errors->item[errors->n++] = (struct row_error){row, text};
}

/* "sum wants a number, not string". */
static inline int wrong_type(const struct aggregate_call *c, const char *wanted, struct err *e)
{
    struct buffer b;
    buffer_init(&b);
    type_print(&b, c->arg_type[0]);
    int status =
        err_set(e, ERR_CONFIG, "%s wants %s, not %s", c->def->name, wanted, buffer_cstr(&b));
    buffer_done(&b);
    return status;
}

/* A fixed value (everything that is no struct str) as 8 bytes, and back. */
static inline int64_t fixed_bits(const struct vec *v, uint16_t row)
{
    if (v->type->kind == TYPE_BOOLEAN) {
        return v->b[row];
    }
    int64_t bits;
    memcpy(&bits, (const char *)v->data + (size_t)row * sizeof bits, sizeof bits);
    return bits;
}

static inline void fixed_result(struct vec *out, uint16_t row, int64_t bits)
{
    if (out->type->kind == TYPE_BOOLEAN) {
        out->b[row] = (uint8_t)bits;
    } else {
        memcpy((char *)out->data + (size_t)row * sizeof bits, &bits, sizeof bits);
    }
}

#endif
