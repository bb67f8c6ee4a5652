/* forecast: each row teaches a series its value; then come the values that are to follow.
 *
 *   in      target: a number (null or NaN: missing)
 *   out     the input's columns and
 *           <as>_5m, <as>_5m_lower, <as>_5m_upper   per horizon, named as it is written: the value 5m
 *                        after the row, an interval that covers `coverage` of what comes
 *           <as>_breach   with `breach`: ms from the row until the line through the row's value and
 *                        the forecasts reaches the bound; 0 where the row itself does, null if it is
 *                        not reached within the longest horizon
 *           <as>_model_version   1, once a value was learned; one more than the number of the
 *                        training that the forecaster goes on from, where it has such (lstm: fit_every)
 *           null as long as there is nothing to say
 *   null    a missing target (null, not finite, beyond +-1e150) is a missing step, its row has
 *           forecasts; a null key with `per: key` drops the row and counts it; a row that deletes
 *           passes through with nulls. A null bound: null
 *   late    a row of a step that is over: all null, not learned, counted as skipped
 *   bad     a failed expression: row error
 *   state   one entry per series (key bytes with `per: key`): ml/forecast_series.c, version 1
 *   order   rows one by one in input order: the same bits for any batch size
 *   train   of forecasters that train anew now and then: beside the stream where the task has a trainer
 *           (ml/beside.h), else behind the row that makes it due
 *   never   nothing is learned: forecasts stay those behind the last value that was
 */
#include "ml/forecast_plan.h"

#include "engine/memory.h"
#include "engine/metric_rows.h"

#include <math.h>
#include <string.h>

#define TARGET_MOST 1e150
#define TIME_EXACT  9e15 /* of a double */

/* ---- state ---- */

static void *make_series(const void *plan, uint64_t seed)
{
    const struct forecast_plan *p = plan;
    return forecast_series_new(&p->grid, seed);
}

static int io_series(void *object, struct snapshot *s)
{
    return forecast_series_io(object, s);
}

static uint64_t size_series(const void *object)
{
    return forecast_series_size(object);
}

static void free_series(void *object)
{
    forecast_series_free(object);
}

enum { EVENT_TIME, EVENT_VALUE, EVENT_SIZE };

static int replay_series(const void *plan, void *object, const double *event, uint32_t n)
{
    (void)plan;
    if (n != EVENT_SIZE || !(fabs(event[EVENT_TIME]) < TIME_EXACT) ||
        fabs(event[EVENT_VALUE]) > TARGET_MOST) {
        return -ERR_DATA;
    }
    forecast_series_take(object, (int64_t)event[EVENT_TIME], event[EVENT_VALUE]);
    return 0;
}

static const struct object_def objects = {
    .make = make_series,
    .io = io_series,
    .size = size_series,
    .free = free_series,
    .replay = replay_series,
};

static int forecast_bind(struct node *n)
{
    return forecast_plan_bind(n, &objects);
}

static const struct state_codec *forecast_codec(const struct node *n)
{
    const struct forecast_plan *p = n->bound;
    return &p->per.codec;
}

/* ---- task ---- */

struct forecast_task {
    struct per_task per;
    struct forecast_scores scores; /* of all series here, as is the next */
    int64_t steps;
    struct beside beside;
};

/* Takes a series into the totals, or out of them. */
static void add_series(struct forecast_task *t, const struct forecast_series *series, int sign)
{
    const struct forecast_model *m = forecast_series_model(series);
    forecast_scores_add(&t->scores, forecast_model_scores(m), sign);
    t->steps += sign * forecast_model_steps(m);
}

static void add_totals(void *ctx, void *object)
{
    add_series(ctx, object, 1);
}

static int io_totals(void *ctx, struct snapshot *s)
{
    struct forecast_task *t = ctx;
    snapshot_version(s, 2);
    forecast_scores_io(&t->scores, s);
    if (s->version > 1) {
        snapshot_count(s, &t->steps);
    }
    return snapshot_status(s);
}

static bool forecast_lazy(const struct node *n)
{
    const struct forecast_plan *p = n->bound;
    return per_is_lazy(&p->per);
}

static int forecast_open(struct op *op, struct err *e)
{
    const struct forecast_plan *p = op->node->bound;
    struct forecast_task *t = mem_zalloc(sizeof(*t));
    op->self = t;
    beside_init(&t->beside, &forecast_trainable, op->trainer);
    int status = per_open(&t->per, op, &p->per, e);
    struct per_totals totals = {t, io_totals, add_totals};
    return status < 0 ? status : per_totals(&t->per, op, &totals, e);
}

