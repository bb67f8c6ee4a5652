/* Kafka log, follow: partitions that a handle reads without being a member of its group, and who
 * the members are.
 *
 *   follow, unfollow   incremental assign and unassign, of a consumer that never subscribes; the
 *                      records come out of poll() like those of a member
 *   members            of a group that is stable: while it rebalances the broker tells no
 *                      assignments. As in kafka_log_group.c all brokers are asked, since librdkafka
 *                      aborts the process when a coordinator that is asked alone goes away
 *
 * All is unfollowed before the consumer closes: closing would revoke what is assigned, and there is
 * no lane to hear of it.
 */
#include "engine/memory.h"
#include "worker/assignment.h"
#include "worker/kafka_log_impl.h"

#include <stdio.h>
#include <string.h>

#define UUID_BYTES 37 /* with the "-" before it */

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

/* Its group.instance.id, or client.id: the broker has put "-" and a UUID behind it. */
static char *name_of(const struct rd_kafka_group_member_info *m)
{
    char *name = mem_strdup(m->member_id);
    size_t n = strlen(name);
    name[n > UUID_BYTES ? n - UUID_BYTES : n] = 0;
    return name;
}

static void tell(struct kafka_log *l, const struct rd_kafka_group_member_info *m,
                 void (*each)(void *ctx, const struct log_member *m), void *ctx)
{
    size_t size = m->member_assignment_size > 0 ? (size_t)m->member_assignment_size : 0, n = 0;
    struct log_position *owned = mem_array(size / 4 + 1, sizeof *owned); /* 4 bytes each */
    struct assignment a = assignment_of(m->member_assignment, size);
    while (assignment_next(&a)) {
        char *topic = mem_printf("%.*s", (int)a.topic_n, a.topic);
        owned[n++] =
            (struct log_position){.topic = kafka_topic(l, topic)->name, .partition = a.partition};
        mem_free(topic);
    }
    char *name = name_of(m);
    each(ctx, &(struct log_member){.instance = name, .owned = owned, .n = n});
    mem_free(name);
    mem_free(owned);
}

int kafka_members(struct log *log, void (*each)(void *ctx, const struct log_member *m), void *ctx,
                  int timeout_ms, struct err *e)
{
    struct kafka_log *l = (struct kafka_log *)log;
    const struct rd_kafka_group_list *list = NULL;
    rd_kafka_resp_err_t code = rd_kafka_list_groups(l->producer, l->group, &list, timeout_ms);
    bool is_there = list != NULL && list->group_cnt == 1;
    int rc = 0;
    if (is_there && strcmp(list->groups[0].state, "Stable") == 0) {
        for (int i = 0; i < list->groups[0].member_cnt; i++) {
            tell(l, &list->groups[0].members[i], each, ctx);
        }
    } else if (is_there) {
        rc = err_set(e, ERR_RETRY, "group %s rebalances", l->group);
    } else {
        rc = kafka_fail(e, code != RD_KAFKA_RESP_ERR_NO_ERROR ? code : RD_KAFKA_RESP_ERR__PARTIAL,
                        l->group, NULL);
    }
    if (list != NULL) {
        rd_kafka_group_list_destroy(list);
    }
    return rc;
}
