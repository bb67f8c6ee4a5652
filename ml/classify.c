/* classify: each row is predicted by what was learned from the rows before it, then learned.
 *
 *   in      features, label (null: predict only)
 *   out     the input's columns and
 *           <as>                 the most probable class, of the label's type
 *           <as>_proba           map<double> by class; boolean label: P(true)
 *           <as>_model_version   1, and one more with each model that replaces it
 *           all null before the model has learned its first row
 *   null    a missing feature (null, NaN, infinite): <as> and <as>_proba are null, the row is not
 *           learned, it is counted as skipped; a null key with `per: key` drops the row and counts
 *           it; a row that deletes passes through without prediction
 *   bad     a failed expression, a third class for an algorithm of two, more than 1000 classes: row
 *           error
 *   state   one entry per model (key bytes with `per: key`, else the empty key). In memory
 *           the value is a pointer to the model, in the changelog its snapshot (ml/model.c),
 *           version 1
 *   order   rows one by one in input order: the same bits for any batch size
 *   global  needs all rows in one task: bind asks the plan for a one-partition repartition
 */
#include "engine/learner.h"
#include "engine/memory.h"
#include "engine/nested.h"
#include "engine/step.h"
#include "ml/algorithm.h"
#include "ml/features.h"
#include "ml/model.h"
#include "ml/per.h"

#include <string.h>

enum scale { SCALE_NONE, SCALE_STANDARD };
enum learn { LEARN_ONLINE, LEARN_NEVER };

struct classify_cfg {
    const char *algorithm, *as;
    struct config_list features;
    struct config_text label;
    const struct yaml *options;
    int scale, per, learn;
};

static const char *const scales[] = {"none", "standard", NULL};
static const char *const learns[] = {"online", "never", NULL};

static const struct config_field fields[] = {
    {"algorithm", CONFIG_TEXT, offsetof(struct classify_cfg, algorithm), .required = true,
     .doc = "the learner"},
    {"features", CONFIG_EXPRESSIONS, offsetof(struct classify_cfg, features), .required = true,
     .doc = "columns, expressions and `cpu_*` patterns over numeric columns; map keys name them"},
    {"label", CONFIG_EXPRESSION, offsetof(struct classify_cfg, label), .required = true,
     .doc = "the class to learn: a string, long or boolean; null rows are only predicted"},
    {"as", CONFIG_TEXT, offsetof(struct classify_cfg, as), .required = true,
     .doc = "name of the prediction's column"},
    {"options", CONFIG_YAML, offsetof(struct classify_cfg, options),
     .doc = "of the learner, named as River names them"},
    {"scale", CONFIG_ENUM, offsetof(struct classify_cfg, scale), .def = "none", .values = scales,
     .doc =
         "`standard`: features are centred and divided by their deviation, learned on the stream"},
    {"per", CONFIG_ENUM, offsetof(struct classify_cfg, per), .def = "global", .values = per_names,
     .doc = "one model for all rows, for each key or for each partition"},
    {"learn", CONFIG_ENUM, offsetof(struct classify_cfg, learn), .def = "online", .values = learns,
     .doc = "`never`: the model stays as it is"},
    {0},
};

/* ---- plan ---- */

struct plan {
    const struct classify_cfg *cfg;
    struct features features;
    const struct expression *label;
    struct model_config model;
    struct per_plan per;
    uint16_t out; /* number of the first of the three columns */
};

static int bind_label(struct node *n, struct plan *p)
{
    if (expression_compile(&p->label, n->mem, &p->cfg->label, n->in[0], n->diags) < 0) {
        p->label = NULL;
        return -ERR_CONFIG;
    }
    const struct type *type = expression_type(p->label);
    if (type->kind == TYPE_DOUBLE) {
        return algorithm_problem(n, "label",
                                 "a double has no classes: `label > 0.5` or "
                                 "cast(… as long) makes classes");
    }
    if (type->kind != TYPE_BOOLEAN && type->kind != TYPE_LONG && type->kind != TYPE_STRING) {
        return algorithm_problem(n, "label", "a label is a string, a long or a boolean");
    }
    p->model.label = type;
    return 0;
}

