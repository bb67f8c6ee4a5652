/* Kafka log, wake: partitions that go on after a pause are fetched at once.
 *
 * librdkafka 2.8 has one fetch under way to a broker. Where its answer comes while none of that
 * broker's partitions may be fetched, the broker's thread sleeps, for up to a second, and a resume
 * does not wake it (rd_kafka_broker_consumer_serve in its rdkafka_broker.c). It pauses all
 * partitions itself while the group changes, those that stay as well: that second is then all they
 * ever stand still.
 *
 * So after each resume every broker that leads one of those partitions gets a question, whose
 * sending and whose answer both wake its thread. What the answer says is of no interest: it goes to
 * a queue that is gone.
 */
#include "engine/clock.h"
#include "worker/kafka_log_impl.h"

#define AGAIN_NS   (20 * 1000000LL) /* partitions that pause and resume all the time ask no oftener */
#define TIMEOUT_MS 1000

void kafka_resumed(struct kafka_log *l, const char *topic, int32_t partition)
{
    if (l->sleepers == NULL) {
        l->sleepers = rd_kafka_topic_partition_list_new(4);
    }
    if (rd_kafka_topic_partition_list_find(l->sleepers, topic, partition) == NULL) {
        rd_kafka_topic_partition_list_add(l->sleepers, topic, partition)->offset =
            RD_KAFKA_OFFSET_SPEC_LATEST;
    }
}

void kafka_resumed_all(struct kafka_log *l)
{
    rd_kafka_topic_partition_list_t *held = NULL;
    if (rd_kafka_assignment(l->consumer, &held) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (int i = 0; i < held->cnt; i++) {
            kafka_resumed(l, held->elems[i].topic, held->elems[i].partition);
        }
        rd_kafka_topic_partition_list_destroy(held);
    }
}

void kafka_wake(struct kafka_log *l)
{
    int64_t now;
    if (l->sleepers == NULL || (now = clock_monotonic_ns()) < l->wake_next_ns) {
        return;
    }
    char text[256] = "";
    rd_kafka_queue_t *nowhere = rd_kafka_queue_new(l->consumer);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(l->consumer, RD_KAFKA_ADMIN_OP_LISTOFFSETS);
    rd_kafka_AdminOptions_set_request_timeout(options, TIMEOUT_MS, text, sizeof text);
    rd_kafka_ListOffsets(l->consumer, l->sleepers, options, nowhere);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(nowhere);
    rd_kafka_topic_partition_list_destroy(l->sleepers);
    l->sleepers = NULL;
    l->wake_next_ns = now + AGAIN_NS;
}
