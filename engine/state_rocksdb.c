/* State in RocksDB, through its C interface.
 *
 *   database        STATE.DIR/TOPOLOGY/state-SLOT
 *   column family   one per task, so that a flush is a point in the task's life: memtables are
 *                   written whole, and one write batch goes into one memtable
 *   key             number of the store, 2 bytes big-endian | key bytes
 *   value           as the step saves it
 *
 * No write-ahead log: the changelog is one. After kill -9 what is on disk is as of some commit,
 * with the mark of that commit in it. A flush follows every FLUSH_MS, when a memtable is full, when
 * the task is closed (in the background: others wait for the lane) and, to the end, when the
 * database is.
 *
 * Memory, of what the database may take: 3/8 the tables of lazy stores, 2/8 blocks (indexes and
 * filters among them), 1/8 memtables, 2/8 for a commit: its changes, sorted by their keys, and the
 * batch of them, whose buffers are given back when it is written. Indexes and filters are cut into
 * blocks themselves: whole ones are larger than what the cache has for one block, and would be read
 * anew with every key. Checksums are verified by every read.
 *
 * A write that fails puts RocksDB into an error state, of which it may not get out by itself: the
 * database then waits until all tasks are closed, and is opened anew. Where a damaged file is the
 * reason (a compaction has met it) everything is removed first.
 */
#include "engine/state_rocksdb.h"

#include "engine/logger.h"
#include "engine/memory.h"
#include "engine/str.h"

#include <rocksdb/c.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLUSH_MS         30000
#define BLOCKS_LEAST     (4U << 20)
#define MEMTABLE_LEAST   (4U << 20)
#define MEMTABLE_MOST    (32U << 20)
#define STORE_BYTES      2
#define KEPT_MOST        (64U << 10) /* of a buffer between two commits */
#define BITS_PER_KEY     10
#define BLOCK_BYTES      4096
#define SHARD_BITS       2
#define BLOOM_RATIO      0.05 /* of a memtable: most keys that are asked for are new */
#define UNPRESSED_LEVELS 2    /* what lies above is rewritten soon */
#define DELETED          UINT32_MAX

struct family {
    struct family *next;
    char *name;
    rocksdb_column_family_handle_t *handle;
    bool is_open, is_damaged;
};

struct state_db {
    char *path;
    uint64_t tables_bytes;
    rocksdb_options_t *options;
    rocksdb_block_based_table_options_t *blocks;
    rocksdb_cache_t *cache;
    rocksdb_readoptions_t *get, *scan;
    rocksdb_writeoptions_t *unlogged;
    rocksdb_flushoptions_t *flush;
    rocksdb_t *db;
    struct family *family;
    uint32_t nopen;
    atomic_uint nlazy;
    atomic_bool has_failed, is_damaged;
};

struct change {
    size_t at;
    uint32_t key_n;
    uint32_t value_n; /* DELETED: gone */
};

struct rocks_disk {
    struct state_disk disk; /* first */
    struct state_db *db;
    struct family *family;
    struct change *change; /* of the batch; their keys and values stand in `bytes` */
    size_t nchanges, cap;
    struct buffer bytes;
    struct buffer key;
    uint16_t nlazy;
    bool is_unflushed;
    int64_t flushed_at; /* 0: nothing written yet */
};

/* ---- the database ---- */

static void make_block_options(struct state_db *db, size_t size)
{
    rocksdb_lru_cache_options_t *cache = rocksdb_lru_cache_options_create();
    rocksdb_lru_cache_options_set_capacity(cache, size < BLOCKS_LEAST ? BLOCKS_LEAST : size);
    rocksdb_lru_cache_options_set_num_shard_bits(cache, SHARD_BITS);
    db->cache = rocksdb_cache_create_lru_opts(cache);
    rocksdb_lru_cache_options_destroy(cache);
    rocksdb_block_based_table_options_t *b = db->blocks = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(b, db->cache);
    rocksdb_block_based_options_set_index_type(
        b, rocksdb_block_based_table_index_type_two_level_index_search);
    rocksdb_block_based_options_set_partition_filters(b, 1);
    rocksdb_block_based_options_set_metadata_block_size(b, BLOCK_BYTES);
    rocksdb_block_based_options_set_block_size(b, BLOCK_BYTES);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(b, 1);
    rocksdb_block_based_options_set_pin_top_level_index_and_filter(b, 1);
    rocksdb_block_based_options_set_filter_policy(b,
                                                  rocksdb_filterpolicy_create_bloom(BITS_PER_KEY));
}

