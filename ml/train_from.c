/* Training from what there was before.
 *
 *   file      CSV with a header, or JSON lines; a relative path is relative to the topology. Columns
 *             are those of the step's input, by name; others are left out, those missing are null. The
 *             plan holds its columns: at most TRAINING_BYTES of text. A new model learns the rows
 *             before it predicts its first one; with `per: key` those of its own key
 *   topic,    engine/history.h: the rows that are there when a task without models opens, once, row by
 *   stream    row as they are read. With `per: key` each makes or teaches the model of its key, as if
 *             it had come there: in the task of that key behind a repartition, else in every one; with
 *             `per: partition` every model learns all
 *   order     that of the file; of a topic by partition, then offset
 *   batches   a learner of batches is trained once, when the history has ended, by what its window has
 *             then, however few
 *   rows      are predicted, then learned, as those of the stream: tail probabilities and intervals
 *             know them, metrics do not. Those with a missing feature or a null label are left out, as in
 *             the stream. One that cannot be read or evaluated is an error of configuration in a file,
 *             and as `errors` says in a topic; so is a label that no class can be in both
 *   restart   a model that was restored does not learn them again; nor does a step whose state has
 *
 *   'h'  ->  nothing: the history has been read
 */
#include "ml/train_from.h"

#include "engine/codec.h"
#include "engine/memory.h"
#include "ml/algorithm.h"
#include "ml/held.h"
#include "ml/late_labels.h"
#include "ml/model_training.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRAINING_BYTES (256L << 20)

struct from_cfg {
    const char *file;
};

static const struct config_field fields[] = {
    {"file", CONFIG_TEXT, offsetof(struct from_cfg, file), .required = true,
     .doc = "CSV with a header, or .jsonl"},
    {0},
};

/* A file on its way into chunks. */
struct reading {
    struct node *n;
    struct learning *p;
    const char *file;
    const struct codec_def *def;
    struct codec_reader *reader;
    struct training *out;
    uint32_t room, line;
    struct batch *b; /* being filled */
    uint32_t *lines; /* of its rows */
};

static int problem(struct reading *r, const char *text)
{
    return algorithm_problem(r->n, "train_from", "%s:%u: %s", r->file, (unsigned)r->line, text);
}

/* What the steps need of a full batch: features, labels, keys. */
static int finish_chunk(struct reading *r)
{
    struct learning *p = r->p;
    struct row_errors errors = {0};
    if (!r->b || r->b->nsel == 0) {
        return 0;
    }
    if (r->out->nchunks == r->room) {
        uint32_t room = r->room ? r->room * 2 : 8;
        struct training_chunk *more = arena_array(r->n->mem, room, sizeof(*more));
        if (r->room > 0) {
            memcpy(more, r->out->chunk, r->room * sizeof(*more));
        }
        r->out->chunk = more;
        r->room = room;
    }
    struct training_chunk *c = &r->out->chunk[r->out->nchunks++];
    *c = (struct training_chunk){.b = *r->b, .line = r->lines};
    int status = features_eval(&p->features, r->b, &c->features, &errors);
    if (status == 0 && p->label) {
        status = expression_eval(p->label, r->b, &c->label, &errors);
    }
    if (status < 0 || errors.n > 0) {
        r->line = errors.n > 0 ? r->lines[errors.item[0].row] : r->line;
        return problem(r, errors.n > 0 ? errors.item[0].text : "cannot be evaluated");
    }
    if (p->per.per == PER_KEY) {
        c->keys = key_rows(r->b);
    }
    r->b = NULL;
    return 0;
}

static int read_line(struct reading *r, const char *text, size_t n)
{
    struct err e = {0};
    r->line++;
    if (r->line == 1 && r->def->header) {
        return r->def->header(r->reader, text, n, &e) < 0 ? problem(r, e.text) : 0;
    }
    if (n == 0) {
        return 0;
    }
    if (!r->b) {
        r->b = batch_new(r->n->mem, r->n->in[0], BATCH_ROWS, NULL);
        r->b->rows = BATCH_ROWS;
        r->lines = arena_array(r->n->mem, BATCH_ROWS, sizeof *r->lines);
    }
    uint16_t row = r->b->nsel;
    if (r->def->read(r->reader, text, n, r->b, row, &e) < 0) {
        return problem(r, e.text);
    }
    r->lines[row] = r->line;
    r->b->nsel++;
    return r->b->nsel == BATCH_ROWS ? finish_chunk(r) : 0;
}

static int read_lines(struct reading *r, FILE *f)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    int status = 0;
    while (status == 0 && (n = getline(&line, &room, f)) >= 0) {
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r')) {
            n--;
        }
        status = read_line(r, line, (size_t)n);
    }
    free(line);
    return status < 0 ? status : finish_chunk(r);
}

