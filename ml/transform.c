/* The skeleton of the preprocessing steps: see transform.h; their columns: transform_bind.c.
 *
 *   in       `columns`; a null, a NaN, an infinite number or one beyond +-1e150 is missing: it is
 *            not learned, and what is made of it is null, but where a step says otherwise (impute)
 *   order    rows one by one: learned, then transformed, so that the first row has statistics (as
 *            River's learn_one, transform_one). With a label: transformed by what the rows before
 *            it said, then learned. The same bits for any batch size
 *   deletes  rows that delete are transformed, not learned
 *   state    one object for all rows, a key or a partition, see per.h; none where, as configured, nothing is learned: such a
 *            step needs no key and no repartition
 */
#include "ml/transform.h"

#include "engine/memory.h"
#include "ml/features.h"

#include <math.h>
#include <string.h>

enum { LEARN_ONLINE, LEARN_NEVER };
const char *const transform_learn_names[] = {"online", "never", NULL};

/* ---- descriptor ---- */

void transform_needs(const struct node *n, const bool *out, bool *in)
{
    const struct transform *t = n->bound;
    for (uint16_t c = 0; c < n->out[0]->n; c++) {
        if (t->carried[c] >= 0) {
            in[t->carried[c]] |= out[c];
        }
    }
    for (uint32_t i = 0; i < t->n; i++) {
        in[t->column[i].in] = true;
    }
    if (t->label) {
        expression_needs(t->label, in);
    }
    if (t->learns) {
        per_needs(&t->per, n, in);
    }
}

const struct state_codec *transform_codec(const struct node *n)
{
    const struct transform *t = n->bound;
    return &t->per.codec;
}

void transform_layout(const struct node *n, struct buffer *words)
{
    const struct transform *t = n->bound;
    buffer_printf(words, "per %s\n", t->learns ? per_names[t->cfg->per] : "nothing");
    t->def->layout(t->cfg, words);
    for (uint32_t i = 0; i < t->n; i++) {
        buffer_printf(words, "%s ", t->column[i].name);
        type_print(words, t->column[i].type);
        buffer_byte(words, '\n');
    }
    if (t->label) {
        expression_layout(words, t->label);
    }
}

bool transform_lazy(const struct node *n)
{
    const struct transform *t = n->bound;
    return per_is_lazy(&t->per);
}

void transform_describe(struct op *op, struct open_state *out)
{
    (void)op;
    out->what = "statistics";
}

/* ---- task ---- */

struct scratch {
    struct per_task per;
    double *event; /* label, then x: all that a row of numbers can teach */
    double *x, *out;
    struct vec *from;
};

int transform_open(struct op *op, struct err *e)
{
    const struct transform *t = op->node->bound;
    struct scratch *s = mem_zalloc(sizeof(*s));
    s->event = mem_array(t->n + 2U, sizeof(double));
    s->x = s->event + 1;
    s->out = mem_array(t->nout + 1U, sizeof(double));
    s->from = mem_array(t->n + 1U, sizeof(*s->from));
    op->self = s;
    return t->learns ? per_open(&s->per, op, &t->per, e) : 0;
}

int transform_flush(struct op *op)
{
    const struct transform *t = op->node->bound;
    struct scratch *s = op->self;
    return t->learns ? per_flush(&s->per, op) : 0;
}

void transform_close(struct op *op)
{
    const struct transform *t = op->node->bound;
    struct scratch *s = op->self;
    if (!s) {
        return;
    }
    if (t->learns) {
        per_close(&s->per);
    }
    mem_free(s->event);
    mem_free(s->out);
    mem_free(s->from);
    mem_free(s);
    op->self = NULL;
}

int transform_replay(const void *plan, void *object, const double *event, uint32_t n)
{
    const struct transform *t = plan;
    if (n != t->n + 1) {
        return -ERR_DATA;
    }
    if (t->def->run) {
        double x[COLUMNS_MAX];
        memcpy(x, event + 1, t->n * sizeof(*x));
        t->def->run(&(struct transform_run){t, object, .learns = true, .n = 1, .x = x});
    } else {
        t->def->learn(object, &(struct transform_row){.t = t, .x = event + 1, .y = event[0]});
    }
    return 0;
}

/* NaN: null, or nothing to compute with. */
static double number_of(const struct vec *v, uint16_t row, double most)
{
    if (vec_is_null(v, row)) {
        return (double)NAN;
    }
    double x = 0;
    if (v->type->kind == TYPE_DOUBLE) {
        x = v->d[row];
    } else if (v->type->kind == TYPE_LONG) {
        x = (double)v->i[row];
    } else if (v->type->kind == TYPE_BOOLEAN) {
        x = v->b[row] != 0;
    }
    return fabs(x) <= most ? x : (double)NAN;
}

