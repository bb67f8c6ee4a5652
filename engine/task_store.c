/* Stores of a task: changes to the changelog, and back again.
 *
 *   value of a changelog record     version, 2 bytes | layout, 4 bytes | what the step saved
 *
 *   version    of the step's code (state_version)
 *   layout     hash of what gives the bytes their meaning: key columns, and the step's own words
 *              (layout.h), such as the size of its windows and the arguments of its aggregates
 *
 * Beside the values stand the layouts that they have (task_layout.c). A value of another layout
 * than that of now was saved by another topology: when it migrates (migration.c) it is read as one
 * of now, and stays as it is in the changelog until it changes, so that values of several layouts
 * stand side by side. When it does not, that is no damage: who changed the topology must decide, so
 * the error is one of configuration and nothing is tried again. An entry that should fit and cannot
 * be read is damaged: no second try will read it either, so it ends the task like a bad record.
 *
 * With a local checkpoint (task_checkpoint.c) the same changes go into the disk's batch, without
 * that head, and to the disk once the transaction has committed.
 */
#include "engine/logger.h"
#include "engine/task_internal.h"

#include <inttypes.h>
#include <stdio.h>

#define HEAD_BYTES   6
#define SETTLE_BYTES (8U << 20)

static struct spot *spot_of_store(struct task *t, const struct plan_store *s)
{
    return &t->spot[t->spot_of[s->vertex]];
}

static void put_head(struct buffer *b, uint16_t version, uint32_t layout)
{
    const uint8_t head[HEAD_BYTES] = {(uint8_t)version,        (uint8_t)(version >> 8),
                                      (uint8_t)layout,         (uint8_t)(layout >> 8),
                                      (uint8_t)(layout >> 16), (uint8_t)(layout >> 24)};
    buffer_add(b, head, sizeof head);
}

struct changelog {
    struct task *t;
    uint16_t store;
    const char *topic;
    struct spot *spot;
    struct err *e;
};

static int send_change(void *ctx, const void *key, uint32_t key_n, const void *value,
                       size_t value_n)
{
    const struct changelog *c = ctx;
    struct buffer *bytes = &c->spot->bytes;
    struct buffer room;
    buffer_init(&room);
    struct record r = {.topic = c->topic,
                       .partition = c->t->partition,
                       .offset = -1,
                       .timestamp = clock_now(c->t->env.clock),
                       .key_n = key_n};
    r.key = changelog_key(key, &r.key_n, &room);
    int status = value ? layouts_send(c->t, c->spot, c->topic, c->e) : 0;
    if (value) {
        buffer_clear(bytes);
        put_head(bytes, c->spot->op.node->def->state_version, c->spot->layout);
        buffer_add(bytes, value, value_n);
        r.value = bytes->data;
        r.value_n = bytes->n;
    }
    if (c->t->disk) {
        c->t->disk->ops->put(c->t->disk, c->store, key, key_n, value, value_n);
    }
    status = status < 0 ? status : c->t->env.produce(c->t->env.ctx, &r, 1, c->e);
    buffer_done(&room);
    return status;
}

int store_flush(struct task *t, uint16_t store, struct err *e)
{
    const struct plan_store *s = &t->subplan->store[store];
    struct changelog c = {t, store, s->changelog, spot_of_store(t, s), e};
    const struct layouts *l = c.spot->layouts;
    int status = l->known && !l->is_written ? layouts_send(t, c.spot, c.topic, e) : 0;
    return status < 0 ? status : state_changes(c.spot->op.state, send_change, &c);
}

void stores_trim(struct task *t)
{
    for (uint16_t i = 0; t->disk && i < t->subplan->nstores; i++) {
        state_trim(spot_of_store(t, &t->subplan->store[i])->op.state);
    }
}

static int refuse(const struct task *t, const struct spot *p, const struct plan_store *s,
                  const char *why, const char *undo, struct err *e)
{
    return err_set(e, ERR_CONFIG,
                   "topology %s, stream %s, step `%s` (%s): the state in changelog topic %s %s. "
                   "%s; or " MIGRATION_REMEDY,
                   t->plan->topology->name, p->vertex->stream, p->op.node->def->name,
                   p->op.node->path, s->changelog, why, undo);
}

static int damaged(const struct task *t, const struct spot *p, const struct plan_store *s,
                   const struct record *r, struct err *e)
{
    return err_set(e, ERR_DATA,
                   "topology %s, stream %s, step `%s`: changelog topic %s partition %d offset "
                   "%" PRId64 ": damaged entry. To go on without this state, " MIGRATION_REMEDY,
                   t->plan->topology->name, p->vertex->stream, p->op.node->def->name, s->changelog,
                   r->partition, r->offset);
}

void store_blame(const struct task *t, const struct spot *p, struct err *e)
{
    for (uint16_t i = 0; i < t->subplan->nstores; i++) {
        if (&t->spot[t->spot_of[t->subplan->store[i].vertex]] == p) {
            err_prefix(e, "changelog topic %s partition %d", t->subplan->store[i].changelog,
                       t->partition);
        }
    }
}

/* ---- restoring ---- */

/* Once per layout: what becomes of its values. */
static void tell(const struct task *t, const struct spot *p, struct known_layout *k)
{
    if (!k->is_told) {
        k->is_told = true;
        logger(
            LOG_LEVEL_WARN,
            "topology %s, stream %s, step `%s` (%s), partition %d: state of other aggregates goes "
            "on: %s",
            t->plan->topology->name, p->vertex->stream, p->op.node->def->name, p->op.node->path,
            t->partition, k->why);
    }
}

