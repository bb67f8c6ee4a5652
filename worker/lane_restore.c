/* The state of a lane's tasks: restored from changelogs, or from what lies on disk and the rest of
 * them; and how checkpoints on disk learn how old they are.
 *
 *   open       disk ─ task_take_disk() ─ does its mark fit? ─ task_attach() ─ changelog from there
 *                                          no ─> removed, and the changelog from its beginning
 *   commit     every MARK_MS: where does the changelog end? ─ flush ─ transaction ─ disk, with mark
 *
 * When a mark fits: checkpoint_fit.c. What turns out to be damaged while the task opens is removed
 * as well, and the task begins again.
 *
 * A standby copy (standby.c) is such a checkpoint, a few changes old; in memory it is the task's
 * stores themselves, which are taken over as they are.
 *
 * Changelogs are read in slices, between which the lane's other tasks have their turn and the lane
 * polls, so that it stays a member however long it takes. Between two slices member.task is NULL,
 * as before it was built: what is half restored is in member.restoring, and nobody else sees it.
 *
 *   begin   disk or standby copy: what is there, and where it ends   ── no such thing: from 0
 *   slice   changelog of store 0, 1 ... from there; each to the end that it had at its beginning
 *   end     what was read is on disk, with its mark; the task may be opened
 */
#include "engine/logger.h"
#include "engine/memory.h"
#include "worker/checkpoint_fit.h"
#include "worker/lane_impl.h"
#include "worker/standby.h"

#include <stdio.h>

#define MARK_MS       5000
#define MARKS_MOST_MS 50 /* of one commit: each store of each task is a request */
#define IDLE_MS       (10 * 60000)
#define ASK_MS        2000

#define HOLD_EVERY  4096 /* changes */
#define CLOCK_EVERY 64
#define TELL_MS     10000

static const char *changelog(const struct lane *l, const struct member *m, int store)
{
    return l->cfg.plan->subplan[m->subplan].store[store].changelog;
}

static void tell_progress(struct restoring *x, const struct record *r, int64_t now)
{
    if (now - x->told_at >= TELL_MS) {
        x->told_at = now;
        logger(LOG_LEVEL_INFO, "restoring %s partition %d: %llu changes so far, in %.1f s",
               r->topic, r->partition, (unsigned long long)x->changes,
               (double)(now - x->begun_at) / 1000);
    }
}

/* lane_config.slice: of so many changes, for tests. */
static bool is_slice_over(struct restoring *x, const struct record *r)
{
    if (x->lane->cfg.slice > 0) {
        return ++x->slice % x->lane->cfg.slice == 0;
    }
    if (x->changes % CLOCK_EVERY != 0) {
        return false;
    }
    int64_t now = lane_now(x->lane);
    tell_progress(x, r, now);
    return now >= x->until;
}

static int restore_record(void *ctx, const struct record *r)
{
    struct restoring *x = ctx;
    int result = ++x->changes % HOLD_EVERY == 0 ? lane_hold_memory(x->lane, x->e) : 0;
    result = result < 0 ? result : task_restore(x->task, x->store, r, x->e);
    return result < 0 ? result : is_slice_over(x, r);
}

static int learn_record(void *ctx, const struct record *r)
{
    struct restoring *x = ctx;
    return task_learn(x->task, x->store, r, x->e);
}

/* One changelog, from m->next on. A value whose layout has not come yet: it is looked for in all of
 * the changelog, and the restore, which may repeat itself, begins again. */
static int read_changelog(struct lane *l, struct member *m, struct restoring *x, struct err *e)
{
    const char *topic = changelog(l, m, x->store);
    int64_t *next = &m->next[x->store], ignored;
    int r = l->log->ops->read_all(l->log, topic, m->partition, *next, restore_record, x, next, e);
    if (r >= 0 || !task_is_puzzled(x->task, x->store)) {
        return r;
    }
    err_clear(e);
    r = l->log->ops->read_all(l->log, topic, m->partition, 0, learn_record, x, &ignored, e);
    if (r < 0) {
        return r;
    }
    task_has_learned(x->task, x->store);
    x->changes = 0;
    *next = x->from[x->store];
    return 1;
}

static void tell_end(const struct lane *l, const struct member *m, const struct restoring *x)
{
    bool is_rest = x->what && x->from[x->store] > 0;
    if (is_rest || x->changes > 0) {
        logger(LOG_LEVEL_INFO, "restored %s partition %d: %llu change%s%s%s, %.2f s",
               changelog(l, m, x->store), m->partition, (unsigned long long)x->changes,
               x->changes == 1 ? "" : "s", is_rest ? " since its " : "", is_rest ? x->what : "",
               (double)(lane_now(l) - x->begun_at) / 1000);
    }
}

