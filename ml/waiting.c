/* Waiting rows, by the time of the row and the key by which labels find them.
 *
 *   bucket   time / width: 16 to a `within`. A bucket of a key ends when the watermark has passed its
 *            last ms by more than `within`; labels look at each row's own time
 *   page     a bucket is a row of pages 0, 1, … of about 4 KB: so a row that comes, or goes, costs a
 *            page of the changelog and not all that waits
 *
 *   'w' bucket page key  ->  time, length, bytes of a row, and again
 *
 * Rows that are taken leave their bucket, which is then written anew: what stays is still in order.
 * The heap of buckets and the number of pages of each, by which a row finds the last one, are not
 * part of the state; they are made again from the keys. Buckets that end at the same time end in
 * the order of their keys, so that restarts do not show. Pages may lie on disk, the heap and the
 * numbers are in memory.
 */
#include "ml/waiting.h"

#include "engine/big_endian.h"
#include "engine/hash.h"
#include "engine/memory.h"
#include "ml/held.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS    16
#define PAGE_BYTES 4096
#define ROW_HEAD   (sizeof(int64_t) + sizeof(uint32_t))
#define KEY_HEAD   (1 + 8 + 4)
#define EMPTY_MOST 64 /* buckets in the heap without a row, beside as many as have some */

struct waiting_bucket {
    int64_t number;
    uint32_t key_n;
    char key[];
};

void waiting_init(struct waiting *w, int64_t within)
{
    *w = (struct waiting){.within = within, .width = within / BUCKETS > 0 ? within / BUCKETS : 1};
    heap_init(&w->due);
    w->pages = state_memory_new(NULL);
    buffer_init(&w->key);
    buffer_init(&w->page);
    buffer_init(&w->kept);
}

void waiting_done(struct waiting *w)
{
    struct heap_entry e;
    while (heap_pop(&w->due, &e)) {
        mem_free(e.item);
    }
    heap_done(&w->due);
    state_free(w->pages);
    buffer_done(&w->key);
    buffer_done(&w->page);
    buffer_done(&w->kept);
}

uint64_t waiting_index_bytes(const struct waiting *w)
{
    return (uint64_t)w->due.n * (sizeof(struct heap_entry) + sizeof(struct waiting_bucket) + 32) +
           state_bytes(w->pages);
}

/* ---- pages ---- */

static int64_t bucket_of(const struct waiting *w, int64_t time)
{
    return time >= 0 ? time / w->width : -((-time - 1) / w->width) - 1;
}

static void page_key(struct waiting *w, int64_t bucket, uint32_t page, const char *key, uint32_t n)
{
    char head[KEY_HEAD] = {'w'};
    big_endian_put(head + 1, (uint64_t)bucket);
    for (int i = 0; i < 4; i++) {
        head[9 + i] = (char)(uint8_t)(page >> (24 - 8 * i));
    }
    buffer_clear(&w->key);
    buffer_add(&w->key, head, sizeof head);
    buffer_add(&w->key, key, n);
}

static struct state_entry *find_page(struct waiting *w, struct state *s)
{
    return state_find(s, hash_bytes(w->key.data, w->key.n, 0), w->key.data, (uint32_t)w->key.n);
}

static struct state_entry *find_count(struct waiting *w, int64_t bucket, const char *key,
                                      uint32_t n)
{
    page_key(w, bucket, 0, key, n);
    return state_find(w->pages, hash_bytes(w->key.data, w->key.n, 0), w->key.data,
                      (uint32_t)w->key.n);
}

static uint32_t count_pages(struct waiting *w, int64_t bucket, const char *key, uint32_t n)
{
    const struct state_entry *e = find_count(w, bucket, key, n);
    uint32_t pages = 0;
    if (e) {
        memcpy(&pages, state_value(e), sizeof pages);
    }
    return pages;
}

static void set_pages(struct waiting *w, int64_t bucket, const char *key, uint32_t n,
                      uint32_t pages)
{
    struct state_entry *e = find_count(w, bucket, key, n);
    bool is_new;
    if (e && pages == 0) {
        state_delete(w->pages, e);
    } else if (pages > 0) {
        e = e ? e
              : state_insert(w->pages, hash_bytes(w->key.data, w->key.n, 0), w->key.data,
                             (uint32_t)w->key.n, sizeof pages, &is_new);
        memcpy(state_value(e), &pages, sizeof pages);
    }
}

