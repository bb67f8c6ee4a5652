/* Schemas in the compacted topic `_klamm_schemas`, where there is no schema registry. The rules of
 * the topic are in schemas/registry_topic.h; this gives them a log. */
#ifndef KLAMM_WORKER_SCHEMA_TOPIC_H
#define KLAMM_WORKER_SCHEMA_TOPIC_H

#include "engine/schema_store.h"

struct client;

/* Opens a handle of its own; creates the topic when it is missing. */
int schema_topic_open(struct schema_store **out, const struct client *c, struct err *e);
/* Reads only: the topic is not created, and registering a schema is an error. */
int schema_topic_look(struct schema_store **out, const struct client *c, struct err *e);

#endif
