/* Bench, outcome: what a job has written, and what it must write, found by brute force.
 *
 *   bench_check expect JOB N WHOSE   j1: samples with value > 50; j2, j3: windows of 10 s, of 60 s
 *                                    every 10 s; j7: j2 over wide samples; j4: sessions of gap 5 s; j6: pairs of N / 2 left
 *                                    and N / 2 right samples of a host at most 5 s apart.
 *                                    WHOSE: a session ends with its last sample for klamm, 5 s
 *                                    behind it for peers; their stddev is that of the population
 *   bench_check read TOPIC FIELDS    the committed records of a topic; FIELDS are the Avro types of
 *                                    its columns: s string, l long, d double, ~ a double that
 *                                    depends on how it is computed; ? before it: nullable
 *
 * Both print "count sum total": how many rows, the sum over the rows of a hash of their columns in
 * order, mod 2^64, and the total of the ~ columns. So outputs can be compared whatever their order.
 * Columns of j1: host, ts, value; of windows: host, window_start, window_end, count, sum, min, max,
 * avg, ~stddev; of j6: host, ts, value, right_ts, right_value. Brokers are in $KAFKA.
 */
#include "bench/sample.h"
#include "engine/memory.h"
#include "worker/kafka_log.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW      10000
#define LONG_WINDOW 60000
#define GAP         5000
#define WITHIN      5000
#define HEADER      5
#define ASK_MS      30000

enum whose { KLAMM, PEERS };

struct outcome {
    enum whose whose;
    int64_t count;
    uint64_t sum;
    double total;
    const char *fields;
};

struct point {
    int host;
    int64_t ts;
    double value;
};

struct fold {
    int64_t count;
    double sum, squares, min, max;
};

static void die(const char *what)
{
    fprintf(stderr, "bench_check: %s\n", what);
    exit(1);
}

/* ---- hashes of rows ---- */

static uint64_t with_text(uint64_t h, const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        h = sample_mix(h ^ ((const uint8_t *)p)[i]);
    }
    return h;
}

static uint64_t with_long(uint64_t h, int64_t v)
{
    return sample_mix(h ^ (uint64_t)v);
}

static uint64_t with_double(uint64_t h, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return sample_mix(h ^ bits);
}

/* ---- expected ---- */

static void expect_passed(struct outcome *o, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        struct sample s;
        sample_at(METRICS, i, &s);
        if (s.value > 50) {
            o->count++;
            o->sum += with_double(with_long(with_text(0, s.host, strlen(s.host)), s.ts), s.value);
        }
    }
}

static int compare_points(const void *a, const void *b)
{
    const struct point *x = a, *y = b;
    return x->host != y->host ? (x->host > y->host) - (x->host < y->host)
                              : (x->ts > y->ts) - (x->ts < y->ts);
}

/* Samples by host and time. */
static struct point *points(enum kind kind, int64_t n)
{
    struct point *p = mem_array((size_t)n + 1, sizeof *p);
    for (int64_t i = 0; i < n; i++) {
        struct sample s;
        sample_at(kind, i, &s);
        p[i] = (struct point){s.host_number, s.ts, s.value};
    }
    qsort(p, (size_t)n, sizeof *p, compare_points);
    return p;
}

static uint64_t hash_host(int digits, int host)
{
    char text[32];
    snprintf(text, sizeof text, "host-%0*d", digits, host);
    return with_text(0, text, strlen(text));
}

static void fold_in(struct fold *f, double value)
{
    bool is_first = f->count++ == 0;
    f->sum += value;
    f->squares += value * value;
    f->min = is_first || value < f->min ? value : f->min;
    f->max = is_first || value > f->max ? value : f->max;
}

static void put_window(struct outcome *o, uint64_t host, int64_t start, int64_t end,
                       const struct fold *f)
{
    double n = (double)f->count, avg = f->sum / n, variance = f->squares / n - avg * avg;
    uint64_t h = with_long(with_long(host, start), end);
    h = with_double(with_double(with_long(h, f->count), f->sum), f->min);
    o->sum += with_double(with_double(h, f->max), avg);
    if (variance > 0) {
        o->total += sqrt(o->whose == PEERS ? variance : variance * n / (n - 1));
    }
    o->count++;
}

/* Windows of `size` every WINDOW ms that hold a sample: for each host, from the window of its first
 * sample on, those that begin one after the other. */
static void expect_windows(struct outcome *o, enum kind kind, int64_t size, int64_t n)
{
    struct point *p = points(kind, n);
    for (int64_t begin = 0, end; begin < n; begin = end) {
        for (end = begin; end < n && p[end].host == p[begin].host; end++) {
        }
        int64_t start = p[begin].ts / WINDOW * WINDOW - size + WINDOW;
        for (int64_t from = begin; start <= p[end - 1].ts; start += WINDOW) {
            struct fold f = {0};
            while (p[from].ts < start) {
                from++;
            }
            for (int64_t i = from; i < end && p[i].ts < start + size; i++) {
                fold_in(&f, p[i].value);
            }
            if (f.count > 0) {
                put_window(o, hash_host(kind == WIDE ? 7 : 4, p[begin].host), start, start + size,
                           &f);
            }
        }
    }
    mem_free(p);
}

