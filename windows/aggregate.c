/* aggregate: LIST keeps a table of aggregates, one entry per key, and tells each change of it.
 *
 *   in        keyed rows            h=a v=1      h=b v=5      h=a v=2
 *   out       sum(v) as s           h=a s=1      h=b s=5      h=a s=3     one row out per row in
 *
 * It is a window that never closes, so all but the choice of the state is shared with the step
 * `window`: binding, arguments, results, bytes.
 *
 *   columns   the key columns, then the aggregates; the record key is the key: a table of updates
 *   time      the greatest event time of the key so far, as of a KTable; `seen` is the row's
 *   late      no row is: each is counted when it comes
 *   deleted   rows of an upstream table that delete are no rows here: counted and left out
 *   state     key: key bytes; value: that time, then the aggregates. One entry per key, for ever: a
 *             table has no end
 *   restart   the store is all there is
 */
#include "windows/window_internal.h"

#include <stddef.h>

struct aggregate_cfg {
    struct config_list list;
};

/* In front of the aggregates. */
struct aggregate_head {
    int64_t time;
};

static int table_open(struct window_op *o, struct err *e)
{
    (void)o;
    (void)e;
    return 0;
}

static void table_close(struct window_op *o)
{
    (void)o;
}

/* One row into the entry of its key, which comes out as it is now. */
static int update(struct window_op *o, const struct window_rows *r, uint16_t at)
{
    const struct str *key = &r->keys.key[at];
    int64_t time = r->batch->time[at];
    bool is_new;
    struct state_entry *e = state_insert(o->op->state, r->keys.hash[at], str_data(key), key->n,
                                         o->w->value_size, &is_new);
    struct aggregate_head *h = state_value(e);
    if (is_new) {
        h->time = time;
        window_init(o->w, h);
    }
    h->time = time > h->time ? time : h->time;
    state_touch(o->op->state, e);
    window_update(o, at);
    int status = window_add(o, 1, &at, &(void *){h + 1});
    return status < 0 ? status : window_emit(o, str_data(key), key->n, 0, h->time, h + 1);
}

static int table_push(struct window_op *o, const struct window_rows *r)
{
    int status = 0;
    window_expect(o, r->n);
    for (uint16_t k = 0; k < r->n && status == 0; k++) {
        status = update(o, r, r->row[k]);
    }
    return status;
}

/* The window that never closes: no kind that a topology could name. */
static const struct window_def *all_time(struct arena *a)
{
    struct window_def *def = arena_zalloc(a, sizeof *def);
    def->name = "all time";
    def->head_size = sizeof(struct aggregate_head);
    def->includes_end = true;
    def->open = table_open;
    def->push = table_push;
    def->close = table_close;
    return def;
}

static bool aggregate_lazy(const struct node *n)
{
    (void)n;
    return true;
}

static int aggregate_bind(struct node *n)
{
    const struct aggregate_cfg *cfg = n->cfg;
    struct window_plan *p = arena_zalloc(n->mem, sizeof *p);
    struct window *w = &p->window;
    n->bound = p;
    p->is_unbounded = true;
    w->def = all_time(n->mem);
    w->in = n->in[0];
    w->emit = EMIT_UPDATES;
    w->value_size = w->def->head_size;
    if (window_bind_output(p, n, &(struct window_cfg){.aggregate = cfg->list}) < 0) {
        return -ERR_CONFIG;
    }
    window_bind_notes(w);
    window_bind_state(p);
    n->out[0] = p->out;
    n->out_rows = ROWS_UPDATES;
    return 0;
}

static void aggregate_describe(struct op *op, struct open_state *out)
{
    (void)op;
    out->what = "keys";
}

static const struct config_field value = {
    "aggregate", CONFIG_EXPRESSIONS, offsetof(struct aggregate_cfg, list),
    .doc = "The aggregates, as named expressions: `count() as n, sum(v) as total`."};

const struct step_def op_aggregate = {
    .name = "aggregate",
    .doc = "Keeps a running aggregate per key; each row gives the key's new one.",
    .value = &value,
    .config_size = sizeof(struct aggregate_cfg),
    .stateful = true,
    .state_version = 1,
    .bind = aggregate_bind,
    .needs = window_needs,
    .state_codec = window_codec,
    .state_layout = window_state_layout,
    .state_parts = window_state_parts,
    .lazy = aggregate_lazy,
    .open = window_open,
    .push = window_push,
    .describe = aggregate_describe,
    .close = window_close,
};
