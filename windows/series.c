/* Series over a state store: see series.h.
 *
 *   row -> series   a table of pointers whose upper 16 bits hold part of the hash, so that a miss
 *                   touches no series; keys are compared with that of the newest point, whose entry
 *                   the row will most likely change anyway
 *   points          one stands in the series itself, more in an array that loses its oldest by
 *                   moving `first`; the newest is at hand without it
 *   agenda          a series stands there once with the date that counts (`next`), and perhaps with
 *                   later ones that no longer count; it lives until the last of them has come
 */
#include "windows/series.h"

#include "engine/big_endian.h"
#include "engine/error.h"
#include "engine/hash.h"
#include "engine/memory.h"
#include "windows/fill.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_LEAST  64
#define POINTER_BITS 48
#define POINTER_MASK ((UINT64_C(1) << POINTER_BITS) - 1)

#ifdef KLAMM_SMALL
#define LOOKED 2U /* series between two looks at the slice */
#else
#define LOOKED 1024U
#endif

void series_init(struct series_set *a, struct state *state, uint32_t value_n, int words)
{
    *a = (struct series_set){.state = state,
                             .value_n = value_n,
                             .prefix_n = WORD_BYTES * (uint32_t)words,
                             .nslots = SLOTS_LEAST,
                             .fired = INT64_MIN};
    a->slot = mem_zalloc(a->nslots * sizeof *a->slot);
    agenda_init(&a->agenda);
    buffer_init(&a->key);
    buffer_init(&a->fired_key);
    buffer_init(&a->mark);
}

static struct series *slot_series(uint64_t slot)
{
    return (struct series *)(uintptr_t)(slot & POINTER_MASK);
}

static void series_free(struct series_set *a, struct series *s)
{
    a->nseries--;
    a->room -= s->point ? s->cap : 0;
    mem_free(s->point);
    mem_free(s);
}

/* Those without points stand in the agenda only. */
static void free_dates(struct series_set *a)
{
    struct date *d;
    while ((d = agenda_first(&a->agenda)) != NULL) {
        for (uint32_t i = d == a->turn.date ? a->turn.looked : 0; i < d->n; i++) {
            struct series *s = d->item[i];
            if (--s->dates == 0 && s->n == 0) {
                series_free(a, s);
            }
        }
        agenda_drop_first(&a->agenda);
    }
}

static void free_all(struct series_set *a)
{
    free_dates(a);
    for (uint64_t i = 0; i < a->nslots; i++) {
        if (a->slot[i] != 0) {
            series_free(a, slot_series(a->slot[i]));
        }
    }
    mem_free(a->slot);
}

void series_release(struct series_set *a)
{
    free_all(a);
    turn_end(&a->turn);
    a->is_part = true;
    a->count = 0;
    a->nslots = SLOTS_LEAST;
    a->slot = mem_zalloc(a->nslots * sizeof *a->slot);
}

void series_done(struct series_set *a)
{
    free_all(a);
    turn_end(&a->turn);
    agenda_done(&a->agenda);
    buffer_done(&a->key);
    buffer_done(&a->fired_key);
    buffer_done(&a->mark);
    *a = (struct series_set){0};
}

/* ---- points ---- */

struct point *series_points(struct series *s)
{
    return s->point ? s->point + s->first : &s->newest;
}

int64_t entry_pos(const struct state_entry *e)
{
    uint32_t n;
    return (int64_t)big_endian_get(state_key(e, &n));
}

int64_t point_from(const struct point *p)
{
    uint32_t n;
    const char *key = state_key(p->entry, &n);
    return (int64_t)big_endian_get(key + WORD_BYTES);
}

