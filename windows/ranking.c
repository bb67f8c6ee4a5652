/* Ranking: pointers to rows in order; see ranking.h.
 *
 *   row in memory     lengths | value to rank by, an item of nested.h | text | bytes of the row
 *   saved             per row: varint length and bytes of each of the three
 *
 * A row that is worse than the last of a full ranking costs one comparison; another costs a binary
 * search and a move of pointers.
 */
#include "windows/ranking.h"

#include "engine/error.h"
#include "engine/memory.h"
#include "engine/nested.h"

#include <math.h>
#include <string.h>

struct ranked {
    const struct type *type; /* of the value */
    uint32_t by_n, tie_n, row_n;
    char bytes[];
};

void ranking_done(struct ranking *r)
{
    for (uint32_t i = 0; i < r->n; i++) {
        mem_free(r->row[i]);
    }
    mem_free(r->row);
    *r = (struct ranking){0};
}

/* ---- order ------------------------------------------------------------------------------------
 */

static struct nested_value value_of(const struct ranked *x)
{
    struct nested_value v = {.is_null = x->bytes[0] == 0};
    const uint8_t *p = (const uint8_t *)x->bytes;
    if (!v.is_null) {
        (void)nested_read_value(x->type, p + 1, p + x->by_n, &v);
    }
    return v;
}

static int compare_doubles(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return !isnan(a) - !isnan(b);
    }
    return (a > b) - (a < b);
}

/* Negative: a is ranked before b. */
static int compare(const struct ranked *a, const struct ranked *b)
{
    struct nested_value x = value_of(a), y = value_of(b);
    int order;
    if (x.is_null || y.is_null) {
        order = !x.is_null - !y.is_null;
    } else if (a->type->kind == TYPE_DOUBLE) {
        order = compare_doubles(x.d, y.d);
    } else if (type_is_str(a->type)) {
        order = bytes_compare(x.s.p, x.s.n, y.s.p, y.s.n);
    } else {
        order = (x.i > y.i) - (x.i < y.i);
    }
    if (order == 0) {
        order = bytes_compare(b->bytes + b->by_n, b->tie_n, a->bytes + a->by_n, a->tie_n);
    }
    if (order == 0) {
        order = bytes_compare(b->bytes + b->by_n + b->tie_n, b->row_n,
                              a->bytes + a->by_n + a->tie_n, a->row_n);
    }
    return -order;
}

/* ---- rows -------------------------------------------------------------------------------------
 */

static struct ranked *ranked_new(const struct type *type, const char *by, size_t by_n,
                                 const char *tie, size_t tie_n, const char *row, size_t row_n)
{
    struct ranked *x = mem_alloc(sizeof *x + by_n + tie_n + row_n);
    x->type = type;
    x->by_n = (uint32_t)by_n;
    x->tie_n = (uint32_t)tie_n;
    x->row_n = (uint32_t)row_n;
    memcpy(x->bytes, by, by_n);
    memcpy(x->bytes + by_n, tie_n > 0 ? tie : "", tie_n);
    memcpy(x->bytes + by_n + tie_n, row_n > 0 ? row : "", row_n);
    return x;
}

static void insert(struct ranking *r, uint32_t at, struct ranked *x)
{
    if (r->n == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 4;
        r->row = mem_resize(r->row, r->cap, sizeof(struct ranked *));
    }
    memmove(r->row + at + 1, r->row + at, (r->n - at) * sizeof(struct ranked *));
    r->row[at] = x;
    r->n++;
}

static uint32_t place_of(const struct ranking *r, const struct ranked *x)
{
    uint32_t low = 0, high = r->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare(r->row[middle], x) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void put_item(struct buffer *out, const struct vec *v, uint16_t row)
{
    struct nested_value x = {.is_null = vec_is_null(v, row)};
    if (x.is_null) {
        /* only the presence byte */
    } else if (type_is_str(v->type)) {
        x.s.p = str_data(&v->s[row]);
        x.s.n = v->s[row].n;
    } else if (v->type->kind == TYPE_DOUBLE) {
        x.d = v->d[row];
    } else {
        x.i = v->type->kind == TYPE_BOOLEAN ? v->b[row] : v->i[row];
    }
    nested_put(out, v->type, &x);
}

bool ranking_add(struct ranking *r, uint32_t limit, const struct vec *by, uint16_t at,
                 const struct buffer *tie, const struct buffer *row)
{
    struct buffer item;
    buffer_init(&item);
    put_item(&item, by, at);
    struct ranked *x =
        ranked_new(by->type, item.data, item.n, tie->data, tie->n, row->data, row->n);
    buffer_done(&item);
    if (r->n >= limit && compare(r->row[r->n - 1], x) <= 0) {
        mem_free(x);
        return false;
    }
    insert(r, place_of(r, x), x);
    if (r->n > limit) {
        mem_free(r->row[--r->n]);
    }
    return true;
}

const void *ranking_row(const struct ranking *r, uint32_t i, size_t *n)
{
    const struct ranked *x = r->row[i];
    *n = x->row_n;
    return x->bytes + x->by_n + x->tie_n;
}

uint64_t ranking_size(const struct ranking *r)
{
    uint64_t bytes = r->cap * sizeof(struct ranked *);
    for (uint32_t i = 0; i < r->n; i++) {
        const struct ranked *x = r->row[i];
        bytes += sizeof *x + x->by_n + x->tie_n + x->row_n;
    }
    return bytes;
}

/* ---- bytes ------------------------------------------------------------------------------------
 */

void ranking_save(const struct ranking *r, struct buffer *out)
{
    for (uint32_t i = 0; i < r->n; i++) {
        const struct ranked *x = r->row[i];
        buffer_varint(out, x->by_n);
        buffer_varint(out, x->tie_n);
        buffer_varint(out, x->row_n);
        buffer_add(out, x->bytes, (size_t)x->by_n + x->tie_n + x->row_n);
    }
}

static bool is_item(const struct type *type, const uint8_t *p, int64_t n)
{
    struct nested_value v;
    return n > 0 &&
           (*p == 0 ? n == 1 : *p == 1 && nested_read_value(type, p + 1, p + n, &v) == p + n);
}

int ranking_load(struct ranking *r, const struct type *by, const void *p, size_t n)
{
    const uint8_t *at = p, *end = at + n;
    while (at < end) {
        int64_t size[3];
        for (int i = 0; i < 3; i++) {
            at = varint_read(at, end, &size[i]);
            if (at == NULL || size[i] < 0 || size[i] > UINT32_MAX) {
                return -ERR_DATA;
            }
        }
        if (size[0] + size[1] + size[2] > end - at || !is_item(by, at, size[0])) {
            return -ERR_DATA;
        }
        const char *bytes = (const char *)at;
        insert(r, r->n,
               ranked_new(by, bytes, (size_t)size[0], bytes + size[0], (size_t)size[1],
                          bytes + size[0] + size[1], (size_t)size[2]));
        at += size[0] + size[1] + size[2];
    }
    return 0;
}
