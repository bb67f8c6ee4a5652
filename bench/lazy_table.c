/* A table of many keys over RocksDB: how much memory it takes, and what lookups cost, where most
 * rows lie on disk and, with --eager, where all are in memory as well.
 *
 *     lazy_table FOLDER [--keys N] [--limit BYTES] [--eager]
 *
 * Rows of some 100 bytes are put in commits of 20,000, then looked up at random, a batch of 2,048
 * at a time. `limit` is memory.limit: state gets half of it, as in a process.
 */
#include "engine/arena.h"
#include "engine/clock.h"
#include "engine/hash.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "engine/state_rocksdb.h"
#include "engine/table.h"
#include "engine/vector.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMIT  20000
#define BATCH   2048
#define LOOKUPS 1000000

struct bench {
    struct arena mem, batch;
    struct schema *schema;
    struct table_cfg cfg;
    struct table_plan *plan;
    struct state *rows;
    struct table_store *table;
    struct state_db *db;
    struct state_disk *disk;
    struct err e;
};

static double resident_mb(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%*s %ld", &pages) != 1) {
        pages = 0;
    }
    if (f) {
        fclose(f);
    }
    return (double)pages * 4096 / (1 << 20);
}

static int stop(const struct bench *b, const char *what)
{
    fprintf(stderr, "%s: %s\n", what, b->e.text);
    return 1;
}

static int open_table(struct bench *b, const char *folder, uint64_t limit, bool is_eager)
{
    bool is_stale;
    b->schema = schema_new(&b->mem, 3);
    schema_add(b->schema, "_key", &type_string, true, true);
    schema_add(b->schema, "v", &type_long, true, false);
    schema_add(b->schema, "text", &type_string, true, false);
    b->schema->key[0] = 0;
    b->schema->nkey = 1;
    b->schema->keyed = true;
    b->cfg = (struct table_cfg){.by = -1};
    b->plan = table_plan_new(&b->mem, &b->cfg, b->schema);
    b->rows = state_memory_new(&b->plan->codec);
    if (state_db_open(&b->db, folder, limit / 2, &b->e) < 0 ||
        state_db_task(b->db, "bench", 1, &b->disk, &b->e) < 0 ||
        state_attach(b->rows, b->disk, 0, !is_eager) < 0) {
        return -1;
    }
    return table_open(&b->table, b->plan, b->rows, &is_stale);
}

static int put_change(void *ctx, const void *key, uint32_t key_n, const void *value, size_t value_n)
{
    struct state_disk *d = ctx;
    d->ops->put(d, 0, key, key_n, value, value_n);
    return 0;
}

static int commit(struct bench *b)
{
    state_changes(b->rows, put_change, b->disk);
    int status = b->disk->ops->write(b->disk, clock_now(&clock_system), &b->e);
    state_committed(b->rows);
    return status;
}

static struct str key_of(char text[32], uint64_t i)
{
    return str_ref(
        text, (uint32_t)snprintf(text, 32, "host-%012" PRIu64, i * 2654435761U % 999999999989));
}

static int fill(struct bench *b, uint64_t keys)
{
    static const char words[] =
        "a text of seventy bytes or so, which is what a row of a table may well have";
    char text[32];
    for (uint64_t i = 0; i < keys; i++) {
        struct str key = key_of(text, i);
        struct batch *row = batch_new(&b->batch, b->schema, 1, NULL);
        row->time[0] = (int64_t)i;
        row->col[1].i[0] = (int64_t)i;
        row->col[2].s[0] = str_ref(words, sizeof(words) - 1);
        table_put(b->table, &key, NULL, row, 0);
        arena_reset(&b->batch);
        if (i % COMMIT == COMMIT - 1 && commit(b) < 0) {
            return -1;
        }
    }
    return commit(b);
}

static int look_up(struct bench *b, uint64_t keys)
{
    struct random random;
    char text[32];
    uint32_t n;
    random_seed(&random, 1, 1);
    for (uint64_t i = 0; i < LOOKUPS; i++) {
        struct str key = key_of(text, random_below(&random, (uint32_t)keys));
        if (!table_get(b->table, &key, hash_bytes(str_data(&key), key.n, 0), INT64_MAX, &n)) {
            return -1;
        }
        if (i % BATCH == BATCH - 1) {
            state_trim(b->rows);
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct bench b = {0};
    uint64_t keys = 2000000, limit = 64U << 20;
    bool is_eager = false;
    for (int i = 2; i < argc; i++) {
        is_eager |= strcmp(argv[i], "--eager") == 0;
        keys =
            strcmp(argv[i], "--keys") == 0 && i + 1 < argc ? strtoull(argv[i + 1], NULL, 10) : keys;
        limit = strcmp(argv[i], "--limit") == 0 && i + 1 < argc ? strtoull(argv[i + 1], NULL, 10)
                                                                : limit;
    }
    if (argc < 2) {
        fprintf(stderr, "lazy_table FOLDER [--keys N] [--limit BYTES] [--eager]\n");
        return 2;
    }
    arena_init(&b.mem);
    arena_init(&b.batch);
    if (open_table(&b, argv[1], limit, is_eager) < 0) {
        return stop(&b, "open");
    }
    int64_t t0 = clock_monotonic_ns();
    if (fill(&b, keys) < 0) {
        return stop(&b, "put");
    }
    int64_t t1 = clock_monotonic_ns();
    double filled = resident_mb();
    if (look_up(&b, keys) < 0) {
        return stop(&b, "look up");
    }
    int64_t t2 = clock_monotonic_ns();
    printf("%s: %" PRIu64
           " keys, limit %.0f MB: resident %.0f MB after %.0f puts a second, %.0f MB after "
           "%.0f lookups a second\n",
           is_eager ? "eager" : "lazy", keys, (double)limit / (1 << 20), filled,
           (double)keys * 1e9 / (double)(t1 - t0), resident_mb(),
           (double)LOOKUPS * 1e9 / (double)(t2 - t1));
    table_close(b.table);
    state_free(b.rows);
    b.disk->ops->close(b.disk);
    state_db_close(b.db);
    arena_done(&b.mem);
    arena_done(&b.batch);
    return 0;
}
