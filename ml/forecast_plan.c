/* forecast: horizons and seasons as numbers of steps, the forecaster with its options, the bound of a
 * breach, and the columns that come out. Durations are steps of `every`; without it each row is a step,
 * and there are no durations to tell.
 */
#include "ml/forecast_plan.h"

#include "engine/clock.h"
#include "engine/metric_rows.h"
#include "ml/algorithm.h"
#include "ml/forecaster_choice.h"

#include <string.h>

#define WAITING_MAX                                                                                \
    100000 /* sum of all horizons, in steps: so many forecasts wait for their value */

static const char *const learns[] = {"online", "never", NULL};

struct breach_cfg {
    struct config_text above, below;
};

const struct config_field forecast_fields[] = {
    {"algorithm", CONFIG_TEXT, offsetof(struct forecast_cfg, algorithm), .required = true,
     .doc = "the forecaster"},
    {"target", CONFIG_EXPRESSION, offsetof(struct forecast_cfg, target), .required = true,
     .doc = "the value of the series: a long or double; null: missing"},
    {"horizons", CONFIG_YAML, offsetof(struct forecast_cfg, horizons), .required = true,
     .doc = "how far ahead: a list of durations (`5m`) or of numbers of steps (`12`)"},
    {"every", CONFIG_DURATION, offsetof(struct forecast_cfg, every), .min = 1,
     .doc = "length of a step: of several rows in it the last counts, a step without is missing; "
            "absent: each row is a step"},
    {"season", CONFIG_YAML, offsetof(struct forecast_cfg, season),
     .doc = "length of a season, or a list: durations (`1d`) or numbers of steps"},
    {"as", CONFIG_TEXT, offsetof(struct forecast_cfg, as), .required = true,
     .doc = "what the names of the output columns begin with"},
    {"options", CONFIG_YAML, offsetof(struct forecast_cfg, options), .doc = "of the forecaster"},
    {"per", CONFIG_ENUM, offsetof(struct forecast_cfg, per), .def = "key", .values = per_names,
     .doc = "one series for each key, for each partition or for all rows"},
    {"learn", CONFIG_ENUM, offsetof(struct forecast_cfg, learn), .def = "online", .values = learns,
     .doc = "`never`: nothing is learned, forecasts stay as they are"},
    {"coverage", CONFIG_DOUBLE, offsetof(struct forecast_cfg, coverage), .def = "0.9", .min = 0.5,
     .max = 0.99, .doc = "share of the values to come that the intervals cover"},
    {"breach", CONFIG_YAML, offsetof(struct forecast_cfg, breach),
     .doc =
         "`{above: EXPR}` or `{below: EXPR}`: adds the time until the line through the forecasts "
         "gets there; needs `every`"},
    {"fallback", CONFIG_BOOLEAN, offsetof(struct forecast_cfg, fallback), .def = "true",
     .doc = "forecasts are those of naive or seasonal_naive where they were better of late"},
    {0},
};

static const struct config_field breach_fields[] = {
    {"above", CONFIG_EXPRESSION, offsetof(struct breach_cfg, above), .doc = "an upper bound"},
    {"below", CONFIG_EXPRESSION, offsetof(struct breach_cfg, below), .doc = "a lower bound"},
    {0},
};

static const struct forecaster_def *find(struct node *n, const char *name)
{
    struct err e = {0};
    const struct forecaster_def *def = forecaster_find(name, &e);
    if (!def) {
        algorithm_problem(n, "algorithm", "%s", e.text);
    }
    return def;
}

/* Options of a forecaster; they are parsed as those of learners. */
static const void *options_of(struct node *n, const struct forecaster_def *def,
                              const struct yaml *given, uint64_t *seed)
{
    const struct learner_def as_learner = {
        .name = def->name,
        .options = def->options,
        .options_size = def->options_size,
        .aliases = def->aliases,
        .check = def->check,
    };
    return algorithm_options(n, &as_learner, given, seed);
}

