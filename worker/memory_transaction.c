/* Transactions of the log in memory, as Kafka's coordinator keeps them: per transactional id,
 * whichever handle has it.
 *
 *   IDLE ── produce ──> OPEN ── commit or abort ──> DECIDED ── a marker in each partition ──> IDLE
 *
 *   open       records have their offsets, but readers stop before the first of them: a partition
 *              is stable up to there
 *   marker     takes an offset of its own; what was aborted leaves a gap. Offsets of a group are
 *              undecided until theirs is written, and their partitions are given to nobody
 *   epoch      goes up when another handle takes the id, and when a transaction has lasted too
 *              long: who has an older one is fenced
 *
 * Markers are written at once, unless the broker is told to delay them: then one at a time, in any
 * order, as a simulation asks for them. All functions are called with the mutex held.
 */
#include "engine/memory.h"
#include "worker/memory_log_impl.h"

#include <string.h>

struct producer *memory_producer(struct memory_broker *b, const char *id)
{
    for (int i = 0; i < b->nproducers; i++) {
        if (strcmp(b->producer[i]->id, id) == 0) {
            return b->producer[i];
        }
    }
    struct producer *x = mem_zalloc(sizeof *x);
    x->id = mem_strdup(id);
    b->producer = mem_resize(b->producer, (size_t)b->nproducers + 1, sizeof(void *));
    b->producer[b->nproducers++] = x;
    return x;
}

void memory_touch(struct producer *x, struct topic *t, int32_t partition)
{
    x->stage = PRODUCER_OPEN;
    for (size_t i = x->ntouched; i-- > 0;) {
        if (x->touched[i].topic == t && x->touched[i].partition == partition) {
            return;
        }
    }
    x->touched = mem_resize(x->touched, x->ntouched + 1, sizeof *x->touched);
    x->touched[x->ntouched++] = (struct touched){t, partition};
}

static void forget_offers(struct producer *x)
{
    for (size_t i = 0; i < x->noffers; i++) {
        mem_free(x->offer[i].metadata);
    }
    x->noffers = 0;
}

void memory_offer(struct producer *x, struct group *g, struct topic *t,
                  const struct log_position *p)
{
    x->stage = PRODUCER_OPEN;
    x->offer = mem_resize(x->offer, x->noffers + 1, sizeof *x->offer);
    x->offer[x->noffers++] =
        (struct offer){g, t, p->partition, p->offset, p->metadata ? mem_strdup(p->metadata) : NULL};
}

bool memory_is_undecided(const struct memory_broker *b, const struct group *g,
                         const struct topic *t, int32_t partition)
{
    for (int i = 0; i < b->nproducers; i++) {
        for (size_t k = 0; k < b->producer[i]->noffers; k++) {
            const struct offer *o = &b->producer[i]->offer[k];
            if (o->group == g && o->topic == t && o->partition == partition) {
                return true;
            }
        }
    }
    return false;
}

void memory_store_offset(struct group *g, struct topic *t, int32_t partition, int64_t offset,
                         const char *metadata)
{
    struct claim *c = memory_claim(g, t, partition);
    c = c ? c : memory_claim_new(g, t, partition);
    c->committed = offset;
    mem_free(c->metadata);
    c->metadata = metadata ? mem_strdup(metadata) : NULL;
}

static void mark_offsets(struct producer *x)
{
    for (size_t i = 0; i < x->noffers && x->commits; i++) {
        const struct offer *o = &x->offer[i];
        memory_store_offset(o->group, o->topic, o->partition, o->offset, o->metadata);
    }
    forget_offers(x);
}

static void mark_partition(struct producer *x, struct partition *p)
{
    size_t n = memory_find(p, p->stable);
    for (size_t i = n; i < p->n; i++) {
        struct kept *k = p->record[i];
        bool is_ours = k->producer == x;
        if (is_ours && !x->commits) {
            mem_free(k);
            continue;
        }
        k->producer = is_ours ? NULL : k->producer;
        p->record[n++] = k;
    }
    p->n = n;
    p->next++;
    size_t at = memory_find(p, p->stable);
    while (at < p->n && !p->record[at]->producer) {
        at++;
    }
    p->stable = at < p->n ? p->record[at]->offset : p->next;
}

/* Writes one marker. */
static void mark(struct producer *x, size_t which)
{
    if (which == x->ntouched) {
        mark_offsets(x);
    } else {
        struct touched t = x->touched[which];
        x->touched[which] = x->touched[--x->ntouched];
        mark_partition(x, &t.topic->partition[t.partition]);
    }
    if (x->ntouched == 0 && x->noffers == 0) {
        x->stage = PRODUCER_IDLE;
    }
}

void memory_finish(struct producer *x)
{
    while (x->stage == PRODUCER_DECIDED) {
        mark(x, 0);
    }
}

void memory_decide(struct memory_broker *b, struct producer *x, bool commits)
{
    if (x->stage != PRODUCER_OPEN) {
        return;
    }
    x->commits = commits;
    x->stage = x->ntouched + x->noffers > 0 ? PRODUCER_DECIDED : PRODUCER_IDLE;
    if (!b->delays_markers) {
        memory_finish(x);
    }
    pthread_cond_broadcast(&b->change);
}

void memory_fence(struct memory_broker *b, struct producer *x)
{
    x->epoch++;
    memory_decide(b, x, false);
    memory_finish(x);
}

void memory_producers_free(struct memory_broker *b)
{
    for (int i = 0; i < b->nproducers; i++) {
        struct producer *x = b->producer[i];
        forget_offers(x);
        mem_free(x->offer);
        mem_free(x->touched);
        mem_free(x->id);
        mem_free(x);
    }
    mem_free(b->producer);
}

/* ---- what a simulation does to the broker ---- */

void memory_broker_delay_markers(struct memory_broker *b)
{
    b->delays_markers = true;
}

bool memory_broker_write_marker(struct memory_broker *b, uint32_t which)
{
    size_t n = 0;
    pthread_mutex_lock(&b->mutex);
    for (int i = 0; i < b->nproducers; i++) {
        const struct producer *x = b->producer[i];
        n += x->stage == PRODUCER_DECIDED ? x->ntouched + (x->noffers > 0) : 0;
    }
    size_t left = n ? which % n : 0;
    for (int i = 0; n > 0 && i < b->nproducers; i++) {
        struct producer *x = b->producer[i];
        size_t own = x->stage == PRODUCER_DECIDED ? x->ntouched + (x->noffers > 0) : 0;
        if (left < own) {
            mark(x, left);
            break;
        }
        left -= own;
    }
    pthread_cond_broadcast(&b->change);
    pthread_mutex_unlock(&b->mutex);
    return n > 0;
}

void memory_log_expire(struct log *log)
{
    struct memory_log *l = (struct memory_log *)log;
    pthread_mutex_lock(&l->broker->mutex);
    if (l->producer && l->epoch == l->producer->epoch && l->producer->stage == PRODUCER_OPEN) {
        memory_fence(l->broker, l->producer);
    }
    pthread_mutex_unlock(&l->broker->mutex);
}
