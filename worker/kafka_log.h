/* Kafka log: struct log over librdkafka 2.8. One consumer and, when the lane writes, one producer a
 * handle; both are served by the lane's thread, in poll and produce. See log.h for the contract.
 */
#ifndef KLAMM_WORKER_KAFKA_LOG_H
#define KLAMM_WORKER_KAFKA_LOG_H

#include "worker/log.h"

/* Connects and subscribes; assignments come with poll(). Keeps nothing of cfg; copies *ev.
 * -ERR_CONFIG: a property is wrong; -ERR_RETRY: the cluster did not answer in time. */
int kafka_log_open(struct log **out, const struct log_config *cfg, const struct log_events *ev,
                   struct err *e);

/* Checks one property as a user wrote it: unknown name, wrong value, or one that klamm sets itself
 * (-ERR_CONFIG with the reason). */
int kafka_property_check(const char *name, const char *value, struct err *e);
/* The same for what depends on the others (name, value, …, NULL). */
int kafka_protocol_check(const char *name, const char *const *property, struct err *e);

/* Bytes that key, value and headers of a record may take with these properties (name, value, …,
 * NULL): what is larger is not sent. */
size_t kafka_record_most(const char *const *property);

#endif
