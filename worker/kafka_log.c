/* Kafka log: opening, closing, and the table of operations. The parts, by what they speak about:
 *
 *   kafka_log_settings     properties, and what librdkafka's errors and messages mean
 *   kafka_log_consumer     poll and release
 *   kafka_log_rebalance    what the group gives and takes; pause, seek, position
 *   kafka_log_group        whether somebody owns every partition
 *   kafka_log_producer     produce
 *   kafka_log_transaction  begin, commit, abort
 *   kafka_log_admin        topics, bounds, committed offsets
 *   kafka_log_reader       read_all
 *   kafka_log_follow       partitions read without being a member; who the members are
 *
 * The producer is opened before the subscription: with a transactional id that ends what a
 * predecessor of that id left open, so that its offsets are decided when the group asks for them.
 *
 * A handle opens a thread a broker and connection. A consumer needs a group, a producer is always
 * there.
 */
#include "worker/kafka_log.h"
#include "engine/clock.h"
#include "engine/memory.h"
#include "worker/kafka_log_impl.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#define LEAVE_MS 10000

static bool wants_headers(const struct kafka_log *l, const char *name)
{
    if (l->all_headers) {
        return true;
    }
    for (size_t i = 0; i < l->nwith_headers; i++) {
        if (strcmp(l->with_headers[i], name) == 0) {
            return true;
        }
    }
    return false;
}

struct kafka_topic *kafka_topic(struct kafka_log *l, const char *name)
{
    for (size_t i = 0; i < l->ntopics; i++) {
        if (l->topic[i]->name == name || strcmp(l->topic[i]->name, name) == 0) {
            return l->topic[i];
        }
    }
    struct kafka_topic *t = mem_zalloc(sizeof *t);
    t->name = mem_strdup(name);
    t->has_headers = wants_headers(l, name);
    l->topic = mem_resize(l->topic, l->ntopics + 1, sizeof *l->topic);
    l->topic[l->ntopics++] = t;
    return t;
}

/* Our own reference keeps the handle, so that its address always means this topic. */
struct kafka_topic *kafka_topic_of(struct kafka_log *l, rd_kafka_topic_t *in)
{
    if (l->last_in != NULL && l->last_in->in == in) {
        return l->last_in;
    }
    for (size_t i = 0; i < l->ntopics; i++) {
        if (l->topic[i]->in == in) {
            return l->last_in = l->topic[i];
        }
    }
    struct kafka_topic *t = kafka_topic(l, rd_kafka_topic_name(in));
    if (t->in == NULL) {
        t->in = rd_kafka_topic_new(l->consumer, t->name, NULL);
    }
    return t;
}

struct kafka_part *kafka_part(struct kafka_topic *t, int32_t partition)
{
    assert(partition >= 0);
    if (partition >= t->nparts) {
        t->part = mem_resize(t->part, (size_t)partition + 1, sizeof *t->part);
        for (int32_t i = t->nparts; i <= partition; i++) {
            t->part[i] = (struct kafka_part){.next = OFFSET_NONE};
        }
        t->nparts = partition + 1;
    }
    return &t->part[partition];
}

/* Asks the lane to give up its partitions, then leaves: a static member that only closes would keep
 * them until its session ends. */
static void leave_group(struct kafka_log *l)
{
    int64_t deadline = clock_monotonic_ns() + LEAVE_MS * 1000000LL;
    rd_kafka_unsubscribe(l->consumer);
    while (clock_monotonic_ns() < deadline) {
        rd_kafka_message_t *m = rd_kafka_consume_queue(l->queue, 20);
        if (m != NULL) {
            rd_kafka_message_destroy(m);
        }
        rd_kafka_topic_partition_list_t *held = NULL;
        bool is_done =
            rd_kafka_assignment(l->consumer, &held) != RD_KAFKA_RESP_ERR_NO_ERROR || held->cnt == 0;
        if (held != NULL) {
            rd_kafka_topic_partition_list_destroy(held);
        }
        if (is_done) {
            return;
        }
    }
}

