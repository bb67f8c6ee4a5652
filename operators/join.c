/* join: {with, type, on, within, grace}: two streams, row by row, within an interval of event time;
 * or, without `within`, two tables: the last row of each key of both (join_tables.c has the rest).
 *
 *   partners   left and right rows with equal keys and right.time in
 *              [left.time - before, left.time + after]; `within: w` is both
 *
 *                 left          t-before |----- t ---------| t+after       partners' times
 *                                                          |--- grace ---| waits until here
 *                 right   t-after |----- t ---------| t+before
 *                                                   |--- grace ---|
 *
 *   columns    the left's, then the right's without its key columns, which are equal by definition.
 *              A name that the left has too comes out as `<stream>_x`. Of hidden columns (`_time`)
 *              only the key goes on
 *   nullable   what the other side may be missing for: the right's in a left or outer join, the
 *              left's too in an outer one. Keys never but where rows with null keys are kept
 *   tables     no time, so no grace: both inputs must be updates of a table
 *   key        the `on` columns as the left names them; for a row of the right alone, its own
 *   time       the later of both
 *   watermark  passed on lowered by what may still come out alone: after + grace where the left is
 *              kept, before + grace where the right is. Results of two rows are never earlier than
 *              the row that completes them, so an inner join lowers nothing: late rows stay late.
 *              Nor does a join of tables
 *
 * What a row does is in join_match.c, how it waits in join_rows.c and join_blocks.c. The planner
 * has keyed and partitioned both inputs by `on` before (engine/plan_second.c). Nothing depends on
 * where batches end, so there is no next_time: rows that expire within a batch come out in their
 * place.
 */
#include "engine/on_columns.h"
#include "operators/join_internal.h"

#include <stdio.h>

#define WITHIN_MOST 3155760000000 /* a hundred years: sums of times stay in range */

enum join_type { INNER, LEFT_JOIN, OUTER };

struct join_cfg {
    const char *with;
    int type;
    const struct yaml *on;
    const struct yaml *within;
    int64_t grace;
};

struct interval {
    int64_t before, after;
};

/* ---- the other stream ---- */

static const struct config_field interval_fields[] = {
    {"before", CONFIG_DURATION, offsetof(struct interval, before), .max = WITHIN_MOST, .def = "0s",
     .doc = "how much earlier than the left row a right row may be"},
    {"after", CONFIG_DURATION, offsetof(struct interval, after), .max = WITHIN_MOST, .def = "0s",
     .doc = "how much later"},
    {0},
};

static const struct config_field interval_value = {"within", CONFIG_DURATION, 0,
                                                   .max = WITHIN_MOST};

static int read_within(const struct node *n, struct interval *out)
{
    const struct join_cfg *cfg = n->cfg;
    const char *path = arena_printf(n->mem, "%s.within", n->path);
    if (cfg->within->kind == YAML_MAP) {
        return config_parse(interval_fields, out, cfg->within, path, n->mem, n->diags);
    }
    struct interval both = {0};
    int status =
        config_parse_value(&interval_value, &both.before, cfg->within, path, n->mem, n->diags);
    *out = (struct interval){both.before, both.before};
    return status;
}

static int join_second(const struct node *n, struct second_input *out)
{
    const struct join_cfg *cfg = n->cfg;
    const struct yaml *with = yaml_get(n->yaml, "with");
    out->by_key = cfg->within == NULL;
    out->stream = (struct config_text){.text = cfg->with,
                                       .at = with ? with->at : n->at,
                                       .path = arena_printf(n->mem, "%s.with", n->path)};
    return cfg->on ? on_columns_read(n, cfg->on, out) : 0;
}

/* Without `within`: are both tables? */
static int check_tables(struct node *n)
{
    const struct join_cfg *cfg = n->cfg;
    bool has_left = n->in_rows[LEFT] != ROWS_EVENTS, has_right = n->in_rows[RIGHT] != ROWS_EVENTS;
    if (!has_left && !has_right) {
        return node_error(n, n->at,
                          "a join of two streams needs `within: DURATION`, how far apart the event "
                          "times of partners may be, as rows cannot wait for ever; to look up the "
                          "latest row of a key, whatever its time, use `lookup` with a table; to "
                          "join two tables, let the stream read one, `from: TABLE`");
    }
    if (!has_left || !has_right) {
        const char *table = has_left ? n->stream : n->second;
        const char *events = has_left ? n->second : n->stream;
        return node_error(
            n, n->at,
            "without `within` both sides must be updates of a table: \"%s\" has such, "
            "but the rows of \"%s\" are events. Make a table of these, `tables: "
            "{NAME: {from: %s}}`, and join that; or add the table's row to each event, "
            "`lookup: {table: …}`; or join both as events, `within: DURATION`",
            table, events, events);
    }
    if (cfg->grace > 0) {
        return node_error(n, n->at,
                          "`grace` is for rows that wait, `within` a time: tables' do not");
    }
    return 0;
}

