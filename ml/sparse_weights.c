/* Sparse weights.
 *
 *   cell     index -> place; an open hash table of which at most half is taken
 *   index    place -> index, in the order in which features were first touched
 *   block    | place 0: all 0 | place 1: weight, slots | …     one for each class, or one
 *
 *   find     a row is predicted, then learned: while nothing was touched, its places stay what they
 *            were, and are not looked up again
 *   touched  a feature gets its place when its weight is to move: what is 0 and stays 0 has none
 *   lazy     l2 and the running means of adam act on the features of a row alone, as in River, whose
 *            rows are dictionaries: a row costs what it has
 *   state    n, then of each place its index and its records: version is the learner's
 *   order    sums go by the row's order, so results do not depend on where a feature has its cell
 */
#include "ml/sparse_weights.h"

#include "engine/hash.h"
#include "engine/memory.h"

#include <string.h>

#define ROOM_FIRST 32

void sparse_weights_init(struct sparse_weights *w, uint32_t nsparse, uint32_t width, uint64_t seed)
{
    *w = (struct sparse_weights){
        .nsparse = nsparse,
        .width = width,
        .multiplier = (uint32_t)(hash_mix(seed, 2) >> 32) | 1,
    };
}

void sparse_weights_done(struct sparse_weights *w)
{
    for (uint32_t b = 0; b < w->blocks; b++) {
        mem_free(w->block[b]);
    }
    mem_free(w->block);
    mem_free(w->index);
    mem_free(w->cell);
    mem_free(w->item);
    mem_free(w->place);
    *w = (struct sparse_weights){0};
}

static double *make_block(const struct sparse_weights *w)
{
    return mem_zalloc((1 + (size_t)w->room) * w->width * sizeof(double));
}

void sparse_weights_grow(struct sparse_weights *w, uint32_t blocks)
{
    if (blocks <= w->blocks) {
        return;
    }
    w->block = mem_resize(w->block, blocks, sizeof(*w->block));
    for (; w->blocks < blocks; w->blocks++) {
        w->block[w->blocks] = make_block(w);
    }
}

/* ---- places ---- */

static uint32_t home(const struct sparse_weights *w, uint32_t index)
{
    return index * w->multiplier >> w->shift;
}

/* The cell of an index, or the free one where it belongs. */
static struct sparse_cell *cell_of(const struct sparse_weights *w, uint32_t index)
{
    uint32_t mask = (1U << (32 - w->shift)) - 1, at = home(w, index);
    while (w->cell[at].place != SPARSE_NONE && w->cell[at].index != index) {
        at = (at + 1) & mask;
    }
    return &w->cell[at];
}

/* Room for twice as many. */
static void widen(struct sparse_weights *w)
{
    uint32_t room = w->room ? w->room * 2 : ROOM_FIRST, bits = 1;
    while ((1U << bits) < 2 * room) {
        bits++;
    }
    w->index = mem_resize(w->index, 1 + (size_t)room, sizeof(*w->index));
    for (uint32_t b = 0; b < w->blocks; b++) {
        size_t before = (1 + (size_t)w->room) * w->width, after = (1 + (size_t)room) * w->width;
        w->block[b] = mem_resize(w->block[b], after, sizeof(double));
        memset(w->block[b] + before, 0, (after - before) * sizeof(double));
    }
    w->room = room;
    mem_free(w->cell);
    w->cell = mem_zalloc(sizeof(*w->cell) << bits);
    w->shift = 32 - bits;
    for (uint32_t place = 1; place <= w->n; place++) {
        *cell_of(w, w->index[place]) = (struct sparse_cell){w->index[place], place};
    }
}

/* The place of an index, which is made where there is none. */
static uint32_t place_of(struct sparse_weights *w, uint32_t index)
{
    if (w->n == w->room) {
        widen(w);
    }
    struct sparse_cell *cell = cell_of(w, index);
    if (cell->place == SPARSE_NONE) {
        *cell = (struct sparse_cell){index, ++w->n};
        w->index[w->n] = index;
    }
    return cell->place;
}

static bool is_found(const struct sparse_weights *w, const struct sparse_row *row)
{
    return w->items == row->n && w->known == w->n &&
           (row->n == 0 || memcmp(w->item, row->item, row->n * sizeof(*row->item)) == 0);
}

static void keep(struct sparse_weights *w, const struct sparse_row *row)
{
    if (row->n > w->items_room) {
        w->items_room = row->n * 2;
        w->item = mem_resize(w->item, w->items_room, sizeof(*w->item));
        w->place = mem_resize(w->place, w->items_room, sizeof(*w->place));
    }
    w->items = row->n;
    w->known = w->n;
    if (row->n > 0) { /* memcpy wants no NULL, even for nothing */
        memcpy(w->item, row->item, row->n * sizeof(*row->item));
    }
}

