/* One standby copy: from opening to letting go.
 *
 *   over a disk   records go to the disk as they are, past the stores, in write batches that end with
 *                 the mark; it is the checkpoint that the lane then opens
 *   in memory     records are restored into the stores of a task that is never opened, and, as a
 *                 lane's, saved in its file; the lane gets stores and file as they are
 *
 *   time of the mark   everything that the changelogs held then is copied. So where the broker says that
 *                      they end is noted together with the time at which it was asked, and counts once the
 *                      copy is there
 *
 * What takes long, asking the broker or a schema registry, happens without the mutex: a lane that
 * takes the task meanwhile finds the copy in OPENING and lets it go.
 */
#include "engine/logger.h"
#include "engine/memory.h"
#include "worker/checkpoint_fit.h"
#include "worker/standby_impl.h"

#include <stdio.h>
#include <string.h>

#define ASK_MS       2000
#define ASK_EVERY_MS 5000

static const char *changelog(const struct standby *s, const struct copy *c, int store)
{
    return copy_subplan(s, c)->store[store].changelog;
}

static int32_t count_tasks(void *ctx, uint16_t subplan)
{
    return ((const struct standby *)ctx)->cfg.tasks[subplan];
}

void copy_let_go(struct standby *s, struct copy *c)
{
    if (c->task) {
        task_free(c->task);
        c->task = NULL;
    }
    if (c->disk) {
        s->cfg.close_disk(s->cfg.ctx, c->disk);
        c->disk = NULL;
    }
    c->status = COPY_NONE;
    c->unwritten = 0;
    c->behind = 0;
}

/* ---- opening ---- */

/* With the mutex: what lies on disk; its mark goes to c->next. */
static int take_disk(struct standby *s, struct copy *c, struct err *e)
{
    char name[600];
    snprintf(name, sizeof name, "%s-%d", changelog(s, c, 0), c->partition);
    int r = s->cfg.open_disk(s->cfg.ctx, name, 0, &c->disk, e);
    if (r < 0 || !c->disk) {
        return r < 0 ? r : CHECKPOINT_NONE;
    }
    int found = task_take_disk(c->task, c->disk, s->cfg.identity ? s->cfg.identity[c->subplan] : 0);
    c->caught_at = task_mark(c->task)->time;
    memcpy(c->next, task_mark(c->task)->next, task_mark(c->task)->n * sizeof *c->next);
    return found < 0 ? CHECKPOINT_OTHER : found; /* either way it is removed */
}

static int begin_copy(struct standby *s, struct copy *c, struct task *t, struct err *e)
{
    size_t nstores = copy_subplan(s, c)->nstores;
    c->task = t;
    c->status = COPY_OPENING;
    c->changes = 0;
    c->was_complete = false;
    c->asked_at = c->asked_next = 0;
    memset(c->next, 0, nstores * sizeof *c->next);
    return s->cfg.open_disk ? take_disk(s, c, e) : CHECKPOINT_NONE;
}

/* With the mutex: the copy goes on from there, or from nothing. */
static int settle(struct standby *s, struct copy *c, int found, const char *why, struct err *e)
{
    int r = 0;
    if (why) {
        logger(LOG_LEVEL_INFO, "the standby copy of %s partition %d begins anew (%s)",
               changelog(s, c, 0), c->partition, why);
        c->disk->failed = 0;
        r = task_drop_checkpoint(c->task, e);
        memset(c->next, 0, copy_subplan(s, c)->nstores * sizeof *c->next);
    }
    if (why || found != CHECKPOINT_THERE) {
        c->caught_at = clock_now(s->cfg.clock);
    }
    if (r == 0 && c->disk && c->disk->ops->is_log && task_attach(c->task) < 0) {
        r = err_set(e, ERR_RETRY, "%s", c->disk->why);
    }
    c->status = COPY_LIVE;
    return r;
}

static int follow_changelogs(struct standby *s, struct copy *c, struct err *e)
{
    int r = 0;
    for (int i = 0; i < copy_subplan(s, c)->nstores && r == 0; i++) {
        r = s->log->ops->follow(s->log, changelog(s, c, i), c->partition, c->next[i], e);
        c->is_followed[i] = r == 0;
    }
    return r;
}

