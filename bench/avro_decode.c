/* Avro decoding against a decoder written by hand, in one process, turn by turn.
 *
 *   data      records of {host, metric, ts, value, unit?} in the wire format, 1000 hosts, 8 metrics
 *   wanted    host, ts, value
 *   hand      straight code for this one schema: reads every field into slices, checks every length
 *   klamm     codec avro: id to plan, plan into columns of batches of 2048 rows
 *   encode    klamm's writer of {host, ts, value}, for information
 *
 * Both sum up what they read, so that nothing is optimised away, and the sums must agree. Prints
 * the best of several rounds each, as million records a second, and the ratio of the two. The
 * number of allocations per record of the measured loop must be 0 but for the arenas' first pages.
 */
#include "engine/clock.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "schemas/avro_codec.h"
#include "schemas/registry_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS 200000
#define ROUNDS  60
#define SCHEMA                                                                                     \
    "{\"type\":\"record\",\"name\":\"MetricSample\",\"fields\":["                                  \
    "{\"name\":\"host\",\"type\":\"string\"},{\"name\":\"metric\",\"type\":\"string\"},"           \
    "{\"name\":\"ts\",\"type\":\"long\"},{\"name\":\"value\",\"type\":\"double\"},"                \
    "{\"name\":\"unit\",\"type\":[\"null\",\"string\"],\"default\":null}]}"

extern const struct codec_def codec_avro;

struct data {
    struct buffer bytes;
    uint32_t *at; /* RECORDS + 1 offsets */
};

struct sums {
    uint64_t hosts, times;
    double values;
};

struct slice {
    const uint8_t *p;
    size_t n;
};

struct sample {
    struct slice host, metric, unit;
    int64_t ts;
    double value;
    bool has_unit;
};

static void make_data(struct data *d, uint32_t id)
{
    static const char *const metrics[] = {"cpu.user",   "cpu.sys", "mem.used", "disk.read",
                                          "disk.write", "net.rx",  "net.tx",   "load.1m"};
    static const char *const units[] = {NULL, "percent", "bytes", "ms"};
    struct random r;
    random_seed(&r, 1, 1);
    buffer_init(&d->bytes);
    d->at = mem_array(RECORDS + 1, sizeof *d->at);
    for (uint32_t i = 0; i < RECORDS; i++) {
        struct buffer *b = &d->bytes;
        char host[16];
        double value = 50 + 10 * random_normal(&r);
        const char *metric = metrics[random_below(&r, 8)], *unit = units[random_below(&r, 4)];
        d->at[i] = (uint32_t)b->n;
        buffer_byte(b, 0);
        for (int shift = 24; shift >= 0; shift -= 8) {
            buffer_byte(b, (uint8_t)(id >> shift));
        }
        int n = snprintf(host, sizeof host, "host-%04u", random_below(&r, 1000));
        buffer_varint(b, n);
        buffer_add(b, host, (size_t)n);
        buffer_varint(b, (int64_t)strlen(metric));
        buffer_text(b, metric);
        buffer_varint(b, 1700000000000 + i - random_below(&r, 2000));
        buffer_add(b, &value, sizeof value);
        buffer_varint(b, unit ? 1 : 0);
        if (unit) {
            buffer_varint(b, (int64_t)strlen(unit));
            buffer_text(b, unit);
        }
    }
    d->at[RECORDS] = (uint32_t)d->bytes.n;
}

/* ---- by hand ---- */

static inline const uint8_t *hand_long(const uint8_t *p, const uint8_t *end, int64_t *v)
{
    uint64_t u = 0;
    for (int shift = 0; p < end && shift < 64; shift += 7) {
        uint8_t c = *p++;
        u |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80) {
            *v = (int64_t)(u >> 1) ^ -(int64_t)(u & 1);
            return p;
        }
    }
    return NULL;
}

static inline const uint8_t *hand_slice(const uint8_t *p, const uint8_t *end, struct slice *s)
{
    int64_t n;
    p = hand_long(p, end, &n);
    if (!p || n < 0 || n > end - p) {
        return NULL;
    }
    *s = (struct slice){p, (size_t)n};
    return p + n;
}

static inline bool hand_sample(const uint8_t *p, size_t n, uint8_t id, struct sample *s)
{
    const uint8_t *end = p + n;
    int64_t branch;
    if (n < 5 || p[0] || p[1] || p[2] || p[3] || p[4] != id) {
        return false;
    }
    p = hand_slice(p + 5, end, &s->host);
    p = p ? hand_slice(p, end, &s->metric) : NULL;
    p = p ? hand_long(p, end, &s->ts) : NULL;
    if (!p || end - p < 8) {
        return false;
    }
    memcpy(&s->value, p, 8);
    p = hand_long(p + 8, end, &branch);
    if (!p || branch < 0 || branch > 1) {
        return false;
    }
    s->has_unit = branch == 1;
    return branch == 0 || hand_slice(p, end, &s->unit) != NULL;
}

static bool run_hand(const struct data *d, uint8_t id, struct sums *sums)
{
    const uint8_t *bytes = (const uint8_t *)d->bytes.data;
    for (uint32_t i = 0; i < RECORDS; i++) {
        struct sample s;
        if (!hand_sample(bytes + d->at[i], d->at[i + 1] - d->at[i], id, &s)) {
            return false;
        }
        sums->hosts += s.host.p[s.host.n - 1] + s.host.n;
        sums->times += (uint64_t)s.ts;
        sums->values += s.value;
    }
    return true;
}

/* ---- klamm ---- */

struct bench {
    struct arena arena, mem;
    struct schema *schema;
    struct codec_spec spec;
    struct codec_reader *reader;
    struct codec_writer *writer;
    struct err err;
};

