/* Sparse weights.
 *
 *   cell     index -> place; an open hash table of which at most half is taken
 *   index    place -> index, in the order in which features were first touched
 *   block    | place 0: weight, slots | place 1: weight, slots | …     one for each class, or one
 *
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

#define ROOM_FIRST  32
#define FETCH_AHEAD 8

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
    mem_free(w->place);
    *w = (struct sparse_weights){0};
}

static double *make_block(const struct sparse_weights *w)
{
    return mem_zalloc(((size_t)w->room * w->width + 1) * sizeof(double));
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
static uint32_t cell_of(const struct sparse_weights *w, uint32_t index)
{
    uint32_t mask = (1U << (32 - w->shift)) - 1, at = home(w, index);
    while (w->cell[at].at > 0 && w->cell[at].index != index) {
        at = (at + 1) & mask;
    }
    return at;
}

/* Room for twice as many. */
static void widen(struct sparse_weights *w)
{
    uint32_t room = w->room ? w->room * 2 : ROOM_FIRST, bits = 1;
    while ((1U << bits) < 2 * room) {
        bits++;
    }
    w->index = mem_resize(w->index, room, sizeof(*w->index));
    for (uint32_t b = 0; b < w->blocks; b++) {
        size_t before = (size_t)w->room * w->width, after = (size_t)room * w->width;
        w->block[b] = mem_resize(w->block[b], after + 1, sizeof(double));
        memset(w->block[b] + before, 0, (after - before) * sizeof(double));
    }
    w->room = room;
    mem_free(w->cell);
    w->cell = mem_zalloc(sizeof(*w->cell) << bits);
    w->shift = 32 - bits;
    for (uint32_t i = 0; i < w->n; i++) {
        w->cell[cell_of(w, w->index[i])] = (struct sparse_cell){w->index[i], i + 1};
    }
}

/* The place of an index; *is_new when it was made. */
static uint32_t place_of(struct sparse_weights *w, uint32_t index, bool *is_new)
{
    if (w->n == w->room) {
        widen(w);
    }
    struct sparse_cell *cell = &w->cell[cell_of(w, index)];
    *is_new = cell->at == 0;
    if (*is_new) {
        w->index[w->n++] = index;
        *cell = (struct sparse_cell){index, w->n};
    }
    return cell->at - 1;
}

void sparse_weights_find(struct sparse_weights *w, const struct sparse_row *row)
{
    if (row->n > w->place_room) {
        w->place_room = row->n * 2;
        w->place = mem_resize(w->place, w->place_room, sizeof(*w->place));
    }
    for (uint32_t k = 0; k < row->n; k++) {
        if (!w->cell) {
            w->place[k] = SPARSE_NONE;
            continue;
        }
        if (k + FETCH_AHEAD < row->n) {
            __builtin_prefetch(&w->cell[home(w, (uint32_t)row->item[k + FETCH_AHEAD].index)]);
        }
        w->place[k] = w->cell[cell_of(w, (uint32_t)row->item[k].index)].at - 1;
        if (w->blocks > 0 && w->place[k] != SPARSE_NONE) {
            __builtin_prefetch(sparse_weights_at(w, 0, w->place[k]));
        }
    }
}

uint32_t sparse_weights_touch(struct sparse_weights *w, const struct sparse_row *row, uint32_t k)
{
    bool is_new;
    if (w->place[k] == SPARSE_NONE) {
        w->place[k] = place_of(w, (uint32_t)row->item[k].index, &is_new);
    }
    return w->place[k];
}

double sparse_weights_dot(const struct sparse_weights *w, uint32_t block,
                          const struct sparse_row *row)
{
    double sum = 0;
    for (uint32_t k = 0; k < row->n; k++) {
        if (w->place[k] != SPARSE_NONE) {
            sum += *sparse_weights_at(w, block, w->place[k]) * row->item[k].value;
        }
    }
    return sum;
}

/* ---- steps ---- */

/* Some weights side by side, as optimizers want them. */
struct piece {
    double weight[OPTIMIZER_PIECE], gradient[OPTIMIZER_PIECE];
    double slot[OPTIMIZER_SLOTS * OPTIMIZER_PIECE];
    uint32_t place[OPTIMIZER_PIECE], n;
};

/* Gradients of items from .. to-1 that move a weight, and their places. */
static void begin_piece(struct piece *p, struct sparse_weights *w, uint32_t block,
                        const struct sparse_step *step, const struct sparse_row *row, uint32_t from,
                        uint32_t to)
{
    p->n = 0;
    for (uint32_t k = from; k < to; k++) {
        double g = row->item[k].value * step->g;
        if (w->place[k] != SPARSE_NONE) {
            g += step->l2 * *sparse_weights_at(w, block, w->place[k]);
        } else if (g == 0) {
            continue;
        }
        p->place[p->n] = sparse_weights_touch(w, row, k);
        p->gradient[p->n++] = g;
    }
}

void sparse_weights_descend(struct sparse_weights *w, uint32_t block,
                            const struct sparse_step *step, const struct sparse_row *row)
{
    struct piece p;
    uint32_t slots = step->optimizer->def->slots;
    for (uint32_t at = 0; at < row->n; at += OPTIMIZER_PIECE) {
        uint32_t to = row->n - at < OPTIMIZER_PIECE ? row->n : at + OPTIMIZER_PIECE;
        begin_piece(&p, w, block, step, row, at, to);
        for (uint32_t i = 0; i < p.n; i++) {
            const double *record = sparse_weights_at(w, block, p.place[i]);
            p.weight[i] = record[0];
            for (uint32_t s = 0; s < slots; s++) {
                p.slot[s * OPTIMIZER_PIECE + i] = record[1 + s];
            }
        }
        optimizer_step(step->optimizer, step->rate, p.weight, p.gradient, p.slot, OPTIMIZER_PIECE,
                       p.n);
        for (uint32_t i = 0; i < p.n; i++) {
            double *record = sparse_weights_at(w, block, p.place[i]);
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
    for (uint32_t i = 0; i < n && snapshot_status(s) == 0; i++) {
        bool is_new = true;
        uint32_t index = s->loading ? 0 : w->index[i], place = i;
        snapshot_u32(s, &index);
        if (index >= w->nsparse) {
            fail(s);
            break;
        }
        place = s->loading ? place_of(w, index, &is_new) : place;
        for (uint32_t b = 0; b < blocks; b++) {
            snapshot_array(s, sparse_weights_at(w, b, place), w->width);
        }
        if (!is_new) {
            fail(s); /* twice */
        }
    }
    return snapshot_status(s);
}

uint64_t sparse_weights_size(const struct sparse_weights *w)
{
    uint64_t record = (uint64_t)w->blocks * w->width * sizeof(double) + sizeof(*w->index);
    uint64_t cells = w->cell ? 1ULL << (32 - w->shift) : 0;
    return w->room * record + cells * sizeof(*w->cell) + w->place_room * sizeof(*w->place);
}
