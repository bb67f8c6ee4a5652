/* For tests of connectors: one opened from YAML, and its rows as JSON lines. */
#ifndef KLAMM_TESTS_CONNECTOR_RIG_H
#define KLAMM_TESTS_CONNECTOR_RIG_H

#include "engine/connector.h"

struct source_rig {
    const struct connector_def *def;
    struct arena plan, mem;
    struct diags diags;
    struct err err;
    void *cfg;
    struct schema *schema;
    struct connector *connector;
    int64_t position, next;
    struct batch *batch;
    struct buffer out;
};

/* Parses the configuration and infers the columns. Returns the first error, or 0. */
int source_init(struct source_rig *r, const struct connector_def *def, const char *yaml);
int source_open(struct source_rig *r, int64_t position);
int source_poll(struct source_rig *r, int64_t now);
/* The rows of the last poll, one JSON object a line with "@TIME " in front. */
const char *source_rows(struct source_rig *r);
void source_close(struct source_rig *r);
void source_done(struct source_rig *r);

#endif
