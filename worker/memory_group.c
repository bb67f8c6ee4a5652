/* Groups of the log in memory: partition p of every topic goes to member p mod members, hence
 * co-partitioned topics stay together. A member follows in its own poll(): it first gives up what
 * is no longer its own, then takes what nobody holds; a partition that its old owner still holds is
 * looked for again. One that the group has thrown out hears of it in its next poll, and may not
 * commit until then.
 *
 * As with a broker, what is given together comes together, once the committed offsets of all of it
 * are decided. Else a task could begin with a part of its inputs: a stream without its table.
 */

#include "engine/memory.h"
#include "worker/memory_log_impl.h"

#include <string.h>

struct claim *memory_claim_new(struct group *g, struct topic *t, int32_t partition)
{
    g->claim = mem_resize(g->claim, (size_t)g->nclaims + 1, sizeof *g->claim);
    g->claim[g->nclaims] = (struct claim){t, partition, NULL, OFFSET_NONE, NULL};
    return &g->claim[g->nclaims++];
}

static void follow_topics(struct memory_log *l)
{
    for (int i = 0; l->topics[i]; i++) {
        struct topic *t = memory_topic(l->broker, l->topics[i], 0);
        for (int32_t p = 0; t && p < t->npartitions; p++) {
            if (!memory_claim(l->group, t, p)) {
                memory_claim_new(l->group, t, p);
            }
        }
    }
}

static bool is_mine(const struct memory_log *l, const struct claim *c)
{
    bool subscribed = false;
    for (int i = 0; l->topics[i]; i++) {
        subscribed |= strcmp(l->topics[i], c->topic->name) == 0;
    }
    return subscribed && l->group->member[c->partition % l->group->nmembers] == l;
}

static void give_up(struct memory_log *l, bool all)
{
    struct log_position *gone = mem_array((size_t)l->nheld + 1, sizeof *gone);
    size_t n = 0;
    for (int i = 0; i < l->nheld; i++) {
        const struct claim *c = memory_claim(l->group, l->held[i].topic, l->held[i].partition);
        if (c && (all || !is_mine(l, c))) {
            gone[n++] = (struct log_position){.topic = c->topic->name, .partition = c->partition};
        }
    }
    if (n == 0) {
        mem_free(gone);
        return;
    }
    pthread_mutex_unlock(&l->broker->mutex);
    l->ev.revoked(l->ev.ctx, gone, n, l->is_evicted);
    pthread_mutex_lock(&l->broker->mutex);
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < l->nheld; k++) {
            if (l->held[k].partition == gone[i].partition &&
                strcmp(l->held[k].topic->name, gone[i].topic) == 0) {
                struct claim *c = memory_claim(l->group, l->held[k].topic, l->held[k].partition);
                if (c && c->owner == l) {
                    c->owner = NULL;
                }
                l->held[k--] = l->held[--l->nheld];
            }
        }
    }
    mem_free(gone);
    pthread_cond_broadcast(&l->broker->change);
}

/* The offset of something that is free for this member is on its way. */
static bool is_held_back(const struct memory_log *l)
{
    for (int i = 0; i < l->group->nclaims; i++) {
        const struct claim *c = &l->group->claim[i];
        if (is_mine(l, c) && !c->owner &&
            memory_is_undecided(l->broker, l->group, c->topic, c->partition)) {
            return true;
        }
    }
    return false;
}

static void take_over(struct memory_log *l)
{
    if (is_held_back(l)) {
        l->generation = -1; /* look again */
        return;
    }
    struct log_position *got = mem_array((size_t)l->group->nclaims + 1, sizeof *got);
    size_t n = 0;
    for (int i = 0; i < l->group->nclaims; i++) {
        struct claim *c = &l->group->claim[i];
        if (!is_mine(l, c) || c->owner == l) {
            continue;
        }
        if (c->owner) {
            l->generation = -1; /* not let go yet: look again */
            continue;
        }
        c->owner = l;
        got[n++] = (struct log_position){c->topic->name, c->partition, c->committed, c->metadata};
    }
    if (n == 0) {
        mem_free(got);
        return;
    }
    pthread_mutex_unlock(&l->broker->mutex);
    l->ev.assigned(l->ev.ctx, got, n);
    pthread_mutex_lock(&l->broker->mutex);
    for (size_t i = 0; i < n; i++) {
        struct topic *t = memory_topic(l->broker, got[i].topic, 0);
        if (!t) {
            continue;
        }
        int64_t begin = got[i].offset;
        if (begin == OFFSET_NONE) {
            begin = l->cfg.from_latest ? t->partition[got[i].partition].next : 0;
        }
        l->held = mem_resize(l->held, (size_t)l->nheld + 1, sizeof *l->held);
        l->held[l->nheld++] = (struct held){t, got[i].partition, begin, false};
    }
    mem_free(got);
}

static void change(struct memory_log *l)
{
    l->group->generation++;
    pthread_cond_broadcast(&l->broker->change);
}

void memory_join(struct memory_log *l)
{
    struct group *g = l->group;
    g->member = mem_resize(g->member, (size_t)g->nmembers + 1, sizeof(void *));
    g->member[g->nmembers++] = l;
    change(l);
}

void memory_follow_group(struct memory_log *l)
{
    if (l->is_evicted) { /* now it hears of it, and joins anew */
        give_up(l, true);
        l->is_evicted = false;
        l->generation = -1;
        memory_join(l);
    }
    while (l->topics && l->group && l->generation != l->group->generation) {
        l->generation = l->group->generation;
        follow_topics(l);
        give_up(l, false);
        if (l->is_evicted) {
            return;
        }
        take_over(l);
        if (l->generation == -1) {
            return;
        }
    }
}

static void remove_member(struct memory_log *l)
{
    struct group *g = l->group;
    for (int i = 0; i < g->nmembers; i++) {
        if (g->member[i] == l) {
            memmove(&g->member[i], &g->member[i + 1],
                    (size_t)(g->nmembers - i - 1) * sizeof(void *));
            g->nmembers--;
            break;
        }
    }
    change(l);
}

void memory_leave(struct memory_log *l)
{
    give_up(l, true);
    remove_member(l);
}

void memory_log_evict(struct log *log)
{
    struct memory_log *l = (struct memory_log *)log;
    pthread_mutex_lock(&l->broker->mutex);
    for (int i = 0; l->topics && i < l->group->nclaims; i++) {
        struct claim *c = &l->group->claim[i];
        c->owner = c->owner == l ? NULL : c->owner;
    }
    if (l->topics && !l->is_evicted) {
        l->is_evicted = true;
        remove_member(l);
    }
    pthread_mutex_unlock(&l->broker->mutex);
}