static void make_options(struct state_db *db, uint64_t memory)
{
    size_t part = (size_t)(memory / 8);
    size_t memtables = part < 2 * MEMTABLE_LEAST ? 2 * MEMTABLE_LEAST : part;
    rocksdb_options_t *o = db->options = rocksdb_options_create();
    make_block_options(db, 2 * part);
    rocksdb_options_set_block_based_table_factory(o, db->blocks);
    rocksdb_options_set_db_write_buffer_size(o, memtables);
    rocksdb_options_set_write_buffer_size(o, memtables / 2 > MEMTABLE_MOST ? MEMTABLE_MOST
                                                                           : memtables / 2);
    rocksdb_options_set_memtable_whole_key_filtering(o, 1);
    rocksdb_options_set_memtable_prefix_bloom_size_ratio(o, BLOOM_RATIO);
    rocksdb_options_set_compression(o, rocksdb_lz4_compression);
    rocksdb_options_set_min_level_to_compress(o, UNPRESSED_LEVELS);
    rocksdb_options_set_max_background_jobs(o, 2);
    rocksdb_options_set_max_open_files(o, 256);
    rocksdb_options_set_allow_mmap_reads(o, 0);
    rocksdb_options_set_allow_mmap_writes(o, 0);
    rocksdb_options_set_info_log_level(o, 2); /* warnings */
    rocksdb_options_set_keep_log_file_num(o, 2);
    rocksdb_options_set_max_log_file_size(o, 1U << 20);
    rocksdb_options_set_stats_dump_period_sec(o, 0);
    rocksdb_options_set_create_if_missing(o, 1);
    db->get = rocksdb_readoptions_create();
    db->scan = rocksdb_readoptions_create();
    rocksdb_readoptions_set_fill_cache(db->scan, 0);
    db->unlogged = rocksdb_writeoptions_create();
    rocksdb_writeoptions_disable_WAL(db->unlogged, 1);
    rocksdb_writeoptions_set_memtable_insert_hint_per_batch(db->unlogged, 1);
    db->flush = rocksdb_flushoptions_create();
    rocksdb_flushoptions_set_wait(db->flush, 0);
}

static struct family *add_family(struct state_db *db, const char *name,
                                 rocksdb_column_family_handle_t *h)
{
    struct family *f = mem_zalloc(sizeof *f);
    f->name = mem_strdup(name);
    f->handle = h;
    f->next = db->family;
    db->family = f;
    return f;
}

/* RocksDB's message, when it could not open what is there. */
static char *open_all(struct state_db *db)
{
    char *text = NULL, **names;
    size_t n;
    names = rocksdb_list_column_families(db->options, db->path, &n, &text);
    if (text) {
        return text;
    }
    rocksdb_column_family_handle_t **handles = mem_array(n, sizeof *handles);
    const rocksdb_options_t **options = mem_array(n, sizeof *options);
    for (size_t i = 0; i < n; i++) {
        options[i] = db->options;
    }
    db->db = rocksdb_open_column_families(db->options, db->path, (int)n, (const char *const *)names,
                                          options, handles, &text);
    for (size_t i = 0; i < n && !text; i++) {
        add_family(db, names[i], handles[i]);
    }
    rocksdb_list_column_families_destroy(names, n);
    mem_free(handles);
    mem_free(options);
    return text;
}

