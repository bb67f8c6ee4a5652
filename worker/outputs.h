/* Outputs: what a local run writes, per topic: how its records are printed, and its next offsets.
 */
#ifndef KLAMM_WORKER_OUTPUTS_H
#define KLAMM_WORKER_OUTPUTS_H

#include "engine/plan.h"

#include <stdio.h>

struct printer;

struct output {
    char *topic;
    FILE *f; /* the caller's; NULL until it sets it */
    struct printer *printer;
    int32_t npartitions;
    int64_t *next; /* offset per partition */
};

struct outputs {
    const struct plan *plan;
    struct schema_store *schemas;
    int n;
    struct output *item;
    struct buffer line;
};

void outputs_init(struct outputs *o, const struct plan *p, struct schema_store *schemas);
/* The record with its offset as a line in o->line (no newline); *out is its topic. */
int outputs_print(struct outputs *o, const struct record *r, struct output **out, struct err *e);
/* Closes files other than stdout. */
void outputs_done(struct outputs *o);

#endif