static int bind_features(struct node *n, struct plan *p)
{
    const struct yaml *value = yaml_get(n->yaml, "features");
    struct features_setup setup = {
        .list = &p->cfg->features,
        .whole = {.at = value ? value->at : n->at,
                  .path = arena_printf(n->mem, "%s.features", n->path)},
        .in = n->in[0],
        .label = p->label,
        .def = p->model.def,
        .mem = n->mem,
        .diags = n->diags,
    };
    int status = features_bind(&p->features, &setup);
    p->model.column = p->features.column;
    p->model.ncolumns = p->features.n;
    p->model.ncategories = p->features.ncategories;
    return status;
}

static int bind_output(struct node *n, struct plan *p)
{
    const struct schema *in = n->in[0];
    const char *as = p->cfg->as;
    const struct type *label = p->model.label;
    const struct type *proba =
        label->kind == TYPE_BOOLEAN ? &type_double : type_map(n->mem, &type_double);
    const char *name[] = {as, arena_printf(n->mem, "%s_proba", as),
                          arena_printf(n->mem, "%s_model_version", as)};
    const struct type *type[] = {label, proba, &type_long};
    if (*as == '\0') {
        return algorithm_problem(n, "as", "a column needs a name");
    }
    if (in->n + 3 > COLUMNS_MAX) {
        return node_error(n, n->at, "more than %d columns", COLUMNS_MAX);
    }
    struct schema *out = schema_new(n->mem, (uint16_t)(in->n + 3));
    for (uint16_t c = 0; c < in->n; c++) {
        const struct column *column = &in->col[c];
        schema_add(out, column->name, column->type, column->nullable, column->hidden);
    }
    out->keyed = in->keyed;
    out->nkey = in->nkey;
    out->key = in->key;
    p->out = in->n;
    int status = 0;
    for (int i = 0; i < 3; i++) {
        if (schema_find(in, name[i]) >= 0) {
            status = algorithm_problem(n, "as", "the input has a column '%s' already", name[i]);
        }
        schema_add(out, name[i], type[i], true, false);
    }
    n->out[0] = out;
    n->noutputs = 1;
    return status;
}

static const struct object_def models;

static int classify_bind(struct node *n)
{
    const struct classify_cfg *cfg = n->cfg;
    struct plan *p = arena_zalloc(n->mem, sizeof(*p));
    p->cfg = cfg;
    p->model.is_scaled = cfg->scale == SCALE_STANDARD;
    n->bound = p;
    int status = per_bind(&p->per, n, (enum per)cfg->per, &models, p);
    if (bind_label(n, p) < 0) {
        status = -ERR_CONFIG;
    }
    p->model.def = algorithm_find(n, LEARN_CLASSES, cfg->algorithm);
    if (!p->model.def || bind_features(n, p) < 0) {
        return -ERR_CONFIG;
    }
    p->model.options = algorithm_options(n, p->model.def, cfg->options);
    if (!p->model.options) {
        return -ERR_CONFIG;
    }
    if (p->model.is_scaled && p->features.ncategories > 0) {
        status = algorithm_problem(n, "scale", "categories cannot be scaled");
    }
    return status < 0 ? status : bind_output(n, p);
}

static void classify_needs(const struct node *n, const bool *out, bool *in)
{
    const struct plan *p = n->bound;
    const struct schema *schema = n->in[0];
    for (uint16_t c = 0; c < schema->n; c++) {
        in[c] |= out[c];
    }
    features_needs(&p->features, in);
    expression_needs(p->label, in);
    per_needs(&p->per, n, in);
}

/* ---- state ---- */

static void *make_model(const void *plan, uint64_t seed)
{
    const struct plan *p = plan;
    return model_new(&p->model, seed);
}

static int io_model(void *object, struct snapshot *s)
{
    return model_io(object, s);
}

static uint64_t size_model(const void *object)
{
    return model_size(object);
}

static void free_model(void *object)
{
    model_free(object);
}

static const struct object_def models = {
    .make = make_model,
    .io = io_model,
    .size = size_model,
    .free = free_model,
};

/* Learning goes on with another learning rate, or stops: the model stays what it is. */
static void classify_layout(const struct node *n, struct buffer *words)
{
    const struct plan *p = n->bound;
    buffer_printf(words, "per %s, version %u\n", per_names[p->cfg->per],
                  (unsigned)p->model.def->version);
    model_layout(&p->model, words);
    for (uint32_t i = 0; i < p->features.n; i++) {
        expression_layout(words, p->features.expression[i]);
        buffer_byte(words, '\n');
    }
    expression_layout(words, p->label);
}

