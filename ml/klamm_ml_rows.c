/* Rows of klamm_ml.h: predicted, then learned, one by one.
 *
 *   numbers    of classes and categories are the program's; the model has its own, in the order in which
 *              they are first learned, as in a topology. class_of[] and a struct classes per category
 *              lead from the one to the other
 *   category   one that was never learned, or one too many, is -1
 *   checks     of all rows come first, so that a call that fails has changed nothing
 *   learning   regress with a coverage needs the prediction it is to be judged by, detect its score: what
 *              predict_learn has made already is not made twice
 */
#include "engine/vector.h"
#include "ml/features.h"
#include "ml/klamm_ml_model.h"

#include <math.h>
#include <string.h>

#define CATEGORY_MOST 9007199254740992.0 /* 2^53 */

/* What was predicted for the row at hand. */
struct predicted {
    bool is_there;
    int class; /* the model's number */
    struct regressor_prediction value;
    struct detection detection;
};

/* ---- checks ---- */

static int check_task(const struct klamm_ml *m, struct klamm_ml_error *e)
{
    if (!m) {
        return klamm_ml_fail(e, KLAMM_ML_CALL, "there is no model");
    }
    if (!m->rows) {
        return klamm_ml_fail(e, KLAMM_ML_CALL, "%s has no rows: %s", m->setup.task,
                             m->series ? "klamm_ml_add() and klamm_ml_forecast()"
                                       : "klamm_ml_watch()");
    }
    return 0;
}

static int check_call(const struct klamm_ml *m, const double *x, size_t rows,
                      struct klamm_ml_error *e)
{
    int status = check_task(m, e);
    if (status == 0 && rows > 0 && !x) {
        status = klamm_ml_fail(e, KLAMM_ML_CALL, "there are no values of the rows");
    }
    for (uint32_t c = 0; status == 0 && m->model.ncategories > 0 && c < m->model.ncolumns; c++) {
        for (size_t r = 0; m->model.column[c].is_category && r < rows; r++) {
            double v = x[r * m->model.ncolumns + c];
            if (isfinite(v) && (v != nearbyint(v) || fabs(v) > CATEGORY_MOST)) {
                return klamm_ml_fail(
                    e, KLAMM_ML_DATA,
                    "row %zu: %g of '%.100s' is no category, which is a whole number", r, v,
                    m->model.column[c].name);
            }
        }
    }
    return status;
}

static int check_out(const struct klamm_ml *m, const double *out, size_t rows, uint32_t stride,
                     uint32_t width, struct klamm_ml_error *e)
{
    if (rows > 0 && !out) {
        return klamm_ml_fail(e, KLAMM_ML_CALL, "there is no place for predictions");
    }
    if (stride < width) {
        return klamm_ml_fail(e, KLAMM_ML_CALL, "a stride of %u: predictions of %s have %u numbers",
                             (unsigned)stride, m->setup.task, (unsigned)width);
    }
    return 0;
}

/* Classes are whole numbers, and a learner of two gets no third. *width: what they make of it. */
static int check_classes(const struct klamm_ml *m, const double *y, size_t rows, uint32_t *width,
                         struct klamm_ml_error *e)
{
    const struct learner_def *def = m->model.def;
    uint32_t known = m->classifier->classes.n;
    double added[2];
    uint32_t nadded = 0;
    for (size_t r = 0; r < rows; r++) {
        if (isnan(y[r])) {
            continue;
        }
        if (!(y[r] >= 0 && y[r] < CLASSES_MAX) || y[r] != nearbyint(y[r])) {
            return klamm_ml_fail(e, KLAMM_ML_DATA,
                                 "row %zu: %g is no class, which is a whole number from 0 to %d", r,
                                 y[r], CLASSES_MAX - 1);
        }
        uint32_t number = (uint32_t)y[r];
        *width = number >= *width ? number + 1 : *width;
        bool is_known = m->class_of[number] >= 0;
        for (uint32_t i = 0; i < nadded; i++) {
            is_known = is_known || added[i] == y[r];
        }
        if (!def->is_binary || is_known) {
            continue;
        }
        if (known + nadded == 2) {
            return klamm_ml_fail(e, KLAMM_ML_DATA,
                                 "row %zu: %g is a third class: %s tells two apart, "
                                 "softmax_regression any number",
                                 r, y[r], def->name);
        }
        added[nadded++] = y[r];
    }
    return 0;
}

static int check_values(const double *y, size_t rows, struct klamm_ml_error *e)
{
    for (size_t r = 0; r < rows; r++) {
        if (!isnan(y[r]) && !(fabs(y[r]) <= FEATURE_MOST)) {
            return klamm_ml_fail(e, KLAMM_ML_DATA,
                                 "row %zu: a value that is not finite, or beyond +-1e150", r);
        }
    }
    return 0;
}

