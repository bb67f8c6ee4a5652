/* seasonal_naive: the next values are those of one season ago. What a forecast of a series with a
 * daily or weekly course has to beat.
 *
 *   forecast  y(t + h) = y(t + h - k m), m the season's length, k the fewest seasons that lead back
 *             to a value that is known; none before the first season is over
 *   seasons   of several, the one whose forecasts of the next value missed least of late: mean of
 *             |error|, in which a value counts half after HALF_LIFE steps
 *   missing   a value that is missing is taken to be as one longest season ago
 *   state     the values of the longest season and an error for each season: version 1
 *   cost      one value stored, one error a season
 */
#include "engine/forecaster.h"
#include "engine/memory.h"

#include <math.h>

#define HALF_LIFE 200

struct seasonal {
    struct forecaster_setup setup;
    uint32_t room; /* the longest season */
    int64_t steps; /* learned; the value of step i is at i % room */
    double *value;
    double error[SEASONS_MAX], weight[SEASONS_MAX];
};

static const struct config_field fields[] = {{0}};

static void *seasonal_open(const struct forecaster_setup *setup)
{
    struct seasonal *m = mem_zalloc(sizeof(*m));
    m->setup = *setup;
    m->room = setup->season[setup->nseasons - 1];
    m->value = mem_array(m->room, sizeof(double));
    for (uint32_t i = 0; i < m->room; i++) {
        m->value[i] = NAN;
    }
    return m;
}

static void seasonal_close(void *f)
{
    struct seasonal *m = f;
    mem_free(m->value);
    mem_free(m);
}

/* The value of the step `ahead` of the last one learned, by one season; NaN: not known. */
static double value_of(const struct seasonal *m, uint32_t season, uint32_t ahead)
{
    uint32_t back = season - (ahead - 1) % season - 1; /* steps before the last one learned */
    for (; back < m->room && back < m->steps; back += season) {
        double value = m->value[(uint64_t)(m->steps - 1 - back) % m->room];
        if (!isnan(value)) {
            return value;
        }
    }
    return NAN;
}

/* Number of the season that did best; the longest is tried last and must be better to be taken. */
static uint32_t best_season(const struct seasonal *m)
{
    uint32_t best = 0;
    double least = HUGE_VAL;
    for (uint32_t i = 0; i < m->setup.nseasons; i++) {
        double mean = m->weight[i] > 0 ? m->error[i] / m->weight[i] : HUGE_VAL;
        if (mean < least) {
            best = i;
            least = mean;
        }
    }
    return best;
}

static void seasonal_predict(const void *f, double *out)
{
    const struct seasonal *m = f;
    uint32_t season = m->setup.season[best_season(m)];
    for (uint32_t i = 0; i < m->setup.nhorizons; i++) {
        out[i] = value_of(m, season, m->setup.horizon[i]);
    }
}

static void seasonal_learn(void *f, double y)
{
    struct seasonal *m = f;
    const double keep = 1 - M_LN2 / HALF_LIFE;
    for (uint32_t i = 0; i < m->setup.nseasons && !isnan(y); i++) {
        double predicted = value_of(m, m->setup.season[i], 1);
        if (!isnan(predicted)) {
            m->error[i] = m->error[i] * keep + fabs(y - predicted);
            m->weight[i] = m->weight[i] * keep + 1;
        }
    }
    uint64_t at = (uint64_t)m->steps % m->room;
    m->value[at] = isnan(y) ? m->value[at] : y;
    m->steps++;
}

static int seasonal_io(void *f, struct snapshot *s)
{
    struct seasonal *m = f;
    uint32_t seasons = m->setup.nseasons;
    snapshot_version(s, 1);
    snapshot_u32(s, &seasons);
    snapshot_count(s, &m->steps);
    if (seasons != m->setup.nseasons) {
        s->status = -ERR_DATA;
        return s->status;
    }
    /* What was not learned yet is not written. */
    snapshot_array(s, m->value, (uint64_t)m->steps < m->room ? (size_t)m->steps : m->room);
    snapshot_array(s, m->error, seasons);
    snapshot_array(s, m->weight, seasons);
    return snapshot_status(s);
}

static uint64_t seasonal_size(const void *f)
{
    const struct seasonal *m = f;
    return sizeof(*m) + m->room * sizeof(double);
}

const struct forecaster_def forecaster_seasonal_naive = {
    .name = "seasonal_naive",
    .doc = "the value of one season ago",
    .least_seasons = 1,
    .most_seasons = SEASONS_MAX,
    .options = fields,
    .version = 1,
    .open = seasonal_open,
    .predict = seasonal_predict,
    .learn = seasonal_learn,
    .io = seasonal_io,
    .size = seasonal_size,
    .close = seasonal_close,
};