static void consumer_close(struct kafka_log *l, bool leave)
{
    if (l->consumer == NULL) {
        return;
    }
    kafka_unfollow_all(l);
    kafka_group_end(l);
    if (leave && rd_kafka_fatal_error(l->consumer, NULL, 0) == 0) {
        leave_group(l);
    }
    rd_kafka_consumer_close(l->consumer);
    rd_kafka_queue_io_event_enable(l->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(l->queue);
    for (size_t i = 0; i < l->ntopics; i++) {
        if (l->topic[i]->in != NULL) {
            rd_kafka_topic_destroy(l->topic[i]->in);
        }
    }
    rd_kafka_destroy(l->consumer);
    close(l->event_fd);
}

static char **copy_list(const char *const *list, size_t *n)
{
    *n = 0;
    while (list != NULL && list[*n] != NULL) {
        (*n)++;
    }
    char **copy = mem_array(*n + 1, sizeof *copy);
    for (size_t i = 0; i < *n; i++) {
        copy[i] = mem_strdup(list[i]);
    }
    copy[*n] = NULL;
    return copy;
}

static void free_list(char **list)
{
    for (char **s = list; s != NULL && *s != NULL; s++) {
        mem_free(*s);
    }
    mem_free(list);
}

static void kafka_close(struct log *log, bool leave)
{
    struct kafka_log *l = (struct kafka_log *)log;
    kafka_release(log);
    consumer_close(l, leave);
    kafka_producer_close(l);
    kafka_reader_close(l);
    if (l->pending != NULL) {
        rd_kafka_topic_partition_list_destroy(l->pending);
    }
    if (l->asked != NULL) {
        rd_kafka_topic_partition_list_destroy(l->asked);
    }
    for (size_t i = 0; i < l->ntopics; i++) {
        mem_free(l->topic[i]->name);
        mem_free(l->topic[i]->part);
        mem_free(l->topic[i]);
    }
    mem_free(l->topic);
    free_list(l->property);
    free_list(l->with_headers);
    mem_free(l->group);
    mem_free(l->transactional);
    arena_done(&l->headers);
    mem_free(l);
}

static const struct log_ops kafka_ops = {
    .poll = kafka_poll,
    .release = kafka_release,
    .pause = kafka_pause,
    .resume = kafka_resume,
    .seek = kafka_seek,
    .begin = kafka_begin,
    .produce = kafka_produce,
    .unsent = kafka_unsent,
    .commit = kafka_commit,
    .abort = kafka_abort,
    .partitions = kafka_partitions,
    .topics = kafka_topics,
    .bounds = kafka_bounds,
    .written = kafka_written,
    .topic_id = kafka_topic_id,
    .create_topic = kafka_create_topic,
    .read_all = kafka_read_all,
    .read_on = kafka_read_on,
    .follow = kafka_follow,
    .unfollow = kafka_unfollow,
    .members = kafka_members,
    .committed = kafka_committed,
    .position = kafka_position,
    .has_more = kafka_has_more,
    .headers = kafka_headers,
    .close = kafka_close,
};

int kafka_log_open(struct log **out, const struct log_config *cfg, const struct log_events *ev,
                   struct err *e)
{
    size_t n;
    struct kafka_log *l = mem_zalloc(sizeof *l);
    l->base.ops = &kafka_ops;
    if (ev) {
        l->ev = *ev;
    }
    l->group = mem_strdup(cfg->group != NULL ? cfg->group : "klamm");
    l->transactional = cfg->transactional != NULL ? mem_strdup(cfg->transactional) : NULL;
    l->property = copy_list(cfg->property, &n);
    l->with_headers = copy_list(cfg->with_headers, &l->nwith_headers);
    l->all_headers = cfg->with_headers == NULL;
    l->stopping = cfg->stopping;
    arena_init(&l->headers);
    int rc = kafka_producer_open(l, cfg, e);
    if (rc == 0) {
        rc = kafka_consumer_open(l, cfg, e);
    }
    if (rc < 0) {
        kafka_close(&l->base, false);
        return rc;
    }
    *out = &l->base;
    return 0;
}
