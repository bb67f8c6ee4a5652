/* Model: test, then train, one row at a time.
 *
 *   predict   x -> scaler as learned so far -> learner -> probabilities -> most probable class
 *   learn     score; scaler learns x; x scaled anew; learner learns it
 *
 * which is the order of a River pipeline (StandardScaler | learner).
 *
 *   state     algorithm, columns, scaling, type of label; rows, version; classes; categories;
 *             scaler; learner; evaluation. A snapshot of another algorithm or of other columns is
 *             refused
 *   classes   a learner of two classes knows false and true of a boolean label from the start;
 *             every other class is added in the row that first brings it
 */
#include "ml/model.h"

#include "engine/memory.h"

#include <math.h>
#include <string.h>

struct model *model_new(const struct model_config *config, uint64_t seed)
{
    struct model *m = mem_zalloc(sizeof(*m));
    struct learner_setup setup = {
        .task = LEARN_CLASSES,
        .options = config->options,
        .column = config->column,
        .ncolumns = config->ncolumns,
        .seed = seed,
    };
    m->config = config;
    m->learner = config->def->open(&setup);
    m->version = 1;
    m->evaluation.last = -1;
    if (config->is_scaled) {
        scaler_init(&m->scaler, config->ncolumns);
    }
    m->category = mem_array(config->ncategories + 1, sizeof(m->category[0]));
    for (uint32_t i = 0; i < config->ncategories; i++) {
        classes_init(&m->category[i], &type_string);
    }
    classes_init(&m->classes, config->label);
    if (config->def->is_binary && config->label->kind == TYPE_BOOLEAN) {
        classes_add_booleans(&m->classes);
    }
    return m;
}

void model_free(struct model *m)
{
    if (!m) {
        return;
    }
    m->config->def->close(m->learner);
    if (m->config->is_scaled) {
        scaler_done(&m->scaler);
    }
    for (uint32_t i = 0; i < m->config->ncategories; i++) {
        classes_done(&m->category[i]);
    }
    mem_free(m->category);
    classes_done(&m->classes);
    evaluation_done(&m->evaluation);
    mem_free(m);
}

static uint64_t learner_size(const struct model *m)
{
    const struct learner_def *def = m->config->def;
    if (def->size) {
        return def->size(m->learner);
    }
    struct buffer bytes;
    buffer_init(&bytes);
    struct snapshot s = snapshot_saver(&bytes);
    def->io(m->learner, &s);
    uint64_t n = bytes.n;
    buffer_done(&bytes);
    return n;
}

uint64_t model_size(const struct model *m)
{
    uint64_t bytes = sizeof(*m) + learner_size(m) + classes_size(&m->classes);
    bytes += m->config->is_scaled ? 2 * (uint64_t)m->scaler.n * sizeof(double) : 0;
    for (uint32_t i = 0; i < m->config->ncategories; i++) {
        bytes += sizeof(struct classes) + classes_size(&m->category[i]);
    }
    return bytes + m->evaluation.classes * sizeof(*m->evaluation.seen);
}

void model_scratch_init(struct model_scratch *s, const struct model_config *config)
{
    s->scaled = mem_array(config->ncolumns + 1, sizeof(double));
    s->proba = mem_array(CLASSES_MAX, sizeof(double));
}

void model_scratch_done(struct model_scratch *s)
{
    mem_free(s->scaled);
    mem_free(s->proba);
}

static const double *scaled(const struct model *m, const double *x, struct model_scratch *scratch)
{
    if (!m->config->is_scaled) {
        return x;
    }
    scaler_transform(&m->scaler, x, scratch->scaled);
    return scratch->scaled;
}

int model_predict(struct model *m, const double *x, struct model_scratch *scratch)
{
    if (m->rows == 0) {
        return -1;
    }
    uint32_t n = m->classes.n;
    double *p = scratch->proba;
    m->config->def->predict(m->learner, scaled(m, x, scratch), 1, p, CLASSES_MAX);
    if (n == 1) {
        p[0] = 1; /* a binary learner gave the rest to a class without a name yet */
    }
    int best = 0;
    for (uint32_t c = 0; c < n; c++) {
        if (!isfinite(p[c])) {
            return -1;
        }
        best = p[c] > p[best] ? (int)c : best;
    }
    return best;
}