uint32_t series_lower(struct series *s, int64_t pos)
{
    const struct point *p = series_points(s);
    uint32_t low = 0, high = s->n;
    if (high > 0 && p[high - 1].pos < pos) {
        return high;
    }
    if (high > 0 && (uint64_t)pos - (uint64_t)p[0].pos < high && p[0].pos <= pos) {
        uint32_t guess = (uint32_t)(pos - p[0].pos); /* points without gaps */
        if (p[guess].pos == pos && (guess == 0 || p[guess - 1].pos < pos)) {
            return guess;
        }
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (p[middle].pos < pos) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Room for one more point behind the last. */
static void make_room(struct series_set *a, struct series *s)
{
    if (s->point == NULL) {
        s->cap = 4;
        a->room += s->cap;
        s->point = mem_array(s->cap, sizeof *s->point);
        s->point[0] = s->newest;
        s->first = 0;
        return;
    }
    if (s->first + s->n < s->cap) {
        return;
    }
    if (s->first > s->cap / 2) {
        memmove(s->point, s->point + s->first, s->n * sizeof *s->point);
        s->first = 0;
        return;
    }
    a->room += s->cap;
    s->cap *= 2;
    s->point = mem_resize(s->point, s->cap, sizeof *s->point);
}

static void note_newest(struct series *s)
{
    if (s->point && s->n > 0) {
        s->newest = s->point[s->first + s->n - 1];
    }
}

static void insert_point(struct series_set *a, struct series *s, uint32_t at, int64_t pos,
                         struct state_entry *e)
{
    if (s->n > 0) {
        make_room(a, s);
    }
    struct point *p = series_points(s);
    memmove(p + at + 1, p + at, (s->n - at) * sizeof *p);
    p[at] = (struct point){pos, e};
    s->n++;
    note_newest(s);
}

void series_reorder(struct series *s, uint32_t i, int64_t pos)
{
    struct point *p = series_points(s);
    struct point moved = {pos, p[i].entry};
    for (; i + 1 < s->n && p[i + 1].pos < pos; i++) {
        p[i] = p[i + 1];
    }
    for (; i > 0 && p[i - 1].pos > pos; i--) {
        p[i] = p[i - 1];
    }
    p[i] = moved;
    note_newest(s);
}

/* ---- series by their key ---- */

const void *series_entry_key(const struct series_set *a, const struct state_entry *e, uint32_t *n)
{
    const char *key = state_key(e, n);
    *n -= a->prefix_n;
    return key + a->prefix_n;
}

const void *series_key(const struct series_set *a, struct series *s, uint32_t *n)
{
    return series_entry_key(a, s->newest.entry, n);
}

static bool has_key(const struct series_set *a, struct series *s, const void *key, uint32_t key_n)
{
    uint32_t n;
    const void *bytes = series_key(a, s, &n);
    return n == key_n && memcmp(bytes, key, n) == 0;
}

/* The slot of the key, or the empty one where it belongs. */
static uint64_t probe(const struct series_set *a, uint64_t hash, const void *key, uint32_t n)
{
    uint64_t mask = a->nslots - 1, at = hash & mask;
    for (; a->slot[at] != 0; at = (at + 1) & mask) {
        struct series *s = slot_series(a->slot[at]);
        if (a->slot[at] >> POINTER_BITS == hash >> POINTER_BITS && s->hash == hash &&
            has_key(a, s, key, n)) {
            break;
        }
    }
    return at;
}

static void put_slot(struct series_set *a, struct series *s)
{
    uint64_t mask = a->nslots - 1, at = s->hash & mask;
    while (a->slot[at] != 0) {
        at = (at + 1) & mask;
    }
    a->slot[at] = (uint64_t)(uintptr_t)s | s->hash >> POINTER_BITS << POINTER_BITS;
}

static void rebuild_slots(struct series_set *a, uint64_t nslots)
{
    uint64_t *old = a->slot, n = a->nslots;
    a->nslots = nslots;
    a->slot = mem_zalloc(nslots * sizeof *a->slot);
    for (uint64_t i = 0; i < n; i++) {
        if (old[i] != 0) {
            put_slot(a, slot_series(old[i]));
        }
    }
    mem_free(old);
}

/* Out of the table; moves back those behind it that may not stand after a gap. */
static void clear_slot(struct series_set *a, const struct series *s)
{
    uint64_t mask = a->nslots - 1, gap = s->hash & mask;
    while (slot_series(a->slot[gap]) != s) {
        gap = (gap + 1) & mask;
    }
    for (uint64_t at = (gap + 1) & mask; a->slot[at] != 0; at = (at + 1) & mask) {
        uint64_t home = slot_series(a->slot[at])->hash & mask;
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            a->slot[gap] = a->slot[at];
            gap = at;
        }
    }
    a->slot[gap] = 0;
    a->count--;
}

struct series *series_find(const struct series_set *a, uint64_t hash, const struct str *key)
{
    return slot_series(a->slot[probe(a, hash, str_data(key), key->n)]);
}

/* A series without points yet; the caller adds one at once. */
static struct series *series_new(struct series_set *a, uint64_t hash)
{
    if ((a->count + 1) * 4 > a->nslots * 3) {
        rebuild_slots(a, a->nslots * 2);
    }
    struct series *s = mem_zalloc(sizeof *s);
    s->hash = hash;
    s->next = SERIES_NEVER;
    put_slot(a, s);
    a->count++;
    a->nseries++;
    return s;
}

/* First point not before (pos, from). */
static uint32_t place_of(struct series *s, int64_t pos, int64_t from, bool has_from)
{
    const struct point *p = series_points(s);
    uint32_t at = series_lower(s, pos);
    while (has_from && at < s->n && p[at].pos == pos && point_from(&p[at]) < from) {
        at++;
    }
    return at;
}

/* The point that most rows want: the newest of its pos. */
static struct state_entry *newest(const struct series_set *a, struct series *s, int64_t pos,
                                  int64_t from)
{
    const struct point *p = &s->newest;
    bool is_it = p->pos == pos && (a->prefix_n == WORD_BYTES || point_from(p) == from);
    return is_it ? p->entry : NULL;
}

/* The entry of (word, from, key) in the store, made when new. */
static struct state_entry *store_entry(struct series_set *a, const struct str *key, int64_t word,
                                       int64_t from, bool *is_new)
{
    uint32_t n = key->n + a->prefix_n;
    buffer_clear(&a->key);
    char *bytes = buffer_reserve(&a->key, n);
    big_endian_put(bytes, (uint64_t)word);
    if (a->prefix_n > WORD_BYTES) {
        big_endian_put(bytes + WORD_BYTES, (uint64_t)from);
    }
    memcpy(bytes + a->prefix_n, str_data(key), key->n);
    return state_insert(a->state, hash_bytes(bytes, n, 0), bytes, n, a->value_n, is_new);
}

struct state_entry *series_entry(struct series_set *a, uint64_t hash, const struct str *key,
                                 int64_t pos, int64_t from, struct series **s, bool *is_new)
{
    *s = series_find(a, hash, key);
    *is_new = false;
    struct state_entry *e = *s ? newest(a, *s, pos, from) : NULL;
    e = e ? e : store_entry(a, key, pos, from, is_new);
    if (*is_new) {
        *s = *s ? *s : series_new(a, hash);
        insert_point(a, *s, place_of(*s, pos, from, a->prefix_n > WORD_BYTES), pos, e);
    }
    state_touch(a->state, e);
    return e;
}

struct state_entry *series_add(struct series_set *a, uint64_t hash, const struct str *key,
                               int64_t word, int64_t pos, struct series **s)
{
    bool is_new = false;
    struct state_entry *e = NULL;
    while (!is_new) { /* ends: entries are fewer than numbers */
        e = store_entry(a, key, word, 0, &is_new);
        word = word == INT64_MAX ? INT64_MIN : word + 1;
    }
    *s = *s ? *s : series_new(a, hash);
    insert_point(a, *s, series_lower(*s, pos), pos, e);
    state_touch(a->state, e);
    return e;
}

struct state_entry *series_stored(struct series_set *a, const struct str *key, int64_t pos,
                                  int64_t from, bool *is_new)
{
    struct state_entry *e = store_entry(a, key, pos, from, is_new);
    state_touch(a->state, e);
    return e;
}

struct series *series_bring(struct series_set *a, struct state_entry *e)
{
    uint32_t n;
    const void *key = series_entry_key(a, e, &n);
    struct point p = {.pos = entry_pos(e), .entry = e};
    uint64_t hash = hash_bytes(key, n, 0), slot = a->slot[probe(a, hash, key, n)];
    struct series *s = slot ? slot_series(slot) : series_new(a, hash);
    bool has_from = a->prefix_n > WORD_BYTES;
    insert_point(a, s, place_of(s, p.pos, has_from ? point_from(&p) : 0, has_from), p.pos, e);
    return s;
}

static void drop_mark(struct series_set *a)
{
    if (a->mark.n > 0) {
        uint32_t n = (uint32_t)a->mark.n;
        struct state_entry *e =
            state_find(a->state, hash_bytes(a->mark.data, n, 0), a->mark.data, n);
        if (e) {
            state_delete(a->state, e);
        }
        buffer_clear(&a->mark);
    }
}

void series_remove(struct series_set *a, struct series *s, uint32_t i, uint32_t n)
{
    struct point *p = series_points(s);
    for (uint32_t k = i; n < s->n && k < i + n; k++) {
        state_delete(a->state, p[k].entry);
    }
    if (n == s->n) { /* the table compares with an entry that is about to go */
        clear_slot(a, s);
        for (uint32_t k = 0; k < n; k++) {
            state_delete(a->state, p[k].entry);
        }
        if (a->count == 0 && !a->is_part) {
            drop_mark(a);
        }
    } else if (i == 0) {
        s->first += n;
    } else {
        memmove(p + i, p + i + n, (s->n - i - n) * sizeof *p);
    }
    s->n -= n;
    note_newest(s);
    if (s->n == 0) {
        s->next = SERIES_NEVER;
        if (s->dates == 0) {
            series_free(a, s);
        }
    }
}

/* ---- dates ---- */

void series_schedule(struct series_set *a, struct series *s, int64_t time)
{
    if (time < s->next) {
        s->next = time;
        s->dates++;
        agenda_add(&a->agenda, time, s);
    }
}

bool series_take_date(struct series_set *a, struct series *s, int64_t time)
{
    s->dates--;
    if (s->next == time) {
        s->next = SERIES_NEVER;
        return true;
    }
    if (s->n == 0 && s->dates == 0) {
        series_free(a, s);
    }
    return false;
}

static const void *key_of(const void *ctx, const void *item, uint32_t *n)
{
    const struct series *s = item;
    return series_entry_key(ctx, s->newest.entry, n);
}

/* Those that are due, to the front. Positive: not all are looked at. */
static int choose(struct series_set *a, const struct series_order *by, struct op *op)
{
    struct turn *x = &a->turn;
    struct date *d = x->date;
    while (x->looked < d->n) {
        struct series *s = d->item[x->looked++];
        if (series_take_date(a, s, d->time) && (!by->is_due || by->is_due(by->ctx, s))) {
            d->item[x->n++] = s;
        }
        if (x->looked % LOOKED == 0 && op_spent(op, LOOKED / 8 + 1)) {
            return 1;
        }
    }
    d->n = 0; /* they stand in no date now */
    return 0;
}

int series_due(struct series_set *a, struct date *d, const struct series_order *by, struct op *op)
{
    struct turn *x = &a->turn;
    if (x->date != d) {
        turn_begin(x, d, 0, NULL);
    }
    if (d->n > 0) {
        if (choose(a, by, op) > 0) {
            return 1;
        }
        struct key_by keys = {.first = by->first, .key_of = key_of, .ctx = a, .schema = by->schema};
        turn_begin(x, d, x->n, &keys);
    }
    return turn_ready(x, op);
}

void series_pause(struct series_set *a)
{
    const struct turn *x = &a->turn;
    if (x->at == 0) {
        return; /* what a restart has found stands */
    }
    buffer_clear(&a->fired_key);
    if (x->at < x->n) {
        uint32_t n;
        const void *key = series_key(a, x->date->item[x->at], &n);
        buffer_add(&a->fired_key, key, n);
    }
}

void series_drop_date(struct series_set *a)
{
    turn_end(&a->turn);
    agenda_drop_first(&a->agenda);
}

bool series_is_behind(const struct series_set *a, struct series *s, const struct schema *schema)
{
    uint32_t n;
    const void *key = series_key(a, s, &n);
    return a->fired_key.n > 0 &&
           key_compare(schema, key, n, a->fired_key.data, (uint32_t)a->fired_key.n) >= 0;
}

int64_t series_next(const struct series_set *a)
{
    int64_t next = SERIES_NEVER;
    for (uint64_t i = 0; i < a->nslots; i++) {
        const struct series *s = a->slot[i] ? slot_series(a->slot[i]) : NULL;
        next = s && s->next < next ? s->next : next;
    }
    return next;
}

uint64_t series_npoints(const struct series_set *a)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < a->nslots; i++) {
        n += a->slot[i] ? slot_series(a->slot[i])->n : 0;
    }
    return n;
}

