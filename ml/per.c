/* Per: objects of a learning step as entries of its state.
 *
 *   key     'o', then the key bytes of the row with `per: key`; 't' has the totals
 *   value   a pointer to the object; what is saved of it: ml/held.c
 *   seed    the step's, mixed with the key: every object draws numbers of its own, the same on
 *           whichever worker it is; it is saved with the object
 */
#include "ml/per.h"

#include "engine/hash.h"
#include "ml/algorithm.h"
#include "ml/held.h"

#include <string.h>

const char *const per_names[] = {"global", "key", "partition", NULL};

/* ---- codec ---- */

static struct held_value value_of(const void *value)
{
    struct held_value v = {.kind = HELD_BYTES};
    memcpy(&v.kind, value, sizeof v.kind);
    if (v.kind == HELD_OBJECT) {
        memcpy(&v, value, sizeof v);
    }
    return v;
}

static void save(void *ctx, const void *value, uint32_t n, struct buffer *out)
{
    struct held_value v = value_of(value);
    if (v.kind == HELD_OBJECT) {
        held_save(ctx, v.held, out);
        return;
    }
    buffer_byte(out, SAVED_BYTES);
    buffer_add(out, (const char *)value + sizeof v.kind, n - sizeof v.kind);
}

static int64_t loaded_size(void *ctx, const void *saved, size_t n)
{
    (void)ctx;
    bool is_bytes = n > 0 && *(const char *)saved == SAVED_BYTES;
    return is_bytes ? (int64_t)(sizeof(uint64_t) + n - 1) : (int64_t)sizeof(struct held_value);
}

static int load(void *ctx, void *value, uint32_t n, const void *saved, size_t saved_n)
{
    (void)n;
    const char *bytes = saved;
    if (saved_n > 0 && bytes[0] == SAVED_BYTES) {
        uint64_t kind = HELD_BYTES;
        memcpy(value, &kind, sizeof kind);
        memcpy((char *)value + sizeof kind, bytes + 1, saved_n - 1);
        return 0;
    }
    struct held_value v = {.kind = HELD_OBJECT, .held = held_load(ctx, saved, saved_n)};
    memcpy(value, &v, sizeof v);
    return v.held ? 0 : -ERR_DATA;
}

static void drop(void *ctx, void *value, uint32_t n)
{
    (void)n;
    const struct per_plan *p = ctx;
    held_free(value_of(value).held, p->def);
}

static uint64_t owned(void *ctx, const void *value, uint32_t n)
{
    (void)n;
    const struct per_plan *p = ctx;
    const struct held *h = value_of(value).held;
    return h ? sizeof(*h) + h->events.cap + p->def->size(h->object) : 0;
}

/* ---- plan ---- */

int per_bind(struct per_plan *p, struct node *n, enum per per, const struct object_def *def,
             const void *plan)
{
    *p = (struct per_plan){.per = per, .def = def, .plan = plan, .seed = n->seed};
    p->codec = (struct state_codec){.ctx = p,
                                    .save = save,
                                    .loaded_size = loaded_size,
                                    .load = load,
                                    .drop = drop,
                                    .size = def->size ? owned : NULL};
    n->single_partition = per == PER_GLOBAL;
    n->keyless = per == PER_PARTITION;
    if (per == PER_KEY && !n->in[0]->keyed) {
        return algorithm_problem(n, "per",
                                 "rows have no key here: put `key_by` before, or `per: global`");
    }
    return 0;
}

void per_needs(const struct per_plan *p, const struct node *n, bool *in)
{
    const struct schema *schema = n->in[0];
    for (uint16_t k = 0; p->per == PER_KEY && k < schema->nkey; k++) {
        in[schema->key[k]] = true;
    }
}

bool per_is_lazy(const struct per_plan *p)
{
    return p->per == PER_KEY;
}

/* ---- task ---- */

struct completion {
    const struct per_plan *plan;
    struct state *state;
};

static int complete(void *ctx, struct state_entry *entry)
{
    const struct completion *c = ctx;
    struct held *h = value_of(state_value(entry)).held;
    if (!h || !h->is_partial) {
        return 0;
    }
    int status = held_complete(c->plan, h, entry, c->state);
    state_recount_entry(c->state, entry);
    return status;
}

int per_open(struct per_task *t, struct op *op, const struct per_plan *p, struct err *e)
{
    *t = (struct per_task){.plan = p};
    buffer_init(&t->key);
    buffer_init(&t->bytes);
    struct completion c = {p, op->state};
    return state_is_complete(op->state) && state_each(op->state, complete, &c) < 0
               ? err_set(e, ERR_DATA, "a model's parts in the changelog do not fit together")
               : 0;
}

struct visit {
    const struct per_totals *totals;
    struct completion completion;
};

static int visit_entry(void *ctx, struct state_entry *entry)
{
    const struct visit *v = ctx;
    const struct held *h = value_of(state_value(entry)).held;
    int status = complete((void *)(uintptr_t)&v->completion, entry);
    if (h && status == 0) {
        v->totals->add(v->totals->ctx, h->object);
    }
    return status;
}

static void totals_key(struct per_task *t)
{
    buffer_clear(&t->key);
    buffer_byte(&t->key, 't');
}