static const struct state_codec *classify_codec(const struct node *n)
{
    const struct plan *p = n->bound;
    return &p->per.codec;
}

/* ---- task ---- */

struct classifier {
    struct model_scratch scratch;
    double *x;
    struct buffer map;    /* bytes of one <as>_proba */
    struct scores scores; /* of all models here */
};

static void add_scores(void *ctx, void *object)
{
    const struct model *m = object;
    scores_merge(ctx, &m->evaluation.scores);
}

static int classify_open(struct op *op, struct err *e)
{
    (void)e;
    const struct plan *p = op->node->bound;
    struct classifier *c = mem_zalloc(sizeof(*c));
    model_scratch_init(&c->scratch, &p->model);
    c->x = mem_array(p->features.n, sizeof(double));
    buffer_init(&c->map);
    op->self = c;
    return per_each(op, add_scores, &c->scores);
}

static void classify_close(struct op *op)
{
    struct classifier *c = op->self;
    if (!c) {
        return;
    }
    model_scratch_done(&c->scratch);
    buffer_done(&c->map);
    mem_free(c->x);
    mem_free(c);
    op->self = NULL;
}

static void report(struct op *op)
{
    const struct classifier *c = op->self;
    const struct scores *s = &c->scores;
    op_metric(op, "rows", (double)s->rows);
    op_metric(op, "accuracy", scores_accuracy(s, SCORE_LEARNER));
    op_metric(op, "accuracy_baseline", scores_accuracy(s, SCORE_MAJORITY));
    op_metric(op, "accuracy_no_change", scores_accuracy(s, SCORE_NO_CHANGE));
    op_metric(op, "accuracy_rolling", scores_rolling(s, SCORE_LEARNER));
    op_metric(op, "accuracy_baseline_rolling", scores_rolling(s, SCORE_MAJORITY));
    op_metric(op, "log_loss", scores_log_loss(s));
}

/* A batch on its way through the step. */
struct pass {
    struct op *op;
    const struct plan *plan;
    struct classifier *c;
    struct batch in;
    struct feature_rows features;
    struct vec label;
    struct per_rows rows;
    struct vec *out; /* the three columns */
};

static void put_proba(const struct pass *p, const struct model *m, uint16_t row)
{
    const struct classes *classes = &m->classes;
    const double *proba = p->c->scratch.proba;
    if (classes->type->kind == TYPE_BOOLEAN) {
        double p_true = 0;
        for (uint32_t i = 0; i < classes->n; i++) {
            p_true = classes->label[i].number ? proba[i] : p_true;
        }
        p->out[1].d[row] = p_true;
        return;
    }
    struct buffer *map = &p->c->map;
    buffer_clear(map);
    buffer_varint(map, classes->n);
    for (uint32_t i = 0; i < classes->n; i++) {
        const struct str *name = &classes->label[i].text;
        struct nested_value value = {.d = proba[i]};
        buffer_varint(map, name->n);
        buffer_add(map, str_data(name), name->n);
        nested_put(map, &type_double, &value);
    }
    p->out[1].s[row] = str_copy(p->in.mem, map->data, (uint32_t)map->n);
}

/* Writes the three columns; predicted -1: no prediction. */
static void put_prediction(const struct pass *p, const struct model *m, int predicted, uint16_t row)
{
    struct arena *mem = p->in.mem;
    bool is_trained = m && m->rows > 0;
    if (predicted < 0) {
        vec_set_null(&p->out[0], mem, p->in.rows, row);
        vec_set_null(&p->out[1], mem, p->in.rows, row);
    } else {
        classes_put(&m->classes, predicted, &p->out[0], row, mem);
        put_proba(p, m, row);
    }
    if (is_trained) {
        p->out[2].i[row] = m->version;
    } else {
        vec_set_null(&p->out[2], mem, p->in.rows, row);
    }
}

