/* Bench, floor: what librdkafka costs alone, with the settings that klamm uses and nothing of
 * klamm.
 *
 *   bench_bare count IN          consumes and decodes by hand: the floor of J2
 *   bench_bare j1 IN OUT         decodes, keeps value > 50, projects, encodes, in transactions of
 *                                100 ms with the offsets: the floor of J1
 *
 * Reads up to the end offsets seen at start, commits, prints one JSON line and leaves. The group is
 * named after the wall clock, so that every run is the first. Brokers are in $KAFKA.
 */
#include <librdkafka/rdkafka.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH           1000
#define PARTITIONS_MOST 64
#define OUT_MOST        96 /* bytes of a projected record */
#define COMMIT_US       100000
#define ASK_MS          30000

struct bare {
    rd_kafka_t *consumer, *producer;
    rd_kafka_queue_t *queue;
    rd_kafka_topic_t *out;
    const char *in;
    int32_t partitions;
    int64_t next[PARTITIONS_MOST], end[PARTITIONS_MOST];
    int64_t records, kept, bad;
    double sum;
};

struct view {
    const uint8_t *host;
    size_t host_n;
    int64_t ts;
    double value;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_bare: %s: %s\n", what, why);
    exit(1);
}

static void must(rd_kafka_error_t *error, const char *what)
{
    if (error != NULL) {
        die(what, rd_kafka_error_string(error));
    }
}

static int64_t wall_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        die("delivery", rd_kafka_err2str(m->err));
    }
}

static rd_kafka_t *open_client(rd_kafka_type_t type, const char *const *property)
{
    char text[512];
    const char *brokers = getenv("KAFKA");
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers != NULL ? brokers : "localhost:9092",
                          text, sizeof text) != RD_KAFKA_CONF_OK) {
        die("bootstrap.servers", text);
    }
    rd_kafka_conf_set(conf, "enable.metrics.push", "false", NULL, 0); /* else closing takes 1 s */
    for (; *property != NULL; property += 2) {
        if (rd_kafka_conf_set(conf, property[0], property[1], text, sizeof text) !=
            RD_KAFKA_CONF_OK) {
            die(property[0], text);
        }
    }
    if (type == RD_KAFKA_PRODUCER) {
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    }
    rd_kafka_t *rk = rd_kafka_new(type, conf, text, sizeof text);
    if (rk == NULL) {
        die("client", text);
    }
    return rk;
}

