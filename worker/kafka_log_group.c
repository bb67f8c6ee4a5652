/* Kafka log, group: a member that has just come looks whether somebody owns every partition.
 *
 * cooperative-sticky moves a partition in two rounds: the first takes it from its old owner, who
 * then asks for the second, which gives it to the new one. When the old owner dies between the two
 * and comes back under its group.instance.id, the coordinator hands it the assignment of the first
 * round without a rebalance; nobody asks for the second one any more, and the partition is
 * nobody's in a group that is stable. Who comes is thus who may have been that owner:
 *
 *   WATCH  ──LOOK_MS──> list the group ──not stable, or no answer──> WATCH
 *     ^                   │ stable: all partitions of our topics have owners ──> DONE
 *     │                   └ some have none, for `patience` by now ──> LEAVE
 *   JOIN <──our partitions are given up── LEAVE: unsubscribe
 *
 * A slow owner, who is still giving up a partition, looks the same, so the patience is long beside
 * that, and doubles with each time that it has ended here. A look waits for all brokers, so it has
 * a thread of its own, which the lane joins when it is done. (rd_kafka_DescribeConsumerGroups would
 * not wait, but librdkafka aborts the process when the coordinator goes away under it: issue 4605.)
 */
#include "engine/clock.h"
#include "engine/logger.h"
#include "worker/assignment.h"
#include "worker/kafka_log_impl.h"

#include <stdio.h>
#include <string.h>

#define LOOK_MS       2000
#define ANSWER_MS     2000
#define PATIENCE_MS   6000
#define PATIENCE_MOST 300000
#define MS            1000000LL

void kafka_group_begin(struct kafka_log *l)
{
    struct kafka_group *g = &l->watch;
    g->stage = GROUP_WATCH;
    g->next_ns = clock_monotonic_ns() + LOOK_MS * MS;
    g->since_ns = 0;
    g->patience_ms = g->patience_ms ? g->patience_ms : PATIENCE_MS;
}

/* ---- in the look's thread ---- */

static int64_t owned_by(const struct rd_kafka_group_member_info *m, const char *topic)
{
    int size = m->member_assignment_size > 0 ? m->member_assignment_size : 0;
    struct assignment a = assignment_of(m->member_assignment, (size_t)size);
    int64_t owned = 0;
    while (assignment_next(&a)) {
        owned += strlen(topic) == a.topic_n && memcmp(a.topic, topic, a.topic_n) == 0;
    }
    return owned;
}

