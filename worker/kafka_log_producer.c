/* Kafka log, producer: produce and the handle's life.
 *
 * Runs of records for one topic that carry neither timestamp nor headers go by
 * rd_kafka_produce_batch; the others one by one, since a batch has no place for these.
 *
 * What librdkafka holds is counted here as it counts (records, bytes of key and value), so that a
 * run is only offered when all of it fits: of a batch that does not, a small record behind a large
 * one could get in first. While there is no room this thread serves deliveries: the lane waits,
 * others do not. The first failed delivery is remembered and fails the commit, or the
 * first that is a record's own fault: those beside it in its batch fail with it.
 */
#include "engine/memory.h"
#include "worker/kafka_log_impl.h"

#include <stdlib.h>
#include <string.h>

#define METADATA_MS  5000
#define CLOSE_MS     5000
#define ROOM_WAIT_MS 5

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct kafka_log *l = opaque;
    (void)rk;
    l->queued--;
    l->queued_bytes -= m->len + m->key_len;
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        struct err own = {0};
        kafka_fail(&own, m->err, rd_kafka_topic_name(m->rkt), rd_kafka_message_produce_errstr(m));
        bool tells_more = own.kind == ERR_DATA && l->delivery.kind != ERR_DATA;
        l->delivery = l->undelivered++ == 0 || tells_more ? own : l->delivery;
    }
}

static size_t limit_of(const rd_kafka_conf_t *conf, const char *name)
{
    char text[64] = "0";
    size_t size = sizeof text;
    rd_kafka_conf_get(conf, name, text, &size);
    return (size_t)strtoull(text, NULL, 10);
}

int kafka_producer_open(struct kafka_log *l, const struct log_config *cfg, struct err *e)
{
    rd_kafka_conf_t *conf = kafka_conf(l, KAFKA_PRODUCER, cfg, e);
    if (conf == NULL) {
        return -ERR_CONFIG;
    }
    l->queued_most = limit_of(conf, "queue.buffering.max.messages");
    l->queued_most_bytes = limit_of(conf, "queue.buffering.max.kbytes") * 1024;
    if (l->queued_most == 0) {
        l->queued_most = INT32_MAX; /* no limit */
    }
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    l->producer = kafka_new(RD_KAFKA_PRODUCER, conf, e);
    if (l->producer == NULL) {
        return -ERR_CONFIG;
    }
    return l->transactional == NULL ? 0 : kafka_transactions_init(l, e);
}

void kafka_producer_close(struct kafka_log *l)
{
    if (l->producer == NULL) {
        return;
    }
    if (l->in_transaction && rd_kafka_fatal_error(l->producer, NULL, 0) == 0) {
        rd_kafka_error_destroy(rd_kafka_abort_transaction(l->producer, CLOSE_MS));
    }
    if (rd_kafka_outq_len(l->producer) > 0) {
        rd_kafka_purge(l->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(l->producer, CLOSE_MS);
    }
    for (size_t i = 0; i < l->ntopics; i++) {
        if (l->topic[i]->out != NULL) {
            rd_kafka_topic_destroy(l->topic[i]->out);
            l->topic[i]->out = NULL;
        }
    }
    rd_kafka_destroy(l->producer);
    l->producer = NULL;
}

/* Fetches the topic's metadata too: else the first send may wait for a second. */
static int open_topic(struct kafka_log *l, struct kafka_topic *t, struct err *e)
{
    const struct rd_kafka_metadata *md;
    t->out = rd_kafka_topic_new(l->producer, t->name, NULL);
    if (t->out == NULL) {
        return kafka_fail(e, rd_kafka_last_error(), t->name, NULL);
    }
    rd_kafka_resp_err_t code = rd_kafka_metadata(l->producer, 0, t->out, &md, METADATA_MS);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = md->topic_cnt == 1 ? md->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        rd_kafka_metadata_destroy(md);
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : kafka_fail(e, code, t->name, NULL);
}

static int topic_to(struct kafka_log *l, const char *name, struct kafka_topic **t, struct err *e)
{
    if (l->last_out == NULL ||
        (l->last_out->name != name && strcmp(l->last_out->name, name) != 0)) {
        l->last_out = kafka_topic(l, name);
    }
    *t = l->last_out;
    if ((*t)->out != NULL) {
        return 0;
    }
    int rc = open_topic(l, *t, e);
    if (rc < 0 && (*t)->out != NULL) {
        rd_kafka_topic_destroy((*t)->out);
        (*t)->out = NULL;
    }
    return rc;
}

/* A record that was not taken. */
static int refuse(struct kafka_log *l, const char *topic, size_t bytes, rd_kafka_resp_err_t code,
                  struct err *e)
{
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
        return err_set(e, ERR_DATA, "%s: a record of %zu bytes is larger than message.max.bytes",
                       topic, bytes);
    }
    if (code == RD_KAFKA_RESP_ERR__STATE && l->in_transaction) {
        if (l->undelivered > 0 && l->delivery.kind == ERR_DATA) {
            return err_set(e, ERR_DATA, "%s", l->delivery.text);
        }
        return err_set(e, ERR_ABORT, "%s: the transaction has failed%s%s", topic,
                       l->undelivered > 0 ? ": " : "", l->delivery.text);
    }
    return kafka_fail(e, code, topic, NULL);
}

