/* Bench, data: makes the input of the jobs J1 to J4 and looks at their output.
 *
 *   bench_load load TOPIC metrics|sessions N
 *                                    N samples in 4 partitions by murmur2 of the host, schema id 1
 *   bench_load windows TOPIC KEYS WINDOWS
 *                                    a record for each of the keys in each window of 10 s
 *   bench_load close TOPIC           a record a day later in each partition
 *   bench_load create TOPIC          an output topic of 4 partitions
 *   bench_load expect j1|j2|j3|j4 N  how many records the job must write: those that pass the
 *                                    filter, windows of 10 s, of 60 s every 10 s, sessions of gap
 *                                    5 s, found by brute force
 *   bench_load count TOPIC           committed records of a topic
 *   bench_load watch TOPIC SECONDS   the wall clock (ms) at which its first committed record could
 *                                    be read
 *
 * Sample i depends on i alone, so any two loads are the same bytes, and other systems can be
 * measured on the same topic:
 *
 *   a = split(0x5eed0000 + kind * 0x100000001 + i * 0xd1342543de82ef95)
 *   b = split(a)             splitmix64's finaliser; kind: 0 metrics, 1 sessions
 *   ts     = 1700000000000 + i - a mod 2001            up to 2 s late
 *   host   = "host-" and four digits of (a >> 32) mod 1000; sessions: of one of those of 50 hosts
 *            that are active in this slot of 8 s, each with probability 1/2
 *   metric = one of 8 by b mod 8; unit = none or one of 3 by (b / 8) mod 4
 *   value  = 50 + 20 sin(2 pi ts / 60 s + host / 100) + 10 ((b >> 11) / 2^52 - 1), rounded to
 *            1/1024: sums are exact in any order
 *
 * Behind them each partition gets one record of the host "__flush" a day later, which closes all
 * windows and never shows in a result (value 0; its own window stays open). Brokers are in $KAFKA.
 */
#include "engine/buffer.h"
#include "engine/clock.h"
#include "engine/memory.h"
#include "worker/kafka_log.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BASE_TS     1700000000000LL
#define HOSTS       1000
#define VISITORS    50
#define SLOT        8000
#define PARTITIONS  4
#define LATE        2000
#define DAY         86400000LL
#define WINDOW      10000
#define LONG_WINDOW 60000
#define GAP         5000
#define PI          3.14159265358979323846
#define RUN         1000
#define SAMPLE_MOST 128
#define ASK_MS      30000

struct sample {
    char host[16];
    int host_number;
    const char *metric, *unit;
    int64_t ts;
    double value;
};

