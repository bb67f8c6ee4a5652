/* Schema store in a compacted topic with one partition (`_klamm_schemas`), in the form of
 * Confluent's own `_schemas`; without any Kafka: the topic is reached through two callbacks.
 *
 *     key    {"keytype":"SCHEMA","subject":S,"version":V,"magic":1}
 *     value  {"subject":S,"version":V,"id":N,"schema":TEXT,"deleted":false}      null: forgotten
 *
 * Thread-safe; the callbacks are called by one thread at a time.
 */
#ifndef KLAMM_SCHEMAS_REGISTRY_TOPIC_H
#define KLAMM_SCHEMAS_REGISTRY_TOPIC_H

#include "engine/buffer.h"
#include "engine/record.h"
#include "engine/schema_store.h"

#include <stdbool.h>

struct registry_topic;

/* How the store reaches its topic. */
struct registry_log {
    void *ctx;
    /* Becomes the only writer: from now on an append of whoever was it before fails with -ERR_ABORT
     * (in Kafka: init_transactions of a shared transactional.id). NULL: there is no such thing. */
    int (*begin)(void *ctx, struct err *e);
    /* Appends one record and waits until it is safe. -ERR_ABORT: another writer has come, and the
     * record does not exist. */
    int (*append)(void *ctx, const void *key, size_t key_n, const void *value, size_t value_n,
                  struct err *e);
    /* Calls each (in offset order) for all records behind those it has read before, up to the end
     * of the topic as of this call. */
    int (*read_new)(void *ctx, int (*each)(void *each_ctx, const struct record *r), void *each_ctx,
                    struct err *e);
};

/* The store owns neither ctx nor the topic. Nothing is read before the first question. */
struct registry_topic *registry_topic_new(const struct registry_log *log);
struct schema_store *registry_topic_store(struct registry_topic *t);

/* The steps by themselves, for tests and for those who read the topic on their own. Not to be mixed
 * with the use of the store from other threads. */

/* Applies one record. Returns 1 when it changed something, 0 when it lost against an earlier one or
 * is of another kind; never fails, since a record that nobody understands must not stop anybody. */
int registry_topic_fold(struct registry_topic *t, const struct record *r);
/* The record to append so that `subject` gets this schema (canonical text): 1 with key and value
 * (cleared before), 0 when it has it already, with *id set in both cases. */
int registry_topic_propose(struct registry_topic *t, const char *subject, const char *text,
                           struct buffer *key, struct buffer *value, uint32_t *id);
/* True when the table says that the proposal has won. */
bool registry_topic_resolved(const struct registry_topic *t, const char *subject, const char *text,
                             uint32_t id);

#endif
