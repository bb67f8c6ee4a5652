/* hybrid: several forecasters beside each other, averaged horizon by horizon by how well each did
 * of late: short and long memory, with and without the longest season (Bates and Granger 1969).
 *
 *   error     of member k at a horizon: mean of |error|, in which one counts half after `half_life` more
 *   weight    (least error / error)^POWER, 0 beyond CUT times the least error or while a member cannot
 *             say; before LEAST_SEEN errors are known only the first member that can counts. The power is
 *             steep, so that a bad member takes little from the best
 *   forecast  sum of weight times forecast / sum of weights
 *
 *   members   a list of names, or of maps with the name as their only key: the member's options, and
 *             `seasons: n` for the n shortest seasons only (default: all)
 *   default   ridge; ridge {lags: 24, around: 12}; holt_winters; holt_winters {seasons: 1}
 *   missing   up to the members; scores nothing
 *   state     per member its own, its errors, and per horizon of h steps the last h forecasts: version 1
 *   cost      the members'
 */
#include "engine/forecaster.h"
#include "engine/memory.h"
#include "ml/forecaster_choice.h"

#include <math.h>
#include <string.h>

#define MEMBERS_MAX 8
#define POWER       10
#define CUT         1.5
#define LEAST_SEEN  5
#define VALUE_MOST  1e150

struct options {
    const struct yaml *members;
    double half_life;
};

static const struct config_field fields[] = {
    {"members", CONFIG_YAML, offsetof(struct options, members),
     .doc = "forecasters: a list of names, or `{name: {options}}` with `seasons: n` for the n "
            "shortest only; absent: two of ridge, two of holt_winters"},
    {"half_life", CONFIG_DOUBLE, offsetof(struct options, half_life), .def = "300", .min = 1,
     .max = 1e6, .doc = "steps after which an error counts half for the weights"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"models", "members"}, {"estimators", "members"}, {"forecasters", "members"}, {0}};

/* What a member is, as configured. */
struct member_cfg {
    const struct forecaster_def *def;
    const void *options;
    uint32_t seasons; /* at most so many, the shortest */
};

struct member {
    const struct forecaster_def *def;
    void *forecaster;       /* NULL: it needs a season, there is none */
    double *error, *weight; /* per horizon */
    double *waiting; /* per horizon of h steps, h forecasts: that made at step s is at s % h */
};

struct hybrid {
    const struct options *options;
    struct forecaster_setup setup;
    struct arena arena; /* the members' options */
    uint64_t nwaiting;
    int64_t steps;
    uint32_t n;
    struct member member[MEMBERS_MAX];
};

/* ---- configuration ---- */

/* The map without `seasons`, which goes to *seasons. */
static int read_seasons(const struct yaml *map, struct arena *a, struct yaml *out,
                        uint32_t *seasons, struct err *e)
{
    *out = *map;
    out->n = 0;
    out->item = arena_array(a, (size_t)map->n + 1, sizeof(*out->item));
    out->key = arena_array(a, (size_t)map->n + 1, sizeof(*out->key));
    out->key_at = arena_array(a, (size_t)map->n + 1, sizeof(*out->key_at));
    for (int i = 0; i < map->n; i++) {
        if (strcmp(map->key[i], "seasons") == 0) {
            const struct yaml *v = map->item[i];
            if (v->kind != YAML_LONG || v->number < 0 || v->number > SEASONS_MAX) {
                return err_set(e, ERR_CONFIG, "seasons: expected a number from 0 to %d",
                               SEASONS_MAX);
            }
            *seasons = (uint32_t)v->number;
            continue;
        }
        out->item[out->n] = map->item[i];
        out->key[out->n] = map->key[i];
        out->key_at[out->n++] = map->key_at[i];
    }
    return 0;
}

static int read_member(const struct yaml *y, struct arena *a, struct member_cfg *out, struct err *e)
{
    struct yaml none = {.kind = YAML_MAP, .at = y->at}, own;
    bool is_map = y->kind == YAML_MAP && y->n == 1;
    const struct yaml *given = is_map && y->item[0]->kind != YAML_NULL ? y->item[0] : &none;
    const char *name = is_map ? y->key[0] : y->kind == YAML_STRING ? y->text : NULL;
    if (!name || given->kind != YAML_MAP) {
        return err_set(e, ERR_CONFIG,
                       "a member is a name such as ridge, or {name: {options}}, such as "
                       "{ridge: {lags: 24}}");
    }
    if (strcmp(name, "hybrid") == 0) {
        return err_set(e, ERR_CONFIG, "hybrid cannot be a member of itself");
    }
    *out = (struct member_cfg){.def = forecaster_find(name, e), .seasons = SEASONS_MAX};
    if (!out->def || read_seasons(given, a, &own, &out->seasons, e) < 0) {
        return -ERR_CONFIG;
    }
    out->options = forecaster_parse(out->def, &own, a, e);
    return out->options ? 0 : -ERR_CONFIG;
}