uint64_t series_bytes(const struct series_set *a)
{
    return a->nslots * sizeof *a->slot + agenda_bytes(&a->agenda) +
           a->nseries * sizeof(struct series) + a->room * sizeof(struct point);
}

/* ---- the store ---- */

struct loading {
    struct series_set *set;
    int64_t (*pos_of)(const struct state_entry *e);
};

bool series_read_mark(struct series_set *a, const void *key, uint32_t n)
{
    if ((int64_t)big_endian_get(key) != -1) {
        return false;
    }
    const char *bytes = key;
    a->fired = (int64_t)big_endian_get(bytes + WORD_BYTES);
    buffer_add(&a->fired_key, bytes + a->prefix_n, n - a->prefix_n);
    buffer_add(&a->mark, key, n);
    return true;
}

static int load_entry(void *ctx, struct state_entry *e)
{
    struct loading *l = ctx;
    struct series_set *a = l->set;
    uint32_t n;
    const char *key = state_key(e, &n);
    if (n < a->prefix_n || state_value_size(e) != a->value_n) {
        return -ERR_DATA;
    }
    if (a->prefix_n > WORD_BYTES && fill_is_memory(e)) {
        return 0;
    }
    if (a->prefix_n > WORD_BYTES && series_read_mark(a, key, n)) {
        return 0;
    }
    uint64_t hash = hash_bytes(key + a->prefix_n, n - a->prefix_n, 0);
    uint64_t slot = a->slot[probe(a, hash, key + a->prefix_n, n - a->prefix_n)];
    struct series *s = slot ? slot_series(slot) : series_new(a, hash);
    insert_point(a, s, s->n, l->pos_of ? l->pos_of(e) : (int64_t)big_endian_get(key), e);
    return 0;
}

