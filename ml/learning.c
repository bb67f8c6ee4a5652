/* Learning: the way of a row through classify, regress, cluster and detect.
 *
 *   null    a missing feature (null, NaN, infinite): the outputs are null, the row is not learned,
 *           it is counted as skipped; a null key with `per: key` drops the row and counts it; a row
 *           that deletes passes through without prediction
 *   bad     a failed expression, a label that no class can be: row error
 *   state   one object per model (ml/per.h)
 *   order   rows one by one in input order: the same bits for any batch size
 *   batch   a training runs in the row that makes it due, or, where the task has a trainer, beside the
 *           stream (ml/beside.h): its model goes in with a flush, saved whole in the same commit
 *   never   a model that was learned before the key said so goes on predicting, and is scored
 */
#include "ml/learning.h"

#include "engine/logger.h"
#include "engine/memory.h"
#include "engine/metric_rows.h"
#include "engine/registry.h"
#include "ml/algorithm.h"
#include "ml/late_labels.h"
#include "ml/model_training.h"
#include "ml/train_from.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TIME_EXACT 9e15 /* of a double */

const char *const learning_scales[] = {"none", "standard", NULL};
enum { SCALE_NONE, SCALE_STANDARD };

/* ---- plan ---- */

/* Learners of this task that take words, maps and strings; NULL: none. */
static const char *sparse_learners(struct node *n, enum learner_task task)
{
    const char *list = NULL;
    for (size_t i = 0; registry_learners[i]; i++) {
        const struct learner_def *def = registry_learners[i];
        if (def->learn_sparse && def->tasks & (unsigned)task) {
            list = list ? arena_printf(n->mem, "%s, %s", list, def->name) : def->name;
        }
    }
    return list;
}

static const char *bag_names(struct node *n, const struct features *f)
{
    const char *list = "";
    for (uint32_t i = 0; i < f->nbags; i++) {
        const struct feature_bag *bag = &f->bag[i];
        list = arena_printf(n->mem, "%s%s%s%s", list, i > 0 ? "," : "", bag->name,
                            bag->is_named ? " (named)" : "");
    }
    return list;
}

static int bind_features(struct node *n, struct learning *p)
{
    const struct yaml *value = yaml_get(n->yaml, "features");
    struct features_setup setup = {
        .list = &p->cfg->features,
        .whole = {.at = value ? value->at : n->at,
                  .path = arena_printf(n->mem, "%s.features", n->path)},
        .in = n->in[0],
        .label = p->label,
        .def = p->model.def,
        .nsparse = (uint32_t)p->cfg->n_features,
        .sparse_learners = sparse_learners(n, p->kind->task),
        .mem = n->mem,
        .diags = n->diags,
    };
    int status = features_bind(&p->features, &setup);
    p->model.column = p->features.column;
    p->model.ncolumns = p->features.n;
    p->model.ncategories = p->features.ncategories;
    if (status == 0 && p->features.nbags == 0 && yaml_get(n->yaml, "n_features")) {
        status = algorithm_problem(
            n, "n_features",
            "no feature is hashed, so it has no effect: leave it out (words, maps "
            "and strings are, by %s)",
            setup.sparse_learners);
    }
    p->model.nsparse = p->features.nsparse;
    p->model.sparse = bag_names(n, &p->features);
    return status;
}

static int bind_learn(struct node *n, struct learning *p)
{
    int status = learn_mode_parse(n, p->cfg->learn, &p->mode, &p->model.batch);
    if (status == 0 && p->mode == LEARN_ONLINE && p->cfg->learn && !p->model.def->learn) {
        status = algorithm_problem(n, "learn", "%s learns from batches only: `learn: {batch: {…}}`",
                                   p->model.def->name);
    }
    if (status == 0 && p->mode == LEARN_BATCH && p->features.nbags > 0) {
        status = algorithm_problem(n, "learn",
                                   "'%s' is hashed, and hashed features are learned row by row: "
                                   "`learn: online`, or `feature_hash` before the step for batches",
                                   p->features.bag[0].name);
    }
    p->model.is_batch = p->mode == LEARN_BATCH || !p->model.def->learn;
    return status;
}