/* Class of a label, made if it is new; or -ERR_DATA with the reason. */
static int class_of(struct model *m, const struct vec *label, uint16_t row, const char **problem)
{
    int class = classes_find(&m->classes, label, row);
    if (class >= 0) {
        return class;
    }
    if (m->config->def->is_binary && m->classes.n == 2) {
        *problem = "a third class: this algorithm tells two apart, softmax_regression any number";
        return -ERR_DATA;
    }
    class = classes_add(&m->classes, label, row);
    if (class < 0) {
        *problem = m->classes.n >= CLASSES_MAX ? "more than 1000 classes: is this column a label?"
                                               : "a label of more than 1024 bytes";
        return class;
    }
    if (m->config->def->grow) {
        m->config->def->grow(m->learner, m->classes.n);
    }
    return class;
}

static int score(struct model *m, int class, int predicted, double p, struct outcome *outcome)
{
    if (predicted >= 0) {
        *outcome = evaluation_score(&m->evaluation, (uint32_t) class, (uint32_t)predicted, p);
    }
    evaluation_label(&m->evaluation, (uint32_t) class);
    return predicted >= 0;
}

int model_score(struct model *m, const struct vec *label, uint16_t row, int predicted,
                const struct model_scratch *scratch, struct outcome *outcome)
{
    int class = classes_find(&m->classes, label, row);
    return class < 0 ? 0 : score(m, class, predicted, scratch->proba[class], outcome);
}

int model_learn(struct model *m, const double *x, const struct vec *label, uint16_t row,
                int predicted, struct model_scratch *scratch, struct outcome *outcome,
                const char **problem)
{
    uint32_t known = m->classes.n;
    int class = class_of(m, label, row, problem);
    if (class < 0) {
        return class;
    }
    double p = (uint32_t) class < known ? scratch->proba[class] : 0;
    int scored = score(m, class, predicted, p, outcome);
    if (m->config->is_scaled) {
        scaler_learn(&m->scaler, x);
    }
    double y = class;
    m->config->def->learn(m->learner, scaled(m, x, scratch), 1, &y, NULL);
    m->rows++;
    return scored;
}

/* One text that tells configurations apart which cannot read each other's snapshots. */
static void print_shape(const struct model_config *config, struct buffer *out)
{
    buffer_printf(out, "%s %s, %s label", config->def->name, config->is_scaled ? "scaled" : "plain",
                  config->label->kind == TYPE_STRING    ? "string"
                  : config->label->kind == TYPE_BOOLEAN ? "boolean"
                                                        : "long");
    for (uint32_t i = 0; i < config->ncolumns; i++) {
        buffer_printf(out, "%s %s%s", i > 0 ? "," : ":", config->column[i].name,
                      config->column[i].is_category ? " (category)" : "");
    }
}

void model_layout(const struct model_config *config, struct buffer *words)
{
    print_shape(config, words);
    buffer_byte(words, '\n');
    if (config->def->layout) {
        config->def->layout(config->options, words);
    }
}

/* What the snapshot must have been made with. */
static int header_io(struct model *m, struct snapshot *s)
{
    struct buffer shape;
    buffer_init(&shape);
    print_shape(m->config, &shape);
    uint32_t n = s->loading ? 0 : (uint32_t)shape.n;
    char *text = s->loading ? NULL : mem_strndup(shape.data, shape.n);
    snapshot_version(s, 1);
    snapshot_bytes(s, &text, &n, UINT32_MAX);
    if (snapshot_status(s) == 0 && (n != shape.n || memcmp(text, shape.data, n) != 0)) {
        s->status = -ERR_DATA;
    }
    mem_free(text);
    buffer_done(&shape);
    return snapshot_status(s);
}

int model_io(struct model *m, struct snapshot *s)
{
    if (header_io(m, s) < 0) {
        return snapshot_status(s);
    }
    if (s->loading) {
        classes_done(&m->classes); /* of a boolean label there are two already */
    }
    snapshot_count(s, &m->rows);
    snapshot_count(s, &m->version);
    if (classes_io(&m->classes, s) < 0) {
        return snapshot_status(s);
    }
    if (s->loading && m->config->def->grow) {
        m->config->def->grow(m->learner, m->classes.n);
    }
    for (uint32_t i = 0; i < m->config->ncategories; i++) {
        classes_io(&m->category[i], s);
    }
    if (m->config->is_scaled) {
        scaler_io(&m->scaler, s);
    }
    m->config->def->io(m->learner, s);
    evaluation_io(&m->evaluation, s);
    if (s->loading && snapshot_status(s) == 0 &&
        ((m->rows > 0 && m->classes.n == 0) || m->evaluation.classes > m->classes.n ||
         (m->config->def->is_binary && m->classes.n > 2))) {
        s->status = -ERR_DATA;
    }
    return snapshot_status(s);
}
