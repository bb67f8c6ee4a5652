/* running: LIST appends per-key features, one row out per row in, in input order.
 *
 *   expression   rate(requests) * 60 / lag(total, 2)
 *                the calls (running_call.c) are computed first and become columns behind the
 *                input's; the expressions around them are evaluated over both
 *   columns      the input's, then the named ones; one of a name that is there takes its place
 *   state        per key: a slot per call                                       version 3
 *                written as they are, then the texts that a lag() keeps, with their bytes counted;
 *                calls are parts of the layout: those that come later begin with the next row
 *   null         a row whose key has a null column is dropped and counted; null arguments: see the
 *                calls
 *   error        a row that fails in an argument leaves the state as it was; one that fails later
 *                (in the expression around a call) has been counted in it
 *   late         rows like others
 *   deleted      rows of an upstream table that delete are no rows here: counted and left out
 */
#include "engine/key.h"
#include "engine/layout.h"
#include "engine/memory.h"
#include "engine/shape.h"
#include "operators/running_call.h"

#include <string.h>

#define STATE_BYTES_MAX (16U << 20)

struct running_cfg {
    struct config_list list;
};

struct running {
    int ncalls, calls_cap;
    struct running_call *call;
    uint32_t value_size;
    struct schema *extended; /* the input's columns, then the calls' */
    struct shape *shape;     /* over extended */
    struct state_codec codec;
};

struct hosting {
    struct node *n;
    struct running *r;
};

static int host_bind(void *ctx, const struct expression_call *call, const struct type **type,
                     bool *nullable, struct err *e)
{
    struct hosting *h = ctx;
    struct running *r = h->r;
    struct running_call c;
    int rc = running_call_bind(&c, call, e);
    if (rc < 0) {
        return rc;
    }
    if (h->n->in[0]->n + r->ncalls >= COLUMNS_MAX) {
        return err_set(e, ERR_CONFIG, "more than %d columns", COLUMNS_MAX);
    }
    if (r->value_size + c.size > STATE_BYTES_MAX) {
        return err_set(e, ERR_CONFIG, "the windows take more than 16 MiB per key");
    }
    if (r->ncalls == r->calls_cap) {
        int cap = r->calls_cap == 0 ? 8 : r->calls_cap * 2;
        struct running_call *more = arena_array(h->n->mem, (size_t)cap, sizeof *more);
        if (r->ncalls > 0) {
            memcpy(more, r->call, (size_t)r->ncalls * sizeof *more);
        }
        r->call = more;
        r->calls_cap = cap;
    }
    c.offset = r->value_size;
    r->value_size += c.size;
    r->call[r->ncalls++] = c;
    *type = c.type;
    *nullable = c.nullable;
    return 1;
}

/* The input's columns and those of the calls bound so far, under names that nobody can write. */
static struct schema *extend(struct node *n, const struct running *r)
{
    const struct schema *in = n->in[0];
    struct schema *s = schema_new(n->mem, (uint16_t)(in->n + r->ncalls));
    for (uint16_t c = 0; c < in->n; c++) {
        schema_add(s, in->col[c].name, in->col[c].type, in->col[c].nullable, in->col[c].hidden);
    }
    for (int i = 0; i < r->ncalls; i++) {
        const char *name = arena_printf(n->mem, "\x01%d", i);
        schema_add(s, name, r->call[i].type, r->call[i].nullable, true);
    }
    s->keyed = in->keyed;
    s->nkey = in->nkey;
    memcpy(s->key, in->key, in->nkey * sizeof *in->key);
    return s;
}

static void running_save(void *ctx, const void *value, uint32_t n, struct buffer *out)
{
    const struct running *r = ctx;
    (void)n;
    for (int i = 0; i < r->ncalls; i++) {
        if (!running_call_owns(&r->call[i])) {
            buffer_add(out, (const char *)value + r->call[i].offset, r->call[i].size);
        }
    }
    for (int i = 0; i < r->ncalls; i++) {
        if (running_call_owns(&r->call[i])) {
            running_call_save(&r->call[i], (const char *)value + r->call[i].offset, out);
        }
    }
}

static int64_t running_loaded_size(void *ctx, const void *saved, size_t n)
{
    const struct running *r = ctx;
    (void)saved;
    (void)n;
    return r->value_size;
}