static char *open_or_make(struct state_db *db)
{
    char *text = NULL;
    char *current = mem_printf("%s/CURRENT", db->path);
    bool is_there = access(current, F_OK) == 0;
    mem_free(current);
    if (is_there) {
        return open_all(db);
    }
    db->db = rocksdb_open(db->options, db->path, &text);
    return text;
}

/* The machine's fault, not that of the files. */
static bool is_outside(const char *text)
{
    static const char *const outside[] = {
        "No space left", "Permission denied", "Too many open files",   "Read-only file system",
        "lock file",     "lock hold",         "Cannot allocate memory"};
    bool found = false;
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        found |= strstr(text, outside[i]) != NULL;
    }
    return found;
}

static void remove_database(struct state_db *db, const char *why)
{
    char *text = NULL;
    logger(LOG_LEVEL_WARN,
           "%s: the local state is damaged (%s): it is removed and comes back from the changelogs",
           db->path, why);
    rocksdb_destroy_db(db->options, db->path, &text);
    rocksdb_free(text);
}

static int open_database(struct state_db *db, struct err *e)
{
    char *text = open_or_make(db);
    if (text && !is_outside(text)) {
        remove_database(db, text);
        rocksdb_free(text);
        text = open_or_make(db);
    }
    if (!text) {
        atomic_store(&db->has_failed, false);
        atomic_store(&db->is_damaged, false);
        return 0;
    }
    err_set(e, ERR_RETRY, "cannot open the local state in %s: %s", db->path, text);
    rocksdb_free(text);
    return -ERR_RETRY;
}

static int write_failed(struct state_db *db, char *text, struct err *e)
{
    atomic_store(&db->has_failed, true);
    if (!is_outside(text)) {
        atomic_store(&db->is_damaged, true);
    }
    err_set(e, ERR_RETRY, "cannot write the local state in %s: %s", db->path, text);
    rocksdb_free(text);
    return -ERR_RETRY;
}

/* Waits for flushes under way: closing would forget their memtables. */
static void flush_to_the_end(struct state_db *db, const struct family *f)
{
    char *text = NULL;
    rocksdb_flushoptions_t *wait = rocksdb_flushoptions_create();
    rocksdb_flush_cf(db->db, wait, f->handle, &text);
    rocksdb_flushoptions_destroy(wait);
    if (text) {
        logger(LOG_LEVEL_WARN, "%s: %s: the next start reads more of the changelogs", db->path,
               text);
        rocksdb_free(text);
    }
}

static void close_database(struct state_db *db)
{
    while (db->family) {
        struct family *f = db->family;
        db->family = f->next;
        if (!atomic_load(&db->has_failed)) {
            flush_to_the_end(db, f);
        }
        rocksdb_column_family_handle_destroy(f->handle);
        mem_free(f->name);
        mem_free(f);
    }
    if (db->db) {
        rocksdb_close(db->db);
        db->db = NULL;
    }
}

int state_db_open(struct state_db **out, const char *path, uint64_t memory, struct err *e)
{
    struct state_db *db = mem_zalloc(sizeof *db);
    db->path = mem_strdup(path);
    db->tables_bytes = memory / 8 * 3;
    make_options(db, memory);
    int status = open_database(db, e);
    if (status < 0) {
        state_db_close(db);
        return status;
    }
    *out = db;
    return 0;
}

void state_db_close(struct state_db *db)
{
    if (!db) {
        return;
    }
    close_database(db);
    rocksdb_flushoptions_destroy(db->flush);
    rocksdb_writeoptions_destroy(db->unlogged);
    rocksdb_readoptions_destroy(db->get);
    rocksdb_readoptions_destroy(db->scan);
    rocksdb_options_destroy(db->options);
    rocksdb_block_based_options_destroy(db->blocks);
    rocksdb_cache_destroy(db->cache);
    mem_free(db->path);
    mem_free(db);
}

