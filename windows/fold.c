/* Blocks of points: see fold.h.
 *
 *   level 0   2 positions, always point by point
 *   level l   2 * 4^l positions; point by point when it has at most 4 points, else kept: the values
 *             of its four parts combined
 *
 * A kept block knows which windows see the same of it: points of late rows wait in it for theirs.
 */
#include "windows/fold.h"

#include "engine/hash.h"
#include "engine/memory.h"

#include <string.h>

#define SLOTS_LEAST 64
#define LEAF_BITS   1
#define LEAF_POINTS 4U
#define LEVEL_BITS  2
#define LEVELS      30

struct fold_node {
    const struct series *series;
    int64_t number;       /* of the block on its level */
    int64_t since, until; /* windows in [since, until) see the same */
    uint32_t level;
    uint32_t n; /* points seen */
    max_align_t value[];
};

/* What all steps of one fold share. */
struct folding {
    struct fold *f;
    struct series *s;
    const struct point *point;
    int64_t window;
    bool has_from;
    int64_t since, until; /* the windows that see the same as this one: [since, until) */
};

void fold_init(struct fold *f, const struct window *w)
{
    *f = (struct fold){.w = w, .nslots = SLOTS_LEAST};
    f->slot = mem_zalloc(f->nslots * sizeof(struct fold_node *));
}

static void node_free(struct fold *f, struct fold_node *node)
{
    window_clear(f->w, node->value);
    mem_free(node);
}

void fold_clear(struct fold *f)
{
    for (uint64_t i = 0; f->count > 0; i++) {
        if (f->slot[i]) {
            node_free(f, f->slot[i]);
            f->slot[i] = NULL;
            f->count--;
        }
    }
}

void fold_done(struct fold *f)
{
    fold_clear(f);
    mem_free(f->slot);
    *f = (struct fold){0};
}

uint64_t fold_bytes(const struct fold *f)
{
    uint64_t a_block = sizeof(struct fold_node) + f->w->value_size;
    return f->nslots * sizeof(struct fold_node *) + f->count * a_block;
}

/* ---- kept blocks ---- */

static uint64_t home_of(const struct series *s, uint32_t level, int64_t number)
{
    uint64_t h = hash_mix(hash_mix(level, (uint64_t)(uintptr_t)s), (uint64_t)number);
    return h ^ h >> 32;
}

static uint64_t probe(const struct fold *f, const struct series *s, uint32_t level, int64_t number)
{
    uint64_t mask = f->nslots - 1, at = home_of(s, level, number) & mask;
    for (; f->slot[at]; at = (at + 1) & mask) {
        const struct fold_node *x = f->slot[at];
        if (x->series == s && x->level == level && x->number == number) {
            break;
        }
    }
    return at;
}

static void grow(struct fold *f)
{
    struct fold_node **old = f->slot;
    uint64_t n = f->nslots;
    f->nslots *= 2;
    f->slot = mem_zalloc(f->nslots * sizeof(struct fold_node *));
    for (uint64_t i = 0; i < n; i++) {
        if (old[i]) {
            f->slot[probe(f, old[i]->series, old[i]->level, old[i]->number)] = old[i];
        }
    }
    mem_free(old);
}

static void forget_at(struct fold *f, uint64_t gap)
{
    uint64_t mask = f->nslots - 1;
    node_free(f, f->slot[gap]);
    for (uint64_t at = (gap + 1) & mask; f->slot[at]; at = (at + 1) & mask) {
        const struct fold_node *x = f->slot[at];
        uint64_t home = home_of(x->series, x->level, x->number) & mask;
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            f->slot[gap] = f->slot[at];
            gap = at;
        }
    }
    f->slot[gap] = NULL;
    f->count--;
}

static unsigned level_bits(uint32_t level)
{
    return LEAF_BITS + LEVEL_BITS * level;
}

void fold_forget(struct fold *f, const struct series *s, int64_t pos)
{
    for (uint32_t level = 1; f->count > 0 && level < LEVELS; level++) {
        uint64_t at = probe(f, s, level, pos >> level_bits(level));
        if (f->slot[at]) {
            forget_at(f, at);
        }
    }
}

/* ---- folding ---- */

static bool sees(struct folding *x, const struct point *p)
{
    int64_t from = x->has_from ? point_from(p) : INT64_MIN;
    if (from <= x->window) {
        x->since = from > x->since ? from : x->since;
        return true;
    }
    x->until = from < x->until ? from : x->until;
    return false;
}

