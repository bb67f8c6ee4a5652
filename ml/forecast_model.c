/* Forecast model: at each step the forecasts made for it are scored, then all forecasters learn and
 * forecast anew.
 *
 *   value     that of the forecaster asked for; with falls_back, that of the simple one with the least
 *             error where that is less than WORSE times its own, horizon by horizon: running means of
 *             |error| in which a forecast counts half after HALF_LIFE more. A forecast that is not finite
 *             is none, and leaves the word to the next
 *   interval  conformal (ml/conformal.h), one per horizon, around the value forecast
 *   waiting   per horizon of h steps a ring of h forecasts that wait for their value
 *
 *       learned so far  … s-2 s-1 |          ring of horizon 3:  [s % 3] made now, for step s+2
 *                                                                 [(s+1) % 3] for step s
 *
 *   scores    of values for which every rule had a forecast, so that they can be compared
 *   missing   a value that is missing scores nothing
 *   state     steps, each forecaster's own, errors, waiting forecasts, the scale of the errors when
 *             each of them was made (in version 1 not), intervals, scores: version 2
 *   cost      the forecasters', and an ordered insertion per horizon
 */
#include "ml/forecast_model.h"

#include "engine/memory.h"

#include <math.h>
#include <string.h>

#define WORSE      0.95
#define HALF_LIFE  100
#define LEAST_SEEN 10 /* forecasts scored, before one is preferred for its errors */
#define VALUE_MOST 1e150
#define WAITING    6 /* doubles of a struct forecast */

_Static_assert(sizeof(struct forecast) == WAITING * sizeof(double), "saved as an array");

const struct forecast_rule_metrics forecast_rules[] = {
    [RULE_FORECAST] = {"mae", "smape"},
    [RULE_NO_CHANGE] = {"mae_no_change", "smape_no_change"},
    [RULE_SEASONAL] = {"mae_seasonal", "smape_seasonal"},
};

struct horizon {
    double error[FORECAST_RULES], weight[FORECAST_RULES];
    struct forecast *waiting; /* as many as the horizon has steps */
    double *scale;            /* of the intervals, when each of them was made */
    struct conformal conformal;
};

struct forecast_model {
    const struct forecast_config *config;
    void *forecaster[FORECAST_RULES];
    int64_t steps;
    struct forecast_scores scores;
    struct horizon *horizon;
    struct forecast *waiting; /* of all horizons */
    double *scale;
    uint64_t nwaiting;
};

/* ---- scores ---- */

void forecast_scores_add(struct forecast_scores *s, const struct forecast_scores *by, int sign)
{
    for (int k = 0; k < FORECAST_RULES; k++) {
        s->rows[k] += sign * by->rows[k];
        s->absolute[k] += sign * by->absolute[k];
        s->smape[k] += sign * by->smape[k];
    }
    s->intervals += sign * by->intervals;
    s->covered += sign * by->covered;
}

static double mean(double sum, int64_t n)
{
    return n > 0 ? sum / (double)n : 0;
}

double forecast_scores_mae(const struct forecast_scores *s, enum forecast_rule rule)
{
    return mean(s->absolute[rule], s->rows[rule]);
}

double forecast_scores_smape(const struct forecast_scores *s, enum forecast_rule rule)
{
    return mean(s->smape[rule], s->rows[rule]);
}

double forecast_scores_coverage(const struct forecast_scores *s)
{
    return mean((double)s->covered, s->intervals);
}

static void add_outcome(struct forecast_scores *s, int rule, double forecast, double y)
{
    double size = fabs(forecast) + fabs(y);
    s->rows[rule]++;
    s->absolute[rule] += fabs(forecast - y);
    s->smape[rule] += size > 0 ? 200 * fabs(forecast - y) / size : 0;
}

/* ---- the model ---- */

static struct forecast none(void)
{
    return (struct forecast){NAN, NAN, NAN, {NAN, NAN, NAN}};
}