int per_totals(struct per_task *t, struct op *op, const struct per_totals *totals, struct err *e)
{
    t->totals = *totals;
    totals_key(t);
    buffer_clear(&t->bytes);
    struct visit v = {totals, {t->plan, op->state}};
    int status;
    if (t->plan->per == PER_KEY && held_get(op->state, &t->key, &t->bytes)) {
        struct snapshot s = snapshot_loader(t->bytes.data, t->bytes.n);
        status = totals->io(totals->ctx, &s) < 0 || s.p != s.end ? -ERR_DATA : 0;
    } else {
        status = state_scan(op->state, "o", 1, visit_entry, &v); /* in no particular order */
    }
    return status < 0 ? err_set(e, ERR_DATA, "the figures over all models cannot be read") : 0;
}

static void save_totals(struct per_task *t, struct state *state)
{
    buffer_clear(&t->bytes);
    struct snapshot s = snapshot_saver(&t->bytes);
    t->totals.io(t->totals.ctx, &s);
    totals_key(t);
    held_put(state, &t->key, t->bytes.data, t->bytes.n);
}

int per_flush(struct per_task *t, struct op *op)
{
    if (t->touched && t->totals.io && t->plan->per == PER_KEY) {
        save_totals(t, op->state);
    }
    while (t->touched) {
        struct held *h = t->touched;
        t->touched = h->next;
        held_flush(t, h, op->state);
    }
    return 0;
}

void per_close(struct per_task *t)
{
    buffer_done(&t->key);
    buffer_done(&t->bytes);
}

/* ---- rows ---- */

void per_rows_begin(struct per_rows *r, struct op *op, struct per_task *t)
{
    *r = (struct per_rows){.op = op, .task = t};
}

void per_rows_init(struct per_rows *r, struct op *op, struct per_task *t, struct batch *b)
{
    per_rows_begin(r, op, t);
    if (t->plan->per == PER_KEY) {
        r->keys = key_rows(b);
        op->counter[COUNT_NULL_KEY] += r->keys.nulls;
        *b = batch_select(b, r->keys.sel, r->keys.nsel);
    }
}

/* 'o' and the key, in the task's buffer. */
static uint64_t address(struct per_rows *r, const struct str *key)
{
    struct buffer *bytes = &r->task->key;
    buffer_clear(bytes);
    buffer_byte(bytes, 'o');
    if (r->task->plan->per == PER_KEY) {
        buffer_add(bytes, str_data(key), key->n);
    }
    return hash_bytes(bytes->data, bytes->n, 0);
}

static const struct str *key_of(const struct per_rows *r, uint16_t row)
{
    return r->task->plan->per == PER_KEY ? &r->keys.key[row] : NULL;
}

void *per_find_key(struct per_rows *r, const struct str *key)
{
    if (r->held && r->task->plan->per != PER_KEY) {
        return r->held->object;
    }
    uint64_t hash = address(r, key);
    const struct buffer *bytes = &r->task->key;
    r->entry = state_find(r->op->state, hash, bytes->data, (uint32_t)bytes->n);
    r->held = r->entry ? value_of(state_value(r->entry)).held : NULL;
    if (r->held && r->held->is_partial) {
        struct completion c = {r->task->plan, r->op->state};
        if (complete(&c, r->entry) < 0) {
            state_fail(r->op->state); /* nothing that is made now leaves the task */
            r->held = NULL;
        }
    }
    return r->held ? r->held->object : NULL;
}

void *per_find(struct per_rows *r, uint16_t row)
{
    return per_find_key(r, key_of(r, row));
}

void *per_make(struct per_rows *r, uint16_t row)
{
    const struct per_plan *p = r->task->plan;
    uint64_t hash = address(r, key_of(r, row));
    const struct buffer *key = &r->task->key;
    bool is_new;
    r->held = held_new(p, hash_stable(key->data + 1, key->n - 1, p->seed));
    struct held_value v = {.kind = HELD_OBJECT, .held = r->held};
    r->entry = state_insert(r->op->state, hash, key->data, (uint32_t)key->n, sizeof v, &is_new);
    if (!is_new) { /* one that could not be completed */
        held_free(value_of(state_value(r->entry)).held, p->def);
    }
    memcpy(state_value(r->entry), &v, sizeof v);
    state_recount_entry(r->op->state, r->entry);
    r->status = op_room(r->op);
    return r->held->object;
}

struct str per_key(const struct per_rows *r)
{
    const struct buffer *key = &r->task->key;
    bool is_keyed = r->task->plan->per == PER_KEY;
    return is_keyed ? str_ref(key->data + 1, (uint32_t)key->n - 1) : str_ref("", 0);
}

static void touch(struct per_rows *r)
{
    struct held *h = r->held;
    state_touch(r->op->state, r->entry);
    if (!h->is_touched) {
        h->is_touched = true;
        h->entry = r->entry;
        h->next = r->task->touched;
        r->task->touched = h;
    }
}

void per_touch(struct per_rows *r)
{
    r->held->is_whole = true;
    touch(r);
}

bool per_keeps_events(const struct per_rows *r)
{
    return r->held->generation > 0 && !r->held->is_whole;
}

void per_touch_event(struct per_rows *r, const double *event, uint32_t n)
{
    struct held *h = r->held;
    touch(r);
    if (h->generation == 0 || h->is_whole || h->events.n > HELD_PART_BYTES) {
        h->is_whole = true;
        return;
    }
    union {
        const double *from;
        double *to;
    } shared = {.from = event};
    struct snapshot s = snapshot_saver(&h->events);
    snapshot_doubles(&s, &shared.to, &n, UINT32_MAX);
}
