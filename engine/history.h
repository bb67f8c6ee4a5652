/* History: rows of a topic, or of a stream without state, that a step reads before its first row
 * (`train_from`), once, when it has nothing of its own yet: those that are there when its task
 * opens.
 *
 *     plan_history.c    a plan of its own: source ─> steps of the stream ─> the step `history`
 *     task_study.c      a task of that plan for each partition, one after the other, fed by task_env.past
 *
 * Read-only once it is planned.
 */
#ifndef KLAMM_ENGINE_HISTORY_H
#define KLAMM_ENGINE_HISTORY_H

#include "engine/plan.h"

struct history {
    const char *name; /* "topic T" or "stream S" */
    const struct node *reader;
    struct place at;
    const char *path;
    struct plan *plan;           /* one sub-plan, number 0 */
    const struct schema *schema; /* of its rows */
    int16_t *column;             /* per column of the reader's in[0]: of schema, or -1 */
    bool *needs;                 /* columns of schema that are read */
};

/* What the step `history`, which ends its plan, does with its rows: hands them to task_env.take. */
int history_take(struct op *op, struct batch *b);

#endif
