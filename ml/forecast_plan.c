/* forecast: what forecast_grid.h reads, the bound of a breach, and the columns that come out. */
#include "ml/forecast_plan.h"

#include "engine/metric_rows.h"
#include "ml/algorithm.h"
#include "ml/forecast_grid.h"

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
        status = algorithm_column(n, name[i]) < 0 ? -ERR_CONFIG : status;
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
    const struct forecast_keys keys = {cfg->algorithm, cfg->options, cfg->horizons, cfg->season};
    if (forecast_grid_bind(n, &p->grid, &keys, &p->name, &p->per.seed) < 0 || status < 0) {
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
    buffer_printf(words, "per %s, ", per_names[p->cfg->per]);
    forecast_grid_layout(&p->grid, words);
    expression_layout(words, p->target);
}
