/* residual: how far each feature is from what a forecaster of its series expected, in recent
 * spreads; the largest of the features counts (ml/residual.h). For series whose usual level moves
 * with the hour.
 *
 *   options   forecaster: any of `forecast` (holt_winters), with `options` of its own; season: length of
 *             a season in rows, or a list; fading_factor: weight of the newest residual in the spread
 *   score     NaN for the first grace_period rows, and while the forecaster cannot say
 *   state     rows; a residual per feature: version 1
 *   cost      that of the forecaster: a prediction and a step for each feature
 *   order     each row is a step of the series
 */
#include "ml/residual.h"

#include "engine/memory.h"
#include "ml/forecaster_choice.h"

#include <math.h>
#include <string.h>

struct options {
    const char *forecaster;
    const struct yaml *season, *options;
    double fading_factor;
    int64_t grace_period;
};

static const struct config_field fields[] = {
    {"forecaster", CONFIG_TEXT, offsetof(struct options, forecaster), .def = "holt_winters",
     .doc = "what expects the next value, by its name in `forecast`"},
    {"options", CONFIG_YAML, offsetof(struct options, options), .doc = "of the forecaster"},
    {"season", CONFIG_YAML, offsetof(struct options, season),
     .doc = "rows of a season, or a list of such lengths"},
    {"fading_factor", CONFIG_DOUBLE, offsetof(struct options, fading_factor), .def = "0.01",
     .min = 1e-6, .max = 1, .doc = "weight of the newest residual in their spread"},
    {"grace_period", CONFIG_LONG, offsetof(struct options, grace_period), .def = "100", .min = 1,
     .max = 1e9, .doc = "rows to learn before the first score"},
    {0},
};

/* What the options say, read. */
struct reading {
    struct residual_config config;
    uint32_t season[SEASONS_MAX];
};

struct detector_state {
    const struct options *options;
    struct arena arena; /* the forecaster's options */
    struct reading reading;
    uint32_t n;
    int64_t rows;
    struct residual **residual; /* per feature */
};

/* Ascending, at least 2 each. */
static int read_season(const struct yaml *y, struct reading *r, struct err *e)
{
    int n = !y ? 0 : y->kind == YAML_LIST ? y->n : 1;
    if (n > SEASONS_MAX) {
        return err_set(e, ERR_CONFIG, "season: at most %d lengths, found %d", SEASONS_MAX, n);
    }
    for (int i = 0; i < n; i++) {
        const struct yaml *v = y->kind == YAML_LIST ? y->item[i] : y;
        int64_t least = i > 0 ? (int64_t)r->season[i - 1] + 1 : 2;
        if (v->kind != YAML_LONG || v->number < least || v->number > STEPS_MAX) {
            return err_set(
                e, ERR_CONFIG,
                "season: expected a number of rows from 2 to %d (of a row a minute a day "
                "has 1440), or an ascending list, [24, 168]; found `%.30s`",
                STEPS_MAX, v->text && !v->secret ? v->text : "");
        }
        r->season[i] = (uint32_t)v->number;
    }
    r->config.season = r->season;
    r->config.nseasons = (uint32_t)n;
    return 0;
}

/* As many seasons as the forecaster takes. */
static int check_seasons(const struct residual_config *c, struct err *e)
{
    if (c->nseasons < c->def->least_seasons) {
        return err_set(e, ERR_CONFIG,
                       "forecaster: %s needs a season, in rows: with a row a minute `season: 1440` "
                       "is a day",
                       c->def->name);
    }
    if (c->nseasons > c->def->most_seasons) {
        return err_set(e, ERR_CONFIG, "season: %s takes at most %u, found %u", c->def->name,
                       (unsigned)c->def->most_seasons, (unsigned)c->nseasons);
    }
    return 0;
}