static int compare_points(const void *x, const void *y)
{
    const struct point *a = x, *b = y;
    if (a->pos != b->pos) {
        return a->pos < b->pos ? -1 : 1;
    }
    uint32_t a_n, b_n;
    const void *a_key = state_key(a->entry, &a_n), *b_key = state_key(b->entry, &b_n);
    return memcmp(a_key, b_key, a_n < b_n ? a_n : b_n);
}

int series_load(struct series_set *a, int64_t (*pos_of)(const struct state_entry *e))
{
    struct loading l = {a, pos_of};
    int status = state_each(a->state, load_entry, &l);
    for (uint64_t i = 0; i < a->nslots && status == 0; i++) {
        if (a->slot[i] != 0) {
            struct series *s = slot_series(a->slot[i]);
            qsort(series_points(s), s->n, sizeof(struct point), compare_points);
            note_newest(s);
        }
    }
    return status;
}

void series_each(struct series_set *a, void (*each)(void *ctx, struct series *s), void *ctx)
{
    for (uint64_t i = 0; i < a->nslots; i++) {
        if (a->slot[i] != 0) {
            each(ctx, slot_series(a->slot[i]));
        }
    }
}

void series_flush(struct series_set *a)
{
    struct buffer *key = &a->key;
    bool is_new, is_wanted = (a->is_part ? a->beyond : a->count) > 0 && a->fired != INT64_MIN;
    buffer_clear(key);
    big_endian_add(key, (uint64_t)-1);
    big_endian_add(key, (uint64_t)a->fired);
    buffer_add(key, a->fired_key.data, a->fired_key.n);
    if (is_wanted && a->mark.n == key->n && memcmp(a->mark.data, key->data, key->n) == 0) {
        return;
    }
    drop_mark(a);
    if (is_wanted) {
        buffer_add(&a->mark, key->data, key->n);
        state_touch(a->state, state_insert(a->state, hash_bytes(key->data, key->n, 0), key->data,
                                           (uint32_t)key->n, a->value_n, &is_new));
    }
}
