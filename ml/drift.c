/* drift: tells when the values of an expression have come to differ from those before.
 *
 *   in      of: a double or long; a boolean counts as 1 and 0 (the errors of a classifier:
 *           `predicted != label`), and is what ddm and eddm want
 *   out     the input's columns and
 *           <as>                 true on the row with which a change is told of, else false
 *           <as>_model_version   1, and one more after each change: the detector has begun anew then,
 *                                so that this numbers the stretches between changes
 *   null    a value that is null, NaN, infinite or beyond 1e150: <as> is null, the value is not
 *           looked at, it is counted as skipped. A null key with `per: key` drops the row and counts
 *           it; a row that deletes passes through without being looked at
 *   bad     a failed expression: row error
 *   state   one entry per detector (key bytes with `per: key`, else the empty key). In memory the
 *           value is a pointer to it, in the changelog its snapshot: values, detections, then what
 *           the detector writes; version 1
 *   order   rows one by one in input order: the same bits for any batch size
 *   global  needs all rows in one task: bind asks the plan for a one-partition repartition
 */
#include "engine/expression/expression.h"
#include "engine/memory.h"
#include "engine/metric_rows.h"
#include "ml/algorithm.h"
#include "ml/learning.h"

#include <math.h>
#include <string.h>

struct drift_cfg {
    const char *algorithm, *as;
    struct config_text of;
    const struct yaml *options;
    int per;
};

static const struct config_field fields[] = {
    {"algorithm", CONFIG_TEXT, offsetof(struct drift_cfg, algorithm), .required = true,
     .doc = "the detector"},
    {"of", CONFIG_EXPRESSION, offsetof(struct drift_cfg, of), .required = true,
     .doc = "what is watched: a number, or a boolean that is true for an error"},
    {"as", CONFIG_TEXT, offsetof(struct drift_cfg, as), .required = true,
     .doc = "name of the column that is true where a change is told of"},
    {"options", CONFIG_YAML, offsetof(struct drift_cfg, options),
     .doc = "of the detector, named as River names them"},
    {"per", CONFIG_ENUM, offsetof(struct drift_cfg, per), .def = "key", .values = per_names,
     .doc = "one detector for each key, for each partition or for all rows"},
    {0},
};

/* ---- plan ---- */

struct plan {
    const struct drift_cfg *cfg;
    const struct drift_def *def;
    const void *options;
    const struct expression *of;
    struct per_plan per;
    uint16_t out; /* number of the first of the two columns */
};

static int bind_algorithm(struct node *n, struct plan *p)
{
    p->def = algorithm_drift(n, p->cfg->algorithm);
    if (!p->def) {
        return -ERR_CONFIG;
    }
    p->options = algorithm_drift_options(n, p->def, p->cfg->options, &p->per.seed);
    return p->options ? 0 : -ERR_CONFIG;
}

static int bind_value(struct node *n, struct plan *p)
{
    if (expression_compile(&p->of, n->mem, &p->cfg->of, n->in[0], n->diags) < 0) {
        return -ERR_CONFIG;
    }
    enum type_kind kind = expression_type(p->of)->kind;
    if (kind != TYPE_BOOLEAN && kind != TYPE_LONG && kind != TYPE_DOUBLE) {
        return algorithm_problem(n, "of", "a number or a boolean is watched");
    }
    if (p->def && p->def->is_binary && kind != TYPE_BOOLEAN) {
        return algorithm_problem(n, "of",
                                 "%s watches a boolean that is true for an error, such as "
                                 "`predicted != label`; adwin and page_hinkley take numbers",
                                 p->def->name);
    }
    return 0;
}

static int bind_output(struct node *n, struct plan *p)
{
    static const struct type *const type[] = {&type_boolean};
    struct learning columns = {.cfg = &(struct learning_cfg){.as = p->cfg->as}};
    int status = learning_output(n, &columns, &p->cfg->as, type, 1);
    p->out = columns.first;
    return status;
}

static const struct object_def detectors;

