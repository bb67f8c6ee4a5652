/* Kafka log, reader: read_all, for changelogs and other compacted topics, and read_on, to follow
 * one.
 *
 * A consumer of its own, which is assigned one partition at a time, so that a restore neither
 * disturbs the lane's subscription nor depends on it. It stays for some seconds, since restores
 * come in groups.
 *
 *   end        the high watermark at the start. The last stable offset would not do: the markers of
 *              a transaction that is already decided may still be under way to this partition, and
 *              the offsets that were committed with it are visible before
 *   finished   when the position, which counts markers, or an end-of-partition event has reached
 *              it. A transaction that is open at the start is waited for; it ends within its
 *              time-out
 */
#include "engine/clock.h"
#include "engine/memory.h"
#include "worker/kafka_log_impl.h"

#define ASK_MS   10000
#define STILL_NS (120 * 1000000000LL) /* without progress: given up */
#define WAIT_MS  100

struct kafka_reader {
    rd_kafka_t *consumer;
    rd_kafka_queue_t *queue;
    rd_kafka_message_t *msg[KAFKA_BATCH];
};

static int reader_open(struct kafka_log *l, struct err *e)
{
    const struct log_config none = {0};
    rd_kafka_conf_t *conf = kafka_conf(l, KAFKA_READER, &none, e);
    if (conf == NULL) {
        return -ERR_CONFIG;
    }
    rd_kafka_t *rk = kafka_new(RD_KAFKA_CONSUMER, conf, e);
    if (rk == NULL) {
        return -ERR_CONFIG;
    }
    rd_kafka_poll_set_consumer(rk);
    l->reader = mem_zalloc(sizeof *l->reader);
    l->reader->consumer = rk;
    l->reader->queue = rd_kafka_queue_get_consumer(rk);
    return 0;
}

void kafka_reader_close(struct kafka_log *l)
{
    if (l->reader == NULL) {
        return;
    }
    rd_kafka_queue_destroy(l->reader->queue);
    rd_kafka_consumer_close(l->reader->consumer);
    rd_kafka_destroy(l->reader->consumer);
    mem_free(l->reader);
    l->reader = NULL;
}

static rd_kafka_topic_partition_list_t *at(const char *topic, int32_t partition, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    return list;
}

static size_t fetch(struct kafka_reader *r)
{
    ssize_t n = rd_kafka_consume_batch_queue(r->queue, 0, r->msg, KAFKA_BATCH);
    if (n > 0) {
        return (size_t)n;
    }
    r->msg[0] = rd_kafka_consume_queue(r->queue, WAIT_MS);
    return r->msg[0] != NULL;
}

/* Hands a batch to each(), up to its first failure. *next follows records and ends of partition. */
static int give(struct kafka_log *l, size_t n, const char *topic,
                int (*each)(void *ctx, const struct record *r), void *ctx, int64_t *next,
                struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < n; i++) {
        rd_kafka_message_t *m = l->reader->msg[i];
        if (rc == 0 && m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            struct record r;
            kafka_record(&r, m, topic);
            kafka_parse_headers(&l->headers, &r, m);
            rc = each(ctx, &r);
            *next = m->offset + 1;
        } else if (rc == 0 && m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            *next = m->offset > *next ? m->offset : *next;
        } else if (rc == 0) {
            rc = kafka_fail(e, m->err, topic, rd_kafka_message_errstr(m));
        }
        rd_kafka_message_destroy(m);
    }
    return rc < 0 ? rc : 0;
}

static int read_to(struct kafka_log *l, rd_kafka_topic_partition_list_t *list, int64_t target,
                   int (*each)(void *ctx, const struct record *r), void *ctx, int64_t *next,
                   struct err *e)
{
    const char *topic = list->elems[0].topic;
    int64_t patience = clock_monotonic_ns() + STILL_NS;
    struct arena_mark mark = arena_mark(&l->headers);
    while (*next < target) {
        size_t n = fetch(l->reader);
        int rc = give(l, n, topic, each, ctx, next, e);
        arena_release(&l->headers, mark);
        if (rc < 0) {
            return rc;
        }
        if (n > 0) {
            patience = clock_monotonic_ns() + STILL_NS;
        } else if (clock_monotonic_ns() > patience) {
            return err_set(
                e, ERR_RETRY,
                "%s [%d]: stands still at %lld of %lld, an open transaction or no leader", topic,
                list->elems[0].partition, (long long)*next, (long long)target);
        }
    }
    return 0;
}

/* Reads on to where a reader of that isolation sees the end now. */
static int read_until(struct log *log, const char *topic, int32_t partition, int64_t from,
                      rd_kafka_IsolationLevel_t isolation,
                      int (*each)(void *ctx, const struct record *r), void *ctx, int64_t *next,
                      struct err *e)
{
    struct kafka_log *l = (struct kafka_log *)log;
    int64_t begin, target;
    int rc = l->reader == NULL ? reader_open(l, e) : 0;
    if (rc < 0) {
        return rc;
    }
    rd_kafka_t *rk = l->reader->consumer;
    l->reader_idle_ns = clock_monotonic_ns();
    if ((rc = kafka_offset_of(rk, topic, partition, RD_KAFKA_OFFSET_SPEC_LATEST, isolation, &target,
                              ASK_MS, e)) < 0) {
        return rc;
    }
    if (from > target && isolation == RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED) {
        return err_set(e, ERR_DATA, "%s [%d]: ends at %lld, before %lld: it was created anew",
                       topic, partition, (long long)target, (long long)from);
    }
    *next = from;
    if (*next >= target) {
        return 0;
    }
    if ((rc = kafka_offset_of(rk, topic, partition, RD_KAFKA_OFFSET_SPEC_EARLIEST,
                              RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED, &begin, ASK_MS, e)) < 0) {
        return rc;
    }
    *next = from < begin ? begin : from;
    rd_kafka_topic_partition_list_t *list = at(topic, partition, *next);
    rd_kafka_resp_err_t code = rd_kafka_assign(rk, list);
    rc = code != RD_KAFKA_RESP_ERR_NO_ERROR ? kafka_fail(e, code, topic, NULL)
                                            : read_to(l, list, target, each, ctx, next, e);
    rd_kafka_assign(rk, NULL);
    rd_kafka_topic_partition_list_destroy(list);
    l->reader_idle_ns = clock_monotonic_ns();
    return rc;
}

int kafka_read_all(struct log *log, const char *topic, int32_t partition, int64_t from,
                   int (*each)(void *ctx, const struct record *r), void *ctx, int64_t *next,
                   struct err *e)
{
    return read_until(log, topic, partition, from, RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED, each,
                      ctx, next, e);
}

int kafka_read_on(struct log *log, const char *topic, int32_t partition, int64_t from,
                  int (*each)(void *ctx, const struct record *r), void *ctx, int64_t *next,
                  struct err *e)
{
    return read_until(log, topic, partition, from, RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED, each,
                      ctx, next, e);
}
