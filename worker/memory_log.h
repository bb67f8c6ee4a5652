/* The log without Kafka: topics in memory, for `run --in-memory`, demonstrations and tests.
 *
 * One broker, any number of handles in any number of threads. What a transactional handle produces
 * appears, with its offsets, in one step at its commit; so readers never see what was aborted.
 * Compacted topics keep the last value of each key; others keep what a group has still to read
 * and the newest records.
 */
#ifndef KLAMM_WORKER_MEMORY_LOG_H
#define KLAMM_WORKER_MEMORY_LOG_H

#include "worker/log.h"

struct memory_broker;

/* partitions: of topics that are created by producing to them. */
struct memory_broker *memory_broker_new(int32_t partitions);
void memory_broker_free(struct memory_broker *b);
/* A handle; cfg as in log.h (property and memory_limit are not looked at). ev may be NULL without
 * topics. */
int memory_log_open(struct log **out, struct memory_broker *b, const struct log_config *cfg,
                    const struct log_events *ev, struct err *e);

#endif
