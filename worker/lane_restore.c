/* The state of a lane's tasks: restored from changelogs, or from what lies on disk and the rest of
 * them; and how checkpoints on disk learn how old they are.
 *
 *   open       disk ─ task_take_disk() ─ does its mark fit? ─ task_attach() ─ changelog from there
 *                                          no ─> removed, and the changelog from its beginning
 *   commit     every MARK_MS: where does the changelog end? ─ flush ─ transaction ─ disk, with mark
 *
 * A mark does not fit when the changelog is another topic or that of other settings, ends before the
 * mark, begins behind it, or when it is older than half of the time for which a changelog keeps
 * deletions: a key that was deleted since might come back. What turns out to be damaged while the
 * task opens is removed as well, and the task begins again.
 */
#include "engine/logger.h"
#include "engine/memory.h"
#include "worker/disks.h"
#include "worker/lane_impl.h"

#include <stdio.h>

#define MARK_MS       5000
#define MARKS_MOST_MS 50 /* of one commit: each store of each task is a request */
#define IDLE_MS       (10 * 60000)
#define ASK_MS        2000

#define HOLD_EVERY 4096 /* changes */

struct restoring {
    struct lane *lane;
    struct task *task;
    int store;
    struct err *e;
    uint64_t n;
};

static int restore_record(void *ctx, const struct record *r)
{
    struct restoring *x = ctx;
    int result = ++x->n % HOLD_EVERY == 0 ? lane_hold_memory(x->lane, x->e) : 0;
    return result < 0 ? result : task_restore(x->task, x->store, r, x->e);
}

static const char *changelog(const struct lane *l, const struct member *m, int store)
{
    return l->cfg.plan->subplan[m->subplan].store[store].changelog;
}

static int learn_record(void *ctx, const struct record *r)
{
    struct restoring *x = ctx;
    return task_learn(x->task, x->store, r, x->e);
}

/* One changelog. A value whose layout has not come yet: it is looked for in all of the changelog,
 * and the restore, which may repeat itself, begins again. */
static int read_changelog(struct lane *l, struct member *m, struct restoring *x, int64_t from,
                          struct err *e)
{
    const char *topic = changelog(l, m, x->store);
    int64_t *next = &m->next[x->store];
    int r = l->log->ops->read_all(l->log, topic, m->partition, from, restore_record, x, next, e);
    if (r == 0 || !task_is_puzzled(m->task, x->store)) {
        return r;
    }
    err_clear(e);
    r = l->log->ops->read_all(l->log, topic, m->partition, 0, learn_record, x, next, e);
    if (r < 0) {
        return r;
    }
    task_has_learned(m->task, x->store);
    x->n = 0;
    return l->log->ops->read_all(l->log, topic, m->partition, from, restore_record, x, next, e);
}

static int read_changelogs(struct lane *l, struct member *m, const int64_t *from, struct err *e)
{
    int r = 0;
    for (int i = 0; r == 0 && i < l->cfg.plan->subplan[m->subplan].nstores; i++) {
        struct restoring x = {l, m->task, i, e, 0};
        r = read_changelog(l, m, &x, from ? from[i] : 0, e);
        if (r == 0 && from && from[i] > 0) {
            logger(LOG_LEVEL_INFO, "restored %s partition %d: %llu change%s since its checkpoint",
                   changelog(l, m, i), m->partition, (unsigned long long)x.n, x.n == 1 ? "" : "s");
        } else if (r == 0 && x.n > 0) {
            logger(LOG_LEVEL_INFO, "restored %s partition %d: %llu change%s", changelog(l, m, i),
                   m->partition, (unsigned long long)x.n, x.n == 1 ? "" : "s");
        }
    }
    return r;
}

/* ---- the checkpoint ---- */

/* Why a checkpoint of the right kind cannot be used, or NULL. */
static int find_misfit(struct lane *l, const struct member *m, const char **why, struct err *e)
{
    const struct task_mark *mark = task_mark(m->task);
    int r = 0;
    *why = lane_now(l) - mark->time > CHECKPOINT_AGE_MOST ? "it is too old" : NULL;
    for (int i = 0; i < mark->n && !*why && r == 0; i++) {
        int64_t begin, end, written = 0;
        r = l->log->ops->bounds(l->log, changelog(l, m, i), m->partition, &begin, &end, BOUNDS_MS,
                                e);
        r = r < 0 ? r
                  : l->log->ops->written(l->log, changelog(l, m, i), m->partition, &written,
                                         BOUNDS_MS, e);
        if (r == 0 && (mark->next[i] < begin || mark->next[i] > written)) {
            *why = "the changelog has other offsets";
        }
    }
    return r;
}

