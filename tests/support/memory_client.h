/* For tests of the worker: a client on the log in memory, files with text, and a topic's records as
 * lines. */
#ifndef KLAMM_TESTS_MEMORY_CLIENT_H
#define KLAMM_TESTS_MEMORY_CLIENT_H

#include "engine/buffer.h"
#include "worker/client.h"
#include "worker/memory_log.h"

struct memory_client {
    struct memory_broker *broker;
    struct client client;
    struct config_list none;
    char dir[40]; /* a folder of its own, below P_tmpdir */
    struct buffer out;
};

void memory_client_init(struct memory_client *m);
/* Writes a file in dir; the path lives until the next call. */
const char *memory_client_file(struct memory_client *m, const char *name, const char *text);
/* Committed records of a topic, values by that format, as "KEY VALUE\n". */
const char *memory_client_topic(struct memory_client *m, const char *topic, const char *value);
/* Text of a file in dir; "" when there is none. */
const char *memory_client_read(struct memory_client *m, const char *name);
void memory_client_done(struct memory_client *m);

#endif