static void begin_changelog(const struct lane *l, struct member *m, struct restoring *x)
{
    x->is_begun = true;
    x->changes = 0;
    x->begun_at = x->told_at = lane_now(l);
    m->next[x->store] = x->from[x->store];
}

/* What is left of the changelogs, a slice of it: 1 when there is more. */
static int read_changelogs(struct lane *l, struct member *m, struct err *e)
{
    struct restoring *x = &m->restoring;
    x->e = e;
    for (; x->store < l->cfg.plan->subplan[m->subplan].nstores; x->store++) {
        if (!x->is_begun) {
            begin_changelog(l, m, x);
        }
        int r = read_changelog(l, m, x, e);
        if (r != 0) {
            return r;
        }
        tell_end(l, m, x);
        x->is_begun = false;
    }
    return 0;
}

/* ---- the checkpoint ---- */

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
    int r = checkpoint_fit(l->log, &l->cfg.plan->subplan[m->subplan], m->partition, found,
                           task_mark(m->task), m->disk, clock_now(l->cfg.clock), &why, e);
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

/* ---- the whole of it ---- */

/* from: where what is there ends, `what` it is; NULL: nothing is. */
static void begin_reading(struct lane *l, struct member *m, const int64_t *from, const char *what)
{
    struct restoring *x = &m->restoring;
    size_t n = l->cfg.plan->subplan[m->subplan].nstores;
    int64_t *copy = mem_array(n + 1, sizeof *copy);
    for (size_t i = 0; i < n; i++) {
        copy[i] = from ? from[i] : 0;
    }
    *x = (struct restoring){.lane = l, .task = m->task, .what = what, .from = copy};
}

static void end_reading(struct member *m)
{
    mem_free(m->restoring.from);
    m->restoring = (struct restoring){0};
}

static int begin_without_copy(struct lane *l, struct member *m, struct err *e)
{
    int r = 0;
    if (!l->cfg.open_disk || l->cfg.plan->subplan[m->subplan].nstores == 0) {
        begin_reading(l, m, NULL, NULL);
        return 0;
    }
    for (int tries = 0; tries < 2; tries++) {
        r = open_disk(l, m, e);
        if (r == 0 && !m->disk) {
            begin_reading(l, m, NULL, NULL);
            return 0;
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
    if (r == 0) {
        begin_reading(l, m, task_mark(m->task)->next, "checkpoint");
    }
    return r;
}

static int begin(struct lane *l, struct member *m, struct err *e)
{
    struct task *copy = NULL;
    if (l->cfg.standby) {
        copy = standby_take(l->cfg.standby, l, m->subplan, m->partition, m->next);
    }
    if (!copy) {
        return begin_without_copy(l, m, e);
    }
    m->disk = task_take_state(m->task, copy);
    task_free(copy);
    begin_reading(l, m, m->next, "standby copy");
    m->restoring.is_copy = true;
    return 0;
}

/* The changelogs do not go on from the standby copy, so it is left. */
static int leave_copy(struct lane *l, struct member *m, struct err *e)
{
    logger(LOG_LEVEL_WARN, "the standby copy of %s partition %d is not used (%s)",
           changelog(l, m, 0), m->partition, e->text);
    err_clear(e);
    lane_close_member(l, m);
    int r = lane_new_task(l, m, e);
    return r < 0 ? r : begin_without_copy(l, m, e);
}

static int end(struct lane *l, struct member *m, struct err *e)
{
    end_reading(m);
    if (!m->disk) {
        return 0;
    }
    m->marked_at = lane_now(l);
    m->is_unmarked = false;
    return task_restored(m->task, m->next, e);
}

int lane_restore(struct lane *l, struct member *m, int64_t until, struct err *e)
{
    struct restoring *x = &m->restoring;
    int r = 0;
    if (x->task) {
        m->task = x->task;
    } else {
        r = begin(l, m, e);
    }
    x->until = until;
    r = r < 0 ? r : read_changelogs(l, m, e);
    if (r == -ERR_DATA && x->is_copy) {
        r = leave_copy(l, m, e);
        x->until = until;
        r = r < 0 ? r : read_changelogs(l, m, e);
    }
    if (r > 0) {
        m->task = NULL;
    }
    return r == 0 ? end(l, m, e) : r;
}

bool lane_is_restoring(const struct lane *l)
{
    for (int i = 0; i < l->nmembers; i++) {
        if (l->member[i]->restoring.task) {
            return true;
        }
    }
    return false;
}

void lane_give_back(struct lane *l, const struct member *m)
{
    if (l->cfg.standby) {
        standby_give_back(l->cfg.standby, l, m->subplan, m->partition);
    }
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