static int judge(struct lane *l, struct member *m, int found, const char **why, struct err *e)
{
    *why = NULL;
    if (found < 0) {
        *why = m->disk->why;
    } else if (found == CHECKPOINT_OTHER) {
        *why = "it is of other settings, or of another changelog";
    } else if (found == CHECKPOINT_CUT) {
        *why = "a restore was cut off";
    } else if (found == CHECKPOINT_THERE) {
        return find_misfit(l, m, why, e);
    }
    return 0;
}

static void name_of(const struct lane *l, const struct member *m, char *name, size_t size)
{
    snprintf(name, size, "%s-%d", changelog(l, m, 0), m->partition);
}

static int open_disk(struct lane *l, struct member *m, struct err *e)
{
    char name[600];
    name_of(l, m, name, sizeof name);
    return l->cfg.open_disk(l->cfg.ctx, name, task_lazy_stores(l->cfg.plan, m->subplan), &m->disk,
                            e);
}

void lane_close_disk(struct lane *l, struct member *m)
{
    if (m->disk) {
        l->cfg.close_disk(l->cfg.ctx, m->disk);
        m->disk = NULL;
    }
}

/* Stands the task over its disk; what is of no use there goes. */
static int take_checkpoint(struct lane *l, struct member *m, struct err *e)
{
    char name[600];
    const char *why;
    name_of(l, m, name, sizeof name);
    int found = task_take_disk(m->task, m->disk, l->cfg.identity ? l->cfg.identity[m->subplan] : 0);
    int r = judge(l, m, found, &why, e);
    if (r == 0 && why) {
        logger(LOG_LEVEL_WARN,
               "the local state of %s is not used (%s): it comes back from its changelog", name,
               why);
        m->disk->failed = 0;
        r = task_drop_checkpoint(m->task, e);
    }
    r = r < 0 ? r : task_attach(m->task);
    return r < 0 ? r : lane_hold_memory(l, e);
}

/* The disk could not be read to its end: it is empty when it is opened again. */
static int begin_again(struct lane *l, struct member *m, struct err *e)
{
    logger(LOG_LEVEL_WARN,
           "the local state of %s partition %d is damaged (%s): it comes back from "
           "the changelog",
           changelog(l, m, 0), m->partition, m->disk->why);
    err_clear(e);
    lane_close_member(l, m);
    return lane_new_task(l, m, e);
}

int lane_restore(struct lane *l, struct member *m, struct err *e)
{
    if (!l->cfg.open_disk || l->cfg.plan->subplan[m->subplan].nstores == 0) {
        return read_changelogs(l, m, NULL, e);
    }
    int r = 0;
    for (int tries = 0; tries < 2; tries++) {
        r = open_disk(l, m, e);
        if (r == 0 && !m->disk) {
            return read_changelogs(l, m, NULL, e);
        }
        r = r < 0 ? r : take_checkpoint(l, m, e);
        if (!m->disk || !m->disk->failed || tries == 1) {
            break;
        }
        r = begin_again(l, m, e);
        if (r < 0) {
            return r;
        }
    }
    r = r < 0 ? r : read_changelogs(l, m, task_mark(m->task)->next, e);
    r = r < 0 ? r : task_restored(m->task, m->next, e);
    m->marked_at = lane_now(l);
    m->is_unmarked = false;
    return r;
}

/* ---- marks ---- */

static bool is_due(const struct lane *l, const struct member *m, bool at_end)
{
    int64_t since = lane_now(l) - m->marked_at;
    if (!m->task || !m->disk) {
        return false;
    }
    return (m->is_unmarked && (at_end || since >= MARK_MS)) || since >= IDLE_MS;
}

/* Members take turns. One that gets no answer ends the round: a broker that is away would cost
 * ASK_MS each. */
bool lane_mark(struct lane *l, bool at_end)
{
    bool is_marked = false;
    int64_t begin = lane_now(l);
    int r = 0;
    for (int i = 0; i < l->nmembers && r == 0; i++) {
        if (!at_end && lane_now(l) - begin >= MARKS_MOST_MS) {
            break;
        }
        l->last_marked = (l->last_marked + 1) % l->nmembers;
        struct member *m = l->member[l->last_marked];
        struct err ignored = {0}; /* the next commit asks again */
        if (!is_due(l, m, at_end)) {
            continue;
        }
        for (int k = 0; k < l->cfg.plan->subplan[m->subplan].nstores && r == 0; k++) {
            r = l->log->ops->written(l->log, changelog(l, m, k), m->partition, &m->next[k], ASK_MS,
                                     &ignored);
        }
        m->marked_at = lane_now(l);
        if (r == 0) {
            task_set_mark(m->task, m->next);
            m->is_unmarked = false;
            is_marked = true;
        }
    }
    return is_marked;
}

int lane_write_checkpoint(struct member *m, struct err *e)
{
    m->is_unmarked |= task_dirty(m->task);
    return task_write_checkpoint(m->task, e);
}
