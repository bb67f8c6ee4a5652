/* Soak, the check: reads what a run of bench/soak.yaml writes, as a read_committed reader sees it,
 * while it is written, and judges every record (soak_judge.c).
 *
 *   bench_soak_check PREFIX PARTITIONS
 *
 * reads PREFIX-in (so that a fault of the load is not taken for one of klamm), -passed, -counted
 * and -windowed from their first record on, and from its input the lines
 *
 *   total N     so many records were sent: says `complete` once as much has come as must come
 *   finish      all workers have ended: waits until no transaction is open, reads to the ends of all
 *               partitions, so that what is too much is seen as well, judges the end and leaves
 *
 * Each second it writes `at IN PASSED COUNTED WINDOWED faults N pause MS`, the pause being the
 * longest time that one partition of passed or counted had nothing new since the last line or is
 * waiting for now; faults go to stderr as they are met. Exit code 0: all as it must be; 1: faults;
 * 2: it could not judge, such as records that were deleted before they were read. Brokers are in
 * $KAFKA.
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

#define PARTITIONS_MOST 64
#define RUN             1000
#define ASK_MS          30000

struct part {
    int64_t end;  /* the last stable offset that was reached */
    int64_t came; /* when the last record did, ms */
};

struct check {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    char topic[SOAK_TOPICS][300];
    int partitions;
    struct part part[SOAK_TOPICS][PARTITIONS_MOST];
    int64_t pause, total;
    bool is_finishing, has_told;
};

static struct soak_judge judge;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_soak_check: %s: %s\n", what, why);
    exit(2);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static rd_kafka_t *open_client(const char *isolation)
{
    const char *const property[] = {"isolation.level",
                                    isolation,
                                    "group.id",
                                    "bench-soak-check",
                                    "enable.auto.commit",
                                    "false",
                                    "enable.auto.offset.store",
                                    "false",
                                    "auto.offset.reset",
                                    "error",
                                    "enable.partition.eof",
                                    "true",
                                    "check.crcs",
                                    "true",
                                    "fetch.queue.backoff.ms",
                                    "5",
                                    "queued.max.messages.kbytes",
                                    "16384",
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
    rd_kafka_conf_set_log_cb(conf, NULL);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (rk == NULL) {
        die("client", text);
    }
    rd_kafka_poll_set_consumer(rk);
    return rk;
}

static void begin(struct check *c, const char *prefix)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(SOAK_TOPICS * c->partitions);
    c->rk = open_client("read_committed");
    c->queue = rd_kafka_queue_get_consumer(c->rk);
    for (enum soak_topic t = 0; t < SOAK_TOPICS; t++) {
        snprintf(c->topic[t], sizeof c->topic[t], "%s-%s", prefix, soak_topic[t]);
        for (int32_t p = 0; p < c->partitions; p++) {
            rd_kafka_topic_partition_list_add(list, c->topic[t], p)->offset = 0;
            c->part[t][p] = (struct part){.end = -1, .came = now_ms()};
        }
    }
    rd_kafka_resp_err_t code = rd_kafka_assign(c->rk, list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        die("assign", rd_kafka_err2str(code));
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static enum soak_topic topic_of(const struct check *c, const char *name)
{
    enum soak_topic t = 0;
    while (t < SOAK_TOPICS - 1 && strcmp(c->topic[t], name) != 0) {
        t++;
    }
    return t;
}

static void on_event(struct check *c, const rd_kafka_message_t *m)
{
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        c->part[topic_of(c, rd_kafka_topic_name(m->rkt))][m->partition].end = m->offset;
    } else if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
               m->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE ||
               m->err == RD_KAFKA_RESP_ERR__BAD_MSG) {
        die(m->rkt ? rd_kafka_topic_name(m->rkt) : "consumer", rd_kafka_message_errstr(m));
    }
}

static void on_record(struct check *c, const rd_kafka_message_t *m, int64_t now)
{
    enum soak_topic t = topic_of(c, rd_kafka_topic_name(m->rkt));
    const struct soak_record r = {.topic = t,
                                  .partition = m->partition,
                                  .offset = m->offset,
                                  .key = m->key ? m->key : "",
                                  .key_n = m->key_len,
                                  .value = m->payload ? m->payload : "",
                                  .value_n = m->len};
    struct part *p = &c->part[t][m->partition];
    if ((t == SOAK_PASSED || t == SOAK_COUNTED) && now - p->came > c->pause) {
        c->pause = now - p->came;
    }
    p->came = now;
    soak_judge_record(&judge, &r);
}