/* A batch on its way through the step. */
struct pass {
    struct op *op;
    const struct transform *t;
    struct scratch *scratch;
    struct batch in, out;
    struct vec label, *to; /* to: the new columns */
    struct per_rows rows;
    struct transform_row row;
    const void *object; /* the last one */
};

static void scatter(struct pass *p, uint16_t row)
{
    const struct transform *t = p->t;
    for (uint32_t i = 0; i < t->nout; i++) {
        double value = p->row.out[i];
        struct vec *v = &p->to[i];
        if (isnan(value)) {
            vec_set_null(v, p->in.mem, p->in.rows, row);
        } else if (v->type->kind == TYPE_DOUBLE) {
            v->d[row] = value;
        } else {
            v->i[row] = (int64_t)value;
        }
    }
}

static bool is_delete(const struct pass *p, uint16_t row)
{
    return p->in.row_op && p->in.row_op[row] == ROW_DELETE;
}

static void learn(struct pass *p, void *object, uint16_t row)
{
    const struct transform *t = p->t;
    if (!t->learns || t->cfg->learn == LEARN_NEVER || is_delete(p, row)) {
        return;
    }
    if (t->label) {
        p->row.y = number_of(&p->label, row, FEATURE_MOST);
        if (isnan(p->row.y)) {
            return;
        }
        p->op->counter[COUNT_LABELS]++;
    }
    t->def->learn(object, &p->row);
    if (t->tells_events) {
        p->scratch->event[0] = p->row.y;
        per_touch_event(&p->rows, p->scratch->event, t->n + 1);
    } else {
        per_touch(&p->rows);
    }
}

static void process_row(struct pass *p, uint16_t row)
{
    const struct transform *t = p->t;
    const struct transform_def *def = t->def;
    struct transform_row *r = &p->row;
    void *object = NULL;
    r->row = row;
    for (uint32_t i = 0; i < t->n; i++) {
        p->scratch->x[i] = number_of(&p->scratch->from[i], row,
                                     def->keeps_infinite ? (double)INFINITY : FEATURE_MOST);
    }
    for (uint32_t i = 0; !def->writes_columns && i < t->nout; i++) {
        r->out[i] = (double)NAN;
    }
    if (t->learns) {
        object = per_find(&p->rows, row);
        object = object ? object : per_make(&p->rows, row);
        p->object = object;
    }
    if (!t->label) {
        learn(p, object, row);
    }
    def->apply(object, r);
    if (t->label) {
        learn(p, object, row);
    }
    if (!def->writes_columns) {
        scatter(p, row);
    }
}

/* ---- runs of rows ---- */

void transform_put_null(const struct transform_run *r, uint32_t i, uint16_t k)
{
    vec_set_null(&r->to[i], r->mem, r->rows, r->row[k]);
}

void transform_put(const struct transform_run *r, uint32_t i, const double *value)
{
    if (!r->to) {
        return;
    }
    for (uint16_t k = 0; k < r->n; k++) {
        if (isnan(value[k])) {
            transform_put_null(r, i, k);
        } else {
            r->to[i].d[r->row[k]] = value[k];
        }
    }
}

/* number_of() of n rows. What is missing comes at random: it decides no branch. */
static void gather(double *x, const struct vec *v, const uint16_t *row, uint16_t n, double most)
{
    static const double nothing[2] = {0, (double)NAN}; /* x - 0 is x, also of -0 */
    const enum type_kind kind = v->type->kind;
    if (kind == TYPE_DOUBLE) {
        for (uint16_t k = 0; k < n; k++) {
            x[k] = fabs(v->d[row[k]]) <= most ? v->d[row[k]] : (double)NAN;
        }
    } else if (kind == TYPE_LONG) {
        for (uint16_t k = 0; k < n; k++) {
            x[k] = (double)v->i[row[k]];
        }
    } else {
        for (uint16_t k = 0; k < n; k++) {
            x[k] = kind == TYPE_BOOLEAN && v->b[row[k]] ? 1 : 0;
        }
    }
    for (uint16_t k = 0; v->null && k < n; k++) {
        x[k] -= nothing[v->null[row[k]]];
    }
}

