/* Kafka log, consumer: poll, release, headers.
 *
 * librdkafka's waits end by the wall clock: set back by a day, it would have them last a day,
 * unless something comes. So poll waits for the queue's event itself, and when it finds that the
 * clock was set back it wakes librdkafka's main thread with a question, which sends the heartbeats.
 *
 * poll drains librdkafka's queue without waiting and blocks only for the first record of an empty
 * one: asking for a full batch with a time-out would wait for the batch, not for the record.
 * Records point into librdkafka's messages, which live until release(); nothing is copied and
 * nothing allocated for a record, except where headers are parsed (topics of with_headers that have
 * some, and headers()).
 *
 * A rebalance callback runs inside these calls. Records that were taken from the queue before it
 * and belong to partitions that are gone are dropped here. Errors that come along with records wait
 * for the next poll.
 */
#include "engine/clock.h"
#include "engine/logger.h"
#include "engine/memory.h"
#include "worker/kafka_log_impl.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PENDING_WAIT_MS 50
#define SET_BACK_MS     50 /* less is measured where this thread did not run for a moment */
#define READER_IDLE_NS  (10 * 1000000000LL)

/* The wall clock against the one that nobody sets. */
static int64_t clock_ahead(void)
{
    return clock_now(&clock_system) - clock_steady(&clock_system);
}

static void subscribe(struct kafka_log *l, const char *const *topics,
                      rd_kafka_topic_partition_list_t *list)
{
    for (; *topics != NULL; topics++) {
        struct kafka_topic *t = kafka_topic(l, *topics);
        rd_kafka_topic_partition_list_add(list, t->name, RD_KAFKA_PARTITION_UA);
    }
}