static uint64_t split(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

enum kind { METRICS, SESSIONS };

/* Of the hosts active in the slot of sample i, the one that `pick` says. */
static int visitor(int64_t i, uint64_t pick)
{
    uint64_t active = split(0xac710 + (uint64_t)(i / SLOT)) & ((UINT64_C(1) << VISITORS) - 1);
    for (uint64_t k = pick % (uint64_t)__builtin_popcountll(active); k > 0; k--) {
        active &= active - 1;
    }
    return __builtin_ctzll(active);
}

static void sample_at(enum kind kind, int64_t i, struct sample *s)
{
    static const char *const metrics[] = {"cpu.user",   "cpu.sys", "mem.used", "disk.read",
                                          "disk.write", "net.rx",  "net.tx",   "load.1m"};
    static const char *const units[] = {NULL, "percent", "bytes", "ms"};
    uint64_t seed = 0x5eed0000 + (uint64_t)kind * UINT64_C(0x100000001);
    uint64_t a = split(seed + (uint64_t)i * UINT64_C(0xd1342543de82ef95)), b = split(a);
    s->ts = BASE_TS + i - (int64_t)(a % (LATE + 1));
    s->host_number = kind == METRICS ? (int)((a >> 32) % HOSTS) : visitor(i, a >> 32);
    snprintf(s->host, sizeof s->host, "host-%04d", s->host_number);
    s->metric = metrics[b % 8];
    s->unit = units[b / 8 % 4];
    double noise = (double)(b >> 11) / 4503599627370496.0 - 1.0;
    double wave = sin((double)(s->ts % 60000) * (2 * PI / 60000) + s->host_number * 0.01);
    s->value = nearbyint((50 + 20 * wave + 10 * noise) * 1024) / 1024;
}

static void put_text(struct buffer *out, const char *s)
{
    buffer_varint(out, (int64_t)strlen(s));
    buffer_text(out, s);
}

static void encode(struct buffer *out, const struct sample *s)
{
    static const uint8_t header[] = {0, 0, 0, 0, 1};
    buffer_add(out, header, sizeof header);
    put_text(out, s->host);
    put_text(out, s->metric);
    buffer_varint(out, s->ts);
    buffer_add(out, &s->value, sizeof s->value);
    buffer_varint(out, s->unit != NULL);
    if (s->unit != NULL) {
        put_text(out, s->unit);
    }
}

static void die(const struct err *e)
{
    fprintf(stderr, "bench_load: %s\n", e->text);
    exit(1);
}

static struct log *open_log(void)
{
    const char *property[] = {"bootstrap.servers", getenv("KAFKA"), NULL};
    const struct log_config cfg = {.group = "bench-load", .property = property};
    const struct log_events none = {0};
    struct log *l;
    struct err e = {0};
    if (property[1] == NULL) {
        err_set(&e, ERR_CONFIG, "KAFKA is not set");
        die(&e);
    }
    if (kafka_log_open(&l, &cfg, &none, &e) < 0) {
        die(&e);
    }
    return l;
}

static void create(struct log *l, const char *topic)
{
    struct err e = {0};
    if (l->ops->create_topic(l, topic, PARTITIONS, -1, false, NULL, ASK_MS, &e) < 0) {
        die(&e);
    }
}

/* n records from the samples; offsets of their values are within bytes. */
static void produce(struct log *l, const char *topic, struct sample *s, size_t n,
                    const int32_t *partition)
{
    static struct buffer bytes;
    size_t at[RUN + 1];
    struct record r[RUN];
    struct err e = {0};
    buffer_clear(&bytes);
    for (size_t i = 0; i < n; i++) {
        at[i] = bytes.n;
        encode(&bytes, &s[i]);
    }
    at[n] = bytes.n;
    for (size_t i = 0; i < n; i++) {
        r[i] = (struct record){
            .topic = topic,
            .partition = partition != NULL ? partition[i] : -1,
            .timestamp = s[i].ts,
            .key = s[i].host,
            .key_n = strlen(s[i].host),
            .value = bytes.data + at[i],
            .value_n = at[i + 1] - at[i],
        };
    }
    if (l->ops->produce(l, r, n, &e) < 0) {
        die(&e);
    }
}

static void flush(struct log *l)
{
    struct err e = {0};
    if (l->ops->commit(l, NULL, 0, &e) < 0) {
        die(&e);
    }
}

/* A record a day later in every partition. */
static void close_windows(struct log *l, const char *topic, int64_t n)
{
    static struct sample s[PARTITIONS];
    static const int32_t partition[PARTITIONS] = {0, 1, 2, 3};
    for (int p = 0; p < PARTITIONS; p++) {
        s[p] = (struct sample){
            .host = "__flush", .metric = "flush", .ts = BASE_TS + n + DAY, .value = 0};
    }
    produce(l, topic, s, PARTITIONS, partition);
    flush(l);
}

static void load(struct log *l, const char *topic, enum kind kind, int64_t n)
{
    static struct sample s[RUN];
    create(l, topic);
    int64_t begin = clock_monotonic_ns();
    for (int64_t i = 0; i < n; i += RUN) {
        size_t k = 0;
        for (; k < RUN && i + (int64_t)k < n; k++) {
            sample_at(kind, i + (int64_t)k, &s[k]);
        }
        produce(l, topic, s, k, NULL);
    }
    flush(l);
    close_windows(l, topic, n);
    double seconds = (double)(clock_monotonic_ns() - begin) / 1e9;
    fprintf(stderr, "bench_load: %" PRId64 " records into %s, %.0f/s\n", n, topic,
            (double)n / seconds);
}

/* A value for each of the keys in each of the windows, all of them open at the end. */
static void load_windows(struct log *l, const char *topic, int64_t keys, int64_t windows)
{
    static struct sample s[RUN];
    create(l, topic);
    for (int64_t i = 0; i < keys * windows;) {
        size_t k = 0;
        for (; k < RUN && i < keys * windows; k++, i++) {
            s[k] = (struct sample){.metric = "m", .ts = BASE_TS + i / keys * WINDOW, .value = 1};
            snprintf(s[k].host, sizeof s[k].host, "key-%08d", (int)(i % keys));
        }
        produce(l, topic, s, k, NULL);
    }
    flush(l);
}

static int64_t expect_passed(int64_t n)
{
    int64_t result = 0;
    for (int64_t i = 0; i < n; i++) {
        struct sample s;
        sample_at(METRICS, i, &s);
        result += s.value > 50;
    }
    return result;
}

/* Windows of `size` every WINDOW ms that hold a row. */
static int64_t expect_windows(int64_t size, int64_t n)
{
    int64_t first = (BASE_TS - LATE - size) / WINDOW, result = 0;
    bool *seen = mem_zalloc((size_t)((n + LATE + size) / WINDOW + 3) * HOSTS);
    for (int64_t i = 0; i < n; i++) {
        struct sample s;
        sample_at(METRICS, i, &s);
        for (int64_t w = s.ts / WINDOW; w * WINDOW + size > s.ts; w--) {
            bool *is_seen = &seen[(w - first) * HOSTS + s.host_number];
            result += !*is_seen;
            *is_seen = true;
        }
    }
    mem_free(seen);
    return result;
}

/* Sessions: times at which a host has rows, apart by more than the gap. */
static int64_t expect_sessions(int64_t n)
{
    int64_t result = 0, span = n + LATE;
    bool *seen = mem_zalloc((size_t)span * VISITORS);
    for (int64_t i = 0; i < n; i++) {
        struct sample s;
        sample_at(SESSIONS, i, &s);
        seen[(int64_t)s.host_number * span + s.ts - (BASE_TS - LATE)] = true;
    }
    for (int64_t host = 0; host < VISITORS; host++) {
        int64_t last = -GAP - 1;
        for (int64_t t = 0; t < span; t++) {
            if (seen[host * span + t]) {
                result += t - last > GAP;
                last = t;
            }
        }
    }
    mem_free(seen);
    return result;
}

static int64_t expect(const char *job, int64_t n)
{
    return strcmp(job, "j1") == 0   ? expect_passed(n)
           : strcmp(job, "j2") == 0 ? expect_windows(WINDOW, n)
           : strcmp(job, "j3") == 0 ? expect_windows(LONG_WINDOW, n)
                                    : expect_sessions(n);
}

static int count_one(void *ctx, const struct record *r)
{
    (void)r;
    ++*(int64_t *)ctx;
    return 0;
}

static int64_t count(struct log *l, const char *topic, int32_t *partitions)
{
    int64_t n = 0, next;
    struct err e = {0};
    if (l->ops->partitions(l, topic, partitions, ASK_MS, &e) < 0) {
        die(&e);
    }
    for (int32_t p = 0; p < *partitions; p++) {
        if (l->ops->read_all(l, topic, p, 0, count_one, &n, &next, &e) < 0) {
            die(&e);
        }
    }
    return n;
}

/* Asks for the last stable offsets, which move when a transaction has committed. */
static int watch(struct log *l, const char *topic, int64_t seconds)
{
    struct err e = {0};
    int64_t until = clock_monotonic_ns() + seconds * 1000000000LL;
    while (clock_monotonic_ns() < until) {
        for (int32_t p = 0; p < PARTITIONS; p++) {
            int64_t begin, end;
            if (l->ops->bounds(l, topic, p, &begin, &end, ASK_MS, &e) < 0) {
                die(&e);
            }
            if (end > begin) {
                printf("%" PRId64 "\n", clock_now(&clock_system));
                return 0;
            }
        }
        nanosleep(&(struct timespec){.tv_nsec = 5 * 1000000}, NULL);
    }
    return 1;
}

int main(int argc, char **argv)
{
    const char *command = argc > 2 ? argv[1] : "";
    if (strcmp(command, "expect") == 0 && argc == 4) {
        printf("%" PRId64 "\n", expect(argv[2], atoll(argv[3])));
        return 0;
    }
    if (argc < 3) {
        fprintf(stderr, "bench_load load|windows|close|create|expect|count|watch ...\n");
        return 2;
    }
    struct log *l = open_log();
    int32_t partitions;
    int rc = 0;
    if (strcmp(command, "load") == 0 && argc == 5) {
        load(l, argv[2], strcmp(argv[3], "sessions") == 0 ? SESSIONS : METRICS, atoll(argv[4]));
    } else if (strcmp(command, "windows") == 0 && argc == 5) {
        load_windows(l, argv[2], atoll(argv[3]), atoll(argv[4]));
    } else if (strcmp(command, "close") == 0) {
        close_windows(l, argv[2], DAY);
    } else if (strcmp(command, "create") == 0) {
        create(l, argv[2]);
    } else if (strcmp(command, "count") == 0) {
        printf("%" PRId64 "\n", count(l, argv[2], &partitions));
    } else if (strcmp(command, "watch") == 0 && argc == 4) {
        rc = watch(l, argv[2], atoll(argv[3]));
    } else {
        fprintf(stderr, "bench_load load|windows|close|create|expect|count|watch ...\n");
        rc = 2;
    }
    l->ops->close(l, true);
    return rc;
}