static void expect_sessions(struct outcome *o, int64_t n)
{
    struct point *p = points(SESSIONS, n);
    for (int64_t i = 0; i < n;) {
        struct fold f = {0};
        int64_t start = p[i].ts, end = start;
        int host = p[i].host;
        for (; i < n && p[i].host == host && p[i].ts - end <= GAP; i++) {
            end = p[i].ts;
            fold_in(&f, p[i].value);
        }
        put_window(o, hash_host(4, host), start, o->whose == PEERS ? end + GAP : end, &f);
    }
    mem_free(p);
}

static void expect_pairs(struct outcome *o, int64_t n)
{
    struct point *left = points(LEFT_ROWS, n), *right = points(RIGHT_ROWS, n);
    for (int64_t i = 0, from = 0; i < n; i++) {
        const struct point first = {right[i].host, right[i].ts - WITHIN, 0};
        while (from < n && compare_points(&left[from], &first) < 0) {
            from++;
        }
        for (int64_t k = from;
             k < n && left[k].host == right[i].host && left[k].ts <= right[i].ts + WITHIN; k++) {
            uint64_t h = with_long(hash_host(7, left[k].host), left[k].ts);
            h = with_long(with_double(h, left[k].value), right[i].ts);
            o->sum += with_double(h, right[i].value);
            o->count++;
        }
    }
    mem_free(left);
    mem_free(right);
}

static void expect(struct outcome *o, const char *job, int64_t n)
{
    if (strcmp(job, "j1") == 0) {
        expect_passed(o, n);
    } else if (strcmp(job, "j2") == 0) {
        expect_windows(o, METRICS, WINDOW, n);
    } else if (strcmp(job, "j3") == 0) {
        expect_windows(o, METRICS, LONG_WINDOW, n);
    } else if (strcmp(job, "j7") == 0) {
        expect_windows(o, WIDE, WINDOW, n);
    } else if (strcmp(job, "j4") == 0) {
        expect_sessions(o, n);
    } else if (strcmp(job, "j6") == 0) {
        expect_pairs(o, n / 2);
    } else {
        die("no such job");
    }
}

/* ---- written ---- */

static const uint8_t *take_long(const uint8_t *p, const uint8_t *end, int64_t *v)
{
    p = varint_read(p, end, v);
    if (p == NULL) {
        die("a record ends too early");
    }
    return p;
}

static const uint8_t *take_field(struct outcome *o, char type, const uint8_t *p, const uint8_t *end,
                                 uint64_t *h)
{
    int64_t n = sizeof(double);
    double v;
    if (type == 'l' || type == 's') {
        p = take_long(p, end, &n);
    }
    if (type == 'l') {
        *h = with_long(*h, n);
        return p;
    }
    if (n < 0 || n > end - p) {
        die("a record ends too early");
    }
    if (type == 's') {
        *h = with_text(*h, p, (size_t)n);
        return p + n;
    }
    memcpy(&v, p, sizeof v);
    if (type == '~') {
        o->total += v;
    } else {
        *h = with_double(*h, v);
    }
    return p + n;
}

static int take_row(void *ctx, const struct record *r)
{
    struct outcome *o = ctx;
    const uint8_t *p = r->value, *end = p + r->value_n;
    uint64_t h = 0;
    if (r->value_n < HEADER || *p != 0) {
        die("a record is not in Avro");
    }
    p += HEADER;
    for (const char *f = o->fields; *f; f++) {
        int64_t branch = 1;
        bool is_nullable = *f == '?';
        p = is_nullable ? take_long(p, end, &branch) : p;
        f += is_nullable;
        p = branch == 1 ? take_field(o, *f, p, end, &h) : p;
    }
    if (p != end) {
        die("a record is longer than its fields");
    }
    o->sum += h;
    o->count++;
    return 0;
}

static void read_topic(struct outcome *o, const char *topic)
{
    const char *property[] = {"bootstrap.servers", getenv("KAFKA"), NULL};
    const struct log_config cfg = {.group = "bench-check", .property = property};
    const struct log_events none = {0};
    struct log *l;
    struct err e = {0};
    int32_t partitions;
    int64_t next;
    if (property[1] == NULL) {
        die("KAFKA is not set");
    }
    if (kafka_log_open(&l, &cfg, &none, &e) < 0 ||
        l->ops->partitions(l, topic, &partitions, ASK_MS, &e) < 0) {
        die(e.text);
    }
    for (int32_t p = 0; p < partitions; p++) {
        if (l->ops->read_all(l, topic, p, 0, take_row, o, &next, &e) < 0) {
            die(e.text);
        }
    }
    l->ops->close(l, true);
}

int main(int argc, char **argv)
{
    struct outcome o = {0};
    if (argc == 5 && strcmp(argv[1], "expect") == 0) {
        o.whose = strcmp(argv[4], "klamm") == 0 ? KLAMM : PEERS;
        expect(&o, argv[2], atoll(argv[3]));
    } else if (argc == 4 && strcmp(argv[1], "read") == 0) {
        o.fields = argv[3];
        read_topic(&o, argv[2]);
    } else {
        fprintf(stderr, "bench_check expect JOB N klamm|peers | read TOPIC FIELDS\n");
        return 2;
    }
    printf("%" PRId64 " %" PRIu64 " %.17g\n", o.count, o.sum, o.total);
    return 0;
}