int kafka_consumer_open(struct kafka_log *l, const struct log_config *cfg, struct err *e)
{
    rd_kafka_conf_t *conf = kafka_conf(l, KAFKA_CONSUMER, cfg, e);
    if (conf == NULL) {
        return -ERR_CONFIG;
    }
    rd_kafka_conf_set_rebalance_cb(conf, kafka_on_rebalance);
    l->consumer = kafka_new(RD_KAFKA_CONSUMER, conf, e);
    if (l->consumer == NULL) {
        return -ERR_CONFIG;
    }
    static const uint64_t one = 1;
    rd_kafka_poll_set_consumer(l->consumer);
    l->queue = rd_kafka_queue_get_consumer(l->consumer);
    l->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->event_fd < 0) {
        return err_set(e, ERR_RETRY, "eventfd: %s", strerror(errno));
    }
    rd_kafka_queue_io_event_enable(l->queue, l->event_fd, &one, sizeof one);
    l->clock_ahead = clock_ahead();
    if (cfg->topics == NULL || cfg->topics[0] == NULL) {
        return 0;
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(4);
    subscribe(l, cfg->topics, list);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(l->consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    kafka_group_begin(l);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : kafka_fail(e, code, "subscribe", NULL);
}

void kafka_record(struct record *r, const rd_kafka_message_t *m, const char *topic)
{
    rd_kafka_timestamp_type_t type;
    *r = (struct record){
        .topic = topic,
        .partition = m->partition,
        .offset = m->offset,
        .timestamp = rd_kafka_message_timestamp(m, &type),
        .key = m->key,
        .key_n = m->key_len,
        .value = m->payload,
        .value_n = m->len,
    };
}

void kafka_parse_headers(struct arena *a, struct record *r, const rd_kafka_message_t *m)
{
    rd_kafka_headers_t *list;
    if (rd_kafka_message_headers(m, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    size_t n = rd_kafka_header_cnt(list);
    struct header *h = arena_array(a, n, sizeof *h);
    for (size_t i = 0; i < n; i++) {
        h[i] = (struct header){NULL, NULL, 0};
        rd_kafka_header_get_all(list, i, &h[i].name, &h[i].value, &h[i].n);
    }
    r->headers = h;
    r->nheaders = n;
}

/* An event of the queue that is no record. */
static void note_event(struct kafka_log *l, const rd_kafka_message_t *m)
{
    if (m->err == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED) {
        return; /* the partitions are revoked as lost, which is all there is to do */
    }
    kafka_fail(&l->failure, m->err, m->rkt != NULL ? rd_kafka_topic_name(m->rkt) : "consumer",
               rd_kafka_message_errstr(m));
}

/* Turns messages into records, in place; those without a record are destroyed. */
static size_t take(struct kafka_log *l, size_t n)
{
    size_t kept = 0;
    struct kafka_topic *t = NULL;
    struct kafka_part *part = NULL;
    const rd_kafka_topic_t *rkt = NULL;
    int32_t partition = -1;
    for (size_t i = 0; i < n; i++) {
        rd_kafka_message_t *m = l->msg[i];
        if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            note_event(l, m);
            rd_kafka_message_destroy(m);
            continue;
        }
        if (m->rkt != rkt || m->partition != partition) {
            t = kafka_topic_of(l, m->rkt);
            part = kafka_part(t, m->partition);
            rkt = m->rkt;
            partition = m->partition;
        }
        if (!part->owned) {
            rd_kafka_message_destroy(m);
            continue;
        }
        part->next = m->offset + 1;
        l->msg[kept] = m;
        kafka_record(&l->record[kept], m, t->name);
        if (t->has_headers) {
            kafka_parse_headers(&l->headers, &l->record[kept], m);
        }
        kept++;
    }
    return kept;
}

static size_t drain(struct kafka_log *l)
{
    ssize_t got = rd_kafka_consume_batch_queue(l->queue, 0, l->msg, KAFKA_BATCH);
    return got > 0 ? (size_t)got : 0;
}

/* Whether something has come before the deadline. The queue is empty, so that its next event is
 * told. */
static bool wait_event(struct kafka_log *l, int64_t deadline_ns)
{
    struct pollfd event = {.fd = l->event_fd, .events = POLLIN};
    uint64_t times;
    int64_t ns = deadline_ns - clock_monotonic_ns();
    if (ns <= 0 || poll(&event, 1, (int)((ns + 999999) / 1000000)) <= 0) {
        return false;
    }
    return read(l->event_fd, &times, sizeof times) > 0;
}

static size_t fetch(struct kafka_log *l, int timeout_ms)
{
    size_t n = drain(l);
    if (n > 0) {
        return n;
    }
    if (l->pending != NULL && timeout_ms > PENDING_WAIT_MS) {
        timeout_ms = PENDING_WAIT_MS;
    }
    int64_t deadline = clock_monotonic_ns() + timeout_ms * 1000000LL;
    while (n == 0 && !l->rebalanced && wait_event(l, deadline)) {
        n = drain(l);
    }
    return n;
}

static void watch_clock(struct kafka_log *l)
{
    int64_t ahead = clock_ahead(), back = l->clock_ahead - ahead;
    l->clock_ahead = ahead;
    if (back > SET_BACK_MS) {
        logger(back < 1000 ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
               "the wall clock was set back by %lld ms", (long long)back);
        rd_kafka_consumer_group_metadata_t *answer = rd_kafka_consumer_group_metadata(l->consumer);
        if (answer != NULL) {
            rd_kafka_consumer_group_metadata_destroy(answer);
        }
    }
}

int kafka_poll(struct log *log, int timeout_ms, const struct record **records, size_t *n,
               struct err *e)
{
    struct kafka_log *l = (struct kafka_log *)log;
    assert(l->n == 0);
    *records = l->record;
    *n = 0;
    if (l->producer != NULL) {
        rd_kafka_poll(l->producer, 0);
    }
    if (l->pending != NULL) {
        kafka_assign_pending(l);
    }
    kafka_wake(l);
    kafka_group_watch(l);
    watch_clock(l);
    if (l->reader_idle_ns != 0 && clock_monotonic_ns() > l->reader_idle_ns + READER_IDLE_NS) {
        kafka_reader_close(l);
        l->reader_idle_ns = 0;
    }
    if (l->failure.kind == ERR_NONE) {
        l->rebalanced = false;
        *n = l->n = take(l, fetch(l, timeout_ms));
        if (l->n > 0) {
            return 0;
        }
    }
    if (l->failure.kind == ERR_NONE) {
        return 0;
    }
    int rc = err_set(e, l->failure.kind, "%s", l->failure.text);
    if (l->failure.kind != ERR_FATAL) {
        err_clear(&l->failure);
    }
    return rc;
}

void kafka_release(struct log *log)
{
    struct kafka_log *l = (struct kafka_log *)log;
    for (size_t i = 0; i < l->n; i++) {
        rd_kafka_message_destroy(l->msg[i]);
    }
    l->n = 0;
    arena_reset(&l->headers);
}

int kafka_headers(struct log *log, const struct record *r, const struct header **out, size_t *n)
{
    struct kafka_log *l = (struct kafka_log *)log;
    size_t i = (size_t)(r - l->record);
    assert(i < l->n);
    if (l->record[i].headers == NULL) {
        kafka_parse_headers(&l->headers, &l->record[i], l->msg[i]);
    }
    *out = l->record[i].headers;
    *n = l->record[i].nheaders;
    return 0;
}
