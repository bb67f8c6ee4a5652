/* Kafka log, follow: partitions that a handle reads without being a member of its group, and who
 * the members are.
 *
 *   follow, unfollow   incremental assign and unassign, of a consumer that never subscribes; the
 *                      records come out of poll() like those of a member
 *   members            DescribeConsumerGroups, of a group that is stable: while it rebalances the
 *                      broker tells no assignments. The producer's handle asks: a question that got no
 *                      answer would keep the consumer from closing
 *
 * All is unfollowed before the consumer closes: closing would revoke what is assigned, and there is
 * no lane to hear of it.
 */
#include "engine/memory.h"
#include "worker/kafka_log_impl.h"

int kafka_follow(struct log *log, const char *topic, int32_t partition, int64_t from, struct err *e)
{
    struct kafka_log *l = (struct kafka_log *)log;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = from;
    rd_kafka_error_t *error = rd_kafka_incremental_assign(l->consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (error != NULL) {
        int rc = kafka_fail(e, rd_kafka_error_code(error), topic, rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        return rc;
    }
    *kafka_part(kafka_topic(l, topic), partition) =
        (struct kafka_part){.owned = true, .next = from};
    l->nfollowed++;
    return 0;
}

void kafka_unfollow(struct log *log, const char *topic, int32_t partition)
{
    struct kafka_log *l = (struct kafka_log *)log;
    struct kafka_part *part = kafka_part(kafka_topic(l, topic), partition);
    if (!part->owned) {
        return;
    }
    *part = (struct kafka_part){.next = OFFSET_NONE};
    l->nfollowed--;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_error_destroy(rd_kafka_incremental_unassign(l->consumer, list));
    rd_kafka_topic_partition_list_destroy(list);
}

void kafka_unfollow_all(struct kafka_log *l)
{
    for (size_t i = 0; i < l->ntopics && l->nfollowed > 0; i++) {
        for (int32_t p = 0; p < l->topic[i]->nparts; p++) {
            kafka_unfollow(&l->base, l->topic[i]->name, p);
        }
    }
}

/* ---- members ---- */

static void tell(struct kafka_log *l, const rd_kafka_MemberDescription_t *from,
                 void (*each)(void *ctx, const struct log_member *m), void *ctx)
{
    const rd_kafka_topic_partition_list_t *list =
        rd_kafka_MemberAssignment_partitions(rd_kafka_MemberDescription_assignment(from));
    size_t n = list != NULL ? (size_t)list->cnt : 0;
    struct log_position *owned = mem_array(n + 1, sizeof *owned);
    for (size_t i = 0; i < n; i++) {
        owned[i] = (struct log_position){.topic = kafka_topic(l, list->elems[i].topic)->name,
                                         .partition = list->elems[i].partition};
    }
    const char *instance = rd_kafka_MemberDescription_group_instance_id(from);
    each(ctx, &(struct log_member){.instance = instance != NULL
                                                   ? instance
                                                   : rd_kafka_MemberDescription_client_id(from),
                                   .owned = owned,
                                   .n = n});
    mem_free(owned);
}

static int tell_all(struct kafka_log *l, const rd_kafka_event_t *event,
                    void (*each)(void *ctx, const struct log_member *m), void *ctx, struct err *e)
{
    size_t n = 0;
    const rd_kafka_ConsumerGroupDescription_t **groups =
        rd_kafka_DescribeConsumerGroups_result_groups(
            rd_kafka_event_DescribeConsumerGroups_result((rd_kafka_event_t *)(uintptr_t)event), &n);
    if (n != 1) {
        return kafka_fail(e, RD_KAFKA_RESP_ERR__BAD_MSG, l->group, NULL);
    }
    const rd_kafka_error_t *error = rd_kafka_ConsumerGroupDescription_error(groups[0]);
    if (error != NULL) {
        return kafka_fail(e, rd_kafka_error_code(error), l->group, rd_kafka_error_string(error));
    }
    if (rd_kafka_ConsumerGroupDescription_state(groups[0]) !=
        RD_KAFKA_CONSUMER_GROUP_STATE_STABLE) {
        return err_set(e, ERR_RETRY, "group %s rebalances", l->group);
    }
    size_t members = rd_kafka_ConsumerGroupDescription_member_count(groups[0]);
    for (size_t i = 0; i < members; i++) {
        tell(l, rd_kafka_ConsumerGroupDescription_member(groups[0], i), each, ctx);
    }
    return 0;
}

int kafka_members(struct log *log, void (*each)(void *ctx, const struct log_member *m), void *ctx,
                  int timeout_ms, struct err *e)
{
    struct kafka_log *l = (struct kafka_log *)log;
    char text[256] = "";
    const char *group = l->group;
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(l->producer, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, text, sizeof text);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(l->producer);
    rd_kafka_DescribeConsumerGroups(l->producer, &group, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + 1000);
    rd_kafka_resp_err_t code =
        event == NULL ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);
    int rc = code == RD_KAFKA_RESP_ERR_NO_ERROR ? tell_all(l, event, each, ctx, e)
                                                : kafka_fail(e, code, l->group, NULL);
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    return rc;
}
