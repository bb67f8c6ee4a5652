/* sample: {rate, by} keeps a share of the rows, chosen by a hash.
 *
 *   kept     hash(by) / 2^64 < rate, with the stable hash of the values' identity bytes and no
 *            seed: the same values are kept in every stream, run and version
 *   by       the key columns by default, so that whole keys are kept or not; else all visible
 *            columns
 *   null     equal to null; a row with nulls is kept or not like any other
 *   error    a row that fails in an expression of `by` is bad
 */
#include "engine/hash.h"
#include "engine/identity.h"
#include "engine/memory.h"
#include "engine/shape.h"

struct sample_cfg {
    double rate;
    struct config_list by;
};

struct sample {
    uint64_t below; /* a row is kept when its hash is less */
    bool all;
    struct shape *by; /* a row of what is hashed */
};

static int sample_bind(struct node *n)
{
    const struct sample_cfg *cfg = n->cfg;
    const struct schema *in = n->in[0];
    struct computed *c;
    int count;
    if (computed_bind_unnamed(n, &cfg->by, in, &c, &count) < 0) {
        return -ERR_CONFIG;
    }
    struct sample *s = arena_zalloc(n->mem, sizeof *s);
    s->all = cfg->rate >= 1;
    s->below = s->all ? 0 : (uint64_t)(cfg->rate * 0x1p64);
    s->by = shape_new(n, in, count);
    for (int i = 0; i < count; i++) {
        (void)shape_compute(s->by, &c[i]);
    }
    for (uint16_t i = 0; i < in->nkey && count == 0; i++) {
        shape_take(s->by, in->key[i], "", false);
    }
    for (uint16_t k = 0; k < in->n && count == 0 && in->nkey == 0; k++) {
        if (!in->col[k].hidden) {
            shape_take(s->by, k, "", false);
        }
    }
    n->out[0] = in;
    n->bound = s;
    return 0;
}

static void sample_needs(const struct node *n, const bool *out, bool *in)
{
    const struct sample *s = n->bound;
    bool all[COLUMNS_MAX];
    for (uint16_t c = 0; c < s->by->out->n; c++) {
        all[c] = true;
    }
    shape_needs(s->by, all, in);
    for (uint16_t c = 0; c < n->in[0]->n; c++) {
        in[c] = in[c] || out[c];
    }
}

static int sample_open(struct op *op, struct err *e)
{
    (void)e;
    op->self = mem_zalloc(sizeof(struct buffer));
    buffer_init(op->self);
    return 0;
}

static void sample_close(struct op *op)
{
    if (op->self != NULL) {
        buffer_done(op->self);
        mem_free(op->self);
        op->self = NULL;
    }
}

static int sample_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    const struct sample *s = op->node->bound;
    struct batch by;
    struct row_errors errors = {0};
    int rc = shape_compute_batch(b, s->by, &by, &errors);
    rc = rc == 0 ? shape_drop_errors(op, b, &errors, &by) : rc;
    if (rc < 0) {
        return rc;
    }
    struct buffer *bytes = op->self;
    uint16_t *sel = arena_array(b->mem, by.nsel + 1U, sizeof *sel), nsel = 0;
    for (uint16_t k = 0; k < by.nsel; k++) {
        uint16_t row = batch_row(&by, k);
        buffer_clear(bytes);
        for (uint16_t c = 0; c < by.schema->n; c++) {
            identity_add(bytes, &by.col[c], row);
        }
        if (s->all || hash_stable(bytes->data, bytes->n, 0) < s->below) {
            sel[nsel++] = row;
        }
    }
    if (nsel == 0) {
        return 0;
    }
    struct batch kept = batch_select(b, sel, nsel);
    return op_emit(op, 0, &kept);
}

static const struct config_field sample_fields[] = {
    {"rate", CONFIG_DOUBLE, offsetof(struct sample_cfg, rate), .max = 1, .required = true,
     .doc = "Share of the rows that are kept, 0 to 1."},
    {"by", CONFIG_EXPRESSIONS, offsetof(struct sample_cfg, by),
     .doc = "What is hashed; the key by default, without a key all columns."},
    {0},
};

const struct step_def op_sample = {
    .name = "sample",
    .doc = "Keeps a share of the rows, chosen by a hash, hence repeatable.",
    .config = sample_fields,
    .config_size = sizeof(struct sample_cfg),
    .bind = sample_bind,
    .needs = sample_needs,
    .open = sample_open,
    .push = sample_push,
    .close = sample_close,
};