static void note_bucket(struct waiting *w, int64_t number, const char *key, uint32_t n)
{
    struct waiting_bucket *b = mem_alloc(sizeof *b + n);
    b->number = number;
    b->key_n = n;
    memcpy(b->key, key, n);
    heap_push(&w->due, (number + 1) * w->width + w->within, b);
}

static int note_again(void *ctx, struct state_entry *e)
{
    uint32_t n;
    const char *key = state_key(e, &n);
    note_bucket(ctx, (int64_t)big_endian_get(key + 1), key + KEY_HEAD, n - KEY_HEAD);
    return 0;
}

/* Buckets whose rows all went with their labels stay in the heap, and come again with their next
 * row; when they are most of it, it is made anew of those that have rows. */
static void forget_empty(struct waiting *w)
{
    if (w->due.n <= 2 * state_count(w->pages) + EMPTY_MOST) {
        return;
    }
    for (uint32_t i = 0; i < w->due.n; i++) {
        mem_free(w->due.entry[i].item);
    }
    w->due.n = 0;
    state_each(w->pages, note_again, w);
}

static void append(struct buffer *page, int64_t time, const char *row, size_t n)
{
    uint32_t length = (uint32_t)n;
    buffer_add(page, &time, sizeof time);
    buffer_add(page, &length, sizeof length);
    buffer_add(page, row, n);
}

/* At the end of a bucket whose pages are known. */
static uint32_t append_to(struct waiting *w, struct state *s, int64_t bucket, uint32_t pages,
                          const struct str *key, int64_t time, const char *row, size_t n)
{
    buffer_clear(&w->page);
    if (pages > 0) {
        page_key(w, bucket, pages - 1, str_data(key), key->n);
        held_get(s, &w->key, &w->page);
        if (w->page.n + ROW_HEAD + n <= PAGE_BYTES) {
            append(&w->page, time, row, n);
            held_put(s, &w->key, w->page.data, w->page.n);
            return pages;
        }
        buffer_clear(&w->page);
    }
    page_key(w, bucket, pages, str_data(key), key->n);
    append(&w->page, time, row, n);
    held_put(s, &w->key, w->page.data, w->page.n);
    return pages + 1;
}

void waiting_add(struct waiting *w, struct state *s, const struct str *key, int64_t time,
                 const struct buffer *row)
{
    int64_t bucket = bucket_of(w, time);
    uint32_t pages = count_pages(w, bucket, str_data(key), key->n);
    if (pages == 0) {
        note_bucket(w, bucket, str_data(key), key->n);
    }
    uint32_t more = append_to(w, s, bucket, pages, key, time, row->data, row->n);
    if (more != pages) {
        set_pages(w, bucket, str_data(key), key->n, more);
    }
    forget_empty(w);
    w->rows++;
}

/* ---- rows ---- */

/* The next row of a page; false at its end, or where it is damaged. */
static bool next_row(const char **at, const char *end, int64_t *time, const char **row, uint32_t *n)
{
    if ((size_t)(end - *at) < ROW_HEAD) {
        return false;
    }
    memcpy(time, *at, sizeof *time);
    memcpy(n, *at + sizeof *time, sizeof *n);
    *row = *at + ROW_HEAD;
    if (*n > (size_t)(end - *row)) {
        return false;
    }
    *at = *row + *n;
    return true;
}

static void delete_pages(struct waiting *w, struct state *s, int64_t bucket, const struct str *key)
{
    for (uint32_t page = 0;; page++) {
        page_key(w, bucket, page, str_data(key), key->n);
        struct state_entry *e = find_page(w, s);
        if (!e) {
            return;
        }
        state_delete(s, e);
    }
}

static bool has_any(const struct buffer *rows, int64_t from, int64_t to)
{
    const char *at = rows->data, *end = rows->data + rows->n, *row;
    int64_t time;
    uint32_t n;
    while (rows->n > 0 && next_row(&at, end, &time, &row, &n)) {
        if (time >= from && time <= to) {
            return true;
        }
    }
    return false;
}

/* Copies the pages without touching them. */
static bool read_bucket(struct waiting *w, struct state *s, int64_t bucket, const struct str *key,
                        struct buffer *rows)
{
    buffer_clear(rows);
    for (uint32_t page = 0;; page++) {
        page_key(w, bucket, page, str_data(key), key->n);
        if (!held_get(s, &w->key, rows)) {
            return page > 0;
        }
    }
}