static void open_consumer(struct bare *b, const char *group)
{
    const char *property[] = {"group.id",
                              group,
                              "auto.offset.reset",
                              "earliest",
                              "enable.auto.commit",
                              "false",
                              "enable.auto.offset.store",
                              "false",
                              "isolation.level",
                              "read_committed",
                              "partition.assignment.strategy",
                              "cooperative-sticky",
                              "fetch.queue.backoff.ms",
                              "2",
                              "fetch.message.max.bytes",
                              "262144",
                              "fetch.max.bytes",
                              "1048576",
                              "message.max.bytes",
                              "1048576",
                              "queued.min.messages",
                              "20000",
                              "heartbeat.interval.ms",
                              "500",
                              "session.timeout.ms",
                              "6000",
                              NULL};
    b->consumer = open_client(RD_KAFKA_CONSUMER, property);
    rd_kafka_poll_set_consumer(b->consumer);
    b->queue = rd_kafka_queue_get_consumer(b->consumer);
    const struct rd_kafka_metadata *md;
    rd_kafka_topic_t *t = rd_kafka_topic_new(b->consumer, b->in, NULL);
    rd_kafka_resp_err_t code = rd_kafka_metadata(b->consumer, 0, t, &md, ASK_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR || md->topics[0].partition_cnt < 1 ||
        md->topics[0].partition_cnt > PARTITIONS_MOST) {
        die(b->in, "no such topic");
    }
    b->partitions = md->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(md);
    rd_kafka_topic_destroy(t);
    for (int32_t p = 0; p < b->partitions; p++) {
        code = rd_kafka_query_watermark_offsets(b->consumer, b->in, p, &b->next[p], &b->end[p],
                                                ASK_MS);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            die("end offsets", rd_kafka_err2str(code));
        }
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, b->in, RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe(b->consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
}

static void open_producer(struct bare *b, const char *id, const char *topic)
{
    const char *property[] = {"transactional.id",
                              id,
                              "transaction.timeout.ms",
                              "10000",
                              "compression.codec",
                              "lz4",
                              "linger.ms",
                              "5",
                              "batch.size",
                              "262144",
                              "queue.buffering.max.messages",
                              "50000",
                              "retry.backoff.ms",
                              "5",
                              "partitioner",
                              "murmur2_random",
                              NULL};
    const struct rd_kafka_metadata *md;
    b->producer = open_client(RD_KAFKA_PRODUCER, property);
    must(rd_kafka_init_transactions(b->producer, ASK_MS), "transactions");
    b->out = rd_kafka_topic_new(b->producer, topic, NULL);
    if (rd_kafka_metadata(b->producer, 0, b->out, &md, ASK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_metadata_destroy(md);
    }
    must(rd_kafka_begin_transaction(b->producer), "begin");
}

static const uint8_t *get_long(const uint8_t *p, const uint8_t *end, int64_t *v)
{
    uint64_t u = 0;
    for (unsigned shift = 0; p < end && shift < 64; shift += 7) {
        uint8_t byte = *p++;
        u |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *v = (int64_t)(u >> 1) ^ -(int64_t)(u & 1);
            return p;
        }
    }
    return NULL;
}

static const uint8_t *skip_text(const uint8_t *p, const uint8_t *end, const uint8_t **text,
                                size_t *n)
{
    int64_t length;
    p = get_long(p, end, &length);
    if (p == NULL || length < 0 || length > end - p) {
        return NULL;
    }
    *text = p;
    *n = (size_t)length;
    return p + length;
}

static bool decode(const uint8_t *p, size_t n, struct view *v)
{
    static const uint8_t header[] = {0, 0, 0, 0, 1};
    const uint8_t *end = p + n, *text;
    size_t text_n;
    int64_t branch;
    if (n < sizeof header || memcmp(p, header, sizeof header) != 0) {
        return false;
    }
    if ((p = skip_text(p + 5, end, &v->host, &v->host_n)) == NULL ||
        (p = skip_text(p, end, &text, &text_n)) == NULL || (p = get_long(p, end, &v->ts)) == NULL ||
        end - p < 8) {
        return false;
    }
    memcpy(&v->value, p, 8);
    p = get_long(p + 8, end, &branch);
    return p != NULL && (branch == 0 || (branch == 1 && skip_text(p, end, &text, &text_n) != NULL));
}

static uint8_t *put_long(uint8_t *p, int64_t v)
{
    uint64_t u = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
    for (; u >= 0x80; u >>= 7) {
        *p++ = (uint8_t)(u | 0x80);
    }
    *p++ = (uint8_t)u;
    return p;
}

/* Schema id 2: host, ts, value. */
static size_t encode(uint8_t *out, const struct view *v)
{
    static const uint8_t header[] = {0, 0, 0, 0, 2};
    memcpy(out, header, sizeof header);
    uint8_t *p = put_long(out + sizeof header, (int64_t)v->host_n);
    memcpy(p, v->host, v->host_n);
    p = put_long(p + v->host_n, v->ts);
    memcpy(p, &v->value, 8);
    return (size_t)(p + 8 - out);
}

static void send_batch(struct bare *b, rd_kafka_message_t *out, int n)
{
    int taken = rd_kafka_produce_batch(b->out, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, out, n);
    while (taken < n) { /* equal sizes: what fits no more is at the end */
        rd_kafka_poll(b->producer, 5);
        out += taken;
        n -= taken;
        taken = rd_kafka_produce_batch(b->out, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, out, n);
    }
    rd_kafka_poll(b->producer, 0);
}

static void work(struct bare *b, rd_kafka_message_t **m, size_t n)
{
    static rd_kafka_message_t out[BATCH];
    static uint8_t bytes[BATCH][OUT_MOST];
    int nout = 0;
    for (size_t i = 0; i < n; i++) {
        struct view v;
        if (m[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            die("consume", rd_kafka_message_errstr(m[i]));
        }
        b->next[m[i]->partition] = m[i]->offset + 1;
        b->records++;
        if (!decode(m[i]->payload, m[i]->len, &v) || v.host_n > 32) {
            b->bad++;
            continue;
        }
        b->sum += v.value;
        if (b->producer == NULL || !(v.value > 50)) {
            continue;
        }
        out[nout] = (rd_kafka_message_t){
            .payload = bytes[nout],
            .len = encode(bytes[nout], &v),
            .key = m[i]->key,
            .key_len = m[i]->key_len,
        };
        nout++;
    }
    if (nout > 0) {
        send_batch(b, out, nout);
        b->kept += nout;
    }
}

static rd_kafka_topic_partition_list_t *offsets(const struct bare *b)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(b->partitions);
    for (int32_t p = 0; p < b->partitions; p++) {
        rd_kafka_topic_partition_list_add(list, b->in, p)->offset = b->next[p];
    }
    return list;
}

static void commit(struct bare *b)
{
    rd_kafka_topic_partition_list_t *list = offsets(b);
    if (b->producer == NULL) {
        rd_kafka_commit(b->consumer, list, 0);
    } else {
        rd_kafka_consumer_group_metadata_t *member = rd_kafka_consumer_group_metadata(b->consumer);
        must(rd_kafka_send_offsets_to_transaction(b->producer, list, member, ASK_MS), "offsets");
        must(rd_kafka_commit_transaction(b->producer, ASK_MS), "commit");
        rd_kafka_consumer_group_metadata_destroy(member);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static bool at_end(const struct bare *b)
{
    for (int32_t p = 0; p < b->partitions; p++) {
        if (b->next[p] < b->end[p]) {
            return false;
        }
    }
    return true;
}

static void run(struct bare *b)
{
    rd_kafka_message_t *m[BATCH];
    int64_t last = wall_us();
    while (!at_end(b)) {
        ssize_t n = rd_kafka_consume_batch_queue(b->queue, 0, m, BATCH);
        if (n <= 0) {
            m[0] = rd_kafka_consume_queue(b->queue, 20);
            n = m[0] != NULL;
        }
        work(b, m, (size_t)n);
        for (ssize_t i = 0; i < n; i++) {
            rd_kafka_message_destroy(m[i]);
        }
        if (b->producer != NULL && wall_us() > last + COMMIT_US) {
            commit(b);
            must(rd_kafka_begin_transaction(b->producer), "begin");
            last = wall_us();
        }
    }
    commit(b);
}

int main(int argc, char **argv)
{
    static struct bare b;
    char group[64];
    bool is_j1 = argc == 4 && strcmp(argv[1], "j1") == 0;
    if (!is_j1 && !(argc == 3 && strcmp(argv[1], "count") == 0)) {
        fprintf(stderr, "bench_bare count IN | j1 IN OUT\n");
        return 2;
    }
    b.in = argv[2];
    snprintf(group, sizeof group, "bare-%" PRId64, wall_us());
    if (is_j1) {
        open_producer(&b, group, argv[3]);
    }
    open_consumer(&b, group);
    run(&b);
    printf("{\"done_ms\": %" PRId64 ", \"records\": %" PRId64 ", \"out\": %" PRId64
           ", \"bad\": %" PRId64 ", \"sum\": %.17g}\n",
           wall_us() / 1000, b.records, b.kept, b.bad, b.sum);
    fflush(stdout);
    rd_kafka_queue_destroy(b.queue);
    rd_kafka_consumer_close(b.consumer);
    rd_kafka_destroy(b.consumer);
    if (b.producer != NULL) {
        rd_kafka_topic_destroy(b.out);
        rd_kafka_destroy(b.producer);
    }
    return 0;
}