/* Relative to the topology's file. */
static const char *path_of(struct node *n, const char *file)
{
    const char *topology = n->at.file ? n->at.file : "", *slash = strrchr(topology, '/');
    if (file[0] == '/' || !slash) {
        return file;
    }
    return arena_printf(n->mem, "%.*s/%s", (int)(slash - topology), topology, file);
}

static int read_file(struct reading *r)
{
    struct err e = {0};
    FILE *f = fopen(r->file, "r");
    if (!f) {
        return algorithm_problem(r->n, "train_from", "cannot read %s: %s", r->file,
                                 strerror(errno));
    }
    if (fseek(f, 0, SEEK_END) < 0 || ftell(f) > TRAINING_BYTES || fseek(f, 0, SEEK_SET) < 0) {
        fclose(f);
        return algorithm_problem(r->n, "train_from", "%s is no file of at most %ld MB", r->file,
                                 TRAINING_BYTES >> 20);
    }
    struct codec_spec spec = {.def = r->def, .topic = r->file, .at = r->n->at, .path = r->n->path};
    int status = r->def->reader_open(&r->reader, &spec, r->n->in[0], NULL, NULL, &e);
    if (status < 0) {
        status = problem(r, e.text);
    } else {
        status = read_lines(r, f);
        r->def->reader_close(r->reader);
    }
    fclose(f);
    return status;
}

/* A file of which no row can be learned has other columns than was thought. */
static int check_whole(struct node *n, const struct learning *p, const struct training *t)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; i < t->nchunks; i++) {
        const struct training_chunk *c = &t->chunk[i];
        for (uint16_t k = 0; k < c->b.nsel; k++, rows++) {
            if (!c->features.is_missing[k] && (!p->label || !vec_is_null(&c->label, k))) {
                return 0;
            }
        }
    }
    return algorithm_problem(
        n, "train_from",
        "%s: of its %llu rows none can be learned: each lacks a feature or the "
        "label; its columns must be named as those of the stream",
        t->file, (unsigned long long)rows);
}

/* One of the three kinds must be named; what else belongs to it is its own affair. */
static int check_kind(struct node *n, const struct yaml *value)
{
    static const char *const kinds[] = {"file", "topic", "stream", NULL};
    const char *near = NULL;
    for (int i = 0; value->kind == YAML_MAP && i < value->n; i++) {
        near = near ? near : nearest_name(value->key[i], kinds);
    }
    for (int i = 0; value->kind == YAML_MAP && kinds[i]; i++) {
        if (yaml_get(value, kinds[i])) {
            return 0;
        }
    }
    return algorithm_problem(n, "train_from",
                             "expected {file: PATH}, {topic: NAME, …} or {stream: NAME}%s%s%s",
                             near ? ": did you mean `" : "", near ? near : "", near ? "`?" : "");
}

int train_from_bind(struct node *n, const struct yaml *value, struct learning *p)
{
    struct from_cfg cfg;
    if (!value || value->kind == YAML_NULL) {
        return 0;
    }
    if (p->late) {
        return algorithm_problem(n, "train_from",
                                 "what was before has no rows of another stream: use it without "
                                 "`label_from`");
    }
    if (n->history) {
        return 0;
    }
    if (check_kind(n, value) < 0) {
        return -ERR_CONFIG;
    }
    if (config_parse(fields, &cfg, value, arena_printf(n->mem, "%s.train_from", n->path), n->mem,
                     n->diags) < 0) {
        return -ERR_CONFIG;
    }
    size_t length = strlen(cfg.file);
    bool is_csv = length > 4 && strcmp(cfg.file + length - 4, ".csv") == 0;
    struct reading r = {.n = n,
                        .p = p,
                        .file = path_of(n, cfg.file),
                        .def = codec_named(is_csv ? "csv" : "json"),
                        .out = arena_zalloc(n->mem, sizeof(struct training))};
    r.out->file = r.file;
    if (read_file(&r) < 0 || check_whole(n, p, r.out) < 0) {
        return -ERR_CONFIG;
    }
    p->training = r.out;
    return 0;
}

/* ---- teaching ---- */

static bool is_whole(const struct learning_pass *p, const struct feature_rows *features, uint16_t i)
{
    return !features->is_missing[i] && (!p->plan->label || !vec_is_null(&p->label, i));
}

