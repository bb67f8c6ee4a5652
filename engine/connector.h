/* Connector: a source or sink beside topics (generator, file, log, …). One file each under
 * connectors/.
 *
 * Connectors run in the control thread and speak rows; the worker moves the rows to and from
 * topics, so exactly-once stays a question of Kafka alone. A source's position is one number that
 * it defines (rows made, bytes read); it commits in the transaction of the rows read up to it.
 */
#ifndef KLAMM_ENGINE_CONNECTOR_H
#define KLAMM_ENGINE_CONNECTOR_H

#include "engine/batch.h"
#include "engine/config.h"

struct connector; /* the connector's own */

struct connector_def {
    const char *name, *doc;
    const struct config_field *config;
    size_t config_size;

    /* Sources: columns of the rows. Problems go to d. NULL: not a source. */
    int (*columns)(const void *cfg, struct place at, const char *path, struct arena *a,
                   struct schema **out, struct diags *d);
    /* Whether a source goes on for ever as configured. NULL: it never does. */
    bool (*is_endless)(const void *cfg);
    /* Begins behind `position` (0: at the beginning). */
    int (*source_open)(struct connector **out, const void *cfg, const struct schema *schema,
                       int64_t position, struct err *e);
    /* Rows that are due at wall clock `now`: *out in mem (NULL when none), event times in b->time,
     * b->origin NULL. *position is the position behind them, *next when to ask again (ms). Returns
     * 1 at the end of a source that has one, else 0. */
    int (*source_poll)(struct connector *c, int64_t now, struct arena *mem, struct batch **out,
                       int64_t *position, int64_t *next, struct err *e);
    /* Sinks: NULL: not a sink. */
    int (*sink_open)(struct connector **out, const void *cfg, struct err *e);
    /* One record line (JSON, no newline). */
    int (*sink_write)(struct connector *c, const char *line, size_t n, struct err *e);
    /* What was written is safe. */
    int (*sink_flush)(struct connector *c, struct err *e);
    void (*close)(struct connector *c);
};

#endif