static uint32_t fold_points(struct folding *x, uint32_t i, uint32_t end, void *into)
{
    uint32_t n = 0;
    for (; i < end; i++) {
        if (sees(x, &x->point[i])) {
            window_combine(x->f->w, into, state_value(x->point[i].entry));
            x->f->combines++;
            n++;
        }
    }
    return n;
}

static const struct fold_node *node_at(struct folding *x, uint32_t level, int64_t number,
                                       uint32_t i, uint32_t end);

/* Adds the block's points, [i, end) of the series. */
static uint32_t fold_block(struct folding *x, uint32_t level, int64_t number, uint32_t i,
                           uint32_t end, void *into)
{
    if (level == 0 || end - i <= LEAF_POINTS) {
        return fold_points(x, i, end, into);
    }
    const struct fold_node *node = node_at(x, level, number, i, end);
    if (node->n <= LEAF_POINTS) {
        return fold_points(x, i, end, into);
    }
    window_combine(x->f->w, into, node->value);
    x->f->combines++;
    return node->n;
}

/* End of the points of [i, end) that lie at `last` or before. */
static uint32_t points_upto(struct folding *x, uint32_t i, uint32_t end, int64_t last)
{
    while (i < end) {
        uint32_t middle = i + (end - i) / 2;
        if (x->point[middle].pos <= last) {
            i = middle + 1;
        } else {
            end = middle;
        }
    }
    return i;
}

static void narrow(struct folding *x, int64_t since, int64_t until)
{
    x->since = since > x->since ? since : x->since;
    x->until = until < x->until ? until : x->until;
}

/* The kept block, computed when new or when the window sees more of it. */
static const struct fold_node *node_at(struct folding *x, uint32_t level, int64_t number,
                                       uint32_t i, uint32_t end)
{
    struct fold *f = x->f;
    uint64_t at = probe(f, x->s, level, number);
    const struct fold_node *kept = f->slot[at];
    if (kept && x->window >= kept->since && x->window < kept->until) {
        narrow(x, kept->since, kept->until);
        return kept;
    }
    int64_t since = x->since, until = x->until;
    x->since = INT64_MIN;
    x->until = INT64_MAX;
    struct fold_node *node = mem_zalloc(sizeof *node + f->w->value_size);
    *node = (struct fold_node){.series = x->s, .number = number, .level = level};
    window_init(f->w, node->value);
    unsigned part_bits = level_bits(level - 1);
    for (int64_t part = 0; part < 1 << LEVEL_BITS; part++) {
        int64_t child = (number << LEVEL_BITS) + part;
        int64_t last = (int64_t)((((uint64_t)child + 1) << part_bits) - 1);
        uint32_t part_end = points_upto(x, i, end, last);
        node->n += fold_block(x, level - 1, child, i, part_end, node->value);
        i = part_end;
    }
    node->since = x->since;
    node->until = x->until;
    narrow(x, since, until);
    if ((f->count + 1) * 2 > f->nslots) {
        grow(f);
    }
    at = probe(f, x->s, level, number); /* the parts may have moved it */
    if (f->slot[at]) {
        node_free(f, f->slot[at]);
        f->count--;
    }
    f->slot[at] = node;
    f->count++;
    return node;
}

/* The largest block within [low, high] that holds pos; level 0 is as good as the point alone. */
static uint32_t largest_level(int64_t pos, int64_t low, int64_t high, int64_t *begin, int64_t *last)
{
    uint32_t level = 0;
    for (uint32_t l = 1; l < LEVELS; l++) {
        uint64_t size = UINT64_C(1) << level_bits(l);
        int64_t b = (int64_t)((uint64_t)pos & ~(size - 1));
        if (b < low || (uint64_t)high - (uint64_t)b < size - 1) {
            break;
        }
        level = l;
        *begin = b;
        *last = b + (int64_t)(size - 1);
    }
    return level;
}

uint32_t fold_range(struct fold *f, struct series *s, int64_t low, int64_t high, int64_t window,
                    bool has_from, void *into)
{
    struct folding x = {f, s, series_points(s), window, has_from, INT64_MIN, INT64_MAX};
    uint32_t i = series_lower(s, low), n = 0;
    while (i < s->n && x.point[i].pos <= high) {
        int64_t begin = 0, last = x.point[i].pos;
        uint32_t level = largest_level(x.point[i].pos, low, high, &begin, &last);
        uint32_t end = level == 0 ? i + 1 : points_upto(&x, i, s->n, last);
        n += fold_block(&x, level, level == 0 ? 0 : begin >> level_bits(level), i, end, into);
        i = end;
    }
    return n;
}
