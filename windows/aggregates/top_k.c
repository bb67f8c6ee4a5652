/* top_k(x, k): the k most frequent values as an array, most frequent first, ties in the order of
 * values.
 *
 *   method    Space-Saving (Metwally, Agrawal, El Abbadi: "Efficient computation of frequent and
 *             top-k elements in data streams", ICDT 2005): as many counters as the capacity; a
 *             value without one takes over the least counter, the oldest of equals, and counts on
 *             from there. Merging as in Agarwal et al., "Mergeable summaries", PODS 2012: a value
 *             that a full summary does not know may have had its least count there
 *   capacity  10 k counters, at least 100. Exact while there are no more different values; beyond,
 *             each value with more than rows / capacity is among the counters, and a count is too
 *             high by at most that
 *
 *   state     { blob, n }; version 1. The blob has n counters:
 *             | count 8 | hash 8 | bytes 8 | the value, padded to 8 |
 *   bound     values of at most 256 bytes; a longer one is a bad row
 *   null      skipped; no rows give an empty array. All NaN are one value, 0.0 and -0.0 are one
 *   merge     exact while there are no more different values than counters
 */
#include "windows/aggregates/value.h"

#include "engine/hash.h"

#include <stdlib.h>

#define K_MOST         100
#define CAPACITY_LEAST 100
#define VALUE_BYTES    256

struct top {
    struct blob blob;
    int64_t n;
};

struct top_bound {
    int64_t k, capacity;
};

/* One counter, in front of its value. */
struct counter {
    int64_t count;
    uint64_t hash;
    uint64_t bytes;
    char value[];
};

static int top_bind(struct aggregate_call *c, struct arena *a, struct err *e)
{
    struct top_bound *bound = arena_zalloc(a, sizeof *bound);
    if (c->arg_type[0]->kind > TYPE_BYTES) {
        return wrong_type(c, "a number, timestamp, boolean, string or bytes", e);
    }
    if (!constant_long(c, 1, 1, K_MOST, &bound->k)) {
        return err_set(e, ERR_CONFIG, "top_k(x, k): k is a whole number from 1 to %d", K_MOST);
    }
    bound->capacity = bound->k * 10 < CAPACITY_LEAST ? CAPACITY_LEAST : bound->k * 10;
    c->bound = bound;
    c->type = type_array(a, c->arg_type[0]);
    c->nullable = true;
    return 0;
}

/* ---- counters ---- */

static uint32_t counter_size(uint64_t bytes)
{
    return (uint32_t)(sizeof(struct counter) + (bytes + 7) / 8 * 8);
}

static struct counter *counter_first(const struct blob *b)
{
    return (struct counter *)(void *)b->p;
}

static struct counter *counter_next(const struct counter *at)
{
    return (struct counter *)(uintptr_t)((const char *)at + counter_size(at->bytes));
}

/* The counter of a value, or NULL; *least is then the first of the least ones. */
static struct counter *find(const struct top *s, uint64_t hash, const void *value, uint32_t bytes,
                            struct counter **least)
{
    struct counter *at = counter_first(&s->blob);
    int64_t fewest = INT64_MAX;
    *least = at;
    for (int64_t i = 0; i < s->n; i++) {
        if (at->hash == hash && at->bytes == bytes && memcmp(at->value, value, bytes) == 0) {
            return at;
        }
        if (at->count < fewest) {
            fewest = at->count;
            *least = at;
        }
        at = counter_next(at);
    }
    return NULL;
}

static bool has(const struct top *s, const struct counter *c, int64_t *count)
{
    struct counter *least;
    const struct counter *at = find(s, c->hash, c->value, (uint32_t)c->bytes, &least);
    *count = at ? at->count : 0;
    return at != NULL;
}