struct forecast_model *forecast_model_new(const struct forecast_config *config, uint64_t seed)
{
    struct forecast_model *m = mem_zalloc(sizeof(*m));
    m->config = config;
    for (int k = 0; k < FORECAST_RULES; k++) {
        struct forecaster_setup setup = {
            .options = config->options[k],
            .horizon = config->horizon,
            .nhorizons = config->nhorizons,
            .season = config->season,
            .nseasons = config->nseasons,
            .seed = seed,
        };
        m->forecaster[k] = config->def[k] ? config->def[k]->open(&setup) : NULL;
    }
    m->horizon = mem_zalloc(config->nhorizons * sizeof(*m->horizon));
    for (uint32_t i = 0; i < config->nhorizons; i++) {
        m->nwaiting += config->horizon[i];
        conformal_init(&m->horizon[i].conformal, config->coverage);
    }
    m->waiting = mem_array(m->nwaiting, sizeof(*m->waiting));
    m->scale = mem_array(m->nwaiting, sizeof(*m->scale));
    uint64_t at = 0;
    for (uint32_t i = 0; i < config->nhorizons; i++) {
        m->horizon[i].waiting = m->waiting + at;
        m->horizon[i].scale = m->scale + at;
        at += config->horizon[i];
    }
    for (uint64_t i = 0; i < m->nwaiting; i++) {
        m->waiting[i] = none();
        m->scale[i] = 0;
    }
    return m;
}

void forecast_model_free(struct forecast_model *m)
{
    for (int k = 0; k < FORECAST_RULES; k++) {
        if (m->forecaster[k]) {
            m->config->def[k]->close(m->forecaster[k]);
        }
    }
    mem_free(m->waiting);
    mem_free(m->scale);
    mem_free(m->horizon);
    mem_free(m);
}

uint64_t forecast_model_size(const struct forecast_model *m)
{
    uint64_t n = sizeof(*m) + m->config->nhorizons * sizeof(*m->horizon) +
                 m->nwaiting * (sizeof(*m->waiting) + sizeof(*m->scale));
    for (int k = 0; k < FORECAST_RULES; k++) {
        const struct forecaster_def *def = m->config->def[k];
        if (m->forecaster[k] && def->size) {
            n += def->size(m->forecaster[k]);
        } else if (m->forecaster[k]) {
            struct buffer saved;
            buffer_init(&saved);
            struct snapshot s = snapshot_saver(&saved);
            def->io(m->forecaster[k], &s);
            n += saved.n;
            buffer_done(&saved);
        }
    }
    return n;
}

int64_t forecast_model_steps(const struct forecast_model *m)
{
    return m->steps;
}

int64_t forecast_model_version(const struct forecast_model *m)
{
    const struct forecaster_def *def = m->config->def[RULE_FORECAST];
    return m->steps == 0 ? 0 : 1 + (def->trained ? def->trained(m->forecaster[RULE_FORECAST]) : 0);
}

void *forecast_model_trains(const struct forecast_model *m)
{
    return m->config->def[RULE_FORECAST]->training ? m->forecaster[RULE_FORECAST] : NULL;
}

const struct forecast_scores *forecast_model_scores(const struct forecast_model *m)
{
    return &m->scores;
}

/* Place of the forecast that stood for step `m->steps`. */
static uint64_t due(const struct forecast_model *m, uint32_t i)
{
    return (uint64_t)(m->steps + 1) % m->config->horizon[i];
}

static void score(struct forecast_model *m, uint32_t i, double y)
{
    const double keep = 1 - M_LN2 / HALF_LIFE;
    struct horizon *h = &m->horizon[i];
    const struct forecast *f = &h->waiting[due(m, i)];
    if (isnan(f->value)) {
        return;
    }
    bool is_comparable = true;
    for (int k = 0; k < FORECAST_RULES; k++) {
        if (isnan(f->by[k])) {
            is_comparable = is_comparable && (k == RULE_FORECAST || !m->forecaster[k]);
            continue;
        }
        h->error[k] = h->error[k] * keep + fabs(f->by[k] - y);
        h->weight[k] = h->weight[k] * keep + 1;
    }
    for (int k = 0; k < FORECAST_RULES && is_comparable; k++) {
        double forecast = k == RULE_FORECAST ? f->value : f->by[k];
        if (!isnan(forecast)) {
            add_outcome(&m->scores, k, forecast, y);
        }
    }
    if (!isnan(f->lower)) {
        m->scores.intervals++;
        m->scores.covered += y >= f->lower && y <= f->upper;
    }
    conformal_learn_late(&h->conformal, f->value, f->lower, f->upper, y, h->scale[due(m, i)]);
}