void sparse_weights_find(struct sparse_weights *w, const struct sparse_row *row)
{
    if (is_found(w, row)) {
        return;
    }
    keep(w, row);
    if (row->n == 0) {
        return;
    }
    if (!w->cell) {
        memset(w->place, 0, row->n * sizeof(*w->place));
        return;
    }
    const struct sparse_cell *cell = w->cell;
    const double *block = w->block[0];
    uint32_t *place = w->place, shift = w->shift, mask = (1U << (32 - shift)) - 1;
    for (uint32_t k = 0; k < row->n; k++) {
        place[k] = (uint32_t)row->item[k].index * w->multiplier >> shift;
        __builtin_prefetch(&cell[place[k]]);
    }
    for (uint32_t k = 0; k < row->n; k++) {
        uint32_t index = (uint32_t)row->item[k].index, at = place[k];
        while (cell[at].place != SPARSE_NONE && cell[at].index != index) {
            at = (at + 1) & mask;
        }
        place[k] = cell[at].place;
        __builtin_prefetch(&block[(size_t)place[k] * w->width]);
    }
}

uint32_t sparse_weights_touch(struct sparse_weights *w, const struct sparse_row *row, uint32_t k)
{
    if (w->place[k] == SPARSE_NONE) {
        w->place[k] = place_of(w, (uint32_t)row->item[k].index);
    }
    return w->place[k];
}

double sparse_weights_dot(const struct sparse_weights *w, uint32_t block,
                          const struct sparse_row *row)
{
    const struct sparse_item *item = row->item;
    const uint32_t *place = w->place;
    size_t width = w->width;
    double even = 0, odd = 0;
    uint32_t k = 0;
    if (row->n == 0) {
        return 0;
    }
    const double *weight = w->block[block];
    for (; k + 2 <= row->n; k += 2) {
        even += weight[place[k] * width] * item[k].value;
        odd += weight[place[k + 1] * width] * item[k + 1].value;
    }
    if (k < row->n) {
        even += weight[place[k] * width] * item[k].value;
    }
    return even + odd;
}

/* ---- steps ---- */

/* Places for all whose weight is to move: of others the gradient is 0, which leaves place 0 as it
 * is. */
static void touch_all(struct sparse_weights *w, const struct sparse_row *row, double g)
{
    for (uint32_t k = 0; k < row->n; k++) {
        if (w->place[k] == SPARSE_NONE && row->item[k].value * g != 0) {
            sparse_weights_touch(w, row, k);
        }
    }
}

/* Some weights side by side, as optimizers want them. */
struct piece {
    double weight[OPTIMIZER_PIECE], gradient[OPTIMIZER_PIECE];
    double slot[OPTIMIZER_SLOTS * OPTIMIZER_PIECE];
};

void sparse_weights_descend(struct sparse_weights *w, uint32_t block,
                            const struct sparse_step *step, const struct sparse_row *row)
{
    struct piece p;
    uint32_t slots = step->optimizer->def->slots;
    touch_all(w, row, step->g);
    for (uint32_t at = 0; at < row->n; at += OPTIMIZER_PIECE) {
        uint32_t n = row->n - at < OPTIMIZER_PIECE ? row->n - at : OPTIMIZER_PIECE;
        const struct sparse_item *item = row->item + at;
        const uint32_t *place = w->place + at;
        for (uint32_t i = 0; i < n; i++) {
            const double *record = sparse_weights_at(w, block, place[i]);
            p.weight[i] = record[0];
            p.gradient[i] = item[i].value * step->g + step->l2 * record[0];
            for (uint32_t s = 0; s < slots; s++) {
                p.slot[s * OPTIMIZER_PIECE + i] = record[1 + s];
            }
        }
        optimizer_step(step->optimizer, step->rate, p.weight, p.gradient, p.slot, OPTIMIZER_PIECE,
                       n);
        for (uint32_t i = 0; i < n; i++) {
            double *record = sparse_weights_at(w, block, place[i]);
            record[0] = p.weight[i];
            for (uint32_t s = 0; s < slots; s++) {
                record[1 + s] = p.slot[s * OPTIMIZER_PIECE + i];
            }
        }
    }
}

/* ---- snapshot ---- */

static void fail(struct snapshot *s)
{
    s->status = -ERR_DATA;
}

int sparse_weights_io(struct sparse_weights *w, uint32_t blocks, struct snapshot *s)
{
    uint32_t n = w->n;
    snapshot_u32(s, &n);
    size_t least = 1 + (size_t)blocks * w->width * sizeof(double); /* bytes of one */
    if (s->loading && (n > w->nsparse || n > (size_t)(s->end - s->p) / least)) {
        fail(s);
    }
    for (uint32_t i = 1; i <= n && snapshot_status(s) == 0; i++) {
        uint32_t index = s->loading ? 0 : w->index[i];
        snapshot_u32(s, &index);
        if (index >= w->nsparse || (s->loading && place_of(w, index) != i)) {
            fail(s); /* no such feature, or twice */
            break;
        }
        for (uint32_t b = 0; b < blocks; b++) {
            snapshot_array(s, sparse_weights_at(w, b, i), w->width);
        }
    }
    return snapshot_status(s);
}

uint64_t sparse_weights_size(const struct sparse_weights *w)
{
    uint64_t record = (uint64_t)w->blocks * w->width * sizeof(double) + sizeof(*w->index);
    uint64_t cells = w->cell ? 1ULL << (32 - w->shift) : 0;
    return w->room * record + cells * sizeof(*w->cell) +
           w->items_room * (sizeof(*w->place) + sizeof(*w->item));
}