static int bind_metrics(struct node *n, struct learning *p)
{
    static const char *const none[] = {NULL};
    const char *const *known = p->kind->metrics ? p->kind->metrics : none;
    int status = 0;
    if (!known[0] && p->cfg->evaluate.n > 0) {
        return algorithm_problem(n, "evaluate",
                                 "unknown metric `%.50s`: %s has none to choose from",
                                 p->cfg->evaluate.item[0].value.text, n->def->name);
    }
    for (int i = 0; i < p->cfg->evaluate.n; i++) {
        const char *name = p->cfg->evaluate.item[i].value.text;
        int at = algorithm_named(n, "evaluate", "metric", name, known);
        if (at < 0) {
            status = at;
        } else {
            p->metrics |= 1U << at;
        }
    }
    return status;
}

int learning_bind(struct node *n, struct learning *p)
{
    const struct learning_cfg *cfg = p->cfg;
    p->model.task = p->kind->task;
    n->bound = p;
    int status = per_bind(&p->per, n, (enum per)cfg->per, p->kind->objects, p);
    p->model.def = algorithm_find(n, p->kind->task, cfg->algorithm);
    if (!p->model.def || bind_features(n, p) < 0) {
        return -ERR_CONFIG;
    }
    p->model.is_scaled = algorithm_is_scaled(n, p->model.def, cfg->scale == SCALE_STANDARD);
    p->model.options = algorithm_options(n, p->model.def, cfg->options, &p->per.seed);
    if (!p->model.options || bind_learn(n, p) < 0 || bind_metrics(n, p) < 0) {
        return -ERR_CONFIG;
    }
    if (status == 0 && train_from_bind(n, cfg->train_from, p) < 0) {
        return -ERR_CONFIG;
    }
    if (p->model.is_scaled && p->features.ncategories > 0) {
        status = algorithm_problem(n, "scale", "categories cannot be scaled");
    }
    return status;
}

int learning_output(struct node *n, struct learning *p, const char *const *name,
                    const struct type *const *type, uint16_t count)
{
    const struct schema *in = n->in[0];
    if (*p->cfg->as == '\0') {
        return algorithm_problem(n, "as", "a column needs a name");
    }
    if (in->n + count + 1 > COLUMNS_MAX) {
        return node_error(n, n->at, "more than %d columns", COLUMNS_MAX);
    }
    struct schema *out = schema_new(n->mem, (uint16_t)(in->n + count + 1));
    for (uint16_t c = 0; c < in->n; c++) {
        const struct column *column = &in->col[c];
        schema_add(out, column->name, column->type, column->nullable, column->hidden);
    }
    out->keyed = in->keyed;
    out->nkey = in->nkey;
    out->key = in->key;
    p->first = in->n;
    p->n = (uint16_t)(count + 1);
    int status = 0;
    for (uint16_t i = 0; i <= count; i++) {
        const char *own =
            i < count ? name[i] : arena_printf(n->mem, "%s_model_version", p->cfg->as);
        status = algorithm_column(n, own) < 0 ? -ERR_CONFIG : status;
        schema_add(out, own, i < count ? type[i] : &type_long, true, false);
    }
    n->out[0] = out;
    n->noutputs = 1;
    metric_rows_bind(n);
    return status;
}

void learning_needs(const struct node *n, const bool *out, bool *in)
{
    const struct learning *p = n->bound;
    for (uint16_t c = 0; c < n->in[0]->n; c++) {
        in[c] |= out[c];
    }
    features_needs(&p->features, in);
    per_needs(&p->per, n, in);
    if (p->label) {
        expression_needs(p->label, in);
    }
    if (p->late) {
        late_labels_needs(p->late, n, in);
    }
}

const struct state_codec *learning_codec(const struct node *n)
{
    const struct learning *p = n->bound;
    return &p->per.codec;
}

/* Learning goes on with another learning rate, or stops: the model stays what it is. */
void learning_layout(const struct node *n, struct buffer *words)
{
    const struct learning *p = n->bound;
    buffer_printf(words, "per %s, version %u\n", per_names[p->per.per],
                  (unsigned)p->model.def->version);
    model_layout(&p->model, words);
    features_layout(&p->features, words);
    if (p->label) {
        expression_layout(words, p->label);
    }
    if (p->late) {
        late_labels_layout(p->late, words);
    }
}

/* Models per key, and rows that wait for their labels. */
bool learning_lazy(const struct node *n)
{
    const struct learning *p = n->bound;
    return per_is_lazy(&p->per) || p->late;
}

/* ---- task ---- */

enum {
    EVENT_LEARNS,
    EVENT_TIME,
    EVENT_TARGET,
    EVENT_TOLD,
    EVENT_HEAD = EVENT_TOLD + TOLD_MOST,
};