/* ---- columns ---- */

static bool key_is_nullable(const struct join_plan *p, uint16_t number)
{
    bool is_nullable = false;
    for (int side = 0; side < 2 && !p->of_tables; side++) {
        const struct schema *s = p->side[side].in;
        is_nullable |= p->side[side].is_kept && number < s->nkey && s->col[s->key[number]].nullable;
    }
    return is_nullable;
}

static void add_left(struct join_plan *p, struct schema *out)
{
    const struct schema *s = p->side[LEFT].in;
    for (uint16_t c = 0; c < s->n; c++) {
        const struct column *col = &s->col[c];
        int key = schema_key_number(s, c);
        if (col->hidden && key < 0) {
            continue;
        }
        bool is_nullable =
            key >= 0 ? key_is_nullable(p, (uint16_t)key) : col->nullable || p->side[RIGHT].is_kept;
        uint16_t to = schema_add(out, col->name, col->type, is_nullable, col->hidden);
        p->from[to] = (struct join_source){key >= 0 ? -1 : LEFT, c};
        if (key >= 0) {
            out->key[key] = to;
        }
    }
}

static int add_right(struct node *n, struct join_plan *p, struct schema *out)
{
    const struct schema *s = p->side[RIGHT].in;
    int status = 0;
    for (uint16_t c = 0; c < s->n; c++) {
        const struct column *col = &s->col[c];
        if (col->hidden || schema_key_number(s, c) >= 0) {
            continue;
        }
        const char *name = col->name;
        if (schema_find(p->side[LEFT].in, name) >= 0) {
            name = arena_printf(n->mem, "%s_%s", n->second, name);
        }
        if (schema_find(out, name) >= 0) {
            status = node_error(n, n->at,
                                "both streams have a column \"%s\", but the right one's cannot "
                                "come out as \"%s\", which is there too: put a `rename` before "
                                "the join",
                                col->name, name);
            continue;
        }
        uint16_t to =
            schema_add(out, name, col->type, col->nullable || p->side[LEFT].is_kept, col->hidden);
        p->from[to] = (struct join_source){RIGHT, c};
    }
    return status;
}

static int bind_columns(struct node *n, struct join_plan *p)
{
    const struct schema *left = n->in[LEFT], *right = n->in[RIGHT];
    size_t most = (size_t)left->n + right->n;
    if (most > COLUMNS_MAX) {
        return node_error(n, n->at,
                          "both streams together have more than %d columns: `select` "
                          "those that are wanted before the join",
                          COLUMNS_MAX);
    }
    struct schema *out = schema_new(n->mem, (uint16_t)(most + 1));
    out->keyed = left->keyed;
    out->nkey = left->nkey;
    out->partial = left->partial || right->partial;
    p->out = out;
    p->from = arena_zalloc(n->mem, (most + 1) * sizeof *p->from);
    p->is_used = arena_zalloc(n->mem, most + 1);
    add_left(p, out);
    int status = add_right(n, p, out);
    for (int side = 0; side < 2; side++) {
        p->side[side].row = row_layout_new(n->mem, p->side[side].in);
        p->side[side].to = arena_array(n->mem, most + 1, sizeof(uint16_t));
    }
    return status;
}

/* Notes which columns of a side come out, as far as anybody reads them (out; NULL: all). */
static void choose_columns(struct join_plan *p, int side, const bool *out)
{
    struct join_side *s = &p->side[side];
    s->row.n = 0;
    for (uint16_t c = 0; c < p->out->n; c++) {
        const struct join_source *from = &p->from[c];
        if (from->side == side) {
            p->is_used[c] = !out || out[c];
        }
        if (from->side == side && p->is_used[c]) {
            s->to[s->row.n] = c;
            row_layout_add(&s->row, from->column);
        }
        p->is_used[c] |= from->side < 0;
    }
}

static int join_bind(struct node *n)
{
    const struct join_cfg *cfg = n->cfg;
    struct join_plan *p = arena_zalloc(n->mem, sizeof *p);
    struct interval within = {0};
    bool is_partial = n->in[LEFT]->partial || n->in[RIGHT]->partial;
    p->of_tables = cfg->within == NULL;
    int status = !p->of_tables ? read_within(n, &within) : is_partial ? 0 : check_tables(n);
    if (status < 0) {
        return status;
    }
    int64_t reach[2] = {within.after, within.before};
    for (int side = 0; side < 2; side++) {
        struct join_side *s = &p->side[side];
        s->in = n->in[side];
        s->after = reach[side];
        s->before = reach[!side];
        s->life = s->after + cfg->grace;
        s->is_kept = cfg->type == OUTER || (cfg->type == LEFT_JOIN && side == LEFT);
        p->lag = s->is_kept && s->life > p->lag ? s->life : p->lag;
    }
    status = bind_columns(n, p);
    if (status < 0) {
        return status;
    }
    choose_columns(p, LEFT, NULL);
    choose_columns(p, RIGHT, NULL);
    n->out[0] = p->out;
    n->out_rows = p->of_tables ? ROWS_TABLE : ROWS_EVENTS;
    n->bound = p;
    return 0;
}