/* The layout of now for a value of another: its bytes are then in p->bytes. */
static int migrate(struct task *t, struct spot *p, const struct plan_store *s,
                   const struct record *r, uint32_t hash, struct err *e)
{
    struct known_layout *k = layouts_find(p->layouts, hash);
    if (!k || k->fate != LAYOUT_MIGRATES) {
        bool may_yet = !k || k->fate == LAYOUT_SPENT;
        p->layouts->is_puzzled = may_yet && !p->layouts->has_learned;
        return refuse(t, p, s,
                      k ? k->why : "was saved by other settings of the step, or under another key",
                      "Undo the change", e);
    }
    tell(t, p, k);
    buffer_clear(&p->bytes);
    const uint8_t *v = r->value;
    return migration_run(k->migration, v + HEAD_BYTES, r->value_n - HEAD_BYTES, &p->bytes) < 0
               ? damaged(t, p, s, r, e)
               : 0;
}

/* The saved value of a record that has one, as the store takes it. */
static int saved_value(struct task *t, struct spot *p, const struct plan_store *s,
                       const struct record *r, const void **saved, size_t *n, struct err *e)
{
    const uint8_t *v = r->value;
    if (r->value_n < HEAD_BYTES) {
        return damaged(t, p, s, r, e);
    }
    if ((v[0] | v[1] << 8) != p->op.node->def->state_version) {
        char why[100];
        snprintf(why, sizeof why, "was written by another version of klamm (form %d, this one: %d)",
                 v[0] | v[1] << 8, p->op.node->def->state_version);
        return refuse(t, p, s, why, "Run that version", e);
    }
    uint32_t layout = v[2] | (uint32_t)v[3] << 8 | (uint32_t)v[4] << 16 | (uint32_t)v[5] << 24;
    *saved = v + HEAD_BYTES;
    *n = r->value_n - HEAD_BYTES;
    if (layout != p->layout) {
        int status = migrate(t, p, s, r, layout, e);
        *saved = p->bytes.data;
        *n = p->bytes.n;
        return status;
    }
    return 0;
}

/* What a record of a changelog says goes where it is wanted. */
static int take_change(struct task *t, int store, const struct record *r,
                       int (*take)(struct task *t, uint16_t store, const void *key, size_t key_n,
                                   const void *saved, size_t n),
                       struct err *e)
{
    const struct plan_store *s = &t->subplan->store[store];
    struct spot *p = spot_of_store(t, s);
    if (changelog_is_layout(r)) {
        return layouts_learn(t, p, r) < 0 ? damaged(t, p, s, r, e) : 0;
    }
    struct buffer room;
    buffer_init(&room);
    size_t key_n = r->key_n, n = 0;
    const void *key = changelog_store_key(r->key, &key_n, &room), *saved = NULL;
    int status = !key && r->key ? damaged(t, p, s, r, e)
                 : r->value     ? saved_value(t, p, s, r, &saved, &n, e)
                                : 0;
    if (status == 0 && take(t, (uint16_t)store, key, key_n, saved, n) < 0) {
        status = damaged(t, p, s, r, e);
    }
    buffer_done(&room);
    return status;
}

static int to_disk(struct task *t, uint16_t store, const void *key, size_t key_n, const void *saved,
                   size_t n)
{
    t->disk->ops->put(t->disk, store, key, key_n, saved, n);
    return 0;
}

/* The disk gets the bytes as they came: nothing is saved anew, nor kept in a list until then. */
static int to_store(struct task *t, uint16_t store, const void *key, size_t key_n,
                    const void *saved, size_t n)
{
    struct state *s = spot_of_store(t, &t->subplan->store[store])->op.state;
    int status = state_restore(s, key, (uint32_t)key_n, saved, n);
    if (status == 0 && t->disk) {
        t->unsettled += key_n + n;
        to_disk(t, store, key, key_n, saved, n);
    }
    return status;
}

int task_restore(struct task *t, int store, const struct record *r, struct err *e)
{
    int status = take_change(t, store, r, to_store, e);
    if (status == 0 && t->disk) {
        t->mark.next[store] = r->offset + 1;
    }
    return status < 0 ? status : checkpoint_settle(t, SETTLE_BYTES, e);
}

/* The store only learns whether it is of use. */
static int to_copy(struct task *t, uint16_t store, const void *key, size_t key_n, const void *saved,
                   size_t n)
{
    struct spot *p = spot_of_store(t, &t->subplan->store[store]);
    const struct step_def *def = p->op.node->def;
    const struct state_codec *codec = def->state_codec ? def->state_codec(p->op.node) : NULL;
    if (saved && codec && codec->form && codec->loaded_size(codec->ctx, saved, n) == 0) {
        state_set_stale(p->op.state);
    }
    return to_disk(t, store, key, key_n, saved, n);
}

int task_copy(struct task *t, int store, const struct record *r, struct err *e)
{
    return take_change(t, store, r, to_copy, e);
}

bool task_is_puzzled(const struct task *t, int store)
{
    return t->spot[t->spot_of[t->subplan->store[store].vertex]].layouts->is_puzzled;
}

int task_learn(struct task *t, int store, const struct record *r, struct err *e)
{
    const struct plan_store *s = &t->subplan->store[store];
    struct spot *p = spot_of_store(t, s);
    bool is_bad = changelog_is_layout(r) && layouts_learn(t, p, r) < 0;
    return is_bad ? damaged(t, p, s, r, e) : 0;
}

void task_has_learned(struct task *t, int store)
{
    struct layouts *l = spot_of_store(t, &t->subplan->store[store])->layouts;
    l->has_learned = true;
    l->is_puzzled = false;
    layouts_connect(t, l);
}