/* -1: not known. */
static int64_t partitions_of(rd_kafka_t *rk, const char *topic)
{
    const struct rd_kafka_metadata *md = NULL;
    rd_kafka_topic_t *t = rd_kafka_topic_new(rk, topic, NULL);
    int64_t n = -1;
    if (t && rd_kafka_metadata(rk, 0, t, &md, ANSWER_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        bool is_there = md->topic_cnt == 1 && md->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR;
        n = is_there ? md->topics[0].partition_cnt : -1;
        rd_kafka_metadata_destroy(md);
    }
    if (t) {
        rd_kafka_topic_destroy(t);
    }
    return n;
}

/* Partitions of our topics that nobody owns, and a topic that has some; -1: not known. */
static int64_t count_orphans(struct kafka_group *g, const struct rd_kafka_group_info *group,
                             const rd_kafka_topic_partition_list_t *ours)
{
    int64_t orphans = 0;
    for (int i = 0; i < ours->cnt; i++) {
        const char *topic = ours->elems[i].topic;
        int64_t n = partitions_of(g->rk, topic), owned = 0;
        for (int k = 0; k < group->member_cnt; k++) {
            owned += owned_by(&group->members[k], topic);
        }
        if (n < 0) {
            return -1;
        }
        if (owned < n) {
            orphans += n - owned;
            snprintf(g->topic, sizeof g->topic, "%s", topic);
        }
    }
    return orphans;
}

static void *look(void *arg)
{
    struct kafka_group *g = arg;
    const struct rd_kafka_group_list *list = NULL;
    rd_kafka_topic_partition_list_t *ours = NULL;
    rd_kafka_list_groups(g->rk, g->name, &list, ANSWER_MS); /* or a part of it: who answered */
    g->orphans = -1;
    if (list && list->group_cnt == 1 && strcmp(list->groups[0].state, "Stable") == 0 &&
        rd_kafka_subscription(g->rk, &ours) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        g->orphans = count_orphans(g, &list->groups[0], ours);
        rd_kafka_topic_partition_list_destroy(ours);
    }
    if (list) {
        rd_kafka_group_list_destroy(list);
    }
    atomic_store(&g->has_looked, true);
    return NULL;
}

/* ---- in the lane's ---- */

static void leave(struct kafka_log *l)
{
    struct kafka_group *g = &l->watch;
    if (rd_kafka_subscription(l->consumer, &g->topics) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    logger(LOG_LEVEL_WARN,
           "%lld partition%s (of %s) %s nobody's, since a process died while they moved: joins the "
           "group again, so that they are given out",
           (long long)g->orphans, g->orphans == 1 ? "" : "s", g->topic,
           g->orphans == 1 ? "is" : "are");
    rd_kafka_unsubscribe(l->consumer);
    g->patience_ms = g->patience_ms < PATIENCE_MOST ? 2 * g->patience_ms : g->patience_ms;
    g->stage = GROUP_LEAVE;
}

static void judge(struct kafka_log *l, int64_t now)
{
    struct kafka_group *g = &l->watch;
    if (g->orphans == 0) {
        g->stage = GROUP_DONE;
    } else if (g->orphans < 0) {
        g->since_ns = 0;
    } else if (g->since_ns == 0) {
        g->since_ns = now;
    } else if (now - g->since_ns > g->patience_ms * MS) {
        leave(l);
    }
}

static void watch(struct kafka_log *l)
{
    struct kafka_group *g = &l->watch;
    int64_t now = clock_monotonic_ns();
    if (l->rebalanced) {
        g->since_ns = 0;
    }
    if (!g->is_looking && now >= g->next_ns) {
        g->rk = l->consumer;
        g->name = l->group;
        atomic_store(&g->has_looked, false);
        g->is_looking = pthread_create(&g->thread, NULL, look, g) == 0;
        g->next_ns = now + LOOK_MS * MS;
    }
    if (g->is_looking && atomic_load(&g->has_looked)) {
        pthread_join(g->thread, NULL);
        g->is_looking = false;
        g->next_ns = now + LOOK_MS * MS;
        judge(l, now);
    }
}

/* Once nothing is assigned any more the group is asked for partitions again. */
static void join(struct kafka_log *l)
{
    rd_kafka_topic_partition_list_t *held = NULL;
    if (rd_kafka_assignment(l->consumer, &held) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    if (held->cnt == 0) {
        rd_kafka_resp_err_t code = rd_kafka_subscribe(l->consumer, l->watch.topics);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            kafka_fail(&l->failure, code, "subscribe", NULL);
        }
        rd_kafka_topic_partition_list_destroy(l->watch.topics);
        l->watch.topics = NULL;
        kafka_group_begin(l);
    }
    rd_kafka_topic_partition_list_destroy(held);
}

void kafka_group_watch(struct kafka_log *l)
{
    if (l->watch.stage == GROUP_WATCH) {
        watch(l);
    } else if (l->watch.stage == GROUP_LEAVE) {
        join(l);
    }
}

void kafka_group_end(struct kafka_log *l)
{
    if (l->watch.is_looking) {
        pthread_join(l->watch.thread, NULL);
        l->watch.is_looking = false;
    }
    if (l->watch.topics != NULL) {
        rd_kafka_topic_partition_list_destroy(l->watch.topics);
        l->watch.topics = NULL;
    }
    l->watch.stage = GROUP_DONE;
}