static const char *const usual =
    "[ridge, {ridge: {lags: 24, around: 12}}, holt_winters, {holt_winters: {seasons: 1}}]";

/* All members; their number, or -ERR_CONFIG. What they point to lives in a. */
static int read_members(const struct options *o, struct arena *a, struct member_cfg *out,
                        struct err *e)
{
    const struct yaml *list = o->members;
    if (!list || list->kind == YAML_NULL) {
        struct yaml *parsed;
        struct diags d;
        diags_init(&d);
        int status = yaml_parse(&parsed, a, "members", usual, strlen(usual), &d);
        diags_done(&d);
        if (status < 0) {
            return status;
        }
        list = parsed;
    }
    if (list->kind != YAML_LIST || list->n < 1 || list->n > MEMBERS_MAX) {
        return err_set(e, ERR_CONFIG,
                       "members: expected a list of 1 to %d forecasters, such as [ridge, "
                       "holt_winters]",
                       MEMBERS_MAX);
    }
    for (int i = 0; i < list->n; i++) {
        if (read_member(list->item[i], a, &out[i], e) < 0) {
            return err_prefix(e, "members[%d]", i);
        }
    }
    return list->n;
}

static int hybrid_check(const void *options, struct err *e)
{
    struct member_cfg cfg[MEMBERS_MAX];
    struct arena a;
    arena_init(&a);
    int n = read_members(options, &a, cfg, e);
    arena_done(&a);
    return n < 0 ? n : 0;
}

static void hybrid_layout(const void *options, struct buffer *words)
{
    struct member_cfg cfg[MEMBERS_MAX];
    struct arena a;
    arena_init(&a);
    int n = read_members(options, &a, cfg, NULL);
    for (int i = 0; i < n; i++) {
        const struct forecaster_def *def = cfg[i].def;
        buffer_printf(words, "member %s version %u, %u seasons\n", def->name,
                      (unsigned)def->version, (unsigned)cfg[i].seasons);
        if (def->layout) {
            def->layout(cfg[i].options, words);
        }
    }
    arena_done(&a);
}

/* ---- members ---- */

static void open_member(const struct hybrid *h, struct member *m, const struct member_cfg *cfg)
{
    struct forecaster_setup setup = h->setup;
    uint32_t n = h->setup.nhorizons, most = cfg->def->most_seasons;
    most = cfg->seasons < most ? cfg->seasons : most;
    setup.nseasons = setup.nseasons < most ? setup.nseasons : most;
    setup.options = cfg->options;
    m->def = cfg->def;
    m->forecaster = setup.nseasons >= cfg->def->least_seasons ? cfg->def->open(&setup) : NULL;
    m->error = mem_array(2 * (size_t)n + h->nwaiting, sizeof(double));
    memset(m->error, 0, 2 * (size_t)n * sizeof(double));
    m->weight = m->error + n;
    m->waiting = m->weight + n;
    for (uint64_t i = 0; i < h->nwaiting; i++) {
        m->waiting[i] = NAN;
    }
}

static void *hybrid_open(const struct forecaster_setup *setup)
{
    struct member_cfg cfg[MEMBERS_MAX];
    struct hybrid *h = mem_zalloc(sizeof(*h));
    h->options = setup->options;
    h->setup = *setup;
    arena_init(&h->arena);
    int n = read_members(h->options, &h->arena, cfg, NULL);
    if (n < 0) {
        arena_done(&h->arena);
        mem_free(h);
        return NULL;
    }
    for (uint32_t i = 0; i < setup->nhorizons; i++) {
        h->nwaiting += setup->horizon[i];
    }
    h->n = (uint32_t)n;
    for (uint32_t k = 0; k < h->n; k++) {
        open_member(h, &h->member[k], &cfg[k]);
    }
    return h;
}

static void hybrid_close(void *f)
{
    struct hybrid *h = f;
    for (uint32_t k = 0; k < h->n; k++) {
        struct member *m = &h->member[k];
        if (m->forecaster) {
            m->def->close(m->forecaster);
        }
        mem_free(m->error);
    }
    arena_done(&h->arena);
    mem_free(h);
}

/* ---- forecasts ---- */

static void predict_member(const struct hybrid *h, const struct member *m, double *out)
{
    if (m->forecaster) {
        m->def->predict(m->forecaster, out);
    }
    for (uint32_t i = 0; i < h->setup.nhorizons; i++) {
        out[i] = m->forecaster && fabs(out[i]) <= VALUE_MOST ? out[i] : (double)NAN;
    }
}

