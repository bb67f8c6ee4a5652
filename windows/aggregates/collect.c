/* collect(x): the values as an array, in the order of event time (stamp.h).
 *
 *   state     { blob, n, is_over }; version 1. The blob has the values as they came:
 *             | time 8 | part 4 | bytes 4 | value as in engine/nested.h |
 *   bound   10,000 values and 256 KiB (a state has to fit into a record of the changelog, and a
 *           result into one of the output); a row beyond is bad and not collected. Where windows
 *           share panes, a window of more than that has no result: its result row is bad
 *   null    skipped; no rows give an empty array
 *   merge   exact: appends; sorted for the result only
 */
#include "windows/aggregates/stamp.h"
#include "windows/aggregates/value.h"

#include <stdlib.h>

#define VALUES_MAX     10000
#define BYTES_MAX      (1 << 18)
#define HEAD_BYTES     16
#define VALUE_OVERHEAD 16 /* a length before the bytes, or a number */

struct collect {
    struct blob blob;
    int64_t n, is_over;
};

static const char is_full[] =
    "collect holds 10,000 values and 256 KiB at most: use a shorter window, "
    "or collect less";

static int collect_bind(struct aggregate_call *c, struct arena *a, struct err *e)
{
    (void)e;
    c->type = type_array(a, c->arg_type[0]);
    c->nullable = true;
    return 0;
}

static bool has_room(const struct collect *s, int64_t values, size_t bytes)
{
    return s->n + values <= VALUES_MAX && bytes <= BYTES_MAX && s->blob.n <= BYTES_MAX - bytes;
}

static void append(struct collect *s, const struct stamp *stamp, const void *value, uint32_t n)
{
    blob_room(&s->blob, HEAD_BYTES + n);
    blob_append(&s->blob, &stamp->time, 8);
    blob_append(&s->blob, &stamp->part, 4);
    blob_append(&s->blob, &n, 4);
    blob_append(&s->blob, value, n);
    s->n++;
}

/* The value's bytes, behind `out`; false when there is no room for it. */
static bool put_value(const struct aggregate_call *c, const struct collect *s, const struct vec *v,
                      uint16_t row, struct buffer *out)
{
    struct nested_value x = nested_at_row(v, row);
    buffer_clear(out);
    if (!type_is_str(v->type) || v->s[row].n <= BYTES_MAX) {
        nested_put_value(out, c->arg_type[0], &x);
    }
    return out->n > 0 && has_room(s, 1, out->n + HEAD_BYTES);
}

static const char *collect_refuses(const struct aggregate_call *c, const struct aggregate_rows *r,
                                   uint16_t i)
{
    struct buffer value;
    buffer_init(&value);
    bool is_taken = vec_is_null(&r->arg[0], r->row[i]) ||
                    put_value(c, r->state[i], &r->arg[0], r->row[i], &value);
    buffer_done(&value);
    return is_taken ? NULL : is_full;
}

static bool collect_takes_all(const struct aggregate_call *c, const struct aggregate_rows *r)
{
    (void)c;
    const struct vec *v = &r->arg[0];
    size_t bytes = 0;
    bool is_safe = true;
    for (uint16_t i = 0; i < r->n; i++) {
        bool has_bytes = type_is_str(v->type) && !vec_is_null(v, r->row[i]);
        bytes += HEAD_BYTES + VALUE_OVERHEAD + (has_bytes ? v->s[r->row[i]].n : 0);
    }
    for (uint16_t i = 0; i < r->n && is_safe; i++) {
        is_safe = has_room(r->state[i], r->n, bytes);
    }
    return is_safe;
}

static int collect_update(const struct aggregate_call *c, const struct aggregate_rows *r,
                          struct row_errors *errors)
{
    const struct vec *v = &r->arg[0];
    struct buffer value;
    buffer_init(&value);
    for (uint16_t i = 0; i < r->n; i++) {
        uint16_t row = r->row[i];
        struct collect *s = r->state[i];
        if (vec_is_null(v, row)) {
            continue;
        }
        if (!put_value(c, s, v, row, &value)) {
            row_failed(r, errors, row, is_full);
            continue;
        }
        struct stamp stamp = stamp_of(r->batch, row);
        append(s, &stamp, value.data, (uint32_t)value.n);
    }
    buffer_done(&value);
    return 0;
}