/* p->in and p->label are those of the past. NULL, or why the row cannot be learned. */
static const char *teach_row(struct learning_pass *p, const struct feature_rows *features,
                             struct model *m, uint16_t i)
{
    const char *problem = NULL;
    const struct learning_kind *kind = p->plan->kind;
    learning_gather(p, features, i, m, kind->foresee ? FEATURE_PREDICT : FEATURE_LEARN);
    bool predicted = kind->foresee && kind->foresee(p, m);
    if (kind->foresee && p->plan->features.ncategories > 0) {
        learning_gather(p, features, i, m, FEATURE_LEARN); /* numbers for new categories */
    }
    return kind->learn(p, m, i, predicted, true, &problem) < 0 ? problem : NULL;
}

/* ---- a file ---- */

static bool is_of(const struct learning_pass *p, const struct training_chunk *c, uint16_t at,
                  uint16_t row)
{
    if (p->plan->per.per != PER_KEY) {
        return true;
    }
    const struct str *own = &p->rows.keys.key[row], *key = &c->keys.key[at];
    return str_equal(own, key);
}

static int bad_line(const struct learning_pass *p, const struct training_chunk *c, uint16_t i,
                    const char *problem)
{
    char place[600];
    snprintf(place, sizeof place, "%s:%u", p->plan->training->file, (unsigned)c->line[i]);
    return op_bad_elsewhere(p->op, place, problem);
}

static int teach_chunk(struct learning_pass *p, struct model *m, const struct training_chunk *c,
                       const struct learning_pass *outer, uint16_t row)
{
    int status = 0;
    p->in = c->b;
    p->label = c->label;
    for (uint16_t i = 0; i < c->b.nsel && status == 0; i++) {
        if (is_whole(p, &c->features, i) && is_of(outer, c, i, row)) {
            const char *problem = teach_row(p, &c->features, m, i);
            status = problem ? bad_line(p, c, i, problem) : 0;
        }
    }
    return status;
}

int train_from_teach(struct learning_pass *p, struct model *m, uint16_t row)
{
    struct learning_pass inner = *p;
    inner.is_past = true;
    const struct training *t = p->plan->training;
    int status = 0;
    p->task->scratch.only_collects = true;
    for (uint32_t i = 0; i < t->nchunks && status == 0; i++) {
        status = teach_chunk(&inner, m, &t->chunk[i], p, row);
    }
    p->task->scratch.only_collects = false;
    model_study(m, p->plan->kind->hindsight);
    per_touch(&p->rows);
    return status;
}

/* ---- a topic or stream ---- */

/* Models that learned their first rows from the stream do not learn what was before them
 * afterwards. */
bool train_from_is_due(const struct op *op)
{
    return op->node->history && state_is_empty(op->state);
}

static int prepare_past(struct learning_pass *p, struct op *from)
{
    struct row_errors errors = {0};
    p->in = batch_upserts(&p->in);
    int status = features_eval(&p->plan->features, &p->in, &p->features, &errors);
    status = status == 0 ? op_bad_rows(from, &p->in, &errors) : status;
    if (status == 0 && p->plan->label) {
        errors = (struct row_errors){0};
        status = expression_eval(p->plan->label, &p->in, &p->label, &errors);
        status = status == 0 ? op_bad_rows(from, &p->in, &errors) : status;
    }
    if (status == 0) {
        per_rows_init(&p->rows, p->op, &p->task->per, &p->in);
    }
    return status;
}

/* That was all: one model a call is trained. */
static int end_past(struct op *op, struct learning_pass *p)
{
    struct learning_task *t = p->task;
    if (!t->is_past_read) {
        struct buffer *key = &t->bytes;
        buffer_clear(key);
        buffer_byte(key, 'h');
        held_put(op->state, key, "", 0); /* also where there was no row: it is read once */
        t->is_past_read = true;
        t->unstudied = p->plan->model.is_batch ? t->per.touched : NULL;
    }
    if (t->unstudied) {
        model_study(t->unstudied->object, p->plan->kind->hindsight);
        t->unstudied = t->unstudied->next;
    }
    return t->unstudied != NULL;
}

int train_from_past(struct op *op, struct op *from, struct batch *b)
{
    struct learning_pass p = {.op = op, .plan = op->node->bound, .task = op->self, .is_past = true};
    if (!b) {
        return end_past(op, &p);
    }
    p.in = *b;
    int status = prepare_past(&p, from);
    p.task->scratch.only_collects = true;
    for (uint16_t k = 0; k < p.in.nsel && status == 0; k++) {
        uint16_t row = batch_row(&p.in, k);
        if (!is_whole(&p, &p.features, row)) {
            continue;
        }
        struct model *m = per_find(&p.rows, row);
        m = m ? m : per_make(&p.rows, row);
        const char *problem = teach_row(&p, &p.features, m, row);
        per_touch(&p.rows);
        status = problem ? op_bad_row(from, &p.in, row, problem) : p.rows.status;
    }
    p.task->scratch.only_collects = false;
    return status;
}