/* EVENT_LEARNS: what the row did, and does again. A training that it made due ran in the row, or
 * was left to the trainer; what came of that is no event, but saved whole. */
enum { LEARNS_NOT, LEARNS, LEARNS_AND_LEAVES };

int learning_replay(const void *plan, void *object, const double *event, uint32_t n)
{
    const struct learning *p = plan;
    if (n < EVENT_HEAD || !features_hold(&p->features, event + EVENT_HEAD, n - EVENT_HEAD) ||
        !(fabs(event[EVENT_TIME]) < TIME_EXACT) ||
        (p->kind->task == LEARN_CLASSES &&
         !(event[EVENT_TARGET] >= 0 && event[EVENT_TARGET] < CLASSES_MAX))) {
        return -ERR_DATA;
    }
    struct model_scratch scratch;
    struct learning_event e = {
        .x = event + EVENT_HEAD,
        .told = event + EVENT_TOLD,
        .target = event[EVENT_TARGET],
        .time = (int64_t)event[EVENT_TIME],
        .learns = event[EVENT_LEARNS] != LEARNS_NOT,
    };
    model_scratch_init(&scratch, &p->model);
    scratch.trains_later = event[EVENT_LEARNS] == LEARNS_AND_LEAVES;
    p->kind->repeat(object, &e, &scratch);
    model_scratch_done(&scratch);
    return 0;
}

void learning_reserve(struct learning_task *t, size_t n)
{
    if (n > t->room) {
        t->room = (uint32_t)n;
        t->event = mem_resize(t->event, EVENT_HEAD + n, sizeof(double));
        t->x = t->event + EVENT_HEAD;
    }
}

/* `learn: never` is for models that were learned before the key said so, or from a history. */
static void tell_if_useless(const struct op *op)
{
    const struct learning *p = op->node->bound;
    if (p->mode == LEARN_NEVER && !p->training && !op->node->history && state_is_empty(op->state)) {
        logger(LOG_LEVEL_WARN,
               "%s.learn: never, and there is no model yet: nothing will be predicted. Give it "
               "rows to "
               "learn first, `train_from`, or let it learn",
               op->node->path);
    }
}

/* A history is read as it stands. */
static void tell_if_reshaped(const struct op *op)
{
    const struct node *n = op->node;
    const struct learning *p = n->bound;
    if (n->reshaped && (op->wants_history || (p->training && state_is_empty(op->state)))) {
        logger(
            LOG_LEVEL_WARN,
            "%s.train_from: its rows do not pass %s: columns that step makes must stand in them "
            "as it would make them. If they do not, let the learner scale (`scale: standard`), or "
            "give rows that have passed it",
            n->path, n->reshaped);
    }
}

int learning_open(struct op *op, size_t size, struct err *e)
{
    const struct learning *p = op->node->bound;
    struct learning_task *t = mem_zalloc(size);
    model_scratch_init(&t->scratch, &p->model);
    learning_reserve(t, p->features.n + 1);
    bag_init(&t->bag, p->per.seed);
    buffer_init(&t->bytes);
    beside_init(&t->beside, &model_trainable, op->trainer);
    t->scratch.trains_later = op->trainer != NULL;
    op->self = t;
    int status = per_open(&t->per, op, &p->per, e);
    op->wants_history = status == 0 && train_from_is_due(op);
    if (status == 0) {
        tell_if_useless(op);
        tell_if_reshaped(op);
    }
    if (p->late) {
        t->kept = mem_array(KEPT_MOST, sizeof(double));
        waiting_init(&t->waiting, p->late->within);
        if (status == 0 && waiting_restore(&t->waiting, op->state) < 0) {
            status = err_set(e, ERR_DATA, "rows that wait for labels cannot be read");
        }
    }
    return status;
}

int learning_watermark(struct op *op, int64_t time)
{
    const struct learning *p = op->node->bound;
    return p->late ? late_labels_expire(op, time) : 0;
}

int64_t learning_next_time(struct op *op)
{
    const struct learning *p = op->node->bound;
    const struct learning_task *t = op->self;
    return p->late ? waiting_next(&t->waiting) : TIME_MAX;
}

int learning_tick(struct op *op, int64_t now)
{
    (void)now;
    struct learning_task *t = op->self;
    beside_tick(&t->beside, op);
    return 0;
}