int state_db_remove(struct state_db *db, const char *name, struct err *e)
{
    char *text = NULL;
    struct family **at = &db->family;
    while (*at && strcmp((*at)->name, name) != 0) {
        at = &(*at)->next;
    }
    struct family *f = *at;
    if (!f) {
        return 0;
    }
    if (f->is_open || !db->db || atomic_load(&db->has_failed)) {
        return err_set(e, ERR_RETRY, "the local state of %s is in use", name);
    }
    rocksdb_drop_column_family(db->db, f->handle, &text);
    if (text) {
        return write_failed(db, text, e);
    }
    *at = f->next;
    rocksdb_column_family_handle_destroy(f->handle);
    mem_free(f->name);
    mem_free(f);
    return 0;
}

void state_db_names(const struct state_db *db, void (*each)(void *ctx, const char *name), void *ctx)
{
    for (const struct family *f = db->family, *next; f; f = next) {
        next = f->next;
        if (!f->is_open && strcmp(f->name, "default") != 0) {
            each(ctx, f->name);
        }
    }
}

/* ---- a task's disk: reading ---- */

static struct rocks_disk *self(struct state_disk *d)
{
    return (struct rocks_disk *)d;
}

static int fail(struct rocks_disk *r, char *text)
{
    state_disk_fail(&r->disk, "%s", text);
    rocksdb_free(text);
    return -ERR_DATA;
}

/* The key as it stands in the column family; valid until the next call. */
static const struct buffer *full_key(struct rocks_disk *r, uint16_t store, const void *key,
                                     size_t n)
{
    buffer_clear(&r->key);
    buffer_byte(&r->key, (uint8_t)(store >> 8));
    buffer_byte(&r->key, (uint8_t)store);
    buffer_add(&r->key, key, n);
    return &r->key;
}

static int rocks_get(struct state_disk *d, uint16_t store, const void *key, size_t n,
                     struct buffer *value)
{
    struct rocks_disk *r = self(d);
    const struct buffer *full = full_key(r, store, key, n);
    char *text = NULL;
    rocksdb_pinnableslice_t *found =
        rocksdb_get_pinned_cf(r->db->db, r->db->get, r->family->handle, full->data, full->n, &text);
    if (text) {
        return fail(r, text);
    }
    if (!found) {
        return 0;
    }
    size_t found_n;
    const char *bytes = rocksdb_pinnableslice_value(found, &found_n);
    buffer_add(value, bytes, found_n);
    rocksdb_pinnableslice_destroy(found);
    return 1;
}

static rocksdb_iterator_t *iterate(struct rocks_disk *r, uint16_t store, const void *from, size_t n)
{
    rocksdb_iterator_t *i = rocksdb_create_iterator_cf(r->db->db, r->db->scan, r->family->handle);
    const struct buffer *full = full_key(r, store, from, n);
    rocksdb_iter_seek(i, full->data, full->n);
    return i;
}

/* The key that the iterator is at, NULL behind the store's last one. */
static const char *key_at(const rocksdb_iterator_t *i, uint16_t store, size_t *n)
{
    if (!rocksdb_iter_valid(i)) {
        return NULL;
    }
    const char *key = rocksdb_iter_key(i, n);
    bool is_ours =
        *n >= STORE_BYTES && (uint8_t)key[0] == store >> 8 && (uint8_t)key[1] == (store & 0xff);
    *n -= STORE_BYTES;
    return is_ours ? key + STORE_BYTES : NULL;
}

static int end_iteration(struct rocks_disk *r, rocksdb_iterator_t *i, int status)
{
    char *text = NULL;
    rocksdb_iter_get_error(i, &text);
    rocksdb_iter_destroy(i);
    return text ? fail(r, text) : status;
}