/* Mean error of a forecaster of late; infinite while too little is known. */
static double error_of(const struct horizon *h, int k)
{
    return h->weight[k] >= LEAST_SEEN ? h->error[k] / h->weight[k] : HUGE_VAL;
}

static double chosen(const struct forecast_model *m, const struct horizon *h,
                     const struct forecast *f)
{
    double value = f->by[RULE_FORECAST], least = isnan(value) ? HUGE_VAL : WORSE * error_of(h, 0);
    for (int k = RULE_FORECAST + 1; k < FORECAST_RULES && m->config->falls_back; k++) {
        if (!isnan(f->by[k]) && (isnan(value) || error_of(h, k) < least)) {
            value = f->by[k];
            least = error_of(h, k);
        }
    }
    return value;
}

static void forecast_anew(struct forecast_model *m)
{
    double out[FORECAST_RULES][HORIZONS_MAX];
    uint32_t n = m->config->nhorizons;
    for (int k = 0; k < FORECAST_RULES; k++) {
        if (m->forecaster[k]) {
            m->config->def[k]->predict(m->forecaster[k], out[k]);
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        struct horizon *h = &m->horizon[i];
        uint64_t place = (uint64_t)m->steps % m->config->horizon[i];
        struct forecast *f = &h->waiting[place];
        *f = none();
        h->scale[place] = h->conformal.scale;
        for (int k = 0; k < FORECAST_RULES; k++) {
            bool is_one = m->forecaster[k] && fabs(out[k][i]) <= VALUE_MOST;
            f->by[k] = is_one ? out[k][i] : (double)NAN;
        }
        f->value = chosen(m, h, f);
        conformal_interval(&h->conformal, f->value, &f->lower, &f->upper);
    }
}

void forecast_model_learn(struct forecast_model *m, double y)
{
    for (uint32_t i = 0; i < m->config->nhorizons && !isnan(y); i++) {
        score(m, i, y);
    }
    for (int k = 0; k < FORECAST_RULES; k++) {
        if (m->forecaster[k]) {
            m->config->def[k]->learn(m->forecaster[k], y);
        }
    }
    m->steps++;
    forecast_anew(m);
}

const struct forecast *forecast_model_now(const struct forecast_model *m, uint32_t horizon)
{
    return &m->horizon[horizon].waiting[(uint64_t)m->steps % m->config->horizon[horizon]];
}

/* ---- snapshot ---- */

int forecast_scores_io(struct forecast_scores *scores, struct snapshot *s)
{
    for (int k = 0; k < FORECAST_RULES; k++) {
        snapshot_count(s, &scores->rows[k]);
    }
    snapshot_array(s, scores->absolute, FORECAST_RULES);
    snapshot_array(s, scores->smape, FORECAST_RULES);
    snapshot_count(s, &scores->intervals);
    snapshot_count(s, &scores->covered);
    return snapshot_status(s);
}

int forecast_model_io(struct forecast_model *m, struct snapshot *s)
{
    uint32_t n = m->config->nhorizons;
    int64_t waiting = (int64_t)m->nwaiting;
    snapshot_version(s, 2);
    bool has_scales = s->version >= 2;
    snapshot_u32(s, &n);
    snapshot_count(s, &waiting);
    if (n != m->config->nhorizons || waiting != (int64_t)m->nwaiting) {
        s->status = -ERR_DATA; /* saved with other horizons */
        return s->status;
    }
    snapshot_count(s, &m->steps);
    forecast_scores_io(&m->scores, s);
    snapshot_array(s, (double *)m->waiting, m->nwaiting * WAITING);
    snapshot_array(s, m->scale, has_scales ? m->nwaiting : 0);
    for (uint32_t i = 0; i < n && s->status == 0; i++) {
        snapshot_array(s, m->horizon[i].error, FORECAST_RULES);
        snapshot_array(s, m->horizon[i].weight, FORECAST_RULES);
        conformal_io(&m->horizon[i].conformal, s);
    }
    for (int k = 0; k < FORECAST_RULES && s->status == 0; k++) {
        if (m->forecaster[k]) {
            m->config->def[k]->io(m->forecaster[k], s);
        }
    }
    return snapshot_status(s);
}
