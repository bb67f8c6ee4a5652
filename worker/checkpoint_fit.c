/* A mark does not fit when the changelog is another topic or that of other settings, ends before
 * the mark, begins behind it, or when it is older than half of the time for which a changelog keeps
 * deletions: a key that was deleted since might come back. One from the future was written by a
 * clock that was set back since, and may be of any age.
 */
#include "worker/checkpoint_fit.h"

#define BOUNDS_MS  10000
#define AHEAD_MOST (CHECKPOINT_AGE_MOST / 12)

static int find_misfit(struct log *log, const struct subplan *s, int32_t partition,
                       const struct task_mark *mark, int64_t now, const char **why, struct err *e)
{
    int r = 0;
    *why = now - mark->time > CHECKPOINT_AGE_MOST ? "it is too old"
           : mark->time - now > AHEAD_MOST ? "the clock was set back since, so its age is not known"
                                           : NULL;
    for (int i = 0; i < mark->n && !*why && r == 0; i++) {
        const char *changelog = s->store[i].changelog;
        int64_t begin, end, written = 0;
        r = log->ops->bounds(log, changelog, partition, &begin, &end, BOUNDS_MS, e);
        r = r < 0 ? r : log->ops->written(log, changelog, partition, &written, BOUNDS_MS, e);
        if (r == 0 && (mark->next[i] < begin || mark->next[i] > written)) {
            *why = "the changelog has other offsets";
        }
    }
    return r;
}

int checkpoint_fit(struct log *log, const struct subplan *s, int32_t partition, int found,
                   const struct task_mark *mark, const struct state_disk *disk, int64_t now,
                   const char **why, struct err *e)
{
    *why = NULL;
    if (found < 0) {
        *why = disk->why;
    } else if (found == CHECKPOINT_OTHER) {
        *why = "it is of other settings, or of another changelog";
    } else if (found == CHECKPOINT_UNMARKED) {
        *why = "it has no mark of how far it goes";
    } else if (found == CHECKPOINT_THERE) {
        return find_misfit(log, s, partition, mark, now, why, e);
    }
    return 0;
}
