/* A task's local checkpoint: its stores over a disk, and the mark that says how old that is.
 *
 *   mark    form, 1 byte | fingerprint, 8 | time | stores | per store: offset         (varints)
 *
 *   offset       everything below it in the changelog is on this disk: it is where a restore goes
 *                on. It may be too low, for values are absolute: reading some twice does no harm
 *   time         when that was so; too long ago, and deletions may be gone from the changelog
 *   fingerprint  of all that gives the bytes their meaning: the changelogs, which topics these are,
 *                versions and layouts of the stores
 *
 * Without a mark, or with one that does not fit, everything on the disk is removed first and comes
 * back from the changelog. While a changelog is restored each batch has a mark of how far that is,
 * so that a restore that is cut off goes on from there; its time is when the restore began, for a
 * deletion that stood in the changelog then may still be ahead. Later a mark is written with the
 * batch behind a commit: the lane asks for the end of the changelog between two commits, when
 * nothing of the next is on its way, and the commit that then succeeds proves that the task was
 * still its own. What the mark covers was on disk before, or is in the same batch.
 */
#include "engine/hash.h"
#include "engine/memory.h"
#include "engine/task_internal.h"

#include <string.h>

#define MARK_FORM 1

static struct state *state_of(const struct task *t, uint16_t store)
{
    return t->spot[t->spot_of[t->subplan->store[store].vertex]].op.state;
}

static const struct state_codec *codec_of(const struct node *n)
{
    return n->def->state_codec ? n->def->state_codec(n) : NULL;
}

static uint64_t fingerprint(const struct task *t, uint64_t identity)
{
    for (uint16_t i = 0; i < t->subplan->nstores; i++) {
        const struct plan_store *s = &t->subplan->store[i];
        const struct spot *p = &t->spot[t->spot_of[s->vertex]];
        identity = hash_stable(s->changelog, strlen(s->changelog), identity);
        identity = hash_mix(identity, p->layout);
        identity = hash_mix(identity, p->op.node->def->state_version);
        const struct state_codec *codec = codec_of(p->op.node);
        identity = codec && codec->form ? hash_mix(identity, codec->form(codec->ctx)) : identity;
    }
    return identity;
}

uint16_t task_lazy_stores(const struct plan *p, uint16_t subplan)
{
    uint16_t n = 0;
    for (uint16_t i = 0; i < p->subplan[subplan].nstores; i++) {
        const struct node *node = p->vertex[p->subplan[subplan].store[i].vertex]->node;
        n = (uint16_t)(n + (node->def->lazy && node->def->lazy(node)));
    }
    return n;
}

/* ---- the mark ---- */

static void write_mark(const struct task_mark *m, struct buffer *out)
{
    buffer_byte(out, MARK_FORM);
    buffer_add(out, &m->fingerprint, sizeof m->fingerprint);
    buffer_varint(out, m->time);
    buffer_varint(out, m->n);
    for (uint16_t i = 0; i < m->n; i++) {
        buffer_varint(out, m->next[i]);
    }
}

/* What stands behind the time, or NULL. */
static const uint8_t *parse_head(const struct buffer *b, struct task_mark *m)
{
    const uint8_t *p = (const uint8_t *)b->data;
    if (b->n < 1 + sizeof m->fingerprint || *p++ != MARK_FORM) {
        return NULL;
    }
    memcpy(&m->fingerprint, p, sizeof m->fingerprint);
    return varint_read(p + sizeof m->fingerprint, (const uint8_t *)b->data + b->n, &m->time);
}

static bool parse_mark(const struct buffer *b, struct task_mark *m)
{
    const uint8_t *p = parse_head(b, m), *end = (const uint8_t *)b->data + b->n;
    int64_t n = -1;
    p = p ? varint_read(p, end, &n) : NULL;
    if (!p || n != m->n) {
        return false;
    }
    for (uint16_t i = 0; i < m->n && p; i++) {
        p = varint_read(p, end, &m->next[i]);
    }
    return p == end;
}

static void put_mark(struct task *t)
{
    struct buffer value;
    buffer_init(&value);
    write_mark(&t->mark, &value);
    t->disk->ops->put(t->disk, STATE_DISK_MARK, "", 0, value.data, value.n);
    buffer_done(&value);
    t->has_mark = false;
}

int64_t task_mark_time(struct state_disk *d)
{
    struct task_mark m = {0};
    struct buffer value;
    buffer_init(&value);
    bool is_there = d->ops->get(d, STATE_DISK_MARK, "", 0, &value) > 0 && parse_head(&value, &m);
    buffer_done(&value);
    return is_there ? m.time : 0;
}

static int stop_at(void *ctx, const void *key, size_t key_n, const void *value, size_t value_n)
{
    (void)ctx;
    (void)key;
    (void)key_n;
    (void)value;
    (void)value_n;
    return 1;
}

static bool is_empty(struct task *t)
{
    int found = 0;
    for (uint16_t i = 0; i < t->subplan->nstores && found == 0; i++) {
        found = t->disk->ops->each(t->disk, i, "", 0, 0, stop_at, NULL);
    }
    return found == 0;
}