/* 0; 1 when the row is bad and left out; or an error. */
static int learn_row(struct pass *p, struct model *m, int predicted, uint16_t row)
{
    struct outcome outcome;
    const char *text = NULL;
    int scored;
    if (p->plan->cfg->learn == LEARN_NEVER) {
        scored = m ? model_score(m, &p->label, row, predicted, &p->c->scratch, &outcome) : 0;
    } else {
        m = m ? m : per_make(&p->rows, row);
        features_row(&p->plan->features, &p->features, row, m->category, FEATURE_LEARN, p->c->x);
        scored =
            model_learn(m, p->c->x, &p->label, row, predicted, &p->c->scratch, &outcome, &text);
        if (scored < 0) {
            int status = op_bad_row(p->op, &p->in, row, text);
            return status < 0 ? status : 1;
        }
        p->op->counter[COUNT_LABELS]++;
    }
    if (scored > 0) {
        scores_add(&p->c->scores, &outcome);
    }
    if (m) {
        per_touch(&p->rows);
    }
    return 0;
}

/* Test, then train; 1 when the row is left out. */
static int process_row(struct pass *p, uint16_t row)
{
    struct model *m = per_find(&p->rows, row);
    bool is_delete = p->in.row_op && p->in.row_op[row] == ROW_DELETE;
    int predicted = -1;
    if (p->features.is_missing[row] || is_delete) {
        p->op->counter[COUNT_SKIPPED] += !is_delete;
        put_prediction(p, m, -1, row);
        return 0;
    }
    if (m) {
        features_row(&p->plan->features, &p->features, row, m->category, FEATURE_PREDICT, p->c->x);
        predicted = model_predict(m, p->c->x, &p->c->scratch);
    }
    put_prediction(p, m, predicted, row);
    return vec_is_null(&p->label, row) ? 0 : learn_row(p, m, predicted, row);
}

/* Evaluates features and label; bad rows and rows without a key leave p->in. */
static int prepare(struct pass *p)
{
    struct op *op = p->op;
    struct row_errors errors = {0};
    int status = features_eval(&p->plan->features, &p->in, &p->features, &errors);
    if (status == 0 && errors.n > 0) {
        status = op_bad_rows(op, &p->in, &errors);
    }
    if (status < 0) {
        return status;
    }
    errors = (struct row_errors){0};
    status = expression_eval(p->plan->label, &p->in, &p->label, &errors);
    if (status == 0 && errors.n > 0) {
        status = op_bad_rows(op, &p->in, &errors);
    }
    if (status == 0) {
        per_rows_init(&p->rows, op, &p->plan->per, &p->in);
    }
    return status;
}

static int classify_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    struct pass p = {.op = op, .plan = op->node->bound, .c = op->self, .in = *b};
    int status = prepare(&p);
    if (status < 0) {
        return status;
    }
    const struct schema *schema = op->node->out[0];
    struct batch out = batch_reshape(&p.in, schema);
    uint16_t first = p.plan->out;
    memcpy(out.col, b->col, first * sizeof(b->col[0]));
    p.out = &out.col[first];
    for (int i = 0; i < 3; i++) {
        p.out[i] = vec_new(b->mem, schema->col[first + i].type, b->rows);
    }
    uint16_t *sel = arena_array(b->mem, p.in.nsel + 1U, sizeof(*sel));
    uint16_t nsel = 0;
    int64_t scored = p.c->scores.rows;
    for (uint16_t k = 0; k < p.in.nsel; k++) {
        uint16_t row = batch_row(&p.in, k);
        status = process_row(&p, row);
        if (status < 0) {
            return status;
        }
        sel[nsel] = row;
        nsel = (uint16_t)(nsel + (status == 0));
    }
    if (p.c->scores.rows > scored) {
        report(op);
    }
    if (nsel < p.in.nsel) {
        out = batch_select(&out, sel, nsel);
    }
    return nsel > 0 ? op_emit(op, 0, &out) : 0;
}

static void classify_describe(struct op *op, struct open_state *out)
{
    (void)op;
    out->what = "models";
}

const struct step_def op_classify = {
    .name = "classify",
    .doc = "predicts the class of each row, then learns it",
    .config = fields,
    .config_size = sizeof(struct classify_cfg),
    .stateful = true,
    .state_version = 1,
    .bind = classify_bind,
    .needs = classify_needs,
    .state_codec = classify_codec,
    .state_layout = classify_layout,
    .open = classify_open,
    .push = classify_push,
    .describe = classify_describe,
    .close = classify_close,
};