static int check_targets(const struct klamm_ml *m, const double *y, size_t rows, uint32_t *width,
                         struct klamm_ml_error *e)
{
    bool has_target = m->classifier || m->regressor;
    *width = klamm_ml_width(m);
    if (has_target && rows > 0 && !y) {
        return klamm_ml_fail(e, KLAMM_ML_CALL, "%s learns a %s with each row: there are none",
                             m->setup.task, m->classifier ? "class" : "value");
    }
    if (m->classifier) {
        return check_classes(m, y, rows, width, e);
    }
    return m->regressor ? check_values(y, rows, e) : 0;
}

/* ---- a row ---- */

/* The row as the model takes it; NULL: a value is missing. */
static const double *take_row(struct klamm_ml *m, const double *x, enum knows knows)
{
    uint32_t n = m->model.ncolumns;
    bool is_whole = true;
    for (uint32_t i = 0; i < n; i++) {
        is_whole &= fabs(x[i]) <= FEATURE_MOST; /* no branch a value */
    }
    if (!is_whole || m->model.ncategories == 0) {
        return is_whole ? x : NULL;
    }
    struct classes *names = m->category;
    for (uint32_t i = 0; i < n; i++) {
        m->x[i] = x[i];
        if (m->model.column[i].is_category) {
            int64_t number = (int64_t)x[i];
            struct vec v = {.type = &type_long, .i = &number};
            int have = classes_find(names, &v, 0);
            have = have < 0 && knows == MAKE_CLASS ? classes_add(names, &v, 0) : have;
            m->x[i] = have < 0 ? -1 : have;
            names++;
        }
    }
    return m->x;
}

void klamm_ml_number_classes(struct klamm_ml *m)
{
    const struct classes *c = &m->classifier->classes;
    for (uint32_t i = 0; i < c->n; i++) {
        uint32_t number = (uint32_t)c->label[i].number;
        m->class_of[number] = (int16_t)i;
        m->width = number >= m->width ? number + 1 : m->width;
    }
}

static int class_of(struct klamm_ml *m, double y)
{
    int64_t number = (int64_t)y;
    int class = m->class_of[number];
    if (class < 0) {
        const char *problem;
        struct vec label = {.type = &type_long, .i = &number};
        class = classifier_class(m->classifier, &label, 0, MAKE_CLASS, &problem);
        klamm_ml_number_classes(m);
    }
    return class;
}

/* Predicts x; out may be NULL. */
static void predict(struct klamm_ml *m, const double *x, struct predicted *p, double *out)
{
    const double *from = m->scratch.out;
    if (m->classifier) {
        p->class = classifier_predict(m->classifier, x, &m->scratch);
        p->is_there = p->class >= 0 && m->classifier->classes.n > 0;
        for (uint32_t i = 0; out && p->is_there && i < m->classifier->classes.n; i++) {
            out[m->classifier->classes.label[i].number] = from[i];
        }
    } else if (m->regressor && isnan(m->coverage)) {
        p->is_there = model_predict(m->rows, x, &m->scratch) && fabs(from[0]) <= FEATURE_MOST;
        if (out && p->is_there) {
            out[KLAMM_ML_VALUE] = from[0];
        }
    } else if (m->regressor) {
        p->is_there = regressor_predict(m->regressor, x, &m->scratch, &p->value);
        if (out && p->is_there) {
            out[KLAMM_ML_VALUE] = p->value.value;
            out[KLAMM_ML_LOWER] = p->value.lower;
            out[KLAMM_ML_UPPER] = p->value.upper;
        }
    } else if (m->detector) {
        p->is_there = detector_judge(m->detector, x, &m->scratch, &p->detection);
        if (out && p->is_there) {
            const struct detection *d = &p->detection;
            out[KLAMM_ML_TAIL] = d->is_judged ? d->tail : (double)NAN;
            out[KLAMM_ML_FOUND] = d->is_judged ? (double)d->is_found : (double)NAN;
            out[KLAMM_ML_SCORE] = d->raw;
        }
    } else {
        p->is_there = model_predict(m->rows, x, &m->scratch) && from[0] >= 0;
        if (out && p->is_there) {
            out[0] = from[0];
        }
    }
}

/* A row of out as it is where nothing is said of it. */
static void clear(const struct klamm_ml *m, double *out, uint32_t stride, bool is_there)
{
    uint32_t n = m->classifier ? stride : klamm_ml_width(m);
    for (uint32_t i = 0; i < n; i++) {
        out[i] = is_there && m->classifier ? 0 : (double)NAN;
    }
}

static void predict_row(struct klamm_ml *m, const double *x, struct predicted *p, double *out,
                        uint32_t stride)
{
    p->is_there = false;
    clear(m, out, stride, true);
    if (x) {
        predict(m, x, p, out);
    }
    if (m->classifier && !p->is_there) {
        clear(m, out, stride, false);
    }
}

