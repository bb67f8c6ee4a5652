/* Soak, the load: an idempotent producer of the stream of soak.h at a steady rate.
 *
 *   bench_soak_load create PREFIX PARTITIONS         the topics PREFIX-in, -passed, -counted, -windowed
 *   bench_soak_load load PREFIX PARTITIONS RATE      sends until it is told to stop
 *   bench_soak_load forge PREFIX PARTITIONS N FLAW   what klamm would write of N records, with a flaw:
 *                                                    none, lost, repeated, exchanged, count, window
 *
 * load reads lines: `limit N`, to send no more than N records so far, and `stop` (or the end of its
 * input). Each second it writes `sent N delivered M`; at the end, when all are acknowledged, a
 * record a day later has gone into each partition, and the last line is `total N`. A record that
 * could not be delivered ends it with exit code 2: then the load would be at fault, not who reads
 * it. Behind by what the brokers were away, it catches up at twice the rate. Brokers are in $KAFKA.
 */
#include "bench/soak.h"

#include <librdkafka/rdkafka.h>

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ASK_MS  60000
#define TICK_MS 5
#define DAY     INT64_C(86400000)

struct load {
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic[SOAK_TOPICS];
    int partitions;
    int64_t sent, delivered, limit;
    bool is_over;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_soak_load: %s: %s\n", what, why);
    exit(2);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        die("delivery", rd_kafka_err2str(m->err));
    }
    ((struct load *)opaque)->delivered++;
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    (void)opaque;
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        char text[512];
        rd_kafka_fatal_error(rk, text, sizeof text);
        die("fatal", text);
    }
    if (code != RD_KAFKA_RESP_ERR__TRANSPORT && code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        fprintf(stderr, "bench_soak_load: %s\n", reason);
    }
}

/* Patience without end: a message that times out would leave a gap. Batches are large and the queue
 * holds few: librdkafka's threads spin while five of a partition are on their way and more wait. */
static void open_client(struct load *l)
{
    static const char *const property[] = {"acks",
                                           "all",
                                           "enable.idempotence",
                                           "true",
                                           "message.timeout.ms",
                                           "0",
                                           "compression.codec",
                                           "lz4",
                                           "linger.ms",
                                           "1000",
                                           "batch.size",
                                           "1000000",
                                           "queue.buffering.max.messages",
                                           "60000",
                                           "partitioner",
                                           "murmur2_random",
                                           "enable.metrics.push",
                                           "false",
                                           NULL};
    char text[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *brokers = getenv("KAFKA");
    if (brokers == NULL || rd_kafka_conf_set(conf, "bootstrap.servers", brokers, text,
                                             sizeof text) != RD_KAFKA_CONF_OK) {
        die("KAFKA", "is not set, or no list of brokers");
    }
    for (const char *const *p = property; *p != NULL; p += 2) {
        if (rd_kafka_conf_set(conf, p[0], p[1], text, sizeof text) != RD_KAFKA_CONF_OK) {
            die(p[0], text);
        }
    }
    rd_kafka_conf_set_opaque(conf, l);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, NULL);
    l->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (l->rk == NULL) {
        die("client", text);
    }
}

static void name_of(char *out, size_t n, const char *prefix, enum soak_topic t)
{
    snprintf(out, n, "%s-%s", prefix, soak_topic[t]);
}

