/* Tables: see table.h.
 *
 *   state, latest row only    key                          -> flags | owner | row
 *   state, with versions      varint n, key | time, 8 bytes -> flags | owner | row
 *   flags                     0: deleted
 *   owner                     with `by` only: varint n (-1: none), the record key it came with
 *   changelog                 8 bytes, hash of the columns | value
 *
 * With `by` two rows may have the same value there: the later one is found. A map from record keys
 * to what they own (not in the changelog: such tables are global and read anew) sees to it that a
 * deletion, or another value of that column, takes away only the row that came with the same key.
 *
 * Versions of a key stand in an index, ordered by time; of equal times the later one to come stays.
 * A version is out of reach once its successor's time <= watermark - history: lookups before that
 * find nothing. The newest version stays however old it is, unless it is a deletion. Dropping goes
 * by the watermark as of each row, so the size of batches does not show.
 *
 * A changelog of other columns is not read: its entries are loaded empty, and deleted at open. Over
 * a disk most rows stay there (state_cache.c), and who opens does not look at them: only a restore
 * that has met such entries says that there are any.
 */
#include "engine/table.h"

#include "engine/big_endian.h"
#include "engine/clock.h"
#include "engine/hash.h"
#include "engine/heap.h"
#include "engine/memory.h"

#include <string.h>

enum { FLAG_ROW = 1 };

struct versions {
    uint32_t n, cap, timers;
    struct state_entry **item; /* by time, ascending */
};

struct table_store {
    const struct table_plan *plan;
    struct state *rows;
    struct state *index;  /* key -> struct versions; NULL: latest only */
    struct state *owners; /* record key -> key; NULL without `by` */
    struct heap timers;   /* (horizon at which a version is out of reach, its index entry) */
    int64_t horizon;      /* least time that can be looked up */
    struct buffer key, value;
};

/* ---- changelog -------------------------------------------------------------------------------
 */

static uint64_t format_of(const struct table_plan *plan)
{
    return hash_mix(plan->columns, plan->cfg->is_versioned ? 2 : 1);
}

static void save(void *ctx, const void *value, uint32_t n, struct buffer *out)
{
    big_endian_add(out, format_of(ctx));
    buffer_add(out, value, n);
}

static bool is_current(const struct table_plan *plan, const uint8_t *p, size_t n)
{
    return n > WORD_BYTES && big_endian_get(p) == format_of(plan);
}

static uint64_t form(void *ctx)
{
    return format_of(ctx);
}

static int64_t loaded_size(void *ctx, const void *saved, size_t n)
{
    return is_current(ctx, saved, n) ? (int64_t)n - WORD_BYTES : 0;
}

static int load(void *ctx, void *value, uint32_t n, const void *saved, size_t saved_n)
{
    (void)ctx;
    if (n > 0) {
        memcpy(value, (const uint8_t *)saved + (saved_n - n), n);
    }
    return 0;
}

static void column_words(const struct table_plan *p, struct buffer *words)
{
    row_layout_words(&p->layout, words);
    for (uint16_t i = 0; i < p->schema->nkey; i++) {
        buffer_text(words, "key ");
        type_print(words, p->schema->col[p->schema->key[i]].type);
    }
}

void table_words(const struct table_plan *p, struct buffer *words)
{
    column_words(p, words);
    buffer_text(words, p->cfg->is_versioned ? "\nversions by event time" : "");
}

static uint64_t hash_columns(const struct table_plan *p)
{
    struct buffer words;
    buffer_init(&words);
    column_words(p, &words);
    uint64_t hash = hash_stable(buffer_cstr(&words), words.n, 0);
    buffer_done(&words);
    return hash;
}

struct table_plan *table_plan_new(struct arena *a, const struct table_cfg *cfg,
                                  const struct schema *in)
{
    struct table_plan *p = arena_zalloc(a, sizeof *p);
    struct schema *s = arena_alloc(a, sizeof *s);
    *s = *in;
    if (cfg->by >= 0) {
        s->key = arena_alloc(a, sizeof *s->key);
        s->key[0] = (uint16_t)cfg->by;
        s->nkey = 1;
        s->keyed = true;
    }
    p->cfg = cfg;
    p->schema = s;
    p->layout = row_layout_new(a, s);
    for (uint16_t c = 0; c < s->n; c++) {
        if (!s->col[c].hidden) {
            row_layout_add(&p->layout, c);
        }
    }
    p->columns = hash_columns(p);
    p->codec = (struct state_codec){
        .ctx = p, .save = save, .loaded_size = loaded_size, .load = load, .form = form};
    return p;
}