int copy_open(struct standby *s, struct copy *c, struct err *e)
{
    struct task_env env = {.ctx = s,
                           .clock = s->cfg.clock,
                           .schemas = s->cfg.schemas,
                           .batch_rows = 1,
                           .tasks = count_tasks};
    struct task *t;
    const char *why = NULL;
    int r = task_new(&t, s->cfg.plan, c->subplan, c->partition, &env, e);
    if (r < 0) {
        return r;
    }
    pthread_mutex_lock(&s->mutex);
    if (c->lane) {
        pthread_mutex_unlock(&s->mutex);
        task_free(t);
        return 0;
    }
    int found = begin_copy(s, c, t, e);
    size_t nstores = copy_subplan(s, c)->nstores;
    int64_t *next = mem_array(nstores, sizeof *next);
    memcpy(next, c->next, nstores * sizeof *next);
    struct task_mark mark = {.time = c->caught_at, .n = (uint16_t)nstores, .next = next};
    pthread_mutex_unlock(&s->mutex);

    r = found < 0 ? found
                  : checkpoint_fit(s->log, copy_subplan(s, c), c->partition, found, &mark, NULL,
                                   clock_now(s->cfg.clock), &why, e);
    mem_free(next);
    pthread_mutex_lock(&s->mutex);
    bool is_ours = c->status == COPY_OPENING;
    if (is_ours && r == 0) {
        r = settle(s, c, found, why, e);
        r = r < 0 ? r : follow_changelogs(s, c, e);
    }
    if (is_ours && r < 0) {
        copy_let_go(s, c);
    }
    pthread_mutex_unlock(&s->mutex);
    return is_ours ? r : 0;
}

/* ---- following ---- */

int copy_add(struct copy *c, int store, const struct record *r, struct err *e)
{
    if (r->offset < c->next[store]) {
        return err_set(e, ERR_DATA, "changelog %s partition %d begins anew", r->topic,
                       c->partition);
    }
    bool is_past = c->disk && !c->disk->ops->is_log; /* the stores */
    int status = is_past ? task_copy(c->task, store, r, e) : task_restore(c->task, store, r, e);
    if (status < 0) {
        return status;
    }
    c->next[store] = r->offset + 1;
    c->unwritten += r->key_n + r->value_n;
    c->changes++;
    return 0;
}

int copy_write(struct copy *c, struct err *e)
{
    c->unwritten = 0;
    return c->disk && c->status == COPY_LIVE ? task_copied(c->task, c->next, c->caught_at, e) : 0;
}

void copy_follow_positions(struct standby *s, struct copy *c)
{
    int64_t behind = 0;
    for (int i = 0; i < copy_subplan(s, c)->nstores; i++) {
        int64_t at;
        if (s->log->ops->position(s->log, changelog(s, c, i), c->partition, &at) == 0 &&
            at > c->next[i]) {
            c->next[i] = at;
        }
        behind += c->target[i] > c->next[i] ? c->target[i] - c->next[i] : 0;
    }
    if (c->asked_at == 0) {
        return;
    }
    c->behind = behind;
    if (behind > 0) {
        return;
    }
    c->caught_at = c->asked_at;
    c->asked_at = 0;
    if (!c->was_complete) {
        c->was_complete = true;
        logger(LOG_LEVEL_INFO, "standby copy of %s partition %d: complete, %llu change%s read",
               changelog(s, c, 0), c->partition, (unsigned long long)c->changes,
               c->changes == 1 ? "" : "s");
    }
}

int copy_ask(struct standby *s, struct copy *c, struct err *e)
{
    int64_t asked_at = clock_now(s->cfg.clock), begin;
    size_t nstores = copy_subplan(s, c)->nstores;
    int64_t *end = mem_array(nstores, sizeof *end);
    int r = 0;
    for (size_t i = 0; i < nstores && r == 0; i++) {
        r = s->log->ops->bounds(s->log, changelog(s, c, (int)i), c->partition, &begin, &end[i],
                                ASK_MS, e);
    }
    pthread_mutex_lock(&s->mutex);
    c->asked_next = clock_steady(s->cfg.clock) + ASK_EVERY_MS;
    if (r == 0 && c->status == COPY_LIVE) {
        memcpy(c->target, end, nstores * sizeof *end);
        c->asked_at = asked_at;
    }
    pthread_mutex_unlock(&s->mutex);
    mem_free(end);
    return r;
}
