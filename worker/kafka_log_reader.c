/* Kafka log, reader: read_all, for changelogs and other compacted topics, and read_on, to follow
 * one.
 *
 * Each has a consumer of its own, which is assigned one partition at a time, so that a restore
 * neither disturbs the lane's subscription nor depends on it, and following a table takes nothing
 * from a restore that goes in slices. They stay for some seconds, since restores come in groups.
 *
 *   slices     when a caller has enough for now, the partition stays assigned and what is fetched
 *              stays here: who goes on where it stopped has it at once. The end is the one that was
 *              seen at its beginning. At most one fetch queue (reader_defaults) is kept
 *   headers    are parsed for topics of log_config.with_headers: a changelog has none
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

#include <string.h>

#define ASK_MS   10000
#define STILL_NS (120 * 1000000000LL) /* without progress: given up */
#define WAIT_MS  100

struct kafka_reader {
    rd_kafka_t *consumer;
    rd_kafka_queue_t *queue;
    rd_kafka_topic_partition_list_t *at; /* the partition in hand, or NULL */
    int64_t next, target;                /* of it */
    bool has_headers;
    size_t n, used; /* messages of the last batch, and how many of them are done */
    rd_kafka_message_t *msg[KAFKA_BATCH];
};

static int reader_open(struct kafka_log *l, struct kafka_reader **out, struct err *e)
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
    *out = mem_zalloc(sizeof **out);
    (*out)->consumer = rk;
    (*out)->queue = rd_kafka_queue_get_consumer(rk);
    return 0;
}

static void drop_batch(struct kafka_reader *r)
{
    for (; r->used < r->n; r->used++) {
        rd_kafka_message_destroy(r->msg[r->used]);
    }
    r->n = r->used = 0;
}

/* The partition in hand is let go. */
static void let_go(struct kafka_reader *r)
{
    drop_batch(r);
    if (r->at != NULL) {
        rd_kafka_assign(r->consumer, NULL);
        rd_kafka_topic_partition_list_destroy(r->at);
        r->at = NULL;
    }
}

void kafka_reader_close(struct kafka_log *l)
{
    for (int i = 0; i < KAFKA_READERS; i++) {
        struct kafka_reader *r = l->reader[i];
        if (r != NULL) {
            let_go(r);
            rd_kafka_queue_destroy(r->queue);
            rd_kafka_consumer_close(r->consumer);
            rd_kafka_destroy(r->consumer);
            mem_free(r);
            l->reader[i] = NULL;
        }
    }
}

static bool has_in_hand(const struct kafka_reader *r, const char *topic, int32_t partition,
                        int64_t from)
{
    return r->at != NULL && r->next == from && r->at->elems[0].partition == partition &&
           strcmp(r->at->elems[0].topic, topic) == 0;
}

static int take_in_hand(struct kafka_reader *r, const char *topic, int32_t partition, struct err *e)
{
    r->at = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(r->at, topic, partition)->offset = r->next;
    rd_kafka_resp_err_t code = rd_kafka_assign(r->consumer, r->at);
    return code != RD_KAFKA_RESP_ERR_NO_ERROR ? kafka_fail(e, code, topic, NULL) : 0;
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

/* Hands a batch to each() until that returns something. next follows records and ends of partition.
 */
static int give(struct kafka_log *l, struct kafka_reader *r,
                int (*each)(void *ctx, const struct record *r), void *ctx, struct err *e)
{
    const char *topic = r->at->elems[0].topic;
    int rc = 0;
    for (; rc == 0 && r->used < r->n; r->used++) {
        rd_kafka_message_t *m = r->msg[r->used];
        if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            struct record record;
            kafka_record(&record, m, topic);
            if (r->has_headers) {
                kafka_parse_headers(&l->headers, &record, m);
            }
            rc = each(ctx, &record);
            r->next = m->offset + 1;
        } else if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            r->next = m->offset > r->next ? m->offset : r->next;
        } else {
            rc = kafka_fail(e, m->err, topic, rd_kafka_message_errstr(m));
        }
        rd_kafka_message_destroy(m);
    }
    return rc;
}

