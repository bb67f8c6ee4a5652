/* The step `window`: grouping by key and time.
 *
 *   in        keyed rows; a row with a null in its key is counted and dropped
 *   out       key columns, window_start, window_end, the aggregates (window_output.c)
 *   state     one value per window (or piece of one) and key: window_state.c has its bytes
 *   late      a row that no window takes is counted, and dropped or sent to a stream: output 1
 *   restart   state comes back from the changelog, the kind rebuilds its indexes
 *
 * Which window a row belongs to is the business of the kinds (tumbling.c, …; engine/window.h), what
 * is kept per window that of the aggregates. Per push: keys hashed once, arguments of all
 * aggregates evaluated once over the batch, then one call per aggregate over all rows with their
 * states. A row whose argument fails is bad and counts nowhere; neither does one that an aggregate
 * refuses (a sum that leaves the range of longs), in that window: windows that have pieces of their
 * own for it, which hopping ones under `updates` have, take or refuse it each for itself.
 */
#include "engine/memory.h"
#include "engine/registry.h"
#include "windows/window_internal.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

const char *const window_kinds[WINDOW_KINDS + 1] = {"tumbling", "hopping", "sliding",
                                                    "session",  "count",   NULL};

/* ---- binding ---- */

static const struct window_def *find_kind(const char *name)
{
    for (int i = 0; registry_windows[i]; i++) {
        if (strcmp(registry_windows[i]->name, name) == 0) {
            return registry_windows[i];
        }
    }
    return NULL;
}

/* The kind that is configured: exactly one. */
static int choose_kind(struct window *w, struct node *n, const struct window_cfg *cfg,
                       const struct yaml **value)
{
    int chosen = -1;
    for (int i = 0; i < WINDOW_KINDS; i++) {
        if (cfg->kind[i] == NULL) {
            continue;
        }
        if (chosen >= 0) {
            return node_error(n, cfg->kind[i]->at, "a window is either %s or %s, not both",
                              window_kinds[chosen], window_kinds[i]);
        }
        chosen = i;
    }
    if (chosen < 0) {
        return node_error(n, n->at,
                          "a window needs one of tumbling, hopping, sliding, session, "
                          "count");
    }
    *value = cfg->kind[chosen];
    w->def = find_kind(window_kinds[chosen]);
    if (w->def == NULL) {
        return node_error(n, cfg->kind[chosen]->at, "%s windows are not in this version of klamm",
                          window_kinds[chosen]);
    }
    return 0;
}

static int parse_kind(struct window_plan *p, struct node *n, const struct yaml *value)
{
    struct window *w = &p->window;
    char path[512];
    snprintf(path, sizeof path, "%s.%s", n->path, w->def->name);
    void *cfg = arena_zalloc(n->mem, w->def->config_size);
    w->cfg = cfg;
    p->is_map = value->kind == YAML_MAP && w->def->config;
    if (p->is_map) {
        return config_parse(w->def->config, cfg, value, path, n->mem, n->diags);
    }
    if (w->def->value == NULL) {
        const char *keys = "";
        for (const struct config_field *f = w->def->config; f->name; f++) {
            keys = arena_printf(n->mem, "%s%s%s: …", keys, *keys ? ", " : "", f->name);
        }
        return node_error(n, value->at, "%s takes a map: {%s}", w->def->name, keys);
    }
    return config_parse_value(w->def->value, cfg, value, path, n->mem, n->diags);
}

struct emit_cfg {
    int64_t every;
};

static const struct config_field emit_fields[] = {
    {"every", CONFIG_DURATION, offsetof(struct emit_cfg, every), .min = 1, .required = true,
     .doc = "time between two results of a window that changes"},
    {0},
};

static int bind_emit(struct window *w, struct node *n, const struct yaml *emit)
{
    if (emit == NULL || (emit->text && strcmp(emit->text, "final") == 0)) {
        w->emit = EMIT_FINAL;
        return 0;
    }
    if (emit->text && strcmp(emit->text, "updates") == 0) {
        w->emit = EMIT_UPDATES;
        return 0;
    }
    if (emit->kind != YAML_MAP) {
        return node_error(n, emit->at, "expected final, updates or {every: DURATION}");
    }
    w->emit = EMIT_EVERY;
    char path[512];
    snprintf(path, sizeof path, "%s.emit", n->path);
    struct emit_cfg cfg = {0};
    if (config_parse(emit_fields, &cfg, emit, path, n->mem, n->diags) < 0) {
        return -ERR_CONFIG;
    }
    w->every = cfg.every;
    return 0;
}