static int rocks_each(struct state_disk *d, uint16_t store, const void *from, size_t n,
                      size_t prefix_n, state_disk_each each, void *ctx)
{
    struct rocks_disk *r = self(d);
    rocksdb_iterator_t *i = iterate(r, store, from, n);
    const char *key;
    size_t key_n, value_n;
    int status = 0;
    while (status == 0 && (key = key_at(i, store, &key_n)) != NULL && key_n >= prefix_n &&
           (prefix_n == 0 || memcmp(key, from, prefix_n) == 0)) {
        const char *value = rocksdb_iter_value(i, &value_n);
        status = each(ctx, key, key_n, value, value_n);
        rocksdb_iter_next(i);
    }
    return end_iteration(r, i, status);
}

static int rocks_seek(struct state_disk *d, uint16_t store, const void *from, size_t n,
                      struct buffer *key)
{
    struct rocks_disk *r = self(d);
    rocksdb_iterator_t *i = iterate(r, store, from, n);
    size_t found_n;
    const char *found = key_at(i, store, &found_n);
    buffer_clear(key);
    if (found) {
        buffer_add(key, found, found_n);
    }
    return end_iteration(r, i, found != NULL);
}

/* ---- writing ---- */

static void rocks_put(struct state_disk *d, uint16_t store, const void *key, size_t n,
                      const void *value, size_t value_n)
{
    struct rocks_disk *r = self(d);
    if (r->nchanges == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 64;
        r->change = mem_resize(r->change, r->cap, sizeof *r->change);
    }
    r->change[r->nchanges++] =
        (struct change){r->bytes.n, (uint32_t)n + STORE_BYTES, value ? (uint32_t)value_n : DELETED};
    buffer_byte(&r->bytes, (uint8_t)(store >> 8));
    buffer_byte(&r->bytes, (uint8_t)store);
    buffer_add(&r->bytes, key, n);
    if (value) {
        buffer_add(&r->bytes, value, value_n);
    }
}