static int drift_bind(struct node *n)
{
    struct plan *p = arena_zalloc(n->mem, sizeof(*p));
    p->cfg = n->cfg;
    n->bound = p;
    int status = per_bind(&p->per, n, (enum per)p->cfg->per, &detectors, p);
    if (bind_algorithm(n, p) < 0) {
        status = -ERR_CONFIG;
    }
    if (bind_value(n, p) < 0) {
        status = -ERR_CONFIG;
    }
    return status < 0 ? status : bind_output(n, p);
}

static void drift_needs(const struct node *n, const bool *out, bool *in)
{
    const struct plan *p = n->bound;
    for (uint16_t c = 0; c < n->in[0]->n; c++) {
        in[c] |= out[c];
    }
    expression_needs(p->of, in);
    per_needs(&p->per, n, in);
}

/* ---- state ---- */

struct watch {
    const struct drift_def *def;
    void *detector;
    int64_t values, detections;
};

static void *make_watch(const void *plan, uint64_t seed)
{
    const struct plan *p = plan;
    struct watch *w = mem_zalloc(sizeof(*w));
    w->def = p->def;
    w->detector = p->def->open(p->options, seed);
    return w;
}

static int io_watch(void *object, struct snapshot *s)
{
    struct watch *w = object;
    snapshot_version(s, 1);
    snapshot_count(s, &w->values);
    snapshot_count(s, &w->detections);
    return snapshot_status(s) < 0 ? snapshot_status(s) : w->def->io(w->detector, s);
}

static uint64_t size_watch(const void *object)
{
    const struct watch *w = object;
    return sizeof(*w) + (w->def->size ? w->def->size(w->detector) : 0);
}

static void free_watch(void *object)
{
    struct watch *w = object;
    w->def->close(w->detector);
    mem_free(w);
}

static const struct object_def detectors = {
    .make = make_watch,
    .io = io_watch,
    .size = size_watch,
    .free = free_watch,
};

/* Another threshold may come: the detector goes on from what it has seen. */
static void drift_layout(const struct node *n, struct buffer *words)
{
    const struct plan *p = n->bound;
    buffer_printf(words, "per %s, %s, version %u\n", per_names[p->cfg->per], p->def->name,
                  (unsigned)p->def->version);
    if (p->def->layout) {
        p->def->layout(p->options, words);
    }
    expression_layout(words, p->of);
}

static const struct state_codec *drift_codec(const struct node *n)
{
    const struct plan *p = n->bound;
    return &p->per.codec;
}

/* ---- task ---- */

struct drift_task {
    struct per_task per;
    int64_t values, detections; /* of all detectors here */
};

static void add_totals(void *ctx, void *object)
{
    struct drift_task *t = ctx;
    const struct watch *w = object;
    t->values += w->values;
    t->detections += w->detections;
}

static int io_totals(void *ctx, struct snapshot *s)
{
    struct drift_task *t = ctx;
    snapshot_version(s, 1);
    snapshot_count(s, &t->values);
    snapshot_count(s, &t->detections);
    return snapshot_status(s);
}

static bool drift_lazy(const struct node *n)
{
    const struct plan *p = n->bound;
    return per_is_lazy(&p->per);
}

static int drift_open(struct op *op, struct err *e)
{
    const struct plan *p = op->node->bound;
    struct drift_task *t = mem_zalloc(sizeof(*t));
    op->self = t;
    int status = per_open(&t->per, op, &p->per, e);
    struct per_totals totals = {t, io_totals, add_totals};
    return status < 0 ? status : per_totals(&t->per, op, &totals, e);
}

static int drift_flush(struct op *op)
{
    struct drift_task *t = op->self;
    return per_flush(&t->per, op);
}

static void drift_close(struct op *op)
{
    struct drift_task *t = op->self;
    if (t) {
        per_close(&t->per);
        mem_free(t);
        op->self = NULL;
    }
}

