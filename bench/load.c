/* Bench, data: makes the input of the jobs and looks at how their output grows.
 *
 *   bench_load load TOPIC metrics|sessions|left|right|wide N
 *                                    N samples (sample.c) in 4 partitions by murmur2 of the host,
 *                                    schema id 1
 *   bench_load windows TOPIC KEYS WINDOWS
 *                                    a record for each of the keys in each window of 10 s
 *   bench_load texts TOPIC FROM N BYTES
 *                                    a line of CSV for each of N keys from number FROM on: the key, and
 *                                    text that hardly compresses
 *   bench_load tick TOPIC PARTITIONS RATE
 *                                    until its input ends: {"k": "pP", "n": N} into partition P in turn, RATE a
 *                                    second in all, by the clock; then how many each got, a line
 *   bench_load close TOPIC           a record a day later in each partition
 *   bench_load create TOPIC          an output topic of 4 partitions
 *   bench_load watch TOPIC SECONDS   until its input ends: a line each time that more of the topic
 *                                    can be read by a read_committed reader, the wall clock (ms)
 *                                    and the sum of its last stable offsets, looked at every 5 ms
 *                                    before the first and every 25 ms from then on
 *   bench_load follow TOPIC          until its input ends: likewise, the records that a read_committed
 *                                    reader has got: aborted ones and markers do not count
 *
 * Behind all but left and right each partition gets one record of the host "__flush" a day later,
 * which closes all windows and never shows in a result (value 0; its own window stays open).
 * Brokers are in $KAFKA.
 */
#include "bench/sample.h"
#include "engine/clock.h"
#include "worker/kafka_log.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTITIONS 4
#define DAY        86400000LL
#define WINDOW     10000 /* ms */
#define RUN        1000
#define ASK_MS     30000
#define TEXT_MOST  100000

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
        sample_encode(&bytes, &s[i]);
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
    if (kind != LEFT_ROWS && kind != RIGHT_ROWS) {
        close_windows(l, topic, n);
    }
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

static const char *text_of(uint64_t x, size_t n)
{
    static char text[TEXT_MOST + 8];
    for (size_t i = 0; i < n; i += 8) {
        x = sample_mix(x + i);
        for (size_t k = 0; k < 8; k++) {
            text[i + k] = (char)('0' + (x >> k * 8) % 64);
        }
    }
    text[n] = 0;
    return text;
}

/* What a topic is for that bench/restart fills: much state, quickly. */
static void load_texts(struct log *l, const char *topic, int64_t from, int64_t n, size_t bytes)
{
    static struct buffer value;
    struct err e = {0};
    create(l, topic);
    for (int64_t i = from; i < from + n; i++) {
        buffer_clear(&value);
        buffer_printf(&value, "key-%08d,%s", (int)i, text_of((uint64_t)i, bytes));
        struct record r = {.topic = topic,
                           .partition = -1,
                           .timestamp = BASE_TS + i,
                           .key = value.data,
                           .key_n = 12,
                           .value = value.data,
                           .value_n = value.n};
        if (l->ops->produce(l, &r, 1, &e) < 0) {
            die(&e);
        }
    }
    flush(l);
}

/* N counts the rows of a partition. What was late is made up for. */
static void tick(struct log *l, const char *topic, int partitions, int64_t rate)
{
    struct pollfd input = {.fd = 0, .events = POLLIN};
    struct err e = {0};
    int64_t begin = clock_monotonic_ns(), sent = 0;
    while (poll(&input, 1, 1) == 0) {
        for (int64_t due = (clock_monotonic_ns() - begin) / 1000 * rate / 1000000; sent < due;
             sent++) {
            char key[16], value[64];
            int32_t p = (int32_t)(sent % partitions);
            int k = snprintf(key, sizeof key, "p%d", (int)p);
            int n = snprintf(value, sizeof value, "{\"k\":\"%s\",\"n\":%" PRId64 "}", key,
                             sent / partitions);
            struct record r = {.topic = topic,
                               .partition = p,
                               .timestamp = clock_now(&clock_system),
                               .key = key,
                               .key_n = (size_t)k,
                               .value = value,
                               .value_n = (size_t)n};
            if (l->ops->produce(l, &r, 1, &e) < 0) {
                die(&e);
            }
        }
    }
    flush(l);
    for (int p = 0; p < partitions; p++) {
        printf("%" PRId64 "\n", (sent - p + partitions - 1) / partitions);
    }
}

