/* Metric rows: `from: {metrics: STREAM}`.
 *
 *   columns   stream, step, as     strings: which step, and the name of its prediction
 *             metric               string: accuracy, mae, … with their baselines
 *             value                double; NaN and infinite ones are left out
 *             rows                 long: rows measured so far, by all models of the step in this task
 *   when      after every `every` measured rows; event time is that of the row at hand. Readers of different
 *             `every` have an output each
 *   key       none
 */
#include "engine/metric_rows.h"

#include "engine/task_internal.h"

#include <math.h>
#include <string.h>

enum { STREAM, STEP, AS, METRIC, VALUE, ROWS, COLUMNS };

void metric_rows_bind(struct node *n)
{
    if (n->nmetrics == 0) {
        return;
    }
    struct schema *s = schema_new(n->mem, COLUMNS);
    schema_add(s, "stream", &type_string, false, false);
    schema_add(s, "step", &type_string, false, false);
    schema_add(s, "as", &type_string, false, false);
    schema_add(s, "metric", &type_string, false, false);
    schema_add(s, "value", &type_double, false, false);
    schema_add(s, "rows", &type_long, false, false);
    for (uint16_t i = 0; i < n->nmetrics; i++) {
        n->out[1 + i] = s;
    }
    n->noutputs = (uint16_t)(1 + n->nmetrics);
}

/* A row may count for several: behind a gap of a forecast's series. */
static bool is_due(int64_t every, int64_t before, int64_t count)
{
    return count / every > before / every;
}

bool metric_rows_are_due(const struct node *n, int64_t before, int64_t count)
{
    for (uint16_t i = 0; i < n->nmetrics; i++) {
        if (is_due(n->metrics_every[i], before, count)) {
            return true;
        }
    }
    return false;
}

static struct str text(const char *s)
{
    return str_ref(s, (uint32_t)strlen(s));
}

static int emit(struct op *op, int output, const char *as, int64_t count, const struct batch *b,
                uint16_t row)
{
    const struct spot *p = (const struct spot *)op;
    struct batch *out = batch_new(b->mem, op->node->out[output], (uint16_t)p->nmetrics, NULL);
    uint16_t n = 0;
    for (int i = 0; i < p->nmetrics; i++) {
        if (!isfinite(p->metric[i].value)) {
            continue;
        }
        out->col[STREAM].s[n] = text(op->node->stream);
        out->col[STEP].s[n] = text(op->node->def->name);
        out->col[AS].s[n] = text(as);
        out->col[METRIC].s[n] = text(p->metric[i].name);
        out->col[VALUE].d[n] = p->metric[i].value;
        out->col[ROWS].i[n] = count;
        out->time[n] = b->time[row];
        out->seen[n] = b->seen[row];
        n++;
    }
    out->rows = out->nsel = n;
    return n > 0 ? op_emit(op, output, out) : 0;
}

int metric_rows_emit(struct op *op, const char *as, int64_t before, int64_t count,
                     const struct batch *b, uint16_t row)
{
    int status = 0;
    for (uint16_t i = 0; i < op->node->nmetrics && status == 0; i++) {
        if (is_due(op->node->metrics_every[i], before, count)) {
            status = emit(op, 1 + i, as, count, b, row);
        }
    }
    return status;
}