/* The least count of a full summary: what a value that it does not know may have had. */
static int64_t least_count(const struct top_bound *bound, const struct top *s)
{
    const struct counter *at = counter_first(&s->blob);
    int64_t least = s->n < bound->capacity ? 0 : INT64_MAX;
    for (int64_t i = 0; i < s->n; i++) {
        least = at->count < least ? at->count : least;
        at = counter_next(at);
    }
    return least;
}

static void put_counter(struct counter *at, int64_t count, uint64_t hash, const void *value,
                        uint32_t bytes)
{
    memset(at, 0, counter_size(bytes));
    at->count = count;
    at->hash = hash;
    at->bytes = bytes;
    memcpy(at->value, value, bytes);
}

static void append(struct top *s, int64_t count, uint64_t hash, const void *value, uint32_t bytes)
{
    uint32_t size = counter_size(bytes);
    char *p = blob_room(&s->blob, size) + s->blob.n;
    put_counter((struct counter *)(void *)p, count, hash, value, bytes);
    s->blob.n += size;
    s->n++;
}

static void take_out(struct top *s, struct counter *gone)
{
    const struct counter *next = counter_next(gone);
    uint32_t size = counter_size(gone->bytes);
    size_t behind = (size_t)(s->blob.p + s->blob.n - (const char *)next);
    memmove(gone, next, behind);
    s->blob.n -= size;
    s->n--;
}

static void top_add(const struct top_bound *bound, struct top *s, const void *value, uint32_t bytes)
{
    uint64_t hash = hash_stable(value, bytes, 0);
    struct counter *least, *known = find(s, hash, value, bytes, &least);
    int64_t count = 1;
    if (known) {
        known->count++;
        return;
    }
    if (s->n == bound->capacity) {
        count += least->count;
        if (counter_size(least->bytes) == counter_size(bytes)) {
            put_counter(least, count, hash, value, bytes);
            return;
        }
        take_out(s, least);
    }
    append(s, count, hash, value, bytes);
}

static const char is_too_long[] =
    "top_k takes values of at most 256 bytes: shorten them with substr";

static const char *top_refuses(const struct aggregate_call *c, const struct aggregate_rows *r,
                               uint16_t i)
{
    (void)c;
    const struct vec *v = &r->arg[0];
    bool is_long =
        type_is_str(v->type) && !vec_is_null(v, r->row[i]) && v->s[r->row[i]].n > VALUE_BYTES;
    return is_long ? is_too_long : NULL;
}

static bool top_takes_all(const struct aggregate_call *c, const struct aggregate_rows *r)
{
    bool takes = true;
    for (uint16_t i = 0; i < r->n && takes; i++) {
        takes = top_refuses(c, r, i) == NULL;
    }
    return takes;
}

static int top_update(const struct aggregate_call *c, const struct aggregate_rows *r,
                      struct row_errors *errors)
{
    const struct vec *v = &r->arg[0];
    for (uint16_t i = 0; i < r->n; i++) {
        uint16_t row = r->row[i];
        if (vec_is_null(v, row)) {
            continue;
        }
        if (!type_is_str(v->type)) {
            int64_t bits = plain_bits(v, row);
            top_add(c->bound, r->state[i], &bits, sizeof bits);
        } else if (v->s[row].n > VALUE_BYTES) {
            row_failed(r, errors, row, is_too_long);
        } else {
            top_add(c->bound, r->state[i], str_data(&v->s[row]), v->s[row].n);
        }
    }
    return 0;
}

/* ---- order: by count, then by value ---- */

struct ranked {
    const struct type *type;
    const struct counter *at;
    int64_t count;
};

static int by_rank(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->count != y->count) {
        return x->count > y->count ? -1 : 1;
    }
    if (type_is_str(x->type)) {
        return bytes_compare(x->at->value, (uint32_t)x->at->bytes, y->at->value,
                             (uint32_t)y->at->bytes);
    }
    int64_t p, q;
    memcpy(&p, x->at->value, sizeof p);
    memcpy(&q, y->at->value, sizeof q);
    return compare_fixed(x->type, p, q);
}

