/* Kafka log, rebalance: what the group gives and takes, and single partitions of it.
 *
 *   assign   fetch committed offsets -> tell the lane, which may begin elsewhere -> to librdkafka
 *              \_ a dead member's transaction still holds them back: the assignment is pending,
 *                 poll asks again, and the partitions that stay keep running meanwhile
 *   revoke   tell the lane, which commits (unless lost) -> take from librdkafka
 *
 * All of it happens in the lane's thread, inside poll. cooperative-sticky changes assignments
 * incrementally; range takes everything back first. The callback must not yield: after
 * rd_kafka_yield() librdkafka 2.8 drops the record that is next in a batch, and
 * rd_kafka_queue_yield() can end a later rd_kafka_consumer_close() too early.
 */
#include "engine/clock.h"
#include "engine/memory.h"
#include "worker/kafka_log_impl.h"

#include <string.h>
#include <time.h>

#define FIRST_ASK_MS   500
#define ASK_AGAIN_MS   50
#define ASK_AGAIN_NS   (200 * 1000000LL)
#define ASK_LONGEST_NS (90 * 1000000000LL)
#define SEEK_MS        10000

static bool is_cooperative(rd_kafka_t *rk)
{
    const char *protocol = rd_kafka_rebalance_protocol(rk);
    return protocol != NULL && strcmp(protocol, "COOPERATIVE") == 0;
}

static void fail_rebalance(struct kafka_log *l, rd_kafka_error_t *error)
{
    if (error != NULL) {
        kafka_fail(&l->failure, rd_kafka_error_code(error), "rebalance",
                   rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
    }
}

static void hand_over(struct kafka_log *l, const rd_kafka_topic_partition_list_t *list)
{
    l->sleep = KAFKA_REASSIGNED;
    if (is_cooperative(l->consumer)) {
        fail_rebalance(l, rd_kafka_incremental_assign(l->consumer, list));
        return;
    }
    rd_kafka_resp_err_t code = rd_kafka_assign(l->consumer, list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        kafka_fail(&l->failure, code, "rebalance", NULL);
    }
}

/* The list as positions; the topics' names are ours. */
static struct log_position *positions(struct kafka_log *l,
                                      const rd_kafka_topic_partition_list_t *list)
{
    struct log_position *p = mem_array((size_t)list->cnt + 1, sizeof *p);
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *at = &list->elems[i];
        p[i] = (struct log_position){
            .topic = kafka_topic(l, at->topic)->name,
            .partition = at->partition,
            .offset = at->offset >= 0 ? at->offset : OFFSET_NONE,
            .metadata = at->metadata_size > 0 ? at->metadata : NULL,
        };
    }
    return p;
}

/* Committed offsets are known: tells the lane and lets librdkafka begin. */
static void assign(struct kafka_log *l, rd_kafka_topic_partition_list_t *list)
{
    struct log_position *p = positions(l, list);
    if (list->cnt > 0) {
        l->ev.assigned(l->ev.ctx, p, (size_t)list->cnt);
    }
    for (int i = 0; i < list->cnt; i++) {
        struct kafka_part *part = kafka_part(kafka_topic(l, p[i].topic), p[i].partition);
        *part = (struct kafka_part){.owned = true, .next = p[i].offset};
        list->elems[i].offset =
            p[i].offset != OFFSET_NONE ? p[i].offset : RD_KAFKA_OFFSET_BEGINNING;
    }
    mem_free(p);
    hand_over(l, list);
}

static void forget_pending(struct kafka_log *l)
{
    if (l->pending != NULL) {
        rd_kafka_topic_partition_list_destroy(l->pending);
        l->pending = NULL;
    }
}

/* Asks for the offsets of the pending assignment, once. */
static void try_assign(struct kafka_log *l, int timeout_ms)
{
    struct err e = {0};
    bool is_stable = false;
    int rc = kafka_fetch_committed(l, l->pending, timeout_ms, &is_stable, &e);
    if (rc == 0 && is_stable) {
        rd_kafka_topic_partition_list_t *list = l->pending;
        l->pending = NULL;
        assign(l, list);
        rd_kafka_topic_partition_list_destroy(list);
        return;
    }
    int64_t now = clock_monotonic_ns();
    l->pending_next_ns = now + ASK_AGAIN_NS;
    if (rc < 0) {
        err_prefix(&e, "committed offsets");
        err_set(&l->failure, e.kind, "%s", e.text);
    } else if (now > l->pending_since_ns + ASK_LONGEST_NS) {
        err_set(&l->failure, ERR_RETRY,
                "committed offsets: a transaction has held them back for too long");
    }
}

void kafka_assign_pending(struct kafka_log *l)
{
    if (clock_monotonic_ns() >= l->pending_next_ns) {
        try_assign(l, ASK_AGAIN_MS);
    }
}

static void on_assign(struct kafka_log *l, const rd_kafka_topic_partition_list_t *list)
{
    if (list->cnt == 0) {
        hand_over(l, list);
        return;
    }
    forget_pending(l);
    l->pending = rd_kafka_topic_partition_list_copy(list);
    l->pending_since_ns = clock_monotonic_ns();
    try_assign(l, FIRST_ASK_MS);
}