/* Waits until n records of this size fit, or everything before them is delivered. */
static void wait_for_room(struct kafka_log *l, size_t n, size_t bytes)
{
    while (l->queued > 0 &&
           (l->queued + n > l->queued_most || l->queued_bytes + bytes > l->queued_most_bytes)) {
        rd_kafka_poll(l->producer, ROOM_WAIT_MS);
    }
    l->queued += n;
    l->queued_bytes += bytes;
}

/* librdkafka takes keys and values as void *, and copies them (F_COPY). */
static void *writable(const void *p)
{
    union {
        const void *from;
        void *to;
    } u = {.from = p};
    return u.to;
}

static bool is_plain(const struct record *r)
{
    return r->timestamp < 0 && r->nheaders == 0;
}

static int produce_one(struct kafka_log *l, struct kafka_topic *t, const struct record *r,
                       struct err *e)
{
    rd_kafka_headers_t *headers = NULL;
    if (r->nheaders > 0) {
        headers = rd_kafka_headers_new(r->nheaders);
        for (size_t i = 0; i < r->nheaders; i++) {
            const struct header *h = &r->headers[i];
            rd_kafka_header_add(headers, h->name, -1, h->value,
                                h->value != NULL ? (ssize_t)h->n : 0);
        }
    }
    /* librdkafka takes 0 for now: the first millisecond of 1970 becomes its second. */
    int64_t timestamp = r->timestamp < 0 ? 0 : r->timestamp > 0 ? r->timestamp : 1;
    rd_kafka_vu_t vu[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = t->out},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = r->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {writable(r->key), r->key_n}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {writable(r->value), r->value_n}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = timestamp},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    size_t bytes = r->key_n + r->value_n;
    for (size_t i = 0; i < r->nheaders; i++) {
        bytes += strlen(r->headers[i].name) + r->headers[i].n;
    }
    wait_for_room(l, 1, bytes);
    rd_kafka_error_t *error =
        rd_kafka_produceva(l->producer, vu, sizeof vu / sizeof *vu - (headers == NULL ? 1 : 0));
    /* Deliveries give back key and value; the headers are not known any more then. */
    l->queued_bytes -= bytes - r->key_n - r->value_n;
    if (error == NULL) {
        return 0;
    }
    l->queued--;
    l->queued_bytes -= r->key_n + r->value_n;
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    if (headers != NULL) {
        rd_kafka_headers_destroy(headers);
    }
    return refuse(l, t->name, bytes, code, e);
}

/* records[0..n) are plain, of one topic, and together take `bytes`. */
static int produce_run(struct kafka_log *l, struct kafka_topic *t, const struct record *records,
                       size_t n, size_t bytes, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        const struct record *r = &records[i];
        l->out[i] = (rd_kafka_message_t){
            .partition = r->partition,
            .payload = writable(r->value),
            .len = r->value_n,
            .key = writable(r->key),
            .key_len = r->key_n,
        };
    }
    wait_for_room(l, n, bytes);
    int taken =
        rd_kafka_produce_batch(t->out, RD_KAFKA_PARTITION_UA,
                               RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_PARTITION, l->out, (int)n);
    if (taken == (int)n) {
        return 0;
    }
    int rc = 0;
    for (size_t i = 0; i < n; i++) {
        if (l->out[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            size_t size = l->out[i].len + l->out[i].key_len;
            l->queued--;
            l->queued_bytes -= size;
            rc = rc < 0 ? rc : refuse(l, t->name, size, l->out[i].err, e);
        }
    }
    return rc;
}

/* How many records from the first on are plain, for its topic, and at most half of what the queue
 * holds; 0: the first goes by itself. */
static size_t run_length(const struct kafka_log *l, const struct record *records, size_t n,
                         size_t *bytes)
{
    size_t i = 0;
    *bytes = 0;
    for (; i < n && i < KAFKA_BATCH && i <= l->queued_most / 2; i++) {
        const struct record *r = &records[i];
        size_t size = r->key_n + r->value_n;
        if (!is_plain(r) || (i > 0 && *bytes + size > l->queued_most_bytes / 2) ||
            (r->topic != records->topic && strcmp(r->topic, records->topic) != 0)) {
            break;
        }
        *bytes += size;
    }
    return i;
}

int kafka_produce(struct log *log, const struct record *records, size_t n, struct err *e)
{
    struct kafka_log *l = (struct kafka_log *)log;
    if (l->transactional != NULL && !l->in_transaction) {
        int rc = kafka_begin(log, e);
        if (rc < 0) {
            return rc;
        }
    }
    for (size_t i = 0; i < n;) {
        struct kafka_topic *t;
        int rc = topic_to(l, records[i].topic, &t, e);
        if (rc < 0) {
            return rc;
        }
        size_t bytes, run = run_length(l, records + i, n - i, &bytes);
        rc = run > 0 ? produce_run(l, t, records + i, run, bytes, e)
                     : produce_one(l, t, &records[i], e);
        if (rc < 0) {
            return rc;
        }
        i += run > 0 ? run : 1;
    }
    rd_kafka_poll(l->producer, 0);
    return 0;
}

size_t kafka_unsent(struct log *log)
{
    struct kafka_log *l = (struct kafka_log *)log;
    rd_kafka_poll(l->producer, 0);
    return l->queued;
}