static int window_bind(struct node *n)
{
    const struct window_cfg *cfg = n->cfg;
    struct window_plan *p = arena_zalloc(n->mem, sizeof *p);
    struct window *w = &p->window;
    const struct yaml *value = NULL;
    n->bound = p;
    w->in = n->in[0];
    w->grace = cfg->grace;
    w->fill = (enum window_fill)cfg->fill;
    int status = bind_emit(w, n, cfg->emit);
    if (choose_kind(w, n, cfg, &value) < 0 || parse_kind(p, n, value) < 0) {
        return -ERR_CONFIG;
    }
    if (w->emit == EMIT_EVERY && w->def->tick == NULL) {
        status = node_error(n, cfg->emit->at,
                            "%s windows have no emit: {every: …}: without `emit` they emit `final`",
                            w->def->name);
    }
    if (w->fill != FILL_NONE && !w->def->fills) {
        status = node_error(n, n->at,
                            "fill is for tumbling and hopping windows: there is no telling which "
                            "%s windows are empty",
                            w->def->name);
    } else if (w->fill != FILL_NONE && w->emit != EMIT_FINAL) {
        status = node_error(n, n->at,
                            "fill needs `emit: final`: a window is known to be empty when it is "
                            "closed");
    }
    w->value_size = w->def->head_size;
    if (window_bind_output(p, n, cfg) < 0 || status < 0) {
        return -ERR_CONFIG;
    }
    window_bind_notes(w);
    if (w->def->bind && w->def->bind(w, n) < 0) {
        return -ERR_CONFIG;
    }
    window_bind_state(p);
    n->out[0] = p->out;
    n->out_revised = w->emit != EMIT_FINAL;
    n->noutputs = 1;
    if (strcmp(cfg->late, "drop") != 0) {
        n->out[1] = n->in[0];
        n->output_name[1] = cfg->late;
        n->noutputs = 2;
    }
    return 0;
}

void window_needs(const struct node *n, const bool *out, bool *in)
{
    const struct window_plan *p = n->bound;
    (void)out;
    for (uint16_t i = 0; i < p->window.in->nkey; i++) {
        in[p->window.in->key[i]] = true;
    }
    for (int i = 0; i < p->window.ncalls; i++) {
        for (int k = 0; k < p->window.call[i].nargs; k++) {
            expression_needs(p->window.call[i].arg[k], in);
        }
    }
}

static int64_t window_lag(const struct node *n)
{
    const struct window_plan *p = n->bound;
    return p->window.def->lag ? p->window.def->lag(&p->window) : 0;
}

const struct state_codec *window_codec(const struct node *n)
{
    const struct window_plan *p = n->bound;
    return &p->codec;
}

/* ---- running ---- */

int window_open(struct op *op, struct err *e)
{
    const struct window_plan *p = op->node->bound;
    struct window_op *o = mem_zalloc(sizeof *o);
    op->self = o;
    o->op = op;
    o->w = &p->window;
    o->seen = o->low = TIME_MAX;
    o->out = window_output_new(p);
    return p->window.def->open(o, e);
}

void window_close(struct op *op)
{
    struct window_op *o = op->self;
    if (o) {
        o->w->def->close(o);
        window_output_free(o->out);
        mem_free(o);
        op->self = NULL;
    }
}

void window_merge_errors(struct row_errors *into, const struct row_errors *more, struct arena *mem)
{
    if (more->n == 0) {
        return;
    }
    struct row_error *both = arena_array(mem, (size_t)into->n + more->n, sizeof *both);
    uint16_t n = 0, i = 0, k = 0;
    while (i < into->n || k < more->n) {
        bool is_mine = k == more->n || (i < into->n && into->item[i].row <= more->item[k].row);
        if (is_mine && k < more->n && into->item[i].row == more->item[k].row) {
            k++;
        }
        both[n++] = is_mine ? into->item[i++] : more->item[k++];
    }
    *into = (struct row_errors){n, both};
}

