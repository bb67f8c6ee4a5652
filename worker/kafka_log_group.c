/* Kafka log, group: a member that has just come looks whether somebody owns every partition.
 *
 * cooperative-sticky moves a partition in two rounds: the first takes it from its old owner, who
 * then asks for the second, which gives it to the new one. When the old owner dies between the two
 * and comes back under its group.instance.id, the coordinator hands it the assignment of the first
 * round without a rebalance; nobody asks for the second one any more, and the partition is
 * nobody's in a group that is stable. Who comes is thus who may have been that owner:
 *
 *   WATCH  ──LOOK_MS──> describe the group ──not stable, or no answer──> WATCH
 *     ^                   │ stable: all partitions of our topics have owners ──> DONE
 *     │                   └ some have none, for `patience` by now ──> LEAVE
 *   JOIN <──our partitions are given up── LEAVE: unsubscribe
 *
 * A slow owner, who is still giving up a partition, looks the same, so the patience is long beside
 * that, and doubles with each time that it has ended here. All requests go out without waiting for
 * the answer, except for the count of a topic's partitions, which is known already as a rule.
 */
#include "engine/clock.h"
#include "engine/logger.h"
#include "worker/kafka_log_impl.h"

#include <string.h>

#define LOOK_MS       2000
#define ANSWER_MS     10000
#define COUNT_MS      500
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

static void ask(struct kafka_log *l)
{
    struct kafka_group *g = &l->watch;
    const char *group = l->group;
    rd_kafka_AdminOptions_t *o =
        rd_kafka_AdminOptions_new(l->consumer, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
    char text[1];
    rd_kafka_AdminOptions_set_request_timeout(o, ANSWER_MS, text, sizeof text);
    g->answers = g->answers ? g->answers : rd_kafka_queue_new(l->consumer);
    rd_kafka_DescribeConsumerGroups(l->consumer, &group, 1, o, g->answers);
    rd_kafka_AdminOptions_destroy(o);
    g->is_asked = true;
}

/* The group as described, when it is stable; else NULL. */
static const rd_kafka_ConsumerGroupDescription_t *stable(rd_kafka_event_t *answer)
{
    size_t n = 0;
    const rd_kafka_DescribeConsumerGroups_result_t *r =
        rd_kafka_event_DescribeConsumerGroups_result(answer);
    const rd_kafka_ConsumerGroupDescription_t **group =
        r ? rd_kafka_DescribeConsumerGroups_result_groups(r, &n) : NULL;
    if (n != 1 || rd_kafka_ConsumerGroupDescription_error(group[0]) != NULL ||
        rd_kafka_ConsumerGroupDescription_state(group[0]) != RD_KAFKA_CONSUMER_GROUP_STATE_STABLE) {
        return NULL;
    }
    return group[0];
}

static int owned_of(const rd_kafka_ConsumerGroupDescription_t *group, const char *topic)
{
    int owned = 0;
    for (size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(group); i++) {
        const rd_kafka_MemberAssignment_t *a = rd_kafka_MemberDescription_assignment(
            rd_kafka_ConsumerGroupDescription_member(group, i));
        const rd_kafka_topic_partition_list_t *list =
            a ? rd_kafka_MemberAssignment_partitions(a) : NULL;
        for (int k = 0; list && k < list->cnt; k++) {
            owned += strcmp(list->elems[k].topic, topic) == 0;
        }
    }
    return owned;
}

/* Partitions of our topics that nobody owns, and a topic that has some; -1: not known. */
static int count_orphans(struct kafka_log *l, const rd_kafka_ConsumerGroupDescription_t *group,
                         char *topic, size_t size)
{
    rd_kafka_topic_partition_list_t *ours = NULL;
    int orphans = 0;
    if (rd_kafka_subscription(l->consumer, &ours) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return -1;
    }
    for (int i = 0; i < ours->cnt && orphans >= 0; i++) {
        struct err ignored = {0};
        int32_t n = 0;
        const char *name = ours->elems[i].topic;
        if (kafka_partitions(&l->base, name, &n, COUNT_MS, &ignored) < 0) {
            orphans = -1;
        } else if (owned_of(group, name) < n) {
            orphans += n - owned_of(group, name);
            snprintf(topic, size, "%s", name);
        }
    }
    rd_kafka_topic_partition_list_destroy(ours);
    return orphans;
}

static void leave(struct kafka_log *l, int orphans, const char *topic)
{
    struct kafka_group *g = &l->watch;
    if (rd_kafka_subscription(l->consumer, &g->topics) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    logger(LOG_LEVEL_WARN,
           "%d partition%s (of %s) %s nobody's, since a process died while they moved: joins the "
           "group again, so that they are given out",
           orphans, orphans == 1 ? "" : "s", topic, orphans == 1 ? "is" : "are");
    rd_kafka_unsubscribe(l->consumer);
    g->patience_ms = g->patience_ms < PATIENCE_MOST ? 2 * g->patience_ms : g->patience_ms;
    g->stage = GROUP_LEAVE;
}

static void judge(struct kafka_log *l, rd_kafka_event_t *answer)
{
    struct kafka_group *g = &l->watch;
    const rd_kafka_ConsumerGroupDescription_t *group = stable(answer);
    char topic[300] = "";
    int64_t now = clock_monotonic_ns();
    int orphans = group ? count_orphans(l, group, topic, sizeof topic) : -1;
    if (orphans == 0) {
        g->stage = GROUP_DONE;
    } else if (orphans < 0) {
        g->since_ns = 0;
    } else if (g->since_ns == 0) {
        g->since_ns = now;
    } else if (now - g->since_ns > g->patience_ms * MS) {
        leave(l, orphans, topic);
    }
}

static void watch(struct kafka_log *l)
{
    struct kafka_group *g = &l->watch;
    int64_t now = clock_monotonic_ns();
    if (l->rebalanced) {
        g->since_ns = 0;
    }
    if (!g->is_asked && now >= g->next_ns) {
        ask(l);
    }
    rd_kafka_event_t *answer = g->is_asked ? rd_kafka_queue_poll(g->answers, 0) : NULL;
    if (answer != NULL) {
        g->is_asked = false;
        g->next_ns = now + LOOK_MS * MS;
        judge(l, answer);
        rd_kafka_event_destroy(answer);
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
    if (l->watch.topics != NULL) {
        rd_kafka_topic_partition_list_destroy(l->watch.topics);
        l->watch.topics = NULL;
    }
    if (l->watch.answers != NULL) {
        rd_kafka_queue_destroy(l->watch.answers);
        l->watch.answers = NULL;
    }
    l->watch.stage = GROUP_DONE;
}
