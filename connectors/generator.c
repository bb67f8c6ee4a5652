/* Source generator: rows made by expressions, at a rate.
 *
 *     generator:
 *       rate: 100
 *       rows: 5000
 *       columns: {host: "'h' || row % 10", value: sin(row / 50.0)}
 *
 *   columns    expressions over `row` (long, counts from 0) and `now` (timestamp: when the row
 *              was due)
 *   due        the first row after opening at the first poll, row k behind it k / rate seconds
 *              later; rows that a slow reader has missed come at once, each with the time it was
 *              due
 *   position   the number of the next row, so a restart goes on with the same numbers: what does
 *              not use `now` is the same in every run
 *   errors     an expression that fails stops the source: a generator has no bad input
 */
#include "engine/clock.h"
#include "engine/connector.h"
#include "engine/expression/expression.h"
#include "engine/memory.h"

#include <math.h>

#define ROW 0
#define NOW 1

struct generator_cfg {
    double rate;
    int64_t rows;
    struct config_list columns;
};

static const struct config_field fields[] = {
    {.name = "rate",
     .kind = CONFIG_DOUBLE,
     .offset = offsetof(struct generator_cfg, rate),
     .def = "1",
     .min = 1e-6,
     .max = 1e9,
     .doc = "Rows per second."},
    {.name = "rows",
     .kind = CONFIG_LONG,
     .offset = offsetof(struct generator_cfg, rows),
     .min = 1,
     .doc = "How many rows to make; without it there is no end."},
    {.name = "columns",
     .kind = CONFIG_EXPRESSIONS,
     .offset = offsetof(struct generator_cfg, columns),
     .required = true,
     .doc = "Columns as expressions over `row` (from 0) and `now` (when the row is due)."},
    {0},
};

/* The compiled columns, in one arena. */
struct program {
    const struct schema *in;
    struct schema *out;
    const struct expression **column;
};

struct connector {
    struct arena plan;
    struct program program;
    const struct schema *schema;
    double rate;
    int64_t rows;         /* INT64_MAX: no end */
    int64_t at;           /* next row */
    int64_t first, start; /* row that was next at the first poll, and when that was */
    bool is_started;
};

static bool generator_is_endless(const void *config)
{
    const struct generator_cfg *cfg = config;
    return cfg->rows == CONFIG_UNSET;
}

static int compile(struct program *p, struct arena *a, const struct generator_cfg *cfg,
                   struct diags *d)
{
    struct schema *in = schema_new(a, 2);
    schema_add(in, "row", &type_long, false, false);
    schema_add(in, "now", &type_timestamp, false, false);
    struct named_expression *list;
    int n;
    int rc = expression_list(&list, &n, a, &cfg->columns, d);
    if (rc < 0) {
        return rc;
    }
    if (n > COLUMNS_MAX) {
        return diags_add(d, list[0].at, list[0].text.path, "more than %d columns", COLUMNS_MAX);
    }
    p->in = in;
    p->out = schema_new(a, (uint16_t)n);
    p->column = arena_array(a, (size_t)n + 1, sizeof *p->column);
    for (int i = 0; i < n; i++) {
        const struct expression *x = NULL;
        if (schema_find(p->out, list[i].name) >= 0) {
            rc = diags_add(d, list[i].at, list[i].text.path, "there is a column '%s' already",
                           list[i].name);
        } else if (expression_compile(&x, a, &list[i].text, in, d) < 0) {
            rc = -ERR_CONFIG;
        } else {
            uint16_t c =
                schema_add(p->out, list[i].name, expression_type(x), expression_nullable(x), false);
            p->column[c] = x;
        }
    }
    return rc;
}

static int generator_columns(const void *cfg, struct place at, const char *path, struct arena *a,
                             struct schema **out, struct diags *d)
{
    (void)at;
    (void)path;
    struct program p = {0};
    int rc = compile(&p, a, cfg, d);
    *out = p.out;
    return rc;
}

static int generator_open(struct connector **out, const void *config, const struct schema *schema,
                          int64_t position, struct err *e)
{
    const struct generator_cfg *cfg = config;
    struct connector *c = mem_zalloc(sizeof *c);
    struct diags d;
    diags_init(&d);
    arena_init(&c->plan);
    c->schema = schema;
    c->rate = cfg->rate;
    c->rows = cfg->rows == CONFIG_UNSET ? INT64_MAX : cfg->rows;
    c->at = c->first = position;
    int rc = compile(&c->program, &c->plan, cfg, &d);
    if (rc < 0) {
        char text[512];
        diags_format(&d, 0, text, sizeof text);
        rc = err_set(e, ERR_CONFIG, "%s", text);
        arena_done(&c->plan);
        mem_free(c);
    } else {
        *out = c;
    }
    diags_done(&d);
    return rc;
}

/* When row n is due, ms. */
static int64_t due(const struct connector *c, int64_t n)
{
    return c->start + (int64_t)floor((double)(n - c->first) * 1000.0 / c->rate);
}

/* How many rows from `from` on are due, at most a batch. */
static uint16_t count_due(const struct connector *c, int64_t from, int64_t now)
{
    int64_t n = 0;
    while (n < BATCH_ROWS && from + n < c->rows && due(c, from + n) <= now) {
        n++;
    }
    return (uint16_t)n;
}

static int make_rows(struct connector *c, struct arena *mem, int64_t from, uint16_t n,
                     struct batch **out, struct err *e)
{
    struct batch *in = batch_new(mem, c->program.in, n, NULL);
    struct batch *b = batch_new(mem, c->schema, n, NULL);
    in->nsel = b->nsel = n;
    for (uint16_t i = 0; i < n; i++) {
        in->col[ROW].i[i] = from + i;
        in->col[NOW].i[i] = in->time[i] = b->time[i] = due(c, from + i);
    }
    for (uint16_t k = 0; k < c->schema->n; k++) {
        int column = schema_find(c->program.out, c->schema->col[k].name);
        if (column < 0) {
            continue; /* a hidden column of whoever reads the rows */
        }
        struct row_errors errors = {0};
        int rc = expression_eval(c->program.column[column], in, &b->col[k], &errors);
        if (rc < 0 || errors.n > 0) {
            return err_set(e, ERR_CONFIG, "generator: column %.100s of row %lld: %.300s",
                           c->schema->col[k].name,
                           (long long)(from + (errors.n ? errors.item[0].row : 0)),
                           errors.n ? errors.item[0].text : "cannot be evaluated");
        }
    }
    *out = b;
    return 0;
}

static int generator_poll(struct connector *c, int64_t now, struct arena *mem, struct batch **out,
                          int64_t *position, int64_t *next, struct err *e)
{
    if (!c->is_started) {
        c->is_started = true;
        c->start = now;
    }
    *out = NULL;
    uint16_t n = count_due(c, c->at, now);
    if (n > 0) {
        int rc = make_rows(c, mem, c->at, n, out, e);
        if (rc < 0) {
            return rc;
        }
        c->at += n;
    }
    *position = c->at;
    *next = due(c, c->at);
    return c->at >= c->rows;
}

static void generator_close(struct connector *c)
{
    arena_done(&c->plan);
    mem_free(c);
}

const struct connector_def connector_generator = {
    .name = "generator",
    .doc = "Rows made by expressions, at a rate.",
    .config = fields,
    .config_size = sizeof(struct generator_cfg),
    .columns = generator_columns,
    .is_endless = generator_is_endless,
    .source_open = generator_open,
    .source_poll = generator_poll,
    .close = generator_close,
};
