/* table: keeps the latest row of each key for the steps `lookup`; the planner puts it behind what
 * a table of `tables:` reads.
 *
 *   columns  the input's: each change goes on to streams that read the table. Steps `lookup` read
 *            its store (engine/table.h) in the same task instead
 *   null     a row without key is dropped and counted; a deletion takes its key's row away, and goes
 *            on where there was one
 *   state    all visible columns, so that lookups may change without reading the table anew
 *   restart  from the changelog; where that holds other columns, or nothing, the table's topic is
 *            read from its beginning (op->rewinds), which comes to the same. A table made of a
 *            stream cannot be read again, nor can one whose changes were told: other columns are
 *            an error then
 *
 *   disk     rows may lie there, but not with versions: these stand in an index
 *
 * With versions, those out of reach go by the watermark as of each row.
 */
#include "engine/table.h"

#include "engine/key.h"
#include "engine/step.h"

static int table_bind(struct node *n)
{
    n->bound = table_plan_new(n->mem, n->cfg, n->in[0]);
    n->out[0] = ((const struct table_plan *)n->bound)->schema;
    return 0;
}

static void table_needs(const struct node *n, const bool *out, bool *in)
{
    const struct table_plan *p = n->bound;
    for (uint16_t c = 0; c < n->in[0]->n; c++) {
        in[c] = in[c] || out[c];
    }
    for (uint16_t i = 0; i < p->layout.n; i++) {
        in[p->layout.col[i]] = true;
    }
    for (uint16_t i = 0; i < p->schema->nkey; i++) {
        in[p->schema->key[i]] = true;
    }
}

static const struct state_codec *table_codec(const struct node *n)
{
    return &((const struct table_plan *)n->bound)->codec;
}

static bool table_lazy(const struct node *n)
{
    return table_is_lazy(n->cfg);
}

static int table_step_open(struct op *op, struct err *e)
{
    const struct table_cfg *cfg = op->node->cfg;
    bool is_stale;
    struct table_store *store;
    int status = table_open(&store, op->node->bound, op->state, &is_stale);
    op->self = store;
    if (status < 0) {
        return err_set(e, ERR_DATA, "its rows cannot be read");
    }
    bool can_rewind = table_can_rewind(cfg);
    op->rewinds = can_rewind && (is_stale || state_is_empty(op->state));
    if (is_stale && !can_rewind) {
        return err_set(
            e, ERR_CONFIG,
            "the columns of the table have changed, and %s: give the table another name, "
            "or delete its changelog, to begin with an empty one",
            cfg->has_topic ? "its topic cannot be read again, as a stream has read its "
                             "changes"
                           : "what its stream said before cannot be read again");
    }
    return 0;
}

static bool is_deletion(const struct batch *b, uint16_t row)
{
    return b->row_op && b->row_op[row] == ROW_DELETE;
}

/* Keys of the rows that are there, where those are not the records'. */
static struct keyed_rows found_by(const struct batch *b, const struct table_plan *p)
{
    struct batch there = *b;
    uint16_t *sel = arena_array(b->mem, b->nsel + 1U, sizeof *sel), nsel = 0;
    for (uint16_t k = 0; k < b->nsel; k++) {
        if (!is_deletion(b, batch_row(b, k))) {
            sel[nsel++] = batch_row(b, k);
        }
    }
    there.schema = p->schema;
    there.sel = sel;
    there.nsel = nsel;
    return key_rows(&there);
}

static int table_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    const struct table_plan *p = op->node->bound;
    bool is_by = p->cfg->by >= 0, has_owner = is_by && b->schema->nkey > 0;
    struct batch found = *b;
    found.schema = p->schema;
    struct keyed_rows keys = is_by ? found_by(b, p) : key_rows(b);
    struct keyed_rows owners = has_owner ? key_rows(b) : keys;
    uint16_t *sel = arena_array(b->mem, b->nsel + 1U, sizeof *sel), nsel = 0;
    for (uint16_t k = 0; k < b->nsel; k++) {
        uint16_t row = batch_row(b, k);
        bool is_gone = is_deletion(b, row), is_owned = has_owner && !key_is_null(b, row);
        table_expire(op->self, b->seen[row]);
        bool has_key = !(is_gone && is_by) && !key_is_null(&found, row);
        if (!is_gone && has_key) {
            table_put(op->self, &keys.key[row], is_owned ? &owners.key[row] : NULL, b, row);
            sel[nsel++] = row;
            continue;
        }
        if ((is_owned || (!is_by && has_key)) &&
            table_delete(op->self, is_owned ? &owners.key[row] : &keys.key[row], b->time[row])) {
            sel[nsel++] = row;
        }
        op->counter[COUNT_NULL_KEY] += !is_gone || !(is_owned || has_key);
    }
    struct batch told = batch_select(&found, sel, nsel);
    return p->cfg->reader.text && nsel ? op_emit(op, 0, &told) : 0;
}

static int table_watermark(struct op *op, int64_t time)
{
    table_expire(op->self, time);
    return 0;
}

static void table_describe(struct op *op, struct open_state *out)
{
    (void)op;
    out->what = "rows";
}

static uint64_t table_step_index_bytes(const struct op *op)
{
    return table_index_bytes(op->self);
}

static void table_step_close(struct op *op)
{
    table_close(op->self);
    op->self = NULL;
}

const struct step_def op_table = {
    .name = "table",
    .doc = "Keeps the rows of a table.",
    .config_size = sizeof(struct table_cfg),
    .internal = true,
    .stateful = true,
    .state_version = 1,
    .bind = table_bind,
    .needs = table_needs,
    .state_codec = table_codec,
    .lazy = table_lazy,
    .open = table_step_open,
    .push = table_push,
    .watermark = table_watermark,
    .describe = table_describe,
    .index_bytes = table_step_index_bytes,
    .close = table_step_close,
};