int task_take_disk(struct task *t, struct state_disk *d, uint64_t identity)
{
    t->disk = d;
    t->mark.n = t->subplan->nstores;
    t->mark.next = arena_zalloc(&t->mem, t->mark.n * sizeof *t->mark.next + 1);
    t->mark.fingerprint = fingerprint(t, identity);
    struct task_mark found = {.n = t->mark.n};
    found.next = arena_zalloc(&t->mem, found.n * sizeof *found.next + 1);
    struct buffer value;
    buffer_init(&value);
    int status = d->ops->get(d, STATE_DISK_MARK, "", 0, &value);
    if (status > 0) {
        bool fits = parse_mark(&value, &found) && found.fingerprint == t->mark.fingerprint;
        status = fits ? CHECKPOINT_THERE : CHECKPOINT_OTHER;
        t->mark.time = found.time;
        memcpy(t->mark.next, found.next, found.n * sizeof *found.next);
    } else if (status == 0) {
        status = is_empty(t) ? CHECKPOINT_NONE : CHECKPOINT_UNMARKED;
    }
    buffer_done(&value);
    return status;
}

const struct task_mark *task_mark(const struct task *t)
{
    return &t->mark;
}

int task_drop_checkpoint(struct task *t, struct err *e)
{
    t->mark.time = 0;
    memset(t->mark.next, 0, t->mark.n * sizeof *t->mark.next);
    return t->disk->ops->clear(t->disk, e);
}

/* ---- restoring ---- */

int task_attach(struct task *t)
{
    int status = 0;
    t->mark.time = t->mark.time ? t->mark.time : clock_now(t->env.clock);
    for (uint16_t i = 0; i < t->subplan->nstores && status == 0; i++) {
        const struct node *n = t->plan->vertex[t->subplan->store[i].vertex]->node;
        status = state_attach(state_of(t, i), t->disk, i, n->def->lazy && n->def->lazy(n));
    }
    return status;
}

/* What only a restore takes up has to be met by the next one, too. */
static void unmark_stale(struct task *t)
{
    for (uint16_t i = 0; i < t->mark.n; i++) {
        t->mark.next[i] = state_is_stale(state_of(t, i)) ? 0 : t->mark.next[i];
    }
}

int checkpoint_settle(struct task *t, uint64_t most_bytes, struct err *e)
{
    if (t->unsettled <= most_bytes) {
        return 0;
    }
    t->unsettled = 0;
    unmark_stale(t);
    put_mark(t);
    int status = t->disk->ops->write(t->disk, clock_now(t->env.clock), e);
    for (uint16_t i = 0; i < t->subplan->nstores && status == 0; i++) {
        state_committed(state_of(t, i));
    }
    return status;
}

int task_restored(struct task *t, const int64_t *next, struct err *e)
{
    return task_copied(t, next, clock_now(t->env.clock), e);
}

/* ---- copying ---- */

int task_copied(struct task *t, const int64_t *next, int64_t time, struct err *e)
{
    int status = checkpoint_settle(t, 0, e);
    task_set_mark(t, next);
    t->mark.time = time;
    unmark_stale(t);
    return status < 0 ? status : task_write_checkpoint(t, e);
}

struct state_disk *task_take_state(struct task *t, struct task *copy)
{
    for (uint16_t i = 0; i < t->subplan->nstores; i++) {
        struct op *to = &t->spot[t->spot_of[t->subplan->store[i].vertex]].op;
        struct op *from = &copy->spot[t->spot_of[t->subplan->store[i].vertex]].op;
        struct state *own = to->state;
        to->state = from->state;
        from->state = own;
    }
    if (copy->disk) {
        size_t n = copy->mark.n * sizeof *copy->mark.next;
        t->disk = copy->disk;
        t->mark = copy->mark;
        t->mark.next = arena_alloc(&t->mem, n + 1);
        memcpy(t->mark.next, copy->mark.next, n);
        copy->disk = NULL;
    }
    return t->disk;
}

/* ---- committing ---- */

void task_set_mark(struct task *t, const int64_t *next)
{
    t->mark.time = clock_now(t->env.clock);
    memcpy(t->mark.next, next, t->mark.n * sizeof *t->mark.next);
    t->has_mark = true;
}

struct putting {
    struct state_disk *disk;
    uint16_t store;
};

static void give_again(void *ctx, const void *key, uint32_t key_n, const void *value,
                       size_t value_n)
{
    const struct putting *p = ctx;
    p->disk->ops->again(p->disk, p->store, key, key_n, value, value_n);
}

/* A slice for a log that is written anew: the stores are as of the batch. */
static void give_slice(struct task *t)
{
    struct state_rewrite *r = t->disk->ops->rewrite ? t->disk->ops->rewrite(t->disk) : NULL;
    bool is_through = r != NULL;
    while (is_through && r->store < t->subplan->nstores) {
        struct putting p = {t->disk, r->store};
        is_through = state_walk(state_of(t, r->store), &r->walk, r->bytes, give_again, &p);
        if (is_through) {
            r->walk = (struct state_walk){0};
            r->store++;
        }
    }
    if (is_through) {
        put_mark(t);
        r->is_whole = true;
    }
}

int task_write_checkpoint(struct task *t, struct err *e)
{
    if (!t->disk) {
        return 0;
    }
    if (t->has_mark) {
        put_mark(t);
    }
    give_slice(t);
    return t->disk->ops->write(t->disk, clock_now(t->env.clock), e);
}

int checkpoint_refuse(struct task *t)
{
    err_clear(&t->failure);
    return err_set(&t->failure, ERR_ABORT, "the local state cannot be read (%s)", t->disk->why);
}