void window_init(const struct window *w, void *value)
{
    for (int i = 0; i < w->ncalls; i++) {
        const struct aggregate_call *c = &w->call[i];
        if (c->def->init) {
            c->def->init(c, (char *)value + w->def->head_size + c->at);
        }
    }
}

void window_combine(const struct window *w, void *into, const void *from)
{
    if (w->def->combine_head) {
        w->def->combine_head(into, from);
    }
    for (int i = 0; i < w->ncalls; i++) {
        const struct aggregate_call *c = &w->call[i];
        uint32_t at = w->def->head_size + c->at;
        c->def->combine(c, (char *)into + at, (const char *)from + at);
    }
}

void window_clear(const struct window *w, void *value)
{
    char *states = (char *)value + w->def->head_size;
    for (int i = 0; i < w->ncalls; i++) {
        const struct aggregate_call *c = &w->call[i];
        if (c->has_blob) {
            struct blob blob;
            memcpy(&blob, states + c->at, sizeof blob);
            mem_free(blob.p);
        }
    }
    memset(value, 0, w->value_size);
}

int window_late(struct window_op *o, uint16_t row)
{
    o->op->counter[COUNT_LATE]++;
    if (o->late) {
        o->late[o->nlate++] = row;
    }
    return 0;
}

/* Late rows of the push, behind what it gave. */
static int emit_late(struct window_op *o, const struct batch *b)
{
    if (o->nlate == 0) {
        return 0;
    }
    struct batch late = batch_select(b, o->late, o->nlate);
    return op_emit(o->op, 1, &late);
}

/* Rows on their way into the aggregates. */
struct adding {
    struct window_op *o;
    struct aggregate_rows rows; /* arg: of the call in hand */
    void **state;
    uint32_t at; /* where the states point to now */
    struct row_errors errors;
};

/* States and arguments of a call. */
static void turn_to(struct adding *a, int call)
{
    const struct aggregate_call *c = &a->o->w->call[call];
    ptrdiff_t by = (ptrdiff_t)c->at - (ptrdiff_t)a->at;
    for (uint16_t k = 0; by != 0 && k < a->rows.n; k++) {
        a->state[k] = (char *)a->state[k] + by;
    }
    a->at = c->at;
    a->rows.arg = a->o->arg;
    for (int i = 0; i < call; i++) {
        a->rows.arg += a->o->w->call[i].nargs;
    }
}

/* Rows that were refused leave; both are ascending. */
static void leave_out(struct adding *a, const struct row_errors *refused)
{
    uint16_t *row = arena_array(a->rows.batch->mem, a->rows.n + 1U, sizeof *row), n = 0, e = 0;
    for (uint16_t i = 0; i < a->rows.n; i++) {
        e = (uint16_t)(e + (e < refused->n && refused->item[e].row < a->rows.row[i]));
        if (e < refused->n && refused->item[e].row == a->rows.row[i]) {
            continue;
        }
        a->state[n] = a->state[i];
        row[n++] = a->rows.row[i];
    }
    a->rows.row = row;
    a->rows.n = n;
}

static bool all_take_all(struct adding *a)
{
    const struct window *w = a->o->w;
    bool take = true;
    for (int i = 0; i < w->ncalls && take; i++) {
        if (w->call[i].may_refuse) {
            turn_to(a, i);
            take = w->call[i].def->takes_all(&w->call[i], &a->rows);
        }
    }
    return take;
}

/* One row to the aggregates that may refuse it, unless one does: why, or NULL. */
static const char *add_one(struct adding *a, const uint16_t *row, void *state)
{
    const struct window *w = a->o->w;
    struct adding one = {.o = a->o, .at = a->at, .state = &state};
    one.rows =
        (struct aggregate_rows){.batch = a->rows.batch, .n = 1, .row = row, .state = one.state};
    const char *why = NULL;
    for (int i = 0; i < w->ncalls && !why; i++) {
        if (w->call[i].may_refuse) {
            turn_to(&one, i);
            why = w->call[i].def->refuses(&w->call[i], &one.rows, 0);
        }
    }
    for (int i = 0; i < w->ncalls && !why; i++) {
        if (w->call[i].may_refuse) {
            turn_to(&one, i);
            w->call[i].def->update(&w->call[i], &one.rows, &one.errors);
        }
    }
    return why;
}