static int open_bench(struct bench *k, struct schema_store *store)
{
    static const char *const wanted[] = {"host", "ts", "value"};
    bool needs[8] = {false};
    struct diags diags;
    diags_init(&diags);
    arena_init(&k->arena);
    arena_init(&k->mem);
    k->schema = schema_new(&k->arena, 8);
    k->spec = (struct codec_spec){.def = &codec_avro,
                                  .topic = "samples",
                                  .schema_json = SCHEMA,
                                  .subject = "projected-value",
                                  .record_name = "Projected",
                                  .namespace_ = "klamm.bench"};
    int rc = codec_avro.infer(&k->spec, &k->arena, k->schema, &diags);
    struct schema *projected = schema_new(&k->arena, 8);
    for (int i = 0; rc == 0 && i < 3; i++) {
        int c = schema_find(k->schema, wanted[i]);
        needs[c] = true;
        schema_add(projected, wanted[i], k->schema->col[c].type, false, false);
    }
    diags_done(&diags);
    rc = rc < 0 ? rc
                : codec_avro.reader_open(&k->reader, &k->spec, k->schema, needs, store, &k->err);
    return rc < 0 ? rc : codec_avro.writer_open(&k->writer, &k->spec, projected, store, &k->err);
}

static bool run_klamm(struct bench *k, const struct data *d, struct sums *sums)
{
    static const bool needs[] = {true, false, true, true, false};
    const char *bytes = d->bytes.data;
    arena_reset(&k->mem);
    struct batch *b = batch_new(&k->mem, k->schema, BATCH_ROWS, needs);
    for (uint32_t first = 0; first < RECORDS; first += BATCH_ROWS) {
        uint32_t n = RECORDS - first < BATCH_ROWS ? RECORDS - first : BATCH_ROWS;
        for (uint32_t i = 0; i < n; i++) {
            uint32_t at = d->at[first + i], end = d->at[first + i + 1];
            if (codec_avro.read(k->reader, bytes + at, end - at, b, (uint16_t)i, &k->err) < 0) {
                return false;
            }
        }
        for (uint32_t i = 0; i < n; i++) {
            const struct str *host = &b->col[0].s[i];
            sums->hosts += (uint8_t)str_data(host)[host->n - 1] + host->n;
            sums->times += (uint64_t)b->col[2].i[i];
            sums->values += b->col[3].d[i];
        }
    }
    return true;
}

/* Rates of the writer: the rows of one batch, again and again. */
static double run_encode(struct bench *k, const struct data *d)
{
    static const bool needs[] = {true, false, true, true, false};
    struct buffer out;
    buffer_init(&out);
    arena_reset(&k->mem);
    struct batch *b = batch_new(&k->mem, k->schema, BATCH_ROWS, needs);
    for (uint32_t i = 0; i < BATCH_ROWS; i++) {
        (void)codec_avro.read(k->reader, d->bytes.data + d->at[i], d->at[i + 1] - d->at[i], b,
                              (uint16_t)i, &k->err);
    }
    struct batch projected = *b;
    struct vec col[3] = {b->col[0], b->col[2], b->col[3]};
    projected.col = col;
    int64_t start = clock_monotonic_ns();
    for (uint32_t i = 0; i < RECORDS; i++) {
        if (i % BATCH_ROWS == 0) {
            buffer_clear(&out);
        }
        (void)codec_avro.write(k->writer, &projected, (uint16_t)(i % BATCH_ROWS), &out, &k->err);
    }
    int64_t ns = clock_monotonic_ns() - start;
    buffer_done(&out);
    return RECORDS * 1e3 / (double)ns;
}

int main(void)
{
    struct schema_store *store = registry_memory_new();
    struct bench k = {0};
    struct data d;
    uint32_t id;
    if (store->put(store, "samples-value", SCHEMA, &id, &k.err) < 0 || open_bench(&k, store) < 0) {
        fprintf(stderr, "%s\n", k.err.text);
        return 1;
    }
    make_data(&d, id);
    double hand = 0, klamm = 0, encode = 0;
    uint64_t allocations = 0;
    struct sums a = {0}, b = {0};
    for (int round = 0; round < ROUNDS; round++) {
        int64_t t0 = clock_monotonic_ns();
        bool is_fine = run_hand(&d, (uint8_t)id, &a);
        int64_t t1 = clock_monotonic_ns();
        allocations = mem_count();
        is_fine = is_fine && run_klamm(&k, &d, &b);
        allocations = mem_count() - allocations;
        int64_t t2 = clock_monotonic_ns();
        double rate = RECORDS * 1e3 / (double)(t1 - t0);
        hand = rate > hand ? rate : hand;
        rate = RECORDS * 1e3 / (double)(t2 - t1);
        klamm = rate > klamm ? rate : klamm;
        rate = run_encode(&k, &d);
        encode = rate > encode ? rate : encode;
        if (!is_fine || a.hosts != b.hosts || a.times != b.times || a.values != b.values) {
            fprintf(stderr, "the decoders disagree: %s\n", k.err.text);
            return 1;
        }
    }
    printf("by hand %.1f M/s, klamm %.1f M/s, ratio %.2f; encoding %.1f M/s; %llu allocations\n",
           hand, klamm, klamm / hand, encode, (unsigned long long)allocations);
    codec_avro.reader_close(k.reader);
    codec_avro.writer_close(k.writer);
    store->free(store);
    buffer_done(&d.bytes);
    mem_free(d.at);
    arena_done(&k.mem);
    arena_done(&k.arena);
    return 0;
}
