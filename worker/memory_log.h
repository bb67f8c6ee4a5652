/* The log without Kafka: topics in memory, for `run --in-memory`, demonstrations and tests.
 *
 * One broker, any number of handles in any number of threads. What a transactional handle produces
 * appears, with its offsets, at its commit; readers never see what was aborted. A handle is fenced
 * when another is opened with its transactional id, as in Kafka.
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

/* What a simulation does to them; none of it happens by itself. */

/* From now on a decision is not seen at once: each partition, and the group's offsets, wait for
 * their marker. */
void memory_broker_delay_markers(struct memory_broker *b);
/* Writes one of the markers that wait; whether there was one. */
bool memory_broker_write_marker(struct memory_broker *b, uint32_t which);
/* Its transaction has lasted too long: it is aborted, and the handle fenced. */
void memory_log_expire(struct log *l);
/* A member has not polled for too long: the group gives its partitions to others. */
void memory_log_evict(struct log *l);
/* The first half of a commit: the offsets are in the transaction, which stays open. */
int memory_log_send_offsets(struct log *l, const struct log_position *p, size_t n, struct err *e);

#endif
