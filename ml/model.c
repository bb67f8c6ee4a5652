/* Model: test, then train, one row at a time.
 *
 *   predict   x -> scaler as learned so far -> learner
 *   learn     scaler learns x; x scaled anew; learner learns it
 *
 * which is the order of a River pipeline (StandardScaler | learner). A learner of batches gets its
 * rows into a window instead; when training is due, a new learner is made, grown and fitted on the
 * window (ml/model_training.h), and takes the place of the old one, at once or some rows later.
 *
 *   state     algorithm, columns, scaling: a snapshot of others is refused; rows, version;
 *             trainings that were due, and whether the last is owed (from version 3 on); categories;
 *             scaler; the window; the learner, once it was trained: version 3
 *   order     rows one by one: the same bits for any batch size
 */
#include "ml/model.h"

#include "engine/hash.h"
#include "engine/memory.h"
#include "ml/features.h"
#include "ml/model_training.h"

#include <math.h>
#include <string.h>

void *model_learner(const struct model *m, int64_t number)
{
    const struct model_config *config = m->config;
    /* Each training begins with numbers of its own. */
    struct learner_setup setup = {
        .task = config->task,
        .options = config->options,
        .column = config->column,
        .ncolumns = config->ncolumns,
        .nsparse = config->nsparse,
        .seed = number > 1 ? hash_stable(&number, sizeof(number), m->seed) : m->seed,
    };
    void *learner = config->def->open(&setup);
    if (m->classes > 0 && config->def->grow) {
        config->def->grow(learner, m->classes);
    }
    return learner;
}

void model_init(struct model *m, const struct model_config *config, uint64_t seed)
{
    *m = (struct model){.config = config, .seed = seed};
    m->learner = model_learner(m, m->version);
    if (config->is_scaled) {
        scaler_init(&m->scaler, config->ncolumns);
    }
    m->category = mem_array(config->ncategories + 1, sizeof(m->category[0]));
    for (uint32_t i = 0; i < config->ncategories; i++) {
        classes_init(&m->category[i], &type_string);
    }
    recent_rows_init(&m->recent, config->ncolumns);
}

void model_done(struct model *m)
{
    m->config->def->close(m->learner);
    if (m->config->is_scaled) {
        scaler_done(&m->scaler);
    }
    for (uint32_t i = 0; i < m->config->ncategories; i++) {
        classes_done(&m->category[i]);
    }
    mem_free(m->category);
    recent_rows_done(&m->recent);
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
    uint64_t bytes = learner_size(m) + recent_rows_size(&m->recent);
    bytes += m->config->is_scaled ? 2 * (uint64_t)m->scaler.n * sizeof(double) : 0;
    for (uint32_t i = 0; i < m->config->ncategories; i++) {
        bytes += sizeof(struct classes) + classes_size(&m->category[i]);
    }
    return bytes;
}

void model_scratch_init(struct model_scratch *s, const struct model_config *config)
{
    s->scaled = mem_array(config->ncolumns + 1, sizeof(double));
    s->out = mem_array(CLASSES_MAX, sizeof(double));
    s->only_collects = false;
    s->trains_later = false;
}

void model_scratch_done(struct model_scratch *s)
{
    mem_free(s->scaled);
    mem_free(s->out);
}

void model_grow(struct model *m, uint32_t classes)
{
    m->classes = classes;
    if (m->config->def->grow) {
        m->config->def->grow(m->learner, classes);
    }
}

static const double *scaled(const struct model *m, const double *x, struct model_scratch *scratch)
{
    if (!m->config->is_scaled) {
        return x;
    }
    if (m->config->task == LEARN_SCORES) {
        scaler_transform_odd(&m->scaler, x, SCALER_FAR, scratch->scaled);
    } else {
        scaler_transform(&m->scaler, x, scratch->scaled);
    }
    return scratch->scaled;
}

/* What stands behind x. */
static struct sparse_row sparse_of(const struct model *m, const double *x)
{
    const double *count = x + m->config->ncolumns;
    const void *items = count + 1;
    return (struct sparse_row){.item = items, .n = (uint32_t)*count};
}

bool model_predict(struct model *m, const double *x, struct model_scratch *scratch)
{
    if (m->version == 0) {
        return false;
    }
    if (m->config->nsparse > 0) {
        struct sparse_row row = sparse_of(m, x);
        m->config->def->predict_sparse(m->learner, scaled(m, x, scratch), &row, scratch->out);
        return true;
    }
    m->config->def->predict(m->learner, scaled(m, x, scratch), 1, scratch->out, CLASSES_MAX);
    return true;
}