/* Aggregates that may refuse rows get them first, so that the others get what all of them take. One
 * alone decides by itself; of several each row is asked for, unless no row comes near a limit. */
static int add_refusing(struct adding *a)
{
    const struct window *w = a->o->w;
    struct row_errors refused = {0};
    if (w->nrefusing > 1 && !all_take_all(a)) {
        struct row_error *item = arena_array(a->rows.batch->mem, a->rows.n, sizeof *item);
        refused.item = item;
        for (uint16_t i = 0; i < a->rows.n; i++) {
            const char *why = add_one(a, &a->rows.row[i], a->state[i]);
            if (why) {
                item[refused.n++] = (struct row_error){a->rows.row[i], why};
            }
        }
    } else {
        for (int i = 0; i < w->ncalls; i++) {
            if (w->call[i].may_refuse) {
                turn_to(a, i);
                int status = w->call[i].def->update(&w->call[i], &a->rows, &refused);
                if (status < 0) {
                    return status;
                }
            }
        }
    }
    if (refused.n > 0) {
        leave_out(a, &refused);
    }
    a->errors = refused;
    return 0;
}

int window_add(struct window_op *o, uint16_t n, const uint16_t *row, void **state)
{
    const struct batch *b = o->rows->batch;
    struct adding a = {.o = o, .state = state};
    a.rows = (struct aggregate_rows){.batch = b, .arg = o->arg, .n = n, .row = row, .state = state};
    int status = n > 0 && o->w->nrefusing > 0 ? add_refusing(&a) : 0;
    for (int i = 0; a.rows.n > 0 && i < o->w->ncalls && status == 0; i++) {
        if (!o->w->call[i].may_refuse) {
            turn_to(&a, i);
            status = o->w->call[i].def->update(&o->w->call[i], &a.rows, &a.errors);
        }
    }
    for (uint16_t i = 0; i < a.errors.n && status == 0; i++) {
        status = op_bad_row(o->op, b, a.errors.item[i].row, a.errors.item[i].text);
    }
    return status;
}

void window_update(struct window_op *o, uint16_t row)
{
    int64_t seen = window_seen(o, row), low = batch_low(o->rows->batch, row);
    int64_t lag = o->w->def->lag ? o->w->def->lag(o->w) : 0;
    o->seen = seen < TIME_MIN + lag ? TIME_MIN : seen - lag;
    o->low = low < TIME_MIN + lag ? TIME_MIN : low - lag;
}

/* Arguments of all calls, in order; rows that fail leave the batch. */
static int eval_args(struct window_op *o, struct batch *b, struct vec **out)
{
    const struct window *w = o->w;
    size_t n = 1;
    for (int i = 0; i < w->ncalls; i++) {
        n += (size_t)w->call[i].nargs;
    }
    struct vec *arg = arena_array(b->mem, n, sizeof *arg);
    struct row_errors errors = {0};
    *out = arg;
    for (int i = 0; i < w->ncalls; i++) {
        for (int k = 0; k < w->call[i].nargs; k++) {
            struct row_errors mine = {0};
            int status = expression_eval(w->call[i].arg[k], b, arg++, &mine);
            if (status < 0) {
                return status;
            }
            window_merge_errors(&errors, &mine, b->mem);
        }
    }
    return op_bad_rows(o->op, b, &errors);
}

int window_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    struct window_op *o = op->self;
    struct batch kept = batch_upserts(b); /* a deletion of an upstream table is no row to count */
    op->counter[COUNT_SKIPPED] += (uint64_t)(b->nsel - kept.nsel);
    struct window_rows rows = {.keys = key_rows(&kept)};
    struct batch keyed = batch_select(&kept, rows.keys.sel, rows.keys.nsel);
    struct vec *arg;
    op->counter[COUNT_NULL_KEY] += rows.keys.nulls;
    int status = eval_args(o, &keyed, &arg);
    if (status < 0 || keyed.nsel == 0) {
        return status;
    }
    rows.batch = &keyed;
    rows.row = keyed.sel;
    rows.n = keyed.nsel;
    o->rows = &rows;
    o->arg = arg;
    o->nlate = 0;
    o->late = op->node->noutputs > 1 ? arena_array(b->mem, keyed.nsel, sizeof *o->late) : NULL;
    status = o->w->def->push(o, &rows);
    o->rows = NULL;
    o->arg = NULL;
    o->low = TIME_MAX;
    status = status < 0 ? status : window_flush(o);
    return status < 0 ? status : emit_late(o, &keyed);
}