static void take(struct check *c)
{
    rd_kafka_message_t *m[RUN];
    ssize_t n = rd_kafka_consume_batch_queue(c->queue, 100, m, RUN);
    int64_t now = now_ms();
    for (ssize_t i = 0; i < n; i++) {
        if (m[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            on_record(c, m[i], now);
        } else {
            on_event(c, m[i]);
        }
        rd_kafka_message_destroy(m[i]);
    }
}

static void tell(struct check *c)
{
    int64_t now = now_ms(), pause = c->pause;
    for (enum soak_topic t = SOAK_PASSED; t <= SOAK_COUNTED; t++) {
        for (int p = 0; p < c->partitions; p++) {
            pause = now - c->part[t][p].came > pause ? now - c->part[t][p].came : pause;
        }
    }
    c->pause = 0;
    printf("at %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " faults %" PRId64 " pause %" PRId64
           "\n",
           judge.records[SOAK_IN], judge.records[SOAK_PASSED], judge.records[SOAK_COUNTED],
           judge.records[SOAK_WINDOWED], soak_judge_faults(&judge), pause);
    if (c->total >= 0 && !c->has_told && soak_judge_is_complete(&judge, c->total)) {
        c->has_told = true;
        printf("complete\n");
    }
    fflush(stdout);
}

static void obey(struct check *c)
{
    static char line[128];
    static size_t n;
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    while (!c->is_finishing && poll(&input, 1, 0) > 0) {
        ssize_t got = read(STDIN_FILENO, line + n, 1);
        if (got <= 0) {
            die("input", "ended before it said finish");
        }
        if (line[n] != '\n') {
            n += n + 1 < sizeof line - 1;
            continue;
        }
        line[n] = '\0';
        n = 0;
        c->is_finishing = strcmp(line, "finish") == 0;
        sscanf(line, "total %" SCNd64, &c->total);
    }
}

static int64_t end_of(rd_kafka_t *rk, const char *topic, int32_t p)
{
    int64_t low, high;
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(rk, topic, p, &low, &high, ASK_MS);
    for (int i = 0; i < 60 && code != RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        sleep(1);
        code = rd_kafka_query_watermark_offsets(rk, topic, p, &low, &high, ASK_MS);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        die(topic, rd_kafka_err2str(code));
    }
    return high;
}

/* Reads to the ends of the logs: they are known, since nobody writes any more, and the last stable
 * offsets come there, since open transactions are rolled back. */
static void drain(struct check *c)
{
    rd_kafka_t *plain = open_client("read_uncommitted");
    for (enum soak_topic t = 0; t < SOAK_TOPICS; t++) {
        for (int32_t p = 0; p < c->partitions; p++) {
            int64_t end = end_of(plain, c->topic[t], p), told = now_ms();
            while (end > 0 && c->part[t][p].end < end) {
                take(c);
                if (now_ms() - told > 1000) {
                    tell(c);
                    told = now_ms();
                }
            }
        }
    }
    rd_kafka_destroy(plain);
}

int main(int argc, char **argv)
{
    static struct check c;
    c.partitions = argc == 3 ? atoi(argv[2]) : 0;
    c.total = -1;
    if (c.partitions < 1 || c.partitions > PARTITIONS_MOST) {
        fprintf(stderr, "bench_soak_check PREFIX PARTITIONS\n");
        return 2;
    }
    soak_judge_init(&judge);
    begin(&c, argv[1]);
    for (int64_t told = 0; !c.is_finishing;) {
        take(&c);
        if (now_ms() - told >= 1000) {
            tell(&c);
            told = now_ms();
        }
        obey(&c);
    }
    drain(&c);
    soak_judge_end(&judge, c.total);
    tell(&c);
    rd_kafka_queue_destroy(c.queue);
    rd_kafka_consumer_close(c.rk);
    rd_kafka_destroy(c.rk);
    if (judge.faults[SOAK_IN] > 0) {
        die("the input itself", "has faults, so nothing can be said of the output");
    }
    return soak_judge_faults(&judge) > 0 ? 1 : 0;
}
