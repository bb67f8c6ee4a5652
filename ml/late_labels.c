/* Late labels.
 *
 *   row      predicted, and passed on; its features, what was predicted, and the columns that the
 *            label reads wait by its `on` columns
 *   label    a row of STREAM teaches every row that waits with equal `on` columns, is not later than
 *            itself and at most `within` older: scored with the prediction made then, learned now.
 *            Where the label is null, the row goes on waiting
 *   within   rows that no label can reach any more, by the watermark, are taught `else`, an
 *            expression over their own columns, or are dropped and counted as skipped. They go in
 *            buckets, up to within / 16 after they could
 *   model    one for all (`per: global`: both streams come into one task), or one for each value of
 *            the `on` columns (`per: key`), by which the rows are keyed from then on
 *   waiting  'w' entries (ml/waiting.h); a row is
 *              predicted, 1 byte | n, 4 bytes | n doubles, the kind's | features | columns (row.h)
 *   bad      a label that fails or that no class can be: row error of the label's row; the rows go on
 *            waiting
 */
#include "ml/late_labels.h"

#include "engine/memory.h"
#include "engine/on_columns.h"
#include "ml/algorithm.h"
#include "ml/held.h"

#include <string.h>

#define WITHIN_MOST 3155760000000 /* a hundred years: sums of times stay in range */

struct from_cfg {
    const char *stream;
    const struct yaml *on;
    int64_t within;
    struct config_text otherwise;
};

static const struct config_field fields[] = {
    {"stream", CONFIG_TEXT, offsetof(struct from_cfg, stream), .required = true,
     .doc = "whose rows bring the labels"},
    {"on", CONFIG_YAML, offsetof(struct from_cfg, on), .required = true,
     .doc = "what must be equal: a column, a list of columns, or a map {own: other}"},
    {"within", CONFIG_DURATION, offsetof(struct from_cfg, within), .required = true, .min = 1,
     .max = WITHIN_MOST, .doc = "how much older than its label a row may be"},
    {"else", CONFIG_EXPRESSION, offsetof(struct from_cfg, otherwise),
     .doc = "label of a row that got none"},
    {0},
};

/* ---- plan ---- */

static int parse(const struct node *n, const struct label_cfg *cfg, struct from_cfg *out)
{
    return config_parse(fields, out, cfg->from, arena_printf(n->mem, "%s.label_from", n->path),
                        n->mem, n->diags);
}

int late_labels_second(const struct node *n, const struct label_cfg *cfg, struct second_input *out)
{
    struct from_cfg from;
    if (!cfg->from) {
        return 0;
    }
    if (parse(n, cfg, &from) < 0) {
        return -ERR_CONFIG;
    }
    const struct yaml *stream = yaml_get(cfg->from, "stream");
    out->stream =
        (struct config_text){.text = from.stream,
                             .at = stream->at,
                             .path = arena_printf(n->mem, "%s.label_from.stream", n->path)};
    struct node inside = *n; /* so that problems with `on` name it where it stands */
    inside.path = arena_printf(n->mem, "%s.label_from", n->path);
    return on_columns_read(&inside, from.on, out);
}

static int make_both(struct node *n, struct late_plan *late)
{
    const struct schema *own = n->in[0], *other = n->in[1];
    if (own->n + other->n > COLUMNS_MAX) {
        return algorithm_problem(n, "label_from", "more than %d columns of both streams",
                                 COLUMNS_MAX);
    }
    struct schema *both = schema_new(n->mem, (uint16_t)(own->n + other->n));
    for (uint16_t c = 0; c < own->n; c++) {
        const struct column *column = &own->col[c];
        schema_add(both, column->name, column->type, column->nullable, column->hidden);
    }
    for (uint16_t c = 0; c < other->n; c++) {
        const struct column *column = &other->col[c];
        schema_add(both, arena_printf(n->mem, "%s.%s", n->second, column->name), column->type,
                   column->nullable, column->hidden);
    }
    both->partial = own->partial || other->partial;
    late->both = both;
    return 0;
}