/* 0 at the target, 1: each() has enough for now. */
static int read_to_target(struct kafka_log *l, struct kafka_reader *r,
                          int (*each)(void *ctx, const struct record *r), void *ctx, struct err *e)
{
    int64_t patience = clock_monotonic_ns() + STILL_NS;
    struct arena_mark mark = arena_mark(&l->headers);
    while (r->next < r->target) {
        if (r->used == r->n) {
            r->used = 0;
            r->n = fetch(r);
        }
        bool is_any = r->n > 0;
        int rc = give(l, r, each, ctx, e);
        arena_release(&l->headers, mark);
        if (rc != 0) {
            return rc < 0 ? rc : r->next < r->target;
        }
        if (is_any) {
            patience = clock_monotonic_ns() + STILL_NS;
        } else if (clock_monotonic_ns() > patience) {
            return err_set(
                e, ERR_RETRY,
                "%s [%d]: stands still at %lld of %lld, an open transaction or no leader",
                r->at->elems[0].topic, r->at->elems[0].partition, (long long)r->next,
                (long long)r->target);
        }
    }
    return 0;
}

/* Where to begin, and where to end: of undecided records, too, or at the first of them. */
static int ask_ends(const struct kafka_log *l, struct kafka_reader *r, const char *topic,
                    int32_t partition, int64_t from, bool is_whole, struct err *e)
{
    struct kafka_offsets o;
    int rc = kafka_offsets(l, r->consumer, topic, partition, &o, is_whole, ASK_MS, e);
    if (rc < 0) {
        return rc;
    }
    r->target = is_whole ? o.written : o.stable;
    if (from > r->target && is_whole) {
        return err_set(e, ERR_DATA, "%s [%d]: ends at %lld, before %lld: it was created anew",
                       topic, partition, (long long)r->target, (long long)from);
    }
    r->next = from < o.begin ? o.begin : from;
    return 0;
}

static int read_until(struct kafka_log *l, struct kafka_reader **reader, const char *topic,
                      int32_t partition, int64_t from, bool is_whole,
                      int (*each)(void *ctx, const struct record *r), void *ctx, int64_t *next,
                      struct err *e)
{
    int rc = *reader == NULL ? reader_open(l, reader, e) : 0;
    if (rc < 0) {
        return rc;
    }
    struct kafka_reader *r = *reader;
    l->reader_idle_ns = clock_monotonic_ns();
    if (!has_in_hand(r, topic, partition, from)) {
        let_go(r);
        r->has_headers = kafka_topic(l, topic)->has_headers;
        rc = ask_ends(l, r, topic, partition, from, is_whole, e);
        if (rc < 0) {
            return rc;
        }
        rc = r->next < r->target ? take_in_hand(r, topic, partition, e) : 0;
    }
    rc = rc < 0 ? rc : read_to_target(l, r, each, ctx, e);
    *next = r->next;
    if (rc <= 0) {
        let_go(r);
    }
    l->reader_idle_ns = clock_monotonic_ns();
    return rc;
}

int kafka_read_all(struct log *log, const char *topic, int32_t partition, int64_t from,
                   int (*each)(void *ctx, const struct record *r), void *ctx, int64_t *next,
                   struct err *e)
{
    struct kafka_log *l = (struct kafka_log *)log;
    return read_until(l, &l->reader[KAFKA_READ_ALL], topic, partition, from, true, each, ctx, next,
                      e);
}

int kafka_read_on(struct log *log, const char *topic, int32_t partition, int64_t from,
                  int (*each)(void *ctx, const struct record *r), void *ctx, int64_t *next,
                  struct err *e)
{
    struct kafka_log *l = (struct kafka_log *)log;
    return read_until(l, &l->reader[KAFKA_READ_ON], topic, partition, from, false, each, ctx, next,
                      e);
}