static int window_watermark(struct op *op, int64_t time)
{
    struct window_op *o = op->self;
    return o->w->def->watermark(o, time);
}

static int window_tick(struct op *op, int64_t now)
{
    struct window_op *o = op->self;
    return o->w->def->tick ? o->w->def->tick(o, now) : 0;
}

static int window_flush_state(struct op *op)
{
    struct window_op *o = op->self;
    if (o->w->def->flush) {
        o->w->def->flush(o);
    }
    return 0;
}

static bool window_lazy(const struct node *n)
{
    const struct window_plan *p = n->bound;
    return p->window.def->lazy && p->window.def->lazy(&p->window);
}

static int64_t window_next_time(struct op *op)
{
    const struct window_op *o = op->self;
    return o->w->def->next_time(o);
}

void window_describe(struct op *op, struct open_state *out)
{
    const struct window_op *o = op->self;
    out->what = "windows";
    out->end = "closes";
    if (o->w->def->describe) {
        o->w->def->describe(o, out);
    }
}

uint64_t window_index_bytes(const struct op *op)
{
    const struct window_op *o = op->self;
    return o->w->def->index_bytes ? o->w->def->index_bytes(o) : 0;
}

static const char *const fills[] = {"none", "zero", "previous", "null", NULL};

static const struct config_field fields[] = {
    {"tumbling", CONFIG_YAML, offsetof(struct window_cfg, kind[0]),
     .doc = "size of windows that follow one another: `10s`"},
    {"hopping", CONFIG_YAML, offsetof(struct window_cfg, kind[1]),
     .doc = "windows of one size that begin at every step: `{size: 60s, every: 10s}`"},
    {"sliding", CONFIG_YAML, offsetof(struct window_cfg, kind[2]),
     .doc = "size of windows around every row, both ends included"},
    {"session", CONFIG_YAML, offsetof(struct window_cfg, kind[3]),
     .doc = "gap of silence that ends a session: `30s`"},
    {"count", CONFIG_YAML, offsetof(struct window_cfg, kind[4]),
     .doc = "number of rows of a window, or `{size, every}`"},
    {"aggregate", CONFIG_EXPRESSIONS, offsetof(struct window_cfg, aggregate), .required = true,
     .doc = "result columns: `count() as n, avg(value) as mean`"},
    {"grace", CONFIG_DURATION, offsetof(struct window_cfg, grace), .def = "0s",
     .doc = "how long a window waits for late rows after its end"},
    {"emit", CONFIG_YAML, offsetof(struct window_cfg, emit),
     .doc = "`final`: each window once, when it is closed; `updates`: its result so far with every "
            "row; `{every: DURATION}`: that of windows that have changed, now and then"},
    {"late", CONFIG_TEXT, offsetof(struct window_cfg, late), .def = "drop",
     .doc =
         "what happens to rows that no window takes: `drop` counts and drops them; else the name "
         "of a stream without `from`, which gets them"},
    {"having", CONFIG_EXPRESSION, offsetof(struct window_cfg, having),
     .doc =
         "only results for which this is true come out; it sees result columns and aggregates; a "
         "result that came out and no longer passes is deleted"},
    {"fill", CONFIG_ENUM, offsetof(struct window_cfg, fill), .def = "none", .values = fills,
     .doc = "rows for empty windows between the windows of a key (tumbling, hopping)"},
    {0},
};

const struct step_def op_window = {
    .name = "window",
    .doc = "Groups rows by key and time and aggregates each group.",
    .config = fields,
    .config_size = sizeof(struct window_cfg),
    .stateful = true,
    .state_version = 1,
    .bind = window_bind,
    .needs = window_needs,
    .lag = window_lag,
    .state_codec = window_codec,
    .state_layout = window_state_layout,
    .state_parts = window_state_parts,
    .lazy = window_lazy,
    .open = window_open,
    .push = window_push,
    .watermark = window_watermark,
    .next_time = window_next_time,
    .describe = window_describe,
    .index_bytes = window_index_bytes,
    .tick = window_tick,
    .flush = window_flush_state,
    .close = window_close,
};
