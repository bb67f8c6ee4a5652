/* A setup is read as a topology's step is: the same tables, the same messages.
 *
 *   options    the algorithm's own table (ml/algorithm.c)
 *   settings   what else a step has that is of use without rows of a stream: scale, learn; coverage;
 *              threshold, warm_up; horizons, season, every, fallback
 *   texts      `${…}` is refused: it would read files and the environment of who loads saved bytes
 *   names      of features, each once: a snapshot of others is another model's
 */
#include "engine/memory.h"
#include "engine/step.h"
#include "ml/algorithm.h"
#include "ml/forecast_grid.h"
#include "ml/klamm_ml_model.h"
#include "ml/learn_mode.h"
#include "ml/threshold.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 65536

const char *const klamm_ml_tasks[] = {"classify", "regress", "cluster", "detect",
                                      "forecast", "drift",   NULL};

static const enum learner_task learner_tasks[] = {
    [TASK_CLASSIFY] = LEARN_CLASSES,
    [TASK_REGRESS] = LEARN_VALUES,
    [TASK_CLUSTER] = LEARN_CLUSTERS,
    [TASK_DETECT] = LEARN_SCORES,
};

struct settings {
    int scale;
    const struct yaml *learn, *threshold, *horizons, *season;
    int64_t warm_up, every;
    double coverage;
    bool fallback;
};

enum { SCALE_NONE, SCALE_STANDARD };
static const char *const scales[] = {"none", "standard", NULL};

/* clang-format off */
#define ROW_FIELDS                                                                                 \
    {"scale", CONFIG_ENUM, offsetof(struct settings, scale), .def = "none", .values = scales,      \
     .doc = "`standard`: features are centred and divided by their deviation, as learned so far"}, \
    {"learn", CONFIG_YAML, offsetof(struct settings, learn),                                       \
     .doc = "`online`: each row, or `{batch: {window, every, min_rows}}`: anew from a window"}
/* clang-format on */

static const struct config_field row_fields[] = {ROW_FIELDS, {0}};
static const struct config_field regress_fields[] = {
    ROW_FIELDS,
    {"coverage", CONFIG_DOUBLE, offsetof(struct settings, coverage), .min = 0.01, .max = 0.999,
     .doc = "share of the values that intervals are to hold; absent: there are none"},
    {0},
};
static const struct config_field detect_fields[] = {
    ROW_FIELDS,
    {"threshold", CONFIG_YAML, offsetof(struct settings, threshold),
     .doc =
         "`{false_alarms: 0.001}` (preset), `{quantile: q}` or `{value: x}` of the learner's own "
         "score"},
    {"warm_up", CONFIG_LONG, offsetof(struct settings, warm_up), .def = "100", .min = 0, .max = 1e9,
     .doc = "rows that are learned before any is judged"},
    {0},
};
static const struct config_field forecast_fields[] = {
    {"horizons", CONFIG_YAML, offsetof(struct settings, horizons), .required = true,
     .doc = "how far ahead: a list of numbers of steps (`12`) or, with `every`, durations (`5m`)"},
    {"season", CONFIG_YAML, offsetof(struct settings, season),
     .doc = "length of a season, or a list: numbers of steps or durations (`1d`)"},
    {"every", CONFIG_DURATION, offsetof(struct settings, every), .min = 1,
     .doc = "length of a step, one without a value is missing; absent: each value is a step"},
    {"coverage", CONFIG_DOUBLE, offsetof(struct settings, coverage), .def = "0.9", .min = 0.5,
     .max = 0.99, .doc = "share of the values to come that the intervals cover"},
    {"fallback", CONFIG_BOOLEAN, offsetof(struct settings, fallback), .def = "true",
     .doc = "forecasts are those of naive or seasonal_naive where they were better of late"},
    {0},
};
static const struct config_field no_fields[] = {{0}};

