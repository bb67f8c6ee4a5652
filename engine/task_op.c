/* What the engine gives to a step at work: emitting rows, reporting bad ones, the task's clock and
 * partition, metrics. An op is the first member of its spot, so the one leads to the other.
 */
#include "engine/expression/expression.h"
#include "engine/memory.h"
#include "engine/task_internal.h"

#include <stdio.h>
#include <string.h>

int op_emit(struct op *op, int output, struct batch *b)
{
    const struct spot *p = (struct spot *)op;
    const struct node *n = op->node;
    if (!n->adds_time[output] || b->nsel == 0) {
        return task_pass(op->task, &p->vertex->edges[output], b);
    }
    struct batch timed = batch_reshape(b, n->out[output]);
    uint16_t last = (uint16_t)(timed.schema->n - 1);
    memcpy(timed.col, b->col, last * sizeof *timed.col);
    timed.col[last] = (struct vec){.type = &type_timestamp, .i = timed.time};
    return task_pass(op->task, &p->vertex->edges[output], &timed);
}

bool op_spent(struct op *op, uint32_t work)
{
    op->task->left -= work;
    return op->task->left <= 0;
}

int op_bad_row(struct op *op, const struct batch *b, uint16_t row, const char *text)
{
    struct spot *p = (struct spot *)op;
    struct task *t = op->task;
    char what[1200];
    snprintf(what, sizeof what, "%s: %s", op->node->path, text);
    op->counter[COUNT_BAD]++;
    return bad_row(t, p->errors, b, row,
                   &(struct cause){"TRANSFORMATION", op->node->def->name, op->node, what});
}

int op_bad_elsewhere(struct op *op, const char *place, const char *text)
{
    const struct spot *p = (struct spot *)op;
    char what[1200];
    snprintf(what, sizeof what, "%s: %s", op->node->path, text);
    op->counter[COUNT_BAD]++;
    return bad_elsewhere(op->task, p->errors, place, what);
}

int op_bad_rows(struct op *op, struct batch *b, const struct row_errors *errors)
{
    if (errors->n == 0) {
        return 0;
    }
    uint16_t *sel = arena_array(b->mem, b->nsel + 1U, sizeof *sel), n = 0, k = 0;
    for (uint16_t i = 0; i < b->nsel; i++) {
        uint16_t row = batch_row(b, i);
        while (k < errors->n && errors->item[k].row < row) {
            k++;
        }
        if (k < errors->n && errors->item[k].row == row) {
            int r = op_bad_row(op, b, row, errors->item[k].text);
            if (r < 0) {
                return r;
            }
        } else {
            sel[n++] = row;
        }
    }
    b->sel = sel;
    b->nsel = n;
    return 0;
}

int op_room(const struct op *op)
{
    struct task *t = op->task;
    uint64_t bytes = state_bytes(op->state), most = t->env.most_state;
    if (most == 0 || bytes <= most) {
        return 0;
    }
    return err_set(&t->failure, ERR_DATA,
                   "%s: within a moment it came to keep %llu MB in memory, far more than half of "
                   "memory.limit, the share of state. Set a higher `memory: {limit: …}`; or keep "
                   "less (smaller models, fewer keys)",
                   op->node->path, (unsigned long long)(bytes >> 20));
}

int64_t op_now(const struct op *op)
{
    return clock_now(op->task->env.clock);
}

int32_t op_partition(const struct op *op)
{
    return op->task->partition;
}

void op_metric(struct op *op, const char *name, double value)
{
    struct spot *p = (struct spot *)op;
    for (int i = 0; i < p->nmetrics; i++) {
        if (strcmp(p->metric[i].name, name) == 0) {
            p->metric[i].value = value;
            return;
        }
    }
    if (p->nmetrics < METRICS_MAX) {
        p->metric[p->nmetrics++] = (struct metric){name, value};
    }
}