static void create(struct load *l, const char *prefix)
{
    rd_kafka_NewTopic_t *topic[SOAK_TOPICS];
    rd_kafka_queue_t *queue = rd_kafka_queue_new(l->rk);
    char name[300], text[512];
    for (enum soak_topic t = 0; t < SOAK_TOPICS; t++) {
        name_of(name, sizeof name, prefix, t);
        topic[t] = rd_kafka_NewTopic_new(name, l->partitions, -1, text, sizeof text);
        if (topic[t] == NULL) {
            die(name, text);
        }
    }
    rd_kafka_CreateTopics(l->rk, topic, SOAK_TOPICS, NULL, queue);
    rd_kafka_event_t *answer = rd_kafka_queue_poll(queue, ASK_MS);
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(answer);
    if (result == NULL) {
        die("topics", answer ? rd_kafka_event_error_string(answer) : "no answer");
    }
    size_t n;
    const rd_kafka_topic_result_t **each = rd_kafka_CreateTopics_result_topics(result, &n);
    for (size_t i = 0; i < n; i++) {
        if (rd_kafka_topic_result_error(each[i]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            die(rd_kafka_topic_result_name(each[i]), rd_kafka_topic_result_error_string(each[i]));
        }
    }
    rd_kafka_event_destroy(answer);
    rd_kafka_NewTopic_destroy_array(topic, SOAK_TOPICS);
    rd_kafka_queue_destroy(queue);
}

static void open_topics(struct load *l, const char *prefix)
{
    char name[300];
    for (enum soak_topic t = 0; t < SOAK_TOPICS; t++) {
        name_of(name, sizeof name, prefix, t);
        l->topic[t] = rd_kafka_topic_new(l->rk, name, NULL);
        if (l->topic[t] == NULL) {
            die(name, rd_kafka_err2str(rd_kafka_last_error()));
        }
    }
}

/* partition: -1, where its key belongs. */
static void send_text(struct load *l, enum soak_topic t, int32_t partition, const char *key,
                      const char *value)
{
    while (rd_kafka_produce(l->topic[t], partition, RD_KAFKA_MSG_F_COPY, (char *)(uintptr_t)value,
                            strlen(value), key, strlen(key), NULL) != 0) {
        rd_kafka_resp_err_t code = rd_kafka_last_error();
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            die("produce", rd_kafka_err2str(code));
        }
        rd_kafka_poll(l->rk, 10);
    }
}

static void send_row(struct load *l, int64_t i)
{
    char key[16], value[128];
    int k = (int)(i % SOAK_KEYS);
    snprintf(key, sizeof key, "%d", k);
    snprintf(value, sizeof value, "{\"g\":%d,\"n\":%" PRId64 ",\"ts\":%" PRId64 "}",
             k / SOAK_PER_GROUP, i / SOAK_KEYS + 1, SOAK_BASE + i / SOAK_PER_MS);
    send_text(l, SOAK_IN, k % l->partitions, key, value);
}

static void flush(struct load *l)
{
    while (rd_kafka_flush(l->rk, 1000) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        printf("sent %" PRId64 " delivered %" PRId64 "\n", l->sent, l->delivered);
        fflush(stdout);
    }
}

static void close_windows(struct load *l)
{
    char key[24], value[96];
    for (int p = 0; p < l->partitions; p++) {
        snprintf(key, sizeof key, "end-%d", p);
        snprintf(value, sizeof value, "{\"g\":-1,\"n\":0,\"ts\":%" PRId64 "}",
                 SOAK_BASE + l->sent / SOAK_PER_MS + DAY);
        send_text(l, SOAK_IN, p, key, value);
    }
    flush(l);
}

