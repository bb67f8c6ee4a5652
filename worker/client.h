/* Client: what commands and runners share in reaching topics: a handle on Kafka or on the log in
 * memory, opened with a topology's properties, and the store of schemas that goes with it.
 */
#ifndef KLAMM_WORKER_CLIENT_H
#define KLAMM_WORKER_CLIENT_H

#include "engine/config.h"
#include "engine/schema_store.h"
#include "worker/log.h"

struct memory_broker;

struct client {
    struct memory_broker *memory; /* NULL: Kafka */
    const char **property;        /* librdkafka: name, value, …, NULL; heap */
    struct log *log;              /* for producing and questions; plain, no group */
    struct schema_store *schemas;
    bool has_answered; /* a broker has, also when the client could not be opened */
};

/* Problems of librdkafka properties and of `schema_registry`, all of them: -ERR_CONFIG. */
int client_check(const struct config_list *kafka, const struct yaml *registry, struct diags *d);
/* kafka: librdkafka properties; registry: the value of `schema_registry`, or NULL. Both must
 * outlive the client. -ERR_CONFIG for a wrong property or registry option. */
int client_open(struct client *c, struct memory_broker *memory, const struct config_list *kafka,
                const struct yaml *registry, struct err *e);
/* The same to look only: it makes no topic, not even that of schemas. */
int client_look(struct client *c, struct memory_broker *memory, const struct config_list *kafka,
                const struct yaml *registry, struct err *e);
/* Opens another handle. */
int client_log(const struct client *c, struct log **out, const struct log_config *cfg,
               const struct log_events *ev, struct err *e);
/* Waits until the brokers answer; says which and for how long it tried. */
int client_wait(struct client *c, int timeout_ms, struct err *e);
/* Sets e: there is no such topic, and which the user may have meant. -ERR_CONFIG. */
int client_no_topic(const struct client *c, const char *topic, struct err *e);
void client_close(struct client *c);

#endif
