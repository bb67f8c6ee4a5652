/* Training from a file.
 *
 *   file      CSV with a header, or JSON lines; a relative path is relative to the topology. Columns
 *             are those of the step's input, by name; others are left out, those missing are null
 *   model     a new model learns the rows of the file in their order, unscored, before it predicts its
 *             first row; with `per: key` those of its own key. A model that was restored does not
 *   rows      with a missing feature or a null label are left out, as in the stream. One that cannot
 *             be read or evaluated is an error of configuration, with its line
 *   memory    the file's columns stay in the plan's memory: at most TRAINING_BYTES of text
 */
#include "ml/train_from.h"

#include "engine/codec.h"
#include "engine/memory.h"
#include "ml/algorithm.h"
#include "ml/late_labels.h"

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
    *c = (struct training_chunk){.b = *r->b};
    int status = features_eval(&p->features, r->b, &c->features, &errors);
    if (status == 0 && p->label) {
        status = expression_eval(p->label, r->b, &c->label, &errors);
    }
    if (status < 0 || errors.n > 0) {
        r->line -= r->b->nsel - (errors.n > 0 ? errors.item[0].row + 1U : 0);
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
    }
    uint16_t row = r->b->nsel;
    if (r->def->read(r->reader, text, n, r->b, row, &e) < 0) {
        return problem(r, e.text);
    }
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

int train_from_bind(struct node *n, const struct yaml *value, struct learning *p)
{
    struct from_cfg cfg;
    if (!value || value->kind == YAML_NULL) {
        return 0;
    }
    if (p->late) {
        return algorithm_problem(
            n, "train_from", "a file has no rows of another stream: use it without `label_from`");
    }
    if (value->kind == YAML_MAP && (yaml_get(value, "topic") || yaml_get(value, "stream"))) {
        return algorithm_problem(
            n, "train_from", "a topic or stream to train from is not yet available: use {file: …}");
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
    if (read_file(&r) < 0) {
        return -ERR_CONFIG;
    }
    p->training = r.out;
    return 0;
}

/* ---- teaching ---- */

static bool is_of(const struct learning_pass *p, const struct training_chunk *c, uint16_t at,
                  uint16_t row)
{
    if (p->plan->per.per != PER_KEY) {
        return true;
    }
    const struct str *own = &p->rows.keys.key[row], *key = &c->keys.key[at];
    return str_equal(own, key);
}

static int teach_chunk(struct learning_pass *p, struct model *m, struct training_chunk *c,
                       const struct learning_pass *outer, uint16_t row)
{
    const char *text = NULL;
    p->in = c->b;
    p->label = c->label;
    for (uint16_t i = 0; i < c->b.nsel; i++) {
        bool is_learned = !c->features.is_missing[i] &&
                          (!p->plan->label || !vec_is_null(&c->label, i)) &&
                          is_of(outer, c, i, row);
        if (!is_learned) {
            continue;
        }
        learning_gather(p, &c->features, i, m, FEATURE_LEARN);
        if (p->plan->kind->learn(p, m, i, false, true, &text) < 0) {
            return op_bad_row(p->op, &outer->in, row, text);
        }
    }
    return 0;
}

int train_from_teach(struct learning_pass *p, struct model *m, uint16_t row)
{
    struct learning_pass inner = *p;
    const struct training *t = p->plan->training;
    int status = 0;
    for (uint32_t i = 0; i < t->nchunks && status == 0; i++) {
        status = teach_chunk(&inner, m, &t->chunk[i], p, row);
    }
    per_touch(&p->rows);
    return status;
}