static void running_drop(void *ctx, void *value, uint32_t n)
{
    const struct running *r = ctx;
    (void)n;
    for (int i = 0; i < r->ncalls; i++) {
        running_call_drop(&r->call[i], (char *)value + r->call[i].offset);
    }
}

static int running_load(void *ctx, void *value, uint32_t n, const void *saved, size_t saved_n)
{
    const struct running *r = ctx;
    const uint8_t *p = saved, *end = p + saved_n;
    memset(value, 0, n);
    for (int owns = 0; owns < 2; owns++) {
        for (int i = 0; i < r->ncalls && p != NULL; i++) {
            if (running_call_owns(&r->call[i]) == (owns == 1)) {
                p = running_call_load(&r->call[i], (char *)value + r->call[i].offset, p, end);
            }
        }
    }
    return p == end ? 0 : -ERR_DATA;
}

static uint64_t running_size(void *ctx, const void *value, uint32_t n)
{
    const struct running *r = ctx;
    uint64_t bytes = 0;
    (void)n;
    for (int i = 0; i < r->ncalls; i++) {
        bytes += running_call_size(&r->call[i], (const char *)value + r->call[i].offset);
    }
    return bytes;
}

static void running_parts(const struct node *n, struct layout *l, struct arena *a)
{
    const struct running *r = n->bound;
    struct buffer words;
    buffer_init(&words);
    for (int i = 0; i < r->ncalls; i++) {
        const struct running_call *c = &r->call[i];
        bool owns = running_call_owns(c);
        buffer_clear(&words);
        running_call_layout(c, &words);
        struct layout_part part = {.words = words.data,
                                   .words_n = (uint32_t)words.n,
                                   .has_blob = owns,
                                   .fixed = owns ? 0 : c->size};
        layout_add_part(l, &part, a);
    }
    buffer_clear(&words);
    void *value = mem_zalloc(r->value_size + 1U);
    running_save((void *)(uintptr_t)r, value, r->value_size, &words);
    l->initial = arena_strndup(a, words.data, words.n);
    l->initial_n = words.n;
    mem_free(value);
    buffer_done(&words);
}

static bool running_lazy(const struct node *n)
{
    (void)n;
    return true;
}

static int running_bind(struct node *n)
{
    const struct running_cfg *cfg = n->cfg;
    struct running *r = arena_zalloc(n->mem, sizeof *r);
    struct hosting h = {n, r};
    struct expression_host host = {.ctx = &h, .bind = host_bind, .names = running_names};
    struct named_expression *item;
    int count, before = n->diags->n;
    if (expression_list(&item, &count, n->mem, &cfg->list, n->diags) < 0) {
        return -ERR_CONFIG;
    }
    struct computed *c = arena_zalloc(n->mem, ((size_t)count + 1) * sizeof *c);
    for (int i = 0; i < count; i++) {
        c[i].name = item[i].name;
        c[i].at = item[i].at;
        expression_compile_hosted(&c[i].x, n->mem, &item[i].text, extend(n, r), n->in[0], &host,
                                  n->diags);
    }
    if (n->diags->n > before) {
        return -ERR_CONFIG;
    }
    r->extended = extend(n, r);
    r->shape = shape_new(n, n->in[0], count);
    shape_take_all(r->shape);
    for (int i = 0; i < count; i++) {
        (void)shape_set(r->shape, &c[i]);
    }
    shape_carry_key(r->shape);
    bool has_owners = false;
    for (int i = 0; i < r->ncalls; i++) {
        has_owners |= running_call_owns(&r->call[i]);
    }
    r->codec = (struct state_codec){.ctx = r,
                                    .save = running_save,
                                    .loaded_size = running_loaded_size,
                                    .load = running_load,
                                    .drop = has_owners ? running_drop : NULL,
                                    .size = running_size};
    n->out[0] = r->shape->out;
    n->bound = r;
    return n->diags->n > before ? -ERR_CONFIG : 0;
}

static const struct state_codec *running_state_codec(const struct node *n)
{
    const struct running *r = n->bound;
    return &r->codec;
}

static void running_needs(const struct node *n, const bool *out, bool *in)
{
    const struct running *r = n->bound;
    bool both[COLUMNS_MAX] = {false};
    shape_needs(r->shape, out, both);
    for (int i = 0; i < r->ncalls; i++) {
        if (r->call[i].x != NULL) {
            expression_needs(r->call[i].x, both);
        }
    }
    for (uint16_t c = 0; c < n->in[0]->n; c++) {
        in[c] = in[c] || both[c];
    }
}

