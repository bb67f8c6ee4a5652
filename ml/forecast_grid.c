/* Which forecaster, for which horizons, over which seasons: horizons and seasons are numbers of
 * steps, or durations that are whole numbers of `every`, sorted. Beside the forecaster stand those
 * that it has to beat, naive and, with seasons, seasonal_naive.
 */
#include "ml/forecast_grid.h"

#include "engine/clock.h"
#include "ml/algorithm.h"

#include <string.h>

#define WAITING_MAX                                                                                \
    100000 /* sum of all horizons, in steps: so many forecasts wait for their value */

/* One entry of `horizons` or `season` in steps; 0 with a problem. */
static uint32_t steps_of(struct node *n, const struct forecast_grid *g, const char *key,
                         const struct yaml *y, uint32_t least)
{
    int64_t steps, ms, every = g->every;
    if (y->kind == YAML_LONG) {
        steps = y->number;
    } else if (y->kind == YAML_STRING && duration_parse(y->text, y->text_n, &ms) == 0) {
        if (every == 0) {
            algorithm_problem(n, key, "a duration needs `every`, the length of a step; or give %s",
                              "a number of steps (rows)");
            return 0;
        }
        if (ms % every != 0) {
            algorithm_problem(n, key, "`%.40s` is not a multiple of `every`", y->text);
            return 0;
        }
        steps = ms / every;
    } else {
        algorithm_problem(n, key, "expected durations such as 5m, or whole numbers of steps");
        return 0;
    }
    if (steps < least || steps > STEPS_MAX) {
        algorithm_problem(n, key, "expected %u to %d steps, got %.40s", (unsigned)least, STEPS_MAX,
                          y->text ? y->text : "");
        return 0;
    }
    return (uint32_t)steps;
}

/* A list, or one of its entries alone, sorted into steps (and names); -ERR_CONFIG with a problem.
 */
static int bind_steps(struct node *n, const struct forecast_grid *g, const char *key,
                      const struct yaml *given, uint32_t least, uint32_t most, uint32_t **out,
                      const char **name)
{
    struct yaml *alone[1];
    memcpy(alone, &given, sizeof(given));
    struct yaml *const *item = given->kind == YAML_LIST ? given->item : alone;
    int count = given->kind == YAML_LIST ? given->n : 1;
    uint32_t *steps = arena_array(n->mem, (size_t)most + 1, sizeof(*steps)), have = 0;
    if (count < 1 || count > (int)most) {
        return algorithm_problem(n, key, "expected 1 to %u entries", (unsigned)most);
    }
    for (int i = 0; i < count; i++) {
        uint32_t step = steps_of(n, g, key, item[i], least), at = have;
        if (step == 0) {
            return -ERR_CONFIG;
        }
        for (; at > 0 && steps[at - 1] >= step; at--) {
            if (steps[at - 1] == step) {
                return algorithm_problem(n, key, "`%.40s`: the same %u steps twice", item[i]->text,
                                         (unsigned)step);
            }
            steps[at] = steps[at - 1];
            if (name) {
                name[at] = name[at - 1];
            }
        }
        steps[at] = step;
        if (name) {
            name[at] = arena_strdup(n->mem, item[i]->text);
        }
        have++;
    }
    *out = steps;
    return count;
}

static int bind_horizons(struct node *n, struct forecast_grid *g, const struct yaml *given,
                         const char ***names)
{
    uint32_t *steps;
    const char **name = arena_array(n->mem, HORIZONS_MAX + 1, sizeof(*name));
    int count = bind_steps(n, g, "horizons", given, 1, HORIZONS_MAX, &steps, name);
    if (count < 0) {
        return count;
    }
    uint64_t sum = 0;
    for (int i = 0; i < count; i++) {
        sum += steps[i];
    }
    if (sum > WAITING_MAX) {
        return algorithm_problem(n, "horizons",
                                 "%llu steps in all, at most %d: fewer, or a longer %s",
                                 (unsigned long long)sum, WAITING_MAX, "`every`");
    }
    g->config.horizon = steps;
    g->config.nhorizons = (uint32_t)count;
    *names = name;
    return 0;
}

static int bind_seasons(struct node *n, struct forecast_grid *g, const struct yaml *given)
{
    struct forecast_config *c = &g->config;
    uint32_t *steps;
    if (given && given->kind != YAML_NULL) {
        int count = bind_steps(n, g, "season", given, 2, SEASONS_MAX, &steps, NULL);
        if (count < 0) {
            return count;
        }
        c->season = steps;
        c->nseasons = (uint32_t)count;
    }
    const struct forecaster_def *def = c->def[RULE_FORECAST];
    if (def && c->nseasons < def->least_seasons) {
        return algorithm_problem(n, "algorithm", "%s needs a season: `season: 1d`", def->name);
    }
    if (def && c->nseasons > def->most_seasons) {
        return algorithm_problem(n, "season", "%s takes at most %u", def->name,
                                 (unsigned)def->most_seasons);
    }
    return 0;
}

static int bind_forecasters(struct node *n, struct forecast_config *c,
                            const struct forecast_keys *keys, uint64_t *seed)
{
    c->def[RULE_FORECAST] = algorithm_forecaster(n, keys->algorithm);
    if (!c->def[RULE_FORECAST]) {
        return -ERR_CONFIG;
    }
    c->options[RULE_FORECAST] =
        algorithm_forecaster_options(n, c->def[RULE_FORECAST], keys->options, seed);
    c->def[RULE_NO_CHANGE] = algorithm_forecaster(n, "naive");
    return c->options[RULE_FORECAST] ? 0 : -ERR_CONFIG;
}

int forecast_grid_bind(struct node *n, struct forecast_grid *g, const struct forecast_keys *keys,
                       const char ***names, uint64_t *seed)
{
    int status = bind_forecasters(n, &g->config, keys, seed);
    status = bind_seasons(n, g, keys->season) < 0 ? -ERR_CONFIG : status;
    if (g->config.nseasons > 0) {
        g->config.def[RULE_SEASONAL] = algorithm_forecaster(n, "seasonal_naive");
    }
    return bind_horizons(n, g, keys->horizons, names) < 0 ? -ERR_CONFIG : status;
}

void forecast_grid_layout(const struct forecast_grid *g, struct buffer *words)
{
    const struct forecast_config *c = &g->config;
    const struct forecaster_def *def = c->def[RULE_FORECAST];
    buffer_printf(words, "%s version %u, every %lld\nhorizons", def->name, (unsigned)def->version,
                  (long long)g->every);
    for (uint32_t i = 0; i < c->nhorizons; i++) {
        buffer_printf(words, " %u", (unsigned)c->horizon[i]);
    }
    buffer_printf(words, ", seasons");
    for (uint32_t i = 0; i < c->nseasons; i++) {
        buffer_printf(words, " %u", (unsigned)c->season[i]);
    }
    buffer_byte(words, '\n');
    if (def->layout) {
        def->layout(c->options[RULE_FORECAST], words);
    }
}