/* One entry of `horizons` or `season` in steps; 0 with a problem. */
static uint32_t steps_of(struct node *n, const struct forecast_plan *p, const char *key,
                         const struct yaml *y, uint32_t least)
{
    int64_t steps, ms, every = p->grid.every;
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

/* A list, or one of its entries alone, sorted into steps (and names); -ERR_CONFIG with a problem. */
static int bind_steps(struct node *n, struct forecast_plan *p, const char *key,
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
        uint32_t step = steps_of(n, p, key, item[i], least), at = have;
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

static int bind_horizons(struct node *n, struct forecast_plan *p)
{
    struct forecast_config *c = &p->grid.config;
    uint32_t *steps;
    p->name = arena_array(n->mem, HORIZONS_MAX + 1, sizeof(*p->name));
    int count = bind_steps(n, p, "horizons", p->cfg->horizons, 1, HORIZONS_MAX, &steps, p->name);
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
    c->horizon = steps;
    c->nhorizons = (uint32_t)count;
    return 0;
}

static int bind_seasons(struct node *n, struct forecast_plan *p)
{
    struct forecast_config *c = &p->grid.config;
    const struct yaml *given = p->cfg->season;
    uint32_t *steps;
    if (given && given->kind != YAML_NULL) {
        int count = bind_steps(n, p, "season", given, 2, SEASONS_MAX, &steps, NULL);
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

static int bind_forecasters(struct node *n, struct forecast_plan *p)
{
    struct forecast_config *c = &p->grid.config;
    c->def[RULE_FORECAST] = find(n, p->cfg->algorithm);
    if (!c->def[RULE_FORECAST]) {
        return -ERR_CONFIG;
    }
    c->options[RULE_FORECAST] = options_of(n, c->def[RULE_FORECAST], p->cfg->options, &p->per.seed);
    c->def[RULE_NO_CHANGE] = find(n, "naive");
    return c->options[RULE_FORECAST] ? 0 : -ERR_CONFIG;
}

static int bind_number(struct node *n, const char *key, const struct expression **out,
                       const struct config_text *text)
{
    if (expression_compile(out, n->mem, text, n->in[0], n->diags) < 0) {
        *out = NULL;
        return -ERR_CONFIG;
    }
    return type_is_numeric(expression_type(*out))
               ? 0
               : algorithm_problem(n, key, "expected a number: a long or a double");
}

static int bind_breach(struct node *n, struct forecast_plan *p)
{
    const struct yaml *given = p->cfg->breach;
    struct breach_cfg cfg;
    if (!given || given->kind == YAML_NULL) {
        return 0;
    }
    if (given->kind != YAML_MAP || given->n != 1) {
        return algorithm_problem(n, "breach", "expected one of {above: EXPR} and {below: EXPR}");
    }
    if (config_parse(breach_fields, &cfg, given, arena_printf(n->mem, "%s.breach", n->path), n->mem,
                     n->diags) < 0) {
        return -ERR_CONFIG;
    }
    if (p->grid.every == 0) {
        return algorithm_problem(n, "breach",
                                 "the time until then needs `every`, the length of a step");
    }
    p->is_above = cfg.above.text != NULL;
    return bind_number(n, "breach", &p->bound, p->is_above ? &cfg.above : &cfg.below);
}

static int bind_output(struct node *n, struct forecast_plan *p)
{
    const struct schema *in = n->in[0];
    const char *as = p->cfg->as, *name[3 * HORIZONS_MAX + 2];
    uint16_t count = 0;
    for (uint32_t i = 0; i < p->grid.config.nhorizons; i++) {
        name[count++] = arena_printf(n->mem, "%s_%s", as, p->name[i]);
        name[count++] = arena_printf(n->mem, "%s_%s_lower", as, p->name[i]);
        name[count++] = arena_printf(n->mem, "%s_%s_upper", as, p->name[i]);
    }
    uint16_t ndoubles = count;
    if (p->bound) {
        name[count++] = arena_printf(n->mem, "%s_breach", as);
    }
    name[count++] = arena_printf(n->mem, "%s_model_version", as);
    if (*as == '\0') {
        return algorithm_problem(n, "as", "a column needs a name");
    }
    if (in->n + count > COLUMNS_MAX) {
        return node_error(n, n->at, "more than %d columns", COLUMNS_MAX);
    }
    struct schema *out = schema_new(n->mem, (uint16_t)(in->n + count));
    for (uint16_t c = 0; c < in->n; c++) {
        const struct column *column = &in->col[c];
        schema_add(out, column->name, column->type, column->nullable, column->hidden);
    }
    out->keyed = in->keyed;
    out->nkey = in->nkey;
    out->key = in->key;
    int status = 0;
    for (uint16_t i = 0; i < count; i++) {
        if (schema_find(in, name[i]) >= 0) {
            status = algorithm_problem(n, "as", "the input has a column '%s' already", name[i]);
        }
        schema_add(out, name[i], i < ndoubles ? &type_double : &type_long, true, false);
    }
    p->first = in->n;
    p->n = count;
    n->out[0] = out;
    n->noutputs = 1;
    metric_rows_bind(n);
    return status;
}

int forecast_plan_bind(struct node *n, const struct object_def *objects)
{
    const struct forecast_cfg *cfg = n->cfg;
    struct forecast_plan *p = arena_zalloc(n->mem, sizeof(*p));
    p->cfg = cfg;
    p->grid.every = cfg->every == CONFIG_UNSET ? 0 : cfg->every;
    p->grid.config.coverage = cfg->coverage;
    p->grid.config.falls_back = cfg->fallback;
    n->bound = p;
    int status = per_bind(&p->per, n, (enum per)cfg->per, objects, p);
    status = bind_number(n, "target", &p->target, &cfg->target) < 0 ? -ERR_CONFIG : status;
    status = bind_breach(n, p) < 0 ? -ERR_CONFIG : status;
    status = bind_forecasters(n, p) < 0 ? -ERR_CONFIG : status;
    status = bind_seasons(n, p) < 0 ? -ERR_CONFIG : status;
    if (p->grid.config.nseasons > 0) {
        p->grid.config.def[RULE_SEASONAL] = find(n, "seasonal_naive");
    }
    if (bind_horizons(n, p) < 0 || status < 0) {
        return -ERR_CONFIG;
    }
    return bind_output(n, p);
}

void forecast_plan_needs(const struct node *n, const bool *out, bool *in)
{
    const struct forecast_plan *p = n->bound;
    for (uint16_t c = 0; c < n->in[0]->n; c++) {
        in[c] |= out[c];
    }
    expression_needs(p->target, in);
    if (p->bound) {
        expression_needs(p->bound, in);
    }
    per_needs(&p->per, n, in);
}

/* What a snapshot depends on: the series, its steps, its horizons and the forecaster. */
void forecast_plan_layout(const struct node *n, struct buffer *words)
{
    const struct forecast_plan *p = n->bound;
    const struct forecast_config *c = &p->grid.config;
    const struct forecaster_def *def = c->def[RULE_FORECAST];
    buffer_printf(words, "per %s, %s version %u, every %lld\nhorizons", per_names[p->cfg->per],
                  def->name, (unsigned)def->version, (long long)p->grid.every);
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
    expression_layout(words, p->target);
}