static int read(const struct options *o, struct reading *r, struct arena *a, struct err *e)
{
    *r = (struct reading){
        .config = {.def = forecaster_find(o->forecaster, e), .fading_factor = o->fading_factor}};
    if (!r->config.def) {
        return err_prefix(e, "forecaster");
    }
    if (read_season(o->season, r, e) < 0 || check_seasons(&r->config, e) < 0) {
        return -ERR_CONFIG;
    }
    r->config.options = forecaster_parse(r->config.def, o->options, a, e);
    return r->config.options ? 0 : err_prefix(e, "options");
}

static int residual_check(const void *options, struct err *e)
{
    struct arena a;
    struct reading r;
    arena_init(&a);
    int status = read(options, &r, &a, e);
    arena_done(&a);
    return status;
}

static void residual_words(const void *options, struct buffer *words)
{
    struct arena a;
    struct reading r;
    arena_init(&a);
    read(options, &r, &a, NULL);
    buffer_printf(words, "forecaster %s version %u, seasons", r.config.def->name,
                  (unsigned)r.config.def->version);
    for (uint32_t i = 0; i < r.config.nseasons; i++) {
        buffer_printf(words, " %u", (unsigned)r.season[i]);
    }
    buffer_byte(words, '\n');
    if (r.config.def->layout) {
        r.config.def->layout(r.config.options, words);
    }
    arena_done(&a);
}

static void *detector_open(const struct learner_setup *setup)
{
    struct detector_state *m = mem_zalloc(sizeof(*m));
    m->options = setup->options;
    m->n = setup->ncolumns;
    arena_init(&m->arena);
    read(m->options, &m->reading, &m->arena, NULL);
    m->residual = mem_array(m->n + 1, sizeof(struct residual *));
    for (uint32_t i = 0; i < m->n; i++) {
        m->reading.config.seed = setup->seed + i;
        m->residual[i] = residual_new(&m->reading.config);
    }
    return m;
}

static void detector_close(void *l)
{
    struct detector_state *m = l;
    for (uint32_t i = 0; i < m->n; i++) {
        residual_free(m->residual[i]);
    }
    mem_free(m->residual);
    arena_done(&m->arena);
    mem_free(m);
}

static double score_row(const struct detector_state *m, const double *x)
{
    double most = NAN;
    for (uint32_t i = 0; i < m->n; i++) {
        most =
            fmax(most, residual_score(m->residual[i], x[i])); /* of a number and NaN: the number */
    }
    return most;
}

static void detector_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    const struct detector_state *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        bool is_ready = m->rows >= m->options->grace_period;
        out[(size_t)r * stride] = is_ready ? score_row(m, x + (size_t)r * m->n) : (double)NAN;
    }
}

static void detector_learn(void *l, const double *x, uint32_t rows, const double *y,
                           const double *w)
{
    (void)y;
    (void)w;
    struct detector_state *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        for (uint32_t i = 0; i < m->n; i++) {
            residual_learn(m->residual[i], x[(size_t)r * m->n + i]);
        }
        m->rows++;
    }
}

static int detector_io(void *l, struct snapshot *s)
{
    struct detector_state *m = l;
    snapshot_version(s, 1);
    snapshot_count(s, &m->rows);
    for (uint32_t i = 0; i < m->n && snapshot_status(s) == 0; i++) {
        residual_io(m->residual[i], s);
    }
    return snapshot_status(s);
}

static uint64_t detector_size(const void *l)
{
    const struct detector_state *m = l;
    uint64_t bytes = sizeof(*m) + m->n * sizeof(struct residual *);
    for (uint32_t i = 0; i < m->n; i++) {
        bytes += residual_size(m->residual[i]);
    }
    return bytes;
}

const struct learner_def learner_residual = {
    .name = "residual",
    .doc = "distance from what a forecaster expected",
    .tasks = LEARN_SCORES,
    .options = fields,
    .options_size = sizeof(struct options),
    .version = 1,
    .layout = residual_words,
    .check = residual_check,
    .open = detector_open,
    .predict = detector_predict,
    .learn = detector_learn,
    .io = detector_io,
    .size = detector_size,
    .close = detector_close,
};
