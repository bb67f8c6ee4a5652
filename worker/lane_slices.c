/* Tasks that are behind: a watermark closes so much that it goes in slices (engine/task_slice.c).
 *
 *   poll ── push ── slices of the tasks that are behind, for SLICES_MS ── tick ── commit, when due
 *
 * The lane goes on polling, and committing what the slices have done. A task that is behind for
 * longer than that gets no records: its partitions are paused. While the producer has much on its
 * way no slice runs, and less when a commit is due, which would wait for it: so does the lane, but
 * in poll.
 */
#include "worker/lane_impl.h"

#include <string.h>

#ifdef KLAMM_SMALL
#define SLICES_MS 0 /* one */
#else
#define SLICES_MS 10
#endif
#define UNSENT_MOST   20000
#define UNSENT_COMMIT 1000
#define COMMIT_LATEST 5000

bool position_is_behind(const char *metadata)
{
    size_t n = metadata ? strlen(metadata) : 0, tail = strlen(POSITION_BEHIND);
    return n >= tail && strcmp(metadata + n - tail, POSITION_BEHIND) == 0;
}

bool lane_is_behind(const struct lane *l)
{
    for (int i = 0; i < l->nmembers; i++) {
        if (l->member[i]->task && task_is_behind(l->member[i]->task)) {
            return true;
        }
    }
    return false;
}

bool lane_is_clogged(struct lane *l)
{
    int64_t since = lane_now(l) - l->last_commit;
    bool is_due = since >= l->cfg.plan->topology->commit_interval;
    return l->log->ops->unsent && since < COMMIT_LATEST &&
           l->log->ops->unsent(l->log) > (is_due ? UNSENT_COMMIT : UNSENT_MOST);
}

/* The next task that is behind; NULL: none. They take turns. */
static struct task *next_behind(struct lane *l)
{
    for (int i = 0; i < l->nmembers; i++) {
        int at = ++l->last_sliced % l->nmembers;
        l->last_sliced = at;
        if (l->member[at]->task && task_is_behind(l->member[at]->task)) {
            return l->member[at]->task;
        }
    }
    return NULL;
}

/* Partitions of tasks that are behind rest, unless others have paused them. */
static int rest(struct lane *l)
{
    int result = 0;
    for (int i = 0; i < l->nroutes && result == 0; i++) {
        struct route *r = &l->route[i];
        bool rests = r->member->task && task_is_behind(r->member->task);
        if (rests != r->rests) {
            r->rests = rests;
            if (!r->is_paused && !r->waiting.is_full) {
                result = (rests ? l->log->ops->pause : l->log->ops->resume)(l->log, r->topic,
                                                                            r->partition);
            }
        }
    }
    return result;
}

int lane_go_on(struct lane *l, struct err *e)
{
    int64_t begin = lane_now(l);
    struct task *t = next_behind(l);
    int r = 0;
    while (r == 0 && t && !lane_is_clogged(l)) {
        r = task_go_on(t, e);
        t = lane_now(l) - begin < SLICES_MS ? next_behind(l) : NULL;
    }
    return r < 0 ? r : rest(l);
}

/* ---- how long the lane was away from poll ---------------------------------------------------- */

void lane_gap_begin(struct lane *l)
{
    l->polled_ns = clock_monotonic_ns();
}

void lane_gap_end(struct lane *l)
{
    int64_t gap = l->polled_ns > 0 ? clock_monotonic_ns() - l->polled_ns : 0;
    bool is_behind = lane_is_behind(l);
    l->longest_gap = gap > l->longest_gap ? gap : l->longest_gap;
    if ((is_behind || l->was_behind) && gap > l->longest_behind) {
        l->longest_behind = gap;
    }
    l->was_behind = is_behind;
}