uint64_t learning_index_bytes(const struct op *op)
{
    const struct learning *p = op->node->bound;
    const struct learning_task *t = op->self;
    return t->beside.bytes + (p->late ? waiting_index_bytes(&t->waiting) : 0);
}

int learning_flush(struct op *op)
{
    struct learning_task *t = op->self;
    beside_flush(&t->beside, op, &t->per);
    return per_flush(&t->per, op);
}

void learning_close(struct op *op)
{
    struct learning_task *t = op->self;
    if (!t) {
        return;
    }
    beside_close(&t->beside, op);
    per_close(&t->per);
    model_scratch_done(&t->scratch);
    buffer_done(&t->bytes);
    mem_free(t->event);
    bag_done(&t->bag);
    if (t->kept) {
        mem_free(t->kept);
        waiting_done(&t->waiting);
    }
    mem_free(t);
    op->self = NULL;
}

void learning_describe(struct op *op, struct open_state *out)
{
    const struct learning *p = op->node->bound;
    const struct learning_task *t = op->self;
    out->what = "models";
    if (p->late && t->waiting.rows > 0) {
        out->what = "rows without a label";
        out->end = "gives up";
        out->n = t->waiting.rows;
        out->closes_at = waiting_next(&t->waiting);
    }
}

/* ---- rows ---- */

void learning_null(struct learning_pass *p, uint16_t column, uint16_t row)
{
    vec_set_null(&p->out[column], p->in.mem, p->in.rows, row);
}

static void put_version(struct learning_pass *p, const struct model *m, uint16_t row)
{
    uint16_t last = (uint16_t)(p->plan->n - 1);
    if (m && m->version > 0) {
        p->out[last].i[row] = m->version;
    } else {
        learning_null(p, last, row);
    }
}

static void put_nulls(struct learning_pass *p, uint16_t row)
{
    for (uint16_t c = 0; c + 1 < p->plan->n; c++) {
        learning_null(p, c, row);
    }
}

uint64_t learning_categories(const struct learning *p, const struct model *m)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < p->model.ncategories; i++) {
        n += m->category[i].n;
    }
    return n;
}

/* The row has changed the model; new names are not in its numbers. */
static void touch(struct learning_pass *p, const struct model *m, uint16_t row, bool learns,
                  uint64_t known)
{
    double *event = p->task->event;
    int64_t time = p->in.time[row];
    if (p->is_new || learning_categories(p->plan, m) != known ||
        !(llabs(time) < (int64_t)TIME_EXACT)) {
        per_touch(&p->rows);
        return;
    }
    bool leaves = p->task->scratch.trains_later;
    event[EVENT_LEARNS] = !learns ? LEARNS_NOT : leaves ? LEARNS_AND_LEAVES : LEARNS;
    event[EVENT_TIME] = (double)time;
    event[EVENT_TARGET] = p->target;
    memcpy(event + EVENT_TOLD, p->told, sizeof(p->told));
    per_touch_event(&p->rows, event, EVENT_HEAD + features_length(&p->plan->features, p->task->x));
}

/* Rows for the stream that reads the metrics. */
static int measure(struct learning_pass *p, int64_t before, int64_t rows, uint16_t row)
{
    p->plan->kind->report(p->op);
    return metric_rows_emit(p->op, p->plan->cfg->as, before, rows, &p->in, row);
}

int learning_teach(struct learning_pass *p, struct model *m, uint16_t row, bool predicted,
                   const char **problem)
{
    const struct learning_kind *kind = p->plan->kind;
    bool learns = p->plan->mode != LEARN_NEVER;
    uint64_t known = p->categories;
    int64_t before = kind->measured(p->op);
    p->is_new = false;
    memset(p->told, 0, sizeof(p->told));
    if (kind->learn(p, m, row, predicted, learns, problem) != 0) {
        return 0;
    }
    p->op->counter[COUNT_LABELS] += learns;
    touch(p, m, row, learns, known);
    if (learns) {
        beside_row(&p->task->beside, &p->rows, m);
    }
    int64_t rows = kind->measured(p->op);
    return metric_rows_are_due(p->op->node, before, rows) ? measure(p, before, rows, row) : 0;
}

void learning_gather(struct learning_pass *p, const struct feature_rows *rows, uint16_t row,
                     struct model *m, enum feature_use use)
{
    const struct features *f = &p->plan->features;
    struct learning_task *t = p->task;
    features_row(f, rows, row, m->category, use, t->x);
    if (f->nbags > 0) {
        features_bag(f, rows, row, &t->bag);
        learning_reserve(t, f->n + 1 + 2 * (size_t)t->bag.n);
        t->x[f->n] = t->bag.n;
        memcpy(t->x + f->n + 1, t->bag.item, t->bag.n * sizeof(*t->bag.item));
    }
}