/* Nothing is evaluated: who predicts knows what it predicted. */
static void learn_row(struct klamm_ml *m, const double *x, const double *y,
                      const struct predicted *p)
{
    if (m->detector) {
        detector_learn(m->detector, x, m->time, p->is_there ? &p->detection : NULL, &m->scratch);
        return;
    }
    double target = m->classifier ? class_of(m, *y) : y ? *y : 0;
    if (m->regressor && !isnan(m->coverage) && p->is_there) {
        const struct regressor_prediction *said = &p->value;
        conformal_learn(&m->regressor->conformal, said->value, said->lower, said->upper, target);
    }
    model_learn(m->rows, x, target, m->time, &m->scratch);
}

/* ---- calls ---- */

int klamm_ml_predict(struct klamm_ml *m, const double *x, size_t rows, double *out, uint32_t stride,
                     struct klamm_ml_error *e)
{
    int status = check_call(m, x, rows, e);
    status = status < 0 ? status : check_out(m, out, rows, stride, klamm_ml_width(m), e);
    for (size_t r = 0; status == 0 && r < rows; r++) {
        struct predicted p;
        const double *row = take_row(m, x + r * m->model.ncolumns, KNOWN_ONLY);
        predict_row(m, row, &p, out + r * stride, stride);
    }
    return status;
}

int klamm_ml_learn(struct klamm_ml *m, const double *x, const double *y, size_t rows,
                   struct klamm_ml_error *e)
{
    uint32_t width;
    int status = check_call(m, x, rows, e);
    status = status < 0 ? status : check_targets(m, y, rows, &width, e);
    if (status < 0) {
        return status;
    }
    bool has_target = m->classifier || m->regressor;
    bool is_scored = m->detector || (m->regressor && !isnan(m->coverage));
    for (size_t r = 0; r < rows; r++) {
        struct predicted p = {.is_there = false};
        if (has_target && isnan(y[r])) {
            continue;
        }
        const double *row = take_row(m, x + r * m->model.ncolumns, MAKE_CLASS);
        if (!row) {
            continue;
        }
        if (is_scored) {
            predict(m, row, &p, NULL);
        }
        learn_row(m, row, has_target ? y + r : NULL, &p);
    }
    return 0;
}

int klamm_ml_predict_learn(struct klamm_ml *m, const double *x, const double *y, size_t rows,
                           double *out, uint32_t stride, struct klamm_ml_error *e)
{
    uint32_t width = 0;
    int status = check_call(m, x, rows, e);
    status = status < 0 ? status : check_targets(m, y, rows, &width, e);
    status = status < 0 ? status : check_out(m, out, rows, stride, width, e);
    bool has_target = status == 0 && (m->classifier || m->regressor);
    for (size_t r = 0; status == 0 && r < rows; r++) {
        struct predicted p;
        const double *from = x + r * m->model.ncolumns, *row = take_row(m, from, KNOWN_ONLY);
        predict_row(m, row, &p, out + r * stride, stride);
        if (!row || (has_target && isnan(y[r]))) {
            continue;
        }
        row = m->model.ncategories > 0 ? take_row(m, from, MAKE_CLASS) : row;
        learn_row(m, row, has_target ? y + r : NULL, &p);
    }
    return status;
}

void klamm_ml_set_time(struct klamm_ml *m, int64_t time)
{
    if (m) {
        m->time = time;
    }
}

int klamm_ml_best(const double *p, uint32_t n)
{
    int best = -1;
    for (uint32_t i = 0; p && i < n; i++) {
        if (!isnan(p[i]) && (best < 0 || p[i] > p[best])) {
            best = (int)i;
        }
    }
    return best;
}

int klamm_ml_class(struct klamm_ml *m, const char *name, struct klamm_ml_error *e)
{
    int status = check_task(m, e);
    if (status == 0 && (!m->classifier || !name)) {
        status = klamm_ml_fail(e, KLAMM_ML_CALL, "%s has no classes%s", m->setup.task,
                               m->classifier ? " without a name" : "");
    }
    if (status < 0) {
        return status;
    }
    for (uint32_t i = 0; i < m->nnames; i++) {
        if (strcmp(m->name[i], name) == 0) {
            return (int)i;
        }
    }
    if (klamm_ml_add_name(m, name) < 0) {
        return klamm_ml_fail(e, KLAMM_ML_DATA, "'%.50s': more than %d classes, or %d bytes", name,
                             CLASSES_MAX, CLASS_NAME_MAX);
    }
    return (int)m->nnames - 1;
}

int klamm_ml_add_name(struct klamm_ml *m, const char *name)
{
    if (m->nnames >= CLASSES_MAX || strlen(name) > CLASS_NAME_MAX) {
        return -ERR_DATA;
    }
    if (!m->name) {
        m->name = arena_array(&m->mem, CLASSES_MAX, sizeof(*m->name));
    }
    m->name[m->nnames++] = arena_strdup(&m->mem, name);
    m->width = m->nnames > m->width ? m->nnames : m->width;
    return 0;
}

const char *klamm_ml_class_name(const struct klamm_ml *m, uint32_t number)
{
    return m && number < m->nnames ? m->name[number] : NULL;
}
