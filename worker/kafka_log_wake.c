/* Kafka log, wake: partitions that go on after a pause are fetched at once.
 *
 * librdkafka 2.8 has one fetch under way to a broker. Where its answer comes while none of that
 * broker's partitions may be fetched, the broker's thread sleeps, for up to a second, and a resume
 * does not wake it (rd_kafka_broker_consumer_serve in its rdkafka_broker.c). It pauses all
 * partitions itself while the group changes, those that stay as well: that second is then all they
 * ever stand still.
 *
 * The one call that wakes these threads and does nothing else is the one that changes the
 * credentials: it is given those that are there. (A question to each leader, an admin request, wakes
 * them too, but is not safe while a leader is unknown: see kafka_log_offsets.c.)
 */
#include "engine/memory.h"
#include "worker/kafka_log_impl.h"

/* What librdkafka itself resumed it has only put into its main thread's queue: an answer from there
 * says that it is done. Not to be waited for in the rebalance, which may be the last one: a consumer
 * that closes has no answers. */
static void wait_for_resume(struct kafka_log *l)
{
    rd_kafka_topic_partition_list_t *held = NULL;
    if (rd_kafka_assignment(l->consumer, &held) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_topic_partition_list_destroy(held);
    }
}

/* The consumer's setting, "" where there is none; the caller's. */
static char *setting(const struct kafka_log *l, const char *name)
{
    size_t n = 0;
    const rd_kafka_conf_t *conf = rd_kafka_conf(l->consumer);
    if (rd_kafka_conf_get(conf, name, NULL, &n) != RD_KAFKA_CONF_OK) {
        return mem_strdup("");
    }
    char *value = mem_zalloc(n + 1);
    rd_kafka_conf_get(conf, name, value, &n);
    return value;
}

void kafka_wake(struct kafka_log *l)
{
    if (l->sleep == KAFKA_AWAKE) {
        return;
    }
    if (l->sleep == KAFKA_REASSIGNED) {
        wait_for_resume(l);
    }
    char *username = setting(l, "sasl.username"), *password = setting(l, "sasl.password");
    rd_kafka_error_destroy(rd_kafka_sasl_set_credentials(l->consumer, username, password));
    mem_free(username);
    mem_free(password);
    l->sleep = KAFKA_AWAKE;
}