static int take_bucket(struct waiting *w, struct state *s, int64_t bucket, const struct str *key,
                       int64_t from, int64_t to, waiting_each each, void *ctx)
{
    struct buffer *rows = &w->kept;
    if (!read_bucket(w, s, bucket, key, rows) || !has_any(rows, from, to)) {
        return 0;
    }
    delete_pages(w, s, bucket, key);
    const char *at = rows->data, *end = rows->data + rows->n, *row;
    uint32_t pages = 0, n;
    int64_t time;
    int status = 0;
    while (next_row(&at, end, &time, &row, &n)) {
        bool is_meant = status >= 0 && time >= from && time <= to;
        int taken = is_meant ? each(ctx, key, time, row, n) : 0;
        status = taken < 0 ? taken : status;
        if (taken > 0) {
            w->rows--;
        } else {
            pages = append_to(w, s, bucket, pages, key, time, row, n);
        }
    }
    set_pages(w, bucket, str_data(key), key->n, pages);
    return status;
}

int waiting_take(struct waiting *w, struct state *s, const struct str *key, int64_t from,
                 int64_t to, waiting_each each, void *ctx)
{
    int status = 0;
    int64_t last = bucket_of(w, to);
    for (int64_t b = bucket_of(w, from); b <= last && status == 0; b++) {
        status = take_bucket(w, s, b, key, from, to, each, ctx);
    }
    return status;
}

static int by_key(const void *a, const void *b)
{
    const struct waiting_bucket *x = *(struct waiting_bucket *const *)a;
    const struct waiting_bucket *y = *(struct waiting_bucket *const *)b;
    return bytes_compare(x->key, x->key_n, y->key, y->key_n);
}

/* All that end at the same time; heap array, yours. */
static struct waiting_bucket **pop_together(struct waiting *w, uint32_t *n)
{
    struct heap_entry e;
    struct waiting_bucket **all = NULL;
    uint32_t room = 0;
    int64_t time = waiting_next(w);
    for (*n = 0; waiting_next(w) == time && heap_pop(&w->due, &e); (*n)++) {
        if (*n == room) {
            room = room ? room * 2 : 16;
            all = mem_resize(all, room, sizeof(struct waiting_bucket *));
        }
        all[*n] = e.item;
    }
    qsort(all, *n, sizeof(struct waiting_bucket *), by_key);
    return all;
}

int waiting_expire(struct waiting *w, struct state *s, int64_t watermark, waiting_each each,
                   void *ctx)
{
    int status = 0;
    while (status == 0 && w->due.n > 0 && waiting_next(w) <= watermark) {
        uint32_t n;
        struct waiting_bucket **all = pop_together(w, &n);
        for (uint32_t i = 0; i < n; i++) {
            struct str key = str_ref(all[i]->key, all[i]->key_n);
            status = status < 0
                         ? status
                         : take_bucket(w, s, all[i]->number, &key, INT64_MIN, INT64_MAX, each, ctx);
            mem_free(all[i]);
        }
        mem_free(all);
    }
    return status;
}

int64_t waiting_next(const struct waiting *w)
{
    const struct heap_entry *first = heap_peek(&w->due);
    return first ? first->time : INT64_MAX;
}

/* ---- restoring ---- */

struct restoring {
    struct waiting *w;
    struct state *s;
};

static int note_entry(void *ctx, struct state_entry *e)
{
    struct restoring *r = ctx;
    uint32_t n;
    const char *key = state_key(e, &n);
    if (n < KEY_HEAD || key[0] != 'w') {
        return 0;
    }
    uint32_t page = 0;
    for (int i = 0; i < 4; i++) {
        page = page << 8 | (uint8_t)key[9 + i];
    }
    struct buffer *bytes = &r->w->page;
    buffer_clear(&r->w->key);
    buffer_add(&r->w->key, key, n);
    buffer_clear(bytes);
    if (!held_get(r->s, &r->w->key, bytes)) {
        return -ERR_DATA;
    }
    const char *at = bytes->data, *end = bytes->data + bytes->n, *row;
    int64_t time;
    uint32_t length;
    while (bytes->n > 0 && next_row(&at, end, &time, &row, &length)) {
        r->w->rows++;
    }
    int64_t bucket = (int64_t)big_endian_get(key + 1);
    if (page == 0) {
        note_bucket(r->w, bucket, key + KEY_HEAD, n - KEY_HEAD);
    }
    if (page >= count_pages(r->w, bucket, key + KEY_HEAD, n - KEY_HEAD)) {
        set_pages(r->w, bucket, key + KEY_HEAD, n - KEY_HEAD, page + 1);
    }
    return at == end ? 0 : -ERR_DATA;
}

int waiting_restore(struct waiting *w, struct state *s)
{
    return state_scan(s, "w", 1, note_entry, &(struct restoring){w, s});
}