void model_learn(struct model *m, const double *x, double y, int64_t time,
                 struct model_scratch *scratch)
{
    const struct model_config *config = m->config;
    if (config->is_scaled) {
        scaler_learn(&m->scaler, x);
    }
    m->rows++;
    if (config->is_batch) {
        bool is_due =
            recent_rows_add(&m->recent, &config->batch, x, y, time) && !scratch->only_collects;
        m->due += is_due;
        m->owes |= is_due;
        if (is_due && !scratch->trains_later) {
            model_train(m);
        }
        return;
    }
    m->version = 1;
    if (config->nsparse > 0) {
        struct sparse_row row = sparse_of(m, x);
        config->def->learn_sparse(m->learner, scaled(m, x, scratch), &row, y, 1);
        return;
    }
    bool has_target = (config->task & (LEARN_CLASSES | LEARN_VALUES)) != 0;
    config->def->learn(m->learner, scaled(m, x, scratch), 1, has_target ? &y : NULL, NULL);
}

/* One text that tells configurations apart which cannot read each other's snapshots. */
static void print_shape(const struct model_config *config, struct buffer *out)
{
    buffer_printf(out, "%s %s%s", config->def->name, config->is_scaled ? "scaled" : "plain",
                  config->is_batch ? " batch" : "");
    for (uint32_t i = 0; i < config->ncolumns; i++) {
        buffer_printf(out, "%s %s%s", i > 0 ? "," : ":", config->column[i].name,
                      config->column[i].is_category ? " (category)" : "");
    }
    if (config->nsparse > 0) {
        buffer_printf(out, "; hashed to %u: %s", (unsigned)config->nsparse, config->sparse);
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
    snapshot_version(s, 3);
    snapshot_bytes(s, &text, &n, UINT32_MAX);
    if (snapshot_status(s) == 0 && (n != shape.n || memcmp(text, shape.data, n) != 0)) {
        s->status = -ERR_DATA;
    }
    mem_free(text);
    buffer_done(&shape);
    return snapshot_status(s);
}

/* Older snapshots were made where every training ended in its row. */
static void due_io(struct model *m, bool is_there, struct snapshot *s)
{
    uint32_t owes = m->owes;
    if (!is_there) {
        m->due = m->version;
        return;
    }
    snapshot_count(s, &m->due);
    snapshot_u32(s, &owes);
    m->owes = owes == 1;
    if (owes > 1 || m->due < m->version) {
        m->due = m->version;
        s->status = -ERR_DATA;
    }
}

/* Numbers as features.c gives them, categories that have a name. */
static bool is_row(const struct model *m, const double *x)
{
    const struct classes *category = m->category;
    for (uint32_t i = 0; i < m->config->ncolumns; i++) {
        bool fits = m->config->column[i].is_category ? x[i] >= 0 && x[i] < (category++)->n
                                                     : fabs(x[i]) <= FEATURE_MOST;
        if (!fits) {
            return false;
        }
    }
    return true;
}

static bool is_target(const struct model *m, uint32_t classes, double y)
{
    return m->config->task == LEARN_CLASSES ? y >= 0 && y < classes : fabs(y) <= FEATURE_MOST;
}

/* Learners take what they are given: rows that nobody can have kept are damage. */
static void window_io(struct model *m, uint32_t classes, struct snapshot *s)
{
    recent_rows_io(&m->recent, s);
    const struct recent_rows *r = &m->recent;
    for (uint32_t i = 0; s->loading && snapshot_status(s) == 0 && i < r->n; i++) {
        if (!is_row(m, r->x + (size_t)i * r->columns) || !is_target(m, classes, r->y[i])) {
            s->status = -ERR_DATA;
        }
    }
}

int model_io(struct model *m, uint32_t classes, struct snapshot *s)
{
    if (header_io(m, s) < 0) {
        return snapshot_status(s);
    }
    bool has_due = s->version >= 3;
    if (s->loading && classes > 0) {
        model_grow(m, classes);
    }
    snapshot_count(s, &m->rows);
    snapshot_count(s, &m->version);
    if (m->config->is_batch) {
        due_io(m, has_due, s);
    }
    if (s->loading && m->version > 1 && snapshot_status(s) == 0) {
        m->config->def->close(m->learner); /* the one that was trained had a seed of its own */
        m->learner = model_learner(m, m->version);
    }
    for (uint32_t i = 0; i < m->config->ncategories; i++) {
        classes_io(&m->category[i], s);
    }
    if (m->config->is_scaled) {
        scaler_io(&m->scaler, s);
    }
    if (m->config->is_batch) {
        window_io(m, classes, s);
    }
    if (m->version > 0 && snapshot_status(s) == 0) {
        m->config->def->io(m->learner, s);
    }
    return snapshot_status(s);
}