static int forecast_flush(struct op *op)
{
    struct forecast_task *t = op->self;
    beside_flush(&t->beside, op, &t->per);
    return per_flush(&t->per, op);
}

static int forecast_tick(struct op *op, int64_t now)
{
    (void)now;
    struct forecast_task *t = op->self;
    beside_tick(&t->beside, op);
    return 0;
}

static uint64_t forecast_index_bytes(const struct op *op)
{
    const struct forecast_task *t = op->self;
    return t->beside.bytes;
}

static void forecast_close(struct op *op)
{
    struct forecast_task *t = op->self;
    if (t) {
        beside_close(&t->beside, op);
        per_close(&t->per);
        mem_free(t);
        op->self = NULL;
    }
}

/* Always all of them: the first call says in which order they are told. */
static void report(struct op *op)
{
    const struct forecast_task *t = op->self;
    const struct forecast_scores *s = &t->scores;
    op_metric(op, "rows", (double)s->rows[RULE_FORECAST]);
    for (int k = 0; k < FORECAST_RULES; k++) {
        enum forecast_rule rule = (enum forecast_rule)k;
        bool is_told = s->rows[k] > 0;
        op_metric(op, forecast_rules[k].mae, is_told ? forecast_scores_mae(s, rule) : (double)NAN);
        op_metric(op, forecast_rules[k].smape,
                  is_told ? forecast_scores_smape(s, rule) : (double)NAN);
    }
    op_metric(op, "coverage", s->intervals > 0 ? forecast_scores_coverage(s) : (double)NAN);
}

/* ---- rows ---- */

struct pass {
    struct op *op;
    const struct forecast_plan *plan;
    struct forecast_task *task;
    struct batch in;
    struct vec target, bound;
    struct per_rows rows;
    struct vec *out;
};

static double number_at(const struct vec *v, uint16_t row)
{
    if (vec_is_null(v, row)) {
        return NAN;
    }
    return v->type->kind == TYPE_DOUBLE ? v->d[row] : (double)v->i[row];
}

static void put_double(struct pass *p, uint16_t column, uint16_t row, double value)
{
    if (isnan(value)) {
        vec_set_null(&p->out[column], p->in.mem, p->in.rows, row);
    } else {
        p->out[column].d[row] = value;
    }
}

static bool is_beyond(const struct forecast_plan *p, double value, double bound)
{
    return p->is_above ? value >= bound : value <= bound;
}

/* ms until the line from y through the forecasts reaches the bound; negative: it does not. */
static int64_t breach_of(const struct forecast_plan *p, const struct forecast_model *m, double y,
                         double bound)
{
    double from = y, before = 0;
    if (isnan(bound)) {
        return -1;
    }
    if (is_beyond(p, y, bound)) {
        return 0;
    }
    for (uint32_t i = 0; i < p->grid.config.nhorizons; i++) {
        double at = p->grid.config.horizon[i], to = forecast_model_now(m, i)->value;
        if (isnan(to)) {
            continue;
        }
        if (is_beyond(p, to, bound)) {
            double share = isnan(from) ? 1 : (bound - from) / (to - from);
            return llround((before + share * (at - before)) * (double)p->grid.every);
        }
        from = to;
        before = at;
    }
    return -1;
}

/* Writes the columns of a row; m NULL: nulls. */
static void put_row(struct pass *p, const struct forecast_model *m, double y, uint16_t row)
{
    uint16_t column = 0;
    for (uint32_t i = 0; i < p->plan->grid.config.nhorizons; i++) {
        const struct forecast *f = m ? forecast_model_now(m, i) : NULL;
        put_double(p, column++, row, f ? f->value : (double)NAN);
        put_double(p, column++, row, f ? f->lower : (double)NAN);
        put_double(p, column++, row, f ? f->upper : (double)NAN);
    }
    if (p->plan->bound) {
        int64_t ms = m ? breach_of(p->plan, m, y, number_at(&p->bound, row)) : -1;
        p->out[column].i[row] = ms;
        if (ms < 0) {
            vec_set_null(&p->out[column], p->in.mem, p->in.rows, row);
        }
        column++;
    }
    p->out[column].i[row] = m ? forecast_model_version(m) : 0;
    if (p->out[column].i[row] == 0) {
        vec_set_null(&p->out[column], p->in.mem, p->in.rows, row);
    }
}