/* ---- versions --------------------------------------------------------------------------------
 */

static void drop_versions(void *ctx, void *value, uint32_t n)
{
    (void)ctx;
    (void)n;
    mem_free(((struct versions *)value)->item);
}

static const struct state_codec index_codec = {.drop = drop_versions};

static int64_t time_of(const struct state_entry *e)
{
    uint32_t n;
    const char *key = state_key(e, &n);
    int64_t time;
    memcpy(&time, key + n - sizeof time, sizeof time);
    return time;
}

static bool is_row(const struct state_entry *e)
{
    return (*(const uint8_t *)state_value(e) & FLAG_ROW) != 0;
}

/* Position of the first version that is younger than `time`. */
static uint32_t after(const struct versions *v, int64_t time)
{
    uint32_t low = 0, high = v->n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (time_of(v->item[mid]) <= time) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static void set_timer(struct table_store *s, struct state_entry *index, int64_t time)
{
    struct versions *v = state_value(index);
    v->timers++;
    heap_push(&s->timers, time, index);
}

static void insert_version(struct table_store *s, struct state_entry *index,
                           struct state_entry *entry)
{
    struct versions *v = state_value(index);
    int64_t time = time_of(entry);
    uint32_t at = after(v, time);
    if (v->n == v->cap) {
        v->cap = v->cap * 2 + 2;
        v->item = mem_resize(v->item, v->cap, sizeof(struct state_entry *));
    }
    memmove(v->item + at + 1, v->item + at, (v->n - at) * sizeof(struct state_entry *));
    v->item[at] = entry;
    v->n++;
    if (at > 0 || !is_row(entry)) {
        set_timer(s, index, time);
    }
    if (at == 0 && v->n > 1) {
        set_timer(s, index, time_of(v->item[1]));
    }
}

/* Drops what no lookup can reach, and the index entry when nothing is left. */
static void prune(struct table_store *s, struct state_entry *index)
{
    struct versions *v = state_value(index);
    uint32_t gone = 0;
    while (gone + 1 < v->n && time_of(v->item[gone + 1]) <= s->horizon) {
        gone++;
    }
    if (gone + 1 == v->n && !is_row(v->item[gone]) && time_of(v->item[gone]) <= s->horizon) {
        gone++;
    }
    for (uint32_t i = 0; i < gone; i++) {
        state_delete(s->rows, v->item[i]);
    }
    if (gone > 0) {
        v->n -= gone;
        memmove(v->item, v->item + gone, v->n * sizeof(struct state_entry *));
    }
    if (v->n == 0 && v->timers == 0) {
        state_delete(s->index, index);
    }
}

static struct state_entry *index_of(struct table_store *s, const void *key, uint32_t n)
{
    bool is_new;
    return state_insert(s->index, hash_bytes(key, n, 0), key, n, sizeof(struct versions), &is_new);
}

void table_expire(struct table_store *s, int64_t watermark)
{
    int64_t history = s->plan->cfg->history;
    if (s->index == NULL || watermark == TIME_MAX || watermark < TIME_MIN + history ||
        watermark - history <= s->horizon) {
        return;
    }
    s->horizon = watermark - history;
    const struct heap_entry *next;
    struct heap_entry timer;
    while ((next = heap_peek(&s->timers)) != NULL && next->time <= s->horizon) {
        heap_pop(&s->timers, &timer);
        struct versions *v = state_value(timer.item);
        v->timers--;
        prune(s, timer.item);
    }
}

/* ---- writing ---------------------------------------------------------------------------------
 */

/* Writes s->value under a key; with versions as the one of that time. */
static void store(struct table_store *s, const void *key, uint32_t n, int64_t time)
{
    const void *full = key;
    uint32_t full_n = n;
    if (s->index) {
        buffer_clear(&s->key);
        buffer_varint(&s->key, n);
        buffer_add(&s->key, key, n);
        buffer_add(&s->key, &time, sizeof time);
        full = s->key.data;
        full_n = (uint32_t)s->key.n;
    }
    uint32_t size = (uint32_t)s->value.n;
    bool is_new;
    struct state_entry *index = s->index ? index_of(s, key, n) : NULL;
    struct state_entry *old =
        index ? state_find(s->rows, hash_bytes(full, full_n, 0), full, full_n) : NULL;
    if (old) { /* resizing may move it */
        struct versions *v = state_value(index);
        uint32_t at = after(v, time) - 1;
        old = state_resize(s->rows, old, size);
        v->item[at] = old;
        memcpy(state_value(old), s->value.data, size);
        state_touch(s->rows, old);
        if (!is_row(old)) {
            set_timer(s, index, time);
        }
        prune(s, index);
        return;
    }
    struct state_entry *entry =
        state_insert(s->rows, hash_bytes(full, full_n, 0), full, full_n, size, &is_new);
    entry = state_resize(s->rows, entry, size);
    memcpy(state_value(entry), s->value.data, size);
    state_touch(s->rows, entry);
    if (index) {
        insert_version(s, index, entry);
        prune(s, index);
    }
}

static const struct state_entry *newest(const struct table_store *s, const void *key, uint32_t n,
                                        uint64_t hash, int64_t as_of)
{
    if (s->index == NULL) {
        return state_find(s->rows, hash, key, n);
    }
    const struct state_entry *index = state_find(s->index, hash, key, n);
    const struct versions *v = index ? state_value(index) : NULL;
    uint32_t at = v && as_of >= s->horizon ? after(v, as_of) : 0;
    return at > 0 && is_row(v->item[at - 1]) ? v->item[at - 1] : NULL;
}

static bool take_away(struct table_store *s, const void *key, uint32_t n, int64_t time)
{
    if (s->index) { /* also where there is none: an older row may come later */
        buffer_clear(&s->value);
        buffer_byte(&s->value, 0);
        store(s, key, n, time);
        return true;
    }
    struct state_entry *e = state_find(s->rows, hash_bytes(key, n, 0), key, n);
    if (e) {
        state_delete(s->rows, e);
    }
    return e != NULL;
}

/* The owner that stands in a value, and where the row begins. */
static const uint8_t *read_owner(const struct state_entry *e, const uint8_t **row)
{
    const uint8_t *p = (const uint8_t *)state_value(e) + 1, *end = p + state_value_size(e) - 1;
    int64_t n = -1;
    p = varint_read(p, end, &n);
    *row = p + (n > 0 ? n : 0);
    return n < 0 ? NULL : p;
}

/* The record key `owner` has another row now, or none: what it owned goes. */
static void disown(struct table_store *s, struct state_entry *mine, const struct str *owner,
                   int64_t time)
{
    uint32_t n = state_value_size(mine);
    char *key = mem_alloc(n + 1U);
    memcpy(key, state_value(mine), n);
    const struct state_entry *e = newest(s, key, n, hash_bytes(key, n, 0), TIME_MAX);
    const uint8_t *row, *p = e ? read_owner(e, &row) : NULL;
    if (p && (size_t)(row - p) == owner->n && memcmp(p, str_data(owner), owner->n) == 0) {
        take_away(s, key, n, time);
    }
    mem_free(key);
}

static struct state_entry *owned_by(const struct table_store *s, const struct str *owner)
{
    return state_find(s->owners, hash_bytes(str_data(owner), owner->n, 0), str_data(owner),
                      owner->n);
}

static void own(struct table_store *s, const struct str *owner, const struct str *key, int64_t time)
{
    struct state_entry *mine = owned_by(s, owner);
    if (mine && (state_value_size(mine) != key->n ||
                 memcmp(state_value(mine), str_data(key), key->n) != 0)) {
        disown(s, mine, owner, time);
    }
    bool is_new;
    mine = state_insert(s->owners, hash_bytes(str_data(owner), owner->n, 0), str_data(owner),
                        owner->n, key->n, &is_new);
    mine = state_resize(s->owners, mine, key->n);
    memcpy(state_value(mine), str_data(key), key->n);
}

void table_put(struct table_store *s, const struct str *key, const struct str *owner,
               const struct batch *b, uint16_t row)
{
    if (owner) {
        own(s, owner, key, b->time[row]);
    }
    buffer_clear(&s->value);
    buffer_byte(&s->value, FLAG_ROW);
    if (s->owners) {
        buffer_varint(&s->value, owner ? (int64_t)owner->n : -1);
        buffer_add(&s->value, owner ? str_data(owner) : "", owner ? owner->n : 0);
    }
    row_save(&s->value, &s->plan->layout, b, row);
    store(s, str_data(key), key->n, b->time[row]);
}

bool table_delete(struct table_store *s, const struct str *key, int64_t time)
{
    if (s->owners == NULL) {
        return take_away(s, str_data(key), key->n, time);
    }
    struct state_entry *mine = owned_by(s, key);
    if (mine) {
        disown(s, mine, key, time);
        state_delete(s->owners, mine);
    }
    return mine != NULL;
}

const void *table_get(const struct table_store *s, const struct str *key, uint64_t hash,
                      int64_t as_of, uint32_t *n)
{
    const struct state_entry *e = newest(s, str_data(key), key->n, hash, as_of);
    if (e == NULL) {
        return NULL;
    }
    const uint8_t *row = (const uint8_t *)state_value(e) + 1;
    if (s->owners) {
        read_owner(e, &row);
    }
    *n = state_value_size(e) - (uint32_t)(row - (const uint8_t *)state_value(e));
    return row;
}

/* ---- life ------------------------------------------------------------------------------------
 */

struct taking_up {
    struct table_store *s;
    bool is_stale;
};

static int take_up(void *ctx, struct state_entry *entry)
{
    struct taking_up *t = ctx;
    uint32_t n;
    const uint8_t *key = state_key(entry, &n), *end = key + n;
    int64_t key_n = 0;
    bool is_damaged = state_value_size(entry) == 0;
    if (t->s->index && !is_damaged) {
        key = varint_read(key, end, &key_n);
        is_damaged = !key || key_n < 0 || end - key != key_n + 8;
    }
    if (is_damaged) {
        t->is_stale = true;
        state_delete(t->s->rows, entry);
    } else if (t->s->index) {
        insert_version(t->s, index_of(t->s, key, (uint32_t)key_n), entry);
    }
    return 0;
}

/* All entries; of those on disk only when some are known to be of other columns. */
static int look_through(struct taking_up *t, struct state *rows)
{
    if (state_is_complete(rows)) {
        return state_each(rows, take_up, t);
    }
    return state_is_stale(rows) ? state_scan(rows, "", 0, take_up, t) : 0;
}

bool table_is_lazy(const struct table_cfg *cfg)
{
    return !cfg->is_versioned;
}

bool table_damaged(struct table_store *s)
{
    return state_fail(s->rows);
}

int table_open(struct table_store **out, const struct table_plan *plan, struct state *rows,
               bool *is_stale)
{
    struct table_store *s = *out = mem_zalloc(sizeof *s);
    s->plan = plan;
    s->rows = rows;
    s->horizon = TIME_MIN;
    s->index = plan->cfg->is_versioned ? state_memory_new(&index_codec) : NULL;
    s->owners = plan->cfg->by >= 0 ? state_memory_new(NULL) : NULL;
    heap_init(&s->timers);
    buffer_init(&s->key);
    buffer_init(&s->value);
    struct taking_up t = {s, false};
    int status = look_through(&t, rows);
    *is_stale = t.is_stale;
    return status;
}

void table_close(struct table_store *s)
{
    if (s) {
        state_free(s->index);
        state_free(s->owners);
        heap_done(&s->timers);
        buffer_done(&s->key);
        buffer_done(&s->value);
        mem_free(s);
    }
}

uint64_t table_index_bytes(const struct table_store *s)
{
    uint64_t bytes = s->timers.cap * sizeof(struct heap_entry);
    bytes += s->index ? state_bytes(s->index) + state_count(s->rows) * sizeof(void *) : 0;
    return bytes + (s->owners ? state_bytes(s->owners) : 0);
}