const struct config_field *klamm_ml_settings(enum klamm_ml_task task)
{
    switch (task) {
    case TASK_REGRESS:
        return regress_fields;
    case TASK_DETECT:
        return detect_fields;
    case TASK_FORECAST:
        return forecast_fields;
    case TASK_DRIFT:
        return no_fields;
    case TASK_CLASSIFY:
    case TASK_CLUSTER:
    case KLAMM_ML_TASKS:
        break;
    }
    return row_fields;
}

int klamm_ml_task_of(const char *name)
{
    for (int i = 0; name && klamm_ml_tasks[i]; i++) {
        if (strcmp(klamm_ml_tasks[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

int klamm_ml_fail(struct klamm_ml_error *e, enum klamm_ml_code code, const char *fmt, ...)
{
    if (e) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(e->text, sizeof(e->text), fmt, args);
        va_end(args);
        e->code = code;
    }
    return -(int)code;
}

/* ---- a copy ---- */

static const char *copy_text(struct arena *mem, const char *text)
{
    return text ? arena_strdup(mem, text) : NULL;
}

/* Names that are given, or x1, x2, … */
static int copy_names(struct klamm_ml *m, const struct klamm_ml_setup *given,
                      struct klamm_ml_error *e)
{
    struct learner_column *column = arena_array(&m->mem, given->features + 1U, sizeof(*column));
    const char **name = arena_array(&m->mem, given->features + 1U, sizeof(*name));
    bool *is_category = arena_zalloc(&m->mem, given->features + 1U);
    for (uint32_t i = 0; i < given->features; i++) {
        const char *own = given->feature ? given->feature[i] : NULL;
        if (given->feature && (!own || *own == '\0' || strlen(own) > CLASS_NAME_MAX)) {
            return klamm_ml_fail(e, KLAMM_ML_SETUP, "feature %u: a name has 1 to %d bytes",
                                 (unsigned)i, CLASS_NAME_MAX);
        }
        name[i] = own ? arena_strdup(&m->mem, own) : arena_printf(&m->mem, "x%u", (unsigned)i + 1);
        is_category[i] = given->is_category && given->is_category[i];
        column[i] = (struct learner_column){.name = name[i], .is_category = is_category[i]};
        m->model.ncategories += is_category[i];
        for (uint32_t k = 0; own && k < i; k++) {
            if (strcmp(name[k], own) == 0) {
                return klamm_ml_fail(e, KLAMM_ML_SETUP, "two features are called '%.100s'", own);
            }
        }
    }
    m->setup.feature = name;
    m->setup.is_category = is_category;
    m->model.column = column;
    m->model.ncolumns = given->features;
    return 0;
}

static int copy_setup(struct klamm_ml *m, const struct klamm_ml_setup *given,
                      struct klamm_ml_error *e)
{
    int task = klamm_ml_task_of(given->task);
    if (task < 0) {
        const char *near = given->task ? nearest_name(given->task, klamm_ml_tasks) : NULL;
        return klamm_ml_fail(e, KLAMM_ML_SETUP, "unknown task `%.100s`: %s%s%s",
                             given->task ? given->task : "", near ? "did you mean `" : "", //
                             near ? near
                                  : "expected one of classify, regress, cluster, detect, forecast "
                                    "and drift",
                             near ? "`?" : "");
    }
    m->task = (enum klamm_ml_task)task;
    if (!given->algorithm) {
        return klamm_ml_fail(e, KLAMM_ML_SETUP, "%s: an algorithm is needed", given->task);
    }
    bool has_rows = m->task < TASK_FORECAST;
    if (has_rows ? given->features < 1 || given->features > KLAMM_ML_FEATURES_MAX
                 : given->features > 0) {
        return klamm_ml_fail(e, KLAMM_ML_SETUP,
                             has_rows ? "%s: expected 1 to %d features, got %u"
                                      : "%s: a series has no features (of at most %d), got %u",
                             given->task, KLAMM_ML_FEATURES_MAX, (unsigned)given->features);
    }
    m->setup = *given;
    m->setup.task = klamm_ml_tasks[task];
    m->setup.algorithm = copy_text(&m->mem, given->algorithm);
    m->setup.options = copy_text(&m->mem, given->options);
    m->setup.settings = copy_text(&m->mem, given->settings);
    m->seed = given->seed;
    return copy_names(m, given, e);
}

/* ---- texts ---- */

/* A text as a tree; NULL when there is none. */
static int read_text(struct node *n, const char *what, const char *text, const struct yaml **out)
{
    struct place at = {.file = what};
    struct yaml *tree = NULL;
    *out = NULL;
    if (!text) {
        return 0;
    }
    size_t size = strlen(text);
    if (size > TEXT_MAX) {
        return diags_add(n->diags, at, n->path, "more than %d bytes of text", TEXT_MAX);
    }
    if (strstr(text, "${")) {
        return diags_add(n->diags, at, n->path,
                         "${…} is for topologies: the program puts in the value itself");
    }
    if (yaml_parse(&tree, n->mem, what, text, size, n->diags) < 0) {
        return -ERR_CONFIG;
    }
    *out = tree && tree->kind != YAML_NULL ? tree : NULL;
    return 0;
}

static int read_settings(struct node *n, enum klamm_ml_task task, const struct yaml *given,
                         struct settings *out)
{
    struct yaml none = {.kind = YAML_MAP};
    *out = (struct settings){.every = CONFIG_UNSET};
    const struct config_field *table = klamm_ml_settings(task);
    if (!table->name) {
        return given && given->n > 0 ? diags_add(n->diags, given->at, n->path, "has no settings")
                                     : 0;
    }
    return config_parse(table, out, given ? given : &none, n->path, n->mem, n->diags);
}

/* ---- plans ---- */

static int read_learn(struct node *n, struct model_config *c, const struct yaml *given)
{
    enum learn_mode mode;
    if (learn_mode_parse(n, given, &mode, &c->batch) < 0) {
        return -ERR_CONFIG;
    }
    if (mode == LEARN_NEVER) {
        return algorithm_problem(n, "learn", "a program that wants `never` does not call learn");
    }
    if (mode == LEARN_ONLINE && given && !c->def->learn) {
        return algorithm_problem(n, "learn", "%s learns from batches only: `learn: {batch: {…}}`",
                                 c->def->name);
    }
    c->is_batch = mode == LEARN_BATCH || !c->def->learn;
    return 0;
}

static int plan_rows(struct klamm_ml *m, struct node *n, const struct yaml *options,
                     const struct settings *s)
{
    struct model_config *c = &m->model;
    c->task = learner_tasks[m->task];
    c->def = algorithm_find(n, c->task, m->setup.algorithm);
    if (!c->def) {
        return -ERR_CONFIG;
    }
    c->is_scaled = algorithm_is_scaled(n, c->def, s->scale == SCALE_STANDARD);
    c->options = algorithm_options(n, c->def, options, &m->seed);
    int status = c->options ? read_learn(n, c, s->learn) : -ERR_CONFIG;
    if (c->ncategories > 0 && !c->def->takes_categories) {
        status = algorithm_problem(n, "features", "%s takes numbers, no categories", c->def->name);
    }
    if (c->ncategories > 0 && c->is_scaled) {
        status = algorithm_problem(n, "scale", "categories cannot be scaled");
    }
    m->coverage = m->task == TASK_REGRESS ? s->coverage : (double)NAN;
    m->detecting.warm_up = s->warm_up;
    if (m->task == TASK_DETECT && c->options) {
        c->options = detector_options(c->def, c->options, n->yaml, options, s->warm_up, n->mem);
    }
    if (m->task == TASK_DETECT && threshold_parse(n, s->threshold, &m->detecting) < 0) {
        status = -ERR_CONFIG;
    }
    m->detecting.model = *c;
    m->classifying = (struct classifier_config){.model = *c, .label = &type_long};
    return status;
}

static int plan_forecast(struct klamm_ml *m, struct node *n, const struct yaml *options,
                         const struct settings *s)
{
    const char **names;
    struct forecast_keys keys = {m->setup.algorithm, options, s->horizons, s->season};
    m->grid.every = s->every == CONFIG_UNSET ? 0 : s->every;
    m->grid.config.coverage = s->coverage;
    m->grid.config.falls_back = s->fallback;
    return forecast_grid_bind(n, &m->grid, &keys, &names, &m->seed);
}

static int plan_drift(struct klamm_ml *m, struct node *n, const struct yaml *options)
{
    m->drift = algorithm_drift(n, m->setup.algorithm);
    if (!m->drift) {
        return -ERR_CONFIG;
    }
    m->drift_options = algorithm_drift_options(n, m->drift, options, &m->seed);
    return m->drift_options ? 0 : -ERR_CONFIG;
}

static int plan(struct klamm_ml *m, struct diags *diags)
{
    struct yaml none = {.kind = YAML_MAP};
    struct node n = {.yaml = &none, .path = m->setup.task, .mem = &m->mem, .diags = diags};
    const struct yaml *options, *settings;
    struct settings s;
    int status = read_text(&n, "options", m->setup.options, &options);
    if (read_text(&n, "settings", m->setup.settings, &settings) < 0 ||
        read_settings(&n, m->task, settings, &s) < 0 || status < 0) {
        return -ERR_CONFIG;
    }
    if (settings) {
        n.yaml = settings; /* problems tell their places */
    }
    switch (m->task) {
    case TASK_FORECAST:
        return plan_forecast(m, &n, options, &s);
    case TASK_DRIFT:
        return plan_drift(m, &n, options);
    case TASK_CLASSIFY:
    case TASK_REGRESS:
    case TASK_CLUSTER:
    case TASK_DETECT:
    case KLAMM_ML_TASKS:
        break;
    }
    return plan_rows(m, &n, options, &s);
}

/* All problems, a line each. */
static int fail_diags(const struct diags *d, struct klamm_ml_error *e)
{
    struct buffer text;
    buffer_init(&text);
    for (int i = 0; i < d->n; i++) {
        char line[2048];
        diags_format(d, i, line, sizeof(line));
        buffer_printf(&text, "%s%s", i > 0 ? "\n" : "", line);
    }
    klamm_ml_fail(e, KLAMM_ML_SETUP, "%s", buffer_cstr(&text));
    buffer_done(&text);
    return -KLAMM_ML_SETUP;
}

int klamm_ml_read_setup(struct klamm_ml *m, const struct klamm_ml_setup *setup,
                        struct klamm_ml_error *e)
{
    if (!setup) {
        return klamm_ml_fail(e, KLAMM_ML_SETUP, "there is no setup");
    }
    int status = copy_setup(m, setup, e);
    if (status < 0) {
        return status;
    }
    struct diags diags;
    diags_init(&diags);
    status = plan(m, &diags) < 0 || diags.n > 0 ? fail_diags(&diags, e) : 0;
    diags_done(&diags);
    return status;
}

void klamm_ml_layout(const struct klamm_ml *m, struct buffer *words)
{
    buffer_printf(words, "%s ", m->setup.task);
    if (m->task == TASK_FORECAST) {
        forecast_grid_layout(&m->grid, words);
    } else if (m->task == TASK_DRIFT) {
        buffer_printf(words, "%s\nversion %u\n", m->drift->name, (unsigned)m->drift->version);
        if (m->drift->layout) {
            m->drift->layout(m->drift_options, words);
        }
    } else {
        model_layout(&m->model, words);
        buffer_printf(words, "version %u\n", (unsigned)m->model.def->version);
    }
}