static void top_combine(const struct aggregate_call *c, void *into, const void *from)
{
    const struct top_bound *bound = c->bound;
    struct top *a = into;
    const struct top *b = from;
    if (b->n == 0) {
        return;
    }
    int64_t least_a = least_count(bound, a), least_b = least_count(bound, b), same;
    struct ranked *all = mem_array((size_t)(a->n + b->n), sizeof *all);
    size_t n = 0;
    const struct counter *at = counter_first(&a->blob);
    for (int64_t i = 0; i < a->n; i++) {
        int64_t more = has(b, at, &same) ? same : least_b;
        all[n++] = (struct ranked){c->arg_type[0], at, at->count + more};
        at = counter_next(at);
    }
    at = counter_first(&b->blob);
    for (int64_t i = 0; i < b->n; i++) {
        if (!has(a, at, &same)) {
            all[n++] = (struct ranked){c->arg_type[0], at, at->count + least_a};
        }
        at = counter_next(at);
    }
    qsort(all, n, sizeof *all, by_rank);
    struct top both = {0};
    for (size_t i = 0; i < n && both.n < bound->capacity; i++) {
        at = all[i].at;
        append(&both, all[i].count, at->hash, at->value, (uint32_t)at->bytes);
    }
    mem_free(all);
    mem_free(a->blob.p);
    *a = both;
}

static void top_result(const struct aggregate_call *c, const void *state, struct vec *out,
                       uint16_t row, uint16_t rows, struct arena *mem)
{
    const struct top_bound *bound = c->bound;
    const struct top *s = state;
    struct ranked *all = mem_array((size_t)s->n + 1, sizeof *all);
    const struct counter *at = counter_first(&s->blob);
    (void)rows;
    for (int64_t i = 0; i < s->n; i++) {
        all[i] = (struct ranked){c->arg_type[0], at, at->count};
        at = counter_next(at);
    }
    qsort(all, (size_t)s->n, sizeof *all, by_rank);
    int64_t n = s->n < bound->k ? s->n : bound->k;
    struct buffer b;
    buffer_init(&b);
    buffer_varint(&b, n);
    for (int64_t i = 0; i < n; i++) {
        struct nested_value v =
            nested_of_bytes(c->arg_type[0], all[i].at->value, (uint32_t)all[i].at->bytes);
        nested_put(&b, c->arg_type[0], &v);
    }
    out->s[row] = str_copy(mem, b.data, (uint32_t)b.n);
    buffer_done(&b);
    mem_free(all);
}

static bool top_is_sound(const struct aggregate_call *c, const void *state)
{
    const struct top_bound *bound = c->bound;
    const struct top *s = state;
    uint32_t at = 0;
    int64_t n = 0;
    while (s->blob.n - at >= sizeof(struct counter)) {
        const struct counter *x = (const struct counter *)(const void *)(s->blob.p + at);
        bool is_fixed = !type_is_str(c->arg_type[0]);
        if (x->bytes > VALUE_BYTES || (is_fixed && x->bytes != 8) || x->count < 0 ||
            x->count > INT64_MAX / 4 || counter_size(x->bytes) > s->blob.n - at) {
            return false;
        }
        at += counter_size(x->bytes);
        n++;
    }
    return at == s->blob.n && n == s->n && n <= bound->capacity;
}

const struct aggregate_def aggregate_top_k = {
    .name = "top_k",
    .doc = "top_k(x, k): an array of the k (1 to 100) most frequent values, most frequent first; "
           "exact up to 10 k different values (100 at least), beyond that Space-Saving with as "
           "many counters.",
    .min_args = 2,
    .max_args = 2,
    .state_size = sizeof(struct top),
    .has_blob = true,
    .version = 1,
    .bind = top_bind,
    .update = top_update,
    .refuses = top_refuses,
    .takes_all = top_takes_all,
    .combine = top_combine,
    .result = top_result,
    .is_sound = top_is_sound,
};