static void collect_combine(const struct aggregate_call *c, void *into, const void *from)
{
    (void)c;
    struct collect *a = into;
    const struct collect *b = from;
    a->is_over |= b->is_over;
    if (a->is_over || !has_room(a, b->n, b->blob.n)) {
        a->is_over = 1;
        return;
    }
    blob_append(&a->blob, b->blob.p, b->blob.n);
    a->n += b->n;
}

/* ---- result ---- */

struct collected {
    struct stamp stamp;
    const char *p;
    uint32_t n, place; /* place: in which order they came */
};

static int by_stamp(const void *a, const void *b)
{
    const struct collected *x = a, *y = b;
    int order = stamp_order(&x->stamp, &y->stamp);
    return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

static struct collected *sorted(const struct collect *s, uint32_t *n)
{
    struct collected *item = mem_array((size_t)s->n + 1, sizeof *item);
    uint32_t at = 0, k = 0;
    bool is_sorted = true;
    while (k < s->n && s->blob.n - at >= HEAD_BYTES) {
        struct collected *x = &item[k];
        memcpy(&x->stamp.time, s->blob.p + at, 8);
        memcpy(&x->stamp.part, s->blob.p + at + 8, 4);
        memcpy(&x->n, s->blob.p + at + 12, 4);
        at += HEAD_BYTES;
        if (x->n > s->blob.n - at) {
            break;
        }
        x->p = s->blob.p + at;
        x->place = k++;
        at += x->n;
        is_sorted = is_sorted && (k == 1 || stamp_order(&x[-1].stamp, &x->stamp) <= 0);
    }
    if (!is_sorted) {
        qsort(item, k, sizeof *item, by_stamp);
    }
    *n = k;
    return item;
}

static void collect_result(const struct aggregate_call *c, const void *state, struct vec *out,
                           uint16_t row, uint16_t rows, struct arena *mem)
{
    (void)c;
    const struct collect *s = state;
    if (s->is_over) {
        vec_set_null(out, mem, rows, row);
        return;
    }
    uint32_t n;
    struct collected *item = sorted(s, &n);
    struct buffer b;
    buffer_init(&b);
    buffer_varint(&b, n);
    for (uint32_t i = 0; i < n; i++) {
        buffer_byte(&b, 1);
        buffer_add(&b, item[i].p, item[i].n);
    }
    out->s[row] = str_copy(mem, b.data, (uint32_t)b.n);
    buffer_done(&b);
    mem_free(item);
}

static const char *collect_failed(const struct aggregate_call *c, const void *state)
{
    (void)c;
    const struct collect *s = state;
    return s->is_over ? is_full : NULL;
}

static bool collect_is_sound(const struct aggregate_call *c, const void *state)
{
    (void)c;
    const struct collect *s = state;
    uint32_t at = 0, bytes;
    int64_t n = 0;
    for (; s->blob.n - at >= HEAD_BYTES; n++) {
        memcpy(&bytes, s->blob.p + at + 12, 4);
        at += HEAD_BYTES;
        if (bytes > s->blob.n - at) {
            return false;
        }
        at += bytes;
    }
    return at == s->blob.n && n == s->n && n <= VALUES_MAX && at <= BYTES_MAX;
}

const struct aggregate_def aggregate_collect = {
    .name = "collect",
    .doc = "collect(x): an array of the values that are not null, by event time, ties by source "
           "partition and offset; at most 10,000 values and 256 KiB.",
    .min_args = 1,
    .max_args = 1,
    .state_size = sizeof(struct collect),
    .has_blob = true,
    .version = 1,
    .bind = collect_bind,
    .update = collect_update,
    .refuses = collect_refuses,
    .takes_all = collect_takes_all,
    .combine = collect_combine,
    .result = collect_result,
    .failed = collect_failed,
    .is_sound = collect_is_sound,
};