/* Scores and learns, or lets it wait for its label; 1 when the row is bad and left out. */
static int teach(struct learning_pass *p, struct model *m, uint16_t row, bool predicted)
{
    if (!m && p->plan->mode == LEARN_NEVER) {
        return 0;
    }
    const char *problem = NULL;
    bool is_gathered = m && p->plan->features.ncategories == 0;
    m = m ? m : per_make(&p->rows, row);
    p->categories = learning_categories(p->plan, m);
    if (!is_gathered && p->plan->mode != LEARN_NEVER) {
        learning_gather(p, &p->features, row, m, FEATURE_LEARN); /* numbers for new categories */
    }
    if (p->plan->late) {
        if (learning_categories(p->plan, m) != p->categories || m->rows == 0) {
            per_touch(&p->rows); /* new names */
        }
        late_labels_wait(p, m, row, predicted);
        return 0;
    }
    int status = learning_teach(p, m, row, predicted, &problem);
    if (problem) {
        if (learning_categories(p->plan, m) != p->categories) {
            per_touch(&p->rows); /* its names have their numbers, though it was not learned */
        }
        status = op_bad_row(p->op, &p->in, row, problem);
        return status < 0 ? status : 1;
    }
    return status;
}

/* Test, then train; 1 when the row is left out. */
static int process_row(struct learning_pass *p, uint16_t row)
{
    const struct learning_kind *kind = p->plan->kind;
    struct model *m = per_find(&p->rows, row);
    bool is_delete = p->in.row_op && p->in.row_op[row] == ROW_DELETE;
    bool predicted = false;
    if (!m && p->plan->training && !is_delete) {
        m = per_make(&p->rows, row);
        int status = train_from_teach(p, m, row);
        if (status < 0) {
            return status;
        }
    }
    put_version(p, m, row);
    if (p->features.is_missing[row] || is_delete) {
        p->op->counter[COUNT_SKIPPED] += !is_delete;
        put_nulls(p, row);
        return 0;
    }
    if (m) {
        learning_gather(p, &p->features, row, m, FEATURE_PREDICT);
        predicted = kind->predict(p, m, row);
    }
    if (!predicted) {
        put_nulls(p, row);
    }
    bool is_taught = p->plan->late    ? p->is_keyed[row] != 0
                     : p->plan->label ? !vec_is_null(&p->label, row)
                                      : true;
    return is_taught ? teach(p, m, row, predicted) : 0;
}

/* Evaluates features and labels; bad rows and rows without a key leave p->in. */
static int prepare(struct learning_pass *p)
{
    struct op *op = p->op;
    struct row_errors errors = {0};
    int status = features_eval(&p->plan->features, &p->in, &p->features, &errors);
    if (status == 0 && errors.n > 0) {
        status = op_bad_rows(op, &p->in, &errors);
    }
    if (status == 0 && p->plan->label) {
        errors = (struct row_errors){0};
        status = expression_eval(p->plan->label, &p->in, &p->label, &errors);
        status = status == 0 && errors.n > 0 ? op_bad_rows(op, &p->in, &errors) : status;
    }
    if (status == 0) {
        per_rows_init(&p->rows, op, &p->task->per, &p->in);
    }
    if (status == 0 && p->plan->late) {
        p->keys = key_rows(&p->in);
        p->is_keyed = arena_zalloc(p->in.mem, p->in.rows + 1U);
        for (uint16_t k = 0; k < p->keys.nsel; k++) {
            p->is_keyed[p->keys.sel[k]] = 1;
        }
    }
    return status;
}

int learning_push(struct op *op, int input, struct batch *b)
{
    struct learning_pass p = {.op = op, .plan = op->node->bound, .task = op->self, .in = *b};
    if (input == 1) {
        int taught = late_labels_push(op, b);
        p.plan->kind->report(op);
        return taught;
    }
    int status = prepare(&p);
    if (status < 0) {
        return status;
    }
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
        p.plan->kind->report(op);
    }
    if (nsel < p.in.nsel) {
        out = batch_select(&out, sel, nsel);
    }
    return nsel > 0 ? op_emit(op, 0, &out) : 0;
}
