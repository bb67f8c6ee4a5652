/* Stores of a task: changes to the changelog, and back again.
 *
 *   value of a changelog record     version, 2 bytes | layout, 4 bytes | what the step saved
 *
 *   version    of the step's code (state_version)
 *   layout     hash of what gives the bytes their meaning: key columns, and the step's own words
 *              (state_layout), such as the size of its windows and the arguments of its aggregates
 *
 * An entry with another one of these was saved by another topology, and is no damage: who changed
 * the topology must decide, so the error is one of configuration and nothing is tried again. An
 * entry that should fit and cannot be read is damaged: no second try will read it either, so it
 * ends the task like a bad record.
 *
 * With a local checkpoint (task_checkpoint.c) the same changes go into the disk's batch, without that
 * head, and to the disk once the transaction has committed.
 */
#include "engine/hash.h"
#include "engine/task_internal.h"

#include <inttypes.h>
#include <stdio.h>

#define HEAD_BYTES   6
#define SETTLE_BYTES (8U << 20)

static struct spot *spot_of_store(struct task *t, const struct plan_store *s)
{
    return &t->spot[t->spot_of[s->vertex]];
}

static void add_key(struct buffer *words, const struct schema *in)
{
    for (uint16_t i = 0; i < in->nkey; i++) {
        const struct column *key = &in->col[in->key[i]];
        buffer_printf(words, "key %s ", key->name);
        type_print(words, key->type);
        buffer_byte(words, '\n');
    }
}

uint32_t store_layout(const struct node *n)
{
    struct buffer words;
    buffer_init(&words);
    buffer_printf(&words, "%s\n", n->def->name);
    for (uint16_t i = 0; i < n->ninputs && !n->keyless && !n->single_partition; i++) {
        add_key(&words, n->in[i]);
    }
    if (n->def->state_layout) {
        n->def->state_layout(n, &words);
    }
    uint32_t layout = (uint32_t)hash_stable(words.data, words.n, 0);
    buffer_done(&words);
    return layout;
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
    struct record r = {.topic = c->topic,
                       .partition = c->t->partition,
                       .offset = -1,
                       .timestamp = clock_now(c->t->env.clock),
                       .key = key,
                       .key_n = key_n};
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
    return c->t->env.produce(c->t->env.ctx, &r, 1, c->e);
}

int store_flush(struct task *t, uint16_t store, struct err *e)
{
    const struct plan_store *s = &t->subplan->store[store];
    struct changelog c = {t, store, s->changelog, spot_of_store(t, s), e};
    return state_changes(c.spot->op.state, send_change, &c);
}

#define REMEDY                                                                                     \
    "give the topology or the stream another name, so that it begins anew; or reset it as "        \
    "docs/operations.md tells"

static int refuse(const struct task *t, const struct spot *p, const struct plan_store *s,
                  const char *why, const char *undo, struct err *e)
{
    return err_set(e, ERR_CONFIG,
                   "topology %s, stream %s, step `%s` (%s): the state in changelog topic %s %s. "
                   "%s; or " REMEDY,
                   t->plan->topology->name, p->vertex->stream, p->op.node->def->name,
                   p->op.node->path, s->changelog, why, undo);
}

static int damaged(const struct task *t, const struct spot *p, const struct plan_store *s,
                   const struct record *r, struct err *e)
{
    return err_set(e, ERR_DATA,
                   "topology %s, stream %s, step `%s`: changelog topic %s partition %d offset "
                   "%" PRId64 ": damaged entry. To go on without this state, " REMEDY,
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

int store_check(const struct task *t, int store, const struct record *r, const uint8_t **saved,
                size_t *n, struct err *e)
{
    const struct plan_store *s = &t->subplan->store[store];
    const struct spot *p = &t->spot[t->spot_of[s->vertex]];
    const uint8_t *v = r->value;
    *saved = NULL;
    *n = 0;
    if (!v) {
        return 0;
    }
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
    if (layout != p->layout) {
        return refuse(t, p, s, "was saved by other settings of the step, or under another key",
                      "Undo the change", e);
    }
    *saved = v + HEAD_BYTES;
    *n = r->value_n - HEAD_BYTES;
    return 0;
}

int task_restore(struct task *t, int store, const struct record *r, struct err *e)
{
    const struct plan_store *s = &t->subplan->store[store];
    const struct spot *p = spot_of_store(t, s);
    const uint8_t *saved;
    size_t n;
    int status = store_check(t, store, r, &saved, &n, e);
    if (status < 0) {
        return status;
    }
    status = state_restore(p->op.state, r->key, (uint32_t)r->key_n, saved, n);
    return status < 0 ? damaged(t, p, s, r, e)
                      : checkpoint_settle(t, (uint16_t)store, SETTLE_BYTES, e);
}