static int64_t readable(struct log *l, const char *topic)
{
    struct err e = {0};
    int64_t sum = 0;
    for (int32_t p = 0; p < PARTITIONS; p++) {
        int64_t begin, end;
        if (l->ops->bounds(l, topic, p, &begin, &end, ASK_MS, &e) < 0) {
            die(&e);
        }
        sum += end;
    }
    return sum;
}

static void watch(struct log *l, const char *topic, int64_t seconds)
{
    struct pollfd input = {.fd = 0, .events = POLLIN};
    int64_t until = clock_monotonic_ns() + seconds * 1000000000LL, last = 0;
    bool is_last = false;
    while (!is_last && clock_monotonic_ns() < until) {
        is_last = poll(&input, 1, last > 0 ? 25 : 5) > 0;
        int64_t sum = readable(l, topic);
        if (sum > last) {
            printf("%" PRId64 " %" PRId64 "\n", clock_now(&clock_system), sum);
            fflush(stdout);
            last = sum;
        }
    }
}

/* A reader from the beginning of each partition on, in no group. */
static rd_kafka_t *reader(const char *topic)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", getenv("KAFKA"), why, sizeof why);
    rd_kafka_conf_set(conf, "group.id", "bench-load", why, sizeof why);
    rd_kafka_conf_set(conf, "enable.auto.commit", "false", why, sizeof why);
    rd_kafka_conf_set(conf, "isolation.level", "read_committed", why, sizeof why);
    rd_kafka_conf_set(conf, "fetch.wait.max.ms", "10", why, sizeof why);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (rk == NULL) {
        fprintf(stderr, "bench_load: %s\n", why);
        exit(1);
    }
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(PARTITIONS);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        rd_kafka_topic_partition_list_add(all, topic, p)->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_assign(rk, all);
    rd_kafka_topic_partition_list_destroy(all);
    return rk;
}

static void follow(const char *topic)
{
    struct pollfd input = {.fd = 0, .events = POLLIN};
    int64_t n = 0, told = 0;
    rd_kafka_t *rk = reader(topic);
    while (poll(&input, 1, 0) == 0) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, n > told ? 0 : 25);
        if (m == NULL && n > told) {
            told = n;
            printf("%" PRId64 " %" PRId64 "\n", clock_now(&clock_system), n);
            fflush(stdout);
        } else if (m != NULL) {
            n += m->err == RD_KAFKA_RESP_ERR_NO_ERROR;
            rd_kafka_message_destroy(m);
        }
    }
    rd_kafka_destroy(rk);
}

static int usage(void)
{
    fprintf(stderr, "bench_load load TOPIC KIND N | windows TOPIC KEYS WINDOWS | "
                    "texts TOPIC FROM N BYTES | tick TOPIC PARTITIONS RATE | close TOPIC | create "
                    "TOPIC | watch TOPIC SECONDS | follow TOPIC\n");
    return 2;
}

int main(int argc, char **argv)
{
    const char *command = argc > 2 ? argv[1] : "";
    bool is_load = strcmp(command, "load") == 0 && argc == 5 && sample_kind(argv[3]) >= 0;
    bool is_windows = strcmp(command, "windows") == 0 && argc == 5;
    bool is_texts = strcmp(command, "texts") == 0 && argc == 6 && atoi(argv[5]) >= 0 &&
                    atoi(argv[5]) < TEXT_MOST;
    bool is_tick = strcmp(command, "tick") == 0 && argc == 5 && atoi(argv[3]) > 0;
    bool is_close = strcmp(command, "close") == 0 && argc == 3;
    bool is_create = strcmp(command, "create") == 0 && argc == 3;
    bool is_watch = strcmp(command, "watch") == 0 && argc == 4;
    bool is_follow = strcmp(command, "follow") == 0 && argc == 3;
    if (!is_load && !is_windows && !is_texts && !is_tick && !is_close && !is_create && !is_watch &&
        !is_follow) {
        return usage();
    }
    struct log *l = open_log();
    if (is_load) {
        load(l, argv[2], (enum kind)sample_kind(argv[3]), atoll(argv[4]));
    } else if (is_windows) {
        load_windows(l, argv[2], atoll(argv[3]), atoll(argv[4]));
    } else if (is_texts) {
        load_texts(l, argv[2], atoll(argv[3]), atoll(argv[4]), (size_t)atoi(argv[5]));
    } else if (is_tick) {
        tick(l, argv[2], atoi(argv[3]), atoll(argv[4]));
    } else if (is_close) {
        close_windows(l, argv[2], DAY);
    } else if (is_create) {
        create(l, argv[2]);
    } else if (is_follow) {
        follow(argv[2]);
    } else {
        watch(l, argv[2], atoll(argv[3]));
    }
    l->ops->close(l, true);
    return 0;
}