static double error_of(const struct member *m, uint32_t i)
{
    return m->weight[i] >= LEAST_SEEN ? m->error[i] / m->weight[i] : HUGE_VAL;
}

/* The forecast for one horizon from those of all members. */
static double weigh(const struct hybrid *h, double (*by)[HORIZONS_MAX], uint32_t i)
{
    double least = HUGE_VAL, sum = 0, weights = 0, first = NAN;
    for (uint32_t k = 0; k < h->n; k++) {
        if (!isnan(by[k][i])) {
            first = isnan(first) ? by[k][i] : first;
            least = fmin(least, error_of(&h->member[k], i));
        }
    }
    if (!(least < HUGE_VAL)) {
        return first;
    }
    for (uint32_t k = 0; k < h->n; k++) {
        double error = error_of(&h->member[k], i);
        if (!isnan(by[k][i]) && error <= CUT * least) {
            double weight = error > 0 ? pow(least / error, POWER) : 1;
            sum += weight * by[k][i];
            weights += weight;
        }
    }
    return sum / weights;
}

static void hybrid_predict(const void *f, double *out)
{
    const struct hybrid *h = f;
    double by[MEMBERS_MAX][HORIZONS_MAX];
    for (uint32_t k = 0; k < h->n; k++) {
        predict_member(h, &h->member[k], by[k]);
    }
    for (uint32_t i = 0; i < h->setup.nhorizons; i++) {
        out[i] = weigh(h, by, i);
    }
}

/* Scores the forecasts that stood for this step. */
static void score(const struct hybrid *h, struct member *m, double y)
{
    const double keep = exp(-M_LN2 / h->options->half_life);
    const double *waiting = m->waiting;
    for (uint32_t i = 0; i < h->setup.nhorizons; i++) {
        uint32_t ahead = h->setup.horizon[i];
        double was = waiting[(uint64_t)(h->steps + 1) % ahead];
        if (!isnan(was)) {
            m->error[i] = m->error[i] * keep + fabs(was - y);
            m->weight[i] = m->weight[i] * keep + 1;
        }
        waiting += ahead;
    }
}

static void hybrid_learn(void *f, double y)
{
    struct hybrid *h = f;
    for (uint32_t k = 0; k < h->n && !isnan(y); k++) {
        score(h, &h->member[k], y);
    }
    h->steps++;
    for (uint32_t k = 0; k < h->n; k++) {
        struct member *m = &h->member[k];
        double out[HORIZONS_MAX], *waiting = m->waiting;
        if (m->forecaster) {
            m->def->learn(m->forecaster, y);
            trainable_now(m->def->training, m->forecaster);
        }
        predict_member(h, m, out);
        for (uint32_t i = 0; i < h->setup.nhorizons; i++) {
            waiting[(uint64_t)h->steps % h->setup.horizon[i]] = out[i];
            waiting += h->setup.horizon[i];
        }
    }
}

/* ---- snapshot ---- */

static int hybrid_io(void *f, struct snapshot *s)
{
    struct hybrid *h = f;
    uint32_t n = h->n, horizons = h->setup.nhorizons;
    int64_t waiting = (int64_t)h->nwaiting;
    snapshot_version(s, 1);
    snapshot_u32(s, &n);
    snapshot_u32(s, &horizons);
    snapshot_count(s, &waiting);
    snapshot_count(s, &h->steps);
    if (n != h->n || horizons != h->setup.nhorizons || waiting != (int64_t)h->nwaiting) {
        s->status = -ERR_DATA; /* saved with other members or horizons */
        return s->status;
    }
    for (uint32_t k = 0; k < n && s->status == 0; k++) {
        struct member *m = &h->member[k];
        snapshot_array(s, m->error, 2 * (size_t)horizons + h->nwaiting);
        if (m->forecaster) {
            m->def->io(m->forecaster, s);
        }
    }
    return snapshot_status(s);
}

static uint64_t hybrid_size(const void *f)
{
    const struct hybrid *h = f;
    uint64_t n = sizeof(*h);
    for (uint32_t k = 0; k < h->n; k++) {
        const struct member *m = &h->member[k];
        n += (2ULL * h->setup.nhorizons + h->nwaiting) * sizeof(double);
        n += m->forecaster && m->def->size ? m->def->size(m->forecaster) : 0;
    }
    return n;
}

const struct forecaster_def forecaster_hybrid = {
    .name = "hybrid",
    .doc = "several forecasters, weighted by how well each did of late",
    .most_seasons = SEASONS_MAX,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .layout = hybrid_layout,
    .check = hybrid_check,
    .open = hybrid_open,
    .predict = hybrid_predict,
    .learn = hybrid_learn,
    .io = hybrid_io,
    .size = hybrid_size,
    .close = hybrid_close,
};
