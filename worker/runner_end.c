/* --until-end, level by level: once all that the outside topics held at the start is committed,
 * what stands in the internal topics behind them is final; and so on to the last level.
 */
#include "engine/memory.h"
#include "engine/trainer.h"
#include "worker/runner_impl.h"

#include <string.h>
#include <time.h>

#define ASK_MS    1000
#define SETTLE_MS 2000

/* Where a partition ends: an internal topic behind all that the level before has written there,
 * whose last transaction the broker may still be deciding. */
static int end_of(struct runner *r, const struct plan_source *s, const char *topic,
                  int32_t partition, int64_t *end, struct err *e)
{
    const struct log_ops *ops = r->client.log->ops;
    int64_t begin;
    int result = ops->bounds(r->client.log, topic, partition, &begin, end, ADMIN_MS, e);
    if (result == 0 && s->repartition >= 0) {
        result = ops->written(r->client.log, topic, partition, end, ADMIN_MS, e);
    }
    *end = result == 0 && begin == *end ? 0 : *end;
    return result;
}

/* Notes where the inputs of a level end now. */
static int find_targets(struct runner *r, int level, struct err *e)
{
    const struct plan *p = r->plan;
    r->ntargets = 0;
    mem_free(r->target);
    r->target = NULL;
    for (uint16_t i = 0; i < p->nsources; i++) {
        const struct plan_source *s = p->source[i];
        const struct subplan *reader = &p->subplan[p->vertex[s->vertex]->subplan];
        if (reader->level != level || reader->is_global) { /* global tables commit no offsets */
            continue;
        }
        for (int k = 0; k < s->ntopics; k++) {
            int32_t n = runner_partitions(r, s->topic[k], e);
            for (int32_t x = 0; x < n; x++) {
                int64_t end = 0;
                int result = end_of(r, s, s->topic[k], x, &end, e);
                if (result < 0) {
                    return result;
                }
                r->target = mem_resize(r->target, (size_t)r->ntargets + 1, sizeof *r->target);
                r->target[r->ntargets++] =
                    (struct target){s->topic[k], x, end, s->repartition >= 0};
            }
            if (n < 0) {
                return n;
            }
        }
    }
    return 0;
}

static bool targets_reached(const struct runner *r)
{
    for (int i = 0; i < r->ntargets; i++) {
        int64_t at = progress_get(r->progress, r->target[i].topic, r->target[i].partition);
        if (at < r->target[i].end && r->target[i].end > 0) {
            return false;
        }
    }
    return true;
}

/* Partitions of other processes: their progress is what the group has committed. */
static int ask_group(struct runner *r, struct err *e)
{
    int64_t now = clock_steady(&clock_system), soonest = r->ask_at;
    if (r->o.memory || now < soonest) {
        return 0;
    }
    r->ask_at = now + ASK_MS;
    if (soonest == 0) {
        return 0;
    }
    int result = 0;
    if (!r->group_log) {
        struct log_config cfg = {.group = r->topology->group, .property = r->client.property};
        result = client_log(&r->client, &r->group_log, &cfg, NULL, e);
    }
    struct log_position *p = mem_array((size_t)r->ntargets + 1, sizeof *p);
    for (int i = 0; i < r->ntargets; i++) {
        p[i] =
            (struct log_position){.topic = r->target[i].topic, .partition = r->target[i].partition};
    }
    if (result == 0 && r->ntargets > 0) {
        result = r->group_log->ops->committed(r->group_log, p, (size_t)r->ntargets, ASK_MS, e);
    }
    for (int i = 0; result == 0 && i < r->ntargets; i++) {
        if (p[i].offset > progress_get(r->progress, p[i].topic, p[i].partition) &&
            !position_is_behind(p[i].metadata)) {
            progress_set(r->progress, p[i].topic, p[i].partition, p[i].offset);
        }
    }
    mem_free(p);
    if (result == -ERR_RETRY) { /* asked again in a second */
        err_clear(e);
        result = 0;
    }
    return result;
}

/* A sub-plan that feeds itself moves the ends of its internal topics: 1 when one did. */
static int follow_targets(struct runner *r, struct err *e)
{
    int moved = 0;
    for (int i = 0; i < r->ntargets; i++) {
        struct target *t = &r->target[i];
        int64_t end = t->end;
        int result = !t->is_internal ? 0
                                     : r->client.log->ops->written(r->client.log, t->topic,
                                                                   t->partition, &end, ADMIN_MS, e);
        if (result < 0) {
            return result;
        }
        moved |= end > t->end;
        t->end = end > t->end ? end : t->end;
    }
    return moved;
}

/* Of rows that made them due: their models go in with a commit of their own. */
static bool is_training(const struct runner *r)
{
    const struct trainer *t = r->o.trainer;
    return t && t->under_way && t->under_way(t) > 0;
}

/* 1 when the end of the input is reached. */
int runner_at_end(struct runner *r, struct err *e)
{
    for (int i = 0; i < r->nfeeders; i++) {
        if (feeder_status(r->feeder[i]) == 0) {
            return 0;
        }
    }
    int last = 0;
    for (uint16_t i = 0; i < r->plan->nsubplans; i++) {
        last = r->plan->subplan[i].level > last ? r->plan->subplan[i].level : last;
    }
    while (r->level < 0 || targets_reached(r)) {
        int result = r->level < 0 ? 0 : follow_targets(r, e);
        if (result != 0 || r->level == last) {
            return result < 0 ? result : result == 0 && !is_training(r);
        }
        result = find_targets(r, ++r->level, e);
        if (result < 0) {
            return result;
        }
    }
    return ask_group(r, e);
}

/* 1 once readers of committed records see everything that stands in the partition now. */
static int is_decided(struct runner *r, const char *topic, int32_t partition, int64_t deadline)
{
    const struct log_ops *ops = r->client.log->ops;
    struct err e = {0};
    int64_t begin, end = 0, written = 0;
    int result = ops->written(r->client.log, topic, partition, &written, SETTLE_MS, &e);
    while (result == 0 && end < written && clock_monotonic_ns() < deadline) {
        result = ops->bounds(r->client.log, topic, partition, &begin, &end, SETTLE_MS, &e);
        if (result == 0 && end < written) {
            nanosleep(&(struct timespec){0, 2000000}, NULL);
        }
    }
    return result == 0 && end >= written;
}

void runner_settle(struct runner *r)
{
    int64_t deadline = clock_monotonic_ns() + SETTLE_MS * 1000000LL;
    struct err e = {0};
    bool goes_on = !r->o.memory;
    for (uint16_t i = 0; i < r->plan->nsinks && goes_on; i++) {
        const struct plan_sink *k = r->plan->sink[i];
        int32_t n = k->repartition ? 0 : runner_partitions(r, k->topic, &e);
        goes_on = n >= 0;
        for (int32_t x = 0; x < n && goes_on; x++) {
            goes_on = is_decided(r, k->topic, x, deadline);
        }
    }
}
