/* history: what ends the plan of a history (engine/history.h): its rows go to the step that learns
 * from them, in another task.
 *
 *   columns  as they come in; those that the step needs are read
 *   state    none, and nothing is emitted
 */
#include "engine/history.h"

static int history_bind(struct node *n)
{
    n->out[0] = n->in[0];
    n->noutputs = 1;
    return 0;
}

static void history_needs(const struct node *n, const bool *out, bool *in)
{
    const struct history *h = n->bound;
    for (uint16_t c = 0; c < n->in[0]->n; c++) {
        in[c] |= out[c] || h->needs[c];
    }
}

static int history_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    return history_take(op, b);
}

const struct step_def op_history = {
    .name = "history",
    .doc = "Hands rows of the past to the step that learns from them.",
    .internal = true,
    .bind = history_bind,
    .needs = history_needs,
    .push = history_push,
};