static void keep_needed(struct node *n, struct late_plan *late)
{
    bool *needs = arena_zalloc(n->mem, late->both->n + 1U);
    expression_needs(late->label, needs);
    if (late->otherwise) {
        expression_needs(late->otherwise, needs);
    }
    late->kept = row_layout_new(n->mem, late->both);
    for (uint16_t c = 0; c < n->in[0]->n; c++) {
        if (needs[c]) {
            row_layout_add(&late->kept, c);
        }
    }
}

/* `else` is an expression: what looks like a word is a column. */
static int bind_otherwise(struct node *n, const struct config_text *text, struct late_plan *late)
{
    if (!text->text) {
        return 0;
    }
    if (expression_compile(&late->otherwise, n->mem, text, n->in[0], n->diags) < 0) {
        size_t letters =
            strspn(text->text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");
        if (text->text[letters] == '\0' && !text->secret) {
            diags_append(n->diags, n->diags->n - 1,
                         "; a text stands in quotes: `else: \"'%.50s'\"`", text->text);
        }
        return -ERR_CONFIG;
    }
    const struct type *own = expression_type(late->otherwise);
    if (!late->label || type_equal(own, expression_type(late->label))) {
        return 0;
    }
    struct buffer kinds;
    buffer_init(&kinds);
    type_print(&kinds, own);
    buffer_printf(&kinds, " and the label ");
    type_print(&kinds, expression_type(late->label));
    diags_add(n->diags, text->at, text->path,
              "both must be of one type, `else` is %s: cast one of them", buffer_cstr(&kinds));
    buffer_done(&kinds);
    return -ERR_CONFIG;
}

static int bind_late(struct node *n, const struct label_cfg *cfg, struct late_plan *late)
{
    struct from_cfg from;
    if (parse(n, cfg, &from) < 0 || make_both(n, late) < 0) {
        return -ERR_CONFIG;
    }
    late->within = from.within;
    int status = expression_compile(&late->label, n->mem, &cfg->label, late->both, n->diags);
    if (status < 0) {
        late->label = NULL;
    }
    if (bind_otherwise(n, &from.otherwise, late) < 0 || status < 0) {
        return -ERR_CONFIG;
    }
    keep_needed(n, late);
    return 0;
}

int late_labels_bind(struct node *n, const struct label_cfg *cfg, struct learning *p,
                     const struct type **type)
{
    if (!cfg->from) {
        if (expression_compile(&p->label, n->mem, &cfg->label, n->in[0], n->diags) < 0) {
            p->label = NULL;
            if (strchr(cfg->label.text, '.') && !cfg->label.secret) {
                diags_append(n->diags, n->diags->n - 1,
                             "; a label of another stream needs `label_from: {stream: …, on: …, "
                             "within: …}`");
            }
            return -ERR_CONFIG;
        }
        *type = expression_type(p->label);
        return 0;
    }
    struct late_plan *late = arena_zalloc(n->mem, sizeof(*late));
    if (bind_late(n, cfg, late) < 0) {
        return -ERR_CONFIG;
    }
    p->late = late;
    *type = expression_type(late->label);
    return 0;
}

void late_labels_needs(const struct late_plan *late, const struct node *n, bool *in)
{
    for (uint16_t i = 0; i < late->kept.n; i++) {
        in[late->kept.col[i]] = true;
    }
    for (uint16_t k = 0; k < n->in[0]->nkey; k++) {
        in[n->in[0]->key[k]] = true;
    }
}

void late_labels_second_needs(const struct node *n, const bool *out, bool *in)
{
    (void)out;
    const struct learning *p = n->bound;
    const struct schema *other = n->in[1];
    bool *needs = mem_zalloc(p->late->both->n + 1U);
    expression_needs(p->late->label, needs);
    for (uint16_t c = 0; c < other->n; c++) {
        in[c] |= needs[n->in[0]->n + c];
    }
    for (uint16_t k = 0; k < other->nkey; k++) {
        in[other->key[k]] = true;
    }
    mem_free(needs);
}

void late_labels_layout(const struct late_plan *late, struct buffer *words)
{
    buffer_printf(words, "labels within %lld\n", (long long)late->within);
    row_layout_words(&late->kept, words);
    expression_layout(words, late->label);
}

/* ---- waiting ---- */

void late_labels_wait(struct learning_pass *p, void *object, uint16_t row, bool predicted)
{
    struct learning_task *t = p->task;
    struct buffer *bytes = &t->bytes;
    uint32_t n = predicted ? p->plan->kind->keep(p, object, t->kept) : 0;
    uint8_t head = predicted;
    buffer_clear(bytes);
    buffer_add(bytes, &head, 1);
    buffer_add(bytes, &n, sizeof n);
    buffer_add(bytes, t->kept, n * sizeof(double));
    buffer_add(bytes, t->x, features_length(&p->plan->features, t->x) * sizeof(double));
    row_save(bytes, &p->plan->late->kept, &p->in, row);
    if (bytes->n > HELD_PART_BYTES) {
        p->op->counter[COUNT_SKIPPED]++; /* no record of the changelog */
        return;
    }
    waiting_add(&t->waiting, p->op->state, &p->keys.key[row], p->in.time[row], bytes);
}

/* Reads the features at `bytes`; their length, 0 when they are damaged. */
static size_t take_features(struct learning_pass *p, const char *bytes, size_t n)
{
    const struct features *f = &p->plan->features;
    size_t doubles = f->n;
    if (f->nbags > 0) {
        double items;
        if (n < (f->n + 1) * sizeof(double)) {
            return 0;
        }
        memcpy(&items, bytes + f->n * sizeof(double), sizeof items);
        if (!(items >= 0 && items <= BAG_ITEMS_MOST)) {
            return 0;
        }
        doubles += 1 + 2 * (size_t)items;
    }
    if (n < doubles * sizeof(double)) {
        return 0;
    }
    learning_reserve(p->task, doubles);
    memcpy(p->task->x, bytes, doubles * sizeof(double));
    return features_hold(f, p->task->x, doubles) ? doubles * sizeof(double) : 0;
}

/* Takes a row's bytes apart: the task has its features and prediction then, *columns the rest. */
static bool take_apart(struct learning_pass *p, void *object, const char *row, size_t n,
                       bool *predicted, const char **columns)
{
    struct learning_task *t = p->task;
    uint32_t kept = 0;
    if (n < 1 + sizeof kept) {
        return false;
    }
    memcpy(&kept, row + 1, sizeof kept);
    size_t head = 1 + sizeof kept + (size_t)kept * sizeof(double);
    if (kept > KEPT_MOST || head > n) {
        return false;
    }
    memcpy(t->kept, row + 1 + sizeof kept, kept * sizeof(double));
    size_t features = take_features(p, row + head, n - head);
    if (features == 0) {
        return false;
    }
    *predicted = row[0] && p->plan->kind->recall(p, object, t->kept, kept);
    *columns = row + head + features;
    return true;
}

/* ---- teaching ---- */

/* A label on its way to the rows that wait for it; b NULL: it is `else`. */
struct teaching {
    struct learning_pass *p;
    const struct batch *b;
    uint16_t row;
    bool is_bad;      /* its row has been reported, for whichever waiting row it failed first */
    struct arena mem; /* of one waiting row */
};

/* The waiting row, and the label's behind it. */
static struct batch *make_row(struct teaching *x, int64_t time, const char *columns, size_t n)
{
    const struct late_plan *late = x->p->plan->late;
    uint16_t first = x->p->op->node->in[0]->n;
    struct batch *both = batch_new(&x->mem, late->both, 1, NULL);
    both->nsel = 1;
    both->time[0] = time;
    both->seen[0] = x->b ? x->b->seen[x->row] : x->p->op->watermark;
    both->now = x->b ? x->b->now : op_now(x->p->op);
    if (row_load(&late->kept, columns, n, both->col, NULL, 0, 1, &x->mem) < 0) {
        return NULL;
    }
    for (uint16_t c = 0; x->b && c < x->b->schema->n; c++) {
        const struct vec *from = &x->b->col[c];
        struct vec *to = &both->col[first + c];
        struct nested_value value;
        if (!from->data) {
            continue; /* not needed */
        }
        if (vec_is_null(from, x->row)) {
            vec_set_null(to, &x->mem, 1, 0);
        } else {
            value = vec_value(from, x->row);
            vec_set_value(to, &x->mem, 0, &value);
        }
    }
    return both;
}

/* Says, once, that the label's row is bad; the waiting row stays. Of `else` it is dropped. */
static int bad_label(struct teaching *x, const char *text)
{
    if (!x->b) {
        x->p->op->counter[COUNT_SKIPPED]++;
        return 0;
    }
    if (x->is_bad) {
        return 0;
    }
    x->is_bad = true;
    return op_bad_row(x->p->op, x->b, x->row, text);
}

static int teach_waiting(void *ctx, const struct str *key, int64_t time, const char *row, size_t n)
{
    struct teaching *x = ctx;
    struct learning_pass *p = x->p;
    const struct late_plan *late = p->plan->late;
    const char *columns, *problem = NULL;
    bool predicted;
    struct model *m = per_find_key(&p->rows, key);
    arena_reset(&x->mem);
    if (!m || !take_apart(p, m, row, n, &predicted, &columns)) {
        return -ERR_DATA;
    }
    struct batch *both = make_row(x, time, columns, n - (size_t)(columns - row));
    struct row_errors errors = {0};
    if (!both ||
        expression_eval(x->b ? late->label : late->otherwise, both, &p->label, &errors) < 0) {
        return -ERR_DATA;
    }
    if (errors.n > 0) {
        int status = bad_label(x, errors.item[0].text);
        return status < 0 ? status : !x->b;
    }
    if (vec_is_null(&p->label, 0)) {
        return !x->b;
    }
    p->in = *both;
    p->categories = learning_categories(p->plan, m);
    int status = learning_teach(p, m, 0, predicted, &problem);
    if (problem) {
        status = bad_label(x, problem);
        return status < 0 ? status : !x->b;
    }
    return status < 0 ? status : 1;
}

/* Where a recalled prediction is put. */
static void make_output(struct learning_pass *p, struct arena *mem)
{
    const struct schema *s = p->op->node->out[0];
    p->out = arena_zalloc(mem, p->plan->n * sizeof(*p->out));
    for (uint16_t i = 0; i < p->plan->n; i++) {
        p->out[i] = vec_new(mem, s->col[p->plan->first + i].type, 1);
    }
}

int late_labels_push(struct op *op, struct batch *b)
{
    struct learning_pass p = {.op = op, .plan = op->node->bound, .task = op->self, .in = *b};
    struct batch labels = batch_upserts(b);
    struct keyed_rows keys = key_rows(&labels);
    struct teaching x = {.p = &p, .b = b};
    int status = 0;
    op->counter[COUNT_NULL_KEY] += keys.nulls;
    per_rows_begin(&p.rows, op, &p.task->per);
    make_output(&p, b->mem);
    arena_init(&x.mem);
    for (uint16_t k = 0; k < keys.nsel && status >= 0; k++) {
        x.row = keys.sel[k];
        x.is_bad = false;
        int64_t time = b->time[x.row];
        status = waiting_take(&p.task->waiting, op->state, &keys.key[x.row],
                              time - p.plan->late->within, time, teach_waiting, &x);
    }
    arena_done(&x.mem);
    return status;
}

static int drop_waiting(void *ctx, const struct str *key, int64_t time, const char *row, size_t n)
{
    struct teaching *x = ctx;
    (void)key;
    (void)time;
    (void)row;
    (void)n;
    x->p->op->counter[COUNT_SKIPPED]++;
    return 1;
}

int late_labels_expire(struct op *op, int64_t watermark)
{
    struct learning_pass p = {.op = op, .plan = op->node->bound, .task = op->self};
    struct teaching x = {.p = &p};
    if (waiting_next(&p.task->waiting) > watermark) {
        return 0;
    }
    per_rows_begin(&p.rows, op, &p.task->per);
    make_output(&p, op->mem);
    arena_init(&x.mem);
    int status = waiting_expire(&p.task->waiting, op->state, watermark,
                                p.plan->late->otherwise ? teach_waiting : drop_waiting, &x);
    arena_done(&x.mem);
    return status;
}
