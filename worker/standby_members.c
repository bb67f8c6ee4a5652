/* Rendezvous hashing: each process that does not own the task draws a number from the hash of the
 * task's name and its own, and the n highest keep copies.
 *
 *     number(process) = hash(changelog, partition, process)
 *
 * When a process comes or goes, only copies that it wins or had move. The owner is left out, so it
 * gets a copy to keep only once the task has moved away from it.
 */
#include "worker/standby_members.h"

#include "engine/hash.h"
#include "engine/memory.h"

#include <string.h>

void standby_members_done(struct standby_members *m)
{
    for (size_t i = 0; i < m->n; i++) {
        mem_free(m->process[i]);
    }
    for (size_t i = 0; i < m->nowned; i++) {
        mem_free(m->owned[i].topic);
    }
    mem_free(m->process);
    mem_free(m->owned);
    *m = (struct standby_members){0};
}

static size_t process_of(struct standby_members *m, const char *instance)
{
    const char *dash = instance ? strrchr(instance, '-') : NULL;
    char *name = dash ? mem_strndup(instance, (size_t)(dash - instance))
                      : mem_strdup(instance ? instance : "");
    for (size_t i = 0; i < m->n; i++) {
        if (strcmp(m->process[i], name) == 0) {
            mem_free(name);
            return i;
        }
    }
    m->process = mem_resize(m->process, m->n + 1, sizeof *m->process);
    m->process[m->n] = name;
    return m->n++;
}

void standby_members_add(void *ctx, const struct log_member *member)
{
    struct standby_members *m = ctx;
    size_t process = process_of(m, member->instance);
    m->owned = mem_resize(m->owned, m->nowned + member->n + 1, sizeof *m->owned);
    for (size_t i = 0; i < member->n; i++) {
        m->owned[m->nowned++] = (struct owned_partition){mem_strdup(member->owned[i].topic),
                                                         member->owned[i].partition, process};
    }
}

static bool reads(const struct plan *plan, const struct subplan *s, const char *topic)
{
    for (uint16_t i = 0; i < s->nsources; i++) {
        const struct plan_source *src = plan->source[s->source[i]];
        for (int k = 0; k < src->ntopics; k++) {
            if (strcmp(src->topic[k], topic) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Number of the process that has the task; m->n: none. */
static size_t owner_of(const struct standby_members *m, const struct plan *plan, uint16_t subplan,
                       int32_t partition)
{
    for (size_t i = 0; i < m->nowned; i++) {
        if (m->owned[i].partition == partition &&
            reads(plan, &plan->subplan[subplan], m->owned[i].topic)) {
            return m->owned[i].process;
        }
    }
    return m->n;
}

static uint64_t number(const struct plan *plan, uint16_t subplan, int32_t partition,
                       const char *process)
{
    const char *changelog = plan->subplan[subplan].store[0].changelog;
    uint64_t task = hash_stable(changelog, strlen(changelog), (uint64_t)partition);
    return hash_mix(hash_stable(process, strlen(process), task), task);
}

bool standby_members_want(const struct standby_members *m, const char *me, const struct plan *plan,
                          uint16_t subplan, int32_t partition, int64_t n)
{
    size_t owner = owner_of(m, plan, subplan, partition);
    uint64_t mine = number(plan, subplan, partition, me);
    int64_t before = 0;
    bool is_member = false;
    for (size_t i = 0; i < m->n; i++) {
        bool is_me = strcmp(m->process[i], me) == 0;
        if (i == owner) {
            if (is_me) {
                return false;
            }
            continue;
        }
        uint64_t other = number(plan, subplan, partition, m->process[i]);
        is_member |= is_me;
        before += !is_me && (other > mine || (other == mine && strcmp(m->process[i], me) > 0));
    }
    return is_member && before < n;
}