static void on_revoke(struct kafka_log *l, const rd_kafka_topic_partition_list_t *list)
{
    bool is_lost = rd_kafka_assignment_lost(l->consumer) != 0;
    struct log_position *p = positions(l, list);
    size_t n = 0;
    for (int i = 0; i < list->cnt; i++) { /* the lane never heard of pending ones */
        struct kafka_part *part = kafka_part(kafka_topic(l, p[i].topic), p[i].partition);
        if (part->owned) {
            p[n++] = p[i];
        }
    }
    if (n > 0) {
        l->ev.revoked(l->ev.ctx, p, n, is_lost);
    }
    for (size_t i = 0; i < n; i++) {
        struct kafka_part *part = kafka_part(kafka_topic(l, p[i].topic), p[i].partition);
        if (part->paused) {
            kafka_resume(&l->base, p[i].topic, p[i].partition);
        }
        *part = (struct kafka_part){.next = OFFSET_NONE};
    }
    mem_free(p);
    if (l->pending != NULL) {
        /* Only what is assigned can be unassigned. */
        for (int i = 0; i < l->pending->cnt; i++) {
            l->pending->elems[i].offset = RD_KAFKA_OFFSET_END;
        }
        hand_over(l, l->pending);
        forget_pending(l);
    }
    l->sleep = KAFKA_REASSIGNED;
    if (is_cooperative(l->consumer)) {
        fail_rebalance(l, rd_kafka_incremental_unassign(l->consumer, list));
    } else {
        rd_kafka_assign(l->consumer, NULL);
    }
}

void kafka_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                        rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_log *l = opaque;
    l->rebalanced = true;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        on_assign(l, list);
    } else if (code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        on_revoke(l, list);
    } else {
        kafka_fail(&l->failure, code, "rebalance", NULL);
        rd_kafka_assign(rk, NULL);
    }
}

static rd_kafka_topic_partition_list_t *single(const char *topic, int32_t partition)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    return list;
}

static int pause_or_resume(struct log *log, const char *topic, int32_t partition,
                           rd_kafka_resp_err_t (*call)(rd_kafka_t *,
                                                       rd_kafka_topic_partition_list_t *),
                           bool is_paused)
{
    struct kafka_log *l = (struct kafka_log *)log;
    rd_kafka_topic_partition_list_t *list = single(topic, partition);
    rd_kafka_resp_err_t code = call(l->consumer, list);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = list->elems[0].err;
    }
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return -ERR_RETRY;
    }
    kafka_part(kafka_topic(l, topic), partition)->paused = is_paused;
    return 0;
}

int kafka_pause(struct log *log, const char *topic, int32_t partition)
{
    return pause_or_resume(log, topic, partition, rd_kafka_pause_partitions, true);
}

int kafka_resume(struct log *log, const char *topic, int32_t partition)
{
    struct kafka_log *l = (struct kafka_log *)log;
    l->sleep = l->sleep == KAFKA_AWAKE ? KAFKA_RESUMED : l->sleep;
    return pause_or_resume(log, topic, partition, rd_kafka_resume_partitions, false);
}

/* A partition that was just assigned cannot be moved until its fetcher has begun: asked again. */
int kafka_seek(struct log *log, const char *topic, int32_t partition, int64_t offset, struct err *e)
{
    struct kafka_log *l = (struct kafka_log *)log;
    int64_t deadline = clock_monotonic_ns() + SEEK_MS * 1000000LL;
    rd_kafka_topic_partition_list_t *list = single(topic, partition);
    rd_kafka_resp_err_t code;
    for (;;) {
        list->elems[0].offset = offset != OFFSET_NONE ? offset : RD_KAFKA_OFFSET_BEGINNING;
        list->elems[0].err = RD_KAFKA_RESP_ERR_NO_ERROR;
        rd_kafka_error_t *error = rd_kafka_seek_partitions(l->consumer, list, SEEK_MS);
        code = error != NULL ? rd_kafka_error_code(error) : list->elems[0].err;
        rd_kafka_error_destroy(error);
        if (code != RD_KAFKA_RESP_ERR__STATE || clock_monotonic_ns() > deadline) {
            break;
        }
        nanosleep(&(struct timespec){.tv_nsec = 5 * 1000000}, NULL);
    }
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        int rc = kafka_fail(e, code, topic, NULL);
        err_prefix(e, "seek");
        return rc;
    }
    kafka_part(kafka_topic(l, topic), partition)->next = offset;
    return 0;
}

/* librdkafka's own position counts transaction markers that went by; the end seen counts what a
 * fetch found nothing behind. */
int kafka_position(struct log *log, const char *topic, int32_t partition, int64_t *offset)
{
    struct kafka_log *l = (struct kafka_log *)log;
    const struct kafka_part *part = kafka_part(kafka_topic(l, topic), partition);
    *offset = part->next;
    if (!part->owned) {
        *offset = OFFSET_NONE;
        return 0;
    }
    rd_kafka_topic_partition_list_t *list = single(topic, partition);
    if (rd_kafka_position(l->consumer, list) == RD_KAFKA_RESP_ERR_NO_ERROR &&
        list->elems[0].offset > *offset) {
        *offset = list->elems[0].offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return 0;
}

/* By the high watermark of the last fetch: so the records of an open transaction count, and what
 * compaction has taken from the end. Events for the end of a partition would be exact, but
 * librdkafka 2.8 counts each as a record in the position, from which it goes on after a pause. */
int kafka_has_more(struct log *log, const char *topic, int32_t partition)
{
    struct kafka_log *l = (struct kafka_log *)log;
    int64_t low, high, at;
    if (!kafka_part(kafka_topic(l, topic), partition)->owned) {
        return 0;
    }
    if (rd_kafka_get_watermark_offsets(l->consumer, topic, partition, &low, &high) !=
            RD_KAFKA_RESP_ERR_NO_ERROR ||
        high < 0) {
        return -1;
    }
    kafka_position(log, topic, partition, &at);
    return (at >= 0 ? at : low) < high;
}
