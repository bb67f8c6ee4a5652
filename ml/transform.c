/* The skeleton of the preprocessing steps: see transform.h.
 *
 *   in       `columns`; a null, a NaN, an infinite number or one beyond +-1e150 is missing: it is
 *            not learned, and what is made of it is null, but where a step says otherwise (impute)
 *   out      without `as` a new column takes the place of its old one and the type may be another;
 *            with it the old ones stay and the new ones follow behind all columns. A key column
 *            cannot be replaced: the partitioning was made by it
 *   order    rows one by one: learned, then transformed, so that the first row has statistics (as
 *            River's learn_one, transform_one). With a label: transformed by what the rows before
 *            it said, then learned. The same bits for any batch size
 *   deletes  rows that delete are transformed, not learned
 *   state    one object for all rows, a key or a partition, see per.h; none where, as configured, nothing is learned: such a
 *            step needs no key and no repartition
 */
#include "ml/transform.h"

#include "engine/memory.h"
#include "engine/shape.h"
#include "ml/algorithm.h"
#include "ml/features.h"
#include "ml/pattern.h"

#include <math.h>
#include <string.h>

enum { LEARN_ONLINE, LEARN_NEVER };
const char *const transform_learn_names[] = {"online", "never", NULL};

/* ---- columns in ---- */

static bool takes(const struct transform_def *def, const struct type *type)
{
    unsigned kind = 0;
    switch (type->kind) {
    case TYPE_LONG:
    case TYPE_DOUBLE:
        kind = TAKE_NUMBERS;
        break;
    case TYPE_BOOLEAN:
        kind = TAKE_BOOLEANS;
        break;
    case TYPE_STRING:
        kind = TAKE_STRINGS;
        break;
    case TYPE_ARRAY:
        kind = type->of->kind == TYPE_STRING ? TAKE_TOKENS : 0;
        break;
    case TYPE_MAP:
        kind = type_is_numeric(type->of) ? TAKE_TOKENS : 0;
        break;
    case TYPE_TIMESTAMP:
    case TYPE_BYTES:
    case TYPE_RECORD:
        break;
    }
    return (def->takes & kind) != 0;
}

static bool is_taken(const struct transform *t, int c)
{
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->column[i].in == c) {
            return true;
        }
    }
    return false;
}

static void take(struct node *n, struct transform *t, int c)
{
    const struct column *column = &n->in[0]->col[c];
    t->column[t->n++] = (struct transform_column){
        .name = column->name, .type = column->type, .from = -1, .in = (uint16_t)c};
}

static int take_name(struct node *n, struct transform *t, const struct config_text *text)
{
    int c = shape_find(n, text->text, text->at);
    if (c < 0) {
        return -ERR_CONFIG;
    }
    const struct type *type = n->in[0]->col[c].type;
    if (t->label && c == expression_column(t->label)) {
        return diags_add(n->diags, text->at, text->path,
                         "'%s' is the label: a feature must be known before it", text->text);
    }
    if (is_taken(t, c)) {
        return diags_add(n->diags, text->at, text->path, "'%s' is named twice", text->text);
    }
    if (!takes(t->def, type)) {
        struct buffer kind;
        buffer_init(&kind);
        type_print(&kind, type);
        int status = diags_add(n->diags, text->at, text->path, "'%s' is of type %s; %s takes %s",
                               text->text, buffer_cstr(&kind), n->def->name, t->def->what);
        buffer_done(&kind);
        return status;
    }
    take(n, t, c);
    return 0;
}

static int take_pattern(struct node *n, struct transform *t, const struct config_text *text,
                        const bool *is_label)
{
    const struct schema *in = n->in[0];
    uint32_t matching = 0;
    for (int c = 0; c < in->n; c++) {
        const struct column *column = &in->col[c];
        bool is_key = in->keyed && schema_key_number(in, (uint16_t)c) >= 0;
        if (column->hidden || is_key || is_label[c] || !takes(t->def, column->type) ||
            !pattern_matches(text->text, column->name)) {
            continue;
        }
        matching++;
        if (!is_taken(t, c)) {
            take(n, t, c);
        }
    }
    if (matching > 0) {
        return 0;
    }
    diags_add(n->diags, text->at, text->path, "no column of %s matches '%s'", t->def->what,
              text->text);
    if (in->partial) {
        diags_mark_echo(n->diags);
    }
    return -ERR_CONFIG;
}