static void obey(struct load *l)
{
    static char line[128];
    static size_t n;
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    while (!l->is_over && poll(&input, 1, 0) > 0) {
        ssize_t got = read(STDIN_FILENO, line + n, 1);
        if (got <= 0) {
            l->is_over = true;
        } else if (line[n] != '\n') {
            n += n + 1 < sizeof line - 1;
            continue;
        }
        line[n] = '\0';
        n = 0;
        l->is_over |= strcmp(line, "stop") == 0;
        sscanf(line, "limit %" SCNd64, &l->limit);
    }
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Sends what is due; a tenth of a second of it at most between two looks at the orders. */
static void load(struct load *l, int64_t rate)
{
    int64_t begin = now_ms(), told = begin, before = begin;
    while (!l->is_over) {
        int64_t now = now_ms(), passed = now - before < 100 ? now - before : 100;
        int64_t due = (now - begin) * rate / 1000;
        int64_t end = l->sent + 2 * passed * rate / 1000;
        before = now;
        end = end > due ? due : end;
        end = end > l->limit ? l->limit : end;
        for (; l->sent < end; l->sent++) {
            send_row(l, l->sent);
        }
        if (now - told >= 1000) {
            printf("sent %" PRId64 " delivered %" PRId64 "\n", l->sent, l->delivered);
            fflush(stdout);
            told = now;
        }
        rd_kafka_poll(l->rk, TICK_MS);
        obey(l);
    }
    flush(l);
    close_windows(l);
    printf("total %" PRId64 "\n", l->sent);
}

static void forge_row(struct load *l, enum soak_topic t, int64_t i, int64_t count)
{
    char key[16], value[128];
    int k = (int)(i % SOAK_KEYS);
    int64_t n = i / SOAK_KEYS + 1;
    if (t == SOAK_PASSED) {
        snprintf(key, sizeof key, "%d", k);
        snprintf(value, sizeof value, "{\"n\":%" PRId64 "}", n);
    } else {
        snprintf(key, sizeof key, "%d", k / SOAK_PER_GROUP);
        snprintf(value, sizeof value, "{\"n\":%" PRId64 ",\"key\":\"%d\",\"c\":%" PRId64 "}", n, k,
                 count);
    }
    send_text(l, t, -1, key, value);
}

/* The flaw sits in the middle: at one record, or the window's last group. */
static void forge(struct load *l, int64_t total, const char *flaw)
{
    static int64_t count[SOAK_GROUPS];
    int64_t at = total / 2;
    for (int64_t i = 0; i < total; i++) {
        int64_t shown = i, *c = &count[i % SOAK_KEYS / SOAK_PER_GROUP];
        send_row(l, i);
        if (strcmp(flaw, "exchanged") == 0 && (i == at || i == at + SOAK_KEYS)) {
            shown = i == at ? at + SOAK_KEYS : at;
        }
        *c += 1 + (i == at && strcmp(flaw, "count") == 0);
        if (i != at || strcmp(flaw, "lost") != 0) {
            forge_row(l, SOAK_PASSED, shown, 0);
        }
        if (i == at && strcmp(flaw, "repeated") == 0) {
            forge_row(l, SOAK_PASSED, i, 0);
        }
        forge_row(l, SOAK_COUNTED, i, *c);
    }
    for (int g = 0; g < SOAK_GROUPS; g++) {
        for (int64_t w = 0; w < soak_windows(total, g); w++) {
            char key[16], value[128];
            struct soak_share s = soak_window(w, total, g);
            s.rows -= strcmp(flaw, "window") == 0 && w == 0 && g == SOAK_GROUPS - 1;
            snprintf(key, sizeof key, "%d", g);
            snprintf(value, sizeof value,
                     "{\"window_start\":%" PRId64 ",\"rows\":%" PRId64 ",\"total\":%" PRId64 "}",
                     SOAK_BASE + w * SOAK_WINDOW, s.rows, s.total);
            send_text(l, SOAK_WINDOWED, -1, key, value);
        }
    }
    flush(l);
}

int main(int argc, char **argv)
{
    struct load l = {.partitions = argc > 3 ? atoi(argv[3]) : 0, .limit = INT64_MAX};
    bool is_create = argc == 4 && strcmp(argv[1], "create") == 0;
    bool is_load = argc == 5 && strcmp(argv[1], "load") == 0 && atoll(argv[4]) > 0;
    bool is_forge = argc == 6 && strcmp(argv[1], "forge") == 0;
    if (l.partitions < 1 || (!is_create && !is_load && !is_forge)) {
        fprintf(stderr, "bench_soak_load create PREFIX PARTITIONS | load PREFIX PARTITIONS RATE | "
                        "forge PREFIX PARTITIONS N FLAW\n");
        return 2;
    }
    open_client(&l);
    if (is_create) {
        create(&l, argv[2]);
    } else {
        open_topics(&l, argv[2]);
        if (is_load) {
            load(&l, atoll(argv[4]));
        } else {
            forge(&l, atoll(argv[4]), argv[5]);
        }
        for (int t = 0; t < SOAK_TOPICS; t++) {
            rd_kafka_topic_destroy(l.topic[t]);
        }
    }
    rd_kafka_destroy(l.rk);
    return 0;
}