/* The series takes the row's value; false: it came too late. */
static bool teach(struct pass *p, struct forecast_series *s, double y, uint16_t row)
{
    double event[EVENT_SIZE] = {[EVENT_TIME] = (double)p->in.time[row], [EVENT_VALUE] = y};
    add_series(p->task, s, -1);
    enum forecast_take take = forecast_series_take(s, p->in.time[row], y);
    add_series(p->task, s, 1);
    if (take == TAKE_LATE) {
        p->op->counter[COUNT_SKIPPED]++;
        return false;
    }
    p->op->counter[COUNT_LABELS] += take != TAKE_FIRST;
    per_touch_event(&p->rows, event, EVENT_SIZE);
    return true;
}

/* 0, or an error. */
static int process_row(struct pass *p, uint16_t row)
{
    struct forecast_series *s = per_find(&p->rows, row);
    bool is_delete = p->in.row_op && p->in.row_op[row] == ROW_DELETE;
    double y = number_at(&p->target, row);
    if (is_delete) {
        put_row(p, NULL, y, row);
        return 0;
    }
    if (fabs(y) > TARGET_MOST) {
        p->op->counter[COUNT_SKIPPED]++;
        y = NAN; /* as one that is missing */
    }
    bool is_taken = true;
    int64_t before = p->task->steps;
    if (p->plan->cfg->learn == FORECAST_LEARN_ONLINE) {
        s = s ? s : per_make(&p->rows, row);
        is_taken = teach(p, s, y, row);
    }
    put_row(p, s && is_taken ? forecast_series_model(s) : NULL, y, row);
    if (p->plan->cfg->learn == FORECAST_LEARN_ONLINE) {
        beside_row(&p->task->beside, &p->rows, s);
    }
    int64_t steps = p->task->steps;
    if (!metric_rows_are_due(p->op->node, before, steps)) {
        return 0;
    }
    report(p->op);
    return metric_rows_emit(p->op, p->plan->cfg->as, before, steps, &p->in, row);
}

static int evaluate(struct pass *p, const struct expression *x, struct vec *out)
{
    struct row_errors errors = {0};
    int status = expression_eval(x, &p->in, out, &errors);
    return status == 0 && errors.n > 0 ? op_bad_rows(p->op, &p->in, &errors) : status;
}

static int forecast_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    struct pass p = {.op = op, .plan = op->node->bound, .task = op->self, .in = *b};
    int status = evaluate(&p, p.plan->target, &p.target);
    if (status == 0 && p.plan->bound) {
        status = evaluate(&p, p.plan->bound, &p.bound);
    }
    if (status < 0) {
        return status;
    }
    per_rows_init(&p.rows, op, &p.task->per, &p.in);
    const struct schema *schema = op->node->out[0];
    struct batch out = batch_reshape(&p.in, schema);
    uint16_t first = p.plan->first;
    memcpy(out.col, b->col, first * sizeof(b->col[0]));
    p.out = &out.col[first];
    for (uint16_t i = 0; i < p.plan->n; i++) {
        p.out[i] = vec_new(b->mem, schema->col[first + i].type, b->rows);
    }
    uint16_t *sel = arena_array(b->mem, p.in.nsel + 1U, sizeof(*sel));
    uint16_t nsel = 0;
    for (uint16_t k = 0; k < p.in.nsel; k++) {
        uint16_t row = batch_row(&p.in, k);
        status = process_row(&p, row);
        status = status < 0 ? status : p.rows.status < 0 ? p.rows.status : status;
        if (status < 0) {
            return status;
        }
        sel[nsel] = row;
        nsel = (uint16_t)(nsel + (status == 0));
    }
    if (p.in.nsel > 0) {
        report(op);
    }
    if (nsel < p.in.nsel) {
        out = batch_select(&out, sel, nsel);
    }
    return nsel > 0 ? op_emit(op, 0, &out) : 0;
}

static void forecast_describe(struct op *op, struct open_state *out)
{
    (void)op;
    out->what = "series";
}

const struct step_def op_forecast = {
    .name = "forecast",
    .doc = "tells the values that are to follow each row, with intervals",
    .config = forecast_fields,
    .config_size = sizeof(struct forecast_cfg),
    .stateful = true,
    .state_version = 1,
    .bind = forecast_bind,
    .needs = forecast_plan_needs,
    .state_codec = forecast_codec,
    .state_layout = forecast_plan_layout,
    .lazy = forecast_lazy,
    .open = forecast_open,
    .push = forecast_push,
    .tick = forecast_tick,
    .flush = forecast_flush,
    .describe = forecast_describe,
    .index_bytes = forecast_index_bytes,
    .close = forecast_close,
};