int transform_columns(struct node *n, struct transform *t, const struct transform_def *def,
                      const struct transform_cfg *cfg, const struct expression *label)
{
    const struct schema *in = n->in[0];
    bool *is_label = arena_zalloc(n->mem, in->n + 1U);
    int status = 0;
    *t = (struct transform){.def = def,
                            .cfg = cfg,
                            .learns = def->object.make,
                            .tells_events = def->object.replay,
                            .label = label};
    t->column = arena_array(n->mem, in->n + 1U, sizeof(*t->column));
    if (label) {
        expression_needs(label, is_label);
    }
    for (int i = 0; i < cfg->columns.n; i++) {
        const struct config_text *text = &cfg->columns.item[i].value;
        int one =
            pattern_is(text->text) ? take_pattern(n, t, text, is_label) : take_name(n, t, text);
        status = one < 0 ? one : status;
    }
    if (t->n == 0 && status == 0) {
        status = algorithm_problem(n, "columns", "at least one column is needed");
    }
    if (cfg->as && *cfg->as == '\0') {
        status = algorithm_problem(n, "as", "a column needs a name");
    }
    return status;
}

/* ---- columns out ---- */

const char *transform_name(struct node *n, const struct transform *t, uint32_t column)
{
    const char *name = t->column[column].name, *as = t->cfg->as;
    const char *star = as ? strchr(as, '*') : NULL;
    if (!as || !star) {
        return as ? as : name;
    }
    return arena_printf(n->mem, "%.*s%s%s", (int)(star - as), as, name, star + 1);
}

void transform_out(struct node *n, struct transform *t, const char *name, const struct type *type,
                   int from)
{
    if (t->nout == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 16;
        struct transform_column *more = arena_array(n->mem, t->cap, sizeof(*more));
        if (t->nout > 0) {
            memcpy(more, t->out, t->nout * sizeof(*more));
        }
        t->out = more;
    }
    t->out[t->nout++] = (struct transform_column){.name = name, .type = type, .from = from};
}

void transform_out_each(struct node *n, struct transform *t, const struct type *type)
{
    for (uint32_t i = 0; i < t->n; i++) {
        transform_out(n, t, transform_name(n, t, i), type ? type : t->column[i].type,
                      t->cfg->as ? -1 : (int)i);
    }
}

static int add_column(struct node *n, const struct transform *t, struct schema *out,
                      const char *name, const struct type *type)
{
    if (schema_find(out, name) >= 0 || schema_find(n->in[0], name) >= 0) {
        bool needs_star = t->cfg->as && !strchr(t->cfg->as, '*') && t->n > 1;
        return algorithm_problem(n, t->cfg->as ? "as" : "columns",
                                 needs_star ? "'%s' would name several columns: `*` in it stands "
                                              "for the name of each, `'*_%s'`"
                                            : "there is a column '%s' already",
                                 name, name);
    }
    schema_add(out, name, type, true, false);
    return 0;
}

/* The new columns in the place of one taken, or (-1) at the end. */
static int add_columns(struct node *n, struct transform *t, struct schema *out, int from)
{
    int status = 0;
    const char *old = from >= 0 ? t->column[from].name : "";
    for (uint32_t i = 0; i < t->nout; i++) {
        struct transform_column *c = &t->out[i];
        if (c->from != from) {
            continue;
        }
        c->in = out->n;
        t->carried[out->n] = -1;
        if (from >= 0 && strcmp(c->name, old) == 0) {
            schema_add(out, c->name, c->type, true, false);
        } else if (add_column(n, t, out, c->name, c->type) < 0) {
            schema_add(out, c->name, c->type, true, false);
            status = -ERR_CONFIG;
        }
    }
    return status;
}