static void touch_run(struct pass *p, const struct transform_run *r)
{
    if (!p->t->tells_events || !per_keeps_events(&p->rows)) {
        per_touch(&p->rows);
        return;
    }
    double *event = p->scratch->event;
    for (uint16_t k = 0; k < r->n; k++) {
        event[0] = 0;
        for (uint32_t i = 0; i < p->t->n; i++) {
            event[i + 1] = number_of(&r->from[i], r->row[k], FEATURE_MOST);
        }
        per_touch_event(&p->rows, event, p->t->n + 1);
    }
}

/* r->n rows from r->row on: those of one object that are all learned, or all not. */
static void process_run(struct pass *p, struct transform_run *r)
{
    const struct transform *t = p->t;
    if (t->learns) {
        r->object = per_find(&p->rows, r->row[0]);
        r->object = r->object ? r->object : per_make(&p->rows, r->row[0]);
        p->object = r->object;
    }
    r->learns = t->learns && t->cfg->learn != LEARN_NEVER && !is_delete(p, r->row[0]);
    for (uint32_t i = 0; i < t->n; i++) {
        gather(r->x + (size_t)i * r->n, &r->from[i], r->row, r->n,
               t->def->keeps_infinite ? (double)INFINITY : FEATURE_MOST);
    }
    t->def->run(r);
    if (r->learns) {
        touch_run(p, r);
    }
}

static void process_runs(struct pass *p)
{
    struct arena *mem = p->in.mem;
    uint16_t *row = arena_array(mem, p->in.nsel, sizeof(*row)), n = 0;
    bool is_keyed = p->t->learns && p->t->per.per == PER_KEY;
    struct transform_run r = {.t = p->t,
                              .x = arena_array(mem, (size_t)p->in.nsel * p->t->n, sizeof(double)),
                              .from = p->scratch->from,
                              .to = p->to,
                              .rows = p->in.rows,
                              .mem = mem};
    for (uint16_t k = 0; k < p->in.nsel; k++) {
        row[k] = batch_row(&p->in, k);
    }
    for (uint16_t k = 0; k < p->in.nsel && p->rows.status == 0; k = (uint16_t)(k + n)) {
        bool deletes = is_delete(p, row[k]);
        for (n = 1; !is_keyed && k + n < p->in.nsel && is_delete(p, row[k + n]) == deletes;) {
            n++;
        }
        r.row = row + k;
        r.n = n;
        process_run(p, &r);
    }
}

/* ---- push ---- */

static int prepare(struct pass *p)
{
    const struct transform *t = p->t;
    if (t->label) {
        struct row_errors errors = {0};
        int status = expression_eval(t->label, &p->in, &p->label, &errors);
        if (status == 0 && errors.n > 0) {
            status = op_bad_rows(p->op, &p->in, &errors);
        }
        if (status < 0) {
            return status;
        }
    }
    if (t->learns) {
        per_rows_init(&p->rows, p->op, &p->scratch->per, &p->in);
    }
    p->out = batch_reshape(&p->in, p->op->node->out[0]);
    for (uint16_t c = 0; c < p->out.schema->n; c++) {
        if (t->carried[c] >= 0) {
            p->out.col[c] = p->in.col[t->carried[c]];
        }
    }
    p->to = arena_array(p->in.mem, t->nout + 1U, sizeof(*p->to));
    for (uint32_t i = 0; i < t->nout; i++) {
        p->to[i] = vec_new(p->in.mem, t->out[i].type, p->in.rows);
    }
    for (uint32_t i = 0; i < t->n; i++) {
        p->scratch->from[i] = p->in.col[t->column[i].in];
    }
    return 0;
}

int transform_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    struct pass p = {.op = op, .t = op->node->bound, .scratch = op->self, .in = *b};
    int status = prepare(&p);
    if (status < 0) {
        return status;
    }
    p.row = (struct transform_row){.t = p.t,
                                   .x = p.scratch->x,
                                   .out = p.scratch->out,
                                   .from = p.scratch->from,
                                   .to = p.to,
                                   .label = &p.label,
                                   .rows = p.in.rows,
                                   .mem = p.in.mem};
    if (p.t->def->run) {
        process_runs(&p);
    }
    for (uint16_t k = 0; !p.t->def->run && k < p.in.nsel && p.rows.status == 0; k++) {
        process_row(&p, batch_row(&p.in, k));
    }
    if (p.rows.status < 0) {
        return p.rows.status;
    }
    for (uint32_t i = 0; i < p.t->nout; i++) {
        p.out.col[p.t->out[i].in] = p.to[i];
    }
    if (p.t->def->report && p.object && p.t->per.per != PER_KEY) {
        p.t->def->report(op, p.object);
    }
    return p.in.nsel > 0 ? op_emit(op, 0, &p.out) : 0;
}
