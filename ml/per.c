/* Per: objects of a learning step as entries of its state.
 *
 *   key     key bytes of the row with `per: key`, else no bytes
 *   value   a pointer to the object; saved: its snapshot, all of which must be read
 *   seed    the step's, mixed with the key: every object draws numbers of its own, the same on
 *           whichever worker it is
 */
#include "ml/per.h"

#include "engine/hash.h"
#include "ml/algorithm.h"

#include <string.h>

const char *const per_names[] = {"global", "key", "partition", NULL};

/* ---- codec ---- */

static void *pointer_of(const void *value)
{
    void *object;
    memcpy(&object, value, sizeof(object));
    return object;
}

static void save(void *ctx, const void *value, uint32_t n, struct buffer *out)
{
    (void)n;
    const struct per_plan *p = ctx;
    struct snapshot s = snapshot_saver(out);
    p->def->io(pointer_of(value), &s);
}

static int64_t loaded_size(void *ctx, const void *saved, size_t n)
{
    (void)ctx;
    (void)saved;
    (void)n;
    return sizeof(void *);
}

/* The seed is mixed with the key when it is made; what is loaded brings its own random state. */
static int load(void *ctx, void *value, uint32_t n, const void *saved, size_t saved_n)
{
    (void)n;
    const struct per_plan *p = ctx;
    void *object = p->def->make(p->plan, p->seed);
    struct snapshot s = snapshot_loader(saved, saved_n);
    if (p->def->io(object, &s) < 0 || s.p != s.end) {
        p->def->free(object);
        return -ERR_DATA;
    }
    memcpy(value, &object, sizeof(object));
    return 0;
}

static void drop(void *ctx, void *value, uint32_t n)
{
    (void)n;
    const struct per_plan *p = ctx;
    void *object = pointer_of(value);
    if (object) {
        p->def->free(object);
    }
}

static uint64_t owned(void *ctx, const void *value, uint32_t n)
{
    (void)n;
    const struct per_plan *p = ctx;
    const void *object = pointer_of(value);
    return object ? p->def->size(object) : 0;
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

/* ---- rows ---- */

void per_rows_init(struct per_rows *r, struct op *op, const struct per_plan *p, struct batch *b)
{
    *r = (struct per_rows){.op = op, .plan = p};
    if (p->per == PER_KEY) {
        r->keys = key_rows(b);
        op->counter[COUNT_NULL_KEY] += r->keys.nulls;
        *b = batch_select(b, r->keys.sel, r->keys.nsel);
    }
}

struct address {
    const char *key;
    uint32_t n;
    uint64_t hash;
};

static struct address address_of(const struct per_rows *r, uint16_t row)
{
    if (r->plan->per != PER_KEY) {
        return (struct address){"", 0, hash_bytes("", 0, 0)};
    }
    const struct str *key = &r->keys.key[row];
    return (struct address){str_data(key), key->n, r->keys.hash[row]};
}

void *per_find(struct per_rows *r, uint16_t row)
{
    if (r->object && r->plan->per != PER_KEY) {
        return r->object;
    }
    struct address at = address_of(r, row);
    r->entry = state_find(r->op->state, at.hash, at.key, at.n);
    r->object = r->entry ? pointer_of(state_value(r->entry)) : NULL;
    return r->object;
}

void *per_make(struct per_rows *r, uint16_t row)
{
    struct address at = address_of(r, row);
    bool is_new;
    r->object = r->plan->def->make(r->plan->plan, hash_stable(at.key, at.n, r->plan->seed));
    r->entry = state_insert(r->op->state, at.hash, at.key, at.n, sizeof(r->object), &is_new);
    memcpy(state_value(r->entry), &r->object, sizeof(r->object));
    return r->object;
}

void per_touch(struct per_rows *r)
{
    state_touch(r->op->state, r->entry);
}

struct visit {
    void (*visit)(void *ctx, void *object);
    void *ctx;
};

static int visit_entry(void *ctx, struct state_entry *entry)
{
    const struct visit *v = ctx;
    v->visit(v->ctx, pointer_of(state_value(entry)));
    return 0;
}

int per_each(struct op *op, void (*visit)(void *ctx, void *object), void *ctx)
{
    struct visit v = {visit, ctx};
    return state_each(op->state, visit_entry, &v);
}