/* Which of the columns taken is replaced here, or -1. */
static int replaced_at(const struct transform *t, uint16_t c)
{
    for (uint32_t i = 0; !t->cfg->as && i < t->n; i++) {
        if (t->column[i].in == c) {
            return (int)i;
        }
    }
    return -1;
}

static int bind_output(struct node *n, struct transform *t)
{
    const struct schema *in = n->in[0];
    uint32_t most = in->n + t->nout - (t->cfg->as ? 0 : t->n); /* in place the old ones go */
    if (most > COLUMNS_MAX) {
        return node_error(
            n, n->at,
            "the rows would have %u columns (%u, and %u that %s makes of %u), more than "
            "the %d that there may be: make fewer, or `drop` columns before",
            (unsigned)most, (unsigned)in->n, (unsigned)t->nout, n->def->name, (unsigned)t->n,
            COLUMNS_MAX);
    }
    struct schema *out = schema_new(n->mem, (uint16_t)most);
    int status = 0;
    t->carried = arena_array(n->mem, most + 1, sizeof(*t->carried));
    out->keyed = in->keyed;
    out->partial = in->partial;
    for (uint16_t c = 0; c < in->n; c++) {
        const struct column *column = &in->col[c];
        int key = schema_key_number(in, c), replaced = replaced_at(t, c);
        if (replaced >= 0 && key >= 0) {
            status = algorithm_problem(n, "columns",
                                       "'%s' is a key column, which stays what it is: give the new "
                                       "column a name by `as`",
                                       column->name);
        }
        if (key >= 0) {
            out->key[key] = out->n;
            out->nkey = in->nkey;
        }
        if (replaced >= 0) {
            status = add_columns(n, t, out, replaced) < 0 ? -ERR_CONFIG : status;
        } else {
            t->carried[out->n] = c;
            schema_add(out, column->name, column->type, column->nullable, column->hidden);
        }
    }
    status = add_columns(n, t, out, -1) < 0 ? -ERR_CONFIG : status;
    n->out[0] = out;
    n->noutputs = 1;
    n->out_rows = n->in_rows[0];
    return status;
}

int transform_check_options(struct node *n, const struct method_option *list,
                            const char *const *names, int method)
{
    int status = 0;
    for (; list->name; list++) {
        if (!yaml_get(n->yaml, list->name) || (list->methods >> method & 1)) {
            continue;
        }
        const char *of = "";
        for (int i = 0; names[i]; i++) {
            if (list->methods >> i & 1) {
                of = arena_printf(n->mem, "%s%s%s", of, *of ? ", " : "", names[i]);
            }
        }
        status =
            algorithm_problem(n, list->name,
                              "it has no effect with `method: %s`: leave it out, or take a method "
                              "that knows it (%s)",
                              names[method], of);
    }
    return status;
}

int transform_bind(struct node *n, struct transform *t)
{
    int status = 0;
    n->bound = t;
    n->stateless = !t->learns;
    if (t->def->object.make) {
        enum per per = t->learns ? (enum per)t->cfg->per : PER_PARTITION;
        status = per_bind(&t->per, n, per, &t->def->object, t);
    }
    return bind_output(n, t) < 0 ? -ERR_CONFIG : status;
}

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
    for (uint16_t k = 0; k < p->in.nsel; k = (uint16_t)(k + n)) {
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
    for (uint16_t k = 0; !p.t->def->run && k < p.in.nsel; k++) {
        process_row(&p, batch_row(&p.in, k));
    }
    for (uint32_t i = 0; i < p.t->nout; i++) {
        p.out.col[p.t->out[i].in] = p.to[i];
    }
    if (p.t->def->report && p.object && p.t->per.per != PER_KEY) {
        p.t->def->report(op, p.object);
    }
    return p.in.nsel > 0 ? op_emit(op, 0, &p.out) : 0;
}
