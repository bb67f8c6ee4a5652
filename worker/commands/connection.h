/* Flags by which `tail`, `produce` and others reach a cluster without a topology of their own. */
#ifndef KLAMM_WORKER_COMMANDS_CONNECTION_H
#define KLAMM_WORKER_COMMANDS_CONNECTION_H

#include "worker/client.h"
#include "worker/commands/command.h"

#define CONNECTION_FLAGS                                                                           \
    BOOTSTRAP_FLAG,                                                                                \
        {"registry", "URL", "schema registry; without it schemas are in _klamm_schemas"},          \
        {"topology", "FILE", "take kafka: and schema_registry: from this topology"},               \
    {                                                                                              \
        "set", "NAME=VALUE", "a librdkafka property"                                               \
    }

struct connection {
    struct arena mem;
    struct client client;
    const struct topology *topology; /* of the file, or NULL */
};

/* Opens; after a failure the user has been told, and the exit code is returned. */
int connection_open(struct connection *c, const struct invocation *in);
/* The same, with a topology's file that is no flag; NULL: that of --topology. */
int connection_open_file(struct connection *c, const struct invocation *in, const char *file);
void connection_close(struct connection *c);

#endif
