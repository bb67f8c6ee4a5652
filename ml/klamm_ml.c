/* Models of klamm_ml.h: made and freed, and what there is to make.
 *
 * A model is its setup as it was read (klamm_ml_setup.c) and one object of the kind that the step
 * of its task keeps in state: a classifier, regressor, detector, clusterer, series or watch. So
 * predictions are those of a topology, and whoever adds an algorithm to the registry has added it
 * here.
 *
 *   rows     klamm_ml_rows.c        series   klamm_ml_series.c        saved   klamm_ml_bytes.c
 */
#include "ml/klamm_ml.h"

#include "engine/memory.h"
#include "engine/registry.h"
#include "ml/klamm_ml_model.h"

#include <math.h>
#include <string.h>

/* ---- objects ---- */

static void make_rows(struct klamm_ml *m)
{
    switch (m->task) {
    case TASK_CLASSIFY:
        m->classifier = classifier_new(&m->classifying, m->seed);
        m->rows = &m->classifier->model;
        break;
    case TASK_REGRESS:
        m->regressor = regressor_new(&m->model, isnan(m->coverage) ? 0.9 : m->coverage, m->seed);
        m->rows = &m->regressor->model;
        break;
    case TASK_DETECT:
        m->detector = detector_new(&m->detecting, m->seed);
        m->rows = &m->detector->model;
        break;
    case TASK_CLUSTER:
    case TASK_FORECAST:
    case TASK_DRIFT:
    case KLAMM_ML_TASKS:
        m->rows = mem_zalloc(sizeof(*m->rows));
        model_init(m->rows, &m->model, m->seed);
        break;
    }
    model_scratch_init(&m->scratch, &m->model);
    m->x = mem_array(m->model.ncolumns + 1, sizeof(*m->x));
    m->category = mem_array(m->model.ncategories + 1, sizeof(*m->category));
    for (uint32_t i = 0; i < m->model.ncategories; i++) {
        classes_init(&m->category[i], &type_long);
    }
}

static void free_rows(struct klamm_ml *m)
{
    if (m->task == TASK_CLUSTER) {
        model_done(m->rows);
        mem_free(m->rows);
    }
    classifier_free(m->classifier);
    regressor_free(m->regressor);
    detector_free(m->detector);
    for (uint32_t i = 0; i < m->model.ncategories; i++) {
        classes_done(&m->category[i]);
    }
    mem_free(m->category);
    mem_free(m->x);
    model_scratch_done(&m->scratch);
}

static void make_object(struct klamm_ml *m)
{
    memset(m->class_of, 0xff, sizeof(m->class_of));
    if (m->task == TASK_FORECAST) {
        m->series = forecast_series_new(&m->grid, m->seed);
    } else if (m->task == TASK_DRIFT) {
        m->watch = m->drift->open(m->drift_options, m->seed);
    } else {
        make_rows(m);
    }
}

int klamm_ml_new(struct klamm_ml **out, const struct klamm_ml_setup *setup,
                 struct klamm_ml_error *e)
{
    if (!out) {
        return klamm_ml_fail(e, KLAMM_ML_CALL, "there is no place for the model");
    }
    *out = NULL;
    struct klamm_ml *m = mem_zalloc(sizeof(*m));
    arena_init(&m->mem);
    int status = klamm_ml_read_setup(m, setup, e);
    if (status < 0) {
        arena_done(&m->mem);
        mem_free(m);
        return status;
    }
    make_object(m);
    *out = m;
    return 0;
}

void klamm_ml_free(struct klamm_ml *m)
{
    if (!m) {
        return;
    }
    if (m->series) {
        forecast_series_free(m->series);
    } else if (m->watch) {
        m->drift->close(m->watch);
    } else {
        free_rows(m);
    }
    arena_done(&m->mem);
    mem_free(m);
}

int64_t klamm_ml_rows(const struct klamm_ml *m)
{
    if (!m) {
        return 0;
    }
    if (m->series) {
        return forecast_model_steps(forecast_series_model(m->series));
    }
    return m->rows ? m->rows->rows : m->values;
}

int64_t klamm_ml_version(const struct klamm_ml *m)
{
    if (!m) {
        return 0;
    }
    if (m->rows) {
        return m->rows->version;
    }
    return m->series ? klamm_ml_rows(m) > 0 : m->drifts + 1;
}

uint32_t klamm_ml_width(const struct klamm_ml *m)
{
    if (!m) {
        return 0;
    }
    switch (m->task) {
    case TASK_CLASSIFY:
        return m->width;
    case TASK_REGRESS:
        return isnan(m->coverage) ? 1 : 3;
    case TASK_CLUSTER:
        return 1;
    case TASK_DETECT:
        return 3;
    case TASK_FORECAST:
        return 3 * m->grid.config.nhorizons;
    case TASK_DRIFT:
    case KLAMM_ML_TASKS:
        break;
    }
    return 0;
}

/* ---- what there is ---- */

/* What the registries tell of an algorithm. */
struct entry {
    const char *name, *doc;
    const struct config_field *options;
};

static struct entry learner_entry(int task, uint32_t i)
{
    static const unsigned flag[] = {LEARN_CLASSES, LEARN_VALUES, LEARN_CLUSTERS, LEARN_SCORES};
    for (size_t k = 0; registry_learners[k]; k++) {
        const struct learner_def *def = registry_learners[k];
        if ((def->tasks & flag[task]) && i-- == 0) {
            return (struct entry){def->name, def->doc, def->options};
        }
    }
    return (struct entry){0};
}

static struct entry entry_at(int task, uint32_t i)
{
    if (task >= 0 && task < TASK_FORECAST) {
        return learner_entry(task, i);
    }
    uint32_t n = 0;
    if (task == TASK_FORECAST) {
        while (n < i && registry_forecasters[n]) {
            n++;
        }
        const struct forecaster_def *def = registry_forecasters[n];
        return def ? (struct entry){def->name, def->doc, def->options} : (struct entry){0};
    }
    while (task == TASK_DRIFT && n < i && registry_drifts[n]) {
        n++;
    }
    const struct drift_def *def = task == TASK_DRIFT ? registry_drifts[n] : NULL;
    return def ? (struct entry){def->name, def->doc, def->options} : (struct entry){0};
}

static struct entry entry_of(int task, const char *algorithm)
{
    struct entry x = entry_at(task, 0);
    for (uint32_t i = 1; x.name && (!algorithm || strcmp(x.name, algorithm) != 0); i++) {
        x = entry_at(task, i);
    }
    return x;
}

const char *klamm_ml_algorithm(const char *task, uint32_t i)
{
    return entry_at(klamm_ml_task_of(task), i).name;
}

const char *klamm_ml_doc(const char *task, const char *algorithm)
{
    return entry_of(klamm_ml_task_of(task), algorithm).doc;
}

int klamm_ml_schema(char **json, const char *task, const char *algorithm, struct klamm_ml_error *e)
{
    int number = klamm_ml_task_of(task);
    struct entry x = {0};
    if (json) {
        *json = NULL;
    }
    if (number >= 0) {
        x = algorithm ? entry_of(number, algorithm)
                      : (struct entry){task, "", klamm_ml_settings((enum klamm_ml_task)number)};
    }
    if (!json || !x.name) {
        return klamm_ml_fail(e, KLAMM_ML_CALL,
                             "there is no task or algorithm of that name: "
                             "klamm_ml_algorithm() tells which there are");
    }
    struct buffer text;
    buffer_init(&text);
    config_json_object(&text, x.options);
    *json = mem_strndup(text.data, text.n);
    buffer_done(&text);
    return 0;
}