/* Arguments of the calls; rows that fail in one are left out of *b. */
static int eval_arguments(const struct running *r, struct batch *b, struct vec *x,
                          struct row_errors *errors)
{
    for (int i = 0; i < r->ncalls; i++) {
        struct row_errors some = {0};
        if (r->call[i].x == NULL) {
            continue;
        }
        int rc = expression_eval(r->call[i].x, b, &x[i], &some);
        if (rc < 0) {
            return rc;
        }
        row_errors_merge(errors, &some, b->mem);
    }
    *b = rows_without(b, errors);
    return 0;
}

/* Takes one row in; returns what failed, or NULL. */
static const char *update_row(struct op *op, const struct batch *b, uint16_t row,
                              const struct keyed_rows *keyed, const struct vec *x)
{
    const struct running *r = op->node->bound;
    const struct str *key = &keyed->key[row];
    bool is_new;
    struct state_entry *entry =
        state_insert(op->state, keyed->hash[row], str_data(key), key->n, r->value_size, &is_new);
    char *value = state_value(entry);
    const char *failure = NULL;
    for (int i = 0; i < r->ncalls; i++) {
        const struct running_call *c = &r->call[i];
        const char *what = running_call_update(c, value + c->offset, &x[i], row, b->time[row],
                                               &b->col[op->node->in[0]->n + i], b->mem, b->rows);
        failure = failure != NULL ? failure : what;
    }
    state_touch(op->state, entry);
    return failure;
}

static void update_rows(struct op *op, const struct batch *b, const struct keyed_rows *keyed,
                        const struct vec *x, struct row_errors *failed)
{
    for (uint16_t k = 0; k < b->nsel; k++) {
        uint16_t row = batch_row(b, k);
        const char *failure = update_row(op, b, row, keyed, x);
        if (failure != NULL) {
            if (failed->item == NULL) {
                failed->item = arena_array(b->mem, b->nsel, sizeof *failed->item);
            }
            failed->item[failed->n++] = (struct row_error){row, failure};
        }
    }
}

static int running_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    const struct running *r = op->node->bound;
    struct batch rows = batch_upserts(b);
    struct keyed_rows keyed = key_rows(&rows);
    op->counter[COUNT_SKIPPED] += (uint64_t)(b->nsel - rows.nsel);
    op->counter[COUNT_NULL_KEY] += keyed.nulls;
    struct batch in = batch_select(b, keyed.sel, keyed.nsel), good = in;
    struct row_errors errors = {0}, failed = {0};
    struct vec *x = arena_zalloc(b->mem, ((size_t)r->ncalls + 1) * sizeof *x);
    int rc = eval_arguments(r, &good, x, &errors);
    if (rc < 0) {
        return rc;
    }
    struct batch both = batch_reshape(&good, r->extended), out;
    memcpy(both.col, b->col, b->schema->n * sizeof *both.col);
    for (int i = 0; i < r->ncalls; i++) {
        both.col[b->schema->n + i] = vec_new(b->mem, r->call[i].type, b->rows);
    }
    update_rows(op, &both, &keyed, x, &failed);
    row_errors_merge(&errors, &failed, b->mem);
    rc = shape_compute_batch(&both, r->shape, &out, &errors);
    if (rc == 0) {
        rc = shape_drop_errors(op, &in, &errors, &out);
    }
    return rc == 0 && out.nsel > 0 ? op_emit(op, 0, &out) : rc;
}

static void running_describe(struct op *op, struct open_state *out)
{
    (void)op;
    out->what = "keys";
}

static const struct config_field running_value = {"running", CONFIG_EXPRESSIONS,
                                                  offsetof(struct running_cfg, list),
                                                  .doc = "The features, as named expressions."};

const struct step_def op_running = {
    .name = "running",
    .doc = "Appends per-key features such as lag(x), rate(x) and avg(x, 10).",
    .value = &running_value,
    .config_size = sizeof(struct running_cfg),
    .stateful = true,
    .state_version = 3,
    .bind = running_bind,
    .needs = running_needs,
    .state_codec = running_state_codec,
    .state_parts = running_parts,
    .lazy = running_lazy,
    .push = running_push,
    .describe = running_describe,
};