static int compare_changes(const void *a, const void *b, void *bytes)
{
    const struct change *x = a, *y = b;
    const char *base = bytes;
    int order = bytes_compare(base + x->at, x->key_n, base + y->at, y->key_n);
    return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

static void forget_changes(struct rocks_disk *r)
{
    r->nchanges = 0;
    buffer_clear(&r->bytes);
    if (r->bytes.cap > KEPT_MOST) {
        buffer_done(&r->bytes);
        mem_free(r->change);
        r->change = NULL;
        r->cap = 0;
    }
}

/* By their keys: neighbours find their place in the memtable from each other. */
static rocksdb_writebatch_t *make_batch(struct rocks_disk *r)
{
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    qsort_r(r->change, r->nchanges, sizeof *r->change, compare_changes, r->bytes.data);
    for (size_t i = 0; i < r->nchanges; i++) {
        const struct change *c = &r->change[i];
        const char *key = r->bytes.data + c->at;
        if (c->value_n == DELETED) {
            rocksdb_writebatch_delete_cf(batch, r->family->handle, key, c->key_n);
        } else {
            rocksdb_writebatch_put_cf(batch, r->family->handle, key, c->key_n, key + c->key_n,
                                      c->value_n);
        }
    }
    return batch;
}

static int flush(struct rocks_disk *r, struct err *e)
{
    char *text = NULL;
    rocksdb_flush_cf(r->db->db, r->db->flush, r->family->handle, &text);
    r->is_unflushed = false;
    return text ? write_failed(r->db, text, e) : 0;
}

static int rocks_write(struct state_disk *d, int64_t now, struct err *e)
{
    struct rocks_disk *r = self(d);
    char *text = NULL;
    if (r->nchanges > 0) {
        rocksdb_writebatch_t *batch = make_batch(r);
        forget_changes(r);
        rocksdb_write(r->db->db, r->db->unlogged, batch, &text);
        rocksdb_writebatch_destroy(batch);
        r->is_unflushed = true;
    }
    if (text) {
        return write_failed(r->db, text, e);
    }
    r->flushed_at = r->flushed_at ? r->flushed_at : now;
    if (!r->is_unflushed || now - r->flushed_at < FLUSH_MS) {
        return 0;
    }
    r->flushed_at = now;
    return flush(r, e);
}

static int rocks_clear(struct state_disk *d, struct err *e)
{
    struct rocks_disk *r = self(d);
    struct state_db *db = r->db;
    char *text = NULL;
    forget_changes(r);
    rocksdb_drop_column_family(db->db, r->family->handle, &text);
    rocksdb_column_family_handle_t *h =
        text ? NULL : rocksdb_create_column_family(db->db, db->options, r->family->name, &text);
    if (text) {
        return write_failed(db, text, e);
    }
    rocksdb_column_family_handle_destroy(r->family->handle);
    r->family->handle = h;
    r->family->is_damaged = false;
    r->is_unflushed = false;
    return 0;
}

static uint64_t rocks_share(const struct state_disk *d)
{
    const struct state_db *db = ((const struct rocks_disk *)d)->db;
    unsigned n = atomic_load_explicit(&db->nlazy, memory_order_relaxed);
    return db->tables_bytes / (n ? n : 1);
}

static void rocks_close(struct state_disk *d)
{
    struct rocks_disk *r = self(d);
    struct err e = {0};
    if (d->failed) {
        r->family->is_damaged = true;
    } else if (r->is_unflushed && !atomic_load(&r->db->has_failed)) {
        flush(r, &e);
    }
    if (e.kind) {
        logger(LOG_LEVEL_WARN, "%s", e.text);
    }
    r->family->is_open = false;
    r->db->nopen--;
    atomic_fetch_sub(&r->db->nlazy, r->nlazy);
    mem_free(r->change);
    buffer_done(&r->bytes);
    buffer_done(&r->key);
    mem_free(r);
}

static const struct state_disk_ops rocks_ops = {
    .get = rocks_get,
    .each = rocks_each,
    .seek = rocks_seek,
    .put = rocks_put,
    .write = rocks_write,
    .clear = rocks_clear,
    .share = rocks_share,
    .close = rocks_close,
};

/* ---- tasks ---- */

/* The column family of this name, made when new; NULL: the database cannot be written. */
static struct family *get_family(struct state_db *db, const char *name, struct err *e)
{
    for (struct family *f = db->family; f; f = f->next) {
        if (strcmp(f->name, name) == 0) {
            return f;
        }
    }
    char *text = NULL;
    rocksdb_column_family_handle_t *h =
        rocksdb_create_column_family(db->db, db->options, name, &text);
    if (text) {
        write_failed(db, text, e);
        return NULL;
    }
    return add_family(db, name, h);
}

/* Gets a database that has failed going again, once nobody uses it. */
static int revive(struct state_db *db, struct err *e)
{
    if (db->db && !atomic_load(&db->has_failed)) {
        return 0;
    }
    if (db->nopen > 0) {
        return err_set(e, ERR_RETRY,
                       "the local state in %s could not be written: waiting for %u "
                       "other tasks to end",
                       db->path, db->nopen);
    }
    close_database(db);
    if (atomic_load(&db->is_damaged)) {
        remove_database(db, "a write has found that");
    }
    return open_database(db, e);
}

int state_db_task(struct state_db *db, const char *name, uint16_t nlazy, struct state_disk **out,
                  struct err *e)
{
    int status = revive(db, e);
    struct family *f = status < 0 ? NULL : get_family(db, name, e);
    if (!f) {
        return -ERR_RETRY;
    }
    if (f->is_open) {
        return err_set(e, ERR_RETRY, "the local state of %s is in use by another lane", name);
    }
    struct rocks_disk *r = mem_zalloc(sizeof *r);
    r->disk.ops = &rocks_ops;
    r->db = db;
    r->family = f;
    r->nlazy = nlazy;
    buffer_init(&r->bytes);
    buffer_init(&r->key);
    f->is_open = true;
    db->nopen++;
    atomic_fetch_add(&db->nlazy, nlazy);
    if (f->is_damaged && (status = rocks_clear(&r->disk, e)) < 0) {
        rocks_close(&r->disk);
        return status;
    }
    *out = &r->disk;
    return 0;
}