/* Called while planning, once the readers of the result are known: only what they read is kept. */
static void needs_of(const struct node *n, int side, const bool *out, bool *in)
{
    struct join_plan *p = n->bound;
    choose_columns(p, side, out);
    const struct join_side *s = &p->side[side];
    for (uint16_t i = 0; i < s->row.n; i++) {
        in[s->row.col[i]] = true;
    }
    for (uint16_t i = 0; i < s->in->nkey; i++) {
        in[s->in->key[i]] = true;
    }
}

static void join_needs(const struct node *n, const bool *out, bool *in)
{
    needs_of(n, LEFT, out, in);
}

static void join_second_needs(const struct node *n, const bool *out, bool *in)
{
    needs_of(n, RIGHT, out, in);
}

static int64_t join_lag(const struct node *n)
{
    const struct join_plan *p = n->bound;
    return p->lag;
}

static const struct state_codec *join_state_codec(const struct node *n)
{
    const struct join_plan *p = n->bound;
    return p->of_tables ? &join_tables_codec : &join_codec;
}

static void join_state_layout(const struct node *n, struct buffer *words)
{
    const struct join_plan *p = n->bound;
    buffer_text(words, p->of_tables ? "tables\n" : "");
    for (int side = 0; side < 2; side++) {
        buffer_printf(words, "side %d%s\n", side,
                      !p->of_tables && p->side[side].is_kept ? " kept" : "");
        row_layout_words(&p->side[side].row, words);
    }
}

static bool is_of_tables(const struct op *op)
{
    return ((const struct join_plan *)op->node->bound)->of_tables;
}

/* Rows that wait for partners stand in an index. */
static bool join_lazy(const struct node *n)
{
    return ((const struct join_plan *)n->bound)->of_tables;
}

static int open_any(struct op *op, struct err *e)
{
    return is_of_tables(op) ? join_tables_open(op, e) : join_open(op, e);
}

static int push_any(struct op *op, int input, struct batch *b)
{
    return is_of_tables(op) ? join_tables_push(op, input, b) : join_push(op, input, b);
}

static int watermark_any(struct op *op, int64_t time)
{
    return is_of_tables(op) ? 0 : join_watermark(op, time);
}

static void describe_any(struct op *op, struct open_state *out)
{
    if (!is_of_tables(op)) {
        join_describe(op, out);
    }
}

static uint64_t index_bytes_any(const struct op *op)
{
    return is_of_tables(op) ? 0 : join_index_bytes(op);
}

static void close_any(struct op *op)
{
    (is_of_tables(op) ? join_tables_close : join_close)(op);
}

static const char *const types[] = {"inner", "left", "outer", NULL};

static const struct config_field join_fields[] = {
    {"with", CONFIG_TEXT, offsetof(struct join_cfg, with), .required = true,
     .doc = "the other stream, the right side; for a join of tables also a table"},
    {"type", CONFIG_ENUM, offsetof(struct join_cfg, type), .def = "inner", .values = types,
     .doc =
         "which rows come out alone when they find no partner: none, the left's, or both sides'"},
    {"on", CONFIG_YAML, offsetof(struct join_cfg, on),
     .doc = "what must be equal: a column, a list of columns, or `{left: right}`; without it, the "
            "keys of both"},
    {"within", CONFIG_YAML, offsetof(struct join_cfg, within),
     .doc = "how far apart the event times of partners are at most: `10s`, or `{before: 10s, "
            "after: 0s}`, how much earlier and later than the left row the right one may be; "
            "without it, two tables of updates are joined, the last row of each key"},
    {"grace", CONFIG_DURATION, offsetof(struct join_cfg, grace), .max = WITHIN_MOST, .def = "0s",
     .doc = "how long rows wait for late partners beyond that"},
    {0},
};

const struct step_def op_join = {
    .name = "join",
    .doc =
        "Joins rows of two streams whose keys are equal and whose times are close; or two tables.",
    .config = join_fields,
    .config_size = sizeof(struct join_cfg),
    .stateful = true,
    .state_version = 2,
    .second = join_second,
    .bind = join_bind,
    .needs = join_needs,
    .second_needs = join_second_needs,
    .lag = join_lag,
    .state_codec = join_state_codec,
    .state_layout = join_state_layout,
    .lazy = join_lazy,
    .open = open_any,
    .push = push_any,
    .watermark = watermark_any,
    .describe = describe_any,
    .index_bytes = index_bytes_any,
    .close = close_any,
};