static double value_of(const struct vec *v, uint16_t row)
{
    if (vec_is_null(v, row)) {
        return NAN;
    }
    if (v->type->kind == TYPE_DOUBLE) {
        return v->d[row];
    }
    return v->type->kind == TYPE_LONG ? (double)v->i[row] : v->b[row];
}

/* A batch on its way through the step. */
struct pass {
    struct op *op;
    struct batch in;
    struct vec of;
    struct per_rows rows;
    struct vec *is_drift, *version;
};

static void report(struct op *op)
{
    const struct drift_task *t = op->self;
    op_metric(op, "values", (double)t->values);
    op_metric(op, "detections", (double)t->detections);
}

/* Rows for the stream that reads the metrics. */
static int measure(struct pass *p, int64_t values, uint16_t row)
{
    const struct drift_cfg *cfg = p->op->node->cfg;
    report(p->op);
    return metric_rows_emit(p->op, cfg->as, values - 1, values, &p->in, row);
}

static int process_row(struct pass *p, uint16_t row)
{
    struct drift_task *t = p->op->self;
    struct watch *w = per_find(&p->rows, row);
    bool is_delete = p->in.row_op && p->in.row_op[row] == ROW_DELETE;
    double x = value_of(&p->of, row);
    bool is_value = !is_delete && fabs(x) <= FEATURE_MOST;
    if (is_value && !w) {
        w = per_make(&p->rows, row);
    }
    if (w) {
        p->version->i[row] = w->detections + 1;
    } else {
        vec_set_null(p->version, p->in.mem, p->in.rows, row);
    }
    if (!is_value) {
        p->op->counter[COUNT_SKIPPED] += !is_delete;
        vec_set_null(p->is_drift, p->in.mem, p->in.rows, row);
        return 0;
    }
    bool is_drift = w->def->update(w->detector, x);
    p->is_drift->b[row] = is_drift;
    w->values++;
    w->detections += is_drift;
    t->values++;
    t->detections += is_drift;
    p->op->counter[COUNT_LABELS]++;
    per_touch(&p->rows);
    bool is_due = metric_rows_are_due(p->op->node, t->values - 1, t->values);
    return is_due ? measure(p, t->values, row) : 0;
}

static int drift_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    const struct plan *plan = op->node->bound;
    struct drift_task *t = op->self;
    struct pass p = {.op = op, .in = *b};
    struct row_errors errors = {0};
    int status = expression_eval(plan->of, &p.in, &p.of, &errors);
    if (status == 0 && errors.n > 0) {
        status = op_bad_rows(op, &p.in, &errors);
    }
    if (status < 0) {
        return status;
    }
    per_rows_init(&p.rows, op, &t->per, &p.in);
    struct batch out = batch_reshape(&p.in, op->node->out[0]);
    memcpy(out.col, b->col, plan->out * sizeof(b->col[0]));
    p.is_drift = &out.col[plan->out];
    p.version = p.is_drift + 1;
    *p.is_drift = vec_new(b->mem, &type_boolean, b->rows);
    *p.version = vec_new(b->mem, &type_long, b->rows);
    for (uint16_t k = 0; k < p.in.nsel && status == 0; k++) {
        status = process_row(&p, batch_row(&p.in, k));
        status = status < 0 ? status : p.rows.status;
    }
    if (status < 0) {
        return status;
    }
    report(op);
    return p.in.nsel > 0 ? op_emit(op, 0, &out) : 0;
}

static void drift_describe(struct op *op, struct open_state *out)
{
    (void)op;
    out->what = "detectors";
}

const struct step_def op_drift = {
    .name = "drift",
    .doc = "tells when values have come to differ from those before",
    .config = fields,
    .config_size = sizeof(struct drift_cfg),
    .stateful = true,
    .state_version = 1,
    .bind = drift_bind,
    .needs = drift_needs,
    .state_codec = drift_codec,
    .state_layout = drift_layout,
    .lazy = drift_lazy,
    .open = drift_open,
    .push = drift_push,
    .flush = drift_flush,
    .describe = drift_describe,
    .close = drift_close,
};
